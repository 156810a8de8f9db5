"""A classifier with everything around it: what turns a gradient into a network that generalises.

Two interleaving half circles, noisy; a 2-32-32-1 network with ReLU and batch normalisation; Kaiming's initial weights,
mini-batches, cross entropy plus L2 regularisation, clipping of the gradient, Adam, and early stopping on samples
that the network has not seen. Run it with ``python -m examples.training``; ``--plot DIR`` also saves pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adcompile import nn, optim, value_and_grad
from examples.console import new_figure, plot_folder, progress, save

L2 = 1e-3
BATCH = 64


class Data(NamedTuple):
    points: np.ndarray
    labels: np.ndarray


def half_circles(rng: np.random.Generator, count: int, noise: float = 0.2) -> Data:
    """Draw points of two half circles, of radius 1, that reach into each other."""
    angle = np.pi * rng.random(count)
    labels = np.arange(count) % 2
    sign = 1.0 - 2.0 * labels
    points = np.stack([sign * np.cos(angle) + labels, sign * np.sin(angle) + 0.5 * labels], axis=1)
    return Data(points + noise * rng.normal(size=points.shape), labels.astype(float))


def initial(rng: np.random.Generator, sizes: tuple[int, ...] = (2, 32, 32, 1)) -> list[dict[str, np.ndarray]]:
    """Draw the weights; batch normalisation starts as the identity."""
    return [
        {
            "weight": nn.kaiming_normal(rng, (n_out, n_in), nonlinearity="relu"),
            "bias": nn.zeros((n_out,)),
            "scale": nn.ones((n_in,)),
            "shift": nn.zeros((n_in,)),
        }
        for n_in, n_out in zip(sizes, sizes[1:], strict=False)
    ]


def scores(layers, x, statistics=None):
    """Return a score for each point, positive for label 1, and what each layer's normalisation took in.

    Without statistics each batch is scaled by its own, as during training.
    """
    inputs = []
    for k, layer in enumerate(layers):
        if k > 0:
            x = nn.relu(x)
        inputs.append(x)
        if statistics is None:
            x = nn.batch_norm(x, layer["scale"], layer["shift"])
        else:
            mean, variance = statistics[k]
            x = nn.batch_norm(x, layer["scale"], layer["shift"], mean, variance)
        x = nn.linear(x, layer["weight"], layer["bias"])
    return x[:, 0], inputs


@value_and_grad(has_aux=True)
def loss(layers, points, labels):
    """Cross entropy, plus the squared weights so that none grows without need."""
    logits, inputs = scores(layers, points)
    penalty = 0.0
    for layer in layers:
        penalty += np.sum(layer["weight"] ** 2)
    return nn.binary_cross_entropy_with_logits(logits, labels) + L2 * penalty, inputs


class Epoch(NamedTuple):
    layers: list[dict[str, np.ndarray]]
    statistics: list[tuple[np.ndarray, np.ndarray]]
    training_loss: float
    validation_loss: float


def epochs(rng: np.random.Generator, training: Data, validation: Data, learning_rate: float = 5e-3) -> Iterator[Epoch]:
    """Go through the samples in mini-batches, in a new order each time, for ever."""
    layers = initial(rng)
    statistics = [(np.zeros_like(layer["shift"]), np.ones_like(layer["shift"])) for layer in layers]
    optimiser = optim.adam(learning_rate)
    state = optimiser.init(layers)
    while True:
        losses = []
        order = rng.permutation(len(training.labels))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[first : first + BATCH]
            (value, inputs), gradient = loss(layers, training.points[batch], training.labels[batch])
            gradient = optim.clip_by_global_norm(gradient, 1.0)
            layers, state = optimiser.update(layers, gradient, state)
            statistics = [nn.track(*pair, x) for pair, x in zip(statistics, inputs, strict=True)]
            losses.append(float(value))
        logits, _ = scores(layers, validation.points, statistics)
        unseen = float(nn.binary_cross_entropy_with_logits(logits, validation.labels))
        yield Epoch(layers, statistics, float(np.mean(losses)), unseen)


def train(
    rng: np.random.Generator, training: Data, validation: Data, patience: int = 10, most: int = 200
) -> list[Epoch]:
    """Stop when the loss on unseen samples has not improved for some epochs; the last one returned is the best."""
    history: list[Epoch] = []
    best = 0
    for number, epoch in enumerate(progress(epochs(rng, training, validation), "training")):
        history.append(epoch)
        if epoch.validation_loss < history[best].validation_loss:
            best = number
        if number - best >= patience or number + 1 >= most:
            break
    return history[: best + 1]


def accuracy(epoch: Epoch, data: Data) -> float:
    logits, _ = scores(epoch.layers, data.points, epoch.statistics)
    return float(np.mean((logits > 0.0) == (data.labels > 0.5)))


def plot(folder: Path, history: list[Epoch], data: Data) -> list[Path]:
    """Save the two losses over the epochs, and where the network draws the line."""
    curve, plane = new_figure(), new_figure()
    axes = curve.subplots()
    axes.plot([epoch.training_loss for epoch in history], label="training, with the penalty")
    axes.plot([epoch.validation_loss for epoch in history], label="unseen")
    axes.set(xlabel="epoch", ylabel="cross entropy")
    axes.legend()
    axes = plane.subplots()
    x, y = np.meshgrid(np.linspace(-2, 3, 100), np.linspace(-1.5, 2, 100))
    logits, _ = scores(history[-1].layers, np.stack([x.ravel(), y.ravel()], axis=1), history[-1].statistics)
    axes.contourf(x, y, nn.sigmoid(logits).reshape(x.shape), levels=20, cmap="RdBu_r", alpha=0.6)
    axes.scatter(*data.points.T, c=data.labels, cmap="RdBu_r", edgecolors="white", s=18, linewidths=0.5)
    return save({"training_loss": curve, "training_plane": plane}, folder)


def main() -> None:
    folder = plot_folder("training", __doc__)
    rng = np.random.default_rng(0)
    training, validation, test = (half_circles(rng, count) for count in (1024, 512, 512))
    history = train(rng, training, validation)
    for number, epoch in enumerate(history):
        if number % 5 == 0 or number == len(history) - 1:
            print(
                f"epoch {number + 1:3}  loss {epoch.training_loss:.4f}  on unseen samples {epoch.validation_loss:.4f}"
            )
    print(f"stopped early; {accuracy(history[-1], test):.1%} of 512 other samples are classified rightly")
    print(f"\nthe program that computes loss and gradient:\n\n{loss.source}")
    if folder:
        print("saved", *plot(folder, history, test))


if __name__ == "__main__":
    main()
