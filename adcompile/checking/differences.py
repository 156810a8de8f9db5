"""Numerical differentiation: directional derivatives by central differences whose step is chosen by agreement.

A step that is too large errs by truncation, one that is too small by rounding, and one that jumps over a kink or a
period by anything. No single step suits every function, so a ladder of steps is tried, each half the one before, and
every three neighbours are extrapolated to step zero (Richardson). Each entry takes the extrapolation that agrees best
with its neighbours (Ridders, Adv. Eng. Software 4, 1982) and that the smallest steps, inexact as they are, do not
contradict. What is left of disagreement is reported as the error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adcompile.records import NamedTuple

__all__ = ["Estimate", "Vector", "differentiate"]

Vector = NDArray[np.float64]

_WITNESSES: Final = 4  # smallest steps, which a coarser estimate must not contradict
_NOISE: Final = 30.0  # how many times its rounding error a function may be off at those
_PATIENCE: Final = 4  # steps without improvement after which the search ends
_EXCELLENT: Final = 1e-10  # the relative error at which it ends at once


class Estimate(NamedTuple):
    """A derivative found numerically, entry by entry, how far it may be off, and the size of the function."""

    value: Vector
    error: Vector
    size: Vector


def differentiate(g: Callable[[float], Vector], scale: float, resolution: float) -> Estimate:
    """Differentiate `g` at zero.

    `scale` is the size of the numbers that the argument is added to, `resolution` the relative rounding error of what
    `g` returns. A step at which `g` raises an arithmetic error or is not finite is passed over; the error is infinite
    for an entry for which no two steps could be used.
    """
    step = float(resolution ** (1 / 6) * max(1.0, scale))
    smallest = float(resolution ** (1 / 2) * max(min(1.0, scale or 1.0), resolution**0.2 * scale))
    ladder = _Ladder(g, scale, resolution, smallest)
    while step >= smallest and not ladder.settled:
        ladder.descend(step)
        step /= 2
    return Estimate(ladder.value, ladder.error, ladder.size)


class _Ladder:
    """The steps tried so far: the last extrapolations, and the best estimate of each entry."""

    def __init__(self, g: Callable[[float], Vector], scale: float, resolution: float, smallest: float) -> None:
        self.g, self.scale, self.resolution = g, scale, resolution
        self.size = np.abs(g(0.0))
        self.value = np.zeros_like(self.size)
        self.error = np.full_like(self.value, np.inf)
        self.previous: list[Vector] = []
        self.unimproved = 0
        self.witnesses = [self._central(smallest * 2**k) for k in range(_WITNESSES)]

    @property
    def settled(self) -> bool:
        if self.unimproved >= _PATIENCE:
            return bool(np.all(np.isfinite(self.error)))
        return bool(np.all(self.error <= _EXCELLENT * np.abs(self.value)))

    def descend(self, step: float) -> None:
        """Try one more step, half the one before."""
        central, rounding = self._central(step)
        row = [central]
        for k, coarser in enumerate(self.previous[:2]):
            row.append(row[k] + (row[k] - coarser) / (4.0 ** (k + 1) - 1.0))
        self.unimproved += 1
        for k in range(1, len(row)):
            spread = np.maximum(np.abs(row[k] - row[k - 1]), np.abs(row[k] - self.previous[k - 1]))
            self._offer(row[k], np.maximum(spread + rounding, self._contradiction(row[k])))
        self.previous = row

    def _central(self, step: float) -> tuple[Vector, Vector]:
        """Return a central difference, and what rounding result and argument may add to it; NaN if there is none."""
        unusable = np.full_like(self.value, np.nan)
        with np.errstate(all="ignore"):
            try:
                ahead, behind = self.g(step), self.g(-step)
            except (ArithmeticError, ValueError):
                return unusable, unusable
            if ahead.shape != self.value.shape or behind.shape != self.value.shape:
                return unusable, unusable
            difference = (ahead - behind) / (2 * step)
            difference[~np.isfinite(difference)] = np.nan
            size = np.maximum(np.abs(ahead), np.abs(behind)) + np.abs(difference) * self.scale
            return difference, self.resolution / step * size

    def _contradiction(self, value: Vector) -> Vector:
        """Return by how much more than by rounding the smallest steps differ from an estimate."""
        off = [np.abs(value - central) - _NOISE * rounding for central, rounding in self.witnesses]
        return np.median(off, axis=0)

    def _offer(self, value: Vector, error: Vector) -> None:
        better = error < self.error  # never where it is NaN
        if np.any(better):
            self.unimproved = 0
        self.value = np.where(better, value, self.value)
        self.error = np.where(better, error, self.error)
