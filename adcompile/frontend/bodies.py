"""Run the body of a function that is lowered in place."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from adcompile.frontend import branches, exceptions, statements
from adcompile.frontend.desugar import CODE, ENDED, FLAGS, RAISED, RESULT, RETURNED, Desugared, desugar
from adcompile.frontend.frames import Conflict, Frame, NeedsUnrolling, Unbound, is_ours
from adcompile.frontend.nodes import children
from adcompile.frontend.values import Value
from adcompile.frontend.variables import boxed_names
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Const, Var

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

_bodies: dict[ast.AST, Desugared] = {}


def body_of(node: ast.FunctionDef | ast.Lambda) -> Desugared:
    """Return the desugared body of a function; the same nodes each time."""
    if node not in _bodies:
        if isinstance(node, ast.Lambda):
            statement = ast.copy_location(ast.Return(node.body), node.body)
            _bodies[node] = desugar([statement])
        else:
            body = _without_docstring(node.body)
            _bodies[node] = desugar(body)
    return _bodies[node]


def _without_docstring(body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    first = body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return body[1:] if text else body


def run_body(lo: Lowering, frame: Frame, node: ast.FunctionDef | ast.Lambda) -> Value:
    """Run the body of a function in a new frame and return its result."""
    place = lo.builder.span
    lo.frames.append(frame)
    outermost = lo.outermost
    lo.outermost += len(lo.frames) == outermost and is_ours(frame.scope)
    try:
        frame.names.update({**dict.fromkeys(FLAGS, FALSE), CODE: Const(0)})
        for name in sorted(boxed_names(node)):
            frame.names[name] = lo.box(frame.names.get(name, UNDEFINED))
        statements.run(lo, frame.desugared.body)
        returned = frame.names[RETURNED]
        if frame.names.get(RAISED) is TRUE:
            return UNDEFINED
        if returns_nothing(node) or (isinstance(returned, Const) and not returned.value):
            return NONE
        value = frame.names.get(RESULT, NONE)
        if value is NONE and lo.tolerant and lo.skipped or value is UNDEFINED:
            raise Unbound(f"what `{frame.scope.name}` returns is not known", lo.span(None))
        if frame.names.get(RAISED, FALSE) is not FALSE:
            returned = frame.names[ENDED]
        if isinstance(value, Const) and isinstance(value.value, Conflict):
            end = node.body[-1] if isinstance(node, ast.FunctionDef) else node
            message = f"the result of `{frame.scope.name}` {value.value.reason}"
            lo.refuse(end, message, "here", "return the same kind of value on every path")
        if isinstance(returned, Var):
            return branches.choose(lo, node, returned, lambda: value, lambda: NONE)
        return value
    except NeedsUnrolling as needed:
        if not (is_ours(frame.scope) or frame.rule or frame.macro):
            needed.span = needed.span or frame.place(needed.place)
        raise
    finally:
        lo.frames.pop()
        if lo.catchers and lo.frames:
            exceptions.leave_call(lo, frame, node)
        lo.outermost = outermost
        lo.builder.span = place


@lru_cache(maxsize=1024)
def returns_nothing(node: ast.FunctionDef | ast.Lambda) -> bool:
    """Tell whether a function returns None, wherever it returns."""
    todo: list[ast.AST] = [*node.body] if isinstance(node, ast.FunctionDef) else []
    for n in todo:  # grows
        if isinstance(n, ast.Return) and not (n.value is None or _is_none(n.value)):
            return False
        if not isinstance(n, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            todo += children(n)
    return isinstance(node, ast.FunctionDef)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
