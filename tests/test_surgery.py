"""Blocks that run in the reverse sweep: ``with adjoint_of(y) as y_bar:``, against adjoints written by hand."""

# ruff: noqa: B007, F841  # the functions are differentiated as they stand

from __future__ import annotations

import sys

import numpy as np
import pytest

from adcompile import CompileError, adjoint_of, check_grads, checkpointed, from_source, grad, hessian, jacrev, jvp

X = np.array([0.3, -1.2, 0.7])


def eq(a: object, b: object) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)


def test_clip():
    def f(x):
        y = x**2
        with adjoint_of(y) as y_bar:
            y_bar = np.clip(y_bar, -1.0, 1.0)
        return 10.0 * y

    eq(grad(f)(3.0), 6.0)
    eq(f(3.0), 90.0)


def test_before_and_after():
    def f(x):
        y = x**2
        z = y * 3
        with adjoint_of(y) as y_bar:
            y_bar *= 0.5
        return z + y

    eq(grad(f)(3.0), 4 * 0.5 * 6)


def test_shared():
    def f(x):
        z = np.sin(x)
        y = np.sin(x)
        with adjoint_of(y) as g:
            g = 0.0
        return z * 2 + y * 3

    eq(grad(f)(0.3), 2 * np.cos(0.3))


def test_loop_rnn():
    def f(W, h, n):
        for i in range(n):
            with adjoint_of(h) as h_bar:
                h_bar = np.clip(h_bar, -0.1, 0.1)
            h = np.tanh(W @ h)
        return np.sum(h)

    W = np.random.default_rng(0).normal(size=(3, 3))

    def hand(W, h, n):
        hs = [h]
        for i in range(n):
            h = np.tanh(W @ h)
            hs.append(h)
        hb = np.ones(3)
        Wb = np.zeros_like(W)
        for i in range(n - 1, -1, -1):
            z = hb * (1 - hs[i + 1] ** 2)
            Wb += np.outer(z, hs[i])
            hb = np.clip(W.T @ z, -0.1, 0.1)
        return Wb, hb

    a = grad(f, (0, 1))(W, X, 4)
    b = hand(W, X, 4)
    eq(a[0], b[0])
    eq(a[1], b[1])


def test_order(capsys):
    def f(x):
        for i in range(3):
            y = x * 2
            with adjoint_of(y) as g:
                print(i, g)
            x = y
        return x

    eq(grad(f)(1.0), 8.0)
    assert capsys.readouterr().out == "2 1.0\n1 2.0\n0 4.0\n"


def test_inplace_surgery():
    def f(x):
        y = np.sin(x)
        with adjoint_of(y) as g:
            g[0] = 0.0
            g[1:] *= 2
        return np.sum(y * y)

    w = 2 * np.sin(X) * np.cos(X)
    w[0] = 0
    w[1:] *= 2
    eq(grad(f)(X), w)


def test_primal_values():
    def f(x):
        y = np.sin(x)
        s = np.sum(x)
        with adjoint_of(y) as g:
            n = np.sqrt(np.sum(g**2))
            if n > 1.0:
                g = g / n * s
            g = g * x
        z = y * y
        return np.sum(z * np.exp(y))

    def hand(x):
        y = np.sin(x)
        g = (2 * y + y * y) * np.exp(y)
        n = np.sqrt(np.sum(g**2))
        if n > 1:
            g = g / n * np.sum(x)
        return g * x * np.cos(x)

    for x in (X, 3 * X):
        eq(grad(f)(x), hand(x))


def test_arg():
    def f(x):
        with adjoint_of(x) as g:
            g = -g
        return np.sum(x**2)

    eq(grad(f)(X), -2 * X)


def test_several():
    def f(x):
        y = x * 1.0
        with adjoint_of(y) as g:
            g = g * 2
        with adjoint_of(y) as g:
            g = g + 1
        return y * y

    eq(grad(f)(3.0), (6 + 1) * 2)


def test_updated_array():
    def f(x):
        a = x * 2
        a[0] = a[1] * a[2]
        with adjoint_of(a) as g:
            g = np.clip(g, -1, 1)
        b = a * a
        a[1] = 5.0
        return np.sum(b * a)

    def hand(x):
        a = x * 2
        a[0] = a[1] * a[2]
        a1 = a.copy()
        b = a * a
        a2 = a.copy()
        a2[1] = 5
        bb = a2.copy()
        ab2 = b.copy()
        ab2[1] = 0
        g = np.clip(ab2 + 2 * a1 * bb, -1, 1)
        h = g.copy()
        g0 = h[0]
        h[0] = 0
        a0 = x * 2
        h[1] += g0 * a0[2]
        h[2] += g0 * a0[1]
        return 2 * h

    eq(grad(f)(X), hand(X))


def test_reads_later_version():
    def f(x):
        y = x * 2
        a = np.zeros(3)
        a[0] = 3.0
        with adjoint_of(y) as g:
            g = g * a
        a[1] = 7.0
        return np.sum(y * y)

    eq(grad(f)(X), 2 * X * 2 * 2 * np.array([3.0, 0, 0]))


def test_loop_reads_array():
    def f(x):
        a = np.zeros(4)
        s = 0.0
        for i in range(4):
            a[i] = i + 1.0
            y = x * s + x
            with adjoint_of(y) as g:
                g = g * a[i] * np.sum(a)
            s = s + y * y
        return s

    def hand(x):
        a = np.zeros(4)
        s = 0.0
        ss = []
        ys = []
        As = []
        for i in range(4):
            a[i] = i + 1.0
            As.append(a.copy())
            ss.append(s)
            y = x * s + x
            ys.append(y)
            s = s + y * y
        sb = 1.0
        xb = 0.0
        for i in range(3, -1, -1):
            yb = sb * 2 * ys[i]
            yb = yb * As[i][i] * np.sum(As[i])
            xb += yb * (ss[i] + 1)
            sb += yb * x
        return xb

    eq(grad(f)(0.4), hand(0.4))


