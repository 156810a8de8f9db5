"""The lines of emitted source know what they were made of."""

from __future__ import annotations

import numpy as np
import pytest

from adcompile import driver
from adcompile.emit import source
from adcompile.example import example_call
from adcompile.ir.core import Eqn
from tests import oracle
from tests.programs import PROGRAMS
from tests.test_programs import returns_one_number


def cumulated(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i]
    return a[-1]


def lines_of(function, *args):
    names = function.__code__.co_varnames[: len(args)]
    example = example_call(function, dict(zip(names, args, strict=True)), [(names[0], None)])
    written = driver.write_reverse(example, value=False, has_aux=False, single=True)
    emitted = source.emit_lines(written.units)
    assert emitted.text == written.compiled().source
    return emitted


def test_lines_of_a_loop() -> None:
    emitted = lines_of(cumulated, np.ones(3))
    first = cumulated.__code__.co_firstlineno
    texts = emitted.text.splitlines()
    found: dict[tuple[int, bool], list[str]] = {}
    for number, origins in emitted.origins.items():
        for o in origins:
            if o.stmts and o.stmts[0].span is not None:
                found.setdefault((o.stmts[0].span.line - first, o.primal), []).append(texts[number - 1].strip())
    assert found[1, True] == ["a = x.copy()"]
    assert found[2, True] == ["for i in range(1, len(x)):"]
    assert found[3, True][-1].startswith("a[i] = ")
    assert found[2, False] == ["for i in range(len(x) - 1, 0, -1):"]
    assert "a_bar[-1] = y_bar" in found[4, False]
    comments = [n for n, os in emitted.origins.items() if any(not o.stmts for o in os)]
    assert all(texts[n - 1].strip().startswith("#") for n in comments)


def test_folded_equations_belong_to_the_line_they_are_written_in() -> None:
    emitted = lines_of(lambda x: np.sin(x) * x + 2.0, 1.0)
    (line,) = [n for n, t in enumerate(emitted.text.splitlines(), 1) if "np.cos" in t]
    prims = {s.prim for o in emitted.origins[line] for s in o.stmts if isinstance(s, Eqn)}
    assert {"cos", "mul"} <= prims


PLAIN = [p for p in PROGRAMS[::7] if returns_one_number(p) and not p.refusable and p.wrt == tuple(range(len(p.args)))]


@pytest.mark.parametrize("program", PLAIN, ids=repr)
def test_every_line_that_computes_is_made_of_something(program) -> None:
    emitted = lines_of(program.function, *oracle.copied(program.args))
    for number, text in enumerate(emitted.text.splitlines(), 1):
        if text.strip().startswith("#") and "sweep" not in text:
            assert emitted.origins[number][0].span is not None
        if "_bar[" in text and "+=" in text:
            assert emitted.origins[number][0].stmts
