"""What statements that are lowered by themselves read from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adcompile.ir.core import Atom, Block, Eqn, Stmt, Var, blocks_of, bound_by, operands
from adcompile.ir.custom import CustomCall
from adcompile.ir.derivatives import Pullback, Pushforward


def reads_within(stmts: Sequence[Stmt], own: set[Var]) -> Iterator[Atom]:
    """Yield what statements read and do not define, but for what only gives its shape; `own` is extended."""
    for stmt in stmts:
        yield from (a for a in values_read(stmt) if a not in own)
        for block in blocks_of(stmt):
            yield from _reads_of_block(block, own | set(bound_by(stmt)))
        own.update(stmt.outs)


def values_read(stmt: Stmt) -> list[Atom]:
    """Return the operands of a statement but for those of which only the shape matters."""
    if not isinstance(stmt, Eqn):
        return operands(stmt)
    if stmt.prim in ("dim", "size", "zeros_like"):
        return []
    (of,) = stmt.attrs if stmt.prim in ("pullback", "pushforward", "custom") else (None,)
    if isinstance(of, CustomCall):
        return list(stmt.args[: of.count + of.values])
    if not isinstance(of, Pullback | Pushforward):
        return operands(stmt)
    inner = {*reads_within(of.function.primal, set()), *of.function.outs}
    given = [a for p, a in zip(of.function.params, stmt.args, strict=False) if p in inner]
    return [*given, *stmt.args[len(of.function.params) :]]


def _reads_of_block(block: Block, own: set[Var]) -> Iterator[Atom]:
    own = own | set(block.params)
    yield from reads_within(block.stmts, own)
    yield from (a for a in block.yields if a not in own)
