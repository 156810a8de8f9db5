"""Calls that are made as they are: random draws, clocks, unknown functions of inactive values; and cuts."""

import contextlib
import itertools
import logging
import os
import random
import statistics
import time

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9])
M = np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4]])
LOGGER = logging.getLogger(__name__)


@program(V)
def draws_of_a_generator(x):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(x))
    mask = rng.random(x.shape) > 0.5
    return np.sum(x * noise + x**2 * rng.standard_normal(4) * mask) + rng.integers(1, 5) * x[0] + rng.uniform() * x[1]


@program(V, 42)
def draws_seeded_by_an_argument(x, seed):
    rng = np.random.default_rng(seed)
    y = x
    for i in range(3):
        y = np.sin(y) * rng.uniform(0.5, 1.5, size=len(x)) + rng.normal() * x[i]
    return np.sum(y**2)


@program(V)
def draws_of_the_module(x):
    np.random.seed(0)
    e, u, k = np.random.randn(4), np.random.rand(), np.random.randint(3)
    return np.sum(x * e) * u + x[k] ** 2 + np.sum(x[np.random.permutation(len(x))] * np.arange(4.0))


@program(V)
def draws_decide(x):
    rng = np.random.RandomState(3)
    y, n = np.sum(x), 0
    while rng.rand() < 0.7 and n < 10:
        y = y * np.cos(y) + x[n % 4]
        n += 1
    if rng.normal() > 0.0:
        y = y**2
    else:
        y = y**3 * rng.binomial(5, 0.5)
    return y


@program(V)
def dropout(x):
    rng = np.random.default_rng(2)
    kept = rng.binomial(1, 0.5, size=x.shape) / 0.5
    batch = rng.choice(4, size=2, replace=False)
    return np.sum(np.tanh(x) * kept) + np.sum(x[batch] ** 2)


@program(V.astype(np.float32))
def single_precision_noise(x):
    rng = np.random.default_rng(0)
    return np.sum(x * rng.standard_normal(4, dtype=np.float32))


@program(1.3)
def python_draws(x):
    random.seed(0)
    return x * random.random() + x**2 * random.gauss(0, 1) + random.randint(0, 5) * x


@program(1.3)
def clocks(x):
    start = time.perf_counter()
    y = np.sin(x)
    assert time.perf_counter() >= start
    return y


@program(V)
def pure_functions(x):
    s = 0.0
    for i, j in itertools.combinations(range(4), 2):
        s += x[i] * x[j]
    return s * statistics.mean([1.0, 2.0, 4.0]) + np.sum(x * np.hanning(4))


def weight(n) -> float:
    with contextlib.ExitStack() as stack:
        stack.enter_context(open(os.devnull))
    return n * 0.5


@program(V, 3, again=False, alone=False)
def helper_that_is_not_lowered(x, n):
    return np.sum(x**2) * weight(n) * int(os.environ.get("NOT_SET_ANYWHERE", "2"))


@program(V, again=False, alone=False)
def logged(x):
    s = np.sum(x**2)
    LOGGER.debug("the sum is %f", s)
    logging.getLogger("other").debug("still %f", s)
    return s * x[0]


@program(V)
def whole_numbers_cut(x):
    order = np.argsort(x)
    k = np.searchsorted(np.array([-1.0, 0.0, 1.0]), x)
    (i,) = np.where(x > 0)
    return (
        np.sum(x[order] * np.arange(4.0))
        + np.sum(x * k)
        + np.sum(x[i] ** 3)
        + x[x.argsort()[-1]] ** 2
        + np.sum(x * np.digitize(x, np.array([0.0, 1.0])))
        + np.sum(x[np.flatnonzero(x < 1.0)])
        + int(x[0] * 3.0) * x[1]
    )


@program(M)
def places_of_a_matrix(x):
    i, j = np.nonzero(x > 0)
    return np.sum(x[i, j] ** 2) + (np.sum(x) if np.allclose(x, x) and np.array_equal(x, x) else 0.0)


@program(V)
def choices_of_python_and_numpy(x):
    random.seed(1)
    i, j = random.sample(range(4), 2)
    k = random.choice([0, 1, 2])
    rng = np.random.default_rng(0)
    return x[i] * x[j] + x[k] ** 2 + x[rng.choice([1, 3])] ** 3
