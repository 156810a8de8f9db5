"""Functions of the order of entries: sort, partition, median, quantile, percentile, take_along_axis, running extrema.

Their derivatives follow the entries: each result takes those of the entries that it is made of. Entries that tie keep
the order that NumPy gives them.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype, result_type
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, METHODS, Argument, Binding, Operand, entries, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import product, reduced
from adcompile.rules.reductions import averaged, restore
from adcompile.rules.table import adjoint, nonlinear

Array = np.ndarray

# -- take_along_axis


@macro(np.take_along_axis)
def along(arr: Array, indices: Array, axis: int | None = -1) -> Array:
    """The entries that indices of the same rank name along an axis."""
    if axis is None:
        return np.ravel(arr)[indices]
    axis = axis % arr.ndim
    places = [np.reshape(np.arange(n), (-1,) + (1,) * (arr.ndim - 1 - i)) for i, n in enumerate(arr.shape)]
    return arr[tuple(places[:axis]) + (indices,) + tuple(places[axis + 1 :])]


# -- sort, partition


def infer_sorted(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer sort; an array without axes has no order."""
    t, axis = args[0].type, attrs[0]
    dims = t.dims if axis is not None or t.dims is None else (product(t.dims),)
    if dims == ():
        raise TypeError("np.sort needs an array with at least one dimension")
    return Type("array", numpy_dtype(t), dims)


