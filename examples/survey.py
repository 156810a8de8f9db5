"""The evaluation trace of y = ln(x1) + x1*x2 - sin(x2) at (2, 5), with tangents and adjoints beside it.

The running example of Baydin, Pearlmutter, Radul and Siskind, "Automatic Differentiation in Machine Learning: a
Survey" (2018), tables 2 and 3, and figure 2's four ways to a derivative. Run it with ``python -m examples.survey``;
``--plot DIR`` also saves figure 4, the computational graph, with its values and partial derivatives.
"""

from __future__ import annotations

import math

import numpy as np

from adcompile import check_symbolic, grad, graph, trace
from examples.console import plot_folder

X1, X2 = 2.0, 5.0


def f(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


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
    folder = plot_folder("survey", __doc__)
    print(f"x1_dot = 1: {trace(f, X1, X2, mode='forward')}\n")
    print(f"y_bar = 1: {trace(f, X1, X2, mode='reverse')}")
    print("\nfour ways to (dy/dx1, dy/dx2)\n")
    for way, (first, second) in four_ways(X1, X2).items():
        print(f"  {way:10} {first:.15f}  {second:.15f}")
    check_symbolic(f, X1, X2)
    derivative = grad(f, argnums=(0, 1))
    print(f"\nthe program that computes the gradient\n\n{derivative.source_for(X1, X2)}")
    print(f"its single assignments\n\n{derivative.ssa_for(X1, X2)}")
    if folder:
        print("saved", graph(f, X1, X2, partials=True).save(folder / "survey_graph.svg"))


if __name__ == "__main__":
    main()
