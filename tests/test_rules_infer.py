"""Inference agrees with NumPy and Python: kind, dtype and shape of every function, on many kinds of operands."""

from __future__ import annotations

import builtins
import cmath
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial

import tests.tables  # noqa: F401  (fills the registry)
from adcompile.ir.core import Const, Var
from adcompile.ir.lengths import Dim, Facts, Length, example_of
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.structure import Node
from adcompile.ir.types import Type
from adcompile.rules.arithmetic import PYTHON
from adcompile.rules.binding import FUNCTIONS, METHODS, Argument, Bound, bind
from adcompile.rules.index import package_of
from adcompile.rules.ufuncs import WITH_EACH

pytestmark = pytest.mark.filterwarnings("ignore")

F8, F4 = np.float64, np.float32

# -- turning values into operands


def abstract(name: str, value: object) -> Argument:
    """Make an operand of a value, as the frontend does for an argument; tuples and lists become nodes."""
    if isinstance(value, tuple | list):
        return Node(
            "tuple" if isinstance(value, tuple) else "list",
            tuple(abstract(f"{name}_{i}", v) for i, v in enumerate(value)),
        )
    if isinstance(value, np.ndarray):
        return Var(
            name, Type("array", value.dtype, tuple(Dim("axis", (name, i), n) for i, n in enumerate(value.shape)))
        )
    if isinstance(value, np.generic):
        return Var(name, Type("np", value.dtype))
    if type(value) in (float, complex):
        return Var(name, Type("py", type(value)))
    return Const(value)


def known(atom: object) -> object:
    if isinstance(atom, Const):
        return atom.value
    raise TypeError("not known when compiling")


def inferred(bound: Bound, facts: Facts) -> Type | tuple[Type, ...]:
    """Infer the type of a bound call, and of the calls among its operands first."""
    operands = []
    for a in bound.args:
        if isinstance(a, Bound):
            t = inferred(a, facts)
            assert isinstance(t, Type)
            a = Var("", t)
        operands.append(a)
    p = PRIMITIVES[bound.prim]
    if p.fold is not None and all(isinstance(a, Const) for a in operands):
        return Const(p.fold(*[a.value for a in operands], *bound.attrs)).type
    return p.infer(facts, tuple(operands), bound.attrs)


def infer(f: Callable[..., object] | str, args: tuple[object, ...], kwargs: dict[str, object]) -> Any:
    """Return the inferred type of a call, or the macro that it means."""
    bound = bind(
        f,
        [abstract(f"x{i}", a) for i, a in enumerate(args)],
        {k: abstract(k, v) if isinstance(v, np.ndarray | tuple | list) else Const(v) for k, v in kwargs.items()},
        known,
    )
    return bound.macro if bound.macro is not None else inferred(bound, Facts())


# -- comparing


def described(value: object) -> tuple[str, object, tuple[int, ...]]:
    """Return the kind, dtype and shape of a value."""
    if isinstance(value, np.ndarray):
        return "array", value.dtype, value.shape
    if isinstance(value, np.generic):
        return "np", value.dtype, ()
    return "py", type(value), ()


def fits(t: Type, value: object) -> bool:
    """Tell whether a type says of a value what is true; a length that is not known fits any."""
    kind, dtype, shape = described(value)
    assert t.dims is not None and t.dtype is not None, t
    examples: list[Length | None] = [example_of(d) for d in t.dims]
    same_shape = len(shape) == len(examples) and all(e in (None, n) for e, n in zip(examples, shape, strict=True))
    return (kind, dtype) == (t.kind, t.dtype) and same_shape


def check(f: Callable[..., object] | str, *args: object, **kwargs: object) -> None:
    """Compare inference with what happens; where one refuses, so must the other."""
    try:
        actual = getattr(args[0], f)(*args[1:], **kwargs) if isinstance(f, str) else f(*args, **kwargs)
    except (TypeError, ValueError, IndexError) as error:
        try:
            if callable(infer(f, args, kwargs)):
                return
        except (TypeError, ValueError):
            return
        pytest.fail(f"accepted what fails with {error}")
    t = infer(f, args, kwargs)
    if callable(t):
        expected = t(*args, **kwargs)
        pairs = zip(expected, actual, strict=True) if isinstance(actual, tuple | list) else [(expected, actual)]
        for x, y in pairs:
            np.testing.assert_array_equal(x, y)
    elif isinstance(t, tuple):
        assert isinstance(actual, tuple | list)
        assert all(fits(u, v) for u, v in zip(t, actual, strict=True)), (t, [described(v) for v in actual])
    else:
        assert fits(t, actual), (str(t), described(actual))


# -- operators and ufuncs

OPERANDS: dict[str, object] = {
    "bool": True,
    "int": 3,
    "float": 0.5,
    "float32": F4(0.5),
    "float64": F8(0.5),
    "int64": np.int64(3),
    "int8": np.int8(3),
    "np.bool": np.True_,
    "f8[2,3]": np.full((2, 3), 0.5),
    "f4[3]": np.full(3, 0.5, F4),
    "i8[2,1]": np.full((2, 1), 2),
    "b[3]": np.ones(3, bool),
    "f8[]": np.array(0.5),
    "f4[2,3]": np.full((2, 3), 0.25, F4),
}

UFUNCS = sorted(
    {f for f in FUNCTIONS if isinstance(f, np.ufunc) and f not in (np.modf, np.frexp)}, key=lambda f: f.__name__
)


