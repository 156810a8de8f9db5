"""Names that stand for other arrays from trip to trip of a loop: which array it is, and which part, is carried.

    best = a[0]                              best_at = 0
    for i in range(n):                       for i in range(n):
        if a[i, 0] > best[0]:      ->            if a[i, 0] > a[best_at, 0]:
            best = a[i]                              best_at = i
    best[1] = v                              a[best_at, 1] = v

What such names may refer to are places: buffers from before the loop, and views into them. If there are several, a
number tells which of them it is, and each read or store chooses among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from adcompile.frontend.buffers import beyond
from adcompile.frontend.plans import Key, Place, Plan, Slot
from adcompile.frontend.values import Ref, Value
from adcompile.ir.core import UNDEFINED, Atom, Const, Stmt, same_atom
from adcompile.ir.types import PY_INT

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

MOST: Final = 6  # places, which are told apart one after the other
Parts = dict[Key, Atom]  # which place, and the operands of its path


class References:
    """What an attempt at a loop carries as references: all arrays, once a store has made that necessary.

    `learned`: there is more that something may refer to, and the loop is to be attempted again.
    """

    def __init__(self, lo: Lowering, key: object, plan: Plan, before: Mapping[Key, Value]) -> None:
        self.lo, self.plan = lo, plan
        self.learned = False
        self.on = key in lo.resolved
        self.cells = frozenset(lo.cells)
        self.held: dict[int, tuple[Key, Parts]] = {}  # of the cells that trips start with: what is carried for them
        found = {key: self.parts(key, value) for key, value in before.items() if self.refers(key, value)}
        for places in plan.places.values():
            places.sort(key=lambda place: str(place.form))  # so that keys of the same have the same numbers for them
        known = {key: self.parts(key, before[key]) for key, parts in found.items() if parts is not None}
        later = [key for key, value in before.items() if value is UNDEFINED and key in plan.referring - plan.valued]
        self.begins: dict[Key, Parts | None] = known | dict.fromkeys(later if self.on else [])

    def refers(self, key: Key, value: Value) -> bool:
        """Tell whether an array is to be carried as a reference, if it can be."""
        return self.on and key not in self.plan.valued and isinstance(value, Ref) and self.lo.type_of(value).is_array

    # -- before the loop

    def slots(self) -> list[Slot]:
        """Return slots for what is carried of the references."""
        found = []
        for key, parts in self.begins.items():
            for part in self.carried(key):
                init = UNDEFINED if parts is None else parts.get(part, Const(0))
                found.append(Slot((*key, *part), init, self.plan.types.get((*key, *part), PY_INT)))
        return found

    def carried(self, key: Key) -> list[Key]:
        """Return what is carried of a reference: the number of the place, and the operands that differ."""
        places = self.plan.places[key]
        which: list[Key] = [("which",)] if len(places) > 1 else []
        return which + [("at", k, j) for k, place in enumerate(places) for j, a in enumerate(place.atoms) if a is None]

    def parts(self, key: Key, value: Value) -> Parts | None:
        """Return which place a reference is, and its operands; None if it may be none from before the loop."""
        lo = self.lo
        if not isinstance(value, Ref):
            return None
        other, parts = self.held.get(value.cell, ((), None))
        if parts is not None and not value.path and self.forms(other) == self.forms(key):
            return parts
        choice = lo.choices.get(value.cell)
        if choice is None:
            return self.place(key, value) if self.is_known(value) else None
        sides = [self.parts(key, beyond(target, value)) for target in choice.refs]
        first, second = ({} if side is None else side for side in sides)
        if None in sides:
            return None
        test = lo.test_of(choice)
        both = dict.fromkeys([*first, *second])
        return {part: self.selected(test, first.get(part, Const(0)), second.get(part, Const(0))) for part in both}

    def forms(self, key: Key) -> list[Key]:
        return [place.form for place in self.plan.places.get(key, ())]

    def selected(self, test: Atom, one: Atom, two: Atom) -> Atom:
        return one if same_atom(one, two) else self.lo.selected(test, lambda: one, lambda: two)

    def is_known(self, ref: Ref) -> bool:
        """Tell whether a reference is to a buffer from before the loop; raise if that may yet be found out."""
        self.lo.find_out(ref.cell)
        return ref.cell in self.cells and not self.lo.cells[ref.cell].type.is_list

    def place(self, key: Key, ref: Ref) -> Parts:
        """Find or make the place that a reference is."""
        places = self.plan.places.setdefault(key, [])
        new = Place(ref.cell, ref.path, list(ref.atoms))
        number = next((k for k, place in enumerate(places) if place.form == new.form), len(places))
        if number == len(places):
            places.append(new)
            self.learned = True
        for j, atom in enumerate(ref.atoms):
            known = places[number].atoms[j]
            if known is not None and not same_atom(known, atom):
                places[number].atoms[j] = None
                self.learned = True
        parts: Parts = {("at", number, j): atom for j, atom in enumerate(ref.atoms)}
        return parts | {("which",): Const(number)}

    # -- in a trip and after the loop

    def entered(self, key: Key, by_key: Mapping[Key, Slot]) -> Ref:
        """Return what is referred to, by what is carried."""
        carried = {part: by_key[*key, *part].param for part in self.carried(key)}
        held: Parts = {part: atom for part, atom in carried.items() if atom is not None}
        refs = [
            Ref(p.cell, p.path, tuple(held["at", k, j] if a is None else a for j, a in enumerate(p.atoms)))
            for k, p in enumerate(self.plan.places[key])
        ]
        found = refs.pop()
        while refs:
            found = self.lo.either(held["which",], len(refs) - 1, refs.pop(), found)
            self.held[found.cell] = key, held
        return found

    def exits(self, key: Key, value: Value, stmts: list[Stmt]) -> Parts:
        """Return what is carried after a trip; note what may be referred to."""
        with self.lo.reopened(stmts):
            parts = self.parts(key, value)
        if parts is None or len(self.plan.places[key]) > MOST:
            self.plan.valued.add(key)
            self.learned = True
            return {}
        return {(*key, *part): parts.get(part, Const(0)) for part in self.carried(key)}
