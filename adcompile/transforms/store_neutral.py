"""Neutral values: what is pushed or copied is bound on every path, though the program may leave it undefined there.

    t = undefined if the branch is not taken; push(t)   ->   t = None if the branch is not taken; push(t)

The program never reads the value where it is undefined; if it does by mistake, None still makes it fail. An array may
be copied before it is pushed, and a list measured, so theirs are an empty array and an empty list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from adcompile.ir.core import (
    NONE,
    UNDEFINED,
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    If,
    Loop,
    Stmt,
    Var,
    blocks_of,
    variables,
    walk,
)
from adcompile.ir.lists import in_row
from adcompile.ir.primitives import CALLS
from adcompile.ir.types import Type, numpy_dtype
from adcompile.records import replace

PUT: Final = ("list_append", "list_insert", "list_set")
HANDED_ON: Final = ("list_new", *PUT, *map(in_row, PUT), "tree", *CALLS, "call_fwd")


def run(fn: Function) -> Function:
    """Give neutral values to what is handed on as it is: returned, passed to functions, or put into lists."""
    handed = [a for e in walk(fn.stmts) if isinstance(e, Eqn) and e.prim in HANDED_ON for a in e.args]
    return bind(fn, variables((*handed, *undefined_results(fn))))


def undefined_results(fn: Function) -> Iterator[Var]:
    """Yield the results that branches, or a loop that makes no trip, leave undefined.

    What a branch takes from a loop is defined there: the branch asks for it.
    """
    regions = {out: (s, k) for s in walk(fn.stmts) if not isinstance(s, Eqn) for k, out in enumerate(s.outs)}

    def undefined(a: Atom, inside: type[object]) -> bool:
        if not isinstance(a, Var) or a not in regions:
            return a is UNDEFINED
        stmt, k = regions[a]
        return isinstance(stmt, inside) and any(undefined(column[k], If) for column in columns_in(stmt))

    for out in fn.outs:
        if isinstance(out, Var) and undefined(out, object):
            yield out


def bind(fn: Function, values: Iterable[Var]) -> Function:
    """Give neutral values to the slots and results, at any depth, that these values come from."""
    regions = [s for s in walk(fn.stmts) if not isinstance(s, Eqn)]
    if not any(a is UNDEFINED for s in regions for column in columns_in(s) for a in column):
        return fn
    wanted = origins(regions, values)
    return replace(fn, primal=bind_block(fn.primal, wanted), adjoint=bind_block(fn.adjoint, wanted))


def columns_in(stmt: If | Loop) -> list[tuple[Atom, ...]]:
    """Return the atoms that enter the slots or results of a region."""
    if isinstance(stmt, If):
        return [stmt.then.yields, stmt.orelse.yields]
    return [stmt.inits, stmt.body.yields]


def origins(regions: Iterable[If | Loop], values: Iterable[Var]) -> set[Var]:
    """Return the values and the slots and results that they may have come through."""
    sources: dict[Var, list[Var]] = {}
    for stmt in regions:
        params = [] if isinstance(stmt, If) else [b.params for b in blocks_of(stmt)]
        for k, out in enumerate(stmt.outs):
            group = [out, *(column[k] for column in params)]
            entering = [a for column in columns_in(stmt) if isinstance(a := column[k], Var)]
            for v in group:
                sources[v] = [*group, *entering]
    found = set(values)
    todo = list(found)
    while todo:
        for v in sources.get(todo.pop(), ()):
            if v not in found:
                found.add(v)
                todo.append(v)
    return found


def bind_block(stmts: tuple[Stmt, ...], wanted: set[Var]) -> tuple[Stmt, ...]:
    out: list[Stmt] = []
    for stmt in stmts:
        match stmt:
            case Eqn():
                out.append(stmt)
            case If():
                then, orelse = (bind_yields(b, stmt.outs, wanted) for b in blocks_of(stmt))
                out.append(replace(stmt, then=then, orelse=orelse))
            case _:
                eqns, inits = neutralise(stmt.inits, stmt.outs, wanted)
                out += [*eqns, replace(stmt, inits=inits, body=bind_yields(stmt.body, stmt.outs, wanted))]
    return tuple(out)


def bind_yields(block: Block, outs: tuple[Var, ...], wanted: set[Var]) -> Block:
    eqns, yields = neutralise(block.yields, outs, wanted)
    return Block(block.params, (*bind_block(block.stmts, wanted), *eqns), yields)


def neutralise(atoms: tuple[Atom, ...], outs: tuple[Var, ...], wanted: set[Var]) -> tuple[list[Eqn], tuple[Atom, ...]]:
    """Replace what is undefined among the atoms that enter wanted slots; return the equations that this takes."""
    eqns: list[Eqn] = []
    new: list[Atom] = []
    for a, out in zip(atoms, outs, strict=True):
        if a is not UNDEFINED or out not in wanted:
            new.append(a)
        elif out.type.is_array:
            eqns.append(empty_array(out))
            new.append(eqns[-1].out)
        elif out.type.is_list:
            eqns.append(Eqn((Var(out.name, out.type),), "list_new", (), (out.type,)))
            new.append(eqns[-1].out)
        else:
            new.append(NONE)
    return eqns, tuple(new)


def empty_array(v: Var) -> Eqn:
    dims = (0,) * (v.type.rank or 1)
    out = Var(v.name, Type("array", numpy_dtype(v.type), dims))
    return Eqn((out,), "full", (Const(0.0), *map(Const, dims)), (numpy_dtype(v.type),))
