"""Builtins and functions of itertools that take a generator, or go on for ever: one item comes after the other."""

from __future__ import annotations

import ast
import itertools
import operator
import types
from collections.abc import Callable, Mapping
from collections.abc import Iterator as Iterates
from typing import TYPE_CHECKING, Final

from adcompile.frontend import calls, generators, iteration, iterators, lists, memos, pipelines, selection
from adcompile.frontend.values import Args, Generator, Iterable, Iterator, Keywords, Ref, Value
from adcompile.ir.core import NONE, Const, While, is_none, walk
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Stream = Callable[["Lowering", Args, Keywords, ast.AST], Value]


def _in_python(*names: str) -> Stream:
    """Run the function of `pipelines` that takes as many arguments as are given."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        functions: list[types.FunctionType] = [getattr(pipelines, name) for name in names]
        by_count = {f.__code__.co_argcount: f for f in functions}
        chosen = by_count.get(len(args), functions[-1])
        return calls.in_python(lo, chosen, args, node, keywords)

    return make


def _zip(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower zip() of one generator, which is run, and of others whose items can be had in any order."""
    place = next(k for k, a in enumerate(args) if flows(lo, a))
    if len(args) > 1 and all(a is args[0] for a in args):
        items = iterators.make(lo, iteration.iterable(lo, _held(lo, args[0], node), node))
        return iterators.make(lo, iteration.zip_(lo, [items] * len(args), node))
    before = list(_states(lo, args[place]))
    others = [_held(lo, a, node) for k, a in enumerate(args) if k != place]
    if any(a is not b for a, b in zip(before, _states(lo, args[place]), strict=True)):
        lo.refuse(node, "this generator is read by another one", "here", "make a new one, or a list of its items")
    if not others:
        return calls.in_python(lo, pipelines.alone, [args[place]], node)
    found = iteration.zip_(lo, others, node)
    rest: Value = Node("tuple", tuple(found)) if isinstance(found, list) else found
    return calls.in_python(lo, pipelines.zipped, [args[place], rest, Const(place)], node)


def _states(lo: Lowering, value: Value) -> Iterates[Value]:
    """Yield how far an iterator or generator, and those that it takes its items from, have been read."""
    value = lo.current(value)
    if isinstance(value, Iterator):
        yield lo.unboxed(value.taken)
    elif isinstance(value, Generator):
        yield lo.unboxed(value.state)
        for inner in value.frame.names.values():
            yield from _states(lo, inner)


