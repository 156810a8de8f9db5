"""Append the adjoint program: reverse mode.

    v1 = sin(x); y = mul(v1, w)   ->   ...; y_bar given; v1_bar = mul(y_bar, w); v2 = cos(x); x_bar = mul(v1_bar, v2)

The adjoint statements mirror the primal ones in reverse order, one region for each primal region, and read primal
variables freely, as if all were still alive; `store` then decides how each is had. For the reverse sweep of programs
with control flow see Griewank and Walther, Evaluating Derivatives (2008), chapters 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np

from adcompile.analysis.activity import active, differentiable_args
from adcompile.analysis.masking import masked
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
    bound_by,
    free,
    substitute,
    walk,
    with_blocks,
)
from adcompile.ir.custom import AdjointBlock, Pull
from adcompile.ir.inlining import inlined, keys_after
from adcompile.ir.types import OBJECT, PY_FLOAT, PY_INT, Type, numpy_dtype
from adcompile.records import replace
from adcompile.rules import table
from adcompile.transforms import checkpoints, conform, counters, custom, pullbacks
from adcompile.transforms.callees import Callees, Pair
from adcompile.transforms.forward import tangent_of
from adcompile.transforms.lists import list_adjoint
from adcompile.transforms.local import adjoint_terms, check_complex, guarded, no_rule, refuse_obstacles, row_term
from adcompile.transforms.stores import add_at, index_add_terms, index_update_terms
from adcompile.transforms.transpose import transposed_terms
from adcompile.transforms.watch import watch

Bars = dict[Var, Atom]
NOTHING: Final[Mapping[int, Const]] = {}


def run(
    fn: Function,
    wrt: Sequence[Var],
    outs: Sequence[int],
    keep: bool,
    callees: Callees | None = None,
    known: Mapping[int, Const] = NOTHING,
    hidden: frozenset[Var] = frozenset(),
) -> Function:
    """Differentiate the results `outs` of a function with respect to the variables `wrt`.

    The new function takes one cotangent for each of these results after the parameters, and returns the adjoints of
    `wrt`, in their shapes and dtypes, after its own results if `keep`. Cotangents that are `known` are no parameters.
    Those of the variables `hidden` may be exactly zero, because a selection in the function that calls this one hides
    them.
    """
    assert not fn.adjoint, "reverse is applied at most once"
    fn = counters.run(custom.open_calls(fn, wrt))
    reverser = Reverser(fn, wrt, callees or Callees({}), hidden)
    seeds = reverser.seed(outs, known)
    reverser.statements(fn.primal)
    reverser.operate(fn.params)
    bars = tuple(reverser.final(v) for v in wrt)
    made = replace(
        fn,
        params=(*fn.params, *seeds),
        primal=reverser.primal(),
        outs=(fn.outs if keep else ()) + bars,
        adjoint=tuple(reverser.b.stmts),
        names={**fn.names, **reverser.names},
    )
    return custom.close(made)


def adjoint_type(v: Var) -> Type:
    """Return the type of an adjoint that a block carries: that of an array without axes is a number."""
    return Type("scalar", numpy_dtype(v.type)) if v.type.dims == () and not v.type.is_list else conform.carried_type(v)


def seed_type(v: Var) -> Type:
    if v.type.is_array and v.type.dims is None:  # a number, as a test in the program makes sure
        return PY_FLOAT
    plain = v.type.dims != () or v.type.kind in ("py", "list")
    if v.type.kind == "scalar" and numpy_dtype(v.type) == np.float64:  # Python's float serves for either
        return PY_FLOAT
    return v.type if plain else Type("np", numpy_dtype(v.type))


class Reverser:
    """Builds the adjoint statements; `bars` holds the adjoint of each variable so far."""

    def __init__(self, fn: Function, wrt: Sequence[Var], callees: Callees, hidden: frozenset[Var]) -> None:
        self.fn = fn
        self.callees = callees
        self.origin: tuple[Eqn, Sequence[Atom | None]] | None = None
        self.split: dict[Stmt, Eqn] = {}
        self.outlined: dict[int, checkpoints.Outlined] = {}
        self.active = active(fn, wrt)
        refuse_obstacles(fn, self.active)
        self.masked = masked(fn) | hidden
        self.b = Builder(fn.facts, {v.name: v for v in fn.params})
        self.b.phase = "adjoint"
        for v in fn.params:
            self.b.anchor(v)
        for stmt in walk(fn.primal):
            if isinstance(stmt, Eqn):
                self.b.defs.update(dict.fromkeys(stmt.outs, stmt))
        self.b.scopes.append(table_of(fn.primal))
        self.b.scopes.append({})
        self.anchor(fn.primal)
        self.keys = keys_after(fn.stmts)
        self.hooks = custom.hooks_of(fn, self.active)
        self.bars: Bars = {}
        self.names: dict[Var, str] = {}
        self.plans: dict[int, tuple[list[int], list[Var]]] = {}

    def anchor(self, stmts: Iterable[Stmt]) -> None:
        for stmt in stmts:
            for out in stmt.outs:
                self.b.anchor(out)

    def hint(self, v: Var) -> str:
        name = self.fn.name_of(v)
        return f"{name}_bar" if name else ""

    # -- ends

    def seed(self, outs: Sequence[int], known: Mapping[int, Const] = NOTHING) -> list[Var]:
        """Make the cotangents of the results."""
        seeds = []
        for position in outs:
            out = self.fn.outs[position]
            if position in known:
                self.accumulate(out, known[position])
                continue
            name = (
                "y" if len(outs) == 1 else (self.fn.name_of(out) if isinstance(out, Var) else "") or f"y{position + 1}"
            )
            t = seed_type(out) if isinstance(out, Var) else Type("py", float)
            seed = Var(f"{name}_bar", t)
            seeds.append(seed)
            self.accumulate(out, seed)
        return seeds

    def final(self, v: Var) -> Atom:
        """Return the adjoint of an input: an array of its own, in the input's shape and dtype."""
        bar = self.bars.get(v)
        if bar is None:
            return self.zeros(v)
        spread = self.b.definition(bar, "broadcast_to")
        if spread is None:
            return bar
        g, *shape = spread.args
        if g.type.dims == ():
            return self.b.emit("full", g, *shape, attrs=(numpy_dtype(v.type),), name=self.hint(v))
        return self.b.emit("copy", bar, name=self.hint(v))

    # -- accumulation

    def accumulate(self, v: Atom, g: Atom) -> None:
        """Add a contribution to the adjoint of a variable."""
        if not isinstance(v, Var) or v not in self.active or (isinstance(g, Const) and g is UNDEFINED):
            return
        g = conform.cotangent(self.b, g, v)
        if self.origin is not None:
            watch(self.b, self.fn, v, g, *self.origin)
        have = self.bars.get(v)
        if have is None:
            self.bars[v] = g
            self.entitle(g, v)
            return
        if v.type.is_list:
            self.bars[v] = self.b.emit("list_sum", have, g)
            return
        if have is g:
            self.bars[v] = self.b.emit("mul", Const(2.0), g)
            self.entitle(self.bars[v], v)
            return
        pieces = self.pieces(have) if g.type.is_array and self.b.definition(g, "broadcast_to") is None else None
        if pieces is not None:
            for eqn in pieces:
                g = self.b.emit("index_add", g, *eqn.args[1:], attrs=eqn.attrs, name=self.hint(v))
            self.bars[v] = g
            self.entitle(g, v)
            return
        if self.b.definition(have, "broadcast_to") is not None and self.b.definition(g, "broadcast_to") is None:
            have, g = g, have
        if self.b.definition(have, "broadcast_to") is not None:
            self.bars[v] = self.b.emit("add", have, g, name=self.hint(v))
        else:
            self.bars[v] = self.b.emit("acc", have, g, name=self.hint(v))
        self.entitle(self.bars[v], v)

    def pieces(self, bar: Atom) -> list[Eqn] | None:
        """Return the contributions to parts of an adjoint, if it has no others: they are better added to a whole one.

        x_bar = zeros; x_bar[0] += s; x_bar += g     ->     x_bar = g; x_bar[0] += s
        """
        found: list[Eqn] = []
        while (eqn := self.b.definition(bar, "index_add")) is not None:
            found.append(eqn)
            bar = eqn.args[0]
        empty = self.b.definition(bar, "zeros_like")
        if not found or empty is None or self.is_read([empty, *found]):
            return None
        return found[::-1]

    def is_read(self, chain: Sequence[Eqn]) -> bool:
        """Tell whether the results of equations may be read by others than these."""
        made = {eqn.out for eqn in chain}
        for stmt in reversed(self.b.stmts):
            if stmt is chain[0]:
                return False
            if stmt not in chain and not made.isdisjoint(free(stmt)):
                return True
        return True

    def entitle(self, g: Atom, v: Var) -> None:
        """Name an adjoint equation after the variable, if it has no name yet."""
        if isinstance(g, Var) and not g.name and g in self.b.defs and self.hint(v):
            self.names.setdefault(g, self.hint(v))

    def zeros(self, v: Var) -> Atom:
        return Const(0.0) if v.type.dims == () and not v.type.is_list else conform.zeros(self.b, v)

    def full(self, v: Var) -> Atom:
        """Return the adjoint of a variable so far, zero if there is none."""
        found = self.bars.get(v)
        return self.zeros(v) if found is None else found

    # -- statements

    def statements(self, stmts: Sequence[Stmt]) -> None:
        for stmt in reversed(stmts):
            self.b.span = stmt.span
            self.operate(stmt.outs)
            match stmt:
                case Eqn():
                    self.equation(stmt)
                    self.origin = None
                case If():
                    self.branch(stmt)
                case For() | While():
                    self.loop(stmt)

    def equation(self, eqn: Eqn) -> None:
        if eqn.prim in ("index_update", "index_add"):
            self.b.emit_many("undo", (eqn.out,), (), ())
        gs = [self.bars.pop(o, None) for o in eqn.outs]
        if all(g is None for g in gs):
            return
        if self.callees.watched:
            self.origin = (eqn, gs)
        if eqn.prim == "call":
            self.call(eqn, gs)
            return
        if eqn.prim == "pull":
            self.pull(eqn, gs)
            return
        if eqn.prim == "pullback":
            for position, term in pullbacks.pull(self.b, eqn, gs, self.active, partial(tangent_of, self.callees)):
                self.accumulate(eqn.args[position], term)
            return
        if eqn.prim.startswith("list_"):
            list_adjoint(self.b, eqn, gs, self.bars, self.accumulate)
            return
        (g,) = gs
        assert g is not None
        for position, term in self.terms(eqn, g):
            self.accumulate(eqn.args[position], term)

    def operate(self, variables: Sequence[Var]) -> None:
        """Run the blocks for the adjoints of variables, which are complete now."""
        if not self.hooks:
            return
        for v in variables:
            for hook in reversed(self.hooks.get(v, ())):
                (block,) = hook.attrs
                assert isinstance(block, AdjointBlock)
                self.b.span = hook.span
                g = conform.cotangent(self.b, self.full(v), v)
                (g,) = inlined(self.b, block.function, (g, *hook.args[1:]), self.keys)
                self.bars[v] = conform.cotangent(self.b, g, v)
                self.entitle(self.bars[v], v)

    def pull(self, eqn: Eqn, gs: Sequence[Atom | None]) -> None:
        """Pull cotangents back through a call by its reverse rule."""
        rule, n, count, kept, _ = eqn.attrs
        assert isinstance(rule, Pull) and isinstance(n, int) and isinstance(count, int) and isinstance(kept, int)
        operands, residuals = eqn.args[n : n + count], eqn.args[n + count : n + count + kept]
        extra = eqn.args[n + count + kept :]
        seeds: list[Atom] = []
        for k in rule.seeds:
            g = gs[k]
            seeds.append(self.zeros(eqn.outs[k]) if g is None else conform.cotangent(self.b, g, eqn.outs[k]))
        bars = inlined(self.b, rule.backward, (*residuals, *operands, *seeds, *extra), self.keys)
        for k, bar in zip(rule.targets, bars, strict=True):
            if rule.guarded and eqn.out in self.masked:
                bar = guarded(self.b, bar, seeds[0])
            self.accumulate(operands[k], bar)

    def call(self, eqn: Eqn, gs: Sequence[Atom | None]) -> None:
        """Split a call: the forward half replaces it in the primal, the backward half gives its operands' adjoints."""
        name, types = eqn.attrs
        assert isinstance(name, str) and isinstance(types, tuple)
        wrt = tuple(k for k, a in enumerate(eqn.args) if isinstance(a, Var) and a in self.active)
        wanted = tuple(k for k, g in enumerate(gs) if g is not None)
        pair = self.callees.pair(("pair", name, wrt, wanted), name, lambda p: self.make_pair(p, name, wrt, wanted))
        tape = self.split[eqn].outs[-1] if eqn in self.split else Var("tape", OBJECT)
        if eqn not in self.split:
            self.split[eqn] = Eqn((*eqn.outs, tape), "call_fwd", eqn.args, (pair.name, (*types, OBJECT)), eqn.span)
        else:
            self.split[eqn] = replace(self.split[eqn], attrs=(pair.name, (*types, OBJECT)))
        cotangents = tuple(conform.cotangent(self.b, gs[k], eqn.outs[k]) for k in wanted if gs[k] is not None)  # type: ignore[arg-type]  # tested
        operands = [eqn.args[k] for k in wrt]
        result_types = tuple(adjoint_type(a) for a in operands if isinstance(a, Var))
        bars = self.b.emit_many("call_bwd", (tape, *cotangents), (pair.name, result_types), ("",) * len(wrt))
        for a, g in zip(operands, bars, strict=True):
            self.accumulate(a, g)

    def make_pair(self, pair: Pair, name: str, wrt: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        primal = self.callees.known(name)
        joint = run(primal, [primal.params[k] for k in wrt], wanted, True, self.callees)
        pair.given = primal.params
        pair.cotangents = joint.params[len(primal.params) :]
        pair.n_outs = len(primal.outs)
        pair.function = joint

    def primal(self) -> tuple[Stmt, ...]:
        """Return the primal statements with the calls that were split."""
        return tuple(map(self.with_splits, self.fn.primal)) if self.split else self.fn.primal

    def with_splits(self, stmt: Stmt) -> Stmt:
        if stmt in self.split:
            return self.split[stmt]
        blocks = tuple(Block(b.params, tuple(map(self.with_splits, b.stmts)), b.yields) for b in blocks_of(stmt))
        return with_blocks(stmt, blocks)

    def terms(self, eqn: Eqn, g: Atom) -> Iterable[tuple[int, Atom]]:
        """Return the cotangents of an equation's operands."""
        wanted = [k for k in differentiable_args(eqn) if isinstance(a := eqn.args[k], Var) and a in self.active]
        match eqn.prim:
            case "index":
                self.read_adjoint(eqn, g)
                return []
            case "index_update" | "index_add" if eqn.out.type.dims == ():
                return [(k, g) for k in wanted if k == 1 or eqn.prim == "index_add"]
            case "index_update":
                return index_update_terms(self.b, eqn, g, wanted)
            case "index_add":
                return index_add_terms(self.b, eqn, g, wanted)
            case "acc":
                return [(k, g) for k in wanted]
        check_complex(eqn)
        if eqn.prim in table.ROWS:
            guard = eqn.out in self.masked
            rows = ((k, row_term(self.b, eqn, k, g, guard)) for k in wanted)
            return [(k, term) for k, term in rows if term is not None]
        if eqn.prim in table.ADJOINTS:
            return [(k, term) for k, term in adjoint_terms(self.b, eqn, g) if k in wanted]
        if eqn.prim in table.TANGENTS:
            return transposed_terms(self.b, eqn, g, wanted, self.linear_terms)
        raise no_rule(eqn)

    def linear_terms(self, eqn: Eqn, g: Atom, wanted: list[int]) -> Iterable[tuple[int, Atom]]:
        """Return the cotangents of the operands of a linear equation of a tangent rule."""
        saved, self.active = self.active, self.active | {a for a in eqn.args if isinstance(a, Var)}
        try:
            return [(k, t) for k, t in self.terms(eqn, g) if k in wanted]
        finally:
            self.active = saved

    def read_adjoint(self, eqn: Eqn, g: Atom) -> None:
        """Add the cotangent of a read to the place that was read."""
        base, *atoms = eqn.args
        if isinstance(base, Var) and base in self.active:
            t = eqn.out.type
            if base.type.dims == () and base.type.is_array:
                self.accumulate(base, g)
                return
            g = conform.shrink(self.b, g, eqn.out, t.dims) if t.dims is not None else g
            self.bars[base] = add_at(self.b, self.full(base), g, atoms, eqn, self.hint(base))

    # -- branches

    def branch(self, stmt: If) -> None:
        gs = [self.bars.pop(o, None) for o in stmt.outs]
        outer = self.bars
        sides: list[tuple[list[Stmt], Bars]] = []
        for block in (stmt.then, stmt.orelse):
            self.bars = dict(outer)
            with self.b.block(table_of(block.stmts)) as stmts:
                self.anchor(block.stmts)
                for y, g in zip(block.yields, gs, strict=True):
                    if g is not None:
                        self.accumulate(y, g)
                self.statements(block.stmts)
            inner = {o for s in block.stmts for o in s.outs}
            sides.append((stmts, {v: g for v, g in self.bars.items() if v not in inner}))
        self.bars = outer
        self.join(stmt, sides)

    def join(self, stmt: If, sides: list[tuple[list[Stmt], Bars]]) -> None:
        """Make the mirror of an if: its results are the adjoints that either side changed."""
        changed = [
            v
            for v in dict.fromkeys([*sides[0][1], *sides[1][1]])
            if any(bars.get(v) is not self.bars.get(v) for _, bars in sides)
        ]
        outs: list[Var] = []
        yields: list[list[Atom]] = [[], []]
        for v in changed:
            out = Var(self.hint(v), adjoint_type(v))
            outs.append(out)
            for side, (stmts, bars) in enumerate(sides):
                g = bars.get(v)
                if g is None:
                    g = self.at_end(stmts, v)
                yields[side].append(g)
            self.bars[v] = out
        blocks = [Block((), tuple(stmts), tuple(ys)) for (stmts, _), ys in zip(sides, yields, strict=True)]
        if outs or any(b.stmts for b in blocks):
            self.b.add(If(stmt.cond, blocks[0], blocks[1], tuple(outs), -stmt.key, stmt.key, stmt.span))

    def at_end(self, stmts: list[Stmt], v: Var) -> Atom:
        """Make a zero adjoint at the end of a closed block."""
        with self.b.block() as more:
            zero = self.zeros(v)
        stmts += more
        return zero

    # -- loops

    def loop(self, stmt: Loop) -> None:
        """Make the mirror of a loop: adjoints of its slots, and of the variables that its body reads, as slots."""
        if stmt.snapshots is not None:
            self.checkpointed(stmt)
            return
        slots, captured = self.plans.get(stmt.key, ([k for k, o in enumerate(stmt.outs) if o in self.bars], []))
        slots = sorted({*slots, *(k for k, o in enumerate(stmt.outs) if o in self.bars)})
        while True:
            params, stmts, yields, more_slots, more_captured = self.trip(stmt, slots, captured)
            if (more_slots, more_captured) == (slots, captured):
                break
            slots, captured = more_slots, more_captured
        self.plans[stmt.key] = (slots, captured)
        if not slots and not captured and not any(_keeps(s) for s in walk(stmts)):
            return
        inits = [self.take(stmt.outs[k]) for k in slots] + [self.full(v) for v in captured]
        outs = [Var(p.name, p.type) for p in params]
        self.b.add(self.mirror(stmt, inits, params, stmts, yields, outs))
        for v, out in zip(captured, outs[len(slots) :], strict=True):
            self.bars[v] = out
        for k, out in zip(slots, outs, strict=False):
            self.accumulate(stmt.inits[k], out)

    def checkpointed(self, stmt: Loop) -> None:
        """Run the adjoints of the trips of a loop from the states that it kept."""
        if not any(o in self.bars for o in stmt.outs):
            return
        if stmt.key not in self.outlined:
            self.outlined[stmt.key] = checkpoints.outline(self.fn, stmt, self.active, self.callees, self.differentiated)
        found = self.outlined[stmt.key]
        self.split[stmt] = found.run
        after = [conform.cotangent(self.b, self.take(stmt.outs[k]), stmt.outs[k]) for k in found.slots]
        if found.once:
            self.rerun(found, after)
            return
        params = [stmt.body.params[k] for k in found.slots] + found.captured
        types, hints = tuple(map(adjoint_type, params)), tuple(map(self.hint, params))
        args = (found.run.outs[-1], *after, *map(self.full, found.captured))
        results = self.b.emit_many("call_checkpointed_bwd", args, (found.names, types), hints)
        for v, g in zip(found.captured, results[len(found.slots) :], strict=True):
            self.bars[v] = g
        for k, g in zip(found.slots, results, strict=False):
            self.accumulate(stmt.inits[k], g)

    def rerun(self, found: checkpoints.Outlined, after: Sequence[Atom]) -> None:
        """Call the adjoint of a function that is run again."""
        types, hints = tuple(map(adjoint_type, found.captured)), tuple(map(self.hint, found.captured))
        results = self.b.emit_many("call", (*found.run.args, *after), (found.names[1], types), hints)
        for v, g in zip(found.captured, results, strict=True):
            self.accumulate(v, g)

    def differentiated(self, fn: Function, wrt: Sequence[Var], outs: Sequence[int]) -> Function:
        return run(fn, wrt, outs, False, self.callees)

    def take(self, v: Var) -> Atom:
        g = self.bars.pop(v, None)
        return self.zeros(v) if g is None else g

    def trip(
        self, stmt: Loop, slots: list[int], captured: list[Var]
    ) -> tuple[list[Var], list[Stmt], list[Atom], list[int], list[Var]]:
        """Build the mirror of one trip for the given slots; return also the slots that it turned out to need."""
        outer, body = self.bars, stmt.body
        params = [Var(self.hint(body.params[k]), adjoint_type(body.params[k])) for k in slots]
        params += [Var(self.hint(v), adjoint_type(v)) for v in captured]
        own = {*body.params, *bound_by(stmt), *(o for s in body.stmts for o in s.outs)}
        with self.b.block(table_of(body.stmts)) as stmts:
            for p in (*body.params, *params):
                self.b.anchor(p)
            self.anchor(body.stmts)
            self.bars = dict(zip(captured, params[len(slots) :], strict=True))
            for k, p in zip(slots, params, strict=False):
                self.accumulate(body.yields[k], p)
            self.statements(body.stmts)
            self.operate(body.params)
            bars = self.bars
            yields = [self.full(body.params[k]) for k in slots] + [self.full(v) for v in captured]
        self.bars = outer
        found = [k for k, p in enumerate(body.params) if p in bars]
        reached = [v for v in bars if v not in own and v not in captured]
        return params, stmts, yields, sorted({*slots, *found}), captured + reached

    def mirror(
        self,
        stmt: Loop,
        inits: list[Atom],
        params: list[Var],
        stmts: list[Stmt],
        yields: list[Atom],
        outs: list[Var],
    ) -> Stmt:
        """Make the reverse loop: backwards over the range, or over the trips that were counted."""
        counts = not isinstance(stmt, For) or stmt.until is not None
        head: list[Stmt] = []
        bounds: tuple[Atom, Atom, Atom]
        if isinstance(stmt, For) and not counts:
            index = Var(self.fn.name_of(stmt.index), PY_INT)
            bounds = (stmt.start, stmt.stop, stmt.step)
            number: Atom = index
        else:
            index = Var(self.fn.name_of(stmt.index) if isinstance(stmt, For) else "k", PY_INT)
            bounds = (Const(0), stmt.outs[-1], Const(1))
            with self.b.block() as head:
                number = self.b.emit("mul", index, stmt.step) if isinstance(stmt, For) else index
                number = self.b.emit("add", stmt.start, number) if isinstance(stmt, For) else number
        env = {stmt.index: number} if isinstance(stmt, For) else {}
        body = Block(tuple(params), (*head, *(substitute(s, env) for s in stmts)), tuple(yields))
        key, span = stmt.key, stmt.span
        return For(index, *bounds, tuple(inits), body, tuple(outs), -key, None, True, counts, key, span)


def _keeps(stmt: Stmt) -> bool:
    return isinstance(stmt, Eqn) and stmt.prim == "undo"
