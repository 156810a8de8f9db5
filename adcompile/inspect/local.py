"""The derivative of one executed operation: small programs made by the compiler's own forward and reverse transforms.

    v3 = sin(v0)   ->   v0_bar = v3_bar * cos(v0)

Every operand is a parameter of its own, so that each contribution to an adjoint is seen by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from adcompile.analysis.activity import differentiable_args
from adcompile.evaluate import Evaluator
from adcompile.inspect.machine import Operation, Value
from adcompile.ir.core import UNDEFINED, Atom, Const, Eqn, For, Function, Var, While, walk
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type, type_of_value
from adcompile.opt import clean, dce
from adcompile.records import NamedTuple, replace
from adcompile.transforms import custom, derivatives, forward, reverse, store
from adcompile.transforms.callees import Callees

__all__ = ["Local", "Locals", "Mode"]

Mode = Literal["forward", "reverse"]


INTEGERS: Final = (bool, int, np.bool_, np.integer)


class Local(NamedTuple):
    """The program of an operation's derivative.

    fn        its parameters are the operands that are not constants, then the tangents or cotangents
    operands  for each operand its variable or constant
    results   the variables of the operation's results
    wrt       the positions of the differentiated operands
    given     the tangents of these operands (forward), or the cotangents of the results `wanted` (reverse)
    wanted    the results that have a derivative
    answers   the tangents of the results `wanted`, or the cotangents of the operands `wrt`
    """

    fn: Function
    operands: tuple[Atom, ...]
    results: tuple[Var, ...]
    wrt: tuple[int, ...]
    given: tuple[Var, ...]
    wanted: tuple[int, ...]
    answers: tuple[Atom, ...]


@dataclass
class Locals:
    """The derivatives of operations; those of an equation at operands of the same kinds are made once."""

    mode: Mode
    evaluator: Evaluator = field(default_factory=Evaluator)
    made: dict[object, Local | None] = field(default_factory=dict)

    def of(self, operation: Operation, wanted: Sequence[int]) -> Local | None:
        """Return the derivative of the results `wanted` of an operation; None if it is zero."""
        moving = [v.active and not isinstance(v.content, INTEGERS) for v in operation.operands]
        wrt = tuple(k for k in differentiable_args(operation.eqn) if moving[k])
        kinds = tuple(_kind(v.content) for v in operation.operands)
        key = (operation.eqn, kinds, wrt, tuple(wanted))
        if key not in self.made:
            self.made[key] = _local(operation, wrt, tuple(wanted), self.mode) if wrt else None
        return self.made[key]

    def evaluate(self, local: Local, operation: Operation, given: Sequence[object]) -> list[object]:
        """Return the tangents of the results, or the cotangents of the operands."""
        env: dict[Var, object] = dict(zip(local.given, given, strict=True))
        for a, v in zip(local.operands, operation.operands, strict=True):
            if isinstance(a, Var):
                env[a] = v.content
        self.evaluator.statements(local.fn.stmts, env)
        return [a.value if isinstance(a, Const) else env[a] for a in local.answers]


def _kind(content: object) -> object:
    """Return what a local program depends on: types and shapes, and integers themselves."""
    if isinstance(content, np.ndarray):
        return content.dtype, content.shape
    if isinstance(content, list):
        return "list", len(content), _kind(content[0]) if content else None
    return (type(content), content) if isinstance(content, int | np.integer) else type(content)


def _local(operation: Operation, wrt: tuple[int, ...], wanted: tuple[int, ...], mode: Mode) -> Local | None:
    eqn = operation.eqn
    operands = tuple(_operand(a, v, f"x{k}") for k, (a, v) in enumerate(zip(eqn.args, operation.operands, strict=True)))
    facts = Facts()
    alone = Eqn(_results(facts, eqn, operands), eqn.prim, operands, eqn.attrs, eqn.span)
    params = tuple(a for a in operands if isinstance(a, Var))
    fn = Function(eqn.prim, params, (alone,), alone.outs, facts=facts)
    inputs = [a for k in wrt if isinstance(a := operands[k], Var)]
    if mode == "forward":
        made = forward.run(fn, inputs, Callees({}))
        answers = tuple(made.outs[len(alone.outs) + k] for k in wanted)
    else:
        hidden = frozenset(alone.outs) if operation.masked else frozenset()
        made = reverse.run(fn, inputs, wanted, False, Callees({}), hidden=hidden)
        answers = made.outs
    made = derivatives.release(custom.expand(replace(made, outs=answers)))
    if any(isinstance(s, For | While) for s in walk(made.stmts)):  # of a rule of the user's
        made = store.run(clean(made))
    made = dce.run(made)
    return Local(made, operands, alone.outs, wrt, made.params[len(params) :], wanted, made.outs)


def _operand(a: Atom, value: Value, name: str) -> Atom:
    """Return a variable of the type that a value has; integers, whose values matter, are constants."""
    content = value.content
    if a is UNDEFINED:  # absent from a tree
        return a
    if isinstance(a, Const) or isinstance(content, INTEGERS):
        return Const(content)
    if isinstance(content, list):
        return Var(name, _list_type(content, a.type))
    found = type_of_value(content)
    return Var(name, found if found.kind != "object" else a.type)


def _list_type(content: Sequence[object], declared: Type) -> Type:
    if declared.is_nested:
        content = [item for row in content if isinstance(row, list) for item in row]
    first = content[0] if content else None
    return replace(declared, dims=first.shape) if isinstance(first, np.ndarray) else declared


def _results(facts: Facts, eqn: Eqn, operands: tuple[Atom, ...]) -> tuple[Var, ...]:
    types = PRIMITIVES[eqn.prim].infer(facts, operands, eqn.attrs)
    return tuple(Var("", t) for t in ((types,) if isinstance(types, Type) else types))
