"""itertools and operator: groups, several iterators over the same items, an iterator zipped with itself."""

from __future__ import annotations

import itertools
import math
import operator
from collections import namedtuple
from typing import Any

import numpy as np

from tests.programs.registry import program

X = np.array([0.3, 1.2, 0.7, 2.2])
L = [0.3, 1.2, 0.7, 2.2]


@program(X)
@program(L)
def groups_by_a_condition_at_run_time(x: Any) -> Any:
    s = 0.0
    for above, group in itertools.groupby(x, key=lambda v: v > 0.5):
        t = 0.0
        for v in group:
            t += v
        s += t * t if above else t
    return s


@program(X)
def groups_by_known_keys(x: Any) -> Any:
    items = sorted(zip("baba", x), key=operator.itemgetter(0))  # of equal lengths
    s = 0.0
    for name, group in itertools.groupby(items, key=lambda pair: pair[0]):
        product = math.prod(v for _, v in group)
        s += product**2 if name == "a" else product
    groups = [list(g) for _, g in itertools.groupby([3, 3, 4], key=lambda i: i % 2)]
    return s + x[groups[0][0]] * x[len(groups)]


@program(X)
def groups_that_are_left_early(x: Any) -> Any:
    s = 0.0
    for k, group in itertools.groupby(x, lambda v: int(v)):
        for v in group:
            s += v * v * k
            break
    return s


@program(X)
@program(L)
def several_iterators_over_the_same_items(x: Any) -> Any:
    first, second = itertools.tee(v * v for v in x)
    rest = iter(x)
    u = next(rest)
    a, b, c = itertools.tee(rest, 3)
    return sum(first) * max(second) + u * sum(a) + next(b) * next(b) + sum(v**2 for v in c)


@program(X)
def several_iterators_over_an_array_that_changes(x: Any) -> Any:
    y = x * 1.0
    a, b = itertools.tee(y)
    y[1] = x[0] ** 2
    return sum(a) * sum(u * u for u in b)


@program(X)
@program(L)
def an_iterator_zipped_with_itself(x: Any) -> Any:
    it = iter(x)
    u = next(it)
    s = 0.0
    for a, b in zip(it, it):  # what is left is dropped
        s += a * b * u
    return s + sum(it) + sum(a / b for a, b in zip(*[iter(x)] * 2))  # pairs


@program(X, np.arange(1.0, 8.0))
@program(X, [1.0, 2.0])
@program(L, [1.0, 2.0, 3.0, 4.0, 5.0])
def items_of_the_longer_one(x: Any, y: Any) -> Any:
    s = sum(a / b for a, b in itertools.zip_longest(x, y, fillvalue=x[0]))
    for a, b in itertools.zip_longest(x, y):
        s += a * a if b is None else b if a is None else a * b
    return s


@program(X)
@program(L)
def running_results_from_a_start(x: Any) -> Any:
    s = sum(itertools.accumulate(x, operator.mul, initial=2.0))
    return s * sum(itertools.accumulate((v * v for v in x), initial=x[0])) + sum(itertools.accumulate(x, initial=None))


@program(X)
def functions_of_the_operator_module(x: Any) -> Any:
    y, items = x * 1.0, [1.0, 2.0]
    operator.setitem(y, 0, x[1] ** 2)
    operator.setitem(items, 1, x[0])
    operator.imul(y, x)
    s = operator.getitem(x, 2) + operator.pos(x[0]) + operator.abs(-x[0]) + operator.concat([x[0]], [x[1]])[1]
    if operator.contains(items, 1.0) and operator.not_(operator.is_(items, None)) and operator.truth(items):
        s = operator.isub(s, operator.itruediv(x[3], 2.0))
    return np.sum(y) * items[1] * s


@program(X, 4)
def indices_in_ranges(x: Any, n: Any) -> Any:
    s = 0.0
    for i in range(n):
        if i in range(1, 3):
            s += x[i] ** 2
        if i + 1 in range(len(x)) and i not in range(n, -1, -2):
            s += x[i + 1]
        if x[i] in x[:2]:
            s += x[i]
    return s


@program(X)
def named_tuples_made_of_items(x: Any) -> Any:
    Pair = namedtuple("Pair", ["a", "b"], defaults=[2.0])
    p = Pair._make(x[:2])
    q = p._replace(b=x[2])
    return p.a * p.b + q.b * q._asdict()["a"] + Pair(x[3]).b * x[3]
