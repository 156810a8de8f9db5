"""Small pieces of programs made by hand."""

from __future__ import annotations

from itertools import count

import numpy as np

import tests.tables  # noqa: F401  (fills the registry)
from adcompile.ir.core import Atom, Block, Const, Eqn, For, Function, If, Stmt, Var
from adcompile.ir.lengths import Dim, Facts
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import PY_BOOL, PY_FLOAT, PY_INT, Type

FACTS = Facts()
VECTOR = Type("array", np.dtype(float), (Dim("axis", ("x", 0), 5),))

_keys = count(1)


def number(name: str = "") -> Var:
    return Var(name, PY_FLOAT)


def integer(name: str = "") -> Var:
    return Var(name, PY_INT)


def boolean(name: str = "") -> Var:
    return Var(name, PY_BOOL)


def vector(name: str = "") -> Var:
    return Var(name, VECTOR)


def eqn(prim: str, *args: Atom, attrs: tuple[object, ...] = (), name: str = "") -> Eqn:
    inferred = PRIMITIVES[prim].infer(FACTS, args, attrs)
    types = (inferred,) if isinstance(inferred, Type) else inferred
    return Eqn(tuple(Var(name, t) for t in types), prim, args, attrs)


def read(x: Var, i: Atom) -> Eqn:
    return eqn("index", x, i, attrs=(("i",),))


def write(x: Var, v: Atom, i: Atom) -> Eqn:
    return eqn("index_update", x, v, i, attrs=(("i",),))


def block(*stmts: Stmt, yields: tuple[Atom, ...] = (), params: tuple[Var, ...] = ()) -> Block:
    return Block(params, stmts, yields)


def if_(cond: Atom, then: Block, orelse: Block, mirrors: If | None = None) -> If:
    outs = tuple(Var("", a.type) for a in then.yields)
    return If(cond, then, orelse, outs, next(_keys), mirrors.key if mirrors else None)


def for_(stop: Atom, inits: tuple[Atom, ...], body: Block, index: Var | None = None, **fields: object) -> For:
    """Make a loop over range(stop), or over range(start, stop, step) with these fields."""
    outs = tuple(Var(p.name, p.type) for p in body.params)
    start, step = fields.pop("start", Const(0)), fields.pop("step", Const(1))
    return For(index or integer("i"), start, stop, step, inits, body, outs, next(_keys), **fields)


def function(
    params: tuple[Var, ...], primal: tuple[Stmt, ...], outs: tuple[Atom, ...], adjoint: tuple[Stmt, ...] = ()
) -> Function:
    return Function("f", params, primal, outs, adjoint, FACTS, {})
