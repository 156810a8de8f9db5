"""What a loop or an unpacking iterates over."""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Sequence
from collections.abc import Iterator as Yields
from typing import TYPE_CHECKING, Final

from adcompile.errors import CompileError
from adcompile.frontend import (
    assignment,
    calls,
    elements,
    generators,
    iterators,
    lists,
    positions,
    prelude,
    registers,
    run_texts,
)
from adcompile.frontend import rows as rows_
from adcompile.frontend.frames import NeedsUnrolling
from adcompile.frontend.nodes import walk
from adcompile.frontend.values import (
    FIRST,
    Element,
    Flat,
    Generator,
    Iterable,
    Iterator,
    Ref,
    Rows,
    Value,
    is_static,
    lift,
)
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node
from adcompile.rules.opaque import UNKNOWN

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

LONGEST_UNROLLED = 1000
LONGEST_ALIASED = 32  # of loops that are repeated only to know which array each name stands for, or how long lists are
LONG = 64  # a comprehension of more items is a loop
PINNED = 100


def iterable(lo: Lowering, value: Value, node: ast.AST) -> Iterable | list[Value]:
    """Return the items of a value: a list if their number is known, else how to make them one at a time."""
    value = lo.opened(iterators.opened(lo, value, node), node)
    match value:
        case Node() if value.cls is not None and value.cls is positions.Members:
            message = "which elements this set has is known only at run time, and so is their order"
            lo.refuse(node, message, "iterated over here", "use a dict, or go through all numbers and test `in`")
        case Node(kind="object"):
            lo.refuse(node, f"a `{value.called}` cannot be iterated over", "its class has no `__iter__`")
        case Iterable():
            return value
        case Iterator():
            return iterators.rest(lo, value, node)
        case Node(kind="dict"):
            return [lift(k) for k in value.keys]
        case Node(kind="set"):
            return [lift(k) for k in in_order(lo, value, node)]
        case Node():
            return items_of(lo, value)
        case Flat():
            return elements.iterate(lo, value, node)
        case Rows():
            return rows_.iterate(lo, value)
        case Ref() if lo.is_list(value):
            return lists.iterate(lo, value)
        case Var() if run_texts.is_unknown(value):
            return run_texts.iterate(lo, value, node)
        case Var() if registers.is_object(value):
            registers.refuse_iteration(lo, node)
        case Ref() | Var():
            if lo.type_of(value).is_array:
                return rows(lo, value, node)
        case Generator():
            return generated(lo, value, node)
        case Const() if is_static(value) and not value.type.is_numeric:
            held = value.value
            if isinstance(held, str | range | frozenset | set | bytes | enum.EnumType):
                return [lift(v) for v in held]
    lo.refuse(node, "this cannot be iterated over here", str(lo.type_of(value)))


def items_of(lo: Lowering, held: Node[Value]) -> list[Value]:
    """Return the children of a container, each as it will be when its turn comes."""
    if held.identity not in lo.contents or held.identity in lo.placed:
        return list(held.children)
    return [Element(held.identity, step, len(held.children)) for step in held.steps]


def in_order(lo: Lowering, held: Node[Value], node: ast.AST) -> list[object]:
    """Return the elements of a set in the order in which Python has them, if that is the same in every process."""
    if not all(type(k) in (int, bool) for k in held.keys) and len(held.keys) > 1:
        lo.refuse(node, "the order of the elements of this set is not known", "here", "use sorted(...) of it")
    made: set[object] = set()
    for key in held.keys:
        made.add(key)
    return list(made)


def rows(lo: Lowering, value: Ref | Var, node: ast.AST) -> Iterable:
    """Iterate over the first axis of an array."""
    if lo.type_of(value).dims == ():
        lo.refuse(node, "a 0-d array cannot be iterated over", "here")
    held = (value,) if isinstance(value, Ref) else ()
    return Iterable(
        lambda: lo.number(lo.length_of(lo.atom(value), 0), node), lambda k: lo.view(value, "i", (k,)), arrays=held
    )


