"""Append the adjoint program: reverse mode.

    v1 = sin(x); y = mul(v1, w)   ->   ...; y_bar given; v1_bar = mul(y_bar, w); v2 = cos(x); x_bar = mul(v1_bar, v2)

The adjoint statements mirror the primal ones in reverse order, one region for each primal region, and read primal
variables freely, as if all were still alive; `store` then decides how each is had. For the reverse sweep of programs
with control flow see Griewank and Walther, Evaluating Derivatives (2008), chapters 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from adcompile.analysis.activity import active, differentiable_args
from adcompile.analysis.masking import masked
from adcompile.analysis.opaque import MAKERS
from adcompile.analysis.zeros import Zeros
from adcompile.ir.builder import table_of
from adcompile.ir.core import (
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
    applies,
    bound_by,
    substitute,
    walk,
)
from adcompile.ir.custom import HELPERS, AdjointBlock, Pull
from adcompile.ir.inlining import inlined
from adcompile.ir.primitives import CALLS, OF_TREES
from adcompile.ir.types import PY_INT, Type, numpy_dtype
from adcompile.records import replace
from adcompile.rules import table
from adcompile.transforms import conform, counters, custom, forward, lists, pullbacks, realness, transpose, trees
from adcompile.transforms.adjoints import NOTHING, Bars, adjoint_type
from adcompile.transforms.callees import Callees
from adcompile.transforms.calls import Calls
from adcompile.transforms.local import (
    INFINITE,
    adjoint_terms,
    check_complex,
    divisor,
    guarded,
    no_rule,
    refuse_obstacles,
    row_term,
)
from adcompile.transforms.stores import add_at, index_add_terms, index_update_terms


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
    fn = counters.run(custom.open_calls(fn, wrt) if applies(fn.primal, "custom") else fn)
    if applies(fn.primal, *MAKERS):
        fn = realness.run(fn, active(fn, wrt))
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
    return custom.close(made) if applies(made.stmts, *HELPERS) else made


class Reverser(Calls):
    """Builds the adjoint statements."""

    def __init__(self, fn: Function, wrt: Sequence[Var], callees: Callees, hidden: frozenset[Var]) -> None:
        super().__init__(fn, active(fn, wrt), callees, run)
        refuse_obstacles(fn, self.active)
        self.masked = masked(fn) | hidden
        self.known = Zeros(self.b.defs)
        self.hooks = custom.hooks_of(fn, self.active) if applies(fn.primal, "hook") else {}
        self.plans: dict[int, tuple[list[int], list[Var]]] = {}

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
        if self.watched:
            self.origin = (eqn, gs)
        if eqn.prim in CALLS:
            self.call(eqn, gs)
            return
        if eqn.prim == "pull":
            self.pull(eqn, gs)
            return
        if eqn.prim == "pullback":
            for position, term in pullbacks.pull(
                self.b, eqn, gs, self.active, partial(forward.tangent_of, self.callees), self.callees.quiet
            ):
                self.accumulate(eqn.args[position], term)
            return
        if eqn.prim.startswith("list_"):
            lists.list_adjoint(self.b, eqn, gs, self.bars, self.accumulate)
            return
        if eqn.prim in OF_TREES:
            trees.pull(self.b, eqn, gs, self.active, self.accumulate, self.b.keys)
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
                (g,) = inlined(self.b, block.function, (g, *hook.args[1:]), self.b.keys)
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
        bars = inlined(self.b, rule.backward, (*residuals, *operands, *seeds, *extra), self.b.keys)
        for k, bar in zip(rule.targets, bars, strict=True):
            if rule.guarded and eqn.out in self.masked:
                bar = guarded(self.b, bar, seeds[0])
            self.accumulate(operands[k], bar)

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
            infinite = self.singular(eqn, g)
            skipped = infinite is not None and eqn.out not in self.masked and g.type.dims == ()
            rows = [(k, row_term(self.b, eqn, k, g, infinite, skipped)) for k in wanted]
            terms = [(k, term) for k, term in rows if term is not None]
            if skipped:
                for _, term in terms:
                    self.known.vanishing(term)
            return terms
        if eqn.prim in table.ADJOINTS:
            return [(k, term) for k, term in adjoint_terms(self.b, eqn, g) if k in wanted]
        if eqn.prim in table.TANGENTS:
            return transpose.transposed_terms(self.b, eqn, g, wanted, self.linear_terms)
        raise no_rule(eqn)

    def singular(self, eqn: Eqn, g: Atom) -> Callable[[Stmt], bool] | None:
        """Return what tells which equations of a rule may be infinite where the cotangent is exactly zero."""
        masked = eqn.out in self.masked
        if not masked and (not self.known.holds(g) or (g.type.dims == () and eqn.prim in INFINITE)):
            return None

        def infinite(stmt: Stmt) -> bool:
            a = divisor(stmt)
            telling = masked or g.type.dims == () or (a is not None and a.type.dims != ())
            return a is not None and telling and not self.known.nonzero(a)

        return infinite

    def linear_terms(self, eqn: Eqn, g: Atom, wanted: list[int]) -> Iterable[tuple[int, Atom]]:
        """Return the cotangents of the operands of a linear equation of a tangent rule."""
        if eqn.prim == "index":
            return [(0, self.read_term(eqn, g))]
        saved, self.active = self.active, self.active | {a for a in eqn.args if isinstance(a, Var)}
        try:
            return [(k, t) for k, t in self.terms(eqn, g) if k in wanted]
        finally:
            self.active = saved

    def read_adjoint(self, eqn: Eqn, g: Atom) -> None:
        """Add the cotangent of a read to the place that was read."""
        base = eqn.args[0]
        if isinstance(base, Var) and base in self.active:
            if base.type.dims == () and base.type.is_array:
                self.accumulate(base, g)
                return
            self.bars[base] = self.added_at(self.full(base), eqn, g)

    def read_term(self, eqn: Eqn, g: Atom) -> Atom:
        """Return the cotangent of what a tangent rule reads a part of; no value of it is at hand, only its lengths."""
        t = eqn.args[0].type
        if t.dims is None:
            raise no_rule(eqn)
        if t.dims == () and t.is_array:
            return g
        lengths = [self.b.length(d) for d in t.dims]
        return self.added_at(self.b.emit("full", Const(0.0), *lengths, attrs=(numpy_dtype(t),)), eqn, g)

    def added_at(self, bar: Atom, eqn: Eqn, g: Atom) -> Atom:
        """Add the cotangent of a read to that of what was read."""
        base, *atoms = eqn.args
        assert isinstance(base, Var)
        dims = eqn.out.type.dims
        g = conform.shrink(self.b, g, eqn.out, dims) if dims is not None else g
        return add_at(self.b, bar, g, atoms, eqn, self.hint(base))

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
        for noted in zip(outs, *yields, strict=True):
            self.known.branched(*noted)
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
        ends = [stmt.inits[k] for k in slots] + list(captured)
        outs = [Var(p.name, shaped(p.type, a)) for p, a in zip(params, ends, strict=True)]
        self.b.add(self.mirror(stmt, inits, params, stmts, yields, outs))
        for noted in zip(outs, inits, params, yields, strict=True):
            self.known.looped(*noted)
        for v, out in zip(captured, outs[len(slots) :], strict=True):
            self.bars[v] = out
        for k, out in zip(slots, outs, strict=False):
            self.accumulate(stmt.inits[k], out)

    def trip(
        self, stmt: Loop, slots: list[int], captured: list[Var]
    ) -> tuple[list[Var], list[Stmt], list[Atom], list[int], list[Var]]:
        """Build the mirror of one trip for the given slots; return also the slots that it turned out to need."""
        outer, body = self.bars, stmt.body
        params = [Var(self.hint(body.params[k]), shaped(adjoint_type(body.params[k]), body.yields[k])) for k in slots]
        params += [Var(self.hint(v), adjoint_type(v)) for v in captured]
        for v, p in zip((*(stmt.outs[k] for k in slots), *captured), params, strict=True):
            self.known.begins(p, self.bars.get(v))
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


def shaped(t: Type, v: Atom) -> Type:
    """Return the type of an adjoint with the lengths of the value that it belongs to at one end of a trip."""
    return replace(t, dims=v.type.dims) if t.is_array and v.type.is_array and t.rank == v.type.rank else t


def _keeps(stmt: Stmt) -> bool:
    return isinstance(stmt, Eqn) and stmt.prim == "undo"
