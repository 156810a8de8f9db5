"""Carry a block of directions: tangents or cotangents get a leading axis, one entry for each direction.

    x_dot : (n,)      v1_dot = mul(x_dot, v2)       ->   x_dot : (k, n)     v1_dot = mul(x_dot, v2)
                      y_dot = sum(v1_dot)                                   y_dot = sum(v1_dot; axis=1)

Whatever does not depend on the directions is computed once. The rules are in `batch_rules`; an equation that has none
becomes a loop over the directions. What decides the course of the program never depends on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adcompile.ir.builder import Builder, UnknownLength, table_of
from adcompile.ir.core import UNDEFINED, Atom, Block, Const, Eqn, For, Function, If, Loop, Stmt, Var, While, blocks_of
from adcompile.ir.inlining import Keys, keys_after
from adcompile.ir.lengths import Length
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import PY_INT, Type, numpy_dtype
from adcompile.records import replace
from adcompile.rules.lengths import product
from adcompile.transforms.batch_rules import Batch, Unbatchable, repeated, rule_of

__all__ = ["Unbatchable", "run", "widened"]


def widened(v: Var, length: Length) -> Var:
    """Return the variable that holds a block of values like `v`."""
    return Var(v.name, _type(v.type, length))


def _type(t: Type, length: Length) -> Type:
    if t.dims is None or not t.is_numeric:
        raise Unbatchable(f"a block of {t}")
    return Type("array", numpy_dtype(t), (length, *t.dims))


def run(fn: Function, v: Var, like: Var, blocks: Sequence[int]) -> Function:
    """Return the function for all unit directions in the place of the parameter `v`, a tangent or cotangent of `like`.

    The results `blocks` have one entry for each direction; the others must not depend on them.
    """
    params = tuple(p for p in fn.params if p is not v)
    batcher = _Batcher(fn, params, product(like.type.dims or ()), keys_after(fn.stmts))
    late = like not in fn.params  # a result: what it is long is known once it is computed
    primal = batcher.part(fn.primal, None if late else (v, like))
    adjoint = batcher.part(fn.adjoint, (v, like) if late else None)
    outs = tuple(map(batcher.get, fn.outs))
    ends = adjoint if fn.adjoint or late else primal
    outs = tuple(batcher.spread(ends, o, fn.outs[k].type) if k in blocks else o for k, o in enumerate(outs))
    return replace(
        fn,
        params=params,
        primal=tuple(primal),
        adjoint=tuple(adjoint),
        outs=outs,
        names={**fn.names, **batcher.names},
    )


class _Batcher:
    """Rebuilds statements; `new` says which variables are blocks now."""

    def __init__(self, fn: Function, params: Sequence[Var], length: Length, keys: Keys) -> None:
        self.fn, self.length, self.keys = fn, length, keys
        self.count: Atom = Const(0)
        self.b = Builder(fn.facts, {v.name: v for v in params})
        self.b.phase = "adjoint"
        for v in params:
            self.b.anchor(v)
        self.new: dict[Var, Atom] = {}
        self.names: dict[Var, str] = {}

    def part(self, stmts: Sequence[Stmt], unit: tuple[Var, Var] | None) -> list[Stmt]:
        """Rebuild a part of the function; first make the unit directions, if it is here that they are needed."""
        self.b.stmts = []
        if unit is not None:
            self.new[unit[0]] = self.identity(unit[1])
        self.statements(stmts)
        return self.b.stmts

    def identity(self, like: Var) -> Atom:
        """Return all unit directions of a vector or array."""
        dims, dtype = like.type.dims, numpy_dtype(like.type)
        if not dims or dtype is None:
            raise Unbatchable(f"directions of {like.type}")
        shape = [self.b.length(d) for d in dims]
        self.count = self.b.emit("size", like) if len(dims) > 1 else shape[0]
        unit = self.b.emit("eye", self.count, attrs=(0, dtype))
        return unit if len(dims) == 1 else self.b.emit("reshape", unit, self.count, *shape)

    def statements(self, stmts: Iterable[Stmt]) -> None:
        for stmt in stmts:
            self.b.span = stmt.span
            match stmt:
                case Eqn():
                    self.equation(stmt)
                case If():
                    self.branch(stmt)
                case For() | While():
                    self.loop(stmt)

    def moved(self, a: Atom) -> bool:
        return isinstance(a, Var) and a in self.new

    def get(self, a: Atom) -> Atom:
        return self.new.get(a, a) if isinstance(a, Var) else a

    # -- equations

    def equation(self, eqn: Eqn) -> None:
        for o in eqn.outs:
            self.new.pop(o, None)
        if not any(map(self.moved, eqn.args)):
            self.b.add(eqn)
            self.b.scopes[-1].update(table_of([eqn]))
            return
        if eqn.prim in ("dim", "size", "ndim"):
            self.shape(eqn)
            return
        if eqn.prim == "undo":
            self.b.emit_many("undo", (self.get(eqn.args[0]),), (), ())
            return
        if PRIMITIVES[eqn.prim].effect or eqn.prim.startswith("list_"):
            raise Unbatchable(eqn.prim)
        result = self.by_rule(eqn)
        if result is None:
            self.one_by_one(eqn)
            return
        self.new[eqn.out] = result
        name = self.fn.name_of(eqn.out)
        if isinstance(result, Var) and name and not result.name:
            self.names.setdefault(result, name)

    def shape(self, eqn: Eqn) -> None:
        """Ask for the shape of one direction."""
        (block,) = map(self.get, eqn.args)
        match eqn.prim, eqn.attrs:
            case "dim", (int(axis),):
                self.b.add(replace(eqn, args=(block,), attrs=(axis + 1,)))
            case "size", _:
                size = self.b.length(product(eqn.args[0].type.dims or ()))
                self.b.add(replace(eqn, prim="mul", args=(size, Const(1))))
            case _:
                raise Unbatchable(eqn.prim)

    def by_rule(self, eqn: Eqn) -> Atom | None:
        """Return the block of results by a rule; None if there is none for this equation."""
        rule = rule_of(eqn.prim)
        if rule is None or len(eqn.outs) != 1 or eqn.out.type.dims is None:
            return None
        mark = self.b.mark()
        batch = Batch(self.b, eqn, tuple(map(self.get, eqn.args)), self.length, self.count)
        result = rule(batch)
        if result is None or result.type.rank != len(eqn.out.type.dims) + 1:
            self.b.rewind(mark)
            return None
        return result

    def one_by_one(self, eqn: Eqn) -> None:
        """Apply an equation to one direction after the other."""
        b = self.b
        zeros = [self.zeros(o) for o in eqn.outs]
        index = Var("", PY_INT)
        params = [Var("", z.type) for z in zeros]
        with b.block() as stmts:
            args = [b.emit("index", self.get(a), index, attrs=(("i",),)) if self.moved(a) else a for a in eqn.args]
            outs = tuple(Var("", o.type) for o in eqn.outs)
            b.add(Eqn(outs, eqn.prim, tuple(args), eqn.attrs, eqn.span))
            yields = [
                b.emit("index_update", p, out, index, attrs=(("i",),)) for p, out in zip(params, outs, strict=True)
            ]
        results = [Var(self.fn.name_of(o), z.type) for o, z in zip(eqn.outs, zeros, strict=True)]
        body = Block(tuple(params), tuple(stmts), tuple(yields))
        key = next(self.keys)
        b.add(For(index, Const(0), self.count, Const(1), tuple(zeros), body, tuple(results), key, span=eqn.span))
        self.new.update(zip(eqn.outs, results, strict=True))

    def zeros(self, v: Var) -> Atom:
        """Return a block of zeros like `v`."""
        t = _type(v.type, self.length)
        try:
            shape = (self.count, *(self.b.length(d) for d in v.type.dims or ()))
        except UnknownLength as error:
            raise Unbatchable(str(error)) from None
        return self.b.emit("zeros", *shape, attrs=(t.dtype,))

    # -- regions

    def branch(self, stmt: If) -> None:
        sides: list[list[Stmt]] = []
        inner: list[list[Atom]] = []
        for block in blocks_of(stmt):
            with self.b.block() as stmts:
                self.statements(block.stmts)
            sides.append(stmts)
            inner.append([self.get(y) for y in block.yields])
        pairs = zip(stmt.then.yields, stmt.orelse.yields, strict=True)
        wide = [self.moved(a) or self.moved(c) for a, c in pairs]
        blocks = []
        for stmts, yields in zip(sides, inner, strict=True):
            given = zip(yields, stmt.outs, wide, strict=True)
            ends = [self.spread(stmts, y, o.type) if w else y for y, o, w in given]
            blocks.append(Block((), tuple(stmts), tuple(ends)))
        outs = tuple(self.fresh(o) if w else o for o, w in zip(stmt.outs, wide, strict=True))
        self.b.add(replace(stmt, then=blocks[0], orelse=blocks[1], outs=outs))

    def fresh(self, v: Var) -> Var:
        new = widened(v, self.length)
        if self.fn.name_of(v):
            self.names[new] = self.fn.name_of(v)
        self.new[v] = new
        return new

    def spread(self, stmts: list[Stmt], a: Atom, like: Type) -> Atom:
        """Return a block at the end of other statements: of one value the same for each direction."""
        if a is UNDEFINED or a.type.rank == len(like.dims or ()) + 1:
            return a
        with self.b.block() as more:
            made = repeated(self.b, a, like, self.count)
            if self.b.definition(made, "broadcast_to"):
                made = self.b.emit("copy", made)
        stmts += more
        return made

    def loop(self, stmt: Loop) -> None:
        """Widen the slots that hold blocks; found by trying until none is added."""
        wide = {k for k, i in enumerate(stmt.inits) if self.moved(i)}
        while True:
            params = [tuple(self.fresh(p) if k in wide else p for k, p in enumerate(b.params)) for b in blocks_of(stmt)]
            with self.b.block() as stmts:
                for p in params[-1]:
                    self.b.anchor(p)
                self.statements(stmt.body.stmts)
            more = {k for k, y in enumerate(stmt.body.yields) if self.moved(y)}
            if more <= wide:
                break
            wide |= more
        self.b.add(self.rebuilt(stmt, wide, params, stmts))

    def rebuilt(self, stmt: Loop, wide: set[int], params: list[tuple[Var, ...]], stmts: list[Stmt]) -> Loop:
        inits = tuple(
            self.spread(self.b.stmts, self.get(i), stmt.outs[k].type) if k in wide else i
            for k, i in enumerate(stmt.inits)
        )
        yields = tuple(
            self.spread(stmts, self.get(y), stmt.outs[k].type) if k in wide else y
            for k, y in enumerate(stmt.body.yields)
        )
        body = Block(params[-1], tuple(stmts), yields)
        outs = tuple(self.fresh(o) if k in wide else o for k, o in enumerate(stmt.outs))
        new = replace(stmt, inits=inits, body=body, outs=outs)
        if isinstance(new, While):
            with self.b.block() as tests:
                self.statements(new.cond.stmts)
            if any(map(self.moved, new.cond.yields)):
                raise Unbatchable("a test of a direction")
            new = replace(new, cond=Block(params[0], tuple(tests), new.cond.yields))
        return new
