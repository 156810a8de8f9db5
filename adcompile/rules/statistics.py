"""Averages, covariances, and reductions without NaN, step by step as NumPy computes them."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.rules.binding import macro
from adcompile.rules.reductions import conjugated

Array = np.ndarray
Axis = int | tuple[int, ...] | None

# -- averages


@macro(np.average)
def average(
    a: Array, axis: int | None = None, weights: Array | None = None, returned: bool = False, *, keepdims: bool = False
) -> object:
    """The mean, or the mean with weights."""
    if weights is None:
        found = np.mean(a, axis=axis, keepdims=keepdims)
        return (found, np.full_like(found, a.size / np.size(found))) if returned else found
    w = np.asarray(weights)
    if axis is not None and w.ndim < a.ndim:
        axis = axis % a.ndim
        w = np.reshape(w, (1,) * axis + (-1,) + (1,) * (a.ndim - 1 - axis))
    scale = np.sum(w, axis=axis, keepdims=keepdims)
    found = np.sum(np.multiply(a, w), axis=axis, keepdims=keepdims) / scale
    return (found, np.broadcast_to(scale, np.shape(found))) if returned else found


@macro(np.cov)
def covariance(
    m: Array,
    y: Array | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Array | None = None,
    aweights: Array | None = None,
    *,
    dtype: None = None,
) -> Array:
    """The covariances of the rows."""
    x = rows(m, rowvar)
    if y is not None:
        x = np.concatenate([x, rows(y, rowvar)], 0)
    off = ddof if ddof is not None else (0 if bias else 1)
    if fweights is None and aweights is None:
        x = x - np.expand_dims(np.mean(x, axis=1), 1)
        c = np.dot(x, conjugated(x.T)) * np.true_divide(1, x.shape[1] - off)
        return np.squeeze(c) if m.ndim == 1 and y is None else c
    w = combined(fweights, aweights)
    total = np.sum(w)
    x = x - np.expand_dims(np.sum(x * w, axis=1) / total, 1)
    if off == 0:
        scale = total
    elif aweights is None:
        scale = total - off
    else:
        scale = total - off * np.sum(w * aweights) / total
    c = np.dot(x, conjugated((x * w).T)) * np.true_divide(1, scale)
    return np.squeeze(c) if m.ndim == 1 and y is None else c


def combined(fweights: Array | None, aweights: Array | None) -> Array:
    """The weights of the columns: how often each was seen, times how much it counts."""
    if fweights is None:
        return np.asarray(aweights) + 0.0
    counts = np.asarray(fweights) + 0.0
    return counts if aweights is None else counts * aweights


def rows(m: Array, rowvar: bool) -> Array:
    if m.ndim == 1:
        return m[np.newaxis, :]
    return m if rowvar else m.T


@macro(np.corrcoef)
def correlation(x: Array, y: Array | None = None, rowvar: bool = True) -> Array:
    """The correlations of the rows."""
    c = covariance(x, y, rowvar)
    spread = np.sqrt(np.diag(c))
    c = c / np.expand_dims(spread, 1)
    return np.clip(c / np.expand_dims(spread, 0), -1, 1)


# -- without NaN


def cleaned(a: Array, value: float) -> Array:
    """The entries with a value in place of NaN."""
    return np.where(np.isnan(a), value, a)


@macro(np.nansum)
def nansum(a: Array, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False) -> Array:
    return np.sum(cleaned(a, 0.0), axis=axis, keepdims=keepdims)


@macro(np.nanprod)
def nanprod(a: Array, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False) -> Array:
    return np.prod(cleaned(a, 1.0), axis=axis, keepdims=keepdims)


@macro(np.nancumsum)
def nancumsum(a: Array, axis: int | None = None, dtype: None = None, out: None = None) -> Array:
    return np.cumsum(cleaned(a, 0.0), axis=axis)


@macro(np.nancumprod)
def nancumprod(a: Array, axis: int | None = None, dtype: None = None, out: None = None) -> Array:
    return np.cumprod(cleaned(a, 1.0), axis=axis)


@macro(np.nanmean)
def nanmean(a: Array, axis: Axis = None, dtype: None = None, out: None = None, keepdims: bool = False) -> Array:
    count = np.sum(np.logical_not(np.isnan(a)), axis=axis, keepdims=keepdims)
    return np.true_divide(np.sum(cleaned(a, 0.0), axis=axis, keepdims=keepdims), count).astype(a.dtype)


@macro(np.nanvar)
def nanvar(
    a: Array, axis: Axis = None, dtype: None = None, out: None = None, ddof: int = 0, keepdims: bool = False
) -> Array:
    present = np.logical_not(np.isnan(a))
    each = np.sum(present, axis=axis, keepdims=True)
    values = cleaned(a, 0.0)
    centred = np.where(present, values - np.sum(values, axis=axis, keepdims=True) / each, 0.0)
    count = np.sum(present, axis=axis, keepdims=keepdims) - ddof
    return np.true_divide(np.sum(np.multiply(centred, centred), axis=axis, keepdims=keepdims), count).astype(a.dtype)


@macro(np.nanstd)
def nanstd(
    a: Array, axis: Axis = None, dtype: None = None, out: None = None, ddof: int = 0, keepdims: bool = False
) -> Array:
    variance = nanvar(a, axis, None, None, ddof, keepdims)
    if np.ndim(variance) == 0:
        return variance if variance == 0.0 else np.sqrt(variance)  # of equal numbers the derivative is 0
    return np.where(variance == 0.0, variance, np.sqrt(variance))


@macro(np.nanmax)
def nanmax(a: Array, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    return np.fmax.reduce(a, axis=axis, keepdims=keepdims)


@macro(np.nanmin)
def nanmin(a: Array, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    return np.fmin.reduce(a, axis=axis, keepdims=keepdims)
