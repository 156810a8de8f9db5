"""Elementwise functions that are not ufuncs: where, clip, sinc, nan_to_num, round, real."""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, is_none
from adcompile.ir.lengths import Facts
from adcompile.ir.types import OBJECT, Type, numpy_dtype
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, method_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import broadcast
from adcompile.rules.promotion import common_dtype, strong
from adcompile.rules.reductions import averaged
from adcompile.rules.table import adjoint, linear, nondifferentiable, nonlinear, row, static

Array = np.ndarray

# -- where

function(np.where, "where", "condition, x, y, /")


@linear("where", 1, 2, jointly=True)
def where_adjoint(g: Array, ans: Array, c: Array, x: Array, y: Array) -> tuple[None, Array, Array]:
    return None, np.where(c, g, 0.0), np.where(c, 0.0, g)


# -- sinc, nan_to_num, round, fix


def infer_float(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer an elementwise function that gives floating-point numbers."""
    t = args[0].type
    dtype = numpy_dtype(t)
    return Type("np" if t.dims == () else "array", None if dtype is None else averaged(dtype), t.dims)


def infer_rounded(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer an elementwise function that keeps the dtype."""
    t = args[0].type
    return OBJECT if t.kind == "object" else Type("np" if t.dims == () else "array", numpy_dtype(t), t.dims)


primitive("sinc", infer_float, "np.sinc", "x", usage="x")
row(  # at 0, the series gives derivatives of higher order
    "sinc",
    "np.sinc(x)",
    "np.where(x == 0, (pi**4 / 30 * x**2 - pi**2 / 3) * x, (np.cos(pi * x) - ans) / (x + (x == 0)))",
)

primitive(
    "nan_to_num",
    infer_rounded,
    "np.nan_to_num",
    "x",
    "nan=0.0, posinf=None, neginf=None",
    usage="x, copy: static = True, nan: static = 0.0, posinf: static = None, neginf: static = None",
    cost="arithmetic",
)


@nonlinear("nan_to_num")
def nan_to_num_tangent(ans: Array, x: Array, nan: float, posinf: float, neginf: float, x_dot: Array) -> Array:
    return np.where(np.isfinite(x), x_dot, 0.0)


@adjoint("nan_to_num")
def nan_to_num_adjoint(g: Array, ans: Array, x: Array, nan: float, posinf: float, neginf: float) -> Array:
    return np.where(np.isfinite(x), g, 0.0)


primitive(
    "np.round",
    infer_rounded,
    "np.round",
    "x",
    "decimals=0",
    usage="a, decimals: static = 0, out: no = None",
    method="round",
    cost="arithmetic",
)
FUNCTIONS[np.around] = FUNCTIONS[np.round]
primitive("fix", infer_rounded, "np.fix", "x", usage="x, out: no = None", cost="arithmetic")
nondifferentiable("np.round", "fix")


def identity(x: Array) -> Array:
    """What np.asarray means for an array."""
    return x


# -- clip


def infer_clip(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer clip; a bound may be None."""
    bounds = [a.type for a in args[1:] if not is_none(a)]
    types = (strong(args[0].type), *bounds)
    if any(t.kind == "object" for t in types):
        return OBJECT
    dims = broadcast(facts, *[t.dims for t in types])
    return Type("np" if dims == () else "array", common_dtype(types), dims)


primitive(
    "clip",
    infer_clip,
    "np.clip",
    "x, low, high",
    usage="a, a_min=None, a_max=None, out: no = None, *, where: no = True",
    cost="arithmetic",
)
_clip = FUNCTIONS[np.clip]


def choose_clip(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell by which names the bounds are given."""
    named = "min" in kwargs or "max" in kwargs
    return Binding("np.clip", "clip", "a, /, *, min=None, max=None, where: no = True") if named else _clip


FUNCTIONS[np.clip] = Binding("np.clip", choose=choose_clip)
method_of("clip", "clip", "a, min=None, max=None, out: no = None")


def above(x: Array, bound: Array) -> Array:
    """1 where x is above a bound, 0 where below, a half where they tie."""
    return 0.5 * (np.sign(x - bound) + 1.0)


def clip_slopes(x: Array, low: Array | None, high: Array | None) -> tuple[object, object, object]:
    """Derivatives of clip in x, low and high; ties share equally."""
    if high is None:
        return (1, None, None) if low is None else (above(x, low), above(low, x), None)
    if low is None:
        return above(high, x), None, above(x, high)
    if in_order(low, high):
        return 0.5 * (np.sign(x - low) + np.sign(high - x)), above(low, x), above(x, high)
    raised = np.maximum(x, low)
    inside = above(high, raised)
    return above(x, low) * inside, above(low, x) * inside, above(raised, high)


@static
def in_order(low: object, high: object) -> bool:
    """Tell whether two bounds are numbers known when compiling, the first below the second."""
    return isinstance(low, int | float) and isinstance(high, int | float) and low < high


@adjoint("clip")
def clip_adjoint(g: Array, ans: Array, x: Array, low: Array | None, high: Array | None) -> object:
    slopes = clip_slopes(x, low, high)
    return g * slopes[0], None if low is None else g * slopes[1], None if high is None else g * slopes[2]


@nonlinear("clip")
def clip_tangent(
    ans: Array,
    x: Array,
    low: Array | None,
    high: Array | None,
    x_dot: Array | None,
    low_dot: Array | None,
    high_dot: Array | None,
) -> object:
    total: Array | float = 0.0
    for slope, dot in zip(clip_slopes(x, low, high), (x_dot, low_dot, high_dot), strict=True):
        if slope is not None and dot is not None:
            total = total + (dot if low is None and high is None else np.where(slope != 0, dot, 0.0) * slope)
    return total
