"""Which linear model turns an unknown thermometer's reading into degrees Celsius?

Run it with ``python -m examples.temperature``; ``--plot DIR`` also saves pictures (needs matplotlib). The numbers are
computed in single precision, as in the lecture notes that they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from adcompile import value_and_grad
from examples.console import new_figure, plot_folder, save

T_C = np.array([0.5, 14.0, 15.0, 28.0, 11.0, 8.0, 3.0, -4.0, 6.0, 13.0, 21.0], np.float32)
T_U = np.array([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4], np.float32)
T_UN = np.float32(0.1) * T_U  # scaled, so that the gradients of w and b are of one size
START = np.array([1.0, 0.0], np.float32)

Epoch = tuple[int, float, np.ndarray, np.ndarray]


@value_and_grad
def loss(params, t_u, t_c):
    w, b = params
    t_p = w * t_u + b
    return np.mean((t_p - t_c) ** 2)


def train(t_u: np.ndarray, learning_rate: float, epochs: int) -> Iterator[Epoch]:
    """Descend from w = 1, b = 0; yield epoch, loss and gradient before the step, and parameters after it."""
    params = START
    for epoch in range(1, epochs + 1):
        value, gradient = loss(params, t_u, T_C)
        params = params - learning_rate * gradient
        yield epoch, float(value), gradient, params


def adam(t_u: np.ndarray, learning_rate: float, epochs: int) -> Iterator[Epoch]:
    """The same by Adam (Kingma and Ba, 2014) with its usual constants."""
    params, m, v = START, np.zeros_like(START), np.zeros_like(START)
    for epoch in range(1, epochs + 1):
        value, gradient = loss(params, t_u, T_C)
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        step = (m / (1 - 0.9**epoch)) / (np.sqrt(v / (1 - 0.999**epoch)) + 1e-8)
        params = params - learning_rate * step
        yield epoch, float(value), gradient, params


def gradient_by_hand(params: np.ndarray, t_u: np.ndarray) -> np.ndarray:
    """Multiply dloss/dt_p by dt_p/dw and dt_p/db, and sum."""
    w, b = params
    dloss_dt_p = 2.0 * (w * t_u + b - T_C) / t_u.size
    return np.array([np.sum(dloss_dt_p * t_u), np.sum(dloss_dt_p)])


def gradient_by_differences(params: np.ndarray, t_u: np.ndarray, delta: float = 0.1) -> np.ndarray:
    """Move each parameter by delta, both ways."""

    def value(w: float, b: float) -> float:
        return float(loss.primal(np.array([w, b], params.dtype), t_u, T_C))

    w, b = map(float, params)
    return np.array(
        [
            (value(w + delta, b) - value(w - delta, b)) / (2.0 * delta),
            (value(w, b + delta) - value(w, b - delta)) / (2.0 * delta),
        ]
    )


def show(title: str, epochs: Iterable[Epoch], at: Iterable[int]) -> list[Epoch]:
    """Print some epochs of a run; return all of them."""
    print(f"\n{title}\n{'epoch':>6} {'loss':>16}   {'gradient of w, b':>26}   {'w, b after the step':>22}")
    history, chosen = [], set(at)
    for entry in epochs:
        history.append(entry)
        epoch, value, gradient, params = entry
        if epoch in chosen:
            number = f"{value:.6f}" if value < 1e8 else f"{value:.5g}"
            pairs = [f"({p:.4f}, {q:.4f})" if abs(p) < 1e6 else f"({p:.4g}, {q:.4g})" for p, q in (gradient, params)]
            print(f"{epoch:6} {number:>16}   {pairs[0]:>26}   {pairs[1]:>22}")
    return history


def plot(folder: Path, history: list[Epoch]) -> list[Path]:
    """Save the data with the fitted line, and the loss over the epochs."""
    w, b = history[-1][3]
    fit, curve = new_figure(), new_figure()
    axes = fit.subplots()
    axes.plot(T_U, w * T_UN + b, color="tab:orange", label=f"{0.1 * w:.3f} t_u {b:+.2f}")
    axes.plot(T_U, T_C, "o", label="measured")
    axes.set(xlabel="reading of the unknown thermometer", ylabel="degrees Celsius")
    axes.legend()
    axes = curve.subplots()
    axes.loglog([e[0] for e in history], [e[1] for e in history])
    axes.set(xlabel="epoch", ylabel="mean squared error")
    return save({"temperature_fit": fit, "temperature_loss": curve}, folder)


def main() -> None:
    folder = plot_folder("temperature", __doc__)
    value, gradient = loss(START, T_U, T_C)
    print(f"loss at w = 1, b = 0: {value:.4f}\nits gradient, three ways:")
    print("  adcompile            ", gradient)
    print("  by hand              ", gradient_by_hand(START, T_U))
    print("  central differences  ", gradient_by_differences(START, T_U))
    print(f"\nthe program that computes loss and gradient:\n\n{loss.source}")

    with np.errstate(over="ignore"):
        show("learning rate 1e-2: diverges", train(T_U, 1e-2, 11), (1, 2, 3, 10, 11))
    show("learning rate 1e-4: b hardly moves", train(T_U, 1e-4, 100), (1, 2, 3, 10, 100))
    every_500 = (1, 2, 3, 10, 100, *range(500, 5001, 500))
    history = show("input scaled by 0.1, learning rate 1e-2", train(T_UN, 1e-2, 5000), every_500)
    show("Adam on the unscaled input, learning rate 1e-1", adam(T_U, 1e-1, 2000), (500, 1000, 1500, 2000))
    w, b = history[-1][3]
    print(f"\nt_c = {0.1 * w:.4f} * t_u {b:+.4f}")
    if folder:
        print("saved", *plot(folder, history))


if __name__ == "__main__":
    main()
