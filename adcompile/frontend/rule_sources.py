"""The sources of derivative rules and macros: functions of ours that are lowered as the user's are."""

from __future__ import annotations

import ast
import linecache
import types
from typing import TYPE_CHECKING

from adcompile.frontend.resolve import Source

if TYPE_CHECKING:
    pass


_rule_sources: dict[object, Source] = {}


def rule_source(function: types.FunctionType) -> Source:
    """Return the source of a rule or macro of ours."""
    if function not in _rule_sources:
        _rule_sources[function] = one_definition(function)
    return _rule_sources[function]


def one_definition(function: types.FunctionType) -> Source:
    """Parse the definition of a rule alone, moved to the left margin: our own files are as they were imported."""
    lines = linecache.getlines(function.__code__.co_filename)[function.__code__.co_firstlineno - 1 :]
    start = next(k for k, line in enumerate(lines) if line.lstrip().startswith("def "))
    margin = len(lines[start]) - len(lines[start].lstrip())
    ends = (k for k in range(start + 1, len(lines)) if lines[k].strip() and ends_definition(lines[k], margin))
    block = [line[margin:] if line[:margin].isspace() else line for line in lines[: next(ends, len(lines))]]
    (node,) = ast.parse("".join(block)).body
    assert isinstance(node, ast.FunctionDef)
    return Source(function.__name__, node, function.__code__.co_filename, function, tuple(block))


def ends_definition(line: str, margin: int) -> bool:
    """Tell whether a line is behind a definition that has this margin."""
    indented = len(line) - len(line.lstrip())
    return indented < margin or (indented == margin and line[margin] not in ")]")
