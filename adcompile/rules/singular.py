"""Singular values and vectors, each factor a function of its own, so that those that are not used cost nothing.

Vectors have derivatives where the values are distinct; `full_matrices` must be false, or the matrix square.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Const
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.matrices import (
    Shape,
    factor,
    flipped,
    full_left,
    full_right,
    gaps,
    of_square,
    same,
    thin,
    thin_left,
    thin_right,
)
from adcompile.rules.table import adjoint, nonlinear

Array = np.ndarray


FACTORS: dict[str, Shape] = {
    "singular_values": thin,
    "left_vectors": thin_left,
    "right_vectors": thin_right,
    "all_singular_values": thin,
    "all_left_vectors": full_left,
    "all_right_vectors": full_right,
}
for _name, _shape in FACTORS.items():
    _helper = getattr(runtime, _name)
    primitive(_name, factor("svd", _shape), _name, "x", cost="product", helper=_helper)
    function(_helper, _name, "x")
for _name in ("square_left_vectors", "square_right_vectors"):
    _helper = getattr(runtime, _name)
    primitive(_name, of_square("svd", same), _name, "x", cost="product", helper=_helper)
    function(_helper, _name, "x")
primitive("svdvals", factor("svd", thin), "svdvals", "x", cost="product", helper=runtime.svdvals)
function(runtime.svdvals, "svdvals", "x")


def thin_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    return runtime.left_vectors(a), runtime.singular_values(a), runtime.right_vectors(a)


def full_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    return runtime.all_left_vectors(a), runtime.all_singular_values(a), runtime.all_right_vectors(a)


def square_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    return runtime.square_left_vectors(a), runtime.all_singular_values(a), runtime.square_right_vectors(a)


def values_only(a: Array, full_matrices: bool = True, compute_uv: bool = True) -> Array:
    return runtime.svdvals(a)


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
    return runtime.svdvals(x)


@nonlinear("svdvals")
@nonlinear("all_singular_values")
@nonlinear("singular_values")
def singular_values_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return np.sum(flipped(runtime.left_vectors(x)) @ x_dot * runtime.right_vectors(x), axis=-1)


@adjoint("svdvals")
@adjoint("all_singular_values")
@adjoint("singular_values")
def singular_values_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return (runtime.left_vectors(x) * np.expand_dims(g, -2)) @ runtime.right_vectors(x)


def outside(u: Array, y: Array) -> Array:
    """What of y the columns of u do not span."""
    return y - u @ (flipped(u) @ y)


def left_tangent(u: Array, s: Array, v: Array, x_dot: Array) -> Array:
    """The tangent of the left vectors u, given singular values s and right vectors v, as columns."""
    p = flipped(u) @ x_dot @ v
    row = np.expand_dims(s, -2)
    inside = gaps(s * s) * (p * row + flipped(p * row))
    return u @ inside + outside(u, x_dot @ v) / row


def left_adjoint(g: Array, u: Array, s: Array, v: Array) -> Array:
    """The adjoint of x, given that of the left vectors."""
    row = np.expand_dims(s, -2)
    turned = flipped(u) @ g
    inside = gaps(s * s) * (turned - flipped(turned)) * row
    return (u @ inside + outside(u, g / row)) @ flipped(v)


@nonlinear("left_vectors")
def left_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return left_tangent(ans, runtime.singular_values(x), flipped(runtime.right_vectors(x)), x_dot)


@adjoint("left_vectors")
def left_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return left_adjoint(g, ans, runtime.singular_values(x), flipped(runtime.right_vectors(x)))


@nonlinear("right_vectors")
def right_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return flipped(left_tangent(flipped(ans), runtime.singular_values(x), runtime.left_vectors(x), flipped(x_dot)))


@adjoint("right_vectors")
def right_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return flipped(left_adjoint(flipped(g), flipped(ans), runtime.singular_values(x), runtime.left_vectors(x)))


@nonlinear("square_left_vectors")
def square_left_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    return left_tangent(ans, runtime.all_singular_values(x), flipped(runtime.square_right_vectors(x)), x_dot)


@adjoint("square_left_vectors")
def square_left_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return left_adjoint(g, ans, runtime.all_singular_values(x), flipped(runtime.square_right_vectors(x)))


@nonlinear("square_right_vectors")
def square_right_vectors_tangent(ans: Array, x: Array, x_dot: Array) -> Array:
    s, u = runtime.all_singular_values(x), runtime.square_left_vectors(x)
    return flipped(left_tangent(flipped(ans), s, u, flipped(x_dot)))


@adjoint("square_right_vectors")
def square_right_vectors_adjoint(g: Array, ans: Array, x: Array) -> Array:
    s, u = runtime.all_singular_values(x), runtime.square_left_vectors(x)
    return flipped(left_adjoint(flipped(g), flipped(ans), s, u))
