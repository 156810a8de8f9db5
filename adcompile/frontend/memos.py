"""Calls of functions with a cache: a result is in the cache too, and cannot be changed."""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from adcompile.frontend import calls, opaque
from adcompile.frontend.values import Args, Keywords, Value, lift
from adcompile.ir.core import Eqn, Stmt, walk
from adcompile.ir.primitives import PRIMITIVES

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def memoised(
    lo: Lowering, f: functools._lru_cache_wrapper[object], args: Args, keywords: Keywords, node: ast.AST
) -> Value:
    """Call a function with a cache, whose result is in the cache too: it cannot be changed."""
    since = lo.cell_count
    made = _remembered(lo, f, args, keywords, node)
    lo.remember(made, since, f"in the cache of `{f.__wrapped__.__name__}`, which would return it changed")
    return made


def _remembered(
    lo: Lowering, f: functools._lru_cache_wrapper[object], args: Args, keywords: Keywords, node: ast.AST
) -> Value:
    """Call a function with a cache: run it again where that makes no difference, else call it as it is."""
    mark, names = lo.builder.mark(), lo.snapshot()
    made = calls.call(lo, lift(f.__wrapped__), args, keywords, node)
    if not has_effects(lo.builder.stmts[mark[0] :]):
        return made
    lo.builder.rewind(mark)
    lo.restore(names)
    if all(opaque.surely_inactive(lo, a) for a in (*args, *keywords.values())):
        called = opaque.call_function(lo, f, args, keywords, node)
        if called is not None:
            return called
    message = f"`{f.__wrapped__.__name__}` keeps its results in a cache, and does more than compute them"
    lo.refuse(node, message, "called here", "leave out what it prints, draws or changes, or the cache")


def has_effects(stmts: Sequence[Stmt]) -> bool:
    """Tell whether statements do more than compute, or raise: print, draw, call what is not known."""
    done = (s.prim for s in walk(stmts) if isinstance(s, Eqn))
    return any(PRIMITIVES[prim].effect and prim not in EXITS for prim in done)


# Effects of functions that only compute: what they raise, they raise each time.
EXITS: Final = ("raise", "assert")
