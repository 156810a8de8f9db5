"""How users give functions derivative rules: `primitive`, `elementwise`, `custom_vjp`, `custom_jvp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

from adcompile.custom.functions import CustomFunction, CustomJvp, CustomVjp, Elementwise, Primitive, Rule
from adcompile.errors import ArgumentError

__all__ = ["custom_jvp", "custom_vjp", "elementwise", "primitive"]

C = TypeVar("C", bound=CustomFunction)
Argnums = int | Sequence[int]


def _made(
    kind: Callable[[Rule, Argnums, bool], C], f: Rule | None, nondiff: Argnums, check: bool
) -> C | Callable[[Rule], C]:
    if f is None:
        return lambda function: kind(function, nondiff, check)
    return kind(f, nondiff, check)


@overload
def primitive(
    f: Rule,
    *,
    nondiff_argnums: Argnums = (),
    check: bool = False,
    opaque: bool = False,
    like: Rule | None = None,
) -> Primitive: ...
@overload
def primitive(
    *,
    nondiff_argnums: Argnums = (),
    check: bool = False,
    opaque: bool = False,
    like: Rule | None = None,
) -> Callable[[Rule], Primitive]: ...
def primitive(
    f: Rule | None = None,
    *,
    nondiff_argnums: Argnums = (),
    check: bool = False,
    opaque: bool = False,
    like: Rule | None = None,
) -> Primitive | Callable[[Rule], Primitive]:
    """Make a function one that has derivative rules, to be given with ``.adjoint`` and ``.tangent``.

    The rules are ordinary functions over NumPy, and become part of the emitted source, as the function itself does.
    A tangent serves both modes. An adjoint alone serves reverse mode.

    Parameters
    ----------
    nondiff_argnums : int or tuple of int
        Arguments that have no derivative: the rules return nothing for them, and get no tangents of them.
    check : bool
        Compare the rules with finite differences where they are first used.
    opaque : bool
        Call the function as it is, without looking into it; it must not change its arguments. The emitted source
        imports it by its name from its module; a function that has none becomes a keyword argument of the emitted
        function. What has no Python source is called so, too.
    like : callable
        A function of the same arguments whose result has the type and shape that the opaque function's has.

    Examples
    --------
    >>> import numpy as np
    >>> from adcompile import grad, primitive
    >>> @primitive
    ... def softplus(x):
    ...     return np.log1p(np.exp(x))
    >>> @softplus.adjoint
    ... def softplus_adjoint(g, ans, x):
    ...     return g / (1 + np.exp(-x))
    >>> print(grad(lambda x: softplus(x))(0.0))
    0.5
    """

    def made(function: Rule) -> Primitive:
        new = Primitive(function, nondiff_argnums, check)
        new.opaque, new.like = opaque, like
        return new

    return made if f is None else made(f)


@overload
def custom_vjp(f: Rule, *, nondiff_argnums: Argnums = (), check: bool = False) -> CustomVjp: ...
@overload
def custom_vjp(*, nondiff_argnums: Argnums = (), check: bool = False) -> Callable[[Rule], CustomVjp]: ...
def custom_vjp(
    f: Rule | None = None, *, nondiff_argnums: Argnums = (), check: bool = False
) -> CustomVjp | Callable[[Rule], CustomVjp]:
    """Make a function one whose reverse rule is given by ``f.defvjp(fwd, bwd)``, with the conventions of JAX.

    ``fwd(*args)`` returns the value and residuals of any structure; ``bwd(*nondiff, residuals, g)`` a tuple with the
    cotangent of each differentiable argument, None for zero. Forward mode refuses such a function.

    >>> import numpy as np
    >>> from adcompile import custom_vjp, grad
    >>> @custom_vjp
    ... def clip_gradient(x):
    ...     return x
    >>> clip_gradient.defvjp(lambda x: (x, None), lambda _, g: (np.clip(g, -1.0, 1.0),))
    >>> print(grad(lambda x: 10.0 * clip_gradient(x))(3.0))
    1.0
    """
    return _made(CustomVjp, f, nondiff_argnums, check)


@overload
def custom_jvp(f: Rule, *, nondiff_argnums: Argnums = (), check: bool = False) -> CustomJvp: ...
@overload
def custom_jvp(*, nondiff_argnums: Argnums = (), check: bool = False) -> Callable[[Rule], CustomJvp]: ...
def custom_jvp(
    f: Rule | None = None, *, nondiff_argnums: Argnums = (), check: bool = False
) -> CustomJvp | Callable[[Rule], CustomJvp]:
    """Make a function one whose forward rule is given by ``f.defjvp(rule)`` or ``f.defjvps(*rules)``, as in JAX.

    ``rule(*nondiff, primals, tangents)`` returns the value and its tangent, and is linear in the tangents; so it serves
    both modes. ``f.defjvps`` takes one function of ``(t, ans, *args)`` for each argument.

    >>> import numpy as np
    >>> from adcompile import custom_jvp, grad, jvp
    >>> @custom_jvp
    ... def root(a):
    ...     x = a
    ...     while abs(x * x - a) > 1e-12:
    ...         x = 0.5 * (x + a / x)
    ...     return x
    >>> root.defjvps(lambda t, ans, a: t / (2 * ans))
    >>> round(grad(lambda a: root(a))(4.0), 6), round(jvp(root, (4.0,), (1.0,))[1], 6)
    (0.25, 0.25)
    """
    return _made(CustomJvp, f, nondiff_argnums, check)


@overload
def elementwise(f: Rule, head: str, *partials: str, **scope: object) -> Elementwise: ...
@overload
def elementwise(f: str, head: str, *partials: str, **scope: object) -> Callable[[Rule], Elementwise]: ...
def elementwise(f: Rule | str, *texts: str, **scope: object) -> Elementwise | Callable[[Rule], Elementwise]:
    """State the partial derivatives of an elementwise function as text, one for each operand.

    ``elementwise(f, "f(x, y)", df_dx, df_dy)``, or without `f` as a decorator. The texts are expressions of the
    operands, the result `ans`, `np`, `math`, and what is given by keyword.

    >>> import numpy as np
    >>> from adcompile import elementwise, grad
    >>> @elementwise("softplus(x)", "1 / (1 + np.exp(-x))")
    ... def softplus(x):
    ...     return np.log1p(np.exp(x))
    >>> print(grad(lambda x: np.sum(softplus(x)))(np.zeros(2)))
    [0.5 0.5]
    """
    if isinstance(f, str):
        head, partials = f, texts
        return lambda function: Elementwise(function, head, partials, scope)
    if not texts:
        raise ArgumentError("elementwise needs the function with its operands as text, then a derivative for each")
    return Elementwise(f, texts[0], texts[1:], scope)
