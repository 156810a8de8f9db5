"""Which variables may share a buffer once arrays are stored to in place.

A root is the variable whose equation allocated a buffer. The roots of a variable are the buffers that its value may
live in:

    a = x * 2.0          roots(a) = {a}
    v = a[1:]            roots(v) = {a}
    w = v if c else x    roots(w) = {a, x}

Scalars have no roots: they are immutable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np

from adcompile.ir.core import Atom, Const, Eqn, For, Function, If, Stmt, Var, While, blocks_of
from adcompile.ir.lists import ROWS
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import OBJECT

Roots = frozenset[Var]

NO_ROOTS: Final[Roots] = frozenset()

# A root of every value that NumPy makes read-only.
READ_ONLY: Final = Var("read_only", OBJECT)

# Their results are their own; the tape, the last one, holds what they were given.
RUNS_LOOPS: Final = frozenset({"call_checkpointed", "call_online"})

GIVES_READ_ONLY: Final = frozenset({"broadcast_to", "unbroadcast", "diagonal", "diag"})


def has_storage(a: Atom) -> bool:
    """Tell whether a value may be, or hold, an array."""
    if isinstance(a, Const):
        return isinstance(a.value, np.ndarray)
    return a.type.kind in ("array", "list", "tree", "object") and not a.type.is_text


def is_element(eqn: Eqn) -> bool:
    """Tell whether a read makes a fresh value: a number, or a copy of the elements that an array selects."""
    path = eqn.attrs[0]
    assert isinstance(path, tuple)
    advanced = any(code in "am" for step in path if isinstance(step, str) for code in step)
    return advanced or not has_storage(eqn.out)


def is_view(eqn: Eqn) -> bool:
    """Tell whether the results of an equation may be views of its first operand."""
    if eqn.prim == "index":
        return not is_element(eqn)
    if eqn.prim == "einsum":
        return len(eqn.args) == 1
    return PRIMITIVES[eqn.prim].shares or eqn.prim in GIVES_READ_ONLY


def updated_from(eqn: Eqn) -> tuple[Atom, ...]:
    """Return the operands in whose buffers the results of an update may live: a list also holds what is put into it."""
    return eqn.args if ROWS.get(eqn.prim, eqn.prim) in ("list_append", "list_set", "list_insert") else eqn.args[:1]


def updated_roots(eqn: Eqn, roots: Callable[[Atom], Roots]) -> dict[Var, Roots]:
    """Return the roots of the results of an update in place.

    A list of lists, or one that owns its arrays, is their only holder: it has no other roots, and what is taken off is
    its own.
    """
    held = NO_ROOTS.union(*map(roots, updated_from(eqn)))
    pool = eqn.args[0].type
    if pool.is_nested:
        held = roots(eqn.args[0]) | {r for r in held if r.type.is_array}
    elif pool.is_pool:
        return {v: frozenset({v}) if v in eqn.outs[1:] else roots(eqn.args[0]) for v in eqn.outs if has_storage(v)}
    taken = [v for v in eqn.outs[1:] if pool.is_nested and v.type.is_list]
    inner = frozenset(r for r in held if r.type.is_array)
    return {v: inner | {v} if v in taken else held for v in eqn.outs if has_storage(v)}


def own_roots(a: Atom, roots: Roots) -> Roots:
    """Return the roots that an update of `a` writes to: of a list not those of the arrays in it, read-only or not."""
    if a.type.kind != "list":
        return roots
    return frozenset(r for r in roots if not r.type.is_array and r is not READ_ONLY)


def result_roots(eqn: Eqn, roots: Callable[[Atom], Roots]) -> dict[Var, Roots]:
    """Return the roots of an equation's results, if it does not store to its first operand."""
    outs = [v for v in eqn.outs if has_storage(v)]
    if eqn.prim == "call_fwd":
        return _pair_roots(eqn, roots)
    if eqn.prim == "untree":
        return {v: roots(eqn.args[0]) or frozenset({v}) for v in outs}
    if any(v.type.is_tree for v in outs):
        return _tree_roots(outs, eqn.args, roots)
    if eqn.prim in RUNS_LOOPS:
        *plain, tape = eqn.outs
        own = {v: frozenset({v}) for v in plain if has_storage(v)}
        return {**own, tape: frozenset({tape}).union(*map(roots, eqn.args))}
    if is_view(eqn):
        shared = roots(eqn.args[0])
        if eqn.prim in GIVES_READ_ONLY:
            shared |= {READ_ONLY}
        return {v: shared | {v} if v.type.is_list else shared or frozenset({v}) for v in outs}  # a list of views is new
    return {v: frozenset({v}) | _held(v, eqn.args, roots) for v in outs}  # lists too hold what they are made of


