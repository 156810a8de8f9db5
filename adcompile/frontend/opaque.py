"""Lower calls that are made as they are: of functions that the compiler does not know, and of impure ones."""

from __future__ import annotations

import ast
import inspect
import itertools
import logging
import math
import os
import random
import sys
import time
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import draws, lists
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Iterable, Ref, Slice, Value, is_static, lift, static_value
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.forms import made
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node, leaves
from adcompile.ir.types import OBJECT, PY_INT, Type, numpy_dtype, type_of_value
from adcompile.rules.opaque import CLOCKS, GENERATORS, PYTHON_DRAWS, PYTHON_GENERATORS, UNKNOWN
from adcompile.rules.promotion import ufunc_type

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Args = Sequence[Value]
Keywords = Mapping[str, Value]
Name = tuple[str, str]

# Modules whose functions do more than compute a result, or compute it from more than their arguments.
IMPURE: Final = ("random", "time", "os", "sys", "io", "logging", "datetime", "secrets", "uuid", "gc", "warnings")
# Modules whose functions compute the same result from the same arguments, and do nothing else.
PURE: Final = (
    "math",
    "cmath",
    "statistics",
    "itertools",
    "bisect",
    "_bisect",
    "operator",
    "numpy",
    "scipy",
    "fractions",
)
NOT_PURE: Final = ("numpy.random", "numpy.lib._npyio_impl", "numpy.testing", "scipy.io", "scipy.stats")
LARGEST: Final = 1000  # items of a result that is computed when compiling


# -- where a function is


def place_of(f: object) -> Name | None:
    """Return the module and the name in it by which a function can be reached from anywhere; None if by none."""
    name = getattr(f, "__name__", None)
    if not isinstance(name, str):
        return None
    for module in (np.random, random, time):
        if getattr(module, name, None) == f:
            return module.__name__, name
    home, path = getattr(f, "__module__", None), getattr(f, "__qualname__", name)
    if home is None and isinstance(f, np.ufunc):  # NumPy's do not say where they are
        home = next((m for m in sorted(sys.modules) if "._" not in m and _attribute(m, name) is f), None)
    for module_name in (str(home).replace("_bisect", "bisect"), str(home).partition(".")[0]):
        found: object = sys.modules.get(module_name)
        for part in str(path).split("."):
            found = getattr(found, part, None)
        if found is f and module_name != "__main__":
            return module_name, str(path)
    return None


def _deepest(place: Name) -> Name:
    """Return a place with as much of the path as can be imported in the module."""
    module, path = place
    head, dot, rest = path.partition(".")
    while dot and f"{module}.{head}" in sys.modules:
        module, (head, dot, rest) = f"{module}.{head}", rest.partition(".")
    return module, head + dot + rest


def _attribute(module: str, name: str) -> object:
    return vars(sys.modules[module]).get(name) if isinstance(sys.modules.get(module), types.ModuleType) else None


def chain_of(lo: Lowering, node: ast.AST) -> Name | None:
    """Return the module and the name in it that a call spells out: ``os.environ.get(...)``."""
    parts: list[str] = []
    f: ast.AST = node.func if isinstance(node, ast.Call) else node
    while isinstance(f, ast.Attribute):
        parts.insert(0, f.attr)
        f = f.value
    if not parts or not isinstance(f, ast.Name) or f.id in lo.frame.names or f.id in lo.frame.local:
        return None
    try:
        module = lo.frame.scope.lookup(f.id)
    except KeyError:
        return None
    return (module.__name__, ".".join(parts)) if isinstance(module, types.ModuleType) else None


def called_as(lo: Lowering, f: object, node: ast.AST) -> Name | None:
    """Return a place where a function is; one of a package is where the user found it, if he wrote that out."""
    written = chain_of(lo, node)
    return (_deepest(written) if written and of_a_package(f) else None) or place_of(f) or written


def _within(module: object, names: Sequence[str]) -> bool:
    text = str(module)
    return any(text == n or text.startswith(f"{n}.") for n in names)


