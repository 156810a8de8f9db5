"""Values of tangents and adjoints: beside what they belong to, filled, zero, summed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from adcompile.frontend.arguments import Argument
from adcompile.inspect.machine import Record
from adcompile.ir.core import Var
from adcompile.ir.forms import build, parts
from adcompile.ir.structure import Node
from adcompile.rules import runtime

L = TypeVar("L")


def paired(tree: Node[L] | L, value: object) -> Iterator[tuple[L, object]]:
    """Yield the leaves of a structure with those of a value of that structure; None stands for a None at each."""
    if not isinstance(tree, Node):
        yield tree, value
        return
    held = parts(value)
    items = [None] * len(tree.children) if held is None else held.children
    for child, item in zip(tree.children, items, strict=True):
        yield from paired(child, item)


def filled(argument: Argument, run: Record, number: float) -> object:
    """Return a tangent of an argument with one number everywhere."""

    def fill(a: object) -> object:
        return filled_like(run.inputs[a].content, number) if isinstance(a, Var) and a.type.inexact else None

    return build(argument, fill)


def filled_like(content: object, number: float) -> object:
    """Return a tangent or cotangent of a value with one number everywhere."""
    if isinstance(content, np.ndarray):
        return np.full(content.shape, number, content.dtype)
    if isinstance(content, np.generic):
        return content.dtype.type(number)
    if isinstance(content, list):
        return [filled_like(c, number) for c in content]
    return number


def zero(content: object) -> object:
    numeric = isinstance(content, float) or (isinstance(content, np.ndarray | np.generic) and content.dtype.kind == "f")
    return filled_like(content, 0.0) if numeric else None


def summed(a: object, b: object) -> object:
    if a is None or b is None or isinstance(a, tuple):  # adjoints of trees, None for zeros
        return runtime.sum_of_trees(a, b)  # type: ignore[no-untyped-call]  # a helper of emitted source
    if isinstance(a, list) and isinstance(b, list):
        return [summed(x, y) for x, y in zip(a, b, strict=True)]
    return a + b  # type: ignore[operator]  # numbers or arrays


def fitted_to(bar: object, content: object) -> object:
    """Return an adjoint as a value of its argument's kind."""
    if isinstance(content, np.ndarray):
        return np.asarray(bar, content.dtype)
    if isinstance(content, np.generic):
        return content.dtype.type(bar)
    return bar
