"""Derivatives by finite differences alone, written without any part of the package that they judge."""

from __future__ import annotations

import copy
import enum
from collections import deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

LEVELS = 6


def leaves(tree: Any) -> Iterator[Any]:
    """Yield the numbers and arrays of a nested container or object, in order."""
    if isinstance(tree, dict):
        for child in tree.values():
            yield from leaves(child)
    elif isinstance(tree, list | tuple | deque):
        for child in tree:
            yield from leaves(child)
    elif is_record(tree):
        yield from leaves(attributes(tree))
    elif isinstance(tree, int | float | complex | np.generic | np.ndarray) and not isinstance(tree, bool):
        yield tree


def is_record(value: Any) -> bool:
    """Tell whether a value is an object with attributes, of a class of the tests or a SimpleNamespace."""
    cls = type(value)
    if isinstance(value, enum.Enum):
        return False
    return cls is SimpleNamespace or (hasattr(cls, "__module__") and "prog" in cls.__module__)


def attributes(value: Any) -> dict[str, Any]:
    """Return the attributes of an object; ints in it are its configuration."""
    names = [n for c in type(value).__mro__ for n in getattr(c, "__slots__", ()) if hasattr(value, n)]
    held = {n: getattr(value, n) for n in names} | getattr(value, "__dict__", {})
    return {k: str(v) if type(v) is int else v for k, v in held.items()}


def rebuild(tree: Any, new: Iterator[Any]) -> Any:
    """Put other leaves into a container or object of the same structure."""
    if isinstance(tree, dict):
        made = copy.copy(tree)
        made.update({key: rebuild(child, new) for key, child in tree.items()})
        return made
    if isinstance(tree, tuple):
        return tuple.__new__(type(tree), [rebuild(child, new) for child in tree])
    if isinstance(tree, list | deque):
        return type(tree)(rebuild(child, new) for child in tree)
    if is_record(tree):
        made = copy.copy(tree)
        for key, child in attributes(tree).items():
            object.__setattr__(made, key, int(child) if type(getattr(tree, key)) is int else rebuild(child, new))
        return made
    return next(new) if any(True for _ in leaves(tree)) else tree


def flat(tree: Any) -> np.ndarray:
    """Return all entries as one vector of doubles; a complex number is two."""
    parts = [_reals(np.asarray(leaf)) for leaf in leaves(tree)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _reals(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "c":
        return np.ravel(array).astype(np.complex128).view(np.float64)
    return np.ravel(array.astype(np.float64))


def unflat(tree: Any, vector: np.ndarray, keep_dtype: bool = False) -> Any:
    """Shape a vector like a container, in double precision or in the precision of each leaf."""
    entries = iter(np.asarray(vector, np.float64))

    def leaf(like: Any) -> Any:
        pairs = np.iscomplexobj(like)
        array = np.array([next(entries) for _ in range(np.size(like) * (2 if pairs else 1))])
        array = (array.view(np.complex128) if pairs else array).reshape(np.shape(like))
        if keep_dtype and isinstance(like, np.ndarray | np.generic):
            array = array.astype(like.dtype)
        return array if isinstance(like, np.ndarray) else array[()] if isinstance(like, np.generic) else array.item()

    return rebuild(tree, iter([leaf(like) for like in leaves(tree)]))


def conjugate(tree: Any, vector: np.ndarray) -> np.ndarray:
    """Conjugate the complex numbers among the entries of a vector that is shaped like a container."""
    leaf_signs = [np.tile([1.0, -1.0], np.size(x)) if np.iscomplexobj(x) else np.ones(np.size(x)) for x in leaves(tree)]
    return vector * np.concatenate([np.zeros(0), *leaf_signs])


def doubled(value: Any) -> Any:
    """Return a container with every floating-point leaf in double precision."""

    def leaf(x: Any) -> Any:
        if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fc":
            return x.astype(np.float64 if x.dtype.kind == "f" else np.complex128)
        return x

    return rebuild(value, iter([leaf(x) for x in leaves(value)]))


def derivative(g: Callable[[float], np.ndarray], step: float = 4e-3) -> np.ndarray:
    """Differentiate a vector-valued function at zero by central differences, extrapolated to step zero.

    Of the extrapolations, each entry takes the one that agrees best with its neighbours (Ridders).
    """
    table: list[list[np.ndarray]] = []
    best = worst = np.zeros(0)
    for level in range(LEVELS):
        h = step / 2**level
        row = [(g(h) - g(-h)) / (2 * h)]
        if level == 0:
            best, worst = row[0], np.full(row[0].shape, np.inf)
        for k in range(1, level + 1):
            row.append(row[k - 1] + (row[k - 1] - table[-1][k - 1]) / (4.0**k - 1))
            error = np.maximum(np.abs(row[k] - row[k - 1]), np.abs(row[k] - table[-1][k - 1]))
            better = error < worst
            best, worst = np.where(better, row[k], best), np.where(better, error, worst)
        table.append(row)
    return best


def jacobian(f: Callable[..., Any], args: tuple[Any, ...], wrt: tuple[int, ...]) -> np.ndarray:
    """Return the matrix of derivatives of all entries of the result by all entries of the arguments `wrt`."""
    active = [doubled(args[i]) for i in wrt]
    start = flat(active)

    def moved(vector: np.ndarray) -> np.ndarray:
        shifted = iter(unflat(active, vector))
        call = [next(shifted) if i in wrt else doubled(copied(a)) for i, a in enumerate(args)]
        return flat(f(*call))

    columns = []
    for k in range(start.size):
        unit = np.zeros(start.size)
        unit[k] = max(1.0, abs(start[k]))
        columns.append(derivative(lambda h, unit=unit: moved(start + h * unit)) / unit[k])
    return np.array(columns).T.reshape(flat(f(*map(copied, args))).size, start.size)


def copied(value: Any) -> Any:
    """Copy the arrays in a container."""
    return rebuild(value, iter([x.copy() if isinstance(x, np.ndarray) else x for x in leaves(value)]))


def close(got: np.ndarray, want: np.ndarray, rtol: float) -> bool:
    """Compare two derivatives, relative to the largest entry."""
    scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    return got.shape == want.shape and bool(np.all(np.abs(got - want) <= rtol * scale))
