"""Which variables a function shares with the functions inside it.

    def f(x):
        total = 0.0
        def add(v):
            nonlocal total            # `total` is a boxed variable of f, and an outer one of add
            total = total + v
        add(x); add(x * x)
        return total

A boxed variable lives in a list of one item, so that it is found and carried wherever lists are: through branches
and loops, in whatever function it is assigned.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

Definition = ast.FunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def _body(node: ast.AST) -> list[ast.stmt] | list[ast.expr]:
    return [node.body] if isinstance(node, ast.Lambda) else node.body if isinstance(node, ast.FunctionDef) else []


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body, but not those inside the functions that it makes."""
    waiting: list[ast.AST] = [*_body(node)]
    while waiting:
        current = waiting.pop()
        yield current
        if not isinstance(current, Definition):
            waiting.extend(ast.iter_child_nodes(current))


@lru_cache(maxsize=1024)
def outer_names(node: ast.AST) -> frozenset[str]:
    """Return the names that a function declares nonlocal."""
    return frozenset(name for n in _own(node) if isinstance(n, ast.Nonlocal) for name in n.names)


@lru_cache(maxsize=1024)
def global_names(node: ast.AST) -> frozenset[str]:
    """Return the names that a function declares global."""
    return frozenset(name for n in _own(node) if isinstance(n, ast.Global) for name in n.names)


@lru_cache(maxsize=1024)
def local_names(node: ast.FunctionDef | ast.Lambda) -> frozenset[str]:
    """Return the names that a function assigns itself, which are then never those of another scope."""
    found: set[str] = set()

    def visit(n: ast.AST, comprehension: bool) -> None:
        if isinstance(n, ast.FunctionDef):
            found.add(n.name)
            return
        if isinstance(n, ast.Lambda):
            return
        if isinstance(n, ast.NamedExpr):
            found.add(n.target.id)
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load) and not comprehension:
            found.add(n.id)
        if isinstance(n, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and n.name is not None:
            found.add(n.name)
        if isinstance(n, ast.MatchMapping) and n.rest is not None:
            found.add(n.rest)
        for child in ast.iter_child_nodes(n):
            visit(child, comprehension or isinstance(n, COMPREHENSIONS))

    for part in _body(node):
        visit(part, False)
    return frozenset(found) - outer_names(node) - global_names(node)


@lru_cache(maxsize=1024)
def boxed_names(node: ast.AST) -> frozenset[str]:
    """Return the names of a function that functions inside it assign, or that := assigns in a comprehension."""
    found: set[str] = set()
    for n in _own(node):
        if isinstance(n, Definition):
            found |= _outer_of(n)
        elif isinstance(n, COMPREHENSIONS):
            found |= {w.target.id for w in ast.walk(n) if isinstance(w, ast.NamedExpr)}
    return frozenset(found) & own_names(node)


def own_names(node: ast.AST) -> frozenset[str]:
    """Return the parameters of a function and the names that it assigns itself."""
    if not isinstance(node, Definition):
        return frozenset()
    return local_names(node) | {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}


def _outer_of(node: ast.AST) -> frozenset[str]:
    """Return the names that a function or those inside it declare nonlocal, and that are not their own."""
    inner = [n for n in _own(node) if isinstance(n, Definition)]
    return outer_names(node).union(*(_outer_of(n) - own_names(node) for n in inner))
