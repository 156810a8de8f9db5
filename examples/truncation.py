"""A network that computes with integers: a function that truncates, and a backward rule that lets it learn.

"Extending the gradient": the hidden layer of a 2-10-2 ReLU network is truncated to 16-bit integers, which count
sixteenths. The derivative of truncation is zero almost everywhere, so that nothing before it would learn. The rule
passes the gradient on instead and adds the truncation error, as if half its square were part of the loss. The data are
two Gaussians about (3, 3) and (5, 5). Run it with ``python -m examples.truncation``; ``--plot DIR`` saves pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adcompile import custom_vjp, nn, optim, value_and_grad
from examples.console import new_figure, plot_folder, progress, save

Layers = list[tuple[np.ndarray, ...]]


UNIT = 16.0  # integers count sixteenths


def plainly_truncated(x):
    return (UNIT * x).astype(np.int16) / UNIT


@custom_vjp
def truncated(x):
    """Drop what is less than a sixteenth."""
    return plainly_truncated(x)


def truncated_forward(x):
    """Return the value, and save what is cut off."""
    value = plainly_truncated(x)
    return value, x - value


def truncated_backward(cut_off, value_bar):
    return (value_bar + cut_off,)


truncated.defvjp(truncated_forward, truncated_backward)


def learning(layers, x):
    return nn.sequence(x, (nn.linear, nn.relu, truncated, nn.linear), layers)


def deaf(layers, x):
    """The same without the rule: the first layer learns nothing."""
    return nn.sequence(x, (nn.linear, nn.relu, plainly_truncated, nn.linear), layers)


def loss(layers, x, labels, network):
    return nn.cross_entropy(network(layers, x), labels, None, "sum")


def samples(rng: np.random.Generator, count: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Draw from the two Gaussians, of standard deviation 1, in equal parts."""
    labels = np.arange(count) % 2
    return rng.normal(size=(count, 2)) + np.where(labels[:, None] == 0, 3.0, 5.0), labels


def initial(rng: np.random.Generator) -> Layers:
    first = nn.kaiming_normal(rng, (10, 2), nonlinearity="relu"), nn.zeros(10)
    return [first, (), (), (nn.xavier_normal(rng, (2, 10)), nn.zeros(2))]


def train(network, steps: int = 1500, learning_rate: float = 1e-3, seed: int = 0) -> tuple[Layers, np.ndarray]:
    """Return the trained layers and the loss of every batch of 32, summed over the batch."""
    rng = np.random.default_rng(seed)
    x, labels = samples(rng)
    layers, gradient_of, optimiser = initial(rng), value_and_grad(loss), optim.sgd(learning_rate)
    state, losses = optimiser.init(layers), np.empty(steps)
    for k in progress(range(steps), "training"):
        batch = rng.integers(0, len(labels), 32)
        losses[k], gradient = gradient_of(layers, x[batch], labels[batch], network)
        layers, state = optimiser.update(layers, gradient, state)
    return layers, losses


def accuracy(network, layers: Layers, seed: int = 1) -> float:
    x, labels = samples(np.random.default_rng(seed))
    return float(np.mean(np.argmax(network(layers, x), axis=1) == labels))


def plot(folder: Path, layers: Layers, losses: np.ndarray) -> list[Path]:
    """Save the loss, and the plane as the network sees it: in steps."""
    descent, plane = new_figure(), new_figure(5, 5)
    axes = descent.subplots()
    axes.plot(np.convolve(losses, np.full(25, 1 / 25), mode="valid"))
    axes.set(xlabel="step", ylabel="cross entropy of a batch, averaged over 25")
    axes = plane.subplots()
    grid = np.stack(np.meshgrid(np.linspace(0, 8, 200), np.linspace(0, 8, 200)), axis=-1).reshape(-1, 2)
    shade = nn.softmax(learning(layers, grid))[:, 1].reshape(200, 200)
    axes.imshow(shade, origin="lower", extent=(0, 8, 0, 8), cmap="RdBu_r", vmin=0, vmax=1, alpha=0.7)
    x, labels = samples(np.random.default_rng(1), 200)
    axes.scatter(*x.T, c=labels, cmap="RdBu_r", edgecolors="white", s=18, linewidths=0.5)
    return save({"truncation_loss": descent, "truncation_plane": plane}, folder)


def main() -> None:
    folder = plot_folder("truncation", __doc__)
    layers, losses = train(learning)
    print(f"with the rule:    loss {losses[:50].mean():.4f} -> {losses[-50:].mean():.4f}, "
          f"{accuracy(learning, layers):.1%} of other samples classified rightly")  # fmt: skip
    others, other_losses = train(deaf)
    print(f"without the rule: loss {other_losses[:50].mean():.4f} -> {other_losses[-50:].mean():.4f}, "
          f"{accuracy(deaf, others):.1%} of other samples classified rightly")  # fmt: skip
    x, labels = samples(np.random.default_rng(1), 8)
    for network in (learning, deaf):
        gradient = value_and_grad(loss)(layers, x, labels, network)[1]
        print(f"gradient of the first layer, {network.__name__}: norm {optim.global_norm(gradient[0]):.4f}")
    program = value_and_grad(loss)
    print(f"\nthe program with the user's rule in it:\n\n{program.source_for(layers, x, labels, learning)}")
    if folder:
        print("saved", *plot(folder, layers, losses))


if __name__ == "__main__":
    main()
