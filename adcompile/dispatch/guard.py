"""Generate the test that decides, at each call, whether a compiled program fits the arguments.

    def call(w, x, t):
        try:
            _fits = type(w) is _ndarray and w.dtype == _d0 and w.ndim == 1 and ... and _g3["np"] is _n4
        except _changed:
            _fits = False
        if _fits:
            return _impl(w, x, t)
        return _miss(w, x, t)

It tests kinds, dtypes and ranks, of lengths only those that the derivation relied on, and what the free names of the
function stand for. What its own names stand for is described by plain data (see `linking`), so that it can be stored.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from adcompile.dispatch.dressing import Form
from adcompile.dispatch.linking import FIXED, Slot, mutable, read
from adcompile.dispatch.signature import Header, Signature, Wrt, callee
from adcompile.errors import ArgumentError
from adcompile.example import Example
from adcompile.frontend.arguments import Argument
from adcompile.frontend.outside import Capture, Register
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.lengths import Dim, Length
from adcompile.ir.naming import claimed
from adcompile.ir.structure import Node
from adcompile.ir.types import Type
from adcompile.records import NamedTuple

__all__ = ["Guard", "Outside", "generate"]


class Outside(NamedTuple):
    """A name that the function, a helper or an object gives a meaning to.

    owner   the number of the node that has the name
    origin  "global", "closure", "builtin", "attribute", or "member" of a class
    node    the number of the node that it stands for; None if it is read anew at each call
    """

    owner: int
    origin: str
    name: str
    node: int | None = None


class Guard(NamedTuple):
    """The text of a guard, what the names in it stand for, and the classes in the function's result by such names."""

    source: str
    slots: tuple[Slot, ...]
    form: Form = None


def generate(
    signature: Signature,
    example: Example,
    values: Mapping[str, object],
    outside: Sequence[Outside],
    captures: Sequence[tuple[Outside, Capture]],
    nodes: Sequence[object],
) -> Guard:
    """Generate the guard of a program that was compiled for an example call.

    `values` are the arguments of the call and what it captures, `nodes` the objects that `outside` refers to by number.
    """
    header = signature.header
    text = _Text(values, nodes, _reserved(signature) | {*header.names, *example.arguments})
    captured = {c.root: text.unused(f"_{c.root}") for _, c in captures}
    for owner, c in captures:
        text.lines.append(f"{captured[c.root]} = {text.reading(owner)}")
    for name, argument in example.arguments.items():
        text.tree(argument, name, name, (name,))
    for _, c in captures:
        if isinstance(c.tree, Var):
            text.leaf(c.tree, captured[c.root], captured[c.root], None)
        else:
            text.tree(c.tree, captured[c.root], captured[c.root], (c.root,))
    text.tangents(example.arguments, signature.wrt, header.tangents)
    text.facts(example.function.facts.log)
    text.layouts(example.function.facts.layouts)
    text.apart(example.conflicts())
    text.tests += [f"{text.held[a]} is not {text.held[b]}" for a, b in example.lowered.apart]
    text.outside(outside)
    keywords = [f"{v.name}={text.places[v.name]}" for _, c in captures for v in c.used]
    call = ", ".join([*_passed(example), *header.tangents, *keywords])
    form = text.form(example.lowered.result)
    return Guard(text.render(header, call), tuple(text.slots.values()), form)


def _passed(example: Example) -> list[str]:
    """Return the texts that pass the function's arguments on to the program."""
    texts = {"whole": "{}", "items": "*{}", "none": ""}
    return [text.format(name) for name in example.arguments if (text := texts[example.passing(name)])]


def _reserved(signature: Signature) -> set[str]:
    """Return the names that a guard uses itself; refuse parameters that have them."""
    own = {*FIXED, *signature.header.values, "_fits", "_impl", "_miss"}
    if clash := sorted(own & {*signature.names, *signature.header.names}):
        raise ArgumentError(f"{signature.label}: the name {clash[0]} is used by the compiler: rename it")
    return own


