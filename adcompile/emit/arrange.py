"""Prepare a program for being written down: drop what nobody reads, move trip counters to the top of their loops.

A loop that ends early is written with ``break`` where its last statement is the if that decides; counting the trip
after that if would be in the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from adcompile.ir.core import (
    Block,
    Eqn,
    For,
    Function,
    If,
    Loop,
    Stmt,
    Var,
    While,
    blocks_of,
    operands,
    variables,
    with_blocks,
)
from adcompile.ir.primitives import PRIMITIVES


def run(fn: Function) -> Function:
    """Return the function as it is to be written."""
    live = set(variables(fn.outs))
    adjoint = _useful(map(_arranged, fn.adjoint), live)
    primal = _useful(map(_arranged, fn.primal), live)
    return replace(fn, primal=primal, adjoint=adjoint)


def _useful(stmts: Iterable[Stmt], live: set[Var]) -> tuple[Stmt, ...]:
    """Drop pure equations whose results are not read; extend `live` by what the statements read."""
    kept: list[Stmt] = []
    for stmt in reversed(tuple(stmts)):
        if isinstance(stmt, Eqn):
            if not PRIMITIVES[stmt.prim].effect and live.isdisjoint(stmt.outs):
                continue
        else:
            stmt = with_blocks(stmt, tuple(_useful_block(b, live) for b in blocks_of(stmt)))
        live.update(variables(operands(stmt)))
        kept.append(stmt)
    return tuple(reversed(kept))


def _useful_block(block: Block, live: set[Var]) -> Block:
    live.update(variables(block.yields))
    return replace(block, stmts=_useful(block.stmts, live))


def _arranged(stmt: Stmt) -> Stmt:
    if isinstance(stmt, Eqn):
        return stmt
    stmt = with_blocks(stmt, tuple(replace(b, stmts=tuple(map(_arranged, b.stmts))) for b in blocks_of(stmt)))
    if isinstance(stmt, For | While) and stmt.until is not None:
        return replace(stmt, body=replace(stmt.body, stmts=_counted_first(stmt)))
    return stmt


def _counted_first(stmt: Loop) -> tuple[Stmt, ...]:
    """Move the equations that count trips to the top of the body if they hide the if that ends it."""
    params = set(stmt.body.params)
    counts = [s for s in stmt.body.stmts if isinstance(s, Eqn) and _counts(s, params)]
    others = [s for s in stmt.body.stmts if s not in counts]
    if others and isinstance(others[-1], If) and stmt.body.stmts[-1] is not others[-1]:
        return (*counts, *others)
    return stmt.body.stmts


def _counts(eqn: Eqn, params: set[Var]) -> bool:
    """Tell whether an equation adds a constant to a Python int that is a loop slot."""
    if eqn.prim != "add" or eqn.out.type.kind != "py" or eqn.out.type.dtype is not int:
        return False
    x, y = eqn.args
    return isinstance(x, Var) and x in params and not isinstance(y, Var)
