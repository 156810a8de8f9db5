"""What earlier attempts at a loop found out about its slots."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from typing import Final

from adcompile.frontend.nodes import children, walk
from adcompile.frontend.optionals import STEPS, is_optional
from adcompile.frontend.values import Path, Rows, Value
from adcompile.ir.core import NONE, UNDEFINED, Atom, Const, Var, same_atom
from adcompile.ir.lengths import Dim, Facts, Length
from adcompile.ir.structure import Node
from adcompile.ir.types import Type, join
from adcompile.records import dataclass, field

ITEMS: Final = ".items"  # the step from a list of tuples to what holds its items
Key = tuple[object, ...]  # (name, position in its containers...) or ("", cell) for a cell that is only written to


@dataclass(slots=True, eq=False)
class Place:
    """A buffer from before a loop, or a view into it. The operands that differ from trip to trip are None."""

    cell: int
    path: Path
    atoms: list[Atom | None]

    @property
    def form(self) -> Key:
        """Return what distinguishes places; operands that are absent are a part of it."""
        return self.cell, self.path, tuple(a is not None and same_atom(a, NONE) for a in self.atoms)


@dataclass(slots=True)
class Plan:
    """What earlier attempts at a loop found out.

    types    of the slots
    shapes   of the containers in slots that have no value before the loop
    optional the slots that are None on some trips
    written  cells that the body writes to, and `names` through which they were found
    dynamic  the lists from before the loop that grow or shrink in it, and what they hold
    lengths  the same of those that a trip replaces; in loops that are lowered as one whatever they replace, `replaces`
    dropped  names that hold things of different kinds from trip to trip
    promoted numbers before the loop that are arrays after the first trip; `peeled`: that is lowered on its own
    aliases  pairs of slots or cells that may share memory after a trip
    twins    pairs of names, with positions in them, that refer to one container after a trip
    places   what each name, or item of a container, may refer to that is carried as a reference; those in `referring`
             refer to nothing before the loop, and those in `valued` cannot be carried so
    """

    types: dict[Key, Type] = field(default_factory=dict)
    shapes: dict[Key, Value] = field(default_factory=dict)
    optional: set[Key] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    lists: set[int] = field(default_factory=set)
    dynamic: dict[int, Type | Node[Type | Const]] = field(default_factory=dict)
    lengths: dict[Key, Type | Node[Type | Const]] = field(default_factory=dict)
    replaces: bool = False
    relearned: set[Key | int] = field(default_factory=set)
    dropped: dict[str, str] = field(default_factory=dict)
    promoted: set[Key] = field(default_factory=set)
    peeled: bool = False
    aliases: set[frozenset[Key]] = field(default_factory=set)
    twins: set[frozenset[Key]] = field(default_factory=set)
    places: dict[Key, list[Place]] = field(default_factory=dict)
    referring: set[Key] = field(default_factory=set)
    valued: set[Key] = field(default_factory=set)

    def forget_items(self, lists: set[Key | int]) -> bool:
        """Drop what is known of the items of some lists, once; False if there is no more to find out about them."""
        found = [known for held in (self.dynamic, self.lengths) for known in held if known in lists - self.relearned]
        self.relearned.update(found)
        for known in found:
            self.dynamic.pop(known, None)  # type: ignore[arg-type]  # the key of one of both
            self.lengths.pop(known, None)  # type: ignore[arg-type]
        return bool(found)

    def forget(self) -> None:
        """Drop what was found out about cells and containers, which have other numbers now."""
        self.relearned.clear()
        for found in (self.aliases, self.twins, self.written, self.lists, self.places, self.referring, self.valued):
            found.clear()
        self.dynamic.clear()


@dataclass(slots=True, eq=False)
class Slot:
    key: Key
    init: Atom
    type: Type
    cell: int | None = None
    param: Var | None = None


def stored_names(node: ast.For | ast.While) -> list[str]:
    """Return the names that a loop assigns, in order; those of inner functions and comprehensions are not its own."""
    found: dict[str, None] = {}

    def visit(n: ast.AST) -> None:
        if isinstance(n, ast.FunctionDef):
            found[n.name] = None
            return
        if isinstance(n, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load):
            found[n.id] = None
        for child in children(n):
            visit(child)

    for child in ([node.target] if isinstance(node, ast.For) else []) + list(node.body):
        visit(child)
    return list(found)


@cache
def escaping_names(node: ast.AST) -> frozenset[str]:
    """Return the names that := assigns in a loop that is made of a comprehension."""
    return frozenset(n.target.id for n in walk(node) if isinstance(n, ast.NamedExpr))


def carried(t: Type) -> Type:
    """Return the type of a slot that starts as `t`: an int's value does not stay."""
    return Type(t.kind, t.dtype, t.dims, layout=t.layout if t.is_list else "")


def parts(value: Node[Value] | Rows) -> Iterable[tuple[object, Value]]:
    """Yield the children of a container with the positions that the keys of slots have for them."""
    if isinstance(value, Rows):
        return [(ITEMS, value.pattern)]
    return zip(STEPS if is_optional(value) else range(len(value.children)), value.children, strict=True)


def skeleton(value: Value) -> Value:
    if isinstance(value, Node):
        return value.holding([skeleton(c) for c in value.children])
    return Rows(_of_lists(value.pattern)) if isinstance(value, Rows) else UNDEFINED


def _of_lists(pattern: Node[Value]) -> Node[Value]:
    """Return the pattern of a list of tuples without its lists, but with what all tuples have in common."""
    new: list[Value] = []
    for child in pattern.children:
        new.append(_of_lists(child) if isinstance(child, Node) else child if isinstance(child, Const) else UNDEFINED)
    return pattern.holding(new)


def covers(facts: Facts, wide: Type, narrow: Type) -> bool:
    """Tell whether every value of type `narrow` is of type `wide`."""
    joined = join(facts, wide, carried(narrow))
    if (joined.kind, joined.dtype) != (wide.kind, wide.dtype):
        return False
    if wide.dims is None or narrow.dims is None:
        return wide.dims is None
    return len(wide.dims) == len(narrow.dims) and all(
        facts.same(w, n) or _open(facts.find(w)) for w, n in zip(wide.dims, narrow.dims, strict=True)
    )


def _open(length: Length) -> bool:
    return isinstance(length, Dim) and length.op == "fresh"


@cache
def read_before_assigned(node: ast.For | ast.While) -> frozenset[str]:
    """Return names that a trip of a loop may read before it assigns them, and the loop assigns."""
    read: set[str] = set()
    assigned: set[str] = set()
    test = [node.test] if isinstance(node, ast.While) else [node.target]
    for part in (*test, *node.body):
        names = [n for n in walk(part) if isinstance(n, ast.Name)]
        inner = {n.id for n in names if isinstance(n.ctx, ast.Load)}
        read |= inner - assigned
        if isinstance(part, ast.Assign | ast.AnnAssign | ast.expr):
            assigned |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return frozenset(read)
