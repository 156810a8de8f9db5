"""Which inputs each element of an array depends on, as the rows of a boolean sparse matrix."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from scipy import sparse

from adcompile.records import dataclass

Inputs = frozenset[int]
Shape = tuple[int, ...]

NOTHING: Inputs = frozenset()


class _Store:
    """A matrix of rows, those that were written since, and what they replaced, in order."""

    def __init__(self, matrix: sparse.csr_array) -> None:
        self.matrix = matrix
        self.changed: dict[int, Inputs] = {}
        self.log: list[tuple[int, Inputs | None]] = []


@dataclass(frozen=True, slots=True)
class Rows:
    """What the elements of an array of some shape depend on: row k is that of element k in C order.

    Writing one row makes another version, which shares all others; an old version can still be read.
    """

    shape: Shape
    store: _Store
    version: int = 0

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def inputs(self) -> int:
        """Return the number of inputs."""
        return int(self.store.matrix.shape[1])

    def row(self, k: int) -> Inputs:
        for index, replaced in self.store.log[self.version :]:  # what was written after this version
            if index == k:
                return self._original(k) if replaced is None else replaced
        found = self.store.changed.get(k)
        return self._original(k) if found is None else found

    def _original(self, k: int) -> Inputs:
        m = self.store.matrix
        return frozenset(m.indices[m.indptr[k] : m.indptr[k + 1]].tolist())

    def written(self, k: int, inputs: Inputs) -> Rows:
        """Return the version in which row k is another one."""
        if self.version != len(self.store.log):
            return of_matrix(self.matrix(), self.shape).written(k, inputs)
        self.store.log.append((k, self.store.changed.get(k)))
        self.store.changed[k] = inputs
        return Rows(self.shape, self.store, self.version + 1)

    def matrix(self) -> sparse.csr_array:
        """Return all rows."""
        changed = dict(self.store.changed)
        for index, replaced in reversed(self.store.log[self.version :]):
            if replaced is None:
                changed.pop(index)
            else:
                changed[index] = replaced
        if not changed:
            return self.store.matrix
        order = np.arange(self.size)
        order[list(changed)] = self.size + np.arange(len(changed))
        return sparse.vstack([self.store.matrix, of_sets(changed.values(), self.inputs)], format="csr")[order]

    def everything(self) -> Inputs:
        """Return what any element depends on."""
        return frozenset(np.unique(self.matrix().indices).tolist())


def of_matrix(matrix: sparse.csr_array, shape: Shape) -> Rows:
    return Rows(shape, _Store(matrix))


def identity(shape: Shape) -> Rows:
    """Return the rows of the input itself."""
    return of_matrix(sparse.eye_array(int(np.prod(shape, dtype=int)), format="csr", dtype=bool), shape)


def empty(shape: Shape, inputs: int) -> Rows:
    return of_matrix(sparse.csr_array((int(np.prod(shape, dtype=int)), inputs), dtype=bool), shape)


def of_sets(sets: Iterable[Inputs], inputs: int) -> sparse.csr_array:
    """Return the matrix with the given rows."""
    rows = [sorted(s) for s in sets]
    starts = np.concatenate([[0], np.cumsum([len(r) for r in rows], dtype=int)])
    columns = np.array([c for r in rows for c in r], dtype=int)
    return sparse.csr_array((np.ones(columns.size, bool), columns, starts), shape=(len(rows), inputs))


def repeated(inputs_of_each: Inputs, shape: Shape, inputs: int) -> Rows:
    """Return rows that are all the same."""
    row = of_sets([inputs_of_each], inputs)
    return of_matrix(row[np.zeros(int(np.prod(shape, dtype=int)), dtype=int)], shape)


@lru_cache(maxsize=256)
def numbers(shape: Shape) -> np.ndarray:
    """Return the array whose elements are their own positions in C order."""
    found = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    found.flags.writeable = False
    return found
