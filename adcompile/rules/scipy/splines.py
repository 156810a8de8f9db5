"""scipy.interpolate: values of splines, which have derivatives in the places where they are evaluated."""

# mypy: disable-error-code="no-any-return, no-untyped-call"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules.binding import function
from adcompile.rules.define import primitive
from adcompile.rules.scipy import curves
from adcompile.rules.table import complex_type, nonlinear, refuse

Array = np.ndarray
Extrapolate = bool | str | None


def infer_values(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one value for each place."""
    if any(map(complex_type, args)):
        raise TypeError("only splines of real numbers are supported")
    return Type("array", np.dtype(float), args[-1].type.dims)


def infer_pieces(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the values of piecewise polynomials."""
    if args[0].type.rank != 2:
        raise TypeError("only splines whose values are numbers are supported")
    return infer_values(facts, args, attrs)


def infer_sums(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the values of sums of B-splines."""
    if args[1].type.rank != 1:
        raise TypeError("only splines whose values are numbers are supported")
    return infer_values(facts, args, attrs)


primitive("polynomial_pieces", infer_pieces, "polynomial_pieces", "c, x, t", "nu=0, extrapolate=True",
          helper=curves.polynomial_pieces)  # fmt: skip
primitive("basis_splines", infer_sums, "basis_splines", "knots, c, t", "k=3, nu=0, extrapolate=True",
          helper=curves.basis_splines)  # fmt: skip
primitive("spline_values", infer_values, "spline_values", "spline, t", "nu=0", helper=curves.spline_values)
function(curves.polynomial_pieces, "polynomial_pieces", "c, x, t, nu: static = 0, extrapolate: static = True")
function(
    curves.basis_splines, "basis_splines", "knots, c, t, k: static = 3, nu: static = 0, extrapolate: static = True"
)
function(curves.spline_values, "spline_values", "spline, t, nu: static = 0")


def check_constant(first: Array | None, second: Array | None) -> None:
    if first is not None or second is not None:
        refuse("splines have derivatives in the places where they are evaluated alone, not in what they go through")


@nonlinear("polynomial_pieces")
def pieces_tangent(
    ans: Array,
    c: Array,
    x: Array,
    t: Array,
    nu: int,
    extrapolate: Extrapolate,
    c_dot: Array | None,
    x_dot: Array | None,
    t_dot: Array,
) -> Array:
    check_constant(c_dot, x_dot)
    return curves.polynomial_pieces(c, x, t, nu + 1, extrapolate) * t_dot


@nonlinear("basis_splines")
def sums_tangent(
    ans: Array,
    knots: Array,
    c: Array,
    t: Array,
    k: int,
    nu: int,
    extrapolate: Extrapolate,
    knots_dot: Array | None,
    c_dot: Array | None,
    t_dot: Array,
) -> Array:
    check_constant(knots_dot, c_dot)
    return curves.basis_splines(knots, c, t, k, nu + 1, extrapolate) * t_dot


@nonlinear("spline_values")
def values_tangent(ans: Array, spline: None, t: Array, nu: int, spline_dot: None, t_dot: Array) -> Array:
    return curves.spline_values(spline, t, nu + 1) * t_dot
