"""The objects that users make to give a function a derivative of its own.

Called plainly, each runs its function and nothing else. The compiler recognises them by their class: where a program
that is differentiated calls one, the rules take the place of the derivative of its body.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from adcompile.errors import ArgumentError

__all__ = ["CustomFunction", "CustomJvp", "CustomVjp", "Elementwise", "Primitive", "Rule"]

Rule = Callable[..., object]


class CustomFunction:
    """A function whose derivative is given by rules.

    Attributes
    ----------
    function : callable
        The function itself; also `__wrapped__`.
    nondiff : tuple of int
        The positions of the arguments that have no derivative.
    unchecked : bool
        Whether the rules are to be checked at their first use.
    opaque : bool
        Whether programs call the function as it is, even if its source is known.
    like : callable or None
        A function of the same arguments whose result has the types and shapes that those of an opaque function have.
    calls : list or None
        The arguments of all calls, while somebody listens.
    """

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., object]

    opaque: bool = False
    like: Rule | None = None

    def __init__(self, function: Rule, nondiff: int | Sequence[int] = (), check: bool = False) -> None:
        if not callable(function):
            raise ArgumentError(f"a function is needed, not {type(function).__name__}")
        if isinstance(function, CustomFunction):
            raise ArgumentError(f"{function.__name__} has a derivative of its own already")
        self.function: Final = function
        self.nondiff: Final = (nondiff,) if isinstance(nondiff, int) else tuple(nondiff)
        self.unchecked = check
        self.calls: list[tuple[tuple[object, ...], dict[str, object]]] | None = None
        functools.update_wrapper(self, function, updated=())
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: the types are the function's own
        if self.calls is not None:
            self.calls.append((args, kwargs))
        return self.function(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        if isinstance(self.function, np.ufunc):
            return positional("xyzuvw"[: self.function.nin])
        return inspect.signature(self.function)

    def __get__(self, instance: object, owner: type | None = None) -> object:
        """Bind as a method."""
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.__qualname__}>"

    def __digest_parts__(self) -> tuple[object, ...]:
        """Return all that a derivative that uses these rules depends on."""
        return (
            type(self).__name__,
            self.nondiff,
            self.function,
            self.opaque,
            self.like,
            *(getattr(self, name) for name in self.parts),
        )

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the names of the attributes that hold the rules."""
        return ()


class Primitive(CustomFunction):
    """A function with an adjoint, a tangent, or both; made by `adcompile.primitive`."""

    def __init__(self, function: Rule, nondiff: int | Sequence[int] = (), check: bool = False) -> None:
        super().__init__(function, nondiff, check)
        self.adjoint_rule: Rule | None = None
        self.tangent_rule: Rule | None = None

    def adjoint(self, rule: Rule) -> Rule:
        """State the adjoint: a function of (g, ans, *arguments), where g is the cotangent of the result `ans`.

        It returns the cotangent of the differentiated argument, or a tuple with one for each of them; None stands for
        zero. Where broadcasting stretched an argument, the compiler sums over the axes.
        """
        self.adjoint_rule = rule
        return rule

    def tangent(self, rule: Rule) -> Rule:
        """State the tangent: a function of (ans, *arguments, *tangents), linear in the tangents of the arguments.

        It returns the tangent of the result. An argument that does not vary has the tangent zero.
        """
        self.tangent_rule = rule
        return rule

    @property
    def parts(self) -> tuple[str, ...]:
        return ("adjoint_rule", "tangent_rule")


def positional(names: Iterable[str]) -> inspect.Signature:
    """Return the signature of a function that takes its arguments by position."""
    return inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in names])


