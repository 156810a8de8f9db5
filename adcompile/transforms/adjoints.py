"""The adjoints of variables so far, while a reverse sweep is being built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.ir.builder import Builder, table_of
from adcompile.ir.core import NONE, UNDEFINED, Atom, Const, Eqn, Function, Stmt, Var, free, walk
from adcompile.ir.inlining import keys_after
from adcompile.ir.types import PY_FLOAT, Type, numpy_dtype
from adcompile.transforms import conform, watch

Bars = dict[Var, Atom]
NOTHING: Final[Mapping[int, Const]] = {}


def adjoint_type(v: Var) -> Type:
    """Return the type of an adjoint that a block carries: that of an array without axes is a number."""
    return Type("scalar", numpy_dtype(v.type)) if v.type.dims == () and not v.type.is_list else conform.carried_type(v)


def seed_type(v: Var) -> Type:
    if v.type.is_array and v.type.dims is None:  # a number, as a test in the program makes sure
        return PY_FLOAT
    plain = v.type.dims != () or v.type.kind in ("py", "list")
    if v.type.kind == "scalar" and numpy_dtype(v.type) == np.float64:  # Python's float serves for either
        return PY_FLOAT
    return v.type if plain else Type("np", numpy_dtype(v.type))


class Adjoints:
    """The adjoint of each active variable so far, `bars`, and the builder that extends them.

    names   of the variables that are made
    origin  the equation whose operands get contributions now, with the cotangents of its results, where the program
            is to raise if an adjoint is not finite (`watched`)
    """

    def __init__(self, fn: Function, active: frozenset[Var], watched: bool) -> None:
        self.fn, self.active, self.watched = fn, active, watched
        self.bars: Bars = {}
        self.names: dict[Var, str] = {}
        self.origin: tuple[Eqn, Sequence[Atom | None]] | None = None
        self.b = Builder(fn.facts, {v.name: v for v in fn.params})
        self.b.phase = "adjoint"
        self.b.keys = keys_after(fn.stmts)
        for v in fn.params:
            self.b.anchor(v)
        for stmt in walk(fn.primal):
            if isinstance(stmt, Eqn):
                self.b.defs.update(dict.fromkeys(stmt.outs, stmt))
        self.b.scopes.append(table_of(fn.primal))
        self.b.scopes.append({})
        self.anchor(fn.primal)

    def anchor(self, stmts: Iterable[Stmt]) -> None:
        for stmt in stmts:
            for out in stmt.outs:
                self.b.anchor(out)

    def hint(self, v: Var) -> str:
        name = self.fn.name_of(v)
        return f"{name}_bar" if name else ""

    # -- ends

    def seed(self, outs: Sequence[int], known: Mapping[int, Const] = NOTHING) -> list[Var]:
        """Make the cotangents of the results."""
        seeds = []
        for position in outs:
            out = self.fn.outs[position]
            if position in known:
                self.accumulate(out, known[position])
                continue
            name = (
                "y" if len(outs) == 1 else (self.fn.name_of(out) if isinstance(out, Var) else "") or f"y{position + 1}"
            )
            t = seed_type(out) if isinstance(out, Var) else Type("py", float)
            seed = Var(f"{name}_bar", t)
            seeds.append(seed)
            self.accumulate(out, seed)
        return seeds

    def final(self, v: Var) -> Atom:
        """Return the adjoint of an input: an array of its own, in the input's shape and dtype."""
        bar = self.bars.get(v)
        if bar is None:
            return self.zeros(v)
        spread = self.b.definition(bar, "broadcast_to")
        if spread is None:
            return bar
        g, *shape = spread.args
        if g.type.dims == ():
            return self.b.emit("full", g, *shape, attrs=(numpy_dtype(v.type),), name=self.hint(v))
        return self.b.emit("copy", bar, name=self.hint(v))

    # -- accumulation

    def accumulate(self, v: Atom, g: Atom) -> None:
        """Add a contribution to the adjoint of a variable."""
        if not isinstance(v, Var) or v not in self.active or (isinstance(g, Const) and g is UNDEFINED):
            return
        g = conform.cotangent(self.b, g, v)
        if self.origin is not None:
            watch.watch(self.b, self.fn, v, g, *self.origin)
        have = self.bars.get(v)
        if have is None:
            self.bars[v] = g
            self.entitle(g, v)
            return
        if v.type.is_list:
            self.bars[v] = self.b.emit("list_sum", have, g)
            return
        if v.type.is_tree:
            self.bars[v] = self.b.emit("tree_sum", have, g)
            return
        if have is g:
            self.bars[v] = self.b.emit("mul", Const(2.0), g)
            self.entitle(self.bars[v], v)
            return
        pieces = self.pieces(have) if g.type.is_array and self.b.definition(g, "broadcast_to") is None else None
        if pieces is not None:
            for eqn in pieces:
                g = self.b.emit("index_add", g, *eqn.args[1:], attrs=eqn.attrs, name=self.hint(v))
            self.bars[v] = g
            self.entitle(g, v)
            return
        if self.b.definition(have, "broadcast_to") is not None and self.b.definition(g, "broadcast_to") is None:
            have, g = g, have
        if self.b.definition(have, "broadcast_to") is not None:
            self.bars[v] = self.b.emit("add", have, g, name=self.hint(v))
        else:
            self.bars[v] = self.b.emit("acc", have, g, name=self.hint(v))
        self.entitle(self.bars[v], v)

    def pieces(self, bar: Atom) -> list[Eqn] | None:
        """Return the contributions to parts of an adjoint, if it has no others: they are better added to a whole one.

        x_bar = zeros; x_bar[0] += s; x_bar += g     ->     x_bar = g; x_bar[0] += s
        """
        found: list[Eqn] = []
        while (eqn := self.b.definition(bar, "index_add")) is not None:
            found.append(eqn)
            bar = eqn.args[0]
        empty = self.b.definition(bar, "zeros_like")
        if not found or empty is None or self.is_read([empty, *found]):
            return None
        return found[::-1]

    def is_read(self, chain: Sequence[Eqn]) -> bool:
        """Tell whether the results of equations may be read by others than these."""
        made = {eqn.out for eqn in chain}
        for stmt in reversed(self.b.stmts):
            if stmt is chain[0]:
                return False
            if stmt not in chain and not made.isdisjoint(free(stmt)):
                return True
        return True

    def entitle(self, g: Atom, v: Var) -> None:
        """Name an adjoint equation after the variable, if it has no name yet."""
        if isinstance(g, Var) and not g.name and g in self.b.defs and self.hint(v):
            self.names.setdefault(g, self.hint(v))

    def zeros(self, v: Var) -> Atom:
        if v.type.is_tree:
            return NONE
        return Const(0.0) if v.type.dims == () and not v.type.is_list else conform.zeros(self.b, v)

    def full(self, v: Var) -> Atom:
        """Return the adjoint of a variable so far, zero if there is none."""
        found = self.bars.get(v)
        return self.zeros(v) if found is None else found

    def take(self, v: Var) -> Atom:
        g = self.bars.pop(v, None)
        return self.zeros(v) if g is None else g
