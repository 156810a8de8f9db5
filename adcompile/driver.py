"""The compiler from end to end: a function and example arguments in, the source of a derivative out."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from adcompile import layouts
from adcompile.emit import source as emission
from adcompile.errors import ArgumentError
from adcompile.frontend.arguments import Argument, abstract_all
from adcompile.frontend.lower import Lowered, lower
from adcompile.frontend.resolve import resolve
from adcompile.frontend.targets import Target
from adcompile.ir import pretty, verify
from adcompile.ir.core import Const, Function, Var
from adcompile.ir.structure import Node, leaves
from adcompile.ir.types import Facts, Type, example_of
from adcompile.layouts import Result
from adcompile.opt import clean
from adcompile.transforms import forward, inplace, reverse, store

__all__ = ["Compiled", "Example", "compile_forward", "compile_pair", "compile_reverse", "example_call", "listing"]

Pass = Callable[[Function], Function]


# -- the passes


def reverse_passes(wrt: Sequence[Var], outs: Sequence[int], keep: bool) -> tuple[Pass, ...]:
    """Append the adjoint program, clean up, decide what to store, clean up again."""
    return (partial(reverse.run, wrt=wrt, outs=outs, keep=keep), clean, store.run, clean)


def forward_passes(wrt: Sequence[Var]) -> tuple[Pass, ...]:
    """Put tangents beside the primals, clean up."""
    return (partial(forward.run, wrt=wrt), clean)


VERIFY: Final = "ADCOMPILE_VERIFY"  # environment: set to 1 to verify the program after each pass


def run(fn: Function, passes: Sequence[Pass]) -> Function:
    """Run passes one after the other."""
    checked = os.environ.get(VERIFY, "0") not in ("", "0")
    for each in passes:
        fn = each(fn)
        if checked:
            verify.run(fn)
    return fn


# -- examples


@dataclass(frozen=True, slots=True)
class Example:
    """An example call of a function, lowered.

    arguments  all arguments by name, abstracted
    wrt        what of them is differentiated, one for each of argnums
    """

    lowered: Lowered
    arguments: Mapping[str, Argument]
    wrt: tuple[Argument, ...]

    @property
    def function(self) -> Function:
        return self.lowered.function

    @property
    def variables(self) -> tuple[Var, ...]:
        """Return the differentiated variables."""
        return tuple(v for argument in self.wrt for v in leaves(argument) if isinstance(v, Var))


def example_call(
    function: types.FunctionType, values: Mapping[str, object], wrt: Sequence[tuple[str, int | None]]
) -> Example:
    """Lower a function for example arguments: `values` has one for each of its parameters.

    `wrt` names what is differentiated: an argument, or an item of the tuple that a variadic argument is.
    """
    facts = Facts()
    arguments = abstract_all(values, facts)
    lowered = lower(Target(resolve(function), (), {}), arguments, facts)
    return Example(lowered, arguments, tuple(_item(arguments[name], k) for name, k in wrt))


def _item(argument: Argument, position: int | None) -> Argument:
    if position is None:
        return argument
    assert isinstance(argument, Node)
    return argument.children[position]


# -- derivatives


@dataclass(frozen=True, slots=True)
class Compiled:
    """The source of a derivative.

    entries  the functions in it that are called: one, or the forward and the backward function
    seed     the dtype of the cotangent 1.0 that the first entry's last default stands for; "" if it has none
    """

    source: str
    entries: tuple[str, ...]
    seed: str = ""


def compile_reverse(example: Example, *, value: bool, has_aux: bool) -> Compiled:
    """Compile the gradient of a function whose result is one number; `value`: the result is returned too."""
    lowered = example.lowered
    loss, aux = split_result(lowered, has_aux)
    number = _one_number(lowered, loss)
    fn = run(lowered.function, reverse_passes(example.variables, (number,), value or has_aux))
    fn, gradients = layouts.gradients(fn, example.wrt, len(lowered.function.outs) if value or has_aux else 0)
    parts = [lowered.result, gradients] if value else [gradients, aux] if aux is not None else [gradients]
    fn, result = layouts.select(fn, parts[0] if len(parts) == 1 else Node("tuple", tuple(parts)))
    fn = inplace.run(fn, frozenset(fn.params))
    name = f"{lowered.function.name}_{'value_and_vjp' if value else 'vjp'}"
    layout = layouts.gradient_layout(name, fn, result, example.lowered, example.arguments)
    seed = fn.params[-1].type
    return Compiled(emission.emit(fn, layout), (name,), np.dtype(seed.dtype).str if seed.kind != "py" else "")


def compile_forward(example: Example, *, has_aux: bool) -> Compiled:
    """Compile the derivative along given tangents of the arguments."""
    ...


def compile_pair(example: Example, *, has_aux: bool) -> Compiled:
    """Compile the value with what the reverse sweep needs, and the reverse sweep, as two functions."""
    ...


def listing(example: Example, ...) -> str:
    """..."""
