"""Arrays that lie in memory column after column: what ``order='F'`` means where arrays are made, copied and reshaped.

To read an array column after column is to read its transpose row after row, so that whether a reshape gives a view is
known as for any other.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, arg-type"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules.binding import function, in_columns
from adcompile.rules.define import primitive
from adcompile.rules.shapes import array, infer_contiguous
from adcompile.rules.table import linear

Array = np.ndarray
Shape = int | tuple[int, ...]
DType = np.dtype | None


def infer_copy(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a copy, which is an array also if its operand is a number."""
    t = args[0].type
    return Type("array", array(t, t.dims).dtype, t.dims)


def copied(x: Array) -> Array:
    """A copy that lies column after column."""
    return np.array(x, order="F")


primitive("columns", infer_contiguous, "np.asfortranarray", "x", cost="arithmetic", shares=True, safe=True)
primitive("copied_columns", infer_copy, "np.array", "x", "order='K'", cost="arithmetic", safe=True)
function(np.asfortranarray, "columns", "a, dtype: no = None")
function(copied, "copied_columns", "x, order: static = 'F'")


@linear("columns")
def columns_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return np.reshape(g, x.shape)


@linear("copied_columns")
def copied_columns_adjoint(g: Array, ans: Array, x: Array, order: str) -> Array:
    return g


# -- reshaped


@in_columns(np.reshape)
def reshaped(a: Array, shape: Shape, order: str = "C", *, copy: None = None) -> Array:
    backwards = tuple(shape[::-1]) if isinstance(shape, tuple | list) else (shape,)
    return np.transpose(np.reshape(np.transpose(a), backwards))


@in_columns("reshape")
def method_reshape(a: Array, *shape: Shape, order: str = "C", copy: None = None) -> Array:
    return reshaped(a, shape[0] if len(shape) == 1 else shape)


@in_columns(np.ravel, "ravel")
def ravelled(a: Array, order: str = "C") -> Array:
    return np.ravel(np.transpose(a))


@in_columns("flatten")
def flattened(a: Array, order: str = "C") -> Array:
    return np.transpose(a).flatten()


# -- made


@in_columns(np.zeros)
def zeros(shape: Shape, dtype: DType = None, order: str = "C") -> Array:
    return copied(np.zeros(shape, dtype))


@in_columns(np.ones)
def ones(shape: Shape, dtype: DType = None, order: str = "C") -> Array:
    return copied(np.ones(shape, dtype))


@in_columns(np.empty)
def empty(shape: Shape, dtype: DType = None, order: str = "C") -> Array:
    return copied(np.empty(shape, dtype))


@in_columns(np.full)
def full(shape: Shape, fill_value: Array, dtype: DType = None, order: str = "C") -> Array:
    return copied(np.full(shape, fill_value, dtype))


@in_columns(np.zeros_like)
def zeros_like(a: Array, dtype: DType = None, order: str = "K") -> Array:
    return copied(np.zeros_like(a) if dtype is None else np.zeros_like(a, dtype))


@in_columns(np.ones_like)
def ones_like(a: Array, dtype: DType = None, order: str = "K") -> Array:
    return copied(np.ones_like(a, dtype))


@in_columns(np.empty_like)
def empty_like(a: Array, dtype: DType = None, order: str = "K") -> Array:
    return copied(np.empty_like(a, dtype))


@in_columns(np.full_like)
def full_like(a: Array, fill_value: Array, dtype: DType = None, order: str = "K") -> Array:
    return copied(np.full_like(a, fill_value, dtype))


# -- copied


@in_columns(np.array)
def array_of(object: Array, dtype: DType = None, *, copy: None = None, order: str = "K") -> Array:
    return copied(np.asarray(object, dtype))


@in_columns(np.asarray, np.asanyarray)
def as_array(a: Array, dtype: DType = None, order: str = "K", *, copy: None = None) -> Array:
    return np.asfortranarray(np.asarray(a, dtype))


@in_columns(np.copy, "copy")
def copy_of(a: Array, order: str = "K") -> Array:
    return copied(a)


@in_columns("astype")
def cast(a: Array, dtype: DType, order: str = "K", *, copy: None = None) -> Array:
    return copied(a.astype(dtype))
