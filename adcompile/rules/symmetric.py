"""Symmetric matrices: Cholesky factors, eigenvalues and eigenvectors.

NumPy's cholesky and eigh read one triangle only, and so do the derivatives: that of an entry of the other one is zero.
Eigenvectors have derivatives where the eigenvalues are distinct. Each factor is a function of its own, so that those
that are not used cost nothing.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.rules import runtime
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import flipped, gaps, of_square, same, values
from adcompile.rules.table import adjoint, nonlinear

Array = np.ndarray


def lower_only(s: Array) -> Array:
    """The derivative in the lower triangle, given the one in a symmetric matrix that is made of it."""
    s = 0.5 * (s + flipped(s))
    return np.tril(s) + np.tril(s, -1)


def symmetric(x: Array) -> Array:
    """The symmetric matrix that has this lower triangle."""
    return np.tril(x) + flipped(np.tril(x, -1))


# -- cholesky

primitive(
    "cholesky",
    of_square("cholesky", same),
    "np.linalg.cholesky",
    "a",
    usage="a, /, *, upper: no = False",
    cost="product",
)


def half_lower(x: Array) -> Array:
    """The lower triangle with half of the diagonal."""
    return np.tril(x) - 0.5 * (x * np.eye(x.shape[-1], dtype=x.dtype))


@nonlinear("cholesky")
def cholesky_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    inverse = np.linalg.inv(ans)
    return ans @ half_lower(inverse @ symmetric(a_dot) @ flipped(inverse))


@adjoint("cholesky")
def cholesky_adjoint(g: Array, ans: Array, a: Array) -> Array:
    inverse = np.linalg.inv(ans)
    return lower_only(flipped(inverse) @ half_lower(flipped(ans) @ g) @ inverse)


# -- eigh

primitive(
    "eigvalsh",
    of_square("eigvalsh", values),
    "np.linalg.eigvalsh",
    "a",
    usage="a, UPLO: no = 'L'",
    cost="product",
)
for _name, _shape in (("eigenvalues", values), ("eigenvectors", same)):
    _helper = getattr(runtime, _name)
    primitive(_name, of_square("eigh", _shape), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")


@macro(np.linalg.eigh)
def eigh(a: Array, UPLO: str = "L") -> tuple[Array, Array]:
    """The eigenvalues and eigenvectors of symmetric matrices."""
    assert UPLO == "L", "np.linalg.eigh: the argument `UPLO` is not supported"
    return runtime.eigenvalues(a), runtime.eigenvectors(a)


@nonlinear("eigvalsh")
@nonlinear("eigenvalues")
def eigenvalues_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    v = runtime.eigenvectors(a)
    return np.sum(v * (symmetric(a_dot) @ v), axis=-2)


@adjoint("eigvalsh")
@adjoint("eigenvalues")
def eigenvalues_adjoint(g: Array, ans: Array, a: Array) -> Array:
    v = runtime.eigenvectors(a)
    return lower_only((v * np.expand_dims(g, -2)) @ flipped(v))


@nonlinear("eigenvectors")
def eigenvectors_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return ans @ (gaps(runtime.eigenvalues(a)) * (flipped(ans) @ symmetric(a_dot) @ ans))


@adjoint("eigenvectors")
def eigenvectors_adjoint(g: Array, ans: Array, a: Array) -> Array:
    return lower_only(ans @ (gaps(runtime.eigenvalues(a)) * (flipped(ans) @ g)) @ flipped(ans))
