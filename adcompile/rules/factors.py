"""Functions that emitted programs carry along for linear algebra: each is one factor of a decomposition.

They are plain Python over NumPy, and their sources are copied.
"""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np

# The types of NumPy's results.
Eigh = type(np.linalg.eigh(np.eye(1)))
Svd = type(np.linalg.svd(np.eye(1)))
Qr = type(np.linalg.qr(np.eye(1)))
Slogdet = type(np.linalg.slogdet(np.eye(1)))
Eig = type(np.linalg.eig(np.eye(1)))


def cofactors(x):
    """The derivative of the determinant: det(x) * inv(x).T, right also where x is singular."""
    det = np.linalg.det(x)
    if np.all(det != 0):
        return np.expand_dims(det, (-2, -1)) * np.swapaxes(np.linalg.inv(x), -1, -2)
    u, s, vt = np.linalg.svd(x)
    one = np.ones_like(s[..., :1])
    before = np.concatenate([one, np.cumprod(s[..., :-1], axis=-1)], axis=-1)
    after = np.concatenate([np.cumprod(s[..., :0:-1], axis=-1)[..., ::-1], one], axis=-1)
    scale = np.expand_dims(np.linalg.det(u) * np.linalg.det(vt), (-2, -1))
    return scale * (np.conj(u) * np.expand_dims(before * after, -2)) @ np.conj(vt)


def sign_of_det(x):
    """The sign of the determinant."""
    return np.linalg.slogdet(x)[0]


def phase_of_det(x):
    """The determinant of complex matrices, divided by its size."""
    return np.linalg.slogdet(x)[0]


def log_abs_det(x):
    """The logarithm of the size of the determinant."""
    return np.linalg.slogdet(x)[1]


def eigenvalues(a, UPLO="L"):
    """The eigenvalues of symmetric matrices."""
    return np.linalg.eigh(a, UPLO)[0]


def eigenvectors(a, UPLO="L"):
    """The eigenvectors of symmetric matrices."""
    return np.linalg.eigh(a, UPLO)[1]


def left_vectors(x):
    """The left singular vectors, as columns."""
    return np.linalg.svd(x, full_matrices=False)[0]


def right_vectors(x):
    """The right singular vectors, as rows."""
    return np.linalg.svd(x, full_matrices=False)[2]


def least_squares_values(a, b, rcond):
    """The singular values of the matrix of a least-squares problem."""
    return np.linalg.lstsq(a, b, rcond=rcond)[3]


def square_left_vectors(x):
    """The left singular vectors of square matrices, as columns."""
    return np.linalg.svd(x)[0]


def square_right_vectors(x):
    """The right singular vectors of square matrices, as rows."""
    return np.linalg.svd(x)[2]


def all_singular_values(x):
    """The singular values, computed with all vectors."""
    return np.linalg.svd(x)[1]


def all_left_vectors(x):
    """The left singular vectors and those orthogonal to them, as columns."""
    return np.linalg.svd(x)[0]


def all_right_vectors(x):
    """The right singular vectors and those orthogonal to them, as rows."""
    return np.linalg.svd(x)[2]


def singular_values(x):
    """The singular values."""
    return np.linalg.svd(x, full_matrices=False)[1]


def svdvals(x):
    """The singular values, computed without the vectors."""
    return np.linalg.svd(x, compute_uv=False)


def orthogonal_factor(a):
    """The orthogonal factor of a QR decomposition."""
    return np.linalg.qr(a)[0]


def triangular_factor(a):
    """The triangular factor of a QR decomposition."""
    return np.linalg.qr(a)[1]


def least_squares(a, b, rcond=None):
    """The solution of a least-squares problem."""
    return np.linalg.lstsq(a, b, rcond=rcond)[0]


def squared_residuals(a, b, rcond=None):
    """The squared residuals of a least-squares problem."""
    return np.linalg.lstsq(a, b, rcond=rcond)[1]


def rank_of_matrix(a, b, rcond=None):
    """The rank of the matrix of a least-squares problem."""
    return np.linalg.lstsq(a, b, rcond=rcond)[2]


def chain(*xs):
    """The product of several matrices."""
    return np.linalg.multi_dot(xs)


def any_eigenvalues(a):
    """The eigenvalues of square matrices."""
    return np.linalg.eig(a)[0]


def any_eigenvectors(a):
    """The eigenvectors of square matrices, as columns."""
    return np.linalg.eig(a)[1]
