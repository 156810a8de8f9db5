"""Compile a derivative for actual arguments, and put together all that a `Program` is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from adcompile import driver
from adcompile.analysis.activity import active
from adcompile.dispatch import containers, digest, guard, programs
from adcompile.dispatch.constants import stated
from adcompile.dispatch.guard import Outside
from adcompile.dispatch.linking import read
from adcompile.dispatch.programs import Place, Program
from adcompile.dispatch.signature import Signature, callee
from adcompile.driver import Compiled
from adcompile.errors import ArgumentError
from adcompile.example import Example, example_call, varies
from adcompile.frontend.arguments import Argument
from adcompile.frontend.outside import Capture, Dependency
from adcompile.frontend.resolve import Source
from adcompile.ir.core import Const, Var, is_none
from adcompile.ir.forms import meaning_of_int, parts
from adcompile.ir.structure import Node
from adcompile.records import NamedTuple

__all__ = ["Assembled", "assemble", "example_for", "leaf_values", "listing", "source_for"]

Values = Mapping[str, object]


class Assembled(NamedTuple):
    """A program, the objects that it depends on in this process, and whether other processes could find theirs."""

    program: Program
    nodes: list[object]
    shareable: bool


def assemble(signature: Signature, values: Values) -> Assembled:
    """Compile the derivative that a signature asks for."""
    example = example_for(signature, values)
    _refuse_overlaps(example, values)
    compiled = _compile(signature, example)
    nodes = _Nodes(signature, example)
    captures = [(nodes.captured(c), c) for c in example.lowered.captures]
    roots = {c.root: c.read() for c in example.lowered.captures}
    nodes.classes_in(example.lowered.result)
    text = guard.generate(signature, example, {**values, **roots}, nodes.outside, captures, nodes.objects)
    source = stated(compiled.source, example.captured)
    filename = programs.filename_of(compiled.entries[0], source)
    program = Program(
        compiled.source,
        source,
        filename,
        compile(source, filename, "exec", dont_inherit=True),
        compiled.entries,
        compiled.seed,
        text.source,
        compile(text.source, f"<adcompile guard of {signature.label}>", "exec", dont_inherit=True),
        text.slots,
        tuple(nodes.places),
        tuple(nodes.digests),
        tuple((c.root, (o.origin, o.owner, o.name), _hidden(c)) for o, c in captures),
        text.form,
        _dressed(signature, example),
    )
    return Assembled(program, nodes.objects, nodes.shareable)


def _dressed(signature: Signature, example: Example) -> tuple[int, ...]:
    """Return the positions, in a call of the program, of the differentiated arguments; () if gradients are plain."""
    if all(map(_is_plain, example.wrt)):
        return ()
    first: dict[str, int] = {}
    position = 0
    for name, argument in example.arguments.items():
        first[name] = position
        how = example.passing(name)
        position += len(argument.children) if how == "items" and isinstance(argument, Node) else how == "whole"
    return tuple(first[name] + (k or 0) for name, k in signature.wrt)


def _is_plain(argument: Argument) -> bool:
    """Tell whether a gradient is what the program returns: numbers, and plain containers of them."""
    if isinstance(argument, Node):
        return argument.cls is None and all(map(_is_plain, argument.children))
    return varies(argument) or is_none(argument)


def _hidden(capture: Capture) -> tuple[tuple[str, tuple[object, ...]], ...]:
    """Return the hidden arguments of a captured value by name, with the steps that lead to them."""
    return tuple((v.name, path) for v, path in capture.paths() if v in capture.used)


def _refuse_overlaps(example: Example, values: Values) -> None:
    """Refuse arguments of which a store into one changes another."""
    function = example.function.name
    for one, two in example.lowered.apart:
        if read(values, one) is read(values, two):
            places = " and ".join(containers.written(path, values) for path in (one, two))
            raise ArgumentError(f"{places} are one object, and {function} changes it: pass a copy of one of them")
    conflicts = example.conflicts()
    arrays: dict[str, object] = {}
    for name, argument in example.arguments.items() if conflicts else ():
        arrays.update(leaf_values(argument, values[name]))
    arrays.update(example.captured)
    for a, b in conflicts:
        first, second = arrays[a], arrays[b]
        assert isinstance(first, np.ndarray) and isinstance(second, np.ndarray)
        if np.may_share_memory(first, second):
            raise ArgumentError(f"{a} and {b} share memory, and {function} stores into {a}: pass a copy of one of them")


def leaf_values(argument: Argument, value: object) -> Iterator[tuple[str, object]]:
    """Yield the values of an argument's variables by name."""
    if isinstance(argument, Var):
        yield argument.name, value
    elif isinstance(argument, Node):
        held = parts(value)
        assert held is not None
        for child, item in zip(argument.children, held.children, strict=True):
            yield from leaf_values(child, item)


