"""adcompile.nn: known numbers, derivatives, distributions, and PyTorch's values where it is installed."""

from __future__ import annotations

import doctest
import math
from typing import Any

import numpy as np
import pytest

from adcompile import ArgumentError, check_grads, grad, nn, value_and_grad

RNG = np.random.default_rng(7)
X = RNG.normal(size=(6, 4))
WEIGHT, BIAS = RNG.normal(size=(3, 4)), RNG.normal(size=3)
CLASSES = np.array([0, 2, 1, 1, 0, 2])
SOFT = RNG.random((6, 4))
BINARY = (X > 0.2).astype(float)
ACTIVATIONS = ["relu", "leaky_relu", "sigmoid", "tanh", "softplus", "softmax", "log_softmax"]


def test_the_example_in_the_docstring() -> None:
    result = doctest.testmod(nn)
    assert result.attempted > 0 and result.failed == 0


def torch_or_skip() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def test_losses_reach_the_known_numbers() -> None:
    logits, target = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    value, gradient = value_and_grad(nn.mse)(logits, target)
    assert value == 9.0
    assert gradient.tolist() == [-2.0, -2.0, -2.0]
    value, gradient = value_and_grad(nn.cross_entropy)(logits, target)
    assert value == pytest.approx(19.1141, abs=5e-5)
    assert gradient == pytest.approx([-2.6495, -1.3291, 3.9786], abs=5e-5)
    assert nn.l1(logits, target, "sum") == 9.0
    assert nn.cross_entropy(logits, np.array(2)) == pytest.approx(math.log(1 + math.exp(-1) + math.exp(-2)), rel=1e-15)


