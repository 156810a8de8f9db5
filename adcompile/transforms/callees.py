"""The functions that a program calls by name, and the derivative functions made of them.

A call whose result is differentiated becomes a pair: ``h_fwd`` returns h's results and a tape, ``h_bwd`` takes the
tape and the cotangents. There is one pair for each pattern of active operands and wanted results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adcompile.ir.core import Eqn, Function, Var, walk
from adcompile.ir.naming import numbered
from adcompile.records import dataclass, field
from adcompile.rules import effects


@dataclass(slots=True, eq=False)
class Pair:
    """A function and its adjoint program, to be split after its primal part.

    given       the parameters of the forward half, in order
    cotangents  the parameters of the backward half, after the tape
    n_outs      how many of the function's results the forward half returns; the backward half returns the others
    """

    name: str
    given: tuple[Var, ...] = ()
    cotangents: tuple[Var, ...] = ()
    n_outs: int = 0
    function: Function | None = None


@dataclass(slots=True, eq=False)
class Callees:
    """All functions of a program but the one that is compiled.

    derived  the functions and pairs made of others, by what they were made for
    owned    for the functions that are handed arrays to keep, which they may write into, the parameters that these are;
             such a function returns a tuple
    taken    which of the operands of a pullback the function that computes it takes
    pushed   the functions with tangents that pullbacks are of
    hushed   the functions without what they show
    watched  programs raise where an adjoint is not finite
    """

    functions: dict[str, Function | None]
    owned: dict[str, frozenset[Var]] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    derived: dict[object, str] = field(default_factory=dict)
    taken: dict[str, tuple[int, ...]] = field(default_factory=dict)
    pushed: dict[tuple[Function, tuple[int, ...], bool], Function] = field(default_factory=dict)
    hushed: dict[Function, Function] = field(default_factory=dict)
    watched: bool = False

    @classmethod
    def of(cls, functions: Mapping[str, Function]) -> Callees:
        return cls(dict(functions))

    def unused(self, name: str) -> str:
        """Return a name that no function or pair has."""
        return numbered(name, {*self.functions, *self.pairs})

    def add(self, fn: Function, owned: frozenset[Var] | None = None) -> Function:
        """Add a function, which owns some of its arguments if they are given; its name must be unused."""
        assert fn.name not in self.functions
        self.functions[fn.name] = fn
        if owned is not None:
            self.owned[fn.name] = owned
        return fn

    def known(self, name: str) -> Function:
        fn = self.functions[name]
        assert fn is not None, "a function is differentiated before it is complete"
        return fn

    def pair(self, key: object, name: str, make: Callable[[Pair], None]) -> Pair:
        """Return the pair for a key, made at its first use; it may call itself."""
        if key not in self.derived:
            found = Pair(numbered(name, self.pairs))
            self.derived[key] = found.name
            self.pairs[found.name] = found
            make(found)
        return self.pairs[self.derived[key]]

    def tangent(self, fn: Function, wrt: tuple[int, ...], lift: bool, make: Callable[[], Function]) -> Function:
        """Return the function with tangents of a function that pullbacks are of: one for each pattern of tangents."""
        key = fn, wrt, lift
        if key not in self.pushed:
            self.pushed[key] = make()
        return self.pushed[key]

    def quiet(self, fn: Function) -> Function:
        """Return a function for a second evaluation: it shows nothing again, neither do those that it calls."""
        if fn not in self.hushed:
            self.hushed[fn] = effects.quiet(fn, self._quiet_name)
        return self.hushed[fn]

    def _quiet_name(self, name: str) -> str:
        if not self._shows(name, set()):
            return name
        return self.function(("quiet", name), f"{name}_again", lambda: self.quiet(self.known(name)))

    def _shows(self, name: str, seen: set[str]) -> bool:
        """Tell whether a function shows something: it may be one of those that only raise."""
        seen.add(name)
        equations = [s for s in walk(self.known(name).stmts) if isinstance(s, Eqn)]
        called = {str(s.attrs[0]) for s in equations if s.prim == "call_loud"} - seen
        return any(map(effects.shows, equations)) or any(self._shows(n, seen) for n in called)

    def function(self, key: object, name: str, make: Callable[[], Function]) -> str:
        """Return the name of the function for a key, made at its first use; it may call itself."""
        if key not in self.derived:
            new = self.unused(name)
            self.derived[key] = new
            self.functions[new] = None
            self.functions[new] = make()
        return self.derived[key]
