"""Copy the statements of a function into another one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Block, Eqn, For, Function, If, Stmt, Var, While, walk
from adcompile.records import replace

__all__ = ["copied", "inlined", "keys_after"]

Keys = Iterator[int]


def keys_after(*parts: Iterable[Stmt]) -> Keys:
    """Return keys for new regions, that no region of the statements has."""
    used = (abs(s.key) for part in parts for s in walk(part) if not isinstance(s, Eqn))
    return itertools.count(max(used, default=0) + 1)


def inlined(b: Builder, fn: Function, args: Sequence[Atom], keys: Keys) -> tuple[Atom, ...]:
    """Make the statements of a function in a builder, which folds and shares them; return the results.

    Parameters for which nothing is given stay as they are.
    """
    env: dict[Var, Atom] = dict(zip(fn.params, args, strict=False))
    span = b.span
    for stmt in fn.primal:
        b.span = stmt.span or span
        if isinstance(stmt, Eqn) and stmt.prim != "custom":
            operands = tuple(_get(env, a) for a in stmt.args)
            names = tuple(map(fn.name_of, stmt.outs))
            env.update(zip(stmt.outs, b.emit_many(stmt.prim, operands, stmt.attrs, names), strict=True))
        else:
            b.add(_Copier(fn.name_of, env, keys).stmt(stmt))
    b.span = span
    return tuple(_get(env, a) for a in fn.outs)


def copied(fn: Function, args: Sequence[Atom], keys: Keys) -> tuple[list[Stmt], tuple[Atom, ...]]:
    """Return copies of the statements of a function for these operands, and the results."""
    copier = _Copier(fn.name_of, dict(zip(fn.params, args, strict=False)), keys)
    stmts = [copier.stmt(s) for s in fn.primal]
    return stmts, tuple(copier.atom(a) for a in fn.outs)


def _get(env: dict[Var, Atom], a: Atom) -> Atom:
    return env.get(a, a) if isinstance(a, Var) else a


class _Copier:
    """Copies statements with new variables; `env` says what the old ones became."""

    def __init__(self, name: Callable[[Var], str], env: dict[Var, Atom], keys: Keys) -> None:
        self.name, self.env, self.keys = name, env, keys

    def atom(self, a: Atom) -> Atom:
        return _get(self.env, a)

    def atoms(self, atoms: Sequence[Atom]) -> tuple[Atom, ...]:
        return tuple(map(self.atom, atoms))

    def new(self, v: Var) -> Var:
        fresh = Var(self.name(v), v.type)
        self.env[v] = fresh
        return fresh

    def news(self, variables: Sequence[Var]) -> tuple[Var, ...]:
        return tuple(map(self.new, variables))

    def block(self, block: Block) -> Block:
        params = self.news(block.params)
        stmts = tuple(map(self.stmt, block.stmts))
        return Block(params, stmts, self.atoms(block.yields))

    def stmt(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Eqn():
                args = self.atoms(stmt.args)
                return replace(stmt, outs=self.news(stmt.outs), args=args)
            case If():
                cond, key = self.atom(stmt.cond), next(self.keys)
                then, orelse = self.block(stmt.then), self.block(stmt.orelse)
                return replace(stmt, cond=cond, then=then, orelse=orelse, outs=self.news(stmt.outs), key=key)
            case For():
                start, stop, step, *inits = self.atoms((stmt.start, stmt.stop, stmt.step, *stmt.inits))
                index, key = self.new(stmt.index), next(self.keys)
                body = self.block(stmt.body)
                outs = self.news(stmt.outs)
                return replace(
                    stmt, index=index, start=start, stop=stop, step=step, inits=tuple(inits), body=body, outs=outs,
                    key=key,
                )  # fmt: skip
            case While():
                while_inits, key = self.atoms(stmt.inits), next(self.keys)
                test, body = self.block(stmt.cond), self.block(stmt.body)
                return replace(stmt, inits=while_inits, cond=test, body=body, outs=self.news(stmt.outs), key=key)
