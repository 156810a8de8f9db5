"""What models are made of: recurrent cells, filters, dynamics, attention, decompositions, training loops."""

import math

import numpy as np

from adcompile import nn
from tests.programs.registry import program

RNG = np.random.default_rng(5)
V = np.array([1.1, -0.7, 1.3, 0.9])
W = RNG.normal(size=(4, 3)) * 0.5
U = RNG.normal(size=(3, 3)) * 0.5
X = RNG.normal(size=(5, 4))
K = np.array([0, 2, 1, 1, 2])
SPD = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.2]])


@program(X[:, :3], K)
def picked_by_counting(scores, k):
    return np.sum(scores[np.arange(len(k)), k] ** 2) * scores[0, 0]


@program(V[:3], K)
def counted_from_below_zero(x, k):
    # -1 and 2 are the same element
    return np.sum(x[np.arange(-2, 3)] ** 2 * k)


@program(X[:1], np.array([0, 2, 0]), wrt=(0,))
def counted_row_for_all(x, k):
    return np.sum(x[np.arange(1), k] ** 3)


@program(W, U, V[:3], X)
def recurrent_network(w, u, b, x):
    h = np.zeros(3)
    loss = 0.0
    for t in range(len(x)):
        h = np.tanh(x[t] @ w + h @ u + b)
        loss += np.sum((h - 0.1 * t) ** 2)
    return loss


def lstm_cell(params, x, h, c):
    z = x @ params["wx"] + h @ params["wh"] + params["b"]
    i, f, g, o = z[:2], z[2:4], z[4:6], z[6:]
    c = nn.sigmoid(f) * c + nn.sigmoid(i) * np.tanh(g)
    return nn.sigmoid(o) * np.tanh(c), c


@program({"wx": RNG.normal(size=(4, 8)) * 0.4, "wh": RNG.normal(size=(2, 8)) * 0.4, "b": np.zeros(8)}, X)
def lstm(params, x):
    h, c = np.zeros(2), np.zeros(2)
    outputs = []
    for row in x:
        h, c = lstm_cell(params, row, h, c)
        outputs.append(h)
    return np.sum(np.stack(outputs) ** 2) + np.sum(np.stack(outputs, axis=1)[0])


@program(0.9, 0.3, 0.5, X[:, 0])
def kalman_filter(a, q, r, observed):
    mean, variance, likelihood = 0.0, 1.0, 0.0
    for z in observed:
        mean, variance = a * mean, a * a * variance + q**2
        s = variance + r**2
        gain = variance / s
        residual = z - mean
        likelihood -= 0.5 * (np.log(2 * np.pi * s) + residual**2 / s)
        mean += gain * residual
        variance = (1 - gain) * variance
    return likelihood


@program(U, W[:3], V[:3], np.array([0, 2, 1, 0, 2, 1]))
def hidden_markov_forward(transitions, emissions, start, observed):
    log_a, log_b, alpha = nn.log_softmax(transitions), nn.log_softmax(emissions), nn.log_softmax(start)
    alpha = alpha + log_b[:, observed[0]]
    for symbol in observed[1:]:
        joint = alpha[:, None] + log_a
        top = np.max(joint, axis=0)
        alpha = top + np.log(np.sum(np.exp(joint - top), axis=0)) + log_b[:, symbol]
    top = np.max(alpha)
    return top + np.log(np.sum(np.exp(alpha - top)))


def pendulum(state, damping):
    return np.array([state[1], -np.sin(state[0]) - damping * state[1]])


@program(np.array([1.0, 0.0]), 0.1, 0.05, 8)
def pendulum_by_runge_kutta(state, damping, h, n):
    for _ in range(n):
        k1 = pendulum(state, damping)
        k2 = pendulum(state + h / 2 * k1, damping)
        k3 = pendulum(state + h / 2 * k2, damping)
        k4 = pendulum(state + h * k3, damping)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state[0] ** 2 + state[1]


