"""Loops: ranges, and early ends as ``break``, ``continue`` and ``else``."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from adcompile.emit import syntax
from adcompile.emit.exits import Exit, sides
from adcompile.emit.plan import Pairs
from adcompile.emit.statements import StatementWriter
from adcompile.emit.syntax import range_call
from adcompile.ir.core import FALSE, TRUE, Atom, Const, For, If, Loop, Stmt, Var, While, same_atom
from adcompile.records import NamedTuple


class _Ending(NamedTuple):
    """What happens at the end of a trip.

    last   whether the loop ends
    moves  groups of assignments, in order
    exit   how the loop ends early, None if it never does
    """

    last: Atom
    moves: tuple[Pairs, ...]
    exit: Exit | None

    def inside(self, last: Atom, first: Pairs) -> _Ending:
        """Return the ending of one branch of an if."""
        return _Ending(last, (first, *self.moves), self.exit)


class Writer(StatementWriter):
    """Writes all statements of a function."""

    def loop(self, stmt: Stmt) -> list[ast.stmt]:
        assert isinstance(stmt, For | While)
        found = self.exits.loops.get(stmt)
        ending = _Ending(
            FALSE if stmt.until is None else stmt.body.yields[stmt.until],
            ([p for k, p in enumerate(zip(stmt.body.params, stmt.body.yields, strict=True)) if k != stmt.until],),
            found,
        )
        before = self.moves(list(zip(stmt.body.params, stmt.inits, strict=True)))
        body, _ = self.tail(stmt.body.stmts, ending)
        orelse = self.clause(found)
        return [*before, *self.header(stmt, body or [ast.Pass()], orelse)]

    def clause(self, found: Exit | None) -> list[ast.stmt]:
        """Write the else clause of a loop."""
        if found is None or found.otherwise is None:
            return []
        return self.branch(found.otherwise.outs, found.otherwise.orelse)

    # -- headers

    def header(self, stmt: Loop, body: list[ast.stmt], orelse: list[ast.stmt]) -> list[ast.stmt]:
        if isinstance(stmt, For):
            used = self.plan.read.get(stmt.index, 0) > 0
            target = self.names[stmt.index] if used else "_"
            return [syntax.for_loop(target, self.indices(stmt, used), body, orelse)]
        (test,) = stmt.cond.yields
        first = self.body(stmt.cond.stmts)
        if not first:
            return [ast.While(self.write.atom(test), body, orelse)]
        leave = ast.If(syntax.opposite(self.write.atom(test)), [*orelse, ast.Break()], [])
        return [ast.While(ast.Constant(True), [*first, leave, *body], [])]

    def indices(self, stmt: For, used: bool) -> ast.expr:
        """Write the range of a loop; one whose index is not used may as well run forwards."""
        start, stop, step = (self.write.atom(a) for a in (stmt.start, stmt.stop, stmt.step))
        if not stmt.backwards or not used:
            return range_call(start, stop, step)
        by = syntax.integer(step)
        if by in (1, -1):
            first, last = syntax.shifted(stop, -by), syntax.shifted(start, -by)
            return range_call(first, last, syntax.constant(-by))
        return syntax.call("reversed", range_call(start, stop, step))

    # -- ends of trips

    def tail(self, stmts: Sequence[Stmt], ending: _Ending) -> tuple[list[ast.stmt], bool]:
        """Write statements and what happens at the end of a trip; tell whether the loop always ends there."""
        spoken = [s for s in stmts if not self.is_silent(s)]
        last = spoken[-1] if spoken else None
        if isinstance(last, If) and self.decides(last, ending.last):
            return self.fork(self.body(spoken[:-1]), last, ending)
        done = self.body(spoken)
        for group in ending.moves:
            done += self.moves(group)
        return [*done, *self.leave(ending)], same_atom(ending.last, TRUE)

    def decides(self, stmt: If, last: Atom) -> bool:
        """Tell whether an if at the end of a trip says whether the loop ends, or skips the rest of the trip."""
        if stmt in self.trees.chosen:
            return False
        if isinstance(last, Var):
            return stmt in self.exits.forks
        skips = not any(not self.is_silent(s) for s in stmt.then.stmts)
        return skips and same_atom(last, FALSE) and sum(not self.is_silent(s) for s in stmt.orelse.stmts) > 2

    def leave(self, ending: _Ending) -> list[ast.stmt]:
        """Write how the loop ends: ``break``, ``if done: break`` or not at all."""
        if ending.exit is None:
            return []
        before: list[ast.stmt] = []
        done: list[ast.stmt] = []
        if ending.exit.flag is not None:
            if ending.exit.starts and not self.is_named(ending.last, self.names[ending.exit.flag]):
                done += self.moves([(ending.exit.flag, TRUE)])
            if not ending.exit.starts:
                before += self.moves([(ending.exit.flag, ending.last)])
        if same_atom(ending.last, FALSE):
            return before
        if ending.exit.otherwise is not None:
            clause = ending.exit.otherwise
            done += self.moves(list(zip(clause.outs, clause.then.yields, strict=True)))
        done.append(ast.Break())
        if isinstance(ending.last, Const):
            return [*before, *done]
        return [*before, ast.If(self.write.atom(ending.last), done, [])]

    def is_flag(self, cond: Atom, ending: _Ending) -> bool:
        """Tell whether a condition is the very variable that tells whether the loop ended early."""
        if ending.exit is None or ending.exit.flag is None or not ending.exit.starts:
            return False
        return self.is_named(cond, self.names[ending.exit.flag])

    def fork(self, before: list[ast.stmt], stmt: If, ending: _Ending) -> tuple[list[ast.stmt], bool]:
        """Write the if that ends a trip; what follows a branch that leaves the loop needs no else."""
        lasts = (FALSE, FALSE) if isinstance(ending.last, Const) else sides(stmt, ending.last)
        written = []
        for block, last in zip((stmt.then, stmt.orelse), lasts, strict=True):
            pairs = [p for p in zip(stmt.outs, block.yields, strict=True) if p[0] not in self.exits.ghosts]
            inner = ending.inside(last, pairs)
            if block is stmt.then and self.is_flag(stmt.cond, ending) and ending.exit is not None:
                inner = inner._replace(exit=ending.exit._replace(flag=None))  # it is true already
            written.append(self.tail(block.stmts, inner))
        (then, ends), (orelse, also_ends) = written
        cond = self.write.atom(stmt.cond)
        if ends:
            return [*before, ast.If(cond, then, []), *orelse], also_ends
        if also_ends:
            return [*before, ast.If(syntax.opposite(cond), orelse, []), *then], False
        if len(then) <= 2 and len(orelse) > 2 * len(then) + 2:
            return [*before, ast.If(cond, [*then, ast.Continue()], []), *orelse], False
        return [*before, *self.conditional(stmt.cond, then, orelse)], False
