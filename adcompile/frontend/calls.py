"""Lower calls: Python functions are run in place, NumPy functions become equations, builtins are done here."""

from __future__ import annotations

import ast
import functools
import linecache
import math
import operator
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.custom.functions import CustomFunction
from adcompile.errors import CompileError
from adcompile.frontend import (
    access,
    application,
    branches,
    builtin,
    checkpoints,
    custom,
    derivatives,
    expressions,
    iteration,
    objects,
    opaque,
)
from adcompile.frontend.resolve import MISSING, Parameter, Source, resolve, signature_of
from adcompile.frontend.sourceless import stand_in
from adcompile.frontend.state import Frame, Unbound
from adcompile.frontend.targets import target
from adcompile.frontend.values import (
    Choice,
    LocalFunction,
    Method,
    Partial,
    Ref,
    Rerun,
    Value,
    is_static,
    lift,
    static_value,
)
from adcompile.frontend.variables import local_names
from adcompile.ir.core import Const, Var
from adcompile.ir.structure import Node
from adcompile.rules import binding, table

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

DEEPEST_CALL = 60

# Builtins that ask the class of their argument.
SPECIAL: Final[Mapping[object, str]] = {
    abs: "__abs__",
    float: "__float__",
    int: "__int__",
    iter: "__iter__",
    len: "__len__",
    reversed: "__reversed__",
    round: "__round__",
}

Args = Sequence[Value]
Keywords = Mapping[str, Value]


def call_node(lo: Lowering, node: ast.Call) -> Value:
    """Lower a call expression."""
    if isinstance(node.func, ast.Attribute):
        holder = expressions.evaluate(lo, node.func.value)
        if isinstance(holder, Var) and holder.type.kind == "object":
            function: Value = Method(holder, node.func.attr)
        else:
            function = access.attribute(lo, holder, node.func.attr, node.func)
    else:
        function = expressions.evaluate(lo, node.func)
    nodes = node.args
    if isinstance(function, Const) and function.value is np.array and nodes:
        nodes = [iteration.rows_as_arrays(nodes[0], node.func), *nodes[1:]]
    args = expressions.elements(lo, nodes)
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
        case Choice(cond, then, orelse):
            sides = [lambda f=f: call(lo, f, args, keywords, node) for f in (then, orelse)]
            return branches.choose(lo, node, cond, *sides)
        case Method():
            return application.call_method(lo, function, args, keywords, node)
        case Rerun():
            return checkpoints.call(lo, function.function, args, keywords, node)
        case Const(value=CustomFunction() as f):
            return custom.call_custom(lo, f, args, keywords, node)
        case Node() | Const() if (own := objects.method(lo, function, "__call__", node)) is not None:
            return call(lo, own, args, keywords, node)
        case Const() if callable(function.value):
            return call_object(lo, function.value, args, keywords, node)
    lo.refuse(node, "this is not a function that can be called", "here")


