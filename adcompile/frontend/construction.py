"""Builtins that make containers: list, tuple, dict, set and those of `collections`."""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from adcompile.frontend import (
    calls,
    containers,
    iteration,
    lists,
    positions,
    tables,
)
from adcompile.frontend.frames import Unresolved
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.values import Args, Iterable, Keywords, LocalFunction, Partial, Value, is_static
from adcompile.ir.core import NONE, Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def _sequence(kind: str) -> Builtin:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        if kind == "list" and args:
            return lists.listed(lo, args[0], node)
        items = iteration.static_items(lo, args[0], node, None, pin=True) if args else []
        return lo.container("tuple" if kind == "tuple" else "list", items)

    return make


def dict_(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return _dict_of(lo, Node("dict", ()), args, keywords, node)


def _dict_of(lo: Lowering, like: Node[Value], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Make a dict of the class of another one, of what `dict` is called with."""
    if tables.question(node) in lo.resolved:
        return tables.of(lo, like, args, keywords, node)
    pairs = known_pairs(lo, args, keywords, node)
    if pairs is None:
        raise Unresolved(tables.question(node))
    return tables.made(lo, lo.container("dict", tuple(pairs.values()), tuple(pairs), like.cls, like.detail), node)


def known_pairs(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> dict[object, Value] | None:
    """Return the items that `dict` or a method `update` is given; None if not all keys are known."""
    found: dict[object, Value] = {}
    for value in map(lo.current, args):
        if isinstance(value, Node) and value.kind == "dict":
            found.update(zip(value.keys, value.children, strict=True))
            continue
        source = None if tables.is_table(value) else iteration.iterable(lo, value, node)
        if source is None or not isinstance(source, list) and lo.static_int(source.count(), pin=True) is None:
            return None
        for pair in _each(lo, source):
            key, item = iteration.static_items(lo, pair, node, 2)
            if not tables.is_known(lo, key):
                return None
            found[lo.static(key, node)] = item
    return found | dict(keywords)


def _each(lo: Lowering, source: Iterable | list[Value]) -> list[Value]:
    if isinstance(source, list):
        return [lo.settled(item) for item in source]
    return [source.item(Const(k)) for k in range(lo.static_int(source.count(), pin=True) or 0)]


def _ordered_dict(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return _dict_of(lo, Node("dict", (), cls=OrderedDict), args, keywords, node)


def _defaultdict(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    factory = lo.current(args[0]) if args else NONE
    detail = factory if isinstance(factory, LocalFunction | Partial) else lo.static(factory, node)
    return _dict_of(lo, Node("dict", (), cls=defaultdict, detail=detail), args[1:], keywords, node)


def _counter(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    like: Node[Value] = Node("dict", (), cls=Counter)
    given = [lo.current(a) for a in args]
    if tables.question(node) in lo.resolved:
        table = tables.of(lo, like, [], keywords, node)
        for value in given:
            tables.call(lo, table, "update", [value], node)
        return lo.current(table)
    counted: Counter[object] = Counter()
    for value in given:
        if not (isinstance(value, Node) and value.kind in ("dict", "set")) and not is_static(value):
            source = iteration.iterable(lo, value, node)
            if not isinstance(source, list) or not all(tables.is_known(lo, lo.settled(i)) for i in source):
                raise Unresolved(tables.question(node))
        held = lo.static(value, node)
        counted.update(held if isinstance(held, dict | str) else [lo.static(i, node) for i in _items(lo, value, node)])
    counted.update({k: _whole(lo, v, node) for k, v in keywords.items()})
    return tables.made(lo, lo.container("dict", [Const(n) for n in counted.values()], tuple(counted), Counter), node)


def _items(lo: Lowering, value: Value, node: ast.AST) -> list[Value]:
    return iteration.static_items(lo, value, node, None)


def _whole(lo: Lowering, value: Value, node: ast.AST) -> int:
    found = lo.static(value, node)
    assert isinstance(found, int)
    return found


def _deque(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    limit = keywords.get("maxlen", args[1] if len(args) > 1 else NONE)
    longest = lo.static(limit, node)
    assert longest is None or isinstance(longest, int)
    items = iteration.static_items(lo, args[0], node, None, pin=True) if args else []
    return lo.container("list", tuple(deque(items, longest)), (), deque, longest)


def _set(kind: type) -> Builtin:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        items = iteration.static_items(lo, args[0], node, None) if args else []
        return containers.make_set(lo, items, node, None if kind is set else kind)

    return make


def _fromkeys(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    value = args[1] if len(args) > 1 else NONE
    source = iteration.iterable(lo, args[0], node)
    known = isinstance(source, list) and all(tables.is_known(lo, lo.settled(i)) for i in source)
    if tables.question(node) in lo.resolved:
        table = tables.of(lo, Node("dict", ()), [], {}, node)
        calls.in_python(lo, positions.fill_keys, [table, args[0], value], node)
        return lo.current(table)
    if not known:
        raise Unresolved(tables.question(node))
    keys = dict.fromkeys(lo.static(k, node) for k in iteration.static_items(lo, args[0], node, None))
    return tables.made(lo, lo.container("dict", [value] * len(keys), tuple(keys)), node)


CONSTRUCTORS: Final[Mapping[object, Builtin]] = {
    tuple: _sequence("tuple"),
    list: _sequence("list"),
    dict: dict_,
    OrderedDict: _ordered_dict,
    defaultdict: _defaultdict,
    Counter: _counter,
    deque: _deque,
    set: _set(set),
    frozenset: _set(frozenset),
    dict.fromkeys: _fromkeys,
}
