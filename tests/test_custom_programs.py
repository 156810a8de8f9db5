"""Small programs that call functions with derivative rules, in which a derivative is easily got wrong."""

# ruff: noqa: B007, B023, E741, F841

from __future__ import annotations

import functools

import numpy as np

from adcompile import (
    check_grads,
    checkpoint,
    checkpointed,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jvp,
    value_and_grad,
    vjp,
)


def eq(a: object, b: object) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-12)


X = np.array([0.3, -1.2, 0.7])


@custom_vjp
def sn(x):
    return np.sin(x)


sn.defvjp(lambda x: (sn(x), x), lambda x, g: (g * np.cos(x),))


@custom_jvp
def sj(x):
    return np.sin(x)


sj.defjvps(lambda t, ans, x: t * np.cos(x))


def test_checkpointed_():
    def f(x, n):
        for i in checkpointed(range(n), slots=3):
            x = sn(x) * 1.1 + 0.01 * i
        return np.sum(x)

    def p(x, n):
        for i in range(n):
            x = np.sin(x) * 1.1 + 0.01 * i
        return np.sum(x)

    eq(grad(f)(X, 12), grad(p)(X, 12))
    h = checkpoint(lambda x: sn(x) * x)
    check_grads(lambda x: np.sum(h(x)), X, modes=("reverse",))


def test_recursive_user():
    def r(x, n):
        return x if n == 0 else r(sj(x), n - 1) * 1.5

    check_grads(lambda x: np.sum(r(x, 4)), X)

    def r2(x, n):
        return x if n == 0 else r2(sn(x), n - 1) * 1.5

    check_grads(lambda x: np.sum(r2(x, 4)), X, modes=("reverse",))


def test_in_comprehension():
    check_grads(lambda x: sum([sj(v) * k for k, v in enumerate(x)]), X)
    check_grads(lambda x: np.sum(np.array([sn(v) for v in x])), X, modes=("reverse",))


def test_partial_():
    @custom_vjp(nondiff_argnums=(0,))
    def sc(k, x):
        return k * x

    sc.defvjp(lambda k, x: (k * x, None), lambda k, r, g: (k * g * 10,))
    f = functools.partial(sc, 3.0)
    eq(grad(lambda x: np.sum(f(x)))(X), 30.0)
    eq(grad(functools.partial(sc, 3.0))(2.0), 30.0)


def test_as_argument():
    def apply(f, x):
        return np.sum(f(x))

    eq(grad(apply, argnums=1)(sj, X), np.cos(X))
    eq(grad(apply, argnums=1)(np.sin, X), np.cos(X))
    eq(grad(apply, argnums=1)(sn, X), np.cos(X))


def test_list_of_layers():
    layers = [sj, np.tanh, sn]

    def f(x):
        for l in (sj, np.tanh, sn):
            x = l(x)
        return np.sum(x)

    check_grads(f, X, modes=("reverse",))


def test_two_outs_loop():
    @custom_vjp
    def step(s, v):
        return s + 0.1 * v, v - 0.1 * np.sin(s)

    def fw(s, v):
        return step(s, v), (s,)

    def bw(res, g):
        (s,) = res
        gs, gv = g
        return gs - 0.1 * np.cos(s) * gv, 0.1 * gs + gv

    step.defvjp(fw, bw)

    def f(s, v):
        for i in range(20):
            s, v = step(s, v)
        return np.sum(s * v)

    def p(s, v):
        for i in range(20):
            s, v = s + 0.1 * v, v - 0.1 * np.sin(s)
        return np.sum(s * v)

    a = grad(f, (0, 1))(X, X + 1)
    b = grad(p, (0, 1))(X, X + 1)
    eq(a[0], b[0])
    eq(a[1], b[1])


def test_early_return():
    @custom_jvp
    def sqz(x):
        if x == 0.0:
            return 0.0
        return np.sqrt(x)

    @sqz.defjvp
    def r(p, t):
        (x,) = p
        (d,) = t
        y = sqz(x)
        return y, d * (0.0 if x == 0.0 else 0.5 / y)

    eq(grad(lambda x: sqz(x))(0.0), 0.0)
    eq(grad(lambda x: sqz(x))(4.0), 0.25)
    eq(jvp(sqz, (4.0,), (1.0,))[1], 0.25)


def test_branch_in_bwd():
    @custom_vjp
    def cl(x):
        return x * 1.0

    def bw(r, g):
        n = np.sqrt(np.sum(g**2))
        if n > 1.0:
            return (g / n,)
        return (g,)

    cl.defvjp(lambda x: (cl(x), None), bw)
    for c in (0.1, 10.0):
        g = c * X
        n = np.linalg.norm(g)
        eq(grad(lambda x: np.sum(cl(x) * c * X))(X), g / n if n > 1 else g)

    def f(x):
        for i in range(3):
            x = cl(x) * 3.0
        return np.sum(x)

    g = np.ones(3)
    for i in range(3):
        g = g * 3
        n = np.linalg.norm(g)
        g = g / n if n > 1 else g
    eq(grad(f)(X), g)


def test_while_in_bwd():
    @custom_vjp
    def cl(x):
        return x * 1.0

    def bw(r, g):
        while np.max(np.abs(g)) > 1.0:
            g = g * 0.5
        return (g,)

    cl.defvjp(lambda x: (cl(x), None), bw)
    eq(grad(lambda x: np.sum(cl(x) * np.array([5.0, 2.0, 1.0])))(X), np.array([5.0, 2.0, 1.0]) / 8)


