"""Result dtypes, by NumPy's own resolver (NEP 50): Python numbers take on the dtype of what they meet."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import cache
from typing import Final

import numpy as np

from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype
from adcompile.rules.lengths import broadcast

DType = np.dtype | None
Operand = type | np.dtype

PY_ORDER: Final = (bool, int, float, complex)
WEAKEST: Final = np.dtype(bool)
WIDEST: Final = np.dtype(complex)


def resolve(ufunc: np.ufunc, operands: tuple[Operand, ...]) -> np.dtype:
    """Return the dtype of a ufunc's first result. Python int, float and complex are weak among NumPy dtypes."""
    if all(isinstance(d, type) or d.metadata is None for d in operands):  # as nearly always
        return _resolved(ufunc, operands)
    return as_uncertain(_resolved(ufunc, tuple(map(certain, operands))), operands)


def certain(dtype: Operand) -> Operand:
    """Return a dtype without its metadata, which NumPy leaves out where it compares dtypes: a cache would too."""
    return dtype if isinstance(dtype, type) or dtype.metadata is None else np.dtype(dtype.type)


def as_uncertain(found: np.dtype, operands: tuple[Operand, ...]) -> np.dtype:
    """Return the dtype of a result, which may be real if all its complex operands may: see `rules.matrices`."""
    marks = [d.metadata for d in operands if isinstance(d, np.dtype) and d.kind == "c"]
    if found.kind != "c" or not marks or any(d is complex for d in operands) or not all(marks):
        return found
    return np.dtype(found, metadata=dict(marks[0] or {}))


@cache
def _resolved(ufunc: np.ufunc, operands: tuple[Operand, ...]) -> np.dtype:
    if all(isinstance(d, type) for d in operands):
        operands = tuple(np.dtype(d) for d in operands)
    strong = tuple(np.dtype(bool) if d is bool else d for d in operands)
    try:
        return ufunc.resolve_dtypes((*strong, *[None] * ufunc.nout))[ufunc.nin]
    except TypeError:
        names = " and ".join(np.dtype(d).name for d in operands)
        raise TypeError(f"np.{ufunc.__name__} does not take {names}") from None


def resolve_common(operands: tuple[Operand, ...]) -> np.dtype:
    """Return ``np.result_type`` of operands, with Python int, float and complex weak."""
    return as_uncertain(_resolved_common(tuple(map(certain, operands))), operands)


@cache
def _resolved_common(operands: tuple[Operand, ...]) -> np.dtype:
    if all(isinstance(d, type) for d in operands):
        return np.result_type(*operands)
    weak: dict[type, int | float | complex] = {int: 0, float: 0.0, complex: 0j}
    return np.result_type(*[weak[d] if isinstance(d, type) and d in weak else d for d in operands])


def readings(types: Iterable[Type]) -> list[tuple[Operand, ...]]:
    """List the operands' dtypes: one reading, or more where an operand is either a Python or a NumPy scalar."""
    choices: list[tuple[Operand, ...]] = []
    for t in types:
        assert t.dtype is not None
        choices.append((t.dtype,) if t.kind != "scalar" else weak_and_strong(t.dtype))
    return list(itertools.product(*choices))


def weak_and_strong(dtype: Operand) -> tuple[Operand, ...]:
    """Return the Python type that a scalar may have instead of its NumPy dtype, and that dtype."""
    kinds = {"b": bool, "i": int, "f": float, "c": complex}
    weak = kinds.get(np.dtype(dtype).kind)
    return (np.dtype(dtype),) if weak is None else (weak, np.dtype(dtype))


def ufunc_dtype(ufunc: np.ufunc, types: tuple[Type, ...]) -> DType:
    """Return the dtype of a ufunc's result; None if it is not known, and real."""
    if any(t.dtype is None for t in types):
        known = boolean_result(ufunc)
        if known is not None or not mixed_complex(types):
            return known
        result = resolve(ufunc, (WIDEST,) * len(types))
        return result if result.kind == "c" else None
    if "scalar" not in [t.kind for t in types]:
        return resolve(ufunc, tuple([t.dtype for t in types if t.dtype is not None]))
    return covering({resolve(ufunc, operands) for operands in readings(types)})


def common_dtype(types: tuple[Type, ...]) -> DType:
    """Return the dtype of an array made from all operands (``where``, ``concatenate``); see `ufunc_dtype`."""
    if any(t.dtype is None for t in types):
        return WIDEST if mixed_complex(types) else None
    return covering({resolve_common(operands) for operands in readings(types)})


def mixed_complex(types: Iterable[Type]) -> bool:
    """Tell whether one of some types is known to be complex."""
    return any((numpy_dtype(t) or WEAKEST).kind == "c" for t in types)


def covering(found: set[np.dtype]) -> DType:
    """Return the one dtype that a result may have; of several, one that is complex if it is, and else None.

    What is complex has a complex derivative, whatever its precision.
    """
    if len(found) == 1:
        return next(iter(found))
    return WIDEST if any(d.kind == "c" for d in found) else None


@cache
def boolean_result(ufunc: np.ufunc) -> DType:
    """Return bool for ufuncs whose result is boolean whatever the operands are."""
    results = {signature.split("->")[1] for signature in ufunc.types if "O" not in signature}
    return np.dtype(bool) if results == {"?"} else None


def ufunc_type(facts: Facts, ufunc: np.ufunc, types: tuple[Type, ...]) -> Type:
    """Return the type of a ufunc applied to operands: a NumPy scalar where the shape is ()."""
    if "object" in [t.kind for t in types]:
        return Type("object", None, None)
    dims = broadcast(facts, *[t.dims for t in types])
    return Type("np" if dims == () else "array", ufunc_dtype(ufunc, types), dims)


def strong(t: Type) -> Type:
    """Return the type that a number has once NumPy has made an array or NumPy scalar of it."""
    return Type("np" if t.dims == () else "array", numpy_dtype(t), t.dims) if t.is_numeric else t


def python_type(types: Iterable[Type]) -> type | None:
    """Return the widest of the operands' Python types, at least int; None if it is not known."""
    found = [t.dtype for t in types]
    known = [PY_ORDER.index(d) for d in found if isinstance(d, type)]
    return PY_ORDER[max(1, *known)] if len(known) == len(found) else None
