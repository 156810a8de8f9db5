"""Check the rules of a function against finite differences of the function itself."""

from __future__ import annotations

import functools

from adcompile.checking.gradients import Mode, check_grads
from adcompile.checking.leaves import leaves_of
from adcompile.custom.functions import CustomFunction, CustomVjp, Primitive
from adcompile.custom.registry import checked

__all__ = ["check_rule"]


def check_rule(
    rule: CustomFunction | functools.partial[object],
    *args: object,
    order: int = 1,
    rtol: float | None = None,
) -> None:
    """Check the rules of a function at some arguments; raise DerivativeMismatch where one is wrong.

    Adjoint and tangent are compared with finite differences of the function, and with each other by the dot test
    <u, J d> = <J' u, d>; of a function with a reverse rule only, the adjoint. Arguments that are made of floating-point
    numbers are differentiated, but for those in `nondiff_argnums`.

    Parameters
    ----------
    rule : CustomFunction
        What `primitive`, `elementwise`, `custom_jvp` or `custom_vjp` returned; also with keywords, as a partial.
    *args
        The arguments at which it is checked.
    order, rtol
        As for `check_grads`.

    Examples
    --------
    >>> import numpy as np
    >>> import adcompile
    >>> @adcompile.elementwise("softplus(x)", "1 / (1 + np.exp(-x))")
    ... def softplus(x):
    ...     return np.log1p(np.exp(x))
    >>> adcompile.check_rule(softplus, np.array([-1.0, 0.5]))
    """
    inner = checked(rule.func if isinstance(rule, functools.partial) else rule)
    fixed = {k % len(args) for k in inner.nondiff} if args else set()
    argnums = tuple(k for k, a in enumerate(args) if k not in fixed and leaves_of([a]))
    check_grads(rule, *args, modes=modes_of(inner), order=order, argnums=argnums or None, rtol=rtol)


def modes_of(rule: CustomFunction) -> tuple[Mode, ...]:
    """Return the modes that the rules of a function serve."""
    reverse_only = isinstance(rule, CustomVjp) or (isinstance(rule, Primitive) and rule.tangent_rule is None)
    return ("reverse",) if reverse_only else ("forward", "reverse")
