"""Generators that are read in two ways at once are refused, as are those whose end is not known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from adcompile import CompileError, grad


def squares(x):
    for v in x:
        yield v * v


def endless(x):
    for k in itertools.count():
        yield x[0] * k


def zipped_with_what_reads_it(x):
    it = squares(x)
    return sum(a * b for a, b in zip(map(math.sin, it), it, strict=False))


def zipped_twice_and_more(x):
    it = squares(x)
    return sum(a * b * c for a, b, c in zip(it, it, [1.0, 2.0], strict=False))


def zipped_with_an_endless_one(x):
    it = squares(x)
    return sum(a * b for a, b in zip(it, endless(x), strict=False))


def printing(x):
    for v in x:
        print(v)
        yield v


def several_over_one_that_prints(x):
    a, b = itertools.tee(printing(x))
    return sum(u * v for u, v in zip(a, b, strict=False))


def left_in_a_try(x):
    def items():
        try:
            yield from x
        finally:
            print("done")

    it = items()
    for v in it:
        if v > 1:
            break
    return v * v


@pytest.mark.parametrize(
    ("function", "line", "text"),
    [
        (zipped_with_what_reads_it, 2, "read by another one"),
        (zipped_twice_and_more, 2, "read by another one"),
        (zipped_with_an_endless_one, 2, "may not end"),
        (several_over_one_that_prints, 1, "prints or draws"),
        (left_in_a_try, 8, "inside `try`"),
    ],
)
def test_generators_that_are_refused(function, line: int, text: str) -> None:
    with pytest.raises(CompileError, match=text) as caught:
        grad(function)(np.array([0.5, 2.0]))
    assert caught.value.line == function.__code__.co_firstlineno + line
