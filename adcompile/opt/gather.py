"""Outer products that a loop of the reverse sweep adds up become one product of matrices after it.

    for ...: w_bar = acc(w_bar, outer(g, x))    ->    gs = []; xs = []
                                                      for ...: gs.append(g); xs.append(x)
                                                      if len(gs) > 0: w_bar = acc(w_bar, np.array(gs).T @ np.array(xs))

A sum of outer products of n trips takes n passes over a matrix, and one product takes about one. It is added if there
are any rows: arrays of empty lists have no columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from adcompile.ir.core import (
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
    blocks_of,
    operands,
    variables,
    walk,
)
from adcompile.ir.inlining import keys_after
from adcompile.ir.lists import list_type
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import all_same, keep_slots, map_operands, replace_block, replace_blocks
from adcompile.ir.types import Type
from adcompile.records import dataclass, replace


@dataclass(frozen=True)
class Product:
    """An outer product that is added to a slot: of `left` and `right`, transposed if they are `swapped`."""

    slot: int
    added: Eqn
    outer: Eqn
    negative: bool
    swapped: bool

    @property
    def factors(self) -> list[Var]:
        """Return the vector of the rows and that of the columns of what is added."""
        return list(variables(self.outer.args[:: -1 if self.swapped else 1]))


def run(fn: Function) -> Function:
    """Gather the outer products of the loops of the reverse sweep, when storage is decided."""
    adjoint = _Gatherer(fn).block(fn.adjoint)
    return fn if adjoint is fn.adjoint else replace(fn, adjoint=adjoint)


class _Gatherer:
    def __init__(self, fn: Function) -> None:
        self.fn = fn
        self.keys = keys_after(fn.stmts)

    def block(self, stmts: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        new = [made for stmt in stmts for made in self.statement(stmt)]
        return stmts if all_same(new, stmts) else tuple(new)

    def statement(self, stmt: Stmt) -> Sequence[Stmt]:
        if isinstance(stmt, Eqn):
            return (stmt,)
        made: Sequence[Stmt] = (stmt,)
        if isinstance(stmt, For):
            chains = _Chains(self.fn, stmt)
            found = [p for k in range(len(stmt.outs)) for p in chains.products(k) or ()]
            made = self.gathered(stmt, found) if found else made
        return [s if isinstance(s, Eqn) else self.inside(s) for s in made]

    def inside(self, stmt: If | Loop) -> Stmt:
        """Gather in the blocks of a statement."""
        return replace_blocks(stmt, [replace_block(b, self.block(b.stmts), b.yields) for b in blocks_of(stmt)])

    def gathered(self, loop: For, found: list[Product]) -> list[Stmt]:
        """Return a loop that keeps the factors of products, and what adds them up before and after it."""
        rows = {v: self.rows(v) for p in found for v in p.factors}
        appended: dict[Var, Var] = {}
        skipped = {p.added.out: p.added.args[0] for p in found}
        outer = {p.outer for p in found}
        stmts: list[Stmt] = []
        for stmt in self.without(loop.body.stmts, skipped):
            if not (isinstance(stmt, Eqn) and stmt in outer):
                stmts.append(stmt)
                continue
            for v in variables(stmt.args):
                if v not in appended:
                    eqn = self.eqn("list_append", rows[v], v)
                    appended[v] = eqn.out
                    stmts.append(eqn)
        yields = [_origin(y, skipped) for y in loop.body.yields]
        lists = [self.eqn("list_new", attrs=(p.type,)) for p in rows.values()]
        kept = [Var(p.name, p.type) for p in rows.values()]
        sums = {p.slot for p in found}
        outs = [Var(o.name, o.type) if k in sums else o for k, o in enumerate(loop.outs)]
        body = Block((*loop.body.params, *rows.values()), tuple(stmts), (*yields, *(appended[v] for v in rows)))
        inits = (*loop.inits, *(eqn.out for eqn in lists))
        new = replace(loop, inits=inits, body=body, outs=(*outs, *kept))
        idle = {k for k in sums if body.yields[k] is body.params[k]}
        slim = keep_slots(new, [k for k in range(len(new.outs)) if k not in idle])
        ends: dict[int, Atom] = {k: loop.inits[k] if k in idle else outs[k] for k in sorted(sums)}
        return [*lists, slim, *self.summed(found, dict(zip(rows, kept, strict=True)), ends, loop)]

    def summed(self, found: list[Product], kept: dict[Var, Var], before: dict[int, Atom], loop: For) -> list[Stmt]:
        """Add the products of the rows that were kept, if there are any, to what the slots hold without them."""
        stmts: list[Eqn] = []
        arrays: dict[Var, Var] = {}
        for v, held in kept.items():
            stmts.append(self.eqn("list_array", held))
            arrays[v] = stmts[-1].out
        after = dict(before)
        for p in found:
            left, right = (arrays[v] for v in p.factors)
            stmts.append(self.eqn("transpose", left, attrs=(None,)))
            stmts.append(self.eqn("matmul", stmts[-1].out, right))
            if p.negative:
                stmts.append(self.eqn("neg", stmts[-1].out))
            target = Var(loop.outs[p.slot].name, loop.outs[p.slot].type)
            stmts.append(Eqn((target,), "acc", (after[p.slot], stmts[-1].out), (), p.added.span))
            after[p.slot] = target
        number = self.eqn("list_length", next(iter(kept.values())))
        some = self.eqn("gt", number.out, Const(0))
        then, orelse = Block((), tuple(stmts), tuple(after.values())), Block((), (), tuple(before.values()))
        outs = tuple(loop.outs[k] for k in before)
        return [number, some, If(some.out, then, orelse, outs, next(self.keys), span=found[0].added.span)]

    def without(self, stmts: Iterable[Stmt], skipped: dict[Var, Atom]) -> Iterable[Stmt]:
        """Leave out additions, and what is only made for them."""
        unread = set(skipped)
        kept: list[Stmt] = []
        for stmt in reversed(tuple(stmts)):
            if isinstance(stmt, Eqn) and stmt.outs and stmt.out in unread:
                term = stmt.args[-1]
                if isinstance(term, Var) and stmt.prim in ("acc", "neg", "transpose"):
                    unread.add(term)
                if stmt.prim != "outer":
                    continue
            kept.append(_rebased(stmt, skipped))
        return reversed(kept)

    def rows(self, v: Var) -> Var:
        """Make the parameter for a list of values of a variable."""
        name = self.fn.name_of(v)
        return Var(f"{name}_rows" if name else "rows", list_type(v.type))

    def eqn(self, prim: str, *args: Atom, attrs: tuple[object, ...] = ()) -> Eqn:
        inferred = PRIMITIVES[prim].infer(self.fn.facts, args, attrs)
        assert isinstance(inferred, Type)
        name = args[0].name if prim == "list_append" and isinstance(args[0], Var) else ""
        return Eqn((Var(name, inferred),), prim, args, attrs)


class _Chains:
    """The sums of a loop: what is added, trip by trip, to slots whose values nobody reads meanwhile."""

    def __init__(self, fn: Function, loop: For) -> None:
        self.fn, self.loop = fn, loop
        self.users: dict[Var, Stmt] = {}
        self.defs: dict[Var, Eqn] = {}
        self.reads = Counter(variables(loop.body.yields))
        for stmt in walk(loop.body.stmts):
            self.reads.update(variables(operands(stmt)))
            for b in blocks_of(stmt):
                self.reads.update(variables(b.yields))
        for stmt in loop.body.stmts:
            self.users.update(dict.fromkeys(variables(operands(stmt)), stmt))
            if isinstance(stmt, Eqn):
                self.defs.update(dict.fromkeys(stmt.outs, stmt))

    def products(self, slot: int) -> list[Product] | None:
        """Return the outer products that are added to a slot; None if it is not only added to."""
        body = self.loop.body
        current: Atom = body.params[slot]
        t, same = current.type, self.fn.facts.same_dims
        fits = t.is_array and all(same(a.type.dims, t.dims) for a in (self.loop.inits[slot], body.yields[slot]))
        found: list[Product] = []
        while fits and isinstance(current, Var) and self.reads[current] == 1:
            if body.yields[slot] is current:
                return found
            user = self.users.get(current)
            if isinstance(user, Eqn) and user.prim in ("acc", "index_add") and user.args[0] is current:
                product = self.product(slot, user) if same(user.args[1].type.dims, t.dims) else None
                found += [] if product is None else [product]
                current = user.out
            elif isinstance(user, For) and current in user.inits:
                k = user.inits.index(current)
                if _Chains(self.fn, user).products(k) is None:
                    return None
                current = user.outs[k]
            else:
                return None
        return None

    def product(self, slot: int, added: Eqn) -> Product | None:
        """Return what is added, if it is an outer product that nobody else reads."""
        term, negative, swapped = added.args[1], False, False
        while added.prim == "acc" and isinstance(term, Var) and self.reads[term] == 1 and term in self.defs:
            eqn = self.defs[term]
            match eqn.prim:
                case "neg":
                    negative = not negative
                case "transpose" if eqn.attrs[0] in (None, (1, 0)):
                    swapped = not swapped
                case "outer" if all(isinstance(a, Var) and a.type.is_array and a.type.rank == 1 for a in eqn.args):
                    return Product(slot, added, eqn, negative, swapped)
                case _:
                    return None
            term = eqn.args[0]
        return None


def _origin(a: Atom, skipped: dict[Var, Atom]) -> Atom:
    """Return what a sum is when additions are left out."""
    while isinstance(a, Var) and a in skipped:
        a = skipped[a]
    return a


def _rebased(stmt: Stmt, skipped: dict[Var, Atom]) -> Stmt:
    return map_operands(stmt, lambda a: _origin(a, skipped))
