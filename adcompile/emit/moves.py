"""Assignments that happen at once, as a sequence of statements: ``u, v = v, u``."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from adcompile.emit import syntax

Move = tuple[str, ast.expr]


def sequence(moves: Sequence[Move]) -> list[ast.stmt]:
    """Order moves so that none overwrites what a later one reads; what cannot be ordered is assigned as a tuple."""
    todo = [m for m in dict(moves).items() if not _trivial(m)]
    done: list[ast.stmt] = []
    while todo:
        free = next((m for m in todo if not any(m[0] in syntax.names_in(s) for t, s in todo if t != m[0])), None)
        if free is None:
            return [*done, parallel(todo)]
        todo.remove(free)
        done.append(syntax.assign([free[0]], free[1]))
    return done


def _trivial(move: Move) -> bool:
    target, source = move
    return isinstance(source, ast.Name) and source.id == target


def parallel(moves: Sequence[Move]) -> ast.stmt:
    return syntax.assign([t for t, _ in moves], syntax.tuple_of(s for _, s in moves))
