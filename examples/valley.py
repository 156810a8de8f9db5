"""Optimisers compared: on a long narrow valley, and on gradients of which most entries are zero.

Gradient descent, momentum, AdaGrad, RMSprop and Adam as `adcompile.optim` has them, L-BFGS and the Levenberg-Marquardt
method through SciPy. Run it with ``python -m examples.valley``; ``--plot DIR`` also saves pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adcompile import jacobian, nn, optim, value_and_grad
from examples.console import new_figure, plot_folder, progress, save

START = np.array([-1.2, 1.0])
RATES = {"sgd": 2e-3, "momentum": 1e-3, "adagrad": 1.0, "rmsprop": 1.5e-3, "adam": 2e-2}


def residuals(p):
    """Rosenbrock's valley as a sum of squares: it bends along y = x**2 down to (1, 1)."""
    return np.array([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]])


def valley(p):
    return np.sum(residuals(p) ** 2)


def descend(name: str, steps: int = 4000) -> np.ndarray:
    """Return the points that an optimiser passes through, from the usual start."""
    gradient_of, optimiser = value_and_grad(valley), getattr(optim, name)(RATES[name])
    p, path = START, [START]
    state = optimiser.init(p)
    for _ in progress(range(steps), name):
        _, gradient = gradient_of(p)
        p, state = optimiser.update(p, gradient, state)
        path.append(p)
    return np.array(path)


def minimise(method: str) -> tuple[float, int]:
    """Run a method of SciPy; return the value it ends with, and how often it evaluates the function."""
    if method == "Levenberg-Marquardt":
        found = optim.least_squares(residuals, START)
        return 2.0 * float(found.cost), found.nfev
    found = optim.minimize(valley, START, method=method, tol=1e-10)
    return float(found.fun), found.nfev


# -- sparse gradients


def sparse_samples(rng: np.random.Generator, count: int, features: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Draw samples in which feature k is there, with the value 1, with probability (k + 1)**-1.5; all weigh 1."""
    x = (rng.random((count, features)) < np.arange(1.0, features + 1.0) ** -1.5).astype(float)
    return x, x @ np.ones(features) + 0.1 * rng.normal(size=count)


@value_and_grad
def sample_loss(weights, x, y):
    return nn.mse(x @ weights, y)


SPARSE_RATES = {"sgd": 0.3, "momentum": 0.03, "adagrad": 0.6, "rmsprop": 0.02, "adam": 0.03}


def descend_sparse(name: str, steps: int = 1500, seed: int = 0) -> np.ndarray:
    """Return the mean squared error of the weights after every step; each step sees four samples."""
    rng = np.random.default_rng(seed)
    x, y = sparse_samples(rng, 4 * steps)
    optimiser = getattr(optim, name)(SPARSE_RATES[name])
    weights = np.zeros(x.shape[1])
    state, errors = optimiser.init(weights), []
    for k in progress(range(0, len(y), 4), name):
        _, gradient = sample_loss(weights, x[k : k + 4], y[k : k + 4])
        weights, state = optimiser.update(weights, gradient, state)
        errors.append(np.mean((weights - 1.0) ** 2))
    return np.array(errors)


def reached(values: np.ndarray, below: float) -> str:
    """Say after how many steps the values are small."""
    found = np.flatnonzero(values < below)
    return f"{found[0]:5} steps" if found.size else "not reached"


def plot(folder: Path, paths: dict[str, np.ndarray], errors: dict[str, np.ndarray]) -> list[Path]:
    """Save the paths through the valley, and the errors under sparse gradients."""
    ways, sparse = new_figure(), new_figure()
    axes = ways.subplots()
    x, y = np.meshgrid(np.linspace(-1.6, 1.4, 150), np.linspace(-0.4, 1.6, 150))
    axes.contour(x, y, np.log(1e-3 + (10 * (y - x**2)) ** 2 + (1 - x) ** 2), levels=25, cmap="Greys", linewidths=0.5)
    for name, path in paths.items():
        axes.plot(*path.T, label=name, linewidth=1)
    axes.set(xlabel="x", ylabel="y")
    axes.legend()
    axes = sparse.subplots()
    for name, error in errors.items():
        axes.semilogy(error, label=name, linewidth=1)
    axes.set(xlabel="step", ylabel="mean squared error of the weights")
    axes.legend()
    return save({"valley_paths": ways, "valley_sparse": sparse}, folder)


def main() -> None:
    folder = plot_folder("valley", __doc__)
    print("Rosenbrock's valley from (-1.2, 1), until it is less than 1e-3 deep")
    paths = {name: descend(name) for name in RATES}
    for name, path in paths.items():
        values = np.array([valley(p) for p in path])
        print(f"  {name:10} {reached(values, 1e-3):12}  value in the end {values[-1]:.1e}")
    for method in ("L-BFGS-B", "Newton-CG", "Levenberg-Marquardt"):
        value, evaluations = minimise(method)
        print(f"  {method:20} {evaluations:3} evaluations, value in the end {value:.1e}")
    gradient, matrix = value_and_grad(valley)(START)[1], jacobian(residuals)(START)
    print(f"its gradient {gradient} is 2 J^T eps {2 * matrix.T @ residuals(START)}")
    print("\nsparse gradients, until the mean squared error of the weights is less than 0.1")
    errors = {name: descend_sparse(name) for name in SPARSE_RATES}
    for name, error in errors.items():
        print(f"  {name:10} {reached(error, 0.1):12}  in the end {error[-1]:.4f}")
    if folder:
        print("saved", *plot(folder, paths, errors))


if __name__ == "__main__":
    main()
