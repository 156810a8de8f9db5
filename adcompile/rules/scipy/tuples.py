"""scipy.special: functions with several results, of which each is computed where it is used, and spherical ones.

The derivatives are those of NIST's Digital Library of Mathematical Functions, 4.13, 9.2, 10.47 and 22.13.
"""

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
from adcompile.rules.promotion import ufunc_type
from adcompile.rules.reductions import averaged
from adcompile.rules.scipy import sums
from adcompile.rules.table import complex_type, holomorphic, nonlinear, refuse

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


def infer_jacobi(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one of the elliptic functions."""
    return ufunc_type(facts, np.power, tuple(a.type for a in args))


primitive("jacobi_part", infer_jacobi, "jacobi_part", "u, m", "k", helper=sums.jacobi_part)
function(sums.jacobi_part, "jacobi_part", "u, m, k: static")


@macro(scipy.special.ellipj)
def ellipj(u: Array, m: Array) -> tuple[Array, ...]:
    return tuple([sums.jacobi_part(u, m, k) for k in range(4)])


@nonlinear("jacobi_part")
def jacobi_tangent(ans: Array, u: Array, m: Array, k: int, u_dot: Array | None, m_dot: Array | None) -> Array:
    if m_dot is not None:
        refuse("scipy.special.ellipj has no derivative in `m`")
    if k == 0:
        return sums.jacobi_part(u, m, 1) * sums.jacobi_part(u, m, 2) * u_dot
    if k == 1:
        return -sums.jacobi_part(u, m, 0) * sums.jacobi_part(u, m, 2) * u_dot
    if k == 2:
        return -m * sums.jacobi_part(u, m, 0) * sums.jacobi_part(u, m, 1) * u_dot
    return sums.jacobi_part(u, m, 2) * u_dot


# -- spherical Bessel functions, whose equation gives the second derivative


def infer_spherical(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a spherical Bessel function of a number of some order."""
    if complex_type(args[1]):
        raise TypeError("only real arguments are supported")
    return result_type(np.dtype(float), facts.broadcast_dims(*[a.type.dims for a in args]))


for _name in ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"):
    primitive(f"scipy.special.{_name}", infer_spherical, f"scipy.special.{_name}", "n, z", "derivative=False",
              usage="n, z, derivative: static = False")  # fmt: skip


@nonlinear("scipy.special.spherical_jn")
def spherical_jn_tangent(ans: Array, n: int, z: Array, derivative: bool, n_dot: None, z_dot: Array) -> Array:
    if not derivative:
        return scipy.special.spherical_jn(n, z, True) * z_dot
    return ((n * (n + 1) / z**2 - 1) * scipy.special.spherical_jn(n, z) - 2 / z * ans) * z_dot


@nonlinear("scipy.special.spherical_yn")
def spherical_yn_tangent(ans: Array, n: int, z: Array, derivative: bool, n_dot: None, z_dot: Array) -> Array:
    if not derivative:
        return scipy.special.spherical_yn(n, z, True) * z_dot
    return ((n * (n + 1) / z**2 - 1) * scipy.special.spherical_yn(n, z) - 2 / z * ans) * z_dot


@nonlinear("scipy.special.spherical_in")
def spherical_in_tangent(ans: Array, n: int, z: Array, derivative: bool, n_dot: None, z_dot: Array) -> Array:
    if not derivative:
        return scipy.special.spherical_in(n, z, True) * z_dot
    return ((n * (n + 1) / z**2 + 1) * scipy.special.spherical_in(n, z) - 2 / z * ans) * z_dot


@nonlinear("scipy.special.spherical_kn")
def spherical_kn_tangent(ans: Array, n: int, z: Array, derivative: bool, n_dot: None, z_dot: Array) -> Array:
    if not derivative:
        return scipy.special.spherical_kn(n, z, True) * z_dot
    return ((n * (n + 1) / z**2 + 1) * scipy.special.spherical_kn(n, z) - 2 / z * ans) * z_dot


# -- Lambert's function, which is complex


def infer_lambert(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer lambertw."""
    return result_type(np.dtype(complex), args[0].type.dims)


primitive("scipy.special.lambertw", infer_lambert, "scipy.special.lambertw", "z", "k=0, tol=1e-08",
          usage="z, k: static = 0, tol: static = 1e-08")  # fmt: skip
holomorphic("scipy.special.lambertw")


@nonlinear("scipy.special.lambertw")
def lambert_tangent(ans: Array, z: Array, k: int, tol: float, z_dot: Array) -> Array:
    return np.exp(-ans) / (1 + ans) * z_dot