@program(X, W, W * 0.3 + 0.1, W[::-1].copy())
def self_attention(x, wq, wk, wv):
    q, k, v = x @ wq, x @ wk, x @ wv
    return np.sum((nn.softmax(q @ k.T / np.sqrt(q.shape[1])) @ v) ** 2)


@program(X, U[:2, :2].copy())
def convolution_by_loops(image, kernel):
    m, n = image.shape[0] - 1, image.shape[1] - 1
    out = np.zeros((m, n))
    for i in range(m):
        for j in range(n):
            out[i, j] = np.sum(image[i : i + 2, j : j + 2] * kernel)
    return np.sum(np.maximum(out, 0.0) ** 2)


@program(SPD)
def cholesky_by_loops(a):
    n = len(a)
    lower = np.zeros((n, n))
    for j in range(n):
        s = 0.0
        for k in range(j):
            s += lower[j, k] ** 2
        lower[j, j] = np.sqrt(a[j, j] - s)
        for i in range(j + 1, n):
            s = 0.0
            for k in range(j):
                s += lower[i, k] * lower[j, k]
            lower[i, j] = (a[i, j] - s) / lower[j, j]
    return np.sum(np.log(np.diag(lower))) + np.sum(lower[-1] ** 3)


def rotated(r, p):
    """Rodrigues' formula."""
    angle = np.sqrt(r @ r)
    axis = r / angle
    return p * np.cos(angle) + np.cross(axis, p) * np.sin(angle) + axis * (axis @ p) * (1 - np.cos(angle))


@program(V[:3] * 0.3, np.array([0.1, 0.2, 3.0]), np.array([1.1, 0.02]), X[:, :3], X[:, :2])
def bundle_adjustment(r, t, lens, points, seen):
    error = 0.0
    for k in range(len(points)):
        p = rotated(r, points[k]) + t
        u = p[:2] / p[2]
        u = lens[0] * (1.0 + lens[1] * (u @ u)) * u
        error += np.sum((u - seen[k]) ** 2)
    return error


@program(X[:2].copy(), X)
def soft_k_means(centres, points):
    for _ in range(3):
        distance = np.sum((points[:, None, :] - centres[None, :, :]) ** 2, axis=2)
        weights = nn.softmax(-distance, axis=1)
        centres = weights.T @ points / np.sum(weights, axis=0)[:, None]
    return np.sum(centres**2)


@program(np.array([0.5, 0.1]), X[:, 0], 4)
def descent_inside(start, x, steps):
    # the loss after a few steps of training, as a function of where training began
    w = start
    for _ in range(steps):
        residual = w[0] * x + w[1] - np.sin(x)
        w = w - 0.1 * np.array([np.mean(residual * x), np.mean(residual)])
    return np.mean((w[0] * x + w[1] - np.sin(x)) ** 2)


@program(V, X, 2)
def mini_batches(w, x, size):
    loss = 0.0
    for first in range(0, len(x) - size + 1, size):
        batch = x[first : first + size]
        loss += np.mean((batch @ w - 1.0) ** 2)
    return loss + 0.01 * np.sum(w**2)


@program(1.3)
def newtons_method(a):
    x = a
    for _ in range(20):
        step = (x * x - a) / (2.0 * x)
        x = x - step
        if abs(step) < 1e-14:
            break
    return x * a


@program(V, 0.1, 0.02)
def adam_step(g, m, v):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    return np.sum(m / 0.1 / (np.sqrt(v / 0.001) + 1e-8))


@program(X[:, 0], 0.4, 0.2)
def garch(returns, alpha, beta):
    variance, likelihood = 1.0, 0.0
    for r in returns:
        likelihood -= 0.5 * (np.log(variance) + r * r / variance)
        variance = 0.1 + alpha * r * r + beta * variance
    return likelihood


@program(np.array([0.2, 0.5, 0.9, 0.1, 0.3]), 1.5)
def heat_equation(u, conductivity):
    for _ in range(4):
        flux = conductivity * (u[1:] - u[:-1])
        u = u.copy()
        u[:-1] += 0.1 * flux
        u[1:] -= 0.1 * flux
    return np.sum(u**3)


