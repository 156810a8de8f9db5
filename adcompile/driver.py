"""The compiler from end to end: an example call in, the source of a derivative out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np

from adcompile import layouts
from adcompile.emit import source as emission
from adcompile.emit.layout import Layout, Pair, Param, Unit
from adcompile.example import Example, lower_for
from adcompile.ir import pretty, verify
from adcompile.ir.core import Eqn, Function, Var, applies, walk
from adcompile.ir.custom import HELPERS
from adcompile.ir.derivatives import DERIVATIVES
from adcompile.ir.primitives import CALLS
from adcompile.ir.structure import Node, map_leaves
from adcompile.layouts import Result
from adcompile.opt import clean, dce, gather
from adcompile.records import NamedTuple, replace
from adcompile.transforms import borrow, custom, derivatives, forward, inplace, linearize, reverse, store, store_neutral
from adcompile.transforms.callees import Callees

__all__ = [
    "Compiled",
    "Written",
    "compile_forward",
    "compile_pair",
    "compile_reverse",
    "listing",
    "lower_for",
    "stages",
    "write_forward",
    "write_pair",
    "write_reverse",
]

Pass = Callable[[Function], Function]


# -- the passes


def in_place(fn: Function, kept: int | None = None, owned: frozenset[Var] = frozenset()) -> Function:
    """Turn updates of arrays into stores, where nobody sees the difference."""
    return borrow.run(inplace.run(gather.run(fn), frozenset(fn.params) - owned, kept=kept))


def expand_rules(fn: Function) -> Function:
    """Put the functions themselves in the place of the calls with rules of their own that are left."""
    return custom.expand(fn) if applies(fn.stmts, "custom", *HELPERS) else fn


def release(fn: Function) -> Function:
    """Drop what stops derivatives, once all are taken."""
    return derivatives.release(fn) if applies(fn.stmts, "stop_gradient") else fn


def lower_derivatives(fn: Function, callees: Callees) -> Function:
    """Put derivatives of others that a program takes in their place."""
    if not applies(fn.stmts, *DERIVATIVES):
        return fn
    return derivatives.lower(callees, partial(run, passes=AFTER_REVERSE), clean, fn)


# What is done to a program once it has its tangents, or its adjoint statements.
AFTER_FORWARD: Final[tuple[Pass, ...]] = (expand_rules, release, clean)
AFTER_REVERSE: Final[tuple[Pass, ...]] = (expand_rules, release, clean, store.run, clean)

VERIFY: Final = "ADCOMPILE_VERIFY"  # environment: set to 1 to verify the program after each pass


def run(fn: Function, passes: Sequence[Pass]) -> Function:
    """Run passes one after the other."""
    checked = os.environ.get(VERIFY, "0") not in ("", "0")
    for each in passes:
        fn = each(fn)
        if checked:
            verify.run(fn)
    return fn


def finish(
    fn: Function,
    callees: Callees,
    passes: Sequence[Pass],
    kept: int | None = None,
    owned: frozenset[Var] = frozenset(),
) -> Function:
    """Run passes and make the program executable.

    If `kept` is given, it is to become two functions: see `inplace`. It may write into the parameters `owned`.
    """
    lower = partial(lower_derivatives, callees=callees)
    return run(fn, (*passes, store_neutral.run, lower, partial(in_place, kept=kept, owned=owned)))


# -- derivatives


class Compiled(NamedTuple):
    """The source of a derivative.

    entries  the functions in it that are called: one, or the forward and the backward function
    seed     the dtype of the cotangent 1.0 that the first entry's last default stands for; "" if it has none
    """

    source: str
    entries: tuple[str, ...]
    seed: str = ""


class Written(NamedTuple):
    """A derivative ready to be written down: its functions, callees first; for the rest see `Compiled`."""

    units: tuple[Unit | Pair, ...]
    entries: tuple[str, ...]
    seed: str = ""

    def compiled(self) -> Compiled:
        return Compiled(emission.emit_all(self.units), self.entries, self.seed)


def compile_reverse(example: Example, *, value: bool, has_aux: bool, single: bool, finite: bool = False) -> Compiled:
    """Compile the gradient of a function whose result is one number.

    `value`: the result is returned too. `single`: one argument is differentiated, and its gradient comes bare.
    `finite`: the program raises where an adjoint is not.
    """
    return write_reverse(example, value=value, has_aux=has_aux, single=single, finite=finite).compiled()


def write_reverse(example: Example, *, value: bool, has_aux: bool, single: bool, finite: bool = False) -> Written:
    """Make the functions that `compile_reverse` writes."""
    fn, result, callees = _gradient(example, value=value, has_aux=has_aux, single=single, finite=finite)
    fn = finish(fn, callees, AFTER_REVERSE)
    seed = fn.params[-1]
    name = f"{example.function.name}_{'value_and_vjp' if value else 'vjp'}"
    layout = layouts.layout(example, name, (layouts.seed(seed, fn.params),), result)
    dtype = "" if seed.type.kind == "py" else np.dtype(seed.type.dtype).str
    return Written((*_units(fn, callees), Unit(fn, layout)), (name,), dtype)


class Stages(NamedTuple):
    """A gradient before and after it is decided how the reverse sweep gets the values of the primal, and at the end."""

    before: Function
    after: Function
    final: Function


def stages(example: Example) -> Stages:
    """Return what becomes of the value and gradient of a function whose result is one number."""
    fn, _, callees = _gradient(example, value=True, has_aux=False, single=False)
    k = AFTER_REVERSE.index(store.run)
    before = run(fn, AFTER_REVERSE[:k])
    return Stages(before, store.run(before), finish(fn, callees, AFTER_REVERSE))


def _gradient(
    example: Example, *, value: bool, has_aux: bool, single: bool, finite: bool = False
) -> tuple[Function, Result, Callees]:
    """Return the program of a gradient, not yet executable, the structure of what it returns, and what it calls."""
    lowered = example.lowered
    loss, aux = layouts.split(lowered, has_aux)
    number = layouts.one_number(lowered, loss)
    keep = value or has_aux
    callees = Callees.of(lowered.callees)
    callees.watched = finite
    fn = layouts.tested(dce.run(lowered.function), number)
    fn = reverse.run(fn, example.variables, (number,), keep, callees)
    fn, trees = layouts.gradients(fn, example.wrt, len(lowered.function.outs) if keep else 0)
    result = trees[0] if single else Node("tuple", tuple(trees))
    if value:
        result = Node("tuple", (lowered.result, result))
    elif aux is not None:
        result = Node("tuple", (result, aux))
    return *layouts.select(fn, result), callees


def compile_forward(example: Example, names: Sequence[str], *, has_aux: bool) -> Compiled:
    """Compile the derivative along tangents of the arguments, which go by `names`."""
    return write_forward(example, names, has_aux=has_aux).compiled()


def write_forward(example: Example, names: Sequence[str], *, has_aux: bool) -> Written:
    """Make the functions that `compile_forward` writes."""
    lowered = example.lowered
    out, aux = layouts.split(lowered, has_aux)
    callees = Callees.of(lowered.callees)
    fn = forward.run(dce.run(lowered.function), example.variables, callees)
    fn, out_dot = layouts.tangents(fn, out, len(lowered.function.outs))
    fn, result = layouts.select(fn, Node("tuple", (out, out_dot) if aux is None else (out, out_dot, aux)))
    fn = finish(fn, callees, AFTER_FORWARD)
    name = f"{example.function.name}_jvp"
    dots = layouts.dots(example, names, fn.params[len(lowered.function.params) :])
    layout = layouts.layout(example, name, dots, result)
    return Written((*_units(fn, callees), Unit(fn, layout)), (name,))


def compile_pair(example: Example, *, has_aux: bool) -> Compiled:
    """Compile two functions: the value with what the reverse sweep needs, and the reverse sweep."""
    return write_pair(example, has_aux=has_aux).compiled()


def write_pair(example: Example, *, has_aux: bool) -> Written:
    """Make the functions that `compile_pair` writes."""
    lowered = example.lowered
    name, count = example.function.name, len(lowered.function.outs)
    out, _ = layouts.split(lowered, has_aux)
    numbers = layouts.differentiated(lowered, out)
    callees = Callees.of(lowered.callees)
    fn = reverse.run(dce.run(lowered.function), example.variables, numbers, True, callees)
    fn, trees = layouts.gradients(fn, example.wrt, count)
    fn = finish(fn, callees, AFTER_REVERSE, count)
    seeds = dict(zip(numbers, fn.params[len(lowered.function.params) :], strict=True))
    ahead = layouts.layout(example, f"{name}_fwd", (), lowered.result)
    back = Layout(f"{name}_bwd", (Param("y_bar", map_leaves(seeds.get, out)),), Node("tuple", tuple(trees)))
    return Written((*_units(fn, callees), Pair(fn, ahead, back)), (ahead.name, back.name))


def compile_linearized(example: Example, names: Sequence[str], *, has_aux: bool) -> Compiled:
    """Compile two functions: the value with what tangents need, and the derivative along tangents."""
    lowered = example.lowered
    name, count = example.function.name, len(lowered.function.outs)
    out, _ = layouts.split(lowered, has_aux)
    callees = Callees.of(lowered.callees)
    fn = linearize.run(dce.run(lowered.function), example.variables, callees)
    fn, out_dot = layouts.tangents(fn, out, count)
    fn = finish(fn, callees, AFTER_REVERSE, count)
    dots = layouts.dots(example, names, fn.params[len(lowered.function.params) :])
    ahead = layouts.layout(example, f"{name}_fwd", (), lowered.result)
    push = Layout(f"{name}_push", dots, out_dot)
    return Written((*_units(fn, callees), Pair(fn, ahead, push)), (ahead.name, push.name)).compiled()


def compile_plain(example: Example) -> Compiled:
    """Compile a function as it is, with the derivatives that it takes of others."""
    lowered = example.lowered
    callees = Callees.of(lowered.callees)
    fn = finish(lowered.function, callees, AFTER_FORWARD)
    layout = layouts.layout(example, example.function.name, (), lowered.result)
    return Compiled(emission.emit(fn, layout, _units(fn, callees)), (layout.name,))


def plain_listing(example: Example) -> str:
    """Return the SSA form of a function, and that with the derivatives that it takes of others put in place."""
    lowered = example.lowered
    fn = lower_derivatives(lowered.function, Callees.of(lowered.callees))
    return f"{pretty.show(clean(lowered.function))}\n\n{pretty.show(clean(fn))}"


def listing(example: Example, *, value: bool, has_aux: bool, single: bool) -> str:
    """Return the SSA form of a function, and that of its gradient or value and gradient, primal before adjoint."""
    fn, _, _ = _gradient(example, value=value, has_aux=has_aux, single=single)
    fn = replace(clean(expand_rules(fn)), name=f"{fn.name}_{'value_and_vjp' if value else 'vjp'}")
    return f"{pretty.show(clean(expand_rules(example.function)))}\n\n{pretty.show(fn)}"


# -- what is called


def _units(fn: Function, callees: Callees) -> tuple[Unit | Pair, ...]:
    """Return the functions that a program calls, and those that these call, ready to be emitted."""
    made: dict[tuple[str, bool], Unit | Pair] = {}
    waiting = list(_called(fn, callees))
    while waiting:
        key = name, halves = waiting.pop(0)
        if key not in made:
            made[key] = _pair(name, callees) if halves else _unit(name, callees)
            waiting += _called(made[key].fn, callees)
    return tuple(made.values())


def _called(fn: Function, callees: Callees) -> list[tuple[str, bool]]:
    """Return the names of the functions that a program calls, and whether it is a pair that is called by a half."""
    called = [s for s in walk(fn.stmts) if isinstance(s, Eqn) and s.prim.startswith("call")]
    found: dict[tuple[str, bool], None] = {}
    for eqn in called:
        names = eqn.attrs[0] if isinstance(eqn.attrs[0], tuple) else (eqn.attrs[0],)
        halves = eqn.prim not in CALLS
        found.update(dict.fromkeys((str(n), halves and n in callees.pairs) for n in names if n is not None))
    return list(found)


def _unit(name: str, callees: Callees) -> Unit:
    fn, owned = callees.known(name), callees.owned.get(name)
    fn = finish(fn, callees, AFTER_REVERSE, owned=owned or frozenset())
    result = layouts.bare(len(fn.outs)) if owned is None else Node("tuple", tuple(range(len(fn.outs))))
    return Unit(fn, Layout(name, layouts.flat(fn.params), result))


def _pair(name: str, callees: Callees) -> Pair:
    pair = callees.pairs[name]
    assert pair.function is not None
    fn = finish(pair.function, callees, AFTER_REVERSE, pair.n_outs)
    ahead = Layout(f"{name}_fwd", layouts.flat(pair.given), layouts.bare(pair.n_outs))
    back = Layout(f"{name}_bwd", layouts.flat(pair.cotangents), layouts.bare(len(fn.outs), pair.n_outs))
    return Pair(fn, ahead, back)
