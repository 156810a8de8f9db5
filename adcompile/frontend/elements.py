"""The elements of an array one by one, in the order of its last axis first: ``a.flat``, np.ndenumerate, np.ndindex.

    a.flat[k]  ->  a[k // n, k % n]        with n the length of the last axis

That is right for any layout of the array in memory, and for negative k, so these are reads and stores like any others.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.frontend.values import Flat, Iterable, Ref, Slice, Value
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import Type

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def read(lo: Lowering, flat: Flat, index: Value, node: ast.AST) -> Value:
    """Lower ``a.flat[index]``: a number, or a new array."""
    step, atoms = place(lo, flat, index, node)
    base = flat.array
    assert isinstance(base, Ref | Var)
    found = lo.guarded(node, lambda: lo.view(base, step, atoms))
    if not isinstance(found, Ref):
        return found
    return lo.emit(node, "copy", lo.read(found)) if found.path else found


def location(lo: Lowering, flat: Flat, index: Value, node: ast.AST) -> Ref:
    """Return the part of an array that ``a.flat[index]`` denotes, as something to write to."""
    base = flat.array
    if not isinstance(base, Ref):
        lo.refuse(node, "this array cannot be written to", "here")
    step, atoms = place(lo, flat, index, node)
    return Ref(base.cell, (*base.path, step), base.atoms + atoms)


def place(lo: Lowering, flat: Flat, index: Value, node: ast.AST) -> tuple[str, tuple[Atom, ...]]:
    """Return the subscript of an array that means the same as one of its elements in a row."""
    from adcompile.frontend import access

    shape = lengths(lo, flat.array, node)
    if len(shape) == 1:
        return access.components(lo, index, node)
    if isinstance(index, Slice):
        count = product(lo, shape)
        whole = lo.emit(node, "arange", count, attrs=(None,))
        assert isinstance(whole, Ref)
        taken = lo.view(whole, "s", (index.lo, index.hi, index.step))
        return spread(lo, lo.number(taken, node), shape, "a")
    if isinstance(index, Const) and index.value is Ellipsis:
        return "e", ()
    code, atoms = access.components(lo, index, node)
    if code == "m":
        mask = lo.builder.emit("reshape", atoms[0], *shape)
        return "m", (mask,)
    if code not in ("i", "a"):
        lo.refuse(node, "`.flat` takes one index", "here", "index the array itself")
    return spread(lo, atoms[0], shape, code)


def spread(lo: Lowering, index: Atom, shape: Sequence[Atom], code: str) -> tuple[str, tuple[Atom, ...]]:
    """Return the indices on each axis of the element number `index`."""
    emit = lo.builder.emit
    parts: list[Atom] = []
    for length in reversed(shape[1:]):
        parts.append(emit("mod", index, length))
        index = emit("floordiv", index, length)
    return code * len(shape), (index, *reversed(parts))


def lengths(lo: Lowering, value: Ref | Atom, node: ast.AST) -> list[Atom]:
    """Return the shape of an array."""
    t = lo.type_of(value)
    if t.dims is None:
        lo.refuse(node, "the rank of this array is not known", "here")
    atom = lo.atom(value)
    return [lo.number(lo.length_of(atom, axis), node) for axis in range(len(t.dims))]


def product(lo: Lowering, shape: Sequence[Atom]) -> Atom:
    total: Atom = Const(1)
    for length in shape:
        total = lo.builder.emit("mul", total, length)
    return total


def iterate(lo: Lowering, flat: Flat, node: ast.AST) -> Iterable:
    """Iterate over ``a.flat``."""
    held = (flat.array,) if isinstance(flat.array, Ref) else ()
    return Iterable(lambda: count(lo, flat, node), lambda k: read(lo, flat, k, node), arrays=held)


def count(lo: Lowering, flat: Flat, node: ast.AST) -> Atom:
    return product(lo, lengths(lo, flat.array, node))


def enumerated(lo: Lowering, value: Value, node: ast.AST) -> Iterable:
    """Lower ``np.ndenumerate(a)``: pairs of the indices of an element and the element."""
    array = value if isinstance(value, Ref | Var) else lo.number(value, node)
    flat = Flat(array)

    def item(k: Atom) -> Value:
        _, atoms = spread(lo, k, lengths(lo, array, node), "i")
        return Node("tuple", (Node("tuple", atoms), read(lo, flat, k, node)))

    return Iterable(lambda: count(lo, flat, node), item, arrays=(array,) if isinstance(array, Ref) else ())


def indices(lo: Lowering, shape: Sequence[Value], node: ast.AST) -> Iterable:
    """Lower ``np.ndindex(n, m)``: the indices of all elements of an array of a shape."""
    atoms = [lo.number(a, node) for a in shape]
    return Iterable(lambda: product(lo, atoms), lambda k: Node("tuple", spread(lo, k, atoms, "i")[1]))


def item(lo: Lowering, receiver: Ref | Atom, args: Sequence[Value], node: ast.AST) -> Value:
    """Lower ``a.item(k)`` and ``a.item(i, j)``: an element as a Python number."""
    from adcompile.frontend import access

    t: Type = lo.type_of(receiver)
    if t.is_array and args and isinstance(receiver, Ref | Var):
        if len(args) == 1 and not isinstance(args[0], Node):
            found = read(lo, Flat(receiver), args[0], node)
        else:
            index: Value = args[0] if len(args) == 1 else Node("tuple", tuple(args))
            step, atoms = access.components(lo, index, node)
            found = lo.guarded(node, lambda: lo.view(receiver, step, atoms))
        return lo.emit(node, "item", lo.number(found, node))
    return lo.emit(node, "item", lo.number(receiver, node))
