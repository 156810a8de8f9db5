"""Functions that rearrange the elements of one array: flip, roll, repeat, tile, diag, diagonal, triu, tril.

Each is linear, and its adjoint rearranges back.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs, Var
from adcompile.ir.lengths import Facts, Length, combine
from adcompile.ir.types import Type
from adcompile.rules.binding import Operand, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import add, length_of, product, require_integer, require_length, show
from adcompile.rules.shapes import Array, Axis, array
from adcompile.rules.table import linear, static

# -- flip, roll


def infer_same(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a function that keeps the shape."""
    t = args[0].type
    return array(t, t.dims)


primitive(
    "flip", infer_same, "np.flip", "x", "axis=None", usage="m, axis: axes = None", cost="free", shares=True, safe=True
)
primitive(
    "roll",
    infer_same,
    "np.roll",
    "x",
    "shift, axis=None",
    usage="a, shift: static, axis: axes = None",
    cost="arithmetic",
    safe=True,
)


@macro(np.flipud)
def flip_up_down(m: Array) -> Array:
    return m[::-1]


@macro(np.fliplr)
def flip_left_right(m: Array) -> Array:
    return m[:, ::-1]


@linear("flip")
def flip_adjoint(g: Array, ans: Array, x: Array, axis: Axis) -> Array:
    return np.flip(g, axis)


@linear("roll")
def roll_adjoint(g: Array, ans: Array, x: Array, shift: int | tuple[int, ...], axis: Axis) -> Array:
    return np.roll(g, opposite(shift), axis)


@static
def opposite(shift: int | tuple[int, ...]) -> int | tuple[int, ...]:
    """Negate a shift."""
    return tuple(-s for s in shift) if isinstance(shift, tuple | list) else -shift


# -- repeat, tile


