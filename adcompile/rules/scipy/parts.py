"""Functions that emitted programs carry along for scipy.linalg: each is one part of what SciPy returns together."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np
import scipy.linalg


def svd_left(a, full_matrices=False):
    """The left singular vectors, as columns."""
    return scipy.linalg.svd(a, full_matrices=full_matrices)[0]


def svd_values(a, full_matrices=False):
    """The singular values, computed with the vectors."""
    return scipy.linalg.svd(a, full_matrices=full_matrices)[1]


def svd_right(a, full_matrices=False):
    """The right singular vectors, as rows."""
    return scipy.linalg.svd(a, full_matrices=full_matrices)[2]


def svd_only_values(a):
    """The singular values, computed without the vectors."""
    return scipy.linalg.svd(a, compute_uv=False)


def qr_orthogonal(a, mode="full"):
    """The orthogonal factor of a QR decomposition."""
    return scipy.linalg.qr(a, mode=mode)[0]


def qr_triangular(a, mode="full"):
    """The triangular factor of a QR decomposition."""
    return scipy.linalg.qr(a, mode=mode)[1]


def qr_only_triangular(a):
    """The triangular factor of a QR decomposition, computed without the orthogonal one."""
    return scipy.linalg.qr(a, mode="r")[0]


def lu_permutation(a):
    """The matrix that puts the rows of the triangular factors in their order."""
    return scipy.linalg.lu(a)[0]


def lu_lower(a):
    """The lower triangular factor of a matrix with its rows in another order."""
    return scipy.linalg.lu(a)[1]


def lu_upper(a):
    """The upper triangular factor."""
    return scipy.linalg.lu(a)[2]


def lu_permuted(a):
    """The lower triangular factor with its rows in the order of the matrix."""
    return scipy.linalg.lu(a, permute_l=True)[0]


def lstsq_solution(a, b, cond=None):
    """The solution of a least-squares problem."""
    return scipy.linalg.lstsq(a, b, cond)[0]


def lstsq_residuals(a, b, cond=None):
    """The squared residuals of a least-squares problem."""
    return scipy.linalg.lstsq(a, b, cond)[1]


def lstsq_rank(a, b, cond=None):
    """The rank of the matrix of a least-squares problem."""
    return scipy.linalg.lstsq(a, b, cond)[2]


def lstsq_values(a, b, cond=None):
    """The singular values of the matrix of a least-squares problem."""
    return scipy.linalg.lstsq(a, b, cond)[3]


def eig_values(a):
    """The eigenvalues of a matrix, computed with the eigenvectors."""
    return scipy.linalg.eig(a)[0]


def eig_vectors(a):
    """The eigenvectors of a matrix, as columns."""
    return scipy.linalg.eig(a)[1]


def general_values(a, b, lower=True):
    """The eigenvalues of a symmetric matrix a relative to b."""
    return scipy.linalg.eigh(a, b, lower=lower)[0]


def general_vectors(a, b, lower=True):
    """The eigenvectors v of a symmetric matrix a relative to b, for which v.T @ b @ v is the identity."""
    return scipy.linalg.eigh(a, b, lower=lower)[1]


def general_only_values(a, b, lower=True):
    """The eigenvalues of a symmetric matrix a relative to b, computed without the vectors."""
    return scipy.linalg.eigh(a, b, lower=lower, eigvals_only=True)


def polar_unitary(a):
    """The unitary factor of a polar decomposition."""
    return scipy.linalg.polar(a)[0]


def polar_symmetric(a):
    """The symmetric factor of a polar decomposition."""
    return scipy.linalg.polar(a)[1]


def real_logarithm(a):
    """The logarithm of a real matrix, if it is real."""
    found = scipy.linalg.logm(a)
    if np.iscomplexobj(found):
        raise TypeError("the logarithm of this real matrix is complex: pass a.astype(complex)")
    return found


def exponential(a, change):
    """The exponential that scipy.linalg.expm_frechet returns."""
    return scipy.linalg.expm_frechet(a, change)[0]


def exponential_slope(a, change):
    """The derivative of the exponential of a in a direction."""
    return scipy.linalg.expm_frechet(a, change)[1]


def only_exponential_slope(a, change):
    """The derivative of the exponential of a in a direction, computed without the exponential."""
    return scipy.linalg.expm_frechet(a, change, compute_expm=False)


def tridiagonal_values(d, e):
    """The eigenvalues of symmetric tridiagonal matrices."""
    return scipy.linalg.eigh_tridiagonal(d, e)[0]


def tridiagonal_vectors(d, e):
    """The eigenvectors of symmetric tridiagonal matrices."""
    return scipy.linalg.eigh_tridiagonal(d, e)[1]


def tridiagonal_only_values(d, e):
    """The eigenvalues of symmetric tridiagonal matrices, computed without the vectors."""
    return scipy.linalg.eigh_tridiagonal(d, e, eigvals_only=True)


def banded_solution(ab, b, bands):
    """The solution for a matrix with few diagonals, which are the rows of ab."""
    return scipy.linalg.solve_banded(bands, ab, b)


def toeplitz_solution(c, r, b):
    """The solution for a matrix with this first column and first row."""
    return scipy.linalg.solve_toeplitz((c, r), b)


def symmetric_toeplitz_solution(c, b):
    """The solution for the symmetric matrix with this first column."""
    return scipy.linalg.solve_toeplitz(c, b)
