"""Find the first line of a function whose derivative is wrong.

The statements up to some point are a function of the arguments by themselves, whose pullback can be compared with
finite differences. If the derivative of everything is wrong and that of nothing is right, there is a first statement
that makes the difference; it is found by bisection, then within the first trip of a loop or the branch that is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from adcompile import driver
from adcompile.analysis.activity import active
from adcompile.checking.differences import Vector, differentiate
from adcompile.checking.leaves import Leaf, copy, cotangent_like, flatten, flatten_gradient, leaves_of, rebuild
from adcompile.dispatch.signature import Signature
from adcompile.errors import AdcompileError, Span
from adcompile.example import Example, example_call
from adcompile.ir.core import Atom, Const, Eqn, For, Function, If, Stmt, Var
from adcompile.ir.inlining import copied, keys_after
from adcompile.ir.structure import Node
from adcompile.records import replace

__all__ = ["first_wrong_place"]

_RTOL: Final = 1e-5
_TRIES: Final = 2


def first_wrong_place(signature: Signature, values: Mapping[str, object]) -> Span | None:
    """Return the place of the first statement whose derivative is wrong at these arguments; None if there is none."""
    search = Search(example_of(signature, values), signature, values)
    with np.errstate(all="ignore"):
        return search.place()


def along(gradient: Vector, direction: Vector) -> float:
    """Return the slope in a direction; an infinite derivative does not count where the direction is zero."""
    return float(np.sum(gradient[direction != 0] * direction[direction != 0]))


def example_of(signature: Signature, values: Mapping[str, object]) -> Example:
    """Lower a function for its arguments."""
    function = signature.callee.function
    assert function is not None
    return example_call(function, values, signature.wrt, signature.constants, signature.transform.rules)


def passed(example: Example, values: Mapping[str, object]) -> Iterator[object]:
    """Yield the arguments of an emitted function."""
    for name in example.arguments:
        how, value = example.passing(name), copy(values[name])
        if how == "items":
            assert isinstance(value, tuple)
            yield from value
        elif how == "whole":
            yield value


class Search:
    """Compares pullbacks of the first statements of a function with finite differences."""

    def __init__(self, example: Example, signature: Signature, values: Mapping[str, object]) -> None:
        self.example, self.signature, self.values = example, signature, dict(values)
        self.fn = example.function
        self.leaves = leaves_of(signature.differentiated(values))

    def place(self) -> Span | None:
        """Return the place of the first statement that is wrong."""
        stmts = self.fn.primal
        sure: Span | None = None
        while True:
            k = self.first_wrong(stmts)
            if k is None:
                return sure
            culprit = stmts[k]
            sure = culprit.span or sure
            inside = self.opened(stmts[:k], culprit)
            if inside is None:
                return sure
            stmts = (*stmts[:k], *inside)

    def first_wrong(self, stmts: Sequence[Stmt]) -> int | None:
        """Return the number of the first statement with which the derivative becomes wrong."""
        if not self.is_wrong(stmts):
            return None
        low, high = 0, len(stmts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.is_wrong(stmts[:middle]) else (middle, high)
        return high - 1

    def opened(self, before: Sequence[Stmt], stmt: Stmt) -> list[Stmt] | None:
        """Return the statements of the first trip of a loop, or of the branch that is taken."""
        keys = keys_after(self.fn.primal, before, (stmt,))
        match stmt:
            case Eqn():
                return None
            case If():
                taken = stmt.then if self.truth(before, stmt.cond) else stmt.orelse
                return copied(Function("", (), taken.stmts, ()), (), keys)[0]
            case For():
                params, args = (stmt.index, *stmt.body.params), (stmt.start, *stmt.inits)
                return copied(Function("", params, stmt.body.stmts, ()), args, keys)[0]
        return copied(Function("", stmt.body.params, stmt.body.stmts, ()), stmt.inits, keys)[0]

    # -- running the first statements

    def is_wrong(self, stmts: Sequence[Stmt]) -> bool:
        """Tell whether the pullback of what statements compute disagrees with finite differences."""
        outs = self.results(stmts)
        if not outs:
            return False
        try:
            run, pull = self.compiled(stmts, outs)
            value, tape = run(self.values)
        except (AdcompileError, ArithmeticError, ValueError):
            return False
        generator = np.random.default_rng(0)
        for _ in range(_TRIES):
            u = generator.standard_normal(flatten(value).size)
            gradient = flatten_gradient(pull(tape, shaped(value, u)))
            if not self.agrees(run, u, gradient, generator):
                return True
            value, tape = run(self.values)  # the pullback may have used its tape up
        return False

    def results(self, stmts: Sequence[Stmt]) -> tuple[Var, ...]:
        reached = active(replace(self.fn, primal=tuple(stmts)), self.example.variables)
        return tuple(o for s in stmts for o in s.outs if o in reached and not o.type.is_list)

    def agrees(self, run: Run, u: Vector, gradient: Vector, generator: np.random.Generator) -> bool:
        """Compare a gradient with differences along the axes, or along random directions if there are many."""
        start = 0
        for leaf in self.leaves:
            size = leaf.size
            directions = np.eye(size) if size <= 12 else generator.standard_normal((3, size))
            for d in directions:
                found = differentiate(lambda t, d=d, leaf=leaf: self.moved(run, leaf, d, t, u), leaf.scale, 2.3e-16)  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                got = along(gradient[start : start + size], d)
                want, error = float(found.value[0]), float(found.error[0])
                size_of = max(abs(got), abs(want))
                if np.isfinite(error) and not abs(got - want) <= _RTOL * size_of + 10 * error + 1e-12:
                    return False
            start += size
        return True

    def moved(self, run: Run, leaf: Leaf, direction: Vector, t: float, u: Vector) -> Vector:
        """Return <u, results> with one leaf moved."""
        numbers = [x.value for x in self.leaves]
        numbers[leaf.position] = leaf.moved(t * direction)
        items = iter(numbers)
        values = dict(self.values)
        for (name, element), tree in zip(self.signature.wrt, self.signature.differentiated(values), strict=True):
            new = rebuild(tree, items, double=True)
            if element is None:
                values[name] = new
            else:
                whole = values[name]
                assert isinstance(whole, tuple)
                values[name] = (*whole[:element], new, *whole[element + 1 :])
        return np.atleast_1d(u @ flatten(run(values)[0]))

    def truth(self, before: Sequence[Stmt], cond: Atom) -> bool:
        if isinstance(cond, Const):
            return bool(cond.value)
        (value,), _ = self.compiled(before, (cond,))[0](self.values)
        return bool(value)

    def compiled(self, stmts: Sequence[Stmt], outs: Sequence[Var]) -> tuple[Run, Callable[[object, object], object]]:
        """Compile the pullback of the first statements."""
        kept = [*outs, *self.example.variables[:1]]  # one that has a derivative at least
        fn = replace(self.fn, primal=tuple(stmts), outs=tuple(kept))
        lowered = replace(self.example.lowered, function=fn, result=Node("tuple", tuple(range(len(kept)))))
        made = driver.compile_pair(self.example._replace(lowered=lowered), has_aux=False)
        namespace: dict[str, object] = {}
        exec(made.source, namespace)
        forward, backward = (namespace[name] for name in made.entries)

        def run(values: Mapping[str, object]) -> tuple[tuple[object, ...], object]:
            assert callable(forward)
            results, tape = forward(*passed(self.example, values), **self.example.captured)
            return results[: len(outs)], (results[-1], tape)

        def pull(tape: object, cotangents: object) -> object:
            assert callable(backward) and isinstance(tape, tuple) and isinstance(cotangents, tuple)
            last, inner = tape
            return backward(inner, (*cotangents, shaped((last,), np.zeros_like(flatten(last)))[0]))

        return run, pull


Run = Callable[[Mapping[str, object]], tuple[tuple[object, ...], object]]


def shaped(values: Sequence[object], vector: Vector) -> tuple[object, ...]:
    """Cut a vector into cotangents of values; what has no derivative gets None."""
    cotangents = cotangent_like(tuple(values), vector)
    assert isinstance(cotangents, tuple)
    return cotangents
