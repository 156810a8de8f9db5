"""Random programs: right or refused, hardly ever refused. ``python -m tests.fuzz --minutes 60`` runs more of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fuzz import views
from tests.fuzz.aspects import ASPECTS
from tests.fuzz.checks import check, check_seed, outcome
from tests.fuzz.kinds import KINDS
from tests.fuzz.subjects import Subject

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

# How many programs of each kind are run, and in how many parts; of how many in a part may be refused.
SIZES = {"stores": (6, 15, 0), "language": (6, 12, 2), "whole": (8, 15, 4), "views": (6, 15, 4), "states": (3, 10, 1)}


@pytest.fixture(autouse=True)
def verified_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE", "0")
    monkeypatch.setenv("ADCOMPILE_VERIFY", "1")


@pytest.mark.parametrize("kind, part", [(kind, k) for kind, (parts, *_) in SIZES.items() for k in range(parts)])
def test_random_programs(kind: str, part: int) -> None:
    _, count, refusable = SIZES[kind]
    seeds = range(part * count, (part + 1) * count)
    results = {seed: check_seed(kind, seed) for seed in seeds}
    assert {seed: r for seed, r in results.items() if outcome(r) == "wrong"} == {}
    outcomes = [outcome(r) for r in results.values()]
    assert outcomes.count("refused") <= refusable, results
    assert outcomes.count("right") >= count - refusable - 1, results


def test_kinds_differ_from_seed_to_seed() -> None:
    for kind in KINDS.values():
        assert kind.write(1) == kind.write(1) != kind.write(2)


def test_wrong_derivatives_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks would notice a gradient, a tangent or a value that is wrong."""
    from tests.fuzz import checks

    subject = Subject(KINDS["stores"].write(1), KINDS["stores"].x, KINDS["stores"].others)
    assert check(subject) == ""
    right = checks.value_and_grad

    def grad_off(f):
        return lambda *args: (right(f)(*args)[0], right(f)(*args)[1] * np.array([1.0, 1.0, 1.0, 1.0, 1.1]) + 1e-3)

    def value_off(f):
        return lambda *args: (right(f)(*args)[0] + 1e-15, right(f)(*args)[1])

    for wrong, word in ((grad_off, "without the passes"), (value_off, "value")):
        monkeypatch.setattr(checks, "value_and_grad", wrong)
        assert word in check(subject)
        monkeypatch.setattr(checks, "unimproved_gradient", lambda subject: None)
        assert outcome(check(subject)) == "wrong"
        monkeypatch.undo()


def test_aspects_find_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz import aspects

    subject = Subject(KINDS["stores"].write(1), KINDS["stores"].x, KINDS["stores"].others)
    assert check(subject, ASPECTS) == ""
    hvp, right = aspects.hvp, aspects.value_and_grad
    monkeypatch.setattr(aspects, "hvp", lambda *args: 1.001 * hvp(*args) + 1e-3)
    assert "Hessian times direction" in check(subject, ["second"])
    monkeypatch.setattr(
        aspects, "value_and_grad", lambda f: lambda *args: (right(f)(*args)[0], right(f)(*args)[1] + 0.01)
    )
    assert "in single precision, gradient" in check(subject, ["single"])
    assert "the emitted source gives" in ASPECTS["alone"](subject, np.zeros(5))
    assert "in threads, gradients" in ASPECTS["threads"](subject, np.zeros(5))
    monkeypatch.setattr(
        aspects, "value_and_grad", lambda f, **how: lambda *args: (right(f, **how)(*args)[0] + 0.01, np.ones(5))
    )
    assert "by columns: value" in ASPECTS["layouts"](subject, np.zeros(5))
    assert "one array for both arguments, (0, 1): value" in ASPECTS["twice"](subject, np.zeros(5))


# Parts of split statements that outlived them; loops in a `try` in which nothing is raised.
LANGUAGE = (1002, 1010, 1052, 1076, 2244, 2260, 2274)
# A part of a statement that was split again; a view that is not read any more, made before a `try`.
TRY = (700000092, 700001452, 700000164)


@pytest.mark.parametrize("seed", [*LANGUAGE, *TRY])
def test_what_random_programs_found(seed: int) -> None:
    assert check_seed("language", seed, []) == ""


# Emitted lists that have one length on one side of a branch and another on the other.
@pytest.mark.parametrize("seed", [5009, 5137, 5141, 5161])
def test_sources_that_random_programs_found(seed: int) -> None:
    assert check_seed("language", seed, ["alone"]) == ""


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
def test_what_random_views_found(text: str) -> None:
    assert check(Subject(text, views.X, {"n": 3})) == ""
