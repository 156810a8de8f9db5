"""scipy.linalg: singular values, QR, LU and polar decompositions, pseudoinverses, least squares, norms.

Each part of a decomposition is a function of its own, so that those that are not used cost nothing. The mathematics is
that of NumPy's, for SciPy's signs and orders.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.linalg

from adcompile.ir.core import Atom, Attrs, Const, Var, atom_key
from adcompile.ir.lengths import Facts, example_of
from adcompile.ir.primitives import Infer
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_FLOAT, Type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.least_squares import (
    infer_lstsq,
    infer_rank,
    orthogonal_back,
    orthogonal_change,
    pinv_adjoint,
    pinv_tangent,
    triangular_back,
    triangular_change,
)
from adcompile.rules.matrices import (
    Shape,
    adjoined,
    factor,
    factor_dtype,
    flipped,
    full_left,
    full_right,
    matrices,
    of_square,
    square_dims,
    thin,
    thin_left,
    thin_right,
    turned,
    whole,
)
from adcompile.rules.norms import norm_adjoint, norm_tangent
from adcompile.rules.reductions import conjugated
from adcompile.rules.scipy import parts
from adcompile.rules.singular import left_adjoint, left_tangent, right_adjoint, right_tangent
from adcompile.rules.symmetric import mirrored, of_triangle
from adcompile.rules.table import adjoint, holomorphic, like, nondifferentiable, nonlinear, refuse, static

Array = np.ndarray
OPTIONS = "overwrite_a: static = False, check_finite: static = True"


def even(t: Type) -> bool:
    """Tell whether matrices are square in the example call."""
    return t.dims is not None and len(t.dims) > 1 and example_of(t.dims[-1]) == example_of(t.dims[-2]) is not None


def full_or_thin(name: str, thin_shape: Shape, full_shape: Shape, full: object, real: bool = False) -> Infer:
    """Make the inference of a factor whose attribute tells whether it is the full one; square ones are the same."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        if attrs[0] == full and even(t):
            square_dims(facts, t, name)
        dims = matrices(t, name)
        shape = full_shape if attrs[0] == full else thin_shape
        return Type("array", factor_dtype(t, real), None if dims is None else shape(facts, dims))

    return infer


# -- singular values

for _name, _thin, _full, _real in (
    ("svd_left", thin_left, full_left, False),
    ("svd_values", thin, thin, True),
    ("svd_right", thin_right, full_right, False),
):
    _helper = getattr(parts, _name)
    primitive(_name, full_or_thin("svd", _thin, _full, True, _real), _name, "a", "full_matrices=False", cost="product",
              helper=_helper)  # fmt: skip
    function(_helper, _name, "a, full_matrices: static = False")
primitive("svd_only_values", factor("svd", thin, real=True), "svd_only_values", "a", cost="product",
          helper=parts.svd_only_values)  # fmt: skip
function(parts.svd_only_values, "svd_only_values", "a")
holomorphic("svd_left", "svd_values", "svd_right", "svd_only_values")
like("svd_only_values", "svdvals")


@macro(scipy.linalg.svd)
def svd(
    a: Array,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: None = None,
) -> object:
    if not compute_uv:
        return parts.svd_only_values(a)
    return parts.svd_left(a, full_matrices), parts.svd_values(a, full_matrices), parts.svd_right(a, full_matrices)


@static
def square(x: Var | Array) -> bool:
    """Tell whether matrices are square; the inference of their full factors has made that a fact."""
    return even(x.type) if isinstance(x, Var) else x.shape[-1] == x.shape[-2]


def check_thin(x: Array, full: bool) -> None:
    if full and not square(x):
        refuse("scipy.linalg.svd: singular vectors beyond the singular values have no derivative: full_matrices=False")


@nonlinear("svd_left")
def left_vectors_tangent(ans: Array, x: Array, full: bool, x_dot: Array) -> Array:
    check_thin(x, full)
    return left_tangent(ans, parts.svd_values(x, full), adjoined(parts.svd_right(x, full)), x_dot)


