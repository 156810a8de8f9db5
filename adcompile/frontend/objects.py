"""Objects whose classes are written in Python: their attributes and methods.

An object is a node with its attributes for children. What its class defines is run as any function is; what the
class means is recorded, so that the guard notices when a method is replaced.
"""

from __future__ import annotations

import ast
import functools
import types
from typing import TYPE_CHECKING

from adcompile.custom.functions import CustomFunction
from adcompile.errors import meant
from adcompile.frontend import calls, expressions
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Args, Keywords, Partial, Super, Value, lift
from adcompile.ir.core import NONE, Const
from adcompile.ir.forms import attributes, is_record_class
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def class_of(value: Value) -> type | None:
    """Return the class of an object, or of a container that has one of its own; None for everything else."""
    if isinstance(value, Node):
        return value.cls
    if isinstance(value, Const) and is_record_class(type(value.value)):
        return type(value.value)
    return None


def is_object(value: Value) -> bool:
    return isinstance(value, Node) and value.kind == "object"


def find(cls: type, name: str, after: type | None = None) -> tuple[type, object] | None:
    """Return the class that defines a name, and what it is there; `after`: of the classes that come after that one."""
    order = cls.__mro__ if after is None else cls.__mro__[cls.__mro__.index(after) + 1 :]
    return next(((c, vars(c)[name]) for c in order if name in vars(c)), None)


def mangled(lo: Lowering, name: str) -> str:
    """Return the name as the compiler of the class knows it: `self.__x` inside of C is `_C__x`."""
    scope = lo.frame.scope
    return scope.mangle(name) if isinstance(scope, Source) else name


def generated(function: types.FunctionType) -> bool:
    """Tell whether a function has no source: `dataclasses` and `collections` make theirs of text."""
    filename = function.__code__.co_filename
    return filename == "<string>" or filename.startswith("<string") or function.__module__ == "dataclasses"


def attribute(lo: Lowering, held: Node[Value], name: str, node: ast.AST) -> Value:
    """Lower ``held.name``."""
    name = mangled(lo, name)
    assert held.cls is not None
    if name == "__class__":
        from adcompile.frontend import reflection

        return Const(reflection.type_of(lo, held, node))
    if name == "__dict__":
        found = lo.container("dict", held.children, held.keys)
        lo.dicts_of[found.identity] = held.identity
        return found
    member = find(held.cls, name)
    if member is not None and _is_data(member[1]):
        return bind(lo, held, held.cls, member, name, node)
    if name in held.keys:
        return held.children[held.keys.index(name)]
    if member is not None:
        return bind(lo, held, held.cls, member, name, node)
    fallback = find(held.cls, "__getattr__")
    if fallback is not None:
        return calls.call(lo, bind(lo, held, held.cls, fallback, "__getattr__", node), [Const(name)], {}, node)
    remedy = meant(name, (*held.keys, *dir(held.cls)))
    lo.refuse(node, f"`{held.cls.__name__}` has no attribute `{name}` here", "not assigned on this path", remedy)


def constant_attribute(lo: Lowering, held: Const, name: str, node: ast.AST) -> Value:
    """Lower the attribute of an object from outside that is known when compiling."""
    name = mangled(lo, name)
    cls = type(held.value)
    if name == "__class__":
        return Const(cls)
    own = attributes(held.value)
    member = find(cls, name)
    if member is not None and (_is_data(member[1]) or name not in own):
        return bind(lo, held, cls, member, name, node)
    if name not in own:
        remedy = meant(name, (*own, *dir(cls)))
        lo.refuse(node, f"`{cls.__name__}` has no attribute `{name}`", "here", remedy)
    return lo.constant(held.value, name, own[name], node)


def _is_data(member: object) -> bool:
    """Tell whether what a class defines comes before the object's own attribute: a property, or what acts like one."""
    return isinstance(member, property) or _is_descriptor(member)


def _is_descriptor(member: object) -> bool:
    """Tell whether a class of the user's says what an assignment to the attribute does."""
    cls = type(member)
    return is_record_class(cls) and find(cls, "__set__") is not None


