"""Roots, fixed points and linear systems: derivatives by the implicit function theorem, in both modes and orders."""

from __future__ import annotations

import numpy as np
import pytest

from adcompile import check_grads, fixed_point, grad, hessian, implicit_root, jvp, linear_solve

X = np.array([0.3, -1.2, 0.7])
M = np.array([[0.2, -0.1, 0.3], [0.1, 0.3, -0.2], [-0.3, 0.2, 0.1]])


def cubic(x, p):
    return x**3 + x - p["a"] * p["b"]


@implicit_root(cubic)
def solve_cubic(x0, p):
    x = x0
    while abs(cubic(x, p)) > 1e-14:
        x = x - cubic(x, p) / (3 * x**2 + 1)
    return x


def test_newton_with_parameters_in_a_dict():
    p = {"a": 2.0, "b": 1.5}
    check_grads(lambda p: solve_cubic(1.0, p) ** 2, p)
    source = grad(lambda p: solve_cubic(1.0, p) ** 2).source_for(p)
    assert source.count("while") == 1 and "tape" not in source
    assert grad(solve_cubic)(1.0, p) == 0.0


def test_derivatives_of_a_root_of_any_order():
    def f(a):
        return solve_cubic(1.0, {"a": a, "b": 1.5})

    x = f(2.0)
    d1 = 1.5 / (3 * x**2 + 1)
    d2 = -6 * x * d1**2 / (3 * x**2 + 1)
    d3 = -(6 * d1**3 + 18 * x * d1 * d2) / (3 * x**2 + 1)
    np.testing.assert_allclose(
        [grad(f)(2.0), grad(grad(f))(2.0), grad(grad(grad(f)))(2.0), jvp(grad(f), (2.0,), (1.0,))[1]],
        [d1, d2, d3, d2],
        rtol=1e-10,
    )


def residual(x, w, b):
    return np.tanh(w @ x) + x - b


@implicit_root(residual)
def solve_system(x0, w, b):
    x = x0
    for _ in range(50):
        jacobian = np.eye(len(x)) + (1 - np.tanh(w @ x) ** 2)[:, None] * w
        x = x - np.linalg.solve(jacobian, residual(x, w, b))
    return x


def test_a_system_of_equations():
    def f(w, b):
        return np.sum(solve_system(np.zeros(3), w, b) ** 2)

    check_grads(f, M, X)
    check_grads(lambda b: solve_system(np.zeros(3), M, b), X)
    check_grads(grad(lambda b: f(M, b)), X)


def test_fixed_points():
    solve = fixed_point(lambda x, a, b: np.cos(x * a) * 0.3 + b)
    check_grads(lambda a, b: np.sum(solve(np.zeros(3), a, b) ** 2), 0.7, X)
    matrix = fixed_point(lambda x, m: 0.2 * np.sin(m @ x @ m) + m)
    check_grads(lambda m: np.sum(matrix(np.zeros((3, 3)), m) ** 2), M)

    def looped(a):
        s = 0.0
        for i in range(3):
            s = s + root(1.0, a + i + s)
        return s

    root = fixed_point(lambda x, a: 0.5 * (x + a / x))
    check_grads(looped, 2.0)


def test_linear_systems():
    linalg = pytest.importorskip("scipy.linalg")
    solve = linear_solve(lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b))
    a = np.eye(3) * 3 + M

    def f(a, b):
        return np.sum(solve(a, b) ** 2)

    check_grads(f, a, X)
    check_grads(f, a, np.outer(X, X[:2]))
    inverse = np.linalg.inv(a)
    np.testing.assert_allclose(hessian(lambda b: f(a, b))(X), 2 * inverse.T @ inverse, rtol=1e-12)


# -- solvers of SciPy, which are handed functions


def balance(x, a):
    return x**3 + x - a


@implicit_root(balance, opaque=True)
def bracketed(x0, a):
    from scipy.optimize import brentq

    return brentq(balance, 0.0, 5.0, args=(a,))


def curve(x, a, b):
    return np.cosh(x) * a + x**3 - b


@implicit_root(curve, opaque=True)
def several(x0, a, b):
    from scipy.optimize import fsolve

    return fsolve(curve, x0, args=(a, b), xtol=1e-13)


def test_solvers_that_are_called_as_they_are():
    pytest.importorskip("scipy.optimize")
    check_grads(lambda a: bracketed(1.0, a) * a**2, 2.0)
    check_grads(lambda a: grad(lambda a: bracketed(1.0, a) * a**2)(a), 2.0)
    assert jvp(lambda a: bracketed(1.0, a), (2.0,), (1.0,))[0] == bracketed(1.0, 2.0)
    assert "solution = bracketed(1.0, a)" in grad(lambda a: bracketed(1.0, a)).source_for(2.0)
    check_grads(lambda a, b: np.sum(several(np.ones(3), a, b) ** 2), 1.5, X)
    check_grads(lambda a: grad(lambda a: np.sum(several(np.ones(3), a, X) ** 2))(a), 1.5)


def test_solvers_of_two_programs_and_in_loops():
    def f(a):
        total = 0.0
        for k in range(3):
            total = total + bracketed(1.0, a + k) * bracketed(1, a)
        return total

    pytest.importorskip("scipy.optimize")
    check_grads(f, 1.2)
