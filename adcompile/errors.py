"""Errors that point at the source and say what to do, and the spans they point with."""

from __future__ import annotations

import linecache
from collections.abc import Iterable

from adcompile.records import dataclass

__all__ = [
    "AdcompileError",
    "ArgumentError",
    "CompileError",
    "DerivativeMismatch",
    "SourceError",
    "Span",
]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a source file. Lines count from 1, columns from 0 in characters; the end is exclusive.

    `within` is the function that the place calls, directly or not, for what comes from the body of that function.
    """

    filename: str
    line: int
    column: int
    end_line: int
    end_column: int
    within: str = ""

    @property
    def text(self) -> str:
        """The first line that the span covers, without its newline."""
        return linecache.getline(self.filename, self.line).rstrip("\n")

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}:{self.column + 1}"


class AdcompileError(Exception):
    """The base of every error of this package."""


class CompileError(AdcompileError, TypeError):
    """A function cannot be differentiated. Names the place, the reason and the remedy.

    Attributes
    ----------
    message, label, help : str
        What is wrong, why at this place, and what to do.
    span : Span or None
        The place in the user's file; `filename`, `line` and `column` (both from 1) are taken from it.
    """

    resolving: object = None  # what the frontend may do in another way, so that there is no error

    def __init__(self, message: str, span: Span | None = None, label: str = "", help: str = "") -> None:
        self.message, self.span, self.label, self.help = message, span, label, help
        super().__init__(render(message, span, label, help))

    @property
    def filename(self) -> str | None:
        return self.span.filename if self.span else None

    @property
    def line(self) -> int | None:
        return self.span.line if self.span else None

    @property
    def column(self) -> int | None:
        return self.span.column + 1 if self.span else None

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message, self.span, self.label, self.help))


class SourceError(CompileError):
    """The source of a function is missing, or is not what the function was made from."""


class ArgumentError(AdcompileError, TypeError):
    """A derivative was asked for with arguments that it cannot have."""


class DerivativeMismatch(AdcompileError, AssertionError):
    """A derivative disagrees with an independent computation of it."""


def render(message: str, span: Span | None, label: str = "", help: str = "") -> str:
    """Lay out a diagnostic: message, place, source line, caret under the span, remedy."""
    lines = [message]
    if span is not None:
        text = span.text
        width = len(str(span.line))
        lines.append(f"{' ' * width}--> {span}")
        lines.append(f"{' ' * width} |")
        if text:
            end = span.end_column if span.end_line == span.line else len(text)
            carets = "^" * max(1, end - span.column)
            pad = "".join("\t" if c == "\t" else " " for c in text[: span.column])
            lines.append(f"{span.line} | {text}")
            lines.append(f"{' ' * width} | {pad}{carets}{' ' + label if label else ''}")
        elif label:
            lines.append(f"{' ' * width} | {label}")
    if help:
        lines.append(f"{' ' * (len(str(span.line)) if span else 0)} = help: {help}")
    return "\n".join(lines)


def meant(name: str, known: Iterable[object], otherwise: str = "") -> str:
    """Return a question about the most similar of the known names; `otherwise` if none is similar."""
    import difflib  # slow to load, and needed by few

    public = sorted({n for n in known if isinstance(n, str) and n.isidentifier() and not n.startswith("_")})
    found = difflib.get_close_matches(name, public, n=1, cutoff=0.7)
    return f"did you mean `{found[0]}`?" if found else otherwise
