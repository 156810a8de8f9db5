"""Tables of rules for SciPy's functions, each loaded when a function of its package is first looked up.

Sources that call them import the package.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from importlib import import_module
from typing import Final

import numpy as np

from adcompile.rules.binding import FUNCTIONS

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "scipy.special": ("special",),
}


def known(f: object) -> bool:
    """Tell whether a function has a primitive or a macro."""
    if f not in FUNCTIONS:
        for table in TABLES.get(package_of(f), ()):
            import_module(f"{__name__}.{table}")
    return f in FUNCTIONS


def package_of(f: object) -> str:
    """Return the package of a function, or of the object of a method: scipy.special. Its ufuncs name none."""
    owner = getattr(f, "__self__", None)
    module = getattr(f if owner is None or isinstance(owner, types.ModuleType) else type(owner), "__module__", None)
    if module is None and isinstance(f, np.ufunc):
        return "scipy.special"
    return ".".join(str(module).split(".")[:2])
