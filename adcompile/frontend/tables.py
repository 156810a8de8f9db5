"""Dicts whose keys are known only at run time: where they are made, and what their class needs of the compiler.

A dict is followed key by key as long as its keys are known when compiling. Where they turn out not to be, the function
is lowered once more, with the dict made there a table from the start: see `positions`.
"""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NoReturn

from adcompile.frontend import calls, lists, opaque_equations, pooling, positions, rows
from adcompile.frontend.frames import Conflict, NeedsUnrolling, Unbound, Unresolved
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.values import Args, Keywords, LocalFunction, Partial, Value, lift
from adcompile.ir.core import FALSE, TRUE, Const, Var
from adcompile.ir.structure import Node
from adcompile.rules.opaque import INDEX

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.positions import Table


# For the class of a dict: its tables from which nothing is removed, and those from which something is, by their names.
CLASSES: Final[Mapping[type | None, tuple[str, str]]] = {
    None: ("Table", "Removing"),
    OrderedDict: ("Table", "Removing"),
    defaultdict: ("Filling", "RemovingFilling"),
    Counter: ("Counting", "RemovingCounting"),
}
REMOVALS: Final = frozenset({"__delitem__", "pop", "popitem", "move_to_end", "clear"})


def question(node: ast.AST) -> tuple[str, ast.AST]:
    """Return what is resolved when the dict that is made at a place is a table."""
    return "table", node


def is_question(key: object) -> bool:
    """Tell whether what is resolved is that a dict or set is a table."""
    return isinstance(key, tuple) and key[:1] == ("table",)


def or_conflict(lo: Lowering, identity: int, joined: Value, reason: str) -> Value:
    """Return the conflict of a dict or set to which a branch in a loop gives one key or another: it can be a table."""
    place, _ = lo.dicts.get(identity, (None, None))
    if place is None or not isinstance(joined, Const) or not any(frame.loops for frame in lo.frames):
        return joined
    return Const(Conflict(reason, question(place)))


def removals(node: ast.AST) -> tuple[str, ast.AST]:
    """Return what is resolved when keys are removed from the table that is made at a place."""
    return "removals", node


def is_table(value: Value) -> bool:
    return isinstance(value, Node) and value.cls is not None and value.cls.__module__ == positions.__name__


def described(table: Node[Value]) -> str:
    return f"a {'set' if table.cls is positions.Members else 'dict'} whose keys are known only at run time"


def made(lo: Lowering, new: Value, node: ast.AST) -> Value:
    """Return a dict that was made at a place, as a table if it has to be one; else remember the place."""
    if not isinstance(new, Node) or new.cls not in (CLASSES if new.kind == "dict" else (None,)):
        return new
    if question(node) not in lo.resolved:
        lo.dicts[new.identity] = node, lo.span(node)
        return new
    if new.kind == "set":
        members = lo.container("object", [_new_index(lo, node)], ["index"], positions.Members)
        lo.dicts[members.identity] = node, lo.span(node)
        for key in new.keys:
            call(lo, members, "add", [lift(key)], node)
        return lo.current(members)
    table = empty(lo, new, node)
    for key, value in zip(new.keys, new.children, strict=True):
        call(lo, table, "__setitem__", [lift(key), value], node)
    return table


def empty(lo: Lowering, like: Node[Value], node: ast.AST) -> Value:
    """Make a table without items, of the class and with the factory of a dict."""
    held = like.detail
    factory = held if isinstance(held, LocalFunction | Partial) else lift(held)
    cls: type[Table] = getattr(positions, CLASSES[like.cls][removals(node) in lo.resolved])
    return _new(lo, cls, factory, node, node)


def _new(lo: Lowering, cls: type[Table], factory: Value, place: ast.AST, node: ast.AST) -> Node[Value]:
    parts = {"index": _new_index(lo, node), "names": lo.container("list", []), "held": lo.container("list", [])}
    new = lo.container("object", (*parts.values(), factory), (*parts, "factory"), cls)
    lo.dicts[new.identity] = place, lo.span(node)
    return new


