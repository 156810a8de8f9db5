"""Dicts whose keys are known only at run time, written in Python.

    d[k] = v      ->      place = index.setdefault(k, len(values))
                          if place < len(values): values[place] = v
                          else: values.append(v); keys.append(k)

What depends on the keys is in `index`, a dict of Python's own that the program keeps as it is: from keys to places. The
values are in a list of run-time length, of which the derivatives are known. `keys` has each key at the place of its
value, so both are in the order of insertion. A value that is removed keeps its place, to which no key leads any more.

These classes run on abstract values, as a user's own do; `tables` makes their objects.
"""

from __future__ import annotations

from typing import Any  # of any type: they are lowered for what they are called with


def empty_like(table: Any) -> Any:
    """Return a table of the same class without items; known to the compiler alone."""
    raise AssertionError


def nothing(items: Any) -> bool:
    """Tell whether a list has never had an item, which is known when compiling; known to the compiler alone."""
    raise AssertionError


def growing(items: Any) -> Any:
    """Return a list as one of run-time length; known to the compiler alone."""
    raise AssertionError


def caught() -> bool:
    """Tell whether something around catches exceptions; known to the compiler alone."""
    raise AssertionError


def found(index: Any, key: Any) -> Any:
    """Return the place of a key, or raise KeyError."""
    if caught() and not index.__contains__(key):
        raise KeyError("no such key in the dict")
    return index.__getitem__(key)


def taken(index: Any, key: Any) -> Any:
    """Return the place of a key that is removed, or raise KeyError."""
    if caught() and not index.__contains__(key):
        raise KeyError("no such key in the dict")
    return index.pop(key)


def unchanged(before: int, now: int) -> None:
    """Raise what Python raises if a dict that is iterated over has other keys than before."""
    if now != before:
        raise RuntimeError("dictionary changed size during iteration")


class Table:
    """A dict from which nothing is removed."""

    index: Any
    names: Any
    held: Any
    factory: Any

    def __len__(self) -> int:
        return len(self.held)

    def __contains__(self, key: Any) -> Any:
        return False if nothing(self.held) else self.index.__contains__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if nothing(self.held):
            self.index.setdefault(key, 0)
            self.held.append(value)
            self.names.append(key)
            return
        held, names = growing(self.held), growing(self.names)
        place = self.index.setdefault(key, len(held))
        if place < len(held):
            held[place] = value
        else:
            held.append(value)
            names.append(key)

    def __getitem__(self, key: Any) -> Any:
        return growing(self.held)[found(self.index, key)]

    def get(self, key: Any, default: Any = None) -> Any:
        if key in self:
            return self[key]
        return default

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __iter__(self) -> Any:
        n = len(self.names)
        for k in range(n):
            yield self.names[k]
            unchanged(n, len(self.names))

    def keys(self) -> Any:
        return self.names

    def values(self) -> Any:
        return self.held

    def items(self) -> Any:
        n = len(self.names)
        for k in range(n):
            yield self.names[k], self.held[k]
            unchanged(n, len(self.names))

    def update(self, other: Any) -> None:
        for key, value in other.items():
            self[key] = value

    def copy(self) -> Any:
        new = empty_like(self)
        for key, value in self.items():
            new[key] = value
        return new


class Filling(Table):
    """A defaultdict."""

    def __getitem__(self, key: Any) -> Any:
        if key not in self:
            self[key] = self.factory()
        return growing(self.held)[found(self.index, key)]


class Counting(Table):
    """A Counter."""

    def __getitem__(self, key: Any) -> Any:
        if key in self:
            return growing(self.held)[found(self.index, key)]
        return 0

    def update(self, other: Any) -> None:
        for key in other:
            self[key] = self[key] + 1


class Removing(Table):
    """A dict from which keys are removed: a place counts if its key leads to it."""

    def __len__(self) -> int:
        return self.index.__len__()  # type: ignore[no-any-return]

    def keys(self) -> Any:
        return [self.names[k] for k in range(len(self.names)) if self.index.get(self.names[k], -1) == k]

    def values(self) -> Any:
        return [self.held[k] for k in range(len(self.names)) if self.index.get(self.names[k], -1) == k]

    def items(self) -> Any:
        return [(self.names[k], self.held[k]) for k in range(len(self.names)) if self.index.get(self.names[k], -1) == k]

    def __delitem__(self, key: Any) -> None:
        taken(self.index, key)

    def pop(self, key: Any, *default: Any) -> Any:
        if len(default) > 0:
            if key in self:
                return growing(self.held)[taken(self.index, key)]
            return default[0]
        return growing(self.held)[taken(self.index, key)]

    def popitem(self, last: bool = True) -> Any:
        places = [k for k in range(len(self.names)) if self.index.get(self.names[k], -1) == k]
        place = places[-1 if last else 0]
        key = growing(self.names)[place]
        taken(self.index, key)
        return key, growing(self.held)[place]

    def move_to_end(self, key: Any) -> None:
        value = growing(self.held)[taken(self.index, key)]
        self[key] = value

    def clear(self) -> None:
        self.index.clear()


class RemovingFilling(Removing, Filling):
    pass


class RemovingCounting(Removing, Counting):
    pass


class Members:
    """A set that is not iterated over, since the order of its elements is Python's."""

    index: Any

    def __len__(self) -> int:
        return self.index.__len__()  # type: ignore[no-any-return]

    def __contains__(self, key: Any) -> Any:
        return self.index.__contains__(key)

    def add(self, key: Any) -> None:
        self.index.setdefault(key, 0)

    def discard(self, key: Any) -> None:
        self.index.pop(key, 0)

    def remove(self, key: Any) -> None:
        taken(self.index, key)

    def clear(self) -> None:
        self.index.clear()

    def update(self, keys: Any) -> None:
        for key in keys:
            self.add(key)


def fill(table: Any, pairs: Any) -> None:
    for key, value in pairs:
        table[key] = value


def fill_keys(table: Any, keys: Any, value: Any) -> None:
    for key in keys:
        table[key] = value
