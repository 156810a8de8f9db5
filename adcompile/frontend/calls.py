"""Lower calls: Python functions are run in place, NumPy functions become equations, builtins are done here."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import math
import operator
import textwrap
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.errors import CompileError
from adcompile.frontend import expressions, iteration, lists
from adcompile.frontend.resolve import MISSING, Source, resolve, signature_of
from adcompile.frontend.state import Frame
from adcompile.frontend.sourceless import stand_in
from adcompile.frontend.targets import target
from adcompile.frontend.values import (
    Generator,
    Iterable,
    LocalFunction,
    Method,
    Partial,
    Ref,
    Slice,
    Value,
    is_static,
    lift,
    static_value,
)
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.structure import Node
from adcompile.rules import binding, table

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

DEEPEST_CALL = 60

Args = Sequence[Value]
Keywords = Mapping[str, Value]


def call_node(lo: Lowering, node: ast.Call) -> Value:
    """Lower a call expression."""
    if isinstance(node.func, ast.Attribute):
        function = expressions.attribute(lo, expressions.evaluate(lo, node.func.value), node.func.attr, node.func)
    else:
        function = expressions.evaluate(lo, node.func)
    args = expressions.elements(lo, node.args)
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = expressions.evaluate(lo, keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif isinstance(value, Node) and value.kind == "dict":
            keywords.update({str(k): v for k, v in zip(value.keys, value.children, strict=True)})
        else:
            lo.refuse(keyword.value, "only a dict can be spread into keyword arguments", "here")
    return call(lo, function, args, keywords, node)


def call(lo: Lowering, function: Value, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a value."""
    match function:
        case LocalFunction():
            return call_local(lo, function, args, keywords, node)
        case Partial():
            return call(lo, function.function, [*function.args, *args], {**function.keywords, **keywords}, node)
        case Method():
            return call_method(lo, function, args, keywords, node)
        case Const() if callable(function.value):
            return call_object(lo, function.value, args, keywords, node)
    lo.refuse(node, "this is not a function that can be called", "here")


