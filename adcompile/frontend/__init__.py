"""From a Python callable to SSA: find its source, resolve its names, lower its syntax."""

from adcompile.deferred import defer

# What few functions need; see `adcompile.deferred`.
defer(
    __name__,
    "arrangements",
    "attempts",
    "closures",
    "concatenators",
    "custom",
    "custom_derivatives",
    "containers",
    "custom_pieces",
    "custom_primal",
    "custom_rules",
    "derivatives",
    "draws",
    "elements",
    "failures",
    "instances",
    "jacobians",
    "macros",
    "managers",
    "opaque",
    "opaque_equations",
    "opaque_samples",
    "opaque_types",
    "patterns",
    "places",
    "rows",
    "selection",
    "sorting",
    "surgery",
)
