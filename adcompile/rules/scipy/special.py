"""scipy.special: error, gamma and Bessel functions, entropies, and sums of exponentials.

This table is loaded when a function uses scipy.special; emitted sources then import it too.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.special

from adcompile.ir.core import Atom, Attrs, Const, is_none
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype, result_type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function
from adcompile.rules.define import elementwise, primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.promotion import ufunc_type
from adcompile.rules.reductions import averaged, restore
from adcompile.rules.scipy import sums
from adcompile.rules.table import SCOPE, adjoint, holomorphic, nondifferentiable, nonlinear, refuse, row

Array = np.ndarray
Axis = int | tuple[int, ...] | None

SCOPE.update(
    {
        "scipy": scipy,
        "ROOT_PI": math.sqrt(math.pi),
        "ROOT_TWO": math.sqrt(2.0),
        "ROOT_TWO_PI": math.sqrt(2.0 * math.pi),
        "LOG_10": math.log(10.0),
        "refuse": refuse,
    }
)

# Of an argument in which SciPy has no derivative in terms of its functions.
NONE = "refuse('this function has no derivative in this argument, only in a later one')"
BETA_DENSITY = "np.exp((x - 1) * np.log(z) + (y - 1) * np.log1p(-z) - scipy.special.betaln(x, y))"
CHI_DENSITY = "np.exp((0.5 * x - 1) * np.log(y) - 0.5 * y - 0.5 * x * LOG_2 - scipy.special.gammaln(0.5 * x))"
LOG_LIMIT = "0.5 * (y == 0) * np.log(x) ** 2"
T_DENSITY = "np.exp(-scipy.special.betaln(0.5 * x, 0.5) - 0.5 * (x + 1) * np.log1p(y**2 / x)) / np.sqrt(x)"
F_DENSITY = (
    "np.exp(0.5 * x * np.log(x / y) + (0.5 * x - 1) * np.log(z) - 0.5 * (x + y) * np.log1p(x * z / y)"
    " - scipy.special.betaln(0.5 * x, 0.5 * y))"
)
# The last of the binomial probabilities that a sum up to a number of successes has.
LAST_TERM = "np.exp((y - x - 1) * np.log1p(-z) + x * np.log(z)) / scipy.special.beta(x + 1.0, y - x)"
LAST_TERM = re.sub(r"\b([xy])\b", r"np.trunc(\1)", LAST_TERM)  # of numbers of trials, SciPy takes the whole part
STRUVE_TERM = "(0.5 * y) ** x / (ROOT_PI * scipy.special.gamma(x + 1.5))"
FADDEEVA = "(x + 1j * z) / (y * ROOT_TWO)"
FADDEEVA_SLOPE = f"(1j * TWO_OVER_ROOT_PI - 2 * ({FADDEEVA}) * scipy.special.wofz({FADDEEVA}))"
INVERSE_POWER = "((x / (1 + x * y) - np.log1p(x * y) / (y + (y == 0))) / (y + (y == 0)) - (y == 0) * (x + 0.5 * x**2))"

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
    "exp2(x)": ("ans * LOG_2",),
    "expm1(x)": ("ans + 1",),
    "log1p(x)": ("1 / (1 + x)",),
    "cbrt(x)": ("1 / (3 * ans**2)",),
    "cosm1(x)": ("-np.sin(x)",),
    "sindg(x)": ("RADIANS * scipy.special.cosdg(x)",),
    "cosdg(x)": ("-RADIANS * scipy.special.sindg(x)",),
    "tandg(x)": ("RADIANS * (1 + ans**2)",),
    "erfi(x)": ("TWO_OVER_ROOT_PI * np.exp(x**2)",),
    "dawsn(x)": ("1 - 2 * x * ans",),
    "expi(x)": ("np.exp(x) / x",),
    "exp1(x)": ("-np.exp(-x) / x",),
    "expn(x, y)": (NONE, "((x - 1) * ans - np.exp(-y)) / y"),
    "exprel(x)": ("(np.exp(x) - ans + 0.5 * (x == 0)) / (x + (x == 0))",),
    "wofz(x)": ("1j * TWO_OVER_ROOT_PI - 2 * x * ans",),
    "elliprf(x, y, z)": (
        "-scipy.special.elliprd(y, z, x) / 6",
        "-scipy.special.elliprd(x, z, y) / 6",
        "-scipy.special.elliprd(x, y, z) / 6",
    ),
    "elliprc(x, y)": ("-scipy.special.elliprd(y, y, x) / 6", "-scipy.special.elliprd(x, y, y) / 3"),
    "powm1(x, y)": ("y * x ** (y - 1)", "(ans + 1) * np.log(x)"),
    "spence(x)": ("np.log(x) / (1 - x + (x == 1)) - (x == 1)",),
    "wrightomega(x)": ("ans / (1 + ans)",),
    # elliptic integrals
    "ellipk(x)": ("(scipy.special.ellipe(x) / (1 - x) - ans) / (2 * x + (x == 0)) + 0.125 * pi * (x == 0)",),
    "ellipe(x)": ("(ans - scipy.special.ellipk(x)) / (2 * x + (x == 0)) - 0.125 * pi * (x == 0)",),
    "ellipkm1(x)": ("(ans - scipy.special.ellipe(1 - x) / x) / (2 * (1 - x))",),
    "ellipkinc(x, y)": ("1 / np.sqrt(1 - y * np.sin(x) ** 2)", NONE),
    "ellipeinc(x, y)": ("np.sqrt(1 - y * np.sin(x) ** 2)", NONE),
    # Bessel functions
    "i1e(x)": ("0.5 * (scipy.special.i0e(x) + scipy.special.ive(2, x)) - np.sign(x) * ans",),
    "y1(x)": ("scipy.special.y0(x) - ans / x",),
    "k1(x)": ("-scipy.special.k0(x) - ans / x",),
    "k0e(x)": ("ans - scipy.special.k1e(x)",),
    "k1e(x)": ("ans - scipy.special.k0e(x) - ans / x",),
    "jv(x, y)": (NONE, "0.5 * (scipy.special.jv(x - 1, y) - scipy.special.jv(x + 1, y))"),
    "yv(x, y)": (NONE, "0.5 * (scipy.special.yv(x - 1, y) - scipy.special.yv(x + 1, y))"),
    "yn(x, y)": (NONE, "0.5 * (scipy.special.yv(x - 1, y) - scipy.special.yv(x + 1, y))"),
    "iv(x, y)": (NONE, "0.5 * (scipy.special.iv(x - 1, y) + scipy.special.iv(x + 1, y))"),
    "ive(x, y)": (NONE, "0.5 * (scipy.special.ive(x - 1, y) + scipy.special.ive(x + 1, y)) - np.sign(y) * ans"),
    "kv(x, y)": (NONE, "-0.5 * (scipy.special.kv(x - 1, y) + scipy.special.kv(x + 1, y))"),
    "kn(x, y)": (NONE, "-0.5 * (scipy.special.kv(x - 1, y) + scipy.special.kv(x + 1, y))"),
    "kve(x, y)": (NONE, "ans - 0.5 * (scipy.special.kve(x - 1, y) + scipy.special.kve(x + 1, y))"),
    "jve(x, y)": (NONE, "0.5 * (scipy.special.jve(x - 1, y) - scipy.special.jve(x + 1, y))"),
    "yve(x, y)": (NONE, "0.5 * (scipy.special.yve(x - 1, y) - scipy.special.yve(x + 1, y))"),
    "struve(x, y)": (
        NONE,
        f"0.5 * (scipy.special.struve(x - 1, y) - scipy.special.struve(x + 1, y) + {STRUVE_TERM})",
    ),
    "modstruve(x, y)": (
        NONE,
        f"0.5 * (scipy.special.modstruve(x - 1, y) + scipy.special.modstruve(x + 1, y) + {STRUVE_TERM})",
    ),
    "ber(x)": ("scipy.special.berp(x)",),
    "bei(x)": ("scipy.special.beip(x)",),
    "berp(x)": ("-scipy.special.bei(x) - ans / x",),
    "beip(x)": ("scipy.special.ber(x) - ans / x",),
    "ker(x)": ("scipy.special.kerp(x)",),
    "kei(x)": ("scipy.special.keip(x)",),
    "kerp(x)": ("-scipy.special.kei(x) - ans / x",),
    "keip(x)": ("scipy.special.ker(x) - ans / x",),
    # incomplete gamma and beta functions, by their last argument
    "gammainc(x, y)": (NONE, "np.exp((x - 1) * np.log(y) - y - scipy.special.gammaln(x))"),
    "gammaincc(x, y)": (NONE, "-np.exp((x - 1) * np.log(y) - y - scipy.special.gammaln(x))"),
    "gammaincinv(x, y)": (NONE, "np.exp((1 - x) * np.log(ans) + ans + scipy.special.gammaln(x))"),
    "gammainccinv(x, y)": (NONE, "-np.exp((1 - x) * np.log(ans) + ans + scipy.special.gammaln(x))"),
    "betainc(x, y, z)": (NONE, NONE, BETA_DENSITY),
    "betaincc(x, y, z)": (NONE, NONE, f"-{BETA_DENSITY}"),
    "betaincinv(x, y, z)": (NONE, NONE, f"1 / ({BETA_DENSITY.replace('z', 'ans')})"),
    "poch(x, y)": ("ans * (scipy.special.psi(x + y) - scipy.special.psi(x))", "ans * scipy.special.psi(x + y)"),
    "binom(x, y)": (
        "ans * (scipy.special.psi(x + 1) - scipy.special.psi(x - y + 1))",
        "ans * (scipy.special.psi(x - y + 1) - scipy.special.psi(y + 1))",
    ),
    # orthogonal polynomials and Legendre functions, by their argument
    "lpmv(x, y, z)": (NONE, NONE, "(y * z * ans - (np.trunc(x) + y) * scipy.special.lpmv(x, y - 1, z)) / (z**2 - 1)"),
    "eval_sh_legendre(x, y)": (NONE, "(x + 1) * scipy.special.eval_jacobi(x - 1, 1.0, 1.0, 2 * y - 1)"),
    "eval_sh_chebyt(x, y)": (NONE, "2 * x * scipy.special.eval_chebyu(x - 1, 2 * y - 1)"),
    "eval_sh_chebyu(x, y)": (NONE, "4 * scipy.special.eval_gegenbauer(x - 1, 2.0, 2 * y - 1)"),
    "eval_legendre(x, y)": (NONE, "0.5 * (x + 1) * scipy.special.eval_jacobi(x - 1, 1.0, 1.0, y)"),
    "eval_chebyt(x, y)": (NONE, "x * scipy.special.eval_chebyu(x - 1, y)"),
    "eval_chebyu(x, y)": (NONE, "2 * scipy.special.eval_gegenbauer(x - 1, 2.0, y)"),
    "eval_hermite(x, y)": (NONE, "2 * x * scipy.special.eval_hermite(np.maximum(x - 1, 0), y)"),
    "eval_hermitenorm(x, y)": (NONE, "x * scipy.special.eval_hermitenorm(np.maximum(x - 1, 0), y)"),
    "eval_laguerre(x, y)": (NONE, "-scipy.special.eval_genlaguerre(x - 1, 1.0, y)"),
    "eval_genlaguerre(x, y, z)": (NONE, NONE, "-scipy.special.eval_genlaguerre(x - 1, y + 1, z)"),
    "eval_gegenbauer(x, y, z)": (NONE, NONE, "2 * y * scipy.special.eval_gegenbauer(x - 1, y + 1, z)"),
    "eval_jacobi(x, y, z, t)": (
        NONE,
        NONE,
        NONE,
        "0.5 * (x + y + z + 1) * scipy.special.eval_jacobi(x - 1, y + 1, z + 1, t)",
    ),
    # hypergeometric functions
    "hyp0f1(x, y)": (NONE, "scipy.special.hyp0f1(x + 1, y) / x"),
    "hyp1f1(x, y, z)": (NONE, NONE, "x / y * scipy.special.hyp1f1(x + 1, y + 1, z)"),
    "hyperu(x, y, z)": (NONE, NONE, "-x * scipy.special.hyperu(x + 1, y + 1, z)"),
    "hyp2f1(x, y, z, t)": (NONE, NONE, NONE, "x * y / z * scipy.special.hyp2f1(x + 1, y + 1, z + 1, t)"),
    # distributions
    "chdtr(x, y)": (NONE, CHI_DENSITY),
    "chdtrc(x, y)": (NONE, f"-{CHI_DENSITY}"),
    "pdtr(x, y)": (NONE, "-np.exp(np.floor(x) * np.log(y) - y - scipy.special.gammaln(np.floor(x) + 1))"),
    "pdtrc(x, y)": (NONE, "np.exp(np.floor(x) * np.log(y) - y - scipy.special.gammaln(np.floor(x) + 1))"),
    "stdtr(x, y)": (NONE, T_DENSITY),
    "stdtrit(x, y)": (NONE, f"1 / ({T_DENSITY.replace('y**2', 'ans**2')})"),
    "chdtri(x, y)": (NONE, f"-1 / {CHI_DENSITY.replace('log(y)', 'log(ans)').replace('0.5 * y', '0.5 * ans')}"),
    "fdtr(x, y, z)": (NONE, NONE, F_DENSITY),
    "fdtrc(x, y, z)": (NONE, NONE, f"-{F_DENSITY}"),
    "fdtri(x, y, z)": (NONE, NONE, f"1 / {F_DENSITY.replace('z', 'ans')}"),
    "gdtr(x, y, z)": (
        "z * np.exp((y - 1) * np.log(x * z) - x * z - scipy.special.gammaln(y))",
        NONE,
        "x * np.exp((y - 1) * np.log(x * z) - x * z - scipy.special.gammaln(y))",
    ),
    "gdtrc(x, y, z)": (
        "-z * np.exp((y - 1) * np.log(x * z) - x * z - scipy.special.gammaln(y))",
        NONE,
        "-x * np.exp((y - 1) * np.log(x * z) - x * z - scipy.special.gammaln(y))",
    ),
    "bdtr(x, y, z)": (NONE, NONE, f"-{LAST_TERM}"),
    "bdtrc(x, y, z)": (NONE, NONE, LAST_TERM),
    "nbdtr(x, y, z)": (
        NONE,
        NONE,
        "z ** np.trunc(y - 1) * (1 - z) ** np.trunc(x) / scipy.special.beta(np.trunc(y), np.trunc(x) + 1.0)",
    ),
    "ndtri_exp(x)": ("ROOT_TWO_PI * np.exp(x + 0.5 * ans**2)",),
    "voigt_profile(x, y, z)": (
        f"np.real({FADDEEVA_SLOPE}) / (ROOT_TWO * ROOT_TWO_PI * y**2)",
        f"-(ans + np.real({FADDEEVA_SLOPE} * ({FADDEEVA})) / (ROOT_TWO_PI * y)) / y",
        f"-np.imag({FADDEEVA_SLOPE}) / (ROOT_TWO * ROOT_TWO_PI * y**2)",
    ),
    "owens_t(x, y)": (
        "-scipy.special.erf(x * y / ROOT_TWO) * np.exp(-0.5 * x**2) / (2 * ROOT_TWO_PI)",
        "np.exp(-0.5 * x**2 * (1 + y**2)) / (2 * pi * (1 + y**2))",
    ),
    # losses and powers
    "huber(x, y)": ("np.where(np.abs(y) <= x, 0.0, np.abs(y) - x)", "np.clip(y, -x, x)"),
    "pseudo_huber(x, y)": (
        "2 * x * (np.hypot(1, y / x) - 1) - y**2 / (x * np.hypot(1, y / x))",
        "y / np.hypot(1, y / x)",
    ),
    "boxcox(x, y)": ("x ** (y - 1)", f"(x**y * np.log(x) - ans + {LOG_LIMIT}) / (y + (y == 0))"),
    "boxcox1p(x, y)": (
        "(1 + x) ** (y - 1)",
        f"((1 + x) ** y * np.log1p(x) - ans + {LOG_LIMIT.replace('log(', 'log1p(')}) / (y + (y == 0))",
    ),
    "inv_boxcox(x, y)": ("ans ** (1 - y)", f"ans * {INVERSE_POWER}"),
    "inv_boxcox1p(x, y)": ("(1 + ans) ** (1 - y)", f"(1 + ans) * {INVERSE_POWER}"),
}
for _head, _partials in ROWS.items():
    elementwise(f"scipy.special.{_head}", *_partials, name=f"scipy.special.{_head.partition('(')[0]}")
holomorphic(
    *(
        f"scipy.special.{name}"
        for name in ("erf", "erfc", "erfcx", "erfi", "dawsn", "gamma", "loggamma", "rgamma", "wofz")
    )
)


def infer_zeta(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer zeta, which is no ufunc but broadcasts as they do."""
    return ufunc_type(facts, np.power, tuple(a.type for a in args))


