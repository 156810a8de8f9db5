"""Singular values and vectors, each factor a function of its own, so that those that are not used cost nothing.

Vectors have derivatives where the values are distinct; `full_matrices` must be false, or the matrix square.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.ir.core import Const
from adcompile.ir.lengths import example_of
from adcompile.ir.primitives import Infer
from adcompile.ir.structure import Node
from adcompile.rules import factors
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import (
    Shape,
    adjoined,
    factor,
    flipped,
    full_left,
    full_right,
    gaps,
    of_square,
    thin,
    thin_left,
    thin_right,
    whole,
)
from adcompile.rules.reductions import conjugated
from adcompile.rules.table import adjoint, holomorphic, is_complex, nonlinear

Array = np.ndarray


FACTORS: Final[dict[str, tuple[Callable[..., Infer], Shape]]] = {
    "left_vectors": (factor, thin_left),
    "right_vectors": (factor, thin_right),
    "all_left_vectors": (factor, full_left),
    "all_right_vectors": (factor, full_right),
    "square_left_vectors": (of_square, whole),
    "square_right_vectors": (of_square, whole),
}
for _name, (_make, _shape) in FACTORS.items():
    _helper = getattr(factors, _name)
    primitive(_name, _make("svd", _shape), _name, "x", cost="product", helper=_helper)
    function(_helper, _name, "x")
for _name in ("singular_values", "all_singular_values", "svdvals"):
    _helper = getattr(factors, _name)
    primitive(_name, factor("svd", thin, real=True), _name, "x", cost="product", helper=_helper)
    function(_helper, _name, "x")
holomorphic("singular_values", "all_singular_values", "svdvals", *FACTORS)


def thin_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> object:
    return factors.Svd(factors.left_vectors(a), factors.singular_values(a), factors.right_vectors(a))


def full_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> object:
    return factors.Svd(factors.all_left_vectors(a), factors.all_singular_values(a), factors.all_right_vectors(a))


def square_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> object:
    return factors.Svd(factors.square_left_vectors(a), factors.all_singular_values(a), factors.square_right_vectors(a))


def values_only(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> Array:
    return factors.svdvals(a)


def choose_svd(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the values alone, the thin decomposition (also of square matrices) and the full one."""
    flags = dict(zip(("full_matrices", "compute_uv"), args[1:], strict=False)) | dict(kwargs)
    given = {k: v.value if isinstance(v, Const) else None for k, v in flags.items()}
    if not args or isinstance(args[0], Node) or not set(given) <= {"full_matrices", "compute_uv"}:
        raise TypeError("np.linalg.svd: only `full_matrices` and `compute_uv` are supported")
    if not given.get("compute_uv", True):
        return Binding("np.linalg.svd", macro=values_only)
    dims = args[0].type.dims
    if given.get("full_matrices", True):
        even = dims is not None and len(dims) >= 2 and example_of(dims[-1]) == example_of(dims[-2]) is not None
        return Binding("np.linalg.svd", macro=square_svd if even else full_svd)
    return Binding("np.linalg.svd", macro=thin_svd)


FUNCTIONS[np.linalg.svd] = Binding("np.linalg.svd", choose=choose_svd)


@macro(np.linalg.svdvals)
def singular_values_of(x: Array, /) -> Array:
    return factors.svdvals(x)


@nonlinear("svdvals")
@nonlinear("all_singular_values")
@nonlinear("singular_values")
def singular_values_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    turned = adjoined(factors.left_vectors(x)) @ x_dot
    return np.real(np.sum(turned * conjugated(factors.right_vectors(x)), axis=-1))


@adjoint("svdvals")
@adjoint("all_singular_values")
@adjoint("singular_values")
def singular_values_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return conjugated((factors.left_vectors(x) * np.expand_dims(g, -2)) @ factors.right_vectors(x))


def outside(u: Array, y: Array) -> Array:
    """What of y the columns of u do not span."""
    return y - u @ (adjoined(u) @ y)


def phases(p: Array, row: Array) -> Array:
    """The turns of phases, of which the left and the right vectors take one half each."""
    return (p - adjoined(p)) * np.eye(p.shape[-1], dtype=p.dtype) / (4.0 * row)


def left_tangent(u: Array, s: Array, v: Array, x_dot: Array) -> Array:
    """The tangent of the left vectors u, given singular values s and right vectors v, as columns."""
    p = adjoined(u) @ x_dot @ v
    row = np.expand_dims(s, -2)
    inside = gaps(s * s) * (p * row + adjoined(p * row))
    if is_complex(p):
        inside = inside + phases(p, row)
    return u @ inside + outside(u, x_dot @ v) / row


def left_adjoint(g: Array, u: Array, s: Array, v: Array) -> Array:
    """The adjoint of x, given that of the left vectors."""
    row = np.expand_dims(s, -2)
    turned = flipped(u) @ g
    inside = gaps(s * s) * (turned - adjoined(turned)) * row
    if is_complex(turned):
        inside = inside + phases(turned, row)
    u = conjugated(u)
    return (u @ inside + outside(u, g / row)) @ flipped(v)


def right_tangent(ans: Array, s: Array, u: Array, x_dot: Array) -> Array:
    """The tangent of the right vectors, as rows: those are left ones of the other matrix."""
    return adjoined(left_tangent(adjoined(ans), s, u, adjoined(x_dot)))


def right_adjoint(g: Array, ans: Array, s: Array, u: Array) -> Array:
    """The adjoint of x, given that of the right vectors, as rows."""
    return adjoined(left_adjoint(adjoined(g), adjoined(ans), s, u))


@nonlinear("left_vectors")
def left_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return left_tangent(ans, factors.singular_values(x), adjoined(factors.right_vectors(x)), x_dot)


@adjoint("left_vectors")
def left_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return left_adjoint(g, ans, factors.singular_values(x), adjoined(factors.right_vectors(x)))


@nonlinear("right_vectors")
def right_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return right_tangent(ans, factors.singular_values(x), factors.left_vectors(x), x_dot)


@adjoint("right_vectors")
def right_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return right_adjoint(g, ans, factors.singular_values(x), factors.left_vectors(x))


@nonlinear("square_left_vectors")
def square_left_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return left_tangent(ans, factors.all_singular_values(x), adjoined(factors.square_right_vectors(x)), x_dot)


@adjoint("square_left_vectors")
def square_left_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return left_adjoint(g, ans, factors.all_singular_values(x), adjoined(factors.square_right_vectors(x)))


@nonlinear("square_right_vectors")
def square_right_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return right_tangent(ans, factors.all_singular_values(x), factors.square_left_vectors(x), x_dot)


@adjoint("square_right_vectors")
def square_right_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return right_adjoint(g, ans, factors.all_singular_values(x), factors.square_left_vectors(x))