@adjoint("svd_left")
def left_vectors_adjoint(g: Array, ans: Array, x: Array, full: bool) -> Array:
    check_thin(x, full)
    return left_adjoint(g, ans, parts.svd_values(x, full), adjoined(parts.svd_right(x, full)))


@nonlinear("svd_right")
def right_vectors_tangent(ans: Array, x: Array, full: bool, x_dot: Array) -> Array:
    check_thin(x, full)
    return right_tangent(ans, parts.svd_values(x, full), parts.svd_left(x, full), x_dot)


@adjoint("svd_right")
def right_vectors_adjoint(g: Array, ans: Array, x: Array, full: bool) -> Array:
    check_thin(x, full)
    return right_adjoint(g, ans, parts.svd_values(x, full), parts.svd_left(x, full))


@nonlinear("svd_values")
def values_tangent(ans: Array, x: Array, full: bool, x_dot: Array) -> Array:
    full = full and square(x)
    turned = adjoined(parts.svd_left(x, full)) @ x_dot
    return np.real(np.sum(turned * conjugated(parts.svd_right(x, full)), axis=-1))


@adjoint("svd_values")
def values_adjoint(g: Array, ans: Array, x: Array, full: bool) -> Array:
    full = full and square(x)
    return conjugated((parts.svd_left(x, full) * np.expand_dims(g, -2)) @ parts.svd_right(x, full))


# -- QR

for _name, _thin, _full in (
    ("qr_orthogonal", thin_left, full_left),
    ("qr_triangular", thin_right, whole),
):
    _helper = getattr(parts, _name)
    primitive(_name, full_or_thin("qr", _thin, _full, "full"), _name, "a", "mode='full'", cost="product",
              helper=_helper)  # fmt: skip
    function(_helper, _name, "a, mode: static = 'full'")
primitive("qr_only_triangular", of_square("qr", whole), "qr_only_triangular", "a", cost="product",
          helper=parts.qr_only_triangular)  # fmt: skip
function(parts.qr_only_triangular, "qr_only_triangular", "a")
holomorphic("qr_orthogonal", "qr_triangular", "qr_only_triangular")


