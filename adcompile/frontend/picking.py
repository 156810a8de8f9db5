"""Items of dicts and lists that are known, at a key that is known only at run time: one branch for each item.

    table[k]          ->     v = a if k == 0 else b if k == 5 else c
    table[k] = v      ->     a = v if k == 0 else a; ...

A loop whose trips can be told apart is repeated instead: this is done only where lowering has failed without.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from adcompile.frontend import branches, calls, expressions, prelude
from adcompile.frontend.frames import Unbound
from adcompile.frontend.operators import apply_binary
from adcompile.frontend.values import Value, lift
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


MOST: Final = 32  # items of which one is chosen outside of a loop


def question(node: ast.AST) -> tuple[str, ast.AST]:
    """Return what is resolved when the item at a place is chosen at run time."""
    return "item", node


def at_run_time(lo: Lowering, index: Var, node: ast.AST) -> bool:
    """Tell whether a key or position is known only at run time, and is to be tested there."""
    return lo.static_int(index) is None and question(node) in lo.resolved


def steps_of(held: Node[Value]) -> list[Value]:
    """Return the keys of a dict, or the positions in a list or tuple."""
    return [lift(k) for k in held.keys] if held.kind == "dict" else [Const(k) for k in range(len(held.children))]


def tests(lo: Lowering, held: Node[Value], index: Value, node: ast.AST) -> list[Atom]:
    """Return for each item whether the key is its own; raise at run time if it is none of them."""
    if held.kind != "dict":
        negative = expressions.truth(lo, apply_binary(lo, "lt", index, Const(0), node), node)
        wrapped = apply_binary(lo, "add", index, Const(len(held.children)), node)
        index = branches.choose(lo, node, negative, lambda: wrapped, lambda: index)
    same = [expressions.truth(lo, apply_binary(lo, "eq", index, k, node), node) for k in steps_of(held)]
    found: Atom = Const(False)
    for test in same:
        found = expressions.either(lo, found, test)
    check = prelude.require_key if held.kind == "dict" else prelude.require_position
    calls.in_python(lo, check, [found], node)
    return same


def read(lo: Lowering, held: Node[Value], index: Value, node: ast.AST) -> Value:
    """Return the item at a key."""
    if not held.children:
        if lo.tolerant:
            raise Unbound(f"this {held.kind} has no items here", lo.span(node))
        lo.refuse(node, f"this {held.kind} has no items", "here")
    return _first(lo, tests(lo, held, index, node), [lo.settled(c) for c in held.children], node)


def _first(lo: Lowering, same: Sequence[Atom], items: Sequence[Value], node: ast.AST) -> Value:
    """Return the item whose test holds; of the last one it does if no other does."""
    if len(items) == 1 or isinstance(same[0], Const) and same[0].value:
        return items[0]
    return branches.choose(lo, node, same[0], lambda: items[0], lambda: _first(lo, same[1:], items[1:], node))


def store(lo: Lowering, held: Node[Value], index: Value, value: Value, node: ast.AST) -> None:
    """Store a value at a key, which must be there."""
    pairs = zip(tests(lo, held, index, node), held.children, strict=True)
    lo.change(node, held, [branches.choose(lo, node, test, lambda: value, lambda c=c: c) for test, c in pairs])  # type: ignore[misc]  # bound now
