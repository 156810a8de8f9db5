"""scipy.signal: convolutions and correlations of arrays of any rank.

Both are linear in each operand. The adjoint of a part of the full convolution is that of the whole one, with zeros
where the part left entries out.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
import scipy.signal

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, Length, combine
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, Type, numpy_dtype
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import add, show
from adcompile.rules.padding import convolved_length
from adcompile.rules.promotion import common_dtype, ufunc_dtype
from adcompile.rules.reductions import averaged, conjugated
from adcompile.rules.scipy import factors, smoothing
from adcompile.rules.table import adjoint, is_complex, linear, nonlinear

Array = np.ndarray


def convolved(name: str) -> Infer:
    """Make the inference of a convolution."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        s, t = (a.type for a in args)
        if "object" in (s.kind, t.kind):
            return OBJECT
        if s.dims is None or t.dims is None or len(s.dims) != len(t.dims) or not s.dims:
            raise TypeError(f"{name} needs arrays of the same rank, not shapes {show(s.dims)} and {show(t.dims)}")
        pairs = zip(s.dims, t.dims, strict=True)
        mode = str(attrs[0])
        dims = tuple(
            length_of_part(facts, facts.find(n), facts.find(m), mode, args, i) for i, (n, m) in enumerate(pairs)
        )
        return Type("array", common_dtype((s, t)) or ufunc_dtype(np.multiply, (s, t)), dims)

    return infer


def length_of_part(facts: Facts, n: Length, m: Length, mode: str, args: tuple[Atom, ...], axis: int) -> Length:
    """Return the length of a convolution along an axis; SciPy's mode 'same' has that of the first operand."""
    if mode == "same":
        return n
    return add(combine("+", (n, m)), -1) if mode == "full" else convolved_length(facts, n, m, mode, args, axis)


_SAME_METHOD = "in1, in2, mode: static = 'full'"
for _name, _options in (
    ("convolve", ""),
    ("correlate", ""),
    ("fftconvolve", ", axes: no = None"),
    ("oaconvolve", ", axes: no = None"),
    ("convolve2d", ", boundary: no = 'fill', fillvalue: no = 0"),
    ("correlate2d", ", boundary: no = 'fill', fillvalue: no = 0"),
):
    primitive(
        f"scipy.signal.{_name}",
        convolved(f"scipy.signal.{_name}"),
        f"scipy.signal.{_name}",
        "x, y",
        "mode='full'" if _options else "mode='full', method='auto'",
        usage=_SAME_METHOD + (_options or ", method: static = 'auto'"),
        cost="product",
    )


def whole(g: Array, x: Array, y: Array, mode: str) -> Array:
    """Put zeros around a cotangent where the mode leaves out entries of the full convolution."""
    if mode == "full":
        return g
    for axis in range(g.ndim):
        n, m = x.shape[axis], y.shape[axis]
        before = (m - 1) // 2 if mode == "same" else min(n, m) - 1
        after = n + m - 1 - g.shape[axis] - before
        zeros = [np.zeros(g.shape[:axis] + (k,) + g.shape[axis + 1 :], g.dtype) for k in (before, after)]
        g = np.concatenate([zeros[0], g, zeros[1]], axis)
    return g


def of_convolution(convolve: Callable[..., Array]) -> Callable[..., tuple[Array, Array]]:
    """Make the adjoint of a convolution."""

    def adjoint(g: Array, ans: Array, x: Array, y: Array, mode: str, method: str = "auto") -> tuple[Array, Array]:
        full = whole(g, x, y, mode)
        return convolve(full, np.flip(y), "valid"), convolve(full, np.flip(x), "valid")

    return adjoint


def of_correlation(convolve: Callable[..., Array]) -> Callable[..., tuple[Array, Array]]:
    """Make the adjoint of a correlation, which is the convolution with the other one reversed and conjugated."""

    def adjoint(g: Array, ans: Array, x: Array, y: Array, mode: str, method: str = "auto") -> tuple[Array, Array]:
        full = whole(g, x, y, mode)
        y_bar = np.flip(convolve(full, np.flip(x), "valid"))
        return convolve(full, conjugated(y), "valid"), np.conj(y_bar) if is_complex(y) else y_bar

    return adjoint


for _f in (scipy.signal.convolve, scipy.signal.fftconvolve, scipy.signal.oaconvolve, scipy.signal.convolve2d):
    linear(f"scipy.signal.{_f.__name__}", 0, 1)(of_convolution(_f))
linear("scipy.signal.correlate", 0, 1)(of_correlation(scipy.signal.convolve))
linear("scipy.signal.correlate2d", 0, 1)(of_correlation(scipy.signal.convolve2d))


# -- recursive filters


