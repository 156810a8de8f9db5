"""The floating-point numbers and arrays inside nested containers: found, named, moved and put back.

A vector of them has the real and the imaginary part of each complex number in turn. In one of a cotangent or gradient
the imaginary parts are negative, since these are transposed without conjugation: then the change of the result is the
product of two such vectors.
"""

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

    @property
    def size(self) -> int:
        """Return the number of real numbers: two for a complex one."""
        return self.value.size * (2 if self.is_complex else 1)

    @property
    def is_complex(self) -> bool:
        return self.value.dtype.kind == "c"

    @property
    def precision(self) -> np.dtype:
        """Return the dtype of its real parts."""
        return np.dtype(self.value.real.dtype)

    def entry(self, k: int) -> str:
        """Return how the user would write entry k."""
        k, part = divmod(k, 2) if self.is_complex else (k, 2)
        end = (".real", ".imag", "")[part]
        if self.value.ndim == 0:
            return f"{self.place}{end}"
        index = np.unravel_index(k, self.value.shape)
        return f"{self.place}[{', '.join(str(int(i)) for i in index)}]{end}"

    def moved(self, step: Vector) -> np.ndarray:
        """Return the value plus a step, in double precision."""
        return assembled(components(self.value) + step, self.value)

    @property
    def scale(self) -> float:
        """Return the root mean square of the entries."""
        return float(np.sqrt(np.mean(np.square(np.abs(self.value), dtype=np.float64)))) if self.value.size else 0.0


def components(value: np.ndarray) -> Vector:
    """Return the real numbers that an array consists of, in double precision."""
    if value.dtype.kind == "c":
        return np.ravel(value).astype(np.complex128).view(np.float64)
    return np.ravel(value).astype(np.float64)


def assembled(vector: Vector, like: np.ndarray) -> np.ndarray:
    """Return an array of the shape of another one, real or complex as it is, in double precision."""
    numbers = np.ascontiguousarray(vector).view(np.complex128) if like.dtype.kind == "c" else vector
    return numbers.reshape(like.shape)


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
    """Tell whether a value is a floating-point number or array, real or complex."""
    return isinstance(value, float | complex) or (
        isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fc"
    )


def promote(tree: object) -> object:
    """Make the Python ints in a differentiated argument floats, but for those that are settings of objects."""
    held = parts(tree)
    if held is None:
        return float(tree) if type(tree) is int else tree
    children = zip(held.steps, held.children, strict=True)
    new = [c if type(c) is int and meaning_of_int(held, step) != "number" else promote(c) for step, c in children]
    return remade(tree, new)


def rebuild(tree: object, items: Iterator[np.ndarray], double: bool = False) -> object:
    """Put other numbers into a container; Python floats, NumPy scalars and arrays stay what they are.

    They have the precision that they had, or double precision.
    """
    held = parts(tree)
    if held is not None:
        return remade(tree, [rebuild(child, items, double) for child in held.children])
    if not is_float(tree):
        return tree
    item = next(items)
    if isinstance(tree, np.ndarray | np.generic):
        wide = np.complex128 if tree.dtype.kind == "c" else np.float64
        item = item.astype(wide if double else tree.dtype)
        return item if isinstance(tree, np.ndarray) else item[()]
    return complex(item) if isinstance(tree, complex) else float(item)


def copy(tree: object) -> object:
    """Copy a container and the floating-point arrays in it."""
    return rebuild(tree, iter([leaf.value.copy() for leaf in leaves_of([tree])]))


def double(tree: object) -> object:
    """Copy a container with its floating-point leaves in double precision."""
    return rebuild(tree, iter([leaf.value.copy() for leaf in leaves_of([tree])]), double=True)


def flatten(tree: object) -> Vector:
    """Return the floating-point entries of a container as one vector."""
    return _joined([components(leaf.value) for leaf in leaves_of([tree])])


def flatten_gradient(tree: object) -> Vector:
    """Return those of a gradient or cotangent."""
    return _joined([components(np.conj(leaf.value)) for leaf in leaves_of([tree])])


def _joined(vectors: list[Vector]) -> Vector:
    return np.concatenate(vectors) if vectors else np.zeros(0)


def shape_like(tree: object, vector: Vector) -> object:
    """Shape a vector as a tangent of a container: None where there is no number."""
    return rebuild(_numbers_only(tree), iter(_cut(tree, vector)))


def cotangent_like(tree: object, vector: Vector) -> object:
    """Shape a vector as a cotangent of a container: None where there is no number."""
    return rebuild(_numbers_only(tree), map(np.conj, _cut(tree, vector)))


def _cut(tree: object, vector: Vector) -> list[np.ndarray]:
    entries, start = [], 0
    for leaf in leaves_of([tree]):
        entries.append(assembled(vector[start : start + leaf.size], leaf.value))
        start += leaf.size
    return entries


def _numbers_only(tree: object) -> object:
    held = parts(tree)
    if held is not None:
        return remade(tree, list(map(_numbers_only, held.children)))
    return tree if is_float(tree) else None
