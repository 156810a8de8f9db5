"""Random programs that store to arrays, take views of them, carry them round loops and tape them.

Every array has five elements and every view two. Old versions of an array are read as freely as new ones, so that an
update in place that should not be one shows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import numpy as np

import tests.tables  # noqa: F401  (fills the registry)
from adcompile.ir.core import NONE, Atom, Block, Const, Eqn, For, Function, If, Stmt, Var
from adcompile.ir.types import PY_BOOL, PY_INT, Type

ARRAY = Type("array", np.dtype(float), (5,))
PIECE = Type("array", np.dtype(float), (2,))
NUMBER = Type("np", np.dtype(float))
X = np.array([0.1, -0.2, 0.3, 0.4, -0.5])
ARGUMENTS = (X, X[::-1].copy(), 0.7)


@dataclass
class Scope:
    """What may be read in one place of the program, the newest last."""

    arrays: list[Var]
    numbers: list[Atom]
    pieces: list[Var] = field(default_factory=list)

    def inner(self) -> Scope:
        return Scope(list(self.arrays), list(self.numbers), list(self.pieces))


class Maker:
    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.keys = 0
        self.taped: list[tuple[int, list[int]]] = []  # (trips, tapes) of the loops that push

    # -- picking

    def array(self, scope: Scope) -> Var:
        return self.r.choice(scope.arrays[-4:] if self.r.random() < 0.8 else scope.arrays)

    def number(self, scope: Scope) -> Atom:
        return self.r.choice([*scope.numbers[-3:], Const(0.5)])

    def retire(self, scope: Scope, a: Var) -> None:
        """Often never read an old version again, so that some updates may be done in place."""
        if self.r.random() < 0.7 and len(scope.arrays) > 2 and a in scope.arrays:
            scope.arrays.remove(a)

    # -- equations

    def equation(self, scope: Scope) -> Eqn:
        r, i, lo = self.r, Const(self.r.randint(0, 4)), self.r.randint(0, 3)
        bounds = (Const(lo), Const(lo + 2), NONE)
        a = self.array(scope)
        kind = r.choice(["make", "store", "store", "store", "acc", "read", "view", "view", "spread", "add", "poke"])
        if kind in ("add", "poke") and not scope.pieces:
            kind = "view"
        match kind:
            case "make":
                return Eqn((Var("", ARRAY),), r.choice(["add", "mul"]), (a, self.array(scope)))
            case "store":
                return Eqn((Var("", ARRAY),), "index_update", (a, self.number(scope), i), (("i",),))
            case "acc":
                return Eqn((Var("", ARRAY),), "acc", (a, r.choice([self.number(scope), self.array(scope)])))
            case "read":
                return Eqn((Var("", NUMBER),), "index", (a, i), (("i",),))
            case "view":
                return Eqn((Var("", PIECE),), "index", (a, *bounds), (("s",),))
            case "spread":
                return Eqn((Var("", ARRAY),), "broadcast_to", (self.number(scope), Const(5)))
            case "add":
                return Eqn((Var("", ARRAY),), "index_add", (a, r.choice(scope.pieces), *bounds), (("s",),))
        place = Const(r.randint(0, 1))
        return Eqn((Var("", PIECE),), "index_update", (r.choice(scope.pieces), self.number(scope), place), (("i",),))

    def enter(self, scope: Scope, eqn: Eqn) -> None:
        """Let later statements read a result."""
        lists: dict[Type, list[Var]] = {ARRAY: scope.arrays, PIECE: scope.pieces}
        if eqn.out.type == NUMBER:
            scope.numbers.append(eqn.out)
        else:
            lists[eqn.out.type].append(eqn.out)
        if eqn.prim in ("index_update", "index_add", "acc") and isinstance(eqn.args[0], Var):
            self.retire(scope, eqn.args[0])

    # -- blocks

    def statements(self, scope: Scope, count: int, depth: int) -> list[Stmt]:
        out: list[Stmt] = []
        for _ in range(count):
            choice = self.r.random()
            if choice < 0.8 or depth == 3:
                eqn = self.equation(scope)
                self.enter(scope, eqn)
                out.append(eqn)
            elif choice < 0.88:
                out += self.branch(scope, depth)
            else:
                out.append(self.loop(scope, depth))
        return out

    def branch(self, scope: Scope, depth: int) -> list[Stmt]:
        test = Eqn((Var("", PY_BOOL),), "lt", (self.number(scope), Const(self.r.uniform(-1, 1))))
        count = self.r.randint(1, 2)
        blocks = []
        for _ in range(2):
            inner = scope.inner()
            stmts = self.statements(inner, self.r.randint(0, 4), depth + 1)
            blocks.append(Block((), tuple(stmts), tuple(self.array(inner) for _ in range(count))))
        outs = tuple(Var("", ARRAY) for _ in range(count))
        scope.arrays += outs
        self.keys += 1
        return [test, If(test.out, blocks[0], blocks[1], outs, self.keys)]

    def loop(self, scope: Scope, depth: int) -> For:
        count, trips = self.r.randint(1, 3), self.r.randint(0, 3)
        inits = (*(self.array(scope) for _ in range(count)), self.number(scope))
        params = (*(Var("p", ARRAY) for _ in range(count)), Var("s", NUMBER))
        inner = Scope([*scope.arrays, *params[:-1]], [*scope.numbers, params[-1]], list(scope.pieces))
        stmts = self.statements(inner, self.r.randint(1, 6), depth + 1)
        yields = (*(self.r.choice([*inner.arrays[-4:], *params[:-1]]) for _ in range(count)), self.number(inner))
        if depth == 0 and self.r.random() < 0.7:
            stmts += self.pushes(inner, params[:-1], trips)
        outs = tuple(Var("", p.type) for p in params)
        for a in inits[:-1]:
            if isinstance(a, Var):
                self.retire(scope, a)
        scope.arrays += outs[:-1]
        scope.numbers.append(outs[-1])
        self.keys += 1
        body = Block(params, tuple(stmts), yields)
        return For(Var("i", PY_INT), Const(0), Const(trips), Const(1), inits, body, outs, self.keys)

    def pushes(self, scope: Scope, params: tuple[Var, ...], trips: int) -> list[Stmt]:
        first = sum(len(tapes) for _, tapes in self.taped)
        tapes = list(range(first, first + self.r.randint(1, 2)))
        self.taped.append((trips, tapes))
        return [Eqn((), "push", (self.r.choice([*scope.arrays[-4:], *params]),), (t,)) for t in tapes]

    def reader(self, scope: Scope, trips: int, tapes: list[int]) -> For:
        """Make a loop that takes off what another one pushed, and stores to it."""
        pops = [Eqn((Var("", ARRAY),), "pop", (), (t, ARRAY)) for t in tapes]
        taken = replace(self.loop(Scope([*scope.arrays[:1], *(p.out for p in pops)], list(scope.numbers)), 1))
        inits = (*(self.array(scope) for _ in taken.inits[:-1]), self.number(scope))
        body = replace(taken.body, stmts=(*pops, *taken.body.stmts))
        scope.arrays += taken.outs[:-1]
        return replace(taken, stop=Const(trips), inits=inits, body=body, backwards=True)


def make(seed: int) -> Function:
    """Return a function of `ARGUMENTS` that returns three arrays."""
    maker = Maker(seed)
    params = (Var("x", ARRAY), Var("y", ARRAY), Var("t", NUMBER))
    scope = Scope([params[0], params[1]], [params[2]])
    stmts = maker.statements(scope, maker.r.randint(3, 9), 0)
    for trips, tapes in maker.taped:
        stmts.append(maker.reader(scope, trips, tapes))
    return Function("f", params, tuple(stmts), tuple(maker.array(scope) for _ in range(3)))
