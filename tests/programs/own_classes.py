"""Classes of numbers, vectors and settings that users write, with functools, dataclasses and `__dict__`."""

from __future__ import annotations

import dataclasses
import fractions
import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.programs.registry import program

MISSING = object()


class Dual:
    """A number with its derivative."""

    def __init__(self, v: Any, d: Any = 0.0) -> None:
        self.v, self.d = v, d

    def __add__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return NotImplemented if isinstance(other, str) else Dual(self.v + other, self.d)
        return Dual(self.v + other.v, self.d + other.d)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Dual:
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.v * other.v, self.v * other.d + self.d * other.v)

    __rmul__ = __mul__

    def __neg__(self) -> Dual:
        return -1 * self

    def __truediv__(self, other: Dual) -> Dual:
        return Dual(self.v / other.v, (self.d * other.v - self.v * other.d) / other.v**2)

    def __gt__(self, other: Any) -> Any:
        return self.v > other


@program(2.0, 30)
def dual_numbers_in_a_loop(x: Any, n: Any) -> Any:
    a, s = Dual(x, 1.0), Dual(0.0)
    for i in range(n):
        a = a + -1 * (a * a + -2.0) / (2 * a)
        s = s + a * i
        if s > 10.0:
            s = s * 0.5
    return s.v + a.d


@program(2.0)
def dual_numbers_of_dual_numbers(x: Any) -> Any:
    a = Dual(Dual(x, 1.0), Dual(1.0))
    cube = a * a * a + -a
    return cube.d.d * cube.v.v


@functools.total_ordering
class Vector:
    __slots__ = ("x", "y")

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __add__(self, other: Any) -> Any:
        return Vector(self.x + other.x, self.y + other.y)

    def __radd__(self, other: Any) -> Any:
        return self if other == 0 else NotImplemented

    def __iadd__(self, other: Any) -> Any:
        self.x += other.x
        self.y += other.y
        return self

    def __matmul__(self, other: Any) -> Any:
        return self.x * other.x + self.y * other.y

    def __abs__(self) -> Any:
        return math.hypot(self.x, self.y)

    def __iter__(self) -> Any:
        yield self.x
        yield self.y

    def __lt__(self, other: Any) -> Any:
        return abs(self) < abs(other)

    def __eq__(self, other: object) -> Any:
        return isinstance(other, Vector) and tuple(self) == tuple(other)


@program(2.0, 3.0)
def vectors_with_operators_and_an_order(x: Any, y: Any) -> Any:
    u, v = Vector(x, y), Vector(y, x * y)
    w = sum([u, v])
    w += u
    a, b = w
    s = (w @ u) * abs(v) + a * b + max(u, v).x
    return s * (2.0 if v >= u else 1.0) + (x if u <= v else y) + (x if u == Vector(x, y) else y)


@dataclass(order=True)
class Ranked:
    key: float
    b: float = field(compare=False, default=1.0)
    rest: list[float] = field(default_factory=list, compare=False, repr=False)


@program(2.0, 3.0)
def dataclasses_in_order(x: Any, y: Any) -> Any:
    p, q = Ranked(x, y), Ranked(y, x)
    best = max(p, q).b * min(p, q).b if p < q else x
    return best * (2.0 if p <= q else 1.0)


@program(2.0, 3.0)
def fields_of_dataclasses(x: Any, y: Any) -> Any:
    p = Ranked(x, y)
    s = sum(getattr(p, f.name) ** 2 for f in dataclasses.fields(p) if f.compare)
    for f in dataclasses.fields(Ranked):
        if f.default is not dataclasses.MISSING:
            s += getattr(p, f.name) * f.default
    return s


class Settings:
    def __init__(self, **keywords: Any) -> None:
        self.__dict__.update(keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("twice_"):
            return 2 * self.__dict__[name[6:]]
        raise AttributeError(name)


@program(2.0)
def attributes_through_dict(x: Any) -> Any:
    s = Settings(a=x, b=x * x)
    s.__dict__["c"] = s.twice_a * x
    total = sum(vars(s).values())
    s.__dict__.update({"a": 3.0}, b=x**3)
    return total * s.a * s.b + getattr(s, "d", 1.0) * s.c


def scaled(x: Any, by: Any = MISSING) -> Any:
    if by is MISSING:
        by = x * x
    return by * x


@program(2.0)
@program(np.array([1.0, 2.0]))
def a_default_that_is_a_mere_object(x: Any) -> Any:
    return np.sum(scaled(x) + scaled(x, 3.0) + scaled(x, by=x))


class Circle:
    def __init__(self, r: Any) -> None:
        self.r = r

    @functools.cached_property
    def area(self) -> Any:
        return 3.0 * self.r**2

    @functools.singledispatchmethod
    def times(self, other: Any) -> Any:
        return self.r * other

    @times.register
    def _(self, other: tuple) -> Any:  # type: ignore[type-arg]  # the class is asked for
        return sum(other) * self.r**2

    @functools.cache  # that is what is tested
    def power(self, n: int) -> Any:
        return 1.0 if n == 0 else self.r * self.power(n - 1)

    twice_and = functools.partialmethod(lambda self, a, b: self.r * a + b, 2.0)

    @property
    def d(self) -> Any:
        return 2 * self.r

    @d.deleter
    def d(self) -> None:
        self.r = 0.5 * self.r


@program(2.0)
def methods_of_functools(x: Any) -> Any:
    c = Circle(x)
    s = c.area * c.times(x) + c.times((x, 1.0)) + c.power(3) * c.power(2) + c.twice_and(x)
    del c.d
    return s * c.d + c.area


@program(2.0)
def fractions_of_known_numbers(x: Any) -> Any:
    third = fractions.Fraction(1, 3)
    return x * float(third) + x**2 * float(third + third * 2)
