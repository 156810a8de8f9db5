"""What is decided about a function before it is written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence

from adcompile.emit.exits import Exits
from adcompile.emit.fold import Trees
from adcompile.errors import Span
from adcompile.ir.core import Atom, Eqn, Function, If, Stmt, Var, blocks_of, walk
from adcompile.records import NamedTuple

Pairs = Sequence[tuple[Var, Atom]]
Result = Callable[[Sequence[Atom]], ast.expr]


class Plan(NamedTuple):
    """What was decided about a function before it is written.

    read      how often each variable is read
    names     of all variables that are written
    tapes     the names of the lists that `push` and `pop` use
    openings  the lists that are made before a statement
    primal    the statements of the primal part, at any depth
    reads     the equations that read parts of arrays
    counting  the arrays 0, 1, 2, ... that `np.arange(n)` makes
    """

    fn: Function
    read: Mapping[Var, int]
    exits: Exits
    trees: Trees
    names: Mapping[Var, str]
    tapes: Mapping[object, str]
    openings: Mapping[Stmt, list[str]]
    primal: frozenset[Stmt]
    reads: Mapping[Var, Eqn]
    counting: frozenset[Var] = frozenset()


class Origin(NamedTuple):
    """Where a statement comes from.

    span   the user's statement that the comment above it names; None if there is to be no comment
    stmts  the statement of the program that it is, then those that are written in it
    opens  whether it belongs to what comes next, below the comment above that
    """

    span: Span | None
    primal: bool
    stmts: tuple[Stmt, ...] = ()
    opens: bool = False


def moved(plan: Plan) -> frozenset[Var]:
    """Return what a block or loop passes on under another name, and the results of branches that it comes from."""
    found: set[Var] = set()
    sources: dict[Var, list[Var]] = {}
    for stmt in walk(plan.fn.stmts):
        if isinstance(stmt, Eqn):
            continue
        pairs = [pair for b in blocks_of(stmt) for pair in zip(b.params or stmt.outs, b.yields, strict=False)]
        if not isinstance(stmt, If):
            pairs += zip(stmt.body.params, stmt.inits, strict=True)
        for target, source in pairs:
            if isinstance(source, Var):
                if isinstance(stmt, If):
                    sources.setdefault(target, []).append(source)
                if plan.names.get(source) != plan.names.get(target):
                    found.add(source)
    todo = list(found)
    while todo:
        for source in sources.get(todo.pop(), ()):
            if source not in found:
                found.add(source)
                todo.append(source)
    return frozenset(found)


def statements_within(stmts: Iterable[Stmt]) -> frozenset[Stmt]:
    return frozenset(walk(stmts))
