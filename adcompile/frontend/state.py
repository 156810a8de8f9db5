"""The state of lowering: frames of names, cells of buffers, and what may alias what.

Arrays are resolved as PyTorch's functionalization does: a name refers to a cell through a path of views, and a write
makes a new version of the cell. Where two cells might share memory at run time (a reshape may be a view or a copy) the
pair is remembered, and a write to one while the other can still be reached is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, NoReturn, Protocol

import numpy as np

from adcompile.errors import CompileError, Span
from adcompile.frontend.desugar import Desugared
from adcompile.frontend.lifetimes import may_be_read, names_read
from adcompile.frontend.paths import READ_ONLY, read_path, stored, type_along
from adcompile.frontend.values import (
    Box,
    Element,
    Flat,
    Generator,
    Iterable,
    LocalFunction,
    Method,
    Partial,
    Ref,
    Rerun,
    Rows,
    Step,
    Super,
    Value,
)
from adcompile.frontend.variables import global_names, outer_names
from adcompile.ir.builder import Builder
from adcompile.ir.core import UNDEFINED, Atom, Const, Stmt, Var
from adcompile.ir.structure import Node, NodeKind
from adcompile.ir.types import OBJECT, Type, numpy_dtype
from adcompile.records import dataclass, field, replace

# The modules of the functions that operators are lowered by, instead of the user's.
MACROS: Final = "adcompile.frontend.macros"
PRELUDE: Final = "adcompile.frontend.prelude"
WRAPPER: Final = "adcompile_wrapper"


def is_ours(scope: object) -> bool:
    """Tell whether a function is one that an operator is lowered by, and none of the user's."""
    function = getattr(scope, "function", None)
    return function is not None and function.__module__ in (MACROS, PRELUDE, WRAPPER)


class Scope(Protocol):
    """Where a frame's free names are looked up, and where its source is."""

    @property
    def name(self) -> str: ...

    def lookup(self, name: str) -> object: ...

    def span(self, node: ast.AST) -> Span | None: ...


class Unbound(CompileError):
    """A name is read that is not assigned on any path lowered so far."""


class NeedsUnrolling(Exception):
    """A container that is known only when compiling is indexed by a loop variable.

    Or a store may be seen through names that stand for other arrays on other trips: then `error` says so, if the loop
    has no constant and small number of trips. `said` is what is wrong, if it is another thing than a container.
    """

    def __init__(self, place: ast.AST, error: CompileError | None = None, said: str = "") -> None:
        super().__init__(place)
        self.place, self.error, self.said = place, error, said


class Unresolved(Exception):
    """A store may be seen through a view of which it was left open whether it is one: see `views`."""

    def __init__(self, key: object) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Either:
    """An array that is one of two others: the first if `cond` is true. `depth`: the loops around the branch.

    w = y if c else z; w[0] = v     ->     if c: y[0] = v
                                           else: z[0] = v
    """

    cond: Atom
    refs: tuple[Ref, Ref]
    depth: int


