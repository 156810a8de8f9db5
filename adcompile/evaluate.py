"""Evaluate equations and programs on actual values, one equation at a time.

An equation means what the emitter writes for it, so each is evaluated by running just that:

    v3 = index_update(v1, v2; i)   ->   def step(a0, a1): a0 = copied(a0); a0[i] = a1; return a0

Values are never modified: what an equation would store into is copied first.
"""

from __future__ import annotations

import ast
import cmath
import importlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

import numpy as np

from adcompile.analysis.storage import has_storage
from adcompile.emit import syntax
from adcompile.emit.exits import Exits
from adcompile.emit.fold import Trees
from adcompile.emit.loops import Writer
from adcompile.emit.plan import Plan
from adcompile.errors import CompileError
from adcompile.ir.core import UNDEFINED, Atom, Const, Eqn, For, Function, If, Stmt, Var, While, variables
from adcompile.ir.custom import CustomCall
from adcompile.ir.primitives import PRIMITIVES

__all__ = ["Evaluator", "copied", "equation_writer", "trips_of"]

Operation = Callable[..., tuple[object, ...]]
Environment = MutableMapping[Var, object]


class Evaluator:
    """Evaluates equations; what was compiled for one is kept for the next time."""

    def __init__(self) -> None:
        self._operations: dict[Eqn, Operation] = {}
        self._tapes: dict[object, list[object]] = {}

    def equation(self, eqn: Eqn, operands: Sequence[object]) -> tuple[object, ...]:
        """Return the results of an equation, given the values of all its operands."""
        if eqn.prim == "stop_gradient":
            return (operands[0],)
        if eqn.prim == "custom":
            call = eqn.attrs[0]
            assert isinstance(call, CustomCall) and call.primal is not None
            return self.run(call.primal, dict(zip(call.primal.params, operands, strict=False)))
        operation = self._operations.get(eqn)
        if operation is None:
            operation = self._operations[eqn] = _compiled(eqn)
        given = dict(zip(eqn.args, operands, strict=True))
        return operation(*(given[v] for v in _distinct(eqn)))

    def run(self, fn: Function, values: Mapping[Var, object]) -> tuple[object, ...]:
        """Return the results of a program without calls and regions that mirror others."""
        env = dict(values)
        self.statements(fn.stmts, env)
        return tuple(_read(a, env) for a in fn.outs)

    def statements(self, stmts: Sequence[Stmt], env: Environment) -> None:
        for stmt in stmts:
            match stmt:
                case Eqn(prim="undo"):
                    continue
                case Eqn(prim="push"):
                    self._tapes.setdefault(stmt.attrs[0], []).append(_read(stmt.args[0], env))
                case Eqn(prim="pop"):
                    env[stmt.out] = self._tapes[stmt.attrs[0]].pop()
                case Eqn(prim="call" | "call_loud" | "call_fwd" | "call_bwd"):
                    message = "a function that calls itself, inside of one with rules of its own, cannot be traced"
                    raise CompileError(message, stmt.span, "called here")
                case Eqn():
                    results = self.equation(stmt, [_read(a, env) for a in stmt.args])
                    env.update(zip(stmt.outs, results, strict=True))
                case If():
                    block = stmt.then if _read(stmt.cond, env) else stmt.orelse
                    self.statements(block.stmts, env)
                    env.update(zip(stmt.outs, [_read(y, env) for y in block.yields], strict=True))
                case For() | While():
                    self.loop(stmt, env)

    def loop(self, stmt: For | While, env: Environment) -> None:
        slots = [_read(a, env) for a in stmt.inits]
        for index in trips_of(stmt, lambda a: _read(a, env)):
            if isinstance(stmt, For):
                env[stmt.index] = index
            else:
                env.update(zip(stmt.cond.params, slots, strict=True))
                self.statements(stmt.cond.stmts, env)
                if not _read(stmt.cond.yields[0], env):
                    break
            env.update(zip(stmt.body.params, slots, strict=True))
            self.statements(stmt.body.stmts, env)
            slots = [_read(y, env) for y in stmt.body.yields]
            if stmt.until is not None and slots[stmt.until]:
                break
        env.update(zip(stmt.outs, slots, strict=True))