@program(X[:3, :3].copy(), X[3, :3])
def elimination_by_rows(a, b):
    a, b = a + 3.0 * np.eye(3), b.copy()
    for k in range(len(b)):
        for i in range(k + 1, len(b)):
            factor = a[i, k] / a[k, k]
            a[i] -= factor * a[k]
            b[i] -= factor * b[k]
    for k in range(len(b) - 1, -1, -1):
        b[k] = (b[k] - a[k, k + 1 :] @ b[k + 1 :]) / a[k, k]
    return np.sum(b**2)


@program(W, X)
def normalised_layer(w, x):
    h = x @ w
    h = (h - np.mean(h, axis=0)) / np.sqrt(np.var(h, axis=0) + 1e-5)
    return np.sum(nn.relu(h) ** 2)


@program([(W.T, V[:3]), (), (U, V[:3])], X, K, wrt=(0, 1))
def classifier(layers, x, k):
    return nn.cross_entropy(nn.sequence(x, (nn.linear, nn.sigmoid, nn.linear), layers), k)


@program(V, V[::-1].copy())
def clipped(g, w):
    norm = np.sqrt(np.sum(g**2))
    if norm > 1.0:
        g = g / norm
    return np.sum((w - 0.1 * g) ** 2)


@program(V, 0.5)
def huber(x, delta):
    return np.sum(np.where(np.abs(x) <= delta, 0.5 * x**2, delta * (np.abs(x) - 0.5 * delta)))


@program(X)
def list_of_rows(x):
    rows = list(x)
    rows.append(x[0] * 2.0)
    s = 0.0
    for row in rows:
        s += np.sum(row**2)
    return s * rows.pop()[1]


@program(V)
def list_of_numbers(x):
    values = list(x[1:])
    values[1] = x[0] ** 2
    s = 1.0
    for v in values:
        s = s * v + v
    return s


@program(X[:, :3], V[:3])
def cross_products(x, y):
    return np.sum(np.cross(x, y) * np.cross(y, x[0]) * x)


@program(V, 3)
def repeated_list(x, n):
    return np.sum(np.array([x[0], x[1]] * n + [x[2]] * len(x)) ** 2 * x[3])


@program(0.5)
def gates_in_nested_loops(x):
    c = 0.1
    for _ in range(3):
        d = c
        while d < 2.0:
            d = d + nn.sigmoid(c) * x * x + 0.1
        c = c * nn.sigmoid(d) + x
    return c


@program(1.0, 1.1, 0.2, 4)
def american_option(s, k, sigma, n):
    u = np.exp(sigma / np.sqrt(n))
    q = (1.01 - 1 / u) / (u - 1 / u)
    v = np.maximum(k - s * u ** np.arange(n, -1, -1) / u ** np.arange(0, n + 1), 0)
    for i in range(n - 1, -1, -1):
        price = s * u ** np.arange(i, -1, -1) * (1 / u) ** np.arange(0, i + 1)
        v = np.maximum(0.99 * (q * v[:-1] + (1 - q) * v[1:]), k - price)
    return v[0]


@program(1.0, 1.1, 0.2, 4)
def option_by_loops(s, k, sigma, n):
    u = math.exp(sigma / math.sqrt(n))
    q = (1.01 - 1 / u) / (u - 1 / u)
    v = [max(k - s * u**j * u ** (j - n), 0.0) for j in range(n + 1)]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1):
            v[j] = max(0.99 * (q * v[j + 1] + (1 - q) * v[j]), k - s * u**j * (1 / u) ** (i - j))
    return v[0]


@program(0.7, -0.4)
def powers_of_numbers(x, y):
    total = x**1.5 + (x * x + y * y) ** 0.5 + x**-2 + x**-0.5 + (x + y) ** y
    for k in range(-1, 3):
        total += y**k * x ** (k + 1) + x ** (k * y)
    return total
