"""What a branch leaves as one of two arrays, so that a store goes to the one that it is.

    if c: t = a                     t: a if c else z
    else: t = np.zeros(n)    ->
    t[0] = v                        if c: a[0] = v
                                    else: z[0] = v

Both must be known after the branch: an array that is made on one side is one of zeros if the other side is taken.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from adcompile.frontend.state import Either
from adcompile.frontend.values import Ref, Value
from adcompile.ir.builder import UnknownLength
from adcompile.ir.core import FALSE, Const, Var
from adcompile.ir.types import join, numpy_dtype

if TYPE_CHECKING:
    from adcompile.frontend.branches import Join


def chosen(branch: Join, a: Value, b: Value) -> Ref | None:
    """Return what is one of two arrays of one rank; None if either is not known after the branch."""
    lo = branch.lo
    if not isinstance(a, Ref) or not isinstance(b, Ref):
        return None
    types = [branch.on_side(side, partial(lo.type_of, ref)) for side, ref in enumerate((a, b))]
    t = join(lo.facts, *types)
    if not t.is_array or t.dims is None:
        return None
    first, second = known(branch, a, 0), known(branch, b, 1)
    if first is None or second is None:
        return None
    ref = lo.new_cell(Var("", t))
    lo.choices[ref.cell] = Either(branch.cond, (first, second))
    return ref


def known(branch: Join, ref: Ref, side: int) -> Ref | None:
    """Return an array of one side as it is known after the branch."""
    lo = branch.lo
    atoms = tuple(a if isinstance(a, Const) else branch.on_one(a, Const(0), side) for a in ref.atoms)
    if ref.cell in branch.start.cells:
        return Ref(ref.cell, ref.path, atoms)
    choice = lo.choices.get(ref.cell)
    if choice is not None:
        first, second = (known(branch, r, side) for r in choice.refs)
        if first is None or second is None:
            return None
        other = FALSE if choice.number is None else Const(-1)
        new = lo.new_cell(branch.sides[side][0].cells[ref.cell])
        lo.choices[new.cell] = Either(branch.on_one(choice.cond, other, side), (first, second), choice.number)
        return Ref(new.cell, ref.path, atoms)
    lo.find_out(ref.cell)
    return Ref(ref.cell, ref.path, atoms) if kept(branch, ref.cell, side) else None


def kept(branch: Join, cell: int, side: int) -> bool:
    """Keep an array that is made on one side; False if that cannot be done."""
    lo, held = branch.lo, branch.sides[side][0].cells[cell]
    if any(cell in pair for pair in lo.aliases):
        return False
    try:
        shape = [lo.builder.length(d) for d in held.type.dims or ()]
    except UnknownLength:
        return False
    dtype = numpy_dtype(held.type)
    zeros = branch.on_side(1 - side, lambda: lo.builder.emit("zeros", *shape, attrs=(dtype,)))
    merged = branch.on_one(held, zeros, side)
    assert isinstance(merged, Var)
    branch.fresh[cell] = merged
    return True
