"""Derivatives of scipy.signal in both modes and at second order, against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, hvp, jvp, vjp

signal = pytest.importorskip("scipy.signal")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(5, 4)), RNG.normal(size=(2, 3))
H = 1e-5


def vectors(x: Any, y: Any) -> Any:
    a = signal.convolve(x[:, 0], y[0]) ** 2
    b = signal.fftconvolve(x[:, 1], y[1], mode="same") ** 3
    c = signal.correlate(x[:, 2], y[0], "valid") ** 2
    d = signal.oaconvolve(y[0], x[0], "valid") ** 2
    return np.sum(a) + np.sum(b * np.arange(5.0)) + c[1] + d[0]


def images(x: Any, y: Any) -> Any:
    a = signal.convolve2d(x, y, mode="same") ** 2 * X
    b = signal.correlate2d(x, y, "valid") ** 2 * X[:4, :2]
    c = signal.convolve(x, y, "same") ** 3 * X
    return np.sum(a) + np.sum(b) + np.sum(c) + np.sum(signal.correlate(x, y, "same") ** 2 * X)


def kernels_first(x: Any, y: Any) -> Any:
    a = signal.fftconvolve(y, x, "same") ** 2 * Y
    return np.sum(a) + np.sum(signal.correlate2d(y, x)[1:3] ** 2) + np.sum(signal.correlate(y, x)[2] ** 3)


def of_spectra(x: Any, y: Any) -> Any:
    z = signal.convolve(x[0] + 1j * x[1], y[0] - 2j * y[1], "same")
    w = signal.correlate(z, y[0] * 1j + y[1])
    return np.sum(np.abs(z) ** 2 * np.arange(4.0)) + np.sum(np.real(w * w) * np.arange(6.0))


@pytest.mark.parametrize("f", [vectors, images, kernels_first, of_spectra])
def test_derivatives(f: Callable[..., Any]) -> None:
    u, v = RNG.normal(size=X.shape), RNG.normal(size=Y.shape)

    def gradient(t: float) -> Any:
        bars = grad(f, argnums=(0, 1))(X + t * u, Y + t * v)
        return np.concatenate([b.ravel() for b in bars])

    slope = (f(X + H * u, Y + H * v) - f(X - H * u, Y - H * v)) / (2 * H)
    value, along = jvp(f, (X, Y), (u, v))
    assert value == f(X, Y)
    np.testing.assert_allclose(along, slope, rtol=1e-7)
    np.testing.assert_allclose(gradient(0.0) @ np.concatenate([u.ravel(), v.ravel()]), slope, rtol=1e-7)
    second = jvp(grad(f, argnums=(0, 1)), (X, Y), (u, v))[1]
    found = np.concatenate([b.ravel() for b in second])
    np.testing.assert_allclose(found, (gradient(H) - gradient(-H)) / (2 * H), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_recursive_filters(n: int) -> None:
    rng = np.random.default_rng(0)
    b, a, x = rng.normal(size=3), np.array([1.3, -0.3, 0.2, 0.1]), rng.normal(size=n)
    check_grads(lambda b, a, x: signal.lfilter(b, a, x), b, a, x)
    wide = rng.normal(size=(n, 2))
    check_grads(lambda b, a, x: signal.lfilter(b, a, x, axis=0), b, a, wide)
    value, _ = vjp(lambda x: signal.lfilter([1.0, 0.5], [1.0, -0.4], x), x)
    assert np.array_equal(value, signal.lfilter([1.0, 0.5], [1.0, -0.4], x))


def test_recursive_filters_at_second_order() -> None:
    def f(p: Any) -> Any:
        return np.sum(signal.lfilter(p[:2], p[2:4], p[4:]) ** 2)

    p, direction = np.array([0.7, -0.3, 1.2, 0.4, 1.0, -0.5, 0.8, 0.2]), np.linspace(-1.0, 1.0, 8)
    first = grad(f)
    found = (first(p + 1e-6 * direction) - first(p - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(hvp(f, (p,), (direction,)), found, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n", [4, 5])
def test_envelopes(n: int) -> None:
    x = np.linspace(0.3, 1.7, 2 * n).reshape(n, 2) ** 2
    for f in (lambda x: np.abs(signal.hilbert(x, axis=0)), lambda x: np.abs(signal.hilbert(x)) ** 2 * x):
        check_grads(f, x)
        assert np.array_equal(vjp(f, x)[0], f(x))


# -- filters that are linear in the signal

SIGNAL = np.linspace(0.0, 1.5, 26) ** 2 + np.sin(np.arange(26.0))


def filtered(x: Any) -> Any:
    sections = signal.butter(3, 0.3, output="sos")
    a = signal.savgol_filter(x, 7, 3) ** 2 + signal.savgol_filter(x, 5, 2, deriv=1, delta=0.5) * x
    rows = np.reshape(x, (13, 2))
    b = signal.savgol_filter(rows, 11, 2, axis=0) ** 2 * signal.sosfilt(sections, rows, axis=0)
    c = signal.detrend(rows, axis=0, type="constant") ** 2 + signal.detrend(x).reshape(13, 2) ** 3
    d = signal.convolve(x, x[:3], method="direct")[0] * signal.correlate(x, x[:4], "valid", method="fft")[2]
    return np.sum(a) + np.sum(b * c) + np.sum(signal.sosfilt(sections, x) ** 2) + d


def test_smoothing_and_trends() -> None:
    check_grads(filtered, SIGNAL)
    check_grads(lambda x: np.sum(signal.savgol_filter(x, 5, 2) ** 3 + signal.detrend(x) ** 3), SIGNAL, order=2)
    assert vjp(filtered, SIGNAL)[0] == filtered(SIGNAL)


def test_fits_at_the_ends_may_overlap() -> None:
    check_grads(lambda x: np.sum(signal.savgol_filter(x, 5, 3) ** 2 * np.arange(5.0)), SIGNAL[:5])
