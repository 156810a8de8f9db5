"""Lengths as expressions, and the tests of lengths at the top of a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adcompile.emit import syntax
from adcompile.emit.shadows import MARK
from adcompile.ir.core import Function, Var
from adcompile.ir.lengths import Dim, Facts, Length

WIDTH: Final = 84  # columns of a message
DIFFER: Final = "lengths that must be equal differ"
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

    def fact(self, lengths: Sequence[Length]) -> str:
        """Say in words that lengths must be equal."""
        arrays = [x for n in lengths if (x := self.array(n)) is not None]
        if len(arrays) == len(lengths):
            return f"{_listed(arrays)} must have equal lengths"
        written = [self.write(n) for n in lengths]
        if len(lengths) > 2:
            return f"{_listed(written)} must be equal"
        verb = "must be" if isinstance(lengths[1], int) else "must equal"
        return f"{ast.unparse(written[0])} {verb} {ast.unparse(written[1])}"

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


def _listed(things: Sequence[ast.expr]) -> str:
    *most, last = map(ast.unparse, things)
    return f"{', '.join(most)} and {last}"


def checks(fn: Function, name: str, names: Mapping[Var, str]) -> Iterator[ast.stmt]:
    """Yield a test for every set of lengths that the program relies on being equal."""
    lengths = Lengths({v.name: v for v in fn.params}, names)
    for group in _equal(fn.facts, lengths):
        written = [lengths.write(n) for n in group]
        fact = lengths.fact(group).replace(MARK, "")
        said = next(text for text in (f"{name}: {fact}", fact, DIFFER) if len(text) <= WIDTH)
        yield ast.If(_differ(written), [ast.Raise(syntax.call("ValueError", ast.Constant(said)), None)], [])


def _equal(facts: Facts, lengths: Lengths) -> list[list[Length]]:
    """Return the sets of lengths that are equal by the facts and can be written, a constant last, in order."""
    groups: list[dict[str, Length]] = []
    for a, b in facts.log:
        try:
            pair = {ast.unparse(lengths.write(n)): n for n in (a, b)}
        except KeyError:
            continue
        touched = [k for k, group in enumerate(groups) if not group.keys().isdisjoint(pair)]
        merged = {text: n for group in (*(groups[k] for k in touched), pair) for text, n in group.items()}
        for k in reversed(touched):
            del groups[k]
        groups.insert(touched[0] if touched else len(groups), merged)
    return [sorted(g.values(), key=lambda n: isinstance(n, int)) for g in groups if len(g) > 1]


def _differ(lengths: Sequence[ast.expr]) -> ast.expr:
    """Write that lengths are not all equal."""
    first, *others = lengths
    if len(others) == 1:
        return ast.Compare(first, [ast.NotEq()], others)
    return ast.UnaryOp(ast.Not(), ast.Compare(first, [ast.Eq() for _ in others], others))