LOSSES = {
    "mse": lambda x, weight: nn.mse(x, SOFT),
    "l1": lambda x, weight: nn.l1(x, SOFT, "sum"),
    "cross_entropy of classes": lambda x, weight: nn.cross_entropy(x, CLASSES),
    "cross_entropy of classes, weighted": lambda x, weight: nn.cross_entropy(x, CLASSES, weight),
    "cross_entropy of classes, weighted sum": lambda x, weight: nn.cross_entropy(x, CLASSES, weight, "sum"),
    "cross_entropy of soft targets": lambda x, weight: nn.cross_entropy(x, SOFT, weight),
    "cross_entropy of one sample": lambda x, weight: nn.cross_entropy(x[0], 2, weight, "sum"),
    "nll": lambda x, weight: nn.nll(np.log(nn.softmax(x)), CLASSES, reduction="sum"),
    "binary_cross_entropy": lambda x, weight: nn.binary_cross_entropy(nn.sigmoid(x), BINARY),
    "binary_cross_entropy_with_logits": lambda x, weight: nn.binary_cross_entropy_with_logits(x, BINARY, "sum"),
    "batch_norm": lambda x, weight: np.sum(nn.batch_norm(x, weight, x[0]) ** 2 * SOFT),
    "batch_norm of given statistics": lambda x, weight: np.sum(nn.batch_norm(x, weight, x[0], x[1], x[2] ** 2) ** 2),
    "dropout": lambda x, weight: np.sum(nn.dropout(x, SOFT, 0.3) ** 2),
    "linear": lambda x, weight: np.sum(nn.linear(x.reshape(2, 3, 4), WEIGHT, BIAS) ** 2),
    "linear without bias": lambda x, weight: np.sum(nn.linear(x[0], WEIGHT) ** 2),
    "no reduction": lambda x, weight: np.sum(nn.mse(x, weight, "none")[1:] ** 2),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_layers_have_right_derivatives(name: str) -> None:
    check_grads(LOSSES[name], X, np.array([0.5, 1.0, 2.0, 0.7]), order=1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_right_derivatives(name: str) -> None:
    activation = getattr(nn, name)
    check_grads(lambda x: np.sum(activation(x) * SOFT), X, order=2)
    check_grads(lambda x: activation(x), X[0])


@pytest.mark.parametrize("name", [*ACTIVATIONS, "linear", "mse", "cross_entropy", "batch_norm"])
def test_single_precision_stays(name: str) -> None:
    x = X.astype(np.float32)
    more = {
        "linear": (WEIGHT.astype(np.float32),),
        "mse": (x + 1,),
        "cross_entropy": (CLASSES,),
        "batch_norm": (x[0], x[1]),
    }
    function = getattr(nn, name)
    assert function(x, *more.get(name, ())).dtype == np.float32
    assert grad(lambda x, *rest: np.sum(function(x, *rest)))(x, *more.get(name, ())).dtype == np.float32


def test_activations_far_out() -> None:
    x = np.array([-1e4, -800.0, -40.0, 0.0, 40.0, 800.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        assert nn.sigmoid(x) == pytest.approx([0, 0, math.exp(-40.0), 0.5, 1, 1, 1], rel=1e-15)
        slopes = grad(lambda x: np.sum(nn.sigmoid(x)))(x)
        assert slopes == pytest.approx([0, 0, math.exp(-40.0), 0.25, 0, 0, 0], rel=1e-15, abs=1e-17)
        assert nn.softplus(x)[-1] == 1e4
        assert nn.softmax(x)[-1] == 1.0
        assert grad(lambda x: nn.cross_entropy(x, 6))(x).tolist() == [0.0] * 7
        assert grad(lambda x: nn.binary_cross_entropy_with_logits(x, (x > 0) * 1.0, "sum"))(x)[3] == 0.5
    assert np.isnan(nn.relu(np.array([np.nan])))[0]
    assert grad(lambda p: nn.binary_cross_entropy(p, np.array([0.0, 1.0])))(np.array([0.0, 1.0])).tolist() == [
        0.5,
        -0.5,
    ]
    assert nn.binary_cross_entropy(np.array([1.0]), np.array([0.0])) == pytest.approx(100.0, rel=1e-2)


def test_an_unknown_reduction_is_an_error() -> None:
    with pytest.raises(ValueError, match='reduction must be "mean", "sum" or "none"'):
        nn.mse(X, SOFT, "average")
    with pytest.raises(ArgumentError, match=r"mse returns a float64 array of shape \(6, 4\)"):
        grad(nn.mse)(X, SOFT, "none")


def test_sequence_applies_each_layer_with_its_parameters() -> None:
    layers = (nn.linear, nn.relu, nn.linear, nn.sigmoid)
    parameters = [(WEIGHT, BIAS), (), (WEIGHT.T, X[0]), ()]
    by_hand = nn.sigmoid(np.maximum(X @ WEIGHT.T + BIAS, 0.0) @ WEIGHT + X[0])
    assert np.array_equal(nn.sequence(X, layers, parameters), by_hand)
    check_grads(lambda parameters, x: nn.mse(nn.sequence(x, layers, parameters), SOFT), parameters, X)
    with pytest.raises(ValueError):
        nn.sequence(X, layers, parameters[:2])


def test_dropout_keeps_the_mean() -> None:
    rng = np.random.default_rng(1)
    ones = np.ones((300, 300))
    dropped = nn.dropout(ones, rng.random(ones.shape), 0.2)
    assert set(np.unique(dropped)) == {0.0, 1.25}
    assert dropped.mean() == pytest.approx(1.0, abs=0.01)
    assert np.array_equal(nn.dropout(ones, rng.random(ones.shape), 0.0), ones)


def test_dropout_draws_inside_the_function() -> None:
    def noisy(x, rng):
        return np.sum(nn.dropout(x, rng.random(x.shape), 0.5) ** 2)

    value, gradient = value_and_grad(noisy)(X, np.random.default_rng(2))
    assert value == noisy(X, np.random.default_rng(2))
    assert np.array_equal(gradient, np.where(np.random.default_rng(2).random(X.shape) >= 0.5, 8.0 * X, 0.0))


SHAPE = (300, 200)
BOUND = {
    "uniform": (lambda rng: nn.uniform(rng, SHAPE, -1.0, 3.0), 1.0, 4.0 / math.sqrt(12)),
    "normal": (lambda rng: nn.normal(rng, SHAPE, 2.0, 0.5), 2.0, 0.5),
    "truncated_normal": (lambda rng: nn.truncated_normal(rng, SHAPE), 0.0, 0.879626),
    "xavier_uniform": (lambda rng: nn.xavier_uniform(rng, SHAPE, 2.0), 0.0, 2.0 * math.sqrt(6 / 500) / math.sqrt(3)),
    "xavier_normal": (lambda rng: nn.xavier_normal(rng, SHAPE, 2.0), 0.0, 2.0 * math.sqrt(2 / 500)),
    "kaiming_uniform": (lambda rng: nn.kaiming_uniform(rng, SHAPE), 0.0, math.sqrt(2) / math.sqrt(200)),
    "kaiming_normal": (
        lambda rng: nn.kaiming_normal(rng, SHAPE, mode="fan_out", nonlinearity="tanh"), 0.0, 5 / 3 / math.sqrt(300),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUND)
def test_initialisers_have_their_moments(name: str) -> None:
    draw, mean, std = BOUND[name]
    weights = draw(np.random.default_rng(3))
    assert weights.shape == SHAPE
    assert weights.mean() == pytest.approx(mean, abs=4.5 * std / math.sqrt(weights.size))
    assert weights.std() == pytest.approx(std, rel=0.015)
    assert np.array_equal(weights, draw(np.random.default_rng(3)))
    if "uniform" in name:
        assert np.abs(weights - mean).max() <= std * math.sqrt(3)
    if name == "truncated_normal":
        assert np.abs(weights).max() <= 2.0


def test_initialisers_refuse_nonsense() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least two axes"):
        nn.xavier_normal(rng, (3,))
    with pytest.raises(ValueError, match="'cubic'"):
        nn.gain("cubic")
    with pytest.raises(ValueError, match="fan_in"):
        nn.kaiming_normal(rng, (3, 4), mode="fan")
    with pytest.raises(ValueError, match="standard deviations"):
        nn.truncated_normal(rng, (3,), a=100.0, b=101.0)
    assert nn.fans((16, 8, 3, 5)) == (8 * 15, 16 * 15)
    assert (nn.ones((2, 3)) + nn.zeros((2, 3)) + nn.constant((2, 3), 2.0)).tolist() == [[3.0] * 3] * 2


def test_fans_and_gains_are_pytorchs() -> None:
    torch = torch_or_skip()
    for name in ("linear", "sigmoid", "tanh", "relu", "selu"):
        assert nn.gain(name) == torch.nn.init.calculate_gain(name)
    assert nn.gain("leaky_relu", 0.2) == torch.nn.init.calculate_gain("leaky_relu", 0.2)
    weights = torch.empty(16, 8, 3, 5)
    assert nn.fans(weights.shape) == torch.nn.init._calculate_fan_in_and_fan_out(weights)


@pytest.mark.parametrize("name", [*LOSSES, *ACTIVATIONS])
def test_values_and_gradients_are_pytorchs(name: str) -> None:
    """Single precision would hide a different formula: everything is compared in double precision."""
    torch = torch_or_skip()
    functional = torch.nn.functional
    t = torch.from_numpy
    soft, classes, binary, weight = t(SOFT), t(CLASSES), t(BINARY), t(np.array([0.5, 1.0, 2.0, 0.7]))
    theirs = {
        "mse": lambda x: functional.mse_loss(x, soft),
        "l1": lambda x: functional.l1_loss(x, soft, reduction="sum"),
        "cross_entropy of classes": lambda x: functional.cross_entropy(x, classes),
        "cross_entropy of classes, weighted": lambda x: functional.cross_entropy(x, classes, weight),
        "cross_entropy of classes, weighted sum": lambda x: functional.cross_entropy(
            x, classes, weight, reduction="sum"
        ),
        "cross_entropy of soft targets": lambda x: functional.cross_entropy(x, soft, weight),
        "cross_entropy of one sample": lambda x: functional.cross_entropy(x[0], classes[1], weight, reduction="sum"),
        "nll": lambda x: functional.nll_loss(functional.softmax(x, -1).log(), classes, reduction="sum"),
        "binary_cross_entropy": lambda x: functional.binary_cross_entropy(x.sigmoid(), binary),
        "binary_cross_entropy_with_logits": lambda x: functional.binary_cross_entropy_with_logits(
            x, binary, reduction="sum"
        ),
        "batch_norm": lambda x: (functional.batch_norm(x, None, None, weight, x[0], True) ** 2 * soft).sum(),
        "batch_norm of given statistics": lambda x: (
            functional.batch_norm(x, x[1].detach(), x[2].detach() ** 2, weight, x[0]) ** 2
        ).sum(),
        "linear": lambda x: (functional.linear(x.reshape(2, 3, 4), t(WEIGHT), t(BIAS)) ** 2).sum(),
        "linear without bias": lambda x: (functional.linear(x[0], t(WEIGHT)) ** 2).sum(),
    }
    if name in ACTIVATIONS:
        options = {"dim": -1} if "softmax" in name else {}
        activation, reference = getattr(nn, name), getattr(functional, name)
        ours = lambda x, weight: np.sum(activation(x) * SOFT)  # noqa: E731
        expected = lambda x: (reference(x, **options) * soft).sum()  # noqa: E731
    elif name in theirs:
        ours, expected = LOSSES[name], theirs[name]
    else:
        pytest.skip(f"PyTorch has no counterpart of {name}")
    if name == "batch_norm of given statistics":  # in PyTorch these are not differentiated
        mean, variance = X[1].copy(), X[2] ** 2
        ours = lambda x, weight: np.sum(nn.batch_norm(x, weight, x[0], mean, variance) ** 2)  # noqa: E731
    x = X.copy()
    x[0, 0] = 0.0 if name != "l1" else x[0, 0]
    there = torch.tensor(x, requires_grad=True)
    value = expected(there)
    value.backward()
    mine, gradient = value_and_grad(ours)(x, weight.numpy())
    assert mine == pytest.approx(value.item(), rel=1e-13)
    assert gradient == pytest.approx(there.grad.numpy(), rel=1e-11, abs=1e-13)


def test_running_statistics_are_pytorchs() -> None:
    torch = torch_or_skip()
    layer = torch.nn.BatchNorm1d(4, dtype=torch.float64)
    mean, variance = np.zeros(4), np.ones(4)
    for k in range(3):
        batch = X * (k + 1.0)
        layer(torch.from_numpy(batch))
        mean, variance = nn.track(mean, variance, batch)
    assert mean == pytest.approx(layer.running_mean.numpy(), rel=1e-13)
    assert variance == pytest.approx(layer.running_var.numpy(), rel=1e-13)
