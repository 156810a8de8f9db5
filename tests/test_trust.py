"""Derivatives that check themselves: verify, debug_nan, check_rule; rules that hold in some derivatives only."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import adcompile
from adcompile import (
    ArgumentError,
    DerivativeMismatch,
    check_grads,
    check_rule,
    custom_jvp,
    custom_vjp,
    elementwise,
    grad,
    hessian,
    jacobian,
    jvp,
    primitive,
    value_and_grad,
    vjp,
)

X = np.array([0.3, -1.2, 0.7])


def same(a: object, b: object) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-10)


@custom_vjp
def wrong_vjp(x):
    return np.sin(x)


wrong_vjp.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * np.cos(x) * 1.01,))


@custom_jvp
def wrong_jvp(x):
    return np.sin(x)


wrong_jvp.defjvps(lambda t, ans, x: t * np.sin(x))


def straight(x):
    a = x * 2
    b = np.exp(a)
    c = wrong_vjp(b)
    return np.sum(c * a)


def looped(x):
    s = 0.0
    for i in range(3):
        y = x * i
        if i >= 0:
            s = s + np.sum(wrong_jvp(y + x))
        else:
            s = s * 2
    return s


def helper(x):
    return wrong_vjp(x * x)


def while_loop(x):
    n = 0
    while n < 3:
        x = np.cos(x)
        x = helper(x)
        n += 1
    return np.sum(x)


# -- verify


@pytest.mark.parametrize(
    ("f", "line"),
    [(straight, "c = wrong_vjp(b)"), (looped, "s = s + np.sum(wrong_jvp(y + x))"), (while_loop, "x = helper(x)")],
)
def test_verify_names_the_first_wrong_line(f, line):
    derivative = grad(f, verify=True)
    for _ in range(2):  # it is not let through the second time
        with pytest.raises(DerivativeMismatch, match="the first line whose derivative is wrong") as caught:
            derivative(X)
        assert line in str(caught.value).splitlines()[3]


def test_verify_lets_right_gradients_through():
    @grad(verify=True, argnums=(0, 1))
    def f(x, p):
        return np.sum(np.exp(x) * p["w"]) * abs(p["b"])

    for x in (X, X.astype(np.float32), 0.5):
        g = f(x, {"w": 2.0, "b": 0.0})
        same(g[0], grad(f.primal)(x, {"w": 2.0, "b": 0.0}))
    value, gradient = value_and_grad(lambda x: (np.sum(x**2), x), verify=True, has_aux=True)(X)
    same(gradient, 2 * X)
    gradient, aux = grad(lambda x: (np.sum(x**2), x), verify=True, has_aux=True)(X)
    same((gradient, aux), (2 * X, X))
    same(grad(lambda *xs: xs[0] * xs[1], argnums=1, verify=True)(2.0, 3.0), 2.0)


def test_verify_at_singular_points(_quiet):
    same(grad(lambda x: np.sum(np.sqrt(x)), verify=True)(AT_ZERO), [np.inf, 0.25])
    same(grad(lambda x: np.sum(np.abs(x)), verify=True)(np.array([0.0, 1.0, -1.0])), [0.0, 1.0, -1.0])
    same(grad(lambda x: np.max(x), verify=True)(np.array([1.0, 1.0, -1.0])), [0.5, 0.5, 0.0])
    w = np.random.default_rng(0).normal(size=(50, 40))
    grad(lambda w: np.sum(np.tanh(w @ w.T)), verify=True)(w)


def test_verify_takes_two_modes_that_disagree_for_wrong():
    @primitive
    def f(x):
        return np.sin(x)

    f.adjoint(lambda g, ans, x: g * np.cos(x))
    f.tangent(lambda ans, x, x_dot: x_dot * 2.0)
    with pytest.raises(DerivativeMismatch, match="the modes disagree"):
        grad(lambda x: f(x), verify=True)(1.0)


# -- debug_nan


def test_the_first_adjoint_that_is_not_finite():
    def f(x):
        y = x - 0.3
        s = 0.0
        for i in range(3):
            s = s + np.sqrt(y[i] ** 2)
        return s

    with np.errstate(all="ignore"):
        assert np.isnan(grad(f)(X)).any()
        with pytest.raises(FloatingPointError) as caught:
            grad(f, debug_nan=True)(X)
        lines = str(caught.value).splitlines()
        assert "is inf" in lines[0] and "s = s + np.sqrt(y[i] ** 2)" in lines[1] and "= 0." in lines[2]


def test_names_and_values_in_the_message():
    def f(x):
        z = np.sin(x)
        y = np.log(x)
        return np.sum(y * z)

    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"the adjoint of `z`\[1\] is -inf"):
        grad(f, debug_nan=True)(np.array([1.0, 0.0, 2.0]))
    same(grad(f, debug_nan=True)(X + 2), grad(f)(X + 2))


def test_what_a_selection_hides_is_finite():
    with np.errstate(all="ignore"):
        x = np.array([1.0, 0.0, 2.0])
        same(grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), debug_nan=True)(x), [1.0, 0.0, 0.5])


# -- check_rule, check=True


def test_check_rule():
    check_rule(elementwise(np.tanh, "tanh(x)", "1 - ans**2"), X, order=1)
    with pytest.raises(DerivativeMismatch):
        check_rule(wrong_vjp, X)
    with pytest.raises(DerivativeMismatch):
        check_rule(wrong_jvp, 0.3)
    with pytest.raises(ArgumentError, match="a rule is made by"):
        check_rule(np.sin, 0.3)

    @custom_vjp(nondiff_argnums=(1,))
    def scaled(x, n, y):
        return x * n + y

    scaled.defvjp(lambda x, n, y: (x * n + y, None), lambda n, r, g: (g * n, g))
    check_rule(scaled, X, 2.0, X)


def test_rules_that_are_checked_at_their_first_use():
    @custom_vjp(check=True)
    def f(x):
        return np.sin(x)

    f.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * 1.01 * np.cos(x),))
    derivative = grad(lambda x: f(2 * x))
    for _ in range(2):
        with pytest.raises(DerivativeMismatch):
            derivative(1.0)
    f.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * np.cos(x),))
    same(derivative(1.0), 2 * np.cos(2.0))
    assert not f.unchecked


# -- rules that hold in some derivatives only

SAFE = elementwise(np.sqrt, "sqrt(x)", "np.where(x > 0, 0.5 / np.where(x > 0, ans, 1.0), 0.0)")
AT_ZERO = np.array([0.0, 4.0])


def root_sum(x):
    return np.sum(np.sqrt(x))


@pytest.fixture
def _quiet():
    with np.errstate(all="ignore"):
        yield


@pytest.mark.usefixtures("_quiet")
def test_rules_of_one_derivative():
    assert np.isinf(grad(root_sum)(AT_ZERO)[0])
    derivative = grad(root_sum, rules=[SAFE])
    same(derivative(AT_ZERO), [0.0, 0.25])
    assert np.isinf(grad(root_sum)(AT_ZERO)[0])
    same(grad(lambda x: np.sum(derivative(x) ** 2))(AT_ZERO), [0.0, -2 * 0.25 * 0.25 * 4**-1.5])
    with pytest.raises(ArgumentError, match="a rule is made by"):
        grad(root_sum, rules=[np.sqrt])


@pytest.mark.usefixtures("_quiet")
def test_rules_of_a_block():
    with adcompile.using_rules(SAFE):
        inside = grad(root_sum)
        same(vjp(root_sum, AT_ZERO)[1](1.0)[0], [0.0, 0.25])
        same(jvp(root_sum, (AT_ZERO,), (np.ones(2),))[1], 0.25)
    same(inside(AT_ZERO), [0.0, 0.25])
    assert np.isinf(vjp(root_sum, AT_ZERO)[1](1.0)[0][0]) and np.isinf(grad(root_sum)(AT_ZERO)[0])


# -- derivatives of derivatives


@custom_jvp
def log1pexp(x):
    return np.log(1.0 + np.exp(x))


@log1pexp.defjvp
def log1pexp_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return log1pexp(x), t * (1 - 1 / (1 + np.exp(x)))


def test_rules_in_derivatives_of_any_order():
    def f(x):
        return log1pexp(x) ** 2

    def second(x):
        s, v = 1 / (1 + np.exp(-x)), np.log(1 + np.exp(x))
        return 2 * s**2 + 2 * v * s * (1 - s)

    same(grad(grad(f))(0.3), second(0.3))
    check_grads(grad(grad(f)), 0.3)
    same(hessian(lambda x: np.sum(f(x)))(X), np.diag(second(X)))
    same(grad(lambda x: grad(f)(x) * x)(0.3), second(0.3) * 0.3 + grad(f)(0.3))
    same(jacobian(log1pexp)(X), np.diag(1 / (1 + np.exp(-X))))


def test_derivatives_with_rules_can_be_pickled():
    derivative = grad(straight, debug_nan=True)
    same(pickle.loads(pickle.dumps(derivative))(X), derivative(X))


SCALE = np.array([1.0, 2.0, 3.0])


@custom_jvp
def scaled(x):
    return np.sin(x) * SCALE[: len(x)]


scaled.defjvps(lambda t, ans, x: t * np.cos(x) * SCALE[: len(x)])


def test_rules_with_global_arrays_in_hessians():
    def f(x):
        return np.sum(scaled(x[:2]) ** 2) + np.sum(scaled(x)) ** 2

    def plain(x):
        y = x[:2]
        return np.sum((np.sin(y) * SCALE[:2]) ** 2) + np.sum(np.sin(x) * SCALE) ** 2

    same(hessian(f)(X), hessian(plain)(X))
    same(jacobian(scaled)(X), np.diag(np.cos(X) * SCALE))
    same(grad(lambda x: np.sum(grad(f)(x) ** 2))(X), grad(lambda x: np.sum(grad(plain)(x) ** 2))(X))
