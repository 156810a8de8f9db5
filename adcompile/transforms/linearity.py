"""Find where a rule for tangents is not linear in them.

x_dot * x_dot, abs(x_dot), x if x_dot > 0 else y      are not
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import cache

from adcompile.ir.core import Atom, Eqn, For, Function, If, Stmt, Var, While, blocks_of, variables
from adcompile.rules import table

__all__ = ["nonlinear"]

# What is read of these operands does not depend on their values.
SHAPES = frozenset({"dim", "size", "zeros_like", "print", "assert"})


def nonlinear(fn: Function, dots: Sequence[Var]) -> Stmt | None:
    """Return a statement of a function that is not linear in the parameters `dots`, if elementwise ones tell."""
    moving = set(dots)
    before = -1
    while before != len(moving):
        before = len(moving)
        _spread(fn.primal, moving)
    return _first(fn.primal, moving)


def _spread(stmts: Iterable[Stmt], moving: set[Var]) -> None:
    """Add what depends on the variables."""
    for stmt in stmts:
        match stmt:
            case Eqn():
                if stmt.prim not in SHAPES and any(v in moving for v in variables(stmt.args)):
                    moving.update(o for o in stmt.outs if o.type.inexact)
            case If():
                for block in blocks_of(stmt):
                    _spread(block.stmts, moving)
                    moving.update(o for o, y in zip(stmt.outs, block.yields, strict=True) if _in(y, moving, o))
            case For() | While():
                for block in blocks_of(stmt):
                    pairs = zip(block.params, stmt.inits, strict=True)
                    moving.update(p for p, a in pairs if _in(a, moving, p))
                    _spread(block.stmts, moving)
                for o, p, y in zip(stmt.outs, stmt.body.params, stmt.body.yields, strict=True):
                    if _in(y, moving, o) or p in moving:
                        moving |= {o, p}


def _in(a: Atom, moving: set[Var], into: Var) -> bool:
    return isinstance(a, Var) and a in moving and into.type.inexact


def _first(stmts: Iterable[Stmt], moving: set[Var]) -> Stmt | None:
    for stmt in stmts:
        if isinstance(stmt, Eqn):
            if _bends(stmt, moving):
                return stmt
            continue
        inside = next((s for b in blocks_of(stmt) if (s := _first(b.stmts, moving)) is not None), None)
        if inside is not None:
            return inside
    return None


def _bends(eqn: Eqn, moving: set[Var]) -> bool:
    """Tell whether an elementwise equation is not linear, or tests a value that should only be passed on."""
    hit = [isinstance(a, Var) and a in moving for a in eqn.args]
    if not any(hit) or eqn.prim in SHAPES:
        return False
    if eqn.prim in table.ROWS:
        row = table.ROWS[eqn.prim]
        read = {n for k, p in enumerate(row.partials) if hit[k] for n in _names(p)}
        return "ans" in read or any(hit[k] and p in read for k, p in enumerate(row.params))
    tests = any(o.type.dtype in (bool,) or str(o.type.dtype) == "bool" for o in eqn.outs)
    return eqn.prim in table.ZERO and tests


@cache
def _names(partial: str) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(ast.parse(partial, mode="eval")) if isinstance(n, ast.Name))
