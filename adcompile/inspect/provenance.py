"""Which line became which: the user's source, the program in single assignments, and the emitted derivative."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

from adcompile import driver
from adcompile.dispatch.constants import stated
from adcompile.driver import Written
from adcompile.emit import source as emission
from adcompile.errors import Span
from adcompile.inspect.local import Mode
from adcompile.inspect.subject import Subject
from adcompile.ir import pretty
from adcompile.ir.core import Eqn, Function, Stmt, Var, definitions, walk
from adcompile.records import NamedTuple, dataclass

__all__ = ["Line", "Provenance", "provenance", "source_of", "ssa_of", "written"]

Place = tuple[str, int]  # a file and a line of it


class Line(NamedTuple):
    """A line of one of the texts. `number` is its number in its file; `place` in the user's source, of source lines."""

    name: str
    number: int
    text: str
    place: Place | None = None


@dataclass
class Provenance:
    """Three texts, and which of their lines belong together.

    links  for the name of each line the names of the lines that it came from and of those that it became
    """

    source: list[Line]
    ssa: list[Line]
    emitted: list[Line]
    links: dict[str, list[str]] = field(default_factory=dict)


def source_of(seen: Subject, mode: Mode, value: bool = False) -> str:
    """Return the source of a derivative; with `value`, of the value and the gradient."""
    return stated(written(seen, mode, value).compiled().source, seen.example.captured)


def ssa_of(seen: Subject, mode: Mode) -> str:
    """Return a derivative in single assignments, as it is when it is written down."""
    return "\n\n".join(pretty.show(unit.fn) for unit in written(seen, mode).units)


def written(seen: Subject, mode: Mode, value: bool = False) -> Written:
    """Return the derivative: the gradient, or of what is no number the pullback; in forward mode the tangent."""
    example = seen.example
    if mode == "forward":
        names = [f"{name}_dot" for name, _ in seen.wrt]
        return driver.write_forward(example, names, has_aux=False)
    result = example.lowered.result
    out = example.function.outs[result] if isinstance(result, int) else None
    if out is not None and out.type.dims == () and out.type.inexact:
        return driver.write_reverse(example, value=value, has_aux=False, single=len(seen.argnums) == 1)
    return driver.write_pair(example, has_aux=False)


def provenance(seen: Subject, mode: Mode) -> Provenance:
    """Compile a derivative and say where its lines come from."""
    made = written(seen, mode)
    emitted = emission.emit_lines(made.units)
    ssa, places, keys = _ssa([unit.fn for unit in made.units])
    complete = stated(emitted.text, seen.example.captured)
    shift = complete.count("\n") - emitted.text.count("\n")  # of constants, which are before all functions
    text = [Line(f"e{k}", k, line) for k, line in enumerate(complete.splitlines(), 1)]
    of_key: dict[object, list[str]] = {}
    for name, key in keys:
        of_key.setdefault(key, []).append(name)
    touched = {place for found in places.values() for place in found}
    comments: list[tuple[str, Place]] = []
    pairs: set[tuple[str, str]] = set()
    for number, origins in emitted.origins.items():
        name_of_line = f"e{number + shift}"
        for origin in origins:
            pairs.update((name_of_line, name) for stmt in origin.stmts for name in of_key.get(_key(stmt), ()))
            if origin.span is not None:
                touched.update(_lines(origin.span, whole=True))
                if not origin.stmts:
                    comments.append((name_of_line, (origin.span.filename, origin.span.line)))
    source = _source(seen, touched)
    at = {line.place: line.name for line in source}
    pairs.update((name, at[place]) for name, found in places.items() for place in found if place in at)
    pairs.update((name, at[place]) for name, place in comments if place in at)
    return Provenance(source, ssa, text, _closed(pairs, [*source, *ssa, *text]))


def _closed(pairs: Iterable[tuple[str, str]], lines: Sequence[Line]) -> dict[str, list[str]]:
    """Link lines in both directions, and source lines with emitted ones through the single assignments between."""
    near: dict[str, set[str]] = {}
    for a, b in pairs:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    order = {line.name: k for k, line in enumerate(lines)}
    links: dict[str, list[str]] = {}
    for name, found in near.items():
        far = {other for middle in found if middle[0] == "a" for other in near[middle] if other[0] != name[0]}
        links[name] = sorted((found | far) - {name}, key=order.__getitem__)
    return links


