"""Place the nodes of a directed graph in layers, so that edges point one way and cross little.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981): make the
graph acyclic, assign layers, order the nodes within each layer by their neighbours' mean position, and give them
coordinates. Long edges pass through dummy nodes; the edges of one node share them as far as they run together.

Coordinates are abstract: `across` within a layer and `along` from layer to layer.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Placed", "place"]

Point = tuple[float, float]

SWEEPS: Final = 24
ALIGNMENTS: Final = 24
LIGHT: Final = 0.1  # the weight of a node that nothing feeds
GAP: Final = 18.0  # between neighbours in a layer
DUMMY_GAP: Final = 10.0


@dataclass(frozen=True)
class _Dummy:
    """A place where the edges from a node pass a layer; `back` for edges that were turned round."""

    owner: str
    layer: int
    back: bool


Node = str | _Dummy
Edge = tuple[Node, Node]
Named = tuple[str, str]


@dataclass(frozen=True)
class Placed:
    """Where things are: the centre of each node, and for each edge the points that it passes through."""

    centres: Mapping[str, Point]
    routes: Mapping[Named, tuple[Point, ...]]
    layers: int
    across: float
    along: float


def place(sizes: Mapping[str, Point], edges: Sequence[Named], distance: float) -> Placed:
    """Place nodes of given (across, along) sizes; layers are `distance` apart."""
    order = {v: k for k, v in enumerate(sizes)}
    kept = list(dict.fromkeys((a, b) for a, b in edges if a != b))
    turned = _back_edges(order, kept)
    forwards = [(b, a) if (a, b) in turned else (a, b) for a, b in kept]
    layer = assign_layers(order, forwards)
    chains = {e: _chain(e, f, layer, e in turned) for e, f in zip(kept, forwards, strict=True)}
    rows = _rows(sizes, chains, layer)
    links = list(dict.fromkeys(pair for chain in chains.values() for pair in zip(chain, chain[1:], strict=False)))
    rows = reduce_crossings(rows, links)
    extent = {v: sizes[v][0] if isinstance(v, str) else 2.0 for row in rows for v in row}
    across = align(rows, links, extent)
    along = _along(rows, sizes, distance)
    centres = {v: (across[v], along[layer[v]]) for v in sizes}
    routes = {
        e: tuple((across[v], along[_layer_of(v, layer)]) for v in (chain[::-1] if e in turned else chain))
        for e, chain in chains.items()
    }
    thickness = max((sizes[v][1] for v in rows[-1] if isinstance(v, str)), default=0.0) if rows else 0.0
    width = max((across[v] + extent[v] / 2 for v in across), default=0.0)
    return Placed(centres, routes, len(rows), width, (along[-1] + thickness / 2) if along else 0.0)


def _layer_of(v: Node, layer: Mapping[str, int]) -> int:
    return v.layer if isinstance(v, _Dummy) else layer[v]


# -- layers


def _back_edges(order: Mapping[str, int], edges: Sequence[Named]) -> set[Named]:
    """Return the edges that close a cycle in a depth-first search."""
    following: dict[str, list[str]] = {v: [] for v in order}
    for a, b in edges:
        following[a].append(b)
    state: dict[str, int] = {}  # 1 while on the path, 2 when done
    found: set[Named] = set()
    for root in order:
        path: list[tuple[str, Iterator[str]]] = []
        if root not in state:
            state[root] = 1
            path.append((root, iter(following[root])))
        while path:
            v, rest = path[-1]
            nxt = next(rest, None)
            if nxt is None:
                state[v] = 2
                path.pop()
            elif state.get(nxt) == 1:
                found.add((v, nxt))
            elif nxt not in state:
                state[nxt] = 1
                path.append((nxt, iter(following[nxt])))
    return found


def assign_layers(order: Mapping[str, int], edges: Sequence[Named]) -> dict[str, int]:
    """Give each node the layer after its last predecessor.

    One with no more predecessors than successors goes to the layer before its first successor: edges that come from
    one node share dummies, so that this makes the drawing smaller.
    """
    before: dict[str, list[str]] = {v: [] for v in order}
    after: dict[str, list[str]] = {v: [] for v in order}
    for a, b in edges:
        before[b].append(a)
        after[a].append(b)
    layer: dict[str, int] = {}
    for v in _topological(order, before, after):
        layer[v] = max((layer[u] + 1 for u in before[v]), default=0)
    for v in reversed(list(_topological(order, before, after))):
        if after[v] and len(before[v]) <= len(after[v]):
            layer[v] = min(layer[u] for u in after[v]) - 1
    first = min(layer.values(), default=0)
    return {v: k - first for v, k in layer.items()}


def _topological(
    order: Mapping[str, int], before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> Iterator[str]:
    waiting = {v: len(before[v]) for v in order}
    ready = [v for v in order if not waiting[v]]
    for v in ready:
        yield v
        for u in after[v]:
            waiting[u] -= 1
            if not waiting[u]:
                ready.append(u)


def _chain(edge: Named, forwards: Named, layer: Mapping[str, int], back: bool) -> list[Node]:
    """Return the nodes and dummies that an edge passes, downwards."""
    a, b = forwards
    dummies = [_Dummy(edge[0], k, back) for k in range(layer[a] + 1, layer[b])]
    return [a, *dummies, b]


def _rows(sizes: Mapping[str, Point], chains: Mapping[Named, list[Node]], layer: Mapping[str, int]) -> list[list[Node]]:
    count = 1 + max(layer.values(), default=-1)
    rows: list[dict[Node, None]] = [{} for _ in range(count)]
    for v in sizes:
        rows[layer[v]][v] = None
    for chain in chains.values():
        for passed in chain:
            rows[_layer_of(passed, layer)][passed] = None
    return [list(row) for row in rows]


# -- order within layers


def reduce_crossings(rows: list[list[Node]], links: Sequence[Edge]) -> list[list[Node]]:
    """Order each layer by the mean position of the neighbours above, then below, and so on; keep the best order."""
    up: dict[Node, list[Node]] = {v: [] for row in rows for v in row}
    down: dict[Node, list[Node]] = {v: [] for row in rows for v in row}
    for a, b in links:
        down[a].append(b)
        up[b].append(a)
    best, fewest = [list(r) for r in rows], crossings(rows, down)
    idle = 0
    for sweep in range(SWEEPS):
        if fewest == 0 or idle > 5:
            break
        downwards = sweep % 2 == 0
        indices = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        for k in indices:
            fixed = rows[k - 1] if downwards else rows[k + 1]
            rows[k] = _by_neighbours(rows[k], fixed, up if downwards else down)
        count = crossings(rows, down)
        idle = idle + 1 if count >= fewest else 0
        if count < fewest:
            best, fewest = [list(r) for r in rows], count
    return best


def _by_neighbours(row: list[Node], fixed: list[Node], neighbours: Mapping[Node, list[Node]]) -> list[Node]:
    position = {v: float(k) for k, v in enumerate(fixed)}
    own = {v: k for k, v in enumerate(row)}
    scale = len(fixed) / max(len(row), 1)

    def key(v: Node) -> tuple[float, int]:
        places = [position[u] for u in neighbours[v]]
        return (sum(places) / len(places) if places else own[v] * scale, own[v])

    return sorted(row, key=key)


def crossings(rows: Sequence[Sequence[Node]], down: Mapping[Node, list[Node]]) -> int:
    """Count the pairs of links that cross."""
    total = 0
    for above, below in zip(rows, rows[1:], strict=False):
        position = {v: k for k, v in enumerate(below)}
        seen: list[int] = []
        for v in above:
            targets = sorted(position[u] for u in down[v])
            total += sum(len(seen) - bisect.bisect_right(seen, t) for t in targets)
            for t in targets:
                bisect.insort(seen, t)
    return total


# -- coordinates


def align(rows: list[list[Node]], links: Sequence[Edge], extent: Mapping[Node, float]) -> dict[Node, float]:
    """Return the position of each node in its layer: near its neighbours, apart from the nodes beside it.

    Every layer in turn takes the positions closest, in weighted least squares, to the means of its neighbours: first
    those above on the way down and those below on the way up, at last those on both sides.
    """
    above: dict[Node, list[tuple[Node, float]]] = {v: [] for row in rows for v in row}
    below: dict[Node, list[tuple[Node, float]]] = {v: [] for row in rows for v in row}
    fed = {b for _, b in links}  # other nodes hang on to what they feed, which they hardly move
    for a, b in links:
        weight = 8.0 if isinstance(a, _Dummy) and isinstance(b, _Dummy) else 1.0 if a in fed else LIGHT
        below[a].append((b, weight))
        above[b].append((a, weight))
    x: dict[Node, float] = {}
    for row in rows:
        offsets = _offsets(row, extent)
        x.update({v: o - offsets[-1] / 2 for v, o in zip(row, offsets, strict=True)})
    for sweep in range(ALIGNMENTS):
        down, both = sweep % 2 == 0, sweep >= ALIGNMENTS // 2
        for row in rows if down else rows[::-1]:
            near = [[*above[v], *below[v]] if both or v not in fed else above[v] if down else below[v] for v in row]
            offsets = _offsets(row, extent)
            wanted = [_mean([(x[u], w) for u, w in n], x[v]) - o for v, n, o in zip(row, near, offsets, strict=True)]
            placed = monotone(wanted, [1.0 if v in fed else LIGHT for v in row])
            x.update({v: p + o for v, p, o in zip(row, placed, offsets, strict=True)})
    left = min((x[v] - extent[v] / 2 for v in x), default=0.0)
    return {v: p - left for v, p in x.items()}


def _mean(points: Sequence[tuple[float, float]], otherwise: float) -> float:
    total = sum(w for _, w in points)
    return sum(p * w for p, w in points) / total if total else otherwise


def _offsets(row: Sequence[Node], extent: Mapping[Node, float]) -> list[float]:
    """Return how far each node must at least be from the first."""
    found = [0.0]
    for a, b in zip(row, row[1:], strict=False):
        gap = DUMMY_GAP if isinstance(a, _Dummy) and isinstance(b, _Dummy) else GAP
        found.append(found[-1] + extent[a] / 2 + extent[b] / 2 + gap)
    return found


def monotone(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the increasing sequence closest to the values in weighted least squares, by pooling adjacent violators.

    >>> monotone([1.0, 3.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0])
    [1.0, 2.5, 2.5, 4.0]
    """
    pools: list[tuple[float, float, int]] = []  # (weighted sum, weight, how many values)
    for value, weight in zip(values, weights, strict=True):
        pools.append((value * weight, weight, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            last, before = pools.pop(), pools.pop()
            pools.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
    return [total / weight for total, weight, count in pools for _ in range(count)]


def _along(rows: Sequence[Sequence[Node]], sizes: Mapping[str, Point], distance: float) -> list[float]:
    """Return the position of each layer's centre line."""
    found: list[float] = []
    edge = 0.0
    for row in rows:
        thickness = max((sizes[v][1] for v in row if isinstance(v, str)), default=0.0)
        found.append(edge + thickness / 2)
        edge += thickness + distance
    return found
