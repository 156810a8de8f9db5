"""A random program with its arguments, and its derivatives by differences."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adcompile import from_source
from tests import oracle

LARGEST = 1e4  # an entry of a derivative: what grows more is not compared
HIGHEST = 1e6  # a value: differences of larger ones are rounded too much
NOT_A_PROGRAM = (ArithmeticError, IndexError, NameError, ValueError)


@dataclass(frozen=True, eq=False)
class Subject:
    """A program, what it is differentiated at, in which direction, and the arguments that are not differentiated."""

    text: str
    x: np.ndarray
    others: Mapping[str, Any]

    @functools.cached_property
    def f(self) -> Callable[..., Any]:
        return from_source(self.text, "f")

    @property
    def of_x(self) -> Callable[..., Any]:
        """The program as a function of x alone."""
        return functools.partial(self.f, **self.others)

    @property
    def direction(self) -> np.ndarray:
        return np.cos(1.3 * np.arange(self.x.size) + 0.4).reshape(self.x.shape)

    def args(self) -> tuple[Any, ...]:
        """Return all arguments, of which x is a copy."""
        return (self.x.copy(), *self.others.values())

    def slope(self, g: Callable[[np.ndarray], Any], lengths: tuple[float, float]) -> np.ndarray | None:
        """Return the derivative of g(x) along the direction by differences, of two lengths.

        None where it jumps or grows too much to tell.
        """

        def along(h: float) -> np.ndarray:
            return oracle.flat(g(self.x + h * self.direction))

        try:
            with np.errstate(all="ignore"):
                coarse, fine = (oracle.derivative(along, length) for length in lengths)
                value = along(0.0)
        except NOT_A_PROGRAM:
            return None
        agree = np.all(np.isfinite(coarse)) and oracle.close(coarse, fine, 1e-6)
        return fine if agree and np.abs(value).max() < HIGHEST and np.abs(fine).max() < LARGEST else None
