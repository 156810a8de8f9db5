"""Calls of builtins that the frontend itself carries out."""

from __future__ import annotations

import ast
import bisect
import collections
import contextlib
import enum
import functools
import itertools
import math
import operator
import types
import typing
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from adcompile.frontend import (
    application,
    callables,
    calls,
    checkpoints,
    classes,
    containers,
    elements,
    expressions,
    heaps,
    iteration,
    iterators,
    lists,
    managers,
    opaque_equations,
    pipelines,
    positions,
    prelude,
    ranges,
    rows,
    run_texts,
    selection,
    sorting,
    tables,
    texts,
    vectorized,
)
from adcompile.frontend.array_functions import ARRAY_FUNCTIONS, of_one_type
from adcompile.frontend.construction import CONSTRUCTORS
from adcompile.frontend.operators import apply_binary
from adcompile.frontend.reflection import REFLECTION
from adcompile.frontend.signatures import Builtin
from adcompile.frontend.values import (
    Args,
    Flat,
    Iterable,
    Iterator,
    Keywords,
    LocalFunction,
    Partial,
    Ref,
    Rerun,
    Rows,
    Slice,
    Value,
    is_static,
)
from adcompile.ir.core import NONE, Const, Var, is_none
from adcompile.ir.forms import is_named_tuple
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_INT
from adcompile.rules.lengths import described

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def _len(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    value = lo.opened(args[0], node)
    if isinstance(value, Node) and value.kind != "object":
        return Const(len(value.keys if value.kind == "set" else value.children))
    if isinstance(value, Rows):
        return rows.length(lo, value)
    if isinstance(value, Ref) and lo.is_list(value):
        return lists.length(lo, value)
    if isinstance(value, Ref | Var) and lo.type_of(value).is_array:
        if lo.type_of(value).dims == ():
            lo.refuse(node, "a 0-d array has no len()", "here")
        length = lo.length_of(lo.atom(value), 0)
        return lo.located(node, length) if isinstance(length, Var) else length
    if isinstance(value, Iterable):
        return value.count()
    if isinstance(value, Flat):
        return elements.count(lo, value, node)
    if is_static(value):
        return callables.compute_now(lo, len, args, {}, node)
    if run_texts.is_unknown(value):
        return run_texts.call(lo, value, "__len__", [], {}, node)
    if isinstance(value, Var) and value.type.kind == "object":
        return opaque_equations.emit(lo, "path", ("builtins", "len"), (), args, {}, (PY_INT,), node)
    lo.refuse(node, f"len() of {described(lo.type_of(value))} is not known", "here")


def _new_tuple(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``tuple.__new__(cls, items)``, as the method `_make` of NamedTuples calls it."""
    cls = lo.static(args[0], node)
    if not isinstance(cls, type) or not is_named_tuple(cls):
        lo.refuse(node, "tuple.__new__() needs the class of a NamedTuple", "called here", "call the class")
    return Node("tuple", tuple(iteration.static_items(lo, args[1], node, len(cls._fields))), cls=cls)  # type: ignore[attr-defined]  # of a NamedTuple


def _bool(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``bool(value)``: of a container, whether it has items."""
    value = lo.current(args[0]) if len(args) == 1 else None
    if isinstance(value, Node | Rows) or (isinstance(value, Ref) and lo.is_list(value)):
        return expressions.truth(lo, value, node)
    return application.apply(lo, bool, args, keywords, node) if args else Const(False)


def _range(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if not 1 <= len(args) <= 3 or keywords:
        lo.refuse(node, "range() takes one to three arguments", "here")
    return ranges.range_(lo, args, node)


def _zip(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    strict = keywords.get("strict", Const(False))
    if not args or (set(keywords) - {"strict"}):
        lo.refuse(node, "zip() needs at least one argument", "here")
    if isinstance(strict, Const) and strict.value:
        counts = [_len(lo, [a], {}, node) for a in args]
        if not all(lo.same_length(counts[0], c) for c in counts[1:]):
            lo.refuse(node, "zip(strict=True) needs lengths that are proved equal", "here", "test the lengths before")
    return iterators.make(lo, iteration.zip_(lo, args, node))


def _enumerate(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    start = args[1] if len(args) > 1 else keywords.get("start", Const(0))
    return iterators.make(lo, iteration.enumerate_(lo, args[0], start, node))


def _reversed(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return iterators.make(lo, iteration.reversed_(lo, args[0], node))


def _filter(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return containers.filtered(lo, args[0], args[1], node)


def _spread(f: Callable[..., object]) -> Builtin:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        return selection.spread(lo, f, args, keywords, node)

    return make


def _sorted(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return sorting.sorted_(lo, args[0], keywords, node)


def _slice(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    atoms = [NONE if is_none(a) else lo.number(a, node) for a in args]
    return Slice(*{1: [NONE, *atoms, NONE], 2: [*atoms, NONE], 3: atoms}[len(atoms)])


def _partial(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return Partial(args[0], tuple(args[1:]), dict(keywords))


def _iter(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) == 2:
        return calls.in_python(lo, pipelines.until, args, node)
    held = lo.current(args[0])
    return held if isinstance(held, Iterator) else iterators.make(lo, iteration.iterable(lo, held, node))


def _module_function(name: str) -> Builtin:
    op: Mapping[str, str] = {"truediv": "div", "and_": "bitand", "or_": "bitor", "xor": "bitxor"}

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        return apply_binary(lo, op.get(name, name), args[0], args[1], node)

    return make


def _map(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    found = iteration.zip_(lo, args[1:], node)
    if isinstance(found, list):
        return iterators.make(lo, [calls.call(lo, args[0], list(_parts(lo.settled(i))), {}, node) for i in found])
    items = Iterable(
        found.count, lambda k: calls.call(lo, args[0], list(_parts(found.item(k))), {}, node), arrays=found.arrays
    )
    return iterators.make(lo, items)


def _negative(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return lo.emit(node, "neg", lo.number(args[0], node))


def _parts(item: Value) -> tuple[Value, ...]:
    assert isinstance(item, Node)
    return item.children


def _lru_cache(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Make a cache of a function, or what makes one: it must be so large that nothing is dropped from it."""
    if args and isinstance(lo.current(args[0]), LocalFunction):
        return calls.in_python(lo, prelude.cached, args[:1], node)
    size = lo.static(args[0] if args else keywords.get("maxsize", Const(None)), node)
    if size is not None or set(keywords) - {"maxsize"} or len(args) > 1:
        lo.refuse(node, "a cache that drops results is not supported", "called here", "use functools.cache")
    return Const(prelude.cached)


def _checkpoint(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) != 1 or keywords:
        lo.refuse(node, "checkpoint() takes one function", "here")
    return Rerun(args[0])


def _text(function: Callable[..., str]) -> Builtin:
    """Lower str() or repr() of one value."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        if len(args) == 1 and not keywords and isinstance(args[0], Var | Ref | Node):
            return texts.written(lo, args[0], node, function is str)
        if all(map(is_static, (*args, *keywords.values()))):
            return callables.compute_now(lo, function, args, keywords, node)
        return callables.unknown(lo, function, args, keywords, node)

    return make


def _format(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``format(value, spec)``."""
    spec = lo.static(args[1], node) if len(args) > 1 else ""
    held = "{:" + str(spec).replace("{", "{{").replace("}", "}}") + "}"
    return texts.formatted(lo, held, [texts.piece(lo, args[0], node)], node)


def _vectorize(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return vectorized.vectorized(lo, args, keywords, node)


def _maker(f: Callable[..., object]) -> Builtin:
    return lambda lo, args, keywords, node: classes.make(lo, f, args, keywords, node)


def _make_dataclass(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    import dataclasses

    return classes.make(lo, dataclasses.make_dataclass, args, keywords, node)


SPREAD: Final = (
    itertools.product,
    itertools.permutations,
    itertools.combinations,
    itertools.combinations_with_replacement,
    itertools.chain,
    itertools.pairwise,
    itertools.islice,
    itertools.zip_longest,
)


def _of_heaps(name: str) -> Builtin:
    return lambda lo, args, keywords, node: calls.in_python(lo, getattr(heaps, name), args, node, keywords)


def _of_tables(name: str) -> Builtin:
    return lambda lo, args, keywords, node: tables.TABLES[name](lo, args, keywords, node)


def _in_python(name: str) -> Builtin:
    """Run the function of `prelude` of that name."""
    return lambda lo, args, keywords, node: calls.in_python(lo, getattr(prelude, name), args, node, keywords)


HEAPS: Final = ("heappush", "heappop", "heapreplace", "heappushpop", "heapify")
EXTREMES: Final = ("nlargest", "nsmallest")
INSORTS: Final = ("insort_left", "insort_right")
OPERATORS: Final = tuple("add sub mul truediv floordiv mod pow matmul lt le gt ge eq ne".split())

OPERATIONS: Final[Mapping[str, str]] = {
    "getitem": "item_of",
    "setitem": "store_item",
    "delitem": "delete_item",
    "contains": "contained",
    "not_": "negation",
    "truth": "truth",
    "is_": "is_same",
    "is_not": "is_other",
    "pos": "positive",
    "abs": "absolute",
    "index": "same",
    "concat": "joined",
    "iadd": "add_to",
    "isub": "subtract_from",
    "imul": "multiply_by",
    "itruediv": "divide_by",
}

BUILTINS: Final[dict[object, Builtin]] = {
    **CONSTRUCTORS,
    **{f: _maker(f) for f in (collections.namedtuple, typing.NamedTuple, enum.Enum, enum.IntEnum)},
    **REFLECTION,
    **ARRAY_FUNCTIONS,
    **{getattr(bisect, name): _of_heaps(name) for name in INSORTS},
    tuple.__new__: _new_tuple,
    bool: _bool,
    len: _len,
    range: _range,
    zip: _zip,
    enumerate: _enumerate,
    reversed: _reversed,
    map: _map,
    filter: _filter,
    any: lambda lo, args, keywords, node: calls.in_python(lo, prelude.any_, args, node),
    all: lambda lo, args, keywords, node: calls.in_python(lo, prelude.all_, args, node),
    sorted: _sorted,
    slice: _slice,
    print: lambda lo, args, keywords, node: texts.print_(lo, args, keywords, node),
    iter: _iter,
    next: lambda lo, args, keywords, node: iterators.next_(lo, args, keywords, node),
    format: _format,
    str: _text(str),
    repr: _text(repr),
    max: lambda lo, args, keywords, node: selection.extremum(lo, max, args, keywords, node),
    min: lambda lo, args, keywords, node: selection.extremum(lo, min, args, keywords, node),
    contextlib.contextmanager: lambda lo, args, keywords, node: args[0],
    functools.wraps: lambda lo, args, keywords, node: Const(prelude.same),
    functools.cache: lambda lo, args, keywords, node: calls.in_python(lo, prelude.cached, args, node),
    functools.lru_cache: _lru_cache,
    functools.partial: _partial,
    functools.reduce: lambda lo, args, keywords, node: selection.reduced(lo, args, keywords, node),
    itertools.accumulate: lambda lo, args, keywords, node: selection.accumulated(lo, args, keywords, node),
    **{f: _spread(f) for f in SPREAD},
    operator.neg: _negative,
    **{getattr(operator, name): _module_function(name) for name in OPERATORS},
    **{getattr(operator, name): _in_python(f) for name, f in OPERATIONS.items()},
    math.prod: lambda lo, args, keywords, node: calls.in_python(lo, prelude.product, args, node, keywords),
    warnings.simplefilter: lambda lo, args, keywords, node: managers.filtered(lo, args, keywords, node),
    warnings.filterwarnings: lambda lo, args, keywords, node: managers.filtered(lo, args, keywords, node),
}

# Functions of modules that few programs load, by their modules and names.
NAMED: Final[Mapping[str, Builtin]] = {
    **{f"_heapq.{name}": _of_heaps(name) for name in HEAPS},
    **{f"heapq.{name}": _of_heaps(name) for name in EXTREMES},
    **{f"{positions.__name__}.{name}": _of_tables(name) for name in ("empty_like", "nothing", "caught", "growing")},
    f"{prelude.__name__}.of_one_type": of_one_type,
    f"{prelude.__name__}.vectorized": _vectorize,
    "dataclasses.make_dataclass": _make_dataclass,
    f"{checkpoints.__name__}.checkpoint": _checkpoint,
    f"{checkpoints.__name__}.checkpointed": lambda lo, args, keywords, node: checkpoints.lower_checkpointed(
        lo, args, keywords, node
    ),
}


def find(f: object) -> Builtin | None:
    """Return what the frontend does for a call of a function; None if it has no meaning of its own for it."""
    found = BUILTINS.get(f)
    if found is None and isinstance(f, types.FunctionType | types.BuiltinFunctionType):
        return NAMED.get(f"{f.__module__}.{f.__name__}")
    return found
