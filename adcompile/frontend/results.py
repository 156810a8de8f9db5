"""What messages say about the results of functions."""

from __future__ import annotations

from adcompile.frontend.resolve import LAMBDA
from adcompile.ir.core import Const, Function, is_none
from adcompile.ir.structure import Node
from adcompile.rules.lengths import described

__all__ = ["NAMELESS", "called", "described_result", "not_a_pair", "not_one_number"]

NAMELESS = "inner"  # the name in emitted source of a function that has none, and is differentiated inside another one


def called(fn: Function) -> str:
    """Return how a message calls a function: by its name, if it has one."""
    return "the function" if fn.name in (LAMBDA, NAMELESS) else fn.name


def described_result(fn: Function, result: Node[int] | int) -> str:
    """Describe a result, given over the numbers of the function's results."""
    if isinstance(result, Node):
        return f"a {result.kind} of {len(result.children)}"
    out = fn.outs[result]
    return repr(out.value) if isinstance(out, Const) and not out.type.is_numeric else described(out.type)


def not_one_number(fn: Function, result: Node[int] | int) -> tuple[str, str]:
    """Return what to say of a result whose gradient is asked for though it is not one number, and the remedy."""
    message = f"the gradient is that of one floating-point number, but {called(fn)} returns "
    message += described_result(fn, result)
    if isinstance(result, Node):
        return message, "return the number alone, or with has_aux=True a pair of it and the rest, or take vjp() of it"
    out = fn.outs[result]
    if is_none(out):
        return message, "let it return the number, or name the argument that it stores it into by `outputs`"
    if out.type.is_array or out.type.inexact:
        return message, "return its sum, or take jacobian() or vjp() of it"
    return message, "numbers that are not floating-point have no derivative: leave out what made it one"


def not_a_pair(fn: Function, result: Node[int] | int) -> str:
    """Return what to say of a result of which `has_aux` takes two parts."""
    return f"with has_aux {called(fn)} must return a pair, but it returns {described_result(fn, result)}"
