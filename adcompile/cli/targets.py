"""What a command is about: the function that is named, and the arguments that it is called with."""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import importlib.util
import inspect
import math
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from adcompile.api import Derivative
from adcompile.dispatch.guess import guessed_arguments
from adcompile.dispatch.signature import Signature, Transform
from adcompile.errors import AdcompileError
from adcompile.records import NamedTuple

__all__ = ["Target", "UsageError", "find"]

LENGTH: Final = 3  # of the axes of example arrays whose length is not given
PYTHON: Final = {"float": float, "int": int, "bool": bool, "complex": complex}


class UsageError(Exception):
    """A command that cannot be carried out; the message is one line."""


class Target(NamedTuple):
    """A function, its arguments, and which of them are differentiated (None: those made of floats).

    guessed  the arguments were neither given nor described
    """

    function: Callable[..., object]
    args: tuple[object, ...]
    wrt: tuple[int, ...] | None
    guessed: bool


def find(name: str, given: str | None, described: str | None, wrt: str | None) -> Target:
    """Find a function by ``module:function`` or ``file.py:function``, and make arguments for it."""
    module, function = load(name)
    plain = function.primal if isinstance(function, Derivative) else function
    chosen = _wrt(wrt, plain)
    if chosen is None and isinstance(function, Derivative):
        chosen = function.transform.argnums
    if given is not None:
        return Target(plain, _evaluated(given, module), chosen, False)
    if described is not None:
        return Target(plain, _examples(described), chosen, False)
    return Target(plain, _guessed(plain, chosen), chosen, True)


# -- the function


def load(name: str) -> tuple[types.ModuleType, Callable[..., object]]:
    """Import a module and return it with the function that is named."""
    place, colon, path = name.rpartition(":")
    if not colon or not place or not path:
        raise UsageError(f"{name!r} does not name a function: write module:function or file.py:function")
    module = _module(place)
    found: object = module
    for part in path.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{place} has no {path}{_candidates(module)}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{path} of {place} is {type(found).__name__}, not a function{_candidates(module)}")
    return module, found


def _candidates(module: types.ModuleType) -> str:
    names = [k for k, v in vars(module).items() if inspect.isfunction(v) and v.__module__ == module.__name__]
    return f"; it has {', '.join(names[:8])}" if names else ""


def _module(place: str) -> types.ModuleType:
    """Import a module by name or from a file. What it prints goes to standard error."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return _from_file(place) if place.endswith(".py") else importlib.import_module(place)
        except UsageError:
            raise
        except SystemExit as error:
            raise UsageError(f"importing {place} ends the program (exit status {error.code})") from None
        except Exception as error:
            raise UsageError(f"cannot import {place}: {_described(error)}") from error


def _described(error: Exception) -> str:
    """Describe an error of an import in one line, with its place in the module."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({os.path.basename(str(error.filename))}, line {error.lineno})"
    message = f"{type(error).__name__}: {error}" if not isinstance(error, ImportError) else str(error)
    trace = error.__traceback__
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if (
            "importlib" not in code.co_filename
            and not code.co_filename.startswith("<")
            and code.co_filename != __file__
        ):
            place = f" ({os.path.basename(code.co_filename)}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return f"{message.splitlines()[0] if message else type(error).__name__}{place}"


