"""Lower a function with derivative rules itself: in place, or as a call that is made as it is."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend import builtin, calls, opaque_types, places
from adcompile.frontend.custom_pieces import Pieces, settled, variables_in
from adcompile.frontend.opaque_equations import emit
from adcompile.frontend.values import Ref, Value, lift
from adcompile.ir.core import Var
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_FLOAT, Type
from adcompile.rules import binding
from adcompile.rules.opaque import UNKNOWN

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


class Primal(Pieces):
    """Lowers the function itself, and notes what its results are and may share memory with."""

    def primal(self) -> None:
        lo, f = self.lo, self.f
        given: list[Value] = []
        returned: list[Value] = []
        lo.depend(f, "function", f.function)

        def run() -> Value:
            given.extend(map(self.instance, self.tree))
            lo.frame.names[".given"] = Node("tuple", tuple(given))  # other names of the same arrays
            returned.append(self.value_of(given))
            self.keep_given(f.__name__)
            return returned[0]

        piece = self.piece(run, self.params, f.__name__)
        self.made.result = piece.value
        self.made.aliases = self.aliases(returned[0], given)
        self.results = variables_in([piece.value])
        self.call.primal = self.function("", self.params, piece.stmts, piece.atoms)
        self.call.types = tuple(v.type for v in self.results)

    def value_of(self, given: Sequence[Value]) -> Value:
        """Call the function itself: in place, or as it is if it has no source or is not to be looked into."""
        lo, f = self.lo, self.f
        positional, keywords = self.named(given)
        looked_into = isinstance(f.function, types.FunctionType | types.MethodType | functools.partial)
        if f.opaque or f.like is not None or not (looked_into or known_function(f.function)):
            return self.opaque(positional, keywords)
        lo.plain_calls.append(f.function)
        try:
            return calls.call(lo, lift(f.function), positional, keywords, self.node)
        finally:
            lo.plain_calls.pop()

    def opaque(self, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        """Call the function as it is: by its name in its module, or as a hidden argument if it has none."""
        lo, f = self.lo, self.f
        promised = self.promised(args)
        place = places.place_of(f.function)
        if place is not None:
            return emit(lo, "path", place, (), args, keywords, promised, self.node, trusted=True)
        captured = lo.capture_attribute(f, "function", f.__name__ if f.__name__.isidentifier() else "function")
        return emit(lo, "value", ("", ""), (captured,), args, keywords, promised, self.node, trusted=True)

    def promised(self, args: Sequence[Value]) -> tuple[Type, ...]:
        """Return the types of the results of a function that is called as it is."""
        lo, f = self.lo, self.f
        if f.like is not None:
            like = f.like
            self.lo.depend(f, "like", like)
            run = lambda: calls.call(lo, lift(like), [self.instance(a) for a in self.tree], {}, self.node)  # noqa: E731
            piece = self.piece(run, self.params, "like")
            value = piece.value.children if isinstance(piece.value, Node) else (piece.value,)
            return tuple(settled(lo.type_of(v)) for v in value)
        if isinstance(f.function, np.ufunc):
            return (opaque_types.ufunc_result(lo, f.function, args, self.node),)
        known = PY_FLOAT if getattr(f.function, "__module__", "") == "math" else opaque_types.annotated(f.function)
        if known is UNKNOWN:
            self.refuse(
                f"what `{f.__name__}` returns is not known",
                "say so with a function whose result is like its: primitive(f, like=lambda x: np.empty_like(x))",
            )
        return (known,)

    def aliases(self, result: Value, given: Sequence[Value]) -> tuple[frozenset[int], ...]:
        """Return which operands may share memory with each result."""
        lo = self.lo
        operands = [v for value in given for v in atoms_in(lo, value)]
        cells = {v.cell: k for k, v in enumerate(operands) if isinstance(v, Ref)}
        found: list[frozenset[int]] = []
        for v in atoms_in(lo, result):
            near = {v.cell, *lo.alias_of(v.cell)} if isinstance(v, Ref) else set()
            found.append(frozenset(cells[c] for c in near if c in cells))
        return tuple(found)


def known_function(f: object) -> bool:
    """Tell whether the compiler has a rule or a meaning of its own for a function."""
    try:
        return f in binding.FUNCTIONS or builtin.find(f) is not None
    except TypeError:
        return False


def atoms_in(lo: Lowering, value: Value) -> Iterator[Value]:
    """Yield the numbers and arrays in a value."""
    value = lo.current(value)
    if isinstance(value, Node):
        for child in value.children:
            yield from atoms_in(lo, child)
    elif isinstance(value, Ref | Var):
        yield value
