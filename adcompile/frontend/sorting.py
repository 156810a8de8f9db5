"""sorted() and list.sort(): of things that are known the order is found when compiling, of numbers at run time."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from adcompile.frontend import application, calls, iteration, lists, pools, prelude, rows
from adcompile.frontend.optionals import Maybe
from adcompile.frontend.values import Keywords, Ref, Rows, Value, is_static, static_value
from adcompile.ir.core import NONE, Const, is_none
from adcompile.ir.structure import Node
from adcompile.rules import binding

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def sorted_(lo: Lowering, source: Value, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``sorted(source, key=..., reverse=...)``."""
    if not set(keywords) <= {"key", "reverse"}:
        lo.refuse(node, "sorted() takes `key` and `reverse` only", "called here")
    reverse = bool(lo.static(keywords.get("reverse", Const(False)), node))
    key = keywords.get("key", NONE)
    found = iteration.iterable(lo, source, node)
    if not isinstance(found, list) and not isinstance(source, Ref | Rows):
        n = lo.static_int(found.count())
        found = [found.item(Const(k)) for k in range(n)] if n is not None and n <= iteration.LONG else found
    if not isinstance(found, list):
        held = source if isinstance(source, Ref | Rows) else lists.listed(lo, found, node)
        return at_run_time(lo, held, key, reverse, node)
    items = [lo.settled(item) for item in found]
    keyed = key is not NONE and not is_none(key)
    keys = [lo.settled(calls.call(lo, key, [item], {}, node)) for item in items] if keyed else items
    known = [known_key(k) for k in keys]
    if len(items) < 2 or (all(k is not None for k in known) and _decides(known, keys)):
        try:
            order = sorted(range(len(items)), key=lambda i: known[i], reverse=reverse)  # type: ignore[arg-type,return-value]  # which raises
        except TypeError as error:
            lo.refuse(node, f"these have no order: {error}", "Python raises here")
        return lo.container("list", [items[i] for i in order])
    return chosen(lo, items, keys, reverse, node)


def known_key(key: Value) -> tuple[object, ...] | None:
    """Return a key that is known, or the part of a tuple before the first number; None if there is nothing."""
    if isinstance(key, Node) and key.kind == "tuple":
        head: list[object] = []
        for child in key.children:
            if not is_static(child):
                break
            head.append(static_value(child))
        return tuple(head) or None
    return (static_value(key),) if is_static(key) else None


def _decides(known: Sequence[tuple[object, ...] | None], keys: Sequence[Value]) -> bool:
    """Tell whether the known parts of keys decide about the order: wholly known, or different where all are known."""
    if all(map(is_static, keys)):
        return True
    parts = [k for k in known if k is not None]
    common = min(map(len, parts))
    return all(a[:common] != b[:common] for a, b in itertools.combinations(parts, 2))


def chosen(lo: Lowering, items: list[Value], keys: list[Value], reverse: bool, node: ast.AST) -> Value:
    """Sort by numbers: the items in the order of np.argsort."""
    what, advice = "the order of these is known only at run time, and they are no floats", "sort by a key that is one"
    keys = [lo.current(k) for k in keys]
    tuples = [k.children for k in keys if isinstance(k, Node) and is_ordered(k)]
    if len(tuples) == len(keys) and len(set(map(len, tuples))) == 1:
        columns: list[Value] = [Node("list", column) for column in zip(*tuples, strict=True)]
        if any(isinstance(lo.current(c), Node) for column in tuples for c in column):
            lo.refuse(node, what, "here", advice)
        order = order_of_tuples(lo, columns, reverse, node)
        return lo.container("list", [picked(lo, items, order, k, node) for k in range(len(items))])
    if any(isinstance(k, Node) for k in keys):
        lo.refuse(node, what, "here", advice)
    numbers = [lo.number(k, node) for k in keys]
    if any(not n.type.is_scalar or not n.type.inexact for n in numbers):
        lo.refuse(node, what, "here", advice)
    order = order_of(lo, Node("list", tuple(keys)), reverse, node)
    return lo.container("list", [picked(lo, items, order, k, node) for k in range(len(items))])


def order_of(lo: Lowering, keys: Value, reverse: bool, node: ast.AST) -> Value:
    """Return the positions of keys in ascending or descending order; equal ones stay in order."""
    if np.argsort not in binding.FUNCTIONS:
        lo.refuse(node, "the order of these is known only at run time", "called here", "sort before differentiating")
    array = application.apply(lo, np.array, [keys], {}, node) if isinstance(keys, Node) else keys
    if reverse:
        array = lo.emit(node, "neg", lo.number(array, node))
    return application.apply(lo, np.argsort, [array], {"kind": Const("stable")}, node)


