"""Methods of ufuncs, and those that return pairs."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, result_type
from adcompile.rules.binding import macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.reductions import restore
from adcompile.rules.table import adjoint, nonlinear

Array = np.ndarray
Axis = int | tuple[int, ...] | None


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


# -- other methods, by the functions that do the same


def reduces_as(reduction: Callable[..., Array]) -> Callable[..., Array]:
    """Make the method reduce of the ufunc that a function reduces with."""

    def reduce(array: Array, axis: Axis = 0, dtype: None = None, out: None = None, keepdims: bool = False) -> Array:
        return reduction(array, axis=axis, keepdims=keepdims)

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


for _f in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.power):
    macro(_f.outer)(each_with_each(_f))
