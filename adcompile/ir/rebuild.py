"""Rebuilding statements with other operands, blocks or slots. What is unchanged stays the same object."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TypeVar

from adcompile.ir.core import Atom, Block, Eqn, For, If, Loop, Stmt, While, blocks_of, operands, with_blocks
from adcompile.records import replace

T = TypeVar("T")


def all_same(a: Sequence[object], b: Sequence[object]) -> bool:
    """Tell whether two sequences hold the same objects."""
    return len(a) == len(b) and all(map(operator.is_, a, b))


def map_operands(stmt: Stmt, get: Callable[[Atom], Atom]) -> Stmt:
    """Rebuild a statement with `get` applied to what it reads directly, outside its blocks."""
    if isinstance(stmt, Eqn):
        args = tuple(map(get, stmt.args))
        return stmt if all_same(args, stmt.args) else replace(stmt, args=args)
    old = operands(stmt)
    new = list(map(get, old))
    if all_same(old, new):
        return stmt
    match stmt:
        case If():
            return replace(stmt, cond=new[0])
        case For():
            return replace(stmt, start=new[0], stop=new[1], step=new[2], inits=tuple(new[3:]))
        case While():
            return replace(stmt, inits=tuple(new))


def replace_blocks(stmt: If | Loop, blocks: Sequence[Block]) -> If | Loop:
    """Rebuild a region with other blocks, if any of them is another."""
    if all_same(blocks, blocks_of(stmt)):
        return stmt
    new = with_blocks(stmt, tuple(blocks))
    assert not isinstance(new, Eqn)
    return new


def replace_block(block: Block, stmts: tuple[Stmt, ...], yields: tuple[Atom, ...]) -> Block:
    """Rebuild a block with other statements and yields, if they are others."""
    if stmts is block.stmts and all_same(yields, block.yields):
        return block
    return Block(block.params, stmts, yields)


def pick(items: Sequence[T], keep: Sequence[int]) -> tuple[T, ...]:
    return tuple(items[k] for k in keep)


def keep_slots(stmt: If | Loop, keep: Sequence[int]) -> If | Loop:
    """Rebuild a region with some of its slots, in their order; the slot that ends a loop must be among them."""
    if len(keep) == len(stmt.outs):
        return stmt
    outs = pick(stmt.outs, keep)
    if isinstance(stmt, If):
        then, orelse = (Block((), b.stmts, pick(b.yields, keep)) for b in blocks_of(stmt))
        return replace(stmt, then=then, orelse=orelse, outs=outs)
    body = Block(pick(stmt.body.params, keep), stmt.body.stmts, pick(stmt.body.yields, keep))
    inits = pick(stmt.inits, keep)
    until = None if stmt.until is None else keep.index(stmt.until)
    if isinstance(stmt, For):
        return replace(stmt, inits=inits, outs=outs, body=body, until=until)
    cond = Block(pick(stmt.cond.params, keep), stmt.cond.stmts, stmt.cond.yields)
    return replace(stmt, inits=inits, outs=outs, body=body, cond=cond, until=until)
