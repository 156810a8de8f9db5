"""Functions with derivative rules of their own, against finite differences and against what the rules say."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adcompile
from adcompile import (
    CompileError,
    check_grads,
    custom_jvp,
    custom_vjp,
    elementwise,
    elementwise_grad,
    from_source,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    primitive,
    vjp,
)

X = np.array([0.3, -1.2, 0.7])
Y = np.array([1.1, 0.4, -0.6])


def same(a: object, b: object) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12, atol=1e-14)


def reverse(f: Callable[..., Any], *args: object) -> None:
    check_grads(f, *args, modes=("reverse",))


# -- custom_vjp


@custom_vjp
def norm(x):
    return np.sqrt(np.sum(x**2))


def norm_fwd(x):
    n = norm(x)
    return n, (x, n)


def norm_bwd(res, g):
    x, n = res
    return (g * x / (n if n > 0 else 1.0),)


norm.defvjp(norm_fwd, norm_bwd)


@custom_vjp
def product(x, y):
    return x * y


product.defvjp(lambda x, y: (x * y, (x, y)), lambda res, g: (g * res[1], g * res[0]))


@custom_vjp
def clip_gradient(x):
    return x


def clip_bwd(res, g):
    return (np.clip(g, -1.0, 1.0),)


clip_gradient.defvjp(lambda x: (clip_gradient(x), None), clip_bwd)


@custom_vjp
def running_sum(x):
    out = np.zeros_like(x)
    s = 0.0
    for i in range(len(x)):
        s += x[i]
        out[i] = s
    return out


def running_sum_bwd(res, g):
    out = np.zeros_like(g)
    s = 0.0
    for i in range(len(g) - 1, -1, -1):
        s += g[i]
        out[i] = s
    return (out,)


running_sum.defvjp(lambda x: (running_sum(x), None), running_sum_bwd)


def test_value_and_gradient_at_a_singular_point():
    same(grad(norm)(np.zeros(3)), np.zeros(3))
    same(grad(norm)(X), X / np.sqrt(np.sum(X**2)))
    assert norm(X) == np.sqrt(np.sum(X**2))


def test_residuals_in_a_loop():
    def f(x, n):
        s = 0.0
        for i in range(n):
            s = s + norm(x * (i + 1.0)) ** 2 * np.sin(s) + norm(x)
        return s

    reverse(lambda x: f(x, 5), X)


def test_branches_in_a_loop():
    def f(x):
        y = x
        for _ in range(3):
            if np.sum(y) > 0.3:
                y = y * norm(y)
            else:
                y = np.sin(y) + 0.1 * norm(y)
        return np.sum(y)

    for shift in (-1.0, 0.0, 0.5, 1.0):
        reverse(f, X + shift)


def test_twice_with_different_and_repeated_arguments():
    reverse(lambda x, y: np.sum(product(product(x, y), product(y, y)) * product(x, x)), X, Y)
    reverse(lambda a: product(a, a), 3.0)


def test_in_a_helper():
    def helper(x):
        return product(np.sin(x), x)

    reverse(lambda x: np.sum(helper(x) * helper(2 * x)), X)


def test_rule_with_loops_and_stores():
    def f(x):
        y = running_sum(np.sin(x))
        for _ in range(2):
            y = running_sum(y) * np.cos(y)
        return np.sum(y**2)

    reverse(f, X)
    reverse(f, np.linspace(-1, 1, 7))


@custom_vjp
def both(pair):
    a, b = pair
    return (a * b, np.sin(a))


def both_bwd(res, g):
    (a, b), (g1, g2) = res, g
    return ((g1 * b + g2 * np.cos(a), g1 * a),)


both.defvjp(lambda pair: (both(pair), pair), both_bwd)


def test_tuples_in_and_out():
    def f(a, b):
        p, q = both((a, b))
        return np.sum(p * q)

    reverse(f, X, Y)
    reverse(lambda a, b: np.sum(both((a, b))[0]), X, Y)


@custom_vjp
def table(d):
    return {"u": d["a"] * d["b"], "v": np.sum(d["a"])}


def table_fwd(d):
    return table(d), {"kept": d, "nothing": (1, None)}


def table_bwd(res, g):
    d = res["kept"]
    return ({"b": g["u"] * d["a"], "a": g["u"] * d["b"] + g["v"]},)


table.defvjp(table_fwd, table_bwd)


def test_dicts_in_and_out():
    def f(a, b):
        out = table({"a": a, "b": b})
        return np.sum(out["u"]) * out["v"]

    reverse(f, X, Y)


@custom_vjp(nondiff_argnums=(0, 2))
def apply(f, x, n):
    return f(x) * n


def apply_bwd(f, n, x, g):
    return (g * n * np.cos(x),)


apply.defvjp(lambda f, x, n: (apply(f, x, n), x), apply_bwd)


def test_nondiff_argnums():
    reverse(lambda x: np.sum(apply(np.sin, x, 4)) + np.sum(apply(lambda z: np.sin(z), x, 3)), X)
    with pytest.raises(CompileError, match=r"`n` is in nondiff_argnums of `apply`") as caught:
        grad(lambda n: apply(np.sin, 1.0, n))(2.0)
    assert caught.value.column == 24


def test_any_number_of_arguments():
    @custom_vjp
    def f(*xs):
        return xs[0] * xs[1]

    f.defvjp(lambda *xs: (f(*xs), xs), lambda xs, g: (g * xs[1], g * xs[0]))
    reverse(lambda x: f(x, np.sin(x)), 1.3)


def test_clipped_gradient():
    same(grad(lambda x: np.sum(clip_gradient(x) * 3.0) + np.sum(x * 0.5))(X), np.full(3, 1.5))
    single = grad(lambda x: np.sum(clip_gradient(x) * 3))(X.astype(np.float32))
    assert single.dtype == np.float32


def test_straight_through():
    @custom_vjp
    def rounded(x):
        return np.round(x)

    rounded.defvjp(lambda x: (np.round(x), None), lambda _, g: (g,))
    same(grad(lambda x: np.sum(rounded(x) ** 2))(X), 2 * np.round(X))


def test_pullback_runs_many_times():
    value, pullback = vjp(lambda x, y: product(x, y), X, Y)
    same(value, X * Y)
    for g in (np.ones(3), Y):
        same(pullback(g)[0], g * Y)


def test_forward_over_reverse_goes_through_both_halves():
    def cube(x):
        return norm(x) ** 3

    source = grad(cube).source_for(X)
    check_grads(from_source(source, "cube_vjp"), X, argnums=0)


def test_forward_mode_is_refused():
    with pytest.raises(CompileError, match=r"forward mode reaches `norm`.*reverse rule only") as caught:
        jvp(lambda x: 2.0 * norm(x), (X,), (X,))
    assert "custom_jvp" in str(caught.value) and caught.value.column is not None


def test_what_is_read_from_outside_cannot_be_differentiated():
    @custom_vjp
    def run(f, x):
        return f(x)

    run.defvjp(lambda f, x: (f(x), None), lambda _, g: (None, g))

    def f(x, w):
        def body(z):
            return z * w

        return np.sum(run(body, x))

    same(grad(f)(X, 2.0), np.ones(3))
    with pytest.raises(CompileError, match="reads the differentiated value `w` from outside"):
        grad(f, argnums=1)(X, 2.0)


def test_results_that_are_the_argument():
    @custom_vjp
    def identity(x):
        return x

    identity.defvjp(lambda x: (x, None), lambda _, g: (2 * g,))

    def copied(x):
        y = identity(x * 1.0)
        y[0] = 5.0
        return np.sum(y * y)

    same(grad(copied)(X), np.array([0.0, *(4 * X[1:])]))

    def shared(x):
        y = identity(x)
        y[0] = 5.0
        return np.sum(y * y) + x[0]

    before = X.copy()
    with pytest.raises(CompileError, match="may also change `x`"):
        grad(shared)(X)
    same(X, before)


def test_prints_in_the_reverse_sweep(capsys):
    @custom_vjp
    def shown(x):
        return x

    def shown_bwd(_, g):
        print("g", g)
        return (g,)

    shown.defvjp(lambda x: (x, None), shown_bwd)

    def f(x):
        for _ in range(2):
            x = shown(x * 2)
        return x

    same(grad(f)(1.0), 4.0)
    assert capsys.readouterr().out == "g 1.0\ng 2.0\n"


@pytest.mark.parametrize(
    ("fwd", "bwd", "message"),
    [
        (lambda x: (np.sum(x), None), lambda r, g: (g,), r"has the shape \(\), but the argument has \(3\)"),
        (lambda x: (np.sum(x), x), lambda r, g: g * r, "one value, but should return a tuple of 1"),
        (lambda x: np.sum(x), lambda r, g: (g,), "should return a pair"),
        (lambda x: (x, None), lambda r, g: (g,), "another kind of value"),
        (lambda x: (np.sum(x), x), lambda r, g: (g * r, None), "a tuple of 2, but should return a tuple of 1"),
        (lambda x: (np.sum(x), x), lambda r, g: ((g * r,),), "is a tuple, not a number"),
    ],
)
def test_rules_that_do_not_fit(fwd, bwd, message):
    @custom_vjp
    def total(x):
        return np.sum(x)

    total.defvjp(fwd, bwd)
    with pytest.raises(CompileError, match=message) as caught:
        grad(lambda x: total(x))(X)
    assert caught.value.line is not None


def test_missing_rules():
    for made, help in ((custom_vjp, "defvjp"), (custom_jvp, "defjvp"), (primitive, "adjoint")):
        f = made(lambda x: np.sin(x))
        with pytest.raises(CompileError, match="has no derivative rule yet") as caught:
            grad(lambda x, f=f: f(x))(1.0)
        assert help in caught.value.help


def test_stores_into_the_argument_are_refused():
    @custom_vjp
    def bad(x):
        x[0] = 1.0
        return x

    bad.defvjp(lambda x: (x, None), lambda r, g: (g,))
    with pytest.raises(CompileError, match="stores into its argument"):
        grad(lambda x: np.sum(bad(x * 2)))(X)


def test_a_changed_rule_is_compiled_anew():
    @custom_vjp
    def f(x):
        return np.sin(x)

    f.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * np.cos(x),))
    derivative = grad(lambda x: f(x))
    same(derivative(1.0), np.cos(1.0))
    f.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * 2.0,))
    same(derivative(1.0), 2.0)


def test_forward_mode_over_a_gradient():
    def clipped(x):
        return np.sum(clip_gradient(x) ** 3)

    def surrogate(x):
        s = 0.0
        for i in range(3):
            s = s + np.sum(norm(x * (i + 1.0)) * np.sin(clip_gradient(x * 0.1) + s))
        return s

    bent = np.where(np.abs(3 * X**2) < 1, 6 * X, 0.0)
    same(hessian(clipped)(X), np.diag(bent))
    same(jvp(grad(clipped), (X,), (Y,))[1], bent * Y)
    same(hvp(clipped, (X,), (Y,)), bent * Y)
    same(grad(grad(lambda x: clip_gradient(x) ** 3))(0.3), 1.8)
    check_grads(grad(surrogate), X, modes=("forward",))
    np.testing.assert_allclose(hessian(surrogate)(X) @ Y, jvp(grad(surrogate), (X,), (Y,))[1], rtol=1e-12)
    with pytest.raises(CompileError, match="reverse rule only"):
        grad(lambda x: np.sum(grad(clipped)(x) ** 2))(X)


PROGRAM = """\
import numpy as np, adcompile
from adcompile import custom_vjp, elementwise, grad
SCALE = 3
def helper(x): return np.cos(x)
@custom_vjp
def f(x): return np.sin(x)
def fwd(x): return f(x), x
def bwd(x, g): return (g * helper(x) * SCALE,)
f.defvjp(fwd, bwd)
@elementwise("h(x)", "np.cos(x)")
def h(x): return np.sin(x)
print(grad(lambda x: f(x) + h(x))(0.5), adcompile.cache_info().hits)
"""


def test_programs_on_disk_belong_to_the_rules(tmp_path):
    def run(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        env = {**os.environ, "ADCOMPILE_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
        out = subprocess.run([sys.executable, str(path)], env=env, capture_output=True, text=True, check=True).stdout
        value, hits = out.split()
        return float(value), int(hits)

    c, s = math.cos(0.5), math.sin(0.5)
    assert run(PROGRAM) == (pytest.approx(4 * c), 0)
    assert run(PROGRAM) == (pytest.approx(4 * c), 1)
    assert run(PROGRAM.replace("SCALE = 3", "SCALE = 5")) == (pytest.approx(6 * c), 0)
    assert run(PROGRAM.replace("return np.cos(x)", "return np.sin(x)")) == (pytest.approx(3 * s + c), 0)
    assert run(PROGRAM.replace('"np.cos(x)"', '"np.sin(x)"')) == (pytest.approx(3 * c + s), 0)


# -- custom_jvp


@custom_jvp
def log1pexp(x):
    return np.log(1.0 + np.exp(x))


@log1pexp.defjvp
def log1pexp_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return log1pexp(x), t * (1 - 1 / (1 + np.exp(x)))


def test_both_modes_and_second_order():
    check_grads(lambda x: np.sum(log1pexp(x * 2.0) ** 2), X, order=2)
    check_grads(log1pexp, 0.3, order=3)


@custom_jvp
def power(x, n):
    r = 1.0
    for _ in range(n):
        r = r * x
    return r


@power.defjvp
def power_jvp(primals, tangents):
    x, n = primals
    t, _ = tangents
    r = 1.0
    d = 0.0
    for _ in range(n):
        d = d * x + r * t
        r = r * x
    return r, d


def test_rule_with_a_loop_is_transposed():
    check_grads(lambda x: np.sum(power(np.sin(x), 5) * x), X, order=2)
    check_grads(lambda x: power(x, 5), 1.2)


@custom_jvp
def root(a):
    x = a
    while abs(x * x - a) > 1e-12:
        x = 0.5 * (x + a / x)
    return x


root.defjvps(lambda t, ans, a: t / (2 * ans))


def test_while_loop_is_not_differentiated():
    def f(a):
        return root(a) * np.sin(root(a * 2))

    check_grads(f, 2.0, order=2)
    assert grad(f).source_for(2.0).count("while") == 2


def test_defjvps_with_keywords():
    @custom_jvp
    def scaled(x, *, scale=2.0):
        return x * scale

    scaled.defjvps(lambda t, ans, x, scale: t * scale, lambda t, ans, x, scale: t * x)
    check_grads(lambda x: np.sum(scaled(x) * scaled(x, scale=3.0)), X)
    check_grads(lambda x, s: np.sum(scaled(x) * scaled(x, scale=s)), X, 2.0)


@pytest.mark.parametrize(
    "rule",
    [
        lambda t, ans, x: t * t,
        lambda t, ans, x: np.abs(t) * x,
        lambda t, ans, x: np.where(t > 0, t, 0.0),
        lambda t, ans, x: x / t,
        lambda t, ans, x: np.tanh(t),
    ],
)
def test_rules_must_be_linear_in_the_tangents(rule):
    f = custom_jvp(lambda x: x * 2)
    f.defjvps(rule)
    for derivative in (lambda: grad(lambda x: np.sum(f(x)))(X), lambda: jvp(lambda x: f(x), (X,), (X,))):
        with pytest.raises(CompileError, match="not linear in the tangents"):
            derivative()


def test_operators_see_rules_of_functions_that_they_are_given():
    @custom_vjp
    def f(x):
        return x

    f.defvjp(lambda x: (f(x), None), lambda _, g: (10 * g,))
    same(jacrev(f)(X), 10 * np.eye(3))
    same(elementwise_grad(f)(X), np.full(3, 10.0))
    same(grad(f)(1.0), 10.0)
    same(vjp(f, X)[1](Y)[0], 10 * Y)
    with pytest.raises(CompileError, match="reverse rule only"):
        jacfwd(f)(X)


def test_straight_through_in_both_modes():
    @custom_jvp
    def rounded(x):
        return np.round(x)

    rounded.defjvps(lambda t, ans, x: t)

    def f(x):
        return np.sum(rounded(x) ** 2)

    same(grad(f)(X), 2 * np.round(X))
    same(jvp(f, (X,), (Y,))[1], np.sum(2 * np.round(X) * Y))


WEIGHTS = np.array([1.0, 2.0, 3.0])


@custom_jvp
def weighted(x):
    return np.sin(x) * WEIGHTS


weighted.defjvps(lambda t, ans, x: t * np.cos(x) * WEIGHTS)


def test_rules_read_global_arrays_anew(monkeypatch):
    def f(x):
        return np.sum(weighted(x))

    derivative = grad(f)
    same(derivative(X), np.cos(X) * WEIGHTS)
    monkeypatch.setitem(globals(), "WEIGHTS", np.array([2.0, 0.0, 1.0]))
    same(derivative(X), np.cos(X) * WEIGHTS)
    check_grads(f, X)


# -- primitive, elementwise


@primitive
def inverse(x):
    return np.linalg.inv(x)


@inverse.tangent
def inverse_tangent(ans, x, x_dot):
    return -ans @ x_dot @ ans


def test_tangent_alone_serves_both_modes():
    matrix = np.array([[3.0, 0.5], [-0.2, 2.0]])
    check_grads(lambda x: np.sum(inverse(x) ** 2), matrix, order=2)


@primitive
def scaled_power(x, y, n):
    return x * y**n


@scaled_power.adjoint
def scaled_power_adjoint(g, ans, x, y, n):
    return g * y**n, g * x * n * y ** (n - 1), None


@scaled_power.tangent
def scaled_power_tangent(ans, x, y, n, x_dot, y_dot, n_dot):
    return x_dot * y**n + y_dot * x * n * y ** (n - 1)


def test_adjoints_are_summed_over_broadcast_axes():
    matrix = np.array([X, Y])
    check_grads(lambda x, y: np.sum(scaled_power(x, y, 3)), matrix, X, order=2)
    check_grads(lambda x, y: np.sum(scaled_power(x, y, 3)), matrix, 1.5, order=2)


def test_adjoint_alone_is_refused_in_forward_mode():
    f = primitive(lambda x: np.sin(x))
    f.adjoint(lambda g, ans, x: g * np.cos(x))
    same(grad(lambda x: f(x))(0.5), np.cos(0.5))
    with pytest.raises(CompileError, match="an adjoint"):
        jvp(lambda x: f(x), (0.5,), (1.0,))


@elementwise("softplus(x, y)", "y / (1 + np.exp(-x * y))", "x / (1 + np.exp(-x * y))")
def softplus(x, y):
    return np.log1p(np.exp(x * y))


def test_rows_given_as_text():
    check_grads(lambda x, y: np.sum(softplus(x, y) * x), X, 2.0, order=2)
    check_grads(lambda x, y: np.sum(softplus(x, y) * x), X, np.array([X, Y]), order=2)


def test_a_row_that_is_hidden_by_where():
    @elementwise("logarithm(x)", "1 / x")
    def logarithm(x):
        return np.log(x)

    x = np.array([0.0, 1.0, 2.0])
    with np.errstate(all="ignore"):
        same(grad(lambda x: np.sum(np.where(x > 0, logarithm(x), 0.0)))(x), [0.0, 1.0, 0.5])


# -- functions that are called as they are


def test_ufuncs_of_other_packages():
    special = pytest.importorskip("scipy.special")
    dawson = elementwise(special.dawsn, "dawsn(x)", "1 - 2 * x * ans")

    def f(x):
        return np.sum(dawson(x) * x)

    def named(x):
        return np.sum(special.dawsn(x) * x)

    for x in (X, 0.3, X.astype(np.float32)):
        check_grads(f, x)
    first = 1 - 2 * X * special.dawsn(X)
    second = -2 * special.dawsn(X) - 2 * X * first
    np.testing.assert_allclose(hessian(f)(X), np.diag(2 * first + X * second), rtol=1e-10)
    with adcompile.using_rules(dawson):
        np.testing.assert_allclose(grad(named)(X), grad(f)(X), rtol=1e-14)
        check_grads(named, X, order=2)
    assert "import scipy.special\n" in grad(f).source_for(X)
    struve = elementwise(special.it2struve0, "h(x)", "-special.struve(0, x) / x", special=special)
    slope = grad(lambda x: np.sum(struve(x)))(X**2)
    step = (special.it2struve0(X**2 + 1e-5) - special.it2struve0(X**2 - 1e-5)) / 2e-5
    np.testing.assert_allclose(slope, step, rtol=1e-6)
    with pytest.raises(CompileError, match="no derivative rule"):
        grad(lambda x: np.sum(special.it2struve0(x)))(X**2)


def test_functions_written_in_c():
    gamma = primitive(math.gamma)
    gamma.tangent(lambda ans, x, t: t * ans * (math.lgamma(x + 1e-5) - math.lgamma(x - 1e-5)) / 2e-5)
    value, dot = jvp(lambda x: gamma(x) * x, (3.0,), (1.0,))
    assert value == 6.0 and abs(dot - 7.5368) < 1e-3
    assert abs(grad(lambda x: gamma(x) * x)(3.0) - dot) < 1e-12


def test_opaque_functions_are_arguments_of_the_emitted_source():
    calls = []

    @primitive(opaque=True, like=lambda x: np.empty_like(x))
    def h(x):
        calls.append(1)
        return np.sin(x)

    h.adjoint(lambda g, ans, x: g * np.cos(x))

    def f(x):
        s = 0.0
        for i in range(3):
            s = s + np.sum(h(x * i))
        return s

    want = sum(i * np.cos(X * i) for i in range(3))
    same(grad(f)(X), want)
    assert calls
    namespace: dict[str, Any] = {}
    exec(grad(f).source_for(X), namespace)
    same(namespace["f_vjp"](X, h=h.function), want)


def test_opaque_functions_tell_what_they_return():
    f = primitive(lambda x: np.sin(x), opaque=True)
    f.tangent(lambda ans, x, t: t * np.cos(x))
    with pytest.raises(CompileError, match="returns is not known") as caught:
        grad(lambda x: f(x))(0.5)
    assert "like=" in caught.value.help


def test_rows_that_do_not_fit():
    for texts in (("f(x)",), ("f(x)", "1", "2"), ("f(x", "1"), ("f(x)", "y"), ("f(x)", "1 +"), ("f(g)", "1")):
        with pytest.raises(TypeError, match="elementwise"):
            elementwise(np.sin, *texts)
