"""Calls of unknown functions through which a derivative would have to pass, and cannot."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from adcompile.errors import Span
from adcompile.ir.core import Eqn, Function, Var, read_by, variables, walk
from adcompile.ir.primitives import CALLS
from adcompile.rules.opaque import UNKNOWN, is_draw, loggers

MAKERS: Final = ("opaque", *CALLS)  # what may return anything


def obstacles(fn: Function, active: Collection[Var]) -> Iterator[Eqn]:
    """Yield the calls of unknown functions that read an active value and of which a result is read.

    Or of which an object may have kept the value that is read later. Whole numbers that they return cut the derivative
    instead.
    """
    equations = [s for s in walk(fn.primal) if isinstance(s, Eqn)]
    calls = [s for s in equations if s.prim == "opaque"]
    if not calls:
        return
    read = read_by(fn)
    telling = [s for s in equations if any(carries(o) and o in read for o in s.outs)]
    for eqn in calls:
        if any(isinstance(a, Var) and a in active for a in eqn.args):
            keepers = {a for a in eqn.args if isinstance(a, Var) and may_keep(a)}
            if eqn in telling or any(keepers & {*variables(s.args)} for s in telling):
                yield eqn


def carries(v: Var) -> bool:
    """Tell whether a result may depend differentiably on what a call is given."""
    return v.type.inexact or v.type.kind == "object"


def may_keep(v: Var) -> bool:
    """Tell whether an operand is an object that may keep what a call is given: no logger, and no source of draws."""
    if v.type.kind == "object":
        cls = v.type.dtype
        return not (isinstance(cls, type) and (is_draw(cls) or issubclass(cls, loggers())))
    return v.type == UNKNOWN


def place_of(eqn: Eqn) -> Span | None:
    """Return the place of an unknown call."""
    name = eqn.attrs[1]
    assert isinstance(name, tuple)
    place = name[2]
    return place if isinstance(place, Span) else eqn.span


def described(eqn: Eqn) -> str:
    """Return the name of what an unknown call calls."""
    form, name, *_ = eqn.attrs
    assert isinstance(name, tuple)
    module, bare, _ = name
    if form == "value":
        v = eqn.args[0]
        cls = v.type.dtype if v.type.kind == "object" else None
        made = f"an object of the class {cls.__name__}" if isinstance(cls, type) else "this function"
        return (v.name if isinstance(v, Var) else "") or made
    return f"{module}.{bare}" if form == "path" else f"the method {bare} of an object"


__all__ = ["described", "obstacles", "place_of"]
