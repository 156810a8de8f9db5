"""Functions and methods of NumPy that write to an argument, and elements one by one."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4])
W = np.array([0.3, 0.8, -0.5, 1.2, -1.1])
M = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])
S = np.array([[2.0, 0.3, -0.5], [0.7, 1.5, 0.2], [-0.1, 0.4, 1.8]])
TWICE = np.array([0, 2, 2, 4])
MASK = np.array([True, False, True, True, False])


@program(V, W)
def results_into_arrays(x, w):
    z = np.empty_like(x)
    np.add(x, w, out=z)
    np.multiply(z, w, z)
    same = np.sin(z, out=z)
    np.multiply(same[:2], x[:2], out=z[1:3])
    np.exp(x[3:], out=(z[:2],))
    return np.sum(z * x) + np.sum(same)


@program(V, W)
def results_where_a_mask_is_true(x, w):
    z = x.copy()
    np.multiply(x, w, out=z, where=w > 0)
    np.add(z, 1.0, out=z, where=MASK)
    np.divide(x, np.array([0.0, 1.0, 0.0, 2.0, 0.0]), out=z, where=~MASK & (x < 0))
    np.sqrt(x, out=z, where=x > 0)
    return np.sum(z * x)


@program(S)
def products_into_arrays(s):
    z = np.zeros((3, 3))
    np.matmul(s, s, out=z)
    np.dot(z, s, out=z)
    s.dot(z[0], out=z[1])
    return np.sum(z)


@program(M)
def reductions_into_arrays(m):
    z = np.zeros(3)
    np.sum(m * m, axis=0, out=z)
    m.mean(axis=0, out=z[:])
    z *= 2.0
    c = np.zeros(6)
    np.cumsum(m * m, out=c)
    np.clip(c, 0.1, 1.5, out=c)
    return np.sum(z * z) + np.sum(c)


@program(V, W, 4)
def ufuncs_into_buffers_in_a_loop(x, w, n):
    u, v = x.copy(), np.zeros(5)
    for _ in range(n):
        np.multiply(u, w, out=v)
        np.tanh(v, out=v)
        np.add(u, v, out=u)
    return np.sum(u * u)


@program(V, W)
def copies_into_arrays(x, w):
    z = np.zeros(5)
    np.copyto(z, x * w)
    np.copyto(z, w, where=x > 0.5)
    np.copyto(z[1:3], 2.0)
    np.copyto(z[3:], w[0] * x[1])
    return np.sum(z * x)


@program(V, W)
def masks_that_choose(x, w):
    a, b, c = x.copy(), x * 2.0, x * w
    np.putmask(a, a > 0.5, w)
    np.putmask(b, b > 1.0, w[:2])
    np.place(c, c < 0.5, x[1:3])
    np.place(a, x < 0.0, w[:1] * x[0])
    return np.sum(a * b * c)


@program(S)
def diagonals_filled(s):
    a = s.copy()
    np.fill_diagonal(a, s[0] * 2.0)
    np.fill_diagonal(a[:2, :2], s[1, 1])
    b = np.zeros((2, 3))
    np.fill_diagonal(b, s[2, 0])
    return np.sum(a * a) + np.sum(b**3)


@program(S)
def filled(s):
    a = s.copy()
    a[1].fill(s[0, 0])
    a.T[0].fill(2.0)
    return np.sum(a * a)


@program(S, V, W)
def put_into_places(s, x, w):
    a, b = x.copy(), s.copy()
    np.put(a, [0, 3], w[:2])
    a.put([1, 1], [w[2], w[3]])
    a.put(2, w[4] * x[0])
    np.put(b, [0, 3, -1], w[:3])
    np.put(b, [1, 2, 4, 5], x[:2])
    return np.sum(a * x) + np.sum(b * b)


@program(M)
def put_along_an_axis(m):
    a = m.copy()
    i = np.argmax(m, axis=1)[:, None]
    np.put_along_axis(a, i, m[:, :1] * 2.0, axis=1)
    np.put_along_axis(a, np.array([[1, 0, 1]]), m[1, 1] * m[:1], axis=0)
    return np.sum(a * m)


@program(V, W)
def added_at_places_that_come_twice(x, w):
    a = x.copy()
    np.add.at(a, TWICE, w[:4])
    np.subtract.at(a, [1, 1], w[0])
    np.subtract.at(a, slice(2, 4), w[:2])
    return np.sum(a * a)


@program(V, W)
def changed_at_places_that_come_twice(x, w):
    a, b = x.copy(), x * 1.5
    np.multiply.at(a, TWICE, w[:4])
    np.maximum.at(b, TWICE, w[:4] * 3.0)
    np.negative.at(b, [0, 0, 3])
    np.divide.at(a, [1, 1], 2.0 * x[0])
    return np.sum(a * b)


@program(S, W)
def changed_at_pairs_of_places(s, w):
    a = s.copy()
    np.multiply.at(a, ([0, 0, 2], [1, 1, 0]), w[:3])
    np.multiply.at(a, [1, 1], w[:3])
    return np.sum(a * a)


@program(M)
def elements_in_a_row(m):
    a = m.copy()
    a.flat[3] = m[0, 0] * m[0, 1]
    a.flat[-2] *= 2.0
    a.flat[::5] = 7.0
    a.flat[[1, 2]] += m[0, :2]
    a.T.flat[2] = a.flat[1] * m[1, 2]
    return np.sum(a * a) + np.sum(m.flat[1:4] ** 2) + len(m.flat)


@program(M)
def iterated_elements(m):
    s = 0.0
    for v in m.flat:
        s += v * v * v
    for v in (m.T * 2.0).flat:
        s = s * 0.9 + v
    return s


@program(M)
def enumerated_elements(m):
    s = 0.0
    a = m.copy()
    for (i, j), v in np.ndenumerate(m):
        s += v * v * i
        a[j % 2, i] = v * s
    return s + np.sum(a)


@program(M)
def indices_of_elements(m):
    a = np.zeros(m.shape)
    for place in np.ndindex(*m.shape):
        a[place] = m[place] ** 2
    for i, j in np.ndindex(2, 3):
        a[i, j] *= m[i, j]
    for i, j in np.ndindex(m.shape):
        a[i, j] *= m[i, j]
    return np.sum(a)


@program(M)
def single_items(m):
    return m.item(0) * m.item(1, 2) + m[1].item(1) * m.item((0, 1)) + m[0, 0].item()
