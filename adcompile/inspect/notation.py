"""How expressions and values are shown: in the survey's notation, to a few digits.

np.log(x)   ->   ln v-1           v_bar * np.cos(x2)   ->   v3_bar * cos v0
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping
from typing import Final

import numpy as np

from adcompile.emit import syntax
from adcompile.emit.expressions import Expressions
from adcompile.emit.fold import Trees
from adcompile.evaluate import equation_writer
from adcompile.ir.core import UNDEFINED, Atom, Const, Eqn, Function, Var
from adcompile.ir.custom import CustomCall
from adcompile.ir.primitives import PRIMITIVES

__all__ = ["called", "format_value", "of_atom", "of_equation", "place"]

# Functions that are written before their argument without brackets.
PREFIX: Final = {
    "log": "ln",
    **{
        name: name
        for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "sqrt", "arctan", "arcsin", "arccos")
    },
}
# NumPy functions that are written as operators.
OPERATORS: Final[Mapping[str, type[ast.operator]]] = {
    "divide": ast.Div,
    "multiply": ast.Mult,
    "add": ast.Add,
    "subtract": ast.Sub,
}
# Statements that are shown as they are written.
EFFECTS: Final = ("print", "assert", "raise", "opaque")
LONGEST: Final = 72
ENTRIES: Final = 4
LEVELS: Final = 3


# -- values


def format_value(value: object, digits: int = 3, levels: int = LEVELS) -> str:
    """Write a number with `digits` decimals, an array by its first entries and its shape, containers to some levels.

    >>> format_value(0.69314718), format_value(10.0), format_value(1e-7)
    ('0.693', '10', '1.000e-07')
    >>> format_value(np.linspace(0.0, 1.0, 11))
    '[0, 0.1, 0.2, ..., 1] (11)'
    """
    if value is UNDEFINED.value:  # what is absent
        return "None"
    if isinstance(value, bool | np.bool_ | int | np.integer | str | None):
        return repr(value.item() if isinstance(value, np.generic) else value)
    if isinstance(value, float | np.floating):
        return _number(float(value), digits)
    if isinstance(value, np.ndarray):
        return _array(value, digits)
    if isinstance(value, tuple | list):
        shown = [format_value(v, digits, levels - 1) for v in value[:ENTRIES]] if levels or not value else ["..."]
        inner = ", ".join([*shown, "..."] if levels and len(value) > ENTRIES else shown)
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    if isinstance(value, dict):
        pairs = itertools.islice(value.items(), ENTRIES) if levels else ()
        shown = [f"{k!r}: {format_value(v, digits, levels - 1)}" for k, v in pairs]
        return "{" + ", ".join([*shown, "..."] if len(value) > len(shown) else shown) + "}"
    if isinstance(value, complex | np.complexfloating):
        real, imaginary = float(value.real), float(value.imag)
        return f"({_number(real, digits)}{'+' if imaginary >= 0 else '-'}{_number(abs(imaginary), digits)}j)"
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else f"<{type(value).__name__}>"


def _number(value: float, digits: int) -> str:
    if value == 0.0 or not np.isfinite(value):
        return {0.0: "0"}.get(value, str(value))
    if not 10.0**-digits <= abs(value) < 1e7:
        return f"{value:.{digits}e}"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _array(value: np.ndarray, digits: int) -> str:
    """Write a small array whole; of a larger one the first entries, the last, and the shape."""
    if value.ndim == 0:
        return format_value(value.item(), digits)
    if value.size <= 2 * ENTRIES and value.ndim <= 2:
        return _nested(value.tolist(), digits)
    flat = value.ravel()
    shown = [format_value(v, digits) for v in (*flat[: ENTRIES - 1].tolist(),)]
    last = [format_value(flat[-1].item(), digits)] if value.size else []
    return f"[{', '.join([*shown, '...', *last])}] ({' x '.join(map(str, value.shape))})"


def _nested(value: object, digits: int) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(v, digits) for v in value)}]"
    return format_value(value, digits)


# -- expressions


def of_equation(eqn: Eqn, texts: Mapping[Var, str]) -> str:
    """Write the right-hand side of an equation, whose operands are written as `texts` says."""
    if eqn.prim in ("custom", "stop_gradient"):
        return called(eqn, texts)
    if eqn.prim == "untree":
        (whole,) = eqn.args
        return f"parts of {texts[whole] if isinstance(whole, Var) else format_value(whole.value)}"
    if PRIMITIVES[eqn.prim].updates or eqn.prim in EFFECTS:
        return _statement(eqn, texts)
    return _text(Expressions({}, texts, {}, lambda _: True).equation(eqn))


def of_atom(a: Atom, fn: Function, texts: Mapping[Var, str]) -> str | None:
    """Write an expression that a program computes from the variables in `texts`; None if it is not one expression."""
    if isinstance(a, Const):
        return _text(syntax.constant(a.value)) if isinstance(a.value, int | float | None) else None
    if a in texts:
        return texts[a]
    trees: dict[Var, Eqn] = {}
    for stmt in fn.stmts:
        if not isinstance(stmt, Eqn):
            return None
        if len(stmt.outs) == 1 and stmt.out not in texts:
            trees[stmt.out] = stmt
    made = trees.get(a)
    if made is not None and made.prim in ("index_update", "index_add", "copy"):
        parts = [of_atom(x, fn, texts) for x in made.args]
        if any(part is None for part in parts):
            return None
        named = {x: part for x, part in zip(made.args, parts, strict=True) if isinstance(x, Var) and part is not None}
        return parts[0] if made.prim == "copy" else of_equation(made, {**texts, **named})
    used = _reached(a, trees)
    if any(PRIMITIVES[trees[v].prim].updates and trees[v].prim != "acc" for v in used if v in trees):
        return None
    if any(v not in trees and v not in texts for v in used):
        return None
    folded = Trees(dict(trees), set(), set()).of
    text = _text(Expressions(folded, texts, {}, lambda _: True).atom(a))
    return text if len(text) <= LONGEST else None


def _reached(a: Var, trees: Mapping[Var, Eqn]) -> set[Var]:
    found: set[Var] = set()
    todo = [a]
    while todo:
        v = todo.pop()
        if v not in found:
            found.add(v)
            todo += [x for x in trees[v].args if isinstance(x, Var)] if v in trees else []
    return found


def place(eqn: Eqn, texts: Mapping[Var, str], base: str) -> str:
    """Write the place of an array that an equation reads or stores to: ``v3_bar[i]``."""
    head, *atoms = eqn.args
    if eqn.prim != "index":
        atoms = atoms[1:]
    written = Expressions({}, texts, {}, lambda _: True).subscripted(head, eqn.attrs[0], tuple(atoms))
    replaced = _Rename(texts.get(head, "") if isinstance(head, Var) else "", base).visit(written)
    return _text(replaced)


class _Rename(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def title(eqn: Eqn) -> str:
    """Return what to call an equation's operation in words."""
    (call,) = eqn.attrs if eqn.prim == "custom" else (None,)
    return call.name if isinstance(call, CustomCall) else eqn.prim.removeprefix("list_")


