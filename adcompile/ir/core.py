"""The statements of the intermediate representation.

A program is a tree of blocks. There are four statements: an equation applies a primitive, and if, for and while hold
blocks. Values enter a block through its parameters and leave it through its yields, as in MLIR's scf dialect
(https://mlir.llvm.org/docs/Dialects/SCFDialect/); a block may also read any variable of an enclosing block.
Arrays are values: ``a[i] = v`` is ``a2 = index_update(a1, v, i)``. Nothing here is ever modified.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from adcompile.errors import Span
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, type_of_value
from adcompile.records import dataclass, field, replace

_serials = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Var:
    """A value with a name: assigned once. `name` is a hint, "" for a temporary."""

    name: str
    type: Type
    serial: int = field(default_factory=lambda: next(_serials))

    def __repr__(self) -> str:
        return f"{self.name or 'v'}.{self.serial}"


class _Identity:
    """A key for an object as such. It holds the object, so that no other one gets its place in memory meanwhile."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.value is self.value


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A value known when compiling. Compare with `same_atom`: 1, 1.0 and True differ, and so do 0.0 and -0.0."""

    value: object

    @property
    def type(self) -> Type:
        return type_of_value(self.value)

    @property
    def key(self) -> tuple[object, ...]:
        v = self.value
        if isinstance(v, float | complex):
            return (type(v), repr(v))
        try:
            hash(v)
        except TypeError:
            return (type(v), _Identity(v))
        return (type(v), v)

    def __repr__(self) -> str:
        return repr(self.value)


Atom = Var | Const
Attrs = tuple[object, ...]


class _Undefined:
    """What a name holds on a path that never assigned it."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Const(_Undefined())
NONE: Final = Const(None)
TRUE: Final = Const(True)
FALSE: Final = Const(False)


def atom_key(a: Atom) -> object:
    """Return a hashable key; equal keys denote the same value."""
    return a if isinstance(a, Var) else a.key


def same_atom(a: Atom, b: Atom) -> bool:
    """Tell whether two atoms are the same variable or the same constant of the same type."""
    return a is b or (isinstance(a, Const) and isinstance(b, Const) and a.key == b.key)


def is_const(a: Atom, value: int | float) -> bool:
    """Tell whether `a` is the Python number `value` (an int or a float, not a bool)."""
    return isinstance(a, Const) and type(a.value) in (int, float) and a.value == value


def is_none(a: object) -> bool:
    """Tell whether a value of the program is None."""
    return isinstance(a, Const) and a.value is None


@dataclass(frozen=True, slots=True, eq=False)
class Eqn:
    """``outs = prim(*args; *attrs)``. `args` are values, `attrs` are static, in the order of the primitive."""

    outs: tuple[Var, ...]
    prim: str
    args: tuple[Atom, ...]
    attrs: Attrs = ()
    span: Span | None = None

    @property
    def out(self) -> Var:
        return self.outs[0]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    params: tuple[Var, ...]
    stmts: tuple[Stmt, ...]
    yields: tuple[Atom, ...]


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """``outs = then.yields if cond else orelse.yields``. Only in reverse sweeps: `mirrors` is the key of its primal."""

    cond: Atom
    then: Block
    orelse: Block
    outs: tuple[Var, ...]
    key: int
    mirrors: int | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True, eq=False)
class For:
    """A counted loop: ``for index in range(start, stop, step)``, with slots carried from trip to trip.

    Slot k is inits[k] before the loop, body.params[k] at the start of a trip, body.yields[k] at its end and outs[k]
    after the loop. If `until` is k then slot k is boolean and the loop ends after a trip that yields true.
    `backwards`: the indices of the range are taken in reverse order. `counts`: in a reverse sweep, the index is the
    number of the trip that is mirrored, and not its index. `snapshots`: how many states the reverse sweep may keep, to
    run parts of the loop again from them; None if it keeps what it needs of every trip.
    """

    index: Var
    start: Atom
    stop: Atom
    step: Atom
    inits: tuple[Atom, ...]
    body: Block
    outs: tuple[Var, ...]
    key: int
    until: int | None = None
    backwards: bool = False
    counts: bool = False
    mirrors: int | None = None
    span: Span | None = None
    snapshots: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class While:
    """``while cond(slots): slots = body(slots)``. Both blocks have one parameter a slot; cond yields a boolean."""

    inits: tuple[Atom, ...]
    cond: Block
    body: Block
    outs: tuple[Var, ...]
    key: int
    until: int | None = None
    mirrors: int | None = None
    span: Span | None = None
    snapshots: int | None = None


Stmt = Eqn | If | For | While
Loop = For | While


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function: `primal` statements, then `adjoint` statements (none before `reverse`), then the results.

    `names` gives the names that the user's own statements assign to variables; `ignored` the floating-point errors
    that np.errstate ignores.

    Until `store` has run, the adjoint statements may read every variable of the primal statements, and a block that
    mirrors a primal block may read that block's variables, as if all were still alive.
    """

    name: str
    params: tuple[Var, ...]
    primal: tuple[Stmt, ...]
    outs: tuple[Atom, ...]
    adjoint: tuple[Stmt, ...] = ()
    facts: Facts = field(default_factory=Facts)
    names: Mapping[Var, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def name_of(self, v: Var) -> str:
        """Return the user's name of a variable, or its hint."""
        return self.names.get(v, v.name)

    @property
    def stmts(self) -> tuple[Stmt, ...]:
        return self.primal + self.adjoint


