"""The optimiser: small passes ``run(fn) -> fn``, each of which returns the function itself if nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adcompile.ir.core import Function
from adcompile.opt import assign, cse, dce, hoist, simplify

CLEAN: Final[tuple[Callable[[Function], Function], ...]] = (simplify.run, dce.run, cse.run, assign.run, hoist.run)

ROUNDS: Final = 4


def clean(fn: Function) -> Function:
    """Simplify, drop dead code, share common subexpressions and hoist, until nothing changes (or a few times)."""
    for _ in range(ROUNDS):
        before = fn
        for run in CLEAN:
            fn = run(fn)
        if fn is before:
            break
    return fn
