"""Lower subscripts and attributes: parts of arrays, items of containers, what objects hold."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np

from adcompile.errors import meant
from adcompile.frontend import (
    calls,
    concatenators,
    containers,
    elements,
    expressions,
    lists,
    objects,
    picking,
    pooling,
    ranges,
    registers,
    run_texts,
    sparse,
    tables,
)
from adcompile.frontend import rows as rows_
from adcompile.frontend.frames import Unbound, Unresolved
from adcompile.frontend.values import (
    Flat,
    Iterable,
    Method,
    Partial,
    Ref,
    Rows,
    Slice,
    Super,
    Value,
    is_distribution,
    is_static,
    lift,
    static_value,
)
from adcompile.ir.core import NONE, Atom, Const, Var, is_none
from adcompile.ir.forms import is_named_tuple, is_record_class
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def slice_(lo: Lowering, node: ast.Slice) -> Slice:
    return Slice(*(NONE if b is None else bound(lo, b) for b in (node.lower, node.upper, node.step)))


def bound(lo: Lowering, node: ast.expr) -> Atom:
    value = expressions.evaluate(lo, node)
    return NONE if is_none(value) else expressions.number(lo, value, node)


def subscript(lo: Lowering, node: ast.expr) -> tuple[str, tuple[Atom, ...]]:
    """Return the component codes and the operands of a subscript of an array."""
    return components(lo, expressions.evaluate(lo, node), node)


def components(lo: Lowering, value: Value, node: ast.AST) -> tuple[str, tuple[Atom, ...]]:
    """Return the component codes and the operands that an index stands for."""
    parts = value.children if isinstance(value, Node) and value.kind == "tuple" else (value,)
    code, atoms = "", []
    for part in parts:
        letter, operands = component(lo, part, node)
        code += letter
        atoms += operands
    return code, tuple(atoms)


def component(lo: Lowering, part: Value, node: ast.AST) -> tuple[str, list[Atom]]:
    if isinstance(part, Slice):
        return "s", [part.lo, part.hi, part.step]
    if is_none(part):
        return "n", []
    if isinstance(part, Const) and part.value is Ellipsis:
        return "e", []
    if isinstance(part, Node) and part.kind == "list" and not part.children:
        return "a", [lo.builder.emit("zeros", Const(0), attrs=(np.dtype(np.intp),))]
    atom = expressions.number(lo, lists.listed(lo, part, node) if isinstance(part, Iterable) else part, node)
    t = atom.type
    kind = "" if t.dtype is None else "biufc"["biufc".index(_kind(t.dtype))]
    if t.is_scalar and kind in ("i", "u"):
        return "i", [atom]
    if t.is_array and kind in ("i", "u"):
        return "a", [atom]
    if t.is_array and kind == "b":
        return "m", [atom]
    lo.refuse(node, "this index is neither an integer, a slice nor an array of integers or booleans", str(t))


def _kind(dtype: object) -> str:

    kind: str = np.dtype(dtype).kind  # type: ignore[call-overload]  # int, float, ... or a dtype
    return kind


def read_item(lo: Lowering, base: Value, node: ast.Subscript) -> Value:
    """Lower ``base[index]``."""
    base = lo.opened(base, node)
    own = objects.method(lo, base, "__getitem__", node)
    if own is not None:
        return calls.call(lo, own, [expressions.evaluate(lo, node.slice)], {}, node)
    if isinstance(base, Node):
        return container_item(lo, base, node)
    if isinstance(base, Rows):
        return rows_.read(lo, base, expressions.evaluate(lo, node.slice), node)
    if isinstance(base, Ref) and lo.is_list(base):
        return lists.read(lo, base, expressions.evaluate(lo, node.slice), node)
    if isinstance(base, Flat):
        return elements.read(lo, base, expressions.evaluate(lo, node.slice), node)
    if isinstance(base, Iterable):
        return ranges.item_of(lo, base, expressions.evaluate(lo, node.slice), node)
    if registers.is_object(base):
        return registers.call(lo, base, "__getitem__", [expressions.evaluate(lo, node.slice)], node)
    if isinstance(base, Ref) or (isinstance(base, Var) and base.type.is_array):
        code, atoms = subscript(lo, node.slice)
        found = lo.guarded(node, lambda: lo.view(base, code, atoms))
        return lo.located(node, found) if isinstance(found, Var) else found
    if isinstance(base, Var) and base.type.is_scalar and (base.type.kind != "py" or lo.frame.rule):
        index = expressions.evaluate(lo, node.slice)
        if isinstance(index, Node) and not index.children:
            return base  # x[()] of a NumPy scalar
    if isinstance(base, Const) and any(base.value is c for c in concatenators.CONCATENATORS):
        return concatenators.joined(lo, base.value, expressions.evaluate(lo, node.slice), node)
    if isinstance(base, Const) and any(base.value is g for g in concatenators.GRIDS):
        return concatenators.grid(lo, base.value, expressions.evaluate(lo, node.slice), node)
    if run_texts.is_text(base) or is_static(base):
        index = expressions.evaluate(lo, node.slice)
        if run_texts.is_text(base) and not (is_static(base) and is_static(index)):
            return run_texts.item(lo, base, index, node)
        if is_static(index):
            try:
                return lift(static_value(base)[static_value(index)])  # type: ignore[index]  # Python raises as it would
            except (TypeError, KeyError, IndexError) as error:
                lo.refuse(node, f"this subscript fails: {error!r}", "here")
    lo.refuse(node, "this object cannot be subscripted here", str(lo.type_of(base)), "pass an array, a tuple or a dict")


def container_item(lo: Lowering, base: Node[Value], node: ast.Subscript) -> Value:
    index = expressions.evaluate(lo, node.slice)
    if base.kind == "dict":
        return containers.dict_item(lo, base, index, node)
    if base.kind == "object":
        lo.refuse(node, f"a `{base.called}` cannot be subscripted", "its class has no `__getitem__`")
    if isinstance(index, Slice) and is_static(index):
        bounds = static_value(index)
        assert isinstance(bounds, slice)
        return lo.container(base.kind, base.children[bounds])  # a slice of a NamedTuple is a plain tuple
    grown = lists.at_run_time(lo, base, index, node)
    if isinstance(grown, Rows):
        return rows_.read(lo, grown, index, node)
    if grown is not None:
        return lists.read(lo, grown, index, node)
    if isinstance(index, Var) and picking.at_run_time(lo, index, node):
        return picking.read(lo, base, index, node)
    return base.children[position_in(lo, base, index, node)]


def position_in(lo: Lowering, base: Node[Value], index: Value, node: ast.AST) -> int:
    """Return the position that an index of a list or tuple denotes, which must be known."""
    position = lo.static_int(index, pin=True)
    if position is None:
        if not isinstance(index, Var | Slice):
            lo.refuse(node, f"a {base.kind} index must be an integer", "here")
        if not base.children and lo.tolerant:
            raise Unbound("this list has no items here", lo.span(node))
        if any(frame.loops for frame in lo.frames):
            raise pooling.unrolling(lo, node, base.children)
        if (key := pooling.wanted(lo, base.children)) is not None:
            raise Unresolved(key)
        few = 0 < len(base.children) <= picking.MOST and isinstance(index, Var)
        if isinstance(node, ast.Subscript) and few and picking.question(node) not in lo.resolved:
            raise Unresolved(picking.question(node))
        which = "items of the {} these are" if isinstance(index, Slice) else "item of the {} this is"
        message = f"which {which.format(base.kind)} will be known only at run time"
        lo.refuse(node, message, "indexed here", "put numbers into an array; choose among others with `if`")
    if not -len(base.children) <= position < len(base.children):
        lo.refuse(node, f"the {base.kind} has {len(base.children)} items", f"index {position} is out of range")
    return position % len(base.children)


def attribute(lo: Lowering, value: Value, name: str, node: ast.AST) -> Value:
    """Lower ``value.name``."""
    value = lo.opened(value, node)
    if isinstance(value, Rows):
        return Method(value, name)
    if isinstance(value, Super):
        return objects.of_super(lo, value, name, node)
    if isinstance(value, Node) and value.kind == "object":
        if tables.is_table(value):
            tables.check_removal(lo, value, name)
        return objects.attribute(lo, value, name, node)
    if isinstance(value, Node) and value.cls is not None and is_named_tuple(value.cls):
        return named_tuple_attribute(lo, value, name, node)
    if isinstance(value, Const) and is_record_class(type(value.value)):
        return objects.constant_attribute(lo, value, name, node)
    if isinstance(value, Partial) and isinstance(value.function, Const) and is_distribution(value.function.value):
        method: object = getattr(value.function.value, name, None)
        if callable(method):
            return Partial(lift(method), (), value.keywords)
    if isinstance(value, Slice) and name in ("start", "stop", "step"):
        return {"start": value.lo, "stop": value.hi, "step": value.step}[name]
    if isinstance(value, Const) and not value.type.is_numeric:
        try:
            return lo.constant(value.value, name, getattr(value.value, name), node)
        except AttributeError as error:
            lo.refuse(node, str(error), "here", meant(name, dir(value.value)))
    if isinstance(value, Node) and value.cls is not None:
        member = objects.find(value.cls, name)
        if member is not None and issubclass(value.cls, list) and member[0] is not list:
            return objects.bind(lo, value, value.cls, member, name, node)
    if isinstance(value, Node | Iterable | Flat):
        return Method(value, name)
    if isinstance(value, Ref | Var | Const):
        return array_attribute(lo, value, name, node)
    lo.refuse(node, f"the attribute `{name}` is not supported here", "here")


def named_tuple_attribute(lo: Lowering, value: Node[Value], name: str, node: ast.AST) -> Value:
    assert value.cls is not None
    fields: tuple[str, ...] = value.cls._fields  # type: ignore[attr-defined]  # of a NamedTuple
    if name in fields:
        return value.children[fields.index(name)]
    member = objects.find(value.cls, name)
    if member is not None and member[0] is not tuple and name not in ("_replace", "_asdict", "_make", "_fields"):
        return objects.bind(lo, value, value.cls, member, name, node)
    return Const(fields) if name == "_fields" else Method(value, name)


def array_attribute(lo: Lowering, value: Ref | Atom, name: str, node: ast.AST) -> Value:
    t = lo.type_of(value)
    if t.is_list:
        return Method(value, name)
    if isinstance(value, Var) and t.kind == "object" and t.layout:
        return sparse.attribute(lo, value, name, node)
    if t.is_text:
        return Method(value, name)
    if t.kind == "object":
        lo.refuse(
            node, f"the attribute `{name}` of an object is not supported", "an object argument", "pass what it holds"
        )
    if t.dims is None and name in ("shape", "ndim", "size", "T", "flat", "mT"):
        lo.refuse(node, f"`.{name}` of an array whose rank is not known", "here", "reshape it to a known rank first")
    match name:
        case "shape":
            assert t.dims is not None
            atom = lo.atom(value)
            return Node("tuple", tuple(lo.length_of(atom, axis) for axis in range(len(t.dims))))
        case "ndim":
            assert t.dims is not None
            return Const(len(t.dims))
        case "dtype":
            known = t.dtype is not None and not getattr(t.dtype, "metadata", None)  # else it may be a real one
            return Const(t.dtype) if known else lo.refuse(node, "the dtype is not known when compiling")
        case "size":
            return lo.builder.emit("size", lo.atom(value))
        case "T":
            return transposed(lo, value, None)
        case "real" | "imag":
            return part(lo, value, name, node)
        case "mT" if len(t.dims or ()) > 1:
            axes = range(len(t.dims or ()))
            return transposed(lo, value, (*axes[:-2], axes[-1], axes[-2]))
        case "flat":
            return Flat(value)
    return Method(value, name)


def part(lo: Lowering, value: Ref | Atom, name: str, node: ast.AST) -> Value:
    """Return the real or imaginary part: a view."""
    t = lo.type_of(value)
    if name == "real" and t.dtype is not None and _kind(t.dtype) != "c":
        return value
    return lo.view(value, (name, ()), ()) if isinstance(value, Ref) else lo.emit(node, name, value)


def transposed(lo: Lowering, value: Value, axes: tuple[int, ...] | None) -> Value:
    """Return a view with permuted axes."""
    rank = lo.type_of(value).rank
    assert rank is not None and isinstance(value, Ref | Var | Const)
    order = tuple(reversed(range(rank))) if axes is None else tuple(a % rank for a in axes)
    if order == tuple(range(rank)):
        return value
    if isinstance(value, Const):
        assert isinstance(value.value, np.ndarray)
        return Const(value.value.transpose(order))
    return lo.view(value, ("T", order), ())
