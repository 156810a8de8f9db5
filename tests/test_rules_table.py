"""Every rule against finite differences, as the plain Python and NumPy that it is; every row against sympy too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

from adcompile.ir.primitives import PRIMITIVES
from adcompile.rules import runtime, scipy
from adcompile.rules.define import spelled
from adcompile.rules.signature import attribute_slots, operand_slots
from adcompile.rules.table import ADJOINTS, HOLOMORPHIC, LINEAR, REAL_VALUED, SCOPE, TANGENTS, ZERO, Row
from tests.tables import ROWS

pytestmark = pytest.mark.filterwarnings("ignore")

# -- rows

# Where the functions that are not smooth everywhere are tested; (0.2, 0.9) otherwise.
INTERVALS = {"np.arccosh(x)": (1.2, 2.5), "math.acosh(x)": (1.2, 2.5)}

# Functions that emitted programs carry along.
CARRIED = {p.helper.__name__: p.helper for p in PRIMITIVES.values() if p.helper is not None}

OPERATORS = {"add", "sub", "mul", "div", "mod", "pow", "neg", "abs"}


def points(row: Row) -> list[np.ndarray]:
    low, high = INTERVALS.get(row.head, (0.2, 0.9))
    rng = np.random.default_rng(len(row.head))
    return [rng.uniform(low, high, 5) + 0.01 * k for k in range(len(row.params))]


def value(row: Row, operands: list[Any]) -> Any:
    """Evaluate the head of a row."""
    return eval(row.head, {**SCOPE, **CARRIED, **dict(zip(row.params, operands, strict=True))})


def partial(row: Row, k: int, operands: list[Any]) -> Any:
    """Evaluate a partial derivative of a row, as a product with g = 1."""
    names = {**SCOPE, **dict(zip(row.params, operands, strict=True)), "ans": value(row, operands)}
    return eval(row.partials[k], names)


@pytest.mark.parametrize("name", [n for n in ROWS if n in HOLOMORPHIC or n in REAL_VALUED])
def test_rows_of_complex_numbers(name: str) -> None:
    row, z, h = ROWS[name], [0.6 + 0.3j, 0.4 - 0.7j], 1e-6
    if name in ("complex", "with_parts"):
        return  # their operands are real
    operands = z[: len(row.params)]
    for k in range(len(row.params)):
        for step in (h, 1j * h):
            ahead, behind = ([x + s * step * (i == k) for i, x in enumerate(operands)] for s in (1, -1))
            numeric = (value(row, ahead) - value(row, behind)) / (2 * h)
            names = {**SCOPE, **dict(zip(row.params, operands, strict=True)), "ans": value(row, operands)}
            text = REAL_VALUED.get(name, row.partials[k])
            ours = eval(text, names) * step / h
            np.testing.assert_allclose(ours.real if name in REAL_VALUED else ours, numeric, rtol=1e-6, atol=1e-8)


def by_element(name: str, row: Row, f: Callable[..., Any], operands: list[np.ndarray]) -> np.ndarray:
    """Apply a function to arrays, element by element if it takes Python numbers only."""
    if name.startswith(("math.", "cmath.", "complex")):
        return np.array([f(row, [v.item() for v in values]) for values in zip(*operands, strict=True)])
    return np.asarray(f(row, operands))


@pytest.mark.parametrize("name", ROWS)
def test_rows_by_finite_differences(name: str) -> None:
    row, h = ROWS[name], 1e-6
    operands = points(row)
    if name in ("ldexp", "math.ldexp"):
        operands[1] = np.arange(5)
    for k in range(len(row.params)):
        if row.scaled(k) is None:
            continue
        ahead = [x + h if i == k else x for i, x in enumerate(operands)]
        behind = [x - h if i == k else x for i, x in enumerate(operands)]
        if name == "heaviside":
            ahead[0] = behind[0] = operands[0] = np.zeros(5)
        numeric = (by_element(name, row, value, ahead) - by_element(name, row, value, behind)) / (2 * h)
        ours = by_element(name, row, lambda r, x, k=k: partial(r, k, x), operands)
        np.testing.assert_allclose(ours * np.ones(5), numeric, rtol=1e-6, atol=1e-8)


SYMBOLIC = {
    **{
        f: getattr(sympy, f)
        for f in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "sign", "floor")
    },
    **{f"arc{f}": getattr(sympy, f"a{f}") for f in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{
        f: getattr(sympy, f)
        for f in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2", "erf", "erfc", "cbrt")
    },
    "exp2": lambda x: 2**x,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log1p": lambda x: sympy.log(1 + x),
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log10": lambda x: sympy.log(x) / sympy.log(10),
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: x**y,
    "float_power": lambda x, y: x**y,
    "pow": lambda x, y: x**y,
    "hypot": lambda x, y: sympy.sqrt(x**2 + y**2),
    "arctan2": sympy.atan2,
    "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    "logaddexp2": lambda x, y: sympy.log(2**x + 2**y) / sympy.log(2),
    "sinc": lambda x: sympy.sin(sympy.pi * x) / (sympy.pi * x),
}


class Symbols:
    """A module whose functions are sympy's; at an interior point no operand is 0."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in SYMBOLIC:
            raise KeyError(name)
        return SYMBOLIC[name]


