"""Products of arrays: matmul, dot, inner, outer, vdot, tensordot, kron, trace.

The adjoints sum over broadcast batch axes nowhere: the reverse transform does that.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, combine
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, Type, result_type
from adcompile.rules import simplify
from adcompile.rules.arithmetic import matmul_infer
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, rank_of
from adcompile.rules.define import UFUNC_OPTIONS, primitive
from adcompile.rules.lengths import Dims, broadcast, normalise_axes, product, require_same, show
from adcompile.rules.promotion import common_dtype, ufunc_dtype
from adcompile.rules.table import is_complex, linear, static

Array = np.ndarray
Axes = tuple[tuple[int, ...], tuple[int, ...]]


def product_type(facts: Facts, types: Sequence[Type], dims: Dims | None) -> Type:
    """Return the type of a product with this shape."""
    dtype = ufunc_dtype(np.multiply, tuple(types)) if len(types) == 2 else common_dtype(tuple(types))
    return Type("array", dtype, None) if dims is None else result_type(dtype, dims)


def known_dims(types: Sequence[Type]) -> list[Dims] | None:
    """Return the shapes if every rank is known."""
    found = [t.dims for t in types if t.dims is not None]
    return found if len(found) == len(types) else None


def contraction(name: str) -> Infer:
    """Make the inference of dot, inner, outer, vdot or kron."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        types = [a.type for a in args]
        if any(t.kind == "object" for t in types):
            return OBJECT
        dims = known_dims(types)
        found = None if dims is None else SHAPES[name](facts, *dims)
        if name == "outer" or name == "kron":
            return Type("array", product_type(facts, types, found).dtype, found)
        return product_type(facts, types, found)

    return infer


def dot_dims(facts: Facts, s: Dims, t: Dims) -> Dims:
    if not s or not t:
        return s + t
    inner = t[-1] if len(t) == 1 else t[-2]
    require_same(facts, s[-1], inner, f"the product of shapes {show(s)} and {show(t)}")
    return s[:-1] + (t[:-2] + t[-1:] if len(t) > 1 else ())


def inner_dims(facts: Facts, s: Dims, t: Dims) -> Dims:
    if not s or not t:
        return s + t
    require_same(facts, s[-1], t[-1], f"the inner product of shapes {show(s)} and {show(t)}")
    return s[:-1] + t[:-1]


def outer_dims(facts: Facts, s: Dims, t: Dims) -> Dims:
    return (product(s), product(t))


def vdot_dims(facts: Facts, s: Dims, t: Dims) -> Dims:
    require_same(facts, product(s), product(t), f"the product of shapes {show(s)} and {show(t)}")
    return ()


def kron_dims(facts: Facts, s: Dims, t: Dims) -> Dims:
    rank = max(len(s), len(t))
    padded = [(1,) * (rank - len(d)) + d for d in (s, t)]
    return tuple(combine("*", pair) for pair in zip(*padded, strict=True))


SHAPES = {"dot": dot_dims, "inner": inner_dims, "outer": outer_dims, "vdot": vdot_dims, "kron": kron_dims}

_AB = {
    "dot": "a, b, out: no = None",
    "outer": "a, b, out: no = None",
    "vdot": "a, b, /",
    "inner": "a, b, /",
    "kron": "a, b",
}
for _name, _usage in _AB.items():
    primitive(
        _name,
        contraction(_name),
        f"np.{_name}",
        "x, y",
        usage=_usage,
        method="dot" if _name == "dot" else "",
        simplification=simplify.negation_outward(_name, 2),
        cost="product",
    )
primitive(
    "np.matmul",
    matmul_infer,
    "np.matmul",
    "x, y",
    usage=f"x, y, /, {UFUNC_OPTIONS}",
    simplification=simplify.negation_outward("np.matmul", 2),
    cost="product",
)


@linear("matmul", 0, 1)
@linear("np.matmul", 0, 1)
def matmul_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    if x.ndim == 1 and y.ndim == 1:
        return g * y, g * x
    if x.ndim == 1:
        if y.ndim == 2:
            return y @ g, np.outer(x, g)
        return (y @ np.expand_dims(g, -1))[..., 0], np.expand_dims(x, 1) * np.expand_dims(g, -2)
    if y.ndim == 1:
        if x.ndim == 2:
            return np.outer(g, y), x.T @ g
        g_column = np.expand_dims(g, -1)
        return g_column * y, (np.swapaxes(x, -1, -2) @ g_column)[..., 0]
    return g @ np.swapaxes(y, -1, -2), np.swapaxes(x, -1, -2) @ g


