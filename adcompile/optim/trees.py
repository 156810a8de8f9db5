"""Nested containers of numbers and arrays: every leaf visited, several containers side by side.

Tuples, lists, dicts, named tuples and dataclasses hold leaves: floats and floating-point arrays. What else stands in a
container (None, booleans, strings, functions, ints) has no gradient and stays as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adcompile.errors import ArgumentError

__all__ = ["Leaf", "Tree", "flatten", "leaves", "map_leaves", "unflatten"]

Tree = Any  # the user's containers: what comes in comes out, with other leaves
Leaf = Any  # a float, a NumPy scalar or an array, with NumPy's arithmetic


def leaves(tree: Tree) -> Iterator[Leaf]:
    """Yield every float and floating-point array of a container, in order."""
    children = _children(tree)
    if children is not None:
        for child in children.values():
            yield from leaves(child)
    elif _is_leaf(tree):
        yield tree


def map_leaves(function: Callable[..., Leaf], tree: Tree, *others: Tree) -> Tree:
    """Return a container like `tree` whose leaves are `function(leaf, *leaves of the others at the same place)`.

    A float stays a float and an array without axes an array.
    """
    return _map(function, "parameters", tree, others)


def _map(function: Callable[..., Leaf], place: str, tree: Tree, others: tuple[Tree, ...]) -> Tree:
    children = _children(tree)
    if children is None:
        if not _is_leaf(tree):
            return tree
        for other in others:
            if np.shape(other) != np.shape(tree):
                raise ArgumentError(f"{place} has the shape {np.shape(tree)}, but what belongs to it {np.shape(other)}")
        return _of_kind(tree, function(tree, *others))
    beside = []
    for other in others:
        found = _children(other)
        if type(other) is not type(tree) or found is None or found.keys() != children.keys():
            raise ArgumentError(f"what belongs to {place} must be built like it: {_structure(tree)}")
        beside.append(found)
    return _rebuild(tree, {k: _map(function, place + k, v, tuple(b[k] for b in beside)) for k, v in children.items()})


def flatten(tree: Tree) -> np.ndarray:
    """Return the leaves in one vector."""
    pieces = [np.ravel(leaf) for leaf in leaves(tree)]
    return np.concatenate(pieces) if pieces else np.zeros(0)


def unflatten(vector: np.ndarray, like: Tree) -> Tree:
    """Return a container like `like`, with its leaves' shapes and types, from the entries of a vector."""
    position = 0

    def take(leaf: Leaf) -> Leaf:
        nonlocal position
        piece = vector[position : position + np.size(leaf)]
        position += len(piece)
        return piece.reshape(np.shape(leaf)).astype(np.asarray(leaf).dtype)

    return map_leaves(take, like)


def _is_leaf(value: object) -> bool:
    return isinstance(value, float | np.floating) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")


def _of_kind(leaf: Leaf, result: Leaf) -> Leaf:
    if isinstance(leaf, np.ndarray):
        return np.asarray(result)
    return float(result) if type(leaf) is float else result[()]


def _children(tree: Tree) -> dict[str, Tree] | None:
    """Return what a container holds, each under how one writes its place; None for what is no container."""
    if isinstance(tree, dict):
        return {f"[{key!r}]": child for key, child in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return {f".{name}": child for name, child in zip(tree._fields, tree, strict=True)}
    if isinstance(tree, list | tuple):
        return {f"[{k}]": child for k, child in enumerate(tree)}
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return {f".{field.name}": getattr(tree, field.name) for field in dataclasses.fields(tree)}
    return None


def _rebuild(tree: Tree, children: dict[str, Tree]) -> Tree:
    """Return a container like another with new contents."""
    if isinstance(tree, dict):
        return dict(zip(tree, children.values(), strict=True))
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*children.values())
    if isinstance(tree, list | tuple):
        return type(tree)(children.values())
    return dataclasses.replace(tree, **{place[1:]: child for place, child in children.items()})


def _structure(tree: Tree) -> str:
    children = _children(tree)
    assert children is not None
    return f"{type(tree).__name__} with {', '.join(children)}" if children else f"empty {type(tree).__name__}"
