"""SciPy's minimisers, given exact derivatives of functions of nested containers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adcompile.api import Derivative, hvp, jacobian, value_and_grad
from adcompile.errors import ArgumentError
from adcompile.optim.trees import Tree, flatten, leaves, unflatten

__all__ = ["least_squares", "minimize"]

Function = Callable[..., object]

# The methods that ask for products of the Hessian with vectors.
SECOND_ORDER = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")


def minimize(
    loss: Function,
    parameters: Tree,
    args: Sequence[object] = (),
    method: str = "L-BFGS-B",
    **options: Any,  # Any: what SciPy takes
) -> Any:  # Any: SciPy's OptimizeResult
    """Minimise ``loss(parameters, *args)`` by `scipy.optimize.minimize` with the compiled gradient.

    Methods that use second derivatives ("Newton-CG", "trust-ncg", ...) get products of the Hessian with vectors.

    Parameters
    ----------
    loss : callable
        A function that returns one number, or its derivative made by `value_and_grad` or `grad`.
    parameters : float, array, or container of them
        Where to begin.
    options
        Handed to SciPy: `tol`, `bounds`, `callback`, `options`, ...

    Returns
    -------
    scipy.optimize.OptimizeResult
        Its `x` is built like `parameters`.

    Examples
    --------
    >>> from adcompile import optim
    >>> def valley(p, a):
    ...     return (a - p["x"]) ** 2 + 100.0 * (p["y"] - p["x"] ** 2) ** 2
    >>> found = optim.minimize(valley, {"x": -1.2, "y": 1.0}, (1.0,), method="Newton-CG", tol=1e-10)
    >>> print(f"{found.x['x']:.6f} {found.x['y']:.6f}")
    1.000000 1.000000
    """
    from scipy import optimize

    f = _primal(loss)
    both = value_and_grad(f)

    def value_and_gradient(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = both(unflatten(vector, parameters), *args)
        return float(value), _double(gradient)

    if method in SECOND_ORDER and not options.keys() & {"hess", "hessp"}:
        product = hvp(functools.partial(_applied, f, tuple(args)))
        options["hessp"] = lambda vector, direction: _double(
            product((unflatten(vector, parameters),), (unflatten(direction, parameters),))
        )
    found = optimize.minimize(value_and_gradient, _double(parameters), jac=True, method=method, **options)
    found.x = unflatten(found.x, parameters)
    return found


def least_squares(
    residuals: Function,
    parameters: Tree,
    args: Sequence[object] = (),
    method: str = "lm",
    **options: Any,  # Any: what SciPy takes
) -> Any:  # Any: SciPy's OptimizeResult
    """Minimise the sum of squares of ``residuals(parameters, *args)`` by `scipy.optimize.least_squares`.

    The method is Levenberg's and Marquardt's unless another one is named; it gets the compiled Jacobian.

    Parameters
    ----------
    residuals : callable
        A function that returns an array.
    parameters : float, array, or container of them
        Where to begin.
    options
        Handed to SciPy: `ftol`, `xtol`, `loss`, `bounds`, ...

    Returns
    -------
    scipy.optimize.OptimizeResult
        Its `x` is built like `parameters`.

    Examples
    --------
    >>> import numpy as np
    >>> from adcompile import optim
    >>> def residuals(p, t, y):
    ...     return p["a"] * np.exp(-p["b"] * t) - y
    >>> t = np.linspace(0.0, 2.0, 20)
    >>> found = optim.least_squares(residuals, {"a": 1.0, "b": 1.0}, (t, 3.0 * np.exp(-0.5 * t)))
    >>> print(f"{found.x['a']:.6f} {found.x['b']:.6f}")
    3.000000 0.500000
    """
    from scipy import optimize

    f = _primal(residuals)
    slopes = jacobian(functools.partial(_applied, f, tuple(args)))

    def values(vector: np.ndarray) -> np.ndarray:
        return np.ravel(np.asarray(f(unflatten(vector, parameters), *args), float))

    def matrix(vector: np.ndarray) -> np.ndarray:
        count = values(vector).size
        blocks = [np.reshape(block, (count, -1)) for block in leaves(slopes(unflatten(vector, parameters)))]
        return np.concatenate(blocks, axis=1).astype(float)

    found = optimize.least_squares(values, _double(parameters), matrix, method=method, **options)
    found.x = unflatten(found.x, parameters)
    return found


def _applied(f: Function, args: tuple[object, ...], parameters: Tree) -> object:
    return f(parameters, *args)


def _double(tree: Tree) -> np.ndarray:
    """Return the leaves in one vector of double precision, as SciPy's methods take it."""
    return flatten(tree).astype(float)


def _primal(f: Function) -> Function:
    """Return the function itself where its gradient is given."""
    if isinstance(f, Derivative):
        f = f.primal
    if not callable(f):
        raise ArgumentError(f"a function is needed, not {type(f).__name__}")
    return f
