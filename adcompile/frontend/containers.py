"""The methods of lists, tuples, dicts and sets whose structure is known."""

from __future__ import annotations

import ast
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from adcompile.frontend import (
    access,
    branches,
    callables,
    calls,
    construction,
    expressions,
    heaps,
    iteration,
    lists,
    picking,
    prelude,
    run_texts,
    sorting,
    tables,
)
from adcompile.frontend.frames import Unresolved
from adcompile.frontend.operators import apply_binary
from adcompile.frontend.values import (
    Args,
    Keywords,
    LocalFunction,
    Partial,
    Ref,
    Rows,
    Slice,
    Value,
    is_static,
    lift,
    static_value,
)
from adcompile.ir.core import NONE, Const, Var, is_none
from adcompile.ir.forms import is_named_tuple
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def container_method(
    lo: Lowering, receiver: Node[Value], name: str, args: Args, keywords: Keywords, node: ast.AST
) -> Value:
    if receiver.cls is not None and is_named_tuple(receiver.cls):
        done = named_tuple_method(lo, receiver, name, args, keywords, node)
        if done is not None:
            return done
    if not keywords or name in ("sort", "update", "popitem", "move_to_end"):
        methods = {"dict": dict_method, "set": set_method}
        found = methods.get(receiver.kind, sequence_method)(lo, receiver, name, args, keywords, node)
        if found is not None:
            return found
    lo.refuse(
        node,
        f"the method `{name}` of a {receiver.called} is not supported",
        "called here",
        "build a new container, or use a NumPy array",
    )


def named_tuple_method(
    lo: Lowering, receiver: Node[Value], name: str, args: Args, keywords: Keywords, node: ast.AST
) -> Value | None:
    assert receiver.cls is not None
    fields: tuple[str, ...] = receiver.cls._fields  # type: ignore[attr-defined]  # of a NamedTuple
    match name:
        case "_replace" if not args and set(keywords) <= set(fields):
            return receiver.holding([keywords.get(f, c) for f, c in zip(fields, receiver.children, strict=True)])
        case "_asdict" if not args and not keywords:
            return lo.container("dict", receiver.children, fields)
        case "_make" if len(args) == 1 and not keywords:
            return receiver.holding(iteration.static_items(lo, args[0], node, len(fields)))
    return None


def dict_item(lo: Lowering, held: Node[Value], index: Value, node: ast.AST) -> Value:
    """Lower ``held[index]`` for a dict; a defaultdict makes what is missing."""
    known = held.children and held.cls is None
    if isinstance(index, Var) and known and (run_texts.is_chosen(lo, index) or picking.at_run_time(lo, index, node)):
        return picking.read(lo, held, index, node)
    key = static_key(lo, held, index, node)
    if key in held.keys:
        return held.children[held.keys.index(key)]
    if held.cls is Counter:
        return Const(0)
    if held.detail is not None:
        factory = held.detail if isinstance(held.detail, LocalFunction | Partial) else lift(held.detail)
        new = calls.call(lo, factory, [], {}, node)
        lo.change(node, held, [*held.children, new], [*held.keys, key])
        return new
    lo.refuse(node, "this key is not in the dict", f"the keys are {list(held.keys)}")


def static_key(lo: Lowering, held: Node[Value], index: Value, node: ast.AST) -> object:
    """Return a key, which must be known when compiling: in a loop it may become so when the loop is unrolled."""
    if not tables.is_known(lo, index):
        tables.needed(lo, held, node)
    return lo.static(index, node)


def update_in_place(lo: Lowering, op: str, held: Node[Value], right: Value, node: ast.AST) -> bool:
    """Lower ``held op= right`` where it changes a list or dict; tell whether it does."""
    right = lo.current(right)
    match held.kind, op:
        case "list", "add" if _lengthened(lo, held, right, node):
            return True
        case "list", "add":
            lo.change(node, held, [*held.children, *iteration.static_items(lo, right, node, None)])
        case "list", "mul" if (times := lo.static_int(right)) is not None:
            lo.change(node, held, held.children * times)
        case "dict", "bitor" if isinstance(right, Node) and right.kind == "dict":
            merged = dict(zip(held.keys, held.children, strict=True)) | dict(
                zip(right.keys, right.children, strict=True)
            )
            lo.change(node, held, tuple(merged.values()), tuple(merged))
        case _:
            return False
    return True


