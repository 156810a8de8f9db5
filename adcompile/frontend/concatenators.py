"""Lower subscripts that make arrays of ranges.

Those of ``np.r_`` and ``np.c_`` join arrays, numbers and ranges along the first or the last axis; those of ``np.mgrid``
and ``np.ogrid`` are the coordinates of the points of a grid.
"""

from __future__ import annotations

import ast
import math
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import application, calls, rule_sources
from adcompile.frontend.values import Slice, Value, static_value
from adcompile.ir.core import Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

CONCATENATORS: Final[tuple[object, ...]] = (np.r_, np.c_)
GRIDS: Final[tuple[object, ...]] = (np.mgrid, np.ogrid)


def joined(lo: Lowering, concatenator: object, index: Value, node: ast.AST) -> Value:
    """Join the parts of a subscript of `np.r_` or `np.c_`."""
    given = index.children if isinstance(index, Node) and index.kind == "tuple" else (index,)
    columns = concatenator is np.c_
    parts = [part(lo, value, columns, node) for value in given]
    axis = Const(-1 if columns else 0)
    return application.apply(lo, np.concatenate, [Node("list", tuple(parts))], {"axis": axis}, node)


def part(lo: Lowering, value: Value, columns: bool, node: ast.AST) -> Value:
    if isinstance(value, Const) and isinstance(value.value, str):
        lo.refuse(node, "directives in np.r_ and np.c_ are not supported", "here", "use np.concatenate or np.stack")
    if isinstance(value, Slice):
        value = spread(lo, value, node)
    if isinstance(value, Node):
        value = application.stacked(lo, value, node)
    rank = lo.type_of(value).rank
    if rank is None:
        lo.refuse(node, "the rank of this array is not known", "here")
    if not columns:
        return application.apply(lo, np.atleast_1d, [value], {}, node)
    if rank == 1:
        return application.apply(lo, np.expand_dims, [value, Const(1)], {}, node)
    return application.apply(lo, np.atleast_2d, [value], {}, node)


def spread(lo: Lowering, bounds: Slice, node: ast.AST) -> Value:
    """Return the array that a slice stands for: a range, or with an imaginary step that many numbers."""
    step = static_value(bounds.step) if isinstance(bounds.step, Const) else bounds.step
    start = Const(0) if isinstance(bounds.lo, Const) and bounds.lo.value is None else bounds.lo
    if isinstance(step, complex):
        return application.apply(lo, np.linspace, [start, bounds.hi, Const(int(abs(step)))], {}, node)
    return application.apply(lo, np.arange, [start, bounds.hi, Const(1) if step is None else bounds.step], {}, node)


def grid(lo: Lowering, maker: object, index: Value, node: ast.AST) -> Value:
    """Return the coordinates that a subscript of `np.mgrid` or `np.ogrid` stands for."""
    if not (isinstance(index, Node) and index.kind == "tuple"):
        return coordinates(lo, index, True, node)
    axes = [coordinates(lo, bounds, False, node) for bounds in index.children]
    dims = [lo.type_of(axis).dims for axis in axes]
    lengths: Value = Node("tuple", tuple(lo.builder.length(d[0]) for d in dims if d))
    made: list[Value] = []
    for k, axis in enumerate(axes):
        others: Value = Node("tuple", tuple(Const(j) for j in range(len(axes)) if j != k))
        made.append(application.apply(lo, np.expand_dims, [axis, others], {}, node))
    if maker is np.ogrid:
        return Node("tuple", tuple(made))
    whole = [application.apply(lo, np.broadcast_to, [x, lengths], {}, node) for x in made]
    return application.apply(lo, np.stack, [Node("list", tuple(whole))], {}, node)


def coordinates(lo: Lowering, bounds: Value, alone: bool, node: ast.AST) -> Value:
    """Return the numbers along one axis of a grid, computed as NumPy computes them."""
    if not isinstance(bounds, Slice):
        lo.refuse(node, "the subscripts of a grid are slices", "here", "write a slice, as in np.mgrid[0:n, 0:m]")
    start = Const(0) if isinstance(bounds.lo, Const) and bounds.lo.value is None else bounds.lo
    step = static_value(bounds.step) if isinstance(bounds.step, Const) else bounds.step
    if isinstance(step, complex):
        return _computed(lo, counted, [start, bounds.hi, Const(int(abs(step)))], node)
    args = [start, bounds.hi, Const(1) if step is None else bounds.step]
    if alone or all(lo.type_of(a).dtype in (int, bool) for a in args):
        return application.apply(lo, np.arange, args, {}, node)
    return _computed(lo, stepped, args, node)


def _computed(lo: Lowering, f: Callable[..., np.ndarray], args: Sequence[Value], node: ast.AST) -> Value:
    assert isinstance(f, types.FunctionType)
    return calls.run_function(lo, rule_sources.rule_source(f), args, {}, node, rule=True)


def counted(start: float, stop: float, count: int) -> np.ndarray:
    """Return so many numbers from start to stop."""
    if count == 1:
        return np.arange(1) + start
    return np.arange(count) * ((stop - start) / float(count - 1)) + start


def stepped(start: float, stop: float, step: float) -> np.ndarray:
    """Return the numbers from start on, before stop, in steps."""
    return np.arange(math.ceil((stop - start) / step)) * step + start
