"""Forward and backward functions: one program cut between its primal and its adjoint statements.

    def h_fwd(u, v):                      def h_bwd(tape, r_bar):
        w = np.sin(u) * v                     u, v, w = tape
        return w * w, (u, v, w)               ...

The tape holds what the backward function reads.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence

from adcompile.analysis.reads import contents_free
from adcompile.analysis.storage import storage
from adcompile.emit import arrange, syntax
from adcompile.emit.choices import is_undefined
from adcompile.emit.comments import Notes
from adcompile.emit.functions import build, definition, distinct, make_plan, tested, unpack, written_body
from adcompile.emit.layout import Layout, Param
from adcompile.emit.lengths import checks
from adcompile.emit.loops import Writer
from adcompile.emit.tapes import by_position, tapes_read
from adcompile.ir.core import (
    NONE,
    Atom,
    Block,
    Eqn,
    Function,
    If,
    Stmt,
    Var,
    blocks_of,
    free,
    is_none,
    substitute,
    variables,
    with_blocks,
)
from adcompile.ir.structure import leaves, replace_leaves
from adcompile.records import replace

TAPE = "tape"


def write_pair(
    fn: Function, forward: Layout, backward: Layout, taken: Collection[str], notes: Notes, *, own: bool
) -> list[ast.stmt]:
    """Write the two functions. `own`: what the tape holds of the arguments is copied."""
    fn = arrange.run(fn)
    cotangents = {v for p in backward.params for v in leaves(p.tree) if v is not None}
    kept = [fn.outs[k] for k in leaves(forward.result)]
    held = residuals(fn, [fn.outs[k] for k in leaves(backward.result)], cotangents)
    tapes = tapes_read(fn.adjoint)
    first = replace(
        fn,
        params=tuple(p for p in fn.params if p not in cotangents),
        primal=tuple(defined(fn.primal, set(held))),
        adjoint=(),
        outs=(*kept, *held),
    )
    if own:
        first = with_copies(first, len(kept), contents(fn.adjoint, fn.outs))
    second = replace(
        fn,
        params=(*held, *(p for p in fn.params if p in cotangents)),
        primal=(),
        outs=tuple(fn.outs[k] for k in leaves(backward.result)),
    )
    return [
        write_forward(first, distinct(renumbered(forward)), len(kept), tapes, taken, notes),
        write_backward(second, distinct(renumbered(backward)), held, tapes, {*taken, TAPE}, notes),
    ]


def renumbered(layout: Layout) -> Layout:
    """Return the layout over only the results that it mentions, in their order."""
    return replace(layout, result=replace_leaves(layout.result, range(sum(1 for _ in leaves(layout.result)))))


def residuals(fn: Function, outs: Sequence[Atom], cotangents: Collection[Var]) -> list[Var]:
    """Return the primal variables that the adjoint statements and results read, in order of definition."""
    read: set[Var] = set(variables(outs))
    made: set[Var] = set()
    for stmt in fn.adjoint:
        read.update(free(stmt))
        made.update(stmt.outs)
    order = [*fn.params, *(v for s in fn.primal for v in s.outs)]
    return [v for v in order if v in read - made and v not in cotangents]


def defined(stmts: Iterable[Stmt], wanted: set[Var]) -> list[Stmt]:
    """Make the variables that go on the tape None where they would not be defined."""
    out: list[Stmt] = []
    for stmt in reversed(list(stmts)):
        if isinstance(stmt, Eqn):
            out.append(stmt)
            continue
        slots = [k for k, o in enumerate(stmt.outs) if o in wanted]
        for b in blocks_of(stmt):
            if len(b.yields) == len(stmt.outs):
                wanted.update(v for k in slots for v in variables([b.yields[k]]))
                wanted.update(b.params[k] for k in slots if b.params)
        if not isinstance(stmt, If):
            wanted.update(v for k in slots for v in variables([stmt.inits[k]]))
            inits = tuple(NONE if k in slots and is_undefined(a) else a for k, a in enumerate(stmt.inits))
            stmt = replace(stmt, inits=inits)
        out.append(with_blocks(stmt, tuple(_defined_block(b, stmt.outs, slots, wanted) for b in blocks_of(stmt))))
    return out[::-1]


def _defined_block(block: Block, outs: Sequence[Var], slots: list[int], wanted: set[Var]) -> Block:
    yields = block.yields
    if len(yields) == len(outs):
        yields = tuple(NONE if k in slots and is_undefined(y) else y for k, y in enumerate(yields))
    return Block(block.params, tuple(defined(block.stmts, wanted)), yields)


def with_copies(fn: Function, kept: int, read: Collection[Var]) -> Function:
    """Copy what the tape holds of the arguments and is read later, so that the caller may change them.

    Arrays and sparse matrices are copied at the end; arguments that went to functions whose tapes hold them, at the
    start.
    """
    roots = storage(fn)
    inner = {r for v in variables(fn.outs[kept:]) if v.type.kind == "object" for r in roots.get(v, ())}
    early = {p: Var(p.name, p.type) for p in fn.params if p in inner and p.type.is_array}
    given = set(fn.params) - set(early)
    late = {
        v: Var(v.name, v.type)
        for v in variables(fn.outs[kept:])
        if v in read and (v.type.is_sparse or (v.type.is_array and roots[v] & given))
    }
    held = tuple(late.get(v, early.get(v, v)) for v in variables(fn.outs[kept:]))
    absent = maybe_absent(fn.primal)
    primal = (
        *(Eqn((c,), "copy", (p,)) for p, c in early.items()),
        *(substitute(s, early) for s in fn.primal),
        *(Eqn((c,), "copy_if_made" if v in absent else "copy", (v,)) for v, c in late.items()),
    )
    names = {**fn.names, **{c: fn.name_of(p) for p, c in early.items()}}
    return replace(fn, primal=primal, outs=(*fn.outs[:kept], *held), names=names)


def maybe_absent(stmts: Iterable[Stmt]) -> set[Var]:
    """Return the variables that are None, or not defined, where the program takes another path."""
    found: set[Var] = set()
    for stmt in stmts:
        for block in blocks_of(stmt):
            found |= maybe_absent(block.stmts)
        starts = () if isinstance(stmt, Eqn | If) else stmt.inits
        for ends in (starts, *(b.yields for b in blocks_of(stmt))):
            if len(ends) == len(stmt.outs):
                pairs = zip(stmt.outs, ends, strict=True)
                found |= {o for o, a in pairs if a in found or is_undefined(a) or is_none(a)}
    return found


def contents(stmts: Iterable[Stmt], outs: Sequence[Atom]) -> set[Var]:
    """Return the variables whose elements statements read or that are results."""
    return set(variables(outs)).union(*map(contents_free, stmts))


def write_forward(
    fn: Function, layout: Layout, kept: int, tapes: Sequence[object], taken: Collection[str], notes: Notes
) -> ast.stmt:
    writer = Writer(make_plan(fn, layout.params, taken))
    plan = writer.plan

    def result(outs: Sequence[Atom]) -> ast.expr:
        held = [ast.Constant(None) if is_undefined(a) else writer.write.atom(a) for a in outs[kept:]]
        held += [syntax.name(plan.tapes[t]) for t in tapes if t in plan.tapes]
        return syntax.tuple_of([build(layout.result, outs[:kept], writer), syntax.tuple_of(held)])

    tests = [*checks(fn, layout.name, plan.names)]
    head = [*unpack(layout.params, plan.names, {**plan.read, **tested(fn, tests, plan.names)}), *tests]
    return definition(layout, [*head, *written_body(writer, notes, result)])


def write_backward(
    fn: Function, layout: Layout, held: Sequence[Var], tapes: Sequence[object], taken: Collection[str], notes: Notes
) -> ast.stmt:
    fn = by_position(fn)
    writer = Writer(make_plan(fn, layout.params, taken))
    plan = writer.plan
    names = [*(plan.names[v] for v in held), *(plan.tapes[t] for t in tapes)]
    targets: list[ast.expr] = [ast.Name(n, ast.Store()) for n in names]
    head: list[ast.stmt] = [syntax.assign_to(ast.Tuple(targets, ast.Store()), syntax.name(TAPE))] if names else []
    head += unpack(layout.params, plan.names, plan.read)
    body = written_body(writer, notes, lambda outs: build(layout.result, outs, writer))
    return definition(replace(layout, params=(Param(TAPE, None), *layout.params)), [*head, *body])
