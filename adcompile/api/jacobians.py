"""Whole Jacobians and Hessians: `jacfwd`, `jacrev`, `jacobian`, `hessian`, `value_and_jacobian`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, overload

from adcompile.api.derived import Derivative, Function, Recipe, operator
from adcompile.dispatch.signature import Transform, parse_argnums
from adcompile.errors import ArgumentError

if TYPE_CHECKING:
    from adcompile.api.sparse import SparseJacobian

__all__ = ["hessian", "jacfwd", "jacobian", "jacrev", "value_and_jacobian"]

Argnums = int | Sequence[int]
Made = Derivative | Callable[[Function], Derivative]


@overload
def jacobian(f: Function, argnums: Argnums = 0, has_aux: bool = False, sparsity: None = None) -> Derivative: ...
@overload
def jacobian(
    *, argnums: Argnums = 0, has_aux: bool = False, sparsity: None = None
) -> Callable[[Function], Derivative]: ...
@overload
def jacobian(f: Function, argnums: int = 0, *, sparsity: object) -> SparseJacobian: ...
@overload
def jacobian(*, argnums: int = 0, sparsity: object) -> Callable[[Function], SparseJacobian]: ...
@operator("jacobian")
def jacobian(
    f: Function | None = None, argnums: Argnums = 0, has_aux: bool = False, sparsity: object = None
) -> Made | SparseJacobian | Callable[[Function], SparseJacobian]:
    """Return the function that computes the Jacobian of `f`.

    The derivative of an array of shape (m,) by an array of shape (n,) has the shape (m, n); in general the axes of the
    result come first. Of containers it is the container of results, in each place the container of arguments.
    The mode is chosen by the shapes: forward if there are at most as many variables as results, else reverse. Either
    way the function itself is evaluated once.

    Parameters
    ----------
    argnums : int or tuple of int
        The positional arguments to differentiate. For an int the Jacobian comes bare, for a tuple in a tuple.
    has_aux : bool
        `f` returns a pair: what is differentiated and anything else, which is returned beside the Jacobian.
    sparsity : "auto" or matrix, optional
        Return a SciPy sparse matrix, by rows, of shape (size of the result, size of the argument). "auto" finds from
        the program which entries may be other than zero; a matrix, sparse or not, says it. Columns without a common
        row, or rows without a common column, share one sweep. Needs SciPy. Where nothing can be found, because how
        often a loop runs depends on the argument's values, say, the matrix is computed without, with a
        `DenseJacobianWarning` that says why.

    Examples
    --------
    >>> import numpy as np
    >>> jacobian(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])

    >>> @jacobian(sparsity="auto")
    ... def residual(u):
    ...     return u[2:] - 2.0 * u[1:-1] + u[:-2] + u[1:-1] ** 2
    >>> residual(np.ones(1000)).nnz, residual.sweeps
    (2994, 3)
    """
    if sparsity is None:
        return _jacobian("jacobian", f, argnums, has_aux)
    from adcompile.api.sparse import SparseJacobian

    if type(argnums) is not int or has_aux:
        raise ArgumentError("a sparse Jacobian is by one argument, given by an int, and without has_aux")
    number = argnums
    return SparseJacobian(f, number, sparsity) if f is not None else lambda g: SparseJacobian(g, number, sparsity)


@overload
def jacfwd(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Derivative: ...
@overload
def jacfwd(*, argnums: Argnums = 0, has_aux: bool = False) -> Callable[[Function], Derivative]: ...
@operator("jacfwd")
def jacfwd(f: Function | None = None, argnums: Argnums = 0, has_aux: bool = False) -> Made:
    """Return the function that computes the Jacobian of `f` in forward mode, column by column; see `jacobian`."""
    return _jacobian("jacfwd", f, argnums, has_aux)


@overload
def jacrev(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Derivative: ...
@overload
def jacrev(*, argnums: Argnums = 0, has_aux: bool = False) -> Callable[[Function], Derivative]: ...
@operator("jacrev")
def jacrev(f: Function | None = None, argnums: Argnums = 0, has_aux: bool = False) -> Made:
    """Return the function that computes the Jacobian of `f` in reverse mode, row by row; see `jacobian`."""
    return _jacobian("jacrev", f, argnums, has_aux)


@overload
def value_and_jacobian(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Derivative: ...
@overload
def value_and_jacobian(*, argnums: Argnums = 0, has_aux: bool = False) -> Callable[[Function], Derivative]: ...
@operator("value_and_jacobian")
def value_and_jacobian(f: Function | None = None, argnums: Argnums = 0, has_aux: bool = False) -> Made:
    """Return the function that computes both what `f` returns and its Jacobian, as a pair; see `jacobian`."""
    return _jacobian("value_and_jacobian", f, argnums, has_aux)


@overload
def hessian(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Derivative: ...
@overload
def hessian(*, argnums: Argnums = 0, has_aux: bool = False) -> Callable[[Function], Derivative]: ...
@operator("hessian")
def hessian(f: Function | None = None, argnums: Argnums = 0, has_aux: bool = False) -> Made:
    """Return the function that computes the Hessian of `f`: the Jacobian of its gradient.

    `f` must return one number; otherwise like `jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    """
    return _jacobian("hessian", f, argnums, has_aux)


def _jacobian(name: str, f: Function | None, argnums: Argnums, has_aux: bool) -> Made:
    numbers, single = parse_argnums(argnums)
    options = (("argnums", numbers[0] if single else numbers), ("has_aux", has_aux))
    recipe = Recipe(name, options, Transform("plain", numbers, single, has_aux))
    if f is None:
        return lambda function: Derivative(function, recipe)
    return Derivative(f, recipe)
