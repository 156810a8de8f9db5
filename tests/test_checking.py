"""The checks pass what is right, and find and name what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, check_symbolic, grad, primitive
from adcompile.checking import gradients
from adcompile.checking.differences import differentiate
from adcompile.errors import ArgumentError, CompileError, DerivativeMismatch

V = np.array([1.1, -0.7, 1.3, 0.9])


def survey(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def weighted(params, x, power):
    return np.sum((params["w"] * x + params["b"]) ** power)


# -- numerical differentiation


@pytest.mark.parametrize(
    ("function", "at", "want"),
    [
        (math.sin, 0.3, math.cos(0.3)),
        (math.exp, 20.0, math.exp(20.0)),
        (math.sin, 1e6, math.cos(1e6)),
        (math.log, 1e-9, 1e9),
        (lambda x: x**5, 1e-7, 5e-28),
        (math.sqrt, 1e-4, 50.0),
        (lambda x: abs(x - 1.00001), 1.0, -1.0),
        (lambda x: 3.0, 1.0, 0.0),
        (abs, 0.0, 0.0),
    ],
)
def test_differences_choose_their_step(function: Callable[[float], float], at: float, want: float) -> None:
    found = differentiate(lambda t: np.array([function(at + t)]), abs(at), 2.2e-16)
    assert found.value[0] == pytest.approx(want, rel=1e-7, abs=1e-30)
    assert abs(found.value[0] - want) <= found.error[0] + 1e-15 * abs(want)


def test_differences_in_single_precision() -> None:
    found = differentiate(lambda t: np.array([np.sin(np.float32(0.3 + t))], np.float64), 0.3, 1.2e-7)
    assert found.value[0] == pytest.approx(math.cos(0.3), rel=1e-4)


def test_differences_report_a_jump() -> None:
    found = differentiate(lambda t: np.array([math.floor(1.0 + t)], float), 1.0, 2.2e-16)
    assert found.error[0] > 1.0


def test_differences_take_entries_apart() -> None:
    found = differentiate(lambda t: np.array([math.sin(t), abs(t - 1e-6), 1e9 * t]), 0.0, 2.2e-16)
    assert found.value == pytest.approx([1.0, -1.0, 1e9], rel=1e-6)


# -- check_grads


def test_right_derivatives_pass() -> None:
    check_grads(survey, 2.0, 5.0, order=2)
    check_grads(weighted, {"w": 0.5, "b": V}, V, 2)
    check_grads(lambda x: (x * x, [np.sin(x), 2]), V)
    check_grads(lambda x: np.sum(np.exp(x) * x), V.astype(np.float32))
    check_grads(lambda x: np.sum(np.tanh(x) ** 2), np.linspace(-1.0, 1.0, 60).reshape(3, 20))


def test_arguments_are_left_alone() -> None:
    x = V.copy()
    check_grads(lambda x: np.sum(x * x), x)
    assert np.array_equal(x, V)


def spoiled(original: Callable[..., Any], spoil: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return vjp with a pullback whose results are spoiled."""

    def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
        out, pullback = original(f, *primals)
        return out, lambda u: spoil(pullback(u))

    return vjp


def test_wrong_gradient_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(grads: Any) -> Any:
        grads[0]["b"][2] *= 1.001
        return grads

    monkeypatch.setattr(gradients, "vjp", spoiled(gradients.vjp, spoil))
    with pytest.raises(DerivativeMismatch) as caught:
        check_grads(weighted, {"w": 0.5, "b": V}, V, 2)
    want = 2 * (0.5 * V[2] + V[2])
    message = str(caught.value)
    assert "reverse mode" in message
    assert "params['b'][2]" in message
    assert f"{want * 1.001:.6g}" in message
    assert f"{want:.6g}" in message


def test_wrong_entry_of_a_large_argument_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(grads: Any) -> Any:
        grads[0][4, 3] += 0.1
        return grads

    monkeypatch.setattr(gradients, "vjp", spoiled(gradients.vjp, spoil))
    with pytest.raises(DerivativeMismatch, match=r"for x\[4, 3\] is 0\.1"):
        check_grads(lambda x: np.sum(x * x), np.zeros((5, 5)))


def test_wrong_tangent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = gradients.jvp
    monkeypatch.setattr(gradients, "jvp", lambda *args: (original(*args)[0], -original(*args)[1]))
    with pytest.raises(DerivativeMismatch, match=r"forward mode: the derivative of the result for x1 is -5\.5"):
        check_grads(survey, 2.0, 5.0)
    check_grads(survey, 2.0, 5.0, modes=("reverse",))


def test_wrong_type_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "vjp", spoiled(gradients.vjp, lambda g: (g[0].astype(np.float64),)))
    with pytest.raises(DerivativeMismatch, match="float64 of shape"):
        check_grads(lambda x: np.sum(x * x), V.astype(np.float32))


