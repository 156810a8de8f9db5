"""Run a function one operation at a time and record what happens: the list of operations of the survey's tables.

The record is that of one run: loops are unrolled, of a branch there is the side that was taken, and calls are entered.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from adcompile.analysis.activity import differentiable_args
from adcompile.analysis.masking import masked
from adcompile.emit.comments import written_by_user
from adcompile.errors import ArgumentError, Span
from adcompile.evaluate import Evaluator, trips_of
from adcompile.ir.core import UNDEFINED, Atom, Block, Const, Eqn, For, Function, If, Stmt, Var, While
from adcompile.ir.primitives import CALLS, PRIMITIVES

__all__ = ["Event", "Heading", "Operation", "Record", "Value", "record"]

MAX_OPERATIONS: Final = 50_000


@dataclass(eq=False, slots=True)
class Value:
    """A value of the run.

    number  of the survey's numbering: v-1, v0 for arguments, v1, v2, ... for what is computed; None for integers,
            constants and objects, which are shown by their value
    active  whether it depends on a differentiated argument
    user    what the user calls it
    """

    content: object
    number: int | None = None
    active: bool = False
    user: str = ""

    @property
    def name(self) -> str:
        return "" if self.number is None else f"v{self.number}"


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An equation as it was executed.

    masked  whether a selection may hide its result: a zero cotangent then stays zero
    depth   in how many loops, branches and calls it is
    """

    eqn: Eqn
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    depth: int
    masked: bool = False

    @property
    def span(self) -> Span | None:
        return self.eqn.span


@dataclass(frozen=True, slots=True, eq=False)
class Heading:
    """The start of a trip, a branch or a call; `loop` numbers the run of the loop, and `trip` counts from 0."""

    text: str
    depth: int
    span: Span | None
    loop: int | None = None
    trip: int = 0


Event = Operation | Heading


@dataclass
class Record:
    """One run of a function: arguments by variable, what happened, results."""

    inputs: dict[Var, Value]
    events: list[Event]
    results: tuple[Value, ...]

    @property
    def operations(self) -> list[Operation]:
        return [e for e in self.events if isinstance(e, Operation)]


def record(fn: Function, callees: Mapping[str, Function], inputs: dict[Var, Value]) -> Record:
    """Run a function that has no adjoint."""
    machine = _Machine(callees)
    scope: Scope = dict(inputs)
    try:
        machine.function(fn, scope)
    except RecursionError:
        raise ArgumentError(f"{fn.name} recurs too deeply to be traced: choose a smaller example") from None
    return Record(inputs, machine.events, tuple(machine.read(a, scope) for a in fn.outs))


Scope = dict[Var, Value]


