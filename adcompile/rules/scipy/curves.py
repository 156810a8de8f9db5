"""Functions that emitted programs carry along for scipy.interpolate: values of splines, and of their derivatives."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np
import scipy.interpolate


def polynomial_pieces(c, x, t, nu=0, extrapolate=True):
    """The values of polynomials between breakpoints x that have the coefficients c, or of their derivatives."""
    return scipy.interpolate.PPoly.construct_fast(c, x, extrapolate)(t, nu)


def basis_splines(knots, c, t, k=3, nu=0, extrapolate=True):
    """The values of a sum of B-splines of degree k with the coefficients c, or of their derivatives."""
    return scipy.interpolate.BSpline.construct_fast(knots, c, k, extrapolate)(t, nu)


def spline_values(spline, t, nu=0):
    """The values of a spline, which must be numbers, or of a derivative."""
    found = spline(t, nu)
    if np.shape(found) != np.shape(t):
        raise TypeError("only splines whose values are numbers are supported")
    return found
