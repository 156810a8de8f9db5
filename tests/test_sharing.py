"""What shares memory with what: a store is seen through every name of the array, as NumPy has it."""

from __future__ import annotations

import numpy as np
import pytest

from adcompile import CompileError, from_source, grad, jvp, value_and_grad
from tests import oracle

X = np.array([[2.0, 0.3, -0.5], [0.7, 1.5, 0.2], [-0.1, 0.4, 1.8]])

# What is made of the array `a`, and where it is stored to.
EXPRESSIONS = {
    "np.asarray(a)": "0, 0",
    "np.asarray(a, dtype=float)": "0, 0",
    "np.asanyarray(a)": "0, 0",
    "np.ascontiguousarray(a)": "0, 0",
    "np.ascontiguousarray(a.T)": "0, 1",
    "np.ascontiguousarray(a[:, 0])": "1",
    "np.ascontiguousarray(a[1])": "1",
    "np.array(a)": "0, 1",
    "np.array(a, copy=False)": "0, 1",
    "np.array(a, copy=True)": "0, 1",
    "np.array(a, dtype=float)": "0, 1",
    "a.astype(float)": "0, 0",
    "a.astype(float, copy=False)": "0, 0",
    "np.atleast_1d(a)": "0, 0",
    "np.atleast_2d(a[0])": "0, 0",
    "np.real(a)": "0, 0",
    "a.real": "0, 0",
    "a.conj()": "0, 0",
    "a.conjugate()": "0, 0",
    "np.conj(a)": "0, 0",
    "np.squeeze(a[:, 1:2])": "1",
    "a[1:2].squeeze(0)": "1",
    "np.flip(a)": "0, 0",
    "np.flip(a, 1)": "0, 0",
    "np.fliplr(a)": "0, 0",
    "np.expand_dims(a, 1)": "0, 0, 1",
    "np.expand_dims(a, (0, 2))": "0, 1, 0, 2",
    "np.split(a, 3)[1]": "0, 1",
    "np.split(a, [1, 2])[1]": "0, 1",
    "np.hsplit(a, 3)[0]": "0, 0",
    "a[...]": "0, 0",
    "a[()]": "0, 1",
    "a[0, ...]": "1",
    "a[0, 1, ...]": "()",
    "a.view()": "0, 0",
    "a.copy()": "0, 0",
    "+a": "0, 0",
    "a.ravel()": "1",
    "a.T.ravel()": "1",
    "a.flatten()": "1",
    "a.reshape(-1)": "4",
    "a.reshape(1, 9)": "0, 4",
    "a.reshape(3, 3, 1)": "0, 1, 0",
    "a.T.reshape(9)": "4",
    "a.T.reshape(3, 3, 1)": "1, 0, 0",
    "a[1:].reshape(6)": "2",
    "a[:, 1:].reshape(6)": "2",
    "a[:, 1:].ravel()": "2",
    "a[1].reshape(3, 1)": "2, 0",
    "a[:, 1].reshape(3, 1)": "2, 0",
    "a[:, 1].ravel()": "1",
    "a[::2].reshape(6)": "1",
    "a.reshape(9)[::2]": "1",
    "a.ravel()[3:].reshape(2, 3)": "1, 1",
    "a.reshape(-1)[3:].reshape(2, 3).T[1:]": "1, 1",
    "np.moveaxis(a, 0, 1)": "0, 1",
    "np.swapaxes(a, 0, 1)": "0, 1",
    "a.mT": "0, 1",
    "np.matrix_transpose(a)": "0, 1",
    "np.einsum('ij->ji', a)": "0, 1",
    "np.einsum('ii->i', a)": "0",
    "np.einsum('ij->i', a)": "0",
    "np.diag(a).copy()": "0",
    "np.roll(a, 0)": "0, 0",
    "np.where(a > 9, a, a)": "0, 0",
    "np.concatenate([a])": "0, 0",
    "np.nan_to_num(a)": "0, 0",
    "np.array([a[0], a[1]])": "0, 0",
    "[a][0]": "0, 1",
}

# The view is stored to; its base is; both are, of a transposed base.
STORES = {
    "view": "a = s.copy()\n    z = {made}\n    z[{place}] = s[0, 1] * 3.0",
    "base": "a = s.copy()\n    z = {made}\n    a[1, 1] = s[0, 1] * 3.0\n    a *= s[2, 2]",
    "both": "a = (s * 1.0).T\n    b = a[:, 1:]\n    z = {made}\n    z += s[0, 1] * 3.0\n    b[0] = 2.0 * s[1, 1]",
}