def is_ordered(item: Node[Any]) -> bool:
    """Tell whether things like this are ordered by their parts, the first one first."""
    params = getattr(item.cls, "__dataclass_params__", None)
    if item.kind == "tuple":
        return item.cls not in (Maybe, pools.Placed)
    return item.kind == "object" and bool(getattr(params, "order", False))


def is_parts(tree: Value) -> bool:
    return isinstance(tree, Node) and bool(tree.children) and is_ordered(tree)


def order_in(lo: Lowering, items: Rows, reverse: bool, node: ast.AST) -> Value:
    """Return the positions in order of the items of a list of run-time length of tuples of numbers."""
    if not all(isinstance(p, Ref) or is_parts(p) for p in rows.nodes(items.pattern)):
        refuse_order(lo, node)
    return order_of_tuples(lo, rows.columns(items), reverse, node)


def refuse_order(lo: Lowering, node: ast.AST) -> NoReturn:
    what = "items that are no numbers, and as many as is known only at run time, are sorted by a key"
    lo.refuse(node, what, "called here", "give the number to sort by: key=lambda item: item[0]")


def order_of_tuples(lo: Lowering, columns: Sequence[Value], reverse: bool, node: ast.AST) -> Value:
    """Return the positions of tuples in order: by the last parts first, each time leaving equal ones in order."""
    order: Value | None = None
    for column in reversed(columns):
        array = lo.wrap(lo.number(column, node))
        if order is None or not isinstance(array, Ref):
            order = order_of(lo, array, reverse, node)
            continue
        so_far = lo.view(array, "a", (lo.atom(order),))
        assert isinstance(order, Ref)
        order = lo.view(order, "a", (lo.atom(order_of(lo, so_far, reverse, node)),))
    assert order is not None
    return order


def picked(lo: Lowering, items: list[Value], order: Value, position: int, node: ast.AST) -> Value:
    """Return the item at a position of the sorted list."""
    first = items[0]
    if isinstance(first, Node):
        alike = all(isinstance(i, Node) and i.form == first.form for i in items)
        if not alike or first.identity:
            lo.refuse(node, "the order of these is known only at run time", "here", "sort tuples of numbers")
        columns = [
            [lo.current(i.children[k]) for i in items if isinstance(i, Node)] for k in range(len(first.children))
        ]
        return first.holding([picked(lo, column, order, position, node) for column in columns])
    if all(isinstance(i, Const) and isinstance(first, Const) and i.key == first.key for i in items):
        return first
    if not all(isinstance(i, Const) and i.type.is_numeric or lo.type_of(i).is_numeric for i in items):
        lo.refuse(node, "which of these comes first is known only at run time", "here", "sort numbers or arrays")
    assert isinstance(order, Ref)
    index = lo.atom(lo.view(order, "i", (Const(position),)))
    types = [lo.type_of(i) for i in items]
    held = lists.common_type(lo, types)
    if held is not None and (
        types[0].kind in ("py", "scalar") or any((t.kind, t.dtype) != (types[0].kind, types[0].dtype) for t in types)
    ):
        return lo.builder.emit("list_get", lo.cells[lists.make(lo, items, held).cell], index)  # Python's numbers stay
    stacked = application.apply(lo, np.array, [Node("list", tuple(items))], {}, node)
    assert isinstance(stacked, Ref)
    return lo.view(stacked, "i", (index,))


def at_run_time(lo: Lowering, source: Value, key: Value, reverse: bool, node: ast.AST) -> Value:
    """Sort an array, or a list of numbers, of run-time length; the result is a list."""
    if not is_none(key):
        keys = lo.current(calls.in_python(lo, prelude.keys_of, [source, key], node))
        if isinstance(keys, Rows):
            return calls.in_python(lo, prelude.arranged, [source, order_in(lo, keys, reverse, node)], node)
        return calls.in_python(lo, prelude.sorted_by, [source, keys, Const(reverse)], node)
    array = source
    if isinstance(source, Rows):
        return calls.in_python(lo, prelude.arranged, [source, order_in(lo, source, reverse, node)], node)
    if isinstance(source, Ref) and lo.is_list(source):
        array = lo.wrap(lo.number(source, node))
    if not isinstance(array, Ref) or lo.type_of(array).rank != 1:
        refuse_order(lo, node)
    order = order_of(lo, array, reverse, node)
    if array is not source:  # Python's numbers stay Python's
        return calls.in_python(lo, prelude.arranged, [source, order], node)
    return lists.of_array(lo, lo.view(array, "a", (lo.atom(order),)), node)
