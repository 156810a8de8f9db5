"""The math module and the builtins of numbers, on Python floats and NumPy scalars.

A function of math has the row of its NumPy counterpart, with math in place of np.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, Var
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import PRIMITIVES, Cost, Simplify
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, PY_BOOL, PY_FLOAT, PY_INT, Type, join, result_type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro, method_of
from adcompile.rules.define import primitive, scalar_infer
from adcompile.rules.elementwise import POWER
from adcompile.rules.lengths import described
from adcompile.rules.promotion import ufunc_dtype
from adcompile.rules.table import ROWS, adjoint, linear, nondifferentiable, nonlinear, row, static

# NumPy's names of functions that math calls otherwise.
RENAMED: Final = {
    **{f"arc{f}": f"a{f}" for f in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    "absolute": "fabs",
    "power": "pow",
}


def from_numpy(name: str, numpy_name: str, cost: Cost) -> None:
    """Define a function of math by the row of its NumPy counterpart."""
    source = ROWS[numpy_name]
    operands = ", ".join(source.params)
    define(name, operands, cost=cost)
    row(f"math.{name}", f"math.{name}({operands})", *map(in_math, source.partials))


def in_math(partial: str) -> str:
    """Write a partial derivative with the functions of math, where it has them."""

    def renamed(match: re.Match[str]) -> str:
        bare = RENAMED.get(match[1], match[1])
        return f"math.{bare}" if hasattr(math, bare) and bare != "pow" else match[0]

    return re.sub(r"\bnp\.(\w+)", renamed, partial)


def define(
    name: str, operands: str = "x", result: Type = PY_FLOAT, cost: Cost = "transcendental", integral: bool = False
) -> None:
    """Define a function of math."""
    primitive(
        f"math.{name}", scalar_infer(result, integral), f"math.{name}", operands, usage=f"{operands}, /", cost=cost
    )


for _name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "exp2", "expm1", "log2", "log10", "log1p", "cbrt"):
    from_numpy(_name, _name, "transcendental")
for _name in ("arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh"):
    from_numpy(RENAMED[_name], _name, "transcendental")
for _name in ("sqrt", "hypot", "fmod"):
    from_numpy(_name, _name, "division")
for _name in ("fabs", "copysign", "degrees", "radians"):
    from_numpy(_name, _name, "arithmetic")

define("pow", "x, y")
row("math.pow", "math.pow(x, y)", *POWER)
define("erf")
row("math.erf", "math.erf(x)", "TWO_OVER_ROOT_PI * math.exp(-x**2)")
define("erfc")
row("math.erfc", "math.erfc(x)", "-TWO_OVER_ROOT_PI * math.exp(-x**2)")

primitive("math.log", scalar_infer(PY_FLOAT), "math.log", "x")
row("math.log", "math.log(x)", "1 / x")
primitive("math.log_base", scalar_infer(PY_FLOAT), "math.log", "x, base")
row("math.log_base", "math.log(x, base)", "1 / (x * math.log(base))", "-ans / (base * math.log(base))")


def choose_log(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell log(x) from log(x, base)."""
    if len(args) == 2:
        return Binding("math.log", "math.log_base", "x, base, /")
    return Binding("math.log", "math.log", "x, /")


FUNCTIONS[math.log] = Binding("math.log", choose=choose_log)

for _name in ("floor", "ceil", "trunc"):
    define(_name, result=PY_INT, cost="arithmetic")
for _name in ("isnan", "isinf", "isfinite"):
    define(_name, result=PY_BOOL, cost="arithmetic")
for _name in ("gcd", "lcm", "comb"):
    define(_name, "x, y", PY_INT, "arithmetic", integral=True)
define("isqrt", "x", PY_INT, "arithmetic", integral=True)
nondifferentiable(*(n for n in PRIMITIVES if n.startswith("math.") and n not in ROWS))


# -- distances: the derivative is 0 where they are

_hypot = FUNCTIONS[math.hypot]
primitive("hypot_of", scalar_infer(PY_FLOAT), "math.hypot", "*xs", cost="division")


