"""Objects whose classes are written in Python: attributes, methods, operators, and how they are made.

An object is a node with its attributes for children. What its class defines is run as any function is; what the
class means is recorded, so that the guard notices when a method is replaced.
"""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from adcompile.custom.functions import CustomFunction
from adcompile.frontend import calls
from adcompile.frontend.resolve import MISSING, Parameter, Source
from adcompile.frontend.values import Partial, Super, Value, is_static, lift, static_value
from adcompile.ir.core import Const
from adcompile.ir.forms import attributes, is_named_tuple, is_record_class
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Args = Sequence[Value]
Keywords = Mapping[str, Value]

# The methods for an operator: of the left operand, and of the right one.
METHODS: Final[Mapping[str, tuple[str, str]]] = {
    **{
        op: (f"__{name}__", f"__r{name}__")
        for op, name in {
            "add": "add",
            "sub": "sub",
            "mul": "mul",
            "div": "truediv",
            "floordiv": "floordiv",
            "mod": "mod",
            "pow": "pow",
            "matmul": "matmul",
            "bitand": "and",
            "bitor": "or",
            "bitxor": "xor",
            "lshift": "lshift",
            "rshift": "rshift",
        }.items()
    },
    "lt": ("__lt__", "__gt__"),
    "le": ("__le__", "__ge__"),
    "gt": ("__gt__", "__lt__"),
    "ge": ("__ge__", "__le__"),
    "eq": ("__eq__", "__eq__"),
    "ne": ("__ne__", "__ne__"),
}


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


# -- attributes


def attribute(lo: Lowering, held: Node[Value], name: str, node: ast.AST) -> Value:
    """Lower ``held.name``."""
    name = mangled(lo, name)
    assert held.cls is not None
    if name == "__class__":
        return Const(held.cls)
    if name == "__dict__":
        return lo.container("dict", held.children, held.keys)
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
    lo.refuse(node, f"`{held.cls.__name__}` has no attribute `{name}` here", "not assigned on this path")


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
        lo.refuse(node, f"`{cls.__name__}` has no attribute `{name}`", "here")
    return lo.constant(held.value, name, own[name], node)


def _is_data(member: object) -> bool:
    """Tell whether what a class defines comes before the object's own attribute: a property."""
    return isinstance(member, property)


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
        case functools.cached_property():
            depend(lo, via or cls, name)
            value = calls.call(lo, lift(found.func), [receiver], {}, node)
            if isinstance(receiver, Node) and receiver.identity in lo.contents:
                assign(lo, receiver, name, value, node)
            return value
        case functools.partialmethod():
            depend(lo, via or cls, name)
            return Partial(
                lift(found.func), (receiver, *map(lift, found.args)), {k: lift(v) for k, v in found.keywords.items()}
            )
    if hasattr(type(found), "__get__") and not callable(found) or isinstance(found, types.MemberDescriptorType):
        lo.refuse(node, f"the attribute `{name}` of `{cls.__name__}` cannot be read here", type(found).__name__)
    return lo.constant(owner, name, found, node)


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
            if not _generated(own[1]):
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
    if name in held.keys:
        children = [value if k == name else c for k, c in zip(held.keys, held.children, strict=True)]
        lo.change(node, held, children)
    else:
        lo.change(node, held, [*held.children, value], [*held.keys, name])


def watches(value: Value, name: str) -> bool:
    """Tell whether the class of an object does something of its own when an attribute is assigned."""
    cls = class_of(value)
    if cls is None:
        return False
    found, own = find(cls, name), find(cls, "__setattr__")
    return (found is not None and isinstance(found[1], property)) or (
        own is not None and isinstance(own[1], types.FunctionType)
    )


def delete(lo: Lowering, held: Node[Value], name: str, node: ast.AST) -> None:
    """Lower ``del held.name``."""
    name = mangled(lo, name)
    if name not in held.keys:
        lo.refuse(node, f"`{held.called}` has no attribute `{name}` here", "here")
    pairs = [(k, c) for k, c in zip(held.keys, held.children, strict=True) if k != name]
    lo.change(node, held, [c for _, c in pairs], [k for k, _ in pairs])


