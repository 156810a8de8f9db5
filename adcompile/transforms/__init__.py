"""The transformations that make derivatives: forward, reverse, storage for the reverse sweep, in-place updates."""

from adcompile.deferred import defer

# What few derivatives need; see `adcompile.deferred`.
defer(
    __name__,
    "batch",
    "checkpoints",
    "custom",
    "derivatives",
    "forward",
    "jacobians",
    "lift",
    "linearity",
    "linearize",
    "lists",
    "pullbacks",
    "realness",
    "store_lengths",
    "transpose",
    "trees",
    "watch",
)
