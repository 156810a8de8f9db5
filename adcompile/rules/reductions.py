"""Reductions and scans: sum, mean, prod, var, std, max, min, cumsum, cumprod, any, all, argmax.

Attributes: axis is None, an int or a tuple of ints, each from 0 to rank - 1; keepdims a bool. Ties of max and min share
equally, the derivative of std is 0 where std is 0, and prod and cumprod may contain zeros.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import OBJECT, Type, numpy_dtype, result_type, type_of_value
from adcompile.rules import runtime, simplify
from adcompile.rules.binding import Bound, Operand, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import normalise_axes, product, reduced
from adcompile.rules.table import adjoint, is_complex, linear, nondifferentiable, nonlinear

if TYPE_CHECKING:
    from adcompile.ir.builder import Builder

Axis = int | tuple[int, ...] | None
Array = np.ndarray

PLATFORM_INT: Final = np.dtype(np.int_)


def summed(dtype: np.dtype) -> np.dtype:
    """Return the dtype of sums and products: small integers grow."""
    if dtype.kind in "bi" and dtype.itemsize < PLATFORM_INT.itemsize:
        return PLATFORM_INT
    return np.dtype(np.uint) if dtype.kind == "u" and dtype.itemsize < PLATFORM_INT.itemsize else dtype


def averaged(dtype: np.dtype) -> np.dtype:
    """Return the dtype of means: integers become float64."""
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype


def real(dtype: np.dtype) -> np.dtype:
    """Return the dtype of variances."""
    return averaged(np.zeros(0, dtype).real.dtype)


def unchanged(dtype: np.dtype) -> np.dtype:
    return dtype


def reduction(dtype_of: Callable[[np.dtype], np.dtype] | np.dtype) -> Callable[[Facts, tuple[Atom, ...], Attrs], Type]:
    """Make the inference of a reduction with the attributes axis, keepdims and perhaps more, of which dtype is last.

    `dtype_of` maps the dtype of the operand to that of the result, or is that of all results.
    """

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        if t.kind == "object":
            return OBJECT
        dtype = numpy_dtype(t)
        found = dtype_of if isinstance(dtype_of, np.dtype) else None if dtype is None else dtype_of(dtype)
        if isinstance(attrs[-1], np.dtype):
            found = attrs[-1]
        return result_type(found, reduced(t.dims, attrs[0], attrs[1]))

    return infer


def scan(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer cumsum and cumprod, which flatten the array if axis is None."""
    t = args[0].type
    dtype = numpy_dtype(t)
    found = attrs[1] if isinstance(attrs[1], np.dtype) else None if dtype is None else summed(dtype)
    if attrs[0] is not None and t.dims is not None:
        normalise_axes(attrs[0], len(t.dims))
        return Type("array", found, t.dims)
    return Type("array", found, None if t.dims is None else (product(t.dims),))


