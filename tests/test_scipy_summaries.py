"""scipy.stats: means, scores, moments and entropies, whose values are those of SciPy to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, hvp, vjp
from adcompile.errors import CompileError

stats = pytest.importorskip("scipy.stats")

rng = np.random.default_rng(0)
X, P = rng.normal(size=(5, 4)), rng.uniform(0.3, 2.0, size=(5, 4))

CASES: list[tuple[str, Any, Any]] = [
    ("gmean", lambda x: stats.gmean(x), P),
    ("gmean along", lambda x: stats.gmean(x, axis=1), P),
    ("hmean", lambda x: stats.hmean(x, axis=None), P),
    ("sem", lambda x: stats.sem(x), X),
    ("sem ddof", lambda x: stats.sem(x, axis=1, ddof=0), X),
    ("zscore", lambda x: stats.zscore(x) * x, X),
    ("zscore all", lambda x: stats.zscore(x, axis=None, ddof=1), X),
    ("skew", lambda x: stats.skew(x), X),
    ("skew fair", lambda x: stats.skew(x, axis=1, bias=False), X),
    ("skew of a vector", lambda x: stats.skew(x), X[:, 0].copy()),
    ("kurtosis", lambda x: stats.kurtosis(x, axis=1), X),
    ("kurtosis fair", lambda x: stats.kurtosis(x, fisher=False, bias=False), X),
    ("kurtosis of a vector", lambda x: stats.kurtosis(x, bias=False), X[0].copy()),
    ("entropy", lambda p: stats.entropy(p), P),
    ("entropy of two", lambda p: stats.entropy(p, np.sqrt(P), base=2, axis=1), P),
    ("entropy in the second", lambda q: stats.entropy(P, q), P**2),
]


@pytest.mark.parametrize("f, x", [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_derivatives_and_values(f: Any, x: Any) -> None:
    check_grads(f, x)
    values = [x, *(x * rng.uniform(0.5, 2.0, size=x.shape) for _ in range(20))]
    for y in values:
        value, _ = vjp(f, y)
        assert np.array_equal(value, f(y)) and np.shape(value) == np.shape(f(y))


def test_second_order() -> None:
    def f(x: Any) -> Any:
        return np.sum(stats.zscore(x) ** 3) + np.sum(stats.skew(x, axis=1) * stats.kurtosis(x, axis=1))

    direction = rng.normal(size=X.shape)
    found = (grad(f)(X + 1e-6 * direction) - grad(f)(X - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(hvp(f, (X,), (direction,)), found, rtol=1e-4, atol=1e-6)


def test_equal_entries_have_no_scores() -> None:
    value, _ = vjp(lambda x: stats.zscore(x), np.full(3, 0.1))
    assert np.all(np.isnan(value))


def test_weights_are_refused() -> None:
    with pytest.raises(CompileError, match="weights"):
        grad(lambda x: stats.gmean(x, weights=P[0]))(P[0])
