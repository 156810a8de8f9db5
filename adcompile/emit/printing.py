"""Syntax trees to text.

The text is astor's. It is parsed again and compared with the tree; where the two differ, or astor cannot print, the
text is that of `ast.unparse`. Lines are kept below 100 columns by breaking them inside brackets.
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Callable
from typing import Final

MAX_WIDTH: Final = 99
# Where operators bind tighter, lines are broken less readily; 1 is one bracket deeper.
BINDING: Final = {
    **dict.fromkeys(("and", "or", "if", "else"), 0.1),
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), 0.2),
    **dict.fromkeys(("+", "-"), 0.3),
    **dict.fromkeys(("*", "/", "//", "%", "@"), 0.4),
}
INDENT: Final = 4

# A string, a number, a word, an operator, or any other character. (`tokenize` takes 4 ms to get going.)
TOKEN: Final = (
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|"""
    r"\d[\w.]*(?:(?<=[eE])[+-]\d\w*)?|\w+|\*\*|//|[=!<>]=|<<|>>|[^\s]"
)


def to_text(tree: ast.Module) -> str:
    """Print a module."""
    for printer in (_astor(), ast.unparse):
        if printer is None:
            continue
        text = printer(tree).strip("\n") + "\n"
        lines = text.splitlines()
        plain = [wrap(_without_needless_brackets(line)) for line in lines]
        for candidate in ("\n".join(plain) + "\n", "\n".join(map(wrap, lines)) + "\n", text):
            if _parses_to(candidate, tree):
                return candidate
    raise AssertionError("a syntax tree cannot be printed")


def _parses_to(text: str, tree: ast.Module) -> bool:
    try:
        return same_tree(ast.parse(text), tree)
    except SyntaxError:
        return False


def same_tree(a: object, b: object) -> bool:
    """Tell whether two syntax trees are equal, apart from places in the source and load and store contexts."""
    todo = [(a, b)]
    while todo:
        x, y = todo.pop()
        if x is y:
            continue
        if x.__class__ is not y.__class__:
            return False
        if isinstance(x, ast.AST):
            for f in x._fields:  # an operator without fields is compared above
                one, two = getattr(x, f, None), getattr(y, f, None)
                if one is not two and f != "ctx":
                    todo.append((one, two))
        elif isinstance(x, list):
            assert isinstance(y, list)
            if len(x) != len(y):
                return False
            todo += zip(x, y, strict=True)
        elif x != y or (isinstance(x, float) and repr(x) != repr(y)):
            return False
    return True


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


def _without_needless_brackets(line: str) -> str:
    """Write ``[(v + w) for v in x]`` without the brackets around what is not a tuple."""
    start = -1 if line.lstrip().startswith("#") else line.find("[(")
    while start >= 0:
        depth, end = 0, 0
        commas = False
        for token in re.finditer(TOKEN, line[start + 1 :]):
            depth += (token[0] in ("(", "[", "{")) - (token[0] in (")", "]", "}"))
            commas = commas or (depth == 1 and token[0] == ",")
            if depth == 0:
                end = start + 1 + token.start()
                break
        if end > start + 2 and not commas and line[end:].startswith(") for "):
            line = line[: start + 1] + line[start + 2 : end] + line[end + 1 :]
        start = line.find("[(", start + 1)
    return line


# -- long lines


def wrap(line: str) -> str:
    """Break a line that is too long, at commas or before operators, inside brackets."""
    if len(line) <= MAX_WIDTH or line.lstrip().startswith("#"):
        return line
    margin = len(line) - len(line.lstrip())
    for text in (line, _bracketed(line), _target_bracketed(line)):
        if pieces := _pieces(text, margin):
            return "\n".join(pieces)
    return line


def _pieces(line: str, margin: int) -> list[str]:
    """Split a line at its outermost places so that every piece fits; nothing if that cannot be."""
    places = _places(line)
    pieces: list[str] = []
    start, indent = 0, 0
    while len(line) - start + indent > MAX_WIDTH:
        room = start + MAX_WIDTH - indent
        fitting = [(depth, -column) for column, depth in places if start + INDENT < column <= room]
        if not fitting:
            return []
        column = -min(fitting)[1]
        pieces.append(" " * indent + line[start:column].rstrip())
        start = column + len(line[column:]) - len(line[column:].lstrip())
        indent = margin + INDENT
        places = [p for p in places if p[0] > start]
    return [*pieces, " " * indent + line[start:]]


def _places(line: str) -> list[tuple[int, float]]:
    """Return the columns inside brackets where a line may be broken, and how deep in brackets each is.

    There are none in a part of a longer statement, whose brackets or quotes do not match.
    """
    places: list[tuple[int, float]] = []
    depth, before = 0, ""
    for token in re.finditer(TOKEN, line):
        word = token[0]
        if word in ("(", "[", "{"):
            depth += 1
            places.append((token.end(), depth + 0.5))  # rather there than deeper inside
        elif word in (")", "]", "}"):
            depth -= 1
        elif depth and word == ",":
            places.append((token.end(), depth))
        elif depth and _is_binary(word, before):
            places.append((token.start(), depth + BINDING[word]))
        elif word in ("'", '"'):
            return []
        before = word
    return places if depth == 0 else []


def _is_binary(word: str, before: str) -> bool:
    """Tell whether a token is an operator between two operands."""
    operand = before.isidentifier() or before[:1].isdigit() or before in (")", "]", "}")
    return word in BINDING and operand


def _bracketed(line: str) -> str:
    """Put the value of an assignment or return, or a condition, in brackets, so that it can be broken."""
    stripped = line.lstrip()
    margin = line[: len(line) - len(stripped)]
    for word in ("return ", "if ", "elif ", "while "):
        if stripped.startswith(word):
            end = ":" if word != "return " else ""
            return f"{margin}{word}({stripped[len(word) :].removesuffix(end)}){end}"
    for equals in (" = ", " += ", " -= ", " *= ", " /= "):
        target, found, value = stripped.partition(equals)
        if found and "(" not in target:
            return f"{margin}{target}{equals}({value})"
    return line


def _target_bracketed(line: str) -> str:
    """Put the targets of an assignment in brackets, so that they can be broken."""
    target, _, value = line.partition(" = ")
    stripped = target.lstrip()
    return f"{line[: len(target) - len(stripped)]}({stripped}) = {value}" if ", " in target else line
