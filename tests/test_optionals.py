"""Values that may be None: what is raised where one is used, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from adcompile import grad
from adcompile.errors import CompileError

X = np.linspace(-1.0, 1.0, 200)


def largest_above(x, t):
    best = None
    for v in x:
        if v > t and (best is None or v > best):
            best = v
    return 2.0 * best


def test_using_none_raises_as_in_python() -> None:
    gradient = grad(largest_above)
    assert np.array_equal(gradient(X, 0.0), 2.0 * (np.arange(200) == 199))
    with pytest.raises(TypeError):
        largest_above(X, 5.0)
    with pytest.raises(TypeError, match="None"):
        gradient(X, 5.0)


def may_return_none(x):
    for v in x:
        if v > 3.0:
            return v * v


def test_a_result_that_is_none_has_no_gradient() -> None:
    with pytest.raises(TypeError, match="None"):
        grad(may_return_none)(X)
    assert np.array_equal(grad(may_return_none)(5.0 * X), np.where(np.arange(200) == 160, 10.0 * X, 0.0))


def printed(x):
    best = None
    for v in x:
        if v > 0.5:
            best = v
    print(best)
    return x[0]


def compared(x):
    best = None
    for v in x:
        if best is not None and v > 2.0:
            return v
        if v > 0.5 and best != v:
            best = v
    return x[0]


@pytest.mark.parametrize(("function", "column"), [(printed, 5), (compared, 24)])
def test_uses_that_none_would_survive_are_refused(function, column) -> None:
    with pytest.raises(CompileError, match="may be None") as caught:
        grad(function)(X)
    assert (caught.value.line, caught.value.column) == (function.__code__.co_firstlineno + 5, column)
    assert "is None" in str(caught.value.help)


def test_the_loop_stays_a_loop() -> None:
    source = grad(largest_above).source_for(X, 0.0)
    assert len(source) == len(grad(largest_above).source_for(X[:5], 0.0))
    assert source.count("for ") == 2
