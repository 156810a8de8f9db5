"""Functions that change the shape of one array: reshape, ravel, expand_dims, squeeze, atleast_1d, ascontiguousarray.

Each is linear, and its adjoint changes the shape back.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, is_const
from adcompile.ir.lengths import Dim, Facts, Length, anchored, combine, example_of
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, PY_BOOL, Type, numpy_dtype
from adcompile.rules import simplify
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, macro, method_of, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, length_of, normalise_axes, product, require_same, show
from adcompile.rules.table import linear, nondifferentiable

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
    """Expand before a broadcast of a scalar, not after it; move a negation outward. Without axes, there is nothing."""
    (x,) = args
    if attrs[0] == () and b.phase == "adjoint":
        return x
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
    return np.asarray(a).shape


@macro(np.ndim)
def rank_of_array(a: Array) -> int:
    return np.asarray(a).ndim


def at_least_1d(*arys: Array) -> tuple[Array, ...]:
    return tuple([np.atleast_1d(a) for a in arys])


def at_least_2d(*arys: Array) -> tuple[Array, ...]:
    return tuple([np.atleast_2d(a) for a in arys])


def several(f: Callable[..., object], of_several: Callable[..., object]) -> None:
    """Take several arrays as well as one."""
    one, name = FUNCTIONS[f], FUNCTIONS[f].name

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        return Binding(name, macro=of_several) if len(args) > 1 else one

    FUNCTIONS[f] = Binding(name, choose=choose)


several(np.atleast_1d, at_least_1d)
several(np.atleast_2d, at_least_2d)
