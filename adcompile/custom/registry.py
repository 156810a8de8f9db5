"""Rules for functions that are called by their own names: for all derivatives, or for those made in a block."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from adcompile.custom.functions import CustomFunction
from adcompile.errors import ArgumentError

__all__ = ["current", "register", "using_rules"]

_registered: Final[list[CustomFunction]] = []
_local: Final[ContextVar[tuple[CustomFunction, ...]]] = ContextVar("rules", default=())


def current() -> tuple[CustomFunction, ...]:
    """Return the rules that hold for a derivative that is made now; later ones override earlier ones."""
    return (*_registered, *_local.get())


def checked(rule: object) -> CustomFunction:
    if not isinstance(rule, CustomFunction):
        raise ArgumentError(
            f"a rule is made by primitive, elementwise, custom_vjp or custom_jvp; this is a {type(rule).__name__}"
        )
    return rule


def register(rule: CustomFunction) -> CustomFunction:
    """Let a rule hold wherever its function is called, in all derivatives that are made from now on.

    It is meant for functions of other packages, which their code calls by their own names.
    """
    _registered[:] = [r for r in _registered if r.function is not checked(rule).function]
    _registered.append(rule)
    return rule


class using_rules:  # a context manager is named like a function
    """Let rules hold for the derivatives that are made in a `with` block, wherever their functions are called.

    The rules of NumPy's own functions are overridden too, where they are called by name. A derivative keeps the rules
    that it was made with.

    >>> import numpy as np
    >>> import adcompile
    >>> safe = adcompile.elementwise(np.sqrt, "sqrt(x)", "np.where(x > 0, 0.5 / np.where(x > 0, ans, 1.0), 0.0)")
    >>> def f(x):
    ...     return np.sum(np.sqrt(x))
    >>> with adcompile.using_rules(safe):
    ...     print(adcompile.grad(f)(np.array([0.0, 4.0])))
    [0.   0.25]
    """

    def __init__(self, *given: CustomFunction) -> None:
        self._rules: Final = tuple(map(checked, given))
        self._tokens: Final[list[object]] = []

    def __enter__(self) -> None:
        self._tokens.append(_local.get())
        _local.set((*_local.get(), *self._rules))

    def __exit__(self, *error: object) -> None:
        before = self._tokens.pop()
        assert isinstance(before, tuple)
        _local.set(before)
