"""Operators and comparisons of objects whose classes define them."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from adcompile.frontend import operators
from adcompile.frontend.objects import attribute, class_of, find, is_object, special
from adcompile.frontend.values import Value
from adcompile.ir.core import Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


# The methods for an operator: of the left operand, and of the right one.
METHODS: Final[Mapping[str, tuple[str, str]]] = {
    **{
        op: (f"__{name}__", f"__r{name}__")
        for op, name in {
            "add": "add",
            "sub": "sub",
            "mul": "mul",
            "div": "truediv",
            "floordiv": "floordiv",
            "mod": "mod",
            "pow": "pow",
            "matmul": "matmul",
            "bitand": "and",
            "bitor": "or",
            "bitxor": "xor",
            "lshift": "lshift",
            "rshift": "rshift",
        }.items()
    },
    "lt": ("__lt__", "__gt__"),
    "le": ("__le__", "__ge__"),
    "gt": ("__gt__", "__lt__"),
    "ge": ("__ge__", "__le__"),
    "eq": ("__eq__", "__eq__"),
    "ne": ("__ne__", "__ne__"),
}


def operate(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value | None:
    """Lower an operator on objects; None if neither class defines it."""
    ours, theirs = METHODS[op]
    tries = [(left, ours, right), (right, theirs, left)]
    l_cls, r_cls = class_of(left), class_of(right)
    if l_cls is not None and r_cls is not None and l_cls is not r_cls and issubclass(r_cls, l_cls):
        tries.reverse()
    if l_cls is r_cls and op not in ("eq", "ne"):
        del tries[1:]
    if l_cls is None:
        _check_left(lo, left, right, node)
    for receiver, name, other in tries:
        found = special(lo, receiver, name, [other], node)
        if found is not None and not (isinstance(found, Const) and found.value is NotImplemented):
            return found
    if op == "ne":
        equal = operate(lo, "eq", left, right, node)
        from adcompile.frontend.expressions import negate, truth

        return None if equal is None else negate(lo, truth(lo, equal, node))
    if op == "eq" and (is_object(left) or is_object(right)):
        return _equal(lo, left, right, node)
    if op in ("lt", "le", "gt", "ge") and l_cls is r_cls and l_cls is not None and is_object(left):
        params = getattr(l_cls, "__dataclass_params__", None)
        return _by_fields(lo, op, l_cls, left, right, node) if getattr(params, "order", False) else None
    return None


def _by_fields(lo: Lowering, op: str, cls: type, left: Value, right: Value, node: ast.AST) -> Value:
    """Compare objects of one dataclass as tuples of their fields."""
    fields = [f.name for f in getattr(cls, "__dataclass_fields__", {}).values() if f.compare]
    sides: list[Value] = [
        Node("tuple", tuple(attribute(lo, v, f, node) for f in fields)) for v in (left, right) if isinstance(v, Node)
    ]
    return operators.apply_binary(lo, op, sides[0], sides[1], node)


def _check_left(lo: Lowering, left: Value, right: Value, node: ast.AST) -> None:
    """Refuse what NumPy does with an object on its right: it takes it for an element of an array."""
    t, cls = lo.type_of(left), class_of(right)
    known = cls is not None and (
        getattr(cls, "__array_ufunc__", 0) is None or getattr(cls, "__array_priority__", 0) > 0
    )
    if t.is_array and not known:
        lo.refuse(
            node,
            "an array on the left of an object is combined element by element",
            "NumPy decides here",
            "put the object on the left",
        )


def _equal(lo: Lowering, left: Value, right: Value, node: ast.AST) -> Value:
    """Compare objects as a dataclass does, by its fields, or by their identity."""
    a, b = class_of(left), class_of(right)
    member = None if a is None else find(a, "__eq__")
    if member is None or not isinstance(member[1], types.FunctionType):
        return Const(isinstance(left, Node) and isinstance(right, Node) and left.identity == right.identity)
    if a is not b or a is None:
        return Const(False)
    return _by_fields(lo, "eq", a, left, right, node)


def truth(lo: Lowering, value: Value, node: ast.AST) -> Value | None:
    """Return what decides the truth of an object; None if it is always true."""
    found = special(lo, value, "__bool__", [], node)
    return special(lo, value, "__len__", [], node) if found is None else found
