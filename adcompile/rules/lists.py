"""Lists whose length is known only at run time: values in the program, emitted as Python lists.

They hold numbers, arrays or texts. The type of such a list has kind "list" and the dtype and shape of its elements. The
derivative of a list is a list of derivatives: the adjoint of an append is a pop, and that of a pop an append.

A list of lists is read and changed in one of its lists, by the same operations with the number of that list:

    list_append(l, x)   l.append(x)          list_row_append(p, k, x)   p[k].append(x)

Likewise the arrays of a list that owns them are read and stored to:

    index(x, i)         x[i]                 list_row_index(p, k, i)    p[k][i]
"""

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs, Var
from adcompile.ir.lengths import Facts
from adcompile.ir.lists import PARTS, READ, ROWS, VIEW, element_type, list_type
from adcompile.ir.primitives import PRIMITIVES, Infer, Primitive, register
from adcompile.ir.types import PY_INT, Type, join
from adcompile.records import replace
from adcompile.rules import indexing  # noqa: F401  # of which the operations on arrays in lists are made
from adcompile.rules.table import nondifferentiable


def widened(facts: Facts, held: Type, value: Type) -> Type:
    """Return the type of a list that takes in another value."""
    joined = join(facts, element_type(held), Type(value.kind, value.dtype, value.dims))
    if not joined.is_text and (joined.kind == "object" or joined.dims is None):
        raise TypeError(f"a list of {element_type(held)} cannot hold {value} as well")
    return replace(list_type(joined), layout=held.layout)


def infer_new(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    (held,) = attrs
    assert isinstance(held, Type)
    return held


def infer_append(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return widened(facts, args[0].type, args[1].type)


def infer_set(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return widened(facts, args[0].type, args[2].type)


def infer_add(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return args[0].type


def infer_pop(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    return (args[0].type, fresh_element(facts, args[0].type))


def infer_get(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return fresh_element(facts, args[0].type)


def fresh_element(facts: Facts, held: Type) -> Type:
    """Return the type of one element; unknown lengths differ from element to element."""
    t = element_type(held)
    if not t.is_array or t.dims is None:
        return t
    dims = tuple(facts.fresh() if getattr(facts.find(d), "op", "") == "fresh" else d for d in t.dims)
    return Type("array", t.dtype, dims)


def infer_length(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return PY_INT


def infer_array(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer np.array of a list, whose arrays have one shape."""
    t = args[0].type
    if t.dims is None:
        raise TypeError("the shape of the list's elements is not known")
    dtype = t.dtype if t.dtype is None or isinstance(t.dtype, np.dtype) else np.dtype(t.dtype)
    return Type("array", dtype, (facts.fresh_for(("list", args[0])), *t.dims))


def infer_items(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the list of an array's items along its first axis."""
    t = args[0].type
    assert t.dims
    return list_type(Type("array" if len(t.dims) > 1 else "scalar", t.dtype, t.dims[1:]))


def infer_concat(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ``l + m``."""
    return widened(facts, args[0].type, element_type(args[1].type))


def infer_fold(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the list of the sums of every len(like)-th item, the transpose of ``like * n``."""
    return args[1].type


def infer_insert(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return widened(facts, args[0].type, args[2].type)


register(Primitive("list_new", infer_new, signature="*xs, type", n_attrs=1, cost="product", allocates=True))
register(Primitive("list_append", infer_append, signature="l, x", cost="product", updates=True))
register(Primitive("list_pop", infer_pop, signature="l", cost="product", updates=True))
register(Primitive("list_get", infer_get, signature="l, i", cost="product", shares=True))
register(Primitive("list_set", infer_set, signature="l, i, x", cost="product", updates=True))
register(Primitive("list_add", infer_add, signature="l, i, x", cost="product", updates=True))
register(Primitive("list_zeros", infer_add, signature="l", cost="product", allocates=True))
register(Primitive("list_sum", infer_add, signature="l, m", cost="product"))
register(Primitive("list_array", infer_array, "np.array", signature="l", cost="product"))
register(Primitive("list_items", infer_items, "list", signature="x", cost="product", allocates=True, shares=True))
register(Primitive("list_length", infer_length, "len", signature="l", cost="product"))
register(Primitive("list_slice", infer_add, signature="l, lo, hi, step", cost="product", allocates=True))
register(Primitive("list_concat", infer_concat, signature="l, m", cost="product", allocates=True))
register(Primitive("list_repeat", infer_add, signature="l, n", cost="product", allocates=True))
register(Primitive("list_insert", infer_insert, signature="l, i, x", cost="product", updates=True))
register(Primitive("list_take", infer_pop, signature="l, i", cost="product", updates=True))
register(Primitive("list_add_slice", infer_add, signature="l, lo, hi, step, m", cost="product", updates=True))
register(Primitive("list_fold", infer_fold, signature="l, like", cost="product", allocates=True))


def infer_row(infer: Infer, updates: bool) -> Infer:
    """Return the inference of an operation on one list of a list of lists."""

    def inferred(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type | tuple[Type, ...]:
        held, _, *rest = args
        item = fresh_element(facts, held.type)
        found = infer(facts, (Var("", item), *rest), attrs)
        if not updates:
            return found
        first, *others = (found,) if isinstance(found, Type) else found
        return (held.type if item.is_array else list_type(first), *others)

    return inferred


for name, prim in ROWS.items():
    p = PRIMITIVES[prim]
    if prim in PARTS:
        signature = f"l, k, {p.signature.partition(', ')[2]}"
        p = replace(p, simplify=None, shares=False, cost="product", signature=signature)
    else:
        p = replace(p, signature=p.signature.replace("l", "l, k", 1))
    register(replace(p, name=name, infer=infer_row(p.infer, p.updates)))
register(replace(PRIMITIVES[READ], name=VIEW, shares=True))
nondifferentiable("list_zeros", "list_length", "list_row_length")
