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
    unchanged = 0  # by how many passes in succession
    for run in CLEAN * ROUNDS:
        before, fn = fn, run(fn)
        unchanged = unchanged + 1 if fn is before else 0
        if unchanged == len(CLEAN):
            break
    return fn
