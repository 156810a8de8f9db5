"""Random programs over the whole language; ``python -m tests.fuzz --minutes 60`` runs more of them."""

from __future__ import annotations

import pytest

from tests import fuzz, random_language

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

# Found by the command: parts of split statements that outlived them; loops in a `try` in which nothing is raised.
FOUND = (1002, 1010, 1052, 1076, 2244, 2260, 2274)


@pytest.fixture(autouse=True)
def verified_passes(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("ADCOMPILE_VERIFY", "1")


@pytest.mark.parametrize("seed", FOUND)
def test_what_random_programs_found(seed: int) -> None:
    assert fuzz.check(random_language.write(seed)) == ""


def test_random_programs() -> None:
    """Right or refused; and hardly ever refused."""
    results = {seed: fuzz.check(random_language.write(seed)) for seed in range(60)}
    refused = [seed for seed, result in results.items() if result.startswith("refused")]
    wrong = {seed: r for seed, r in results.items() if r and not r.startswith(("refused", "not a program"))}
    assert not wrong
    assert len(refused) <= 6
