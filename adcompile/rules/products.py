"""Products of arrays: matmul, dot, inner, outer, vdot, tensordot, einsum, kron, trace.

The adjoints sum over broadcast batch axes nowhere: the reverse transform does that.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, Facts, Length, Type, combine, result_type
from adcompile.rules import simplify
from adcompile.rules.arithmetic import matmul_infer
from adcompile.rules.binding import Operand, rank_of
from adcompile.rules.define import UFUNC_OPTIONS, primitive
from adcompile.rules.lengths import Dims, normalise_axes, product, require_same, show
from adcompile.rules.promotion import common_dtype, ufunc_dtype
from adcompile.rules.table import linear, static

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


# -- einsum


def prepare_einsum(operands: list[Operand], values: dict[str, object]) -> None:
    """Write the subscripts with an arrow and without ellipsis."""
    text = values["subscripts"]
    if not isinstance(text, str):
        raise TypeError("np.einsum: the subscripts must be a string")
    ranks = [rank_of(a) for a in operands]
    values["subscripts"] = explicit(text.replace(" ", ""), ranks)


def explicit(text: str, ranks: list[int | None]) -> str:
    """Write subscripts with an arrow, and letters in the place of an ellipsis."""
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        raise TypeError(f"np.einsum: the subscripts name {len(terms)} arrays, {len(ranks)} are given")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in text]
    named = [len(t.replace("...", "")) for t in terms]
    hidden = [(r - n) if r is not None and "..." in t else 0 for t, n, r in zip(terms, named, ranks, strict=True)]
    most = max(hidden)
    for term, n, r in zip(terms, named, ranks, strict=True):
        if r is None and "..." in term:
            raise TypeError("np.einsum: an ellipsis needs arrays of known rank")
        if r is not None and (r != n if "..." not in term else r < n):
            raise TypeError(f"np.einsum: the subscripts {term!r} do not fit an array of rank {r}")
    letters = "".join(spare[:most])
    filled = [t.replace("...", letters[most - h :]) for t, h in zip(terms, hidden, strict=True)]
    if not arrow:
        once = sorted(c for c in set(inputs) if c.isalpha() and inputs.count(c) == 1)
        output = ("..." if "..." in inputs else "") + "".join(once)
    return f"{','.join(filled)}->{output.replace('...', letters)}"


def einsum_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer einsum of explicit subscripts."""
    (text,) = attrs
    assert isinstance(text, str)
    inputs, _, output = text.partition("->")
    types = [a.type for a in args]
    lengths: dict[str, Length] = {}
    for term, t in zip(inputs.split(","), types, strict=True):
        for letter, length in zip(term, t.dims or (), strict=False):
            known = lengths.get(letter, 1)
            if facts.find(known) == 1 or facts.find(length) == 1:
                lengths[letter] = length if facts.find(known) == 1 else known
            else:
                lengths[letter] = require_same(facts, known, length, f"np.einsum, subscript {letter!r}")
    missing = [c for c in output if c not in lengths]
    if missing and known_dims(types) is not None:
        raise TypeError(f"np.einsum: the result has the subscript {missing[0]!r}, which no array has")
    dims = None if missing else tuple(lengths[c] for c in output)
    return product_type(facts, types, dims) if len(types) > 1 else like(types[0], dims)


def like(t: Type, dims: Dims | None) -> Type:
    """Return the type of an array, or NumPy scalar, with the dtype of a value."""
    dtype = common_dtype((t,))
    return Type("array", dtype, None) if dims is None else result_type(dtype, dims)


primitive(
    "einsum",
    einsum_infer,
    "np.einsum",
    "*xs",
    "@subscripts",
    usage="subscripts: static, *operands: operands, out: no = None, dtype: no = None, optimize: static = False",
    prepare=prepare_einsum,
    cost="product",
)


@static
def transposed_terms(text: str, k: int) -> tuple[str, str, str, str]:
    """Plan the adjoint of einsum in operand k.

    Returns the operand's letters without repetition; those of them that the cotangent and the other operands have;
    the subscripts of the adjoint in those; the letters that are repeated in the operand.
    """
    inputs, _, output = text.partition("->")
    terms = inputs.split(",")
    own = "".join(dict.fromkeys(terms[k]))
    elsewhere = set(output).union(*[set(t) for i, t in enumerate(terms) if i != k])
    found = "".join(c for c in own if c in elsewhere)
    rest = [output, *(t for i, t in enumerate(terms) if i != k)]
    return own, found, f"{','.join(rest)}->{found}", terms[k]


@linear("einsum", 0)
def einsum_adjoint(g: Array, ans: Array, xs: tuple[Array, ...], subscripts: str) -> tuple[Array, ...]:
    return tuple([einsum_operand(g, xs, subscripts, k) for k in range(len(xs))])


def einsum_operand(g: Array, xs: tuple[Array, ...], subscripts: str, k: int) -> Array:
    """The adjoint of einsum in one operand: an einsum of the cotangent and the other operands."""
    own, found, text, term = transposed_terms(subscripts, k)
    bar = np.einsum(text, g, *[x for i, x in enumerate(xs) if i != k])
    if own != found:
        bar = np.broadcast_to(np.expand_dims(bar, absent(own, found)), [xs[k].shape[i] for i in first_places(term)])
    if own == term:
        return bar
    deltas = [np.eye(xs[k].shape[i], dtype=g.dtype) for i in repeats(term)]
    return np.einsum(diagonal_subscripts(term), bar, *deltas)


@static
def absent(own: str, found: str) -> tuple[int, ...]:
    """Return the positions in `own` of the letters that are not in `found`."""
    return tuple(i for i, c in enumerate(own) if c not in found)


@static
def first_places(term: str) -> tuple[int, ...]:
    """Return the position of each letter's first occurrence."""
    return tuple(term.index(c) for c in dict.fromkeys(term))


@static
def repeats(term: str) -> tuple[int, ...]:
    """Return the positions of letters that occurred before."""
    return tuple(i for i, c in enumerate(term) if c in term[:i])


@static
def diagonal_subscripts(term: str) -> str:
    """Return the subscripts that put an array of the distinct letters on the diagonal: for "ii" this is "i,iA->iA"."""
    spare = iter(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in term)
    new = {i: next(spare) for i in repeats(term)}
    deltas = [f"{term[i]}{c}" for i, c in new.items()]
    full = "".join(new.get(i, c) for i, c in enumerate(term))
    return f"{','.join([''.join(dict.fromkeys(term)), *deltas])}->{full}"


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
