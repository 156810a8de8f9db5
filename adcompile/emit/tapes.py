"""The lists that stand for tapes: what they are called, and where they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from adcompile.ir.core import (
    Atom,
    Const,
    Eqn,
    For,
    Function,
    If,
    Stmt,
    Var,
    blocks_of,
    definitions,
    same_atom,
    walk,
    with_blocks,
)
from adcompile.records import replace


def tapes_within(stmt: Stmt) -> list[object]:
    """Return the tapes that a statement pushes to, in order of appearance."""
    found = (s.attrs[0] for s in walk([stmt]) if isinstance(s, Eqn) and s.prim == "push")
    return list(dict.fromkeys(found))


def tapes_read(stmts: Iterable[Stmt]) -> list[object]:
    """Return the tapes that statements pop from."""
    found = (s.attrs[0] for s in walk(stmts) if isinstance(s, Eqn) and s.prim == "pop")
    return list(dict.fromkeys(found))


def by_position(fn: Function) -> Function:
    """Read tapes that belong to the caller where a trip left its value, instead of taking it off.

        for i in range(n - 1, -1, -1): v = tape.pop()   ->   for i in range(n - 1, -1, -1): v = tape[i]

    The loop pops once in each trip, and nothing else pops from the tape.
    """
    pops = Counter(s.attrs[0] for s in walk(fn.adjoint) if isinstance(s, Eqn) and s.prim == "pop")
    alone = {tape for tape, count in pops.items() if count == 1}
    return replace(fn, adjoint=tuple(_by_position(s, alone) for s in fn.adjoint))


def _by_position(stmt: Stmt, alone: Collection[object]) -> Stmt:
    """Read tapes by the index of the loops in a statement that are in no other loop."""
    if isinstance(stmt, If):
        blocks = (replace(b, stmts=tuple(_by_position(s, alone) for s in b.stmts)) for b in blocks_of(stmt))
        return with_blocks(stmt, tuple(blocks))
    if not isinstance(stmt, For) or not stmt.backwards or stmt.until is not None:
        return stmt
    if not (same_atom(stmt.start, Const(0)) and same_atom(stmt.step, Const(1))):
        return stmt
    index = stmt.index
    read = (
        replace(s, args=(index,)) if isinstance(s, Eqn) and s.prim == "pop" and s.attrs[0] in alone else s
        for s in stmt.body.stmts
    )
    return replace(stmt, body=replace(stmt.body, stmts=tuple(read)))


def name_tapes(fn: Function, names: Mapping[Var, str], taken: Iterable[str]) -> dict[object, str]:
    """Name each tape after what is pushed on it, or popped: ``s_tape``."""
    used, made = set(taken), definitions(fn.stmts)
    found: dict[object, str] = {}
    for stmt in walk(fn.stmts):
        if not isinstance(stmt, Eqn) or stmt.prim not in ("push", "pop") or stmt.attrs[0] in found:
            continue
        word = _word(stmt.args[0] if stmt.prim == "push" else stmt.out, fn, made, names)
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
