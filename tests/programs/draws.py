"""Random orders and choices of numbers, arrays and lists: the same are drawn, and so are those that follow."""

import random

import numpy as np

from tests.programs.registry import program

X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])
M = np.arange(15.0).reshape(5, 3) * 0.1 + 0.3


@program(X, M)
def generator_orders(x, m):
    rng = np.random.default_rng(0)
    places = np.arange(5)
    rng.shuffle(places)
    y, z = rng.permutation(x), rng.permutation(m)
    w, u = x * 2.0, m * m
    rng.shuffle(w)
    rng.shuffle(u)
    s = np.sum(y * np.arange(5)) + np.sum(z * M) * rng.random() + np.sum(w * x)
    return s + np.sum(u * M) * rng.normal() + np.sum(x[places] * np.arange(5))


@program(X)
def generator_choices(x):
    rng = np.random.default_rng(1)
    one, some, apart = rng.choice(x), rng.choice(x, size=3), rng.choice(x, (2, 2), replace=False)
    return one * one + np.sum(some * np.arange(3)) + np.sum(apart * np.arange(4).reshape(2, 2)) * rng.random()


@program(X)
def numpy_module_orders(x):
    np.random.seed(1)
    y, z, w = np.random.permutation(x), np.random.choice(x, 3), x * 2.0
    np.random.shuffle(w)
    order = [0, 1, 2]
    np.random.shuffle(order)
    s = 0.0
    for k in order:
        s = s * 2.0 + x[k]
    return s + np.sum(y * np.arange(5)) + np.sum(z * np.arange(3)) + np.sum(w * x) * np.random.random()


@program(X, again=False)
def python_orders(x):
    random.seed(3)
    order, s = list(range(len(x))), 0.0
    for _ in range(3):
        random.shuffle(order)
        for i in order:
            s = s * 0.9 + x[i]
    values = [x[0], x[1], x[2] * x[3]]
    random.shuffle(values)
    source = random.Random(5)
    held = list(x)
    source.shuffle(held)
    s = s + values[0] + 2.0 * values[1] + 3.0 * values[2]
    return s + sum(v * i for i, v in enumerate(held)) * source.random()


@program(X, again=False)
def python_choices(x):
    random.seed(1)
    a, b = random.sample(list(x), 2)
    c, d, e = random.choice(list(x)), random.choice([x[0], x[1]]), random.choice(x)
    f, g = random.choices([x[0], x[1] * x[2], x[3]], k=2)
    return a * a * b + c * c + d * x[2] + e + f * g * random.random()


@program(np.linspace(0.1, 1.0, 250), second=False)
def long_tolist(x):
    numbers, s = x.tolist(), 0.0
    for v in numbers:
        s = s * 0.9 + v * v
    return s + numbers[3] * numbers[-1]
