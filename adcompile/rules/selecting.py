"""Functions that select and arrange entries, written as reads, joins and stores: the same entries, moved.

take, compress, extract, choose, select, repeat by arrays, insert, delete, resize, unique, rot90, rollaxis, block,
meshgrid, array_split, dsplit, dstack, atleast_3d, broadcast_arrays, diagflat, sliding windows, and methods.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, atom_key
from adcompile.ir.lengths import Facts
from adcompile.ir.structure import Node
from adcompile.ir.types import Type, numpy_dtype
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, METHODS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.joining import split
from adcompile.rules.lengths import shape_of
from adcompile.rules.promotion import common_dtype
from adcompile.rules.table import linear, nondifferentiable, refuse

Array = np.ndarray
Shape = int | tuple[int, ...]
INDEX = np.dtype(np.intp)


def everything(axis: int) -> tuple[slice, ...]:
    """The whole of the axes before one."""
    return (slice(None),) * axis


# -- take, compress, extract


@macro(np.take)
def take(a: Array, indices: Array, axis: int | None = None, out: None = None, mode: str = "raise") -> Array:
    """The entries at indices along an axis."""
    if axis is None:
        return np.ravel(a)[within(indices, a.size, mode)]
    return a[everything(axis % a.ndim) + (within(indices, a.shape[axis], mode),)]


def within(indices: Array, n: int, mode: str) -> Array:
    """The indices of n entries; those outside are taken round, or to the nearest end, as the mode says."""
    k = np.asarray(indices)
    return k if mode == "raise" else k % n if mode == "wrap" else np.clip(k, 0, n - 1)


@macro(np.compress)
def compress(condition: Array, a: Array, axis: int | None = None, out: None = None) -> Array:
    """The entries along an axis where a condition holds."""
    return take(a, np.flatnonzero(condition), axis)


def compress_method(a: Array, condition: Array, axis: int | None = None, out: None = None) -> Array:
    return take(a, np.flatnonzero(condition), axis)


@macro(np.extract)
def extract(condition: Array, arr: Array) -> Array:
    """The entries where a condition holds."""
    return np.ravel(arr)[np.flatnonzero(condition)]


METHODS["take"] = Binding("the method take", macro=take)
METHODS["compress"] = Binding("the method compress", macro=compress_method)

# -- choose, select


def infer_choose(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer choose."""
    choices = tuple(a.type for a in args[1:])
    dims = facts.broadcast_dims(*[a.type.dims for a in args])
    return Type("np" if dims == () else "array", common_dtype(choices), dims)


primitive(
    "choose",
    infer_choose,
    "np.choose",
    "a, [*choices]",
    "mode='raise'",
    usage="a, choices: operands, out: no = None, mode: static = 'raise'",
)


@linear("choose", 1, jointly=True)
def choose_adjoint(
    g: Array, ans: Array, a: Array, choices: tuple[Array, ...], mode: str
) -> tuple[None, tuple[Array, ...]]:
    n = len(choices)
    place = a % n if mode == "wrap" else np.clip(a, 0, n - 1) if mode == "clip" else a
    return None, tuple([np.where(place == k, g, 0.0) for k in range(n)])


@macro(np.select)
def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: object = 0) -> Array:
    """The entries of the first choice whose condition holds."""
    return selected(tuple(condlist), tuple(choicelist), default)


def selected(conditions: tuple[Array, ...], choices: tuple[Array, ...], default: object) -> Array:
    if len(conditions) == 1:
        return np.where(conditions[0], choices[0], default)
    return np.where(conditions[0], choices[0], selected(conditions[1:], choices[1:], default))


# -- repeat by arrays, insert, delete, resize, unique


