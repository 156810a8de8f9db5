"""Methods of ufuncs, and those that return pairs."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype, result_type
from adcompile.rules import runtime
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.reductions import averaged, reduction, restore, summed, unchanged
from adcompile.rules.table import adjoint, complex_type, like, linear, nondifferentiable, nonlinear

Array = np.ndarray
Axis = int | tuple[int, ...] | None


def infer_exponents(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one whole number for each number."""
    return result_type(np.dtype(np.intc), args[0].type.dims)


def infer_bessel(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a function of real numbers."""
    t = args[-1].type
    dtype = numpy_dtype(t)
    if complex_type(args[-1]):
        raise TypeError("np.i0 takes real numbers")
    return result_type(None if dtype is None else averaged(dtype), t.dims)


@macro(np.modf)
def modf(x: Array) -> tuple[Array, Array]:
    """The fraction, with the sign of the number, and the whole part."""
    whole = np.trunc(x)
    return np.copysign(x - whole, x), whole


primitive("exponents", infer_exponents, "exponents", "x", helper=runtime.exponents)
function(runtime.exponents, "exponents", "x")
nondifferentiable("exponents")


@macro(np.frexp)
def frexp(x: Array) -> tuple[Array, Array]:
    """The mantissa, between 0.5 and 1, and the exponent of two."""
    exponents = runtime.exponents(x)
    return np.ldexp(x, -exponents), exponents


# -- the modified Bessel function of order 0

for _name, _spelling, _operands, _attributes in (("i0", "np.i0", "x", ""), ("bessel_i", "bessel_i", "n, x", "")):
    primitive(_name, infer_bessel, _spelling, _operands, helper=None if _name == "i0" else runtime.bessel_i)
function(np.i0, "i0", "x")
function(runtime.bessel_i, "bessel_i", "n, x")


@nonlinear("i0")
def i0_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return runtime.bessel_i(1, x) * x_dot


@nonlinear("bessel_i")
def bessel_i_tangent(ans: Array, n: int, x: Array, n_dot: None, x_dot: Array) -> Array:
    return 0.5 * (runtime.bessel_i(abs(n - 1), x) + runtime.bessel_i(n + 1, x)) * x_dot


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


# -- sums of segments


def infer_segments(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer add.reduceat: one sum for each index."""
    t, indices, axis = args[0].type, args[1].type, attrs[0]
    given = numpy_dtype(t)
    dtype = None if given is None else summed(given)
    if t.dims is None or indices.dims is None or not isinstance(axis, int):
        return Type("array", dtype, None)
    return Type("array", dtype, (*t.dims[:axis], *indices.dims, *t.dims[axis + 1 :]))


def infer_added_back(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer what has the shape of the last operand."""
    return Type("array", numpy_dtype(args[0].type), args[2].type.dims)


primitive(
    "add.reduceat",
    infer_segments,
    "np.add.reduceat",
    "x, indices",
    "axis=0",
    usage="array, indices, axis: axis = 0, dtype: no = None, out: no = None",
)
primitive("added_back", infer_added_back, "added_back", "g, indices, like", "axis=0", helper=runtime.added_back)
function(runtime.added_back, "added_back", "g, indices, like, axis: axis = 0")


@linear("add.reduceat")
def segments_adjoint(g: Array, ans: Array, x: Array, indices: Array, axis: int) -> tuple[Array, None]:
    return runtime.added_back(g, indices, x, axis), None


@linear("added_back")
def added_back_adjoint(
    bar: Array, ans: Array, g: Array, indices: Array, like: Array, axis: int
) -> tuple[Array, None, None]:
    return np.add.reduceat(bar, indices, axis), None, None


# -- extrema of the entries that are numbers

for _name, _like in (("fmax", "max"), ("fmin", "min")):
    primitive(
        f"{_name}.reduce",
        reduction(unchanged),
        f"np.{_name}.reduce",
        "x",
        "axis=0, keepdims=False",
        usage="array, axis: axes = 0, dtype: no = None, out: no = None, keepdims: static = False",
    )
    like(f"{_name}.reduce", _like)

# -- other methods, by the functions that do the same


def reduces_as(reduction: Callable[..., Array]) -> Callable[..., Array]:
    """Make the method reduce of the ufunc that a function reduces with."""

    def reduce(
        array: Array,
        axis: Axis = 0,
        dtype: None = None,
        out: None = None,
        keepdims: bool = False,
        initial: Array | None = None,
        where: Array | bool = True,
    ) -> Array:
        if initial is None and where is True:
            return reduction(array, axis=axis, keepdims=keepdims)
        if initial is None:
            return reduction(array, axis=axis, keepdims=keepdims, where=where)
        if where is True:
            return reduction(array, axis=axis, keepdims=keepdims, initial=initial)
        return reduction(array, axis=axis, keepdims=keepdims, initial=initial, where=where)

    return reduce


for _ufunc, _reduction in ((np.add, np.sum), (np.multiply, np.prod), (np.maximum, np.max), (np.minimum, np.min)):
    macro(_ufunc.reduce)(reduces_as(_reduction))


def accumulates_as(scan: Callable[..., Array]) -> Callable[..., Array]:
    """Make the method accumulate of the ufunc that a function accumulates with."""

    def accumulate(array: Array, axis: int = 0, dtype: None = None, out: None = None) -> Array:
        return scan(array, axis=axis)

    return accumulate


for _ufunc, _scan in ((np.add, np.cumsum), (np.multiply, np.cumprod)):
    macro(_ufunc.accumulate)(accumulates_as(_scan))


def each_with_each(ufunc: np.ufunc) -> Callable[..., Array]:
    """Make the method outer of a ufunc: the entries of a along the first axes, those of b along the others."""

    def outer(a: Array, b: Array) -> Array:
        return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)

    return outer


_ARITHMETIC = (np.add, np.subtract, np.multiply, np.divide, np.power, np.float_power, np.remainder, np.fmod)
_OTHER = (np.maximum, np.minimum, np.fmax, np.fmin, np.hypot, np.arctan2, np.logaddexp, np.logaddexp2, np.copysign)
WITH_EACH: Final = (*_ARITHMETIC, *_OTHER)
for _f in WITH_EACH:
    macro(_f.outer)(each_with_each(_f))
