"""Lengths: a list that adjoint statements read for its length alone is not kept; its length is, as a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from adcompile.ir.core import (
    UNDEFINED,
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    If,
    Stmt,
    Var,
    blocks_of,
    substitute,
    variables,
    walk,
)
from adcompile.ir.lists import MEASURING
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import replace_block, replace_blocks
from adcompile.ir.types import PY_INT
from adcompile.records import replace
from adcompile.transforms.store_neutral import columns_in


def measure_lists(fn: Function) -> Function:
    """Read the lengths of lists where these are made, unless they are at hand in the reverse sweep as they are.

    for ...: l2 = l1 + m; ...                      for ...: n = len(l1); l2 = l1 + m; ...
    for ... reversed: k = len(l1)           ->     for ... reversed: k = n
    for ... reversed: z = [0.0] * len(l1)   ->     for ... reversed: z = [0.0] * n
    """
    pairs = [(e, e.args[0]) for e in walk(fn.adjoint) if isinstance(e, Eqn) and is_measuring(e)]
    read = dict.fromkeys(v for _, v in pairs if isinstance(v, Var))
    if not read:
        return fn
    unsure = {*lasting(fn.primal), *undefined(fn.primal)}
    made = {v for s in walk(fn.primal) for v in (*s.outs, *(p for b in blocks_of(s) for p in b.params))}
    lengths = {v: Var("", PY_INT) for v in read if v in made and v not in unsure}
    same = {e.out: lengths[v] for e, v in pairs if e.prim == "list_length" and v in lengths}
    adjoint = tuple(substitute(s, same) for s in reading(fn.adjoint, lengths))
    return replace(fn, primal=measured(fn.primal, lengths), adjoint=adjoint) if lengths else fn


def is_measuring(eqn: Eqn) -> bool:
    """Tell whether an equation needs no more of a list than its length."""
    held = eqn.args[0].type if eqn.prim in MEASURING else None
    return held is not None and (eqn.prim == "list_length" or (held.dims == () and not held.is_nested))


def lasting(stmts: Iterable[Stmt]) -> Iterator[Var]:
    """Yield the lists of the outermost block that stay as they are: nothing changes them, or hands them on."""
    stmts = list(stmts)
    eqns = [s for s in walk(stmts) if isinstance(s, Eqn)]
    changing = variables(a for e in eqns if PRIMITIVES[e.prim].updates for a in e.args[:1])
    moving = variables(a for s in walk(stmts) if not isinstance(s, Eqn) for column in columns_in(s) for a in column)
    gone = {*changing, *moving}
    for stmt in stmts:
        yield from (v for v in stmt.outs if v.type.is_list and v not in gone)


def undefined(stmts: Iterable[Stmt]) -> set[Var]:
    """Return the lists that may be undefined: those of a branch that is not taken, or before a loop."""
    sources = []
    for stmt in walk(stmts):
        if isinstance(stmt, Eqn):
            continue
        slots = [] if isinstance(stmt, If) else [b.params for b in blocks_of(stmt)]
        for k, out in enumerate(stmt.outs):
            if out.type.is_list:
                sources.append(([out, *(p[k] for p in slots)], [column[k] for column in columns_in(stmt)]))
    found: set[Var] = set()

    def lacking(a: Atom) -> bool:
        return a is UNDEFINED or (isinstance(a, Var) and a in found)

    while True:
        more = {v for group, entering in sources if any(map(lacking, entering)) for v in group} - found
        if not more:
            return found
        found |= more


def measured(stmts: Iterable[Stmt], lengths: Mapping[Var, Var]) -> tuple[Stmt, ...]:
    """Measure lists where they are made."""
    new: list[Stmt] = []
    for stmt in stmts:
        if not isinstance(stmt, Eqn):
            blocks = [b if b is cond_of(stmt) else measured_block(b, lengths) for b in blocks_of(stmt)]
            stmt = replace_blocks(stmt, blocks)
        new.append(stmt)
        new += [measure(v, lengths[v]) for v in stmt.outs if v in lengths]
    return tuple(new)


def cond_of(stmt: Stmt) -> Block | None:
    """Return the block of a while loop that is its test."""
    blocks = blocks_of(stmt)
    return blocks[0] if len(blocks) == 2 and not isinstance(stmt, If) else None


def measured_block(block: Block, lengths: Mapping[Var, Var]) -> Block:
    first = [measure(v, lengths[v]) for v in block.params if v in lengths]
    return replace_block(block, (*first, *measured(block.stmts, lengths)), block.yields)


def measure(v: Var, length: Var) -> Eqn:
    return Eqn((length,), "list_length", (v,), ())


def reading(stmts: Iterable[Stmt], lengths: Mapping[Var, Var]) -> tuple[Stmt, ...]:
    """Read the lengths that were measured."""
    new: list[Stmt] = []
    for stmt in stmts:
        length = lengths.get(v) if isinstance(stmt, Eqn) and stmt.args and isinstance(v := stmt.args[0], Var) else None
        if not isinstance(stmt, Eqn):
            blocks = [replace_block(b, reading(b.stmts, lengths), b.yields) for b in blocks_of(stmt)]
            new.append(replace_blocks(stmt, blocks))
        elif length is None or not is_measuring(stmt):
            new.append(stmt)
        elif stmt.prim == "list_zeros":
            one = Var("", stmt.out.type)
            new.append(Eqn((one,), "list_new", (Const(0.0),), (stmt.out.type,), stmt.span))
            new.append(Eqn(stmt.outs, "list_repeat", (one, length), (), stmt.span))
    return tuple(new)
