"""Optimisers as pairs of functions, with PyTorch's definitions and defaults.

In the equations g is the gradient and p a parameter, entry by entry; t counts the steps from 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from adcompile.optim.trees import Leaf, Tree, map_leaves

__all__ = ["Optimiser", "State", "adagrad", "adam", "momentum", "rmsprop", "sgd"]


class State(NamedTuple):
    """What an optimiser remembers: the number of steps taken, and some containers like the parameters."""

    steps: int
    slots: tuple[Tree, ...]


class Optimiser(NamedTuple):
    """An optimiser: ``state = init(parameters)``, then ``parameters, state = update(parameters, gradient, state)``."""

    init: Callable[[Tree], State]
    update: Callable[[Tree, Tree, State], tuple[Tree, State]]


# From step number, parameter, gradient and what is remembered of that parameter, to the new parameter and memory.
Rule = Callable[..., tuple[Leaf, ...]]


def _optimiser(slots: int, rule: Rule) -> Optimiser:
    """Apply a rule for one leaf to every leaf; what it remembers begins as zeros."""

    def init(parameters: Tree) -> State:
        return State(0, tuple(map_leaves(np.zeros_like, parameters) for _ in range(slots)))

    def update(parameters: Tree, gradient: Tree, state: State) -> tuple[Tree, State]:
        t = state.steps + 1
        results: list[tuple[Leaf, ...]] = []

        def step(p: Leaf, g: Leaf, *memory: Leaf) -> Leaf:
            new, *remembered = rule(t, p, g, *memory)
            results.append(tuple(remembered))
            return new

        stepped = map_leaves(step, parameters, gradient, *state.slots)
        return stepped, State(t, tuple(_refill(stepped, [r[k] for r in results]) for k in range(slots)))

    return Optimiser(init, update)


def _refill(like: Tree, values: list[Leaf]) -> Tree:
    remaining = iter(values)
    return map_leaves(lambda _: next(remaining), like)


def sgd(learning_rate: float = 1e-3) -> Optimiser:
    """Return gradient descent: p -= learning_rate * g."""
    return _optimiser(0, lambda t, p, g: (p - learning_rate * g,))


def momentum(learning_rate: float = 1e-3, gamma: float = 0.9) -> Optimiser:
    """Return gradient descent with momentum (Polyak, 1964): m = gamma * m + g, p -= learning_rate * m."""

    def rule(t: int, p: Leaf, g: Leaf, m: Leaf) -> tuple[Leaf, ...]:
        m = gamma * m + g
        return p - learning_rate * m, m

    return _optimiser(1, rule)


def adagrad(learning_rate: float = 1e-2, eps: float = 1e-10) -> Optimiser:
    """Return AdaGrad (Duchi, Hazan and Singer, 2011): s += g**2, p -= learning_rate * g / (sqrt(s) + eps)."""

    def rule(t: int, p: Leaf, g: Leaf, s: Leaf) -> tuple[Leaf, ...]:
        s = s + g * g
        return p - learning_rate * (g / (np.sqrt(s) + eps)), s

    return _optimiser(1, rule)


def rmsprop(learning_rate: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8) -> Optimiser:
    """Return RMSprop (Tieleman and Hinton, 2012).

    s = alpha * s + (1 - alpha) * g**2, p -= learning_rate * g / (sqrt(s) + eps).
    """

    def rule(t: int, p: Leaf, g: Leaf, s: Leaf) -> tuple[Leaf, ...]:
        s = alpha * s + (1.0 - alpha) * (g * g)
        return p - learning_rate * (g / (np.sqrt(s) + eps)), s

    return _optimiser(1, rule)


def adam(learning_rate: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> Optimiser:
    """Return Adam (Kingma and Ba, 2015, algorithm 1).

    m = beta1 * m + (1 - beta1) * g, v = beta2 * v + (1 - beta2) * g**2, and with the bias of the zeros at the start
    removed, m / (1 - beta1**t) and v / (1 - beta2**t) in their place: p -= learning_rate * m / (sqrt(v) + eps).
    """
    beta1, beta2 = betas

    def rule(t: int, p: Leaf, g: Leaf, m: Leaf, v: Leaf) -> tuple[Leaf, ...]:
        m = beta1 * m + (1.0 - beta1) * g
        v = beta2 * v + (1.0 - beta2) * (g * g)
        m_hat = m / (1.0 - beta1**t)
        v_hat = v / (1.0 - beta2**t)
        return p - learning_rate * (m_hat / (np.sqrt(v_hat) + eps)), m, v

    return _optimiser(2, rule)
