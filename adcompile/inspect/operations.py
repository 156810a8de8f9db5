"""Count the operations of a program: floating-point operations on elements, with the lengths of the example call.

A matrix product of (m, k) and (k, n) counts 2*m*k*n, a decomposition of an (n, n) matrix n**3; shapes, views and reads
of elements count nothing. The trips of a loop are those of the example call, where its bounds tell them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from adcompile.ir.core import Atom, Const, Eqn, For, If, Stmt, While, blocks_of
from adcompile.ir.lengths import example_of
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type
from adcompile.records import NamedTuple

__all__ = ["Operations", "count", "size"]

FREE: Final = frozenset({"index", "push", "pop", "undo", "print", "assert", "raise", "copy", "zeros_like", "full"})
CONTRACTIONS: Final = frozenset({"matmul", "np.matmul", "dot", "inner", "tensordot", "vdot"})


class Operations(NamedTuple):
    """A number of operations. `exact` is false where the trips of a loop are not known: each then counts once."""

    number: int
    exact: bool = True

    def plus(self, other: Operations) -> Operations:
        return Operations(self.number + other.number, self.exact and other.exact)


def size(t: Type) -> int | None:
    """Return how many elements a value has in the example call; None if that is not known."""
    if t.dims is None:
        return None
    lengths = [example_of(d) for d in t.dims]
    return None if None in lengths else math.prod(n for n in lengths if n is not None)


def count(stmts: Iterable[Stmt]) -> Operations:
    """Count the operations of statements; of the branches of an if the longer one."""
    total = Operations(0)
    for stmt in stmts:
        match stmt:
            case Eqn():
                total = total.plus(_equation(stmt))
            case If():
                total = total.plus(max((count(b.stmts) for b in blocks_of(stmt)), key=lambda c: c.number))
            case For() | While():
                body = [count(b.stmts) for b in blocks_of(stmt)]
                trips = _trips(stmt)
                for part in body:
                    known = part.exact and trips is not None
                    total = total.plus(Operations(part.number * (1 if trips is None else trips), known))
    return total


def _trips(stmt: For | While) -> int | None:
    if isinstance(stmt, While):
        return None
    bounds = [_number(a) for a in (stmt.start, stmt.stop, stmt.step)]
    if None in bounds or stmt.until is not None:
        return None
    start, stop, step = (b for b in bounds if b is not None)
    return len(range(start, stop, step)) if step else None


def _number(a: Atom) -> int | None:
    if isinstance(a, Const):
        return a.value if isinstance(a.value, int) else None
    return None if a.type.value is None else example_of(a.type.value)


def _equation(eqn: Eqn) -> Operations:
    if eqn.prim in FREE or not eqn.outs or not any(o.type.is_numeric and o.type.inexact for o in eqn.outs):
        return Operations(0)
    p = PRIMITIVES[eqn.prim]
    if p.cost == "free" or p.allocates:
        return Operations(0)
    sizes = [size(a.type) for a in (*eqn.args, *eqn.outs) if a.type.is_numeric]
    if None in sizes:
        return Operations(1, False)
    largest = max((n for n in sizes if n is not None), default=1)
    if eqn.prim in ("index_update", "index_add"):
        largest = (size(eqn.args[1].type) or 1) if eqn.prim == "index_add" else 0
    if p.cost != "product" or not eqn.args:  # a draw of a random number has none
        return Operations(largest)
    first = eqn.args[0].type
    length = example_of(first.dims[-1]) if first.dims else 1
    if eqn.prim in CONTRACTIONS:
        return Operations(2 * (size(eqn.outs[0].type) or 1) * (length or 1))
    return Operations(largest * (length or 1))
