"""Derivatives inside functions that are differentiated, at any depth and in any combination of modes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import (
    CompileError,
    check_grads,
    derivative,
    directional,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    vjp,
)
from tests import oracle


@pytest.fixture(autouse=True)
def verified_passes(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("ADCOMPILE_VERIFY", "1")


def numeric(f: Callable[[Any], Any], x: Any) -> np.ndarray:
    """Differentiate a plain function by finite differences, with an extrapolation of high order."""
    flat = np.atleast_1d(np.asarray(x, dtype=float)).ravel()

    def along(e: np.ndarray) -> Callable[[float], np.ndarray]:
        def moved(h: float) -> np.ndarray:
            point = flat + h * e
            return np.asarray(f(point.reshape(np.shape(x)) if np.ndim(x) else float(point[0])), dtype=float).ravel()

        return moved

    return np.stack([oracle.derivative(along(e)) for e in np.eye(flat.size)], axis=-1)


def check(f: Callable[[Any], Any], plain: Callable[[Any], Any], x: Any, tolerance: float = 1e-7) -> None:
    """Compare value, gradient and directional derivative of f with those of a function without derivatives in it."""
    want = numeric(plain, x)[0]
    value, got = value_and_grad(f)(x)
    assert np.allclose(value, plain(x), rtol=1e-12)
    assert np.allclose(np.ravel(got), want, rtol=tolerance, atol=tolerance), (got, want)
    tangent = np.cos(np.arange(np.size(x)) + 1.0).reshape(np.shape(x)) if np.ndim(x) else 1.0
    value, dot = jvp(f, (x,), (tangent,))
    assert np.allclose(value, plain(x), rtol=1e-12)
    assert np.allclose(dot, want @ np.ravel(tangent), rtol=tolerance, atol=tolerance)


# -- perturbation confusion


def test_siskind_and_pearlmutter_2005() -> None:
    """d/dx (x * d/dy (x + y)) is 1: the inner tangent must not be taken for the outer one."""

    def f(x):
        return x * derivative(lambda y: x + y)(1.0)

    def g(x):
        return x * grad(lambda y: x + y)(1.0)

    for outer in (derivative, grad):
        assert outer(f)(1.0) == 1.0
        assert outer(g)(3.0) == 1.0


def test_inner_variable_times_outer_one() -> None:
    for inner in (derivative, grad):

        def f(x, inner=inner):
            return x * inner(lambda y: x * y)(2.0)

        for outer in (derivative, grad):
            assert outer(f)(3.0) == 6.0


def test_product_of_powers() -> None:
    """d/dx (x d/dy (x y^3) at y = x) = d/dx 3 x^4."""
    for inner in (derivative, grad):

        def f(x, inner=inner):
            return x * inner(lambda y: x * y**3)(x)

        for outer in (derivative, grad):
            assert math.isclose(outer(f)(2.0), 12 * 8.0)


def test_manzyuk_curried_function() -> None:
    """A derivative of a function that returns a function, applied twice (Manzyuk et al. 2019, section 4)."""

    def shift(u, f, x):
        return f(x + u)

    def along_shift(f, x):
        return derivative(lambda u: shift(u, f, x))(0.0)

    def twice(x):
        return along_shift(lambda y: along_shift(lambda z: math.exp(z), y), x)

    assert math.isclose(twice_value(twice, 1.0), math.e)
    assert math.isclose(derivative(twice)(1.0), math.e)
    assert math.isclose(grad(twice)(1.0), math.e)


def twice_value(f: Callable[[float], float], x: float) -> float:
    return jvp(f, (x,), (0.0,))[0]


def test_derivative_of_a_derivative_of_one_function() -> None:
    """The same function differentiated inside of itself, with respect to what it captures."""

    def f(x):
        def g(y):
            return x**2 * y**3

        return derivative(derivative(g))(x) * grad(g)(x)

    check(f, lambda x: 6 * x**3 * 3 * x**4, 1.3)


def test_three_levels_capture_each_other() -> None:
    def f(x):
        return grad(lambda y: grad(lambda z: x * y**2 * z**3)(y) * x)(x)

    check(f, lambda x: x * x * 3 * 4 * x**3, 1.2)


# -- orders


def quartic(x):
    return x**4 * np.sin(x)


ORDERS = [
    lambda x: x**4 * np.sin(x),
    lambda x: 4 * x**3 * np.sin(x) + x**4 * np.cos(x),
    lambda x: 12 * x**2 * np.sin(x) + 8 * x**3 * np.cos(x) - x**4 * np.sin(x),
    lambda x: (24 * x - 12 * x**3) * np.sin(x) + (36 * x**2 - x**4) * np.cos(x),
]


def test_all_combinations_of_modes_up_to_the_third_order() -> None:
    x = 1.3
    for first in (grad, derivative):
        for second in (grad, derivative):
            assert math.isclose(second(first(quartic))(x), ORDERS[2](x), rel_tol=1e-13)
            for third in (grad, derivative):
                assert math.isclose(third(second(first(quartic)))(x), ORDERS[3](x), rel_tol=1e-12)


def test_orders_of_derivative() -> None:
    for order, want in enumerate(ORDERS):
        assert math.isclose(derivative(quartic, order=order)(0.7), want(0.7), rel_tol=1e-12)


def swirl(x):
    """Mutation, loops, branches."""
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = x[i] * x[i - 1]
        if y[i] > 0.2:
            y[i] *= np.sin(x[i])
        else:
            y[i] += x[i] ** 3
    total = 0.0
    k = 0
    while k < len(x) and total < 2.0:
        total = total + y[k] ** 2
        y[0] = y[0] + 0.5 * total
        k += 1
    return total * y[0]


def test_hessian_of_mutation_loops_and_branches() -> None:
    x = np.array([0.9, -0.4, 0.7, 1.1])
    gradient = grad(swirl)
    want = numeric(lambda p: gradient(p), x)
    assert np.allclose(gradient(x), numeric(swirl, x)[0], rtol=1e-8)
    for second in (jacfwd(gradient), jacrev(gradient), hessian(swirl), jacrev(jacfwd(swirl)), jacfwd(jacfwd(swirl))):
        assert np.allclose(second(x), want, rtol=1e-7, atol=1e-9)
    v = np.array([0.3, -1.0, 0.5, 2.0])
    assert np.allclose(hvp(swirl, (x,), (v,)), want @ v, rtol=1e-7)
    assert np.allclose(grad(lambda p: np.dot(grad(swirl)(p), v))(x), want @ v, rtol=1e-7)
    third = numeric(lambda p: hessian(swirl)(p) @ v, x)
    assert np.allclose(jacfwd(lambda p: hvp(swirl, (p,), (v,)))(x), third, rtol=1e-6, atol=1e-8)
    assert np.allclose(jacrev(lambda p: hvp(swirl, (p,), (v,)))(x), third, rtol=1e-6, atol=1e-8)


def test_gradient_of_the_trace_of_a_hessian() -> None:
    def f(x):
        return np.sum(np.sin(x) * x**2) + x[0] * x[1] ** 2

    def laplacian(x):
        return np.trace(hessian(f)(x))

    check(
        laplacian, lambda x: np.sum((2 - x**2) * np.sin(x) + 4 * x * np.cos(x)) + 2 * x[0], np.array([0.3, 1.2, -0.7])
    )


# -- uses


W = np.random.default_rng(3).standard_normal((5, 3)) * 0.5
B = np.linspace(-0.3, 0.4, 5)


def test_gradient_penalty() -> None:
    def critic(w, x):
        return np.sum(np.tanh(w @ x + B))

    def penalty(w):
        g = grad(critic, argnums=1)(w, np.array([0.2, -0.5, 0.9]))
        return (np.sqrt(np.sum(g**2)) - 1.0) ** 2

    def plain(w):
        g = w.T @ (1 - np.tanh(w @ np.array([0.2, -0.5, 0.9]) + B) ** 2)
        return (np.sqrt(np.sum(g**2)) - 1.0) ** 2

    check(penalty, plain, W)


def test_physics_informed_loss() -> None:
    """The loss has the second derivative of a small network with respect to its input."""
    points = np.linspace(0.1, 0.9, 5)

    def network(p, t):
        return np.dot(p[2], np.tanh(p[0] * t + p[1]))

    def loss(p):
        total = 0.0
        for i in range(len(points)):
            u = lambda t: network(p, t)  # noqa: E731
            residual = grad(grad(u))(points[i]) + u(points[i])
            total = total + residual**2
        return total + network(p, 0.0) ** 2

    def plain(p):
        total = 0.0
        for t in points:
            h = np.tanh(p[0] * t + p[1])
            residual = np.dot(p[2], p[0] ** 2 * -2 * h * (1 - h**2)) + np.dot(p[2], h)
            total += residual**2
        return total + np.dot(p[2], np.tanh(p[1])) ** 2

    check(loss, plain, np.random.default_rng(5).standard_normal((3, 4)))


def test_inner_gradient_steps() -> None:
    """As in MAML: the parameters are adapted by gradient descent before the loss is taken."""
    x, y = np.linspace(-1, 1, 6), np.sin(np.linspace(-1, 1, 6) * 2)

    def loss(p, x, y):
        return np.mean((p[0] * x + p[1] * x**2 + p[2] - y) ** 2)

    def adapted(p):
        for _ in range(3):
            p = p - 0.3 * grad(loss)(p, x, y)
        return loss(p, x + 0.1, y)

    def plain(p):
        basis = np.stack([x, x**2, np.ones_like(x)])
        for _ in range(3):
            p = p - 0.3 * 2 / 6 * basis @ (p @ basis - y)
        return loss(p, x + 0.1, y)

    check(adapted, plain, np.array([0.3, -0.2, 0.5]))


def test_through_newtons_method() -> None:
    """The root of y^3 + x y - 2, by steps with a derivative inside a while loop."""

    def root(x):
        f = lambda y: y**3 + x * y - 2.0  # noqa: E731
        y = 1.0
        step = 1.0
        while abs(step) > 1e-14:
            step = f(y) / derivative(f)(y)
            y = y - step
        return y

    x = 0.8
    y = root_of(x)
    assert math.isclose(derivative(root)(x), -y / (3 * y**2 + x), rel_tol=1e-12)
    assert math.isclose(grad(root)(x), -y / (3 * y**2 + x), rel_tol=1e-12)


def root_of(x: float) -> float:
    return float(next(r.real for r in np.roots([1.0, 0.0, x, -2.0]) if abs(r.imag) < 1e-12))


def descend(f, x, gradient, rate, steps):
    for _ in range(steps):
        x = x - rate * gradient(f)(x)
    return x


@pytest.mark.parametrize("inner", [grad, jacfwd], ids=["reverse", "forward"])
@pytest.mark.parametrize("outer", [grad, jacfwd], ids=["reverse", "forward"])
def test_saddle_point(outer: Any, inner: Any) -> None:
    """Pearlmutter and Siskind 2008: min over p of max over q of |p|^2 - |q|^2, both by gradient descent."""

    def payoff(p, q):
        return (p[0] ** 2 + p[1] ** 2) - (q[0] ** 2 + q[1] ** 2)

    def best_answer(p):
        return descend(lambda q: -payoff(p, q), np.array([1.0, 1.0]) + 0.1 * p, inner, 0.2, 30)

    def value(p):
        return payoff(p, best_answer(p))

    def saddle(start):
        return descend(value, start, outer, 0.2, 30)

    _, pullback = vjp(saddle, np.array([1.0, 1.0]))
    p, _ = jvp(saddle, (np.array([1.0, 1.0]),), (np.array([1.0, 0.0]),))
    shrink = (1 - 0.4 * (1 - 0.01 * 0.6**60)) ** 30
    assert np.allclose(p, shrink + cross_term(30), atol=1e-9)
    assert np.allclose(pullback(np.array([1.0, 0.0]))[0], jvp(saddle, (np.ones(2),), (np.array([1.0, 0.0]),))[1])


def cross_term(steps: int) -> float:
    """What the starting point 1 + p/10 of the inner descent adds: each step is p <- a p + b."""
    c = 0.6**60  # q ends at 0.6^30 (1 + p/10), and enters the payoff squared
    a, b = 1 - 0.4 * (1 - 0.01 * c), 0.2 * 2 * 0.1 * c
    p = 1.0
    for _ in range(steps):
        p = a * p + b
    return p - a**steps


@pytest.mark.parametrize("force", [grad, jacfwd], ids=["reverse", "forward"])
@pytest.mark.parametrize("control", [grad, derivative], ids=["reverse", "forward"])
def test_charged_particle(control: Any, force: Any) -> None:
    """A particle in the potential of two charges, whose place is the control; Newton on where it crosses the axis."""

    def energy(x, w):
        first = 1.0 / np.sqrt((x[0] - 10.0) ** 2 + (x[1] - (10.0 - w)) ** 2)
        return first + 1.0 / np.sqrt((x[0] - 10.0) ** 2 + x[1] ** 2)

    def crossing(w):
        x, v, dt = np.array([0.0, 8.0]), np.array([0.75, 0.0]), 0.1
        ahead = x
        while ahead[1] > 0:
            x = ahead
            v = v - dt * force(energy)(x, w)
            ahead = x + dt * v
        rest = -x[1] / v[1]
        return (x[0] + rest * v[0]) ** 2

    def plain(w):
        x, v = np.array([0.0, 8.0]), np.array([0.75, 0.0])
        ahead = x
        while ahead[1] > 0:
            x = ahead
            pull = np.zeros(2)
            for charge in (np.array([10.0, 10.0 - w]), np.array([10.0, 0.0])):
                pull = pull + (x - charge) / np.sum((x - charge) ** 2) ** 1.5
            v = v + 0.1 * pull
            ahead = x + 0.1 * v
        return (x[0] - x[1] / v[1] * v[0]) ** 2

    w = 0.3
    want = numeric(plain, w)[0, 0]
    assert math.isclose(jvp(crossing, (w,), (1.0,))[0], plain(w), rel_tol=1e-10)
    assert math.isclose(control(crossing)(w), want, rel_tol=1e-6)
    second = numeric(lambda u: control(crossing)(u), w)[0, 0]
    assert math.isclose(derivative(control(crossing))(w), second, rel_tol=1e-5)
    assert math.isclose(grad(control(crossing))(w), second, rel_tol=1e-5)


# -- ways of writing them


def test_vjp_inside() -> None:
    def f(x):
        y, pullback = vjp(lambda a, b: a * np.sin(b), x, x**2)
        a_bar, b_bar = pullback(y)
        return np.sum(a_bar) + np.sum(b_bar * x)

    def plain(x):
        y = x * np.sin(x**2)
        return np.sum(y * np.sin(x**2)) + np.sum(y * x * np.cos(x**2) * x)

    check(f, plain, np.array([0.4, 1.1, -0.6]))


def test_jvp_and_linearize_inside() -> None:
    def f(x):
        y, dot = jvp(lambda a, b: a * np.exp(b), (x, x), (2.0 * x, x**2))
        z, push = linearize(lambda a: a**3, x)
        return np.sum(y * dot) + np.sum(z * push(x) + push(y))

    def plain(x):
        y = x * np.exp(x)
        dot = 2 * x * np.exp(x) + x * np.exp(x) * x**2
        return np.sum(y * dot) + np.sum(x**3 * 3 * x**3 + 3 * x**2 * y)

    check(f, plain, np.array([0.4, 1.1, -0.6]))


def test_containers_aux_and_several_arguments() -> None:
    def loss(params, scale):
        value = scale * np.sum(params["w"] ** 2) * params["b"]
        return value, {"norm": np.sum(params["w"]), "name": "aux"}

    def f(x):
        params = {"w": np.array([x, 2.0 * x]), "b": x**2}
        (value, aux), (p_bar, scale_bar) = value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, x)
        g, more = grad(loss, has_aux=True)(params, x)
        return value * p_bar["b"] + np.sum(p_bar["w"]) * scale_bar + aux["norm"] * g["b"] + more["norm"]

    def plain(x):
        s = 5 * x**2
        return x * s * x**2 * (x * s) + (6 * x) * x * x**2 * (s * x**2) + 3 * x * (x * s) + 3 * x

    check(f, plain, 0.7)


class Spring:
    def __init__(self, stiffness: float) -> None:
        self.stiffness = stiffness

    def energy(self, x):
        return 0.5 * self.stiffness * x**2 * np.sin(x)

    def work(self, x):
        return grad(self.energy)(x) + grad(functools.partial(np.multiply, x))(x) + derivative(np.sin)(x)


def test_methods_and_partials() -> None:
    check(Spring(3.0).work, lambda x: 3 * x * np.sin(x) + 1.5 * x**2 * np.cos(x) + x + np.cos(x), 0.9)


outside = grad(lambda x, k=2.0: x**3 * k)
outside_hessian = hessian(lambda x: np.sum(x**3))


def test_derivatives_made_outside() -> None:
    def f(x):
        return outside(x) + outside(x, k=x) + outside_hessian(np.array([x, 2.0]))[0, 0]

    check(f, lambda x: 6 * x**2 + 3 * x**3 + 6 * x, 0.9)


def test_jacobians_inside() -> None:
    def f(x):
        forward = jacfwd(lambda y: np.array([y[0] * y[1], np.sin(y[0])]))(x)
        reverse = jacrev(lambda y: y**2 * x[0])(x)
        either = jacobian(lambda y: np.sum(y**3))(x)
        return np.sum(forward**2) + np.sum(reverse * x) + np.sum(either**2)

    def plain(x):
        return x[1] ** 2 + x[0] ** 2 + np.cos(x[0]) ** 2 + np.sum(2 * x**2 * x[0]) + np.sum(9 * x**4)

    check(f, plain, np.array([0.8, -0.5]))


def test_inner_function_with_stores_into_its_own_arrays() -> None:
    def f(x):
        def g(y):
            y[0] = y[0] * y[1]
            z = y.copy()
            z[1] += y[0] ** 2
            return np.sum(z * x)

        return np.sum(grad(g)(x) ** 2) + x[0]

    def plain(x):
        a, b = x
        g0 = b * x[0] + 2 * (a * b) * b * x[1]
        g1 = a * x[0] + (1 + 2 * a * b * a) * x[1]
        return g0**2 + g1**2 + x[0]

    check(f, plain, np.array([0.8, -0.5]))


def test_stop_gradient() -> None:
    def f(x):
        y = stop_gradient(x * x) * x
        return np.sum(y + stop_gradient(np.sin(x)))

    x = np.array([0.3, 2.0])
    assert np.allclose(grad(f)(x), x * x)
    assert np.allclose(jvp(f, (x,), (np.ones(2),))[1], np.sum(x * x))
    assert np.allclose(f(x), np.sum(x**3 + np.sin(x)))
    assert "stop_gradient(" not in grad(f).source_for(x).replace("# y = stop_gradient", "")


def test_gradients_in_branches() -> None:
    def f(x):
        if x > 1.0:
            y = grad(lambda a: a**3 * x)(x)
        else:
            y = directional(lambda a: a**2 * x, (x,), (x,))
        return y * x

    check(f, lambda x: 3 * x**4, 1.5)
    check(f, lambda x: 2 * x**4, 0.5)


# -- refusals


def test_stores_into_what_is_outside_are_refused() -> None:
    def f(x):
        log = np.zeros(2)

        def g(y):
            log[0] = y
            return y * y

        return grad(g)(x) + log[0]

    with pytest.raises(CompileError, match="stores into `log`") as error:
        grad(f)(1.0)
    assert error.value.line is not None


def test_a_gradient_of_an_array_is_refused() -> None:
    def f(x):
        return np.sum(grad(lambda y: y * x)(x))

    with pytest.raises(CompileError, match="one floating-point number") as error:
        grad(f)(np.ones(3))
    assert error.value.column is not None


def test_wrong_cotangents_are_refused() -> None:
    def f(x):
        return np.sum(vjp(lambda y: y * 2.0, x)[1](1.0)[0])

    with pytest.raises(CompileError, match="axes"):
        grad(f)(np.ones(3))

    def g(x, v):
        return np.sum(jvp(lambda y: y * 2.0, (x,), (v,))[1])

    with pytest.raises(CompileError, match="shape") as error:
        grad(g)(np.ones(3), np.ones(2))
    assert error.value.line is not None


def test_refusals_point_at_the_users_line() -> None:
    def f(x):
        y = x * 2.0
        return np.sum(hvp(lambda a: a**3, (y,), (x,)))

    with pytest.raises(CompileError, match=r"the function returns a float64 array of shape \(2,\)") as error:
        grad(f)(np.ones(2))
    assert "hvp(lambda a" in str(error.value)


# -- found by running every program of the collection at second order


def test_a_branch_whose_adjoint_is_a_primal_value() -> None:
    def f(x):
        if x > 1.0:
            return np.exp(x)
        return np.log(x)

    for x, want in ((1.5, math.exp(1.5)), (0.5, -4.0)):
        assert math.isclose(derivative(grad(f))(x), want)
        assert math.isclose(grad(grad(f))(x), want)
        assert math.isclose(jvp(lambda y: jacrev(f)(y), (x,), (1.0,))[1], want)


def test_inverse_and_determinant_at_second_order() -> None:
    a = np.array([[2.0, 0.3], [0.5, 1.5]])

    def f(x):
        return np.sum(np.linalg.inv(x) ** 2) * np.linalg.det(x)

    want = numeric(lambda x: grad(f)(x), a).reshape(2, 2, 2, 2)
    assert np.allclose(hessian(f)(a), want, rtol=1e-6)
    assert np.allclose(jacrev(grad(f))(a), want, rtol=1e-6)


def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


def test_recursion_inside_a_derivative() -> None:
    assert math.isclose(grad(grad(lambda x: power(x, 4)))(1.5), 12 * 1.5**2)
    assert math.isclose(derivative(grad(lambda x: power(x, 4) * x))(1.5), 20 * 1.5**3)


def test_a_helper_with_the_name_of_what_is_compiled() -> None:
    """The function that is called for each of two arguments must not take the name of the whole."""

    def crossed(x, y):
        return np.sum(np.cross(x, y) * np.cross(y, x[0]) * x)

    x, y = np.array([[0.3, 1.0, -0.5], [1.2, 0.4, 0.8]]), np.array([0.7, -0.2, 1.1])
    by_x, by_y = jacfwd(crossed, argnums=(0, 1))(x, y)
    assert np.allclose(by_x, grad(crossed)(x, y))
    assert np.allclose(by_y, grad(crossed, argnums=1)(x, y))


def test_a_constant_matrix_is_transposed() -> None:
    """A matrix that functools.partial holds is a constant of the program; it is not symmetric."""
    matrix = np.array([[1.0, 2.0], [0.0, 3.0]])

    def f(w):
        return np.sum(functools.partial(np.matmul, matrix)(w) ** 2)

    w = np.array([[0.5, -1.0], [2.0, 0.3]])
    assert np.allclose(grad(f)(w), 2 * matrix.T @ (matrix @ w))


def test_decorated_inner_functions() -> None:
    def f(x):
        @grad
        def g(y):
            return y**3 * x

        @value_and_grad(argnums=1)
        def h(y, z):
            return y * z**2 * x

        @derivative
        @grad
        def k(y):
            return y**4

        value, z_bar = h(x, 2.0)
        return g(x) + value * z_bar + k(x)

    check(f, lambda x: 3 * x**3 + 4 * x**2 * 4 * x**2 + 12 * x**2, 0.8)


def test_other_decorators_of_inner_functions_are_applied() -> None:
    def twice(f):
        return lambda *args: 2.0 * f(*args)

    def f(x):
        @twice
        def g(y):
            return y * x

        return g(x)

    assert grad(f)(3.0) == 12.0


def test_many_ways_to_nest() -> None:
    """Loops over functions, comprehensions, arrays that change afterwards, gradients of gradients made by functions."""

    def f(x):
        a = x.copy()
        y, pullback = vjp(lambda b: b * a, x)
        a[0] = 7.0 * x[1]
        w = np.zeros(2)
        for _ in range(2):
            w -= 0.1 * grad(lambda w: np.sum((w * x - 1.0) ** 2))(w)
        both = sum([grad(lambda t, k=k: t**k * x[0])(x[1]) for k in range(1, 4)])
        again = lambda g: lambda t: grad(g)(t)  # noqa: E731
        last = again(again(lambda t: t**4 * x[0]))(x[1])
        return np.sum(pullback(x)[0] * a) + np.sum(y * w) + both + last

    def plain(x):
        a = np.array([7.0 * x[1], x[1]])
        w = np.zeros(2)
        for _ in range(2):
            w = w - 0.1 * 2 * (w * x - 1.0) * x
        both = x[0] * (1 + 2 * x[1] + 3 * x[1] ** 2)
        return np.sum(x * x * a) + np.sum(x * x * w) + both + 12 * x[1] ** 2 * x[0]

    check(f, plain, np.array([0.5, 1.2]))


def test_random_draws_run_once() -> None:
    """Value and derivatives are those of the same draws, which are as many as in the function itself."""

    def f(x, rng):
        scaled = lambda y: np.sum(y * rng.standard_normal(3)) + rng.standard_normal()  # noqa: E731
        value, gradient = value_and_grad(scaled)(x)
        y, pullback = vjp(lambda y: y * rng.standard_normal(3), x)
        return (value - np.dot(gradient, x)) * x[0] + np.dot(pullback(np.ones(3))[0], x) - np.sum(y)

    x = np.array([0.3, -0.5, 0.9])
    rng = np.random.default_rng(5)
    gradient = grad(f)(x, rng)
    again = np.random.default_rng(5)
    again.standard_normal(3)
    assert np.allclose(gradient, [again.standard_normal(), 0.0, 0.0])
    again.standard_normal(3)
    assert rng.standard_normal() == again.standard_normal()

    def per_trip(x, rng):
        total = lambda y: sum([y * rng.standard_normal() for _ in range(int(rng.poisson(3.0)) + 1)])  # noqa: E731
        return derivative(total)(x) * x

    def depends(x, rng):
        return derivative(lambda y: y * rng.normal(y, 1.0))(x)

    for refused in (per_trip, depends):
        with pytest.raises(CompileError) as error:
            grad(refused)(0.5, np.random.default_rng(5))
        assert error.value.line is not None


def suffixes(x, k):
    if k == 0:
        return x[:1] * 2.0
    y = suffixes(x, k - 1)
    return np.concatenate([y, x[:k] * np.sum(y)])


def test_pullbacks_of_recursive_functions_whose_results_differ_in_length():
    x, w = np.array([0.5, 1.2, -0.3, 0.7]), np.arange(4.0)

    def gradient(x):
        return vjp(lambda x: suffixes(x, 2), x)[1](np.cos(w))[0]

    step = 1e-6 * np.eye(4)
    rows = [(gradient(x + d) - gradient(x - d)) @ w / 2e-6 for d in step]
    np.testing.assert_allclose(grad(lambda x: np.sum(gradient(x) * w))(x), rows, atol=1e-7)
    with pytest.raises(AssertionError, match="the cotangent must have the shape of what it belongs to"):
        grad(lambda x: np.sum(vjp(lambda x: suffixes(x, 2), x)[1](np.ones(1))[0] * w))(x)


# -- lists in lists


def swapped_rows(x: Any) -> Any:
    a = [[x[0], x[1]], [x[2], x[3]]]
    for _ in range(3):
        if a[1][0] > a[0][0]:
            a[0], a[1] = a[1], a[0]
        a[1][1] -= a[1][0] * a[0][1] * 0.1
        a[0][0] *= 0.5
    return a[1][1] ** 2 + a[0][0] ** 3


def sizes_of_slopes(x: Any) -> Any:
    total = 0.0
    for k in range(3):
        total += np.sum(grad(swapped_rows)(x * (k + 1)) ** 2)
    return total


def rows_on_both_sides(x: Any) -> Any:
    b = [[x[0], x[1]], [x[2], x[3]]]
    for k in range(2):
        if b[1][k] > 0.0:
            b[0], b[1] = b[1], b[0]
        b[0][0] *= 0.9
    return np.sum(grad(swapped_rows)(x)) * b[0][0]


def test_functions_that_change_lists_in_lists_are_differentiated_inside_others() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    check_grads(swapped_rows, x, order=2)
    check_grads(grad(swapped_rows), x)
    check_grads(sizes_of_slopes, x)
    with pytest.raises(CompileError) as caught:
        grad(rows_on_both_sides)(x)
    assert "there are such lists outside of it too" in caught.value.message
    assert caught.value.column == 19
