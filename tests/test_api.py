"""What the derivative functions take and return, as JAX's do, and the objects that `grad` makes."""

from __future__ import annotations

import copy
import functools
import inspect
import linecache
import pickle
import pkgutil
import sys
import threading
import traceback
import types
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import adcompile
from adcompile import ArgumentError, from_source, grad, jvp, value_and_grad, vjp
from adcompile.api import Derivative

W = np.array([0.5, -1.0, 2.0])
X = np.array([[1.0, 2.0, 3.0], [0.5, -0.5, 1.5]])


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


def product(x, y):
    """Multiply, and more."""
    return x * y + np.sin(x)


def weighted(w, x, scale=2.0, *, power=1):
    return scale * np.sum((x @ w) ** 2) / power


def with_aux(x):
    return np.sum(x * x), {"double": x * 2.0, "name": "aux"}


def nested(params, x):
    hidden = x
    for w, b in params["layers"]:
        hidden = np.tanh(hidden @ w + b)
    return np.sum(hidden) * params["scale"]


@grad
def decorated(x):
    return x**3


@value_and_grad(argnums=(0, 1))
def decorated_pair(x, y):
    return x * y


class Model:
    rate = 3.0

    def loss(self, x, y=2.0):
        return x * x * y

    @grad
    def slope(self, x, y=2.0):
        return x * x * y

    @staticmethod
    @grad
    def static_slope(x):
        return x * x


# -- what comes back


def test_int_argnums_give_a_bare_gradient() -> None:
    assert grad(product)(2.0, 3.0) == pytest.approx(3.0 + np.cos(2.0))
    assert grad(product, 1)(2.0, 3.0) == pytest.approx(2.0)
    assert grad(product, argnums=-1)(2.0, 3.0) == pytest.approx(2.0)


def test_tuple_argnums_give_a_tuple() -> None:
    got = grad(product, argnums=(1, 0))(2.0, 3.0)
    assert type(got) is tuple
    assert got == pytest.approx((2.0, 3.0 + np.cos(2.0)))
    (single,) = grad(product, argnums=[0])(2.0, 3.0)
    assert single == pytest.approx(3.0 + np.cos(2.0))


def test_value_and_grad() -> None:
    value, gradient = value_and_grad(product)(2.0, 3.0)
    assert value == product(2.0, 3.0)
    assert gradient == pytest.approx(3.0 + np.cos(2.0))


def test_aux() -> None:
    gradient, aux = grad(with_aux, has_aux=True)(W)
    np.testing.assert_allclose(gradient, 2 * W)
    np.testing.assert_array_equal(aux["double"], 2 * W)
    assert aux["name"] == "aux"
    (value, aux), gradient = value_and_grad(with_aux, has_aux=True)(W)
    assert value == np.sum(W * W)
    np.testing.assert_allclose(gradient, 2 * W)
    np.testing.assert_array_equal(aux["double"], 2 * W)


def test_keyword_and_default_arguments() -> None:
    want = 2 * 2.0 * X.T @ (X @ W)
    np.testing.assert_allclose(grad(weighted)(W, X), want)
    np.testing.assert_allclose(grad(weighted)(W, x=X), want)
    np.testing.assert_allclose(grad(weighted)(x=X, w=W, power=2), want / 2)
    np.testing.assert_allclose(grad(weighted)(W, X, 4.0), want * 2)
    assert grad(weighted, 2)(W, X) == pytest.approx(np.sum((X @ W) ** 2))


def test_gradients_have_the_structure_of_the_argument() -> None:
    params = {
        "layers": [(np.eye(3) * 0.3, np.zeros(3)), (np.ones((3, 2)) * 0.1, np.full(2, 0.2))],
        "scale": 2,
        "activation": None,
    }
    before = copy.deepcopy(params)
    gradient = grad(nested)(params, X)
    assert list(gradient) == ["layers", "scale", "activation"]
    assert gradient["activation"] is None
    assert type(gradient["layers"]) is list
    assert type(gradient["layers"][0]) is tuple
    assert [[a.shape for a in pair] for pair in gradient["layers"]] == [[(3, 3), (3,)], [(3, 2), (2,)]]
    step = 1e-6
    moved = copy.deepcopy(params)
    moved["layers"][0][0][1, 2] += step
    slope = (nested(moved, X) - nested(params, X)) / step
    assert gradient["layers"][0][0][1, 2] == pytest.approx(slope, rel=1e-4)
    assert gradient["scale"] == pytest.approx(nested({**params, "scale": 1.0}, X))
    np.testing.assert_equal(params, before)


