"""Trading time for memory: what users mark to be run again in the reverse sweep, and how it is lowered.

`checkpoint(f)(x)` is a loop of one trip that keeps its first state; a checkpointed loop says how many it keeps. What
they become is decided in `transforms.checkpoints`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from adcompile.errors import ArgumentError
from adcompile.frontend.values import LocalFunction, Ref, Value, is_static
from adcompile.ir.core import UNDEFINED, Atom, Block, Const, For, Var
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import PY_INT
from adcompile.records import replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

__all__ = ["Checkpoint", "checkpoint", "checkpointed"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Checkpoint(Generic[P, R]):
    """A function that is run again in the reverse sweep; made by `checkpoint`."""

    __wrapped__: Callable[P, R]

    def __init__(self, function: Callable[P, R]) -> None:
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.__wrapped__(*args, **kwargs)


def checkpoint(f: Callable[P, R]) -> Checkpoint[P, R]:
    """Return `f` as a function that keeps nothing for the reverse sweep but its arguments, and runs again there.

    A derivative of a program that calls it holds the arguments of the call instead of what `f` computes on the way, and
    takes the time of one more run of `f`. Called outside of a derivative it is `f`. What `f` prints is printed once;
    `f` may not draw random numbers.

    >>> import numpy as np
    >>> from adcompile import checkpoint, grad
    >>> @checkpoint
    ... def layer(w, x):
    ...     return np.tanh(np.exp(w * x) - 1.0)
    >>> gradient = grad(lambda w, x: np.sum(layer(w, layer(w, x))))(0.5, np.array([0.1, 0.2]))
    >>> print(f"{gradient:.4f}")
    0.3312
    """
    return Checkpoint(f)


def checkpointed(trips: T, slots: int) -> T:
    """Mark the trips of a loop to be run again in the reverse sweep, which keeps at most `slots` states of the loop.

    Use it as ``for i in checkpointed(range(n), slots=10)`` or ``while checkpointed(condition, slots=10)``. Outside of a
    derivative it does nothing. The states are the values of the variables that the loop changes. A derivative keeps
    `slots` of them, and what the body does in one trip, instead of what it does in all trips. Where the number of trips
    is known when the loop starts, the states are chosen so that the fewest trips are run again (Griewank and Walther,
    2000): none more than r times where C(slots + r, slots) >= n. In a while loop, or one that may break off, they are
    chosen on the way. What the body prints is printed once; it may not draw random numbers.

    Parameters
    ----------
    trips : iterable or condition
        What the loop runs over, returned as it is.
    slots : int
        How many states may be kept, at least 1; known when compiling.

    >>> import numpy as np
    >>> from adcompile import checkpointed, grad
    >>> def decay(u, n):
    ...     for i in checkpointed(range(n), slots=3):
    ...         u = u - 0.01 * u**3
    ...     return np.sum(u)
    >>> print(grad(decay)(np.array([1.0, 2.0]), 100))
    [0.18891399 0.03419441]
    """
    if type(slots) is not int or slots < 1:
        raise ArgumentError(f"checkpointed: slots must be a whole number, at least 1, not {slots!r}")
    return trips


# -- lowering


def lower_checkpointed(lo: Lowering, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower ``checkpointed(trips, slots)`` over something that is iterated over."""
    from adcompile.frontend import iteration

    trips, slots = arguments(lo, args, keywords, node)
    found = iteration.iterable(lo, trips, node)
    if isinstance(found, list):
        lo.refuse(
            node,
            "a container cannot be iterated over with checkpoints",
            "its items are known one by one",
            "iterate over a range, and put the items into an array",
        )
    return replace(found, snapshots=slots)


def arguments(lo: Lowering, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> tuple[Value, int]:
    """Return the operands of a call of `checkpointed`."""
    given = {**dict(zip(("trips", "slots"), args, strict=False)), **keywords}
    if len(args) > 2 or set(given) != {"trips", "slots"}:
        lo.refuse(node, "checkpointed() takes what the loop runs over, and slots", "here")
    slots = lo.static(given["slots"], node)
    if not isinstance(slots, int) or slots < 1:
        lo.refuse(node, f"slots must be a whole number, at least 1, not {slots!r}", "here")
    return given["trips"], slots


def split_test(lo: Lowering, test: ast.expr) -> tuple[ast.expr, int | None]:
    """Return the condition of a while loop, and how many states it may keep if that is said there."""
    from adcompile.frontend import expressions

    if not isinstance(test, ast.Call) or not isinstance(test.func, ast.Name | ast.Attribute):
        return test, None
    function = expressions.evaluate(lo, test.func)
    if not (isinstance(function, Const) and function.value is checkpointed):
        return test, None
    keywords = {str(k.arg): expressions.evaluate(lo, k.value) for k in test.keywords}
    condition, *rest = test.args or [test]
    _, slots = arguments(lo, [Const(True), *(expressions.evaluate(lo, a) for a in rest)], keywords, test)
    return condition, slots


def call(lo: Lowering, f: Value, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower the call of a function that is run again in the reverse sweep."""
    from adcompile.frontend import calls

    start = lo.snapshot()
    with lo.builder.block() as stmts:
        value = settled(lo, calls.call(lo, f, args, keywords, node), node)
        written = [cell for cell, before in start.cells.items() if lo.cells[cell] is not before]
        if lo.frame.names != start.names or any(lo.contents[k] is not v for k, v in start.contents.items()):
            lo.refuse(node, "a function that is run again may not change lists, dicts or names outside of it", "here")
        parts: list[Value] = list(leaves(value))
        numbers = [v for v in parts if not is_static(v)]
        yields: list[Atom] = [*map(lo.atom, numbers), *(lo.cells[c] for c in written)]
    outs = tuple(Var(a.name if isinstance(a, Var) else "", a.type) for a in yields)
    block = Block(tuple(Var(o.name, o.type) for o in outs), tuple(stmts), tuple(yields))
    undefined = (UNDEFINED,) * len(outs)
    index, bounds = Var(name_of(f), PY_INT), (Const(0), Const(1), Const(1))
    lo.builder.add(For(index, *bounds, undefined, block, outs, lo.next_key(), span=lo.builder.span, snapshots=1))
    lo.cells = {cell: var for cell, var in lo.cells.items() if cell in start.cells}
    lo.cells.update(zip(written, outs[len(numbers) :], strict=True))
    results = iter(outs)

    def result(v: Value) -> Value:
        return v if is_static(v) else lo.wrap(next(results))

    return lo.owned(map_leaves(result, value) if isinstance(value, Node) else result(value))


def name_of(f: Value) -> str:
    """Return the name of a function, as a hint for what it becomes."""
    name = f.node.name if isinstance(f, LocalFunction) and isinstance(f.node, ast.FunctionDef) else ""
    found = getattr(f.value, "__name__", "") if isinstance(f, Const) else name
    return found if str(found).isidentifier() else ""


def settled(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return a result with what its lists and dicts hold now; refuse what is not made of numbers and constants."""
    value = lo.current(value)
    if isinstance(value, Node):
        return value.holding([settled(lo, c, node) for c in value.children])
    if not (is_static(value) or isinstance(value, Ref) or (isinstance(value, Var) and value.type.is_numeric)):
        lo.refuse(node, "a function that is run again must return numbers and arrays", "called here")
    return value
