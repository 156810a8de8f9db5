"""The evaluation trace of a function with its derivatives beside it.

After Baydin, Pearlmutter, Radul and Siskind, "Automatic Differentiation in Machine Learning: a Survey" (2018), tables 2
and 3 (https://arxiv.org/abs/1502.05767): primal statements on the left, tangents or adjoints on the right.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adcompile.dispatch import containers
from adcompile.errors import ArgumentError, Span
from adcompile.inspect import notation, tables
from adcompile.inspect.local import Local, Locals, Mode
from adcompile.inspect.machine import Heading, Operation, Record, Value
from adcompile.inspect.seeds import filled, filled_like, fitted_to, paired, summed, zero
from adcompile.inspect.subject import Subject, subject
from adcompile.ir.core import Atom, Var
from adcompile.ir.forms import build
from adcompile.ir.structure import leaves
from adcompile.rules import table

__all__ = ["Row", "Step", "Trace", "trace", "trace_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a trace: ``v3 = sin v0 = -0.959``."""

    name: str
    expression: str
    value: object


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row of the table.

    kind        "input", "operation" or "output"; or "heading" of a trip, a branch or a call
    primal      the statement, None for a heading
    derivative  what belongs to it: its tangent, or what it adds to adjoints, in order of execution
    text        of a heading
    depth       in how many loops, branches and calls the row is
    loop, trip  of the heading of a trip: the number of the loop's run, and that of the trip from 0
    span        the place in the user's source
    """

    kind: Literal["input", "operation", "output", "heading"]
    primal: Step | None = None
    derivative: tuple[Step, ...] = ()
    text: str = ""
    depth: int = 0
    loop: int | None = None
    trip: int = 0
    span: Span | None = None


@dataclass(frozen=True)
class Trace:
    """The evaluation trace of one call. It prints as a table, and shows as one in notebooks.

    Attributes
    ----------
    function : str
        The name of the function.
    mode : "forward" or "reverse"
    rows : tuple of Row
        The table in order of evaluation.
    value : object
        What the function returned.
    result : object
        In reverse mode the gradient, a tuple with one entry for each differentiated argument; in forward mode the
        tangent of the result.
    """

    function: str
    mode: Mode
    rows: tuple[Row, ...]
    value: object
    result: object

    @property
    def primal(self) -> tuple[Step, ...]:
        """Return the statements of the function, in order of execution."""
        return tuple(r.primal for r in self.rows if r.primal is not None)

    @property
    def derivative(self) -> tuple[Step, ...]:
        """Return the statements of the derivative, in order of execution: upwards through the rows in reverse mode."""
        rows = self.rows if self.mode == "forward" else self.rows[::-1]
        return tuple(step for row in rows for step in row.derivative)

    def text(self, digits: int = 3, trips: int = 4) -> str:
        """Return the table as text, values to some digits; of a longer loop only `trips` trips are shown."""
        return tables.text(self, digits, trips)

    def html(self, digits: int = 3, trips: int = 4) -> str:
        """Return the table as HTML."""
        return tables.html(self, digits, trips)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        return f"<{self.mode} trace of {self.function}: {len(self.primal)} statements>"


def trace(
    f: Callable[..., object],
    *args: object,
    mode: Mode = "reverse",
    argnums: int | Sequence[int] | None = None,
    tangents: Sequence[object] | None = None,
    cotangent: object = None,
) -> Trace:
    """Evaluate a function one operation at a time, with tangents or adjoints beside the values.

    Parameters
    ----------
    f : callable
        Any function that adcompile differentiates. Loops are unrolled, and calls of its own functions entered.
    *args
        The arguments of the call.
    mode : "forward" or "reverse"
        Tangents, from the arguments down to the result; or adjoints, from the result up to the arguments.
    argnums : int or tuple of int, optional
        The differentiated arguments; by default those made of floats.
    tangents : sequence, optional
        One for each differentiated argument, as `jvp` takes them. By default the first argument's is one and the
        others' are zero.
    cotangent : optional
        That of the result, as the pullback of `vjp` takes it; by default one.

    Examples
    --------
    >>> import numpy as np
    >>> from adcompile import trace
    >>> def f(x1, x2):
    ...     return np.log(x1) + x1 * x2 - np.sin(x2)
    >>> print(trace(f, 2.0, 5.0))
    reverse mode of f: values downwards, adjoints upwards
    <BLANKLINE>
    v-1 = x1       = 2      | x1_bar  = v-1_bar                = 5.5
     v0 = x2       = 5      | x2_bar  = v0_bar                 = 1.716
     v1 = ln v-1   = 0.693  | v-1_bar = v-1_bar + v1_bar / v-1 = 5.5
     v2 = v-1 * v0 = 10     | v0_bar  = v0_bar + v2_bar * v-1  = 1.716
                            | v-1_bar = v2_bar * v0            = 5
     v3 = sin v0   = -0.959 | v0_bar  = v3_bar * cos v0        = -0.284
     v4 = v1 + v2  = 10.693 | v2_bar  = v4_bar * 1             = 1
                            | v1_bar  = v4_bar * 1             = 1
     v5 = v4 - v3  = 11.652 | v3_bar  = v5_bar * (-1)          = -1
                            | v4_bar  = v5_bar * 1             = 1
      y = v5       = 11.652 | v5_bar  = y_bar                  = 1
    """
    return trace_of(subject(f, args, argnums), mode, tangents, cotangent)


def trace_of(
    seen: Subject, mode: Mode = "reverse", tangents: Sequence[object] | None = None, cotangent: object = None
) -> Trace:
    """Trace a function that is lowered already."""
    match mode:
        case "forward":
            return _Forward(seen, tangents).trace()
        case "reverse":
            return _Reverse(seen, cotangent).trace()
    raise ArgumentError(f'mode must be "forward" or "reverse", not {mode!r}')


class _Tracer(ABC):
    """What both modes share. `suffix` is that of the derivatives' names."""

    mode: Mode
    suffix: str

    def __init__(self, seen: Subject) -> None:
        self.seen = seen
        seen.check(self.mode)
        self.run: Record = seen.record()
        self.locals = Locals(self.mode)
        self.value = build(seen.example.lowered.result, lambda k: self.run.results[k].content)

    def derived(self, v: Value) -> str:
        return f"{v.name}_{self.suffix}"

    # -- rows

    def rows(self, steps: dict[Operation, tuple[Step, ...]]) -> Iterator[Row]:
        for v in self.run.inputs.values():
            step = Step(v.name or v.user, v.user if v.name else "", v.content)
            yield Row("input", step, tuple(self.of_input(v)))
        for event in self.run.events:
            if isinstance(event, Heading):
                yield Row(
                    "heading", text=event.text, depth=event.depth, loop=event.loop, trip=event.trip, span=event.span
                )
            elif steps.get(event) or _is_shown(event):
                yield Row("operation", _primal(event), steps.get(event, ()), depth=event.depth, span=event.span)
        for name, v in zip(self.result_names(), self.results(), strict=True):
            step = Step(name, v.name or notation.format_value(v.content), v.content)
            yield Row("output", step, tuple(self.of_result(v, name)))

    def results(self) -> list[Value]:
        """Return the values that are returned, in order."""
        return [self.run.results[k] for k in leaves(self.seen.example.lowered.result)]

    def result_names(self) -> list[str]:
        count = len(self.results())
        return ["y"] if count == 1 else [f"y{k + 1}" for k in range(count)]

    @abstractmethod
    def of_input(self, v: Value) -> Iterator[Step]:
        """Yield what belongs to an argument."""

    @abstractmethod
    def of_result(self, v: Value, name: str) -> Iterator[Step]:
        """Yield what belongs to a result."""

    # -- local derivatives

    def texts(self, local: Local, operation: Operation) -> dict[Var, str]:
        """Return how the variables of a local program are written."""
        texts = {a: _text(v) for a, v in zip(local.operands, operation.operands, strict=True) if isinstance(a, Var)}
        texts.update({o: _text(v) for o, v in zip(local.results, operation.results, strict=True)})
        return texts

    def term(self, operation: Operation, local: Local, answer: Atom, texts: dict[Var, str], given: str) -> str:
        """Write a contribution of an operation to a derivative."""
        text = notation.of_atom(answer, local.fn, texts)
        if text is None:
            return f"{given} through {notation.title(operation.eqn)}"
        if operation.eqn.prim in table.ROWS and text in (given, f"-{given}"):
            return f"{given} * {'(-1)' if text.startswith('-') else '1'}"
        return text