def test_python_ints_are_promoted() -> None:
    got = grad(product)(2, 3.0)
    assert isinstance(got, float)
    assert got == grad(product)(2.0, 3.0)
    assert grad(lambda p: p[0] * p[1])([2, 3.0]) == [3.0, 2.0]


def test_dtypes_are_kept() -> None:
    single = W.astype(np.float32)
    gradient = grad(lambda w: np.sum(w * w * 0.5))(single)
    assert gradient.dtype == np.float32
    value, gradient = value_and_grad(lambda w: np.sum(np.exp(w)))(single)
    assert value.dtype == gradient.dtype == np.float32
    assert np.asarray(grad(lambda t: t * t)(np.float32(1.5))).dtype == np.float32


def test_variadic_arguments() -> None:
    def total(scale, *xs, **options):
        s = 0.0
        for x in xs:
            s = s + x * x
        return s * scale

    assert grad(total, argnums=2)(2.0, 3.0, 5.0) == pytest.approx(20.0)
    assert grad(total, argnums=(0, 1))(2.0, 3.0, 5.0) == pytest.approx((34.0, 12.0))
    out, pullback = vjp(total, 2.0, 3.0, 5.0)
    assert out == 68.0
    assert pullback(1.0) == pytest.approx((34.0, 12.0, 20.0))


def test_jvp() -> None:
    out, out_dot = jvp(product, (2.0, 3.0), (1.0, 10.0))
    assert out == product(2.0, 3.0)
    assert out_dot == pytest.approx(3.0 + np.cos(2.0) + 20.0)
    out, out_dot = jvp(lambda w: {"a": w * w, "b": 1}, (W,), (np.ones(3),))
    np.testing.assert_allclose(out_dot["a"], 2 * W)
    assert out_dot["b"] is None
    out, out_dot, aux = jvp(with_aux, (W,), (W,), has_aux=True)
    assert out_dot == pytest.approx(2 * W @ W)
    assert aux["name"] == "aux"


def test_vjp() -> None:
    out, pullback = vjp(lambda w, x: x @ w, W, X)
    np.testing.assert_array_equal(out, X @ W)
    u = np.array([1.0, -2.0])
    for _ in range(3):
        w_bar, x_bar = pullback(u)
        np.testing.assert_allclose(w_bar, X.T @ u)
        np.testing.assert_allclose(x_bar, np.outer(u, W))
    out, pullback, aux = vjp(with_aux, W, has_aux=True)
    np.testing.assert_allclose(pullback(1.0)[0], 2 * W)
    assert aux["name"] == "aux"


def test_a_pullback_of_a_loop_can_be_called_again() -> None:
    def scan(x):
        a = x.copy()
        for i in range(1, len(x)):
            a[i] = a[i - 1] * x[i] * a[i]
        return a

    out, pullback = vjp(scan, W)
    np.testing.assert_array_equal(out, scan(W))
    u = np.array([1.0, 2.0, 3.0])
    first = pullback(u)[0]
    out[:] = 0.0  # the caller's own
    np.testing.assert_array_equal(pullback(u)[0], first)
    unit = np.eye(3)
    rows = [pullback(unit[i])[0] for i in range(3)]
    np.testing.assert_allclose(u @ np.array(rows), first)


