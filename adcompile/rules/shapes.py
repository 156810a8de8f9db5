"""Functions that change the shape of one array: reshape, ravel, transpose, swapaxes, moveaxis, expand_dims, squeeze.

Each is linear, and its adjoint changes the shape back.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, is_const
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, PY_BOOL, Dim, Facts, Length, Type, anchored, combine, example_of, numpy_dtype
from adcompile.rules import simplify
from adcompile.rules.binding import METHODS, Binding, Operand, function, macro, method_of, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import (
    Dims,
    length_of,
    normalise_axes,
    product,
    require_same,
    show,
)
from adcompile.rules.products import inverse
from adcompile.rules.table import linear, nondifferentiable, static

if TYPE_CHECKING:
    from adcompile.ir.builder import Builder

Array = np.ndarray
Axis = int | tuple[int, ...] | None


def array(t: Type, dims: Dims | None) -> Type:
    """Return the type of an array with the dtype of a value; NumPy scalars that stay scalars remain what they are."""
    if t.kind == "object":
        return OBJECT
    return Type("np" if t.kind == "np" and dims == () else "array", numpy_dtype(t), dims)


# -- reshape, ravel


def infer_reshape(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer reshape; one entry of the shape may be -1."""
    x, *shape = args
    open_places = [i for i, a in enumerate(shape) if is_const(a, -1)]
    if len(open_places) > 1:
        raise TypeError("reshape: only one length can be -1")
    lengths: list[Length] = [1 if i in open_places else length_of(facts, a) for i, a in enumerate(shape)]
    if x.type.dims is None:
        return array(x.type, tuple(facts.fresh() if i in open_places else n for i, n in enumerate(lengths)))
    size = product(map(facts.find, x.type.dims))
    if open_places:
        lengths[open_places[0]] = quotient(facts, size, lengths)
    else:
        require_same(
            facts, size, product(map(facts.find, lengths)), f"reshape of an array of shape {show(x.type.dims)}"
        )
    return array(x.type, tuple(lengths))


def quotient(facts: Facts, size: Length, known: list[Length]) -> Length:
    """Return what is left of a size for the open entry of a shape, dropping common factors."""
    over = product(map(facts.find, known))
    if isinstance(size, int) and isinstance(over, int):
        if over == 0 or size % over:
            raise TypeError(f"reshape: {size} elements do not divide by {over}")
        return size // over
    factors = factors_of(size)
    for f in factors_of(over):
        if f not in factors:
            return combine("//", (size, over))
        factors.remove(f)
    return product(factors)


def factors_of(length: Length) -> list[Length]:
    """Split a product of lengths."""
    if isinstance(length, Dim) and length.op == "*":
        return [f for a in length.args if isinstance(a, int | Dim) for f in factors_of(a)]
    return [] if length == 1 else [length]


