"""Decide how the reverse sweep gets each value of the primal: still alive, computed again, undone, or taped.

Before, the adjoint statements read any primal value, as if all were alive; afterwards the function is an ordinary
program. The function's own values, and those of its ifs, simply stay alive. In a loop and its mirror, taken together
and the inner ones first:

*  A value is computed again if that takes only shapes, arithmetic or the read of one element, and its operands can be
   had. Range indices and counters are computed from the index of the mirror.
*  An array that is stored to has versions. In some arrays (see `store_policy`) the mirror undoes each store: it puts
   back the overwritten piece, which it gets like any other value. It then holds an old version as a buffer, and what
   reads that version can be computed again.
*  Of the rest is taped the least that yields everything else: the minimum cut between what cannot be computed again
   and what is read.

What a loop reads of the values of an enclosing block becomes a need of that block. The total cost stays proportional
to that of the primal: no array is copied at every trip, unless the primal makes one at every trip.
"""

from __future__ import annotations

from adcompile.analysis import lasting
from adcompile.analysis.webs import overwritten, webs
from adcompile.ir.core import Atom, Function, Var, applies, variables
from adcompile.ir.lists import MEASURING
from adcompile.records import replace
from adcompile.transforms import store_lengths
from adcompile.transforms.store_context import Context
from adcompile.transforms.store_neutral import bind
from adcompile.transforms.store_pairs import rewrite_block
from adcompile.transforms.store_policy import Policy, undone_webs
from adcompile.transforms.store_shapes import share_shapes


def run(fn: Function, policy: Policy = "cheapest") -> Function:
    """Make the adjoint statements executable after the primal ones.

        for i: ...; v2 = sin(v1)                 for i: ...; v2 = sin(v1); push(v1; 0)
        for i reversed: ...; v3 = cos(v1)   ->   for i reversed: v4 = pop(0); ...; v3 = cos(v4)

    `policy` forces that all stores are undone, or none.
    """
    if not fn.adjoint:
        return fn
    fn = share_shapes(fn)
    if applies(fn.adjoint, *MEASURING):
        fn = store_lengths.measure_lists(fn)
    found = webs(fn.primal)
    reads = lasting.lasting_reads(fn, found) if found.stored else {}
    undone = undone_webs(fn, found, policy, reads)
    kept = {v: e for v, e in reads.items() if found.web(variables(e.args)[0]) not in undone}
    ctx = Context(fn, found, undone, kept)
    result = attempt(ctx)
    while ctx.misses or ctx.lost:
        ctx = Context(fn, found, ctx.undone, ctx.lasting, ctx.closed | ctx.misses, ctx.unheld | ctx.lost)
        result = attempt(ctx)
    return result


def attempt(ctx: Context) -> Function:
    """Rewrite the function, given what earlier attempts found that it cannot have."""
    fn = ctx.fn
    lost = overwritten(fn.primal, ctx.webs)
    entry: dict[Var, Atom] = {v: v for stmt in fn.primal for v in stmt.outs if ctx.webs.is_stored(v) and v not in lost}
    whole = rewrite_block(ctx, "top", fn.primal, fn.adjoint, entry, fn.params)
    return bind(replace(fn, primal=whole.primal, adjoint=whole.mirror), ctx.bound)
