"""Arguments of NumPy's functions that are given less often, and functions that few programs call."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9])
K = np.arange(4.0) + 1.0
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])


@program(V, M)
def named_options(x, a):
    b = np.mean(x**2, dtype=np.float64) + np.var(a, dtype=float, ddof=1) + np.std(x, correction=1) ** 2
    return b + np.sum(np.var(a, axis=0, correction=2) * K) + a.mean(0, dtype=float)[1] ** 2


@program(V, 0.3)
def bounds_by_name(x, low):
    a = np.clip(x, min=low, max=1.2) ** 2
    return np.sum(a * K) + np.sum(np.clip(x, max=1.0) ** 3) + np.sum(x.clip(min=0.0) ** 2)


@program(V, 0.3)
def least_ranks(x, y):
    a = np.array(x, ndmin=3) ** 2
    return np.sum(np.array([y, x[1]], ndmin=2) @ a[0, :, :2].T) + np.sum(np.array(M * y, ndmin=1) ** 2)


@program(V)
def neighbours(x):
    return np.sum(np.nextafter(x, 5.0) ** 2) + np.nextafter(x[0], -np.inf) ** 3
