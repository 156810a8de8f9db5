"""Losses and initial weights: known numbers, small networks, real images, and whole data against mini-batches.

The images are scikit-learn's digits: 1797 of 8 x 8 pixels (``pip install scikit-learn``). Run it with
``python -m examples.digits``; ``--plot DIR`` also saves pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from adcompile import nn, optim, value_and_grad
from examples.console import new_figure, plot_folder, progress, save

Layers = list[tuple[np.ndarray, ...]]


# -- statistics, written out


def mean(x):
    return np.sum(x) / x.size


def standard_deviation(x, bessel=True):
    """Divide by n - 1 for the deviation of what x is a sample of (Bessel's correction), by n for that of x itself."""
    return np.sqrt(np.sum((x - mean(x)) ** 2) / (x.size - 1 if bessel else x.size))


def initialisers(shape: tuple[int, int] = (256, 128), seed: int = 0) -> dict[str, np.ndarray]:
    """Draw weights of each kind."""
    rng = np.random.default_rng(seed)
    return {
        "uniform(-1, 1)": nn.uniform(rng, shape, -1.0, 1.0),
        "normal(0, 1)": nn.normal(rng, shape),
        "truncated normal in [-2, 2]": nn.truncated_normal(rng, shape),
        "Xavier uniform": nn.xavier_uniform(rng, shape),
        "Xavier normal": nn.xavier_normal(rng, shape),
        "Kaiming uniform": nn.kaiming_uniform(rng, shape, nonlinearity="relu"),
        "Kaiming normal": nn.kaiming_normal(rng, shape, nonlinearity="relu"),
    }


# -- networks


def two_layers(layers, x):
    return nn.sequence(x, (nn.linear, nn.sigmoid, nn.linear), layers)


@value_and_grad
def squared_error(layers, x, y):
    return nn.mse(two_layers(layers, x), y)


def small_network(epochs: int = 10, learning_rate: float = 0.01, seed: int = 0) -> list[float]:
    """Train an 8-4-1 network on 64 random samples; return the loss of every epoch."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
    layers: Layers = [
        (nn.xavier_normal(rng, (4, 8)), nn.zeros(4)),
        (),
        (nn.xavier_normal(rng, (1, 4)), nn.zeros(1)),
    ]
    losses, optimiser = [], optim.sgd(learning_rate)
    state = optimiser.init(layers)
    for _ in range(epochs):
        value, gradient = squared_error(layers, x, y)
        layers, state = optimiser.update(layers, gradient, state)
        losses.append(float(value))
    return losses


def classifier(layers, images):
    """64-128-256-10, with ReLU."""
    return nn.sequence(images, (nn.linear, nn.relu, nn.linear, nn.relu, nn.linear), layers)


@value_and_grad
def classification_loss(layers, images, digits):
    return nn.cross_entropy(classifier(layers, images), digits)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the images, one a row with pixels in [0, 1], and what they show."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.data / 16.0, found.target


def train_classifier(
    epochs: int = 10, learning_rate: float = 0.1, seed: int = 0
) -> Iterator[tuple[float, float, Layers]]:
    """Yield the loss of each epoch, the share of unseen images that are recognised after it, and the weights."""
    rng = np.random.default_rng(seed)
    images, labels = digits()
    order = rng.permutation(len(labels))
    seen, unseen = order[:1500], order[1500:]
    sizes = [(128, 64), (256, 128), (10, 256)]
    dense = [(nn.kaiming_normal(rng, s, nonlinearity="relu"), nn.zeros(s[0])) for s in sizes]
    layers: Layers = [dense[0], (), dense[1], (), dense[2]]
    optimiser = optim.momentum(learning_rate)
    state = optimiser.init(layers)
    for _ in progress(range(epochs), "digits"):
        total = 0.0
        for batch in np.array_split(rng.permutation(seen), len(seen) // 64):
            value, gradient = classification_loss(layers, images[batch], labels[batch])
            layers, state = optimiser.update(layers, gradient, state)
            total += float(value) * len(batch)
        right = np.argmax(classifier(layers, images[unseen]), axis=1) == labels[unseen]
        yield total / len(seen), float(np.mean(right)), layers


# -- all data against mini-batches, on a curve with several minima


def wave(w, x):
    """A model with one parameter: its loss has a minimum at each frequency that partly fits."""
    return np.sin(w * x)


@value_and_grad
def wave_loss(w, x, y):
    return nn.mse(wave(w, x), y)


def wave_data(seed: int = 0, count: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3.0, 3.0, count)
    return x, wave(2.0, x) + 0.5 * rng.normal(size=count)


def descend_wave(start: float, batch: int, epochs: int = 20, learning_rate: float = 0.02, seed: int = 1) -> list[float]:
    """Return the parameter after every epoch; each epoch shows every sample once, `batch` of them a step.

    Mini-batches take more steps an epoch, in directions that are right on average: they come down sooner, and then
    stray about the minimum. Neither leaves a valley as deep as the second one of this curve.
    """
    rng = np.random.default_rng(seed)
    x, y = wave_data()
    w, path = start, [start]
    for _ in range(epochs):
        for chosen in np.array_split(rng.permutation(x.size), x.size // batch):
            _, gradient = wave_loss(w, x[chosen], y[chosen])
            w = float(w - learning_rate * gradient)
        path.append(w)
    return path


def plot(folder: Path, history: list[tuple[float, float, Layers]]) -> list[Path]:
    """Save the training, some images with the network's answers, and the two descents on the curve."""
    curve, shown, waves = new_figure(), new_figure(6, 2.8), new_figure()
    left = curve.subplots()
    left.plot([loss for loss, _, _ in history], color="tab:blue")
    left.set(xlabel="epoch", ylabel="cross entropy")
    right = left.twinx()
    right.plot([share for _, share, _ in history], color="tab:orange")
    right.set(ylabel="unseen images recognised")
    images, labels = digits()
    answers = np.argmax(classifier(history[-1][2], images[-24:]), axis=1)
    for axes, image, answer in zip(shown.subplots(3, 8).flat, images[-24:], answers, strict=True):
        axes.imshow(image.reshape(8, 8), cmap="gray_r")
        axes.set_title(str(answer), fontsize=8)
        axes.set_axis_off()
    axes = waves.subplots()
    w = np.linspace(0.0, 8.0, 300)
    axes.plot(w, [wave_loss.primal(v, *wave_data()) for v in w], color="gray")
    for start, batch, style in ((3.3, 1024, "o"), (3.3, 64, "."), (5.5, 1024, "o"), (5.5, 64, ".")):
        path = descend_wave(start, batch)
        losses = [wave_loss.primal(v, *wave_data()) for v in path]
        axes.plot(path, losses, style, label=f"{batch} samples a step, from {start}")
    axes.set(xlabel="w", ylabel="loss")
    axes.legend()
    return save({"digits_training": curve, "digits_images": shown, "wave_minima": waves}, folder)


def main() -> None:
    folder = plot_folder("digits", __doc__)
    value, gradient = value_and_grad(nn.mse)(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    print(f"mean squared error {value:.4f}, gradient {gradient}")
    value, gradient = value_and_grad(nn.cross_entropy)(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    print(
        f"cross entropy {value:.4f}, gradient {np.round(gradient, 4)}\n\ninitial weights of 128 inputs and 256 outputs"
    )
    for name, weights in initialisers().items():
        print(f"  {name:28} mean {mean(weights):8.5f}, standard deviation {standard_deviation(weights):.5f}")
    print("\nan 8-4-1 network on 64 random samples:", " ".join(f"{loss:.4f}" for loss in small_network()))
    history = list(train_classifier())
    for epoch, (loss, right, _) in enumerate(history, 1):
        print(f"digits, epoch {epoch:2}: loss {loss:.4f}, {right:.1%} of unseen images recognised")
    print(f"\nthe program that computes its gradient:\n\n{classification_loss.source}")
    for start, batch in ((3.3, 1024), (3.3, 64), (5.5, 1024), (5.5, 64)):
        w = descend_wave(start, batch)[-1]
        value = wave_loss.primal(w, *wave_data())
        print(f"sin(w x) from w = {start}, {batch:4} samples a step: w = {w:.4f}, loss {value:.4f} after 20 epochs")
    if folder:
        print("saved", *plot(folder, history))


if __name__ == "__main__":
    main()
