"""Decide which updates of arrays may be done in place, and copy where one may not.

    a2 = index_update(a1, v, i)      with a1 read later    ->    c = copy(a1); a2 = index_update(c, v, i)

In the IR an update makes a new value. In the emitted program it stores to the buffer of its first operand, which is
right only if nobody else reads that buffer afterwards. After this pass every ``index_update``, ``index_add`` and
``acc`` on an array may be emitted as a store:

* an equation updates in place iff none of the buffers that its operand may live in is borrowed (an argument of the
  function, read-only memory), on a tape, or held by another variable that is read later;
* else, if only views of the buffer are read later, these are copied where they are made (``v = a[1:].copy()``);
* else the operand is copied, and an accumulation becomes an addition;
* a loop slot is *owned* if its buffer is updated in the body. What enters an owned slot, before the loop or at a trip,
  must be held by nobody else; if it is, it is copied there, so that the copy is made once and not at every update;
* a returned array that is an argument, a view of one, read-only or also returned at another place is copied.

The roots of variables (`adcompile.analysis.storage`) are followed through views, branches, loops, tapes and calls. A
buffer that is pushed is never updated again in place, except by whoever pops it, if the tape was its only holder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adcompile.analysis.reads import Live, contents_captured, contents_free, contents_free_of
from adcompile.analysis.storage import (
    GIVES_READ_ONLY,
    NO_ROOTS,
    READ_ONLY,
    Roots,
    has_storage,
    is_view,
    own_roots,
    result_roots,
    slot_closure,
    updated_roots,
)
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
    blocks_of,
    same_atom,
    variables,
    with_blocks,
)
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import dataclass, field, replace


def run(fn: Function, borrowed: frozenset[Var], *, kept: int | None = None) -> Function:
    """Return an equal function whose every update of an array may be done in place.

    `borrowed` are variables whose buffers belong to the caller: the parameters. If `kept` is given, the primal and the
    adjoint statements are to become two functions, of which the first returns the first `kept` results, and the second
    may be called again and again: it leaves all that the first made as it was.
    """
    detached: set[Var] = set()
    while True:
        attempt = _Attempt(frozenset(borrowed), frozenset(detached), kept)
        result = attempt.function(fn)
        if attempt.wanted <= detached:
            return result if attempt.changed else fn
        detached |= attempt.wanted


@dataclass(slots=True)
class _Tape:
    """What was pushed on a tape: its buffers, and whether the tape alone holds each of them, once."""

    roots: Roots = NO_ROOTS
    exclusive: bool = True


@dataclass(slots=True)
class _Frame:
    """A loop body in progress, or the function: the buffers made in the current trip, the tapes pushed to in it."""

    born: set[Var] = field(default_factory=set)
    pushed: list[_Tape] = field(default_factory=list)


class _Attempt:
    """One walk over the program, with a set of views that are copied where they are made.

    roots     buffers that each variable may live in
    holders   the variables that may live in a buffer, but those that nobody reads any more
    frozen    buffers that must not be updated: borrowed ones and those on tapes
    fixed     lists that may change, but whose items must not be updated: those are on tapes
    updated   buffers that were updated in place
    views     variables made by an equation that gives a view
    originals the views that variables which became copies are copies of
    around    what is read after each of the statements whose blocks the walk is in, the outermost first
    ended     the variables of blocks that the walk has left
    wanted    views that should have been copied where they were made; if there are new ones the walk is done again
    """

    def __init__(self, borrowed: frozenset[Var], detached: frozenset[Var], kept: int | None) -> None:
        self.borrowed, self.detached, self.kept = borrowed, detached, kept
        self.roots: dict[Var, Roots] = {}
        self.holders: dict[Var, list[Var]] = {}
        self.frozen: set[Var] = {READ_ONLY}
        self.fixed: set[Var] = set()
        self.updated: set[Var] = set()
        self.views: dict[Var, Eqn] = {}
        self.originals: dict[Atom, Var] = {}
        self.wanted: set[Var] = set()
        self.tapes: dict[object, _Tape] = {}
        self.frames: list[_Frame] = [_Frame()]
        self.around: list[Live] = []
        self.ended: set[Var] = set()
        self.changed = False

    # -- the function

    def function(self, fn: Function) -> Function:
        for p in fn.params:
            if has_storage(p):
                self.set_roots({p: frozenset({p})})
        self.frozen |= self.borrowed
        live = set(variables(fn.outs))
        read_again = contents_free_of(fn.adjoint)
        primal = self.stmts(fn.primal, live | read_again)
        if self.kept is None:
            adjoint = self.stmts(fn.adjoint, live)
            outs = self.results(fn.outs, NO_ROOTS, adjoint if fn.adjoint else primal)
        else:
            tape = frozenset[Var]().union(*map(self.of, read_again))
            outs = self.results(fn.outs[: self.kept], tape, primal)
            self.frozen.update(*self.roots.values())
            adjoint = self.stmts(fn.adjoint, live)
            outs += self.results(fn.outs[self.kept :], NO_ROOTS, adjoint)
        return replace(fn, primal=tuple(primal), adjoint=tuple(adjoint), outs=outs)

    def results(self, outs: tuple[Atom, ...], held: Roots, stmts: list[Stmt]) -> tuple[Atom, ...]:
        """Copy returned arrays whose buffers somebody else has: the caller, `held`, or another result."""
        new: list[Atom] = []
        for a in outs:
            array = isinstance(a, Const) and has_storage(a) or a.type.is_array
            if array and (isinstance(a, Const) or self.of(a) & (self.frozen | self.fixed | held)):
                a = self.copy(a, a.name if isinstance(a, Var) else "", stmts)
            held |= self.of(a)
            new.append(a)
        return tuple(new)

    # -- bookkeeping

    def of(self, a: Atom) -> Roots:
        return self.roots.get(a, NO_ROOTS) if isinstance(a, Var) else NO_ROOTS

    def set_roots(self, found: Mapping[Var, Roots], *, born: bool = True) -> None:
        """Record where variables live; `born` says that those that are their own root were made in this trip."""
        for v, roots in found.items():
            self.roots[v] = roots
            for r in roots:
                self.holders.setdefault(r, []).append(v)
            if born and v in roots:
                self.frames[-1].born.add(v)

    def copy(self, a: Atom, name: str, out: list[Stmt]) -> Var:
        """Append a copy of a value. The copy of a number that was broadcast is a new array filled with it."""
        c = Var(name, a.type)
        made = self.views.get(a) if isinstance(a, Var) else None
        if made is not None and made.prim == "broadcast_to" and made.args[0].type.is_scalar:
            out.append(Eqn((c,), "full", made.args, (None,), made.span))
        else:
            out.append(Eqn((c,), "copy", (a,), (), made.span if made is not None else None))
        self.changed = True
        self.set_roots({c: frozenset({c})})
        return c

    def sharers(self, a: Var, live: set[Var] | Live) -> list[Var]:
        """Return the live variables that may share the buffer of `a`: of a list not its items, which it only holds."""
        found: dict[Var, None] = {}
        for r in own_roots(a, self.of(a)):
            if isinstance(live, Live):
                held = [w for w in self.holders[r] if w not in self.ended and not live.is_past(w)]
                self.holders[r] = [w for w in held if not any(around.was_past(w) for around in self.around)]
            found.update(dict.fromkeys(self.holders[r]))
        if a.type.is_list:
            found = dict.fromkeys(w for w in found if not w.type.is_array)
        return [w for w in found if (live.includes(w) if isinstance(live, Live) else w in live)]

    def detach(self, sharers: list[Var], a: Var) -> bool:
        """Free `a` of the variables that share its buffer by copying them where they were made, if that can be."""
        for w in sharers:
            made = self.views.get(w)
            if w is a or made is None or made.prim in GIVES_READ_ONLY - {"unbroadcast"}:
                return False
        self.wanted.update(sharers)
        return True

    def may_update(self, a: Atom, live: set[Var] | Live) -> bool:
        """Tell whether the buffer of `a` may be overwritten when the variables `live` are read afterwards."""
        roots = own_roots(a, self.of(a))
        if not isinstance(a, Var) or not roots or roots & self.frozen or (roots & self.fixed and not a.type.is_list):
            return False
        sharers = self.sharers(a, live)
        return not sharers or self.detach(sharers, a)

    # -- statements

    def stmts(self, stmts: Iterable[Stmt], live_out: set[Var]) -> list[Stmt]:
        """Rewrite the statements of a block; `live_out` are the variables that are read after it."""
        todo = list(stmts)
        last: dict[Var, int] = {}
        for k, stmt in enumerate(todo):
            last.update(dict.fromkeys(contents_free(stmt), k))
        own = {v for stmt in todo for v in stmt.outs}
        out: list[Stmt] = []
        for k, stmt in enumerate(todo):
            live = Live(live_out, last, own, k, None)
            if isinstance(stmt, Eqn):
                self.equation(stmt, live, out)
                continue
            self.around.append(live)
            if isinstance(stmt, If):
                self.branches(stmt, live, out)
            else:
                self.loop(stmt, live, out)
            self.around.pop()
            self.ended.update(v for block in blocks_of(stmt) for s in block.stmts for v in s.outs)
        return out

    def equation(self, eqn: Eqn, live: Live, out: list[Stmt]) -> None:
        if eqn.prim == "push":
            self.push(eqn)
        elif eqn.prim == "pop":
            self.pop(eqn)
        elif PRIMITIVES[eqn.prim].updates and any(map(has_storage, eqn.outs)):
            self.update(eqn, live, out)
            return
        elif is_view(eqn):
            self.view(eqn, out)
            return
        else:
            self.set_roots(result_roots(eqn, self.of))
        if eqn.prim == "may_share_memory":  # tells what the function's own views do, whatever became of them here
            eqn = replace(eqn, args=tuple(self.original(a, out) for a in eqn.args))
        out.append(eqn)

    def original(self, a: Atom, out: list[Stmt]) -> Atom:
        """Return what an array is in the user's program, made anew if here it is a view of a copy."""
        made = self.views.get(a) if isinstance(a, Var) and a not in self.originals else None
        if made is None:
            return self.originals.get(a, a)
        args = tuple(self.original(b, out) for b in made.args)
        if all(map(same_atom, args, made.args)):
            return a
        v = Var("", made.out.type)
        out.append(replace(made, args=args, outs=(v,)))
        return v

    def update(self, eqn: Eqn, live: Live, out: list[Stmt]) -> None:
        """Update in place, or copy first."""
        if eqn.prim == "list_append" and eqn.args[0].type.is_pool:
            eqn = self.handed_over(eqn, live, out)
        a = eqn.args[0]
        if self.may_update(a, live.without(eqn.out)):
            self.updated |= own_roots(a, self.of(a))
            self.set_roots(updated_roots(eqn, self.of))
        elif eqn.prim == "acc":
            eqn = replace(eqn, prim="add")
            self.changed = True
            self.set_roots({eqn.out: frozenset({eqn.out})})
        else:
            c = self.copy(a, eqn.out.name, out)
            eqn = replace(eqn, args=(c, *eqn.args[1:]))
            self.set_roots(updated_roots(eqn, self.of))
        out.append(eqn)

    def handed_over(self, eqn: Eqn, live: Live, out: list[Stmt]) -> Eqn:
        """Put a copy into a list that owns what is in it, unless what is put into it is read by nobody afterwards."""
        held, row = eqn.args
        if self.may_update(row, live):
            self.updated |= own_roots(row, self.of(row))
            return eqn
        return replace(eqn, args=(held, self.copy(row, "", out)))

    def view(self, eqn: Eqn, out: list[Stmt]) -> None:
        """Make a view, or a copy of it for those who read it after the buffer is updated."""
        if not any(map(has_storage, eqn.outs)):
            out.append(eqn)
        elif eqn.outs[0] in self.detached and len(eqn.outs) == 1:
            v = Var(eqn.out.name, eqn.out.type)
            self.originals[eqn.out] = v
            out.append(replace(eqn, outs=(v,)))
            out.append(Eqn(eqn.outs, "copy", (v,), (), eqn.span))
            self.changed = True
            self.set_roots({eqn.out: frozenset({eqn.out})})
        else:
            out.append(eqn)
            self.set_roots(result_roots(eqn, self.of))
            if len(eqn.outs) == 1:
                self.views[eqn.out] = eqn

    def push(self, eqn: Eqn) -> None:
        """Put a buffer on a tape: it is not to be updated any more."""
        (a,) = eqn.args
        tape = self.tapes.setdefault(eqn.attrs[0], _Tape())
        roots, frame = frozenset({READ_ONLY}) if isinstance(a, Const) else self.of(a), self.frames[-1]
        single = len(self.frames) > 1 and roots <= frame.born and not roots & (self.frozen | self.fixed)
        tape.exclusive = tape.exclusive and single and self.kept is None
        for other in (t for t in self.tapes.values() if t is not tape and t.roots & roots):
            other.exclusive = False
        tape.roots |= roots
        frame.pushed.append(tape)
        self.keep(roots, items=a.type.is_array)

    def keep(self, roots: Roots, *, items: bool) -> None:
        """Forbid updates of buffers; if `items`, of what lists among them hold, not of the lists themselves."""
        lists = frozenset(r for r in roots if r.type.is_list) if items else NO_ROOTS
        self.fixed |= lists
        self.frozen |= roots - lists

    def pop(self, eqn: Eqn) -> None:
        tape = self.tapes.get(eqn.attrs[0], _Tape())
        alone = tape.exclusive
        self.set_roots({v: frozenset({v}) if alone else tape.roots | {v} for v in eqn.outs if has_storage(v)})

    # -- branches

    def branches(self, stmt: If, live: Live, out: list[Stmt]) -> None:
        after = live.variables()
        then, orelse = (
            replace(b, stmts=tuple(self.stmts(b.stmts, after | set(variables(b.yields))))) for b in blocks_of(stmt)
        )
        out.append(replace(stmt, then=then, orelse=orelse))
        pairs = zip(stmt.outs, then.yields, orelse.yields, strict=True)
        self.set_roots({o: self.of(a) | self.of(b) for o, a, b in pairs if has_storage(o)})

    # -- loops

    def loop(self, stmt: Loop, live: Live, out: list[Stmt]) -> None:
        """Rewrite a loop, and make what enters its owned slots exclusive."""
        outside = (live.variables() - set(stmt.outs)) | contents_captured(stmt)
        slots = [i for i, p in enumerate(stmt.body.params) if has_storage(p)]
        self.frames.append(_Frame())
        blocks = [self.block(stmt, block, slots, outside) for block in blocks_of(stmt)]
        body, statements = blocks[-1], list(blocks[-1].stmts)
        owned = self.owned(body, slots)
        yields = self.exclusive_yields(body, owned, outside, statements)
        self.end_trip(yields)
        self.frames.pop()
        inits = self.exclusive_inits(stmt, owned, outside, out)
        blocks[-1] = Block(body.params, tuple(statements), yields)
        new = with_blocks(replace(stmt, inits=inits), tuple(blocks))
        assert isinstance(new, For | While)
        out.append(new)
        self.after_loop(new, slots, owned)

    def block(self, stmt: Loop, block: Block, slots: list[int], outside: set[Var]) -> Block:
        """Rewrite one block of a loop. The condition's parameters are read again by the body."""
        self.set_roots({block.params[i]: frozenset({stmt.body.params[i]}) for i in slots}, born=False)
        live = outside | set(variables(block.yields))
        if block is not stmt.body:
            live |= set(block.params)
        return replace(block, stmts=tuple(self.stmts(block.stmts, live)))

    def owned(self, body: Block, slots: list[int]) -> list[int]:
        """Return the slots whose buffer is updated in the body, now or after it has moved to another slot."""
        owned = {i for i in slots if body.params[i] in self.updated}
        while True:
            sources = frozenset[Var]().union(*(self.of(body.yields[i]) for i in owned))
            more = {j for j in slots if body.params[j] in sources} - owned
            if not more:
                return sorted(owned)
            owned |= more

    def exclusive_yields(self, body: Block, owned: list[int], outside: set[Var], out: list[Stmt]) -> tuple[Atom, ...]:
        """Copy what a trip yields to an owned slot if somebody else holds it too."""
        yields = list(body.yields)
        for i in owned:
            y = yields[i]
            if not isinstance(y, Var):
                continue
            others = [*variables(yields[:i]), *variables(yields[i + 1 :])]
            if not self.may_update(y, outside | set(others)):
                yields[i] = self.copy(y, body.params[i].name, out)
        return tuple(yields)

    def exclusive_inits(self, stmt: Loop, owned: list[int], outside: set[Var], out: list[Stmt]) -> tuple[Atom, ...]:
        """Copy what enters an owned slot before the loop if somebody else holds it too."""
        inits = list(stmt.inits)
        for i in owned:
            a = inits[i]
            if not has_storage(a):
                continue
            others = {*variables(inits[:i]), *variables(inits[i + 1 :])}
            if not self.may_update(a, outside | others):
                inits[i] = self.copy(a, stmt.body.params[i].name, out)
            else:
                self.updated |= own_roots(a, self.of(a))
        return tuple(inits)

    def end_trip(self, yields: tuple[Atom, ...]) -> None:
        """A pushed buffer that the trip also yields has two holders."""
        held = frozenset[Var]().union(*map(self.of, yields))
        for tape in self.frames[-1].pushed:
            if tape.roots & held:
                tape.exclusive = False

    def after_loop(self, stmt: Loop, slots: list[int], owned: list[int]) -> None:
        """Say where the results of a loop may live."""
        params = stmt.body.params
        held = slot_closure(
            {params[i]: self.of(stmt.inits[i]) for i in slots},
            {params[i]: self.of(stmt.body.yields[i]) for i in slots},
        )
        for i in slots:
            if params[i] in self.frozen or params[i] in self.fixed:
                self.keep(held[params[i]], items=params[i] not in self.frozen)
            out = stmt.outs[i]
            self.set_roots({out: frozenset({out}) if i in owned or not held[params[i]] else held[params[i]]})
