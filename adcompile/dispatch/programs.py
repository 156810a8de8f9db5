"""Compiled programs: what they are, how they are named, and where they are kept, in memory and on disk.

A program belongs to no function object: it says by `Place` where the objects are that it depends on, and by digests
what they must be. So it serves every function made from the same text: those of other processes, and the new function
object that each evaluation of a lambda makes.
"""

from __future__ import annotations

import builtins
import enum
import hashlib
import linecache
import threading
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.dispatch import cache, digest
from adcompile.dispatch.dressing import Form
from adcompile.dispatch.linking import Slot, read
from adcompile.dispatch.signature import Signature, callee
from adcompile.ir.forms import part_of, parts
from adcompile.records import NamedTuple

__all__ = [
    "Loaded",
    "Place",
    "Program",
    "add",
    "filename_of",
    "find_nodes",
    "is_static",
    "keep",
    "lookup",
    "name_of",
    "value_at",
]

# Where an object is that a program depends on:
#   ("function",)                     the function itself: always the first
#   ("piece", "x", 0)                 a piece of the arguments
#   ("class", 0, "x")                 the class of a piece; 1, 2, ...: its bases, as methods are looked up in them
#   ("global", 0, "np")               what a name means to the function that is number 0 of the program's nodes;
#   ("closure", 0, "n")               likewise
#   ("builtin", 0, "len")
#   ("attribute", 2, "rate")          an attribute of node 2
#   ("member", 2, "rate")             what stands in the class that is node 2
Place = tuple[object, ...]

MEMORY: Final = 512  # names


class Program(NamedTuple):
    """A derivative's emitted source, compiled, and its guard.

    template source without the values of what it captures; `captures` says where those are: what each is called in the
             guard, its place, and for every hidden argument that is a part of it the steps that lead there
    source   with the values that they had when it was compiled
    entries  the functions of the source that are called: one, or the forward and the backward function
    seed     what the last default of the first entry is in process: 1 of this dtype ("" for what the source says)
    guard    the text of the guard; `slots` says what the names in it are
    places   where the nodes are; `digests` are theirs, in the same order
    form     the classes in the function's result; None if there are none
    dressed  the positions of the differentiated arguments, if their gradients have classes or parts of their own
    """

    template: str
    source: str
    filename: str
    code: types.CodeType
    entries: tuple[str, ...]
    seed: str
    guard: str
    guard_code: types.CodeType
    slots: tuple[Slot, ...]
    places: tuple[Place, ...]
    digests: tuple[str, ...]
    captures: tuple[tuple[str, Place, tuple[tuple[str, tuple[object, ...]], ...]], ...]
    form: Form
    dressed: tuple[int, ...]


class Loaded:
    """A program whose functions exist in this process, with its number in the disk cache."""

    def __init__(self, program: Program, number: int | None = None) -> None:
        self.program: Final = program
        self.number: Final = number
        source, filename = program.source, program.filename
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        namespace: dict[str, object] = {"__name__": filename}
        exec(program.code, namespace)
        self.functions: Final = tuple(_function(namespace[name]) for name in program.entries)
        if program.seed:
            function = self.functions[0]
            function.__defaults__ = (*(function.__defaults__ or ())[:-1], np.dtype(program.seed).type(1.0))


def _function(value: object) -> types.FunctionType:
    assert isinstance(value, types.FunctionType)
    return value


def filename_of(entry: str, source: str) -> str:
    """Return the name that tracebacks and debuggers show for an emitted source."""
    return f"<adcompile {entry} {hashlib.blake2b(source.encode(), digest_size=4).hexdigest()}>"


# -- names


def name_of(signature: Signature, values: Mapping[str, object]) -> str | None:
    """Return the name of the programs for these arguments; None if they are not for others to use.

    It tells apart everything that is known without compiling: compiler, function, transform, kinds of arguments.
    """
    function = signature.callee.function
    if function is None:
        return None
    try:
        kinds = [(name, _kind(value)) for name, value in values.items()]
        transform, rules = signature.transform._replace(rules=()), _digest(signature.transform.rules)
    except _Private:
        return None
    text = digest.of_text(
        cache.stamp(),
        function.__module__ or "",
        function.__qualname__,
        digest.of_code(function.__code__),
        rules,
        repr((transform, signature.wrt, signature.header.parameters, tuple(signature.hidden))),
        repr(kinds),
    )
    word = "".join(c if c.isalnum() or c == "_" else "-" for c in function.__qualname__.rpartition(".")[2])
    return f"{word.strip('-') or 'lambda'}-{text}"


class _Private(Exception):
    """An argument means something to this process alone."""


