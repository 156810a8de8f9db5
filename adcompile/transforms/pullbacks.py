"""The tangent and the adjoint of a pullback: pullbacks of the function with tangents.

Let V(x, w) = J(x)' w be the pullback of f, and F(x, x_dot) = (f(x), J(x) x_dot) the function with tangents. Since
d/dx <J(x) u, w> is a derivative of F alone,

    the tangent of V along (x_dot, w_dot)      is the part for x of the pullback of F at (x, x_dot) for (w_dot, w);
    the adjoint of V under the cotangent u is for x that part of the pullback of F at (x, u) for (0, w), and for w it is
                                           J(x) u.

So the reverse mode is never applied to a reverse sweep, nor to a tape.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from adcompile.analysis import activity
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Eqn, Function, Var
from adcompile.ir.derivatives import Pullback
from adcompile.transforms import conform

# Returns the function with tangents of the parameters of these numbers, which come after its own parameters; its
# results are those of the function and then their tangents.
# Whether rules for reverse mode will do, is said third: where the adjoint of a pullback is also its tangent.
Push = Callable[[Function, tuple[int, ...], bool], Function]
# Returns a function to evaluate once more: without what it shows.
Again = Callable[[Function], Function]


def description(eqn: Eqn) -> Pullback:
    """Return what the pullback is of."""
    (of,) = eqn.attrs
    assert isinstance(of, Pullback)
    return of


def pull(
    b: Builder, eqn: Eqn, gs: Sequence[Atom | None], active: Collection[Var], push: Push, again: Again
) -> Iterator[tuple[int, Atom]]:
    """Yield (position of the operand, its cotangent), given cotangents of the results."""
    of = description(eqn)
    count, results = len(of.function.params), len(of.function.outs)
    primals, seeds = eqn.args[:count], eqn.args[count:]
    given = [None if g is None else conform.cotangent(b, g, out) for g, out in zip(gs, eqn.outs, strict=True)]
    u = {j: g for j, g in zip(of.wrt, given[len(of.kept) :], strict=True) if g is not None}
    cotangents = {k: g for k, g in zip(of.kept, given, strict=False) if g is not None}
    fn, kept = again(of.function), dict[int, int]()
    wanted = [k for k, a in enumerate(primals) if a in active and a.type.inexact]
    if u:
        symmetric = len(u) == 1 and [*u] == wanted and primals[wanted[0]].type.dims == ()
        fn = push(fn, tuple(u), symmetric and not any(w in active for w in seeds))
        kept = {results + s: count + i for i, s in enumerate(of.seeds) if seeds[i] in active}
        cotangents |= {results + s: w for s, w in zip(of.seeds, seeds, strict=True)}
    wrt = tuple(k for k in wanted if reaches(fn, k, cotangents))
    if not wrt and not kept:
        return
    new = Pullback(fn, tuple(cotangents), wrt, tuple(kept))
    found = b.emit_many("pullback", (*primals, *u.values(), *cotangents.values()), (new,), ())
    yield from zip((*kept.values(), *wrt), found, strict=True)


def reaches(fn: Function, k: int, outs: Iterable[int]) -> bool:
    """Tell whether any of some results depends on parameter number k."""
    found = activity.active(fn, [fn.params[k]])
    return any(fn.outs[out] in found for out in outs)


def push(
    b: Builder, eqn: Eqn, dots: dict[Var, Atom], hint: Callable[[Var], str], push: Push, again: Again, apart: bool
) -> None:
    """Add a pullback that carries tangents to the program, and note the tangents of its results.

    `apart`: it does not give the results themselves too.
    """
    of = description(eqn)
    count = len(of.function.params)
    moving = tuple(k for k, a in enumerate(eqn.args) if isinstance(a, Var) and a in dots)
    primal = tuple(k for k in moving if k < count)
    for o in eqn.outs:
        dots.pop(o, None)
    if not moving:
        b.add(eqn)
        return
    seed_dots = {
        s: dots[a] for s, a in zip(of.seeds, eqn.args[count:], strict=True) if isinstance(a, Var) and a in dots
    }
    if not primal:
        b.add(eqn)
        new = Pullback(again(of.function), tuple(seed_dots), of.wrt)
        adjoints = eqn.outs[len(of.kept) :]
        _add(b, new, (*eqn.args[:count], *seed_dots.values()), [], adjoints, dots, hint)
        return
    together = set(of.wrt) <= set(primal) and not apart  # then one pullback gives the adjoints and their tangents
    fn = push(of.function if together else again(of.function), primal, True)
    results = len(of.function.outs)
    cotangents = {**seed_dots, **{results + s: w for s, w in zip(of.seeds, eqn.args[count:], strict=True)}}
    args = (*eqn.args[:count], *(dots[a] for k in primal if isinstance(a := eqn.args[k], Var)), *cotangents.values())
    kept, adjoints = eqn.outs[: len(of.kept)], eqn.outs[len(of.kept) :]
    carried = [k for k in of.kept if of.function.outs[k].type.inexact]
    dotted = [o for o in kept if o.type.inexact]
    if together:
        new = Pullback(
            fn,
            tuple(cotangents),
            (*(count + primal.index(k) for k in of.wrt), *of.wrt),
            (*of.kept, *(results + k for k in carried)),
        )
        kept_dots = [_fresh(o, dots, hint) for o in dotted]
        adjoint_dots = [_fresh(o, dots, hint) for o in adjoints]
        b.add(Eqn((*kept, *kept_dots, *adjoints, *adjoint_dots), "pullback", args, (new,), eqn.span))
        return
    b.add(eqn)
    new = Pullback(fn, tuple(cotangents), of.wrt, tuple(results + k for k in carried))
    _add(b, new, args, dotted, adjoints, dots, hint)


def _add(
    b: Builder,
    of: Pullback,
    args: Sequence[Atom],
    kept: Sequence[Var],
    adjoints: Sequence[Var],
    dots: dict[Var, Atom],
    hint: Callable[[Var], str],
) -> None:
    outs = [_fresh(o, dots, hint) for o in (*kept, *adjoints)]
    b.add(Eqn(tuple(outs), "pullback", tuple(args), (of,), b.span))


def _fresh(v: Var, dots: dict[Var, Atom], hint: Callable[[Var], str]) -> Var:
    dot = Var(hint(v), conform.carried_type(v))
    dots[v] = dot
    return dot