@pytest.mark.parametrize("name", PYTHON)
def test_operators(name: str) -> None:
    arity = PRIMITIVES[name].signature.count(",") + 1
    for values in itertools.product(OPERANDS.values(), repeat=arity):
        args = tuple(abstract("xy"[i], v) for i, v in enumerate(values))
        args = tuple(
            Var("k", Type("py", type(v))) if isinstance(a, Const) else a for a, v in zip(args, values, strict=True)
        )
        if name == "pow" and type(values[1]) is int:
            args = (args[0], Const(values[1]))
        try:
            actual = PYTHON[name](*values)
        except TypeError:
            with pytest.raises(TypeError):
                PRIMITIVES[name].infer(Facts(), args, ())
            continue
        t = PRIMITIVES[name].infer(Facts(), args, ())
        assert isinstance(t, Type) and fits(t, actual), (values, t, described(actual))


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_ufuncs(ufunc: np.ufunc) -> None:
    if ufunc is np.matmul:
        return
    for values in itertools.product(OPERANDS.values(), repeat=ufunc.nin):
        check(ufunc, *values)


@pytest.mark.parametrize("other_kind", ["int", "float", "float32", "f4[3]", "f8[2,3]"])
def test_scalars_of_either_kind(other_kind: str) -> None:
    """A loop variable may be a Python or a NumPy number: the result covers both."""
    for name in ("add", "mul", "div", "lt"):
        strong = Var("s", Type("scalar", np.dtype(F8)))
        other = abstract("y", OPERANDS[other_kind])
        assert isinstance(other, Var | Const)
        t = PRIMITIVES[name].infer(Facts(), (strong, other), ())
        assert isinstance(t, Type)
        for value in (0.5, F8(0.5)):
            kind, dtype, _ = described(PYTHON[name](value, OPERANDS[other_kind]))
            assert t.kind in (kind, "scalar")
            assert t.dtype is None or np.dtype(t.dtype) == np.dtype(dtype)  # type: ignore[call-overload]


# -- other functions

X1 = np.array([0.3, -1.2, 2.0, 0.7])
X2 = np.arange(6.0).reshape(2, 3) - 2.0
X3 = np.arange(24.0).reshape(2, 3, 4)
I1 = np.arange(4)
B2 = X2 > 0
COLUMN = np.ones((3, 1))
SQUARE = np.array([[2.0, 1.0], [0.5, 3.0]])
BATCH = np.stack([SQUARE, SQUARE.T, 2.0 * SQUARE])
ARRAYS = (X1, X2, X3, X1.astype(F4), X2.astype(F4), I1, B2, np.array(0.5))

REDUCTIONS = ("sum", "prod", "mean", "var", "std", "max", "min", "any", "all")


def reduction_cases() -> Iterator[tuple[Any, ...]]:
    for name, x in itertools.product(REDUCTIONS, ARRAYS):
        axes: list[object] = [None, *range(-x.ndim, x.ndim)]
        axes += [(0, 1), (-1, 0)] if x.ndim > 1 else []
        for axis, keepdims in itertools.product(axes, (False, True)):
            yield getattr(np, name), (x,), {"axis": axis, "keepdims": keepdims}
            yield name, (x,), {"axis": axis, "keepdims": keepdims}
        if x.ndim:
            yield getattr(np, name), (x, x.ndim), {}
    for name, x in itertools.product(("argmax", "argmin", "cumsum", "cumprod", "count_nonzero"), ARRAYS):
        for axis in [None, *range(-x.ndim, x.ndim)]:
            if x.ndim:
                yield getattr(np, name), (x,), {"axis": axis}
    for name in ("sum", "prod", "cumsum"):
        yield getattr(np, name), (X2,), {"axis": 0, "dtype": F4}
    for x in (0.5, F4(0.5), F8(0.5)):
        for name in ("sum", "mean", "max", "min", "prod"):
            yield getattr(np, name), (x,), {}
    yield np.var, (X2,), {"axis": 0, "ddof": 1}
    yield np.std, (X2, 1), {"ddof": 1}
    yield np.ptp, (X2, 0), {}
    yield np.amax, (X2,), {"axis": 1}
    yield np.amin, (X2,), {}
    yield np.sum, ([0.5, 1.5],), {}


def product_cases() -> Iterator[tuple[Any, ...]]:
    v3, v4 = np.ones(3), np.ones(4)
    pairs = [
        *((v3, v3), (X2, v3), (v3, X2.T), (X2, X2.T), (X3, v4), (X3, X3.swapaxes(1, 2)), (v3, X3), (X3, X2.T)),
        *((X2.astype(F4), v3.astype(F4)), (X2.astype(F4), v3), (X2, v4), (I1, I1), (v4, I1)),
    ]
    for x, y in pairs:
        yield np.matmul, (x, y), {}
        yield np.dot, (x, y), {}
        yield "dot", (x, y), {}
        yield np.inner, (x, y), {}
        yield np.outer, (x, y), {}
        yield np.kron, (x, y), {}
    yield np.dot, (X2, 2.0), {}
    yield np.dot, (F4(2.0), X2.astype(F4)), {}
    yield np.vdot, (X2, X2), {}
    for axes in (0, 1, 2, ([1, 2], [0, 1]), ((1,), (0,)), (1, 0), ([0, 1], [1, 0])):
        yield np.tensordot, (X3, X3[0]), {"axes": axes}
        yield np.tensordot, (X2, X2.T), {"axes": axes}
    for subscripts, *arrays in [
        *(("ij,jk->ik", X2, X2.T), ("ij,jk", X2, X2.T), ("ii", SQUARE), ("ii->i", SQUARE), ("ij->ji", X2)),
        *(("...ij,...jk->...ik", X3, X3.swapaxes(1, 2)), ("i,i", X1, X1), ("i,j->ij", X1, v3), ("ij->", X2)),
        *(("...i->...", X3), ("bij,j", X3, v4), ("i,i,i->i", X1, X1, X1.astype(F4)), ("ij", X2), ("ij,ij->j", X2, X2)),
    ]:
        yield np.einsum, (subscripts, *arrays), {}
    yield np.trace, (SQUARE,), {}
    yield np.trace, (X3, 1, 1, 2), {}
    yield np.trace, (X3,), {"axis1": 0, "axis2": -1}
    yield "trace", (X2,), {}


