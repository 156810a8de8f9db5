"""Lower Jacobians and Hessians of functions: a loop of tangent sweeps or of reverse sweeps."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend import calls, macros
from adcompile.frontend.closures import Closed, close, numbers_of
from adcompile.frontend.values import Args, Keywords, Partial, Value, static_value
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.derivatives import Jacobian, Pullback, Pushforward
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import numpy_dtype
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.derivatives import Settings
    from adcompile.frontend.lower import Lowering


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The derivatives of a closed function: all results by one argument, or one result by all arguments."""

    closed: Closed
    number: int


def jacobian_of(
    lo: Lowering, f: Value, args: Args, keywords: Keywords, settings: Settings, mode: str, node: ast.AST
) -> Value:
    """Lower ``jacobian(f)(*args)``; `mode` is "forward", "reverse" or "cheapest"."""
    from adcompile.frontend.derivatives import owned, pulled, rebuilt, split

    closed = close(lo, f, args, keywords, numbers_of(lo, settings.argnums, args, node), node)
    out, aux = split(lo, closed, settings.has_aux, node)
    if mode == "cheapest":
        mode = cheapest(closed, out)
    results, blocks = at_once(lo, closed, out, mode, node) if lo.whole else (None, {})
    if results is None:
        results, _ = pulled(lo, closed, {}, node)

    def entry(j: int, k: int | None) -> Value:
        y = closed.function.outs[j]
        if k is None or not y.type.inexact:
            return NONE
        if any(_is_complex(a) for a in (y, closed.function.params[k])):
            lo.refuse(
                node,
                f"the Jacobian of {closed.function.name} has complex numbers",
                "called here",
                "take that of a function of real and imaginary parts",
            )
        if (j, k) in blocks:
            return blocks[j, k]
        if not isinstance(y, Var):
            return _nothing(lo, closed.operands[k], y, node)
        return one_block(lo, closed, j, k, mode, results[j], node)

    def by_arguments(j: int) -> Node[Value] | Value:
        trees = [map_leaves(lambda k: entry(j, k), tree) for tree in closed.wrt]
        return trees[0] if settings.single else Node("tuple", tuple(trees))

    found = owned(lo, map_leaves(by_arguments, out))
    if settings.value:
        return Node("tuple", (rebuilt(lo, closed.result, results), found))
    return found if aux is None else Node("tuple", (found, rebuilt(lo, aux, results)))


def _is_complex(a: Atom) -> bool:
    dtype = numpy_dtype(a.type)
    return dtype is not None and dtype.kind == "c"


def _nothing(lo: Lowering, x: Atom, y: Const, node: ast.AST) -> Value:
    """Return the derivatives of a constant."""
    shape = () if not isinstance(y.value, np.ndarray) else y.value.shape
    axes = (*map(Const, shape), *(lo.builder.length(d) for d in x.type.dims or ()))
    return lo.wrap(lo.builder.emit("zeros", *axes, attrs=(numpy_dtype(x.type),))) if axes else Const(0.0)


def at_once(
    lo: Lowering, closed: Closed, out: Node[int] | int, mode: str, node: ast.AST
) -> tuple[list[Value] | None, dict[tuple[int, int], Value]]:
    """Lower the derivatives by all elements of an array at once.

    Return all results of the function, None if there is no array, and the blocks by (result, argument).
    """
    fn = closed.function
    ks = [k for tree in closed.wrt for k in leaves(tree) if k is not None]
    js = [j for j in dict.fromkeys(leaves(out)) if isinstance(fn.outs[j], Var) and fn.outs[j].type.inexact]
    starts, others = (ks, js) if mode == "forward" else (js, ks)
    results: list[Value] | None = None
    found: dict[tuple[int, int], Value] = {}
    for number in starts:
        start = fn.params[number] if mode == "forward" else fn.outs[number]
        if not start.type.dims or any((fn.outs[j] if mode == "forward" else start).type.dims is None for j in js):
            continue
        kept = tuple(k for k, o in enumerate(fn.outs) if isinstance(o, Var)) if results is None else ()
        of = Jacobian(fn, mode, number, tuple(others), kept)
        made = lo.guarded_many(node, "jacobian", closed.operands, (of,))
        if results is None:
            held = dict(zip(kept, made, strict=False))
            results = [lo.wrap(held[k]) if k in held else o for k, o in enumerate(fn.outs)]
        for other, block in zip(others, made[len(kept) :], strict=True):
            j, k = (other, number) if mode == "forward" else (number, other)
            found[j, k] = lo.wrap(in_order(lo, block, fn.outs[j], fn.params[k], mode))
    return results, found


def in_order(lo: Lowering, block: Atom, y: Atom, x: Atom, mode: str) -> Atom:
    """Return a block with the axes of the result first, then those of the argument."""
    b, rank = lo.builder, len(y.type.dims or ())
    if mode == "forward" and rank:
        block = b.emit("transpose", block, attrs=((*range(1, rank + 1), 0),))
    if len(((x if mode == "forward" else y).type.dims) or ()) == 1:
        return block
    return b.emit("reshape", block, *(b.length(d) for d in (*(y.type.dims or ()), *(x.type.dims or ()))))


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
