"""Functions with many jumps: text, depth and time of compilation grow with their number, not with its square."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adcompile import from_source, jvp, value_and_grad
from tests import oracle

PLACES = 80


def returns(n: int) -> str:
    tests = "".join(f"    if y < {k}.5:\n        return y * {k}.0 + np.sin(x)\n    y = y * x\n" for k in range(n))
    return f"def f(x):\n    y = x\n{tests}    return y\n"


def choices(n: int) -> str:
    tests = "".join(f"    {'el' if k else ''}if x < {k}.5:\n        y = x * {k}.0 + np.sin(x)\n" for k in range(n))
    return f"def f(x):\n{tests}    else:\n        y = x\n    return y * y\n"


def trips(n: int) -> str:
    tests = "".join(
        f"        if s < {k}.5 + i:\n            {'break' if k % 2 else 'continue'}\n        s = s + x * {k}.0\n"
        for k in range(n)
    )
    return f"def f(x):\n    s = 1.5 * x\n    for i in range(4):\n{tests}        s = s * x\n    return s * x\n"


def trips_that_return(n: int) -> str:
    return trips(n).replace("break", "return s * x")


def raises(n: int) -> str:
    steps = "".join(
        f"        if s < {k}.5:\n            raise ValueError\n        s += x / (s + {k}.0)\n" for k in range(n)
    )
    caught = "    except (ValueError, ZeroDivisionError):\n        s = s * x\n"
    return f"def f(x):\n    s = x\n    try:\n{steps}{caught}    return s * x\n"


@pytest.mark.parametrize("make", [returns, choices, trips, trips_that_return, raises], ids=lambda f: f.__name__)
def test_many(make: object) -> None:
    assert callable(make)
    sizes = []
    for n in (PLACES // 4, PLACES):
        f = from_source("import numpy as np\n" + make(n), "f")
        gradient = value_and_grad(f)
        for x in (0.25, 2.25, 3.25):
            value, slope = gradient(x)
            assert value == f(x)
            assert math.isclose(slope, oracle.derivative(lambda h, f=f, x=x: np.array([f(x + h)]))[0], rel_tol=1e-6)
            assert jvp(f, (x,), (1.0,)) == (value, pytest.approx(slope, rel=1e-12))
        sizes.append(gradient.source)
    assert len(sizes[1]) < 5 * len(sizes[0])
    deepest = max(len(line) - len(line.lstrip()) for line in sizes[1].splitlines())
    assert deepest <= 4 * 16
