"""Eigenvalues and eigenvectors of any square matrices, where the eigenvalues are distinct.

NumPy gives real results for a real matrix with real eigenvalues, so that their dtype is not known when compiling: they
have the type of complex numbers, whose derivatives are right for real ones too. Its eigenvectors have length 1, and
their largest entries are real.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import Infer
from adcompile.ir.types import Type
from adcompile.rules import factors
from adcompile.rules.binding import function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import Shape, flipped, floating, gaps, maybe_complex, real_values, square_dims, whole
from adcompile.rules.table import holomorphic, nonlinear

Array = np.ndarray


def of_any(shape: Shape) -> Infer:
    """Make the inference of eigenvalues or eigenvectors."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        dims, dtype = square_dims(facts, t, "eig"), floating(t)
        return Type(
            "array", None if dtype is None else maybe_complex(dtype), None if dims is None else shape(facts, dims)
        )

    return infer


primitive("eigvals", of_any(real_values), "np.linalg.eigvals", "a", usage="a", cost="product")
for _name, _shape in (("any_eigenvalues", real_values), ("any_eigenvectors", whole)):
    _helper = getattr(factors, _name)
    primitive(_name, of_any(_shape), _name, "a", cost="product", helper=_helper)
    function(_helper, _name, "a")
holomorphic("eigvals", "any_eigenvalues", "any_eigenvectors")


@macro(np.linalg.eig)
def eig(a: Array) -> object:
    """The eigenvalues and eigenvectors."""
    return factors.Eig(factors.any_eigenvalues(a), factors.any_eigenvectors(a))


@nonlinear("eigvals")
@nonlinear("any_eigenvalues")
def eigenvalues_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    v = factors.any_eigenvectors(a)
    return np.sum(flipped(np.linalg.inv(v)) * (a_dot @ v), axis=-2)


@nonlinear("any_eigenvectors")
def eigenvectors_tangent(ans: Array, a: Array, a_dot: Array) -> Array:
    return change_of_vectors(ans, factors.any_eigenvalues(a), a_dot)


def change_of_vectors(ans: Array, values: Array, a_dot: Array) -> Array:
    """The tangent of the eigenvectors."""
    turn = np.linalg.inv(ans) @ a_dot @ ans
    change = ans @ (gaps(values) * turn)
    longer = np.real(np.sum(np.conj(ans) * change, axis=-2))
    largest = np.expand_dims(np.argmax(np.abs(ans), axis=-2), -2)
    turned = np.take_along_axis(change, largest, -2) / np.take_along_axis(ans, largest, -2)
    return change - ans * (np.expand_dims(longer, -2) + (turned - np.conj(turned)) / 2.0)