@pytest.mark.parametrize("name", ROWS)
def test_rows_by_sympy(name: str) -> None:
    row = ROWS[name]
    symbols = {p: sympy.Symbol(p, positive=True) for p in row.params}
    scope = {**SCOPE, "np": Symbols(), "math": Symbols(), "abs": sympy.Abs, **symbols}
    scope["with_parts"] = lambda x, y: x + sympy.I * y
    interior = (f"({p} == 0)" for p in (*row.params, "ans"))
    texts = [row.head, *row.partials]
    for test in interior:
        texts = [t.replace(test, "0") for t in texts]
    try:
        head, *partials = [eval(t, scope | {"ans": sympy.Symbol("ans")}) for t in texts]
    except (KeyError, TypeError):
        pytest.skip("sympy has no such function")
    values = {symbols[p]: v for p, v in zip(row.params, (1.3, 1.7) if "acosh" in name else (0.3, 0.7), strict=False)}
    for p, ours in zip(row.params, partials, strict=True):
        expected = sympy.diff(head, symbols[p]).subs(values)
        if not expected.is_number or expected.has(sympy.Derivative):
            continue
        found = sympy.sympify(ours).subs("ans", head).subs(values)
        assert abs(complex(found) - complex(expected)) < 1e-12, (name, p, ours)


@pytest.mark.parametrize("name", [n for n in ROWS if not n.startswith(("math.", "cmath.", "complex"))])
def test_rows_keep_float32(name: str) -> None:
    """A Python number in a row must not make float64 of float32."""
    row = ROWS[name]
    operands = [x.astype(np.float32) for x in points(row)]
    if name in ("ldexp", "float_power"):
        return
    for k in range(len(row.params)):
        if row.scaled(k) is not None:
            assert (np.ones(5, np.float32) * partial(row, k, operands)).real.dtype == np.float32, row.partials[k]


EDGES = [
    ("abs", (0.0,), (0.0,)),
    ("absolute", (0.0,), (0.0,)),
    ("fabs", (0.0,), (0.0,)),
    ("maximum", (1.0, 1.0), (0.5, 0.5)),
    ("minimum", (1.0, 1.0), (0.5, 0.5)),
    ("fmax", (1.0, 1.0), (0.5, 0.5)),
    ("fmax", (math.nan, 1.0), (0.0, 1.0)),
    ("fmin", (1.0, math.nan), (1.0, 0.0)),
    ("pow", (2.0, 0), (0.0, math.log(2.0))),
    ("pow", (0.0, 0.0), (0.0, 0.0)),
    ("pow", (0.0, 2.0), (0.0, 0.0)),
    ("pow", (0.0, 1.0), (1.0, 0.0)),
    ("pow", (-2.0, 3), (12.0, None)),
    ("pow", (-2.0, 3.0), (12.0, None)),
    ("power", (0.0, 0.0), (0.0, 0.0)),
    ("power", (0.0, 0.5), (math.inf, 0.0)),
    ("hypot", (0.0, 0.0), (0.0, 0.0)),
    ("sinc", (0.0,), (0.0,)),
    ("sqrt", (0.0,), (math.inf,)),
]


@pytest.mark.parametrize(("name", "at", "expected"), EDGES)
def test_rows_at_singular_points(name: str, at: tuple[float, ...], expected: tuple[float, ...]) -> None:
    row = ROWS[name]
    for k, wanted in enumerate(expected):
        if wanted is not None:
            operands: list[Any] = list(at) if all(type(v) is int for v in at) else [np.float64(v) for v in at]
            np.testing.assert_allclose(partial(row, k, operands), wanted)


def test_singular_flags() -> None:
    flagged = {n for n, row in ROWS.items() if any(row.singular(k) for k in range(len(row.params)))}
    assert {"log", "sqrt", "div", "pow", "arcsin", "arctan2"} <= flagged
    assert not {"mul", "sin", "tanh", "maximum", "exp", "square", "add"} & flagged


# -- adjoints and tangents

RNG = np.random.default_rng(0)
X1, X2, X3 = RNG.normal(size=4), RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3, 4))
Y1, Y2 = RNG.normal(size=4), RNG.normal(size=(3, 4))
SQUARE, BATCH = RNG.normal(size=(3, 3)) + 2 * np.eye(3), RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3)
ZEROS = np.array([[1.5, 0.0, 2.0], [0.5, 3.0, -1.0]])
MANY_ZEROS = np.array([[0.0, 0.0, 2.0], [0.0, 3.0, -1.0]])
POSITIVE = SQUARE @ SQUARE.T
SEVERAL = POSITIVE[None] * np.array([1.0, 2.0])[:, None, None]
Z2, Z3 = X2 + 1j * RNG.normal(size=(2, 3)), SQUARE + 1j * RNG.normal(size=(3, 3))
HERMITIAN = Z3 @ Z3.conj().T
AXES = (None, 0, 1, 2, (0, 1), (0, 2), (2, 1))
NUMBERS = (0.7, -0.4)