def dict_method(
    lo: Lowering, receiver: Node[Value], name: str, args: Args, keywords: Keywords, node: ast.AST
) -> Value | None:
    pairs = dict(zip(receiver.keys, receiver.children, strict=True))
    result: Value = NONE
    match name, len(args):
        case "items", 0:
            held = zip(receiver.keys, iteration.items_of(lo, receiver), strict=True)
            return Node("tuple", tuple(Node("tuple", (lift(k), v)) for k, v in held))
        case "keys", 0:
            return Node("tuple", tuple(lift(k) for k in receiver.keys))
        case "values", 0:
            return Node("tuple", tuple(iteration.items_of(lo, receiver)))
        case "copy", 0:
            return tables.made(lo, lo.like(receiver, receiver.children), node)
        case "get", 1 | 2:
            if not pairs:
                return args[1] if len(args) == 2 else NONE
            return pairs.get(static_key(lo, receiver, args[0], node), args[1] if len(args) == 2 else NONE)
        case "setdefault" | "pop", 1 | 2:
            key = static_key(lo, receiver, args[0], node)
            if key not in pairs and len(args) == 1 and name == "pop":
                lo.refuse(node, f"the dict has no key {key!r}", "called here")
            result = pairs.get(key, args[1] if len(args) == 2 else NONE)
            pairs[key] = result
            if name == "pop":
                del pairs[key]
        case "popitem", 0 | 1:
            if not pairs:
                lo.refuse(node, "the dict is empty", "called here")
            last = lo.static(args[0] if args else keywords.get("last", Const(True)), node)
            key = list(pairs)[-1 if last else 0]
            result = Node("tuple", (lift(key), pairs.pop(key)))
        case "clear", 0:
            pairs.clear()
        case "move_to_end", 1 | 2:
            key = static_key(lo, receiver, args[0], node)
            item = pairs.pop(key)
            last = lo.static(args[1] if len(args) > 1 else keywords.get("last", Const(True)), node)
            pairs = {**pairs, key: item} if last else {key: item, **pairs}
        case "update", 0 | 1 if receiver.cls is not Counter:
            other = construction.known_pairs(lo, args, keywords, node)
            if other is None:
                tables.needed(lo, receiver, node)
            pairs.update(other)
        case _:
            return None
    lo.change(node, receiver, tuple(pairs.values()), tuple(pairs))
    return result


def sequence_method(
    lo: Lowering, receiver: Node[Value], name: str, args: Args, keywords: Keywords, node: ast.AST
) -> Value | None:
    items = list(receiver.children)
    if name in ("index", "count") and is_static(receiver) and all(map(is_static, args)):
        return callables.compute_now(lo, getattr(static_value(receiver), name), args, {}, node)
    if name in ("index", "count") and len(args) == 1 and _are_numbers(lo, [*items, args[0]]):
        return calls.in_python(lo, prelude.position if name == "index" else prelude.times, [receiver, args[0]], node)
    if receiver.kind == "tuple":
        return None
    result: Value = NONE
    match name, len(args):
        case "copy", 0 if receiver.cls is not None and issubclass(receiver.cls, list):
            return lo.container("list", items)
        case "copy", 0:
            return lo.like(receiver, items)
        case "append", 1:
            items = bounded(receiver, [*items, args[0]])
        case "appendleft", 1:
            items = bounded(receiver, [args[0], *items], left=False)
        case "extend", 1 if _lengthened(lo, receiver, args[0], node):
            return NONE
        case "extend", 1:
            items = bounded(receiver, items + iteration.static_items(lo, args[0], node, None))
        case "extendleft", 1:
            items = bounded(receiver, iteration.static_items(lo, args[0], node, None)[::-1] + items, left=False)
        case "insert", 2 if items and lo.static_int(args[0]) is None:
            return calls.in_python(lo, heaps.insert, [receiver, *args], node)
        case "insert", 2:
            position = lo.static(args[0], node) if items else 0
            assert isinstance(position, int)
            items.insert(position, args[1])
        case "pop" | "popleft", 0 | 1:
            index = args[0] if args else Const(0 if name == "popleft" else -1)
            if not items:
                lo.refuse(node, f"the {receiver.called} is empty", "called here")
            result = items.pop(access.position_in(lo, receiver, index, node))
        case "remove", 1 if _are_numbers(lo, [*items, args[0]]) and not (is_static(receiver) and is_static(args[0])):
            items = _without(lo, receiver, args[0], node)
        case "remove", 1:
            items.pop(position_of(lo, receiver, args[0], node))
        case "rotate", 0 | 1:
            shift = lo.static(args[0], node) if args else 1
            assert isinstance(shift, int)
            turned = deque(items)
            turned.rotate(shift)
            items = list(turned)
        case "reverse", 0:
            items.reverse()
        case "sort", 0:
            ordered = sorting.sorted_(lo, receiver, keywords, node)
            assert isinstance(ordered, Node)
            items = list(ordered.children)
        case "clear", 0:
            items.clear()
        case _:
            return None
    lo.change(node, receiver, items)
    return result


