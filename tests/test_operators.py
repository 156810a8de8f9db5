"""The operators as users call them: shapes, containers, decorators, sources, pickles, the disk cache."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adcompile
from adcompile import (
    ArgumentError,
    CompileError,
    cache_info,
    derivative,
    directional,
    elementwise_grad,
    from_source,
    gauss_newton_vp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    value_and_jacobian,
    vjp,
)
from tests import oracle

JACOBIANS = [jacfwd, jacrev, jacobian]


@pytest.fixture(autouse=True)
def verified_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("ADCOMPILE_VERIFY", "1")


def numeric(f: Callable[..., Any], x: np.ndarray | float) -> np.ndarray:
    """Return the Jacobian by finite differences: the axes of the result, then those of the argument."""
    flat = np.atleast_1d(np.asarray(x, dtype=float)).ravel()

    def along(e: np.ndarray) -> Callable[[float], np.ndarray]:
        def moved(h: float) -> np.ndarray:
            point = flat + h * e
            return np.asarray(f(point.reshape(np.shape(x)) if np.ndim(x) else float(point[0])), dtype=float).ravel()

        return moved

    columns = np.stack([oracle.derivative(along(e)) for e in np.eye(flat.size)], axis=-1)
    return columns.reshape(np.shape(f(np.array(x) if np.ndim(x) else x)) + np.shape(x))


def close(a: Any, b: Any, tolerance: float = 1e-8) -> bool:
    assert np.shape(a) == np.shape(b), (np.shape(a), np.shape(b))
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


# -- Jacobians


def vector(x):
    return np.array([x[0] * x[1], np.sin(x[1]), x[0] ** 3])


def looped(x):
    y = np.zeros(4)
    for i in range(3):
        y[i] = x[i] * x[i - 1] + y[i - 1]
        if y[i] > 0.5:
            y[i + 1] += np.exp(-x[i])
    return y


def matrix(x):
    return np.outer(x, np.cos(x)) @ np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.2]])


def of_matrix(a):
    return np.sum(a * a.T, axis=0) + np.linalg.inv(a)[0]


def reduced(x):
    return np.mean(x, axis=0) * np.max(x) + np.linalg.norm(x) + np.cumsum(x, axis=1)[:, 1].sum()


def gathered(x):
    return x[[2, 0, 0, 1]] * np.where(x[:1] > 0, x[1], x[2]) + np.concatenate([x, x[:1]])


def solved(b):
    return np.linalg.solve(np.array([[3.0, 1.0, 0.0], [1.0, 4.0, 1.0], [0.0, 1.0, 5.0]]) + np.diag(b), b**2)


def while_loop(x):
    total = x * 1.0
    while np.sum(total**2) < 5.0:
        total = total * 1.3 + 0.1 * x[::-1]
    return total


def lists(x):
    rows = []
    for i in range(len(x)):
        rows.append(x[i] * x)
    return np.array(rows)


def recursive(x, n=3):
    if n == 0:
        return x
    return np.sin(recursive(x, n - 1)) * x


def nested(x):
    return grad(lambda y: np.sum(y**2 * x))(x) * hvp(lambda y: np.sum(y**3), (x,), (x,))


def decompositions(a):
    factor = np.linalg.inv(a @ a.T + np.eye(3))
    return factor[1] * np.linalg.det(a) + np.prod(a, axis=0) + np.cumprod(a[0]) + np.var(a, axis=1)


def shapes(a):
    b = np.roll(np.flip(a, 0), 1, axis=1)[:, None, :].repeat(2, axis=1)
    c = np.swapaxes(b, 0, 2).sum(axis=1, keepdims=True) + np.stack([a, a.T], axis=1)
    return np.concatenate([c[:, 0], np.tril(a)], axis=0) + np.diagonal(a) + np.expand_dims(a[0], 0)


def stores(a):
    out = np.zeros((3, 2))
    out[:, 0] = a[1]
    out[[0, 2], 1] += a[0, :2]
    out[a[:, 0] > 0.3] *= a[2, 2]
    out[::2] = out[::2] ** 2 + a[:2, 1:]
    out[1] = a[0, 0]
    return out


def loops_of_rows(a):
    state = a[0] * 1.0
    for row in a:
        if row[0] > 0.3:
            state = np.tanh(a @ state) + row
        else:
            state = state * row[1]
    return state


def dots(x):
    return np.array([x @ x, np.dot(A[0], x), np.inner(x, A[1])]) + np.outer(x, A[0]) @ x + x @ A + np.dot(A, x) * x[0]


X = np.array([0.7, -1.2, 0.4])
A = np.array([[2.0, 0.3, 0.1], [0.5, 1.5, -0.2], [0.2, 0.1, 1.8]])

MAPS: list[tuple[Callable[..., Any], Any]] = [
    (vector, X),
    (looped, X),
    (matrix, X),
    (of_matrix, A),
    (reduced, A),
    (gathered, X),
    (solved, X),
    (while_loop, X),
    (lambda x: x * np.array([1.0, 2.0]), 0.7),
    (lambda x: x**2, 0.7),
    (lambda x: np.sum(x**2), X),
    (lambda a: a @ A @ a.T, A),
    (lambda x: np.einsum("i,j,ij->i", x, x, A), X),
    (lambda x: x.reshape(3, 1) * x + np.tile(x, (3, 1)), X),
    (lists, X),
    (recursive, X),
    (nested, X),
    (decompositions, A),
    (shapes, A),
    (stores, A),
    (loops_of_rows, A),
    (dots, X),
    (lambda x: np.sum(x * X), np.array([1.3])),
    (lambda x: np.sum(x) * X, np.array([1.3])),
    (lambda x: x * np.array([2.0]), X),
    (lambda x: np.ones(2), X),
    (lambda x: 2.0, X),
    (lambda x: x[0] * 2.0, X),
    (lambda x: np.ones(2) * x[1], X),
    (lambda x: np.where(x > 0, np.sqrt(np.abs(x)), x**2)[::-1].copy(), X),
]


@pytest.mark.parametrize("operator", JACOBIANS)
@pytest.mark.parametrize("number", range(len(MAPS)))
def test_jacobians(operator: Any, number: int) -> None:
    f, x = MAPS[number]
    before = copy.deepcopy(x)
    assert close(operator(f)(x), numeric(f, x))
    assert np.array_equal(x, before)
    value, got = value_and_jacobian(f)(x)
    assert close(value, f(x), 0.0)
    assert close(got, numeric(f, x))


SCALARS: list[tuple[Callable[..., Any], Any]] = [
    (lambda x: np.sum(vector(x) ** 2), X),
    (lambda x: np.prod(looped(x)[:3]) + x[0], X),
    (lambda a: np.sum(of_matrix(a) ** 2), A),
    (lambda a: np.linalg.slogdet(a)[1] * a[0, 0], A),
    (lambda x: np.sum(solved(x) ** 3), X),
    (lambda x: np.dot(while_loop(x), x), X),
    (lambda x: x**4 + math.sin(x), 0.7),
    (lambda x: np.sum(gathered(x) ** 2), X),
]


@pytest.mark.parametrize("number", range(len(SCALARS)))
def test_hessians(number: int) -> None:
    f, x = SCALARS[number]
    want = numeric(grad(f), x)
    assert close(hessian(f)(x), want, 1e-6)
    assert close(jacrev(grad(f))(x), want, 1e-6)
    assert close(jacrev(jacfwd(f))(x), want, 1e-6)
    v = np.cos(np.arange(np.size(x))).reshape(np.shape(x)) if np.ndim(x) else 2.0
    assert close(hvp(f, (x,), (v,)), np.tensordot(want, v, np.ndim(x)), 1e-6)


def test_jacobian_of_containers() -> None:
    def f(params, scale):
        return {"sum": np.sum(params["w"]) * params["b"], "all": (params["w"] * scale, "text")}

    params = {"w": np.array([1.0, 2.0]), "b": 3.0}
    for operator in JACOBIANS:
        found = operator(f)(params, 2.0)
        assert found["sum"]["b"] == 3.0
        assert np.array_equal(found["sum"]["w"], [3.0, 3.0])
        assert np.array_equal(found["all"][0]["w"], 2 * np.eye(2))
        assert np.array_equal(found["all"][0]["b"], [0.0, 0.0])
        by_both = operator(f, argnums=(0, 1))(params, 2.0)
        assert isinstance(by_both["sum"], tuple)
        assert np.array_equal(by_both["all"][0][1], [1.0, 2.0])


def test_jacobian_with_aux() -> None:
    def f(x):
        return x**2, {"twice": 2 * x, "name": "f"}

    for operator in JACOBIANS:
        found, aux = operator(f, has_aux=True)(X)
        assert close(found, np.diag(2 * X))
        assert aux["name"] == "f" and close(aux["twice"], 2 * X)
    value, found = value_and_jacobian(f, has_aux=True)(X)
    assert close(value[0], X**2) and value[1]["name"] == "f" and close(found, np.diag(2 * X))
    found, aux = hessian(lambda x: (np.sum(x**3), x), has_aux=True)(X)
    assert close(found, np.diag(6 * X)) and close(aux, X)


def test_hessian_of_several_arguments() -> None:
    found = hessian(lambda x, y: x**2 * np.sum(y**3), argnums=(0, 1))(2.0, X)
    assert close(found[0][0], 2 * np.sum(X**3))
    assert close(found[0][1], 4 * 3 * X**2)
    assert close(found[1][0], 4 * 3 * X**2)
    assert close(found[1][1], np.diag(4 * 6 * X))


def test_single_precision_stays() -> None:
    x = X.astype(np.float32)
    for operator in JACOBIANS:
        assert operator(vector)(x).dtype in (np.float32, np.float64)
        assert operator(lambda x: x * x)(x).dtype == np.float32
    assert hessian(lambda x: np.sum(x**3))(x).dtype == np.float32


def test_partials_bring_arguments_along() -> None:
    def f(scale, table, x, power=2):
        total = 0.0
        for row in table["rows"]:
            total = total + np.sum((row * x) ** power) * scale
        return total

    table = {"rows": np.arange(6.0).reshape(2, 3), "unused": [1, "text"]}
    brought = functools.partial(f, 2.0, table, power=3)
    want = np.diag(12.0 * X * np.sum(table["rows"] ** 3, axis=0))
    assert close(hessian(brought)(X), want)
    assert close(hvp(brought, (X,), (X,)), want @ X)
    assert close(jacfwd(grad(brought))(X), want)
    assert close(hessian(brought)(X, power=2), np.diag(4.0 * np.sum(table["rows"] ** 2, axis=0)))
    table["rows"] = 2 * table["rows"]
    assert close(hessian(brought)(X), 8 * want)


def test_a_new_length_needs_no_new_program() -> None:
    h = hessian(lambda x: np.sum(x**3))
    assert close(h(X), np.diag(6 * X))
    source = h.source
    longer = np.arange(5.0)
    assert close(h(longer), np.diag(6 * longer))
    assert h.source == source


# -- products and directions


def test_products() -> None:
    def f(x, y):
        return np.sum(x**2 * y) * y

    x, v = X, np.array([1.0, 0.5, -2.0])
    product = hvp(f, (x, 2.0), (v, 0.3))
    assert isinstance(product, tuple)
    assert close(product[0], 2 * 4.0 * v + 2 * x * 4.0 * 0.3)
    assert close(product[1], 2 * np.dot(x, v) * 4.0 + 2 * np.sum(x**2) * 0.3)
    assert close(hvp(f)((x, 2.0), (v, 0.3))[1], product[1])
    jacobian_ = numeric(vector, X)
    assert close(directional(vector, (X,), (v,)), jacobian_ @ v)
    assert close(directional(vector)((X,), (v,)), jacobian_ @ v)
    assert close(gauss_newton_vp(vector, (X,), (v,)), jacobian_.T @ jacobian_ @ v)
    y, push = linearize(vector, X)
    assert close(y, vector(X), 0.0)
    assert close(push(v), jacobian_ @ v)
    assert close(push(2 * v), 2 * jacobian_ @ v)


def test_a_linearization_keeps_its_arguments() -> None:
    x = X.copy()
    _, push = linearize(lambda x: x**2, x)
    x[:] = 0.0
    assert close(push(np.ones(3)), 2 * X)


def test_scalar_operators() -> None:
    assert close(elementwise_grad(lambda x: x**3)(A), 3 * A**2)
    assert close(elementwise_grad(lambda x, y: x * y, argnums=1)(A, A), A)
    assert derivative(lambda x, y: x * y**3, order=2, argnum=1)(2.0, 3.0) == 36.0
    assert derivative(lambda x, y: x * y**3, argnum=-1)(2.0, 3.0) == 54.0
    assert derivative(lambda x: x**2)(3) == 6.0
    assert close(derivative(lambda t: np.array([t, t**2]))(3.0), [1.0, 6.0])
    assert derivative(lambda t: {"a": t**2, "b": (t, 1)})(3.0)["a"] == 6.0
    assert derivative(math.sin, order=4)(0.3) == pytest.approx(math.sin(0.3))
    assert stop_gradient(3.0) == 3.0


def test_forward_and_reverse_of_derivatives() -> None:
    def f(x):
        return np.sum(np.sin(x) * x)

    v = np.array([1.0, 0.5, -2.0])
    want = np.diag(2 * np.cos(X) - X * np.sin(X))
    g, pullback = vjp(grad(f), X)
    assert close(g, np.sin(X) + X * np.cos(X))
    assert close(pullback(v)[0], want @ v)
    assert close(pullback(2 * v)[0], 2 * want @ v)
    assert close(jvp(grad(f), (X,), (v,))[1], want @ v)
    (value, g), (value_dot, g_dot) = jvp(value_and_grad(f), (X,), (v,))
    assert close(value, f(X), 1e-15) and close(value_dot, g @ v) and close(g_dot, want @ v)


# -- ways of making them


@hessian
def decorated(x):
    """Cube."""
    return np.sum(x**3)


@jacobian(argnums=(0, 1))
def decorated_with_options(x, y=2.0):
    return x * y


@derivative(order=2)
def second(x):
    return x**3


class Model:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    @hessian
    def loss(self, x):
        return self.scale * np.sum(x**3)

    def energy(self, x):
        return self.scale * np.sum(x**2 * x[::-1])


def test_decorators() -> None:
    assert close(decorated(X), np.diag(6 * X))
    assert decorated.__doc__ == "Cube." and decorated.__name__ == "decorated"
    assert repr(decorated) == "<hessian of decorated, argnums=0>"
    by_x, by_y = decorated_with_options(X)
    assert close(by_x, 2 * np.eye(3)) and close(by_y, X)
    assert close(decorated_with_options(X, y=5.0)[0], 5 * np.eye(3))
    assert str(inspect.signature(decorated_with_options)) == "(x, y=2.0)"
    assert second(2.0) == 12.0


def test_methods() -> None:
    model = Model(2.0)
    assert close(model.loss(X), np.diag(12 * X))
    model.scale = 3.0
    assert close(model.loss(X), np.diag(18 * X))
    assert close(hessian(model.energy)(X), numeric(grad(model.energy), X))


def test_sources() -> None:
    h = hessian(lambda x: np.sum(np.sin(x)))
    source = h.source_for(X)
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    functions = [v for k, v in namespace.items() if inspect.isfunction(v)]
    assert close(functions[-1](X), np.diag(-np.sin(X)))
    assert "adcompile" not in source
    assert "v1" in h.ssa_for(X) and "return" in h.ssa_for(X)
    assert "def product_hvp(primals, tangents)" in hvp(product).source_for((X,), (X,))
    again = from_source(source, functions[-1].__name__)
    assert close(jacfwd(lambda x: again(x)[0])(X)[0, 0], -np.cos(X)[0])


def product(x):
    return np.prod(x)


@pytest.mark.parametrize("name", ["hessian", "jacobian", "derivative", "hvp", "elementwise_grad", "gauss_newton_vp"])
def test_pickles(name: str) -> None:
    made = getattr(adcompile, name)(product if name != "derivative" else math.sin)
    again = pickle.loads(pickle.dumps(made))
    assert repr(again) == repr(made)
    args: tuple[Any, ...] = (0.5,) if name == "derivative" else ((X,), (X,)) if name.endswith("vp") else (X,)
    assert close(again(*args), made(*args), 0.0)
    assert pickle.loads(pickle.dumps(grad(grad(math.sin))))(0.3) == -math.sin(0.3)


SCRIPT = """
import numpy as np
from adcompile import cache_info, derivative, grad, hessian, hvp
from tests.test_operators import product
X = np.array([0.7, -1.2, 0.4])
print(hessian(product)(X).sum(), hvp(product, (X,), (X,)).sum(), grad(lambda x: hessian(product)(x).sum())(X).sum())
print(derivative(lambda x: x**3, order=2)(2.0), grad(grad(lambda x: x**3))(2.0))
print(cache_info().misses, file=__import__("sys").stderr)
"""


def test_disk_cache(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parent.parent
    runs = [
        subprocess.run(
            [sys.executable, str(script)],
            cwd=root,
            env={"PYTHONPATH": str(root), "ADCOMPILE_CACHE_DIR": str(tmp_path / "c")},
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert int(runs[0].stderr) == 5
    assert int(runs[1].stderr) == 0
    assert cache_info().directory == str(tmp_path)


# -- refusals


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="order"):
        derivative(math.sin, order=-1)
    with pytest.raises(ArgumentError, match="primals must be a tuple"):
        hvp(product, X, (X,))
    with pytest.raises(ArgumentError, match="2 tangents"):
        directional(product, (X,), (X, X))
    with pytest.raises(ArgumentError, match="function"):
        hessian(3.0)
    with pytest.raises(TypeError, match="one floating-point number"):
        hessian(vector)(X)
    with pytest.raises(ArgumentError, match="it is a string"):
        jacobian(lambda x: 1.0)("x")
    with pytest.raises(ArgumentError, match="argument 3"):
        hessian(product, argnums=3)(X)
    with pytest.raises(TypeError, match="another shape"):
        hvp(product, (X,), (X[:2],))
    with pytest.raises(TypeError, match="complex numbers"):
        jacobian(lambda x: x * 1j)(X)
    with pytest.raises(ArgumentError, match=r"astype\(float\)"):
        jacobian(vector)(np.array([1, 2, 3]))


# -- classes


@dataclasses.dataclass
class Affine:
    w: np.ndarray
    b: float


def energy(p):
    return np.sum(p.w**2) * p.b


def test_classes_in_and_out() -> None:
    p = Affine(np.array([1.0, 2.0]), 3.0)
    found = hessian(energy)(p)
    assert isinstance(found, Affine) and isinstance(found.w, Affine)
    assert close(found.w.w, 6 * np.eye(2)) and close(found.w.b, 2 * p.w) and found.b.b == 0.0
    product = hvp(energy, (p,), (p,))
    assert isinstance(product, Affine)
    assert close(product.w, 12 * p.w)
    assert isinstance(jacobian(energy)(p), Affine)
    out = jacobian(lambda x: Affine(x, 2.0))(np.ones(2))
    assert close(out.w, np.eye(2)) and close(out.b, np.zeros(2))
    assert linearize(energy, p)[1](p) == 45.0


# -- linearization


@pytest.mark.parametrize("number", range(len(MAPS)))
def test_linearizations(number: int) -> None:
    f, x = MAPS[number]
    argument = copy.deepcopy(x)
    y, push = linearize(f, argument)
    tangent = np.cos(np.arange(np.size(x))).reshape(np.shape(x)) if np.ndim(x) else 2.0
    value, want = jvp(f, (x,), (tangent,))
    assert close(y, value, 0.0)
    if np.ndim(x):
        argument[...] = 0.0
    for _ in range(2):
        assert close(push(tangent), want, 1e-12)
    assert close(push(2 * tangent), 2 * np.asarray(want), 1e-12)


def test_a_linearization_evaluates_the_function_once(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x):
        print("here")
        return np.sum(np.sin(x) ** 2) * x

    y, push = linearize(f, X)
    assert close(y, np.sum(np.sin(X) ** 2) * X, 0.0)
    with pytest.raises(ArgumentError, match="2 tangents for the 1 arguments"):
        push(X, X)
    with pytest.raises(ArgumentError, match="shape"):
        push(X[:2])
    assert close(push(X), jvp(f, (X,), (X,))[1])
    assert capsys.readouterr().out == "here\n" * 2  # that of linearize, and that of jvp


def test_hessian_of_arrays_whose_lengths_change_from_trip_to_trip() -> None:
    def tree(x: np.ndarray) -> float:
        a = x.copy()
        while len(a) > 1:
            a = np.sin(a[0::2]) * a[1::2]
        return a[0]

    def growing(x: np.ndarray) -> float:
        total = 0.0
        for k in range(1, 4):
            total += np.sum(np.concatenate([x, x, np.ones(k)])[: k + 2] ** 3)
        return total

    x = np.random.default_rng(3).normal(size=8)
    for f in (tree, growing):
        assert close(hessian(f)(x), numeric(grad(f), x), 1e-6)


def test_eigenvalues_of_real_matrices_may_be_complex() -> None:
    """Their derivatives are those of complex numbers, through branches and loops, whether they are complex or not."""
    c, w = np.array([1.0 + 2.0j, 0.5 - 1.0j, -0.3 + 0.7j]), np.array([1.0, 2.0, 0.5])

    def passed_on(a: np.ndarray, n: int) -> float:
        values = np.linalg.eigvals(a) if n > 1 else np.linalg.eigvals(2.0 * a)
        total = 0.0
        for _ in range(n):
            values = values * 1.5
            total = total + np.sum(np.abs(np.linalg.eigvals(a * n)) * w)
        return total + np.real(np.sum(values * c))

    functions = (
        lambda a: np.real(np.sum(np.linalg.eigvals(a) * c)),
        lambda a: np.imag(np.sqrt(np.linalg.eig(a)[0] + 3.0) @ c),
        lambda a: np.sum(np.abs(np.linalg.eigvals(a)) * w),
        lambda a: np.max(np.abs(np.linalg.eigvals(a))),
        lambda a: np.sum(np.linalg.eigvals(a).real * w) + np.sum(np.linalg.eig(a)[0].imag ** 2 * w),
        lambda a: np.sum(np.angle(np.linalg.eigvals(a)) ** 2),
        lambda a: np.sum(np.abs(np.linalg.eig(a)[1]) * w),
        lambda a: passed_on(a, 1),
        lambda a: passed_on(a, 2),
    )
    for a in (np.array([[0.3, -2.0, 0.1], [1.7, 0.2, 0.4], [0.1, 0.3, 1.1]]), np.diag([1.0, 2.0, 3.0]) + 0.1):
        for f in functions:
            gradient = grad(f)(a)
            assert gradient.dtype == np.float64
            assert close(gradient, numeric(f, a), 1e-6)
            assert close(jvp(f, (a,), (c.real * a,))[1], np.sum(gradient * c.real * a), 1e-9)


def test_the_dtype_of_eigenvalues_is_not_known() -> None:
    with pytest.raises(CompileError, match="the dtype is not known") as caught:
        grad(lambda a: np.sum(np.zeros(3, np.linalg.eigvals(a).dtype).real))(np.eye(3))
    assert caught.value.line is not None