def is_impure(lo: Lowering, f: object, node: ast.AST) -> bool:
    """Tell whether a function is known to do more than compute a result from its arguments."""
    place = called_as(lo, f, node)
    return place is not None and (_within(place[0], IMPURE) or _within(place[0], ("numpy.random",)))


def is_pure(f: object) -> bool:
    """Tell whether calling a function once more when compiling makes no difference."""
    module = getattr(f, "__module__", None)
    place = place_of(f)
    module = place[0] if place is not None else module
    stores = place is not None and place[1].startswith("insort")
    return _within(module, PURE) and not (stores or _within(module, NOT_PURE) or isinstance(f, types.MethodType))


def is_common(module: str) -> bool:
    """Tell whether a module can be imported wherever NumPy can: Python's own, NumPy and SciPy."""
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in ("builtins", "numpy", "scipy")


# -- calls


def call_function(
    lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST
) -> Value | None:
    """Call a function that is not lowered; None if the program would have no way to refer to it."""
    if is_pure(f):
        known = sampled(lo, f, args, keywords, node)
        if known is not None:
            return known
    place = called_as(lo, f, node)
    captured = held(lo, f, node) if place is None or not is_common(place[0]) else None
    if captured is not None:
        return emit(lo, "value", ("", ""), (captured,), args, keywords, (annotated(f),), node)
    if place is None:
        return None
    if "out" in keywords:
        lo.refuse(node, "the argument `out` of this function is not supported", "called here", "store its result")
    if place in (("random", "sample"), ("random", "choices")):
        several = drawn_list(lo, place[1], args, keywords, node)
        if several is not None:
            return several
    result = result_of(lo, f, place, args, keywords, node)
    return emit(lo, "path", place, (), args, keywords, (result,), node, trusts(place, f))


def trusts(place: Name, f: object) -> bool:
    """Tell whether a function is known not to change its arguments."""
    quiet = ("random", "time", "logging", "warnings", "builtins", "numpy.random")
    return place[0] in quiet or is_pure(f)


