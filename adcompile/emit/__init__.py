"""From the IR to source text: folding into expressions, names, statements, comments, printing."""

from adcompile.deferred import defer

# What few programs need; see `adcompile.deferred`.
defer(
    __name__,
    "pairs",
)
