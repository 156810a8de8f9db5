"""The verifier: what every pass may rely on. The tests run it after each pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn

from adcompile.ir.core import (
    UNDEFINED,
    Atom,
    Block,
    Eqn,
    Function,
    If,
    Loop,
    Stmt,
    Var,
    While,
    blocks_of,
    bound_by,
    operands,
    variables,
)
from adcompile.ir.lengths import Facts
from adcompile.ir.pretty import show_stmt
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type

Place = tuple[int | None, int]  # a block: the key of its region and its number in the region
TOP: Final[Place] = (None, 0)  # the function's own statements

ATOMS = {"i": 1, "s": 3, "n": 0, "e": 0, "a": 1, "m": 1}  # how many operands a code of a path consumes


def verify(fn: Function, stored: bool = False) -> None:
    """Check that a function is well formed; raise AssertionError with the statement that is not.

    `stored`: `store` has run, so the adjoint statements may read only what is in scope, and no region is a mirror.
    """
    _Verifier(fn, stored).run()


def run(fn: Function) -> None:
    """Check a function at any stage: as `verify`, but without what holds only once storage is decided."""
    verify(fn)


def path_operands(path: object) -> int:
    """Count the operands that the path of an index consumes."""
    assert isinstance(path, tuple)
    return sum(ATOMS[code] for step in path if isinstance(step, str) for code in step)


class _Verifier:
    """Walks a function with the set of variables that are in scope."""

    def __init__(self, fn: Function, stored: bool) -> None:
        self.fn, self.stored = fn, stored
        self.scope: set[Var] = set()
        self.defined: set[Var] = set()
        self.keys: set[int] = set()
        self.mirrored: set[int] = set()
        self.bound: dict[Place, list[Var]] = {}  # what each primal block binds, for its mirror
        self.homes: dict[int, Place | None] = {}  # the primal block that each primal region stands in
        self.tapes: dict[str, set[object]] = {"push": set(), "pop": set()}
        self.facts = Facts()
        self.facts.parent, self.facts.serial = dict(fn.facts.parent), fn.facts.serial
        self.in_adjoint = False

    def run(self) -> None:
        self.define(self.fn.params, None)
        self.stmts(self.fn.primal, TOP)
        self.in_adjoint = True
        self.stmts(self.fn.adjoint, TOP)
        self.reads(self.fn.outs, None)
        assert self.tapes["pop"] <= self.tapes["push"], "a tape is popped that nothing is pushed to"

    def fail(self, message: str, stmt: Stmt | None) -> NoReturn:
        text = "" if stmt is None else ":\n" + show_stmt(self.fn, stmt)
        raise AssertionError(message + text)

    def define(self, variables: Iterable[Var], stmt: Stmt | None) -> None:
        for v in variables:
            if v in self.defined:
                self.fail(f"{v} is defined twice", stmt)
            self.defined.add(v)
            self.scope.add(v)

    def reads(self, atoms: Iterable[Atom], stmt: Stmt | None) -> None:
        for v in variables(atoms):
            if v not in self.scope:
                self.fail(f"{v} is {'not in scope' if v in self.defined else 'not defined'}", stmt)

    # -- statements

    def stmts(self, stmts: Iterable[Stmt], place: Place | None) -> None:
        """Check the statements of a block; in the adjoint, `place` is the primal block that it mirrors, if any."""
        for stmt in stmts:
            self.reads([] if isinstance(stmt, Eqn) and stmt.prim == "undo" else operands(stmt), stmt)
            if isinstance(stmt, Eqn):
                self.eqn(stmt)
            else:
                self.region(stmt, place)
            self.define(stmt.outs, stmt)

    def eqn(self, eqn: Eqn) -> None:
        try:
            PRIMITIVES[eqn.prim]
        except KeyError:
            self.fail(f"there is no primitive {eqn.prim}", eqn)
        match eqn.prim:
            case "undo":
                if self.stored or not self.in_adjoint:
                    self.fail("undo is for adjoint statements, before storage is decided", eqn)
                if eqn.args[0] not in self.defined:
                    self.fail("undo of something that is not defined", eqn)
            case "push" | "pop":
                if eqn.attrs[0] in self.tapes[eqn.prim]:
                    self.fail(f"a second {eqn.prim} of one tape", eqn)
                self.tapes[eqn.prim].add(eqn.attrs[0])
            case "index" | "index_update" | "index_add":
                first = 1 if eqn.prim == "index" else 2
                if len(eqn.args) != first + path_operands(eqn.attrs[0]):
                    self.fail("the path does not fit the number of operands", eqn)
        self.types(eqn)

    def types(self, eqn: Eqn) -> None:
        """Infer the types of the results again."""
        if eqn.prim == "pop":
            return
        try:
            inferred = PRIMITIVES[eqn.prim].infer(self.facts, eqn.args, eqn.attrs)
        except (TypeError, ValueError) as error:
            self.fail(str(error), eqn)
        types = (inferred,) if isinstance(inferred, Type) else inferred
        if len(types) != len(eqn.outs):
            self.fail(f"{len(types)} results are inferred", eqn)
        for out, t in zip(eqn.outs, types, strict=True):
            if not consistent(out.type, t):
                self.fail(f"the type {t} is inferred", eqn)

    def region(self, stmt: If | Loop, place: Place | None) -> None:
        if stmt.key in self.keys:
            self.fail("two regions have one key", stmt)
        self.keys.add(stmt.key)
        if isinstance(stmt, If):
            self.slots(stmt, [stmt.then.yields, stmt.orelse.yields], stmt.outs)
            if stmt.then.params or stmt.orelse.params:
                self.fail("the blocks of an if have no parameters", stmt)
        else:
            self.loop(stmt)
        self.mirror(stmt, place)
        for number, block in enumerate(blocks_of(stmt)):
            self.block(stmt, block, number)

    def loop(self, stmt: Loop) -> None:
        params = [b.params for b in blocks_of(stmt)]
        self.slots(stmt, [stmt.inits, *params, stmt.body.yields], stmt.outs)
        if stmt.until is not None:
            if not 0 <= stmt.until < len(stmt.outs):
                self.fail("`until` is not a slot", stmt)
            if not is_boolean(stmt.body.yields[stmt.until]):
                self.fail("the slot that ends the loop is not boolean", stmt)
        if isinstance(stmt, While) and len(stmt.cond.yields) != 1:
            self.fail("the test of a loop yields one value", stmt)

    def slots(self, stmt: Stmt, columns: list[tuple[Atom, ...]] | list[tuple[Var, ...]], outs: tuple[Var, ...]) -> None:
        for column in columns:
            if len(column) != len(outs):
                self.fail(f"{len(outs)} results, but a slot list has {len(column)} entries", stmt)
            for a, out in zip(column, outs, strict=True):
                if a is not UNDEFINED and not related(a.type, out.type):
                    self.fail(f"{a} : {a.type} does not fit a slot of type {out.type}", stmt)

    def mirror(self, stmt: If | Loop, place: Place | None) -> None:
        if not self.in_adjoint:
            self.homes[stmt.key] = place
        if stmt.mirrors is None:
            return
        if self.stored or not self.in_adjoint:
            self.fail("only an adjoint region is a mirror, and only until storage is decided", stmt)
        if stmt.mirrors in self.mirrored:
            self.fail("two mirrors of one region", stmt)
        self.mirrored.add(stmt.mirrors)
        if self.homes.get(stmt.mirrors, place) != place:
            self.fail("the mirrored region stands in a block that the mirror's block does not mirror", stmt)

    def block(self, stmt: If | Loop, block: Block, number: int) -> None:
        outer = set(self.scope)
        if self.in_adjoint:
            # The body of a while loop is its second block; that of the for loop that mirrors it is the first.
            place: Place | None = None if stmt.mirrors is None else (stmt.mirrors, number)
            if place is not None:
                self.scope |= set(self.bound.get(place, ()))
        else:
            place = (stmt.key, number - 1 if isinstance(stmt, While) else number)
        self.define((*bound_by(stmt), *block.params), stmt)
        self.stmts(block.stmts, place)
        self.reads(block.yields, stmt)
        if not self.in_adjoint and place is not None:
            self.bound[place] = [v for v in self.scope if v not in outer]
        self.scope = outer


def is_boolean(a: Atom) -> bool:
    return a.type.is_scalar and str(a.type.dtype) in ("<class 'bool'>", "bool")


def consistent(declared: Type, inferred: Type) -> bool:
    """Tell whether a declared type can be what is inferred: substitution may have made either more precise."""
    if "object" in (declared.kind, inferred.kind):
        return True
    if declared.is_array != inferred.is_array:
        return False
    if declared.rank is not None and inferred.rank is not None and declared.rank != inferred.rank:
        return False
    return None in (declared.dtype, inferred.dtype) or declared.inexact == inferred.inexact


def related(a: Type, b: Type) -> bool:
    """Tell whether a value of one type may stand in a slot of the other."""
    return "object" in (a.kind, b.kind) or a.is_array == b.is_array or None in (a.rank, b.rank)
