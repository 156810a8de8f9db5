"""QR decompositions, pseudoinverses and least squares."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs, Var, atom_key
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules import factors
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import (
    adjoined,
    column,
    factor,
    flipped,
    floating,
    half_lower,
    matrices,
    thin,
    thin_left,
    thin_right,
    turned,
)
from adcompile.rules.reductions import conjugated
from adcompile.rules.singular import singular_values_adjoint, singular_values_tangent
from adcompile.rules.table import adjoint, holomorphic, nondifferentiable, nonlinear, refuse, static

Array = np.ndarray

# -- qr

for _name, _shape in (("orthogonal_factor", thin_left), ("triangular_factor", thin_right)):
    _helper = getattr(factors, _name)
    primitive(_name, factor("qr", _shape), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")
holomorphic("orthogonal_factor", "triangular_factor")


@macro(np.linalg.qr)
def qr(a: Array, mode: str = "reduced") -> object:
    """The orthogonal and the triangular factor of matrices."""
    if mode == "r":
        return factors.triangular_factor(a)
    if mode != "reduced":
        refuse(f"np.linalg.qr: the mode {mode!r} is not supported here")
    return factors.Qr(factors.orthogonal_factor(a), factors.triangular_factor(a))


def square_part(x: Array, r: Array) -> Array:
    """The columns that the orthogonal factor is made of: as many as the triangular factor has rows."""
    return x if same_lengths(r) else x[..., : r.shape[-2]]


@static
def same_lengths(r: Var | Array) -> bool:
    """Tell whether matrices are known to be square."""
    dims = r.type.dims if isinstance(r, Var) else r.shape
    return dims is not None and dims[-1] == dims[-2]


def skew(x: Array) -> Array:
    """The skew-Hermitian matrix with this strict lower triangle, and the imaginary part of the diagonal."""
    part = half_lower(x)
    return part - adjoined(part)


def orthogonal_change(q: Array, r: Array, a_dot: Array) -> Array:
    """The tangent of the orthogonal factor q."""
    right = square_part(a_dot, r) @ np.linalg.inv(square_part(r, r))
    inside = adjoined(q) @ right
    return q @ skew(inside) + (right - q @ inside)


def triangular_change(q: Array, r: Array, a_dot: Array) -> Array:
    """The tangent of the triangular factor r."""
    inside = adjoined(q) @ a_dot
    return inside - skew(square_part(inside, r) @ np.linalg.inv(square_part(r, r))) @ r


def orthogonal_back(g: Array, q: Array, r: Array, a: Array) -> Array:
    """The adjoint of a, given that of the orthogonal factor q."""
    t = flipped(q) @ g
    change = g + conjugated(q) @ (half_lower(t - adjoined(t)) - t)
    return widened(change @ flipped(np.linalg.inv(square_part(r, r))), a, r)


def triangular_back(g: Array, q: Array, r: Array, a: Array) -> Array:
    """The adjoint of a, given that of the triangular factor r."""
    q = conjugated(q)
    k = np.triu(g) @ flipped(r)
    turn = half_lower(k - adjoined(k)) @ flipped(np.linalg.inv(square_part(r, r)))
    return q @ np.triu(g) - widened(q @ turn, a, r)


@nonlinear("orthogonal_factor")
def orthogonal_factor_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return orthogonal_change(ans, factors.triangular_factor(a), a_dot)


@nonlinear("triangular_factor")
def triangular_factor_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return triangular_change(factors.orthogonal_factor(a), ans, a_dot)


@adjoint("orthogonal_factor")
def orthogonal_factor_adjoint(g: Array, ans: Array, a: Array) -> Array:
    return orthogonal_back(g, ans, factors.triangular_factor(a), a)


@adjoint("triangular_factor")
def triangular_factor_adjoint(g: Array, ans: Array, a: Array) -> Array:
    return triangular_back(g, factors.orthogonal_factor(a), ans, a)


def widened(x: Array, a: Array, r: Array) -> Array:
    """Put zeros behind the columns that `square_part` leaves."""
    if same_lengths(r):
        return x
    return np.concatenate([x, np.zeros_like(a[..., r.shape[-2] :])], -1)


# -- pinv, lstsq

primitive(
    "pinv",
    factor("pinv", turned),
    "np.linalg.pinv",
    "a",
    "rcond=None, rtol=None",
    usage="a, rcond: static = None, hermitian: no = False, *, rtol: static = None",
    cost="product",
)
holomorphic("pinv", "least_squares", "squared_residuals", "least_squares_values")


@nonlinear("pinv")
def pinv_tangent(ans: Array, a: Array, rcond: float | None, rtol: float | None, a_dot: Array) -> Array:
    pt, dt = adjoined(ans), adjoined(a_dot)
    return -(ans @ a_dot @ ans) + ans @ pt @ (dt - dt @ a @ ans) + (dt - ans @ (a @ dt)) @ pt @ ans


@adjoint("pinv")
def pinv_adjoint(g: Array, ans: Array, a: Array, rcond: float | None, rtol: float | None) -> Array:
    pt, gt, p, a = flipped(ans), adjoined(g), conjugated(ans), conjugated(a)
    first = gt @ p @ pt
    second = pt @ p @ gt
    return -(pt @ g @ pt) + (first - a @ (p @ first)) + (second - (second @ p) @ a)


def infer_lstsq(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution of a least-squares problem."""
    a, b = args[0].type, args[1].type
    dims = matrices(a, "lstsq")
    if dims is None or b.dims is None:
        return Type("array", floating(a, b), None)
    return Type("array", floating(a, b), (dims[-1], *b.dims[1:]))


