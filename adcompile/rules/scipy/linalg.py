"""scipy.linalg: solving, inverses, determinants, decompositions, functions of matrices, structured matrices.

What is the same function as one of numpy.linalg takes its rule. `check_finite` and permissions to overwrite change no
result.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import scipy.linalg

from adcompile.ir.core import Atom, Attrs, Var
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, require_same, show
from adcompile.rules.linalg import infer_det, infer_inv
from adcompile.rules.matrices import (
    adjoined,
    column,
    factor,
    flipped,
    floating,
    half_lower,
    of_square,
    square_dims,
    thin,
    whole,
)
from adcompile.rules.reductions import conjugated
from adcompile.rules.scipy import factors
from adcompile.rules.symmetric import mirrored, of_triangle
from adcompile.rules.table import adjoint, complex_type, holomorphic, is_complex, like, nonlinear, refuse

Array = np.ndarray
Trans = Literal[0, 1, 2, "N", "T", "C"]
NO_CHECKS = "overwrite_a: static = False, check_finite: static = True"


def infer_solution(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution for one matrix and a vector or a matrix."""
    a, b = (x.type for x in args[:2])
    dims, dtype = square_dims(facts, a, "solve"), floating(a, b)
    if dims is None or b.dims is None:
        return Type("array", dtype, None)
    if len(dims) != 2 or len(b.dims) not in (1, 2):
        raise TypeError(f"scipy.linalg: only one matrix and right-hand side is supported, not {show(dims)}")
    require_same(facts, dims[0], b.dims[0], f"scipy.linalg.solve of shapes {show(dims)} and {show(b.dims)}")
    return Type("array", dtype, b.dims)


# -- the same as in NumPy

primitive("scipy.linalg.inv", infer_inv, "scipy.linalg.inv", "a", usage=f"a, {NO_CHECKS}", cost="product")
primitive("scipy.linalg.det", infer_det, "scipy.linalg.det", "a", usage=f"a, {NO_CHECKS}", cost="product")
primitive("scipy.linalg.svdvals", factor("svdvals", thin, real=True), "scipy.linalg.svdvals", "a",
          usage=f"a, {NO_CHECKS}", cost="product")  # fmt: skip
for _name in ("inv", "det", "svdvals"):
    like(f"scipy.linalg.{_name}", _name)


# -- solve


primitive(
    "scipy.linalg.solve",
    infer_solution,
    "scipy.linalg.solve",
    "a, b",
    "assume_a=None, transposed=False, lower=False",
    usage="a, b, lower: static = False, overwrite_a: static = False, overwrite_b: static = False, "
    "check_finite: static = True, assume_a: static = None, transposed: static = False",
    cost="product",
)
holomorphic("scipy.linalg.solve", "scipy.linalg.solve_triangular")


@nonlinear("scipy.linalg.solve")
def solve_tangent(
    ans: Array,
    a: Array,
    b: Array,
    kind: str | None,
    transposed: bool,
    lower: bool,
    a_dot: Array | None,
    b_dot: Array | None,
) -> Array:
    change = 0.0 if b_dot is None else b_dot
    if a_dot is not None:
        turn = mirrored(a_dot, "L" if lower else "U") if reads_triangle(a, kind) else a_dot
        change = change - (turn.T if transposed else turn) @ ans
    return scipy.linalg.solve(a, change, assume_a=kind, transposed=transposed, lower=lower)


@adjoint("scipy.linalg.solve")
def solve_adjoint(
    g: Array, ans: Array, a: Array, b: Array, kind: str | None, transposed: bool, lower: bool
) -> tuple[Array, Array]:
    triangle = "L" if lower else "U"
    full = mirrored(a, triangle) if reads_triangle(a, kind) else a
    b_bar = np.linalg.solve(full if transposed else full.T, g)
    outer = -(column(b_bar) @ flipped(column(ans)))
    a_bar = outer.T if transposed else outer
    return of_triangle(a_bar, triangle) if reads_triangle(a, kind) else a_bar, b_bar