def test_jump_is_reported() -> None:
    with pytest.raises(DerivativeMismatch, match="is there a jump"):
        check_grads(lambda x: np.floor(x) * 2.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_grads(survey, 2.0, 5.0, modes=("sideways",)), "modes"),  # type: ignore[arg-type]
        (lambda: check_grads(survey, 2.0, 5.0, modes=()), "modes"),
        (lambda: check_grads(survey, 2.0, 5.0, order=0), "order"),
        (lambda: check_grads(survey, 2.0, 5.0, argnums=2), "argnums"),
        (lambda: check_grads(lambda n: n, 3), "nothing to check"),
        (lambda: check_grads(lambda x: x * 2.0, V, order=2), "one number"),
        (lambda: check_symbolic(lambda x: x, V), "scalar"),
        (lambda: check_symbolic(lambda x: (x, x), 1.0), "one number"),
        (lambda: check_symbolic(lambda n: n, 3), "nothing to check"),
    ],
)
def test_bad_requests(call: Callable[[], None], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()


# -- check_symbolic


def polynomial(x, n):
    y = x**n + 0.1 * x
    return y * y - abs(x) / math.sqrt(x + 2.0)


def test_symbolic_agrees() -> None:
    check_symbolic(survey, 2.0, 5.0)
    check_symbolic(polynomial, 1.3, 3)
    check_symbolic(lambda x: np.where(x > 0.0, np.exp(x), x) * np.maximum(x, 0.5), 0.7)
    check_symbolic(lambda x, y: np.hypot(x, y) * np.arctan2(y, x) + np.log1p(x * y), 0.7, 1.2)


def test_symbolic_finds_a_wrong_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    from adcompile.checking import symbolic

    monkeypatch.setitem(symbolic._table(), "cos", lambda x: -x)  # sympy's sin' still is the true cosine
    with pytest.raises(DerivativeMismatch, match="the gradient for x2"):
        check_symbolic(survey, 2.0, 5.0)


def loop(x):
    s = x
    for _ in range(3):
        s = s * x
    return s


def test_symbolic_refuses_loops() -> None:
    with pytest.raises(CompileError, match="straight-line") as caught:
        check_symbolic(loop, 2.0)
    assert caught.value.line == loop.__code__.co_firstlineno + 2


def test_a_vanishing_derivative_of_a_large_function() -> None:
    """Rounding of the large value leaves differences that are noise; they are no jump."""
    x = np.array([0.4, -0.7, 1.3, 0.9, -0.2])
    check_grads(lambda x: 1e3 + np.sum(np.arange(5) * x * (x + 1.0)) * 30.0, x)
    with pytest.raises(DerivativeMismatch, match="jump"):
        check_grads(lambda x: np.floor(x) * x, 2.0)


# -- complex numbers


def phases(z: Any, scale: float) -> Any:
    return np.exp(scale * z) * np.conj(z) + np.abs(z) ** 2


def power(z: Any, x: Any) -> Any:
    return np.sum(np.abs(z * z + x) ** 2) + np.real(z[0] ** 3)


@pytest.mark.parametrize(
    ("function", "args", "order"),
    [
        (phases, (np.array([0.5 + 1.0j, -0.3 + 0.2j]), 0.7), 1),
        (phases, (0.5 - 1.0j, 0.7), 1),
        (phases, (np.array([0.5 + 1.0j, -0.3 + 0.2j], dtype=np.complex64), 0.7), 1),
        (power, (np.array([0.5 + 1.0j, -0.3 + 0.2j]), np.array([1.0, 2.0])), 2),
        (lambda x: np.fft.fft(x) * 1j, (np.array([0.5, 1.0, -0.7]),), 1),
        (lambda p: {"y": p["a"] * p["z"], "n": 3}, ({"a": 2.0, "z": np.full((2, 8), 1.0 + 2.0j)},), 1),
    ],
)
def test_complex_arguments_and_results_are_checked(function: Any, args: tuple[Any, ...], order: int) -> None:
    check_grads(function, *args, order=order)


@pytest.mark.parametrize(
    ("wrong", "modes", "said"),
    [
        (lambda g, ans, z: g * 2 * np.conj(z), ("reverse",), "z[0].real"),
        (lambda g, ans, z: np.conj(g) * 2 * z, ("reverse",), "the gradient for z[0].real"),
    ],
)
def test_wrong_derivatives_of_complex_functions_are_found(wrong: Any, modes: Any, said: str) -> None:
    @primitive
    def squared(z: Any) -> Any:
        return z * z

    squared.adjoint(wrong)
    z = np.array([0.5 + 1.0j, -0.3 + 0.2j])
    with pytest.raises(DerivativeMismatch) as caught:
        check_grads(lambda z: squared(z) * 1j, z, modes=modes)
    assert said in str(caught.value)


def test_a_verified_gradient_of_complex_numbers_names_the_line() -> None:
    z = np.array([0.5 + 1.0j, -0.3 + 0.2j])
    good = grad(lambda z: np.sum(np.abs(z) ** 4), verify=True)(z)
    assert good == pytest.approx(4 * np.abs(z) ** 2 * np.conj(z))

    @primitive
    def doubled(z: Any) -> Any:
        return 2 * z

    @doubled.adjoint
    def _(g: Any, ans: Any, z: Any) -> Any:
        return 2 * np.conj(g)

    def f(z: Any) -> Any:
        y = z * z
        w = doubled(y)
        return np.sum(np.abs(w) ** 2)

    with pytest.raises(DerivativeMismatch) as caught:
        grad(f, verify=True)(z)
    assert "w = doubled(y)" in str(caught.value)
