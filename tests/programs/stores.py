"""Stores into arrays: overwritten values, swaps, duplicates, broadcasts, kills."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
W = np.array([0.3, 0.8, -0.5, 1.2, 0.7])
M = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4], [1.1, 0.6, 0.9]])


@program(V)
def scan(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i] + np.sin(a[i - 1])
    return a[-1]


@program(V)
def scan_product(x):
    a = x.copy()
    for i in range(1, len(a)):
        a[i] = a[i - 1] * x[i]
    return np.sum(a)


@program(V)
def cell_used_by_its_own_store(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i] * a[i - 1] * a[i]
    return a[len(x) - 1] + a[0] * a[1]


@program(V)
def same_cell_again(x):
    y = x.copy()
    y[0] = y[0] * y[0]
    y[0] = y[0] * y[0] * y[1]
    y[0] = y[0] * y[0]
    return y[0] + np.sum(y * y)


@program(V, 3)
@program(V, 0)
def overlapping_slices(x, n):
    y = x.copy()
    for _ in range(n):
        y[1:] = y[:-1] * y[1:]
    return np.sum(np.sin(y))


@program(V, 3)
@program(V, 4)
@program(V, 0)
def stencil_with_swapped_buffers(x, n):
    u = x.copy()
    v = x.copy()
    for _ in range(n):
        v[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        u, v = v, u
    return np.sum(u * u)


@program(V, 3)
@program(V, 4)
def nonlinear_stencil_with_swapped_buffers(x, n):
    u = x.copy()
    v = x.copy()
    for _ in range(n):
        v[1:-1] = u[1:-1] - 0.1 * u[1:-1] * (u[2:] - u[:-2])
        u, v = v, u
    return np.sum(u * u)


@program(V)
def constant_store_kills(x):
    y = x * x
    y[1] = 3.0
    return np.sum(y * x)


@program(V)
def constant_store_in_a_loop(x):
    y = x.copy()
    for i in range(len(y)):
        y[i] = y[i] * y[i]
        if i == 2:
            y[i] = 3.0
    return np.sum(y * x)


@program(V)
def slice_filled_with_a_constant(x):
    y = np.exp(x)
    y[1:3] = 0.5
    return np.sum(y * y * x)


@program(V)
def integer_stored_into_floats(x):
    y = x * 2.0
    y[0] = 1
    y[-1] = len(x)
    return np.prod(y)


@program(V)
def augmented_stores(x):
    y = x.copy()
    y[0] += x[1] * x[2]
    y[1] -= y[0]
    y[2] *= y[1] * x[0]
    y[3] /= 1.0 + y[2] * y[2]
    y[4] **= 2
    return np.sum(y * y)


@program(V)
def augmented_slices(x):
    y = x.copy()
    y[1:] += y[:-1]
    y[:3] *= x[2:]
    y[::2] -= 0.5 * y[0]
    return np.sum(np.sin(y))


@program(V)
def augmented_whole_array(x):
    y = np.zeros_like(x)
    for i in range(3):
        y += x * (i + 1)
        y *= np.cos(x)
    return np.sum(y)


@program(V)
def augmented_rebinds_scalars(x):
    s = x[0]
    t = s
    s += x[1]
    s *= t
    return s * t


@program(V)
def reversed_slice_store(x):
    y = np.zeros(5)
    y[::-1] = x * x
    return np.sum(y * np.arange(5.0))


@program(V)
def reverse_in_place(x):
    y = x * 1.0
    y[:] = y[::-1] * y
    return y[0] + 2.0 * y[1] + 3.0 * y[2] ** 2


@program(V)
def negative_step_slices(x):
    y = x.copy()
    y[4:1:-1] = x[:3] * x[1:4]
    return np.sum(y**3)


@program(V)
def negative_indices(x):
    y = np.zeros(5)
    y[-1] = x[-5] * x[-2]
    y[-3] = y[-1] * x[-1]
    return np.sum(y * x)


@program(V)
def duplicate_index_store_last_wins(x):
    y = np.zeros(3)
    y[[0, 0, 1]] = x[:3] * x[:3]
    return np.sum(y * np.array([2.0, 3.0, 4.0]))


@program(V)
def duplicate_index_read_accumulates(x):
    y = x[np.array([0, 0, 1, 4, 0])]
    return np.sum(y * y * np.arange(1.0, 6.0))


@program(V)
def gather_with_list(x):
    return np.sum(x[[3, 1, 1]] ** 3)


@program(V)
def augmented_store_at_integer_array(x):
    y = np.zeros(4)
    y[[0, 2]] += x[:2] * x[1:3]
    y[[2, 3]] *= x[3:]
    return np.sum(y * y)


@program(V)
def augmented_store_at_duplicates(x):
    y = x[:3].copy()
    y[[0, 0, 1]] += x[2:] * x[2:]
    return np.sum(y * y)


@program(V)
def mask_store_of_constant(x):
    y = x * x
    y[x < 0.5] = 0.0
    return np.sum(y * x)


@program(V)
def mask_store_of_values(x):
    y = x.copy()
    mask = x > 0.6
    y[mask] = np.log(x[mask]) * 2.0
    return np.sum(y * y)


@program(V)
def mask_augmented(x):
    y = x.copy()
    y[y < 0.0] *= -3.0
    return np.sum(y**2)


@program(V)
def mask_read(x):
    positive = x[x > 0.0]
    return np.sum(np.log(positive) * positive)


@program(M)
def mask_on_matrix(x):
    y = np.exp(x)
    y[x > 0.55] = 1.0
    return np.sum(y * x)


@program(M, V)
def broadcast_store_into_rows(m, x):
    y = m * 2.0
    y[:] = x[:3]
    y[1] = m[0] * x[1]
    return np.sum(y * y * m)


@program(M)
def broadcast_scalar_store(m):
    y = m.copy()
    y[:, 1] = m[0, 0] * m[0, 0]
    return np.sum(np.sin(y))


@program(M)
def column_and_row_stores(m):
    y = np.zeros((3, 3))
    for i in range(3):
        y[i, :] = m[:, i] * m[i, i]
        y[:, i] += m[i]
    return np.sum(y * y)


@program(M)
def row_swap(m):
    y = m.copy()
    y[[0, 2]] = y[[2, 0]]
    return np.sum(y[0] * y[1] * m[2])


@program(M)
def gaussian_elimination(m):
    a = m + 3.0 * np.eye(3)
    det = 1.0
    for k in range(3):
        det = det * a[k, k]
        for i in range(k + 1, 3):
            f = a[i, k] / a[k, k]
            a[i, k:] -= f * a[k, k:]
    return det


@program(M, V)
def forward_substitution(m, x):
    y = np.zeros(3)
    for i in range(3):
        s = x[i]
        for j in range(i):
            s -= m[i, j] * y[j]
        y[i] = s / (1.0 + m[i, i] * m[i, i])
    return np.sum(y * y)


@program(M)
def cholesky_by_hand(m):
    a = m @ m.T + 2.0 * np.eye(3)
    f = np.zeros((3, 3))
    for i in range(3):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= f[i, k] * f[j, k]
            if i == j:
                f[i, j] = np.sqrt(s)
            else:
                f[i, j] = s / f[j, j]
    return f[2, 0] + f[2, 1] * f[2, 2] + f[0, 0]


@program(M, M + 1.0)
def matrix_product_by_loops(a, b):
    c = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            for k in range(3):
                c[i, j] += a[i, k] * b[k, j]
    return np.sum(c * c)


@program(M)
def tuple_index_store(m):
    y = m.copy()
    y[0, -1] = y[1, 1] * y[2, 0]
    y[1][2] = y[0, 2] * 2.0
    return np.sum(y * y)


@program(M)
def mixed_integer_array_and_slice(m):
    y = m.copy()
    y[[0, 2], 1:] = m[1:, :2] * m[0, 0]
    return np.sum(y**3)


@program(M)
def pairs_of_integer_arrays(m):
    rows = np.array([0, 1, 1])
    cols = np.array([2, 0, 0])
    return np.sum(m[rows, cols] ** 3 * np.array([1.0, 2.0, 3.0]))


@program(M)
def ellipsis_and_newaxis(m):
    y = m[..., 0][:, None] * m[0]
    z = m[None, 1:, ...]
    return np.sum(y * y) + np.sum(z**3)


@program(V, 3)
def repeated_sweeps(x, n):
    y = x.copy()
    for _ in range(n):
        for i in range(1, len(x)):
            y[i] = y[i - 1] * y[i] + 0.1 * y[i]
    return np.sum(y)


@program(V * 0.3, 3)
def buffer_made_in_each_trip(x, n):
    s = 0.0
    for _ in range(n):
        t = x * s
        t[0] = t[1] * x[1] + 1.0
        s = s + np.sum(t * t)
    return s


@program(V, 5)
def store_under_a_condition(x, n):
    y = x.copy()
    for i in range(1, n):
        if y[i] > 0.5:
            y[i] = y[i] * y[i - 1] * y[i]
        else:
            y[i - 1] = y[i] * y[i - 1] * y[i]
    return np.sum(y * y)


@program(V)
def store_then_break(x):
    y = x.copy()
    for i in range(1, len(x)):
        y[i] = y[i] * y[i - 1]
        if y[i] < -0.9:
            break
        y[i - 1] = y[i] * y[i]
    return np.sum(y * y * y)


@program(V)
def store_in_while(x):
    y = x.copy()
    i = 0
    while i < 4 and y[i] < 3.0:
        y[i + 1] = y[i + 1] * y[i] + y[i]
        i += 1
    return y[i] * y[0]


@program(V, 3)
def product_rebound_each_trip(x, n):
    p = x.copy()
    c = x * 0.5
    for _ in range(n):
        q = p * c
        p, c = c, q
    return np.sum(p * c)


@program(V)
def read_before_and_after_a_store(x):
    y = x * x
    before = y[2]
    y[2] = x[0] * 5.0
    return before * y[2]


@program(V)
def sum_kept_before_stores(x):
    a = x * 2.0
    b = x * 3.0
    y = a + b
    a[0] = 5.0 * a[1]
    b[1] = a[0] * b[0]
    return np.sum(y) + a[0] * b[1] + a[1]


@program(V * 0.3, 3)
def stores_into_two_arrays(x, n):
    u = x * 2.0
    v = x * 3.0
    for _ in range(n):
        w = u + v
        u[0] = w[1] * v[2]
        v[1:] = w[1:] * u[:-1]
    return np.sum(u * v)


@program(V, 3)
def index_computed_in_the_loop(x, n):
    y = x.copy()
    for i in range(n):
        j = (2 * i + 1) % 5
        y[j] = y[j] * y[i] + x[i]
    return np.sum(y * y)


@program(V, np.array([2, 0, 2, 4]))
def indirect_stores(x, where):
    y = x.copy()
    for k in where:
        y[k] = y[k] * y[k] + x[0]
    return np.sum(y)


@program(V, np.array([0, 1, 0, 2, 1]))
def bins(x, labels):
    total = np.zeros(3)
    count = np.zeros(3)
    for i in range(len(x)):
        total[labels[i]] += x[i] ** 2
        count[labels[i]] += 1
    return np.sum((total / count) ** 2)


@program(V)
def swap_of_cells(x):
    y = x.copy()
    y[0], y[1] = y[1], y[0] * y[2]
    y[3], y[3 - 1] = y[2] * y[0], y[4]
    return y[0] * 2.0 + y[1] * y[3] + y[2] ** 2


@program(V)
def insertion_sort(x):
    y = x.copy()
    for i in range(1, len(y)):
        j = i
        while j > 0 and y[j - 1] > y[j]:
            y[j - 1], y[j] = y[j], y[j - 1]
            j -= 1
    return np.sum(y * y * np.arange(1.0, 6.0))


@program(V)
def empty_then_filled(x):
    y = np.empty(len(x))
    for i in range(len(x)):
        y[i] = x[i] ** 2
    return np.sum(y * x)


@program(V)
def empty_like_then_filled(x):
    y = np.empty_like(x)
    y[:2] = x[:2] * x[3]
    y[2:] = 1.0
    return np.sum(y * y)


@program(V, W)
def store_of_another_argument(x, w):
    y = x * 1.0
    y[2] = w[1] * y[2]
    w2 = w.copy()
    w2[0] = y[2]
    return np.sum(y * w2)


@program(np.float32(1.3) * V.astype(np.float32))
def store_in_single_precision(x):
    y = x.copy()
    for i in range(1, 5):
        y[i] = y[i - 1] * x[i] + np.float32(0.5)
    return y.sum()


@program(V.astype(np.float32), W)
def double_stored_into_single(x, w):
    y = x.copy()
    y[1] = w[0] * w[0]
    y[2:] *= w[2:]
    return np.sum(y * y)


@program(V, 0.5)
def whole_slice_assignment(x, c):
    y = np.ones(5)
    y[:] = c
    y[...] = y * x
    return np.sum(y * y)


@program(V)
def jacobi_iteration(b):
    x = np.zeros(5)
    for _ in range(3):
        new = np.zeros(5)
        for i in range(5):
            s = b[i]
            if i > 0:
                s = s - 0.3 * x[i - 1]
            if i < 4:
                s = s - 0.3 * x[i + 1] * x[i + 1]
            new[i] = s
        x = new
    return np.sum(x * x)


@program(V)
def dynamic_programming(x):
    table = np.zeros((3, 5))
    table[0] = x
    for t in range(1, 3):
        for i in range(5):
            best = table[t - 1, i]
            if i > 0 and table[t - 1, i - 1] > best:
                best = table[t - 1, i - 1] * 0.9
            table[t, i] = best * x[i] + x[i] ** 2
    return np.sum(table[2])


@program(V, True)
@program(V, False)
def swapped_on_a_condition(x, flip):
    a, b = x.copy(), np.sin(x)
    if (x[0] > 0) == flip:
        a, b = b, a
    b[4] = a[1] * a[2]
    return np.sum(a * b * a)


@program(V)
def views_that_are_not_read_after_the_next_store(x):
    a, s = x.copy(), 0.0
    for i in range(4):
        a[0] = s + a[2]
        w = a[:-1]
        kept = [w.copy()]
        a[1:] = w * x[1:]
        s = s + a[3] * kept.pop()[0]
    return s + np.sum(a)


@program(M)
def sums_in_place(m):
    total = np.zeros(3)
    for i in range(3):
        for j in range(3):
            total[i] += m[i, j] * m[j, i]
        total[1:] += m[i, :2] * total[:2]
        total[[0, 0, 2]] += m[i]
        total[m[i] > 0.2] += m[0, 0] * total[1]
        total[::2] = 0.5 * total[::2]
    return np.sum(total**2)


@program(V)
def parts_read_beside_and_across_one_another(x):
    return x[0] * x[1] * np.sum(x[:3] * x[2:]) * np.prod(x[1:3]) * x[-5] + np.sum(x[:2] * x[3:]) + x[3] * x[-2]


@program(np.linspace(-1.0, 1.2, 20).reshape(4, 5), M[:2, :2])
def convolution_by_its_kernel(x, w):
    h, m = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    y = np.zeros((h, m))
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            y += w[i, j] * x[i : i + h, j : j + m]
    return np.sum(np.sin(y) * y)


@program(M)
def rows_and_parts_that_spread_in_place(m):
    y = m[0].copy()
    for i in range(3):
        y += m[i, i : i + 1]
        y *= m[:, 2 - i]
        y[i:] -= np.cos(y[: 3 - i])
    return np.sum(y * y)


@program(V, np.array([2, 0, 1]), np.array([True, False, True, True, False]))
def parts_of_a_grid(x, order, mask):
    m = np.outer(x, x * x)
    m[np.ix_(order[:2], mask)] *= 0.5
    m[np.ix_([0, 0], [1, 1])] += x[0]
    x[[]] = 3.0
    return np.sum(m * m) + np.sum(m[np.ix_(mask, order)] * x[:3]) + np.sum(m[[]])


@program(np.array([0.7, -1.1, 0.4]), np.array([[0.3, 1.2], [0.9, -0.5]]))
def diagonal_matrices_changed(x, rows):
    a = np.diag(x)
    a[1, 0] = x[2] ** 2
    total = np.sum(a @ a @ a)
    for row in rows:
        b = np.diag(row)
        b[0, 1] += row[0] * row[1]
        total += np.sum(b @ b)
    return total
