"""Additions to parts of adjoints that hold nothing yet become assignments, or vanish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf
from typing import Final

from adcompile.frontend.paths import OPERANDS
from adcompile.ir.core import (
    NONE,
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    Stmt,
    Var,
    atom_key,
    blocks_of,
    is_const,
    operands,
    same_atom,
    variables,
    walk,
)
from adcompile.ir.lists import in_row
from adcompile.ir.rebuild import all_same, map_operands, replace_block, replace_blocks
from adcompile.records import dataclass, field, replace

# Primitives that make an array of zeros.
EMPTY: Final = ("zeros_like", "zeros")
# The additions to a place, and what stores to it and what reads it; items of lists, and parts of them, are places too.
PLACES: Final = {
    "index_add": ("index_update", "index"),
    "list_add": ("list_set", "list_get"),
    **{in_row(add): (in_row(put), in_row(get)) for add, put, get in (
        ("index_add", "index_update", "index"), ("list_add", "list_set", "list_get")
    )},
}  # fmt: skip
ARGS: Final = {"index_add": 1, "index_update": 1, "list_add": 2, "list_set": 2}
VALUES: Final = ARGS | {in_row(name): k + 1 for name, k in ARGS.items()}  # which operand is stored or added
MOST: Final = 16  # parts of an adjoint that a further part is compared with


def run(fn: Function) -> Function:
    """Rewrite sums of which one term is zero.

        v1 = a_bar[i]; a_bar[i] = 0.0; a_bar[i] += v1   ->   v1 = a_bar[i]
        v1 = a_bar[i]; a_bar[i] = 0.0; a_bar[i] += v2   ->   v1 = a_bar[i]; a_bar[i] = v2
        x_bar = zeros_like(x); x_bar[1:] += v1          ->   x_bar = zeros_like(x); x_bar[1:] = v1

    This only concerns adjoints, where the sign of a zero does not matter. Integer arrays may select an element more
    than once, so what is stored through them stays as it is.
    """
    if not fn.adjoint:
        return fn
    pass_ = _Assigning(fn)
    adjoint = pass_.stmts(fn.adjoint)
    if adjoint is fn.adjoint:
        return fn
    return replace(fn, adjoint=adjoint, outs=tuple(map(pass_.resolve, fn.outs)))


@dataclass(slots=True)
class _Assigning:
    """`reads` counts how often each variable is read, `made` has the equation of each of the adjoint."""

    fn: Function
    reads: Counter[Var] = field(default_factory=Counter)
    made: dict[Var, Eqn] = field(default_factory=dict)
    env: dict[Var, Atom] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reads.update(variables(self.fn.outs))
        for stmt in walk(self.fn.stmts):
            self.reads.update(variables(operands(stmt)))
            for block in blocks_of(stmt):
                self.reads.update(variables(block.yields))

    def resolve(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def stmts(self, stmts: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        out: list[Stmt] = []
        for stmt in stmts:
            new = map_operands(stmt, self.resolve)
            if not isinstance(new, Eqn):
                blocks = [self.block(block) for block in blocks_of(new)]
                out.append(replace_blocks(new, blocks))
                continue
            eqn = self.addition(new) if new.prim in PLACES else new
            if eqn is not None:
                out.append(eqn)
                self.made.update(dict.fromkeys(eqn.outs, eqn))
        return stmts if all_same(out, stmts) else tuple(out)

    def block(self, block: Block) -> Block:
        return replace_block(block, self.stmts(block.stmts), tuple(map(self.resolve, block.yields)))

    def addition(self, eqn: Eqn) -> Eqn | None:
        """Return an addition, or what it becomes; None if it adds back what was there."""
        base, g = eqn.args[0], value_of(eqn)
        store, read = PLACES[eqn.prim]
        if not once(eqn):
            return eqn
        zeroed = self.equation(base, store)
        if zeroed is not None and self.reads[zeroed.out] == 1 and same_place(zeroed, eqn):
            if not is_const(value_of(zeroed), 0.0):
                return eqn
            if self.is_piece(g, zeroed, read):
                self.env[eqn.out] = zeroed.args[0]
                return None
            return replace(eqn, prim=store, args=(zeroed.args[0], *eqn.args[1:]))
        if eqn.prim != "index_add":
            return eqn
        for _ in range(MOST):
            before = self.equation(base, "index_add", "index_update")
            if before is None or not apart(before, eqn):
                break
            base = before.args[0]
        return eqn if self.equation(base, *EMPTY) is None else replace(eqn, prim="index_update")

    def equation(self, a: Atom, *prims: str) -> Eqn | None:
        """Return the equation that made a variable of the adjoint, if it applied one of some primitives."""
        eqn = self.made.get(a) if isinstance(a, Var) else None
        return eqn if eqn is not None and eqn.prim in prims else None

    def is_piece(self, g: Atom, store: Eqn, prim: str) -> bool:
        """Tell whether g is what the place that an equation stores to held before."""
        copied = self.equation(g, "copy")
        read = self.equation(g if copied is None else copied.args[0], prim)
        return read is not None and same_atom(read.args[0], store.args[0]) and same_place(store, read)


def place(eqn: Eqn) -> tuple[Atom, ...]:
    """Return the indices of a read or a store."""
    k = VALUES.get(eqn.prim)
    return eqn.args[1:] if k is None else (*eqn.args[1:k], *eqn.args[k + 1 :])


def value_of(eqn: Eqn) -> Atom:
    """Return what a store stores, or an addition adds."""
    return eqn.args[VALUES[eqn.prim]]


def same_place(a: Eqn, b: Eqn) -> bool:
    return a.attrs == b.attrs and list(map(atom_key, place(a))) == list(map(atom_key, place(b)))


def once(eqn: Eqn) -> bool:
    """Tell whether the path of a store selects no element twice."""
    if not eqn.attrs:  # an item of a list
        return True
    (path,) = eqn.attrs
    return isinstance(path, tuple) and not any(isinstance(step, str) and "a" in step for step in path)


def apart(a: Eqn, b: Eqn) -> bool:
    """Tell whether two stores are to different elements: one index or slice ends where the other begins, or before."""
    ours, theirs = components(a), components(b)
    for mine, other in zip(ours, theirs, strict=False):
        if mine is None or other is None:
            return False
        if mine[1] <= other[0] or other[1] <= mine[0]:
            return True
    return False


def components(eqn: Eqn) -> Iterator[tuple[float, float] | None]:
    """Yield the extents of the indices and slices of a subscript; None for what else may come."""
    (path,) = eqn.attrs
    bounds = iter(place(eqn))
    if isinstance(path, tuple) and isinstance(path[0], str):
        for code in path[0]:
            yield extent([next(bounds) for _ in range(OPERANDS[code])]) if code in "is" else None


def extent(bounds: list[Atom]) -> tuple[float, float]:
    """Return between which positions an index or a slice selects, if they count from the beginning."""
    first, last = 0.0, inf
    match bounds:
        case [Const(value=int(k))] if k >= 0:
            first, last = k, k + 1
        case [low, high, step] if same_atom(step, NONE) or is_const(step, 1):
            if isinstance(low, Const) and isinstance(low.value, int) and low.value >= 0:
                first = low.value
            if isinstance(high, Const) and isinstance(high.value, int) and high.value >= 0:
                last = high.value
    return first, last
