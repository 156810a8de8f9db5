"""Frames: the names of the calls that are being lowered, and what stops a piece of lowering short."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from typing import Final, Protocol

from adcompile.errors import CompileError, Span
from adcompile.frontend.desugar import RAISED, Desugared
from adcompile.frontend.values import Value
from adcompile.frontend.variables import global_names, outer_names
from adcompile.ir.core import FALSE, UNDEFINED, Atom, Const, Var
from adcompile.records import dataclass, field

# The modules of the functions that operators are lowered by, instead of the user's.
MACROS: Final = "adcompile.frontend.macros"
PRELUDE: Final = "adcompile.frontend.prelude"
LISTINGS: Final = "adcompile.frontend.listings"
PIPELINES: Final = "adcompile.frontend.pipelines"
POSITIONS: Final = "adcompile.frontend.positions"
HEAPS: Final = "adcompile.frontend.heaps"
WRAPPER: Final = "adcompile_wrapper"
OURS: Final = (MACROS, PRELUDE, LISTINGS, PIPELINES, POSITIONS, HEAPS, WRAPPER)


def is_ours(scope: object) -> bool:
    """Tell whether a function is one that an operator is lowered by, and none of the user's."""
    function = getattr(scope, "function", None)
    return function is not None and function.__module__ in OURS


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
    has no constant and small number of trips. `said` is what is wrong, if it is another thing than a container,
    `advice` what to do about it, and `resolving` what is to be resolved if the loop cannot be unrolled. `lengths`: a
    list is replaced by one of another length, and the loop can be lowered as one if it may be a list of run-time
    length. `items`: the cell of a list of run-time length that does not hold such items, of which less was known when
    it was made. `span`: where the user calls what is done by a loop of ours.
    """

    span: Span | None = None

    def __init__(
        self,
        place: ast.AST,
        error: CompileError | None = None,
        said: str = "",
        advice: str = "",
        resolving: object = None,
        lengths: bool = False,
        items: int | None = None,
    ) -> None:
        super().__init__(place)
        self.place, self.error, self.said, self.resolving = place, error, said, resolving
        self.advice, self.lengths, self.items = advice, lengths, items


class Unresolved(Exception):
    """A store may be seen through a view of which it was left open whether it is one: see `views`."""

    def __init__(self, key: object) -> None:
        super().__init__(key)
        self.key = key


class Conflict:
    """What a name stands for when branches leave things of different kinds in it. `reason` says what.

    `key` names what can be lowered in another way, so that there is no conflict.
    """

    def __init__(self, reason: str, key: object = None) -> None:
        self.reason, self.key = reason, key


@dataclass(slots=True, eq=False)
class Frame:
    """The names of one call.

    rule    a derivative rule of ours, not the user's code
    numpy   division is NumPy's, also of Python floats: the rule of a NumPy function
    macro   a function of ours, run in place of NumPy's: what it calls is known, and errors point at its caller
    given   the arguments
    calls   the call sites that led here; local: the names that the function assigns
    shape   the structures of the containers among its arguments
    node    the function; `statement` and `loops` say where in it lowering has come to
    guests  what the marks of names stand for, of generators that are run in this frame: see `generators`
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
    guests: dict[str, Frame] = field(default_factory=dict)

    @property
    def raised(self) -> Atom:
        """Return whether an exception is on its way that a `try` around catches."""
        found = self.names.get(RAISED, FALSE)
        assert isinstance(found, Var | Const)
        return found

    def guest(self, name: str) -> tuple[Frame, str] | None:
        """Return the frame that the mark of a name stands for, and the name without it."""
        own, _, mark = name.rpartition("@")
        frame: Frame | None = self if own else None
        while frame is not None:
            if f"@{mark}" in frame.guests:
                return frame.guests[f"@{mark}"], own
            frame = frame.parent
        return None

    def place(self, node: ast.AST) -> Span | None:
        """Return the place of a node of this function, or of a generator that is run in it."""
        scope = self.desugared.origins[node][0] if node in self.desugared.origins else self.scope
        return None if is_ours(scope) else scope.span(node)


@dataclass(slots=True)
class Made:
    """The classes that were made while lowering a function, and those that it calls by name.

    cells    of variables that methods read: the state of lowering that they belong to, and the frame
    scopes   of the code objects of methods: the function that the class statement is in
    classes  what their methods read of which frame
    known    the classes made in loops, by their statements, to be found again when a loop is lowered again
    """

    cells: dict[int, tuple[types.CellType, object, Frame]] = field(default_factory=dict)
    scopes: dict[int, Scope] = field(default_factory=dict)
    classes: dict[type, tuple[ast.AST, Frame] | None] = field(default_factory=dict)
    known: dict[object, type] = field(default_factory=dict)


def shown(name: str) -> str:
    """Return a name as the user knows it."""
    return name.lstrip(".").partition("@")[0]


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


def is_outside(frame: Frame, name: str) -> bool:
    """Tell whether a function declares a name that belongs to no function being lowered: global, or of a closure."""
    node = frame.node
    return node is not None and (
        name in global_names(node) or (name in outer_names(node) and owner_of(frame, name) is frame)
    )


def function_frame(frame: Frame) -> Frame:
    """Return the frame of the function that a comprehension stands in."""
    while frame.node is None and frame.parent is not None:
        frame = frame.parent
    return frame