# -- special methods


def method(lo: Lowering, value: Value, name: str, node: ast.AST) -> Value | None:
    """Return a special method that the class of a value defines in Python, bound to it; None if it defines none."""
    cls = class_of(value)
    member = None if cls is None else find(cls, name)
    if cls is None or member is None or not isinstance(member[1], types.FunctionType) or _generated(member[1]):
        return None
    return bind(lo, value, cls, member, name, node)


def special(lo: Lowering, value: Value, name: str, args: Args, node: ast.AST) -> Value | None:
    """Call a special method; None if the class defines none."""
    found = method(lo, value, name, node)
    return None if found is None else lo.current(calls.call(lo, found, args, {}, node))


def operate(lo: Lowering, op: str, left: Value, right: Value, node: ast.AST) -> Value | None:
    """Lower an operator on objects; None if neither class defines it."""
    ours, theirs = METHODS[op]
    tries = [(left, ours, right), (right, theirs, left)]
    l_cls, r_cls = class_of(left), class_of(right)
    if l_cls is not None and r_cls is not None and l_cls is not r_cls and issubclass(r_cls, l_cls):
        tries.reverse()
    if l_cls is r_cls and op not in ("eq", "ne"):
        del tries[1:]
    if l_cls is None:
        _check_left(lo, left, right, node)
    for receiver, name, other in tries:
        found = special(lo, receiver, name, [other], node)
        if found is not None and not (isinstance(found, Const) and found.value is NotImplemented):
            return found
    if op == "ne":
        equal = operate(lo, "eq", left, right, node)
        from adcompile.frontend.expressions import negate, truth

        return None if equal is None else negate(lo, truth(lo, equal, node))
    if op == "eq" and (is_object(left) or is_object(right)):
        return _equal(lo, left, right, node)
    return None


def _check_left(lo: Lowering, left: Value, right: Value, node: ast.AST) -> None:
    """Refuse what NumPy does with an object on its right: it takes it for an element of an array."""
    t, cls = lo.type_of(left), class_of(right)
    known = cls is not None and (
        getattr(cls, "__array_ufunc__", 0) is None or getattr(cls, "__array_priority__", 0) > 0
    )
    if t.is_array and not known:
        lo.refuse(
            node,
            "an array on the left of an object is combined element by element",
            "NumPy decides here",
            "put the object on the left",
        )


def _equal(lo: Lowering, left: Value, right: Value, node: ast.AST) -> Value:
    """Compare objects as a dataclass does, by its fields, or by their identity."""
    from adcompile.frontend import operators

    a, b = class_of(left), class_of(right)
    member = None if a is None else find(a, "__eq__")
    if member is None or not isinstance(member[1], types.FunctionType):
        return Const(isinstance(left, Node) and isinstance(right, Node) and left.identity == right.identity)
    if a is not b or a is None:
        return Const(False)
    fields = [f.name for f in getattr(a, "__dataclass_fields__", {}).values() if f.compare]
    sides: list[Value] = [
        Node("tuple", tuple(attribute(lo, v, f, node) for f in fields)) for v in (left, right) if isinstance(v, Node)
    ]
    return operators.apply_binary(lo, "eq", sides[0], sides[1], node)


def truth(lo: Lowering, value: Value, node: ast.AST) -> Value | None:
    """Return what decides the truth of an object; None if it is always true."""
    found = special(lo, value, "__bool__", [], node)
    return special(lo, value, "__len__", [], node) if found is None else found


# -- making objects


