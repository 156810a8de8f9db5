"""What Python and NumPy do with lists of run-time length in lists, written in Python: see `prelude`."""

from __future__ import annotations

from typing import Any  # of any type: they are lowered for what they are called with

import numpy as np


def refill(items: Any, new: Any) -> None:
    """Give a list the items of another one."""
    while len(items) > len(new):
        items.pop()
    for k in range(len(items)):
        items[k] = new[k]
    for k in range(len(items), len(new)):
        items.append(new[k])


def as_arrays(rows: Any) -> Any:
    """np.array of a list of lists."""
    out = []
    for row in rows:
        out.append(np.array(row))
    return np.array(out)


def check_length(before: int, now: int) -> None:
    if now != before:
        raise RuntimeError("a list changes its size while it is iterated over")


def equal(a: Any, b: Any) -> bool:
    if len(a) != len(b):
        return False
    for k in range(len(a)):
        if a[k] != b[k]:
            return False
    return True
