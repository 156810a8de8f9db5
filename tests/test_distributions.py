"""scipy.stats: every distribution that has rules, against finite differences in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, vjp
from adcompile.errors import CompileError

stats = pytest.importorskip("scipy.stats")
tables = pytest.importorskip("adcompile.rules.scipy.stats")

SHAPES = {"df": 3.5, "a": 1.7, "b": 2.4, "s": 0.8, "c": 1.6, "beta": 1.7, "kappa": 1.5, "d": 2.1, "mu": 1.4}
SHAPES |= {"dfn": 3.5, "dfd": 4.5, "nu": 1.6, "K": 0.7}
OTHER_SHAPES = {("wrapcauchy", "c"): 0.3, ("truncnorm", "a"): -1.5, ("genextreme", "c"): 0.4, ("loguniform", "a"): 0.1}
PLACES, CHANCES, WEIGHTS = np.array([0.35, 0.6, 0.9]), np.array([0.2, 0.5, 0.7]), np.array([1.0, -0.5, 2.0])
METHODS = ("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")


@pytest.mark.parametrize("name", tables.FAMILIES)
def test_continuous(name: str) -> None:
    family = tables.FAMILIES[name]
    shapes = [OTHER_SHAPES.get((name, s), SHAPES[s]) for s, _ in family.shapes]
    start = 1.2 if name == "pareto" else 0.0
    for which in METHODS if name in ("norm", "gamma") else ("logpdf", "cdf"):
        f = getattr(getattr(stats, name), which)
        quantile = which in ("ppf", "isf")
        at = CHANCES if quantile else PLACES + start
        check_grads(lambda x, loc, scale, f=f: np.sum(f(x, *shapes, loc, scale) * WEIGHTS), at, 0.05, 1.3)
    for which in ("logpdf", "pdf") if name == "t" else ("logpdf",):
        f = getattr(getattr(stats, name), which)
        for k, (_, slope) in enumerate(family.shapes):
            if slope != tables.NONE:
                before, after = shapes[:k], shapes[k + 1 :]
                check_grads(lambda s, f=f, b=before, a=after: np.sum(f(PLACES + start, *b, s, *a) * WEIGHTS), shapes[k])


COUNTS = {"poisson": (2.3,), "bernoulli": (0.3,), "binom": (4, 0.3), "nbinom": (2.5, 0.3), "geom": (0.3,)}
COUNTS |= {"betabinom": (5, 0.8, 1.7), "logser": (0.4,), "dlaplace": (0.8,)}


@pytest.mark.parametrize("name", tables.DISCRETE)
def test_discrete(name: str) -> None:
    given, k = COUNTS[name], np.array([1, 0, 1]) if name == "bernoulli" else np.array([1, 2, 3])
    for which in ("logpmf", "pmf", *(("cdf", "sf", "logcdf", "logsf") if name in tables.CUMULATIVE else ())):
        f = getattr(getattr(stats, name), which)
        check_grads(lambda p, f=f: np.sum(f(k, *given[:-1], p) * WEIGHTS), given[-1])


S = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.8]])
MEAN, POINTS = np.array([0.2, -0.1, 0.4]), np.array([[0.5, 0.1, 0.2], [1.0, -0.4, 0.3]])


@pytest.mark.parametrize("which", ["logpdf", "pdf"])
@pytest.mark.parametrize("x", [POINTS, POINTS[0]], ids=["points", "point"])
def test_multivariate_normal(which: str, x: np.ndarray) -> None:
    f = getattr(stats.multivariate_normal, which)
    check_grads(lambda x, mean, cov: np.sum(f(x, mean, cov)), x, MEAN, S, order=2 if which == "pdf" else 1)


def test_entropy_and_dirichlet() -> None:
    check_grads(lambda cov: stats.multivariate_normal.entropy(MEAN, cov), S, order=2)
    x = np.array([0.2, 0.3, 0.5])
    check_grads(lambda alpha: stats.dirichlet.logpdf(x, alpha) + stats.dirichlet.pdf(x, alpha), x + 1.0)


def test_second_derivatives() -> None:
    check_grads(lambda x, s: np.sum(stats.norm.logcdf(x, 0.1, s) + stats.t.cdf(x, 3.5, 0.0, s)), PLACES, 1.3, order=2)


def by_shape(a: float) -> Any:
    return stats.gamma.cdf(1.0, a)


def test_distribution_functions_have_no_derivative_in_shapes() -> None:
    with pytest.raises(CompileError, match="no derivative in this argument") as error:
        grad(by_shape)(2.0)
    assert (error.value.line, error.value.column) == (by_shape.__code__.co_firstlineno + 1, 5)


def test_the_source_imports_scipy() -> None:
    source = grad(lambda x: stats.norm.pdf(x)).source_for(0.5)
    assert "import scipy.stats\n" in source


def frozen(x: Any, m: Any, s: Any) -> Any:
    d = stats.norm(m, scale=s)
    a = np.sum(d.logpdf(x) + d.cdf(x) * d.sf(x) + stats.gamma(2.5, scale=s).logpdf(x**2 + 0.1))
    return a + d.ppf(0.3) + np.sum(stats.poisson(s).logpmf(np.array([1, 2])))


def test_frozen_distributions() -> None:
    x = np.array([0.5, 1.2, 2.0])
    check_grads(frozen, x, 0.3, 1.2, order=2)
    assert vjp(frozen, x, 0.3, 1.2)[0] == frozen(x, 0.3, 1.2)


FROZEN = stats.norm(0.5, 2.0)


def test_frozen_distributions_from_outside_are_refused() -> None:
    with pytest.raises(CompileError, match="`FROZEN` is a rv_continuous_frozen") as caught:
        grad(lambda x: np.sum(FROZEN.logpdf(x)))(np.ones(2))
    assert "make `FROZEN` inside of the function" in str(caught.value)


def of_vectors(x: Any, mean: Any, s: Any) -> Any:
    cov = s @ s.T + np.eye(3)
    normal = stats.multivariate_normal
    a = normal.logpdf(x, mean, cov, allow_singular=True) + normal(mean, cov).logpdf(x[::-1]) * normal.pdf(x, cov=cov)
    b = normal.logpdf(x, mean, np.exp(mean)) + normal.logpdf(x, mean, 2.0 + mean[0] ** 2) + normal.logpdf(x, mean)
    return np.sum(a * b) + np.sum(normal.logpdf(x[0], mean[0], cov[0, 0])) + normal.entropy(mean, mean[2] ** 2)


def test_means_and_covariances_may_be_left_out_or_be_numbers() -> None:
    check_grads(of_vectors, POINTS, MEAN, S, order=2)
    assert vjp(of_vectors, POINTS, MEAN, S)[0] == of_vectors(POINTS, MEAN, S)


def test_axes_of_length_one_are_dropped() -> None:
    x = POINTS[:, None, :]
    check_grads(lambda x, m: stats.multivariate_normal.pdf(x, m, S), x, MEAN)
    assert vjp(lambda x: stats.multivariate_normal.logpdf(x, MEAN, S), x[:1])[0].shape == ()
    with pytest.raises(CompileError, match="need an axis more"):
        vjp(lambda x: stats.multivariate_normal.logpdf(x, np.ones(1), np.ones((1, 1))), MEAN)


def test_multinomial() -> None:
    counts = np.array([1, 2, 1])

    def f(p: Any) -> Any:
        p = p / np.sum(p)
        return stats.multinomial.logpmf(counts, 4, p) + stats.multinomial(4, p).pmf(counts)

    check_grads(f, np.array([0.2, 0.5, 0.3]), order=2)
