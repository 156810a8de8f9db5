"""Making objects: calls of classes, NamedTuples and dataclasses."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from adcompile.frontend import calls, places, signatures
from adcompile.frontend.objects import assign, depend, find, generated, special
from adcompile.frontend.resolve import MISSING, Parameter
from adcompile.frontend.values import Args, Keywords, Value, is_static, lift
from adcompile.ir.core import Const
from adcompile.ir.forms import is_named_tuple, is_record_class
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def make(lo: Lowering, cls: type, args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Lower the call of a class; None if its objects are no records."""
    if is_named_tuple(cls):
        return make_named_tuple(lo, cls, args, keywords, node)
    if cls is types.SimpleNamespace and not args:
        return lo.container("object", tuple(keywords.values()), tuple(keywords), cls)
    if _is_plain_list(cls):
        held = calls.call(lo, Const(list), args, keywords, node)
        if isinstance(held, Node):
            return lo.container("list", held.children, (), cls)
    if type(cls).__call__ is not type.__call__ and isinstance(type(cls).__call__, types.FunctionType):
        message = f"the metaclass of `{cls.__name__}` says what calling the class does"
        if not places.of_a_package(type(cls).__call__):
            lo.refuse(node, message, "called here", "make the object with a function")
    if not is_record_class(cls) or type(cls).__call__ is not type.__call__:
        refuse_active(lo, cls, args, keywords, node)
        return None
    if inspect.isabstract(cls):
        lo.refuse(node, f"`{cls.__name__}` is abstract: there are no objects of it", "Python raises here")
    new = lo.container("object", (), (), cls)
    member = find(cls, "__init__")
    assert member is not None
    if member[0] is object:
        if args or keywords:
            lo.refuse(node, f"`{cls.__name__}()` takes no arguments", "called here")
        return new
    depend(lo, cls, "__init__")
    owner, init = member
    if isinstance(init, types.FunctionType) and generated(init) and hasattr(owner, "__dataclass_fields__"):
        dataclass_init(lo, new, owner, args, keywords, node)
    else:
        calls.call(lo, lift(init), [new, *args], keywords, node)
    return lo.current(new)


CHANGING: Final = (list, dict, set)
HEAP_TYPE: Final = 1 << 9  # the flag of classes that are made by a class statement
BUILT_IN: Final = (list, dict, tuple, set, frozenset, str, int, float)


def refuse_active(lo: Lowering, cls: type, args: Args, keywords: Keywords, node: ast.AST) -> None:
    """Refuse to make an object of run-time values where its class says in a way that is not followed what it is."""
    known = all(map(is_static, args)) and all(map(is_static, keywords.values()))
    if known and not (issubclass(cls, CHANGING) and cls.__flags__ & HEAP_TYPE):
        return
    if issubclass(cls, BUILT_IN) and cls.__module__ != "builtins":
        message = f"objects of `{cls.__name__}`, a subclass of a built-in class, are not supported"
        lo.refuse(node, message, "called here", "hold the container in an attribute")
    own = find(cls, "__new__")
    if own is not None and isinstance(own[1], staticmethod) and not places.of_a_package(own[1].__func__):
        lo.refuse(node, f"`{cls.__name__}` has a `__new__` of its own", "called here", "make it with a function")


def _is_plain_list(cls: type) -> bool:
    """Tell whether a class is a list with methods of its own, that changes nothing of what lists do."""
    own = [c for c in cls.__mro__ if c not in (list, object)]
    names = {name for c in own for name in vars(c)} - _HARMLESS
    plain = (
        type(cls) is type and cls is not list and issubclass(cls, list) and all(c.__flags__ & HEAP_TYPE for c in own)
    )
    return plain and not any(name in dir(list) or name.startswith("__") for name in names)


_HARMLESS: Final = {
    *("__module__", "__doc__", "__dict__", "__weakref__", "__qualname__", "__annotations__", "__slots__"),
    *("__firstlineno__", "__static_attributes__", "__annotate__", "__annotations_cache__", "__annotate_func__"),
    *("__orig_bases__", "__parameters__"),
}


def make_named_tuple(lo: Lowering, cls: type, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower the call of a NamedTuple."""
    member = find(cls, "__new__")
    fields: tuple[str, ...] = cls._fields  # type: ignore[attr-defined]  # of a NamedTuple
    if member is not None and isinstance(member[1], types.FunctionType | staticmethod):
        made = member[1].__func__ if isinstance(member[1], staticmethod) else member[1]
        if (
            isinstance(made, types.FunctionType)
            and not generated(made)
            and "namedtuple" not in made.__code__.co_filename
        ):
            lo.refuse(node, f"`{cls.__name__}` has a `__new__` of its own", "called here", "make it with a function")
    defaults: Mapping[str, object] = cls._field_defaults  # type: ignore[attr-defined]  # of a NamedTuple

    def default(p: Parameter) -> Value | None:
        return None if p.default is MISSING else lift(p.default)

    params = [Parameter(f, "positional", defaults.get(f, MISSING)) for f in fields]
    names = signatures.bind_parameters(lo, cls.__name__, params, default, args, keywords, node)
    lo.depend(cls, "_fields", fields)
    return Node("tuple", tuple(names[f] for f in fields), cls=cls)


def dataclass_init(lo: Lowering, new: Node[Value], owner: type, args: Args, keywords: Keywords, node: ast.AST) -> None:
    """Do what the `__init__` does that `dataclasses` writes."""
    fields = [f for f in owner.__dataclass_fields__.values() if _field_kind(f) != "_FIELD_CLASSVAR"]  # type: ignore[attr-defined]  # of a dataclass
    given = {f.name: f for f in fields if f.init}

    def default(p: Parameter) -> Value | None:
        f = given[p.name]
        if f.default is not dataclasses.MISSING:
            return lift(f.default)
        if f.default_factory is not dataclasses.MISSING:
            return calls.call(lo, lift(f.default_factory), [], {}, node)
        return None

    params = [Parameter(f.name, "keyword" if f.kw_only else "positional") for f in given.values()]
    names = signatures.bind_parameters(lo, owner.__name__, params, default, args, keywords, node)
    passed: list[Value] = []
    for f in fields:
        value = names[f.name] if f.init else default_of(lo, f, node)
        if _field_kind(f) == "_FIELD_INITVAR":
            passed.append(names[f.name])
        elif value is not None:
            current = lo.current(new)
            assert isinstance(current, Node)
            assign(lo, current, f.name, value, node, raw=True)
    special(lo, lo.current(new), "__post_init__", passed, node)


def default_of(lo: Lowering, f: object, node: ast.AST) -> Value | None:
    """Return the default of a field that `__init__` does not take; None if it has none."""
    assert isinstance(f, dataclasses.Field)
    if f.default is not dataclasses.MISSING:
        return lift(f.default)
    if f.default_factory is not dataclasses.MISSING:
        return calls.call(lo, lift(f.default_factory), [], {}, node)
    return None


def _field_kind(f: object) -> str:
    return str(getattr(getattr(f, "_field_type", None), "name", ""))
