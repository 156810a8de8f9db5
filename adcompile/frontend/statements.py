"""Lower statements: branches, checks, definitions. Loops are in `loops`, assignments in `assignment`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.errors import CompileError
from adcompile.frontend import (
    attempts,
    augmentation,
    branches,
    calls,
    classes,
    exceptions,
    expressions,
    loops,
    managers,
    registers,
    splitting,
    surgery,
    texts,
)
from adcompile.frontend.assignment import assign, delete
from adcompile.frontend.desugar import always_raises, is_flag
from adcompile.frontend.frames import Unbound, owner_of
from adcompile.frontend.nodes import walk
from adcompile.frontend.optionals import implied
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import LocalFunction, Value
from adcompile.frontend.variables import hooked_names
from adcompile.ir.core import FALSE, NONE, TRUE, Atom, Const
from adcompile.records import replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def run(lo: Lowering, body: Sequence[ast.stmt]) -> None:
    """Lower a block of statements."""
    if lo.catchers and not lo.frame.rule:
        attempts.run_guarded(lo, body, lambda stmt: run_one(lo, stmt))
        return
    for k, stmt in enumerate(body):
        if lo.resolved and branches.split_key(lo, stmt) in lo.resolved:
            note_place(lo, stmt)
            lo.frame.statement = stmt
            if_(lo, as_if(stmt), body[k + 1 :])
            return
        run_one(lo, stmt)


_ifs: dict[ast.Assign, ast.If] = {}


def as_if(stmt: ast.stmt) -> ast.If:
    """Return an assignment of a conditional expression as an `if` with two assignments; the same nodes each time."""
    if isinstance(stmt, ast.If):
        return stmt
    assert isinstance(stmt, ast.Assign) and isinstance(stmt.value, ast.IfExp)
    if stmt not in _ifs:
        sides = [ast.copy_location(ast.Assign(stmt.targets, v), stmt) for v in (stmt.value.body, stmt.value.orelse)]
        _ifs[stmt] = ast.copy_location(ast.If(stmt.value.test, [sides[0]], [sides[1]]), stmt)
        splitting.part_of(stmt, (*sides, _ifs[stmt]))
    return _ifs[stmt]


def run_one(lo: Lowering, stmt: ast.stmt) -> None:
    if not lo.frame.rule:
        note_place(lo, stmt)
    lo.frame.statement = stmt
    try:
        statement(lo, stmt)
        if lo.catchers:
            attempts.forget(lo, stmt)
    except Unbound:
        if not lo.tolerant:
            raise
        lo.skipped = True


def note_place(lo: Lowering, stmt: ast.stmt) -> None:
    """Let what is built from now on come from a statement; of one in a helper, from where the helper is called."""
    from adcompile.frontend.frames import is_ours

    outer = lo.builder.span
    if len(lo.frames) == lo.outermost:
        origins = lo.frame.desugared.origins
        while stmt in origins:
            stmt = origins[stmt][1]
        lo.builder.span = lo.frame.scope.span(stmt)
    elif outer is not None and outer.within != lo.frame.scope.name and not is_ours(lo.frame.scope):
        lo.builder.span = replace(outer, within=lo.frame.scope.name)


def decorated(lo: Lowering, stmt: ast.FunctionDef) -> Value:
    """Make a function inside the function being lowered, and apply its decorators, the last one first."""
    decorators = [expressions.evaluate(lo, d) for d in stmt.decorator_list]
    value: Value = LocalFunction(stmt, lo.frame, expressions.defaults(lo, stmt.args))
    for decorator, node in zip(reversed(decorators), reversed(stmt.decorator_list), strict=True):
        value = calls.call(lo, decorator, [value], {}, node)
    return value


def statement(lo: Lowering, stmt: ast.stmt) -> None:
    match stmt:
        case ast.Assign():
            value = expressions.or_none(lo, stmt.value)
            for target in stmt.targets:
                assign(lo, target, value)
            assigned(lo, stmt)
        case ast.AnnAssign():
            if stmt.value is not None:
                assign(lo, stmt.target, expressions.or_none(lo, stmt.value))
                assigned(lo, stmt)
        case ast.AugAssign():
            augmentation.augment(lo, stmt)
            assigned(lo, stmt)
        case ast.If():
            if_(lo, stmt)
        case ast.For():
            loops.for_(lo, stmt)
        case ast.While():
            loops.while_(lo, stmt)
        case ast.Expr():
            expressions.or_none(lo, stmt.value)
        case ast.Pass():
            pass
        case ast.Delete():
            for target in stmt.targets:
                delete(lo, target)
        case ast.Assert():
            assert_(lo, stmt)
        case ast.Raise():
            exceptions.raise_(lo, stmt)
        case ast.Try():
            attempts.try_(lo, stmt, lambda body: run(lo, body))
        case ast.FunctionDef():
            lo.assign_name(lo.frame, stmt.name, decorated(lo, stmt))
        case ast.ClassDef():
            lo.assign_name(lo.frame, stmt.name, classes.define(lo, stmt))
        case ast.Global() | ast.Nonlocal():
            declare(lo, stmt)
        case ast.Import() | ast.ImportFrom():
            import_(lo, stmt)
        case ast.With() if surgery.is_surgery(lo, stmt):
            surgery.with_adjoint(lo, stmt)
        case ast.With():
            managers.with_(lo, stmt, lambda body: run(lo, body), lambda target, value: assign(lo, target, value))
        case _:
            unsupported(lo, stmt)


def assigned(lo: Lowering, stmt: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
    """Let names that blocks for adjoints are about have variables of their own."""
    if not lo.frame.rule and hooked_names(lo.frame.node):
        surgery.keep_apart(lo, stmt)


def unsupported(lo: Lowering, stmt: ast.stmt) -> None:
    kind = type(stmt).__name__
    message = f"`{kind.lower()}` statements cannot be differentiated"
    advice = {"TryStar": "catch exceptions one by one, with `except`"}
    lo.refuse(stmt, message, "here", advice.get(kind, "move it out of the differentiated function"))


def declare(lo: Lowering, stmt: ast.Global | ast.Nonlocal) -> None:
    """Accept a declaration of names that are only read, or that belong to a function that is being compiled."""
    assert lo.frame.node is not None
    own = owner_of(lo.frame, stmt.names[0]) if isinstance(stmt, ast.Nonlocal) else lo.frame
    if isinstance(stmt, ast.Nonlocal) and own is not lo.frame:
        return
    stored = {n.id for n in walk(lo.frame.node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    for name in stmt.names:
        if name in stored and isinstance(lo.frame.scope, Source):
            registers.declare(lo, lo.looked_up_by(lo.frame.scope, name), name, stmt)


def if_(lo: Lowering, stmt: ast.If, rest: Sequence[ast.stmt] = ()) -> None:
    """Lower an `if`, with the statements after it on each of its sides."""
    cond = expressions.condition(lo, stmt.test)
    if lo.catchers:
        attempts.forget(lo, stmt)
    if isinstance(cond, Const):
        run(lo, stmt.body if cond.value else stmt.orelse)
        run(lo, rest)
        return
    flag = stmt.test.id if isinstance(stmt.test, ast.Name) and is_flag(stmt.test.id) else None

    def side(body: Sequence[ast.stmt], taken: Atom) -> None:
        if flag is not None:
            lo.frame.names[flag] = taken  # a flag is what it was tested to be
        calls = lo.frame.calls
        if rest and not always_raises(body):
            lo.frame.calls = (*calls, id(stmt), int(taken is TRUE))  # each side has loops of its own
            body = [*body, *rest]
        try:
            run(lo, body)
        finally:
            lo.frame.calls = calls

    branches.merge(
        lo,
        stmt,
        cond,
        lambda: side(stmt.body, TRUE),
        lambda: side(stmt.orelse, FALSE),
        (False, False) if lo.catchers else (always_raises(stmt.body), always_raises(stmt.orelse)),
    )


def assert_(lo: Lowering, stmt: ast.Assert) -> None:
    cond = expressions.condition(lo, stmt.test)
    if isinstance(cond, Const) and cond.value:
        return
    message = NONE if stmt.msg is None else texts.message(lo, stmt.msg)
    lo.builder.emit_many("assert", (cond, message), (), ())
    lo.known |= implied(lo, cond, True)


def import_(lo: Lowering, stmt: ast.Import | ast.ImportFrom) -> None:
    """Import modules while compiling: `import math` inside a function names the same module at run time."""
    import importlib

    try:
        if isinstance(stmt, ast.Import):
            for alias in stmt.names:
                module = importlib.import_module(alias.name)
                top = importlib.import_module(alias.name.partition(".")[0])
                name = alias.asname or alias.name.partition(".")[0]
                lo.assign_name(lo.frame, name, Const(module if alias.asname else top))
        elif stmt.level == 0 and stmt.module is not None:
            source = importlib.import_module(stmt.module)
            for alias in stmt.names:
                lo.assign_name(lo.frame, alias.asname or alias.name, Const(getattr(source, alias.name)))
        else:
            unsupported(lo, stmt)
    except (ImportError, AttributeError) as error:
        raise CompileError(f"this import fails: {error}", lo.span(stmt)) from error
