"""Value and gradient written by hand in NumPy, as an expert would."""

from __future__ import annotations

import numpy as np


def temperature(params, t_u, t_c):
    w, b = params
    e = w * t_u + b - t_c
    e_bar = 2.0 / len(t_u) * e
    return np.mean(e**2), np.array([np.sum(e_bar * t_u), np.sum(e_bar)])


def sum_of_squares(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    x_bar = np.zeros_like(x)
    for i in range(len(x)):
        x_bar[i] = 2.0 * x[i]
    return s, x_bar


def recurrence(x, n):
    y = 0.3
    tape = []
    for _ in range(n):
        tape.append(y)
        y = y + 0.001 * x * y * (1 - y)
    x_bar, y_bar = 0.0, 1.0
    for v in reversed(tape):
        x_bar += y_bar * 0.001 * v * (1 - v)
        y_bar += y_bar * 0.001 * x * (1 - 2.0 * v)
    return y, x_bar


def scan(x):
    a = x.copy()
    for i in range(1, len(x)):
        a[i] = a[i - 1] * x[i]
    x_bar = np.zeros_like(x)
    g = 1.0
    for i in range(len(x) - 1, 0, -1):
        x_bar[i] = g * a[i - 1]
        g = g * x[i]
    x_bar[0] = g
    return a[-1], x_bar


def stencil(u0, n):
    u = u0.copy()
    v = u0.copy()
    for _ in range(n):
        middle = u[1:-1, 1:-1]
        v[1:-1, 1:-1] = middle + 0.1 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * middle)
        u, v = v, u
    u_bar, v_bar = 2.0 * u, np.zeros_like(u)
    for _ in range(n):
        g = u_bar[1:-1, 1:-1].copy()
        u_bar[1:-1, 1:-1] = 0.0
        v_bar[1:-1, 1:-1] += 0.6 * g
        g *= 0.1
        v_bar[2:, 1:-1] += g
        v_bar[:-2, 1:-1] += g
        v_bar[1:-1, 2:] += g
        v_bar[1:-1, :-2] += g
        u_bar, v_bar = v_bar, u_bar
    return np.sum(u * u), u_bar + v_bar


def stack(x):
    total = 0.0
    for i in range(len(x) - 1, -1, -1):
        total = total * 0.999 + np.sin(x[i] * x[i])
    x_bar = np.zeros_like(x)
    g = 1.0
    for i in range(len(x)):
        x_bar[i] = g * np.cos(x[i] * x[i]) * 2.0 * x[i]
        g *= 0.999
    return total, x_bar


def recursion(x, n):
    inner = [x * 0.99**k for k in range(n + 1)]
    values = [inner[n]]
    for k in range(n - 1, -1, -1):
        values.append(np.sin(values[-1]) + 0.1 * inner[k])
    x_bar, g = 0.0, 1.0
    for k in range(n):
        x_bar += 0.1 * g * 0.99**k
        g *= np.cos(values[n - 1 - k])
    return values[-1], x_bar + g * 0.99**n


def layers(net, x, t):
    hidden, out = net["hidden"], net["out"]
    h = np.tanh(x @ hidden["w"] + hidden["b"])
    e = h @ out["w"] + out["b"] - t
    e_bar = 2.0 / e.size * e
    a_bar = e_bar @ out["w"].T * (1.0 - h * h)
    gradient = {
        "hidden": {"w": x.T @ a_bar, "b": np.sum(a_bar, axis=0)},
        "out": {"w": h.T @ e_bar, "b": np.sum(e_bar, axis=0)},
    }
    return np.mean(e**2), gradient


def perceptron(w1, b1, w2, b2, x, labels):
    h = np.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    z = z - np.max(z, axis=1, keepdims=True)
    e = np.exp(z)
    s = np.sum(e, axis=1, keepdims=True)
    value = -np.mean(np.sum(labels * (z - np.log(s)), axis=1))
    z_bar = (e / s - labels) / len(x)
    a_bar = z_bar @ w2.T * (1.0 - h * h)
    return value, (x.T @ a_bar, np.sum(a_bar, axis=0), h.T @ z_bar, np.sum(z_bar, axis=0))
