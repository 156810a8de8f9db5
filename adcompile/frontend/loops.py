"""Lower loops.

What a loop carries is found by trying: lower the body, see which names and cells it changed and to what types, and
lower it again with slots for those, until nothing new turns up. The plan of slots is remembered for each place, so
that the loops inside start with the plan of the time before.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from adcompile.frontend import (
    assignment,
    calls,
    checkpoints,
    exceptions,
    expressions,
    generators,
    iteration,
    iterators,
    listings,
    lists,
    peeling,
    pooling,
)
from adcompile.frontend.desugar import Desugared, LoopFlags
from adcompile.frontend.frames import NeedsUnrolling, Unbound, Unresolved
from adcompile.frontend.nodes import walk
from adcompile.frontend.optionals import implied
from adcompile.frontend.paths import ROW
from adcompile.frontend.plans import Plan
from adcompile.frontend.slots import Slots
from adcompile.frontend.state import Snapshot
from adcompile.frontend.trips import Trip
from adcompile.frontend.values import Element, Generator, Iterable, Ref, Value
from adcompile.ir.core import FALSE, TRUE, UNDEFINED, Atom, Block, Const, For, Stmt, Var, While
from adcompile.ir.lengths import Dim
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_INT
from adcompile.records import dataclass, field

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

ATTEMPTS = 12
SHORT = 8
GROWING = frozenset({"append", "extend", "insert"})


def for_(lo: Lowering, node: ast.For) -> None:
    """Lower a for loop: a counted loop, or its body repeated for each item of a container."""
    found = iterators.drawn(lo, iterators.opened(lo, expressions.evaluate(lo, node.iter), node.iter), node)
    if isinstance(found, Generator) and generators.runs_in_place(lo, found):
        generators.loop(lo, node, found)
        return
    source = iteration.iterable(lo, found, node.iter)
    if lo.frame.raised is not FALSE:
        message = "what a loop goes through may raise what is caught around it"
        lo.refuse(node.iter, message, "here", "give it a name before the loop")
    iterators.leave(lo, found, "may be in the middle of a loop", (node, lo.frame.calls))
    go_through(lo, node, source)
    if flags_of(lo, node).until is None:
        iterators.exhaust(lo, found)


def go_through(lo: Lowering, node: ast.For, source: Iterable | list[Value]) -> None:
    """Lower a for loop over these items."""
    if isinstance(source, list):
        watched = [item for item in source[-1:] if isinstance(item, Element)]
        repeat(lo, node, [*(lambda v=v: v for v in source)], watched)
        return
    count = source.count() if source.bounds is None else None
    held = f".iterated_{len(lo.frame.loops)}"
    lists_in = [ref.cell for ref in source.arrays if lo.is_list(ref) and not ref.path]
    outer, lo.resized = lo.resized, set()
    lo.frame.names[held] = Node("tuple", source.arrays)  # the loop goes on with these, whatever is rebound
    start = lo.snapshot()
    mark = lo.builder.mark()
    try:
        if source.bounds is not None and few_trips(lo, node, source):
            raise NeedsUnrolling(node)
        as_one(lo, node, source, count)
    except NeedsUnrolling as needed:
        trips = lo.static_int(source.count())
        if needed.resolving is not None and pooling.is_pooling(needed.resolving) and (trips is None or trips > SHORT):
            raise Unresolved(needed.resolving) from None
        lo.restore(start)
        lo.builder.rewind(mark)
        unrolled_or_one(lo, node, source, count, needed)
    lo.frame.names.pop(held, None)
    if any(cell in lo.resized for cell in lists_in):
        lo.refuse(
            node,
            "a list changes its size while it is iterated over",
            "this loop",
            "iterate over a copy, as list(...) makes",
        )
    lo.resized |= outer


def unrolled_or_one(lo: Lowering, node: ast.For, source: Iterable, count: Atom | None, needed: NeedsUnrolling) -> None:
    """Repeat the body for each item, or lower the loop as one in which lists have a length that is not known."""
    longest = iteration.LONGEST_UNROLLED if needed.error is None else iteration.LONGEST_ALIASED
    if needed.lengths and (iteration.known_count(lo, source) or longest) > iteration.LONGEST_ALIASED:
        start, mark = lo.snapshot(), lo.builder.mark()
        try:
            lowered_as_one(lo, needed)
            as_one(lo, node, source, count)
            return
        except NeedsUnrolling:
            lo.restore(start)
            lo.builder.rewind(mark)
    n = iteration.known_count(lo, source, pin=needed.error is None)
    if n is None or n > longest or source.snapshots is not None:
        raise needed
    repeat(lo, node, [lambda k=k: source.item(Const(k)) for k in range(n)])  # type: ignore[misc]  # bound now


def as_one(lo: Lowering, node: ast.For, source: Iterable, count: Atom | None) -> None:
    """Lower a loop as one, but for the first trip if that makes an array of a number."""
    start, mark = lo.snapshot(), lo.builder.mark()
    try:
        counted(lo, node, source, count)
    except peeling.NeedsPeeling as needed:
        lo.restore(start)
        lo.builder.rewind(mark)
        peeling.for_(lo, node, source, needed.name)


def few_trips(lo: Lowering, node: ast.For, source: Iterable) -> bool:
    """Tell whether a loop is short and builds lists, whose items are then better known one by one."""
    if not all(isinstance(a, Const) for a in source.bounds or ()):
        return False
    n = lo.static_int(source.count())
    grows = any(isinstance(n, ast.Attribute) and n.attr in GROWING for n in walk(node))
    return grows and n is not None and n <= SHORT


def flags_of(lo: Lowering, node: ast.For | ast.While) -> LoopFlags:
    return lo.frame.desugared.loops[node]


def repeat(lo: Lowering, node: ast.For, items: list[Callable[[], Value]], watched: Sequence[Element] = ()) -> None:
    """Lower the body once for each item, made when its turn comes, until a break.

    `watched` are items of containers that must have kept their size when all items are used up.
    """
    from adcompile.frontend import branches

    flags = flags_of(lo, node)
    lo.frame.loops.append(node)
    for k, item in enumerate(items):
        trip(lo, flags, lambda item=item: assign_and_run(lo, node, lo.settled(item())))  # type: ignore[misc]  # bound now
        ended = lo.frame.raised if flags.until is None else lo.atom(lo.frame.names[flags.until])
        if isinstance(ended, Const):
            if ended.value:
                break
            continue
        rest = items[k + 1 :]
        branches.merge(lo, node, ended, lambda: None, lambda rest=rest: repeat(lo, node, rest, watched))  # type: ignore[misc]  # bound now
        break
    else:
        for last in watched:
            lo.element(last)
    lo.frame.loops.pop()


def assign_and_run(lo: Lowering, node: ast.For, item: Value) -> None:
    from adcompile.frontend import statements

    assignment.assign(lo, node.target, item)
    statements.run(lo, node.body)


def trip(lo: Lowering, flags: LoopFlags, run: Callable[[], None]) -> None:
    """Lower a trip: its flags are false at the start, and an exception that something around catches ends the loop."""
    for flag in flags.resets:
        lo.frame.names[flag] = FALSE
    if lo.catchers:
        exceptions.calm(lo)
    run()
    raised = lo.frame.raised
    if raised is not FALSE and flags.until is not None:
        lo.frame.names[flags.until] = expressions.either(lo, lo.atom(lo.frame.names[flags.until]), raised)


def counted(lo: Lowering, node: ast.For, source: Iterable, count: Atom | None) -> None:
    """Lower a loop over a range, or over something that makes its item number k."""

    span = lo.builder.span
    bounds = source.bounds or (Const(0), count or source.count(), Const(1))
    name = node.target.id if isinstance(node.target, ast.Name) and source.bounds else ""
    flags = flags_of(lo, node)

    def body(index: Var) -> None:
        assign_and_run(lo, node, index if source.bounds is not None else source.item(index))
        for ref in source.arrays:
            if ref.path == ROW and ref.cell in lo.resized:
                check_length(lo, node, flags, ref, bounds[1])

    def attempt(slots: Slots) -> Loop:
        index = Var(name, PY_INT)
        first, end, by = (a.value if isinstance(a, Const) else a.type.value for a in bounds)
        if isinstance(first, int | Dim) and isinstance(end, int | Dim) and by == 1:
            lo.builder.facts.trips[index] = first, end
        if name and not lo.frame.rule:
            lo.names[index] = name
        params = slots.enter()
        lo.builder.span = span
        with lo.builder.block() as stmts:
            trip(lo, flags, lambda: body(index))
        return Loop(params, stmts, index=index)

    loop, slots = settle(lo, node, flags, attempt)
    lo.builder.span = span
    peeling.check_promoted(lo, slots, loop.stmts)
    assert loop.index is not None
    block = Block(tuple(loop.params), tuple(loop.stmts), tuple(slots.yields))
    outs = slots.leave()
    inits, key, snapshots = tuple(slots.inits), lo.next_key(), source.snapshots
    lo.builder.add(For(loop.index, *bounds, inits, block, outs, key, slots.until, span=span, snapshots=snapshots))
    slots.after(bounds, node)


def check_length(lo: Lowering, node: ast.For, flags: LoopFlags, ref: Ref, before: Atom) -> None:
    """Raise after a trip that has changed the length of the list that a loop goes through, unless the loop ends."""
    from adcompile.frontend import branches

    def check() -> None:
        calls.in_python(lo, listings.check_length, [before, lists.length(lo, ref)], node.iter)

    ended = FALSE if flags.until is None else lo.atom(lo.frame.names[flags.until])
    if isinstance(ended, Const):
        if not ended.value:
            check()
    else:
        branches.merge(lo, node, ended, lambda: None, check)


@dataclass(slots=True)
class Loop:
    """One attempt at a loop: the parameters and statements of its blocks."""

    params: list[Var]
    stmts: list[Stmt]
    index: Var | None = None
    cond_params: list[Var] = field(default_factory=list)
    cond_stmts: list[Stmt] = field(default_factory=list)
    cond: Atom = UNDEFINED


class ChangingTest(Exception):
    """The test of a while loop changes a variable, an array or a container."""


def while_(lo: Lowering, node: ast.While) -> None:
    """Lower a while loop; one that goes through a structure that is known is run trip by trip."""
    start, mark = lo.snapshot(), lo.builder.mark()
    try:
        while_loop(lo, node)
    except NeedsUnrolling as needed:
        if needed.error is not None:
            raise
        lo.restore(start)
        lo.builder.rewind(mark)
        try:
            trip_by_trip(lo, node)
        except NeedsUnrolling:
            if not needed.lengths:
                raise needed from None  # which tells where
            lo.restore(start)
            lo.builder.rewind(mark)
            lowered_as_one(lo, needed)
            while_loop(lo, node)


def trip_by_trip(lo: Lowering, node: ast.While) -> None:
    """Lower the trips of a while loop one after the other: its test must be known before each."""
    from adcompile.frontend import statements

    flags = flags_of(lo, node)
    lo.frame.loops.append(node)
    try:
        for _ in range(iteration.LONGEST_UNROLLED):
            cond = test(lo, node.test)
            if isinstance(cond, Const) and not cond.value:
                return
            trip(lo, flags, lambda: statements.run(lo, node.body))
            ended = lo.frame.raised if flags.until is None else lo.atom(lo.frame.names[flags.until])
            if not isinstance(cond, Const) or not isinstance(ended, Const):
                break
            if ended.value:
                return
        raise NeedsUnrolling(node)
    finally:
        lo.frame.loops.pop()


def while_loop(lo: Lowering, node: ast.While) -> None:
    """Lower a while loop as one."""
    start, mark = lo.snapshot(), lo.builder.mark()
    try:
        tested_first(lo, node)
    except ChangingTest:
        lo.restore(start)
        lo.builder.rewind(mark)
        lo.assign_name(lo.frame, flag_of(flags_of(lo, node), node), FALSE)
        tested_first(lo, tested_inside(lo.frame.desugared, node))
    except peeling.NeedsPeeling as needed:
        lo.restore(start)
        lo.builder.rewind(mark)
        peeling.while_(lo, node, needed.name)


def flag_of(flags: LoopFlags, node: ast.While) -> str:
    return flags.until or f".tested_{node.lineno}_{node.col_offset}"


@lru_cache(maxsize=256)
def tested_inside(desugared: Desugared, node: ast.While) -> ast.While:
    """Return ``while True: flag = not test; if not flag: body``, which ends by the flag, for ``while test: body``."""
    flags = desugared.loops[node]
    flag = flag_of(flags, node)
    failed = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
    stop = ast.copy_location(ast.Assign([ast.Name(flag, ast.Store())], failed), node)
    body = ast.copy_location(ast.If(ast.copy_location(ast.Name(flag, ast.Load()), node), [], node.body), node)
    new = ast.copy_location(ast.While(ast.copy_location(ast.Constant(True), node), [stop, body], []), node)
    desugared.loops[new] = LoopFlags(flag, tuple(dict.fromkeys((*flags.resets, flag))))
    return new


def tested_first(lo: Lowering, node: ast.While) -> None:
    from adcompile.frontend import statements

    flags = flags_of(lo, node)
    span = lo.builder.span
    condition, snapshots = checkpoints.split_test(lo, node.test)

    def attempt(slots: Slots) -> Loop:
        start = lo.snapshot()
        cond_params = slots.enter()
        before = lo.snapshot()
        with lo.builder.block() as cond_stmts:
            cond = test(lo, condition)
        if changed(lo, before):
            raise ChangingTest
        lo.restore(start)
        params = slots.enter()
        proved = implied(lo, cond, True)
        lo.known |= {(p, truth) for p, c in zip(params, cond_params, strict=True) for v, truth in proved if v is c}
        with lo.builder.block() as stmts:
            # the test runs first in each trip: what it proves holds in the body
            trip(lo, flags, lambda: statements.run(lo, node.body))
        return Loop(params, stmts, None, cond_params, cond_stmts, cond)

    loop, slots = settle(lo, node, flags, attempt)
    lo.builder.span = span
    body = Block(tuple(loop.params), tuple(loop.stmts), tuple(slots.yields))
    cond = Block(tuple(loop.cond_params), tuple(loop.cond_stmts), (loop.cond,))
    outs = slots.leave()
    inits, key = tuple(slots.inits), lo.next_key()
    lo.builder.add(While(inits, cond, body, outs, key, slots.until, span=span, snapshots=snapshots))
    if isinstance(loop.cond, Const) and loop.cond.value and flags.returns is not None:
        lo.frame.names[flags.returns] = TRUE  # `while True` ends in no other way


def changed(lo: Lowering, before: Snapshot) -> bool:
    """Tell whether names, arrays or containers are other than they were."""
    return (
        lo.frame.names != before.names
        or any(lo.cells[cell] is not var for cell, var in before.cells.items())
        or any(lo.contents[identity] is not held for identity, held in before.contents.items())
    )


def test(lo: Lowering, node: ast.expr) -> Atom:
    """Lower the test of a while loop; in an attempt it may read names whose types only the body tells."""
    try:
        return expressions.condition(lo, node)
    except Unbound:
        if not lo.tolerant:
            raise
        lo.skipped = True
        return UNDEFINED


def plan_of(lo: Lowering, node: ast.For | ast.While) -> Plan:
    """Return what is known about a loop, in this call."""
    return lo.plans.setdefault((node, lo.frame.calls), Plan())


def lowered_as_one(lo: Lowering, needed: NeedsUnrolling) -> None:
    """Have a loop be lowered as one, although it replaces lists by longer or shorter ones."""
    assert isinstance(needed.place, ast.For | ast.While)
    plan_of(lo, needed.place).replaces = True


def settle(
    lo: Lowering, node: ast.For | ast.While, flags: LoopFlags, attempt: Callable[[Slots], Loop]
) -> tuple[Loop, Slots]:
    """Attempt a loop until its slots hold everything that changes in it."""
    plan = plan_of(lo, node)
    plan.forget()
    start = lo.snapshot()
    mark = lo.builder.mark()
    cells = lo.cell_count
    for _ in range(ATTEMPTS):
        lo.restore(start)
        lo.cell_count = cells  # so that what the plan says of a cell holds for the next attempt
        lo.builder.rewind(mark)
        slots = Slots(lo, node, flags, plan)
        outer_skipped, lo.skipped = lo.skipped, False
        lo.tolerant += 1
        lo.frame.loops.append(node)
        try:
            loop = attempt(slots)
            settled = Trip(slots).settles(loop.stmts)
        except NeedsUnrolling as needed:
            if needed.items is None or not plan.forget_items(slots.keys_of(needed.items)):
                raise
            lo.skipped = outer_skipped
            continue
        finally:
            lo.tolerant -= 1
            lo.frame.loops.pop()
        skipped, lo.skipped = lo.skipped, outer_skipped
        if settled and not skipped:
            return loop, slots
        if settled and skipped:
            if not lo.tolerant:
                strict(lo, start, mark, slots, attempt)
            lo.skipped = True
            return loop, slots
    lo.refuse(node, "what this loop carries from trip to trip does not settle", "types keep changing")


def strict(
    lo: Lowering, start: Snapshot, mark: tuple[int, int, int], slots: Slots, attempt: Callable[[Slots], Loop]
) -> None:
    """Lower once more without tolerance, to raise the error about a name that nothing assigns."""
    lo.restore(start)
    lo.builder.rewind(mark)
    lo.frame.loops.append(slots.node)
    attempt(Slots(lo, slots.node, slots.flags, slots.plan))
    raise AssertionError("a statement was skipped without a cause")
