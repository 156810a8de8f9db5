"""scipy.linalg: eigenvalues and eigenvectors, also of a symmetric matrix relative to another."""

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
from adcompile.rules.eigen import change_of_vectors
from adcompile.rules.matrices import (
    flipped,
    floating,
    gaps,
    maybe_complex,
    of_square,
    real_values,
    square_dims,
    whole,
)
from adcompile.rules.scipy import parts
from adcompile.rules.symmetric import mirrored
from adcompile.rules.table import holomorphic, nonlinear, refuse

Array = np.ndarray


def infer_eigenvalues(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer eigenvalues, which SciPy always gives as complex numbers."""
    dtype, dims = floating(args[0].type), square_dims(facts, args[0].type, "eig")
    return Type(
        "array",
        None if dtype is None else np.dtype(np.result_type(dtype, np.complex64)),
        None if dims is None else dims[:-1],
    )


def infer_eigenvectors(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer eigenvectors, which may be real."""
    dtype = floating(args[0].type)
    found = None if dtype is None else maybe_complex(dtype)
    return Type("array", found, square_dims(facts, args[0].type, "eig"))


for _name, _infer in (("eig_values", infer_eigenvalues), ("eig_vectors", infer_eigenvectors)):
    _helper = getattr(parts, _name)
    primitive(_name, _infer, _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")
primitive("scipy.linalg.eigvals", infer_eigenvalues, "scipy.linalg.eigvals", "a", cost="product",
          usage="a, b: no = None, overwrite_a: static = False, check_finite: static = True, "
          "homogeneous_eigvals: no = False")  # fmt: skip
holomorphic("eig_values", "eig_vectors", "scipy.linalg.eigvals")


@macro(scipy.linalg.eig)
def eig(
    a: Array,
    b: None = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: None = None,
) -> object:
    if left or not right:
        refuse("scipy.linalg.eig: only the right eigenvectors are supported")
    return parts.eig_values(a), parts.eig_vectors(a)


@nonlinear("scipy.linalg.eigvals")
@nonlinear("eig_values")
def eigenvalues_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    v = parts.eig_vectors(a)
    return np.sum(flipped(np.linalg.inv(v)) * (a_dot @ v), axis=-2)


@nonlinear("eig_vectors")
def eigenvectors_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return change_of_vectors(ans, parts.eig_values(a), a_dot)


# -- eigenvalues of a symmetric matrix relative to another

for _name, _shape in (
    ("general_values", real_values),
    ("general_vectors", whole),
    ("general_only_values", real_values),
):
    _helper = getattr(parts, _name)
    primitive(_name, of_square("eigh", _shape), _name, "a, b", "lower=True", cost="product", helper=_helper)
    function(_helper, _name, "a, b, lower: static = True")


@nonlinear("general_only_values")
@nonlinear("general_values")
def general_values_tangent(
    ans: Array, a: Array, b: Array, lower: bool, a_dot: Array | None, b_dot: Array | None
) -> Array:
    v, triangle = parts.general_vectors(a, b, lower), "L" if lower else "U"
    found = np.zeros_like(ans) if a_dot is None else np.sum(v * (mirrored(a_dot, triangle) @ v), axis=-2)
    return found if b_dot is None else found - ans * np.sum(v * (mirrored(b_dot, triangle) @ v), axis=-2)


@nonlinear("general_vectors")
def general_vectors_tangent(
    ans: Array, a: Array, b: Array, lower: bool, a_dot: Array | None, b_dot: Array | None
) -> Array:
    w, triangle = parts.general_values(a, b, lower), "L" if lower else "U"
    turn = np.zeros_like(ans) if a_dot is None else flipped(ans) @ mirrored(a_dot, triangle) @ ans
    if b_dot is None:
        return ans @ (gaps(w) * turn)
    by_b = flipped(ans) @ mirrored(b_dot, triangle) @ ans
    inside = gaps(w) * (turn - by_b * np.expand_dims(w, -2))
    return ans @ (inside - 0.5 * by_b * np.eye(by_b.shape[-1], dtype=by_b.dtype))
