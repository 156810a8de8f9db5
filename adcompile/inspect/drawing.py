"""Pictures of graphs: SVG drawn by ourselves, and text for Graphviz."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.inspect.layered import Placed, place
from adcompile.inspect.notation import format_value
from adcompile.records import NamedTuple

if TYPE_CHECKING:
    from adcompile.inspect.graphs import Edge, Graph, Node

__all__ = ["dot", "svg"]

CHARACTER: Final = 7.3  # width of a character of the 12 px monospaced font
LINE: Final = 16.0
PADDING: Final = 9.0
MARGIN: Final = 12.0
WIDE: Final = 9  # with so many layers a graph is still drawn from left to right
LABEL: Final = 40
FEW: Final = 4

STYLE: Final = """
.adcompile-graph { --ink: #1f2328; --line: #8b949e; --paper: #ffffff; --note: #59636e;
  --input: #ddeeff; --parameter: #fff2cc; --operation: #f3f4f6; --output: #dcf5e3; --constant: #ffffff; }
@media (prefers-color-scheme: dark) { .adcompile-graph { --ink: #e6edf3; --line: #6e7681; --paper: #0d1117;
  --note: #9198a1; --input: #11304f; --parameter: #43370c; --operation: #21262d; --output: #12391f;
  --constant: #0d1117; } }
.adcompile-graph { background: var(--paper); }
.adcompile-graph text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--ink);
  text-anchor: middle; dominant-baseline: central; }
.adcompile-graph text.value { fill: var(--note); }
.adcompile-graph text.partial { font-size: 11px; fill: var(--note); }
.adcompile-graph rect.partial { fill: var(--paper); fill-opacity: .9; stroke: none; }
.adcompile-graph .node rect { stroke: var(--line); stroke-width: 1; }
.adcompile-graph .constant rect { stroke-dasharray: 3 3; }
.adcompile-graph path { fill: none; stroke: var(--line); stroke-width: 1.2; }
.adcompile-graph marker path { fill: var(--line); stroke: none; }
.adcompile-graph .input rect { fill: var(--input); } .adcompile-graph .parameter rect { fill: var(--parameter); }
.adcompile-graph .operation rect { fill: var(--operation); } .adcompile-graph .output rect { fill: var(--output); }
.adcompile-graph .constant rect { fill: var(--constant); }
.adcompile-graph g.edge:hover path, .adcompile-graph g.node:hover rect { stroke: var(--ink); stroke-width: 2; }
"""


def lines_of(graph: Graph, node: Node) -> list[str]:
    """Return what is written in a node: what it is, then its value."""
    label = node.label if len(node.label) <= LABEL else node.label[: LABEL - 3] + "..."
    if node.count > 1:
        return [label, f"{node.count} {'operations' if node.kind == 'operation' else 'values'}"]
    if node.value is None or node.kind == "output" and label == node.name:
        return [label]
    if not graph.values:
        return [label if node.kind in ("input", "parameter") else f"{node.name} = {label}"]
    return [label, f"{node.name} {_abbreviated(node.value)}"]


def _abbreviated(value: object) -> str:
    """Return the value of a number or of a few, and the shape of a larger array."""
    if isinstance(value, np.ndarray) and value.size > FEW:
        return f": {' x '.join(map(str, value.shape))}"
    return f"= {format_value(value)}"


def edge_label(graph: Graph, edge: Edge) -> str:
    if not graph.partials:
        return ""
    if edge.partial is not None:
        return format_value(edge.partial)
    return edge.text if edge.text != "g" and len(edge.text) <= 28 else ""


# -- SVG


def svg(graph: Graph) -> str:
    """Draw a graph."""
    lines = {n.name: lines_of(graph, n) for n in graph.nodes}
    boxes = {k: (max(map(len, t)) * CHARACTER + 2 * PADDING, len(t) * LINE + PADDING) for k, t in lines.items()}
    labels = {(e.source, e.target): edge_label(graph, e) for e in graph.edges}
    downwards, placed = _arranged(boxes, labels)
    parts: list[str] = []
    notes: list[_Note] = []
    for edge in graph.edges:
        route = [_turned(p, downwards) for p in placed.routes.get((edge.source, edge.target), ())]
        if route:
            points = _ends(edge, route, boxes, downwards)
            parts.append(_edge(edge, points, downwards))
            if labels[edge.source, edge.target]:
                notes.append(_note(labels[edge.source, edge.target], points, _degrees(graph, edge)))
    centres = {name: _turned(p, downwards) for name, p in placed.centres.items()}
    parts += [_node(n, lines[n.name], centres[n.name], boxes[n.name]) for n in graph.nodes]
    width, height = _turned((placed.across, placed.along), downwards)
    left = min((n.x - n.width / 2 for n in notes), default=0.0)
    right = max((n.x + n.width / 2 for n in notes), default=0.0)
    frame = (min(left, 0.0) - MARGIN, -MARGIN, max(right, width) + MARGIN, height + MARGIN)
    return "\n".join([_head(graph, frame), *parts, *(n.text for n in notes), "</svg>"]) + "\n"


def _head(graph: Graph, frame: tuple[float, float, float, float]) -> str:
    x0, y0, x1, y1 = frame
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="adcompile-graph" role="img" '
        f'aria-label="computational graph of {html.escape(graph.name)}" width="{x1 - x0:.0f}" height="{y1 - y0:.0f}" '
        f'viewBox="{x0:.0f} {y0:.0f} {x1 - x0:.0f} {y1 - y0:.0f}">\n<style>{STYLE}</style>\n'
        '<defs><marker id="adcompile-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>'
    )


def _turned(point: tuple[float, float], downwards: bool) -> tuple[float, float]:
    return point if downwards else (point[1], point[0])


def _degrees(graph: Graph, edge: Edge) -> tuple[int, int]:
    """Return how many edges leave the source of an edge, and how many arrive at its target."""
    return sum(e.source == edge.source for e in graph.edges), sum(e.target == edge.target for e in graph.edges)


def _arranged(boxes: dict[str, tuple[float, float]], labels: dict[tuple[str, str], str]) -> tuple[bool, Placed]:
    """Place the nodes from left to right, or downwards if there are many layers."""
    widest = max(map(len, labels.values()), default=0) * CHARACTER
    wide = place({k: (h, w) for k, (w, h) in boxes.items()}, list(labels), 42.0 + widest)
    if wide.layers <= WIDE:
        return False, wide
    return True, place(boxes, list(labels), 40.0 if widest else 28.0)


def _node(node: Node, lines: Sequence[str], centre: tuple[float, float], box: tuple[float, float]) -> str:
    (x, y), (w, h) = centre, box
    title = f"{node.name} = {format_value(node.value, 6)}" if node.value is not None else node.label
    if node.span is not None:
        title += f"\n{node.span.filename}:{node.span.line}: {node.span.text.strip()}"
    top = y - (len(lines) - 1) / 2 * LINE
    texts = "".join(
        f'<text x="{x:.1f}" y="{top + k * LINE:.1f}" class="{"value" if k else "label"}">{_symbols(line)}</text>'
        for k, line in enumerate(lines)
    )
    return (
        f'<g class="node {node.kind}" data-name="{html.escape(node.name)}"><title>{html.escape(title)}</title>'
        f'<rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" rx="7"/>{texts}</g>'
    )


def _ends(
    edge: Edge, route: Sequence[tuple[float, float]], boxes: dict[str, tuple[float, float]], downwards: bool
) -> list[tuple[float, float]]:
    """Return the points of an edge, from the border of one node to that of the other."""
    axis = 1 if downwards else 0
    points = [list(p) for p in route]
    sign = 1.0 if points[-1][axis] >= points[0][axis] else -1.0
    points[0][axis] += sign * boxes[edge.source][axis] / 2
    points[-1][axis] -= sign * boxes[edge.target][axis] / 2
    return [(x, y) for x, y in points]


def _edge(edge: Edge, points: Sequence[tuple[float, float]], downwards: bool) -> str:
    path = [f"M{points[0][0]:.1f},{points[0][1]:.1f}", *_curve(points, downwards)]
    title = f"{edge.source} to {edge.target}" + (f": {edge.text}" if edge.text else "")
    return (
        f'<g class="edge" data-source="{html.escape(edge.source)}" data-target="{html.escape(edge.target)}">'
        f'<title>{html.escape(title)}</title><path d="{" ".join(path)}" marker-end="url(#adcompile-arrow)"/></g>'
    )


def _curve(points: Sequence[tuple[float, float]], downwards: bool) -> Iterator[str]:
    """Yield the pieces of a smooth curve, which leaves and arrives at a right angle to the borders."""
    flat = points if downwards else [(y, x) for x, y in points]
    slopes = [0.0, *((c[0] - a[0]) / ((c[1] - a[1]) or 1.0) for a, c in zip(flat, flat[2:], strict=False)), 0.0]
    for (x0, y0), (x1, y1), m0, m1 in zip(flat, flat[1:], slopes, slopes[1:], strict=False):
        reach = (y1 - y0) * (0.5 if len(flat) == 2 else 0.4)
        corners = [(x0 + m0 * reach, y0 + reach), (x1 - m1 * reach, y1 - reach), (x1, y1)]
        yield "C" + " ".join(f"{a:.1f},{b:.1f}" if downwards else f"{b:.1f},{a:.1f}" for a, b in corners)


class _Note(NamedTuple):
    text: str
    x: float
    width: float


def _note(label: str, points: Sequence[tuple[float, float]], degrees: tuple[int, int]) -> _Note:
    """Write a partial derivative on an edge's last piece, where fewer edges meet."""
    (x0, y0), (x1, y1) = points[-2:]
    along = 0.5 if degrees[0] == degrees[1] else 0.36 if degrees[0] < degrees[1] else 0.64
    x, y, width = x0 + along * (x1 - x0), y0 + along * (y1 - y0), len(label) * CHARACTER * 11 / 12 + 4
    box = f'x="{x - width / 2:.1f}" y="{y - 7:.1f}" width="{width:.1f}" height="14" rx="3"'
    text = f'<text class="partial" x="{x:.1f}" y="{y:.1f}">{_symbols(label)}</text>'
    return _Note(f'<rect class="partial" {box}/>{text}', x, width)


SUBSCRIPTS: Final = str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉")


def _symbols(text: str) -> str:
    """Escape a text, with v3 as a letter with an index."""
    return re.sub(r"\bv(-?\d+)", lambda m: "v" + m[1].translate(SUBSCRIPTS), html.escape(text))


# -- DOT

SHAPES: Final = {"input": "ellipse", "parameter": "ellipse", "constant": "box", "operation": "box", "output": "ellipse"}
FILLS: Final = {
    "input": "#ddeeff",
    "parameter": "#fff2cc",
    "constant": "#ffffff",
    "operation": "#f3f4f6",
    "output": "#dcf5e3",
}


def dot(graph: Graph) -> str:
    """Write a graph for Graphviz."""
    written = [f"digraph {_quoted(graph.name)} {{", '  node [style="filled,rounded", fontname="monospace"];']
    for n in graph.nodes:
        label = "\n".join(lines_of(graph, n))
        written.append(
            f"  {_quoted(n.name)} [label={_quoted(label)}, shape={SHAPES[n.kind]}, fillcolor={_quoted(FILLS[n.kind])}];"
        )
    for e in graph.edges:
        label = edge_label(graph, e)
        written.append(f"  {_quoted(e.source)} -> {_quoted(e.target)}{f' [label={_quoted(label)}]' if label else ''};")
    return "\n".join([*written, "}"]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
