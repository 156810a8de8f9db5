"""Guards: they let through what a program was compiled for, nothing else, and quickly."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from adcompile import grad, jvp, value_and_grad, vjp
from adcompile.dispatch.specialise import MISS
from adcompile.ir.lengths import Dim, combine, example_of

V = np.array([1.0, 2.0, 3.0])
M = np.arange(6.0).reshape(2, 3)

FACTOR = 2.0
TABLE = np.array([1.0, 2.0, 3.0])
POWER = 2
MODE = "square"


def helper(x):
    return x * x


def uses_globals(x):
    y = helper(x) * FACTOR + np.sum(TABLE)
    return y**POWER if MODE == "square" else y


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """Give this module's globals back their values afterwards."""
    this = sys.modules[__name__]
    saved = dict(vars(this))
    yield this
    vars(this).update(saved)


def misses(d: Any, *args: Any) -> bool:
    """Tell whether no guard lets the arguments through."""
    return d._specialiser.call(*args) is MISS


# -- kinds of arguments


def test_kinds_dtypes_and_ranks() -> None:
    d = grad(lambda x, y: np.sum(x * y))
    d(V, 2.0)
    assert not misses(d, V, 3.0)
    assert not misses(d, np.ones(7), 3.0)
    assert not misses(d, V[::-1], 3.0)
    assert not misses(d, V.astype(V.dtype.newbyteorder("=")), 3.0)
    for x in (M, 1.0, V.astype(np.float32), np.float64(1.0), [1.0], np.array(1.0), V.astype(">f8"), V.view(np.matrix)):
        assert misses(d, x, 3.0)
    for y in (3, np.float64(3.0), True, V):
        assert misses(d, V, y)


def test_lengths_only_where_the_derivation_used_them() -> None:
    d = grad(lambda w, x: np.sum((x @ w) ** 2))
    d(V, M)
    assert not misses(d, np.ones(4), np.ones((5, 4)))
    added = grad(lambda x, y: np.sum(x * y))
    added(V, V)
    assert not misses(added, np.ones(4), np.ones(4))
    assert misses(added, np.ones(4), np.ones(1))
    assert misses(added, np.ones(1), np.ones(4))


def test_lengths_that_come_from_ints() -> None:
    def padded(x, n):
        return np.sum(np.zeros(n) + x)

    d = grad(padded)
    for x, n in ((V, 3), (np.ones(5), 5), (V, 1), (np.ones(1), 3)):
        np.testing.assert_allclose(d(x, n), np.full(len(x), max(n, len(x)) / len(x)))


def test_containers() -> None:
    d = grad(lambda p: np.sum(p["w"] * p["b"][0]))
    d({"w": V, "b": (2.0, None)})
    assert not misses(d, {"w": V, "b": (3.0, None)})
    for p in (
        {"b": (2.0, None), "w": V},
        {"w": V, "b": [2.0, None]},
        {"w": V, "b": (2.0,)},
        {"w": V, "b": (2.0, 1.0)},
        {"w": V, "b": (2.0, None), "c": 1.0},
        {"w": V},
        V,
    ):
        assert misses(d, p)


def test_keys_of_other_types() -> None:
    d = grad(lambda p: p[1] * p["a"])
    assert d({1: 2.0, "a": 3.0}) == {1: 3.0, "a": 2.0}
    assert misses(d, {True: 2.0, "a": 3.0})
    assert misses(d, {1.0: 2.0, "a": 3.0})
    assert not misses(d, {1: 5.0, "a": 3.0})


def test_static_arguments() -> None:
    d = grad(lambda x, mode, flag, f: f(x) if mode == "f" and flag else x)
    d(2.0, "f", True, np.sin)
    assert not misses(d, 2.0, "".join(["f"]), True, np.sin)
    for args in ((2.0, "g", True, np.sin), (2.0, "f", 1, np.sin), (2.0, "f", True, np.cos), (2.0, None, True, np.sin)):
        assert misses(d, *args)


def test_opaque_arguments() -> None:
    d = grad(lambda x, anything: x * x)
    for anything in (object(), {1, 2}, np.array([None]), np.array(["a"]), np.datetime64("2020-01-01"), range(3)):
        assert d(3.0, anything) == 6.0
        assert not misses(d, 3.0, anything)
    assert misses(d, 3.0, frozenset())


