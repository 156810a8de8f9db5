"""Every rule as the compiler uses it: lowered into programs in both modes and both orders, at both precisions.

The programs are run by the interpreter of the representation, so that nothing but the rules and transforms matters.
"""

from __future__ import annotations

import cmath
import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from adcompile.example import lower_for
from adcompile.frontend.resolve import from_source
from adcompile.ir.core import Eqn, Function, Var, walk
from adcompile.ir.primitives import PRIMITIVES
from adcompile.opt import clean
from adcompile.rules import runtime
from adcompile.rules.signature import attribute_slots, operand_slots
from adcompile.rules.table import Row
from adcompile.transforms import forward, reverse
from adcompile.transforms.callees import Callees
from tests import interpret
from tests.tables import ROWS
from tests.test_rules_table import CASES, name_of, points

pytestmark = pytest.mark.filterwarnings("ignore")

SPACE = {"np": np, "math": math, "cmath": cmath, "statistics": statistics, "with_parts": runtime.with_parts}
H = 1e-6

_numbers = itertools.count()


class Program:
    """``f(*values, c) = sum(c * expression)`` as the compiler sees it, with a direction for each active argument."""

    def __init__(self, expression: str, names: Sequence[str], values: Sequence[Any], scalar: bool = False) -> None:
        rng = np.random.default_rng(0)
        result = np.asarray(eval(expression, {**SPACE, **dict(zip(names, values, strict=True))}))
        c = rng.normal(size=result.shape).astype(result.dtype if result.dtype.kind in "fc" else float)[()]
        body = f"c * ({expression})" if scalar else f"np.sum(c * ({expression}))"
        body = f"np.real({body} * (0.6 + 0.8j))" if result.dtype.kind == "c" else body
        text = f"# {next(_numbers)}\ndef f({', '.join([*names, 'c'])}):\n    return {body}\n"
        self.python: Any = from_source(text, "f", dict(SPACE))
        self.values = [*values, c]
        lowered = lower_for(self.python, self.values)
        self.fn, self.callees = lowered.function, Callees.of(lowered.callees)
        self.active = [v for v in self.fn.params[:-1] if v.type.inexact]
        self.seed = np.ones((), result.dtype)[()] if result.dtype.kind == "f" else np.float64(1.0)
        self.dots = [direction(self.value(v), rng) for v in self.active]

    def value(self, v: Var) -> Any:
        return self.values[self.fn.params.index(v)]

    def moved(self, step: float) -> list[Any]:
        """Return the arguments, in double precision, moved along the directions."""
        out = [np.float64(v) if isinstance(v, np.float32) else v for v in self.values]
        out = [v.astype(float) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v for v in out]
        for v, dot in zip(self.active, self.dots, strict=True):
            k = self.fn.params.index(v)
            out[k] = type(out[k])(out[k] + step * dot) if type(out[k]) in (float, complex) else out[k] + step * dot
        return out

    def slope(self) -> Any:
        return (self.python(*self.moved(H)) - self.python(*self.moved(-H))) / (2 * H)

    def reversed(self, fn: Function | None = None, out: int = 0) -> Function:
        return clean(reverse.run(fn or self.fn, self.active, (out,), False, self.callees))

    def forwarded(self, fn: Function | None = None) -> Function:
        return clean(forward.run(fn or self.fn, self.active, self.callees))

    def tangents(self) -> list[Any]:
        """Return the directions in the dtypes of the arguments."""
        return [
            v.type.dtype(d) if isinstance(v.type.dtype, type) else np.asarray(d).astype(v.type.dtype)[()]
            for v, d in zip(self.active, self.dots, strict=True)
        ]


def direction(x: Any, rng: np.random.Generator) -> Any:
    """Return random numbers like x: complex ones if it is complex."""
    v = rng.normal(size=np.shape(x))
    return (v + 1j * rng.normal(size=np.shape(x)) if np.iscomplexobj(x) else v)[()]


def check(program: Program, second: bool = True, tolerance: float = 1e-5) -> Function:
    """Compare both modes with differences, and second derivatives either way; return the reverse program."""
    near = {"rtol": tolerance, "atol": tolerance / 10}
    expected = program.slope()
    backward = program.reversed()
    bars = interpret.run(backward, *program.values, program.seed)
    for bar, v in zip(bars, program.active, strict=True):
        assert np.shape(bar) == np.shape(program.value(v))
    along = sum(np.real(np.sum(b * d)) for b, d in zip(bars, program.dots, strict=True))
    np.testing.assert_allclose(along, expected, **near)
    dots = program.tangents()
    onward = interpret.run(program.forwarded(), *program.values, *dots)
    np.testing.assert_allclose(onward[-1], expected, **near)
    if second:
        ahead, behind = (interpret.run(backward, *program.moved(h), program.seed) for h in (H, -H))
        curvature = [(a - b) / (2 * H) for a, b in zip(ahead, behind, strict=True)]
        over = program.forwarded(reverse.run(program.fn, program.active, (0,), False, program.callees))
        found = interpret.run(over, *program.values, program.seed, *dots)[len(program.active) :]
        under = program.reversed(forward.run(program.fn, program.active, program.callees), out=1)
        also = interpret.run(under, *program.values, *dots, program.seed)
        for x, y, z in zip(found, also, curvature, strict=True):
            np.testing.assert_allclose(x, z, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-4)
    return backward


