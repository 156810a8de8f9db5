"""Rewriting a pair by its plan: pushes into the primal block, pops and recomputation into its mirror."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from adcompile.analysis.webs import is_view
from adcompile.ir.core import Atom, Eqn, Stmt, Var, free, substitute
from adcompile.transforms.store_context import Context, Step
from adcompile.transforms.store_plan import Pair, Plan


@dataclass(frozen=True)
class Rewritten:
    """A pair after rewriting.

    end     the versions that the mirror holds at its end, and what it calls them
    kept    in a branch: values for the mirror, as (variable to bind after the if, variable of the branch)
    """

    primal: tuple[Stmt, ...]
    mirror: tuple[Stmt, ...]
    end: dict[Var, Atom]
    kept: tuple[tuple[Var, Var], ...]


def rewrite(ctx: Context, pair: Pair) -> Rewritten:
    """Plan a pair and carry the plan out."""
    return _Rewriter(ctx, pair, Plan(ctx, pair)).run()


@dataclass
class _Rewriter:
    """`now` are the versions held and `have` the other values had so far; `after` is what follows a definition."""

    ctx: Context
    pair: Pair
    plan: Plan
    now: dict[Var, Atom] = field(default_factory=dict)
    have: dict[Var, Atom] = field(default_factory=dict)
    out: list[Stmt] = field(default_factory=list)
    after: dict[Var, list[Stmt]] = field(default_factory=dict)
    kept: list[tuple[Var, Var]] = field(default_factory=list)

    def run(self) -> Rewritten:
        self.now = dict(self.pair.entry)
        for v in self.plan.taped:
            self.tape(v)
        for number, step in enumerate(self.pair.steps):
            for v in self.plan.due.get(number, ()):
                self.get(v)
            self.step(number, step)
        end = {v: self.now[v] for v in self.plan.end() if v in self.now}
        return Rewritten(self.primal(), tuple(self.out), end, tuple(self.kept))

    def primal(self) -> tuple[Stmt, ...]:
        """Return the primal block with what was put after its definitions."""
        out: list[Stmt] = []
        for v in self.pair.params:
            out += self.after.get(v, ())
        for stmt in self.pair.primal:
            out.append(stmt)
            for v in stmt.outs:
                out += self.after.get(v, ())
        return tuple(out)

    # -- the mirror

    def step(self, number: int, step: Step) -> None:
        if isinstance(step.stmt, Eqn) and step.stmt.prim == "undo":
            if number in self.plan.undos:
                self.undo(*self.plan.undos[number])
            return
        env = {v: self.get(v) for v in free(step.stmt) if v in self.plan.order or v in self.now}
        self.out.append(substitute(step.stmt, env))
        for restore in step.restores:
            if restore.after in self.now:
                del self.now[restore.after]
                self.now.setdefault(restore.before, restore.out)

    def undo(self, store: Eqn, old: Var) -> None:
        """Put back what a store overwrote."""
        before = store.args[0]
        assert isinstance(before, Var)
        piece = self.get(old)
        atoms = [self.get(a) if isinstance(a, Var) else a for a in store.args[2:]]
        restored = self.ctx.fresh(before)
        self.out.append(Eqn((restored,), "index_update", (self.now.pop(store.out), piece, *atoms), store.attrs))
        self.now[before] = restored

    def get(self, v: Var) -> Atom:
        """Return what the mirror calls a value, first making it if need be."""
        if v in self.ctx.fn.params:
            return v
        if v in self.now:
            self.have[v] = self.now[v]
        if v not in self.have:
            self.have[v] = self.make(v)
        return self.have[v]

    def make(self, v: Var) -> Atom:
        if v not in self.plan.order:
            return v
        if v in self.pair.supplies:
            supply = self.pair.supplies[v]
            self.out += supply.eqns
            return supply.value
        if self.pair.place == "loop" or self.is_view_of_held(v):
            return self.recompute(v)
        keep = self.keep(v)
        if self.pair.place == "top":
            return keep
        result = self.ctx.fresh(v)
        self.kept.append((result, keep))
        return result

    def recompute(self, v: Var) -> Var:
        eqn = self.plan.eqns[v]
        args = tuple(self.get(a) if isinstance(a, Var) else a for a in eqn.args)
        result = self.ctx.fresh(v)
        self.out.append(replace(eqn, outs=(result,), args=args))
        return result

    def is_view_of_held(self, v: Var) -> bool:
        """Tell whether a value is a view, along views, of a version that the mirror holds now."""
        eqn = self.plan.eqns.get(v)
        if eqn is None or not is_view(eqn) or not self.ctx.changes(v):
            return False
        base = eqn.args[0]
        return isinstance(base, Var) and (base in self.now or self.is_view_of_held(base))

    # -- keeping

    def tape(self, v: Var) -> None:
        """Push a value where it is defined, and pop it at the top of the mirror."""
        if v in self.ctx.borrowed and v not in self.ctx.closed and not self.plan.is_last_of_newborn(v):
            self.ctx.misses.add(v)
        tape = self.ctx.next_tape()
        pushed = self.keep(v)
        self.ctx.bound[v] = None
        popped = self.ctx.fresh(v)
        self.after.setdefault(v, []).append(Eqn((), "push", (pushed,), (tape,)))
        self.out.append(Eqn((popped,), "pop", (), (tape, v.type)))
        self.have[v] = popped

    def keep(self, v: Var) -> Var:
        """Return a variable that holds a value to the end: a copy, if the memory of the value is written later."""
        if not self.ctx.changes(v):
            return v
        if self.pair.place == "loop" and self.plan.is_last_of_newborn(v):
            return v
        copy = self.ctx.eqn("copy", v, name=self.ctx.fn.name_of(v))
        self.ctx.bound[v] = None
        self.after.setdefault(v, []).append(copy)
        return copy.out
