"""Products with Jacobians and Hessians, none of which is ever formed: `jvp`, `vjp`, `hvp` and their like."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Final, overload

from adcompile.api.derived import Derivative, Function, Recipe, call_program, operator, specialiser_for
from adcompile.dispatch import containers
from adcompile.dispatch.pullback import Linearized
from adcompile.dispatch.signature import Kind, Transform, parse_argnums, parse_outputs
from adcompile.errors import ArgumentError

__all__ = ["directional", "gauss_newton_vp", "hvp", "jvp", "linearize", "vjp"]


@operator("vjp")
def vjp(
    f: Function,
    *primals: object,
    has_aux: bool = False,
    outputs: Sequence[str] | str | None = None,
    argnums: Sequence[int] | None = None,
) -> tuple[Any, ...]:
    """Evaluate `f` and return its value and the pullback: from a cotangent of the value to that of each argument.

    The pullback returns a tuple, with one entry for each differentiated argument, and may be called many times.

    Parameters
    ----------
    f : callable
        A function of any number of arguments, which returns numbers, arrays or containers of them.
    *primals
        Its arguments.
    has_aux : bool
        `f` returns a pair, whose second part is not differentiated and is returned third.
    outputs : str or sequence of str, optional
        The names of arguments that `f` stores into: the tuple of their final values is the result then, and what `f`
        returns, if anything, is not. The arrays that are passed stay as they are.
    argnums : sequence of int, optional
        The arguments that are differentiated; the others may be anything. By default all.

    Examples
    --------
    >>> import numpy as np
    >>> def scale(a, s):
    ...     a *= s
    >>> (a,), pullback = vjp(scale, np.array([1.0, 2.0]), 3.0, outputs=("a",))
    >>> print(a, *pullback((np.array([1.0, 1.0]),)))
    [3. 6.] [3. 3.] 3.0
    >>> _, pullback = vjp(lambda x, n: sum(x * k for k in range(n)), 2.0, 4, argnums=(0,))
    >>> pullback(1.0)
    (6.0,)
    """
    transform = _positional("vjp", len(primals), argnums, has_aux, outputs)
    return _tuple(call_program(specialiser_for(f, transform), primals))


@operator("jvp")
def jvp(
    f: Function,
    primals: Sequence[object],
    tangents: Sequence[object],
    has_aux: bool = False,
    outputs: Sequence[str] | str | None = None,
    argnums: Sequence[int] | None = None,
) -> tuple[Any, ...]:
    """Evaluate `f` and its derivative along `tangents`, which has one entry like each of `primals`; return both.

    Parameters
    ----------
    f : callable
        A function of any number of arguments, which returns numbers, arrays or containers of them.
    primals : sequence
        Its positional arguments.
    tangents : sequence
        The direction: what is added to each differentiated argument.
    has_aux : bool
        `f` returns a pair, whose second part is not differentiated and is returned third.
    outputs : str or sequence of str, optional
        The names of arguments whose final values are the result, as for `vjp`.
    argnums : sequence of int, optional
        The arguments that `tangents` are for; the others may be anything. By default all.

    Examples
    --------
    >>> jvp(lambda x, n: sum(x * k for k in range(n)), (2.0, 4), (1.0,), argnums=(0,))
    (12.0, 6.0)
    """
    check_pairs("jvp", primals, tangents, None if argnums is None else len(parse_argnums(argnums)[0]))
    transform = _positional("jvp", len(primals), argnums, has_aux, outputs)
    return _tuple(call_program(specialiser_for(f, transform), (*primals, *tangents)))


@operator("linearize")
def linearize(f: Function, *primals: object) -> tuple[Any, Linearized]:
    """Evaluate `f` and return its value and its derivative there: the function from tangents of all arguments to that
    of the value.

    Examples
    --------
    >>> y, push = linearize(lambda x: x**2, 3.0)
    >>> y, push(1.0), push(0.5)
    (9.0, 6.0, 3.0)
    """
    transform = _positional("linearize", len(primals))
    specialiser = specialiser_for(f, transform)
    value, push = _tuple(call_program(specialiser, primals))
    assert callable(push)
    return value, Linearized(push, primals, specialiser.signature.label)


def _positional(
    kind: Kind,
    count: int,
    argnums: Sequence[int] | None = None,
    has_aux: bool = False,
    outputs: Sequence[str] | str | None = None,
) -> Transform:
    """Return what is asked of a function that is given `count` arguments by position."""
    names = parse_outputs(outputs, has_aux)
    numbers, single = (tuple(range(count)), False) if argnums is None else parse_argnums(argnums)
    if single or not all(-count <= k < count for k in numbers) or len({k % count for k in numbers}) < len(numbers):
        raise ArgumentError(f"{kind}: argnums must be a tuple of numbers of the {count} arguments, not {argnums!r}")
    return Transform(kind, tuple(k % count for k in numbers), False, has_aux, outputs=names, taken=count)


def check_pairs(name: str, primals: object, tangents: object, count: int | None = None) -> None:
    """Refuse primals and tangents that are not two tuples of one length; or tangents not of the length `count`."""
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise ArgumentError(f"{name}: {what} must be a tuple, with one entry for each argument, not "
                                f"{containers.describe(given)}")  # fmt: skip
    assert isinstance(primals, tuple | list) and isinstance(tangents, tuple | list)
    if len(tangents) != (len(primals) if count is None else count):
        of = f"{len(primals)} primals" if count is None else f"{count} argnums"
        raise ArgumentError(f"{name}: there are {of}, but {len(tangents)} tangents")


def _tuple(result: object) -> tuple[object, ...]:
    assert isinstance(result, tuple)
    return result


# -- functions of (primals, tangents)

PRIMALS_AND_TANGENTS: Final = inspect.Signature(
    [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("primals", "tangents")]
)


@overload
def hvp(f: Function) -> Derivative: ...
@overload
def hvp(f: Function, primals: Sequence[object], tangents: Sequence[object]) -> Any: ...
@operator("hvp")
def hvp(f: Function, primals: object = None, tangents: object = None) -> Any:
    """Return the product of the Hessian of `f` at `primals` with `tangents`, or with `f` alone the function of both.

    `primals` and `tangents` are tuples with one entry for each argument of `f`. The product is bare for one argument,
    and a tuple for several. It costs a few evaluations of `f`, whatever the number of variables.

    Examples
    --------
    >>> import numpy as np
    >>> def f(x):
    ...     return x[0] ** 2 * x[1]
    >>> hvp(f, (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([4., 2.])
    """
    return _product("hvp", f, primals, tangents)


@overload
def directional(f: Function) -> Derivative: ...
@overload
def directional(f: Function, primals: Sequence[object], tangents: Sequence[object]) -> Any: ...
@operator("directional")
def directional(f: Function, primals: object = None, tangents: object = None) -> Any:
    """Return the derivative of `f` at `primals` along `tangents`, or with `f` alone the function of both.

    `primals` and `tangents` are tuples with one entry for each argument of `f`.

    Examples
    --------
    >>> directional(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    3.0
    """
    return _product("directional", f, primals, tangents)


@overload
def gauss_newton_vp(f: Function) -> Derivative: ...
@overload
def gauss_newton_vp(f: Function, primals: Sequence[object], tangents: Sequence[object]) -> Any: ...
@operator("gauss_newton_vp")
def gauss_newton_vp(f: Function, primals: object = None, tangents: object = None) -> Any:
    """Return J'(J v), J being the Jacobian of `f` at `primals`, v `tangents`; with `f` alone the function of both.

    That is the Gauss-Newton approximation of the Hessian of half the sum of squares of `f`, times v. The product is
    bare for one argument, and a tuple for several.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.array([[1.0, 2.0], [0.0, 1.0]])
    >>> gauss_newton_vp(lambda x: a @ x, (np.array([1.0, 1.0]),), (np.array([1.0, 0.0]),))
    array([1., 2.])
    """
    return _product("gauss_newton_vp", f, primals, tangents)


def _product(name: str, f: Function, primals: object, tangents: object) -> Any:
    function = _products(f, name)
    if primals is None and tangents is None:
        return function
    check_pairs(name, primals, tangents)
    assert isinstance(primals, tuple | list) and isinstance(tangents, tuple | list)
    return function(tuple(primals), tuple(tangents))


def _products(f: Function, name: str) -> Derivative:
    return Derivative(f, Recipe(name), PRIMALS_AND_TANGENTS)
