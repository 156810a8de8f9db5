"""Logistic regression, and the other promises of Autograd, kept on NumPy code as users write it.

After the tutorial of Autograd (Maclaurin, Duvenaud and Adams, 2015): a one-layer model trained in a handful of lines;
then loops, branches, recursion and closures, gradients of nested containers, and derivatives of derivatives.
Run it with ``python -m examples.logistic``; ``--plot DIR`` also saves pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adcompile import check_grads, elementwise_grad, grad, value_and_grad
from examples.console import new_figure, plot_folder, save

INPUTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
TARGETS = np.array([True, True, False, True])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def predictions(weights, inputs):
    """Outputs probability of a label being true, according to the model."""
    return sigmoid(inputs @ weights)


@value_and_grad
def training_loss(weights, inputs, targets):
    """The negative log-likelihood of the labels."""
    p = predictions(weights, inputs)
    return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))


def train(steps: int = 100, learning_rate: float = 0.01) -> tuple[np.ndarray, list[float]]:
    """Descend from zeros; return the weights and the loss before each step and after the last."""
    weights, losses = np.zeros(3), []
    for _ in range(steps):
        loss, gradient = training_loss(weights, INPUTS, TARGETS)
        losses.append(float(loss))
        weights = weights - learning_rate * gradient
    return weights, [*losses, float(training_loss.primal(weights, INPUTS, TARGETS))]


def gradient_by_hand(weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(p - t) x, summed over the samples: what is left when the derivatives of log and sigmoid have met."""
    return (predictions(weights, inputs) - targets) @ inputs


# -- the promises


def loop(x):
    """exp(x) by its series, as long as the terms matter."""
    total, term, k = 1.0, 1.0, 1
    while abs(term) > 1e-17:
        term = term * x / k
        total += term
        k += 1
    return total


def branch(x):
    if x < 0.0:
        return x**2
    elif x < 1.0:
        return np.sin(x)
    return 1.0 / x


def power(x, n):
    """x**n by repeated squaring: a function that calls itself."""
    if n == 0:
        return 1.0
    half = power(x, n // 2)
    return half * half * x if n % 2 else half * half


def closure(x):
    scale = x * x

    def scaled(y):
        return scale * np.cos(y)

    return scaled(x) + scaled(2.0)


def nested(parameters):
    """A gradient has the structure of its argument."""
    first, (second, third) = parameters["layers"]
    return np.sum(first * second) + parameters["scale"] * third


def tanh(x):
    return (1.0 - np.exp(-2 * x)) / (1.0 + np.exp(-2 * x))


def derivatives_of_tanh(x: np.ndarray, order: int = 4) -> list[np.ndarray]:
    """Return tanh(x) and its derivatives, entry by entry, each the derivative of the one before it."""
    functions = [tanh]
    for _ in range(order):
        functions.append(elementwise_grad(functions[-1]))
    return [function(x) for function in functions]


def main() -> None:
    folder = plot_folder("logistic", __doc__)
    weights, losses = train()
    print(f"loss at the start {losses[0]:.6f}, after 100 steps {losses[-1]:.6f}, weights {weights}")
    print("gradient there: adcompile", training_loss(weights, INPUTS, TARGETS)[1])
    print("                by hand  ", gradient_by_hand(weights, INPUTS, TARGETS))
    print(f"\nthe program that computed it:\n\n{training_loss.source}")

    print(f"a loop:     d exp(x) at 1.5 = {grad(loop)(1.5):.12f}, exp(1.5) = {np.exp(1.5):.12f}")
    print(f"branches:   {[round(float(grad(branch)(x)), 6) for x in (-2.0, 0.5, 2.0)]}")
    print(f"recursion:  d x**13 at 0.9 = {grad(power)(0.9, 13):.12f}, 13 * 0.9**12 = {13 * 0.9**12:.12f}")
    print(f"a closure:  {grad(closure)(0.7):.12f}")
    parameters = {"layers": (np.array([1.0, 2.0]), [np.array([3.0, 4.0]), 5.0]), "scale": 6.0}
    print(f"containers: {grad(nested)(parameters)}")
    print(f"once more:  d2 exp(x) at 1.5 = {grad(grad(loop))(1.5):.12f}")
    check_grads(training_loss.primal, weights, INPUTS, TARGETS.astype(float), order=2)
    if folder:
        print("saved", *plot(folder, losses))


def plot(folder: Path, losses: list[float]) -> list[Path]:
    """Save the loss over the steps, and tanh with its derivatives."""
    descent, curves = new_figure(), new_figure()
    axes = descent.subplots()
    axes.plot(losses)
    axes.set(xlabel="step", ylabel="negative log-likelihood")
    axes = curves.subplots()
    x = np.linspace(-7, 7, 200)
    for order, y in enumerate(derivatives_of_tanh(x)):
        axes.plot(x, y, label=("tanh", "first", "second", "third", "fourth")[order])
    axes.legend(title="derivative")
    axes.set(xlabel="x")
    return save({"logistic_loss": descent, "tanh_derivatives": curves}, folder)


if __name__ == "__main__":
    main()
