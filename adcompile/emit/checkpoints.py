"""Loops that keep few of their states, as calls of the functions that run them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final

from adcompile.emit import syntax
from adcompile.ir.core import Atom, Eqn
from adcompile.ir.primitives import PRIMITIVES

Write = Callable[[Atom], ast.expr]


def run(eqn: Eqn, write: Write) -> ast.expr:
    """Write ``run_checkpointed(step, range(n), (u, v), (x,), slots)``."""
    names, n_bounds, n_slots, snapshots, until, _ = eqn.attrs
    assert isinstance(names, tuple) and isinstance(n_bounds, int) and isinstance(n_slots, int)
    step, test = names
    written = [write(a) for a in eqn.args]
    bounds, state, others = written[:n_bounds], written[n_bounds : n_bounds + n_slots], written[n_bounds + n_slots :]
    args = [syntax.range_call(*bounds) if bounds else ast.Constant(None)]
    if eqn.prim == "call_online":
        args.insert(0, syntax.name(str(test)) if test else ast.Constant(None))
    args += [syntax.tuple_of(state), syntax.tuple_of(others), syntax.constant(snapshots)]
    keywords = {} if until is None else {"ended": syntax.constant(until)}
    return syntax.call(PRIMITIVES[eqn.prim].spelling, syntax.name(str(step)), *args, **keywords)


def reverse(eqn: Eqn, write: Write) -> ast.expr:
    """Write ``reverse_checkpointed(step, step_vjp, tape, (u_bar, x_bar))``."""
    names, _ = eqn.attrs
    assert isinstance(names, tuple)
    tape, *bars = map(write, eqn.args)
    functions = [syntax.name(str(n)) for n in names]
    return syntax.call(PRIMITIVES[eqn.prim].spelling, *functions, tape, syntax.tuple_of(bars))


FORMS: Final[Mapping[str, Callable[[Eqn, Write], ast.expr]]] = {
    "call_checkpointed": run,
    "call_online": run,
    "call_checkpointed_bwd": reverse,
}
