"""Reverse a loop that keeps few of its states: its trip becomes a function, which runs again from them.

    for i: u = g(i, u, x)                 (u,), tape = run_checkpointed(step, range(n), (u,), (x,), slots)
    with room for `slots` states    ->    u_bar, x_bar = reverse_checkpointed(step, step_vjp, tape, (u_bar, x_bar))

    y = f(x), to be run again       ->    y = f(x); x_bar = f_vjp(x, y_bar)

`step(i, u, x)` is the body; `step_vjp(i, u, x, u_bar, x_bar)` its adjoint, which adds to the adjoints of what the body
reads from outside. Both own the state and the adjoints that they are given, and may write into them. The schedules are
in `rules.revolve`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from adcompile.errors import CompileError
from adcompile.ir.core import (
    NONE,
    UNDEFINED,
    Const,
    Eqn,
    For,
    Function,
    Loop,
    Stmt,
    Var,
    While,
    blocks_of,
    free,
    free_of_block,
    stands_for_call,
    walk,
)
from adcompile.ir.lengths import Dim
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import OBJECT, PY_INT, Type
from adcompile.records import dataclass, replace
from adcompile.rules.effects import loud, shows, unrepeatable
from adcompile.transforms.callees import Callees

Reverse = Callable[[Function, Sequence[Var], Sequence[int]], Function]

# What a trip may do again without anybody noticing: nothing happens, or what would be raised was raised before.
REPEATABLE: Final = frozenset({"assert", "raise", "push", "pop", "undo", "hook"})


@dataclass(frozen=True, slots=True)
class Outlined:
    """A loop whose trip is a function.

    run       the equation that runs it; its last result is the tape
    slots     the slots that carry adjoints
    captured  the variables from outside that do
    names     the functions that the reverse sweep calls: the trip without messages, and its adjoint
    once      the loop stands for a call, see `stands_for_call`
    """

    run: Eqn
    slots: list[int]
    captured: list[Var]
    names: tuple[str, str]
    once: bool = False


def outline(fn: Function, loop: Loop, active: Collection[Var], callees: Callees, reverse: Reverse) -> Outlined:
    """Make the functions of a loop; `reverse` differentiates one."""
    refuse_unrepeatable(loop.body.stmts)
    if isinstance(loop, For) and stands_for_call(loop):
        return outline_once(fn, loop, active, callees, reverse)
    refuse_lists(loop)
    params = loop.body.params
    index = loop.index if isinstance(loop, For) else Var("k", PY_INT)
    others = read_from_outside(loop, index)
    measured = measured_by(fn, loop, others)
    slots = [k for k, p in enumerate(params) if p in active]
    captured = [v for v in others if v in active and v not in measured]

    facts, owned = fn.facts.known(), frozenset(params)
    body = Function(
        callees.unused(f"{fn.name}_step"),
        (index, *params, *others, *measured),
        loop.body.stmts,
        loop.body.yields,
        facts=facts,
        names=fn.names,
    )
    joint = replace(callees.quiet(body), outs=(*(loop.body.yields[k] for k in slots), *captured))
    joint = reverse(joint, [*(params[k] for k in slots), *captured], range(len(joint.outs)))
    seeds = joint.params[len(body.params) :]
    read = {v for stmt in joint.stmts for v in free(stmt)}
    others += [v for v in measured if v in read]
    given = (index, *params, *others)
    step = callees.add(replace(body, params=given), owned)
    again = step
    if loud(step):
        again = callees.add(replace(callees.quiet(step), name=callees.unused(f"{step.name}_again")), owned)
    joint = replace(joint, name=callees.unused(f"{step.name}_vjp"), params=(*given, *seeds))
    callees.add(joint, owned | frozenset(seeds))
    test = None
    if isinstance(loop, While):
        name = callees.unused(f"{fn.name}_goes_on")
        cond = loop.cond
        test = callees.add(
            Function(name, (*cond.params, *others), cond.stmts, cond.yields, facts=facts, names=fn.names)
        )
    return Outlined(
        running(loop, step.name, None if test is None else test.name, others), slots, captured, (again.name, joint.name)
    )


def outline_once(fn: Function, loop: For, active: Collection[Var], callees: Callees, reverse: Reverse) -> Outlined:
    """Make the functions of a call that is run again: a loop of one trip that carries nothing."""
    others = read_from_outside(loop, loop.index)
    measured = measured_by(fn, loop, others)
    slots = [k for k, o in enumerate(loop.outs) if o in active]
    captured = [v for v in others if v in active]
    name = callees.unused(fn.name_of(loop.index) or f"{fn.name}_part")
    facts = fn.facts.known()
    body = Function(name, (*others, *measured), loop.body.stmts, loop.body.yields, facts=facts, names=fn.names)
    joint = reverse(callees.quiet(body), captured, slots)
    seeds = joint.params[len(body.params) :]
    read = {v for stmt in joint.stmts for v in free(stmt)}
    others += [v for v in measured if v in read]
    step = callees.add(replace(body, params=tuple(others)))
    vjp = callees.add(replace(joint, name=callees.unused(f"{name}_vjp"), params=(*others, *seeds)))
    prim = "call_loud" if loud(step) else "call"
    run = Eqn(loop.outs, prim, tuple(others), (name, tuple(o.type for o in loop.outs)), loop.span)
    return Outlined(run, slots, captured, (step.name, vjp.name), once=True)


def running(loop: Loop, step: str, test: str | None, others: list[Var]) -> Eqn:
    """Make the equation that runs a loop."""
    tape = Var(f"{step}_tape", OBJECT)
    outs = (*loop.outs, tape)
    inits = tuple(unread(o.type) if a is UNDEFINED else a for a, o in zip(loop.inits, loop.outs, strict=True))
    bounds = (loop.start, loop.stop, loop.step) if isinstance(loop, For) else ()
    known = isinstance(loop, For) and loop.until is None
    attrs = ((step, test), len(bounds), len(inits), loop.snapshots, loop.until, tuple(o.type for o in outs))
    return Eqn(outs, "call_checkpointed" if known else "call_online", (*bounds, *inits, *others), attrs, loop.span)


def unread(t: Type) -> Const:
    """Return what a slot holds that is undefined before a loop: NaN if it is a number, so that it stays one."""
    return Const(math.nan) if t.is_scalar and t.inexact else NONE


def read_from_outside(loop: Loop, index: Var) -> list[Var]:
    """Return the variables of the enclosing program that a loop reads."""
    return list(dict.fromkeys(v for b in blocks_of(loop) for v in free_of_block(b, (index,))))


def measured_by(fn: Function, loop: Loop, others: Collection[Var]) -> list[Var]:
    """Return the arguments that a loop does not read, but whose lengths its adjoint may compute with."""
    named = {name for stmt in walk(loop.body.stmts) for v in mentioned(stmt) for name in arguments_in(v)}
    return [p for p in fn.params if p.name in named and p not in others]


def mentioned(stmt: Stmt) -> Iterable[Var]:
    """Return the variables that a statement defines or reads."""
    return (*stmt.outs, *free(stmt), *(p for b in blocks_of(stmt) for p in b.params))


def arguments_in(v: Var) -> Iterable[str]:
    """Yield the names of the arguments that the lengths of a variable are expressions of."""
    todo: list[object] = [*(v.type.dims or ()), v.type.value]
    while todo:
        length = todo.pop()
        if isinstance(length, Dim):
            if length.op in ("axis", "value"):
                yield str(length.args[0])
            todo += length.args


# -- what happens once


def refuse_unrepeatable(stmts: Iterable[Stmt]) -> None:
    """Raise if the statements do what must not happen again when a trip is run again."""
    stmts = list(stmts)
    calls = unrepeatable(stmts)
    for stmt in walk(stmts):
        if not isinstance(stmt, Eqn) or not PRIMITIVES[stmt.prim].effect or stmt.prim in REPEATABLE or shows(stmt):
            continue
        if stmt.prim != "opaque" or stmt in calls:
            raise CompileError(
                "what is run again in the reverse sweep must give the same result again",
                stmt.span,
                "this may not",
                "move it out of the part that is checkpointed",
            )


def refuse_lists(loop: Loop) -> None:
    """Raise if a loop carries a list."""
    if any(o.type.is_list for o in loop.outs):
        raise CompileError(
            "a checkpointed loop cannot carry a list that grows",
            loop.span,
            "carries a list",
            "keep the values in an array that is made before the loop",
        )
