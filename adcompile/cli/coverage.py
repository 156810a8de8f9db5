"""Which functions of NumPy, math and cmath have derivatives."""

from __future__ import annotations

import cmath
import fnmatch
import math
import types
from collections.abc import Iterator
from typing import Final, Literal

import numpy as np

import adcompile.rules  # noqa: F401  # fills the tables
from adcompile.records import NamedTuple
from adcompile.rules import table as rules
from adcompile.rules.binding import FUNCTIONS

__all__ = ["Known", "known", "table"]

State = Literal["derivative", "zero", "none"]

MODULES: Final[dict[str, types.ModuleType]] = {
    "numpy": np,
    "numpy.linalg": np.linalg,
    "numpy.fft": np.fft,
    "math": math,
    "cmath": cmath,
}
WORDS: Final[dict[State, str]] = {
    "derivative": "has a derivative",
    "zero": "its derivative is zero, or it returns no real numbers",
    "none": "not known to the compiler",
}


class Known(NamedTuple):
    name: str
    state: State


def known() -> Iterator[Known]:
    """Yield the public functions of each module."""
    for prefix, module in MODULES.items():
        names = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
        for name in sorted(names):
            value: object = getattr(module, name, None)
            if callable(value) and not isinstance(value, type):
                yield Known(f"{prefix}.{name}", _state(value))


def _state(function: object) -> State:
    binding = FUNCTIONS.get(function) if callable(function) else None
    if binding is None:
        return "none"
    if not binding.prim:  # composed of others
        return "derivative"
    return "derivative" if rules.differentiable(binding.prim) or binding.prim in _PASSES else "zero"


# Primitives whose derivatives the passes know without a rule.
_PASSES: Final = frozenset({"index", "index_update", "copy", "call", "array", "list_array"})


def table(pattern: str, missing: bool = False) -> str:
    """List functions whose name matches, by what is known of their derivative, with counts."""
    wanted = pattern if any(c in pattern for c in "*?[") else f"*{pattern}*"
    found = [k for k in known() if fnmatch.fnmatch(k.name, wanted)]
    lines: list[str] = []
    for state, words in WORDS.items():
        names = [k.name for k in found if k.state == state]
        if names and (state == "none") >= missing:
            lines += [f"{words}: {len(names)}", *_columns(names), ""]
    return "\n".join(lines).rstrip() or f"no function is called like {pattern!r}"


def _columns(names: list[str], width: int = 100) -> Iterator[str]:
    widest = max(map(len, names)) + 2
    count = max(1, width // widest)
    for start in range(0, len(names), count):
        yield "  " + "".join(f"{n:{widest}}" for n in names[start : start + count]).rstrip()
