"""Dataclasses and named tuples that cost little to define, for the classes of the compiler itself.

    from adcompile.records import NamedTuple, dataclass, field, replace

These mean what the standard library's do, of which a type checker sees only those. `dataclasses` compiles up to seven
methods for each class that is defined, which for all classes of the compiler takes longer than compiling a function
of thirty lines; `typing.NamedTuple` compiles one, and each annotation. Here `__init__` is compiled once for all classes
of slots with the same number of fields, and the other methods are shared.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

T = TypeVar("T")


class _Missing:
    """The type of a default that is not given."""

    def __repr__(self) -> str:
        return "<missing>"


_MISSING: Final = _Missing()


class Field:
    """A field: what `field()` was told of it."""

    __slots__ = ("compare", "default", "factory", "init", "name", "repr")

    _field_type: Final = None  # dataclasses.replace looks whether a field is one of its special kinds

    def __init__(self, default: object, factory: object, init: bool, repr: bool, compare: bool) -> None:
        self.name = ""
        self.default, self.factory = default, factory
        self.init, self.repr, self.compare = init, repr, compare


def _field(
    *,
    default: object = _MISSING,
    default_factory: object = _MISSING,
    init: bool = True,
    repr: bool = True,
    compare: bool = True,
) -> Field:
    return Field(default, default_factory, init, repr, compare)


def _dataclass(
    cls: type[T] | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True
) -> type[T] | Callable[[type[T]], type[T]]:
    def define(cls: type[T]) -> type[T]:
        return _define(cls, frozen, slots, eq)

    return define if cls is None else define(cls)


def _define(cls: type[T], frozen: bool, slots: bool, eq: bool) -> type[T]:
    fields = _fields(cls)
    made: list[type] = []
    given: dict[str, object] = {
        "__init__": _first_init(made, fields, slots),
        "__repr__": _repr,
        "__match_args__": tuple(name for name, f in fields.items() if f.init),
        "__dataclass_fields__": fields,  # where dataclasses.replace looks
    }
    if eq:
        given["__eq__"], hashed = _comparison([name for name, f in fields.items() if f.compare])
        given["__hash__"] = hashed if frozen else None
    if frozen:
        given |= {"__setattr__": _refuse, "__delattr__": _refuse}
        given |= {"__getstate__": _get_state, "__setstate__": _set_state}
    given = {name: value for name, value in given.items() if name not in cls.__dict__}
    if slots:
        cls = _with_slots(cls, given)
    else:
        for name, value in given.items():
            setattr(cls, name, value)
    made.append(cls)
    return cls


def _fields(cls: type) -> dict[str, Field]:
    """Return the fields of a class, those of its bases first; the defaults of the class stay behind as attributes."""
    found: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update(getattr(base, "__dataclass_fields__", {}))
    for name in cls.__annotations__:
        given = cls.__dict__.get(name, _MISSING)
        one = given if isinstance(given, Field) else _field(default=given)
        one.name = name
        found[name] = one
        if isinstance(given, Field):
            delattr(cls, name) if given.default is _MISSING else setattr(cls, name, given.default)
    return found


def _with_slots(cls: type[T], given: dict[str, object]) -> type[T]:
    """Make the class anew, with what it is given: slots can only be given when a class is made."""
    taken = {name for base in cls.__mro__[1:] for name in getattr(base, "__dataclass_fields__", ())}
    own = tuple(name for name in cls.__annotations__ if name not in taken)
    left = {*own, "__dict__", "__weakref__"}
    namespace = {name: value for name, value in cls.__dict__.items() if name not in left}
    metaclass: Callable[..., type[T]] = type(cls)
    return metaclass(
        cls.__name__, cls.__bases__, {**namespace, **given, "__slots__": own, "__qualname__": cls.__qualname__}
    )


# -- making objects


def _first_init(made: list[type], fields: dict[str, Field], slots: bool) -> Callable[..., None]:
    """Return an `__init__` for the class that is `made`. If it has slots, its first object gives it a faster one."""

    def __init__(self: object, /, *args: object, **kwargs: object) -> None:
        (cls,) = made
        finish: Callable[[object], None] | None = getattr(cls, "__post_init__", None)
        if slots and finish is None and all(f.init for f in fields.values()):
            init = _slots_init(cls, fields)
            cls.__init__ = init  # type: ignore[misc]  # that is the point
            init(self, *args, **kwargs)
            return
        names = tuple(name for name, f in fields.items() if f.init)
        for name, value in _completed(cls, fields, _given(cls, names, args, kwargs)):
            object.__setattr__(self, name, value)
        if finish is not None:
            finish(self)

    return __init__


def _given(cls: type, names: tuple[str, ...], args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object]:
    """Return the values that an object is made of by name."""
    given = dict(zip(names, args, strict=False)) | kwargs
    if len(given) != len(args) + len(kwargs) or not given.keys() <= {*names}:
        raise TypeError(f"{cls.__qualname__} has the fields {', '.join(names)}, each given once at most")
    return given


def _completed(cls: type, fields: dict[str, Field], given: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the values of all fields, some of which are given."""
    for name, f in fields.items():
        if name in given:
            yield name, given[name]
        elif callable(f.factory):
            yield name, f.factory()
        elif f.init and f.default is _MISSING:
            raise TypeError(f"{cls.__qualname__} needs a value of {name}")
        elif f.init:
            yield name, f.default


