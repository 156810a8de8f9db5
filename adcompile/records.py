"""Dataclasses that cost little to define, for the classes of the compiler itself.

    from adcompile.records import dataclass, field, replace

These mean what the standard library's do, of which a type checker sees only those. `dataclasses` compiles up to seven
methods for each class that is defined, which for all classes of the compiler takes longer than compiling a function
of thirty lines. Here `__init__` is compiled when a class has had some objects, and the other methods are shared.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

T = TypeVar("T")


class _Missing:
    """The type of a default that is not given."""

    def __repr__(self) -> str:
        return "<missing>"


_MISSING: Final = _Missing()
FIRST: Final = 16  # objects


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
    if slots:
        cls = _with_slots(cls)
    names = [f.name for f in fields.values() if f.compare]
    methods: dict[str, object] = {"__init__": _first_init(cls, fields, frozen, slots), "__repr__": _repr}
    if eq:
        methods["__eq__"], hashed = _comparison(names)
        methods["__hash__"] = hashed if frozen else None
    for name, method in methods.items():
        if name not in cls.__dict__:
            setattr(cls, name, method)
    setattr(cls, "__match_args__", tuple(f.name for f in fields.values() if f.init))  # noqa: B010  # mypy forbids it
    if frozen:
        cls.__setattr__ = cls.__delattr__ = _refuse  # type: ignore[method-assign]  # both raise
        cls.__getstate__, cls.__setstate__ = _get_state, _set_state  # type: ignore[attr-defined,method-assign]  # as above
    cls.__dataclass_fields__ = fields  # type: ignore[attr-defined]  # where dataclasses.replace looks
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


def _with_slots(cls: type[T]) -> type[T]:
    """Make the class anew: slots can only be given when a class is made."""
    taken = {name for base in cls.__mro__[1:] for name in getattr(base, "__dataclass_fields__", ())}
    own = tuple(name for name in cls.__annotations__ if name not in taken)
    namespace = {k: v for k, v in cls.__dict__.items() if k not in {*own, "__dict__", "__weakref__"}}
    namespace |= {"__slots__": own, "__qualname__": cls.__qualname__}
    metaclass: Callable[..., type[T]] = type(cls)
    return metaclass(cls.__name__, cls.__bases__, namespace)


# -- making objects


def _first_init(cls: type, fields: dict[str, Field], frozen: bool, slots: bool) -> Callable[..., None]:
    """Return an `__init__` for the first objects. After them, or for arguments that do not fit, it makes the real one.

    To compile the real one takes as long as to make FIRST objects with this one, which most classes never have.
    """
    names = tuple(name for name, f in fields.items() if f.init)
    finish: Callable[[object], None] | None = getattr(cls, "__post_init__", None)
    made = 0

    def __init__(self: object, *args: object, **kwargs: object) -> None:
        nonlocal made
        made += 1
        given = dict(zip(names, args, strict=False)) | kwargs
        fits = len(given) == len(args) + len(kwargs) and given.keys() <= {*names}
        values = _completed(fields, given) if fits and made <= FIRST else None
        if values is None:
            real = _write_init(cls, fields, frozen, slots)
            cls.__init__ = real  # type: ignore[misc]  # that is the point
            real(self, *args, **kwargs)
            return
        for name, value in values:
            object.__setattr__(self, name, value)
        if finish is not None:
            finish(self)

    return __init__


def _completed(fields: dict[str, Field], given: dict[str, object]) -> list[tuple[str, object]] | None:
    """Return the values of all fields, some of which are given; None if one is missing."""
    values: list[tuple[str, object]] = []
    for name, f in fields.items():
        if name in given:
            values.append((name, given[name]))
        elif callable(f.factory):
            values.append((name, f.factory()))
        elif f.init and f.default is _MISSING:
            return None
        elif f.init:
            values.append((name, f.default))
    return values


def _write_init(cls: type, fields: dict[str, Field], frozen: bool, slots: bool) -> Callable[..., None]:
    scope: dict[str, Any] = {"_missing": _MISSING, "_set": object.__setattr__}  # of any type: names of generated code
    params, body = ["self"], []
    for name, f in fields.items():
        value = name
        if f.factory is not _MISSING:
            scope[f"_make_{name}"] = f.factory
            value = f"_make_{name}() if {name} is _missing else {name}" if f.init else f"_make_{name}()"
        elif not f.init:
            continue
        if f.init:
            has_default = f.default is not _MISSING or f.factory is not _MISSING
            scope[f"_default_{name}"] = f.default
            params.append(f"{name}=_default_{name}" if has_default else name)
        if not frozen:
            body.append(f"self.{name} = {value}")
        elif slots:  # the slot itself, past the __setattr__ that refuses
            scope[f"_set_{name}"] = getattr(cls, name).__set__
            body.append(f"_set_{name}(self, {value})")
        else:
            body.append(f"_set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    text = f"def __init__({', '.join(params)}):\n    " + "\n    ".join(body or ["pass"])
    exec(text, scope)
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
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


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    dataclass, field, replace = _dataclass, _field, _replace
