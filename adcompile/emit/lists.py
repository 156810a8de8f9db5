"""Operations on lists whose length is known only at run time, as Python writes them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final

from adcompile.emit import syntax
from adcompile.ir.core import Atom, Eqn, Var, is_none
from adcompile.ir.lists import READ, ROWS, STORES, element_type, in_row
from adcompile.records import replace

Write = Callable[[Atom], ast.expr]

CHANGED: Final = ("list_append", "list_pop", "list_set", "list_add", "list_insert", "list_take", "list_add_slice")
CHANGES: Final = frozenset((*CHANGED, *map(in_row, CHANGED)))
MADE: Final = ("list_new", "list_zeros", "list_sum", "list_slice", "list_concat", "list_repeat", "list_fold")
MAKES: Final = frozenset((*MADE, "list_items", "list_row_slice"))
PARTS: Final = frozenset({"list_new"})  # which are written inside what makes another list of them
JOINS: Final = frozenset({"list_concat", "list_repeat"})


def inner(eqn: Eqn, write: Write) -> tuple[Eqn, Write]:
    """Return what an operation on one list of a list of lists does to that, and how it is written."""
    held, k, *rest = eqn.args
    row = Var("", element_type(held.type))
    place = ast.Subscript(write(held), write(k), ast.Load())
    return replace(eqn, prim=ROWS[eqn.prim], args=(row, *rest)), lambda a: place if a is row else write(a)


def expression(eqn: Eqn, write: Write) -> ast.expr:
    """Write an operation that has a value."""
    if eqn.prim in ROWS:
        eqn, write = inner(eqn, write)
    match eqn.prim:
        case "list_length":
            return syntax.call("len", write(eqn.args[0]))
        case "list_array":
            return syntax.call("np.array", write(eqn.args[0]))
        case "list_new":
            return ast.List([write(a) for a in eqn.args], ast.Load())
        case "list_get":
            return item(eqn, write)
        case "list_zeros":
            (held,) = eqn.args
            if held.type.is_nested:
                row = zeros(syntax.name("row"), numbers=held.type.dims == ())
                return each(row, ["row"], write(held))
            return zeros(write(held), numbers=held.type.dims == ())
        case "list_slice":
            return part(eqn, write)
        case "list_concat":
            return ast.BinOp(write(eqn.args[0]), ast.Add(), write(eqn.args[1]))
        case "list_repeat":
            return ast.BinOp(write(eqn.args[0]), ast.Mult(), write(eqn.args[1]))
        case "list_fold":
            return folded(eqn, write)
    if eqn.args[0].type.is_nested:
        row = sums(syntax.name("p"), syntax.name("q"))
        return each(row, ["p", "q"], syntax.call("zip", *map(write, eqn.args)))
    return sums(*map(write, eqn.args))


def zeros(held: ast.expr, *, numbers: bool) -> ast.expr:
    """Write a list of zeros, as many as another list has items, or arrays of zeros like its items."""
    if numbers:
        return ast.BinOp(ast.List([ast.Constant(0.0)], ast.Load()), ast.Mult(), syntax.call("len", held))
    return each(syntax.call("np.zeros_like", syntax.name("v")), ["v"], held)


def copied(eqn: Eqn, write: Write) -> ast.expr:
    """Write a copy of a list or an array; of a list that owns what is in it, one with lists or arrays of its own."""
    (held,) = eqn.args
    if held.type.is_pool:
        return each(syntax.method(syntax.name("row"), "copy"), ["row"], write(held))
    return syntax.method(write(held), "copy")


def sums(left: ast.expr, right: ast.expr) -> ast.expr:
    """Write the list of the sums of the items of two lists."""
    total = ast.BinOp(syntax.name("v"), ast.Add(), syntax.name("w"))
    return each(total, ["v", "w"], syntax.call("zip", left, right))


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
    if eqn.prim in ROWS:
        eqn, write = inner(eqn, write)
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
    (*MADE, "list_get", *(name for name in ROWS if name not in CHANGES and name not in (READ, *STORES))), expression
)
