"""The primitives that stand for calls with rules of their own, until these are put in their place.

custom    a call; see `adcompile.ir.custom`
stop      the operand, without its derivative
delta     zero, with the derivative of the operand
attach    the first operand, with the derivative of the second added to its own
pull      the first operands, with the derivative that a reverse rule gives
hook      a block of code for the adjoint of the operand
"""

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.custom import infer_custom
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import Primitive, register
from adcompile.ir.types import Type
from adcompile.rules.kernel import given, infer_from_attrs
from adcompile.rules.table import linear, nondifferentiable

Array = np.ndarray


def infer_same(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    t = args[0].type
    return Type(t.kind, t.dtype, t.dims, t.value)


def infer_delta(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    t = args[0].type
    return Type(t.kind, t.dtype, t.dims)


register(Primitive("custom", infer_custom, signature="*xs, call", n_attrs=1, cost="product"))
register(Primitive("stop", infer_same, cost="free", shares=True))
register(Primitive("delta", infer_delta, cost="arithmetic"))
register(Primitive("attach", infer_same, signature="x, x_dot", cost="free", shares=True))
register(
    Primitive(
        "pull",
        infer_from_attrs,
        signature="*xs, rule, results, operands, residuals, types",
        n_attrs=5,
        cost="free",
        shares=True,
    )
)
register(Primitive("hook", given(), signature="x, *read, block", n_attrs=1, effect=True, cost="free"))

nondifferentiable("stop", "hook")


@linear("delta")
def delta_adjoint(g: Array, ans: Array, x: Array) -> Array:
    return g


@linear("attach", 0, 1, jointly=True)
def attach_adjoint(g: Array, ans: Array, x: Array, x_dot: Array) -> tuple[Array, Array]:
    return g, g
