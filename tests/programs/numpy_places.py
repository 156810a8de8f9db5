"""Histograms, places in arrays, sets of entries, and forms of NumPy's functions that are called less often."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

V = np.array([0.5, -1.2, 2.0, 0.3, 1.1])
W = np.array([1.5, 0.7, -0.4, 1.2, 0.6])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])
S = M @ M.T + np.eye(3)
T = np.linspace(-1.0, 1.5, 24).reshape(2, 4, 3) ** 2


@program(V, W)
def weighted_bins(x, w):
    sums, edges = np.histogram(x, bins=4, weights=w**2)
    middle = 0.5 * (edges[1:] + edges[:-1])
    inside = np.histogram(x, bins=3, range=(0.0, 1.6), weights=w)[0]
    given = np.histogram(x, np.array([-2.0, 0.4, 1.0, 3.0]), weights=w * x)[0]
    return np.sum(sums * middle) + np.sum(inside**2) + np.sum(given**3)


@program(V, W)
def densities(x, w):
    counts, edges = np.histogram(x, 3, density=True)
    weighted = np.histogram(
        M[:, :2] + 0.05, bins=np.histogram_bin_edges(x, 2), weights=np.outer(w[:3], w[:2]), density=True
    )
    return np.sum(counts * edges[1:] ** 2) + np.sum(weighted[0] ** 2) + np.histogram(x, 2)[0][0] * x[1]


@program(S)
def triangles_by_places(x):
    a = x[np.tril_indices(len(x))] ** 2
    b = x[np.triu_indices_from(x, 1)] * x[np.tril_indices_from(x, -1)]
    i, j = np.unravel_index(np.argmax(x), x.shape)
    return np.sum(a) + np.sum(b) + np.sum(x[np.diag_indices_from(x)] ** 3) * x[i, j] + x[np.diag_indices(3)][1]


@program(V, W)
def sets_of_entries(x, y):
    z = np.concatenate([x, x[:2]])
    a = np.union1d(z, y) ** 2
    b = np.setdiff1d(z, x[2:]) * np.intersect1d(z, x[:2])
    first, second, third = np.unstack(M * x[0])
    return np.sum(a) + np.sum(b) + np.sum(first * second - third) + np.fromiter((t * t for t in y), float)[1]


@program(M, T)
def products_of_vectors_and_matrices(x, a):
    b = np.matvec(a, x[:, 1]) if hasattr(np, "matvec") else (a @ x[:, 1:2])[..., 0]
    c = np.vecmat(x[0], a) if hasattr(np, "vecmat") else (x[:1] @ a)[..., 0, :]
    d = np.vecdot(x, x**2, axis=0) * np.einsum(x, [0, 1], x, [0, 2], [1])
    return np.sum(b**2) + np.sum(c**3) + np.sum(d) + np.sum(np.einsum(a, [..., 0, 1], x, [1, 0]) ** 2)


@program(M, W[:4], 0.4)
def weights_and_starts(x, w, t):
    a = np.cov(x, aweights=w**2) + np.cov(x, fweights=np.array([1, 2, 1, 3])) * np.cov(x, ddof=0, aweights=w + 2.0)
    b = np.add.reduce(x, axis=1, initial=t, where=x > 0.0) * np.maximum.reduce(x, axis=1, initial=t)
    c, step = np.linspace(t, x[0], 4, axis=1, retstep=True)
    return np.sum(a**2) + np.sum(b) + np.sum(c**2) + np.sum(step**3) + np.sum(np.gradient(x, axis=(1,)) ** 2)


@program(S)
def triangles_by_places_in_a_loop(x):
    """The places are computed in each trip, also where second derivatives run the loop more than once."""
    a = x * 1.0
    for k in range(2):
        a[np.triu_indices(3, k)] *= x[k, k]
    return np.sum(a**2)
