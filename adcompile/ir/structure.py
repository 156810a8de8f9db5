"""Nested containers as structures of leaves: what arguments and results look like around the numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Literal, TypeVar

from adcompile.records import dataclass, field

L = TypeVar("L")
M = TypeVar("M")

NodeKind = Literal["tuple", "list", "dict", "object", "set"]


@dataclass(frozen=True, slots=True)
class Node(Generic[L]):
    """A tuple, list, dict or object whose children are nodes or leaves; or a set, of keys.

    `keys` are a dict's keys or the names of an object's attributes, in order; else empty. `cls` is the class of an
    object, or of a container that is no plain one (a NamedTuple, an OrderedDict); None if it is the plain one.
    `detail` is what makes a defaultdict's items, or the length that bounds a deque.

    `identity` tells one mutable container from another while a function is lowered; 0 for any other use.
    """

    kind: NodeKind
    children: tuple[Node[L] | L, ...]
    keys: tuple[object, ...] = ()
    identity: int = field(default=0, compare=False)
    cls: type | None = None
    detail: object = None

    @property
    def steps(self) -> Sequence[object]:
        """The key, position or attribute name of every child."""
        return self.keys if self.kind in ("dict", "object") else range(len(self.children))

    @property
    def form(self) -> tuple[object, ...]:
        """Everything but the children: equal for containers that differ in their leaves only."""
        return (self.kind, self.keys, len(self.children), self.cls, self.detail)

    @property
    def called(self) -> str:
        """How an error message calls the container."""
        return self.kind if self.cls is None else self.cls.__name__

    def holding(self, children: Sequence[Node[M] | M], keys: Sequence[object] | None = None) -> Node[M]:
        """Return the same container with other children, and with other keys if they are given."""
        new_keys = self.keys if keys is None else tuple(keys)
        return Node(self.kind, tuple(children), new_keys, self.identity, self.cls, self.detail)


def leaves(tree: Node[L] | L) -> Iterator[L]:
    """Yield the leaves of a structure, in order."""
    if isinstance(tree, Node):
        for child in tree.children:
            yield from leaves(child)
    else:
        yield tree


def map_leaves(f: Callable[[L], M], tree: Node[L] | L) -> Node[M] | M:
    """Apply `f` to every leaf."""
    if isinstance(tree, Node):
        return tree.holding([map_leaves(f, c) for c in tree.children])
    return f(tree)


def replace_leaves(tree: Node[L] | L, new: Sequence[M]) -> Node[M] | M:
    """Put other leaves, in order, into a structure."""
    items = iter(new)
    return map_leaves(lambda _: next(items), tree)
