"""Polynomials by their coefficients, step by step as NumPy computes them."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.rules.binding import macro

Array = np.ndarray


@macro(np.polyval)
def polyval(p: Array, x: Array) -> Array:
    """The value by Horner's scheme."""
    y = np.zeros_like(x) * 0
    for c in p:
        y = y * x + c
    return y


@macro(np.polyder)
def polyder(p: Array, m: int = 1) -> Array:
    if m == 0:
        return np.asarray(p)
    n = len(p) - 1
    return polyder(np.asarray(p)[:-1] * np.arange(n, 0, -1), m - 1)


@macro(np.polyint)
def polyint(p: Array, m: int = 1, k: float | None = None) -> Array:
    if m == 0:
        return np.asarray(p)
    ends = np.zeros(1) if k is None else np.asarray([k])
    return polyint(np.concatenate([np.asarray(p) / np.arange(len(p), 0, -1), ends]), m - 1, None)


@macro(np.polyfit)
def polyfit(x: Array, y: Array, deg: int) -> Array:
    """The coefficients of the polynomial of least squares."""
    powers = np.vander(np.asarray(x) + 0.0, deg + 1)
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    found = np.linalg.lstsq(powers / scale, np.asarray(y) + 0.0, len(x) * np.finfo(float).eps)[0]
    return (found.T / scale).T


@macro(np.polyadd)
def polyadd(a1: Array, a2: Array) -> Array:
    a1, a2 = np.atleast_1d(np.asarray(a1)), np.atleast_1d(np.asarray(a2))
    n = max(len(a1), len(a2))
    return led_by_zeros(a1, n) + led_by_zeros(a2, n)


@macro(np.polysub)
def polysub(a1: Array, a2: Array) -> Array:
    a1, a2 = np.atleast_1d(np.asarray(a1)), np.atleast_1d(np.asarray(a2))
    n = max(len(a1), len(a2))
    return led_by_zeros(a1, n) - led_by_zeros(a2, n)


@macro(np.polymul)
def polymul(a1: Array, a2: Array) -> Array:
    return np.convolve(without_leading_zeros(a1), without_leading_zeros(a2))


def without_leading_zeros(a: Array) -> Array:
    """The coefficients from the first that is not zero, or the last one."""
    a = np.atleast_1d(np.asarray(a))
    return a[np.argmax(np.concatenate([a[:-1] != 0, [True]])) :]


def led_by_zeros(a: Array, n: int) -> Array:
    return np.concatenate([np.zeros(n - len(a), a.dtype), a])


@macro(np.vander)
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """The powers of the entries, one column each."""
    n = len(x) if N is None else N
    powers = columns(x, n)
    return np.stack(powers if increasing else powers[::-1], 1)


def columns(x: Array, n: int) -> list[Array]:
    """The powers 0 to n - 1, each from the one before."""
    if n == 1:
        return [np.ones_like(x)]
    if n == 2:
        return [np.ones_like(x), x]
    fewer = columns(x, n - 1)
    return [*fewer, fewer[-1] * x]
