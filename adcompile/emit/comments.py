"""The user's source lines as comments above the statements that came from them.

Comments are no part of syntax trees: a statement ``note_3`` holds the place of each while the tree is printed, and the
line is then replaced by the comment.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from adcompile.emit.statements import Origin
from adcompile.errors import Span

PLACE: Final = "_note_"
MAX_WIDTH: Final = 99


@dataclass
class Notes:
    """Comments that have a place in a tree."""

    lines: list[str] = field(default_factory=list)

    def place(self, text: str) -> ast.stmt:
        """Return a statement that stands for a comment."""
        self.lines.append(text)
        return ast.Expr(ast.Name(f"{PLACE}{len(self.lines) - 1}", ast.Load()))

    def restore(self, text: str) -> str:
        """Put the comments into the printed text."""
        pattern = re.compile(rf"^( *){PLACE}(\d+)$", re.MULTILINE)
        return pattern.sub(lambda m: _comment(m[1], self.lines[int(m[2])]), text)


def _comment(margin: str, line: str) -> str:
    text = f"{margin}# {line}"
    return text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 4] + " ..."


def annotate(body: list[ast.stmt], origins: Mapping[ast.stmt, Origin], notes: Notes) -> list[ast.stmt]:
    """Put a comment above each run of statements that came from one line of the user's source."""
    out: list[ast.stmt] = []
    for run in _runs(body, origins):
        origin = next((o for s in run if (o := origins.get(s)) is not None and o.span is not None), None)
        if origin is not None and origin.span is not None and not _says_itself(run, origin):
            text = written_by_user(origin.span)
            if text and not text.startswith(("for ", "while ")):
                out.append(notes.place(text))
        for stmt in run:
            _annotate_within(stmt, origins, notes)
        out += run
    return out


def written_by_user(span: Span) -> str:
    """Return a statement of the user's source in one line; of one with a body, its first line."""
    if span.end_line == span.line or span.text.rstrip().endswith(":"):
        return span.text.strip()
    lines = (linecache.getline(span.filename, k).strip() for k in range(span.line, span.end_line + 1))
    return " ".join(lines).replace("( ", "(").replace(" )", ")").replace("[ ", "[").replace(" ]", "]")


def _annotate_within(stmt: ast.stmt, origins: Mapping[ast.stmt, Origin], notes: Notes) -> None:
    match stmt:
        case ast.If() | ast.For() | ast.While():
            stmt.body = annotate(stmt.body, origins, notes)
            stmt.orelse = _annotated_else(stmt, origins, notes)


def _annotated_else(
    stmt: ast.If | ast.For | ast.While, origins: Mapping[ast.stmt, Origin], notes: Notes
) -> list[ast.stmt]:
    chained = isinstance(stmt, ast.If) and len(stmt.orelse) == 1 and isinstance(stmt.orelse[0], ast.If)
    if chained:
        _annotate_within(stmt.orelse[0], origins, notes)
        return stmt.orelse
    return annotate(stmt.orelse, origins, notes)


def _runs(body: list[ast.stmt], origins: Mapping[ast.stmt, Origin]) -> Iterator[list[ast.stmt]]:
    """Split a body into runs from one line; a statement of a tape between two of one line does not part them."""
    run: list[ast.stmt] = []
    silent: list[ast.stmt] = []
    place: object = None
    for stmt in body:
        here = _place(origins.get(stmt))
        if here is None and place is not None and not isinstance(stmt, ast.If | ast.For | ast.While):
            silent.append(stmt)
            continue
        if run and (here is None or here != place):
            yield run
            yield from ([s] for s in silent)
            run, silent = [], []
        run += [*silent, stmt]
        silent, place = [], here
    if run:
        yield run
    yield from ([s] for s in silent)


def _place(origin: Origin | None) -> object:
    if origin is None or origin.span is None:
        return None
    return (origin.span.filename, origin.span.line, origin.primal)


def _says_itself(run: list[ast.stmt], origin: Origin) -> bool:
    """Tell whether a statement is the very one that the user wrote."""
    if len(run) != 1 or origin.span is None or not origin.primal:
        return False
    try:
        written = ast.parse(written_by_user(origin.span)).body
    except SyntaxError:
        return False
    return len(written) == 1 and ast.dump(written[0]) == ast.dump(run[0])