def _from_file(path: str) -> types.ModuleType:
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {path}")
    folder = os.path.dirname(os.path.abspath(path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


# -- which arguments


def _wrt(text: str | None, function: Callable[..., object]) -> tuple[int, ...] | None:
    """Read ``0,2`` or names of parameters."""
    if text is None:
        return None
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    found: list[int] = []
    for word in (w.strip() for w in text.split(",")):
        if word in names:
            found.append(names.index(word))
        elif word.lstrip("-").isdigit():
            found.append(int(word))
        else:
            raise UsageError(f"--wrt {text}: {word!r} is no number and no parameter of {', '.join(names) or 'it'}")
    return tuple(found)


# -- arguments


def _evaluated(text: str, module: types.ModuleType) -> tuple[object, ...]:
    """Evaluate arguments as Python, with np, math and the names of the module."""
    names = {"np": np, "numpy": np, "math": math, **vars(module)}
    try:
        value: object = eval(compile(f"({text},)" if text.strip() else "()", "<--args>", "eval"), names)
    except Exception as error:
        raise UsageError(f"--args {text}: {type(error).__name__}: {error}") from None
    assert isinstance(value, tuple)
    return value


def _examples(text: str) -> tuple[object, ...]:
    """Make arguments of the types that a text describes: ``float, f8[:], {"w": f4[2, 3]}``."""
    try:
        tree = ast.parse(f"({text},)", mode="eval").body
    except SyntaxError:
        raise UsageError(f"--types {text}: not a list of types such as float, f8[:], (int, f4[2, 3])") from None
    assert isinstance(tree, ast.Tuple)
    generator = np.random.default_rng(0)
    return tuple(_example(node, generator) for node in tree.elts)


def _example(node: ast.expr, generator: np.random.Generator) -> object:
    """Make a value of a type. Floats are between 0.5 and 1.5, where most functions are smooth."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return _number(name, generator)
        case ast.Subscript(value=ast.Name(id=name), slice=axes):
            lengths = [_length(a) for a in (axes.elts if isinstance(axes, ast.Tuple) else [axes])]
            return _array(_dtype(name), tuple(lengths), generator)
        case ast.Tuple(elts=items):
            return tuple(_example(i, generator) for i in items)
        case ast.List(elts=items):
            return [_example(i, generator) for i in items]
        case ast.Dict(keys=keys, values=values) if all(isinstance(k, ast.Constant) for k in keys):
            return {
                k.value: _example(v, generator)
                for k, v in zip(keys, values, strict=True)
                if isinstance(k, ast.Constant)
            }
    raise UsageError(
        f"--types: {ast.unparse(node)!r} is no type: write float, int, f8, f4[:], f8[:, 3], (...) or {{...}}"
    )


def _length(axis: ast.expr) -> int:
    match axis:
        case ast.Slice(lower=None, upper=None, step=None):
            return LENGTH
        case ast.Constant(value=int(n)) if n >= 0:
            return n
    raise UsageError(f"--types: {ast.unparse(axis)!r} is no length of an axis: write : or a number")


def _dtype(name: str) -> np.dtype:
    try:
        return np.dtype(PYTHON.get(name, name))
    except TypeError:
        raise UsageError(
            f"--types: {name!r} is no type: write float, int, bool, f4, f8, i8, c16, float32, ..."
        ) from None


def _number(name: str, generator: np.random.Generator) -> object:
    if name in ("None", "True", "False"):
        return getattr(builtins, name)
    value = _array(_dtype(name), (), generator)[()]
    return value.item() if name in PYTHON else value


def _array(dtype: np.dtype, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    if dtype.kind == "b":
        return np.ones(shape, dtype)
    if dtype.kind in "iu":
        return (np.arange(math.prod(shape)).reshape(shape) % LENGTH if shape else np.array(LENGTH)).astype(dtype)
    if dtype.kind not in "fc":
        raise UsageError(f"--types: arrays of {dtype} have no derivatives")
    real = generator.uniform(0.5, 1.5, shape).round(2)
    return np.asarray(real + 1j * generator.uniform(0.5, 1.5, shape).round(2) if dtype.kind == "c" else real, dtype)


def _guessed(function: Callable[..., object], wrt: Sequence[int] | None) -> tuple[object, ...]:
    """Guess arguments from annotations and defaults."""
    signature = Signature(function, Transform("grad", tuple(wrt or (0,))))
    try:
        values = guessed_arguments(signature)
    except AdcompileError as error:
        if error.__cause__ is not None and isinstance(error.__cause__, AdcompileError):
            raise error.__cause__ from None
        raise
    args, _ = signature.call_arguments(values, [])
    return tuple(args)
