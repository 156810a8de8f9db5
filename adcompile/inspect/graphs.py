"""The computational graph of one call: arguments, operations and results, with values and partial derivatives."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from adcompile.emit.comments import written_by_user
from adcompile.errors import ArgumentError, Span
from adcompile.files import write_text
from adcompile.inspect import drawing, notation
from adcompile.inspect.local import Locals
from adcompile.inspect.machine import Operation, Record, Value
from adcompile.inspect.subject import Subject, subject
from adcompile.ir.core import Var
from adcompile.ir.structure import leaves

__all__ = ["Edge", "Graph", "Node", "graph", "graph_of"]

Kind = Literal["input", "parameter", "constant", "operation", "output"]

MAX_NODES: Final = 200
LABEL: Final = 44


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node of a graph.

    name   unique: v-1, v0 for arguments, v1, v2, ... for operations, the results' names
    label  what is written in it: a name, an expression, or the line of source that folded operations are from
    value  of the argument or result; None for folded operations
    count  how many operations it stands for
    """

    name: str
    kind: Kind
    label: str
    value: object = None
    span: Span | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """An edge from an operand to an operation.

    partial  the partial derivative of the operation's result, where both are numbers; else None
    text     the partial derivative as an expression; for arrays what becomes of an adjoint g
    """

    source: str
    target: str
    partial: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Graph:
    """A computational graph. It shows as a picture in notebooks.

    Attributes
    ----------
    name : str
        The name of the function.
    nodes, edges : tuple
        In order of evaluation.
    values, partials : bool
        What the pictures show besides names.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    values: bool = True
    partials: bool = False

    def svg(self) -> str:
        """Return the picture as an SVG document."""
        return drawing.svg(self)

    def dot(self) -> str:
        """Return the graph in the DOT language of Graphviz."""
        return drawing.dot(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph to a file, as its ending says: ``.svg``, or ``.dot`` or ``.gv``."""
        ending = Path(path).suffix.lower()
        if ending not in (".svg", ".dot", ".gv"):
            raise ArgumentError(f"a graph is saved as .svg, .dot or .gv, not as {Path(path).name}")
        return write_text(path, self.svg() if ending == ".svg" else self.dot())

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<graph of {self.name}: {len(self.nodes)} nodes, {len(self.edges)} edges>"


def graph(
    f: Callable[..., object],
    *args: object,
    argnums: int | Sequence[int] | None = None,
    parameters: Collection[str] | None = None,
    values: bool = True,
    partials: bool = False,
    max_nodes: int = MAX_NODES,
) -> Graph:
    """Return the computational graph of one call of a function.

    Parameters
    ----------
    f : callable
        Any function that adcompile differentiates. Loops are unrolled, and calls of its own functions entered.
    *args
        The arguments of the call.
    argnums : int or tuple of int, optional
        The differentiated arguments; by default those made of floats.
    parameters : collection of str, optional
        The names of the arguments that are drawn as parameters. By default those that are containers, and what the
        function reads from outside.
    values, partials : bool
        Whether the pictures show values at the nodes, and partial derivatives at the edges.
    max_nodes : int
        A graph with more nodes is folded: the operations of one line of source become one node.

    Examples
    --------
    >>> import numpy as np
    >>> from adcompile import graph
    >>> def f(x1, x2):
    ...     return np.log(x1) + x1 * x2 - np.sin(x2)
    >>> found = graph(f, 2.0, 5.0)
    >>> [(e.source, e.target, e.partial) for e in found.edges][:3]
    [('v-1', 'v1', 0.5), ('v-1', 'v2', 5.0), ('v0', 'v2', 2.0)]
    """
    return graph_of(subject(f, args, argnums), parameters, values, partials, max_nodes)


def graph_of(
    seen: Subject,
    parameters: Collection[str] | None = None,
    values: bool = True,
    partials: bool = False,
    max_nodes: int = MAX_NODES,
) -> Graph:
    """Return the graph of a function that is lowered already."""
    builder = _Builder(seen, parameters)
    whole = Graph(seen.name, tuple(builder.nodes), tuple(builder.edges), values, partials)
    return whole if len(whole.nodes) <= max_nodes else folded(whole)


