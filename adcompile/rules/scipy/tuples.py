"""scipy.special: functions with several results, of which each is computed where it is used."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import math

import numpy as np
import scipy.special

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype, result_type
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.reductions import averaged
from adcompile.rules.scipy import sums
from adcompile.rules.table import complex_type, nonlinear

Array = np.ndarray


def infer_part(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one of the results, which is a number for each number."""
    t = args[0].type
    if complex_type(args[0]):
        raise TypeError("only real arguments are supported")
    dtype = numpy_dtype(t)
    return result_type(None if dtype is None else averaged(dtype), t.dims)


for _helper in (sums.airy_part, sums.sici_part, sums.shichi_part, sums.fresnel_part):
    primitive(_helper.__name__, infer_part, _helper.__name__, "x", "k", helper=_helper)
    function(_helper, _helper.__name__, "x, k: static")


@macro(scipy.special.airy)
def airy(x: Array) -> tuple[Array, ...]:
    return tuple([sums.airy_part(x, k) for k in range(4)])


@macro(scipy.special.sici)
def sici(x: Array) -> tuple[Array, ...]:
    return sums.sici_part(x, 0), sums.sici_part(x, 1)


@macro(scipy.special.shichi)
def shichi(x: Array) -> tuple[Array, ...]:
    return sums.shichi_part(x, 0), sums.shichi_part(x, 1)


@macro(scipy.special.fresnel)
def fresnel(x: Array) -> tuple[Array, ...]:
    return sums.fresnel_part(x, 0), sums.fresnel_part(x, 1)


@nonlinear("airy_part")
def airy_tangent(ans: Array, x: Array, k: int, x_dot: Array) -> Array:
    """Airy's equation: the second derivatives are the functions times x."""
    return sums.airy_part(x, k + 1) * x_dot if k % 2 == 0 else x * sums.airy_part(x, k - 1) * x_dot


@nonlinear("sici_part")
def sici_tangent(ans: Array, x: Array, k: int, x_dot: Array) -> Array:
    return (np.sinc(x / math.pi) if k == 0 else np.cos(x) / x) * x_dot


@nonlinear("shichi_part")
def shichi_tangent(ans: Array, x: Array, k: int, x_dot: Array) -> Array:
    if k == 0:
        nonzero = np.where(x == 0, 1.0, x)
        return np.where(x == 0, 1.0, np.sinh(nonzero) / nonzero) * x_dot
    return np.cosh(x) / x * x_dot


@nonlinear("fresnel_part")
def fresnel_tangent(ans: Array, x: Array, k: int, x_dot: Array) -> Array:
    angle = 0.5 * math.pi * x * x
    return (np.sin(angle) if k == 0 else np.cos(angle)) * x_dot
