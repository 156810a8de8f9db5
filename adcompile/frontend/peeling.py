"""Loops whose first trip is lowered on its own, since it makes an array of a number that the others go on with.

    p = 1.0                                       p = 1.0
    for r in rows:                                s += np.sum(p)
        s += np.sum(p)           ->               p = p * rows[0]
        p = p * r                                 for k in range(1, len(rows)):
                                                      s += np.sum(p)
                                                      p = p * rows[k]

Where the first trip only combines the number with arrays of the shape that it will have, the number may be an array
from the beginning: `p = np.full(len(rows[0]), 1.0)`. After a loop that makes no trip it would be a number, of which
nothing that follows knows: the program raises an error then.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from adcompile.frontend.frames import NeedsUnrolling
from adcompile.frontend.values import Iterable as Items
from adcompile.ir.core import Atom, Const, Eqn, For, If, Stmt, Var, While, blocks_of, variables
from adcompile.rules import table

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.slots import Slots

COMBINES: Final = (ast.BinOp, ast.UnaryOp, ast.AugAssign, ast.keyword)


class NeedsPeeling(Exception):
    """A name is a number before a loop, and an array after its first trip."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


# -- whether a number may be an array from the beginning


def reads_combine(node: ast.For | ast.While, name: str) -> bool:
    """Tell whether a loop reads a variable in arithmetic only, where no question about its type is asked."""

    def visit(parent: ast.AST) -> bool:
        for child in ast.iter_child_nodes(parent):
            read = isinstance(child, ast.Name) and child.id == name and isinstance(child.ctx, ast.Load)
            if (read and not isinstance(parent, COMBINES)) or not visit(child):
                return False
        return True

    return all(visit(stmt) for stmt in node.body)


def combines(lo: Lowering, stmts: Sequence[Stmt], yields: Sequence[Atom], param: Var) -> bool:
    """Tell whether the body of a loop only combines an array with arrays of its shape, as it would a number."""
    same = lo.facts.same_dims
    bare: set[Atom] = {param}  # what would be a number as well

    def equation(eqn: Eqn) -> bool:
        if bare.isdisjoint(eqn.args):
            return True
        if eqn.prim not in table.ROWS:
            return False
        if not any(a not in bare and a.type.is_array and same(a.type.dims, eqn.out.type.dims) for a in eqn.args):
            bare.update(eqn.outs)
        return True

    def visit(stmts: Iterable[Stmt]) -> bool:
        for stmt in stmts:
            match stmt:
                case Eqn():
                    if not equation(stmt):
                        return False
                case If():
                    if not all(visit(block.stmts) for block in blocks_of(stmt)):
                        return False
                    for block in blocks_of(stmt):
                        bare.update(o for o, a in zip(stmt.outs, block.yields, strict=True) if a in bare)
                case For() | While():
                    if not bare.isdisjoint(stmt.inits) or not all(visit(block.stmts) for block in blocks_of(stmt)):
                        return False
                    if any(not bare.isdisjoint(variables(block.yields)) for block in blocks_of(stmt)):
                        return False
        return True

    return visit(stmts) and bare.isdisjoint(yields)


def check_promoted(lo: Lowering, loop: Slots, stmts: Sequence[Stmt]) -> None:
    """See to it that the numbers that are arrays from the beginning of a loop are used as both may be."""
    for slot in loop.slots:
        if slot.key in loop.plan.promoted and slot.type.dims and slot.param is not None:
            name = str(slot.key[0])
            read_so = name.startswith("@") or reads_combine(loop.node, name)
            if not (read_so and combines(lo, stmts, loop.yields, slot.param)):
                raise NeedsPeeling(name)


# -- loops of which the first trip is apart


def for_(lo: Lowering, node: ast.For, source: Items, name: str) -> None:
    """Lower the first trip of a for loop, then the others as a loop."""
    from adcompile.frontend import loops

    if source.snapshots is not None:
        raise NeedsUnrolling(node)
    begin(lo, node)
    one = Const(1)
    count = source.count()
    check(lo, node, name, lo.builder.emit("gt", count, Const(0)))
    bounds = source.bounds
    if bounds is not None:
        bounds = lo.builder.emit("add", bounds[0], bounds[2]), *bounds[1:]
    rest = Items(
        lambda: lo.builder.emit("sub", count, one),
        lambda k: source.item(lo.builder.emit("add", k, one)),
        bounds,
        source.arrays,
    )
    first(lo, node, lambda: loops.assign_and_run(lo, node, lo.settled(source.item(Const(0)))))
    others(lo, node, lambda: loops.counted(lo, node, rest, None))


def while_(lo: Lowering, node: ast.While, name: str) -> None:
    """Lower the first trip of a while loop, then the others as a loop."""
    from adcompile.frontend import loops, statements

    begin(lo, node)
    check(lo, node, name, loops.test(lo, node.test))
    first(lo, node, lambda: statements.run(lo, node.body))
    others(lo, node, lambda: loops.while_loop(lo, node))


def begin(lo: Lowering, node: ast.For | ast.While) -> None:
    from adcompile.frontend import loops

    lo.plans.pop((node, lo.frame.calls), None)
    loops.plan_of(lo, node).peeled = True


def check(lo: Lowering, node: ast.For | ast.While, name: str, some: Atom) -> None:
    """Raise if a loop makes no trip."""
    from adcompile.frontend import branches

    if isinstance(some, Const):
        if not some.value:
            raise NeedsUnrolling(node)
        return
    text = f"`{name}` is a number if the loop makes no trip, and an array otherwise"

    def fail() -> None:
        lo.builder.emit_many("raise", (Const(text),), ("ValueError",), ())

    branches.merge(lo, node, some, lambda: None, fail)


def first(lo: Lowering, node: ast.For | ast.While, run: Callable[[], None]) -> None:
    from adcompile.frontend import loops

    lo.frame.loops.append(node)
    loops.trip(lo, loops.flags_of(lo, node), run)
    lo.frame.loops.pop()


def others(lo: Lowering, node: ast.For | ast.While, run: Callable[[], None]) -> None:
    """Run the other trips unless the first one has ended the loop."""
    from adcompile.frontend import branches, loops

    flags = loops.flags_of(lo, node)
    ended = lo.frame.raised if flags.until is None else lo.atom(lo.frame.names[flags.until])
    if not isinstance(ended, Const):
        branches.merge(lo, node, ended, lambda: None, run)
    elif not ended.value:
        run()
