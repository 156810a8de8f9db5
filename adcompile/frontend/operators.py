"""Python's operators on values: numbers and arrays become equations, containers and constants are computed now."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from adcompile.frontend.values import Value, is_static, lift, static_value
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

BINARY: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitAnd: "bitand",
    ast.BitOr: "bitor",
    ast.BitXor: "bitxor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}
UNARY: Final[dict[type[ast.unaryop], str]] = {ast.USub: "neg", ast.Invert: "invert"}
COMPARE: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
PYTHON: Final[dict[str, Callable[..., object]]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "matmul": operator.matmul,
    "bitand": operator.and_,
    "bitor": operator.or_,
    "bitxor": operator.xor,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


def apply_binary(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value:
    """Lower ``left op right``."""
    if isinstance(left, Node) or isinstance(right, Node):
        done = _containers(lo, op, left, right, node)
        if done is not None:
            return done
    if op == "add" and (_is_text(left) or _is_text(right)) and not (is_static(left) and is_static(right)):
        return _joined(lo, left, right, node)
    if _constant_object(left) and is_static(right) or _constant_object(right) and is_static(left):
        return _compute(lo, op, left, right, node)
    a, b = lo.number(left, node), lo.number(right, node)
    return lo.emit(node, "npdiv" if op == "div" and lo.frame.numpy else op, a, b)


def _is_text(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, str)


def _joined(lo: Lowering, left: Value, right: Value, node: ast.AST) -> Value:
    """Join texts of which one is known."""
    parts = [v for v in (left, right) if isinstance(v, Var | Const)]
    if any(isinstance(v, Var) and v.type.kind != "object" for v in parts) or len(parts) < 2:
        lo.refuse(node, "only text can be added to text", "here", "write an f-string")
    template = ""
    atoms: list[Atom] = []
    for v in parts:
        template += str(v.value).replace("{", "{{").replace("}", "}}") if isinstance(v, Const) else "{}"
        atoms += [] if isinstance(v, Const) else [v]
    return lo.builder.emit("format", *atoms, attrs=(template,))


def _constant_object(value: Value) -> bool:
    return isinstance(value, Const) and not value.type.is_numeric


def _compute(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value:
    a, b = static_value(left), static_value(right)
    try:
        return lift(PYTHON[op](a, b))
    except TypeError as error:
        lo.refuse(node, f"{error}")


def _containers(lo: Lowering, op: str, left: Value, right: Value, place: ast.AST) -> Value | None:
    """Concatenate and repeat containers; None if an operand is to be an array."""
    if op == "add" and isinstance(left, Node) and isinstance(right, Node) and left.kind == right.kind != "dict":
        return lo.container(left.kind, left.children + right.children)
    if op == "mul":
        node, times = (left, right) if isinstance(left, Node) else (right, left)
        count = lo.static_int(times, pin=isinstance(node, Node))
        if isinstance(node, Node) and node.kind != "dict":
            if count is not None:
                return lo.container(node.kind, node.children * count)
            _refuse_repetition(lo, node, times, place)
    if op in ("eq", "ne") and isinstance(left, Node) and isinstance(right, Node):
        return _equal(lo, op, left, right)
    return None


def _refuse_repetition(lo: Lowering, repeated: Node[Value], times: Value, place: ast.AST) -> None:
    """Refuse to repeat a list as often as only a run will show; to NumPy's floats and arrays a list is an array."""
    if not isinstance(times, Var) or times.type.dims != () or (times.type.inexact and times.type.kind != "py"):
        return
    lo.refuse(
        place,
        f"how often this {repeated.kind} is repeated is not known when compiling",
        "repeated here",
        "use an array, as np.full makes it, or append to a list in a loop",
    )


def _equal(lo: Lowering, op: str, left: Node[Value], right: Node[Value]) -> Value | None:
    """Compare containers where the outcome is known: constants, or lengths proved equal."""
    same = (left.kind, left.keys, len(left.children)) == (right.kind, right.keys, len(right.children))
    if not same:
        return Const(op == "ne")
    pairs = list(zip(left.children, right.children, strict=True))
    if all(is_static(v) for pair in pairs for v in pair):
        return Const((static_value(left) == static_value(right)) == (op == "eq"))
    known = [lo.same_length(a, b) for a, b in pairs]
    if all(known):
        return Const(op == "eq")
    return None
