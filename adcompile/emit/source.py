"""The text of a module with derivatives: what other stages call."""

from __future__ import annotations

from collections.abc import Sequence

from adcompile.emit.layout import Layout, Pair, Param, Unit
from adcompile.ir.core import Function

__all__ = ["Layout", "Pair", "Param", "Unit", "emit", "emit_pair"]


def emit(fn: Function, layout: Layout, callees: Sequence[Unit | Pair] = ()) -> str:
    """Return the text of a module with one function and those that it calls."""
    raise NotImplementedError


def emit_pair(fn: Function, forward: Layout, backward: Layout, callees: Sequence[Unit | Pair] = ()) -> str:
    """Return the text of a module with a function and its pullback, and those that they call."""
    raise NotImplementedError
