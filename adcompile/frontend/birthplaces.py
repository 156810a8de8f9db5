"""Where lists and objects are made: what is pooled, see `pooling`, is so from there."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from adcompile.frontend import pooling, pools, rows, tables
from adcompile.frontend.frames import is_ours
from adcompile.frontend.values import Ref, Rows, Value
from adcompile.ir.structure import Node
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


@dataclass(frozen=True)
class Pooled:
    """What is resolved when the lists or objects that are made at a place are in a pool."""

    place: ast.AST


def made(lo: Lowering, value: Value, node: ast.AST, since: int) -> Value:
    """Return the value of an expression: a list that is new, and is made at a place of a pool, is put into it.

    A list with such lists in it is one of run-time length.
    """
    own = identity(value)
    if own is None or own <= since:
        return value
    if is_ours(lo.frame.scope):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "factory"):
            return value  # it is made where our function is called
        node = _statement(lo) or node
    lo.birthplaces.setdefault(own, node)
    place = lo.birthplaces[own]
    if isinstance(value, Node):
        _fill(lo, value, since, place)
    if not lo.pools:
        return value
    if isinstance(value, Node) and value.kind == "list":
        items = [lo.seen(c) for c in value.children]
        if any(pools.is_placed(lo, item) for item in items):
            value = pooling.grown(lo, value, items) or value
    return pooling.put(lo, value, place, node) if Pooled(place) in lo.resolved else value


_inside: dict[tuple[ast.AST, object], ast.AST] = {}


def _fill(lo: Lowering, value: Node[Value], since: int, place: ast.AST) -> None:
    """Say where lists are made that a new object has from no expression, as fields of dataclasses by default."""
    for step, child in zip(value.steps, value.children, strict=True) if value.kind == "object" else ():
        child = lo.seen(child)
        own = identity(child)
        if own is None or own <= since or own in lo.birthplaces:
            continue
        if (place, step) not in _inside:
            _inside[place, step] = ast.copy_location(ast.List([], ast.Load()), place)
        lo.birthplaces[own] = _inside[place, step]
        if Pooled(_inside[place, step]) in lo.resolved:
            lo.contents[own] = pooling.put(lo, child, _inside[place, step], place)


def _statement(lo: Lowering) -> ast.stmt | None:
    """Return the user's statement that makes the items of a defaultdict."""
    return next((frame.statement for frame in reversed(lo.frames) if not is_ours(frame.scope)), None)


def identity(value: Value) -> int | None:
    """Return what a list or object is known by that is in no pool; None for what cannot be put into one."""
    if isinstance(value, Node):
        plain = value.kind == "list" or (value.kind == "dict" and all(isinstance(k, str) for k in value.keys))
        record = value.kind == "object" and not rows.is_immutable(value) and not tables.is_table(value)
        return value.identity if record or (plain and value.cls is None and value.detail is None) else None
    ref = rows.first_column(value) if isinstance(value, Rows) else value
    return ref.cell if isinstance(ref, Ref) and not ref.path else None
