"""adcompile.optim: every optimiser takes the steps of its equations and, where it is installed, of PyTorch."""

from __future__ import annotations

import dataclasses
import doctest
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from adcompile import ArgumentError, grad, optim, value_and_grad
from adcompile.optim import minimisers

START = {"w": [np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([0.3, -0.1])], "b": 0.7, "note": None}
OPTIMISERS = ["sgd", "momentum", "adagrad", "rmsprop", "adam"]


@pytest.mark.parametrize("module", [optim, minimisers], ids=lambda m: m.__name__)
def test_the_examples_in_docstrings(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0


def bowl(p):
    return np.sum(np.cosh(p["w"][0])) + np.sum(p["w"][1] ** 4) + 3.0 * p["b"] ** 2


def run(optimiser: optim.Optimiser, parameters: Any, steps: int, gradient: Any = None) -> Any:
    gradient = gradient or grad(bowl)
    state = optimiser.init(parameters)
    for _ in range(steps):
        parameters, state = optimiser.update(parameters, gradient(parameters), state)
    return parameters


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_descends_and_keeps_structure(name: str) -> None:
    before = str(START)
    after = run(getattr(optim, name)(learning_rate=0.01), START, 100)
    assert bowl(after) < 0.9 * bowl(START)
    assert str(START) == before
    assert type(after["b"]) is float
    assert after["note"] is None
    assert list(after) == list(START)
    assert after["w"][0].shape == (2, 2)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_precision_and_kind_of_each_leaf_stay(name: str) -> None:
    parameters = (np.float32(1.5), np.array([1.0, 2.0], np.float32), np.array(2.0), np.array(2.0, np.float32))
    square = grad(lambda p: p[0] ** 2 + np.sum(p[1] ** 2) + p[2] ** 2 + p[3] ** 2)
    after = run(getattr(optim, name)(), parameters, 3, square)
    for old, new in zip(parameters, after, strict=True):
        assert type(new) is type(old)
        assert new.dtype == old.dtype
        assert np.all(new < old)


def test_the_first_steps_follow_the_equations() -> None:
    gradient, p, rate = 4.0, 1.0, 0.1
    first = {
        "sgd": p - rate * gradient,
        "momentum": p - rate * gradient,
        "adagrad": p - rate,
        "rmsprop": p - rate / np.sqrt(0.01),
        "adam": p - rate,
    }
    for name, expected in first.items():
        assert run(getattr(optim, name)(learning_rate=rate), p, 1, lambda _: gradient) == pytest.approx(
            expected, abs=1e-7
        )
    assert run(optim.momentum(rate, 0.5), p, 2, lambda _: gradient) == pytest.approx(p - rate * 4.0 - rate * 6.0)


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("defaults", [True, False])
def test_steps_are_pytorchs(name: str, defaults: bool) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    theirs = {"sgd": "SGD", "momentum": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop", "adam": "Adam"}[name]
    ours: dict[str, Any] = {} if defaults else {"learning_rate": 0.03}
    if not defaults:
        ours |= {"momentum": {"gamma": 0.7}, "rmsprop": {"alpha": 0.9, "eps": 1e-3}, "adagrad": {"eps": 1e-2},
                 "adam": {"betas": (0.8, 0.95), "eps": 1e-4}}.get(name, {})  # fmt: skip
    options = {{"learning_rate": "lr", "gamma": "momentum"}.get(k, k): v for k, v in ours.items()}
    if name == "momentum":
        options.setdefault("momentum", 0.9)
    there = torch.tensor(START["w"][0], requires_grad=True)
    optimiser = getattr(torch.optim, theirs)([there], **options)
    mine, step = START["w"][0], getattr(optim, name)(**ours)
    state = step.init(mine)
    for _ in range(40):
        optimiser.zero_grad()
        torch.cosh(there).sum().backward()
        optimiser.step()
        mine, state = step.update(mine, np.sinh(mine), state)
        assert mine == pytest.approx(there.detach().numpy(), rel=1e-12)


def test_clipping() -> None:
    gradient = {"a": np.array([3.0, -4.0]), "b": (12.0, np.float32(0.5))}
    clipped = optim.clip_by_value(gradient, 3.5)
    assert clipped["a"].tolist() == [3.0, -3.5]
    assert clipped["b"] == (3.5, 0.5)
    assert [type(leaf) for leaf in clipped["b"]] == [float, np.float32]
    assert optim.global_norm({"a": np.array([3.0, 4.0]), "b": 12.0}) == 13.0
    small = optim.clip_by_global_norm(gradient, 1.0)
    assert optim.global_norm(small) == pytest.approx(1.0, rel=1e-6)
    assert small["a"][0] / small["b"][0] == pytest.approx(0.25)
    assert optim.clip_by_global_norm(gradient, 100.0)["a"].tolist() == [3.0, -4.0]


def test_clipping_is_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    gradients = [np.array([3.0, -4.0]), np.array([[1.0, 2.0]])]
    for limit in (1.0, 100.0):
        parameters = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in gradients]
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = torch.tensor(g)
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        assert optim.global_norm(gradients) == pytest.approx(norm.item(), rel=1e-15)
        for ours, theirs in zip(optim.clip_by_global_norm(gradients, limit), parameters, strict=True):
            assert ours == pytest.approx(theirs.grad.numpy(), rel=1e-13)


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass
class Layer:
    weight: Any
    name: str = "layer"


def test_any_container_can_be_stepped() -> None:
    parameters = Pair(Layer(np.ones(3)), [{}, (), 2.0, True])
    gradient = Pair(Layer(np.full(3, 2.0)), [{}, (), 1.0, None])
    optimiser = optim.adam(0.5)
    after, _ = optimiser.update(parameters, gradient, optimiser.init(parameters))
    assert after.first.weight == pytest.approx(np.full(3, 0.5))
    assert after.first.name == "layer"
    assert after.second == [{}, (), pytest.approx(1.5), True]
    assert [np.size(leaf) for leaf in optim.leaves(parameters)] == [3, 1]


def test_a_gradient_of_another_structure_is_refused() -> None:
    optimiser = optim.sgd()
    state = optimiser.init(START)
    with pytest.raises(ArgumentError, match=r"parameters\['w'\] must be built like it: list with \[0\], \[1\]"):
        optimiser.update(START, START | {"w": START["w"][:1]}, state)
    with pytest.raises(ArgumentError, match=r"parameters\['w'\]\[1\] has the shape \(2,\), but .* \(3,\)"):
        optimiser.update(START, START | {"w": [START["w"][0], np.ones(3)]}, state)


# -- SciPy


def valley(p, a, steepness):
    return (a - p["x"]) ** 2 + steepness * np.sum((p["y"] - p["x"] ** 2) ** 2)


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG", "Newton-CG", "trust-ncg", "trust-krylov"])
@pytest.mark.parametrize("loss", [valley, value_and_grad(valley)], ids=["function", "derivative"])
def test_minimize(method: str, loss: Any) -> None:
    start = {"x": -1.2, "y": np.array([1.0, 2.0])}
    found = optim.minimize(loss, start, (1.0, 100), method, tol=1e-9)
    assert found.x["x"] == pytest.approx(1.0, abs=1e-4)
    assert found.x["y"] == pytest.approx([1.0, 1.0], abs=1e-4)
    assert type(found.x["x"]) is float
    assert start["y"].tolist() == [1.0, 2.0]


def test_products_with_the_hessian_are_asked_for() -> None:
    scales = np.logspace(-2, 2, 12)
    found = optim.minimize(lambda p, scales: np.sum(scales * (p - 1.0) ** 2), np.zeros(12), (scales,), "trust-krylov")
    assert found.nhev > 0
    assert found.x == pytest.approx(np.ones(12), rel=1e-6)


def decay(p, t, y):
    return p[0] * np.exp(-p[1][0] * t) + p[1][1] - y


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_least_squares(method: str) -> None:
    t = np.linspace(0.0, 3.0, 30)
    truth = (2.0, np.array([1.3, 0.4]))
    found = optim.least_squares(decay, (1.0, np.array([1.0, 0.0])), (t, decay(truth, t, 0.0)), method)
    assert found.x[0] == pytest.approx(2.0, rel=1e-7)
    assert found.x[1] == pytest.approx([1.3, 0.4], rel=1e-7)
    # the gradient of the sum of squares is 2 J^T r
    half_way = (1.5, np.array([1.1, 0.2]))
    at = np.array([1.5, 1.1, 0.2])
    y = decay(truth, t, 0.0)
    first, second = grad(lambda p, t, y: np.sum(decay(p, t, y) ** 2))(half_way, t, y)
    step = 1e-6
    matrix = np.stack([(decay((v[0], v[1:]), t, y) - decay((w[0], w[1:]), t, y)) / (2 * step)
                       for v, w in ((at + step * e, at - step * e) for e in np.eye(3))], axis=1)  # fmt: skip
    assert np.concatenate([[first], second]) == pytest.approx(2 * matrix.T @ decay(half_way, t, y), rel=1e-7)


def test_minimising_something_else_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a function is needed, not int"):
        optim.minimize(3, 1.0)  # type: ignore[arg-type]
