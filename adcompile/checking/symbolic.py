"""A check of compiled derivatives against computer algebra, for straight-line code on scalars.

    y = np.log(x1) + x1*x2 - np.sin(x2)

The equations that the compiler made of the function are read as one formula, which sympy differentiates. The emitted
gradient is compiled once more, its equations are read as formulas too, and the two must be the same function: their
difference simplifies to zero, or, where sympy cannot decide that, vanishes to 30 digits at points around the
arguments. Finally the numbers that the compiled gradient returns must be the values of the formulas.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import sympy

from adcompile.api import from_source, grad
from adcompile.dispatch.signature import Signature, Transform
from adcompile.errors import ArgumentError, CompileError, DerivativeMismatch
from adcompile.example import example_call
from adcompile.ir.core import Atom, Const, Eqn, Var
from adcompile.transforms import custom

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowered

__all__ = ["compare"]

Formula: TypeAlias = sympy.Basic

# The value of each symbol.
Point: TypeAlias = Mapping[Formula, float]

_DIGITS: Final = 30
_POINTS: Final = 4
_RTOL: Final = 1e-9
_CONDITIONS: Final = (
    sympy.core.relational.Relational,
    sympy.logic.boolalg.BooleanFunction,
    sympy.logic.boolalg.BooleanAtom,
)
_EFFECTS: Final = ("print", "assert", "raise")


def compare(f: Callable[..., object], args: tuple[object, ...], argnums: int | Sequence[int] | None) -> bool:
    """Compare the formulas and the values of a gradient with sympy's; see `adcompile.check_symbolic`.

    Return whether all formulas were proved equal.
    """
    proved = True
    names = _names(f, args)
    chosen = _chosen(args, argnums)
    symbols = {names[i]: sympy.Symbol(names[i], real=True) for i in chosen}
    known = {name: symbols.get(name, value) for name, value in zip(names, args, strict=True)}
    formula = _formulas(_lower(f, args, chosen), known)
    if len(formula) != 1:
        raise ArgumentError(f"check_symbolic needs a function that returns one number, not {len(formula)}")
    derivative = grad(f, argnums=chosen)
    expected = [sympy.diff(formula[0], symbols[names[i]]) for i in chosen]
    point = {symbols[names[i]]: _float(args[i]) for i in chosen}
    for i, formula_of_entry in zip(chosen, _emitted(derivative.source_for(*args), args, chosen, known), strict=True):
        want = expected[chosen.index(i)]
        if sympy.simplify(formula_of_entry - want) == 0:
            continue
        proved = False
        if not all(_close(formula_of_entry, want, near) for near in _around(point)):
            raise DerivativeMismatch(f"the gradient for {names[i]} is {formula_of_entry}, sympy gives {want}")
    values = derivative(*args)
    assert isinstance(values, tuple)
    for i, value, want in zip(chosen, values, expected, strict=True):
        _compare(names[i], float(value), want, point)
    return proved


def _names(f: Callable[..., object], args: tuple[object, ...]) -> list[str]:
    names = list(inspect.signature(f).bind(*args).arguments)
    if len(names) != len(args):
        raise ArgumentError("check_symbolic needs a function without *args")
    for name, value in zip(names, args, strict=True):
        if not isinstance(value, int | float | np.generic | str | None):
            raise ArgumentError(f"check_symbolic needs scalar arguments, but {name} is {type(value).__name__}")
    return names


def _chosen(args: tuple[object, ...], argnums: int | Sequence[int] | None) -> tuple[int, ...]:
    if argnums is not None:
        return (argnums,) if isinstance(argnums, int) else tuple(argnums)
    chosen = tuple(i for i, a in enumerate(args) if isinstance(a, float | np.floating))
    if not chosen:
        raise ArgumentError("no argument is a float: there is nothing to check")
    return chosen


def _lower(f: Callable[..., object], args: tuple[object, ...], argnums: tuple[int, ...]) -> Lowered:
    """Return the equations of a function for these arguments."""
    signature = Signature(f, Transform("grad", argnums))
    function = signature.callee.function
    if function is None:
        raise ArgumentError(f"{signature.label} has no source: wrap it in a lambda")
    values = signature.bind(args, {})
    return example_call(function, values, signature.wrt, frozenset(signature.hidden)).lowered


def _float(value: object) -> float:
    assert isinstance(value, int | float | np.floating)
    return float(value)


def _emitted(
    source: str, args: tuple[object, ...], argnums: tuple[int, ...], known: Mapping[str, object]
) -> list[Formula]:
    """Read an emitted gradient as formulas."""
    name = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)][-1]
    again = from_source(source, name)
    return _formulas(_lower(again, args, argnums), {**known, "y_bar": 1.0})


# -- from equations to formulas


def _formulas(lowered: Lowered, known: Mapping[str, object]) -> list[Formula]:
    """Return the results of a lowered function as formulas of its parameters."""
    fn = custom.expand(lowered.function)
    captured = {v: capture.values()[v.name] for capture in lowered.captures for v in capture.used}
    env: dict[Var, Formula] = {}
    for var in fn.params:
        env[var] = _exact(captured[var] if var in captured else known.get(var.name, 1.0))
    for stmt in fn.primal:
        if not isinstance(stmt, Eqn):
            word = type(stmt).__name__.lower()
            raise CompileError(f"check_symbolic follows straight-line code only, not `{word}`", stmt.span)
        if stmt.prim not in _EFFECTS:
            env[stmt.out] = _apply(stmt, [_read(a, env) for a in stmt.args])
    return [_read(a, env) for a in fn.outs]


def _read(atom: Atom, env: Mapping[Var, Formula]) -> Formula:
    return _exact(atom.value) if isinstance(atom, Const) else env[atom]


def _exact(value: object) -> Formula:
    """Return a number as sympy has it: a float as the fraction that it is, famous constants as themselves."""
    for famous, symbol in ((math.pi, sympy.pi), (math.e, sympy.E)):
        if value == famous:
            return symbol
    if isinstance(value, bool | np.bool_):
        return sympy.true if value else sympy.false
    if isinstance(value, int | np.integer):
        return sympy.Integer(int(value))
    if isinstance(value, float | np.floating):
        return sympy.Rational(float(value)) if math.isfinite(value) else sympy.sympify(float(value))
    return value


def _apply(eqn: Eqn, args: list[Formula]) -> Formula:
    if eqn.prim == "index" and eqn.attrs == (("",),):
        return args[0]  # the number in an array without axes
    name = eqn.prim.removeprefix("np.").removeprefix("math.")
    function = _table().get(name)
    if function is None:
        raise CompileError(f"check_symbolic does not know the primitive {eqn.prim}", eqn.span)
    return function(*args)


def _number(condition: object) -> Formula:
    """Return a condition that takes part in arithmetic as 1 or 0."""
    logical = isinstance(condition, _CONDITIONS)
    return sympy.Piecewise((1, condition), (0, True)) if logical else condition


def _arithmetic(function: Callable[..., Formula]) -> Callable[..., Formula]:
    return lambda *args: function(*map(_number, args))


def _table() -> Mapping[str, Callable[..., Formula]]:
    """Return what each primitive means in sympy."""
    if not _TABLE:
        _TABLE.update(_operators() | _functions() | _choices())
    return _TABLE


_TABLE: Final[dict[str, Callable[..., Formula]]] = {}


def _operators() -> dict[str, Callable[..., Formula]]:
    arithmetic: dict[str, Callable[..., Formula]] = {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y,
        "floordiv": lambda x, y: sympy.floor(x / y),
        "mod": lambda x, y: x - y * sympy.floor(x / y),
        "pow": lambda x, y: x**y,
        "neg": lambda x: -x,
        "abs": sympy.Abs,
        "positive": lambda x: x,
        "acc": lambda x, g: x + g,
        "npdiv": lambda x, y: x / y,
    }
    other = {
        "subtract": "sub",
        "multiply": "mul",
        "divide": "div",
        "power": "pow",
        "float_power": "pow",
        "floor_divide": "floordiv",
        "remainder": "mod",
        "negative": "neg",
        "absolute": "abs",
        "fabs": "abs",
    }
    arithmetic |= {name: arithmetic[same] for name, same in other.items()}
    comparisons = {"lt": sympy.Lt, "le": sympy.Le, "gt": sympy.Gt, "ge": sympy.Ge, "eq": sympy.Eq, "ne": sympy.Ne}
    logic = {"and": sympy.And, "or": sympy.Or, "not": sympy.Not, "truth": lambda x: x}
    return {name: _arithmetic(f) for name, f in (arithmetic | comparisons).items()} | logic


def _functions() -> dict[str, Callable[..., Formula]]:
    own = ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "floor", "sign", "erf", "erfc", "gamma")
    renamed = {
        "asin": "asin",
        "acos": "acos",
        "atan": "atan",
        "arcsin": "asin",
        "arccos": "acos",
        "arctan": "atan",
        "arcsinh": "asinh",
        "arccosh": "acosh",
        "arctanh": "atanh",
        "asinh": "asinh",
        "acosh": "acosh",
        "atanh": "atanh",
        "atan2": "atan2",
        "arctan2": "atan2",
        "ceil": "ceiling",
        "lgamma": "loggamma",
    }
    functions = {name: getattr(sympy, name) for name in own}
    functions |= {name: getattr(sympy, other) for name, other in renamed.items()}
    functions |= {
        "square": lambda x: x**2,
        "reciprocal": lambda x: 1 / x,
        "cbrt": lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
        "exp2": lambda x: 2**x,
        "expm1": lambda x: sympy.exp(x) - 1,
        "log1p": lambda x: sympy.log(1 + x),
        "log2": lambda x: sympy.log(x) / sympy.log(2),
        "log10": lambda x: sympy.log(x) / sympy.log(10),
        "hypot": lambda x, y: sympy.sqrt(x**2 + y**2),
        "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    }
    return {name: _arithmetic(f) for name, f in functions.items()}


def _choices() -> dict[str, Callable[..., Formula]]:
    return {
        "where": lambda c, x, y: sympy.Piecewise((_number(x), c), (_number(y), True)),
        "maximum": _arithmetic(lambda x, y: sympy.Piecewise((x, x > y), (y, True))),
        "minimum": _arithmetic(lambda x, y: sympy.Piecewise((x, x < y), (y, True))),
        "astype": _number,
        "float": _number,
        "copy": lambda x: x,
    }


# -- comparison


def _around(point: Point) -> list[dict[Formula, Formula]]:
    """Return the point and a few next to it, as exact fractions."""
    found = []
    for k in range(_POINTS):
        shift = [(1 + ((k * 7 + j * 3) % 5) * 1e-3 * (k > 0)) for j in range(len(point))]
        found.append({s: sympy.Rational(float(x) * m) for (s, x), m in zip(point.items(), shift, strict=True)})
    return found


def _close(a: Formula, b: Formula, point: Mapping[Formula, Formula]) -> bool:
    left, right = (complex(x.subs(point).evalf(_DIGITS)) for x in (a, b))
    return abs(left - right) <= _RTOL * max(abs(left), abs(right)) + 1e-15


def _compare(name: str, value: float, want: Formula, point: Point) -> None:
    exact = {s: sympy.Rational(float(x)) for s, x in point.items()}
    number = complex(want.subs(exact).evalf(_DIGITS)).real
    if not abs(value - number) <= _RTOL * max(abs(value), abs(number)) + 1e-15:
        raise DerivativeMismatch(f"the gradient for {name} is {value:.17g}, sympy gives {number:.17g}")
