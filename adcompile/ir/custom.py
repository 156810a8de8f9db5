"""Calls of functions whose derivative is given by rules, as equations.

    v3 = custom(v1, v2; call)      v3 = f(v1, v2), and `call` holds f and its rules as functions of the IR

Such an equation stays whole until the program is differentiated. Then it becomes the equations of a rule, or, where
nothing differentiated reaches it, those of f itself.
"""

from __future__ import annotations

from typing import Final

from adcompile.errors import CompileError
from adcompile.ir.core import Atom, Attrs, Function
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.records import dataclass

__all__ = ["HELPERS", "AdjointBlock", "CustomCall", "Pull", "Push", "infer_custom"]

# What the rules of calls are put in their place with, until the program is differentiated: see `transforms.custom`.
HELPERS: Final = frozenset({"stop", "delta", "attach", "pull", "hook"})


@dataclass(frozen=True, slots=True)
class Pull:
    """The reverse rule of a call.

    forward   takes the operands; returns the results, then the residuals. None: the results are the residuals
    backward  takes the residuals, the operands and the cotangents of the results `seeds`; returns cotangents
    targets   the operands that these belong to
    guarded   where a cotangent is zero, so is what comes of it, even if a partial derivative is infinite
    """

    forward: Function | None
    backward: Function
    seeds: tuple[int, ...]
    targets: tuple[int, ...]
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Push:
    """A forward rule of a call: it may be one of several, whose tangents add up.

    function   takes the operands, the results unless `whole`, and the tangents of the operands `positions`; returns
               the results if `whole`, then the tangents of the results `dotted`
    """

    function: Function
    positions: tuple[int, ...]
    dotted: tuple[int, ...]
    whole: bool = False


@dataclass(slots=True, eq=False)
class CustomCall:
    """A function for operands of certain types, and its rules, which may be errors that are raised where they are used.

    count    how many operands are the function's: after them comes what it and its rules read from outside, `values`
             values and then what only lengths are read of. All functions take these last
    nondiff  the operands that have no derivative
    types    of the results
    pull     None if there is no reverse rule; `push` likewise
    linear   the reverse rule is an adjoint, linear in the cotangents
    settled  the derivatives that the rules take of other functions have been put in place
    """

    name: str
    count: int
    nondiff: frozenset[int]
    values: int = 0
    types: tuple[Type, ...] = ()
    primal: Function | None = None
    pull: Pull | CompileError | None = None
    push: tuple[Push, ...] | CompileError | None = None
    linear: bool = False
    settled: bool = False

    @property
    def __name__(self) -> str:
        return self.name


@dataclass(slots=True, eq=False)
class AdjointBlock:
    """A block of code that runs in the reverse sweep.

    It takes an adjoint and what it reads besides, and returns what takes the place of the adjoint.
    """

    name: str
    function: Function

    @property
    def __name__(self) -> str:
        return self.name


def infer_custom(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    (call,) = attrs
    assert isinstance(call, CustomCall)
    return call.types