def test_names_like_those_of_guards() -> None:
    type, x_dot, y_bar = 2.0, np.array([1.0, 2.0, 3.0]), 5.0
    out, out_dot = jvp(lambda x: np.sum(x * x_dot) * type * y_bar, (V,), (V,))
    assert out == out_dot == 140.0
    assert grad(lambda y_bar, x_bar: y_bar * x_bar * x_bar * type)(2.0, 3.0) == 18.0
    d = grad(lambda _1, _2, _k1, _g0, _n1: _1[0] * _2["a"] * _k1 * _g0 * np.sum(_n1), argnums=(0, 1, 2, 3, 4))
    got = d((2.0,), {"a": 3.0}, 5.0, 7.0, V)
    assert got[:4] == ((630.0,), {"a": 420.0}, 252.0, 180.0)
    np.testing.assert_allclose(got[4], np.full(3, 210.0))
    with pytest.raises(TypeError, match="the name _type is used by the compiler"):
        grad(lambda x, _type: x)(1.0, 2.0)


def test_tangents() -> None:
    def product(p, x):
        return p[0] * np.sum(x)

    for dtype in (np.float64, np.float32):
        x = V.astype(dtype)
        out, out_dot = jvp(product, ((2.0, None), x), ((1.0, None), x * 0.5))
        assert out_dot == pytest.approx(6.0 + 2.0 * 3.0)


# -- what free names mean


def expected(x: float) -> float:
    step = 1e-6
    return (uses_globals(x + step) - uses_globals(x - step)) / (2 * step)


def test_globals_are_read_at_each_call(module: Any) -> None:
    d = grad(uses_globals)
    assert d(1.5) == pytest.approx(expected(1.5))
    changes: list[tuple[str, object]] = [
        ("FACTOR", 3.0),
        ("TABLE", np.array([5.0, 6.0])),
        ("POWER", 3),
        ("MODE", "plain"),
        ("helper", lambda x: x * x * x),
        ("FACTOR", 4),
        ("FACTOR", np.float64(2.5)),
        ("TABLE", np.ones((2, 2))),
        ("POWER", 2),
        ("MODE", "square"),
    ]
    for name, value in changes:
        setattr(module, name, value)
        assert d(1.5) == pytest.approx(expected(1.5), rel=1e-5), (name, value)
    TABLE_IN_PLACE = np.array([1.0])
    module.TABLE = TABLE_IN_PLACE
    d(1.5)
    TABLE_IN_PLACE += 10.0
    assert d(1.5) == pytest.approx(expected(1.5), rel=1e-5)


def test_code_of_helpers_may_be_replaced(module: Any) -> None:
    def cubed(x):
        return x * x * x

    def own(x):
        return x * x

    module.helper = own
    d = grad(uses_globals)
    assert d(1.5) == pytest.approx(expected(1.5), rel=1e-5)
    own.__code__ = cubed.__code__
    assert d(1.5) == pytest.approx(expected(1.5), rel=1e-5)


def test_code_and_defaults_of_the_function_may_be_replaced() -> None:
    def f(x, k=2.0):
        return x * k

    def g(x, k=2.0):
        return x * x * k

    d = grad(f)
    assert d(3.0) == 2.0
    f.__defaults__ = (5.0,)
    assert d(3.0) == 5.0
    f.__code__ = g.__code__
    assert d(3.0) == 30.0


def test_keyword_defaults_may_be_replaced() -> None:
    def f(x, *, k=2.0):
        return x * k

    d = grad(f)
    assert d(3.0) == 2.0
    f.__kwdefaults__["k"] = 7.0
    assert d(3.0) == 7.0


def test_what_mutable_defaults_and_attributes_hold_may_change() -> None:
    settings = types.ModuleType("settings")
    settings.rates = [2.0, {"a": 3.0}]  # type: ignore[attr-defined]

    def helper(x, scale=[1.0], *, more={"k": 1.0}):  # noqa: B006
        return x * scale[0] * more["k"]

    def f(x):
        return helper(x) * settings.rates[0] * settings.rates[1]["a"]

    d = grad(f)
    assert d(1.0) == 6.0
    helper.__defaults__[0][0] = 5.0
    assert d(1.0) == 30.0
    helper.__kwdefaults__["more"]["k"] = 2.0
    assert d(1.0) == 60.0
    settings.rates[1]["a"] = 6.0  # type: ignore[attr-defined]
    assert d(1.0) == 120.0
    settings.rates = (2.0, {"a": 1.0})  # type: ignore[attr-defined]
    assert d(1.0) == 20.0


def test_builtins_may_be_hidden(module: Any) -> None:
    d = grad(lambda x: abs(x) * 2.0)
    assert d(-3.0) == -2.0
    module.abs = lambda x: x
    try:
        assert d(-3.0) == 2.0
    finally:
        del module.abs
    assert d(-3.0) == -2.0


def test_closures_are_read_at_each_call() -> None:
    k: Any = 2.0

    def f(x):
        return x * k

    d = grad(f)
    assert d(3.0) == 2.0
    k = 5.0
    assert d(3.0) == 5.0
    k = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match="one floating-point number"):
        d(3.0)
    k = 4
    assert d(3.0) == 4.0