SOURCE = """
import numpy as np

def f(s):
    {store}
    return np.sum(a * a) + np.sum(z * z * z)
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ADCOMPILE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("made", EXPRESSIONS)
def test_stores_are_seen_through_every_name(made: str, store: str) -> None:
    text = STORES[store].format(made=made, place=EXPRESSIONS[made])
    f = from_source(SOURCE.format(store=text), "f")
    value, gradient = value_and_grad(f)(X.copy())
    assert value == f(X.copy())
    direction = np.cos(np.arange(9.0)).reshape(3, 3)
    want = oracle.derivative(lambda h: oracle.flat(f(X + h * direction)))
    _, tangent = jvp(f, (X.copy(),), (direction,))
    assert oracle.close(oracle.flat(tangent), want, 1e-7)
    assert oracle.close(oracle.flat(np.sum(gradient * direction)), want, 1e-7)


@pytest.mark.parametrize("made", ["np.broadcast_to(a, (2, 3, 3))", "np.diagonal(a)", "np.diag(a)", "a.diagonal(1)"])
def test_views_that_are_read_only(made: str) -> None:
    text = f"a = s.copy()\n    z = {made}\n    a[1, 1] = s[0, 1] * 3.0\n    a[0, 1] *= 2.0"
    f = from_source(SOURCE.format(store=text), "f")
    _, gradient = value_and_grad(f)(X.copy())
    want = oracle.jacobian(f, (X,), (0,))[0]
    assert oracle.close(oracle.flat(gradient), want, 1e-7)
    written = from_source(SOURCE.format(store=f"a = s.copy()\n    z = {made}\n    z[0] = a[0, 0]"), "f")
    with pytest.raises(CompileError, match="read-only") as caught:
        grad(written)(X)
    assert caught.value.line == 7
    assert caught.value.column == 5


def ravelled(x):
    r = x.ravel()
    r[1] = x[0, 0] * 3.0
    x[1, 1] = 2.0
    return np.sum(r * r * r) + np.sum(x * x)


def ravelled_double(x):
    y = x * 2.0
    r = y.ravel()
    r[1] = x[0, 0] * 3.0
    y[1, 1] = 2.0
    return np.sum(r * r * r) + np.sum(y * y)


@pytest.mark.parametrize("f", [ravelled, ravelled_double])
def test_the_layout_of_arguments_decides_what_is_a_view(f) -> None:
    """A program is made anew for arguments that lie otherwise in memory."""
    derivative = value_and_grad(f)
    for order in ("C", "F", "C"):
        x = np.array(X, order=order)
        value, gradient = derivative(x)

        def moved(h: float, k: int, order: str = order) -> np.ndarray:
            other = np.array(X, order=order)
            other.flat[k] += h
            return oracle.flat(f(other))

        assert value == f(np.array(X, order=order))
        want = [float(oracle.derivative(lambda h, k=k: moved(h, k))[0]) for k in range(9)]
        assert oracle.close(oracle.flat(gradient), np.array(want), 1e-7)


def test_emitted_programs_test_what_they_assume_of_the_layout() -> None:
    source = grad(ravelled).source_for(X.copy())
    program = from_source(source, "ravelled_vjp")
    assert np.array_equal(program(X.copy()), grad(ravelled)(X.copy()))
    with pytest.raises(ValueError, match="a copy where the program needs a view"):
        program(np.asfortranarray(X))


LISTS_THAT_MAY_BE_ONE = [
    "chosen = a if x[0] > 0 else [x[1]]\n    chosen.append(x[2])",
    "chosen = a if x[0] > 0 else [x[1]]\n    chosen[0] = x[2]",
    "chosen = a if x[0] > 0 else [x[1]]\n    a[0] = x[2] ** 2",
    "chosen = a if x[0] > 0 else [x[1]]\n    for k in range(3): chosen.append(x[k])",
    "a = [x[0], x[1]]\n    chosen = a\n    if x[0] < 0: chosen = [x[1]] * 3\n    a.append(x[2])",
]


@pytest.mark.parametrize("first", [1.0, -1.0])
@pytest.mark.parametrize("text", LISTS_THAT_MAY_BE_ONE)
def test_lists_of_other_lengths_that_may_be_one_are_changed_where_they_are(text: str, first: float) -> None:
    source = (
        f"def f(x):\n    a = [x[0], x[1]]\n    {text}\n    return sum(a) * len(chosen) + sum(chosen) ** 2 * len(a)\n"
    )
    x, f = np.array([first, 2.0, 3.0]), from_source(source, "f")
    want = [float(oracle.derivative(lambda h, e=e: oracle.flat(f(x + h * e)))[0]) for e in np.eye(3)]
    value, gradient = value_and_grad(f)(x)
    assert value == f(x)
    assert oracle.close(gradient, np.array(want), 1e-7)
    for e, slope in zip(np.eye(3), want, strict=True):
        assert np.isclose(jvp(f, (x,), (e,))[1], slope, 1e-7)


def test_a_new_array_lies_otherwise_than_the_argument_that_it_has_the_numbers_of() -> None:
    """The argument is no single run in memory, so that a reshape copies it; of x * 1.0 it gives a view."""

    def f(x):
        a = x * 1.0
        b = a.reshape(-1)
        b[1] = 5.0 * x[0, 0]
        return np.sum(a * a) + b[2]

    apart = np.arange(1.0, 25.0).reshape(4, 6)[::2, ::2]
    together = apart.copy()
    value, gradient = value_and_grad(f)(together)
    assert value == f(together)
    np.testing.assert_allclose(gradient[0], [52.0, 0.0, 2 * together[0, 2] + 1.0])
    with pytest.raises(ValueError, match=r"a view where the program needs a copy: use \.copy\(\)"):
        value_and_grad(f)(apart)

    def copied(x):
        a = x.copy()
        b = a.reshape(-1)
        b[1] = 5.0 * x[0, 0]
        return np.sum(a * a) + b[2]

    assert value_and_grad(copied)(apart)[0] == f(apart)
