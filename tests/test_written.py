"""What is emitted is what one would write: nothing is slower than the problem asks for."""

from __future__ import annotations

import numpy as np
import pytest

from adcompile import grad
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

    source = grad(pooled).source_for(np.ones((2, 3, 4)))
    assert "[np.newaxis, :, np.newaxis]" in source
    assert source.count("expand_dims") == 2  # the user's own, with its comment