def _is_shown(operation: Operation) -> bool:
    return any(v.number is not None for v in operation.results) or not operation.results


def _primal(operation: Operation) -> Step:
    texts = _operand_texts(operation)
    shown = [v for v in operation.results if v.number is not None]
    name = ", ".join(v.name for v in shown)
    contents = tuple(v.content for v in shown)
    return Step(name, notation.of_equation(operation.eqn, texts), contents[0] if len(contents) == 1 else contents)


def _operand_texts(operation: Operation) -> dict[Var, str]:
    """Return how the variables that an operation reads are written."""
    pairs = zip(operation.eqn.args, operation.operands, strict=True)
    return {a: _text(v) for a, v in pairs if isinstance(a, Var)}


def _text(v: Value) -> str:
    return v.name or notation.format_value(v.content)


# -- forward mode


class _Forward(_Tracer):
    mode: Mode = "forward"
    suffix = "dot"

    def __init__(self, seen: Subject, tangents: Sequence[object] | None) -> None:
        super().__init__(seen)
        self.dots: dict[Value, object] = {}
        wrt = seen.example.wrt
        if tangents is None:
            tangents = [filled(a, self.run, 1.0 if k == 0 else 0.0) for k, a in enumerate(wrt)]
        if len(tangents) != len(wrt):
            raise ArgumentError(f"there are {len(wrt)} differentiated arguments, but {len(tangents)} tangents")
        for argument, tangent, (name, k) in zip(wrt, tangents, seen.wrt, strict=True):
            content = seen.values[name]
            if k is not None:
                assert isinstance(content, tuple)
                content = content[k]
            fitted = containers.fit(f"the tangent of {name}", tangent, containers.outline(content), name)
            for a, dot in paired(argument, fitted):
                if isinstance(a, Var) and dot is not None:
                    self.dots[self.run.inputs[a]] = dot

    def trace(self) -> Trace:
        steps = {o: tuple(self.operation(o)) for o in self.run.operations}
        results = self.run.results
        tangent = build(
            self.seen.example.lowered.result,
            lambda k: self.dots.get(results[k], zero(results[k].content)),
        )
        return Trace(self.seen.name, "forward", tuple(self.rows(steps)), self.value, tangent)

    def operation(self, operation: Operation) -> Iterator[Step]:
        wanted = [k for k, v in enumerate(operation.results) if v.active]
        local = self.locals.of(operation, wanted) if wanted else None
        if local is None:
            return
        given = [self.dots[operation.operands[k]] for k in local.wrt]
        found = self.locals.evaluate(local, operation, given)
        texts = self.texts(local, operation)
        texts.update(zip(local.given, (self.derived(operation.operands[k]) for k in local.wrt), strict=True))
        for number, answer, dot in zip(local.wanted, local.answers, found, strict=True):
            v = operation.results[number]
            self.dots[v] = dot
            yield Step(self.derived(v), self.term(operation, local, answer, texts, texts[local.given[0]]), dot)

    def of_input(self, v: Value) -> Iterator[Step]:
        if v in self.dots:
            yield Step(self.derived(v), f"{v.user}_dot", self.dots[v])

    def of_result(self, v: Value, name: str) -> Iterator[Step]:
        if v in self.dots:
            yield Step(f"{name}_dot", self.derived(v), self.dots[v])


