"""Give a cotangent or tangent the shape and dtype of the value that it belongs to."""

from __future__ import annotations

import numpy as np

from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Const, Var, is_none
from adcompile.ir.lengths import Length
from adcompile.ir.types import Type, numpy_dtype


def carried_type(v: Var) -> Type:
    """Return the type of a derivative that enters or leaves a block: a number may be the constant 0.0 there."""
    if v.type.is_list:
        return Type("list", numpy_dtype(v.type), v.type.dims, layout=v.type.layout)
    return v.type if v.type.is_array or v.type.is_tree else Type("scalar", numpy_dtype(v.type))


def cotangent(b: Builder, g: Atom, v: Var) -> Atom:
    """Return a cotangent with the shape and dtype of `v`: sum over broadcast axes, spread, cast."""
    t = v.type
    if t.is_list or t.is_tree:
        return g
    if g.type.is_array and g.type.dims == ():
        g = number(b, g)
    if t.dims is None or g.type.dims is None:
        return cast(b, b.emit("unbroadcast", g, v), t)
    g = shrink(b, g, v, t.dims)
    assert g.type.dims is not None
    if t.dims and not b.facts.same_dims(g.type.dims, t.dims):
        g = b.emit("broadcast_to", g, *(b.length(d) for d in t.dims))
    return cast(b, g, t)


def number(b: Builder, g: Atom) -> Atom:
    """Return the number in an array without axes."""
    return b.emit("index", g, attrs=(("",),))


def tangent(b: Builder, g: Atom, v: Var) -> Atom:
    """Return a tangent with the shape and dtype of `v`."""
    t = v.type
    if t.is_list or t.is_tree:
        return g
    if t.is_scalar and g.type.is_array and g.type.dims == ():
        return cast(b, number(b, g), t)
    if t.is_array and t.dims == () and not g.type.is_array:
        return b.emit("full", g, attrs=(numpy_dtype(t),))
    if t.is_array and t.dims is not None and not b.facts.same_dims(g.type.dims, t.dims):
        g = b.emit("broadcast_to", g, *(b.length(d) for d in t.dims))
    return cast(b, g, t)


def shrink(b: Builder, g: Atom, v: Var, dims: tuple[Length, ...]) -> Atom:
    """Sum over the axes that broadcasting added: the transpose of broadcast_to."""
    have = g.type.dims
    assert have is not None
    lead = len(have) - len(dims)
    if lead < 0:
        return g
    inner: list[int] = []
    for axis, length in enumerate(dims):
        given = b.facts.find(have[lead + axis])
        if given == 1 or b.facts.same(given, length):
            continue
        if b.facts.find(length) != 1:
            return b.emit("unbroadcast", g, v)
        inner.append(axis)
    if not dims:
        return sum_over(b, g, None, False) if have else g
    if lead and not inner:
        return sum_over(b, g, tuple(range(lead)), False)
    if lead:
        g = sum_over(b, g, tuple(range(lead)), False)
    return sum_over(b, g, tuple(inner), True) if inner else g


def sum_over(b: Builder, g: Atom, axes: tuple[int, ...] | None, keepdims: bool) -> Atom:
    """Sum over axes; over all of them if `axes` is None."""
    axis: int | tuple[int, ...] | None = axes[0] if axes is not None and len(axes) == 1 else axes
    return b.emit("sum", g, attrs=(axis, keepdims, None))


def cast(b: Builder, g: Atom, t: Type) -> Atom:
    """Cast to the dtype of `t`; Python numbers take on whatever they meet."""
    want, have = numpy_dtype(t), numpy_dtype(g.type)
    if want is None and have is not None and have.kind == "c" and t.kind != "object":
        return b.emit("real", g)  # of a precision that is not known
    if want is None or have == want:
        return g
    if have is not None and have.kind == "c" and want.kind == "f":
        g = b.emit("real", g)
    elif g.type.kind == t.kind == "py" and want.kind == "c" and not isinstance(g, Const):
        return b.emit("as_complex", g)
    if g.type.kind == "py" or (isinstance(g, Const) and isinstance(g.value, int | float)):
        return g
    return b.emit("astype", g, attrs=(want,))


def zeros(b: Builder, v: Var | Const) -> Atom:
    """Return a zero cotangent or tangent of a value."""
    if isinstance(v, Var) and v.type.is_list:
        return b.emit("list_zeros", v)
    if isinstance(v, Var) and v.type.is_tree:
        return b.emit("tree_zeros", v)
    if isinstance(v, Var) and v.type.is_array:
        return b.emit("zeros_like", v)
    if isinstance(v, Const) and isinstance(v.value, np.ndarray):
        return b.emit("zeros_like", v)
    if is_none(v):  # the adjoint of a tree
        return v
    return Const(0.0)
