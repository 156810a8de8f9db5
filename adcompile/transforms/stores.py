"""The adjoints of reading and storing parts of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adcompile.frontend.paths import read_path as views
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Const, Eqn, Var
from adcompile.ir.types import numpy_dtype


def add_at(b: Builder, base: Atom, g: Atom, atoms: Sequence[Atom], eqn: Eqn, name: str) -> Atom:
    """Add g to the part of an adjoint that an equation read: x_bar[i] += g."""
    spread = b.definition(base, "broadcast_to")
    if spread is not None:
        base = b.emit("copy", base)
    return b.emit("index_add", base, g, *atoms, attrs=eqn.attrs, name=name)


def read_path(b: Builder, base: Atom, atoms: Sequence[Atom], path: tuple[object, ...]) -> Atom:
    """Read the part of an array that a path denotes."""
    assert isinstance(base, Var)
    return views(b, base, path, tuple(atoms))  # type: ignore[arg-type]  # a path


def index_update_terms(b: Builder, eqn: Eqn, g: Atom, wanted: list[int]) -> Iterator[tuple[int, Atom]]:
    """Yield the cotangents of a store's operands: that of its place for what was stored, none for what was there."""
    _, _, *atoms = eqn.args
    (path,) = eqn.attrs
    assert isinstance(path, tuple)
    if 1 in wanted:
        piece = read_path(b, g, atoms, path)
        if any(isinstance(step, str) and "a" in step for step in path):
            piece = b.emit("mul", piece, last_writes(b, eqn, piece, path))
        yield 1, piece
    if 0 in wanted and path != ("e",):  # of an array that is stored to as a whole nothing is left
        yield 0, b.emit("index_update", g, Const(0.0), *atoms, attrs=eqn.attrs)


def index_add_terms(b: Builder, eqn: Eqn, g: Atom, wanted: list[int]) -> Iterator[tuple[int, Atom]]:
    """Yield the cotangents of the operands of an addition to a part of an array."""
    _, _, *atoms = eqn.args
    (path,) = eqn.attrs
    assert isinstance(path, tuple)
    if 1 in wanted:
        yield 1, read_path(b, g, atoms, path)
    if 0 in wanted:
        yield 0, g


def last_writes(b: Builder, eqn: Eqn, piece: Atom, path: tuple[object, ...]) -> Atom:
    """Return 1.0 where a store through integer arrays is the last one to its place, 0.0 where a later one hides it."""
    base, _, *atoms = eqn.args
    dims = piece.type.dims
    assert dims is not None and base.type.dims is not None
    shape = [b.length(d) for d in dims]
    order = b.emit("reshape", b.emit("arange", b.emit("size", piece), attrs=(None,)), *shape)
    marks = b.emit("zeros", *(b.length(d) for d in base.type.dims), attrs=(_int64(),))
    marks = b.emit("index_update", marks, order, *atoms, attrs=eqn.attrs)
    last = b.emit("eq", read_path(b, marks, atoms, path), order)
    dtype = numpy_dtype(piece.type)
    return last if dtype is None else b.emit("astype", last, attrs=(dtype,))


def _int64() -> object:
    import numpy as np

    return np.dtype(np.int64)
