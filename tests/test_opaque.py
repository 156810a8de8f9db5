"""Functions that the compiler does not know: called once, in order; refused where a derivative would be lost."""

from __future__ import annotations

import bisect
import contextlib
import functools
import logging
import marshal
import queue
import random
import struct
import time
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.ndimage
import scipy.optimize

from adcompile import check_grads, grad, hessian, hvp, jvp, linearize, primitive, value_and_grad, vjp
from adcompile.errors import CompileError

V = np.array([1.1, -0.7, 1.3, 0.9])

calls: list[str] = []
record = calls.append


class Source(list):  # of a class of its own, which is no list to the compiler
    """An object that the compiler knows nothing of."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def gain(self, name: str) -> float:
        self.log.append(name)
        return 2.0 + len(self.log)


def with_an_object(x: Any, source: Any) -> Any:
    s = 0.0
    for i in range(3):
        s = s + x[i] ** 2 * source.gain("loop")
    return s + x[3] * source.gain("end")


def test_methods_of_an_object_run_once_and_in_order() -> None:
    source, plain = Source(), Source()
    value, gradient = value_and_grad(with_an_object)(V, source)
    assert float(value) == float(with_an_object(V, plain))
    assert source.log == plain.log == ["loop", "loop", "loop", "end"]
    np.testing.assert_allclose(gradient, [2 * 3.0 * V[0], 2 * 4.0 * V[1], 2 * 5.0 * V[2], 6.0])


def drawing(x: Any, rng: Any) -> Any:
    return np.sum(x * rng.normal(size=x.shape)) + rng.normal() * x[0]


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_generator_is_left_where_the_function_leaves_it(make: Any) -> None:
    ours, plain = make(3), make(3)
    value, _ = value_and_grad(drawing)(V, ours)
    assert value == drawing(V, plain)
    assert ours.normal() == plain.normal()


def test_a_generator_from_outside() -> None:
    rng = np.random.default_rng(5)

    def f(x: Any) -> Any:
        return np.sum(x * rng.standard_normal(4))

    derivative = grad(f)
    first, second = derivative(V), derivative(V)
    again = np.random.default_rng(5)
    np.testing.assert_array_equal(first, again.standard_normal(4))
    np.testing.assert_array_equal(second, again.standard_normal(4))


def test_random_and_time_are_imported_by_the_source() -> None:
    def f(x: float) -> float:
        return x * random.random() + 0.0 * time.time()

    source = grad(f).source_for(1.0)
    assert "import random\nimport time\nimport numpy as np\n" in source
    random.seed(1)
    gradient = grad(f)(2.0)
    random.seed(1)
    assert gradient == random.random()


def test_pullback_may_be_called_again() -> None:
    rng = np.random.default_rng(1)
    _, pullback = vjp(lambda x: x * rng.standard_normal(4), V)
    (first,), (second,) = pullback(np.ones(4)), pullback(np.ones(4))
    np.testing.assert_array_equal(first, second)


def lost(x: Any) -> Any:
    y = x * 2.0
    return np.sum(np.real_if_close(y))


def reparametrised(x: Any) -> Any:
    rng = np.random.default_rng(0)
    return rng.normal(loc=x)


def hidden_in_an_object(x: Any) -> Any:
    rng = np.random.default_rng(0)
    packed = struct.pack("d", x)
    return rng.normal() * packed.__len__()


@pytest.mark.parametrize(
    ("f", "argument", "line", "column", "text"),
    [
        (lost, np.eye(2) + 0.1, 2, 19, "no derivative rule for numpy.real_if_close"),
        (reparametrised, 1.0, 2, 12, "no derivative rule for the method normal of an object"),
        (hidden_in_an_object, 1.0, 2, 14, "no derivative rule for struct.pack"),
    ],
)
def test_derivatives_are_never_lost(f: Any, argument: Any, line: int, column: int, text: str) -> None:
    for derive in (lambda: grad(f)(argument), lambda: jvp(f, (argument,), (argument,))):
        with pytest.raises(CompileError, match="no derivative rule") as caught:
            derive()
        assert caught.value.message == text
        assert caught.value.line == f.__code__.co_firstlineno + line
        assert caught.value.column == column
        advice = "draw without parameters" if f is reparametrised else "move it out of the differentiated function"
        assert advice in str(caught.value)


def shuffled(x: Any) -> Any:
    i = np.arange(4)
    random.shuffle(i)
    return np.sum(x[i])


def passes_a_list(x: Any) -> Any:
    numbers = [3.0, 1.0]
    size = len(marshal.dumps(numbers))
    return x * numbers[0] * size


def changes_an_array(x: Any) -> Any:
    a = np.zeros(2)
    struct.pack_into("d", a, 0, 3.0)
    return x * a[0]


def test_what_a_call_may_change_is_refused() -> None:
    with pytest.raises(CompileError, match="this call may change the list that it is given"):
        grad(passes_a_list)(1.0)
    with pytest.raises(TypeError, match="read-write"):  # when it does
        grad(changes_an_array)(1.0)


def smoothed(x: Any, image: Any) -> Any:
    return np.sum(x * scipy.ndimage.median_filter(image, 3)) + np.sum(image**2)


def test_functions_of_packages_are_called_where_they_cannot_be_lowered() -> None:
    x, image = np.linspace(1.0, 2.0, 5), np.array([0.0, 1.0, 4.0, 9.0, 16.0])
    gradient = grad(smoothed)(x, image)
    np.testing.assert_array_equal(gradient, scipy.ndimage.median_filter(image, 3))
    assert "import scipy.ndimage\n" in grad(smoothed).source_for(x, image)
    with pytest.raises(CompileError, match="no derivative rule"):
        grad(smoothed, argnums=1)(x, image)


def test_a_list_that_is_not_read_later_can_be_passed() -> None:
    assert grad(lambda x: x * bisect.bisect([1.0, 2.0, 3.0], 2.5))(3.0) == 2.0


def test_shuffle_is_refused_with_a_remedy() -> None:
    with pytest.raises(CompileError, match="shuffle") as caught:
        grad(shuffled)(V)
    assert "rng.permutation(n)" in (caught.value.help or "")


def kept_by_an_object(x: Any) -> Any:
    held = queue.SimpleQueue()
    held.put(2.0 * x)
    return held.get() + x


def kept_in_a_loop(x: Any) -> Any:
    held = queue.SimpleQueue()
    for _ in range(3):
        held.put(x)
    return x * held.get()


@pytest.mark.parametrize("f", [kept_by_an_object, kept_in_a_loop])
def test_an_object_that_may_keep_a_differentiated_value_is_refused(f: Any) -> None:
    for derive in (lambda: grad(f)(1.0), lambda: jvp(f, (1.0,), (1.0,))):
        with pytest.raises(CompileError, match="no derivative rule for the method put") as caught:
            derive()
        assert caught.value.line in range(f.__code__.co_firstlineno + 2, f.__code__.co_firstlineno + 4)


def filtered(x: Any) -> Any:
    return np.sum(scipy.ndimage.maximum_filter(x, 3) * V)


def test_what_a_compiled_function_stores_is_not_lost() -> None:
    """The filter stores into an array that it is given: its derivative is refused, not zero."""
    with pytest.raises(CompileError, match="no derivative rule for scipy.ndimage.maximum_filter") as error:
        grad(filtered)(V)
    assert error.value.line == filtered.__code__.co_firstlineno + 1
    value, _ = value_and_grad(lambda s: np.sum(s * scipy.ndimage.maximum_filter(V, 3)))(2.0)
    assert value == np.sum(2.0 * scipy.ndimage.maximum_filter(V, 3))


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda s, rng: np.sum(rng.normal(s, 1.0, 3)), "loc + scale * rng.standard_normal(size)"),
        (lambda s, rng: np.random.uniform(0.0, s) * rng.random(), "low + (high - low) * np.random.random(size)"),
    ],
)
def test_draws_with_parameters_say_how_they_are_written(f: Any, text: str) -> None:
    with pytest.raises(CompileError, match="no derivative rule for") as error:
        grad(f)(1.0, np.random.default_rng(0))
    assert error.value.line == f.__code__.co_firstlineno
    assert str(error.value).endswith(f"draw without parameters: {text}")


@functools.cache
def drawn_once(n: int) -> float:
    print("drawn", n)
    return float(np.random.default_rng(n).uniform())


def test_functions_with_a_cache_run_as_often_as_they_would(capsys: Any) -> None:
    def f(x: float) -> float:
        return x * drawn_once(3) + x * x * drawn_once(3)

    drawn_once.cache_clear()
    once = drawn_once(3)
    drawn_once.cache_clear()
    capsys.readouterr()
    assert grad(f)(2.0) == pytest.approx(once + 4.0 * once)
    assert capsys.readouterr().out == "drawn 3\n"


def test_functions_with_a_cache_that_print_what_is_differentiated_are_refused() -> None:
    @functools.cache
    def loud(v: float) -> float:
        print("loud")
        return v * v

    with pytest.raises(CompileError, match="keeps its results in a cache") as caught:
        grad(lambda x: loud(x) + loud(x))(2.0)
    assert caught.value.line == loud.__wrapped__.__code__.co_firstlineno + 6


def sourceless(text: str) -> Any:
    """Return a function whose source the compiler does not find."""
    space: dict[str, Any] = {"np": np}
    exec(text, space)
    return space["response"]


COMPLEX = "def response(k){}: return 1.0 + 2.0j * k"


@pytest.mark.parametrize("mode", ["grad", "jvp", "linearize"])
def test_complex_results_of_unknown_functions_are_told_to_the_compiler(mode: str) -> None:
    response, promised = sourceless(COMPLEX.format("")), sourceless(COMPLEX.format(" -> complex"))

    def derivative(f: Any) -> Any:
        if mode == "grad":
            return grad(f)(1.5)
        return linearize(f, 1.5)[1](1.0) if mode == "linearize" else jvp(f, (1.5,), (1.0,))[1]

    def in_a_list(x: float) -> float:
        s = 0.0
        for z in [response(i) + 1 for i in range(3)]:
            s = s + z * x
        return abs(s)

    def grown(x: float) -> float:
        found, i = [], 0
        while i < 3:
            found.append(response(i))
            i += 1
        s = x
        for v in found:
            s = s * v
        return s.real  # type: ignore[return-value]

    for f in (lambda x: abs(response(3) * x), lambda x: ((x + response(3)) ** 2).real, in_a_list, grown):
        with pytest.raises(TypeError, match="`response` returned complex numbers.*`-> complex`, or convert"):
            derivative(f)
    size = abs(1 + 6j)
    assert derivative(lambda x: abs(promised(3) * x)) == pytest.approx(size)
    assert derivative(lambda x: abs(complex(response(3)) * x)) == pytest.approx(size)
    several = sourceless("def response(k): return np.array([1.0 + 2.0j * k, 2.0])")
    assert derivative(lambda x: abs(np.asarray(several(3), complex)[0] * x)) == pytest.approx(size)
    assert derivative(lambda x: abs(response(3)) * x) == pytest.approx(size)


def test_what_real_results_meet_is_tested_once() -> None:
    response = sourceless("def response(k): return 2.0 * k")

    def f(x: float) -> float:
        z = response(3)
        y = np.zeros(3)
        for k in range(3):
            y[k] = float(np.sin(z * x) * z + z * x)
        return np.sum(y)

    derivative, step = grad(f), 1e-6
    assert derivative(0.7) == pytest.approx((f(0.7 + step) - f(0.7 - step)) / (2 * step), rel=1e-6)
    assert derivative.source_for(0.7).count("np.iscomplexobj(z)") == 1


@functools.cache
def workspace(n: int) -> Any:
    return np.zeros(n)


@functools.cache
def entries(n: int) -> list[float]:
    return [0.0] * n


def changed_at_once(x: Any) -> Any:
    workspace(3)[0] += 1.0
    return x * workspace(3)[0]


def changed_through_a_view(x: Any) -> Any:
    square = workspace(4).reshape(2, 2)
    square[0, 0] = x
    return workspace(4)[0]


def changed_after_a_loop(x: Any) -> Any:
    i, t = 0, np.ones(3)
    while x * i < 3.0:
        t = workspace(3)
        i += 1
    t += 1.0
    return x * workspace(3)[0]


def changed_as_a_list(x: Any) -> Any:
    entries(2).append(1.0)
    return x * len(entries(2))


@pytest.mark.parametrize(
    ("f", "line", "column"),
    [
        (changed_at_once, 1, 5),
        (changed_through_a_view, 2, 5),
        (changed_after_a_loop, 5, 5),
        (changed_as_a_list, 1, 5),
    ],
)
def test_what_is_in_a_cache_is_not_changed(f: Any, line: int, column: int) -> None:
    with pytest.raises(CompileError, match="this is in the cache of `(workspace|entries)`") as caught:
        grad(f)(1.5)
    assert (caught.value.line, caught.value.column) == (f.__code__.co_firstlineno + line, column)
    assert "copy it first" in str(caught.value)


def test_copies_of_what_is_in_a_cache_may_be_changed() -> None:
    def f(x: float) -> float:
        t = workspace(3).copy()
        t[0] = x * x
        return np.sum(t * (workspace(3) + 2.0))

    assert grad(f)(1.5) == pytest.approx(6.0)


BUFFERS = """
buffer, calls = np.zeros(3), 0

