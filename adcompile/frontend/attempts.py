"""Lower `try`: what is raised inside becomes a flag, and what follows runs only where the flag is not set.

try:                                   raised = b == 0.0
    c = a / b                          if not raised:
except ZeroDivisionError:      ->          c = a / b
    c = a                              if raised:
                                           c = a
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from adcompile.frontend import branches, expressions
from adcompile.frontend.desugar import CODE, DEPTH, ENDED, MESSAGE, RAISED, RETURNED, STATE
from adcompile.frontend.exceptions import (
    Catcher,
    Exceptions,
    again,
    calm,
    catches,
    emit,
    instance,
    one_of,
    single,
    throw,
)
from adcompile.frontend.failures import failures
from adcompile.frontend.splitting import ends, is_part, split
from adcompile.frontend.values import Value
from adcompile.frontend.variables import boxed_names, outer_names
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Const, Var

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Run = Callable[[ast.stmt], None]

# -- blocks inside a try


def run_guarded(lo: Lowering, body: Sequence[ast.stmt], run_one: Run) -> None:
    """Lower a block in which each statement runs only where the ones before did not raise."""
    function = lo.frame.node
    shared = frozenset[str]() if function is None else boxed_names(function) | outer_names(function)
    left: Sequence[ast.stmt] = [part for stmt in body for part in split(stmt, shared)]
    while left:
        left = in_parts(lo, left, partial(run_parts, lo, left, run_one))


def in_parts(lo: Lowering, body: Sequence[ast.stmt], run: Callable[[], Sequence[ast.stmt]]) -> Sequence[ast.stmt]:
    """Run a part of a block where nothing was raised; return what is left of it."""
    flag = lo.frame.raised
    if isinstance(flag, Const):
        return () if flag.value else run()
    left: list[ast.stmt] = []
    untouched(lo, body[0], flag, lambda: left.extend(run()))
    return left


def run_parts(
    lo: Lowering, body: Sequence[ast.stmt], run_one: Run, tested: bool = False, depth: int = 0
) -> Sequence[ast.stmt]:
    """Lower statements, what follows one that raises nested in where it did not; return what is too deep for that.

    `tested`: the operands of the first have been tested.
    """
    for k, stmt in enumerate(body):
        if not (tested and k == 0):
            if depth >= DEPTH:
                return body[k:]
            test_operands(lo, stmt)
            if lo.frame.raised is not FALSE:
                return in_parts(lo, body[k:], partial(run_parts, lo, body[k:], run_one, True, depth + 1))
        run_one(stmt)
        if lo.frame.raised is not FALSE:
            rest = body[k + 1 :]
            return in_parts(lo, rest, partial(run_parts, lo, rest, run_one, False, depth + 1)) if rest else ()
    return ()


def test_operands(lo: Lowering, stmt: ast.stmt) -> None:
    """Set the flags where the operation of a split statement raises what some `try` catches."""
    for cls, cond, message in failures(lo, stmt):
        if isinstance(cond, Const) and not cond.value:
            continue
        flag, args = lo.frame.raised, single(message)
        if isinstance(flag, Var):
            untouched(lo, stmt, flag, partial(throw, lo, cls, args, cond))
        elif not flag.value:
            throw(lo, cls, args, cond)


def forget(lo: Lowering, stmt: ast.stmt) -> None:
    """Forget the parts of a statement that was split, once it has been run."""
    own = ends(stmt)
    if own is not None:
        for name in [n for n in lo.frame.names if n.startswith(own)]:
            del lo.frame.names[name]


def untouched(lo: Lowering, node: ast.AST, flag: Atom, run: Callable[[], None]) -> None:
    """Run something where nothing was raised."""

    def quiet() -> None:
        calm(lo)
        run()

    branches.merge(lo, node, flag, lambda: known(lo), quiet)


def known(lo: Lowering) -> None:
    lo.frame.names.update({RAISED: TRUE, ENDED: TRUE})


# -- try


def try_(lo: Lowering, stmt: ast.Try, run: Callable[[Sequence[ast.stmt]], None]) -> None:
    """Lower a `try` statement."""
    handlers = [(classes_of(lo, h), h) for h in stmt.handlers]
    first = len(lo.sites)
    lo.frame.names[ENDED] = lo.frame.names.get(RETURNED, FALSE)
    lo.catchers.append(Catcher(tuple(c for classes, _ in handlers for c in classes), bool(stmt.finalbody)))
    run(stmt.body)
    lo.catchers.pop()
    codes = uncaught(lo, first)
    if stmt.finalbody:
        lo.catchers.append(Catcher((), True))
    flag = lo.frame.raised
    if isinstance(flag, Const):
        if flag.value:
            dispatch(lo, handlers, codes, run)
        else:
            run(stmt.orelse)
    else:
        untouched_or(lo, stmt, flag, lambda: dispatch(lo, handlers, codes, run), lambda: run(stmt.orelse))
    if stmt.finalbody:
        lo.catchers.pop()
        finally_(lo, stmt, lambda: run(stmt.finalbody), uncaught(lo, first))
    after_try(lo)


def managed(
    lo: Lowering,
    stmt: ast.With,
    body: Callable[[], None],
    leave: Callable[[type[BaseException] | None, Value], Atom],
) -> None:
    """Lower a block that a manager is told the end of: by which exception, if by one, and with which arguments.

    `leave` tells it, and returns whether it swallows the exception.
    """
    first = len(lo.sites)
    lo.frame.names[ENDED] = lo.frame.names.get(RETURNED, FALSE)
    lo.catchers.append(Catcher((BaseException,), False))
    body()
    lo.catchers.pop()
    codes = uncaught(lo, first)
    classes = sorted({lo.sites[c - 1] for c in codes}, key=lambda cls: (-len(cls.__mro__), cls.__name__))
    handlers = [((cls,), ast.copy_location(ast.ExceptHandler(None, None, []), stmt)) for cls in classes]
    onward = ast.copy_location(ast.Raise(), stmt)

    def caught(cls: type[BaseException]) -> None:
        swallowed = leave(cls, instance(cls, lo.handling[-1][1]))
        if isinstance(swallowed, Const):
            if not swallowed.value:
                again(lo, onward)
            return
        branches.merge(lo, stmt, swallowed, lambda: None, lambda: again(lo, onward))

    def run(block: Sequence[ast.stmt]) -> None:
        caught(next(cls for (cls,), handler in handlers if handler.body is block))

    flag = lo.frame.raised
    if isinstance(flag, Const):
        if flag.value:
            dispatch(lo, handlers, codes, run)
        else:
            leave(None, NONE)
    else:
        untouched_or(lo, stmt, flag, lambda: dispatch(lo, handlers, codes, run), lambda: leave(None, NONE))
    after_try(lo)


def after_try(lo: Lowering) -> None:
    """Forget what is raised, if nothing around catches it, and the parts of statements that were split."""
    if not lo.catchers:
        lo.frame.names[RAISED] = FALSE  # what nothing catches has been raised
    for name in [n for n in lo.frame.names if is_part(n)]:
        del lo.frame.names[name]


def untouched_or(
    lo: Lowering, node: ast.AST, flag: Atom, caught: Callable[[], object], otherwise: Callable[[], object]
) -> None:
    def one() -> None:
        known(lo)
        lo.frame.names[RETURNED] = FALSE
        caught()

    def other() -> None:
        if ended:
            lo.frame.names[RETURNED] = TRUE
        calm(lo)
        otherwise()

    ended = lo.frame.names[ENDED] is TRUE  # what did not raise has returned

    branches.merge(lo, node, flag, one, other)


def classes_of(lo: Lowering, handler: ast.ExceptHandler) -> Exceptions:
    if handler.type is None:
        return (BaseException,)
    found = lo.static(expressions.evaluate(lo, handler.type), handler.type)
    classes = found if isinstance(found, tuple) else (found,)
    if not all(isinstance(c, type) and issubclass(c, BaseException) for c in classes):
        lo.refuse(handler.type, "this is not a class of exceptions", "here", "name the classes that are caught")
    return classes


Handlers = Sequence[tuple[Exceptions, ast.ExceptHandler]]


def dispatch(lo: Lowering, handlers: Handlers, codes: list[int], run: Callable[[Sequence[ast.stmt]], None]) -> None:
    """Run the first handler that catches what was raised, at one of the places with these codes."""
    for k, (classes, handler) in enumerate(handlers):
        mine = [c for c in codes if issubclass(lo.sites[c - 1], classes)]
        others = [c for c in codes if c not in mine]
        if not mine:
            continue
        lo.caught.update(mine)
        test = among(lo, mine) if others else TRUE
        here = partial(handle, lo, handler, mine, run)
        if isinstance(test, Const):
            if test.value:
                here()
                return
        else:
            rest = handlers[k + 1 :]
            branches.merge(lo, handler, test, here, lambda: dispatch(lo, rest, others, run))  # noqa: B023  # run now
            return


def uncaught(lo: Lowering, first: int) -> list[int]:
    """Return the codes of the places that may have raised what no handler has caught, of those after the first ones."""
    return [code for code in range(first + 1, len(lo.sites) + 1) if code not in lo.caught]


def among(lo: Lowering, codes: list[int]) -> Atom:
    """Tell whether what was raised comes from one of these places."""
    code = lo.frame.names[CODE]
    assert isinstance(code, Var | Const)
    found: Atom = FALSE
    for c in codes:
        found = expressions.either(lo, found, lo.builder.emit("eq", code, Const(c)))
    return found


def handle(
    lo: Lowering, handler: ast.ExceptHandler, codes: list[int], run: Callable[[Sequence[ast.stmt]], None]
) -> None:
    names = lo.frame.names
    args = names.get(MESSAGE, UNDEFINED)
    calm(lo)
    if handler.name is not None:
        classes = {lo.sites[c - 1] for c in codes}
        lo.assign_name(lo.frame, handler.name, one_of(lo, classes, args))
    lo.handling.append((codes, args))
    run(handler.body)
    lo.handling.pop()
    if handler.name is not None:
        lo.assign_name(lo.frame, handler.name, UNDEFINED)


def finally_(lo: Lowering, stmt: ast.Try, run: Callable[[], None], codes: list[int]) -> None:
    """Run the last block of a `try` on every path, and go on with what was raised."""
    flag = lo.frame.raised
    if isinstance(flag, Const) and not flag.value:
        run()
        return
    swallows = lo.frame.desugared.swallows.get(stmt)
    if swallows:
        calm(lo)  # the jump swallows what was raised
        run()
        return
    if swallows is not None:
        lo.refuse(stmt.finalbody[0], "a jump out of `finally` is not supported where something may be raised", "here")
    held = {key: lo.frame.names.get(key, UNDEFINED) for key in STATE}
    calm(lo)
    run()
    if lo.frame.raised is not FALSE:
        lo.refuse(stmt.finalbody[0], "an exception raised in `finally` is not supported", "here")
    lo.frame.names.update(held)
    for code in codes:
        cls = lo.sites[code - 1]
        if not catches(lo, cls):
            raise_where(lo, stmt, flag, code, cls)


def raise_where(lo: Lowering, stmt: ast.stmt, flag: Atom, code: int, cls: type[BaseException]) -> None:
    """Raise an exception that no `try` catches, after the `finally` that had to run first."""
    message = lo.frame.names.get(MESSAGE, UNDEFINED)
    mine = expressions.both(lo, flag, among(lo, [code]))
    if isinstance(mine, Const):
        if mine.value:
            emit(lo, stmt, cls, message)
        return
    branches.merge(lo, stmt, mine, lambda: emit(lo, stmt, cls, message), lambda: None)
