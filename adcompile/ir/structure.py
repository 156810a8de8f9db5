"""Nested containers as structures of leaves: what arguments and results look like around the numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Literal, TypeVar

from adcompile.records import dataclass, field

L = TypeVar("L")
M = TypeVar("M")

NodeKind = Literal["tuple", "list", "dict"]


@dataclass(frozen=True, slots=True)
class Node(Generic[L]):
    """A tuple, list or dict whose children are nodes or leaves. `keys` are a dict's keys, in order; else empty.

    `identity` tells one mutable container from another while a function is lowered; 0 for any other use.
    """

    kind: NodeKind
    children: tuple[Node[L] | L, ...]
    keys: tuple[object, ...] = ()
    identity: int = field(default=0, compare=False)


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
        return Node(tree.kind, tuple(map_leaves(f, c) for c in tree.children), tree.keys, tree.identity)
    return f(tree)


def build(tree: Node[L] | L, get: Callable[[L], object]) -> object:
    """Make the Python container that a structure describes."""
    if not isinstance(tree, Node):
        return get(tree)
    children = [build(c, get) for c in tree.children]
    if tree.kind == "dict":
        return dict(zip(tree.keys, children, strict=True))
    return tuple(children) if tree.kind == "tuple" else children


def replace_leaves(tree: Node[L] | L, new: Sequence[M]) -> Node[M] | M:
    """Put other leaves, in order, into a structure."""
    items = iter(new)
    return map_leaves(lambda _: next(items), tree)
