"""The floating-point numbers and arrays inside nested containers: found, named, moved and put back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from adcompile.checking.differences import Vector
from adcompile.dispatch.containers import spelled
from adcompile.ir.forms import meaning_of_int, parts, remade
from adcompile.records import dataclass


@dataclass(frozen=True)
class Leaf:
    """A floating-point number or array in one of several containers.

    place     how the user would write it, as in ``params["w"]``
    tree      the number of the container
    position  the number of the leaf among those of all containers
    """

    place: str
    value: np.ndarray
    tree: int
    position: int

    def entry(self, k: int) -> str:
        """Return how the user would write entry k."""
        if self.value.ndim == 0:
            return self.place
        index = np.unravel_index(k, self.value.shape)
        return f"{self.place}[{', '.join(str(int(i)) for i in index)}]"

    @property
    def scale(self) -> float:
        """Return the root mean square of the entries."""
        return float(np.sqrt(np.mean(np.square(self.value, dtype=np.float64)))) if self.value.size else 0.0


def leaves_of(trees: Sequence[object], places: Sequence[str] = ()) -> list[Leaf]:
    """Return the floating-point leaves of some containers, in order."""
    found: list[Leaf] = []
    for number, tree in enumerate(trees):
        for place, value in _walk(tree, places[number] if places else ""):
            found.append(Leaf(place, value, number, len(found)))
    return found


def _walk(tree: object, place: str) -> Iterator[tuple[str, np.ndarray]]:
    held = parts(tree)
    if held is not None:
        for step, child in zip(held.steps, held.children, strict=True):
            yield from _walk(child, spelled(place, held.kind, step))
    elif is_float(tree):
        yield place, np.asarray(tree)


def is_float(value: object) -> bool:
    """Tell whether a value is a floating-point number or array."""
    return isinstance(value, float) or (isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f")


def promote(tree: object) -> object:
    """Make the Python ints in a differentiated argument floats, but for those that are settings of objects."""
    held = parts(tree)
    if held is None:
        return float(tree) if type(tree) is int else tree
    children = zip(held.steps, held.children, strict=True)
    new = [c if type(c) is int and meaning_of_int(held, step) != "number" else promote(c) for step, c in children]
    return remade(tree, new)


def rebuild(tree: object, items: Iterator[np.ndarray], dtype: type | None = None) -> object:
    """Put other numbers into a container; Python floats, NumPy scalars and arrays stay what they are.

    They get their own types, or `dtype`.
    """
    held = parts(tree)
    if held is not None:
        return remade(tree, [rebuild(child, items, dtype) for child in held.children])
    if not is_float(tree):
        return tree
    item = next(items)
    if isinstance(tree, np.ndarray | np.generic):
        item = item.astype(dtype or tree.dtype)
        return item if isinstance(tree, np.ndarray) else item[()]
    return float(item)


def copy(tree: object) -> object:
    """Copy a container and the floating-point arrays in it."""
    return rebuild(tree, iter([leaf.value.copy() for leaf in leaves_of([tree])]))


def double(tree: object) -> object:
    """Copy a container with its floating-point leaves in double precision."""
    return rebuild(tree, iter([leaf.value.astype(np.float64) for leaf in leaves_of([tree])]), np.float64)


def flatten(tree: object) -> Vector:
    """Return the floating-point entries of a container as one vector."""
    entries = [np.ravel(leaf.value).astype(np.float64) for leaf in leaves_of([tree])]
    return np.concatenate(entries) if entries else np.zeros(0)


def shape_like(tree: object, vector: Vector) -> object:
    """Shape a vector as a tangent or cotangent of a container: None where there is no number."""
    entries, start = [], 0
    for leaf in leaves_of([tree]):
        entries.append(vector[start : start + leaf.value.size].reshape(leaf.value.shape))
        start += leaf.value.size
    return rebuild(_numbers_only(tree), iter(entries))


def _numbers_only(tree: object) -> object:
    held = parts(tree)
    if held is not None:
        return remade(tree, list(map(_numbers_only, held.children)))
    return tree if is_float(tree) else None
