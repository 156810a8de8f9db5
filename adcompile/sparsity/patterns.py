"""Find which results of a function may depend on which inputs, from its program and the shapes of its arguments.

    r[1:-1] = u[2:] - 2*u[1:-1] + u[:-2]      ->      row i of r: {i - 1, i, i + 1}

The program is run on what is known without the input's values: arguments that are not differentiated and what is
computed from them are known, what depends on the input is known by the inputs that each of its elements depends on.
So the pattern holds for every value of the input. An operation that moves elements is run on their positions; an
elementwise one unites what its operands depend on; a reduction unites along its axes. Both sides of a branch that
depends on the input are taken, and of any other operation every element of the result depends on all that its
operands depend on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from adcompile.errors import Span
from adcompile.evaluate import trips_of
from adcompile.ir.core import UNDEFINED, Atom, Block, Const, Eqn, For, Function, If, Stmt, Var, While
from adcompile.sparsity.algebra import Algebra, Known, NoPattern, Unknown, Value, numeric, same, shape_of
from adcompile.sparsity.rows import Rows
from adcompile.sparsity.rules import Plan, plan_for

__all__ = ["Known", "NoPattern", "Unknown", "find_pattern"]

# What only looks at the shapes of its operands.
SHAPES: Final = frozenset({"dim", "size", "zeros_like", "ones_like", "empty_like"})


def find_pattern(
    fn: Function, callees: Mapping[str, Function], values: Mapping[Var, Value], inputs: int
) -> list[Value]:
    """Return what the results of a function depend on, given its arguments; raises NoPattern."""
    return Propagation(callees, inputs).function(fn, values)


class Propagation:
    """One run of a program on patterns."""

    def __init__(self, callees: Mapping[str, Function], inputs: int) -> None:
        self.callees = callees
        self.algebra = Algebra(inputs)
        self.env: dict[Var, Value] = {}
        self.plans: dict[Eqn, Plan] = {}

    def function(self, fn: Function, values: Mapping[Var, Value]) -> list[Value]:
        outer, self.env = self.env, dict(values)
        self.statements(fn.primal)
        results = [self.read(a) for a in fn.outs]
        self.env = outer
        return results

    def read(self, a: Atom) -> Value:
        return Known(a.value) if isinstance(a, Const) else self.env[a]

    # -- statements

    def statements(self, stmts: Sequence[Stmt]) -> None:
        for stmt in stmts:
            match stmt:
                case Eqn(prim="call" | "call_loud"):
                    results = self.function(
                        callee := self.callees[str(stmt.attrs[0])],
                        dict(zip(callee.params, map(self.read, stmt.args), strict=True)),
                    )
                    self.env.update(zip(stmt.outs, results, strict=True))
                case Eqn():
                    self.equation(stmt)
                case If():
                    self.branch(stmt)
                case For() | While():
                    self.loop(stmt)

    def block(self, block: Block) -> list[Value]:
        self.statements(block.stmts)
        return [self.read(y) for y in block.yields]

    def branch(self, stmt: If) -> None:
        cond = self.read(stmt.cond)
        if isinstance(cond, Known):
            results = self.block(stmt.then if cond.content else stmt.orelse)
        else:
            sides = [self.block(stmt.then), self.block(stmt.orelse)]
            results = [self.either(a, b, stmt.span) for a, b in zip(*sides, strict=True)]
        self.env.update(zip(stmt.outs, results, strict=True))

    def either(self, a: Value, b: Value, span: Span | None) -> Value:
        """Return what is known of a value that is one of two."""
        if isinstance(a, Known) and isinstance(b, Known):
            if a.content is UNDEFINED.value or b.content is UNDEFINED.value:
                return b if a.content is UNDEFINED.value else a
            if same(a.content, b.content):
                return a
            if not (numeric(a.content) and numeric(b.content)):
                raise NoPattern("a branch that depends on the input decides on an object", span)
        shapes = {self.algebra.shape(v) for v in (a, b) if not (isinstance(v, Known) and v.content is UNDEFINED.value)}
        if len(shapes) > 1:
            raise NoPattern("a branch that depends on the input decides on a shape", span)
        (shape,) = shapes
        if isinstance(a, Known | Unknown) and isinstance(b, Known | Unknown):
            return Unknown(shape)
        return self.algebra.union([v for v in (a, b) if not isinstance(v, Known | Unknown)], shape)

    def loop(self, stmt: For | While) -> None:
        slots = [self.read(a) for a in stmt.inits]
        for index in trips_of(stmt, lambda a: self.known(self.read(a), stmt.span)):
            if isinstance(stmt, For):
                self.env[stmt.index] = Known(index)
            else:
                self.env.update(zip(stmt.cond.params, slots, strict=True))
                if not self.known(self.block(stmt.cond)[0], stmt.span):
                    break
            self.env.update(zip(stmt.body.params, slots, strict=True))
            slots = self.block(stmt.body)
            if stmt.until is not None and self.known(slots[stmt.until], stmt.span):
                break
        self.env.update(zip(stmt.outs, slots, strict=True))

    def known(self, value: Value, span: Span | None) -> object:
        if isinstance(value, Known):
            return value.content
        raise NoPattern("how often a loop runs depends on the values of the input", span)

    # -- equations

    def equation(self, eqn: Eqn) -> None:
        plan = self.plans.get(eqn)
        if plan is None:
            plan = self.plans[eqn] = plan_for(eqn)
        operands = [self.read(a) for a in eqn.args]
        known = all(isinstance(v, Known) for v in operands)
        if plan.effect:
            self.env.update({o: Unknown(()) for o in eqn.outs})
        elif known or eqn.prim in SHAPES:
            given = [self.algebra.stand_in(v, a) for v, a in zip(operands, eqn.args, strict=True)]
            self.env.update(zip(eqn.outs, map(Known, self.algebra.evaluator.equation(eqn, given)), strict=True))
        elif plan.lists:
            raise NoPattern("what is kept in a list is not followed", eqn.span)
        else:
            active = [k for k in plan.positions if isinstance(operands[k], frozenset | Rows)]
            if active and len(eqn.outs) == 1:
                self.env[eqn.out] = plan.rule(self.algebra, plan, eqn, operands, active)
            else:
                self.several(eqn, operands, active)

    def several(self, eqn: Eqn, operands: list[Value], active: list[int]) -> None:
        """Give several results, or none that has a derivative, what they depend on."""
        for out, content in zip(eqn.outs, self.algebra.tried(eqn, operands), strict=True):
            shape = shape_of(content)
            depends = active and out.type.inexact
            self.env[out] = self.algebra.from_all(eqn, operands, active, shape) if depends else Unknown(shape)
