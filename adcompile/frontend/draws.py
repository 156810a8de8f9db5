"""The types of random draws by NumPy: of shape `size`, or that of the parameters."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend.values import Args, Keywords, Value
from adcompile.ir.core import Const, Var, is_none
from adcompile.ir.lengths import Length
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, PY_FLOAT, PY_INT, Type, numpy_dtype
from adcompile.rules.lengths import length_of
from adcompile.rules.opaque import FLOAT64, INT64, REAL_DRAWS, UNKNOWN, VECTOR_DRAWS, WHOLE_DRAWS

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def drawn(lo: Lowering, name: str, args: Args, keywords: Keywords, node: ast.AST, generator: bool) -> Type:
    """Return the type of a random draw by NumPy."""
    if name in ("default_rng", "RandomState"):
        return Type("object", np.random.Generator if name == "default_rng" else np.random.RandomState, None)
    if name in ("rand", "randn"):
        return _shaped(lo, FLOAT64, PY_FLOAT, Node("tuple", tuple(args)) if args else Const(None))
    if name in REAL_DRAWS or name in WHOLE_DRAWS:
        return _sized(lo, name, args, keywords, node)
    size = keywords.get("size", args[1] if len(args) > 1 else Const(None))
    if name == "permutation" and args:
        return _permuted(lo, args[0])
    if name == "choice" and args:
        t = lo.type_of(args[0])
        given = lo.current(args[0])
        if isinstance(given, Node) and all(lo.type_of(c).is_scalar for c in given.children):
            dtype = np.result_type(*[numpy_dtype(lo.type_of(c)) or object for c in given.children])
            return _shaped(lo, dtype, Type("np", dtype), size) if dtype.kind in "biufc" else UNKNOWN
        if t.is_scalar:
            return _shaped(lo, INT64, Type("np", INT64) if generator else PY_INT, size)
        if t.is_array and t.rank == 1 and isinstance(t.dtype, np.dtype) and "axis" not in keywords:
            return _shaped(lo, t.dtype, Type("np", t.dtype), size)
    if name in VECTOR_DRAWS and len(args) >= 1:
        last = _length_of_vector(lo, args[0] if name != "multinomial" else args[1] if len(args) > 1 else Const(None))
        size = keywords.get("size", args[1 if name == "dirichlet" else 2] if len(args) > 2 else Const(None))
        outer = _dims(lo, size)
        if last is not None and outer is not None:
            return Type("array", VECTOR_DRAWS[name], (*outer, last))
    return OBJECT if name == "seed" else UNKNOWN


def _sized(lo: Lowering, name: str, args: Args, keywords: Keywords, node: ast.AST) -> Type:
    """Return the type of numbers drawn one by one: of shape `size`, or that of the parameters."""
    real = name in REAL_DRAWS
    before = REAL_DRAWS[name] if real else WHOLE_DRAWS[name]
    dtype = FLOAT64 if real else INT64
    number = Type("np", INT64) if name == "integers" else PY_FLOAT if real else PY_INT
    asked = keywords.get("dtype")
    if asked is not None:
        dtype = np.dtype(lo.static(asked, node))  # type: ignore[call-overload]  # any object may name a dtype
        number = Type("np", dtype) if dtype not in (FLOAT64,) else number
    size = keywords.get("size", args[before] if len(args) > before else Const(None))
    if not is_none(size):
        return _shaped(lo, dtype, number, size)
    others = [*args[:before], *(v for k, v in keywords.items() if k not in ("size", "dtype", "endpoint", "method"))]
    shapes = [lo.type_of(a).dims if not isinstance(a, Node) else None for a in others]
    dims = lo.facts.broadcast_dims(*shapes) if all(s is not None for s in shapes) else None
    if dims is None:
        return Type("array", dtype, None)
    return number if dims == () else Type("array", dtype, dims)


def _shaped(lo: Lowering, dtype: np.dtype, number: Type, size: Value) -> Type:
    if is_none(size):
        return number
    dims = _dims(lo, size)
    return Type("array", dtype, dims)


def _dims(lo: Lowering, size: Value) -> tuple[Length, ...] | None:
    """Return the shape that an argument `size` gives; None if its rank is not known."""
    size = lo.current(size)
    if is_none(size):
        return ()
    items = size.children if isinstance(size, Node) else (size,)
    if not all(isinstance(i, Var | Const) and i.type.is_scalar for i in items):
        return None
    return tuple(length_of(lo.facts, i) for i in items if isinstance(i, Var | Const))


def _permuted(lo: Lowering, value: Value) -> Type:
    t = lo.type_of(value)
    if t.is_array:
        return t
    if isinstance(value, Var | Const) and t.is_scalar:
        return Type("array", INT64, (length_of(lo.facts, value),))
    return UNKNOWN


def _length_of_vector(lo: Lowering, value: Value) -> Length | None:
    if isinstance(value, Node):
        return len(value.children)
    dims = lo.type_of(value).dims
    return dims[0] if dims is not None and len(dims) == 1 else None
