"""What an expression can stand for while a function is being lowered.

A number is an `Atom`. An array is a `Ref`: a cell, which holds the current version of a buffer, and a path of views
into it; so that a write through a view is a new version of the base, and every alias sees it. Containers are `Node`s
of values. The other kinds are known only to the compiler and never reach the program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Union

from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.forms import is_record_class, made, parts
from adcompile.ir.structure import Node
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.frames import Frame

# One component codes a subscript ("i", "s", "n", "e", "a", "m"); ("T", axes) permutes axes.
Step = str | tuple[str, tuple[int, ...]]
Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """An array: the views `path` (with the operands `atoms`) into the buffer of a cell."""

    cell: int
    path: Path = ()
    atoms: tuple[Atom, ...] = ()


@dataclass(frozen=True, slots=True)
class Flat:
    """The elements of an array in one row: ``a.flat``."""

    array: Ref | Atom


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice object; absent bounds are NONE."""

    lo: Atom
    hi: Atom
    step: Atom


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a value, not yet called."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Box:
    """What the name of a variable stands for that inner functions assign too: the item of a list."""

    identity: int


@dataclass(frozen=True, slots=True, eq=False)
class LocalFunction:
    """A function or lambda made inside the function being lowered; free names are those of `frame` when called."""

    node: ast.FunctionDef | ast.Lambda
    frame: Frame
    defaults: Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """functools.partial of a value."""

    function: Value
    args: tuple[Value, ...]
    keywords: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Element:
    """An item of a list or dict that is being iterated over: what it holds when its turn comes.

    `identity` is that of the container, which had `count` items when the iteration began.
    """

    identity: int
    step: object
    count: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of run-time length of tuples: `pattern` is such a tuple, with a list in the place of each number."""

    pattern: Node[Value]


@dataclass(frozen=True, slots=True)
class Super:
    """super(): attributes come from the classes after `after`, methods are bound to `receiver`."""

    after: type
    receiver: Value


@dataclass(frozen=True, slots=True, eq=False)
class Rerun:
    """A function that is run again in the reverse sweep."""

    function: Value


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One function or another, as a condition at run time tells."""

    cond: Atom
    then: Value
    orelse: Value


@dataclass(frozen=True, slots=True, eq=False)
class Iterable:
    """Something to iterate over whose items are made on demand: range, zip, enumerate, reversed, rows of an array.

    `count` is the number of items and `item(k)` makes the item number k. `bounds` are the start, stop and step of a
    range: then item k is start + k*step and a loop needs no other counter. `arrays` are those that items are taken
    from, whatever their names come to mean meanwhile. `snapshots`: how many states a loop over it may keep, see `For`.
    """

    count: Callable[[], Atom]
    item: Callable[[Atom], Value]
    bounds: tuple[Atom, Atom, Atom] | None = None
    arrays: tuple[Ref, ...] = ()
    snapshots: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Iterator:
    """What iter(), zip() or map() make of things whose items can be had by number; a box holds how many are taken."""

    items: Iterable | tuple[Value, ...]
    taken: Box


@dataclass(frozen=True, slots=True, eq=False)
class Generator:
    """A generator, run where it is iterated over: an expression, or the call of a function that yields.

    frame  of the call, with its arguments; of an expression, with what its first `for` iterates over: `FIRST`
    state  a box that says whether it has been iterated over
    """

    node: ast.GeneratorExp | ast.FunctionDef
    frame: Frame
    state: Box


Value = Union[
    Atom,
    Ref,
    Flat,
    Slice,
    Method,
    Box,
    Choice,
    LocalFunction,
    Partial,
    Rerun,
    Element,
    Rows,
    Super,
    Iterable,
    Iterator,
    Generator,
    "Node[Value]",
]
Args = Sequence[Value]
Keywords = Mapping[str, Value]

FIRST: Final = ".0"
EMPTY: Final[Node[Value]] = Node("tuple", ())


def is_static(value: Value) -> bool:
    """Tell whether a value is wholly known when compiling."""
    if isinstance(value, Node):
        return all(map(is_static, value.children))
    if isinstance(value, Slice):
        return all(isinstance(a, Const) for a in (value.lo, value.hi, value.step))
    return isinstance(value, Const)


def static_value(value: Value) -> object:
    """Return the Python object that a static value is."""
    match value:
        case Const():
            return value.value
        case Node():
            return made(value.kind, [static_value(c) for c in value.children], value.keys, value.cls, value.detail)
        case Slice(lo, hi, step):
            return slice(static_value(lo), static_value(hi), static_value(step))
    raise TypeError(f"{type(value).__name__} is not known when compiling")


def lift(value: object) -> Value:
    """Turn a Python object that is known when compiling into a value; containers become nodes, atoms stay."""
    if isinstance(value, Var | Const):
        return value
    held = None if is_record_class(type(value)) else parts(value)
    if held is not None:
        return Node(held.kind, tuple(map(lift, held.children)), held.keys, 0, held.cls, held.detail)
    if type(value) is slice:
        return Slice(Const(value.start), Const(value.stop), Const(value.step))
    return Const(value)


def is_distribution(value: object) -> bool:
    """Tell whether an object is a distribution of scipy.stats, as norm is."""
    cls = type(value)
    return cls.__module__.startswith("scipy.stats.") and any(
        c.__name__ in ("rv_generic", "multi_rv_generic") for c in cls.__mro__
    )


def is_sparse(value: Value) -> bool:
    """Tell whether a value is a sparse matrix of SciPy: an object of which dtype and shape are known."""
    return isinstance(value, Var) and value.type.kind == "object" and value.type.layout != ""
