"""The functions whose gradients are timed, as a user would write them."""

from __future__ import annotations

import numpy as np


def temperature(params, t_u, t_c):
    w, b = params
    t_p = w * t_u + b
    return np.mean((t_p - t_c) ** 2)


def sum_of_squares(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


def recurrence(x, n):
    y = 0.3
    for _ in range(n):
        y = y + 0.001 * x * y * (1 - y)
    return y


def scan(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i]
    return a[-1]


def stencil(u0, n):
    u = u0.copy()
    v = u0.copy()
    for _ in range(n):
        v[1:-1, 1:-1] = u[1:-1, 1:-1] + 0.1 * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
        )
        u, v = v, u
    return np.sum(u * u)


def stack(x):
    items = []
    for i in range(len(x)):
        items.append(x[i] * x[i])
    total = 0.0
    while items:
        total = total * 0.999 + np.sin(items.pop())
    return total


def recursion(x, n):
    if n == 0:
        return x
    return np.sin(recursion(x * 0.99, n - 1)) + 0.1 * x


def layers(net, x, t):
    h = np.tanh(x @ net["hidden"]["w"] + net["hidden"]["b"])
    z = h @ net["out"]["w"] + net["out"]["b"]
    return np.mean((z - t) ** 2)


def perceptron(w1, b1, w2, b2, x, labels):
    h = np.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    z = z - np.max(z, axis=1, keepdims=True)
    log_p = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(np.sum(labels * log_p, axis=1))


def thirty_lines(w1, b1, w2, b2, w3, b3, gamma, beta, x, labels):
    a1 = x @ w1 + b1
    mu = np.mean(a1, axis=0)
    d = a1 - mu
    variance = np.mean(d**2, axis=0)
    s = np.sqrt(variance + 1e-5)
    n1 = gamma * d / s + beta
    h1 = np.maximum(n1, 0.0)
    a2 = h1 @ w2 + b2
    m = np.max(a2, axis=1, keepdims=True)
    e = np.exp(a2 - m)
    weights = e / np.sum(e, axis=1, keepdims=True)
    h2 = np.tanh(a2) * weights
    r = h2.reshape(h2.shape[0], -1)
    q = np.concatenate([r, h1], axis=1)
    k = np.where(q > 0.0, q, 0.01 * q)
    u = 1.0 / (1.0 + np.exp(-k))
    z = u @ w3 + b3
    z = z - np.max(z, axis=1, keepdims=True)
    lse = np.log(np.sum(np.exp(z), axis=1))
    log_likelihood = np.sum(labels * z, axis=1) - lse
    loss = -np.mean(log_likelihood)
    penalty = np.sum(w1**2) + np.sum(w2**2) + np.sum(w3**2)
    t1 = np.sin(h2) * np.cos(a2)
    extra = np.mean(t1**2)
    y = loss + 1e-3 * penalty
    y = y + 0.1 * extra
    for i in range(3):
        y = y + 0.01 * gamma[i] * beta[i] * b1[i]
    return y
