"""The operators of the language: their types on Python numbers, NumPy scalars and arrays, and their folding."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, Length, combine
from adcompile.ir.primitives import Cost, Infer, Primitive, register
from adcompile.ir.types import OBJECT, PY_BOOL, Type, join, result_type
from adcompile.rules import simplify
from adcompile.rules.lengths import add, broadcast, require_same, show, subtract
from adcompile.rules.promotion import covering, python_type, readings, resolve, ufunc_dtype, ufunc_type

UFUNCS: Final[dict[str, np.ufunc]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "neg": np.negative,
    "abs": np.absolute,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "bitand": np.bitwise_and,
    "bitor": np.bitwise_or,
    "bitxor": np.bitwise_xor,
    "invert": np.invert,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
COMPARISONS: Final = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
BITWISE: Final = frozenset({"bitand", "bitor", "bitxor"})
INTEGRAL: Final = BITWISE | {"invert", "lshift", "rshift"}

PYTHON: Final[dict[str, Callable[..., object]]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "neg": operator.neg,
    "abs": operator.abs,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "bitand": operator.and_,
    "bitor": operator.or_,
    "bitxor": operator.xor,
    "invert": operator.invert,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
}

LENGTHS: Final[dict[str, Callable[[Length, Length], Length]]] = {
    "add": add,
    "sub": subtract,
    "mul": lambda a, b: combine("*", (a, b)),
    "floordiv": lambda a, b: combine("//", (a, b)),
    "mod": lambda a, b: combine("%", (a, b)),
}


def operator_infer(name: str) -> Infer:
    """Make the inference of an operator."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        types = tuple([a.type for a in args])
        kinds = {t.kind for t in types}
        if "object" in kinds:
            compared = name in COMPARISONS and any(t.is_text for t in types)
            return PY_BOOL if compared and not any(t.is_array for t in types) else OBJECT
        if kinds == {"py"}:
            return python_result(name, types)
        if "np" in kinds or "array" in kinds:
            return ufunc_type(facts, UFUNCS[name], types)
        return Type("scalar", scalar_dtype(UFUNCS[name], types))

    return infer


def scalar_dtype(ufunc: np.ufunc, types: tuple[Type, ...]) -> np.dtype | None:
    """Return the dtype of operands of which at least one may be a Python or a NumPy scalar, if some are NumPy's."""
    if any(t.dtype is None for t in types):
        return ufunc_dtype(ufunc, types)
    mixed = [r for r in readings(types) if not all(isinstance(d, type) for d in r)]
    return covering({resolve(ufunc, r) for r in mixed})


def python_result(name: str, types: tuple[Type, ...]) -> Type:
    """Return the type of an operator applied to Python numbers."""
    if name in COMPARISONS:
        if name not in ("eq", "ne") and any(t.dtype is complex for t in types):
            raise TypeError("complex numbers have no order")
        return PY_BOOL
    dtype = python_type(types)
    if name in ("floordiv", "mod") and dtype is complex:
        raise TypeError("// and % do not take complex numbers")
    if name in INTEGRAL:
        if dtype in (float, complex):
            raise TypeError(f"bitwise operators do not take {dtype.__name__}")
        return PY_BOOL if name in BITWISE and all(t.dtype is bool for t in types) else Type("py", int)
    if name == "div":
        return Type("py", float if dtype is int else dtype)
    if name == "pow" and dtype is int:
        return Type("py", int if types[1].dtype is bool else integer_power(types[1].value))
    if name == "abs" and dtype is complex:
        return Type("py", float)
    return Type("py", dtype, (), length_value(name, types) if dtype is int else None)


def integer_power(exponent: Length | None) -> type | None:
    """Return the type of int ** int: float if the exponent is negative, unknown if its sign is."""
    if isinstance(exponent, int):
        return int if exponent >= 0 else float
    return int if exponent is not None and exponent.op in ("axis", "slice") else None


