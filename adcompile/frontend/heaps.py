"""What `heapq`, `bisect` and `insert` do with lists, in Python: see `prelude`. Equal items end as in CPython."""

from __future__ import annotations

from typing import Any  # of any type: they are lowered for what they are called with

from adcompile.frontend.positions import growing, nothing


def heappush(heap: Any, item: Any) -> None:
    if nothing(heap):
        heap.append(item)
        return
    held = growing(heap)
    held.append(item)
    _down(held, 0, len(held) - 1)


def heappop(heap: Any) -> Any:
    held = growing(heap)
    last = held.pop()
    if len(held) == 0:
        return last
    top = held[0]
    held[0] = last
    _up(held, 0)
    return top


def heapreplace(heap: Any, item: Any) -> Any:
    held = growing(heap)
    top = held[0]
    held[0] = item
    _up(held, 0)
    return top


def heappushpop(heap: Any, item: Any) -> Any:
    if nothing(heap):
        return item
    held = growing(heap)
    if len(held) > 0 and held[0] < item:
        return heapreplace(held, item)
    return item


def heapify(heap: Any) -> None:
    held = growing(heap)
    for place in range(len(held) // 2 - 1, -1, -1):
        _up(held, place)


def _down(heap: Any, start: Any, place: Any) -> None:
    """Move an item towards the root, as far as it is smaller than its parents."""
    item = heap[place]
    while place > start:
        parent = (place - 1) // 2
        if not item < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item


def _up(heap: Any, start: Any) -> None:
    """Move an item to a leaf, along the smaller children, and from there back to its place."""
    item, place = heap[start], start
    child = 2 * place + 1
    while child < len(heap):
        right = child + 1
        if right < len(heap) and not heap[child] < heap[right]:
            child = right
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = item
    _down(heap, start, place)


def insert(items: Any, position: Any, item: Any) -> None:
    """Insert an item into a list at a position that is known only at run time."""
    growing(items).insert(position, item)


def insort_right(items: Any, item: Any) -> None:
    _insert(items, item, bisect_right)


def insort_left(items: Any, item: Any) -> None:
    _insert(items, item, bisect_left)


def _insert(items: Any, item: Any, bisect: Any) -> None:
    items.insert(bisect(items, item), item)


def bisect_right(items: Any, item: Any) -> Any:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if item < items[middle]:
            high = middle
        else:
            low = middle + 1
    return low


def bisect_left(items: Any, item: Any) -> Any:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low


def nlargest(n: Any, items: Any, key: Any = None) -> Any:
    return sorted(items, key=key, reverse=True)[: max(n, 0)]


def nsmallest(n: Any, items: Any, key: Any = None) -> Any:
    return sorted(items, key=key)[: max(n, 0)]
