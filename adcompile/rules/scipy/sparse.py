"""Products with sparse matrices of SciPy, and systems of equations with them: linear in the dense operand.

A sparse matrix is a constant of which class, dtype and shape are known.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.linalg

from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype
from adcompile.records import replace
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, require_same, show
from adcompile.rules.table import linear, nondifferentiable

Array = np.ndarray


def shape_of(t: Type) -> Dims:
    if not t.layout or t.dims is None:
        raise TypeError("the sparse matrix must be made outside of the function, and read there or passed to it")
    return t.dims


def dense(matrix: Type, t: Type, dims: Dims | None) -> Type:
    """Return the type of a dense result."""
    dtype = numpy_dtype(t)
    return Type("array", None if dtype is None else np.result_type(np.dtype(matrix.layout), dtype), dims)


def infer_product(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the product of a sparse matrix and a dense vector or matrix."""
    matrix, x = (a.type for a in args)
    rows, columns = shape_of(matrix)
    if x.dims is None or len(x.dims) not in (1, 2):
        raise TypeError("a sparse matrix is multiplied with vectors and matrices")
    require_same(facts, columns, x.dims[0], f"a product of shapes {show(matrix.dims)} and {show(x.dims)}")
    return dense(matrix, x, (rows, *x.dims[1:]))


def infer_left_product(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the product of a dense vector or matrix and a sparse matrix."""
    x, matrix = (a.type for a in args)
    rows, columns = shape_of(matrix)
    if x.dims is None or len(x.dims) not in (1, 2):
        raise TypeError("a sparse matrix is multiplied with vectors and matrices")
    require_same(facts, x.dims[-1], rows, f"a product of shapes {show(x.dims)} and {show(matrix.dims)}")
    return dense(matrix, x, (*x.dims[:-1], columns))


def infer_transpose(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the transpose of a sparse matrix."""
    return replace(args[0].type, dims=shape_of(args[0].type)[::-1])


def infer_dense(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer toarray."""
    return Type("array", np.dtype(args[0].type.layout), shape_of(args[0].type))


def infer_solution(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer spsolve."""
    matrix, b = (a.type for a in args)
    rows, columns = shape_of(matrix)
    if b.dims is None or len(b.dims) != 1:
        raise TypeError("scipy.sparse.linalg.spsolve: only vectors are supported as right-hand side")
    require_same(facts, rows, columns, "scipy.sparse.linalg.spsolve")
    require_same(facts, rows, b.dims[0], "scipy.sparse.linalg.spsolve")
    return dense(matrix, b, b.dims)


def transposed_twice(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """The transpose of a transpose is the matrix: m.T.T -> m."""
    made = b.definition(args[0], "sparse_transpose")
    return None if made is None else made.args[0]


primitive("sparse_product", infer_product, "sparse_product", "m, x", cost="product")
primitive("product_sparse", infer_left_product, "product_sparse", "x, m", cost="product")
primitive(
    "sparse_transpose",
    infer_transpose,
    "sparse_transpose",
    "m",
    simplification=transposed_twice,
    cost="free",
    shares=True,
)
primitive("sparse_dense", infer_dense, "sparse_dense", "m", cost="arithmetic", allocates=True)
primitive(
    "scipy.sparse.linalg.spsolve",
    infer_solution,
    "scipy.sparse.linalg.spsolve",
    "m, b",
    usage="A, b, permc_spec: no = None, use_umfpack: no = True",
    cost="product",
)
nondifferentiable("sparse_transpose", "sparse_dense")


@linear("sparse_product", 1)
def sparse_product_adjoint(g: Array, ans: Array, m: Any, x: Array) -> tuple[None, Array]:
    return None, m.T @ g


@linear("product_sparse", 0)
def product_sparse_adjoint(g: Array, ans: Array, x: Array, m: Any) -> tuple[Array, None]:
    return g @ m.T, None


@linear("scipy.sparse.linalg.spsolve", 1)
def spsolve_adjoint(g: Array, ans: Array, m: Any, b: Array) -> tuple[None, Array]:
    return None, scipy.sparse.linalg.spsolve(m.T, g)
