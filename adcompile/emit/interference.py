"""Which variables may share a name: live ranges, and moves that one name makes unnecessary.

Two variables interfere if one is assigned while the other is still read later. Out of SSA there are moves: into the
slots of a loop, from what a trip yields, into the results of an if. Variables that a move joins get one name where they
do not interfere.

What is folded has no name; writing it reads the variables in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adcompile.analysis.storage import has_storage
from adcompile.emit.exits import Exits
from adcompile.emit.fold import Trees
from adcompile.ir.core import Atom, Block, Eqn, For, Function, If, Loop, Stmt, Var, While, blocks_of, operands
from adcompile.ir.primitives import PRIMITIVES

Pair = tuple[Var, Var]


@dataclass
class Ranges:
    """What decides on names.

    clashes   the variables that each variable interferes with
    same      pairs that have one name whatever else: a loop slot and its value after the loop
    updates   an array before and after a store
    sums      an adjoint number before and after a contribution to it
    yields    pairs that a move at the end of a trip joins
    moves     pairs that another move joins
    order     all named variables, in order of appearance
    """

    clashes: dict[Var, set[Var]] = field(default_factory=dict)
    same: list[Pair] = field(default_factory=list)
    updates: list[Pair] = field(default_factory=list)
    sums: list[Pair] = field(default_factory=list)
    yields: list[Pair] = field(default_factory=list)
    moves: list[Pair] = field(default_factory=list)
    order: list[Var] = field(default_factory=list)

    def clash(self, a: Var, b: Var) -> None:
        if a is not b:
            self.clashes.setdefault(a, set()).add(b)
            self.clashes.setdefault(b, set()).add(a)


def live_ranges(fn: Function, trees: Trees, exits: Exits) -> Ranges:
    """Compute the interference of a function's variables."""
    walk = _Walk(trees, exits)
    live = {v for a in fn.outs for v in trees.leaves(a)}
    walk.stmts(fn.stmts, live)
    for p in fn.params:
        for q in (*fn.params, *live):
            walk.ranges.clash(p, q)
    walk.ranges.order = [*fn.params, *appearances(fn.stmts, trees, exits)]
    return walk.ranges


def appearances(stmts: Iterable[Stmt], trees: Trees, exits: Exits) -> Iterable[Var]:
    """Yield the named variables in the order in which they appear."""
    for stmt in stmts:
        if isinstance(stmt, For):
            yield stmt.index
        if not isinstance(stmt, If):
            yield from (p for b in blocks_of(stmt) for p in b.params if p not in exits.ghosts)
        if not (isinstance(stmt, If) and stmt in trees.chosen):
            for block in blocks_of(stmt):
                yield from appearances(block.stmts, trees, exits)
        yield from (v for v in stmt.outs if v not in trees.of and v not in exits.ghosts)


