"""What users pass to derivatives: nested tuples, lists and dicts of numbers and arrays; checks, and clear refusals.

A place inside a container is named as the user would write it: ``params["w"][0]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from adcompile.errors import ArgumentError

__all__ = ["Leaf", "Outline", "copied", "describe", "fit", "outline", "promote", "with_article"]


class Leaf(NamedTuple):
    """What a number or array looks like from outside. `kind` is "py", "np" or "array"."""

    kind: str
    dtype: np.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        if self.kind == "py":
            return f"a Python {'complex' if self.dtype.kind == 'c' else 'float'}"
        return f"a NumPy {self.dtype} scalar" if self.kind == "np" else _array(self.dtype, self.shape)


# The structure of a differentiable value: containers of leaves; None for what has no derivative.
Outline = Leaf | tuple["Outline", ...] | list["Outline"] | dict[object, "Outline"] | None


def describe(value: object) -> str:
    """Describe a value for an error message: what it is, not what is in it."""
    match value:
        case None | bool():
            return str(value)
        case int() | float() | complex() if type(value) in (int, float, complex):
            return f"the Python {type(value).__name__} {value!r}"
        case np.ndarray() if type(value) is np.ndarray:
            return _array(value.dtype, value.shape)
        case np.generic():
            return f"a NumPy {value.dtype} scalar"
        case tuple() | list() | dict():
            return f"a {type(value).__name__} of {len(value)}"
        case str():
            return "a string"
    return with_article(type(value).__qualname__)


def _array(dtype: np.dtype, shape: tuple[int, ...]) -> str:
    return with_article(f"{dtype} array of shape {shape}")


def with_article(noun: str) -> str:
    """Put "a" or "an" before a noun, where "u" is as in "uint8"."""
    return f"an {noun}" if noun[:1] in "aeioAEIO" else f"a {noun}"


def copied(value: object) -> object:
    """Copy containers and arrays, at any depth."""
    match value:
        case np.ndarray():
            return value.copy()
        case dict() if type(value) is dict:
            return {k: copied(v) for k, v in value.items()}
        case tuple() | list() if type(value) in (tuple, list):
            return type(value)(map(copied, value))
    return value


def promote(name: str, value: object) -> object:
    """Return a differentiated argument with its Python ints made floats; refuse what cannot be differentiated.

    The value itself comes back when there is nothing to promote. Inside containers None, booleans, strings and
    functions may stand: they get no derivative.
    """
    if isinstance(value, bool | np.bool_ | str | bytes) or (value is not None and callable(value)):
        raise ArgumentError(f"cannot differentiate with respect to {name}: it is {describe(value)}")
    return _promote(name, value)


def _promote(name: str, value: object) -> object:
    kind = type(value)
    if kind in (float, complex) or (kind is np.ndarray and isinstance(value, np.ndarray) and value.dtype.kind in "fc"):
        return value
    if kind is int:
        assert isinstance(value, int)
        try:
            return float(value)
        except OverflowError:
            raise ArgumentError(f"{name} is an int too large to be a float") from None
    if kind in (tuple, list, dict):
        return _promote_container(name, value)
    if isinstance(value, np.inexact) or value is None or isinstance(value, bool | str | bytes | type | np.dtype):
        return value
    if callable(value):
        return value
    raise ArgumentError(f"cannot differentiate with respect to {name}: it is {describe(value)}{_remedy(name, value)}")


def _promote_container(name: str, value: object) -> object:
    if isinstance(value, dict):
        items = {k: _promote(f"{name}[{k!r}]", v) for k, v in value.items()}
        return items if any(items[k] is not v for k, v in value.items()) else value
    assert isinstance(value, tuple | list)
    new = [_promote(f"{name}[{i}]", v) for i, v in enumerate(value)]
    if all(a is b for a, b in zip(new, value, strict=True)):
        return value
    return tuple(new) if isinstance(value, tuple) else new


def _remedy(name: str, value: object) -> str:
    """Say what to pass instead of an argument that cannot be differentiated."""
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        return f", whose arithmetic differs from ndarray's; pass np.asarray({name})"
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub":
        return f"; only floating-point numbers have derivatives: pass {name}.astype(float)"
    if isinstance(value, np.integer):
        return f"; only floating-point numbers have derivatives: pass float({name})"
    if isinstance(value, tuple | dict | list):
        return f"; of containers only plain tuples, lists and dicts: pass {_plain(value)}({name})"
    return "; only floats, complex numbers, arrays of them, and tuples, lists and dicts of them have derivatives"


def _plain(value: tuple[object, ...] | list[object] | dict[object, object]) -> str:
    return next(kind.__name__ for kind in (tuple, list, dict) if isinstance(value, kind))


def outline(value: object) -> Outline:
    """Return the structure that a tangent or cotangent of a value must have."""
    kind = type(value)
    if kind is float or kind is complex:
        return Leaf("py", np.dtype(kind), ())
    if isinstance(value, np.ndarray):
        return Leaf("array", value.dtype, value.shape) if value.dtype.kind in "fc" else None
    if isinstance(value, np.inexact):
        return Leaf("np", value.dtype, ())
    if kind is tuple or kind is list:
        assert isinstance(value, tuple | list)
        items = [outline(v) for v in value]
        return tuple(items) if kind is tuple else items
    if isinstance(value, dict):
        return {k: outline(v) for k, v in value.items()}
    return None


def fit(name: str, value: object, like: Outline, of: str) -> object:
    """Return a tangent or cotangent that has the structure, shapes and types of `like`, or refuse it.

    Python numbers stand for scalars of any floating-point type. `of` says in messages what `value` belongs to.
    """
    match like:
        case None:
            if value is None:
                return None
            raise ArgumentError(f"{name} is {describe(value)}, but {of} has no derivative: pass None")
        case Leaf():
            return _fit_leaf(name, value, like, of)
        case dict():
            return _fit_dict(name, value, like, of)
    return _fit_sequence(name, value, like, of)


def _fit_sequence(name: str, value: object, like: tuple[Outline, ...] | list[Outline], of: str) -> object:
    if type(value) is not type(like):
        raise ArgumentError(f"{name} is {describe(value)}, but {of} is a {type(like).__name__} of {len(like)}")
    assert isinstance(value, tuple | list)
    if len(value) != len(like):
        raise ArgumentError(f"{name} has {len(value)} items, but {of} has {len(like)}")
    items = [fit(f"{name}[{i}]", v, k, f"{of}[{i}]") for i, (v, k) in enumerate(zip(value, like, strict=True))]
    return tuple(items) if isinstance(value, tuple) else items


def _fit_dict(name: str, value: object, like: dict[object, Outline], of: str) -> object:
    if type(value) is not dict:
        raise ArgumentError(f"{name} is {describe(value)}, but {of} is a dict of {len(like)}")
    if value.keys() != like.keys():
        raise ArgumentError(f"{name} has the keys {list(value)}, but {of} has {list(like)}")
    return {k: fit(f"{name}[{k!r}]", value[k], like[k], f"{of}[{k!r}]") for k in like}


def _fit_leaf(name: str, value: object, like: Leaf, of: str) -> object:
    if (
        type(value) in (int, float, complex)
        and like.shape == ()
        and (like.dtype.kind == "c" or type(value) is not complex)
    ):
        return _CONVERT[like.kind](like.dtype, value)
    if isinstance(value, np.generic) or type(value) is np.ndarray:
        assert isinstance(value, np.generic | np.ndarray)
        if value.shape == like.shape and value.dtype == like.dtype:
            kind = "array" if isinstance(value, np.ndarray) else "np"
            return value if kind == like.kind else _CONVERT[like.kind](like.dtype, value)
    raise ArgumentError(f"{name} is {describe(value)}, but {of} is {like}")


_CONVERT: Final[dict[str, Callable[[np.dtype, object], object]]] = {
    "py": lambda dtype, v: np.asarray(v, dtype).item(),
    "np": lambda dtype, v: dtype.type(v),
    "array": lambda dtype, v: np.array(v, dtype),
}
