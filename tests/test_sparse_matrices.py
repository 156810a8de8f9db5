"""Sparse matrices of SciPy: constants, whose products with arrays are differentiated in every mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompile import CompileError, check_grads, grad, hessian, jacobian, jvp, vjp

sparse = pytest.importorskip("scipy.sparse")
linalg = pytest.importorskip("scipy.sparse.linalg")

rng = np.random.default_rng(0)
DENSE = np.where(rng.uniform(size=(4, 5)) > 0.4, rng.normal(size=(4, 5)), 0.0)
M = sparse.csr_matrix(DENSE)
LAPLACE = sparse.diags([-1.0, 2.5, -1.0], [-1, 0, 1], shape=(5, 5), format="csc")
V, B, X = rng.normal(size=5), rng.normal(size=4), rng.normal(size=(5, 2))


def energy(x: Any) -> Any:
    return x @ (LAPLACE @ x) + np.sum((M @ x) ** 3) + np.sum(M.dot(x) * x[:4])


def products(m: Any, x: Any, y: Any) -> Any:
    a = m.T @ (m @ x) + y @ m
    return a * m.shape[0] + m.toarray()[0] * x


@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array", "coo_array"])
def test_products(form: str) -> None:
    matrix = getattr(sparse, form)(DENSE)
    check_grads(products, matrix, V, B, argnums=(1, 2))
    value, _ = vjp(products, matrix, V, B, argnums=(1, 2))
    assert np.array_equal(value, products(matrix, V, B))
    check_grads(lambda x: np.sum((matrix @ x) ** 2 * B[:, np.newaxis]), X)


def test_stars_multiply_matrices_alone() -> None:
    check_grads(lambda x: M * x, V)
    with pytest.raises(CompileError, match="sparse matrix is not supported") as caught:
        grad(lambda m, x: np.sum(m * x), argnums=1)(sparse.csr_array(DENSE), V)
    assert caught.value.line is not None and "carry it out before" in str(caught.value)


def test_higher_orders() -> None:
    np.testing.assert_allclose(jacobian(lambda x: M @ x)(V), DENSE)
    first = grad(energy)
    found = hessian(energy)(V)
    for k in range(5):
        step = 1e-6 * np.eye(5)[k]
        np.testing.assert_allclose(found[k], (first(V + step) - first(V - step)) / 2e-6, rtol=1e-5, atol=1e-6)
    _, change = jvp(first, (V,), (X[:, 0].copy(),))
    np.testing.assert_allclose(change, found @ X[:, 0])


def test_source() -> None:
    source = grad(lambda x: np.sum((M @ x) ** 2)).source_for(V)
    assert "x_bar = M.T @ (2 * y_bar * (M @ x))" in source


def powers(x: Any, m: Any) -> Any:
    for _ in range(2):
        x = m.T @ x
    return x**2


@pytest.mark.parametrize("f", [powers, lambda x, m: linalg.spsolve(m, x) ** 2, lambda x, m: (m.toarray() @ x) ** 3])
def test_a_pullback_keeps_the_matrix_of_its_call(f: Any) -> None:
    """The matrix may be changed, or what it was made of, before the pullback is called."""
    matrix = LAPLACE.copy()
    _, kept = vjp(f, V, matrix, argnums=(0,))
    want = kept(B[0] * V)
    _, pullback = vjp(f, V, matrix, argnums=(0,))
    _, captured = vjp(lambda x: f(x, matrix), V)
    matrix.data[:] = 7.0
    np.testing.assert_array_equal(pullback(B[0] * V), want)
    np.testing.assert_array_equal(captured(B[0] * V), want)
    assert not np.allclose(vjp(f, V, matrix, argnums=(0,))[1](B[0] * V), want)


def test_a_transpose_is_not_kept_on_a_tape() -> None:
    source = grad(lambda x, m: np.sum(powers(x, m)), argnums=0).source_for(V, LAPLACE)
    assert "tape" not in source and "m @ x_bar" in source


def test_other_classes_types_and_shapes_are_other_programs() -> None:
    gradient = grad(lambda m, x: np.sum((m @ x) ** 2), argnums=1)
    for matrix in (M, M.astype(np.float32), sparse.csc_matrix(DENSE), M[:2], M[:1]):
        np.testing.assert_allclose(gradient(matrix, V), 2.0 * matrix.T @ (matrix @ V))
    with pytest.raises(CompileError, match="the lengths 5 and 4 differ"):
        gradient(M, B)


def test_systems_of_equations() -> None:
    check_grads(lambda b: linalg.spsolve(LAPLACE, b), V)
    np.testing.assert_allclose(jacobian(lambda b: linalg.spsolve(LAPLACE, b))(V), np.linalg.inv(LAPLACE.toarray()))


def test_matrices_made_inside_are_refused() -> None:
    with pytest.raises(CompileError, match="made outside"):
        grad(lambda b: np.sum(linalg.spsolve(sparse.csc_matrix(np.eye(5)), b)))(V)


class Model:
    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix

    def loss(self, x: Any) -> Any:
        return np.sum((self.matrix @ x) ** 2)


def test_attributes_of_objects() -> None:
    np.testing.assert_allclose(grad(Model(M).loss)(V), 2.0 * DENSE.T @ (DENSE @ V))
    np.testing.assert_allclose(grad(lambda model, x: model.loss(x), argnums=1)(Model(M), V), 2.0 * DENSE.T @ DENSE @ V)