def shape_cases() -> Iterator[tuple[Any, ...]]:
    for x in (X1, X2, X3, X2.astype(F4), I1):
        for name in ("ravel", "flatten", "transpose", "copy"):
            yield name, (x,), {}
        for f in (np.ravel, np.transpose, np.flip, np.copy, np.atleast_1d, np.atleast_2d, np.zeros_like, np.ones_like):
            yield f, (x,), {}
        for f in (np.array, np.asarray, np.empty_like, np.diff, np.squeeze, np.real, np.sinc, np.nan_to_num, np.round):
            yield f, (x,), {}
    for shape in (6, -1, (3, 2), (2, 3), (-1, 2), (1, 6, -1), [3, 2]):
        yield np.reshape, (X2, shape), {}
        yield "reshape", (X2, shape), {}
    yield "reshape", (X2, 3, 2), {}
    yield "reshape", (X2, 3, -1), {}
    yield "transpose", (X3, 1, 2, 0), {}
    yield "transpose", (X3, (1, 2, 0)), {}
    yield np.transpose, (X3, (-1, 0, 1)), {}
    yield np.transpose, (X3, [0, 2, 1]), {}
    yield np.permute_dims, (X3, (2, 0, 1)), {}
    yield np.matrix_transpose, (X3,), {}
    yield np.swapaxes, (X3, 0, -1), {}
    yield "swapaxes", (X3, 0, 2), {}
    yield np.moveaxis, (X3, 0, -1), {}
    yield np.moveaxis, (X3, (0, 1), (-1, 0)), {}
    for axis in (0, -1, 1, (0, 2), 5):
        yield np.expand_dims, (X2, axis), {}
    for x, axis in ((COLUMN, None), (COLUMN, 1), (COLUMN, -1), (COLUMN, 0), (X2, None)):
        yield np.squeeze, (x, axis), {}
        yield "squeeze", (x, axis), {}
    yield np.squeeze, (F8(2.0),), {}
    for shape in ((2, 3), (4, 2, 3), (3,), (2, 2, 3)):
        yield np.broadcast_to, (X2, shape), {}
    yield np.broadcast_to, (0.5, (2, 3)), {}
    yield np.flip, (X2, 1), {}
    yield np.flipud, (X2,), {}
    yield np.fliplr, (X2,), {}
    yield np.roll, (X2, 1), {}
    yield np.roll, (X2, 1, -1), {}
    yield np.roll, (X2, (1, 2), (0, 1)), {}
    yield np.repeat, (X2, 2), {}
    yield np.repeat, (X2, 2, 1), {}
    yield np.tile, (X2, 2), {}
    yield np.tile, (X2, (2, 1, 2)), {}
    for k in (-2, -1, 0, 1):
        yield np.diag, (X1, k), {}
        yield np.diag, (X3[0], k), {}
        yield np.diag, (SQUARE, k), {}
        yield np.triu, (X2, k), {}
        yield np.tril, (X2, k), {}
        yield np.diagonal, (X2, k), {}
        yield "diagonal", (X3, k, 1, 2), {}
        yield np.diagonal, (X3, k, 0, -1), {}
    yield np.shape, (X2,), {}
    yield np.ndim, (X2,), {}
    yield np.diff, (X2, 2, 0), {}
    yield np.diff, (X2,), {"axis": 0}


def joining_cases() -> Iterator[tuple[Any, ...]]:
    x4 = X2.astype(F4)
    for arrays in ([X2, X2], (X2, x4), [x4, x4], [X2], [X1, X1], [X1, I1], [X2, X3], [X1, X1[:2]], [0.5, F4(1)]):
        for axis in (0, 1, -1):
            yield np.concatenate, (arrays,), {"axis": axis}
            yield np.stack, (arrays, axis), {}
        yield np.concatenate, (arrays, None), {}
        for f in (np.hstack, np.vstack, np.row_stack, np.column_stack):
            yield f, (arrays,), {}
    yield np.append, (X1, 2.0), {}
    yield np.append, (X2, X2, 0), {}
    for items in (
        [0.5, 1],
        [[0.5, 1.5], [2.5, 3.5]],
        [1, 2],
        [F4(1), 2.0],
        [F4(1), F4(2)],
        [X1, X1],
        0.5,
        (1.0, 2.0),
        [],
    ):
        yield np.array, (items,), {}
        yield np.asarray, (items,), {}
    yield np.array, ([1, 2],), {"dtype": float}
    yield np.array, ([1, 2], F4), {}
    yield np.array, (X2, F4), {}
    yield np.asarray, (X2, F4), {}
    yield np.array, ([[1.0], [2.0, 3.0]],), {}
    for sections in (2, [1, 3], (1,)):
        yield np.split, (X1, sections), {}
    yield np.split, (X2, 3, 1), {}
    yield np.vsplit, (X2, 2), {}
    yield np.hsplit, (X2, 3), {}


