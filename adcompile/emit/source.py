"""The text of a module with derivatives: what other stages call."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from adcompile.emit import printing, shadows, syntax
from adcompile.emit.comments import Notes
from adcompile.emit.functions import write_function
from adcompile.emit.layout import Layout, Pair, Param, Unit
from adcompile.emit.pairs import write_pair
from adcompile.emit.support import support_for, support_names
from adcompile.ir.core import Eqn, Function, walk

__all__ = ["Layout", "Pair", "Param", "Unit", "emit", "emit_pair"]


def emit(fn: Function, layout: Layout, callees: Sequence[Unit | Pair] = ()) -> str:
    """Return the text of a module with one function, after those that it calls."""
    return _module([*callees, Unit(fn, layout)])


def emit_pair(fn: Function, forward: Layout, backward: Layout, callees: Sequence[Unit | Pair] = ()) -> str:
    """Return the text of a module with a forward and a backward function, after those that they call.

    The forward function returns its results and a tape: all that the backward function, whose first argument it is,
    reads besides the cotangents. The backward function takes items off the lists in the tape.
    """
    return _module([*callees, Pair(fn, forward, backward)])


def _module(units: Sequence[Unit | Pair]) -> str:
    notes = Notes()
    taken = _global_names(units)
    functions: list[ast.stmt] = []
    for unit in units:
        if isinstance(unit, Unit):
            functions.append(write_function(unit.fn, unit.layout, taken, notes))
        else:
            own = unit is units[-1]
            functions += write_pair(unit.fn, unit.forward, unit.backward, taken, notes, own=own)
    constants = _constants(units)
    texts = [printing.to_text(ast.Module([f], [])) for f in functions]
    if constants:
        texts.insert(0, printing.to_text(ast.Module(constants, [])))
    words = set(re.findall(r"[^\W\d]\w*", "".join(texts)))
    head = [f"import {module}\n" for module in ("cmath", "math") if module in words]
    head += [f"import {module}\n" for module in _modules(units) if f"import {module}\n" not in head]
    head.append("import numpy as np\n")
    aliases = shadows.definitions(words)
    head += ["\n", aliases] if aliases else []
    head += ["\n", texts.pop(0)] if constants else []
    return "".join([*head, *(f"\n\n{text}" for text in (*support_for(units), *map(notes.restore, texts)))])


def _modules(units: Sequence[Unit | Pair]) -> list[str]:
    """Return the modules, besides NumPy, whose functions are called as they are."""
    found: set[str] = set()
    for stmt in (s for u in units for s in walk(u.fn.stmts)):
        if isinstance(stmt, Eqn) and stmt.prim == "opaque" and stmt.attrs[0] == "path":
            assert isinstance(stmt.attrs[1], tuple)
            found.add(str(stmt.attrs[1][0]))
    return sorted(m for m in found if m.partition(".")[0] not in ("numpy", "builtins"))


def _global_names(units: Sequence[Unit | Pair]) -> set[str]:
    """Return the names of the module that no variable may take."""
    layouts = [x for u in units for x in ((u.layout,) if isinstance(u, Unit) else (u.forward, u.backward))]
    names = (
        {m.partition(".")[0] for m in _modules(units)}
        | {x.name for x in layouts}
        | {u.fn.name for u in units}
        | support_names(units)
    )
    for constant in _constants(units):
        names |= syntax.names_in(constant)
    return names


def _constants(units: Sequence[Unit | Pair]) -> list[ast.stmt]:
    """Return the statements that define what defaults refer to, once each."""
    lines: dict[str, None] = {}
    for u in units:
        for layout in (u.layout,) if isinstance(u, Unit) else (u.forward, u.backward):
            lines.update(dict.fromkeys(layout.constants))
    return ast.parse("\n".join(lines)).body
