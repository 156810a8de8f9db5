"""Print the times of Hessians, Jacobians and nested derivatives: `python -m benchmarks.operators [--quick]`.

Each is compared with the same thing differentiated by hand, and with other tools where they are installed. The saddle
point and the charged particle are those of Pearlmutter and Siskind, Using Programming Language Theory to Make Automatic
Differentiation Sound and Efficient (2008).
"""

from __future__ import annotations

import argparse
import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompile import derivative, grad, hessian, hvp, jacobian
from benchmarks.__main__ import COLUMNS, Row
from benchmarks.measure import medians, seconds
from benchmarks.peers import tool, with_numpy, working

Call = Callable[[], Any]

RNG = np.random.default_rng(11)


# -- Hessian of Rosenbrock's function of 50 variables


def rosenbrock(x: np.ndarray) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_hessian(x: np.ndarray) -> np.ndarray:
    off = -400.0 * x[:-1]
    diagonal = np.zeros_like(x)
    diagonal[:-1] += 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    diagonal[1:] += 200.0
    return np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)


# -- the Hessian of a logistic regression times a vector


def logistic(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
    return np.mean(np.log1p(np.exp(-y * (x @ w))))


def logistic_gradient(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    e = np.exp(-y * (x @ w))
    return x.T @ (-y * e / (1.0 + e) / len(y))


def logistic_hvp(w: np.ndarray, v: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    e = np.exp(-y * (x @ w))
    return x.T @ (e / (1.0 + e) ** 2 / len(y) * (x @ v))


# -- the Jacobian of a map of 100 variables to 100 results

W1, W2 = RNG.standard_normal((2, 100, 100)) / 10.0


def network(x: np.ndarray) -> np.ndarray:
    return np.tanh(W2 @ np.tanh(W1 @ x))


def network_jacobian(x: np.ndarray) -> np.ndarray:
    h = np.tanh(W1 @ x)
    y = np.tanh(W2 @ h)
    return ((1.0 - y**2)[:, np.newaxis] * W2) @ ((1.0 - h**2)[:, np.newaxis] * W1)


# -- a saddle point: min over p of max over q, both by gradient descent

STEPS, RATE = 40, 0.1


def payoff(p1: float, p2: float, q1: float, q2: float) -> float:
    return (p1 * p1 + p2 * p2) - (q1 * q1 + q2 * q2)


def answered(p1: float, p2: float) -> float:
    """The payoff once q has answered p."""
    q1, q2 = p1 + 1.0, p2 - 1.0
    for _ in range(STEPS):
        g1, g2 = grad(payoff, argnums=(2, 3))(p1, p2, q1, q2)
        q1 = q1 + RATE * g1
        q2 = q2 + RATE * g2
    return payoff(p1, p2, q1, q2)


answered_gradient = grad(answered, argnums=(0, 1))


def saddle(p1: float, p2: float) -> tuple[float, float]:
    for _ in range(STEPS):
        g1, g2 = answered_gradient(p1, p2)
        p1, p2 = p1 - RATE * g1, p2 - RATE * g2
    return p1, p2


def answered_gradient_by_hand(p1: float, p2: float) -> tuple[float, float]:
    q1, q2 = p1 + 1.0, p2 - 1.0
    for _ in range(STEPS):
        g1, g2 = -2.0 * q1, -2.0 * q2
        q1 = q1 + RATE * g1
        q2 = q2 + RATE * g2
    q1_bar, q2_bar = -2.0 * q1, -2.0 * q2
    for _ in range(STEPS):
        g1_bar, g2_bar = RATE * q1_bar, RATE * q2_bar
        q1_bar = q1_bar - 2.0 * g1_bar
        q2_bar = q2_bar - 2.0 * g2_bar
    return 2.0 * p1 + q1_bar, 2.0 * p2 + q2_bar


def saddle_by_hand(p1: float, p2: float) -> tuple[float, float]:
    for _ in range(STEPS):
        g1, g2 = answered_gradient_by_hand(p1, p2)
        p1, p2 = p1 - RATE * g1, p2 - RATE * g2
    return p1, p2


# -- a charged particle, steered by the place of a charge: where does it cross the axis?

DT = 0.1


def potential(x: float, y: float, w: float) -> float:
    first = 1.0 / math.sqrt((x - 10.0) ** 2 + (y - (10.0 - w)) ** 2)
    return first + 1.0 / math.sqrt((x - 10.0) ** 2 + y**2)


def miss(w: float) -> float:
    """How far from the origin, squared, the particle crosses the axis."""
    x, y, vx, vy = 0.0, 8.0, 0.75, 0.0
    ahead = y
    while ahead > 0:
        y = ahead
        fx, fy = grad(potential, argnums=(0, 1))(x, y, w)
        vx = vx - DT * fx
        vy = vy - DT * fy
        x = x + DT * vx
        ahead = y + DT * vy
    rest = -y / vy
    return (x + (rest - DT) * vx) ** 2


miss_derivative = derivative(miss)


def steer(w: float) -> float:
    for _ in range(5):
        w = w - 0.001 * miss_derivative(w)
    return w


def miss_derivative_by_hand(w: float) -> float:
    x, y, vx, vy = 0.0, 8.0, 0.75, 0.0
    x_dot = y_dot = vx_dot = vy_dot = 0.0
    ahead, ahead_dot = y, 0.0
    while ahead > 0:
        y, y_dot = ahead, ahead_dot
        dx, dy = x - 10.0, y - (10.0 - w)
        dy_dot = y_dot + 1.0
        r2, s2 = dx**2 + dy**2, dx**2 + y**2
        a, b = -1.0 / (r2 * math.sqrt(r2)), -1.0 / (s2 * math.sqrt(s2))
        a_dot = -3.0 * a / r2 * (dx * x_dot + dy * dy_dot)
        b_dot = -3.0 * b / s2 * (dx * x_dot + y * y_dot)
        fx, fy = dx * (a + b), dy * a + y * b
        fx_dot = x_dot * (a + b) + dx * (a_dot + b_dot)
        fy_dot = dy_dot * a + dy * a_dot + y_dot * b + y * b_dot
        vx, vx_dot = vx - DT * fx, vx_dot - DT * fx_dot
        vy, vy_dot = vy - DT * fy, vy_dot - DT * fy_dot
        x, x_dot = x + DT * vx, x_dot + DT * vx_dot
        ahead, ahead_dot = y + DT * vy, y_dot + DT * vy_dot
    rest = -y / vy
    rest_dot = -(y_dot + rest * vy_dot) / vy
    end = x + (rest - DT) * vx
    return 2.0 * end * (x_dot + rest_dot * vx + (rest - DT) * vx_dot)


def steer_by_hand(w: float) -> float:
    for _ in range(5):
        w = w - 0.001 * miss_derivative_by_hand(w)
    return w


# -- the table


# -- the sparse Jacobian of a reaction-diffusion residual


def residual(u: np.ndarray) -> np.ndarray:
    r = np.zeros_like(u)
    r[1:-1] = u[2:] - 2.0 * u[1:-1] + u[:-2] + u[1:-1] * (1.0 - u[1:-1]) * (u[1:-1] - 0.3)
    r[0] = u[0]
    r[-1] = u[-1] - 1.0
    return r


def residual_jacobian(u: np.ndarray) -> Any:
    from scipy import sparse

    middle = np.ones_like(u)
    middle[1:-1] = -2.0 - 0.3 + 2.6 * u[1:-1] - 3.0 * u[1:-1] ** 2
    above, below = np.ones(u.size - 1), np.ones(u.size - 1)
    above[0] = below[-1] = 0.0
    return sparse.diags_array([below, middle, above], offsets=[-1, 0, 1], format="csr")


def sparse_rows(options: argparse.Namespace) -> list[Row]:
    """Measure the Jacobian at two lengths: with three colours its cost is that of three sweeps, at any length."""
    derivative_of = jacobian(residual, sparsity="auto")
    rows, each = [], []
    for n in (10_000, 100_000):
        u = RNG.uniform(0.0, 1.0, n)
        np.testing.assert_allclose((derivative_of(u) - residual_jacobian(u)).data, 0.0, atol=1e-12)
        assert derivative_of.sweeps == 3
        calls: dict[str, Call] = {
            "ours": lambda u=u: derivative_of(u),
            "by hand": lambda u=u: residual_jacobian(u),
            "function": lambda u=u: residual(u),
        }
        times = medians(calls, rounds=5 if options.quick else 9)
        each.append(times["ours"] / n)
        ratio = times["ours"] / times["by hand"]
        rows.append(Row(f"sparse Jacobian, n = {n:,}", times, "ours / by hand", ratio, 10.0))
    return [*rows, Row("  growth of the time for each row", {}, "large / small", each[1] / each[0], 2.0)]


def compared(title: str, ours: Call, theirs: Call, limit: float, options: argparse.Namespace, **more: Call) -> Row:
    """Time our derivative and the one by hand, which must agree."""
    for a, b in zip(np.atleast_1d(ours()), np.atleast_1d(theirs()), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    times = medians({"ours": ours, "by hand": theirs, **more}, rounds=5 if options.quick else 9)
    return Row(title, times, "ours / by hand", times["ours"] / times["by hand"], limit)


def peers_of(name: str, function: Callable[..., Any], *args: Any) -> dict[str, Call]:
    """Return the calls of other tools that compute the Hessian, the Jacobian or the product of a Hessian."""
    found = {"autograd": working(_by_autograd, name, function, *args), "jax": working(_by_jax, name, function, *args)}
    return {key: call for key, call in found.items() if call is not None}


def _by_autograd(name: str, function: Callable[..., Any], *args: Any) -> Call | None:
    anp, ag = tool("autograd.numpy"), tool("autograd")
    if anp is None or ag is None:
        return None
    operator = {"hessian": ag.hessian, "jacobian": ag.jacobian, "hvp": ag.hessian_vector_product}[name]
    made = operator(with_numpy(function, anp))
    return lambda: made(*args)


def _by_jax(name: str, function: Callable[..., Any], *args: Any) -> Call | None:
    jx = tool("jax")
    if jx is None:
        return None
    jx.config.update("jax_enable_x64", True)
    f = with_numpy(function, jx.numpy)

    def product(w: Any, *rest: Any) -> Any:
        *others, v = rest
        return jx.jvp(lambda u: jx.grad(f)(u, *others), (w,), (v,))[1]

    made = jx.jit({"hessian": jx.hessian(f), "jacobian": jx.jacfwd(f), "hvp": product}[name])
    return lambda: jx.block_until_ready(made(*args))


def table(options: argparse.Namespace) -> list[Row]:
    """Measure everything."""
    x50, x100, w, v = (RNG.standard_normal(n) for n in (50, 100, 100, 100))
    x, y = RNG.standard_normal((10_000, 100)), np.sign(RNG.standard_normal(10_000))
    hessian_of, jacobian_of, gradient = hessian(rosenbrock), jacobian(network), grad(logistic)
    peers = peers_of if options.peers else lambda *args: {}
    along = hvp(functools.partial(logistic, x=x, y=y))
    rows = [
        compared(
            "Hessian, Rosenbrock of 50",
            lambda: hessian_of(x50),
            lambda: rosenbrock_hessian(x50),
            5.0,
            options,
            **peers("hessian", rosenbrock, x50),
        ),
        compared(
            "Jacobian, 100 to 100",
            lambda: jacobian_of(x100),
            lambda: network_jacobian(x100),
            1.5,
            options,
            **peers("jacobian", network, x100),
        ),
        compared(
            "Hessian times vector, logistic",
            lambda: along((w,), (v,)),
            lambda: logistic_hvp(w, v, x, y),
            1.5,
            options,
            function=lambda: gradient(w, x, y),
            **peers("hvp", logistic, w, x, y, v),
        ),
    ]
    last = rows[-1].times
    rows.append(Row("  (function: its gradient)", {}, "ours / gradient", last["ours"] / last["function"], 4.0))
    rows.append(
        compared("saddle point, descents", lambda: saddle(1.0, 1.0), lambda: saddle_by_hand(1.0, 1.0), 3.0, options)
    )
    rows.append(compared("charged particle, descent", lambda: steer(0.3), lambda: steer_by_hand(0.3), 3.0, options))
    return rows + sparse_rows(options)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operators", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="leave out the other tools")
    parser.add_argument("--source", action="store_true", help="print the emitted programs instead of timing them")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.source:
        print(hessian(rosenbrock).source_for(np.ones(3)))
        print(answered_gradient.source_for(1.0, 1.0))
        print(miss_derivative.source_for(0.3))
        return
    columns = [c for c in COLUMNS if c in ("ours", "by hand", "function", "autograd", "jax")]
    print(f"{'':32}" + "".join(f"{c:>10}" for c in columns) + "  promise")
    for row in table(options):
        cells = "".join(f"{seconds(row.times.get(c)) if c in row.times else '':>10}" for c in columns)
        print(f"{row.title:32}{cells}  {row.verdict()}")


if __name__ == "__main__":
    main()
