"""Lengths as expressions, and the tests of lengths at the top of a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from adcompile.emit import syntax
from adcompile.ir.core import Function, Var
from adcompile.ir.types import Dim, Length

WIDTH: Final = 60  # columns of a message about two lengths
OPERATORS: Final = {"+": "add", "-": "sub", "*": "mul", "//": "floordiv", "%": "mod"}


class Lengths:
    """Writes lengths with the names of the arguments that have them."""

    def __init__(self, params: Mapping[str, Var], names: Mapping[Var, str]) -> None:
        self.params, self.names = params, names

    def write(self, length: Length) -> ast.expr:
        """Write a length; raises KeyError if it is not one of the arguments'."""
        if isinstance(length, int):
            return syntax.constant(length)
        match length.op, length.args:
            case "axis", (str(leaf), axis):
                var = self.params[leaf]
                x = syntax.name(self.names[var])
                if var.type.rank == 1:
                    return syntax.call("len", x)
                return syntax.subscript(syntax.attribute(x, "shape"), syntax.constant(axis))
            case "value", (str(leaf),):
                return syntax.name(self.names[self.params[leaf]])
            case "slice", (dim, None | 0, int(hi), None) if hi >= 0:
                return syntax.call("min", self.operand(dim), syntax.constant(hi))
            case "slice", (dim, int(lo), None, None) if lo >= 0:
                rest = syntax.binary("sub", self.operand(dim), syntax.constant(lo))
                return syntax.call("max", rest, ast.Constant(0))
            case "slice", (dim, None | 0, None, int(step)) if step > 0:
                rounded = syntax.binary("add", self.operand(dim), syntax.constant(step - 1))
                return syntax.binary("floordiv", rounded, syntax.constant(step))
            case "slice", (dim, *bounds):
                whole = syntax.call("range", self.operand(dim))
                lo, hi, step = (None if b is None else self.operand(b) for b in bounds)
                return syntax.call("len", syntax.subscript(whole, ast.Slice(lo, hi, step)))
            case op, (a, b) if op in OPERATORS:
                return syntax.binary(OPERATORS[op], self.operand(a), self.operand(b))
        raise KeyError(str(length))

    def operand(self, length: object) -> ast.expr:
        assert isinstance(length, int | Dim)
        return self.write(length)


def checks(fn: Function, name: str, names: Mapping[Var, str]) -> Iterator[ast.stmt]:
    """Yield a test for every fact about lengths that the program relies on."""
    lengths = Lengths({v.name: v for v in fn.params}, names)
    done: set[str] = set()
    for a, b in fn.facts.log:
        try:
            left, right = lengths.write(a), lengths.write(b)
        except KeyError:
            continue
        test = ast.Compare(left, [ast.NotEq()], [right])
        text = ast.unparse(test)
        if text not in done:
            done.add(text)
            said = message(left, right)
            said = said if len(said) <= WIDTH else "lengths that must be equal differ"
            error = syntax.call("ValueError", ast.Constant(f"{name}: {said}"))
            yield ast.If(test, [ast.Raise(error, None)], [])


def message(left: ast.expr, right: ast.expr) -> str:
    """Say in words what must hold."""
    match left, right:
        case (ast.Call(func=ast.Name("len"), args=[ast.Name(x)]), ast.Call(func=ast.Name("len"), args=[ast.Name(y)])):
            return f"{x} and {y} must have equal lengths"
        case (ast.Constant(), _):
            return f"{ast.unparse(right)} must be {ast.unparse(left)}"
        case (_, ast.Constant()):
            return f"{ast.unparse(left)} must be {ast.unparse(right)}"
    return f"{ast.unparse(left)} must equal {ast.unparse(right)}"
