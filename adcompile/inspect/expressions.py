"""Computational graphs written as expressions: ``xx=xa^2``, ``xy=ab*xx+ac*xa``, ...

Names that start with x are variables, the others are learnable parameters; ``^`` is a power. After A. Kak's
Computational Graph Primer (https://engineering.purdue.edu/kak/distCGP/).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from adcompile.api import from_source, grad, value_and_grad
from adcompile.errors import ArgumentError
from adcompile.inspect.graphs import Edge, Graph, Node
from adcompile.records import NamedTuple

__all__ = ["ExpressionGraph", "Training", "graph_from_expressions"]

FUNCTIONS: Final = ("sin", "cos", "tan", "exp", "log", "sqrt", "tanh", "sinh", "cosh")

Numbers = Mapping[str, float]


class Training(NamedTuple):
    """The learned parameters, and the loss of each sample before its step."""

    parameters: dict[str, float]
    losses: list[float]


@dataclass(frozen=True)
class ExpressionGraph:
    """A computational graph made of expressions. It shows as a picture in notebooks.

    Attributes
    ----------
    expressions : dict
        The expression of each variable that is computed, in an order in which they can be.
    inputs, outputs, variables, parameters : list of str
        Variables that are given; those that no expression reads; all of them; and the parameters.
    depends_on, leads_to : dict
        For each computed variable the variables that it is computed from; for each variable those computed from it.
    """

    expressions: dict[str, str]
    inputs: list[str]
    parameters: list[str]
    reads: dict[str, list[str]]

    @property
    def variables(self) -> list[str]:
        return [*self.inputs, *self.expressions]

    @property
    def depends_on(self) -> dict[str, list[str]]:
        return {v: [u for u in self.variables if u in self.reads[v]] for v in self.expressions}

    @property
    def leads_to(self) -> dict[str, list[str]]:
        found = {v: [u for u in self.expressions if v in self.reads[u]] for v in self.variables}
        return {v: readers for v, readers in found.items() if readers}

    @property
    def outputs(self) -> list[str]:
        return [v for v in self.expressions if v not in self.leads_to]

    # -- values and derivatives

    def evaluate(self, inputs: Numbers, parameters: Numbers) -> dict[str, float]:
        """Return the value of every variable."""
        values = {**self._checked("inputs", inputs, self.inputs)}
        given = self._checked("parameters", parameters, self.parameters)
        for name, compute in self._nodes.items():
            values[name] = float(compute({**values, **given}))
        return {v: values[v] for v in self.variables}

    def partials(self, inputs: Numbers, parameters: Numbers) -> dict[str, dict[str, float]]:
        """Return at each node the partial derivatives of its expression: by its variables, then by its parameters."""
        values = {**self.evaluate(inputs, parameters), **parameters}
        found: dict[str, dict[str, float]] = {}
        for name in self.expressions:
            read = [*self.depends_on[name], *(p for p in self.parameters if p in self.reads[name])]
            slopes = self._slopes[name]({r: float(values[r]) for r in read}) if read else {}
            found[name] = {r: float(slopes[r]) for r in read}
        return found

    def gradient(self, inputs: Numbers, parameters: Numbers) -> dict[str, dict[str, float]]:
        """Return the derivatives of each output by all inputs and parameters, through the whole graph."""
        at = {**self._checked("inputs", inputs, self.inputs)}
        at.update(self._checked("parameters", parameters, self.parameters))
        found: dict[str, dict[str, float]] = {}
        for output in self.outputs:
            text = self._program("whole(v)", {"v": [*self.inputs, *self.parameters]}, output)
            whole = from_source(text, "whole")
            found[output] = {k: float(g) for k, g in grad(whole)(at).items()}
        return found

    # -- learning

    def samples(self, truth: Numbers, count: int, generator: np.random.Generator) -> list[dict[str, float]]:
        """Return inputs drawn uniformly from [0, 1), each with the outputs that the true parameters give."""
        drawn: list[dict[str, float]] = []
        for _ in range(count):
            inputs = {v: float(generator.random()) for v in self.inputs}
            values = self.evaluate(inputs, truth)
            drawn.append({v: values[v] for v in (*self.inputs, *self.outputs)})
        return drawn

    def train(self, samples: Iterable[Numbers], start: Numbers, learning_rate: float) -> Training:
        """Fit the parameters, one sample at a time, by steps against the gradient of the squared error.

        A sample has the inputs and the outputs that they should give.
        """
        parameters = self._checked("parameters", start, self.parameters)
        losses: list[float] = []
        for sample in samples:
            numbers = self._checked("a sample", sample, [*self.inputs, *self.outputs])
            try:
                loss, slopes = self._loss(parameters, numbers)
            except OverflowError:
                raise ArgumentError(
                    f"the parameters grow beyond all bounds at sample {len(losses) + 1}: take a smaller learning_rate"
                ) from None
            losses.append(float(loss))
            parameters = {p: parameters[p] - learning_rate * float(slopes[p]) for p in self.parameters}
        return Training(parameters, losses)

    # -- the picture

    def graph(self, inputs: Numbers | None = None, parameters: Numbers | None = None) -> Graph:
        """Return the graph, to be drawn: with values and partial derivatives if inputs and parameters are given."""
        known = inputs is not None and parameters is not None
        values: dict[str, float] = {}
        partials: dict[str, dict[str, float]] = {}
        if inputs is not None and parameters is not None:
            values = {**self.evaluate(inputs, parameters), **self._checked("parameters", parameters, self.parameters)}
            partials = self.partials(inputs, parameters)
        nodes = [Node(v, "input", v, values.get(v)) for v in self.inputs]
        nodes += [Node(p, "parameter", p, values.get(p)) for p in self.parameters]
        for v, expression in self.expressions.items():
            last = v in self.outputs
            nodes.append(Node(v, "output" if last else "operation", f"{v} = {expression}", values.get(v)))
        edges = tuple(
            Edge(u, v, partials[v][u] if partials else None)
            for v in self.expressions
            for u in (*self.depends_on[v], *(p for p in self.parameters if p in self.reads[v]))
        )
        return Graph(", ".join(self.outputs), tuple(nodes), edges, known, known)

    def _repr_svg_(self) -> str:
        return self.graph().svg()

    # -- functions made of the expressions

    def _program(self, head: str, holders: Mapping[str, Sequence[str]], result: str) -> str:
        """Write a function that computes all variables; `holders` are its arguments with the names read from them."""
        read = [f"    {v} = {holder}[{v!r}]" for holder, names in holders.items() for v in names]
        computed = [f"    {v} = {_python(e)}" for v, e in self.expressions.items()]
        return "\n".join(["import numpy as np", "", f"def {head}:", *read, *computed, f"    return {result}", ""])

    @cached_property
    def _nodes(self) -> dict[str, Callable[[Numbers], float]]:
        return {v: _function(v, e, self.reads[v]) for v, e in self.expressions.items()}

    @cached_property
    def _slopes(self) -> dict[str, Callable[[dict[str, float]], dict[str, float]]]:
        return {v: grad(f) for v, f in self._nodes.items()}

    @cached_property
    def _loss(self) -> Callable[[dict[str, float], dict[str, float]], tuple[float, dict[str, float]]]:
        error = " + ".join(f"({v} - sample[{v!r}]) ** 2" for v in self.outputs)
        holders = {"parameters": self.parameters, "sample": self.inputs}
        return value_and_grad(from_source(self._program("loss(parameters, sample)", holders, error), "loss"))

    def _checked(self, what: str, given: Numbers, names: Sequence[str]) -> dict[str, float]:
        missing = [n for n in names if n not in given]
        if missing:
            raise ArgumentError(f"{what}: no value is given for {', '.join(missing)}")
        return {n: float(given[n]) for n in names}


def graph_from_expressions(expressions: Iterable[str]) -> ExpressionGraph:
    """Return the computational graph that expressions describe.

    Examples
    --------
    >>> from adcompile import graph_from_expressions
    >>> g = graph_from_expressions(["xx=xa^2", "xy=ab*xx+ac*xa", "xz=bc*xx+xy", "xw=cd*xx+xz^3"])
    >>> g.inputs, g.outputs, g.parameters
    (['xa'], ['xw'], ['ab', 'ac', 'bc', 'cd'])
    >>> g.depends_on["xy"], g.leads_to["xx"]
    (['xa', 'xx'], ['xy', 'xz', 'xw'])
    >>> truth = {"ab": 1.0, "bc": 2.0, "cd": 3.0, "ac": 4.0}
    >>> g.partials({"xa": 0.5}, truth)["xy"]
    {'xa': 4.0, 'xx': 1.0, 'ab': 0.25, 'ac': 0.5}
    """
    written: dict[str, str] = {}
    reads: dict[str, list[str]] = {}
    for text in expressions:
        name, equals, expression = (part.strip() for part in text.partition("="))
        if not equals or not name.isidentifier() or not name.startswith("x"):
            raise ArgumentError(f"{text!r} is not of the form x...=expression")
        if name in written:
            raise ArgumentError(f"{name} has two expressions: {written[name]!r} and {expression!r}")
        written[name], reads[name] = expression, _names(text, expression)
    names = [n for v in written for n in reads[v]]
    inputs = sorted({n for n in names if n.startswith("x") and n not in written})
    parameters = sorted({n for n in names if not n.startswith("x")})
    return ExpressionGraph({v: written[v] for v in _ordered(reads)}, inputs, parameters, reads)


def _python(expression: str) -> str:
    """Write an expression in Python; functions are NumPy's."""
    tree = ast.parse(expression.replace("^", "**"), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.func = ast.Attribute(ast.Name("np", ast.Load()), node.func.id, ast.Load())
    return ast.unparse(tree)


def _names(text: str, expression: str) -> list[str]:
    """Return the names that an expression reads; refuse what is not arithmetic."""
    try:
        tree = ast.parse(expression.replace("^", "**"), mode="eval").body
    except SyntaxError:
        raise ArgumentError(f"{text!r} cannot be read: {expression!r} is not an expression") from None
    found: dict[str, None] = {}
    todo: list[ast.expr] = [tree]
    while todo:
        match todo.pop(0):
            case ast.Name(id=name):
                found[name] = None
            case ast.Constant(value=int() | float()):
                pass
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right=right):
                todo = [left, right, *todo]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                todo.insert(0, operand)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
                todo.insert(0, argument)
            case other:
                part = ast.unparse(other)
                known = ", ".join(FUNCTIONS)
                raise ArgumentError(f"{text!r} has {part!r}: only + - * / ^ and the functions {known} are known")
    return list(found)


def _ordered(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the computed variables, each after those that it reads."""
    order: list[str] = []
    waiting = list(reads)
    while waiting:
        ready = [v for v in waiting if all(u in order or u not in reads for u in reads[v])]
        if not ready:
            raise ArgumentError(f"{', '.join(waiting)} depend on themselves")
        order += ready
        waiting = [v for v in waiting if v not in ready]
    return order


def _function(name: str, expression: str, read: Sequence[str]) -> Callable[[Numbers], float]:
    lines = ["import numpy as np", "", f"def {name}(v):", *(f"    {r} = v[{r!r}]" for r in read)]
    return from_source("\n".join([*lines, f"    return {_python(expression)}", ""]), name)
