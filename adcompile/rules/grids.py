"""Numbers with equal ratios, and the places of a grid."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.rules.binding import macro
from adcompile.rules.table import refuse

Array = np.ndarray


@macro(np.logspace)
def logspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, base: float = 10.0, dtype: None = None
) -> Array:
    if np.ndim(base) > 0:
        refuse("np.logspace: several bases are not supported; write np.power(base, np.linspace(...))")
    return np.power(base, np.linspace(start, stop, num, endpoint))


@macro(np.geomspace)
def geomspace(start: float, stop: float, num: int = 50, endpoint: bool = True) -> Array:
    """Numbers with equal ratios."""
    sign = np.sign(start)
    inner = logspace(np.log10(start / sign), np.log10(stop / sign), num, endpoint)
    if endpoint:
        return sign * np.concatenate([np.atleast_1d(start / sign), inner[1:-1], np.atleast_1d(stop / sign)])
    return sign * np.concatenate([np.atleast_1d(start / sign), inner[1:]])


@macro(np.ix_)
def ix_(*args: Array) -> tuple[Array, ...]:
    """The places of a grid: one array of indices for each axis, of as many axes as there are."""
    return tuple(along(placed(a), k, len(args)) for k, a in enumerate(args))


def placed(a: Array) -> Array:
    """Indices; those where a mask is true."""
    a = np.asarray(a)
    return np.nonzero(a)[0] if a.dtype == bool else a


def along(a: Array, axis: int, count: int) -> Array:
    return np.reshape(a, tuple(-1 if k == axis else 1 for k in range(count)))
