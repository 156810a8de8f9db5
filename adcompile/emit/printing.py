"""Syntax trees to text.

The text is astor's. It is parsed again and compared with the tree; where the two differ, or astor cannot print, the
text is that of `ast.unparse`. Lines are kept below 100 columns by breaking them inside brackets.
"""

from __future__ import annotations

import ast
import functools
import io
import tokenize
import warnings
from collections.abc import Callable
from typing import Final

MAX_WIDTH: Final = 99
INDENT: Final = 4


def to_text(tree: ast.Module) -> str:
    """Print a module."""
    expected = ast.dump(tree)
    for printer in (_astor(), ast.unparse):
        if printer is None:
            continue
        text = _joined_elif(printer(tree))
        if _parses_to(text, expected):
            wrapped = "\n".join(map(wrap, text.splitlines())) + "\n"
            return wrapped if _parses_to(wrapped, expected) else text
    raise AssertionError("a syntax tree cannot be printed")


def _parses_to(text: str, expected: str) -> bool:
    try:
        return ast.dump(ast.parse(text)) == expected
    except SyntaxError:
        return False


def _joined_elif(text: str) -> str:
    return text.strip("\n") + "\n"


@functools.cache
def _astor() -> Callable[[ast.AST], str] | None:
    """Import astor without the deprecation warnings of its use of old node types; None where it does not run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import astor
        except (ImportError, AttributeError):
            return None

    def printer(tree: ast.AST) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text: str = astor.to_source(tree, pretty_source="".join)
        return text

    return printer


# -- long lines


def wrap(line: str) -> str:
    """Break a line that is too long, at commas or before operators, inside brackets."""
    if len(line) <= MAX_WIDTH or line.lstrip().startswith("#"):
        return line
    broken = _break(line)
    if broken is None:
        broken = _break(_bracketed(line))
    if broken is None:
        return line
    head, tail = broken
    return f"{head}\n{wrap(tail)}"


def _break(line: str) -> tuple[str, str] | None:
    """Split a line at the outermost place inside brackets that fits; the second part is indented."""
    margin = len(line) - len(line.lstrip())
    places = [(depth, -column) for column, depth in _places(line) if margin + INDENT < column <= MAX_WIDTH]
    if not places:
        return None
    depth, column = min(places)
    rest = line[-column:].lstrip()
    indent = margin if line.lstrip().startswith(_CONTINUED) else margin + INDENT
    return line[:-column].rstrip(), " " * indent + rest


_CONTINUED: Final = ("+ ", "- ", "* ", "/ ", "@ ")


def _places(line: str) -> list[tuple[int, int]]:
    """Return the columns where a line may be broken, and how deep in brackets each is."""
    places: list[tuple[int, int]] = []
    depth = 0
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(line.strip()).readline):
        shift = len(line) - len(line.lstrip())
        if token.string in ("(", "[", "{"):
            depth += 1
        elif token.string in (")", "]", "}"):
            depth -= 1
        elif depth and token.string == ",":
            places.append((token.end[1] + shift, depth))
        elif depth and _is_binary(token, before):
            places.append((token.start[1] + shift, depth))
        before = token.string
    return places


def _is_binary(token: tokenize.TokenInfo, before: str) -> bool:
    if token.string in ("and", "or", "if", "else"):
        return True
    operand = before.isidentifier() or before[:1].isdigit() or before in (")", "]", "}")
    return operand and token.string in ("+", "-", "*", "/", "@", "==", "<", ">", "<=", ">=")


def _bracketed(line: str) -> str:
    """Put the value of an assignment or return in brackets, so that it can be broken."""
    stripped = line.lstrip()
    margin = line[: len(line) - len(stripped)]
    if stripped.startswith("return "):
        return f"{margin}return ({stripped[7:]})"
    target, equals, value = stripped.partition(" = ")
    if equals and "(" not in target:
        return f"{margin}{target} = ({value})"
    return line
