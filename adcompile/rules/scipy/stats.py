"""scipy.stats: densities, distribution functions and quantiles, by what each family of distributions is.

With z = (x - loc) / scale, the logarithm of a density is ``L(z, shapes) - log(scale)``. A family is stated by the
derivatives of L alone; those of the methods follow. In the shapes, the distribution functions and quantiles have no
derivatives here.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import scipy.stats  # noqa: F401  # the spellings name its functions

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.records import dataclass
from adcompile.rules.define import primitive
from adcompile.rules.scipy.special import NONE
from adcompile.rules.table import row

__all__ = ["DISCRETE", "FAMILIES", "Family"]


@dataclass(frozen=True, slots=True)
class Family:
    """A family of distributions: the derivative of L in z, and that in each shape, as expressions of them."""

    slope: str
    shapes: tuple[tuple[str, str], ...] = ()


def family(slope: str, **shapes: str) -> Family:
    return Family(slope, tuple(shapes.items()))


PSI: Final = "scipy.special.psi"
NORMAL_RATIO: Final = "np.exp(-0.5 * (z - 1 / K) ** 2 - scipy.special.log_ndtr(z - 1 / K)) / ROOT_TWO_PI"
FAMILIES: Final[dict[str, Family]] = {
    "norm": family("-z"),
    "t": family(
        "-(df + 1) * z / (df + z**2)",
        df=f"0.5 * ({PSI}(0.5 * (df + 1)) - {PSI}(0.5 * df) - 1 / df - np.log1p(z**2 / df)"
        " + (df + 1) * z**2 / (df * (df + z**2)))",
    ),
    "beta": family(
        "(a - 1) / z - (b - 1) / (1 - z)",
        a=f"np.log(z) - {PSI}(a) + {PSI}(a + b)",
        b=f"np.log1p(-z) - {PSI}(b) + {PSI}(a + b)",
    ),
    "gamma": family("(a - 1) / z - 1", a=f"np.log(z) - {PSI}(a)"),
    "chi2": family("(0.5 * df - 1) / z - 0.5", df=f"0.5 * (np.log(0.5 * z) - {PSI}(0.5 * df))"),
    "expon": family("-np.ones_like(z)"),
    "cauchy": family("-2 * z / (1 + z**2)"),
    "laplace": family("-np.sign(z)"),
    "logistic": family("-np.tanh(0.5 * z)"),
    "uniform": family("np.zeros_like(z)"),
    "pareto": family("-(b + 1) / z", b="1 / b - np.log(z)"),
    "gumbel_r": family("np.exp(-z) - 1"),
    "gumbel_l": family("1 - np.exp(z)"),
    "lognorm": family("-1 / z - np.log(z) / (s**2 * z)", s="-1 / s + np.log(z) ** 2 / s**3"),
    "weibull_min": family(
        "(c - 1) / z - c * z ** (c - 1)",
        c="1 / c + np.log(z) - z**c * np.log(z)",
    ),
    "rayleigh": family("1 / z - z"),
    "halfnorm": family("-z"),
    "invgamma": family("-(a + 1) / z + 1 / z**2", a=f"-np.log(z) - {PSI}(a)"),
    "gennorm": family(
        "-beta * np.sign(z) * np.abs(z) ** (beta - 1)",
        beta=f"1 / beta + {PSI}(1 / beta) / beta**2 - np.abs(z) ** beta * np.log(np.abs(z))",
    ),
    "vonmises": family(
        "-kappa * np.sin(z)",
        kappa="np.cos(z) - scipy.special.i1(kappa) / scipy.special.i0(kappa)",
    ),
    "truncnorm": family("-z", a=NONE, b=NONE),
    "wrapcauchy": family(
        "-2 * c * np.sin(z) / (1 + c**2 - 2 * c * np.cos(z))",
        c="-2 * c / (1 - c**2) - 2 * (c - np.cos(z)) / (1 + c**2 - 2 * c * np.cos(z))",
    ),
    "maxwell": family("2 / z - z"),
    "chi": family("(df - 1) / z - z", df=f"np.log(z) - 0.5 * (LOG_2 + {PSI}(0.5 * df))"),
    "lomax": family("-(c + 1) / (1 + z)", c="1 / c - np.log1p(z)"),
    "fisk": family(
        "(c - 1) / z - 2 * c * z ** (c - 1) / (1 + z**c)",
        c="1 / c + np.log(z) - 2 * z**c * np.log(z) / (1 + z**c)",
    ),
    "levy": family("0.5 / z**2 - 1.5 / z"),
    "loggamma": family("c - np.exp(z)", c=f"z - {PSI}(c)"),
    "genpareto": family("-(c + 1) / (1 + c * z)", c="np.log1p(c * z) / c**2 - (1 + 1 / c) * z / (1 + c * z)"),
    "genextreme": family(
        "(1 - c * z) ** (1 / c - 1) + (c - 1) / (1 - c * z)",
        c="(1 - c * z) ** (1 / c) * (np.log1p(-c * z) / c**2 + z / (c * (1 - c * z)))"
        " - np.log1p(-c * z) / c**2 - (1 / c - 1) * z / (1 - c * z)",
    ),
    "invgauss": family("0.5 / z**2 - 1.5 / z - 0.5 / mu**2", mu="z / mu**3 - 1 / mu**2"),
    "f": family(
        "(0.5 * dfn - 1) / z - 0.5 * (dfn + dfd) * dfn / (dfd + dfn * z)",
        dfn="0.5 * (np.log(dfn * z / (dfd + dfn * z)) + 1 - (dfn + dfd) * z / (dfd + dfn * z)"
        f" - {PSI}(0.5 * dfn) + {PSI}(0.5 * (dfn + dfd)))",
        dfd="0.5 * (np.log(dfd / (dfd + dfn * z)) + 1 - (dfn + dfd) / (dfd + dfn * z)"
        f" - {PSI}(0.5 * dfd) + {PSI}(0.5 * (dfn + dfd)))",
    ),
    "skewnorm": family(
        "a * np.exp(-0.5 * (a * z) ** 2 - scipy.special.log_ndtr(a * z)) / ROOT_TWO_PI - z",
        a="z * np.exp(-0.5 * (a * z) ** 2 - scipy.special.log_ndtr(a * z)) / ROOT_TWO_PI",
    ),
    "exponnorm": family(
        f"{NORMAL_RATIO} - 1 / K",
        K=f"({NORMAL_RATIO} + z) / K**2 - 1 / K - 1 / K**3",
    ),
    "powerlaw": family("(a - 1) / z", a="1 / a + np.log(z)"),
    "loguniform": family("-1 / z", a="1 / (a * np.log(b / a))", b="-1 / (b * np.log(b / a))"),
    "arcsine": family("0.5 / (1 - z) - 0.5 / z"),
    "semicircular": family("-z / (1 - z**2)"),
    "hypsecant": family("-np.tanh(z)"),
    "cosine": family("-np.sin(z) / (1 + np.cos(z))"),
    "nakagami": family(
        "(2 * nu - 1) / z - 2 * nu * z",
        nu=f"np.log(nu) + 1 - {PSI}(nu) + 2 * np.log(z) - z**2",
    ),
    "betaprime": family(
        "(a - 1) / z - (a + b) / (1 + z)",
        a=f"np.log(z / (1 + z)) - {PSI}(a) + {PSI}(a + b)",
        b=f"-np.log1p(z) - {PSI}(b) + {PSI}(a + b)",
    ),
    "rice": family(
        "1 / z - z + b * scipy.special.i1e(z * b) / scipy.special.i0e(z * b)",
        b="z * scipy.special.i1e(z * b) / scipy.special.i0e(z * b) - b",
    ),
    "gengamma": family(
        "(c * a - 1) / z - c * z ** (c - 1)",
        a=f"c * np.log(z) - {PSI}(a)",
        c="1 / c + a * np.log(z) - z**c * np.log(z)",
    ),
    "burr": family(
        "(d + 1) * c * z ** (-c - 1) / (1 + z**-c) - (c + 1) / z",
        c="1 / c - np.log(z) + (d + 1) * z**-c * np.log(z) / (1 + z**-c)",
        d="1 / d - np.log1p(z**-c)",
    ),
    "burr12": family(
        "(c - 1) / z - (d + 1) * c * z ** (c - 1) / (1 + z**c)",
        c="1 / c + np.log(z) - (d + 1) * z**c * np.log(z) / (1 + z**c)",
        d="1 / d - np.log1p(z**c)",
    ),
    "johnsonsu": family(
        "-z / (z**2 + 1) - (a + b * np.arcsinh(z)) * b / np.sqrt(z**2 + 1)",
        a="-(a + b * np.arcsinh(z))",
        b="1 / b - (a + b * np.arcsinh(z)) * np.arcsinh(z)",
    ),
    "johnsonsb": family(
        "1 / (1 - z) - 1 / z - (a + b * scipy.special.logit(z)) * b / (z * (1 - z))",
        a="-(a + b * scipy.special.logit(z))",
        b="1 / b - (a + b * scipy.special.logit(z)) * scipy.special.logit(z)",
    ),
}
# The derivatives of the logarithms of probabilities, by each parameter.
DISCRETE: Final[dict[str, dict[str, str]]] = {
    "poisson": {"mu": "(k - loc) / mu - 1"},
    "bernoulli": {"p": "(k - loc) / p - (1 - k + loc) / (1 - p)"},
    "binom": {"n": NONE, "p": "(k - loc) / p - (n - k + loc) / (1 - p)"},
    "nbinom": {"n": f"{PSI}(k - loc + n) - {PSI}(n) + np.log(p)", "p": "n / p - (k - loc) / (1 - p)"},
    "geom": {"p": "1 / p - (k - loc - 1) / (1 - p)"},
    "betabinom": {
        "n": NONE,
        "a": f"{PSI}(k - loc + a) - {PSI}(n + a + b) - {PSI}(a) + {PSI}(a + b)",
        "b": f"{PSI}(n - k + loc + b) - {PSI}(n + a + b) - {PSI}(b) + {PSI}(a + b)",
    },
    "logser": {"p": "(k - loc) / p + 1 / ((1 - p) * np.log1p(-p))"},
    "dlaplace": {"a": "1 / np.sinh(a) - np.abs(k - loc)"},
}


def infer_broadcast(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a function of numbers that gives float64."""
    dims = facts.broadcast_dims(*[a.type.dims for a in args])
    return Type("np" if dims == () else "array", np.dtype(np.float64), dims)