def restart():
    global calls
    buffer[:], calls = 0.0, 0

def response():
    return buffer

def refilled() -> object:
    global calls
    calls += 1
    buffer[:] = calls
    return buffer
"""


def buffers() -> Any:
    """Return functions without source that return the same array at each call, and one that restores it."""
    space: dict[str, Any] = {"np": np}
    exec(BUFFERS, space)
    return space


def test_what_an_unknown_function_returned_is_not_changed() -> None:
    get = buffers()["response"]

    def stored(x: float) -> float:
        a = get()
        a[0] = x
        return get()[0]  # type: ignore[no-any-return]

    def through_a_view(x: float) -> float:
        a = get()[1:]
        a += x
        return x * get()[1]  # type: ignore[no-any-return]

    for f, column in ((stored, 9), (through_a_view, 9)):
        with pytest.raises(CompileError, match="this is what `get` returned, which may keep it") as caught:
            grad(f)(1.5)
        assert (caught.value.line, caught.value.column) == (f.__code__.co_firstlineno + 2, column)
        assert "copy it first, as np.array" in str(caught.value)

    def copied(x: float) -> float:
        a = np.array(get()).reshape(3)
        a[0] = x
        return a[0] * (a[1] + 2.0)  # type: ignore[no-any-return]

    assert grad(copied)(1.5) == 2.0


def test_what_unknown_functions_change_later_is_kept_for_the_way_back() -> None:
    space = buffers()
    refilled, restart = space["refilled"], space["restart"]

    def looped(x: Any) -> Any:
        y = x * 1.0
        for _ in range(3):
            a = refilled().reshape(3)
            y = y * a + np.sin(y * a)
        return np.sum(y)

    def twice(x: Any) -> Any:
        t = np.sin(x * refilled().copy().reshape(3))
        return np.sum(t * refilled().copy().reshape(3))

    def read_again(x: Any) -> Any:
        a = refilled().reshape(3)
        t = x * x * a
        refilled()
        return np.sum(t * a)

    def restarted(f: Any, *args: Any) -> Any:
        restart()
        return f(*args)

    x, v = np.array([0.3, -0.2, 0.5]), np.array([1.0, 0.5, -0.7])
    for f in (looped, twice):
        value, gradient = restarted(value_and_grad(f), x)
        slope = (restarted(f, x + 1e-6 * v) - restarted(f, x - 1e-6 * v)) / 2e-6
        assert value == restarted(f, x)
        assert gradient @ v == pytest.approx(slope, rel=1e-6)
        assert restarted(jvp, f, (x,), (v,))[1] == pytest.approx(slope, rel=1e-6)
    with pytest.raises(RuntimeError, match="`refilled` changed an array that was returned before"):
        restarted(grad(read_again), x)


table = np.array([1.0, 2.0, 3.0])


def refreshed(k: int) -> float:
    with contextlib.ExitStack():
        table[:] = k
    return 1.0


def test_an_array_from_outside_is_not_read_while_an_unknown_function_may_change_it() -> None:
    def f(x: Any) -> Any:
        y = np.sum(x * x * table)
        return y * refreshed(3)

    with pytest.raises(CompileError, match="this call may change `table`, which is read here too") as caught:
        grad(f)(np.ones(3))
    assert (caught.value.line, caught.value.column) == (f.__code__.co_firstlineno + 2, 20)
    own = table.copy()
    assert grad(lambda x: np.sum(x * own) * refreshed(3))(np.ones(3)) == pytest.approx([1.0, 2.0, 3.0])


def area(a):
    return scipy.integrate.quad(lambda t: np.exp(-a * t * t), 0.0, 1.0)[0]


def slope(a):
    return scipy.integrate.quad(lambda t: -t * t * np.exp(-a * t * t), 0.0, 1.0)[0]


known_slope = primitive(slope, like=lambda a: 1.0)
known_area = primitive(area, like=lambda a: 1.0)


@known_area.tangent
def known_area_tangent(ans, a, a_dot):
    return a_dot * known_slope(a)


def test_functions_that_are_given_functions_are_refused_with_a_remedy_that_works() -> None:
    with pytest.raises(CompileError, match=r"adcompile.primitive\(f, like=") as caught:
        grad(lambda a: area(a) * a)(0.7)
    assert caught.value.line == area.__code__.co_firstlineno + 1
    assert caught.value.column == 12
    check_grads(lambda a: known_area(a) * a, 0.7)


# -- what is shown is shown once


def told(x: np.ndarray) -> float:
    values = []
    for v in x:
        values.append(v * v)
        logging.getLogger("told").info("%s of %s", values, x)
    print("told", values)
    return values[0] * sum(values)


def counted(n: int, x: float) -> float:
    print("counted", n)
    if n < 0:
        raise ValueError("too far")
    return x if n == 0 else x * counted(n - 1, x)


def test_logging_of_active_values_happens_once(caplog: pytest.LogCaptureFixture) -> None:
    x = np.array([1.5, -0.5])
    directions = np.eye(2)
    with caplog.at_level(logging.INFO, "told"):
        for derivative, runs in (
            (lambda: value_and_grad(told)(x)[1], 1),
            (lambda: np.array([jvp(told, (x,), (d,))[1] for d in directions]), 2),
        ):
            caplog.clear()
            np.testing.assert_allclose(derivative(), [4 * 1.5**3 + 2 * 1.5 * 0.25, -(1.5**2)])
            assert [r.message for r in caplog.records] == runs * [f"[{x[0] ** 2!r}] of {x}", f"{[*x**2]} of {x}"]


def test_what_a_nested_derivative_shows_is_shown_once(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def penalty(x: np.ndarray) -> float:
        value, slope = value_and_grad(told)(x)
        return value * np.sum(np.sin(slope))

    x = np.array([0.7, 1.1])
    with caplog.at_level(logging.INFO, "told"):
        for derivative in (grad(penalty), value_and_grad(penalty), hessian(told), lambda x: hvp(told, (x,), (x,))):
            caplog.clear()
            derivative(x)
            assert capsys.readouterr().out.count("told") == 1
            assert len(caplog.records) == 2
    check_grads(penalty, x)


def test_calls_of_recursive_functions_whose_results_are_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    def square(x: float, n: int) -> float:
        counted(n, x)
        return x * x

    derivatives = (grad(square), grad(grad(square)), lambda x, n: jvp(lambda x: square(x, n), (x,), (1.0,))[1])
    for derivative, expected in zip(derivatives, (6.0, 2.0, 6.0), strict=True):
        assert derivative(3.0, 2) == expected
        assert capsys.readouterr().out.split() == ["counted", "2", "counted", "1", "counted", "0"]
        with pytest.raises(ValueError, match="too far"):
            derivative(3.0, -1)
        capsys.readouterr()


def searching(a: Any) -> Any:
    return scipy.optimize.brentq(lambda x: x**3 - a, 0.0, 2.0)


def moving(a: Any) -> Any:
    return scipy.integrate.odeint(lambda y, t: -a * y, 1.0, [0.0, 1.0])


@pytest.mark.parametrize(("f", "remedy"), [(searching, "implicit_root"), (moving, "steps of a method in a loop")])
def test_functions_handed_to_scipy_are_refused_with_what_to_do(f: Any, remedy: str) -> None:
    with pytest.raises(CompileError, match=remedy) as error:
        grad(f)(0.5)
    assert error.value.line == f.__code__.co_firstlineno + 1


# -- objects of other packages that can be called


SPLINE = scipy.interpolate.CubicSpline(np.arange(4.0), np.sin(np.arange(4.0)))


def at_a_constant(x: float) -> Any:
    return x * x * SPLINE(0.3)


def made_and_called(x: float) -> Any:
    made = scipy.interpolate.CubicSpline(np.arange(4.0), np.array([0.0, 1.0, 0.5, 2.0]))
    return x * x * made(0.3)


@pytest.mark.parametrize("f", [at_a_constant, made_and_called])
def test_objects_of_other_packages_are_called_where_no_derivative_is_lost(f: Any) -> None:
    assert value_and_grad(f)(1.5) == (f(1.5), pytest.approx(2 * f(1.5) / 1.5))
    check_grads(f, 1.5)


def test_objects_of_other_packages_lose_no_derivative() -> None:
    line = scipy.interpolate.interp1d(np.arange(4.0), np.sin(np.arange(4.0)), kind="cubic")

    def at_an_argument(x: float) -> Any:
        return line(x)

    for derive in (lambda: grad(at_an_argument)(1.5), lambda: jvp(at_an_argument, (1.5,), (1.0,))):
        with pytest.raises(CompileError, match="no derivative rule for line"):
            derive()
