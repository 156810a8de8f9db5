"""What a loop carries: a slot for every number and array that its body changes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from adcompile.frontend import lists, rows
from adcompile.frontend.desugar import FLAGS, RAISED, LoopFlags
from adcompile.frontend.exceptions import STATE
from adcompile.frontend.lifetimes import is_carried
from adcompile.frontend.plans import Key, Plan, Slot, carried, covers, read_before_assigned, skeleton, stored_names
from adcompile.frontend.state import Conflict, NeedsUnrolling, owner_of
from adcompile.frontend.values import Box, Ref, Rows, Value
from adcompile.ir.core import FALSE, UNDEFINED, Atom, Const, Stmt, Var, same_atom
from adcompile.ir.lengths import Dim, Length, anchored, example_of
from adcompile.ir.structure import Node
from adcompile.ir.types import Type, join, numpy_dtype

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


class Slots:
    """The slots of one attempt at a loop."""

    def __init__(self, lo: Lowering, node: ast.For | ast.While, flags: LoopFlags, plan: Plan) -> None:
        self.lo, self.node, self.flags, self.plan = lo, node, flags, plan
        stored = list(dict.fromkeys([*stored_names(node), *flags.resets, *(STATE if lo.catchers else ())]))
        stored = [name for name in stored if not self.shared(name)]
        self.names = [name for name in stored if is_carried(lo.frame, node, name)]
        self.dead = [name for name in stored if name not in self.names]
        self.read_first = read_before_assigned(node)
        self.entry: dict[str, Value] = {}
        self.entered_as: dict[Key, int] = {}
        self.slots: list[Slot] = []
        self.yields: list[Atom] = []
        for name in self.names:
            if name in plan.dropped:
                self.entry[name] = UNDEFINED
                continue
            value = lo.frame.names.get(name, UNDEFINED)
            if value is UNDEFINED and name in plan.shapes:
                value = plan.shapes[name]
            self.entry[name] = self.enlist((name,), value)
        for identity, list_type in plan.dynamic.items():
            known = lo.contents[identity]
            if isinstance(known, Node):
                items = [lo.current(c) for c in known.children]
                if isinstance(list_type, Node):
                    made = rows.make(lo, items, list_type)
                    for k, ref in enumerate(rows.columns(made)):
                        self.named(identity, ref, f"_{k}")
                    lo.contents[identity] = made
                    continue
                lo.contents[identity] = self.named(identity, lists.make(lo, items, list_type))
                self.limit(known.detail, lo.contents[identity])
        self.lists: dict[int, Node[Value]] = {}
        for identity in sorted(plan.lists):
            held = lo.contents[identity]
            assert isinstance(held, Node)
            children = tuple(self.enlist((f"@{identity}", k), c) for k, c in enumerate(held.children))
            self.lists[identity] = held.holding(children)
        self.cells = {s.cell: s for s in self.slots if s.cell is not None}
        for name in sorted(plan.names):
            for ref in lo.refs_in(lo.frame.names.get(name, UNDEFINED)):
                self.enlist_cell(ref.cell)
        for cell in sorted(plan.written):
            self.enlist_cell(cell)
        self.start = lo.snapshot()

    # -- before the loop

    def enlist(self, key: Key, value: Value) -> Value:
        """Make slots for the numbers and arrays in the value of a name; return the value with slots' cells in it."""
        lo = self.lo
        value = lo.current(value)
        if isinstance(value, Node):
            new = lo.like(value, [self.enlist((*key, k), c) for k, c in enumerate(value.children)])
            lo.twin(new.identity, value.identity)
            return new
        known = self.plan.types.get(key)
        if isinstance(value, Ref):
            return Ref(self.own_cell(key, value))
        if isinstance(value, Var) and value.type.is_array and lo.frame.rule:
            self.slots.append(Slot(key, value, known or value.type))
            return value
        if value is UNDEFINED:
            if known is None:
                return UNDEFINED
            slot = Slot(key, UNDEFINED, known)
            self.slots.append(slot)
            if (known.is_array or known.is_list) and not lo.frame.rule:
                lo.cell_count += 1
                lo.choices.pop(lo.cell_count, None)
                slot.cell = lo.cell_count
                return Ref(slot.cell)
            return UNDEFINED
        if isinstance(value, Var | Const) and value.type.is_numeric:
            if key in self.plan.promoted and known is not None:
                return self.promote(key, value, known)
            self.slots.append(Slot(key, value, known or carried(value.type)))
        return value

    def limit(self, longest: object, made: Value) -> None:
        if isinstance(longest, int) and isinstance(made, Ref):
            self.lo.limits[made.cell] = longest

    def named(self, identity: int, ref: Ref, suffix: str = "") -> Ref:
        """Name a list after the first name that refers to it."""
        for name, value in self.lo.frame.names.items():
            if isinstance(value, Node) and value.identity == identity and not name.startswith("."):
                self.lo.names.setdefault(self.lo.cells[ref.cell], name + suffix)
        return ref

    def own_cell(self, key: Key, ref: Ref) -> int:
        """Return a cell that only this name reaches: its own, or a new one that may share memory with it."""
        lo = self.lo
        value = lo.read(ref)
        known = self.plan.types.get(key)
        holders = sum(1 for f in lo.frames for v in f.names.values() for r in lo.refs_in(v) if r.cell == ref.cell)
        cell = ref.cell
        if ref.path or holders > 1 or ref.cell in lo.choices:
            cell = lo.new_cell(value).cell
            lo.link(cell, ref.cell)
            if value.type.is_list:
                lo.twins.add(frozenset((cell, ref.cell)))
            self.limit(lo.limits.get(ref.cell), Ref(cell))
        self.slots.append(Slot(key, value, known or value.type, cell))
        return cell

    def promote(self, key: Key, value: Atom, known: Type) -> Value:
        """Start as an array what is a number before the loop and an array after the first trip."""
        lo = self.lo
        shape = tuple(lo.builder.length(d) for d in known.dims or ())
        init = lo.builder.emit("full", value, *shape, attrs=(numpy_dtype(known),))
        assert isinstance(init, Var)
        ref = lo.new_cell(init)
        self.slots.append(Slot(key, init, known, ref.cell))
        return ref

    def enlist_cell(self, cell: int) -> None:
        if cell in self.lo.cells and cell not in self.cells:
            value = self.lo.cells[cell]
            slot = Slot(("", cell), value, self.plan.types.get(("", cell), value.type), cell)
            self.slots.append(slot)
            self.cells[cell] = slot

    # -- the body

    def enter(self) -> list[Var]:
        """Open a trip: give every slot a parameter."""
        lo = self.lo
        params = []
        values = iter(self.slots)
        for slot in values:
            hint = self.hint(slot)
            slot.param = Var(hint, slot.type)
            lo.starts[slot.param] = slot.init
            if hint and not lo.frame.rule:
                lo.names[slot.param] = hint
            params.append(slot.param)
            if slot.cell is not None:
                lo.cells[slot.cell] = slot.param
        by_key = {s.key: s for s in self.slots}
        for name in self.names:
            lo.frame.names[name] = self.entered((name,), self.entry[name], by_key)
        self.forget()
        self.pair_twins()
        self.enter_lists(by_key)
        for pair in self.plan.aliases:
            a, b = (self.cell_of(k, by_key) for k in sorted(pair, key=str))
            if a is not None and b is not None:
                lo.may_share(a, b)
        return params

    def shared(self, name: str) -> bool:
        """Tell whether a variable lives in a box: it is carried as what a list holds is."""
        owner = owner_of(self.lo.frame, name)
        return isinstance(owner.names.get(name), Box)

    def forget(self) -> None:
        """Names that are not read before they are assigned again mean nothing."""
        for name in self.dead:
            self.lo.frame.names[name] = UNDEFINED

    def pair_twins(self) -> None:
        """Remember which names may refer to one container, since a trip left them so."""
        for pair in self.plan.twins:
            one, two = (self.entered_as.get(key, 0) for key in sorted(pair, key=str))
            self.lo.twin(one, two)

    def find_twins(self) -> None:
        """Find the names that refer to one container when the next trip starts."""
        held: dict[int, Key] = {}

        def visit(key: Key, value: Value) -> None:
            value = self.lo.current(value)
            if not isinstance(value, Node):
                return
            if value.identity:
                other = held.setdefault(value.identity, key)
                pair = frozenset((other, key))
                if other != key and pair not in self.plan.twins:
                    self.plan.twins.add(pair)
                    self.changed = True
            for k, child in enumerate(value.children):
                visit((*key, k), child)

        for name in self.names:
            visit((name,), self.lo.frame.names.get(name, UNDEFINED))

    def enter_lists(self, by_key: dict[Key, Slot]) -> None:
        for identity, held in self.lists.items():
            children = tuple(self.entered((f"@{identity}", k), c, by_key) for k, c in enumerate(held.children))
            self.lo.contents[identity] = held.holding(children)

    def entered(self, key: Key, value: Value, by_key: dict[Key, Slot]) -> Value:
        if isinstance(value, Node):
            children = [self.entered((*key, k), c, by_key) for k, c in enumerate(value.children)]
            new = self.lo.like(value, children)
            self.lo.twin(new.identity, value.identity)
            self.entered_as[key] = new.identity
            return new
        if isinstance(value, Ref):
            return value
        slot = by_key.get(key)
        return value if slot is None or slot.param is None else slot.param

    def hint(self, slot: Slot) -> str:
        name = str(slot.key[0])
        if name == "":
            value = self.lo.cells.get(slot.cell or 0)
            return self.lo.names.get(value, value.name) if value is not None else ""
        return "" if name.startswith((".", "@")) else "_".join(map(str, slot.key))

    def cell_of(self, key: Key, by_key: dict[Key, Slot]) -> int | None:
        if key in by_key:
            return by_key[key].cell
        return key[1] if key[0] == "" and isinstance(key[1], int) else None

    # -- after the body

    def close(self, stmts: list[Stmt]) -> bool:
        """Compare what a trip leaves with what it started from; learn, or fix the yields. True when settled."""
        lo, plan = self.lo, self.plan
        before = (len(plan.types), len(plan.shapes), len(plan.names), len(plan.dropped), len(plan.promoted))
        self.changed = False
        self.exits: dict[Key, Value] = {}
        for name in self.names:
            self.compare((name,), self.entry[name], lo.frame.names.get(name, UNDEFINED))
        for identity, held in self.start.contents.items():
            if identity in self.lists:
                self.compare((f"@{identity}",), self.lists[identity], lo.contents[identity])
            elif lo.contents[identity] is not held:
                self.found_changed(identity, held, lo.contents[identity])
        for cell, old in self.start.cells.items():
            if cell not in self.cells and lo.cells[cell] is not old:
                self.found_written(cell)
        self.yields = [self.yield_of(slot, stmts) for slot in self.slots]
        self.find_aliases()
        self.find_twins()
        after = (len(plan.types), len(plan.shapes), len(plan.names), len(plan.dropped), len(plan.promoted))
        return before == after and not self.changed

    def compare(self, key: Key, entry: Value, value: Value) -> None:
        """Record what a slot is after the trip; note names that are new or do not keep their structure."""
        name = str(key[0])
        value = self.lo.current(value)
        if name in self.plan.dropped:
            return
        if isinstance(value, Const) and isinstance(value.value, Conflict):
            self.drop(name, value.value.reason)
        elif isinstance(entry, Node) and isinstance(value, Node):
            if entry.form != value.form:
                return self.restructured(name, "changes its structure from trip to trip")
            for k, (e, v) in enumerate(zip(entry.children, value.children, strict=True)):
                self.compare((*key, k), e, v)
        elif entry is UNDEFINED and key not in {s.key for s in self.slots}:
            if value is not UNDEFINED and self.numeric(value):
                self.plan.shapes[name] = skeleton(value)
                self.learn_types(key, value)
        elif isinstance(entry, Node) or isinstance(value, Node):
            if value is not UNDEFINED:
                self.restructured(name, "is a container on one trip and not on another")
        else:
            self.exits[key] = value
            if key not in {s.key for s in self.slots} and not unchanged(entry, value):
                self.differs(name)

    def differs(self, name: str) -> None:
        """A name stands for another function, text or the like after the trip: no slot can hold that."""
        if not name.startswith("."):
            raise NeedsUnrolling(self.node, said=f"what `{name}` is must be known when compiling")
        self.drop(name, "differs from trip to trip")

    def restructured(self, name: str, reason: str) -> None:
        """Note a name whose structure changes: it has no value at the start of a trip, unless each trip is lowered."""
        if name in self.read_first:
            raise NeedsUnrolling(self.node)
        self.drop(name, reason)

    def drop(self, name: str, reason: str) -> None:
        """Give up carrying a name; what a list holds cannot be given up."""
        if name.startswith("@"):
            raise NeedsUnrolling(self.node)
        self.plan.dropped[name] = reason

    def numeric(self, value: Value) -> bool:
        if isinstance(value, Node):
            return all(map(self.numeric, value.children))
        return isinstance(value, Ref) or (isinstance(value, Var | Const) and value.type.is_numeric)

    def learn_types(self, key: Key, value: Value) -> None:
        if isinstance(value, Node):
            for k, child in enumerate(value.children):
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
        items = [self.lo.type_of(c) for c in parts]
        held = self.lo.type_of(after) if isinstance(after, Ref) else lists.common_type(self.lo, items)
        if not isinstance(before, Node) or before.kind != "list":
            raise NeedsUnrolling(self.node)
        if held is None or not held.is_list:
            pattern = rows.types_of(self.lo, after) if isinstance(after, Rows) else rows.pattern_of(self.lo, parts)
            if not isinstance(pattern, Node) or before.detail is not None or not _has_lists(pattern):
                raise NeedsUnrolling(self.node)
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
        elif isinstance(value, Var | Const) and value.type.is_numeric:
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
        if atom.type.is_array and dims == () and slot.init is not UNDEFINED:
            self.plan.promoted.add(slot.key)
            self.plan.types[slot.key] = atom.type
            self.changed = True
            return
        if atom.type.is_array and slot.init is not UNDEFINED and dims is not None and isinstance(self.node, ast.For):
            if all(self.known_outside(d) for d in dims):
                self.plan.promoted.add(slot.key)
                self.plan.types[slot.key] = atom.type
                self.changed = True
                return
        self.drop(str(slot.key[0]), "is a number on one trip and an array on another")

    def known_outside(self, length: Length) -> bool:
        found = self.lo.facts.find(length)
        return not (isinstance(found, Dim) and found.op not in ("axis", "value"))

    def find_aliases(self) -> None:
        """Find the slots and cells that may share memory when the next trip starts."""
        lo = self.lo
        images: dict[int, set[Key]] = {}
        for slot in self.slots:
            value: Value = Ref(slot.cell) if slot.key[0] == "" and slot.cell else self.exits.get(slot.key, UNDEFINED)
            for ref in lo.refs_in(value):
                for cell in (ref.cell, *lo.parts(ref.cell)):
                    images.setdefault(cell, set()).add(slot.key)
        for cell in self.start.cells:
            if cell not in self.cells:
                images.setdefault(cell, set()).add(("", cell))
        pairs = [(c, c) for c in images] + [tuple(sorted(p)) for p in lo.aliases]
        for a, b in pairs:
            for x in images.get(a, ()):
                for y in images.get(b, ()):
                    if x != y and not self.linked(x, y):
                        self.plan.aliases.add(frozenset((x, y)))
                        self.changed = True

    def linked(self, x: Key, y: Key) -> bool:
        by_key = {s.key: s for s in self.slots}
        a, b = self.cell_of(x, by_key), self.cell_of(y, by_key)
        return (
            a is None or b is None or frozenset((a, b)) in self.start.aliases or frozenset((x, y)) in self.plan.aliases
        )

    # -- after the loop

    @property
    def inits(self) -> list[Atom]:
        return [s.init for s in self.slots]

    @property
    def until(self) -> int | None:
        name = RAISED if self.flags.until is None else self.flags.until
        k = next((k for k, s in enumerate(self.slots) if s.key == (name,)), None)
        return None if k is None or name == RAISED and self.yields[k] is FALSE else k

    def leave(self) -> tuple[Var, ...]:
        """Continue after the loop: give every slot its result."""
        lo = self.lo
        lo.restore(self.start)
        outs = []
        by_key = {}
        for slot in self.slots:
            hint = self.hint(slot)
            out = Var(hint, slot.type)
            lo.starts[out] = slot.init
            if hint and not lo.frame.rule:
                lo.names[out] = hint
            outs.append(out)
            by_key[slot.key] = Slot(slot.key, slot.init, slot.type, slot.cell, out)
            if slot.cell is not None:
                lo.cells[slot.cell] = out
        for name in self.names:
            value = self.entered((name,), self.entry[name], by_key)
            if name in self.plan.dropped:
                value = Const(Conflict(self.plan.dropped[name]))
            lo.frame.names[name] = value
        for slot, after in zip(self.slots, self.yields, strict=True):
            if slot.key[0] in FLAGS and slot.init is FALSE and after is FALSE:
                lo.frame.names[str(slot.key[0])] = FALSE  # nothing is raised in this loop
        self.forget()
        self.pair_twins()
        self.enter_lists(by_key)
        for pair in self.plan.aliases:
            a, b = (self.cell_of(k, by_key) for k in sorted(pair, key=str))
            if a is not None and b is not None and a != b:
                lo.may_share(a, b)
        return tuple(outs)

    def after(self, bounds: tuple[Atom, Atom, Atom], node: ast.For) -> None:
        """Where a number became an array, see to it that the loop made at least one trip."""
        if not any(s.key in self.plan.promoted and s.type.dims for s in self.slots):
            return
        lo = self.lo
        empty = lo.builder.emit("eq", lo.trip_count(bounds), Const(0))
        name = next(str(s.key[0]) for s in self.slots if s.key in self.plan.promoted and s.type.dims)
        if isinstance(empty, Const):
            return
        from adcompile.frontend import branches

        text = f"`{name}` is a number if the loop makes no trip, and an array otherwise"
        branches.merge(
            lo, node, empty, lambda: lo.builder.emit_many("raise", (Const(text),), ("ValueError",), ()), lambda: None
        )


def _has_lists(pattern: rows.Pattern) -> bool:
    return any(map(_has_lists, pattern.children)) if isinstance(pattern, Node) else isinstance(pattern, Type)


def unchanged(before: Value, after: Value) -> bool:
    """Tell whether a function, a text or the like is still the same."""
    if isinstance(before, Var | Const) and isinstance(after, Var | Const):
        return same_atom(before, after)
    return before is after or before == after
