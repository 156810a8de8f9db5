"""Windows that move with the index of a loop, and tables of which later trips read what earlier ones stored."""

import numpy as np

from tests.programs.registry import program

_random = np.random.default_rng(5)
V = _random.uniform(0.4, 1.4, 6)
IMAGE = _random.standard_normal((4, 5))
KERNEL = _random.standard_normal((2, 3))
UPPER = np.triu(_random.standard_normal((4, 4))) + 3.0 * np.eye(4)


@program(IMAGE, KERNEL)
def convolution_by_windows(x, kernel):
    h, w = kernel.shape
    out = np.zeros((x.shape[0] - h + 1, x.shape[1] - w + 1))
    for i in range(x.shape[0] - h + 1):
        for j in range(x.shape[1] - w + 1):
            out[i, j] = np.sum(x[i : i + h, j : j + w] * kernel)
    return np.sum(out**2)


@program(V, V[:3])
def windows_around_an_index(x, w):
    s = 0.0
    for i in range(1, len(x) - 1):
        s += np.sum(x[i - 1 : i + 2] * w) ** 2
    return s


@program(V, V[:2])
def windows_that_leave_the_array(x, w):
    s = 0.0
    for i in range(len(x)):
        part = x[i : i + 2]
        s += np.sum(part * w[: len(part)]) ** 2 + np.sum(x[i - 1 : i + 1] * x[0]) * i
    return s


@program(V, V[:3])
def windows_that_are_stored_to(x, w):
    y = np.zeros(len(x) + 2)
    for i, v in enumerate(x):
        y[i : i + 3] += v * w
        y[i : i + 2] = y[i + 1 : i + 3] * y[i : i + 2] + v
    return np.sum(y**2)


@program(V, V[::-1].copy())
def warping(x, y):
    cost = np.full((len(x) + 1, len(y) + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            cost[i, j] = (x[i - 1] - y[j - 1] ** 2) ** 2 + min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
    return cost[-1, -1]


@program(UPPER, V[:4])
def back_substitution(a, b):
    x = np.zeros(len(b))
    for i in range(len(b) - 1, -1, -1):
        s = b[i]
        for j in range(i + 1, len(b)):
            s -= a[i, j] * x[j]
        x[i] = s / a[i, i]
    return np.sum(x**3)


@program(V, 0.3)
def states_in_rows(x, c):
    u = np.zeros((5, len(x)))
    u[0] = x
    for n in range(4):
        u[n + 1, 1:-1] = u[n, 1:-1] + c * (u[n, 2:] - 2.0 * u[n, 1:-1] + u[n, :-2]) * u[n, 1:-1]
        u[n + 1, 0] = np.sin(u[n, 1])
    return np.sum(u[-1] ** 2) + np.sum(u[:, 1])


@program(V)
def negative_indices_that_come_round(x):
    a = x.copy()
    for i in range(len(x)):
        a[i] = a[i - 1] * np.sin(a[i - 2]) + x[i]
    for i in range(-1, 3):
        a[i] = a[i] * a[i - 1]
    return np.sum(a)


@program(V, 3)
def swept_again_and_again(x, n):
    a = x.copy()
    for k in range(n):
        b = a * x[k]
        for i in range(1, len(x)):
            a[i] = a[i - 1] * a[i] * 0.5 + b[i - 1]
            b[i] = b[i - 1] * a[i] + np.cos(b[i])
            if a[i] > 1.2:
                break
        a[0] = b[2]
    return np.sum(a)
