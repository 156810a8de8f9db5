"""Two classifiers made of single neurons, and backpropagation written out beside the compiled gradient.

Class 0 is drawn from N(0, 1) + 2 and class 1 from 2 N(0, 1) + 4, in each of four dimensions. One neuron, then a 4-2-1
network, learn to tell them apart from batches of eight samples. Where PyTorch is installed its gradients are compared
too. Run it with ``python -m examples.neurons``; ``--plot DIR`` also saves a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from adcompile import nn, value_and_grad
from examples.console import new_figure, plot_folder, progress, save

BATCH = 8

Layers = list[tuple[np.ndarray, np.ndarray]]


def samples(rng: np.random.Generator, count: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """Draw both classes in equal parts."""
    labels = np.arange(count) % 2
    draws = rng.normal(size=(count, 4))
    return np.where(labels[:, None] == 0, draws + 2.0, 2.0 * draws + 4.0), labels.astype(float)


def batches(rng: np.random.Generator, iterations: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield eight samples at a time, divided by the largest value among them."""
    points, labels = samples(rng)
    for chosen in rng.integers(0, len(labels), (iterations, BATCH)):
        batch = points[chosen]
        yield batch / batch.max(), labels[chosen]


def initial(rng: np.random.Generator, *sizes: int) -> Layers:
    return [(nn.xavier_normal(rng, (n, m)), nn.zeros(n)) for m, n in zip(sizes, sizes[1:], strict=False)]


def network(layers, x):
    """Sigmoid after every layer; one output."""
    for weight, bias in layers:
        x = nn.sigmoid(nn.linear(x, weight, bias))
    return x[:, 0]


@value_and_grad
def loss(layers, x, labels):
    return nn.mse(network(layers, x), labels)


def loss_by_hand(layers: Layers, x: np.ndarray, labels: np.ndarray) -> tuple[float, Layers]:
    """Return loss and gradient by the equations of backpropagation.

    The error of the outputs is dL/doutput; with delta = error * g'(input of the layer),
    dL/dW = delta outer output of the layer before, dL/db = delta, and the error one layer down is delta W.
    """
    outputs = [x]
    for weight, bias in layers:
        outputs.append(nn.sigmoid(outputs[-1] @ weight.T + bias))
    residual = outputs[-1][:, 0] - labels
    error = 2.0 * residual[:, None] / len(labels)
    gradient = []
    for (weight, _), before, after in zip(layers[::-1], outputs[-2::-1], outputs[:0:-1], strict=True):
        delta = error * after * (1.0 - after)
        gradient.append((delta.T @ before, delta.sum(axis=0)))
        error = delta @ weight
    return float(np.mean(residual**2)), gradient[::-1]


def loss_by_torch(layers: Layers, x: np.ndarray, labels: np.ndarray) -> tuple[float, Layers]:
    """Return loss and gradient by PyTorch, in double precision; raises ImportError where it is not installed."""
    import torch

    there = [tuple(torch.tensor(p, requires_grad=True) for p in layer) for layer in layers]
    output = torch.from_numpy(x)
    for weight, bias in there:
        output = torch.sigmoid(torch.nn.functional.linear(output, weight, bias))
    value = torch.nn.functional.mse_loss(output[:, 0], torch.from_numpy(labels))
    value.backward()
    return value.item(), [(weight.grad.numpy(), bias.grad.numpy()) for weight, bias in there]


def train(
    rng: np.random.Generator,
    layers: Layers,
    iterations: int,
    learning_rate: float = 9e-2,
    gradient_of: Callable[..., Any] = loss,
) -> tuple[Layers, np.ndarray]:
    """Return the trained layers and the loss of every batch."""
    losses = np.empty(iterations)
    for k, (x, labels) in enumerate(progress(batches(rng, iterations), "training")):
        losses[k], gradient = gradient_of(layers, x, labels)
        layers = [
            (weight - learning_rate * weight_bar, bias - learning_rate * bias_bar)
            for (weight, bias), (weight_bar, bias_bar) in zip(layers, gradient, strict=True)
        ]
    return layers, losses


def accuracy(layers: Layers, rng: np.random.Generator, count: int = 500) -> float:
    """Return the share of batches' samples that fall on the right side of 0.5."""
    right = [np.mean((network(layers, x) > 0.5) == (labels > 0.5)) for x, labels in batches(rng, count)]
    return float(np.mean(right))


def largest_difference(a: Layers, b: Layers) -> float:
    return max(float(np.max(np.abs(p - q))) for x, y in zip(a, b, strict=True) for p, q in zip(x, y, strict=True))


def compare(layers: Layers, x: np.ndarray, labels: np.ndarray) -> None:
    """Print how far the three gradients are apart."""
    _, ours = loss(layers, x, labels)
    _, by_hand = loss_by_hand(layers, x, labels)
    print(f"  largest difference to the gradient by hand     {largest_difference(ours, by_hand):.1e}")
    try:
        _, by_torch = loss_by_torch(layers, x, labels)
    except ImportError:
        print("  (PyTorch is not installed: not compared)")
    else:
        print(f"  largest difference to the gradient by PyTorch  {largest_difference(ours, by_torch):.1e}")


def plot(folder: Path, runs: dict[str, np.ndarray]) -> list[Path]:
    """Save the losses, averaged over 200 batches."""
    figure = new_figure()
    axes = figure.subplots()
    for name, losses in runs.items():
        means = losses[: len(losses) // 200 * 200].reshape(-1, 200).mean(axis=1)
        axes.plot(200 * np.arange(1, len(means) + 1), means, label=name)
    axes.set(xlabel="iteration", ylabel="mean squared error")
    axes.legend()
    return save({"neurons_loss": figure}, folder)


def main() -> None:
    folder = plot_folder("neurons", __doc__)
    runs = {}
    for name, sizes, iterations in (("one neuron", (4, 1), 40_000), ("4-2-1 network", (4, 2, 1), 20_000)):
        rng = np.random.default_rng(0)
        layers, losses = train(rng, initial(rng, *sizes), iterations)
        runs[name] = losses
        first, last = losses[:500].mean(), losses[-500:].mean()
        print(f"{name}: loss {first:.4f} in the first 500 batches, {last:.4f} in the last, "
              f"{accuracy(layers, rng):.1%} of samples classified rightly")  # fmt: skip
        compare(layers, *next(batches(rng, 1)))
    print(f"\nthe program that computes the gradient of the network:\n\n{loss.source}")
    if folder:
        print("saved", *plot(folder, runs))


if __name__ == "__main__":
    main()
