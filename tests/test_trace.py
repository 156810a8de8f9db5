"""The evaluation trace: the survey's tables, and every program of the collection against its compiled derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from adcompile import ArgumentError, CompileError, checkpointed, custom_vjp, grad, graph, jvp, stop_gradient, trace, vjp
from adcompile.inspect.notation import format_value
from tests import oracle
from tests.programs import PROGRAMS, Program, trees
from tests.test_programs import active, assert_same_bits, bound

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def f(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def names(steps: Any) -> list[str]:
    return [s.name for s in steps]


def test_survey_table_2() -> None:
    found = trace(f, 2.0, 5.0, mode="forward")
    assert names(found.primal) == ["v-1", "v0", "v1", "v2", "v3", "v4", "v5", "y"]
    assert [s.expression for s in found.primal[2:7]] == ["ln v-1", "v-1 * v0", "sin v0", "v1 + v2", "v4 - v3"]
    known = [2.0, 5.0, math.log(2.0), 10.0, math.sin(5.0), math.log(2.0) + 10.0]
    assert [s.value for s in found.primal[:6]] == pytest.approx(known, rel=1e-15)
    assert [s.value for s in found.derivative] == [1.0, 0.0, 0.5, 5.0, 0.0, 5.5, 5.5, 5.5]
    assert found.result == 5.5


def test_survey_table_3() -> None:
    found = trace(f, 2.0, 5.0)
    order = ["v5_bar", "v4_bar", "v3_bar", "v1_bar", "v2_bar", "v0_bar", "v-1_bar", "v0_bar", "v-1_bar"]
    assert names(found.derivative) == [*order, "x2_bar", "x1_bar"]
    cosine = math.cos(5.0)
    assert [s.value for s in found.derivative] == pytest.approx(
        [1.0, 1.0, -1.0, 1.0, 1.0, -cosine, 5.0, 2.0 - cosine, 5.5, 2.0 - cosine, 5.5], rel=1e-15
    )
    assert found.derivative[5].expression == "v3_bar * cos v0"
    assert found.derivative[8].expression == "v-1_bar + v1_bar / v-1"
    assert found.value == f(2.0, 5.0)
    assert found.result == pytest.approx(grad(f, argnums=(0, 1))(2.0, 5.0), rel=1e-15)


def test_digits_and_other_seeds() -> None:
    assert "0.69315 " in trace(f, 2.0, 5.0).text(digits=5)
    assert trace(f, 2.0, 5.0, mode="forward", tangents=(0.0, 1.0)).result == pytest.approx(2.0 - math.cos(5.0))
    assert trace(f, 2.0, 5.0, cotangent=2.0).result[0] == 11.0
    assert trace(f, 2, 5).result[0] == 5.5
    assert trace(f, 2.0, 5, argnums=0).result == (5.5,)


@pytest.mark.parametrize("program", PROGRAMS[::2], ids=repr)
def test_adjoints_of_programs(program: Program) -> None:
    """The value is the function's to the last bit, and the adjoints those of the compiled program."""
    args = oracle.copied(program.args)
    try:
        value, pullback = vjp(bound(program), *active(program))
    except CompileError:
        with pytest.raises(CompileError):
            trace(program.function, *args, argnums=program.wrt)
        return
    ones = oracle.unflat(value, np.ones(oracle.flat(value).size), keep_dtype=True)
    found = trace(program.function, *args, argnums=program.wrt, cotangent=ones)
    assert_same_bits(found.value, value)
    assert_same_bits(args, program.args)
    close(program, found.result, pullback(ones))


@pytest.mark.parametrize("program", [p for p in PROGRAMS[1::4] if not p.refusable], ids=repr)
def test_tangents(program: Program) -> None:
    tangents = [
        oracle.unflat(a, np.full(oracle.flat(a).size, float(k == 0)), keep_dtype=True)
        for k, a in enumerate(active(program))
    ]
    value, dot = jvp(bound(program), active(program), tangents)
    args = oracle.copied(program.args)
    found = trace(program.function, *args, argnums=program.wrt, mode="forward", tangents=tangents)
    assert_same_bits(found.value, value)
    close(program, found.result, dot)
    assert found.text().count("\n") >= len(found.primal) - 1 or "more trip" in found.text()
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize(
    "program", [p for p in PROGRAMS if p.function.__module__ == trees.__name__ and not p.refusable], ids=repr
)
def test_trees(program: Program) -> None:
    """Tuples that hold tuples like themselves are put together and taken apart in both modes, and drawn."""
    (x,) = active(program)
    wanted = grad(bound(program))(x)
    found = trace(program.function, *program.args, argnums=program.wrt)
    close(program, found.result, (wanted,))
    forward = trace(program.function, *program.args, argnums=program.wrt, mode="forward", tangents=(x,))
    assert forward.result == pytest.approx(np.sum(wanted * x), rel=1e-12)
    drawn = graph(program.function, *program.args, argnums=program.wrt, max_nodes=10_000)
    shown = [n.label for n in drawn.nodes]
    assert "Undefined" not in found.text() + "".join(shown)
    assert any(label.startswith("parts of v") for label in shown) or program.args[1:] == (0,)


