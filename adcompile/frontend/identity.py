"""Lower ``is``: of None, of True and False, of objects in pools, and of what is known when compiling."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from adcompile.frontend import expressions, pools
from adcompile.frontend.values import Ref, Value
from adcompile.ir.core import FALSE, UNDEFINED, Atom, Const, Var, is_none
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT
from adcompile.rules.opaque import UNKNOWN

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def same(lo: Lowering, left: Value, right: Value, node: ast.AST) -> Atom:
    """Return whether two values are one."""
    for a, b in ((left, right), (right, left)):
        if isinstance(a, Const) and isinstance(a.value, bool) and isinstance(b, Var) and b.type.is_numeric:
            if b.type.kind != "py" or b.type.dtype is not bool:
                return FALSE
            return b if a.value else expressions.negate(lo, b)
        if is_none(a) and isinstance(b, Var | Ref) and lo.type_of(b) in WHATEVER:
            return lo.builder.emit("absent", lo.atom(b))
    if lo.pools and (pools.is_placed(lo, left) or pools.is_placed(lo, right)):
        return pools.same(lo, left, right)
    return Const(identical(lo, left, right, node))


# Types of what unknown functions return, which may be None.
WHATEVER: Final = (UNKNOWN, OBJECT)

# Classes whose objects are no numbers, texts or containers.
MERE_OBJECTS: Final = (object, type(NotImplemented), type(Ellipsis), type)


def identical(lo: Lowering, left: Value, right: Value, node: ast.AST) -> bool:
    """Decide ``left is right`` for things whose identity is known."""
    for a, b in ((left, right), (right, left)):
        if is_none(a):
            if isinstance(b, Const):
                return b.value is None
            if lo.type_of(b).is_carried or not isinstance(b, Var):
                return False
        if isinstance(a, Const) and isinstance(a.value, bool) and lo.type_of(b).is_array:
            return False
        if isinstance(a, Const) and not isinstance(b, Const):
            if type(a.value) in MERE_OBJECTS and isinstance(b, Node | Ref):
                return False
            if not a.type.is_numeric and a is not UNDEFINED and isinstance(b, Var) and b.type.is_numeric:
                return False
    if isinstance(left, Node) and isinstance(right, Node) and left.identity and right.identity:
        return left.identity == right.identity
    if isinstance(left, Const) and isinstance(right, Const):
        return left.value is right.value
    lo.refuse(node, "`is` between these values is not known when compiling", "here", "compare with ==")
