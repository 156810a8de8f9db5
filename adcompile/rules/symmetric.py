"""Symmetric and Hermitian matrices: Cholesky factors, eigenvalues and eigenvectors.

Of such a matrix NumPy reads one triangle, and of its diagonal the real part; so do the derivatives: that of an entry of
the other triangle is zero. Eigenvectors have derivatives where the eigenvalues are distinct; those of complex ones are
right for functions that do not depend on their phases. Each factor is a function of its own, so that those that are not
used cost nothing.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from typing import Literal

import numpy as np

from adcompile.rules import factors
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import adjoined, flipped, gaps, half_lower, of_square, real_values, whole
from adcompile.rules.reductions import conjugated
from adcompile.rules.table import adjoint, holomorphic, nonlinear

Array = np.ndarray
Triangle = Literal["L", "U"]


def half(x: Array, triangle: Triangle) -> Array:
    """One triangle with half of the diagonal."""
    return half_lower(x) if triangle == "L" else np.triu(x) - 0.5 * (x * np.eye(x.shape[-1], dtype=x.dtype))


def mirrored(x: Array, triangle: Triangle) -> Array:
    """The Hermitian matrix that has this triangle."""
    part = half(x, triangle)
    return part + adjoined(part)


def of_triangle(s: Array, triangle: Triangle) -> Array:
    """The derivative in one triangle, given the one in the matrix that is made of it."""
    return half(s + adjoined(s), triangle)


# -- cholesky

primitive(
    "cholesky",
    of_square("cholesky", whole),
    "np.linalg.cholesky",
    "a",
    "upper=False",
    usage="a, /, *, upper: static = False",
    cost="product",
)
holomorphic("cholesky")


@nonlinear("cholesky")
def cholesky_tangent(ans: Array, a: Array, upper: bool, a_dot: Array) -> Array:
    factor = adjoined(ans) if upper else ans
    inverse = np.linalg.inv(factor)
    change = factor @ half_lower(inverse @ mirrored(a_dot, "U" if upper else "L") @ adjoined(inverse))
    return adjoined(change) if upper else change


@adjoint("cholesky")
def cholesky_adjoint(g: Array, ans: Array, a: Array, upper: bool) -> Array:
    factor, g = (adjoined(ans), adjoined(g)) if upper else (ans, g)
    inverse = np.linalg.inv(factor)
    inner = half_lower(flipped(factor) @ g)
    return of_triangle(flipped(inverse) @ inner @ conjugated(inverse), "U" if upper else "L")


# -- eigenvalues and eigenvectors

primitive(
    "eigvalsh",
    of_square("eigvalsh", real_values, real=True),
    "np.linalg.eigvalsh",
    "a",
    "UPLO='L'",
    usage="a, UPLO: static = 'L'",
    cost="product",
)
for _name, _shape, _real in (("eigenvalues", real_values, True), ("eigenvectors", whole, False)):
    _helper = getattr(factors, _name)
    primitive(_name, of_square("eigh", _shape, _real), _name, "a", "UPLO='L'", cost="product", helper=_helper)
    function(_helper, _name, "a, UPLO: static = 'L'")
holomorphic("eigvalsh", "eigenvalues", "eigenvectors")


@macro(np.linalg.eigh)
def eigh(a: Array, UPLO: Triangle = "L") -> object:
    """The eigenvalues and eigenvectors of symmetric matrices."""
    return factors.Eigh(factors.eigenvalues(a, UPLO), factors.eigenvectors(a, UPLO))


@nonlinear("eigvalsh")
@nonlinear("eigenvalues")
def eigenvalues_tangent(ans: Array, a: Array, triangle: Triangle, a_dot: Array) -> Array:
    v = factors.eigenvectors(a, triangle)
    return np.real(np.sum(conjugated(v) * (mirrored(a_dot, triangle) @ v), axis=-2))


@adjoint("eigvalsh")
@adjoint("eigenvalues")
def eigenvalues_adjoint(g: Array, ans: Array, a: Array, triangle: Triangle) -> Array:
    v = factors.eigenvectors(a, triangle)
    return of_triangle((conjugated(v) * np.expand_dims(g, -2)) @ flipped(v), triangle)


@nonlinear("eigenvectors")
def eigenvectors_tangent(ans: Array, a: Array, triangle: Triangle, a_dot: Array) -> Array:
    turn = adjoined(ans) @ mirrored(a_dot, triangle) @ ans
    return ans @ (gaps(factors.eigenvalues(a, triangle)) * turn)


@adjoint("eigenvectors")
def eigenvectors_adjoint(g: Array, ans: Array, a: Array, triangle: Triangle) -> Array:
    inner = gaps(factors.eigenvalues(a, triangle)) * (flipped(ans) @ g)
    return of_triangle(conjugated(ans) @ inner @ flipped(ans), triangle)
