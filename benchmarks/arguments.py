"""The arguments that the functions are timed with."""

from __future__ import annotations

import numpy as np

T_C = np.array([0.5, 14.0, 15.0, 28.0, 11.0, 8.0, 3.0, -4.0, 6.0, 13.0, 21.0])
T_U = np.array([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4])


def temperature() -> tuple[np.ndarray, ...]:
    return np.array([1.0, 0.0]), T_U, T_C


def vector(n: int) -> np.ndarray:
    """Return n numbers close to one, so that their product neither vanishes nor overflows."""
    return 1.0 + 0.01 * np.random.default_rng(0).standard_normal(n) / np.sqrt(n)


def grid(n: int, steps: int) -> tuple[np.ndarray, int]:
    return np.random.default_rng(0).standard_normal((n, n)), steps


def layers() -> tuple[object, ...]:
    """Return a 784-256-10 network as dicts of its layers, inputs and targets of 512 samples."""
    w1, b1, w2, b2, x, labels = perceptron()
    return {"hidden": {"w": w1, "b": b1}, "out": {"w": w2, "b": b2}}, x, labels


def perceptron() -> tuple[np.ndarray, ...]:
    """Return weights, inputs and one-hot labels of a 784-256-10 network on 512 samples."""
    generator = np.random.default_rng(0)
    return (
        generator.standard_normal((784, 256)) / 28.0,
        np.zeros(256),
        generator.standard_normal((256, 10)) / 16.0,
        np.zeros(10),
        generator.standard_normal((512, 784)),
        np.eye(10)[generator.integers(0, 10, 512)],
    )


def thirty_lines() -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    shapes = [(5, 4), (4,), (4, 3), (3,), (7, 2), (2,), (4,), (4,), (6, 5)]
    arrays = [generator.standard_normal(shape) for shape in shapes]
    return (*arrays, np.eye(2)[generator.integers(0, 2, 6)])
