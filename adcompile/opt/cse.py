"""Common subexpressions: equal equations are computed once."""

from __future__ import annotations

from adcompile.ir.core import (
    Atom,
    Attrs,
    Eqn,
    For,
    Function,
    If,
    Loop,
    Stmt,
    Var,
    While,
    atom_key,
    blocks_of,
    is_const,
    same_atom,
)
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import all_same, map_operands, replace_block, replace_blocks
from adcompile.records import dataclass, field, replace

Table = dict[object, tuple[Var, ...]]  # from an equation's key to its results
Scopes = tuple[Table, ...]
Counted = tuple[Var, For] | None  # a reverse loop that counts trips: its index, and the primal loop


def run(fn: Function) -> Function:
    """Replace an equation by an equal one that dominates it.

        v1 = sin(x); v2 = sin(x); v3 = mul(v1, v2)   ->   v1 = sin(x); v3 = mul(v1, v1)

    An adjoint region also shares with the primal region that it mirrors: otherwise the cosine that the one tapes
    is computed again by the other. New buffers, stores and effects are never shared.
    """
    sharing = _Sharing(dict(fn.names))
    top: Table = {}
    primal = sharing.stmts(fn.primal, (top,))
    adjoint = sharing.stmts(fn.adjoint, ({}, top))
    if not sharing.env:
        return fn
    outs = tuple(map(sharing.resolve, fn.outs))
    return replace(fn, primal=primal, adjoint=adjoint, outs=outs, names=sharing.names)


def shareable(eqn: Eqn) -> bool:
    """Tell whether two equations like this one give the same value, so that one of them is enough."""
    prim = PRIMITIVES[eqn.prim]
    return not (prim.effect or prim.allocates or prim.updates or eqn.prim.startswith("call"))


@dataclass(slots=True)
class _Sharing:
    """The state of the pass.

    env      what a dropped variable is replaced by
    alias    variables that equal another one where they are in scope, but do not replace it: the index of a reverse
             loop and the primal index
    tables   the equations of each primal block, for its mirror
    loops    the primal loops by key
    """

    names: dict[Var, str]
    env: dict[Var, Atom] = field(default_factory=dict)
    alias: dict[Var, Var] = field(default_factory=dict)
    tables: dict[tuple[int, int], Table] = field(default_factory=dict)
    loops: dict[int, Loop] = field(default_factory=dict)

    def resolve(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def key(self, eqn: Eqn) -> object:
        args = (self.alias.get(a, a) if isinstance(a, Var) else a for a in eqn.args)
        return (eqn.prim, tuple(map(atom_key, args)), attrs_key(eqn.attrs))

    def stmts(self, stmts: tuple[Stmt, ...], scopes: Scopes, counted: Counted = None) -> tuple[Stmt, ...]:
        """Share within a block, whose own table is the first of the scopes."""
        out: list[Stmt] = []
        for stmt in stmts:
            new = map_operands(stmt, self.resolve)
            if not isinstance(new, Eqn):
                out.append(self.region(new, scopes))
                continue
            key = self.key(new) if shareable(new) else None
            found = None if key is None else next((table[key] for table in scopes if key in table), None)
            if found is not None:
                self.drop(new, found)
                continue
            out.append(new)
            if counted is not None and self.computes_index(new, scopes[0], *counted):
                self.alias[new.out] = counted[1].index
            elif key is not None:
                scopes[0][key] = new.outs
        return stmts if all_same(out, stmts) else tuple(out)

    def drop(self, eqn: Eqn, found: tuple[Var, ...]) -> None:
        for old, new in zip(eqn.outs, found, strict=True):
            self.env[old] = new
            if old in self.names:
                self.names.setdefault(new, self.names[old])

    def computes_index(self, eqn: Eqn, table: Table, trip: Var, twin: For) -> bool:
        """Recognise the equation ``start + trip * step`` with which a reverse loop computes the primal index."""
        match eqn.prim, eqn.args:
            case "mul", (a, b):
                return a is trip and same_atom(b, twin.step) and is_const(twin.start, 0)
            case "add", (a, b) if same_atom(a, twin.start):
                if is_const(twin.step, 1):
                    return b is trip
                scaled = Eqn((), "mul", (trip, twin.step), ())
                return table.get(self.key(scaled)) == (b,)
        return False

    # -- regions

    def region(self, stmt: If | Loop, scopes: Scopes) -> Stmt:
        if not isinstance(stmt, If):
            self.loops[stmt.key] = stmt
        counted = self.pair_index(stmt)
        blocks = []
        for number, block in enumerate(blocks_of(stmt)):
            place = number - isinstance(stmt, While)  # a for loop mirrors the body of a while loop
            own = self.tables[stmt.key, place] = {}
            seen = () if stmt.mirrors is None else (self.tables.get((stmt.mirrors, place), {}),)
            stmts = self.stmts(block.stmts, (own, *seen, *scopes), counted)
            blocks.append(replace_block(block, stmts, tuple(map(self.resolve, block.yields))))
        return replace_blocks(stmt, blocks)

    def pair_index(self, stmt: If | Loop) -> Counted:
        """Relate the index of a reverse loop to that of the primal loop."""
        twin = self.loops.get(stmt.mirrors) if stmt.mirrors is not None else None
        if not isinstance(stmt, For) or not isinstance(twin, For):
            return None
        if not stmt.counts or (is_const(twin.start, 0) and is_const(twin.step, 1)):
            self.alias[stmt.index] = twin.index
            return None
        return stmt.index, twin


def attrs_key(attrs: Attrs) -> object:
    """Return a hashable key of attributes; 1, 1.0 and True differ."""
    try:
        hash(attrs)
    except TypeError:
        return tuple((type(a), id(a)) for a in attrs)
    return tuple((type(a), a) for a in attrs)
