"""Lower calls that are made as they are: of functions that the compiler does not know, and of impure ones."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend import draws, optionals, registers, shuffles
from adcompile.frontend.opaque_equations import emit
from adcompile.frontend.opaque_samples import LARGEST, sampled
from adcompile.frontend.opaque_types import annotated, item_type, result_of
from adcompile.frontend.places import called_as, is_common, is_pure, may_store, of_a_package, trusts
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Args, Keywords, Ref, Value
from adcompile.ir.core import Atom, Const, Var, is_none
from adcompile.ir.structure import Node, leaves
from adcompile.ir.types import OBJECT, TEXT
from adcompile.rules.opaque import (
    INDEX_METHODS,
    PYTHON_DRAWS,
    UNKNOWN,
    Index,
    generators,
    is_draw,
    loggers,
    python_generators,
)

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Name = tuple[str, str]


def call_function(
    lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST
) -> Value | None:
    """Call a function that is not lowered; None if the program would have no way to refer to it."""
    if is_pure(f):
        known = sampled(lo, f, args, keywords, node)
        if known is not None:
            return known
    place = called_as(lo, f, node)
    lo.strangers.append((f, lo.span(node)))
    captured = held(lo, f, node) if place is None or not is_common(place[0]) else None
    if captured is not None:
        return emit(lo, "value", ("", ""), (captured,), args, keywords, (annotated(f),), node)
    if place is None:
        return None
    if place[0] in ("random", "numpy.random") and not (args and registers.is_object(args[0])):
        draw = functools.partial(_drawn, lo, place[0], node)
        taken = shuffles.instead(lo, place[1], args, keywords, node, draw, place[0] == "random")
        if taken is not None:
            return taken
    if "out" in keywords:
        lo.refuse(node, "the argument `out` of this function is not supported", "called here", "store its result")
    if place in (("random", "sample"), ("random", "choices")):
        several = drawn_list(lo, place[1], args, keywords, node)
        if several is not None:
            return several
    if may_store(place, f):
        refuse_stores(lo, (*args, *keywords.values()), node)
    result = result_of(lo, f, place, args, keywords, node)
    made = emit(lo, "path", place, (), args, keywords, (result,), node, trusts(place, f))
    if result == TEXT and (len(args) == 1 or is_none(args[1])):
        present = lo.builder.emit("not", lo.builder.emit("absent", lo.atom(made)))
        return optionals.pair(present, made)
    return made


def refuse_stores(lo: Lowering, values: Iterable[Value], node: ast.AST) -> None:
    """Refuse a call that may store into an array that is read later: some compiled functions do not ask if they may."""
    for value in map(lo.current, values):
        if isinstance(value, Node):
            refuse_stores(lo, value.children, node)
        elif isinstance(value, Ref) and any(True for _ in lo.reaching(value.cell)):
            what = "this compiled function may store into the array that it is given"
            lo.refuse(node, what, "not known to the compiler, and read later", "pass a copy of the array")


def drawn_list(lo: Lowering, name: str, args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Lower random.sample and random.choices, whose results are lists of as many items as is known."""
    k = keywords.get("k", args[1] if name == "sample" and len(args) > 1 else Const(1))
    number, t = lo.static_int(k, pin=True), item_type(lo, args[0]) if args else None
    if number is None or t is None or not 0 < number <= LARGEST:
        return None
    many = emit(lo, "path", ("random", name), (), args, keywords, (t,) * number, node, True)
    items = many.children if isinstance(many, Node) and number > 1 else (many,)
    return lo.container("list", list(items)) if number > 1 else None


def held(lo: Lowering, f: object, node: ast.AST) -> Atom | None:
    """Return a function as a hidden argument, if it is called by a name from outside."""
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
    if is_draw(cls) and not (args and registers.is_object(args[0])):
        draw = functools.partial(_method, lo, receiver, node)
        taken = shuffles.instead(
            lo, name, args, keywords, node, draw, isinstance(cls, type) and not issubclass(cls, generators())
        )
        if taken is not None:
            return taken
    if isinstance(cls, type) and issubclass(cls, generators()):
        result = draws.drawn(lo, name, args, keywords, node, issubclass(cls, np.random.Generator))
    elif isinstance(cls, type) and issubclass(cls, python_generators()):
        result = PYTHON_DRAWS.get(name, OBJECT if name == "seed" else UNKNOWN)
    elif cls is Index:
        result = INDEX_METHODS[name]
    elif isinstance(cls, type):
        result = annotated(getattr(cls, name, None))
    quiet = cls is Index or isinstance(cls, type) and issubclass(cls, (*generators(), *python_generators(), *loggers()))
    if "out" in keywords:
        lo.refuse(node, "the argument `out` of this method is not supported", "called here", "store its result")
    if any(receiver is held for _, held in lo.registers.values()):
        args = [registers.kept(lo, a, node) for a in args]
    return emit(lo, "method", ("", name), (receiver,), args, keywords, (result,), node, quiet)


def _method(lo: Lowering, receiver: Atom, node: ast.AST, name: str, args: Args, keywords: Keywords) -> Value:
    return call_method(lo, receiver, name, args, keywords, node)


def _drawn(lo: Lowering, module: str, node: ast.AST, name: str, args: Args, keywords: Keywords) -> Value:
    """Draw by another function of a module."""
    f: object = getattr(sys.modules[module], name)
    assert callable(f)
    result = result_of(lo, f, (module, name), args, keywords, node)
    return emit(lo, "path", (module, name), (), args, keywords, (result,), node, True)


def call_object(lo: Lowering, f: Var, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call an object of which only the class is known."""
    result = annotated(getattr(f.type.dtype, "__call__", None))  # noqa: B004  # its annotation is asked for
    return emit(lo, "value", ("", ""), (f,), args, keywords, (result,), node)


# -- functions with a source that cannot be lowered


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


def instead(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a function that could not be lowered; None if it cannot be called either.

    One of the user's own is, if its arguments are inactive and it cannot change them. One of another package is where
    the user calls it: if a derivative would be lost there, the transforms refuse that.
    """
    scope = lo.frame.scope
    caller = scope.function if isinstance(scope, Source) else None
    if of_a_package(f):
        return None if of_a_package(caller) else call_function(lo, f, args, keywords, node)
    every = (*args, *keywords.values())
    if getattr(f, "__closure__", None) or not all(surely_inactive(lo, a) and not _changeable(lo, a) for a in every):
        return None
    return call_function(lo, f, args, keywords, node)


def _changeable(lo: Lowering, value: Value) -> bool:
    value = lo.current(value)
    if isinstance(value, Node):
        return value.kind != "tuple" or any(_changeable(lo, c) for c in value.children)
    return isinstance(value, Ref)
