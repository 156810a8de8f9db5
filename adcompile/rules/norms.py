"""Norms of vectors and matrices, and condition numbers. The derivative of a norm is 0 at 0."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, is_none
from adcompile.ir.lengths import Facts
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, Type, numpy_dtype, result_type
from adcompile.rules import factors
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, macro, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import normalise_axes, reduced
from adcompile.rules.reductions import averaged, conjugated, restore
from adcompile.rules.table import adjoint, nonlinear, static

Array = np.ndarray
Axis = int | tuple[int, ...] | None

# -- norm


def prepare_norm(operands: list[Operand], values: dict[str, object]) -> None:
    """Tell norms of vectors from norms of matrices; refuse those that need singular values."""
    rank, order, axis = rank_of(operands[0]), values["ord"], values["axis"]
    if rank is None:
        raise TypeError("np.linalg.norm needs an array of known rank")
    matrix = len(normalise_axes(axis, rank)) == 2 and not (axis is None and order is None)
    if matrix and order not in (None, "fro"):
        raise TypeError(f"np.linalg.norm: the matrix norm {order!r} is not supported; only 'fro' is")
    if not matrix and isinstance(order, str):
        raise TypeError(f"np.linalg.norm: {order!r} is a norm of matrices")
    if not matrix and axis is None and order is not None and rank != 1:
        raise TypeError("np.linalg.norm with `ord` needs a vector or a matrix; pass `axis`")


def infer_norm(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer norm."""
    t = args[0].type
    if t.kind == "object":
        return OBJECT
    dtype = numpy_dtype(t)
    found = None if dtype is None else averaged(np.zeros(0, dtype).real.dtype)
    return result_type(found, reduced(t.dims, attrs[1], attrs[2]))


primitive(
    "norm",
    infer_norm,
    "np.linalg.norm",
    "x",
    "ord=None, axis=None, keepdims=False",
    usage="x, ord: static = None, axis: axes = None, keepdims: static = False",
    prepare=prepare_norm,
)


def norm_slope(ans: Array, x: Array, order: float | str | None, axis: Axis, keepdims: bool, scale: Array) -> Array:
    """The derivative of a norm in x, times `scale`, which has the shape of the norm; 0 where x is 0."""
    if order is None or order == 2 or order == "fro":
        return restore(scale / (ans + (ans == 0)), axis, keepdims) * conjugated(x)
    if order == 0:
        return np.zeros_like(x)
    if order == 1:
        return restore(scale, axis, keepdims) * conjugated(np.sign(x))
    if order == np.inf or order == -np.inf:
        ties = np.abs(x) == restore(ans, axis, keepdims)
        n = np.sum(ties, axis=axis, keepdims=keepdims, dtype=ans.dtype)
        return restore(scale / n, axis, keepdims) * ties * conjugated(np.sign(x))
    ratio = np.abs(x) / restore(ans + (ans == 0), axis, keepdims)
    return restore(scale, axis, keepdims) * conjugated(np.sign(x)) * ratio ** (float(order) - 1)


@nonlinear("norm")
def norm_tangent(ans: Array, x: Array, order: float | str | None, axis: Axis, keepdims: bool, x_dot: Array) -> Array:
    return np.sum(norm_slope(ans, x, order, axis, keepdims, np.ones_like(ans)) * x_dot, axis=axis, keepdims=keepdims)


@adjoint("norm")
def norm_adjoint(g: Array, ans: Array, x: Array, order: float | str | None, axis: Axis, keepdims: bool) -> Array:
    return norm_slope(ans, x, order, axis, keepdims, g)


# -- norms of matrices, condition numbers


def matrix_norm(x: Array, ord: object = None, axis: tuple[int, int] | None = None, keepdims: bool = False) -> Array:
    """A norm of matrices that is not the Frobenius norm."""
    rows, columns = (x.ndim - 2, x.ndim - 1) if axis is None else (axis[0] % x.ndim, axis[1] % x.ndim)
    found = norm_of_matrices(x, ord, rows, columns)
    return np.expand_dims(found, (rows, columns)) if keepdims else found


def norm_of_matrices(x: Array, ord: object, rows: int, columns: int) -> Array:
    if ord == "nuc":
        return np.sum(factors.svdvals(np.moveaxis(x, (rows, columns), (-2, -1))), axis=-1)
    if ord == 2:
        return np.max(factors.svdvals(np.moveaxis(x, (rows, columns), (-2, -1))), axis=-1)
    if ord == -2:
        return np.min(factors.svdvals(np.moveaxis(x, (rows, columns), (-2, -1))), axis=-1)
    along, other = (rows, columns) if ord == 1 or ord == -1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=along)
    left = other - 1 if other > along else other
    return np.max(sums, axis=left) if ord == 1 or ord == np.inf else np.min(sums, axis=left)


_norm = FUNCTIONS[np.linalg.norm]
OTHER_NORMS = ("nuc", 1, -1, 2, -2, np.inf, -np.inf)


def choose_norm(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the norms of matrices that need sums or singular values."""
    order = kwargs.get("ord", args[1] if len(args) > 1 else Const(None))
    axis = kwargs.get("axis", args[2] if len(args) > 2 else Const(None))
    if not args or isinstance(args[0], Node) or not isinstance(order, Const):
        return _norm
    several = isinstance(axis, Node) and len(axis.children) == 2
    given = isinstance(axis, Const) and isinstance(axis.value, tuple) and len(axis.value) == 2
    whole = is_none(axis) and args[0].type.rank == 2
    if order.value in OTHER_NORMS and (several or given or whole):
        return Binding("np.linalg.norm", macro=matrix_norm)
    return _norm


FUNCTIONS[np.linalg.norm] = Binding("np.linalg.norm", choose=choose_norm)


@macro(np.linalg.cond)
def cond(x: Array, p: object = None) -> Array:
    """The condition number."""
    if p is None or p == 2 or p == -2:
        s = factors.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))


@macro(np.linalg.vector_norm)
def vector_norm(x: Array, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Array:
    """The norm of the entries along axes, or of all."""
    axes = axes_of(x.ndim, axis)
    if len(axes) == 1:
        return np.linalg.norm(x, ord, axis=axes[0], keepdims=keepdims)
    last = tuple(range(x.ndim - len(axes), x.ndim))
    rows = np.moveaxis(x, axes, last)
    found = np.linalg.norm(np.reshape(rows, rows.shape[: x.ndim - len(axes)] + (-1,)), ord, axis=-1)
    return np.expand_dims(found, axes) if keepdims else found


@static
def axes_of(rank: int, axis: Axis) -> tuple[int, ...]:
    """Return axes in their order, not negative."""
    return tuple(sorted(normalise_axes(axis, rank)))


@macro(np.linalg.matrix_norm)
def matrix_norm_of(x: Array, /, *, keepdims: bool = False, ord: object = "fro") -> Array:
    return np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)
