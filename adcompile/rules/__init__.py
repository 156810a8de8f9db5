"""What the compiler knows of each primitive: the type of its result, its derivative, how users call it.

The tables here are always loaded; others when a function in them is first looked up, see `index`.
"""

from adcompile.rules import (
    arithmetic,
    choices,
    columns,
    complexes,
    creation,
    custom,
    cuts,
    elementwise,
    indexing,
    integers,
    joining,
    kernel,
    masked,
    opaque,
    permuting,
    products,
    reductions,
    shapes,
    structural,
    texts,
)

__all__ = [
    "arithmetic",
    "choices",
    "columns",
    "complexes",
    "creation",
    "custom",
    "cuts",
    "elementwise",
    "indexing",
    "integers",
    "joining",
    "kernel",
    "masked",
    "opaque",
    "permuting",
    "products",
    "reductions",
    "shapes",
    "structural",
    "texts",
]
