"""Short ways to write Python syntax trees.

Nodes are never shared: printers and later passes may treat every node as theirs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

OPERATORS: Final[Mapping[str, type[ast.operator]]] = {
    "add": ast.Add,
    "acc": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "div": ast.Div,
    "floordiv": ast.FloorDiv,
    "mod": ast.Mod,
    "pow": ast.Pow,
    "matmul": ast.MatMult,
    "bitand": ast.BitAnd,
    "bitor": ast.BitOr,
    "bitxor": ast.BitXor,
    "lshift": ast.LShift,
    "rshift": ast.RShift,
}
SYMBOLS: Final[Mapping[str, str]] = {
    "add": "+",
    "acc": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "matmul": "@",
    "bitand": "&",
    "bitor": "|",
    "bitxor": "^",
    "lshift": "<<",
    "rshift": ">>",
}
COMPARISONS: Final[Mapping[str, type[ast.cmpop]]] = {
    "lt": ast.Lt,
    "le": ast.LtE,
    "gt": ast.Gt,
    "ge": ast.GtE,
    "eq": ast.Eq,
    "ne": ast.NotEq,
}


def name(text: str) -> ast.expr:
    """Return a name, or an attribute of one: "np.linalg.inv"."""
    first, *rest = text.split(".")
    node: ast.expr = ast.Name(first, ast.Load())
    for attribute in rest:
        node = ast.Attribute(node, attribute, ast.Load())
    return node


def attribute(value: ast.expr, text: str) -> ast.expr:
    return ast.Attribute(value, text, ast.Load())


def call(function: str | ast.expr, *args: ast.expr, **keywords: ast.expr) -> ast.expr:
    target = name(function) if isinstance(function, str) else function
    return ast.Call(target, list(args), [ast.keyword(k, v) for k, v in keywords.items()])


def range_call(start: ast.expr, stop: ast.expr, step: ast.expr) -> ast.expr:
    """Write a range, leaving out what is the default."""
    if integer(step) != 1:
        return call("range", start, stop, step)
    return call("range", stop) if integer(start) == 0 else call("range", start, stop)


def method(value: ast.expr, text: str, *args: ast.expr, **keywords: ast.expr) -> ast.expr:
    return call(attribute(value, text), *args, **keywords)


# How Python writes calls of special methods.
SPECIAL: Final[Mapping[str, Callable[..., ast.expr]]] = {
    "__getitem__": lambda held, key: ast.Subscript(held, key, ast.Load()),
    "__contains__": lambda held, key: ast.Compare(key, [ast.In()], [held]),
    "__len__": lambda held: call("len", held),
}


def method_call(name: str, held: ast.expr, *args: ast.expr) -> ast.expr:
    """Return the call of a method by its name, as Python writes it."""
    return SPECIAL[name](held, *args) if name in SPECIAL else method(held, name, *args)


def subscript(value: ast.expr, index: ast.expr) -> ast.expr:
    return ast.Subscript(value, index, ast.Load())


def tuple_of(items: Iterable[ast.expr]) -> ast.expr:
    return ast.Tuple(list(items), ast.Load())


def binary(prim: str, left: ast.expr, right: ast.expr) -> ast.expr:
    """Apply an operator; ``a + -b`` becomes ``a - b``, which is the same number."""
    if prim in ("add", "sub"):
        match right:
            case ast.UnaryOp(op=ast.USub(), operand=negated):
                return ast.BinOp(left, ast.Add() if prim == "sub" else ast.Sub(), negated)
    return ast.BinOp(left, OPERATORS[prim](), right)


def sum_of(terms: Sequence[ast.expr]) -> ast.expr:
    """Add up terms, one that is not negated first."""
    first = next((k for k, t in enumerate(terms) if not is_negation(t)), 0)
    total, *rest = terms[first], *terms[:first], *terms[first + 1 :]
    for term in rest:
        total = binary("add", total, term)
    return total


def is_negation(x: ast.expr) -> bool:
    return isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.USub)


def compare(prim: str, left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [COMPARISONS[prim]()], [right])


def negate(x: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), x)


def boolean(op: ast.boolop, left: ast.expr, right: ast.expr) -> ast.expr:
    """Apply and / or; a chain of one operator is one node."""
    if isinstance(left, ast.BoolOp) and isinstance(left.op, type(op)):
        return ast.BoolOp(op, [*left.values, right])
    return ast.BoolOp(op, [left, right])


def opposite(condition: ast.expr) -> ast.expr:
    """Return the negation of a condition. An order is turned round only of lengths: with a NaN both may be false."""
    match condition:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return inner
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return ast.Compare(left, [ast.NotEq()], [right])
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
            return ast.Compare(left, [ast.Eq()], [right])
        case ast.Compare(left=left, ops=[op], comparators=[right]) if _is_length(left) and _is_length(right):
            if type(op) in OPPOSITES:
                return ast.Compare(left, [OPPOSITES[type(op)]()], [right])
    return ast.UnaryOp(ast.Not(), condition)


OPPOSITES: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}


def _is_length(x: ast.expr) -> bool:
    """Tell whether an expression is surely an int: a constant or the length of something."""
    match x:
        case ast.Constant(value=value):
            return isinstance(value, int)
        case ast.Call(func=ast.Name(id="len")):
            return True
    return False


def shifted(x: ast.expr, by: int) -> ast.expr:
    """Return the integer expression ``x + by``, added to a constant that is there already."""
    number = integer(x)
    if number is not None:
        return constant(number + by)
    match x:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right) if integer(right) is not None:
            inner = integer(right) or 0
            x, by = left, by + (inner if isinstance(op, ast.Add) else -inner)
    if by == 0:
        return x
    return ast.BinOp(x, ast.Add() if by > 0 else ast.Sub(), ast.Constant(abs(by)))


def integer(x: ast.expr) -> int | None:
    """Return the value of an integer literal, which may be negative."""
    match x:
        case ast.Constant(value=int(n)) if not isinstance(n, bool):
            return n
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(n))) if not isinstance(n, bool):
            return -n
    return None


# -- constants


def constant(value: object) -> ast.expr:
    """Write a constant: negative numbers with a unary minus, NumPy scalars and dtypes by their constructors."""
    match value:
        case None | bool() | str() | bytes():
            return ast.Constant(value)
        case np.generic():
            return call(f"np.{dtype_name(value.dtype)}", constant(value.item()))
        case int():
            return ast.Constant(value) if value >= 0 else negate(ast.Constant(-value))
        case float():
            return _float(value)
        case complex():
            return _complex(value)
        case np.dtype():
            return name(f"np.{dtype_name(value)}")
        case np.ndarray():
            return _array(value)
        case tuple():
            return tuple_of(map(constant, value))
        case list():
            return ast.List([constant(v) for v in value], ast.Load())
        case slice():
            return call("slice", *map(constant, (value.start, value.stop, value.step)))
        case type():
            return name(value.__name__ if value.__module__ == "builtins" else f"np.{value.__name__}")
    if value is Ellipsis:
        return ast.Constant(value)
    raise TypeError(f"a {type(value).__name__} cannot be written into source")


def _float(value: float) -> ast.expr:
    if value != value:
        return name("np.nan")
    if value in (float("inf"), float("-inf")):
        return name("np.inf") if value > 0 else negate(name("np.inf"))
    return negate(ast.Constant(-value)) if str(value)[0] == "-" else ast.Constant(value)


def _complex(value: complex) -> ast.expr:
    if value.real == 0.0 and str(value.real) == "0.0" and np.isfinite(value.imag) and str(value.imag)[0] != "-":
        return ast.Constant(value)
    return call("complex", _float(value.real), _float(value.imag))


def _array(value: np.ndarray) -> ast.expr:
    natural = np.array(value.tolist()).dtype == value.dtype
    keywords = {} if natural else {"dtype": constant(value.dtype)}
    if value.size == 0:
        return call("np.empty", constant(value.shape), **keywords)
    return call("np.array", constant(value.tolist()), **keywords)


def dtype_name(dtype: np.dtype) -> str:
    """Return the name of a dtype in NumPy's namespace."""
    return "bool_" if dtype.kind == "b" else str(dtype.name)


