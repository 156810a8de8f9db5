"""Objects as differentiated arguments and from outside: classes of gradients, guards, refusals."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from adcompile import ArgumentError, CompileError, cache_info, check_grads, grad, jvp, value_and_grad, vjp


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("ADCOMPILE_VERIFY", "1")


W = np.array([[0.5, -1.2], [0.8, 0.1], [0.3, -0.4]])
X = np.array([[0.2, 0.7, 0.1], [-0.3, 1.1, 0.4]])


@dataclass
class Layer:
    w: np.ndarray
    b: float
    act: str = "tanh"
    size: int = 2
    extra: Any = None
    rng: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Frozen:
    w: float
    n: int = 3


class Pair(NamedTuple):
    a: float
    b: float


class Model:
    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.depth = len(layers)

    def predict(self, x: np.ndarray) -> np.ndarray:
        for k in range(self.depth):
            layer = self.layers[k]
            x = x @ layer.w + layer.b
            if layer.act == "tanh":
                x = np.tanh(x)
        return x

    def loss(self, x: np.ndarray) -> float:
        return np.sum(self.predict(x) ** 2)


def model() -> Model:
    return Model([Layer(W.copy(), 0.1), Layer(W.T.copy(), 0.2, act="none")])


def loss(m: Model, x: np.ndarray) -> float:
    return m.loss(x)


def test_the_gradient_of_an_object_is_one_of_its_class() -> None:
    m = model()
    g = grad(loss)(m, X)
    assert type(g) is Model and g is not m
    assert [type(layer) for layer in g.layers] == [Layer, Layer]
    assert [layer.act for layer in g.layers] == ["tanh", "none"]
    assert (g.depth, g.layers[0].size, g.layers[0].extra, g.layers[0].rng) == (2, 2, None, None)
    assert g.layers[0].w.shape == W.shape and isinstance(g.layers[0].b, float)
    assert np.array_equal(m.layers[0].w, W)


def test_a_gradient_agrees_with_differences_of_a_plain_function() -> None:
    def plain(w0: np.ndarray, b0: float, w1: np.ndarray, b1: float) -> float:
        return np.sum((np.tanh(X @ w0 + b0) @ w1 + b1) ** 2)

    m = model()
    g = grad(loss)(m, X)
    want = grad(plain, argnums=(0, 1, 2, 3))(W, 0.1, W.T, 0.2)
    got = (g.layers[0].w, g.layers[0].b, g.layers[1].w, g.layers[1].b)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    check_grads(plain, W, 0.1, W.T, 0.2)


def test_what_is_in_an_object_may_be_anything() -> None:
    layer = Layer(W, 0.1, extra=lambda x: x, rng=np.random.default_rng(0))
    g = grad(lambda p: np.sum(p.w) * p.b)(layer)
    assert g.extra is layer.extra and g.rng is layer.rng


@pytest.mark.parametrize(
    "argument",
    [
        Frozen(2.0),
        Pair(2.0, 3.0),
        OrderedDict(a=2.0, b=1.5),
        defaultdict(float, {"a": 2.0}),
        deque([2.0, 3.0], maxlen=4),
        SimpleNamespace(a=2.0),
        {"p": [Pair(1.0, 2.0)], "name": "x", "none": None, "f": np.sin},
    ],
    ids=lambda a: type(a).__name__,
)
def test_gradients_keep_type_and_structure(argument: Any) -> None:
    def square(tree: Any) -> Any:
        match tree:
            case Frozen():
                return tree.w**tree.n
            case SimpleNamespace():
                return tree.a**2
            case _:
                return 0.0

    def f(tree: Any) -> Any:
        if isinstance(tree, Frozen):
            return tree.w**tree.n
        if isinstance(tree, SimpleNamespace):
            return tree.a**2
        if isinstance(tree, dict):
            return tree["a"] ** 2 if "a" in tree else tree["f"](tree["p"][0].a)
        return tree[0] ** 2 * tree[1]

    g = grad(f)(argument)
    assert type(g) is type(argument)
    value, pullback = vjp(f, argument)
    assert value == f(argument)
    assert type(pullback(1.0)[0]) is type(argument)
    _, dot = jvp(f, (argument,), (g,))
    assert dot > 0.0
    if isinstance(argument, defaultdict):
        assert g.default_factory is float and g == {"a": 4.0}
    if isinstance(argument, deque):
        assert g == deque([12.0, 4.0]) and g.maxlen == 4
    if isinstance(argument, Frozen):
        assert g == Frozen(12.0, 3)
    if isinstance(argument, dict) and "name" in argument:
        assert (g["name"], g["none"], g["f"]) == ("x", None, np.sin)
        assert g["p"] == [Pair(np.cos(1.0), 0.0)]


def test_methods_can_be_differentiated_by_object_and_by_argument() -> None:
    m = model()
    value, g = value_and_grad(Model.loss)(m, X)
    assert value == m.loss(X)
    np.testing.assert_allclose(g.layers[1].w, grad(loss)(m, X).layers[1].w, rtol=1e-12)
    value, x_bar = value_and_grad(m.loss)(X)
    assert value == m.loss(X)
    np.testing.assert_allclose(x_bar, grad(loss, argnums=1)(m, X), rtol=1e-12)


def test_attributes_are_read_anew_and_methods_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scale:
        factor = 2.0

        def __init__(self, k: float) -> None:
            self.k = k

        def times(self, x: float) -> float:
            return self.k * self.factor * x

    s = Scale(3.0)
    f = grad(lambda x: s.times(x) * x)
    assert f(1.0) == 12.0
    s.k = 5.0
    assert f(1.0) == 20.0
    Scale.factor = 1.0
    assert f(1.0) == 10.0
    monkeypatch.setattr(Scale, "times", lambda self, x: self.k)
    assert f(1.0) == 5.0
    s.k = "text"  # type: ignore[assignment]
    with pytest.raises(CompileError):
        f(1.0)


def test_containers_from_outside_are_read_anew() -> None:
    layers = [(np.array([1.0, 2.0]), 0.5)]
    f = grad(lambda x: sum(np.sum(w * x) ** 2 + b * x for w, b in layers))
    assert f(1.0) == 18.5
    layers[0][0][0] = 3.0
    assert f(1.0) == 50.5
    layers.append((np.array([1.0]), 2.0))
    assert f(1.0) == 54.5
    assert "layers_0_0 = np.array([3.0, 2.0], dtype=np.float64)" in f.source_for(1.0)


def test_results_have_the_classes_that_the_function_gives_them() -> None:
    def f(x: float) -> tuple[float, Any]:
        return x * x, {"pair": Pair(x, 2.0), "frozen": [Frozen(x)], "ordered": OrderedDict(a=x)}

    (value, aux), g = value_and_grad(f, has_aux=True)(3.0)
    assert (value, g) == (9.0, 6.0)
    assert aux == {"pair": Pair(3.0, 2.0), "frozen": [Frozen(3.0)], "ordered": OrderedDict(a=3.0)}
    assert type(aux["ordered"]) is OrderedDict
    g, aux = grad(f, has_aux=True)(3.0)
    assert aux["frozen"] == [Frozen(3.0)]
    out, dot = jvp(lambda x: Frozen(x * x), (3.0,), (1.0,))
    assert (out, dot) == (Frozen(9.0), Frozen(6.0, None))  # type: ignore[arg-type]
    out, pullback = vjp(lambda x: Pair(x, x * x), 3.0)
    assert out == Pair(3.0, 9.0)
    assert pullback(Pair(1.0, 2.0)) == (13.0,)


def test_ints_of_objects_are_settings_or_must_be_floats() -> None:
    def power(p: Any) -> float:
        y = 1.0
        for _ in range(p.n):
            y = y * p.w
        return y

    assert grad(power)(SimpleNamespace(w=2.0, n=3)) == SimpleNamespace(w=12.0, n=3)
    with pytest.raises(ArgumentError, match=r"p\.w is an int, and the result depends on it"):
        grad(power)(SimpleNamespace(w=2, n=3))
    assert grad(power)(Frozen(2)) == Frozen(12.0, 3)  # annotated as a float
    assert grad(lambda p: p.a * p.b)(Pair(2, 3)) == Pair(3.0, 2.0)


def test_assigning_inside_leaves_the_argument_alone() -> None:
    def f(p: Any) -> float:
        p.a = p.a * 2.0
        p.list.append(p.a)
        return p.list[0] * p.list[-1]

    p = SimpleNamespace(a=2.0, list=[3.0])
    assert grad(f)(p) == SimpleNamespace(a=6.0, list=[4.0])
    assert p == SimpleNamespace(a=2.0, list=[3.0])


def line_of(error: CompileError) -> str:
    return str(error)


def test_refusals_point_at_the_place() -> None:
    def frozen(x):
        p = Frozen(x)
        p.w = x * x
        return p.w

    def missing(x):
        p = Layer(x, 1.0)
        return p.nothing

    m = model()

    def outside(x):
        m.depth = 3
        return x

    for function, line, column, message in (
        (frozen, 2, 9, "`Frozen` is frozen"),
        (missing, 2, 16, "`Layer` has no attribute `nothing`"),
        (outside, 1, 9, "this Model cannot be changed here"),
    ):
        with pytest.raises(CompileError, match=message) as caught:
            grad(function)(1.5)
        assert caught.value.line == function.__code__.co_firstlineno + line
        assert caught.value.column == column


def test_an_object_that_contains_itself_is_refused() -> None:
    p = SimpleNamespace(a=2.0)
    p.me = p
    with pytest.raises(ArgumentError, match=r"p\.me: it contains itself"):
        grad(lambda p: p.a)(p)
    assert grad(lambda x, p: x * p.a)(1.0, p) == 2.0


def test_tangents_and_cotangents_must_fit() -> None:
    with pytest.raises(ArgumentError, match=r"the tangent of p is a Pair of 2|the tangent of p is a tuple of 2"):
        jvp(lambda p: p.w, (Frozen(1.0),), ((1.0, 2.0),))
    with pytest.raises(ArgumentError, match=r"the tangent of p\.w is a string"):
        jvp(lambda p: p.w, (Frozen(1.0),), (Frozen("x"),))  # type: ignore[arg-type]


def test_check_grads_looks_into_objects() -> None:
    check_grads(loss, model(), X, order=2)
    check_grads(lambda p: p.w**p.n, Frozen(1.5))


def exchange(p: Any, q: Any) -> float:
    p.a = p.a * q.a
    q.b.append(p.a)
    return p.a * q.a + sum(q.b)


def test_one_object_under_two_names_is_refused_where_it_is_changed() -> None:
    p, q = SimpleNamespace(a=2.0, b=[1.0]), SimpleNamespace(a=3.0, b=[4.0])
    f = grad(exchange, argnums=(0, 1))
    assert f(p, q)[0] == SimpleNamespace(a=12.0, b=[0.0])
    with pytest.raises(ArgumentError, match="q and p are one object, and exchange changes it|p and q are one object"):
        f(p, p)
    q.b = p.b
    with pytest.raises(ArgumentError, match=r"b and .*b are one object"):
        f(p, q)
    assert grad(lambda p, q: p.a * q.a)(p, p).a == 2.0  # not changed: each is differentiated for itself


class Growing:
    def __init__(self, k: float) -> None:
        self.k = k

    @property
    def twice(self) -> float:
        return 2.0 * self.k

    def loss(self, x: float) -> float:
        return self.twice * x * x


def test_a_new_object_of_a_class_needs_no_new_program(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_info()
    for k in (1.0, 2.0, 3.0):
        assert grad(Growing(k).loss)(2.0) == 8.0 * k
    after = cache_info()
    assert after.misses == before.misses + 1
    monkeypatch.setattr(Growing, "twice", property(lambda self: self.k))
    assert grad(Growing(3.0).loss)(2.0) == 12.0


class Remade:
    def __new__(cls, v: Any) -> Any:
        made = super().__new__(cls)
        made.v = 2.0 * v
        return made


class Settings(dict[str, Any]):
    pass


def remade(x: Any) -> Any:
    return Remade(x).v


def settings(x: Any) -> Any:
    return Settings(rate=x)["rate"]


@pytest.mark.parametrize(
    ("f", "text", "remedy"),
    [
        (remade, "`Remade` has a `__new__` of its own", "make it with a function"),
        (settings, "objects of `Settings`, a subclass of a built-in class", "hold the container in an attribute"),
    ],
)
def test_objects_that_are_not_followed_are_refused(f: Any, text: str, remedy: str) -> None:
    with pytest.raises(CompileError, match=text) as caught:
        grad(f)(1.0)
    assert (caught.value.line, caught.value.column, caught.value.help) == (f.__code__.co_firstlineno + 1, 12, remedy)
