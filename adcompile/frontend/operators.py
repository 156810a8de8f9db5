"""Python's operators on values: numbers and arrays become equations, containers and constants are computed now."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Final

from adcompile.frontend import lists, objects, overloading, rows, sparse, texts
from adcompile.frontend.frames import Unbound
from adcompile.frontend.optionals import used
from adcompile.frontend.run_texts import is_text, is_unknown
from adcompile.frontend.values import Ref, Rows, Value, is_sparse, is_static, lift, static_value
from adcompile.ir.core import TRUE, UNDEFINED, Atom, Const, Var, is_none
from adcompile.ir.structure import Node
from adcompile.rules import arithmetic

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

SEQUENCES: Final = ("tuple", "list")

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
COMPARED: Final = frozenset(COMPARE.values())
PYTHON: Final = arithmetic.PYTHON | {"matmul": operator.matmul}


def apply_binary(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value:
    """Lower ``left op right``."""
    left, right = used(lo, left, node), used(lo, right, node)
    if lo.tolerant and (is_none(left) or is_none(right)) and op not in ("eq", "ne"):
        raise Unbound("None is used as an operand", lo.span(node))  # what it becomes in the loop is not known yet
    if _is_plain(lo, left) and _is_plain(lo, right):
        return _emitted(lo, op, left, right, node)
    if objects.class_of(left) is not None or objects.class_of(right) is not None:
        own = overloading.operate(lo, op, left, right, node)
        if own is not None:
            return own
    if is_sparse(left) or is_sparse(right):
        return sparse.operate(lo, op, left, right, node)
    if op == "add" and (isinstance(left, Rows) or isinstance(right, Rows)):
        return rows.concatenated(lo, left, right, node)
    if any(lo.is_list(v) or isinstance(v, Rows) for v in (left, right)):
        done = _lists(lo, op, left, right, node)
        if done is not None:
            return done
    if op == "mod" and isinstance(left, Const) and isinstance(left.value, str):
        return texts.percent(lo, left.value, right, node)
    if op in COMPARED and _is_known_tuple(left) and _is_known_tuple(right):
        return _compute(lo, op, left, right, node)
    if isinstance(left, Node) or isinstance(right, Node):
        done = _containers(lo, op, left, right, node)
        if done is not None:
            return done
    if op == "add" and (is_text(left) or is_text(right)) and not (is_static(left) and is_static(right)):
        return _joined(lo, left, right, node)
    if op in COMPARED and (is_unknown(left) or is_unknown(right)) and not isinstance(left, Node):
        return lo.emit(node, op, lo.atom(left), lo.atom(right))
    if not lo.frame.rule and _python_raises(lo, left, right):
        lo.refuse(
            node, "this operation on a list, tuple or dict is not supported", "here", "make an array with np.array"
        )
    if _constant_object(left) and is_static(right) or _constant_object(right) and is_static(left):
        return _compute(lo, op, left, right, node)
    if op not in COMPARED:
        left, right = _as_float(lo, op, left, right, node), _as_float(lo, op, right, left, node)
    return _emitted(lo, op, left, right, node)


def _is_plain(lo: Lowering, value: Value) -> bool:
    """Tell that a value is a number or an array, as most operands are."""
    if isinstance(value, Ref | Var):
        return lo.type_of(value).is_numeric and not lo.is_list(value)
    return isinstance(value, Const) and type(value.value) in (float, int)


def _emitted(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value:
    a, b = lo.number(left, node), lo.number(right, node)
    return lo.emit(node, "npdiv" if op == "div" and lo.frame.numpy else op, a, b)


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


def _as_float(lo: Lowering, op: str, value: Value, other: Value, node: ast.AST) -> Value:
    """Return an operand: a fraction as the float that it is beside a Python float; other objects are refused there."""
    t = lo.type_of(other)
    if isinstance(value, Const) and type(value.value).__module__ == "fractions" and t.kind == "py" and t.inexact:
        if op in ("add", "sub", "mul", "div"):
            return Const(float(value.value))  # type: ignore[arg-type]  # a Fraction
    of = lo.type_of(value) if isinstance(value, Var | Const) else None
    if of is None or of.kind != "object" or of.is_text or of.layout or not (t.is_numeric and t.inexact):
        return value
    if lo.frame.rule or is_none(value) or value is UNDEFINED or not isinstance(of.dtype, type):
        return value
    what = f"the arithmetic of a {of.dtype.__name__} is not known"
    lo.refuse(node, what, "a derivative would be lost here", "convert it to a number first: float(...)")


def _is_known_tuple(value: Value) -> bool:
    return isinstance(value, Node | Const) and is_static(value) and isinstance(static_value(value), tuple)


def _constant_object(value: Value) -> bool:
    return isinstance(value, Const) and not value.type.is_numeric


def _compute(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value:
    a, b = static_value(left), static_value(right)
    try:
        return lift(PYTHON[op](a, b))
    except TypeError as error:
        lo.refuse(node, f"{error}")


def _lists(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value | None:
    """Do what Python does with lists of run-time length; None if NumPy makes an array of the list."""
    both = [lo.is_list(v) or isinstance(v, Rows) or (isinstance(v, Node) and v.kind == "list") for v in (left, right)]
    if op == "add" and all(both):
        return lists.concatenated(lo, left, right, node)
    if op in ("eq", "ne") and all(both) and (same := lists.equal(lo, left, right, node)) is not None:
        return same if op == "eq" else lo.builder.emit("not", lo.atom(same))
    other = right if both[0] else left
    if op == "mul" and lo.type_of(other).kind == "py":
        return lists.repeated(lo, left if both[0] else right, other, node)
    if all(both) or not (lo.type_of(other).is_array or lo.type_of(other).kind == "np"):
        lo.refuse(node, "this operation on a list is not supported", "here", "make an array of it with np.array")
    return None


def _containers(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value | None:
    """Concatenate and repeat containers; None if an operand is to be an array."""
    if (
        op == "add"
        and isinstance(left, Node)
        and isinstance(right, Node)
        and left.kind == right.kind
        and left.kind in SEQUENCES
    ):
        plain = left.kind == "tuple" or left.cls is not right.cls or issubclass(left.cls or list, list)
        return lo.container(left.kind, left.children + right.children, (), None if plain else left.cls, left.detail)
    if op == "mul":
        held, times = (left, right) if isinstance(left, Node) else (right, left)
        count = lo.static_int(times)
        if isinstance(held, Node) and held.kind in SEQUENCES and count is not None:
            return lo.container(held.kind, held.children * count)
        if isinstance(held, Node) and held.kind == "list" and _is_int(lo, times):
            return lists.repeated(lo, held, times, node)
        count = lo.static_int(times, pin=True)
        if isinstance(held, Node) and held.kind in SEQUENCES and count is not None:
            return lo.container(held.kind, held.children * count)
        if isinstance(held, Node) and held.kind in SEQUENCES:
            _refuse_repetition(lo, held, times, node)
    if isinstance(left, Node) and isinstance(right, Node) and left.kind == right.kind:
        merged = _merged(lo, op, left, right)
        if merged is not None:
            return merged
    if op in ("eq", "ne") and isinstance(left, Node) and isinstance(right, Node):
        return _equal(lo, op, left, right, node)
    if op in STRICT and isinstance(left, Node) and isinstance(right, Node) and left.kind == right.kind in SEQUENCES:
        return _ordered(lo, op, left, right, node)
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


def _merged(lo: Lowering, op: str, left: Node[Value], right: Node[Value]) -> Value | None:
    """Merge two dicts, or combine two sets."""
    if left.kind == "dict" and op == "bitor":
        pairs = dict(zip(left.keys, left.children, strict=True)) | dict(zip(right.keys, right.children, strict=True))
        return lo.container("dict", tuple(pairs.values()), tuple(pairs), left.cls, left.detail)
    if left.kind == "set" and op in ("bitor", "bitand", "bitxor", "sub"):
        return lo.container("set", (), tuple(_elements(op, left, right)), left.cls)
    if left.kind == "set":
        return Const(PYTHON[op](set(left.keys), set(right.keys)))
    return None


def _python_raises(lo: Lowering, left: Value, right: Value) -> bool:
    """Tell whether an operand is a container and none is an array, of which NumPy would make one."""
    containers = [isinstance(v, Node) or lo.is_list(v) for v in (left, right)]
    kinds = [lo.type_of(v).kind for v in (left, right)]
    return any(containers) and not any(
        kind in ("array", "np", "scalar") and not held for kind, held in zip(kinds, containers, strict=True)
    )


def _is_int(lo: Lowering, value: Value) -> bool:
    t = lo.type_of(value)
    return t.is_scalar and t.dtype is not None and not t.inexact


def _elements(op: str, left: Node[Value], right: Node[Value]) -> frozenset[object]:
    found = PYTHON[op](frozenset(left.keys), frozenset(right.keys))
    assert isinstance(found, frozenset)
    return found


# Comparisons by order, and what they ask of the first items that differ.
STRICT: Final = {"lt": "lt", "le": "lt", "gt": "gt", "ge": "gt"}


def _ordered(lo: Lowering, op: str, left: Node[Value], right: Node[Value], node: ast.AST) -> Value:
    """Compare lists or tuples by their first items that differ, or by their lengths."""
    from adcompile.frontend.expressions import both, either, truth

    pairs = [(lo.current(a), lo.current(b)) for a, b in zip(left.children, right.children, strict=False)]
    result: Atom = Const(bool(PYTHON[op](len(left.children), len(right.children))))
    for a, b in reversed(pairs):
        before = truth(lo, apply_binary(lo, STRICT[op], a, b, node), node)
        same = truth(lo, apply_binary(lo, "eq", a, b, node), node)
        result = either(lo, before, both(lo, same, result))
    return result


def _equal(lo: Lowering, op: str, left: Node[Value], right: Node[Value], node: ast.AST) -> Value:
    """Compare containers item by item."""
    from adcompile.frontend.expressions import both, negate, truth

    ours, theirs = (dict(zip(v.steps, v.children, strict=True)) for v in (left, right))
    if left.kind != right.kind or ours.keys() != theirs.keys():  # a NamedTuple equals a tuple
        return Const(op == "ne")
    result: Atom = TRUE
    for step, item in ours.items():
        a, b = lo.current(item), lo.current(theirs[step])
        same = TRUE if lo.same_length(a, b) else truth(lo, apply_binary(lo, "eq", a, b, node), node)
        result = both(lo, result, same)
    return result if op == "eq" else negate(lo, result)
