"""What the compiler decided about each value of a function: whether it is active, and how the reverse sweep gets it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from adcompile.analysis import lasting
from adcompile.analysis.activity import active, differentiable_args
from adcompile.analysis.webs import webs
from adcompile.ir.core import Eqn, Function, Stmt, Var, blocks_of, bound_by, definitions, operands, variables, walk
from adcompile.transforms.store_policy import undone_webs
from adcompile.transforms.store_shapes import share_shapes

__all__ = ["Decisions", "How", "decide"]

# How the reverse sweep gets a value: it does not read it; it is still there; it is computed again; the store that hid
# it is put back; it was put on a tape.
How = Literal["not read", "kept alive", "recomputed", "undone", "taped"]

# What reads an active value without letting a derivative through, and is no cut of one.
SILENT: Final = frozenset(
    {
        "dim",
        "size",
        "ndim",
        "zeros_like",
        "ones_like",
        "empty_like",
        "print",
        "assert",
        "raise",
        "format",
        "undo",
        "hook",
    }
)


@dataclass(frozen=True)
class Decisions:
    """What is known of the variables of a function.

    reaching  the differentiated variables that each active variable depends on
    useful    the variables that the result depends on, differentiably
    cuts      the equations that read an active value and let no derivative through
    upstream  for a variable, the cuts that it depends on
    how       how the reverse sweep gets each variable that it reads
    looped    the variables that are made in a loop
    """

    reaching: Mapping[Var, frozenset[Var]]
    useful: frozenset[Var]
    cuts: tuple[Eqn, ...]
    upstream: Mapping[Var, tuple[Eqn, ...]]
    how: Mapping[Var, How]
    looped: frozenset[Var] = field(default_factory=frozenset)


def decide(
    primal: Function,
    wrt: Iterable[Var],
    before: Function,
    after: Function,
    result: Var | None,
    lengths: Collection[Var] = (),
) -> Decisions:
    """Collect the decisions: `before` and `after` are the gradient before and after the store pass.

    `lengths` are those that the user asked for with len(), which are cuts too.
    """
    reaching: dict[Var, set[Var]] = {}
    for v in wrt:
        for a in active(primal, [v]):
            reaching.setdefault(a, set()).add(v)
    cuts = tuple(_cuts(primal, reaching, lengths))
    return Decisions(
        {v: frozenset(found) for v, found in reaching.items()},
        frozenset(_useful(primal, result)),
        cuts,
        _downstream(primal, cuts),
        dict(_how(before, after)),
        frozenset(_looped(primal.primal, False)),
    )


def _cuts(fn: Function, reaching: Mapping[Var, set[Var]], lengths: Collection[Var]) -> Iterator[Eqn]:
    read = {v for s in walk(fn.stmts) for v in _reads(s)} | set(variables(fn.outs))
    for stmt in walk(fn.primal):
        if not isinstance(stmt, Eqn) or not any(o in read for o in stmt.outs):
            continue
        if stmt.prim in SILENT and not any(o in lengths for o in stmt.outs):
            continue
        passing = set(differentiable_args(stmt)) if any(o.type.inexact for o in stmt.outs) else set()
        stopped = [k for k, a in enumerate(stmt.args) if isinstance(a, Var) and a in reaching and k not in passing]
        if stopped and not any(o in reaching for o in stmt.outs):
            yield stmt


def _reads(stmt: Stmt) -> list[Var]:
    atoms = [*operands(stmt), *(y for b in blocks_of(stmt) for y in b.yields)]
    return variables(atoms)


def _edges(fn: Function) -> Iterator[tuple[Var, list[Var]]]:
    """Yield what each variable is computed from, slots and results of regions too."""
    for stmt in walk(fn.primal):
        if isinstance(stmt, Eqn):
            for o in stmt.outs:
                yield o, variables(stmt.args)
            continue
        blocks = blocks_of(stmt)
        inits = getattr(stmt, "inits", ())
        for k, out in enumerate(stmt.outs):
            sources = [b.yields[k] for b in blocks if len(b.yields) == len(stmt.outs)]
            found = variables([*sources, *inits[k : k + 1]])
            yield out, found
            for b in blocks:
                if k < len(b.params):
                    yield b.params[k], found


def _downstream(fn: Function, cuts: Iterable[Eqn]) -> dict[Var, tuple[Eqn, ...]]:
    edges = list(_edges(fn))
    found: dict[Var, tuple[Eqn, ...]] = {o: (c,) for c in cuts for o in c.outs}
    changed = True
    while changed:
        changed = False
        for v, sources in edges:
            union = tuple(dict.fromkeys([*found.get(v, ()), *(c for s in sources for c in found.get(s, ()))]))
            if union != found.get(v, ()):
                found[v], changed = union, True
    return found


def _useful(fn: Function, result: Var | None) -> set[Var]:
    found = {result} if result is not None else set()
    passing = {o: [stmt.args[k] for k in differentiable_args(stmt)]
               for stmt in walk(fn.primal) if isinstance(stmt, Eqn) for o in stmt.outs}  # fmt: skip
    edges = [(v, variables(passing[v]) if v in passing else sources) for v, sources in _edges(fn)]
    before = -1
    while before != len(found):
        before = len(found)
        for v, sources in edges:
            if v in found:
                found.update(sources)
    return found


def _how(before: Function, after: Function) -> Iterator[tuple[Var, How]]:
    made = {*definitions(before.primal), *before.params}
    for stmt in walk(before.primal):
        made.update(p for b in blocks_of(stmt) for p in b.params)
    needed = {v for stmt in walk(before.adjoint) for v in _reads(stmt) if v in made}
    shared = share_shapes(before)
    found = webs(shared.primal)
    undone = undone_webs(shared, found, "cheapest", lasting.lasting_reads(shared, found))
    taped = {s.args[0] for s in walk(after.primal) if isinstance(s, Eqn) and s.prim == "push"}
    read = {v for stmt in walk(after.adjoint) for v in _reads(stmt)} | set(variables(after.outs))
    for v in needed | {v for v in taped if isinstance(v, Var)}:
        if v in taped:
            yield v, "taped"
        elif found.is_stored(v) and found.web(v) in undone:
            yield v, "undone"
        else:
            yield v, "kept alive" if v in read or v in after.params else "recomputed"


def _looped(stmts: Iterable[Stmt], inside: bool) -> Iterator[Var]:
    for stmt in stmts:
        if inside:
            yield from stmt.outs
        loop = bool(bound_by(stmt)) or hasattr(stmt, "inits")
        for block in blocks_of(stmt):
            if inside or loop:
                yield from block.params
            yield from _looped(block.stmts, inside or loop)
