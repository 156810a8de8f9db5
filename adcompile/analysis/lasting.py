"""Reads in loops of pieces that no later trip overwrites: the array that the loop leaves still has them.

    for i in range(1, n): a[i] = sin(a[i - 1])      # a[i - 1] is a piece of the last version of a, too

Shown from the indices: a later store to the same place would need an earlier trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from adcompile.analysis.webs import Webs, is_store, overwritten
from adcompile.ir.core import Atom, Block, Const, Eqn, For, Function, If, Loop, Stmt, Var, blocks_of, definitions, walk
from adcompile.records import NamedTuple, replace

STORES: Final = ("index_update", "index_add")


class _Access(NamedTuple):
    """A read or store of a piece of an array: the indices of its first axes, and the loops around it."""

    eqn: Eqn
    indices: tuple[Atom, ...]
    nest: tuple[Loop, ...]


class _Sum(NamedTuple):
    """An int: a variable, or nothing, plus a constant."""

    base: Var | None
    added: int


def lasting_reads(fn: Function, webs: Webs) -> dict[Var, Eqn]:
    """Return for results of reads the equations that read the same from what the outermost loop leaves."""
    return dict(_Finder(definitions(fn.primal), _indices_of(fn.primal), webs).within(Block((), fn.primal, ()), False))


def _indices_of(stmts: Iterable[Stmt]) -> dict[Var, For]:
    return {s.index: s for s in walk(stmts) if isinstance(s, For)}


class _Finder:
    def __init__(self, made: Mapping[Var, Stmt], loops: Mapping[Var, For], webs: Webs) -> None:
        self.made, self.loops, self.webs = made, loops, webs

    def within(self, block: Block, repeated: bool) -> Iterator[tuple[Var, Eqn]]:
        """Find the reads in the loops of a block, and in its branches and the loops in them."""
        lost = overwritten(block.stmts, self.webs)
        for stmt in block.stmts:
            for inner in blocks_of(stmt):
                yield from self.within(inner, repeated or not isinstance(stmt, If))
            if isinstance(stmt, Eqn | If):
                continue
            for slot, last in enumerate(stmt.outs):
                carried = repeated and last in block.yields
                if self.webs.is_stored(last) and last not in lost and not carried:
                    yield from self.reads_of(stmt, slot)

    def reads_of(self, loop: Loop, slot: int) -> Iterator[tuple[Var, Eqn]]:
        """Find the reads of the array in a slot of a loop that nothing overwrites later."""
        stores: list[_Access] = []
        versions: set[Var] = set()
        if not self.follow(loop, slot, (), stores, versions):
            return
        for read in self.reads_in(loop, versions, ()):
            if all(self.before(read, store) for store in stores):
                yield read.eqn.out, replace(read.eqn, args=(loop.outs[slot], *read.eqn.args[1:]))

    def follow(self, loop: Loop, slot: int, nest: tuple[Loop, ...], stores: list[_Access], versions: set[Var]) -> bool:
        """Collect the stores and versions of an array in a loop; False if it may become another array in it."""
        nest = (*nest, loop)
        versions.update(b.params[slot] for b in blocks_of(loop))
        return self.follow_back(loop.body.yields[slot], loop.body.params[slot], nest, stores, versions)

    def follow_back(
        self, end: Atom, start: Var | None, nest: tuple[Loop, ...], stores: list[_Access], versions: set[Var]
    ) -> bool:
        """Follow an array from one of its versions back to an earlier one."""
        version = end
        while version is not start:
            if not isinstance(version, Var) or version not in self.made:
                return False
            versions.add(version)
            stmt = self.made[version]
            before: Atom
            match stmt:
                case Eqn():
                    if stmt.prim not in STORES:
                        return False
                    stores.append(_Access(stmt, leading(stmt, stmt.args[2:]), nest))
                    before = stmt.args[0]
                case If():
                    found = self.before_if(stmt, stmt.outs.index(version), nest, stores, versions)
                    if found is None:
                        return False
                    before = found
                case _:
                    slot = stmt.outs.index(version)
                    if not self.follow(stmt, slot, nest, stores, versions):
                        return False
                    before = stmt.inits[slot]
            version = before
        return True

    def before_if(
        self, stmt: If, k: int, nest: tuple[Loop, ...], stores: list[_Access], versions: set[Var]
    ) -> Var | None:
        """Return the version from before an if that both its branches make result k of."""
        roots = []
        for block in blocks_of(stmt):
            own = {v for s in block.stmts for v in s.outs}
            root: Atom | None = block.yields[k]
            while isinstance(root, Var) and root in own:
                root = self.step_back(root)
            if not isinstance(root, Var) or not self.follow_back(block.yields[k], root, nest, stores, versions):
                return None
            roots.append(root)
        return roots[0] if roots[0] is roots[1] else None

    def step_back(self, version: Var) -> Atom | None:
        """Return the version before the statement that made one; None if it made a new array."""
        stmt = self.made[version]
        if isinstance(stmt, Eqn):
            return stmt.args[0] if is_store(stmt) else None
        if isinstance(stmt, If):
            return self.before_if(stmt, stmt.outs.index(version), (), [], set())
        return stmt.inits[stmt.outs.index(version)]

    def reads_in(self, loop: Loop, versions: set[Var], nest: tuple[Loop, ...]) -> Iterator[_Access]:
        """Yield the reads of some versions in the body of a loop."""

        def visit(stmts: Iterable[Stmt], nest: tuple[Loop, ...]) -> Iterator[_Access]:
            for stmt in stmts:
                if isinstance(stmt, Eqn):
                    if stmt.prim == "index" and stmt.args[0] in versions:
                        yield _Access(stmt, leading(stmt, stmt.args[1:]), nest)
                    continue
                inner = nest if isinstance(stmt, If) else (*nest, stmt)
                for block in blocks_of(stmt) if isinstance(stmt, If) else (stmt.body,):
                    yield from visit(block.stmts, inner)

        return visit(loop.body.stmts, (*nest, loop))

    # -- order

    def before(self, read: _Access, store: _Access) -> bool:
        """Tell whether what a read reads is stored to in earlier trips only, if at all."""
        for loop, other in zip(read.nest, store.nest, strict=False):
            if loop is not other or not isinstance(loop, For):
                return False
            step = loop.step.value if isinstance(loop.step, Const) else 0
            if not isinstance(step, int) or step == 0:
                return False
            signs = {self.apart(a, b, loop, step) for a, b in zip(read.indices, store.indices, strict=False)}
            if "earlier" in signs:
                return True
            if "not later" not in signs:
                return False
        return False  # perhaps in the same trip

    def apart(self, read: Atom, store: Atom, loop: For, step: int) -> str:
        """Tell in which trips of a loop a store is to the place of a read: "earlier", "not later" or "" for any."""
        stored, found = self.sum_of(store), self.sum_of(read)
        if stored.base is not loop.index or not self.is_natural(found) or not self.is_natural(stored):
            return ""
        distance = self.bound(found, loop.index, step > 0)  # of what is read from the index: at most, or at least
        if distance is None:
            return ""
        ahead = (distance - stored.added) * (1 if step > 0 else -1)
        return "earlier" if ahead < 0 else "not later" if ahead == 0 else ""

    def bound(self, read: _Sum, index: Var, upper: bool) -> int | None:
        """Return the greatest (or least) distance that an index may have from that of a loop."""
        if read.base is index:
            return read.added
        loop = self.loops.get(read.base) if read.base is not None else None
        ends = None if loop is None else self.ends(loop)
        if ends is None:
            return None
        least, greatest = ends
        end = greatest if upper else least
        inner = self.bound(end, index, upper)
        return None if inner is None else inner + read.added

    def ends(self, loop: For) -> tuple[_Sum, _Sum] | None:
        """Return the least and the greatest index of a loop, as far as start and stop tell."""
        step = loop.step.value if isinstance(loop.step, Const) else 0
        if not isinstance(step, int) or step == 0:
            return None
        start, stop = self.sum_of(loop.start), self.sum_of(loop.stop)
        if step > 0:
            return start, stop._replace(added=stop.added - 1)
        return stop._replace(added=stop.added + 1), start

    def is_natural(self, index: _Sum) -> bool:
        """Tell whether an index is never negative, and so does not count from the end."""
        least, added = index.base, index.added
        while least is not None and least in self.loops:
            ends = self.ends(self.loops[least])
            if ends is None:
                return False
            least, more = ends[0]
            added += more
        if least is not None:
            eqn = self.made.get(least)
            if not isinstance(eqn, Eqn) or eqn.prim != "dim":
                return False
        return added >= 0

    def sum_of(self, a: Atom) -> _Sum:
        """Write an int as a variable plus a constant."""
        added = 0
        while isinstance(a, Var):
            eqn = self.made.get(a)
            if not isinstance(eqn, Eqn) or eqn.prim not in ("add", "sub"):
                return _Sum(a, added)
            x, y = eqn.args
            if eqn.prim == "add" and isinstance(x, Const):
                x, y = y, x
            if not isinstance(y, Const) or not isinstance(y.value, int):
                return _Sum(a, added)
            added += y.value if eqn.prim == "add" else -y.value
            a = x
        return _Sum(None, added + a.value) if isinstance(a.value, int) else _Sum(None, -(2**62))


def leading(eqn: Eqn, atoms: tuple[Atom, ...]) -> tuple[Atom, ...]:
    """Return the indices of the first axes, as far as these are ints."""
    path = eqn.attrs[0]
    assert isinstance(path, tuple)
    count = 0
    for step in path:
        plain = len(step) - len(step.lstrip("i")) if isinstance(step, str) else 0
        count += plain
        if not isinstance(step, str) or plain < len(step):
            break
    return atoms[:count]
