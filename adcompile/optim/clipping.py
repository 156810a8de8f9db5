"""Gradients kept from growing too large (Pascanu, Mikolov and Bengio, 2013)."""

from __future__ import annotations

import numpy as np

from adcompile.optim.trees import Tree, leaves, map_leaves

__all__ = ["clip_by_global_norm", "clip_by_value", "global_norm"]


def global_norm(gradient: Tree) -> float:
    """Return the Euclidean norm of all entries of all leaves."""
    return float(np.sqrt(sum(float(np.sum(np.square(leaf, dtype=np.float64))) for leaf in leaves(gradient))))


def clip_by_value(gradient: Tree, limit: float) -> Tree:
    """Return the gradient with every entry moved into [-limit, limit]."""
    return map_leaves(lambda g: np.clip(g, -limit, limit), gradient)


def clip_by_global_norm(gradient: Tree, limit: float) -> Tree:
    """Return the gradient scaled down to the norm `limit`, if its norm is larger.

    The factor is min(1, limit / (norm + 1e-6)), as in PyTorch.
    """
    factor = min(1.0, limit / (global_norm(gradient) + 1e-6))
    return map_leaves(lambda g: g * factor, gradient)
