"""What a loop or an unpacking iterates over."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.frontend import elements, lists
from adcompile.frontend.state import NeedsUnrolling
from adcompile.frontend.values import Flat, Generator, Iterable, Ref, Slice, Value, is_static, lift
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.rules.opaque import UNKNOWN

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

LONGEST_UNROLLED = 1000
LONGEST_ALIASED = 32  # of loops that are repeated only to know which array each name stands for


def iterable(lo: Lowering, value: Value, node: ast.AST) -> Iterable | list[Value]:
    """Return the items of a value: a list if their number is known, else how to make them one at a time."""
    value = lo.current(value)
    match value:
        case Iterable():
            return value
        case Node(kind="dict"):
            return [lift(k) for k in value.keys]
        case Node():
            return list(value.children)
        case Flat():
            return elements.iterate(lo, value, node)
        case Ref() if lists.is_list(lo, value):
            return lists.iterate(lo, value)
        case Ref() | Var():
            if lo.type_of(value).is_array:
                return rows(lo, value, node)
        case Generator():
            return generated(lo, value)
        case Const() if is_static(value) and not value.type.is_numeric:
            held = value.value
            if isinstance(held, str | range | frozenset | set | bytes):
                return [lift(v) for v in held]
    lo.refuse(node, "this cannot be iterated over here", str(lo.type_of(value)))


def rows(lo: Lowering, value: Ref | Var, node: ast.AST) -> Iterable:
    """Iterate over the first axis of an array."""
    if lo.type_of(value).dims == ():
        lo.refuse(node, "a 0-d array cannot be iterated over", "here")
    held = (value,) if isinstance(value, Ref) else ()
    return Iterable(
        lambda: lo.number(lo.length_of(lo.atom(value), 0), node), lambda k: lo.view(value, "i", (k,)), arrays=held
    )


def range_(lo: Lowering, args: Sequence[Value], node: ast.AST) -> Iterable:
    """Lower ``range(...)``."""
    atoms = [lo.number(a, node) for a in args]
    for a in atoms:
        if not (a.type.is_scalar and a.type.dtype is not None and not a.type.inexact):
            lo.refuse(node, "range() needs integers", f"got {a.type}", "convert the number with int()")
    if len(atoms) == 1:
        atoms = [Const(0), *atoms]
    start, stop, step = atoms if len(atoms) == 3 else [*atoms, Const(1)]
    emit = lo.builder.emit

    def count() -> Atom:
        known = [a.value for a in (start, stop, step) if isinstance(a, Const) and isinstance(a.value, int)]
        if len(known) == 3:
            return Const(len(range(*known)))
        if isinstance(step, Const) and step.value == 1:
            return emit("max_int", emit("sub", stop, start), Const(0))
        return emit("range_length", start, stop, step)

    def item(k: Atom) -> Atom:
        return emit("add", start, emit("mul", k, step))

    return Iterable(count, item, (start, stop, step))


def sliced(lo: Lowering, source: Iterable, index: Value, node: ast.AST) -> Iterable:
    """Lower ``range(n)[lo:hi:step]``, of which only the length is known."""
    if source.bounds is None or not isinstance(index, Slice):
        lo.refuse(node, "only a range can be sliced here", "here")
    start, stop, step = source.bounds
    if not (isinstance(start, Const) and start.value == 0 and isinstance(step, Const) and step.value == 1):
        lo.refuse(node, "only range(n) can be sliced", "here")

    def item(k: Atom) -> Value:
        lo.refuse(node, "the items of a slice of a range are not supported", "here", "write the range itself")

    return Iterable(lambda: lo.builder.emit("slice_length", stop, index.lo, index.hi, index.step), item)


def zip_(lo: Lowering, parts: Sequence[Value], node: ast.AST) -> Iterable | list[Value]:
    """Lower ``zip(...)``: as long as the shortest."""
    sources = [iterable(lo, p, node) for p in parts]
    lengths = [len(s) for s in sources if isinstance(s, list)]
    if len(lengths) == len(sources):
        return [Node("tuple", items) for items in zip(*(s for s in sources if isinstance(s, list)), strict=False)]
    if lengths:
        return _zip_known(lo, sources, min(lengths), node)
    streams = [s for s in sources if isinstance(s, Iterable)]

    def count() -> Atom:
        shortest = streams[0].count()
        for s in streams[1:]:
            shortest = lo.shorter(shortest, s.count())
        return shortest

    held = tuple(ref for s in streams for ref in s.arrays)
    return Iterable(count, lambda k: Node("tuple", tuple(s.item(k) for s in streams)), arrays=held)


def _zip_known(lo: Lowering, sources: list[Iterable | list[Value]], n: int, node: ast.AST) -> Iterable:
    """Zip something of known length with arrays that are proved to be at least as long."""
    for s in sources:
        if isinstance(s, Iterable):
            count = lo.static_int(s.count(), pin=True)
            if count is None:
                lo.refuse(node, "zip() of a container with something of unknown length is not supported", "here")
            n = min(n, count)

    def item(k: Atom) -> Value:
        if not (isinstance(k, Const) and isinstance(k.value, int)):
            raise NeedsUnrolling(node)
        position = k.value
        return Node("tuple", tuple(s[position] if isinstance(s, list) else s.item(k) for s in sources))

    held = tuple(ref for s in sources if isinstance(s, Iterable) for ref in s.arrays)
    return Iterable(lambda: Const(n), item, arrays=held)


def enumerate_(lo: Lowering, value: Value, start: Value, node: ast.AST) -> Iterable | list[Value]:
    source = iterable(lo, value, node)
    first = lo.number(start, node)

    def index(k: Atom) -> Value:
        return lo.builder.emit("add", first, k) if not (isinstance(first, Const) and first.value == 0) else k

    if isinstance(source, list):
        return [Node("tuple", (index(Const(k)), item)) for k, item in enumerate(source)]
    return Iterable(source.count, lambda k: Node("tuple", (index(k), source.item(k))), arrays=source.arrays)


def reversed_(lo: Lowering, value: Value, node: ast.AST) -> Iterable | list[Value]:
    source = iterable(lo, value, node)
    if isinstance(source, list):
        return source[::-1]
    emit = lo.builder.emit

    def item(k: Atom) -> Value:
        return source.item(emit("sub", emit("sub", source.count(), Const(1)), k))

    return Iterable(source.count, item, arrays=source.arrays)


def generated(lo: Lowering, value: Generator) -> Iterable | list[Value]:
    """Iterate over a generator expression with one source and no filter, or with sources of known length."""
    from adcompile.frontend import expressions

    node = value.node
    first = node.generators[0]
    with lo.inside(value.frame):
        if len(node.generators) == 1 and not first.ifs:
            source = iterable(lo, expressions.evaluate(lo, first.iter), node)
            if isinstance(source, Iterable):
                return Iterable(source.count, lambda k: _element(lo, value, source.item(k)), None, source.arrays)
        return comprehension(lo, node)


def _element(lo: Lowering, value: Generator, item: Value) -> Value:
    from adcompile.frontend import expressions, statements

    first = value.node.generators[0]
    with lo.inside(value.frame), lo.own_scope():
        statements.assign(lo, first.target, item)
        return expressions.evaluate(lo, value.node.elt)


def comprehension(lo: Lowering, node: ast.ListComp | ast.GeneratorExp) -> list[Value]:
    """Return the items of a comprehension over things whose number of items is known."""
    from adcompile.frontend import expressions, statements

    out: list[Value] = []

    def run(depth: int) -> None:
        if depth == len(node.generators):
            out.append(expressions.evaluate(lo, node.elt))
            return
        generator = node.generators[depth]
        for item in static_items(lo, expressions.evaluate(lo, generator.iter), generator.iter, None):
            statements.assign(lo, generator.target, item)
            kept = [expressions.truth(lo, expressions.evaluate(lo, c), c) for c in generator.ifs]
            if any(isinstance(c, Var) for c in kept):
                lo.refuse(node, "a filter on run-time values is not supported in a comprehension", "here", "use a loop")
            if all(isinstance(c, Const) and c.value for c in kept):
                run(depth + 1)

    with lo.own_scope():
        run(0)
    return out


def static_items(lo: Lowering, value: Value, node: ast.AST, count: int | None, pin: bool = False) -> list[Value]:
    """Return the items of something whose number of items is known, or is `count`, or with `pin` the example's."""
    if count is not None and isinstance(value, Ref) and lo.type_of(value) == UNKNOWN:
        return [lo.view(value, "i", (Const(k),)) for k in range(count)]
    source = iterable(lo, value, node)
    if isinstance(source, list):
        return source
    n = lo.static_int(source.count(), pin=pin or count is not None)
    if n is None:
        lo.refuse(
            node,
            "the number of items is not known when compiling",
            "as many items as the array is long",
            "write a for loop that fills an array",
        )
    return [source.item(Const(k)) for k in range(n)]
