"""The registry of primitives: what an equation may apply. The tables under ``rules`` fill it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.ir.builder import Builder

Infer = Callable[[Facts, tuple[Atom, ...], Attrs], Type | tuple[Type, ...]]
Simplify = Callable[["Builder", tuple[Atom, ...], Attrs], Atom | None]

# What recomputing a value costs, for the decision whether to keep it:
#   free            reads a shape or makes a view
#   arithmetic      + - * comparisons, one element read
#   division        / // % sqrt
#   transcendental  exp, sin, pow, ...; reductions
#   product         matrix products, decompositions
Cost = Literal["free", "arithmetic", "division", "transcendental", "product"]


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive operation.

    name      unique; also what the SSA listing prints
    infer     the types of the results; raises TypeError or ValueError with a message if the arguments do not fit
    spelling  the function that emitted source calls ("np.sin"); "" if the emitter has a form of its own for it
    signature the names of the operands and of the attributes with their defaults: ``x, axis=None, keepdims=False``
              (printing leaves out an attribute that equals its default). Any number of operands: "*xs" as separate
              arguments, "(*xs)" as one tuple, "[*xs]" as one list. "@name" is an attribute that is printed first,
              by position
    n_attrs   how many names at the end of the signature are attributes
    fold      computes the result when every operand is a constant
    simplify  returns an equivalent atom, or None
    cost      see `Cost`
    effect    must run exactly once and in order (print, assert, push, pop)
    shares    the result may be a view of the first operand
    updates   the result reuses the storage of the first operand where that is dead afterwards
    allocates makes a new buffer that will be written to, so that two of them are never merged
    safe      cannot raise, so it may be moved out of a loop that may make no trip
    helper    a plain Python function over NumPy whose source is put at the top of emitted source that calls it
    """

    name: str
    infer: Infer
    spelling: str = ""
    signature: str = "x"
    n_attrs: int = 0
    fold: Callable[..., object] | None = None
    simplify: Simplify | None = None
    cost: Cost = "transcendental"
    effect: bool = False
    shares: bool = False
    updates: bool = False
    allocates: bool = False
    safe: bool = False
    helper: Callable[..., object] | None = None


# What makes trees and takes them apart; the derivatives of these are trees too.
OF_TREES: Final = frozenset({"tree", "untree", "tree_sum"})


class Registry(dict[str, Primitive]):
    """Primitives by name. To read one that is missing loads the rules that it has, see `adcompile.rules.index`."""

    load: Callable[[str], None] | None = None

    def __missing__(self, name: str) -> Primitive:
        if self.load is not None:
            self.load(name)
        if name not in self:
            raise KeyError(name)
        return self[name]


PRIMITIVES: Final = Registry()

# Calls of functions by name; the second is made also if nobody reads its results.
CALLS: Final = ("call", "call_loud")


def register(primitive: Primitive) -> Primitive:
    """Add a primitive to the registry; a name can be taken once."""
    if primitive.name in PRIMITIVES:
        raise ValueError(f"the primitive {primitive.name} exists already")
    PRIMITIVES[primitive.name] = primitive
    return primitive
