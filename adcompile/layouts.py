"""How emitted functions take their arguments and give their results: containers around the leaves of a program."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adcompile.emit.layout import Layout, Param
from adcompile.errors import ArgumentError
from adcompile.example import Example, varies
from adcompile.frontend.arguments import Argument
from adcompile.frontend.lower import Lowered
from adcompile.frontend.outside import Capture
from adcompile.frontend.resolve import signature_of
from adcompile.frontend.results import called, described_result, not_a_pair, not_one_number
from adcompile.ir.core import NONE, Atom, Const, Eqn, Function, Var
from adcompile.ir.naming import unlike
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import PY_BOOL, PY_INT
from adcompile.records import replace
from adcompile.rules.table import complex_type

__all__ = [
    "Result",
    "bare",
    "differentiable",
    "differentiated",
    "dots",
    "flat",
    "gradients",
    "layout",
    "one_number",
    "seed",
    "select",
    "split",
    "tangents",
    "tested",
]

# The structure of what is returned, over the numbers of a function's results.
Result = Node[int] | int


# -- results


def split(lowered: Lowered, has_aux: bool) -> tuple[Result, Result | None]:
    """Return the differentiated part of a result, and the auxiliary part."""
    result = lowered.result
    if not has_aux:
        return result, None
    if isinstance(result, Node) and result.kind in ("tuple", "list") and len(result.children) == 2:
        return result.children[0], result.children[1]
    raise ArgumentError(not_a_pair(lowered.function, result))


def one_number(lowered: Lowered, result: Result) -> int:
    """Return the number of the one result of a function whose gradient is asked for; refuse any other result.

    A result whose rank is not known is tested by the program, see `tested`.
    """
    fn = lowered.function
    if isinstance(result, int):
        t = fn.outs[result].type
        if t.dims in ((), None) and differentiable(fn.outs[result]):
            if complex_type(fn.outs[result]):
                raise ArgumentError(
                    f"the gradient is that of one real number, but {called(fn)} returns a complex one: "
                    "return its real part or its size, or use vjp"
                )
            return result
    raise ArgumentError(": ".join(not_one_number(fn, result)))


def tested(fn: Function, number: int) -> Function:
    """Let a function raise if a result, whose rank is not known when compiling, is not one number."""
    out = fn.outs[number]
    if out.type.dims is not None:
        return fn
    rank, single = Var("", PY_INT), Var("", PY_BOOL)
    message = Const(f"the gradient is that of one floating-point number, but {called(fn)} returns an array")
    test = (
        Eqn((rank,), "ndim", (out,)),
        Eqn((single,), "eq", (rank, Const(0))),
        Eqn((), "assert", (single, message)),
    )
    return replace(fn, primal=(*fn.primal, *test))


def differentiable(a: Atom) -> bool:
    """Tell whether a result has a derivative: a real or complex floating-point number or array."""
    t = a.type
    return t.kind != "object" and t.inexact


def differentiated(lowered: Lowered, result: Result) -> list[int]:
    """Return the numbers of the results that have derivatives; refuse if there are none."""
    found = [k for k in dict.fromkeys(leaves(result)) if differentiable(lowered.function.outs[k])]
    if not found:
        fn = lowered.function
        raise ArgumentError(f"nothing that {called(fn)} returns has a derivative: it is {described_result(fn, result)}")
    return found


def gradients(fn: Function, wrt: Sequence[Argument], first: int) -> tuple[Function, list[Result]]:
    """Return the structure of each gradient; results from number `first` on are the adjoints of the variables.

    What cannot be differentiated has the gradient None.
    """
    numbers = iter(range(first, len(fn.outs)))
    nothing = len(fn.outs)
    trees = [map_leaves(lambda a: next(numbers) if varies(a) else nothing, argument) for argument in wrt]
    return replace(fn, outs=(*fn.outs, NONE)), trees


def tangents(fn: Function, result: Result, count: int) -> tuple[Function, Result]:
    """Return the structure of the tangent of a result; the tangent of result k is result count + k."""
    nothing = len(fn.outs)
    tree = map_leaves(lambda k: count + k if differentiable(fn.outs[k]) else nothing, result)
    return replace(fn, outs=(*fn.outs, NONE)), tree


def select(fn: Function, result: Result) -> tuple[Function, Result]:
    """Drop the results that the structure does not mention; return it over those that are left."""
    used = dict.fromkeys(leaves(result))
    numbers = {k: number for number, k in enumerate(used)}
    return replace(fn, outs=tuple(fn.outs[k] for k in used)), map_leaves(numbers.__getitem__, result)


def bare(stop: int, start: int = 0) -> Result:
    """Return the structure of results that a helper returns: one as it is, several in a tuple."""
    numbers = tuple(range(start, stop))
    return numbers[0] if len(numbers) == 1 else Node("tuple", numbers)


# -- parameters


def layout(example: Example, name: str, more: Sequence[Param], result: Result) -> Layout:
    """Return the outside of an emitted function: the user's parameters, `more`, and those for captured values.

    The default of a captured value is a constant of the module, which is None until somebody writes its value there.
    """
    constants = tuple(f"{v.name} = None" for c in example.lowered.captures for v in c.used)
    params = (*parameters(example), *more, *captured(example.lowered.captures))
    return Layout(name, params, result, constants=constants)


def parameters(example: Example) -> tuple[Param, ...]:
    """Return the parameters that are the user's: numbers, and what was known when compiling.

    A variadic argument is as many parameters as it has items. The last parameters keep their defaults, if those can be
    written down.
    """
    defaults = {p.name: p.default for p in signature_of(example.source)}
    found: list[Param] = []
    for name, argument in reversed([*example.arguments.items()]):
        how = example.passing(name)
        if how == "items":
            found += reversed(_items(name, argument, set(example.arguments)))
        elif how == "whole":
            default = _default(argument, defaults.get(name)) if all(p.default for p in found) else None
            found.append(Param(name, _varying(argument), default))
    return tuple(reversed(found))


def _items(name: str, argument: Argument, taken: set[str]) -> list[Param]:
    """Return one parameter for each item of a variadic argument."""
    assert isinstance(argument, Node)
    params: list[Param] = []
    for k, item in enumerate(argument.children):
        own = unlike(f"{name}_{k}", taken)
        taken.add(own)
        params.append(Param(own, _varying(item)))
    return params


def _varying(argument: Argument) -> Node[Var | None] | Var | None:
    return map_leaves(lambda a: a if isinstance(a, Var) else None, argument)


def _default(argument: Argument, default: object) -> str | None:
    """Return the text of a parameter's default, if the program is for a value like it."""
    if isinstance(argument, Const):
        return repr(argument.value) if argument.value is None or isinstance(argument.value, bool | str) else None
    if not isinstance(argument, Var) or not isinstance(default, int | float) or default != default:
        return None
    if argument.type.dtype is float:
        return repr(float(default))
    return repr(default) if argument.type.dtype is int and type(default) is int else None


