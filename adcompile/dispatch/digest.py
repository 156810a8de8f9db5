"""Digests of code and of values that are known when compiling: equal digests, equal meaning, in every process.

Bytecode, names and constants make up the digest of a function, so that it changes with the function's text and not
with its place in the file.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import types
from collections.abc import Iterable
from typing import Final

import numpy as np

__all__ = ["of_code", "of_members", "of_text", "of_value"]

_DEEPEST: Final = 20
_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_LARGEST: Final = 1 << 20  # bytes of an array


def of_text(*parts: str) -> str:
    """Return the digest of a sequence of texts."""
    h = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        h.update(b"%d:" % len(data))
        h.update(data)
    return h.hexdigest()


def of_code(code: types.CodeType) -> str:
    """Return the digest of a code object and of those inside of it, whatever file and line they come from."""
    return of_text(*_code_parts(code))


def _code_parts(code: types.CodeType) -> Iterable[str]:
    yield code.co_code.hex()
    yield code.co_linetable.hex()  # lines and columns relative to the first line: the text as the compiler saw it
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    yield repr((code.co_name, counts, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
    for constant in code.co_consts:
        yield from _code_parts(constant) if isinstance(constant, types.CodeType) else (_constant(constant),)


def _constant(value: object) -> str:
    """Spell a constant of a code object; sets are sorted, since their order differs between processes."""
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(_constant, value))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_constant, value))})"
    return f"{type(value).__name__} {value!r}"


def of_value(value: object) -> str | None:
    """Return the digest of a value that is known when compiling; None if it has none, being more than plain data."""
    try:
        return of_text(*_parts(value, _DEEPEST))
    except _NoDigest:
        return None


class _NoDigest(Exception):
    """A value cannot be told from others by its contents."""


def _parts(value: object, depth: int) -> Iterable[str]:
    if depth == 0:
        raise _NoDigest
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}"
    match value:
        case bool() | int() | float() | complex() | str() | bytes() | None | types.EllipsisType() if kind in _PLAIN:
            yield repr(value)
        case tuple() | list() if kind in (tuple, list):
            yield str(len(value))
            for item in value:
                yield from _parts(item, depth - 1)
        case dict() if kind is dict:
            yield from _parts(tuple(value.items()), depth - 1)
        case set() | frozenset() if kind in (set, frozenset):
            yield from sorted(of_text(*_parts(item, depth - 1)) for item in value)
        case slice() | range():
            yield from _parts((value.start, value.stop, value.step), depth - 1)
        case np.ndarray() if kind is np.ndarray:
            yield from _array_parts(value)
        case np.generic():
            yield from _array_parts(np.asarray(value))
        case np.dtype():
            yield repr(value)
        case enum.Enum():
            yield value.name
        case _:
            yield from _callable_parts(value, depth - 1)


_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None), types.EllipsisType)


def _array_parts(value: np.ndarray) -> Iterable[str]:
    if value.dtype.hasobject or value.nbytes > _LARGEST:
        raise _NoDigest
    yield f"{value.dtype!r} {value.shape}"
    yield value.tobytes().hex()


def _callable_parts(value: object, depth: int) -> Iterable[str]:
    """Spell a function, a class, a module: not what it refers to, which has digests of its own where it is used."""
    match value:
        case types.FunctionType():
            yield from (value.__module__ or "", value.__qualname__, of_code(value.__code__))
            yield from _parts((value.__defaults__, value.__kwdefaults__), depth)
        case types.ModuleType():
            yield value.__name__
        case types.BuiltinFunctionType() if value.__self__ is None or isinstance(value.__self__, types.ModuleType):
            yield f"{value.__module__}.{value.__qualname__}"
        case np.ufunc() if getattr(np, getattr(value, "__name__", ""), None) is value:
            yield getattr(value, "__name__", "")
        case type() if "<locals>" not in value.__qualname__:
            yield f"{value.__module__}.{value.__qualname__}"
            yield of_members(value)
        case property():
            yield from _parts((value.fget, value.fset), depth)
        case types.MethodType():
            yield from _parts((value.__func__, value.__self__), depth)
        case functools.partial():
            yield from _parts((value.func, value.args, dict(value.keywords)), depth)
        case _ if _is_numpy_function(value):
            yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
        case _:
            yield from _own_parts(value, depth)


def of_members(cls: type) -> str:
    """Return the digest of the names that a class and its bases define, of those written in Python."""
    made = [c for c in cls.__mro__ if c.__flags__ & _HEAP_TYPE]
    return of_text(*(f"{c.__qualname__}: {sorted(vars(c))}" for c in made))


def _is_numpy_function(value: object) -> bool:
    """Tell whether a value is one of NumPy's dispatched functions, such as np.sum: neither functions nor builtins."""
    return type(value).__module__ == "numpy" and callable(value) and hasattr(value, "__wrapped__")


def _own_parts(value: object, depth: int) -> Iterable[str]:
    """Spell an object whose class says by a method `__digest_parts__` what its meaning depends on."""
    method: object = getattr(type(value), "__digest_parts__", None)
    if not callable(method):
        raise _NoDigest
    yield from _parts(method(value), depth)
