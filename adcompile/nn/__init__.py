"""Layers, losses and initial weights of small networks: plain NumPy functions, differentiated like any others.

Each function could as well stand in the user's own file. Names, definitions and defaults are PyTorch's, with two
differences: the features or classes are on the last axis, and nothing is modified.

>>> import numpy as np
>>> from adcompile import nn, value_and_grad
>>> value_and_grad(nn.mse)(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
(np.float64(9.0), array([-2., -2., -2.]))
"""

from adcompile.nn.activations import leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
from adcompile.nn.initialisers import (
    constant,
    fans,
    gain,
    kaiming_normal,
    kaiming_uniform,
    normal,
    ones,
    truncated_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from adcompile.nn.layers import batch_norm, dropout, linear, sequence, track
from adcompile.nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1,
    mse,
    nll,
)

__all__ = [
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "constant",
    "cross_entropy",
    "dropout",
    "fans",
    "gain",
    "kaiming_normal",
    "kaiming_uniform",
    "l1",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse",
    "nll",
    "normal",
    "ones",
    "relu",
    "sequence",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
    "track",
    "truncated_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
