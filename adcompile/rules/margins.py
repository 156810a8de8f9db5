"""np.pad with margins that are computed: ramps, statistics of the entries next to them, and values known at run time.

One axis after the other is lengthened, as NumPy does.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from adcompile.ir.core import Const, Var
from adcompile.ir.structure import Node
from adcompile.rules.binding import FUNCTIONS, Argument, Binding
from adcompile.rules.padding import pairs
from adcompile.rules.table import refuse, static

Array = np.ndarray
Values = float | tuple[object, ...]

static(pairs)

STATISTICS: Final = ("maximum", "minimum", "mean", "median")


@static
def is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) or (isinstance(value, Var) and value.type.dims != ())


def ends(values: Values, axis: int) -> tuple[Any, Any]:
    """The values before and behind an axis."""
    if not isinstance(values, tuple | list):
        if is_array(values):
            refuse("np.pad: the values must be numbers, or tuples of them")
        return values, values
    if len(values) == 1:
        return ends(values[0], axis)
    if isinstance(values[0], tuple | list):
        return values[axis][0], values[axis][-1]
    return values[0], values[1]


def part(x: Array, axis: int, places: object) -> Array:
    return x[(slice(None),) * axis + (places,)]


def whole(x: Array, axis: int, n: int, value: Array) -> Array:
    """A margin of n entries that are all the same along an axis."""
    return np.broadcast_to(value, x.shape[:axis] + (n,) + x.shape[axis + 1 :]).astype(x.dtype)


def ramp(x: Array, axis: int, n: int, end: object, edge: int) -> Array:
    """The numbers from an end to an edge, which is left out."""
    numbers = np.linspace(end, part(x, axis, edge), n, endpoint=False, dtype=x.dtype)
    return np.moveaxis(numbers, 0, axis)


def statistic(x: Array, axis: int, mode: str) -> Array:
    if mode == "maximum":
        return np.max(x, axis=axis, keepdims=True)
    if mode == "minimum":
        return np.min(x, axis=axis, keepdims=True)
    return np.mean(x, axis=axis, keepdims=True) if mode == "mean" else np.median(x, axis=axis, keepdims=True)


def lengthened(x: Array, axis: int, widths: tuple[int, int], mode: str, values: Values, lengths: Values) -> Array:
    """Put margins before and behind an axis."""
    (lo, hi), (low, high), (left, right) = widths, ends(values, axis), ends(lengths, axis)
    if mode == "linear_ramp":
        before, behind = ramp(x, axis, lo, low, 0), np.flip(ramp(x, axis, hi, high, -1), axis)
    elif mode == "constant":
        before, behind = whole(x, axis, lo, low), whole(x, axis, hi, high)
    else:
        first = x if left is None else part(x, axis, slice(None, left))
        last = x if right is None else part(x, axis, slice(-right, None))
        before, behind = (
            whole(x, axis, lo, statistic(first, axis, mode)),
            whole(x, axis, hi, statistic(last, axis, mode)),
        )
    return np.concatenate(([before] if lo > 0 else []) + [x] + ([behind] if hi > 0 else []), axis=axis)


def padded(
    array: Array,
    pad_width: object,
    mode: str = "constant",
    *,
    constant_values: Values = 0,
    end_values: Values = 0,
    stat_length: Values | None = None,
) -> Array:
    """What np.pad means."""
    x = np.asarray(array)
    widths = pairs(pad_width, x.ndim)
    values = end_values if mode == "linear_ramp" else constant_values
    for axis in range(x.ndim):
        if widths[axis] != (0, 0):
            x = lengthened(x, axis, widths[axis], mode, values, stat_length)
    return x


def choose_pad(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell whether margins are computed."""
    mode = kwargs.get("mode", args[2] if len(args) > 2 else Const("constant"))
    name = mode.value if isinstance(mode, Const) else None
    computed = name in (*STATISTICS, "linear_ramp") or (name == "constant" and not known(kwargs.get("constant_values")))
    return Binding("np.pad", macro=padded) if computed else _gathered


def known(value: Argument | None) -> bool:
    """Tell whether every number in nested tuples is known when compiling."""
    if isinstance(value, Node):
        return all(known(c) for c in value.children)
    return value is None or isinstance(value, Const)


_gathered = FUNCTIONS[np.pad]
FUNCTIONS[np.pad] = Binding("np.pad", choose=choose_pad)
