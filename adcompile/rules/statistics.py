"""Statistics and sums written with other functions, step by step as NumPy computes them.

average, cov, corrcoef, nansum and its like, trapezoid, diff with ends, cumulative sums, polynomials, logarithmic grids,
methods of ufuncs.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, atom_key
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, result_type
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.reductions import averaged, conjugated, restore
from adcompile.rules.table import adjoint, linear, nonlinear

Array = np.ndarray
Axis = int | tuple[int, ...] | None

# -- reductions of some entries


def infer_where(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer sums and means of the entries that a mask chooses."""
    t = args[0].type
    dtype = None if t.dtype is None else averaged(np.dtype(t.dtype))
    return result_type(dtype, reduced(facts.broadcast_dims(t.dims, args[1].type.dims), attrs[0], attrs[1]))


for _name in ("sum_where", "mean_where"):
    _helper = getattr(runtime, _name)
    primitive(_name, infer_where, _name, "x, mask", "axis=None, keepdims=False", helper=_helper)
    function(_helper, _name, "x, mask, axis: axes = None, keepdims: static = False")


def spread_over(g: Array, mask: Array, axis: Axis, keepdims: bool) -> Array:
    return np.where(mask, restore(g, axis, keepdims), 0.0)


@linear("sum_where")
def sum_where_adjoint(g: Array, ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool) -> tuple[Array, None]:
    return np.broadcast_to(spread_over(g, mask, axis, keepdims), x.shape), None


@linear("mean_where")
def mean_where_adjoint(g: Array, ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool) -> tuple[Array, None]:
    count = np.sum(np.broadcast_to(mask, x.shape), axis=axis, keepdims=keepdims)
    return np.broadcast_to(spread_over(g / count, mask, axis, keepdims), x.shape), None


def sum_of_some(a: Array, axis: Axis = None, keepdims: bool = False, *, where: Array) -> Array:
    return runtime.sum_where(a, where, axis, keepdims)


def mean_of_some(a: Array, axis: Axis = None, keepdims: bool = False, *, where: Array) -> Array:
    return runtime.mean_where(a, where, axis, keepdims)


def max_from(a: Array, axis: Axis = None, keepdims: bool = False, *, initial: float) -> Array:
    return np.maximum(np.max(a, axis=axis, keepdims=keepdims), initial)


def min_from(a: Array, axis: Axis = None, keepdims: bool = False, *, initial: float) -> Array:
    return np.minimum(np.min(a, axis=axis, keepdims=keepdims), initial)


def with_option(f: Callable[..., object], option: str, instead: Callable[..., object]) -> None:
    """Let calls that give an option mean another function."""
    usual = FUNCTIONS[f]

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        only = set(kwargs) <= {option, "axis", "keepdims"} and len(args) <= 2
        return Binding(usual.name, macro=instead) if option in kwargs and only else usual

    FUNCTIONS[f] = Binding(usual.name, choose=choose)


with_option(np.sum, "where", sum_of_some)
with_option(np.mean, "where", mean_of_some)
with_option(np.max, "initial", max_from)
with_option(np.min, "initial", min_from)

# -- averages


@macro(np.average)
def average(
    a: Array, axis: int | None = None, weights: Array | None = None, returned: bool = False, *, keepdims: bool = False
) -> Array:
    """The mean, or the mean with weights."""
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    w = np.asarray(weights)
    if axis is not None and w.ndim < a.ndim:
        axis = axis % a.ndim
        w = np.reshape(w, (1,) * axis + (-1,) + (1,) * (a.ndim - 1 - axis))
    return np.sum(np.multiply(a, w), axis=axis, keepdims=keepdims) / np.sum(w, axis=axis, keepdims=keepdims)


@macro(np.cov)
def covariance(
    m: Array, y: Array | None = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None
) -> Array:
    """The covariances of the rows."""
    x = rows(m, rowvar)
    if y is not None:
        x = np.concatenate([x, rows(y, rowvar)], 0)
    off = ddof if ddof is not None else (0 if bias else 1)
    x = x - np.expand_dims(np.mean(x, axis=1), 1)
    c = np.dot(x, conjugated(x.T)) * np.true_divide(1, x.shape[1] - off)
    return np.squeeze(c) if m.ndim == 1 and y is None else c


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
    return np.sqrt(nanvar(a, axis, None, None, ddof, keepdims))


