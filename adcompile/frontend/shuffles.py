"""Random orders and choices of what has derivatives: the numbers of the items are drawn, and the items are taken.

    rng.shuffle(y)            y[:] = y[rng.permutation(len(y))]
    rng.permutation(y)        y[rng.permutation(len(y))]
    rng.choice(y, 3)          y[rng.choice(len(y), 3)]
    random.shuffle(items)     order = np.arange(len(items)).tolist(); random.shuffle(order); items of these numbers

What is drawn is the same, as are the draws that follow.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend import calls, listings
from adcompile.frontend.opaque_equations import emit
from adcompile.frontend.values import Args, Keywords, Ref, Rows, Value, lift
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import Type
from adcompile.rules.lengths import length_of

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Draw = Callable[[str, Args, Keywords], Value]  # the call of a method of the same source of draws


def instead(
    lo: Lowering, name: str, args: Args, keywords: Keywords, node: ast.AST, draw: Draw, python: bool
) -> Value | None:
    """Draw the numbers of items, and take these; None where the items need not be seen. `python`: not by NumPy."""
    if not args or set(keywords) - {"size", "replace", "p", "shuffle", "k", "weights"}:
        return None
    items = lo.current(args[0])
    if name == "shuffle":
        return shuffled(lo, items, node, draw, python)
    if name not in (("sample", "choices", "choice") if python else ("permutation", "choice")):
        return None
    if not _has_derivatives(lo, items):
        return None
    count = calls.call(lo, lift(len), [items], {}, node)
    if python and name != "choice":
        number = lo.number(keywords.get("k", args[1] if name == "sample" and len(args) > 1 else Const(1)), node)
        held = draw(name, [counted(lo, count, node), *args[1:]], keywords)
        order = emit(lo, "path", ("numpy", "array"), (), [held], {}, (_whole(lo, number),), node, True)
        return calls.in_python(lo, listings.taken, [items, order], node)
    chosen = draw("randrange" if python else name, [count, *args[1:]], keywords)
    return calls.in_python(lo, listings.chosen, [items, chosen], node)


def _has_derivatives(lo: Lowering, items: Value) -> bool:
    """Tell whether items are numbers or arrays with derivatives."""
    if isinstance(items, Node) and items.kind in ("list", "tuple"):
        return any(isinstance(c, Var) and c.type.inexact for c in map(lo.current, items.children))
    return isinstance(items, Ref) and lo.type_of(items).inexact and bool(lo.is_list(items) or lo.type_of(items).dims)


def shuffled(lo: Lowering, items: Value, node: ast.AST, draw: Draw, python: bool) -> Value:
    """Put the items of an array or list into an order that is drawn."""
    is_list = isinstance(items, Rows) or (isinstance(items, Node) and items.kind == "list") or lo.is_list(items)
    if not is_list and (python or not isinstance(items, Ref) or not lo.type_of(items).dims):
        what = "shuffle() changes its argument, which the compiler does not see"
        lo.refuse(node, what, "called here", "draw a permutation: i = rng.permutation(n), and use x[i]")
    count = calls.call(lo, lift(len), [items], {}, node)
    order = in_order(lo, count, node, draw) if python else draw("permutation", [count], {})
    if is_list:
        calls.in_python(lo, listings.reorder_list, [items, order], node)
    else:
        calls.in_python(lo, listings.reorder, [items, order], node)
    return NONE


def in_order(lo: Lowering, count: Value, node: ast.AST, draw: Draw) -> Value:
    """Return the numbers below one in the order in which Python's shuffle() puts them."""
    held = counted(lo, count, node)
    draw("shuffle", [held], {})
    t = _whole(lo, lo.number(count, node))
    return emit(lo, "path", ("numpy", "array"), (), [held], {}, (t,), node, True)


def counted(lo: Lowering, count: Value, node: ast.AST) -> Value:
    """Make a list of the numbers below one, which the program keeps as it is."""
    t = _whole(lo, lo.number(count, node))
    numbers = emit(lo, "path", ("numpy", "arange"), (), [count], {}, (t,), node, True)
    return emit(lo, "method", ("", "tolist"), (lo.atom(numbers),), [], {}, (Type("object", list, None),), node, True)


def _whole(lo: Lowering, count: Atom) -> Type:
    """Return the type of an array of as many whole numbers."""
    return Type("array", np.dtype(np.int64), (length_of(lo.facts, count),))
