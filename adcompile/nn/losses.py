"""Losses. `reduction` is "mean", "sum", or "none" for one loss per entry or sample."""

from __future__ import annotations

import numpy as np

from adcompile.nn.activations import log_softmax
from adcompile.nn.arrays import Array

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "l1", "mse", "nll"]


def _reduce(losses: Array, reduction: str) -> Array:
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError('reduction must be "mean", "sum" or "none"')


def mse(prediction: Array, target: Array, reduction: str = "mean") -> Array:
    """Return the squared error: (prediction - target)**2."""
    return _reduce((prediction - target) ** 2, reduction)


def l1(prediction: Array, target: Array, reduction: str = "mean") -> Array:
    """Return the absolute error: abs(prediction - target)."""
    return _reduce(np.abs(prediction - target), reduction)


def nll(log_p: Array, target: Array, weight: Array | None = None, reduction: str = "mean") -> Array:
    """Return the negative log-likelihood of classes: -weight[target] * log_p[sample, target].

    Parameters
    ----------
    log_p : array of shape (samples, classes) or (classes,)
        Logarithms of probabilities, as from `log_softmax`.
    target : int array of shape (samples,) or ()
        The class of each sample.
    weight : array of shape (classes,), optional
        The weight of each class. The mean is then the weighted mean.
    """
    losses = -log_p[target] if np.ndim(log_p) == 1 else -log_p[np.arange(len(log_p)), target]
    if weight is None:
        return _reduce(losses, reduction)
    chosen = weight[target]
    if reduction == "mean":
        return np.sum(chosen * losses) / np.sum(chosen)
    return _reduce(chosen * losses, reduction)


def cross_entropy(logits: Array, target: Array, weight: Array | None = None, reduction: str = "mean") -> Array:
    """Return the cross entropy of a target with softmax(logits).

    Parameters
    ----------
    logits : array of shape (samples, classes) or (classes,)
    target : array
        Either the class of each sample, with one axis less than `logits`, as in `nll`; or the weight of each class
        in each sample, of the shape of `logits`: -sum(target * log_softmax(logits)) over the classes.
    weight : array of shape (classes,), optional
        The weight of each class.
    """
    log_p = log_softmax(logits)
    if np.ndim(target) < np.ndim(logits):
        return nll(log_p, target, weight, reduction)
    if weight is not None:
        target = target * weight
    return _reduce(-np.sum(target * log_p, axis=-1), reduction)


def binary_cross_entropy(p: Array, target: Array, reduction: str = "mean") -> Array:
    """Return -(target * log(p) + (1 - target) * log(1 - p)).

    The logarithms are not less than -100, as in PyTorch; where they would be, their derivative is 0.
    """
    log_p = np.log(np.maximum(p, 3.8e-44))
    log_q = np.log(np.maximum(1.0 - p, 3.8e-44))
    return _reduce(-(target * log_p + (1.0 - target) * log_q), reduction)


def binary_cross_entropy_with_logits(x: Array, target: Array, reduction: str = "mean") -> Array:
    """Return the binary cross entropy of a target with sigmoid(x), for any x: log(1 + exp(x)) - target * x."""
    return _reduce(np.logaddexp(x, 0.0) - target * x, reduction)
