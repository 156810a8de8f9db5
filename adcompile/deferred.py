"""Modules that are loaded when something in them is first used.

    defer("adcompile.frontend", "sorting", "draws")    # in adcompile/frontend/__init__.py

    from adcompile.frontend import sorting             # loads nothing yet
    sorting.sorted_(...)                               # loads adcompile.frontend.sorting

A package defers what few programs need, since loading all of the compiler takes longer than compiling most functions.
Who reads a deferred module says `sorting.sorted_`, in functions: ``from adcompile.frontend.sorting import sorted_``
loads it at once, and so does a table of functions that is made when a module is loaded.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


class Deferred:
    """Stands for a module, and loads it when it is asked for something; of threads that ask at once, one loads it."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self._loaded: ModuleType | None = None

    def __getattr__(self, name: str) -> object:
        if self._loaded is None:
            self._loaded = importlib.import_module(self.__name__)
        return getattr(self._loaded, name)

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}, deferred>"


def defer(package: str, *names: str) -> None:
    """Let modules of a package be loaded when something in them is first used, unless they are loaded already."""
    for name in names:
        setattr(sys.modules[package], name, Deferred(f"{package}.{name}"))
