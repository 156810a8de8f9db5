"""Undo or tape: how the reverse sweep gets back the old versions of each array that is stored to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from adcompile.analysis.webs import Webs, is_store, overwritten
from adcompile.ir.core import Eqn, Function, If, Stmt, Var, blocks_of, bound_by, definitions, operands, variables, walk
from adcompile.records import dataclass, field
from adcompile.transforms.store_context import is_cheap

Policy = Literal["cheapest", "undo", "tape"]

SCALAR: Final = 1_000
ARRAY: Final = 100_000
VERSION: Final = 150_000  # a whole version: it is copied before it is taped
TRIPS: Final = 30  # what a loop is taken to multiply by


def undone_webs(fn: Function, webs: Webs, policy: Policy, lasting: Mapping[Var, Eqn]) -> frozenset[Var]:
    """Return the webs whose stores the reverse sweep undoes; the reads that it needs of the others are taped.

    The weight of taping is that of the distinct reads that the reverse sweep needs, and of the whole versions that it
    needs before the last, but for reads that the last version has, too: see `lasting`. The weight of undoing is that
    of the overwritten pieces. Each counts 30 times for every loop around it. On a tie the reads are taped.
    """
    if policy != "cheapest":
        return webs.stored if policy == "undo" else frozenset()
    costs = _Costs(fn, webs, lasting)
    costs.tally()
    return frozenset(web for web in webs.stored if costs.undo.get(web, 0) < costs.tape.get(web, 0))


@dataclass(slots=True)
class _Costs:
    fn: Function
    webs: Webs
    lasting: Mapping[Var, Eqn]
    undo: dict[Var, int] = field(default_factory=dict)
    tape: dict[Var, int] = field(default_factory=dict)
    depth: dict[Var, int] = field(default_factory=dict)

    def tally(self) -> None:
        self.measure(self.fn.primal, 0)
        made = definitions(self.fn.primal)
        last = set(self.depth) - overwritten(self.fn.primal, self.webs)
        left = {eqn.args[0] for eqn in self.lasting.values()}  # taped as they are, if at all
        for stmt in walk(self.fn.primal):
            if isinstance(stmt, Eqn) and stmt.outs and is_store(stmt):
                self.count(self.undo, stmt.out, piece_weight(stmt))
        for v in self.needed(made):
            eqn = made.get(v)
            if self.webs.is_stored(v) and v not in left and not (self.depth[v] == 0 and v in last):
                self.count(self.tape, v, VERSION)
            if (
                v not in self.lasting
                and isinstance(eqn, Eqn)
                and eqn.prim == "index"
                and self.webs.is_stored(eqn.args[0])
            ):
                base = eqn.args[0]
                assert isinstance(base, Var)
                self.count(self.tape, base, ARRAY if v.type.is_array else SCALAR, at=v)

    def measure(self, stmts: Iterable[Stmt], depth: int) -> None:
        """Count the loops around each variable."""
        for stmt in stmts:
            self.depth.update(dict.fromkeys(stmt.outs, depth))
            inner = depth + (not isinstance(stmt, Eqn | If))
            for block in blocks_of(stmt):
                self.depth.update(dict.fromkeys((*bound_by(stmt), *block.params), inner))
                self.measure(block.stmts, inner)

    def count(self, costs: dict[Var, int], v: Var, weight: int, at: Var | None = None) -> None:
        web = self.webs.web(v)
        costs[web] = costs.get(web, 0) + weight * TRIPS ** self.depth.get(at or v, 0)

    def needed(self, made: dict[Var, Stmt]) -> list[Var]:
        """Return the primal values that the adjoint reads, itself or through cheap equations."""
        todo: list[Var] = []
        for stmt in walk(self.fn.adjoint):
            if isinstance(stmt, Eqn) and stmt.prim == "undo":
                continue
            todo += variables(operands(stmt))
            for block in blocks_of(stmt):
                todo += variables(block.yields)
        seen: dict[Var, None] = {}
        while todo:
            v = todo.pop()
            if v in seen or v not in self.depth:
                continue
            seen[v] = None
            eqn = made.get(v)
            if v in self.lasting:
                todo += variables(self.lasting[v].args)
            elif isinstance(eqn, Eqn) and is_cheap(eqn):
                arrays = eqn.prim != "index"  # an index needs one piece of the array, which is counted for itself
                todo += [a for a in variables(eqn.args) if arrays or not self.webs.is_stored(a)]
        return list(seen)


def piece_weight(store: Eqn) -> int:
    """Return the weight of what a store overwrites."""
    if store.prim not in ("index_update", "index_add"):
        return ARRAY
    rank, path = store.out.type.rank, store.attrs[0]
    assert isinstance(path, tuple)
    taken = sum(step.count("i") for step in path if isinstance(step, str))
    plain = all(isinstance(step, tuple) or set(step) <= {"i"} for step in path)
    return SCALAR if plain and rank == taken else ARRAY
