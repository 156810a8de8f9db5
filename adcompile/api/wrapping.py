"""The Python function that an operator stands for: what a derivative is when it is called inside another function.

    hessian(f)   ->   def f_hessian(x, scale=2.0):
                          return _operator(_f, argnums=0)(x, scale)

It is never called. The compiler lowers it where the derivative is differentiated once more, or called in a function
that is differentiated; and operators that have no transform of their own are compiled from it. What a bound method or
`functools.partial` brings along becomes parameters of the function, which are set in turn.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from inspect import Parameter

import numpy as np

from adcompile.dispatch.signature import inside
from adcompile.ir.naming import claimed

__all__ = ["unwrapped", "wrapper"]

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
ANYTHING = inspect.Signature(
    [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("keywords", Parameter.VAR_KEYWORD)]
)
Function = Callable[..., object]


def wrapper(
    name: str, operator: Function, f: Function, options: Mapping[str, object], signature: inspect.Signature | None
) -> Function:
    """Make the function; the options are plain constants. Without a signature it takes the arguments of `f`."""
    inner, bound, keywords = unwrapped(f)
    shown = [p for p in (signature or signature_like(f)).parameters.values() if p.name not in keywords]
    taken = {p.name for p in shown} | set(keywords)
    brought = [claimed(hint, taken) for hint in _names(inner, len(bound))]
    own = {key: claimed(key, taken) for key in ("_operator", "_f", "_partial")}
    parameters = [
        *(Parameter(n, Parameter.POSITIONAL_ONLY) for n in brought),
        *(p.replace(annotation=Parameter.empty, default=_placeholder(p)) for p in shown),
    ]
    parameters = _with_keywords(parameters, keywords)
    function = own["_f"]
    if bound or keywords:
        function = f"{own['_partial']}({', '.join([function, *brought, *(f'{k}={k}' for k in keywords)])})"
    given = ", ".join([function, *(f"{key}={value!r}" for key, value in options.items())])
    head = f"def {name}{inspect.Signature(parameters)}:"
    text = f"{head}\n    return {own['_operator']}({given})({', '.join(map(_passed, shown))})\n"
    made = _compiled(text, name, {own["_operator"]: operator, own["_f"]: inner, own["_partial"]: functools.partial})
    made.__defaults__ = tuple(p.default for p in shown if p.kind in POSITIONAL and _has_default(p)) or None
    made.__kwdefaults__ = {p.name: p.default for p in shown if p.kind is Parameter.KEYWORD_ONLY and _has_default(p)}
    return functools.partial(made, *bound, **keywords) if bound or keywords else made


def unwrapped(f: Function) -> tuple[Function, tuple[object, ...], Mapping[str, object]]:
    """Return the function inside of a partial or method, the arguments that it brings along, and those by keyword."""
    if getattr(f, "__adcompile_operator__", None) == "derivative":
        lowered: object = getattr(f, "__adcompile_inside__")  # noqa: B009  # what operators return has it
        return unwrapped(lowered) if isinstance(lowered, functools.partial) else (f, (), {})
    found = inside(f)
    if found is None or not callable(found[0]):
        return f, (), {}
    inner, bound, keywords = unwrapped(found[0])
    return inner, (*bound, *found[1]), {**keywords, **found[2]}


def signature_like(f: Function) -> inspect.Signature:
    """Return the signature of a function."""
    if isinstance(f, np.ufunc):
        names = ("x",) if f.nin == 1 else tuple(f"x{k + 1}" for k in range(f.nin))
        return inspect.Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names])
    try:
        return inspect.signature(f)
    except ValueError:  # a function written in C
        return ANYTHING


def _names(f: Function, count: int) -> list[str]:
    """Return the names of a function's first parameters."""
    code = getattr(f, "__code__", None)
    names = list(code.co_varnames[: code.co_argcount]) if code is not None else []
    return [*names[:count], *(f"bound_{k}" for k in range(len(names), count))]


def _with_keywords(parameters: list[Parameter], keywords: Mapping[str, object]) -> list[Parameter]:
    """Add parameters that can only be given by name, before one that takes all others."""
    more = [Parameter(name, Parameter.KEYWORD_ONLY) for name in keywords]
    rest = [p for p in parameters if p.kind is Parameter.VAR_KEYWORD]
    return [*(p for p in parameters if p not in rest), *more, *rest]


def _compiled(text: str, name: str, namespace: dict[str, object]) -> types.FunctionType:
    from adcompile.frontend.frames import WRAPPER
    from adcompile.frontend.resolve import from_source

    return from_source(text, name, {"__name__": WRAPPER, **namespace})


def _has_default(p: Parameter) -> bool:
    return p.default is not Parameter.empty


def _placeholder(p: Parameter) -> object:
    """Return what is written down as the default: the live one is set later."""
    return None if _has_default(p) else Parameter.empty


def _passed(p: Parameter) -> str:
    stars = "*" if p.kind is Parameter.VAR_POSITIONAL else "**" if p.kind is Parameter.VAR_KEYWORD else ""
    return f"{p.name}={p.name}" if p.kind is Parameter.KEYWORD_ONLY else f"{stars}{p.name}"
