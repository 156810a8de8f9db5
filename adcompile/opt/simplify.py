"""Copy propagation through regions, and what becomes constant because of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adcompile.ir.builder import Builder, Phase
from adcompile.ir.core import (
    FALSE,
    TRUE,
    Atom,
    Block,
    Const,
    Eqn,
    For,
    Function,
    If,
    Loop,
    Stmt,
    Var,
    atom_key,
    blocks_of,
    same_atom,
    stands_for_call,
    walk,
)
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.rebuild import all_same, keep_slots, map_operands, replace_block, replace_blocks
from adcompile.ir.types import PY_BOOL
from adcompile.records import dataclass, field, replace


def run(fn: Function) -> Function:
    """Replace results and slots that are copies, and regions whose course is known.

        v2 = if c: yield v1 else: yield v1               ->   v1 for v2
        v2 = if c: yield True else: yield False          ->   c for v2
        if True: A else: B                               ->   A
        if c: if c: A else: B                            ->   if c: A
        v2 = for ... carrying p = v1: ... yield p        ->   v1 for p and v2
        v2 = for i in range(3, 3) carrying p = v1: ...   ->   v1 for v2
        y = f(x), to be run again, if nothing reverses it   ->   the body of f
        push(0.5; t); ...; v2 = pop(; t)                 ->   0.5 for v2

    Slots that always hold the same value become one. Equations whose operands change are folded again.
    """
    simplifier = _Simplifier(fn)
    primal = simplifier.stmts(fn.primal, "primal")
    adjoint = simplifier.stmts(fn.adjoint, "adjoint")
    outs = tuple(map(simplifier.resolve, fn.outs))
    if all_same(primal, fn.primal) and all_same(adjoint, fn.adjoint) and all_same(outs, fn.outs):
        return fn
    return replace(fn, primal=tuple(primal), adjoint=tuple(adjoint), outs=outs, names=simplifier.names)


@dataclass(slots=True)
class _Simplifier:
    """The state of the pass.

    `env` maps each variable that is a copy to what it copies, `pushed` each tape of a constant to the constant.

    `known` says what the conditions of the ifs around are in the branch that is looked at.

    `unpushed` are the tapes whose push is in a block that never runs; then what pops them does not run either.
    """

    fn: Function
    env: dict[Var, Atom] = field(default_factory=dict)
    pushed: dict[object, Const] = field(default_factory=dict)
    unpushed: set[object] = field(default_factory=set)
    known: dict[Var, bool] = field(default_factory=dict)
    names: dict[Var, str] = field(init=False)
    builder: Builder = field(init=False)

    def __post_init__(self) -> None:
        self.names = dict(self.fn.names)
        self.builder = Builder(self.fn.facts)

    def resolve(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def copy(self, old: Var, new: Atom) -> None:
        """Let `new` stand for `old`; an unnamed variable inherits the user's name."""
        new = self.resolve(new)
        self.env[old] = new
        if isinstance(new, Var) and old in self.names:
            self.names.setdefault(new, self.names[old])

    # -- statements

    def stmts(self, stmts: Iterable[Stmt], phase: Phase) -> list[Stmt]:
        out: list[Stmt] = []
        for stmt in stmts:
            match map_operands(stmt, self.resolve):
                case Eqn() as eqn:
                    out += self.eqn(eqn, eqn is not stmt, phase)
                case If() as if_:
                    out += self.if_(if_, phase)
                case loop:
                    out += self.loop(loop, phase)
        return out

    def eqn(self, eqn: Eqn, changed: bool, phase: Phase) -> list[Stmt]:
        if eqn.prim == "push" and isinstance(eqn.args[0], Const):
            self.pushed[eqn.attrs[0]] = eqn.args[0]
        elif eqn.prim == "pop" and eqn.attrs[0] in self.pushed:
            self.copy(eqn.out, self.pushed[eqn.attrs[0]])
            return []
        if changed and len(eqn.outs) == 1 and all(a.type.is_scalar for a in (*eqn.args, eqn.out)):
            made = self.fold(eqn, phase)
            if made is not None:
                return made
        for out in eqn.outs:
            self.builder.defs[out] = eqn
        return [eqn]

    def fold(self, eqn: Eqn, phase: Phase) -> list[Stmt] | None:
        """Fold or simplify a scalar equation; return the statements that remain of it, or None."""
        prim = PRIMITIVES[eqn.prim]
        b = self.builder
        b.phase, b.span = phase, eqn.span
        with b.block() as made:
            if prim.fold is not None and all(isinstance(a, Const) for a in eqn.args):
                value: Atom | None = b.emit(eqn.prim, *eqn.args, attrs=eqn.attrs)
            else:
                value = prim.simplify(b, eqn.args, eqn.attrs) if prim.simplify is not None else None
        if value is None or (made and not isinstance(value, Const) and value.type != eqn.out.type):
            return None
        self.copy(eqn.out, value)
        return made

    def blocks(self, stmt: If | Loop, phase: Phase) -> If | Loop:
        blocks = []
        for k, block in enumerate(blocks_of(stmt)):
            if isinstance(stmt, If) and isinstance(stmt.cond, Var):
                self.known[stmt.cond] = k == 0
            inner = self.stmts(block.stmts, phase)
            stmts = block.stmts if all_same(inner, block.stmts) else tuple(inner)
            blocks.append(replace_block(block, stmts, tuple(map(self.resolve, block.yields))))
        if isinstance(stmt, If) and isinstance(stmt.cond, Var):
            del self.known[stmt.cond]
        return replace_blocks(stmt, blocks)

    # -- ifs

    def if_(self, stmt: If, phase: Phase) -> list[Stmt]:
        course = self.course(stmt)
        if course is not None:
            taken, dropped = (stmt.then, stmt.orelse) if course else (stmt.orelse, stmt.then)
            self.drop(dropped)
            return self.inline(taken, stmt.outs, phase)
        new = self.blocks(stmt, phase)
        assert isinstance(new, If)
        keep: list[int] = []
        seen: dict[object, Var] = {}
        for k, out in enumerate(new.outs):
            a, b = new.then.yields[k], new.orelse.yields[k]
            key = (atom_key(a), atom_key(b), out.type)
            if same_atom(a, b):
                self.copy(out, a)
            elif is_test(new, a, b):
                self.copy(out, new.cond)
            elif key in seen:
                self.copy(out, seen[key])
            else:
                seen[key] = out
                keep.append(k)
        return [keep_slots(new, keep)]

    def course(self, stmt: If) -> bool | None:
        """Tell which branch an if takes, where that is known."""
        if isinstance(stmt.cond, Const):
            return bool(stmt.cond.value)
        if stmt.cond in self.known:
            return self.known[stmt.cond]
        if self.never_runs(stmt.then):
            return False
        return True if self.never_runs(stmt.orelse) else None

    def drop(self, block: Block) -> None:
        """Note that a block never runs."""
        self.unpushed.update(s.attrs[0] for s in walk(block.stmts) if isinstance(s, Eqn) and s.prim == "push")

    def never_runs(self, block: Block) -> bool:
        return any(isinstance(s, Eqn) and s.prim == "pop" and s.attrs[0] in self.unpushed for s in block.stmts)

    def inline(self, block: Block, outs: Sequence[Var], phase: Phase) -> list[Stmt]:
        inner = self.stmts(block.stmts, phase)
        for out, value in zip(outs, block.yields, strict=True):
            self.copy(out, value)
        return inner

    # -- loops

    def loop(self, stmt: Loop, phase: Phase) -> list[Stmt]:
        if isinstance(stmt, For) and (makes_no_trip(stmt) or self.never_runs(stmt.body)):
            self.drop(stmt.body)
            for out, init in zip(stmt.outs, stmt.inits, strict=True):
                self.copy(out, init)
            return []
        if isinstance(stmt, For) and stands_for_call(stmt):
            return self.inline(stmt.body, stmt.outs, phase)
        new = self.blocks(self.drop_slots(stmt), phase)
        assert not isinstance(new, If)
        if new.until is not None and same_atom(new.body.yields[new.until], FALSE):
            new = replace(new, until=None)
        return [new]

    def drop_slots(self, stmt: Loop) -> Loop:
        """Replace the slots that do not change, and all but one of those that agree on every trip."""
        yields = tuple(map(self.resolve, stmt.body.yields))
        merged: dict[int, int] = {}
        seen: dict[object, int] = {}
        order = sorted(range(len(stmt.outs)), key=lambda k: k != stmt.until)  # the slot that ends the loop stays
        for k in order:
            init, value = stmt.inits[k], yields[k]
            if k != stmt.until and (value is stmt.body.params[k] or same_atom(value, init)):
                self.fix_slot(stmt, k, init)
                merged[k] = k
                continue
            first = seen.setdefault((atom_key(init), atom_key(value), stmt.outs[k].type), k)
            if first != k:
                merged[k] = first
                self.copy(stmt.outs[k], stmt.outs[first])
                for block in blocks_of(stmt):
                    self.copy(block.params[k], block.params[first])
        kept = keep_slots(stmt, [k for k in range(len(stmt.outs)) if k not in merged])
        assert not isinstance(kept, If)
        return kept

    def fix_slot(self, stmt: Loop, k: int, value: Atom) -> None:
        for v in (stmt.outs[k], *(block.params[k] for block in blocks_of(stmt))):
            self.copy(v, value)


def is_test(stmt: If, a: Atom, b: Atom) -> bool:
    """Tell whether an if yields its own condition: true or the condition in one branch, false or it in the other."""
    yes = same_atom(a, TRUE) or a is stmt.cond
    no = same_atom(b, FALSE) or b is stmt.cond
    return yes and no and stmt.cond.type == PY_BOOL


def makes_no_trip(stmt: For) -> bool:
    """Tell whether the range of a loop is constant and empty."""
    bounds = [a.value for a in (stmt.start, stmt.stop, stmt.step) if isinstance(a, Const)]
    if len(bounds) < 3 or not all(type(b) is int for b in bounds) or bounds[2] == 0:
        return False
    start, stop, step = (b for b in bounds if isinstance(b, int))
    return len(range(start, stop, step)) == 0
