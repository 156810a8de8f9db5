"""What Python does with lists of run-time length, written in Python: run as the user's own helper functions are."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adcompile.frontend.values import Value

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

# Any: these run on abstract values
Anything = Any


def run(lo: Lowering, function: Callable[..., object], args: Sequence[Value], node: ast.AST) -> Value:
    """Run one of the functions below in place."""
    from adcompile.frontend import calls
    from adcompile.frontend.resolve import resolve

    assert isinstance(function, types.FunctionType)
    return lo.current(calls.run_function(lo, resolve(function), args, {}, node))


def extend(items: Anything, more: Anything) -> None:
    for item in more:
        items.append(item)


def listed(source: Anything) -> Anything:
    out = []
    for item in source:
        out.append(item)
    return out


def kept(source: Anything, test: Anything = bool) -> Anything:
    return [item for item in source if test(item)]


def any_(source: Anything) -> bool:
    for item in source:
        if item:
            return True
    return False


def all_(source: Anything) -> bool:
    for item in source:
        if not item:
            return False
    return True


def place(items: Anything, index: Anything) -> Anything:
    """Where an item goes that is inserted at an index."""
    if index < 0:
        index = max(index + len(items), 0)
    return min(index, len(items))


def positions(items: Anything, lo: Anything, hi: Anything, step: Anything) -> Anything:
    return range(len(items))[lo:hi:step]


def store_each(items: Anything, places: Anything, values: Anything) -> None:
    for place, value in zip(places, values):  # noqa: B905  # Python refuses other lengths
        items[place] = value


def concatenate(parts: Anything) -> Anything:
    """np.concatenate of a list of arrays, along their first axis."""
    total = 0
    for part in parts:
        total += len(part)
    out = np.empty((total, *parts[0].shape[1:]), dtype=parts[0].dtype)
    start = 0
    for part in parts:
        out[start : start + len(part)] = part
        start += len(part)
    return out
