"""The evaluation trace of y = ln(x1) + x1*x2 - sin(x2) at (2, 5), with tangents and adjoints beside it.

The running example of Baydin, Pearlmutter, Radul and Siskind, "Automatic Differentiation in Machine Learning: a
Survey" (2018), tables 2 and 3, and figure 2's four ways to a derivative. Run it with ``python -m examples.survey``.
"""

from __future__ import annotations

import math

import numpy as np

from adcompile import check_symbolic, grad, jvp, vjp

X1, X2 = 2.0, 5.0


def f(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def elementary(x1, x2, nudge):
    """Compute f one elementary operation at a time and return every intermediate value.

    `nudge[k]` is added to the k-th of them. The adjoint of an intermediate value says how y answers to a change of
    it, so it is the derivative of y with respect to that entry of `nudge`.
    """
    v_1 = x1 + nudge[0]
    v0 = x2 + nudge[1]
    v1 = np.log(v_1) + nudge[2]
    v2 = v_1 * v0 + nudge[3]
    v3 = np.sin(v0) + nudge[4]
    v4 = v1 + v2 + nudge[5]
    v5 = v4 - v3 + nudge[6]
    return v_1, v0, v1, v2, v3, v4, v5


NAMES = ("v-1", "v0", "v1", "v2", "v3", "v4", "v5")
PRIMAL = ("x1", "x2", "ln v-1", "v-1 * v0", "sin v0", "v1 + v2", "v4 - v3")
TANGENT = ("x1_dot", "x2_dot", "v-1_dot / v-1", "v-1_dot*v0 + v0_dot*v-1", "v0_dot*cos v0", "v1_dot + v2_dot",
           "v4_dot - v3_dot")  # fmt: skip


def tangents(x1: float, x2: float, x1_dot: float, x2_dot: float) -> tuple[list[float], list[float]]:
    """Return the values of v-1 ... v5 and their tangents."""
    nudge = np.zeros(7)
    values, dots = jvp(elementary, (x1, x2, nudge), (x1_dot, x2_dot, np.zeros(7)))
    return [float(v) for v in values], [float(v) for v in dots]


def adjoints(x1: float, x2: float) -> tuple[list[float], list[float]]:
    """Return the values of v-1 ... v5 and their adjoints, for y_bar = 1."""
    values, pullback = vjp(elementary, x1, x2, np.zeros(7))
    _, _, nudge_bar = pullback((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    return [float(v) for v in values], [float(v) for v in nudge_bar]


def adjoint_steps(values: list[float], bars: list[float]) -> list[tuple[str, str, float]]:
    """Write the reverse sweep as the survey does: what each statement adds to which adjoint, and what it then is."""
    v_1, v0 = values[:2]
    v1_bar, v2_bar, v3_bar, v4_bar, v5_bar = bars[2:]
    return [
        ("v5_bar", "y_bar", v5_bar),
        ("v4_bar", "v5_bar * 1", v4_bar),
        ("v3_bar", "v5_bar * (-1)", v3_bar),
        ("v1_bar", "v4_bar * 1", v1_bar),
        ("v2_bar", "v4_bar * 1", v2_bar),
        ("v0_bar", "v3_bar * cos v0", v3_bar * math.cos(v0)),
        ("v-1_bar", "v2_bar * v0", v2_bar * v0),
        ("v0_bar", "v0_bar + v2_bar * v-1", v3_bar * math.cos(v0) + v2_bar * v_1),
        ("v-1_bar", "v-1_bar + v1_bar / v-1", v2_bar * v0 + v1_bar / v_1),
    ]


def four_ways(x1: float, x2: float) -> dict[str, tuple[float, float]]:
    """Differentiate f by hand, numerically, symbolically and automatically."""
    import sympy

    h = 1e-6
    a, b = sympy.symbols("x1 x2")
    formula = sympy.log(a) + a * b - sympy.sin(b)
    symbolic = [float(sympy.diff(formula, s).subs({a: x1, b: x2})) for s in (a, b)]
    first, second = grad(f, argnums=(0, 1))(x1, x2)
    return {
        "by hand": (1.0 / x1 + x2, x1 - math.cos(x2)),
        "numeric": ((f(x1 + h, x2) - f(x1 - h, x2)) / (2 * h), (f(x1, x2 + h) - f(x1, x2 - h)) / (2 * h)),
        "symbolic": (symbolic[0], symbolic[1]),
        "automatic": (float(first), float(second)),
    }


def main() -> None:
    values, dots = tangents(X1, X2, 1.0, 0.0)
    print("forward mode, x1_dot = 1\n")
    for row in zip(NAMES, PRIMAL, values, TANGENT, dots, strict=True):
        name, primal, value, tangent, dot = row
        print(f"  {name:>3} = {primal:9} = {value:7.3f}   |   {name + '_dot':>7} = {tangent:24} = {dot:6.3f}")
    values, bars = adjoints(X1, X2)
    print("\nreverse mode, y_bar = 1: down the left column, then down the right one\n")
    left = [f"{n:>3} = {p:9} = {v:7.3f}" for n, p, v in zip(NAMES, PRIMAL, values, strict=True)]
    right = [f"{n:>7} = {rule:24} = {v:6.3f}" for n, rule, v in adjoint_steps(values, bars)]
    for k in range(max(len(left), len(right))):
        print(f"  {left[k] if k < len(left) else '':25}   |   {right[k] if k < len(right) else ''}".rstrip())
    print("\nfour ways to (dy/dx1, dy/dx2)\n")
    for way, (first, second) in four_ways(X1, X2).items():
        print(f"  {way:10} {first:.15f}  {second:.15f}")
    check_symbolic(f, X1, X2)
    derivative = grad(f, argnums=(0, 1))
    print(f"\nthe program that computes the gradient\n\n{derivative.source_for(X1, X2)}")
    print(f"its single assignments\n\n{derivative.ssa_for(X1, X2)}")


if __name__ == "__main__":
    main()
