"""Products of several matrices: powers, chains, equations of tensors, products of vectors."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import Infer
from adcompile.ir.types import Type
from adcompile.rules import factors
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import require_same, show
from adcompile.rules.matrices import flipped
from adcompile.rules.promotion import common_dtype, ufunc_dtype
from adcompile.rules.reductions import conjugated
from adcompile.rules.table import is_complex, linear

Array = np.ndarray

# -- powers, chains, tensors


@macro(np.linalg.matrix_power)
def matrix_power(a: Array, n: int) -> Array:
    """The power, by squaring."""
    if n == 0:
        return np.zeros_like(a) + np.eye(a.shape[-1], dtype=a.dtype)
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 3:
        return np.matmul(np.matmul(a, a), a)
    return power_so_far(None, a, n)


def power_so_far(result: Array | None, z: Array, n: int) -> Array:
    bit = n % 2 == 1
    found = (z if result is None else np.matmul(result, z)) if bit else result
    if n // 2 == 0:
        return found
    return power_so_far(found, np.matmul(z, z), n // 2)


@macro(np.linalg.tensorsolve)
def tensorsolve(a: Array, b: Array, axes: tuple[int, ...] | None = None) -> Array:
    """The tensor x with ``tensordot(a, x, x.ndim) == b``, once axes are put last."""
    if axes is not None:
        a = np.moveaxis(a, axes, tuple(range(a.ndim - len(axes), a.ndim)))
    shape = a.shape[b.ndim :]
    return np.reshape(np.linalg.solve(np.reshape(a, (-1, product_of(shape))), np.ravel(b)), shape)


@macro(np.linalg.tensorinv)
def tensorinv(a: Array, ind: int = 2) -> Array:
    """The inverse for ``tensordot(a, b, ind)``."""
    shape = a.shape[ind:] + a.shape[:ind]
    return np.reshape(np.linalg.inv(np.reshape(a, (product_of(a.shape[:ind]), -1))), shape)


def product_of(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) == 1 else shape[0] * product_of(shape[1:])


@macro(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Array]) -> Array:
    """The product of several matrices, in the order that costs least."""
    return factors.chain(*arrays) if len(arrays) > 2 else np.dot(arrays[0], arrays[1])


def infer_chain(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a product of matrices, of which the first and the last may be vectors."""
    types = [a.type for a in args]
    dims = [t.dims for t in types]
    if None in dims:
        return Type("array", common_dtype(tuple(types)), None)
    first, last = dims[0] or (), dims[-1] or ()
    found = (*first[:-1], *last[1:])
    return Type("array" if found else "np", common_dtype(tuple(types)), found)


primitive("chain", infer_chain, "chain", "*xs", cost="product", helper=factors.chain)
function(factors.chain, "chain", "*xs: operands")


def multiplied(xs: tuple[Array, ...]) -> Array:
    return xs[0] if len(xs) == 1 else xs[0] @ multiplied(xs[1:])


@linear("chain", 0)
def chain_adjoint(g: Array, ans: Array, xs: tuple[Array, ...]) -> tuple[Array, ...]:
    as_matrix = tuple(
        [
            np.expand_dims(x, 0) if x.ndim == 1 and i == 0 else np.expand_dims(x, 1) if x.ndim == 1 else x
            for i, x in enumerate(xs)
        ]
    )
    bar = np.reshape(g, (as_matrix[0].shape[0], as_matrix[-1].shape[1]))
    return tuple([np.reshape(link_adjoint(bar, as_matrix, i), x.shape) for i, x in enumerate(xs)])


def link_adjoint(bar: Array, xs: tuple[Array, ...], i: int) -> Array:
    found = bar if i == 0 else flipped(multiplied(xs[:i])) @ bar
    return found if i == len(xs) - 1 else found @ flipped(multiplied(xs[i + 1 :]))


# -- vecdot, cross


