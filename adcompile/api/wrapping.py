"""The Python function that an operator stands for: what a derivative is when it is called inside another function.

    hessian(f)   ->   def f_hessian(x, scale=2.0):
                          return _operator(_f, argnums=0)(x, scale)

It is never called. The compiler lowers it where the derivative is differentiated once more, or called in a function
that is differentiated; and operators that have no transform of their own are compiled from it.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from inspect import Parameter

import numpy as np

__all__ = ["signature_like", "wrapper"]

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
ANYTHING = inspect.Signature(
    [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("keywords", Parameter.VAR_KEYWORD)]
)


def signature_like(f: Callable[..., object]) -> inspect.Signature:
    """Return the signature of a function, without what `functools.partial` sets by keyword."""

    if isinstance(f, np.ufunc):
        names = ("x",) if f.nin == 1 else tuple(f"x{k + 1}" for k in range(f.nin))
        return inspect.Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names])
    try:
        found = inspect.signature(f)
    except ValueError:  # a function written in C
        return ANYTHING
    set_already = f.keywords if isinstance(f, functools.partial) else {}
    return found.replace(parameters=[p for p in found.parameters.values() if p.name not in set_already])


def wrapper(
    name: str,
    operator: Callable[..., object],
    f: Callable[..., object],
    options: Mapping[str, object],
    signature: inspect.Signature,
) -> types.FunctionType:
    """Make the function; the options are plain constants."""
    from adcompile.frontend.lower import WRAPPER
    from adcompile.frontend.resolve import from_source

    parameters = [_bare(p) for p in signature.parameters.values()]
    taken = {p.name for p in parameters}
    own_operator, own_f = _unused("_operator", taken), _unused("_f", taken)
    given = ", ".join([own_f, *(f"{key}={value!r}" for key, value in options.items())])
    passed = ", ".join(map(_passed, parameters))
    shown = str(inspect.Signature(parameters))
    text = f"def {name}{shown}:\n    return {own_operator}({given})({passed})\n"
    made = from_source(text, name, {"__name__": WRAPPER, own_operator: operator, own_f: f})
    kinds = {p.name: p for p in signature.parameters.values() if p.default is not Parameter.empty}
    made.__defaults__ = tuple(p.default for p in kinds.values() if p.kind in POSITIONAL) or None
    made.__kwdefaults__ = {n: p.default for n, p in kinds.items() if p.kind is Parameter.KEYWORD_ONLY} or None
    return made


def _bare(p: Parameter) -> Parameter:
    """Return a parameter as it is written down: the live default is set later."""
    default = Parameter.empty if p.default is Parameter.empty else None
    return p.replace(annotation=Parameter.empty, default=default)


def _passed(p: Parameter) -> str:
    stars = "*" if p.kind is Parameter.VAR_POSITIONAL else "**" if p.kind is Parameter.VAR_KEYWORD else ""
    return f"{p.name}={p.name}" if p.kind is Parameter.KEYWORD_ONLY else f"{stars}{p.name}"


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
