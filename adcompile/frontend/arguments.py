"""Abstract the arguments of an example call: what becomes a run-time leaf and what is known when compiling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adcompile.errors import ArgumentError
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, PY_INT, Dim, Facts, Type, type_of_value

Argument = Node[Atom] | Atom

STATIC_TYPES = (bool, str, bytes, type(None), type, np.dtype, type(Ellipsis))


def abstract_all(values: Mapping[str, object], facts: Facts) -> dict[str, Argument]:
    """Abstract several arguments; leaves inside containers get names that no argument has."""
    taken = set(values)
    return {name: _abstract(name, value, facts, taken) for name, value in values.items()}


def abstract(name: str, value: object, facts: Facts) -> Argument:
    """Return the structure of one argument with a variable for every number, array or object in it.

    Numbers and arrays become variables of their type; lengths and ints are symbols that carry their example. None,
    booleans, strings, types and functions are known when compiling. Of anything else only the identity is known.
    """
    return _abstract(name, value, facts, {name})


def _abstract(name: str, value: object, facts: Facts, taken: set[str]) -> Argument:
    if type(value) in (tuple, list):
        assert isinstance(value, tuple | list)
        parts = [(str(i), v) for i, v in enumerate(value)]
        children = tuple(_abstract(_unused(f"{name}_{k}", taken), v, facts, taken) for k, v in parts)
        return Node("tuple" if isinstance(value, tuple) else "list", children)
    if type(value) is dict:
        keys = tuple(value)
        children = tuple(_abstract(_unused(f"{name}_{_word(k)}", taken), value[k], facts, taken) for k in keys)
        return Node("dict", children, keys)
    if isinstance(value, STATIC_TYPES) or callable(value):
        return Const(value)
    return Var(name, leaf_type(name, value, facts))


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def leaf_type(name: str, value: object, facts: Facts) -> Type:
    """Return the type of a leaf, with its lengths as symbols of the name; note whether an array lies row after row."""
    if type(value) is np.ndarray:
        if value.flags.c_contiguous:
            facts.contiguous.add(name)
        dims = tuple(Dim("axis", (name, axis), n) for axis, n in enumerate(value.shape))
        return Type("array", value.dtype, dims) if value.dtype.kind in "biufc" else OBJECT
    if isinstance(value, np.ndarray):
        raise ArgumentError(
            f"{name} is a {type(value).__name__}; its arithmetic differs from ndarray's: pass np.asarray({name})"
        )
    if type(value) is int:
        return Type("py", int, (), Dim("value", (name,), value))
    t = type_of_value(value)
    if t.kind == "object" and not isinstance(value, np.generic):
        return Type("object", type(value), None)
    return PY_INT if t.kind == "py" and t.dtype is int else t


def _word(key: object) -> str:
    """Turn a dict key into a piece of a name."""
    word = "".join(c if c.isalnum() else "_" for c in str(key))
    return word or "_"
