"""Functions of NumPy that return an array that they are given, change one, or have arguments of their own kind."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import (
    access,
    application,
    arrangements,
    calls,
    elements,
    iteration,
    lists,
    prelude,
    rule_sources,
    vectorized,
    views,
)
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.values import Args, Keywords, Ref, Value
from adcompile.ir.core import NONE, Const
from adcompile.ir.structure import Node
from adcompile.rules import binding
from adcompile.rules.binding import Bound

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def _permuted(name: str) -> Builtin:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        axes = [keywords[k] for k in ("axes", "axis1", "axis2") if k in keywords]
        return application.permute(lo, name, [*args, *axes], node)

    return make


def _same_array(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """np.asarray of an array is the array itself, if it has the dtype that is asked for."""
    if args and isinstance(args[0], Ref) and not lo.is_list(args[0]) and set(keywords) <= {"dtype"}:
        dtype = keywords.get("dtype", args[1] if len(args) > 1 else NONE)
        if len(args) + len(keywords) <= 2 and views.same_array(lo, args[0], lo.static(dtype, node)):
            return args[0]
    return application.apply(lo, np.asarray, args, keywords, node)


def _array(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """np.array copies, unless it is told not to."""
    if "ndmin" in keywords:
        rest = {k: v for k, v in keywords.items() if k != "ndmin"}
        return _of_rank(lo, _array(lo, args, rest, node), lo.static(keywords["ndmin"], node), node)
    if args and isinstance(args[0], Ref) and "copy" in keywords:
        rest = {k: v for k, v in keywords.items() if k != "copy"}
        if not lo.static(keywords["copy"], node):
            return _same_array(lo, args, rest, node)
        return application.apply(lo, np.array, args, rest, node)
    return application.apply(lo, np.array, args, keywords, node)


def _of_rank(lo: Lowering, array: Value, least: object, node: ast.AST) -> Value:
    """Put axes of length 1 before those of an array that has fewer than `least`."""
    rank = lo.type_of(array).rank
    if rank is None or not isinstance(least, int):
        lo.refuse(node, "the rank of the array that np.array() makes is not known", "called here", "use np.reshape")
    if rank >= least:
        return array
    return application.apply(lo, np.expand_dims, [array, Const(tuple(range(least - rank)))], {}, node)


def _contiguous(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """np.ascontiguousarray of an array that lies row after row is the array itself."""
    if len(args) != 1 or keywords or not isinstance(args[0], Ref) or lo.is_list(args[0]):
        return application.apply(lo, np.ascontiguousarray, args, keywords, node)
    value = lo.emit(node, "contiguous", lo.read(args[0]))
    return views.result(lo, Bound("contiguous", (lo.read(args[0]),)), args[0], [value], node)[0]


def _add_at(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST, sign: int = 1) -> Value:
    """Lower np.add.at: what comes twice is added twice."""
    base = _array_to_change(lo, args, keywords, 3, node)
    step, atoms = access.components(lo, args[1], node)
    place = Ref(base.cell, (*base.path, step), base.atoms + atoms)
    value = lo.number(args[2], node)
    lo.check_in_place(lo.type_of(place), value, node)
    if sign < 0:
        value = lo.number(lo.emit(node, "neg", value), node)
    lo.write(place, value, node, "index_add")
    return NONE


def _subtract_at(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return _add_at(lo, args, keywords, node, -1)


def _at(f: np.ufunc) -> Builtin:
    """Lower ``ufunc.at`` as a loop over the places, one after the other."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        _array_to_change(lo, args, keywords, f.nin + 1, node)
        from adcompile.rules import mutators

        several = isinstance(args[1], Node) and args[1].kind == "tuple"
        rule = mutators.apply_at_places if several else mutators.apply_at
        assert isinstance(rule, types.FunctionType)
        return calls.run_function(lo, rule_sources.rule_source(rule), [Const(f), *args], {}, node, rule=True)

    return make


def _array_to_change(lo: Lowering, args: Args, keywords: Keywords, count: int, node: ast.AST) -> Ref:
    base = args[0] if args else NONE
    if len(args) != count or keywords or not isinstance(base, Ref) or lo.type_of(base).is_list:
        lo.refuse(node, "ufunc.at() needs an array, indices and a value for each operand", "called here")
    return base


def _indices(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    first = args[0] if len(args) == 1 else NONE
    return elements.indices(lo, first.children if isinstance(first, Node) else args, node)


def of_one_type(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Refuse Python numbers: NumPy makes all results of the type of the first, be it an int."""
    t = lo.type_of(lo.number(args[0], node))
    if t.kind not in ("np", "array") or t.dtype is None:
        hint = "return a number of NumPy on each path, such as 0.0 * v[0]"
        lo.refuse(node, "what np.apply_along_axis() applies may return numbers of several types", "called here", hint)
    return args[0]


def _along_axis(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower np.apply_along_axis as loops over the other axes."""
    array = args[2] if len(args) > 2 else keywords.get("arr", NONE)
    rank = None if array is NONE else lo.type_of(lo.number(array, node)).rank
    if rank not in (1, 2, 3):
        lo.refuse(node, "np.apply_along_axis() needs an array of one to three axes", "called here", "write the loops")
    return calls.in_python(lo, prelude.along_axis, args, node, keywords)


def _unstacked(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower np.unstack: as many arrays as the axis is long."""
    axis = lo.static(keywords.get("axis", Const(0)), node)
    moved = application.apply(lo, np.moveaxis, [args[0], Const(axis), Const(0)], {}, node)
    return Node("tuple", tuple(iteration.static_items(lo, moved, node, None, pin=True)))


def _from_iterable(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower np.fromiter: an array of the items."""
    given = {**dict(zip(("iter", "dtype", "count"), args, strict=False)), **keywords}
    if set(given) != {"iter", "dtype"}:
        lo.refuse(node, "np.fromiter() takes an iterable and a dtype", "called here", "use np.array of a list")
    return application.apply(lo, np.array, [lists.listed(lo, given["iter"], node), given["dtype"]], {}, node)


def _of_objects(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    hint = "use np.vectorize, whose results are arrays of numbers"
    lo.refuse(node, "what np.frompyfunc() makes returns arrays of objects", "called here", hint)


ARRAY_FUNCTIONS: Final[Mapping[object, Builtin]] = {
    np.apply_along_axis: _along_axis,
    np.apply_over_axes: lambda lo, args, keywords, node: calls.in_python(lo, prelude.over_axes, args, node, keywords),
    np.frompyfunc: _of_objects,
    np.vectorize: lambda lo, args, keywords, node: vectorized.vectorize(lo, args, keywords, node),
    np.fromiter: _from_iterable,
    **({np.unstack: _unstacked} if hasattr(np, "unstack") else {}),
    np.add.at: _add_at,
    np.subtract.at: _subtract_at,
    **{f.at: _at(f) for f in binding.FUNCTIONS if isinstance(f, np.ufunc) and f not in (np.add, np.subtract)},
    np.ndenumerate: lambda lo, args, keywords, node: elements.enumerated(lo, args[0], node),
    np.ndindex: _indices,
    np.transpose: _permuted("transpose"),
    np.swapaxes: _permuted("swapaxes"),
    np.asarray: _same_array,
    np.piecewise: lambda lo, args, keywords, node: arrangements.piecewise(lo, args, keywords, node),
    np.asanyarray: _same_array,
    np.array: _array,
    np.ascontiguousarray: _contiguous,
}
