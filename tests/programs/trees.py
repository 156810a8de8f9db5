"""Recursive functions that return tuples which hold tuples like themselves, and those that go through them."""

from typing import NamedTuple

import numpy as np

from tests.programs.registry import program

V = np.array([1.1, -0.7, 1.3, 0.9, 0.4, 0.6])


def build(x, n):
    if n == 0:
        return None
    return build(np.sin(x), n - 1), build(x * x, n - 1), x


def walk(t):
    if t is None:
        return 0.0
    left, right, v = t
    return walk(left) * 1.5 + walk(right) + v * v


@program(0.7, 4)
@program(0.7, 0)
def built_and_walked(x, n):
    return walk(build(x, n))


@program(0.7, 3, second=False)
def walked_twice(x, n):
    t = build(x, n)
    return walk(t) * walk(t) + (t[2] if t is not None else 0.0)


def sums(t):
    return t[0] if t[1] is None else t[0] * sums(t[1]) + sums(t[2])


def halves(x):
    if len(x) == 1:
        return x[0], None, None
    return np.sum(x * x), halves(x[: len(x) // 2]), halves(x[len(x) // 2 :])


@program(V, second=False)
def tree_of_sums(x):
    return sums(halves(x))


def chained(x, k):
    return None if k == len(x) else (x[k] * x[k - 1], chained(x, k + 1))


@program(V, refusable=True)
def chain_in_a_loop(x):
    rest = chained(x, 0)
    s = 0.0
    k = 0
    while rest is not None:
        head, rest = rest
        s = s * 0.9 + head * np.sin(head + k)
        k += 1
    return s


class Leaf(NamedTuple):
    box: np.ndarray
    inside: object


def boxes(x, depth):
    if depth == 0:
        return Leaf(x, None)
    return Leaf(x * depth, boxes(x[1:] * x[0], depth - 1))


def volume(b):
    total = np.sum(b.box**2)
    return total if b.inside is None else total + volume(b.inside)


@program(V, 3, second=False)
def arrays_in_named_tuples(x, n):
    return volume(boxes(x, n))


def depths(x, n):
    if n == 0:
        return x, ()
    y, t = depths(x * 1.1, n - 1)
    return y + x, (np.cos(y), t)


def folded(t):
    return 1.0 if len(t) == 0 else t[0] * folded(t[1])


@program(0.3, 4, refusable=True)
def result_and_a_chain(x, n):
    y, t = depths(x, n)
    return y * t[0]


def ints(n):
    return None if n == 0 else (n, ints(n - 1))


def total(t, x):
    return x if t is None else x * t[0] + total(t[1], np.sin(x))


@program(0.7, 4)
def chain_of_integers(x, n):
    return total(ints(n), x)