@dataclass
class _Machine:
    callees: Mapping[str, Function]
    evaluator: Evaluator = field(default_factory=Evaluator)
    events: list[Event] = field(default_factory=list)
    depth: int = 0
    count: int = 0
    loops: int = 0
    fn: Function | None = None
    hidden: frozenset[Var] = frozenset()

    def function(self, fn: Function, scope: Scope) -> None:
        outer, self.fn = (self.fn, self.hidden), fn
        self.hidden = masked(fn)
        self.statements(fn.primal, scope)
        self.fn, self.hidden = outer

    def read(self, a: Atom, scope: Scope) -> Value:
        return Value(a.value) if isinstance(a, Const) else scope[a]

    # -- statements

    def statements(self, stmts: Sequence[Stmt], scope: Scope) -> None:
        for stmt in by_level(stmts):
            match stmt:
                case Eqn(prim="call" | "call_loud"):
                    self.call(stmt, scope)
                case Eqn():
                    self.equation(stmt, scope)
                case If():
                    self.branch(stmt, scope)
                case For() | While():
                    self.loop(stmt, scope)

    def equation(self, eqn: Eqn, scope: Scope) -> None:
        if len(self.events) >= MAX_OPERATIONS:
            raise ArgumentError(
                f"more than {MAX_OPERATIONS:,} operations are too many to show: choose a smaller example"
            )
        operands = tuple(self.read(a, scope) for a in eqn.args)
        contents = self.evaluated(eqn, operands)
        active = any(operands[k].active for k in differentiable_args(eqn))
        results = []
        for out, content in zip(eqn.outs, contents, strict=True):
            user = self.fn.name_of(out) if self.fn is not None else ""
            shown = out.type.kind not in ("py", "np", "scalar") or out.type.inexact
            results.append(Value(content, self.next() if shown else None, active and out.type.inexact, user))
        scope.update(zip(eqn.outs, results, strict=True))
        hidden = any(o in self.hidden for o in eqn.outs)
        self.events.append(Operation(eqn, operands, tuple(results), self.depth, hidden))

    def evaluated(self, eqn: Eqn, operands: Sequence[Value]) -> tuple[object, ...]:
        """Return the results of an equation; an error that it raises gets a note of the place."""
        contents = [v.content for v in operands]
        if eqn.prim == "tree":  # in which None stands for what is absent
            contents = [None if c is UNDEFINED.value else c for c in contents]
        try:
            return self.evaluator.equation(eqn, contents)
        except Exception as error:
            if eqn.span is not None:
                error.add_note(f"{os.path.basename(eqn.span.filename)}, line {eqn.span.line}")
            raise

    def next(self) -> int:
        self.count += 1
        return self.count

    def call(self, eqn: Eqn, scope: Scope) -> None:
        callee = self.callees[str(eqn.attrs[0])]
        operands = [self.read(a, scope) for a in eqn.args]
        given = ", ".join(v.name or repr(v.content) for v in operands)
        self.events.append(Heading(f"{callee.name}({given})", self.depth, eqn.span))
        inner: Scope = dict(zip(callee.params, operands, strict=True))
        self.depth += 1
        self.function(callee, inner)
        self.depth -= 1
        scope.update(zip(eqn.outs, (self.read(a, inner) for a in callee.outs), strict=True))

    # -- regions

    def block(self, block: Block, scope: Scope, deeper: bool = True) -> list[Value]:
        self.depth += deeper
        self.statements(block.stmts, scope)
        self.depth -= deeper
        return [self.read(y, scope) for y in block.yields]

    def branch(self, stmt: If, scope: Scope) -> None:
        taken = bool(self.read(stmt.cond, scope).content)
        text = _header(stmt.span, "if ", "elif ")  # none for a conditional expression, or what return was turned into
        if text:
            self.events.append(Heading(f"{text} {taken}", self.depth, stmt.span))
        results = self.block(stmt.then if taken else stmt.orelse, scope, deeper=bool(text))
        scope.update(zip(stmt.outs, results, strict=True))

    def loop(self, stmt: For | While, scope: Scope) -> None:
        slots = [self.read(a, scope) for a in stmt.inits]
        self.loops += 1
        run = self.loops
        text = _header(stmt.span, "for ", "while ")
        for trip, index in enumerate(trips_of(stmt, lambda a: self.read(a, scope).content)):
            start = len(self.events)
            if isinstance(stmt, For):
                scope[stmt.index] = Value(index)
            else:
                scope.update(zip(stmt.cond.params, slots, strict=True))
                if not self.block(stmt.cond, scope)[0].content:
                    break
            heading = f"{text} {self.counted(stmt, index, trip)}".lstrip()
            self.events.insert(start, Heading(heading, self.depth, stmt.span, run, trip))
            scope.update(zip(stmt.body.params, slots, strict=True))
            slots = self.block(stmt.body, scope)
            if stmt.until is not None and slots[stmt.until].content:
                break
        scope.update(zip(stmt.outs, slots, strict=True))

    def counted(self, stmt: For | While, index: int, trip: int) -> str:
        """Say which trip this is: by the user's index, if there is one."""
        name = self.fn.name_of(stmt.index) if isinstance(stmt, For) and self.fn is not None else ""
        return f"{name} = {index}" if name else f"trip {trip + 1}"


def _header(span: Span | None, *words: str) -> str:
    """Return the first line of the user's statement if it starts with one of the words."""
    text = written_by_user(span) if span is not None else ""
    return text if text.startswith(words) else ""


# -- order


def by_level(stmts: Sequence[Stmt]) -> Iterator[Stmt]:
    """Yield statements, the equations of one line level by level, as the survey lists them.

    y = ln(x1) + x1*x2 - sin(x2)   ->   ln, *, sin; then +; then -

    Python computes the sine after the sum, which is the same since equations have no effects; those that do stay where
    they are.
    """
    run: list[Eqn] = []
    for stmt in stmts:
        if run and (not _movable(stmt) or stmt.span is None or _line(stmt.span) != _line(run[-1].span)):
            yield from _leveled(run)
            run = []
        if isinstance(stmt, Eqn) and _movable(stmt):
            run.append(stmt)
        else:
            yield stmt
    yield from _leveled(run)


def _movable(stmt: Stmt) -> bool:
    return isinstance(stmt, Eqn) and stmt.prim not in CALLS and not PRIMITIVES[stmt.prim].effect


def _line(span: Span | None) -> object:
    return None if span is None else (span.filename, span.line)


def _leveled(run: list[Eqn]) -> list[Eqn]:
    levels: dict[Var, int] = {}
    for eqn in run:
        level = 1 + max((levels.get(a, 0) for a in eqn.args if isinstance(a, Var)), default=0)
        levels.update(dict.fromkeys(eqn.outs, level))
    return sorted(run, key=lambda eqn: levels[eqn.out] if eqn.outs else 0)
