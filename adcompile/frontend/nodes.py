"""The nodes of a syntax tree, as in `ast`, in a third of the time: a function is walked several times over."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# Which operation it is or how a name is used: nodes without children, of which nobody asks here.
_MARKS = ast.expr_context | ast.operator | ast.unaryop | ast.boolop | ast.cmpop


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes that are fields of a node, or in its lists, but not its operators and contexts."""
    found: list[ast.AST] = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            found += [v for v in value if isinstance(v, ast.AST) and not isinstance(v, _MARKS)]
        elif isinstance(value, ast.AST) and not isinstance(value, _MARKS):
            found.append(value)
    return found


def walk(*nodes: ast.AST) -> Iterator[ast.AST]:
    """Yield nodes and all below them, outer before inner, but not operators and contexts."""
    found = [*nodes]
    for node in found:  # grows
        yield node
        found += children(node)
