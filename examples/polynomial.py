"""A cubic polynomial fitted to sin(x), by gradients found by hand and by adcompile, by RMSprop and by Newton's method.

After PyTorch's "Learning PyTorch with Examples": a + b x + c x**2 + d x**3 is fitted to 2000 points of the sine; then
a + b P3(c + d x), with Legendre's polynomial P3 and its backward rule stated by the user; then a linear layer over
(x, x**2, x**3). Run it with ``python -m examples.polynomial``; ``--plot DIR`` also saves a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from adcompile import custom_vjp, derivative, nn, optim, value_and_grad
from examples.console import new_figure, plot_folder, progress, save

X = np.linspace(-np.pi, np.pi, 2000)
Y = np.sin(X)

Coefficients = tuple[float, ...]


def cubic(coefficients, x):
    a, b, c, d = coefficients
    return a + b * x + c * x**2 + d * x**3


@value_and_grad
def cubic_loss(coefficients, x, y):
    return np.sum((cubic(coefficients, x) - y) ** 2)


def cubic_by_hand(coefficients: Coefficients, x: np.ndarray, y: np.ndarray) -> tuple[float, Coefficients]:
    """Return loss and gradient: d loss / d y_hat = 2 (y_hat - y), times d y_hat / d a = 1, d b = x, and so on."""
    y_hat = cubic(coefficients, x)
    y_hat_bar = 2.0 * (y_hat - y)
    gradient = np.sum(y_hat_bar), np.sum(y_hat_bar * x), np.sum(y_hat_bar * x**2), np.sum(y_hat_bar * x**3)
    return np.sum((y_hat - y) ** 2), gradient


def descend(
    loss: Callable[..., tuple[float, Coefficients]], start: Coefficients, learning_rate: float, steps: int = 2000
) -> tuple[list[float], list[Coefficients]]:
    """Return the loss at each step, and the coefficients before each and after the last."""
    losses, path = [], [start]
    for _ in progress(range(steps), "descent"):
        value, gradient = loss(path[-1], X, Y)
        losses.append(float(value))
        path.append(tuple(float(p - learning_rate * g) for p, g in zip(path[-1], gradient, strict=True)))
    return losses, path


# -- a function whose backward rule is the user's


@custom_vjp
def legendre(i):
    """Legendre's polynomial P3."""
    return 0.5 * (5.0 * i**3 - 3.0 * i)


def legendre_forward(i):
    """Return the value, and save the input."""
    return 0.5 * (5.0 * i**3 - 3.0 * i), i


def legendre_backward(i, o_bar):
    return (o_bar * 1.5 * (5.0 * i**2 - 1.0),)


legendre.defvjp(legendre_forward, legendre_backward)


@value_and_grad
def legendre_loss(coefficients, x, y):
    a, b, c, d = coefficients
    return np.sum((a + b * legendre(c + d * x) - y) ** 2)


# -- Newton's method


def series_loss(w):
    """The loss of the first two terms of the series of sin(w x)."""
    return np.sum((w * X - (w * X) ** 3 / 6.0 - Y) ** 2)


def newton(start: float = 1.0, steps: int = 6) -> list[tuple[float, float]]:
    """Minimise by w -= L'(w) / L''(w); return w and its loss, before each step and after the last."""
    slope, curvature = derivative(series_loss), derivative(series_loss, order=2)
    path = [start]
    for _ in range(steps):
        path.append(float(path[-1] - slope(path[-1]) / curvature(path[-1])))
    return [(w, float(series_loss(w))) for w in path]


# -- one neuron without activation over the features (x, x**2, x**3)


def layer_loss(parameters, features, y):
    weight, bias = parameters
    return nn.mse(nn.linear(features, weight, bias)[:, 0], y, "sum")


def fit_layer(steps: int = 2000, learning_rate: float = 1e-3) -> tuple[list[float], tuple[np.ndarray, np.ndarray]]:
    """Fit by RMSprop, from the same start as the polynomial's."""
    features = np.stack([X, X**2, X**3], axis=1)
    loss, optimiser = value_and_grad(layer_loss), optim.rmsprop(learning_rate)
    parameters = (np.zeros((1, 3)), np.zeros(1))
    state, losses = optimiser.init(parameters), []
    for _ in progress(range(steps), "RMSprop"):
        value, gradient = loss(parameters, features, Y)
        parameters, state = optimiser.update(parameters, gradient, state)
        losses.append(float(value))
    return losses, parameters


def plot(folder: Path, losses: dict[str, list[float]], fitted: Coefficients) -> list[Path]:
    """Save the sine with the cubic fitted to it, and the losses."""
    fit, descent = new_figure(), new_figure()
    axes = fit.subplots()
    axes.plot(X, Y, label="sin(x)")
    axes.plot(X, cubic(fitted, X), label="fitted cubic")
    axes.legend()
    axes = descent.subplots()
    for name, values in losses.items():
        axes.semilogy(values, label=name)
    axes.set(xlabel="step", ylabel="sum of squares")
    axes.legend()
    return save({"polynomial_fit": fit, "polynomial_loss": descent}, folder)


def main() -> None:
    folder = plot_folder("polynomial", __doc__)
    start = (0.0, 0.0, 0.0, 0.0)
    by_hand, path_by_hand = descend(cubic_by_hand, start, 1e-6)
    ours, cubic_path = descend(cubic_loss, start, 1e-6)
    print("y = {:.4f} + {:.4f} x + {:.4f} x**2 + {:.4f} x**3".format(*cubic_path[-1]), f"with loss {ours[-1]:.4f}")
    apart = max(abs(p - q) for a, b in zip(cubic_path, path_by_hand, strict=True) for p, q in zip(a, b, strict=True))
    print(f"by hand the same: the coefficients are never more than {apart:.1e} apart")
    polynomial, path = descend(legendre_loss, (0.0, -1.0, 0.0, 0.3), 5e-6)
    print("y = {:.4g} + {:.6f} P3({:.4g} + {:.6f} x)".format(*path[-1]), f"with loss {polynomial[-1]:.4f}")
    print(f"the program, with the user's rule in it:\n\n{legendre_loss.source}")
    for step, (w, value) in enumerate(newton()):
        print(f"Newton's method, step {step}: w = {w:.12f}, loss {value:.9f}")
    layer, (weight, bias) = fit_layer()
    print(f"RMSprop on a linear layer: weights {weight[0]}, bias {bias}, loss {layer[-1]:.4f}")
    if folder:
        print("saved", *plot(folder, {"a cubic": ours, "P3": polynomial, "RMSprop": layer}, cubic_path[-1]))


if __name__ == "__main__":
    main()
