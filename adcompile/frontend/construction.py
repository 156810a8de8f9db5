"""Builtins that make containers: list, tuple, dict, set and those of `collections`."""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from adcompile.frontend import (
    containers,
    iteration,
    lists,
)
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.values import Args, Keywords, LocalFunction, Partial, Value
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
    items: dict[object, Value] = {}
    for value in args:
        if isinstance(value, Node) and value.kind == "dict":
            items.update(zip(value.keys, value.children, strict=True))
            continue
        for pair in iteration.static_items(lo, value, node, None):
            key, item = iteration.static_items(lo, pair, node, 2)
            items[lo.static(key, node)] = item
    items.update(keywords)
    return lo.container("dict", tuple(items.values()), tuple(items))


def _ordered_dict(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    made = dict_(lo, args, keywords, node)
    assert isinstance(made, Node)
    return lo.container("dict", made.children, made.keys, OrderedDict)


def _defaultdict(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    factory = lo.current(args[0]) if args else NONE
    made = dict_(lo, args[1:], keywords, node)
    assert isinstance(made, Node)
    if isinstance(factory, LocalFunction | Partial):
        return lo.container("dict", made.children, made.keys, defaultdict, factory)
    return lo.container("dict", made.children, made.keys, defaultdict, lo.static(factory, node))


def _counter(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    counted: Counter[object] = Counter()
    for value in args:
        held = lo.static(value, node)
        counted.update(held if isinstance(held, dict | str) else [lo.static(i, node) for i in _items(lo, value, node)])
    counted.update({k: _whole(lo, v, node) for k, v in keywords.items()})
    return lo.container("dict", [Const(n) for n in counted.values()], tuple(counted), Counter)


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
    keys = dict.fromkeys(lo.static(k, node) for k in iteration.static_items(lo, args[0], node, None))
    return lo.container("dict", [value] * len(keys), tuple(keys))


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
