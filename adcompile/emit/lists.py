"""Operations on lists whose length is known only at run time, as Python writes them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final

from adcompile.emit import syntax
from adcompile.ir.core import Atom, Eqn

Write = Callable[[Atom], ast.expr]

CHANGES: Final = frozenset({"list_append", "list_pop", "list_set", "list_add"})
MAKES: Final = frozenset({"list_new", "list_zeros", "list_sum", "list_items"})


def expression(eqn: Eqn, write: Write) -> ast.expr:
    """Write an operation that has a value."""
    match eqn.prim:
        case "list_new":
            return ast.List([write(a) for a in eqn.args], ast.Load())
        case "list_get":
            return item(eqn, write)
        case "list_zeros":
            (held,) = eqn.args
            if held.type.dims == ():
                return ast.BinOp(ast.List([ast.Constant(0.0)], ast.Load()), ast.Mult(), syntax.call("len", write(held)))
            return each(syntax.call("np.zeros_like", syntax.name("v")), ["v"], write(held))
    total = ast.BinOp(syntax.name("v"), ast.Add(), syntax.name("w"))
    return each(total, ["v", "w"], syntax.call("zip", *map(write, eqn.args)))


def item(eqn: Eqn, write: Write) -> ast.Subscript:
    return ast.Subscript(write(eqn.args[0]), write(eqn.args[1]), ast.Load())


def each(value: ast.expr, names: list[str], source: ast.expr) -> ast.expr:
    """Write a list comprehension."""
    targets: list[ast.expr] = [ast.Name(n, ast.Store()) for n in names]
    target = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
    return ast.ListComp(value, [ast.comprehension(target, source, [], 0)])


def change(eqn: Eqn, write: Write, popped: str | None) -> ast.stmt:
    """Write an operation that changes a list; `popped` is the name of what is taken off it, None if nobody reads it."""
    held = eqn.args[0]
    match eqn.prim:
        case "list_append":
            return syntax.evaluated(syntax.method(write(held), "append", write(eqn.args[1])))
        case "list_pop":
            taken = syntax.method(write(held), "pop")
            return syntax.evaluated(taken) if popped is None else syntax.assign([popped], taken)
    value = write(eqn.args[2])
    if eqn.prim == "list_add" and held.type.dims == ():
        return syntax.augment(item(eqn, write), "acc", value)
    if eqn.prim == "list_add":
        value = ast.BinOp(item(eqn, write), ast.Add(), value)
    return syntax.store(item(eqn, write), value)


FORMS: Final[Mapping[str, Callable[[Eqn, Write], ast.expr]]] = dict.fromkeys(
    ("list_new", "list_get", "list_zeros", "list_sum"), expression
)