def variables(atoms: Iterable[Atom]) -> list[Var]:
    """Return the variables among the atoms, in order."""
    return [a for a in atoms if isinstance(a, Var)]


def blocks_of(stmt: Stmt) -> tuple[Block, ...]:
    """Return the blocks of a statement: none, (then, orelse), (body,) or (cond, body)."""
    match stmt:
        case Eqn():
            return ()
        case If():
            return (stmt.then, stmt.orelse)
        case For():
            return (stmt.body,)
        case While():
            return (stmt.cond, stmt.body)


def bound_by(stmt: Stmt) -> tuple[Var, ...]:
    """Return the variables that a statement itself binds inside its blocks, besides block parameters."""
    return (stmt.index,) if isinstance(stmt, For) else ()


def operands(stmt: Stmt) -> list[Atom]:
    """Return what a statement reads directly, outside its blocks."""
    match stmt:
        case Eqn():
            return list(stmt.args)
        case If():
            return [stmt.cond]
        case For():
            return [stmt.start, stmt.stop, stmt.step, *stmt.inits]
        case While():
            return list(stmt.inits)


def stands_for_call(loop: For) -> bool:
    """Tell whether a loop is a call that is run again in the reverse sweep: it has one trip and carries nothing."""
    once = is_const(loop.start, 0) and is_const(loop.stop, 1) and is_const(loop.step, 1)
    return once and loop.snapshots is not None and all(a is UNDEFINED for a in loop.inits)


def free(stmt: Stmt) -> list[Var]:
    """Return the variables that a statement reads and does not itself define, without repetition."""
    seen = dict.fromkeys(variables(operands(stmt)))
    for block in blocks_of(stmt):
        seen.update(dict.fromkeys(free_of_block(block, bound_by(stmt))))
    return list(seen)


def free_of_block(block: Block, bound: Iterable[Var] = ()) -> list[Var]:
    """Return the variables that a block reads from outside."""
    defined = {*block.params, *bound}
    seen: dict[Var, None] = {}
    for stmt in block.stmts:
        seen.update(dict.fromkeys(v for v in free(stmt) if v not in defined))
        defined.update(stmt.outs)
    seen.update(dict.fromkeys(v for v in variables(block.yields) if v not in defined))
    return list(seen)


def walk(stmts: Iterable[Stmt]) -> list[Stmt]:
    """Return every statement, at any depth, outer before inner."""
    found: list[Stmt] = []
    for stmt in stmts:
        found.append(stmt)
        if not isinstance(stmt, Eqn):
            for block in blocks_of(stmt):
                found += walk(block.stmts)
    return found


def applies(stmts: Iterable[Stmt], *prims: str) -> bool:
    """Tell whether equations, at any depth, apply one of some primitives."""
    return not {s.prim for s in walk(stmts) if isinstance(s, Eqn)}.isdisjoint(prims)


def read_by(fn: Function) -> set[Var]:
    """Return the variables that a function reads anywhere."""
    read = set(variables(fn.outs))
    for stmt in walk(fn.stmts):
        read.update(variables(operands(stmt)))
        for block in blocks_of(stmt):
            read.update(variables(block.yields))
    return read


def definitions(stmts: Iterable[Stmt]) -> dict[Var, Stmt]:
    """Map every variable that statements define, at any depth, to its statement (block parameters are left out)."""
    return {out: stmt for stmt in walk(stmts) for out in stmt.outs}


def substitute(stmt: Stmt, env: Mapping[Var, Atom]) -> Stmt:
    """Replace the variables that a statement reads, at any depth."""
    if not env:
        return stmt
    return map_atoms(stmt, lambda a: env.get(a, a) if isinstance(a, Var) else a)


def map_atoms(stmt: Stmt, get: Callable[[Atom], Atom]) -> Stmt:
    """Rebuild a statement with `get` applied to everything it reads, at any depth."""
    match stmt:
        case Eqn():
            args = tuple(map(get, stmt.args))
            unchanged = all(a is b for a, b in zip(args, stmt.args, strict=True))
            return stmt if unchanged else replace(stmt, args=args)
        case If():
            return replace(
                stmt, cond=get(stmt.cond), then=map_block(stmt.then, get), orelse=map_block(stmt.orelse, get)
            )
        case For():
            return replace(
                stmt,
                start=get(stmt.start),
                stop=get(stmt.stop),
                step=get(stmt.step),
                inits=tuple(map(get, stmt.inits)),
                body=map_block(stmt.body, get),
            )
        case While():
            return replace(
                stmt,
                inits=tuple(map(get, stmt.inits)),
                cond=map_block(stmt.cond, get),
                body=map_block(stmt.body, get),
            )


def map_block(block: Block, get: Callable[[Atom], Atom]) -> Block:
    return Block(block.params, tuple(map_atoms(s, get) for s in block.stmts), tuple(map(get, block.yields)))


def with_blocks(stmt: Stmt, blocks: tuple[Block, ...]) -> Stmt:
    """Rebuild a statement with other blocks, given in the order of `blocks_of`."""
    match stmt:
        case Eqn():
            return stmt
        case If():
            return replace(stmt, then=blocks[0], orelse=blocks[1])
        case For():
            return replace(stmt, body=blocks[0])
        case While():
            return replace(stmt, cond=blocks[0], body=blocks[1])