@macro(scipy.linalg.qr)
def qr(
    a: Array,
    overwrite_a: bool = False,
    lwork: None = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> object:
    if pivoting:
        refuse("scipy.linalg.qr: `pivoting` is not supported")
    if mode == "r":
        return (parts.qr_only_triangular(a),)
    if mode != "full" and mode != "economic":
        refuse(f"scipy.linalg.qr: the mode {mode!r} is not supported")
    return parts.qr_orthogonal(a, mode), parts.qr_triangular(a, mode)


def check_economic(a: Array, mode: str) -> None:
    if mode == "full" and not square(a):
        refuse("scipy.linalg.qr: of a matrix that is not square, only mode='economic' has a derivative")


@nonlinear("qr_orthogonal")
def orthogonal_tangent(ans: Array, a: Array, mode: str, a_dot: Array) -> Array:
    check_economic(a, mode)
    return orthogonal_change(ans, parts.qr_triangular(a, mode), a_dot)


@nonlinear("qr_triangular")
def triangular_tangent(ans: Array, a: Array, mode: str, a_dot: Array) -> Array:
    check_economic(a, mode)
    return triangular_change(parts.qr_orthogonal(a, mode), ans, a_dot)


@nonlinear("qr_only_triangular")
def only_triangular_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return triangular_change(parts.qr_orthogonal(a), ans, a_dot)


@adjoint("qr_orthogonal")
def orthogonal_adjoint(g: Array, ans: Array, a: Array, mode: str) -> Array:
    check_economic(a, mode)
    return orthogonal_back(g, ans, parts.qr_triangular(a, mode), a)


@adjoint("qr_triangular")
def triangular_adjoint(g: Array, ans: Array, a: Array, mode: str) -> Array:
    check_economic(a, mode)
    return triangular_back(g, parts.qr_orthogonal(a, mode), ans, a)


@adjoint("qr_only_triangular")
def only_triangular_adjoint(g: Array, ans: Array, a: Array) -> Array:
    return triangular_back(g, parts.qr_orthogonal(a), ans, a)


# -- LU, of square matrices

for _name in ("lu_permutation", "lu_lower", "lu_upper", "lu_permuted"):
    _helper = getattr(parts, _name)
    primitive(_name, of_square("lu", whole, real=_name == "lu_permutation"), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")
nondifferentiable("lu_permutation")
holomorphic("lu_lower", "lu_upper", "lu_permuted")


@macro(scipy.linalg.lu)
def lu(
    a: Array, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False
) -> object:
    if p_indices:
        refuse("scipy.linalg.lu: `p_indices` is not supported")
    if permute_l:
        return parts.lu_permuted(a), parts.lu_upper(a)
    return parts.lu_permutation(a), parts.lu_lower(a), parts.lu_upper(a)


def between_triangles(a: Array, change: Array) -> Array:
    """The tangent of the matrix as the triangular factors see it."""
    rows = flipped(parts.lu_permutation(a)) @ change
    return np.linalg.inv(parts.lu_lower(a)) @ rows @ np.linalg.inv(parts.lu_upper(a))


@nonlinear("lu_lower")
def lower_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return ans @ np.tril(between_triangles(a, a_dot), -1)


@nonlinear("lu_permuted")
def permuted_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return ans @ np.tril(between_triangles(a, a_dot), -1)


@nonlinear("lu_upper")
def upper_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return np.triu(between_triangles(a, a_dot)) @ ans


# -- pseudoinverses and least squares

primitive(
    "scipy.linalg.pinv",
    factor("pinv", turned),
    "scipy.linalg.pinv",
    "a",
    "atol=None, rtol=None",
    usage="a, *, atol: static = None, rtol: static = None, return_rank: no = False, check_finite: static = True",
    cost="product",
)
primitive(
    "scipy.linalg.pinvh",
    of_square("pinvh", whole),
    "scipy.linalg.pinvh",
    "a",
    "atol=None, rtol=None, lower=True",
    usage="a, atol: static = None, rtol: static = None, lower: static = True, return_rank: no = False, "
    "check_finite: static = True",
    cost="product",
)
holomorphic("scipy.linalg.pinv", "scipy.linalg.pinvh", "lstsq_solution", "lstsq_values")
like("scipy.linalg.pinv", "pinv")


@nonlinear("scipy.linalg.pinvh")
def pinvh_tangent(ans: Array, a: Array, atol: float | None, rtol: float | None, lower: bool, a_dot: Array) -> Array:
    triangle = "L" if lower else "U"
    return pinv_tangent(ans, mirrored(a, triangle), None, None, mirrored(a_dot, triangle))


@adjoint("scipy.linalg.pinvh")
def pinvh_adjoint(g: Array, ans: Array, a: Array, atol: float | None, rtol: float | None, lower: bool) -> Array:
    triangle = "L" if lower else "U"
    return of_triangle(pinv_adjoint(g, ans, mirrored(a, triangle), None, None), triangle)


def infer_residuals(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the residuals, of which there may be none, or one number."""
    found = facts.fresh_for(("residuals", *map(atom_key, args[:2])))
    dims = None if args[1].type.rank != 2 else (found,)
    return Type("array", factor_dtype(args[0].type, True), dims)


for _name, _infer in {
    "lstsq_solution": infer_lstsq,
    "lstsq_residuals": infer_residuals,
    "lstsq_rank": infer_rank,
    "lstsq_values": factor("lstsq", thin, real=True),
}.items():
    _helper = getattr(parts, _name)
    primitive(_name, _infer, _name, "a, b, cond", cost="product", helper=_helper)
    function(_helper, _name, "a, b, cond=None")
nondifferentiable("lstsq_rank")
like("lstsq_solution", "least_squares")
like("lstsq_values", "least_squares_values")


@macro(scipy.linalg.lstsq)
def lstsq(
    a: Array,
    b: Array,
    cond: float | None = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: None = None,
) -> object:
    return (
        parts.lstsq_solution(a, b, cond),
        parts.lstsq_residuals(a, b, cond),
        parts.lstsq_rank(a, b, cond),
        parts.lstsq_values(a, b, cond),
    )


@nonlinear("lstsq_residuals")
def residuals_tangent(
    ans: Array, a: Array, b: Array, cond: float | None, a_dot: Array | None, b_dot: Array | None, cond_dot: None
) -> None:
    refuse("the residuals of scipy.linalg.lstsq are not differentiated: compute np.sum((b - a @ x) ** 2, axis=0)")


# -- norms


def infer_length(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the norm of a vector, which is a number of Python."""
    return PY_FLOAT


primitive("scipy.linalg.norm", infer_length, "scipy.linalg.norm", "a", cost="arithmetic")
holomorphic("scipy.linalg.norm")


def choose_norm(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the Euclidean norms of vectors, which are SciPy's own, from the norms that are NumPy's."""
    given = dict(zip(("ord", "axis", "keepdims", "check_finite"), args[1:], strict=False)) | dict(kwargs)
    own = all(isinstance(v, Const) for v in given.values())
    values = {k: v.value for k, v in given.items() if isinstance(v, Const)}
    plain = own and values.get("axis") is None and not values.get("keepdims")
    rank = None if not args or isinstance(args[0], Node) else rank_of(args[0])
    if plain and rank == 1 and values.get("ord") in (None, 2):
        usage = f"a, ord: static = None, axis: no = None, keepdims: static = False, {OPTIONS.split(', ')[1]}"
        return Binding("scipy.linalg.norm", "scipy.linalg.norm", usage)
    if rank is None or (plain and rank == 2 and values.get("ord") in (1, np.inf)):
        raise TypeError("scipy.linalg.norm: this norm is not supported: use np.linalg.norm")
    if any(k == "check_finite" for k in given):
        raise TypeError("scipy.linalg.norm: `check_finite` is not supported here")
    numpys = FUNCTIONS[np.linalg.norm]
    assert numpys.choose is not None
    return numpys.choose(args, kwargs)


FUNCTIONS[scipy.linalg.norm] = Binding("scipy.linalg.norm", choose=choose_norm)


@nonlinear("scipy.linalg.norm")
def length_tangent(ans: float, a: Array, a_dot: Array) -> Array:
    return norm_tangent(np.asarray(ans)[()], a, None, None, False, a_dot)


@adjoint("scipy.linalg.norm")
def length_adjoint(g: float, ans: float, a: Array) -> Array:
    return norm_adjoint(g, ans, a, None, None, False)


# -- polar decompositions of square matrices

for _name in ("polar_unitary", "polar_symmetric"):
    _helper = getattr(parts, _name)
    primitive(_name, of_square("polar", whole), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")


@macro(scipy.linalg.polar)
def polar(a: Array, side: str = "right") -> object:
    if side != "right":
        refuse("scipy.linalg.polar: only side='right' is supported")
    return parts.polar_unitary(a), parts.polar_symmetric(a)


@nonlinear("polar_unitary")
def unitary_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    p, inside = parts.polar_symmetric(a), flipped(ans) @ a_dot
    return ans @ scipy.linalg.solve_sylvester(p, p, inside - flipped(inside))


@nonlinear("polar_symmetric")
def symmetric_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    inside = flipped(parts.polar_unitary(a)) @ a_dot
    return inside - scipy.linalg.solve_sylvester(ans, ans, inside - flipped(inside)) @ ans
