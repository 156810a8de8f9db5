"""NumPy functions one by one: order, selection, padding, statistics, decompositions, products, polynomials."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9])
W = np.array([0.3, 0.8, -0.5, 1.2])
K = np.arange(4.0) + 1.0
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])
A = np.array([[0.3, -0.4, 0.8], [0.9, 0.2, -0.5]])
T = np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4)
S = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.8]])
Q = S + np.array([[0.0, 0.5, 0.0], [0.0, 0.0, 0.1], [0.2, 0.0, 0.0]])
GAPS = np.array([1.0, np.nan, 2.0, -0.5])


@program(M)
def order(x):
    a = np.sum(np.sort(x, axis=0) * M) + np.sum(np.sort(x) * M) + np.sum(np.sort(x, axis=None)[:4] * K)
    return a + np.sum(np.sort(np.partition(x[0], 2)[:2]) * K[:2]) + np.sum(np.take_along_axis(x, np.argsort(x), 1) * M)


@program(M)
def ranks(x):
    a = np.median(x[0]) ** 2 + np.sum(np.median(x, axis=0) * K) + np.sum(np.median(x, axis=1, keepdims=True) ** 2)
    b = np.percentile(x, 30) + np.quantile(x[0], 0.6) ** 2 + np.sum(np.percentile(x, 40, axis=0) * K)
    return a + b + np.sum(np.quantile(x, [0.1, 0.5]) * np.array([1.0, 2.0]))


@program(V)
def running(x):
    return np.sum(np.maximum.accumulate(x) * K) + np.sum(np.minimum.accumulate(x[::-1]) * K)


@program(M)
def selected_entries(x):
    a = np.sum(np.take(x, [0, 2], axis=1) ** 2) + np.sum(np.take(x, [0, 5]) ** 2) + np.sum(x[0].take([1, 3]) ** 2)
    b = np.sum(np.compress([True, False, True], x, axis=0) ** 2) + np.sum(np.extract(x > 0, x) ** 2)
    return a + b + np.sum(np.repeat(x, np.array([1, 2, 1]), axis=0)[1] * K) + np.sum(np.repeat(x[0], [1, 2, 0, 3]) ** 3)


@program(V, W)
def choices(x, y):
    a = np.choose(np.array([0, 1, 1, 0]), [x, y]) * K
    return np.sum(a) + np.sum(np.select([x > 1.0, x > 0.0], [x**2, y * x], default=0.5) * K)


@program(V)
def inserted_and_deleted(x):
    a = np.insert(x, 1, x[0] * 2.0) * np.arange(5.0)
    return np.sum(a) + np.sum(np.delete(x, 1) * K[:3]) + np.sum(np.delete(x, [0, 2]) ** 2)


@program(V)
def entries_in_order(x):
    return np.sum(np.unique(x) * K) + np.sum(np.resize(x, (2, 3))[1] ** 2)


@program(M)
def turned(x):
    a = np.sum(np.rot90(x) * np.arange(12.0).reshape(4, 3)) + np.sum(np.rot90(x, 2) * M)
    return a + np.sum(np.rot90(x, k=-1) ** 2 * np.arange(12.0).reshape(4, 3))


@program(T)
def axes_and_parts(x):
    a, b = np.dsplit(x, 2)
    c, d, e = np.array_split(x[0, 0], 3)
    f = np.rollaxis(x, 2) * np.arange(24.0).reshape(4, 2, 3)
    return np.sum(a * b) + np.sum(c**2) + d[0] * e[0] + np.sum(f) + np.sum(np.dstack([x[0], x[1]]) ** 3)


@program(V, W[:3], A)
def grids(x, y, a):
    p, q = np.meshgrid(x, y)
    r, s = np.meshgrid(x, y, indexing="ij")
    t, u = np.broadcast_arrays(y, a)
    blocks = np.block([[a, 2.0 * a], [a * a, a]])
    return np.sum(p * q**2) + np.sum(r * s * s) + np.sum(t * u * u) + np.sum(blocks**3) + np.sum(np.diagflat(x) ** 2)


@program(M)
def padded(x):
    a = np.pad(x, ((1, 0), (0, 2))) ** 2 * np.arange(24.0).reshape(4, 6)
    b = np.pad(x[0], 2, mode="edge") * np.arange(8.0)
    c = np.pad(x[0], (2, 1), mode="reflect") * np.arange(7.0)
    d = np.pad(x, 1, mode="wrap") ** 2 * np.arange(30.0).reshape(5, 6)
    return np.sum(a) + np.sum(b) + np.sum(c) + np.sum(d) + np.sum(np.pad(x[1], 2, mode="symmetric") ** 3)


@program(M)
def slopes(x):
    a, b = np.gradient(x)
    c = np.gradient(x[0], 0.5) + np.gradient(x[1], np.array([0.0, 1.0, 2.5, 3.0]))
    d = np.gradient(x[2], edge_order=2) * K
    return (
        np.sum(a * b) + np.sum(c**2) + np.sum(d) + np.sum(np.ediff1d(x) ** 3) + np.sum(np.diff(x[0], prepend=0.5) ** 2)
    )


@program(M)
def integrals(x):
    a = np.trapezoid(x[0]) + np.trapezoid(x[1], np.array([0.0, 1.0, 2.5, 3.0]))
    return a + np.sum(np.trapezoid(x, dx=0.5, axis=0) * K) + np.sum(np.cumulative_sum(x[0]) ** 2)


@program(np.array([0.2, 1.7, 2.4]), np.array([0.0, 1.0, 2.1, 3.0]), V)
def interpolated(t, xp, f):
    return np.sum(np.interp(t, xp, f) ** 2 * np.array([1.0, 2.0, 3.0])) + np.interp(t[0] * 2.0, xp, f)


@program(V, W[:3])
@program(W[:2], V)
def convolutions(x, w):
    a = (
        np.sum(np.convolve(x, w) ** 2)
        + np.sum(np.convolve(x, w, "same") ** 3)
        + np.sum(np.convolve(x, w, "valid") ** 2)
    )
    return a + np.sum(np.correlate(x, w, "full") ** 3) + np.sum(np.correlate(x, w) ** 2)


@program(GAPS)
def without_nan(x):
    a = np.nansum(x) ** 2 + np.nanmean(x) * 2.0 + np.nanmax(x) * np.nanmin(x) + np.nanvar(x) + np.nanstd(x)
    return a + np.nanprod(x) + np.sum(np.nancumsum(x) ** 2) + np.nanmedian(x)


@program(M, W)
def averages(x, w):
    a = np.average(x) ** 2 + np.average(x[0], weights=w**2) + np.sum(np.average(x, axis=1, weights=w) ** 2)
    return a + np.sum(np.cov(x) * S) + np.cov(x[0], w)[0, 1] + np.sum(np.corrcoef(x) * S)


@program(Q)
def triangular_factors(x):
    q, r = np.linalg.qr(x)
    lower = np.linalg.cholesky(x @ x.T)
    weights = np.arange(9.0).reshape(3, 3)
    return np.sum(r**2 * weights) + np.sum(q * S) + np.sum(lower * weights)


@program(S)
def spectrum(x):
    w, v = np.linalg.eigh((x + x.T) / 2.0)
    return np.sum(w * K[:3]) + np.sum(v[:, 0] ** 2 * K[:3]) + np.sum(np.linalg.eigvalsh(x @ x.T) ** 2)


@program(S)
def lower_triangles_alone(x):
    return np.sum(np.linalg.cholesky(x) ** 2 * Q) + np.sum(np.linalg.eigvalsh(x) ** 3)


@program(A)
def singular_vectors(x):
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    a = np.sum(s * K[:2]) + np.sum((u * s**2 @ vt) ** 2 * A) + np.sum(u[:, 0] ** 2 * K[:2])
    return a + np.sum(np.linalg.svd(x, compute_uv=False) ** 2) + np.sum(np.linalg.pinv(x) * A.T) + np.sum(vt[0] ** 4)


@program(Q)
def norms_and_powers(x):
    a = np.linalg.norm(x, "nuc") + np.linalg.norm(x, 2) + np.linalg.norm(x, 1) + np.linalg.norm(x, -np.inf)
    b = np.linalg.cond(x) + np.linalg.cond(x, 1) + np.linalg.vector_norm(x) + np.linalg.norm(x, -2)
    c = np.linalg.matrix_power(x, 5) + np.linalg.matrix_power(x, -2) + np.linalg.matrix_power(x, 3)
    return a + b + np.sum(c * S)


@program(M.T, V, alone=False)  # LAPACK's last bits depend on where arrays lie in memory
def least_squares(a, b):
    return np.sum(np.linalg.lstsq(a, b, rcond=None)[0] * K[:3])


@program(A, M, V)
def chains_of_products(a, b, c):
    d = np.linalg.multi_dot([a, b, c]) ** 2
    return np.sum(d) + np.vecdot(c, c) ** 2 + np.sum(np.vecdot(b, c) ** 2) + np.sum(np.cross(a, a[::-1]) * A)


@program(V, 0.7)
def polynomials(c, x):
    a = np.polyval(c, x) + np.sum(np.polyval(c, np.array([0.2, 0.4])))
    return a + np.sum(np.polyder(c) ** 2) + np.sum(np.polyint(c) ** 3) + np.sum(np.vander(c, 3) * M.T)


@program(0.5, 2.0)
def logarithmic_grids(a, b):
    return np.sum(np.logspace(a, b, 4) * K) + np.sum(np.geomspace(a, b, 4) * K)


@program(V)
def pairs_and_counts(x):
    f, whole = np.modf(x)
    q, rest = np.divmod(x, 0.4)
    counts = np.bincount(np.array([0, 2, 1, 2]), weights=x)
    return np.sum(f**2 + whole) + np.sum(q + rest**2) + np.sum(counts**2) + np.sum(np.unwrap(3.0 * x) * K)


@program(V)
def methods_of_ufuncs(x):
    a = np.add.reduce(x) ** 2 + np.multiply.reduce(x) + np.maximum.reduce(x) + np.sum(np.add.accumulate(x) ** 2)
    return a + np.sum(np.add.outer(x, x) ** 3) + np.sum(np.multiply.outer(x, x) * np.subtract.outer(x, x) ** 2)


@program(V)
def in_place_and_piecewise(x):
    y = x.copy()
    y.sort()
    a = np.piecewise(x, [x < 0, x >= 1.0], [lambda t: t**2, lambda t: t**3, 0.5])
    return np.sum(y * K) + np.sum(a * K) + sum(v**2 for v in x.tolist()) + np.sum(np.polyfit(K, x, 1) ** 2)


@program(M)
def some_entries(x):
    a = np.sum(x, where=x > 0) + np.mean(x, where=x < 1.0) ** 2 + np.max(x, initial=0.5)
    return a + np.sum(np.sum(x, axis=0, where=x > 0) ** 2) + np.logaddexp.reduce(x[0])


@program(V, M, 0.7)
def windows_and_ends(x, a, start):
    view = np.lib.stride_tricks.sliding_window_view
    b = np.sum(view(x, 2) ** 3 * W[:2]) + np.sum(view(a, (2, 3)) ** 2 * W[:3]) + np.sum(view(a, 2, axis=1)[:, 1] ** 2)
    return b + np.sum(np.ediff1d(x, to_begin=start, to_end=x[:2]) ** 3)


@program(V, 3)
def coordinates_of_grids(x, n):
    rows, columns = np.mgrid[0:n, x[0] : x[2] : 4j]
    line = np.mgrid[0.5:2.0:0.25]
    a, b = np.ogrid[:n, -1.0:1.0:0.5]
    return np.sum(np.sin(rows * columns * x[1])) + np.sum(line**2) * x[0] + np.sum(np.exp(a * b * x[1]))


@program(M, 3)
def repeated_at_run_time(x, n):
    total = np.sum(np.repeat(x, n)[:20] ** 2)
    for k in range(1, n + 1):
        total += np.sum(np.repeat(x, k, axis=0)[: k + 1] ** 3) + np.sum(x[0].repeat(k)[-3:] * x[1, 1])
    return total