def source_for(signature: Signature, values: Values) -> str:
    """Return the emitted source for arguments, without making a program of it."""
    example = example_for(signature, values)
    return stated(_compile(signature, example).source, example.captured)


def example_for(signature: Signature, values: Values) -> Example:
    """Lower the function that a signature is of for arguments."""
    function = signature.callee.function
    assert function is not None
    transform = signature.transform
    whole = transform.kind == "plain"
    one = transform.kind in ("grad", "value_and_grad")
    example = example_call(
        function, values, signature.wrt, signature.constants, transform.rules, whole, transform.outputs, one
    )
    _refuse_unclear_ints(signature, example, values)
    return example


def _refuse_unclear_ints(signature: Signature, example: Example, values: Values) -> None:
    """Refuse ints in differentiated objects that are no settings: the result depends on them as on a float."""
    unclear: dict[Var, str] = {}
    for (name, k), argument in zip(signature.wrt, example.wrt, strict=True):
        value = values[name]
        if k is not None:
            assert isinstance(value, tuple)
            value = value[k]
        unclear.update(_unclear_ints(argument, value, name if k is None else f"{name}[{k}]"))
    if not unclear:
        return
    for var, place in unclear.items():
        if active(example.function, {var}).intersection(a for a in example.function.outs if isinstance(a, Var)):
            raise ArgumentError(
                f"{place} is an int, and the result depends on it as on a number: "
                "make it a float to get its derivative, or annotate it as an int in its class"
            )


def _unclear_ints(argument: Argument, value: object, place: str) -> Iterator[tuple[Var, str]]:
    """Yield the ints in objects whose classes do not say whether they are numbers or settings, and what users write."""
    held = parts(value) if isinstance(argument, Node) else None
    if held is None or not isinstance(argument, Node):
        return
    for step, child, item in zip(held.steps, argument.children, held.children, strict=True):
        where = containers.spelled(place, held.kind, step)
        if isinstance(child, Var) and type(item) is int and meaning_of_int(held, step) == "unknown":
            yield child, where
        yield from _unclear_ints(child, item, where)


def _compile(signature: Signature, example: Example) -> Compiled:
    transform = signature.transform
    match transform.kind:
        case "grad" | "value_and_grad":
            value = transform.kind == "value_and_grad"
            return driver.compile_reverse(
                example, value=value, has_aux=transform.has_aux, single=transform.single, finite=transform.finite
            )
        case "jvp":
            return driver.compile_forward(example, signature.header.tangents, has_aux=transform.has_aux)
        case "vjp":
            return driver.compile_pair(example, has_aux=transform.has_aux)
        case "linearize":
            names = [name if k is None else f"{name}_{k}" for name, k in signature.wrt]
            return driver.compile_linearized(example, [f"{n}_dot" for n in names], has_aux=transform.has_aux)
        case "plain":
            return driver.compile_plain(example)


