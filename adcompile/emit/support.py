"""The source of the functions that emitted modules carry along."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType

from adcompile.emit import printing
from adcompile.emit.layout import Pair, Unit
from adcompile.ir.core import Eqn, walk
from adcompile.ir.primitives import PRIMITIVES


def support_for(units: Sequence[Unit | Pair]) -> list[str]:
    """Return the texts of the helper functions that programs call, once each, callees first."""
    needed: dict[str, str] = {}
    for unit in units:
        for stmt in walk(unit.fn.stmts):
            helper = PRIMITIVES[stmt.prim].helper if isinstance(stmt, Eqn) else None
            if helper is not None:
                _add(helper, needed)
    return list(needed.values())


def support_names(units: Iterable[Unit | Pair]) -> set[str]:
    """Return the names of the helper functions that programs call."""
    stmts = (stmt for unit in units for stmt in walk(unit.fn.stmts))
    prims = {stmt.prim for stmt in stmts if isinstance(stmt, Eqn)}
    return {PRIMITIVES[p].spelling for p in prims if PRIMITIVES[p].helper is not None}


def _add(helper: Callable[..., object], needed: dict[str, str]) -> None:
    name = helper.__name__
    if name in needed:
        return
    text, called = _source(helper)
    for inner in called:
        _add(inner, needed)
    needed[name] = text


@functools.cache
def _source(helper: Callable[..., object]) -> tuple[str, tuple[Callable[..., object], ...]]:
    """Return the text of a function, and the functions of its module that it calls."""
    import textwrap  # slow to load, and needed by few

    text = textwrap.dedent(inspect.getsource(helper))
    text = "\n".join(printing.wrap(line.split("  # type:")[0].rstrip()) for line in text.splitlines()) + "\n"
    module = vars(sys.modules[helper.__module__])
    names = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    called = (module[n] for n in sorted(names) if isinstance(module.get(n), FunctionType) and n != helper.__name__)
    return text, tuple(called)
