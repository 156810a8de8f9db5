"""np.vectorize: what it returns is of the type of the first element's result, and refused where that is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import CompileError, grad, vjp


def cut(x: Any) -> Any:
    return np.sum(np.vectorize(lambda t: t if t > 0 else 0)(x))


def largest(x: Any) -> Any:
    return np.sum(np.vectorize(lambda t: max(t, 0))(x))


def counted(x: Any) -> Any:
    return np.sum(np.vectorize(lambda t: 2 * (1 if t > 0 else t))(x))


def summed(x: Any) -> Any:
    def powers(t: float) -> float:
        s = 0
        while s < t:
            s = s + 0.5
        return s

    return np.sum(np.vectorize(powers)(x))


@pytest.mark.parametrize("f", [cut, largest, counted, summed])
def test_ints_among_floats_are_refused(f: Any) -> None:
    with pytest.raises(CompileError, match="may be of several types") as caught:
        grad(f)(np.array([1.0, -2.0]))
    assert caught.value.column is not None and "otypes=[float]" in str(caught.value)


def test_single_precision_is_refused_without_types() -> None:
    with pytest.raises(CompileError, match="may be of several types"):
        vjp(lambda x: np.vectorize(lambda t: t * t)(x), np.ones(2, np.float32))


def test_no_elements() -> None:
    f = grad(lambda x: np.sum(np.vectorize(lambda t: t * t)(x)))
    assert np.all(f(np.array([1.0, -2.0])) == [2.0, -4.0])
    with pytest.raises(ValueError, match="size 0"):
        f(np.zeros(0))


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(CompileError, match="arrays of objects") as caught:
        grad(lambda x: np.sum(np.frompyfunc(lambda t: t * t, 1, 1)(x)))(np.ones(2))
    assert "np.vectorize" in str(caught.value)
