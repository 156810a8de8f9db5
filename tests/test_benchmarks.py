"""The benchmarks compare like with like, and gradients of loops cost a multiple of the loop that does not grow."""

from __future__ import annotations

import argparse
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import hessian, hvp, jacobian
from benchmarks import __main__ as table
from benchmarks import arguments, functions, operators
from benchmarks.measure import peak_memory, seconds

SMALL = {
    "temperature": arguments.temperature(),
    "sum_of_squares": (arguments.vector(50),),
    "recurrence": (0.7, 50),
    "scan": (arguments.vector(50),),
    "stencil": arguments.grid(6, 4),
    "stack": (arguments.vector(20),),
    "recursion": (0.7, 20),
    "perceptron": arguments.perceptron(),
    "layers": arguments.layers(),
}


@pytest.mark.parametrize("name", SMALL)
def test_gradients_by_hand_are_ours(name: str) -> None:
    table.check_by_hand(name, SMALL[name])


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sum_of_squares", lambda n: (arguments.vector(n),)),
        ("recurrence", lambda n: (0.7, n)),
        ("scan", lambda n: (arguments.vector(n),)),
        ("stencil", lambda n: arguments.grid(4, n)),
        ("stack", lambda n: (arguments.vector(n),)),
    ],
)
def test_cost_is_linear(name: str, make: Callable[[int], tuple[Any, ...]]) -> None:
    """The gradient runs as many lines for each line of the function at any length."""
    derivative, function = table.derivative_of(name), getattr(functions, name)
    ratios = []
    for n in (50, 2_000):
        args = make(n)
        derivative(*args)  # compiled before lines are counted
        ratios.append(lines_run(lambda a=args: derivative(*a)) / lines_run(lambda a=args: function(*a)))
    assert ratios[1] < 1.3 * ratios[0]


def lines_run(call: Callable[[], object]) -> int:
    """Count the lines of Python that a call runs."""
    count = 0

    def trace(frame: types.FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    table.show(table.temperature(argparse.Namespace(peers=False, quick=True)))
    out = capsys.readouterr().out
    assert "temperature, 11 points" in out
    assert "call overhead" in out


def test_sources_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    table.show_sources()
    assert "def recurrence_value_and_vjp(" in capsys.readouterr().out


def test_measures() -> None:
    assert peak_memory(lambda: bytearray(10**6)) == pytest.approx(10**6, rel=0.01)
    assert [seconds(t) for t in (2.0, 3e-3, 4.5e-6, 7e-9, None)] == ["2 s ", "3 ms", "4.5 us", "7 ns", "-"]


def test_higher_derivatives_by_hand_are_ours() -> None:
    generator = np.random.default_rng(3)
    x, w, v = generator.standard_normal(6), generator.standard_normal(3), generator.standard_normal(3)
    data, labels = generator.standard_normal((8, 3)), np.sign(generator.standard_normal(8))
    wide = generator.standard_normal(100)
    product = hvp(functools.partial(operators.logistic, x=data, y=labels))
    pairs = [
        (hessian(operators.rosenbrock)(x), operators.rosenbrock_hessian(x)),
        (jacobian(operators.network)(wide), operators.network_jacobian(wide)),
        (product((w,), (v,)), operators.logistic_hvp(w, v, data, labels)),
        (operators.saddle(1.0, 0.5), operators.saddle_by_hand(1.0, 0.5)),
        (operators.steer(0.3), operators.steer_by_hand(0.3)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert type(operators.saddle(1.0, 0.5)[0]) is float
