"""Derivatives of what is defined by an equation: roots, fixed points, solutions of linear systems.

Where F(x, p) = 0 defines x as a function of p, its tangent solves (dF/dx) x' = -(dF/dp) p': the implicit function
theorem. The iterations that found x are not differentiated; reverse mode transposes the tangent.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

import numpy as np

from adcompile.api import jacfwd, jvp
from adcompile.custom.functions import CustomJvp, Primitive, Rule
from adcompile.errors import ArgumentError
from adcompile.frontend.resolve import from_source

__all__ = ["Implicit", "fixed_point", "implicit_root", "linear_solve"]


class Implicit(CustomJvp):
    """A solver whose derivative is that of the root which it finds; made by `implicit_root` and `fixed_point`.

    equation  the residual, or, if `fixed`, the function whose fixed point is found
    """

    def __init__(self, solver: Rule, equation: Rule, fixed: bool) -> None:
        super().__init__(solver)
        self.equation, self.fixed = equation, fixed

    @property
    def parts(self) -> tuple[str, ...]:
        return ("equation", "fixed")

    def rule_for(self, moving: Sequence[bool], rank: int | None) -> str | None:
        if rank is None:
            return None
        return f"rule_{''.join('01'[m] for m in moving)}_{rank}"

    def __getattr__(self, name: str) -> Rule:
        """Make the rule for arguments of which some are differentiated, and a solution of some rank."""
        found = re.fullmatch(r"rule_([01]+)_(\d+)", name)
        if found is None:
            raise AttributeError(name)
        rule = self._made([m == "1" for m in found[1]], int(found[2]))
        setattr(self, name, rule)
        return rule

    def _made(self, moving: Sequence[bool], rank: int) -> Rule:
        name = "".join(c if c.isalnum() else "_" for c in self.__name__).strip("_") or "solve"
        numbers = range(1, len(moving))
        given = "".join(f", p{k}" for k in numbers)
        taken = [k for k in numbers if moving[k]]
        residual = f"x - equation(x{given})" if self.fixed else f"equation(x{given})"
        lines = [
            f"def {name}_jvp(primals, tangents):",
            f"    x0{given or ','} = primals",
            f"    _{''.join(f', t{k}' for k in numbers) or ','} = tangents",
            f"    solution = {name}_(x0{given})",
        ]
        if not taken:
            lines.append(f"    return solution, {'0.0' if rank == 0 else 'np.zeros_like(solution)'}")
        else:
            varying = ", ".join(f"p{k}" for k in taken)
            dots = ", ".join(f"t{k}" for k in taken)
            comma = "," if len(taken) == 1 else ""
            here = residual.replace("(x,", "(solution,").replace("(x)", "(solution)").replace("x -", "solution -")
            lines += [
                f"    _, b = jvp(lambda {varying}: {here}, ({varying}{comma}), ({dots}{comma}))",
                f"    a = jacfwd(lambda x: {residual})(solution)",
                f"    return solution, {_SOLVED[min(rank, 2)]}",
            ]
        scope: dict[str, object] = {f"{name}_": self, "equation": self.equation, "np": np, "jvp": jvp, "jacfwd": jacfwd}
        return from_source("\n".join(lines) + "\n", f"{name}_jvp", scope)


_SOLVED = (
    "-b / a",
    "-np.linalg.solve(a, b)",
    "-np.reshape(np.linalg.solve(np.reshape(a, (solution.size, solution.size)), np.ravel(b)), solution.shape)",
)


def implicit_root(residual: Rule, opaque: bool = False) -> Callable[[Rule], Implicit]:
    """Give a solver the derivative of the root that it finds, by the implicit function theorem.

    Parameters
    ----------
    residual : callable
        ``residual(x, *params)``, which is zero at the solution; it returns a number or an array like x.
    opaque : bool
        Whether the solver is called as it is, because the compiler cannot follow it: one that hands a function to
        SciPy. The solution is then like the first guess, and the emitted source takes the solver as an argument, or
        imports it from its module.

    Returns
    -------
    callable
        A decorator for the solver ``solve(x0, *params)``. Its iterations are not differentiated, and may be anything;
        the first guess x0 has the derivative zero. It works in both modes and at any order. The Jacobian of the
        residual is dense.

    Examples
    --------
    >>> from adcompile import grad, implicit_root
    >>> def residual(x, p):
    ...     return x**3 + x - p["a"]
    >>> @implicit_root(residual)
    ... def solve(x0, p):
    ...     x = x0
    ...     for _ in range(50):
    ...         x = x - residual(x, p) / (3 * x**2 + 1)
    ...     return x
    >>> x = solve(1.0, {"a": 2.0})
    >>> slope = grad(lambda p: solve(1.0, p))({"a": 2.0})["a"]
    >>> round(x, 6), round(slope, 6)
    (1.0, 0.25)

    Minimisers are roots of the gradient, and may be SciPy's:

    >>> import numpy as np
    >>> from scipy.optimize import minimize
    >>> def energy(x, b):
    ...     return np.sum(np.cosh(x) - b * x)
    >>> @implicit_root(grad(energy), opaque=True)
    ... def lowest(x0, b):
    ...     return minimize(energy, x0, args=(b,), jac=grad(energy), tol=1e-12).x
    >>> slopes = grad(lambda b: np.sum(lowest(np.zeros(2), b)))(np.array([0.5, 1.0]))
    >>> print(slopes.round(6))
    [0.894427 0.707107]
    """

    def decorate(solver: Rule) -> Implicit:
        made = Implicit(solver, residual, False)
        if opaque:
            made.opaque, made.like = True, from_source("def like(x0, *params):\n    return 1.0 * x0\n", "like")
        return made

    return decorate


def fixed_point(function: Rule, solver: Rule | None = None) -> Implicit:
    """Return the function ``solve(x0, *params)`` that finds x = function(x, *params), with its derivative.

    Without a solver the function is iterated until x changes no more than rounding, at most 10,000 times. See
    `implicit_root`.

    >>> import numpy as np
    >>> from adcompile import fixed_point, grad
    >>> solve = fixed_point(lambda x, a: 0.5 * (x + a / x))
    >>> round(float(solve(1.0, 2.0)), 6), round(float(grad(lambda a: solve(1.0, a))(2.0)), 6)
    (1.414214, 0.353553)
    """
    if not callable(function):
        raise ArgumentError(f"a function is needed, not {type(function).__name__}")
    made = solver
    if made is None:
        scope: dict[str, object] = {"function": function, "np": np}
        made = from_source(_ITERATION, "iterate", scope)
        functools.update_wrapper(made, function, assigned=("__name__",), updated=())
        del made.__wrapped__  # type: ignore[attr-defined]  # its parameters are others
    return Implicit(made, function, True)


_ITERATION = """\
def iterate(x, *params):
    for _ in range(10000):
        new = function(x, *params)
        change = np.max(np.abs(new - x))
        x = new
        if change <= 1e-15 * (1.0 + np.max(np.abs(x))):
            break
    return x
