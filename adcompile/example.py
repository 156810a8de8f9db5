"""An example call of a function: its arguments abstracted, its body lowered."""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Literal

from adcompile.analysis.storage import storage
from adcompile.custom.functions import CustomFunction
from adcompile.errors import ArgumentError
from adcompile.frontend.arguments import Argument, abstract_all
from adcompile.frontend.lower import Lowered, lower
from adcompile.frontend.resolve import MISSING, Source, resolve, signature_of
from adcompile.frontend.targets import Target, target
from adcompile.ir.core import Const, Eqn, Function, Var, applies, walk
from adcompile.ir.derivatives import DERIVATIVES
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.structure import Node, leaves
from adcompile.opt import adjoin
from adcompile.records import NamedTuple, replace
from adcompile.transforms import derivatives
from adcompile.transforms.callees import Callees

__all__ = ["Example", "example_call", "lower_for"]


class Example(NamedTuple):
    """A function lowered for example arguments.

    arguments  all arguments by name, abstracted
    wrt        what of them is differentiated, one for each of argnums
    fixed      arguments that are no parameters of the compiled program, being objects known when compiling
    """

    source: Source
    lowered: Lowered
    arguments: Mapping[str, Argument]
    wrt: tuple[Argument, ...]
    fixed: frozenset[str] = frozenset()

    def passing(self, name: str) -> Literal["whole", "items", "none"]:
        """Tell how the compiled program takes an argument: as one, as many, or not at all."""
        kind = next(p.kind for p in signature_of(self.source) if p.name == name)
        argument = self.arguments[name]
        if name in self.fixed or (kind == "varkw" and isinstance(argument, Node) and not argument.children):
            return "none"
        return "items" if kind == "varargs" else "whole"

    def conflicts(self) -> list[tuple[str, str]]:
        """Return the arrays, by name in pairs, that must not share memory: the function stores into the first.

        It would change the second one too, which the derivative does not see.
        """
        fn, roots = self.function, storage(self.function)
        stored: set[Var] = set()
        for stmt in walk(fn.stmts):
            if isinstance(stmt, Eqn) and PRIMITIVES[stmt.prim].updates and isinstance(stmt.args[0], Var):
                stored |= roots.get(stmt.args[0], frozenset())
        arrays = [p for p in fn.params if p.type.is_array]
        pairs = itertools.combinations(arrays, 2)
        return [(p.name, q.name) if p in stored else (q.name, p.name) for p, q in pairs if p in stored or q in stored]

    @property
    def function(self) -> Function:
        return self.lowered.function

    @property
    def captured(self) -> dict[str, object]:
        """Return the values of the hidden arguments, which are read from outside, by name."""
        return {name: value for c in self.lowered.captures for name, value in c.values().items()}

    @property
    def variables(self) -> tuple[Var, ...]:
        """Return the differentiated variables."""
        return tuple(v for argument in self.wrt for v in leaves(argument) if isinstance(v, Var) and varies(v))


def varies(leaf: object) -> bool:
    """Tell whether a part of a differentiated argument has a derivative."""
    return isinstance(leaf, Var) and leaf.type.inexact


def example_call(
    function: types.FunctionType,
    values: Mapping[str, object],
    wrt: Sequence[tuple[str, int | None]],
    constants: Container[str] = (),
    rules: Sequence[CustomFunction] = (),
    whole: bool = False,
    outputs: Sequence[str] = (),
    one: bool = False,
) -> Example:
    """Lower a function for example arguments: `values` has one for each of its parameters.

    `wrt` names what is differentiated: an argument, or an item of the tuple that a variadic argument is. Objects among
    the arguments `constants` are known when compiling, so that their attributes can be read. `rules` hold wherever
    their functions are called. `whole`: the function is compiled as it is, and not differentiated. The result is what
    the function returns, or the final values of the arguments `outputs`: a tuple of them, or with `one` the only one.
    """
    facts = Facts()
    arguments = abstract_all(values, facts)
    for name in outputs:
        _check_output(function.__name__, name, arguments)
    fixed = frozenset(name for name, a in arguments.items() if name in constants and _opaque(a))
    arguments.update({name: Const(values[name]) for name in fixed})
    source = resolve(function)
    lowered = without_pushforwards(lower(Target(source, (), {}), arguments, facts, rules, whole, tuple(outputs), one))
    return Example(source, lowered, arguments, tuple(_item(arguments[name], k) for name, k in wrt), fixed)


def without_pushforwards(lowered: Lowered) -> Lowered:
    """Put the equations of pushforwards in their places."""
    callees = Callees.of(lowered.callees)
    function, functions = lowered.function, lowered.callees
    if any(applies(fn.stmts, "custom", *DERIVATIVES) for fn in (function, *functions.values())):
        functions = {name: derivatives.expand(fn, callees) for name, fn in functions.items()}
        function = derivatives.expand(function, callees)
    function = adjoin.run(function)
    made = {name: fn for name, fn in callees.functions.items() if fn is not None}
    return replace(lowered, function=function, callees={**made, **functions})


def lower_for(f: Callable[..., object], args: Sequence[object]) -> Lowered:
    """Lower a function, without a derivative, for positional arguments; other parameters keep their defaults."""
    found = target(f)
    values = {p.name: p.default for p in signature_of(found.source) if p.default is not MISSING}
    names = [p.name for p in signature_of(found.source) if p.kind == "positional"]
    values.update(zip(names, (*found.bound, *args), strict=False))
    values.update(found.keywords)
    facts = Facts()
    return lower(Target(found.source, (), {}), abstract_all(values, facts), facts)


def _check_output(function: str, name: str, arguments: Mapping[str, Argument]) -> None:
    """Refuse an output that is no argument, or an argument that no function can change."""
    if name not in arguments:
        raise ArgumentError(f"outputs: {function} has no argument {name}; it has {', '.join(arguments)}")
    argument = arguments[name]
    if isinstance(argument, Var) and not argument.type.is_array or isinstance(argument, Const):
        raise ArgumentError(f"outputs: {name} is no array, so {function} cannot change it")


def _opaque(argument: Argument) -> bool:
    """Tell whether an argument is an object: no number, array, sparse matrix, container, and nothing to write down."""
    if isinstance(argument, Const):
        return not isinstance(argument.value, bool | str | bytes | type(None))
    return isinstance(argument, Var) and argument.type.kind == "object" and not argument.type.layout


def _item(argument: Argument, position: int | None) -> Argument:
    if position is None:
        return argument
    assert isinstance(argument, Node)
    return argument.children[position]
