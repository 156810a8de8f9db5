"""Loops and calls that are run again in the reverse sweep."""

import numpy as np

from adcompile import checkpoint, checkpointed
from tests.programs.registry import program

V = np.array([0.4, -0.7, 0.3, 0.9, -0.5])
W = np.array([1.1, 0.6, -0.8, 0.7, 1.2])


@program(V, W, 17)
def checkpointed_stores(u, x, n):
    u = u.copy()
    for i in checkpointed(range(n), slots=3):
        u[i % 5] += np.sin(u[(i + 1) % 5]) * x[i % 5]
        u[1:4] *= 1.01
    return np.sum(u * u)


@program(V, 0.1, 23)
def checkpointed_buffers_swapped(u, c, n):
    v = np.zeros_like(u)
    for _ in checkpointed(range(n), slots=4):
        v[1:-1] = u[1:-1] + c * (u[2:] - 2 * u[1:-1] + u[:-2]) - 0.1 * u[1:-1] ** 2
        u, v = v, u
    return np.sum(u**2)


@program(1.3, 0.2)
def checkpointed_while(x, c):
    t = 0.0
    while checkpointed(x < 20.0, slots=4):
        x = x * 1.1 + c * np.sin(0.1 * x)
        t += 0.1 * x
    return x * c + t


@program(1.3, 0.2, 20.0)
@program(1.3, 0.2, 1e9)
def checkpointed_break(x, c, limit):
    s = x
    for i in checkpointed(range(60), slots=4):
        s = s * 1.1 + c
        if s > limit:
            break
    return s * i


@program(1.3, 0.2)
def checkpointed_return(x, c):
    s = x
    for _ in checkpointed(range(10, 100, 3), slots=2):
        s = s * 1.1 + c
        if s > 20.0:
            return s * c
    return s


@program(V, W)
def checkpointed_in_loop(x, w):
    s = 0.0
    for k in range(3):
        u = x * w[k]
        for _ in checkpointed(range(7), slots=2):
            u = np.sin(u) * w[k] + x
        s += np.sum(u)
    return s


@program(V, W)
def loop_in_checkpointed(x, w):
    u = x
    for _ in checkpointed(range(7), slots=2):
        for j in range(3):
            if u[j] > 0.2:
                u = np.sin(u) * w[j] + x
            else:
                u = u * w
    return np.sum(u)


@program(V, W)
def checkpointed_in_checkpointed(x, w):
    u = x
    for _ in checkpointed(range(7), slots=2):
        for j in checkpointed(range(5), slots=2):
            u = np.sin(u) * w[j] + x
    return np.sum(u)


@program(V, 0)
@program(V, 1)
def checkpointed_few_trips(u, n):
    for _ in checkpointed(range(n), slots=3):
        u = u * u
    return np.sum(u)


@program(V, 6)
def checkpointed_new_variable(x, n):
    y = x
    for _ in checkpointed(range(n), slots=3):
        y = x * x
        z = np.cos(y)
        x = np.sin(y) * z
    return np.sum(y + x)


@program(np.outer(V, W), W)
def checkpointed_rows(a, w):
    s = w * 0.0
    for row in checkpointed(a, slots=3):
        s = np.sin(s + row * w)
    return np.sum(s)


@checkpoint
def layer(w, x):
    h = np.exp(np.sin(w * x))
    return np.tanh(h) * x, h.sum()


@program(W, V)
def rerun_twice(w, x):
    a, s = layer(w, x)
    b, t = layer(w[::-1], a)
    return np.sum(b) * s + t


@program(W, V)
def rerun_in_loop(w, x):
    for _ in range(3):
        x, _ = layer(w, x)
    return np.sum(x)


@program(W, V)
def rerun_closure(w, x):
    def g(v):
        return {"y": [np.sin(v * w) + v]}

    h = checkpoint(g)
    return np.sum(h(h(x)["y"][0])["y"][0])


@program(W, V)
def rerun_that_stores(w, x):
    z = x.copy()

    def g(v):
        v[0] = np.sin(v[1] * w[0])
        v *= w

    checkpoint(g)(z)
    checkpoint(g)(z)
    return np.sum(z)


@program(W, V)
def rerun_then_overwritten(w, x):
    z = w * x
    y = checkpoint(lambda v: np.sin(v) * np.exp(v))(z)
    z[0] = 3.0
    z *= 2.0
    return np.sum(y * z)


@program(1.3, 4)
def rerun_scalars(x, n):
    power = checkpoint(lambda v: v**n + np.sin(v))
    return power(power(x) * 0.1)