CASES: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    *[("sum", (X3,), (axis, k, None)) for axis in AXES for k in (False, True)],
    *[("mean", (X3,), (axis, k)) for axis in AXES for k in (False, True)],
    *[
        (name, (X3,), (axis, k, ddof))
        for name in ("var", "std")
        for axis in AXES
        for k in (False, True)
        for ddof in (0, 1)
    ],
    *[(name, (X3,), (axis, k)) for name in ("max", "min") for axis in AXES for k in (False, True)],
    *[("prod", (X3,), (axis, k, None)) for axis in AXES for k in (False, True)],
    *[("prod", (x,), (axis, False, None)) for x in (ZEROS, MANY_ZEROS) for axis in (None, 0, 1, (0, 1))],
    *[("other_factors", (x,), (axis,)) for x in (X2, ZEROS, MANY_ZEROS) for axis in (None, 0, 1, (1, 0))],
    *[("cumsum", (X3,), (axis, None)) for axis in (None, 0, 1, 2)],
    *[("cumprod", (x,), (axis, None)) for x in (X2, ZEROS, MANY_ZEROS) for axis in (None, 0, 1)],
    *[("recurrence", (X2, ZEROS), (axis,)) for axis in (0, 1)],
    *[("matmul", p, ()) for p in ((X1, Y1), (Y2, X1), (X1, Y2.T), (X2, Y2), (X3, X1), (Y2[0, :3], X3), (X3, X3[0].T))],
    *[("matmul", (X3, X3.swapaxes(1, 2)), ()), ("matmul", (X3[:, None], Y2.T), ())],
    *[
        ("dot", p, ())
        for p in ((X1, Y1), (Y2, X1), (X1, Y2.T), (X2, Y2), (X3, X1), (X3, Y2.T), (Y2[:, :3], X3), (X2, np.array(0.7)))
    ],
    *[("dot", (X3, X3.swapaxes(1, 2)), ())],
    *[("inner", p, ()) for p in ((X1, Y1), (Y2, X1), (X2, X2 + 1.0), (X3, Y2), (X3, X3 + 1.0), (X2, np.array(0.7)))],
    *[("outer", p, ()) for p in ((X1, Y1), (X2, Y1), (X2, Y2))],
    *[("vdot", (X1, Y1), ()), ("vdot", (X2, X2 + 1.0), ())],
    *[("kron", p, ()) for p in ((X1, Y1), (X2, Y2), (X1, Y2), (X3, Y2))],
    *[
        ("tensordot", (X3, Y2), (axes,))
        for axes in (((2,), (1,)), ((1, 2), (0, 1)), ((2, 1), (1, 0)), ((), ()), ((1,), (0,)))
    ],
    *[
        ("einsum", ((X2, Y2),), (s, o))
        for o in (False, True)
        for s in ("ij,jk->ik", "ij,jk->ki", "ij,jk->i", "ij,jk->", "ij,jl->ilj", "ij,kl->")
    ],
    *[("einsum", ((X3,),), (s, False)) for s in ("ijk->kji", "ijk->j", "ijk->")],
    *[("einsum", ((SQUARE,),), (s, False)) for s in ("ii->", "ii->i", "ij->ji")],
    *[
        ("einsum", ((SQUARE, X2),), ("ii,ji->j", False)),
        ("einsum", ((BATCH, SQUARE, X2[0]),), ("bij,jk,k->bi", "greedy")),
    ],
    *[("trace", (x,), a) for x, a in ((SQUARE, (0, 0, 1)), (X2, (1, 0, 1)), (X3, (0, 0, 2)), (X3, (-1, 2, 1)))],
    *[
        ("reshape", (X2, (3, 2)), ()),
        ("ravel", (X2,), ()),
        ("columns", (X2,), ()),
        ("copied_columns", (X2,), ("F",)),
        ("atleast_1d", (np.array(0.5),), ()),
        ("atleast_2d", (X1,), ()),
    ],
    *[("transpose", (X3,), (axes,)) for axes in (None, (1, 2, 0), (0, 2, 1))],
    *[("swapaxes", (X3,), (0, 2)), ("moveaxis", (X3,), (0, 2)), ("moveaxis", (X3,), ((0, 1), (2, 0)))],
    *[("expand_dims", (X2,), (axis,)) for axis in (0, 2, (0, 3))],
    *[("squeeze", (X2[:, None],), (axis,)) for axis in (None, 1)],
    *[("flip", (X2,), (axis,)) for axis in (None, 0, (0, 1))],
    *[("roll", (X2,), a) for a in ((1, None), (-2, 1), ((1, 2), (0, 1)))],
    *[("repeat", (X2, 2), (axis,)) for axis in (None, 0, 1)],
    *[("tile", (X2,), (reps,)) for reps in ((2,), (2, 1), (2, 1, 3))],
    *[("diag", (x,), (k,)) for x in (X1, X2, Y2, SQUARE, X2.T) for k in (-1, 0, 1)],
    *[("diagonal", (x,), (k, *axes)) for x, axes in ((X2, (0, 1)), (BATCH, (1, 2)), (X3, (2, 0))) for k in (-1, 0, 1)],
    *[(name, (X2,), (k,)) for name in ("triu", "tril") for k in (-1, 0, 1)],
    *[("diff", (X3,), a) for a in ((1, 0), (1, 2), (2, 2))],
    *[("concatenate", ((X2, X2 + 1.0),), (axis,)) for axis in (0, 1, None)],
    *[("stack", ((X2, X2 + 1.0),), (axis,)) for axis in (0, 1, 2)],
    *[(name, ((X2, X2 + 1.0),), ()) for name in ("hstack", "vstack", "column_stack")],
    *[(name, ((X1, Y1),), ()) for name in ("hstack", "vstack", "column_stack")],
    ("column_stack", ((X1, Y2.T),), ()),
    ("hstack", ((np.array(0.5), X1),), ()),
    *[("where", (X2 > 0, x, y), ()) for x, y in ((X2, X2 + 1.0), (X2, np.array(0.5)))],
    *[("nan_to_num", (np.array([0.5, np.nan, np.inf]),), (0.0, None, None))],
    *[("clip", (X3, low, high), ()) for low, high in ((-0.5, 0.5), (X2[0, 0] - 1.0, 0.5), (None, 0.2), (-0.1, None))],
    ("clip", (X3, np.full((3, 4), -0.5), np.array(0.5)), ()),
    *[("linspace", p, (e, None)) for p in ((np.float64(0.7), np.float64(-0.4), 5), (X1, Y1, 3)) for e in (True, False)],
    *[("full_like", (X2, np.array(0.5)), (None,)), ("copy", (X2,), ()), ("broadcast_to", (X2, (4, 2, 3)), ())],
    *[("full", (np.array(0.5), (2, 3)), (None,)), ("unbroadcast", (X3, np.ones((3, 1))), ())],
    *[
        ("astype", (X2,), (np.dtype(float),)),
        ("acc", (X2, X2 + 1.0), ()),
        ("float", (0.5,), ()),
        ("item", (np.float64(0.5),), ()),
    ],
    *[("array", ((NUMBERS[0], NUMBERS[1], 0.1, 0.2),), ((2, 2), None)), ("array", ((X2, X2),), ((2,), None))],
    *[("builtin_sum", (X2,), ()), *[(f"builtin_{f}", ((0.3, 0.5, 0.1),), ()) for f in ("min", "max")]],
    *[(f"builtin_{f}", ((X1,),), ()) for f in ("min", "max")],
    *[("inv", (x,), ()) for x in (SQUARE, BATCH)],
    *[("det", (x,), ()) for x in (SQUARE, BATCH)],
    *[("cofactors", (x,), ()) for x in (SQUARE, BATCH)],
    *[("log_abs_det", (x,), ()) for x in (SQUARE, BATCH)],
    *[
        ("solve", p, ())
        for p in ((SQUARE, X2[0]), (SQUARE, X2.T), (BATCH, X2.T), (BATCH, X3[0, :, 0]), (SQUARE, BATCH))
    ],
    *[("norm", (X1,), (o, None, False)) for o in (None, 1, 2, np.inf, -np.inf, 3, 2.5, 0)],
    *[("norm", (X3,), (o, 1, k)) for o in (None, 1, 2, np.inf, 3) for k in (False, True)],
    *[("norm", (X2,), (None, None, False)), ("norm", (X3,), (None, None, True)), ("norm", (X2,), ("fro", None, False))],
    ("norm", (X3,), ("fro", (0, 2), False)),
    *[(name, (z,), ()) for name in ("real", "imag", "conj", "conjugate") for z in (Z2, 0.3 - 0.4j)],
    *[("angle", (z,), (deg,)) for z in (Z2, np.complex128(0.3 - 0.4j)) for deg in (False, True)],
    *[("direction", (z,), ()) for z in (Z2, np.complex128(0.3 - 0.4j))],
    *[("as_complex", (z,), ()) for z in (0.3, 0.3 - 0.4j)],
    *[(name, (x,), a) for name in ("fft", "ifft") for x in (X3, Z2) for a in ((-1, None), (0, "ortho"))],
    *[(name, (x, n), (-1, "forward")) for name in ("fft_n", "ifft_n") for x in (X3, Z2) for n in (2, 3, 4, 6)],
    *[("rfft", (x,), a) for x in (X2, X3) for a in ((-1, None), (0, "forward"), (1, "ortho"))],
    *[("rfft_n", (X3, n), (1, norm)) for n in (2, 3, 4, 7) for norm in (None, "backward")],
    *[("irfft", (z,), a) for z in (Z2, X3) for a in ((-1, None), (0, "forward"), (1, "ortho"))],
    *[("irfft_n", (z, n), (-1, norm)) for z in (Z2, X2) for n in (3, 4, 5, 6, 7) for norm in (None, "forward")],
    *[(name, (X3,), (axes,)) for name in ("fftshift", "ifftshift") for axes in (None, 1, (0, 2))],
    *[("vdot", (z, w), ()) for z, w in ((Z2, 1j - Z2), (X2, Z2), (Z2, X2))],
    *[(name, (Z2,), (1, False, 0)) for name in ("var", "std")],
    *[("norm", (Z2[0],), (o, None, False)) for o in (None, 1, 2, np.inf, 3)],
    *[("sort", (x,), (axis, None, None)) for x in (X1, X3) for axis in (-1, 0, None)],
    *[("partition", (x,), (1, axis, "introselect")) for x in (X1, X3) for axis in (-1, 0, None)],
    *[("median", (x,), (axis, k)) for x in (X2, X3) for axis in (None, 0, 1) for k in (False, True)],
    *[
        (name, (x, q), (axis, k, "linear"))
        for name, p in (("quantile", 1), ("percentile", 100))
        for q in (np.array(0.3 * p), np.array([0.13 * p, 0.77 * p]))
        for x, axis in ((X2, None), (X3, 1), (X3, 0))
        for k in (False, True)
    ],
    *[("nanmedian", (x,), (axis, k)) for x in (X2, X3) for axis in (None, 0, 1) for k in (False, True)],
    *[
        (name, (x, q), (axis, k, "linear"))
        for name, q in (("nanquantile", np.array([0, 1])), ("nanpercentile", np.array([0, 30])))
        for x, axis in ((X2, None), (X3, 1))
        for k in (False, True)
    ],
    *[
        ("percentile", (X2, np.array([20, 55])), (axis, False, method))
        for method in ("hazen", "midpoint", "nearest", "averaged_inverted_cdf")
        for axis in (None, 1)
    ],
    *[(f"{name}.accumulate", (x,), (axis,)) for name in ("maximum", "minimum") for x in (X2, X3) for axis in (0, 1)],
    ("added_along", (X2, np.array([[0, 1, 1], [0, 0, 1]])), ()),
    *[
        (f"{name}.reduce", (X3,), (axis, k))
        for name in ("fmax", "fmin")
        for axis in (None, 0, (0, 2))
        for k in (False, True)
    ],
    ("fmax.reduce", (np.where(X2 > 0, X2, np.nan),), (0, False)),
    *[("add.reduceat", (X3, np.array(i)), (axis,)) for i, axis in (([0, 1], 0), ([0, 2, 1, 2], 1), ([1, 3], 2))],
    ("added_back", (X2, np.array([0, 2, 1]), np.ones((2, 4))), (1,)),
    ("added_at", (X1, np.array([0, 2, 2, 1]), X2[0]), ()),
    *[("pad", (X2,), (((1, 2), (0, 1)), mode, 0)) for mode in ("constant", "edge", "symmetric", "wrap")],
    ("pad", (X3,), (((1, 1), (2, 0), (0, 3)), "reflect", 0)),
    *[("folded_back", (np.pad(X2, 1, mode), X2), (((1, 1), (1, 1)), mode)) for mode in ("edge", "wrap")],
    *[("gradient", (x,), (axis, e)) for x, axis in ((X1, 0), (X3, 1), (X3, 2)) for e in (1, 2)],
    *[("gradient_spaced", (X3, 0.5), (2, e)) for e in (1, 2)],
    *[("gradient_along", (X3, h), (2, e)) for h in (0.5, np.array([0.0, 1.0, 2.5, 3.0])) for e in (1, 2)],
    *[("gathered_back", (X3, h), (2, e)) for h in (0.5, np.array([0.0, 1.0, 2.5, 3.0])) for e in (1, 2)],
    *[("interp", (t, np.array([0.0, 1.0, 2.1, 3.0]), X1), ()) for t in (np.array([0.2, 1.7, 2.4, 3.5]), 0.6)],
    *[
        (name, (x, y), (mode,))
        for name in ("convolve", "correlate")
        for mode in ("full", "same", "valid")
        for x, y in ((X1, X2[0]), (X2[0], X1), (X1, X1[:2]))
    ],
    *[("mean_of", (X3, X3[0] > 0), (axis, k)) for axis in (None, 1) for k in (True, False)],
    *[
        (name, (x, 0.7, mask), (axis, k))
        for name in ("sum_of", "prod_of", "max_of", "min_of")
        for x, mask in ((X3, X3[0] > 0), (X2, True))
        for axis, k in ((None, True), (1, False))
    ],
    *[
        (name, (x, np.array([True, False, True])), (axis, k, 0.5))
        for name in ("var_of", "std_of")
        for x in (X2, Z2)
        for axis, k in ((None, True), (1, False))
    ],
    *[("i0", (x,), ()) for x in (X1, 20.0 * X2)],
    *[("bessel_i", (n, x), ()) for n in (0, 1, 2) for x in (X1, X2)],
    *[(f"{name}.reduce", (x,), (0,)) for name in ("logaddexp", "logaddexp2") for x in (X1, X2)],
    *[("correlate", (Z2[0], Z2[1]), (mode,)) for mode in ("full", "same", "valid")],
    *[("convolve", (Z2[0], X1), (mode,)) for mode in ("full", "valid")],
    *[("hypot_of", (xs,), ()) for xs in ((0.3,), (0.3, -1.2, 2.0), (0.1, 0.2, 0.3, 0.4))],
    *[(f"math.{name}", (x,), ()) for name in ("gamma", "lgamma") for x in (0.3, 4.5, -1.7)],
    *[("polygamma", (n, x), ()) for n in (0, 1, 3) for x in (0.4, 15.5, -2.3)],
    ("math.fsum", (X1,), ()),
    ("math.dist", (X1, Y1), ()),
    *[(name, (x,), ()) for name in ("fractional_part", "mantissa") for x in (0.3, -4.7)],
    *[(f"statistics.{name}", (X1**2,), ()) for name in ("mean", "harmonic_mean")],
    *[(f"statistics.{name}", (X1,), ()) for name in ("variance", "pvariance", "stdev", "pstdev")],
    *[(f"statistics.{name}_about", (X1, 0.3), ()) for name in ("variance", "pvariance", "stdev", "pstdev")],
    *[("vecdot", p, ()) for p in ((Z2, Z2 * 1j + 1.0), (X2, Z2), (Z2, X2))],
    *[("phase_of_det", (x,), ()) for x in (Z3, Z3[None] + np.eye(3))],
    *[("log_abs_det", (x,), ()) for x in (Z3, Z3[None] + np.eye(3))],
    ("cross", (X3[:, :, 0], X3[:, :, 1]), ()),
    ("broadcast_with", (X2[0], (X2, X2[:, :1])), ()),
    ("weighted_count", (np.array([0, 2, 1, 2]), X1, 4), ()),
    ("weighted_histogram", (np.arange(3), 2, 0, 2, X1[:3]), ()),
    ("weighted_histogram", (np.arange(6).reshape(2, 3), np.array([0, 2, 5]), 0, 1, X2), ()),
    *[("matvec", p, ()) for p in ((X2, X1[: X2.shape[1]]), (X3, np.ones(X3.shape[2]))) if hasattr(np, "matvec")],
    *[("vecmat", p, ()) for p in ((np.ones(X2.shape[0]), X2), (np.ones(X3.shape[1]), X3)) if hasattr(np, "vecmat")],
    ("unwrap", (4.0 * X1,), (None, -1, 2.0 * math.pi)),
    *[("cholesky", (x,), (upper,)) for x in (POSITIVE, SEVERAL, HERMITIAN) for upper in (False, True)],
    *[
        (name, (x,), (triangle,))
        for name in ("eigvalsh", "eigenvalues")
        for x in (POSITIVE, SEVERAL, HERMITIAN)
        for triangle in ("L", "U")
    ],
    *[("eigenvectors", (POSITIVE,), (triangle,)) for triangle in ("L", "U")],
    *[(name, (x,), ()) for name in ("eigvals", "any_eigenvalues", "any_eigenvectors") for x in (SQUARE, BATCH, Z3)],
    ("squared_residuals", (Y2.T, X1, None), ()),
    ("squared_residuals", (Y2.T, Y2.T @ SQUARE + X1[:, None] ** 2, None), ()),
    ("squared_residuals", (SQUARE, SQUARE[0], None), ()),
    *[("choose", (np.array([0, 1, k]), (X2[0], X2[1])), (m,)) for k, m in ((1, "raise"), (5, "wrap"))],
    ("choose", (np.array([0, -1, 7]), (X2[0], X2[1])), ("clip",)),
    *[
        (name, (x,), ())
        for name in ("svdvals", "singular_values", "left_vectors", "right_vectors")
        for x in (X2, X2.T, SQUARE, BATCH)
    ],
    *[(name, (Z3,), ()) for name in ("svdvals", "singular_values", "all_singular_values")],
    *[
        (name, (x,), ())
        for name in ("orthogonal_factor", "triangular_factor")
        for x in (X2, X2.T, SQUARE, BATCH, Z3, Z3[:2], Z3[:, :2])
    ],
    *[(name, (x,), ()) for name in ("square_left_vectors", "square_right_vectors") for x in (SQUARE, BATCH)],
    *[("all_singular_values", (x,), ()) for x in (X2, SQUARE)],
    ("least_squares_values", (Y2.T, X1, None), ()),
    *[("pinv", (x,), (None, None)) for x in (X2, X2.T, SQUARE, X3, Z3, Z3[:2])],
    ("pinv", (X2,), (1e-10, None)),
    *[("least_squares", (*p, None), ()) for p in ((Y2.T, X1), (Y2, X2[0]), (SQUARE, SQUARE[0]), (Y2.T, Y2.T @ SQUARE))],
    *[("least_squares", (*p, None), ()) for p in ((Z3[:, :2], Z3[0]), (Z3[:2], Z3[0, :2]))],
    *[("chain", (xs,), ()) for xs in ((X2, Y2, X1), (X2[:, 0], X2, Y2), (SQUARE, X2.T, X2))],
    *[("hypot_of", (xs,), ()) for xs in ((0.3,), (0.3, -1.2, 2.0), (0.1, 0.2, 0.3, 0.4))],
    *[(f"math.{name}", (x,), ()) for name in ("gamma", "lgamma") for x in (0.3, 4.5, -1.7)],
    *[("polygamma", (n, x), ()) for n in (0, 1, 3) for x in (0.4, 15.5, -2.3)],
    ("math.fsum", (X1,), ()),
    *[("vecdot", p, ()) for p in ((X1, Y1), (Y2, X1), (X3, X3 + 1.0))],
    *[("inv", (Z3,), ()), ("det", (Z3,), ()), ("cofactors", (Z3,), ()), ("solve", (Z3, Z2.T), ())],
]

