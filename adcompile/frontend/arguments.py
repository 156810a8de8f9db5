"""Abstract the arguments of an example call: what becomes a run-time leaf and what is known when compiling."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import numpy as np

from adcompile.errors import ArgumentError
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.forms import parts
from adcompile.ir.lengths import Dim, Facts
from adcompile.ir.naming import claimed
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, PY_INT, Type, type_of_value

Argument = Node[Atom] | Atom

STATIC_TYPES = (bool, str, bytes, type(None), type, np.dtype, type(Ellipsis), enum.Enum)


def abstract_all(values: Mapping[str, object], facts: Facts) -> dict[str, Argument]:
    """Return the structures of arguments with a variable for every number, array or object in them.

    Numbers and arrays become variables of their type; lengths and ints are symbols that carry their example. None,
    booleans, strings, types and functions are known when compiling. Of anything else only the identity is known.
    Leaves inside containers get names that no argument has.
    """
    taken = set(values)
    return {name: _abstract(name, value, facts, taken) for name, value in values.items()}


def abstract_outside(name: str, value: object, facts: Facts, taken: set[str]) -> Argument:
    """Return the structure of a value that a function reads from outside; objects in it are known when compiling."""
    return _abstract(name, value, facts, taken, (), parts(value) is not None)


def _abstract(
    name: str,
    value: object,
    facts: Facts,
    taken: set[str],
    around: tuple[object, ...] = (),
    known: bool = False,
) -> Argument:
    """Abstract a value that is inside of the containers `around`; one that contains itself is opaque.

    `known`: what is opaque is known when compiling.
    """
    if any(value is outer for outer in around):
        return Const(value) if known else Var(name, OBJECT)
    held = parts(value)
    if held is not None:
        names = [claimed(f"{name}_{_word(step)}", taken) for step in held.steps]
        named = zip(names, held.children, strict=True)
        children = tuple(_abstract(own, child, facts, taken, (*around, value), known) for own, child in named)
        return Node(held.kind, children, held.keys, 0, held.cls, held.detail)
    if isinstance(value, STATIC_TYPES) or callable(value):
        return Const(value)
    t = leaf_type(name, value, facts)
    return Const(value) if known and t is OBJECT else Var(name, t)


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
    if is_sparse_matrix(value):
        dims = tuple(Dim("axis", (name, axis), n) for axis, n in enumerate(getattr(value, "shape")))  # noqa: B009
        return Type("object", type(value), dims, None, np.dtype(getattr(value, "dtype")).str)  # noqa: B009
    t = type_of_value(value)
    if t.kind == "object" and not isinstance(value, np.generic):
        return Type("object", type(value), None)
    return PY_INT if t.kind == "py" and t.dtype is int else t


def is_sparse_matrix(value: object) -> bool:
    """Tell whether a value is a sparse matrix of SciPy, whose products with arrays are linear."""
    if not type(value).__module__.startswith("scipy.sparse."):
        return False
    kind = getattr(getattr(value, "dtype", None), "kind", "O")
    return hasattr(value, "nnz") and len(getattr(value, "shape", ())) == 2 and kind in "biufc"


def _word(key: object) -> str:
    """Turn a dict key into a piece of a name."""
    word = "".join(c if c.isalnum() else "_" for c in str(key))
    return word or "_"
