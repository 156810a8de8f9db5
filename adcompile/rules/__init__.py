"""What the compiler knows of each primitive: the type of its result, its derivative, how users call it."""

from adcompile.rules import (
    arithmetic,
    choices,
    creation,
    elementwise,
    indexing,
    joining,
    integers,
    kernel,
    linalg,
    lists,
    products,
    reductions,
    scalar,
    shapes,
    structural,
)

__all__ = [
    "arithmetic",
    "choices",
    "creation",
    "elementwise",
    "indexing",
    "joining",
    "integers",
    "kernel",
    "linalg",
    "lists",
    "products",
    "reductions",
    "scalar",
    "shapes",
    "structural",
]