def _held(v: Var, args: Iterable[Atom], roots: Callable[[Atom], Roots]) -> Roots:
    """An object of unknown kind may hold on to whatever it was made from; a list to the arrays in other lists."""
    if v.type.is_text or v.type.kind not in ("object", "list", "tree"):
        return NO_ROOTS
    held = frozenset[Var]().union(*map(roots, args))
    return frozenset(r for r in held if not r.type.is_list) if v.type.is_list else held


def _pair_roots(eqn: Eqn, roots: Callable[[Atom], Roots]) -> dict[Var, Roots]:
    """The tape of a forward function holds its arguments and its results; results never alias arguments."""
    *outs, tape = eqn.outs
    found = {v: frozenset({tape}) for v in outs if has_storage(v)}
    return {**found, tape: frozenset({tape}).union(*map(roots, eqn.args))}


def _tree_roots(outs: list[Var], args: Iterable[Atom], roots: Callable[[Atom], Roots]) -> dict[Var, Roots]:
    """A tree holds what it is made of, and what a function returns beside it."""
    first = next(v for v in outs if v.type.is_tree)
    held = frozenset({first}).union(*map(roots, args))
    return {v: held if v.type.is_tree else frozenset({first}) for v in outs}


def slot_closure(inits: Mapping[Var, Roots], yields: Mapping[Var, Roots]) -> dict[Var, Roots]:
    """Return what each loop parameter may hold in any trip and after the loop, from what enters and what is yielded.

    A yield may have parameters of the same loop among its roots: they stand for what those held before.
    """
    held = dict(inits)
    changed = True
    while changed:
        changed = False
        for param, after in yields.items():
            new = held[param].union(*(held.get(r, frozenset({r})) for r in after))
            if new != held[param]:
                held[param], changed = new, True
    return held


def storage(fn: Function) -> dict[Var, Roots]:
    """Return the roots of every variable with storage, every update being done in place."""
    found: dict[Var, Roots] = {p: frozenset({p}) for p in fn.params if has_storage(p)}
    tapes: dict[object, Roots] = {}

    def roots(a: Atom) -> Roots:
        return found.get(a, NO_ROOTS) if isinstance(a, Var) else NO_ROOTS

    def equation(eqn: Eqn) -> None:
        if eqn.prim == "push":
            tapes[eqn.attrs[0]] = tapes.get(eqn.attrs[0], NO_ROOTS) | roots(eqn.args[0])
        elif eqn.prim == "pop":
            found.update({v: tapes.get(eqn.attrs[0], NO_ROOTS) | {v} for v in eqn.outs if has_storage(v)})
        elif PRIMITIVES[eqn.prim].updates:
            held = frozenset[Var]().union(*map(roots, updated_from(eqn)))
            found.update({v: held or frozenset({v}) for v in eqn.outs if has_storage(v)})
        else:
            found.update(result_roots(eqn, roots))

    def visit(stmts: Iterable[Stmt]) -> None:
        for stmt in stmts:
            match stmt:
                case Eqn():
                    equation(stmt)
                case If():
                    visit(stmt.then.stmts)
                    visit(stmt.orelse.stmts)
                    pairs = zip(stmt.outs, stmt.then.yields, stmt.orelse.yields, strict=True)
                    found.update({o: roots(a) | roots(b) for o, a, b in pairs if has_storage(o)})
                case For() | While():
                    loop(stmt)

    def loop(stmt: For | While) -> None:
        slots = [i for i, p in enumerate(stmt.body.params) if has_storage(p)]
        params = [stmt.body.params[i] for i in slots]
        held = {p: roots(stmt.inits[i]) for p, i in zip(params, slots, strict=True)}
        while True:
            before = dict(held)
            for block in blocks_of(stmt):
                found.update({block.params[i]: held[p] for p, i in zip(params, slots, strict=True)})
                visit(block.stmts)
            held = {p: held[p] | roots(stmt.body.yields[i]) for p, i in zip(params, slots, strict=True)}
            if held == before:
                break
        found.update({stmt.outs[i]: held[p] for p, i in zip(params, slots, strict=True)})

    visit(fn.stmts)
    return found
