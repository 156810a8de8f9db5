"""Lower ``in`` and ``not in``."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

from adcompile.frontend import calls, expressions, objects, prelude, registers, run_texts, tables
from adcompile.frontend.operators import apply_binary
from adcompile.frontend.run_texts import is_text
from adcompile.frontend.values import Iterable, Ref, Value, is_static, lift, static_value
from adcompile.ir.core import FALSE, Atom, Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def in_range(lo: Lowering, bounds: tuple[Atom, Atom, Atom], item: Value, node: ast.AST) -> Atom:
    """Lower ``item in range(start, stop, step)`` for a number."""
    both = expressions.both

    def tested(op: str, a: Value, b: Value) -> Atom:
        return expressions.truth(lo, apply_binary(lo, op, a, b, node), node)

    start, stop, step = bounds
    if not (isinstance(step, Const) and isinstance(step.value, int)):
        lo.refuse(node, "the step of this range is known only at run time", "here", "compare with the bounds")
    up = step.value > 0
    found = both(lo, tested("ge" if up else "le", item, start), tested("lt" if up else "gt", item, stop))
    if not (isinstance(item, Var | Const) and item.type.dtype is int):
        found = both(lo, found, tested("eq", apply_binary(lo, "mod", item, Const(1), node), Const(0)))
    if abs(step.value) == 1:
        return found
    place = apply_binary(lo, "mod", apply_binary(lo, "sub", item, start, node), step, node)
    return both(lo, found, tested("eq", place, Const(0)))


def contains(lo: Lowering, container: Value, item: Value, node: ast.AST) -> Atom:
    either, truth = expressions.either, expressions.truth
    own = objects.special(lo, container, "__contains__", [item], node)
    if own is not None:
        return truth(lo, own, node)
    if isinstance(item, Var) and item in lo.builder.params.values():
        number = lo.static_int(item, pin=True)  # as subscripts have it
        item = item if number is None else Const(number)
    if isinstance(container, Node) and container.kind in ("dict", "set"):
        if not container.keys:
            return FALSE
        if isinstance(item, Node) and not is_static(item):
            tables.needed(lo, container, node)
    if isinstance(container, Node) and container.kind in ("dict", "set") and is_static(item):
        return Const(static_value(item) in container.keys)
    if is_static(container) and is_static(item):
        return Const(operator.contains(static_value(container), static_value(item)))  # type: ignore[arg-type]  # Python raises as it would
    if is_text(container) and is_text(item):
        return lo.atom(run_texts.call(lo, container, "__contains__", [item], {}, node))
    scalar = isinstance(item, Var) and item.type.is_scalar or isinstance(item, Const) and item.type.is_numeric
    if isinstance(container, Node) and (scalar or is_text(item)):
        kinds = str if is_text(item) else int | float | complex
        held = [lift(k) for k in container.keys] if container.kind in ("dict", "set") else container.children
        found: Atom = FALSE
        for child in held:
            if is_static(child) and not isinstance(static_value(child), kinds):
                continue
            found = either(lo, found, truth(lo, apply_binary(lo, "eq", item, child, node), node))
        return found
    if isinstance(container, Iterable) and container.bounds is not None:
        return in_range(lo, container.bounds, item, node)
    if registers.is_object(container):
        return lo.atom(registers.call(lo, container, "__contains__", [item], node))
    if isinstance(container, Ref):
        return truth(lo, calls.in_python(lo, prelude.any_equal, [container, item], node), node)
    lo.refuse(node, "`in` is supported for containers and items that are known when compiling", "here")
