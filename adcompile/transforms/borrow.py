"""Read arrays of lists without a copy where nothing changes them before they are used.

    v = list_row_index(rows, k); s = sum(v)    ->    v = list_row_view(rows, k); s = sum(v)

A list that owns its arrays gives copies of them, since what is read is a value and the array may be stored to later.
Where all who read it make something new of it, in the same block and before the next store, the array itself will do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from adcompile.analysis.storage import is_view
from adcompile.ir.core import Atom, Eqn, Function, Stmt, blocks_of, operands, walk, with_blocks
from adcompile.ir.lists import READ, STORES, VIEW
from adcompile.records import replace
from adcompile.rules import table

REDUCTIONS: Final = frozenset({"sum", "mean", "max", "min", "prod", "matmul", "dot", "vdot"})
STORED: Final = {"index_update": 1, "index_add": 1, **dict.fromkeys(STORES, 2)}


def run(fn: Function) -> Function:
    """Return an equal function that copies fewer arrays."""
    if not any(isinstance(stmt, Eqn) and stmt.prim == READ for stmt in walk(fn.stmts)):
        return fn
    uses = Counter(fn.outs)
    for stmt in walk(fn.stmts):
        uses.update(operands(stmt))
        uses.update(a for block in blocks_of(stmt) for a in block.yields)
    primal, adjoint = (tuple(_block(stmts, uses)) for stmts in (fn.primal, fn.adjoint))
    return replace(fn, primal=primal, adjoint=adjoint)


def _block(stmts: Sequence[Stmt], uses: Counter[Atom]) -> Iterable[Stmt]:
    for at, stmt in enumerate(stmts):
        if isinstance(stmt, Eqn):
            borrowed = stmt.prim == READ and stmt.out.type.is_array and _is_safe(stmt, stmts[at + 1 :], uses)
            yield replace(stmt, prim=VIEW) if borrowed else stmt
        else:
            blocks = tuple(replace(b, stmts=tuple(_block(b.stmts, uses))) for b in blocks_of(stmt))
            yield with_blocks(stmt, blocks)


def _is_safe(read: Eqn, rest: Sequence[Stmt], uses: Counter[Atom]) -> bool:
    """Tell whether all who read an array make something new of it before the next store."""
    left = uses[read.out]
    for stmt in rest:
        if not isinstance(stmt, Eqn):
            return False
        places = [k for k, a in enumerate(stmt.args) if a is read.out]
        if places and not _takes(stmt, places):
            return False
        left -= len(places)
        if not left:
            return True
        if stmt.prim in STORES:
            return False
    return False


def _takes(eqn: Eqn, places: Sequence[int]) -> bool:
    """Tell whether an equation keeps nothing of the operands at some places."""
    if eqn.prim in STORED:
        return places == [STORED[eqn.prim]]
    new = eqn.prim in REDUCTIONS or (eqn.prim in table.ROWS and eqn.prim != "conj")
    return new and not is_view(eqn)