def test_a_pullback_does_not_see_later_changes_of_the_arguments() -> None:
    w, x = W.copy(), X.copy()
    _, pullback = vjp(lambda w, x: np.tanh(x @ w), w, x)
    before = pullback(np.ones(2))
    w *= 0.0
    x[:] = 7.0
    for got, want in zip(pullback(np.ones(2)), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_gradients_are_arrays_of_their_own() -> None:
    a, b = np.ones(3), np.ones(3)
    a_bar, b_bar = grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(a, b)
    a_bar *= 5.0
    np.testing.assert_array_equal(b_bar, np.ones(3))


# -- the object


def test_decorated_functions() -> None:
    assert decorated(2.0) == pytest.approx(12.0)
    assert decorated_pair(2.0, 3.0) == (6.0, (3.0, 2.0))


def test_metadata() -> None:
    d = grad(weighted)
    assert d.__name__ == "weighted"
    assert d.__doc__ == weighted.__doc__
    assert d.__wrapped__ is weighted
    assert d.primal is weighted
    assert inspect.signature(d) == inspect.signature(weighted)
    assert repr(d) == "<grad of weighted, argnums=0>"
    assert repr(grad(weighted, argnums=(0, 1), has_aux=True)) == "<grad of weighted, argnums=(0, 1), has_aux=True>"
    assert grad(product).__doc__ == "Multiply, and more."


def test_copies_are_the_object_itself() -> None:
    d = grad(product)
    assert copy.copy(d) is d
    assert copy.deepcopy([d])[0] is d


def test_pickling() -> None:
    again = pickle.loads(pickle.dumps(grad(product, argnums=(0, 1))))
    assert again(2.0, 3.0) == grad(product, argnums=(0, 1))(2.0, 3.0)
    assert again.primal is product
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    made = from_source("import numpy as np\ndef cube(x):\n    return x**3\n", "cube")
    assert pickle.loads(pickle.dumps(grad(made)))(2.0) == pytest.approx(12.0)


def test_methods() -> None:
    m = Model()
    assert grad(m.loss)(3.0) == pytest.approx(12.0)
    assert grad(m.loss, argnums=1)(3.0, 4.0) == pytest.approx(9.0)
    assert m.slope(3.0) == pytest.approx(12.0)
    assert m.slope(3.0, y=1.0) == pytest.approx(6.0)
    assert Model.static_slope(3.0) == pytest.approx(6.0)
    assert Model.slope.primal.__name__ == "slope"
    assert vjp(m.loss, 3.0)[1](1.0) == pytest.approx((12.0,))


def test_partial() -> None:
    table = np.array([1.0, 2.0, 3.0])
    d = grad(functools.partial(weighted, x=X, scale=1.0))
    np.testing.assert_allclose(d(W), 2 * X.T @ (X @ W))
    d = grad(functools.partial(lambda t, w: np.sum(t * w * w), table))
    np.testing.assert_allclose(d(W), 2 * table * W)
    table[0] = 10.0
    np.testing.assert_allclose(d(W), 2 * table * W)


def test_functions_without_source() -> None:
    assert grad(np.sin)(0.5) == pytest.approx(np.cos(0.5))
    assert grad(np.sin).__name__ == "sin"
    assert jvp(np.multiply, (2.0, 3.0), (1.0, 0.0))[1] == pytest.approx(3.0)


def test_source_of_the_last_specialisation() -> None:
    d = grad(product)
    d(2.0, 3.0)
    assert d.source == d.source_for(2.0, 3.0)
    assert "def product_vjp(x, y, y_bar=1.0" in d.source or "def product_vjp(x, y, " in d.source
    d(W[0], 3.0)
    assert "import numpy as np" in d.source


def test_source_before_any_call() -> None:
    assert "def product_vjp(" in grad(product).source
    assert "def weighted_vjp(" in grad(weighted).source

    def annotated(x: np.ndarray, y: float) -> float:
        return np.sum(x[:, 0]) * y

    source = grad(annotated).source
    assert "def annotated_vjp(" in source

    def only_vectors(v):
        return v[0] * v[1]

    assert "def only_vectors_vjp(" in grad(only_vectors).source


def test_source_before_any_call_follows_annotations() -> None:
    def single(x: npt.NDArray[np.float32]):
        return np.sum(x * x)

    assert grad(single).source == grad(single).source_for(np.ones(3, np.float32))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_source_holds_what_the_function_captures() -> None:
    def make(rate, table):
        return lambda x: np.sum(x * table) * rate

    table = np.arange(40.0) / 7.0
    for rate in (0.25, np.float32(3.0), 0.25, float("inf")):
        for values in (table, table[:3], np.ones(2000)):
            d = grad(make(rate, values))
            x = np.ones(len(values))
            want = d(x)
            namespace: dict[str, Any] = {}
            exec(d.source, namespace)
            if len(values) <= 1000:
                np.testing.assert_array_equal(namespace["lambda__vjp"](x), want)
            np.testing.assert_array_equal(namespace["lambda__vjp"](x, table=values), want)
            assert max(map(len, d.source.splitlines())) <= 100


def test_ssa() -> None:
    text = grad(product).ssa_for(2.0, 3.0)
    assert "v-1 : float = x" in text
    assert "v0 : float = y" in text
    assert "sin" in text


def test_emitted_lines_show_in_tracebacks() -> None:
    def failing(x):
        y = x * 2.0
        assert y < 1.0, "too large"
        return y * y

    d = grad(failing)
    assert d(0.1) == pytest.approx(0.8)
    with pytest.raises(AssertionError, match="too large") as error:
        d(3.0)
    frame = traceback.extract_tb(error.value.__traceback__)[-1]
    assert frame.filename.startswith("<adcompile failing_vjp ")
    assert frame.line is not None and "assert" in frame.line
    assert "".join(linecache.getlines(frame.filename)) == d.source


# -- dispatch


def test_other_kinds_of_arguments_are_other_programs() -> None:
    d = grad(lambda x: np.sum(x * x))
    for x in (2.0, np.float64(2.0), np.float32(2.0), W, X, W.astype(np.float32), np.array(2.0)):
        got = d(x)
        np.testing.assert_allclose(got, 2 * x)
        assert np.shape(got) == np.shape(x)
    np.testing.assert_allclose(d(X[:, ::2]), 2 * X[:, ::2])
    np.testing.assert_allclose(d(np.asfortranarray(X)), 2 * X)


def test_lengths_do_not_matter_unless_the_derivation_used_them() -> None:
    d = grad(weighted)
    for n in (1, 2, 5):
        x = np.arange(3.0 * n).reshape(n, 3)
        np.testing.assert_allclose(d(W, x), 4 * x.T @ (x @ W))


def test_broadcasting_is_not_confused_by_lengths_of_one() -> None:
    d = grad(lambda x, y: np.sum(x * y), argnums=(0, 1))
    for a, b in (((3,), (3,)), ((1,), (3,)), ((3,), (1,)), ((2, 3), (3,)), ((1,), (1,)), ((2, 1), (1, 3))):
        x, y = np.full(a, 2.0), np.full(b, 3.0)
        x_bar, y_bar = d(x, y)
        assert (x_bar.shape, y_bar.shape) == (a, b)
        size = np.broadcast(x, y).size
        np.testing.assert_allclose(x_bar, 3.0 * size / x.size)
        np.testing.assert_allclose(y_bar, 2.0 * size / y.size)


def test_static_arguments() -> None:
    def loss(x, mode="square", transform=None):
        y = x if transform is None else transform(x)
        return y * y if mode == "square" else y * y * y

    d = grad(loss)
    assert d(2.0) == pytest.approx(4.0)
    assert d(2.0, "cube") == pytest.approx(12.0)
    assert d(2.0, mode="".join(["sq", "uare"])) == pytest.approx(4.0)
    assert d(2.0, transform=np.sin) == pytest.approx(2 * np.sin(2.0) * np.cos(2.0))
    for k in (2.0, 3.0):
        assert d(2.0, transform=lambda t: t * k) == pytest.approx(2 * 2.0 * k * k)  # noqa: B023


def test_threads() -> None:
    d = grad(nested)
    params = {"layers": [(np.eye(3) * 0.3, np.zeros(3))], "scale": 2.0}
    want = grad(nested)(params, X)
    results: list[Any] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(20):
            results.append(d(params, X))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 160
    for got in results:
        np.testing.assert_array_equal(got["layers"][0][0], want["layers"][0][0])


def test_new_closures_of_one_text_share_the_program() -> None:
    from adcompile.dispatch import specialise

    made: list[object] = []
    original = specialise.Specialiser._compile

    def counted(self: Any, *args: Any) -> Any:
        made.append(self)
        return original(self, *args)

    specialise.Specialiser._compile = counted  # type: ignore[method-assign]
    try:
        for k in range(1, 4):
            batch = np.full(3, float(k))
            np.testing.assert_allclose(grad(lambda w: np.sum(w * batch * 3.25))(W), batch * 3.25)  # noqa: B023
    finally:
        specialise.Specialiser._compile = original  # type: ignore[method-assign]
    assert len(made) <= 1


def test_public_names() -> None:
    for name in adcompile.__all__:
        assert hasattr(adcompile, name) or name.startswith("check_")
    assert isinstance(grad(product), Derivative)


def test_module_of_the_package_is_light() -> None:
    import subprocess

    heavy = ("sympy", "astor", "scipy", "adcompile.driver", "adcompile.rules", "adcompile.ir.core")
    code = f"import sys, adcompile; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_bound_functions_keep_their_kind() -> None:
    assert isinstance(Model().slope, types.MethodType)


def test_arguments_that_do_not_fit_are_not_hidden() -> None:
    with pytest.raises(ArgumentError, match="product"):
        grad(product)(1.0)


def test_public_names_are_not_names_of_modules() -> None:
    """A module of the package, once it is imported, would take the place of the function."""
    modules = {m.name for m in pkgutil.iter_modules(adcompile.__path__)}
    assert not modules & set(adcompile.__all__)


def test_pullbacks_hold_arrays_that_only_one_path_makes() -> None:
    def f(x, n):
        if n > 2.0:
            part = x[1:]
            return np.sum(part**3)
        return np.sum(x)

    x = np.arange(4.0)
    for n, wanted in ((1.0, np.ones(4)), (3.0, np.array([0.0, 3.0, 12.0, 27.0]))):
        value, pullback = vjp(f, x, n)
        assert value == f(x, n)
        np.testing.assert_allclose(pullback(1.0)[0], wanted)
