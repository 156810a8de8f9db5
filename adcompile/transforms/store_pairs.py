"""Pairing primal regions with the reverse regions that mirror them, the inner ones first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from adcompile.ir.core import (
    UNDEFINED,
    Atom,
    Block,
    Const,
    Eqn,
    For,
    If,
    Loop,
    Stmt,
    Var,
    blocks_of,
    bound_by,
    is_const,
)
from adcompile.ir.rebuild import replace_block, replace_blocks
from adcompile.records import replace
from adcompile.transforms.store_context import Context, Place, Restore, Step
from adcompile.transforms.store_plan import Pair, Reads, Supply, common_root, element_reads
from adcompile.transforms.store_rewrite import Rewritten, rewrite

# The equation that stands for the yields of a mirror while it is rewritten.
ENDS: Final = "ends"


def rewrite_block(
    ctx: Context,
    place: Place,
    primal: Iterable[Stmt],
    mirror: Iterable[Stmt],
    entry: Mapping[Var, Atom],
    params: tuple[Var, ...] = (),
    supplies: Mapping[Var, Supply] | None = None,
    yields: tuple[Atom, ...] = (),
    reads: Reads | None = None,
    ends: tuple[Atom, ...] = (),
) -> Rewritten:
    """Rewrite a primal block and its mirror, the regions in them first. The operands are the fields of `Pair`.

    `ends` are what the mirror yields, which may be values of the primal block themselves.
    """
    stmts = list(primal)
    regions = {s.key: k for k, s in enumerate(stmts) if not isinstance(s, Eqn)}
    steps: list[Step] = []
    for stmt in mirror:
        if isinstance(stmt, Eqn):
            steps.append(Step(stmt))
            continue
        k = regions.get(stmt.mirrors) if stmt.mirrors is not None else None
        if k is None:
            steps.append(Step(unpaired(stmt)))
            continue
        twin = stmts[k]
        assert not isinstance(twin, Eqn)
        known = {**(reads or {}), **element_reads(stmts[:k])}
        stmts[k], step = rewrite_region(ctx, place, twin, stmt, known)
        steps.append(step)
    own = {*params, *(v for s in stmts for v in s.outs)}
    if not any(a in own for a in ends):
        found = rewrite(ctx, Pair(place, stmts, steps, entry, params, supplies or {}, yields, reads or {}))
        return replace(found, ends=ends)
    steps.append(Step(Eqn((), ENDS, ends)))
    found = rewrite(ctx, Pair(place, stmts, steps, entry, params, supplies or {}, yields, reads or {}))
    last = next(s for s in found.mirror if isinstance(s, Eqn) and s.prim == ENDS)
    return replace(found, mirror=tuple(s for s in found.mirror if s is not last), ends=last.args)


def unpaired(stmt: Stmt) -> Stmt:
    """Make an ordinary statement of one whose mirrored region is gone."""
    if isinstance(stmt, Eqn):
        return stmt
    blocks = []
    for block in blocks_of(stmt):
        stmts = tuple(unpaired(s) for s in block.stmts if not (isinstance(s, Eqn) and s.prim == "undo"))
        blocks.append(replace_block(block, stmts, block.yields))
    return replace(replace_blocks(stmt, blocks), mirrors=None)


def rewrite_region(ctx: Context, place: Place, twin: If | Loop, mirror: If | Loop, reads: Reads) -> tuple[Stmt, Step]:
    """Rewrite a primal region and its mirror; return the new primal region and the step of the reverse sweep."""
    if isinstance(twin, If):
        assert isinstance(mirror, If)
        return rewrite_if(ctx, place, twin, mirror, reads)
    assert isinstance(mirror, For)
    return rewrite_loop(ctx, twin, mirror, reads)


# -- ifs


def rewrite_if(ctx: Context, place: Place, twin: If, mirror: If, reads: Reads) -> tuple[Stmt, Step]:
    undone = [k for k, out in enumerate(twin.outs) if ctx.undoes(out) and out not in ctx.unheld]
    sides = []
    for block, image in zip(blocks_of(twin), blocks_of(mirror), strict=True):
        entry = {y: twin.outs[k] for k in undone if isinstance(y := block.yields[k], Var)}
        inner: Place = "loop" if place == "loop" else "branch"
        sides.append(
            rewrite_block(
                ctx, inner, block.stmts, image.stmts, entry, yields=block.yields, reads=reads, ends=image.yields
            )
        )
    primal = with_kept(twin, sides)
    wants = tuple(twin.outs[k] for k in undone)
    restores = []
    ends: list[list[Atom]] = [[], []]
    for k in undone:
        before = common_root(twin, k)
        if before is not None and all(before in side.end for side in sides):
            restores.append(Restore(before, twin.outs[k], ctx.fresh(before)))
            for column, side in zip(ends, sides, strict=True):
                column.append(side.end[before])
    then, orelse = (Block((), side.mirror, (*side.ends, *column)) for side, column in zip(sides, ends, strict=True))
    outs = (*mirror.outs, *(r.out for r in restores))
    return primal, Step(replace(mirror, then=then, orelse=orelse, outs=outs, mirrors=None), tuple(restores), wants)


def with_kept(twin: If, sides: list[Rewritten]) -> If:
    """Give an if further results: what each branch keeps for the mirror."""
    outs = list(twin.outs)
    yields = [list(block.yields) for block in blocks_of(twin)]
    for number, side in enumerate(sides):
        for result, kept in side.kept:
            outs.append(result)
            yields[number].append(kept)
            yields[1 - number].append(UNDEFINED)
    then, orelse = (Block((), side.primal, tuple(column)) for side, column in zip(sides, yields, strict=True))
    return replace(twin, then=then, orelse=orelse, outs=tuple(outs))


# -- loops


def rewrite_loop(ctx: Context, twin: Loop, mirror: For, reads: Reads) -> tuple[Stmt, Step]:
    """Rewrite a loop and its mirror, which carries backwards each array whose stores it undoes."""
    supplies = loop_supplies(ctx, twin, mirror)
    params = (*bound_by(twin), *twin.body.params)
    slots = [k for k, out in enumerate(twin.outs) if ctx.undoes(out) and out not in ctx.unheld]
    while True:
        buffers = {k: ctx.fresh(twin.body.params[k]) for k in slots}
        entry = {y: buffers[k] for k in slots if isinstance(y := twin.body.yields[k], Var)}
        tapes, bound = ctx.tapes, dict(ctx.bound)
        body = rewrite_block(
            ctx,
            "loop",
            twin.body.stmts,
            mirror.body.stmts,
            entry,
            params,
            supplies,
            twin.body.yields,
            reads,
            mirror.body.yields,
        )
        restored = [k for k in slots if twin.body.params[k] in body.end]
        if restored == slots:
            break
        slots, ctx.tapes, ctx.bound = restored, tapes, bound
    primal = replace(twin, body=Block(twin.body.params, body.primal, twin.body.yields))
    return primal, carry_back(ctx, twin, mirror, body, buffers)


def carry_back(ctx: Context, twin: Loop, mirror: For, body: Rewritten, buffers: Mapping[int, Var]) -> Step:
    """Give the mirror of a loop a slot for each array that it restores."""
    outs = {k: ctx.fresh(twin.body.params[k]) for k in buffers}
    ctx.bound.update(dict.fromkeys(twin.outs[k] for k in buffers))
    block = Block(
        (*mirror.body.params, *buffers.values()),
        body.mirror,
        (*body.ends, *(body.end[twin.body.params[k]] for k in buffers)),
    )
    inits = (*mirror.inits, *(twin.outs[k] for k in buffers))
    stmt = replace(mirror, inits=inits, body=block, outs=(*mirror.outs, *outs.values()), mirrors=None)
    restores = [Restore(a, twin.outs[k], outs[k]) for k in buffers if isinstance(a := twin.inits[k], Var)]
    return Step(stmt, tuple(restores), tuple(twin.outs[k] for k in buffers))


def loop_supplies(ctx: Context, twin: Loop, mirror: For) -> dict[Var, Supply]:
    """Return what the mirror of a loop computes from its own index."""
    if isinstance(twin, For) and not mirror.counts:
        supplies = {twin.index: Supply((), mirror.index)}
        if is_const(twin.start, 0) and is_const(twin.step, 1):
            supplies.update(inductions(ctx, twin, mirror.index))
        return supplies
    supplies = inductions(ctx, twin, mirror.index)
    if isinstance(twin, For):
        supplies[twin.index] = linear(ctx, twin.start, mirror.index, twin.step, ctx.fn.name_of(twin.index))
    if twin.until is not None and isinstance(last := twin.body.yields[twin.until], Var):
        before = ctx.eqn("sub", mirror.stop, Const(1))
        final = ctx.eqn("eq", mirror.index, before.out)
        ended = ctx.eqn("and", twin.outs[twin.until], final.out)
        supplies[last] = Supply((before, final, ended), ended.out)
    return supplies


def inductions(ctx: Context, twin: Loop, trip: Var) -> dict[Var, Supply]:
    """Return the int slots to which every trip adds the same, such as a counter, as functions of the trip's number."""
    made = {s.out: s for s in twin.body.stmts if isinstance(s, Eqn) and len(s.outs) == 1}
    inside = {*twin.body.params, *bound_by(twin), *(out for s in twin.body.stmts for out in s.outs)}
    supplies: dict[Var, Supply] = {}
    for param, init, value in zip(twin.body.params, twin.inits, twin.body.yields, strict=True):
        eqn = made.get(value) if isinstance(value, Var) else None
        if eqn is None or eqn.prim != "add" or not all(is_int(a) for a in (param, init, *eqn.args)):
            continue
        added = [a for a in eqn.args if a is not param]
        if len(added) == 1 and added[0] not in inside:
            supplies[param] = linear(ctx, init, trip, added[0], ctx.fn.name_of(param))
    return supplies


def is_int(a: Atom) -> bool:
    return a.type.kind == "py" and a.type.dtype is int


def linear(ctx: Context, start: Atom, trip: Var, step: Atom, name: str) -> Supply:
    """Compute ``start + trip * step``, on Python ints."""
    eqns: list[Eqn] = []
    value: Atom = trip
    if not is_const(step, 1):
        eqns.append(ctx.eqn("mul", value, step))
        value = eqns[-1].out
    if not is_const(start, 0):
        eqns.append(ctx.eqn("add", start, value, name=name))
        value = eqns[-1].out
    return Supply(tuple(eqns), value)