def drawn_list(lo: Lowering, name: str, args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Lower random.sample and random.choices, whose results are lists of as many items as is known."""
    k = keywords.get("k", args[1] if name == "sample" and len(args) > 1 else Const(1))
    number, t = lo.static_int(k, pin=True), item_type(lo, args[0]) if args else None
    if number is None or t is None or not 0 < number <= LARGEST:
        return None
    many = emit(lo, "path", ("random", name), (), args, keywords, (t,) * number, node, True)
    items = many.children if isinstance(many, Node) and number > 1 else (many,)
    return lo.container("list", list(items)) if number > 1 else None


def item_type(lo: Lowering, value: Value) -> Type | None:
    """Return the type of the items of a sequence; None if they differ or it is not known."""
    value = lo.current(value)
    if isinstance(value, Iterable) and value.bounds is not None:
        return PY_INT
    if isinstance(value, Node) and value.children:
        found = {(lo.type_of(c).kind, lo.type_of(c).dtype) for c in value.children}
        kind, dtype = next(iter(found))
        return Type(kind, dtype) if len(found) == 1 and kind in ("py", "np") else None
    return None


def held(lo: Lowering, f: object, node: ast.AST) -> Atom | None:
    """Return a function as a hidden argument, if it is called by a name from outside."""
    from adcompile.frontend.resolve import Source

    scope = lo.frame.scope
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and isinstance(scope, Source)):
        return None
    try:
        if scope.lookup(node.func.id) is not f:
            return None
    except KeyError:
        return None
    return lo.capture_object(scope, node.func.id, f)


def call_method(lo: Lowering, receiver: Atom, name: str, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a method of an object."""
    cls = receiver.type.dtype
    result = UNKNOWN
    if name == "shuffle":
        refuse_shuffle(lo, node)
    if isinstance(cls, type) and issubclass(cls, GENERATORS):
        result = draws.drawn(lo, name, args, keywords, node, issubclass(cls, np.random.Generator))
    elif isinstance(cls, type) and issubclass(cls, PYTHON_GENERATORS):
        result = PYTHON_DRAWS.get(name, OBJECT if name == "seed" else UNKNOWN)
    elif isinstance(cls, type):
        result = annotated(getattr(cls, name, None))
    quiet = isinstance(cls, type) and issubclass(cls, (*GENERATORS, *PYTHON_GENERATORS, logging.Logger))
    if "out" in keywords:
        lo.refuse(node, "the argument `out` of this method is not supported", "called here", "store its result")
    return emit(lo, "method", ("", name), (receiver,), args, keywords, (result,), node, quiet)


def refuse_shuffle(lo: Lowering, node: ast.AST) -> None:
    lo.refuse(
        node,
        "shuffle() changes its argument, which the compiler does not see",
        "called here",
        "draw a permutation: i = rng.permutation(n), and use x[i]",
    )


def emit(
    lo: Lowering,
    form: str,
    name: Name,
    first: tuple[Atom, ...],
    args: Args,
    keywords: Keywords,
    types_: tuple[Type, ...],
    node: ast.AST,
    trusted: bool = False,
) -> Value:
    """Make the equation of a call. Unless it is `trusted`, a call may change its arguments."""
    operands = [*first]
    given = args if trusted else [protected(lo, a, node) for a in args]
    named = keywords if trusted else {k: protected(lo, v, node) for k, v in keywords.items()}
    layout = [("", _layout(lo, a, operands, node)) for a in given]
    layout += [(k, _layout(lo, v, operands, node)) for k, v in named.items()]
    results = lo.guarded_many(node, "opaque", tuple(operands), (form, (*name, lo.span(node)), tuple(layout), types_))
    values = [lo.wrap(r) for r in results]
    for v in values:
        for a in (*args, *keywords.values()):
            for ref in lo.refs_in(a):
                if isinstance(v, Ref):
                    lo.link(v.cell, ref.cell)
    return values[0] if len(values) == 1 else Node("tuple", tuple(values))


def protected(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return an argument as what a call that may change it can be given.

    An array that is read later is passed as a view that cannot be written to, so that a call that does raises. A list
    or dict that is read later is refused.
    """
    value = lo.current(value)
    if isinstance(value, Node):
        if value.kind != "tuple" and lo.is_held_later(value.identity):
            lo.refuse(
                node,
                f"this call may change the {value.kind} that it is given",
                "not known to the compiler, and read later",
                "pass a copy of it, a tuple, or make the call outside of the differentiated function",
            )
        return value.holding([protected(lo, c, node) for c in value.children])
    if isinstance(value, Ref) and not lists.is_list(lo, value) and any(True for _ in lo.reaching(value.cell)):
        return lo.emit(node, "read_only", lo.read(value))
    return value


def _layout(lo: Lowering, value: Value, operands: list[Atom], node: ast.AST) -> Node[int] | int:
    """Return an argument as a structure over operands, which are appended to the list."""
    value = lo.current(value)
    if isinstance(value, Node):
        if value.cls is not None or value.kind == "set":
            what = f"a {value.called} cannot be passed to an unknown function"
            lo.refuse(node, what, "called here", "pass its parts")
        return value.holding([_layout(lo, c, operands, node) for c in value.children])
    if isinstance(value, Ref) and lists.is_list(lo, value):
        lo.refuse(node, "a list that grows cannot be passed to an unknown function", "called here", "make it an array")
    if isinstance(value, Slice) and is_static(value):
        value = Const(static_value(value))
    if isinstance(value, Iterable) and value.bounds is not None and all(isinstance(a, Const) for a in value.bounds):
        value = Const(_range([a.value for a in value.bounds if isinstance(a, Const)]))
    if not isinstance(value, Ref | Var | Const) or (isinstance(value, Const) and not _writable(value.value)):
        lo.refuse(
            node,
            "this argument of an unknown function cannot be written into the program",
            "called here",
            "make the call outside of the function and pass its result",
        )
    operands.append(lo.atom(value))
    return len(operands) - 1


def _range(bounds: Sequence[object]) -> range:
    start, stop, step = (b for b in bounds if isinstance(b, int))
    return range(start, stop, step)


def _writable(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_writable, value))
    if isinstance(value, type):
        return value.__module__ == "builtins" or issubclass(value, np.generic)
    plain = (bool, int, float, complex, str, bytes, np.dtype, np.generic, np.ndarray, slice, range, type(Ellipsis))
    return value is None or isinstance(value, plain)


# -- types of results


def annotated(f: object) -> Type:
    """Return the type that a function's annotation promises."""
    try:
        promised = inspect.signature(f, eval_str=True).return_annotation if callable(f) else UNKNOWN
    except (TypeError, ValueError, NameError):
        return UNKNOWN
    if promised in (float, int, bool, complex):
        return Type("py", promised)
    return OBJECT if promised is None else UNKNOWN


def result_of(lo: Lowering, f: object, place: Name, args: Args, keywords: Keywords, node: ast.AST) -> Type:
    """Return the type of a function's result."""
    module, name = place
    if name == "shuffle":
        refuse_shuffle(lo, node)
    if module == "numpy.random":
        return draws.drawn(lo, name, args, keywords, node, False)
    if module in ("random", "time"):
        table = PYTHON_DRAWS if module == "random" else CLOCKS
        if (module, name) == ("random", "choice") and args:
            return item_type(lo, args[0]) or UNKNOWN
        return table.get(name, Type("object", f, None) if isinstance(f, type) else annotated(f))
    if isinstance(f, type):
        return Type("object", f, None)
    if isinstance(f, np.ufunc):
        return ufunc_result(lo, f, args, node)
    if is_pure(f) and callable(f):
        return tried(lo, f, args, keywords)
    return annotated(f)


def tried(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords) -> Type:
    """Return the type of a pure function's result: of what it gives for arguments like those of the example.

    Its dtype and number of axes are taken to depend on the kinds of the arguments, not on their values.
    """
    try:
        values = [_stand_in(lo, a) for a in args]
        named = {k: _stand_in(lo, v) for k, v in keywords.items()}
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = f(*values, **named)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, np.linalg.LinAlgError):
        return UNKNOWN
    t = type_of_value(result)
    if t.is_array and t.dims is not None:
        return Type("array", t.dtype, tuple(lo.facts.fresh(example_of(d)) for d in t.dims))
    return UNKNOWN if t.kind == "object" else Type(t.kind, t.dtype)


def _stand_in(lo: Lowering, value: Value) -> object:
    """Return a value of the type and, if it is known, the shape of an argument; raises TypeError if there is none."""
    value = lo.current(value)
    if is_static(value):
        return static_value(value)
    if isinstance(value, Node) and value.kind in ("tuple", "list"):
        items = [_stand_in(lo, c) for c in value.children]
        return tuple(items) if value.kind == "tuple" else items
    t = lo.type_of(value)
    dtype = numpy_dtype(t)
    if not t.is_numeric or dtype is None or t.dims is None:
        raise TypeError("nothing stands for this")
    if t.kind == "py" and isinstance(t.dtype, type):
        known = lo.static_int(value)
        return t.dtype(1) if known is None else known
    lengths = [example_of(lo.facts.find(d)) for d in t.dims]
    filled = np.linspace(1.0, 2.0, math.prod(3 if n is None else n for n in lengths)).astype(dtype)
    return filled.reshape([3 if n is None else n for n in lengths])[()]


def ufunc_result(lo: Lowering, f: np.ufunc, args: Args, node: ast.AST) -> Type:
    """Return the type of the result of a ufunc that is not NumPy's."""
    if f.nout != 1 or len(args) != f.nin or f.signature is not None:
        return UNKNOWN
    operands = tuple(lo.number(a, node).type for a in args)
    if any(t.kind == "object" for t in operands):
        return UNKNOWN
    try:
        found = ufunc_type(lo.facts, f, operands)
    except TypeError as error:
        lo.refuse(node, str(error), "here")
    return found


# -- pure functions, called once when compiling


def sampled(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a pure function whose arguments are known.

    A result that is a number, text or list of them is known then; of arrays only the type, and the program makes the
    call. None if the arguments are not known.
    """
    if not all(_knowable(lo, a) for a in (*args, *keywords.values())):
        return None
    values = [_known(lo, a, node) for a in args]
    named = {k: _known(lo, v, node) for k, v in keywords.items()}
    try:
        result = f(*values, **named)
        if isinstance(result, itertools.islice | map | zip | filter) or type(result).__module__ == "itertools":
            result = list(itertools.islice(result, LARGEST + 1))  # type: ignore[call-overload]  # an iterator
    except (TypeError, ValueError, ArithmeticError, AttributeError, KeyError, IndexError) as error:
        lo.refuse(node, f"this call fails: {error!r}", "here")
    if _plain(result):
        return lift(result)
    parts = tuple(result) if isinstance(result, tuple) else (result,)
    if not all(isinstance(p, np.ndarray | np.generic) and p.dtype.kind in "biufc" for p in parts):
        return Const(result) if _settled(result) else None
    place = place_of(f)
    if place is None:
        return None
    return emit(lo, "path", place, (), args, keywords, tuple(map(type_of_value, parts)), node, True)


def _settled(value: object) -> bool:
    """Tell whether an object that a pure function made never changes."""
    return isinstance(value, np.finfo | np.iinfo | np.dtype | range | frozenset | type)


def _plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return len(value) <= LARGEST and all(map(_plain, value))
    return value is None or type(value) in (bool, int, float, complex, str, bytes)


def _knowable(lo: Lowering, value: Value) -> bool:
    value = lo.current(value)
    if isinstance(value, Iterable):
        return value.bounds is not None and all(_knowable(lo, a) for a in value.bounds)
    if isinstance(value, Node):
        return all(_knowable(lo, c) for c in value.children)
    if isinstance(value, Var):
        return lo.static_int(value) is not None or (
            value.type.value is not None and example_of(lo.facts.find(value.type.value)) is not None
        )
    return is_static(value)


def _known(lo: Lowering, value: Value, node: ast.AST) -> object:
    value = lo.current(value)
    if isinstance(value, Iterable):
        assert value.bounds is not None
        return _range([lo.static(a, node) for a in value.bounds])
    if isinstance(value, Node):
        items = [_known(lo, c, node) for c in value.children]
        return made(value.kind, items, value.keys, value.cls, value.detail)
    return lo.static(value, node)


# -- functions with a source that cannot be lowered

# Where the standard library is, and NumPy and what is installed beside it.
PACKAGES: Final = (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(np.__file__)))


def surely_inactive(lo: Lowering, value: Value) -> bool:
    """Tell whether a value cannot depend on floating-point arguments."""
    value = lo.current(value)
    if isinstance(value, Node):
        return all(surely_inactive(lo, c) for c in value.children)
    if isinstance(value, Ref):
        return False
    if not isinstance(value, Var):
        return True
    if value.type.kind == "object" or not value.type.inexact:
        return True
    made = lo.builder.defs.get(value)
    if made is not None:
        return all(surely_inactive(lo, a) for a in made.args)
    return any(value is leaf for c in lo.captures.values() for leaf in leaves(c.tree))


def instead(lo: Lowering, f: types.FunctionType, args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a function that could not be lowered; None if it cannot be called either.

    One of the user's own is, if its arguments are inactive and it cannot change them. One of another package is where
    the user calls it: if a derivative would be lost there, the transforms refuse that.
    """
    scope = lo.frame.scope
    caller = scope.function if isinstance(scope, Source) else None
    if of_a_package(f):
        return None if of_a_package(caller) else call_function(lo, f, args, keywords, node)
    every = (*args, *keywords.values())
    if f.__closure__ or not all(surely_inactive(lo, a) and not _changeable(lo, a) for a in every):
        return None
    return call_function(lo, f, args, keywords, node)


def of_a_package(f: object) -> bool:
    """Tell whether a function is of an installed package or of the standard library."""
    code = getattr(inspect.unwrap(f) if callable(f) else f, "__code__", None)
    return isinstance(code, types.CodeType) and code.co_filename.startswith(PACKAGES)


def _changeable(lo: Lowering, value: Value) -> bool:
    value = lo.current(value)
    if isinstance(value, Node):
        return value.kind != "tuple" or any(_changeable(lo, c) for c in value.children)
    return isinstance(value, Ref)
