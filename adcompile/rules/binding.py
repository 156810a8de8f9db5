"""How users call primitives: from a function or method and its arguments to operands and static attributes.

A usage text is a parameter list in which the annotation says what a parameter is:

    a                     an operand
    *xs: operands         any number of operands; also ``arrays: operands`` for one list or tuple of operands
    shape: shape          an int or a tuple of ints, each an operand; also ``*shape: shape``
    object: nested        nested lists of operands, whose lengths become the attribute `shape`
    *xs: items            any number of operands, or one list or tuple of them
    axis: axis            an int, made non-negative; `axes` for None, an int or a tuple of ints
    k: static             any value known when compiling; `dtype` for a dtype
    where: no = True      not supported: only the default may be given
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import cache
from typing import Final, Literal, TypeVar

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.structure import Node
from adcompile.records import dataclass, replace
from adcompile.rules import index
from adcompile.rules.lengths import normalise_axes
from adcompile.rules.signature import attribute_slots

Argument = Node[Atom] | Atom
Static = Callable[[Atom], object]
F = TypeVar("F", bound=Callable[..., object])
Prepare = Callable[[list["Operand"], dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class Bound:
    """A call of a primitive; or, if `macro` is set, of a function in the rule language with the arguments as given.

    An operand is an atom, or a call that is made first (an array made of a list).
    """

    prim: str
    args: tuple[Operand, ...] = ()
    attrs: Attrs = ()
    macro: Callable[..., object] | None = None


Operand = Atom | Bound


@dataclass(frozen=True, slots=True)
class Binding:
    """How a function or method is called.

    name     how messages call it
    prim     the primitive; or `macro`, a function in the rule language
    usage    the parameters; see the module
    prepare  changes operands and attributes in place once they are known (axes of a result, implied subscripts)
    choose   returns the binding to use instead, by the arguments
    """

    name: str
    prim: str = ""
    usage: str = ""
    prepare: Prepare | None = None
    macro: Callable[..., object] | None = None
    choose: Callable[[Sequence[Argument], Mapping[str, Argument]], Binding] | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: str
    many: bool
    required: bool
    default: object
    keyword_only: bool


OPERAND_KINDS: Final = ("operand", "operands", "items", "shape")

Key = TypeVar("Key")


class Table(MutableMapping[Key, Binding]):
    """Bindings by function or method. To look for one loads the rules that it has, see `adcompile.rules.index`.

    All of them: what a table says that was loaded for another function may be changed by those that are not yet.
    """

    def __init__(self) -> None:
        self.loaded: dict[Key, Binding] = {}
        self.complete: set[Key] = set()

    def __getitem__(self, key: Key) -> Binding:
        if key not in self.complete:
            index.load(key)
            self.complete.add(key)
        return self.loaded[key]

    def __setitem__(self, key: Key, binding: Binding) -> None:
        self.loaded[key] = binding

    def __delitem__(self, key: Key) -> None:
        del self.loaded[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.loaded)

    def __len__(self) -> int:
        return len(self.loaded)


FUNCTIONS: Final[Table[Callable[..., object]]] = Table()
METHODS: Final[Table[str]] = Table()
ATTRIBUTES: Final[dict[str, Binding]] = {}
IN_COLUMNS: Final[dict[Callable[..., object] | str, Callable[..., object]]] = {}


@cache
def parameters(usage: str) -> tuple[Parameter, ...]:
    """Parse a usage text."""
    definition = ast.parse(f"def f({usage}): 0").body[0]
    assert isinstance(definition, ast.FunctionDef)
    a = definition.args
    plain = [*a.posonlyargs, *a.args]
    defaults: list[ast.expr | None] = [*[None] * (len(plain) - len(a.defaults)), *a.defaults]
    out = [parameter(p, d, False, False) for p, d in zip(plain, defaults, strict=True)]
    if a.vararg is not None:
        out.append(parameter(a.vararg, None, True, False))
    return (*out, *(parameter(p, d, False, True) for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)))


def parameter(p: ast.arg, default: ast.expr | None, many: bool, keyword_only: bool) -> Parameter:
    kind = p.annotation.id if isinstance(p.annotation, ast.Name) else "operand"
    value = None if default is None else ast.literal_eval(default)
    return Parameter(p.arg, kind, many, default is None and not many, value, keyword_only)


def bind(
    target: Callable[..., object] | str,
    args: Sequence[Argument],
    kwargs: Mapping[str, Argument],
    static: Static,
) -> Bound:
    """Bind a call of a function, or of the method that a string names (with the object as the first argument).

    Raises
    ------
    KeyError
        The function or method is not known.
    TypeError
        The arguments do not fit, or one that must be known when compiling is not.
    """
    binding = METHODS[target] if isinstance(target, str) else FUNCTIONS[target]
    if binding.choose is not None:
        binding = binding.choose(args, kwargs)
    if target in IN_COLUMNS and asks_for_columns(binding, args, kwargs):
        binding = Binding(binding.name, macro=IN_COLUMNS[target])
    if binding.macro is not None:
        refuse_given(binding, binding.macro, args, kwargs, static)
        return Bound("", macro=binding.macro)
    given = match(binding, args, kwargs)
    operands: list[Operand] = []
    values: dict[str, object] = {}
    for p in parameters(binding.usage):
        value = given[p.name]
        if p.kind in OPERAND_KINDS:
            operands += operands_of(binding, p, value)
        elif p.kind == "nested":
            assert value is not None and not isinstance(value, tuple)
            operands += elements(lift_constant(value))
            values["shape"] = nesting(lift_constant(value))
        elif p.kind == "no":
            refuse(binding, p, value, static)
        else:
            values[p.name] = p.default if value is None else static_value(binding, p, value, static)
    normalise(binding, operands, values)
    if binding.prepare is not None:
        binding.prepare(operands, values)
    names = [s.name for s in attribute_slots(PRIMITIVES[binding.prim])]
    return Bound(binding.prim, tuple(operands), tuple(values[n] for n in names))


def asks_for_columns(binding: Binding, args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> bool:
    """Tell whether a call says ``order='F'``, by name or by its place."""
    place = next((k for k, p in enumerate(parameters(binding.usage)) if p.name == "order" or p.many), len(args))
    order = kwargs.get("order", args[place] if place < len(args) else None)
    return isinstance(order, Const) and order.value == "F"


Given = Argument | tuple[Argument, ...] | None


def match(binding: Binding, args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> dict[str, Given]:
    """Assign arguments to parameters as Python does; None for those left to their defaults."""
    given: dict[str, Given] = {}
    rest = list(args)
    for p in parameters(binding.usage):
        if p.many:
            given[p.name], rest = tuple(rest), []
        elif rest and not p.keyword_only:
            given[p.name] = rest.pop(0)
    if rest:
        raise TypeError(f"{binding.name} takes fewer than {len(args)} positional arguments")
    names = {p.name for p in parameters(binding.usage)}
    for name, value in kwargs.items():
        if name not in names:
            raise TypeError(f"{binding.name} has no argument `{name}` that is supported here")
        if name in given:
            raise TypeError(f"{binding.name} was given `{name}` twice")
        given[name] = value
    for p in parameters(binding.usage):
        if p.name not in given:
            if p.required:
                raise TypeError(f"{binding.name} needs the argument `{p.name}`")
            given[p.name] = None
    return given


def operands_of(binding: Binding, p: Parameter, value: Given) -> list[Operand]:
    """Return the operands that an argument gives."""
    if value is None:
        return [Const(p.default)]
    if p.kind == "operand":
        assert not isinstance(value, tuple)
        return [as_operand(value)]
    items: Sequence[Argument]
    if isinstance(value, tuple):
        items = value
        if p.kind in ("shape", "items") and len(items) == 1:
            inner = entries(items[0])
            items = items if inner is None else inner  # the shape () is not the same as no shape
    else:
        found = entries(value)
        if found is None and p.kind == "operands":
            raise TypeError(f"{binding.name} needs a list or tuple of arrays for `{p.name}`")
        items = [value] if found is None else found
    return [as_operand(item) for item in items]


def entries(value: Argument) -> Sequence[Argument] | None:
    """Return the items of a list or tuple; None if the argument is not one."""
    if isinstance(value, Node):
        return value.children
    if isinstance(value, Const) and isinstance(value.value, tuple | list):
        return [Const(v) for v in value.value]
    return None


def as_operand(value: Argument) -> Operand:
    """Return an operand; a list or tuple of numbers becomes an array."""
    value = lift_constant(value)
    if not isinstance(value, Node):
        return value
    return Bound("array", tuple(elements(value)), (nesting(value), None))


def lift_constant(value: Argument) -> Argument:
    """Return a constant tuple or list as a structure of constants."""
    return lift(value.value) if isinstance(value, Const) and isinstance(value.value, tuple | list) else value


def elements(value: Argument) -> Iterator[Atom]:
    """Yield the numbers in nested lists, in order."""
    if isinstance(value, Node):
        for child in value.children:
            yield from elements(child)
    else:
        yield value


def lift(value: object) -> Argument:
    """Make a structure of constants of a list or tuple."""
    if isinstance(value, tuple | list):
        kind: Literal["tuple", "list"] = "tuple" if isinstance(value, tuple) else "list"
        return Node(kind, tuple(lift(v) for v in value))
    return Const(value)


def nesting(value: Argument) -> tuple[int, ...]:
    """Return the lengths of lists nested in lists, which must be regular."""
    if not isinstance(value, Node):
        return ()
    if value.kind == "dict":
        raise TypeError("a dict is not an array")
    inner = {nesting(c) for c in value.children}
    if len(inner) > 1:
        raise TypeError("the nested lists have different lengths")
    return (len(value.children), *(inner.pop() if inner else ()))


def static_value(binding: Binding, p: Parameter, value: Given, static: Static) -> object:
    """Return the value of an argument that must be known when compiling."""
    try:
        found = plain(value, static)
    except TypeError:
        raise TypeError(f"{binding.name}: `{p.name}` must be known when compiling") from None
    if p.kind == "dtype":
        return None if found is None else dtype_of(binding, found)
    return found


def dtype_of(binding: Binding, value: object) -> np.dtype:
    """Return the dtype that a value names."""
    try:
        return np.dtype(value)  # type: ignore[call-overload, no-any-return]  # any object may name a dtype
    except TypeError:
        raise TypeError(f"{binding.name}: {value!r} is not a dtype") from None


def plain(value: Given, static: Static) -> object:
    """Return the Python value of an argument of which every part is known."""
    if isinstance(value, tuple):
        return tuple(plain(v, static) for v in value)
    if isinstance(value, Node):
        items = [plain(c, static) for c in value.children]
        if value.kind == "dict":
            return dict(zip(value.keys, items, strict=True))
        return items if value.kind == "list" else tuple(items)
    return None if value is None else static(value)


def refuse(binding: Binding, p: Parameter, value: Given, static: Static) -> None:
    """Raise if an argument that is not supported has another value than its default."""
    if value is not None:
        try:
            same = plain(value, static) == p.default
        except (TypeError, ValueError):
            same = False
        if not same:
            raise TypeError(f"{binding.name}: the argument `{p.name}` is not supported")


@cache
def unsupported(macro: Callable[..., object]) -> dict[str, int]:
    """Return the parameters of a macro that must be None, as their annotations say, with their places.

    Those that are passed by name alone have places that no argument is at.
    """
    code = macro.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    must = {name for name, annotation in macro.__annotations__.items() if annotation in ("None", None)}
    return {name: k if k < code.co_argcount else sys.maxsize for k, name in enumerate(names) if name in must}


def refuse_given(
    binding: Binding,
    macro: Callable[..., object],
    args: Sequence[Argument],
    kwargs: Mapping[str, Argument],
    static: Static,
) -> None:
    """Raise if an argument that a macro does not support is not None."""
    for name, place in unsupported(macro).items():
        value = kwargs.get(name, args[place] if place < len(args) else None)
        refuse(binding, Parameter(name, "no", False, False, None, False), value, static)


def normalise(binding: Binding, operands: list[Operand], values: dict[str, object]) -> None:
    """Make axes non-negative, and a tuple of one axis an int; the rank is that of the first operand."""
    rank = rank_of(operands[0]) if operands else None
    for p in parameters(binding.usage):
        axis = values.get(p.name)
        if p.kind not in ("axis", "axes") or rank is None or axis is None:
            continue
        if isinstance(axis, list):
            axis = tuple(axis)
        if p.kind == "axis" and isinstance(axis, tuple):
            raise TypeError(f"{binding.name}: `{p.name}` must be one axis")
        found = normalise_axes(axis, rank)
        values[p.name] = found[0] if len(found) == 1 else found


def rank_of(operand: Operand) -> int | None:
    """Return the rank of an operand, if it is known."""
    if not isinstance(operand, Bound):
        return operand.type.rank
    inner = rank_of(operand.args[0]) if operand.args else 0
    assert operand.prim == "array" and isinstance(operand.attrs[0], tuple)
    return None if inner is None else len(operand.attrs[0]) + inner


def function(
    f: Callable[..., object], prim: str, usage: str, prepare: Prepare | None = None, name: str = "", method: str = ""
) -> None:
    """State how a function, and a method of arrays with the same parameters after the first, is called."""
    binding = Binding(name or name_of(f), prim, usage, prepare)
    FUNCTIONS[f] = binding
    if method:
        METHODS[method] = replace(binding, name=f"the method {method}")


def method_of(name: str, prim: str, usage: str, prepare: Prepare | None = None) -> None:
    """State how a method of arrays is called; the first parameter is the array."""
    METHODS[name] = Binding(f"the method {name}", prim, usage, prepare)


def macro(*functions: Callable[..., object]) -> Callable[[F], F]:
    """Mark a function in the rule language as what calls of other functions mean."""

    def register(f: F) -> F:
        for target in functions:
            FUNCTIONS[target] = Binding(name_of(target), macro=f)
        return f

    return register


def in_columns(*targets: Callable[..., object] | str) -> Callable[[F], F]:
    """Mark a function in the rule language as what calls of other functions, or methods, with ``order='F'`` mean."""

    def register(f: F) -> F:
        IN_COLUMNS.update(dict.fromkeys(targets, f))
        return f

    return register


def name_of(f: Callable[..., object]) -> str:
    """Return how users write a function: np.sin, np.linalg.norm, math.exp, abs."""
    module = getattr(f, "__module__", None) or "numpy"
    bare = getattr(f, "__name__", repr(f))
    prefix = {"numpy": "np.", "numpy.linalg": "np.linalg.", "math": "math.", "builtins": ""}.get(module, f"{module}.")
    return f"{prefix}{bare}"
