"""The examples in the docstrings of everything public."""

from __future__ import annotations

import doctest
import inspect

import numpy as np
import pytest

import adcompile


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder()
    names = {"np": np, "adcompile": adcompile, **{name: getattr(adcompile, name) for name in adcompile.__all__}}
    found = finder.find(adcompile, "adcompile")
    for name in adcompile.__all__:
        value = getattr(adcompile, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            found += finder.find(value, name, module=False, globs=names)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("test", examples(), ids=lambda test: test.name)
def test_example(test: doctest.DocTest, capsys: pytest.CaptureFixture[str]) -> None:
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert failed == 0, capsys.readouterr().out