@linear("dot", 0, 1)
def dot_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    if x.ndim == 0 or y.ndim == 0:
        return g * y, g * x
    if x.ndim <= 2 and y.ndim <= 2:
        return matmul_adjoint(g, ans, x, y)
    k = y.ndim - 2 if y.ndim > 1 else 0
    return tensordot_adjoint(g, ans, x, y, ((x.ndim - 1,), (k,)))


@linear("inner", 0, 1)
def inner_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    if x.ndim == 0 or y.ndim == 0 or (x.ndim == 1 and y.ndim == 1):
        return g * y, g * x
    if x.ndim == 2 and y.ndim == 2:
        return g @ y, g.T @ x
    return tensordot_adjoint(g, ans, x, y, ((x.ndim - 1,), (y.ndim - 1,)))


@linear("outer", 0, 1)
def outer_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    return np.reshape(g @ np.ravel(y), x.shape), np.reshape(np.ravel(x) @ g, y.shape)


@linear("vdot", 0, 1)
def vdot_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    if is_complex(ans):
        return np.conj(np.reshape(g * y, x.shape)), np.reshape(g * np.conj(x), y.shape)
    return np.reshape(g * y, x.shape), np.reshape(g * x, y.shape)


@linear("kron", 0, 1)
def kron_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Split each axis of g into that of x and that of y."""
    rank = max(x.ndim, y.ndim)
    x_shape = (1,) * (rank - x.ndim) + x.shape
    y_shape = (1,) * (rank - y.ndim) + y.shape
    parts: tuple[int, ...] = ()
    for n, m in zip(x_shape, y_shape, strict=True):
        parts = parts + (n, m)
    split = np.reshape(g, parts)
    odd, even = tuple(range(1, 2 * rank, 2)), tuple(range(0, 2 * rank, 2))
    x_bar = np.sum(split * np.expand_dims(np.reshape(y, y_shape), even), axis=odd)
    y_bar = np.sum(split * np.expand_dims(np.reshape(x, x_shape), odd), axis=even)
    return np.reshape(x_bar, x.shape), np.reshape(y_bar, y.shape)


# -- tensordot


def prepare_tensordot(operands: list[Operand], values: dict[str, object]) -> None:
    """Write the axes as two tuples of non-negative axes."""
    ranks = [rank_of(a) for a in operands]
    r, s = ranks
    if r is None or s is None:
        raise TypeError("np.tensordot needs arrays of known rank")
    axes = values["axes"]
    if isinstance(axes, int):
        pair: tuple[object, object] = (tuple(range(r - axes, r)), tuple(range(axes)))
    elif isinstance(axes, tuple | list) and len(axes) == 2:
        pair = (axes[0], axes[1])
    else:
        raise TypeError("np.tensordot: `axes` must be an int or a pair")
    left, right = (normalise_axes(tuple(a) if isinstance(a, list) else a, n) for a, n in zip(pair, (r, s), strict=True))
    if len(left) != len(right):
        raise TypeError("np.tensordot: `axes` must name as many axes of either array")
    values["axes"] = (left, right)


def tensordot_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer tensordot."""
    types = [a.type for a in args]
    dims = known_dims(types)
    if dims is None:
        return product_type(facts, types, None)
    s, t = dims
    left, right = axes_pair(attrs[0])
    for i, j in zip(left, right, strict=True):
        require_same(facts, s[i], t[j], f"the product of shapes {show(s)} and {show(t)}")
    kept = tuple(n for i, n in enumerate(s) if i not in left) + tuple(n for j, n in enumerate(t) if j not in right)
    return Type("array", product_type(facts, types, kept).dtype, kept)


def axes_pair(axes: object) -> Axes:
    """Return the axes attribute of tensordot."""
    assert isinstance(axes, tuple)
    left, right = axes
    return left, right


