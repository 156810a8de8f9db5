"""NumPy's elementwise functions: one row each, with the partial derivatives in the order of the operands.

At singular points: ties of maximum and minimum share equally, abs and norms have derivative 0 at 0, ``x**0`` has
derivative 0, and so has ``0**y`` in y.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from adcompile.ir.core import Atom, Const
from adcompile.rules import simplify
from adcompile.rules.define import elementwise
from adcompile.rules.table import nondifferentiable, row, special

POWER: Final = ("y * np.power(x, y - 1 + (y == 0))", "ans * np.log(x + (x == 0))")
FINITE_POWER: Final = ("y * x ** (y - 1 + (y == 0))", POWER[1])
MAXIMUM: Final = ("0.5 * (np.sign(x - y) + 1.0)", "0.5 * (np.sign(y - x) + 1.0)")
MINIMUM: Final = ("0.5 * (np.sign(y - x) + 1.0)", "0.5 * (np.sign(x - y) + 1.0)")


def finite_derivative(args: tuple[Atom, ...]) -> bool:
    """Tell whether the derivative of ``x ** y`` in x is finite wherever Python computes ``x ** y``."""
    y = args[1]
    if isinstance(y, Const) and isinstance(y.value, int | float):
        return not 0 < y.value < 1
    return y.type.kind == "py" and y.type.dtype in (int, bool)


# -- the operators

row("add", "x + y", "1", "1")
row("sub", "x - y", "1", "-1")
row("mul", "x * y", "y", "x")
row("div", "x / y", "1 / y", "-ans / y")
row("pow", "x ** y", *POWER)
special("pow", finite_derivative, *FINITE_POWER)
row("mod", "x % y", "1", "-(x // y)")
row("neg", "-x", "-1")
row("abs", "abs(x)", "np.sign(x)")
row("npdiv", "np.divide(x, y)", "1 / y", "-ans / y")
nondifferentiable(
    *("floordiv", "lt", "le", "gt", "ge", "eq", "ne", "bitand", "bitor", "bitxor", "invert", "lshift", "rshift"),
    *("not", "truth", "absent"),
)

# -- arithmetic

elementwise("np.add(x, y)", "1", "1", cost="arithmetic", name="np.add")
elementwise("np.subtract(x, y)", "1", "-1", cost="arithmetic")
elementwise("np.multiply(x, y)", "y", "x", cost="arithmetic")
elementwise("np.divide(x, y)", "1 / y", "-ans / y", cost="division")
elementwise("np.power(x, y)", *POWER, also=simplify.power)
elementwise("np.float_power(x, y)", "y * np.float_power(x, y - 1 + (y == 0))", POWER[1])
elementwise("np.remainder(x, y)", "1", "-np.floor_divide(x, y)", cost="division")
elementwise("np.fmod(x, y)", "1", "-np.trunc(x / y)", cost="division")
elementwise("np.negative(x)", "-1", cost="arithmetic")
elementwise("np.positive(x)", "1", cost="arithmetic")
elementwise("np.abs(x)", "np.sign(x)", cost="arithmetic")
elementwise("np.fabs(x)", "np.sign(x)", cost="arithmetic")
elementwise("np.reciprocal(x)", "-ans**2", cost="division")
elementwise("np.square(x)", "2 * x", cost="arithmetic")
elementwise("np.sqrt(x)", "0.5 / ans", cost="division")
elementwise("np.cbrt(x)", "1 / (3 * ans**2)")
elementwise("np.hypot(x, y)", "x / (ans + (ans == 0))", "y / (ans + (ans == 0))")
elementwise("np.copysign(x, y)", "np.sign(x) * np.sign(ans)", "0", cost="arithmetic")
elementwise("np.ldexp(x, y)", "np.ldexp(np.ones_like(x), y)", "0")
elementwise("np.conjugate(x)", cost="arithmetic")

# -- exponentials and logarithms

elementwise("np.exp(x)", "ans")
elementwise("np.exp2(x)", "ans * LOG_2")
elementwise("np.expm1(x)", "ans + 1")
elementwise("np.log(x)", "1 / x")
elementwise("np.log2(x)", "LOG2_E / x")
elementwise("np.log10(x)", "LOG10_E / x")
elementwise("np.log1p(x)", "1 / (1 + x)")
elementwise("np.logaddexp(x, y)", "np.exp(x - ans)", "np.exp(y - ans)")
elementwise("np.logaddexp2(x, y)", "np.exp2(x - ans)", "np.exp2(y - ans)")

# -- trigonometric and hyperbolic functions

elementwise("np.sin(x)", "np.cos(x)")
elementwise("np.cos(x)", "-np.sin(x)")
elementwise("np.tan(x)", "1 + ans**2")
elementwise("np.arcsin(x)", "1 / np.sqrt(1 - x**2)")
elementwise("np.arccos(x)", "-1 / np.sqrt(1 - x**2)")
elementwise("np.arctan(x)", "1 / (1 + x**2)")
elementwise("np.arctan2(y, x)", "x / (x**2 + y**2)", "-y / (x**2 + y**2)")
elementwise("np.sinh(x)", "np.cosh(x)")
elementwise("np.cosh(x)", "np.sinh(x)")
elementwise("np.tanh(x)", "1 - ans**2")
elementwise("np.arcsinh(x)", "1 / np.sqrt(x**2 + 1)")
elementwise("np.arccosh(x)", "1 / np.sqrt(x**2 - 1)")
elementwise("np.arctanh(x)", "1 / (1 - x**2)")
for _function in ("rad2deg", "degrees"):
    elementwise(f"np.{_function}(x)", "DEGREES", cost="arithmetic")
for _function in ("deg2rad", "radians"):
    elementwise(f"np.{_function}(x)", "RADIANS", cost="arithmetic")

# -- choices

elementwise("np.maximum(x, y)", *MAXIMUM, cost="arithmetic")
elementwise("np.minimum(x, y)", *MINIMUM, cost="arithmetic")
elementwise(
    "np.fmax(x, y)",
    f"np.where(np.isnan(y), 1.0, np.where(np.isnan(x), 0.0, {MAXIMUM[0]}))",
    f"np.where(np.isnan(x), 1.0, np.where(np.isnan(y), 0.0, {MAXIMUM[1]}))",
    cost="arithmetic",
)
elementwise(
    "np.fmin(x, y)",
    f"np.where(np.isnan(y), 1.0, np.where(np.isnan(x), 0.0, {MINIMUM[0]}))",
    f"np.where(np.isnan(x), 1.0, np.where(np.isnan(y), 0.0, {MINIMUM[1]}))",
    cost="arithmetic",
)
elementwise("np.heaviside(x, y)", "0", "x == 0", cost="arithmetic")
elementwise("np.nextafter(x, y)", "1", "0", cost="arithmetic")

# -- steps and tests: zero derivative

for _function in (
    *("floor_divide", "floor", "ceil", "rint", "trunc", "sign", "signbit", "spacing"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    *("logical_and", "logical_or", "logical_xor", "logical_not", "isnan", "isinf", "isfinite"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift", "gcd", "lcm"),
):
    _ufunc = getattr(np, _function)
    _operands = "x" if _ufunc.nin == 1 else "x, y"
    _name = f"np.{_function}" if _function == "invert" else _function
    elementwise(f"np.{_function}({_operands})", cost="arithmetic", name=_name)
    nondifferentiable(_name)
