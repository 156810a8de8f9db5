"""The plan for one block and its mirror: which values are needed where, which versions are at hand, what is taped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from adcompile.analysis.mincut import cheapest_to_keep
from adcompile.analysis.webs import is_foreign, is_store, is_view, overwritten
from adcompile.ir.core import UNDEFINED, Atom, Eqn, If, Stmt, Var, atom_key, blocks_of, free, variables
from adcompile.records import dataclass, field
from adcompile.transforms.store_context import Context, Place, Step, is_cheap

# What it costs to push and pop a value, and to compute one again; a scalar operation is about a third of a push.
TAPE_SCALAR: Final = 100
TAPE_ARRAY: Final = 10_000
TAPE_VERSION: Final = 15_000  # a version of an array that is stored to: it is copied before it is taped
COMPUTE_SCALAR: Final = 30
COMPUTE_ARRAY: Final = 300

Reads = Mapping[object, Var]  # one-element reads that dominate a block: (array, path, indices) -> result


@dataclass(frozen=True, slots=True)
class Supply:
    """A value that the reverse loop computes by itself, such as the index."""

    eqns: tuple[Eqn, ...]
    value: Atom


@dataclass(slots=True)
class Pair:
    """A primal block and the steps of its mirror.

    entry     the versions that the mirror holds at its start, and what it calls them
    params    the variables that are bound at the start of the primal block
    supplies  what the mirror computes by itself
    yields    what the primal block yields
    reads     see `Reads`
    """

    place: Place
    primal: list[Stmt]
    steps: list[Step]
    entry: Mapping[Var, Atom]
    params: tuple[Var, ...] = ()
    supplies: Mapping[Var, Supply] = field(default_factory=dict)
    yields: tuple[Atom, ...] = ()
    reads: Reads = field(default_factory=dict)


class Plan:
    """What is decided about a pair, before it is rewritten.

    order    the variables of the primal block, by their place in it
    made     the statement of each of them
    eqns     the equation of each that has one of its own, as it is done again
    held     from which to which step (inclusive) the mirror holds a version
    pieces   the reads of pieces of arrays in the primal block, by what they read
    undos    the store that a step undoes, with the variable that has the overwritten piece
    direct   the first step that reads a value
    first    the first step that could read it, through whatever is computed again
    due      what is computed again just before a step, while the versions that it reads are held
    taped    what is taped
    """

    def __init__(self, ctx: Context, pair: Pair) -> None:
        self.ctx, self.pair = ctx, pair
        self.undos: dict[int, tuple[Eqn, Var]] = {}
        self.made = {out: stmt for stmt in pair.primal for out in stmt.outs}
        own = [s for s in pair.primal if isinstance(s, Eqn) and len(s.outs) == 1]
        self.eqns = {s.out: ctx.lasting.get(s.out, s) for s in own}
        self.overwritten = overwritten(pair.primal, ctx.webs)
        self.pieces: dict[object, list[Eqn]] = {}
        self.remember(pair.primal)
        self.held: dict[Var, tuple[int, int]] = {}
        self.simulate()
        self.order = {v: k for k, v in enumerate((*pair.params, *(o for s in pair.primal for o in s.outs)))}
        self.direct = self.direct_needs()
        self.first = self.first_needs()
        self.taped = self.cut() if pair.place == "loop" else []
        self.due = self.due_steps() if pair.place == "loop" else {}

    # -- versions

    def holds(self, v: Var, step: int) -> bool:
        """Tell whether the mirror holds a version when a step begins."""
        return v in self.held and self.held[v][0] <= step <= self.held[v][1]

    def end(self) -> list[Var]:
        """Return the versions that the mirror holds at its end."""
        return [v for v in self.held if self.holds(v, len(self.pair.steps))]

    def simulate(self) -> None:
        """Follow the versions through the mirror, and save what the stores to be undone overwrite."""
        last = len(self.pair.steps)
        self.held = dict.fromkeys(self.pair.entry, (0, last))
        for number, step in enumerate(self.pair.steps):
            if isinstance(step.stmt, Eqn) and step.stmt.prim == "undo":
                store = self.eqns.get(step.stmt.args[0]) if isinstance(step.stmt.args[0], Var) else None
                if store is not None and self.can_undo(store, number):
                    self.undos[number] = store, self.save(store)
                    assert isinstance(store.args[0], Var)
                    self.exchange(store.out, store.args[0], number)
            for restore in step.restores:
                if self.holds(restore.after, number):
                    self.exchange(restore.after, restore.before, number)
            if self.pair.place == "loop":
                self.ctx.lost.update(v for v in step.wants if v in free(step.stmt) and not self.obtainable(v, number))

    def can_undo(self, store: Eqn, number: int) -> bool:
        before = store.args[0]
        known = store.prim in ("index_update", "index_add") and self.ctx.undoes(store.out)
        return known and self.holds(store.out, number) and isinstance(before, Var) and before not in self.held

    def exchange(self, after: Var, before: Var, number: int) -> None:
        self.held[after] = (self.held[after][0], number)
        self.held.setdefault(before, (number + 1, len(self.pair.steps)))

    def obtainable(self, version: Var, number: int) -> bool:
        """Tell whether a mirror in a loop has a version without a copy: it holds it, or it was born in this trip."""
        return self.holds(version, number) or self.is_last_of_newborn(version)

    def is_last_of_newborn(self, version: Var) -> bool:
        """Tell whether a version is the last one of a buffer that was made in this trip and ends with it."""
        if version in self.pair.yields or version in self.overwritten:
            return False
        origin = self.made.get(version)
        while origin is not None and not (isinstance(origin, Eqn) and not is_store(origin)):
            before = previous(origin, version)
            if before is None:
                return False
            version, origin = before, self.made.get(before)
        return origin is not None and not (is_view(origin) or is_foreign(origin) or origin.prim.startswith("call"))

    # -- what a store overwrites

    def save(self, store: Eqn) -> Var:
        """Return the variable that has what a store overwrites; read it before the store if there is none."""
        array, _, *atoms = store.args
        primal = self.pair.primal
        at = primal.index(store)
        key = write_key(store)
        earlier = [read for read in self.pieces.get(key, ()) if primal.index(read) < at]
        if earlier:
            return max(earlier, key=primal.index).out
        if key in self.pair.reads:
            return self.pair.reads[key]
        assert isinstance(array, Var)
        name = f"{self.ctx.fn.name_of(array)}_old" if self.ctx.fn.name_of(array) else ""
        saved = [self.ctx.eqn("index", array, *atoms, attrs=store.attrs, name=name)]
        if is_view(saved[0]):
            saved.append(self.ctx.eqn("copy", saved[0].out, name=name))
        primal[at:at] = saved
        self.remember(saved)
        self.eqns.update((eqn.out, eqn) for eqn in saved)
        self.made.update((eqn.out, eqn) for eqn in saved)
        return saved[-1].out

    def remember(self, stmts: Iterable[Stmt]) -> None:
        """Note which of some statements of the primal read pieces of arrays, by what they read."""
        for stmt in stmts:
            if isinstance(stmt, Eqn) and is_element_read(stmt):
                self.pieces.setdefault(read_key(stmt), []).append(stmt)

    # -- needs

    def direct_needs(self) -> dict[Var, int]:
        needs: dict[Var, int] = {}
        for number, step in enumerate(self.pair.steps):
            for v in self.reads_of(number, step):
                if v in self.order:
                    needs.setdefault(v, number)
        return needs

    def reads_of(self, number: int, step: Step) -> list[Var]:
        if isinstance(step.stmt, Eqn) and step.stmt.prim == "undo":
            if number not in self.undos:
                return []
            store, old = self.undos[number]
            return [*variables(store.args[2:]), old]
        return free(step.stmt)

    def first_needs(self) -> dict[Var, int]:
        first = dict(self.direct)
        for stmt in reversed(self.pair.primal):
            if isinstance(stmt, Eqn) and len(stmt.outs) == 1 and stmt.out in first and is_cheap(stmt):
                for v in variables(self.eqns[stmt.out].args):
                    if v in self.order:
                        first[v] = min(first.get(v, first[stmt.out]), first[stmt.out])
        return first

    # -- computing again

    def can_recompute(self, v: Var) -> bool:
        """Tell whether the mirror may compute a value again, given the operands that this block defines."""
        eqn = self.eqns.get(v)
        if eqn is None or not is_cheap(eqn):
            return False
        return all(a in self.order or self.can_borrow(a, self.first[v]) for a in variables(eqn.args))

    def can_borrow(self, a: Var, step: int) -> bool:
        """Tell whether the mirror may read a variable of an enclosing block."""
        if not self.ctx.changes(a) or self.holds(a, step):
            return True
        if a in self.ctx.closed:
            return False
        self.ctx.borrowed.add(a)
        return True

    def operands_to_get(self, v: Var) -> list[Var]:
        """Return the operands of a value to compute again that this block defines and the mirror does not have."""
        own = [a for a in variables(self.eqns[v].args) if a in self.order and a not in self.pair.supplies]
        return [a for a in dict.fromkeys(own) if not self.holds(a, self.first[v])]

    def sinks(self) -> list[Var]:
        """Return what is read, and neither supplied nor held where it is first read."""
        needs = [v for v, step in self.direct.items() if v not in self.pair.supplies and not self.holds(v, step)]
        return sorted(needs, key=self.order.__getitem__)

    def cut(self) -> list[Var]:
        """Choose what to tape: the rest is computed again."""
        sinks = self.sinks()
        computing: dict[Var, int | None] = {}
        operands: dict[Var, list[Var]] = {}
        todo = list(sinks)
        while todo:
            v = todo.pop()
            if v in computing:
                continue
            again = self.can_recompute(v)
            computing[v] = computing_cost(self.eqns[v]) if again else None
            operands[v] = self.operands_to_get(v) if again else []
            todo += operands[v]
        keeping = {v: self.taping_cost(v) for v in sorted(computing, key=self.order.__getitem__)}
        return cheapest_to_keep(keeping, computing, operands, sinks)

    def taping_cost(self, v: Var) -> int:
        if not v.type.is_array:
            return TAPE_SCALAR
        return TAPE_VERSION if self.ctx.webs.is_stored(v) else TAPE_ARRAY

    def due_steps(self) -> dict[int, list[Var]]:
        """Return what must be computed again before each step, because it reads a version that is held only then."""
        due: dict[int, list[Var]] = {}
        todo = [v for v in self.sinks() if v not in self.taped]
        seen = set(todo)
        for v in todo:  # grows
            if any(self.holds(a, self.first[v]) for a in variables(self.eqns[v].args)):
                due.setdefault(self.first[v], []).append(v)
            for a in self.operands_to_get(v):
                if a not in seen and a not in self.taped:
                    seen.add(a)
                    todo.append(a)
        return due


def previous(stmt: Stmt, version: Var) -> Var | None:
    """Return the version that a statement of a block makes another one of, by stores alone."""
    match stmt:
        case Eqn():
            before = stmt.args[0] if is_store(stmt) else UNDEFINED
            return before if isinstance(before, Var) else None
        case If():
            return common_root(stmt, stmt.outs.index(version))
        case _:
            init = stmt.inits[stmt.outs.index(version)]
            return init if isinstance(init, Var) else None


def common_root(stmt: If, k: int) -> Var | None:
    """Return the version from before an if that both its branches make result k of."""
    roots = [root(block.yields[k], block.stmts) for block in blocks_of(stmt)]
    return roots[0] if roots[0] is roots[1] else None


def root(a: Atom, stmts: Iterable[Stmt]) -> Var | None:
    """Return the version from outside of some statements that they make a version of."""
    made = {out: stmt for stmt in stmts for out in stmt.outs}
    version = a if isinstance(a, Var) else None
    while version is not None and version in made:
        version = previous(made[version], version)
    return version


def computing_cost(eqn: Eqn) -> int:
    """Return what it costs to compute a value again; a view costs no more than a scalar does."""
    return COMPUTE_ARRAY if eqn.out.type.is_array and not is_view(eqn) else COMPUTE_SCALAR


def is_element_read(eqn: Eqn) -> bool:
    """Tell whether an equation reads a piece of an array that is not a view."""
    return eqn.prim == "index" and not is_view(eqn)


def read_key(eqn: Eqn) -> object:
    """Return what a read reads: equal keys read the same piece of the same version."""
    return (eqn.attrs, tuple(map(atom_key, eqn.args)))


def write_key(store: Eqn) -> object:
    """Return the key of the read of what a store overwrites."""
    return (store.attrs, tuple(map(atom_key, (store.args[0], *store.args[2:]))))


def element_reads(stmts: Iterable[Stmt]) -> dict[object, Var]:
    """Return the table of the reads in a block that are not views."""
    return {read_key(s): s.out for s in stmts if isinstance(s, Eqn) and is_element_read(s)}
