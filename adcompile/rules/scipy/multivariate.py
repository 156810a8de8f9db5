"""scipy.stats: distributions of vectors.

Of a covariance SciPy reads the lower triangle, and so do the derivatives.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np
import scipy.special
import scipy.stats  # the spellings name its functions

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, result_type
from adcompile.rules.binding import Operand, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import show
from adcompile.rules.matrices import square_dims
from adcompile.rules.symmetric import mirrored, of_triangle
from adcompile.rules.table import adjoint, nonlinear

Array = np.ndarray
NUMBER = np.dtype(np.float64)


# -- normal


def infer_normal(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one number for each vector."""
    dims = args[0].type.dims
    return result_type(NUMBER, None if dims is None else dims[:-1])


def infer_number(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one number."""
    square_dims(facts, args[-1].type, "entropy")
    return Type("np", NUMBER)


def check_normal(operands: list[Operand], values: dict[str, object]) -> None:
    """Refuse means and covariances that are numbers."""
    if [rank_of(operands[-2]), rank_of(operands[-1])] != [1, 2]:
        raise TypeError("scipy.stats.multivariate_normal: the mean must be a vector, the covariance a matrix")


for _name in ("logpdf", "pdf"):
    _spelling = f"scipy.stats.multivariate_normal.{_name}"
    primitive(_spelling, infer_normal, _spelling, "x, mean, cov", usage="x, mean, cov", prepare=check_normal)
primitive(
    "scipy.stats.multivariate_normal.entropy",
    infer_number,
    "scipy.stats.multivariate_normal.entropy",
    "mean, cov",
    usage="mean, cov",
    prepare=check_normal,
)


@adjoint("scipy.stats.multivariate_normal.logpdf")
def log_normal_adjoint(g: Array, ans: Array, x: Array, mean: Array, cov: Array) -> tuple[Array, Array, Array]:
    inverse = np.linalg.inv(mirrored(cov, "L"))
    rows = np.reshape((x - mean) @ inverse, (-1, x.shape[-1]))
    weights = np.reshape(g, (-1, 1))
    by_x = weights * rows
    by_cov = 0.5 * (by_x.T @ rows - np.sum(weights) * inverse)
    return np.reshape(-by_x, x.shape), np.sum(by_x, axis=0), of_triangle(by_cov, "L")


@nonlinear("scipy.stats.multivariate_normal.logpdf")
def log_normal_tangent(
    ans: Array,
    x: Array,
    mean: Array,
    cov: Array,
    x_dot: Array | None,
    mean_dot: Array | None,
    cov_dot: Array | None,
) -> Array:
    inverse = np.linalg.inv(mirrored(cov, "L"))
    rows = (x - mean) @ inverse
    found = 0.0 if x_dot is None else -np.sum(rows * x_dot, axis=-1)
    found = found if mean_dot is None else found + rows @ mean_dot
    if cov_dot is None:
        return found
    change = mirrored(cov_dot, "L")
    return found + 0.5 * (np.sum((rows @ change) * rows, axis=-1) - np.sum(inverse * change))


@adjoint("scipy.stats.multivariate_normal.pdf")
def normal_adjoint(g: Array, ans: Array, x: Array, mean: Array, cov: Array) -> tuple[Array, Array, Array]:
    return log_normal_adjoint(g * ans, ans, x, mean, cov)


@nonlinear("scipy.stats.multivariate_normal.pdf")
def normal_tangent(
    ans: Array,
    x: Array,
    mean: Array,
    cov: Array,
    x_dot: Array | None,
    mean_dot: Array | None,
    cov_dot: Array | None,
) -> Array:
    return ans * log_normal_tangent(ans, x, mean, cov, x_dot, mean_dot, cov_dot)


@nonlinear("scipy.stats.multivariate_normal.entropy")
def entropy_tangent(ans: Array, mean: Array, cov: Array, mean_dot: Array | None, cov_dot: Array | None) -> Array:
    if cov_dot is None:
        return np.zeros_like(ans)
    return 0.5 * np.sum(np.linalg.inv(mirrored(cov, "L")) * mirrored(cov_dot, "L"))


@adjoint("scipy.stats.multivariate_normal.entropy")
def entropy_adjoint(g: Array, ans: Array, mean: Array, cov: Array) -> tuple[None, Array]:
    return None, of_triangle(0.5 * g * np.linalg.inv(mirrored(cov, "L")), "L")


# -- Dirichlet


def infer_dirichlet(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one number for a vector of probabilities."""
    for a in args:
        if a.type.rank != 1:
            raise TypeError(f"scipy.stats.dirichlet: only vectors are supported, not shape {show(a.type.dims or ())}")
    return Type("np", NUMBER)


for _name in ("logpdf", "pdf"):
    _spelling = f"scipy.stats.dirichlet.{_name}"
    primitive(_spelling, infer_dirichlet, _spelling, "x, alpha", usage="x, alpha")


def dirichlet_slopes(x: Array, alpha: Array) -> tuple[Array, Array]:
    """The derivatives of the logarithm of the density."""
    return (alpha - 1) / x, np.log(x) - scipy.special.psi(alpha) + scipy.special.psi(np.sum(alpha))


@adjoint("scipy.stats.dirichlet.logpdf")
def log_dirichlet_adjoint(g: Array, ans: Array, x: Array, alpha: Array) -> tuple[Array, Array]:
    by_x, by_alpha = dirichlet_slopes(x, alpha)
    return g * by_x, g * by_alpha


@nonlinear("scipy.stats.dirichlet.logpdf")
def log_dirichlet_tangent(ans: Array, x: Array, alpha: Array, x_dot: Array | None, alpha_dot: Array | None) -> Array:
    by_x, by_alpha = dirichlet_slopes(x, alpha)
    found = 0.0 if x_dot is None else np.sum(by_x * x_dot)
    return found if alpha_dot is None else found + np.sum(by_alpha * alpha_dot)


@adjoint("scipy.stats.dirichlet.pdf")
def dirichlet_adjoint(g: Array, ans: Array, x: Array, alpha: Array) -> tuple[Array, Array]:
    return log_dirichlet_adjoint(g * ans, ans, x, alpha)


@nonlinear("scipy.stats.dirichlet.pdf")
def dirichlet_tangent(ans: Array, x: Array, alpha: Array, x_dot: Array | None, alpha_dot: Array | None) -> Array:
    return ans * log_dirichlet_tangent(ans, x, alpha, x_dot, alpha_dot)
