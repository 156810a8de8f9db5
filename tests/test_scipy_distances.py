"""scipy.spatial.distance and scipy.integrate against finite differences in both modes and at second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, value_and_grad
from adcompile.errors import CompileError

distance = pytest.importorskip("scipy.spatial.distance")
integrate = pytest.importorskip("scipy.integrate")

RNG = np.random.default_rng(4)
X, Y, K = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=(4, 2))
PAIRS = np.arange(6.0)


def each_with_each(x: Any, y: Any) -> Any:
    a = np.sum(np.exp(-distance.cdist(x, y)) * K) + np.sum(distance.cdist(x, y, "sqeuclidean") ** 2 * K)
    return a + np.sum(distance.cdist(y, x, metric="cityblock") ** 2) + np.sum(distance.cdist(x, Y + 1.0) * K)


def all_pairs(x: Any, y: Any) -> Any:
    a = np.sum(distance.pdist(x) ** 3 * PAIRS) + np.sum(distance.pdist(x, "sqeuclidean") ** 2 * PAIRS)
    return a + np.sum(distance.pdist(x, "cityblock") ** 2 * PAIRS) + distance.pdist(y)[0]


def of_two(x: Any, y: Any) -> Any:
    u, v = x[0], y[1]
    a = distance.euclidean(u, v) ** 3 + distance.cosine(u, v) * distance.sqeuclidean(u, x[2])
    return a + distance.cityblock(u, v) ** 2 + distance.chebyshev(u, v) ** 3 + distance.cosine(v, [1.0, 2.0, 3.0])


def by_trapezoids(x: Any, y: Any) -> Any:
    points = np.cumsum(x[:, 0] ** 2 + 0.1)
    a = integrate.trapezoid(x, points, axis=0) ** 2 + integrate.trapezoid(x.T, dx=y[0, 0]) ** 3
    b = integrate.cumulative_trapezoid(x, points, axis=0, initial=0) ** 2
    c = integrate.cumulative_trapezoid(x, x**3, axis=1) + integrate.cumulative_trapezoid(y[0], dx=0.5)
    return np.sum(a) + np.sum(b * X) + np.sum(c**2) + integrate.simpson(y[0] ** 2, dx=y[1, 0])


@pytest.mark.parametrize("f", [each_with_each, all_pairs, of_two, by_trapezoids])
def test_derivatives(f: Callable[..., Any]) -> None:
    check_grads(f, X, Y, order=2)
    assert value_and_grad(f)(X, Y)[0] == f(X, Y)


def test_equal_points() -> None:
    found = grad(lambda x: np.sum(distance.cdist(x, X)) + distance.euclidean(x[0], x[0]))(X[:2])
    apart = X[:2, None] - X
    far = np.linalg.norm(apart, axis=2)[..., None]
    np.testing.assert_allclose(found, np.sum(apart / np.where(far == 0, 1.0, far), axis=1))


def by_angle(x: Any) -> Any:
    return np.sum(distance.cdist(x, Y, "jensenshannon"))


def test_other_metrics_are_refused() -> None:
    with pytest.raises(CompileError, match="the metric 'jensenshannon' is not supported") as error:
        grad(by_angle)(X)
    assert error.value.line == by_angle.__code__.co_firstlineno + 1
