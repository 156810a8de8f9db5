"""Trees: tuples that may hold tuples like themselves, as recursive functions return them.

A tree's type has the name of its structure alone: it is made of its parts, and taken apart into them again, by
equations that know the types of the parts. The tangent of a tree is a tree with tangents in the place of its numbers
and arrays.
"""

from __future__ import annotations

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, Length
from adcompile.ir.primitives import Primitive, register
from adcompile.ir.types import PY_BOOL, Type
from adcompile.rules import runtime
from adcompile.rules.kernel import given
from adcompile.rules.table import nondifferentiable


def infer_tree(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    (made,) = attrs
    assert isinstance(made, Type)
    return made


def infer_parts(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    """The parts have the types of the attribute; lengths that are not known are those of this tree alone."""
    (types,) = attrs
    assert isinstance(types, tuple)

    def fresh(d: Length) -> Length:
        return d if isinstance(d, int) else facts.fresh()

    return tuple(
        t if t.dims is None else Type(t.kind, t.dtype, tuple(map(fresh, t.dims)), layout=t.layout)
        for t in types
        if isinstance(t, Type)
    )


def infer_same(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return args[0].type


register(Primitive("tree", infer_tree, signature="*xs, type", n_attrs=1, cost="product"))
register(Primitive("untree", infer_parts, signature="t, types", n_attrs=1, cost="product"))
register(Primitive("tree_zeros", infer_same, "zeros_of_tree", signature="t", helper=runtime.zeros_of_tree))
register(Primitive("tree_absent", given(PY_BOOL), signature="t", cost="free", safe=True))
register(Primitive("tree_sum", infer_same, "sum_of_trees", signature="t, u", helper=runtime.sum_of_trees))
nondifferentiable("tree_zeros", "tree_absent")
