"""Arrays that lie in memory column after column: made, copied, reshaped and read with ``order='F'``, and changed."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

V = np.array([0.5, -1.2, 2.0, 0.3])
M = np.array([[0.5, -1.2, 0.3], [1.7, 0.4, -0.8]])
T = np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4) ** 3


@program(M)
@program(M.T)
def read_by_columns(x):
    a = np.reshape(x, (3, 2), order="F") @ M
    b = x.reshape(-1, order="F") * x.ravel("F")
    return np.sum(a * np.arange(9.0).reshape(3, 3)) + np.sum(b[::2]) + x.flatten("F")[1] * x.flatten(order="C")[1]


@program(T)
def read_by_columns_in_three_axes(x):
    a = x.reshape(4, -1, order="F") ** 2
    return np.sum(a * np.arange(24.0).reshape(4, 6)) + np.sum(np.ravel(x, order="F")[:7] ** 3)


@program(M, 0.7)
def made_by_columns(x, t):
    a = np.zeros((2, 3), order="F")
    a[:] = x * t
    a[0] *= 2.0
    b = np.full((2, 3), t, order="F") * np.ones(x.shape, order="F") + np.asfortranarray(x)
    c = np.empty_like(x, order="F")
    for i in range(2):
        for j in range(3):
            c[i, j] = a[i, j] * b[i, j - 1]
    return np.sum(c) * np.sum(c, axis=0)[1]


@program(M)
def copied_by_columns(x):
    a = x.copy(order="F")
    b = np.array(x, order="F")
    c = np.asarray(x.T, order="F")
    a[0] = x[1]
    b[1, 1] = a[0, 0]
    return np.sum(a * b * x) + np.sum(c[1] ** 2) + np.sum(np.copy(x, order="F") ** 3) + x.astype(float, order="F")[0, 1]


@program(M)
def changed_through_reading_by_columns(x):
    """A view of what lies column after column, a copy of what lies row after row."""
    a = x * 1.0
    b = a.ravel(order="F")
    b[1] = 5.0 * x[0, 0]
    c = np.asfortranarray(x)
    d = c.copy(order="F")
    e = d.ravel(order="F")
    e[1] = 7.0 * x[0, 1]
    return np.sum(a**2) + np.sum(b**2) + np.sum(d**3)


@program(V)
def vectors_by_columns(x):
    a = x.copy()
    b = a.ravel(order="F")
    b[0] = x[1] * x[2]
    c = np.asfortranarray(a)
    c[1] = x[3] ** 2
    return np.sum(a**2 * x)


@program(V)
def shapes_that_are_assigned(x):
    y = x.copy()
    y.shape = (2, 2)
    y[0, 1] = x[0] * 3.0
    z = np.zeros(4)
    z[:] = x
    z.shape = (-1, 1)
    z.shape = 2, -1
    s = 0.0
    for i in range(3):
        w = x * i
        w.shape = (2, 2)
        s = s + np.sum(w @ y)
    return s + np.sum(y @ y) + y.shape[0] * np.sum(z[0] * z[1] ** 2)


@program(M, 0.7)
def view_of_a_copy_of_reversed_columns(x, t):
    """What is reshaped is a copy, of which another reshape gives a view, also where that is copied once more."""
    a = x * 1.0
    b = np.flip(a, 1)
    c = b.reshape(3, 2)
    d = c.reshape(-1)
    b[0, ::-1] += np.arange(3.0)
    c[::2, 1:] *= t
    a[1, 0] += d[3] * d[3]
    return np.sum(a * a) + np.sum(b[0] * x[1]) + np.sum(c**3) + np.sum(np.sin(d))


@program(M)
def made_of_a_transpose(x):
    """What is computed of a transpose lies as that does, so that its own transpose lies row after row."""
    a = x * 1.0
    a[0] = x[1] * x[0]
    b = a.T * 0.5
    c = np.ascontiguousarray(b.T)
    c[::-1, :] = np.sin(c)
    return np.sum(b**2) + np.sum(c * a) + np.sum(b.T.ravel()[:2])
