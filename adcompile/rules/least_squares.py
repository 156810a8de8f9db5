"""QR decompositions, pseudoinverses and least squares."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules import runtime
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import column, factor, flipped, floating, matrices, thin, thin_left, thin_right, turned
from adcompile.rules.singular import singular_values_adjoint, singular_values_tangent
from adcompile.rules.table import adjoint, nondifferentiable, nonlinear

Array = np.ndarray

# -- qr

for _name, _shape in (("orthogonal_factor", thin_left), ("triangular_factor", thin_right)):
    _helper = getattr(runtime, _name)
    primitive(_name, factor("qr", _shape), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")


@macro(np.linalg.qr)
def qr(a: Array, mode: str = "reduced") -> object:
    """The orthogonal and the triangular factor of matrices that have at least as many rows as columns."""
    assert mode == "reduced" or mode == "r", "np.linalg.qr: only the modes 'reduced' and 'r' are supported"
    if mode == "r":
        return runtime.triangular_factor(a)
    return runtime.orthogonal_factor(a), runtime.triangular_factor(a)


def lower_turned(x: Array) -> Array:
    """The skew matrix with this strict lower triangle."""
    return np.tril(x, -1) - flipped(np.tril(x, -1))


@nonlinear("orthogonal_factor")
def orthogonal_factor_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    right = a_dot @ np.linalg.inv(runtime.triangular_factor(a))
    inside = flipped(ans) @ right
    return ans @ lower_turned(inside) + (right - ans @ inside)


@nonlinear("triangular_factor")
def triangular_factor_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    inside = flipped(runtime.orthogonal_factor(a)) @ a_dot @ np.linalg.inv(ans)
    return (inside - lower_turned(inside)) @ ans


def symmetric_of_lower(m: Array) -> Array:
    """The symmetric matrix with this lower triangle."""
    return np.tril(m) + flipped(np.tril(m, -1))


@adjoint("orthogonal_factor")
def orthogonal_factor_adjoint(g: Array, ans: Array, a: Array) -> Array:
    r = runtime.triangular_factor(a)
    m = -(flipped(g) @ ans)
    return (g + ans @ symmetric_of_lower(m)) @ flipped(np.linalg.inv(r))


@adjoint("triangular_factor")
def triangular_factor_adjoint(g: Array, ans: Array, a: Array) -> Array:
    q = runtime.orthogonal_factor(a)
    m = ans @ flipped(np.triu(g))
    return (q @ symmetric_of_lower(m)) @ flipped(np.linalg.inv(ans))


# -- pinv, lstsq

primitive(
    "pinv",
    factor("pinv", turned),
    "np.linalg.pinv",
    "a",
    usage="a, rcond: no = None, hermitian: no = False, *, rtol: no = None",
    cost="product",
)


@nonlinear("pinv")
def pinv_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    pt, dt = flipped(ans), flipped(a_dot)
    return -(ans @ a_dot @ ans) + ans @ pt @ (dt - dt @ a @ ans) + (dt - ans @ (a @ dt)) @ pt @ ans


@adjoint("pinv")
def pinv_adjoint(g: Array, ans: Array, a: Array) -> Array:
    pt, gt = flipped(ans), flipped(g)
    first = gt @ ans @ pt
    second = pt @ ans @ gt
    return -(pt @ g @ pt) + (first - a @ (ans @ first)) + (second - (second @ ans) @ a)


def infer_lstsq(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution of a least-squares problem."""
    a, b = args[0].type, args[1].type
    dims = matrices(a, "lstsq")
    if dims is None or b.dims is None:
        return Type("array", floating(a, b), None)
    return Type("array", floating(a, b), (dims[-1], *b.dims[1:]))


def infer_unknown(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the residuals, of which there may be none."""
    return Type("array", floating(*[a.type for a in args[:2]]), None)


def infer_rank(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the rank of a matrix."""
    return Type("np", np.dtype(np.intc))


for _name, _infer in {
    "least_squares": infer_lstsq,
    "squared_residuals": infer_unknown,
    "rank_of_matrix": infer_rank,
    "least_squares_values": factor("lstsq", thin),
}.items():
    _helper = getattr(runtime, _name)
    primitive(_name, _infer, _name, "a, b, rcond", cost="product", helper=_helper)
    function(_helper, _name, "a, b, rcond=None")
nondifferentiable("rank_of_matrix")


@macro(np.linalg.lstsq)
def lstsq(a: Array, b: Array, rcond: float | None = None) -> tuple[Array, Array, Array, Array]:
    """The solution, the squared residuals, the rank and the singular values."""
    return (
        runtime.least_squares(a, b, rcond),
        runtime.squared_residuals(a, b, rcond),
        runtime.rank_of_matrix(a, b, rcond),
        runtime.least_squares_values(a, b, rcond),
    )


@nonlinear("least_squares_values")
def least_squares_values_tangent(
    ans: Array,
    a: Array,
    b: Array,
    rcond: float | None,
    a_dot: Array | None,
    b_dot: Array | None,
    rcond_dot: float | None,
) -> object:
    return 0.0 if a_dot is None else singular_values_tangent(ans, a, a_dot)


@adjoint("least_squares_values")
def least_squares_values_adjoint(
    g: Array, ans: Array, a: Array, b: Array, rcond: float | None
) -> tuple[Array, Array, None]:
    return singular_values_adjoint(g, ans, a), np.zeros_like(b), None


@nonlinear("least_squares")
def least_squares_tangent(
    ans: Array,
    a: Array,
    b: Array,
    rcond: float | None,
    a_dot: Array | None,
    b_dot: Array | None,
    rcond_dot: float | None,
) -> Array:
    p = np.linalg.pinv(a)
    if a_dot is None:
        return p @ b_dot
    change = 0.0 if b_dot is None else p @ b_dot
    y = flipped(p) @ ans
    kernel = flipped(a_dot) @ y
    rest = b - a @ ans
    return change - p @ (a_dot @ ans) + p @ (flipped(p) @ (flipped(a_dot) @ rest)) + (kernel - p @ (a @ kernel))


@adjoint("least_squares")
def least_squares_adjoint(g: Array, ans: Array, a: Array, b: Array, rcond: float | None) -> tuple[Array, Array, None]:
    p = np.linalg.pinv(a)
    y = flipped(p) @ g
    rest, again = column(b - a @ ans), column(p @ y)
    outer = g - p @ (a @ g)
    a_bar = (
        -(column(y) @ flipped(column(ans))) + rest @ flipped(again) + column(flipped(p) @ ans) @ flipped(column(outer))
    )
    return a_bar, y, None
