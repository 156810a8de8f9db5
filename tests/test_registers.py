"""What lives outside of the function and is changed in it: once a call, in order, never where a derivative is lost."""

from __future__ import annotations

import decimal
import json

import numpy as np
import pytest

from adcompile import CompileError, grad, jvp, value_and_grad
from tests.programs import registers

X = np.array([0.5, 1.2, -0.7, 2.1])
LOG: list[object] = []
ALIAS = LOG
PARTS = {"log": LOG}
CACHE: dict[object, object] = {}
BEST = 0.0


def test_what_is_changed_is_changed_once_a_call() -> None:
    gradient = value_and_grad(registers.logs)
    gradient(X)
    registers.LOG.clear()
    registers.STATISTICS["calls"] = 0
    gradient(X)
    gradient(X[:3])
    assert len(registers.LOG) == 4 + 3 + 3 + 3
    assert registers.LOG[:2] == [(0, 0.5), (1, 1.2)]
    assert registers.LOG[4].tolist() == (X**2).tolist()
    assert registers.STATISTICS == {"calls": 2}
    made = registers.Layer.made
    grad(registers.counts_in_classes)(X)
    assert registers.Layer.made == made + 1
    registers.COUNT = 0
    jvp(registers.counts_in_globals, (X,), (X,))
    assert registers.COUNT == 4 + 6


def test_closures_have_counters_of_their_own() -> None:
    one, two = registers.closure(), registers.closure()
    for f in (one, two, one):
        assert np.all(grad(f)(X) == 2.0 * X)
    counts = [dict(zip(f.__code__.co_freevars, f.__closure__, strict=True))["calls"].cell_contents for f in (one, two)]
    assert counts == [2, 1]


def test_names_may_be_bound_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = grad(registers.logs)
    gradient(X)
    before, new = list(registers.LOG), []
    old = registers.LOG
    monkeypatch.setattr(registers, "LOG", new)
    gradient(X)
    assert (len(old), len(new)) == (len(before), 7)


def read_back(x):
    LOG.append(x[0])
    return LOG[-1] * x[1]


def read_by_another_name(x):
    LOG.append(x[0])
    return ALIAS[-1] * x[1]


def read_as_a_part(x):
    LOG.append(1.0)
    return x[0] * PARTS["log"][-1]


def stored_in_a_dict(x):
    CACHE["y"] = x[0] * 2.0
    return CACHE["y"] * x[1]


def stored_in_a_global(x):
    global BEST
    BEST = max(BEST, x[0])
    return BEST * x[1]


def changed_afterwards(x):
    y = x**2
    LOG.append(y)
    y += 1.0
    return np.sum(y)


def iterated_over(x):
    LOG.append(1.0)
    return sum(x[0] for _ in LOG)


@pytest.mark.parametrize(
    ("function", "line", "column", "text"),
    [
        (read_back, 1, 5, "keep it in a variable, list or dict of the function too"),
        (read_by_another_name, 1, 5, "the derivative of that is lost"),
        (read_as_a_part, 2, 19, "a part of `PARTS` is changed in the function by another name"),
        (stored_in_a_dict, 1, 5, "the derivative of that is lost"),
        (stored_in_a_global, 2, 5, "the derivative of that is lost"),
        (changed_afterwards, 3, 5, "this is stored outside of the function"),
        (iterated_over, 2, 15, "only a run tells what it holds"),
    ],
)
def test_lost_derivatives_are_refused(function, line: int, column: int, text: str) -> None:
    with pytest.raises(CompileError) as caught:
        grad(function)(X)
    assert text in str(caught.value)
    assert (caught.value.line, caught.value.column) == (function.__code__.co_firstlineno + line, column)


def test_none_from_unknown_functions() -> None:
    def f(x):
        found = json.loads("null")
        other = json.loads("[2.5, 1]")
        return x * 2.0 if found is None and other is not None else x * len(other)

    assert grad(f)(3.0) == 2.0
    assert "found is None" in grad(f).source_for(3.0)


def test_unknown_functions_are_given_what_they_are_given() -> None:
    def f(x):
        found = json.loads("2.5")
        return x * found * len(json.dumps(found))

    assert grad(f)(3.0) == 7.5


def asks_for_a_class(x):
    found = json.loads("null")
    return x if isinstance(found, dict) else 2.0 * x


def multiplies_by_a_decimal(x):
    return float(decimal.Decimal("0.5") * x)


def asks_which_exception(x):
    try:
        if x > 1.0:
            raise KeyError("a")
        if x < 0.0:
            raise ValueError("b")
    except (KeyError, ValueError) as error:
        return x * 2.0 if isinstance(error, KeyError) else x * 3.0
    return x


def asks_for_a_text(x):
    try:
        if x > 1.0:
            raise KeyError("a")
        if x < 0.0:
            raise ValueError("b")
    except (KeyError, ValueError) as error:
        print(error)
    return x


@pytest.mark.parametrize(
    ("function", "line", "text"),
    [
        (asks_for_a_class, 2, "the class of what this function returned is known only at run time"),
        (multiplies_by_a_decimal, 1, "the arithmetic of a Decimal is not known"),
        (asks_which_exception, 7, "catch them one by one"),
        (asks_for_a_text, 7, "catch them one by one"),
    ],
)
def test_classes_that_only_a_run_tells(function, line: int, text: str) -> None:
    with pytest.raises(CompileError) as caught:
        grad(function)(0.5)
    assert text in str(caught.value)
    assert caught.value.line == function.__code__.co_firstlineno + line
