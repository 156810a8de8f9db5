"""What the names in the generated text of a guard stand for.

The text refers to dtypes, classes, globals and functions by names. A list of slots, which is plain data, says what each
name is; `fill` finds the objects for an actual function and actual arguments.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.dispatch.signature import callee
from adcompile.ir.forms import attributes, part_of, parts

__all__ = ["FIXED", "Slot", "fill", "mutable", "read"]

# A name in the guard, what kind of thing it stands for, and where to find it:
#   ("_d0", "dtype", "<f8")            the dtype
#   ("_t0", "scalar", "d")             the class of NumPy scalars
#   ("_t1", "class", "random", "Random")  a class
#   ("_t1", "type", "p", 0)            the class of a piece of an argument; the piece; its dtype; its keys
#   ("_s0", "piece", "p", 0)
#   ("_d1", "dtype of", "p", 0)
#   ("_m0", "made by", "p", 0)         what bounds a deque, or makes the items of a defaultdict
#   ("_k0", "keys", "p", 0)
#   ("_k1", "kinds of keys", "p", 0)
#   ("_g0", "globals", 0)              the globals of the node 0
#   ("_c0", "cell", 0, "n")            the closure cell n of the node 0
#   ("_n1", "node", 1)                 the node itself; a copy of it; its code; its defaults
#   ("_n2", "snapshot", 1)
#   ("_k1", "code", 1)
#   ("_f1", "defaults", 1)
Slot = tuple[object, ...]


def mutable(value: object) -> bool:
    """Tell whether what a value means can change without its becoming another object."""
    if isinstance(value, tuple | frozenset):
        return any(map(mutable, value))
    return isinstance(value, list | dict | set | np.ndarray)


def snapshot(value: object) -> object:
    """Copy containers and arrays, at any depth."""
    match value:
        case np.ndarray():
            return value.copy()
        case dict() if type(value) is dict:
            return {k: snapshot(v) for k, v in value.items()}
        case tuple() | list() | set() | frozenset() if type(value) in (tuple, list, set, frozenset):
            return type(value)(map(snapshot, value))
    return value


def agree(a: object, b: object) -> bool:
    """Tell whether two objects mean the same: one object, equal plain data, or one method of one object."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(agree, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return agree(list(a), list(b)) and all(agree(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, set | frozenset | types.MethodType):
        return bool(a == b)
    return a is b or (isinstance(a, NUMBERS_AND_TEXTS) and repr(a) == repr(b))


NUMBERS_AND_TEXTS: Final = (bool, int, float, complex, str, bytes)


# What the names of the generated text mean in every guard.
FIXED: Final[Mapping[str, object]] = {
    "_ndarray": np.ndarray,
    "_type": type,
    "_len": len,
    "_map": map,
    "_range": range,
    "_tuple": tuple,
    "_list": list,
    "_dict": dict,
    "_float": float,
    "_int": int,
    "_complex": complex,
    "_agree": agree,
    "_attributes": attributes,
    "_overlap": np.may_share_memory,
    "_changed": (LookupError, ValueError, AttributeError, TypeError),
}


def read(values: Mapping[str, object], path: Sequence[object]) -> object:
    """Return a piece of the arguments: the first step is the name of the argument."""
    return part_of(values[str(path[0])], path[1:])


def fill(
    guard_slots: Iterable[Slot], nodes: Sequence[object], values: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """Yield the names of a guard with what they stand for, for actual nodes and arguments."""
    for name, kind, *where in guard_slots:
        yield str(name), _meaning(str(kind), where, nodes, values)


def _meaning(kind: str, where: list[object], nodes: Sequence[object], values: Mapping[str, object]) -> object:
    match kind:
        case "dtype":
            return np.dtype(str(where[0]))
        case "scalar":
            return np.dtype(str(where[0])).type
        case "class":
            return _class(str(where[0]), str(where[1]))
        case "piece" | "type" | "dtype of" | "made by" | "keys" | "kinds of keys":
            return _of_piece(kind, read(values, where))
    node = nodes[_number(where[0])]
    if kind in ("node", "snapshot"):
        return node if kind == "node" else snapshot(node)
    function = callee(node).function
    assert function is not None
    return _of_function(kind, function, str(where[-1]))


def _class(module: str, name: str) -> object:
    """Return a class by the name that it has in its module; None if there is none, which no object has."""
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None and module == "builtins":  # the classes of functions and methods have no names there
        return next((t for t in vars(types).values() if isinstance(t, type) and t.__qualname__ == name), None)
    return found


def _of_piece(kind: str, piece: object) -> object:
    match kind:
        case "type":
            return type(piece)
        case "dtype of":
            assert isinstance(piece, np.ndarray | np.generic)
            return piece.dtype
        case "made by":
            held = parts(piece)
            return None if held is None else held.detail
        case "keys" | "kinds of keys":
            if not isinstance(piece, dict):
                return tuple(attributes(piece))
            return tuple(piece) if kind == "keys" else tuple(map(type, piece))
    return piece


def _of_function(kind: str, function: types.FunctionType, name: str) -> object:
    match kind:
        case "function":
            return function
        case "globals":
            return function.__globals__
        case "cell":
            assert function.__closure__ is not None
            return function.__closure__[function.__code__.co_freevars.index(name)]
        case "code":
            return function.__code__
        case "defaults":
            return function.__defaults__
        case "defaults snapshot":
            return snapshot(function.__defaults__)
    return snapshot(function.__kwdefaults__ or {})


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