primitive("scipy.special.zeta", infer_zeta, "scipy.special.zeta", "x, y", usage="x, y")
row("scipy.special.zeta", "scipy.special.zeta(x, y)", NONE, "-x * scipy.special.zeta(x + 1.0, y)")
for _name in ("round", "gammasgn"):
    elementwise(f"scipy.special.{_name}(x)", name=f"scipy.special.{_name}")
    nondifferentiable(f"scipy.special.{_name}")


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


def infer_weighted(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer logsumexp with weights."""
    t = infer_log_sum(facts, args[:1], attrs)
    return result_type(t.dtype, reduced(facts.broadcast_dims(*[a.type.dims for a in args]), attrs[0], attrs[1]))


primitive("weighted_logsumexp", infer_weighted, "weighted_logsumexp", "x, b", "axis=None, keepdims=False",
          helper=sums.weighted_logsumexp)  # fmt: skip
_USAGE = "a, axis: axes = None, {}, keepdims: static = False, return_sign: no = False"
_PLAIN = Binding("scipy.special.logsumexp", "logsumexp", _USAGE.format("b: no = None"))
_WEIGHTED = Binding("scipy.special.logsumexp", "weighted_logsumexp", _USAGE.format("b=None"))


def choose_log_sum(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell sums with weights."""
    weights = kwargs.get("b", args[2] if len(args) > 2 else Const(None))
    return _PLAIN if is_none(weights) else _WEIGHTED


FUNCTIONS[scipy.special.logsumexp] = Binding("scipy.special.logsumexp", choose=choose_log_sum)
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


@nonlinear("weighted_logsumexp")
def weighted_tangent(
    ans: Array, x: Array, b: Array, axis: Axis, keepdims: bool, x_dot: Array | None, b_dot: Array | None
) -> Array:
    share = np.exp(x - restore(ans, axis, keepdims))
    change = 0.0 if x_dot is None else b * x_dot
    return np.sum(share * (change if b_dot is None else change + b_dot), axis=axis, keepdims=keepdims)


@adjoint("weighted_logsumexp")
def weighted_adjoint(g: Array, ans: Array, x: Array, b: Array, axis: Axis, keepdims: bool) -> tuple[Array, Array]:
    by_weight = restore(g, axis, keepdims) * np.exp(x - restore(ans, axis, keepdims))
    return by_weight * b, by_weight


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
