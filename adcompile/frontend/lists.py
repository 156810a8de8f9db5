"""Lists whose length is known only at run time, as loops that append make them.

Such a list is a cell like an array's: names refer to it, and each change makes a new version. Its elements are all
numbers or all arrays of one rank.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.frontend.values import Iterable, Ref, Slice, Value
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.types import Type, join
from adcompile.rules.lists import list_type

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def is_list(lo: Lowering, value: Value) -> bool:
    """Tell whether a value is a list of run-time length."""
    return isinstance(value, Ref) and not value.path and lo.cells[value.cell].type.is_list


def common_type(lo: Lowering, items: Sequence[Type]) -> Type | None:
    """Return the type of a list of such items; None if they are not all numbers or all arrays of one rank."""
    found: Type | None = None
    for t in items:
        if not t.is_numeric or t.dims is None:
            return None
        plain = Type(t.kind, t.dtype, t.dims)
        found = plain if found is None else join(lo.facts, found, plain)
        if found.kind == "object" or found.dims is None:
            return None
    return None if found is None else list_type(found)


def make(lo: Lowering, items: Sequence[Value], held: Type) -> Ref:
    """Make a list of run-time length of items that are known."""
    atoms = [lo.atom(item) for item in items]
    new = lo.builder.emit("list_new", *atoms, attrs=(held,))
    assert isinstance(new, Var)
    ref = lo.new_cell(new)
    for item in items:
        hold(lo, ref, item)
    return ref


def items(lo: Lowering, ref: Ref, node: ast.AST) -> Ref:
    """Make the list of the items of a list or array: numbers, or views of the array."""
    if is_list(lo, ref):
        return _cell(lo, lo.builder.emit("copy", lo.cells[ref.cell]), ref)
    return _cell(lo, lo.builder.emit("list_items", lo.number(ref, node)), ref)


def _cell(lo: Lowering, new: Atom, source: Ref) -> Ref:
    """Return a name for a new list, through which the elements of another value may be reached."""
    assert isinstance(new, Var)
    found = lo.new_cell(new)
    hold(lo, found, source)
    return found


def hold(lo: Lowering, ref: Ref, item: Value) -> None:
    """An array in a list may be reached through the list."""
    if isinstance(item, Ref):
        lo.link(ref.cell, item.cell)


def change(lo: Lowering, ref: Ref, prim: str, *args: Atom, node: ast.AST) -> tuple[Atom, ...]:
    """Apply an operation that changes the list; return its other results."""
    old = lo.cells[ref.cell]
    new, *rest = lo.guarded_many(node, prim, (old, *args), ())
    assert isinstance(new, Var)
    if old in lo.names:
        lo.names[new] = lo.names[old]
    lo.cells[ref.cell] = new
    return tuple(rest)


def method(lo: Lowering, ref: Ref, name: str, args: Sequence[Value], node: ast.AST) -> Value:
    """Call a method of a list."""
    match name, len(args):
        case "append", 1:
            change(lo, ref, "list_append", lo.number(args[0], node), node=node)
            hold(lo, ref, args[0])
            return NONE
        case "pop", 0:
            return taken(lo, ref, change(lo, ref, "list_pop", node=node)[0])
        case "copy", 0:
            return items(lo, ref, node)
        case "extend", 1:
            for item in _items(lo, args[0], node):
                method(lo, ref, "append", [item], node)
            return NONE
    lo.refuse(
        node,
        f"the method `{name}` of a list whose length is known only at run time is not supported",
        "called here",
        "use append, pop, len and indexing, or an array that is made before the loop",
    )


def _items(lo: Lowering, value: Value, node: ast.AST) -> list[Value]:
    from adcompile.frontend import iteration

    return iteration.static_items(lo, value, node, None)


def taken(lo: Lowering, ref: Ref, item: Atom) -> Value:
    value = lo.wrap(item)
    if isinstance(value, Ref):
        lo.link(value.cell, ref.cell)
    return value


def length(lo: Lowering, ref: Ref) -> Atom:
    return lo.builder.emit("list_length", lo.cells[ref.cell])


def read(lo: Lowering, ref: Ref, index: Value, node: ast.AST) -> Value:
    """Lower ``items[index]``."""
    return taken(lo, ref, lo.builder.emit("list_get", lo.cells[ref.cell], _position(lo, index, node)))


def store(lo: Lowering, ref: Ref, index: Value, value: Value, node: ast.AST) -> None:
    """Lower ``items[index] = value``."""
    change(lo, ref, "list_set", _position(lo, index, node), lo.number(value, node), node=node)
    hold(lo, ref, value)


def _position(lo: Lowering, index: Value, node: ast.AST) -> Atom:
    if isinstance(index, Slice):
        lo.refuse(node, "slices of a list whose length is known only at run time are not supported", "here")
    position = lo.number(index, node)
    if not position.type.is_scalar or position.type.inexact:
        lo.refuse(node, "a list index must be an integer", "here")
    return position


def iterate(lo: Lowering, ref: Ref) -> Iterable:
    return Iterable(
        lambda: length(lo, ref),
        lambda k: taken(lo, ref, lo.builder.emit("list_get", lo.cells[ref.cell], k)),
        arrays=(ref,),
    )


def empty_or_not(lo: Lowering, ref: Ref) -> Atom:
    """Return the truth of a list: it has items."""
    return lo.builder.emit("gt", length(lo, ref), Const(0))
