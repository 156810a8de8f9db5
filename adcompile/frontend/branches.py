"""Lower a branch on a run-time condition, and join what the two sides leave behind."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from adcompile.errors import Span
from adcompile.frontend import alternatives, pooling, pools, rows, tables, trees
from adcompile.frontend.desugar import MESSAGE, RETURNED, is_flag
from adcompile.frontend.frames import Conflict, Unbound
from adcompile.frontend.optionals import SET, can_pair, implied, is_optional, narrowed, pair, paired
from adcompile.frontend.state import Snapshot
from adcompile.frontend.values import Choice, LocalFunction, Partial, Ref, Rows, Value, is_static
from adcompile.frontend.variables import outlives_its_return
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Block, Const, If, Stmt, Var, is_none, same_atom
from adcompile.ir.structure import Node
from adcompile.ir.types import join
from adcompile.records import replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

DIFFERENT: Final = "has another structure on the two sides of a branch"
T = TypeVar("T")
Side = tuple[Snapshot, list[Stmt]]


def merge(
    lo: Lowering,
    node: ast.AST,
    cond: Atom,
    then: Callable[[], object],
    orelse: Callable[[], object],
    raises: tuple[bool, bool] = (False, False),
) -> None:
    """Run both sides from the same state and continue from the join of the states they leave."""
    span = lo.builder.span
    join_sides(lo, node, cond, _side(lo, cond, True, then), orelse, raises, span)


def choose(lo: Lowering, node: ast.AST, cond: Atom, then: Callable[[], Value], orelse: Callable[[], Value]) -> Value:
    """Lower ``then() if cond else orelse()`` for a run-time condition; return the chosen value."""

    def run(side: Callable[[], Value]) -> None:
        try:
            lo.frame.names[".chosen"] = side()
        except Unbound:  # an attempt that does not know all types yet goes on with the other side
            if not lo.tolerant:
                raise
            lo.skipped = True
            lo.frame.names[".chosen"] = UNDEFINED

    merge(lo, node, cond, lambda: run(then), lambda: run(orelse))
    chosen = lo.frame.names.pop(".chosen")
    if chosen is UNDEFINED:
        raise Unbound("neither side of this choice is known", lo.span(node))
    if isinstance(chosen, Const) and isinstance(chosen.value, Conflict):
        lo.refuse_conflict(node, "the value", chosen.value, "here", "give both sides the same kind of value")
    return chosen


def _side(lo: Lowering, cond: Atom, taken: bool, run: Callable[[], object]) -> tuple[Snapshot, Side]:
    start = lo.snapshot()
    lo.known |= implied(lo, cond, taken)
    with lo.builder.block() as stmts:
        run()
    end = lo.snapshot()
    lo.restore(start)
    return start, (end, stmts)


def join_sides(
    lo: Lowering,
    node: ast.AST,
    cond: Atom,
    first: tuple[Snapshot, Side],
    orelse: Callable[[], object],
    raises: tuple[bool, bool],
    span: Span | None,
) -> None:
    start, one = first
    lo.builder.span = span
    _, two = _side(lo, cond, False, orelse)
    lo.builder.span = span
    Join(lo, node, start, one, two, raises).run(cond)


def _has_returned(lo: Lowering, end: Snapshot) -> bool:
    """Tell whether the function has returned at the end of a side, where nothing reads its names afterwards.

    A loop carries them on, to where it ends.
    """
    returned = end.names.get(RETURNED)
    done = isinstance(returned, Const) and bool(returned.value)
    return done and not (lo.catchers or lo.frame.loops or outlives_its_return(lo.frame.node))


def split_key(lo: Lowering, node: ast.AST) -> object:
    """Return what says that the statements after a branch are lowered on each of its sides."""
    return "split", node, lo.frame.calls


class Join:
    """Collects the results of an if while the two states are joined."""

    def __init__(
        self, lo: Lowering, node: ast.AST, start: Snapshot, one: Side, two: Side, raises: tuple[bool, bool]
    ) -> None:
        self.lo, self.node, self.start = lo, node, start
        self.sides = (one, two)
        self.raises = raises
        self.returns = (False, False)  # what containers hold is read by others too
        self.outs: list[Var] = []
        self.yields: tuple[list[Atom], list[Atom]] = ([], [])
        self.memo: dict[tuple[object, object], Var] = {}
        self.containers: dict[tuple[tuple[int, ...], ...], Value] = {}
        self.arrays: dict[tuple[Value, Value], Ref] = {}
        self.fresh: dict[int, Var] = {}  # new arrays of one side that are known after the branch

    def run(self, cond: Atom) -> None:
        lo = self.lo
        self.cond = cond
        (end1, stmts1), (end2, stmts2) = self.sides
        lo.aliases = set(end1.aliases | end2.aliases)
        lo.twins = set(end1.twins | end2.twins)
        if self.raises[0] != self.raises[1]:
            lo.known = end2.known if self.raises[0] else end1.known
        cells = dict(self.start.cells)
        for cell, old in self.start.cells.items():
            a, b = end1.cells[cell], end2.cells[cell]
            if a is not old or b is not old:
                merged = self.atom(a, b, lo.names.get(old, old.name))
                assert isinstance(merged, Var)
                cells[cell] = merged
        lo.cells = {**end2.cells, **end1.cells, **cells}
        lo.contents = {**end2.contents, **end1.contents}  # to which those of joined items are added
        for identity in self.start.contents:
            one, two = end1.contents[identity], end2.contents[identity]
            if one is not two:
                lo.contents[identity] = self.joined_contents(identity, one, two)
        names: dict[str, Value] = {}
        self.returns = (_has_returned(lo, end1), _has_returned(lo, end2))
        for name in dict.fromkeys([*end1.names, *end2.names]):
            names[name] = self.value(name, end1.names.get(name, UNDEFINED), end2.names.get(name, UNDEFINED))
        lo.frame.names = names
        lo.cells.update(self.fresh)
        self.share()
        then = Block((), tuple(stmts1), tuple(self.yields[0]))
        other = Block((), tuple(stmts2), tuple(self.yields[1]))
        if stmts1 or stmts2 or self.outs:
            lo.builder.add(If(cond, then, other, tuple(self.outs), lo.next_key(), span=lo.builder.span))

    def value(self, name: str, a: Value, b: Value) -> Value:
        """Join what a name stands for on the two sides."""
        if a is b or (isinstance(a, Var | Const) and isinstance(b, Var | Const) and same_atom(a, b)):
            return a
        if name.startswith(MESSAGE) and (a is UNDEFINED or b is UNDEFINED) and is_static(b if a is UNDEFINED else a):
            return b if a is UNDEFINED else a  # read only where something was raised
        if self.raises[0] and not self.raises[1]:  # it does not matter what a name stands for there, or has returned
            a = UNDEFINED
        elif self.raises[1] and not self.raises[0]:
            b = UNDEFINED
        elif self.returns[0] != self.returns[1] and not name.startswith("."):
            a, b = (UNDEFINED, b) if self.returns[0] else (a, UNDEFINED)
        if isinstance(a, Ref) and isinstance(b, Ref) and a == b and a.cell in self.start.cells:
            return a
        a, b = (narrowed(self.lo, v, end.known) for v, (end, _) in zip((a, b), self.sides, strict=True))
        if can_pair(a, b):
            return self.optional(name, a, b)
        if self.lo.tolerant and UNDEFINED in (a, b) and (is_none(a) or is_none(b)):
            return NONE if self.lo.guesses else UNDEFINED  # what the other side leaves is not known yet
        if self.lo.pools and (pools.is_placed(self.lo, a) or pools.is_placed(self.lo, b)):
            return pooling.joined(self, name, a, b)
        a, b = trees.alike(self, a, b) if self.lo.layouts else (a, b)
        if isinstance(a, Node | Rows) or isinstance(b, Node | Rows):
            return a if a == b and isinstance(a, Rows) else self.node_value(name, a, b)
        if isinstance(a, Ref) or isinstance(b, Ref):
            return self.array(name, a, b)
        if isinstance(a, Var | Const) and isinstance(b, Var | Const):
            both = [self.function(v, side) for side, v in enumerate((a, b))]
            return self.scalar(name, a, b) if None in both else self.choice(a, b)
        return self.choice(a, b)

    def optional(self, name: str, a: Value, b: Value) -> Value:
        """Join values of which one is or may be None."""
        parts = [v.children if is_optional(v) else (UNDEFINED, UNDEFINED) for v in (paired(a), paired(b))]
        (set_1, held_1), (set_2, held_2) = parts
        assert isinstance(set_1, Var | Const) and isinstance(set_2, Var | Const)
        present = self.flag(set_1, set_2) or self.value(f"{name}_{SET}", set_1, set_2)
        assert isinstance(present, Var | Const)
        if held_1 is UNDEFINED and self.is_from_before(held_2, 1):
            return pair(present, held_2)
        if held_2 is UNDEFINED and self.is_from_before(held_1, 0):
            return pair(present, held_1)
        held = self.value(name, held_1, held_2) if held_1 is not UNDEFINED is not held_2 else UNDEFINED
        for side, (known, other) in enumerate(((held_1, held_2), (held_2, held_1))):
            held = self.one_sided(name, known, side) if other is UNDEFINED else held
        return held if isinstance(held, Const) and isinstance(held.value, Conflict) else pair(present, held)

    def one_sided(self, name: str, value: Value, side: int) -> Value:
        """Return what a value of one side is after the branch, where it is read only if that side was taken."""
        if isinstance(value, Node) and value.kind == "tuple" and not is_optional(value):
            return value.holding([self.one_sided(f"{name}_{k}", c, side) for k, c in enumerate(value.children)])
        if isinstance(value, Const) and not isinstance(value.value, Conflict):
            return value
        return self.value(name, value, UNDEFINED) if side == 0 else self.value(name, UNDEFINED, value)

    def is_from_before(self, value: Value, side: int) -> bool:
        """Tell whether a number or array at the end of one side is one that was known before the branch."""
        inside = {out for stmt in self.sides[side][1] for out in stmt.outs}
        match value:
            case Var():
                return value not in inside
            case Ref():
                return value.cell in self.start.cells and inside.isdisjoint(value.atoms)
        return isinstance(value, Const)

    def choice(self, a: Value, b: Value) -> Value:
        """Join functions: which of them it is is asked where it is called."""
        sides = (self.function(a, 0), self.function(b, 1))
        if sides[0] is None or sides[1] is None:
            return self.conflict("is a different function on the two sides of a branch")
        return Choice(self.cond, sides[0], sides[1])

    def function(self, value: Value, side: int) -> Value | None:
        """Return a function as it is known after the branch; None if it is not known there."""
        match value:
            case Const() if callable(value.value):
                return value
            case LocalFunction() if all(map(is_static, value.defaults.values())):
                return value
            case Partial() if all(map(is_static, (*value.args, *value.keywords.values()))):
                inner = self.function(value.function, side)
                return None if inner is None else Partial(inner, value.args, value.keywords)
            case Choice():
                then, orelse = self.function(value.then, side), self.function(value.orelse, side)
                cond = self.atom(value.cond, FALSE, "") if side == 0 else self.atom(FALSE, value.cond, "")
                return None if then is None or orelse is None else Choice(cond, then, orelse)
        return None

    def joined_contents(self, identity: int, a: Value, b: Value) -> Value:
        """Join what a list or dict holds on the two sides."""
        for side in (a, b):
            if isinstance(side, Const):
                return side  # it is in conflict already
        if self.raises[0] != self.raises[1]:
            return b if self.raises[0] else a
        if not (isinstance(a, Node) and isinstance(b, Node)) or len(a.children) != len(b.children):
            grown = self.lengthened(a, b)
            if grown is not None:
                return grown
            pooling.gather(self.lo, [c for v in (a, b) if isinstance(v, Node) for c in v.children])
        joined = self.structure("", a, b)
        if isinstance(joined, Node):
            return replace(joined, identity=identity)
        return tables.or_conflict(self.lo, identity, joined, DIFFERENT)

    def lengthened(self, a: Value, b: Value) -> Value | None:
        """Join lists of different lengths: one of run-time length; None if that cannot hold all items."""
        if UNDEFINED in (a, b) and isinstance(known := b if a is UNDEFINED else a, Ref | Rows):
            alone = partial(self.one_sided, "", side=1 if a is UNDEFINED else 0)
            return rows.mapped(known, alone) if isinstance(known, Rows) else alone(known)
        if not all(isinstance(v, Node | Ref | Rows) for v in (a, b)):
            return None
        filled = [(k, v) for k, v in enumerate((a, b)) if not isinstance(v, Node) or v.children]
        held = rows.joined(self.lo, [self.on_side(k, partial(rows.covering, self.lo, (v,))) for k, v in filled])
        if held is None or isinstance(held, Const):
            return None
        one, two = (self.on_side(k, partial(rows.at_run_time, self.lo, v, held)) for k, v in enumerate((a, b)))
        if not isinstance(one, Rows) or not isinstance(two, Rows):
            return None if isinstance(one, Rows) or isinstance(two, Rows) else self.array("", one, two)
        alike = rows.alike(one.pattern, two.pattern)
        return rows.paired(one, two, partial(self.array, "")) if alike else None

    def on_side(self, side: int, make: Callable[[], T]) -> T:
        """Make something at the end of one side."""
        end, stmts = self.sides[side]
        outer, self.lo.cells = self.lo.cells, end.cells
        with self.lo.reopened(stmts):
            made = make()
        self.lo.cells = outer
        return made

    def node_value(self, name: str, a: Value, b: Value) -> Value:
        """Join containers: the same one stays; two become a new one, unless both are still known by other names."""
        if isinstance(a, Node) and isinstance(b, Node) and a.identity == b.identity != 0:
            return a
        key = tuple(tuple(self.lo.identities(v)) for v in (a, b))
        if key in self.containers:
            return self.containers[key]
        parts = [
            end.contents.get(v.identity, v) if isinstance(v, Node) else v
            for (end, _), v in zip(self.sides, (a, b), strict=True)
        ]
        joined = self.structure(name, *parts)
        if isinstance(joined, Const):
            joined = self.lengthened(*parts) or joined
        elif isinstance(joined, Node) and joined.kind != "tuple":
            joined = self.lo.like(joined, joined.children)
        for one in self.lo.identities(joined):
            for v in (a, b):
                for other in self.lo.identities(v):
                    self.lo.twin(one, other)
        if self.lo.identities(joined):
            self.containers[key] = joined
        return joined

    def structure(self, name: str, a: Value, b: Value) -> Value:
        """Join containers of one structure; a conflict if they are not."""
        if not isinstance(a, Node) and not isinstance(b, Node):
            if UNDEFINED in (a, b) and (isinstance(a, Ref) or isinstance(b, Ref)):
                return self.array(name, a, b)
            return self.conflict(DIFFERENT)
        shape = a if isinstance(a, Node) else b
        assert isinstance(shape, Node)
        n = len(shape.children)
        parts: list[tuple[Value, ...]] = []
        for side in (a, b):
            if side is UNDEFINED:
                parts.append((UNDEFINED,) * n)
            elif isinstance(side, Node) and side.form == shape.form:
                parts.append(side.children)
            else:
                return self.conflict(DIFFERENT)
        joined = tuple(self.value(f"{name}_{k}", x, y) for k, (x, y) in enumerate(zip(*parts, strict=True)))
        return replace(shape, children=joined, identity=0)

    def array(self, name: str, a: Value, b: Value) -> Value:
        """Join arrays: a new cell, which may share memory with the arrays of either side that live on (see `share`)."""
        lo = self.lo
        if isinstance(a, Ref) and isinstance(b, Ref) and (a, b) in self.arrays:
            return self.arrays[a, b]
        chosen = alternatives.chosen(self, a, b) if self.key in lo.resolved else None
        if chosen is not None:
            self.arrays[a, b] = chosen
            return chosen
        atoms: list[Atom] = []
        for (end, stmts), side in zip(self.sides, (a, b), strict=True):
            if isinstance(side, Ref):
                lo_cells, lo.cells = lo.cells, end.cells
                with lo.reopened(stmts):
                    atoms.append(lo.read(side))
                lo.cells = lo_cells
            elif side is UNDEFINED:
                atoms.append(UNDEFINED)
            elif isinstance(side, Var | Const) and side.type.is_numeric:
                atoms.append(side)
            else:
                return self.conflict("is an array on one side of a branch and not on the other")
        if any(a.type.is_scalar for a in atoms):
            atoms = [self.number(side, a) for side, a in enumerate(atoms)]
        merged = self.atom(atoms[0], atoms[1], name)
        if isinstance(merged, Const) or merged.type.kind not in ("array", "list", "tree"):
            return merged
        ref = lo.new_cell(merged)
        self.arrays[a, b] = ref
        lo.joins[ref.cell] = self.key
        for side in (a, b):
            if merged.type.is_list and isinstance(side, Ref):
                lo.twin(ref.cell, side.cell)
        return ref

    @property
    def key(self) -> object:
        return "join", self.node, self.lo.frame.calls

    def on_one(self, atom: Atom, other: Atom, side: int) -> Atom:
        """Return what an atom of one side is after the branch."""
        return self.atom(atom, other, "") if side == 0 else self.atom(other, atom, "")

    def share(self) -> None:
        """Two joined arrays may share memory if those of one side do; and each may with what it is on either side."""
        joined = [(ref.cell, sides) for sides, ref in self.arrays.items() if ref.cell not in self.lo.choices]
        for side, (end, _) in enumerate(self.sides):
            held = [(cell, v.cell) for cell, sides in joined if isinstance(v := sides[side], Ref)]
            for k, (cell, old) in enumerate(held):
                own = {old, *self.lo.parts(old)}
                near = own | {c for pair in end.aliases if not own.isdisjoint(pair) for c in pair}
                for other, theirs in held[:k]:
                    if not near.isdisjoint({theirs, *self.lo.parts(theirs)}):
                        self.share_pair(cell, other)
                for c in sorted(near):
                    self.share_pair(cell, c)

    def share_pair(self, a: int, b: int) -> None:
        """Note that two arrays may share memory, and that it can be told which, if need be."""
        self.lo.may_share(a, b)
        self.lo.origins.setdefault(frozenset((a, b)), self.key)

    def number(self, side: int, a: Atom) -> Atom:
        """Return the number in an array without axes, where the other side leaves a number."""
        if not (a.type.is_array and a.type.dims == ()):
            return a
        return self.on_side(side, lambda: self.lo.builder.emit("index", a, attrs=(("",),)))

    def scalar(self, name: str, a: Atom, b: Atom) -> Value:
        for side in (a, b):
            if isinstance(side, Const) and side is not UNDEFINED and not side.type.is_carried:
                if isinstance(side.value, Conflict):
                    return self.conflict(side.value.reason)
                return self.conflict("is of another kind on the two sides of a branch")
        return self.atom(a, b, name)

    def conflict(self, reason: str) -> Const:
        """Return what a name stands for that has two meanings: there is none if what follows is on both sides."""
        node, statement = self.node, self.lo.frame.statement
        if isinstance(node, ast.IfExp) and isinstance(statement, ast.Assign) and statement.value is node:
            node = statement
        splits = isinstance(node, ast.If | ast.Assign) and not self.lo.catchers
        return Const(Conflict(reason, split_key(self.lo, node) if splits else None))

    def flag(self, a: Atom, b: Atom) -> Atom | None:
        """Return a flag that is set on one side of the branch only: it is the condition, or its negation."""
        if same_atom(a, TRUE) and same_atom(b, FALSE):
            return self.cond
        if same_atom(a, FALSE) and same_atom(b, TRUE):
            return self.lo.builder.emit("not", self.cond)
        return None

    def atom(self, a: Atom, b: Atom, name: str) -> Atom:
        """Make a result of the if."""
        key = (a if isinstance(a, Var) else a.key, b if isinstance(b, Var) else b.key)
        if is_flag(name):
            known = self.flag(a, b)
            if known is not None:
                return known
        if key in self.memo:
            return self.memo[key]
        types = [x.type for x in (a, b) if x is not UNDEFINED]
        if not types:
            return UNDEFINED
        t = types[0] if len(types) == 1 else join(self.lo.facts, types[0], types[1])
        if (t.kind == "array" and any(x.kind != "array" for x in types)) or (t.is_array and t.dims is None):
            return self.conflict("is an array of another shape, or a number, on the two sides of a branch")
        if t.kind == "object" and any(x.kind != "object" for x in types):
            return self.conflict("is a number on one side of a branch and not on the other")
        hint = "returned" if name == RETURNED else "" if name.startswith(".") else name
        out = Var(hint, t)
        if not name.startswith(".") and not self.lo.frame.rule:
            self.lo.names.setdefault(out, name)
        self.outs.append(out)
        self.yields[0].append(a)
        self.yields[1].append(b)
        self.memo[key] = out
        return out
