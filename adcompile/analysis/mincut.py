"""The smallest set of vertices that separates sources from sinks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
Node = object
Graph = dict[Node, dict[Node, int]]

UNLIMITED: Final = 10**12


def minimum_cut(
    capacity: Mapping[T, int], edges: Iterable[tuple[T, T]], sources: Iterable[T], sinks: Iterable[T]
) -> list[T]:
    """Return the vertices of least total capacity that meet every path from a source to a sink.

    Sources and sinks may themselves be cut. Of the cuts of least capacity it is the one nearest the sinks. By
    augmenting paths (Edmonds and Karp, 1972), each vertex split into an entry and an exit.
    """
    graph: Graph = {"source": {}, "sink": {}}
    for vertex, limit in capacity.items():
        connect(graph, (vertex, "in"), (vertex, "out"), limit)
    for a, b in edges:
        connect(graph, (a, "out"), (b, "in"), UNLIMITED)
    for vertex in sources:
        connect(graph, "source", (vertex, "in"), UNLIMITED)
    for vertex in sinks:
        connect(graph, (vertex, "out"), "sink", UNLIMITED)
    while (path := augmenting_path(graph)) is not None:
        push_flow(graph, path)
    near = reaching_sink(graph)
    return [v for v in capacity if (v, "out") in near and (v, "in") not in near]


def connect(graph: Graph, a: Node, b: Node, limit: int) -> None:
    ahead, back = graph.setdefault(a, {}), graph.setdefault(b, {})
    ahead[b] = ahead.get(b, 0) + limit
    back.setdefault(a, 0)


def augmenting_path(graph: Graph) -> list[Node] | None:
    """Return a shortest path from source to sink along edges that have capacity left."""
    parent: dict[Node, Node] = {"source": None}
    queue: deque[Node] = deque(["source"])
    while queue:
        a = queue.popleft()
        for b, left in graph[a].items():
            if left > 0 and b not in parent:
                parent[b] = a
                if b == "sink":
                    return unwind(parent)
                queue.append(b)
    return None


def unwind(parent: Mapping[Node, Node]) -> list[Node]:
    path: list[Node] = ["sink"]
    while path[-1] != "source":
        path.append(parent[path[-1]])
    return path[::-1]


def push_flow(graph: Graph, path: Sequence[Node]) -> None:
    steps = list(zip(path[:-1], path[1:], strict=True))
    flow = min(graph[a][b] for a, b in steps)
    assert flow < UNLIMITED, "a path that no vertex limits"
    for a, b in steps:
        graph[a][b] -= flow
        graph[b][a] += flow


def reaching_sink(graph: Graph) -> set[Node]:
    """Return the nodes from which the sink can still be reached."""
    near: set[Node] = {"sink"}
    queue: deque[Node] = deque(["sink"])
    while queue:
        b = queue.popleft()
        for a in graph[b]:
            if a not in near and graph[a].get(b, 0) > 0:
                near.add(a)
                queue.append(a)
    return near