def infer_repeat(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer repeat by one number."""
    t, (axis,) = args[0].type, attrs
    require_integer(args[1], "np.repeat: `repeats`")
    repeats = require_length(length_of(facts, args[1]))
    if t.dims is None:
        return array(t, None)
    if axis is None:
        return array(t, (combine("*", (product(t.dims), repeats)),))
    return array(t, tuple(combine("*", (n, repeats)) if i == axis else n for i, n in enumerate(t.dims)))


def prepare_tile(operands: list[Operand], values: dict[str, object]) -> None:
    reps = values["reps"]
    values["reps"] = tuple(reps) if isinstance(reps, tuple | list) else (reps,)


def infer_tile(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer tile."""
    t, reps = args[0].type, attrs[0]
    assert isinstance(reps, tuple)
    if t.dims is None:
        return array(t, None)
    rank = max(len(t.dims), len(reps))
    dims = (1,) * (rank - len(t.dims)) + t.dims
    reps = (1,) * (rank - len(reps)) + reps
    return array(t, tuple(combine("*", pair) for pair in zip(dims, reps, strict=True)))


primitive(
    "repeat",
    infer_repeat,
    "np.repeat",
    "x, repeats",
    "axis=None",
    usage="a, repeats, axis: axis = None",
    method="repeat",
    cost="arithmetic",
)
primitive("tile", infer_tile, "np.tile", "x", "reps", usage="A, reps: static", prepare=prepare_tile, cost="arithmetic")


@linear("repeat")
def repeat_adjoint(g: Array, ans: Array, x: Array, repeats: int, axis: int | None) -> tuple[Array, None]:
    if axis is None:
        return np.reshape(np.sum(np.reshape(g, (x.size, repeats)), axis=1), x.shape), None
    split = x.shape[: axis + 1] + (repeats,) + x.shape[axis + 1 :]
    return np.sum(np.reshape(g, split), axis=axis + 1), None


@linear("tile")
def tile_adjoint(g: Array, ans: Array, x: Array, reps: tuple[int, ...]) -> Array:
    rank = max(x.ndim, len(reps))
    shape = (1,) * (rank - x.ndim) + x.shape
    times = (1,) * (rank - len(reps)) + tuple(reps)
    split: tuple[int, ...] = ()
    for r, n in zip(times, shape, strict=True):
        split = split + (r, n)
    return np.reshape(np.sum(np.reshape(g, split), axis=tuple(range(0, 2 * rank, 2))), x.shape)


# -- diag, diagonal, triu, tril


def diagonal_length(n: Length, m: Length, offset: int) -> Length | None:
    """Return the length of a diagonal, if the two lengths tell it."""
    if isinstance(n, int) and isinstance(m, int):
        return max(0, min(n + min(offset, 0), m - max(offset, 0)))
    return combine("slice", (n, abs(offset) or None, None, None)) if n == m else None


def infer_diag(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer diag: the matrix with a diagonal, or the diagonal of a matrix."""
    t, k = args[0].type, attrs[0]
    assert isinstance(k, int)
    if t.dims is None:
        raise TypeError("np.diag needs an array of known rank")
    dims = tuple(map(facts.find, t.dims))
    if len(dims) == 1:
        return array(t, (add(dims[0], abs(k)),) * 2)
    if len(dims) != 2:
        raise TypeError(f"np.diag takes an array of rank 1 or 2, not of shape {show(dims)}")
    length = diagonal_length(*dims, k)
    return array(t, (facts.fresh_for(("diagonal", *dims, k)) if length is None else length,))


def infer_triangle(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer triu and tril."""
    if args[0].type.rank in (0, 1):
        raise TypeError("the triangle of a vector is that of a matrix with equal rows: make this with np.broadcast_to")
    return infer_same(facts, args, attrs)


primitive("diag", infer_diag, "np.diag", "x", "k=0", usage="v, k: static = 0", cost="arithmetic")
for _name in ("triu", "tril"):
    primitive(_name, infer_triangle, f"np.{_name}", "x", "k=0", usage="m, k: static = 0", cost="arithmetic")


def infer_diagonal(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer diagonal: the diagonal comes last."""
    t = args[0].type
    offset, axis1, axis2 = attrs
    assert isinstance(offset, int) and isinstance(axis1, int) and isinstance(axis2, int)
    if t.dims is None:
        return array(t, None)
    n, m = facts.find(t.dims[axis1]), facts.find(t.dims[axis2])
    length = diagonal_length(n, m, offset)
    kept = tuple(d for i, d in enumerate(t.dims) if i not in (axis1, axis2))
    return array(t, (*kept, facts.fresh_for(("diagonal", n, m, offset)) if length is None else length))


primitive(
    "diagonal",
    infer_diagonal,
    "np.diagonal",
    "x",
    "offset=0, axis1=0, axis2=1",
    usage="a, offset: static = 0, axis1: axis = 0, axis2: axis = 1",
    method="diagonal",
    cost="free",
    shares=True,
)


@linear("diag")
def diag_adjoint(g: Array, ans: Array, x: Array, k: int) -> Array:
    if x.ndim == 1:
        return np.diagonal(g, k)
    return np.diag(g) if k == 0 and square(x, 0, 1) else on_diagonal(g, x, k, 0, 1)


@linear("diagonal")
def diagonal_adjoint(g: Array, ans: Array, x: Array, offset: int, axis1: int, axis2: int) -> Array:
    return np.moveaxis(on_diagonal(g, x, offset, axis1, axis2), (-2, -1), (axis1, axis2))


def on_diagonal(g: Array, x: Array, k: int, axis1: int, axis2: int) -> Array:
    """Put the last axis of g on a diagonal of matrices that are as large as the two axes of x."""
    n, m = x.shape[axis1], x.shape[axis2]
    mask = np.eye(n, m, k, dtype=g.dtype)
    if k == 0 and square(x, axis1, axis2):
        return mask * np.expand_dims(g, -1)
    if k >= 0:
        return mask * np.expand_dims(lengthened(g, n), -1)
    return mask * np.expand_dims(lengthened(g, m), -2)


def lengthened(g: Array, n: int) -> Array:
    """Put zeros behind the last axis up to n entries."""
    return np.concatenate([g, np.zeros(g.shape[:-1] + (n - g.shape[-1],), g.dtype)], -1)


@static
def square(x: Var | Array, axis1: int, axis2: int) -> bool:
    """Tell whether two lengths of an array are known to be the same."""
    dims = x.type.dims if isinstance(x, Var) else x.shape
    return dims is not None and dims[axis1] == dims[axis2]


@linear("triu")
def triu_adjoint(g: Array, ans: Array, x: Array, k: int) -> Array:
    return np.triu(g, k)


@linear("tril")
def tril_adjoint(g: Array, ans: Array, x: Array, k: int) -> Array:
    return np.tril(g, k)