OWN_FORMS: dict[str, Callable[..., Any]] = {
    "matmul": lambda x, y: x @ y,
    "astype": lambda x, dtype: x.astype(dtype),
    "copy": lambda x: x.copy(),
    "acc": lambda x, g: x + g,
    "item": lambda x: x.item(),
    "conj": lambda x: x.conjugate(),
    "as_complex": complex,
    "float": float,
    "full": lambda fill, shape, dtype: np.full(shape, fill, dtype),
    "array": lambda xs, shape, dtype: np.array(xs, dtype).reshape(shape + np.shape(xs[0])),
    "builtin_sum": sum,
    "builtin_min": lambda xs: min(*xs) if len(xs) > 1 else min(xs[0]),
    "builtin_max": lambda xs: max(*xs) if len(xs) > 1 else max(xs[0]),
}


def apply(prim: str, operands: tuple[Any, ...], attrs: tuple[Any, ...]) -> Any:
    """Call what a primitive is in NumPy, as emitted code does."""
    if prim in OWN_FORMS:
        return OWN_FORMS[prim](*operands, *attrs)
    p = PRIMITIVES[prim]
    f: Callable[..., Any] = p.helper or spelled(p.spelling)
    spread: list[Any] = []
    for slot, operand in zip(operand_slots(p), operands, strict=True):
        spread += operand if slot.form == "arguments" else [operand]
    slots = attribute_slots(p)
    first = [a for s, a in zip(slots, attrs, strict=True) if s.first]
    return f(
        *first,
        *spread,
        **{s.name: a for s, a in zip(slots, attrs, strict=True) if not s.first and not (s.optional and a is s.default)},
    )


