"""Polynomials: series of orthogonal ones, quotients, roots, and fits with weights."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.polynomial.hermite_e import hermeval

from tests.programs.registry import program

C = np.array([0.5, -1.2, 2.0, 0.3])
X = np.array([0.1, 0.7, -0.4, 1.1, 0.9, -0.8])
Y = np.array([1.0, 0.3, 0.8, -0.5, 0.4, 1.3])


@program(X, C)
@program(0.3, C[:1])
def orthogonal_series(x, c):
    a = chebyshev.chebval(x, c) ** 2 + legendre.legval(x, c) * hermeval(x, c)
    return np.sum(a) + np.sum(np.polynomial.hermite.hermval(x, c**2) + np.polynomial.laguerre.lagval(x, c) ** 2)


@program(C, C[:2])
def quotients_and_products(p, q):
    quotient, rest = np.polydiv(p, q)
    product = np.polynomial.polynomial.polymul(p, q) * np.arange(5.0)
    sums = np.polynomial.polynomial.polyadd(p, q) * np.polynomial.polynomial.polysub(q, p)
    return np.sum(quotient**2) + np.sum(rest) + np.sum(product**2) + np.sum(sums * p)


@program(np.array([1.0, -6.5, 11.2, -5.9]))
def roots_of_a_polynomial(p):
    r = np.roots(p)
    return np.sum(r.real**2 * np.arange(3.0)) + np.sum(np.poly(p[1:4]) ** 2)


@program(X, Y, Y**2 + 0.5)
def weighted_fits(x, y, w):
    c, spread = np.polyfit(x, y, 1, w=w, cov=True)
    return np.sum(c**2) + np.sum(spread * np.arange(4.0).reshape(2, 2)) + np.polyint(y[:3], 2, k=[w[0], 2.0])[2] ** 2


@program(X, Y, Y**2 + 0.5)
def fits_of_series(x, y, w):
    a = np.polynomial.polynomial.polyfit(x, y, 2, w=w) ** 2 + chebyshev.chebfit(x, y, 2)
    b = legendre.legfit(x, np.stack([y, w], axis=1), 1) ** 3
    return np.sum(a) + np.sum(b) + np.sum(np.polynomial.hermite.hermfit(x, y, 2) * np.arange(3.0))


@program(C, C[:3])
def sums_and_products_of_series(p, q):
    product = chebyshev.chebmul(p, q) ** 2 * np.arange(6.0)
    total = chebyshev.chebadd(p, q) * legendre.legsub(q, p)
    return np.sum(product) + np.sum(total**2) + np.sum(np.polynomial.polynomial.polypow(q, 3) ** 2)