def _are_numbers(lo: Lowering, values: Sequence[Value]) -> bool:
    return all(lo.type_of(v).is_numeric and lo.type_of(v).is_scalar for v in map(lo.current, values))


def _without(lo: Lowering, held: Node[Value], item: Value, node: ast.AST) -> list[Value]:
    """Return the items of a list but for the first that equals an item."""
    place = calls.in_python(lo, prelude.position, [held, item], node)
    items = [lo.settled(c) for c in held.children]

    def later(k: int) -> Value:
        before = expressions.truth(lo, apply_binary(lo, "lt", Const(k), place, node), node)
        return branches.choose(lo, node, before, lambda: items[k], lambda: items[k + 1])

    return [later(k) for k in range(len(items) - 1)]


def _lengthened(lo: Lowering, held: Node[Value], more: Value, node: ast.AST) -> bool:
    """Add the items of a list of run-time length to a list, which becomes one; tell whether that is what they are."""
    more = lo.current(more)
    plain = held.cls is None and held.detail is None and held.identity in lo.contents
    if not plain or not (isinstance(more, Rows) or lo.is_list(more)):
        return False
    lo.change(node, held, held.children)  # refused where others may see it
    lo.contents[held.identity] = apply_binary(lo, "add", held, more, node)
    return True


def bounded(held: Node[Value], items: list[Value], left: bool = True) -> list[Value]:
    """Drop what a deque of bounded length has no room for: on the left, or on the right."""
    if not isinstance(held.detail, int) or len(items) <= held.detail:
        return items
    return items[len(items) - held.detail :] if left else items[: held.detail]


def position_of(lo: Lowering, held: Node[Value], item: Value, node: ast.AST) -> int:
    """Return the position of an item in a list, which must be known: of a constant, or of an object by its identity."""
    item = lo.current(item)
    for k, child in enumerate(map(lo.current, held.children)):
        if isinstance(child, Node) and isinstance(item, Node) and child.identity and child.identity == item.identity:
            return k
        if is_static(child) and is_static(item):
            if static_value(child) == static_value(item):
                return k
            continue
        break
    lo.refuse(node, "where this is in the list is known only at run time", "called here", "remove it by its position")


# -- sets


def make_set(lo: Lowering, items: Sequence[Value], node: ast.AST, cls: type | None = None) -> Value:
    """Make a set of things that are known when compiling."""
    keys = dict.fromkeys(lo.static(item, node) for item in items)
    return tables.made(lo, lo.container("set", (), tuple(keys), cls), node)


def set_method(
    lo: Lowering, receiver: Node[Value], name: str, args: Args, keywords: Keywords, node: ast.AST
) -> Value | None:
    """Carry out a method of a set: its elements are known when compiling."""
    held = dict.fromkeys(receiver.keys)
    others = [{lo.static(i, node) for i in iteration.static_items(lo, a, node, None)} for a in args if name not in ONE]
    match name, len(args):
        case "add", 1:
            held[static_key(lo, receiver, args[0], node)] = None
        case "discard" | "remove", 1:
            key = static_key(lo, receiver, args[0], node)
            if key not in held and name == "remove":
                lo.refuse(node, f"the set has no element {key!r}", "called here")
            held.pop(key, None)
        case "clear", 0:
            held.clear()
        case "update", _:
            held.update(dict.fromkeys(k for other in others for k in other))
        case "copy", 0:
            return lo.like(receiver, ())
        case "union" | "intersection" | "difference" | "symmetric_difference", _:
            return lo.container("set", (), tuple(getattr(set(held), name)(*others)), receiver.cls)
        case "issubset" | "issuperset" | "isdisjoint", 1:
            return Const(getattr(set(held), name)(*others))
        case _:
            return None
    lo.change(node, receiver, (), tuple(held))
    return NONE