def choose_hypot(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell two coordinates from any other number."""
    return _hypot if len(args) == 2 else Binding("math.hypot", "hypot_of", "*xs: operands")


FUNCTIONS[math.hypot] = Binding("math.hypot", choose=choose_hypot)


@nonlinear("hypot_of")
def hypot_tangent(ans: float, xs: tuple[float, ...], dots: tuple[float | None, ...]) -> float:
    total = 0.0
    for x, x_dot in zip(xs, dots, strict=True):
        if x_dot is not None:
            total = total + x * x_dot
    return total / (ans + (ans == 0))


@adjoint("hypot_of")
def hypot_adjoint(g: float, ans: float, xs: tuple[float, ...]) -> tuple[float, ...]:
    share = g / (ans + (ans == 0))
    return tuple([share * x for x in xs])


# -- builtins


def already(t: Type) -> Simplify:
    """Make the simplification of a conversion to a type that the operand has."""
    return lambda b, args, attrs: args[0] if (args[0].type.kind, args[0].type.dtype) == (t.kind, t.dtype) else None


primitive(
    "float", scalar_infer(PY_FLOAT), "float", "x", fold=float, simplification=already(PY_FLOAT), cost="arithmetic"
)
primitive("int", scalar_infer(PY_INT), "int", "x", fold=int, simplification=already(PY_INT), cost="arithmetic")
nondifferentiable("int")
function(abs, "abs", "x, /")
function(pow, "pow", "base, exp, mod: no = None")
function(float, "float", "x, /")
function(int, "int", "x, /")
function(bool, "truth", "x, /")


@linear("float")
def float_adjoint(g: np.ndarray, ans: float, x: np.ndarray) -> np.ndarray:
    return g


def item_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ``x.item()``."""
    t = args[0].type
    if t.dims not in ((), None):
        raise TypeError("item() is supported for numbers and 0-d arrays")
    kinds = {"f": float, "i": int, "u": int, "b": bool, "c": complex}
    return Type("py", None if t.dtype is None else kinds.get(np.dtype(t.dtype).kind))


primitive("item", item_infer, "", "x", cost="arithmetic")
method_of("item", "item", "x, /")


@linear("item")
def item_adjoint(g: np.ndarray, ans: float, x: np.ndarray) -> np.ndarray:
    return g


def round_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the builtin round."""
    t = args[0].type
    if t.kind == "object" or t.dims not in ((), None):
        raise TypeError(f"round takes a number, not {described(t)}; use np.round for arrays")
    if attrs[0] is None:
        return PY_INT
    return Type("py", int) if t.kind == "py" and t.dtype is bool else Type(t.kind, t.dtype)


primitive("round", round_infer, "round", "x", "ndigits=None", fold=round, cost="arithmetic")
function(round, "round", "number, ndigits: static = None")
nondifferentiable("round")


# -- min, max, sum


def extremum_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the builtins min and max: of numbers, or of the elements of one array."""
    types = [a.type for a in args]
    if len(types) == 1:
        if not types[0].is_array or types[0].rank != 1:
            raise TypeError(f"min and max take numbers or one array of rank 1, not {described(types[0])}")
        return Type("np", types[0].dtype)
    found = types[0]
    for t in types[1:]:
        found = join(facts, found, t)
    if found.kind in ("object", "array"):
        raise TypeError("min and max take numbers; use np.minimum and np.maximum for arrays")
    return found


def fold_extremum(f: Callable[..., object]) -> Callable[..., object]:
    """Make the folding of min or max: Python numbers only."""

    def fold(*values: object) -> object:
        if len(values) < 2 or not all(type(v) in (bool, int, float) for v in values):
            raise TypeError("not numbers")
        return f(*values)

    return fold


for _builtin in (min, max):
    primitive(
        f"builtin_{_builtin.__name__}",
        extremum_infer,
        _builtin.__name__,
        "*xs",
        fold=fold_extremum(_builtin),
        cost="arithmetic",
    )
    function(_builtin, f"builtin_{_builtin.__name__}", "*xs: items, key: no = None, default: no = None")


@nonlinear("builtin_max")
@nonlinear("builtin_min")
def extremum_tangent(ans: float, xs: tuple[float, ...], dots: tuple[float | None, ...]) -> object:
    """Ties share equally."""
    if len(xs) == 1:
        ties = xs[0] == ans
        return np.sum(np.where(ties, np.asarray(dots[0]), 0.0)) / np.count_nonzero(ties)
    total = 0.0
    for x, x_dot in zip(xs, dots, strict=True):
        if x_dot is not None:
            total = total + (x_dot if x == ans else 0.0)
    return total / total_of(equalities(xs, ans))


@adjoint("builtin_max")
@adjoint("builtin_min")
def extremum_adjoint(g: float, ans: float, xs: tuple[float, ...]) -> object:
    if len(xs) == 1:
        ties = xs[0] == ans
        return (g / np.count_nonzero(ties) * ties,)  # one cotangent for each of xs
    equal = equalities(xs, ans)
    share = g / total_of(equal)
    return tuple([share * e for e in equal])


def equalities(xs: tuple[float, ...], value: float) -> list[float]:
    """Tell which numbers equal a value, by 1 and 0: as truth values of NumPy they are slow to compute with."""
    equal: list[float] = [x == value for x in xs]
    return equal if python_numbers(xs) else [1.0 if e else 0.0 for e in equal]


def total_of(equal: list[float]) -> float:
    n = equal[0]
    for e in equal[1:]:
        n = n + e
    return n


@static
def python_numbers(xs: tuple[object, ...]) -> bool:
    """Tell whether all are Python numbers, whose truth values add up to an int."""
    return all(x.type.kind == "py" if isinstance(x, Var) else type(x) in (int, float) for x in xs)


def builtin_sum_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the builtin sum of the elements of one array."""
    t = args[0].type
    if t.kind == "object" or not t.is_array:
        return OBJECT
    dtype = ufunc_dtype(np.add, (PY_INT, t))
    return Type("array", dtype, None) if t.dims is None else result_type(dtype, t.dims[1:])


primitive("builtin_sum", builtin_sum_infer, "sum", "x")


@linear("builtin_sum")
def builtin_sum_adjoint(g: np.ndarray, ans: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.broadcast_to(g, x.shape)


def sum_of_items(xs: tuple[float, ...], start: float = 0) -> float:
    """What the builtin sum means for a tuple or list."""
    for x in xs:
        start = start + x
    return start


def choose_sum(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the sum of an array's elements from that of a container's."""
    if len(args) == 1 and not isinstance(args[0], Node | Const) and not kwargs:
        return Binding("sum", "builtin_sum", "x, /")
    return Binding("sum", macro=sum_of_items)


FUNCTIONS[sum] = Binding("sum", choose=choose_sum)


@macro(divmod)
def divmod_parts(x: float, y: float) -> tuple[float, float]:
    """Divide with remainder."""
    return x // y, x % y