def infer_integers(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer places whose number is not known."""
    return Type("array", INDEX, (facts.fresh_for((*map(atom_key, args), attrs)),))


def infer_index_like(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer an index for each entry."""
    return Type("array", INDEX, args[0].type.dims)


def infer_resized(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer resize of places."""
    return Type("array", INDEX, shape_of(facts, args[1:]))


primitive("repeated_places", infer_integers, "np.repeat", "x, repeats")
primitive("left_places", infer_integers, "left_places", "x, obj", helper=runtime.left_places)
primitive("filled_places", infer_integers, "filled_places", "x, obj", helper=runtime.filled_places)
function(runtime.filled_places, "filled_places", "x, obj")
nondifferentiable("filled_places")
primitive("resized_places", infer_resized, "np.resize", "x, (*shape)")
primitive("unique_places", infer_integers, "unique_places", "x", helper=runtime.unique_places)
primitive("unique_counts", infer_integers, "unique_counts", "x", helper=runtime.unique_counts)
primitive("unique_inverse", infer_index_like, "unique_inverse", "x", helper=runtime.unique_inverse)
function(runtime.unique_counts, "unique_counts", "x")
function(runtime.unique_inverse, "unique_inverse", "x")
nondifferentiable("unique_counts", "unique_inverse")
nondifferentiable("repeated_places", "left_places", "resized_places", "unique_places")
function(runtime.repeated_places, "repeated_places", "x, repeats")
function(runtime.left_places, "left_places", "x, obj")
function(runtime.resized_places, "resized_places", "x, shape: shape")
function(runtime.unique_places, "unique_places", "x")


def repeat_each(a: Array, repeats: Array, axis: int | None = None) -> Array:
    """Each entry as often as an array says."""
    if axis is None:
        return np.ravel(a)[runtime.repeated_places(np.arange(a.size), np.asarray(repeats))]
    axis = axis % a.ndim
    return a[everything(axis) + (runtime.repeated_places(np.arange(a.shape[axis]), np.asarray(repeats)),)]


_repeat, _repeat_method = FUNCTIONS[np.repeat], METHODS["repeat"]


def choose_repeat(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell repeating by one number from repeating by an array."""
    given = kwargs.get("repeats", args[1] if len(args) > 1 else None)
    several = isinstance(given, Node) or (given is not None and given.type.is_array)
    return Binding("np.repeat", macro=repeat_each) if several else _repeat


FUNCTIONS[np.repeat] = METHODS["repeat"] = Binding("np.repeat", choose=choose_repeat)


@macro(np.delete)
def delete(arr: Array, obj: int | Sequence[int], axis: int | None = None) -> Array:
    """All entries but those at some places along an axis."""
    if axis is None:
        return np.ravel(arr)[runtime.left_places(np.arange(arr.size), obj)]
    axis = axis % arr.ndim
    return arr[everything(axis) + (runtime.left_places(np.arange(arr.shape[axis]), obj),)]


@macro(np.insert)
def insert(arr: Array, obj: int | Sequence[int] | Array, values: Array, axis: int | None = None) -> Array:
    """The entries with others before one of them, or before several."""
    if isinstance(obj, list | tuple | np.ndarray):
        flat = np.ravel(arr)
        more = np.broadcast_to(np.asarray(values), (len(obj),)).astype(arr.dtype)
        places = runtime.filled_places(np.arange(flat.size), np.asarray(obj))
        return np.concatenate([flat, more])[places]
    if axis is None:
        flat = np.ravel(arr)
        return np.concatenate([flat[:obj], np.ravel(np.asarray(values)).astype(arr.dtype), flat[obj:]])
    axis = axis % arr.ndim
    shape = arr.shape[:axis] + (1,) + arr.shape[axis + 1 :]
    put = np.broadcast_to(np.expand_dims(values, axis) if np.ndim(values) == arr.ndim - 1 else values, shape)
    head, tail = arr[everything(axis) + (slice(None, obj),)], arr[everything(axis) + (slice(obj, None),)]
    return np.concatenate([head, put.astype(arr.dtype), tail], axis)


@macro(np.resize)
def resize(a: Array, new_shape: Shape) -> Array:
    """As many entries as the new shape has, from the first on again and again."""
    return np.ravel(a)[runtime.resized_places(np.arange(a.size), new_shape)]


@macro(np.unique)
def unique(ar: Array, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False) -> object:
    """The entries in order, each once; and where they are first, which one each entry is, how many there are."""
    places = runtime.unique_places(ar)
    found: tuple[Array, ...] = (np.ravel(ar)[places],)
    if return_index:
        found = (*found, places)
    if return_inverse:
        found = (*found, runtime.unique_inverse(ar))
    if return_counts:
        found = (*found, runtime.unique_counts(ar))
    return found if len(found) > 1 else found[0]


# -- turns and axes


@macro(np.rot90)
def rot90(m: Array, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """Turn by right angles."""
    i, j = axes[0] % m.ndim, axes[1] % m.ndim
    if k % 4 == 0:
        return m[:]
    if k % 4 == 2:
        return np.flip(np.flip(m, i), j)
    return np.swapaxes(np.flip(m, j), i, j) if k % 4 == 1 else np.flip(np.swapaxes(m, i, j), j)


@macro(np.rollaxis)
def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    """Move an axis back to before another one."""
    axis = axis % a.ndim
    start = start + a.ndim if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@macro(np.atleast_3d)
def atleast_3d(ary: Array) -> Array:
    """With axes added up to three: one before and one behind a vector."""
    if ary.ndim == 0:
        return np.reshape(ary, (1, 1, 1))
    if ary.ndim == 1:
        return ary[np.newaxis, :, np.newaxis]
    return ary[:, :, np.newaxis] if ary.ndim == 2 else ary


@macro(np.dstack)
def dstack(tup: Sequence[Array]) -> Array:
    return np.concatenate([atleast_3d(a) for a in tup], 2)


@macro(np.dsplit)
def split_depth(ary: Array, indices_or_sections: Shape) -> list[Array]:
    return split(ary, indices_or_sections, 2)


@macro(np.array_split)
def array_split(ary: Array, indices_or_sections: Shape, axis: int = 0) -> list[Array]:
    """Cut into parts of nearly equal length, the longer ones first."""
    if not isinstance(indices_or_sections, int):
        return split(ary, indices_or_sections, axis)
    axis = axis % ary.ndim
    each, more = ary.shape[axis] // indices_or_sections, ary.shape[axis] % indices_or_sections
    starts = [i * each + min(i, more) for i in range(indices_or_sections + 1)]
    return [ary[everything(axis) + (slice(starts[i], starts[i + 1]),)] for i in range(indices_or_sections)]


@macro(np.unstack)
def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The parts along an axis."""
    axis = axis % x.ndim
    return tuple([x[everything(axis) + (i,)] for i in range(x.shape[axis])])


# -- blocks and grids


@macro(np.block)
def block(arrays: object) -> Array:
    """Join blocks: those of the innermost lists along the last axis, and so on."""
    return joined_blocks(arrays, depth(arrays))


def depth(arrays: object) -> int:
    return 1 + depth(arrays[0]) if isinstance(arrays, list) else 0


def joined_blocks(arrays: object, levels: int) -> Array:
    if not isinstance(arrays, list):
        return raised(arrays, levels)
    parts = [joined_blocks(a, levels) for a in arrays]
    return np.concatenate(parts, -depth(arrays))


def raised(a: Array, rank: int) -> Array:
    """With axes of length 1 put before the first one, up to a rank of at least `rank`."""
    a = np.asarray(a)
    return a if a.ndim >= rank else raised(np.expand_dims(a, 0), rank)


@macro(np.meshgrid)
def meshgrid(*xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    """The coordinates of the points of a grid."""
    flat = [np.ravel(x) for x in xi]
    order = (1, 0, *range(2, len(xi))) if indexing == "xy" and len(xi) > 1 else tuple(range(len(xi)))
    shape = tuple([flat[i].size for i in order])
    places = [order.index(i) for i in range(len(xi))]
    spread = [np.reshape(x, (-1,) + (1,) * (len(xi) - 1 - k)) for x, k in zip(flat, places, strict=True)]
    if sparse:
        return tuple([raised(x, len(xi)) for x in spread])
    return tuple([np.broadcast_to(x, shape).copy() for x in spread])


def infer_broadcast_with(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one of the arrays that are broadcast against each other."""
    return Type("array", numpy_dtype(args[0].type), facts.broadcast_dims(*[a.type.dims for a in args]))


primitive("broadcast_with", infer_broadcast_with, "broadcast_with", "x, *others", cost="free", shares=True,
          helper=runtime.broadcast_with)  # fmt: skip
function(runtime.broadcast_with, "broadcast_with", "x, *others: operands")


@linear("broadcast_with")
def broadcast_with_adjoint(g: Array, ans: Array, x: Array, others: tuple[Array, ...]) -> tuple[Array, tuple[None, ...]]:
    return g, tuple([None for _ in others])


@macro(np.broadcast_arrays)
def broadcast_arrays(*args: Array, subok: bool = False) -> tuple[Array, ...]:
    return tuple([runtime.broadcast_with(a, *args) for a in args])


@macro(np.diagflat)
def diagflat(v: Array, k: int = 0) -> Array:
    return np.diag(np.ravel(v), k)


# -- windows


@macro(np.lib.stride_tricks.sliding_window_view)
def windows(
    x: Array,
    window_shape: Shape,
    axis: Shape | None = None,
    *,
    subok: bool = False,
    writeable: bool = False,
) -> Array:
    """Every run of as many neighbours as a window has, along axes that are put last."""
    lengths = window_shape if isinstance(window_shape, tuple) else (window_shape,)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(lengths) != len(axes):
        refuse("np.lib.stride_tricks.sliding_window_view needs as many lengths as axes")
    if subok or writeable:
        refuse("np.lib.stride_tricks.sliding_window_view: `subok` and `writeable` are not supported")
    for k, n in zip(axes, lengths, strict=True):
        x = windows_along(x, n, k % x.ndim)
    return x


def windows_along(x: Array, n: int, axis: int) -> Array:
    """The windows of n neighbours along one axis."""
    places = np.expand_dims(np.arange(x.shape[axis] - n + 1), 1) + np.arange(n)
    return np.moveaxis(x[everything(axis) + (places,)], axis + 1, -1)