def test_deep_tuples_are_shown_to_some_levels() -> None:
    nested: object = None
    for _ in range(2000):
        nested = (nested, 1.0)
    assert format_value(nested) == "((((...), 1), 1), 1)"
    assert format_value(((), [1.0])) == "((), [1])"


def close(program: Program, got: Any, want: Any) -> None:
    single = any(getattr(x, "dtype", None) in (np.float32, np.complex64) for x in oracle.leaves(program.args))
    a, b = oracle.flat(got), oracle.flat(want)
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=1e-5 if single else 1e-10, atol=1e-12)


def scan(x, n):
    s = 0.0
    for i in range(n):
        if x[i] > 0.0:
            s = s * x[i] + np.sin(x[i])
    return s


def test_long_loops_are_elided_but_the_rows_are_there() -> None:
    x = np.linspace(-1.0, 1.0, 40)
    found = trace(scan, x, 40)
    text = found.text()
    assert "for i in range(n): i = 0" in text and "for i in range(n): i = 39" in text
    assert "... 36 more trips ..." in text
    assert "i = 20" not in text
    assert sum(r.loop is not None for r in found.rows) == 40
    assert found.text(trips=50).count("for i in") == 40
    assert "if x[i] > 0.0: True" in text


def test_calls_are_entered() -> None:
    def power(x, n):
        return 1.0 if n == 0 else x * power(x, n - 1)

    found = trace(lambda x: power(x, 3) + x, 2.0)
    assert found.result == (13.0,)


def test_functions_with_rules_of_their_own_and_checkpoints() -> None:
    @custom_vjp
    def legendre(i):
        return 0.5 * (5.0 * i**3 - 3.0 * i)

    def fwd(i):
        return 0.5 * (5.0 * i**3 - 3.0 * i), i

    def bwd(i, o_bar):
        slope = 0.0
        for _ in range(3):  # a rule may have loops
            slope += 0.5 * (5.0 * i**2 - 1.0)
        return (o_bar * slope,)

    legendre.defvjp(fwd, bwd)
    found = trace(lambda x: 2.0 * legendre(x), 0.4)
    assert found.result == pytest.approx((3.0 * (5.0 * 0.16 - 1.0),))
    assert "legendre(v0)" in found.text()

    def decay(u):
        for _ in checkpointed(range(20), slots=3):
            u = u - 0.01 * u**3
        return u

    assert trace(decay, 2.0).result == pytest.approx((grad(decay)(2.0),))


def test_derivatives_inside() -> None:
    def cube(x):
        return x**3

    def penalty(w, x):
        inner = grad(lambda x: np.sum(np.sin(x * w)))(x)
        return np.sum(inner**2) + grad(cube)(w)

    args = 0.7, np.array([0.2, -0.4])
    want = grad(penalty, argnums=(0, 1))(*args)
    found = trace(penalty, *args)
    assert found.result[0] == pytest.approx(want[0], rel=1e-13)
    np.testing.assert_allclose(found.result[1], want[1], rtol=1e-13)
    assert trace(lambda x: x * stop_gradient(x), 3.0).result == (3.0,)

    def iterated(x):
        for _ in range(3):
            x = np.sin(x) * x
        return x

    with pytest.raises(CompileError, match="whose steps are not shown"):
        trace(lambda x: grad(iterated)(x), 0.5)


def test_html_marks_adjoints() -> None:
    page = trace(f, 2.0, 5.0)._repr_html_()
    assert '<span class="bar">v</span><sub>-1</sub>' in page
    assert "&#775;" in trace(f, 2.0, 5.0, mode="forward")._repr_html_()
    assert "<script" not in trace(lambda x: {"<script>": x}["<script>"] * 2.0, 1.0)._repr_html_()


def test_text_is_escaped_in_html() -> None:
    found = trace(lambda d: d["<b>"] * 2.0, {"<b>": 1.0})
    assert "<b>" not in found._repr_html_()
    assert "&lt;b&gt;" in found._repr_html_()


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="mode must be"):
        trace(f, 2.0, 5.0, mode="sideways")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="nothing to differentiate"):
        trace(f, "a", None)
    with pytest.raises(ArgumentError, match="2 differentiated arguments, but 1 tangents"):
        trace(f, 2.0, 5.0, mode="forward", tangents=(1.0,))
    with pytest.raises(ArgumentError, match="too many to show"):
        trace(scan, np.ones(20_000), 20_000)
    with pytest.raises(CompileError, match="frompyfunc"):
        trace(lambda x: np.frompyfunc(abs, 1, 1)(x)[0], np.ones(2))


def test_values_that_hold_themselves_are_cut_short() -> None:
    held: dict[str, object] = {"a": 1.5}
    held["self"] = held
    assert format_value(held) == "{'a': 1.5, 'self': {'a': 1.5, 'self': {'a': 1.5, 'self': {...}}}}"