@macro(np.nanmax)
def nanmax(a: Array, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    return np.max(cleaned(a, -np.inf), axis=axis, keepdims=keepdims)


@macro(np.nanmin)
def nanmin(a: Array, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    return np.min(cleaned(a, np.inf), axis=axis, keepdims=keepdims)


@macro(np.nanmedian)
def nanmedian(a: Array) -> Array:
    flat = np.ravel(a)
    return np.median(flat[np.flatnonzero(np.logical_not(np.isnan(flat)))])


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
def ediff1d(ary: Array) -> Array:
    flat = np.ravel(ary)
    return flat[1:] - flat[:-1]


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


# -- polynomials


@macro(np.polyval)
def polyval(p: Array, x: Array) -> Array:
    """The value by Horner's scheme."""
    y = np.zeros_like(x) * 0
    for c in p:
        y = y * x + c
    return y


@macro(np.polyder)
def polyder(p: Array, m: int = 1) -> Array:
    if m == 0:
        return np.asarray(p)
    n = len(p) - 1
    return polyder(np.asarray(p)[:-1] * np.arange(n, 0, -1), m - 1)


@macro(np.polyint)
def polyint(p: Array, m: int = 1, k: float | None = None) -> Array:
    if m == 0:
        return np.asarray(p)
    ends = np.zeros(1) if k is None else np.asarray([k])
    return polyint(np.concatenate([np.asarray(p) / np.arange(len(p), 0, -1), ends]), m - 1, None)


@macro(np.polyfit)
def polyfit(x: Array, y: Array, deg: int) -> Array:
    """The coefficients of the polynomial of least squares."""
    powers = np.vander(np.asarray(x) + 0.0, deg + 1)
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    found = np.linalg.lstsq(powers / scale, np.asarray(y) + 0.0, len(x) * np.finfo(float).eps)[0]
    return (found.T / scale).T


@macro(np.polyadd)
def polyadd(a1: Array, a2: Array) -> Array:
    a1, a2 = np.atleast_1d(np.asarray(a1)), np.atleast_1d(np.asarray(a2))
    n = max(len(a1), len(a2))
    return led_by_zeros(a1, n) + led_by_zeros(a2, n)


@macro(np.polysub)
def polysub(a1: Array, a2: Array) -> Array:
    a1, a2 = np.atleast_1d(np.asarray(a1)), np.atleast_1d(np.asarray(a2))
    n = max(len(a1), len(a2))
    return led_by_zeros(a1, n) - led_by_zeros(a2, n)


def led_by_zeros(a: Array, n: int) -> Array:
    return np.concatenate([np.zeros(n - len(a), a.dtype), a])


@macro(np.vander)
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """The powers of the entries, one column each."""
    n = len(x) if N is None else N
    powers = columns(x, n)
    return np.stack(powers if increasing else powers[::-1], 1)


def columns(x: Array, n: int) -> list[Array]:
    """The powers 0 to n - 1, each from the one before."""
    if n == 1:
        return [np.ones_like(x)]
    if n == 2:
        return [np.ones_like(x), x]
    fewer = columns(x, n - 1)
    return [*fewer, fewer[-1] * x]


# -- logarithmic grids


@macro(np.logspace)
def logspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, base: float = 10.0, dtype: None = None
) -> Array:
    return np.power(base, np.linspace(start, stop, num, endpoint))


@macro(np.geomspace)
def geomspace(start: float, stop: float, num: int = 50, endpoint: bool = True) -> Array:
    """Numbers with equal ratios."""
    sign = np.sign(start)
    inner = logspace(np.log10(start / sign), np.log10(stop / sign), num, endpoint)
    if endpoint:
        return sign * np.concatenate([np.atleast_1d(start / sign), inner[1:-1], np.atleast_1d(stop / sign)])
    return sign * np.concatenate([np.atleast_1d(start / sign), inner[1:]])


# -- weighted counts


def infer_weighted(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer bincount with weights."""
    return Type("array", np.dtype(float), (facts.fresh_for(("weighted", atom_key(args[0]), atom_key(args[2]))),))


primitive("weighted_count", infer_weighted, "np.bincount", "x, weights, minlength")
_bincount = FUNCTIONS[np.bincount]


def choose_bincount(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell weighted counts, which are numbers."""
    given = kwargs.get("weights", args[1] if len(args) > 1 else Const(None))
    if isinstance(given, Const) and given.value is None:
        return _bincount
    return Binding("np.bincount", "weighted_count", "x, /, weights, minlength=0")


FUNCTIONS[np.bincount] = Binding("np.bincount", choose=choose_bincount)


@linear("weighted_count", 1)
def weighted_count_adjoint(g: Array, ans: Array, x: Array, weights: Array, minlength: int) -> tuple[None, Array, None]:
    return None, g[x], None


# -- ufuncs: pairs of results, and methods


@macro(np.modf)
def modf(x: Array) -> tuple[Array, Array]:
    """The fraction, with the sign of the number, and the whole part."""
    whole = np.trunc(x)
    return np.copysign(x - whole, x), whole


@macro(np.divmod)
def divide_with_remainder(x: Array, y: Array) -> tuple[Array, Array]:
    return np.floor_divide(x, y), np.remainder(x, y)


def infer_log_sum(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer logaddexp.reduce."""
    t = args[0].type
    return result_type(t.dtype, reduced(t.dims, attrs[0], False))


for _name in ("logaddexp", "logaddexp2"):
    primitive(
        f"{_name}.reduce",
        infer_log_sum,
        f"np.{_name}.reduce",
        "x",
        "axis=0",
        usage="array, axis: axis = 0, dtype: no = None, out: no = None, keepdims: no = False",
    )


@nonlinear("logaddexp.reduce")
def log_sum_tangent(ans: Array, x: Array, axis: int | None, x_dot: Array) -> Array:
    return np.sum(np.exp(x - restore(ans, axis, False)) * x_dot, axis=axis)


@adjoint("logaddexp.reduce")
def log_sum_adjoint(g: Array, ans: Array, x: Array, axis: int | None) -> Array:
    return restore(g, axis, False) * np.exp(x - restore(ans, axis, False))


@nonlinear("logaddexp2.reduce")
def log2_sum_tangent(ans: Array, x: Array, axis: int | None, x_dot: Array) -> Array:
    return np.sum(np.exp2(x - restore(ans, axis, False)) * x_dot, axis=axis)


@adjoint("logaddexp2.reduce")
def log2_sum_adjoint(g: Array, ans: Array, x: Array, axis: int | None) -> Array:
    return restore(g, axis, False) * np.exp2(x - restore(ans, axis, False))


@macro(np.add.reduce)
def add_reduce(array: Array, axis: Axis = 0, dtype: None = None, out: None = None, keepdims: bool = False) -> Array:
    return np.sum(array, axis=axis, keepdims=keepdims)


@macro(np.multiply.reduce)
def multiply_reduce(
    array: Array, axis: Axis = 0, dtype: None = None, out: None = None, keepdims: bool = False
) -> Array:
    return np.prod(array, axis=axis, keepdims=keepdims)


@macro(np.maximum.reduce)
def maximum_reduce(array: Array, axis: Axis = 0, dtype: None = None, out: None = None, keepdims: bool = False) -> Array:
    return np.max(array, axis=axis, keepdims=keepdims)


@macro(np.minimum.reduce)
def minimum_reduce(array: Array, axis: Axis = 0, dtype: None = None, out: None = None, keepdims: bool = False) -> Array:
    return np.min(array, axis=axis, keepdims=keepdims)


@macro(np.add.accumulate)
def add_accumulate(array: Array, axis: int = 0, dtype: None = None, out: None = None) -> Array:
    return np.cumsum(array, axis=axis)


@macro(np.multiply.accumulate)
def multiply_accumulate(array: Array, axis: int = 0, dtype: None = None, out: None = None) -> Array:
    return np.cumprod(array, axis=axis)


def beside(a: Array, b: Array) -> Array:
    """Put axes behind those of a, for those of b."""
    return np.reshape(a, np.shape(a) + (1,) * np.ndim(b))


@macro(np.add.outer)
def add_outer(a: Array, b: Array) -> Array:
    return np.add(beside(a, b), b)


@macro(np.subtract.outer)
def subtract_outer(a: Array, b: Array) -> Array:
    return np.subtract(beside(a, b), b)


@macro(np.multiply.outer)
def multiply_outer(a: Array, b: Array) -> Array:
    return np.multiply(beside(a, b), b)


@macro(np.divide.outer)
def divide_outer(a: Array, b: Array) -> Array:
    return np.divide(beside(a, b), b)


@macro(np.maximum.outer)
def maximum_outer(a: Array, b: Array) -> Array:
    return np.maximum(beside(a, b), b)


@macro(np.minimum.outer)
def minimum_outer(a: Array, b: Array) -> Array:
    return np.minimum(beside(a, b), b)


@macro(np.power.outer)
def power_outer(a: Array, b: Array) -> Array:
    return np.power(beside(a, b), b)


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
