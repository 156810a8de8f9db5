"""Group the columns of a sparse matrix so that no row has two columns of one group.

Then one product with the sum of a group's columns gives all their entries (Curtis, Powell and Reid, On the Estimation
of Sparse Jacobian Matrices, IMA Journal of Applied Mathematics 13, 1974; Gebremedhin, Manne and Pothen, What Color Is
Your Jacobian?, SIAM Review 47, 2005).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse


def colour_columns(pattern: sparse.csr_array) -> np.ndarray:
    """Return a number for each column, such that two columns with one number have no row in common.

    Where the rows' entries lie within a band as wide as the fullest row, the numbers repeat along the band, which is
    the least there can be. Else columns take the first number that is free, in order or the fullest first, whichever
    needs fewer numbers. The time is proportional to the sum over the entries of the entries in their rows.
    """
    pattern = pattern.sorted_indices()
    counts = np.diff(pattern.indptr)
    if not pattern.nnz:
        return np.zeros(pattern.shape[1], dtype=int)
    starts, ends = pattern.indptr[:-1][counts > 0], pattern.indptr[1:][counts > 0] - 1
    width = int((pattern.indices[ends] - pattern.indices[starts]).max()) + 1
    if width == counts.max():
        return np.arange(pattern.shape[1]) % width
    columns = pattern.tocsc()
    orders = [np.arange(pattern.shape[1]), np.argsort(-np.diff(columns.indptr), kind="stable")]
    found = [greedy(pattern, columns, order) for order in orders[: 2 if pattern.shape[1] < 20_000 else 1]]
    best = min(found, key=lambda colours: int(colours.max()))
    return np.arange(pattern.shape[1]) % width if width <= best.max() else best


def greedy(rows: sparse.csr_array, columns: sparse.csc_array, order: np.ndarray) -> np.ndarray:
    """Give each column, in the order given, the first number that no column with a row in common has."""
    colours = [-1] * rows.shape[1]
    row_starts, row_columns = rows.indptr.tolist(), rows.indices.tolist()
    column_starts, column_rows = columns.indptr.tolist(), columns.indices.tolist()
    for j in order.tolist():
        taken = set()
        for i in column_rows[column_starts[j] : column_starts[j + 1]]:
            taken.update([colours[k] for k in row_columns[row_starts[i] : row_starts[i + 1]]])
        colour = 0
        while colour in taken:
            colour += 1
        colours[j] = colour
    return np.array(colours)
