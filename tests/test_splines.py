"""Splines of scipy.interpolate: derivatives in the places where they are evaluated, in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, from_source, grad, vjp
from adcompile.errors import CompileError

interpolate = pytest.importorskip("scipy.interpolate")

KNOTS, VALUES = np.array([0.0, 1.0, 2.0, 3.5, 4.0]), np.array([1.0, 2.0, 0.3, 1.1, -0.4])
CUBIC = interpolate.CubicSpline(KNOTS, VALUES)
PERIODIC = interpolate.CubicSpline(KNOTS, [1.0, 2.0, 0.3, 1.1, 1.0], bc_type="periodic")
MONOTONE, AKIMA = interpolate.PchipInterpolator(KNOTS, VALUES), interpolate.Akima1DInterpolator(KNOTS, VALUES)
SUM = interpolate.make_interp_spline(KNOTS, VALUES)
ROWS = interpolate.CubicSpline(KNOTS, np.stack([VALUES, VALUES**2], axis=1))
X = np.array([0.3, 1.7, 3.1])


def from_outside(x: Any) -> Any:
    return np.sum(CUBIC(x) ** 2 * SUM(x) + PERIODIC(x + 7.0) * MONOTONE(x)) + np.sum(AKIMA(x, 1) * SUM(x, nu=1))


def inside(x: Any) -> Any:
    natural = interpolate.CubicSpline(KNOTS, VALUES, bc_type="natural")
    smooth = interpolate.UnivariateSpline(KNOTS, VALUES, s=0.1)
    return np.sum(natural(x) * smooth(x)) + natural(x[0], 1) * interpolate.make_interp_spline(KNOTS, VALUES, k=2)(x[1])


def as_argument(x: Any, spline: Any) -> Any:
    return np.sum(spline(x) * x) + spline(x[0] * 2.0)


@pytest.mark.parametrize("f", [from_outside, inside])
def test_splines_of_constants(f: Any) -> None:
    check_grads(f, X)
    check_grads(lambda x: np.sum(grad(f)(x) * np.array([1.0, -2.0, 0.5])), X)
    assert vjp(f, X)[0] == f(X)


@pytest.mark.parametrize("spline", [CUBIC, SUM, MONOTONE], ids=["cubic", "sum", "monotone"])
def test_splines_as_arguments(spline: Any) -> None:
    check_grads(as_argument, X, spline, argnums=0)
    assert vjp(as_argument, X, spline, argnums=(0,))[0] == as_argument(X, spline)


def test_the_emitted_source_needs_scipy_alone() -> None:
    source = grad(inside).source_for(X)
    assert "scipy.interpolate.CubicSpline(" in source and "import scipy.interpolate\n" in source
    np.testing.assert_array_equal(from_source(source, "inside_vjp")(X), grad(inside)(X))


def through_values(y: Any) -> Any:
    return interpolate.CubicSpline(KNOTS, y)(0.5)


def of_rows(x: Any) -> Any:
    return np.sum(ROWS(x))


def of_interp1d(x: Any) -> Any:
    return np.sum(interpolate.interp1d(KNOTS, VALUES)(x))


SMOOTH = interpolate.UnivariateSpline(KNOTS, VALUES)


def of_fitpack(x: Any) -> Any:
    return np.sum(SMOOTH(x))


@pytest.mark.parametrize(
    ("f", "remedy", "below"),
    [
        (through_values, "derivatives where it is evaluated", 1),
        (of_rows, "whose values are numbers", 1),
        (of_interp1d, "use np.interp", 1),
        (of_fitpack, "make it inside", 1),
    ],
)
def test_what_has_no_derivative_is_refused_with_a_remedy(f: Any, remedy: str, below: int) -> None:
    with pytest.raises(CompileError, match=remedy) as error:
        grad(f)(X if f is not through_values else VALUES)
    assert error.value.line == f.__code__.co_firstlineno + below


def test_splines_made_inside_must_have_numbers_as_values() -> None:
    def f(x: Any) -> Any:
        return np.sum(interpolate.CubicSpline(KNOTS, np.ones((5, 2)))(x))

    with pytest.raises(TypeError, match="whose values are numbers"):
        grad(f)(X)
