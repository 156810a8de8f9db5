"""Gradients and derivatives along one number: `grad`, `value_and_grad`, `elementwise_grad`, `derivative`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, overload

from adcompile.api.derived import Derivative, Function, Recipe, operator
from adcompile.custom.functions import CustomFunction
from adcompile.custom.registry import checked
from adcompile.dispatch.signature import Kind, Transform, parse_argnums, parse_outputs
from adcompile.errors import ArgumentError

__all__ = ["derivative", "elementwise_grad", "grad", "stop_gradient", "value_and_grad"]

Argnums = int | Sequence[int]
Rules = Sequence[CustomFunction]
Outputs = Sequence[str] | str | None
T = TypeVar("T")


@overload
def grad(
    f: Function,
    argnums: Argnums = 0,
    has_aux: bool = False,
    outputs: Outputs = None,
    *,
    verify: bool = False,
    debug_nan: bool = False,
    rules: Rules = (),
) -> Derivative: ...
@overload
def grad(
    *,
    argnums: Argnums = 0,
    has_aux: bool = False,
    outputs: Outputs = None,
    verify: bool = False,
    debug_nan: bool = False,
    rules: Rules = (),
) -> Callable[[Function], Derivative]: ...
@operator("grad")
def grad(
    f: Function | None = None,
    argnums: Argnums = 0,
    has_aux: bool = False,
    outputs: Outputs = None,
    *,
    verify: bool = False,
    debug_nan: bool = False,
    rules: Rules = (),
) -> Derivative | Callable[[Function], Derivative]:
    """Return the function that computes the gradient of `f`, whose result must be one number.

    Use it as ``grad(f)``, ``@grad`` or ``@grad(argnums=(0, 1))``; of a derivative, as ``grad(grad(f))``; and inside a
    function that is itself differentiated.

    Parameters
    ----------
    argnums : int or tuple of int
        The positional arguments to differentiate. For an int the gradient comes bare, for a tuple in a tuple.
        The gradient of a tuple, list or dict of numbers and arrays has the same structure.
    has_aux : bool
        `f` returns a pair: the number and anything else, which is returned beside the gradient.
    outputs : str or tuple of str
        The name of an argument whose final value is the result, for a function that stores into its arguments. It
        must be one number, an array without axes: for others see `vjp` and `jvp`.
    verify : bool
        The first gradient of each compiled program is compared with finite differences and with forward mode. Where
        they disagree, DerivativeMismatch names the first line of the function whose derivative is wrong.
    debug_nan : bool
        The program raises FloatingPointError at the first contribution to an adjoint that is not finite, with the line
        and the values that it was computed from.
    rules : sequence
        Rules for other functions, made by `primitive`, `elementwise`, `custom_jvp` or `custom_vjp`, that hold in this
        derivative where those functions are called by their own names.

    Examples
    --------
    >>> def f(x, y):
    ...     return x * y**2
    >>> grad(f)(2.0, 3.0)
    9.0
    >>> float(grad(grad(f, argnums=1), argnums=1)(2.0, 3.0))
    4.0
    """
    return _gradient("grad", f, argnums, has_aux, outputs, Trust(verify, debug_nan, rules))


@overload
def value_and_grad(
    f: Function,
    argnums: Argnums = 0,
    has_aux: bool = False,
    outputs: Outputs = None,
    *,
    verify: bool = False,
    debug_nan: bool = False,
    rules: Rules = (),
) -> Derivative: ...
@overload
def value_and_grad(
    *,
    argnums: Argnums = 0,
    has_aux: bool = False,
    outputs: Outputs = None,
    verify: bool = False,
    debug_nan: bool = False,
    rules: Rules = (),
) -> Callable[[Function], Derivative]: ...
@operator("value_and_grad")
def value_and_grad(
    f: Function | None = None,
    argnums: Argnums = 0,
    has_aux: bool = False,
    outputs: Outputs = None,
    *,
    verify: bool = False,
    debug_nan: bool = False,
    rules: Rules = (),
) -> Derivative | Callable[[Function], Derivative]:
    """Return the function that computes both what `f` returns and its gradient, as a pair; otherwise like `grad`."""
    return _gradient("value_and_grad", f, argnums, has_aux, outputs, Trust(verify, debug_nan, rules))


class Trust(NamedTuple):
    """What a gradient is checked for, and the rules that hold in it."""

    verify: bool = False
    debug_nan: bool = False
    rules: Rules = ()


def _gradient(
    name: str, f: Function | None, argnums: Argnums, has_aux: bool, outputs: Outputs, trust: Trust
) -> Derivative | Callable[[Function], Derivative]:
    numbers, single = parse_argnums(argnums)
    kind: Kind = "grad" if name == "grad" else "value_and_grad"
    rules = tuple(map(checked, trust.rules))
    names = parse_outputs(outputs, has_aux)
    transform = Transform(
        kind, numbers, single, has_aux, False, rules, bool(trust.debug_nan), bool(trust.verify), names
    )
    options: tuple[tuple[str, object], ...] = (("argnums", numbers[0] if single else numbers), ("has_aux", has_aux))
    options += (("outputs", names),) if names else ()
    recipe = Recipe(name, options, transform)
    if f is None:
        return lambda function: Derivative(function, recipe)
    return Derivative(f, recipe)


@overload
def elementwise_grad(f: Function, argnums: Argnums = 0) -> Derivative: ...
@overload
def elementwise_grad(*, argnums: Argnums = 0) -> Callable[[Function], Derivative]: ...
@operator("elementwise_grad")
def elementwise_grad(f: Function | None = None, argnums: Argnums = 0) -> Derivative | Callable[[Function], Derivative]:
    """Return the function that computes the derivative of each element of an elementwise function's result.

    That is the gradient of the sum of the result, so `f` must treat the elements of its argument independently.

    Examples
    --------
    >>> import numpy as np
    >>> elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """
    numbers, single = parse_argnums(argnums)
    options = (("argnums", numbers[0] if single else numbers),)
    return _composed(f, Recipe("elementwise_grad", options, Transform("plain", numbers, single)))


@overload
def derivative(f: Function, order: int = 1, argnum: int = 0) -> Derivative: ...
@overload
def derivative(*, order: int = 1, argnum: int = 0) -> Callable[[Function], Derivative]: ...
@operator("derivative_along")
def derivative(
    f: Function | None = None, order: int = 1, argnum: int = 0
) -> Derivative | Callable[[Function], Derivative]:
    """Return the function that computes the derivative of `f` of some order with respect to one number.

    `f` may return anything: a number, an array, a container of them. The derivative has the same structure.

    Examples
    --------
    >>> def f(x):
    ...     return x**3
    >>> derivative(f)(2.0), derivative(f, order=2)(2.0)
    (12.0, 12.0)
    """
    if type(order) is not int or order < 0:
        raise ArgumentError(f"the order of a derivative must be an int from 0 on, not {order!r}")
    if type(argnum) is not int:
        raise ArgumentError(f"argnum must be an int, not {argnum!r}")
    options = (("order", order), ("argnum", argnum))
    return _composed(f, Recipe("derivative_along", options, Transform("plain", (argnum,), True)))


def _composed(f: Function | None, recipe: Recipe) -> Derivative | Callable[[Function], Derivative]:
    if f is None:
        return lambda function: Derivative(function, recipe)
    return Derivative(f, recipe)


@operator("stop_gradient")
def stop_gradient(x: T) -> T:
    """Return `x`; to a function that is differentiated it is a constant.

    Examples
    --------
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return x