# -- reverse mode


class _Reverse(_Tracer):
    mode: Mode = "reverse"
    suffix = "bar"

    def __init__(self, seen: Subject, cotangent: object) -> None:
        super().__init__(seen)
        self.bars: dict[Value, object] = {}
        self.seeds: dict[Value, object] = {}
        result = seen.example.lowered.result
        if cotangent is not None:
            cotangent = containers.fit("the cotangent", cotangent, containers.outline(self.value), "the result")
        for k, bar in paired(result, cotangent):
            v = self.run.results[k]
            if v.active:
                self.add(v, filled_like(v.content, 1.0) if cotangent is None else bar)

    def trace(self) -> Trace:
        self.seeds = dict(self.bars)
        steps = {o: tuple(self.operation(o)) for o in reversed(self.run.operations)}
        gradient = tuple(build(argument, self.of_argument) for argument in self.seen.example.wrt)
        return Trace(self.seen.name, "reverse", tuple(self.rows(steps)), self.value, gradient)

    def of_argument(self, a: object) -> object:
        """Return the adjoint of a leaf of an argument: None for what has no derivative."""
        if not isinstance(a, Var):
            return None
        v = self.run.inputs[a]
        bar = self.bars.get(v)
        return zero(v.content) if bar is None else fitted_to(bar, v.content)

    def add(self, v: Value, bar: object) -> None:
        self.bars[v] = summed(self.bars[v], bar) if v in self.bars else bar

    def operation(self, operation: Operation) -> Iterator[Step]:
        wanted = [k for k, v in enumerate(operation.results) if v in self.bars]
        local = self.locals.of(operation, wanted) if wanted else None
        if local is None:
            return
        given = [self.bars[operation.results[k]] for k in local.wanted]
        found = self.locals.evaluate(local, operation, given)
        texts = self.texts(local, operation)
        texts.update(zip(local.given, (self.derived(operation.results[k]) for k in local.wanted), strict=True))
        for position, answer, bar in zip(local.wrt, local.answers, found, strict=True):
            yield self.contribution(operation, position, answer, bar, local, texts)

    def contribution(
        self, operation: Operation, position: int, answer: Atom, bar: object, local: Local, texts: dict[Var, str]
    ) -> Step:
        """Add what an operation gives one of its operands, and write that down."""
        v = operation.operands[position]
        name, given = self.derived(v), texts[local.given[0]]
        before = v in self.bars
        self.add(v, bar)
        if operation.eqn.prim == "index":
            name = notation.place(operation.eqn, _operand_texts(operation), name)
            operands = [self.bars[v], *(o.content for o in operation.operands[1:])]
            (value,) = self.locals.evaluator.equation(operation.eqn, operands)
            return Step(name, f"{name} + {given}" if before else given, value)
        text = self.term(operation, local, answer, texts, given)
        if before:
            text = f"{name} - {text[1:]}" if text.startswith("-") else f"{name} + {text}"
        return Step(name, text, self.bars[v])

    def of_input(self, v: Value) -> Iterator[Step]:
        if v.active:
            value = self.bars.get(v)
            source = self.derived(v) if v in self.bars else "0"
            yield Step(f"{v.user}_bar", source, zero(v.content) if value is None else value)

    def of_result(self, v: Value, name: str) -> Iterator[Step]:
        if v in self.seeds:
            yield Step(self.derived(v), f"{name}_bar", self.seeds[v])
