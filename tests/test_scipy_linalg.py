"""scipy.linalg: every function that has a rule, against finite differences in both modes and at second order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import check_grads, grad, value_and_grad
from adcompile.errors import CompileError

linalg = pytest.importorskip("scipy.linalg")

Q = np.array([[2.0, 0.8, 0.1], [0.3, 1.5, -0.2], [0.3, -0.2, 1.1]])
S = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.8]])
B, M = np.array([0.4, -1.0, 0.6]), np.array([[0.5, -1.2, 0.3], [0.8, 0.1, -0.4], [1.1, 0.6, 0.9]])


def of_inverse(q: Any) -> Any:
    return np.sum(linalg.inv(q) * M) + linalg.det(q) + np.sum(linalg.svdvals(q, overwrite_a=True) ** 2 * B)


def of_solve(q: Any, b: Any, s: Any) -> Any:
    x = linalg.solve(q, b) * linalg.solve(s, M, assume_a="pos")[0]
    return np.sum(x**2) + np.sum(linalg.solve(q, b, transposed=True, check_finite=False) * B)


def of_triangular(q: Any, b: Any) -> Any:
    x = linalg.solve_triangular(q, b) * linalg.solve_triangular(q, b, lower=True)
    y = linalg.solve_triangular(q, M, trans="T", unit_diagonal=True)
    return np.sum(x**2 * B) + np.sum(y**2) + np.sum(linalg.solve_triangular(q, b, 1, lower=True) ** 2)


def of_cholesky(s: Any) -> Any:
    return np.sum(linalg.cholesky(s) * M) + np.sum(linalg.cholesky(s, lower=True) ** 2 * M)


def of_cholesky_solve(s: Any, b: Any) -> Any:
    x = linalg.cho_solve(linalg.cho_factor(s), b) * linalg.cho_solve((linalg.cholesky(s, lower=True), True), b)
    return np.sum(x**2) + np.sum(linalg.cho_factor(s, lower=True)[0] * M)


def of_triangles(q: Any, b: Any) -> Any:
    rows = q[::-1]
    factors = linalg.lu_factor(rows)
    return np.sum(linalg.lu_solve(factors, b) ** 2 * B) + np.sum(factors[0] * M)


def of_eigenvalues(s: Any) -> Any:
    w, v = linalg.eigh(s, lower=False)
    return np.sum(w**2 * B) + np.sum(v**2 * M) + np.sum(linalg.eigvalsh(s) * linalg.eigh(s, eigvals_only=True) * B)


def of_functions(q: Any, s: Any) -> Any:
    return np.sum(linalg.expm(q) * M) + np.sum(linalg.sqrtm(s) * M)


def of_equations(q: Any, s: Any) -> Any:
    a = np.sum(linalg.solve_sylvester(q, s, M @ q) * M)
    return a + np.sum(linalg.solve_continuous_lyapunov(q, s @ M) * M)


def of_structure(b: Any, q: Any) -> Any:
    a = linalg.toeplitz(b) * linalg.circulant(b) + linalg.toeplitz(b, b**2) * linalg.hankel(b)
    return np.sum(linalg.block_diag(q, b, b[0]) ** 3) + np.sum((a + linalg.hankel(b, b * 2.0)) * M)


CASES: list[tuple[Any, tuple[Any, ...]]] = [
    (of_inverse, (Q,)),
    (of_solve, (Q, B, S)),
    (of_triangular, (Q, B)),
    (of_cholesky, (S,)),
    (of_cholesky_solve, (S, B)),
    (of_triangles, (Q, B)),
    (of_eigenvalues, (S,)),
    (of_functions, (Q, S)),
    (of_equations, (Q, S)),
    (of_structure, (B, Q)),
]


@pytest.mark.parametrize(("f", "args"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_derivatives(f: Any, args: tuple[Any, ...]) -> None:
    check_grads(f, *args, order=2)
    value, _ = value_and_grad(f)(*args)
    assert value == f(*args)


def test_exponentials_of_complex_matrices_and_of_several() -> None:
    check_grads(lambda a, b: np.sum(np.abs(linalg.expm(a + 1j * b)) ** 2 * M), Q, M)
    check_grads(lambda a: np.sum(linalg.expm(a) * M), np.stack([Q, M]))


def test_helpers_import_what_they_use() -> None:
    source = grad(of_cholesky_solve).source_for(S, B)
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    np.testing.assert_array_equal(namespace["of_cholesky_solve_vjp"](S, B), grad(of_cholesky_solve)(S, B))


def transposed(q: Any) -> Any:
    return np.sum(linalg.lu_solve(linalg.lu_factor(q), B, trans=1))


def test_refusals() -> None:
    with pytest.raises(CompileError, match="`trans` is not supported") as error:
        grad(transposed)(Q)
    assert error.value.line == transposed.__code__.co_firstlineno + 1


def test_square_roots_of_real_matrices_may_be_complex() -> None:
    weights = np.arange(9.0).reshape(3, 3) * (1.0 + 0.3j)

    def f(a):
        return np.real(np.sum(linalg.sqrtm(a.astype(complex)) * weights))

    with pytest.raises(TypeError, match=r"pass a.astype\(complex\)"):
        grad(lambda a: np.sum(np.abs(linalg.sqrtm(a))))(np.diag([-1.0, 2.0, 3.0]))
    for a in (np.array([[0.3, -2.0, 0.1], [1.7, 0.2, 0.4], [0.1, 0.3, 1.1]]), np.diag([-1.0, 2.0, 3.0]) + 0.1):
        gradient = grad(f)(a)
        assert gradient.dtype == np.float64
        for i, j in np.ndindex(a.shape):
            step = np.zeros(a.shape)
            step[i, j] = 1e-6
            assert gradient[i, j] == pytest.approx((f(a + step) - f(a - step)) / 2e-6, rel=1e-6, abs=1e-6)
