"""scipy.stats: distributions of vectors.

Of a covariance SciPy reads the lower triangle, and so do the derivatives.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import scipy.special
import scipy.stats  # the spellings name its functions

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, result_type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, as_operand, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import show
from adcompile.rules.matrices import square_dims
from adcompile.rules.shapes import is_one, squeezed_axes
from adcompile.rules.symmetric import mirrored, of_triangle
from adcompile.rules.table import adjoint, nonlinear

Array = np.ndarray
NUMBER = np.dtype(np.float64)


# -- normal


def infer_normal(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one number for each vector; SciPy drops axes of length 1."""
    dims, of_mean = args[0].type.dims, args[1].type.dims
    if dims is None or of_mean is None:
        return result_type(NUMBER, None)
    if len(dims) == 1 and is_one(facts, of_mean[0]) and not is_one(facts, dims[0]):
        raise TypeError("scipy.stats.multivariate_normal: of one dimension, numbers need an axis more: x[:, None]")
    dropped = squeezed_axes(facts, dims[:-1], None)
    return result_type(NUMBER, tuple(n for k, n in enumerate(dims[:-1]) if k not in dropped))


def infer_number(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one number."""
    square_dims(facts, args[-1].type, "entropy")
    return Type("np", NUMBER)


def given_whole(args: Sequence[Argument], kwargs: Mapping[str, Argument], first: int) -> bool:
    """Tell whether a mean, which is a vector, and a covariance, which is a matrix, are given."""
    mean = kwargs.get("mean", args[first] if len(args) > first else None)
    cov = kwargs.get("cov", args[first + 1] if len(args) > first + 1 else None)
    return mean is not None and cov is not None and [rank_of(as_operand(mean)), rank_of(as_operand(cov))] == [1, 2]


def chosen(binding: Binding, macro: Callable[..., object], first: int) -> Binding:
    """Make the binding of a method that takes other means and covariances as SciPy does."""

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        return binding if given_whole(args, kwargs, first) else Binding(binding.name, macro=macro)

    return Binding(binding.name, choose=choose)


def vector_of(mean: Array | None, cov: Array | None) -> Array:
    """The mean as a vector."""
    if mean is not None:
        return np.reshape(np.asarray(mean), (-1,))
    return np.zeros(1) if cov is None or np.ndim(cov) == 0 else np.zeros(len(np.asarray(cov)))


def matrix_of(cov: Array | None, n: int) -> Array:
    """The covariance as a matrix."""
    if cov is None:
        return np.eye(n)
    cov = np.asarray(cov)
    return cov * np.eye(n) if cov.ndim == 0 else np.diag(cov) if cov.ndim == 1 else cov


def log_normal(x: Array, mean: Array | None = None, cov: Array | None = None, allow_singular: bool = False) -> Array:
    m = vector_of(mean, cov)
    one = (cov is None or np.ndim(cov) == 0) if mean is None else np.ndim(mean) == 0
    x = points(np.asarray(x), one)
    return scipy.stats.multivariate_normal.logpdf(x, m, matrix_of(cov, len(m)), allow_singular)


def normal(x: Array, mean: Array | None = None, cov: Array | None = None, allow_singular: bool = False) -> Array:
    m = vector_of(mean, cov)
    one = (cov is None or np.ndim(cov) == 0) if mean is None else np.ndim(mean) == 0
    x = points(np.asarray(x), one)
    return scipy.stats.multivariate_normal.pdf(x, m, matrix_of(cov, len(m)), allow_singular)


def points(x: Array, one: bool) -> Array:
    """Give numbers an axis of length 1, if the distribution is one of numbers."""
    return np.expand_dims(x, -1) if x.ndim == 0 or (one and x.ndim == 1) else x


def normal_entropy(mean: Array | None = None, cov: Array | None = None) -> Array:
    m = vector_of(mean, cov)
    return scipy.stats.multivariate_normal.entropy(m, matrix_of(cov, len(m)))


def inverse_of(cov: Array, singular: bool) -> Array:
    full = mirrored(cov, "L")
    return np.linalg.pinv(full) if singular else np.linalg.inv(full)


for _method, _name, _macro in (
    (scipy.stats.multivariate_normal.logpdf, "logpdf", log_normal),
    (scipy.stats.multivariate_normal.pdf, "pdf", normal),
):
    _spelling = f"scipy.stats.multivariate_normal.{_name}"
    primitive(_spelling, infer_normal, _spelling, "x, mean, cov", "allow_singular=False")
    _binding = Binding(_spelling, _spelling, "x, mean, cov, allow_singular: static = False")
    FUNCTIONS[_method] = chosen(_binding, _macro, 1)
_entropy = "scipy.stats.multivariate_normal.entropy"
primitive(_entropy, infer_number, _entropy, "mean, cov")
FUNCTIONS[scipy.stats.multivariate_normal.entropy] = chosen(Binding(_entropy, _entropy, "mean, cov"), normal_entropy, 0)


@adjoint("scipy.stats.multivariate_normal.logpdf")
def log_normal_adjoint(
    g: Array, ans: Array, x: Array, mean: Array, cov: Array, singular: bool
) -> tuple[Array, Array, Array]:
    inverse = inverse_of(cov, singular)
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
    singular: bool,
    x_dot: Array | None,
    mean_dot: Array | None,
    cov_dot: Array | None,
) -> Array:
    inverse = inverse_of(cov, singular)
    rows = (x - mean) @ inverse
    found = np.zeros(rows.shape[:-1]) if x_dot is None else -np.sum(rows * x_dot, axis=-1)
    found = found if mean_dot is None else found + rows @ mean_dot
    if cov_dot is not None:
        change = mirrored(cov_dot, "L")
        found = found + 0.5 * (np.sum((rows @ change) * rows, axis=-1) - np.sum(inverse * change))
    return found if np.ndim(found) == np.ndim(ans) else np.reshape(found, ans.shape)


@adjoint("scipy.stats.multivariate_normal.pdf")
def normal_adjoint(
    g: Array, ans: Array, x: Array, mean: Array, cov: Array, singular: bool
) -> tuple[Array, Array, Array]:
    return log_normal_adjoint(g * ans, ans, x, mean, cov, singular)


@nonlinear("scipy.stats.multivariate_normal.pdf")
def normal_tangent(
    ans: Array,
    x: Array,
    mean: Array,
    cov: Array,
    singular: bool,
    x_dot: Array | None,
    mean_dot: Array | None,
    cov_dot: Array | None,
) -> Array:
    return ans * log_normal_tangent(ans, x, mean, cov, singular, x_dot, mean_dot, cov_dot)


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


# -- multinomial


def infer_multinomial(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one number for a vector of counts."""
    if args[0].type.rank != 1 or args[2].type.rank != 1:
        raise TypeError("scipy.stats.multinomial: only vectors of counts and of probabilities are supported")
    return Type("np", NUMBER)


for _name in ("logpmf", "pmf"):
    _spelling = f"scipy.stats.multinomial.{_name}"
    primitive(_spelling, infer_multinomial, _spelling, "x, n, p", usage="x, n, p")


@adjoint("scipy.stats.multinomial.logpmf")
def log_multinomial_adjoint(g: Array, ans: Array, x: Array, n: int, p: Array) -> tuple[None, None, Array]:
    """SciPy takes the last probability to be what the others leave."""
    slope = g * x / p
    return None, None, slope - slope[-1]


@nonlinear("scipy.stats.multinomial.logpmf")
def log_multinomial_tangent(ans: Array, x: Array, n: int, p: Array, x_dot: None, n_dot: None, p_dot: Array) -> Array:
    slope = x / p
    return np.sum((slope - slope[-1]) * p_dot)


@adjoint("scipy.stats.multinomial.pmf")
def multinomial_adjoint(g: Array, ans: Array, x: Array, n: int, p: Array) -> tuple[None, None, Array]:
    return log_multinomial_adjoint(g * ans, ans, x, n, p)


@nonlinear("scipy.stats.multinomial.pmf")
def multinomial_tangent(ans: Array, x: Array, n: int, p: Array, x_dot: None, n_dot: None, p_dot: Array) -> Array:
    return ans * log_multinomial_tangent(ans, x, n, p, x_dot, n_dot, p_dot)
