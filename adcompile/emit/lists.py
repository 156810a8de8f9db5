"""Operations on lists whose length is known only at run time, as Python writes them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final

from adcompile.emit import syntax
from adcompile.ir.core import Atom, Eqn, is_none

Write = Callable[[Atom], ast.expr]

CHANGES: Final = frozenset(
    {"list_append", "list_pop", "list_set", "list_add", "list_insert", "list_take", "list_add_slice"}
)
MAKES: Final = frozenset(
    {"list_new", "list_zeros", "list_sum", "list_items", "list_slice", "list_concat", "list_repeat", "list_fold"}
)


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
        case "list_slice":
            return part(eqn, write)
        case "list_concat":
            return ast.BinOp(write(eqn.args[0]), ast.Add(), write(eqn.args[1]))
        case "list_repeat":
            return ast.BinOp(write(eqn.args[0]), ast.Mult(), write(eqn.args[1]))
        case "list_fold":
            return folded(eqn, write)
    total = ast.BinOp(syntax.name("v"), ast.Add(), syntax.name("w"))
    return each(total, ["v", "w"], syntax.call("zip", *map(write, eqn.args)))


def item(eqn: Eqn, write: Write) -> ast.Subscript:
    return ast.Subscript(write(eqn.args[0]), write(eqn.args[1]), ast.Load())


def part(eqn: Eqn, write: Write) -> ast.Subscript:
    """Write ``l[lo:hi:step]``."""
    bounds = [None if is_none(a) else write(a) for a in eqn.args[1:4]]
    return ast.Subscript(write(eqn.args[0]), ast.Slice(*bounds), ast.Load())


def folded(eqn: Eqn, write: Write) -> ast.expr:
    """Write the sums of every len(like)-th item."""
    g, like = eqn.args
    every = ast.Slice(syntax.name("k"), None, syntax.call("len", write(like)))
    items = ast.Subscript(write(g), every, ast.Load())
    if like.type.dims == ():
        return each(syntax.call("sum", items), ["k"], syntax.call("range", syntax.call("len", write(like))))
    total = syntax.call("sum", items, syntax.call("np.zeros_like", syntax.name("v")))
    return each(total, ["k", "v"], syntax.call("enumerate", write(like)))


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
        case "list_insert":
            return syntax.evaluated(syntax.method(write(held), "insert", *map(write, eqn.args[1:])))
        case "list_take":
            taken = syntax.method(write(held), "pop", write(eqn.args[1]))
            return syntax.evaluated(taken) if popped is None else syntax.assign([popped], taken)
        case "list_add_slice":
            total = ast.BinOp(syntax.name("v"), ast.Add(), syntax.name("w"))
            pairs = syntax.call("zip", part(eqn, write), write(eqn.args[4]))
            return syntax.store(part(eqn, write), each(total, ["v", "w"], pairs))
    value = write(eqn.args[2])
    if eqn.prim == "list_add" and held.type.dims == ():
        return syntax.augment(item(eqn, write), "acc", value)
    if eqn.prim == "list_add":
        value = ast.BinOp(item(eqn, write), ast.Add(), value)
    return syntax.store(item(eqn, write), value)


FORMS: Final[Mapping[str, Callable[[Eqn, Write], ast.expr]]] = dict.fromkeys(
    ("list_new", "list_get", "list_zeros", "list_sum", "list_slice", "list_concat", "list_repeat", "list_fold"),
    expression,
)