def method(distribution: str, name: str, operands: str, partials: list[str], usage: str) -> None:
    """Define a method of a distribution as an elementwise primitive with these partial derivatives."""
    spelling = f"scipy.stats.{distribution}.{name}"
    primitive(spelling, infer_broadcast, spelling, operands, usage=usage)
    row(spelling, f"{spelling}({operands})", *partials)


def continuous(name: str, family: Family) -> None:
    """Define the methods of a continuous distribution."""
    shapes = [shape for shape, _ in family.shapes]
    names = ", ".join([*shapes, "loc", "scale"])
    usage = ", ".join([*shapes, "loc=0", "scale=1"])
    z = "((x - loc) / scale)"
    slope = at(family.slope, z)
    by_shape = [at(text, z) for _, text in family.shapes]
    of_log = [f"({slope}) / scale", *by_shape, f"-({slope}) / scale", f"-({z} * ({slope}) + 1) / scale"]
    method(name, "logpdf", f"x, {names}", of_log, f"x, {usage}")
    method(name, "pdf", f"x, {names}", [p if p == NONE else f"ans * ({p})" for p in of_log], f"x, {usage}")
    density = f"scipy.stats.{name}.pdf(x, {names})"
    none = [NONE] * len(shapes)
    for which, factor in (("cdf", density), ("sf", f"-{density}")):
        for prefix, form in (("", factor), ("log", f"{factor} / np.exp(ans)")):
            method(name, prefix + which, f"x, {names}", [form, *none, f"-({form})", f"-({form}) * {z}"], f"x, {usage}")
    there = f"scipy.stats.{name}.pdf(ans, {names})"
    for which, sign in (("ppf", ""), ("isf", "-")):
        method(name, which, f"q, {names}", [f"{sign}1 / {there}", *none, "1", "(ans - loc) / scale"], f"q, {usage}")