def numeric(operand: Any) -> bool:
    return isinstance(operand, np.ndarray | np.generic | float | complex) and np.asarray(operand).dtype.kind in "fc"


def leaves(operands: tuple[Any, ...]) -> list[tuple[int, int | None]]:
    """List the places of the floating-point operands: (operand, place in its tuple)."""
    found: list[tuple[int, int | None]] = []
    for i, operand in enumerate(operands):
        if isinstance(operand, tuple):
            found += [(i, j) for j, x in enumerate(operand) if numeric(x)]
        elif numeric(operand):
            found.append((i, None))
    return found


def put(operands: tuple[Any, ...], place: tuple[int, int | None], new: Any) -> tuple[Any, ...]:
    i, j = place
    changed = new if j is None else (*operands[i][:j], new, *operands[i][j + 1 :])
    return (*operands[:i], changed, *operands[i + 1 :])


def get(operands: tuple[Any, ...], place: tuple[int, int | None]) -> Any:
    i, j = place
    return operands[i] if j is None else operands[i][j]


def dot(x: Any, y: Any) -> float:
    """Add up the real parts of the products of results; a missing cotangent counts as zero."""
    if isinstance(x, tuple | list):
        return sum(dot(a, b) for a, b in zip(x, y, strict=True))
    return 0.0 if x is None or y is None else float(np.sum(np.nan_to_num(np.asarray(x) * np.asarray(y))).real)


