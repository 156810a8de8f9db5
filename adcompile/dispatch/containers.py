"""What users pass to derivatives: nested containers and objects of numbers and arrays; checks, and clear refusals.

A place inside a container is named as the user would write it: ``params["w"][0]``, ``model.layers[0]``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.errors import ArgumentError
from adcompile.ir.forms import Parts, made, meaning_of_int, part_of, parts, remade
from adcompile.records import NamedTuple, dataclass

__all__ = ["Fixed", "Leaf", "Outline", "describe", "fit", "outline", "promote", "skeleton", "spelled", "with_article"]


class Leaf(NamedTuple):
    """What a number or array looks like from outside. `kind` is "py", "np" or "array"."""

    kind: str
    dtype: np.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        if self.kind == "py":
            return f"a Python {'complex' if self.dtype.kind == 'c' else 'float'}"
        return f"a NumPy {self.dtype} scalar" if self.kind == "np" else _array(self.dtype, self.shape)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What has no derivative: None, a string, an int that is configuration."""

    value: object


Inexact = float | complex | np.ndarray | np.inexact

# The structure of a differentiable value: the parts of containers, down to leaves.
Outline = Leaf | Fixed | Parts


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


def promote(name: str, value: object) -> object:
    """Return a differentiated argument with its Python ints made floats; refuse what cannot be differentiated.

    The value itself comes back when there is nothing to promote. Inside containers None, booleans, strings and
    functions may stand, inside objects anything, ints that are configuration among them: they get no derivative.
    """
    fixed = isinstance(value, bool | np.bool_ | str | bytes)
    if fixed or (value is not None and callable(value) and parts(value) is None):
        raise ArgumentError(f"cannot differentiate with respect to {name}: it is {describe(value)}")
    return _promote(name, value, ())


def written(path: Sequence[object], values: Mapping[str, object]) -> str:
    """Return how the user would write what steps lead to, the first of which is the name of an argument."""
    text, held = str(path[0]), values[str(path[0])]
    for step in path[1:]:
        found = parts(held)
        assert found is not None
        text, held = spelled(text, found.kind, step), part_of(held, (step,))
    return text


def _promote(name: str, value: object, around: tuple[object, ...]) -> object:
    kind = type(value)
    if kind in (float, complex) or (kind is np.ndarray and isinstance(value, np.ndarray) and value.dtype.kind in "fc"):
        return value
    if kind is int:
        assert isinstance(value, int)
        try:
            return float(value)
        except OverflowError:
            raise ArgumentError(f"{name} is an int too large to be a float") from None
    held = parts(value)
    if held is not None:
        return _promote_container(name, value, held, around)
    if (
        isinstance(value, np.inexact)
        or value is None
        or isinstance(value, bool | str | bytes | type | np.dtype | enum.Enum)
    ):
        return value
    if callable(value) or (around and parts(around[-1]).kind == "object"):  # type: ignore[union-attr]  # a container
        return value
    raise ArgumentError(f"cannot differentiate with respect to {name}: it is {describe(value)}{_remedy(name, value)}")


def _promote_container(name: str, value: object, held: Parts, around: tuple[object, ...]) -> object:
    if any(value is outer for outer in around):
        raise ArgumentError(f"cannot differentiate with respect to {name}: it contains itself")
    new = [
        child
        if type(child) is int and meaning_of_int(held, step) != "number"
        else _promote(spelled(name, held.kind, step), child, (*around, value))
        for step, child in zip(held.steps, held.children, strict=True)
    ]
    return value if all(a is b for a, b in zip(new, held.children, strict=True)) else remade(value, new)


def spelled(name: str, kind: str, step: object) -> str:
    """Return how the user would write a part of a container."""
    return f"{name}.{step}" if kind == "object" else f"{name}[{step!r}]"