def reads_triangle(a: Array, kind: str | None) -> bool:
    """Tell whether one triangle of the matrix is read, of which the other is the conjugate."""
    if kind is None or kind == "gen" or kind == "general":
        return False
    if kind == "pos" or kind == "positive definite" or kind == "her" or kind == "hermitian":
        return True
    if (kind == "sym" or kind == "symmetric") and not is_complex(a):
        return True
    refuse(f"scipy.linalg.solve: `assume_a={kind!r}` is not supported")
    return False


# -- solve_triangular

primitive(
    "scipy.linalg.solve_triangular",
    infer_solution,
    "scipy.linalg.solve_triangular",
    "a, b",
    "trans=0, lower=False, unit_diagonal=False",
    usage="a, b, trans: static = 0, lower: static = False, unit_diagonal: static = False, "
    "overwrite_b: static = False, check_finite: static = True",
    cost="product",
)


def triangle(x: Array, lower: bool, unit: bool) -> Array:
    """The part of a matrix that is read."""
    if unit:
        return np.tril(x, -1) if lower else np.triu(x, 1)
    return np.tril(x) if lower else np.triu(x)


def turned(x: Array, trans: Trans) -> Array:
    return x if trans == 0 or trans == "N" else x.T if trans == 1 or trans == "T" else adjoined(x)


@nonlinear("scipy.linalg.solve_triangular")
def solve_triangular_tangent(
    ans: Array,
    a: Array,
    b: Array,
    trans: Trans,
    lower: bool,
    unit: bool,
    a_dot: Array | None,
    b_dot: Array | None,
) -> Array:
    change = 0.0 if b_dot is None else b_dot
    if a_dot is not None:
        change = change - turned(triangle(a_dot, lower, unit), trans) @ ans
    return scipy.linalg.solve_triangular(a, change, trans, lower, unit)


@adjoint("scipy.linalg.solve_triangular")
def solve_triangular_adjoint(
    g: Array, ans: Array, a: Array, b: Array, trans: Trans, lower: bool, unit: bool
) -> tuple[Array, Array]:
    plain = trans == 0 or trans == "N"
    conjugate = trans == 2 or trans == "C"
    b_bar = scipy.linalg.solve_triangular(conjugated(a) if conjugate else a, g, 1 if plain else 0, lower, unit)
    outer = -(column(b_bar) @ flipped(column(ans)))
    a_bar = outer if plain else adjoined(outer) if conjugate else outer.T
    return triangle(a_bar, lower, unit), b_bar


# -- Cholesky factors

primitive(
    "scipy.linalg.cholesky",
    of_square("cholesky", whole),
    "scipy.linalg.cholesky",
    "a",
    "lower=False",
    usage=f"a, lower: static = False, {NO_CHECKS}",
    cost="product",
)
holomorphic("scipy.linalg.cholesky")


@nonlinear("scipy.linalg.cholesky")
def cholesky_tangent(ans: Array, a: Array, lower: bool, a_dot: Array) -> Array:
    left = ans if lower else adjoined(ans)
    inverse = np.linalg.inv(left)
    change = left @ half_lower(inverse @ mirrored(a_dot, "L" if lower else "U") @ adjoined(inverse))
    return change if lower else adjoined(change)


@adjoint("scipy.linalg.cholesky")
def cholesky_adjoint(g: Array, ans: Array, a: Array, lower: bool) -> Array:
    left, g = (ans, g) if lower else (adjoined(ans), adjoined(g))
    inverse = np.linalg.inv(left)
    inner = half_lower(flipped(left) @ g)
    return of_triangle(flipped(inverse) @ inner @ conjugated(inverse), "L" if lower else "U")


# -- functions of matrices: f([[a, a_dot], [0, a]]) holds the derivative of f at a along a_dot


