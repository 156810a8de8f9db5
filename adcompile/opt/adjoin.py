"""Join ifs in a row on the same condition. Only before `reverse`: its mirrors name the regions of the primal.

    if c: a = f(x)          if c:
    else: a = x               a = f(x); b = g(a)
    if c: b = g(a)     ->   else:
    else: b = x               a = x; b = x

Equations between the two go before or after them, if they cannot raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adcompile.ir.core import (
    UNDEFINED,
    Atom,
    Block,
    Eqn,
    Function,
    If,
    Stmt,
    Var,
    blocks_of,
    free,
    map_atoms,
    same_atom,
    with_blocks,
)
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import replace

ARITHMETIC: Final = frozenset({"add", "sub", "mul", "neg", "not", "and", "or", "lt", "le", "gt", "ge", "eq", "ne"})


def run(fn: Function) -> Function:
    """Join the ifs of a function that has no adjoint yet."""
    stmts = block(fn.stmts, {})
    same = len(stmts) == len(fn.stmts) and all(a is b for a, b in zip(stmts, fn.stmts, strict=True))
    return fn if same else replace(fn, primal=stmts)


def block(stmts: Sequence[Stmt], opposites: dict[Var, Atom]) -> tuple[Stmt, ...]:
    """Join the ifs of a block and of those inside it. `opposites`: the negated conditions in sight."""
    opposites = dict(opposites)
    out: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, Eqn) and stmt.prim == "not":
            opposites[stmt.out] = stmt.args[0]
        if not (isinstance(stmt, If) and joined(out, stmt, opposites)):
            out.append(stmt)
    return tuple(within(stmt, opposites) for stmt in out)


def within(stmt: Stmt, opposites: dict[Var, Atom]) -> Stmt:
    blocks = blocks_of(stmt)
    new = tuple(Block(b.params, s, b.yields) if (s := block(b.stmts, opposites)) != b.stmts else b for b in blocks)
    return stmt if all(a is b for a, b in zip(blocks, new, strict=True)) else with_blocks(stmt, new)


def joined(out: list[Stmt], second: If, opposites: dict[Var, Atom]) -> bool:
    """Join an if with one that ends a list of statements, but for equations that can be moved; tell whether it was."""
    after: list[Stmt] = []
    for k in range(len(out) - 1, -1, -1):
        first = out[k]
        if isinstance(first, If):
            turned = as_on(second, first.cond, opposites)
            if turned is None:
                return False
            between = out[k + 1 :]
            before, after = parted(between, first)
            if any(o in free(turned) for s in after for o in s.outs):
                return False
            new = merged(first, turned)
            if new is None:
                return False
            out[k:] = [*before, new, *after]
            return True
        if not (isinstance(first, Eqn) and cannot_raise(first)):
            return False
    return False


def cannot_raise(eqn: Eqn) -> bool:
    """Tell whether an equation may be moved: safe ones, and arithmetic of numbers."""
    if PRIMITIVES[eqn.prim].effect:
        return False
    return PRIMITIVES[eqn.prim].safe or (eqn.prim in ARITHMETIC and all(a.type.is_scalar for a in eqn.args))


def as_on(stmt: If, cond: Atom, opposites: dict[Var, Atom]) -> If | None:
    """Return an if as one on another condition that is the same, or the opposite."""
    if same_atom(stmt.cond, cond):
        return stmt
    mine = opposites.get(stmt.cond) if isinstance(stmt.cond, Var) else None
    other = opposites.get(cond) if isinstance(cond, Var) else None
    if (mine is not None and same_atom(mine, cond)) or (other is not None and same_atom(other, stmt.cond)):
        return replace(stmt, cond=cond, then=stmt.orelse, orelse=stmt.then)
    return None


def parted(between: Sequence[Stmt], first: If) -> tuple[list[Stmt], list[Stmt]]:
    """Part equations into those that can go before an if, and those that read its results."""
    before: list[Stmt] = []
    after: list[Stmt] = []
    made = set(first.outs)
    for stmt in between:
        if any(v in made for v in free(stmt)):
            made.update(stmt.outs)
            after.append(stmt)
        else:
            before.append(stmt)
    return before, after


def merged(first: If, second: If) -> If | None:
    """Join two ifs on one condition; None if the second reads what the first leaves undefined."""
    sides = []
    for a, b in ((first.then, second.then), (first.orelse, second.orelse)):
        known = dict(zip(first.outs, a.yields, strict=True))
        lost = {v for v, atom in known.items() if atom is UNDEFINED}
        if any(v in lost for stmt in b.stmts for v in free(stmt)):
            return None
        get = lambda atom, known=known: known.get(atom, atom)  # noqa: E731
        stmts = tuple(map_atoms(s, get) for s in b.stmts)
        sides.append(Block((), (*a.stmts, *stmts), (*a.yields, *map(get, b.yields))))
    return replace(first, then=sides[0], orelse=sides[1], outs=(*first.outs, *second.outs))
