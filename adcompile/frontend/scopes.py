"""Where names are looked up that are not those of a function."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING

from adcompile.errors import Span

if TYPE_CHECKING:
    from adcompile.frontend.frames import Scope


class RowScope:
    """What the names in the text of a row mean."""

    def __init__(self, meaning: Mapping[str, object]) -> None:
        self.name = "row"
        self.meaning = meaning

    def lookup(self, name: str) -> object:
        return self.meaning[name]

    def span(self, node: ast.AST) -> Span | None:
        return None


class CalledFrom:
    """The place of a call whose callee is lowered by itself: nothing of the caller's is seen there."""

    def __init__(self, caller: Scope) -> None:
        self.name = caller.name
        self.caller = caller

    def lookup(self, name: str) -> object:
        raise KeyError(name)

    def span(self, node: ast.AST) -> Span | None:
        return self.caller.span(node)