def _remedy(name: str, value: object) -> str:
    """Say what to pass instead of an argument that cannot be differentiated."""
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        return f", whose arithmetic differs from ndarray's; pass np.asarray({name})"
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub":
        return f"; only floating-point numbers have derivatives: pass {name}.astype(float)"
    if isinstance(value, np.integer):
        return f"; only floating-point numbers have derivatives: pass float({name})"
    if isinstance(value, tuple | dict | list):
        return f"; it is of a class of its own: pass {_plain(value)}({name})"
    return "; only floats, complex numbers, arrays of them, and containers and objects of them have derivatives"


def _plain(value: tuple[object, ...] | list[object] | dict[object, object]) -> str:
    return next(kind.__name__ for kind in (tuple, list, dict) if isinstance(value, kind))


def outline(value: object) -> Outline:
    """Return the structure that a tangent or cotangent of a value must have."""
    return _outlined(value, _leaf)


def skeleton(value: object) -> Outline:
    """Return the structure of a value where nobody asks what its numbers and arrays look like."""
    return _outlined(value, _any_leaf)


def _outlined(value: object, leaf: Callable[[Inexact], Leaf]) -> Outline:
    if isinstance(value, float | complex) and type(value) in (float, complex):
        return leaf(value)
    if isinstance(value, np.ndarray):
        return leaf(value) if value.dtype.kind in "fc" else Fixed(value)
    if isinstance(value, np.inexact):
        return leaf(value)
    held = parts(value)
    if held is None:
        return Fixed(value)
    children = tuple([_outlined(child, leaf) for child in held.children])
    return Parts(held.kind, children, held.keys, held.cls, held.detail)


def _leaf(value: Inexact) -> Leaf:
    if isinstance(value, np.ndarray):
        return Leaf("array", value.dtype, value.shape)
    return Leaf("np", value.dtype, ()) if isinstance(value, np.inexact) else Leaf("py", np.dtype(type(value)), ())


_ANY: Final = Leaf("any", np.dtype(float), ())


def _any_leaf(value: Inexact) -> Leaf:
    return _ANY


def fit(name: str, value: object, like: Outline, of: str) -> object:
    """Return a tangent or cotangent that has the structure, shapes and types of `like`, or refuse it.

    Python numbers stand for scalars of any floating-point type; what has no derivative has None for one, in the
    place of which it may itself be given. `of` says in messages what `value` belongs to.
    """
    match like:
        case Fixed(itself):
            if value is None or value is itself or _equal(value, itself):
                return None
            raise ArgumentError(f"{name} is {describe(value)}, but {of} has no derivative: pass None")
        case Leaf():
            return _fit_leaf(name, value, like, of)
    return _fit_container(name, value, like, of)


def _equal(a: object, b: object) -> bool:
    return type(a) is type(b) and isinstance(a, bool | int | str | bytes) and a == b


def _fit_container(name: str, value: object, like: Parts, of: str) -> object:
    found = parts(value)
    if found is None or (found.kind, found.cls) != (like.kind, like.cls):
        raise ArgumentError(f"{name} is {describe(value)}, but {of} is {_described(like)}")
    steps = dict(zip(found.steps, found.children, strict=True))
    if like.kind in ("tuple", "list") and len(steps) != len(like.children):
        raise ArgumentError(f"{name} has {len(steps)} items, but {of} has {len(like.children)}")
    if like.kind in ("dict", "object") and steps.keys() != set(like.keys):
        noun = "keys" if like.kind == "dict" else "attributes"
        raise ArgumentError(f"{name} has the {noun} {list(steps)}, but {of} has {list(like.keys)}")
    items: list[object] = []
    for step, child in zip(like.steps, like.children, strict=True):
        assert isinstance(child, Leaf | Fixed | Parts)
        items.append(fit(spelled(name, like.kind, step), steps[step], child, spelled(of, like.kind, step)))
    if all(a is b for a, b in zip(items, found.children, strict=True)) and found.keys == like.keys:
        return value
    return made(like.kind, items, like.keys, like.cls, like.detail)


def _described(like: Parts) -> str:
    if like.kind == "object":
        assert like.cls is not None
        return with_article(like.cls.__qualname__)
    return f"a {like.kind if like.cls is None else like.cls.__qualname__} of {len(like.children)}"


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