def creation_cases() -> Iterator[tuple[Any, ...]]:
    for f in (np.zeros, np.ones, np.empty):
        for shape in (3, (2, 3), (), [2, 1]):
            yield f, (shape,), {}
            yield f, (shape, F4), {}
            yield f, (shape,), {"dtype": int}
    yield np.full, (3, 0.5), {}
    yield np.full, ((2, 3), F4(0.5)), {}
    yield np.full, ((2, 3), 1), {}
    yield np.full, ((2, 3), 1, F4), {}
    yield np.full_like, (X2.astype(F4), 0.5), {}
    yield np.full_like, (I1, 0.5), {}
    yield np.zeros_like, (X2, F4), {}
    yield np.ones_like, (X2,), {"dtype": int}
    for args in ((3,), (3, 4), (3, 4, 1), (3, None, -1)):
        yield np.eye, args, {}
    yield np.eye, (3,), {"dtype": F4}
    yield np.identity, (3,), {}
    for args in ((5,), (2, 5), (2, 9, 3), (5, 2), (0.0, 1.0, 0.25), (5.0,), (9, 2, -2), (0,)):
        yield np.arange, args, {}
    yield np.arange, (3,), {"dtype": F4}
    yield np.linspace, (0, 1, 5), {}
    yield np.linspace, (0.0, 1.0), {"num": 7, "endpoint": False}
    yield np.linspace, (F4(0), F4(1), 3), {}
    yield np.linspace, (X1, X1 + 1.0, 3), {}
    yield np.linspace, (0, 1, 3, True, False, F4), {}
    for x in (X2, F8(0.5)):
        yield "astype", (x, F4), {}
        yield "astype", (x, int), {}
        yield "astype", (x,), {"dtype": "float64"}
    yield np.size, (X2,), {}
    yield np.astype, (X2, F4), {}
    for f in (F8, F4, np.float16, np.complex128, np.complex64, np.int64, np.int32, np.bool_):
        for x in (0.5, 1, F8(0.5), F4(0.5), X2):
            yield f, (x,), {}
    yield np.ascontiguousarray, (X2,), {}
    yield np.asfortranarray, (X2,), {}
    yield np.asanyarray, (X2, F4), {}


def choice_cases() -> Iterator[tuple[Any, ...]]:
    for x, y in itertools.product((0.5, 1, F4(0.5), X2, X2.astype(F4)), repeat=2):
        yield np.where, (B2, x, y), {}
    yield np.where, (True, 0.5, 1.5), {}
    for low, high in ((0.0, 1.0), (None, 1.0), (0, None), (X2 - 1, 1), (F4(0), F4(1)), (None, None)):
        for x in (X2, X2.astype(F4), 0.5, F4(0.5), I1 if low is None or np.ndim(low) == 0 else X2):
            yield np.clip, (x, low, high), {}
    yield "clip", (X2, 0, 1), {}
    yield "clip", (X2,), {"min": 0.0}
    for x in (X2, X2.astype(F4), 0.5, F8(0.5)):
        yield np.round, (x, 1), {}
        yield np.around, (x,), {}
        yield np.fix, (x,), {}
        yield np.sinc, (x,), {}
        yield np.nan_to_num, (x,), {}
    yield "round", (X2, 1), {}
    yield "conj", (X2,), {}


def linalg_cases() -> Iterator[tuple[Any, ...]]:
    for a in (SQUARE, BATCH, SQUARE.astype(F4), np.ones((2, 2), int) + np.eye(2, dtype=int), X2, X1):
        for f in (np.linalg.inv, np.linalg.det, np.linalg.slogdet):
            yield f, (a,), {}
    v, m = np.ones(2), np.ones((2, 3))
    for b in (v, m, v.astype(F4), np.ones((3, 2, 4)), np.ones(3)):
        yield np.linalg.solve, (SQUARE, b), {}
        yield np.linalg.solve, (BATCH, b), {}
    yield np.linalg.solve, (SQUARE.astype(F4), v.astype(F4)), {}
    for x, kwargs in itertools.product((X1, X1.astype(F4)), ({}, {"ord": 1}, {"ord": 2}, {"ord": np.inf}, {"ord": 3})):
        yield np.linalg.norm, (x,), kwargs
    yield np.linalg.norm, (X2,), {}
    yield np.linalg.norm, (X3,), {}
    yield np.linalg.norm, (X2, "fro"), {}
    yield np.linalg.norm, (X2,), {"axis": 1}
    yield np.linalg.norm, (X2,), {"axis": -1, "keepdims": True, "ord": 1}
    yield np.linalg.norm, (X3,), {"axis": (0, 2)}


