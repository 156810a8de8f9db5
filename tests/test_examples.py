"""The examples reach the numbers that are known of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples import survey, temperature

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
    image = pytest.importorskip("matplotlib.image")
    for path in temperature.plot(tmp_path / "pictures", scaled):
        assert np.ptp(image.imread(path)) > 0.5


def test_survey_four_ways_agree() -> None:
    ways = survey.four_ways(2.0, 5.0)
    for way, pair in ways.items():
        assert pair == pytest.approx(ways["by hand"], rel=1e-8 if way == "numeric" else 1e-15), way


@pytest.mark.parametrize("name", ["temperature", "survey"])
def test_example_runs_as_a_module(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", f"examples.{name}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "def " in done.stdout
    assert done.stderr == ""
