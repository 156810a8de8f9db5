"""NumPy's ways of arranging arrays that are not plain calls: tolist, piecewise, joining the arrays in a list."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import access, application, calls, iteration, listings, prelude
from adcompile.frontend.values import LocalFunction, Partial, Ref, Value
from adcompile.ir.core import Const, Var
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

LONGEST: Final = 200  # items of an array that becomes a list


def as_list(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Lower the method tolist: lists of Python numbers."""
    if lo.type_of(value).dims == ():
        return application.apply(lo, "item", [value], {}, node)
    dims = lo.type_of(value).dims or ()
    length = example_of(lo.facts.find(dims[0])) if len(dims) == 1 else None
    if length is not None and length > LONGEST:
        return calls.in_python(lo, listings.as_numbers, [value], node)
    items = iteration.static_items(lo, value, node, None, pin=True)
    if len(items) > LONGEST:
        lo.refuse(node, f"a list of {len(items)} numbers is too long", "here", "use the array itself, or its rows")
    return lo.container("list", [as_list(lo, item, node) for item in items])


def piecewise(lo: Lowering, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower np.piecewise: each function is called with the entries where its condition holds."""
    if len(args) < 3:
        lo.refuse(node, "np.piecewise() needs an array, conditions and functions", "called here")
    x, conditions, functions = (lo.current(a) for a in args[:3])
    tests = list(conditions.children) if isinstance(conditions, Node) else [conditions]
    choices = list(functions.children) if isinstance(functions, Node) else []
    if lo.type_of(lo.number(x, node)).dims == ():
        x, *tests = (_vector(lo, a, node) for a in (x, *tests))
        row = piecewise(lo, [x, Node("list", tuple(tests)), functions, *args[3:]], keywords, node)
        return application.apply(lo, np.reshape, [row, Node("tuple", ())], {}, node)
    y = application.apply(lo, np.zeros_like, [x], {}, node)
    if not isinstance(y, Ref) or len(choices) not in (len(tests), len(tests) + 1):
        lo.refuse(node, "np.piecewise() needs as many functions as conditions, or one more", "called here")
    if len(choices) > len(tests):
        found = tests[0]
        for test in tests[1:]:
            found = application.apply(lo, np.logical_or, [found, test], {}, node)
        tests = [*tests, application.apply(lo, np.logical_not, [found], {}, node)]
    for test, choice in zip(tests, choices, strict=True):
        step, atoms = access.components(lo, test, node)
        if isinstance(choice, LocalFunction | Partial) or (isinstance(choice, Const) and callable(choice.value)):
            assert isinstance(x, Ref | Var)
            value: Value = calls.call(lo, choice, [lo.view(x, step, atoms), *args[3:]], keywords, node)
        else:
            value = choice
        lo.write(Ref(y.cell, (*y.path, step), y.atoms + atoms), lo.number(value, node), node)
    return y


def _vector(lo: Lowering, number: Value, node: ast.AST) -> Value:
    """Make an array of one number."""
    return application.apply(lo, np.array, [Node("list", (lo.number(number, node),))], {}, node)


# NumPy's functions that join arrays.
JOINING: Final = (np.stack, np.vstack, np.concatenate, np.hstack, np.column_stack)


def joined(lo: Lowering, f: object, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Join the arrays in a list of run-time length."""
    ref = args[0]
    rank = lo.type_of(ref).rank
    axis = lo.static(args[1] if len(args) > 1 else keywords.get("axis", Const(0)), node)
    if len(args) > 2 or set(keywords) - {"axis"} or rank in (None, 0) or not isinstance(axis, int):
        lo.refuse(node, "a list of run-time length can be joined along an axis, without other arguments", "called here")
    assert rank is not None
    stacked = f is np.stack or (rank == 1 and f in (np.vstack, np.column_stack))
    if f is np.column_stack or (f is np.hstack and rank > 1):
        axis = 1
    axis = axis + rank + stacked if axis < 0 else axis
    if axis:
        join = prelude.stack_along if stacked else prelude.concatenate_along
        return calls.in_python(lo, join, [ref, Const(axis)], node)
    return (
        lo.emit(node, "list_array", lo.atom(ref)) if stacked else calls.in_python(lo, prelude.concatenate, [ref], node)
    )