def length_value(name: str, types: tuple[Type, ...]) -> Length | None:
    """Return the length that arithmetic on lengths gives."""
    values = [t.value for t in types]
    if None in values:
        return None
    known = [v for v in values if v is not None]
    if name == "neg":
        return subtract(0, known[0])
    return LENGTHS[name](*known) if name in LENGTHS else None


def operator_fold(name: str) -> Callable[..., object]:
    """Make the folding of an operator: Python numbers only, and only what is quick and stays real."""
    apply = PYTHON[name]

    def fold(*values: object) -> object:
        plain = (bool, int, float, complex, *((str, type(None)) if name in ("eq", "ne") else ()))
        if not all(type(v) in plain for v in values):
            raise TypeError("not a number")
        if name in ("pow", "lshift") and not small(values):
            raise ValueError("too large to compute when compiling")
        result = apply(*values)
        if type(result) is complex and complex not in map(type, values):
            raise ValueError("a complex power of real numbers")
        return result

    return fold


def small(values: tuple[object, ...]) -> bool:
    """Tell whether a power or shift of these numbers has at most a few hundred digits."""
    base, exponent = values
    if not isinstance(base, int) or not isinstance(exponent, int):
        return True
    return abs(exponent) * max(1, base.bit_length()) <= 1000


def logical_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ``x and y``, ``x or y``: one of the operands."""
    x, y = (a.type for a in args)
    return join(facts, x, y)


def truth_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ``not x``, ``bool(x)`` and ``x is None``."""
    return PY_BOOL


def fold_and(x: object, y: object) -> object:
    return x and y


def fold_or(x: object, y: object) -> object:
    return x or y


def matmul_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ``x @ y``."""
    s, t = (a.type for a in args)
    if "object" in (s.kind, t.kind):
        return OBJECT
    dtype = ufunc_dtype(np.matmul, (s, t))
    if s.dims is None or t.dims is None:
        return Type("array", dtype, None)
    if not s.dims or not t.dims:
        raise TypeError("@ needs arrays with at least one dimension")
    inner = t.dims[-1] if len(t.dims) == 1 else t.dims[-2]
    require_same(facts, s.dims[-1], inner, f"the product of shapes {show(s.dims)} and {show(t.dims)}")
    batch = broadcast(facts, s.dims[:-2], t.dims[:-2])
    assert batch is not None
    return result_type(dtype, batch + s.dims[:-1][-1:] + (t.dims[-1:] if len(t.dims) > 1 else ()))


def npdiv_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer np.divide."""
    return ufunc_type(facts, np.true_divide, tuple(a.type for a in args))


def _register_operators() -> None:
    costs: dict[str, Cost] = {"div": "division", "floordiv": "division", "mod": "division", "pow": "transcendental"}
    for name, ufunc in UFUNCS.items():
        register(
            Primitive(
                name,
                operator_infer(name),
                signature="x" if ufunc.nin == 1 else "x, y",
                fold=operator_fold(name),
                simplify=simplify.elementwise(name),
                cost=costs.get(name, "arithmetic"),
            )
        )
    register(
        Primitive(
            "matmul", matmul_infer, signature="x, y", simplify=simplify.negation_outward("matmul", 2), cost="product"
        )
    )
    register(Primitive("npdiv", npdiv_infer, "np.divide", "x, y", simplify=simplify.npdiv, cost="division"))
    register(Primitive("and", logical_infer, signature="x, y", fold=fold_and, cost="arithmetic"))
    register(Primitive("or", logical_infer, signature="x, y", fold=fold_or, cost="arithmetic"))
    register(Primitive("not", truth_infer, fold=operator.not_, cost="arithmetic"))
    register(Primitive("truth", truth_infer, fold=bool, simplify=simplify.truth, cost="arithmetic"))
    register(Primitive("absent", truth_infer, fold=lambda x: x is None, cost="free", safe=True))


_register_operators()
