"""What is looked at: a function, example arguments, and which of them are differentiated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from adcompile import driver, layouts
from adcompile.api import Derivative
from adcompile.dispatch import assembly
from adcompile.dispatch.containers import spelled
from adcompile.dispatch.signature import Signature, Transform, Wrt, parse_argnums
from adcompile.errors import ArgumentError, CompileError
from adcompile.example import Example
from adcompile.frontend.arguments import Argument
from adcompile.inspect.machine import Record, Value, record
from adcompile.ir.core import Eqn, Function, Var, walk
from adcompile.ir.forms import parts
from adcompile.ir.structure import Node
from adcompile.opt import clean, dce
from adcompile.transforms import derivatives, forward, reverse, store
from adcompile.transforms.callees import Callees

__all__ = ["Subject", "subject"]


# What is done to the adjoint of a function inside a function: what stops the outer derivative stays.
_EXECUTABLE: Final = (clean, store.run, clean)


@dataclass(frozen=True)
class Subject:
    """A function lowered for example arguments.

    places  what the user would write for each variable: ``params['w']``
    wrt     the differentiated arguments by name, of a variadic argument with the position in it
    """

    example: Example
    values: dict[str, object]
    argnums: tuple[int, ...]
    places: dict[Var, str]
    contents: dict[Var, object]
    wrt: tuple[Wrt, ...]

    @property
    def name(self) -> str:
        return self.example.function.name

    def check(self, mode: str) -> None:
        """Refuse what cannot be differentiated, by differentiating it; the result is thrown away."""
        lowered = self.example.lowered
        fn, callees = dce.run(lowered.function), Callees.of(lowered.callees)
        numbers = layouts.differentiated(lowered, lowered.result)
        if mode == "forward":
            forward.run(fn, self.example.variables, callees)
        else:
            reverse.run(fn, self.example.variables, numbers, True, callees)

    def record(self) -> Record:
        """Run the function and return what happened."""
        shown = [v for v in self.contents if v.type.kind != "object" and v.type.inexact or v.type.is_array]
        numbers = {v: k for k, v in enumerate(shown, 1 - len(shown))}
        active = set(self.example.variables)
        inputs = {
            v: Value(content, numbers.get(v), v in active and v.type.inexact, self.places[v])
            for v, content in self.contents.items()
        }
        return record(*self._steps(), inputs)

    def _steps(self) -> tuple[Function, Mapping[str, Function]]:
        """Return the function with the derivatives that it takes of others put in their places, and what it calls."""
        lowered = self.example.lowered
        callees = Callees.of(lowered.callees)
        fn = dce.run(derivatives.lower(callees, partial(driver.run, passes=_EXECUTABLE), clean, lowered.function))
        called = {name: f for name, f in callees.functions.items() if f is not None}
        reached = [fn, *called.values()]
        if callees.pairs or any(
            isinstance(s, Eqn) and s.prim in ("push", "pop") for f in reached for s in walk(f.stmts)
        ):
            source = self.example.source
            raise CompileError(
                f"{self.name} takes the derivative of a function with loops or branches, whose steps are not shown",
                source.span(source.node),
                "here",
                "look at the inner function by itself",
            )
        return fn, called


def subject(f: Callable[..., object], args: Sequence[object], argnums: int | Sequence[int] | None = None) -> Subject:
    """Lower a function for example arguments.

    Differentiated are the arguments that `argnums` says; without it those made of floats, or if there are none, those
    made of numbers. Of a derivative its function is looked at.
    """
    if isinstance(f, Derivative):
        argnums = f.transform.argnums if argnums is None else argnums
        f = f.primal
    numbers = _differentiated(args) if argnums is None else parse_argnums(argnums)[0]
    signature = Signature(f, Transform("grad", numbers))
    values = signature.bind(args, {})
    example = assembly.example_for(signature, values)
    places: dict[Var, str] = {}
    contents: dict[Var, object] = {}
    for name, argument in example.arguments.items():
        for variable, place, content in _leaves(argument, name, values[name]):
            places[variable], contents[variable] = place, content
    for capture in example.lowered.captures:
        for variable, place, content in _leaves(capture.tree, capture.name, capture.read()):
            places[variable], contents[variable] = place, content
    return Subject(example, values, numbers, places, contents, signature.wrt)


def _differentiated(args: Sequence[object]) -> tuple[int, ...]:
    for integers in (False, True):
        found = tuple(k for k, a in enumerate(args) if _has_numbers(a, integers))
        if found:
            return found
    raise ArgumentError("no argument is made of floating-point numbers: there is nothing to differentiate")


def _has_numbers(value: object, integers: bool) -> bool:
    held = parts(value)
    if held is not None:
        return any(_has_numbers(v, integers) for v in held.children)
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind == "f"
    return isinstance(value, float) or (integers and type(value) is int)


def _leaves(argument: Argument, place: str, value: object) -> Iterator[tuple[Var, str, object]]:
    """Yield the variables of an argument with their places and values."""
    if isinstance(argument, Var):
        yield argument, place, value
    elif isinstance(argument, Node):
        held = parts(value)
        assert held is not None
        for child, step, item in zip(argument.children, held.steps, held.children, strict=True):
            yield from _leaves(child, spelled(place, held.kind, step), item)
