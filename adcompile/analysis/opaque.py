"""Calls of unknown functions through which a derivative would have to pass, and cannot."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from adcompile.errors import Span
from adcompile.ir.core import Atom, Eqn, Function, Var, blocks_of, operands, variables, walk


def obstacles(fn: Function, active: Collection[Var]) -> Iterator[Eqn]:
    """Yield the calls of unknown functions that read an active value and of which a result is read.

    Whole numbers that they return cut the derivative instead.
    """
    calls = [s for s in walk(fn.primal) if isinstance(s, Eqn) and s.prim == "opaque"]
    if not calls:
        return
    read = reads(fn)
    for eqn in calls:
        results = [o for o in eqn.outs if o in read and (o.type.inexact or o.type.kind == "object")]
        if results and any(isinstance(a, Var) and a in active for a in eqn.args):
            yield eqn


def reads(fn: Function) -> set[Var]:
    """Return the variables that something reads."""
    atoms: list[Atom] = [*fn.outs]
    for stmt in walk(fn.stmts):
        atoms += operands(stmt)
        atoms += [y for b in blocks_of(stmt) for y in b.yields]
    return set(variables(atoms))


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
        return v.name if isinstance(v, Var) else "this function"
    return f"{module}.{bare}" if form == "path" else f"the method {bare} of an object"


__all__ = ["described", "obstacles", "place_of"]
