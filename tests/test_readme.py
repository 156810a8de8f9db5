"""What the README says is so."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parent.parent / "README.md"


def test_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with np.errstate(all="ignore"):
        failed, tried = doctest.testfile(
            str(README), module_relative=False, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
        )
    assert failed == 0, capsys.readouterr().out
    assert tried > 20


@pytest.mark.parametrize(("marker", "ends"), [("main job", "-m examples.temperature"), ("tests", "-m pytest -q")])
def test_each_command_is_one_line(marker: str, ends: str) -> None:
    """The script that checks everything takes its commands from here."""
    found = re.findall(rf"<!-- {marker} -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(found) == 1
    assert found[0].count("\n") == 1
    assert found[0].rstrip().endswith(ends)


def test_modules_exist() -> None:
    for module in re.findall(r"python -m ([a-z.]+)", README.read_text()):
        if module not in ("venv", "pytest"):
            path = README.parent / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
