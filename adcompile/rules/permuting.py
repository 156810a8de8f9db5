"""Functions that put the axes of one array into another order: transpose, swapaxes, moveaxis.

Each is linear, and its adjoint puts the axes back.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules import simplify
from adcompile.rules.binding import METHODS, Binding, Operand, function, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, normalise_axes, show
from adcompile.rules.products import inverse
from adcompile.rules.shapes import Array, array
from adcompile.rules.table import linear, static

if TYPE_CHECKING:
    from adcompile.ir.builder import Builder


def permuted(dims: Dims | None, order: tuple[int, ...]) -> Dims | None:
    """Return a shape with its axes in another order."""
    return None if dims is None else tuple(dims[i] for i in order)


def infer_transpose(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer transpose."""
    t, axes = args[0].type, attrs[0]
    if axes is None:
        return array(t, None if t.dims is None else t.dims[::-1])
    assert isinstance(axes, tuple)
    if t.dims is not None and len(axes) != len(t.dims):
        raise TypeError(f"{len(axes)} axes do not permute an array of shape {show(t.dims)}")
    return array(t, permuted(t.dims, axes))


def transpose_simplify(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Make the axes canonical, drop what changes nothing, join two."""
    (x,), (axes,) = args, attrs
    rank = x.type.rank
    if rank is None or x.type.kind != "array":
        return None
    assert axes is None or isinstance(axes, tuple)
    order = tuple(range(rank))[::-1] if axes is None else axes
    if order == tuple(range(rank)):
        return x
    if axes is not None and axes == tuple(range(rank))[::-1]:
        return b.emit("transpose", x, attrs=(None,))
    inner = b.definition(x, "transpose")
    if inner is not None:
        first = inner.attrs[0] if isinstance(inner.attrs[0], tuple) else tuple(range(rank))[::-1]
        return b.emit("transpose", inner.args[0], attrs=(tuple(first[i] for i in order),))
    return transposed_product(b, x) or simplify.negation_outward("transpose")(b, args, attrs)


def transposed_product(b: Builder, x: Atom) -> Atom | None:
    """Rewrite ``(a.T @ g).T`` to ``g.T @ a``, the adjoint of a matrix that is transposed before it multiplies."""
    product = b.definition(x, "matmul")
    if b.phase != "adjoint" or product is None or any(a.type.rank != 2 for a in product.args):
        return None
    if all(b.definition(a, "transpose") is None for a in product.args):
        return None
    left, right = (b.emit("transpose", a, attrs=(None,)) for a in product.args)
    return b.emit("matmul", right, left)


def infer_moveaxis(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer moveaxis."""
    t = args[0].type
    return array(t, None if t.dims is None else permuted(t.dims, moved(len(t.dims), *attrs)))


@static
def moved(rank: int, source: object, destination: object) -> tuple[int, ...]:
    """Return the permutation of axes that moveaxis makes."""
    start, end = normalise_axes(source, rank), normalise_axes(destination, rank)
    if len(start) != len(end):
        raise TypeError("moveaxis needs as many destinations as sources")
    order = [i for i in range(rank) if i not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return tuple(order)


def infer_swapaxes(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer swapaxes."""
    t = args[0].type
    return array(t, None if t.dims is None else permuted(t.dims, swapped(len(t.dims), *attrs)))


def swapped(rank: int, axis1: object, axis2: object) -> tuple[int, ...]:
    """Return the permutation of axes that swapaxes makes."""
    (i,), (j,) = normalise_axes(axis1, rank), normalise_axes(axis2, rank)
    order = list(range(rank))
    order[i], order[j] = j, i
    return tuple(order)


def prepare_transpose(operands: list[Operand], values: dict[str, object]) -> None:
    """A transpose with axes has a tuple of them, also of one."""
    axes = values["axes"]
    if axes == () or axes == (None,):
        values["axes"] = None
    elif isinstance(axes, int):
        values["axes"] = (axes,)
    elif isinstance(axes, tuple | list):
        axes = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        rank = rank_of(operands[0])
        values["axes"] = tuple(axes) if rank is None else normalise_axes(tuple(axes), rank)


primitive(
    "transpose",
    infer_transpose,
    "np.transpose",
    "x",
    "axes=None",
    usage="a, axes: static = None",
    prepare=prepare_transpose,
    simplification=transpose_simplify,
    cost="free",
    shares=True,
    safe=True,
)
METHODS["transpose"] = Binding("the method transpose", "transpose", "a, *axes: static", prepare_transpose)
function(np.permute_dims, "transpose", "a, axes: static = None", prepare_transpose)
function(np.matrix_transpose, "swapaxes", "x, /, *, axis1: axis = -2, axis2: axis = -1")
primitive(
    "swapaxes",
    infer_swapaxes,
    "np.swapaxes",
    "x",
    "axis1, axis2",
    usage="a, axis1: axis, axis2: axis",
    method="swapaxes",
    simplification=simplify.negation_outward("swapaxes"),
    cost="free",
    shares=True,
    safe=True,
)
primitive(
    "moveaxis",
    infer_moveaxis,
    "np.moveaxis",
    "x",
    "source, destination",
    usage="a, source: axes, destination: axes",
    cost="free",
    shares=True,
    safe=True,
)


@linear("transpose")
def transpose_adjoint(g: Array, ans: Array, x: Array, axes: tuple[int, ...] | None) -> Array:
    return np.transpose(g, None if axes is None else inverse(axes))


@linear("swapaxes")
def swapaxes_adjoint(g: Array, ans: Array, x: Array, axis1: int, axis2: int) -> Array:
    return np.swapaxes(g, axis1, axis2)


@linear("moveaxis")
def moveaxis_adjoint(g: Array, ans: Array, x: Array, source: tuple[int, ...], destination: tuple[int, ...]) -> Array:
    return np.moveaxis(g, destination, source)