primitive(
    "tensordot",
    tensordot_infer,
    "np.tensordot",
    "x, y",
    "axes",
    usage="a, b, axes: static = 2",
    prepare=prepare_tensordot,
    simplification=simplify.negation_outward("tensordot", 2),
    cost="product",
)


@static
def others(rank: int, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes that are not among these."""
    return tuple(i for i in range(rank) if i not in axes)


@static
def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    """Return the inverse permutation."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


@static
def matched(axes: tuple[int, ...], by: tuple[int, ...]) -> tuple[int, ...]:
    """Return `axes` in the order in which the axes `by`, which they are paired with, increase."""
    return tuple(axes[i] for i in sorted(range(len(by)), key=by.__getitem__))


@linear("tensordot", 0, 1)
def tensordot_adjoint(g: Array, ans: Array, x: Array, y: Array, axes: Axes) -> tuple[Array, Array]:
    left, right = axes
    x_kept, y_kept = others(x.ndim, left), others(y.ndim, right)
    k = len(x_kept)
    x_bar = np.tensordot(g, y, (tuple(range(k, k + len(y_kept))), y_kept))
    y_bar = np.tensordot(x, g, (x_kept, tuple(range(k))))
    return (
        np.transpose(x_bar, inverse(x_kept + matched(left, right))),
        np.transpose(y_bar, inverse(matched(right, left) + y_kept)),
    )


# -- cross


def cross_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the cross product of vectors with three components, along the last axis."""
    types = [a.type for a in args]
    if any(t.kind == "object" for t in types):
        return OBJECT
    dims = known_dims(types)
    if dims is None:
        return Type("array", product_type(facts, types, None).dtype, None)
    for s in dims:
        if not s:
            raise TypeError("np.cross needs arrays")
        require_same(facts, s[-1], 3, f"np.cross of shapes {show(dims[0])} and {show(dims[1])}")
    return Type("array", product_type(facts, types, ()).dtype, broadcast(facts, *dims))


primitive(
    "cross",
    cross_infer,
    "np.cross",
    "x, y",
    usage="a, b, axisa: no = -1, axisb: no = -1, axisc: no = -1, axis: no = None",
    simplification=simplify.negation_outward("cross", 2),
    cost="arithmetic",
)


_cross = FUNCTIONS[np.cross]


def cross_along(
    a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """The cross product of vectors along other axes than the last."""
    if axis is not None:
        axisa = axisb = axisc = axis
    return np.moveaxis(np.cross(np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)), -1, axisc)


def choose_cross(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell cross products along other axes."""
    plain = len(args) <= 2 and not kwargs.keys() & {"axis", "axisa", "axisb", "axisc"}
    return _cross if plain else Binding("np.cross", macro=cross_along)


FUNCTIONS[np.cross] = FUNCTIONS[np.linalg.cross] = Binding("np.cross", choose=choose_cross)


@linear("cross", 0, 1)
def cross_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    return np.cross(y, g), np.cross(g, x)


# -- trace


def trace_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer trace."""
    t = args[0].type
    dtype = None if t.dtype is None else np.zeros((1, 1), t.dtype).trace().dtype
    if t.dims is None:
        return Type("array", dtype, None)
    axis1, axis2 = attrs[1:3]
    return result_type(dtype, tuple(n for i, n in enumerate(t.dims) if i not in (axis1, axis2)))


primitive(
    "trace",
    trace_infer,
    "np.trace",
    "x",
    "offset=0, axis1=0, axis2=1",
    usage="a, offset: static = 0, axis1: axis = 0, axis2: axis = 1, dtype: no = None, out: no = None",
    method="trace",
    cost="arithmetic",
)


@linear("trace")
def trace_adjoint(g: Array, ans: Array, x: Array, offset: int, axis1: int, axis2: int) -> Array:
    spread = np.expand_dims(g, sorted_pair(axis1, axis2))
    n, m = x.shape[min(axis1, axis2)], x.shape[max(axis1, axis2)]
    mask = np.eye(n, m, offset if axis1 < axis2 else -offset, dtype=x.dtype)
    later = others(x.ndim, (axis1, axis2))
    return spread * np.expand_dims(mask, later)


@static
def sorted_pair(i: int, j: int) -> tuple[int, int]:
    """Return two axes in increasing order."""
    return (min(i, j), max(i, j))
