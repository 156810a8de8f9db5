"""Lengths as expressions, and the tests of lengths at the top of a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adcompile.emit import syntax
from adcompile.emit.shadows import MARK
from adcompile.ir.core import Function, Var
from adcompile.ir.types import Dim, Length

WIDTH: Final = 80  # columns of a message
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
                x: ast.expr = ast.Name(self.names[var], ast.Load())
                if var.type.rank == 1:
                    return syntax.call("len", x)
                return syntax.subscript(syntax.attribute(x, "shape"), syntax.constant(axis))
            case "value", (str(leaf),):
                return ast.Name(self.names[self.params[leaf]], ast.Load())
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
                return syntax.call("len", syntax.subscript(whole, self.slice(bounds)))
            case op, (a, b) if op in OPERATORS:
                return syntax.binary(OPERATORS[op], self.operand(a), self.operand(b))
        raise KeyError(str(length))

    def slice(self, bounds: Sequence[object]) -> ast.expr:
        return ast.Slice(*(None if b is None else self.operand(b) for b in bounds))

    def fact(self, a: Length, b: Length) -> str:
        """Say in words that two lengths must be equal."""
        arrays = self.array(a), self.array(b)
        if arrays[0] is not None and arrays[1] is not None:
            return f"{ast.unparse(arrays[0])} and {ast.unparse(arrays[1])} must have equal lengths"
        verb = "must be" if isinstance(b, int) else "must equal"
        return f"{ast.unparse(self.write(a))} {verb} {ast.unparse(self.write(b))}"

    def array(self, length: object) -> ast.expr | None:
        """Write the vector, or the slice of one, that has a length."""
        match length:
            case Dim(op="axis", args=(str(leaf), _)) if self.params[leaf].type.rank == 1:
                return ast.Name(self.names[self.params[leaf]], ast.Load())
            case Dim(op="slice", args=(dim, *bounds)):
                whole = self.array(dim)
                return None if whole is None else syntax.subscript(whole, self.slice(bounds))
        return None

    def operand(self, length: object) -> ast.expr:
        assert isinstance(length, int | Dim)
        return self.write(length)


def checks(fn: Function, name: str, names: Mapping[Var, str]) -> Iterator[ast.stmt]:
    """Yield a test for every fact about lengths that the program relies on."""
    lengths = Lengths({v.name: v for v in fn.params}, names)
    done: set[str] = set()
    for a, b in fn.facts.log:
        a, b = (b, a) if isinstance(a, int) else (a, b)
        try:
            left, right = lengths.write(a), lengths.write(b)
        except KeyError:
            continue
        test = ast.Compare(left, [ast.NotEq()], [right])
        text = ast.unparse(test)
        if text not in done:
            done.add(text)
            said = f"{name}: {lengths.fact(a, b)}".replace(MARK, "")
            said = said if len(said) <= WIDTH else f"{name}: lengths that must be equal differ"
            yield ast.If(test, [ast.Raise(syntax.call("ValueError", ast.Constant(said)), None)], [])
