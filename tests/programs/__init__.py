"""Small programs in which a derivative is easily got wrong, grouped by what makes them tricky.

Each is checked in every mode against finite differences; see `tests/test_programs.py`.
"""

from tests.programs import (
    arrays,
    closures,
    complexes,
    containers,
    exceptions,
    helpers,
    jumps,
    kernels,
    lists,
    loops,
    matches,
    memory,
    models,
    mutators,
    naming,
    numpy_functions,
    objects,
    opaque,
    reductions,
    scalars,
    scoping,
    stores,
    views,
)
from tests.programs.registry import PROGRAMS, Program

__all__ = [
    "PROGRAMS",
    "Program",
    "arrays",
    "closures",
    "complexes",
    "containers",
    "exceptions",
    "helpers",
    "jumps",
    "kernels",
    "lists",
    "loops",
    "matches",
    "memory",
    "mutators",
    "models",
    "naming",
    "numpy_functions",
    "objects",
    "opaque",
    "reductions",
    "scalars",
    "scoping",
    "stores",
    "views",
]
