"""Which values may have an adjoint that is exactly zero because a selection hides them.

    y = where(x > 0, log(x), 0.0)   ->   {log(x), x, ...}

There a zero cotangent may meet an infinite local derivative (of log at 0), and their product must be zero, not NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adcompile.ir.core import Eqn, For, Function, If, Stmt, Var, While, variables

SELECTIONS: Final = frozenset({"where", "builtin_max", "builtin_min"})


def masked(fn: Function) -> frozenset[Var]:
    """Return the variables that reach a selection's chosen operands."""
    found: set[Var] = set()
    before = -1
    while before != len(found):
        before = len(found)
        _block(fn.primal, found)
    return frozenset(found)


def _block(stmts: Sequence[Stmt], found: set[Var]) -> None:
    for stmt in reversed(stmts):
        match stmt:
            case Eqn():
                if stmt.prim in SELECTIONS or any(o in found for o in stmt.outs):
                    found.update(variables(stmt.args))
            case If():
                for block in (stmt.then, stmt.orelse):
                    pairs = zip(stmt.outs, block.yields, strict=True)
                    found.update(y for o, y in pairs if o in found and isinstance(y, Var))
                    _block(block.stmts, found)
            case For() | While():
                for k, out in enumerate(stmt.outs):
                    if out in found or stmt.body.params[k] in found:
                        found.update(variables((stmt.body.yields[k], stmt.inits[k])))
                _block(stmt.body.stmts, found)