class _Builder:
    """Makes nodes of what a run did; `owners` are the nodes that values come from."""

    def __init__(self, seen: Subject, parameters: Collection[str] | None) -> None:
        self.seen = seen
        seen.check("reverse")
        self.run: Record = seen.record()
        self.locals = Locals("reverse")
        self.owners: dict[Value, str] = {}
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        outside = {v for c in seen.example.lowered.captures for v in c.used}
        for variable, v in self.run.inputs.items():
            if v.number is not None:
                name = v.user.partition("[")[0]
                held = variable in outside or v.user != name if parameters is None else name in parameters
                self.add(Node(v.name, "parameter" if held else "input", v.user, v.content), v)
        for operation in self.run.operations:
            self.operation(operation)
        self.results()

    def add(self, node: Node, *owned: Value) -> None:
        self.nodes.append(node)
        self.owners.update(dict.fromkeys(owned, node.name))

    def operation(self, operation: Operation) -> None:
        shown = [v for v in operation.results if v.number is not None]
        if not shown:
            return
        name = ", ".join(v.name for v in shown)
        texts = {
            a: v.name or notation.format_value(v.content)
            for a, v in zip(operation.eqn.args, operation.operands, strict=True)
            if isinstance(a, Var)
        }
        sources = dict.fromkeys(self.owners[v] for v in operation.operands if v in self.owners)
        kind: Kind = "operation" if sources else "constant"
        label = notation.of_equation(operation.eqn, texts)
        self.add(Node(name, kind, label, shown[0].content, operation.span), *shown)
        partials = dict(self.partials(operation)) if sources else {}
        for source in sources:
            partial, text = partials.get(source, (None, ""))
            self.edges.append(Edge(source, name, partial, text))

    def partials(self, operation: Operation) -> Iterator[tuple[str, tuple[float | None, str]]]:
        """Yield for each operand's node the partial derivative with respect to it."""
        if len(operation.results) != 1 or not operation.results[0].active:
            return
        result = operation.results[0].content
        local = self.locals.of(operation, [0])
        if local is None:
            return
        numbers: list[float | None] = [None] * len(local.wrt)
        if _is_number(result):
            one = result.dtype.type(1.0) if isinstance(result, np.generic | np.ndarray) else 1.0
            found = self.locals.evaluate(local, operation, [one])
            numbers = [float(bar) if _is_number(bar) else None for bar in found]  # type: ignore[arg-type]  # tested
        texts = {a: v.name for a, v in zip(local.operands, operation.operands, strict=True) if isinstance(a, Var)}
        texts.update(zip(local.results, (v.name for v in operation.results), strict=True))
        texts[local.given[0]] = "g"
        merged: dict[str, tuple[float | None, str]] = {}
        for k, number, answer in zip(local.wrt, numbers, local.answers, strict=True):
            source = self.owners[operation.operands[k]]
            whole = operation.eqn.prim in ("index", "index_update")  # whose adjoints are stores, and say little here
            text = "" if whole else notation.of_atom(answer, local.fn, texts) or ""
            before, written = merged.get(source, (0.0, ""))
            total = None if number is None or before is None else before + number
            merged[source] = total, f"{written} + {text}" if written and text else written or text
        yield from merged.items()

    def results(self) -> None:
        numbers = list(leaves(self.seen.example.lowered.result))
        for k, number in enumerate(numbers):
            v = self.run.results[number]
            name = "y" if len(numbers) == 1 else f"y{k + 1}"
            label = name if v in self.owners else f"{name} = {notation.format_value(v.content)}"
            self.nodes.append(Node(name, "output", label, v.content))
            if v in self.owners:
                self.edges.append(Edge(self.owners[v], name, 1.0 if _is_number(v.content) else None, "g"))


def _is_number(value: object) -> bool:
    return isinstance(value, float | np.floating) or (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "f"
    )


# -- large graphs


def folded(whole: Graph) -> Graph:
    """Make the operations that come from one line of source one node, and the parts of one argument or result."""
    groups: dict[object, Node] = {}
    renamed: dict[str, str] = {}
    for node in whole.nodes:
        key = _group(node)
        first = groups.get(key)
        groups[key] = node if first is None else _joined(first)
        renamed[node.name] = groups[key].name
    pairs = dict.fromkeys((renamed[e.source], renamed[e.target]) for e in whole.edges)
    edges = tuple(Edge(a, b) for a, b in pairs if a != b)
    return replace(whole, nodes=tuple(map(_titled, groups.values())), edges=edges)


def _group(node: Node) -> object:
    """Return what the nodes have in common that become one."""
    if node.kind in ("operation", "constant"):
        return (node.span.filename, node.span.line) if node.span is not None else None
    return node.kind, "" if node.kind == "output" else re.split(r"[\[.]", node.label)[0]


def _joined(first: Node) -> Node:
    return replace(
        first, value=None, kind="operation" if first.kind == "constant" else first.kind, count=first.count + 1
    )


def _titled(node: Node) -> Node:
    """Write in a node what it stands for: a line of source, or an argument."""
    if node.kind in ("operation", "constant"):
        label = _shortened(written_by_user(node.span)) if node.span is not None else "..."
        return replace(node, label=label, value=None, kind="operation")
    return node if node.count == 1 else replace(node, label=re.split(r"[\[.]", node.label)[0])


def _shortened(text: str) -> str:
    return text if len(text) <= LABEL else text[: LABEL - 3] + "..."
