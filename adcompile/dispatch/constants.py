"""Write the values that a function reads from outside into its emitted source, so that this runs alone.

The compiler emits ``rate = None`` for a captured number or array; a program serves whatever the value is later, and
its source is shown with the value of the moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np

__all__ = ["stated"]

LARGEST: Final = 1000  # elements of an array that is written out
WIDTH: Final = 96


def stated(template: str, values: Mapping[str, object]) -> str:
    """Return an emitted source with the captured values in it."""
    import textwrap  # slow to load, and needed by few

    for name, value in values.items():
        pattern = re.compile(rf"^{name} = None$", re.MULTILINE)
        lines = "\n".join(textwrap.wrap(f"{name} = {_literal(value)}", WIDTH, subsequent_indent="    "))
        template = pattern.sub(lines, template, count=1)
    return template


def _literal(value: object) -> str:
    """Write down a number or a small array; of an exception of the user's, the built-in one that it derives from."""
    if isinstance(value, np.ndarray):
        if value.size > LARGEST or value.dtype.hasobject:
            return f"None  # pass an array of shape {value.shape}"
        return f"np.array({_finite(repr(value.tolist()))}, dtype=np.{value.dtype.name})"
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({_finite(repr(value.item()))})"
    if isinstance(value, type) and issubclass(value, Exception):
        builtin = next(c for c in value.__mro__ if c.__module__ == "builtins")
        return f"{builtin.__name__}  # pass {value.__qualname__.rpartition('.')[2]}"
    if not isinstance(value, int | float | complex):
        return f"None  # pass a {type(value).__name__}"
    return _finite(repr(value))


def _finite(text: str) -> str:
    """Spell infinities and NaN, which have no literals."""
    return re.sub(r"\b(nan|inf)\b", r"np.\1", text)
