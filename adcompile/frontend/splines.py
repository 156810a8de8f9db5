"""Splines of scipy.interpolate, from outside, passed as arguments, or made of constants in the function.

spline(x)   ->   spline_values(spline, x)             made in the function: an object
                 polynomial_pieces(c, breakpoints, x) from outside: what it holds
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend import access, application
from adcompile.frontend.values import Args, Keywords, Value
from adcompile.ir.core import NONE, Const, Var, is_none
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def class_of(value: Value) -> object:
    """Return the class of an object."""
    if isinstance(value, Var):
        return value.type.dtype if value.type.kind == "object" else None
    if isinstance(value, Const):
        return type(value.value)
    return value.cls if isinstance(value, Node) else None


def is_spline(lo: Lowering, value: Value) -> bool:
    """Tell whether an object is a spline whose derivatives SciPy gives."""
    module, cls = sys.modules.get("scipy.interpolate"), class_of(value)
    if module is None or not isinstance(cls, type):
        return False
    return issubclass(cls, (module.PPoly, module.BSpline, module.UnivariateSpline))


def call(lo: Lowering, spline: Value, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Evaluate a spline, or with `nu` a derivative."""
    from adcompile.rules.scipy import curves

    names = ("x", "nu", "extrapolate")
    given = {**dict(zip(names, args, strict=False)), **keywords}
    if len(args) > len(names) or not set(given) <= set(names) or "x" not in given:
        lo.refuse(node, "a spline takes `x`, `nu` and `extrapolate` here", "called here")
    nu, places = given.get("nu", Const(0)), application.apply(lo, np.asarray, [given["x"]], {}, node)
    extrapolate = given.get("extrapolate", NONE)
    if isinstance(spline, Var):
        if not is_none(extrapolate):
            lo.refuse(node, "`extrapolate` is not supported here", "called here", "give it to the spline itself")
        return application.apply(lo, curves.spline_values, [spline, places, nu], {}, node)

    def part(name: str) -> Value:
        return access.attribute(lo, spline, name, node)

    module, cls = sys.modules["scipy.interpolate"], class_of(spline)
    assert isinstance(cls, type)
    if issubclass(cls, module.UnivariateSpline):
        hint = "make it inside of the function, or with make_splrep or make_interp_spline"
        lo.refuse(node, f"a {cls.__name__} from outside is not supported", "called here", hint)
    setting = part("extrapolate") if is_none(extrapolate) else extrapolate
    if issubclass(cls, module.PPoly):
        return application.apply(lo, curves.polynomial_pieces, [part("c"), part("x"), places, nu, setting], {}, node)
    return application.apply(lo, curves.basis_splines, [part("t"), part("c"), places, part("k"), nu, setting], {}, node)
