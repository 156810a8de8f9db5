"""Whole-array code: broadcasting, shapes, joining, selecting, creating."""

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9])
W = np.array([0.3, 0.8, -0.5, 1.2])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])
T = np.sin(np.arange(24.0) * 1.7).reshape(2, 3, 4)


@program(M, V, 0.7)
def broadcasting(m, v, s):
    return np.sum((m * v + s) ** 2 / (2.0 + m[:, :1] * s))


@program(V, W[:3])
def outer_by_broadcasting(x, y):
    return np.sum(np.tanh(x[:, None] * y) * y)


@program(np.ones((3, 1)) * 0.5, np.ones((1, 4)) * 0.7)
def axes_of_length_one(a, b):
    return np.sum((a + b) * a * b * np.arange(12.0).reshape(3, 4))


@program(0.7, M)
def scalar_with_matrix(s, m):
    return np.sum(s * m**2 - m / s + s)


@program(M)
def shapes(x):
    a = x.reshape(4, 3).T
    b = np.transpose(x)
    c = np.swapaxes(x, 0, 1)
    return np.sum(a * x[:3, :4]) + np.sum(b * c * b)


@program(M)
def reshapes_with_minus_one(x):
    return np.sum(x.reshape(2, -1)[0] * x.reshape((-1, 6))[1]) + np.sum(np.reshape(x, (2, 3, 2))[:, 0] ** 3)


@program(V)
def added_and_removed_axes(x):
    a = np.expand_dims(x, 0)
    b = np.squeeze(a * a, axis=0)
    c = x[np.newaxis, :, None]
    return np.sum(b * x) + np.sum(c.squeeze() ** 3)


@program(V)
def explicit_broadcast(x):
    y = np.broadcast_to(x, (3, 4))
    return np.sum(y * y * np.arange(12.0).reshape(3, 4))


@program(V, W, M)
def concatenations(x, y, m):
    a = np.concatenate([x, y * x, x[:1]])
    b = np.concatenate((m, m * 2.0), axis=1)
    return np.sum(a * a) + np.sum(b**3)


@program(V, W)
def stacks(x, y):
    a = np.stack([x, y, x * y])
    b = np.stack((x, y), axis=1)
    return np.sum(a**3) + np.sum(b[:, 0] * b[:, 1]) + np.sum(np.hstack([x, y]) ** 2) + np.sum(np.vstack([x, y])[1] * x)


@program(V, W)
def selections(x, y):
    return (
        np.sum(np.where(x > y, x * x, y))
        + np.sum(np.clip(x, -0.5, 1.0) * x)
        + np.sum(np.maximum(x, y) * np.minimum(x, 0.5))
    )


@program(M, V)
def where_that_broadcasts(m, x):
    return np.sum(np.where(m > 0.45, m, x) ** 2) + np.sum(np.where(x > 0.0, 1.0, x) * x)


@program(V)
def relu_forms(x):
    return np.sum(np.maximum(x, 0.0) ** 2) + np.sum(np.maximum(0.0, x) * x) + np.sum(x * (x > 0.0))


@program(V)
def creations(x):
    n = len(x)
    y = np.zeros(n) + np.ones(n) * x + np.full(n, 2.0) * x[0] + np.arange(n) * x + np.linspace(0.0, 1.0, n)
    return np.sum(y * y) + np.sum(np.eye(n) * x) + np.sum(np.ones_like(x) * x) + np.sum(np.full_like(x, 3.0) * x)


@program(V, 0.4)
def active_fill_value(x, s):
    return np.sum(np.full(4, s) * x) + np.sum(np.full_like(x, s * s))


@program(V)
def attributes(x):
    return np.sum(x) / x.size + np.sum(x * x) / x.shape[0] + np.sum(x) ** 2 / x.ndim + len(x) * x[0]


@program(M)
def shape_unpacked(x):
    n, k = x.shape
    return np.sum(x) / (n * k) + np.sum(x[n - 1] * x[0]) * k


