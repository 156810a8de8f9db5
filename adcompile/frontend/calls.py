"""Lower calls: of functions made inside the function being lowered, of Python functions, which are run in place."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.custom.functions import CustomFunction
from adcompile.frontend import (
    access,
    application,
    branches,
    callables,
    checkpoints,
    classes,
    custom,
    expressions,
    generators,
    iteration,
    objects,
    opaque,
    optionals,
    recursion,
    registers,
    running,
    splines,
)
from adcompile.frontend.desugar import Desugared
from adcompile.frontend.frames import Frame, NeedsUnrolling, Unresolved, is_ours
from adcompile.frontend.resolve import Source, resolve, signature_of
from adcompile.frontend.signatures import bind, bind_parameters, parameters_of
from adcompile.frontend.values import Args, Choice, Keywords, LocalFunction, Method, Partial, Rerun, Value, lift
from adcompile.frontend.variables import is_generator, local_names
from adcompile.ir.core import Const, Var
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


DEEPEST_CALL: Final = 60
ROOM: Final = 200  # frames of the interpreter's stack that lowering a call without others may need


def call_node(lo: Lowering, node: ast.Call) -> Value:
    """Lower a call expression."""
    if isinstance(node.func, ast.Attribute):
        owner = objects.whose_attributes(lo, node.func.value) if node.func.attr == "update" else None
        if owner is not None:
            return objects.assign_many(lo, owner, expressions.elements(lo, node.args), keywords_of(lo, node), node)
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
    return call(lo, function, args, keywords_of(lo, node), node)


def keywords_of(lo: Lowering, node: ast.Call) -> dict[str, Value]:
    """Lower the keyword arguments of a call."""
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = expressions.or_none(lo, keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif isinstance(value, Node) and value.kind == "dict":
            keywords.update({str(k): v for k, v in zip(value.keys, value.children, strict=True)})
        else:
            lo.refuse(keyword.value, "only a dict can be spread into keyword arguments", "here")
    return keywords


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
            args, keywords = optionals.arguments(lo, f, args, keywords, node)
            return custom.call_custom(lo, f, args, keywords, node)
        case Node() | Const() | Var() if splines.is_spline(lo, function):
            return splines.call(lo, function, args, keywords, node)
        case Node() | Const() if (own := objects.method(lo, function, "__call__", node)) is not None:
            return call(lo, own, args, keywords, node)
        case Const() if callable(function.value):
            return callables.call_object(lo, function.value, args, keywords, node)
    of = function.type.dtype if isinstance(function, Var) and function.type.kind == "object" else None
    if isinstance(of, type) and of.__module__.startswith("numpy.polynomial."):
        hint = "use the functions of np.polynomial on the coefficients: polyval, chebval, legval, hermval or lagval"
        lo.refuse(node, f"objects of the class {of.__name__} are not followed", "called here", hint)
    if isinstance(function, Var) and registers.is_object(function):
        return opaque.call_object(lo, function, args, keywords, node)
    lo.refuse(node, "this is not a function that can be called", "here")


def call_local(lo: Lowering, f: LocalFunction, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a function made inside the function being lowered."""
    from adcompile.frontend.bodies import body_of, run_body

    inner = f.node
    name = inner.name if isinstance(inner, ast.FunctionDef) else "lambda"
    params = parameters_of(inner.args)
    names = bind_parameters(lo, name, params, lambda p: f.defaults.get(p.name), args, keywords, node)
    if running.is_running(lo, f):
        if inner in lo.resolved:
            return recursion.local_call(lo, f, names, node)
        if running.is_endless(lo, f, names):
            raise Unresolved(inner)
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
        dict(names),
    )
    if isinstance(inner, ast.FunctionDef) and is_generator(inner):
        return generators.call(lo, inner, frame)
    return run_body(lo, frame, inner)


def run_function(
    lo: Lowering, source: Source, args: Args, keywords: Keywords, node: ast.AST, rule: bool = False
) -> Value:
    """Run a Python function in place: the user's, or a macro of ours."""
    from adcompile.frontend.bodies import body_of, run_body

    names = bind(lo, source, args, keywords, node)
    home = classes.home(lo, source.function) if lo.made.cells and not rule else None
    calls = (*lo.frame.calls, id(node)) if lo.frames else ()
    if isinstance(source.node, ast.FunctionDef) and is_generator(source.node):
        caller = lo.frame.rule
        return generators.call(lo, source.node, Frame(source, Desugared([]), names, home, caller, node=source.node))
    shape = None if rule else running.shape_of(lo, names)
    if not rule and not is_ours(source) and running.is_recursive(lo, source, names, shape):
        if home is not None:
            lo.refuse(node, f"`{source.name}` is recursive, and reads variables around its class", "", classes.REMEDY)
        return recursion.recursive_call(lo, source, names, node)
    check_depth(lo, node)
    inner = source.node
    caller = lo.frame.rule if lo.frames else False
    macro = rule and not caller
    frame = Frame(source, body_of(inner), names, home, caller, False, macro, calls, local_names(inner), inner)
    frame.given, frame.shape = dict(names), shape
    try:
        return run_body(lo, frame, source.node)
    except NeedsUnrolling as needed:
        needed.span = needed.span or lo.span(node)  # if it is in a function of ours: the call of the user's
        raise


def check_depth(lo: Lowering, node: ast.AST) -> None:
    """Refuse a call that is deep within others, or find the function to be lowered as one that calls itself."""
    if len(lo.frames) <= DEEPEST_CALL and not _stack_is_full():
        return
    found = running.run_in_place(lo)
    if found is not None:
        raise Unresolved(found)
    lo.refuse(node, "calls are nested too deeply", "called here", "use a loop")


def _stack_is_full() -> bool:
    try:
        sys._getframe(sys.getrecursionlimit() - ROOM)
    except ValueError:
        return False
    return True


def enter(
    lo: Lowering, source: Source, bound: Sequence[object], keywords: Keywords, given: Mapping[str, Value]
) -> Value:
    """Run the function that is being lowered."""
    from adcompile.frontend.bodies import body_of, run_body

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
    frame.given, frame.shape = dict(names), running.shape_of(lo, names)
    return run_body(lo, frame, source.node)


def in_python(
    lo: Lowering, function: Callable[..., object], args: Args, node: ast.AST, keywords: Keywords | None = None
) -> Value:
    """Run a function of `prelude` or `pipelines` in place."""
    assert isinstance(function, types.FunctionType)
    return lo.current(run_function(lo, resolve(function, generators=True), args, keywords or {}, node))
