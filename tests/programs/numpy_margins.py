"""np.pad with margins that are computed from the entries, or of values that are differentiated."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

V = np.array([0.5, -1.2, 2.0, 0.3])
M = np.array([[0.5, -1.2, 0.3, 0.9], [0.8, 0.1, -0.4, 1.4], [1.1, 0.6, 0.9, -0.2]])


@program(V)
@program(M)
def margins_of_statistics(x):
    a = np.pad(x, (2, 1), "mean") ** 2
    b = np.pad(x, (1, 2), mode="maximum", stat_length=2) * np.pad(x, (2, 1), "minimum", stat_length=(1, 3))
    return np.sum(a * np.arange(a.size).reshape(a.shape)) + np.sum(b) + np.sum(np.pad(x, 1, "median") ** 3)


@program(M, 0.7)
def ramps(x, end):
    a = np.pad(x, ((1, 2), (0, 3)), "linear_ramp", end_values=((end, 1.0), (0.0, end**2)))
    return np.sum(a**2 * np.arange(a.size).reshape(a.shape)) + np.sum(np.pad(x[0], 2, mode="linear_ramp") ** 3)


@program(M, 0.7)
def margins_of_active_values(x, v):
    a = np.pad(x, 1, constant_values=v) * np.pad(x, {0: 1, -1: (0, 2)}, constant_values=(v, v**2))
    return np.sum(a**2 * np.arange(a.size).reshape(a.shape)) + np.sum(np.pad(x, {0: (1, 2)}) @ x[0])
