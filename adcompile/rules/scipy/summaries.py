"""scipy.stats: means, scores and moments of samples, step by step as SciPy computes them."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import math

import numpy as np
import scipy.special
import scipy.stats

from adcompile.rules.binding import macro

Array = np.ndarray
Axis = int | None


def along(a: Array, axis: Axis) -> tuple[Array, int]:
    """The array, or all of its entries as a vector, and the axis that counts."""
    a = np.asarray(a)
    return (np.ravel(a), 0) if axis is None else (a, axis % a.ndim)


@macro(scipy.stats.gmean)
def gmean(
    a: Array,
    axis: Axis = 0,
    dtype: None = None,
    weights: None = None,
    *,
    nan_policy: None = None,
    keepdims: None = None,
) -> Array:
    a, axis = along(a, axis)
    return np.exp(np.mean(np.log(a), axis=axis))


@macro(scipy.stats.hmean)
def hmean(
    a: Array,
    axis: Axis = 0,
    dtype: None = None,
    *,
    weights: None = None,
    nan_policy: None = None,
    keepdims: None = None,
) -> Array:
    a, axis = along(a, axis)
    positive = np.where(a < 0, np.nan, a)
    return 1.0 / np.mean(1.0 / positive, axis=axis)


@macro(scipy.stats.sem)
def sem(a: Array, axis: Axis = 0, ddof: int = 1, nan_policy: None = None, *, keepdims: None = None) -> Array:
    a, axis = along(a, axis)
    return np.std(a, axis=axis, ddof=ddof) / a.shape[axis] ** 0.5


@macro(scipy.stats.zscore)
def zscore(a: Array, axis: Axis = 0, ddof: int = 0, nan_policy: None = None) -> Array:
    """The distances from the mean by the deviation; not a number where all entries are the same."""
    flat, place = along(a, axis)
    mean = np.mean(flat, axis=place, keepdims=True)
    centred = flat - mean
    variance = np.mean(centred * centred, axis=place, keepdims=True)
    if ddof != 0:
        variance = variance * (flat.shape[place] / (flat.shape[place] - ddof))
    deviation = variance**0.5
    scores = np.where(deviation <= np.abs(np.finfo(flat.dtype).eps * mean), np.nan, centred / deviation)
    return np.reshape(scores, np.shape(a)) if axis is None else scores


def moments(a: Array, axis: int) -> tuple[Array, Array, Array]:
    """The differences from the mean, their mean square, and where this is next to nothing."""
    mean = np.mean(a, axis=axis, keepdims=True)
    centred = a - mean
    second = np.mean(centred**2, axis=axis)
    small = second <= (np.finfo(a.dtype).eps * np.squeeze(mean, axis=axis)) ** 2
    return centred, second, small


@macro(scipy.stats.skew)
def skew(a: Array, axis: Axis = 0, bias: bool = True, nan_policy: None = None, *, keepdims: None = None) -> Array:
    a, axis = along(a, axis)
    centred, second, small = moments(a, axis)
    third = np.mean(centred**2 * centred, axis=axis)
    found = np.where(small, np.nan, third / second**1.5)[()]
    if bias:
        return found
    n = a.shape[axis]
    fair = ((n - 1.0) * n) ** 0.5 / (n - 2.0) * third / second**1.5
    return np.where(np.logical_not(small) & (n > 2), fair, found)[()]


@macro(scipy.stats.kurtosis)
def kurtosis(
    a: Array, axis: Axis = 0, fisher: bool = True, bias: bool = True, nan_policy: None = None, *, keepdims: None = None
) -> Array:
    a, axis = along(a, axis)
    centred, second, small = moments(a, axis)
    fourth = np.mean((centred**2) ** 2, axis=axis)
    found = np.where(small, np.nan, fourth / second**2.0)[()]
    if not bias:
        n = a.shape[axis]
        fair = 1.0 / (n - 2) / (n - 3) * ((n**2 - 1.0) * fourth / second**2.0 - 3 * (n - 1) ** 2.0)
        found = np.where(np.logical_not(small) & (n > 3), fair + 3.0, found)[()]
    return found - 3 if fisher else found


@macro(scipy.stats.entropy)
def entropy(
    pk: Array, qk: Array | None = None, base: float | None = None, axis: Axis = 0, *, nan_policy: None = None,
    keepdims: None = None,
) -> Array:  # fmt: skip
    """The entropy of chances, or how far they are from others."""
    pk, place = along(pk, axis)
    pk = pk / np.sum(pk, axis=place, keepdims=True)
    if qk is None:
        parts = scipy.special.entr(pk)
    else:
        qk, _ = along(qk, axis)
        parts = scipy.special.rel_entr(pk, qk / np.sum(qk, axis=place, keepdims=True))
    total = np.sum(parts, axis=place)
    return total if base is None else total / math.log(base)
