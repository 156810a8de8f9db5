"""Which functions are being run already: whether a call runs in place, or its function is one that calls itself.

What becomes of the latter is in `recursion`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from adcompile.frontend.frames import Frame, is_ours
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import LocalFunction, Method, Partial, Value
from adcompile.ir.core import Const
from adcompile.ir.structure import Node, leaves

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

SAME_CALLS = 4  # within each other, of one function for the same known arguments, before it is found to be recursive


def is_recursive(lo: Lowering, source: Source, names: Mapping[str, Value], shape: object) -> bool:
    """Tell whether a function is being run already, on containers of the same structure and for the same functions.

    A function that goes down a tree of known structure comes to an end, and is run in place at each node. With a
    function that was made inside another one, or other functions than before, it is run in place too: that is how
    functions of functions are used within each other. That too may come to no end, and then it is in `resolved`.
    """
    if any(map(_is_made_inside, names.values())):
        return source.node in lo.resolved and any(f.node is source.node for f in lo.frames)
    return any(
        isinstance(f.scope, Source)
        and f.scope.node is source.node
        and f.scope.function is source.function
        and f.shape == shape
        and all(_same_function(value, f.given.get(name)) for name, value in names.items())
        for f in lo.frames
    )


def _is_made_inside(value: Value) -> bool:
    if isinstance(value, Node):
        return any(map(_is_made_inside, value.children))
    return isinstance(value, LocalFunction | Partial | Method)


def _same_function(value: Value, before: Value | None) -> bool:
    """Tell whether an argument is no function, or the same function as in a call before."""
    if not isinstance(value, Const) or not callable(value.value):
        return True
    return isinstance(before, Const) and before.value is value.value


def shape_of(lo: Lowering, names: Mapping[str, Value]) -> object:
    """Return the structures of the containers among the arguments of a call."""

    def form(value: Value) -> object:
        if isinstance(value, Node) and value.identity in lo.placed:
            return value.form  # it may refer to others like itself
        value = lo.current(value)
        return (value.form, tuple(map(form, value.children))) if isinstance(value, Node) else None

    return tuple((name, form(value)) for name, value in names.items())


def is_endless(lo: Lowering, f: LocalFunction, names: Mapping[str, Value]) -> bool:
    """Tell whether a function made inside another one is being run already, as often as one that comes to no end."""
    known = _known(names)
    return sum(_known(frame.given) == known for frame in _running(lo, f)) >= SAME_CALLS


def is_running(lo: Lowering, f: LocalFunction) -> bool:
    """Tell whether a function made inside another one is being run already."""
    return any(True for _ in _running(lo, f))


def _running(lo: Lowering, f: LocalFunction) -> Iterator[Frame]:
    return (frame for frame in lo.frames if frame.node is f.node and frame.parent is f.frame)


def _known(names: Mapping[str, Value]) -> list[object]:
    return [leaf.key for value in names.values() for leaf in leaves(value) if isinstance(leaf, Const)]


def run_in_place(lo: Lowering) -> ast.AST | None:
    """Return a function that is run in place within itself, and could be called by name; None if there is none."""
    counts: dict[ast.AST, int] = {}
    for frame in lo.frames:
        inside = frame.parent is not None or any(map(_is_made_inside, frame.given.values()))
        if inside and frame.node is not None and not is_ours(frame.scope):
            counts[frame.node] = counts.get(frame.node, 0) + 1
    counts = {node: n for node, n in counts.items() if n >= SAME_CALLS and node not in lo.resolved}
    return max(counts, key=counts.__getitem__, default=None)