def infer_recursive(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer lfilter."""
    b, a, x = (operand.type for operand in args)
    if b.rank != 1 or a.rank != 1:
        raise TypeError("scipy.signal.lfilter: the coefficients must be vectors")
    return Type("array", common_dtype((b, a, x)), x.dims)


def infer_lags(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one number for each of the coefficients."""
    return Type("array", common_dtype((args[0].type, args[1].type)), args[2].type.dims)


primitive(
    "scipy.signal.lfilter",
    infer_recursive,
    "scipy.signal.lfilter",
    "b, a, x",
    "axis=-1",
    usage="b, a, x, axis: static = -1, zi: no = None",
    cost="product",
)
primitive("lags", infer_lags, "lags", "w, x, like", "axis=-1", helper=factors.lags, cost="product")
function(factors.lags, "lags", "w, x, like, axis: static = -1")


def backwards(b: Array, a: Array, g: Array, axis: int) -> Array:
    """The transpose of a filter: the filter from the end to the start."""
    return np.flip(scipy.signal.lfilter(b, a, np.flip(g, axis), axis=axis), axis)


@nonlinear("scipy.signal.lfilter")
def lfilter_tangent(
    ans: Array,
    b: Array,
    a: Array,
    x: Array,
    axis: int,
    b_dot: Array | None,
    a_dot: Array | None,
    x_dot: Array | None,
) -> object:
    total: object = 0.0
    if x_dot is not None:
        total = total + scipy.signal.lfilter(b, a, x_dot, axis=axis)
    if b_dot is not None:
        total = total + scipy.signal.lfilter(b_dot, a, x, axis=axis)
    if a_dot is not None:
        total = total - scipy.signal.lfilter(a_dot, a, ans, axis=axis)
    return total


@adjoint("scipy.signal.lfilter")
def lfilter_adjoint(g: Array, ans: Array, b: Array, a: Array, x: Array, axis: int) -> tuple[Array, Array, Array]:
    w = backwards(np.ones(1), a, g, axis)
    return factors.lags(w, x, b, axis), -factors.lags(w, ans, a, axis), backwards(b, a, g, axis)


@linear("lags", 0, 1)
def lags_adjoint(bar: Array, ans: Array, w: Array, x: Array, like: Array, axis: int) -> tuple[Array, Array, None]:
    one = np.ones(1)
    return scipy.signal.lfilter(bar, one, x, axis=axis), backwards(bar, one, w, axis), None


@macro(scipy.signal.hilbert)
def hilbert(x: Array, N: None = None, axis: int = -1) -> Array:
    """The signal with its Hilbert transform as imaginary part."""
    n, k = x.shape[axis], np.arange(x.shape[axis])
    scale = np.where((k == 0) | (2 * k == n), 1.0, np.where(2 * k < n, 2.0, 0.0))
    wide = np.reshape(scale, (-1,) + (1,) * (x.ndim - 1 - axis % x.ndim))
    return scipy.fft.ifft(scipy.fft.fft(x, axis=axis) * wide, axis=axis)


# -- filters that are linear in the signal


def infer_like(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a signal of the same shape."""
    t = args[-1].type
    dtype = numpy_dtype(t)
    return Type("array", None if dtype is None else averaged(dtype), t.dims)


primitive(
    "scipy.signal.sosfilt",
    infer_like,
    "scipy.signal.sosfilt",
    "sos, x",
    "axis=-1",
    usage="sos, x, axis: static = -1, zi: no = None",
    cost="product",
)
primitive(
    "scipy.signal.detrend",
    infer_like,
    "scipy.signal.detrend",
    "data",
    "axis=-1, type='linear'",
    usage="data, axis: static = -1, type: static = 'linear', bp: no = 0, overwrite_data: no = False",
    cost="product",
)
_WINDOW = "window_length, polyorder, deriv=0, delta=1.0, axis=-1"
primitive(
    "scipy.signal.savgol_filter",
    infer_like,
    "scipy.signal.savgol_filter",
    "x",
    _WINDOW,
    usage="x, window_length: static, polyorder: static, deriv: static = 0, delta: static = 1.0, axis: static = -1, "
    "mode: no = 'interp', cval: no = 0.0",
    cost="product",
)
primitive("smoothed_back", infer_like, "smoothed_back", "g", _WINDOW, helper=smoothing.smoothed_back, cost="product")
function(
    smoothing.smoothed_back,
    "smoothed_back",
    "g, window_length: static, polyorder: static, deriv: static = 0, delta: static = 1.0, axis: static = -1",
)


@linear("scipy.signal.sosfilt", 1)
def sosfilt_adjoint(g: Array, ans: Array, sos: Array, x: Array, axis: int) -> tuple[None, Array]:
    return None, np.flip(scipy.signal.sosfilt(sos, np.flip(g, axis), axis), axis)


@linear("scipy.signal.detrend")
def detrend_adjoint(g: Array, ans: Array, data: Array, axis: int, type: str) -> Array:
    """Taking a trend away is a projection, which is its own transpose."""
    return scipy.signal.detrend(g, axis, type)


@linear("scipy.signal.savgol_filter")
def savgol_adjoint(
    g: Array, ans: Array, x: Array, window: int, order: int, deriv: int, delta: float, axis: int
) -> Array:
    return smoothing.smoothed_back(g, window, order, deriv, delta, axis)


@linear("smoothed_back")
def smoothed_back_adjoint(
    bar: Array, ans: Array, g: Array, window: int, order: int, deriv: int, delta: float, axis: int
) -> Array:
    return scipy.signal.savgol_filter(bar, window, order, deriv, delta, axis)