class _Text:
    """The tests of a guard while it is being written; `taken` are the names that it must not use."""

    def __init__(self, values: Mapping[str, object], nodes: Sequence[object], taken: set[str]) -> None:
        self.values, self.nodes, self.taken = values, nodes, taken
        self.lines: list[str] = []
        self.tests: list[str] = []
        self.slots: dict[tuple[object, ...], Slot] = {}
        self.places: dict[str, str] = {}
        self.held: dict[tuple[object, ...], str] = {}
        self.shapes: dict[str, str] = {}
        self.count = 0

    def render(self, header: Header, call: str) -> str:
        body = "\n".join(f"        {line}" for line in (*header.prologue, *self.lines))
        tests = "\n            and ".join(self.tests) or "True"
        return (
            f"def call({header.parameters}):\n    try:\n{body}\n"
            f"        _fits = (\n            {tests}\n        )\n"
            f"    except _changed:\n        _fits = False\n"
            f"    if _fits:\n        return _impl({call})\n"
            f"    return _miss({header.forward})\n"
        ).replace("try:\n\n", "try:\n")

    def slot(self, letter: str, *what: object) -> str:
        """Return the name that stands for something; the same name for the same thing."""
        known = self.slots.get(what)
        if known is None:
            known = self.slots[what] = (self.unused(f"_{letter}{len(self.slots)}"), *what)
        return str(known[0])

    def local(self) -> str:
        self.count += 1
        return self.unused(f"_{self.count}")

    def unused(self, name: str) -> str:
        return claimed(name, self.taken)

    # -- names from outside

    def outside(self, outside: Iterable[Outside]) -> None:
        seen: set[object] = set()
        for o in outside:
            place = (id(self._namespace(o)), o.origin == "builtin", o.name)
            if place not in seen and o.node is not None:
                seen.add(place)
                self.pin(o, o.node)
        for number, node in enumerate(self.nodes):
            function = callee(node).function if callable(node) else None
            if function is not None:
                self.function(number, function)

    def _namespace(self, o: Outside) -> object:
        """Return the object that holds a name: owners with the same globals need one test."""
        function = callee(self.nodes[o.owner]).function if callable(self.nodes[o.owner]) else None
        if o.origin in ("global", "builtin") and function is not None:
            return function.__globals__
        return self.nodes[o.owner]

    def pin(self, o: Outside, node: int) -> None:
        """Test that a name stands for what it stood for: at least for something that means the same."""
        if o.origin == "builtin":
            self.tests.append(f"{o.name!r} not in {self.slot('g', 'globals', o.owner)}")
        elif isinstance(self.nodes[node], Register):
            self.tests.append(f"{self.reading(o)} is {self.slot('n', 'node', node)}.held")
        elif mutable(self.nodes[node]):
            self.tests.append(f"_agree({self.reading(o)}, {self.slot('n', 'snapshot', node)})")
        elif isinstance(self.nodes[node], types.ModuleType | types.FunctionType | type):
            self.tests.append(f"{self.reading(o)} is {self.slot('n', 'node', node)}")
        else:
            reading, pinned = self.reading(o), self.slot("n", "node", node)
            self.tests.append(f"({reading} is {pinned} or _agree({reading}, {pinned}))")

    def reading(self, o: Outside) -> str:
        """Return the expression that reads a name from outside."""
        match o.origin:
            case "closure":
                return f"{self.slot('c', 'cell', o.owner, o.name)}.cell_contents"
            case "attribute":
                return f"{self.slot('n', 'node', o.owner)}.{o.name}"
            case "member":
                return f"{self.slot('n', 'node', o.owner)}.__dict__[{o.name!r}]"
        return f"{self.slot('g', 'globals', o.owner)}[{o.name!r}]"

    def function(self, number: int, function: types.FunctionType) -> None:
        """Test that a function has the code and the defaults that it had."""
        name = self.slot("f", "function", number)
        self.tests.append(f"{name}.__code__ is {self.slot('k', 'code', number)}")
        if number and mutable(function.__defaults__):
            self.tests.append(f"_agree({name}.__defaults__, {self.slot('e', 'defaults snapshot', number)})")
        elif function.__defaults__ is not None:
            self.tests.append(f"{name}.__defaults__ is {self.slot('e', 'defaults', number)}")
        if function.__kwdefaults__:
            self.tests.append(f"_agree({name}.__kwdefaults__, {self.slot('e', 'keyword defaults', number)})")

    # -- arguments

    def tree(self, argument: Argument, first: str, local: str, path: tuple[object, ...]) -> None:
        """Test the structure of an argument and everything in it.

        `local` is the name of the argument once `first`, an expression that may give it that name, was evaluated.
        """
        if isinstance(argument, Const):
            self.static(argument.value, first, local, path)
        elif isinstance(argument, Node):
            self.container(argument, first, local, path)
        else:
            self.leaf(argument, first, local, path)

    def container(self, node: Node[Atom], first: str, local: str, path: tuple[object, ...]) -> None:
        known = f"_{node.kind}" if node.cls is None else self.slot("t", "type", *path)
        self.held[path] = local
        self.tests.append(f"_type({first}) is {known}")
        if node.kind in ("dict", "object"):
            self.keys(node, local, path)
        elif node.cls is None or node.kind == "list":
            self.tests.append(f"_len({local}) == {len(node.children)}")
        if node.detail is not None:
            attribute = "default_factory" if node.kind == "dict" else "maxlen"
            self.tests.append(f"{local}.{attribute} == {self.slot('m', 'made by', *path)}")
        for step, child in self.children(node):
            name = self.local()
            self.tree(child, f"{name} := {self.part(local, step, node, path)}", name, (*path, step))

    def part(self, local: str, step: object, node: Node[Atom], path: tuple[object, ...]) -> str:
        """Return the expression for a part of a container."""
        if node.kind == "object":
            return f"{local}.{step}"
        if type(step) in (int, str):
            return f"{local}[{step!r}]"
        return f"{local}[{self.slot('k', 'keys', *path)}[{node.keys.index(step)}]]"

    def children(self, node: Node[Atom]) -> Iterator[tuple[object, Argument]]:
        return zip(node.steps, node.children, strict=True)

    def keys(self, node: Node[Atom], local: str, path: tuple[object, ...]) -> None:
        listed = local
        if node.kind == "object":
            assert node.cls is not None
            slots = any("__slots__" in vars(c) for c in node.cls.__mro__)
            listed = f"_attributes({local})" if slots else f"{local}.__dict__"
        self.tests.append(f"_tuple({listed}) == {self.slot('k', 'keys', *path)}")
        if any(type(k) is not str for k in node.keys):
            self.tests.append(f"_tuple(_map(_type, {local})) == {self.slot('k', 'kinds of keys', *path)}")

    def static(self, value: object, first: str, local: str, path: tuple[object, ...]) -> None:
        """Test a value that the program was compiled for."""
        if value is None or isinstance(value, bool):
            self.tests.append(f"({first}) is {value}")
        elif isinstance(value, str | bytes | np.dtype):
            piece = self.slot("s", "piece", *path)
            self.tests.append(f"_type({first}) is {self.slot('t', 'type', *path)} and {local} == {piece}")
        else:
            self.tests.append(f"({first}) is {self.slot('s', 'piece', *path)}")

    def leaf(self, var: Var, first: str, local: str, path: tuple[object, ...] | None) -> None:
        """Test the kind, dtype and rank of a number or array. `path` is None for one from outside."""
        self.places[var.name] = local
        t = var.type
        match t.kind:
            case "array":
                assert isinstance(t.dtype, np.dtype) and t.dims is not None
                dtype = self.slot("d", "dtype", t.dtype.str)
                self.tests.append(f"_type({first}) is _ndarray")
                self.tests += [f"{local}.dtype == {dtype}", f"{local}.ndim == {len(t.dims)}"]
            case "py":
                assert isinstance(t.dtype, type)
                self.tests.append(f"_type({first}) is _{t.dtype.__name__}")
            case "np":
                assert isinstance(t.dtype, np.dtype)
                self.tests.append(f"_type({first}) is {self.slot('t', 'scalar', t.dtype.char)}")
            case _:
                self.opaque(t, first, local, path)

    def opaque(self, t: Type, first: str, local: str, path: tuple[object, ...] | None) -> None:
        if path is None:
            assert isinstance(t.dtype, type), "a value from outside has a type"
            self.tests.append(f"_type({first}) is {self.slot('t', 'class', t.dtype.__module__, t.dtype.__qualname__)}")
        else:
            self.tests.append(f"_type({first}) is {self.slot('t', 'type', *path)}")
        if t.layout:  # a sparse matrix
            self.tests.append(f"{local}.dtype == {self.slot('d', 'dtype', t.layout)}")
        if path is None:
            return
        if isinstance(read(self.values, path), np.ndarray | np.generic):
            self.tests.append(f"{local}.dtype == {self.slot('d', 'dtype of', *path)}")

    # -- tangents

    def tangents(self, arguments: Mapping[str, Argument], wrt: Sequence[Wrt], names: Sequence[str]) -> None:
        for (name, element), tangent in zip(wrt, names, strict=False):
            argument, path = arguments[name], (name,) if element is None else (name, element)
            if element is not None:
                assert isinstance(argument, Node)
                argument = argument.children[element]
            self.tangent(argument, tangent, tangent, path)

    def tangent(self, argument: Argument, first: str, local: str, path: tuple[object, ...]) -> None:
        """Test that a tangent has the structure, the kinds and the shapes of its argument, tested before."""
        if isinstance(argument, Const):
            self.tests.append(f"({first}) is None")
        elif isinstance(argument, Node):
            known = f"_{argument.kind}" if argument.cls is None else self.slot("t", "type", *path)
            self.tests.append(f"_type({first}) is {known}")
            if argument.kind != "object":
                self.tests.append(f"_len({local}) == {len(argument.children)}")
            for step, child in self.children(argument):
                name = self.local()
                self.tangent(child, f"{name} := {self.part(local, step, argument, path)}", name, (*path, step))
        elif not argument.type.inexact:
            self.tests.append(f"({first}) is None")
        else:
            primal = self.places[argument.name]
            self.tests.append(f"_type({first}) is _type({primal})")
            if argument.type.is_array:
                self.tests.append(f"{local}.dtype == {primal}.dtype and {local}.shape == {primal}.shape")

    # -- memory

    def apart(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Test that arrays do not share memory."""
        self.tests += [f"not _overlap({self.places[a]}, {self.places[b]})" for a, b in pairs]

    def layouts(self, layouts: Mapping[str, bool]) -> None:
        """Test that arrays lie row after row in memory, or do not, where the program was made for that."""
        for name, rows in layouts.items():
            self.tests.append(f"{self.places[name]}.flags.c_contiguous is {rows}")

    # -- results

    def form(self, result: Node[int] | int) -> Form:
        """Return the classes in a result; None if there are none."""
        if isinstance(result, int):
            return None
        children = tuple(map(self.form, result.children))
        if result.cls is None and not any(children):
            return None
        detail = result.detail if isinstance(result.detail, int) else self.object(result.detail)
        return result.kind, self.object(result.cls) or "", detail, children

    def object(self, held: object) -> str | None:
        """Return the name of a node."""
        numbers = (k for k, node in enumerate(self.nodes) if node is held)
        return None if held is None else self.slot("n", "node", next(numbers))

    # -- lengths

    def facts(self, facts: Iterable[tuple[Length, Length]]) -> None:
        for a, b in dict.fromkeys(facts):
            self.bind(a, b)
            self.tests.append(f"{self.length(a)} == {self.length(b)}")

    def bind(self, *lengths: Length) -> None:
        """Read the shapes that quotients are made of before what tests that the divisors are not 0."""
        dims = [d for length in lengths for d in _parts(length)]
        if any(d.op in ("//", "%") for d in dims):
            for d in dims:
                if d.op == "axis" and self.places[str(d.args[0])] not in self.shapes:
                    self.tests.append(f"{self.length(d)} >= 0")

    def length(self, length: Length) -> str:
        """Return the expression for a length."""
        if isinstance(length, int):
            return str(length)
        match length.op, length.args:
            case "axis", (str(name), int(axis)):
                return self.axis(self.places[name], axis)
            case "value", (str(name),):
                return self.places[name]
            case "slice", (dim, *bounds):
                # in the order in which they are evaluated
                whole, *parts = ("" if b is None else self.length(_length(b)) for b in (dim, *bounds))
                return f"_len(_range({whole})[{':'.join(parts)}])"
        a, b = (self.length(_length(x)) for x in length.args)
        if length.op in ("//", "%"):
            self.tests.append(f"{b} != 0")
        return f"({a} {length.op} {b})"

    def axis(self, local: str, axis: int) -> str:
        """Return the expression for one length of a shape, which is read once."""
        if local in self.shapes:
            return f"{self.shapes[local]}[{axis}]"
        self.shapes[local] = self.local()
        return f"({self.shapes[local]} := {local}.shape)[{axis}]"


def _parts(length: object) -> Iterator[Dim]:
    """Yield a length and all that it is an expression of."""
    if isinstance(length, Dim):
        yield length
        for part in length.args:
            yield from _parts(part)


def _length(value: object) -> int | Dim:
    assert isinstance(value, int | Dim)
    return value
