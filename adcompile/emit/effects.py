"""Equations that are statements of their own: tapes, `print`, `assert`, `raise`, calls with several results."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from adcompile.emit import syntax
from adcompile.ir.core import Eqn, is_none

if TYPE_CHECKING:
    from adcompile.emit.statements import StatementWriter


def _push(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    tape = syntax.name(w.plan.tapes[eqn.attrs[0]])
    return syntax.evaluated(syntax.method(tape, "append", w.write.atom(eqn.args[0])))


def _pop(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    return syntax.assign([w.names[eqn.out]], w.write.equation(eqn))


def _print(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    options = eqn.attrs[0]
    assert isinstance(options, tuple)
    keywords = {str(k): syntax.constant(v) for k, v in options}
    return syntax.evaluated(syntax.call("print", *map(w.write.atom, eqn.args), **keywords))


def _assert(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    condition, message = eqn.args
    nothing = is_none(message)
    return ast.Assert(w.write.atom(condition), None if nothing else w.write.atom(message))


def _check_finite(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    g, *values = map(w.write.atom, eqn.args)
    name, place, names = eqn.attrs
    assert isinstance(names, tuple)
    keywords = dict(zip(map(str, names), values, strict=True))
    return syntax.evaluated(syntax.call("check_finite", g, syntax.constant(name), syntax.constant(place), **keywords))


def _evaluated(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    return syntax.evaluated(w.write.equation(eqn))


def _raise(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    args = [*map(w.write.atom, eqn.args)]
    made = syntax.call(str(eqn.attrs[0]), *args) if eqn.attrs[0] else ast.Call(args[0], args[1:], [])
    return ast.Raise(made, None)


def _made_anyway(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    """Write a call; alone if nobody reads its result."""
    call = w.write.equation(eqn)
    if not any(w.plan.read.get(o) for o in eqn.outs):
        return _store(call) or syntax.evaluated(call)
    return syntax.assign(w.targets(eqn), call)


def _store(call: ast.expr) -> ast.stmt | None:
    """Return the call of a method that stores an item as Python writes it; None if it is of another one."""
    match call:
        case ast.Call(func=ast.Attribute(value=held, attr="__setitem__"), args=[key, value], keywords=[]):
            return syntax.assign_to(ast.Subscript(held, key, ast.Store()), value)
        case ast.Call(func=ast.Name("setattr"), args=[held, ast.Constant(value=str(name)), value], keywords=[]):
            return syntax.assign_to(ast.Attribute(held, name, ast.Store()), value)
    return None


def _call_forward(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    """Write ``r, h_tape = h_fwd(x)``; several results come as a tuple."""
    *outs, tape = w.targets(eqn)
    targets: list[ast.expr] = [ast.Name(t, ast.Store()) for t in outs]
    results = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
    pair = ast.Tuple([results, ast.Name(tape, ast.Store())], ast.Store())
    return syntax.assign_to(pair, w.write.equation(eqn))


def _untree(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    targets = ast.Tuple([ast.Name(t, ast.Store()) for t in w.targets(eqn)], ast.Store())
    return syntax.assign_to(targets, w.write.atom(eqn.args[0]))


def _call_loop(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    """Write ``(u, v), tape = run_checkpointed(...)``."""
    *outs, tape = (ast.Name(t, ast.Store()) for t in w.targets(eqn))
    state = ast.Tuple(list[ast.expr](outs), ast.Store())
    return syntax.assign_to(ast.Tuple([state, tape], ast.Store()), w.write.equation(eqn))


def _call_loop_backward(w: StatementWriter, eqn: Eqn) -> ast.stmt:
    targets = ast.Tuple([ast.Name(t, ast.Store()) for t in w.targets(eqn)], ast.Store())
    return syntax.assign_to(targets, w.write.equation(eqn))


SPECIAL: Final[Mapping[str, Callable[[StatementWriter, Eqn], ast.stmt]]] = {
    "push": _push,
    "pop": _pop,
    "print": _print,
    "assert": _assert,
    "raise": _raise,
    "check_finite": _check_finite,
    "unchanged": _evaluated,
    "call_fwd": _call_forward,
    "opaque": _made_anyway,
    "call_loud": _made_anyway,
    "untree": _untree,
    "call_checkpointed": _call_loop,
    "call_online": _call_loop,
    "call_checkpointed_bwd": _call_loop_backward,
}
