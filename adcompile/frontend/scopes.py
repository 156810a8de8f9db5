"""What the names in the text of a derivative mean."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from adcompile.errors import Span


class RowScope:
    """What the names in the text of a row mean."""

    def __init__(self, meaning: Mapping[str, object]) -> None:
        self.name = "row"
        self.meaning = meaning

    def lookup(self, name: str) -> object:
        return self.meaning[name]

    def span(self, node: ast.AST) -> Span | None:
        return None