def _slots_init(cls: type, fields: dict[str, Field]) -> Callable[..., None]:
    """Return the `__init__` of a class whose fields are slots, each a parameter.

    It is that of all classes of so many fields, under other names: to compile takes longer than to make ten objects.
    """
    init = _template(len(fields))(*[_setter(getattr(cls, name).__set__, f.factory) for name, f in fields.items()])
    init.__code__ = init.__code__.replace(co_varnames=("self", *fields))
    optional = (f for f in fields.values() if f.default is not _MISSING or f.factory is not _MISSING)
    init.__defaults__ = tuple(f.default for f in optional)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _setter(slot: Callable[[object, object], None], factory: object) -> Callable[[object, object], None]:
    """Return what sets a field past a `__setattr__` that refuses, to what a factory makes if no value is given."""
    if not callable(factory):
        return slot
    return lambda self, value: slot(self, factory() if value is _MISSING else value)


@cache
def _template(count: int) -> Callable[..., FunctionType]:
    """Return what makes an `__init__` of the functions that set the fields."""
    sets, values = ([f"{letter}{k}" for k in range(count)] for letter in "sv")
    body = "; ".join(f"{s}(self, {v})" for s, v in zip(sets, values, strict=True)) or "pass"
    scope: dict[str, Any] = {}  # of any type: names of generated code
    exec(
        f"def make({', '.join(sets)}):\n def __init__({', '.join(['self', *values])}): {body}\n return __init__", scope
    )
    made: Callable[..., FunctionType] = scope["make"]
    return made


def _replace(obj: T, /, **changes: object) -> T:
    fields: dict[str, Field] = obj.__dataclass_fields__  # type: ignore[attr-defined]  # of a class defined here
    for name, f in fields.items():
        if f.init and name not in changes:
            changes[name] = getattr(obj, name)
    return obj.__class__(**changes)


# -- shared methods


def _comparison(names: list[str]) -> tuple[Callable[..., object], Callable[..., int]]:
    if not names:
        key: Callable[[Any], Any] = lambda obj: ()  # noqa: E731  # of any type: the values of the fields
    else:
        key = operator.attrgetter(*names)

    def __eq__(self: object, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:
        return hash(key(self))

    return __eq__, __hash__


def _repr(self: object) -> str:
    fields: dict[str, Field] = type(self).__dataclass_fields__  # type: ignore[attr-defined]  # of a class defined here
    shown = (f"{f.name}={getattr(self, f.name, _MISSING)!r}" for f in fields.values() if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(self: object, name: str, value: object = None) -> None:
    raise AttributeError(f"{type(self).__qualname__} is frozen: `{name}` cannot be changed")


def _get_state(self: object) -> dict[str, object]:
    fields: dict[str, Field] = type(self).__dataclass_fields__  # type: ignore[attr-defined]  # of a class defined here
    return {name: getattr(self, name) for name in fields}


def _set_state(self: object, state: dict[str, object]) -> None:
    for name, value in state.items():
        object.__setattr__(self, name, value)


# -- named tuples


class _NamedTupleType(type):
    """Makes a class of tuples of what the body of the class annotates."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _NamedTupleType:
        if not any(isinstance(base, _NamedTupleType) and base.__base__ is tuple for base in bases):
            return super().__new__(
                cls, name, bases, namespace
            )  # the base of all, and what is derived from named tuples
        fields = tuple(namespace.get("__annotations__", ()))
        defaults = {field: namespace.pop(field) for field in fields if field in namespace}
        own = {field: property(operator.itemgetter(k)) for k, field in enumerate(fields)}
        given = {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields, "__slots__": ()}
        return super().__new__(cls, name, bases, own | given | namespace)


class _NamedTuple(tuple[Any, ...], metaclass=_NamedTupleType):  # of any type: the fields
    """The base of named tuples, without fields."""

    __slots__ = ()

    _fields: tuple[str, ...]
    _field_defaults: dict[str, object]

    def __new__(cls, /, *args: object, **kwargs: object) -> Self:
        if kwargs or len(args) != len(cls._fields):
            given = cls._field_defaults | _given(cls, cls._fields, args, kwargs)
            if len(given) < len(cls._fields):
                raise TypeError(f"{cls.__qualname__} needs values of {', '.join({*cls._fields} - given.keys())}")
            args = tuple([given[name] for name in cls._fields])
        return tuple.__new__(cls, args)

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getnewargs__(self) -> tuple[object, ...]:
        return tuple(self)

    def _replace(self, /, **changes: object) -> Self:
        return type(self)(**{**self._asdict(), **changes})

    def _asdict(self) -> dict[str, object]:
        return dict(zip(self._fields, self, strict=True))


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
    from typing import NamedTuple as NamedTuple
else:
    dataclass, field, replace, NamedTuple = _dataclass, _field, _replace, _NamedTuple
