"""Lower Jacobians and Hessians of functions: a loop of tangent sweeps or of reverse sweeps."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from adcompile.frontend import calls, macros
from adcompile.frontend.closures import Closed, close
from adcompile.frontend.values import Partial, Value, static_value
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.derivatives import Pullback, Pushforward
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import example_of
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.derivatives import Settings
    from adcompile.frontend.lower import Lowering

Args = Sequence[Value]
Keywords = Mapping[str, Value]


@dataclass(frozen=True, eq=False)
class Block:
    """The derivatives of a closed function: all results by one argument, or one result by all arguments."""

    closed: Closed
    number: int


def jacobian_of(
    lo: Lowering, f: Value, args: Args, keywords: Keywords, settings: Settings, mode: str, node: ast.AST
) -> Value:
    """Lower ``jacobian(f)(*args)``; `mode` is "forward", "reverse" or "cheapest"."""
    from adcompile.frontend.derivatives import owned, pulled, rebuilt, split

    closed = close(lo, f, args, keywords, settings.numbers(lo, args, node), node)
    out, aux = split(lo, closed, settings.has_aux, node)
    results, _ = pulled(lo, closed, {}, node)
    if mode == "cheapest":
        mode = cheapest(closed, out)

    def entry(j: int, k: int | None) -> Value:
        y = closed.function.outs[j]
        if k is None or not y.type.inexact:
            return NONE
        if not isinstance(y, Var):
            lo.refuse(node, f"a result of {closed.function.name} is a constant: it has no Jacobian here", "called here")
        return one_block(lo, closed, j, k, mode, results[j], node)

    def by_arguments(j: int) -> Node[Value] | Value:
        trees = [map_leaves(lambda k: entry(j, k), tree) for tree in closed.wrt]
        return trees[0] if settings.single else Node("tuple", tuple(trees))

    found = owned(lo, map_leaves(by_arguments, out))
    if settings.value:
        return Node("tuple", (rebuilt(lo, closed.result, results), found))
    return found if aux is None else Node("tuple", (found, rebuilt(lo, aux, results)))


def cheapest(closed: Closed, out: Node[int] | int) -> str:
    """Choose the mode by the number of variables and of results."""
    wrt = [closed.operands[k] for tree in closed.wrt for k in leaves(tree) if k is not None]
    variables = [_size(a) for a in wrt]
    results = [_size(closed.function.outs[j]) for j in leaves(out)]
    if None in variables or None in results:
        return "reverse" if all(n == 1 for n in results) else "forward"
    return "forward" if sum(n or 0 for n in variables) <= sum(n or 0 for n in results) else "reverse"


def _size(a: Atom) -> int | None:
    if a.type.dims is None:
        return None
    lengths = [example_of(d) for d in a.type.dims]
    return None if None in lengths else math.prod(n for n in lengths if n is not None)


def one_block(lo: Lowering, closed: Closed, j: int, k: int, mode: str, y: Value, node: ast.AST) -> Value:
    """Lower the derivatives of one result by one argument."""
    x = closed.operands[k]
    wide_x, wide_y = x.type.is_array and x.type.dims != (), closed.function.outs[j].type.is_array
    wide_y = wide_y and closed.function.outs[j].type.dims != ()
    macro: Callable[..., object]
    if mode == "forward":
        macro = macros.column if not wide_x else macros.columns if wide_y else macros.row_of_columns
        number = sum(o.type.inexact for o in closed.function.outs[:j])
        sweep = Partial(Const(push_one), (Const(Block(closed, k)),), {})
    else:
        macro = macros.row if not wide_y else macros.rows if wide_x else macros.column_of_rows
        wrt = [i for tree in closed.wrt for i in leaves(tree) if i is not None]
        number = wrt.index(k)
        sweep = Partial(Const(pull_one), (Const(Block(closed, j)),), {})
    value = lo.new_cell(x) if isinstance(x, Var) and x.type.is_array else x
    return calls.call(lo, Const(macro), [sweep, Const(number), value, y], {}, node)


def push_one(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Return the tangents of all results for a tangent of one argument."""
    block = static_value(args[0])
    assert isinstance(block, Block)
    of = Pushforward(block.closed.function, (block.number,))
    found = lo.guarded_many(node, "pushforward", (*block.closed.operands, lo.number(args[1], node)), (of,))
    return Node("tuple", tuple(map(lo.wrap, found[len(of.function.outs) :])))


def pull_one(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Return the cotangents of all arguments for a cotangent of one result."""
    block = static_value(args[0])
    assert isinstance(block, Block)
    wrt = tuple(k for tree in block.closed.wrt for k in leaves(tree) if k is not None)
    of = Pullback(block.closed.function, (block.number,), wrt)
    found = lo.guarded_many(node, "pullback", (*block.closed.operands, lo.number(args[1], node)), (of,))
    return Node("tuple", tuple(map(lo.wrap, found)))


FUNCTIONS: tuple[Callable[[Lowering, Args, Keywords, ast.AST], Value], ...] = (push_one, pull_one)
