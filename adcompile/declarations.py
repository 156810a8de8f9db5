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
def primitive(f: Rule, *, nondiff_argnums: Argnums = (), check: bool = False) -> Primitive: ...
@overload
def primitive(*, nondiff_argnums: Argnums = (), check: bool = False) -> Callable[[Rule], Primitive]: ...
def primitive(
    f: Rule | None = None, *, nondiff_argnums: Argnums = (), check: bool = False
) -> Primitive | Callable[[Rule], Primitive]:
    return _made(Primitive, f, nondiff_argnums, check)


@overload
def custom_vjp(f: Rule, *, nondiff_argnums: Argnums = (), check: bool = False) -> CustomVjp: ...
@overload
def custom_vjp(*, nondiff_argnums: Argnums = (), check: bool = False) -> Callable[[Rule], CustomVjp]: ...
def custom_vjp(
    f: Rule | None = None, *, nondiff_argnums: Argnums = (), check: bool = False
) -> CustomVjp | Callable[[Rule], CustomVjp]:
    return _made(CustomVjp, f, nondiff_argnums, check)


@overload
def custom_jvp(f: Rule, *, nondiff_argnums: Argnums = (), check: bool = False) -> CustomJvp: ...
@overload
def custom_jvp(*, nondiff_argnums: Argnums = (), check: bool = False) -> Callable[[Rule], CustomJvp]: ...
def custom_jvp(
    f: Rule | None = None, *, nondiff_argnums: Argnums = (), check: bool = False
) -> CustomJvp | Callable[[Rule], CustomJvp]:
    return _made(CustomJvp, f, nondiff_argnums, check)


@overload
def elementwise(f: Rule, head: str, *partials: str, **scope: object) -> Elementwise: ...
@overload
def elementwise(f: str, head: str, *partials: str, **scope: object) -> Callable[[Rule], Elementwise]: ...
def elementwise(f: Rule | str, *texts: str, **scope: object) -> Elementwise | Callable[[Rule], Elementwise]:
    if isinstance(f, str):
        head, partials = f, texts
        return lambda function: Elementwise(function, head, partials, scope)
    if not texts:
        raise ArgumentError("elementwise needs the function with its operands as text, then a derivative for each")
    return Elementwise(f, texts[0], texts[1:], scope)
