"""Where loops end early: which flags become ``break`` and need no variable.

The frontend turns break, continue and return into boolean slots and nested ifs. Seen from the end of a loop body they
are recognised again:

    c = s > 5.0                            if s > 5.0:
    s2, stop = if c: yield s, True             break
               else: t = s * 1.1      ->   s = s * 1.1
                     yield t, False
    yield s2, stop

and ``for ... else`` from an if on the flag right after the loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from adcompile.emit.choices import is_choice
from adcompile.ir.core import (
    FALSE,
    TRUE,
    Atom,
    Block,
    Eqn,
    Function,
    If,
    Loop,
    Stmt,
    Var,
    blocks_of,
    operands,
    same_atom,
    variables,
    walk,
)
from adcompile.records import NamedTuple, dataclass, field


class Exit(NamedTuple):
    """How a loop ends early.

    flag       the variable that tells it afterwards, None if nobody asks
    starts     whether that variable starts as False and is assigned only where it becomes true; else at each trip's end
    otherwise  the if that becomes the loop's else clause
    tests      the variables that ``if done: break`` tests
    """

    flag: Var | None
    starts: bool
    otherwise: If | None
    tests: tuple[Var, ...]


@dataclass(slots=True)
class Exits:
    """The ends of all loops.

    ghosts   flags that need no variable
    forks    ifs at the ends of trips that say whether the loop ends
    clauses  ifs that are the else clauses of loops
    """

    loops: dict[Loop, Exit] = field(default_factory=dict)
    ghosts: set[Var] = field(default_factory=set)
    forks: set[If] = field(default_factory=set)
    clauses: set[If] = field(default_factory=set)


def find_exits(fn: Function, counts: dict[Var, int]) -> Exits:
    """Analyse every loop of a function.

    `counts` says how often each variable is read; it is lowered where a condition also serves as the loop's flag.
    """
    exits = Exits()
    _visit(fn.stmts, counts, exits)
    return exits


def read_counts(fn: Function) -> dict[Var, int]:
    """Count the places where each variable is read."""
    counts: dict[Var, int] = {}
    atoms = list(fn.outs)
    for stmt in walk(fn.stmts):
        atoms += operands(stmt)
        for block in blocks_of(stmt):
            atoms += block.yields
    for v in variables(atoms):
        counts[v] = counts.get(v, 0) + 1
    return counts


def _visit(stmts: Sequence[Stmt], counts: dict[Var, int], exits: Exits) -> None:
    """Analyse loops, outer ones first: an if that ends a trip is no else clause of a loop before it in that trip."""
    for position, stmt in enumerate(stmts):
        if not isinstance(stmt, Eqn | If) and stmt.until is not None:
            following = stmts[position + 1] if position + 1 < len(stmts) else None
            exits.loops[stmt] = _exit(stmt, following, counts, exits)
        for block in blocks_of(stmt):
            _visit(block.stmts, counts, exits)


def _exit(stmt: Loop, following: Stmt | None, counts: dict[Var, int], exits: Exits) -> Exit:
    k = stmt.until
    assert k is not None
    out = stmt.outs[k]
    params = [b.params[k] for b in blocks_of(stmt)]
    clause = None if following in exits.forks else _else_clause(out, following, counts)
    if clause is not None:
        exits.clauses.add(clause)
    starts = same_atom(stmt.inits[k], FALSE)
    if starts and not any(counts.get(p) for p in params) and (clause is not None or not counts.get(out)):
        exits.ghosts.update((out, *params))
        flag = None
    else:
        flag = stmt.body.params[k]
    tests: list[Var] = []
    _follow(stmt.body, stmt.body.yields[k], counts, exits, tests)
    tested_at_the_end = tests == [stmt.body.yields[k]]
    return Exit(flag, starts and not tested_at_the_end, clause, tuple(tests))


def _else_clause(flag: Var, following: Stmt | None, counts: dict[Var, int]) -> If | None:
    """Return the if after a loop that can be its else clause: it does nothing where the loop ended early."""
    if isinstance(following, If) and following.cond is flag and counts.get(flag) == 1 and not following.then.stmts:
        return following
    return None


def _follow(block: Block, y: Atom, counts: dict[Var, int], exits: Exits, tests: list[Var]) -> None:
    """Follow a flag through the ifs at the ends of blocks; collect the variables that remain to be tested."""
    if not isinstance(y, Var):
        return
    last = ending(block, y)
    if last is None or (last.cond is not y and (counts[y] > 1 or is_choice(last, ()))):
        tests.append(y)
        return
    exits.forks.add(last)
    if last.cond is y:
        counts[y] -= 1
    else:
        exits.ghosts.add(y)
        for branch, inner in zip(blocks_of(last), sides(last, y), strict=True):
            _follow(branch, inner, counts, exits, tests)


def ending(block: Block, y: Atom) -> If | None:
    """Return the if at the end of a block that decides whether the loop ends, if `y` says that it does."""
    last = block.stmts[-1] if block.stmts else None
    if not isinstance(last, If) or not isinstance(y, Var):
        return None
    return last if last.cond is y or y in last.outs else None


def sides(stmt: If, y: Atom) -> tuple[Atom, Atom]:
    """Return whether the loop ends, as each branch of its ending if says it."""
    if stmt.cond is y:
        return TRUE, FALSE
    k = next(i for i, o in enumerate(stmt.outs) if o is y)
    return stmt.then.yields[k], stmt.orelse.yields[k]
