"""The rule registry: each primitive has one statement of its derivative, in one of four forms.

elementwise      partial derivatives as text: ``elementwise("np.tanh(x)", "1 - ans**2")``
linear           the adjoint, and the operands that the primitive is linear in; the tangent is the primitive itself
nonlinear        the tangent; the adjoint follows from it by transposition, or is given too where it is better
nondifferentiable  the derivative is zero almost everywhere, or the result is not a number

Adjoints and tangents are ordinary Python functions over NumPy that the frontend lowers into the program. They may
branch on ranks, axes and other things known when compiling, and call functions marked `static`. Axes are normalised:
each is from 0 to rank - 1. The reverse transform alone sums over broadcast axes and casts dtypes.
"""

from __future__ import annotations

import ast
import cmath
import math
from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

import numpy as np

from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import dataclass
from adcompile.rules.signature import operand_slots

Rule = Callable[..., object]
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Row:
    """Partial derivatives of an elementwise primitive, as expressions of its operands and its result `ans`.

    numpy   the primitive is a NumPy function, so its row divides as NumPy does, also on Python floats
    """

    head: str
    params: tuple[str, ...]
    partials: tuple[str, ...]
    numpy: bool

    def scaled(self, operand: int) -> ast.expr | None:
        """Return ``g * partial`` for the adjoint (or the tangent, with g its operand's tangent); None if it is zero."""
        return scaled(self.partials[operand])

    def singular(self, operand: int) -> bool:
        """Tell whether a partial derivative may be infinite where the function itself is finite."""
        return singular(self.partials[operand])


@dataclass(frozen=True, slots=True)
class Linearity:
    """In which operands (by position in the signature) a primitive is linear.

    jointly   linear in all of them together, as ``x + y`` is, rather than in each by itself, as ``x * y``
    """

    operands: tuple[int, ...]
    jointly: bool


ROWS: Final[dict[str, Row]] = {}
ADJOINTS: Final[dict[str, Rule]] = {}
TANGENTS: Final[dict[str, Rule]] = {}
LINEAR: Final[dict[str, Linearity]] = {}
ZERO: Final[set[str]] = set()
HOLOMORPHIC: Final[set[str]] = set()
REAL_VALUED: Final[dict[str, str]] = {}
SPECIAL: Final[dict[str, tuple[Callable[[tuple[Atom, ...]], bool], tuple[str, ...]]]] = {}
STATIC: Final[set[Callable[..., object]]] = set()

# What the names in the rows mean, besides the operands, ans and g.
SCOPE: Final[dict[str, object]] = {
    "np": np,
    "math": math,
    "cmath": cmath,
    "pi": math.pi,
    "LOG_2": math.log(2.0),
    "LOG2_E": 1.0 / math.log(2.0),
    "LOG10_E": 1.0 / math.log(10.0),
    "TWO_OVER_ROOT_PI": 2.0 / math.sqrt(math.pi),
    "DEGREES": 180.0 / math.pi,
    "RADIANS": math.pi / 180.0,
}


def static(f: F) -> F:
    """Mark a function that rules call when compiling.

    It receives the values of constants, tuples of what it may receive, and run-time operands as their `Var`.
    """
    STATIC.add(f)
    return f


@static
def refuse(message: str) -> None:
    """Refuse what a rule does not support."""
    raise TypeError(message)


def row(name: str, head: str, *partials: str) -> None:
    """State the partial derivatives of an elementwise primitive, in the order of its operands."""
    params = tuple(s.name for s in operand_slots(PRIMITIVES[name]))
    assert len(params) == len(partials), head
    ROWS[name] = Row(head, params, partials, "np." in head)


def linear(name: str, *operands: int, jointly: bool = False) -> Callable[[F], F]:
    """State the adjoint of a primitive that is linear in some of its operands (the first if none are named)."""

    def register(adjoint: F) -> F:
        LINEAR[name] = Linearity(operands or (0,), jointly)
        ADJOINTS[name] = adjoint
        return adjoint

    return register


def nonlinear(name: str) -> Callable[[F], F]:
    """State the tangent of a primitive: a function of (ans, operands, attributes, tangents of the operands or None)."""

    def register(tangent: F) -> F:
        TANGENTS[name] = tangent
        return tangent

    return register


def adjoint(name: str) -> Callable[[F], F]:
    """State the adjoint of a primitive: a function of (g, ans, operands, attributes).

    It returns the cotangent of the operand, or a tuple with one for each operand, None where there is none. For any
    number of operands (``*xs`` in the signature) it receives and returns a tuple.
    """

    def register(rule: F) -> F:
        ADJOINTS[name] = rule
        return rule

    return register


