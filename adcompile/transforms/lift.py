"""The function with tangents of a function whose rule is for reverse mode only.

Let f have the value f(x) = fwd(x), with residuals r(x), and the rule B(r, g). A gradient through f is a program made of
both, whose tangent along x_dot is got by carrying tangents through fwd and B. In the normal form of higher derivatives
it is the pullback of F(x, x_dot) = (f(x), fwd'(x) x_dot), for the cotangents (g_dot, g); so that pullback must be

    for x the tangent of B at (r, g) along (r_dot, g_dot), and for x_dot B(r, g):

again a rule for reverse mode. It is the derivative of the gradient also where B is not the transpose of fwd', as the
rule of a clipped gradient is not; F itself has no other meaning then.
"""

from __future__ import annotations

from collections.abc import Callable

from adcompile.errors import CompileError
from adcompile.ir.core import Atom, Function, Var
from adcompile.ir.custom import CustomCall, Pull
from adcompile.records import replace

__all__ = ["lifted"]

# Adds tangents of some of a function's parameters, which come last, and those of all results.
Push = Callable[[Function, list[Var]], Function]


def lifted(call: CustomCall, push: Push) -> CustomCall:
    """Return the call with tangents: its operands are those of the call, then the tangents of the differentiable ones.

    Its results are those of the call, then the tangents of those that have one.
    """
    pull = call.pull
    assert isinstance(pull, Pull) and call.primal is not None
    forward = pull.forward
    if forward is None:
        forward = replace(call.primal, outs=(*call.primal.outs, *call.primal.outs))
    count, results = call.count, len(call.types)
    moving = [k for k in range(count) if k not in call.nondiff]
    ahead = push(forward, [forward.params[k] for k in moving])
    own, extra = ahead.params[:count], ahead.params[count : len(forward.params)]
    dots = ahead.params[len(forward.params) :]
    values, tangents = ahead.outs[: len(forward.outs)], ahead.outs[len(forward.outs) :]
    kept = range(results, len(forward.outs))
    varying = [k for k in kept if forward.outs[k].type.inexact]
    ys = (*values[:results], *(tangents[k] for k in pull.seeds))
    residuals = (*values[results:], *(tangents[k] for k in varying))
    params = (*own, *dots, *extra)
    back, targets = _backward(call, pull, moving, [k - results for k in varying], len(kept), push)
    made = CustomCall(f"{call.name}_jvp", count + len(moving), call.nondiff, values=call.values, settled=True)
    made.types = (*call.types, *(call.types[k] for k in pull.seeds))
    made.primal = replace(ahead, name=made.name, params=params, outs=ys)
    seeds = (*pull.seeds, *range(results, results + len(pull.seeds)))
    made.pull = Pull(replace(ahead, params=params, outs=(*ys, *residuals)), back, seeds, targets)
    return made


def _backward(
    call: CustomCall, pull: Pull, moving: list[int], varying: list[int], kept: int, push: Push
) -> tuple[Function, tuple[int, ...]]:
    """Return the reverse rule, and the operands that its results belong to."""
    rule, count = pull.backward, call.count
    residuals, operands = rule.params[:kept], rule.params[kept : kept + count]
    gs = rule.params[kept + count : kept + count + len(pull.seeds)]
    extra = rule.params[kept + count + len(pull.seeds) :]
    made = push(rule, [*(residuals[k] for k in varying), *gs])
    dots = made.params[len(rule.params) :]
    residual_dots, g_dots = dots[: len(varying)], dots[len(varying) :]
    unused = tuple(Var("", operands[k].type) for k in moving)
    params = (*residuals, *residual_dots, *operands, *unused, *g_dots, *gs, *extra)
    bars: tuple[Atom, ...] = made.outs[: len(rule.outs)]
    targets = (*pull.targets, *(count + moving.index(k) for k in pull.targets))
    return replace(made, params=params, outs=(*made.outs[len(rule.outs) :], *bars)), targets


def check(call: CustomCall) -> bool:
    """Tell whether a call has a reverse rule only, and raise what is wrong with it."""
    if isinstance(call.pull, CompileError) and call.push is None:
        raise call.pull
    return call.push is None and isinstance(call.pull, Pull)
