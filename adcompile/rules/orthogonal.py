"""Series of Chebyshev, Legendre, Hermite and Laguerre polynomials, step by step as NumPy computes them."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial

from adcompile.ir.core import Var
from adcompile.rules.binding import macro
from adcompile.rules.table import refuse, static

Array = np.ndarray
Step = Callable[[Array, Array, Array, int], tuple[Array, Array]]


def summed(c: Array, x: Array, step: Step) -> tuple[Array, Array]:
    """The two numbers that Clenshaw's recurrence leaves, from the last coefficients to the first ones."""
    c = np.atleast_1d(np.asarray(c)) + 0.0
    if c.ndim != 1:
        refuse("the coefficients of a series must be a vector")
    n = len(c)
    c0, c1 = c[max(n - 2, 0)], c[-1] * (n > 1)
    if np.ndim(x) > 0:
        c0, c1 = np.broadcast_to(c0, x.shape), np.broadcast_to(c1, x.shape)
    for i in range(3, len(c) + 1):
        n = n - 1
        c0, c1 = step(c[-i], c0, c1, n)
    return c0, c1


@macro(chebyshev.chebval)
def chebval(x: Array, c: Array, tensor: bool = True) -> Array:
    x = np.asarray(x)
    double = 2 * x
    c0, c1 = summed(c, x, lambda a, c0, c1, n: (a - c1, c0 + c1 * double))
    return c0 + c1 * x


@macro(legendre.legval)
def legval(x: Array, c: Array, tensor: bool = True) -> Array:
    x = np.asarray(x)
    c0, c1 = summed(
        c,
        x,
        lambda a, c0, c1, n: (a - c1 * ((n - 1) / n), c0 + c1 * x * ((2 * n - 1) / n)),
    )
    return c0 + c1 * x


@macro(hermite.hermval)
def hermval(x: Array, c: Array, tensor: bool = True) -> Array:
    x = np.asarray(x)
    double = x * 2
    c0, c1 = summed(c, x, lambda a, c0, c1, n: (a - c1 * (2 * (n - 1)), c0 + c1 * double))
    return c0 + c1 * double


@macro(hermite_e.hermeval)
def hermeval(x: Array, c: Array, tensor: bool = True) -> Array:
    x = np.asarray(x)
    c0, c1 = summed(c, x, lambda a, c0, c1, n: (a - c1 * (n - 1), c0 + c1 * x))
    return c0 + c1 * x


@macro(laguerre.lagval)
def lagval(x: Array, c: Array, tensor: bool = True) -> Array:
    x = np.asarray(x)
    c0, c1 = summed(
        c,
        x,
        lambda a, c0, c1, n: (a - (c1 * (n - 1)) / n, c0 + (c1 * ((2 * n - 1) - x)) / n),
    )
    return c0 + c1 * (1 - x)


# -- power series


def trimmed(c: Array) -> Array:
    """The coefficients up to the last that is not zero, or the first one."""
    c = np.atleast_1d(np.asarray(c)) + 0.0
    return c[: len(c) - np.argmax(np.concatenate([c[:0:-1] != 0, [True]]))]


def followed_by_zeros(c: Array, n: int) -> Array:
    return np.concatenate([c, np.zeros(n - len(c), c.dtype)])


@macro(polynomial.polymul)
def polymul(c1: Array, c2: Array) -> Array:
    return trimmed(np.convolve(trimmed(c1), trimmed(c2)))


def of_any_basis(name: str) -> list[Callable[..., object]]:
    """The functions of all kinds of series that do the same, as they add coefficients."""
    kinds = ((chebyshev, "cheb"), (legendre, "leg"), (hermite, "herm"), (hermite_e, "herme"), (laguerre, "lag"))
    return [getattr(module, f"{prefix}{name}") for module, prefix in kinds]


@macro(polynomial.polyadd, *of_any_basis("add"))
def polyadd(c1: Array, c2: Array) -> Array:
    c1, c2 = trimmed(c1), trimmed(c2)
    n = max(len(c1), len(c2))
    return trimmed(followed_by_zeros(c1, n) + followed_by_zeros(c2, n))


@macro(polynomial.polysub, *of_any_basis("sub"))
def polysub(c1: Array, c2: Array) -> Array:
    c1, c2 = trimmed(c1), trimmed(c2)
    n = max(len(c1), len(c2))
    return trimmed(followed_by_zeros(c1, n) - followed_by_zeros(c2, n))


@macro(polynomial.polypow)
def polypow(c: Array, pow: int, maxpower: None = None) -> Array:
    c = trimmed(c)
    if pow == 0:
        return np.ones(1, c.dtype)
    product = c
    for _ in range(2, pow + 1):
        product = np.convolve(product, c)
    return product


def mirrored(c: Array) -> Array:
    """The coefficients of powers from -n to n of the same series, in which each pair shares one."""
    half = np.concatenate([np.zeros_like(c[1:]), c / 2])
    return half + half[::-1]


@macro(chebyshev.chebmul)
def chebmul(c1: Array, c2: Array) -> Array:
    product = np.convolve(mirrored(trimmed(c1)), mirrored(trimmed(c2)))
    upper = product[(len(product) + 1) // 2 - 1 :]
    return trimmed(np.concatenate([upper[:1], upper[1:] * 2]))


# -- fits by least squares


@static
def rounding(x: Var | Array) -> float:
    """The precision of real numbers."""
    return float(np.finfo(np.dtype((x.type if isinstance(x, Var) else x).dtype)).eps)


def fitted(powers: Array, y: Array, rcond: float | None, w: Array | None) -> Array:
    """The coefficients for which a series with these columns comes closest to y, found with columns of length 1."""
    rows, values = powers.T, (np.asarray(y) + 0.0).T
    if w is not None:
        weights = np.asarray(w) + 0.0
        rows, values = rows * weights, values * weights
    scale = np.sqrt(np.square(rows).sum(1))
    scale = np.where(scale == 0, 1.0, scale)
    small = len(powers) * rounding(powers) if rcond is None else rcond
    return (np.linalg.lstsq(rows.T / scale, values.T, small)[0].T / scale).T


@macro(polynomial.polyfit)
def polyfit(
    x: Array, y: Array, deg: int, rcond: float | None = None, full: None = None, w: Array | None = None
) -> Array:
    return fitted(polynomial.polyvander(np.asarray(x) + 0.0, deg), y, rcond, w)


@macro(chebyshev.chebfit)
def chebfit(
    x: Array, y: Array, deg: int, rcond: float | None = None, full: None = None, w: Array | None = None
) -> Array:
    return fitted(chebyshev.chebvander(np.asarray(x) + 0.0, deg), y, rcond, w)


@macro(legendre.legfit)
def legfit(
    x: Array, y: Array, deg: int, rcond: float | None = None, full: None = None, w: Array | None = None
) -> Array:
    return fitted(legendre.legvander(np.asarray(x) + 0.0, deg), y, rcond, w)


@macro(hermite.hermfit)
def hermfit(
    x: Array, y: Array, deg: int, rcond: float | None = None, full: None = None, w: Array | None = None
) -> Array:
    return fitted(hermite.hermvander(np.asarray(x) + 0.0, deg), y, rcond, w)