def zip_(lo: Lowering, parts: Sequence[Value], node: ast.AST) -> Iterable | list[Value]:
    """Lower ``zip(...)``: as long as the shortest."""
    if len(parts) > 1 and isinstance(parts[0], Iterator) and all(p is parts[0] for p in parts):
        return _groups(lo, iterators.rest(lo, parts[0], node), len(parts))
    sources = [iterators.shared(lo, p, node) for p in parts]
    lengths = [len(s) for s in sources if isinstance(s, list)]
    if len(lengths) == len(sources):
        return [Node("tuple", items) for items in zip(*(s for s in sources if isinstance(s, list)), strict=False)]
    known = _zip_known(lo, sources, min(lengths), node) if lengths else None
    if known is not None:
        return known
    if lengths:
        sources = [
            _as_long_as_run(lo, p, s, node) if isinstance(s, list) else s for p, s in zip(parts, sources, strict=True)
        ]
    streams = [s for s in sources if isinstance(s, Iterable)]

    def count() -> Atom:
        shortest = streams[0].count()
        for s in streams[1:]:
            shortest = lo.shorter(shortest, s.count())
        return shortest

    held = tuple(ref for s in streams for ref in s.arrays)
    return Iterable(count, lambda k: Node("tuple", tuple(s.item(k) for s in streams)), arrays=held)


def _groups(lo: Lowering, items: Iterable | list[Value], size: int) -> Iterable | list[Value]:
    """Return tuples of items that follow each other: those of one iterator that is zipped with itself."""
    if isinstance(items, list):
        return [Node("tuple", tuple(items[k : k + size])) for k in range(0, len(items) - size + 1, size)]
    emit, source = lo.builder.emit, items

    def item(k: Atom) -> Value:
        first = emit("mul", k, Const(size))
        return Node("tuple", tuple(source.item(emit("add", first, Const(j)) if j else first) for j in range(size)))

    return Iterable(lambda: emit("floordiv", source.count(), Const(size)), item, arrays=source.arrays)


def _as_long_as_run(lo: Lowering, part: Value, items: list[Value], node: ast.AST) -> Iterable:
    """Return what iterates over a list or tuple whose items are asked for at places known only at run time."""
    numbers = [lo.seen(item) for item in items]
    held = lists.common_type(lo, [lo.type_of(item) for item in numbers])
    if held is None or not held.is_list:
        message = "zip() of a container of several kinds of items with something of unknown length is not supported"
        lo.refuse(node, message, "here", "loop over positions, as for k in range(n)")
    made = lists.make(lo, numbers, held)
    if isinstance(part, Node) and part.kind == "list" and part.identity in lo.contents:
        lo.contents[part.identity] = made  # what is done to the list while it is iterated over is seen
    found = iterable(lo, made, node)
    assert isinstance(found, Iterable)
    return found


def _zip_known(lo: Lowering, sources: list[Iterable | list[Value]], n: int, node: ast.AST) -> Iterable | None:
    """Zip something of known length with arrays that are proved to be at least as long; None if they may be shorter."""
    for s in sources:
        if isinstance(s, Iterable):
            count = lo.static_int(s.count(), pin=True)
            if count is None:
                return None
            n = min(n, count)

    def item(k: Atom) -> Value:
        if not (isinstance(k, Const) and isinstance(k.value, int)):
            raise NeedsUnrolling(node)
        position = k.value
        return Node("tuple", tuple(s[position] if isinstance(s, list) else s.item(k) for s in sources))

    held = tuple(ref for s in sources if isinstance(s, Iterable) for ref in s.arrays)
    return Iterable(lambda: Const(n), item, arrays=held)


def enumerate_(lo: Lowering, value: Value, start: Value, node: ast.AST) -> Iterable | list[Value]:
    source = iterators.shared(lo, value, node)
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


