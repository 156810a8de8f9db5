"""Typed, structured SSA: types and lengths, statements, the online builder, the verifier, the printer."""
