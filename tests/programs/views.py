"""Views and aliases: two names for one buffer, and what a store through either does to the other."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
M = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])


@program(V)
def view_read_only(x):
    a, b = x[:3], x[2:]
    return np.sum(a * b * a)


@program(V)
def view_of_view(x):
    a = x[1:][::-1][:3]
    return np.sum(a * np.array([1.0, 2.0, 3.0]) * a)


@program(V)
def negative_step_view(x):
    return np.sum(x[::-2] * np.arange(1.0, 4.0) * x[3:0:-1])


@program(V, refusable=True)
def alias_by_assignment(x):
    y = x * 2.0
    z = y
    z[0] = x[1] * x[2]
    return np.sum(y * y) + z[0]


@program(V, refusable=True)
def alias_read_through_both(x):
    y = x * x
    z = y
    y[1] = 4.0 * x[0]
    z[2] = y[1] * z[2]
    return np.sum(z * y)


@program(V, refusable=True)
def store_through_a_view(x):
    z = x * 2.0
    v = z[0:2]
    v[0] = x[2] * x[2]
    v *= 3.0
    return np.sum(z * z)


@program(V, refusable=True)
def store_through_a_view_in_a_loop(x):
    z = x * 2.0
    v = z[1:4]
    for i in range(3):
        v[i] = v[i] * z[0] * v[i]
    return np.sum(z)


@program(V, refusable=True)
def view_read_after_its_base_changed(x):
    z = x * 1.0
    v = z[1:3]
    z[1] = x[0] * x[4]
    return np.sum(v * v)


@program(V, refusable=True)
def view_of_view_written(x):
    z = x * 1.0
    v = z[1:]
    w = v[::2]
    w[0] = x[0] ** 3
    w += v[1]
    return np.sum(z * z)


@program(M, refusable=True)
def transpose_written(m):
    y = m * 1.0
    t = y.T
    t[0, 1] = m[0, 0] * m[1, 2]
    t[2] *= 2.0
    return np.sum(y**3)


@program(M, refusable=True)
def row_view_written(m):
    y = m.copy()
    row = y[1]
    row[:] = m[0] * m[0]
    row[2] += m[1, 1]
    return np.sum(y * y)


@program(M, refusable=True)
def rows_from_iteration_written(m):
    y = m.copy()
    for row in y:
        row[0] = row[1] * row[2]
    return np.sum(y * y)


@program(M)
def transpose_read(m):
    return np.sum((m.T @ m) ** 2) + m.T[0, 1]


@program(M)
def reshape_and_ravel_read(m):
    a = m.reshape(3, 2)
    b = m.ravel()
    c = m.reshape(-1)
    return np.sum(a[0] * a[2]) + b[0] * c[5] + np.sum(m.flatten() ** 3)


@program(V)
def alias_of_an_argument_then_copy(x):
    y = x
    z = y.copy()
    z[0] = y[1] * y[0]
    return np.sum(z * y)


@program(V)
def helper_view_read(x):
    def middle(a):
        return a[1:-1]

    return np.sum(middle(x) ** 2 * x[0])


@program(V)
def copy_breaks_the_alias(x):
    y = x * 2.0
    z = y.copy()
    z[0] = x[0] ** 2
    y[1] = z[0] * z[1]
    return np.sum(y) + np.sum(z * z)


@program(V, refusable=True)
def scalar_read_is_no_view(x):
    y = x * 2.0
    s = y[0]
    y[0] = x[1]
    return s * y[0]


@program(V, refusable=True)
def augmented_array_changes_aliases(x):
    y = x * 1.0
    z = y
    y += x[0]
    return np.sum(y * z)


@program(V)
def rebinding_leaves_aliases(x):
    y = x * 1.0
    z = y
    y = y + x[0]
    return np.sum(y * z)


@program(V, 2, refusable=True)
@program(V, 3, refusable=True)
def views_of_swapped_buffers(x, n):
    u = x.copy()
    v = np.zeros(5)
    for _ in range(n):
        inner = u[1:-1]
        v[1:-1] = inner * inner + u[:-2]
        u, v = v, u
    return np.sum(u) + np.sum(v * x)


@program(V)
def adjoint_buffers_must_not_be_shared(x):
    y = x * 1.0
    z = y + x
    y[0] = z[0] * z[1]
    z[1] = y[0] * x[2]
    return np.sum(y * 2.0) + np.sum(z * 3.0)


@program(V)
def same_argument_twice(x):
    def product(a, b):
        return np.sum(a * b[::-1])

    return product(x, x) * product(x, x * 2.0)


@program(V, 1.5, refusable=True)
@program(V, -1.5, refusable=True)
def may_or_may_not_alias(x, s):
    y = x * 1.0
    z = x * 2.0
    w = y if s > 0.0 else z
    w[0] = x[1] * s
    return np.sum(y * y) + np.sum(z * z * z)


@program(M, refusable=True)
def argument_mutated(m):
    m[0] = m[1] * m[1]
    m[1, 2] = 0.5
    return np.sum(m * m)


@program(M)
def diagonal_and_trace(m):
    a = m @ m.T
    return np.trace(a) * np.sum(np.diagonal(a) ** 2)


@program(V)
def view_rebound_in_a_loop(x):
    a = x.copy()
    v = a
    for _ in range(3):
        v[0] = v[1] * 2.0
        v = v[1:]
    return np.sum(a * x) + v[0]


@program(V)
def buffers_swapped_that_have_other_names(x):
    a, b = x.copy(), x * 2.0
    u, v = a, b
    for _ in range(3):
        v[1:] = u[:-1] * 1.5
        u, v = v, u
    return np.sum(a * a) + np.sum(b)


@program(M)
def stores_through_a_row_of_all_elements(m):
    a = m.copy()
    r = a.ravel()
    for i in range(1, len(r)):
        r[i] = r[i - 1] * r[i] + a[0, 0] * m[1, 1]
    return np.sum(a * a)


@program(np.append(V, 0.7))
def triples_of_a_vector(x):
    y = np.zeros(6)
    p = y.reshape(-1, 3)
    for i in range(2):
        p[i] = x[3 * i : 3 * i + 3] * x[i]
        p[i, 1] *= y[0]
        y[2] += p[i, 0]
    return np.sum(p * p) + y[5]


@program(V, 1.0)
@program(V, -1.0)
def one_of_two_arrays(x, s):
    y, z = x * 1.0, x * 2.0
    w = y if s > 0.0 else z
    w[0] = x[1] ** 2
    y[1] = w[0] * 3.0
    w *= x[2]
    z[2] += w[1]
    return np.sum(y * z) + np.sum(w * w * w)


@program(V, 1.0)
@program(V, -1.0)
def one_of_two_views(x, s):
    y = x * 1.0
    w = y[:2]
    if s < 0.0:
        w = y[3:]
    w *= 3.0
    y[0] = w[1]
    w[0] += y[4]
    return np.sum(y * y) + np.sum(w)


@program(V, 1.0)
@program(V, -1.0)
def arrays_chosen_among_chosen_ones(x, s):
    y, z, q = x * 1.0, x * 2.0, x * 3.0
    w = y if s > 0.0 else z
    v = w if x[0] * s > 0.5 else q
    v[0] = x[1] * w[1]
    w[1] = v[0] * 2.0
    y[2] = v[1]
    q[3] = 2.0
    return np.sum(y * 0.3) + np.sum(z * z) + np.sum(q * w) + np.sum(v**3)


@program(V, 1.0)
@program(V, -1.0)
def arrays_chosen_in_each_trip(x, s):
    y, z = x * 1.0, x * 2.0
    for i in range(1, 5):
        w = y if s * x[i] > 0.0 else z
        w[i] = w[i - 1] * x[i]
        y[0] += w[i]
    return np.sum(y * z)


@program(np.array([1.1, -0.7, 1.3, 0.9]))
def names_of_comprehensions_hide_no_views(x):
    a = x * 1.0
    u, w = a[1:], np.ravel(a)
    s = np.sum(u) + w[0]
    a *= a
    u = x * 2.0
    return np.sum(u * a) + sum(u * w for u, w in zip(a, x)) * s + np.trace(np.outer(x, a)) * np.prod([w * w for w in x])