def call_object(lo: Lowering, f: object, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a Python object that is known when compiling."""
    try:
        builtin = BUILTINS.get(f)  # type: ignore[call-overload]  # any hashable object
        primitive = f in binding.FUNCTIONS
    except TypeError:
        lo.refuse(node, f"{f!r} cannot be called here", "not hashable")
    if builtin is not None:
        return builtin(lo, args, keywords, node)
    if f in table.STATIC:
        return lift(f(*map(_static_argument, args), **{k: _static_argument(v) for k, v in keywords.items()}))  # type: ignore[operator]  # a function
    if primitive:
        return apply(lo, f, args, keywords, node)
    if isinstance(f, functools.partial):
        return call(
            lo,
            lift(f.func),
            [*map(lift, f.args), *args],
            {**{k: lift(v) for k, v in f.keywords.items()}, **keywords},
            node,
        )
    if isinstance(f, types.FunctionType):
        return run_function(lo, resolve(f), args, keywords, node)
    if isinstance(f, types.MethodType):
        return call(lo, lift(f.__func__), [lift(f.__self__), *args], keywords, node)
    if all(map(is_static, args)) and all(map(is_static, keywords.values())) and _pure(f):
        return _compute_now(lo, f, args, keywords, node)
    return unknown(lo, f, args, keywords, node)


def _static_argument(value: Value) -> object:
    """Return what a function of a rule's receives: constants as they are, run-time operands as variables."""
    if isinstance(value, Node):
        items = [_static_argument(c) for c in value.children]
        return tuple(items) if value.kind == "tuple" else items
    return value if isinstance(value, Var) else static_value(value)


def _pure(f: object) -> bool:
    """Tell whether calling a C function of constants when compiling is the same as calling it at run time."""
    return f in (
        np.dtype,
        isinstance,
        issubclass,
        str,
        repr,
        hash,
        math.prod,
        math.gcd,
        divmod,
        sorted,
        hasattr,
        getattr,
    )


def _compute_now(lo: Lowering, f: object, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    assert callable(f)
    try:
        return lift(f(*map(static_value, args), **{k: static_value(v) for k, v in keywords.items()}))
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        lo.refuse(node, f"this call fails: {error!r}", "here")


def unknown(lo: Lowering, f: object, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    try:
        found = None if stand_in(f) is not None else target(f)
    except CompileError:
        found = None
    if found is None:
        name = getattr(f, "__qualname__", None) or getattr(f, "__name__", None) or repr(f)
        module = getattr(f, "__module__", None)
        full = f"{module}.{name}" if module and module != "builtins" else str(name)
        lo.refuse(
            node,
            f"no derivative rule for {full}",
            "not known to the compiler",
            "write it with functions that are, or move it out of the differentiated function",
        )
    merged = {**{k: lift(v) for k, v in found.keywords.items()}, **keywords}
    return run_function(lo, found.source, [*map(lift, found.bound), *args], merged, node)


# -- Python functions


def call_local(lo: Lowering, f: LocalFunction, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a function made inside the function being lowered."""
    from adcompile.frontend.lower import body_of, local_names, run_body

    inner = f.node
    named = inner.args
    positional = [a.arg for a in (*named.posonlyargs, *named.args)]
    names = {**f.defaults}
    if len(args) > len(positional) or named.vararg or named.kwarg or not set(keywords) <= set(_parameters(named)):
        lo.refuse(node, "the arguments do not fit this inner function", "called here")
    names.update(zip(positional, args, strict=False))
    names.update(keywords)
    missing = [p for p in _parameters(named) if p not in names]
    if missing:
        lo.refuse(node, f"missing argument `{missing[0]}`", "called here")
    check_depth(lo, node)
    frame = Frame(
        f.frame.scope,
        body_of(inner),
        names,
        f.frame,
        f.frame.rule,
        f.frame.numpy,
        (*lo.frame.calls, id(node)),
        local_names(inner),
        inner,
    )
    return run_body(lo, frame, inner)


def _parameters(args: ast.arguments) -> list[str]:
    return [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]


def run_function(
    lo: Lowering, source: Source, args: Args, keywords: Keywords, node: ast.AST, rule: bool = False
) -> Value:
    """Run a Python function in place: the user's, or a macro of ours."""
    from adcompile.frontend.lower import body_of, local_names, run_body
    from adcompile.frontend.recursion import is_recursive, recursive_call

    names = bind(lo, source, args, keywords, node)
    calls = (*lo.frame.calls, id(node)) if lo.frames else ()
    if not rule and is_recursive(lo, source):
        return recursive_call(lo, source, names, node)
    check_depth(lo, node)
    frame = Frame(source, body_of(source.node), names, None, lo.frame.rule, False, calls, local_names(source.node), source.node)
    return run_body(lo, frame, source.node)


def check_depth(lo: Lowering, node: ast.AST) -> None:
    if len(lo.frames) > DEEPEST_CALL:
        lo.refuse(node, "calls are nested too deeply", "called here", "use a loop")


def bind(lo: Lowering, source: Source, args: Args, keywords: Keywords, node: ast.AST) -> dict[str, Value]:
    """Bind the arguments of a call to the parameters of a function, as Python does."""
    params = signature_of(source)
    positional = [p for p in params if p.kind == "positional"]
    rest, extra = list(args), dict(keywords)
    names: dict[str, Value] = {}
    for p in positional:
        if rest:
            names[p.name] = rest.pop(0)
            if p.name in extra and not p.positional_only:
                lo.refuse(node, f"{source.name}() got two values for `{p.name}`", "called here")
    variadic = next((p for p in params if p.kind == "varargs"), None)
    if rest and variadic is None:
        lo.refuse(
            node, f"{source.name}() takes {len(positional)} positional arguments, {len(args)} were given", "called here"
        )
    if variadic is not None:
        names[variadic.name] = Node("tuple", tuple(rest))
    for p in params:
        if p.kind in ("positional", "keyword") and p.name not in names:
            if p.name in extra and not p.positional_only:
                names[p.name] = extra.pop(p.name)
            elif p.default is not MISSING:
                names[p.name] = default_value(lo, source, p.name, p.default, node)
            else:
                lo.refuse(node, f"{source.name}() misses the argument `{p.name}`", "called here")
    keyword_rest = next((p for p in params if p.kind == "varkw"), None)
    if keyword_rest is not None:
        names[keyword_rest.name] = Node("dict", tuple(extra.values()), tuple(extra))
    elif extra:
        lo.refuse(node, f"{source.name}() has no parameter `{next(iter(extra))}`", "called here")
    return names


def default_value(lo: Lowering, source: Source, name: str, value: object, node: ast.AST) -> Value:
    """Return the value of a default: numbers are constants, arrays hidden arguments."""
    if isinstance(value, np.ndarray):
        lo.refuse(
            node,
            f"the default of `{name}` is an array",
            f"called here, in {source.name}()",
            "bind the array to a global name and use that",
        )
    return lift(value)


def enter(
    lo: Lowering, source: Source, bound: Sequence[object], keywords: Keywords, given: Mapping[str, Value]
) -> Value:
    """Run the function that is being lowered."""
    from adcompile.frontend.lower import body_of, local_names, run_body

    names: dict[str, Value] = {}
    params = signature_of(source)
    for p, value in zip(params, bound, strict=False):
        names[p.name] = lift(value)
    names.update(keywords)
    names.update(given)
    for p in params:
        if p.name not in names:
            if p.kind == "varargs":
                names[p.name] = Node("tuple", ())
            elif p.kind == "varkw":
                names[p.name] = Node("dict", ())
            else:
                names[p.name] = lift(p.default)
    frame = Frame(source, body_of(source.node), names, local=local_names(source.node), node=source.node)
    return run_body(lo, frame, source.node)


# -- rules


_rule_sources: dict[object, Source] = {}


def rule_source(function: types.FunctionType) -> Source:
    """Return the source of a rule or macro of ours."""
    if function not in _rule_sources:
        _rule_sources[function] = one_definition(function)
    return _rule_sources[function]


def one_definition(function: types.FunctionType) -> Source:
    """Parse the definition of a rule alone: our own files have not been edited since they were imported."""
    lines = linecache.getlines(function.__code__.co_filename)
    block = inspect.getblock(lines[function.__code__.co_firstlineno - 1 :])
    (node,) = ast.parse(textwrap.dedent("".join(block))).body
    assert isinstance(node, ast.FunctionDef)
    return Source(function.__name__, node, function.__code__.co_filename, function, tuple(block))


# -- primitives


def plain(lo: Lowering, value: Value, node: ast.AST) -> binding.Argument:
    """Turn a value into what the binding of a primitive understands: atoms and nodes of atoms."""
    value = lo.current(value)
    match value:
        case Ref():
            return lo.as_array(lo.read(value), node)
        case Node():
            return Node(value.kind, tuple(plain(lo, c, node) for c in value.children), value.keys)
        case Var() | Const():
            return value
        case Slice() if is_static(value):
            return Const(static_value(value))
        case Generator() | Iterable():
            items = iteration.iterable(lo, value, node)
            return plain(lo, Node("list", tuple(items)), node) if isinstance(items, list) else NONE
    lo.refuse(node, f"a {type(value).__name__.lower()} cannot be passed to this function", "here")


def apply(lo: Lowering, f: Callable[..., object] | str, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Apply a NumPy, math or builtin function, or the array method of a name, that has a primitive."""
    bound = bind_primitive(lo, f, args, keywords, node)
    if bound.macro is not None:
        assert isinstance(bound.macro, types.FunctionType)
        return run_function(lo, rule_source(bound.macro), args, keywords, node, rule=True)
    for a in (*args, *keywords.values()):
        if isinstance(a, Generator | Iterable) and not isinstance(iteration.iterable(lo, a, node), list):
            lo.refuse(node, "a generator cannot be passed to this function", "here", "fill an array in a for loop")
    results = emit_bound(lo, bound, node)
    values = [lo.wrap(r) for r in results]
    if PRIMITIVES[bound.prim].shares and args and isinstance(args[0], Ref):
        for v in values:
            if isinstance(v, Ref):
                lo.link(v.cell, args[0].cell)
    return values[0] if len(values) == 1 else Node("tuple", tuple(values))


def bind_primitive(
    lo: Lowering, f: Callable[..., object] | str, args: Args, keywords: Keywords, node: ast.AST
) -> binding.Bound:
    operands = [plain(lo, a, node) for a in args]
    named = {k: plain(lo, v, node) for k, v in keywords.items()}
    try:
        return binding.bind(f, operands, named, lambda a: lo.static(a, node))
    except CompileError:
        raise
    except (TypeError, ValueError) as error:
        raise CompileError(str(error), lo.span(node), "called here") from error


def emit_bound(lo: Lowering, bound: binding.Bound, node: ast.AST) -> tuple[Atom, ...]:
    """Make the equations of a bound call; operands that are calls themselves are made first."""
    atoms = tuple(emit_bound(lo, a, node)[0] if isinstance(a, binding.Bound) else a for a in bound.args)
    return lo.guarded_many(node, bound.prim, atoms, bound.attrs)


def stacked(lo: Lowering, value: Node[Value], node: ast.AST | None) -> Value:
    """Make an array of nested lists of numbers."""
    return apply(lo, np.array, [value], {}, node or ast.Pass())


# -- methods


def call_method(lo: Lowering, method: Method, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a method of an array or of a container."""
    receiver, name = lo.current(method.receiver), method.name
    if isinstance(receiver, Node):
        return container_method(lo, receiver, name, args, keywords, node)
    if isinstance(receiver, Ref) and lists.is_list(lo, receiver) and not keywords:
        return lists.method(lo, receiver, name, args, node)
    if isinstance(receiver, Ref | Var | Const):
        if name in ("transpose", "swapaxes") and not keywords:
            return permute(lo, name, [receiver, *args], node)
        if name in binding.METHODS:
            return apply(lo, name, [receiver, *args], keywords, node)
    kind = lo.type_of(receiver)
    lo.refuse(
        node,
        f"the method `{name}` of {kind} is not supported",
        "called here",
        "use a NumPy function that is, or move the call out of the differentiated function",
    )


def container_method(
    lo: Lowering, receiver: Node[Value], name: str, args: Args, keywords: Keywords, node: ast.AST
) -> Value:
    if not keywords:
        found = (dict_method if receiver.kind == "dict" else sequence_method)(lo, receiver, name, args, node)
        if found is not None:
            return found
    lo.refuse(
        node,
        f"the method `{name}` of a {receiver.kind} is not supported",
        "called here",
        "build a new container, or use a NumPy array",
    )


def dict_method(lo: Lowering, receiver: Node[Value], name: str, args: Args, node: ast.AST) -> Value | None:
    pairs = dict(zip(receiver.keys, receiver.children, strict=True))
    match name, len(args):
        case "items", 0:
            return Node("tuple", tuple(Node("tuple", (lift(k), v)) for k, v in pairs.items()))
        case "keys", 0:
            return Node("tuple", tuple(lift(k) for k in receiver.keys))
        case "values", 0:
            return Node("tuple", receiver.children)
        case "copy", 0:
            return lo.container("dict", receiver.children, receiver.keys)
        case "get", 1 | 2:
            return pairs.get(lo.static(args[0], node), args[1] if len(args) == 2 else NONE)
        case "setdefault" | "pop", 1 | 2:
            key = lo.static(args[0], node)
            if key not in pairs and len(args) == 1:
                lo.refuse(node, f"the dict has no key {key!r}", "called here")
            value = pairs.get(key, args[-1])
            pairs[key] = value
            if name == "pop":
                del pairs[key]
            lo.change(node, receiver, tuple(pairs.values()), tuple(pairs))
            return value
        case "update", 1:
            other = _dict(lo, args, {}, node)
            assert isinstance(other, Node)
            pairs.update(zip(other.keys, other.children, strict=True))
            lo.change(node, receiver, tuple(pairs.values()), tuple(pairs))
            return NONE
    return None


def sequence_method(lo: Lowering, receiver: Node[Value], name: str, args: Args, node: ast.AST) -> Value | None:
    items = list(receiver.children)
    if name in ("index", "count") and is_static(receiver) and all(map(is_static, args)):
        return _compute_now(lo, getattr(static_value(receiver), name), args, {}, node)
    if receiver.kind == "tuple":
        return None
    result: Value = NONE
    match name, len(args):
        case "copy", 0:
            return lo.container("list", items)
        case "append", 1:
            items.append(args[0])
        case "extend", 1:
            items += iteration.static_items(lo, args[0], node, None)
        case "insert", 2:
            position = lo.static(args[0], node)
            assert isinstance(position, int)
            items.insert(position, args[1])
        case "pop", 0 | 1:
            index = args[0] if args else Const(-1)
            result = items.pop(expressions.position_in(lo, receiver, index, node))
        case "reverse", 0:
            items.reverse()
        case "clear", 0:
            items.clear()
        case _:
            return None
    lo.change(node, receiver, items)
    return result


def permute(lo: Lowering, name: str, args: Args, node: ast.AST) -> Value:
    """Lower transpose and swapaxes, which are views that can be written through."""
    value = args[0]
    if isinstance(value, Node):
        value = stacked(lo, value, node)
    rank = lo.type_of(value).rank
    if rank is None:
        lo.refuse(node, "the rank of this array is not known", "here")
    axes = [lo.static(a, node) for a in args[1:]]
    if name == "swapaxes":
        i, j = (_axis(lo, a, rank, node) for a in axes)
        order = list(range(rank))
        order[i], order[j] = order[j], order[i]
        return expressions.transposed(lo, value, tuple(order))
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        axes = list(axes[0] or ())  # type: ignore[arg-type]  # tested just before
    if not axes:
        return expressions.transposed(lo, value, None)
    order = [_axis(lo, a, rank, node) for a in axes]
    if sorted(order) != list(range(rank)):
        lo.refuse(node, f"axes {tuple(order)} do not permute the {rank} axes of the array", "here")
    return expressions.transposed(lo, value, tuple(order))


def _axis(lo: Lowering, axis: object, rank: int, node: ast.AST) -> int:
    if not isinstance(axis, int) or not -rank <= axis < rank:
        lo.refuse(node, f"an array of rank {rank} has no axis {axis}", "here")
    return axis % rank


# -- builtins


def _len(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    (value,) = args
    if isinstance(value, Node):
        return Const(len(value.children))
    if isinstance(value, Ref) and lists.is_list(lo, value):
        return lists.length(lo, value)
    if isinstance(value, Ref | Var) and lo.type_of(value).is_array:
        if lo.type_of(value).dims == ():
            lo.refuse(node, "a 0-d array has no len()", "here")
        return lo.length_of(lo.atom(value), 0)
    if isinstance(value, Iterable):
        return value.count()
    if is_static(value):
        return _compute_now(lo, len, args, {}, node)
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
        items = iteration.static_items(lo, args[0], node, None) if args else []
        return lo.container("tuple" if kind == "tuple" else "list", items)

    return make


def _dict(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
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
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    return Const(any(isinstance(k, type) and _is_kind(lo, value, k) for k in kinds))


def _is_kind(lo: Lowering, value: Value, kind: type) -> bool:
    if isinstance(value, Node):
        return issubclass({"tuple": tuple, "list": list, "dict": dict}[value.kind], kind)
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


def _permuted(name: str) -> Callable[[Lowering, Args, Keywords, ast.AST], Value]:
    def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
        axes = [keywords[k] for k in ("axes", "axis1", "axis2") if k in keywords]
        return permute(lo, name, [*args, *axes], node)

    return make


def _same_array(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """np.asarray of an array is the array itself."""
    if isinstance(args[0], Ref) and len(args) == 1 and not keywords:
        return args[0]
    return apply(lo, np.asarray, args, keywords, node)


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
        return Node("list", tuple(call(lo, args[0], list(_parts(i)), {}, node) for i in found))
    return Iterable(found.count, lambda k: call(lo, args[0], list(_parts(found.item(k))), {}, node))


def _reduce(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    items = iteration.static_items(lo, args[1], node, None)
    start = [args[2]] if len(args) > 2 else []
    if not start and not items:
        lo.refuse(node, "reduce() of nothing has no value", "here", "give it an initial value")
    result, *rest = [*start, *items]
    for item in rest:
        result = call(lo, args[0], [result, item], {}, node)
    return result


def _negative(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    return lo.emit(node, "neg", lo.number(args[0], node))


def _add_at(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower np.add.at: duplicates accumulate."""
    if len(args) != 3 or keywords or not isinstance(args[0], Ref) or lo.type_of(args[0]).is_list:
        lo.refuse(node, "np.add.at() needs an array, an index and a value", "called here")
    base = args[0]
    assert isinstance(base, Ref)
    step, atoms = expressions.components(lo, args[1], node)
    place = Ref(base.cell, (*base.path, step), base.atoms + atoms)
    lo.write(place, lo.number(args[2], node), node, "index_add")
    return NONE


def _parts(item: Value) -> tuple[Value, ...]:
    assert isinstance(item, Node)
    return item.children


BUILTINS: Final[dict[object, Callable[[Lowering, Args, Keywords, ast.AST], Value]]] = {
    len: _len,
    range: _range,
    zip: _zip,
    enumerate: _enumerate,
    reversed: _reversed,
    map: _map,
    tuple: _sequence("tuple"),
    list: _sequence("list"),
    dict: _dict,
    slice: _slice,
    print: _print,
    isinstance: _isinstance,
    functools.partial: _partial,
    functools.reduce: _reduce,
    operator.neg: _negative,
    np.add.at: _add_at,
    math.prod: _math_prod,
    np.transpose: _permuted("transpose"),
    np.swapaxes: _permuted("swapaxes"),
    np.asarray: _same_array,
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
