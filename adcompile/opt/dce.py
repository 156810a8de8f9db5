"""Dead code elimination.

Marks what the results and the effects need, then sweeps the rest. Needing a variable needs its equation, or its slot
in a loop, or its place in an if; needing anything in a region needs what controls the region.
"""

from __future__ import annotations

from collections.abc import Iterable

from adcompile.ir.core import Atom, Eqn, For, Function, If, Loop, Stmt, Var, While, blocks_of, walk
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import all_same, keep_slots, replace_block, replace_blocks
from adcompile.records import dataclass, field, replace
from adcompile.rules.effects import takes_loud


def run(fn: Function) -> Function:
    """Remove equations, slots and regions that nothing needs.

        v1 = sin(x); v2 = mul(x, x); return v2   ->   v2 = mul(x, x); return v2

    An effect is needed, except a push to a tape that nothing pops. An adjoint statement needs what it reads of the
    primal region that it mirrors. An `undo` needs nothing, but stays (with the regions around it) while the update
    that it would undo stays; it goes with the update. A loop that may not end is not an effect.
    """
    marks = _Marks(fn)
    marks.mark()
    primal, adjoint = (_sweep(stmts, marks) for stmts in (fn.primal, fn.adjoint))
    if primal is fn.primal and adjoint is fn.adjoint:
        return fn
    return replace(fn, primal=primal, adjoint=adjoint)


@dataclass(slots=True)
class _Marks:
    """What is needed. `home` gives the region around a statement, `source` the statement that binds a variable."""

    fn: Function
    home: dict[Stmt, If | Loop] = field(default_factory=dict)
    source: dict[Var, Stmt] = field(default_factory=dict)
    pushes: dict[object, Eqn] = field(default_factory=dict)
    undos: dict[Atom, Eqn] = field(default_factory=dict)
    live: set[Var] = field(default_factory=set)
    needed: set[Stmt] = field(default_factory=set)
    todo: list[Var] = field(default_factory=list)

    def mark(self) -> None:
        self.scan(self.fn.stmts, None)
        self.use(self.fn.outs)
        for stmt in walk(self.fn.stmts):
            if isinstance(stmt, Eqn) and _is_effect(stmt):
                self.need(stmt)
        while self.todo:
            v = self.todo.pop()
            if v in self.source:
                self.reach(v, self.source[v])

    def scan(self, stmts: Iterable[Stmt], home: If | Loop | None) -> None:
        for stmt in stmts:
            if home is not None:
                self.home[stmt] = home
            for out in stmt.outs:
                self.source[out] = stmt
            if isinstance(stmt, Eqn):
                if stmt.prim == "push":
                    self.pushes[stmt.attrs[0]] = stmt
                elif stmt.prim == "undo":
                    self.undos[stmt.args[0]] = stmt
                continue
            if isinstance(stmt, For):
                self.source[stmt.index] = stmt
            for block in blocks_of(stmt):
                self.source.update(dict.fromkeys(block.params, stmt))
                self.scan(block.stmts, stmt)

    def use(self, atoms: Iterable[Atom]) -> None:
        for a in atoms:
            if isinstance(a, Var) and a not in self.live:
                self.live.add(a)
                self.todo.append(a)

    def need(self, stmt: Stmt) -> None:
        """Need a statement, what it reads whatever its results are, and the regions around it."""
        while stmt not in self.needed:
            self.needed.add(stmt)
            match stmt:
                case Eqn(prim="undo"):
                    pass
                case Eqn():
                    self.use(stmt.args)
                    if stmt.prim == "pop" and stmt.attrs[0] in self.pushes:
                        self.need(self.pushes[stmt.attrs[0]])
                    for out in stmt.outs:
                        if out in self.undos:
                            self.need(self.undos[out])
                case If():
                    self.use([stmt.cond])
                case For():
                    self.use([stmt.start, stmt.stop, stmt.step])
                    self.use_until(stmt)
                case While():
                    self.use(stmt.cond.yields)
                    self.use_until(stmt)
            if stmt not in self.home:
                return
            stmt = self.home[stmt]

    def use_until(self, stmt: Loop) -> None:
        if stmt.until is not None:
            self.use([stmt.outs[stmt.until]])

    def reach(self, v: Var, stmt: Stmt) -> None:
        """Need what a variable is computed from."""
        self.need(stmt)
        match stmt:
            case If():
                k = stmt.outs.index(v)
                self.use([stmt.then.yields[k], stmt.orelse.yields[k]])
            case For() | While():
                for column in (stmt.outs, *(b.params for b in blocks_of(stmt))):
                    if v in column:
                        k = column.index(v)
                        self.live.add(stmt.outs[k])
                        self.use([stmt.inits[k], stmt.body.yields[k]])

    # -- what the sweep asks

    def keeps(self, stmt: Stmt, k: int) -> bool:
        """Tell whether slot k of a region is needed."""
        columns = () if isinstance(stmt, If) else tuple(b.params for b in blocks_of(stmt))
        return stmt.outs[k] in self.live or any(c[k] in self.live for c in columns)


def _is_effect(eqn: Eqn) -> bool:
    return eqn.prim not in ("push", "pop", "undo") and (PRIMITIVES[eqn.prim].effect or takes_loud(eqn))


def _sweep(stmts: tuple[Stmt, ...], marks: _Marks) -> tuple[Stmt, ...]:
    out = tuple(_sweep_stmt(stmt, marks) for stmt in stmts if stmt in marks.needed)
    return stmts if all_same(out, stmts) else out


def _sweep_stmt(stmt: Stmt, marks: _Marks) -> Stmt:
    if isinstance(stmt, Eqn):
        return stmt
    kept = keep_slots(stmt, [k for k in range(len(stmt.outs)) if marks.keeps(stmt, k)])
    return replace_blocks(kept, [replace_block(b, _sweep(b.stmts, marks), b.yields) for b in blocks_of(kept)])
