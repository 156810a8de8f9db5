"""Random structured programs with an adjoint mirror, to compare passes by interpreting the program before and after.

The adjoint statements are no derivative: they read primal values at random, in the places where `reverse` may read
them, which asks more of `store` than derivatives do.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

import tests.tables  # noqa: F401  (fills the registry)
from adcompile.ir.core import (
    FALSE,
    NONE,
    UNDEFINED,
    Atom,
    Block,
    Const,
    Eqn,
    For,
    Function,
    If,
    Loop,
    Stmt,
    Var,
    While,
    blocks_of,
)
from adcompile.ir.lengths import Dim, Facts
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import PY_BOOL, PY_FLOAT, PY_INT, Type

LENGTH = 5
ARGUMENTS = (np.array([0.61, -0.43, 0.87, 0.29, -0.75]), 3, 0.4)

NUMBER = Type("scalar", np.dtype(float))


@dataclass
class State:
    """What the names of the program stand for, in one place of it; a name in `maybe` may be undefined there."""

    names: dict[str, Atom]
    maybe: set[str] = field(default_factory=set)

    def copy(self) -> State:
        return State(dict(self.names), set(self.maybe))


class Maker:
    """Makes a random function; `readable` are the numbers and arrays that the mirror of each block may read."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.facts = Facts()
        self.keys = 0
        self.out: list[Stmt] = []
        self.readable: dict[int, list[Var]] = {}
        self.x = Var("x", Type("array", np.dtype(float), (Dim("axis", ("x", 0), LENGTH),)))
        self.n = Var("n", Type("py", int, (), Dim("value", ("n",), 3)))
        self.s = Var("s", PY_FLOAT)

    # -- pieces

    def emit(self, prim: str, *args: Atom, attrs: tuple[object, ...] = (), name: str = "") -> Var:
        inferred = PRIMITIVES[prim].infer(self.facts, args, attrs)
        out = Var(name, inferred)
        self.out.append(Eqn((out,), prim, args, attrs))
        return out

    def key(self) -> int:
        self.keys += 1
        return self.keys

    def chance(self, p: float) -> bool:
        return self.r.random() < p

    def numbers(self, st: State) -> list[Atom]:
        return [st.names[k] for k in ("s", "t", "u") if k in st.names and k not in st.maybe]

    def arrays(self, st: State) -> list[str]:
        return [k for k in ("a", "b", "w") if k in st.names and k not in st.maybe]

    def position(self, st: State) -> Atom:
        choices: list[Atom] = [Const(k) for k in (0, 1, 2, 4, -1)]
        indices = [st.names[k] for k in st.names if k.startswith("i")]
        return self.r.choice(choices + 3 * indices)

    def number(self, st: State) -> Atom:
        match self.r.randrange(6):
            case 0:
                return Const(0.7)
            case 1 | 2:
                return self.r.choice(self.numbers(st))
            case 3:
                return self.emit("index", self.x, self.position(st), attrs=(("i",),))
            case _:
                array = st.names[self.r.choice(self.arrays(st))]
                return self.emit("index", array, self.position(st), attrs=(("i",),))

    def value(self, st: State) -> Atom:
        a, b = self.number(st), self.number(st)
        v = self.emit(self.r.choice(("add", "sub", "mul")), a, b)
        return self.emit("sin", v) if self.chance(0.7) else v

    def condition(self, st: State) -> Atom:
        return self.emit("gt", self.value(st), Const(self.r.uniform(-0.5, 0.5)))

    # -- statements

    def block(self, st: State, depth: int, size: int) -> None:
        for _ in range(size):
            choices = [
                self.assign,
                self.store,
                self.store,
                self.read,
                self.slices,
                self.rebind,
                self.view,
                self.guarded,
            ]
            if depth < 3:
                choices += [self.if_, self.if_, self.for_, self.for_, self.while_]
            self.r.choice(choices)(st, depth)

    def assign(self, st: State, depth: int) -> None:
        name = self.r.choice("stu")
        st.names[name] = self.value(st)
        st.maybe.discard(name)

    def read(self, st: State, depth: int) -> None:
        array = st.names[self.r.choice(self.arrays(st))]
        st.names["s"] = self.emit(
            "sin", self.emit("sum", self.emit("mul", array, st.names["b"]), attrs=(None, False, None))
        )

    def store(self, st: State, depth: int) -> None:
        name = self.r.choice(self.arrays(st))
        where = self.position(st)
        st.names[name] = self.emit("index_update", st.names[name], self.value(st), where, attrs=(("i",),))

    def slices(self, st: State, depth: int) -> None:
        name = self.r.choice(self.arrays(st))
        array = st.names[name]
        one, minus = Const(1), Const(-1)
        match self.r.randrange(3):
            case 0:
                low = self.emit("index", array, NONE, minus, NONE, attrs=(("s",),))
                high = self.emit("index", st.names["b"], one, NONE, NONE, attrs=(("s",),))
                value: Atom = self.emit("mul", low, high)
                st.names[name] = self.emit("index_update", array, value, one, NONE, NONE, attrs=(("s",),))
            case 1:
                where = Const(np.array([0, 2, 2]))
                st.names[name] = self.emit("index_update", array, self.value(st), where, attrs=(("a",),))
            case _:
                value = self.value(st)
                atoms = (one, NONE, NONE, Const(self.r.randrange(3)))
                st.names[name] = self.emit("index_update", array, value, *atoms, attrs=(("s", "i"),))

    def rebind(self, st: State, depth: int) -> None:
        name = self.r.choice("abw")
        other = st.names[self.r.choice(self.arrays(st))]
        match self.r.randrange(4):
            case 0:
                st.names[name] = self.emit("copy", other)
            case 1:
                st.names["a"], st.names["b"] = st.names["b"], st.names["a"]
                return
            case 2:
                st.names[name] = self.emit("sin", other)
            case _:
                st.names[name] = self.emit("mul", other, self.number(st))
        st.maybe.discard(name)

    def view(self, st: State, depth: int) -> None:
        name = self.r.choice(self.arrays(st))
        piece = self.emit("index", st.names[name], Const(1), Const(4), NONE, attrs=(("s",),))
        first = self.emit("index", piece, Const(0), attrs=(("i",),))
        if self.chance(0.5):
            atoms = (Const(1), Const(4), NONE, Const(1))
            st.names[name] = self.emit("index_update", st.names[name], self.value(st), *atoms, attrs=(("s", "i"),))
        st.names["s"] = self.emit("sin", self.emit("mul", first, self.emit("sum", piece, attrs=(None, False, None))))

    def guarded(self, st: State, depth: int) -> None:
        """Define a value in one branch, and use it later in a branch with the same condition."""
        cond = self.condition(st)
        array = self.chance(0.5)

        def define(inner: State) -> None:
            kept = inner.names[self.r.choice(self.arrays(inner))]
            if not array:
                inner.names["g"] = self.value(inner)
            else:
                atoms = (Const(1), NONE, NONE)
                inner.names["g"] = kept if self.chance(0.3) else self.emit("index", kept, *atoms, attrs=(("s",),))

        def use(inner: State) -> None:
            g = inner.names["g"]
            total = self.emit("sum", g, attrs=(None, False, None)) if array else g
            inner.names["s"] = self.emit("sin", self.emit("mul", total, total))

        if isinstance(cond, Var):
            self.branch(st, cond, define, lambda inner: None)
            if self.chance(0.5):
                self.store(st, depth)
            self.branch(st, cond, use, lambda inner: None)
            del st.names["g"]

    def branch(self, st: State, cond: Atom, then: object, orelse: object) -> None:
        ends, bodies = [], []
        for build in (then, orelse):
            inner = st.copy()
            saved, self.out = self.out, []
            build(inner)  # type: ignore[operator]
            bodies.append(tuple(self.out))
            self.out = saved
            ends.append(inner)
        outs, yields = [], ([], [])
        names = dict.fromkeys((*ends[0].names, *ends[1].names))
        for name in names:
            a, b = (e.names.get(name, UNDEFINED) for e in ends)
            if a is b:
                st.names[name] = a
                continue
            out = Var(name, merge(a, b))
            outs.append(out)
            for column, atom in zip(yields, (a, b), strict=True):
                column.append(atom)
            st.names[name] = out
            if any(name in e.maybe or name not in e.names for e in ends) and name != "g":
                st.maybe.add(name)
            else:
                st.maybe.discard(name)
        blocks = [Block((), body, tuple(column)) for body, column in zip(bodies, yields, strict=True)]
        self.out.append(If(cond, blocks[0], blocks[1], tuple(outs), self.key()))

    def if_(self, st: State, depth: int) -> None:
        sizes = self.r.randint(1, 3), self.r.randint(0, 2)
        cond = self.condition(st)
        self.branch(
            st, cond, lambda s: self.block(s, depth + 1, sizes[0]), lambda s: self.block(s, depth + 1, sizes[1])
        )

    def slots(self, st: State) -> tuple[list[str], tuple[Atom, ...], State]:
        """Open a loop body: every name is carried; one that is not defined yet may be undefined in it."""
        names = ["s", "t", "u", "a", "b", "w"]
        inits = tuple(st.names.get(k, UNDEFINED) for k in names)
        inner = st.copy()
        for name in names:
            inner.names[name] = Var(name, self.x.type if name in "abw" else NUMBER)
            if name not in st.names:
                inner.maybe.add(name)
        return names, inits, inner

    def loop_body(self, st: State, depth: int, until: bool) -> tuple[list[str], tuple[Atom, ...], Block, int | None]:
        """Build a body; a loop that may break has a flag and a counter of its trips as its last slots."""
        names, inits, inner = self.slots(st)
        params = [inner.names[k] for k in names]
        self.block(inner, depth + 1, self.r.randint(1, 4))
        yields = [inner.names[k] for k in names]
        for name in names:
            if name in inner.maybe or (name not in st.names):
                st.maybe.add(name)
        if until:
            flag = Var("stop", PY_BOOL)
            yields.append(self.condition(inner) if self.chance(0.7) else self.emit("lt", Const(2.0), Const(1.0)))
            if not str(yields[-1].type.dtype).endswith("bool'>"):
                yields[-1] = self.emit("truth", yields[-1])
            params.append(flag)
            names, inits = [*names, "stop"], (*inits, FALSE)
        return (
            names,
            inits,
            Block(tuple(p for p in params if isinstance(p, Var)), tuple(self.out), tuple(yields)),
            (len(names) - 1 if until else None),
        )

    def counted(self, block: Block, inits: tuple[Atom, ...]) -> tuple[Block, tuple[Atom, ...]]:
        before, after = Var("trips", PY_INT), Var("trips", PY_INT)
        add = Eqn((after,), "add", (before, Const(1)))
        return Block((*block.params, before), (*block.stmts, add), (*block.yields, after)), (*inits, Const(0))

    def close(self, st: State, names: Sequence[str], block: Block) -> tuple[Var, ...]:
        outs = tuple(Var(p.name, p.type) for p in block.params)
        for name, out in zip(names, outs, strict=False):
            if name in "stuabw":
                st.names[name] = out
        return outs

    def for_(self, st: State, depth: int) -> None:
        bounds = self.r.choice(((0, self.n, 1), (0, 4, 1), (1, 5, 1), (4, 0, -1), (0, 5, 2), (2, 2, 1)))
        start, stop, step = (b if isinstance(b, Var) else Const(b) for b in bounds)
        until = self.chance(0.25)
        index = Var("i", PY_INT)
        saved, self.out = self.out, []
        inner = st.copy()
        inner.names[f"i{depth}"] = index
        if self.chance(0.2):
            self.emit("mul", index, Const(2))
        names, inits, block, flag = self.loop_body(inner, depth, until)
        st.maybe = inner.maybe
        self.out = saved
        if until:
            block, inits = self.counted(block, inits)
        outs = self.close(st, names, block)
        self.out.append(For(index, start, stop, step, inits, block, outs, self.key(), until=flag))

    def while_(self, st: State, depth: int) -> None:
        until = self.chance(0.25)
        count, bound = Var("i", PY_INT), self.r.choice((self.n, Const(2), Const(4)))
        saved, self.out = self.out, []
        inner = st.copy()
        inner.names[f"i{depth}"] = count
        names, inits, block, flag = self.loop_body(inner, depth, until)
        st.maybe = inner.maybe
        following = self.emit("add", count, Const(1))
        block = Block((*block.params, count), tuple(self.out), (*block.yields, following))
        block, inits = self.counted(block, (*inits, Const(0)))
        params = tuple(Var(p.name, p.type) for p in block.params)
        self.out = []
        test = self.emit("lt", params[-2], bound)
        cond = Block(params, tuple(self.out), (test,))
        self.out = saved
        outs = self.close(st, names, block)
        self.out.append(While(inits, cond, block, outs, self.key(), until=flag))

    # -- the mirror

    def mirror(self, block: Sequence[Stmt], bound: Sequence[Var], outer: list[Var], z: Atom) -> Atom:
        """Emit the mirror of a block; return the number that it has computed."""
        known = [*bound, *(v for s in block for v in s.outs if self.is_sure(s, v))]
        visible = [*outer, *known]
        if self.chance(0.3):
            z = self.mix(z, known, visible)
        for stmt in reversed(block):
            if isinstance(stmt, Eqn):
                if stmt.prim == "index_update":
                    self.out.append(Eqn((), "undo", (stmt.out,)))
                if self.chance(0.3):
                    near = [a for a in (*stmt.args, stmt.out) if isinstance(a, Var)]
                    z = self.mix(z, [v for v in near if v in known], visible)
            elif not self.chance(0.05):
                z = self.mirror_region(stmt, visible, z)
        return z

    def is_sure(self, stmt: Stmt, v: Var) -> bool:
        """Tell whether a result is defined whenever its statement has run."""
        if isinstance(stmt, Eqn):
            return True
        columns = [b.yields for b in blocks_of(stmt)] if isinstance(stmt, If) else [stmt.inits, stmt.body.yields]
        return all(self.sure(c[stmt.outs.index(v)]) for c in columns)

    def sure(self, a: Atom) -> bool:
        return a is not UNDEFINED and a not in self.unsure

    def mix(self, z: Atom, near: Sequence[Var], visible: Sequence[Var]) -> Atom:
        """Read a value, mostly a near one, into the number that the mirror carries."""
        v = self.r.choice(near if near and self.chance(0.7) else visible or [self.s])
        if v.type.is_array:
            if self.chance(0.3):
                zeros = self.emit("zeros_like", v)
                return self.emit("add", z, self.emit("sum", zeros, attrs=(None, False, None)))
            if self.chance(0.6):
                return z
            v = self.emit("sum", self.emit("mul", v, v), attrs=(None, False, None))
        elif self.chance(0.3) and not v.type.dtype == bool:
            v = self.emit("cos", v)
        return self.emit("sin", self.emit("add", self.emit("mul", z, Const(1.3)), v))

    def mirror_region(self, stmt: If | Loop, visible: list[Var], z: Atom) -> Var:
        saved = self.out
        out = Var("z", NUMBER)
        if isinstance(stmt, If):
            blocks = []
            for block in blocks_of(stmt):
                self.out = []
                end = self.mirror(block.stmts, (), visible, z)
                blocks.append(Block((), tuple(self.out), (end,)))
            self.out = [*saved, If(stmt.cond, blocks[0], blocks[1], (out,), self.key(), mirrors=stmt.key)]
            return out
        index, inner = Var("k", PY_INT), Var("z", NUMBER)
        self.out = []
        params = [p for p, init in zip(stmt.body.params, stmt.inits, strict=True) if self.sure(init) and self.sure(p)]
        end = self.mirror(stmt.body.stmts, [*params, index], visible, inner)
        body = Block((inner,), tuple(self.out), (end,))
        counts = not isinstance(stmt, For) or stmt.until is not None
        if isinstance(stmt, For) and not counts:
            bounds: tuple[Atom, ...] = (stmt.start, stmt.stop, stmt.step)
        else:
            bounds = (Const(0), stmt.outs[-1], Const(1))
        loop = For(index, *bounds, (z,), body, (out,), self.key(), None, True, counts, stmt.key)
        self.out = [*saved, loop]
        return out

    def function(self) -> Function:
        st = State({"s": self.s, "t": Const(0.4)})
        st.names["a"] = self.emit("copy", self.x)
        st.names["b"] = self.emit("sin", self.x)
        self.block(st, 0, self.r.randint(3, 8))
        total = self.emit("add", st.names["s"], self.emit("sum", st.names["a"], attrs=(None, False, None)))
        primal = tuple(self.out)
        self.unsure = unsure(primal)
        self.out = []
        z = self.mirror(primal, [], [self.x, self.s], Const(0.5))
        params = (self.x, self.n, self.s)
        return Function("f", params, primal, (total, z), tuple(self.out), self.facts, {})


def merge(a: Atom, b: Atom) -> Type:
    types = [v.type for v in (a, b) if v is not UNDEFINED]
    return types[0] if types[0].is_array or types[0] == types[-1] else NUMBER


def unsure(stmts: Iterable[Stmt]) -> set[Var]:
    """Return the results and slots that may be undefined."""
    from adcompile.ir.core import walk

    regions = [s for s in walk(stmts) if not isinstance(s, Eqn)]
    found: set[object] = {UNDEFINED}
    size = 0
    while size != len(found):
        size = len(found)
        for s in regions:
            columns = [b.yields for b in blocks_of(s)] if isinstance(s, If) else [s.inits, s.body.yields]
            params = [] if isinstance(s, If) else [b.params for b in blocks_of(s)]
            for k, out in enumerate(s.outs):
                if any(c[k] in found for c in columns):
                    found.update((out, *(p[k] for p in params)))
    return {v for v in found if isinstance(v, Var)}


def make(seed: int) -> Function:
    """Make a random function of (x, n, s) with two results: a number of the primal, and one of the mirror."""
    return Maker(seed).function()
