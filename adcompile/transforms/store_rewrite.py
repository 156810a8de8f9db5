"""Rewriting a pair by its plan: pushes into the primal block, pops and recomputation into its mirror."""

from __future__ import annotations

from collections.abc import Iterable

from adcompile.analysis.opaque import described
from adcompile.analysis.webs import is_foreign, is_view
from adcompile.ir.core import Atom, Const, Eqn, Stmt, Var, free, substitute, variables, walk
from adcompile.records import dataclass, field, replace
from adcompile.transforms.store_context import Context, Step
from adcompile.transforms.store_plan import Pair, Plan


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A pair after rewriting.

    end     the versions that the mirror holds at its end, and what it calls them
    kept    in a branch: values for the mirror, as (variable to bind after the if, variable of the branch)
    ends    what the mirror yields
    """

    primal: tuple[Stmt, ...]
    mirror: tuple[Stmt, ...]
    end: dict[Var, Atom]
    kept: tuple[tuple[Var, Var], ...]
    ends: tuple[Atom, ...] = ()


def rewrite(ctx: Context, pair: Pair) -> Rewritten:
    """Plan a pair and carry the plan out."""
    return _Rewriter(ctx, pair, Plan(ctx, pair)).run()


@dataclass(slots=True)
class _Rewriter:
    """`now` are the versions held and `have` the other values had so far; `after` is what follows a definition, and
    `last` what follows a statement.
    """

    ctx: Context
    pair: Pair
    plan: Plan
    now: dict[Var, Atom] = field(default_factory=dict)
    have: dict[Var, Atom] = field(default_factory=dict)
    out: list[Stmt] = field(default_factory=list)
    after: dict[Var, list[Stmt]] = field(default_factory=dict)
    last: dict[int, list[Stmt]] = field(default_factory=dict)
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
        for k, stmt in enumerate(self.pair.primal):
            out.append(stmt)
            for v in stmt.outs:
                out += self.after.get(v, ())
            out += self.last.get(k, ())
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
        piece, *atoms = self.arguments((old, *store.args[2:]))
        restored = self.ctx.fresh(before)
        self.out.append(Eqn((restored,), "index_update", (self.now.pop(store.out), piece, *atoms), store.attrs))
        self.now[before] = restored

    def get(self, v: Var) -> Atom:
        """Return what the mirror calls a value, first making it, and what it is computed from, if need be."""
        todo = [v]
        while todo:  # a stack, not recursion: chains of equations may be long
            top = todo[-1]
            if self.at_hand(top) is not None:
                todo.pop()
            elif missing := [a for a in variables(self.operands(top)) if self.at_hand(a) is None]:
                todo += missing
            else:
                self.have[top] = self.make(top)
        found = self.at_hand(v)
        assert found is not None
        return found

    def at_hand(self, a: Atom) -> Atom | None:
        """Return what the mirror calls a value that it has, or that an enclosing block has to provide."""
        if not isinstance(a, Var) or a in self.ctx.fn.params:
            return a
        if a in self.now:
            self.have[a] = self.now[a]
        if a in self.have:
            return self.have[a]
        return None if a in self.plan.order else a

    def operands(self, v: Var) -> tuple[Atom, ...]:
        """Return what a value is computed from, if it is to be computed again."""
        return self.plan.eqns[v].args if self.is_recomputed(v) else ()

    def is_recomputed(self, v: Var) -> bool:
        if v in self.pair.supplies:
            return False
        return self.pair.place == "loop" or self.is_view_of_held(v)

    def make(self, v: Var) -> Atom:
        """Make a value whose operands are at hand."""
        if v in self.pair.supplies:
            supply = self.pair.supplies[v]
            self.out += supply.eqns
            return supply.value
        if self.is_recomputed(v):
            result = self.ctx.fresh(v)
            self.out.append(replace(self.plan.eqns[v], outs=(result,), args=self.arguments(self.operands(v))))
            return result
        keep = self.keep(v)
        if self.pair.place == "top":
            return keep
        result = self.ctx.fresh(v)
        self.kept.append((result, keep))
        return result

    def arguments(self, atoms: Iterable[Atom]) -> tuple[Atom, ...]:
        return tuple(self.get(a) if isinstance(a, Var) else a for a in atoms)

    def is_view_of_held(self, v: Var) -> bool:
        """Tell whether a value is a view, along views, of a version that the mirror holds now."""
        base: Atom = v
        while isinstance(base, Var) and self.ctx.changes(base) and base not in self.now:
            eqn = self.plan.eqns.get(base)
            if eqn is None or not is_view(eqn):
                return False
            base = eqn.args[0]
        return base is not v and base in self.now

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
        copy = self.ctx.eqn("copy" if v.type.dims is not None else "kept", v, name=self.ctx.fn.name_of(v))
        self.ctx.bound[v] = None
        self.after.setdefault(v, []).append(copy)
        self.guard(v, copy.out)
        return copy.out

    def guard(self, v: Var, copy: Var) -> None:
        """Let the program raise if an unknown function changes what was returned before, which may be read again."""
        webs, primal = self.ctx.webs, self.pair.primal
        if webs.memory.find(v) not in webs.foreign or webs.is_stored(v):
            return
        made = next((k for k, s in enumerate(primal) if v in s.outs), -1)
        calls = {k: s for k in range(made + 1, len(primal)) for s in walk((primal[k],)) if is_foreign(s)}
        for k, call in list(calls.items())[-1:]:
            message = (
                f"`{described(call)}` changed an array that was returned before and is needed: copy it where it is made"
            )
            self.last.setdefault(k, []).append(Eqn((), "unchanged", (v, copy, Const(message))))
