"""Move scalar equations that do not change from trip to trip out of loops."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeGuard

from adcompile.ir.core import Const, Eqn, Function, If, Loop, Stmt, Var, blocks_of, bound_by, variables, walk
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import all_same, replace_block, replace_blocks
from adcompile.ir.types import numpy_dtype
from adcompile.records import dataclass, replace

ARITHMETIC: Final = frozenset({"add", "sub", "mul", "neg", "abs", "lt", "le", "gt", "ge", "eq", "ne"})


def run(fn: Function) -> Function:
    """Move an equation before the loop if its operands are defined there.

        for i in range(n): v1 = mul(a, b); ...   ->   v1 = mul(a, b); for i in range(n): ...

    Only a scalar equation that cannot raise moves, because the loop may make no trip. In the adjoint, what the
    mirrored primal loop binds counts as bound by the loop.
    """
    primal = _Hoisting({}).stmts(fn.primal)
    adjoint = _Hoisting({s.key: s for s in walk(primal) if not isinstance(s, Eqn)}).stmts(fn.adjoint)
    if primal is fn.primal and adjoint is fn.adjoint:
        return fn
    return replace(fn, primal=primal, adjoint=adjoint)


@dataclass(slots=True)
class _Hoisting:
    """`regions` are the primal regions by key, for the adjoint regions that mirror them."""

    regions: dict[int, If | Loop]

    def stmts(self, stmts: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        out: list[Stmt] = []
        for stmt in stmts:
            if isinstance(stmt, Eqn):
                out.append(stmt)
            else:
                out += self.region(stmt)
        return stmts if all_same(out, stmts) else tuple(out)

    def region(self, stmt: If | Loop) -> list[Stmt]:
        """Return a region preceded by what moves out of it."""
        bound = binds([stmt])
        if stmt.mirrors in self.regions:
            bound |= binds([self.regions[stmt.mirrors]])
        before: list[Stmt] = []
        blocks = []
        for block in blocks_of(stmt):
            stay: list[Stmt] = []
            for inner in self.stmts(block.stmts):
                if not isinstance(stmt, If) and _movable(inner) and not bound.intersection(variables(inner.args)):
                    before.append(inner)
                    bound.difference_update(inner.outs)
                else:
                    stay.append(inner)
            stmts = block.stmts if all_same(stay, block.stmts) else tuple(stay)
            blocks.append(replace_block(block, stmts, block.yields))
        return [*before, replace_blocks(stmt, blocks)]


def binds(stmts: Iterable[Stmt]) -> set[Var]:
    """Return every variable that statements bind, at any depth."""
    bound: set[Var] = set()
    for stmt in walk(stmts):
        bound.update(stmt.outs, bound_by(stmt), *(block.params for block in blocks_of(stmt)))
    return bound


def _movable(stmt: Stmt) -> TypeGuard[Eqn]:
    if not isinstance(stmt, Eqn):
        return False
    prim = PRIMITIVES[stmt.prim]
    pure = not (prim.effect or prim.updates or prim.allocates)
    return pure and all(out.type.is_scalar for out in stmt.outs) and (prim.safe or _is_float_arithmetic(stmt))


def _is_float_arithmetic(eqn: Eqn) -> bool:
    """Tell whether an equation is an operator on floats, or on ints, that cannot raise.

    An int with a float can: a large one has no float.
    """
    types = [a.type for a in eqn.args if not (isinstance(a, Const) and type(a.value) is int and abs(a.value) < 2**53)]
    dtypes = {str(numpy_dtype(t)) if t.is_numeric else "object" for t in types}
    return eqn.prim in ARITHMETIC and (dtypes <= {"float64", "float32", "complex128"} or dtypes == {"int64"})
