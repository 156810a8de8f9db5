"""Arrays in lists, dicts and objects that are changed afterwards, through whatever name: as many as a run makes."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.programs.registry import program

X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])


def filled(x: Any, k: int = 3) -> Any:
    rows = []
    for i in range(len(x)):
        rows.append(x[i] * np.ones(k))
    return rows


@program(X)
def buffer_changed_after_it_was_appended(x):
    history = []
    for i in range(len(x)):
        buffer = np.zeros(3)
        history.append(buffer)
        buffer[0] = x[i]
        buffer[1:] = x[i] ** 2
    buffer += 1
    return sum(np.sum(h * (k + 1)) for k, h in enumerate(history))


@program(X)
def one_buffer_in_all_places(x):
    buffer = np.zeros(3)
    history = []
    for i in range(len(x)):
        buffer[i % 3] += x[i] * 2
        history.append(buffer)
    return sum(np.sum(h**2) for h in history)


@program(X)
def rows_stored_to_by_element(x):
    n = len(x)
    rows = [np.zeros(n) for _ in range(n)]
    for i in range(n):
        for j in range(n):
            rows[i][j] += x[i] * x[j]
            rows[j][i] *= 1.1
    return sum(r @ r * r[0] for r in rows)


@program(X)
def rows_scaled_in_a_loop(x):
    rows = filled(x)
    for r in rows:
        r *= 2
        r[1:] -= np.sin(r[:-1])
        rows[0] += r
    rows[2], rows[0] = rows[0], rows[2]
    rows[0][0] = x[1]
    return sum(r @ r * (k + 1) for k, r in enumerate(rows))


@program(X)
def momentum_of_parameters(x):
    parameters, moments = [], []
    for i in range(len(x)):
        parameters.append(x[:2] * (i + 1.0))
        moments.append(np.zeros(2))
    for _ in range(4):
        for p, m in zip(parameters, moments, strict=False):
            m *= 0.9
            m += 2 * p * x[2]
            p -= 0.1 * m
    return sum(np.sum(p**2) for p in parameters)


@program(X)
def array_carried_and_changed(x):
    history, b, k = [], x[:2].copy(), 0
    while k < len(x) + 2:
        k += 1
        b = b + 0.7
        history.append(b)
        b[1] *= x[2]
    return sum(h.sum() for h in history) * b[1]


@program(X)
def best_row_is_a_reference(x):
    rows = filled(x)
    best = rows[0]
    for r in rows:
        if r[0] > best[0]:
            best = r
        best *= 1.1
    best[2] = 7 * x[1]
    return sum(r @ r * (k + 1) for k, r in enumerate(rows))


@program(X)
def queue_of_arrays_that_are_taken_and_changed(x):
    queue = []
    for i in range(len(x)):
        queue.append(x * (i + 1))
    s = 0.0
    for _ in range(len(x) + 3):
        r = queue.pop(0)
        r[0] *= 2
        queue.append(r)
        s += r @ r
    return s


@program(X)
def arrays_of_two_lists(x):
    one, two = [], []
    for i in range(len(x)):
        v = x * (i + 1)
        one.append(v)
        two.append(v)
    two[0][0] = 7.0
    for r in two:
        r *= x[1]
    both = one + two
    both[1] += x
    return sum(r.sum() ** 2 for r in one)


@program(X)
def arrays_in_tuples_of_a_list(x):
    history = []
    a, b = np.zeros(2), np.ones(2)
    for i in range(len(x)):
        history.append((a, b))
        a, b = b, a * x[i]
        a[0] += x[i]
    return sum(p @ q for p, q in history)


@program(X)
def arrays_in_rows_of_lists(x):
    n = len(x)
    grid = [[np.zeros(2) for _ in range(n)] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            grid[i][j][0] += x[i] * x[j]
            grid[j][i] *= 1.1
    return sum(g[0] * g[1] + g[0] ** 2 for row in grid for g in row)


@program(X)
def arrays_in_a_dict(x):
    sums = {}
    for i in range(len(x)):
        k = i % 2
        if k not in sums:
            sums[k] = np.zeros(2)
        sums[k] += x[i]
        sums[k][0] *= x[i]
    return sums[0].sum() * sums[1].sum()


@dataclass
class Parameter:
    w: np.ndarray
    g: np.ndarray


@program(X)
def arrays_in_attributes(x):
    parameters = []
    for v in x:
        parameters.append(Parameter(v * np.ones(2), np.zeros(2)))
    for p in parameters:
        for q in parameters:
            p.g += q.w * p.w[0]
    for p in parameters:
        p.w -= 0.1 * p.g
        p.g[:] = 0
        p.g = p.w
        p.g[0] *= 2
    return sum(np.sum(p.w**2) + p.g[0] for p in parameters)


@program(X)
def parts_of_rows_in_many_ways(x):
    rows = filled(x)
    for r in rows:
        r[r > 0.5] = x[0]
        r[[0, 0, 1]] = x[1:4]
        np.add.at(r, [0, 0], x[3])
        np.multiply(r, x[0], out=r)
        r.reshape(-1)[1] += x[4]
    return sum(r @ r * r[0] for r in rows)


@program(X)
def rows_of_different_lengths(x):
    rows = []
    for i in range(len(x)):
        rows.append(np.zeros((i + 1, 2)))
    for i, r in enumerate(rows):
        r[i] = x[i]
        r.T[1] += x[0]
        r[:] = r * x[: i + 1, None]
    return sum(r.sum() for r in rows)


@program(X)
def copies_are_apart(x):
    rows = filled(x)
    copies, same = [r.copy() for r in rows], rows[:]
    for i in range(len(x)):
        copies[i][0] += x[i]
        same[i][1] *= x[i]
    del rows[1]
    return sum(np.sum(a * b) for a, b in zip(rows, copies, strict=False))


@program(X)
def arrays_without_axes_in_a_list(x):
    rows = [np.array(v) for v in x]
    for r in rows:
        r *= 2
    return sum(r * r for r in rows)


@program(X)
def what_is_recorded_of_a_state(x):
    state = x[:3].copy()
    shared, apart = [], []
    for _ in range(len(x)):
        state += 0.1 * np.roll(state, 1)
        shared.append(state)
        apart.append(copy.copy(state))
    apart[-1][0] = 0.0
    return np.sum(np.array(shared) ** 2) + np.sum(apart[0]) + np.sum(np.array(apart) ** 3)