@program(M)
def methods(x):
    return (
        x.sum() * x.mean()
        + x.var()
        + x.std()
        + x.max() * x.min()
        + x.T.dot(x).sum()
        + x.ravel().prod()
        + x.flatten()[3]
        + x.transpose(1, 0)[2, 1] ** 2
        + x.swapaxes(0, 1)[0, 0]
        + np.sum(x.clip(-0.3, 0.7) * x)
        + x.copy().reshape(-1).sum()
        + x.astype(float).trace()
    )


@program(T)
def rank_three_indexing(x):
    return (
        np.sum(x[0, :, 1] * x[1, :, -1]) + np.sum(x[:, 1:, ::2] ** 3) + x[1, 2, 3] * x[0, 0, 0] + np.sum(x[..., 2] ** 2)
    )


@program(T)
def integer_arrays_with_slices(x):
    rows = np.array([0, 0, 1])
    return np.sum(x[rows, 1] ** 2) + np.sum(x[:, rows, 2] ** 3) + np.sum(x[1, [0, 2, 2], 1:3] ** 2)


@program(M, np.array([0, 3, 1]))
def pick_one_per_row(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(labels)), labels])


@program(V, W)
def bilinear_and_shared_subexpressions(x, y):
    a = x * y
    b = x * y
    return np.sum(a * b) + np.sum(np.sin(a) * np.sin(b) * np.cos(a))


@program(M, np.array([0.1, -0.4, 0.5, 0.2]), np.array([1.0, 0.0, 1.0]))
def logistic_regression(inputs, weights, targets):
    p = 1.0 / (1.0 + np.exp(-(inputs @ weights)))
    return -np.sum(np.log(p * targets + (1.0 - p) * (1.0 - targets)))


@program(M[:, :2] * 0.3, np.zeros(2), np.ones((2, 3)) * 0.2, M.T[:, :3], wrt=(0, 1, 2))
def perceptron(w1, b1, w2, x):
    h = np.tanh(x @ w1 + b1)
    z = h @ w2
    return np.mean((z - 1.0) ** 2)


@program(V, W)
def elementwise_powers(x, y):
    return np.sum(np.abs(x) ** y) + np.sum((x * x + 1.0) ** 0.5) + np.sum(2.0**x) + np.sum(x**2 * y**3)


@program(V)
def reversed_and_strided(x):
    return np.sum(x[::-1] * x) + np.sum(x[::2] * x[1::2]) + np.sum(x[-3:-1] * x[1:3] * x[:2])


@program(np.ones((2, 0)), V)
def empty_axis(a, x):
    return np.sum(a) + np.sum(np.sum(a * 2.0, axis=1)) + np.sum(x * x)


@program(M, V)
def result_unused_but_shape_checked(m, x):
    y = m @ x
    z = m * x
    return np.sum(z)


@program(V)
def finite_differences_of_an_array(u):
    d = u[1:] - u[:-1]
    return np.sum(d * d) + np.sum((u[2:] - 2.0 * u[1:-1] + u[:-2]) ** 2)


@program(V, W)
def compared_arrays(x, y):
    mask = (x > 0.0) & (y > 0.0) | ~(x < y)
    return np.sum(x * mask) + np.sum(np.where(mask, x * y, 0.0))


@program(V)
def reductions_of_masks(x):
    if np.any(x > 1.2) and not np.all(x > 0.0):
        return np.sum(x**3) / np.sum(x > 0.0)
    return x[0]


@program(V)
def extreme_positions(x):
    k = np.argmax(x)
    j = int(np.argmin(x))
    return x[k] * x[j] + np.sum(x[: k + 1] ** 2)


@program(V)
def cut_and_joined_again(x):
    a = np.concatenate([x[2:], x[:2]])
    a[1:] = x[:-1]
    return np.sum(a * x)


@program(V, 1.5)
def joined_by_r(x, c):
    return np.sum(np.r_[x, c, 1:4, x[1:] * c, 0:1:3j] ** 2)


@program(V, 1.5)
def joined_by_c(x, c):
    return np.sum(np.c_[x, x**2, np.c_[x * c, x]][1:] ** 3) + np.c_[c, c * 2.0][0, 1]
