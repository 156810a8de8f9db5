"""Classes inside functions: what is refused, where, and what their bodies read."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import pytest

from adcompile import CompileError, grad

FACTOR = 2.0


def carried(x):
    old, s = None, 0.0
    for v in x:

        class Held:
            def __init__(self, a: Any) -> None:
                self.a = a

        if old is not None and isinstance(old, Held):
            s += 100 * v
        old = Held(v)
        s += old.a
    return s


def active_attribute(x):
    class Held:
        twice = x * 2

    return np.sum(Held.twice)


def prints(x):
    class Held:
        print("hello")

    return np.sum(x)


def decorated(x):
    def add(cls):
        return cls

    @add
    class Held:
        pass

    return np.sum(x)


def abstract(x):
    class Held(abc.ABC):
        @abc.abstractmethod
        def area(self): ...

    Held()
    return np.sum(x)


def recursive_method(x):
    class Power:
        def of(self, n):
            return x if n == 0 else self.of(n - 1) * x

    return np.sum(Power().of(3))


@pytest.mark.parametrize(
    ("function", "line", "column", "text"),
    [
        (carried, 4, 9, "holds an object of this class from another trip"),
        (active_attribute, 1, 5, "reads `x`, which is known only at run time"),
        (prints, 2, 9, "not followed"),
        (decorated, 4, 6, "`add` is known only at run time"),
        (abstract, 5, 5, "abstract"),
        (recursive_method, 3, 37, "recursive"),
    ],
)
def test_class_statements_that_are_refused(function, line: int, column: int, text: str) -> None:
    with pytest.raises(CompileError, match=text) as caught:
        grad(function)(np.array([1.0, 2.0]))
    assert (caught.value.line, caught.value.column) == (function.__code__.co_firstlineno + line, column)


def test_a_class_body_is_made_again_when_what_it_reads_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x):
        class Scale:
            factor = FACTOR

        return x * Scale.factor

    gradient = grad(f)
    assert gradient(3.0) == 2.0
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert gradient(3.0) == 5.0


class Plain:
    def __init__(self, a):
        self.a = a


def changed_beside_its_dict(x):
    p = Plain(x)
    held = p.__dict__
    p.a = x * x
    return np.sum(held["a"])


def changed_through_its_dict(x):
    p = Plain(x)
    held = vars(p)
    held["a"] = x * x
    return np.sum(p.a)


@pytest.mark.parametrize("function", [changed_beside_its_dict, changed_through_its_dict])
def test_an_object_and_its_dict_are_one(function) -> None:
    with pytest.raises(CompileError, match="while a name refers to") as caught:
        grad(function)(np.array([1.0, 2.0]))
    assert (caught.value.line, caught.value.column) == (function.__code__.co_firstlineno + 3, 5)
