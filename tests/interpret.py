"""An interpreter of the intermediate representation with value semantics: what every pass is compared against.

Arrays are never modified: a store makes a new array. Adjoint statements may read the values of the primal block that
they mirror, so the environments of every trip of every primal region are kept.
"""

from __future__ import annotations

import builtins
import cmath
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

import tests.tables  # noqa: F401  (fills the registry)
from adcompile.ir.core import Atom, Block, Const, Eqn, For, Function, If, Loop, Stmt, Var, While
from adcompile.ir.primitives import PRIMITIVES, Primitive
from adcompile.rules.signature import attribute_slots, operand_slots


class NotInterpreted(Exception):
    """The program has a call of another function, or an equation that the interpreter does not know."""


class Undefined(Exception):
    """A variable is read that has no value."""


@dataclass
class Scope:
    """The values of one run of a block; `mirrored` is the scope of the primal block that it mirrors."""

    parent: Scope | None = None
    mirrored: Scope | None = None
    values: dict[Var, object] = field(default_factory=dict)
    trips: dict[int, list[tuple[int, Scope]]] = field(default_factory=dict)  # of the regions inside: (block, scope)

    def find(self, v: Var) -> object:
        scope: Scope | None = self
        while scope is not None:
            for place in (scope, scope.mirrored):
                if place is not None and v in place.values:
                    return place.values[v]
            scope = scope.parent
        raise Undefined(f"{v} is not in scope")


@dataclass
class Machine:
    """`tapes` are the lists; `log` collects what the effects say; `callees` are the functions that `call` may name."""

    tapes: dict[object, list[object]] = field(default_factory=dict)
    log: list[object] = field(default_factory=list)

    def read(self, a: Atom, scope: Scope) -> object:
        value = a.value if isinstance(a, Const) else scope.find(a)
        if type(value).__name__ == "_Undefined":
            return value
        return value

    def reads(self, atoms: Iterable[Atom], scope: Scope) -> list[object]:
        return [self.read(a, scope) for a in atoms]

    def stmts(self, stmts: Sequence[Stmt], scope: Scope) -> None:
        for stmt in stmts:
            match stmt:
                case Eqn():
                    self.eqn(stmt, scope)
                case If():
                    number = 0 if self.read(stmt.cond, scope) else 1
                    inner = self.enter(stmt, number, 0, scope)
                    outs = self.block(stmt.then if number == 0 else stmt.orelse, (), inner)
                    scope.values.update(zip(stmt.outs, outs, strict=True))
                case For() | While():
                    self.loop(stmt, scope)

    def enter(self, stmt: If | Loop, number: int, trip: int, scope: Scope) -> Scope:
        """Open the scope of a block; a mirror finds the scope of the same block of the same primal trip."""
        mirrored = None
        if stmt.mirrors is not None and scope_of_mirror(scope) is not None:
            trips = scope_of_mirror(scope).trips.get(stmt.mirrors, [])
            if trips:
                assert trip < len(trips) and trips[trip][0] == number, "the mirror takes another course"
                mirrored = trips[trip][1]
        inner = Scope(scope, mirrored)
        scope.trips.setdefault(stmt.key, []).append((number, inner))
        return inner

    def block(self, block: Block, args: Sequence[object], scope: Scope) -> list[object]:
        scope.values.update(zip(block.params, args, strict=True))
        self.stmts(block.stmts, scope)
        return self.reads(block.yields, scope)

    def loop(self, stmt: Loop, scope: Scope) -> None:
        slots = self.reads(stmt.inits, scope)
        if isinstance(stmt, For):
            bounds = self.reads((stmt.start, stmt.stop, stmt.step), scope)
            indices = list(enumerate(range(*bounds)))
            for trip, index in reversed(indices) if stmt.backwards else indices:
                inner = self.enter(stmt, 0, trip, scope)
                inner.values[stmt.index] = index
                slots = self.block(stmt.body, slots, inner)
                if stmt.until is not None and slots[stmt.until]:
                    break
        else:
            trip = 0
            while self.block(stmt.cond, slots, Scope(scope))[0]:
                slots = self.block(stmt.body, slots, self.enter(stmt, 0, trip, scope))
                trip += 1
                assert trip < 10_000, "the loop does not end"
                if stmt.until is not None and slots[stmt.until]:
                    break
        scope.values.update(zip(stmt.outs, slots, strict=True))

    # -- equations

    def eqn(self, eqn: Eqn, scope: Scope) -> None:
        if eqn.prim == "undo":
            return
        args = self.reads(eqn.args, scope)
        match eqn.prim:
            case "push":
                defined(args)
                self.tapes.setdefault(eqn.attrs[0], []).append(args[0])
                return
            case "pop":
                results: Sequence[object] = (self.tapes[eqn.attrs[0]].pop(),)
            case "print":
                self.log.append(tuple(args))
                return
            case "assert":
                assert args[0], args[1]
                return
            case _:
                defined(args)
                found = apply(eqn, args)
                results = found if len(eqn.outs) > 1 and isinstance(found, tuple) else (found,)
        scope.values.update(zip(eqn.outs, results, strict=True))


def scope_of_mirror(scope: Scope) -> Scope:
    """Return the primal scope whose regions the regions of this scope mirror."""
    return scope.mirrored if scope.mirrored is not None else Scope()


def defined(args: Iterable[object]) -> None:
    if any(type(a).__name__ == "_Undefined" for a in args):
        raise Undefined("an undefined value is used")


