"""Ifs that are values: conditional expressions, `and`, `or`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from adcompile.analysis.storage import has_storage
from adcompile.ir.core import (
    FALSE,
    TRUE,
    UNDEFINED,
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    If,
    Stmt,
    Var,
    While,
    blocks_of,
    map_atoms,
    operands,
    same_atom,
    substitute,
    variables,
    walk,
    with_blocks,
)
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import PY_BOOL
from adcompile.records import replace

CONNECTIVES = frozenset({"not", "and", "or", "truth", "assert"})


def is_undefined(a: Atom) -> bool:
    return isinstance(a, Const) and a.value is UNDEFINED.value


def is_choice(stmt: If, names: Collection[Var]) -> bool:
    """Tell whether an if may be written as a conditional expression.

    It has one number as its result and only computes it, and the user did not write it as a statement; `names` are the
    variables that the user named.
    """
    if len(stmt.outs) != 1 or has_storage(stmt.outs[0]) or stmt.span is None:
        return False
    if is_statement(stmt) and stmt.outs[0] in names:
        return False
    yields = (*stmt.then.yields, *stmt.orelse.yields)
    if any(isinstance(y, Const) and not y.type.is_numeric for y in yields):
        return False
    return all(_is_pure(s) for b in blocks_of(stmt) for s in b.stmts)


def is_statement(stmt: If) -> bool:
    """Tell whether the user wrote an if as a statement."""
    words = re.match(r"\s*(\w+)", stmt.span.text) if stmt.span is not None else None
    return words is not None and words[1] in ("if", "elif", "else")


def _is_pure(stmt: Stmt) -> bool:
    return isinstance(stmt, Eqn) and len(stmt.outs) == 1 and not PRIMITIVES[stmt.prim].effect


def returning(stmts: Sequence[Stmt], outs: Sequence[Atom], read: Mapping[Var, int], users: Collection[Var]) -> set[If]:
    """Return the ifs at the end of a function that return from their branches.

    Their results are only what is returned, and the user gave these no names (`users` are the variables that have one).
    """
    last = stmts[-1] if stmts else None
    if not isinstance(last, If) or not last.outs or (is_choice(last, users) and not is_statement(last)):
        return set()
    if not all(o in outs and read.get(o) == 1 and o not in users for o in last.outs):
        return set()
    found = {last}
    for block in blocks_of(last):
        found |= returning(block.stmts, block.yields, read, users)
    return found


def simplify(fn: Function) -> Function:
    """Give the ifs of a program the form in which they are written best.

    A result that, where it is defined, is another result of the same if is replaced by it. In ``a and b``, lowered to
    ``b if a else a``, the second a becomes False.
    """
    conditions = _only_conditions(fn)
    env: dict[Var, Atom] = {}
    primal = _simplified(fn.primal, env, conditions)
    adjoint = _simplified(fn.adjoint, env, conditions)
    outs = tuple(env.get(a, a) if isinstance(a, Var) else a for a in fn.outs)
    return replace(fn, primal=primal, adjoint=adjoint, outs=outs)


def _simplified(stmts: Sequence[Stmt], env: dict[Var, Atom], conditions: Collection[Var]) -> tuple[Stmt, ...]:
    out: list[Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, Eqn):
            out.append(substitute(stmt, env))
            continue
        blocks = []
        for b in blocks_of(stmt):
            inner = _simplified(b.stmts, env, conditions)
            blocks.append(Block(b.params, inner, tuple(_value(y, env) for y in b.yields)))
        stmt = with_blocks(_with_operands(stmt, env), tuple(blocks))
        out.append(_merged(_connective(stmt, conditions), env) if isinstance(stmt, If) else stmt)
    return tuple(out)


def _value(a: Atom, env: dict[Var, Atom]) -> Atom:
    return env.get(a, a) if isinstance(a, Var) else a


def _with_operands(stmt: Stmt, env: dict[Var, Atom]) -> Stmt:
    """Substitute in what a statement reads outside its blocks; these are rebuilt by the caller."""
    return map_atoms(stmt, lambda a: _value(a, env)) if env else stmt


def _connective(stmt: If, conditions: Collection[Var]) -> If:
    """Write the constant where a branch yields the condition that led to it."""
    if len(stmt.outs) != 1 or not (stmt.outs[0] in conditions or stmt.cond.type == PY_BOOL):
        return stmt
    then, orelse = stmt.then, stmt.orelse
    if orelse.yields[0] is stmt.cond:
        orelse = replace(orelse, yields=(FALSE,))
    if then.yields[0] is stmt.cond:
        then = replace(then, yields=(TRUE,))
    return replace(stmt, then=then, orelse=orelse)


def _merged(stmt: If, env: dict[Var, Atom]) -> If:
    """Drop the results that are other results of the same if, or not defined."""
    kept: list[int] = []
    for k, out in enumerate(stmt.outs):
        twin = next((j for j in kept if _covers(stmt, j, k)), None)
        if twin is None:
            kept.append(k)
        else:
            env[out] = stmt.outs[twin]
    if len(kept) == len(stmt.outs):
        return stmt
    then, orelse = (replace(b, yields=tuple(b.yields[k] for k in kept)) for b in blocks_of(stmt))
    return replace(stmt, then=then, orelse=orelse, outs=tuple(stmt.outs[k] for k in kept))


def _covers(stmt: If, j: int, k: int) -> bool:
    """Tell whether result j is result k wherever that is defined."""
    pairs = [(b.yields[j], b.yields[k]) for b in blocks_of(stmt)]
    return all(same_atom(y, z) or is_undefined(z) for y, z in pairs) and not all(is_undefined(z) for _, z in pairs)


def _only_conditions(fn: Function) -> set[Var]:
    """Return the variables of which only the truth is asked."""
    asked: set[Var] = set()
    used = set(variables(fn.outs))
    for stmt in walk(fn.stmts):
        match stmt:
            case If():
                asked.update(variables([stmt.cond]))
            case Eqn() if stmt.prim in CONNECTIVES:
                asked.update(variables(stmt.args[:1]))
                used.update(variables(stmt.args[1:]))
            case _:
                used.update(variables(operands(stmt)))
        for block in blocks_of(stmt):
            test = isinstance(stmt, While) and block is stmt.cond
            (asked if test else used).update(variables(block.yields))
    return asked - used
