"""The text of a module with derivatives: what other stages call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from adcompile.emit import apart, pairs, printing, shadows, syntax
from adcompile.emit.comments import Notes
from adcompile.emit.functions import write_function
from adcompile.emit.layout import Layout, Pair, Param, Unit
from adcompile.emit.plan import Origin
from adcompile.emit.support import support_for, support_names
from adcompile.ir.core import Eqn, Function, walk
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import NamedTuple

__all__ = ["Emitted", "Layout", "Pair", "Param", "Unit", "emit", "emit_all", "emit_lines", "emit_pair"]


def emit_all(units: Sequence[Unit | Pair]) -> str:
    """Return the text of a module with functions, callees first."""
    return _module(units)


def emit(fn: Function, layout: Layout, callees: Sequence[Unit | Pair] = ()) -> str:
    """Return the text of a module with one function, after those that it calls."""
    return _module([*callees, Unit(fn, layout)])


def emit_pair(fn: Function, forward: Layout, backward: Layout, callees: Sequence[Unit | Pair] = ()) -> str:
    """Return the text of a module with a forward and a backward function, after those that they call.

    The forward function returns its results and a tape: all that the backward function, whose first argument it is,
    reads besides the cotangents. The backward function takes items off the lists in the tape.
    """
    return _module([*callees, Pair(fn, forward, backward)])


class Emitted(NamedTuple):
    """The text of a module, and where its lines come from: origins by line, counted from 1."""

    text: str
    origins: dict[int, list[Origin]]


def emit_lines(units: Sequence[Unit | Pair]) -> Emitted:
    """Return the text of a module with functions, callees first, and what its lines were made of."""
    units = apart.run(units)
    functions, notes = _functions(units)
    texts = [printing.to_text(ast.Module([f], [])) for f in functions]
    head, *restored = _parts(units, texts, notes)
    origins: dict[int, list[Origin]] = {}
    before = [head, *restored[: len(restored) - len(texts)]]
    line = sum(part.count("\n") for part in before)
    for function, text, part in zip(functions, texts, restored[len(before) - 1 :], strict=True):
        line += part.count("\n") - text.count("\n")
        for number, origin in _places(function, text, notes):
            origins.setdefault(line + number, []).append(origin)
        line += text.count("\n")
    return Emitted("".join([head, *restored]), origins)


def _places(function: ast.stmt, text: str, notes: Notes) -> Iterator[tuple[int, Origin]]:
    """Yield the lines of a printed function with their origins: the text parses to the very tree that it is of."""
    for written, parsed in zip(ast.walk(ast.Module([function], [])), ast.walk(ast.parse(text)), strict=True):
        if isinstance(written, ast.stmt) and isinstance(parsed, ast.stmt) and written in notes.origins:
            compound = isinstance(parsed, ast.If | ast.For | ast.While)
            last = parsed.body[0].lineno - 1 if compound and isinstance(parsed, ast.If | ast.For | ast.While) else None
            for number in range(parsed.lineno, max(last or parsed.end_lineno or 0, parsed.lineno) + 1):
                yield number, notes.origins[written]


def _module(units: Sequence[Unit | Pair]) -> str:
    units = apart.run(units)
    functions, notes = _functions(units)
    return "".join(_parts(units, [printing.to_text(ast.Module([f], [])) for f in functions], notes))


def _functions(units: Sequence[Unit | Pair]) -> tuple[list[ast.stmt], Notes]:
    """Return the syntax trees of all functions, in which places are kept for comments."""
    notes = Notes()
    taken = _global_names(units)
    functions: list[ast.stmt] = []
    for unit in units:
        if isinstance(unit, Unit):
            functions.append(write_function(unit.fn, unit.layout, taken, notes))
        else:
            own = unit is units[-1]
            functions += pairs.write_pair(unit.fn, unit.forward, unit.backward, taken, notes, own=own)
    return functions, notes


def _parts(units: Sequence[Unit | Pair], texts: Sequence[str], notes: Notes) -> list[str]:
    """Return the pieces of a module: its head, the functions that it carries along, and its own."""
    constants = _constants(units)
    defined = printing.to_text(ast.Module(constants, [])) if constants else ""
    words = set(re.findall(r"[^\W\d]\w*", "".join([defined, *texts])))
    carried = support_for(units)
    used = words.union(*(re.findall(r"\b(?:c?math)\b", text) for text in carried))
    head = [f"import {module}\n" for module in ("cmath", "math") if module in used]
    modules = _modules(units)
    head += [f"import {module}\n" for module in modules if f"import {module}\n" not in head]
    head.append("import numpy as np\n")
    aliases = shadows.definitions(words, {m.partition(".")[0] for m in modules})
    head += ["\n", aliases] if aliases else []
    head += ["\n", defined] if defined else []
    return ["".join(head), *(f"\n\n{text}" for text in (*carried, *map(notes.restore, texts)))]


def _modules(units: Sequence[Unit | Pair]) -> list[str]:
    """Return the modules, besides NumPy, whose functions are called as they are."""
    found = set(re.findall(r"\bscipy\.[a-z]+", "".join(support_for(units))))
    for stmt in (s for u in units for s in walk(u.fn.stmts)):
        if isinstance(stmt, Eqn) and PRIMITIVES[stmt.prim].spelling.startswith("statistics."):
            found.add("statistics")
        if isinstance(stmt, Eqn) and PRIMITIVES[stmt.prim].spelling.startswith("scipy."):
            found.add(".".join(PRIMITIVES[stmt.prim].spelling.split(".")[:2]))
        if isinstance(stmt, Eqn) and stmt.prim == "opaque" and stmt.attrs[0] == "path":
            assert isinstance(stmt.attrs[1], tuple)
            found.add(str(stmt.attrs[1][0]))
        if isinstance(stmt, Eqn) and stmt.prim == "raise":
            found.add(str(stmt.attrs[0]).rpartition(".")[0])
    return sorted(m for m in found if m.partition(".")[0] not in ("", "np", "numpy", "builtins"))


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
