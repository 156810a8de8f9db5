"""scipy.ndimage: linear filters. What lies outside of the array is made of its entries, or is a constant.

The transpose of a filter is that of one with margins, and what is in the margins is added to the entries it repeats.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.ndimage

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import OBJECT, Type, numpy_dtype
from adcompile.rules.binding import Operand, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.scipy import filters
from adcompile.rules.table import adjoint, linear, nonlinear

Array = np.ndarray
Origin = int | tuple[int, ...]
Sizes = float | tuple[float, ...]


def infer_filtered(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a filter, which keeps shape and dtype."""
    t = args[0].type
    return OBJECT if t.kind == "object" else Type("array", numpy_dtype(t), t.dims)


def infer_weights(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer what has the shape of the weights."""
    return Type("array", numpy_dtype(args[0].type), args[2].type.dims)


def prepare(operands: list[Operand], values: dict[str, object]) -> None:
    """Write what is given for each axis as tuples."""
    values.update({k: tuple(v) for k, v in values.items() if isinstance(v, list)})


# -- weights of the user's

_OPTIONS = "output: no = None, mode: static = 'reflect', cval: static = 0.0, origin: static = 0"
_FORWARD = (scipy.ndimage.correlate, scipy.ndimage.convolve)
_BACK = (filters.correlated_back, filters.convolved_back)
_WEIGHTS = (filters.weights_back, filters.turned_weights_back)
for _f, _back, _weights in zip(_FORWARD, _BACK, _WEIGHTS, strict=True):
    _name = f"scipy.ndimage.{_f.__name__}"
    primitive(_name, infer_filtered, _name, "x, weights", "mode='reflect', cval=0.0, origin=0",
              usage=f"input, weights, {_OPTIONS}, *, axes: no = None", cost="product", prepare=prepare)  # fmt: skip
    primitive(f"{_name}1d", infer_filtered, f"{_name}1d", "x, weights", "axis=-1, mode='reflect', cval=0.0, origin=0",
              usage=f"input, weights, axis: axis = -1, {_OPTIONS}", cost="product")  # fmt: skip
    primitive(_back.__name__, infer_filtered, _back.__name__, "g, weights", "mode='reflect', origin=0",
              helper=_back, cost="product")  # fmt: skip
    primitive(_weights.__name__, infer_weights, _weights.__name__, "g, x, weights",
              "mode='reflect', cval=0.0, origin=0", helper=_weights, cost="product")  # fmt: skip
    function(_back, _back.__name__, "g, weights, mode: static = 'reflect', origin: static = 0")
    function(_weights, _weights.__name__,
             "g, x, weights, mode: static = 'reflect', cval: static = 0.0, origin: static = 0")  # fmt: skip


def state(
    filtered: Callable[..., Array],
    filtered_1d: Callable[..., Array],
    back: Callable[..., Array],
    weights_back: Callable[..., Array],
) -> None:
    """State the derivatives of a filter of all axes, of that along one of them, and of their transpose."""

    def tangent(
        ans: Array,
        x: Array,
        weights: Array,
        mode: str,
        cval: float,
        origin: Origin,
        x_dot: Array | None,
        weights_dot: Array | None,
    ) -> object:
        total: object = 0.0
        if x_dot is not None:
            total = total + filtered(x_dot, weights, mode=mode, origin=origin)
        if weights_dot is not None:
            total = total + filtered(x, weights_dot, mode=mode, cval=cval, origin=origin)
        return total

    def tangent_1d(
        ans: Array,
        x: Array,
        weights: Array,
        axis: int,
        mode: str,
        cval: float,
        origin: int,
        x_dot: Array | None,
        weights_dot: Array | None,
    ) -> object:
        total: object = 0.0
        if x_dot is not None:
            total = total + filtered_1d(x_dot, weights, axis, mode=mode, origin=origin)
        if weights_dot is not None:
            total = total + filtered_1d(x, weights_dot, axis, mode=mode, cval=cval, origin=origin)
        return total

    def pull(
        g: Array, ans: Array, x: Array, weights: Array, mode: str, cval: float, origin: Origin
    ) -> tuple[Array, Array]:
        return back(g, weights, mode, origin), weights_back(g, x, weights, mode, cval, origin)

    def pull_1d(
        g: Array, ans: Array, x: Array, weights: Array, axis: int, mode: str, cval: float, origin: int
    ) -> tuple[Array, Array]:
        wide = np.reshape(weights, (1,) * axis + (-1,) + (1,) * (x.ndim - 1 - axis))
        origins = (0,) * axis + (origin,) + (0,) * (x.ndim - 1 - axis)
        weights_bar = weights_back(g, x, wide, mode, cval, origins)
        return back(g, wide, mode, origins), np.reshape(weights_bar, weights.shape)

    def pull_back(bar: Array, ans: Array, g: Array, weights: Array, mode: str, origin: Origin) -> tuple[Array, Array]:
        return filtered(bar, weights, mode=mode, origin=origin), weights_back(g, bar, weights, mode, 0.0, origin)

    name = f"scipy.ndimage.{filtered.__name__}"
    nonlinear(name)(tangent)
    nonlinear(f"{name}1d")(tangent_1d)
    adjoint(name)(pull)
    adjoint(f"{name}1d")(pull_1d)
    linear(back.__name__)(pull_back)


state(scipy.ndimage.correlate, scipy.ndimage.correlate1d, *_BACK[:1], *_WEIGHTS[:1])
state(scipy.ndimage.convolve, scipy.ndimage.convolve1d, *_BACK[1:], *_WEIGHTS[1:])

# -- weights of SciPy's

GAUSSIAN = "mode: static = 'reflect', cval: static = 0.0, truncate: static = 4.0, *, radius: static = None"
primitive(
    "scipy.ndimage.gaussian_filter",
    infer_filtered,
    "scipy.ndimage.gaussian_filter",
    "x",
    "sigma, order=0, mode='reflect', cval=0.0, truncate=4.0, radius=None, axes=None",
    usage=f"input, sigma: static, order: static = 0, output: no = None, {GAUSSIAN}, axes: static = None",
    prepare=prepare,
    cost="product",
)
primitive("gaussian_back", infer_filtered, "gaussian_back", "g",
          "sigma, order=0, mode='reflect', truncate=4.0, radius=None, axes=None",
          helper=filters.gaussian_back, cost="product")  # fmt: skip
function(filters.gaussian_back, "gaussian_back", "g, sigma: static, order: static = 0, mode: static = 'reflect', "
         "truncate: static = 4.0, radius: static = None, axes: static = None")  # fmt: skip


@nonlinear("scipy.ndimage.gaussian_filter")
def gaussian_tangent(
    ans: Array,
    x: Array,
    sigma: Sizes,
    order: Origin,
    mode: str,
    cval: float,
    truncate: float,
    radius: Origin,
    axes: Origin,
    x_dot: Array,
) -> Array:
    return scipy.ndimage.gaussian_filter(x_dot, sigma, order, mode=mode, truncate=truncate, radius=radius, axes=axes)


@adjoint("scipy.ndimage.gaussian_filter")
def gaussian_adjoint(
    g: Array,
    ans: Array,
    x: Array,
    sigma: Sizes,
    order: Origin,
    mode: str,
    cval: float,
    truncate: float,
    radius: Origin,
    axes: Origin,
) -> Array:
    return filters.gaussian_back(g, sigma, order, mode, truncate, radius, axes)


@linear("gaussian_back")
def gaussian_back_adjoint(
    bar: Array,
    ans: Array,
    g: Array,
    sigma: Sizes,
    order: Origin,
    mode: str,
    truncate: float,
    radius: Origin,
    axes: Origin,
) -> Array:
    return scipy.ndimage.gaussian_filter(bar, sigma, order, mode=mode, truncate=truncate, radius=radius, axes=axes)


primitive(
    "scipy.ndimage.gaussian_filter1d",
    infer_filtered,
    "scipy.ndimage.gaussian_filter1d",
    "x",
    "sigma, axis=-1, order=0, mode='reflect', cval=0.0, truncate=4.0, radius=None",
    usage=f"input, sigma: static, axis: axis = -1, order: static = 0, output: no = None, {GAUSSIAN}",
    cost="product",
)


@nonlinear("scipy.ndimage.gaussian_filter1d")
def gaussian_tangent_1d(
    ans: Array,
    x: Array,
    sigma: float,
    axis: int,
    order: int,
    mode: str,
    cval: float,
    truncate: float,
    radius: Origin,
    x_dot: Array,
) -> Array:
    return scipy.ndimage.gaussian_filter1d(x_dot, sigma, axis, order, mode=mode, truncate=truncate, radius=radius)


@adjoint("scipy.ndimage.gaussian_filter1d")
def gaussian_adjoint_1d(
    g: Array,
    ans: Array,
    x: Array,
    sigma: float,
    axis: int,
    order: int,
    mode: str,
    cval: float,
    truncate: float,
    radius: Origin,
) -> Array:
    return filters.gaussian_back(g, sigma, order, mode, truncate, radius, (axis,))


UNIFORM = "output: no = None, mode: static = 'reflect', cval: static = 0.0, origin: static = 0"
primitive(
    "scipy.ndimage.uniform_filter",
    infer_filtered,
    "scipy.ndimage.uniform_filter",
    "x",
    "size=3, mode='reflect', cval=0.0, origin=0, axes=None",
    usage=f"input, size: static = 3, {UNIFORM}, *, axes: static = None",
    prepare=prepare,
    cost="product",
)
primitive("uniform_back", infer_filtered, "uniform_back", "g", "size, mode='reflect', origin=0, axes=None",
          helper=filters.uniform_back, cost="product")  # fmt: skip
function(filters.uniform_back, "uniform_back", "g, size: static, mode: static = 'reflect', origin: static = 0, "
         "axes: static = None")  # fmt: skip


@nonlinear("scipy.ndimage.uniform_filter")
def uniform_tangent(
    ans: Array, x: Array, size: Origin, mode: str, cval: float, origin: Origin, axes: Origin, x_dot: Array
) -> Array:
    return scipy.ndimage.uniform_filter(x_dot, size, mode=mode, origin=origin, axes=axes)


@adjoint("scipy.ndimage.uniform_filter")
def uniform_adjoint(
    g: Array, ans: Array, x: Array, size: Origin, mode: str, cval: float, origin: Origin, axes: Origin
) -> Array:
    return filters.uniform_back(g, size, mode, origin, axes)


@linear("uniform_back")
def uniform_back_adjoint(
    bar: Array, ans: Array, g: Array, size: Origin, mode: str, origin: Origin, axes: Origin
) -> Array:
    return scipy.ndimage.uniform_filter(bar, size, mode=mode, origin=origin, axes=axes)


primitive(
    "scipy.ndimage.uniform_filter1d",
    infer_filtered,
    "scipy.ndimage.uniform_filter1d",
    "x",
    "size, axis=-1, mode='reflect', cval=0.0, origin=0",
    usage=f"input, size: static, axis: axis = -1, {UNIFORM}",
    cost="product",
)


@nonlinear("scipy.ndimage.uniform_filter1d")
def uniform_tangent_1d(
    ans: Array, x: Array, size: int, axis: int, mode: str, cval: float, origin: int, x_dot: Array
) -> Array:
    return scipy.ndimage.uniform_filter1d(x_dot, size, axis, mode=mode, origin=origin)


@adjoint("scipy.ndimage.uniform_filter1d")
def uniform_adjoint_1d(
    g: Array, ans: Array, x: Array, size: int, axis: int, mode: str, cval: float, origin: int
) -> Array:
    return filters.uniform_back(g, size, mode, origin, (axis,))


# -- derivatives of images


@macro(scipy.ndimage.sobel)
def sobel(input: Array, axis: int = -1, output: None = None, mode: str = "reflect", cval: float = 0.0) -> Array:
    return smoothed(input, axis, mode, cval, [1.0, 2.0, 1.0])


@macro(scipy.ndimage.prewitt)
def prewitt(input: Array, axis: int = -1, output: None = None, mode: str = "reflect", cval: float = 0.0) -> Array:
    return smoothed(input, axis, mode, cval, [1.0, 1.0, 1.0])


def smoothed(x: Array, axis: int, mode: str, cval: float, weights: list[float]) -> Array:
    """Differences along an axis, smoothed along the others."""
    axis = axis % x.ndim
    found = scipy.ndimage.correlate1d(x, np.array([-1.0, 0.0, 1.0]), axis, mode=mode, cval=cval)
    for i in range(x.ndim):
        if i != axis:
            found = scipy.ndimage.correlate1d(found, np.array(weights), i, mode=mode, cval=cval)
    return found


@macro(scipy.ndimage.laplace)
def laplace(input: Array, output: None = None, mode: str = "reflect", cval: float = 0.0, *, axes: None = None) -> Array:
    """The sum of second differences."""
    weights = np.array([1.0, -2.0, 1.0])
    found = scipy.ndimage.correlate1d(input, weights, 0, mode=mode, cval=cval)
    for i in range(1, input.ndim):
        found = found + scipy.ndimage.correlate1d(input, weights, i, mode=mode, cval=cval)
    return found
