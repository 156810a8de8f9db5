"""The state of lowering: the frames of names, the cells of buffers and what containers hold.

A name refers to a buffer through its cell, and to a list, dict or object through its identity: whoever refers to the
same one sees it changing. What branches and loops start from is a snapshot of all that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from adcompile.errors import CompileError, Span
from adcompile.frontend.frames import Conflict, Frame, Made, NeedsUnrolling, is_ours, owner_of, shown
from adcompile.frontend.lifetimes import may_be_read
from adcompile.frontend.optionals import Truths, implied
from adcompile.frontend.values import Box, Element, Method, Partial, Ref, Rows, Super, Value
from adcompile.frontend.variables import outer_names
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Stmt, Var
from adcompile.ir.structure import Node, NodeKind, leaves
from adcompile.records import dataclass, replace

if TYPE_CHECKING:
    from adcompile.frontend.pools import Pool


@dataclass(frozen=True, slots=True)
class Either:
    """An array that is one of two others: the first if `cond` is true, or is `number`. It has no version of its own.

    w = y if c else z; w[0] = v     ->     if c: y[0] = v
                                           else: z[0] = v
    """

    cond: Atom
    refs: tuple[Ref, Ref]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a part of the program starts from; `depth` is the number of frames, and of loops in the last of them."""

    depth: tuple[int, int]
    names: dict[str, Value]
    cells: dict[int, Var]
    contents: dict[int, Value]
    aliases: frozenset[frozenset[int]]
    twins: frozenset[frozenset[int]]
    known: Truths


