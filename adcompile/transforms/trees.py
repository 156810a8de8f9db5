"""The derivatives of trees: tuples that may hold tuples like themselves.

    t = tree(a, n, left)       ->    t_dot = tree(a_dot, None, left_dot)
    a, n, left = untree(t)     ->    a_dot, _, left_dot = untree(t_dot)

The adjoint of a tree is a tree too, or None for zeros: whoever takes a path through a tree makes adjoints for what lies
on it alone.

    t = tree(a, n, left)       ->    a_bar, _, left_bar = (0.0, None, None) if t_bar is None else untree(t_bar)
    a, n, left = untree(t)     ->    t_bar = tree(a_bar, None, left_bar)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, UNDEFINED, Atom, Block, Eqn, If, Var
from adcompile.ir.types import OBJECT
from adcompile.transforms import conform
from adcompile.transforms.adjoints import adjoint_type


def push(b: Builder, eqn: Eqn, dots: dict[Var, Atom], hint: Callable[[Var], str]) -> None:
    """Make a tree of the tangents of what a tree is made of, or take one apart."""
    if eqn.prim == "tree":

        def tangent(a: Atom) -> Atom:
            if a is UNDEFINED or not a.type.inexact:
                return UNDEFINED
            found = dots.get(a) if isinstance(a, Var) else None
            return conform.zeros(b, a) if found is None else found

        dots[eqn.out] = b.emit("tree", *map(tangent, eqn.args), attrs=eqn.attrs, name=hint(eqn.out))
        return
    if eqn.prim == "tree_sum":
        first, second = (dots.get(a) if isinstance(a, Var) else None for a in eqn.args)
        both = [d for d in (first, second) if d is not None]
        dots[eqn.out] = both[0] if len(both) == 1 else b.emit("tree_sum", *both, name=hint(eqn.out))
        return
    (t,) = eqn.args
    assert isinstance(t, Var)
    types = tuple(conform.carried_type(o) if o.type.inexact else OBJECT for o in eqn.outs)
    parts = b.emit_many("untree", (dots[t],), (types,), tuple(map(hint, eqn.outs)))
    dots.update({o: part for o, part in zip(eqn.outs, parts, strict=True) if o.type.inexact})


def pull(
    b: Builder,
    eqn: Eqn,
    gs: Sequence[Atom | None],
    active: Collection[Var],
    accumulate: Callable[[Atom, Atom], None],
    keys: Iterator[int],
) -> None:
    """Give the parts of a tree their adjoints, or a tree those of its parts."""
    if eqn.prim == "untree":
        (t,) = eqn.args
        pairs = zip(eqn.outs, gs, strict=True)
        bars = [zero(b, o) if g is None else conform.cotangent(b, g, o) for o, g in pairs]
        accumulate(t, b.emit("tree", *bars, attrs=(t.type,)))
        return
    (g,) = gs
    parts = [a if isinstance(a, Var) and a in active else None for a in eqn.args]
    if not isinstance(g, Var):
        return
    types = tuple(OBJECT if a is None else adjoint_type(a) for a in parts)
    with b.block() as none:
        zeros = [zero(b, a) for a in parts if a is not None]
    with b.block() as some:
        held = b.emit_many("untree", (g,), (types,))
    found = [v for v, a in zip(held, parts, strict=True) if a is not None]
    outs = tuple(Var("", adjoint_type(a)) for a in parts if a is not None)
    absent = b.emit("tree_absent", g)
    b.add(
        If(
            absent,
            Block((), tuple(none), tuple(zeros)),
            Block((), tuple(some), tuple(found)),
            outs,
            next(keys),
            None,
            eqn.span,
        )
    )
    for a, bar in zip([a for a in parts if a is not None], outs, strict=True):
        accumulate(a, bar)


def zero(b: Builder, v: Var) -> Atom:
    """Return the adjoint of a part of a tree that nothing has contributed to."""
    if v.type.is_tree:
        return NONE
    return conform.zeros(b, v) if v.type.inexact else UNDEFINED