def _held(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return the items of a generator that is not followed item by item: it must end by itself."""
    if not (isinstance(value, Generator) and flows(lo, value)):
        return value
    if not generators.ends(lo, value):
        lo.refuse(node, "this generator may not end, and is read beside another one", "here", "write one loop for both")
    first = lo.builder.mark()[0]
    listed = lists.listed(lo, value, node)
    made = lo.builder.stmts[first:]
    if any(isinstance(s, While) for s in walk(made)):
        lo.refuse(node, "this generator may not end, and is read beside another one", "here", "write one loop for both")
    if memos.has_effects(made):
        lo.refuse(node, "this generator prints or draws, and is read beside another one", "here", "write one loop")
    return listed


def _map(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) == 2:
        return calls.in_python(lo, pipelines.mapped, args, node)
    return calls.in_python(lo, pipelines.starred, [args[0], _zip(lo, args[1:], {}, node)], node)


def _accumulate(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    function = args[1] if len(args) > 1 else keywords.get("func", Const(operator.add))
    initial = keywords.get("initial", NONE)
    if not is_none(initial):
        return calls.in_python(lo, pipelines.totals_from, [args[0], function, initial], node)
    return calls.in_python(lo, pipelines.totals, [args[0], function], node)


def flows(lo: Lowering, value: Value) -> bool:
    """Tell whether the items of a value come one after the other only."""
    return isinstance(value, Generator) and generators.runs_in_place(lo, value)


def is_open(lo: Lowering, value: Value) -> bool:
    """Tell whether it is not known when compiling how many items a value has."""
    value = lo.current(value)
    if isinstance(value, Iterator):
        value = value.items if isinstance(value.items, Iterable) else Const(())
    if isinstance(value, Iterable):
        return lo.static_int(value.count()) is None
    if isinstance(value, Ref) and lo.type_of(value).is_array and lo.type_of(value).dims:
        return lo.static_int(lo.length_of(lo.atom(value), 0)) is None
    return flows(lo, value) or (isinstance(value, Ref) and lo.is_list(value))


def _two(name: str, f: Callable[..., object]) -> Stream:
    """Lower combinations() or permutations() of two items; of more, the number of items is that of the example."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        if len(args) == 2 and lo.static_int(args[1]) == 2 and isinstance(args[0], Ref):
            return calls.in_python(lo, getattr(pipelines, name), args[:1], node)
        return selection.spread(lo, f, args, keywords, node)

    return make


def _tee(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Make several iterators over the items that are left."""
    number = lo.static(args[1] if len(args) > 1 else keywords.get("n", Const(2)), node)
    held = lo.current(args[0])
    if isinstance(held, Iterator):
        items = iterators.rest(lo, held, node)
    else:
        items = iteration.iterable(lo, _held(lo, held, node), node)
    assert isinstance(number, int)
    return Node("tuple", tuple(iterators.make(lo, items) for _ in range(number)))


def _product(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) == 2 and not keywords and not any(flows(lo, a) or isinstance(a, Iterator) for a in args):
        return calls.in_python(lo, pipelines.products, args, node)
    return selection.spread(lo, itertools.product, args, keywords, node)


def _zip_longest(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower zip_longest() of two arrays or lists; of others, the number of items is that of the example."""
    if len(args) == 2 and all(isinstance(a, Ref) for a in args):
        fill = keywords.get("fillvalue", NONE)
        return calls.in_python(lo, pipelines.zipped_longest, [*args, fill], node)
    return selection.spread(lo, itertools.zip_longest, args, keywords, node)


# What is called for arguments of which one has a number of items that is not known.
OPEN: Final[Mapping[object, Stream]] = {
    itertools.chain: _in_python("chained"),
    itertools.islice: _in_python("first", "between"),
    itertools.pairwise: _in_python("neighbours"),
    itertools.product: _product,
    itertools.zip_longest: _zip_longest,
    itertools.combinations: _two("pairs", itertools.combinations),
    itertools.permutations: _two("ordered_pairs", itertools.permutations),
}

# What is called for a generator among the arguments.
STREAMS: Final[Mapping[object, Stream]] = {
    enumerate: _in_python("enumerated"),
    zip: _zip,
    map: _map,
    filter: _in_python("filtered"),
    iter: lambda lo, args, keywords, node: args[0],
    itertools.accumulate: _accumulate,
}

# What is called for any arguments.
ALWAYS: Final[Mapping[object, Stream]] = {
    itertools.chain.from_iterable: _in_python("chained_all"),
    itertools.starmap: _in_python("starred"),
    itertools.compress: _in_python("selected"),
    itertools.filterfalse: _in_python("filtered_out"),
    itertools.takewhile: _in_python("taken_while"),
    itertools.dropwhile: _in_python("dropped_while"),
    itertools.groupby: _in_python("grouped"),
    itertools.tee: _tee,
    itertools.count: _in_python("counted"),
    itertools.repeat: _in_python("repeated_always", "repeated"),
    itertools.cycle: _in_python("cycled"),
}


def carry_out(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call what makes a stream of items; None if nothing here does."""
    stream = ALWAYS.get(f)
    if stream is None and f in STREAMS and any(flows(lo, a) for a in args):
        stream = STREAMS[f]
    drawing = f is itertools.islice and any(isinstance(lo.current(a), Iterator | Generator) for a in args)
    if stream is None and f in OPEN and (drawing or any(is_open(lo, a) for a in args)):
        stream = OPEN[f]
    return None if stream is None else stream(lo, args, keywords, node)
