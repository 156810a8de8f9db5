"""Random programs with views and aliases: see `tests/random_views.py`."""

from __future__ import annotations

import pytest

from tests.random_views import Maker, check


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE", "0")
    monkeypatch.setenv("ADCOMPILE_VERIFY", "1")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("start", range(0, 100, 10))
def test_programs_with_random_views(start: int) -> None:
    results = [check(Maker(seed).text()) for seed in range(start, start + 10)]
    assert results.count("right") >= 7, results


PREFIX_VIEW = """
import numpy as np

def f(x, n=3):
    a1 = x[:, 1].copy()
    a2 = a1[:, None] * 0.5
    a3 = a2[:-1].ravel()
    a2[1, 0] = a2[0, -1] * 0.5
    a3 -= a3 + x[0, 0]
    return np.sum(a2 * a3)
"""

SCALED_ROW = """
import numpy as np

def f(x, n=3):
    a1 = x[:, 0] * 1.0
    a1[:] *= 1.5
    a2 = a1.ravel()
    a2[[0, 0]] = a1[:2]
    return np.sum(a1 * a2)
"""

COPIED_TRANSPOSE = """
import numpy as np

def f(x, n=3):
    a1 = x[:2, 1:] * 2.0
    a2 = np.ascontiguousarray(a1.T) * 0.5
    a3 = a2.ravel()
    a2[1:] += a2[1:]
    for i in range(2):
        a3[4] += x[0, 3]
    return np.sum(a2 * a2) + np.sum(a3 * a3)
"""


PART_OF_ONE_ROW = """
import numpy as np

def f(x, n=3):
    a1 = x[:, 1].copy()
    a5 = a1.reshape(-1, 3)
    a7 = a5[:, 1:].ravel()
    a5[0] = np.sin(a7[0])
    return np.sum(a1) + np.sum(a5 * a5) + np.sum(a7)
"""


@pytest.mark.parametrize("text", [PART_OF_ONE_ROW, PREFIX_VIEW, SCALED_ROW, COPIED_TRANSPOSE])
def test_what_random_programs_found(text: str) -> None:
    assert check(text) == "right"
