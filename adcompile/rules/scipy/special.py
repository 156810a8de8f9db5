"""scipy.special: error, gamma and Bessel functions, entropies, and sums of exponentials.

This table is loaded when a function uses scipy.special; emitted sources then import it too.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype, result_type
from adcompile.rules.binding import function
from adcompile.rules.define import elementwise, primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.promotion import ufunc_type
from adcompile.rules.reductions import averaged, restore
from adcompile.rules.table import SCOPE, adjoint, nonlinear, static

Array = np.ndarray
Axis = int | tuple[int, ...] | None

SCOPE.update(
    {
        "scipy": scipy,
        "ROOT_PI": math.sqrt(math.pi),
        "ROOT_TWO_PI": math.sqrt(2.0 * math.pi),
    }
)

ROWS: dict[str, tuple[str, ...]] = {
    "erf(x)": ("TWO_OVER_ROOT_PI * np.exp(-x**2)",),
    "erfc(x)": ("-TWO_OVER_ROOT_PI * np.exp(-x**2)",),
    "erfcx(x)": ("2 * x * ans - TWO_OVER_ROOT_PI",),
    "erfinv(x)": ("0.5 * ROOT_PI * np.exp(ans**2)",),
    "erfcinv(x)": ("-0.5 * ROOT_PI * np.exp(ans**2)",),
    "expit(x)": ("ans * (1 - ans)",),
    "log_expit(x)": ("scipy.special.expit(-x)",),
    "logit(x)": ("1 / (x * (1 - x))",),
    "gamma(x)": ("ans * scipy.special.psi(x)",),
    "gammaln(x)": ("scipy.special.psi(x)",),
    "loggamma(x)": ("scipy.special.psi(x)",),
    "rgamma(x)": ("-ans * scipy.special.psi(x)",),
    "psi(x)": ("scipy.special.zeta(2.0, x)",),
    "beta(x, y)": (
        "ans * (scipy.special.psi(x) - scipy.special.psi(x + y))",
        "ans * (scipy.special.psi(y) - scipy.special.psi(x + y))",
    ),
    "betaln(x, y)": (
        "scipy.special.psi(x) - scipy.special.psi(x + y)",
        "scipy.special.psi(y) - scipy.special.psi(x + y)",
    ),
    "ndtr(x)": ("np.exp(-0.5 * x**2) / ROOT_TWO_PI",),
    "log_ndtr(x)": ("np.exp(-0.5 * x**2 - ans) / ROOT_TWO_PI",),
    "ndtri(x)": ("ROOT_TWO_PI * np.exp(0.5 * ans**2)",),
    "xlogy(x, y)": ("np.log(y)", "x / y"),
    "xlog1py(x, y)": ("np.log1p(y)", "x / (1 + y)"),
    "entr(x)": ("-np.log(x) - 1",),
    "rel_entr(x, y)": ("np.log(x / y) + 1", "-x / y"),
    "kl_div(x, y)": ("np.log(x / y)", "1 - x / y"),
    "i0(x)": ("scipy.special.i1(x)",),
    "i1(x)": ("0.5 * (scipy.special.i0(x) + scipy.special.iv(2, x))",),
    "i0e(x)": ("scipy.special.i1e(x) - np.sign(x) * ans",),
    "j0(x)": ("-scipy.special.j1(x)",),
    "j1(x)": ("0.5 * (scipy.special.j0(x) - scipy.special.jv(2, x))",),
    "y0(x)": ("-scipy.special.y1(x)",),
    "k0(x)": ("-scipy.special.k1(x)",),
    "exp10(x)": ("ans * LOG_10",),
    "cosm1(x)": ("-np.sin(x)",),
}
SCOPE["LOG_10"] = math.log(10.0)
for _head, _partials in ROWS.items():
    elementwise(f"scipy.special.{_head}", *_partials, name=f"scipy.special.{_head.partition('(')[0]}")
# What the derivatives above need, which has no derivative of its own here.
for _head in ("i1e(x)", "y1(x)", "k1(x)"):
    elementwise(f"scipy.special.{_head}", name=f"scipy.special.{_head.partition('(')[0]}")


def infer_of_order(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a function of an order and a number."""
    return ufunc_type(facts, np.power, tuple(a.type for a in args))