def generated(lo: Lowering, value: Generator, place: ast.AST) -> Iterable | list[Value]:
    """Iterate over a generator expression with one source and no filter, or with sources of known length."""
    from adcompile.frontend import expressions

    node = value.node
    if not generators.claim(lo, value, place, False):
        return []
    if generators.runs_in_place(lo, value):
        return iterable(lo, calls.in_python(lo, prelude.listed, [generators.renewed(lo, value)], place), place)
    assert isinstance(node, ast.GeneratorExp)
    first = node.generators[0]
    through = lo.current(value.frame.names[FIRST])
    value = generators.begun_with(lo, value, place)
    with lo.inside(value.frame):
        if len(node.generators) == 1 and not first.ifs:
            source = iterable(lo, expressions.evaluate(lo, first.iter), node)
            if isinstance(source, Iterable):
                return Iterable(
                    source.count, lambda k: _element(lo, value, through, source.item(k)), None, source.arrays
                )
        with iterators.in_use(lo, through):
            return iterable(lo, comprehension(lo, node), node)


def _element(lo: Lowering, value: Generator, through: Value, item: Value) -> Value:
    from adcompile.frontend import expressions

    assert isinstance(value.node, ast.GeneratorExp)
    first = value.node.generators[0]
    with lo.inside(value.frame), lo.own_scope(), iterators.in_use(lo, through):
        assignment.assign(lo, first.target, item)
        return expressions.or_none(lo, value.node.elt)


class NeedsLoop(Exception):
    """The number of items of a comprehension, or which of them it keeps, is known only at run time."""


Comprehension = ast.ListComp | ast.GeneratorExp | ast.SetComp


def comprehension(lo: Lowering, node: Comprehension) -> Value:
    """Lower a comprehension: to a list of known items, or in a loop to one of run-time length."""
    start, mark = lo.snapshot(), lo.builder.mark()
    try:
        return lo.container("list", known_items(lo, node, LONG))
    except NeedsLoop:
        lo.restore(start)
        lo.builder.rewind(mark)
    try:
        return built_in_loop(lo, node)
    except (CompileError, NeedsUnrolling) as error:
        lo.restore(start)
        lo.builder.rewind(mark)
        try:
            return lo.container("list", known_items(lo, node, LONGEST_UNROLLED, pin=True))
        except NeedsLoop:
            raise error from None


def known_items(lo: Lowering, node: Comprehension, longest: int, pin: bool = False) -> list[Value]:
    """Return the items of a comprehension over things whose number of items is known.

    `pin`: a number that is an int argument, or the length of an array, is what it is in the example.
    """
    from adcompile.frontend import expressions

    out: list[Value] = []

    def run(depth: int) -> None:
        if depth == len(node.generators):
            out.append(expressions.or_none(lo, node.elt))
            return
        generator = node.generators[depth]
        through = iterators.opened(lo, expressions.evaluate(lo, generator.iter), generator.iter)
        source = iterable(lo, through, generator.iter)
        with iterators.in_use(lo, through):
            each(depth, generator, source)

    def each(depth: int, generator: ast.comprehension, source: Iterable | list[Value]) -> None:
        for item in counted_items(lo, source, longest, pin):
            assignment.assign(lo, generator.target, lo.settled(item()))
            kept = True
            for test in generator.ifs:
                cond = expressions.condition(lo, test)
                if not isinstance(cond, Const):
                    raise NeedsLoop
                kept = kept and bool(cond.value)
                if not kept:
                    break
            if kept:
                run(depth + 1)

    with lo.own_scope():
        run(0)
    return out


def counted_items(lo: Lowering, source: Iterable | list[Value], longest: int, pin: bool) -> Yields[Callable[[], Value]]:
    """Yield what makes each item of something whose number of items is known."""
    if isinstance(source, list):
        yield from [lambda v=v: v for v in source]
        return
    n = known_count(lo, source, pin)
    if n is None or n > longest:
        raise NeedsLoop
    yield from [lambda k=k: source.item(Const(k)) for k in range(n)]


