"""What `copy` and `dataclasses` do with objects: copies of them, and their fields as a dict or tuple."""

from __future__ import annotations

import ast
import dataclasses
from typing import TYPE_CHECKING

from adcompile.frontend import application, instances, rows
from adcompile.frontend.objects import attribute, class_of, method
from adcompile.frontend.values import Args, Keywords, Ref, Rows, Value, is_static, static_value
from adcompile.ir.core import Const
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def known_function(f: object) -> str | None:
    """Return the name of a function of `dataclasses` or `copy` that is carried out here."""
    module, name = getattr(f, "__module__", None), getattr(f, "__name__", None)
    if module == "dataclasses" and name in ("replace", "asdict", "astuple", "is_dataclass", "fields"):
        return f"dataclasses.{name}"
    if module == "copy" and name in ("copy", "deepcopy"):
        return f"copy.{name}"
    return None


def call_known(lo: Lowering, name: str, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    value = lo.current(args[0])
    match name:
        case "copy.copy" | "copy.deepcopy":
            return copied(lo, value, name == "copy.deepcopy", node)
        case "dataclasses.is_dataclass":
            cls = static_value(value) if is_static(value) else class_of(value)
            return Const(hasattr(cls, "__dataclass_fields__"))
        case "dataclasses.fields":
            cls = value.value if isinstance(value, Const) and isinstance(value.value, type) else class_of(value)
            if cls is None or not dataclasses.is_dataclass(cls):
                lo.refuse(node, "fields() needs a dataclass", "called here")
            lo.depend(cls, "__dataclass_fields__", cls.__dataclass_fields__)
            return Node("tuple", tuple(map(Const, dataclasses.fields(cls))))
    cls = class_of(value)
    fields = getattr(cls, "__dataclass_fields__", None)
    if not isinstance(value, Node) or fields is None or cls is None:
        lo.refuse(node, f"{name}() needs a dataclass", "called here")
    if name == "dataclasses.replace":
        kept = {f: attribute(lo, value, f, node) for f, d in fields.items() if d.init and f not in keywords}
        made = instances.make(lo, cls, [], {**kept, **keywords}, node)
        assert made is not None
        return made
    items = {f: _plain(lo, attribute(lo, value, f, node), name, node) for f in fields}
    if name == "dataclasses.asdict":
        return lo.container("dict", tuple(items.values()), tuple(items))
    return Node("tuple", tuple(items.values()))


def _plain(lo: Lowering, value: Value, name: str, node: ast.AST) -> Value:
    """Return a part of what asdict and astuple return: dataclasses taken apart, containers copied."""
    value = lo.current(value)
    if not isinstance(value, Node):
        return copied(lo, value, True, node)
    if value.kind == "object" and hasattr(value.cls, "__dataclass_fields__"):
        return call_known(lo, name, [value], {}, node)
    return lo.like(value, [_plain(lo, c, name, node) for c in value.children])


def copied(lo: Lowering, value: Value, deep: bool, node: ast.AST) -> Value:
    """Return a copy of a container, object or array; `deep`: also of what is in it."""
    value = lo.current(value)
    if isinstance(value, Node):
        for own in ("__deepcopy__", "__copy__"):
            if method(lo, value, own, node) is not None:
                lo.refuse(node, f"`{value.called}` defines `{own}`", "called here", "call the method itself")
        return lo.like(value, [copied(lo, c, deep, node) if deep else c for c in value.children])
    if isinstance(value, Rows):
        return rows.copied(lo, value, deep, node)
    if isinstance(value, Ref):
        if lo.type_of(value).is_list:
            return lo.wrap(lo.atom(value))
        return application.apply(lo, "copy", [value], {}, node)
    return value