def discrete(name: str, by_parameter: dict[str, str]) -> None:
    """Define the methods of a discrete distribution."""
    names = ", ".join(["k", *by_parameter, "loc"])
    usage = ", ".join(["k", *by_parameter, "loc=0"])
    method(name, "logpmf", names, [NONE, *by_parameter.values(), NONE], usage)
    of_mass = [p if p == NONE else f"ans * ({p})" for p in by_parameter.values()]
    method(name, "pmf", names, [NONE, *of_mass, NONE], usage)


def at(text: str, z: str) -> str:
    """Put an expression in the place of z."""
    return re.sub(r"\bz\b", z, text)


for _name, _family in FAMILIES.items():
    continuous(_name, _family)
for _name, _parameters in DISCRETE.items():
    discrete(_name, _parameters)
# The derivatives of distribution functions in the last parameter; the arguments before it are whole numbers.
CUMULATIVE: Final[dict[str, str]] = {
    "poisson": "-scipy.stats.poisson.pmf(np.floor(k), mu, loc)",
    "binom": "-n * scipy.stats.binom.pmf(np.floor(k), n - 1, p, loc)",
    "geom": "np.floor(k - loc) * (1 - p) ** (np.floor(k - loc) - 1)",
    "nbinom": "n * scipy.stats.nbinom.pmf(np.floor(k), n + 1, p, loc) / p**2",
}
for _name, _slope in CUMULATIVE.items():
    _given = [*DISCRETE[_name]]
    for _which, _sign in (("cdf", ""), ("sf", "-")):
        for _prefix, _form in (("", f"{_sign}({_slope})"), ("log", f"{_sign}({_slope}) / np.exp(ans)")):
            method(
                _name,
                _prefix + _which,
                ", ".join(["k", *_given, "loc"]),
                [*[NONE] * len(_given), _form, NONE],
                ", ".join(["k", *_given, "loc=0"]),
            )