def scalar_cases() -> Iterator[tuple[Any, ...]]:
    values: list[object] = [0.5, 1, F8(0.5), F4(0.5), np.array(0.5)]
    for f in (f for f in FUNCTIONS if getattr(f, "__module__", "") == "math"):
        two = f in (math.atan2, math.hypot, math.fmod, math.copysign, math.pow, math.gcd, math.lcm, math.comb)
        for x in [1, np.int64(2)] if f in (math.gcd, math.lcm, math.comb, math.isqrt) else values:
            if f is not math.trunc or type(x) in (float, int, F8):
                yield f, ((x, 2) if two else (x + 1.0 if f is math.acosh else x * 0.5 if f is math.atanh else x,)), {}
    yield math.log, (2.0, 10), {}
    for f in (math.gcd, math.isqrt, math.sin):
        yield f, ("1",) * (2 if f is math.gcd else 1), {}
    yield math.gcd, (1.0, 2), {}
    yield math.isqrt, (F8(2),), {}
    yield math.sin, (X1,), {}
    for x in (0.5, 1, True, F8(1.5), F4(1.5), np.int64(2), np.array(0.5), X1):
        for f in (float, int, bool, round):
            if np.ndim(x) == 0 and not (isinstance(x, np.ndarray) and f is round):
                yield f, (x,), {}
        yield abs, (x,), {}
    for x in (0.5, 2, F8(1.25), F4(1.25), True):
        yield round, (x, 1), {}
    for x, y in itertools.product((0.5, F8(0.5), F4(0.5), 2), repeat=2):
        yield pow, (x, y), {}
    yield max, (0.5, 1.5), {}
    yield min, (1, 2, 3), {}
    yield max, ([0.5, 1.5],), {}
    yield max, (X1,), {}
    yield sum, ([0.5, 1.5, 2],), {}
    yield sum, (X1,), {}
    yield sum, (X2,), {}
    yield divmod, (7.5, 2.0), {}
    yield "item", (F8(0.5),), {}


def complex_cases() -> Iterator[tuple[Any, ...]]:
    z = X2 + 1j
    for x in (z, z.astype(np.complex64), np.complex64(1j), 0.5 + 1j, X2, F4(0.5), 0.5):
        for f in (np.real, np.imag, np.angle, np.sign):
            yield f, (x,), {}
        if not isinstance(x, float):
            yield "conj" if isinstance(x, np.ndarray) else "conjugate", (x,), {}
    yield np.angle, (z,), {"deg": True}
    for number in (0.5, F8(0.5), 0.5 + 1j):
        yield complex, (number,), {}
        for f in (f for f in FUNCTIONS if getattr(f, "__module__", "") == "cmath"):
            if f is not cmath.rect:
                yield f, (number,), {}
    yield complex, (0.5, 2.0), {}
    yield cmath.rect, (0.5, 2.0), {}


def fourier_cases() -> Iterator[tuple[Any, ...]]:
    for x in (X1, X2, X2.astype(F4), X2 + 1j, I1, X3):
        for f in (np.fft.fft, np.fft.ifft, np.fft.irfft, *([] if np.iscomplexobj(x) else [np.fft.rfft])):
            yield f, (x,), {}
            yield f, (x, 5), {"norm": "ortho"}
            yield f, (x,), {"axis": 0}
        yield np.fft.fftshift, (x,), {}
        yield np.fft.ifftshift, (x, -1), {}
    for f in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn", "hfft", "ihfft"):
        yield getattr(np.fft, f), (X2,), {}
    for f in (np.fft.fftfreq, np.fft.rfftfreq):
        yield f, (4, 0.5), {}


def cut_cases() -> Iterator[tuple[Any, ...]]:
    for x in (X1, X2, X2.astype(F4)):
        for axis in (-1, 0, None):
            yield np.argsort, (x,), {"axis": axis}
            yield np.argpartition, (x, 1), {"axis": axis}
        yield "argsort", (x,), {}
        yield "argpartition", (x, 1), {}
        yield np.flatnonzero, (x > 0,), {}
        yield np.argwhere, (x > 0,), {}
        yield np.isclose, (x, x + 1.0), {}
        yield np.allclose, (x, x + 1.0), {}
        yield np.array_equal, (x, x), {}
        yield np.digitize, (x, np.sort(X1)), {}
    yield np.isclose, (0.5, F8(1.0)), {}
    yield np.nonzero, (X2 > 0,), {}
    yield np.nonzero, (X1 > 0,), {}
    yield np.where, (X2 > 0,), {}
    yield "nonzero", (X2 > 0,), {}
    for v in (0.5, F8(0.5), X2):
        yield np.searchsorted, (np.sort(X1), v), {}
        yield "searchsorted", (np.sort(X1), v), {"side": "right"}
    yield np.bincount, (np.array([0, 2, 2]),), {}
    yield np.histogram, (X1, 3), {}
    yield np.histogram, (X1, np.array([0.0, 1.0, 2.0])), {"weights": X1.astype(F4)}
    yield np.histogram_bin_edges, (X1, 3), {}
    for g in (np.tril_indices_from, np.triu_indices_from):
        yield g, (X2,), {"k": 1}
    for g in (np.tril_indices, np.triu_indices, np.diag_indices):
        yield g, (3,), {}
    yield np.diag_indices_from, (X2[:, :2] if X2.shape[0] == 2 else X2[:2, :2],), {}
    yield np.ix_, (np.array([0, 1]), np.array([1, 2, 2])), {}
    yield np.unravel_index, (np.array([1, 3]), X2.shape), {}
    for g in (np.union1d, np.setdiff1d, np.intersect1d):
        yield g, (X1, X1[:1]), {}
    for name, pair in (("matvec", (X2, np.ones(X2.shape[1]))), ("vecmat", (np.ones(X2.shape[0]), X2))):
        if hasattr(np, name):
            yield getattr(np, name), pair, {}


