"""Builtins that ask for classes and attributes: isinstance, type, super, getattr, setattr, ..."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import (
    access,
    exceptions,
    objects,
    optionals,
)
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.values import (
    Args,
    Keywords,
    LocalFunction,
    Method,
    Partial,
    Rows,
    Slice,
    Super,
    Value,
    static_value,
)
from adcompile.ir.core import NONE, Const
from adcompile.ir.structure import Node
from adcompile.ir.types import Type
from adcompile.rules.lengths import described
from adcompile.rules.opaque import UNKNOWN

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


PYTHON: Final[Mapping[str, type]] = {"b": bool, "i": int, "f": float, "c": complex}
PLAIN: Final[Mapping[str, type]] = {"tuple": tuple, "list": list, "dict": dict, "set": set}


def _isinstance(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    value, classes = args
    kinds = static_value(classes)
    kinds = kinds.__args__ if isinstance(kinds, types.UnionType) else kinds
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not optionals.is_optional(value):
        return Const(any(isinstance(k, type) and _is_kind(lo, value, k) for k in kinds))
    present, held = value.children
    one, other = (any(isinstance(k, type) and _is_kind(lo, v, k) for k in kinds) for v in (held, NONE))
    if one == other:
        return Const(one)
    return present if one else lo.builder.emit("not", lo.atom(present))


def _is_kind(lo: Lowering, value: Value, kind: type) -> bool:
    if exceptions.is_several(value) and kind not in (Exception, BaseException):
        exceptions.refuse_several(lo, lo.frame.statement)
    if isinstance(value, Node):
        return issubclass(value.cls or PLAIN[value.kind], kind)
    if isinstance(value, Slice):
        return issubclass(slice, kind)
    if isinstance(value, LocalFunction | Partial | Method):
        return issubclass(types.MethodType if isinstance(value, Method) else types.FunctionType, kind)
    if isinstance(value, Const):
        return isinstance(value.value, kind)
    t = lo.type_of(value)
    if t == UNKNOWN and not (lo.frame.rule or lo.frame.macro):
        what, advice = "the class of what this function returned is known only at run time", "convert it with float()"
        lo.refuse(lo.frame.statement, what, "asked for here", advice)
    found = {issubclass(c, kind) for c in _classes(t, isinstance(value, Rows))}
    if len(found) == 1:
        return found.pop()
    lo.refuse(
        None, f"isinstance() of {described(t)} is not known when compiling", "", "convert the value with float() first"
    )


def _classes(t: Type, rows: bool) -> Sequence[type]:
    """Return the classes that values of a type may have, if they are known."""
    if t.is_list or rows:
        return (list,)
    if t.is_array:
        return (np.ndarray,)
    if t.kind == "py" and isinstance(t.dtype, type):
        return (t.dtype,)
    if isinstance(t.dtype, np.dtype):
        plain = PYTHON.get(t.dtype.kind)
        return (t.dtype.type,) if t.kind == "np" or plain is None else (t.dtype.type, plain)
    return ()


def _super(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``super()``: the class is that in which the function was defined, the object its first argument."""
    if args:
        after, receiver = args
        if not isinstance(after, Const) or not isinstance(after.value, type):
            lo.refuse(node, "super() needs a class", "called here")
        return Super(after.value, receiver)
    try:
        defined_in = lo.frame.scope.lookup("__class__")
    except KeyError:
        lo.refuse(node, "super() is used outside of a method", "called here")
    assert isinstance(defined_in, type) and isinstance(lo.frame.node, ast.FunctionDef)
    first = [*lo.frame.node.args.posonlyargs, *lo.frame.node.args.args][0].arg
    return Super(defined_in, lo.frame.names[first])


def _type(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) != 1:
        lo.refuse(node, "classes cannot be made inside a differentiated function", "called here", "define it outside")
    return Const(type_of(lo, args[0], node))


def type_of(lo: Lowering, value: Value, node: ast.AST) -> type:
    """Return the class of a value."""
    if exceptions.is_several(value):
        exceptions.refuse_several(lo, node)
    if isinstance(value, Node):
        return value.cls or PLAIN[value.kind]
    if isinstance(value, Const):
        return type(value.value)
    t = lo.type_of(value)
    whatever = t == UNKNOWN and not (lo.frame.rule or lo.frame.macro)
    known = np.ndarray if t.is_array and not whatever else t.dtype if t.kind == "py" else None
    if t.kind == "np" and isinstance(t.dtype, np.dtype):
        known = t.dtype.type
    if not isinstance(known, type):
        lo.refuse(node, f"the type of {described(t)} is not known when compiling", "called here")
    return known


def _name_of(lo: Lowering, value: Value, node: ast.AST) -> str:
    name = lo.static(value, node)
    if not isinstance(name, str):
        lo.refuse(node, "the name of an attribute must be a string", "called here")
    return name


def _getattr(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    name = _name_of(lo, args[1], node)
    if len(args) == 3 and not _has(lo, args[0], name):
        return args[2]
    return access.attribute(lo, args[0], name, node)


def _hasattr(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return Const(_has(lo, args[0], _name_of(lo, args[1], node)))


def _has(lo: Lowering, value: Value, name: str) -> bool:
    if isinstance(value, Node):
        cls = value.cls or PLAIN[value.kind]
        return hasattr(cls, name) or (value.kind == "object" and name in value.keys)
    if isinstance(value, Const):
        return hasattr(value.value, name)
    t = lo.type_of(value)
    kinds: dict[str, type] = {"array": np.ndarray, "list": list, "np": np.generic, "py": float}
    return hasattr(kinds.get(t.kind, object), name)


def _setattr(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return _set_attribute(lo, args, node, raw=False)


def _set_raw(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return _set_attribute(lo, args, node, raw=True)


def _set_attribute(lo: Lowering, args: Args, node: ast.AST, raw: bool) -> Value:
    held = lo.current(args[0])
    if not isinstance(held, Node) or held.kind != "object":
        lo.refuse(node, "the attributes of this cannot be assigned", "called here", "pass it as an argument")
    objects.assign(lo, held, _name_of(lo, args[1], node), args[2], node, raw)
    return NONE


def _vars(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) != 1 or not objects.is_object(args[0]):
        lo.refuse(node, "vars() needs an object", "called here")
    return access.attribute(lo, args[0], "__dict__", node)


def _callable(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    (value,) = args
    if isinstance(value, Const):
        return Const(callable(value.value))
    own = isinstance(value, Node) and value.cls is not None and hasattr(value.cls, "__call__")  # noqa: B004  # a class
    return Const(own or isinstance(value, LocalFunction | Partial | Method))


def _unseen(name: str, remedy: str) -> Builtin:
    """Refuse a builtin that finds names where the compiler does not see it."""

    def refuse(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        lo.refuse(node, f"{name}() is not supported: what it reads or makes is not seen", "called here", remedy)

    return refuse


REFLECTION: Final[Mapping[object, Builtin]] = {
    eval: _unseen("eval", "write the expression itself, or a dict of functions"),
    exec: _unseen("exec", "write the statements themselves, or make the function outside with from_source"),
    globals: _unseen("globals", "write the name itself, or put what is looked up into a dict"),
    locals: _unseen("locals", "write the names themselves, or a dict of them"),
    isinstance: _isinstance,
    super: _super,
    type: _type,
    getattr: _getattr,
    hasattr: _hasattr,
    setattr: _setattr,
    object.__setattr__: _set_raw,
    vars: _vars,
    callable: _callable,
    objects.dispatched: objects.call_dispatched,
}
