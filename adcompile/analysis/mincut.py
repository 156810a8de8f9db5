"""The cheapest way to have some values, each of which is kept or computed again from others: a minimum cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

T = TypeVar("T")
Node = tuple[object, str]

UNLIMITED: Final = 10**12
SOURCE: Final[Node] = ("", "source")
SINK: Final[Node] = ("", "sink")


def cheapest_to_keep(
    keeping: Mapping[T, int], computing: Mapping[T, int | None], operands: Mapping[T, Iterable[T]], wanted: Iterable[T]
) -> list[T]:
    """Return the values to keep, so that all wanted ones can be had at the least cost.

    `keeping` is what it costs to keep each value and `computing` what it costs to compute it again from its
    `operands`, which must then be had too; None if it cannot be. Of the cheapest choices it is the one that keeps
    what is nearest to the wanted values.

    A value is two nodes: it is needed if its exit is on the sink's side of a minimum cut, and computed again if its
    entry is as well; the edge between them costs what keeping does, an edge from the source what computing does.
    """
    flow = _Flow()
    for v, cost in keeping.items():
        flow.connect((v, "entry"), (v, "exit"), cost)
        again = computing[v]
        flow.connect(SOURCE, (v, "entry"), UNLIMITED if again is None else again)
        if again is not None:
            for a in operands[v]:
                flow.connect((a, "exit"), (v, "entry"), UNLIMITED)
    for v in wanted:
        flow.connect((v, "exit"), SINK, UNLIMITED)
    flow.maximise()
    near = flow.reaching_sink()
    return [v for v in keeping if (v, "exit") in near and (v, "entry") not in near]


class _Flow:
    """A maximum flow by blocking flows (Dinic, 1970). `left` is the capacity that an edge has left."""

    def __init__(self) -> None:
        self.left: dict[Node, dict[Node, int]] = {SOURCE: {}, SINK: {}}

    def connect(self, a: Node, b: Node, capacity: int) -> None:
        ahead, back = self.left.setdefault(a, {}), self.left.setdefault(b, {})
        ahead[b] = ahead.get(b, 0) + capacity
        back.setdefault(a, 0)

    def maximise(self) -> None:
        while SINK in (level := self.levels()):
            self.block(level)

    def levels(self) -> dict[Node, int]:
        """Return the distances from the source along edges that have capacity left."""
        level = {SOURCE: 0}
        queue = deque([SOURCE])
        while queue:
            a = queue.popleft()
            for b, left in self.left[a].items():
                if left > 0 and b not in level:
                    level[b] = level[a] + 1
                    queue.append(b)
        return level

    def block(self, level: Mapping[Node, int]) -> None:
        """Send as much as fits along paths on which the distance grows at every edge."""
        ahead = {a: iter(self.left[a]) for a in level}
        path = [SOURCE]
        while path:
            a = path[-1]
            if a == SINK:
                self.send(path)
                path = [SOURCE]
                continue
            following = next((b for b in ahead[a] if self.left[a][b] > 0 and level.get(b) == level[a] + 1), None)
            if following is not None:
                path.append(following)
            else:
                path.pop()

    def send(self, path: list[Node]) -> None:
        steps = list(zip(path[:-1], path[1:], strict=True))
        amount = min(self.left[a][b] for a, b in steps)
        assert amount < UNLIMITED, "a value can be neither kept nor computed again"
        for a, b in steps:
            self.left[a][b] -= amount
            self.left[b][a] += amount

    def reaching_sink(self) -> set[Node]:
        """Return the nodes from which the sink can still be reached."""
        near = {SINK}
        queue = deque([SINK])
        while queue:
            b = queue.popleft()
            for a in self.left[b]:
                if a not in near and self.left[a].get(b, 0) > 0:
                    near.add(a)
                    queue.append(a)
        return near
