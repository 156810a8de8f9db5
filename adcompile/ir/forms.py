"""Python's own containers and objects, taken apart and put together again.

    Point(x=1.0, y=2.0)   ->   Parts("object", (1.0, 2.0), ("x", "y"), Point)

A *record* is an object whose class is written in Python and whose attributes are all that there is to it: a dataclass,
frozen or not, an instance of a user's class with a `__dict__` or `__slots__`, a SimpleNamespace.
"""

from __future__ import annotations

import enum
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeVar

from adcompile.ir.structure import Node, NodeKind
from adcompile.records import NamedTuple

L = TypeVar("L")

__all__ = [
    "Parts",
    "attributes",
    "build",
    "is_named_tuple",
    "is_record_class",
    "made",
    "make_record",
    "meaning_of_int",
    "part_of",
    "parts",
    "remade",
]

# Classes of the standard library whose instances hold just what they are given.
HOLDERS: Final = ("types.SimpleNamespace", "argparse.Namespace")

_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the class was made by a class statement, or could have been


class Parts(NamedTuple):
    """What a container is made of. `cls` and `detail` are those of `Node`."""

    kind: NodeKind
    children: tuple[object, ...]
    keys: tuple[object, ...] = ()
    cls: type | None = None
    detail: object = None

    @property
    def steps(self) -> Sequence[object]:
        """The key, position or attribute name of every child."""
        return self.keys if self.kind in ("dict", "object") else range(len(self.children))


def parts(value: object) -> Parts | None:
    """Take a container or record apart; None for anything else, which is a leaf."""
    cls = type(value)
    match value:
        case tuple() if cls is tuple or is_named_tuple(cls):
            return Parts("tuple", tuple(value), (), None if cls is tuple else cls, None)
        case list() if cls is list:
            return Parts("list", tuple(value), (), None, None)
        case deque() if cls is deque:
            return Parts("list", tuple(value), (), cls, value.maxlen)
        case dict() if cls in (dict, OrderedDict, defaultdict):
            made_by = value.default_factory if isinstance(value, defaultdict) else None
            return Parts("dict", tuple(value.values()), tuple(value), None if cls is dict else cls, made_by)
    if is_record_class(cls):
        held = attributes(value)
        return Parts("object", tuple(held.values()), tuple(held), cls, None)
    return None


def remade(value: object, children: Iterable[object]) -> object:
    """Return a container or record like `value` with other children."""
    found = parts(value)
    assert found is not None
    return made(found.kind, tuple(children), found.keys, found.cls, found.detail)


def made(kind: str, children: Sequence[object], keys: Sequence[object], cls: type | None, detail: object) -> object:
    """Put a container or record together."""
    match kind:
        case "tuple":
            items = tuple(children)
            return items if cls is None else tuple.__new__(cls, items)
        case "list":
            if cls is deque:
                return deque(children, detail)  # type: ignore[call-overload]  # a maxlen
            return list(children) if cls is None else cls(children)
        case "dict":
            pairs = zip(keys, children, strict=True)
            if cls is defaultdict:
                return defaultdict(detail, pairs)  # type: ignore[call-overload]  # a factory
            return dict(pairs) if cls is None else cls(dict(pairs))
        case "set":
            return set(keys) if cls is None else cls(keys)
    assert cls is not None
    return make_record(cls, dict(zip(map(str, keys), children, strict=True)))


def build(tree: Node[L] | L, get: Callable[[L], object]) -> object:
    """Make the Python container or record that a structure describes."""
    if not isinstance(tree, Node):
        return get(tree)
    return made(tree.kind, [build(c, get) for c in tree.children], tree.keys, tree.cls, tree.detail)


def make_record(cls: type, held: Mapping[str, object]) -> object:
    """Make an object with given attributes, without running its class's own code."""
    new: object = cls.__new__(cls) if cls is types.SimpleNamespace else object.__new__(cls)
    for name, value in held.items():
        object.__setattr__(new, name, value)
    return new


def part_of(value: object, path: Iterable[object]) -> object:
    """Return the part of a value that steps lead to: positions, keys, names of attributes."""
    for step in path:
        if isinstance(value, tuple | list | dict | deque):
            value = value[step]  # type: ignore[call-overload,index]  # a step into a container of that kind
        else:
            value = attributes(value)[str(step)]
    return value


def is_named_tuple(cls: type) -> bool:
    """Tell whether a class is a NamedTuple: a tuple with names for its items and nothing else."""
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple) and hasattr(cls, "_replace")


_record_classes: Final[dict[type, bool]] = {}


def is_record_class(cls: type) -> bool:
    """Tell whether instances of a class are their attributes and nothing else."""
    known = _record_classes.get(cls)
    if known is None:
        known = _record_classes[cls] = _is_record_class(cls)
    return known


def _is_record_class(cls: type) -> bool:
    if f"{cls.__module__}.{cls.__qualname__}" in HOLDERS:
        return True
    if isinstance(cls, enum.EnumMeta) or issubclass(cls, BaseException | type | types.ModuleType):
        return False
    if cls.__module__.partition(".")[0] in (
        *sys.stdlib_module_names - {"__main__", "builtins"},
        "numpy",
        "scipy",
        "adcompile",
    ):
        return False
    if hasattr(cls, "__array__") or cls.__new__ is not object.__new__ or cls is object:
        return False
    return all(c is object or c.__flags__ & _HEAP_TYPE for c in cls.__mro__)


def attributes(value: object) -> dict[str, object]:
    """Return the attributes of a record: those in slots, then those in its dict."""
    held: dict[str, object] = {}
    cls = type(value)
    for name, member in _slots_of(cls):
        try:
            held[name] = member.__get__(value, cls)
        except AttributeError:  # not assigned yet
            held.pop(name, None)
    own: object = getattr(value, "__dict__", None)
    if isinstance(own, dict):
        held.update(own)
    return held


_slots: Final[dict[type, tuple[tuple[str, types.MemberDescriptorType], ...]]] = {}


def _slots_of(cls: type) -> tuple[tuple[str, types.MemberDescriptorType], ...]:
    """Return the slots of a class by name, those of its bases first; a class gets none after it was made."""
    found = _slots.get(cls)
    if found is None:
        members = [item for c in reversed(cls.__mro__) for item in vars(c).items() if item[0] != "__dict__"]
        found = tuple((name, m) for name, m in members if isinstance(m, types.MemberDescriptorType))
        _slots[cls] = found
    return found


def meaning_of_int(holder: Parts, step: object) -> Literal["number", "setting", "unknown"]:
    """Tell whether an int in a container is a number to differentiate or a setting, as a number of layers is.

    The class of an object may say so by an annotation; else it shows in what the int is used for.
    """
    if holder.cls is None or holder.kind not in ("object", "tuple"):
        return "number"
    names = getattr(holder.cls, "_fields", ())
    name = names[step] if holder.kind == "tuple" and isinstance(step, int) else step
    for cls in holder.cls.__mro__:
        said = _annotations(cls).get(name)
        if said is not None:
            word = said.partition("|")[0].strip() if isinstance(said, str) else said
            return "setting" if word in (int, "int") else "number"
    return "unknown" if holder.kind == "object" else "number"


def _annotations(cls: type) -> Mapping[object, object]:
    """Return the annotations in the body of a class, as far as they can be had."""
    try:
        found: object = cls.__annotations__ if sys.version_info >= (3, 14) else vars(cls).get("__annotations__")
    except NameError:  # one names what is not defined
        return {}
    return found if isinstance(found, dict) else {}
