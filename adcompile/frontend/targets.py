"""From any callable to the function that it ends in and the arguments that it brings along.

    functools.partial(model.loss, b=2.0)   ->   Target(source of Model.loss, (model,), {"b": 2.0})

Callables written in C that the compiler knows get a Python function that calls them: `np.sin` becomes
`def sin(x): return np.sin(x)`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import types
from collections.abc import Mapping

import numpy as np

from adcompile.custom.functions import CustomFunction
from adcompile.errors import ArgumentError, CompileError, SourceError, Span
from adcompile.frontend import files, sourceless
from adcompile.frontend.resolve import Source, resolve, span_of
from adcompile.records import dataclass

__all__ = ["Target", "target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A function with leading positional arguments (`self`, those of `partial`) and keyword arguments that are set."""

    source: Source
    bound: tuple[object, ...]
    keywords: Mapping[str, object]


def target(f: object) -> Target:
    """Return what a call of `f` runs.

    Raises SourceError where there is no source, CompileError for classes and coroutine and generator functions,
    ArgumentError where `f` cannot be called.
    """
    if isinstance(f, functools.partial):
        return _partial_target(f)
    if isinstance(f, types.MethodType):
        inner = target(f.__func__)
        return Target(inner.source, (*inner.bound, f.__self__), inner.keywords)
    known = sourceless.rule_caller(f) if isinstance(f, CustomFunction) else sourceless.stand_in(f)
    if known is not None:
        return Target(resolve(known), (), {})
    if isinstance(f, types.FunctionType):
        return Target(resolve(f), (), {})
    if isinstance(f, type):
        raise CompileError(
            f"{f.__qualname__} is a class", _class_span(f), help="differentiate a function that makes and uses it"
        )
    return _instance_target(f)


def _partial_target(f: functools.partial[object]) -> Target:
    placeholder = getattr(functools, "Placeholder", inspect.Parameter.empty)  # new in Python 3.14
    if any(a is placeholder for a in f.args):
        raise CompileError(
            "functools.Placeholder is not supported", help="write a lambda that puts the arguments in place"
        )
    inner = target(f.func)
    return Target(inner.source, (*inner.bound, *f.args), {**inner.keywords, **f.keywords})


def _instance_target(f: object) -> Target:
    """Return the target of an object whose class defines `__call__` in Python."""
    if not callable(f):
        raise ArgumentError(f"a function is needed, not {type(f).__name__}")
    # What a call looks up: in the class, never in the instance, and through the descriptor.
    call = inspect.getattr_static(type(f), "__call__")
    bound = call.__get__(f, type(f)) if hasattr(call, "__get__") else call
    if isinstance(bound, types.FunctionType | types.MethodType | functools.partial):
        return target(bound)
    name = getattr(f, "__qualname__", None) or getattr(f, "__name__", type(f).__qualname__)
    if isinstance(getattr(f, "__wrapped__", None), types.FunctionType):
        help = f"differentiate the function inside of it: {name}.__wrapped__"
    else:
        help = "call it in a Python function that you differentiate, or use its NumPy equivalent"
    raise SourceError(f"{name} has no Python source ({_kind(f)})", help=help)


def _kind(f: object) -> str:
    return "written in C" if isinstance(f, types.BuiltinFunctionType | np.ufunc) else f"a {type(f).__qualname__}"


def _class_span(cls: type) -> Span | None:
    """Return the place of a class's name line, if its file can be read and has one class of that name."""
    code = next((m.__code__ for m in vars(cls).values() if isinstance(m, types.FunctionType)), None)
    filename = code.co_filename if code else getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        file = files.snapshot(filename) if filename else None
    except (SyntaxError, ValueError):
        return None
    if file is None:
        return None
    nodes = [n for n in ast.walk(file.tree) if isinstance(n, ast.ClassDef) and n.name == cls.__name__]
    return span_of(nodes[0], file.filename, file.lines) if len(nodes) == 1 else None
