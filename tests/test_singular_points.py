"""Where a derivative is a matter of convention: each row of the README's table, in both modes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, hessian, jvp
from tests import oracle

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

INF = math.inf


def stored(x: Any, hidden: Any) -> Any:
    x[hidden] = 0.0
    return np.sum(x)


def pairs(d: Any) -> Any:
    total = 0.0
    for i in range(len(d)):
        for j in range(i):
            total += 1.0 / d[i, j]
    return total


ROWS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Any]] = {
    "abs": (lambda x: abs(x), (0.0,), (0.0,)),
    "np.abs": (lambda x: np.sum(np.abs(x)), (np.array([0.0, -1.0, 2.0]),), ([0.0, -1.0, 1.0],)),
    "math.fabs": (lambda x: math.fabs(x), (0.0,), (0.0,)),
    "np.maximum": (lambda x, y: np.maximum(x, y), (1.0, 1.0), (0.5, 0.5)),
    "np.minimum": (lambda x, y: np.minimum(x, y), (1.0, 1.0), (0.5, 0.5)),
    "relu": (lambda x: np.sum(np.maximum(x, 0.0)), (np.array([0.0, 1.0]),), ([0.5, 1.0],)),
    "np.max": (lambda x: np.max(x), (np.array([2.0, 2.0, 1.0, 2.0]),), ([1 / 3, 1 / 3, 0.0, 1 / 3],)),
    "np.min axis": (
        lambda x: np.sum(np.min(x, axis=0)),
        (np.array([[1.0, 3.0], [1.0, 2.0]]),),
        ([[0.5, 0.0], [0.5, 1.0]],),
    ),
    "np.clip": (lambda x: np.sum(np.clip(x, 0.0, 1.0)), (np.array([0.0, 0.5, 1.0, 2.0]),), ([0.5, 1.0, 0.5, 0.0],)),
    "sign": (lambda x: np.sign(x) * 3.0, (0.0,), (0.0,)),
    "floor": (lambda x: np.floor(x) + np.ceil(x) + math.floor(x) + round(x) + int(x), (2.0,), (0.0,)),
    "floor division": (lambda x, y: x // y, (6.0, 2.0), (0.0, 0.0)),
    "remainder": (lambda x, y: x % y, (6.0, 4.0), (1.0, -1.0)),
    "x**0": (lambda x: x**0, (0.0,), (0.0,)),
    "x**0.0": (lambda x: np.sum(x**0.0), (np.array([0.0, 2.0]),), ([0.0, 0.0],)),
    "x**1": (lambda x: x**1, (0.0,), (1.0,)),
    "x**2": (lambda x: x**2, (0.0,), (0.0,)),
    "0**y": (lambda y: 0.0**y, (2.0,), (0.0,)),
    "np.power(0, y)": (lambda x, y: np.power(x, y), (0.0, 2.0), (0.0, 0.0)),
    "0**0": (lambda x, y: np.power(x, y), (0.0, 0.0), (0.0, 0.0)),
    "(-2.0)**3": (lambda x: x**3, (-2.0,), (12.0,)),
    "negative base, float exponent": (lambda x: np.sum(x**3.0), (np.array([-2.0]),), ([12.0],)),
    "norm": (lambda x: np.linalg.norm(x), (np.zeros(3),), (np.zeros(3),)),
    "norm by axis": (
        lambda x: np.sum(np.linalg.norm(x, axis=1)),
        (np.array([[0.0, 0.0], [3.0, 4.0]]),),
        ([[0.0, 0.0], [0.6, 0.8]],),
    ),
    "np.hypot": (lambda x, y: np.hypot(x, y), (0.0, 0.0), (0.0, 0.0)),
    "math.hypot": (lambda x, y: math.hypot(x, y), (0.0, 0.0), (0.0, 0.0)),
    "std": (lambda x: np.std(x), (np.full(4, 2.0),), (np.zeros(4),)),
    "nanstd": (
        lambda x: np.nanstd(x[0]) + np.sum(np.nanstd(x, axis=1) ** 2),
        (np.array([[2.0, 2.0, math.nan], [1.0, 3.0, math.nan]]),),
        (np.array([[0.0, 0.0, 0.0], [-1.0, 1.0, 0.0]]),),
    ),
    "one zero in prod": (lambda x: np.prod(x), (np.array([2.0, 0.0, 3.0]),), ([0.0, 6.0, 0.0],)),
    "two zeros in prod": (lambda x: np.prod(x), (np.array([0.0, 0.0, 3.0]),), ([0.0, 0.0, 0.0],)),
    "zeros in prod by axis": (
        lambda x: np.sum(np.prod(x, axis=1)),
        (np.array([[2.0, 0.0], [2.0, 5.0]]),),
        ([[0.0, 2.0], [5.0, 2.0]],),
    ),
    "singular det": (
        lambda a: np.linalg.det(a),
        (np.array([[1.0, 2.0], [2.0, 4.0]]),),
        ([[4.0, -2.0], [-2.0, 1.0]],),
    ),
    "where hides sqrt": (lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)), (np.array([0.0, 4.0]),), ([0.0, 0.25],)),
    "where hides log": (lambda x: np.sum(np.where(x > 0.0, np.log(x), x)), (np.array([0.0, 4.0]),), ([1.0, 0.25],)),
    "where hides 1/x": (
        lambda x: np.sum(np.where(x == 0.0, 1.0, np.sin(x) / x)),
        (np.array([0.0, math.pi]),),
        ([0.0, -1 / math.pi],),
    ),
    "where hides power": (lambda x: np.sum(np.where(x > 0.0, x**0.5, 0.0)), (np.array([0.0, 4.0]),), ([0.0, 0.25],)),
    "a part hides sqrt": (lambda x: np.sum(np.sqrt(x)[1:]), (np.array([0.0, 4.0]),), ([0.0, 0.25],)),
    "a mask hides log": (lambda x: np.sum(np.log(x)[x > 0.0]), (np.array([0.0, 4.0]),), ([0.0, 0.25],)),
    "a store hides 1/x": (lambda x: stored(1.0 / x, x == 0.0), (np.array([0.0, 4.0]),), ([0.0, -1 / 16],)),
    "a triangle hides sqrt": (
        lambda x: np.sum(np.triu(np.sqrt(np.abs(x[:, None] - x)), 1)),
        (np.array([0.0, 1.0, 5.0]),),
        ([-0.5 - 0.5 / 5**0.5, 0.5 - 0.25, 0.5 / 5**0.5 + 0.25],),
    ),
    "a loop hides 1/sqrt": (
        lambda x: pairs(np.sqrt(np.abs(x[:, None] - x))),
        (np.array([0.0, 1.0, 5.0]),),
        ([0.5 + 0.5 / 5**1.5, -0.5 + 1 / 16, -0.5 / 5**1.5 - 1 / 16],),
    ),
    "max hides sqrt": (lambda x: np.max(np.sqrt(x)), (np.array([0.0, 1.0, 4.0]),), ([0.0, 0.0, 0.25],)),
    "max along an axis": (
        lambda x: np.sum(np.max(np.tile(np.sqrt(x), (2, 1))[:, :2], axis=1)),
        (np.array([0.0, 1.0, 4.0]),),
        ([0.0, 1.0, 0.0],),
    ),
    "max of a list": (lambda x: max([np.sqrt(v) for v in x]), (np.array([0.0, 4.0]),), ([0.0, 0.25],)),
    "clip hides sqrt": (lambda x: np.sum(np.clip(np.sqrt(x), 0.5, 1.5)), (np.array([0.0, 1.0]),), ([0.0, 0.5],)),
    "equal numbers sorted": (lambda x: np.sort(x) @ np.array([1.0, 2.0, 4.0]), (np.ones(3),), ([1.0, 2.0, 4.0],)),
    "equal numbers in a list": (lambda x: sorted(x)[0] + 4.0 * sorted(x)[2], (np.ones(3),), ([1.0, 0.0, 4.0],)),
    "median of equal numbers": (np.median, (np.ones(3),), ([0.0, 1.0, 0.0],)),
    "quantile of equal numbers": (lambda x: np.quantile(x, 0.3), (np.ones(3),), ([0.4, 0.6, 0.0],)),
    "first of the largest": (lambda x: x[np.argmax(x)], (np.ones(3),), ([1.0, 0.0, 0.0],)),
    "median hides sqrt": (lambda x: np.median(np.sqrt(x)), (np.array([0.0, 1.0, 4.0]),), ([0.0, 0.5, 0.0],)),
    "quantile hides sqrt": (
        lambda x: np.quantile(np.sqrt(x), 0.75),
        (np.array([0.0, 1.0, 4.0]),),
        ([0.0, 0.25, 0.125],),
    ),
    "rows of zeros": (
        lambda x: np.sum(np.triu(np.tile(np.sqrt(x), (3, 1)))[0, 1:]),
        (np.array([0.0, 1.0, 4.0]),),
        ([0.0, 0.5, 0.25],),
    ),
    "a bound hides log": (lambda x: np.sum(np.maximum(np.log(x), -9.0)), (np.array([0.0, 4.0]),), ([0.0, 0.25],)),
    "a factor hides sqrt": (lambda x: np.sum((x > 0.0) * np.sqrt(x)), (np.array([0.0, 4.0]),), ([0.0, 0.25],)),
    "infinite, and said so": (lambda x: np.sqrt(x), (0.0,), (INF,)),
    "infinite logarithm": (lambda x: np.log(x), (0.0,), (INF,)),
}


@pytest.mark.parametrize("name", ROWS)
def test_reverse(name: str) -> None:
    function, args, want = ROWS[name]
    got = grad(function, argnums=tuple(range(len(args))))(*args)
    assert oracle.flat(got) == pytest.approx(oracle.flat(want), rel=1e-12)


@pytest.mark.parametrize("name", ROWS)
def test_forward(name: str) -> None:
    function, args, want = ROWS[name]
    flat = oracle.flat(want)
    for k in range(flat.size):
        unit = np.zeros(flat.size)
        unit[k] = 1.0
        _, got = jvp(function, args, oracle.unflat(args, unit))
        assert float(got) == pytest.approx(flat[k], rel=1e-12), f"entry {k}"


def test_negative_base_with_active_exponent_is_not_a_number() -> None:
    x_bar, y_bar = grad(lambda x, y: np.power(x, y), argnums=(0, 1))(-2.0, 3.0)
    assert x_bar == pytest.approx(12.0)
    assert math.isnan(y_bar)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.max(np.sqrt(x)),
        lambda x: np.sum(np.clip(np.sqrt(x), 0.5, 9.0)),
        lambda x: np.sort(np.sqrt(x))[-1],
        lambda x: np.sum(np.sqrt(x), where=x > 0.0),
        lambda x: np.sum(np.delete(np.sqrt(x), 0)),
    ],
)
def test_what_is_not_chosen_has_no_gradient(function: Callable[..., Any]) -> None:
    assert grad(function)(np.array([0.0, 4.0])) == pytest.approx([0.0, 0.25])


def cardinal(x: Any) -> Any:
    r = np.sqrt(x @ x)
    if r < 1e-8:
        return 3.0 * x[0]
    return np.sin(r) / r


def conditional(x: Any) -> Any:
    r = 2.0 * math.sqrt(x[0] ** 2) - 0.0
    return 3.0 * x[0] if r < 1e-8 else np.log(r)


def distances(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            d = np.sqrt((x[i] - x[j]) ** 2)
            if i != j:
                total += d**1.5
    return total


def matrix(x: Any) -> Any:
    d = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        for j in range(len(x)):
            d[i, j] = np.sqrt(np.sum((x[i] - x[j]) ** 2))
    return np.sum(np.exp(-d[np.triu_indices(len(x), 1)]))


def listed(x: Any) -> Any:
    n, found, total = len(x), [], 0.0
    for i in range(n):
        for j in range(n):
            found.append(np.sqrt((x[i] - x[j]) ** 2))
    for i in range(n):
        for j in range(i):
            total += np.exp(-found[i * n + j])
    return total


def powers(x: Any) -> Any:
    root, inverse = x**0.5, np.divide(1.0, x, where=x > 0, out=np.ones_like(x))
    if np.all(x > 0.0):
        return np.sum(root * inverse)
    return 3.0 * x[0]


@pytest.mark.parametrize("function", [cardinal, conditional, powers, distances, matrix, listed])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_read_on_a_path_that_is_not_taken_has_no_gradient(function: Callable[..., Any]) -> None:
    check_grads(function, np.array([0.7, 1.9]), order=2)
    if function not in (distances, matrix, listed):
        x = np.zeros(2)
        assert grad(function)(x) == pytest.approx([3.0, 0.0])
        assert [jvp(function, (x,), (unit,))[1] for unit in np.eye(2)] == pytest.approx([3.0, 0.0])
        assert hessian(function)(x) == pytest.approx(np.zeros((2, 2)))


def test_what_cannot_be_zero_is_divided_by_as_it_is() -> None:
    """A selection of zeros is for where it is needed."""

    def relu(x: Any) -> Any:
        return np.sum(np.maximum((x - np.mean(x)) / np.sqrt(np.var(x, axis=0) + 1e-5), 0.0))

    def chosen(x: Any, label: Any) -> Any:
        e = np.exp(x)
        return -np.sum(np.log(e / np.sum(e, axis=1, keepdims=True))[np.arange(len(x)), label])

    assert "np.where" not in grad(relu).source_for(np.ones((3, 2)))
    assert "np.where" not in grad(chosen).source_for(np.ones((3, 2)), np.array([0, 1, 0]))
