"""Initial weights, drawn from a numpy.random.Generator.

Glorot and Bengio, 2010, "Understanding the difficulty of training deep feedforward neural networks" (xavier).
He, Zhang, Ren and Sun, 2015, "Delving deep into rectifiers" (kaiming).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "constant",
    "fans",
    "gain",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "ones",
    "truncated_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Weights = NDArray[np.float64]
Shape = int | Sequence[int]


def constant(shape: Shape, value: float) -> Weights:
    """Return an array of one value."""
    return np.full(shape, float(value))


def zeros(shape: Shape) -> Weights:
    """Return an array of zeros."""
    return constant(shape, 0.0)


def ones(shape: Shape) -> Weights:
    """Return an array of ones."""
    return constant(shape, 1.0)


def uniform(rng: np.random.Generator, shape: Shape, a: float = 0.0, b: float = 1.0) -> Weights:
    """Draw from [a, b)."""
    return rng.uniform(a, b, shape)


def normal(rng: np.random.Generator, shape: Shape, mean: float = 0.0, std: float = 1.0) -> Weights:
    """Draw from the normal distribution."""
    return rng.normal(mean, std, shape)


def truncated_normal(
    rng: np.random.Generator, shape: Shape, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Weights:
    """Draw from the normal distribution, and again what falls outside [a, b]."""
    if not (a < b and mean - 4.0 * std <= b and mean + 4.0 * std >= a):
        raise ValueError(f"[{a}, {b}] must lie within four standard deviations of the mean {mean}")
    weights = rng.normal(mean, std, shape)
    while np.any(outside := (weights < a) | (weights > b)):
        weights[outside] = rng.normal(mean, std, np.count_nonzero(outside))
    return weights


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many inputs an output of a layer has, and how many outputs an input: fan_in and fan_out.

    The weights are of shape (n_out, n_in, ...), where further axes are those of a convolution's kernel.
    """
    if len(shape) < 2:
        raise ValueError(f"weights of shape {tuple(shape)} have no fans: they need at least two axes")
    n_out, n_in, *kernel = shape
    return n_in * math.prod(kernel), n_out * math.prod(kernel)


def gain(nonlinearity: str, negative_slope: float = 0.01) -> float:
    """Return by how much weights are scaled up for what the nonlinearity takes away."""
    match nonlinearity:
        case "linear" | "sigmoid":
            return 1.0
        case "tanh":
            return 5.0 / 3.0
        case "relu":
            return math.sqrt(2.0)
        case "leaky_relu":
            return math.sqrt(2.0 / (1.0 + negative_slope**2))
        case "selu":
            return 0.75
    raise ValueError(f"no gain is known for the nonlinearity {nonlinearity!r}")


def xavier_uniform(rng: np.random.Generator, shape: Sequence[int], gain: float = 1.0) -> Weights:
    """Draw from (-bound, bound), bound = gain * sqrt(6 / (fan_in + fan_out))."""
    bound = gain * math.sqrt(6.0 / sum(fans(shape)))
    return uniform(rng, shape, -bound, bound)


def xavier_normal(rng: np.random.Generator, shape: Sequence[int], gain: float = 1.0) -> Weights:
    """Draw from the normal distribution with std = gain * sqrt(2 / (fan_in + fan_out))."""
    return normal(rng, shape, 0.0, gain * math.sqrt(2.0 / sum(fans(shape))))


def kaiming_uniform(
    rng: np.random.Generator,
    shape: Sequence[int],
    negative_slope: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Weights:
    """Draw from (-bound, bound), bound = gain * sqrt(3 / fan), where `mode` names the fan."""
    bound = gain(nonlinearity, negative_slope) * math.sqrt(3.0 / _fan(shape, mode))
    return uniform(rng, shape, -bound, bound)


def kaiming_normal(
    rng: np.random.Generator,
    shape: Sequence[int],
    negative_slope: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Weights:
    """Draw from the normal distribution with std = gain / sqrt(fan), where `mode` names the fan."""
    return normal(rng, shape, 0.0, gain(nonlinearity, negative_slope) / math.sqrt(_fan(shape, mode)))


def _fan(shape: Sequence[int], mode: str) -> int:
    fan_in, fan_out = fans(shape)
    match mode:
        case "fan_in":
            return fan_in
        case "fan_out":
            return fan_out
    raise ValueError(f'mode must be "fan_in" or "fan_out", not {mode!r}')