def ordering_cases() -> Iterator[tuple[Any, ...]]:
    for x in (X1, X2, X2.astype(F4), I1):
        for axis in (-1, 0, None):
            yield np.sort, (x,), {"axis": axis}
            yield np.partition, (x, 1), {"axis": axis}
        for f, q in ((np.median, {}), (np.quantile, {"q": 0.3}), (np.percentile, {"q": 30})):
            yield f, (x,), q
            yield f, (x,), {"axis": 0, "keepdims": True, **q}
        for f, q in ((np.nanquantile, 0.3), (np.nanpercentile, 30)):
            yield f, (x, q), {}
            yield f, (x, [q, q]), {"axis": 0, "method": "midpoint"}
        yield np.maximum.accumulate, (x,), {}
        yield np.minimum.accumulate, (x,), {"axis": 0}
        yield np.take_along_axis, (x, np.argsort(x, axis=0), 0), {}
        yield np.lexsort, ([x, x],), {}
        yield np.isin, (x, np.array([1, 2])), {}


def selecting_cases() -> Iterator[tuple[Any, ...]]:
    yield np.take, (X2, [0, 2], 1), {}
    yield "take", (X2, [0, 2]), {}
    yield np.compress, ([True, False], X2, 0), {}
    yield "compress", (X2, [True, False], 0), {}
    yield np.extract, (X2 > 0, X2), {}
    yield np.choose, (np.array([0, 1]), [X2[:, :2], X2[:, 1:]]), {}
    yield np.select, ([X2 > 1, X2 > 0], [X2, X2 * 2]), {"default": 0.5}
    yield np.repeat, (X2, [1, 2], 0), {}
    yield np.delete, (X2, 1, 1), {}
    yield np.delete, (X2, [0, 2], 1), {}
    yield np.delete, (X1, np.array([0, 2])), {}
    yield np.insert, (X1, [1, 3], 5.0), {}
    yield np.insert, (X2, 1, 5.0, 1), {}
    yield np.insert, (X1, 1, 5.0), {}
    yield np.resize, (X2, (3, 3)), {}
    yield np.unique, (X2,), {}
    yield np.unique, (np.array([3, 1, 3]),), {"return_index": True, "return_inverse": True, "return_counts": True}
    for k in (0, 1, 2, -1):
        yield np.rot90, (X2, k), {}
    yield np.rollaxis, (X3, 2), {}
    yield np.rollaxis, (X3, 0, 3), {}
    for x in (np.array(0.5), X1, X2, X3):
        yield np.atleast_3d, (x,), {}
        yield np.diagflat, (x,), {}
    yield np.dstack, ([X2, X2],), {}
    yield np.dsplit, (X3, 2), {}
    for n in (2, 3):
        yield np.array_split, (X1, n), {}
        yield np.array_split, (X3, n), {"axis": 2}
    yield np.unstack, (X2,), {}
    yield np.block, ([[X2, X2], [X2, X2]],), {}
    yield np.meshgrid, (X1, X1[:2]), {}
    yield np.meshgrid, (X1, X1[:2]), {"indexing": "ij"}
    yield np.meshgrid, (X1, X1[:2]), {"sparse": True}
    yield np.broadcast_arrays, (X2, X2[0]), {}


def padding_cases() -> Iterator[tuple[Any, ...]]:
    for x in (X1, X2, X2.astype(F4)):
        for width in (2, (1, 2)):
            yield np.pad, (x, width), {}
            yield np.pad, (x, width, "reflect" if width == 2 and x is X1 else "edge"), {}
        yield np.pad, (x, 1), {"constant_values": 1.5}
        yield np.gradient, (x,), {"axis": 0}
        yield np.gradient, (x, 0.5), {"axis": x.ndim - 1}
    yield np.gradient, (np.ones((3, 3)),), {}
    for t in (0.5, F8(0.5), X2):
        yield np.interp, (t, X1, X1), {}
    for mode in ("full", "same", "valid"):
        for x, y in ((X1, X1[:2]), (X1[:2], X1), (X1.astype(F4), X1.astype(F4))):
            yield np.convolve, (x, y, mode), {}
            yield np.correlate, (x, y, mode), {}
    yield np.convolve, (X2, X1), {}


