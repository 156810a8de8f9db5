"""Operations whose exceptions can be told from their operands.

They are tested before they run, where a `try` around them catches those: divisions, subscripts, functions of `math`,
singular matrices.
"""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import expressions, lists, objects
from adcompile.frontend.exceptions import handled, throw
from adcompile.frontend.values import Ref, Value, is_static, static_value
from adcompile.ir.core import FALSE, NONE, TRUE, Atom, Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def test_operands(lo: Lowering, stmt: ast.stmt) -> None:
    """Set the flags where the operation of a split statement raises what some `try` catches."""
    match stmt:
        case ast.Assign(targets=[ast.Subscript(value=base, slice=index)]):
            found = subscript(lo, base, index, stores=True)
        case ast.Assign(value=ast.BinOp(left=left, op=op, right=right)):
            found = division(lo, left, op, right)
        case (
            ast.Assign(value=ast.Subscript(value=base, slice=index))
            | ast.Delete(targets=[ast.Subscript(value=base, slice=index)])
        ):
            found = subscript(lo, base, index)
        case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
            found = division(lo, ast.copy_location(ast.Name(target.id, ast.Load()), target), op, value)
        case ast.Assign(value=ast.Call() as call) | ast.Expr(value=ast.Call() as call):
            found = called(lo, call)
        case _:
            return
    if found is not None and not (isinstance(found[1], Const) and not found[1].value):
        cls, cond, message = found
        throw(lo, cls, Const(message), cond)


Found = tuple[type[BaseException], Atom, str]


def number(lo: Lowering, node: ast.expr) -> Atom | None:
    """Return a Python number that an operand is; None if it is something else."""
    if not isinstance(node, ast.Name | ast.Constant | ast.UnaryOp):
        return None
    value = expressions.evaluate(lo, node)
    plain = isinstance(value, Var | Const) and value.type.kind == "py" and value.type.is_numeric
    return value if plain and isinstance(value, Var | Const) else None


def is_zero(lo: Lowering, a: Atom) -> Atom:
    return lo.builder.emit("eq", a, Const(0))


def division(lo: Lowering, left: ast.expr, op: ast.operator, right: ast.expr) -> Found | None:
    if not handled(lo, ZeroDivisionError):
        return None
    a, b = number(lo, left), number(lo, right)
    if a is None or b is None:
        return None
    match op:
        case ast.Div():
            whole = a.type.dtype is int and b.type.dtype is int
            return ZeroDivisionError, is_zero(lo, b), "division by zero" if whole else "float division by zero"
        case ast.FloorDiv():
            return ZeroDivisionError, is_zero(lo, b), "integer division or modulo by zero"
        case ast.Mod():
            return ZeroDivisionError, is_zero(lo, b), "integer modulo by zero"
        case ast.Pow():
            negative = lo.builder.emit("lt", b, Const(0))
            text = "0.0 cannot be raised to a negative power"
            return ZeroDivisionError, expressions.both(lo, is_zero(lo, a), negative), text
    return None


def subscript(lo: Lowering, base_node: ast.expr, index_node: ast.expr, stores: bool = False) -> Found | None:
    if not (handled(lo, IndexError) or handled(lo, KeyError)):
        return None
    base = expressions.evaluate(lo, base_node)
    if objects.is_object(base) or objects.method(lo, base, "__getitem__", base_node) is not None:
        return None  # its method may raise
    if isinstance(base, Node) and base.kind == "dict":
        return (
            None
            if stores or hasattr(base.cls, "__missing__")
            else missing(lo, base, expressions.evaluate(lo, index_node))
        )
    if not handled(lo, IndexError):
        return None
    nodes = index_node.elts if isinstance(index_node, ast.Tuple) else [index_node]
    found: Atom = FALSE
    for axis, node in enumerate(nodes):
        index = None if isinstance(node, ast.Slice | ast.Starred) else expressions.evaluate(lo, node)
        length = None if index is None else length_along(lo, base, axis)
        if length is None or not isinstance(index, Var | Const) or not index.type.is_scalar or index.type.dtype is bool:
            if index is not None and not isinstance(index, Var):
                break  # an ellipsis, a new axis, arrays: the axes of what follows are others
            continue
        found = expressions.either(lo, found, outside(lo, index, length))
    kind = base.kind if isinstance(base, Node) else "list" if isinstance(base, Ref) and lists.is_list(lo, base) else ""
    return IndexError, found, f"{kind} index out of range" if kind else "index out of bounds"


