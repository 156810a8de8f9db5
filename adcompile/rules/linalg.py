"""numpy.linalg: solve, inv, det, slogdet; batched where NumPy is.

The derivative of a determinant is right also for singular matrices.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import OBJECT, Type, result_type
from adcompile.rules import factors
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import broadcast, require_same, show
from adcompile.rules.matrices import flipped, floating, square_dims
from adcompile.rules.table import adjoint, holomorphic, is_complex, nondifferentiable, nonlinear

Array = np.ndarray


def infer_inv(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer inv and cofactors."""
    t = args[0].type
    return OBJECT if t.kind == "object" else Type("array", floating(t), square_dims(facts, t, "inv"))


def infer_det(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer det."""
    t = args[0].type
    dims = square_dims(facts, t, "det")
    return Type("array", floating(t), None) if dims is None else result_type(floating(t), dims[:-2])


def infer_log_det(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the logarithm of the size of a determinant, which is real."""
    t = infer_det(facts, args, attrs)
    return t if t.dtype is None else Type(t.kind, np.zeros(0, t.dtype).real.dtype, t.dims)


def infer_solve(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer solve: the right-hand side is a vector only if it has rank 1."""
    a, b = (x.type for x in args)
    dims = square_dims(facts, a, "solve")
    dtype = floating(a, b)
    if dims is None or b.dims is None:
        return Type("array", dtype, None)
    if not b.dims:
        raise TypeError("np.linalg.solve: the right-hand side is a number")
    what = f"np.linalg.solve of shapes {show(dims)} and {show(b.dims)}"
    if len(b.dims) == 1:
        require_same(facts, dims[-1], b.dims[0], what)
        return Type("array", dtype, dims[:-1])
    require_same(facts, dims[-1], b.dims[-2], what)
    batch = broadcast(facts, dims[:-2], b.dims[:-2])
    assert batch is not None
    return Type("array", dtype, (*batch, *b.dims[-2:]))


primitive("inv", infer_inv, "np.linalg.inv", "x", usage="a", cost="product")
primitive("det", infer_det, "np.linalg.det", "x", usage="a", cost="product")
primitive("sign_of_det", infer_det, "sign_of_det", "x", cost="product", helper=factors.sign_of_det)
primitive("log_abs_det", infer_log_det, "log_abs_det", "x", cost="product", helper=factors.log_abs_det)
nondifferentiable("sign_of_det")
primitive("phase_of_det", infer_det, "phase_of_det", "x", cost="product", helper=factors.phase_of_det)
holomorphic("phase_of_det", "log_abs_det")
primitive("solve", infer_solve, "np.linalg.solve", "a, b", usage="a, b", cost="product")
primitive("cofactors", infer_inv, "cofactors", "x", cost="product", helper=factors.cofactors)
for _helper in (factors.cofactors, factors.sign_of_det, factors.phase_of_det, factors.log_abs_det):
    function(_helper, _helper.__name__, "x")


@macro(np.linalg.slogdet)
def slogdet(a: Array) -> object:
    """The sign of the determinant and the logarithm of its size."""
    sign = factors.phase_of_det(a) if is_complex(a) else factors.sign_of_det(a)
    return factors.Slogdet(sign, factors.log_abs_det(a))


def as_matrices(g: Array) -> Array:
    """Give numbers, one a matrix, two axes of length 1."""
    return np.expand_dims(g, (-2, -1)) if g.ndim > 0 else g


@nonlinear("inv")
def inv_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return -(ans @ x_dot @ ans)


@adjoint("inv")
def inv_adjoint(g: Array, ans: Array, x: Array) -> Array:
    transposed = flipped(ans)
    return -(transposed @ g @ transposed)


@nonlinear("det")
def det_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return np.sum(factors.cofactors(x) * x_dot, axis=(-2, -1))


@adjoint("det")
def det_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return as_matrices(g) * factors.cofactors(x)


@nonlinear("cofactors")
def cofactors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    """Right for regular matrices; raises for singular ones."""
    inverse = flipped(np.linalg.inv(x))
    return as_matrices(np.sum(inverse * x_dot, axis=(-2, -1))) * ans - ans @ flipped(x_dot) @ inverse


@nonlinear("log_abs_det")
def log_abs_det_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return np.sum(flipped(np.linalg.inv(x)) * x_dot, axis=(-2, -1))


@adjoint("log_abs_det")
def log_abs_det_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return as_matrices(g) * flipped(np.linalg.inv(x))


@nonlinear("phase_of_det")
def phase_of_det_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return 1j * ans * np.imag(np.sum(flipped(np.linalg.inv(x)) * x_dot, axis=(-2, -1)))


@adjoint("phase_of_det")
def phase_of_det_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return as_matrices(np.asarray(-1j * np.real(1j * g * ans))) * flipped(np.linalg.inv(x))


@nonlinear("solve")
def solve_tangent(ans: Array, a: Array, b: Array, a_dot: Array | None, b_dot: Array | None) -> Array:
    if b.ndim == 1:
        column = None if b_dot is None else np.expand_dims(b_dot, -1)
        return solve_tangent(np.expand_dims(ans, -1), a, np.expand_dims(b, -1), a_dot, column)[..., 0]
    if a_dot is None:
        return np.linalg.solve(a, b_dot)  # type: ignore[arg-type]  # one of the two tangents is given
    change = -(a_dot @ ans)
    return np.linalg.solve(a, change if b_dot is None else b_dot + change)


@adjoint("solve")
def solve_adjoint(g: Array, ans: Array, a: Array, b: Array) -> tuple[Array, Array]:
    if b.ndim > 1:
        b_bar = np.linalg.solve(flipped(a), g)
        return -(b_bar @ flipped(ans)), b_bar
    if a.ndim == 2:
        b_bar = np.linalg.solve(a.T, g)
        return -np.outer(b_bar, ans), b_bar
    b_bar = np.linalg.solve(flipped(a), np.expand_dims(g, -1))
    return -(b_bar * np.expand_dims(ans, -2)), b_bar[..., 0]