class State:
    """Cells, frames and names; how arrays are read and written.

    aliases   pairs of cells that may share memory
    origins   the calls that pairs come from, of those that can be resolved; `resolved` are those that are
    choices   the cells that are one of two others
    pending   the calls that cells come from, of those that can be resolved and are not
    joins     the branches that cells come from, likewise
    starts    what the variables of loops begin with
    known     the conditions that are true, or false, wherever lowering has come to
    implications  the conditions that a condition is the conjunction of, if it is true, or the disjunction, if false
    made          the classes that were made here
    narrowings    how often a value that may be None was used as one because of what is known
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.facts = builder.facts
        self.cells: dict[int, Var] = {}
        self.cell_count = 0
        self.outside_count = 0
        self.contents: dict[int, Value] = {}
        self.resized: set[int] = set()  # cells of lists whose length was changed
        self.limits: dict[int, int] = {}  # of cells that are deques: how many items they have at most
        self.aliases: set[frozenset[int]] = set()
        self.origins: dict[frozenset[int], object] = {}
        self.pending: dict[int, object] = {}
        self.joins: dict[int, object] = {}
        self.choices: dict[int, Either] = {}
        self.held: set[int] = set()  # cells of what was taken out of trees
        self.cached: dict[
            int, str
        ] = {}  # cells and containers that a function may keep that returned them: what they are
        self.birthplaces: dict[int, ast.AST] = {}  # where lists were made, by identity or cell
        self.items_from: dict[int, dict[ast.AST, None]] = {}  # where the arrays were made that are in a cell's list
        self.pools: dict[ast.AST, Pool] = {}  # by the places where their lists are made
        self.placed: dict[int, tuple[ast.AST, Atom]] = {}  # objects in pools: the root of the pool, and which it is
        self.pool_of: dict[int, ast.AST] = {}  # the root of the pool that a cell is of
        self.empty_pools: dict[int, Var] = {}  # what their cells hold as long as nothing is in them
        self.resolved: Mapping[object, None] = {}  # in the order in which it was found out what is to be
        self.starts: dict[Var, Atom] = {}
        self.twins: set[frozenset[int]] = set()  # pairs of containers, or of lists' cells, that may be one
        self.known: Truths = frozenset()
        self.implications: dict[tuple[Atom, bool], tuple[Atom, ...]] = {}
        self.narrowings = 0
        self.frames: list[Frame] = []
        self.made = Made()
        self.dicts_of: dict[int, int] = {}  # the containers that are `__dict__` of objects, and these
        self.outermost = 1  # how many frames there are while a function runs whose lines equations are attributed to
        self.names: dict[Var, str] = {}
        self.tolerant = 0
        self.guesses = False  # while tolerant: what is None on the side that is known is taken to be None
        self.skipped = False
        self.searched: list[Frame] = []

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    def next_key(self) -> int:
        """Return a number for a statement with blocks."""
        return next(self.builder.keys)

    # -- errors

    def refuse(self, node: ast.AST | None, message: str, label: str = "", help: str = "") -> NoReturn:
        """Raise the error that a piece of source cannot be compiled."""
        raise CompileError(message, self.span(node), label, help)

    def refuse_conflict(self, node: ast.AST | None, name: str, conflict: Conflict, label: str, help: str) -> NoReturn:
        """Raise the error that a name stands for things of different kinds: the branch may be split."""
        error = CompileError(f"{name} {conflict.reason}", self.span(node), label, help)
        error.resolving = conflict.key
        raise error

    def span(self, node: ast.AST | None) -> Span | None:
        for frame in reversed(self.frames):
            if frame.rule or frame.macro or is_ours(frame.scope):
                continue
            place = frame.place(node) if node is not None and frame is self.frame else None
            return place or self.builder.span
        return self.builder.span

    # -- snapshots for branches and loops

    def snapshot(self) -> Snapshot:
        return Snapshot(
            (len(self.frames), len(self.frame.loops)),
            dict(self.frame.names),
            dict(self.cells),
            dict(self.contents),
            frozenset(self.aliases),
            frozenset(self.twins),
            self.known,
        )

    def restore(self, snapshot: Snapshot) -> None:
        frames, loops = snapshot.depth  # an exception may have left some inside
        del self.frames[frames:], self.frame.loops[loops:]
        self.frame.names = dict(snapshot.names)
        self.cells = dict(snapshot.cells)
        self.contents = dict(snapshot.contents)
        self.aliases = set(snapshot.aliases)
        self.twins = set(snapshot.twins)
        self.known = snapshot.known

    @contextmanager
    def reopened(self, stmts: list[Stmt]) -> Iterator[None]:
        """Append to the end of a block that was closed."""
        outer = self.builder.stmts
        with self.builder.block():
            self.builder.stmts = stmts
            yield
        self.builder.stmts = outer

    @contextmanager
    def supposing(self, cond: Atom, truth: bool) -> Iterator[None]:
        """Lower what runs only if a condition is true, or false."""
        outer = self.known
        self.known = outer | implied(self, cond, truth)
        try:
            yield
        finally:
            self.known = outer

    # -- containers

    def container(
        self,
        kind: NodeKind,
        children: Sequence[Value],
        keys: Sequence[object] = (),
        cls: type | None = None,
        detail: object = None,
    ) -> Node[Value]:
        """Make a new list, dict or object, which every name that refers to it sees changing; or a tuple."""
        return self.like(Node(kind, (), tuple(keys), 0, cls, detail), children)

    def like(self, pattern: Node[Value], children: Sequence[Value]) -> Node[Value]:
        """Make a new container of the kind, keys and class of another one."""
        if pattern.kind == "tuple":
            return pattern.holding(children)
        self.cell_count += 1
        self.cached.pop(self.cell_count, None)  # of an attempt before
        for table in (self.birthplaces, self.placed):
            table.pop(self.cell_count, None)
        new = replace(pattern, children=tuple(children), identity=self.cell_count)
        self.contents[self.cell_count] = new
        return new

    def owned(self, value: Value) -> Value:
        """Give the lists, dicts and objects in an argument identities of their own."""
        if not isinstance(value, Node):
            return value
        return self.like(value, [self.owned(c) for c in value.children])

    def current(self, value: Value) -> Value:
        """Return what a list, dict or object holds now."""
        if self.placed and isinstance(value, Node) and value.identity in self.placed:
            from adcompile.frontend import pools

            return pools.fields_of(self, value)  # type: ignore[arg-type]  # the only State there is
        return self.seen(value)

    def seen(self, value: Value) -> Value:
        """Return what is held, without reading what objects in pools hold."""
        if isinstance(value, Element):
            return self.current(self.element(value))
        return self.contents.get(value.identity, value) if isinstance(value, Node) and value.identity else value

    def element(self, item: Element) -> Value:
        """Return an item of a container that is being iterated over."""
        held = self.contents[item.identity]
        if not isinstance(held, Node) or len(held.children) != item.count:
            message = "this container changes its size while it is iterated over"
            self.refuse(None, message, "here", "iterate over a copy of it, as list(...) makes")
        return held.children[list(held.steps).index(item.step)]

    def settled(self, value: Value) -> Value:
        """Return a value with the items of containers that are iterated over as they are now, at any depth."""
        value = self.current(value)
        if isinstance(value, Node) and not value.identity:
            return value.holding([self.settled(c) for c in value.children])
        return value

    def changed_outside(self, held: Value) -> None:
        """Have what is outside, or a part of something there, be changed at run time, where that can be."""

    def change(
        self, node: ast.AST, held: Node[Value], children: Sequence[Value], keys: Sequence[object] | None = None
    ) -> None:
        """Change the contents of a list, dict or object."""
        if held.identity in self.placed:
            from adcompile.frontend import pools

            pools.store_fields(self, held, children, keys, node)  # type: ignore[arg-type]  # the only State there is
            return
        if held.identity not in self.contents:
            self.changed_outside(held)
            self.refuse(
                node, f"this {held.called} cannot be changed here", "made outside the function", "copy it first"
            )
        if held.identity in self.cached:
            self.refuse_cached(held.identity, node)
        self.check_dicts(held.identity, held.called, node)
        self.check_twins(held.identity, held.called, node)
        known = set(map(id, held.children))
        if any(id(c) not in known and self.reaches(c, held.identity) for c in children):
            self.refuse(node, f"a {held.called} that contains itself is not supported", "here")
        self.contents[held.identity] = held.holding(children, keys)

    def refuse_cached(self, number: int, node: ast.AST) -> NoReturn:
        """Refuse to change what the function that returned it may keep."""
        self.refuse(node, f"this is {self.cached[number]}", "changed here", "copy it first, as np.array(...) does")

    def identities(self, value: Value) -> list[int]:
        """Return what a container is known by: its identity, or the cells of a list of run-time length."""
        if isinstance(value, Node):
            return [value.identity] if value.identity else []
        if isinstance(value, Rows):
            columns: Iterator[Value] = leaves(value.pattern)
            return [ref.cell for ref in columns if isinstance(ref, Ref)]
        return [value.cell] if isinstance(value, Ref) else []

    def twin(self, one: int, two: int) -> None:
        """Remember that two containers may be one, and with what else each of them may be."""
        if not one or not two or one == two:
            return
        others = {i for pair in self.twins if two in pair for i in pair} | {two}
        self.twins |= {frozenset((one, other)) for other in others if other != one}

    def stands_for(self, new: Node[Value], old: Node[Value]) -> None:
        """Remember that a container is what another one is in a loop: it may be that, and was made where that was."""
        self.twin(new.identity, old.identity)
        if new.identity and old.identity in self.birthplaces:
            self.birthplaces[new.identity] = self.birthplaces[old.identity]

    def check_dicts(self, identity: int, called: str, node: ast.AST) -> None:
        """Refuse to change an object while a name refers to its `__dict__`, and the other way round."""
        for pair in self.dicts_of.items():
            if identity in pair and any(self.is_held_later(other) for other in pair if other != identity):
                what = f"this {called} is changed while a name refers to the `__dict__` of the object, or to the object"
                self.refuse(node, what, "changed here", "read what is needed of it first, or make a copy: dict(...)")

    def check_twins(self, identity: int, called: str, node: ast.AST) -> None:
        """Refuse to change a container that may be the same as another one, which is read later by another name."""
        if not self.twins:
            return
        grown = {i: v for i, v in self.contents.items() if not isinstance(v, Node)}
        own = {identity, *(i for i, v in grown.items() if identity in self.identities(v))}
        for value in (*grown.values(), *(v for frame in self.frames for v in frame.names.values())):
            if isinstance(value, Rows) and identity in self.identities(value):
                own.update(self.identities(value))  # the lists of one list of tuples are never one list
        for other in {i for pair in self.twins if not own.isdisjoint(pair) for i in pair} - own:
            for frame in self.frames:
                for name, value in frame.names.items():
                    if self.holds(value, other) and may_be_read(frame, name):
                        self.pool(node, identity)
                        self.refuse(
                            node,
                            f"this {called} may also be that of `{shown(name)}`",
                            "whether it is, is known only at run time",
                            "change a copy of it, or return a new one",
                        )

    def pool(self, node: ast.AST, identity: int) -> None:
        """Have a list, or one that may be the same, be put into a pool, see `pools`, if one can be."""
        from adcompile.frontend import pooling

        key = pooling.of_numbers(self, {identity, *(i for pair in self.twins if identity in pair for i in pair)})
        if key is not None:
            raise NeedsUnrolling(node, resolving=key)

    def holds(self, value: Value, identity: int) -> bool:
        """Tell whether a value is or contains a container with this identity, or a list in this cell."""
        match value:
            case Node():
                if value.identity == identity:
                    return True
                value = self.seen(value)
                return (
                    any(self.holds(c, identity) for c in value.children)
                    if isinstance(value, Node)
                    else self.holds(value, identity)
                )
            case Rows():
                return self.holds(value.pattern, identity)
            case Ref(path=()):
                return value.cell == identity
            case Method() | Super():
                return self.holds(value.receiver, identity)
            case Partial():
                return any(self.holds(a, identity) for a in (value.function, *value.args, *value.keywords.values()))
        return False

    def reaches(self, value: Value, identity: int) -> bool:
        """Tell whether a container is, or contains, the one with this identity."""
        value = self.seen(value)
        if not isinstance(value, Node):
            return False
        return value.identity == identity or any(self.reaches(c, identity) for c in value.children)

    def is_held_later(self, identity: int) -> bool:
        """Tell whether a name that is read again later refers to a list or dict, or to what holds it."""
        return identity != 0 and any(
            self.reaches(value, identity) and may_be_read(frame, name)
            for frame in self.frames
            for name, value in frame.names.items()
        )

    # -- names

    def box(self, value: Value) -> Box:
        """Make a variable that functions share."""
        self.cell_count += 1
        self.contents[self.cell_count] = Node("list", (value,), (), self.cell_count)
        return Box(self.cell_count)

    def unboxed(self, value: Value) -> Value:
        """Return what a variable holds."""
        if not isinstance(value, Box):
            return value
        held = self.contents[value.identity]
        assert isinstance(held, Node)
        return held.children[0]

    def fill(self, box: Box, value: Value) -> None:
        """Assign to a variable that functions share."""
        self.contents[box.identity] = Node("list", (value,), (), box.identity)

    def owner(self, frame: Frame, name: str) -> tuple[Frame, str]:
        """Return the frame whose variable an assignment assigns to, and its name there."""
        guest = frame.guest(name)
        if guest is not None and guest[0].node is not None and guest[1] in outer_names(guest[0].node):
            return self.owner(*guest)
        return owner_of(frame, name), name

    def assign_name(self, frame: Frame, name: str, value: Value) -> None:
        """Assign to a variable of a frame, or of a frame around it."""
        owner, name = self.owner(frame, name)
        held = owner.names.get(name)
        if isinstance(held, Box):
            self.fill(held, value)
        else:
            owner.names[name] = value