# -- statements


def assign(targets: Sequence[str], value: ast.expr) -> ast.stmt:
    names: list[ast.expr] = [ast.Name(t, ast.Store()) for t in targets]
    return assign_to(names[0] if len(names) == 1 else ast.Tuple(names, ast.Store()), value)


def assign_to(target: ast.expr, value: ast.expr) -> ast.stmt:
    return ast.Assign([target], value, lineno=0)  # printers look at the line


def store(target: ast.expr, value: ast.expr) -> ast.stmt:
    return assign_to(as_target(target), value)


def for_loop(target: str, indices: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> ast.stmt:
    return ast.For(ast.Name(target, ast.Store()), indices, body, orelse, lineno=0)


def augment(target: ast.expr, prim: str, value: ast.expr) -> ast.stmt:
    """Return ``target += value``; adding a negation subtracts."""
    op: ast.operator = OPERATORS[prim]()
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub) and prim in ("add", "acc", "sub"):
        op, value = (ast.Add() if prim == "sub" else ast.Sub()), value.operand
    return ast.AugAssign(as_target(target), op, value)


def as_target(target: ast.expr) -> ast.Name | ast.Subscript | ast.Attribute:
    assert isinstance(target, ast.Name | ast.Subscript)
    target.ctx = ast.Store()
    return target


def evaluated(value: ast.expr) -> ast.stmt:
    return ast.Expr(value)


def names_in(node: ast.AST) -> set[str]:
    """Return the names that appear in a tree."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
