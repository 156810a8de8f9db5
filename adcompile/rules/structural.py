"""The derivatives of the primitives that the passes build. Reads and stores are differentiated by `reverse` itself."""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np

from adcompile.rules.binding import ATTRIBUTES, Binding
from adcompile.rules.table import LINEAR, Linearity, linear, nondifferentiable

Array = np.ndarray

LINEAR["index"] = Linearity((0,), jointly=False)
LINEAR["index_update"] = Linearity((0, 1), jointly=True)
LINEAR["index_add"] = Linearity((0, 1), jointly=True)

nondifferentiable("stop_gradient", "dim", "size", "ndim", "undo", "push", "pop", "print", "assert", "raise", "raises")
nondifferentiable("is_complex")


@linear("acc", 0, 1, jointly=True)
def acc_adjoint(g: Array, ans: Array, x: Array, y: Array) -> tuple[Array, Array]:
    return g, g


@linear("copy")
def copy_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return g


@linear("read_only")
def read_only_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return g


@linear("broadcast_to")
def broadcast_to_adjoint(g: Array, ans: Array, x: Array, shape: tuple[int, ...]) -> tuple[Array, None]:
    return g, None


@linear("full")
def full_adjoint(
    g: Array, ans: Array, fill: Array, shape: tuple[int, ...], dtype: np.dtype | None
) -> tuple[Array, None]:
    return g, None


@linear("unbroadcast")
def unbroadcast_adjoint(g: Array, ans: Array, x: Array, like: Array) -> tuple[Array, None]:
    return np.broadcast_to(g, x.shape), None


@linear("astype")
def astype_adjoint(g: Array, ans: Array, x: Array, dtype: np.dtype) -> Array:
    return g


ATTRIBUTES["T"] = Binding("the attribute T", "transpose", "a, *, axes: static = None")
ATTRIBUTES["mT"] = Binding("the attribute mT", "swapaxes", "a, *, axis1: axis = -2, axis2: axis = -1")
ATTRIBUTES["size"] = Binding("the attribute size", "size", "a")
