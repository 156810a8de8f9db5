"""Lower ``target op= value``: arrays and lists change in place, everything else is bound anew."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Final

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
from adcompile.frontend.frames import Unresolved
from adcompile.frontend.nodes import walk
from adcompile.frontend.operators import BINARY, apply_binary
from adcompile.frontend.splitting import read_before
from adcompile.frontend.values import Flat, Method, Ref, Rows, Value
from adcompile.ir.core import Atom, Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

INDEX: Final = ".index"  # what the index of an item goes by that is read and stored to


def augment(lo: Lowering, stmt: ast.AugAssign) -> None:
    """Lower ``target op= value``: arrays change in place, everything else is bound anew."""
    op = BINARY.get(type(stmt.op))
    if op is None:
        lo.refuse(stmt, "this operator is not supported")
    assert op is not None
    match stmt.target:
        case ast.Name(id=name):
            current = lo.current(expressions.evaluate(lo, read_before(stmt) or stmt.target))
            right = expressions.evaluate(lo, stmt.value)
            new = augmented(lo, op, current, right, stmt)
            if new is not None:
                bind(lo, name, new)
            elif calls(stmt) and not is_same(lo, expressions.name_value(lo, name, stmt.target), current):
                bind(lo, name, lo.current(current))  # what is called has bound the name to something else
        case ast.Subscript():
            base = expressions.evaluate(lo, stmt.target.value)
            if isinstance(base, Flat):
                ref = elements.location(lo, base, expressions.evaluate(lo, stmt.target.slice), stmt.target)
                augment_part(lo, ref, op, stmt)
            elif isinstance(base, Ref) and not lo.is_list(base):
                augment_part(lo, location(lo, base, stmt.target), op, stmt)
            else:
                augment_item(lo, stmt, op, base)
        case ast.Attribute():
            base = expressions.evaluate(lo, stmt.target.value)
            before = read_before(stmt)
            if before is not None:
                current = lo.current(expressions.evaluate(lo, before))
            else:
                current = lo.current(access.attribute(lo, base, stmt.target.attr, stmt.target))
            new = augmented(lo, op, current, expressions.evaluate(lo, stmt.value), stmt)
            again = new is not None or objects.watches(base, stmt.target.attr)
            if not again and calls(stmt):
                now = access.attribute(lo, lo.current(base), stmt.target.attr, stmt.target)
                again = not is_same(lo, now, current)
            if again:
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
    """Lower ``items[k] op= value`` for a list, a dict or an object; `k` is evaluated once."""
    target = with_known_index(stmt)
    assert isinstance(stmt.target, ast.Subscript)
    if target is not stmt.target:
        lo.frame.names[INDEX] = expressions.evaluate(lo, stmt.target.slice)
    try:
        before = read_before(stmt)
        current = access.read_item(lo, base, target) if before is None else expressions.evaluate(lo, before)
        right = expressions.evaluate(lo, stmt.value)
        if registers.is_object(base):
            store_item(lo, target, base, registers.augmented(lo, op, current, right, stmt))
            return
        new = augmented(lo, op, current, right, stmt)
        base = lo.current(base)
        if new is None and not isinstance(stmt.target.slice, ast.Slice) and not objects.is_object(base):
            if not calls(stmt) or is_same(lo, access.read_item(lo, base, target), current):
                return
        new = lo.current(current) if new is None else new  # Python stores what was changed in place
        if isinstance(base, Ref):
            lists.store(lo, base, expressions.evaluate(lo, target.slice), new, stmt)
        else:
            store_item(lo, target, base, new)
    finally:
        lo.frame.names.pop(INDEX, None)


def calls(stmt: ast.AugAssign) -> bool:
    """Tell whether computing the value may change what the target stands for."""
    return read_before(stmt) is not None or mutating(stmt.value)


def mutating(node: ast.expr) -> bool:
    """Tell whether an expression may change what names and items stand for."""
    return any(isinstance(n, ast.Call | ast.NamedExpr) for n in walk(node))


@lru_cache(maxsize=4096)
def with_known_index(stmt: ast.AugAssign) -> ast.Subscript:
    """Return the target, with a name for the index if evaluating that again might make a difference."""
    target = stmt.target
    assert isinstance(target, ast.Subscript)
    if isinstance(target.slice, ast.Constant) or not (mutating(target.slice) or mutating(stmt.value)):
        return target
    index = ast.copy_location(ast.Name(INDEX, ast.Load()), target.slice)
    return ast.copy_location(ast.Subscript(target.value, index, target.ctx), target)


def is_same(lo: Lowering, one: Value, other: Value) -> bool:
    """Tell whether two values are the same array, list or object."""
    one, other = lo.current(one), lo.current(other)
    if isinstance(one, Node) and isinstance(other, Node):
        return one.identity == other.identity
    return one == other


def augment_part(lo: Lowering, ref: Ref, op: str, stmt: ast.AugAssign) -> None:
    """Lower ``a[i] op= value``, where Python reads ``a[i]`` first.

    That makes a difference where it is a number or a copy, not a view, and what `value` calls changes the array: there
    the function is lowered once more.
    """
    question, earlier = ("augmented", stmt), read_before(stmt)
    before = lo.cells[ref.cell]
    copied = lo.type_of(ref).dims == () or any(isinstance(step, str) and {*step} & {*"am"} for step in ref.path[-1:])
    old: Atom | None = lo.read(ref) if question in lo.resolved else None
    if earlier is not None and copied:
        old = lo.number(expressions.evaluate(lo, earlier), earlier)
    right = expressions.evaluate(lo, stmt.value)
    if old is None and copied and lo.cells[ref.cell] is not before:
        raise Unresolved(question)
    update_in_place(lo, ref, op, right, stmt, old if copied else None)


def update_in_place(
    lo: Lowering, ref: Ref, op: str, right: Value, stmt: ast.AugAssign, read: Atom | None = None
) -> None:
    """Store ``ref op right`` into an array, of which the value may have been read before."""
    old, before = lo.read(ref) if read is None else read, lo.facts.serial
    new = expressions.number(lo, apply_binary(lo, op, old, right, stmt), stmt)
    lo.assign_whole(ref, new, stmt)
    lo.facts.settle(new.type.dims, lo.type_of(ref).dims, before)  # it is stored now, so it has the shape of the array
