"""Checks of compiled derivatives: against finite differences, against each other, and against computer algebra.

This layer stands above the functions that users call and calls them, so that what is checked is what users get.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from adcompile.checking.gradients import check_grads
from adcompile.checking.rules import check_rule

__all__ = ["check_grads", "check_rule", "check_symbolic"]


def check_symbolic(
    f: Callable[..., object], *args: object, argnums: int | Sequence[int] | None = None
) -> Literal["proved", "tested"]:
    """Check the gradient of f at scalar arguments against sympy's; raise DerivativeMismatch where they differ.

    Both the formula that the emitted gradient computes and the numbers that it returns are compared.

    Parameters
    ----------
    f : callable
        A function that returns one number and consists of assignments and calls only: a loop or branch that is still
        there once the arguments' types are known is refused with CompileError, and so is a function that sympy does
        not know.
    *args
        Numbers; Python ints keep their value.
    argnums : int or sequence of int, optional
        What is differentiated; by default the floats.

    Returns
    -------
    "proved" or "tested"
        Proved if sympy simplified the difference of the formulas to zero for each argument, so that the gradient is
        right wherever the formulas hold; tested if some difference was only found to vanish in numbers, at the
        arguments and next to them.

    Examples
    --------
    >>> from adcompile import check_symbolic
    >>> check_symbolic(lambda x, y: x * y**2, 2.0, 3.0)
    'proved'
    """
    from adcompile.checking.symbolic import compare  # here, because importing sympy takes a third of a second

    return "proved" if compare(f, args, argnums) else "tested"