def infer_function(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a function of square matrices that is real where they are."""
    t = args[0].type
    return Type("array", floating(t), square_dims(facts, t, "expm"))


primitive("scipy.linalg.expm", infer_function, "scipy.linalg.expm", "a", usage="A", cost="product")
holomorphic("scipy.linalg.expm", "scipy.linalg.sqrtm", "scipy.linalg.solve_sylvester")


def beside(a: Array, change: Array) -> Array:
    """The matrix ``[[a, change], [0, a]]``."""
    top = np.concatenate([a, change], -1)
    return np.concatenate([top, np.concatenate([np.zeros_like(a), a], -1)], -2)


@nonlinear("scipy.linalg.expm")
def expm_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    n = a.shape[-1]
    return scipy.linalg.expm(beside(a, a_dot))[..., :n, n:]


@adjoint("scipy.linalg.expm")
def expm_adjoint(g: Array, ans: Array, a: Array) -> Array:
    n = a.shape[-1]
    return scipy.linalg.expm(beside(flipped(a), g))[..., :n, n:]


# -- Sylvester's equation a x + x b = q


def infer_sylvester(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution of Sylvester's equation."""
    a, b, q = (x.type for x in args)
    left, right = square_dims(facts, a, "solve_sylvester"), square_dims(facts, b, "solve_sylvester")
    dims: Dims | None = None if left is None or right is None else (left[0], right[0])
    return Type("array", floating(a, b, q), dims)


primitive(
    "scipy.linalg.solve_sylvester",
    infer_sylvester,
    "scipy.linalg.solve_sylvester",
    "a, b, q",
    usage="a, b, q",
    cost="product",
)


@nonlinear("scipy.linalg.solve_sylvester")
def sylvester_tangent(
    ans: Array, a: Array, b: Array, q: Array, a_dot: Array | None, b_dot: Array | None, q_dot: Array | None
) -> Array:
    change = np.zeros_like(ans) if q_dot is None else q_dot
    change = change if a_dot is None else change - a_dot @ ans
    change = change if b_dot is None else change - ans @ b_dot
    return scipy.linalg.solve_sylvester(a, b, change)


@adjoint("scipy.linalg.solve_sylvester")
def sylvester_adjoint(g: Array, ans: Array, a: Array, b: Array, q: Array) -> tuple[Array, Array, Array]:
    q_bar = scipy.linalg.solve_sylvester(a.T, b.T, g)
    return -(q_bar @ ans.T), -(ans.T @ q_bar), q_bar


primitive(
    "scipy.linalg.solve_continuous_lyapunov",
    infer_solution,
    "scipy.linalg.solve_continuous_lyapunov",
    "a, q",
    usage="a, q",
    cost="product",
)


@nonlinear("scipy.linalg.solve_continuous_lyapunov")
def lyapunov_tangent(ans: Array, a: Array, q: Array, a_dot: Array | None, q_dot: Array | None) -> Array:
    change = np.zeros_like(ans) if q_dot is None else q_dot
    change = change if a_dot is None else change - a_dot @ ans - ans @ a_dot.T
    return scipy.linalg.solve_continuous_lyapunov(a, change)


@adjoint("scipy.linalg.solve_continuous_lyapunov")
def lyapunov_adjoint(g: Array, ans: Array, a: Array, q: Array) -> tuple[Array, Array]:
    q_bar = scipy.linalg.solve_continuous_lyapunov(a.T, g)
    return -(q_bar @ ans.T + q_bar.T @ ans), q_bar


# -- square roots


primitive("scipy.linalg.sqrtm", infer_function, "scipy.linalg.sqrtm", "a", usage="A", cost="product")
primitive("real_root", infer_function, "real_root", "a", cost="product", helper=factors.real_root)
_sqrtm = FUNCTIONS[scipy.linalg.sqrtm]


def choose_root(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell real matrices, whose square root has a derivative of its own where it is real."""
    given = kwargs.get("A", args[0] if args else None)
    real = isinstance(given, Var) and not complex_type(given)
    return Binding("scipy.linalg.sqrtm", "real_root", "A") if real else _sqrtm


FUNCTIONS[scipy.linalg.sqrtm] = Binding("scipy.linalg.sqrtm", choose=choose_root)


@nonlinear("real_root")
@nonlinear("scipy.linalg.sqrtm")
def sqrtm_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return scipy.linalg.solve_sylvester(ans, ans, a_dot)


@adjoint("real_root")
@adjoint("scipy.linalg.sqrtm")
def sqrtm_adjoint(g: Array, ans: Array, a: Array) -> Array:
    return scipy.linalg.solve_sylvester(ans.T, ans.T, g)
