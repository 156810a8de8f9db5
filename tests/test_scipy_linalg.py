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


T = M[:, :2]


def of_singular_values(q: Any, t: Any) -> Any:
    u, s, vt = linalg.svd(q)
    a = np.sum(u**2 * M) + np.sum(s * B) + np.sum(vt**2 * M) + np.sum(linalg.svd(t, compute_uv=False) ** 3)
    u, s, vt = linalg.svd(t, full_matrices=False)
    return a + np.sum((u * s) @ vt * T) + np.sum(linalg.svd(t)[1]) * linalg.norm(t[:, 0]) * linalg.norm(t, "nuc")


def of_orthogonal_factors(q: Any, t: Any) -> Any:
    a, b = linalg.qr(q)
    c, d = linalg.qr(t, mode="economic")
    u, p = linalg.polar(q)
    return np.sum(a * b * M) + np.sum(c**2 * T) + np.sum(d**2) + np.sum(linalg.qr(q, mode="r")[0] * u * p)


def of_triangular_factors(q: Any) -> Any:
    p, lower, upper = linalg.lu(q[::-1])
    return np.sum(p @ lower * M) + np.sum(upper**2 * M) + np.sum(linalg.lu(q, permute_l=True)[0] ** 2 * M)


def of_least_squares(t: Any, b: Any, s: Any) -> Any:
    x, _, _, values = linalg.lstsq(t, b)
    return np.sum(x**2) + np.sum(values**3) + np.sum(linalg.pinv(t).T * T) + np.sum(linalg.pinvh(s) * M)


def of_general_eigenvalues(q: Any, s: Any) -> Any:
    w, v = linalg.eigh(q, s, lower=False)
    return np.sum(w**2 * B) + np.sum(v**2 * M) + np.sum(linalg.eigvalsh(q, s) ** 3 * B)


def of_any_eigenvalues(q: Any) -> Any:
    w, v = linalg.eig(q)
    return np.sum(np.abs(w) ** 2 * np.real(w)) + np.sum(np.abs(v) ** 2 * M) + np.real(np.sum(linalg.eigvals(q) ** 3))


def of_matrix_functions(q: Any, s: Any) -> Any:
    e, f = linalg.expm_frechet(q, s)
    a = np.sum(linalg.logm(s) * q) + np.sum(e * f) + np.sum(linalg.expm_frechet(s, q, compute_expm=False) * q)
    b = np.sum(linalg.cosm(q) * linalg.sinm(s)) + np.sum(linalg.coshm(q) * linalg.sinhm(s))
    return a + b + np.sum(linalg.solve_discrete_lyapunov(0.2 * q, s @ q) * s)


def test_functions_of_matrices() -> None:
    q, s = Q[:2, :2], S[:2, :2]
    check_grads(of_matrix_functions, q, s)
    assert value_and_grad(of_matrix_functions)(q, s)[0] == of_matrix_functions(q, s)


def of_bands(q: Any, b: Any) -> Any:
    x = linalg.solve_banded((1, 1), q, b) + np.sum(linalg.solve_banded((0, 2), q, M), axis=1)
    y = linalg.solve_toeplitz(q[0], b) * linalg.solve_toeplitz((q[0], b), q[1])
    return np.sum(x**2 * B) + np.sum(y**2 * B)


def of_tridiagonal(d: Any, e: Any) -> Any:
    w, v = linalg.eigh_tridiagonal(d, e[:2])
    a = linalg.eigvalsh_tridiagonal(d, e[1:]) * linalg.eigh_tridiagonal(d, e[1:], eigvals_only=True)
    return np.sum(w**2 * B) + np.sum(v**2 * M) + np.sum(a * B)


def of_halves(q: Any, b: Any) -> Any:
    x = linalg.solve(q, b, lower=True, assume_a="sym") * linalg.solve(q, b, assume_a="symmetric", transposed=True)
    return np.sum(x**2 * B) + np.sum(linalg.solve(q, b, lower=True, assume_a="pos"))


DECOMPOSITIONS: list[tuple[Any, tuple[Any, ...]]] = [
    (of_singular_values, (Q, T)),
    (of_orthogonal_factors, (Q, T)),
    (of_triangular_factors, (Q,)),
    (of_least_squares, (T, B, S)),
    (of_general_eigenvalues, (Q, S)),
    (of_any_eigenvalues, (Q,)),
    (of_bands, (Q, B)),
    (of_tridiagonal, (np.array([1.0, 2.5, -0.7]), B)),
    (of_halves, (Q, B)),
]


@pytest.mark.parametrize(("f", "args"), DECOMPOSITIONS, ids=[f.__name__ for f, _ in DECOMPOSITIONS])
def test_decompositions(f: Any, args: tuple[Any, ...]) -> None:
    check_grads(f, *args, order=2)
    value, _ = value_and_grad(f)(*args)
    assert value == f(*args)


def of_complex(a: Any, b: Any) -> Any:
    z = a + 1j * b
    c = linalg.norm(z[0]) + np.sum(linalg.svd(z, compute_uv=False)) + np.real(np.sum(linalg.pinv(z) * M))
    return c + np.sum(np.abs(linalg.eigvals(z))) + np.real(np.sum(linalg.sinm(z[:2, :2]) ** 2))


def test_decompositions_of_complex_matrices() -> None:
    check_grads(of_complex, Q, M)


def no_basis(t: Any) -> Any:
    return np.sum(linalg.svd(t)[0])


def no_full_factor(t: Any) -> Any:
    return np.sum(linalg.qr(t)[1])


def no_residuals(t: Any) -> Any:
    return np.sum(linalg.lstsq(t, M)[1])


@pytest.mark.parametrize(
    ("f", "remedy"),
    [(no_basis, "full_matrices=False"), (no_full_factor, "mode='economic'"), (no_residuals, r"np.sum\(\(b - a @ x\)")],
)
def test_what_has_no_derivative_is_refused_with_a_remedy(f: Any, remedy: str) -> None:
    with pytest.raises(CompileError, match=remedy) as error:
        grad(f)(T)
    assert error.value.line == f.__code__.co_firstlineno + 1


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
