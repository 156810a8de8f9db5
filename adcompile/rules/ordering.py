"""Functions of the order of entries: sort, partition, median, quantile, percentile, take_along_axis, running extrema.

Their derivatives follow the entries: each result takes those of the entries that it is made of. Entries that tie keep
the order that NumPy gives them.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype
from adcompile.rules import runtime
from adcompile.rules.binding import METHODS, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import product
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
