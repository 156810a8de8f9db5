"""`explain` tells the truth: about activity, cuts, what is kept, and operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import explain, grad
from adcompile.errors import ArgumentError
from adcompile.inspect import Explanation, Row

X = np.linspace(0.3, 1.0, 6)


def scan(x: Any, w: Any) -> Any:
    a = x.copy()
    k = int(x[0])
    u = w * 2.0
    unused = x * 3.0  # noqa: F841
    for i in range(1, len(x)):
        t = np.sin(a[i - 1])
        a[i] = t * x[i] * u + a[i - 1]
        if t > 0.5:
            a[i] = a[i] * 2.0
    b = np.exp(a)
    return np.sum(b) * k + x[np.argmax(x)]


def by_name(found: Explanation) -> dict[str, Row]:
    return {row.name: row for row in found.rows}


def test_rows_of_a_loop() -> None:
    found = explain(scan, X, 2.0, argnums=0)
    rows, first = by_name(found), scan.__code__.co_firstlineno
    assert found.wrt == ("x",)
    assert (rows["x"].active, rows["x"].reason) == (True, "differentiated")
    assert (rows["w"].active, rows["w"].reason) == (False, "does not depend on what is differentiated")
    assert (rows["t"].active, rows["t"].reason, rows["t"].how) == (True, "depends on x", "taped")
    assert (rows["t"].bytes, rows["t"].in_loop) == (8, True)
    assert (rows["b"].how, rows["b"].bytes, rows["b"].in_loop) == ("kept alive", 48, False)
    assert (rows["unused"].active, rows["unused"].reason) == (False, "the result does not depend on it")
    assert rows["k"].reason == f"cut at `int(x[0])`, test_explain.py line {first + 2}"
    assert rows["a"].line == first + 1


def test_cuts() -> None:
    first = scan.__code__.co_firstlineno
    expected = [("int(x[0])", 2), ("len(x)", 5), ("t > 0.5", 8), ("np.argmax(x)", 11)]
    found = explain(scan, X, 2.0, argnums=0)
    assert [(c.expression, c.line - first) for c in found.cuts] == expected
    assert str(found.cuts[0]) == f"cut at `int(x[0])`, test_explain.py line {first + 2}"

    def rounded(x: Any) -> Any:
        return np.sum(x * np.floor(x) * x.astype(int))

    assert [c.expression for c in explain(rounded, X).cuts] == ["np.floor(x)", "x.astype(int)"]


def test_what_is_taped_is_in_the_emitted_source() -> None:
    source = grad(scan).source_for(X, 2.0)
    assert {row.name for row in explain(scan, X, 2.0, argnums=0).rows if row.how == "taped"} == {"t"}
    assert source.count(".append(") == 1


def undone(x: Any) -> Any:
    a = x.copy()
    for i in range(len(x) - 1):
        a[i] = a[i] * a[i + 1] * a[i]
    return np.sum(a)


def test_stores_that_are_undone() -> None:
    rows = by_name(explain(undone, X))
    assert rows["a"].how == "undone"
    assert any(row.how == "taped" and row.bytes == 8 and row.in_loop for row in rows.values())


def perceptron(w1: Any, w2: Any, x: Any, y: Any) -> Any:
    h = np.tanh(x @ w1)
    r = h @ w2 - y
    return np.mean(r * r)


def test_operations_count_products() -> None:
    found = explain(perceptron, np.ones((3, 4)), np.ones((4, 2)), np.ones((10, 3)), np.ones((10, 2)), argnums=(0, 1))
    products = 2 * 10 * 3 * 4 + 2 * 10 * 4 * 2
    elementwise = 10 * 4 + 3 * 10 * 2  # tanh; minus, times, mean
    assert found.function_operations.number == products + elementwise
    assert found.function_operations.exact
    assert found.gradient_operations.number > found.function_operations.number
    assert 1.0 < found.ratio < 3.0


def test_loops_of_unknown_length_are_marked() -> None:
    def newton(x: float) -> float:
        y = x
        while abs(y * y - 2.0) > 1e-6:
            y = y - (y * y - 2.0) / (2.0 * y)
        return y

    found = explain(newton, 1.5)
    assert not found.function_operations.exact
    assert "one trip of each loop whose length is not known" in str(found)


def test_text_and_html() -> None:
    found = explain(scan, X, 2.0, argnums=0)
    text, page = str(found), found._repr_html_()
    assert text.startswith("gradient of scan with respect to x\n")
    for row in found.rows:
        assert row.name in text
        assert f"<td>{row.how}</td>" in page
    assert "t &gt; 0.5" in page
    assert f"{found.ratio:.2f} times" in text


def test_results_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ArgumentError, match="one floating-point number"):
        explain(lambda x: x * 2.0, X)