def same_shape(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a function whose result is like its first operand."""
    return args[0].type


# -- usage


def own_dtype(operands: list[Operand], values: dict[str, object]) -> None:
    """Let a dtype be named that is that of the operand anyway; the correction is another name of ddof."""
    given, (x, *_) = values["dtype"], operands
    if given is not None and (isinstance(x, Bound) or numpy_dtype(x.type) != given):
        raise TypeError("the argument `dtype` must be the dtype of the array; use astype first")
    if values.get("correction") is not None:
        if values["ddof"] != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        values["ddof"] = values["correction"]


_REDUCED = "a, axis: axes = None, {dtype}out: no = None, keepdims: static = False"
_DTYPE = "dtype: {} = None, "
_SUM = _REDUCED.format(dtype=_DTYPE.format("dtype")) + ", initial: no = {}, where: no = True"
_MEAN = _REDUCED.format(dtype=_DTYPE.format("dtype")) + ", *, where: no = True"
_VAR = "a, axis: axes = None, dtype: dtype = None, out: no = None, ddof: static = 0, keepdims: static = False"
_VAR += ", *, where: no = True, mean: no = None, correction: static = None"
_MAX = _REDUCED.format(dtype="") + ", initial: no = None, where: no = True"
_ANY = _REDUCED.format(dtype="") + ", *, where: no = True"
_ARG = "a, axis: axis = None, out: no = None, *, keepdims: static = False"
_SCAN = "a, axis: axis = None, dtype: dtype = None, out: no = None"


def sum_simplify(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Make axes canonical in the adjoint: None for all of them; move a negation outward."""
    (x,) = args
    axis, keepdims, dtype = attrs
    rank = x.type.rank
    if b.phase == "adjoint" and rank is not None and not keepdims and dtype is None:
        axes = normalise_axes(axis, rank)
        if axis is not None and len(axes) == rank:
            return b.emit("sum", x, attrs=(None, False, None))
        if not axes and x.type.inexact and x.type.kind in ("np", "array"):
            return x
    return simplify.negation_outward("sum")(b, args, attrs)


primitive(
    "sum",
    reduction(summed),
    "np.sum",
    "x",
    "axis=None, keepdims=False, dtype=None",
    usage=_SUM.format(0),
    method="sum",
    simplification=sum_simplify,
    cost="arithmetic",
)
primitive(
    "prod",
    reduction(summed),
    "np.prod",
    "x",
    "axis=None, keepdims=False, dtype=None",
    usage=_SUM.format(1),
    method="prod",
)


def mean_simplify(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """In the adjoint, take a mean that the primal has computed without keeping the axes."""
    axis, keepdims = attrs
    known = b.find("mean", args, (axis, False)) if b.phase == "adjoint" and keepdims and axis is not None else None
    return None if known is None else b.emit("expand_dims", known, attrs=(axis,))


primitive(
    "mean",
    reduction(averaged),
    "np.mean",
    "x",
    "axis=None, keepdims=False",
    usage=_MEAN,
    method="mean",
    prepare=own_dtype,
    simplification=mean_simplify,
)
primitive(
    "var",
    reduction(real),
    "np.var",
    "x",
    "axis=None, keepdims=False, ddof=0",
    usage=_VAR,
    method="var",
    prepare=own_dtype,
)
primitive(
    "std",
    reduction(real),
    "np.std",
    "x",
    "axis=None, keepdims=False, ddof=0",
    usage=_VAR,
    method="std",
    prepare=own_dtype,
)
for _name in ("max", "min"):
    primitive(_name, reduction(unchanged), f"np.{_name}", "x", "axis=None, keepdims=False", usage=_MAX, method=_name)
    function(getattr(np, f"a{_name}"), _name, _MAX, name=f"np.a{_name}")
for _name in ("any", "all"):
    primitive(
        _name, reduction(np.dtype(bool)), f"np.{_name}", "x", "axis=None, keepdims=False", usage=_ANY, method=_name
    )
for _name in ("argmax", "argmin"):
    primitive(
        _name, reduction(np.dtype(np.intp)), f"np.{_name}", "x", "axis=None, keepdims=False", usage=_ARG, method=_name
    )
nondifferentiable("any", "all", "argmax", "argmin", "count_nonzero")


COUNT: Final = type_of_value(np.count_nonzero(np.zeros(1)))


def count_nonzero_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer np.count_nonzero, which gave a Python int before NumPy 2.4."""
    if attrs[0] is None and not attrs[1]:
        return COUNT
    return reduction(np.dtype(np.intp))(facts, args, attrs)


primitive(
    "count_nonzero",
    count_nonzero_infer,
    "np.count_nonzero",
    "x",
    "axis=None, keepdims=False",
    usage="a, axis: axes = None, *, keepdims: static = False",
    cost="arithmetic",
)
primitive("cumsum", scan, "np.cumsum", "x", "axis=None, dtype=None", usage=_SCAN, method="cumsum", cost="arithmetic")
primitive("cumprod", scan, "np.cumprod", "x", "axis=None, dtype=None", usage=_SCAN, method="cumprod", cost="arithmetic")
primitive("other_factors", same_shape, "other_factors", "x", "axis=None", helper=runtime.other_factors)
primitive("recurrence", same_shape, "recurrence", "x, a", "axis=0", helper=runtime.recurrence)
function(runtime.other_factors, "other_factors", "x, axis: static = None")
function(runtime.recurrence, "recurrence", "x, a, axis: static = 0")


@macro(np.ptp)
def peak_to_peak(a: Array, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    """The range of the values along an axis."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# -- derivatives


def restore(g: Array, axis: Axis, keepdims: bool) -> Array:
    """Put back the axes that a reduction removed."""
    if keepdims or axis is None:
        return g
    return np.expand_dims(g, axis)


def count(x: Array, axis: Axis) -> int:
    """Count the elements that a reduction takes together."""
    if axis is None:
        return x.size
    if isinstance(axis, tuple):
        return math.prod([x.shape[a] for a in axis])
    return x.shape[axis]


@linear("sum")
def sum_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool, dtype: np.dtype | None) -> Array:
    return np.broadcast_to(restore(g, axis, keepdims), x.shape)


@linear("mean")
def mean_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    return np.broadcast_to(restore(g / count(x, axis), axis, keepdims), x.shape)


def conjugated(x: Array) -> Array:
    """The conjugate of complex numbers; real ones as they are."""
    return np.conj(x) if is_complex(x) else x


@nonlinear("var")
def var_tangent(ans: Array, x: Array, axis: Axis, keepdims: bool, ddof: float, x_dot: Array) -> Array:
    centred = conjugated(x - np.mean(x, axis=axis, keepdims=True))
    return np.sum(2 * centred * x_dot, axis=axis, keepdims=keepdims) / (count(x, axis) - ddof)


@adjoint("var")
def var_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool, ddof: float) -> Array:
    centred = conjugated(x - np.mean(x, axis=axis, keepdims=True))
    return restore(2 * g / (count(x, axis) - ddof), axis, keepdims) * centred