class _Walk:
    """A backward walk; `live` sets are changed in place."""

    def __init__(self, trees: Trees, exits: Exits) -> None:
        self.trees, self.exits = trees, exits
        self.tested = {v for e in exits.loops.values() for v in e.tests}
        self.ranges = Ranges()

    def leaves(self, atoms: Iterable[Atom]) -> set[Var]:
        return {v for a in atoms for v in self.trees.leaves(a)} - self.exits.ghosts

    def define(self, outs: Sequence[Var], live: set[Var]) -> None:
        """Assign variables at once while `live` are read later."""
        named = [v for v in outs if v not in self.exits.ghosts]
        live.difference_update(named)
        for v in named:
            for w in (*live, *named):
                self.ranges.clash(v, w)

    def stmts(self, stmts: Sequence[Stmt], live: set[Var]) -> None:
        for stmt in reversed(stmts):
            match stmt:
                case Eqn():
                    self.equation(stmt, live)
                case If():
                    self.branches(stmt, live)
                case For() | While():
                    self.loop(stmt, live)

    def equation(self, eqn: Eqn, live: set[Var]) -> None:
        if eqn.outs and eqn.outs[0] in self.trees.of:
            return
        self.define(eqn.outs, live)
        if PRIMITIVES[eqn.prim].updates and isinstance(a := eqn.args[0], Var) and a not in self.trees.of:
            joined = self.ranges.updates if has_storage(eqn.out) else self.ranges.sums
            joined.append((a, eqn.out))
        live |= self.leaves(eqn.args)

    def branches(self, stmt: If, live: set[Var]) -> None:
        if stmt.outs and stmt.outs[0] in self.trees.of:
            return
        self.define(stmt.outs, live)
        if stmt in self.trees.chosen:
            live |= set(self.trees.operand_leaves(stmt)) - self.exits.ghosts
            return
        entry: set[Var] = set()
        for block in blocks_of(stmt):
            inside = live | self.ends(block, stmt.outs)
            self.ranges.moves += self.moves(zip(stmt.outs, block.yields, strict=True))
            self.stmts(block.stmts, inside)
            entry |= inside
        live |= entry | self.leaves([stmt.cond])

    def ends(self, block: Block, outs: Sequence[Var]) -> set[Var]:
        """Return what the moves at the end of a block read; flags that became jumps are not moved."""
        pairs = zip(outs, block.yields, strict=True)
        return self.leaves(y for o, y in pairs if o not in self.exits.ghosts or y in self.tested)

    def moves(self, pairs: Iterable[tuple[Var, Atom]]) -> list[Pair]:
        """Return the moves between named variables."""
        ghosts, trees = self.exits.ghosts, self.trees.of
        return [
            (t, s) for t, s in pairs if isinstance(s, Var) and s not in trees and t not in ghosts and s not in ghosts
        ]

    def loop(self, stmt: Loop, live: set[Var]) -> None:
        self.define(stmt.outs, live)
        body = stmt.body
        through = live | self.captured(stmt)
        self.slots(stmt)
        self.header(stmt)
        tests = self.tests(stmt)
        inside = through | tests | self.ends(body, stmt.outs)
        self.stmts(body.stmts, inside)
        self.enter(stmt, inside, through)
        if isinstance(stmt, While):
            test = through | self.leaves(stmt.cond.yields) | set(body.params) - self.exits.ghosts
            self.stmts(stmt.cond.stmts, test)
            self.define(stmt.cond.params, test | through)
        live |= through
        live |= self.leaves(operands(stmt))

    def enter(self, stmt: Loop, inside: set[Var], through: set[Var]) -> None:
        """Assign the slots and the index at the start of a trip.

        A slot that only holds the last index, as after ``for i in range(n)``, is the index variable itself.
        """
        body = stmt.body
        if isinstance(stmt, While):
            self.define(body.params, inside | through)
            return
        twins = [p for p, y in zip(body.params, body.yields, strict=True) if y is stmt.index and p not in inside]
        others = (inside | through) - {stmt.index}
        self.define(body.params, set(others))
        self.define([stmt.index], others - set(body.params))
        for param, out in zip(body.params, stmt.outs, strict=True):
            if param in twins[:1]:
                self.ranges.updates.append((stmt.index, param))
            elif param not in self.exits.ghosts:
                self.ranges.clash(stmt.index, param)
                self.ranges.clash(stmt.index, out)

    def slots(self, stmt: Loop) -> None:
        """Join the variables of each slot."""
        body = stmt.body
        for k, (param, out) in enumerate(zip(body.params, stmt.outs, strict=True)):
            if param in self.exits.ghosts:
                continue
            self.ranges.same.append((param, out))
            if isinstance(stmt, While):
                self.ranges.same.append((param, stmt.cond.params[k]))
        self.ranges.moves += self.moves(zip(body.params, stmt.inits, strict=True))
        self.ranges.yields += self.moves(zip(body.params, body.yields, strict=True))

    def header(self, stmt: Loop) -> None:
        """Keep the bounds of a range apart from the slots, which have their first values by then."""
        for v in self.leaves([stmt.start, stmt.stop, stmt.step]) if isinstance(stmt, For) else ():
            for param, init in zip(stmt.body.params, stmt.inits, strict=True):
                if init is not v and param not in self.exits.ghosts:
                    self.ranges.clash(param, v)

    def tests(self, stmt: Loop) -> set[Var]:
        """Keep what ``if done: break`` tests apart from the slots, which have their new values by then."""
        found = self.exits.loops.get(stmt)
        read = self.leaves(found.tests) if found is not None else set()
        for param, y in zip(stmt.body.params, stmt.body.yields, strict=True):
            for v in read:
                if y is not v and param is not y and param not in self.exits.ghosts:
                    self.ranges.clash(param, v)
        return read

    def captured(self, stmt: Loop) -> set[Var]:
        """Return the outside variables that the blocks of a loop read."""
        found: set[Var] = set()
        for block in blocks_of(stmt):
            bound = {*block.params, *((stmt.index,) if isinstance(stmt, For) else ())}
            found |= self.free(block.stmts, block.yields) - bound
        return found

    def free(self, stmts: Sequence[Stmt], ends: Iterable[Atom]) -> set[Var]:
        """Return the variables that statements and `ends` read and the statements do not define."""
        found, defined = self.leaves(ends), set[Var]()
        for stmt in stmts:
            defined.update(stmt.outs)
            if stmt.outs and stmt.outs[0] in self.trees.of:
                continue
            if isinstance(stmt, If) and stmt in self.trees.chosen:
                found |= set(self.trees.operand_leaves(stmt))
                continue
            found |= self.leaves(operands(stmt))
            for block in blocks_of(stmt):
                bound = {*block.params, *((stmt.index,) if isinstance(stmt, For) else ())}
                found |= self.free(block.stmts, block.yields) - bound
        return found - defined
