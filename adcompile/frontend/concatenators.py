"""Lower ``np.r_[...]`` and ``np.c_[...]``: arrays, numbers and ranges joined along the first or the last axis."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import application
from adcompile.frontend.values import Slice, Value, static_value
from adcompile.ir.core import Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

CONCATENATORS: Final[tuple[object, ...]] = (np.r_, np.c_)


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