def known_count(lo: Lowering, source: Iterable, pin: bool = False) -> int | None:
    """Return the number of items, if it is known. `pin`: short lengths and int arguments are as in the example."""
    n = lo.static_int(source.count())
    if n is not None or not pin:
        return n
    bounds = source.bounds or (Const(0), source.count(), Const(1))
    values = [example_of(lo.facts.find(b.type.value)) if b.type.value is not None else None for b in bounds]
    start, stop, step = values
    if start is None or stop is None or not step or len(range(start, stop, step)) > PINNED:
        return None
    for bound in bounds:
        lo.static_int(bound, pin=True)
    return len(range(start, stop, step))


_loops: dict[Comprehension, ast.For] = {}
ITEMS: Final = ".items"


def loop_of(node: Comprehension) -> ast.For:
    """Return the loop that appends what a comprehension makes to a list; the same nodes each time."""
    if node not in _loops:
        held = ast.copy_location(ast.Name(ITEMS, ast.Load()), node.elt)
        append = ast.copy_location(ast.Attribute(held, "append", ast.Load()), node.elt)
        call = ast.copy_location(ast.Call(append, [node.elt], []), node.elt)
        body: ast.stmt = ast.copy_location(ast.Expr(call), node.elt)
        for generator in reversed(node.generators):
            for test in reversed(generator.ifs):
                body = ast.copy_location(ast.If(test, [body], []), test)
            body = ast.copy_location(ast.For(generator.target, generator.iter, [body], []), node)
        assert isinstance(body, ast.For)
        _loops[node] = body
    return _loops[node]


_rows: dict[ast.ListComp, ast.ListComp] = {}


def rows_as_arrays(node: ast.expr, array: ast.expr) -> ast.expr:
    """Return a comprehension that np.array is called on with arrays for rows, which makes the same matrix."""
    if not isinstance(node, ast.ListComp) or not isinstance(node.elt, ast.ListComp):
        return node
    if node not in _rows:
        row = ast.copy_location(ast.Call(array, [rows_as_arrays(node.elt, array)], []), node.elt)
        _rows[node] = ast.copy_location(ast.ListComp(row, node.generators), node)
    return _rows[node]


def built_in_loop(lo: Lowering, node: Comprehension) -> Value:
    """Lower a comprehension as a loop that appends to a list."""
    from adcompile.frontend import statements
    from adcompile.frontend.desugar import LoopFlags

    loop = loop_of(node)
    with lo.own_scope():
        for inner in walk(loop):
            if isinstance(inner, ast.For):
                lo.frame.desugared.loops.setdefault(inner, LoopFlags(None, ()))
        lo.frame.names[ITEMS] = lo.container("list", [])
        statements.run(lo, [loop])
        return lo.current(lo.frame.names[ITEMS])


_pairs: dict[ast.DictComp, ast.GeneratorExp] = {}


def pairs_of(node: ast.DictComp) -> ast.GeneratorExp:
    """Return the generator of the pairs of a dict comprehension; the same node each time."""
    if node not in _pairs:
        pair = ast.copy_location(ast.Tuple([node.key, node.value], ast.Load()), node.key)
        _pairs[node] = ast.copy_location(ast.GeneratorExp(pair, node.generators), node)
    return _pairs[node]


def static_items(lo: Lowering, value: Value, node: ast.AST, count: int | None, pin: bool = False) -> list[Value]:
    """Return the items of something whose number of items is known, or is `count`, or with `pin` the example's."""
    if count is not None and isinstance(value, Ref) and lo.type_of(value) == UNKNOWN:
        return [lo.view(value, "i", (Const(k),)) for k in range(count)]
    source = iterable(lo, value, node)
    if isinstance(source, list):
        return [lo.settled(item) for item in source]
    n = lo.static_int(source.count(), pin=pin or count is not None)
    if n is None and count is not None:
        calls.in_python(lo, prelude.check_count, [source.count(), Const(count)], node)
        n = count
    if n is None:
        lo.refuse(
            node,
            "the number of items is not known when compiling",
            "as many items as the array is long",
            "pass the list or array itself"
            if isinstance(node, ast.Starred)
            else "write a for loop that fills an array",
        )
    return [source.item(Const(k)) for k in range(n)]