def called(eqn: Eqn, texts: Mapping[Var, str]) -> str:
    """Write an equation as the call of its primitive."""
    operands = (texts[a] if isinstance(a, Var) else format_value(a.value) for a in eqn.args)
    return f"{title(eqn)}({', '.join(operands)})"


def _statement(eqn: Eqn, texts: Mapping[Var, str]) -> str:
    """Write a store as what it makes: ``v3 with [i] = v5``."""
    match eqn.prim:
        case "index_update" | "index_add":
            base = texts[eqn.args[0]] if isinstance(eqn.args[0], Var) else "array"
            value = texts[eqn.args[1]] if isinstance(eqn.args[1], Var) else format_value(eqn.args[1].value)
            subscript = place(eqn, texts, base).removeprefix(base) or "[...]"
            return f"{base} with {subscript} {'=' if eqn.prim == 'index_update' else '+='} {value}"
        case "acc":
            return _text(Expressions({}, texts, {}, lambda _: True).equation(eqn))
        case prim if prim in EFFECTS:
            names = {**texts, **dict.fromkeys(eqn.outs, "")}
            return " ".join(_text(s) for s in equation_writer(eqn, names).equation(eqn)).removeprefix(" = ")
    return called(eqn, texts)


def _text(tree: ast.AST) -> str:
    """Print an expression without module names and, for well-known functions of one name, without brackets."""
    return ast.unparse(ast.fix_missing_locations(_Notation().visit(tree)))


class _Notation(ast.NodeTransformer):
    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in ("np", "math"):
            return ast.Name(node.attr, node.ctx)
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.Pow) and isinstance(node.left, ast.Call):
            node.left = self.visit_Call(node.left, brackets=True)
            node.right = self.visit(node.right)
            return node
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call, brackets: bool = False) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id=name), args=[left, right], keywords=[]) if name in OPERATORS:
                return ast.BinOp(left, OPERATORS[name](), right)
            case ast.Call(func=ast.Name(id="power"), args=[base, exponent], keywords=[]):
                if isinstance(base, ast.Name) and " " in base.id:  # cos v0 in brackets, as in cos(v0) ** 2
                    word, _, argument = base.id.partition(" ")
                    base = ast.Call(ast.Name(word, ast.Load()), [ast.Name(argument, ast.Load())], [])
                return ast.BinOp(base, ast.Pow(), exponent)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in PREFIX:
                written = PREFIX[name]
                if isinstance(argument, ast.Name) and not brackets and " " not in argument.id:
                    return ast.Name(f"{written} {argument.id}", ast.Load())
                node.func = ast.Name(written, ast.Load())
        return node