def captured(captures: Sequence[Capture]) -> tuple[Param, ...]:
    """Return the hidden parameters: values from outside the function."""
    return tuple(Param(v.name, v, v.name, "keyword") for c in captures for v in c.used)


def seed(variable: Var, params: Sequence[Var]) -> Param:
    """Return the cotangent of a number: 1 of its type, where a Python float would give results of another type."""
    double = (float, int, bool, None)
    plain = all(p.type.dtype in double or p.type.dtype == np.float64 for p in (variable, *params) if p.type.inexact)
    return Param(variable.name, variable, "1.0" if plain else f"np.{np.dtype(variable.type.dtype).name}(1.0)")


def dots(example: Example, names: Sequence[str], variables: Sequence[Var]) -> tuple[Param, ...]:
    """Return the parameters for the tangents of the differentiated arguments."""
    taken = {v.name for c in example.lowered.captures for v in c.used}
    items = iter(variables)
    trees = [map_leaves(lambda a: next(items) if varies(a) else None, argument) for argument in example.wrt]
    return tuple(Param(unlike(name, taken), tree) for name, tree in zip(names, trees, strict=True))


def flat(variables: Sequence[Var]) -> tuple[Param, ...]:
    """Return the parameters of a helper: its variables."""
    return tuple(Param(v.name or f"v{k}", v) for k, v in enumerate(variables, 1))
