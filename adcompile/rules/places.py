"""Places in arrays: of triangles and diagonals, and of a number in a flattened array; sets of entries."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.rules.binding import macro
from adcompile.rules.table import refuse

Array = np.ndarray
Places = tuple[Array, ...]

# -- places


@macro(np.tril_indices)
def lower_places(n: int, k: int = 0, m: int | None = None) -> Places:
    return np.nonzero(np.tri(n, n if m is None else m, k=k, dtype=bool))


@macro(np.triu_indices)
def upper_places(n: int, k: int = 0, m: int | None = None) -> Places:
    return np.nonzero(np.logical_not(np.tri(n, n if m is None else m, k=k - 1, dtype=bool)))


@macro(np.tril_indices_from)
def lower_places_from(arr: Array, k: int = 0) -> Places:
    return lower_places(arr.shape[-2], k, arr.shape[-1])


@macro(np.triu_indices_from)
def upper_places_from(arr: Array, k: int = 0) -> Places:
    return upper_places(arr.shape[-2], k, arr.shape[-1])


@macro(np.diag_indices)
def diagonal_places(n: int, ndim: int = 2) -> Places:
    return tuple([np.arange(n) for _ in range(ndim)])


@macro(np.diag_indices_from)
def diagonal_places_from(arr: Array) -> Places:
    return tuple([np.arange(arr.shape[0]) for _ in range(arr.ndim)])


@macro(np.unravel_index)
def unravelled(indices: Array, shape: int | tuple[int, ...], order: str = "C") -> Places:
    """The indices along each axis of places in the flattened array."""
    if order != "C":
        refuse("np.unravel_index: only the order 'C' is supported")
    lengths = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    found: Places = ()
    for n in lengths[:0:-1]:
        found = (indices % n, *found)
        indices = indices // n
    return (indices, *found)


# -- sets


@macro(np.union1d)
def union(ar1: Array, ar2: Array) -> Array:
    return np.unique(np.concatenate([np.ravel(ar1), np.ravel(ar2)]))


@macro(np.setdiff1d)
def difference(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    kept = np.ravel(ar1) if assume_unique else np.unique(ar1)
    return kept[np.flatnonzero(np.logical_not(np.isin(kept, np.ravel(ar2))))]


@macro(np.intersect1d)
def intersection(ar1: Array, ar2: Array, assume_unique: bool = False, return_indices: None = None) -> Array:
    both = np.sort(np.concatenate([np.ravel(a) if assume_unique else np.unique(a) for a in (ar1, ar2)]))
    return both[np.flatnonzero(both[1:] == both[:-1])]