"""


def linear_solve(solver: Rule) -> Primitive:
    """Give a solver of dense linear systems, ``solver(a, b)`` with a @ x = b, its derivative.

    The solver is called as it is, with a and its transpose; b has one axis, or two for several right-hand sides.

    >>> import numpy as np
    >>> from adcompile import grad, linear_solve
    >>> @linear_solve
    ... def solve(a, b):
    ...     return np.linalg.inv(a) @ b
    >>> a, b = np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([2.0, 3.0])
    >>> print(grad(lambda b: np.sum(solve(a, b)))(b))
    [0.375 0.25 ]
    """
    made = Primitive(solver)
    made.opaque = True
    made.like = from_source(_LIKE, "like", {"np": np})
    scope: dict[str, object] = {"solve": made, "np": np}
    made.adjoint(from_source(_ADJOINT, "solve_adjoint", scope))
    made.tangent(from_source(_TANGENT, "solve_tangent", scope))
    return made


_LIKE = """\
def like(a, b):
    return np.linalg.solve(a, b)
"""
_ADJOINT = """\
def solve_adjoint(g, ans, a, b):
    b_bar = solve(a.T, g)
    return -np.outer(b_bar, ans) if b.ndim == 1 else -b_bar @ ans.T, b_bar
"""
_TANGENT = """\
def solve_tangent(ans, a, b, a_dot, b_dot):
    return solve(a, b_dot - a_dot @ ans)
"""
