"""The sources of derivative rules and macros: functions of ours that are lowered as the user's are."""

from __future__ import annotations

import ast
import linecache
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adcompile.frontend.resolve import Source
from adcompile.frontend.values import (
    Value,
)

if TYPE_CHECKING:
    pass

Args = Sequence[Value]
Keywords = Mapping[str, Value]


_rule_sources: dict[object, Source] = {}


def rule_source(function: types.FunctionType) -> Source:
    """Return the source of a rule or macro of ours."""
    if function not in _rule_sources:
        _rule_sources[function] = one_definition(function)
    return _rule_sources[function]


def one_definition(function: types.FunctionType) -> Source:
    """Parse the definition of a rule alone: our own files are as they were imported, with rules at the left margin."""
    lines = linecache.getlines(function.__code__.co_filename)[function.__code__.co_firstlineno - 1 :]
    start = next(k for k, line in enumerate(lines) if line.startswith("def "))
    ends = (k for k in range(start + 1, len(lines)) if lines[k].strip() and lines[k][0] not in " )]")
    block = lines[: next(ends, len(lines))]
    (node,) = ast.parse("".join(block)).body
    assert isinstance(node, ast.FunctionDef)
    return Source(function.__name__, node, function.__code__.co_filename, function, tuple(block))
