"""Lists of run-time length whose items are tuples: one list for each number or array in them.

    states.append((h, c))   ->   states_0.append(h); states_1.append(c)

The items must be immutable, as tuples, NamedTuples and frozen dataclasses are: what is read is not the item but one
like it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adcompile.frontend import application, listings, lists, optionals, pooling, pools
from adcompile.frontend.frames import NeedsUnrolling
from adcompile.frontend.values import Iterable, Ref, Rows, Slice, Value
from adcompile.ir.core import NONE, UNDEFINED, Atom, Const
from adcompile.ir.lists import list_type
from adcompile.ir.structure import Node
from adcompile.ir.types import Type, join

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Pattern = Node[Type | Const] | Type | Const


def pattern_of(lo: Lowering, items: Sequence[Value]) -> Pattern | None:
    """Return what all items have in common: the type of a list for each leaf, or its value; None if they differ."""
    items = optionals.alike([pools.encoded(lo, lo.seen(i)) for i in items if i is not UNDEFINED])
    first = items[0] if items else None
    if isinstance(first, Node):
        alike = [i for i in items if isinstance(i, Node) and i.form == first.form and is_immutable(i)]
        columns = [pattern_of(lo, [i.children[k] for i in alike]) for k in range(len(first.children))]
        if len(alike) < len(items) or any(c is None for c in columns):
            return None
        return first.holding([c for c in columns if c is not None])
    if isinstance(first, Const) and all(isinstance(i, Const) and i.key == first.key for i in items):
        return first if not first.type.is_numeric else lists.common_type(lo, [lo.type_of(first)])
    return lists.common_type(lo, [lo.type_of(i) for i in items])


def covering(lo: Lowering, values: Sequence[Value]) -> Type | Node[Type | Const] | None:
    """Return what a list of run-time length holds that can be any of some lists; None if there is none."""
    items = [lo.current(c) for v in values if isinstance(v, Node) for c in v.children]
    if any(isinstance(v, Node) and (v.kind != "list" or v.detail is not None) for v in values):
        return None
    if not any(isinstance(v, Rows) for v in values):
        refs = [v for v in values if isinstance(v, Ref)]
        held = lists.covering(lo, list(map(lo.type_of, refs)), [lists.item_type(lo, c) for c in items])
        if held is not None or any(isinstance(v, Ref) for v in values):
            return held
    patterns = [pattern_of(lo, items)] if items else []
    patterns += [types_of(lo, v) for v in values if isinstance(v, Rows)]
    found = joined(lo, patterns)
    return found if isinstance(found, Node) and has_lists(found) else None


def has_lists(pattern: Pattern) -> bool:
    """Tell whether items of a pattern hold numbers or arrays."""
    return any(map(has_lists, pattern.children)) if isinstance(pattern, Node) else isinstance(pattern, Type)


def at_run_time(lo: Lowering, value: Value, held: Type | Node[Type | Const]) -> Value:
    """Return a list as one of run-time length."""
    if not isinstance(value, Node):
        return value
    items = [lo.current(c) for c in value.children]
    return make(lo, items, held) if isinstance(held, Node) else lists.make(lo, items, held)


def become(lo: Lowering, value: Value, held: Type | Node[Type | Const]) -> Value:
    """Have a list be one of run-time length, by whatever name it is known."""
    made = at_run_time(lo, value, held)
    if isinstance(value, Node) and value.identity in lo.contents:
        lo.contents[value.identity] = made
    return made


def alike(a: Value, b: Value) -> bool:
    """Tell whether the items of two lists, by their patterns, differ in their numbers and arrays only."""
    if isinstance(a, Node) and isinstance(b, Node):
        return a.form == b.form and all(alike(x, y) for x, y in zip(a.children, b.children, strict=True))
    return (isinstance(a, Ref) and isinstance(b, Ref)) or (
        isinstance(a, Const) and isinstance(b, Const) and a.key == b.key
    )


def joined(lo: Lowering, patterns: Sequence[Pattern | None]) -> Pattern | None:
    """Return the pattern that covers all of some; None if there is none, or one of them is missing."""
    first = patterns[0] if patterns else None
    for other in patterns[1:]:
        first = None if first is None or other is None else _joined(lo, first, other)
    return first


def _joined(lo: Lowering, a: Pattern, b: Pattern) -> Pattern | None:
    if isinstance(a, Node) and isinstance(b, Node) and a.form == b.form:
        parts = [_joined(lo, x, y) for x, y in zip(a.children, b.children, strict=True)]
        return None if any(p is None for p in parts) else a.holding([p for p in parts if p is not None])
    if a != b:
        a, b = (list_type(p.type) if isinstance(p, Const) and p.type.is_text else p for p in (a, b))
    if isinstance(a, Type) and isinstance(b, Type):
        found = join(lo.facts, a, b)
        return found if found.is_list and found.dims is not None else None
    return a if isinstance(a, Const) and isinstance(b, Const) and a.key == b.key else None


def of_list(lo: Lowering, value: Value, pattern: Node[Type | Const]) -> Rows:
    """Return a list as one of run-time length."""
    if isinstance(value, Rows):
        return value
    assert isinstance(value, Node)
    return make(lo, value.children, pattern)


def paired(one: Rows, two: Rows, pair: Callable[[Ref, Ref], Value]) -> Rows:
    """Combine two lists of items list by list."""

    def go(a: Value, b: Value) -> Value:
        if isinstance(a, Node) and isinstance(b, Node):
            return a.holding([go(x, y) for x, y in zip(a.children, b.children, strict=True)])
        return pair(a, b) if isinstance(a, Ref) and isinstance(b, Ref) else a

    found = go(one.pattern, two.pattern)
    assert isinstance(found, Node)
    return Rows(found)


def is_immutable(item: Node[Value]) -> bool:
    """Tell whether an item cannot be changed."""
    params = getattr(item.cls, "__dataclass_params__", None)
    return item.kind == "tuple" or (item.kind == "object" and bool(getattr(params, "frozen", False)))


def types_of(lo: Lowering, rows: Rows) -> Node[Type | Const]:
    """Return the pattern of a list of items."""

    def of(tree: Value) -> Pattern:
        if isinstance(tree, Node):
            return tree.holding([of(c) for c in tree.children])
        if isinstance(tree, Ref):
            return lo.type_of(tree)
        assert isinstance(tree, Const)
        return tree

    found = of(rows.pattern)
    assert isinstance(found, Node)
    return found


def make(lo: Lowering, items: Sequence[Value], pattern: Node[Type | Const]) -> Rows:
    """Make a list of run-time length of items that are known."""

    def of(tree: Pattern, column: Sequence[Value]) -> Value:
        column = [pools.encoded(lo, lo.seen(c)) for c in column]
        if isinstance(tree, Node):
            column = [optionals.paired(c) for c in column] if tree.cls is optionals.Maybe else column
            if any(not isinstance(c, Node) or c.form != tree.form or not is_immutable(c) for c in column):
                pooling.gather(lo, [*samples(lo, tree), *column])
                lo.refuse(None, "the items of a list whose length is known only at run time must be alike", "here")
            parts = [[c.children[k] for c in column if isinstance(c, Node)] for k in range(len(tree.children))]
            return tree.holding([of(t, part) for t, part in zip(tree.children, parts, strict=True)])
        return tree if isinstance(tree, Const) else lists.make(lo, column, tree)

    made = of(pattern, items)
    assert isinstance(made, Node)
    return Rows(made)


def first_column(rows: Rows) -> Ref | None:
    return next(iter(columns(rows)), None)


def columns(rows: Rows) -> list[Ref]:
    return refs_in(rows.pattern)


def refs_in(tree: Value) -> list[Ref]:
    """Return the lists in a tree."""
    return [part for part in nodes(tree) if isinstance(part, Ref)]


def as_array(lo: Lowering, rows: Rows, node: ast.AST) -> Value:
    """Return the array that NumPy makes of a list of tuples of numbers: each list of it is a column."""

    from adcompile.frontend import calls

    def of(tree: Value) -> Value:
        plain = isinstance(tree, Node) and tree.kind == "tuple" and tree.cls not in (optionals.Maybe, pools.Placed)
        if plain and isinstance(tree, Node) and tree.children:
            columns: Node[Value] = Node("tuple", tuple(map(of, tree.children)))
            return application.apply(lo, np.stack, [columns, Const(1)], {}, node)
        if tree is rows.pattern and rows.pattern.cls is pools.Placed:
            return calls.in_python(lo, listings.as_arrays, [rows], node)
        if not isinstance(tree, Ref):
            lo.refuse(node, "these items are not numbers", "an array is made of them here")
        return lo.emit(node, "list_array", lo.atom(tree))

    return of(rows.pattern)


def each(lo: Lowering, rows: Rows, of: Callable[[Ref], Value]) -> Value:
    """Apply a function that returns an item to every list; return what the items are together."""

    def item(tree: Value) -> Value:
        if isinstance(tree, Node):
            return pools.decoded(lo, lo.like(tree, [item(c) for c in tree.children]))
        return of(tree) if isinstance(tree, Ref) else tree

    return item(rows.pattern)


def mapped(rows: Rows, of: Callable[[Ref], Value]) -> Rows:
    """Apply a function that returns a list to every list."""

    def part(tree: Value) -> Value:
        if isinstance(tree, Node):
            return tree.holding([part(c) for c in tree.children])
        return of(tree) if isinstance(tree, Ref) else tree

    found = part(rows.pattern)
    assert isinstance(found, Node)
    return Rows(found)


def spread(lo: Lowering, rows: Rows, item: Value, put: Callable[[Ref, Value], object], node: ast.AST) -> None:
    """Put the parts of an item into the lists."""

    def go(tree: Value, part: Value) -> None:
        part = pools.encoded(lo, lo.seen(part))
        if isinstance(tree, Node):
            part = optionals.paired(part) if tree.cls is optionals.Maybe else part
            if part is UNDEFINED and tree.cls is pools.Placed:  # there is None instead
                part = tree.holding([Const(0)])
            if not isinstance(part, Node) or part.form != tree.form or not is_immutable(part):
                raise pooling.unrolling(lo, node, [*samples(lo, tree), part], columns(rows)[0].cell)
            for t, p in zip(tree.children, part.children, strict=True):
                go(t, p)
        elif isinstance(tree, Ref):
            put(tree, NONE if part is UNDEFINED else part)
        elif not (isinstance(tree, Const) and isinstance(part, Const) and tree.key == part.key):
            raise NeedsUnrolling(node, items=next((ref.cell for ref in columns(rows)), None))

    go(rows.pattern, item)


def samples_of(lo: Lowering, value: Value) -> Sequence[Value]:
    """Return the items of a list that are known, or what stands for all of them."""
    if isinstance(value, Rows):
        return samples(lo, value.pattern)
    return value.children if isinstance(value, Node) else ()


def samples(lo: Lowering, tree: Node[Any]) -> list[Value]:
    """Return what stands for the items of a list, as far as they are in pools."""

    def of(part: Any) -> Value:
        if isinstance(part, Node):
            return pools.decoded(lo, part.holding([of(c) for c in part.children]))
        return Const(0)

    return [of(tree)] if tree.kind == "tuple" else []


def length(lo: Lowering, rows: Rows) -> Atom:
    return lists.length(lo, columns(rows)[0])


def read(lo: Lowering, rows: Rows, index: Value, node: ast.AST) -> Value:
    """Lower ``items[index]``."""
    if isinstance(index, Slice):
        return held(lo, mapped(rows, lambda ref: lists.sliced(lo, ref, index, node)))
    return each(lo, rows, lambda ref: lists.read(lo, ref, index, node))


def held(lo: Lowering, rows: Rows) -> Value:
    """Return a new list that a name can refer to."""
    new = lo.container("list", [])
    lo.contents[new.identity] = rows
    return rows


def concatenated(lo: Lowering, left: Value, right: Value, node: ast.AST) -> Value:
    """Lower ``left + right`` of two lists, one of which at least is one of tuples."""
    values = [lo.current(v) for v in (left, right)]
    pattern = covering(lo, values)
    if not isinstance(pattern, Node):
        pooling.gather(lo, [c for v in values for c in samples_of(lo, v)])
        lo.refuse(node, "the items of these lists are not alike", "joined here")
    one, two = (of_list(lo, v, pattern) for v in values)
    if not alike(one.pattern, two.pattern):
        lo.refuse(node, "the items of these lists are not alike", "joined here")
    return held(lo, paired(one, two, lambda a, b: lists.concatenated(lo, a, b, node)))


def copied(lo: Lowering, rows: Rows, deep: bool, node: ast.AST) -> Value:
    """Return a copy of a list; `deep`: also of the lists in it."""
    has_lists = any(isinstance(t, Node) and t.cls is pools.Placed for t in nodes(rows.pattern))
    if deep and has_lists:
        lo.refuse(node, "deep copies of lists in lists are not supported", "here", "write [row[:] for row in rows]")
    return read(lo, rows, Slice(NONE, NONE, NONE), node)


def nodes(tree: Value) -> Iterator[Value]:
    """Yield all parts of a tree."""
    yield tree
    if isinstance(tree, Node):
        for child in tree.children:
            yield from nodes(child)


def store(lo: Lowering, rows: Rows, index: Value, item: Value, node: ast.AST) -> None:
    """Lower ``items[index] = item``."""
    spread(lo, rows, item, lambda ref, part: lists.store(lo, ref, index, part, node), node)


def method(lo: Lowering, rows: Rows, name: str, args: Sequence[Value], node: ast.AST) -> Value:
    """Call a method of a list of items."""
    from adcompile.frontend import calls, prelude

    if name in ("append", "appendleft", "insert"):
        *places, item = args
        spread(lo, rows, item, lambda ref, part: lists.method(lo, ref, name, [*places, part], node), node)
        return NONE
    if name == "extend" and len(args) == 1:
        calls.in_python(lo, prelude.extend, [rows, args[0]], node)
        return NONE
    if name in ("pop", "popleft"):
        return each(lo, rows, lambda ref: lists.method(lo, ref, name, args, node))
    if name in ("reverse", "clear") and not args:
        mapped(rows, lambda ref: lists.method(lo, ref, name, args, node))
        return NONE
    if name == "copy":
        return read(lo, rows, Slice(NONE, NONE, NONE), node)
    lo.refuse(node, f"the method `{name}` of a list of tuples that grows is not supported", "called here")


def iterate(lo: Lowering, rows: Rows) -> Iterable:
    def item(k: Atom) -> Value:
        return each(lo, rows, lambda ref: lists.taken(lo, ref, lists.of(lo, ref, "list_get", k)))

    return Iterable(lambda: length(lo, rows), item, arrays=tuple(columns(rows)))
