"""Classes that are defined inside the function: their methods are closures, and each call makes them anew."""

from __future__ import annotations

import abc
from collections import namedtuple
from dataclasses import dataclass, field, make_dataclass
from enum import Enum, IntEnum, auto
from typing import Any, NamedTuple

import numpy as np

from tests.programs.registry import program

X = np.array([0.3, 1.2, -0.7])
K = 3.0


@program(2.0)
def local_class_reads_a_variable_assigned_after_it(x: Any) -> Any:
    w = 1.0

    class Weight:
        def of(self, y: Any) -> Any:
            return y * w

    weight = Weight()
    w = x * x
    return weight.of(x)


@program(2.0)
def local_classes_of_two_calls(x: Any) -> Any:
    def make(w: Any) -> Any:
        class Line:
            def at(self, y: Any) -> Any:
                return y * w + w

        return Line()

    one, two = make(x), make(x * x)
    return one.at(2.0) * two.at(x)


@program(X)
def local_class_made_in_each_trip(x: Any) -> Any:
    s = 0.0
    for v in x:

        class Held:
            def __init__(self, a: Any) -> None:
                self.a = a

            def times(self) -> Any:
                return self.a * v

        Pair = namedtuple("Pair", "a b")
        pair = Pair(v, v**2)
        s += Held(v * v).times() + pair.a * pair.b
    return s


@program(X)
def local_class_stores_into_an_array_around_it(x: Any) -> Any:
    def make() -> Any:
        buffer = x * 1.0

        class Store:
            def put(self, i: Any, v: Any) -> None:
                buffer[i] = v

            def total(self) -> Any:
                return np.sum(buffer * x)

        return Store(), buffer

    store, same = make()
    same[0] = x[1] ** 2
    store.put(1, x[0])
    return store.total() + same[1] * same[0]


@program(2.0)
def local_class_assigns_a_variable_around_it(x: Any) -> Any:
    n, total = 0, 0.0

    class Sum:
        def add(self, v: Any) -> None:
            nonlocal n, total
            n += 1
            total += v * v

    s = Sum()
    s.add(x)
    s.add(x * x)
    return total / n


@program(2.0)
def local_class_with_attributes(x: Any) -> Any:
    class Table:
        x = K * 2
        names = ("a", "b")
        weights = np.array([1.0, 2.0, 3.0])

        def of(self, y: Any) -> Any:
            return y * self.x + self.weights[1] * y * len(self.names) * x

    return Table().of(x) + Table.x * x


@program(2.0)
def local_class_with_properties(x: Any) -> Any:
    class Circle:
        def __init__(self, r: Any) -> None:
            self.__r = r

        @property
        def r(self) -> Any:
            return self.__r

        @r.setter
        def r(self, v: Any) -> None:
            self.__r = v * v

        @staticmethod
        def twice(a: Any) -> Any:
            return 2 * a

        @classmethod
        def of(cls, a: Any) -> Any:
            return cls(a * a)

    c = Circle.of(x)
    c.r = c.r + 1
    return Circle.twice(c.r) * c.twice(x)


@program(2.0)
def local_exceptions(x: Any) -> Any:
    class Failure(Exception):
        pass

    class Late(Failure):
        pass

    try:
        if x > 1:
            raise Late("too late")
        y = x
    except Failure:
        y = x * x
    return y


@program(2.0)
def local_enums(x: Any) -> Any:
    class Color(Enum):
        RED = auto()
        GREEN = auto()

        def weight(self) -> float:
            return 2.0 if self is Color.RED else 3.0

    class Place(IntEnum):
        FIRST = 0
        SECOND = 1

    Side = Enum("Side", "LEFT RIGHT")
    items = [x, x * x]
    s = items[Place.SECOND] * items[Place.FIRST] * Side.RIGHT.value
    for c in Color:
        s += c.weight() * x**c.value
    return s


@program(2.0)
def local_records(x: Any) -> Any:
    class Pair(NamedTuple):
        a: float
        b: float = 2.0

    @dataclass(frozen=True)
    class Sum:
        a: float
        b: float = field(default=1.0)
        rest: list[float] = field(default_factory=list)

        def __add__(self, other: Sum) -> Sum:
            return Sum(self.a + other.a, self.b * other.b)

    Made = make_dataclass("Made", [("a", float), ("b", float)])
    pair, made = Pair(x), Made(x, x * x)
    s = Sum(pair.a) + Sum(made.a * made.b, pair.b)
    return s.a * s.b


@program(2.0)
def local_abstract_class(x: Any) -> Any:
    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self, y: Any) -> Any: ...

        def twice(self, y: Any) -> Any:
            return self.area(y) * 2

    class Square(Shape):
        def area(self, y: Any) -> Any:
            return y * y * x

    class Scaled(Square):
        class Factor:
            value = 0.5

        def area(self, y: Any) -> Any:
            return super().area(y) * self.Factor.value

    return Square().twice(x) + Scaled().twice(x * x)


@program(2.0)
def local_class_in_a_recursion(x: Any) -> Any:
    def rec(n: int, v: Any) -> Any:
        class Square:
            def __init__(self, a: Any) -> None:
                self.a = a * a

        s = Square(v)
        return s.a if n == 0 else rec(n - 1, s.a * 0.5)

    return rec(3, x)


@program(X)
def local_optimiser(x: Any) -> Any:
    class Momentum:
        def __init__(self, n: int) -> None:
            self.m = np.zeros(n)
            self.steps = 0

        def step(self, w: Any, g: Any, rate: float = 0.1) -> Any:
            self.steps += 1
            self.m = 0.9 * self.m + 0.1 * g
            return w - rate * self.m / (1 - 0.9**self.steps)

    optimiser, w = Momentum(len(x)), x
    for _ in range(4):
        w = optimiser.step(w, 2 * w * x)
    return np.sum(w * w)


@program(X)
def local_class_that_yields(x: Any) -> Any:
    class Powers:
        def __iter__(self) -> Any:
            yield x
            yield x * x

    return np.sum(sum(Powers()) * x)
