"""The compiler's stages one by one, for tests of a single pass."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from itertools import count

import numpy as np

from adcompile.frontend.arguments import abstract_all
from adcompile.frontend.lower import lower
from adcompile.frontend.resolve import resolve
from adcompile.frontend.targets import Target
from adcompile.ir.core import Eqn, Function, If, Stmt, Var, blocks_of, walk
from adcompile.ir.lengths import Facts
from adcompile.ir.structure import leaves
from adcompile.ir.verify import verify
from adcompile.opt import clean
from adcompile.transforms import reverse, store
from tests import interpret

_numbers = count()


def from_text(text: str, name: str = "f") -> Callable[..., object]:
    """Define a function from source text, so that the frontend finds the text."""
    filename = f"<test {next(_numbers)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    namespace: dict[str, object] = {"np": np}
    exec(compile(text, filename, "exec"), namespace)
    return namespace[name]


def lowered(f: Callable[..., object], **values: object) -> tuple[Function, tuple[Var, ...]]:
    """Lower a function for example arguments; also return the variables of its first argument."""
    facts = Facts()
    arguments = abstract_all(values, facts)
    fn = lower(Target(resolve(f), (), {}), arguments, facts).function
    first = next(iter(arguments.values()))
    return fn, tuple(v for v in leaves(first) if isinstance(v, Var))


def unimproved(f: Callable[..., object], **values: object) -> tuple[Function, list[object]]:
    """Lower a function of one result and append its adjoint, as no pass has changed it; not one that recurs.

    Return also the values that it reads from outside, which are parameters after the arguments.
    """
    facts = Facts()
    arguments = abstract_all(values, facts)
    found = lower(Target(resolve(f), (), {}), arguments, facts)
    if "call" in prims(found.function.primal):
        raise interpret.NotInterpreted("callees are compiled apart")
    wrt = [v for v in leaves(next(iter(arguments.values()))) if isinstance(v, Var)]
    outside = {name: value for capture in found.captures for name, value in capture.values().items()}
    read = [outside[v.name] for v in found.function.params if v.name in outside]
    return reverse.run(found.function, wrt, [0], True), read


def with_adjoint(f: Callable[..., object], **values: object) -> Function:
    """Lower a function of one result and append its adjoint: (arguments, y_bar=1.0) -> (result, adjoint)."""
    fn, wrt = lowered(f, **values)
    return clean(reverse.run(clean(fn), wrt, [0], True))


def stored(fn: Function, policy: store.Policy = "cheapest") -> Function:
    """Decide storage and clean up, verified."""
    fn = store.run(fn, policy)
    verify(fn, stored=True)
    fn = clean(fn)
    verify(fn, stored=True)
    return fn


def same_results(a: Function, b: Function, *args: object) -> bool:
    """Tell whether two functions compute the same, bit for bit."""
    pairs = zip(interpret.run(a, *args), interpret.run(b, *args), strict=True)
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


def prims(stmts: tuple[Stmt, ...]) -> list[str]:
    """Return the primitives of all equations, at any depth."""
    return [s.prim for s in walk(stmts) if isinstance(s, Eqn)]


def in_loops(stmts: tuple[Stmt, ...]) -> list[Eqn]:
    """Return the equations that run once a trip of some loop."""
    loops = [s for s in walk(stmts) if not isinstance(s, Eqn | If)]
    found = {s: None for loop in loops for b in blocks_of(loop) for s in walk(b.stmts) if isinstance(s, Eqn)}
    return list(found)
