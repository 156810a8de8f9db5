"""Typed, structured SSA: types and lengths, statements, the online builder, the verifier, the printer."""

from adcompile.deferred import defer

# What few programs need; see `adcompile.deferred`.
defer(
    __name__,
    "pretty",
    "verify",
)
