"""Numbers with equal ratios."""

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
