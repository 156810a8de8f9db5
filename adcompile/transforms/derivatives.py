"""What becomes of derivatives inside a program: pushforwards at the beginning, pullbacks at the end.

v3, v4 = pushforward(v1, v2, v5; f)   ->   the equations of f and of its tangents
v3, v4 = pullback(v1, v2, 1.0; f)     ->   v3, v4 = call(v1, v2, 1.0; f_vjp)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from adcompile.ir.core import (
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    Stmt,
    Var,
    applies,
    blocks_of,
    map_atoms,
    read_by,
    substitute,
    walk,
    with_blocks,
)
from adcompile.ir.derivatives import DERIVATIVES, Jacobian, Pullback, Pushforward
from adcompile.ir.inlining import copied, keys_after
from adcompile.ir.rebuild import map_operands
from adcompile.records import replace
from adcompile.rules.effects import loud
from adcompile.transforms import batch, custom, forward, jacobians, pullbacks, reverse
from adcompile.transforms.callees import Callees


def release(fn: Function) -> Function:
    """Drop what stops derivatives, once all are taken: v2 = stop_gradient(v1); v3 = sin(v2)   ->   v3 = sin(v1)."""
    stopped = {s.out: s.args[0] for s in walk(fn.stmts) if isinstance(s, Eqn) and s.prim == "stop_gradient"}
    if not stopped:
        return fn

    def resolve(a: Atom) -> Atom:
        while isinstance(a, Var) and a in stopped:
            a = stopped[a]
        return a

    def kept(stmts: Iterable[Stmt]) -> tuple[Stmt, ...]:
        return tuple(released(s) for s in stmts if s not in gone)

    def released(stmt: Stmt) -> Stmt:
        stmt = with_blocks(stmt, tuple(replace(b, stmts=kept(b.stmts)) for b in blocks_of(stmt)))
        return map_atoms(stmt, resolve)

    gone = {s for s in walk(fn.stmts) if isinstance(s, Eqn) and s.prim == "stop_gradient"}
    return replace(fn, primal=kept(fn.primal), adjoint=kept(fn.adjoint), outs=tuple(map(resolve, fn.outs)))


# -- pushforwards


def expand(fn: Function, callees: Callees) -> Function:
    """Put the equations of pushforwards in their places, also in the functions that pullbacks are of."""
    custom.within_rules(fn, lambda inner: expand(inner, callees))
    if not applies(fn.stmts, *DERIVATIVES):
        return fn
    expander = _Expander(callees, keys_after(fn.stmts))
    primal = tuple(expander.stmts(fn.primal))
    return replace(fn, primal=primal, outs=tuple(map(expander.resolve, fn.outs)))


class _Expander:
    """`env` says what the results of the pushforwards are now."""

    def __init__(self, callees: Callees, keys: Iterator[int]) -> None:
        self.callees, self.keys = callees, keys
        self.env: dict[Var, Atom] = {}

    def resolve(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def stmts(self, stmts: Iterable[Stmt]) -> Iterator[Stmt]:
        for stmt in stmts:
            blocks = tuple(self.block(b) for b in blocks_of(stmt))
            stmt = substitute(with_blocks(stmt, blocks), self.env)
            match stmt:
                case Eqn(prim="pushforward"):
                    yield from self.pushforward(stmt)
                case Eqn(prim="pullback" | "jacobian"):
                    (of,) = stmt.attrs
                    assert isinstance(of, Pullback | Jacobian)
                    yield replace(stmt, attrs=(replace(of, function=expand(of.function, self.callees)),))
                case _:
                    yield stmt

    def block(self, block: Block) -> Block:
        stmts = tuple(self.stmts(block.stmts))
        return Block(block.params, stmts, tuple(map(self.resolve, block.yields)))

    def pushforward(self, eqn: Eqn) -> Iterator[Stmt]:
        (of,) = eqn.attrs
        assert isinstance(of, Pushforward)
        inner = expand(of.function, self.callees)
        count = len(inner.params)
        tangents = {inner.params[k]: dot for k, dot in zip(of.wrt, eqn.args[count:], strict=True)}
        known = {v: dot for v, dot in tangents.items() if isinstance(dot, Const)}
        pushed = forward.run(inner, list(tangents), self.callees, known)
        given = (*eqn.args[:count], *(dot for v, dot in tangents.items() if v not in known))
        stmts, outs = copied(pushed, given, self.keys)
        yield from stmts
        n = len(inner.outs)
        results = [outs[k] for k in (*range(n), *(n + k for k in of.carried))]
        self.env.update(zip(eqn.outs, results, strict=True))


# -- pullbacks

INLINED: Final = 24  # equations of a function without loops and branches that is put where it is called


Pass = Callable[[Function], Function]


def lower(callees: Callees, finish: Pass, tidy: Pass, fn: Function) -> Function:
    """Call a function for each pullback, of which only the results that are read are computed; put short ones in place.

    `finish` makes an executable program of a function and its adjoint statements, `tidy` simplifies an executable one.
    """
    if not applies(fn.stmts, *DERIVATIVES):
        return fn
    lowering = _Lowering(callees, finish, tidy, fn)
    primal, adjoint = (tuple(lowering.stmts(stmts)) for stmts in (fn.primal, fn.adjoint))
    outs = tuple(map(lowering.resolve, fn.outs))
    return tidy(replace(fn, primal=primal, adjoint=adjoint, outs=outs))


class _Lowering:
    """`env` says what the results of pullbacks that were put in place are now."""

    def __init__(self, callees: Callees, finish: Pass, tidy: Pass, fn: Function) -> None:
        self.callees, self.finish, self.tidy = callees, finish, tidy
        self.read = read_by(fn)
        self.keys = keys_after(fn.stmts)
        found = [s for s in fn.stmts if isinstance(s, Eqn) and s.prim == "jacobian"]
        self.alone = found[0].outs if len(found) == 1 else None
        self.env: dict[Var, Atom] = {}

    def resolve(self, a: Atom) -> Atom:
        return self.env.get(a, a) if isinstance(a, Var) else a

    def stmts(self, stmts: Iterable[Stmt]) -> Iterator[Stmt]:
        for stmt in stmts:
            stmt = map_operands(stmt, self.resolve)
            if not isinstance(stmt, Eqn):
                yield with_blocks(stmt, tuple(map(self.block, blocks_of(stmt))))
            elif stmt.prim == "pullback":
                yield from self.pullback(stmt)
            elif stmt.prim == "jacobian":
                yield from self.jacobian(stmt)
            else:
                yield stmt

    def block(self, block: Block) -> Block:
        stmts = tuple(self.stmts(block.stmts))
        return Block(block.params, stmts, tuple(map(self.resolve, block.yields)))

    def pullback(self, eqn: Eqn) -> Iterator[Stmt]:
        of = pullbacks.description(eqn)
        kept, adjoints = eqn.outs[: len(of.kept)], eqn.outs[len(of.kept) :]
        of = replace(
            of,
            kept=tuple(k for k, o in zip(of.kept, kept, strict=True) if o in self.read),
            wrt=tuple(k for k, o in zip(of.wrt, adjoints, strict=True) if o in self.read),
        )
        count = len(of.function.params)
        known = {k: w for k, w in zip(of.seeds, eqn.args[count:], strict=True) if isinstance(w, Const)}
        key = ("pullback", of, tuple((k, w.key) for k, w in known.items()))
        name = self.callees.function(key, f"{of.function.name}_vjp", lambda: self.function(of, known))
        given = (*eqn.args[:count], *(w for w in eqn.args[count:] if not isinstance(w, Const)))
        args = tuple(given[k] for k in parameters_taken(self.callees, name))
        outs = tuple(o for o in eqn.outs if o in self.read)
        fn = self.callees.known(name)
        if all(isinstance(s, Eqn) for s in fn.stmts) and len(fn.stmts) <= INLINED:
            stmts, results = copied(replace(fn, primal=fn.stmts, adjoint=()), args, keys_after())
            self.env.update(zip(outs, results, strict=True))
            yield from stmts
        else:
            prim = "call_loud" if loud(fn) else "call"
            yield Eqn(outs, prim, args, (name, tuple(o.type for o in outs)), eqn.span)

    def jacobian(self, eqn: Eqn) -> Iterator[Stmt]:
        """Put the one Jacobian of a program in its place; call a function for each of several, if they have loops."""
        (of,) = eqn.attrs
        assert isinstance(of, Jacobian)
        kept, blocks = eqn.outs[: len(of.kept)], eqn.outs[len(of.kept) :]
        of = replace(
            of,
            kept=tuple(k for k, o in zip(of.kept, kept, strict=True) if o in self.read),
            others=tuple(k for k, o in zip(of.others, blocks, strict=True) if o in self.read),
        )
        title = f"{of.function.name}_{'columns' if of.mode == 'forward' else 'rows'}"
        name = self.callees.function(("jacobian", of), title, lambda: self.block_function(of, title))
        args = tuple(eqn.args[k] for k in parameters_taken(self.callees, name))
        outs = tuple(o for o in eqn.outs if o in self.read)
        fn = self.callees.known(name)
        if eqn.outs == self.alone or all(isinstance(s, Eqn) for s in fn.stmts):
            stmts, results = copied(replace(fn, primal=fn.stmts, adjoint=()), args, self.keys)
            self.env.update(zip(outs, results, strict=True))
            yield from stmts
        else:
            prim = "call_loud" if loud(fn) else "call"
            yield Eqn(outs, prim, args, (name, tuple(o.type for o in outs)), eqn.span)

    def block_function(self, of: Jacobian, title: str) -> Function:
        """Return the program of a Jacobian."""
        try:
            made = self.finish(replace(jacobians.block(of, self.callees, self.tidy), name=title))
        except batch.Unbatchable:
            made = jacobians.one_by_one(of, self.callees, self.finish)
        return lower(self.callees, self.finish, self.tidy, replace(made, name=title))

    def function(self, of: Pullback, known: Mapping[int, Const]) -> Function:
        """Return the program of a pullback, for cotangents some of which are known."""
        fn = of.function
        joint = reverse.run(fn, [fn.params[k] for k in of.wrt], of.seeds, True, self.callees, known)
        outs = (*(joint.outs[k] for k in of.kept), *joint.outs[len(fn.outs) :])
        done = self.finish(replace(joint, name=f"{fn.name}_vjp", outs=outs))
        return lower(self.callees, self.finish, self.tidy, done)


def parameters_taken(callees: Callees, name: str) -> tuple[int, ...]:
    """Return which parameters a function needs; drop the others when it is called first."""
    if name not in callees.taken:
        fn = callees.known(name)
        read = read_by(fn)
        callees.taken[name] = tuple(k for k, p in enumerate(fn.params) if p in read)
        params = tuple(p for p in fn.params if p in read)
        callees.functions[name] = replace(fn, params=params, facts=fn.facts.known())
    return callees.taken[name]
