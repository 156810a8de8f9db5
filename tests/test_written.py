"""What is emitted is what one would write: nothing is slower than the problem asks for."""

from __future__ import annotations

import numpy as np
import pytest

from adcompile import from_source, grad, jvp
from tests import oracle
from tests.programs import models


def test_an_array_that_shrinks_has_an_adjoint_of_the_lengths_of_its_trip() -> None:
    def tree(v, q, n):
        for _ in range(n):
            v = q * v[:-1] + (1 - q) * v[1:]
        return v[0]

    assert "unbroadcast" not in grad(tree, argnums=(0, 1)).source_for(np.ones(6), 0.4, 5)


def test_powers_of_numbers_stay_python_numbers() -> None:
    def cubed_distance(x):
        return (x * x + 0.01) ** 1.5

    for f, args in ((cubed_distance, (0.3,)), (models.option_by_loops, (1.0, 1.1, 0.2, 4))):
        assert "np." not in grad(f).source_for(*args)


@pytest.mark.parametrize("x", [0.0, -0.5, 2.0])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_powers_with_whole_exponents(x: float, n: int) -> None:
    assert grad(lambda x, n: x**n)(x, n) == (n * x ** (n - 1) if n else 0.0)


def test_an_infinite_derivative_of_a_power_does_not_raise() -> None:
    with np.errstate(divide="ignore"):
        assert grad(lambda x: x**0.5)(0.0) == np.inf


def test_axes_are_inserted_by_an_index() -> None:
    def pooled(x):
        return np.sum(np.max(x, axis=(0, 2)) * np.expand_dims(x[0, 0, 0], 0))

    def squares(x):
        return np.sum(np.max(x, axis=()) ** 2)

    assert "newaxis" not in grad(squares).source_for(X)
    source = grad(pooled).source_for(np.ones((2, 3, 4)))
    assert "[np.newaxis, :, np.newaxis]" in source
    assert source.count("expand_dims") == 2  # the user's own, with its comment


W = np.array([[0.4, -0.3, 0.2], [0.1, 0.5, -0.6], [-0.2, 0.3, 0.7]])
X = np.array([0.3, -0.7, 0.5])


def recurrence(w, x, n):
    for _ in range(n):
        x = np.tanh(w @ x - x @ w)
    return np.sum(x**2)


def recurrence_in_place(w, x, n):
    x = x.copy()
    for i in range(n):
        y = w @ x
        x[i % 3] = np.sum(y**2) - y[1]
    return np.sum(x * x)


def nested_recurrence(w, x, n):
    s = 0.0
    for k in range(n):
        for _ in range(k):
            x = np.sin(w.T @ x) * 1.5
        x = x - np.cos(w @ x)
        s = s + x @ w @ x
    return s


def read_meanwhile(w, x, n):
    for _ in range(n):
        w = np.tanh(w)
        x = w @ x
    return np.sum(x)


def branching_recurrence(w, x, n):
    for k in range(n):
        x = np.tanh(w @ x) if k % 2 else x - w @ np.cos(x)
    return np.sum(x**2)


LOOPS = (recurrence, recurrence_in_place, nested_recurrence, read_meanwhile, branching_recurrence)


@pytest.mark.parametrize("n", [0, 1, 4])
@pytest.mark.parametrize("f", LOOPS)
def test_sums_of_outer_products(f, n: int) -> None:
    """Gradients of a matrix that multiplies vectors in a loop, and directional derivatives of what is emitted."""
    for w, x in ((W, X), (np.asfortranarray(W), X[::-1])):
        gradient = grad(f, argnums=(0, 1))
        w_bar, x_bar = gradient(w, x, n)
        assert (w_bar.shape, x_bar.shape) == (w.shape, x.shape)
        expected = oracle.jacobian(lambda w, x: f(w, x, n), (w, x), (0, 1))
        np.testing.assert_allclose(oracle.flat((w_bar, x_bar)), expected[0], rtol=1e-8, atol=1e-10)
        again = from_source(gradient.source_for(w, x, n), f"{f.__name__}_vjp")
        v = np.cos(np.arange(9.0)).reshape(3, 3)
        _, dots = jvp(again, (w, x, n), (v, v[0]), argnums=(0, 1))
        _, same = jvp(gradient, (w, x, n), (v, v[0]), argnums=(0, 1))
        np.testing.assert_allclose(oracle.flat(dots), oracle.flat(same), rtol=1e-10, atol=1e-12)


def test_outer_products_are_gathered_where_nobody_reads_their_sum() -> None:
    for f in LOOPS[:3]:
        assert "np.outer" not in grad(f).source_for(W, X, 3)
    for f in LOOPS[3:]:
        assert "np.outer" in grad(f).source_for(W, X, 3)
    w, x = W.astype(np.float32), X.astype(np.float32)
    assert grad(recurrence)(w, x, 3).dtype == np.float32
    assert grad(recurrence)(w, x, 0).dtype == np.float32
