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


@program(V, 0.3, -0.4)
def interpolation_outside(x, low, high):
    at, points = np.array([-1.0, 0.4, 1.7, 2.5, 4.0]), np.array([0.0, 1.0, 2.1, 3.0])
    a = np.interp(at, points, x**2, left=low) * np.interp(at * x[0], points, x, right=high, left=low)
    return np.sum(a**2) + np.interp(5.0, points, x, None, high) ** 3


@program(V, 0.3)
def interpolation_of_periods(x, start):
    points, at = np.array([0.1, 1.0, 1.7, 2.3]) + start, np.array([-1.0, 0.45, 1.4, 5.0])
    return np.sum(np.interp(at, points, x, period=2.5) * K) + np.interp(start, points, x**2, period=2.5)


@program(V, M)
def sums_of_segments(x, a):
    b = np.sum(np.add.reduceat(x, [0, 2, 1, 3]) ** 2 * K)
    return b + np.sum(np.add.reduceat(a, np.array([0, 2]), axis=1) ** 3)


@program(V, np.array([0.2, 0.5, 1.0]))
def products_of_polynomials(p, q):
    led = np.concatenate([np.zeros(2), q])
    return np.sum(np.polymul(p, led) ** 2) + np.sum(np.polymul(q, 2.0 * p[:2]) ** 3) + np.polymul([0.0, 3.0], p)[1]


@program(M, np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4))
def vectors_along_an_axis(a, b):
    def normed(v, power):
        return v / np.sum(np.abs(v) ** power)

    c = np.apply_along_axis(normed, 0, a, 3) ** 2 + np.apply_along_axis(np.sum, 1, a)[:, np.newaxis]
    d = np.apply_along_axis(lambda v: np.outer(v, v[:2]), -2, b)
    return np.sum(c * M) + np.sum(d[:, 1] ** 2) + np.sum(np.apply_along_axis(np.prod, -1, b) * a[:2, :3])


@program(np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4))
def quantiles_along_several_axes(x):
    a = np.sum(np.median(x, axis=(0, 2)) ** 2) + np.sum(np.median(x, (0, -1), keepdims=True) * x)
    b = np.quantile(x, [0.2, 0.7], axis=(1, 2), keepdims=True)
    return a + np.sum(b**3) + np.sum(np.percentile(x, 30.0, (0, 1)) * K)


@program(V, M)
def extrema_beside_missing_entries(x, a):
    b = np.where(a > 0.85, np.nan, a)
    c = np.nanmax(b, axis=0) ** 2 + np.nanmin(b, 0) * x
    return np.sum(c) + np.fmax.reduce(b, axis=None) * np.fmin.reduce(x) + np.isnan(np.fmax.reduce(a[0] * np.nan))


@program(V, M)
def centred_correlations(x, a):
    b = np.sum(np.correlate(x, a[0, :3], "same") * K) + np.sum(np.correlate(x, np.ravel(a), "same")[:4] * K)
    return b + np.sum(np.correlate(a[1, :3], x, "same") ** 2 * K) + np.correlate(x[:2], x * a[2], "same")[1]


@program(V, M)
def ordered_products(x, a):
    b = np.einsum("ij,jk,k->i", a, np.outer(x, x), x, optimize="greedy")
    c = np.einsum("ij,kj,kl->il", a, a, a, optimize=["einsum_path", (1, 2), (0, 1)])
    return np.sum(b**2) + np.sum(c * M) + np.einsum("ij,ij->", a, a, optimize=True)


@program(V)
def places_of_numbers(x):
    a = np.zeros(4)
    np.place(a, 1 - (x > 1.0), x[:2] ** 2)
    np.place(a, x > 9.0, x[:0])
    return np.sum(a * K) + np.sum(np.hypot.outer(x, x[:2]) ** 3)


@program(M[:, :3], np.cos(np.arange(18.0)).reshape(2, 3, 3))
def cross_products_along_axes(a, b):
    c = np.cross(a, b[0].T, axisa=0, axisb=1, axisc=0) ** 2 + np.linalg.cross(a, b[1], axis=0)
    return np.sum(c * M[:, 1:]) + np.sum(np.cross(b, a, axis=1)[1] ** 2) + np.sum(np.cross(b, a[0], 1, 0, 2)[0] * a)


@program(np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4), 0, 2, [1, 3], (1, 2), [0, 1, 2])
def axes_and_places_as_arguments(x, first, last, cuts, axes, letters):
    a = np.rollaxis(x, last, first) ** 2
    parts = np.split(a, cuts, axis=first) + np.array_split(x, last, axis=last)
    slopes = np.gradient(x, axis=axes)
    return np.sum(parts[1] ** 3) + parts[3][0, 1, 0] * np.sum(slopes[0] * slopes[1]) + np.einsum(x, letters, [])


@program(np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4), V, 1)
def rows_of_an_array_joined(x, v, axis):
    a = np.concatenate(x, axis=axis)
    b = np.concatenate(x) @ V + np.vstack(x) @ v + np.hstack(x).sum() * 0.1
    c = np.stack(x, axis=axis) ** 2
    d = np.vstack(v) @ np.column_stack(v) + np.column_stack(x[0])[:, :1] + np.hstack(x[1])[2]
    return np.sum(a**3) + np.sum(b**2) + np.sum(c * x[0, 1, 0]) + np.sum(d**2 * K) + np.sum(np.dstack(x)[0] ** 3)


@program(0.7, np.float64(1.3))
def reductions_of_one_number(x, y):
    a = np.prod(x) * np.prod(y) + np.copy(x) ** 2 + np.copy([x, y])[1] ** 3
    return a + np.max(x) * np.mean(y) + np.cumprod(x)[0] + np.nanprod(y) + np.std(x)
