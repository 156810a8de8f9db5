"""Turns plain Python and NumPy functions into the source of the programs that compute their derivatives.

>>> import numpy as np
>>> from adcompile import grad
>>> @grad
... def f(x):
...     return np.log(x) - np.sin(x)
>>> print(f(2.0))
0.9161468365471424
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adcompile.api import (
    derivative,
    directional,
    elementwise_grad,
    from_source,
    gauss_newton_vp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    value_and_jacobian,
    vjp,
)
from adcompile.custom.registry import register, using_rules
from adcompile.custom.surgery import adjoint_of
from adcompile.declarations import custom_jvp, custom_vjp, elementwise, primitive
from adcompile.dispatch.cache import CacheInfo, CacheWarning, cache_info, clear_cache
from adcompile.dispatch.specialise import VERIFIERS as _VERIFIERS
from adcompile.errors import AdcompileError, ArgumentError, CompileError, DerivativeMismatch, SourceError
from adcompile.version import __version__

if TYPE_CHECKING:
    from adcompile.api.sparse import DenseJacobianWarning
    from adcompile.checking import check_grads, check_rule, check_symbolic
    from adcompile.exporting import export, export_function
    from adcompile.frontend.checkpoints import checkpoint, checkpointed
    from adcompile.implicit import fixed_point, implicit_root, linear_solve
    from adcompile.inspect import explain, graph, graph_from_expressions, report, trace

__all__ = [
    "AdcompileError",
    "ArgumentError",
    "CacheInfo",
    "CacheWarning",
    "CompileError",
    "DenseJacobianWarning",
    "DerivativeMismatch",
    "SourceError",
    "__version__",
    "adjoint_of",
    "cache_info",
    "check_grads",
    "check_rule",
    "check_symbolic",
    "checkpoint",
    "checkpointed",
    "clear_cache",
    "custom_jvp",
    "custom_vjp",
    "derivative",
    "directional",
    "elementwise",
    "elementwise_grad",
    "explain",
    "export",
    "export_function",
    "fixed_point",
    "from_source",
    "gauss_newton_vp",
    "grad",
    "graph",
    "graph_from_expressions",
    "hessian",
    "hvp",
    "implicit_root",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear_solve",
    "linearize",
    "primitive",
    "register",
    "report",
    "stop_gradient",
    "trace",
    "using_rules",
    "value_and_grad",
    "value_and_jacobian",
    "vjp",
]


_LAZY = {
    "DenseJacobianWarning": "api.sparse",
    "check_grads": "checking",
    "check_rule": "checking",
    "check_symbolic": "checking",
    "checkpoint": "frontend.checkpoints",
    "checkpointed": "frontend.checkpoints",
    "explain": "inspect",
    "export": "exporting",
    "export_function": "exporting",
    "fixed_point": "implicit",
    "graph": "inspect",
    "graph_from_expressions": "inspect",
    "implicit_root": "implicit",
    "linear_solve": "implicit",
    "report": "inspect",
    "trace": "inspect",
}


def __getattr__(name: str) -> object:
    """Import what is not always needed when it is first used."""
    if name in _LAZY:
        import importlib

        found: object = getattr(importlib.import_module(f"adcompile.{_LAZY[name]}"), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _verify(*first: Any) -> None:  # Any: what `VERIFIERS` are called with
    """Check the first call of a program that is to be checked."""
    from adcompile.checking.verify import verify_first

    verify_first(*first)


_VERIFIERS.append(_verify)