class Elementwise(CustomFunction):
    """An elementwise function with its partial derivatives as text; made by `adcompile.elementwise`."""

    def __init__(self, function: Rule, head: str, partials: Sequence[str], scope: Mapping[str, object]) -> None:
        super().__init__(function)
        self.operands: Final = operands_of(head)
        if len(partials) != len(self.operands):
            count = len(self.operands)
            raise ArgumentError(f"elementwise: {head} has {count} operands, but {len(partials)} derivatives are given")
        self.head, self.partials = head, tuple(partials)
        from adcompile.rules import table  # not before it is needed: it loads all rules

        self.scope: Final = {**table.SCOPE, name_of(head): self, **scope}
        for text in self.partials:
            check_names(text, {*self.operands, "ans", *self.scope})

    @property
    def __signature__(self) -> inspect.Signature:
        python = isinstance(self.function, types.FunctionType)
        return inspect.signature(self.function) if python else positional(self.operands)

    def __digest_parts__(self) -> tuple[object, ...]:
        from adcompile.rules import table

        given = {k: v for k, v in self.scope.items() if v is not self and table.SCOPE.get(k) is not v}
        return *super().__digest_parts__(), self.head, self.partials, given


def operands_of(head: str) -> tuple[str, ...]:
    """Return the names of the operands in ``name(x, y)``."""
    try:
        tree = ast.parse(head, mode="eval").body
    except SyntaxError:
        tree = ast.Constant(None)
    match tree:
        case ast.Call(func=ast.Name(), args=args, keywords=[]) if args and all(isinstance(a, ast.Name) for a in args):
            names = tuple(a.id for a in args if isinstance(a, ast.Name))
            if len(set(names)) == len(names) and not {"g", "ans"} & set(names):
                return names
    raise ArgumentError(f'elementwise: {head!r} should name the function and its operands, as in "softplus(x)"')


def name_of(head: str) -> str:
    return head.partition("(")[0].strip()


def check_names(text: str, known: set[str]) -> None:
    """Refuse a derivative that is no expression, or that reads a name which means nothing."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise ArgumentError(f"elementwise: the derivative {text!r} is not an expression: {error.msg}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in known:
            raise ArgumentError(
                f"elementwise: the name `{node.id}` in the derivative {text!r} is not known: give it as a keyword"
            )


class CustomVjp(CustomFunction):
    """A function with a reverse rule in two halves; made by `adcompile.custom_vjp`."""

    def __init__(self, function: Rule, nondiff: int | Sequence[int] = (), check: bool = False) -> None:
        super().__init__(function, nondiff, check)
        self.fwd: Rule | None = None
        self.bwd: Rule | None = None

    def defvjp(self, fwd: Rule, bwd: Rule) -> None:
        """State the two halves.

        Parameters
        ----------
        fwd : callable
            Takes the arguments of the function; returns its value and residuals, of any structure, as a pair.
        bwd : callable
            Takes the arguments `nondiff_argnums`, the residuals and the cotangent of the value; returns a tuple with
            the cotangent of each other argument. None stands for zero.
        """
        self.fwd, self.bwd = fwd, bwd

    @property
    def parts(self) -> tuple[str, ...]:
        return ("fwd", "bwd")


class CustomJvp(CustomFunction):
    """A function with a forward rule, which serves both modes; made by `adcompile.custom_jvp`."""

    def __init__(self, function: Rule, nondiff: int | Sequence[int] = (), check: bool = False) -> None:
        super().__init__(function, nondiff, check)
        self.jvp: Rule | None = None
        self.terms: tuple[Rule | None, ...] = ()

    def defjvp(self, jvp: Rule) -> Rule:
        """State the rule: a function of the arguments `nondiff_argnums`, then a tuple with the others and one with
        their tangents. It returns the value and its tangent as a pair, and must be linear in the tangents.
        """
        self.jvp, self.terms = jvp, ()
        return jvp

    def rule_for(self, moving: Sequence[bool], rank: int | None) -> str | None:
        """Return the attribute that holds the rule for all arguments together; None if each has one of its own.

        `moving` says which of the arguments have derivatives, and `rank` how many axes the result has.
        """
        return None if self.jvp is None else "jvp"

    def defjvps(self, *jvps: Rule | None) -> None:
        """State one rule for each argument: a function of (t, ans, *arguments), which returns what the tangent t of
        this argument contributes. None stands for zero.
        """
        if self.nondiff:
            raise ArgumentError(f"{self.__name__}: defjvps does not go with nondiff_argnums: use defjvp")
        self.jvp, self.terms = None, jvps
        for k, rule in enumerate(jvps):
            setattr(self, f"term_{k}", rule)

    @property
    def parts(self) -> tuple[str, ...]:
        return ("jvp", *(f"term_{k}" for k in range(len(self.terms))))
