"""Calls of builtins that the frontend itself carries out."""

from __future__ import annotations

import ast
import functools
import itertools
import math
import operator
import types
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import (
    access,
    application,
    arrangements,
    calls,
    checkpoints,
    containers,
    elements,
    expressions,
    iteration,
    lists,
    objects,
    opaque,
    rows,
    selection,
    sequences,
    sorting,
    views,
)
from adcompile.frontend.values import (
    Flat,
    Iterable,
    LocalFunction,
    Method,
    Partial,
    Ref,
    Rerun,
    Rows,
    Slice,
    Super,
    Value,
    is_static,
    static_value,
)
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_INT
from adcompile.rules import binding, mutators
from adcompile.rules.binding import Bound

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

PLAIN: Final[Mapping[str, type]] = {"tuple": tuple, "list": list, "dict": dict, "set": set}

Args = Sequence[Value]
Keywords = Mapping[str, Value]


def _len(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    (value,) = args
    if isinstance(value, Node) and value.kind != "object":
        return Const(len(value.keys if value.kind == "set" else value.children))
    if isinstance(value, Rows):
        return rows.length(lo, value)
    if isinstance(value, Ref) and lists.is_list(lo, value):
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
        return calls.compute_now(lo, len, args, {}, node)
    if isinstance(value, Var) and value.type.kind == "object":
        return opaque.emit(lo, "path", ("builtins", "len"), (), args, {}, (PY_INT,), node)
    lo.refuse(node, f"len() of {lo.type_of(value)} is not known", "here")


def _range(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if not 1 <= len(args) <= 3 or keywords:
        lo.refuse(node, "range() takes one to three arguments", "here")
    return iteration.range_(lo, args, node)


def _listed(found: Iterable | list[Value]) -> Value:
    return Node("list", tuple(found)) if isinstance(found, list) else found


def _zip(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    strict = keywords.get("strict", Const(False))
    if not args or (set(keywords) - {"strict"}):
        lo.refuse(node, "zip() needs at least one argument", "here")
    if isinstance(strict, Const) and strict.value:
        counts = [_len(lo, [a], {}, node) for a in args]
        if not all(lo.same_length(counts[0], c) for c in counts[1:]):
            lo.refuse(node, "zip(strict=True) needs lengths that are proved equal", "here", "test the lengths before")
    return _listed(iteration.zip_(lo, args, node))


def _enumerate(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    start = args[1] if len(args) > 1 else keywords.get("start", Const(0))
    return _listed(iteration.enumerate_(lo, args[0], start, node))


def _reversed(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return _listed(iteration.reversed_(lo, args[0], node))


def _sequence(kind: str) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        if kind == "list" and args:
            return lists.listed(lo, args[0], node)
        items = iteration.static_items(lo, args[0], node, None) if args else []
        return lo.container("tuple" if kind == "tuple" else "list", items)

    return make


def dict_(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    items: dict[object, Value] = {}
    for value in args:
        if isinstance(value, Node) and value.kind == "dict":
            items.update(zip(value.keys, value.children, strict=True))
            continue
        for pair in iteration.static_items(lo, value, node, None):
            key, item = iteration.static_items(lo, pair, node, 2)
            items[lo.static(key, node)] = item
    items.update(keywords)
    return lo.container("dict", tuple(items.values()), tuple(items))


def _ordered_dict(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    made = dict_(lo, args, keywords, node)
    assert isinstance(made, Node)
    return lo.container("dict", made.children, made.keys, OrderedDict)


def _defaultdict(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    factory = lo.current(args[0]) if args else NONE
    made = dict_(lo, args[1:], keywords, node)
    assert isinstance(made, Node)
    if isinstance(factory, LocalFunction | Partial):
        return lo.container("dict", made.children, made.keys, defaultdict, factory)
    return lo.container("dict", made.children, made.keys, defaultdict, lo.static(factory, node))


def _counter(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    counted: Counter[object] = Counter()
    for value in args:
        held = lo.static(value, node)
        counted.update(held if isinstance(held, dict | str) else [lo.static(i, node) for i in _items(lo, value, node)])
    counted.update({k: _whole(lo, v, node) for k, v in keywords.items()})
    return lo.container("dict", [Const(n) for n in counted.values()], tuple(counted), Counter)


def _items(lo: Lowering, value: Value, node: ast.AST) -> list[Value]:
    return iteration.static_items(lo, value, node, None)


def _whole(lo: Lowering, value: Value, node: ast.AST) -> int:
    found = lo.static(value, node)
    assert isinstance(found, int)
    return found


def _deque(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    limit = keywords.get("maxlen", args[1] if len(args) > 1 else NONE)
    longest = lo.static(limit, node)
    assert longest is None or isinstance(longest, int)
    items = iteration.static_items(lo, args[0], node, None) if args else []
    return lo.container("list", tuple(deque(items, longest)), (), deque, longest)


def _set(kind: type) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        items = iteration.static_items(lo, args[0], node, None) if args else []
        return containers.make_set(lo, items, node, None if kind is set else kind)

    return make


def _fromkeys(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    value = args[1] if len(args) > 1 else NONE
    keys = dict.fromkeys(lo.static(k, node) for k in iteration.static_items(lo, args[0], node, None))
    return lo.container("dict", [value] * len(keys), tuple(keys))


def _filter(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return containers.filtered(lo, args[0], args[1], node)


def _macro(function: Callable[..., object]) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        return sequences.run(lo, function, args, node)

    return make


def _sorted(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return sorting.sorted_(lo, args[0], keywords, node)


def _slice(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    atoms = [a if isinstance(a, Const) and a.value is None else lo.number(a, node) for a in args]
    return Slice(*{1: [NONE, *atoms, NONE], 2: [*atoms, NONE], 3: atoms}[len(atoms)])


def _print(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Print once, in the forward sweep."""
    shown = [a if isinstance(a, Const) else _printable(lo, a, node) for a in args]
    options = tuple((k, lo.static(v, node)) for k, v in keywords.items())
    if any(k not in ("sep", "end", "flush") for k, _ in options):
        lo.refuse(node, "print() to a file is not supported", "here", "print without `file`")
    lo.builder.emit_many("print", tuple(shown), (options,), ())
    return NONE


def _printable(lo: Lowering, value: Value, node: ast.AST) -> Atom:
    if isinstance(value, Ref | Var):
        return lo.atom(value)
    lo.refuse(node, "only numbers, arrays and text can be printed", "here", "print the parts of the container")


def _isinstance(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    value, classes = args
    kinds = static_value(classes)
    kinds = kinds.__args__ if isinstance(kinds, types.UnionType) else kinds
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    return Const(any(isinstance(k, type) and _is_kind(lo, value, k) for k in kinds))


def _is_kind(lo: Lowering, value: Value, kind: type) -> bool:
    if isinstance(value, Node):
        return issubclass(value.cls or PLAIN[value.kind], kind)
    if isinstance(value, Slice):
        return issubclass(slice, kind)
    if isinstance(value, LocalFunction | Partial | Method):
        return issubclass(types.MethodType if isinstance(value, Method) else types.FunctionType, kind)
    if isinstance(value, Const):
        return isinstance(value.value, kind)
    t = lo.type_of(value)
    if t.is_array:
        return issubclass(np.ndarray, kind)
    if t.kind == "py" and isinstance(t.dtype, type):
        return issubclass(t.dtype, kind)
    if t.kind == "np" and isinstance(t.dtype, np.dtype):
        return issubclass(t.dtype.type, kind)
    lo.refuse(None, f"isinstance() of {t} is not known when compiling", "", "convert the value with float() first")


def _partial(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return Partial(args[0], tuple(args[1:]), dict(keywords))


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
    (value,) = args
    if isinstance(value, Node):
        return Const(value.cls or PLAIN[value.kind])
    if isinstance(value, Const):
        return Const(type(value.value))
    t = lo.type_of(value)
    known = np.ndarray if t.is_array else t.dtype if t.kind == "py" else None
    if t.kind == "np" and isinstance(t.dtype, np.dtype):
        known = t.dtype.type
    if known is None:
        lo.refuse(node, f"the type of {t} is not known when compiling", "called here")
    return Const(known)


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


def _iter(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) != 1:
        lo.refuse(node, "iter() of a function is not supported", "called here", "use a while loop")
    return _listed(iteration.iterable(lo, args[0], node))


def _permuted(name: str) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        axes = [keywords[k] for k in ("axes", "axis1", "axis2") if k in keywords]
        return application.permute(lo, name, [*args, *axes], node)

    return make


def _same_array(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """np.asarray of an array is the array itself, if it has the dtype that is asked for."""
    if args and isinstance(args[0], Ref) and not lists.is_list(lo, args[0]) and set(keywords) <= {"dtype"}:
        dtype = keywords.get("dtype", args[1] if len(args) > 1 else NONE)
        if len(args) + len(keywords) <= 2 and views.same_array(lo, args[0], lo.static(dtype, node)):
            return args[0]
    return application.apply(lo, np.asarray, args, keywords, node)


def _array(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """np.array copies, unless it is told not to."""
    if args and isinstance(args[0], Ref) and "copy" in keywords:
        rest = {k: v for k, v in keywords.items() if k != "copy"}
        if not lo.static(keywords["copy"], node):
            return _same_array(lo, args, rest, node)
        return application.apply(lo, np.array, args, rest, node)
    return application.apply(lo, np.array, args, keywords, node)


def _contiguous(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """np.ascontiguousarray of an array that lies row after row is the array itself."""
    if len(args) != 1 or keywords or not isinstance(args[0], Ref) or lists.is_list(lo, args[0]):
        return application.apply(lo, np.ascontiguousarray, args, keywords, node)
    value = lo.emit(node, "contiguous", lo.read(args[0]))
    return views.result(lo, Bound("contiguous", (lo.read(args[0]),)), args[0], [value], node)[0]


def _module_function(name: str) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    op: Mapping[str, str] = {"truediv": "div", "and_": "bitand", "or_": "bitor", "xor": "bitxor"}

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        from adcompile.frontend.operators import apply_binary

        return apply_binary(lo, op.get(name, name), args[0], args[1], node)

    return make


def _math_prod(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    from adcompile.frontend.operators import apply_binary

    result: Value = keywords.get("start", Const(1))
    for item in iteration.static_items(lo, args[0], node, None):
        result = apply_binary(lo, "mul", result, item, node)
    return result


def _map(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    found = iteration.zip_(lo, args[1:], node)
    if isinstance(found, list):
        return Node("list", tuple(calls.call(lo, args[0], list(_parts(lo.settled(i))), {}, node) for i in found))
    return Iterable(
        found.count, lambda k: calls.call(lo, args[0], list(_parts(found.item(k))), {}, node), arrays=found.arrays
    )


def _negative(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return lo.emit(node, "neg", lo.number(args[0], node))


def _add_at(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST, sign: int = 1) -> Value:
    """Lower np.add.at: what comes twice is added twice."""
    base = _array_to_change(lo, args, keywords, 3, node)
    step, atoms = access.components(lo, args[1], node)
    place = Ref(base.cell, (*base.path, step), base.atoms + atoms)
    value = lo.number(args[2], node)
    lo.check_in_place(lo.type_of(base), value, node)
    if sign < 0:
        value = lo.number(lo.emit(node, "neg", value), node)
    lo.write(place, value, node, "index_add")
    return NONE


def _subtract_at(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return _add_at(lo, args, keywords, node, -1)


def _at(f: np.ufunc) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    """Lower ``ufunc.at`` as a loop over the places, one after the other."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        _array_to_change(lo, args, keywords, f.nin + 1, node)
        several = isinstance(args[1], Node) and args[1].kind == "tuple"
        rule = mutators.apply_at_places if several else mutators.apply_at
        assert isinstance(rule, types.FunctionType)
        return calls.run_function(lo, calls.rule_source(rule), [Const(f), *args], {}, node, rule=True)

    return make


def _array_to_change(lo: Lowering, args: Args, keywords: Keywords, count: int, node: ast.AST) -> Ref:
    base = args[0] if args else NONE
    if len(args) != count or keywords or not isinstance(base, Ref) or lo.type_of(base).is_list:
        lo.refuse(node, "ufunc.at() needs an array, indices and a value for each operand", "called here")
    return base


def _indices(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    first = args[0] if len(args) == 1 else NONE
    return elements.indices(lo, first.children if isinstance(first, Node) else args, node)


def _stack(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower np.stack; of a list that a loop has filled, it is the array that NumPy makes of the list."""
    if not args or not lists.is_list(lo, lo.current(args[0])):
        return application.apply(lo, np.stack, args, keywords, node)
    axis = args[1] if len(args) == 2 else keywords.get("axis", Const(0))
    if len(args) > 2 or keywords.keys() - {"axis"} or not isinstance(axis, Const):
        lo.refuse(node, "np.stack of a list that grows in a loop takes only the list and an axis", "called here")
    array = lo.wrap(lo.number(args[0], node))
    return array if axis.value == 0 else application.apply(lo, np.moveaxis, [array, Const(0), axis], {}, node)


def _parts(item: Value) -> tuple[Value, ...]:
    assert isinstance(item, Node)
    return item.children


def _checkpoint(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if len(args) != 1 or keywords:
        lo.refuse(node, "checkpoint() takes one function", "here")
    return Rerun(args[0])


def _text(template: str, function: Callable[..., str]) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    """Lower str() or repr() of one number or array."""

    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        if len(args) == 1 and not keywords and isinstance(args[0], Var | Ref):
            return expressions.text(lo, template, args, node)
        if all(map(is_static, (*args, *keywords.values()))):
            return calls.compute_now(lo, function, args, keywords, node)
        return calls.unknown(lo, function, args, keywords, node)

    return make


def _filtered(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    from adcompile.frontend import managers

    return managers.filtered(lo, args, keywords, node)


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

BUILTINS: Final[dict[object, Callable[[Lowering, Args, Keywords, ast.AST], Value]]] = {
    len: _len,
    range: _range,
    zip: _zip,
    enumerate: _enumerate,
    reversed: _reversed,
    map: _map,
    tuple: _sequence("tuple"),
    list: _sequence("list"),
    dict: dict_,
    OrderedDict: _ordered_dict,
    defaultdict: _defaultdict,
    Counter: _counter,
    deque: _deque,
    set: _set(set),
    frozenset: _set(frozenset),
    dict.fromkeys: _fromkeys,
    filter: _filter,
    any: _macro(sequences.any_),
    all: _macro(sequences.all_),
    sorted: _sorted,
    slice: _slice,
    print: _print,
    isinstance: _isinstance,
    super: _super,
    type: _type,
    getattr: _getattr,
    hasattr: _hasattr,
    setattr: _setattr,
    object.__setattr__: _set_raw,
    vars: _vars,
    callable: _callable,
    iter: _iter,
    functools.partial: _partial,
    functools.reduce: selection.reduced,
    itertools.accumulate: selection.accumulated,
    max: lambda lo, args, keywords, node: selection.extremum(lo, max, args, keywords, node),
    min: lambda lo, args, keywords, node: selection.extremum(lo, min, args, keywords, node),
    **{f: selection.spread(f) for f in SPREAD},
    operator.neg: _negative,
    np.add.at: _add_at,
    checkpoints.checkpoint: _checkpoint,
    checkpoints.checkpointed: checkpoints.lower_checkpointed,
    warnings.simplefilter: _filtered,
    str: _text("{}", str),
    repr: _text("{!r}", repr),
    warnings.filterwarnings: _filtered,
    np.subtract.at: _subtract_at,
    **{f.at: _at(f) for f in binding.FUNCTIONS if isinstance(f, np.ufunc) and f not in (np.add, np.subtract)},
    np.ndenumerate: lambda lo, args, keywords, node: elements.enumerated(lo, args[0], node),
    np.ndindex: _indices,
    math.prod: _math_prod,
    np.transpose: _permuted("transpose"),
    np.swapaxes: _permuted("swapaxes"),
    np.asarray: _same_array,
    np.piecewise: arrangements.piecewise,
    np.asanyarray: _same_array,
    np.array: _array,
    np.ascontiguousarray: _contiguous,
    np.stack: _stack,
    **{
        getattr(operator, name): _module_function(name)
        for name in (
            "add",
            "sub",
            "mul",
            "truediv",
            "floordiv",
            "mod",
            "pow",
            "matmul",
            "lt",
            "le",
            "gt",
            "ge",
            "eq",
            "ne",
        )
    },
}