def difference(
    prim: str, operands: tuple[Any, ...], attrs: tuple[Any, ...], place: Any, v: Any, h: float = 1e-6
) -> Any:
    """Return the central difference of the results along v."""
    x = get(operands, place)
    if type(x) in (float, complex):
        v = type(x)(v)
    ahead = apply(prim, put(operands, place, x + h * v), attrs)
    behind = apply(prim, put(operands, place, x - h * v), attrs)
    if isinstance(ahead, tuple | list):
        return [(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)]
    return (ahead - behind) / (2 * h)


def active_places(prim: str, operands: tuple[Any, ...]) -> list[tuple[int, int | None]]:
    """List the operands in which a primitive is to be differentiated."""
    places = leaves(operands)
    if prim in LINEAR:
        places = [p for p in places if p[0] in LINEAR[prim].operands]
    return places


def name_of(case: tuple[str, tuple[Any, ...], tuple[Any, ...]]) -> str:
    prim, operands, attrs = case
    shapes = [str(np.shape(x)) if not isinstance(x, tuple) else str(len(x)) for x in operands]
    return f"{prim}-{'-'.join(shapes)}-{attrs}"


def cotangent(ans: Any) -> Any:
    if isinstance(ans, tuple | list):
        return tuple(map(cotangent, ans))
    return direction(ans)