@nonlinear("std")
def std_tangent(ans: Array, x: Array, axis: Axis, keepdims: bool, ddof: float, x_dot: Array) -> Array:
    centred = conjugated(x - np.mean(x, axis=axis, keepdims=True))
    spread = ans + (ans == 0)
    return np.sum(centred * x_dot, axis=axis, keepdims=keepdims) / ((count(x, axis) - ddof) * spread)


@adjoint("std")
def std_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool, ddof: float) -> Array:
    centred = conjugated(x - np.mean(x, axis=axis, keepdims=True))
    spread = ans + (ans == 0)
    return restore(g / ((count(x, axis) - ddof) * spread), axis, keepdims) * centred


def shares(ans: Array, x: Array, axis: Axis, keepdims: bool) -> tuple[Array, Array | np.integer | int]:
    """Find the elements that are the extremum, and count them."""
    ties = x == restore(ans, axis, keepdims)
    if axis is None:
        n = np.count_nonzero(ties)
        return ties, n if x.dtype == np.float64 else int(n)  # a NumPy int would make float64 of float32
    return ties, np.sum(ties, axis=axis, keepdims=keepdims, dtype=x.dtype)


@nonlinear("max")
@nonlinear("min")
def extremum_tangent(ans: Array, x: Array, axis: Axis, keepdims: bool, x_dot: Array) -> Array:
    """Ties share equally; the tangents of the other entries may be infinite."""
    ties, n = shares(ans, x, axis, keepdims)
    return np.sum(np.where(ties, x_dot, 0.0), axis=axis, keepdims=keepdims) / n


@adjoint("max")
@adjoint("min")
def extremum_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    ties, n = shares(ans, x, axis, keepdims)
    return restore(g / n, axis, keepdims) * ties


@nonlinear("prod")
def prod_tangent(ans: Array, x: Array, axis: Axis, keepdims: bool, dtype: np.dtype | None, x_dot: Array) -> Array:
    if np.ndim(x) == 0:
        return x_dot
    return np.sum(x_dot * runtime.other_factors(x, axis), axis=axis, keepdims=keepdims)


@adjoint("prod")
def prod_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool, dtype: np.dtype | None) -> Array:
    if np.ndim(x) == 0:
        return g
    return restore(g, axis, keepdims) * runtime.other_factors(x, axis)


@linear("cumsum")
def cumsum_adjoint(g: Array, ans: Array, x: Array, axis: int | None, dtype: np.dtype | None) -> Array:
    if axis is None:
        return np.reshape(np.flip(np.cumsum(np.flip(g))), x.shape)
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


@nonlinear("cumprod")
def cumprod_tangent(ans: Array, x: Array, axis: int | None, dtype: np.dtype | None, x_dot: Array) -> Array:
    if axis is None:
        return cumprod_tangent(ans, np.ravel(x), 0, dtype, np.ravel(x_dot))
    return runtime.recurrence(x_dot * shifted(ans, axis, edge(x, axis, 1)), x, axis)


@adjoint("cumprod")
def cumprod_adjoint(g: Array, ans: Array, x: Array, axis: int | None, dtype: np.dtype | None) -> Array:
    if axis is None:
        return np.reshape(cumprod_adjoint(g, ans, np.ravel(x), 0, dtype), x.shape)
    return backward_recurrence(g, x, axis) * shifted(ans, axis, edge(x, axis, 1))


