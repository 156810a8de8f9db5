"""The derivatives as users ask for them."""

from __future__ import annotations

import types

from adcompile.api.derived import Derivative
from adcompile.api.gradients import derivative, elementwise_grad, grad, stop_gradient, value_and_grad
from adcompile.api.jacobians import hessian, jacfwd, jacobian, jacrev, value_and_jacobian
from adcompile.api.products import directional, gauss_newton_vp, hvp, jvp, linearize, vjp

__all__ = [
    "Derivative",
    "derivative",
    "directional",
    "elementwise_grad",
    "from_source",
    "gauss_newton_vp",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "stop_gradient",
    "value_and_grad",
    "value_and_jacobian",
    "vjp",
]


def from_source(text: str, name: str, namespace: dict[str, object] | None = None) -> types.FunctionType:
    """Execute a source text and return the function called `name` in it, which can then be differentiated.

    The text sees what it imports, and a copy of `namespace`.

    Examples
    --------
    >>> from adcompile import from_source, grad
    >>> grad(from_source("def f(x): return x**2", "f"))(3.0)
    6.0
    """
    from adcompile.frontend.resolve import from_source

    return from_source(text, name, namespace)
