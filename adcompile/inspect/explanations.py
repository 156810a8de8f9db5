"""What the compiler did with a function: active values, what is kept for the reverse sweep, cuts, operations."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adcompile import driver
from adcompile.errors import Span
from adcompile.inspect.decisions import Decisions, How, decide
from adcompile.inspect.operations import Operations, count, size
from adcompile.inspect.subject import Subject, subject
from adcompile.ir.core import Eqn, Function, Var, blocks_of, definitions, walk
from adcompile.ir.types import Type, numpy_dtype
from adcompile.opt import clean, dce

__all__ = ["Cut", "Explanation", "Row", "explain"]

_ORDER: tuple[How, ...] = ("taped", "undone", "recomputed", "kept alive", "not read")


@dataclass(frozen=True)
class Row:
    """What became of one variable, or of an unnamed value that the reverse sweep reads.

    Attributes
    ----------
    name : str
        The user's name, or the expression of an unnamed value.
    line : int or None
        The line where it is first assigned.
    type : str
        Its dtype and lengths in the example call.
    active : bool
        Whether derivatives pass through it.
    reason : str
        Why, or why not.
    how : str
        How the reverse sweep gets it: "kept alive", "recomputed", "undone", "taped"; "not read" if it does not.
    bytes : int or None
        What is kept of it for the reverse sweep: in a loop for each iteration. None if the size is not known.
    in_loop : bool
        Whether it is made in a loop.
    """

    name: str
    line: int | None
    type: str
    active: bool
    reason: str
    how: How
    bytes: int | None
    in_loop: bool


@dataclass(frozen=True)
class Cut:
    """A place where no derivative passes, because the result is a whole number, a truth value or constant almost
    everywhere.
    """

    expression: str
    filename: str
    line: int

    def __str__(self) -> str:
        return f"cut at `{self.expression}`, {os.path.basename(self.filename)} line {self.line}"


@dataclass(frozen=True)
class Explanation:
    """What `explain` found; prints as a table, and shows as one in a notebook.

    Attributes
    ----------
    function : str
        The name of the function.
    wrt : tuple of str
        The arguments that are differentiated.
    rows : tuple of Row
        The arguments, the variables in the order of their assignment, and unnamed values that are kept.
    cuts : tuple of Cut
        Where derivatives are cut.
    function_operations, gradient_operations : Operations
        The operations of the function, and of value and gradient together, for arguments like those of the example.
    """

    function: str
    wrt: tuple[str, ...]
    rows: tuple[Row, ...]
    cuts: tuple[Cut, ...]
    function_operations: Operations
    gradient_operations: Operations

    @property
    def ratio(self) -> float:
        """How many times the operations of the function its value and gradient take."""
        return self.gradient_operations.number / max(1, self.function_operations.number)

    def __str__(self) -> str:
        heads = ("variable", "line", "type", "active", "because", "reverse sweep", "bytes")
        lines = [heads, *map(_cells, self.rows)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
        table = ["  ".join(f"{cell:{w}}" for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        rule = "-" * max(map(len, table))
        return "\n".join([self._title(), "", table[0], rule, *table[1:], "", *map(str, self.cuts), self._counts()])

    def _title(self) -> str:
        return f"gradient of {self.function} with respect to {', '.join(self.wrt)}"

    def _counts(self) -> str:
        f, g = self.function_operations, self.gradient_operations
        about = "" if f.exact and g.exact else ", with one trip of each loop whose length is not known"
        return f"{f.number} operations in the function, {g.number} with its gradient: {self.ratio:.2f} times{about}"

    def _repr_html_(self) -> str:
        heads = ("variable", "line", "type", "active", "because", "reverse sweep", "bytes")
        head = "".join(f"<th>{h}</th>" for h in heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in _cells(row)) + "</tr>" for row in self.rows
        )
        cuts = "".join(f"<li>{html.escape(str(c))}</li>" for c in self.cuts)
        return (
            f'<table class="adcompile-explain"><caption>{html.escape(self._title())}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"{f'<ul>{cuts}</ul>' if cuts else ''}<p>{html.escape(self._counts())}</p>"
        )


def _cells(row: Row) -> tuple[str, ...]:
    memory = "" if row.how not in ("taped", "kept alive", "undone") else "?" if row.bytes is None else str(row.bytes)
    if memory and row.in_loop and row.how != "kept alive":
        memory += " each trip"
    line = "" if row.line is None else str(row.line)
    return row.name, line, row.type, "yes" if row.active else "no", row.reason, row.how, memory


def explain(f: Callable[..., object], *args: object, argnums: int | Sequence[int] | None = None) -> Explanation:
    """Tell what the compiler does to differentiate a function, for arguments like these.

    Parameters
    ----------
    f : callable
        A function whose result is one number, or a derivative of one.
    argnums : int or tuple of int, optional
        The arguments to differentiate; those made of floating-point numbers if it is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from adcompile import explain
    >>> def f(x):
    ...     k = int(x[0])
    ...     return np.sum(np.exp(x)) * k
    >>> found = explain(f, np.array([2.5, 0.5]))
    >>> [(row.name, row.active, row.how) for row in found.rows][:2]
    [('x', True, 'not read'), ('k', False, 'kept alive')]
    >>> print(found.cuts[0].expression)
    int(x[0])
    """
    seen = subject(f, args, argnums)
    stages = driver.stages(seen.example)
    primal = seen.example.function
    result = next((o for o in stages.before.outs[:1] if isinstance(o, Var)), None)
    places = seen.example.lowered.places
    lengths = {v for v, span in places.items() if _snippet(span).startswith("len(")}
    made = decide(primal, seen.example.variables, stages.before, stages.after, result, lengths)
    wrt = tuple(seen.places[v] for v in seen.example.variables)
    return Explanation(
        seen.name,
        wrt,
        tuple(_rows(seen, primal, made)),
        tuple(dict.fromkeys(c for eqn in made.cuts if (c := _cut(seen, eqn)) is not None)),
        count(dce.run(clean(primal)).primal),
        count(stages.final.stmts),
    )


# -- rows


def _rows(seen: Subject, fn: Function, made: Decisions) -> Iterator[Row]:
    names = {**seen.places}
    groups: dict[str, list[Var]] = {place: [v] for v, place in names.items()}
    defined = definitions(fn.primal)
    for stmt in walk(fn.primal):
        for v in (*(p for b in blocks_of(stmt) for p in b.params), *stmt.outs):
            name = fn.names.get(v, "")
            if name:
                groups.setdefault(name, []).append(v)
            elif made.how.get(v, "not read") in ("taped", "kept alive", "undone") and v.type.is_numeric:
                text = _snippet(seen.example.lowered.places.get(v))
                groups.setdefault(text or f"a step of line {_line(defined.get(v)) or '?'}", []).append(v)
    for name, group in groups.items():
        yield _row(seen, made, name, group, {v: _line(defined.get(v)) for v in group})


def _row(seen: Subject, made: Decisions, name: str, group: Sequence[Var], lines: dict[Var, int | None]) -> Row:
    active = [v for v in group if v in made.reaching]
    useful = [v for v in active if v in made.useful]
    ways = {made.how[v] for v in group if v in made.how}
    how: How = next((h for h in _ORDER if h in ways), "not read")
    kept = [v for v in group if made.how.get(v) == how]
    sizes = [_bytes(v.type) for v in dict.fromkeys(kept)]
    total = None if None in sizes else sum(n for n in sizes if n is not None)
    if how in ("kept alive", "undone") and sizes:
        total = sizes[-1]
    shown = next((v for v in group if v.type.kind != "py" or v.type.inexact), group[0])
    return Row(
        name,
        next((n for n in lines.values() if n is not None), None),
        _described(shown.type),
        bool(useful),
        _reason(seen, made, group, active, useful),
        how,
        0 if how in ("not read", "recomputed") else total,
        any(v in made.looped for v in kept or group),
    )


def _reason(seen: Subject, made: Decisions, group: Sequence[Var], active: Sequence[Var], useful: Sequence[Var]) -> str:
    wrt = [v for v in seen.example.variables if any(v in made.reaching[a] for a in active)]
    if useful:
        if any(v in seen.example.variables for v in group):
            return "differentiated"
        return f"depends on {', '.join(seen.places[v] for v in wrt)}"
    if active:
        return "the result does not depend on it"
    cuts = dict.fromkeys(c for v in group for c in made.upstream.get(v, ()))
    found = [c for eqn in cuts if (c := _cut(seen, eqn)) is not None]
    if found:
        return str(found[0])
    if not any(v.type.inexact for v in group):
        t = group[0].type
        return "not a number" if not t.is_numeric else "a whole number" if _kind(t) in "iub" else "not a number"
    return "does not depend on what is differentiated"


def _cut(seen: Subject, eqn: Eqn) -> Cut | None:
    span = next((s for o in eqn.outs if (s := seen.example.lowered.places.get(o)) is not None), eqn.span)
    if span is None:
        return None
    return Cut(_snippet(span) or eqn.prim, span.filename, span.line)


def _snippet(span: Span | None) -> str:
    """Return the source of an expression; "" if it is on several lines or too long."""
    if span is None or span.line != span.end_line:
        return ""
    text = span.text[span.column : span.end_column]
    return text if len(text) <= 40 else ""


def _line(stmt: object) -> int | None:
    span = getattr(stmt, "span", None)
    return span.line if isinstance(span, Span) else None


def _kind(t: Type) -> str:
    dtype = numpy_dtype(t)
    return "?" if dtype is None else dtype.kind


def _bytes(t: Type) -> int | None:
    dtype, elements = numpy_dtype(t), size(t)
    return None if dtype is None or elements is None else np.dtype(dtype).itemsize * elements


def _described(t: Type) -> str:
    if not t.is_numeric:
        return t.kind
    dtype = numpy_dtype(t)
    name = "?" if dtype is None else str(dtype)
    if not t.is_array:
        return name
    lengths = None if t.dims is None else [size(Type("array", dtype, (d,))) for d in t.dims]
    return f"{name}[{'...' if lengths is None else ', '.join('?' if n is None else str(n) for n in lengths)}]"
