"""What the README says is so."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parent.parent / "README.md"
TUTORIAL = README.parent / "examples" / "tutorial.md"


@pytest.mark.parametrize("path", [README, TUTORIAL], ids=lambda path: path.name)
def test_examples(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The doctests hold, and a block under a comment that names a text is that text."""
    text = path.read_text()
    test = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    with np.errstate(all="ignore"):
        runner.run(test, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out
    assert runner.tries > 25
    for expression, block in re.findall(r"<!-- ([^\n]+) -->\n```python\n(.*?)```", text, re.DOTALL):
        assert eval(expression, test.globs) == block, expression


@pytest.mark.parametrize(
    ("marker", "ends"), [("main job", "-m examples.temperature"), ("tests", "-m pytest -q -n auto")]
)
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