def reshape_simplify(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Drop a reshape to the shape that is there; join two; move a negation outward."""
    x, *shape = args
    result = infer_reshape(b.facts, args, attrs)
    if simplify.same_type(b.facts, x.type, result):
        return x
    inner = b.definition(x, "reshape")
    if inner is not None and not any(is_const(a, -1) for a in shape):
        return b.emit("reshape", inner.args[0], *shape)
    return simplify.negation_outward("reshape")(b, args, attrs)


def infer_ravel(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ravel and flatten."""
    t = args[0].type
    return array(t, None if t.dims is None else (product(map(facts.find, t.dims)),))


primitive(
    "reshape",
    infer_reshape,
    "np.reshape",
    "x, (*shape)",
    usage="a, shape: shape, order: no = 'C', *, copy: no = None",
    simplification=reshape_simplify,
    cost="free",
    shares=True,
)
method_of("reshape", "reshape", "a, *shape: shape, order: no = 'C', copy: no = None")
primitive(
    "ravel",
    infer_ravel,
    "np.ravel",
    "x",
    usage="a, order: no = 'C'",
    method="ravel",
    cost="free",
    shares=True,
    safe=True,
)
method_of("flatten", "ravel", "a, order: no = 'C'")


@linear("reshape")
def reshape_adjoint(g: Array, ans: Array, x: Array, shape: tuple[int, ...]) -> tuple[Array, None]:
    return np.reshape(g, x.shape), None


@linear("ravel")
def ravel_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return np.reshape(g, x.shape)


# -- transpose, swapaxes, moveaxis


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


# -- expand_dims, squeeze, atleast_1d, atleast_2d


def infer_expand_dims(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer expand_dims."""
    t, axis = args[0].type, attrs[0]
    if t.dims is None:
        return array(t, None)
    count = len(axis) if isinstance(axis, tuple) else 1
    places = normalise_axes(axis, len(t.dims) + count)
    rest = iter(t.dims)
    return array(t, tuple(1 if i in places else next(rest) for i in range(len(t.dims) + count)))


def expand_dims_simplify(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Expand before a broadcast of a scalar, not after it; move a negation outward."""
    (x,) = args
    spread = b.definition(x, "broadcast_to")
    if b.phase == "adjoint" and spread is not None and spread.args[0].type.dims == ():
        rank = len(spread.args) - 1
        axis = attrs[0]
        places = normalise_axes(axis, rank + (len(axis) if isinstance(axis, tuple) else 1))
        rest = iter(spread.args[1:])
        shape = [Const(1) if i in places else next(rest) for i in range(rank + len(places))]
        return b.emit("broadcast_to", spread.args[0], *shape)
    return simplify.negation_outward("expand_dims")(b, args, attrs)


def prepare_expand_dims(operands: list[Operand], values: dict[str, object]) -> None:
    """Axes count in the result."""
    axis, rank = values["axis"], rank_of(operands[0])
    axis = tuple(axis) if isinstance(axis, list) else axis
    if rank is not None:
        found = normalise_axes(axis, rank + (len(axis) if isinstance(axis, tuple) else 1))
        values["axis"] = found[0] if len(found) == 1 else found


def squeezed_axes(facts: Facts, dims: Dims, axis: object) -> tuple[int, ...]:
    """Return the axes that squeeze drops; where it is to find them, assume what the example call shows."""
    if axis is not None:
        axes = normalise_axes(axis, len(dims))
        for i in axes:
            require_same(facts, dims[i], 1, f"squeeze of axis {i} of shape {show(dims)}")
        return axes
    return tuple(i for i, n in enumerate(dims) if is_one(facts, n))


def is_one(facts: Facts, length: Length) -> bool:
    """Tell whether a length is 1, recording it as a fact, or its contrary ``len(range(n)[1:2]) == 1`` (n > 1)."""
    found = facts.find(length)
    if isinstance(found, int):
        return found == 1
    example = example_of(found)
    if example is None or not anchored(found):
        raise TypeError("squeeze needs `axis` here, because the lengths of the array are not known")
    if example > 1:
        facts.unify(combine("slice", (found, 1, 2, None)), 1)
    else:
        facts.unify(found, example)
    return example == 1


def infer_squeeze(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer squeeze."""
    t = args[0].type
    if t.dims is None:
        return array(t, None)
    dropped = squeezed_axes(facts, t.dims, attrs[0])
    return array(t, tuple(n for i, n in enumerate(t.dims) if i not in dropped))


def infer_at_least(rank: int) -> Infer:
    """Make the inference of atleast_1d or atleast_2d."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        return array(t, None if t.dims is None else (1,) * (rank - len(t.dims)) + t.dims)

    return infer


primitive(
    "expand_dims",
    infer_expand_dims,
    "np.expand_dims",
    "x",
    "axis",
    usage="a, axis: static",
    prepare=prepare_expand_dims,
    simplification=expand_dims_simplify,
    cost="free",
    shares=True,
    safe=True,
)
primitive(
    "squeeze",
    infer_squeeze,
    "np.squeeze",
    "x",
    "axis=None",
    usage="a, axis: axes = None",
    method="squeeze",
    cost="free",
    shares=True,
)
for _rank in (1, 2):
    primitive(
        f"atleast_{_rank}d",
        infer_at_least(_rank),
        f"np.atleast_{_rank}d",
        "x",
        usage="x, /",
        cost="free",
        shares=True,
        safe=True,
    )


@linear("expand_dims")
@linear("squeeze")
def axes_adjoint(g: Array, ans: Array, x: Array, axis: Axis) -> Array:
    return np.reshape(g, x.shape)


@linear("atleast_1d")
@linear("atleast_2d")
def at_least_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return np.reshape(g, x.shape)


# -- where arrays lie in memory


def infer_contiguous(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ascontiguousarray, whose result has at least one axis."""
    t = args[0].type
    return array(t, t.dims or (1,)) if t.dims is not None else array(t, None)


def infer_truth(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return PY_BOOL


primitive("contiguous", infer_contiguous, "np.ascontiguousarray", "x", cost="arithmetic", shares=True, safe=True)
primitive("may_share_memory", infer_truth, "np.may_share_memory", "x, y", cost="product")
nondifferentiable("may_share_memory")


@linear("contiguous")
def contiguous_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return np.reshape(g, x.shape)


@macro(np.shape)
def shape_of(a: Array) -> tuple[int, ...]:
    return a.shape


@macro(np.ndim)
def rank_of_array(a: Array) -> int:
    return a.ndim
