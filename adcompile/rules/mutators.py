"""Functions and methods that write to an argument, as what they mean: stores.

Each is an ordinary function over NumPy that the frontend lowers in place of the call, so that views, aliases and
the adjoints of the stores are those of any other program.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Const, Var
from adcompile.ir.types import numpy_dtype
from adcompile.rules.binding import METHODS, Binding, macro
from adcompile.rules.shapes import Array
from adcompile.rules.table import static

# -- whole arrays


@macro(np.copyto)
def copyto(dst: Array, src: Array, casting: str = "same_kind", where: Array | bool = True) -> None:
    check_cast(dst, src, casting)
    if where is True:
        dst[...] = src
    else:
        dst[...] = np.where(where, src, dst)


def fill(a: Array, value: float) -> None:
    a[...] = value


@macro(np.putmask)
def putmask(a: Array, mask: Array, values: Array) -> None:
    a[...] = np.where(mask, cycled(values, a), a)


# -- parts


@macro(np.fill_diagonal)
def fill_diagonal(a: Array, val: Array, wrap: bool = False) -> None:
    only_default("wrap", wrap, False)
    k = np.arange(min(a.shape))
    a[(k,) * a.ndim] = cycled(val, k)


@macro(np.put)
def put(a: Array, ind: Array, v: Array, mode: str = "raise") -> None:
    only_default("mode", mode, "raise")
    places = np.ravel(ind)
    a.flat[places] = cycled(v, places)


@macro(np.place)
def place(arr: Array, mask: Array, vals: Array) -> None:
    chosen = as_mask(mask)
    arr[chosen] = cycled(vals, arr[chosen])


@macro(np.put_along_axis)
def put_along_axis(arr: Array, indices: Array, values: Array, axis: int | None = -1) -> None:
    if axis is None:
        arr.flat[indices] = values
    else:
        arr[tuple([along(arr, k, indices, axis % arr.ndim) for k in tuple(range(arr.ndim))])] = values


def along(arr: Array, k: int, indices: Array, axis: int) -> Array:
    """Return what indexes axis k where an array indexes one axis element by element."""
    if k == axis:
        return indices
    return np.reshape(np.arange(arr.shape[k]), (1,) * k + (arr.shape[k],) + (1,) * (arr.ndim - k - 1))


def as_mask(mask: Array) -> Array:
    return mask if is_mask(mask) else np.not_equal(mask, 0)


@static
def is_mask(mask: Var | Array) -> bool:
    """Tell whether the entries are known to be booleans."""
    return (numpy_dtype(mask.type) if isinstance(mask, Var | Const) else np.asarray(mask).dtype) == np.bool_


def cycled(values: Array, like: Array) -> Array:
    """Return values from the first on, again and again, as many as another array has elements, and in its shape."""
    values = np.asarray(values)
    if values.ndim == 0 or same_shape(values, like):
        return values
    return np.reshape(np.ravel(values)[np.arange(like.size) % np.maximum(values.size, 1)], like.shape)


@static
def same_shape(x: Var | Array, y: Var | Array) -> bool:
    """Tell whether two arrays are known to have the same shape."""
    shapes = [v.type.dims if isinstance(v, Var | Const) else v.shape for v in (x, y)]
    return shapes[0] == shapes[1] is not None


@static
def only_default(name: str, value: object, default: object) -> None:
    """Refuse an argument that is not supported."""
    if value != default:
        raise TypeError(f"`{name}={value!r}` is not supported")


@static
def check_cast(dst: Var | Array, src: Var | Array | float, casting: str) -> None:
    """Refuse what NumPy refuses to cast."""
    to, given = (numpy_dtype(v.type) if isinstance(v, Var) else np.asarray(v).dtype for v in (dst, src))
    if to is not None and given is not None and not isinstance(src, int | float):
        if not np.can_cast(given, to, casting):  # type: ignore[arg-type]  # NumPy tells what is no casting rule
            raise TypeError(f"cannot copy {given} into an array of {to} by the rule {casting!r}")


# -- ufunc.at: one element after the other, so that one that comes twice is changed twice


def apply_at(ufunc: np.ufunc, a: Array, indices: Array, *operands: Array) -> None:
    places = np.asarray(indices)
    if places.ndim == 0:
        a[places] = ufunc(a[places], *operands)
    else:
        others = [np.broadcast_to(b, places.shape + a.shape[1:]) for b in operands]
        for k in range(len(places)):
            a[places[k]] = ufunc(a[places[k]], *[b[k] for b in others])


def apply_at_places(ufunc: np.ufunc, a: Array, indices: tuple[Array, ...], *operands: Array) -> None:
    """Apply at places that are given by one array of indices for each axis."""
    first, *rest = [np.asarray(i) for i in indices]
    others = [np.broadcast_to(b, first.shape) for b in operands]
    for k in range(len(first)):
        here = (first[k], *[r[k] for r in rest])
        a[here] = ufunc(a[here], *[b[k] for b in others])


METHODS["fill"] = Binding("the method fill", macro=fill)
METHODS["put"] = Binding("the method put", macro=put)
