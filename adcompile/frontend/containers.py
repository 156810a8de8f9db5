"""The methods of lists, tuples and dicts whose structure is known."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adcompile.frontend import access, builtin, calls, iteration
from adcompile.frontend.values import (
    Value,
    is_static,
    lift,
    static_value,
)
from adcompile.ir.core import NONE, Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Args = Sequence[Value]
Keywords = Mapping[str, Value]


def container_method(
    lo: Lowering, receiver: Node[Value], name: str, args: Args, keywords: Keywords, node: ast.AST
) -> Value:
    if not keywords:
        found = (dict_method if receiver.kind == "dict" else sequence_method)(lo, receiver, name, args, node)
        if found is not None:
            return found
    lo.refuse(
        node,
        f"the method `{name}` of a {receiver.kind} is not supported",
        "called here",
        "build a new container, or use a NumPy array",
    )


def dict_method(lo: Lowering, receiver: Node[Value], name: str, args: Args, node: ast.AST) -> Value | None:
    pairs = dict(zip(receiver.keys, receiver.children, strict=True))
    match name, len(args):
        case "items", 0:
            return Node("tuple", tuple(Node("tuple", (lift(k), v)) for k, v in pairs.items()))
        case "keys", 0:
            return Node("tuple", tuple(lift(k) for k in receiver.keys))
        case "values", 0:
            return Node("tuple", receiver.children)
        case "copy", 0:
            return lo.container("dict", receiver.children, receiver.keys)
        case "get", 1 | 2:
            return pairs.get(lo.static(args[0], node), args[1] if len(args) == 2 else NONE)
        case "setdefault" | "pop", 1 | 2:
            key = lo.static(args[0], node)
            if key not in pairs and len(args) == 1:
                lo.refuse(node, f"the dict has no key {key!r}", "called here")
            value = pairs.get(key, args[-1])
            pairs[key] = value
            if name == "pop":
                del pairs[key]
            lo.change(node, receiver, tuple(pairs.values()), tuple(pairs))
            return value
        case "update", 1:
            other = builtin.dict_(lo, args, {}, node)
            assert isinstance(other, Node)
            pairs.update(zip(other.keys, other.children, strict=True))
            lo.change(node, receiver, tuple(pairs.values()), tuple(pairs))
            return NONE
    return None


def sequence_method(lo: Lowering, receiver: Node[Value], name: str, args: Args, node: ast.AST) -> Value | None:
    items = list(receiver.children)
    if name in ("index", "count") and is_static(receiver) and all(map(is_static, args)):
        return calls.compute_now(lo, getattr(static_value(receiver), name), args, {}, node)
    if receiver.kind == "tuple":
        return None
    result: Value = NONE
    match name, len(args):
        case "copy", 0:
            return lo.container("list", items)
        case "append", 1:
            items.append(args[0])
        case "extend", 1:
            items += iteration.static_items(lo, args[0], node, None)
        case "insert", 2:
            position = lo.static(args[0], node)
            assert isinstance(position, int)
            items.insert(position, args[1])
        case "pop", 0 | 1:
            index = args[0] if args else Const(-1)
            result = items.pop(access.position_in(lo, receiver, index, node))
        case "reverse", 0:
            items.reverse()
        case "clear", 0:
            items.clear()
        case _:
            return None
    lo.change(node, receiver, items)
    return result
