"""Lower assignments: of names, items, attributes and tuples of them; and `del`."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import (
    access,
    application,
    calls,
    containers,
    elements,
    expressions,
    iteration,
    lists,
    objects,
    picking,
    pooling,
    prelude,
    registers,
    rows,
    tables,
)
from adcompile.frontend.desugar import ENDED, RETURNED
from adcompile.frontend.frames import Frame, is_outside
from adcompile.frontend.optionals import used
from adcompile.frontend.paths import PARTS
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Flat, Ref, Rows, Slice, Value, is_static
from adcompile.ir.core import UNDEFINED, Const, Var
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


SHORT: Final = 16  # an array of more items is not taken apart item by item


def assign(lo: Lowering, target: ast.expr, value: Value) -> None:
    """Bind a target to a value."""
    match target:
        case ast.Name():
            bind(lo, target.id, value)
        case ast.Tuple() | ast.List():
            unpack(lo, target, used(lo, value, target))
        case ast.Subscript():
            store(lo, target, value)
        case ast.Attribute():
            store_attribute(lo, target, expressions.evaluate(lo, target.value), value)
        case _:
            lo.refuse(target, "this assignment target is not supported", "here", "assign to names, tuples or items")


def bind(lo: Lowering, name: str, value: Value, frame: Frame | None = None) -> None:
    """Give a value a name, which emitted code will keep if the value has no other."""
    owner = frame or lo.frame
    if owner.node is not None and isinstance(owner.scope, Source) and is_outside(owner, name):
        registers.store_name(lo, lo.looked_up_by(owner.scope, name), name, value, owner.node)
        return
    lo.assign_name(owner, name, value)
    if name == RETURNED and lo.catchers:
        lo.frame.names[ENDED] = value
    var = value if isinstance(value, Var) else lo.cells[value.cell] if isinstance(value, Ref) else None
    if var is not None and var not in lo.names and not name.startswith(".") and not lo.frame.rule:
        lo.names[var] = _numbered(lo, var, name)


def _numbered(lo: Lowering, var: Var, name: str) -> str:
    """Return a name, with a number if `var` is an argument and another argument has the name.

    The weight of each layer that a loop visits is `weight` in the loop; they become weight, weight_1, ...
    """
    params = lo.builder.params
    if params.get(var.name) is not var:
        return name
    taken = {lo.names.get(p) for p in params.values()}
    return next(n for n in itertools.chain([name], (f"{name}_{k}" for k in itertools.count(1))) if n not in taken)


def unpack(lo: Lowering, target: ast.Tuple | ast.List, value: Value) -> None:
    starred = [i for i, e in enumerate(target.elts) if isinstance(e, ast.Starred)]
    n = len(target.elts)
    if starred and isinstance(array := lo.current(value), Ref | Rows) and not is_short(lo, array, target):
        items = around_star(lo, array, starred[0], n - starred[0] - 1, target)
        for element, item in zip(target.elts, items, strict=True):
            assign(lo, element.value if isinstance(element, ast.Starred) else element, item)
        return
    items = expressions.items_of(lo, value, target, None if starred else n)
    if starred:
        k = starred[0]
        after = n - k - 1
        if len(items) < n - 1:
            lo.refuse(target, f"{len(items)} values cannot be unpacked into {n - 1} or more names", "here")
        rest: Value = lo.container("list", items[k : len(items) - after])
        items = [*items[:k], rest, *items[len(items) - after :]]
    elif len(items) != n:
        lo.refuse(target, f"{len(items)} values cannot be unpacked into {n} names", "here")
    for element, item in zip(target.elts, items, strict=True):
        assign(lo, element.value if isinstance(element, ast.Starred) else element, item)


def is_short(lo: Lowering, values: Ref | Rows, node: ast.AST) -> bool:
    """Tell whether the items of an array are so few, in the example, that they are taken one by one."""
    found = iteration.iterable(lo, values, node)
    if isinstance(found, list):
        return True
    length = found.count().type.value
    n = None if length is None else example_of(lo.facts.find(length))
    return n is not None and n <= SHORT


def around_star(lo: Lowering, values: Ref | Rows, before: int, after: int, node: ast.AST) -> list[Value]:
    """Return what the names in ``a, *b, c = values`` are assigned."""

    def item(k: int) -> Value:
        return calls.in_python(lo, prelude.item, [values, Const(k)], node)

    rest = calls.in_python(lo, prelude.between, [values, Const(before), Const(after)], node)
    return [*map(item, range(before)), rest, *map(item, range(-after, 0))]


def store(lo: Lowering, target: ast.Subscript, value: Value) -> None:
    """Lower ``a[i] = value``."""
    owner = objects.whose_attributes(lo, target.value)
    if owner is not None:
        name = lo.static(expressions.evaluate(lo, target.slice), target)
        objects.assign(lo, owner, str(name), value, target, raw=True)
        return
    base = expressions.evaluate(lo, target.value)
    if isinstance(base, Flat):
        ref = elements.location(lo, base, expressions.evaluate(lo, target.slice), target)
        lo.write(ref, expressions.number(lo, value, target), target)
        return
    if isinstance(base, Rows):
        rows.store(lo, base, expressions.evaluate(lo, target.slice), value, target)
        return
    if not isinstance(base, Ref):
        store_item(lo, target, base, value)
        return
    if lo.is_list(base):
        lists.store(lo, base, expressions.evaluate(lo, target.slice), value, target)
        return
    ref = location(lo, base, target)
    lo.write(ref, expressions.number(lo, value, target), target)


def store_attribute(lo: Lowering, target: ast.Attribute, base: Value, value: Value) -> None:
    """Lower ``base.name = value``."""
    if objects.is_object(base):
        assert isinstance(base, Node)
        objects.assign(lo, base, target.attr, value, target)
        return
    if isinstance(base, Ref) and target.attr in PARTS and not lo.is_list(base):
        part = access.part(lo, base, target.attr, target)
        assert isinstance(part, Ref)
        lo.write(part, expressions.number(lo, value, target), target)
        return
    if isinstance(base, Ref) and target.attr == "shape" and not lo.is_list(base) and may_reshape(lo, target, base):
        assign(lo, target.value, application.apply(lo, np.reshape, [base, value], {}, target))
        return
    owner = registers.of_class(lo, base)
    if owner is not None and hasattr(owner, target.attr):
        registers.needed(lo, owner, target.attr)
        registers.store(lo, owner, target.attr, value, target)
        return
    remedy = "pass the object as an argument, or keep the value in a local variable, a list or an array"
    lo.refuse(
        target,
        f"assignment to the attribute `{target.attr}` cannot be differentiated",
        "this object comes from outside the function" if isinstance(base, Const) else "here",
        "write x = x.reshape(...)" if target.attr == "shape" else remedy,
    )


def may_reshape(lo: Lowering, target: ast.Attribute, array: Ref) -> bool:
    """Tell whether an array that is given another shape has one name alone, and was not passed to a function.

    In a loop the name must be assigned as well, so that the loop knows that it changes.
    """
    if not isinstance(target.value, ast.Name) or array.path:
        return False
    name = target.value.id
    for loop in lo.frame.loops:
        names = (n for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        if all(n.id != name for n in names):
            return False
    given = (ref for frame in lo.frames for value in frame.given.values() for ref in lo.refs_in(value))
    passed = any(ref.cell == array.cell for ref in given)
    return not passed and all(n == name and f is lo.frame for n, f in lo.reaching(array.cell))


def delete(lo: Lowering, target: ast.expr) -> None:
    """Lower ``del target``."""
    match target:
        case ast.Name(id=name):
            expressions.name_value(lo, name, target)
            lo.assign_name(lo.frame, name, UNDEFINED)
        case ast.Tuple() | ast.List():
            for element in target.elts:
                delete(lo, element)
        case ast.Attribute():
            base = expressions.evaluate(lo, target.value)
            if not objects.is_object(base) or not isinstance(base, Node):
                lo.refuse(target, "this attribute cannot be deleted", "here")
            objects.delete(lo, base, target.attr, target)
        case ast.Subscript():
            base = expressions.evaluate(lo, target.value)
            index = expressions.evaluate(lo, target.slice)
            if isinstance(base, Node) and tables.is_table(base):
                tables.check_removal(lo, base, "__delitem__")
            own = objects.method(lo, base, "__delitem__", target)
            if own is not None:
                calls.call(lo, own, [index], {}, target)
            else:
                containers.delete_item(lo, base, index, target)
        case _:
            lo.refuse(target, "this cannot be deleted", "here")


def location(lo: Lowering, base: Ref, target: ast.Subscript) -> Ref:
    """Return the part of an array that a subscript denotes, as something to write to."""
    step, atoms = access.subscript(lo, target.slice)
    if any("a" in s or "m" in s for s in base.path if isinstance(s, str)):
        raise AssertionError("an advanced subscript makes a new array")
    return Ref(base.cell, (*base.path, step), base.atoms + atoms)


def store_item(lo: Lowering, target: ast.Subscript, base: Value, value: Value) -> None:
    """Store into a list or dict whose structure is known."""
    own = objects.method(lo, base, "__setitem__", target)
    if own is not None:
        calls.call(lo, own, [expressions.evaluate(lo, target.slice), value], {}, target)
        return
    if registers.is_object(base):
        registers.call(lo, base, "__setitem__", [expressions.evaluate(lo, target.slice), value], target)
        return
    if not isinstance(base, Node) or base.kind in ("tuple", "object"):
        lo.refuse(target, "this object does not support item assignment", "not an array, a list or a dict")
    children, keys = list(base.children), list(base.keys)
    index = expressions.evaluate(lo, target.slice)
    grown = lists.at_run_time(lo, base, index, target)
    if isinstance(grown, Rows):
        rows.store(lo, grown, index, value, target)
        return
    if grown is not None:
        lists.store(lo, grown, index, value, target)
        return
    if isinstance(index, Var) and base.kind != "dict" and picking.at_run_time(lo, index, target):
        picking.store(lo, base, index, value, target)
        return
    if base.kind == "dict":
        key = containers.static_key(lo, base, index, target)
        if key in keys:
            children[keys.index(key)] = value
        else:
            keys.append(key)
            children.append(value)
    elif isinstance(index, Slice):
        if not is_static(index) and any(frame.loops for frame in lo.frames):
            raise pooling.unrolling(lo, target, base.children)
        bounds = lo.static(index, target.slice)
        assert isinstance(bounds, slice)
        children[bounds] = expressions.items_of(lo, value, target, None)
    else:
        children[access.position_in(lo, base, index, target)] = value
    lo.change(target, base, children, keys)
