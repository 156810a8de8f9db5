"""Give loops that may end early a trip counter, so that the reverse sweep knows how far they came.

while c(x): x = g(x)   ->   while c(x): x = g(x); trips = trips + 1
"""

from __future__ import annotations

from adcompile.ir.core import Block, Const, Eqn, For, Function, If, Stmt, Var, While, blocks_of, with_blocks
from adcompile.ir.types import PY_INT
from adcompile.records import replace


def run(fn: Function) -> Function:
    """Append a counter slot to every while loop and every loop with `until`."""
    return replace(fn, primal=tuple(map(_count, fn.primal)))


def _count(stmt: Stmt) -> Stmt:
    blocks = tuple(Block(b.params, tuple(map(_count, b.stmts)), b.yields) for b in blocks_of(stmt))
    stmt = with_blocks(stmt, blocks)
    match stmt:
        case Eqn() | If() | For(until=None):
            return stmt
    if stmt.snapshots is not None:
        return stmt  # whoever runs it counts
    old, new, out = (Var("trips", PY_INT) for _ in range(3))
    increment = Eqn((new,), "add", (old, Const(1)))
    body = Block((*stmt.body.params, old), (*stmt.body.stmts, increment), (*stmt.body.yields, new))
    counted = replace(stmt, inits=(*stmt.inits, Const(0)), body=body, outs=(*stmt.outs, out))
    if isinstance(counted, While):
        cond = replace(counted.cond, params=(*counted.cond.params, Var("trips", PY_INT)))
        return replace(counted, cond=cond)
    return counted
