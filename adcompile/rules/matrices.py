"""Shapes of matrices and of their factors, and their transposes: what the rules of linear algebra share."""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, Length
from adcompile.ir.primitives import Infer
from adcompile.ir.types import Type
from adcompile.rules.lengths import Dims, require_same, show
from adcompile.rules.promotion import common_dtype
from adcompile.rules.reductions import averaged, conjugated

Array = np.ndarray
Shape = Callable[[Facts, Dims], Dims]


def floating(*types: Type) -> np.dtype | None:
    """Return the dtype that linear algebra computes in."""
    dtype = common_dtype(types)
    return None if dtype is None else averaged(dtype)


def maybe_complex(dtype: np.dtype) -> np.dtype:
    """Return the complex dtype of a precision; of a real one it is marked, since the numbers may be real."""
    if dtype.kind == "c":
        return dtype
    return np.dtype(np.result_type(dtype, np.complex64), metadata={"or": dtype.name})


def matrices(t: Type, name: str) -> Dims | None:
    """Return the shape of matrices."""
    if t.dims is not None and len(t.dims) < 2:
        raise TypeError(f"np.linalg.{name} needs matrices, not shape {show(t.dims)}")
    return t.dims


def square_dims(facts: Facts, t: Type, name: str) -> Dims | None:
    """Return the shape of square matrices."""
    if t.dims is None:
        return None
    if len(t.dims) < 2:
        raise TypeError(f"np.linalg.{name} needs square matrices, not shape {show(t.dims)}")
    require_same(facts, t.dims[-1], t.dims[-2], f"np.linalg.{name} needs square matrices, not shape {show(t.dims)}")
    return t.dims


def shorter(facts: Facts, dims: Dims) -> Length:
    """Return the smaller one of the last two lengths."""
    n, m = facts.find(dims[-2]), facts.find(dims[-1])
    if n == m:
        return n
    if isinstance(n, int) and isinstance(m, int):
        return min(n, m)
    en, em = (x if isinstance(x, int) else x.example for x in (n, m))
    example = None if en is None or em is None else min(en, em)
    return facts.fresh_for(("shorter", n, m), example)


# The shapes of factors, of that of the matrix.


def whole(facts: Facts, dims: Dims) -> Dims:
    return dims


def real_values(facts: Facts, dims: Dims) -> Dims:
    """One number for each row."""
    return dims[:-1]


def thin(facts: Facts, dims: Dims) -> Dims:
    """As many numbers as there are rows and columns."""
    return (*dims[:-2], shorter(facts, dims))


def thin_left(facts: Facts, dims: Dims) -> Dims:
    return (*dims[:-1], shorter(facts, dims))


def thin_right(facts: Facts, dims: Dims) -> Dims:
    return (*dims[:-2], shorter(facts, dims), dims[-1])


def full_left(facts: Facts, dims: Dims) -> Dims:
    return (*dims[:-1], dims[-2])


def full_right(facts: Facts, dims: Dims) -> Dims:
    return (*dims[:-2], dims[-1], dims[-1])


def turned(facts: Facts, dims: Dims) -> Dims:
    return (*dims[:-2], dims[-1], dims[-2])


def factor_dtype(t: Type, real: bool) -> np.dtype | None:
    """Return the dtype of a factor."""
    dtype = floating(t)
    return np.zeros(0, dtype).real.dtype if real and dtype is not None else dtype


def factor(name: str, shape: Shape, real: bool = False) -> Infer:
    """Make the inference of a factor of a decomposition; `real`: it is real also of complex matrices."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        dims = matrices(t, name)
        return Type("array", factor_dtype(t, real), None if dims is None else shape(facts, dims))

    return infer


def of_square(name: str, shape: Shape, real: bool = False) -> Infer:
    """Make the inference of a factor of square matrices."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        dims = square_dims(facts, t, name)
        return Type("array", factor_dtype(t, real), None if dims is None else shape(facts, dims))

    return infer


# Of the rules themselves.


def flipped(x: Array) -> Array:
    """Transpose the last two axes."""
    return np.swapaxes(x, -1, -2)


def adjoined(x: Array) -> Array:
    """Transpose the last two axes, and conjugate."""
    return conjugated(flipped(x))


def half_lower(x: Array) -> Array:
    """The lower triangle with half of the diagonal."""
    return np.tril(x) - 0.5 * (x * np.eye(x.shape[-1], dtype=x.dtype))


def column(b: Array) -> Array:
    """Give a vector a second axis."""
    return np.expand_dims(b, -1) if b.ndim == 1 else b


def gaps(w: Array) -> Array:
    """``1 / (w[j] - w[i])``, 0 on the diagonal."""
    same = np.eye(w.shape[-1], dtype=bool)
    return np.where(same, 0.0, 1.0 / np.where(same, 1.0, np.expand_dims(w, -2) - np.expand_dims(w, -1)))
