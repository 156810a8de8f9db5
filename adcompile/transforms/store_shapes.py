"""Shapes: an adjoint statement that reads only the shape of a value takes it from a value that is at hand anyway."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from adcompile.analysis.webs import is_store, is_view, overwritten, webs
from adcompile.ir.core import Atom, Eqn, Function, If, Loop, Stmt, Var, blocks_of, walk
from adcompile.ir.lengths import anchored
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import replace_block, replace_blocks
from adcompile.ir.types import numpy_dtype
from adcompile.records import replace

# Which operand of a primitive is read for its shape alone, and whether its dtype counts too.
SHAPE_OPERANDS: Final = {"zeros_like": (0, True), "dim": (0, False), "size": (0, False), "unbroadcast": (1, False)}

Shape = tuple[object, ...]


def share_shapes(fn: Function) -> Function:
    """Read shapes from arguments, or from values of its own equations that are never overwritten.

        for ...: v1 = mul(x, s); ...          for ...: v1 = mul(x, s); ...
        for ... reversed: z = zeros_like(v1)  ->  for ... reversed: z = zeros_like(x)

    Only for shapes that are expressions of the arguments: others may change from trip to trip.
    """
    sharing = _Sharing(fn)
    return replace(fn, adjoint=sharing.stmts(fn.adjoint))


class _Sharing:
    """`steady` are values of the function's own equations that stay, `places` the first value of each shape.

    What an if or a loop makes is left out: it may be undefined.
    """

    def __init__(self, fn: Function) -> None:
        self.fn = fn
        self.primal = {v for s in walk(fn.primal) for v in (*s.outs, *(p for b in blocks_of(s) for p in b.params))}
        self.made = {v: s for s in walk(fn.primal) if isinstance(s, Eqn) and len(s.outs) == 1 for v in s.outs}
        self.webs = webs(fn.primal)
        changing = overwritten(fn.primal, self.webs)
        self.steady = {v: None for s in fn.primal if isinstance(s, Eqn) for v in s.outs if v not in changing}
        self.places: dict[Shape, Var] = {}
        for v in (*fn.params, *self.steady):
            for strict in (True, False):
                key = shape_key(fn, v, strict)
                if key is not None:
                    self.places.setdefault(key, v)

    def stmts(self, stmts: Iterable[Stmt]) -> tuple[Stmt, ...]:
        return tuple(self.eqn(s) if isinstance(s, Eqn) else self.region(s) for s in stmts)

    def region(self, stmt: If | Loop) -> If | Loop:
        return replace_blocks(stmt, [replace_block(b, self.stmts(b.stmts), b.yields) for b in blocks_of(stmt)])

    def eqn(self, eqn: Eqn) -> Eqn:
        if eqn.prim not in SHAPE_OPERANDS:
            return eqn
        position, strict = SHAPE_OPERANDS[eqn.prim]
        v = self.source(eqn.args[position], strict)
        if v is not eqn.args[position]:
            eqn = replace(eqn, args=(*eqn.args[:position], v, *eqn.args[position + 1 :]))
        key = shape_key(self.fn, v, strict) if isinstance(v, Var) and v in self.primal else None
        other = self.places.get(key) if key is not None else None
        if other is None or (v in self.steady and other not in self.fn.params):
            return eqn
        return replace(eqn, args=(*eqn.args[:position], other, *eqn.args[position + 1 :]))

    def source(self, v: Atom, strict: bool) -> Atom:
        """Return the operand that a value was computed from and that has its shape, rather than to compute it again."""
        while (
            isinstance(v, Var)
            and v not in self.steady
            and (eqn := self.made.get(v)) is not None
            and not PRIMITIVES[eqn.prim].shares
        ):
            same = [a for a in eqn.args if isinstance(a, Var) and self.like(a, v, strict)]
            if not same or is_store(eqn):
                break
            v = min(same, key=self.depth)
        return v

    def like(self, a: Var, v: Var, strict: bool) -> bool:
        """Tell whether a value that stays as it is has the shape of another, and its dtype if `strict`."""
        alike = a.type.is_array and bool(a.type.dims) and self.fn.facts.same_dims(a.type.dims, v.type.dims)
        return (
            alike
            and not self.webs.is_written(a)
            and (not strict or numpy_dtype(a.type) == numpy_dtype(v.type) is not None)
        )

    def depth(self, v: Var) -> int:
        """Prefer views, which are cheap to make again."""
        made = self.made.get(v)
        return 0 if made is not None and is_view(made) else 1


def shape_key(fn: Function, v: Var, strict: bool) -> Shape | None:
    """Return a key of the shape of a value, and of its dtype if `strict`; None if a length may vary or is unknown."""
    dims = v.type.dims
    if not v.type.is_array or dims is None or not all(anchored(fn.facts.find(d)) for d in dims):
        return None
    dtype = numpy_dtype(v.type)
    if strict and dtype is None:
        return None
    return (tuple(map(fn.facts.find, dims)), dtype if strict else None, strict)
