"""Which variables are versions of one array, and which may share its memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

from adcompile.ir.core import Atom, Eqn, For, If, Stmt, Var, While, blocks_of, free, walk
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import dataclass


class Groups:
    """A partition of variables (union-find); a variable that was never joined is a group of its own."""

    def __init__(self) -> None:
        self.parent: dict[Var, Var] = {}

    def find(self, v: Var) -> Var:
        root = v
        while root in self.parent:
            root = self.parent[root]
        while v is not root:
            self.parent[v], v = root, self.parent[v]
        return root

    def join(self, a: Atom, b: Atom) -> None:
        if isinstance(a, Var) and isinstance(b, Var):
            a, b = self.find(a), self.find(b)
            if a is not b:
                self.parent[a] = b


@dataclass(frozen=True, slots=True)
class Webs:
    """The versions of each array.

    versions  joins the variables that stores, loop slots and if results make versions of one array
    memory    joins also views with what they are views of
    stored    the webs that contain a store
    foreign   the groups of memory that an unknown function returned, which may keep it and change it
    written   the groups of memory that contain a store, or are foreign
    """

    versions: Groups
    memory: Groups
    stored: frozenset[Var]
    foreign: frozenset[Var]
    written: frozenset[Var]

    def web(self, v: Var) -> Var:
        """Return the representative of the versions of an array."""
        return self.versions.find(v)

    def is_stored(self, a: Atom) -> bool:
        """Tell whether a variable is a version of an array that is stored to."""
        return isinstance(a, Var) and a.type.is_array and self.versions.find(a) in self.stored

    def is_written(self, a: Atom) -> bool:
        """Tell whether the memory of a variable may be stored to: it is such a version, or may be a view of one."""
        return isinstance(a, Var) and a.type.is_array and self.memory.find(a) in self.written


def webs(stmts: Iterable[Stmt]) -> Webs:
    """Find the webs of the arrays that statements bind."""
    versions, memory = Groups(), Groups()
    stores: list[Var] = []
    foreign: list[Var] = []
    for stmt in walk(stmts):
        match stmt:
            case Eqn():
                if is_store(stmt):
                    versions.join(stmt.out, stmt.args[0])
                    stores.append(stmt.out)
                foreign += [o for o in stmt.outs if is_foreign(stmt) and o.type.is_array]
                for base in bases(stmt):
                    for out in stmt.outs:
                        if out.type.is_array:
                            memory.join(out, base)
            case If():
                join_columns(versions, stmt.outs, stmt.then.yields, stmt.orelse.yields)
            case For() | While():
                params = [b.params for b in blocks_of(stmt)]
                join_columns(versions, stmt.outs, stmt.inits, stmt.body.yields, *params)
    for v in list(versions.parent):
        memory.join(v, versions.parent[v])
    stored = frozenset(versions.find(v) for v in stores)
    theirs = frozenset(map(memory.find, foreign))
    return Webs(versions, memory, stored, theirs, theirs.union(map(memory.find, stores)))


def join_columns(groups: Groups, outs: tuple[Var, ...], *columns: tuple[Atom, ...]) -> None:
    for out, *atoms in zip(outs, *columns, strict=True):
        if out.type.is_array:
            for a in atoms:
                groups.join(out, a)


def is_foreign(stmt: Stmt) -> TypeGuard[Eqn]:
    """Tell whether a statement calls an unknown function, which may keep what it returns and change it later."""
    return isinstance(stmt, Eqn) and stmt.prim == "opaque" and not stmt.attrs[2]


def is_store(eqn: Eqn) -> bool:
    """Tell whether an equation makes a new version of an array, in the place of the old one where that is dead."""
    return PRIMITIVES[eqn.prim].updates and eqn.out.type.is_array


def is_view(eqn: Eqn) -> bool:
    """Tell whether the result of an equation may be a view of its first operand."""
    if not PRIMITIVES[eqn.prim].shares or not eqn.out.type.is_array:
        return False
    return eqn.prim != "index" or not is_advanced(eqn.attrs[0])


def is_advanced(path: object) -> bool:
    """Tell whether the path of an index has an index array or a mask, so that a read along it is a copy."""
    return isinstance(path, tuple) and any(isinstance(step, str) and ("a" in step or "m" in step) for step in path)


def bases(eqn: Eqn) -> list[Var]:
    """Return the arrays of which a result of an equation may be a view."""
    if eqn.prim.startswith("call"):
        candidates = eqn.args
    else:
        candidates = eqn.args[:1] if eqn.outs and is_view(eqn) else ()
    return [a for a in candidates if isinstance(a, Var) and a.type.is_array]


def overwritten(stmts: Iterable[Stmt], webs: Webs) -> set[Var]:
    """Return the versions that a statement of a block may overwrite: it stores to them, or makes later ones of them."""
    found: set[Var] = set()
    for stmt in stmts:
        if isinstance(stmt, Eqn):
            if stmt.outs and is_store(stmt) and isinstance(stmt.args[0], Var):
                found.add(stmt.args[0])
            continue
        made = {webs.web(out) for out in stmt.outs if webs.is_stored(out)}
        found.update(v for v in free(stmt) if made and v.type.is_array and webs.web(v) in made)
    return found
