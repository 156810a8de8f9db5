"""Ranges: their items, their slices, which are ranges, and how many items they have."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from adcompile.frontend import calls, listings
from adcompile.frontend.values import Args, Iterable, Slice, Value
from adcompile.ir.core import Atom, Const
from adcompile.rules.lengths import described

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def range_(lo: Lowering, args: Args, node: ast.AST) -> Iterable:
    """Lower ``range(...)``."""
    atoms = [lo.number(a, node) for a in args]
    for a in atoms:
        if not (a.type.is_scalar and a.type.dtype is not None and not a.type.inexact):
            lo.refuse(node, "range() needs integers", f"got {described(a.type)}", "convert the number with int()")
    if len(atoms) == 1:
        atoms = [Const(0), *atoms]
    start, stop, step = atoms if len(atoms) == 3 else [*atoms, Const(1)]
    emit = lo.builder.emit

    def count() -> Atom:
        known = [a.value for a in (start, stop, step) if isinstance(a, Const) and isinstance(a.value, int)]
        if len(known) == 3:
            return Const(len(range(*known)))
        if isinstance(step, Const) and step.value == 1:
            if isinstance(start, Const) and start.value == 0 and getattr(stop.type.value, "op", "") == "axis":
                return stop
            return emit("max_int", emit("sub", stop, start), Const(0))
        return emit("range_length", start, stop, step)

    def item(k: Atom) -> Atom:
        return emit("add", start, emit("mul", k, step))

    return Iterable(count, item, (start, stop, step))


def item_of(lo: Lowering, source: Iterable, index: Value, node: ast.AST) -> Value:
    """Lower ``range(n)[k]`` and ``range(n)[lo:hi:step]``, or the first of what our own functions are given."""
    if isinstance(index, Slice):
        return sliced(lo, source, index, node)
    k = lo.number(index, node)
    if not k.type.is_scalar or k.type.inexact:
        lo.refuse(node, "an index of a range must be an integer", str(k.type))
    if source.bounds is None:
        return source.item(k)
    start, _, step = source.bounds
    return calls.in_python(lo, listings.item_of_range, [start, step, source.count(), k], node)


def sliced(lo: Lowering, source: Iterable, index: Slice, node: ast.AST) -> Value:
    """Lower ``range(n)[lo:hi:step]``."""
    if source.bounds is None:
        lo.refuse(node, "only a range can be sliced here", "here")
    start, stop, step = source.bounds
    step_by = 1 if _absent(index.step) else lo.static_int(index.step)
    first = 0 if _absent(index.lo) else lo.static_int(index.lo)
    if not step_by:
        lo.refuse(node, "the step of a slice of a range must be known when compiling, and not be 0", "here")
    counts = isinstance(start, Const) and start.value == 0 and isinstance(step, Const) and step.value == 1
    if not counts or first is None or first < 0 or (step_by < 0 and not _absent(index.lo)):
        operands = [start, step, source.count(), index.lo, index.hi, Const(step_by)]
        return calls.in_python(lo, listings.part_of_range, operands, node)

    def item(k: Atom) -> Value:
        from_ = Const(first) if step_by > 0 else lo.builder.emit("sub", stop, Const(1))
        return lo.builder.emit("add", from_, lo.builder.emit("mul", k, Const(step_by)))

    return Iterable(lambda: lo.builder.emit("slice_length", stop, index.lo, index.hi, index.step), item)


def _absent(bound: Atom) -> bool:
    return isinstance(bound, Const) and bound.value is None