def make(lo: Lowering, cls: type, args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Lower the call of a class; None if its objects are no records."""
    if is_named_tuple(cls):
        return make_named_tuple(lo, cls, args, keywords, node)
    if cls is types.SimpleNamespace and not args:
        return lo.container("object", tuple(keywords.values()), tuple(keywords), cls)
    if not is_record_class(cls) or type(cls).__call__ is not type.__call__:
        return None
    new = lo.container("object", (), (), cls)
    member = find(cls, "__init__")
    assert member is not None
    if member[0] is object:
        if args or keywords:
            lo.refuse(node, f"`{cls.__name__}()` takes no arguments", "called here")
        return new
    depend(lo, cls, "__init__")
    owner, init = member
    if isinstance(init, types.FunctionType) and _generated(init) and hasattr(owner, "__dataclass_fields__"):
        dataclass_init(lo, new, owner, args, keywords, node)
    else:
        calls.call(lo, lift(init), [new, *args], keywords, node)
    return lo.current(new)


def _generated(function: types.FunctionType) -> bool:
    """Tell whether a function has no source: `dataclasses` and `collections` make theirs of text."""
    filename = function.__code__.co_filename
    return filename == "<string>" or filename.startswith("<string") or function.__module__ == "dataclasses"


def make_named_tuple(lo: Lowering, cls: type, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower the call of a NamedTuple."""
    member = find(cls, "__new__")
    fields: tuple[str, ...] = cls._fields  # type: ignore[attr-defined]  # of a NamedTuple
    if member is not None and isinstance(member[1], types.FunctionType | staticmethod):
        made = member[1].__func__ if isinstance(member[1], staticmethod) else member[1]
        if (
            isinstance(made, types.FunctionType)
            and not _generated(made)
            and "namedtuple" not in made.__code__.co_filename
        ):
            lo.refuse(node, f"`{cls.__name__}` has a `__new__` of its own", "called here", "make it with a function")
    defaults: Mapping[str, object] = cls._field_defaults  # type: ignore[attr-defined]  # of a NamedTuple

    def default(p: Parameter) -> Value | None:
        return None if p.default is MISSING else lift(p.default)

    params = [Parameter(f, "positional", defaults.get(f, MISSING)) for f in fields]
    names = calls.bind_parameters(lo, cls.__name__, params, default, args, keywords, node)
    lo.depend(cls, "_fields", fields)
    return Node("tuple", tuple(names[f] for f in fields), cls=cls)


def dataclass_init(lo: Lowering, new: Node[Value], owner: type, args: Args, keywords: Keywords, node: ast.AST) -> None:
    """Do what the `__init__` does that `dataclasses` writes."""
    import dataclasses

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
    names = calls.bind_parameters(lo, owner.__name__, params, default, args, keywords, node)
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
    import dataclasses

    assert isinstance(f, dataclasses.Field)
    if f.default is not dataclasses.MISSING:
        return lift(f.default)
    if f.default_factory is not dataclasses.MISSING:
        return calls.call(lo, lift(f.default_factory), [], {}, node)
    return None


def _field_kind(f: object) -> str:
    return str(getattr(getattr(f, "_field_type", None), "name", ""))


# -- what modules of the standard library do with objects


def known_function(f: object) -> str | None:
    """Return the name of a function of `dataclasses` or `copy` that is carried out here."""
    module, name = getattr(f, "__module__", None), getattr(f, "__name__", None)
    if module == "dataclasses" and name in ("replace", "asdict", "astuple", "is_dataclass"):
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
    cls = class_of(value)
    fields = getattr(cls, "__dataclass_fields__", None)
    if not isinstance(value, Node) or fields is None or cls is None:
        lo.refuse(node, f"{name}() needs a dataclass", "called here")
    if name == "dataclasses.replace":
        kept = {f: attribute(lo, value, f, node) for f, d in fields.items() if d.init and f not in keywords}
        made = make(lo, cls, [], {**kept, **keywords}, node)
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
    from adcompile.frontend import application
    from adcompile.frontend.values import Ref

    value = lo.current(value)
    if isinstance(value, Node):
        for own in ("__deepcopy__", "__copy__"):
            if method(lo, value, own, node) is not None:
                lo.refuse(node, f"`{value.called}` defines `{own}`", "called here", "call the method itself")
        return lo.like(value, [copied(lo, c, deep, node) if deep else c for c in value.children])
    if isinstance(value, Ref):
        if lo.type_of(value).is_list:
            return lo.wrap(lo.atom(value))
        return application.apply(lo, "copy", [value], {}, node)
    return value
