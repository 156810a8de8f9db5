"""The examples reach the numbers that are known of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, derivative, grad, graph_from_expressions, optim, value_and_grad
from examples import (
    digits,
    logistic,
    neurons,
    polynomial,
    primer,
    survey,
    temperature,
    training,
    truncation,
    valley,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def scaled() -> list[temperature.Epoch]:
    return list(temperature.train(temperature.T_UN, 1e-2, 5000))


def test_temperature_at_the_start() -> None:
    value, gradient = temperature.loss(temperature.START, temperature.T_U, temperature.T_C)
    assert value == pytest.approx(1763.8846, abs=5e-5)
    assert gradient == pytest.approx([4517.2969, 82.6], rel=2e-7)
    assert gradient.dtype == np.float32


def test_temperature_diverges_at_a_large_step() -> None:
    with np.errstate(over="ignore"):
        run = list(temperature.train(temperature.T_U, 1e-2, 11))
    assert run[0][3] == pytest.approx([-44.1730, -0.8260], abs=5e-5)
    assert run[1][1] == pytest.approx(5802485.5, rel=3e-7)
    assert run[2][1] == pytest.approx(19408035840, rel=3e-7)
    assert run[9][1] == pytest.approx(9.0901e34, rel=5e-6)
    assert run[10][1] == np.inf


def test_temperature_at_a_small_step() -> None:
    run = list(temperature.train(temperature.T_U, 1e-4, 100))
    assert run[0][3] == pytest.approx([0.5483, -0.0083], abs=5e-5)
    assert run[1][1] == pytest.approx(323.090546, rel=2e-7)
    assert run[1][2] == pytest.approx([1859.5493, 35.7843], rel=2e-6)
    assert run[2][1] == pytest.approx(78.929634, rel=2e-7)
    assert run[9][1] == pytest.approx(29.105242, rel=3e-7)
    assert run[99][1] == pytest.approx(29.022669, rel=1e-7)
    assert run[99][3] == pytest.approx([0.2327, -0.0438], abs=5e-5)


def test_temperature_with_scaled_input(scaled: list[temperature.Epoch]) -> None:
    assert scaled[0][2] == pytest.approx([-77.6140, -10.6400], abs=5e-5)
    assert scaled[0][3] == pytest.approx([1.7761, 0.1064], abs=5e-5)
    known = {1: 80.364342, 2: 37.574917, 3: 30.871077, 10: 29.030487, 100: 22.148710, 500: 7.860116, 1000: 3.828538,
             1500: 3.092191, 2000: 2.957697, 2500: 2.933134, 3000: 2.928648, 3500: 2.927830, 4000: 2.927680,
             5000: 2.927648}  # fmt: skip
    assert {k: scaled[k - 1][1] for k in known} == pytest.approx(known, rel=1e-6)
    assert scaled[99][3] == pytest.approx([2.7553, -2.5162], abs=5e-5)
    assert scaled[-1][3] == pytest.approx([5.3671, -17.3012], abs=5e-4)


def test_temperature_by_adam() -> None:
    run = list(temperature.adam(temperature.T_U, 1e-1, 2000))
    known = {500: 7.612903, 1000: 3.086700, 1500: 2.928578, 2000: 2.927646}
    assert {k: run[k - 1][1] for k in known} == pytest.approx(known, rel=2e-5)
    assert run[-1][3] == pytest.approx([0.5367, -17.3021], abs=3e-3)


def test_temperature_gradient_three_ways() -> None:
    _, gradient = temperature.loss(temperature.START, temperature.T_U, temperature.T_C)
    assert gradient == pytest.approx(temperature.gradient_by_hand(temperature.START, temperature.T_U), rel=1e-6)
    # the loss is quadratic: central differences are exact but for rounding in single precision
    assert gradient == pytest.approx(temperature.gradient_by_differences(temperature.START, temperature.T_U), rel=1e-4)


def test_temperature_pictures(tmp_path: Path, scaled: list[temperature.Epoch]) -> None:
    check_pictures(temperature.plot, tmp_path / "pictures", scaled)


def test_survey_four_ways_agree() -> None:
    ways = survey.four_ways(2.0, 5.0)
    for way, pair in ways.items():
        assert pair == pytest.approx(ways["by hand"], rel=1e-8 if way == "numeric" else 1e-15), way


def check_pictures(plot: Callable[..., list[Path]], folder: Path, *rest: Any) -> None:
    """Save pictures and look whether there is something on them; the last thing that a test does, for it may skip."""
    image = pytest.importorskip("matplotlib.image", reason="Matplotlib is not installed: no pictures")
    for path in plot(folder, *rest):
        assert np.ptp(image.imread(path)[..., :3]) > 0.5, path


def test_logistic_regression() -> None:
    weights, losses = logistic.train()
    assert losses[0] == pytest.approx(4 * np.log(2.0), rel=1e-15)
    assert losses[-1] == pytest.approx(1.067270675787, rel=1e-12)
    assert np.all(np.diff(losses) < 0.0)
    _, gradient = logistic.training_loss(weights, logistic.INPUTS, logistic.TARGETS)
    assert gradient == pytest.approx(logistic.gradient_by_hand(weights, logistic.INPUTS, logistic.TARGETS), rel=1e-12)


def test_promises_of_autograd() -> None:
    for function, *args in (
        (logistic.loop, 1.5), (logistic.branch, -2.0), (logistic.branch, 0.5), (logistic.branch, 2.0),
        (logistic.closure, 0.7), (logistic.nested, {"layers": (np.ones(2), [np.full(2, 3.0), 5.0]), "scale": 6.0}),
    ):  # fmt: skip
        check_grads(function, *args)
    check_grads(lambda x: logistic.power(x, 13), 0.9)
    x = np.linspace(-2.0, 2.0, 5)
    t = np.tanh(x)
    exact = [t, 1 - t**2, -2 * t * (1 - t**2), (1 - t**2) * (6 * t**2 - 2), (1 - t**2) * t * (16 - 24 * t**2)]
    assert np.allclose(logistic.derivatives_of_tanh(x), exact, rtol=1e-12, atol=1e-12)


def test_logistic_pictures(tmp_path: Path) -> None:
    check_pictures(logistic.plot, tmp_path, logistic.train()[1])


def test_training_stops_early_and_generalises(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seen, unseen, more = (training.half_circles(rng, count) for count in (1024, 512, 512))
    history = training.train(rng, seen, unseen, patience=3, most=30)
    assert len(history) < 30
    assert history[-1].validation_loss == min(epoch.validation_loss for epoch in history) < 0.15
    assert history[-1].training_loss < 0.6 * history[0].training_loss
    assert training.accuracy(history[-1], more) > 0.93
    points, labels = seen.points[:20], seen.labels[:20]
    check_grads(lambda layers: training.loss.primal(layers, points, labels)[0], history[-1].layers)
    check_pictures(training.plot, tmp_path, history, more)


def test_polynomial_by_hand_and_compiled_are_the_same_at_every_step(tmp_path: Path) -> None:
    start = (0.0, 0.0, 0.0, 0.0)
    by_hand, path_by_hand = polynomial.descend(polynomial.cubic_by_hand, start, 1e-6)
    losses, path = polynomial.descend(polynomial.cubic_loss, start, 1e-6)
    assert len(losses) == 2000
    assert losses == by_hand
    assert np.allclose(path, path_by_hand, rtol=1e-14, atol=1e-16)
    layer, (weight, _) = polynomial.fit_layer(1000, 3e-3)
    assert layer[-1] < 10.0
    # least squares by linear algebra: where descent leads
    best = np.polynomial.polynomial.polyfit(polynomial.X, polynomial.Y, 3)
    assert path[-1] == pytest.approx(best, abs=0.02)
    assert weight[0] == pytest.approx(best[1:], abs=0.02)
    check_pictures(polynomial.plot, tmp_path, {"descent": losses}, path[-1])


def test_legendre_polynomial_with_its_own_rule() -> None:
    losses, path = polynomial.descend(polynomial.legendre_loss, (0.0, -1.0, 0.0, 0.3), 5e-6)
    a, b, c, d = path[-1]
    assert (b, d) == pytest.approx((-2.208527, 0.255486), abs=1e-6)
    assert max(abs(a), abs(c)) < 1e-8
    assert losses[-1] == pytest.approx(8.9436, abs=1e-3)
    # the rule is the one that the compiler would find
    assert grad(polynomial.legendre)(0.7) == pytest.approx(grad(polynomial.legendre.function)(0.7), rel=1e-15)
    assert "legendre_backward" in polynomial.legendre_loss.source


def test_newtons_method_converges_quadratically() -> None:
    path = polynomial.newton(steps=8)
    best = path[-1][0]
    errors = [abs(w - best) for w, _ in path[:6]]
    assert all(after < 6.0 * before**2 for before, after in zip(errors[1:], errors[2:], strict=False))
    assert abs(derivative(polynomial.series_loss)(best)) < 1e-8


def test_initial_weights_have_their_deviation() -> None:
    expected = {"uniform(-1, 1)": 2 / 12**0.5, "normal(0, 1)": 1.0, "truncated normal in [-2, 2]": 0.8796,
                "Xavier uniform": (2 / 384) ** 0.5, "Xavier normal": (2 / 384) ** 0.5,
                "Kaiming uniform": (2 / 128) ** 0.5, "Kaiming normal": (2 / 128) ** 0.5}  # fmt: skip
    drawn = digits.initialisers()
    assert drawn.keys() == expected.keys()
    for name, weights in drawn.items():
        assert digits.standard_deviation(weights) == pytest.approx(expected[name], rel=0.02), name
        assert digits.mean(weights) == pytest.approx(0.0, abs=0.02 * expected[name] + 1e-9), name
    x = np.array([1.0, 2.0, 4.0])
    assert digits.standard_deviation(x) == pytest.approx(np.std(x, ddof=1), rel=1e-15)
    assert digits.standard_deviation(x, bessel=False) == pytest.approx(np.std(x), rel=1e-15)
    check_grads(digits.standard_deviation, x, order=2)


def test_small_network_falls_at_every_epoch() -> None:
    losses = digits.small_network()
    assert len(losses) == 10
    assert np.all(np.diff(losses) < 0.0)


def test_digits_are_recognised(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: no images")
    history = list(digits.train_classifier(epochs=3))
    assert [layer[0].shape for layer in history[0][2][::2]] == [(128, 64), (256, 128), (10, 256)]
    assert history[2][0] < 0.2 < history[0][0]
    assert history[2][1] > 0.95
    check_pictures(digits.plot, tmp_path, history)


def test_mini_batches_come_down_sooner() -> None:
    x, y = digits.wave_data()
    for start, valley_at in ((3.3, 2.0), (5.5, 4.57)):
        whole, batches = digits.descend_wave(start, 1024), digits.descend_wave(start, 64)
        assert abs(batches[-1] - valley_at) < 0.1 < abs(whole[-1] - valley_at)
    assert digits.descend_wave(3.3, 1024, 300)[-1] == pytest.approx(2.02, abs=0.01)


@pytest.mark.parametrize("sizes", [(4, 1), (4, 2, 1), (4, 5, 3, 1)])
def test_backpropagation_by_hand_by_torch_and_compiled(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    layers = neurons.initial(rng, *sizes)
    x, labels = next(neurons.batches(rng, 1))
    value, gradient = neurons.loss(layers, x, labels)
    by_hand, gradient_by_hand = neurons.loss_by_hand(layers, x, labels)
    assert value == pytest.approx(by_hand, rel=1e-15)
    assert neurons.largest_difference(gradient, gradient_by_hand) < 1e-15
    pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    assert neurons.largest_difference(gradient, neurons.loss_by_torch(layers, x, labels)[1]) < 1e-10


@pytest.mark.parametrize(("sizes", "iterations"), [((4, 1), 10_000), ((4, 2, 1), 10_000)])
def test_neurons_learn(sizes: tuple[int, ...], iterations: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layers, losses = neurons.train(rng, neurons.initial(rng, *sizes), iterations)
    assert losses[-1000:].mean() < 0.6 * losses[:300].mean()
    assert neurons.accuracy(layers, rng) > 0.8
    check_pictures(neurons.plot, tmp_path, {"loss": losses})


def test_optimisers_in_the_valley(tmp_path: Path) -> None:
    paths = {name: valley.descend(name) for name in valley.RATES}
    for name, path in paths.items():
        assert valley.valley(path[-1]) < 1e-3, name
    errors = {name: valley.descend_sparse(name) for name in valley.SPARSE_RATES}
    steps = {name: int(np.flatnonzero(error < 0.1)[0]) for name, error in errors.items()}
    assert max(steps["adagrad"], steps["adam"]) < min(steps["sgd"], steps["momentum"])
    check_pictures(valley.plot, tmp_path, paths, errors)


def test_minimisers_of_scipy_in_the_valley() -> None:
    pytest.importorskip("scipy", reason="SciPy is not installed: no minimisers")
    for method, most in (("L-BFGS-B", 60), ("Levenberg-Marquardt", 40)):
        value, evaluations = valley.minimise(method)
        assert value < 1e-12, method
        assert evaluations < most, method


def test_truncation_learns_with_the_rule(tmp_path: Path) -> None:
    layers, losses = truncation.train(truncation.learning, 1000)
    _, deaf_losses = truncation.train(truncation.deaf, 1000)
    assert truncation.accuracy(truncation.learning, layers) > 0.9
    assert losses[-50:].mean() < 0.8 * deaf_losses[-50:].mean()
    x, labels = truncation.samples(np.random.default_rng(1), 8)
    _, gradient = value_and_grad(truncation.loss)(layers, x, labels, truncation.deaf)
    assert optim.global_norm(gradient[0]) == 0.0
    check_pictures(truncation.plot, tmp_path, layers, losses)


def test_truncation_adds_its_error_to_the_gradient() -> None:
    x = np.array([1.3, -0.7, 2.0])
    cut_off = x - truncation.plainly_truncated(x)
    assert np.abs(cut_off).max() < 1 / 16
    gradient = grad(lambda x: np.sum(truncation.truncated(x) * np.array([1.0, 2.0, 3.0])))(x)
    assert gradient == pytest.approx(np.array([1.0, 2.0, 3.0]) + cut_off, rel=1e-15)


def test_primer_graph(tmp_path: Path) -> None:
    graph = graph_from_expressions(primer.EXPRESSIONS)
    assert graph.depends_on == {"xx": ["xa"], "xy": ["xa", "xx"], "xz": ["xx", "xy"], "xw": ["xx", "xz"]}
    assert graph.leads_to == {"xa": ["xx", "xy"], "xx": ["xy", "xz", "xw"], "xy": ["xz"], "xz": ["xw"]}
    assert (graph.inputs, graph.outputs) == (["xa"], ["xw"])
    assert graph.partials({"xa": primer.XA}, primer.TRUTH)["xx"]["xa"] == 2 * primer.XA == 1.7867575783791846
    assert "<svg" in graph.graph({"xa": primer.XA}, primer.TRUTH).save(tmp_path / "primer.svg").read_text()


def test_primer_learns(tmp_path: Path) -> None:
    learned, losses = primer.train(5000)
    assert np.mean(losses[-100:]) < 0.01 * np.mean(losses[:100])
    assert abs(learned["ab"] - 1.0) < abs(primer.START["ab"] - 1.0)
    check_pictures(primer.plot, tmp_path, losses)


def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "examples.survey", "--plot", str(tmp_path / "file" / "pictures")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "cannot save pictures in" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["temperature", "survey", "logistic", "polynomial"])
def test_example_runs_as_a_module(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", f"examples.{name}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "def " in done.stdout
    assert done.stderr == ""
