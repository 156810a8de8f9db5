"""What Python and NumPy do with lists in lists, with ranges and with slices, written in Python: see `prelude`."""

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


def item_of_range(start: Any, step: Any, n: Any, k: Any) -> Any:
    if n < (k + 1 if k >= 0 else -k):
        raise IndexError("range object index out of range")
    return start + (k if k >= 0 else k + n) * step


def part_of_range(start: Any, step: Any, n: Any, lo: Any, hi: Any, by: Any) -> Any:
    least, most = (0, n) if by > 0 else (-1, n - 1)
    lo = (least if by > 0 else most) if lo is None else within(lo if lo >= 0 else lo + n, least, most)
    hi = (most if by > 0 else least) if hi is None else within(hi if hi >= 0 else hi + n, least, most)
    return range(start + lo * step, start + hi * step, step * by)


def ends(n: Any, lo: Any, hi: Any) -> Any:
    """Where what is stored into a slice of a list goes."""
    lo = within(lo if lo >= 0 else lo + n, 0, n)
    return lo, max(within(hi if hi >= 0 else hi + n, 0, n), lo)


def within(k: Any, least: Any, most: Any) -> Any:
    return min(max(k, least), most)


def as_numbers(array: Any) -> Any:
    """The list of Python numbers of an array with one axis."""
    return [item.item() for item in array]


def chosen(items: Any, numbers: Any) -> Any:
    """What is drawn of an array or list, by the numbers of the items."""
    return items[numbers]


def taken(items: Any, numbers: Any) -> Any:
    return [items[k] for k in numbers]


def reorder(items: Any, order: Any) -> None:
    items[:] = items[order]


def reorder_list(items: Any, order: Any) -> None:
    old = items[:]
    for k in range(len(items)):
        items[k] = old[order[k]]
