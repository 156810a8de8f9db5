"""scipy.linalg: matrices with few diagonals, and those in which each diagonal holds one number."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np
import scipy.linalg

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import require_same
from adcompile.rules.matrices import flipped, floating, gaps
from adcompile.rules.scipy import parts
from adcompile.rules.table import adjoint, nonlinear, refuse

Array = np.ndarray
Bands = tuple[int, int]


def infer_banded(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution, which is like the right-hand side."""
    if args[0].type.rank != 2:
        raise TypeError("scipy.linalg.solve_banded needs the diagonals as rows of a matrix")
    return Type("array", floating(args[0].type, args[1].type), args[1].type.dims)


primitive("banded_solution", infer_banded, "banded_solution", "ab, b", "bands", cost="product",
          helper=parts.banded_solution)  # fmt: skip
function(parts.banded_solution, "banded_solution", "ab, b, bands: static")


@macro(scipy.linalg.solve_banded)
def solve_banded(
    l_and_u: Bands,
    ab: Array,
    b: Array,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:
    return parts.banded_solution(ab, b, l_and_u)


def diagonal(ab: Array, x: Array, row: int) -> Array:
    """Give a row of diagonals the axes of a right-hand side."""
    return ab[row] if x.ndim == 1 else np.expand_dims(ab[row], 1)


def shifted(x: Array, places: int) -> Array:
    """Move entries to earlier places, and put zeros behind them; or to later ones, with zeros before."""
    if places == 0:
        return x
    ends = (0, places) if places > 0 else (-places, 0)
    return np.pad(x[places:] if places > 0 else x[:places], ends if x.ndim == 1 else (ends, (0, 0)))


def banded_product(ab: Array, x: Array, bands: Bands) -> Array:
    """The product of the matrix and x."""
    total = np.zeros_like(x)
    for row in range(bands[0] + bands[1] + 1):
        total = total + shifted(diagonal(ab, x, row) * x, bands[1] - row)
    return total


def transposed_bands(ab: Array, bands: Bands) -> Array:
    """The diagonals of the transpose; what is beside them in their rows is not read."""
    rows = range(bands[0] + bands[1] + 1)
    return np.stack([np.roll(ab[row], row - bands[1]) for row in rows][::-1])


@nonlinear("banded_solution")
def banded_tangent(ans: Array, ab: Array, b: Array, bands: Bands, ab_dot: Array | None, b_dot: Array | None) -> Array:
    change = np.zeros_like(ans) if b_dot is None else b_dot
    change = change if ab_dot is None else change - banded_product(ab_dot, ans, bands)
    return parts.banded_solution(ab, change, bands)


@adjoint("banded_solution")
def banded_adjoint(g: Array, ans: Array, ab: Array, b: Array, bands: Bands) -> tuple[Array, Array]:
    b_bar = parts.banded_solution(transposed_bands(ab, bands), g, (bands[1], bands[0]))
    rows = [shifted(b_bar, row - bands[1]) * ans for row in range(bands[0] + bands[1] + 1)]
    return -np.stack([row if row.ndim == 1 else np.sum(row, axis=1) for row in rows]), b_bar


# -- Toeplitz matrices


def infer_toeplitz(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the solution for one right-hand side."""
    for a in args:
        if a.type.rank != 1:
            raise TypeError("scipy.linalg.solve_toeplitz: only one right-hand side is supported")
        assert a.type.dims is not None and args[0].type.dims is not None
        require_same(facts, args[0].type.dims[0], a.type.dims[0], "scipy.linalg.solve_toeplitz")
    return Type("array", floating(*[a.type for a in args]), args[0].type.dims)


primitive("toeplitz_solution", infer_toeplitz, "toeplitz_solution", "c, r, b", cost="product",
          helper=parts.toeplitz_solution)  # fmt: skip
primitive("symmetric_toeplitz_solution", infer_toeplitz, "symmetric_toeplitz_solution", "c, b", cost="product",
          helper=parts.symmetric_toeplitz_solution)  # fmt: skip
function(parts.toeplitz_solution, "toeplitz_solution", "c, r, b")
function(parts.symmetric_toeplitz_solution, "symmetric_toeplitz_solution", "c, b")


@macro(scipy.linalg.solve_toeplitz)
def solve_toeplitz(c_or_cr: object, b: Array, check_finite: bool = True) -> Array:
    if isinstance(c_or_cr, tuple):
        return parts.toeplitz_solution(c_or_cr[0], c_or_cr[1], b)
    return parts.symmetric_toeplitz_solution(c_or_cr, b)


def sums_below(u: Array, x: Array) -> Array:
    """The sums of the diagonals of the outer product of u and x, from the main one down."""
    return np.correlate(u, x, "full")[len(x) - 1 :]


@nonlinear("toeplitz_solution")
def toeplitz_tangent(
    ans: Array, c: Array, r: Array, b: Array, c_dot: Array | None, r_dot: Array | None, b_dot: Array | None
) -> Array:
    change = np.zeros_like(ans) if b_dot is None else b_dot
    if c_dot is not None:
        change = change - scipy.linalg.toeplitz(c_dot, np.zeros_like(c)) @ ans
    if r_dot is not None:
        change = change - scipy.linalg.toeplitz(np.zeros_like(r), r_dot) @ ans
    return parts.toeplitz_solution(c, r, change)


@adjoint("toeplitz_solution")
def toeplitz_adjoint(g: Array, ans: Array, c: Array, r: Array, b: Array) -> tuple[Array, Array, Array]:
    b_bar = parts.toeplitz_solution(np.concatenate([c[:1], r[1:]]), c, g)
    above = sums_below(ans, b_bar)
    return -sums_below(b_bar, ans), -np.concatenate([np.zeros_like(above[:1]), above[1:]]), b_bar


@nonlinear("symmetric_toeplitz_solution")
def symmetric_toeplitz_tangent(ans: Array, c: Array, b: Array, c_dot: Array | None, b_dot: Array | None) -> Array:
    change = np.zeros_like(ans) if b_dot is None else b_dot
    change = change if c_dot is None else change - scipy.linalg.toeplitz(c_dot) @ ans
    return parts.symmetric_toeplitz_solution(c, change)


@adjoint("symmetric_toeplitz_solution")
def symmetric_toeplitz_adjoint(g: Array, ans: Array, c: Array, b: Array) -> tuple[Array, Array]:
    b_bar = parts.symmetric_toeplitz_solution(c, g)
    above = sums_below(ans, b_bar)
    return -sums_below(b_bar, ans) - np.concatenate([np.zeros_like(above[:1]), above[1:]]), b_bar


# -- eigenvalues of symmetric tridiagonal matrices


def infer_tridiagonal(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the eigenvalues."""
    return Type("array", floating(args[0].type, args[1].type), args[0].type.dims)


def infer_vectors(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the eigenvectors."""
    dims = args[0].type.dims
    return Type("array", floating(args[0].type, args[1].type), None if dims is None else (dims[0], dims[0]))


for _name, _infer in (
    ("tridiagonal_values", infer_tridiagonal),
    ("tridiagonal_vectors", infer_vectors),
    ("tridiagonal_only_values", infer_tridiagonal),
):
    _helper = getattr(parts, _name)
    primitive(_name, _infer, _name, "d, e", cost="product", helper=_helper)
    function(_helper, _name, "d, e")


@macro(scipy.linalg.eigh_tridiagonal)
def eigh_tridiagonal(
    d: Array,
    e: Array,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: None = None,
    check_finite: bool = True,
    tol: None = None,
    lapack_driver: None = None,
) -> object:
    if select != "a":
        refuse("scipy.linalg.eigh_tridiagonal: `select` is not supported")
    if eigvals_only:
        return parts.tridiagonal_only_values(d, e)
    return parts.tridiagonal_values(d, e), parts.tridiagonal_vectors(d, e)


@macro(scipy.linalg.eigvalsh_tridiagonal)
def eigvalsh_tridiagonal(
    d: Array,
    e: Array,
    select: str = "a",
    select_range: None = None,
    check_finite: bool = True,
    tol: None = None,
    lapack_driver: None = None,
) -> Array:
    if select != "a":
        refuse("scipy.linalg.eigvalsh_tridiagonal: `select` is not supported")
    return parts.tridiagonal_only_values(d, e)


@nonlinear("tridiagonal_only_values")
@nonlinear("tridiagonal_values")
def tridiagonal_values_tangent(ans: Array, d: Array, e: Array, d_dot: Array | None, e_dot: Array | None) -> Array:
    v = parts.tridiagonal_vectors(d, e)
    found = np.zeros_like(ans) if d_dot is None else d_dot @ (v * v)
    return found if e_dot is None else found + 2.0 * (e_dot @ (v[:-1] * v[1:]))


@nonlinear("tridiagonal_vectors")
def tridiagonal_vectors_tangent(ans: Array, d: Array, e: Array, d_dot: Array | None, e_dot: Array | None) -> Array:
    turn = np.zeros_like(ans) if d_dot is None else flipped(ans) @ (np.expand_dims(d_dot, 1) * ans)
    if e_dot is not None:
        across = flipped(ans[:-1]) @ (np.expand_dims(e_dot, 1) * ans[1:])
        turn = turn + across + flipped(across)
    return ans @ (gaps(parts.tridiagonal_values(d, e)) * turn)
