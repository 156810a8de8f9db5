"""Carry tangents beside primals: forward mode.

    v1 = sin(x); y = mul(v1, w)   ->   v1 = sin(x); v2 = cos(x); v1_dot = mul(x_dot, v2); ...; y_dot = mul(v1_dot, w)

It can be applied to a program again, and to one that `reverse` has made, before `store`: each variable has one tangent
in the whole program, so that what the adjoint statements read of the primal is had for tangents too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from adcompile.analysis.activity import active, differentiable_args, slot_positions
from adcompile.analysis.zeros import Zeros
from adcompile.ir.builder import Builder, table_of
from adcompile.ir.core import (
    UNDEFINED,
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
    While,
    blocks_of,
)
from adcompile.ir.custom import Pull
from adcompile.ir.inlining import inlined, keys_after
from adcompile.ir.primitives import CALLS, OF_TREES
from adcompile.ir.types import Type
from adcompile.records import replace
from adcompile.rules import table
from adcompile.transforms import conform, custom, lift, pullbacks, realness, trees
from adcompile.transforms.callees import Callees, Pair
from adcompile.transforms.local import check_complex, guarded, no_rule, refuse_obstacles, row_term, tangent_rule

NOTHING: Final[Mapping[Var, Const]] = {}


def run(
    fn: Function,
    wrt: Sequence[Var],
    callees: Callees | None = None,
    known: Mapping[Var, Const] = NOTHING,
    apart: bool = False,
    lift: bool = False,
) -> Function:
    """Append a tangent for each variable of `wrt` to the parameters, and one for each result to the results.

    Tangents that are `known` are no parameters. `apart`: no equation computes both what depends on a tangent and what
    does not. `lift`: the function with tangents is for a pullback of it alone, so that rules for reverse mode will do.
    """
    moving = active(fn, wrt)
    refuse_obstacles(fn, moving)
    fn = realness.run(fn, moving)
    pusher = Pusher(fn, callees or Callees({}))
    pusher.apart, pusher.lift = apart, lift
    pusher.dots.update(known)
    pusher.b.phase = "adjoint"  # the primal equations stay as they are; those made here are for tangents
    tangents = [pusher.input(v) for v in wrt if v not in known]
    primal = pusher.statements(fn.primal)
    adjoint = pusher.statements(fn.adjoint)
    with pusher.b.block() as tail:
        dots = tuple(pusher.tangent_or_zero(o) for o in fn.outs)
    if fn.adjoint:
        adjoint += tail
    else:
        primal += tail
    made = replace(
        fn,
        params=(*fn.params, *tangents),
        primal=tuple(primal),
        adjoint=tuple(adjoint),
        outs=(*fn.outs, *dots),
        names={**fn.names, **pusher.names},
    )
    return custom.close(made)


def tangent_of(callees: Callees, fn: Function, wrt: tuple[int, ...], lift: bool = False) -> Function:
    """Return the function with tangents of some of its parameters, made once. For `lift` see `run`."""

    custom.refuse_blocks(fn, active(fn, [fn.params[k] for k in wrt]))

    def make() -> Function:
        return replace(run(fn, [fn.params[k] for k in wrt], callees, lift=lift), name=f"{fn.name}_jvp")

    return callees.tangent(fn, wrt, lift, make)


class Pusher:
    """Rebuilds statements with tangents; `dots` maps each variable to its tangent."""

    def __init__(self, fn: Function, callees: Callees) -> None:
        self.fn = fn
        self.callees = callees
        self.b = Builder(fn.facts, {v.name: v for v in fn.params})
        self.known = Zeros(self.b.defs)
        for v in fn.params:
            self.b.anchor(v)
        self.b.keys = keys_after(fn.stmts)
        self.dots: dict[Var, Atom] = {}
        self.apart = self.lift = False
        self.names: dict[Var, str] = {}

    def hint(self, v: Var) -> str:
        name = self.fn.name_of(v)
        return f"{name}_dot" if name else ""

    def input(self, v: Var) -> Var:
        taken = {p.name for p in self.fn.params} | {d.name for d in self.dots.values() if isinstance(d, Var)}
        name = f"{v.name}_dot"
        while name in taken:
            name += "2" if name.endswith("_dot") else "_"
        t = v.type if v.type.is_array or v.type.kind in ("py", "list", "tree") else Type("np", v.type.dtype)
        dot = Var(name, Type(t.kind, t.dtype, t.dims, layout=t.layout))
        self.dots[v] = dot
        return dot

    def tangent(self, a: Atom) -> Atom | None:
        return self.dots.get(a) if isinstance(a, Var) else None

    def tangent_or_zero(self, a: Atom) -> Atom:
        if a is UNDEFINED:
            return UNDEFINED
        found = self.tangent(a)
        return conform.zeros(self.b, a) if found is None else found

    # -- statements

    def statements(self, stmts: Sequence[Stmt]) -> list[Stmt]:
        """Rebuild the statements of a part of the function, in the open scope."""
        self.b.stmts = []
        return self.statements_into(self.b.stmts, stmts)

    def statements_into(self, out: list[Stmt], stmts: Sequence[Stmt]) -> list[Stmt]:
        self.b.stmts = out
        for stmt in stmts:
            self.b.span = stmt.span
            match stmt:
                case Eqn():
                    self.equation(stmt)
                case If():
                    self.branch(stmt)
                case For() | While():
                    self.loop(stmt)
        return out

    def equation(self, eqn: Eqn) -> None:
        if eqn.prim.startswith("call"):
            self.call(eqn)
            return
        if eqn.prim == "custom":
            self.custom(eqn)
            return
        if eqn.prim == "pullback":
            pullbacks.push(
                self.b, eqn, self.dots, self.hint, partial(tangent_of, self.callees), self.callees.quiet, self.apart
            )
            return
        self.b.add(eqn)
        self.b.scopes[-1].update(table_of([eqn]))
        if eqn.prim == "undo":
            (a,) = eqn.args
            dot = self.tangent(a)
            if isinstance(dot, Var) and self.updated(dot):
                self.b.emit_many("undo", (dot,), (), ())
            return
        for o in eqn.outs:
            self.dots.pop(o, None)
        if not any(o.type.inexact for o in eqn.outs):
            return
        dots = {k: d for k in differentiable_args(eqn) if (d := self.tangent(eqn.args[k])) is not None}
        if not dots:
            return
        if eqn.prim.startswith("list_"):
            self.list_operation(eqn)
            return
        if eqn.prim in OF_TREES:
            trees.push(self.b, eqn, self.dots, self.hint)
            return
        dot = self.push(eqn, dots)
        if dot is not None:
            self.dots[eqn.out] = conform.tangent(self.b, dot, eqn.out)

    def call(self, eqn: Eqn) -> None:
        """Call the function that returns results and tangents."""
        if eqn.prim in ("call_fwd", "call_bwd"):
            self.half(eqn)
            return
        if eqn.prim not in CALLS:
            raise no_rule(eqn)  # a loop that was reversed already
        name, types = eqn.attrs
        assert isinstance(name, str) and isinstance(types, tuple)
        active = tuple(k for k, a in enumerate(eqn.args) if self.tangent(a) is not None)
        if not active:
            self.b.add(eqn)
            return
        dots = tuple(self.dots[a] for k in active if isinstance(a := eqn.args[k], Var))
        carried = [o for o in eqn.outs if o.type.inexact]
        new = self.callees.function(("jvp", name, active), f"{name}_jvp", lambda: self.callee_tangent(name, active))
        outs = (*eqn.outs, *(self.fresh(o) for o in carried))
        all_types = (*types, *(conform.carried_type(o) for o in carried))
        self.b.add(replace(eqn, outs=outs, args=(*eqn.args, *dots), attrs=(new, all_types)))

    def custom(self, eqn: Eqn) -> None:
        """Push tangents through a call by its forward rules."""
        for o in eqn.outs:
            self.dots.pop(o, None)  # what an earlier attempt at a loop left
        custom.refuse_outside(eqn, self.dots.__contains__)
        for o in eqn.outs:  # in a loop, what an earlier try has left
            self.dots.pop(o, None)
        moving = [k for k in differentiable_args(eqn) if self.tangent(eqn.args[k]) is not None]
        if not moving or not any(o.type.inexact for o in eqn.outs):
            self.b.add(eqn)
            return
        if self.lift and lift.check(custom.call_of(eqn)):
            self.lifted(eqn)
            return
        rules = [r for r in custom.forward_rules(eqn) if set(r.positions) & set(moving)]
        given = eqn.args[: custom.call_of(eqn).count]
        if not any(r.whole for r in rules):
            self.b.add(eqn)
        for rule in rules:
            dots = [self.tangent_or_zero(eqn.args[k]) for k in rule.positions]
            values = given if rule.whole else (*given, *eqn.outs)
            results = inlined(self.b, rule.function, (*values, *dots, *custom.extra(eqn)), self.b.keys)
            if rule.whole:
                for o, r in zip(eqn.outs, results, strict=False):
                    self.b.add(Eqn((o,), "stop", (r,), (), eqn.span))
            for k, d in zip(rule.dotted, results[len(eqn.outs) if rule.whole else 0 :], strict=True):
                have = self.dots.get(eqn.outs[k])
                d = conform.tangent(self.b, d, eqn.outs[k])
                self.dots[eqn.outs[k]] = d if have is None else self.b.emit("add", have, d)

    def lifted(self, eqn: Eqn) -> None:
        """Call the function with tangents of one that has a reverse rule only."""
        call = custom.call_of(eqn)
        made = lift.lifted(call, lambda fn, wrt: run(fn, wrt, self.callees, lift=True))
        moving = [k for k in range(call.count) if k not in call.nondiff]
        dots = [conform.tangent(self.b, self.tangent_or_zero(a), a) if isinstance(a := eqn.args[k], Var) else Const(0.0)
                for k in moving]  # fmt: skip
        assert isinstance(call.pull, Pull)
        outs = [self.fresh(eqn.outs[k]) for k in call.pull.seeds]
        args = (*eqn.args[: call.count], *dots, *custom.extra(eqn))
        self.b.add(Eqn((*eqn.outs, *outs), "custom", args, (made,), eqn.span))

    def half(self, eqn: Eqn) -> None:
        """Call a half of the pair that carries tangents of all operands, zero for those that have none."""
        name, types = eqn.attrs
        assert isinstance(name, str) and isinstance(types, tuple)
        pair = self.callees.pair(("jvp", name), f"{name}_jvp", lambda p: self.pair_tangent(p, name))
        dots = tuple(self.tangent_or_zero(a) for a in eqn.args if a.type.inexact)
        carried = [o for o in eqn.outs if o.type.inexact]
        new = [self.fresh(o) for o in carried]
        tape = eqn.outs[-1:] if eqn.prim == "call_fwd" else ()
        plain = eqn.outs[: len(eqn.outs) - len(tape)]
        outs = (*plain, *new, *tape)
        self.b.add(Eqn(outs, eqn.prim, (*eqn.args, *dots), (pair.name, tuple(o.type for o in outs)), eqn.span))

    def pair_tangent(self, pair: Pair, name: str) -> None:
        """Make the pair that carries tangents."""
        old = self.callees.pairs[name]
        joint = old.function
        assert joint is not None, "a pair is differentiated before it is complete"
        given = [v for v in old.given if v.type.inexact]
        made = run(joint, [*given, *old.cotangents], self.callees)
        tangents = made.params[len(joint.params) :]
        dots = made.outs[len(joint.outs) :]
        pair.given = (*old.given, *tangents[: len(given)])
        pair.cotangents = (*old.cotangents, *tangents[len(given) :])
        n = old.n_outs
        fwd = [d for o, d in zip(joint.outs[:n], dots[:n], strict=True) if o.type.inexact]
        pair.n_outs = n + len(fwd)
        pair.function = replace(made, outs=(*joint.outs[:n], *fwd, *joint.outs[n:], *dots[n:]))

    def callee_tangent(self, name: str, active: tuple[int, ...]) -> Function:
        primal = self.callees.known(name)
        made = run(primal, [primal.params[k] for k in active], self.callees)
        n = len(primal.outs)
        kept = [d for o, d in zip(primal.outs, made.outs[n:], strict=True) if o.type.inexact]
        return replace(made, outs=(*made.outs[:n], *kept))

    def list_operation(self, eqn: Eqn) -> None:
        """Do to the list of tangents what is done to the list."""
        positions = differentiable_args(eqn)
        args = tuple(self.tangent_or_zero(a) if k in positions else a for k, a in enumerate(eqn.args))
        attrs = (conform.carried_type(eqn.out),) if eqn.prim == "list_new" else eqn.attrs
        results = self.b.emit_many(eqn.prim, args, attrs, tuple(self.hint(o) for o in eqn.outs))
        self.dots.update(zip(eqn.outs, results, strict=True))

    def updated(self, dot: Var) -> bool:
        made = self.b.defs.get(dot)
        return made is not None and made.prim == "index_update"

    def push(self, eqn: Eqn, dots: dict[int, Atom]) -> Atom | None:
        """Return the tangent of an equation's result."""
        name = self.hint(eqn.out)
        match eqn.prim:
            case "index":
                return self.b.emit("index", dots[0], *eqn.args[1:], attrs=eqn.attrs, name=name)
            case "index_update" | "index_add":
                return self.store(eqn, dots, name)
            case "acc":
                first, second = dots.get(0), dots.get(1)
                if first is None or second is None:
                    return first if second is None else conform.tangent(self.b, second, eqn.out)
                return self.b.emit("acc", conform.tangent(self.b, first, eqn.out), second, name=name)
        check_complex(eqn)
        if eqn.prim in table.ROWS:
            return self.row(eqn, dots, name)
        if eqn.prim in table.LINEAR:
            return self.linear(eqn, dots, name)
        if eqn.prim in table.TANGENTS:
            return tangent_rule(self.b, eqn, dots)
        raise no_rule(eqn)

    def store(self, eqn: Eqn, dots: dict[int, Atom], name: str) -> Atom:
        """Store, or add, the tangent of the value into the tangent of the array."""
        base = dots[0] if 0 in dots else self.tangent_or_zero(eqn.args[0])
        value = dots.get(1)
        if value is None:
            if eqn.prim == "index_add":
                return base
            value = Const(0.0)
        return self.b.emit(eqn.prim, base, value, *eqn.args[2:], attrs=eqn.attrs, name=name)

    def row(self, eqn: Eqn, dots: dict[int, Atom], name: str) -> Atom | None:
        total: Atom | None = None
        for k, d in dots.items():
            term = self.chosen(eqn, k, d) if self.known.unbounded(d) else row_term(self.b, eqn, k, d)
            if term is None:
                continue
            total = term if total is None else self.b.emit("add", total, term, name=name)
        return total

    def chosen(self, eqn: Eqn, operand: int, dot: Atom) -> Atom | None:
        """Return the term of a row for a tangent that may be infinite: zero where the partial derivative is."""
        partial = row_term(self.b, eqn, operand, Const(1.0))
        term = row_term(self.b, eqn, operand, dot)
        if term is None or partial is None or not self.known.holds(partial):
            return term
        return guarded(self.b, term, partial)

    def linear(self, eqn: Eqn, dots: dict[int, Atom], name: str) -> Atom:
        """Apply a linear primitive to the tangents."""
        linearity = table.LINEAR[eqn.prim]
        if linearity.jointly:
            slots = slot_positions(eqn)
            args = [
                (dots[k] if k in dots else self.zero_like(a)) if slots[k] in linearity.operands else a
                for k, a in enumerate(eqn.args)
            ]
            return self.b.emit(eqn.prim, *args, attrs=eqn.attrs, name=name)
        total: Atom | None = None
        for k, d in dots.items():
            args = [d if j == k else a for j, a in enumerate(eqn.args)]
            term = self.b.emit(eqn.prim, *args, attrs=eqn.attrs, name=name)
            total = term if total is None else self.b.emit("add", total, term, name=name)
        assert total is not None
        return total

    def zero_like(self, a: Atom) -> Atom:
        return conform.zeros(self.b, a)

    # -- regions

    def branch(self, stmt: If) -> None:
        sides: list[tuple[list[Stmt], list[Atom | None]]] = []
        for block in (stmt.then, stmt.orelse):
            stmts = self.region(block.stmts)
            sides.append((stmts, [self.tangent(y) for y in block.yields]))
        which = [k for k, o in enumerate(stmt.outs) if o.type.inexact and any(dots[k] is not None for _, dots in sides)]
        blocks = []
        for block, (stmts, dots) in zip((stmt.then, stmt.orelse), sides, strict=True):
            more = tuple(self.at_end(stmts, block.yields[k], dots[k], stmt.outs[k]) for k in which)
            blocks.append(Block((), tuple(stmts), (*block.yields, *more)))
        outs = tuple(self.fresh(stmt.outs[k]) for k in which)
        self.b.add(replace(stmt, then=blocks[0], orelse=blocks[1], outs=(*stmt.outs, *outs)))

    def region(self, stmts: Sequence[Stmt]) -> list[Stmt]:
        with self.b.block() as out:
            self.statements_into(out, stmts)
        return out

    def fresh(self, v: Var) -> Var:
        dot = Var(self.hint(v), conform.carried_type(v))
        self.dots[v] = dot
        return dot

    def at_end(self, stmts: list[Stmt], a: Atom, dot: Atom | None, like: Var) -> Atom:
        """Return the tangent that a block yields beside `a`; a zero is made at the block's end."""
        if a is UNDEFINED:
            return UNDEFINED
        if dot is not None:
            return dot
        with self.b.block() as more:
            zero = (
                conform.zeros(self.b, a) if not like.type.is_array or a.type.is_array else conform.zeros(self.b, like)
            )
        stmts += more
        return zero

    def loop(self, stmt: Loop) -> None:
        """Add slots for the tangents of the slots that have one; found by trying until none is added."""
        slots = {k for k, i in enumerate(stmt.inits) if self.tangent(i) is not None and stmt.outs[k].type.inexact}
        while True:
            which = sorted(slots)
            params = [[self.fresh(b.params[k]) for k in which] for b in blocks_of(stmt)]
            for k in which:
                self.dots[stmt.body.params[k]] = params[-1][which.index(k)]
            with self.b.block() as stmts:
                for p in (*stmt.body.params, *params[-1]):
                    self.b.anchor(p)
                self.statements_into(stmts, stmt.body.stmts)
            more = {
                k for k, y in enumerate(stmt.body.yields) if self.tangent(y) is not None and stmt.outs[k].type.inexact
            }
            if more <= slots:
                break
            slots |= more
        self.b.add(self.widened(stmt, which, params, stmts))

    def widened(self, stmt: Loop, which: list[int], params: list[list[Var]], stmts: list[Stmt]) -> Loop:
        inits = tuple(self.tangent_or_zero(stmt.inits[k]) for k in which)
        body = stmt.body
        yields = tuple(self.at_end(stmts, body.yields[k], self.tangent(body.yields[k]), body.params[k]) for k in which)
        new_body = Block((*body.params, *params[-1]), tuple(stmts), (*body.yields, *yields))
        outs = tuple(self.fresh(stmt.outs[k]) for k in which)
        wide = replace(stmt, inits=(*stmt.inits, *inits), body=new_body, outs=(*stmt.outs, *outs))
        if isinstance(wide, While):
            cond = wide.cond
            return replace(wide, cond=Block((*cond.params, *params[0]), cond.stmts, cond.yields))
        return wide
