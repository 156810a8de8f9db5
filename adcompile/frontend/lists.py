"""Lists whose length is known only at run time, as loops that append make them.

Such a list is a cell like an array's: names refer to it, and each change makes a new version. Its elements are all
numbers or all arrays of one rank.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.frontend import listings, owned, pooling, pools, rows
from adcompile.frontend.frames import Unresolved
from adcompile.frontend.run_texts import is_text
from adcompile.frontend.values import Generator, Iterable, Iterator, Ref, Rows, Slice, Value, is_static
from adcompile.ir.core import NONE, Atom, Const, Var, is_none
from adcompile.ir.lists import in_row, list_type
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, Type, join

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def common_type(lo: Lowering, items: Sequence[Type]) -> Type | None:
    """Return the type of a list of such items; None if they are not all numbers, texts, or arrays of one rank."""
    found: Type | None = None
    for t in items:
        if not t.is_carried or (t.dims is None and not t.is_text) or (t.is_array and t.dims == ()):
            return None
        plain = Type(t.kind, t.dtype, t.dims)
        found = plain if found is None else join(lo.facts, found, plain)
        if not found.is_text and (found.kind == "object" or found.dims is None):
            return None
    return None if found is None else list_type(found)


def item_type(lo: Lowering, item: Value) -> Type:
    """Return the type of an item of a list; OBJECT for what is in a pool, of which lists hold the number."""
    return OBJECT if pools.is_placed(lo, item) else lo.type_of(item)


def covering(lo: Lowering, held: Sequence[Type], items: Sequence[Type]) -> Type | None:
    """Return the type of a list that can hold what some lists hold, and some items; None if there is none."""
    types = [*held, *([common_type(lo, items)] if items else [])]
    found = types[0] if types else None
    for t in types[1:]:
        found = None if found is None or t is None else join(lo.facts, found, t)
    return found if found is not None and found.is_list and found.dims is not None else None


def make(lo: Lowering, items: Sequence[Value], held: Type) -> Ref:
    """Make a list of run-time length of items that are known."""
    atoms = [lo.atom(item) for item in items]
    new = lo.builder.emit("list_new", *atoms, attrs=(held,))
    assert isinstance(new, Var)
    ref = lo.new_cell(new)
    for item in items:
        hold(lo, ref, item)
    return ref


def at_run_time(lo: Lowering, held: Node[Value], index: Value, node: ast.AST) -> Ref | Rows | None:
    """Return a list as one of run-time length where it is indexed or sliced at run time; None if it cannot be.

    In a loop the items are known one by one if it is repeated trip by trip, but for lists in pools; only where it
    cannot be repeated the list becomes one of run-time length.
    """
    from adcompile.frontend import picking

    if held.kind != "list" or not (isinstance(index, Var) or (isinstance(index, Slice) and not is_static(index))):
        return None
    if held.identity not in lo.contents or held.detail is not None:
        return None
    items = [lo.seen(c) for c in held.children]
    if any(pools.is_placed(lo, item) for item in items):
        return pooling.grown(lo, held, items)
    looping = any(frame.loops for frame in lo.frames)
    if (looping and picking.question(node) not in lo.resolved) or lo.static_int(index, pin=True) is not None:
        return None
    known = common_type(lo, [lo.type_of(i) for i in items])
    if known is None or not known.is_list or (looping and known.dims != ()):  # arrays are chosen among, where they are
        return None
    made = lo.contents[held.identity] = make(lo, items, known)
    return made


def items(lo: Lowering, ref: Ref, node: ast.AST) -> Ref:
    """Make the list of the items of a list or array: numbers, or views of the array."""
    if lo.is_list(ref):
        return _cell(lo, lo.read(ref) if ref.path else lo.builder.emit("copy", lo.cells[ref.cell]), ref)
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
        owned.note(lo, ref.cell, item.cell)
        lo.link(ref.cell, item.cell)


def of(lo: Lowering, ref: Ref, prim: str, *args: Atom) -> Atom:
    """Apply an operation that has a value to a list."""
    return lo.builder.emit(in_row(prim) if ref.path else prim, lo.cells[ref.cell], *ref.atoms, *args)


def change(lo: Lowering, ref: Ref, prim: str, *args: Atom, node: ast.AST) -> tuple[Atom, ...]:
    """Apply an operation that changes the list; return its other results."""
    lo.check_twins(ref.cell, "list", node)
    lo.check_held(ref.cell, node)
    if prim not in ("list_set", "list_add"):
        lo.resized.add(ref.cell)
    old = lo.cells[ref.cell]
    new, *rest = lo.guarded_many(node, in_row(prim) if ref.path else prim, (old, *ref.atoms, *args), ())
    assert isinstance(new, Var)
    if old in lo.names:
        lo.names[new] = lo.names[old]
    lo.cells[ref.cell] = new
    return tuple(rest)


def method(lo: Lowering, ref: Ref, name: str, args: Sequence[Value], node: ast.AST) -> Value:
    """Call a method of a list."""
    from adcompile.frontend import calls, prelude

    if name in ("append", "appendleft", "insert") and args:
        pooling.check_item(lo, ref, args[-1])
    match name, len(args):
        case "append", 1:
            change(lo, ref, "list_append", item_of(lo, ref, args[0], node), node=node)
            hold(lo, ref, args[0])
            shorten(lo, ref, 0, node)
            return NONE
        case "appendleft", 1:
            method(lo, ref, "insert", [Const(0), args[0]], node)
            shorten(lo, ref, -1, node)
            return NONE
        case "pop", 0:
            return taken(lo, ref, change(lo, ref, "list_pop", node=node)[0])
        case "popleft", 0:
            return method(lo, ref, "pop", [Const(0)], node)
        case "pop", 1:
            position = _position(lo, args[0], node)
            if isinstance(position, Const) and position.value == -1:
                return method(lo, ref, "pop", [], node)
            return taken(lo, ref, change(lo, ref, "list_take", position, node=node)[0])
        case "insert", 2:
            position = _position(lo, args[0], node)
            if not isinstance(position, Const):
                position = lo.number(calls.in_python(lo, prelude.place, [ref, args[0]], node), node)
            change(lo, ref, "list_insert", position, item_of(lo, ref, args[1], node), node=node)
            hold(lo, ref, args[1])
            return NONE
        case "extend", 1:
            return extend(lo, ref, args[0], node)
        case "copy", 0:
            return sliced(lo, ref, Slice(NONE, NONE, NONE), node)
        case "reverse", 0:
            replace_with(lo, ref, sliced(lo, ref, Slice(NONE, NONE, Const(-1)), node), node)
            return NONE
        case "sort", 0:
            from adcompile.frontend import sorting

            ordered = sorting.at_run_time(lo, ref, NONE, False, node)
            assert isinstance(ordered, Ref)
            replace_with(lo, ref, ordered, node)
            return NONE
        case "index" | "count", 1 if lo.type_of(ref).dims == ():
            item = item_of(lo, ref, args[0], node)
            if item.type.is_scalar or item.type.is_text:
                return calls.in_python(lo, prelude.position if name == "index" else prelude.times, [ref, item], node)
        case "remove", 1:
            method(lo, ref, "pop", [method(lo, ref, "index", args, node)], node)
            return NONE
        case "clear", 0:
            replace_with(lo, ref, sliced(lo, ref, Slice(Const(0), Const(0), NONE), node), node)
            return NONE
    lo.refuse(
        node,
        f"the method `{name}` of a list whose length is known only at run time is not supported",
        "called here",
        "use append, pop, len and indexing, or an array that is made before the loop",
    )


def item_of(lo: Lowering, ref: Ref, value: Value, node: ast.AST) -> Atom:
    """Return what is put into a list of run-time length: a number, an array or a text, and no list."""
    value = lo.current(value)
    if is_text(value):
        return value
    if isinstance(value, Node) or lo.is_list(value) or pools.is_row(value):
        if lo.frame.loops:
            raise pooling.unrolling(lo, node, [value], ref.cell)
        lo.refuse(node, "a list of run-time length holds numbers, or arrays of one rank", "here")
    item = lo.number(value, node)
    if item.type.is_array and item.type.dims == ():
        if lo.frame.loops:
            raise pooling.unrolling(lo, node, [value], ref.cell)
        message = "a list of run-time length holds numbers, and no arrays without axes"
        lo.refuse(node, message, "here", "make a number of it: x.item() or x[()]")
    return item


def shorten(lo: Lowering, ref: Ref, end: int, node: ast.AST) -> None:
    """Drop the item at the other end of a deque of bounded length that has become too long."""
    from adcompile.frontend import branches

    limit = lo.limits.get(ref.cell)
    if limit is None:
        return
    full = lo.builder.emit("gt", length(lo, ref), Const(limit))
    branches.merge(lo, node, full, lambda: method(lo, ref, "pop", [Const(end)], node), lambda: None)


def extend(lo: Lowering, ref: Ref, items: Value, node: ast.AST) -> Value:
    """Append the items of something: of a list of run-time length in a loop."""
    from adcompile.frontend import calls, generators, iteration, prelude

    if isinstance(items, Generator) and generators.runs_in_place(lo, items):
        calls.in_python(lo, prelude.extend, [ref, items], node)
        return NONE
    found = iteration.iterable(lo, items, node)
    if isinstance(found, list):
        for item in found:
            method(lo, ref, "append", [lo.settled(item)], node)
    else:
        calls.in_python(lo, prelude.extend, [ref, items if isinstance(items, Ref) else found], node)
    return NONE


def sliced(lo: Lowering, ref: Ref, index: Slice, node: ast.AST) -> Ref:
    """Lower ``items[lo:hi:step]``: a new list."""
    new = lo.guarded(node, lambda: lo.wrap(of(lo, ref, "list_slice", index.lo, index.hi, index.step)))
    assert isinstance(new, Ref)
    lo.link(new.cell, ref.cell)
    return new


def concatenated(lo: Lowering, left: Value, right: Value, node: ast.AST) -> Value:
    """Lower ``left + right`` of two lists, one of which at least has a run-time length."""
    refs = [dynamic(lo, side, other, node) for side, other in ((left, right), (right, left))]
    new = lo.emit(node, "list_concat", *map(lo.read, refs))
    assert isinstance(new, Ref)
    for ref in refs:
        lo.link(new.cell, ref.cell)
    return new


def equal(lo: Lowering, left: Value, right: Value, node: ast.AST) -> Value | None:
    """Lower ``left == right`` for two lists of numbers; None for others."""
    from adcompile.frontend import calls

    sides = [lo.current(v) for v in (left, right)]
    items = [lo.type_of(c) for v in sides if isinstance(v, Node) for c in v.children]
    lengths = [lo.type_of(v).dims for v in sides if isinstance(v, Ref)]
    if any(isinstance(v, Rows) for v in sides) or any(d != () for d in lengths) or not all(t.is_scalar for t in items):
        return None
    refs = [dynamic(lo, side, other, node) for side, other in (sides, sides[::-1])]
    return calls.in_python(lo, listings.equal, refs, node)


def dynamic(lo: Lowering, value: Value, other: Value, node: ast.AST) -> Ref:
    """Return a list as one of run-time length; an empty one holds what `other` does."""
    value = lo.current(value)
    if isinstance(value, Ref):
        return value
    assert isinstance(value, Node)
    items = [lo.current(c) for c in value.children]
    held = (
        common_type(lo, [item_type(lo, c) for c in items]) if items or not isinstance(other, Ref) else lo.type_of(other)
    )
    if held is None:
        lo.refuse(node, "a list of run-time length holds numbers, or arrays of one rank", "here")
    return make(lo, items, held)


def repeated(lo: Lowering, items: Value, times: Value, node: ast.AST) -> Value:
    """Lower ``items * times`` for a list or a number of times that is known only at run time."""
    count = lo.number(times, node)
    if not count.type.is_scalar or count.type.inexact:
        lo.refuse(node, "a list can be repeated a whole number of times only", str(count.type))
    if isinstance(items, Node) and (key := pooling.wanted(lo, items.children)) is not None:
        raise Unresolved(key)
    if isinstance(items, Rows):
        return rows.held(lo, rows.mapped(items, lambda ref: repeated(lo, ref, count, node)))
    ref = dynamic(lo, items, items, node)
    new = lo.emit(node, "list_repeat", lo.read(ref), count)
    assert isinstance(new, Ref)
    lo.link(new.cell, ref.cell)
    return new


def store_slice(lo: Lowering, ref: Ref, index: Slice, value: Value, node: ast.AST) -> None:
    """Lower ``items[lo:hi] = value``."""
    from adcompile.frontend import calls, listings, prelude

    if isinstance(value, Generator | Iterable | Iterator):
        value = listed(lo, value, node)
    if not (isinstance(index.step, Const) and index.step.value in (None, 1)):
        positions = calls.in_python(lo, prelude.positions, [ref, index.lo, index.hi, index.step], node)
        calls.in_python(lo, prelude.store_each, [ref, positions, value], node)
        return
    bounds = [b.value for b in (index.lo, index.hi) if isinstance(b, Const) and isinstance(b.value, int)]
    both = [b for b in (index.lo, index.hi) if not is_none(b)]
    if len(both) == 2 and not (len(bounds) == 2 and bounds[0] <= bounds[1] and (bounds[0] < 0) == (bounds[1] < 0)):
        ends = calls.in_python(lo, listings.ends, [length(lo, ref), index.lo, index.hi], node)
        assert isinstance(ends, Node)
        start, stop = ends.children
        index = Slice(lo.atom(start), lo.atom(stop), NONE)
    head = sliced(lo, ref, Slice(Const(0), Const(0) if is_none(index.lo) else index.lo, NONE), node)
    tail = sliced(lo, ref, Slice(Const(0), Const(0), NONE) if is_none(index.hi) else Slice(index.hi, NONE, NONE), node)
    new = concatenated(lo, concatenated(lo, head, value, node), tail, node)
    assert isinstance(new, Ref)
    replace_with(lo, ref, new, node)
    for item in lo.refs_in(value):
        lo.link(ref.cell, item.cell)


def delete_slice(lo: Lowering, ref: Ref, index: Slice, node: ast.AST) -> None:
    """Lower ``del items[lo:hi:step]``."""
    from adcompile.frontend import calls, prelude

    if isinstance(index.step, Const) and index.step.value in (None, 1):
        store_slice(lo, ref, index, lo.container("list", []), node)
        return
    places = calls.in_python(lo, prelude.positions, [ref, index.lo, index.hi, index.step], node)
    stay = calls.in_python(lo, prelude.without, [ref, places], node)
    replace_with(lo, ref, dynamic(lo, stay, ref, node), node)


def replace_with(lo: Lowering, ref: Ref, new: Ref, node: ast.AST) -> None:
    """Give a list the items of another one."""
    if ref.path:
        refill(lo, ref, new, node)
        return
    lo.check_twins(ref.cell, "list", node)
    lo.resized.add(ref.cell)
    lo.cells[ref.cell] = lo.cells[new.cell]


def refill(lo: Lowering, held: Value, new: Value, node: ast.AST) -> None:
    """Give a list the items of another one, one by one."""
    from adcompile.frontend import calls

    calls.in_python(lo, listings.refill, [held, new], node)


def taken(lo: Lowering, ref: Ref, item: Atom) -> Value:
    value = lo.wrap(item)
    if isinstance(value, Ref):
        lo.link(value.cell, ref.cell)
    return value


def length(lo: Lowering, ref: Ref) -> Atom:
    return of(lo, ref, "list_length")


def read(lo: Lowering, ref: Ref, index: Value, node: ast.AST) -> Value:
    """Lower ``items[index]``."""
    if isinstance(index, Slice):
        return sliced(lo, ref, index, node)
    return taken(lo, ref, of(lo, ref, "list_get", _position(lo, index, node)))


def store(lo: Lowering, ref: Ref, index: Value, value: Value, node: ast.AST) -> None:
    """Lower ``items[index] = value``."""
    if isinstance(index, Slice):
        store_slice(lo, ref, index, value, node)
        return
    pooling.check_item(lo, ref, value)
    change(lo, ref, "list_set", _position(lo, index, node), item_of(lo, ref, value, node), node=node)
    hold(lo, ref, value)


def _position(lo: Lowering, index: Value, node: ast.AST) -> Atom:
    position = lo.number(index, node)
    if not position.type.is_scalar or position.type.inexact:
        lo.refuse(node, "a list index must be an integer", "here")
    return position


def of_array(lo: Lowering, array: Value, node: ast.AST) -> Value:
    """Return the list of the items of an array."""
    return lo.emit(node, "list_items", lo.atom(array))


def listed(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return the list of the items of anything that can be iterated over."""
    from adcompile.frontend import calls, generators, iteration, prelude

    if isinstance(value, Generator) and generators.runs_in_place(lo, value):
        return calls.in_python(lo, prelude.listed, [value], node)
    found = iteration.iterable(lo, value, node)
    if isinstance(found, list):
        return lo.container("list", [lo.settled(item) for item in found])
    n = lo.static_int(found.count())
    if n is not None and n <= iteration.LONG:
        return lo.container("list", [found.item(Const(k)) for k in range(n)])
    if isinstance(value, Ref):
        return sliced(lo, value, Slice(NONE, NONE, NONE), node) if lo.is_list(value) else of_array(lo, value, node)
    return calls.in_python(lo, prelude.listed, [found], node)


