"""scipy.integrate: sums by trapezoids, as SciPy computes them. Simpson's rule is followed in its source."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np
import scipy.integrate

from adcompile.rules.binding import macro
from adcompile.rules.differences import before
from adcompile.rules.table import refuse

Array = np.ndarray


def pieces(y: Array, x: Array | None, dx: float, axis: int) -> Array:
    """The trapezoids between neighbours along an axis."""
    between = dx if x is None else distances(np.asarray(x), y, axis)
    return between * (y[before(axis) + (slice(1, None),)] + y[before(axis) + (slice(None, -1),)]) / 2.0


def distances(x: Array, y: Array, axis: int) -> Array:
    if x.ndim == 1:
        return np.reshape(np.diff(x), (1,) * axis + (-1,) + (1,) * (y.ndim - 1 - axis))
    if x.ndim != y.ndim:
        refuse("the coordinates must be a vector, or have as many axes as what is integrated")
    return np.diff(x, axis=axis)


@macro(scipy.integrate.trapezoid)
def trapezoid(y: Array, x: Array | None = None, dx: float = 1.0, axis: int = -1) -> Array:
    y = np.asarray(y)
    return np.sum(pieces(y, x, dx, axis % y.ndim), axis=axis)


@macro(scipy.integrate.cumulative_trapezoid)
def cumulative_trapezoid(
    y: Array, x: Array | None = None, dx: float = 1.0, axis: int = -1, initial: float | None = None
) -> Array:
    y = np.asarray(y)
    axis = axis % y.ndim
    found = np.cumsum(pieces(y, x, dx, axis), axis=axis)
    if initial is None:
        return found
    if initial != 0:
        refuse("scipy.integrate.cumulative_trapezoid: `initial` must be None or 0")
    return np.concatenate([np.zeros_like(y[before(axis) + (slice(0, 1),)], dtype=found.dtype), found], axis)