for _name in ("zeta", "iv", "jv"):
    primitive(f"scipy.special.{_name}", infer_of_order, f"scipy.special.{_name}", "x, y", usage="x, y")


@static
def refuse_order() -> None:
    """Refuse a derivative in the order of a function."""
    raise TypeError("this function has no derivative in its first argument")


@nonlinear("scipy.special.zeta")
def zeta_tangent(ans: Array, x: Array, y: Array, x_dot: Array | None, y_dot: Array | None) -> Array:
    if x_dot is not None:
        refuse_order()
    return -x * scipy.special.zeta(x + 1.0, y) * y_dot


@nonlinear("scipy.special.iv")
def iv_tangent(ans: Array, x: Array, y: Array, x_dot: Array | None, y_dot: Array | None) -> Array:
    if x_dot is not None:
        refuse_order()
    return 0.5 * (scipy.special.iv(x - 1, y) + scipy.special.iv(x + 1, y)) * y_dot


@nonlinear("scipy.special.jv")
def jv_tangent(ans: Array, x: Array, y: Array, x_dot: Array | None, y_dot: Array | None) -> Array:
    if x_dot is not None:
        refuse_order()
    return 0.5 * (scipy.special.jv(x - 1, y) - scipy.special.jv(x + 1, y)) * y_dot


def infer_log_sum(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer logsumexp."""
    t = args[0].type
    dtype = numpy_dtype(t)
    return result_type(None if dtype is None else averaged(dtype), reduced(t.dims, attrs[0], attrs[1]))


def infer_soft(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer softmax and log_softmax."""
    t = args[0].type
    dtype = numpy_dtype(t)
    return Type("array", None if dtype is None else averaged(dtype), t.dims)


primitive("logsumexp", infer_log_sum, "scipy.special.logsumexp", "x", "axis=None, keepdims=False")
function(
    scipy.special.logsumexp,
    "logsumexp",
    "a, axis: axes = None, b: no = None, keepdims: static = False, return_sign: no = False",
    name="scipy.special.logsumexp",
)
for _name in ("softmax", "log_softmax"):
    primitive(_name, infer_soft, f"scipy.special.{_name}", "x", "axis=None")
    _function: Any = getattr(scipy.special, _name)
    function(_function, _name, "x, axis: axes = None", name=f"scipy.special.{_name}")


@nonlinear("logsumexp")
def logsumexp_tangent(ans: Array, x: Array, axis: Axis, keepdims: bool, x_dot: Array) -> Array:
    return np.sum(np.exp(x - restore(ans, axis, keepdims)) * x_dot, axis=axis, keepdims=keepdims)


@adjoint("logsumexp")
def logsumexp_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    return restore(g, axis, keepdims) * np.exp(x - restore(ans, axis, keepdims))


@nonlinear("softmax")
def softmax_tangent(ans: Array, x: Array, axis: Axis, x_dot: Array) -> Array:
    return ans * (x_dot - np.sum(ans * x_dot, axis=axis, keepdims=True))


@adjoint("softmax")
def softmax_adjoint(g: Array, ans: Array, x: Array, axis: Axis) -> Array:
    return ans * (g - np.sum(ans * g, axis=axis, keepdims=True))


@nonlinear("log_softmax")
def log_softmax_tangent(ans: Array, x: Array, axis: Axis, x_dot: Array) -> Array:
    return x_dot - np.sum(np.exp(ans) * x_dot, axis=axis, keepdims=True)


@adjoint("log_softmax")
def log_softmax_adjoint(g: Array, ans: Array, x: Array, axis: Axis) -> Array:
    return g - np.exp(ans) * np.sum(g, axis=axis, keepdims=True)