def check_removal(lo: Lowering, held: Node[Value], name: str) -> None:
    """See to it that a table from which something is removed has the class for that."""
    place, _ = lo.dicts.get(held.identity, (None, None))
    if place is None or name not in REMOVALS or removals(place) in lo.resolved:
        return
    if held.cls is not positions.Members:
        raise Unresolved(removals(place))


def of(lo: Lowering, like: Node[Value], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Make a table of what `dict` is called with."""
    table = empty(lo, like, node)
    for value in map(lo.current, args):
        if isinstance(value, Node) and value.kind == "dict":
            for key, item in zip(value.keys, value.children, strict=True):
                call(lo, table, "__setitem__", [lift(key), item], node)
        elif is_table(value):
            call(lo, table, "update", [value], node)
        else:
            calls.in_python(lo, positions.fill, [table, value], node)
    for name, item in keywords.items():
        call(lo, table, "__setitem__", [Const(name), item], node)
    return lo.current(table)


def call(lo: Lowering, table: Value, name: str, args: Args, node: ast.AST) -> Value:
    from adcompile.frontend import objects

    found = objects.special(lo, lo.current(table), name, args, node)
    assert found is not None
    return found


def needed(lo: Lowering, held: Node[Value], node: ast.AST) -> NoReturn:
    """Say that a dict or set has to be a table, unless the loop around is repeated with keys that are known."""
    place, _ = lo.dicts.get(held.identity, (None, None))
    key = None if place is None else question(place)
    if held.identity not in lo.contents:
        lo.changed_outside(held)
    if any(frame.loops for frame in lo.frames):
        raise NeedsUnrolling(node, resolving=key)
    if key is not None:
        raise Unresolved(key)
    lo.refuse(
        node,
        "this key is known only at run time",
        "of a dict that is an argument, or that a recursive function shares with others",
        "use a dict that is made in the function and filled in a loop, or an array",
    )


def is_known(lo: Lowering, key: Value) -> bool:
    """Tell whether a key is known when compiling, or is an int that may be what it is in the example."""
    key = lo.current(key)
    if isinstance(key, Node):
        return all(is_known(lo, c) for c in key.children)
    return isinstance(key, Const) or (isinstance(key, Var) and lo.static_int(key, pin=True) is not None)


# -- what the classes of tables call


def _empty_like(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    held = lo.current(args[0])
    assert isinstance(held, Node) and held.cls is not None and issubclass(held.cls, positions.Table)
    return _new(lo, held.cls, held.children[-1], lo.dicts[held.identity][0], node)


def _new_index(lo: Lowering, node: ast.AST) -> Value:
    return opaque_equations.emit(lo, "path", ("builtins", "dict"), (), [], {}, (INDEX,), node, True)


def _nothing(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    held = lo.current(args[0])
    return TRUE if isinstance(held, Node) and not held.children else FALSE


def _caught(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return TRUE if lo.catchers else FALSE


def _growing(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    held = lo.current(args[0])
    if not isinstance(held, Node):
        return held
    if not held.children:
        if lo.tolerant:
            raise Unbound("this dict has no items here", lo.span(node))
        lo.refuse(node, "there are no items here", "here")
    items = [lo.current(c) for c in held.children]
    known = lists.common_type(lo, [lists.item_type(lo, i) for i in items])
    if known is not None and known.is_list:
        lo.contents[held.identity] = lists.make(lo, items, known)
        return lo.contents[held.identity]
    pattern = rows.pattern_of(lo, items)
    if not isinstance(pattern, Node):
        key = pooling.wanted(lo, items)
        if key is not None:
            raise Unresolved(key)
        lo.refuse(
            node,
            "the items of a list or dict that is indexed at run time must be alike",
            "all numbers, all arrays of one rank, or tuples of these",
            "keep them in several lists or dicts",
        )
    lo.contents[held.identity] = rows.make(lo, items, pattern)
    return lo.contents[held.identity]


# By the names of functions of `positions`.
TABLES: Final[Mapping[str, Builtin]] = {
    "empty_like": _empty_like,
    "nothing": _nothing,
    "caught": _caught,
    "growing": _growing,
}
