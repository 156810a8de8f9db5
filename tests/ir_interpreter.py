"""Runs IR directly: with updates as new values, as the IR means them, or as stores, as emitted programs do them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adcompile.ir.core import Atom, Block, Const, Eqn, For, Function, If, Stmt, Var, While

SIMPLE: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "lt": operator.lt,
    "gt": operator.gt,
    "mod": operator.mod,
    "copy": lambda x: x.copy(),
    "zeros_like": np.zeros_like,
    "broadcast_to": lambda x, *shape: np.broadcast_to(x, shape),
    "full": lambda x, *shape: np.full(shape, x),
    "dim": lambda x: len(x),
    "sin": np.sin,
}


class Interpreter:
    """Evaluates a function; with `stores` an update writes to the buffer of its first operand."""

    def __init__(self, stores: bool) -> None:
        self.stores = stores
        self.env: dict[Var, Any] = {}
        self.tapes: dict[object, list[Any]] = {}

    def function(self, fn: Function, args: Iterable[Any]) -> list[Any]:
        self.env.update(zip(fn.params, args, strict=True))
        self.block(fn.stmts)
        return [self.get(a) for a in fn.outs]

    def get(self, a: Atom) -> Any:
        return a.value if isinstance(a, Const) else self.env[a]

    def block(self, stmts: Iterable[Stmt]) -> None:
        for stmt in stmts:
            match stmt:
                case Eqn():
                    self.equation(stmt)
                case If():
                    chosen = stmt.then if self.get(stmt.cond) else stmt.orelse
                    self.block(chosen.stmts)
                    self.env.update(zip(stmt.outs, map(self.get, chosen.yields), strict=True))
                case For() | While():
                    self.loop(stmt)

    def loop(self, stmt: For | While) -> None:
        state = [self.get(a) for a in stmt.inits]
        for _ in self.trips(stmt, state):
            state[:] = self.run_block(stmt.body, state)
            if stmt.until is not None and state[stmt.until]:
                break
        self.env.update(zip(stmt.outs, state, strict=True))

    def trips(self, stmt: For | While, state: list[Any]) -> Iterable[object]:
        if isinstance(stmt, While):
            while self.run_block(stmt.cond, state)[0]:
                yield None
        else:
            indices = range(*(self.get(a) for a in (stmt.start, stmt.stop, stmt.step)))
            for i in reversed(indices) if stmt.backwards else indices:
                self.env[stmt.index] = i
                yield i

    def run_block(self, block: Block, state: list[Any]) -> list[Any]:
        self.env.update(zip(block.params, state, strict=True))
        self.block(block.stmts)
        return [self.get(a) for a in block.yields]

    def equation(self, eqn: Eqn) -> None:
        args = [self.get(a) for a in eqn.args]
        match eqn.prim:
            case "push":
                self.tapes.setdefault(eqn.attrs[0], []).append(args[0])
            case "pop":
                self.env[eqn.out] = self.tapes[eqn.attrs[0]].pop()
            case "index":
                value = args[0][indices(eqn.attrs[0], args[1:])]
                self.env[eqn.out] = value if self.stores else np.copy(value)[()]
            case "index_update" | "index_add" | "acc":
                self.env[eqn.out] = self.update(eqn, args)
            case _:
                self.env[eqn.out] = SIMPLE[eqn.prim](*args)

    def update(self, eqn: Eqn, args: list[Any]) -> Any:
        base, value, *atoms = args
        if not isinstance(base, np.ndarray):
            return base + value
        target = base if self.stores else base.copy()
        if eqn.prim == "acc":
            target += value
        elif eqn.prim == "index_update":
            target[indices(eqn.attrs[0], atoms)] = value
        else:
            target[indices(eqn.attrs[0], atoms)] += value
        return target


def indices(path: object, atoms: list[Any]) -> tuple[Any, ...]:
    """Return the subscript of a path of one step of ints and slices."""
    assert isinstance(path, tuple) and len(path) == 1
    rest = iter(atoms)
    return tuple(next(rest) if c == "i" else slice(next(rest), next(rest), next(rest)) for c in path[0])


def evaluate(fn: Function, args: Iterable[Any], *, stores: bool = False) -> list[Any]:
    """Return the results of a function."""
    return Interpreter(stores).function(fn, args)
