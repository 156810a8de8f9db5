"""Names that nothing else has."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["claimed", "numbered", "unlike"]


def unlike(name: str, taken: Container[str]) -> str:
    """Return the name, or it with underscores after it, that is not taken."""
    while name in taken:
        name += "_"
    return name


def claimed(name: str, taken: set[str]) -> str:
    """Return the name, or it with underscores after it, that was not taken; now it is."""
    name = unlike(name, taken)
    taken.add(name)
    return name


def numbered(name: str, taken: Container[str]) -> str:
    """Return the name, or it with a number after it (name_2, name_3, ...), that is not taken."""
    candidate, k = name, 2
    while candidate in taken:
        candidate, k = f"{name}_{k}", k + 1
    return candidate
