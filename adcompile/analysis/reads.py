"""Which variables' elements are read, and where: reading the shape of an array does not count."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from adcompile.ir.core import Eqn, Stmt, Var, blocks_of, bound_by, operands
from adcompile.records import NamedTuple

# Operands of which only shape and dtype are read, by position.
SHAPE_OPERANDS: Final[Mapping[str, frozenset[int]]] = {
    "dim": frozenset({0}),
    "size": frozenset({0}),
    "zeros_like": frozenset({0}),
    "unbroadcast": frozenset({1}),
}


def contents_read(eqn: Eqn) -> list[Var]:
    """Return the operands whose elements an equation reads."""
    shapes = SHAPE_OPERANDS.get(eqn.prim, ())
    return [a for i, a in enumerate(eqn.args) if isinstance(a, Var) and i not in shapes]


def contents_free(stmt: Stmt) -> set[Var]:
    """Return the variables from outside whose elements a statement reads, at any depth."""
    if isinstance(stmt, Eqn):
        return set(contents_read(stmt))
    return {a for a in operands(stmt) if isinstance(a, Var)} | contents_captured(stmt)


def contents_captured(stmt: Stmt) -> set[Var]:
    """Return the variables from outside whose elements the blocks of a statement read."""
    found: set[Var] = set()
    for block in blocks_of(stmt):
        inner = {a for a in block.yields if isinstance(a, Var)}
        defined = {*block.params, *bound_by(stmt)}
        for s in block.stmts:
            inner |= contents_free(s)
            defined.update(s.outs)
        found |= inner - defined
    return found


def contents_free_of(stmts: Iterable[Stmt]) -> set[Var]:
    """Return the variables whose elements statements read and which they do not define."""
    found: set[Var] = set()
    defined: set[Var] = set()
    for stmt in stmts:
        found |= contents_free(stmt) - defined
        defined.update(stmt.outs)
    return found


class Live(NamedTuple):
    """The variables whose elements are read after the statement at a position of a block.

    outside   those that are read after the block
    last      the position of the last statement in the block that reads each variable
    own       the variables of the block
    excluded  a variable that does not count
    """

    outside: set[Var]
    last: Mapping[Var, int]
    own: Collection[Var]
    position: int
    excluded: Var | None = None

    def includes(self, v: Var) -> bool:
        return v is not self.excluded and (v in self.outside or self.last.get(v, -1) > self.position)

    def is_past(self, v: Var) -> bool:
        """Tell whether nobody will read a variable of the block any more."""
        return v in self.own and v not in self.outside and self.last.get(v, -1) <= self.position

    def was_past(self, v: Var) -> bool:
        """Tell whether nobody has read a variable of the block since the statement before."""
        return v in self.own and v not in self.outside and self.last.get(v, -1) < self.position

    def without(self, v: Var) -> Live:
        return self._replace(excluded=v)

    def variables(self) -> set[Var]:
        return self.outside | {v for v, k in self.last.items() if k > self.position}
