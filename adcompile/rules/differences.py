"""Sums and differences along an axis, and multiples of a period."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, Length, combine
from adcompile.ir.types import Type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims
from adcompile.rules.promotion import ufunc_dtype
from adcompile.rules.shapes import array
from adcompile.rules.table import adjoint, linear, nonlinear

Array = np.ndarray

# -- sums and differences along an axis


@macro(np.trapezoid)
def trapezoid(y: Array, x: Array | None = None, dx: float = 1.0, axis: int = -1) -> Array:
    """The integral by trapezoids."""
    axis = axis % y.ndim
    later, earlier = y[before(axis) + (slice(1, None),)], y[before(axis) + (slice(None, -1),)]
    if x is None:
        return np.sum(dx * (later + earlier) / 2.0, axis=axis)
    x = np.asarray(x)
    d = np.diff(x) if x.ndim == 1 else np.diff(x, axis=axis)
    d = np.reshape(d, (-1,) + (1,) * (y.ndim - 1 - axis)) if x.ndim == 1 else d
    return np.sum(d * (later + earlier) / 2.0, axis=axis)


def before(axis: int) -> tuple[slice, ...]:
    return (slice(None),) * axis


@macro(np.ediff1d)
def ediff1d(ary: Array, to_end: Array | None = None, to_begin: Array | None = None) -> Array:
    flat = np.ravel(ary)
    found = flat[1:] - flat[:-1]
    if to_begin is None and to_end is None:
        return found
    first = [] if to_begin is None else [np.ravel(to_begin)]
    last = [] if to_end is None else [np.ravel(to_end)]
    return np.concatenate([*first, found, *last])


def infer_diff(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer diff."""
    t = args[0].type
    n, axis = attrs
    assert isinstance(n, int) and isinstance(axis, int)
    if t.dims is None:
        return array(t, None)
    shorter = combine("slice", (facts.find(t.dims[axis]), n or None, None, None))
    return Type("array", None if t.dtype is None else ufunc_dtype(np.subtract, (t, t)), _with(t.dims, axis, shorter))


def _with(dims: Dims, axis: int, length: Length) -> Dims:
    return (*dims[:axis], length, *dims[axis + 1 :])


primitive(
    "diff",
    infer_diff,
    "np.diff",
    "x",
    "n=1, axis=-1",
    usage="a, n: static = 1, axis: axis = -1, prepend: no = None, append: no = None",
    cost="arithmetic",
)


@linear("diff")
def diff_adjoint(g: Array, ans: Array, x: Array, n: int, axis: int) -> Array:
    return spread_differences(g, n, axis)


def spread_differences(g: Array, n: int, axis: int) -> Array:
    """Transpose n differences."""
    if n == 0:
        return g
    edge = np.zeros_like(g[(slice(None),) * axis + (slice(0, 1),)])
    return spread_differences(-np.diff(np.concatenate([edge, g, edge], axis), axis=axis), n - 1, axis)


_diff = FUNCTIONS[np.diff]


def diff_with_ends(
    a: Array, n: int = 1, axis: int = -1, prepend: Array | None = None, append: Array | None = None
) -> Array:
    """Differences after more entries were put before and behind."""
    axis = axis % a.ndim
    parts = [a]
    if prepend is not None:
        parts = [end(prepend, a, axis), *parts]
    if append is not None:
        parts = [*parts, end(append, a, axis)]
    return np.diff(np.concatenate(parts, axis), n, axis)


def end(value: Array, a: Array, axis: int) -> Array:
    if np.ndim(value) > 0:
        return np.asarray(value)
    return np.broadcast_to(value, a.shape[:axis] + (1,) + a.shape[axis + 1 :])


def choose_diff(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell differences with more entries put before and behind."""
    ends = len(args) > 3 or "prepend" in kwargs or "append" in kwargs
    return Binding("np.diff", macro=diff_with_ends) if ends else _diff


FUNCTIONS[np.diff] = Binding("np.diff", choose=choose_diff)


@macro(np.cumulative_sum)
def cumulative_sum(x: Array, /, *, axis: int | None = None, include_initial: bool = False) -> Array:
    found = np.cumsum(x, axis=axis)
    return with_initial(found, x, axis, 0.0) if include_initial else found


@macro(np.cumulative_prod)
def cumulative_prod(x: Array, /, *, axis: int | None = None, include_initial: bool = False) -> Array:
    found = np.cumprod(x, axis=axis)
    return with_initial(found, x, axis, 1.0) if include_initial else found


def with_initial(found: Array, x: Array, axis: int | None, value: float) -> Array:
    axis = 0 if axis is None else axis % x.ndim
    first = np.full_like(found[before(axis) + (slice(0, 1),)], value)
    return np.concatenate([first, found], axis)


# -- unwrap, which adds multiples of the period


def infer_unwrapped(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer unwrap."""
    t = args[0].type
    return Type("array", np.dtype(float) if t.dtype is None else np.result_type(t.dtype, np.float32), t.dims)


primitive(
    "unwrap",
    infer_unwrapped,
    "np.unwrap",
    "p",
    "discont=None, axis=-1, period=6.283185307179586",
    usage="p, discont: static = None, axis: axis = -1, *, period: static = 6.283185307179586",
)


@nonlinear("unwrap")
def unwrap_tangent(ans: Array, p: Array, discont: float | None, axis: int, period: float, p_dot: Array) -> Array:
    return p_dot


@adjoint("unwrap")
def unwrap_adjoint(g: Array, ans: Array, p: Array, discont: float | None, axis: int, period: float) -> Array:
    return g
