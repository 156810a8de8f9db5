"""Lower ``with adjoint_of(y) as y_bar:``: the block becomes a function, which reverse mode applies to the adjoint of y.

Assignments to a name that has such a block go through an equation of their own, so that the value is not shared with
another one that happens to be computed alike.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.custom.surgery import adjoint_of
from adcompile.frontend import expressions, statements
from adcompile.frontend.desugar import jumps
from adcompile.frontend.frames import lookup_local
from adcompile.frontend.nodes import walk
from adcompile.frontend.values import Ref, Value
from adcompile.frontend.variables import hooked_names
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Const, Eqn, Function, Var, free
from adcompile.ir.custom import AdjointBlock
from adcompile.ir.types import Type, numpy_dtype

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

# Equations whose results are never shared.
OWN = frozenset({"attach", "index_update", "index_add", "custom", "call"})


def is_surgery(lo: Lowering, stmt: ast.With) -> bool:
    """Tell whether a `with` statement is a block for an adjoint."""
    calls = [i.context_expr for i in stmt.items if isinstance(i.context_expr, ast.Call)]
    functions = [expressions.evaluate(lo, c.func) for c in calls]
    return any(isinstance(f, Const) and f.value is adjoint_of for f in functions)


def with_adjoint(lo: Lowering, stmt: ast.With) -> None:
    """Lower a block for an adjoint."""
    item = stmt.items[0]
    call, target = item.context_expr, item.optional_vars
    if len(stmt.items) > 1 or not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
        lo.refuse(call, "adjoint_of takes one variable, in a `with` of its own", "here")
    assert isinstance(call, ast.Call)
    (name,) = call.args
    if not isinstance(name, ast.Name):
        lo.refuse(name, "adjoint_of takes a variable", "here", "give the value a name first")
    assert isinstance(name, ast.Name)
    if target is not None and not isinstance(target, ast.Name):
        lo.refuse(target, "the adjoint is one value", "here", "write `as y_bar`")
    if jumps(lo.frame.desugared.blocks.get(stmt, stmt).body):
        lo.refuse(stmt.body[0], "a block for an adjoint cannot be left by a jump", "in this block", "use `if`")
    value = lo.current(expressions.evaluate(lo, name))
    y = hooked_variable(lo, value, name)
    if y is not None:
        block, read = lower_block(lo, stmt, y, target.id if isinstance(target, ast.Name) else "")
        span = lo.span(name) if len(lo.frames) == 1 else lo.builder.span
        lo.builder.add(Eqn((), "hook", (y, *read), (block,), span))


def hooked_variable(lo: Lowering, value: Value, node: ast.Name) -> Var | None:
    """Return the variable that the adjoint is of; None for a constant, which has none."""
    if isinstance(value, Const) and value.type.is_numeric:
        return None
    if not isinstance(value, Ref | Var) or lo.type_of(value).is_list:
        lo.refuse(node, "the adjoint is that of one number or array", "here", f"name a part of `{node.id}`, and use it")
    if isinstance(value, Ref) and value.path:
        lo.refuse(
            node,
            f"`{node.id}` is a view of another array, whose adjoint it shares",
            "here",
            "make it a copy with .copy()",
        )
    y = lo.atom(value)
    assert isinstance(y, Var)
    made = lo.builder.defs.get(y)
    if made is not None and made.prim not in OWN:
        lo.refuse(node, f"`{node.id}` was not assigned in this function", "here", f"write `{node.id} = ...` before")
    return y


def lower_block(lo: Lowering, stmt: ast.With, y: Var, name: str) -> tuple[AdjointBlock, list[Var]]:
    """Lower the statements of a block by themselves; return also what they read of the function."""
    t = y.type
    g = Var(name or f"{y.name}_bar", Type("scalar", numpy_dtype(t)) if t.dims == () else t)
    outer, before, frame = lo.builder, lo.snapshot(), lo.frame
    lo.builder = Builder(lo.facts)
    lo.builder.params, lo.builder.span = outer.params, outer.span
    lo.builder.anchor(g)
    for v in (y, *(v for ref in lo.cells.values() for v in (ref,))):
        lo.builder.anchor(v)
    try:
        if name:
            frame.names[name] = lo.new_cell(g) if g.type.is_array else g
            lo.names[g] = name
        statements.run(lo, stmt.body)
        after = lookup_local(frame, name) if name else None
        result: Atom = g if after is None else expressions.number(lo, after, stmt)
        stmts = lo.builder.stmts
    finally:
        lo.builder = outer
        cells, contents = lo.cells, lo.contents
        lo.restore(before)
    if any(cells[c] is not v for c, v in before.cells.items()) or any(
        contents[c] is not v for c, v in before.contents.items()
    ):
        lo.refuse(stmt.body[0], "a block for an adjoint may change the adjoint only", "in this block")
    lo.cells = {**cells, **lo.cells}  # those of arrays from outside, which stay
    check(lo, stmt, y, result)
    own = {g, *lo.builder.params.values()} - ({y} & set(lo.builder.params.values()))
    read: dict[Var, None] = {}
    for s in stmts:
        read.update(dict.fromkeys(v for v in free(s) if v not in own and v is not g))
        own.update(s.outs)
    if isinstance(result, Var) and result not in own:
        read[result] = None
    fn = Function(f"adjoint_of_{y.name}", (g, *read), tuple(stmts), (result,), facts=lo.facts, names=lo.names)
    return AdjointBlock(fn.name, fn), list(read)


def check(lo: Lowering, stmt: ast.With, y: Var, result: Atom) -> None:
    have, want = result.type.rank, y.type.rank
    if have is not None and want is not None and have != want and not (have == 0 and isinstance(result, Const)):
        lo.refuse(
            stmt.body[-1],
            f"the block leaves an adjoint with {have} axes, but the value has {want}",
            "here",
            "give it the shape of the value",
        )


# -- names that have blocks


def keep_apart(lo: Lowering, stmt: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
    """Give what a statement assigns to names that have blocks a variable of its own."""
    hooked = hooked_names(lo.frame.node)
    targets: Sequence[ast.expr] = stmt.targets if isinstance(stmt, ast.Assign) else [stmt.target]
    for name in dict.fromkeys(n.id for t in targets for n in walk(t) if isinstance(n, ast.Name)):
        value = lo.frame.names.get(name)
        if name not in hooked or not isinstance(value, Ref | Var) or lo.type_of(value).is_list:
            continue
        if isinstance(value, Ref) and not value.path:
            lo.cells[value.cell] = apart(lo, name, lo.cells[value.cell])
        elif isinstance(value, Var):
            lo.frame.names[name] = apart(lo, name, value)


def apart(lo: Lowering, name: str, v: Var) -> Var:
    new = Var(name, v.type)
    lo.names[new] = lo.names.get(v, name)
    lo.builder.add(Eqn((new,), "attach", (v, Const(0.0)), (), lo.builder.span))
    return new