# -- primitives

SPELLINGS = {
    "matmul": "{0} @ {1}",
    "astype": "{0}.astype(np.float64)",
    "copy": "{0}.copy()",
    "full": "np.full({1}, {0})",
    "conj": "{0}.conjugate()",
    "log_abs_det": "np.linalg.slogdet({0})[1]",
}
NOT_CALLED = {"acc", "item", "other_factors", "recurrence", "cofactors", "unbroadcast", "array"} | {"weighted_count"}


def is_called(prim: str) -> bool:
    """Tell whether users call a primitive by its name; of functions that emitted programs carry along they do not."""
    own = PRIMITIVES[prim].helper is not None and prim not in SPELLINGS
    return prim not in NOT_CALLED and prim != "nan_to_num" and not own


BRACKETS = {"list": "[{}]", "tuple": "({},)", "arguments": "{}"}


def written(prim: str, operands: tuple[Any, ...], attrs: tuple[Any, ...]) -> tuple[str, list[str], list[Any]]:
    """Write the call of a primitive; return the expression, its variables and their values."""
    p = PRIMITIVES[prim]
    names: list[str] = []
    values: list[Any] = []
    shown: list[str] = []
    for i, (slot, operand) in enumerate(zip(operand_slots(p), operands, strict=True)):
        if isinstance(operand, tuple) and not isinstance(operand[0], int):
            here = [f"x{i}_{j}" for j in range(len(operand))]
            shown.append(BRACKETS[slot.form].format(", ".join(here)))
            names, values = [*names, *here], [*values, *operand]
        elif isinstance(operand, np.ndarray | np.generic) or type(operand) in (float, complex):
            shown.append(f"x{i}")
            names, values = [*names, f"x{i}"], [*values, operand]
        else:
            shown.append(repr(operand))
    if prim in SPELLINGS:
        return SPELLINGS[prim].format(*shown), names, values
    slots = list(zip(attribute_slots(p), attrs, strict=True))
    given = [f"{s.name}={constant(a)}" for s, a in slots if not s.first and not (s.optional and a is s.default)]
    return f"{p.spelling}({', '.join([constant(a) for s, a in slots if s.first] + shown + given)})", names, values


def constant(value: Any) -> str:
    return f"float('{value}')" if isinstance(value, float) and math.isinf(value) else repr(value)


@pytest.mark.parametrize("case", [c for c in CASES if is_called(c[0])], ids=name_of)
def test_primitives(case: tuple[str, tuple[Any, ...], tuple[Any, ...]]) -> None:
    check(Program(*written(*case)))


# -- rows


def forms(name: str, row: Row) -> dict[str, list[Any]]:
    """Return operands of all kinds for a row: Python and NumPy numbers, arrays, single precision, mixtures."""
    arrays = points(row)
    numbers = [float(x[0]) for x in arrays]
    single = [x.astype(np.float32) for x in arrays]
    found: dict[str, list[Any]] = {"py": numbers}
    if not name.startswith(("math.", "cmath.", "complex")):
        found |= {"array": arrays, "np": [np.float64(x) for x in numbers]}
        found |= {"single": single, "single number": [x[0] for x in single]}
        if len(arrays) == 2:
            found |= {"array and number": [arrays[0], numbers[1]], "number and array": [numbers[0], arrays[1]]}
            found |= {"outer": [arrays[0][:, None], arrays[1][:3]], "single and number": [single[0], numbers[1]]}
    if name in ("ldexp", "math.ldexp"):
        return {form: [values[0], 2] for form, values in found.items()}
    return found


@pytest.mark.parametrize("name", [n for n in ROWS if n not in ("npdiv", "heaviside")])
def test_rows(name: str) -> None:
    row = ROWS[name]
    for form, values in forms(name, row).items():
        single = "single" in form
        if single and name == "float_power":
            continue  # computes in double precision
        scalar = all(np.ndim(v) == 0 for v in values)
        try:
            backward = check(Program(row.head, row.params, values, scalar), not single, 1e-3 if single else 1e-5)
            if form == "single":
                assert not wide(backward)
        except Exception as error:
            raise AssertionError(f"{row.head} of {form}: {error}") from error


@pytest.mark.parametrize("exponent", ["2", "3", "4", "-1", "0.5", "1.5", "2.0", "0", "1"])
def test_constant_powers(exponent: str) -> None:
    for x in (0.7, np.float64(0.7), np.array([0.3, 0.7]), np.array([0.3, 0.7], np.float32)):
        single = getattr(x, "dtype", None) == np.float32
        backward = check(Program(f"x ** {exponent}", ["x"], [x], np.ndim(x) == 0), not single, 1e-3 if single else 1e-5)
        assert not (single and wide(backward))


def wide(fn: Function) -> list[Eqn]:
    """List the equations that compute in double precision."""
    double = np.dtype(np.float64)
    return [s for s in walk(fn.stmts) if isinstance(s, Eqn) and any(o.type.dtype in (double, None) for o in s.outs)]
