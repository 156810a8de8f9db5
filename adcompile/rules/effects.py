"""What programs do besides computing: what they show, what they may raise, and what they may not do twice."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final

from adcompile.ir.core import Block, Eqn, Function, Stmt, blocks_of, read_by, walk, with_blocks
from adcompile.ir.derivatives import Jacobian, Pullback, Pushforward
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import all_same
from adcompile.records import replace
from adcompile.rules.opaque import INDEX, loggers, of_pure

DERIVATIVES: Final = (Pullback, Pushforward, Jacobian)
SHOWING: Final = ("logging", "warnings")
HIDDEN: Final = frozenset({"push", "pop", "undo", "hook", "unchanged"})  # effects that nobody sees from outside


def shows(eqn: Eqn) -> bool:
    """Tell whether an equation shows something, and does nothing else: it prints, logs or warns."""
    if eqn.prim != "opaque":
        return eqn.prim == "print"
    form, place = eqn.attrs[:2]
    if form == "path":
        return isinstance(place, tuple) and place[0].partition(".")[0] in SHOWING
    cls = eqn.args[0].type.dtype
    return form == "method" and isinstance(cls, type) and issubclass(cls, loggers())


def unrepeatable(stmts: Iterable[Stmt]) -> list[Eqn]:
    """Return the calls of unknown functions that may not be made again.

    Those that only compute something from numbers or only show something may, and those of a dict that is made there.
    """
    calls = [s for s in walk(stmts) if isinstance(s, Eqn) and s.prim == "opaque"]
    made = {o for s in calls for o in s.outs if o.type == INDEX}
    own = [s for s in calls if s.outs[0] in made or (s.args and s.args[0] in made)]
    return [s for s in calls if not (_computes(s) or shows(s) or s in own)]


def _computes(call: Eqn) -> bool:
    """Tell whether a call computes the same from the same numbers and arrays whenever it is made."""
    form, name, trusted = call.attrs[:3]
    pure = isinstance(name, tuple) and of_pure(name[0])
    return form == "path" and bool(trusted) and pure and all(a.type.kind != "object" for a in call.args)


def loud(fn: Function) -> bool:
    """Tell whether a function may show something, also where it calls others or takes derivatives of them."""
    return any(isinstance(s, Eqn) and (s.prim == "call_loud" or shows(s) or takes_loud(s)) for s in walk(fn.stmts))


def takes_loud(eqn: Eqn) -> bool:
    """Tell whether an equation is a derivative of a function that may show something."""
    return any(isinstance(of, DERIVATIVES) and loud(of.function) for of in eqn.attrs)


def quiet(fn: Function, other: Callable[[str], str]) -> Function:
    """Remove what a function shows: for a second evaluation of it. `other` names the quiet form of what it calls."""
    if not loud(fn):
        return fn
    gone = {s for s in walk(fn.primal) if isinstance(s, Eqn) and shows(s)}
    while True:
        made = replace(fn, primal=_without(fn.primal, gone, other))
        read = read_by(made)
        kept = {s for s in gone if not read.isdisjoint(s.outs)}
        if not kept:
            return made
        gone -= kept


def _without(stmts: Iterable[Stmt], gone: Container[Stmt], other: Callable[[str], str]) -> tuple[Stmt, ...]:
    return tuple(
        replace(s, attrs=(other(str(s.attrs[0])), *s.attrs[1:]))
        if isinstance(s, Eqn) and s.prim == "call_loud"
        else _changed(s, lambda inner: _without(inner, gone, other), lambda fn: quiet(fn, other))
        for s in stmts
        if s not in gone
    )


def _changed(
    stmt: Stmt, block: Callable[[tuple[Stmt, ...]], tuple[Stmt, ...]], function: Callable[[Function], Function]
) -> Stmt:
    """Change the statements in the blocks of a statement, and the functions that it takes derivatives of."""
    if not isinstance(stmt, Eqn):
        return with_blocks(stmt, tuple(Block(b.params, block(b.stmts), b.yields) for b in blocks_of(stmt)))
    attrs = tuple(
        replace(of, function=function(of.function)) if isinstance(of, DERIVATIVES) else of for of in stmt.attrs
    )
    return stmt if all_same(attrs, stmt.attrs) else replace(stmt, attrs=attrs)


def loud_names(functions: Mapping[str, Function]) -> frozenset[str]:
    """Return the names of the functions that show or raise something, themselves or by those that they call."""
    found: frozenset[str] = frozenset()
    while True:
        before = found
        found = frozenset(n for n, fn in functions.items() if any(_is_seen(s, before) for s in walk(fn.stmts)))
        if found == before:
            return found


def with_loud_calls(fn: Function, names: Container[str]) -> Function:
    """Mark the calls of functions of these names, which are made also if their results are not read.

    v1 = call(x; h)   ->   v1 = call_loud(x; h)
    """
    return replace(fn, primal=_marked(fn.primal, names))


def _is_seen(stmt: Stmt, names: Container[str]) -> bool:
    if not isinstance(stmt, Eqn):
        return False
    called = stmt.prim == "call" and stmt.attrs[0] in names
    return called or PRIMITIVES[stmt.prim].effect and stmt.prim not in HIDDEN


def _marked(stmts: Iterable[Stmt], names: Container[str]) -> tuple[Stmt, ...]:
    return tuple(
        replace(s, prim="call_loud")
        if isinstance(s, Eqn) and s.prim == "call" and s.attrs[0] in names
        else _changed(s, lambda inner: _marked(inner, names), lambda fn: with_loud_calls(fn, names))
        for s in stmts
    )
