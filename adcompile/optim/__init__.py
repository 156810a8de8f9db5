"""Optimisers over any nesting of containers, clipping of gradients, and SciPy's minimisers.

An optimiser is a pair of functions: `init` makes the state for some parameters, `update` takes one step and returns new
parameters and a new state. Nothing is modified.

>>> from adcompile import grad, optim
>>> loss = lambda p: (p["x"] - 3.0) ** 2 + 10.0 * p["y"] ** 2
>>> parameters = {"x": 0.0, "y": 1.0}
>>> optimiser = optim.adam(learning_rate=0.1)
>>> state = optimiser.init(parameters)
>>> for _ in range(200):
...     parameters, state = optimiser.update(parameters, grad(loss)(parameters), state)
>>> print(f"{parameters['x']:.2f} {abs(parameters['y']):.2f}")
3.00 0.00
"""

from adcompile.optim.clipping import clip_by_global_norm, clip_by_value, global_norm
from adcompile.optim.minimisers import least_squares, minimize
from adcompile.optim.steps import Optimiser, State, adagrad, adam, momentum, rmsprop, sgd
from adcompile.optim.trees import leaves

__all__ = [
    "Optimiser",
    "State",
    "adagrad",
    "adam",
    "clip_by_global_norm",
    "clip_by_value",
    "global_norm",
    "least_squares",
    "leaves",
    "minimize",
    "momentum",
    "rmsprop",
    "sgd",
]
