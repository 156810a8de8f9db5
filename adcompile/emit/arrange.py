"""Prepare a program for being written down: drop what nobody reads, move trip counters to the top of their loops.

A loop that ends early is written with ``break`` where its last statement is the if that decides; counting the trip
after that if would be in the way.
"""

from __future__ import annotations

from collections.abc import Iterable

from adcompile.analysis.storage import has_storage
from adcompile.emit import choices
from adcompile.emit.syntax import OPERATORS
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
    free,
    operands,
    variables,
    with_blocks,
)
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import replace


def run(fn: Function) -> Function:
    """Return the function as it is to be written."""
    fn = choices.simplify(fn)
    live = set(variables(fn.outs))
    adjoint = _useful((_arranged(s, fn, True) for s in fn.adjoint), live)
    primal = _useful((_arranged(s, fn, False) for s in fn.primal), live)
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


def _arranged(stmt: Stmt, fn: Function, adjoint: bool) -> Stmt:
    if isinstance(stmt, Eqn):
        return stmt
    blocks = (replace(b, stmts=tuple(_arranged(s, fn, adjoint) for s in b.stmts)) for b in blocks_of(stmt))
    stmt = with_blocks(stmt, tuple(_late(b, fn, adjoint) for b in blocks))
    if isinstance(stmt, For | While) and stmt.until is not None:
        return replace(stmt, body=replace(stmt.body, stmts=_counted_first(stmt)))
    return stmt


def _late(block: Block, fn: Function, adjoint: bool) -> Block:
    """Compute a number that replaces one that is read once more at the end, so that it can take its name.

    In the adjoint all other reads count: what reads the old number may be folded into a later statement.
    """
    yields = set(variables(block.yields))
    late: list[Stmt] = []
    read = _read_twice(block) if adjoint else set[Var]()
    later: set[Var] = set()
    kept: list[Stmt] = []
    for stmt in reversed(block.stmts):
        if isinstance(stmt, Eqn) and later.isdisjoint(stmt.outs) and _replaces(stmt, yields, read, fn):
            late.append(stmt)
        else:
            kept.append(stmt)
            read.update(free(stmt))
            later.update(free(stmt))
    return replace(block, stmts=(*reversed(kept), *reversed(late))) if late else block


def _read_twice(block: Block) -> set[Var]:
    """Return the variables that more than one statement of a block reads."""
    once: set[Var] = set()
    twice: set[Var] = set()
    for stmt in block.stmts:
        for v in free(stmt):
            (twice if v in once else once).add(v)
    return twice


def _replaces(eqn: Eqn, yields: set[Var], read: set[Var], fn: Function) -> bool:
    """Tell whether an equation makes the next value of a number whose old value, of the same name, is read later."""
    if eqn.prim not in OPERATORS or eqn.out not in yields or any(map(has_storage, eqn.args)):
        return False
    name = fn.name_of(eqn.out)
    return any(isinstance(a, Var) and a in read and fn.name_of(a) == name != "" for a in eqn.args)


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