def run(fn: Function, *args: object) -> tuple[object, ...]:
    """Evaluate a function."""
    machine = Machine()
    primal = Scope()
    primal.values.update(zip(fn.params, args, strict=True))
    machine.stmts(fn.primal, primal)
    adjoint = Scope(None, primal)
    machine.stmts(fn.adjoint, adjoint)
    assert not any(machine.tapes.values()), "a tape is not empty at the end"
    return tuple(machine.reads(fn.outs, adjoint))


# -- primitives


def subscripts(path: Sequence[object], atoms: Sequence[object]) -> list[object]:
    """Return the successive subscripts of a path; ("T", axes) steps stay as they are."""
    items = iter(atoms)
    steps: list[object] = []
    for step in path:
        if not isinstance(step, str):
            steps.append(step)
            continue
        parts: list[object] = []
        for code in step:
            match code:
                case "s":
                    parts.append(slice(next(items), next(items), next(items)))
                case "n":
                    parts.append(None)
                case "e":
                    parts.append(Ellipsis)
                case _:
                    parts.append(next(items))
        steps.append(parts[0] if len(parts) == 1 else tuple(parts))
    return steps


def is_turn(step: tuple[object, ...]) -> bool:
    return isinstance(step[0], str) and step[0] == "T"


def follow(x: object, steps: Sequence[object]) -> object:
    for step in steps:
        x = np.transpose(x, step[1]) if isinstance(step, tuple) and step and is_turn(step) else x[step]
    return x


def store(x: object, value: object, steps: Sequence[object], add: bool) -> object:
    result = np.array(x)
    place = follow(result, steps[:-1])
    last = steps[-1]
    if isinstance(last, tuple) and last and is_turn(last):
        place, last = np.transpose(place, last[1]), Ellipsis
    if add:
        np.add.at(place, last, value)
    else:
        place[last] = value
    return result


def apply(eqn: Eqn, args: list[object]) -> object:
    """Evaluate a primitive on values."""
    prim = PRIMITIVES[eqn.prim]
    match eqn.prim:
        case "index":
            found = follow(args[0], subscripts(eqn.attrs[0], args[1:]))
            return found.copy() if isinstance(found, np.ndarray) else found
        case "index_update" | "index_add":
            return store(args[0], args[1], subscripts(eqn.attrs[0], args[2:]), eqn.prim == "index_add")
        case "dim":
            return np.shape(args[0])[eqn.attrs[0]]
        case "size":
            return np.size(args[0])
        case "acc":
            return args[0] + args[1]
        case "copy":
            return args[0].copy() if isinstance(args[0], np.ndarray) else args[0]
        case "full":
            return np.full(tuple(args[1:]), args[0], *eqn.attrs)
        case "broadcast_to":
            return np.broadcast_to(args[0], tuple(args[1:])).copy()
        case "astype":
            return np.asarray(args[0]).astype(eqn.attrs[0])[()]
        case "conj":
            return args[0].conjugate()
        case "and":
            return args[0] and args[1]
        case "or":
            return args[0] or args[1]
        case "not":
            return not args[0]
        case "truth":
            return bool(args[0])
        case "matmul":
            return args[0] @ args[1]
        case "array":
            shape, dtype = eqn.attrs
            return np.array(args, dtype=dtype).reshape(shape)
        case "list_new":
            return list(args)
        case "list_append":
            return [*args[0], args[1]]
        case "list_pop":
            return args[0][:-1], args[0][-1]
        case "list_get":
            return args[0][args[1]]
        case "list_set" | "list_add":
            changed = list(args[0])
            changed[args[1]] = args[2] if eqn.prim == "list_set" else changed[args[1]] + args[2]
            return changed
        case "list_array":
            return np.array(args[0])
        case "list_items":
            return list(args[0])
        case "list_sum":
            return [x + y for x, y in zip(*args, strict=True)]
        case "list_zeros":
            return [np.zeros_like(e) if isinstance(e, np.ndarray) else 0.0 for e in args[0]]
        case "npdiv":
            return np.divide(args[0], args[1])
    return general(prim, eqn, args)


def general(prim: Primitive, eqn: Eqn, args: list[object]) -> object:
    """Evaluate a primitive by its fold, its helper or the function that emitted source calls."""
    from adcompile.rules.arithmetic import PYTHON

    if eqn.prim in PYTHON:
        return PYTHON[eqn.prim](*args)
    if prim.helper is not None:
        return call(prim.helper, prim, eqn, args)
    if not prim.spelling:
        raise NotInterpreted(f"`{eqn.prim}` is not interpreted")
    modules = {"np": np, "math": math, "cmath": cmath, "statistics": statistics}
    function: object = modules.get(prim.spelling.split(".")[0], builtins)
    for part in prim.spelling.split(".")[0 if function is builtins else 1 :]:
        function = getattr(function, part)
    return call(function, prim, eqn, args)


def call(function: object, prim: Primitive, eqn: Eqn, args: list[object]) -> object:
    """Call a function as its signature says: operands one by one or as one sequence, attributes by keyword."""
    slots = list(zip(attribute_slots(prim), eqn.attrs, strict=False))
    values: list[object] = [attr for slot, attr in slots if slot.first]
    items = iter(args)
    for slot in operand_slots(prim):
        match slot.form:
            case "one":
                values.append(next(items))
            case "arguments":
                values += items
            case "tuple":
                values.append(tuple(items))
            case "list":
                values.append(list(items))
    keywords = {slot.name: attr for slot, attr in slots if not slot.first and attr != slot.default}
    return function(*values, **keywords)
