"""What the compiler knows of each primitive: the type of its result, its derivative, how users call it.

The tables here are always loaded; others when a function in them is first looked up, see `index`.
"""

from adcompile.rules import (
    arithmetic,
    choices,
    complexes,
    creation,
    custom,
    cuts,
    elementwise,
    indexing,
    integers,
    joining,
    kernel,
    lists,
    masked,
    mutators,
    opaque,
    permuting,
    products,
    reductions,
    scalar,
    shapes,
    structural,
    trees,
)

__all__ = [
    "arithmetic",
    "choices",
    "complexes",
    "creation",
    "custom",
    "cuts",
    "elementwise",
    "indexing",
    "integers",
    "joining",
    "kernel",
    "lists",
    "masked",
    "mutators",
    "opaque",
    "permuting",
    "products",
    "reductions",
    "scalar",
    "shapes",
    "structural",
    "trees",
]
