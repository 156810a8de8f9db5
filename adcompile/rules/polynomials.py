"""Polynomials by their coefficients, step by step as NumPy computes them."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.rules.binding import macro
from adcompile.rules.table import is_complex, refuse

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
def polyint(p: Array, m: int = 1, k: Array | None = None) -> Array:
    """The m-th integral; k holds its constants, or one for all."""
    if m == 0:
        return np.asarray(p)
    constants = np.zeros(m) if k is None else np.broadcast_to(np.atleast_1d(np.asarray(k)), (m,))
    return integrals(np.asarray(p), m, constants)


def integrals(p: Array, m: int, constants: Array) -> Array:
    if m == 0:
        return p
    first = np.concatenate([p / np.arange(len(p), 0, -1), constants[:1]])
    return integrals(first, m - 1, constants[1:])


@macro(np.polyfit)
def polyfit(
    x: Array,
    y: Array,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Array | None = None,
    cov: object = 0,
) -> object:
    """The coefficients of the polynomial of least squares, and how sure they are."""
    powers, target = np.vander(np.asarray(x) + 0.0, deg + 1), np.asarray(y) + 0.0
    if full:
        refuse("np.polyfit: `full` is not supported")
    if w is not None:
        weights = np.expand_dims(np.asarray(w) + 0.0, 1)
        powers, target = powers * weights, target * (weights if target.ndim == 2 else weights[:, 0])
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    powers = powers / scale
    least = len(x) * np.finfo(float).eps if rcond is None else rcond
    found = np.linalg.lstsq(powers, target, least)
    fitted = (found[0].T / scale).T
    if not cov:
        return fitted
    spread = np.linalg.inv(np.dot(powers.T, powers)) / np.outer(scale, scale)
    factor = 1 if cov == "unscaled" else found[1] / (len(x) - (deg + 1))
    return fitted, (spread if target.ndim == 1 else np.expand_dims(spread, 2)) * factor


@macro(np.poly)
def poly(seq_of_zeros: Array) -> Array:
    """The coefficients of the polynomial with these roots."""
    roots = np.atleast_1d(np.asarray(seq_of_zeros))
    if roots.ndim != 1 or is_complex(roots):
        refuse("np.poly: only vectors of real roots are supported")
    found = np.ones(1, roots.dtype)
    for root in roots:
        found = np.convolve(found, np.array([1.0, -root], dtype=roots.dtype))
    return found


@macro(np.roots)
def roots(p: Array) -> Array:
    """The eigenvalues of the companion matrix; NumPy leaves out roots at 0, which have derivatives."""
    p = np.atleast_1d(np.asarray(p))
    if p[0] == 0.0 or p[-1] == 0.0:
        raise ValueError("the derivative of np.roots needs a first and a last coefficient that are not 0")
    matrix = np.diag(np.ones(len(p) - 2, p.dtype), -1)
    matrix[0, :] = -p[1:] / p[0]
    return np.linalg.eigvals(matrix)


@macro(np.polydiv)
def polydiv(u: Array, v: Array) -> tuple[Array, Array]:
    """The quotient and the remainder."""
    u, v = np.atleast_1d(np.asarray(u)) + 0.0, np.atleast_1d(np.asarray(v)) + 0.0
    m, n = len(u) - 1, len(v) - 1
    scale = 1.0 / v[0]
    quotient = np.zeros(max(m - n + 1, 1), np.result_type(u.dtype, v.dtype))
    rest = u.astype(quotient.dtype)
    for k in range(m - n + 1):
        d = scale * rest[k]
        quotient[k] = d
        rest[k : k + n + 1] -= d * v
    return quotient, without_small_start(rest)


def without_small_start(r: Array) -> Array:
    """The coefficients from the first on that is not next to zero."""
    large = np.logical_not(np.isclose(r[:-1], 0.0, rtol=1e-14))
    return r[np.argmax(np.concatenate([large, [True]])) :]


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
    if N is None:
        repeated = np.broadcast_to(np.expand_dims(x, 1), (len(x), len(x)))
        rising = np.cumprod(np.concatenate([np.ones_like(repeated[:, :1]), repeated[:, 1:]], 1), 1)
        return rising if increasing else rising[:, ::-1]
    powers = columns(x, N)
    return np.stack(powers if increasing else powers[::-1], 1)


def columns(x: Array, n: int) -> list[Array]:
    """The powers 0 to n - 1, each from the one before."""
    if n == 1:
        return [np.ones_like(x)]
    if n == 2:
        return [np.ones_like(x), x]
    fewer = columns(x, n - 1)
    return [*fewer, fewer[-1] * x]
