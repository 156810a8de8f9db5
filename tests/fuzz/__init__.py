"""Random programs, as source text, and what is asked of their derivatives: ``python -m tests.fuzz --minutes 60``.

stores    loops, branches, breaks and stores into two vectors
language  those, and helpers, exceptions, matches, closures, containers, iteration
whole     those, and matrices, complex numbers, objects, lists of arrays, comprehensions, early returns
views     views and aliases of arrays, stored through
"""
