"""What a trip of a loop leaves, compared with what it started from: what the slots of the next attempt must hold."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from adcompile.frontend import lists, pooling, pools, rows, run_texts, tables
from adcompile.frontend.frames import Conflict, NeedsUnrolling
from adcompile.frontend.optionals import HELD, can_pair, held_in, paired
from adcompile.frontend.peeling import NeedsPeeling
from adcompile.frontend.plans import ITEMS, Key, Slot, carried, covers, parts, skeleton
from adcompile.frontend.values import Ref, Rows, Value
from adcompile.ir.core import UNDEFINED, Atom, Const, Stmt, Var, same_atom
from adcompile.ir.lengths import Dim, Length, anchored, example_of
from adcompile.ir.structure import Node
from adcompile.ir.types import TEXT, Type, join

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.slots import Slots


class Trip:
    """One trip of an attempt at a loop. `changed`: something was learned, and the loop is to be attempted again."""

    def __init__(self, loop: Slots) -> None:
        self.loop, self.lo, self.plan = loop, loop.lo, loop.plan
        self.changed = False
        self.learned = False  # what may be None, of which more depends
        self.unrolling: NeedsUnrolling | None = None
        self.exits: dict[Key, Value] = {}
        self.stmts: list[Stmt] = []

    def settles(self, stmts: list[Stmt]) -> bool:
        """Compare what a trip leaves with what it started from; learn, or fix the yields. True when settled."""
        lo, plan = self.lo, self.plan
        before = (len(plan.types), len(plan.shapes), len(plan.names), len(plan.dropped), len(plan.promoted))
        self.stmts = stmts
        for name in self.loop.names:
            self.compare((name,), self.loop.entry[name], lo.frame.names.get(name, UNDEFINED))
        for identity, held in self.loop.start.contents.items():
            if identity in self.loop.lists:
                self.compare((f"@{identity}",), self.loop.lists[identity], lo.contents[identity])
            elif lo.contents[identity] is not held:
                self.found_changed(identity, held, lo.contents[identity])
        for cell, old in self.loop.start.cells.items():
            if cell not in self.loop.cells and lo.cells[cell] is not old:
                self.found_written(cell)
        self.revalue()
        self.loop.yields = [self.yield_of(slot, stmts) for slot in self.loop.slots]
        self.find_aliases()
        self.find_cached()
        self.find_twins()
        if self.unrolling is not None and not self.learned:
            raise self.unrolling
        if self.learned:  # lists may hold other items than they did in this attempt
            plan.lengths.clear()
            plan.dynamic.clear()
        after = (len(plan.types), len(plan.shapes), len(plan.names), len(plan.dropped), len(plan.promoted))
        return before == after and not self.changed and not self.loop.references.learned

    def find_cached(self) -> None:
        """Note that an array that is carried may be in a cache after a trip; refuse one that the trip changes."""
        for slot in self.loop.slots:
            value, cell = self.exits.get(slot.key), slot.cell
            if cell is None or not isinstance(value, Ref) or value.cell == cell:
                continue
            near = {value.cell, *self.lo.alias_of(value.cell)}
            for number in sorted(near & self.lo.cached.keys()):
                self.lo.cached[cell] = self.lo.cached[number]
                if self.lo.cells[cell] is not slot.param:
                    self.lo.refuse_cached(cell, self.loop.node)

    def is_reference(self, key: Key, entry: Value, value: Value) -> bool:
        """Tell whether an array is carried as a reference, or will be."""
        references = self.loop.references
        if key in references.begins:
            return True
        new = entry is UNDEFINED and references.refers(key, value)
        if new:
            self.plan.referring.add(key)
            self.changed = True
        return new

    def revalue(self) -> None:
        """Find names that refer to a buffer which is another one after the trip, as another name is carried."""
        rebound = {
            s.cell for s in self.loop.slots if s.key[0] != "" and s.cell and self.exits.get(s.key) != Ref(s.cell)
        }
        for key, places in self.plan.places.items():
            if key not in self.plan.valued and any(place.cell in rebound for place in places):
                self.plan.valued.add(key)
                self.changed = True

    def compare(self, key: Key, entry: Value, value: Value) -> None:
        """Record what a slot is after the trip; note names that are new or do not keep their structure."""
        name = str(key[0])
        value = pools.encoded(self.lo, self.lo.seen(value)) if self.lo.pools else self.lo.current(value)
        if name in self.plan.dropped:
            return
        if key in self.plan.optional:
            value = paired(value)
        elif can_pair(entry, value) and self.numeric(held_in(entry, value)):
            self.plan.optional.add(key)
            self.learn((*key, HELD), held_in(entry, value))
            self.changed = self.learned = True
            return
        if isinstance(value, Const) and isinstance(value.value, Conflict):
            self.drop(name, value.value.reason)
        elif self.is_reference(key, entry, value):
            self.exits |= self.loop.references.exits(key, value, self.stmts)
        elif self.has_lengths(key, entry, value):
            self.compare_lists(key, entry, value)
        elif isinstance(entry, Node) and isinstance(value, Node):
            if entry.form != value.form:
                return self.restructured(name, "changes its structure from trip to trip", entry, value)
            for (k, e), (_, v) in zip(parts(entry), parts(value), strict=True):
                self.compare((*key, k), e, v)
        elif entry is UNDEFINED and key not in {s.key for s in self.loop.slots}:
            if value is not UNDEFINED and self.numeric(value):
                self.learn(key, value)
        elif isinstance(entry, Node) or isinstance(value, Node):
            if value is not UNDEFINED:
                self.restructured(name, "is a container on one trip and not on another", entry, value)
        else:
            self.exits[key] = value
            if key not in {s.key for s in self.loop.slots} and not unchanged(entry, value):
                texts = run_texts.is_text(entry) and run_texts.is_text(value)
                if texts and run_texts.KNOWN not in self.lo.resolved:
                    self.plan.types[key] = TEXT
                else:
                    self.differs(name)

    def has_lengths(self, key: Key, entry: Value, value: Value) -> bool:
        """Tell whether these are lists, one of them of run-time length, or to become one."""
        lists_ = [is_list(self.lo, v) for v in (entry, value)]
        if not all(lists_):
            return False
        same = isinstance(entry, Node) and isinstance(value, Node) and entry.form == value.form
        return key in self.plan.lengths or not same

    def compare_lists(self, key: Key, entry: Value, value: Value) -> None:
        """Record which list a slot is after the trip; one that becomes longer or shorter is one of run-time length."""
        if isinstance(entry, Node):
            held = self.covering(entry, value)
            if held is None or not self.plan.replaces:
                raise NeedsUnrolling(self.loop.node, lengths=held is not None)
            self.plan.lengths[key] = held
            self.changed = True
            return
        if isinstance(value, Node):
            held = self.covering(entry, value)
            if held is None:
                raise NeedsUnrolling(self.loop.node)
            with self.lo.reopened(self.stmts):
                value = rows.become(self.lo, value, held)
        if isinstance(entry, Ref) and isinstance(value, Ref):
            self.exits[key] = value
        elif isinstance(entry, Rows) and isinstance(value, Rows) and rows.alike(entry.pattern, value.pattern):
            self.compare_items((*key, ITEMS), entry.pattern, value.pattern)
        else:
            raise NeedsUnrolling(self.loop.node)

    def covering(self, *values: Value) -> Type | Node[Type | Const] | None:
        """Return what a list holds that can be either of two; None if there is none, and none can be made."""
        held = rows.covering(self.lo, values)
        items = [c for v in values for c in rows.samples_of(self.lo, v)]
        if held is None and (key := pooling.wanted(self.lo, items)) is not None:
            raise NeedsUnrolling(self.loop.node, resolving=key)
        return held

    def compare_items(self, key: Key, entry: Value, value: Value) -> None:
        """Record which lists the parts of a list of tuples are in after the trip."""
        if isinstance(entry, Node) and isinstance(value, Node):
            for (k, e), (_, v) in zip(parts(entry), parts(value), strict=True):
                self.compare_items((*key, k), e, v)
        elif isinstance(value, Ref):
            self.exits[key] = value

    def differs(self, name: str) -> None:
        """A name stands for another function, text or the like after the trip: no slot can hold that."""
        if not name.startswith("."):
            what = "a function or text that a container holds" if name.startswith("@") else f"what `{name}` is"
            advice = "choose between the results where it is used: y = f(x) if condition else g(x)"
            raise NeedsUnrolling(self.loop.node, said=f"{what} must be known when compiling", advice=advice)
        self.drop(name, "differs from trip to trip")

    def restructured(self, name: str, reason: str, *values: Value) -> None:
        """Note a name whose structure changes: it has no value at the start of a trip, unless each trip is lowered."""
        if name in self.loop.read_first:
            raise pooling.unrolling(self.lo, self.loop.node, [pools.decoded(self.lo, v) for v in values])
        self.drop(name, reason)

    def drop(self, name: str, reason: str) -> None:
        """Give up carrying a name; what a list holds cannot be given up."""
        if name.startswith("@"):
            raise NeedsUnrolling(self.loop.node)
        self.plan.dropped[name] = reason

    def numeric(self, value: Value) -> bool:
        if isinstance(value, Node):
            return all(map(self.numeric, value.children))
        if isinstance(value, Rows):
            return True
        return isinstance(value, Ref) or (isinstance(value, Var | Const) and value.type.is_carried)

    def learn(self, key: Key, value: Value) -> None:
        """Remember what a slot holds that has no value before the loop."""
        self.plan.shapes[key] = skeleton(value)
        self.learn_types(key, value)

    def learn_types(self, key: Key, value: Value) -> None:
        if isinstance(value, Node | Rows):
            for k, child in parts(value):
                self.learn_types((*key, k), child)
        else:
            self.plan.types[key] = carried(self.lo.type_of(value))

    def found_changed(self, identity: int, before: Value, after: Value) -> None:
        """Note a list or dict that the body changes; one whose structure changes needs the loop unrolled."""
        self.changed = True
        if isinstance(before, Node) and isinstance(after, Node):
            if before.form == after.form:
                self.plan.lists.add(identity)
                return
        parts = [*before.children, *after.children] if isinstance(before, Node) and isinstance(after, Node) else []
        items = [lists.item_type(self.lo, c) for c in parts]
        held = self.lo.type_of(after) if isinstance(after, Ref) else lists.common_type(self.lo, items)
        if not isinstance(before, Node) or before.kind != "list":
            place, _ = self.lo.dicts.get(identity, (None, None))
            key = None if place is None else tables.question(place)
            self.unrolling = NeedsUnrolling(self.loop.node, resolving=key)
            return
        if held is None or not held.is_list:
            pattern = rows.types_of(self.lo, after) if isinstance(after, Rows) else rows.pattern_of(self.lo, parts)
            if not isinstance(pattern, Node) or before.detail is not None or not rows.has_lists(pattern):
                self.unrolling = pooling.unrolling(self.lo, self.loop.node, parts)
                return
            self.plan.dynamic[identity] = pattern
            return
        self.plan.dynamic[identity] = held

    def found_written(self, cell: int) -> None:
        for name, frame in self.lo.reaching(cell):
            if frame is self.lo.frame:
                self.plan.names.add(name)
        self.plan.written.add(cell)
        self.changed = True

    def yield_of(self, slot: Slot, stmts: list[Stmt]) -> Atom:
        """Return what a slot is after the trip, and widen its type if that does not cover it."""
        lo, plan = self.lo, self.plan
        assert slot.param is not None
        if slot.key[0] == "":
            assert slot.cell is not None
            value: Value = Ref(slot.cell)
        else:
            value = self.exits.get(slot.key, UNDEFINED)
        if value is UNDEFINED:
            return UNDEFINED
        if isinstance(value, Ref):
            with lo.reopened(stmts):
                atom: Atom = lo.read(value)
        elif isinstance(value, Var | Const) and value.type.is_carried:
            atom = value
        else:
            self.drop(str(slot.key[0]), "is of another kind from trip to trip")
            return UNDEFINED
        self.assume_lengths(slot.type, atom.type)
        if atom.type.is_array != slot.type.is_array:
            self.mismatch(slot, atom)
        elif not covers(lo.facts, slot.type, atom.type):
            joined = join(lo.facts, slot.type, carried(atom.type))
            if joined.is_array and joined.dims is None:
                self.peel(slot)
                self.drop(str(slot.key[0]), "is an array of another rank from trip to trip")
            plan.types[slot.key] = joined
            self.changed = True
        return atom

    def assume_lengths(self, before: Type, after: Type) -> None:
        """Assume that an array keeps its shape, where lengths of the arguments that are equal in the example say so."""
        facts = self.lo.facts
        if not (before.is_array and after.is_array) or before.rank != after.rank:
            return
        for x, y in zip(before.dims or (), after.dims or (), strict=True):
            a, b = facts.find(x), facts.find(y)
            if a != b and anchored(a) and anchored(b) and example_of(a) == example_of(b):
                facts.unify(a, b)

    def mismatch(self, slot: Slot, atom: Atom) -> None:
        """A number becomes an array, or an array a number, from one trip to the next."""
        dims = atom.type.dims
        if atom.type.is_array and slot.init is not UNDEFINED and dims is not None:
            if not dims or isinstance(self.loop.node, ast.For) and all(map(self.known_outside, dims)):
                self.plan.promoted.add(slot.key)
                self.plan.types[slot.key] = atom.type
                self.changed = True
                return
            self.peel(slot)
        self.drop(str(slot.key[0]), "is a number on one trip and an array on another")

    def peel(self, slot: Slot) -> None:
        """Have the first trip be lowered on its own if that makes what all others start with."""
        if not self.plan.peeled and slot.init is not UNDEFINED:
            raise NeedsPeeling(str(slot.key[0]))

    def known_outside(self, length: Length) -> bool:
        found = self.lo.facts.find(length)
        return not (isinstance(found, Dim) and found.op not in ("axis", "value"))

    def find_aliases(self) -> None:
        """Find the slots and cells that may share memory when the next trip starts."""
        lo = self.lo
        images: dict[int, set[Key]] = {}
        for slot in self.loop.slots:
            value: Value = Ref(slot.cell) if slot.key[0] == "" and slot.cell else self.exits.get(slot.key, UNDEFINED)
            for ref in lo.refs_in(value):
                for cell in lo.parts(ref.cell):
                    images.setdefault(cell, set()).add(slot.key)
        for cell in self.loop.start.cells:
            if cell not in self.loop.cells:
                images.setdefault(cell, set()).add(("", cell))
        pairs = [(c, c) for c in images] + [tuple(sorted(p)) for p in lo.aliases]
        for a, b in pairs:
            for x in images.get(a, ()):
                for y in images.get(b, ()):
                    if x != y and not self.linked(x, y):
                        self.plan.aliases.add(frozenset((x, y)))
                        self.changed = True

    def linked(self, x: Key, y: Key) -> bool:
        by_key = {s.key: s for s in self.loop.slots}
        a, b = self.loop.cell_of(x, by_key), self.loop.cell_of(y, by_key)
        if a is None or b is None:
            return True
        return frozenset((a, b)) in self.loop.start.aliases or frozenset((x, y)) in self.plan.aliases

    def find_twins(self) -> None:
        """Find the names that refer to one container when the next trip starts."""
        own = {s.cell for s in self.loop.slots}
        outside = self.loop.start.contents.keys() | self.loop.start.cells.keys() - own
        held: dict[int, Key] = {number: ("", number) for number in outside}

        def note(other: Key, key: Key) -> None:
            pair = frozenset((other, key))
            if other != key and pair not in self.plan.twins:
                self.plan.twins.add(pair)
                self.changed = True

        def visit(key: Key, value: Value) -> None:
            value = self.lo.seen(value)
            if isinstance(value, Node) and value.identity in self.lo.placed:
                return
            number = value.cell if isinstance(value, Ref) and self.lo.is_list(value) and not value.path else 0
            number = value.identity if isinstance(value, Node) else number
            if number:
                note(held.setdefault(number, key), key)
            for k, child in parts(value) if isinstance(value, Node | Rows) else ():
                visit((*key, k), child)

        for name in self.loop.names:
            visit((name,), self.lo.frame.names.get(name, UNDEFINED))
        for identity in self.loop.lists:
            changing = self.lo.contents[identity]
            for k, child in parts(changing) if isinstance(changing, Node) else ():
                visit((f"@{identity}", k), child)


def is_list(lo: Lowering, value: Value) -> bool:
    """Tell whether a value is a plain list, of any length."""
    plain = isinstance(value, Node) and value.kind == "list" and value.cls is None and value.detail is None
    return plain or isinstance(value, Rows) or lo.is_list(value)


def unchanged(before: Value, after: Value) -> bool:
    """Tell whether a function, a text or the like is still the same."""
    if isinstance(before, Var | Const) and isinstance(after, Var | Const):
        return same_atom(before, after)
    return before is after or before == after