def display(lo: Lowering, node: ast.List) -> Value:
    """Lower ``[x, *items]``; where items are of run-time length it is ``[x] + items``."""
    from adcompile.frontend import expressions, iteration, operators

    known: list[Value] = []
    parts: list[Value] = []
    for element in node.elts:
        items = lo.current(expressions.evaluate(lo, element.value)) if isinstance(element, ast.Starred) else None
        if items is None:
            known.append(expressions.or_none(lo, element))
        elif not isinstance(items, Rows) and not lo.is_list(items):
            known += iteration.static_items(lo, items, element, None, pin=True)
        else:
            parts += [lo.container("list", known), items] if known else [items]
            known = []
    if not parts:
        return lo.container("list", known)
    if known or len(parts) == 1:
        parts.append(lo.container("list", known))
    return functools.reduce(lambda a, b: operators.apply_binary(lo, "add", a, b, node), parts)


def iterate(lo: Lowering, ref: Ref) -> Iterable:
    return Iterable(
        lambda: length(lo, ref),
        lambda k: taken(lo, ref, of(lo, ref, "list_get", k)),
        arrays=(ref,),
    )


def empty_or_not(lo: Lowering, ref: Ref) -> Atom:
    """Return the truth of a list: it has items."""
    return lo.builder.emit("gt", length(lo, ref), Const(0))
