"""Part a function with tangents in two: its own statements, and those that are linear in the tangents.

    v1 = sin(x); v2 = cos(x); v1_dot = mul(x_dot, v2)   ->   primal: v1 = sin(x); v2 = cos(x)
                                                             then:   v1_dot = mul(x_dot, v2)

The second part may run many times for one run of the first. A loop or branch that carries tangents stands in both: as
it was in the first, and with tangents in the second.
"""

from __future__ import annotations

from collections.abc import Sequence

from adcompile.analysis.activity import active
from adcompile.ir.core import Atom, Eqn, Function, Stmt, Var, free, substitute, variables
from adcompile.ir.inlining import copied, keys_after
from adcompile.records import replace
from adcompile.transforms import forward, realness
from adcompile.transforms.callees import Callees


def run(fn: Function, wrt: Sequence[Var], callees: Callees) -> Function:
    """Return the function with the tangents of `wrt` as further parameters and those of its results as further results.

    Its adjoint statements are those of the second part.
    """
    fn = realness.run(fn, active(fn, wrt))
    pushed = forward.run(fn, wrt, callees, apart=True)
    parting = _Parting(fn, pushed)
    for stmt in pushed.primal:
        parting.statement(stmt)
    count = len(fn.outs)
    dots = tuple(parting.get(a) for a in pushed.outs[count:])
    return replace(pushed, primal=tuple(parting.primal), adjoint=tuple(parting.linear), outs=(*fn.outs, *dots))


class _Parting:
    """The two parts so far. `moving` depends on the tangents; `env` says what tangents of regions are in the second."""

    def __init__(self, fn: Function, pushed: Function) -> None:
        self.own = {out: stmt for stmt in fn.primal for out in stmt.outs}
        self.given = set(fn.primal)
        self.moving = set(pushed.params) - set(fn.params)
        self.env: dict[Var, Atom] = {}
        self.names = pushed.names
        self.keys = keys_after(pushed.primal)
        self.primal: list[Stmt] = []
        self.linear: list[Stmt] = []

    def get(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def statement(self, stmt: Stmt) -> None:
        if stmt in self.given or not any(v in self.moving for v in free(stmt)):
            self.primal.append(stmt)
            return
        again = [self.own[o] for o in stmt.outs if o in self.own]
        if not again and isinstance(stmt, Eqn):
            self.moving.update(stmt.outs)
            self.linear.append(substitute(stmt, self.env))
            return
        self.primal += list(dict.fromkeys(again))
        outer = tuple(variables(free(stmt)))
        whole = Function("", outer, (stmt,), stmt.outs, names=self.names)
        stmts, outs = copied(whole, tuple(map(self.get, outer)), self.keys)
        self.linear += stmts
        new = dict(zip(stmt.outs, outs, strict=True))
        self.env.update({o: a for o, a in new.items() if o not in self.own})
        self.moving.update(o for o in stmt.outs if o not in self.own)
        self.moving.update(a for a in outs if isinstance(a, Var))