def infer_partitioned(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer partition."""
    return infer_sorted(facts, args, attrs[1:])


primitive(
    "sort",
    infer_sorted,
    "np.sort",
    "x",
    "axis=-1, kind=None, stable=None",
    usage="a, axis: axis = -1, kind: static = None, order: no = None, *, stable: static = None",
)
primitive(
    "partition",
    infer_partitioned,
    "np.partition",
    "x",
    "kth, axis=-1, kind='introselect'",
    usage="a, kth: static, axis: axis = -1, kind: static = 'introselect', order: no = None",
)


@nonlinear("sort")
def sort_tangent(ans: Array, x: Array, axis: int | None, kind: str | None, stable: None, x_dot: Array) -> Array:
    if axis is None:
        return np.ravel(x_dot)[np.argsort(np.ravel(x))]
    return along(x_dot, np.argsort(x, axis=axis), axis)


@adjoint("sort")
def sort_adjoint(g: Array, ans: Array, x: Array, axis: int | None, kind: str | None, stable: None) -> Array:
    if axis is None:
        return np.reshape(g[np.argsort(np.argsort(np.ravel(x)))], x.shape)
    return along(g, np.argsort(np.argsort(x, axis=axis), axis=axis), axis)


@nonlinear("partition")
def partition_tangent(ans: Array, x: Array, kth: int, axis: int | None, kind: str, x_dot: Array) -> Array:
    if axis is None:
        return np.ravel(x_dot)[np.argpartition(np.ravel(x), kth)]
    return along(x_dot, np.argpartition(x, kth, axis=axis), axis)


@adjoint("partition")
def partition_adjoint(g: Array, ans: Array, x: Array, kth: int, axis: int | None, kind: str) -> Array:
    if axis is None:
        return np.reshape(g[np.argsort(np.argpartition(np.ravel(x), kth))], x.shape)
    return along(g, np.argsort(np.argpartition(x, kth, axis=axis), axis=axis), axis)


def sort_in_place(a: Array, axis: int = -1, kind: str | None = None) -> None:
    """What the method sort does."""
    a[...] = np.sort(a, axis)


def partition_in_place(a: Array, kth: int, axis: int = -1, kind: str = "introselect") -> None:
    """What the method partition does."""
    a[...] = np.partition(a, kth, axis)


METHODS["sort"] = Binding("the method sort", macro=sort_in_place)
METHODS["partition"] = Binding("the method partition", macro=partition_in_place)

# -- median, quantile


def infer_median(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer median."""
    t, (axis, keepdims) = args[0].type, attrs
    if isinstance(axis, tuple):
        raise TypeError("np.median: several axes are not supported; reshape them to one")
    dtype = numpy_dtype(t)
    return result_type(None if dtype is None else averaged(dtype), reduced(t.dims, axis, keepdims))


def infer_quantile(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer quantile: the axes of the probabilities come first."""
    inner, q = infer_median(facts, args, attrs[1:]), attrs[0]
    several = (len(q),) if isinstance(q, tuple) else ()
    found = np.result_type(inner.dtype, np.float64) if several and inner.dtype is not None else inner.dtype
    return result_type(found, None if inner.dims is None else (*several, *inner.dims))


def prepare_quantile(operands: list[Operand], values: dict[str, object]) -> None:
    """Write the probabilities as one number or a tuple of them."""
    q = np.asarray(values["q"], float)
    if q.ndim > 1:
        raise TypeError("np.quantile: the probabilities must be a number or a vector")
    values["q"] = tuple(map(float, q)) if q.ndim else values["q"]


primitive(
    "median",
    infer_median,
    "np.median",
    "x",
    "axis=None, keepdims=False",
    usage="a, axis: axes = None, out: no = None, overwrite_input: no = False, keepdims: static = False",
)
_QUANTILE = "a, q: static, axis: axes = None, out: no = None, overwrite_input: no = False, method: no = 'linear', "
_QUANTILE += "keepdims: static = False, *, weights: no = None, interpolation: no = None"
for _name in ("quantile", "percentile"):
    primitive(
        _name,
        infer_quantile,
        f"np.{_name}",
        "x",
        "q, axis=None, keepdims=False",
        usage=_QUANTILE,
        prepare=prepare_quantile,
    )


def over_axes(function: Callable[..., Array]) -> Callable[..., Array]:
    """Make the quantile along several axes of that along the last one."""

    def taken(a: Array, q: object, axis: tuple[int, ...], keepdims: bool = False) -> Array:
        axes = tuple([i % a.ndim for i in axis])
        kept = tuple([i for i in range(a.ndim) if i not in axes])
        flat = np.reshape(np.transpose(a, kept + axes), tuple([a.shape[i] for i in kept]) + (-1,))
        found = function(flat, q, axis=-1)
        return np.expand_dims(found, tuple([i - a.ndim for i in axes])) if keepdims else found

    return taken


quantile_over, percentile_over = over_axes(np.quantile), over_axes(np.percentile)


def median_over(a: Array, axis: tuple[int, ...], keepdims: bool = False) -> Array:
    """The median along several axes."""
    axes = tuple([i % a.ndim for i in axis])
    kept = tuple([i for i in range(a.ndim) if i not in axes])
    found = np.median(np.reshape(np.transpose(a, kept + axes), tuple([a.shape[i] for i in kept]) + (-1,)), axis=-1)
    return np.expand_dims(found, axes) if keepdims else found


def choose_axes(usual: Binding, several: Callable[..., Array], place: int) -> Binding:
    """Tell whether there are several axes."""

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        axis = kwargs.get("axis", args[place] if len(args) > place else Const(None))
        named = entries(axis)
        plain = len(args) <= place + 1 and kwargs.keys() <= {"q", "axis", "keepdims"}
        return Binding(usual.name, macro=several) if named is not None and len(named) > 1 and plain else usual

    return Binding(usual.name, choose=choose)


FUNCTIONS[np.median] = choose_axes(FUNCTIONS[np.median], median_over, 1)
FUNCTIONS[np.quantile] = choose_axes(FUNCTIONS[np.quantile], quantile_over, 2)
FUNCTIONS[np.percentile] = choose_axes(FUNCTIONS[np.percentile], percentile_over, 2)


def ranks(x: Array, axis: int | None) -> Array:
    """The place of each entry in the order along an axis, or of all."""
    if axis is None:
        return np.reshape(np.argsort(np.argsort(np.ravel(x))), x.shape)
    return np.argsort(np.argsort(x, axis=axis), axis=axis)


def length(x: Array, axis: int | None) -> int:
    return x.size if axis is None else x.shape[axis]


def median_slope(x: Array, axis: int | None) -> Array:
    """The derivative of the median: a half for each of the two entries in the middle, or 1 for the one."""
    n, place = length(x, axis), ranks(x, axis)
    return (0.5 * ((place == (n - 1) // 2).astype(x.dtype) + (place == n // 2).astype(x.dtype))).astype(x.dtype)


@nonlinear("median")
def median_tangent(ans: Array, x: Array, axis: int | None, keepdims: bool, x_dot: Array) -> Array:
    return np.sum(median_slope(x, axis) * x_dot, axis=axis, keepdims=keepdims)


@adjoint("median")
def median_adjoint(g: Array, ans: Array, x: Array, axis: int | None, keepdims: bool) -> Array:
    return restore(g, axis, keepdims) * median_slope(x, axis)


def quantile_slopes(x: Array, q: Array, axis: int | None) -> Array:
    """The derivative of quantiles: of the two entries between which they lie, by nearness; probabilities first."""
    place = np.expand_dims(q * (length(x, axis) - 1), tuple(range(q.ndim, q.ndim + x.ndim)))
    return np.maximum(1.0 - np.abs(ranks(x, axis) - place), 0.0).astype(x.dtype)


def quantile_forward(x: Array, q: Array, axis: int | None, keepdims: bool, x_dot: Array) -> Array:
    slopes = quantile_slopes(x, q, axis) * x_dot
    if axis is None:
        return np.sum(slopes, axis=tuple(range(q.ndim, q.ndim + x.ndim)), keepdims=keepdims)
    return np.sum(slopes, axis=axis + q.ndim, keepdims=keepdims)


def quantile_backward(g: Array, x: Array, q: Array, axis: int | None, keepdims: bool) -> Array:
    if q.ndim == 0:
        return restore(g, axis, keepdims) * quantile_slopes(x, q, axis)
    if axis is None and not keepdims:
        g = np.expand_dims(g, tuple(range(1, 1 + x.ndim)))
    elif axis is not None and not keepdims:
        g = np.expand_dims(g, axis + 1)
    return np.sum(g * quantile_slopes(x, q, axis), axis=0)


@nonlinear("quantile")
def quantile_tangent(ans: Array, x: Array, q: object, axis: int | None, keepdims: bool, x_dot: Array) -> Array:
    return quantile_forward(x, np.asarray(q), axis, keepdims, x_dot)


@adjoint("quantile")
def quantile_adjoint(g: Array, ans: Array, x: Array, q: object, axis: int | None, keepdims: bool) -> Array:
    return quantile_backward(g, x, np.asarray(q), axis, keepdims)


@nonlinear("percentile")
def percentile_tangent(ans: Array, x: Array, q: object, axis: int | None, keepdims: bool, x_dot: Array) -> Array:
    return quantile_forward(x, np.asarray(q) / 100.0, axis, keepdims, x_dot)


@adjoint("percentile")
def percentile_adjoint(g: Array, ans: Array, x: Array, q: object, axis: int | None, keepdims: bool) -> Array:
    return quantile_backward(g, x, np.asarray(q) / 100.0, axis, keepdims)


# -- running extrema


def infer_running(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the running maximum."""
    t = args[0].type
    return Type("array", numpy_dtype(t), t.dims)


for _name in ("maximum", "minimum"):
    primitive(
        f"{_name}.accumulate",
        infer_running,
        f"np.{_name}.accumulate",
        "x",
        "axis=0",
        usage="array, axis: axis = 0, dtype: no = None, out: no = None",
    )


def running_places(ans: Array, x: Array, axis: int) -> Array:
    """The place of the entry that is the extremum so far: the latest one that is equal to it."""
    n = x.shape[axis]
    index = np.reshape(np.arange(n), (-1,) + (1,) * (x.ndim - 1 - axis))
    return np.maximum.accumulate(np.where(x == ans, index, 0), axis=axis)


@nonlinear("maximum.accumulate")
@nonlinear("minimum.accumulate")
def running_tangent(ans: Array, x: Array, axis: int, x_dot: Array) -> Array:
    return along(x_dot, running_places(ans, x, axis), axis)


@adjoint("maximum.accumulate")
@adjoint("minimum.accumulate")
def running_adjoint(g: Array, ans: Array, x: Array, axis: int) -> Array:
    moved = np.moveaxis(g, axis, 0)
    places = np.moveaxis(running_places(ans, x, axis), axis, 0)
    return np.moveaxis(runtime.added_along(moved, places), 0, axis)


def infer_added_along(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return args[0].type


primitive("added_along", infer_added_along, "added_along", "g, places", helper=runtime.added_along)
function(runtime.added_along, "added_along", "g, places")


@nonlinear("added_along")
def added_along_tangent(ans: Array, g: Array, places: Array, g_dot: Array, places_dot: None) -> Array:
    return runtime.added_along(g_dot, places)


@adjoint("added_along")
def added_along_adjoint(bar: Array, ans: Array, g: Array, places: Array) -> tuple[Array, None]:
    return along(bar, places, 0), None