def length_along(lo: Lowering, base: Value, axis: int) -> Atom | None:
    """Return the length of an axis; None if there is none."""
    if isinstance(base, Node):
        return Const(len(base.children)) if axis == 0 else None
    if not isinstance(base, Ref):
        return None
    if lists.is_list(lo, base):
        return lists.length(lo, base) if axis == 0 else None
    array = lo.atom(base)
    if array.type.rank is None or axis >= array.type.rank:
        return None
    length = lo.length_of(array, axis)
    assert isinstance(length, Var | Const)
    return length


def outside(lo: Lowering, index: Atom, length: Atom) -> Atom:
    """Tell whether an index is out of range; of a constant, the end that it is counted from is known."""
    if isinstance(index, Const) and isinstance(index.value, int):
        k = index.value
        return lo.builder.emit("le" if k >= 0 else "lt", length, Const(k if k >= 0 else -k))
    low = lo.builder.emit("lt", index, lo.builder.emit("neg", length))
    return expressions.either(lo, low, lo.builder.emit("ge", index, length))


def missing(lo: Lowering, base: Node[Value], key: Value) -> Found | None:
    """Return whether a dict has no such key, which is known when compiling."""
    if not handled(lo, KeyError) or not is_static(key) or static_value(key) in base.keys or base.detail is not None:
        return None
    return KeyError, TRUE, repr(static_value(key))


DOMAINS: Final[dict[object, tuple[tuple[str, float], ...]]] = {
    math.log: (("le", 0.0),),
    math.log2: (("le", 0.0),),
    math.log10: (("le", 0.0),),
    math.log1p: (("le", -1.0),),
    math.sqrt: (("lt", 0.0),),
    math.asin: (("lt", -1.0), ("gt", 1.0)),
    math.acos: (("lt", -1.0), ("gt", 1.0)),
}


def called(lo: Lowering, call: ast.Call) -> Found | None:
    """Return when a call of a function with a primitive raises."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "pop" and handled(lo, IndexError) and not call.args:
        base = expressions.evaluate(lo, call.func.value)
        if isinstance(base, Ref) and lists.is_list(lo, base):
            return IndexError, is_zero(lo, lists.length(lo, base)), "pop from empty list"
        if isinstance(base, Node) and base.kind == "list" and not base.children:
            return IndexError, TRUE, "pop from empty list"
        return None
    if not isinstance(call.func, ast.Name | ast.Attribute) or not call.args or isinstance(call.args[0], ast.Starred):
        return None
    f = function(lo, call.func)
    if f in DOMAINS and handled(lo, ValueError):
        x = lo.number(expressions.evaluate(lo, call.args[0]), call)
        cond: Atom = FALSE
        for op, bound in DOMAINS[f]:
            cond = expressions.either(lo, cond, lo.builder.emit(op, x, Const(bound)))
        return ValueError, cond, "math domain error"
    if f in (np.linalg.solve, np.linalg.inv) and handled(lo, np.linalg.LinAlgError):
        from adcompile.frontend import application

        pair = application.apply(lo, np.linalg.slogdet, [expressions.evaluate(lo, call.args[0])], {}, call)
        sign = pair.children[0] if isinstance(pair, Node) else NONE
        return np.linalg.LinAlgError, is_zero(lo, lo.number(sign, call)), "Singular matrix"
    return None


def function(lo: Lowering, node: ast.expr) -> object:
    """Return the function that is called by a path of names; None if it is none from outside."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    value = expressions.name_value(lo, node.id, node)
    found = value.value if isinstance(value, Const) else None
    for name in path:
        found = getattr(found, name, None)
    try:
        hash(found)
    except TypeError:
        return None
    return found
