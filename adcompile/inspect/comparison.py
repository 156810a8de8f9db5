"""A derivative beside finite differences, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from adcompile.api import grad
from adcompile.checking.differences import Vector, differentiate
from adcompile.checking.leaves import Leaf, copy, flatten, leaves_of, promote, rebuild
from adcompile.inspect.subject import Subject
from adcompile.inspect.traces import Trace
from adcompile.records import NamedTuple

__all__ = ["Entry", "compare"]

ENTRIES: Final = 12  # of each argument


class Entry(NamedTuple):
    """An entry of a derivative, what finite differences give for it, and how far those may be off."""

    place: str
    derivative: float
    numeric: float
    error: float
    rtol: float

    @property
    def agrees(self) -> bool:
        size = max(abs(self.derivative), abs(self.numeric))
        return bool(abs(self.derivative - self.numeric) <= self.rtol * size + 10 * self.error + 1e-9)


def compare(f: Callable[..., object], args: Sequence[object], seen: Subject, traced: Trace) -> Iterator[Entry]:
    """Yield entries of the gradient (that of the sum, if there are several results), or of the tangent."""
    if _is_complex(traced.value) or any(_is_complex(args[i]) for i in seen.argnums):
        return
    chosen = [promote(args[i]) for i in seen.argnums]
    names = [name if k is None else f"{name}[{k}]" for name, k in seen.wrt]
    leaves = leaves_of(chosen, names)
    single = any(leaf.value.dtype.itemsize < 8 for leaf in leaves)
    rtol = 2e-3 if single else 1e-6

    def values(moves: Sequence[Vector], t: float) -> Vector:
        moved = iter(
            [x.value.astype(np.float64) + t * m.reshape(x.value.shape) for x, m in zip(leaves, moves, strict=True)]
        )
        rebuilt = [rebuild(a, moved, double=True) for a in chosen]
        call = [copy(a) for a in args]
        for i, a in zip(seen.argnums, rebuilt, strict=True):
            call[i] = a
        return flatten(f(*call))

    if traced.mode == "forward":
        found = differentiate(lambda t: values(_first(leaves), t), _scale(leaves), 2.3e-16)
        dots = flatten(traced.result)
        for k in range(min(len(dots), ENTRIES)):
            place = "the result" if len(dots) == 1 else f"result entry {k}"
            yield Entry(place, float(dots[k]), float(found.value[k]), float(found.error[k]), rtol)
        return
    gradient = leaves_of(_gradient(f, args, seen, traced))
    for leaf, bar in zip(leaves, gradient, strict=True):
        for k in range(min(leaf.value.size, ENTRIES)):
            moves = [np.zeros(x.value.size) for x in leaves]
            moves[leaf.position][k] = 1.0
            found = differentiate(lambda t, m=moves: values(m, t), leaf.scale, 2.3e-16)  # type: ignore[misc]
            numeric, error = float(np.sum(found.value)), float(np.sum(found.error))
            yield Entry(leaf.entry(k), float(np.ravel(bar.value)[k]), numeric, error, rtol)


def _is_complex(value: object) -> bool:
    """Tell whether there is a complex number in a container."""
    if isinstance(value, dict):
        return any(map(_is_complex, value.values()))
    if isinstance(value, tuple | list):
        return any(map(_is_complex, value))
    return isinstance(value, np.ndarray | np.generic | complex) and np.iscomplexobj(value)


def _gradient(f: Callable[..., object], args: Sequence[object], seen: Subject, traced: Trace) -> Sequence[object]:
    """Return the compiled gradient; of a function of several results that of the trace."""
    one = isinstance(traced.value, float | np.floating) or (
        isinstance(traced.value, np.ndarray) and not traced.value.ndim
    )
    found = grad(f, argnums=seen.argnums)(*args) if one else traced.result
    assert isinstance(found, tuple)
    return found


def _first(leaves: Sequence[Leaf]) -> list[Vector]:
    """Return the direction that a forward trace goes by default: ones for the first argument."""
    return [np.full(x.value.size, float(x.tree == 0)) for x in leaves]


def _scale(leaves: Sequence[Leaf]) -> float:
    return max((x.scale for x in leaves), default=1.0)