def bind(
    lo: Lowering,
    receiver: Value,
    cls: type,
    member: tuple[type, object],
    name: str,
    node: ast.AST,
    via: type | None = None,
) -> Value:
    """Return what a member of a class is, read from an object. `via`: the class that the guard asks, if not `cls`."""
    owner, found = member
    match found:
        case types.FunctionType() | CustomFunction():
            depend(lo, via or cls, name)
            return Partial(Const(found), (receiver,), {})
        case staticmethod():
            depend(lo, via or cls, name)
            return lift(found.__func__)
        case classmethod():
            depend(lo, via or cls, name)
            return Partial(lift(found.__func__), (Const(cls),), {})
        case property() if found.fget is not None:
            depend(lo, via or cls, name)
            return calls.call(lo, lift(found.fget), [receiver], {}, node)
        case _ if _is_descriptor(found):
            lo.depend(owner, name, found, member=True)
            read = special(lo, Const(found), "__get__", [receiver, Const(cls)], node)
            if read is None:
                lo.refuse(node, f"the attribute `{name}` of `{cls.__name__}` cannot be read", "no `__get__`")
            return read
        case functools.cached_property():
            depend(lo, via or cls, name)
            value = calls.call(lo, lift(found.func), [receiver], {}, node)
            if isinstance(receiver, Node) and receiver.identity in lo.contents:
                assign(lo, receiver, name, value, node)
            return value
        case functools.singledispatchmethod():
            lo.depend(owner, name, found, member=True)
            return Partial(Const(dispatched), (Const(found), receiver), {})
        case functools._lru_cache_wrapper():
            depend(lo, via or cls, name)
            return Partial(Const(found), (receiver,), {})
        case functools.partialmethod():
            lo.depend(owner, name, found, member=True)
            return Partial(
                lift(found.func), (receiver, *map(lift, found.args)), {k: lift(v) for k, v in found.keywords.items()}
            )
    if hasattr(type(found), "__get__") and not callable(found) or isinstance(found, types.MemberDescriptorType):
        lo.refuse(node, f"the attribute `{name}` of `{cls.__name__}` cannot be read here", type(found).__name__)
    asked = via or cls  # of which a class between it and the owner may get the attribute later
    return lo.constant(owner if lo.is_made(asked) else asked, name, found, node)


def dispatched(method: object, receiver: object, *args: object, **keywords: object) -> object:
    """Stand for a method that functools.singledispatchmethod chooses by the class of its argument."""
    raise AssertionError("known to the compiler alone")