# -- single assignments


def _ssa(functions: Sequence[Function]) -> tuple[list[Line], dict[str, set[Place]], list[tuple[str, object]]]:
    """List the functions; return the lines, the source lines of each, and the statement of each by its key."""
    lines: list[Line] = []
    places: dict[str, set[Place]] = {}
    keys: list[tuple[str, object]] = []
    for position, fn in enumerate(functions):
        spans = _spans(fn)
        if position:
            lines.append(Line(f"a{len(lines) + 1}", len(lines) + 1, ""))
        for text, stmt in pretty.show_lines(fn):
            name = f"a{len(lines) + 1}"
            lines.append(Line(name, len(lines) + 1, text))
            if stmt is not None and text.strip() != "else:" and not text.strip().startswith("yield"):
                keys.append((name, _key(stmt)))
                span = spans.get(_key(stmt))
                if span is not None:
                    places[name] = set(_lines(span, whole=isinstance(stmt, Eqn)))
    return lines, places, keys


def _key(stmt: Stmt) -> object:
    """Return what identifies a statement in all forms of a program: what it defines, or what it does to which tape."""
    if stmt.outs:
        return stmt.outs[0]
    return (stmt.prim, *stmt.attrs[:1]) if isinstance(stmt, Eqn) and stmt.prim == "push" else stmt


def _spans(fn: Function) -> dict[object, Span]:
    """Return where statements come from: a push from where its value does, and a pop from its push."""
    found = {_key(s): s.span for s in walk(fn.stmts) if s.span is not None}
    made = definitions(fn.stmts)
    tapes: dict[object, Span] = {}
    for stmt in walk(fn.stmts):
        if isinstance(stmt, Eqn) and stmt.prim == "push" and isinstance(stmt.args[0], Var):
            maker = made.get(stmt.args[0])
            if maker is not None and maker.span is not None:
                found[_key(stmt)] = tapes[stmt.attrs[0]] = maker.span
        elif isinstance(stmt, Eqn) and stmt.prim == "pop" and stmt.attrs[0] in tapes:
            found[_key(stmt)] = tapes[stmt.attrs[0]]
    return found


def _lines(span: Span, whole: bool) -> Iterator[Place]:
    """Yield the lines of a statement, or its first line only."""
    compound = not whole or span.text.rstrip().endswith(":")
    for line in range(span.line, span.line + 1 if compound else span.end_line + 1):
        yield span.filename, line


# -- the user's source


def _source(seen: Subject, touched: Iterable[Place]) -> list[Line]:
    """Return the lines of the function and of the functions that it calls, a blank line between them."""
    main = seen.example.source
    blocks: dict[tuple[str, int, int], None] = {(main.filename, main.node.lineno, main.node.end_lineno or 0): None}
    by_file: dict[str, set[int]] = {}
    for filename, number in touched:
        by_file.setdefault(filename, set()).add(number)
    for filename, numbers in by_file.items():
        functions = _functions(filename)
        for number in sorted(numbers):
            if not any(f == filename and first <= number <= last for f, first, last in blocks):
                around = [(a, b) for a, b in functions if a <= number <= b]
                first, last = max(around) if around else (number, number)
                blocks[filename, first, last] = None
    lines: list[Line] = []
    for filename, first, last in blocks:
        if lines:
            lines.append(Line(f"s{len(lines) + 1}", 0, ""))
        texts = [linecache.getline(filename, k).rstrip("\n") for k in range(first, last + 1)]
        margin = min((len(t) - len(t.lstrip()) for t in texts if t.strip()), default=0)
        for k, text in enumerate(texts, first):
            lines.append(Line(f"s{len(lines) + 1}", k, text[margin:], (filename, k)))
    return lines


def _functions(filename: str) -> list[tuple[int, int]]:
    """Return the first and last lines of the functions of a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:
        return []
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    return [(n.lineno, n.end_lineno or n.lineno) for n in nodes]