def test_deleted_globals_are_missed(module: Any) -> None:
    d = grad(uses_globals)
    d(1.5)
    assert not misses(d, 1.5)
    del module.FACTOR
    assert misses(d, 1.5)
    with pytest.raises(TypeError, match="FACTOR"):
        d(1.5)


def test_attributes_of_objects_are_read_at_each_call() -> None:
    class Spring:
        def __init__(self) -> None:
            self.stiffness = 2.0

        def energy(self, x):
            return 0.5 * self.stiffness * x * x

        @grad
        def force(self, x):
            return 0.5 * self.stiffness * x * x

    spring = Spring()
    d = grad(spring.energy)
    assert (d(3.0), spring.force(3.0)) == (6.0, 6.0)
    spring.stiffness = 5.0
    assert (d(3.0), spring.force(3.0)) == (15.0, 15.0)
    assert Spring().force(3.0) == 6.0


def test_attributes_of_modules_are_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = types.ModuleType("settings")
    settings.rate = 2.0  # type: ignore[attr-defined]
    settings.shape = lambda x: x * x  # type: ignore[attr-defined]

    def f(x):
        return settings.shape(x) * settings.rate

    d = grad(f)
    assert d(3.0) == 12.0
    settings.rate = 3.0  # type: ignore[attr-defined]
    assert d(3.0) == 18.0
    settings.shape = lambda x: x * x * x  # type: ignore[attr-defined]
    assert d(3.0) == 81.0


def test_many_specialisations_are_all_found_again() -> None:
    d = grad(lambda x, n: x * n)
    functions = [functools.partial(lambda x, k: x * k, k=float(k)) for k in range(80)]
    for k, f in enumerate(functions):
        assert grad(lambda x, g: g(x))(2.0, f) == float(k)
    for n in (2.0, np.float32(2.0), V[0], np.float64(1.0)):
        for _ in range(2):
            assert d(3.0, n) == n


# -- cost


def entered(f: Any, args: tuple[Any, ...]) -> list[str]:
    """Return the names of the Python functions that a call enters."""
    names: list[str] = []
    sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name) if event == "call" else None)
    try:
        f(*args)
    finally:
        sys.setprofile(None)
    return names


def test_a_call_goes_through_the_guard_alone() -> None:
    """Its time is measured in the benchmarks."""

    def product(w, x, t):
        return w * x * t

    d = value_and_grad(product, argnums=(0, 1, 2))
    d(2.0, 3.0, 4.0)
    assert entered(d, (2.0, 3.0, 4.0)) == ["__call__", "call", "product_value_and_vjp"]


def test_vjp_finds_its_program_by_the_function() -> None:
    def f(x):
        return x * x

    vjp(f, V)
    vjp(f, V)
    from adcompile.api import derived

    found = [s for (code, _), s in derived._recent.items() if code is f.__code__]
    assert len(found) == 1
    assert len(found[0]._known) == 1


def test_quotients_of_lengths_are_tested_in_order() -> None:
    """The shapes in a fact are read before the test that a divisor is not 0."""

    def f(x: np.ndarray, y: np.ndarray) -> Any:
        return np.sum(x.reshape(len(y), -1) + np.zeros((len(y), len(x) // len(y))))

    derivative = grad(f, argnums=(0,))
    for n, m in ((6, 2), (9, 3), (8, 2)):
        np.testing.assert_array_equal(derivative(np.ones(n), np.ones(m))[0], np.ones(n))


def test_equal_products_and_quotients_have_one_form() -> None:
    n, m = Dim("axis", ("x", 0), 4), Dim("axis", ("y", 0), 6)
    assert combine("*", (combine("*", (3, n)), m)) == combine("*", (combine("*", (m, n)), 3))
    assert combine("//", (combine("*", (n, n)), combine("*", (n, 3)))) == combine("//", (n, 3))
    assert combine("//", (combine("*", (n, 6)), combine("*", (n, 3)))) == 2
    assert combine("//", (combine("*", (n, m)), n)) == m
    assert example_of(combine("//", (combine("*", (n, m)), 8))) == 3


def test_a_class_may_get_an_attribute_that_its_base_has() -> None:
    class Base:
        rate = 2.0
        power = 2

        def value(self, x: Any) -> Any:
            return self.rate * np.sum(x**self.power)

    class Derived(Base):
        pass

    held = Derived()
    derivative = grad(lambda x: held.value(x))
    np.testing.assert_allclose(derivative(V), 4 * V)
    Base.rate = 3.0
    np.testing.assert_allclose(derivative(V), 6 * V)
    Derived.rate = 5.0  # type: ignore[attr-defined]
    np.testing.assert_allclose(derivative(V), 10 * V)
    Derived.power = 3  # type: ignore[attr-defined]
    np.testing.assert_allclose(derivative(V), 15 * V**2)
    del Derived.rate  # type: ignore[attr-defined]
    np.testing.assert_allclose(derivative(V), 9 * V**2)
