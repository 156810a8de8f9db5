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
from functools import lru_cache

from adcompile.frontend.nodes import children, walk
from adcompile.records import dataclass

Definition = ast.FunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True)
class _Names:
    """The names in the body of a function, but not in those of the functions that it makes.

    assigned    those that it assigns
    outer       those that it declares nonlocal
    globals     those that it declares global
    escaping    those that := assigns in a comprehension
    inner       the functions that it makes
    yields      whether it is a generator
    """

    assigned: frozenset[str]
    outer: frozenset[str]
    globals: frozenset[str]
    escaping: frozenset[str]
    inner: tuple[Definition, ...]
    yields: bool


@lru_cache(maxsize=1024)
def _names(node: ast.AST) -> _Names:
    """Find the names in a function's body, in one walk over it."""
    assigned: set[str] = set()
    outer: set[str] = set()
    globals: set[str] = set()
    escaping: set[str] = set()
    inner: list[Definition] = []
    yields: list[ast.expr] = []

    def visit(n: ast.AST, comprehension: bool) -> None:
        match n:
            case ast.FunctionDef() | ast.Lambda():
                inner.append(n)
                if isinstance(n, ast.FunctionDef):
                    assigned.add(n.name)
                return
            case ast.ClassDef():
                assigned.add(n.name)
                inner.extend(_methods(n))
                return
            case ast.Name(id=name, ctx=context):
                if not comprehension and not isinstance(context, ast.Load):
                    assigned.add(name)
                return
            case ast.Constant():
                return
            case ast.NamedExpr():
                assigned.add(n.target.id)
                if comprehension:
                    escaping.add(n.target.id)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                assigned.add(name)
            case ast.MatchMapping(rest=str(name)):
                assigned.add(name)
            case ast.Nonlocal(names=names):
                outer.update(names)
            case ast.Global(names=names):
                globals.update(names)
            case ast.Yield() | ast.YieldFrom():
                yields.append(n)
        comprehension = comprehension or isinstance(n, COMPREHENSIONS)
        for child in children(n):
            visit(child, comprehension)

    for part in _body(node):
        visit(part, False)
    own = frozenset(assigned) - outer - globals
    return _Names(own, frozenset(outer), frozenset(globals), frozenset(escaping), tuple(inner), bool(yields))


def _methods(node: ast.AST) -> list[Definition]:
    """Return the functions in the body of a class, and in those of classes inside of it."""
    found: list[Definition] = []
    for child in children(node):
        if isinstance(child, Definition):
            found.append(child)
        else:
            found += _methods(child)
    return found


def _body(node: ast.AST) -> list[ast.stmt] | list[ast.expr]:
    return [node.body] if isinstance(node, ast.Lambda) else node.body if isinstance(node, ast.FunctionDef) else []


def outer_names(node: ast.AST) -> frozenset[str]:
    """Return the names that a function declares nonlocal."""
    return _names(node).outer


def global_names(node: ast.AST) -> frozenset[str]:
    """Return the names that a function declares global."""
    return _names(node).globals


def local_names(node: Definition) -> frozenset[str]:
    """Return the names that a function assigns itself, which are then never those of another scope."""
    return _names(node).assigned


@lru_cache(maxsize=1024)
def outlives_its_return(node: ast.AST | None) -> bool:
    """Tell whether the variables of a function may be read after it has returned: by functions that it makes."""
    if not isinstance(node, Definition) or _names(node).inner:
        return True
    return any(isinstance(n, ast.GeneratorExp) for n in walk(node))


def boxed_names(node: ast.AST) -> frozenset[str]:
    """Return the names of a function that functions inside it assign, or that := assigns in a comprehension."""
    names = _names(node)
    shared = names.escaping.union(*map(_outer_of, names.inner))
    return shared & own_names(node) if shared else shared


def is_generator(node: ast.AST) -> bool:
    """Tell whether a function yields."""
    return isinstance(node, ast.FunctionDef) and _names(node).yields


def own_names(node: ast.AST) -> frozenset[str]:
    """Return the parameters of a function and the names that it assigns itself."""
    if not isinstance(node, Definition):
        return frozenset()
    return local_names(node) | {a.arg for a in walk(node.args) if isinstance(a, ast.arg)}


def free_names(node: Definition) -> frozenset[str]:
    """Return the names that a function or those inside it read, and that are not their own."""
    inner = _names(node).inner
    hidden = {n for f in inner for part in _body(f) for n in walk(part)}
    found = {n.id for part in _body(node) for n in walk(part) if isinstance(n, ast.Name) and n not in hidden}
    return frozenset(found).union(*map(free_names, inner)) - own_names(node)


def _outer_of(node: Definition) -> frozenset[str]:
    """Return the names that a function or those inside it declare nonlocal, and that are not their own."""
    names = _names(node)
    return names.outer.union(*(_outer_of(n) - own_names(n) for n in names.inner))


@lru_cache(maxsize=1024)
def hooked_names(node: ast.AST | None) -> frozenset[str]:
    """Return the names of a function that blocks for adjoints are about."""
    found: set[str] = set()
    for n in walk(node) if node is not None else ():
        if isinstance(n, ast.With):
            for item in n.items:
                if isinstance(item.context_expr, ast.Call):
                    found |= {a.id for a in item.context_expr.args if isinstance(a, ast.Name)}
    return frozenset(found)
