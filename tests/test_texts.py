"""What is printed is printed once, as the plain call prints it: in the forward sweep of either mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from adcompile import CompileError, grad, jvp

X = np.array([0.5, 1.2, -0.7, 2.1])


@dataclass
class Pair:
    a: float
    b: list[float]


class Named:
    def __init__(self, v: Any) -> None:
        self.v = v

    def __repr__(self) -> str:
        return f"<{self.v:.2f}>"


def containers(x: Any) -> Any:
    d = {"a": x[0], "b": (x[1], [x, 2], "s"), 3: {}}
    print(d, [x[0]], (x[1],), sep="|", end="!\n")
    print(defaultdict(float, k=x[0]), Pair(x[0], [x[1]]), Named(x[2]), [Named(x[0])])
    print(*[x[0], x[1]], {"ok": True, "n": None}, not x[0])
    return d["a"] ** 2


def lists(x: Any) -> Any:
    out = []
    for v in x:
        out.append(v * v)
        print(len(out), out[-1])
    print(out)
    return sum(out)


def formats(x: Any) -> Any:
    s = x.sum()
    print(f"{s:.3f} {x} {s!r:>20} {[s, 1]!s:>30} {{}} {(s, {'k': s})}")
    print("%.3f|%5.1e|%-8s|%+d|%05.1f|100%%" % (s, s, "a", 3, s))  # noqa: UP031
    print("%r and %s" % ([s], (1, s)), "{} {:.2f}".format(s, s), str([s]), repr((s, "t")))  # noqa: UP031, UP032
    print(", ".join(f"{v:.2f}" for v in x), "-".join(["a", "b"]))
    return s * s


def computed_formats(x: Any) -> Any:
    for i, v in enumerate(x):
        print(f"{v:{i + 5}.{i + 1}f}|{i:0{3}d}|{v!s:>{8 + i}}|{[v]!r:<{25}}|")
    w = 7
    print(f"{f'{x[0]:.2f}':>{w}}|{x[0]:{w}.2e}")
    return x[0] ** 2


def choices(x: Any) -> Any:
    print("large" if x[0] > 1 else "small", f"{'+' if x[2] > 0 else '-'}", ("ok" if x[0] > 1 else f"{x[1]:.2f}") + "!")
    last = "none"
    for v in x:
        if v > 1:
            last = f"{v:.1f}"
        print(f"{v:.1f}" if v < 0 else "positive", last)
    assert x[0] > 0, "one" if x[1] > 0 else "both"
    return np.sum(x * x)


@pytest.mark.parametrize("f", [containers, lists, formats, computed_formats, choices])
def test_printed_once_as_by_the_plain_call(f: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    f(X)
    expected = capsys.readouterr().out
    grad(f)(X)
    assert capsys.readouterr().out == expected
    jvp(f, (X,), (np.ones(4),))
    assert capsys.readouterr().out == expected


def percent_of_a_float(x: Any) -> Any:
    return x * len("%d" % x)  # noqa: UP031


def test_a_format_that_is_not_known_is_refused() -> None:
    with pytest.raises(CompileError, match="`%d` of what is not an int") as caught:
        grad(percent_of_a_float)(1.0)
    assert caught.value.line == percent_of_a_float.__code__.co_firstlineno + 1
    assert caught.value.help == "convert it with int()"
