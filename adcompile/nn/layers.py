"""Layers: functions of an input and of parameters, which the caller keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from adcompile.nn.arrays import Array

__all__ = ["batch_norm", "dropout", "linear", "sequence", "track"]


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return x @ weight.T + bias.

    Parameters
    ----------
    x : array of shape (..., n_in)
    weight : array of shape (n_out, n_in)
    bias : array of shape (n_out,), optional
    """
    y = x @ weight.T
    return y if bias is None else y + bias


def batch_norm(
    x: Array,
    weight: Array,
    bias: Array,
    mean: Array | None = None,
    variance: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Scale each feature to mean 0 and variance 1, then by weight and bias (Ioffe and Szegedy, 2015, algorithm 1).

    Parameters
    ----------
    x : array of shape (samples, features)
    weight, bias : arrays of shape (features,)
    mean, variance : arrays of shape (features,), optional
        Statistics to scale with, as `track` gathers them during training. Without them those of x are taken, which
        are then differentiated too.
    eps : float
        Added to the variance.
    """
    if mean is None:
        mean = np.mean(x, axis=0)
    if variance is None:
        variance = np.var(x, axis=0)
    return (x - mean) / np.sqrt(variance + eps) * weight + bias


def track(mean: Array, variance: Array, x: Array, momentum: float = 0.1) -> tuple[Array, Array]:
    """Return the running statistics of batch normalisation after the batch x: a new mean and a new variance.

    Each moves towards that of x, by `momentum`. The variance of x is the unbiased one, with n - 1 in the denominator.
    """
    new_mean = (1.0 - momentum) * mean + momentum * np.mean(x, axis=0)
    new_variance = (1.0 - momentum) * variance + momentum * np.var(x, axis=0, ddof=1)
    return new_mean, new_variance


def dropout(x: Array, draws: Array, p: float = 0.5) -> Array:
    """Put 0 for entries of x with probability p, and scale the others by 1 / (1 - p) (Srivastava et al., 2014).

    Parameters
    ----------
    x : array
    draws : array of the shape of x
        Numbers uniform in [0, 1), as from ``rng.random(x.shape)``, which may be called inside the function that is
        differentiated; an entry stays where its draw is at least p.
    p : float
        Less than 1.
    """
    return np.where(draws >= p, x / (1.0 - p), 0.0)


def sequence(x: Array, layers: Sequence[Callable[..., Array]], parameters: Sequence[Sequence[Array]]) -> Array:
    """Apply one layer after the other, each with its own parameters.

    Parameters
    ----------
    x : array
    layers : tuple of functions
        Each is called as ``layer(x, *its_parameters)``.
    parameters : list or tuple
        A tuple of parameters for each layer, () for one that has none.
    """
    for layer, own in zip(layers, parameters, strict=True):
        x = layer(x, *own)
    return x