def test_residual_scalars_bools():
    @custom_vjp
    def f(x, flag):
        return x * 2 if flag else x * 3

    f.defvjp(
        lambda x, flag: (f(x, flag), (flag, x.shape, len(x), x > 0)), lambda r, g: (g * (2 if r[0] else 3) * r[3], None)
    )
    eq(grad(lambda x: np.sum(f(x, True)))(X), 2 * (X > 0))
    eq(grad(lambda x: np.sum(f(x, False)))(X), 3 * (X > 0))


def test_shapes():
    @custom_vjp
    def pool(x):
        return x.reshape(-1, 2).mean(axis=1)

    pool.defvjp(lambda x: (pool(x), x.shape), lambda s, g: (np.repeat(g, 2).reshape(s) / 2,))
    check_grads(lambda x: np.sum(pool(x) ** 2), np.arange(6.0).reshape(2, 3), modes=("reverse",))
    g = grad(lambda x: np.sum(pool(x) ** 2))
    g(np.arange(6.0).reshape(2, 3))
    eq(g(np.arange(8.0).reshape(2, 4)), np.repeat(pool(np.arange(8.0).reshape(2, 4)), 2).reshape(2, 4))


def test_aux_and_value():
    v, g = value_and_grad(lambda x: np.sum(sn(x)))(X)
    assert v == np.sum(np.sin(X))
    eq(g, np.cos(X))
    v, p = vjp(lambda x: (sn(x), x), X)
    eq(p((X, X))[0], X * np.cos(X) + X)


def test_nested_custom():
    @custom_vjp
    def outer(x):
        return sj(x) ** 2

    outer.defvjp(lambda x: (outer(x), (x, sj(x))), lambda r, g: (2 * g * r[1] * np.cos(r[0]),))
    check_grads(lambda x: np.sum(outer(x) * x), X, modes=("reverse",))
    eq(hessian(lambda x: np.sum(outer(x)))(X), np.diag(2 * np.cos(2 * X)))

    @custom_jvp
    def oj(x):
        return sn(x) ** 2

    oj.defjvps(lambda t, ans, x: 2 * t * sj(x) * np.cos(x))
    check_grads(lambda x: np.sum(oj(x) * x), X, order=2)


def test_bwd_calls_grad():
    @custom_vjp
    def f(x):
        return np.sum(np.sin(x) ** 2)

    f.defvjp(lambda x: (f(x), x), lambda x, g: (g * grad(lambda z: np.sum(np.sin(z) ** 2))(x),))
    check_grads(f, X, modes=("reverse",))


def test_jvp_calls_jvp():
    @custom_jvp
    def f(x):
        return np.sin(x) * x

    @f.defjvp
    def r(p, t):
        return jvp(lambda z: np.sin(z) * z, p, t)

    check_grads(lambda x: np.sum(f(x)), X, order=2)


def test_dtype():
    x = X.astype(np.float32)
    for fn in (sn, sj):
        g = grad(lambda x: np.sum(fn(x) * 2))(x)
        assert g.dtype == np.float32


def test_int_args():
    @custom_jvp
    def take(x, idx):
        return x[idx]

    @take.defjvp
    def r(p, t):
        x, idx = p
        d, _ = t
        return x[idx], d[idx]

    i = np.array([0, 2, 2])
    eq(grad(lambda x: np.sum(take(x, i)))(X), [1, 0, 2])


def test_none_cotangent():
    @custom_vjp
    def f(x, y):
        return x * y

    f.defvjp(lambda x, y: (f(x, y), (x, y)), lambda r, g: (None, g * r[0]))
    a, b = grad(lambda x, y: np.sum(f(x, y)), (0, 1))(X, X + 1)
    eq(a, 0 * X)
    eq(b, X)


def test_zero_cot():
    @custom_vjp
    def f(x):
        return x * 2, x * 3

    f.defvjp(lambda x: (f(x), None), lambda r, g: (g[0] * 2 + g[1] * 3,))
    eq(grad(lambda x: np.sum(f(x)[1]))(X), 3.0)


def test_zero_d():
    check_grads(lambda x: sj(x) * x, np.array(0.3))
    eq(grad(lambda x: sn(x) * x)(np.array(0.3)), np.sin(0.3) + 0.3 * np.cos(0.3))


def test_while_loop():
    def f(x):
        n = 0
        while np.sum(np.abs(x)) > 0.5 and n < 50:
            x = sj(x) * 0.9
            n += 1
        return np.sum(x)

    check_grads(f, X)


def test_view_arg():
    check_grads(lambda x: np.sum(sj(x[1:])) + np.sum(sn(x[::2])), X, modes=("reverse",))

    def f(x):
        a = np.zeros(5)
        a[1:4] = sj(x)
        a[0] = np.sum(sj(a[2:]))
        return np.sum(a**2)

    check_grads(f, X)


class Layer:
    def __init__(self, w):
        self.w = w

    @custom_vjp
    def act(self, x):
        return np.tanh(x) * self.w


Layer.act.defvjp(lambda self, x: (self.act(x), (self.w, x)), lambda res, g: (None, g * res[0] * 7))


def test_methods():
    layer = Layer(2.0)
    eq(grad(lambda x: np.sum(layer.act(x)))(X), 14.0)
    assert layer.act(0.5) == np.tanh(0.5) * 2.0
