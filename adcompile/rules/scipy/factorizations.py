"""scipy.linalg: factors of matrices, and solutions by them, for real matrices.

Each factor is a function of its own, so that those that are not used cost nothing.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np
import scipy.linalg

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules import symmetric
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import column, flipped, gaps, of_square, real_values, square_dims, whole
from adcompile.rules.scipy import factors, parts
from adcompile.rules.scipy.linalg import cholesky_adjoint, cholesky_tangent, infer_solution, triangle
from adcompile.rules.table import adjoint, nondifferentiable, nonlinear, refuse

Array = np.ndarray

# -- eigenvalues and eigenvectors of symmetric matrices

for _name, _shape in (
    ("ordered_eigenvalues", real_values),
    ("ordered_eigenvectors", whole),
    ("only_eigenvalues", real_values),
):
    _helper = getattr(factors, _name)
    primitive(_name, of_square("eigh", _shape), _name, "a", "lower=True", cost="product", helper=_helper)
    function(_helper, _name, "a, lower: static = True")


@macro(scipy.linalg.eigh)
def eigh(
    a: Array,
    b: Array | None = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: None = None,
    subset_by_value: None = None,
    driver: None = None,
) -> object:
    """The eigenvalues and eigenvectors of a symmetric matrix, alone or relative to another."""
    if type != 1:
        refuse("scipy.linalg.eigh: only the `type` 1 is supported")
    if b is not None:
        if eigvals_only:
            return parts.general_only_values(a, b, lower)
        return parts.general_values(a, b, lower), parts.general_vectors(a, b, lower)
    if eigvals_only:
        return factors.only_eigenvalues(a, lower)
    return factors.ordered_eigenvalues(a, lower), factors.ordered_eigenvectors(a, lower)


@macro(scipy.linalg.eigvalsh)
def eigvalsh(
    a: Array,
    b: Array | None = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: None = None,
    subset_by_value: None = None,
    driver: None = None,
) -> Array:
    if type != 1:
        refuse("scipy.linalg.eigvalsh: only the `type` 1 is supported")
    return factors.only_eigenvalues(a, lower) if b is None else parts.general_only_values(a, b, lower)


@nonlinear("only_eigenvalues")
@nonlinear("ordered_eigenvalues")
def eigenvalues_tangent(ans: Array, a: Array, lower: bool, a_dot: Array) -> Array:
    v = factors.ordered_eigenvectors(a, lower)
    return np.sum(v * (symmetric.mirrored(a_dot, "L" if lower else "U") @ v), axis=-2)


@adjoint("only_eigenvalues")
@adjoint("ordered_eigenvalues")
def eigenvalues_adjoint(g: Array, ans: Array, a: Array, lower: bool) -> Array:
    v = factors.ordered_eigenvectors(a, lower)
    return symmetric.of_triangle((v * np.expand_dims(g, -2)) @ flipped(v), "L" if lower else "U")


@nonlinear("ordered_eigenvectors")
def eigenvectors_tangent(ans: Array, a: Array, lower: bool, a_dot: Array) -> Array:
    turn = flipped(ans) @ symmetric.mirrored(a_dot, "L" if lower else "U") @ ans
    return ans @ (gaps(factors.ordered_eigenvalues(a, lower)) * turn)


@adjoint("ordered_eigenvectors")
def eigenvectors_adjoint(g: Array, ans: Array, a: Array, lower: bool) -> Array:
    inner = gaps(factors.ordered_eigenvalues(a, lower)) * (flipped(ans) @ g)
    return symmetric.of_triangle(ans @ inner @ flipped(ans), "L" if lower else "U")


# -- Cholesky factors, of which one triangle holds the factor, the other what was there

primitive(
    "cholesky_in_place",
    of_square("cho_factor", whole),
    "cholesky_in_place",
    "a",
    "lower=False",
    cost="product",
    helper=factors.cholesky_in_place,
)
function(factors.cholesky_in_place, "cholesky_in_place", "a, lower: static = False")
primitive(
    "solved_by_cholesky",
    infer_solution,
    "solved_by_cholesky",
    "c, b",
    "lower=False",
    cost="product",
    helper=factors.solved_by_cholesky,
)
function(factors.solved_by_cholesky, "solved_by_cholesky", "c, b, lower: static = False")


@macro(scipy.linalg.cho_factor)
def cho_factor(
    a: Array, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Array, bool]:
    return factors.cholesky_in_place(a, lower), lower


@macro(scipy.linalg.cho_solve)
def cho_solve(c_and_lower: tuple[Array, bool], b: Array, overwrite_b: bool = False, check_finite: bool = True) -> Array:
    return factors.solved_by_cholesky(c_and_lower[0], b, c_and_lower[1])


def rest(x: Array, lower: bool) -> Array:
    """The triangle that is left as it was."""
    return np.triu(x, 1) if lower else np.tril(x, -1)


@nonlinear("cholesky_in_place")
def cholesky_in_place_tangent(ans: Array, a: Array, lower: bool, a_dot: Array) -> Array:
    return cholesky_tangent(triangle(ans, lower, False), a, lower, a_dot) + rest(a_dot, lower)


@adjoint("cholesky_in_place")
def cholesky_in_place_adjoint(g: Array, ans: Array, a: Array, lower: bool) -> Array:
    part = cholesky_adjoint(triangle(g, lower, False), triangle(ans, lower, False), a, lower)
    return part + rest(g, lower)


@nonlinear("solved_by_cholesky")
def solved_by_cholesky_tangent(
    ans: Array, c: Array, b: Array, lower: bool, c_dot: Array | None, b_dot: Array | None
) -> Array:
    change = np.zeros_like(ans) if b_dot is None else b_dot
    if c_dot is not None:
        t, t_dot = triangle(c, lower, False), triangle(c_dot, lower, False)
        half = t_dot @ t.T if lower else t_dot.T @ t
        change = change - (half + half.T) @ ans
    return factors.solved_by_cholesky(c, change, lower)


@adjoint("solved_by_cholesky")
def solved_by_cholesky_adjoint(g: Array, ans: Array, c: Array, b: Array, lower: bool) -> tuple[Array, Array]:
    b_bar = factors.solved_by_cholesky(c, g, lower)
    outer = column(b_bar) @ flipped(column(ans))
    both, t = outer + outer.T, triangle(c, lower, False)
    return -triangle(both @ t if lower else t @ both, lower, False), b_bar


# -- triangular factors


def infer_pivots(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one row number for each row."""
    dims = square_dims(facts, args[0].type, "lu_factor")
    return Type("array", np.dtype(np.int32), None if dims is None else dims[:1])