def statistics_cases() -> Iterator[tuple[Any, ...]]:
    for x in (np.where(X2 > 2, np.nan, X2), X1):
        for f in (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin):
            yield f, (x,), {}
            yield f, (x,), {"axis": 0}
        yield np.nancumsum, (x,), {}
        yield np.nancumprod, (x,), {"axis": 0}
        yield np.nanmedian, (x,), {}
        yield np.trapezoid, (x,), {}
        yield np.ediff1d, (x,), {}
        yield np.diff, (x,), {"prepend": 0.0}
    yield np.average, (X2,), {}
    yield np.sum, (X2,), {"where": B2, "axis": 0}
    yield np.mean, (X2,), {"where": B2}
    yield np.max, (X2,), {"initial": 1.0}
    yield np.lib.stride_tricks.sliding_window_view, (X2, 2), {"axis": 1}
    for f in (np.sum, np.prod, np.max, np.min, np.amax):
        for axis in (None, 1):
            yield f, (X2,), {"initial": 1.0, "where": X2 > 0.0, "axis": axis}
    for f in (np.sum, np.mean, np.var, np.std):
        yield f, (X2,), {"where": X2 > -9.0, "axis": 0, "keepdims": True}
    yield np.max, (X2,), {"where": X2 > 0.0}
    yield np.min, (X2,), {"initial": 1.0, "axis": 1}
    yield np.polyfit, (np.arange(4.0), X1, 2), {}
    yield np.polyadd, (X1, X1[:2]), {}
    yield np.polymul, (X1, X1[:2]), {}
    yield np.add.reduceat, (X1, np.array([0, 2])), {}
    yield np.polysub, (X1[:2], X1), {}
    for f in (np.fmax, np.fmin):
        yield f.reduce, (X2,), {}
        yield f.reduce, (X3,), {"axis": (0, 2), "keepdims": True}
    for f in WITH_EACH:
        yield f.outer, (X2, X1), {}
    yield np.logaddexp.reduce, (X2,), {}
    yield np.logaddexp2.reduce, (X2,), {"axis": 1}
    yield np.average, (X2,), {"axis": 0, "weights": np.array([1.0, 2.0])}
    yield np.average, (X2,), {"weights": X2}
    for x in (X1, X2):
        yield np.cov, (x,), {}
        yield np.cov, (x,), {"bias": True}
    yield np.cov, (X1, X1 + 1), {}
    yield np.corrcoef, (np.array([[1.0, 2.0, 4.0], [2.0, 1.0, 0.5]]),), {}
    yield np.trapezoid, (X2, X2[0]), {}
    yield np.trapezoid, (X2,), {"axis": 0, "dx": 0.5}
    yield np.cumulative_sum, (X1,), {}
    yield np.cumulative_sum, (X2,), {"axis": 1, "include_initial": True}
    yield np.cumulative_prod, (X1,), {}
    yield np.polyval, (X1, 0.5), {}
    yield np.polyval, (X1, X2), {}
    yield np.polyder, (X1,), {}
    yield np.poly, (X1,), {}
    yield np.roots, (np.array([1.0, -6.5, 11.2, -5.9]),), {}
    yield np.polydiv, (np.array([1.0, -6.5, 11.2, -5.9]), np.array([2.0, 0.5])), {}
    for series in (chebyshev.chebval, legendre.legval, hermite.hermval, hermite_e.hermeval, laguerre.lagval):
        yield series, (X2, X1), {}
        yield series, (0.5, X1), {}
    sums = (chebyshev.chebadd, legendre.legadd, hermite.hermadd, hermite_e.hermeadd, laguerre.lagadd)
    differences = (chebyshev.chebsub, legendre.legsub, hermite.hermsub, hermite_e.hermesub, laguerre.lagsub)
    of_powers = (polynomial.polyadd, polynomial.polysub, polynomial.polymul)
    for operation in (*sums, *differences, *of_powers, chebyshev.chebmul):
        yield operation, (X1, np.array([2.0, 0.5])), {}
    yield polynomial.polypow, (X1, 3), {}
    for fit in (polynomial.polyfit, chebyshev.chebfit, legendre.legfit, hermite.hermfit):
        yield fit, (np.linspace(-1.0, 1.0, 4), X1, 2), {}
    yield np.polyint, (X1, 2), {}
    yield np.vander, (X1, 3), {}
    yield np.vander, (X1,), {"increasing": True}
    yield np.logspace, (0.5, 2.0, 4), {}
    yield np.geomspace, (0.5, 2.0, 4), {}
    yield np.geomspace, (-0.5, -2.0, 4), {"endpoint": False}
    yield np.bincount, (np.array([0, 2, 1]), np.array([0.5, 1.0, 2.0])), {}
    for x in (X1, X2):
        yield np.modf, (x - 1.5,), {}
        yield np.frexp, (x - 1.5,), {}
        yield np.i0, (x,), {}
        yield np.size, (x, 0), {}
        yield np.ndim, ([x[0], x[0]],), {}
        yield np.atleast_1d, (0.5, x), {}
        yield np.atleast_2d, (x, 0.5), {}
        yield np.divmod, (x, 0.4), {}
        yield np.unwrap, (x,), {}
        for op in (np.add, np.multiply, np.maximum, np.minimum):
            yield op.reduce, (x,), {}
        for op in (np.add, np.multiply):
            yield op.accumulate, (x,), {}
        for op in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.power):
            yield op.outer, (x, X1 + 1.0), {}


def decomposition_cases() -> Iterator[tuple[Any, ...]]:
    tall = np.array([[0.3, 0.9], [-0.4, 0.2], [0.8, -0.5]])
    for a in (SQUARE @ SQUARE.T, BATCH @ np.swapaxes(BATCH, 1, 2), (SQUARE @ SQUARE.T).astype(F4)):
        for f in (np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.svd, np.linalg.svdvals):
            yield f, (a,), {}
        for f in (np.linalg.qr, np.linalg.pinv, np.linalg.eig, np.linalg.diagonal):
            yield f, (a,), {}
        for f in (np.linalg.trace, np.linalg.matrix_transpose):
            yield f, (a,), {}
        for f in (np.linalg.eigh, np.linalg.eigvalsh):
            yield f, (a, "U"), {}
        yield np.linalg.eigvals, (a + 0.1j,), {}
        yield np.linalg.cholesky, (a,), {"upper": True}
        yield np.linalg.matmul, (a, a), {}
        yield np.linalg.tensordot, (a, a), {"axes": 1}
        yield np.linalg.outer, (X1, X1), {}
        yield np.linalg.cond, (a,), {}
        for n in (-2, 0, 1, 2, 3, 6):
            yield np.linalg.matrix_power, (a, n), {}
    for a in (tall, tall.T):
        yield np.linalg.svd, (a,), {"full_matrices": False}
        yield np.linalg.svd, (a,), {"compute_uv": False}
        yield np.linalg.svd, (a,), {}
        for order in ("nuc", 1, -1, 2, -2, np.inf, -np.inf):
            yield np.linalg.norm, (a,), {"ord": order}
            yield np.linalg.norm, (np.stack([a, a]),), {"ord": order, "axis": (1, 2)}
            yield np.linalg.norm, (np.stack([a, a], 1),), {"ord": order, "axis": (2, 0), "keepdims": True}
            yield np.linalg.matrix_norm, (a,), {"ord": order}
            yield np.linalg.cond, (tall.T @ tall,), {"p": order}
        yield np.linalg.vector_norm, (a,), {}
        yield np.linalg.vector_norm, (a,), {"axis": 0, "ord": 1}
    yield np.linalg.lstsq, (np.eye(3, 2), np.ones(3)), {}
    yield np.linalg.tensorsolve, (np.eye(6).reshape(2, 3, 6) * 2.0, X2), {}
    yield np.linalg.tensorinv, (np.eye(6).reshape(2, 3, 6) * 2.0,), {"ind": 2}
    yield np.linalg.multi_dot, ([tall.T, tall, tall.T],), {}
    yield np.linalg.multi_dot, ([tall.T, tall],), {}
    for f in (np.vecdot, np.linalg.vecdot):
        yield f, (X1, X1), {}
        yield f, (X2, X2), {}
    for f in (np.cross, np.linalg.cross):
        yield f, (X2, X2[::-1] + 1.0), {}


