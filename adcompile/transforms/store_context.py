"""What all blocks share while it is decided how the reverse sweep gets each primal value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from adcompile.analysis.webs import Webs, is_store, is_view
from adcompile.ir.core import Atom, Attrs, Eqn, Function, Stmt, Var, is_const, walk
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type
from adcompile.records import dataclass, field

# Where a block stands, which says how its values reach the reverse sweep:
#   top     the function's own statements: they stay alive
#   branch  of an if outside of loops: they become results of the if
#   loop    anywhere in a loop: they are taped
Place = Literal["top", "branch", "loop"]


@dataclass(slots=True)
class Context:
    """One attempt at a function.

    fn, webs   the function and its arrays
    undone     the webs whose stores are undone
    lasting    how reads of the other arrays that are stored to are done again, where the last versions still have it
    closed     versions of which reads in inner regions are taped, because earlier attempts found that the reverse
               sweep does not have the version where the inner region runs
    unheld     results of regions that the reverse of the enclosing block does not hold as a buffer, found likewise
    borrowed   versions that inner regions of this attempt read as if they were there
    misses     what this attempt adds to `closed`
    lost       what it adds to `unheld`
    bound      values that must be bound to something even where the program leaves them undefined
    tapes      how many tapes there are
    steady     the arguments and their views, whose memory is never written
    """

    fn: Function
    webs: Webs
    undone: frozenset[Var]
    lasting: Mapping[Var, Eqn] = field(default_factory=dict)
    closed: frozenset[Var] = frozenset()
    unheld: frozenset[Var] = frozenset()
    borrowed: set[Var] = field(default_factory=set)
    misses: set[Var] = field(default_factory=set)
    lost: set[Var] = field(default_factory=set)
    bound: dict[Var, None] = field(default_factory=dict)
    tapes: int = 0
    steady: frozenset[Var] = field(init=False)

    def __post_init__(self) -> None:
        self.steady = views_of(self.fn.params, self.fn.primal)

    def undoes(self, a: Atom) -> bool:
        """Tell whether an array is a version of one whose stores are undone."""
        return isinstance(a, Var) and self.webs.is_stored(a) and self.webs.web(a) in self.undone

    def changes(self, a: Atom) -> bool:
        """Tell whether the memory of a value may be written after the value is made (that of an argument never is)."""
        return self.webs.is_written(a) and a not in self.steady

    def fresh(self, v: Var) -> Var:
        """Make a variable that will hold the value of another."""
        return Var(self.fn.name_of(v), v.type)

    def eqn(self, prim: str, *args: Atom, attrs: Attrs = (), name: str = "") -> Eqn:
        """Make an equation with one result, of the inferred type."""
        inferred = PRIMITIVES[prim].infer(self.fn.facts, args, attrs)
        assert isinstance(inferred, Type)
        return Eqn((Var(name, inferred),), prim, args, attrs)

    def next_tape(self) -> int:
        self.tapes += 1
        return self.tapes - 1


@dataclass(frozen=True, slots=True)
class Restore:
    """A reverse region turns the buffer of version `after` back into version `before`, as its result `out`."""

    before: Var
    after: Var
    out: Var


@dataclass(frozen=True, slots=True)
class Step:
    """A statement of the reverse sweep; a region's `wants` are the versions that it takes over, to undo them."""

    stmt: Stmt
    restores: tuple[Restore, ...] = ()
    wants: tuple[Var, ...] = ()


def is_cheap(eqn: Eqn) -> bool:
    """Tell whether computing a value again is better than keeping it: shapes, views, arithmetic, one-element reads.

    A reduction is not, whatever it does with the elements: its result is smaller than what it reads.
    """
    prim = PRIMITIVES[eqn.prim]
    if prim.effect or len(eqn.outs) != 1 or is_store(eqn) or eqn.prim.startswith("call"):
        return False
    if eqn.out.type.kind == "object" and not eqn.out.type.is_sparse:
        return False
    if prim.cost == "free" or eqn.prim == "index" or is_square(eqn):
        return True
    return not reduces(eqn) and (prim.cost == "arithmetic" or (prim.cost == "division" and eqn.out.type.is_scalar))


def is_square(eqn: Eqn) -> bool:
    """Tell whether a value is ``x**2``, which is a product whatever x is."""
    return eqn.prim in ("pow", "power") and is_const(eqn.args[1], 2)


def reduces(eqn: Eqn) -> bool:
    """Tell whether a result may have fewer axes than the arrays that it is computed from."""
    ranks = [a.type.rank for a in eqn.args if a.type.is_array]
    rank = eqn.out.type.rank
    return bool(ranks) and (rank is None or all(r is None or rank < r for r in ranks))


def views_of(arrays: Iterable[Var], stmts: Iterable[Stmt]) -> frozenset[Var]:
    """Return some arrays and the views of them that statements make."""
    found = set(arrays)
    for stmt in walk(stmts):
        if isinstance(stmt, Eqn) and stmt.outs and is_view(stmt) and stmt.args[0] in found:
            found.add(stmt.out)
    return frozenset(found)
