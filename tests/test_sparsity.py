"""Sparse Jacobians: the pattern covers the dense Jacobian, colours do not clash, and entries are the dense ones."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from adcompile import AdcompileError, ArgumentError, DenseJacobianWarning, jacobian
from adcompile.sparsity import rows
from adcompile.sparsity.colouring import colour_columns

CASES: list[tuple[Callable[..., Any], tuple[Any, ...], int]] = []
N = 30
DIFFERENCES = np.diag(np.ones(N)) - np.diag(np.ones(N - 1), 1)
WIDTH = 1


def case(*args: Any, sweeps: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(f: Callable[..., Any]) -> Callable[..., Any]:
        CASES.append((f, args, sweeps))
        return f

    return enter


@case(sweeps=3)
def reaction_diffusion(u):
    r = np.zeros_like(u)
    r[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2] + u[1:-1] ** 2 * (1 - u[1:-1])
    r[0] = u[0]
    r[-1] = u[-1] - 1.0
    return r


@case(sweeps=3)
def in_a_loop(u):
    r = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        r[i] = u[i + 1] - 2 * u[i] + u[i - 1] + np.sin(u[i])
    return r


@case(sweeps=3)
def periodic(u):
    return np.roll(u, 1) - 2 * u + np.roll(u, -1) + u * u


@case(sweeps=3)
def blocks(u):
    a = u.reshape(-1, 3)
    return (a * a.sum(axis=1, keepdims=True)).ravel()


@case(sweeps=6)
def two_axes(u):
    a = u.reshape(6, 5)
    r = a.copy()
    r[1:-1, 1:-1] = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2] - 4 * a[1:-1, 1:-1]
    return r


@case(DIFFERENCES, sweeps=2)
def matrix_with_zeros(u, d):
    return np.tanh(d @ u)


@case(sweeps=3)
def branches(u):
    r = u.copy()
    for i in range(1, len(u)):
        if u[i] > 0:
            r[i] = u[i] * u[i - 1]
        else:
            r[i] = u[i] * u[0]
    return r


@case(sweeps=2)
def joined(u):
    return np.concatenate([u[::2] * u[1::2], np.array([u[0], u[3] * u[4]]), np.stack([u[:3], u[3:6]]).T.ravel()])


@case(np.array([3, 1, 2, 5, 0]), sweeps=2)
def gathered(u, index):
    return u[index] * u[index[::-1]]


@case(sweeps=2)
def selected(u):
    return np.where(u > 0, u, np.roll(u, 1))


@case(sweeps=1)
def arrow(u):
    r = u**2
    r[0] = np.sum(u)
    return r[:1] * 0.0 + r[0]


@case(sweeps=N)
def scanned(u):
    return np.cumsum(u)


@case(2.0, sweeps=1)
def constant(u, c):
    return np.floor(u) * c


def wide(u):
    return u[2 * WIDTH :] * u[: -2 * WIDTH] + u[WIDTH:-WIDTH]


@pytest.mark.parametrize(("f", "args", "sweeps"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_entries_are_those_of_the_dense_jacobian(f: Callable[..., Any], args: tuple[Any, ...], sweeps: int) -> None:
    u = np.random.default_rng(3).normal(size=N)
    derivative = jacobian(f, sparsity="auto")
    dense = jacobian(f)(u, *args).reshape(-1, N)
    for _ in range(2):  # found, then known
        found = derivative(u, *args)
        assert found.format == "csr"
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12, atol=1e-14)
        assert derivative.sweeps <= sweeps
    for v in (u, -u, np.zeros(N)):  # the pattern does not depend on the values
        where = derivative.pattern(u, *args).toarray()
        assert not np.any(jacobian(f)(v, *args).reshape(-1, N)[~where])
    by_pattern = jacobian(f, sparsity=sparse.csc_array(np.abs(dense) > 0))
    np.testing.assert_allclose(by_pattern(u, *args).toarray(), dense, rtol=1e-12, atol=1e-14)


def test_single_precision_and_decorator() -> None:
    @jacobian(sparsity="auto")
    def f(u):
        return u[1:] * u[:-1]

    found = f(np.arange(4, dtype=np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), [[1, 0, 0, 0], [0, 2, 1, 0], [0, 0, 3, 2]])


def test_what_is_read_from_outside_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    derivative = jacobian(wide, sparsity="auto")
    u = np.linspace(1.0, 2.0, 12)
    for width in (1, 3, 1):
        monkeypatch.setitem(globals(), "WIDTH", width)
        np.testing.assert_allclose(derivative(u).toarray(), jacobian(wide)(u))


def test_no_pattern_is_said_and_the_result_is_right() -> None:
    def f(u):
        while np.sum(u) < 100.0:
            u = u * 1.5
        return u**2

    u = np.array([1.0, 2.0, 3.0])
    derivative = jacobian(f, sparsity="auto")
    with pytest.warns(DenseJacobianWarning, match="how often a loop runs depends on the values.*line"):
        found = derivative(u)
    np.testing.assert_allclose(found.toarray(), jacobian(f)(u))
    with pytest.raises(AdcompileError, match="how often"):
        derivative.pattern(u)


def test_bad_patterns_and_arguments() -> None:
    u = np.linspace(1.0, 2.0, N)
    with pytest.raises(ArgumentError, match="leaves out entries"):
        jacobian(periodic, sparsity=np.eye(N))(u)
    with pytest.raises(ArgumentError, match="columns"):
        jacobian(periodic, sparsity=np.eye(N - 1))(u)
    with pytest.raises(ArgumentError, match="rows"):
        jacobian(periodic, sparsity=np.ones((N - 1, N)))(u)
    with pytest.raises(ArgumentError, match="sparsity must be"):
        jacobian(periodic, sparsity="banded")
    with pytest.raises(ArgumentError, match="one array of floating-point"):
        jacobian(periodic, sparsity="auto")(1.0)
    with pytest.raises(ArgumentError, match="returns a number"):
        jacobian(lambda v: np.sum(v), sparsity="auto")(u)
    with pytest.raises(ArgumentError, match="one argument"):
        jacobian(periodic, argnums=(0,), sparsity="auto")


def test_pickling() -> None:
    derivative = pickle.loads(pickle.dumps(jacobian(periodic, sparsity="auto")))
    u = np.linspace(1.0, 2.0, N)
    np.testing.assert_allclose(derivative(u).toarray(), jacobian(periodic)(u))


def test_nothing_is_said_where_the_pattern_is_found() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jacobian(reaction_diffusion, sparsity="auto")(np.ones(N))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.0, 0.6), st.integers(0, 1000))
def test_colours_do_not_clash(m: int, n: int, density: float, seed: int) -> None:
    pattern = np.random.default_rng(seed).random((m, n)) < density
    colours = colour_columns(sparse.csr_array(pattern))
    assert colours.shape == (n,)
    for row in pattern:
        used = colours[row]
        assert len(set(used.tolist())) == used.size


def test_old_versions_of_rows_can_be_read() -> None:
    first = rows.identity((4,))
    second = first.written(2, frozenset({0, 3}))
    third = second.written(2, frozenset()).written(0, frozenset({1}))
    assert [v.row(2) for v in (first, second, third)] == [{2}, {0, 3}, set()]
    assert first.matrix().toarray().tolist() == np.eye(4, dtype=bool).tolist()
    assert second.matrix().toarray().astype(int).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1]]
    branch = second.written(1, frozenset({2}))  # another future of an old version
    assert branch.row(2) == {0, 3}
    assert third.row(1) == {1}
    assert third.everything() == {1, 3}