def infer_order(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer an order of rows."""
    return Type("array", np.dtype(np.intp), args[0].type.dims)


def infer_solved(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution; the second operand are row numbers."""
    return infer_solution(facts, (args[0], args[2]), attrs)


primitive("packed_triangles", of_square("lu_factor", whole), "packed_triangles", "a", cost="product",
          helper=factors.packed_triangles)  # fmt: skip
primitive("pivots", infer_pivots, "pivots", "a", cost="product", helper=factors.pivots)
primitive("order_of", infer_order, "order_of", "piv", helper=factors.order_of)
primitive("solved_by_triangles", infer_solved, "solved_by_triangles", "packed, piv, b", cost="product",
          helper=factors.solved_by_triangles)  # fmt: skip
for _name, _operands in (
    ("packed_triangles", "a"),
    ("pivots", "a"),
    ("order_of", "piv"),
    ("solved_by_triangles", "packed, piv, b"),
):
    function(getattr(factors, _name), _name, _operands)
nondifferentiable("pivots", "order_of")


@macro(scipy.linalg.lu_factor)
def lu_factor(a: Array, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Array, Array]:
    return factors.packed_triangles(a), factors.pivots(a)


@macro(scipy.linalg.lu_solve)
def lu_solve(
    lu_and_piv: tuple[Array, Array],
    b: Array,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:
    if trans != 0:
        refuse("scipy.linalg.lu_solve: `trans` is not supported: factor the transpose")
    return factors.solved_by_triangles(lu_and_piv[0], lu_and_piv[1], b)


def lower_part(packed: Array) -> Array:
    """The lower factor, with ones on its diagonal."""
    return np.tril(packed, -1) + np.eye(packed.shape[0], dtype=packed.dtype)


@nonlinear("packed_triangles")
def packed_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    lower, upper = lower_part(ans), np.triu(ans)
    inner = np.linalg.inv(lower) @ a_dot[factors.order_of(factors.pivots(a))] @ np.linalg.inv(upper)
    return lower @ np.tril(inner, -1) + np.triu(inner) @ upper


@adjoint("packed_triangles")
def packed_adjoint(g: Array, ans: Array, a: Array) -> Array:
    lower, upper = lower_part(ans), np.triu(ans)
    inner = np.tril(lower.T @ np.tril(g, -1), -1) + np.triu(np.triu(g) @ upper.T)
    back = np.argsort(factors.order_of(factors.pivots(a)))
    return (np.linalg.inv(lower).T @ inner @ np.linalg.inv(upper).T)[back]


@nonlinear("solved_by_triangles")
def solved_by_triangles_tangent(
    ans: Array,
    packed: Array,
    piv: Array,
    b: Array,
    packed_dot: Array | None,
    piv_dot: None,
    b_dot: Array | None,
) -> Array:
    found = 0.0 if b_dot is None else factors.solved_by_triangles(packed, piv, b_dot)
    if packed_dot is None:
        return found
    lower, upper = lower_part(packed), np.triu(packed)
    change = np.linalg.solve(lower, np.tril(packed_dot, -1) @ (upper @ ans)) + np.triu(packed_dot) @ ans
    return found - np.linalg.solve(upper, change)


@adjoint("solved_by_triangles")
def solved_by_triangles_adjoint(g: Array, ans: Array, packed: Array, piv: Array, b: Array) -> tuple[Array, None, Array]:
    lower, upper = lower_part(packed), np.triu(packed)
    middle = np.linalg.solve(upper.T, g)
    inner = np.linalg.solve(lower.T, middle)
    by_upper = column(middle) @ flipped(column(ans))
    by_lower = column(inner) @ flipped(column(upper @ ans))
    return -(np.triu(by_upper) + np.tril(by_lower, -1)), None, inner[np.argsort(factors.order_of(piv))]


# -- matrices of a structure


@macro(scipy.linalg.toeplitz)
def toeplitz(c: Array, r: Array | None = None) -> Array:
    """Each diagonal holds one number."""
    row = np.conj(c) if r is None else r
    k, n = np.arange(len(c)), np.arange(len(row))
    return np.concatenate([c[::-1], row[1:]])[len(c) - 1 - np.expand_dims(k, 1) + n]


@macro(scipy.linalg.hankel)
def hankel(c: Array, r: Array | None = None) -> Array:
    """Each diagonal in the other direction holds one number."""
    row = np.zeros_like(c) if r is None else r
    return np.concatenate([c, row[1:]])[np.expand_dims(np.arange(len(c)), 1) + np.arange(len(row))]


@macro(scipy.linalg.circulant)
def circulant(c: Array) -> Array:
    """Each column is the one before, turned by one."""
    k = np.arange(len(c))
    return c[(np.expand_dims(k, 1) - k) % len(c)]


@macro(scipy.linalg.block_diag)
def block_diag(*arrs: Array) -> Array:
    """Matrices along the diagonal."""
    blocks = [np.atleast_2d(a) for a in arrs]
    rows = [
        np.concatenate([b if i == j else np.zeros((a.shape[0], b.shape[1])) for j, b in enumerate(blocks)], 1)
        for i, a in enumerate(blocks)
    ]
    return np.concatenate(rows, 0)