def edge(x: Array, axis: int, fill: float) -> Array:
    """Make what is put before the first entries of arrays like x along an axis."""
    return np.full_like(x[(slice(None),) * axis + (slice(0, 1),)], fill)


def shifted(x: Array, axis: int, first: Array) -> Array:
    """Move the entries one place on along an axis."""
    return np.concatenate([first, x[(slice(None),) * axis + (slice(None, -1),)]], axis)


def backward_recurrence(x: Array, a: Array, axis: int) -> Array:
    """Solve ``y[i] = x[i] + a[i + 1] * y[i + 1]``: the transpose of `recurrence` in x."""
    coefficients = shifted(np.flip(a, axis), axis, edge(a, axis, 0))
    return np.flip(runtime.recurrence(np.flip(x, axis), coefficients, axis), axis)


@nonlinear("recurrence")
def recurrence_tangent(ans: Array, x: Array, a: Array, axis: int, x_dot: Array | None, a_dot: Array | None) -> Array:
    if a_dot is None:
        return runtime.recurrence(x_dot, a, axis)
    change = a_dot * shifted(ans, axis, edge(a, axis, 0))
    return runtime.recurrence(change if x_dot is None else x_dot + change, a, axis)


@adjoint("recurrence")
def recurrence_adjoint(g: Array, ans: Array, x: Array, a: Array, axis: int) -> tuple[Array, Array]:
    x_bar = backward_recurrence(g, a, axis)
    return x_bar, x_bar * shifted(ans, axis, edge(a, axis, 0))


@nonlinear("other_factors")
def other_factors_tangent(ans: Array, x: Array, axis: Axis, x_dot: Array) -> Array:
    if axis is None:
        return np.reshape(other_factors_tangent(ans, np.ravel(x), 0, np.ravel(x_dot)), x.shape)
    if isinstance(axis, tuple):
        return gathered(other_factors_tangent, x, axis, x_dot)
    zero, one = edge(x, axis, 0), edge(x, axis, 1)
    back = np.flip(x, axis)
    before = shifted(np.cumprod(x, axis), axis, one)
    after = np.flip(shifted(np.cumprod(back, axis), axis, one), axis)
    before_dot = shifted(runtime.recurrence(x_dot * before, x, axis), axis, zero)
    after_dot = np.flip(shifted(runtime.recurrence(np.flip(x_dot * after, axis), back, axis), axis, zero), axis)
    return before_dot * after + before * after_dot


@adjoint("other_factors")
def other_factors_adjoint(g: Array, ans: Array, x: Array, axis: Axis) -> Array:
    if axis is None:
        return np.reshape(other_factors_adjoint(np.ravel(g), ans, np.ravel(x), 0), x.shape)
    if isinstance(axis, tuple):
        return gathered(swapped_adjoint, x, axis, g)
    one, back = edge(x, axis, 1), np.flip(x, axis)
    up_to, from_end = np.cumprod(x, axis), np.cumprod(back, axis)
    before, after = shifted(up_to, axis, one), np.flip(shifted(from_end, axis, one), axis)
    through_before = cumprod_adjoint(shifted_back(g * after, x, axis), up_to, x, axis, None)
    through_after = cumprod_adjoint(shifted_back(np.flip(g * before, axis), x, axis), from_end, back, axis, None)
    return through_before + np.flip(through_after, axis)


def shifted_back(g: Array, x: Array, axis: int) -> Array:
    """Transpose `shifted`: move the entries one place back; the last is 0."""
    return np.concatenate([g[(slice(None),) * axis + (slice(1, None),)], edge(x, axis, 0)], axis)


def swapped_adjoint(ans: Array, x: Array, axis: Axis, g: Array) -> Array:
    """other_factors_adjoint with its operands as a tangent rule has them."""
    return other_factors_adjoint(g, ans, x, axis)


def gathered(rule: Callable[..., Array], x: Array, axes: tuple[int, ...], change: Array) -> Array:
    """Apply a rule along several axes at once: put them last, join them, and undo that."""
    last = tuple(range(x.ndim - len(axes), x.ndim))
    moved = np.moveaxis(x, axes, last)
    shape = moved.shape[: x.ndim - len(axes)] + (-1,)
    found = rule(None, np.reshape(moved, shape), len(shape) - 1, np.reshape(np.moveaxis(change, axes, last), shape))
    return np.moveaxis(np.reshape(found, moved.shape), last, axes)