def trips_of(stmt: For | While, read: Callable[[Atom], object]) -> Iterator[int]:
    """Yield the index of each trip of a for loop, or the numbers from 0 for a while loop, which ends by its test."""
    if isinstance(stmt, For):
        bounds = [read(a) for a in (stmt.start, stmt.stop, stmt.step)]
        indices = range(*(int(b) for b in bounds))  # type: ignore[call-overload]  # ints in the program
        yield from reversed(indices) if stmt.backwards else indices
        return
    number = 0
    while True:
        yield number
        number += 1


def _read(a: Atom, env: Environment) -> object:
    return a.value if isinstance(a, Const) else env[a]


# -- one equation


def _distinct(eqn: Eqn) -> list[Var]:
    return list(dict.fromkeys(variables(eqn.args)))


def equation_writer(eqn: Eqn, names: Mapping[Var, str]) -> Writer:
    """Return the emitter for one equation that reads and writes variables by these names."""
    function = Function("step", (), (eqn,), eqn.outs)
    read = dict.fromkeys((*_distinct(eqn), *eqn.outs), 1)
    trees = Trees({}, set(), set())
    return Writer(Plan(function, read, Exits(), trees, names, {}, {}, frozenset((eqn,)), {}))


def _compiled(eqn: Eqn) -> Operation:
    """Compile one equation to a function of the variables that it reads."""
    if eqn.prim != "tree" and any(a is UNDEFINED for a in eqn.args):  # in a tree it stands for what is absent
        raise UnboundLocalError("a variable is read that was never assigned")
    given = {v: f"a{k}" for k, v in enumerate(_distinct(eqn))}
    names = {**given, **{o: f"r{k}" for k, o in enumerate(eqn.outs)}}
    body: list[ast.stmt] = []
    if PRIMITIVES[eqn.prim].updates and eqn.outs and has_storage(eqn.out) and isinstance(eqn.args[0], Var):
        names[eqn.out] = given[eqn.args[0]]
        body.append(syntax.assign([names[eqn.out]], syntax.call("copied", syntax.name(names[eqn.out]))))
    body += equation_writer(eqn, names).equation(eqn)
    body.append(ast.Return(syntax.tuple_of(ast.Name(names[o], ast.Load()) for o in eqn.outs)))
    step = ast.parse("def step(): pass").body[0]
    assert isinstance(step, ast.FunctionDef)
    step.args.args = [ast.arg(name) for name in given.values()]
    step.body = body
    namespace: dict[str, object] = {"np": np, "math": math, "cmath": cmath, "copied": copied}
    module = _module(eqn)
    if module:
        importlib.import_module(module)
        root = module.partition(".")[0]
        namespace[root] = sys.modules[root]
    helper = PRIMITIVES[eqn.prim].helper
    if helper is not None:
        namespace[PRIMITIVES[eqn.prim].spelling] = helper
    tree = ast.fix_missing_locations(ast.Module([step], []))
    exec(compile(tree, f"<adcompile {eqn.prim}>", "exec"), namespace)
    compiled = namespace["step"]
    assert callable(compiled)
    return compiled


def _module(eqn: Eqn) -> str:
    """Return the module that an equation's function is written with; nothing if it is none, or one that is there."""
    if eqn.prim == "opaque" and eqn.attrs[0] == "path":
        assert isinstance(eqn.attrs[1], tuple)
        return str(eqn.attrs[1][0])
    primitive = PRIMITIVES[eqn.prim]
    module = "" if primitive.helper is not None else primitive.spelling.rpartition(".")[0]
    return "" if module.partition(".")[0] in ("np", "math", "cmath") else module


def copied(value: object) -> object:
    """Copy an array, as it lies, or a list, with the lists in it."""
    if isinstance(value, list):
        return [copied(item) if isinstance(item, list) else item for item in value]
    return value.copy(order="K") if isinstance(value, np.ndarray) else value