CASES = [
    *ordering_cases(),
    *selecting_cases(),
    *padding_cases(),
    *statistics_cases(),
    *decomposition_cases(),
    *cut_cases(),
    *complex_cases(),
    *fourier_cases(),
    *reduction_cases(),
    *product_cases(),
    *shape_cases(),
    *joining_cases(),
    *creation_cases(),
    *choice_cases(),
    *linalg_cases(),
    *scalar_cases(),
]


def case_name(case: tuple[Any, ...]) -> str:
    f, args, kwargs = case
    shown = [str(described(a)[1:]) if isinstance(a, np.ndarray | np.generic) else str(a)[:40] for a in args]
    name = f"method {f}" if isinstance(f, str) else f.__name__
    return f"{name}({', '.join([*shown, *(f'{k}={v}' for k, v in kwargs.items())])})"


def name_of(f: Callable[..., object] | str) -> str:
    return f"method {f}" if isinstance(f, str) else f.__name__


@pytest.mark.parametrize("name", sorted({name_of(c[0]) for c in CASES}))
def test_functions(name: str) -> None:
    for f, args, kwargs in CASES:
        if name_of(f) == name:
            try:
                check(f, *args, **kwargs)
            except Exception as error:
                raise AssertionError(f"{case_name((f, args, kwargs))}: {error}") from error


def stores(f: Callable[..., object]) -> bool:
    """Tell whether a function writes to an argument and returns nothing; those are tested as programs."""
    macro = FUNCTIONS[f].macro
    return macro is not None and macro.__module__ == "adcompile.rules.mutators"


def test_every_function_is_tested() -> None:
    tested = {c[0] for c in CASES if not isinstance(c[0], str)} | set(UFUNCS)
    elsewhere = {f for f in FUNCTIONS if package_of(f).startswith(("adcompile", "scipy", "statistics"))}
    missing = [f for f in FUNCTIONS if f not in tested | elsewhere and not stores(f)]
    assert not missing, missing
    methods = {c[0] for c in CASES if isinstance(c[0], str)}
    same_as_functions = {"repeat", "conjugate", "argmax", "argmin", "cumsum", "cumprod"}
    assert set(METHODS) - methods <= same_as_functions | {"fill", "put", "sort", "partition"}


# -- refusals


@pytest.mark.parametrize(
    ("f", "args", "kwargs", "message"),
    [
        (np.mean, (X2,), {"dtype": F4}, r"the argument `dtype` must be the dtype of the array"),
        (np.sum, (X2,), {"out": X1}, r"np.sum: the argument `out` is not supported"),
        (np.sum, (X2,), {"axes": 1}, r"np.sum has no argument `axes`"),
        (np.sum, (), {}, r"np.sum needs the argument `a`"),
        (np.sum, (X2, 0), {"axis": 1}, r"np.sum was given `axis` twice"),
        (np.sin, (X2,), {"where": B2}, r"np.sin: the argument `where` is not supported"),
        (np.sum, (X2,), {"axis": 2}, r"axis 2 is out of bounds for an array with 2 dimensions"),
        (np.sum, (X2, F8(1)), {}, r"np.sum: `axis` must be known when compiling"),
        (np.concatenate, (F8(1),), {}, r"np.concatenate needs a list or tuple of arrays"),
        (np.add, (X2, X1), {}, r"operands with shapes \(2, 3\) and \(4,\) cannot be broadcast together"),
        (np.dot, (X2, X1), {}, r"the lengths 3 and 4 differ"),
        (np.linalg.norm, (X2, 3), {}, r"the matrix norm 3 is not supported"),
        (math.sin, (X2,), {}, r"this function takes a number, not a float64 array"),
        (np.reshape, (X2, (4, 2)), {}, r"the lengths 6 and 8 differ"),
        (np.clip, (X2, 0, 1, X1), {}, r"np.clip: the argument `out` is not supported"),
    ],
)
def test_messages(f: Any, args: Any, kwargs: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        infer(f, args, kwargs)


def test_functions_fill_the_tables() -> None:
    assert builtins.abs in FUNCTIONS and np.linalg.norm in FUNCTIONS and "sum" in METHODS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(PRIMITIVES) > 200
