"""Which variables may share a name: live ranges, and moves that one name makes unnecessary.

Two variables interfere if one is assigned while the other is still read later. Out of SSA there are moves: into the
slots of a loop, from what a trip yields, into the results of an if. Variables that a move joins get one name where they
do not interfere.

What is folded has no name; writing it reads the variables in it. Sets of variables are the bits of an integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adcompile.analysis.storage import has_storage
from adcompile.emit.exits import Exits
from adcompile.emit.fold import Trees
from adcompile.ir.core import Atom, Block, Eqn, For, Function, If, Loop, Stmt, Var, While, blocks_of, operands
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import dataclass, field

Pair = tuple[Var, Var]
Bits = int


@dataclass(slots=True)
class Ranges:
    """What decides on names.

    numbers   the bit of each variable
    against   the variables that are alive when a variable is assigned
    same      pairs that have one name whatever else: a loop slot and its value after the loop
    updates   an array before and after a store
    sums      an adjoint number before and after a contribution to it
    yields    pairs that a move at the end of a trip joins
    moves     pairs that another move joins
    order     all named variables, in order of appearance
    """

    numbers: dict[Var, int] = field(default_factory=dict)
    against: dict[Var, Bits] = field(default_factory=dict)
    same: list[Pair] = field(default_factory=list)
    updates: list[Pair] = field(default_factory=list)
    sums: list[Pair] = field(default_factory=list)
    yields: list[Pair] = field(default_factory=list)
    moves: list[Pair] = field(default_factory=list)
    order: list[Var] = field(default_factory=list)

    def bit(self, v: Var) -> Bits:
        number = self.numbers.setdefault(v, len(self.numbers))
        return 1 << number

    def bits(self, variables: Iterable[Var]) -> Bits:
        found = 0
        for v in variables:
            found |= self.bit(v)
        return found

    def clash(self, v: Var, others: Bits) -> None:
        """Record that a variable interferes with others."""
        self.against[v] = self.against.get(v, 0) | others & ~self.bit(v)


def live_ranges(fn: Function, trees: Trees, exits: Exits) -> Ranges:
    """Compute the interference of a function's variables."""
    walk = _Walk(trees, exits)
    ranges = walk.ranges
    live = walk.stmts(fn.stmts, walk.leaves(fn.outs))
    entered = ranges.bits(fn.params) | live
    for p in fn.params:
        ranges.clash(p, entered)
    ranges.order = [*fn.params, *appearances(fn.stmts, trees, exits)]
    return ranges


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
    """A backward walk: methods take the variables that are read after a statement and return those read before it."""

    def __init__(self, trees: Trees, exits: Exits) -> None:
        self.trees, self.exits = trees, exits
        self.tested = {v for e in exits.loops.values() for v in e.tests}
        self.ranges = Ranges()

    def leaves(self, atoms: Iterable[Atom]) -> Bits:
        """Return the variables that writing values reads."""
        return self.ranges.bits(v for a in atoms for v in self.trees.leaves(a) if v not in self.exits.ghosts)

    def define(self, outs: Iterable[Var], live: Bits) -> Bits:
        """Assign variables at once while `live` are read later."""
        named = [v for v in outs if v not in self.exits.ghosts]
        own = self.ranges.bits(named)
        for v in named:
            self.ranges.clash(v, live | own)
        return live & ~own

    def stmts(self, stmts: Sequence[Stmt], live: Bits) -> Bits:
        for stmt in reversed(stmts):
            if stmt.outs and stmt.outs[0] in self.trees.of:
                continue
            match stmt:
                case Eqn():
                    live = self.equation(stmt, live)
                case If():
                    live = self.branches(stmt, live)
                case For() | While():
                    live = self.loop(stmt, live)
        return live

    def equation(self, eqn: Eqn, live: Bits) -> Bits:
        live = self.define(eqn.outs, live)
        if PRIMITIVES[eqn.prim].updates and isinstance(a := eqn.args[0], Var) and a not in self.trees.of:
            joined = self.ranges.updates if has_storage(eqn.out) else self.ranges.sums
            joined.append((a, eqn.out))
        return live | self.leaves(eqn.args)

    def branches(self, stmt: If, live: Bits) -> Bits:
        live = self.define(stmt.outs, live)
        if stmt in self.trees.chosen:
            return live | self.leaves((stmt.cond, *stmt.then.yields, *stmt.orelse.yields))
        entry = live | self.leaves([stmt.cond])
        for block in blocks_of(stmt):
            self.ranges.moves += self.moves(zip(stmt.outs, block.yields, strict=True))
            entry |= self.stmts(block.stmts, live | self.ends(block, stmt.outs))
        return entry

    def ends(self, block: Block, outs: Sequence[Var]) -> Bits:
        """Return what the moves at the end of a block read; flags that became jumps are not moved."""
        pairs = zip(outs, block.yields, strict=True)
        return self.leaves(y for o, y in pairs if o not in self.exits.ghosts or y in self.tested)

    def moves(self, pairs: Iterable[tuple[Var, Atom]]) -> list[Pair]:
        """Return the moves between named variables."""
        ghosts, trees = self.exits.ghosts, self.trees.of
        return [
            (t, s) for t, s in pairs if isinstance(s, Var) and s not in trees and t not in ghosts and s not in ghosts
        ]

    # -- loops

    def loop(self, stmt: Loop, live: Bits) -> Bits:
        live = self.define(stmt.outs, live)
        body = stmt.body
        through = live | self.captured(stmt)
        self.slots(stmt)
        self.header(stmt)
        inside = through | self.tests(stmt) | self.ends(body, stmt.outs) | self.held_flag(stmt)
        inside = self.stmts(body.stmts, inside)
        self.enter(stmt, inside, through)
        if isinstance(stmt, While):
            slots = self.ranges.bits(p for p in body.params if p not in self.exits.ghosts)
            test = self.stmts(stmt.cond.stmts, through | self.leaves(stmt.cond.yields) | slots)
            self.define(stmt.cond.params, test | through)
        return through | self.leaves(operands(stmt))

    def enter(self, stmt: Loop, inside: Bits, through: Bits) -> None:
        """Assign the slots and the index at the start of a trip.

        A slot that only holds the last index, as after ``for i in range(n)``, is the index variable itself.
        """
        body = stmt.body
        if isinstance(stmt, While):
            self.define(body.params, inside | through)
            return
        index = self.ranges.bit(stmt.index)
        pairs = zip(body.params, body.yields, strict=True)
        twins = [p for p, y in pairs if y is stmt.index and not inside & self.ranges.bit(p)]
        others = (inside | through) & ~index
        self.define(body.params, others)
        self.define([stmt.index], others & ~self.ranges.bits(body.params))
        for param, out in zip(body.params, stmt.outs, strict=True):
            if param in twins[:1]:
                self.ranges.updates.append((stmt.index, param))
            elif param not in self.exits.ghosts:
                self.ranges.clash(stmt.index, self.ranges.bits((param, out)))

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
        bounds = self.leaves([stmt.start, stmt.stop, stmt.step]) if isinstance(stmt, For) else 0
        for param, init in zip(stmt.body.params, stmt.inits, strict=True):
            if bounds and param not in self.exits.ghosts:
                self.ranges.clash(param, self.but(bounds, init))

    def but(self, found: Bits, a: Atom) -> Bits:
        return found & ~self.ranges.bit(a) if isinstance(a, Var) else found

    def tests(self, stmt: Loop) -> Bits:
        """Keep what ``if done: break`` tests apart from the slots, which have their new values by then."""
        found = self.exits.loops.get(stmt)
        read = self.leaves(found.tests) if found is not None else 0
        for param, y in zip(stmt.body.params, stmt.body.yields, strict=True):
            if read and param is not y and param not in self.exits.ghosts:
                self.ranges.clash(param, self.but(read, y))
        return read

    def held_flag(self, stmt: Loop) -> Bits:
        """Return the flag of a loop if it is assigned only where it becomes true: it stays False until then."""
        found = self.exits.loops.get(stmt)
        return self.ranges.bit(found.flag) if found is not None and found.flag is not None and found.starts else 0

    # -- what is read from outside

    def captured(self, stmt: Loop) -> Bits:
        """Return the outside variables that the blocks of a loop read."""
        found = 0
        for block in blocks_of(stmt):
            found |= self.free(block.stmts, block.yields) & ~self.bound(stmt, block)
        return found

    def bound(self, stmt: Stmt, block: Block) -> Bits:
        """Return the variables that a statement assigns on entering a block."""
        return self.ranges.bits((*block.params, *((stmt.index,) if isinstance(stmt, For) else ())))

    def free(self, stmts: Sequence[Stmt], ends: Iterable[Atom]) -> Bits:
        """Return the variables that statements and `ends` read and the statements do not define."""
        found, defined = self.leaves(ends), 0
        for stmt in stmts:
            defined |= self.ranges.bits(stmt.outs)
            if stmt.outs and stmt.outs[0] in self.trees.of:
                continue
            if isinstance(stmt, If) and stmt in self.trees.chosen:
                found |= self.leaves((stmt.cond, *stmt.then.yields, *stmt.orelse.yields))
                continue
            found |= self.leaves(operands(stmt))
            for block in blocks_of(stmt):
                found |= self.free(block.stmts, block.yields) & ~self.bound(stmt, block)
        return found & ~defined
