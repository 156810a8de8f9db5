"""The lists that stand for tapes: what they are called, and where they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adcompile.ir.core import Atom, Eqn, Function, Stmt, Var, definitions, walk


def tapes_within(stmt: Stmt) -> list[object]:
    """Return the tapes that a statement pushes to, in order of appearance."""
    found = (s.attrs[0] for s in walk([stmt]) if isinstance(s, Eqn) and s.prim == "push")
    return list(dict.fromkeys(found))


def tapes_read(stmts: Iterable[Stmt]) -> list[object]:
    """Return the tapes that statements pop from."""
    found = (s.attrs[0] for s in walk(stmts) if isinstance(s, Eqn) and s.prim == "pop")
    return list(dict.fromkeys(found))


def name_tapes(fn: Function, names: Mapping[Var, str], taken: Iterable[str]) -> dict[object, str]:
    """Name each tape after what is pushed on it, or popped: ``s_tape``."""
    used, made = set(taken), definitions(fn.stmts)
    found: dict[object, str] = {}
    for stmt in walk(fn.stmts):
        if not isinstance(stmt, Eqn) or stmt.prim not in ("push", "pop") or stmt.attrs[0] in found:
            continue
        word = _word(stmt.args[0] if stmt.args else stmt.out, fn, made, names)
        candidate, k = f"{word}_tape" if word else "tape", 0
        while candidate in used:
            k += 1
            candidate = f"{word}_tape_{k}" if word else f"tape_{k}"
        used.add(candidate)
        found[stmt.attrs[0]] = candidate
    return found


def _word(a: Atom, fn: Function, made: Mapping[Var, Stmt], names: Mapping[Var, str]) -> str:
    """Return the name of what is pushed, or of the array that it is read from; "" for a temporary."""
    while isinstance(a, Var):
        if fn.name_of(a):
            return fn.name_of(a) if a not in names else names[a]
        eqn = made.get(a)
        if not isinstance(eqn, Eqn) or eqn.prim not in ("index", "copy"):
            return ""
        a = eqn.args[0]
    return ""