def infer_residuals(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the residuals, of which there may be none."""
    found = facts.fresh_for(("residuals", *map(atom_key, args[:2])))
    dtype = floating(*[a.type for a in args[:2]])
    return Type("array", None if dtype is None else np.zeros(0, dtype).real.dtype, (found,))


def infer_rank(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the rank of a matrix."""
    return Type("np", np.dtype(np.intc))


for _name, _infer in {
    "least_squares": infer_lstsq,
    "squared_residuals": infer_residuals,
    "rank_of_matrix": infer_rank,
    "least_squares_values": factor("lstsq", thin, real=True),
}.items():
    _helper = getattr(factors, _name)
    primitive(_name, _infer, _name, "a, b, rcond", cost="product", helper=_helper)
    function(_helper, _name, "a, b, rcond=None")
nondifferentiable("rank_of_matrix")


@macro(np.linalg.lstsq)
def lstsq(a: Array, b: Array, rcond: float | None = None) -> tuple[Array, Array, Array, Array]:
    """The solution, the squared residuals, the rank and the singular values."""
    return (
        factors.least_squares(a, b, rcond),
        factors.squared_residuals(a, b, rcond),
        factors.rank_of_matrix(a, b, rcond),
        factors.least_squares_values(a, b, rcond),
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
    pt, dt = adjoined(p), adjoined(a_dot)
    kernel = dt @ (pt @ ans)
    rest = b - a @ ans
    return change - p @ (a_dot @ ans) + p @ (pt @ (dt @ rest)) + (kernel - p @ (a @ kernel))


@adjoint("least_squares")
def least_squares_adjoint(g: Array, ans: Array, a: Array, b: Array, rcond: float | None) -> tuple[Array, Array, None]:
    p = np.linalg.pinv(a)
    y, pt = flipped(p) @ g, adjoined(p)
    rest, again = column(b - a @ ans), column(conjugated(p) @ y)
    outer = column(g - conjugated(p) @ (conjugated(a) @ g))
    spread = conjugated(rest @ flipped(again) + column(pt @ ans) @ flipped(outer))
    return spread - column(y) @ flipped(column(ans)), y, None


@nonlinear("squared_residuals")
def squared_residuals_tangent(
    ans: Array,
    a: Array,
    b: Array,
    rcond: float | None,
    a_dot: Array | None,
    b_dot: Array | None,
    rcond_dot: float | None,
) -> Array:
    """NumPy gives none where the matrix does not have full rank, or no more rows than columns."""
    x = factors.least_squares(a, b, rcond)
    change = 0.0 if b_dot is None else b_dot
    change = change if a_dot is None else change - a_dot @ x
    found = 2.0 * np.real(np.sum(conjugated(b - a @ x) * change, axis=0))
    return np.atleast_1d(found)[: len(ans)]


@adjoint("squared_residuals")
def squared_residuals_adjoint(
    g: Array, ans: Array, a: Array, b: Array, rcond: float | None
) -> tuple[Array, Array, None]:
    x = factors.least_squares(a, b, rcond)
    n = 1 if b.ndim == 1 else b.shape[1]
    b_bar = 2.0 * np.concatenate([g, np.zeros(n - len(g), g.dtype)]) * conjugated(b - a @ x)
    return -(column(b_bar) @ flipped(column(x))), b_bar, None
