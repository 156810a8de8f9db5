"""What the lists, arrays or objects of a pool hold: patterns, as those of `rows`, found out one after the other.

An array that was not in a pool when a pattern was found may be in one now, and an attribute that was None may hold a
value of some other object.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adcompile.frontend import pools, rows
from adcompile.frontend.optionals import Maybe
from adcompile.frontend.values import Ref, Value
from adcompile.ir.core import Const, is_none
from adcompile.ir.structure import Node
from adcompile.ir.types import OWNED, Type
from adcompile.records import replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def canonical(pattern: rows.Pattern, roots: Mapping[ast.AST, ast.AST]) -> rows.Pattern:
    """Return a pattern in which pools are named by their roots."""
    if not isinstance(pattern, Node):
        return pattern
    detail = roots[pattern.detail] if isinstance(pattern.detail, ast.AST) else pattern.detail
    return replace(pattern, children=tuple(canonical(c, roots) for c in pattern.children), detail=detail)


def latest(pattern: rows.Pattern, patterns: Sequence[rows.Pattern]) -> rows.Pattern:
    """Return a pattern with arrays in pools where it was found before that they are."""
    if isinstance(pattern, Node):
        like = [p for p in patterns if isinstance(p, Node) and (p.kind, p.keys, p.cls) == _kind(pattern)]
        like = [p for p in like if len(p.children) == len(pattern.children)]
        columns = zip(*(p.children for p in like), strict=True)
        return pattern.holding([latest(c, column) for c, column in zip(pattern.children, columns, strict=True)])
    if isinstance(pattern, Type) and pattern.dims:
        return next((p for p in patterns if isinstance(p, Node) and p.cls is pools.Placed), pattern)
    if isinstance(pattern, Const) and is_none(pattern):
        return next((p for p in patterns if isinstance(p, Node) and p.cls is Maybe), pattern)
    return pattern


def _kind(pattern: Node[Type | Const]) -> object:
    return pattern.kind, pattern.keys, pattern.cls


def covers(held: rows.Pattern, pattern: rows.Pattern) -> bool:
    """Tell whether what is of a pattern can be put into a pool: None also where there may be None."""
    if isinstance(held, Node) and held.cls is Maybe and not (isinstance(pattern, Node) and pattern.cls is Maybe):
        return (isinstance(pattern, Const) and is_none(pattern)) or covers(held.children[1], pattern)
    if isinstance(held, Node) and isinstance(pattern, Node) and held.form == pattern.form:
        return all(map(covers, held.children, pattern.children))
    return form(held) == form(pattern)


def shape(lo: Lowering, tree: Value) -> rows.Pattern:
    if isinstance(tree, Node):
        return tree.holding([shape(lo, c) for c in tree.children])
    if isinstance(tree, Ref):
        return lo.cells[tree.cell].type
    assert isinstance(tree, Const)
    return tree


def form(pattern: rows.Pattern) -> object:
    """Return a pattern but for dtypes and lengths, which are followed as the program is lowered."""
    if isinstance(pattern, Node):
        return pattern.form, tuple(map(form, pattern.children))
    return (pattern.rank, pattern.layout == OWNED) if isinstance(pattern, Type) else pattern.key
