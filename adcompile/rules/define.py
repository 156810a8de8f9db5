"""Definitions of primitives together with how users call them."""

from __future__ import annotations

import cmath
import math
import sys
from collections.abc import Callable
from typing import Final

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import PRIMITIVES, Cost, Infer, Primitive, Simplify, register
from adcompile.ir.types import Type
from adcompile.rules import simplify
from adcompile.rules.binding import Prepare, function
from adcompile.rules.lengths import described, is_integer
from adcompile.rules.promotion import ufunc_type
from adcompile.rules.table import row

UFUNC_OPTIONS: Final = ", ".join(
    ("out: no = None", "*", "where: no = True", "casting: no = 'same_kind'", "order: no = 'K'", "dtype: no = None")
)


def spelled(text: str) -> Callable[..., object]:
    """Return the function that a spelling names: np.linalg.norm, math.exp."""
    head, *rest = text.split(".")
    found: object = {"np": np, "math": math, "cmath": cmath}.get(head) or sys.modules[head]
    for part in rest:
        found = getattr(found, part)
    assert callable(found)
    return found


def primitive(
    name: str,
    infer: Infer,
    spelling: str,
    operands: str,
    attributes: str = "",
    *,
    usage: str = "",
    method: str = "",
    prepare: Prepare | None = None,
    simplification: Simplify | None = None,
    fold: Callable[..., object] | None = None,
    cost: Cost = "transcendental",
    shares: bool = False,
    allocates: bool = False,
    safe: bool = False,
    helper: Callable[..., object] | None = None,
) -> None:
    """Define a primitive. With `usage`, its spelling is a function that users call so, and `method` the like method."""
    n_attrs = attributes.count(",") + 1 if attributes else 0
    register(
        Primitive(
            name,
            infer,
            spelling,
            f"{operands}, {attributes}" if operands and attributes else operands or attributes,
            n_attrs,
            fold,
            simplification,
            cost,
            shares=shares,
            allocates=allocates,
            safe=safe,
            helper=helper,
        )
    )
    if usage:
        function(spelled(spelling), name, usage, prepare, spelling, method)


def ufunc_infer(ufunc: np.ufunc) -> Infer:
    """Make the inference of a ufunc."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        return ufunc_type(facts, ufunc, tuple(a.type for a in args))

    return infer


def scalar_infer(result: Type, integral: bool = False) -> Infer:
    """Make the inference of a function of numbers (or only of integers), which returns a Python number."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        for t in (a.type for a in args):
            if t.kind == "object" or t.dims not in ((), None):
                raise TypeError(f"this function takes a number, not {described(t)}")
            if t.kind == "array" and t.dims is None and t.dtype is not None:
                raise TypeError("this function takes a number, not an array of unknown shape")
            if integral and not is_integer(t):
                raise TypeError(f"this function takes integers, not {described(t)}")
        return result

    return infer


def elementwise(
    head: str, *partials: str, cost: Cost = "transcendental", name: str = "", also: Simplify | None = None
) -> None:
    """Define a ufunc and state its partial derivatives: ``elementwise("np.tanh(x)", "1 - ans**2")``."""
    spelling, _, operands = head.removesuffix(")").partition("(")
    f = spelled(spelling)
    assert isinstance(f, np.ufunc)
    bare = name or (f.__name__ if f.__name__ not in PRIMITIVES else spelling)
    primitive(
        bare,
        ufunc_infer(f),
        spelling,
        operands,
        usage=f"{operands}, /, {UFUNC_OPTIONS}",
        simplification=also or simplify.elementwise(bare),
        cost=cost,
        safe=True,
    )
    if partials:
        row(bare, head, *partials)