class Conflict:
    """What a name stands for when branches leave things of different kinds in it. `reason` says what."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


@dataclass(eq=False)
class Frame:
    """The names of one call.

    rule    a derivative rule of ours, not the user's code
    numpy   division is NumPy's, also of Python floats: the rule of a NumPy function
    macro   a function of ours, run in place of NumPy's: what it calls is known, and errors point at its caller
    given   the arguments
    calls   the call sites that led here; local: the names that the function assigns
    shape   the structures of the containers among its arguments
    node    the function; `statement` and `loops` say where in it lowering has come to
    """

    scope: Scope
    desugared: Desugared
    names: dict[str, Value] = field(default_factory=dict)
    parent: Frame | None = None
    rule: bool = False
    numpy: bool = False
    macro: bool = False
    calls: tuple[int, ...] = ()
    local: frozenset[str] = frozenset()
    node: ast.AST | None = None
    given: Mapping[str, Value] = field(default_factory=dict)
    shape: object = None
    statement: ast.stmt | None = None
    loops: list[ast.stmt] = field(default_factory=list)


@dataclass(frozen=True)
class Snapshot:
    """What a part of the program starts from; `depth` is the number of frames, and of loops in the last of them."""

    depth: tuple[int, int]
    names: dict[str, Value]
    cells: dict[int, Var]
    contents: dict[int, Value]
    aliases: frozenset[frozenset[int]]
    twins: frozenset[frozenset[int]]


class State:
    """Cells, frames and names; how arrays are read and written.

    aliases   pairs of cells that may share memory
    origins   the calls that pairs come from, of those that can be resolved; `resolved` are those that are
    choices   the cells that are one of two others
    pending   the calls that cells come from, of those that can be resolved and are not
    starts    what the variables of loops begin with
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.facts = builder.facts
        self.cells: dict[int, Var] = {}
        self.cell_count = 0
        self.contents: dict[int, Value] = {}
        self.resized: set[int] = set()  # cells of lists whose length was changed
        self.limits: dict[int, int] = {}  # of cells that are deques: how many items they have at most
        self.aliases: set[frozenset[int]] = set()
        self.origins: dict[frozenset[int], object] = {}
        self.pending: dict[int, object] = {}
        self.choices: dict[int, Either] = {}
        self.resolved: set[object] = set()
        self.starts: dict[Var, Atom] = {}
        self.twins: set[frozenset[int]] = set()  # pairs of containers, or of lists' cells, that may be one
        self.frames: list[Frame] = []
        self.outermost = 1  # how many frames there are while a function runs whose lines equations are attributed to
        self.names: dict[Var, str] = {}
        self.tolerant = 0
        self.skipped = False
        self.searched: list[Frame] = []

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    # -- errors

    def refuse(self, node: ast.AST | None, message: str, label: str = "", help: str = "") -> NoReturn:
        """Raise the error that a piece of source cannot be compiled."""
        raise CompileError(message, self.span(node), label, help)

    def span(self, node: ast.AST | None) -> Span | None:
        for frame in reversed(self.frames):
            if frame.rule or frame.macro or is_ours(frame.scope):
                continue
            return frame.scope.span(node) if node is not None and frame is self.frame else self.builder.span
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
        )

    def restore(self, snapshot: Snapshot) -> None:
        frames, loops = snapshot.depth  # an exception may have left some inside
        del self.frames[frames:], self.frame.loops[loops:]
        self.frame.names = dict(snapshot.names)
        self.cells = dict(snapshot.cells)
        self.contents = dict(snapshot.contents)
        self.aliases = set(snapshot.aliases)
        self.twins = set(snapshot.twins)

    @contextmanager
    def reopened(self, stmts: list[Stmt]) -> Iterator[None]:
        """Append to the end of a block that was closed."""
        outer = self.builder.stmts
        with self.builder.block():
            self.builder.stmts = stmts
            yield
        self.builder.stmts = outer

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
        new = replace(pattern, children=tuple(children), identity=self.cell_count)
        self.contents[self.cell_count] = new
        return new

    def owned(self, value: Value) -> Value:
        """Give the lists, dicts and objects in an argument identities of their own."""
        if not isinstance(value, Node):
            return value
        return self.like(value, [self.owned(c) for c in value.children])

    def detached(self, value: Value) -> Value:
        """Return a value like this one that shares no buffer and no container with it."""
        value = self.current(value)
        if isinstance(value, Node):
            return self.like(value, [self.detached(c) for c in value.children])
        return self.new_cell(self.read(value)) if isinstance(value, Ref) else value

    def current(self, value: Value) -> Value:
        """Return what a list, dict or object holds now."""
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

    def change(
        self, node: ast.AST, held: Node[Value], children: Sequence[Value], keys: Sequence[object] | None = None
    ) -> None:
        """Change the contents of a list, dict or object."""
        if held.identity not in self.contents:
            self.refuse(
                node, f"this {held.called} cannot be changed here", "made outside the function", "copy it first"
            )
        self.check_twins(held.identity, held.called, node)
        known = set(map(id, held.children))
        if any(id(c) not in known and self.reaches(c, held.identity) for c in children):
            self.refuse(node, f"a {held.called} that contains itself is not supported", "here")
        self.contents[held.identity] = held.holding(children, keys)

    def twin(self, one: int, two: int) -> None:
        """Remember that two containers may be one, and with what else each of them may be."""
        if not one or not two or one == two:
            return
        others = {i for pair in self.twins if two in pair for i in pair} | {two}
        self.twins |= {frozenset((one, other)) for other in others if other != one}

    def check_twins(self, identity: int, called: str, node: ast.AST) -> None:
        """Refuse to change a container that may be the same as another one, which is read later by another name."""
        for other in {i for pair in self.twins if identity in pair for i in pair} - {identity}:
            for frame in self.frames:
                for name, value in frame.names.items():
                    if self.holds(value, other) and may_be_read(frame, name):
                        self.refuse(
                            node,
                            f"this {called} may also be that of `{name.lstrip('.')}`",
                            "whether it is, is known only at run time",
                            "change a copy of it, or return a new one",
                        )

    def holds(self, value: Value, identity: int) -> bool:
        """Tell whether a value is or contains a container with this identity, or a list in this cell."""
        match value:
            case Node():
                if value.identity == identity:
                    return True
                value = self.current(value)
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
        value = self.current(value)
        if not isinstance(value, Node):
            return False
        return value.identity == identity or any(self.reaches(c, identity) for c in value.children)

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

    def assign_name(self, frame: Frame, name: str, value: Value) -> None:
        """Assign to a variable of a frame, or of a frame around it."""
        owner = owner_of(frame, name)
        held = owner.names.get(name)
        if isinstance(held, Box):
            self.contents[held.identity] = Node("list", (value,), (), held.identity)
        else:
            owner.names[name] = value

    # -- arrays

    def new_cell(self, var: Var) -> Ref:
        self.cell_count += 1
        self.choices.pop(self.cell_count, None)  # of an attempt before
        self.cells[self.cell_count] = var
        return Ref(self.cell_count)

    def wrap(self, atom: Atom) -> Value:
        """Make the value of an equation's result: an array gets a cell of its own, unless in a rule."""
        if isinstance(atom, Var) and (atom.type.is_array or atom.type.is_list) and not self.frame.rule:
            return self.new_cell(atom)
        return atom

    def read(self, ref: Ref) -> Var:
        """Return the current value of an array."""
        return read_path(self.builder, self.cells[ref.cell], ref.path, ref.atoms)

    def view(self, value: Ref | Var, step: Step, atoms: tuple[Atom, ...]) -> Value:
        """Apply one view or subscript to an array."""
        if isinstance(value, Var):
            return read_path(self.builder, value, (step,), atoms)
        path, operands = (*value.path, step), value.atoms + atoms
        if isinstance(step, str) and ("a" in step or "m" in step):
            return self.wrap(read_path(self.builder, self.cells[value.cell], path, operands))
        ref = Ref(value.cell, path, operands)
        return ref if self.type_of(ref).is_array else self.read(ref)

    def type_of(self, value: Value) -> Type:
        """Return the type of a value; OBJECT for what is not a number or array."""
        match value:
            case Var() | Const():
                return value.type
            case Ref(path=()):
                return self.cells[value.cell].type
            case Ref():
                return type_along(self.facts, self.cells[value.cell].type, value.path, value.atoms)
        return OBJECT

    def write(self, ref: Ref, value: Atom, node: ast.AST, prim: str = "index_update") -> None:
        """Store into an array, or add to it: make a new version of its cell."""
        self.check_aliases(ref.cell, node)
        if any(step[0] in READ_ONLY for step in ref.path if not isinstance(step, str)):
            self.refuse(node, "this view of an array is read-only", "NumPy raises here", "make a copy of it first")
        choice = self.choices.get(ref.cell)
        if choice is not None:
            self.write_chosen(choice, ref, value, node, prim)
            return
        base = self.cells[ref.cell]
        new = stored(self.builder, base, ref.path, ref.atoms, value, prim)
        if base in self.names:
            self.names[new] = self.names[base]
        self.cells[ref.cell] = new
        self.refresh(ref.cell, node)

    def write_chosen(self, choice: Either, ref: Ref, value: Atom, node: ast.AST, prim: str) -> None:
        """Store into the one of two arrays that a name stands for at run time."""
        from adcompile.frontend import branches

        self.check_depth(choice, ref.cell, node)
        hidden = self.choices.pop(ref.cell)  # its own value is set here

        def store(target: Ref) -> None:
            self.write(Ref(target.cell, target.path + ref.path, target.atoms + ref.atoms), value, node, prim)
            self.cells[ref.cell] = self.read(target)

        first, second = choice.refs
        branches.merge(self, node, choice.cond, lambda: store(first), lambda: store(second))  # type: ignore[arg-type]  # the only State there is
        self.choices[ref.cell] = hidden
        self.refresh(ref.cell, node)

    def refresh(self, cell: int, node: ast.AST) -> None:
        """Bring the arrays up to date that may be one that has changed."""
        from adcompile.frontend import branches

        for number, choice in list(self.choices.items()):
            if number not in self.cells or all(r.cell != cell for r in choice.refs) or not any(self.reaching(number)):
                continue
            self.check_depth(choice, number, node)

            first, second = (partial(self.take, number, ref) for ref in choice.refs)
            branches.merge(self, node, choice.cond, first, second)  # type: ignore[arg-type]  # as above
            self.refresh(number, node)

    def take(self, cell: int, target: Ref) -> None:
        self.cells[cell] = self.read(target)

    def check_depth(self, choice: Either, cell: int, node: ast.AST) -> None:
        """Refuse to change in a loop an array that was chosen outside: each trip would copy it."""
        if choice.depth != self.depth:
            name = next((name for name, _ in self.reaching(cell)), "array")
            self.fail_aliased(name, node)

    @property
    def depth(self) -> int:
        """Return the number of loops around what is being lowered."""
        return sum(len(frame.loops) for frame in self.frames)

    def parts(self, cell: int) -> set[int]:
        """Return the cells that one which is chosen may be."""
        refs = self.choices[cell].refs if cell in self.choices else ()
        return {c for r in refs for c in (r.cell, *self.parts(r.cell))}

    def check_aliases(self, cell: int, node: ast.AST) -> None:
        """Refuse a store that others may see, after having tried what was left open: whether a view is a view."""
        for other in self.alias_of(cell):
            for name, _ in self.reaching(other):
                key = self.origins.get(frozenset((cell, other)))
                if key is not None and key not in self.resolved:
                    raise Unresolved(key)
                self.fail_aliased(name, node)

    def fail_aliased(self, name: str, node: ast.AST) -> NoReturn:
        error = CompileError(
            f"this store may also change `{name}`",
            self.span(node),
            f"may share memory with `{name}`",
            "whether they do is known only at run time; make one of them a copy with .copy()",
        )
        raise NeedsUnrolling(node, error) if any(f.loops for f in self.frames) else error

    def assign_whole(self, ref: Ref, value: Atom, node: ast.AST) -> None:
        """Store into all of an array, as an operation in place does: what NumPy cannot store so is refused.

        A new array of the same shape and dtype becomes the version of the cell as it is, if no other may share memory.
        """
        old = self.type_of(ref)
        self.check_in_place(old, value, node)
        if ref.path:
            self.write(ref, value, node)
            return
        t = value.type
        fits = isinstance(value, Var) and t.is_array and t.dtype == old.dtype and self.facts.same_dims(t.dims, old.dims)
        if (
            not fits
            or ref.cell in self.choices
            or any(True for other in self.alias_of(ref.cell) for _ in self.reaching(other))
        ):
            self.write(Ref(ref.cell, ("e",)), value, node)
            return
        assert isinstance(value, Var)
        base = self.cells[ref.cell]
        if base in self.names:
            self.names.setdefault(value, self.names[base])
        self.cells[ref.cell] = value
        self.refresh(ref.cell, node)

    def check_in_place(self, old: Type, new: Atom, node: ast.AST) -> None:
        """Refuse what NumPy refuses: an in-place result that does not fit into the array."""
        t = new.type
        if old.dims is not None and t.dims is not None and len(t.dims) > len(old.dims):
            self.refuse(node, "the result of this in-place operation does not fit into the array", "has more axes")
        to, given = numpy_dtype(old), numpy_dtype(t)
        if to is not None and given is not None and not np.can_cast(given, to, "same_kind"):
            self.refuse(
                node,
                f"cannot store {given} into an array of {to} in place",
                "NumPy raises here",
                f"make the array one of {given}",
            )

    def alias_of(self, cell: int) -> list[int]:
        return sorted(c for pair in self.aliases if cell in pair for c in pair if c != cell)

    def link(self, new: int, old: int) -> None:
        """Remember that a cell may share memory with another one that it is made of, and with what that may share."""
        for other in (old, *self.alias_of(old), *sorted(self.parts(old))):
            self.may_share(new, other)

    def may_share(self, a: int, b: int) -> None:
        """Remember that two cells may share memory. This is not transitive."""
        if a != b:
            self.aliases.add(frozenset((a, b)))

    def refs_in(self, value: Value) -> Iterator[Ref]:
        """Yield the arrays inside a value."""
        value = self.current(value)
        match value:
            case Ref():
                yield value
            case Rows():
                yield from self.refs_in(value.pattern)
            case Node():
                for child in value.children:
                    yield from self.refs_in(child)
            case Method() | Super():
                yield from self.refs_in(value.receiver)
            case Flat():
                yield from self.refs_in(value.array)
            case Partial():
                for arg in (*value.args, *value.keywords.values()):
                    yield from self.refs_in(arg)
            case Rerun():
                yield from self.refs_in(value.function)
            case Box():
                yield from self.refs_in(self.unboxed(value))
            case Iterable():
                yield from value.arrays
            case LocalFunction():
                for default in value.defaults.values():
                    yield from self.refs_in(default)
                yield from self.refs_captured(value.node, value.frame)
            case Generator():
                yield from self.refs_captured(value.node, value.frame)

    def refs_captured(self, node: ast.AST, frame: Frame) -> Iterator[Ref]:
        """Yield the arrays that an inner function reads from a function that has returned."""
        if frame in self.frames or frame in self.searched:
            return
        self.searched.append(frame)
        for name in sorted(names_read(node)):
            value = lookup_local(frame, name)
            if value is not None:
                yield from self.refs_in(value)
        self.searched.pop()

    def reaching(self, cell: int) -> Iterator[tuple[str, Frame | None]]:
        """Yield the names, read again later, through which a cell can be reached."""
        for frame in self.frames:
            for name, value in frame.names.items():
                found = any(ref.cell == cell or cell in self.parts(ref.cell) for ref in self.refs_in(value))
                if found and may_be_read(frame, name):
                    yield name.lstrip("."), frame

    def is_held_later(self, identity: int) -> bool:
        """Tell whether a name that is read again later refers to a list or dict, or to what holds it."""
        return any(
            self._holds(value, identity) and may_be_read(frame, name)
            for frame in self.frames
            for name, value in frame.names.items()
        )

    def _holds(self, value: Value, identity: int) -> bool:
        value = self.current(value)
        if not isinstance(value, Node):
            return False
        return value.identity == identity != 0 or any(self._holds(c, identity) for c in value.children)


def lookup_local(frame: Frame, name: str) -> Value | None:
    """Find a name among the frame's own and its enclosing functions' names; None if it is not theirs."""
    current: Frame | None = frame
    while current is not None:
        if name in current.names:
            return current.names[name]
        if name in current.local:
            return UNDEFINED
        if current.node is not None and name in global_names(current.node):
            return None
        current = current.parent
    return None


def owner_of(frame: Frame, name: str) -> Frame:
    """Return the frame whose variable an assignment in a frame assigns to."""
    while frame.node is not None and name in outer_names(frame.node) and frame.parent is not None:
        frame = function_frame(frame.parent)
        while name not in frame.names and name not in frame.local and frame.parent is not None:
            frame = function_frame(frame.parent)
    return frame


def function_frame(frame: Frame) -> Frame:
    """Return the frame of the function that a comprehension stands in."""
    while frame.node is None and frame.parent is not None:
        frame = frame.parent
    return frame
