"""Functions that return nothing and store into their arguments: `outputs` names what their result is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adcompile import ArgumentError, grad, jvp, value_and_grad, vjp
from tests import oracle
from tests.programs import kernels
from tests.programs.kernels import A4, B4, C4, DD, SPD, some


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


def rebinds(A, B):
    """What a name is bound to later is not the argument."""
    A[0] = B[1]
    A = A + 1.0
    A[1] = 7.0
    B *= 2.0
    if B[0] > 100.0:
        return
    B[1] = A[0]


def stops_early(a, limit):
    for i in range(len(a)):
        a[i] *= 2.0
        if a[i] > limit:
            return
    a[0] = 9.0


def container(d):
    d["x"][0] = d["y"][1] ** 2
    d["y"] *= 3.0


def swapped(a, b):
    u, v = a, b
    for _ in range(3):
        v[1:-1] = u[1:-1] * u[2:] + 0.5 * u[:-2]
        u, v = v, u


CASES: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[str, ...]]] = [
    (kernels.gemm, (1.5, 0.5, C4, A4, B4), ("C",)),
    (kernels.lu, (DD,), ("A",)),
    (kernels.cholesky, (SPD,), ("A",)),
    (kernels.jacobi2d, (some(5, 5), some(5, 5), 3), ("A", "B")),
    (kernels.seidel2d, (some(5, 5), 2), ("A",)),
    (kernels.trmm, (1.3, A4, B4), ("B",)),
    (kernels.floyd, (np.abs(some(4, 4)) + 0.1,), ("path",)),
    (kernels.gramschmidt, (some(5, 3),), ("A",)),
    (kernels.fdtd2d, (some(4, 4), some(4, 4), some(4, 4), some(4), 2), ("hz", "ex", "ey")),
    (kernels.gemver, (A4, *(some(4) for _ in range(8))), ("A", "x", "w")),
    (kernels.doitgen, (some(3, 2, 4), A4), ("A",)),
    (rebinds, (np.array([1.0, 2.0]), np.array([3.0, 4.0])), ("A", "B")),
    (stops_early, (np.array([1.0, 2.0, 3.0]), 3.5), ("a",)),
    (container, ({"x": np.array([1.0, 2.0]), "y": np.array([3.0, 4.0])},), ("d",)),
    (swapped, (np.array([1.0, 0.5, 0.3, 2.0]), np.array([0.1, 0.2, 0.3, 0.4])), ("b", "a")),
]


def final_values(f: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    """Return the function that calls another one and returns the arguments that these names have there."""
    parameters = f.__code__.co_varnames

    def call(*args: Any) -> tuple[Any, ...]:
        given = oracle.copied(args)
        f(*given)
        return tuple(given[parameters.index(name)] for name in names)

    return call


@pytest.mark.parametrize(("f", "args", "names"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_final_values_are_the_result(f: Callable[..., Any], args: tuple[Any, ...], names: tuple[str, ...]) -> None:
    count = len(args) - sum(isinstance(a, int) for a in args)
    fixed, active = args[count:], args[:count]

    want = oracle.jacobian(final_values(f, names), args, tuple(range(count)))
    given = oracle.copied(args)
    partial = f if not fixed else _last_fixed(f, fixed)
    out, pullback = vjp(partial, *given[:count], outputs=names)
    assert oracle.close(oracle.flat(out), oracle.flat(final_values(f, names)(*args)), 0.0)
    u = np.random.default_rng(5).standard_normal(want.shape[0])
    bars = pullback(oracle.unflat(out, u))
    assert oracle.close(oracle.flat(bars), u @ want, 2e-7)
    v = np.random.default_rng(6).standard_normal(want.shape[1])
    _, out_dot = jvp(partial, given[:count], oracle.unflat(active, v), outputs=names)
    assert oracle.close(oracle.flat(out_dot), want @ v, 2e-7)
    for a, b in zip(oracle.leaves(given), oracle.leaves(args), strict=True):
        assert np.array_equal(a, b), "an argument was modified"


def _last_fixed(f: Callable[..., Any], fixed: tuple[Any, ...]) -> Callable[..., Any]:
    """Give the last arguments of a function."""
    names = f.__code__.co_varnames[f.__code__.co_argcount - len(fixed) : f.__code__.co_argcount]
    return functools.partial(f, **dict(zip(names, fixed, strict=True)))


def energy(total, x):
    total[...] = np.sum(x * x)


def test_one_number_has_a_gradient() -> None:
    value, gradient = value_and_grad(energy, argnums=1, outputs="total")(np.zeros(()), np.array([1.0, 2.0]))
    assert value == 5.0
    assert np.array_equal(gradient, [2.0, 4.0])
    assert np.array_equal(grad(energy, argnums=1, outputs=("total",))(np.zeros(()), np.ones(2)), [2.0, 2.0])


def test_what_outputs_may_not_be() -> None:
    args = (1.0, 1.0, C4, A4, B4)
    refusals = [
        (lambda: value_and_grad(kernels.gemm, outputs=("C",))(*args), "one floating-point number"),
        (lambda: vjp(kernels.gemm, *args, outputs=("Q",)), "has no argument Q; it has alpha, beta, C, A, B"),
        (lambda: vjp(kernels.gemm, *args, outputs=("alpha",)), "alpha is no array"),
        (lambda: vjp(kernels.gemm, *args, outputs=(1,)), "must be names of arguments"),
        (lambda: vjp(kernels.gemm, *args, outputs=("C", "C")), "twice"),
        (lambda: vjp(kernels.gemm, *args, outputs=("C",), has_aux=True), "no has_aux"),
        (lambda: jvp(kernels.gemm, args, args, outputs=()), "must be names of arguments"),
    ]
    for call, text in refusals:
        with pytest.raises(ArgumentError, match=text) as caught:
            call()
        assert isinstance(caught.value, TypeError)


def swapped_often(a, b, n):
    u, v = a, b
    for _ in range(n):
        v[1:] = u[:-1] * 1.5
        u, v = v, u


@pytest.mark.parametrize("n", [3, 4])
@pytest.mark.parametrize("outputs", [("a",), ("b",), ("a", "b")])
def test_buffers_that_are_swapped_an_unknown_number_of_times(n: int, outputs: tuple[str, ...]) -> None:
    """After the loop it is known only at run time which of the two arguments is which."""
    f, start = functools.partial(swapped_often, n=n), np.array([1.0, 2.0, 3.0, 0.5, -1.0, 2.0])

    def final(values: np.ndarray) -> np.ndarray:
        a, b = values[:3].copy(), values[3:].copy()
        f(a, b)
        return np.concatenate([{"a": a, "b": b}[name] for name in outputs])

    value, pullback = vjp(f, start[:3], start[3:], outputs=outputs)
    assert np.array_equal(np.concatenate(value), final(start))
    slopes = np.array([(final(start + h) - final(start - h)) / 2e-6 for h in 1e-6 * np.eye(6)])
    u = np.arange(1.0, 1.0 + 3 * len(outputs))
    assert np.allclose(np.concatenate(pullback(tuple(u.reshape(-1, 3)))), slopes @ u)
    for h, slope in zip(np.eye(6), slopes, strict=True):
        assert np.allclose(np.concatenate(jvp(f, (start[:3], start[3:]), (h[:3], h[3:]), outputs=outputs)[1]), slope)


def repeated(n, a, factor, *shifts):
    for i in range(n):
        a[i] = factor * a[i] + shifts[-1] * a[i - 1]


def test_only_some_arguments_are_differentiated() -> None:
    a, factor, shift = np.array([0.5, -1.0, 2.0]), 1.5, 0.25

    def final(a: np.ndarray, shift: float) -> np.ndarray:
        b = a.copy()
        repeated(2, b, factor, 1, shift)
        return b

    u, v, v_shift = np.array([1.0, -0.5, 2.0]), np.array([0.3, 0.7, -0.2]), 0.6
    h = 1e-6
    wanted = u @ (final(a + h * v, shift + h * v_shift) - final(a - h * v, shift - h * v_shift)) / (2 * h)
    (out,), pullback = vjp(repeated, 2, a, factor, 1, shift, outputs="a", argnums=(-1, 1))
    shift_bar, a_bar = pullback((u,))
    assert np.array_equal(out, final(a, shift)) and np.array_equal(a, [0.5, -1.0, 2.0])
    assert np.isclose(a_bar @ v + shift_bar * v_shift, wanted)
    _, (out_dot,) = jvp(repeated, (2, a, factor, 1, shift), (v, v_shift), outputs="a", argnums=(1, 4))
    assert np.isclose(u @ out_dot, wanted)


def test_only_some_arguments_are_differentiated_inside_a_function() -> None:
    def slope(x: float) -> float:
        _, pullback = vjp(lambda n, x: x**n, 3, x, argnums=(1,))
        _, dot = jvp(lambda n, x: x**n, (4, x), (1.0,), argnums=(-1,))
        return pullback(1.0)[0] + dot

    assert np.isclose(slope(1.5), 3 * 1.5**2 + 4 * 1.5**3)
    assert np.isclose(grad(slope)(1.5), 6 * 1.5 + 12 * 1.5**2)


@pytest.mark.parametrize("argnums", [1, (3,), (1, -2), (), "a"])
def test_argnums_of_products_are_a_tuple_of_numbers_of_arguments(argnums: object) -> None:
    with pytest.raises(ArgumentError, match="argnums"):
        vjp(lambda n, x, y: x * y, 3, 1.0, 2.0, argnums=argnums)


def test_there_is_a_tangent_for_each_of_argnums() -> None:
    with pytest.raises(ArgumentError, match="there are 1 argnums, but 2 tangents"):
        jvp(lambda n, x: x**n, (3, 1.0), (0.0, 1.0), argnums=(1,))
