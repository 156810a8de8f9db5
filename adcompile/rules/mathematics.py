"""The functions of the math module that few programs call: gamma functions, exact sums, remainders.

The derivatives of the gamma functions: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), chapter 6.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import PY_FLOAT, Type
from adcompile.rules import runtime
from adcompile.rules.binding import function
from adcompile.rules.define import primitive
from adcompile.rules.scalar import define, scalar_infer
from adcompile.rules.shapes import Array
from adcompile.rules.table import linear, nonlinear, row

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
        raise TypeError(f"math.fsum takes numbers, not {args[0].type}")
    return PY_FLOAT


primitive("math.fsum", infer_sum, "math.fsum", "x", usage="seq, /")


@linear("math.fsum")
def fsum_adjoint(g: float, ans: float, x: Array) -> Array:
    return x * 0 + g
