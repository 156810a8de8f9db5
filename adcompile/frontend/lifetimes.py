"""Which names may be read again, told from the source: names that nobody reads any more alias nothing.

    v = a[1:]        # v is live here
    s = s + v[0]     # and no more here: a store into `a` cannot be seen through it
    a[1] = s
    v = b[1:]

This is the classical analysis of live variables, backwards over a body whose jumps have been rewritten as flags.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from adcompile.frontend import splitting
from adcompile.frontend.desugar import Desugared
from adcompile.frontend.nodes import children, walk
from adcompile.frontend.variables import COMPREHENSIONS, own_names

if TYPE_CHECKING:
    from adcompile.frontend.frames import Frame

Names = frozenset[str]
NOTHING: Names = frozenset()
BRANCHING: Final = ast.If | ast.For | ast.While | ast.Try | ast.With


class Liveness:
    """The live names of a function body.

    during  for each statement, the names that may be read in it or after it
    carried for each loop, the names that may be read, after a trip, before they are assigned
    always  names that inner functions read, at any time
    """

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self.during: dict[ast.stmt, Names] = {}
        self.carried: dict[ast.stmt, Names] = {}
        self.always = frozenset(name for stmt in body for name in _read_inside(stmt))
        self.known: dict[ast.AST, Names] = {}
        self.caught = NOTHING  # what may be read where an exception is caught that is raised here
        self.block(body, NOTHING)

    def reads(self, node: ast.AST) -> Names:
        """Return the names that a piece of source reads; loops ask more than once."""
        if node not in self.known:
            self.known[node] = _read(node)
        return self.known[node]

    def block(self, body: Sequence[ast.stmt], after: Names) -> Names:
        """Return what is live before a block, given what is live after it."""
        for stmt in reversed(body):
            after = self.statement(stmt, after)
        return after

    def statement(self, stmt: ast.stmt, after: Names) -> Names:
        match stmt:
            case ast.If():
                before = self.reads(stmt.test) | self.block(stmt.body, after) | self.block(stmt.orelse, after)
            case ast.For():
                before = self.reads(stmt.iter) | self.loop(stmt, after, _bound(stmt.target), NOTHING)
            case ast.While():
                before = self.loop(stmt, after, NOTHING, self.reads(stmt.test))
            case ast.Try():
                before = self.attempt(stmt, after)
            case ast.With():
                before = self.managed(stmt, after)
            case ast.Assign():
                bound = frozenset(name for target in stmt.targets for name in _bound(target))
                before = (after - bound) | self.reads(stmt)
            case ast.AnnAssign() if stmt.value is not None:
                before = (after - _bound(stmt.target)) | self.reads(stmt)
            case ast.FunctionDef():
                before = (after - {stmt.name}) | self.reads(stmt.args)
            case _:
                before = after | self.reads(stmt)
        before |= self.caught
        self.during[stmt] = before if isinstance(stmt, BRANCHING) else self.caught | after | self.reads(stmt)
        return before

    def attempt(self, stmt: ast.Try, after: Names) -> Names:
        """Return what is live before a `try`: any statement in it may be the last one before a handler."""
        outer = self.caught
        final = self.block(stmt.finalbody, after)
        self.caught = outer | final
        handlers = _read_by(h.type for h in stmt.handlers if h.type is not None)
        for handler in stmt.handlers:
            handlers |= self.block(handler.body, final)
        orelse = self.block(stmt.orelse, final)
        self.caught |= handlers
        before = self.block(stmt.body, orelse)
        self.caught = outer
        return before

    def managed(self, stmt: ast.With, after: Names) -> Names:
        """Return what is live before a `with`: its manager is left at any statement, and may go on after it."""
        outer = self.caught
        self.caught = outer | after | _read_by(stmt.items)
        before = self.block(stmt.body, after)
        self.caught = outer
        return before | _read_by(stmt.items)

    def loop(self, stmt: ast.For | ast.While, after: Names, bound: Names, test: Names) -> Names:
        head = after | test
        while True:
            self.carried[stmt] = head
            again = head | (self.block(stmt.body, head) - bound)
            if again == head:
                return head
            head = again


@lru_cache(maxsize=1024)
def names_read(node: ast.AST) -> Names:
    """Return the names that a function or generator reads, its own too."""
    return frozenset(name for n in walk(node) for name in _named(n))


def _read(node: ast.AST) -> Names:
    """Return the names that a piece of source reads, but those that belong to functions and comprehensions in it."""
    found: set[str] = set()
    todo = [node]
    while todo:
        n = todo.pop()
        if isinstance(n, COMPREHENSIONS):
            first, *_ = n.generators
            own = frozenset(name for g in n.generators for name in _bound(g.target))
            found |= _read_by(c for c in children(n) if c is not first) - own
            found |= _read_by((first.target, *first.ifs)) - own
            todo.append(first.iter)
        elif isinstance(n, ast.FunctionDef | ast.Lambda):
            body = n.body if isinstance(n, ast.FunctionDef) else [n.body]
            found |= _read_by(body) - own_names(n)
            todo += [n.args, *(n.decorator_list if isinstance(n, ast.FunctionDef) else ())]
        else:
            found.update(_named(n))
            todo += children(n)
    return frozenset(found)


def _named(n: ast.AST) -> Iterator[str]:
    """Yield the name that a node itself reads."""
    if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store):
        yield n.id
    elif isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
        yield n.target.id


def _read_by(nodes: Iterable[ast.AST]) -> Names:
    return frozenset(name for node in nodes for name in _read(node))


def _bound(target: ast.expr) -> Names:
    """Return the names that are certainly assigned by an assignment to a target."""
    match target:
        case ast.Name(id=name):
            return frozenset((name,))
        case ast.Tuple() | ast.List():
            return frozenset(name for element in target.elts for name in _bound(element))
        case ast.Starred():
            return _bound(target.value)
    return NOTHING


def _read_inside(stmt: ast.stmt) -> Names:
    """Return the names that inner functions, lambdas and generators of a statement read, or assign as nonlocal."""
    found: set[str] = set()
    for node in walk(stmt):
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.GeneratorExp):
            found |= _read(node)
            found |= {name for n in walk(node) if isinstance(n, ast.Nonlocal) for name in n.names}
    return frozenset(found)


@lru_cache(maxsize=256)
def liveness(body: Desugared) -> Liveness:
    return Liveness(body.body)


def may_be_read(frame: Frame, name: str) -> bool:
    """Tell whether a name may be read in the statement that a frame is at, or after it."""
    if frame.node is None or frame.statement is None or name.startswith("."):
        return True
    live = liveness(frame.desugared)
    return name in live.always or name in live.during.get(splitting.whole(frame.statement), (name,))


def is_carried(frame: Frame, loop: ast.stmt, name: str) -> bool:
    """Tell whether a name may be read, after a trip of a loop, before it is assigned again."""
    if name.startswith("."):
        return True
    live = liveness(frame.desugared)
    return name in live.always or name in live.carried.get(loop, (name,))