def _kind(value: object, around: tuple[object, ...] = ()) -> object:
    """Spell what a program is specialised on: kinds, dtypes and ranks; of what is known when compiling the value."""
    kind = type(value)
    if kind in (float, int, complex):
        return kind.__name__
    if isinstance(value, np.ndarray):
        return "array", repr(value.dtype), value.ndim
    if isinstance(value, np.generic):
        return "scalar", value.dtype.char
    held = parts(value)
    if held is not None:
        if any(value is outer for outer in around):
            return "around"
        inner = [_kind(child, (*around, value)) for child in held.children]
        own = "" if held.cls is None else f"{held.cls.__module__}.{held.cls.__qualname__} {digest.of_members(held.cls)}"
        return held.kind, own, _digest(held.keys), _digest(held.detail), *inner
    if is_static(value):
        return "static", _digest(value)
    return "object", kind.__module__, kind.__qualname__


def is_static(value: object) -> bool:
    """Tell whether an argument is known when compiling, of those that are not numbers, arrays or containers."""
    plain = isinstance(value, bool | str | bytes | type | np.dtype | types.EllipsisType | types.ModuleType | enum.Enum)
    return value is None or plain or callable(value)


def _digest(value: object) -> str:
    found = digest.of_value(value)
    if found is None:
        raise _Private
    return found


# -- what a program depends on


def find_nodes(program: Program, function: types.FunctionType, values: Mapping[str, object]) -> list[object] | None:
    """Return the objects that a program depends on, if they are what they were when it was compiled."""
    nodes: list[object] = [function]
    for place, expected in zip(program.places[1:], program.digests[1:], strict=True):
        try:
            node = of_arguments(place, values) if place[0] in ("piece", "class") else value_at(place, nodes)
        except (LookupError, AttributeError, ValueError):
            return None
        if expected and digest.of_value(node) != expected:
            return None
        nodes.append(node)
    return nodes


def of_arguments(place: Place, values: Mapping[str, object]) -> object:
    """Return a piece of the arguments, or its class, or a base of that."""
    if place[0] == "piece":
        return read(values, place[1:])
    _, base, *path = place
    assert isinstance(base, int)
    return type(read(values, path)).__mro__[base]


def value_at(place: Place, nodes: Sequence[object]) -> object:
    """Return what a name means now; raises LookupError, AttributeError or ValueError if nothing."""
    kind, owner, name = place
    assert isinstance(owner, int) and isinstance(name, str)
    if kind == "attribute":
        found: object = getattr(nodes[owner], name)
        return found
    if kind == "member":
        return vars(nodes[owner])[name]
    function = callee(nodes[owner]).function
    assert function is not None
    return _free_name(str(kind), function, name)


def captured(program: Program, nodes: Sequence[object]) -> dict[str, object]:
    """Return the containers and objects that a program reads from outside, by the names that its guard has for them."""
    containers = [(root, place) for root, place, hidden in program.captures if hidden != ((root, ()),)]
    return {root: value_at(place, nodes) for root, place in containers}


def hidden_values(program: Program, nodes: Sequence[object]) -> dict[str, object]:
    """Return the values, now, of the hidden arguments."""
    found: dict[str, object] = {}
    for _, place, hidden in program.captures:
        whole = value_at(place, nodes)
        found.update({name: part_of(whole, path) for name, path in hidden})
    return found


def _free_name(origin: str, function: types.FunctionType, name: str) -> object:
    match origin:
        case "closure":
            cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
            found: object = cells[name].cell_contents
            return found
        case "global":
            return function.__globals__[name]
    if name in function.__globals__:
        raise KeyError(name)  # a global hides the builtin now
    return vars(builtins)[name]


# -- memory and disk

_lock: Final = threading.RLock()
_programs: Final[OrderedDict[str, list[Loaded]]] = OrderedDict()


def lookup(name: str) -> Iterator[Loaded]:
    """Yield the programs of a name: those of this process, then those on disk."""
    with _lock:
        known = list(_programs.get(name, ()))
    yield from known
    numbers = {loaded.number for loaded in known}
    for number, record in cache.variants(name):
        program = None if number in numbers else _from_record(record)
        if program is not None:
            yield Loaded(program, number)


def keep(name: str, loaded: Loaded) -> None:
    """Keep a program that was looked up in memory."""
    if _keep(name, loaded):
        cache.count("hits")


def _keep(name: str, loaded: Loaded) -> bool:
    """Keep a program in memory; tell whether it was not there."""
    with _lock:
        kept = _programs.setdefault(name, [])
        new = loaded not in kept
        if new:
            kept.insert(0, loaded)
            del kept[cache.VARIANTS :]
        _programs.move_to_end(name)
        while len(_programs) > MEMORY:
            _programs.popitem(last=False)
    return new


def add(name: str, program: Program) -> Loaded:
    """Keep a new program in memory and on disk."""
    number = cache.write(name, program.source, tuple(program))
    loaded = Loaded(program, number)
    _keep(name, loaded)
    return loaded


def _from_record(record: object) -> Program | None:
    if isinstance(record, tuple) and len(record) == len(Program._fields):
        return Program(*record)
    return None
