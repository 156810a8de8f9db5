"""The user's source lines as comments above the statements that came from them.

Comments are no part of syntax trees: a statement ``note_3`` holds the place of each while the tree is printed, and the
line is then replaced by the comment.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from adcompile.emit.plan import Origin
from adcompile.emit.printing import same_tree
from adcompile.errors import Span
from adcompile.records import dataclass, field

SHORTEST: Final = 20  # columns that a comment takes at least, however deep it stands
PLACE: Final = "_note_"
MAX_WIDTH: Final = 99


@dataclass(slots=True)
class Notes:
    """Comments that have a place in a tree, and where its statements come from."""

    lines: list[str] = field(default_factory=list)
    origins: dict[ast.stmt, Origin] = field(default_factory=dict)

    def place(self, text: str, origin: Origin | None = None) -> ast.stmt:
        """Return a statement that stands for a comment."""
        self.lines.append(text)
        comment = ast.Expr(ast.Name(f"{PLACE}{len(self.lines) - 1}", ast.Load()))
        if origin is not None:
            self.origins[comment] = origin
        return comment

    def blank(self) -> ast.stmt:
        """Return a statement that stands for an empty line."""
        return self.place("")

    def restore(self, text: str) -> str:
        """Put the comments into the printed text."""
        return "\n".join(map(self._restored, text.split("\n")))

    def _restored(self, line: str) -> str:
        margin, place, number = line.partition(PLACE)
        if not place or margin.strip(" ") or not number.isdecimal():
            return line
        return _comment(margin, self.lines[int(number)])


def _comment(margin: str, line: str) -> str:
    if not line:
        return ""
    room = max(MAX_WIDTH - len(margin) - 2, SHORTEST)
    return f"{margin}# {line if len(line) <= room else line[: room - 4] + ' ...'}"


def annotate(body: list[ast.stmt], origins: Mapping[ast.stmt, Origin], notes: Notes) -> list[ast.stmt]:
    """Put a comment above each run of statements that came from one line of the user's source."""
    notes.origins.update(origins)
    return _Annotator(origins, notes).body(body)


class _Annotator:
    def __init__(self, origins: Mapping[ast.stmt, Origin], notes: Notes) -> None:
        self.origins, self.notes = origins, notes
        self.above: object = None  # the line that the last comment names: it is not repeated

    def body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for run in _runs(body, self.origins, _place):
            out += self.comment(run)
            for stmt in run:
                self.inside(stmt)
            out += self.helpers(run)
        return out

    def comment(self, run: list[ast.stmt]) -> list[ast.stmt]:
        """Return the comment above a run, if it needs one."""
        origin = self.origin(run)
        if origin is None or origin.span is None or _place(origin) == self.above:
            return []
        text = written_by_user(origin.span)
        if not text or text.startswith(("for ", "while ")):
            return []
        self.above = _place(origin)
        if _says_itself(run, origin):
            return []
        return [self.notes.place(text, Origin(origin.span, origin.primal))]

    def origin(self, run: list[ast.stmt]) -> Origin | None:
        """Return the first origin of some statements."""
        return next((o for s in run if (o := self.origins.get(s)) is not None and o.span is not None), None)

    def helpers(self, run: list[ast.stmt]) -> list[ast.stmt]:
        """Return a run with the names of the functions that its parts come from, if these are several."""
        parts = list(_runs(run, self.origins, _helper)) if len(run) > 1 else [run]
        if len({_helper(self.origin(part)) for part in parts}) < 2:
            return run
        out: list[ast.stmt] = []
        for part in parts:
            origin = self.origin(part)
            if origin is not None and origin.span is not None and origin.span.within:
                out.append(self.notes.place(f"- {origin.span.within}", Origin(origin.span, origin.primal)))
            out += part
        return out

    def inside(self, stmt: ast.stmt) -> None:
        """Annotate the bodies of a statement."""
        match stmt:
            case ast.If(orelse=[ast.If() as other]):
                stmt.body = self.body(stmt.body)
                self.inside(other)
            case ast.If() | ast.For() | ast.While():
                if not isinstance(stmt, ast.If):
                    self.above = None  # what is computed once for all trips may come from a line of the loop
                stmt.body = self.body(stmt.body)
                stmt.orelse = self.body(stmt.orelse)


def written_by_user(span: Span) -> str:
    """Return a statement of the user's source in one line; of one with a body, its first line."""
    if span.end_line == span.line or span.text.rstrip().endswith(":"):
        return span.text.strip()
    lines = (linecache.getline(span.filename, k).strip() for k in range(span.line, span.end_line + 1))
    return " ".join(lines).replace("( ", "(").replace(" )", ")").replace("[ ", "[").replace(" ]", "]")


def _runs(
    body: list[ast.stmt], origins: Mapping[ast.stmt, Origin], place_of: Callable[[Origin | None], object]
) -> Iterator[list[ast.stmt]]:
    """Split a body into runs from one place; a statement of a tape between two of one place does not part them."""
    run: list[ast.stmt] = []
    silent: list[ast.stmt] = []
    opening: list[ast.stmt] = []
    place: object = None
    for stmt in body:
        origin = origins.get(stmt)
        here = place_of(origin)
        if origin is not None and origin.opens:
            opening.append(stmt)
            continue
        if here is None and place is not None and not opening and not isinstance(stmt, ast.If | ast.For | ast.While):
            silent.append(stmt)
            continue
        if run and (here is None or here != place):
            yield run
            yield from ([s] for s in silent)
            run, silent = [], []
        run += [*silent, *opening, stmt]
        silent, opening, place = [], [], here
    if run:
        yield run
    yield from ([s] for s in (*silent, *opening))


def _place(origin: Origin | None) -> object:
    if origin is None or origin.span is None:
        return None
    return (origin.span.filename, origin.span.line, origin.primal)


def _helper(origin: Origin | None) -> object:
    return None if origin is None or origin.span is None else origin.span.within


def _says_itself(run: list[ast.stmt], origin: Origin) -> bool:
    """Tell whether a statement is the very one that the user wrote."""
    if len(run) != 1 or origin.span is None or not origin.primal:
        return False
    try:
        written = ast.parse(written_by_user(origin.span)).body
    except SyntaxError:
        return False
    return len(written) == 1 and same_tree(written[0], run[0])
