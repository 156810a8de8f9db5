"""Keep compiled programs on disk, so that the next process need not compile them.

An entry has a name, which is a digest of everything that the program was made from and that is known without parsing,
and a number: programs of one name may differ in what the function read from outside, or in the lengths that its
derivation relied on. Each is two files: ``f-<name>-<number>.py``, the emitted source for people to read, and ``.bin``,
a marshalled record with the compiled code. A file that is not exactly what this version of the compiler wrote, on this
version of Python and NumPy, is ignored and written anew. Files appear under their names whole (``os.replace``).

Environment: ADCOMPILE_CACHE_DIR, the directory, if not the user's cache directory; ADCOMPILE_CACHE=0 turns it off.
"""

from __future__ import annotations

import functools
import hashlib
import marshal
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from adcompile.version import __version__

__all__ = ["CacheInfo", "CacheWarning", "cache_info", "clear_cache", "count", "directory", "stamp", "variants", "write"]

VARIANTS: Final = 8

_MAGIC: Final = b"adcompile program\n"
_DIGEST_SIZE: Final = 16
_lock: Final = threading.Lock()
_counts: Final = {"hits": 0, "misses": 0, "writes": 0}
_unusable: Final[set[str]] = set()


class CacheWarning(UserWarning):
    """The disk cache cannot be used; everything else works."""


class CacheInfo(NamedTuple):
    """What the disk cache holds, and how it was used by this process.

    directory  where the files are; None if the cache is turned off
    hits       programs that were read instead of compiled
    misses     programs that had to be compiled
    writes     programs that were written
    programs   programs in the directory, of all versions
    bytes      the size of all files
    """

    directory: str | None
    hits: int
    misses: int
    writes: int
    programs: int
    bytes: int


def directory() -> str | None:
    """Return the directory of the cache, which need not exist yet; None if the cache is turned off."""
    if os.environ.get("ADCOMPILE_CACHE", "1").lower() in ("0", "off", "false", "no"):
        return None
    chosen = os.environ.get("ADCOMPILE_CACHE_DIR")
    return os.path.abspath(chosen) if chosen else os.path.join(_user_cache(), "adcompile")


def _user_cache() -> str:
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches")
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return chosen if os.path.isabs(chosen) else os.path.expanduser("~/.cache")


@functools.cache
def stamp() -> str:
    """Return what tells compilers apart: the versions, and the state of the compiler's own files."""
    h = hashlib.blake2b(digest_size=_DIGEST_SIZE)
    for file in _sources(os.path.dirname(os.path.dirname(__file__))):
        status = os.stat(file.path)
        h.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return f"{__version__} {sys.implementation.cache_tag} {sys.hexversion} {np.__version__} {h.hexdigest()}"


def _sources(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield the modules in a folder and those below it, always in the same order."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.endswith(".py"):
            yield entry
        elif entry.name != "__pycache__" and entry.is_dir():
            yield from _sources(entry.path)


def _folder(root: str) -> str:
    return os.path.join(root, f"{__version__}-{sys.implementation.cache_tag}-numpy{np.__version__}")


def variants(name: str) -> Iterator[tuple[int, object]]:
    """Yield the numbers and records of the entries of a name; None for a file that cannot be trusted."""
    root = directory()
    for number in range(VARIANTS) if root else ():
        try:
            with open(os.path.join(_folder(str(root)), f"{name}-{number}.bin"), "rb") as file:
                data = file.read()
        except OSError:
            return
        yield number, _record(data)


def _record(data: bytes) -> object:
    payload = data[len(_MAGIC) + _DIGEST_SIZE :]
    if not payload or data != _MAGIC + _digest(payload) + payload:
        return None
    try:
        found: object = marshal.loads(payload)
    except (ValueError, EOFError, TypeError):
        return None
    return found


def write(name: str, source: str, record: object) -> int | None:
    """Store an entry: the source for people, and the record. Return its number; None if it could not be stored.

    Warns, once, if the directory cannot be written to.
    """
    root = directory()
    if root is None or root in _unusable:
        return None
    number = _free_number(name)
    payload = marshal.dumps(record)  # type: ignore[arg-type]  # plain data and code
    base = os.path.join(_folder(root), f"{name}-{number}")
    try:
        _make(root)
        _replace(base + ".py", source.encode("utf-8", "surrogatepass"))
        _replace(base + ".bin", _MAGIC + _digest(payload) + payload)
    except OSError as error:
        _unusable.add(root)
        reason = error.strerror or type(error).__name__
        warnings.warn(f"derivatives are not kept on disk: {root}: {reason}", CacheWarning, stacklevel=2)
        return None
    count("writes")
    return number


def _free_number(name: str) -> int:
    """Return the first number that is free or whose file is worth nothing; the last if there is none."""
    number = -1
    for number, record in variants(name):
        if record is None:
            return number
    return min(number + 1, VARIANTS - 1)


def count(what: str) -> None:
    with _lock:
        _counts[what] += 1


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST_SIZE).digest()


def _make(root: str) -> None:
    """Make the directory, for this user alone."""
    folder = _folder(root)
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(root), exist_ok=True)
        for path in (root, folder):
            if not os.path.isdir(path):
                os.makedirs(path, 0o700, exist_ok=True)


def _replace(path: str, data: bytes) -> None:
    """Write a file so that it appears whole, or not at all, whoever else writes it."""
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}"
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def cache_info() -> CacheInfo:
    """Tell where the disk cache is, what it holds and how this process used it."""
    root = directory()
    sizes = {path: os.stat(path).st_size for path in _files(root)} if root else {}
    programs = sum(path.endswith(".bin") for path in sizes)
    return CacheInfo(root, **_counts, programs=programs, bytes=sum(sizes.values()))


def clear_cache() -> None:
    """Delete what the compiler wrote to the disk cache. Programs already in memory stay."""
    root = directory()
    for path in _files(root) if root else ():
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue  # another process was faster


def _files(root: str) -> Iterator[str]:
    """Yield the files of the cache, of all versions; no others, should the directory hold any."""
    for folder in sorted(_entries(root)):
        if "-numpy" in os.path.basename(folder) and os.path.isdir(folder):
            for path in sorted(_entries(folder)):
                if path.endswith((".py", ".bin")):
                    yield path


def _entries(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []
