"""How emitted functions take their arguments and give their results: containers around the leaves of a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from adcompile.emit.source import Layout, Param
from adcompile.errors import ArgumentError
from adcompile.frontend.arguments import Argument
from adcompile.frontend.lower import Capture, Lowered
from adcompile.frontend.resolve import MISSING, signature_of
from adcompile.ir.core import NONE, Atom, Const, Function, Var
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import Type, example_of

__all__ = ["Result", "cotangents", "differentiable", "gradients", "one_number", "parameters", "select", "split", "tangents"]

# The structure of what is returned, over the numbers of a function's results.
Result = Node[int] | int

SMALL: Final = 1000  # elements of an array that is written into the source


# -- results


def split(lowered: Lowered, has_aux: bool) -> tuple[Result, Result | None]:
    """Return the differentiated part of a result, and the auxiliary part."""
    result = lowered.result
    if not has_aux:
        return result, None
    if isinstance(result, Node) and result.kind in ("tuple", "list") and len(result.children) == 2:
        return result.children[0], result.children[1]
    raise ArgumentError(f"with has_aux {lowered.function.name} must return a pair, but it returns {_described(lowered, result)}")


def one_number(lowered: Lowered, result: Result) -> int:
    """Return the number of the one result of a function whose gradient is asked for; refuse any other result."""
    fn = lowered.function
    if isinstance(result, int):
        t = fn.outs[result].type
        if t.dims == () and differentiable(fn.outs[result]):
            return result
    raise ArgumentError(
        f"the gradient is that of one floating-point number, but {fn.name} returns {_described(lowered, result)}"
    )


def _described(lowered: Lowered, result: Result) -> str:
    """Describe a result in an error message."""
    if isinstance(result, Node):
        return f"a {result.kind} of {len(result.children)}"
    out = lowered.function.outs[result]
    if isinstance(out, Const) and not out.type.is_numeric:
        return repr(out.value)
    return _described_type(out.type)


def _described_type(t: Type) -> str:
    name = getattr(t.dtype, "name", None) or getattr(t.dtype, "__name__", "")
    if not t.is_array:
        return f"an {name or 'object'}" if (name or "o")[0] in "aeiou" else f"a {name}"
    if t.dims is None:
        return f"a {name} array".replace("  ", " ")
    shape = tuple(example_of(d) for d in t.dims)
    return f"a {name} array of shape {shape}".replace("None", "?").replace("  ", " ")


def differentiable(a: Atom) -> bool:
    """Tell whether a result has a derivative: a floating-point number or array."""
    t = a.type
    if t.kind == "object" or not t.inexact:
        return False
    return t.dtype not in (complex,) and not (isinstance(t.dtype, np.dtype) and t.dtype.kind == "c")


def gradients(fn: Function, wrt: Sequence[Argument], first: int) -> tuple[Function, list[Result]]:
    """Return the structure of each gradient; results from number `first` on are the adjoints of the variables.

    What cannot be differentiated has the gradient None.
    """
    numbers = iter(range(first, len(fn.outs)))
    nothing = len(fn.outs)
    trees = [map_leaves(lambda a: next(numbers) if isinstance(a, Var) else nothing, argument) for argument in wrt]
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


# -- parameters


def parameters(lowered: Lowered, arguments: Mapping[str, Argument]) -> Iterator[Param]:
    """Yield the parameters of an emitted function: those of the user's function."""
    ...