def listing(signature: Signature, values: Values) -> str:
    """Return the SSA form of the function, and that of its derivative."""
    transform = signature.transform
    if transform.kind == "plain":
        return driver.plain_listing(example_for(signature, values))
    value = transform.kind != "grad"
    return driver.listing(
        example_for(signature, values), value=value, has_aux=transform.has_aux, single=transform.single
    )


class _Nodes:
    """The objects that a program depends on besides numbers: the function, static arguments, what free names mean."""

    def __init__(self, signature: Signature, example: Example) -> None:
        self.objects: list[object] = []
        self.places: list[Place] = []
        self.digests: list[str] = []
        self.outside: list[Outside] = []
        self.shareable = True
        self.classes = [found for name, a in example.arguments.items() for found in _classes_in(a, (name,))]
        self.add(signature.callee.function, ("function",), "")
        for path, value in _statics(example):
            self.add(value, ("piece", *path), "" if digest.of_value(value) else None)
        for d in example.lowered.dependencies:
            self.dependency(d)

    def add(self, value: object, place: Place, known: str | None) -> int:
        """Add a node. `known` is its digest, "" if the program's name covers it, None if it has none."""
        self.objects.append(value)
        self.places.append(place)
        self.digests.append(known or "")
        self.shareable = self.shareable and known is not None
        return len(self.objects) - 1

    def dependency(self, d: Dependency) -> None:
        owner = self.owner(d.source)
        origin, name = ("member", d.name) if d.member else _origin(d.source, d.name)
        node = self.add(d.value, (origin, owner, name), digest.of_value(d.value))
        self.outside.append(Outside(owner, origin, name, node))

    def classes_in(self, result: object) -> None:
        """Add the classes in the function's result, and what makes the items of its defaultdicts."""
        if not isinstance(result, Node):
            return
        for held in (result.cls, result.detail):
            if callable(held) and not any(node is held for node in self.objects):
                self.add(held, ("nowhere",), None)
        for child in result.children:
            self.classes_in(child)

    def captured(self, c: Capture) -> Outside:
        if isinstance(c.tree, Node):
            self.shareable = False  # what other processes find there may be of other classes
        origin, name = _origin(c.source, c.name)
        return Outside(self.owner(c.source), origin, name)

    def owner(self, holder: object) -> int:
        """Return the number of the node that a name belongs to: a function by its source, or any object."""
        wanted = holder.function if isinstance(holder, Source) else holder
        for number, node in enumerate(self.objects):
            if node is wanted or (callable(node) and callee(node).function is wanted):
                return number
        place = next((place for place, cls in self.classes if cls is wanted), None)
        return self.add(wanted, place or ("nowhere",), None if place is None else "")


def _classes_in(argument: object, path: tuple[object, ...]) -> Iterator[tuple[Place, type]]:
    """Yield the classes of the objects in an argument, and their bases, with the places where they are found."""
    if isinstance(argument, Node):
        for number, cls in enumerate(argument.cls.__mro__ if argument.cls is not None else ()):
            yield ("class", number, *path), cls
        for step, child in zip(argument.steps, argument.children, strict=True):
            yield from _classes_in(child, (*path, step))


def _origin(holder: object, name: str) -> tuple[str, str]:
    """Return how an object has a name, and the name as it has it."""
    if isinstance(holder, Source):
        return holder.origin(name), holder.mangle(name)
    return "attribute", name


def _statics(example: Example) -> Iterator[tuple[tuple[object, ...], object]]:
    """Yield the arguments and their parts that are functions or other objects known when compiling."""
    for name, argument in example.arguments.items():
        yield from _statics_in(argument, (name,))


def _statics_in(argument: object, path: tuple[object, ...]) -> Iterator[tuple[tuple[object, ...], object]]:
    if isinstance(argument, Node):
        for step, child in zip(argument.steps, argument.children, strict=True):
            yield from _statics_in(child, (*path, step))
    elif isinstance(argument, Const) and not isinstance(argument.value, bool | str | bytes | type(None)):
        yield path, argument.value