def call_dispatched(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call the method that is registered for the class of an argument."""
    from adcompile.frontend.reflection import type_of

    chosen, receiver, *rest = args
    assert isinstance(chosen, Const) and isinstance(chosen.value, functools.singledispatchmethod)
    if not rest:
        lo.refuse(node, "this method is chosen by the class of its first argument", "called without one")
    function: object = chosen.value.dispatcher.dispatch(type_of(lo, rest[0], node))
    member: object = function.__func__ if isinstance(function, staticmethod | classmethod) else function
    first: list[Value] = [receiver]
    if isinstance(function, staticmethod | classmethod):
        first = [] if isinstance(function, staticmethod) else [Const(class_of(receiver))]
    return calls.call(lo, lift(member), [*first, *rest], keywords, node)


def depend(lo: Lowering, cls: type, name: str) -> None:
    lo.depend(cls, name, getattr(cls, name))


def of_super(lo: Lowering, value: Super, name: str, node: ast.AST) -> Value:
    """Lower ``super().name``."""
    name = mangled(lo, name)
    receiver = lo.current(value.receiver)
    cls = class_of(receiver)
    if cls is None and isinstance(receiver, Const) and isinstance(receiver.value, type):
        cls = receiver.value
    if cls is None or value.after not in cls.__mro__:
        lo.refuse(node, "super() is not known here", "here", "name the class instead")
    member = find(cls, name, value.after)
    if member is None:
        lo.refuse(node, f"no base class of `{value.after.__name__}` has an attribute `{name}`", "here")
    if member[0] is object and name in ("__init__", "__post_init__", "__init_subclass__"):
        return Const(_nothing)
    if name == "__init__" and issubclass(cls, BaseException) and not isinstance(member[1], types.FunctionType):
        return Partial(Const(member[1]), (receiver,), {})
    return bind(lo, receiver, cls, member, name, node, member[0])


def _nothing(*args: object, **kwargs: object) -> None:
    """Stand for `object.__init__`."""


def assign(lo: Lowering, held: Node[Value], name: str, value: Value, node: ast.AST, raw: bool = False) -> None:
    """Lower ``held.name = value``. `raw`: as object.__setattr__ does, past what the class says of it."""
    name = mangled(lo, name)
    assert held.cls is not None
    if not raw:
        own = find(held.cls, "__setattr__")
        if own is not None and isinstance(own[1], types.FunctionType):
            if not generated(own[1]):
                calls.call(lo, bind(lo, held, held.cls, own, "__setattr__", node), [Const(name), value], {}, node)
                return
            lo.refuse(node, f"`{held.cls.__name__}` is frozen: its attributes cannot be assigned", "Python raises here")
        member = find(held.cls, name)
        if member is not None and isinstance(member[1], property):
            if member[1].fset is None:
                lo.refuse(node, f"the property `{name}` of `{held.cls.__name__}` has no setter", "Python raises here")
            depend(lo, held.cls, name)
            calls.call(lo, lift(member[1].fset), [held, value], {}, node)
            return
        if member is not None and _is_descriptor(member[1]):
            lo.depend(member[0], name, member[1], member=True)
            special(lo, Const(member[1]), "__set__", [held, value], node)
            return
    if name in held.keys:
        children = [value if k == name else c for k, c in zip(held.keys, held.children, strict=True)]
        lo.change(node, held, children)
    else:
        lo.change(node, held, [*held.children, value], [*held.keys, name])


def assign_many(lo: Lowering, held: Node[Value], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``held.__dict__.update(...)``."""
    given = [lo.current(a) for a in args]
    if any(not isinstance(g, Node) or g.kind != "dict" for g in given):
        lo.refuse(node, "attributes are updated from dicts", "called here", "assign them one by one")
    pairs = [(k, v) for g in given if isinstance(g, Node) for k, v in zip(g.keys, g.children, strict=True)]
    for name, value in (*pairs, *keywords.items()):
        current = lo.current(held)
        assert isinstance(current, Node)
        assign(lo, current, str(name), value, node, raw=True)
    return NONE


def whose_attributes(lo: Lowering, node: ast.expr) -> Node[Value] | None:
    """Return the object whose `__dict__` an expression spells out."""
    if not (isinstance(node, ast.Attribute) and node.attr == "__dict__"):
        return None
    value = expressions.evaluate(lo, node.value)
    return value if isinstance(value, Node) and value.kind == "object" else None


def watches(value: Value, name: str) -> bool:
    """Tell whether the class of an object does something of its own when an attribute is assigned."""
    cls = class_of(value)
    if cls is None:
        return False
    found, own = find(cls, name), find(cls, "__setattr__")
    return (found is not None and _is_data(found[1])) or (own is not None and isinstance(own[1], types.FunctionType))


def delete(lo: Lowering, held: Node[Value], name: str, node: ast.AST) -> None:
    """Lower ``del held.name``."""
    name = mangled(lo, name)
    member = None if held.cls is None else find(held.cls, name)
    if held.cls is not None and member is not None and isinstance(member[1], property):
        if member[1].fdel is None:
            lo.refuse(node, f"the property `{name}` of `{held.called}` has no deleter", "Python raises here")
        depend(lo, held.cls, name)
        calls.call(lo, lift(member[1].fdel), [held], {}, node)
        return
    if name not in held.keys:
        lo.refuse(node, f"`{held.called}` has no attribute `{name}` here", "here")
    pairs = [(k, c) for k, c in zip(held.keys, held.children, strict=True) if k != name]
    lo.change(node, held, [c for _, c in pairs], [k for k, _ in pairs])


def method(lo: Lowering, value: Value, name: str, node: ast.AST) -> Value | None:
    """Return a special method that the class of a value defines in Python, bound to it; None if it defines none."""
    cls = class_of(value)
    member = None if cls is None else find(cls, name)
    if cls is None or member is None or not isinstance(member[1], types.FunctionType) or generated(member[1]):
        return None
    return bind(lo, value, cls, member, name, node)


def special(lo: Lowering, value: Value, name: str, args: Args, node: ast.AST) -> Value | None:
    """Call a special method; None if the class defines none."""
    found = method(lo, value, name, node)
    return None if found is None else lo.current(calls.call(lo, found, args, {}, node))
