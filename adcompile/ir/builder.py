"""The builder: makes equations one at a time, and infers, folds, simplifies and shares as each is made.

Equations are shared (common subexpressions) along the chain of open scopes. The scope of a block is a table from
(primitive, operands, attributes) to the results of the equation that computed them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from adcompile.errors import Span
from adcompile.ir.core import Atom, Attrs, Const, Eqn, Stmt, Var, atom_key
from adcompile.ir.lengths import Dim, Facts, Length, combine
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type

Phase = Literal["primal", "adjoint"]


class UnknownLength(AssertionError):
    """A length is needed that no variable has."""


class Builder:
    """Builds a function's statements.

    facts    what is assumed about lengths
    stmts    the statements of the innermost open block
    phase    in "adjoint" rewrites that change the rounding are allowed; the primal keeps the user's operations
    span     the place in the user's source that new equations come from
    defs     the equation of every variable made so far
    anchors  for a length of which nothing is known, a variable and axis that have it
    params   the parameters by name, from which known lengths are computed
    """

    def __init__(self, facts: Facts, params: Mapping[str, Var] | None = None) -> None:
        self.facts = facts
        self.params: dict[str, Var] = dict(params or {})
        self.stmts: list[Stmt] = []
        self.scopes: list[dict[object, tuple[Var, ...]]] = [{}]
        self.defs: dict[Var, Eqn] = {}
        self.anchors: dict[Dim, tuple[Var, int]] = {}
        self.phase: Phase = "primal"
        self.span: Span | None = None
        self.keys: Iterator[int] = itertools.count(1)  # of the regions to come

    # -- blocks

    @contextmanager
    def block(self, *seeds: Mapping[object, tuple[Var, ...]]) -> Iterator[list[Stmt]]:
        """Open a block; yield the list that receives its statements. `seeds` are tables it may share results from."""
        outer, inner = self.stmts, list[Stmt]()
        self.stmts = inner
        depth = len(self.scopes)
        known = len(self.anchors)
        self.scopes += [dict(seed) for seed in seeds] + [{}]
        try:
            yield inner
        finally:
            self.stmts = outer
            del self.scopes[depth:]
            for length in list(self.anchors)[known:]:  # their variables are out of scope now
                del self.anchors[length]

    def mark(self) -> tuple[int, int, int]:
        """Return a point of the innermost block to go back to."""
        return len(self.stmts), len(self.scopes[-1]), len(self.anchors)

    def rewind(self, mark: tuple[int, int, int]) -> None:
        """Forget everything that was made in the innermost block since a mark."""
        stmts, shared, anchors = mark
        del self.stmts[stmts:]
        for table, size in ((self.scopes[-1], shared), (self.anchors, anchors)):
            while len(table) > size:
                table.popitem()  # the latest first

    def add(self, stmt: Stmt) -> None:
        """Append a statement that is complete."""
        self.stmts.append(stmt)
        if isinstance(stmt, Eqn):
            for out in stmt.outs:
                self.defs[out] = stmt
        for out in stmt.outs:
            self.anchor(out)

    def anchor(self, var: Var) -> None:
        """Remember a variable as a place to read its lengths from; those of a list are the lengths of its elements."""
        if var.type.is_list:
            return
        for axis, length in enumerate(var.type.dims or ()):
            if isinstance(length, Dim):
                self.anchors.setdefault(length, (var, axis))

    # -- equations

    def emit(self, prim: str, *args: Atom, attrs: Attrs = (), name: str = "") -> Atom:
        """Apply a primitive with one result; return the result, which may be an existing or constant atom."""
        return self.emit_many(prim, args, attrs, (name,))[0]

    def emit_many(
        self, prim: str, args: tuple[Atom, ...], attrs: Attrs = (), names: tuple[str, ...] = ("",)
    ) -> tuple[Atom, ...]:
        """Apply a primitive with any number of results."""
        p = PRIMITIVES[prim]
        if p.fold is not None and all(isinstance(a, Const) for a in args):
            folded = self._fold(prim, args, attrs)
            if folded is not None:
                return (folded,)
        if p.simplify is not None:
            simpler = p.simplify(self, args, attrs)
            if simpler is not None:
                return (simpler,)
        key: object = (prim, tuple(map(atom_key, args)), _attrs_key(attrs))
        shared = None if p.effect or p.allocates or p.updates else self.lookup(key)
        if shared is not None:
            return shared
        types = p.infer(self.facts, args, attrs)
        if isinstance(types, Type):
            if types.kind == "py" and types.dtype is int and isinstance(types.value, int) and not p.effect:
                return (Const(types.value),)
            types = (types,)
        names = names + ("",) * (len(types) - len(names))
        outs = tuple(Var(n, t) for n, t in zip(names, types, strict=False))
        if prim in ("add", "sub"):
            self.note_sum(prim, args, outs[0])
        self.add(Eqn(outs, prim, args, attrs, self.span))
        self.scopes[-1][key] = outs
        return outs

    def note_sum(self, prim: str, args: tuple[Atom, ...], out: Var) -> None:
        """Remember an int that is the index of a loop plus or minus a length."""
        facts, (x, y) = self.facts, args
        if prim == "add" and x not in facts.trips and x not in facts.sums:
            x, y = y, x
        added = y.value if isinstance(y, Const) else y.type.value
        if not (x in facts.trips or x in facts.sums) or not isinstance(added, int | Dim):
            return
        index, before = facts.sums.get(x, (x, 0))
        facts.sums[out] = index, combine("+" if prim == "add" else "-", (before, added))

    def lookup(self, key: object) -> tuple[Var, ...] | None:
        """Find the results of an equal equation in the open scopes."""
        for scope in reversed(self.scopes):
            found = scope.get(key)
            if found is not None:
                return found
        return None

    def find(self, prim: str, args: tuple[Atom, ...], attrs: Attrs = ()) -> Atom | None:
        """Return the result of an equation that was made already, if there is such a one in the open scopes."""
        found = self.lookup((prim, tuple(map(atom_key, args)), _attrs_key(attrs)))
        return None if found is None else found[0]

    def _fold(self, prim: str, args: tuple[Atom, ...], attrs: Attrs) -> Const | None:
        fold = PRIMITIVES[prim].fold
        assert fold is not None
        try:
            return Const(fold(*[a.value for a in args if isinstance(a, Const)], *attrs))
        except (ArithmeticError, ValueError, TypeError):
            return None  # let the program raise it when it runs

    def definition(self, a: Atom, prim: str) -> Eqn | None:
        """Return the equation that made `a` if it applied `prim`."""
        eqn = self.defs.get(a) if isinstance(a, Var) else None
        return eqn if eqn is not None and eqn.prim == prim else None

    # -- lengths

    def length(self, length: Length) -> Atom:
        """Return an atom whose value is a length: a constant, an argument, or an equation that computes it."""
        length = self.facts.find(length)
        if isinstance(length, int):
            return Const(length)
        match length.op:
            case "axis" if str(length.args[0]) in self.params:
                name, axis = length.args
                return self.emit("dim", self.params[str(name)], attrs=(axis,))
            case "value" if str(length.args[0]) in self.params:
                return self.params[str(length.args[0])]
            case "+" | "-" | "*" | "//" | "%":
                a, b = (self.length(x) for x in length.args if isinstance(x, int | Dim))
                prim = {"+": "add", "-": "sub", "*": "mul", "//": "floordiv", "%": "mod"}[length.op]
                return self.emit(prim, a, b)
        for candidate, (var, axis) in self.anchors.items():
            if self.facts.find(candidate) == length:
                return self.emit("dim", var, attrs=(axis,))
        raise UnknownLength(f"no variable has the length {length}")


def _attrs_key(attrs: Attrs) -> object:
    return tuple((type(a), a) for a in attrs)


def table_of(stmts: tuple[Stmt, ...] | list[Stmt]) -> dict[object, tuple[Var, ...]]:
    """Return the table of the equations of a block that later equations may share."""
    table: dict[object, tuple[Var, ...]] = {}
    for stmt in stmts:
        if isinstance(stmt, Eqn):
            p = PRIMITIVES[stmt.prim]
            if not (p.effect or p.allocates or p.updates):
                table.setdefault((stmt.prim, tuple(map(atom_key, stmt.args)), _attrs_key(stmt.attrs)), stmt.outs)
    return table