def direction(x: Any) -> Any:
    """Return random numbers like x: complex ones if it is complex."""
    v = RNG.normal(size=np.shape(x))
    return np.asarray(v + 1j * RNG.normal(size=np.shape(x)) if np.iscomplexobj(x) else v)[()]


@pytest.mark.parametrize("case", [c for c in CASES if c[0] in ADJOINTS], ids=name_of)
def test_adjoints(case: tuple[str, tuple[Any, ...], tuple[Any, ...]]) -> None:
    prim, operands, attrs = case
    ans = apply(prim, operands, attrs)
    g = cotangent(ans)
    bars = ADJOINTS[prim](g, ans, *operands, *attrs)
    if len(operand_slots(PRIMITIVES[prim])) == 1:
        bars = (bars,)
    assert isinstance(bars, tuple)
    for place in active_places(prim, operands):
        x = get(operands, place)
        v = direction(x)
        bar = runtime.unbroadcast(np.asarray(get(bars, place)), np.asarray(x))
        expected = dot(g, difference(prim, operands, attrs, place, v))
        np.testing.assert_allclose(dot(bar * np.ones(np.shape(x)), v), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("case", [c for c in CASES if c[0] in TANGENTS], ids=name_of)
def test_tangents(case: tuple[str, tuple[Any, ...], tuple[Any, ...]]) -> None:
    prim, operands, attrs = case
    ans = apply(prim, operands, attrs)
    for place in active_places(prim, operands):
        v = direction(get(operands, place))
        none: tuple[Any, ...] = tuple((None,) * len(x) if isinstance(x, tuple) else None for x in operands)
        dots = TANGENTS[prim](ans, *operands, *attrs, *put(none, place, v))
        expected = difference(prim, operands, attrs, place, v)
        if isinstance(expected, list):
            assert isinstance(dots, tuple)
            pairs = list(zip(dots, expected, strict=True))
        else:
            pairs = [(dots, expected)]
        for ours, numeric_dot in pairs:
            if ours is not None:
                shape = np.shape(numeric_dot)
                ours = ours if np.iscomplexobj(numeric_dot) else np.real(ours)  # the transforms cast
                np.testing.assert_allclose(ours * np.ones(shape), np.nan_to_num(numeric_dot), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("prim", sorted(LINEAR))
def test_linear_primitives_are_linear(prim: str) -> None:
    """What is stated to be linear maps sums to sums."""
    for case, operands, attrs in CASES:
        if case != prim or prim in ("float", "item"):
            continue
        linearity = LINEAR[prim]
        places = [p for p in leaves(operands) if p[0] in linearity.operands]
        for group in [places] if linearity.jointly else [[p] for p in places]:
            other = both = operands
            for place in group:
                other = put(other, place, direction(get(operands, place)))
                both = put(both, place, get(operands, place) + get(other, place))
            total = apply(prim, operands, attrs) + apply(prim, other, attrs)
            np.testing.assert_allclose(apply(prim, both, attrs), total, atol=1e-12)


SINGULAR = [
    ("norm", (np.zeros(3),), (None, None, False), np.zeros(3)),
    ("norm", (np.zeros(3),), (1, None, False), np.zeros(3)),
    ("norm", (np.zeros(3),), (3, None, False), np.zeros(3)),
    ("norm", (np.zeros(3),), (np.inf, None, False), np.zeros(3)),
    ("norm", (np.array([2.0, -2.0, 1.0]),), (np.inf, None, False), np.array([0.5, -0.5, 0.0])),
    ("std", (np.full(3, 2.0),), (None, False, 0), np.zeros(3)),
    ("max", (np.array([1.0, 2.0, 2.0]),), (None, False), np.array([0.0, 0.5, 0.5])),
    ("min", (np.array([1.0, 2.0, 1.0]),), (None, False), np.array([0.5, 0.0, 0.5])),
    ("prod", (np.array([2.0, 0.0, 3.0]),), (None, False, None), np.array([0.0, 6.0, 0.0])),
    ("prod", (np.array([0.0, 0.0, 3.0]),), (None, False, None), np.zeros(3)),
    ("det", (np.array([[1.0, 2.0], [2.0, 4.0]]),), (), np.array([[4.0, -2.0], [-2.0, 1.0]])),
    ("det", (np.zeros((3, 3)),), (), np.zeros((3, 3))),
    ("det", (np.array([[1.0, 1j], [1j, -1.0]]),), (), np.array([[-1.0, -1j], [-1j, 1.0]])),
    ("clip", (np.array([0.0, 0.5, 1.0]), 0.0, 1.0), (), np.array([0.5, 1.0, 0.5])),
    ("builtin_max", ((2.0, 2.0, 1.0),), (), (0.5, 0.5, 0.0)),
]


@pytest.mark.parametrize(("prim", "operands", "attrs", "expected"), SINGULAR)
def test_adjoints_at_singular_points(prim: str, operands: Any, attrs: Any, expected: Any) -> None:
    found: Any = ADJOINTS[prim](np.float64(1.0), apply(prim, operands, attrs), *operands, *attrs)
    found = found[0] if prim == "clip" else found
    np.testing.assert_allclose(found, expected, atol=1e-15)


def _is_of_scipy(name: str) -> bool:
    helper = PRIMITIVES[name].helper
    return PRIMITIVES[name].spelling.startswith("scipy.") or getattr(helper, "__module__", "").startswith(
        scipy.__name__
    )


def test_every_rule_is_tested() -> None:
    in_programs = {
        "attach",
        "delta",
        "contiguous",
        "sparse_product",
        "product_sparse",
        "read_only",
    }  # they are no maths
    tested_here = {c[0] for c in CASES} | {"np.matmul"} | in_programs
    ours = {name for name in {*ADJOINTS, *TANGENTS} if not _is_of_scipy(name)}
    assert ours <= tested_here, ours - tested_here  # those of SciPy are tested on their own, by what loads them
    assert not ZERO & (set(ADJOINTS) | set(TANGENTS) | set(ROWS))
