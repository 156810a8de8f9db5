"""Names that stand for things of different kinds on the two sides of a branch: each side goes on by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.programs.registry import program

X = np.array([0.3, 1.2, 0.7, 2.2])


@program(X, 1.0, wrt=(0,))
@program(X, -1.0, wrt=(0,))
def a_number_or_an_array(x: Any, c: Any) -> Any:
    penalty = 0.0
    if c > 0:
        penalty = 0.1 * np.abs(x) * c
    y = np.sin(x)
    for i in range(len(x)):
        penalty = penalty + x[i] * c
        if i == 2:
            continue
        y = y * x[i]
    return np.sum(y**2 + penalty)


@program(X)
def a_number_or_an_array_in_each_trip(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        penalty = 0.0
        if x[i] > 1:
            penalty = np.abs(x - 2.0 * x[i])
        total += np.sum(x * x + penalty) * i
    return total


@program(X)
@program(-X)
def a_number_or_an_array_within_branches(x: Any) -> Any:
    penalty = 0.0
    if x[0] > 0:
        if x[1] > 1:
            penalty = x * x
        z = x[0]
    else:
        z = x[1]
    base = x if x[2] < 0 else 2.0
    if np.sum(base) > 100:
        return z
    return np.sum(x + penalty) * z + np.sum(base) * np.size(base)


@program(X)
@program(-X)
def other_keys_on_each_side(x: Any) -> Any:
    if x[0] > 0:
        p = {"w": x, "b": x[0]}
    else:
        p = {"w": x * 2}
    s = np.sum(p["w"]) * len(p)
    for key in p:
        s += np.sum(p[key]) * len(key)
    return s


@program(X)
@program(-X)
def another_class_on_each_side(x: Any) -> Any:
    @dataclass
    class Sum:
        v: Any

        def value(self) -> Any:
            return np.sum(self.v)

    class Squares:
        def __init__(self, v: Any) -> None:
            self.w = v

        def value(self) -> Any:
            return np.sum(self.w**2)

    model = Sum(x) if x[0] > 0 else Squares(x)
    return model.value() * 2.0


@program(X)
@program(-X)
def another_shape_on_each_side(x: Any) -> Any:
    m = x if x[0] > 0 else np.outer(x, x)
    pair = (x[0], x[1]) if x[1] > 0 else (x[0], x[1], x[2])
    first, *rest = pair
    return np.sum(m) * m.shape[0] + first * sum(rest) * len(pair)
