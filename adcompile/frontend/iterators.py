"""Iterators: what has been taken from them is not there any more.

it = iter(x); first = next(it)        the loop goes over the items of x from number 1 on
for v in it: ...
"""

from __future__ import annotations

import ast
from collections.abc import Iterator as Iterates
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adcompile.frontend import calls, generators, iteration, objects, pipelines, prelude, ranges
from adcompile.frontend.frames import Conflict, Unresolved
from adcompile.frontend.values import Generator, Iterable, Iterator, Value
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Items = Iterable | list[Value]


def opened(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return what an object says that is iterated over: a generator that goes through it, or another value."""
    value = lo.current(value)
    if objects.method(lo, value, "__next__", node) is not None:
        return calls.in_python(lo, pipelines.stepped, [value], node)
    own = objects.special(lo, value, "__iter__", [], node)
    if own is not None:
        return opened(lo, own, node)
    if objects.is_object(value) and objects.method(lo, value, "__getitem__", node) is not None:
        return calls.in_python(lo, pipelines.indexed, [value], node)
    return value


def make(lo: Lowering, items: Items) -> Iterator:
    """Make an iterator of which nothing has been taken."""
    return Iterator(tuple(items) if isinstance(items, list) else items, lo.box(Const(0)))


def taken(lo: Lowering, it: Iterator, node: ast.AST) -> Atom:
    """Return how many items have been taken."""
    found = lo.unboxed(it.taken)
    if isinstance(found, Const) and isinstance(found.value, Conflict):
        if found.value.key is not None and found.value.key not in lo.resolved:
            raise Unresolved(found.value.key)
        lo.refuse(node, f"this iterator {found.value.reason}", "here", "make a new one, or a list of its items")
    assert isinstance(found, Var | Const)
    return found


def rest(lo: Lowering, it: Iterator, node: ast.AST) -> Items:
    """Take all items that are left, and return them."""
    first = taken(lo, it, node)
    if isinstance(it.items, tuple):
        n = lo.static_int(first)
        if n is None:
            lo.refuse(node, "how many items this iterator has left is known only at run time", "here", "use a for loop")
        lo.fill(it.taken, Const(len(it.items)))
        return list(it.items[n:])
    whole, emit = it.items, lo.builder.emit
    lo.fill(it.taken, whole.count())
    if isinstance(first, Const) and first.value == 0:
        return whole
    if whole.bounds is not None:
        start, stop, step = whole.bounds
        return ranges.range_(lo, [emit("add", start, emit("mul", first, step)), stop, step], node)
    return Iterable(
        lambda: emit("max_int", emit("sub", whole.count(), first), Const(0)),
        lambda k: whole.item(emit("add", k, first)),
        arrays=whole.arrays,
    )


def shared(lo: Lowering, value: Value, node: ast.AST) -> Items:
    """Return the items of something that another iterator reads from now on, when its own are asked for."""
    found = iteration.iterable(lo, value, node)
    leave(lo, lo.current(value), "is read by another one")
    return found


def leave(lo: Lowering, value: Value, how: str, key: object = None) -> None:
    """Note that it is not known how many items of an iterator or generator have been taken: see `Conflict`."""
    if isinstance(value, Iterator):
        lo.fill(value.taken, Const(Conflict(how, key)))
    elif isinstance(value, Generator):
        lo.fill(value.state, Const(Conflict(how)))
        for inner in map(lo.current, value.frame.names.values()):  # what it takes its items from
            leave(lo, inner, how)


def exhaust(lo: Lowering, value: Value) -> None:
    """Note that all items of an iterator or generator have been taken."""
    if isinstance(value, Iterator):
        items = value.items
        lo.fill(value.taken, Const(len(items)) if isinstance(items, tuple) else items.count())
    elif isinstance(value, Generator):
        lo.fill(value.state, generators.DONE)


def drawn(lo: Lowering, value: Value, node: ast.For) -> Value:
    """Return what a loop goes through: an iterator that is read elsewhere before its end gives its items by next()."""
    if isinstance(value, Iterator) and (node, lo.frame.calls) in lo.resolved:
        return calls.in_python(lo, pipelines.drawn, [value], node)
    return value


@contextmanager
def in_use(lo: Lowering, value: Value) -> Iterates[None]:
    """Lower a comprehension over an iterator, of which it cannot take items in another way too."""
    held = lo.unboxed(value.taken) if isinstance(value, Iterator) else None
    leave(lo, value, "is gone through by a comprehension around this")
    yield
    if isinstance(value, Iterator) and held is not None:
        lo.fill(value.taken, held)


def next_(lo: Lowering, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower ``next(it)`` or ``next(it, default)``."""
    it, *default = [lo.current(a) for a in args]
    own = objects.special(lo, it, "__next__", [], node) if not default else None
    if own is not None:
        return own
    if isinstance(it, Generator):
        if not generators.runs_in_place(lo, it) and not generators.claim(lo, it, node, left=True):
            return _item(lo, [], Const(0), default, node)
        source = generators.renewed(lo, it) if not generators.runs_in_place(lo, it) else it
        return calls.in_python(lo, prelude.first_or if default else prelude.first_of, [source, *default], node)
    if not isinstance(it, Iterator):
        lo.refuse(node, "next() needs an iterator", "here", "make one with iter()")
    number = taken(lo, it, node)
    lo.fill(it.taken, lo.builder.emit("add", number, Const(1)))
    return _item(lo, it.items, number, default, node)


def _item(
    lo: Lowering, items: Iterable | Sequence[Value], number: Atom, default: Sequence[Value], node: ast.AST
) -> Value:
    """Return an item, the default if there is none, or raise StopIteration."""
    known = lo.static_int(number)
    if not isinstance(items, Iterable) and known is not None and known < len(items):
        return lo.settled(items[known])
    held: Value = items if isinstance(items, Iterable) else Node("tuple", tuple(map(lo.settled, items)))
    return calls.in_python(lo, prelude.item_or if default else prelude.item_at, [held, number, *default], node)
