"""Tuples in order, and dicts and sets whose keys depend on branches."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.programs.registry import program

X = np.array([0.4, -0.7, 1.3, 0.9, -0.2])
TIES = np.array([0.4, -0.7, 1.3, 0.9, -0.2, 0.45])


@dataclass(frozen=True, order=True)
class Scored:
    score: float
    place: int = 0


class Near(NamedTuple):
    distance: float
    place: int


@program(X)
def pairs_sorted(x):
    pairs = sorted(zip(x, range(len(x)), strict=False))
    values = [p for p, _ in pairs]
    return values[0] * pairs[1][0] * pairs[2][1] + values[1] ** 2


@program(TIES)
def pairs_sorted_with_ties(x):
    pairs = []
    for i in range(len(x)):
        pairs.append((round(float(x[i])), i % 3, x[i] ** 2))
    pairs.sort()
    return sum(k * v for k, (_, _, v) in enumerate(pairs))


@program(TIES)
def pairs_sorted_backwards_and_by_tuples(x):
    pairs = []
    for i in range(len(x)):
        pairs.append((i % 2, i % 3, x[i] ** 2))
    pairs.sort(reverse=True)
    other = sorted(pairs, key=lambda t: (t[1], -t[0]))
    return sum(k * v for k, (_, _, v) in enumerate(pairs)) + sum(k * k * v for k, (_, _, v) in enumerate(other))


@program(X)
def ordered_objects_sorted(x):
    found = sorted([Scored(v, i) for i, v in enumerate(x)])
    nearest = sorted(Near(v**2, i) for i, v in enumerate(x))
    return found[0].score * found[1].place + sum(p.distance * k + x[p.place] for k, p in enumerate(nearest))


@program(X)
def few_pairs_sorted(x):
    pairs = [(x[0], 0), (x[1], 1), (x[2], 2)]
    pairs.sort()
    values = sorted(x[:3].tolist(), key=lambda v: (v > 0, -v))
    return pairs[0][0] * pairs[1][1] + pairs[2][0] ** 2 + values[0] + values[1] * 2


@program(X)
def spanning_tree(x):
    edges = []
    for i in range(len(x)):
        for j in range(i):
            edges.append(((x[i] - x[j]) ** 2, i, j))
    edges.sort()
    parent = list(range(len(x)))

    def find(a):
        while parent[a] != a:
            a = parent[a]
        return a

    total = 0.0
    for weight, i, j in edges:
        a, b = find(i), find(j)
        if a != b:
            parent[a] = b
            total += weight
    return total


@program(X)
def keys_that_some_trips_make(x):
    above, below, seen = {}, {}, set()
    for i, v in enumerate(x):
        if v > 0:
            above[i] = v**2
            seen.add(i)
        else:
            below[i] = v
    rest = sum(x[i] for i in range(len(x)) if i in seen)
    return sum(above.values()) * sum(below.values()) * len(above) + rest * len(seen)


@program(X)
def keys_in_the_order_of_branches(x):
    d = {}
    for i, v in enumerate(x):
        if v > 0:
            d[i] = v
        else:
            d[-i] = v * 2
    return sum(v * k * j for j, (k, v) in enumerate(d.items()))


@program(X)
def largest_and_smallest(x):
    pairs = []
    for i, v in enumerate(x):
        pairs.append((v**2, i))
    few = heapq.nsmallest(2, x.tolist(), key=lambda v: -abs(v))
    most = sum(a * x[i] for a, i in heapq.nlargest(3, pairs))
    return sum(heapq.nlargest(2, x)) * heapq.nsmallest(1, x)[0] + most + few[0] * few[1] ** 2