ONE: Final = frozenset({"add", "discard", "remove"})


# -- what builtins and statements do with containers


def dict_display(lo: Lowering, node: ast.Dict) -> Value:
    if tables.question(node) in lo.resolved and None not in node.keys:
        pairs = [
            (expressions.evaluate(lo, k), expressions.or_none(lo, v))
            for k, v in zip(node.keys, node.values, strict=True)
            if k is not None
        ]
        table = tables.empty(lo, Node("dict", ()), node)
        for key, value in pairs:
            tables.call(lo, table, "__setitem__", [key, value], node)
        return lo.current(table)
    items: dict[object, Value] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = expressions.or_none(lo, value_node)
        if key_node is None:
            if not (isinstance(value, Node) and value.kind == "dict"):
                lo.refuse(value_node, "only a dict can be spread into a dict", "here")
            assert isinstance(value, Node)
            items.update(zip(value.keys, value.children, strict=True))
            continue
        key = expressions.evaluate(lo, key_node)
        if not is_static(key):
            raise Unresolved(tables.question(node))
        items[static_value(key)] = value
    return tables.made(lo, lo.container("dict", tuple(items.values()), tuple(items)), node)


def dict_comprehension(lo: Lowering, node: ast.DictComp) -> Value:
    """Lower a dict comprehension; where its keys are not known when compiling, as a loop that fills a dict."""
    plain: Node[Value] = Node("dict", ())
    if tables.question(node) not in lo.resolved:
        pairs: dict[object, Value] = {}
        try:
            items = iteration.known_items(lo, iteration.pairs_of(node), iteration.LONGEST_UNROLLED)
        except iteration.NeedsLoop:
            raise Unresolved(tables.question(node)) from None
        for pair in items:
            assert isinstance(pair, Node)
            if not tables.is_known(lo, pair.children[0]):
                raise Unresolved(tables.question(node))
            pairs[lo.static(pair.children[0], node.key)] = pair.children[1]
        return tables.made(lo, lo.container("dict", tuple(pairs.values()), tuple(pairs)), node)
    return tables.of(lo, plain, [expressions.evaluate(lo, iteration.pairs_of(node))], {}, node)


def filtered(lo: Lowering, kept: Value, source: Value, node: ast.AST) -> Value:
    """Lower ``filter(kept, source)``."""
    from adcompile.frontend import calls, prelude

    plain = is_none(kept)
    return calls.in_python(lo, prelude.kept, [source] if plain else [source, kept], node)


def delete_item(lo: Lowering, base: Value, index: Value, node: ast.AST) -> None:
    """Lower ``del base[index]``."""
    if isinstance(base, Ref) and lo.is_list(base):
        if isinstance(index, Slice):
            lists.delete_slice(lo, base, index, node)
        else:
            lists.method(lo, base, "pop", [index], node)
        return
    if isinstance(base, Rows) and not isinstance(index, Slice):
        from adcompile.frontend import rows

        rows.method(lo, base, "pop", [index], node)
        return
    if isinstance(base, Node) and tables.is_table(base):
        tables.call(lo, base, "__delitem__", [index], node)
        return
    if not isinstance(base, Node) or base.kind not in ("list", "dict"):
        lo.refuse(node, "items of this object cannot be deleted", "here")
    children, keys = list(base.children), list(base.keys)
    if base.kind == "dict":
        key = static_key(lo, base, index, node)
        if key not in keys:
            lo.refuse(node, "this key is not in the dict", f"the keys are {keys}")
        position = keys.index(key)
        del children[position], keys[position]
    elif isinstance(index, Slice):
        bounds = lo.static(index, node)
        assert isinstance(bounds, slice)
        del children[bounds]
    else:
        del children[access.position_in(lo, base, index, node)]
    lo.change(node, base, children, keys)
