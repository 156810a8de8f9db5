"""Whether a name may be read again, told from the source: names that nobody reads any more alias nothing."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adcompile.frontend.state import Frame

Position = tuple[int, int]
ALWAYS: Position = (1 << 30, 0)


@lru_cache(maxsize=256)
def reads(node: ast.AST) -> dict[str, list[Position]]:
    """Return where each name is read in a function; what an inner function reads may be read at any time."""
    found: dict[str, list[Position]] = {}

    def visit(n: ast.AST, inner: bool) -> None:
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load):
            found.setdefault(n.id, []).append(ALWAYS if inner else (n.lineno, n.col_offset))
        if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
            found.setdefault(n.target.id, []).append((n.lineno, n.col_offset))
        nested = inner or (n is not node and isinstance(n, ast.FunctionDef | ast.Lambda | ast.GeneratorExp))
        for child in ast.iter_child_nodes(n):
            visit(child, nested)

    visit(node, False)
    return found


def may_be_read(frame: Frame, name: str) -> bool:
    """Tell whether a name may be read after the statement that a frame is at."""
    if frame.node is None or frame.statement is None or name.startswith("."):
        return True
    here = (frame.statement.lineno, frame.statement.col_offset)
    around = [(loop.lineno, loop.end_lineno or loop.lineno) for loop in frame.loops]
    return any(
        place >= here or any(first <= place[0] <= last for first, last in around)
        for place in reads(frame.node).get(name, ())
    )
