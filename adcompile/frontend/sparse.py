"""Sparse matrices of SciPy, from outside or passed as arguments: constants, whose products are linear in the arrays.

Their type is that of an object with a shape, whose layout is the dtype.
"""

from __future__ import annotations

import ast
import importlib
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend.values import Args, Keywords, Method, Value, is_sparse
from adcompile.ir.core import Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

REMEDY = "carry it out before and pass the result: only products with arrays, .T and .toarray() are followed"


def operate(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value:
    """Lower an operator of which an operand is a sparse matrix."""
    importlib.import_module("adcompile.rules.scipy.sparse")
    matrix, other = (left, right) if is_sparse(left) else (right, left)
    assert isinstance(matrix, Var) and isinstance(matrix.type.dtype, type)
    as_matrices = any(c.__name__ == "spmatrix" for c in matrix.type.dtype.__mro__)
    product = op == "matmul" or (op == "mul" and as_matrices and lo.type_of(other).dims not in ((), None))
    if not product or is_sparse(other):
        lo.refuse(node, "this operation on a sparse matrix is not supported", "here", REMEDY)
    dense = lo.number(other, node)
    if matrix is left:
        return lo.emit(node, "sparse_product", matrix, dense)
    return lo.emit(node, "product_sparse", dense, matrix)


def attribute(lo: Lowering, matrix: Var, name: str, node: ast.AST) -> Value:
    """Lower ``matrix.name``."""
    importlib.import_module("adcompile.rules.scipy.sparse")
    match name:
        case "T":
            return lo.emit(node, "sparse_transpose", matrix)
        case "shape":
            return Node("tuple", tuple(lo.length_of(matrix, axis) for axis in (0, 1)))
        case "ndim":
            return Const(2)
        case "dtype":
            return Const(np.dtype(matrix.type.layout))
    return Method(matrix, name)


def method(lo: Lowering, matrix: Var, name: str, args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Lower the call of a method; None for those that are called as they are."""
    importlib.import_module("adcompile.rules.scipy.sparse")
    if name in ("dot", "__matmul__") and len(args) == 1 and not keywords:
        return operate(lo, "matmul", matrix, args[0], node)
    if name in ("transpose", "toarray") and not args and not keywords:
        return lo.emit(node, "sparse_transpose" if name == "transpose" else "sparse_dense", matrix)
    return None
