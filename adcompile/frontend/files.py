"""The text of source files, as `linecache` sees it, and its syntax tree.

`linecache` is asked because notebooks, doctests and import hooks publish their text there. An entry that is not
backed by a file is never checked against the disk: that would throw it away.
"""

from __future__ import annotations

import ast
import hashlib
import io
import linecache
import os
import threading
from typing import Final

from adcompile.records import dataclass

__all__ = ["PREFIX", "Snapshot", "read", "register", "snapshot", "split"]

PREFIX: Final = "<adcompile source "
_KEPT: Final = 32  # parsed files kept in memory

_registered: Final[dict[str, str]] = {}
_snapshots: Final[dict[str, Snapshot]] = {}
_lock: Final = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A source file as it was when it was read. The tree is shared between threads: nobody may change it."""

    filename: str
    lines: tuple[str, ...]
    tree: ast.Module


def split(text: str) -> tuple[str, ...]:
    """Split into lines exactly where Python's tokenizer does; `str.splitlines` also splits at form feeds and others."""
    return tuple(io.StringIO(text, newline=None))


def register(text: str, name: str) -> str:
    """Publish a source text in `linecache`; return its file name, which depends on the text and the name alone."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    filename = f"{PREFIX}{name}-{digest}>"
    _registered[filename] = text
    linecache.cache[filename] = (len(text), None, list(split(text)), filename)
    return filename


def read(filename: str, module_globals: dict[str, object] | None = None) -> str:
    """Return the present text of a file, or "" if there is none.

    `module_globals` give the loader of a module that is not in a file of its own (one in a zip archive).
    """
    if os.path.exists(filename):
        linecache.checkcache(filename)
    if module_globals is not None and module_globals.get("__file__") != filename:
        module_globals = None  # a text that `exec` ran in somebody's namespace: the loader knows another text
    return "".join(linecache.getlines(filename, module_globals)) or _restore(filename)


def snapshot(filename: str, module_globals: dict[str, object] | None = None) -> Snapshot | None:
    """Return the present text of a file and its tree, or None if there is no text.

    Raises SyntaxError or ValueError where the text is not Python.
    """
    lines = split(read(filename, module_globals))
    if not lines:
        return None
    with _lock:
        known = _snapshots.pop(filename, None)
        if known is None or known.lines != lines:
            known = Snapshot(filename, lines, ast.parse("".join(lines), filename))
        _snapshots[filename] = known
        if len(_snapshots) > _KEPT:
            del _snapshots[next(iter(_snapshots))]
        return known


def _restore(filename: str) -> str:
    """Publish a registered text again: `linecache.clearcache` forgets it."""
    text = _registered.get(filename, "")
    if text:
        linecache.cache[filename] = (len(text), None, list(split(text)), filename)
    return text
