"""Activations: elementwise functions, and softmax over the last axis.

What softmax subtracts from all scores alike changes nothing and has no derivative; the sigmoid's derivative is stated.
"""

from __future__ import annotations

import numpy as np

from adcompile.api import stop_gradient
from adcompile.declarations import elementwise
from adcompile.nn.arrays import Array

__all__ = ["leaky_relu", "log_softmax", "relu", "sigmoid", "softmax", "softplus", "tanh"]


def relu(x: Array) -> Array:
    """Return max(x, 0). Its derivative at 0 is 0; not a number stays not a number."""
    return np.where(x <= 0.0, 0.0, x)


def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """Return x where it is positive, else negative_slope * x."""
    return np.where(x <= 0.0, negative_slope * x, x)


@elementwise("sigmoid(x)", "ans * (1.0 - ans)")
def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), accurate in both tails: exp is taken of negative numbers only."""
    return np.exp(np.minimum(x, 0.0)) / (1.0 + np.exp(-np.abs(x)))


def tanh(x: Array) -> Array:
    """Return the hyperbolic tangent."""
    return np.tanh(x)


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, 0.0)


def softmax(x: Array, axis: int = -1) -> Array:
    """Return exp(x) / sum(exp(x)), shifted by the largest x against overflow (Goodfellow et al., 2016, 4.1)."""
    e = np.exp(x - stop_gradient(np.max(x, axis=axis, keepdims=True)))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Array, axis: int = -1) -> Array:
    """Return log(softmax(x)), accurate also where softmax(x) is small."""
    d = x - stop_gradient(np.max(x, axis=axis, keepdims=True))
    return d - np.log(np.sum(np.exp(d), axis=axis, keepdims=True))
