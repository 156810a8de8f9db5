"""Lower ``target op= value``: arrays and lists change in place, everything else is bound anew."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from adcompile.frontend import (
    access,
    application,
    containers,
    elements,
    expressions,
    lists,
    objects,
    overloading,
    registers,
)
from adcompile.frontend.assignment import bind, location, store_attribute, store_item
from adcompile.frontend.operators import BINARY, apply_binary
from adcompile.frontend.values import Flat, Method, Ref, Rows, Value
from adcompile.ir.core import Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def augment(lo: Lowering, stmt: ast.AugAssign) -> None:
    """Lower ``target op= value``: arrays change in place, everything else is bound anew."""
    op = BINARY.get(type(stmt.op))
    if op is None:
        lo.refuse(stmt, "this operator is not supported")
    assert op is not None
    match stmt.target:
        case ast.Name(id=name):
            current = lo.current(expressions.name_value(lo, name, stmt.target))
            right = expressions.evaluate(lo, stmt.value)
            new = augmented(lo, op, current, right, stmt)
            if new is not None:
                bind(lo, name, new)
        case ast.Subscript():
            base = expressions.evaluate(lo, stmt.target.value)
            if isinstance(base, Flat):
                ref = elements.location(lo, base, expressions.evaluate(lo, stmt.target.slice), stmt.target)
                update_in_place(lo, ref, op, expressions.evaluate(lo, stmt.value), stmt)
            elif isinstance(base, Ref) and not lo.is_list(base):
                ref = location(lo, base, stmt.target)
                update_in_place(lo, ref, op, expressions.evaluate(lo, stmt.value), stmt)
            else:
                augment_item(lo, stmt, op, base)
        case ast.Attribute():
            base = expressions.evaluate(lo, stmt.target.value)
            current = lo.current(access.attribute(lo, base, stmt.target.attr, stmt.target))
            new = augmented(lo, op, current, expressions.evaluate(lo, stmt.value), stmt)
            if new is not None or objects.watches(base, stmt.target.attr):
                store_attribute(lo, stmt.target, lo.current(base), lo.current(current) if new is None else new)
        case _:
            lo.refuse(stmt.target, "this assignment target is not supported", "here", "assign to names or items")


def augmented(lo: Lowering, op: str, current: Value, right: Value, stmt: ast.AugAssign) -> Value | None:
    """Lower the operation of ``x op= right``; return what is to be bound anew, None if `current` changed in place."""
    own = objects.special(lo, current, f"__i{overloading.METHODS[op][0][2:]}", [right], stmt)
    if own is not None and not (isinstance(own, Const) and own.value is NotImplemented):
        return own
    if isinstance(current, Rows) or (isinstance(current, Ref) and lo.is_list(current)):
        if op != "add":
            lo.refuse(stmt, "this operation on a list is not supported in place", "here")
        application.call_method(lo, Method(current, "extend"), [right], {}, stmt)
        return None
    if isinstance(current, Ref):
        update_in_place(lo, current, op, right, stmt)
        return None
    if isinstance(current, Node) and current.kind in ("list", "dict"):
        if containers.update_in_place(lo, op, current, right, stmt):
            return None
    return apply_binary(lo, op, current, right, stmt)


def augment_item(lo: Lowering, stmt: ast.AugAssign, op: str, base: Value) -> None:
    """Lower ``items[k] op= value`` for a list or dict."""
    assert isinstance(stmt.target, ast.Subscript)
    current = access.read_item(lo, base, stmt.target)
    right = expressions.evaluate(lo, stmt.value)
    if registers.is_object(base):
        store_item(lo, stmt.target, base, registers.augmented(lo, op, current, right, stmt))
        return
    new = augmented(lo, op, current, right, stmt)
    if new is None and not isinstance(stmt.target.slice, ast.Slice) and not objects.is_object(base):
        return
    new = lo.current(current) if new is None else new  # Python stores what was changed in place
    base = lo.current(base)
    if isinstance(base, Ref):
        lists.store(lo, base, expressions.evaluate(lo, stmt.target.slice), new, stmt)
    else:
        store_item(lo, stmt.target, base, new)


def update_in_place(lo: Lowering, ref: Ref, op: str, right: Value, stmt: ast.AugAssign) -> None:
    old, before = lo.read(ref), lo.facts.serial
    new = expressions.number(lo, apply_binary(lo, op, old, right, stmt), stmt)
    lo.assign_whole(ref, new, stmt)
    lo.facts.settle(new.type.dims, lo.type_of(ref).dims, before)  # it is stored now, so it has the shape of the array
