"""scipy.linalg: logarithms, sines, powers and other functions of matrices.

Of ``f([[a, change], [0, a]])`` the upper right part is the derivative of f at a along a change (Higham, Functions of
Matrices, 2008, theorem 3.6).
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import scipy.linalg

from adcompile.ir.core import Var
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import flipped
from adcompile.rules.scipy import parts
from adcompile.rules.scipy.linalg import beside, infer_function, infer_solution
from adcompile.rules.table import adjoint, complex_type, holomorphic, nonlinear

Array = np.ndarray

# -- logarithms

primitive("scipy.linalg.logm", infer_function, "scipy.linalg.logm", "a", usage="A", cost="product")
primitive("real_logarithm", infer_function, "real_logarithm", "a", cost="product", helper=parts.real_logarithm)
function(parts.real_logarithm, "real_logarithm", "a")
_logm = FUNCTIONS[scipy.linalg.logm]


def choose_logarithm(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell real matrices, whose logarithm has a derivative of its own where it is real."""
    given = kwargs.get("A", args[0] if args else None)
    real = isinstance(given, Var) and not complex_type(given)
    return Binding("scipy.linalg.logm", "real_logarithm", "A") if real else _logm


FUNCTIONS[scipy.linalg.logm] = Binding("scipy.linalg.logm", choose=choose_logarithm)


# -- sines and cosines, which have each other as derivatives only where matrices commute

OTHERS: Final = {name: getattr(scipy.linalg, name) for name in ("logm", "cosm", "sinm", "coshm", "sinhm")}

for _name in [*OTHERS][1:]:
    primitive(f"scipy.linalg.{_name}", infer_function, f"scipy.linalg.{_name}", "a", usage="A", cost="product")
holomorphic(*(f"scipy.linalg.{_name}" for _name in OTHERS))


def state_derivatives(name: str, f: Callable[[Array], Array]) -> None:
    """State the derivatives of a function of matrices."""

    @nonlinear(name)
    def tangent(ans: Array, a: Array, a_dot: Array) -> Array:
        n = a.shape[0]
        return f(beside(a, a_dot))[:n, n:]

    @adjoint(name)
    def back(g: Array, ans: Array, a: Array) -> Array:
        n = a.shape[0]
        return f(beside(flipped(a), g))[:n, n:]


state_derivatives("real_logarithm", parts.real_logarithm)
for _name, _f in OTHERS.items():
    state_derivatives(f"scipy.linalg.{_name}", _f)


# -- the derivative of the exponential, and its own derivative


for _name in ("exponential", "exponential_slope", "only_exponential_slope"):
    _helper = getattr(parts, _name)
    primitive(_name, infer_solution, _name, "a, change", cost="product", helper=_helper)
    function(_helper, _name, "a, change")


@macro(scipy.linalg.expm_frechet)
def expm_frechet(
    A: Array, E: Array, method: None = None, compute_expm: bool = True, check_finite: bool = True
) -> object:
    if not compute_expm:
        return parts.only_exponential_slope(A, E)
    return parts.exponential(A, E), parts.exponential_slope(A, E)


@nonlinear("exponential")
def exponential_tangent(ans: Array, a: Array, change: Array, a_dot: Array | None, change_dot: Array | None) -> Array:
    return np.zeros_like(ans) if a_dot is None else parts.only_exponential_slope(a, a_dot)


@adjoint("exponential")
def exponential_adjoint(g: Array, ans: Array, a: Array, change: Array) -> tuple[Array, None]:
    return parts.only_exponential_slope(a.T, g), None


@nonlinear("only_exponential_slope")
@nonlinear("exponential_slope")
def slope_tangent(ans: Array, a: Array, change: Array, a_dot: Array | None, change_dot: Array | None) -> Array:
    found = np.zeros_like(ans) if change_dot is None else parts.only_exponential_slope(a, change_dot)
    if a_dot is None:
        return found
    n = a.shape[0]
    return found + parts.only_exponential_slope(beside(a, a_dot), beside(change, np.zeros_like(a)))[:n, n:]


@adjoint("only_exponential_slope")
@adjoint("exponential_slope")
def slope_adjoint(g: Array, ans: Array, a: Array, change: Array) -> tuple[Array, Array]:
    n = a.shape[0]
    both = parts.only_exponential_slope(beside(a.T, g), beside(change.T, np.zeros_like(a)))
    return both[:n, n:], parts.only_exponential_slope(a.T, g)


# -- Lyapunov's equation a x a^T - x + q = 0

primitive(
    "scipy.linalg.solve_discrete_lyapunov",
    infer_solution,
    "scipy.linalg.solve_discrete_lyapunov",
    "a, q",
    usage="a, q, method: no = None",
    cost="product",
)


@nonlinear("scipy.linalg.solve_discrete_lyapunov")
def lyapunov_tangent(ans: Array, a: Array, q: Array, a_dot: Array | None, q_dot: Array | None) -> Array:
    change = np.zeros_like(ans) if q_dot is None else q_dot
    change = change if a_dot is None else change + a_dot @ ans @ a.T + a @ ans @ a_dot.T
    return scipy.linalg.solve_discrete_lyapunov(a, change)


@adjoint("scipy.linalg.solve_discrete_lyapunov")
def lyapunov_adjoint(g: Array, ans: Array, a: Array, q: Array) -> tuple[Array, Array]:
    q_bar = scipy.linalg.solve_discrete_lyapunov(a.T, g)
    return q_bar @ a @ ans.T + q_bar.T @ a @ ans, q_bar
