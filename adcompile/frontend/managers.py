"""Lower `with` statements of context managers whose values are inactive.

`np.errstate` is remembered for the whole derivative, whose source then stands in it: what is ignored in a part of the
function is ignored in its adjoint too. Other managers are entered and left by their methods.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from adcompile.errors import CompileError
from adcompile.frontend import access, attempts, callables, calls, expressions, generators, opaque
from adcompile.frontend.frames import Conflict
from adcompile.frontend.resolve import resolve
from adcompile.frontend.values import Generator, Ref, Value
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

KNOWN = (np.errstate, contextlib.nullcontext, contextlib.suppress, warnings.catch_warnings)
Run = Callable[[Sequence[ast.stmt]], None]


def with_(lo: Lowering, stmt: ast.With, run: Run, assign: Callable[[ast.expr, Value], None]) -> None:
    """Lower a `with` statement."""
    enter(lo, stmt, stmt.items, run, assign)


def enter(
    lo: Lowering,
    stmt: ast.With,
    items: Sequence[ast.withitem],
    run: Run,
    assign: Callable[[ast.expr, Value], None],
) -> None:
    if not items:
        run(stmt.body)
        return
    item, rest = items[0], items[1:]
    made = maker(lo, item.context_expr)
    inside = functools.partial(enter, lo, stmt, rest, run, assign)
    if made is None:
        manager = expressions.evaluate(lo, item.context_expr)
        if isinstance(manager, Generator):
            generators.manage(lo, stmt, item, rest, manager)
        else:
            general(lo, stmt, item, manager, inside, assign)
        return
    function, args, keywords = made
    value: Value = Const(Conflict("is a context manager"))
    if function is np.errstate:
        ignore(lo, item.context_expr, keywords)
    elif function is contextlib.nullcontext:
        value = args[0] if args else keywords.get("enter_result", NONE)
    elif function is warnings.catch_warnings:
        quietly(lo, item, inside)
        return
    else:
        suppress(lo, stmt, args, inside)
        return
    if item.optional_vars is not None:
        assign(item.optional_vars, value)
    inside()


def maker(lo: Lowering, node: ast.expr) -> tuple[object, list[Value], Mapping[str, Value]] | None:
    """Return the function that makes a manager that is known here, and its arguments."""
    if not isinstance(node, ast.Call):
        return None
    value = expressions.evaluate(lo, node.func)
    function = value.value if isinstance(value, Const) else None
    if not any(function is known for known in KNOWN):
        return None
    args = expressions.elements(lo, node.args)
    return function, args, {k.arg: expressions.evaluate(lo, k.value) for k in node.keywords if k.arg is not None}


def ignore(lo: Lowering, node: ast.AST, keywords: Mapping[str, Value]) -> None:
    for name, value in keywords.items():
        what = lo.static(value, node)
        if what == "ignore":
            lo.ignored.add(name)
        elif what not in ("warn", None):
            lo.refuse(
                node,
                f"np.errstate({name}={what!r}) is not supported",
                "here",
                "ignore floating-point errors, and test for them with np.isfinite",
            )


def quietly(lo: Lowering, item: ast.withitem, inside: Callable[[], None]) -> None:
    """Lower ``with warnings.catch_warnings()``, in which `filtered` may say what is ignored."""
    if item.optional_vars is not None:
        lo.refuse(item.context_expr, "the warnings that are caught cannot be looked at", "here", "test the values")
    lo.quiet += 1
    inside()
    lo.quiet -= 1


def filtered(lo: Lowering, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower ``warnings.simplefilter("ignore")`` inside of ``catch_warnings``; elsewhere it is called as it is."""
    function = expressions.evaluate(lo, node.func) if isinstance(node, ast.Call) else NONE
    assert isinstance(function, Const) and callable(function.value)
    first = args[0] if args else keywords.get("action", NONE)
    if lo.quiet and isinstance(first, Const) and first.value == "ignore":
        lo.ignored.add("all")
        return NONE
    return callables.unknown(lo, function.value, args, keywords, node)


def suppress(lo: Lowering, stmt: ast.With, args: Sequence[Value], inside: Callable[[], None]) -> None:
    """Lower ``with contextlib.suppress(E)`` as ``try ... except E: pass``."""
    kinds = ast.copy_location(ast.Constant(tuple(lo.static(a, stmt) for a in args)), stmt)  # type: ignore[arg-type]  # never compiled
    handler = ast.copy_location(ast.ExceptHandler(kinds, None, []), stmt)
    attempt = ast.copy_location(ast.Try(stmt.body, [handler], [], []), stmt)
    attempts.try_(lo, attempt, lambda body: inside() if body is stmt.body else None)


def general(
    lo: Lowering,
    stmt: ast.With,
    item: ast.withitem,
    manager: Value,
    inside: Callable[[], None],
    assign: Callable[[ast.expr, Value], None],
) -> None:
    """Enter and leave a manager by its methods."""
    node = item.context_expr
    if isinstance(manager, Var) and _is_file(manager):
        if item.optional_vars is not None:
            assign(item.optional_vars, manager)
        inside()
        opaque.call_method(lo, manager, "close", [], {}, node)
        return
    if isinstance(manager, Var | Ref):
        lo.refuse(
            node,
            "this context manager is an object that is known only at run time",
            "here",
            "move the `with` into a function of its own that takes no differentiated values",
        )

    def leave(cls: type[BaseException] | None, raised: Value) -> Atom:
        told = [NONE, NONE, NONE] if cls is None else [Const(cls), raised, NONE]
        swallowed = calls.call(lo, access.attribute(lo, manager, "__exit__", node), told, {}, node)
        return expressions.truth(lo, swallowed, node)

    value = calls.call(lo, access.attribute(lo, manager, "__enter__", node), [], {}, node)
    if item.optional_vars is not None:
        assign(item.optional_vars, value)
    if lo.catchers or swallows(class_of(manager)):
        attempts.managed(lo, stmt, inside, leave)
        return
    inside()
    leave(None, NONE)


def _is_file(manager: Var) -> bool:
    """Tell whether a manager is a file, which is closed in the end; that it is let go of closes it as well."""
    return isinstance(manager.type.dtype, type) and issubclass(manager.type.dtype, io.IOBase)


def class_of(manager: Value) -> type:
    if isinstance(manager, Node):
        return manager.cls or object
    return type(manager.value) if isinstance(manager, Const) else object


@functools.cache
def swallows(cls: type) -> bool:
    """Tell whether the method `__exit__` of a class may return true, so that what was raised does not go on."""
    method = getattr(cls, "__exit__", None)
    if not isinstance(method, types.FunctionType):
        return False
    try:
        found = [n.value for n in ast.walk(resolve(method).node) if isinstance(n, ast.Return)]
    except CompileError:
        return True
    return any(v is not None and not (isinstance(v, ast.Constant) and not v.value) for v in found)
