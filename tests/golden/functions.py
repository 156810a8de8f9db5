"""The functions whose emitted gradients are kept as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adcompile import custom_vjp, nn
from tests.programs import jumps, loops, models, stores

X = np.array([0.61, -0.43, 0.87, 0.29, -0.75])
M = np.linspace(-1.0, 1.0, 12).reshape(3, 4)

GOLDEN: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]] = []


def golden(*args: Any, wrt: tuple[int, ...] = (0,)) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        GOLDEN.append((function, args, wrt))
        return function

    return enter


@golden(2.0, 5.0, wrt=(0, 1))
def survey(x1, x2):
    y = np.log(x1) + x1*x2 - np.sin(x2)  # fmt: skip
    return y


@golden((0.3, 0.1), X, X * 2.0)
def temperature(params, t, c):
    w, b = params
    return np.mean((w * t + b - c) ** 2)


@golden({"w1": M * 0.3, "b1": X[:4], "w2": M.T * 0.2}, M.T @ M, M)
def perceptron(params, x, labels):
    hidden = np.tanh(x[:3, :3] @ params["w1"] + params["b1"])
    scores = hidden @ params["w2"] @ labels
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
    return -np.mean(np.sum(labels * log_p, axis=1))


@golden(X)
def sum_of_squares(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


@golden(0.7, 20)
def logistic_map(x, n):
    y = 0.3
    for _ in range(n):
        y = y + 0.001 * x * y * (1.0 - y)
    return y


@golden(X)
def scan(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i]
    return a[-1]


@golden(X)
def own_cell(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i] * a[i - 1] * a[i]
    return a[-1] + a[0]


golden(X, 3)(stores.nonlinear_stencil_with_swapped_buffers)


golden(1.3)(loops.while_until_large)


golden(0.9)(jumps.break_and_continue)


golden(1.7)(jumps.return_from_nested_loops)


@golden(X, 2)
def search(x, k):
    while k < len(x) and x[k] > 0.0:
        k += 1
    return x[k - 1] * x[0]


@golden(X)
def signs(x):
    s = 0.0
    for a in x:
        if a > 0.5:
            s += a * a
        elif a > 0.0:
            s += np.exp(a)
        else:
            s -= a if s > 1.0 else 2.0 * a
    return s


@golden(X, np.array([0, 3, 3, 1]))
def gathered(x, index):
    y = x[index] * x[1:]
    y[y > 0.2] = 0.5
    return np.sum(y**2) + np.sum(x[::-1] * x)


@golden(0.8, 5)
def recursive(x, n):
    return power(x, n) * x


def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


@golden(X)
def views(x):
    z = x * 2.0
    v = z[1:4]
    v[0] = x[2] * x[2]
    v *= 3.0
    return np.sum(z * z)


# -- from the examples

ROWS = np.sin(np.arange(20.0)).reshape(5, 4)
W = ROWS[:4, :3]


@golden(X[:4], ROWS, np.array([0.0, 1.0, 1.0, 0.0, 1.0]))
def logistic(weights, inputs, targets):
    p = 1 / (1 + np.exp(-(inputs @ weights)))
    return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))


@custom_vjp
def legendre(i):
    return 0.5 * (5.0 * i**3 - 3.0 * i)


def legendre_forward(i):
    return 0.5 * (5.0 * i**3 - 3.0 * i), i


def legendre_backward(i, o_bar):
    return (o_bar * 1.5 * (5.0 * i**2 - 1.0),)


legendre.defvjp(legendre_forward, legendre_backward)


@golden((0.1, -1.0, 0.2, 0.3), X, X)
def polynomial(coefficients, x, y):
    a, b, c, d = coefficients
    return np.sum((a + b * legendre(c + d * x) - y) ** 2)


@golden({"weight": W.T, "bias": X[:3], "scale": X[:3], "shift": X[:3]}, ROWS)
def normalised(layer, x):
    h = nn.linear(x, layer["weight"], layer["bias"])
    return np.mean(nn.tanh(nn.batch_norm(h, layer["scale"], layer["shift"])) ** 2)


@golden([(W.T, X[:3]), (), (W[:3], X[:3])], ROWS, np.array([0, 1, 2, 1, 0]))
def network(layers, x, classes):
    scores = nn.sequence(x, (nn.linear, nn.sigmoid, nn.linear), layers)
    return nn.cross_entropy(scores, classes)


@golden({"w": W.T, "u": W[:3], "b": X[:3]}, ROWS)
def recurrent(params, x):
    h = np.zeros(3)
    loss = 0.0
    for t in range(len(x)):
        h = np.tanh(params["w"] @ x[t] + params["u"] @ h + params["b"])
        loss += np.sum((h - 0.1 * t) ** 2)
    return loss


@golden(2.0)
def newton(a):
    x = a
    for _ in range(20):
        step = (x * x - a) / (2.0 * x)
        x = x - step
        if abs(step) < 1e-14:
            break
    return x


@golden(X, X**2, 0.5 * X, X**2, 3, wrt=(0, 1))
def adam_step(g, p, m, v, t):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    p = p - 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
    return np.sum(p**2)


def pendulum(state, damping):
    return np.array([state[1], -np.sin(state[0]) - damping * state[1]])


@golden(np.array([1.0, 0.0]), 0.1, 0.05, 8, wrt=(0, 1))
def heun(state, damping, h, n):
    for _ in range(n):
        k1 = pendulum(state, damping)
        k2 = pendulum(state + h * k1, damping)
        state = state + h / 2 * (k1 + k2)
    return state[0]


golden(0.9, 0.3, 0.5, X, wrt=(0, 1, 2))(models.kalman_filter)


@golden(ROWS, W, W[::-1].copy(), W * 0.5, wrt=(1, 2, 3))
def attention(x, wq, wk, wv):
    q, k, v = x @ wq, x @ wk, x @ wv
    return np.sum((nn.softmax(q @ k.T / np.sqrt(q.shape[1])) @ v) ** 2)
