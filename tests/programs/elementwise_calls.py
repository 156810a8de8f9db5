"""The user's own functions called with each element, row or part of an array: vectorize, apply_over_axes, piecewise."""

from __future__ import annotations

import math

import numpy as np

from tests.programs.registry import program

V = np.array([0.5, -1.2, 2.0, 0.3])
M = np.array([[0.5, -1.2, 0.3], [1.7, 0.4, -0.8]])


def kinked(t, k):
    if t < 0.0:
        return k * t * t
    return math.sin(t) if t < 1.0 else 0.5


@np.vectorize
def power(t, n):
    return abs(t) ** n


@program(V, 0.7)
def vectorized_branches(x, k):
    return np.sum(np.vectorize(lambda t: kinked(t, k))(x) * np.arange(4.0)) + np.vectorize(kinked)(x[0], k)


@program(M, V[:2])
def vectorized_broadcasts(x, y):
    a = np.vectorize(kinked, otypes=[float])(x, y[:, None])
    return np.sum(a * x) + np.sum(power(x, 3) * power(y, 2)[:, np.newaxis])


@program(V)
def vectorized_pairs(x):
    def both(t):
        s = 0
        for i in range(3):
            s += t**i
        return s, max(t, 0.2)

    a, b = np.vectorize(both)(x)
    return np.sum(a * b) + np.sum(np.vectorize(lambda t: max(t, 0), otypes="d")(x) ** 3)


@program(M)
def vectorized_rows(x):
    norm = np.vectorize(lambda row, c=1.0: c * np.sqrt(np.sum(row**2)), signature="(n)->()")
    scaled = np.vectorize(lambda row: row / np.sum(row**2), signature="(n)->(n)")
    return np.sum(norm(x) * np.array([1.0, 2.0])) + np.sum(scaled(x)[1] ** 2) + norm(x[0])


@program(V, 0.5)
def named_arguments_of_vectorized(x, c):
    return np.sum(np.vectorize(lambda t, k: t**2 * k, excluded=["k"])(x, k=c) * x)


@program(np.linspace(-1.0, 1.5, 24).reshape(2, 3, 4))
def over_several_axes(x):
    return np.sum(np.apply_over_axes(np.sum, x**2, [0, 2]) * x) + np.apply_over_axes(np.max, x, (0, 1))[0, 0, 2] ** 2


@program(V, 0.8)
def pieces_with_more_arguments(x, c):
    a = np.piecewise(x, [x < 0.0, x > 1.0], [lambda t, k: k * t**2, lambda t, k: np.sin(k * t), 0.5], c)
    return np.sum(a * x) + np.piecewise(c, [c < 0.5], [lambda t: -t, lambda t: t**3])
