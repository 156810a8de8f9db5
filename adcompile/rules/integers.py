"""Numbers of trips: what the frontend needs besides the user's own operations."""

from __future__ import annotations

from adcompile.ir.core import Atom, Attrs, Const, is_none
from adcompile.ir.lengths import Facts, combine
from adcompile.ir.primitives import Primitive, register
from adcompile.ir.types import PY_INT, Type
from adcompile.rules.table import nondifferentiable


def infer_int(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return PY_INT


def infer_range_length(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """``len(range(start, stop, step))``, known when the bounds are; an example of it when they have examples."""
    values = [a.value if isinstance(a, Const) else None for a in args]
    if all(isinstance(v, int) for v in values):
        start, stop, step = (v for v in values if isinstance(v, int))
        return Type("py", int, (), len(range(start, stop, step)))
    return PY_INT


def infer_slice_length(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """``len(range(n)[lo:hi:step])``, as the length of a slice of an array of length n."""
    n, *bounds = (a.value if isinstance(a, Const) else a.type.value for a in args)
    known = n is not None and all(b is not None or is_none(a) for a, b in zip(args[1:], bounds, strict=True))
    return Type("py", int, (), combine("slice", (n, *bounds))) if known else PY_INT


register(Primitive("max_int", infer_int, "max", "a, b", fold=max, cost="arithmetic", safe=True))
register(Primitive("min_int", infer_int, "min", "a, b", fold=min, cost="arithmetic", safe=True))
register(Primitive("range_length", infer_range_length, signature="start, stop, step", cost="arithmetic"))
register(Primitive("slice_length", infer_slice_length, signature="n, lo, hi, step", cost="arithmetic"))
nondifferentiable("slice_length", "max_int", "min_int", "range_length")
