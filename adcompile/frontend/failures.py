"""Operations whose exceptions can be told from their operands.

They are tested before they run, where a `try` around them catches those: divisions, subscripts, functions of `math`,
singular matrices.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import expressions, lists, objects, rows
from adcompile.frontend.exceptions import handled, spelled
from adcompile.frontend.values import Ref, Rows, Value, is_static, static_value
from adcompile.ir.core import FALSE, TRUE, Atom, Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


Found = tuple[type[BaseException], Atom, object]  # an exception, when it is raised, its message or key


def failures(lo: Lowering, stmt: ast.stmt) -> list[Found]:
    """Return when the operation of a split statement raises what."""
    found: Found | None = None
    match stmt:
        case ast.Assign(targets=[ast.Subscript(value=base, slice=index)]):
            found = subscript(lo, base, index, stores=True)
        case ast.Assign(value=ast.BinOp(left=left, op=op, right=right)):
            return [*division(lo, left, op, right), *overflow(lo, left, op, right)]
        case (
            ast.Assign(value=ast.Subscript(value=base, slice=index))
            | ast.Delete(targets=[ast.Subscript(value=base, slice=index)])
        ):
            found = subscript(lo, base, index)
        case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
            old = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            return [*division(lo, old, op, value), *overflow(lo, old, op, value)]
        case ast.Assign(value=ast.Call() as call) | ast.Expr(value=ast.Call() as call):
            return called(lo, call)
    return [] if found is None else [found]


def number(lo: Lowering, node: ast.expr) -> Atom | None:
    """Return a Python number that an operand is; None if it is something else."""
    if not isinstance(node, ast.Name | ast.Constant | ast.UnaryOp):
        return None
    value = expressions.evaluate(lo, node)
    plain = isinstance(value, Var | Const) and value.type.kind == "py" and value.type.is_numeric
    return value if plain and isinstance(value, Var | Const) else None


def is_zero(lo: Lowering, a: Atom) -> Atom:
    return lo.builder.emit("eq", a, Const(0))


def division(lo: Lowering, left: ast.expr, op: ast.operator, right: ast.expr) -> list[Found]:
    """Return when a division of Python numbers is one by zero."""
    if not handled(lo, ZeroDivisionError):
        return []
    a, b = number(lo, left), number(lo, right)
    if a is None or b is None:
        return []
    whole = a.type.dtype is int and b.type.dtype is int
    match op:
        case ast.Div():
            text = "division by zero" if whole else "float division by zero"
        case ast.FloorDiv():
            text = "integer division or modulo by zero" if whole else "float floor division by zero"
        case ast.Mod():
            text = "integer modulo by zero" if whole else "float modulo"
        case ast.Pow():
            negative = lo.builder.emit("lt", b, Const(0))
            text = "0.0 cannot be raised to a negative power"
            return [(ZeroDivisionError, expressions.both(lo, is_zero(lo, a), negative), text)]
        case _:
            return []
    return [(ZeroDivisionError, is_zero(lo, b), text)]


def overflow(lo: Lowering, left: ast.expr, op: ast.operator, right: ast.expr) -> list[Found]:
    """Return when a power of Python numbers is too large."""
    if not isinstance(op, ast.Pow) or not handled(lo, OverflowError):
        return []
    a, b = number(lo, left), number(lo, right)
    if a is None or b is None or (a.type.dtype is int and b.type.dtype is int):
        return []
    cls, text = TOO_LARGE
    return [(cls, tried(lo, pow, cls, [a, b]), text)]


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
    listed = isinstance(base, Rows) or (isinstance(base, Ref) and lo.is_list(base))
    kind = base.kind if isinstance(base, Node) else "list" if listed else ""
    return IndexError, found, f"{kind} index out of range" if kind else "index out of bounds"


def length_along(lo: Lowering, base: Value, axis: int) -> Atom | None:
    """Return the length of an axis; None if there is none."""
    if isinstance(base, Node):
        return Const(len(base.children)) if axis == 0 else None
    if isinstance(base, Rows):
        return rows.length(lo, base) if axis == 0 else None
    if not isinstance(base, Ref):
        return None
    if lo.is_list(base):
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
    return KeyError, TRUE, static_value(key)


DOMAINS: Final[dict[object, tuple[tuple[str, float], ...]]] = {
    math.log: (("le", 0.0),),
    math.log2: (("le", 0.0),),
    math.log10: (("le", 0.0),),
    math.log1p: (("le", -1.0),),
    math.sqrt: (("lt", 0.0),),
    math.asin: (("lt", -1.0), ("gt", 1.0)),
    math.acos: (("lt", -1.0), ("gt", 1.0)),
}


SINGULAR: Final = ((np.linalg.LinAlgError, "Singular matrix"),)
DIVERGED: Final = ((np.linalg.LinAlgError, "SVD did not converge"),)
UNSETTLED: Final = ((np.linalg.LinAlgError, "Eigenvalues did not converge"),)
OUT_OF_DOMAIN: Final = ((ValueError, "math domain error"),)
TOO_LARGE: Final = (OverflowError, "(34, 'Numerical result out of range')")
OUT_OF_RANGE: Final = ((OverflowError, "math range error"),)

# What functions raise that is found by trying.
TRIED: Final[dict[object, tuple[tuple[type[Exception], str], ...]]] = {
    np.linalg.cholesky: ((np.linalg.LinAlgError, "Matrix is not positive definite"),),
    **dict.fromkeys((np.linalg.solve, np.linalg.inv, np.linalg.matrix_power), SINGULAR),
    **dict.fromkeys((np.linalg.svd, np.linalg.pinv), DIVERGED),
    **dict.fromkeys((np.linalg.eigh, np.linalg.eigvalsh), UNSETTLED),
    **dict.fromkeys((math.acosh, math.atanh, math.fmod), OUT_OF_DOMAIN),
    **dict.fromkeys((math.exp, math.expm1, math.sinh, math.cosh), OUT_OF_RANGE),
    math.log: (*OUT_OF_DOMAIN, (ZeroDivisionError, "float division by zero")),
    pow: (TOO_LARGE, (ZeroDivisionError, "0.0 cannot be raised to a negative power")),
    math.pow: (*OUT_OF_DOMAIN, *OUT_OF_RANGE),
}


def called(lo: Lowering, call: ast.Call) -> list[Found]:
    """Return when a call of a function with a primitive raises what."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "pop" and handled(lo, IndexError) and not call.args:
        return emptied(lo, expressions.evaluate(lo, call.func.value))
    f = function(lo, call.func) if isinstance(call.func, ast.Name | ast.Attribute) else None
    if f not in TRIED and f not in DOMAINS or call.keywords:
        return []
    args = [lo.number(a, call) for a in expressions.elements(lo, call.args)]
    if f in DOMAINS and len(args) == 1:
        if not handled(lo, ValueError):
            return []
        (x,) = args
        conds = [lo.builder.emit(op, x, Const(bound)) for op, bound in DOMAINS[f]]
        return [(ValueError, functools.reduce(functools.partial(expressions.either, lo), conds), "math domain error")]
    errors = [(cls, text) for cls, text in TRIED.get(f, ()) if handled(lo, cls)]
    return [(cls, tried(lo, f, cls, args), text) for cls, text in errors]


def tried(lo: Lowering, f: object, cls: type[Exception], args: Sequence[Atom]) -> Atom:
    """Tell whether a function raises an exception, by calling it."""
    module, name = str(getattr(f, "__module__", "")).replace("numpy", "np"), str(getattr(f, "__name__", ""))
    return lo.builder.emit("raises", *args, attrs=(spelled(cls), name if module == "builtins" else f"{module}.{name}"))


def emptied(lo: Lowering, base: Value) -> list[Found]:
    """Return whether a list that an item is taken off is empty."""
    empty: Atom = FALSE
    if isinstance(base, Rows) or (isinstance(base, Ref) and lo.is_list(base)):
        empty = is_zero(lo, rows.length(lo, base) if isinstance(base, Rows) else lists.length(lo, base))
    elif isinstance(base, Node) and base.kind == "list" and not base.children:
        empty = TRUE
    return [(IndexError, empty, "pop from empty list")]


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
