"""The functions of the math module that few programs call: gamma functions, exact sums, remainders, distances.

The derivatives of the gamma functions: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), chapter 6.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import PY_FLOAT, PY_INT, Type
from adcompile.rules import runtime
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive, scalar_infer
from adcompile.rules.lengths import described, require_same
from adcompile.rules.scalar import define
from adcompile.rules.shapes import Array
from adcompile.rules.table import linear, nondifferentiable, nonlinear, row

primitive("polygamma", scalar_infer(PY_FLOAT), "polygamma", "n, x", helper=runtime.polygamma)
function(runtime.polygamma, "polygamma", "n, x")


@nonlinear("polygamma")
def polygamma_tangent(ans: float, n: int, x: float, n_dot: None, x_dot: float) -> Any:
    return runtime.polygamma(n + 1, x) * x_dot


define("gamma")
define("lgamma")


@nonlinear("math.gamma")
def gamma_tangent(ans: float, x: float, x_dot: float) -> Any:
    return ans * runtime.polygamma(0, x) * x_dot


@nonlinear("math.lgamma")
def lgamma_tangent(ans: float, x: float, x_dot: float) -> Any:
    return runtime.polygamma(0, x) * x_dot


define("ldexp", "x, i", cost="arithmetic")
row("math.ldexp", "math.ldexp(x, i)", "math.ldexp(1.0, i)", "0")
define("remainder", "x, y", cost="division")
row("math.remainder", "math.remainder(x, y)", "1", "-math.floor((x - ans) / y + 0.5)")


# -- sums


def infer_sum(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the exact sum of the numbers of one array."""
    if args[0].type.rank != 1:
        raise TypeError(f"math.fsum takes the numbers of one array, not {described(args[0].type)}")
    return PY_FLOAT


primitive("math.fsum", infer_sum, "math.fsum", "x", usage="seq, /")


@linear("math.fsum")
def fsum_adjoint(g: float, ans: float, x: Array) -> Array:
    return np.broadcast_to(g, x.shape)


# -- distances, parts of numbers


def infer_dist(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the distance of two points, which are arrays of coordinates."""
    p, q = (a.type for a in args)
    if p.dims is None or q.dims is None or p.rank != 1 or q.rank != 1:
        raise TypeError(f"math.dist takes the coordinates of two points, not {p} and {q}")
    require_same(facts, p.dims[0], q.dims[0], "math.dist")
    return PY_FLOAT


primitive("math.dist", infer_dist, "math.dist", "p, q", usage="p, q, /")


@nonlinear("math.dist")
def dist_tangent(ans: float, p: Array, q: Array, p_dot: Array | None, q_dot: Array | None) -> Any:
    change = -q_dot if p_dot is None else p_dot if q_dot is None else p_dot - q_dot  # type: ignore[operator]  # one is given
    return np.dot((p - q) / (ans + (ans == 0)), change)


primitive("fractional_part", scalar_infer(PY_FLOAT), "fractional_part", "x", helper=runtime.fractional_part)
primitive("whole_part", scalar_infer(PY_FLOAT), "whole_part", "x", helper=runtime.whole_part)
primitive("mantissa", scalar_infer(PY_FLOAT), "mantissa", "x", helper=runtime.mantissa)
primitive("exponent", scalar_infer(PY_INT), "exponent", "x", helper=runtime.exponent)
for _part in (runtime.fractional_part, runtime.whole_part, runtime.mantissa, runtime.exponent):
    function(_part, _part.__name__, "x")
nondifferentiable("whole_part", "exponent")


@nonlinear("fractional_part")
def fractional_part_tangent(ans: float, x: float, x_dot: float) -> Any:
    return x_dot


@nonlinear("mantissa")
def mantissa_tangent(ans: float, x: float, x_dot: float) -> Any:
    return x_dot * math.ldexp(1.0, -runtime.exponent(x))


@macro(math.modf)
def modf(x: float) -> tuple[float, float]:
    return runtime.fractional_part(x), runtime.whole_part(x)


@macro(math.frexp)
def frexp(x: float) -> tuple[float, int]:
    return runtime.mantissa(x), runtime.exponent(x)