def test_branch_refused():
    def f(x):
        y = x * 2
        if y > 0:
            with adjoint_of(y) as g:
                g = g * 2
        return y * y

    with pytest.raises(CompileError, match=r"adjoint of `y` is not complete"):
        grad(f)(1.0)

    def f2(x, w):
        for i in range(3):
            with adjoint_of(w) as g:
                g = g * 2
            x = x * w
        return x

    with pytest.raises(CompileError, match=r"adjoint of `w` is not complete"):
        grad(f2, 1)(1.0, 2.0)
    eq(grad(f2, 0)(1.0, 2.0), 8.0)


def test_view_refused():
    def f(x):
        y = x[1:]
        with adjoint_of(y) as g:
            g = g * 2
        return np.sum(y * y)

    with pytest.raises(CompileError, match="is a view of another array"):
        grad(f)(X)


def test_forward():
    def f(x):
        y = x**2
        with adjoint_of(y) as y_bar:
            y_bar = np.clip(y_bar, -1.0, 1.0)
        return 10.0 * y

    eq(jvp(f, (3.0,), (1.0,)), (90.0, 60.0))


def test_names_restored():
    def f(x):
        t = 2.0
        y = x * t
        with adjoint_of(y) as g:
            t = 100.0
            g = g * t
        return y * t

    eq(grad(f)(3.0), 400.0)
    eq(f(3.0), 12.0)


def test_helper():
    def h(x):
        y = x * 2
        with adjoint_of(y) as g:
            g = g * 3
        return y

    def f(x):
        return h(h(x)) * x

    eq(grad(f)(3.0), 12.0 + 12 * 9)


def test_unused():
    def f(x):
        y = x * 2
        with adjoint_of(y) as g:
            g = g + 1.0
        return x * 3

    eq(grad(f)(3.0), 3.0 + 2.0)


def test_rule_bad_shape():
    def f(x):
        y = x * 2
        with adjoint_of(y) as g:
            g = np.sum(g)
        return np.sum(y)

    with pytest.raises(CompileError, match="the block leaves an adjoint with 0 axes"):
        grad(f)(X)


def test_second():
    def f(x):
        y = np.sin(x)
        with adjoint_of(y) as g:
            g = g * x
        return y * y

    g = from_source(grad(f).source_for(0.3), "f_vjp")
    eq(g(0.3), 2 * np.sin(0.3) * 0.3 * np.cos(0.3))
    check_grads(lambda x: g(x), 0.3)


def test_whileloop():
    def f(x):
        n = 0
        while n < 3:
            y = x * 1.5
            with adjoint_of(y) as g:
                g = g * 0.5
            x = y
            n += 1
        return x

    eq(grad(f)(1.0), 1.5**3 / 8)


def test_the_block_is_skipped_in_a_plain_call():
    def f(x):
        y = x * 2
        with adjoint_of(y) as g:
            raise ValueError(g)
        for _ in range(2):
            with adjoint_of(y) as g:
                y = None
        return y

    before = sys.gettrace()
    assert f(2.0) == 4.0 and sys.gettrace() is before


def test_errors_in_the_block():
    def jump(x):
        y = x * 2
        with adjoint_of(y) as g:
            return y
        return g

    def outer(x):
        y = x * 2
        a = np.zeros(3)
        with adjoint_of(y) as g:
            a[0] = g
        return y * a[0]

    def part(x):
        with adjoint_of(x[0]) as g:
            g = g * 2
        return x[0]

    for f, arg, message in (
        (jump, 1.0, "left by a jump"),
        (outer, 1.0, "the adjoint only"),
        (part, X, "takes a variable"),
    ):
        with pytest.raises(CompileError, match=message) as caught:
            grad(f)(arg)
        assert caught.value.line is not None


def tripled(x):
    y = x * x
    with adjoint_of(y) as g:
        g = g * 3.0
    return np.sum(y)


def test_in_jacobians_and_hessians():
    eq(jacrev(lambda x: np.array([tripled(x), tripled(2 * x)]))(X), np.array([6 * X, 24 * X]))
    eq(hessian(tripled)(X), 6 * np.eye(3))


def test_where_tangents_would_not_see_the_block():
    for derivative in (
        lambda: jvp(grad(tripled), (X,), (X,)),
        lambda: grad(lambda x: np.sum(grad(tripled)(x) ** 2))(X),
    ):
        with pytest.raises(CompileError, match="cannot be differentiated here") as caught:
            derivative()
        assert "from_source" in caught.value.help
    again = from_source(grad(tripled).source_for(X), "tripled_vjp")
    eq(jvp(again, (X,), (X,))[1], 6 * X)


def test_in_checkpointed_loops():
    def plain(x, n):
        for _ in range(n):
            with adjoint_of(x) as g:
                g = g * 0.5
            x = np.sin(x)
        return np.sum(x)

    def sparing(x, n):
        for _ in checkpointed(range(n), slots=2):
            with adjoint_of(x) as g:
                g = g * 0.5
            x = np.sin(x)
        return np.sum(x)

    eq(grad(sparing)(X, 7), grad(plain)(X, 7))