def call_object(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a Python object that is known when compiling."""
    if f is CustomFunction.__call__ and args and isinstance(args[0], Const):
        return call(lo, args[0], args[1:], keywords, node)
    rule = custom.rule_for(lo, f)
    if rule is not None:
        return custom.call_custom(lo, rule, args, keywords, node)
    try:
        own = builtin.BUILTINS.get(f)
    except TypeError:
        lo.refuse(node, f"{f!r} cannot be called here", "not hashable")
    special = SPECIAL.get(f)
    if special is not None and len(args) == 1 and not keywords:
        done = objects.special(lo, args[0], special, [], node)
        if done is not None:
            return done
    if own is not None:
        return own(lo, args, keywords, node)
    template: object = getattr(f, "__self__", None)
    if isinstance(template, str) and f == template.format and not keywords:
        return expressions.text(lo, template, args, node)
    derived = derivatives.operator_of(f)
    if derived is not None:
        return derivatives.apply_operator(lo, derived, f, args, keywords, node)
    for function in derivatives.FUNCTIONS:
        if f is function:
            return function(lo, args, keywords, node)
    if not args and not keywords and f in (float, int, bool, complex, str):
        return Const(f())
    if f in table.STATIC:
        given = {k: _static_argument(lo, v) for k, v in keywords.items()}
        values = [_static_argument(lo, a) for a in args]
        return lo.guarded(node, lambda: lift(f(*values, **given)))
    if f in binding.FUNCTIONS or has_table(f):
        return application.apply(lo, f, args, keywords, node)
    if isinstance(f, checkpoints.Checkpoint):
        return checkpoints.call(lo, lift(f.__wrapped__), args, keywords, node)
    if not (lo.frame.rule or lo.frame.macro) and opaque.is_impure(lo, f, node):
        made = opaque.call_function(lo, f, args, keywords, node)
        if made is not None:
            return made
    if isinstance(f, functools._lru_cache_wrapper):
        return call(lo, lift(f.__wrapped__), args, keywords, node)
    if isinstance(f, functools.partial):
        return call(
            lo,
            lift(f.func),
            [*map(lift, f.args), *args],
            {**{k: lift(v) for k, v in f.keywords.items()}, **keywords},
            node,
        )
    if isinstance(f, operator.itemgetter | operator.attrgetter | operator.methodcaller):
        return call_getter(lo, f, args, node)
    ours = str(getattr(f, "__module__", "")).startswith("adcompile.")
    if isinstance(f, types.FunctionType) and (lo.frame.rule or (lo.frame.macro and ours)):
        return run_function(lo, rule_source(f), args, keywords, node, True)
    if isinstance(f, type):
        made = objects.make(lo, f, args, keywords, node)
        if made is not None:
            return made
    if args and (name := objects.known_function(f)) is not None:
        return objects.call_known(lo, name, args, keywords, node)
    if isinstance(f, types.FunctionType):
        return run_python(lo, f, args, keywords, node)
    if isinstance(f, types.MethodType):
        held = lo.constant(f, "__self__", f.__self__, node)
        return call(lo, lift(f.__func__), [held, *args], keywords, node)
    if all(map(is_static, args)) and all(map(is_static, keywords.values())) and _pure(f):
        return compute_now(lo, f, args, keywords, node)
    return unknown(lo, f, args, keywords, node)


def call_getter(lo: Lowering, f: object, args: Args, node: ast.AST) -> Value:
    """Call what operator.itemgetter, attrgetter or methodcaller made."""
    if len(args) != 1:
        lo.refuse(node, f"{type(f).__name__} takes one argument, {len(args)} were given", "called here")
    reduced = f.__reduce__()
    assert isinstance(reduced, tuple)
    given = reduced[1]  # what it was made with
    name, *rest = given
    if isinstance(f, operator.methodcaller):
        return call(lo, access.attribute(lo, args[0], name, node), [lift(a) for a in rest], {}, node)
    if isinstance(f, operator.attrgetter):
        found = [functools.reduce(lambda v, n: access.attribute(lo, v, n, node), n.split("."), args[0]) for n in given]
    else:
        items = [ast.Subscript(ast.Name("_", ast.Load()), ast.Constant(key), ast.Load()) for key in given]
        found = [access.read_item(lo, args[0], ast.copy_location(item, node)) for item in items]
    return found[0] if len(found) == 1 else Node("tuple", tuple(found))


def run_python(lo: Lowering, f: types.FunctionType, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Run a Python function in place; one that cannot be lowered is called as it is, where no derivative is lost."""
    if opaque.is_pure(f):
        known = opaque.sampled(lo, f, args, keywords, node)
        if known is not None:
            return known
    mark, names = lo.builder.mark(), lo.snapshot()
    try:
        return run_function(lo, resolve(f), args, keywords, node)
    except Unbound:
        raise
    except FAILURES as error:
        if not (isinstance(error, CompileError) or opaque.of_a_package(f)):
            raise
        lo.builder.rewind(mark)
        lo.restore(names)
        made = opaque.instead(lo, f, args, keywords, node)
        if made is None:
            raise
        return made


# What lowering the code of other packages, which may do anything, may raise.
FAILURES: Final = (CompileError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


def has_table(f: object) -> bool:
    """Tell whether a function of scipy.special has a primitive; its table is loaded when it is first asked for."""
    special = sys.modules.get("scipy.special")
    if special is None or getattr(special, getattr(f, "__name__", ""), None) is not f:
        return False
    import_module("adcompile.rules.special")
    return f in binding.FUNCTIONS


def _static_argument(lo: Lowering, value: Value) -> object:
    """Return what a function of a rule's receives: constants as they are, run-time operands as variables."""
    if isinstance(value, Node):
        items = [_static_argument(lo, c) for c in value.children]
        return tuple(items) if value.kind == "tuple" else items
    if isinstance(value, Ref):
        return lo.read(value)
    return value if isinstance(value, Var) else static_value(value)


def _pure(f: object) -> bool:
    """Tell whether calling a C function of constants when compiling is the same as calling it at run time."""
    if isinstance(f, types.BuiltinMethodType) and isinstance(f.__self__, str | bytes):
        return True
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
        operator.itemgetter,
        operator.attrgetter,
        operator.methodcaller,
    )


def compute_now(lo: Lowering, f: object, args: Args, keywords: Keywords, node: ast.AST) -> Value:
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
    made = None if found is not None else opaque.call_function(lo, f, args, keywords, node) if callable(f) else None
    if made is not None:
        return made
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
    from adcompile.frontend.lower import body_of, run_body

    inner = f.node
    name = inner.name if isinstance(inner, ast.FunctionDef) else "lambda"
    params = parameters_of(inner.args)
    names = bind_parameters(lo, name, params, lambda p: f.defaults.get(p.name), args, keywords, node)
    check_depth(lo, node)
    frame = Frame(
        f.frame.scope,
        body_of(inner),
        names,
        f.frame,
        f.frame.rule,
        f.frame.numpy,
        f.frame.macro,
        (*lo.frame.calls, id(node)),
        local_names(inner),
        inner,
    )
    return run_body(lo, frame, inner)


def parameters_of(args: ast.arguments) -> tuple[Parameter, ...]:
    """Return the parameters of a definition, without defaults."""
    only = [Parameter(a.arg, "positional", positional_only=True) for a in args.posonlyargs]
    found = [*only, *(Parameter(a.arg, "positional") for a in args.args)]
    if args.vararg is not None:
        found.append(Parameter(args.vararg.arg, "varargs"))
    found += [Parameter(a.arg, "keyword") for a in args.kwonlyargs]
    if args.kwarg is not None:
        found.append(Parameter(args.kwarg.arg, "varkw"))
    return tuple(found)


def run_function(
    lo: Lowering, source: Source, args: Args, keywords: Keywords, node: ast.AST, rule: bool = False
) -> Value:
    """Run a Python function in place: the user's, or a macro of ours."""
    from adcompile.frontend.lower import body_of, run_body
    from adcompile.frontend.recursion import is_recursive, recursive_call, shape_of

    names = bind(lo, source, args, keywords, node)
    calls = (*lo.frame.calls, id(node)) if lo.frames else ()
    shape = None if rule else shape_of(lo, names)
    if not rule and is_recursive(lo, source, names, shape):
        return recursive_call(lo, source, names, node)
    check_depth(lo, node)
    inner = source.node
    caller = lo.frame.rule if lo.frames else False
    macro = rule and not caller
    frame = Frame(source, body_of(inner), names, None, caller, False, macro, calls, local_names(inner), inner)
    frame.given, frame.shape = dict(names), shape
    return run_body(lo, frame, source.node)


def check_depth(lo: Lowering, node: ast.AST) -> None:
    if len(lo.frames) > DEEPEST_CALL:
        lo.refuse(node, "calls are nested too deeply", "called here", "use a loop")


def bind(lo: Lowering, source: Source, args: Args, keywords: Keywords, node: ast.AST) -> dict[str, Value]:
    """Bind the arguments of a call to the parameters of a function, as Python does."""
    params = signature_of(source)

    def default(p: Parameter) -> Value | None:
        return None if p.default is MISSING else default_value(lo, source, p.name, p.default, node)

    return bind_parameters(lo, source.name, params, default, args, keywords, node)


def bind_parameters(
    lo: Lowering,
    name: str,
    params: Sequence[Parameter],
    default: Callable[[Parameter], Value | None],
    args: Args,
    keywords: Keywords,
    node: ast.AST,
) -> dict[str, Value]:
    """Bind arguments to parameters; `name` is the function's."""
    positional = [p for p in params if p.kind == "positional"]
    rest, extra = list(args), dict(keywords)
    names: dict[str, Value] = {}
    for p in positional:
        if rest:
            names[p.name] = rest.pop(0)
            if p.name in extra and not p.positional_only:
                lo.refuse(node, f"{name}() got two values for `{p.name}`", "called here")
    variadic = next((p for p in params if p.kind == "varargs"), None)
    if rest and variadic is None:
        lo.refuse(node, f"{name}() takes {len(positional)} positional arguments, {len(args)} were given", "called here")
    if variadic is not None:
        names[variadic.name] = Node("tuple", tuple(rest))
    for p in params:
        if p.kind in ("positional", "keyword") and p.name not in names:
            if p.name in extra and not p.positional_only:
                names[p.name] = extra.pop(p.name)
                continue
            value = default(p)
            if value is None:
                lo.refuse(node, f"{name}() misses the argument `{p.name}`", "called here")
            names[p.name] = value
    keyword_rest = next((p for p in params if p.kind == "varkw"), None)
    if keyword_rest is not None:
        names[keyword_rest.name] = Node("dict", tuple(extra.values()), tuple(extra))
    elif extra:
        lo.refuse(node, f"{name}() has no parameter `{next(iter(extra))}`", "called here")
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
    from adcompile.frontend.lower import body_of, run_body

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
    from adcompile.frontend.recursion import shape_of

    frame.given, frame.shape = dict(names), shape_of(lo, names)
    return run_body(lo, frame, source.node)


# -- rules


_rule_sources: dict[object, Source] = {}


def rule_source(function: types.FunctionType) -> Source:
    """Return the source of a rule or macro of ours."""
    if function not in _rule_sources:
        _rule_sources[function] = one_definition(function)
    return _rule_sources[function]


def one_definition(function: types.FunctionType) -> Source:
    """Parse the definition of a rule alone: our own files are as they were imported, with rules at the left margin."""
    lines = linecache.getlines(function.__code__.co_filename)[function.__code__.co_firstlineno - 1 :]
    start = next(k for k, line in enumerate(lines) if line.startswith("def "))
    ends = (k for k in range(start + 1, len(lines)) if lines[k].strip() and lines[k][0] not in " )]")
    block = lines[: next(ends, len(lines))]
    (node,) = ast.parse("".join(block)).body
    assert isinstance(node, ast.FunctionDef)
    return Source(function.__name__, node, function.__code__.co_filename, function, tuple(block))