def infer_vecdot(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer vecdot along the last axis."""
    dtype = ufunc_dtype(np.vecdot, tuple(a.type for a in args))
    if any(a.type.dims == () for a in args):
        raise TypeError("np.vecdot needs arrays with at least one dimension")
    s, t = (a.type.dims for a in args)
    if s is None or t is None:
        return Type("array", dtype, None)
    require_same(facts, s[-1], t[-1], f"np.vecdot of shapes {show(s)} and {show(t)}")
    found = facts.broadcast_dims(s[:-1], t[:-1])
    return Type("np" if found == () else "array", dtype, found)


primitive("vecdot", infer_vecdot, "np.vecdot", "x, y", usage="x1, x2, /", cost="product")
_vecdot = FUNCTIONS.loaded[np.vecdot]


def vecdot_along(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The products along an axis of both."""
    return np.vecdot(np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1))


def choose_vecdot(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell whether an axis is given."""
    return Binding("np.vecdot", macro=vecdot_along) if "axis" in kwargs else _vecdot


FUNCTIONS[np.vecdot] = FUNCTIONS[np.linalg.vecdot] = Binding("np.vecdot", choose=choose_vecdot)


@linear("vecdot", 0, 1)
def vecdot_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    wide = np.expand_dims(g, -1)
    return np.conj(wide * y) if is_complex(x) else wide * y, wide * conjugated(x)


# -- matvec, vecmat, where NumPy has them


def infer_of_matrix(vector: int, kept: int) -> Infer:
    """Make the inference of a product of a vector (operand `vector`) and a matrix, of which an axis is kept."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        v, m = args[vector].type, args[1 - vector].type
        dtype = ufunc_dtype(np.multiply, (v, m))
        if v.dims is None or m.dims is None:
            return Type("array", dtype, None)
        if len(v.dims) < 1 or len(m.dims) < 2:
            raise TypeError("a product of a matrix and a vector needs arrays of at least two axes and one")
        require_same(facts, v.dims[-1], m.dims[-3 - kept], f"a matrix of shape {show(m.dims)} and a vector")
        lead = facts.broadcast_dims(v.dims[:-1], m.dims[:-2])
        return Type("array", dtype, None if lead is None else (*lead, m.dims[kept]))

    return infer


if hasattr(np, "matvec"):
    primitive("matvec", infer_of_matrix(1, -2), "np.matvec", "a, x", usage="x1, x2, /", cost="product")
    primitive("vecmat", infer_of_matrix(0, -1), "np.vecmat", "x, a", usage="x1, x2, /", cost="product")

    @linear("matvec", 0, 1)
    def matvec_adjoint(g: Array, ans: Array, a: Array, x: Array) -> tuple[Array, Array]:
        return np.expand_dims(g, -1) * np.expand_dims(x, -2), np.matvec(np.swapaxes(a, -1, -2), g)

    @linear("vecmat", 0, 1)
    def vecmat_adjoint(g: Array, ans: Array, x: Array, a: Array) -> tuple[Array, Array]:
        x_bar = np.matvec(a, g)
        return np.conj(x_bar) if is_complex(x) else x_bar, np.expand_dims(conjugated(x), -1) * np.expand_dims(g, -2)


# -- the names in numpy.linalg


@macro(np.linalg.matmul)
def matmul(x1: Array, x2: Array, /) -> Array:
    return np.matmul(x1, x2)


@macro(np.linalg.tensordot)
def tensordot(x1: Array, x2: Array, /, *, axes: object = 2) -> Array:
    return np.tensordot(x1, x2, axes)


@macro(np.linalg.matrix_transpose)
def matrix_transpose(x: Array, /) -> Array:
    return np.matrix_transpose(x)


@macro(np.linalg.outer)
def outer(x1: Array, x2: Array, /) -> Array:
    return np.outer(x1, x2)


@macro(np.linalg.diagonal)
def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    return np.diagonal(x, offset, axis1=-2, axis2=-1)


@macro(np.linalg.trace)
def trace(x: Array, /, *, offset: int = 0, dtype: None = None) -> Array:
    return np.trace(x, offset, axis1=-2, axis2=-1)