def like(name: str, other: str) -> None:
    """State that a primitive is the same mathematics as another."""
    for rules in (TANGENTS, ADJOINTS):
        if other in rules:
            rules[name] = rules[other]
    if other in HOLOMORPHIC:
        HOLOMORPHIC.add(name)


def nondifferentiable(*names: str) -> None:
    """State that the derivatives of primitives are zero, or that their results are not numbers."""
    ZERO.update(names)


def holomorphic(*names: str) -> None:
    """State that the rules of primitives hold for complex operands too."""
    HOLOMORPHIC.update(names)


def real_valued(name: str, partial: str) -> None:
    """State p in ``df = Re(p * dx)`` for a primitive with a row, for a complex operand and a real result."""
    REAL_VALUED[name] = partial


def special(name: str, test: Callable[[tuple[Atom, ...]], bool], *partials: str) -> None:
    """State simpler partial derivatives of a primitive with a row, for operands that pass a test."""
    SPECIAL[name] = test, partials


def holds_for_complex(prim: str) -> bool:
    """Tell whether the rule of a primitive holds for complex operands."""
    return prim in HOLOMORPHIC or prim in REAL_VALUED or (prim in LINEAR and prim not in ROWS)


def partial_of(prim: str, args: tuple[Atom, ...], operand: int) -> str:
    """Return the partial derivative of an elementwise primitive in one of these operands."""
    if prim in REAL_VALUED and complex_type(args[operand]):
        return REAL_VALUED[prim]
    if prim in SPECIAL and SPECIAL[prim][0](args):
        return SPECIAL[prim][1][operand]
    return ROWS[prim].partials[operand]


def complex_type(a: Atom) -> bool:
    """Tell whether a value is known to be complex."""
    dtype = a.type.dtype
    return dtype is complex or getattr(dtype, "kind", "") == "c"


@static
def is_complex(x: object) -> bool:
    """Tell whether a value is known to be complex."""
    return complex_type(x) if isinstance(x, Var | Const) else bool(np.iscomplexobj(np.asarray(x)))


def grouped(prim: str, args: tuple[Atom, ...]) -> list[Atom | tuple[Atom, ...]]:
    """Split an equation's operands as the signature names them: one atom a name, a tuple for a name with a star."""
    slots = operand_slots(PRIMITIVES[prim])
    extra = len(args) - len(slots) + 1
    out: list[Atom | tuple[Atom, ...]] = []
    rest = iter(args)
    for slot in slots:
        out.append(tuple(next(rest) for _ in range(extra)) if slot.many else next(rest))
    return out


def differentiable(prim: str) -> bool:
    """Tell whether a primitive has a derivative rule that is not zero."""
    return prim in ROWS or prim in ADJOINTS or prim in TANGENTS


# -- the text of rows


@cache
def scaled(partial: str) -> ast.expr | None:
    """Return ``g * partial`` with g moved to where it costs and rounds least: ``1 / x`` gives ``g / x``."""
    tree = ast.parse(partial, mode="eval").body
    if isinstance(tree, ast.Constant) and tree.value == 0:
        return None
    return ast.fix_missing_locations(times_g(tree))


def times_g(e: ast.expr) -> ast.expr:
    """Multiply an expression by g."""
    match e:
        case ast.Constant(value=1):
            return ast.Name("g", ast.Load())
        case ast.UnaryOp(op=ast.USub()):
            return ast.UnaryOp(ast.USub(), times_g(e.operand))
        case ast.BinOp(op=ast.Div() | ast.Mult()):
            return ast.BinOp(times_g(e.left), e.op, e.right)
    return ast.BinOp(ast.Name("g", ast.Load()), ast.Mult(), e)


@cache
def singular(partial: str) -> bool:
    """Tell whether an expression divides, takes a power that is not a positive number, or takes a logarithm."""
    for node in ast.walk(ast.parse(partial, mode="eval")):
        match node:
            case ast.BinOp(op=ast.Div(), right=divisor) if not isinstance(divisor, ast.Constant):
                return True
            case ast.BinOp(op=ast.Pow(), right=exponent) if not isinstance(exponent, ast.Constant):
                return True
            case ast.Call(func=ast.Attribute(attr="power" | "float_power" | "log" | "log2" | "log10")):
                return True
    return False
