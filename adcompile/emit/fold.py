"""Choose which values are written where they are read instead of being given a name.

    v1 = sin(x); v2 = mul(v1, w); s2 = add(s, v2)   ->   s = s + np.sin(x) * w

A value is folded into the one statement that reads it if that is in the same block, and nothing in between stores to an
array that it reads or has an effect that it could overtake. Names that the user gave, and adjoints of what the user
named, stay; so does what would make a line too wide. Reads of shapes and transposes are folded wherever they are read.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from adcompile.analysis.storage import NO_ROOTS, READ_ONLY, Roots, has_storage
from adcompile.emit import checkpoints, lists
from adcompile.emit.choices import is_choice, returning
from adcompile.emit.exits import Exits
from adcompile.ir.core import (
    Atom,
    Block,
    Const,
    Eqn,
    For,
    Function,
    If,
    Stmt,
    Var,
    While,
    blocks_of,
    definitions,
    operands,
    variables,
    walk,
)
from adcompile.ir.lists import STORES
from adcompile.ir.primitives import CALLS, PRIMITIVES
from adcompile.records import NamedTuple, dataclass

USER_WIDTH: Final = 170  # columns of an expression that the user wrote in one piece
WIDTH: Final = 76
NODES: Final = 120

NEVER: Final = (
    frozenset({"call_fwd", "call_bwd", "index_update", "index_add", *checkpoints.FORMS})
    | lists.CHANGES
    | STORES
    | (lists.MAKES - lists.PARTS)
)


class _Measure(NamedTuple):
    """The size of an expression, and what it depends on: arrays that it reads, whether it may raise."""

    width: int
    nodes: int
    reads: Roots
    raises: bool


class _Event(NamedTuple):
    """A statement that not everything may be moved past."""

    position: int
    writes: Roots
    region: bool
    effect: bool


class _Within(NamedTuple):
    """A block in which is folded.

    readers  the position of the last statement that reads each variable itself; the length of the block for its end
    reads    how often equations of the block read each variable
    events   by position
    """

    stmts: tuple[Stmt, ...]
    readers: Mapping[Var, int]
    reads: Counter[Atom]
    events: Sequence[_Event]

    def reader(self, v: Var) -> Stmt | None:
        """Return the last statement that reads a variable; None at the end of the block."""
        k = self.readers.get(v, len(self.stmts))
        return self.stmts[k] if k < len(self.stmts) else None

    def between(self, start: int, stop: int) -> Iterator[_Event]:
        """Yield the events after one statement and before another."""
        k = bisect.bisect_right(self.events, start, key=lambda e: e.position)
        while k < len(self.events) and self.events[k].position < stop:
            yield self.events[k]
            k += 1


@dataclass(slots=True)
class Trees:
    """What is folded: the equations, and the ifs that are conditional expressions.

    chosen     ifs that are written as conditional expressions, folded or not
    returning  ifs that return from their branches
    """

    of: dict[Var, Eqn | If]
    chosen: set[If]
    returning: set[If]

    def leaves(self, a: Atom) -> list[Var]:
        """Return the named variables that writing a value reads."""
        if isinstance(a, Const):
            return []
        tree = self.of.get(a)
        if tree is None:
            return [a]
        return self.operand_leaves(tree)

    def operand_leaves(self, tree: Eqn | If) -> list[Var]:
        """Return the named variables that an equation or a conditional expression reads."""
        atoms = tree.args if isinstance(tree, Eqn) else (tree.cond, *tree.then.yields, *tree.orelse.yields)
        return [v for a in atoms for v in self.leaves(a)]


def fold(fn: Function, counts: Mapping[Var, int], exits: Exits, roots: Mapping[Var, Roots]) -> Trees:
    """Choose what to fold in a function."""
    folder = _Folder(fn, counts, exits, roots)
    if not (fn.primal and fn.adjoint):
        users = fn.names if fn.primal else ()
        folder.trees.returning.update(returning(fn.stmts, fn.outs, counts, users))
    folder.block(fn.stmts, variables(fn.outs) if not fn.adjoint else [])
    return folder.trees


class _Folder:
    def __init__(self, fn: Function, counts: Mapping[Var, int], exits: Exits, roots: Mapping[Var, Roots]) -> None:
        self.fn, self.exits, self.roots = fn, exits, roots
        self.counts = dict(counts)
        for stmt in walk(fn.stmts):
            if isinstance(stmt, If) and is_choice(stmt, fn.names) and isinstance(stmt.cond, Var):
                # in ``a or b`` the condition is the value too, and is written once
                self.counts[stmt.cond] -= sum(b.yields[0] is stmt.cond for b in blocks_of(stmt))
        self.trees = Trees({}, set(), set())
        self.measures: dict[Var, _Measure] = {}
        self.primal = {*definitions(fn.primal), *fn.params}
        for stmt in walk(fn.primal):
            for b in blocks_of(stmt):
                self.primal.update(b.params)
        self.indices = {s.index for s in walk(fn.stmts) if isinstance(s, For)}
        self.stored = NO_ROOTS.union(*(self.writes(s) for s in fn.stmts))

    # -- blocks

    def block(self, stmts: tuple[Stmt, ...], ends: Collection[Var]) -> None:
        """Fold within one block; values in `ends` may be folded into its end."""
        events = [e for k, s in enumerate(stmts) if (e := self.event(k, s)) is not None]
        readers: dict[Var, int] = {}
        for k, stmt in enumerate(stmts):
            readers.update(dict.fromkeys(variables(operands(stmt)), k))
        readers.update((v, len(stmts)) for v in ends if v not in readers)
        within = _Within(stmts, readers, Counter(v for s in stmts if isinstance(s, Eqn) for v in s.args), events)
        for k, stmt in enumerate(stmts):
            if isinstance(stmt, Eqn):
                self.equation(stmt, k, within)
            elif isinstance(stmt, If):
                self.branches(stmt, k, within)
            else:
                self.loop(stmt)

    def loop(self, stmt: For | While) -> None:
        if isinstance(stmt, While):
            self.block(stmt.cond.stmts, variables(stmt.cond.yields))
        self.block(stmt.body.stmts, self.loop_ends(stmt))

    def loop_ends(self, stmt: For | While) -> list[Var]:
        """Return the yields of a body that may be written in the moves at its end.

        That is where giving a value its slot's name at once is impossible, as in ``a, b = b, a + b``; and a test of
        whether the loop ends.
        """
        body = stmt.body
        kept = {p for p, y in zip(body.params, body.yields, strict=True) if p is y}
        late = {v for y in body.yields for v in variables([y])} & set(body.params) - kept
        made = definitions(body.stmts)
        found: list[Var] = []
        for k, y in enumerate(body.yields):
            if not isinstance(y, Var) or not isinstance(made.get(y), Eqn | If):
                continue
            if k == stmt.until:
                if not self.sources(y, made) & (set(body.params) - kept):
                    found.append(y)
            elif body.params[k] in late and not has_storage(y):
                found.append(y)
        return found

    def sources(self, v: Var, made: Mapping[Var, Stmt]) -> set[Var]:
        """Return all that a value may read once it is folded."""
        found: set[Var] = set()
        seen, todo = {v}, [v]
        while todo:
            v = todo.pop()
            stmt = made.get(v)
            if not isinstance(stmt, Eqn | If) or self.counts.get(v, 0) > 1:
                found.add(v)
                continue
            ends = () if isinstance(stmt, Eqn) else (*stmt.then.yields, *stmt.orelse.yields)
            new = set(variables((*operands(stmt), *ends))) - seen
            seen |= new
            todo += new
        return found

    def event(self, k: int, stmt: Stmt) -> _Event | None:
        if not isinstance(stmt, Eqn):
            effect = any(isinstance(s, Eqn) and _effect(s) for s in walk([stmt]))
            return _Event(k, self.writes(stmt), True, effect)
        writes = self.writes(stmt)
        return _Event(k, writes, False, _effect(stmt)) if writes or _effect(stmt) else None

    def writes(self, stmt: Stmt) -> Roots:
        """Return the buffers that a statement stores to."""
        found = NO_ROOTS
        for s in walk([stmt]):
            if isinstance(s, Eqn) and PRIMITIVES[s.prim].updates and has_storage(s.args[0]):
                found |= self.reads(s.args[0])
        return found

    def reads(self, a: Atom) -> Roots:
        return self.roots.get(a, NO_ROOTS) - {READ_ONLY} if isinstance(a, Var) else NO_ROOTS

    # -- equations

    def equation(self, eqn: Eqn, k: int, within: _Within) -> None:
        if eqn.prim == "pop" and self.restores(eqn, k, within):
            self.accept(eqn.out, eqn, _Measure(20, 1, NO_ROOTS, False))
        if not self.may_fold(eqn):
            return
        v, measure = eqn.out, self.measure(eqn)
        free = eqn.prim in ("dim", "size") or self.is_flip(eqn, within)
        if free and not self.reads(eqn.args[0]) & self.stored and not self.keeps_name(eqn):
            self.accept(v, eqn, measure)
        elif self.is_shift(eqn):
            self.accept(v, eqn, measure)
        elif self.counts.get(v) == 1 and v in within.readers:
            if self.fits(eqn, measure, within.reader(v)) and not self.blocked(measure, k, v, within):
                self.accept(v, eqn, measure)

    def restores(self, eqn: Eqn, k: int, within: _Within) -> bool:
        """Tell whether a pop only puts back what was overwritten: ``a[i] = a_tape.pop()``."""
        reader = within.reader(eqn.out)
        if self.counts.get(eqn.out) != 1 or not isinstance(reader, Eqn) or reader.prim != "index_update":
            return False
        between = within.stmts[k + 1 : within.readers[eqn.out]]
        alone = not any(isinstance(s, Eqn) and s.prim == "pop" and s.attrs[0] == eqn.attrs[0] for s in walk(between))
        return alone and reader.args[1] is eqn.out and all(isinstance(s, Eqn) for s in between)

    def is_shift(self, eqn: Eqn) -> bool:
        """Tell whether a value is a loop index plus or minus a constant, read a few times."""
        if eqn.prim not in ("add", "sub") or self.keeps_name(eqn) or self.counts.get(eqn.out, 0) > 3:
            return False
        return eqn.args[0] in self.indices and isinstance(eqn.args[1], Const)

    def is_flip(self, eqn: Eqn, within: _Within) -> bool:
        """Tell whether a value is the transpose of a matrix that has a name, read in this block only."""
        if eqn.prim != "transpose" or eqn.attrs != (None,) or self.is_tree(eqn.args[0]):
            return False
        return self.counts.get(eqn.out) == within.reads[eqn.out]

    def accept(self, v: Var, tree: Eqn | If, measure: _Measure) -> None:
        self.trees.of[v] = tree
        self.measures[v] = measure

    def may_fold(self, eqn: Eqn) -> bool:
        if len(eqn.outs) != 1 or PRIMITIVES[eqn.prim].effect and eqn.prim not in CALLS or eqn.prim in NEVER:
            return False
        if eqn.prim == "acc" and has_storage(eqn.out):
            return self.is_tree(eqn.args[0])
        return True

    def is_tree(self, a: Atom) -> bool:
        return isinstance(a, Var) and a in self.trees.of

    def keeps_name(self, eqn: Eqn) -> bool:
        """Tell whether the user's names ask for a statement."""
        return bool(self.fn.names.get(eqn.out)) or (eqn.out not in self.primal and bool(eqn.out.name))

    def fits(self, eqn: Eqn, measure: _Measure, reader: Stmt | None) -> bool:
        """Tell whether an equation may be written inside the statement that reads its result."""
        v = eqn.out
        partial = isinstance(reader, Eqn) and self.partial(eqn, reader)
        if self.keeps_name(eqn) and not partial:
            return False
        if eqn.prim in lists.PARTS and not (isinstance(reader, Eqn) and reader.prim in lists.JOINS):
            return False
        match reader:
            case Eqn():
                if PRIMITIVES[reader.prim].updates and reader.args[0] is v and has_storage(reader.out) and not partial:
                    return False
                width, nodes = self.width_with(reader, v, measure)
                limit = USER_WIDTH if v in self.primal and _line(eqn) == _line(reader) else WIDTH
                return width <= limit and nodes <= NODES
            case If():
                return measure.width <= WIDTH
            case For():
                return v not in reader.inits and measure.width <= WIDTH
            case While():
                return False
        return measure.width <= USER_WIDTH and measure.nodes <= NODES

    def partial(self, eqn: Eqn, reader: Eqn) -> bool:
        """Tell whether an adjoint is a step on the way to the one that reads it, of the same name and line."""
        if eqn.out in self.primal or eqn.prim in ALLOCATED or len(reader.outs) != 1:
            return False
        if PRIMITIVES[reader.prim].updates and reader.args[0] is eqn.out and reader.prim != "acc":
            return False
        names = {self.fn.name_of(eqn.out), self.fn.name_of(reader.out)} - {""}
        return len(names) <= 1 and _line(eqn) == _line(reader)

    def width_with(self, reader: Eqn, v: Var, measure: _Measure) -> tuple[int, int]:
        """Return the size of a statement with `v` written in it."""
        width, nodes = _own_width(reader), 1
        for a in reader.args:
            m = measure if a is v else self.measure_atom(a)
            width, nodes = width + m.width, nodes + m.nodes
        return width, nodes

    def measure_atom(self, a: Atom) -> _Measure:
        if isinstance(a, Const):
            return _Measure(len(repr(a.value)), 1, NO_ROOTS, False)
        return self.measures.get(a) or _Measure(len(self.fn.name_of(a)) or 2, 1, self.reads(a), False)

    def measure(self, eqn: Eqn) -> _Measure:
        p = PRIMITIVES[eqn.prim]
        parts = [self.measure_atom(a) for a in eqn.args]
        return _Measure(
            _own_width(eqn) + sum(m.width for m in parts),
            1 + sum(m.nodes for m in parts),
            NO_ROOTS.union(*(m.reads for m in parts)),
            not (p.safe or p.cost == "free") or any(m.raises for m in parts),
        )

    def blocked(self, measure: _Measure, k: int, v: Var, within: _Within) -> bool:
        """Tell whether a value may not be computed later, at its reader."""
        return any(
            e.writes & measure.reads or e.region or (e.effect and measure.raises)
            for e in within.between(k, within.readers[v])
        )

    # -- conditional expressions

    def branches(self, stmt: If, k: int, within: _Within) -> None:
        returns = stmt in self.trees.returning
        taken = returns or stmt in self.exits.forks or stmt in self.exits.clauses
        choice = not taken and is_choice(stmt, self.fn.names)
        for b in blocks_of(stmt):
            self.block(b.stmts, variables(b.yields) if choice or returns else [])
        inner = [s for b in blocks_of(stmt) for s in b.stmts]
        if not choice or not all(isinstance(s, Eqn) and len(s.outs) == 1 and s.out in self.trees.of for s in inner):
            return
        (v,) = stmt.outs
        parts = [self.measure_atom(a) for a in (stmt.cond, stmt.then.yields[0], stmt.orelse.yields[0])]
        measure = _Measure(
            12 + sum(m.width for m in parts),
            2 + sum(m.nodes for m in parts),
            NO_ROOTS.union(*(m.reads for m in parts)),
            True,
        )
        if measure.width > WIDTH + 12:
            self.unfold(inner)
            return
        self.trees.chosen.add(stmt)
        named = v in self.fn.names or not self.counts.get(v) == 1 or v not in within.readers
        if named or self.blocked(measure, k, v, within):
            return
        reader = within.reader(v)
        if isinstance(reader, Eqn) and not (PRIMITIVES[reader.prim].updates and reader.args[0] is v):
            width, nodes = self.width_with(reader, v, measure)
            if width <= WIDTH and nodes <= NODES:
                self.accept(v, stmt, measure)
        elif isinstance(reader, If) or reader is None:
            self.accept(v, stmt, measure)

    def unfold(self, stmts: list[Stmt]) -> None:
        for s in stmts:
            for v in s.outs:
                self.trees.of.pop(v, None)


ALLOCATED: Final = frozenset(
    {"zeros_like", "copy", "zeros", "full", "empty", "empty_like", "index_add", "index_update"}
)


def _effect(eqn: Eqn) -> bool:
    """Tell whether others may see an equation happen; tapes are the function's own."""
    return PRIMITIVES[eqn.prim].effect and eqn.prim not in ("push", "pop")


def _line(eqn: Eqn) -> object:
    return (eqn.span.filename, eqn.span.line) if eqn.span is not None else None


def _own_width(eqn: Eqn) -> int:
    """Estimate the columns of an expression besides its operands."""
    p = PRIMITIVES[eqn.prim]
    if p.spelling:
        return len(p.spelling) + 2 * len(eqn.args)
    if eqn.prim in ("index", "index_update", "index_add"):
        return 2 + 2 * len(eqn.args)
    return 3 if len(eqn.args) > 1 else {"neg": 1, "dim": 9, "copy": 7}.get(eqn.prim, 5)


__all__ = ["Block", "Trees", "fold"]
