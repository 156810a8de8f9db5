"""Adjoints of calls: a call is split into two halves, that of the forward sweep and that of the reverse sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adcompile.ir.core import Atom, Block, Eqn, Function, Loop, Stmt, Var, blocks_of, with_blocks
from adcompile.ir.types import OBJECT
from adcompile.records import replace
from adcompile.transforms import checkpoints, conform
from adcompile.transforms.adjoints import Adjoints, adjoint_type
from adcompile.transforms.callees import Callees, Pair


class Reverse(Protocol):
    """Reverse mode of a whole function."""

    def __call__(
        self, fn: Function, wrt: Sequence[Var], outs: Sequence[int], keep: bool, callees: Callees
    ) -> Function: ...


class Calls(Adjoints):
    """Adjoints, with what the calls are replaced by in the primal statements: `split`."""

    def __init__(self, fn: Function, active: frozenset[Var], callees: Callees, reverse: Reverse) -> None:
        super().__init__(fn, active, callees.watched)
        self.callees, self.reverse = callees, reverse
        self.split: dict[Stmt, Eqn] = {}
        self.outlined: dict[int, checkpoints.Outlined] = {}

    def call(self, eqn: Eqn, gs: Sequence[Atom | None]) -> None:
        """Split a call: the forward half replaces it in the primal, the backward half gives its operands' adjoints."""
        name, types = eqn.attrs
        assert isinstance(name, str) and isinstance(types, tuple)
        wrt = tuple(k for k, a in enumerate(eqn.args) if isinstance(a, Var) and a in self.active)
        wanted = tuple(k for k, g in enumerate(gs) if g is not None)
        pair = self.callees.pair(("pair", name, wrt, wanted), name, lambda p: self.make_pair(p, name, wrt, wanted))
        tape = self.split[eqn].outs[-1] if eqn in self.split else Var("tape", OBJECT)
        if eqn not in self.split:
            self.split[eqn] = Eqn((*eqn.outs, tape), "call_fwd", eqn.args, (pair.name, (*types, OBJECT)), eqn.span)
        else:
            self.split[eqn] = replace(self.split[eqn], attrs=(pair.name, (*types, OBJECT)))
        cotangents = tuple(conform.cotangent(self.b, gs[k], eqn.outs[k]) for k in wanted if gs[k] is not None)  # type: ignore[arg-type]  # tested
        operands = [eqn.args[k] for k in wrt]
        result_types = tuple(adjoint_type(a) for a in operands if isinstance(a, Var))
        bars = self.b.emit_many("call_bwd", (tape, *cotangents), (pair.name, result_types), ("",) * len(wrt))
        for a, g in zip(operands, bars, strict=True):
            self.accumulate(a, g)

    def make_pair(self, pair: Pair, name: str, wrt: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        primal = self.callees.known(name)
        joint = self.reverse(primal, [primal.params[k] for k in wrt], wanted, True, self.callees)
        pair.given = primal.params
        pair.cotangents = joint.params[len(primal.params) :]
        pair.n_outs = len(primal.outs)
        pair.function = joint

    def checkpointed(self, stmt: Loop) -> None:
        """Run the adjoints of the trips of a loop from the states that it kept."""
        if not any(o in self.bars for o in stmt.outs):
            return
        if stmt.key not in self.outlined:
            self.outlined[stmt.key] = checkpoints.outline(self.fn, stmt, self.active, self.callees, self.differentiated)
        found = self.outlined[stmt.key]
        self.split[stmt] = found.run
        after = [conform.cotangent(self.b, self.take(stmt.outs[k]), stmt.outs[k]) for k in found.slots]
        if found.once:
            self.rerun(found, after)
            return
        params = [stmt.body.params[k] for k in found.slots] + found.captured
        types, hints = tuple(map(adjoint_type, params)), tuple(map(self.hint, params))
        args = (found.run.outs[-1], *after, *map(self.full, found.captured))
        results = self.b.emit_many("call_checkpointed_bwd", args, (found.names, types), hints)
        for v, g in zip(found.captured, results[len(found.slots) :], strict=True):
            self.bars[v] = g
        for k, g in zip(found.slots, results, strict=False):
            self.accumulate(stmt.inits[k], g)

    def rerun(self, found: checkpoints.Outlined, after: Sequence[Atom]) -> None:
        """Call the adjoint of a function that is run again."""
        types, hints = tuple(map(adjoint_type, found.captured)), tuple(map(self.hint, found.captured))
        results = self.b.emit_many("call", (*found.run.args, *after), (found.names[1], types), hints)
        for v, g in zip(found.captured, results, strict=True):
            self.accumulate(v, g)

    def differentiated(self, fn: Function, wrt: Sequence[Var], outs: Sequence[int]) -> Function:
        return self.reverse(fn, wrt, outs, False, self.callees)

    def primal(self) -> tuple[Stmt, ...]:
        """Return the primal statements with the calls that were split."""
        return tuple(map(self.with_splits, self.fn.primal)) if self.split else self.fn.primal

    def with_splits(self, stmt: Stmt) -> Stmt:
        if stmt in self.split:
            return self.split[stmt]
        blocks = tuple(Block(b.params, tuple(map(self.with_splits, b.stmts)), b.yields) for b in blocks_of(stmt))
        return with_blocks(stmt, blocks)
