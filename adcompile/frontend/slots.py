"""What a loop carries: a slot for every number and array that its body changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adcompile.frontend import lists, pools, rows
from adcompile.frontend.desugar import FLAGS, RAISED, STATE, LoopFlags
from adcompile.frontend.frames import Conflict, function_frame, is_outside
from adcompile.frontend.lifetimes import is_carried
from adcompile.frontend.optionals import HELD, paired
from adcompile.frontend.plans import (
    ITEMS,
    Key,
    Plan,
    Slot,
    carried,
    escaping_names,
    parts,
    read_before_assigned,
    stored_names,
)
from adcompile.frontend.references import References
from adcompile.frontend.values import Box, Ref, Rows, Value
from adcompile.ir.core import FALSE, UNDEFINED, Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import Type, numpy_dtype

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
        self.entered_as: dict[Key, int] = {}
        self.yields: list[Atom] = []
        self.references = References(lo, self.key, plan, dict(self.leaves()))
        self.slots = self.references.slots()
        self.entry = {name: self.enlist((name,), self.before(name)) for name in self.names}
        self.make_lists()
        self.lists: dict[int, Node[Value]] = {}
        for identity in sorted(plan.lists):
            held = lo.contents[identity]
            assert isinstance(held, Node)
            children = tuple(self.enlist((f"@{identity}", k), c) for k, c in parts(held))
            self.lists[identity] = held.holding(children)
        self.enlist_cells()
        self.start = lo.snapshot()

    @property
    def key(self) -> object:
        return "loop", self.node, self.lo.frame.calls

    # -- before the loop

    def before(self, name: str) -> Value:
        """Return what a name stands for before the loop."""
        return UNDEFINED if name in self.plan.dropped else self.lo.frame.names.get(name, UNDEFINED)

    def shaped(self, key: Key, value: Value) -> Value:
        """Return what is held before the loop, with the structure that it has in the loop."""
        value = self.plan.shapes.get(key, UNDEFINED) if value is UNDEFINED else self.lo.seen(value)
        if key in self.plan.lengths:
            return rows.become(self.lo, value, self.plan.lengths[key])
        return (
            paired(value) if key in self.plan.optional else (pools.encoded(self.lo, value) if self.lo.pools else value)
        )

    def leaves(self) -> Iterator[tuple[Key, Value]]:
        """Yield what names and changing containers hold before the loop, each by its key."""

        def visit(key: Key, value: Value) -> Iterator[tuple[Key, Value]]:
            value = self.shaped(key, value)
            if isinstance(value, Node | Rows):
                for k, child in parts(value):
                    yield from visit((*key, k), child)
            else:
                yield key, value

        for name in self.names:
            yield from visit((name,), self.before(name))
        for identity in sorted(self.plan.lists):
            held = self.lo.contents[identity]
            assert isinstance(held, Node)
            for k, child in parts(held):
                yield from visit((f"@{identity}", k), child)

    def enlist_cells(self) -> None:
        """Make slots for the buffers that the body writes to."""
        lo = self.lo
        self.cells = {s.cell: s for s in self.slots if s.cell is not None}
        for name in sorted(self.plan.names):
            for ref in lo.refs_in(lo.frame.names.get(name, UNDEFINED)):
                for cell in sorted(lo.parts(ref.cell)):
                    self.enlist_cell(cell)
        for cell in sorted(self.plan.written):
            self.enlist_cell(cell)

    def make_lists(self) -> None:
        """Make the lists that grow in the loop lists of run-time length."""
        lo = self.lo
        for identity, list_type in self.plan.dynamic.items():
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

    def enlist(self, key: Key, value: Value) -> Value:
        """Make slots for the numbers and arrays in the value of a name; return the value with slots' cells in it."""
        lo = self.lo
        value = self.shaped(key, value)
        if isinstance(value, Node):
            new = lo.like(value, [self.enlist((*key, k), c) for k, c in parts(value)])
            lo.stands_for(new, value)
            return new
        if isinstance(value, Rows):
            return Rows(self.enlist_items(key, value))
        known = self.plan.types.get(key)
        if key in self.references.begins:
            return value
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
                lo.joins[lo.cell_count] = self.key
                slot.cell = lo.cell_count
                return Ref(slot.cell)
            return UNDEFINED
        if isinstance(value, Var | Const) and (value.type.is_numeric or (value.type.is_text and known is not None)):
            if key in self.plan.promoted and known is not None:
                return self.promote(key, value, known)
            self.slots.append(Slot(key, value, known or carried(value.type)))
        return value

    def enlist_items(self, key: Key, value: Rows) -> Node[Value]:
        """Make slots for the lists that the items of a list of tuples are in."""
        found = self.enlist((*key, ITEMS), value.pattern)
        assert isinstance(found, Node)
        return found

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
            lo.link(cell, ref.cell, self.key)
            lo.joins[cell] = self.key
            if value.type.is_list:
                lo.twin(cell, ref.cell)
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
        if cell in self.lo.cells and cell not in self.cells and cell not in self.lo.choices:
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
        for name, entry in self.entry.items():
            lo.frame.names[name] = self.entered((name,), entry, by_key)
        self.forget()
        self.pair_twins()
        self.enter_lists(by_key)
        self.pair_cells(by_key)
        return params

    def pair_cells(self, by_key: dict[Key, Slot]) -> None:
        """Remember which arrays may share memory, since a trip left them so."""
        for pair in self.plan.aliases:
            a, b = (self.cell_of(k, by_key) for k in sorted(pair, key=str))
            if a is not None and b is not None and a != b:
                self.lo.may_share(a, b, self.key)

    def shared(self, name: str) -> bool:
        """Tell whether a variable lives in a box, which is carried as what a list holds is, or outside."""
        frame = self.lo.frame
        if frame.node is None and name in escaping_names(self.node):  # of the function that the comprehension is in
            frame = function_frame(frame)
        owner, name = self.lo.owner(frame, name)
        return isinstance(owner.names.get(name), Box) or is_outside(frame, name)

    def forget(self) -> None:
        """Names that are not read before they are assigned again mean nothing."""
        for name in self.dead:
            self.lo.frame.names[name] = UNDEFINED

    def pair_twins(self) -> None:
        """Remember which names may refer to one container, since a trip left them so."""
        for pair in self.plan.twins:
            one, two = (self.entered_as.get(key) or outside_slots(key) for key in sorted(pair, key=str))
            self.lo.twin(one, two)

    def enter_lists(self, by_key: dict[Key, Slot]) -> None:
        for identity, held in self.lists.items():
            children = tuple(self.entered((f"@{identity}", k), c, by_key) for k, c in parts(held))
            self.lo.contents[identity] = held.holding(children)

    def entered(self, key: Key, value: Value, by_key: dict[Key, Slot]) -> Value:
        if isinstance(value, Node):
            children = [self.entered((*key, k), c, by_key) for k, c in parts(value)]
            new = self.lo.like(value, children)
            self.lo.stands_for(new, value)
            self.entered_as[key] = new.identity
            return pools.decoded(self.lo, new) if self.lo.pools else new
        if isinstance(value, Rows):
            pattern = self.entered((*key, ITEMS), value.pattern, by_key)
            assert isinstance(pattern, Node)
            return Rows(pattern)
        if key in self.references.begins:
            return self.references.entered(key, by_key)
        if isinstance(value, Ref):
            if self.lo.is_list(value):
                self.entered_as[key] = value.cell
            return value
        slot = by_key.get(key)
        return value if slot is None or slot.param is None else slot.param

    def hint(self, slot: Slot) -> str:
        name = str(slot.key[0])
        if name == "":
            value = self.lo.cells.get(slot.cell or 0)
            return self.lo.names.get(value, value.name) if value is not None else ""
        return "" if name.startswith((".", "@")) else "_".join(str(k) for k in slot.key if k not in (HELD, ITEMS))

    def keys_of(self, cell: int) -> set[Key | int]:
        """Return what the plan knows a list by that is in a cell: its identity, or the keys of slots around it."""
        keys = [s.key for s in self.slots if s.cell == cell]
        around: set[Key | int] = {key[:n] for key in keys for n in range(1, len(key) + 1)}
        return around | {i for i in self.plan.dynamic if cell in self.lo.identities(self.lo.contents[i])}

    def cell_of(self, key: Key, by_key: dict[Key, Slot]) -> int | None:
        if key in by_key:
            return by_key[key].cell
        return key[1] if key[0] == "" and isinstance(key[1], int) else None

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
        for name, entry in self.entry.items():
            value = self.entered((name,), entry, by_key)
            if name in self.plan.dropped:
                value = Const(Conflict(self.plan.dropped[name]))
            lo.frame.names[name] = value
        for slot, after in zip(self.slots, self.yields, strict=True):
            if slot.key[0] in FLAGS and slot.init is FALSE and after is FALSE:
                lo.frame.names[str(slot.key[0])] = FALSE  # nothing is raised in this loop
        self.forget()
        self.pair_twins()
        self.enter_lists(by_key)
        self.pair_cells(by_key)
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


def outside_slots(key: Key) -> int:
    """Return what a container is known by that no slot holds; 0 if that is not what a key stands for."""
    return key[1] if key[0] == "" and isinstance(key[1], int) else 0
