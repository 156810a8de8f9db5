"""Functions that emitted programs carry along for scipy.linalg and scipy.signal: factors of decompositions, sums."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np
import scipy.linalg


def ordered_eigenvalues(a, lower=True):
    """The eigenvalues of symmetric matrices."""
    return scipy.linalg.eigh(a, lower=lower)[0]


def ordered_eigenvectors(a, lower=True):
    """The eigenvectors of symmetric matrices."""
    return scipy.linalg.eigh(a, lower=lower)[1]


def only_eigenvalues(a, lower=True):
    """The eigenvalues of symmetric matrices, computed without the vectors."""
    return scipy.linalg.eigh(a, lower=lower, eigvals_only=True)


def cholesky_in_place(a, lower=False):
    """The Cholesky factor in one triangle of the matrix."""
    return scipy.linalg.cho_factor(a, lower=lower)[0]


def solved_by_cholesky(c, b, lower=False):
    """The solution for the matrix that has this Cholesky factor in one triangle."""
    return scipy.linalg.cho_solve((c, lower), b)


def packed_triangles(a):
    """The triangular factors of a matrix with its rows in another order, in one matrix."""
    return scipy.linalg.lu_factor(a)[0]


def pivots(a):
    """The row that each one was exchanged with."""
    return scipy.linalg.lu_factor(a)[1]


def order_of(piv):
    """The order of rows after exchanges."""
    rows = np.arange(len(piv))
    for i, j in enumerate(piv):
        rows[[i, j]] = rows[[j, i]]
    return rows


def solved_by_triangles(packed, piv, b):
    """The solution for the matrix that has these triangular factors."""
    return scipy.linalg.lu_solve((packed, piv), b)


def real_root(a):
    """The square root of a real matrix, if it is real."""
    root = scipy.linalg.sqrtm(a)
    if np.iscomplexobj(root):
        raise TypeError("the square root of this real matrix is complex: pass a.astype(complex)")
    return root


def lags(w, x, like, axis=-1):
    """The sums of the products of w and x shifted by 0, 1, ... places: as many as `like` has entries."""
    w, x = np.moveaxis(w, axis, -1), np.moveaxis(x, axis, -1)
    n = x.shape[-1]
    return np.array([np.sum(w[..., k:] * x[..., : max(n - k, 0)]) for k in range(len(like))])
