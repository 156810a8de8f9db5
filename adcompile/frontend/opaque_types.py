"""Types of the results of calls that are made as they are."""

from __future__ import annotations

import ast
import inspect
import io
import math
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend import draws
from adcompile.frontend.places import is_pure
from adcompile.frontend.values import Args, Iterable, Keywords, Value, is_static, static_value
from adcompile.ir.core import Const
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, PY_INT, TEXT, Type, numpy_dtype, type_of_value
from adcompile.rules.opaque import CLOCKS, ENVIRONMENT, PYTHON_DRAWS, UNKNOWN, loggers, within
from adcompile.rules.promotion import ufunc_type

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Name = tuple[str, str]


def annotated(f: object) -> Type:
    """Return the type that a function's annotation promises."""
    try:
        promised = inspect.signature(f, eval_str=True).return_annotation if callable(f) else UNKNOWN
    except (TypeError, ValueError, NameError):
        return UNKNOWN
    if promised in (float, int, bool, complex):
        return Type("py", promised)
    return OBJECT if promised is None else UNKNOWN


def result_of(lo: Lowering, f: object, place: Name, args: Args, keywords: Keywords, node: ast.AST) -> Type:
    """Return the type of a function's result."""
    module, name = place
    if module == "numpy.random":
        return draws.drawn(lo, name, args, keywords, node, False)
    if module in ("random", "time"):
        table = PYTHON_DRAWS if module == "random" else CLOCKS
        if (module, name) == ("random", "choice") and args:
            return item_type(lo, args[0]) or UNKNOWN
        return table.get(name, Type("object", f, None) if isinstance(f, type) else annotated(f))
    if f is open:
        return Type("object", io.IOBase, None)
    if place == ("logging", "getLogger"):
        return Type("object", loggers()[0], None)
    if place in ENVIRONMENT and all(isinstance(a, Const) and isinstance(a.value, str | None) for a in args):
        return TEXT
    if isinstance(f, type):
        return Type("object", f, None)
    if within(module, ("scipy.interpolate",)) and name.startswith("make_"):
        return Type("object", sys.modules["scipy.interpolate"].BSpline, None)
    if isinstance(f, np.ufunc):
        return ufunc_result(lo, f, args, node)
    if is_pure(f) and callable(f):
        return tried(lo, f, args, keywords)
    return annotated(f)


def item_type(lo: Lowering, value: Value) -> Type | None:
    """Return the type of the items of a sequence; None if they differ or it is not known."""
    value = lo.current(value)
    if isinstance(value, Iterable) and value.bounds is not None:
        return PY_INT
    if isinstance(value, Node) and value.children:
        found = {(lo.type_of(c).kind, lo.type_of(c).dtype) for c in value.children}
        kind, dtype = next(iter(found))
        return Type(kind, dtype) if len(found) == 1 and kind in ("py", "np") else None
    return None


def tried(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords) -> Type:
    """Return the type of a pure function's result: of what it gives for arguments like those of the example.

    Its dtype and number of axes are taken to depend on the kinds of the arguments, not on their values.
    """
    try:
        values = [_stand_in(lo, a) for a in args]
        named = {k: _stand_in(lo, v) for k, v in keywords.items()}
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = f(*values, **named)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, np.linalg.LinAlgError):
        return UNKNOWN
    t = type_of_value(result)
    if t.is_array and t.dims is not None:
        return Type("array", t.dtype, tuple(lo.facts.fresh(example_of(d)) for d in t.dims))
    return UNKNOWN if t.kind == "object" else Type(t.kind, t.dtype)


def _stand_in(lo: Lowering, value: Value) -> object:
    """Return a value of the type and, if it is known, the shape of an argument; raises TypeError if there is none."""
    value = lo.current(value)
    if is_static(value):
        return static_value(value)
    if isinstance(value, Node) and value.kind in ("tuple", "list"):
        items = [_stand_in(lo, c) for c in value.children]
        return tuple(items) if value.kind == "tuple" else items
    t = lo.type_of(value)
    dtype = numpy_dtype(t)
    if not t.is_numeric or dtype is None or t.dims is None:
        raise TypeError("nothing stands for this")
    if t.kind == "py" and isinstance(t.dtype, type):
        known = lo.static_int(value)
        return t.dtype(1) if known is None else known
    lengths = [example_of(lo.facts.find(d)) for d in t.dims]
    filled = np.linspace(1.0, 2.0, math.prod(3 if n is None else n for n in lengths)).astype(dtype)
    return filled.reshape([3 if n is None else n for n in lengths])[()]


def ufunc_result(lo: Lowering, f: np.ufunc, args: Args, node: ast.AST) -> Type:
    """Return the type of the result of a ufunc that is not NumPy's."""
    if f.nout != 1 or len(args) != f.nin or f.signature is not None:
        return UNKNOWN
    operands = tuple(lo.number(a, node).type for a in args)
    if any(t.kind == "object" for t in operands):
        return UNKNOWN
    try:
        found = ufunc_type(lo.facts, f, operands)
    except TypeError as error:
        lo.refuse(node, str(error), "here")
    return found
