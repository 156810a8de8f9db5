"""Where functions are that programs call as they are, and what is known of them by that."""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import random
import sys
import time
import types
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.ir.core import Const
from adcompile.rules.opaque import of_pure, within

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Name = tuple[str, str]

# Modules whose functions do more than compute a result, or compute it from more than their arguments.
IMPURE: Final = ("random", "time", "os", "sys", "io", "logging", "datetime", "secrets", "uuid", "gc", "warnings")
# Where the standard library is, and NumPy and what is installed beside it.
PACKAGES: Final = (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(np.__file__)))


def place_of(f: object) -> Name | None:
    """Return the module and the name in it by which a function can be reached from anywhere; None if by none."""
    name = getattr(f, "__name__", None)
    if not isinstance(name, str):
        return None
    if f is open:  # which says that it is of io
        return "builtins", name
    for module in (np.random, random, time):
        if getattr(module, name, None) == f:
            return module.__name__, name
    home, path = getattr(f, "__module__", None), getattr(f, "__qualname__", name)
    if home is None and isinstance(f, np.ufunc):  # NumPy's do not say where they are
        home = next((m for m in sorted(sys.modules) if "._" not in m and _attribute(m, name) is f), None)
    # compiled parts of the standard library have a public module that holds what is in them: _warnings, _bisect
    for module_name in (public_part(str(home).lstrip("_")), str(home), str(home).partition(".")[0]):
        found: object = sys.modules.get(module_name)
        for part in str(path).split("."):
            found = getattr(found, part, None)
        if (found is f or isinstance(f, types.MethodType) and found == f) and module_name != "__main__":
            return module_name, str(path)
    return None


def public_part(module: str) -> str:
    """Return the package that shows what is in a private module of SciPy."""
    return module.partition("._")[0] if module.startswith("scipy.") else module


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
    if not parts or not isinstance(f, ast.Name):
        return None
    held = lo.frame.names.get(f.id)
    module: object = held.value if isinstance(held, Const) else None
    if held is None and f.id not in lo.frame.local:
        with contextlib.suppress(KeyError):
            module = lo.frame.scope.lookup(f.id)
    return (module.__name__, ".".join(parts)) if isinstance(module, types.ModuleType) else None


def called_as(lo: Lowering, f: object, node: ast.AST) -> Name | None:
    """Return a place where a function is; one of a package is where the user found it, if he wrote that out."""
    written = chain_of(lo, node)
    return (_deepest(written) if written and of_a_package(f) else None) or place_of(f) or written


def is_impure(lo: Lowering, f: object, node: ast.AST) -> bool:
    """Tell whether a function is known to do more than compute a result from its arguments."""
    place = called_as(lo, f, node)
    return place is not None and (within(place[0], IMPURE) or within(place[0], ("numpy.random",)))


def is_pure(f: object) -> bool:
    """Tell whether calling a function once more when compiling makes no difference."""
    module = getattr(f, "__module__", None)
    place = place_of(f)
    module = place[0] if place is not None else module
    stores = place is not None and place[1].startswith("insort")
    return of_pure(module) and not (stores or isinstance(f, types.MethodType))


def is_common(module: str) -> bool:
    """Tell whether a module can be imported wherever NumPy can: Python's own, NumPy and SciPy."""
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in ("builtins", "numpy", "scipy")


def of_a_package(f: object) -> bool:
    """Tell whether a function, or the class of an object that is called, is of a package or the standard library."""
    code = getattr(inspect.unwrap(f) if callable(f) else f, "__code__", None)
    code = code or getattr(getattr(type(f), "__call__", None), "__code__", None)  # noqa: B004  # its code is wanted
    return isinstance(code, types.CodeType) and code.co_filename.startswith(PACKAGES)


def trusts(place: Name, f: object) -> bool:
    """Tell whether a function is known not to change its arguments."""
    quiet = ("random", "time", "logging", "warnings", "builtins", "numpy.random")
    return place[0] in quiet or is_pure(f)


def may_store(place: Name, f: object) -> bool:
    """Tell whether a function is of the private compiled part of a package, where results are often stored."""
    home = str(getattr(f, "__module__", None) or place[0])
    private = any(part.startswith("_") for part in home.split(".")) and place[0].startswith("scipy.")
    curve = isinstance(f, type) and home.startswith("scipy.interpolate.")  # its constructor is written in Python
    return private and not (curve or isinstance(f, types.FunctionType | np.ufunc))
