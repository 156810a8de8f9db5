"""Medians, quantiles and percentiles, by every method, also without NaN.

Each is a place among the entries in order, between two of them: its derivative is that of these two, by nearness. Where
the place is depends on the number of entries and the method alone, so that NumPy tells it for the numbers 0, 1, 2, ...
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype, result_type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, entries
from adcompile.rules.define import primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.reductions import averaged, restore
from adcompile.rules.table import adjoint, nonlinear, refuse

Array = np.ndarray
Axis = int | None

# Methods whose results have the type of the entries, whatever that of the probabilities.
OF_ENTRIES: Final = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")


def infer_median(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer median."""
    t, axis, keepdims = args[0].type, attrs[0], attrs[1]
    if isinstance(axis, tuple):
        raise TypeError("np.median: several axes are not supported; reshape them to one")
    dtype = numpy_dtype(t)
    return result_type(None if dtype is None else averaged(dtype), reduced(t.dims, axis, keepdims))


def infer_quantile(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer quantile: the axes of the probabilities come first."""
    inner, q = infer_median(facts, args, attrs), args[1].type
    if q.dims is None or len(q.dims) > 1:
        raise TypeError("np.quantile: the probabilities must be a number or a vector")
    if not q.dims or inner.dtype is None or attrs[2] in OF_ENTRIES:
        dtype = inner.dtype
    else:
        dtype = np.result_type(inner.dtype, numpy_dtype(q), np.float32 if q.inexact else np.float64)
    return result_type(dtype, None if inner.dims is None else (*q.dims, *inner.dims))


_MEDIAN = "a, axis: axes = None, out: no = None, overwrite_input: no = False, keepdims: static = False"
for _name in ("median", "nanmedian"):
    primitive(_name, infer_median, f"np.{_name}", "x", "axis=None, keepdims=False", usage=_MEDIAN)
_QUANTILE = "a, q, axis: axes = None, out: no = None, overwrite_input: no = False, method: static = 'linear', "
_QUANTILE += "keepdims: static = False, *, weights: no = None, interpolation: no = None"
for _name in ("quantile", "percentile", "nanquantile", "nanpercentile"):
    primitive(
        _name,
        infer_quantile,
        f"np.{_name}",
        "x, q",
        "axis=None, keepdims=False, method='linear'",
        usage=_QUANTILE,
    )

# -- along several axes


def last(a: Array, axis: tuple[int, ...]) -> Array:
    """Put several axes last, as one."""
    axes = tuple([i % a.ndim for i in axis])
    kept = tuple([i for i in range(a.ndim) if i not in axes])
    return np.reshape(np.transpose(a, kept + axes), tuple([a.shape[i] for i in kept]) + (-1,))


def put_back(found: Array, a: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    return np.expand_dims(found, tuple([i % a.ndim - a.ndim for i in axis])) if keepdims else found


def over_axes(function: Callable[..., Array]) -> Callable[..., Array]:
    """Make the quantile along several axes of that along the last one."""

    def taken(a: Array, q: Array, axis: tuple[int, ...], keepdims: bool = False, method: str = "linear") -> Array:
        return put_back(function(last(a, axis), q, axis=-1, method=method), a, axis, keepdims)

    return taken


def median_over_axes(function: Callable[..., Array]) -> Callable[..., Array]:
    """Make the median along several axes of that along the last one."""

    def taken(a: Array, axis: tuple[int, ...], keepdims: bool = False) -> Array:
        return put_back(function(last(a, axis), axis=-1), a, axis, keepdims)

    return taken


def choose_axes(usual: Binding, several: Callable[..., Array], place: int) -> Binding:
    """Tell whether there are several axes."""

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        axis = kwargs.get("axis", args[place] if len(args) > place else Const(None))
        named = entries(axis)
        plain = len(args) <= place + 1 and kwargs.keys() <= {"q", "axis", "keepdims", "method"}
        return Binding(usual.name, macro=several) if named is not None and len(named) > 1 and plain else usual

    return Binding(usual.name, choose=choose)


for _f in (np.median, np.nanmedian):
    FUNCTIONS[_f] = choose_axes(FUNCTIONS[_f], median_over_axes(_f), 1)
for _q in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile):
    FUNCTIONS[_q] = choose_axes(FUNCTIONS[_q], over_axes(_q), 2)

# -- derivatives


def ranks(x: Array, axis: Axis) -> Array:
    """The place of each entry in the order along an axis, or of all; NaN comes last."""
    if axis is None:
        return np.reshape(np.argsort(np.argsort(np.ravel(x))), x.shape)
    return np.argsort(np.argsort(x, axis=axis), axis=axis)


def length(x: Array, axis: Axis) -> int:
    return x.size if axis is None else x.shape[axis]


def halves(place: Array, n: int | Array, dtype: np.dtype) -> Array:
    """A half for each of the two places in the middle, or 1 for the one."""
    return (0.5 * ((place == (n - 1) // 2).astype(dtype) + (place == n // 2).astype(dtype))).astype(dtype)


def weighted(weights: Array, x_dot: Array) -> Array:
    """Tangents times their weights; one without a weight may be infinite."""
    return weights * np.where(weights != 0, x_dot, 0.0)


@nonlinear("median")
def median_tangent(ans: Array, x: Array, axis: Axis, keepdims: bool, x_dot: Array) -> Array:
    weights = halves(ranks(x, axis), length(x, axis), x.dtype)
    return np.sum(weighted(weights, x_dot), axis=axis, keepdims=keepdims)


@adjoint("median")
def median_adjoint(g: Array, ans: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    return restore(g, axis, keepdims) * halves(ranks(x, axis), length(x, axis), x.dtype)


@nonlinear("nanmedian")
def nanmedian_tangent(ans: Array, x: Array, axis: Axis, keepdims: bool, x_dot: Array) -> Array:
    count = np.sum(np.logical_not(np.isnan(x)), axis=axis, keepdims=True)
    chosen = np.where(np.isnan(x), 0.0, weighted(halves(ranks(x, axis), count, x.dtype), x_dot))
    return np.sum(chosen, axis=axis, keepdims=keepdims)


def spread(place: Array, rank: int) -> Array:
    """Places with as many axes behind them as an array has."""
    return np.expand_dims(place, tuple(range(np.ndim(place), np.ndim(place) + rank)))


def slopes(x: Array, q: Array, axis: Axis, method: str) -> Array:
    """The derivative of quantiles in the entries; probabilities first."""
    n = length(x, axis)
    place = q * (n - 1) if method == "linear" else np.quantile(np.arange(n), q, method=method)
    return np.maximum(1.0 - np.abs(ranks(x, axis) - spread(place, x.ndim)), 0.0).astype(x.dtype)


def summed(parts: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    """Sum over the entries of x, behind the axes of the probabilities."""
    first = parts.ndim - x.ndim
    return np.sum(parts, axis=tuple(range(first, parts.ndim)) if axis is None else axis + first, keepdims=keepdims)


def rise(x: Array, q: Array, axis: Axis, keepdims: bool, method: str) -> Array:
    """The derivative of quantiles in the probabilities: from the entry at a place, or before it, to the next one."""
    if method != "linear":
        refuse("quantiles have a derivative in the probability for the method 'linear' alone")
    n, rows = length(x, axis), np.sort(np.ravel(x) if axis is None else np.moveaxis(x, axis, 0), axis=0)
    before = np.clip(np.floor(q * (n - 1)).astype(int), 0, n - 2)
    found = (rows[before + 1] - rows[before]) * (n - 1)
    if not keepdims:
        return found
    return spread(found, x.ndim) if axis is None else np.expand_dims(found, axis + np.ndim(q))


def moved(
    x: Array, q: Array, axis: Axis, keepdims: bool, method: str, x_dot: Array | None, q_dot: Array | None
) -> object:
    """The tangent of quantiles."""
    total: object = 0.0
    if x_dot is not None:
        total = total + summed(weighted(slopes(x, q, axis, method), x_dot), x, axis, keepdims)
    if q_dot is not None:
        slope = rise(x, q, axis, keepdims, method)
        total = total + slope * spread(q_dot, np.ndim(slope) - np.ndim(q_dot))
    return total


def moved_without_nan(
    x: Array, q: Array, axis: Axis, keepdims: bool, method: str, x_dot: Array | None, q_dot: Array | None
) -> Array:
    """The tangent of quantiles of the entries that are numbers."""
    if x_dot is None or q_dot is not None:
        refuse("quantiles without NaN have no derivative in the probability")
    if method != "linear":
        refuse("quantiles without NaN have a derivative for the method 'linear' alone")
    count = np.sum(np.logical_not(np.isnan(x)), axis=axis, keepdims=True)
    near = np.maximum(1.0 - np.abs(ranks(x, axis) - spread(q, x.ndim) * (count - 1)), 0.0).astype(x.dtype)
    return summed(np.where(np.isnan(x), 0.0, weighted(near, x_dot)), x, axis, keepdims)


@nonlinear("quantile")
def quantile_tangent(
    ans: Array,
    x: Array,
    q: Array,
    axis: Axis,
    keepdims: bool,
    method: str,
    x_dot: Array | None,
    q_dot: Array | None,
) -> object:
    return moved(x, q, axis, keepdims, method, x_dot, q_dot)


@nonlinear("percentile")
def percentile_tangent(
    ans: Array,
    x: Array,
    q: Array,
    axis: Axis,
    keepdims: bool,
    method: str,
    x_dot: Array | None,
    q_dot: Array | None,
) -> object:
    return moved(x, q / 100.0, axis, keepdims, method, x_dot, None if q_dot is None else q_dot / 100.0)


@nonlinear("nanquantile")
def nanquantile_tangent(
    ans: Array,
    x: Array,
    q: Array,
    axis: Axis,
    keepdims: bool,
    method: str,
    x_dot: Array | None,
    q_dot: Array | None,
) -> object:
    return moved_without_nan(x, q, axis, keepdims, method, x_dot, q_dot)


@nonlinear("nanpercentile")
def nanpercentile_tangent(
    ans: Array,
    x: Array,
    q: Array,
    axis: Axis,
    keepdims: bool,
    method: str,
    x_dot: Array | None,
    q_dot: Array | None,
) -> object:
    return moved_without_nan(x, q / 100.0, axis, keepdims, method, x_dot, q_dot)
