"""The parameters of functions, and how the arguments of a call are bound to them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend.resolve import MISSING, Parameter, Source, signature_of
from adcompile.frontend.values import Args, Keywords, Value, lift
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

# What lowers a call of a function that needs more than its primitive.
Builtin = Callable[["Lowering", Args, Keywords, ast.AST], Value]


def parameters_of(args: ast.arguments) -> tuple[Parameter, ...]:
    """Return the parameters of a definition, without defaults."""
    only = [Parameter(a.arg, "positional", positional_only=True) for a in args.posonlyargs]
    found = [*only, *(Parameter(a.arg, "positional") for a in args.args)]
    if args.vararg is not None:
        found.append(Parameter(args.vararg.arg, "varargs"))
    found += [Parameter(a.arg, "keyword") for a in args.kwonlyargs]
    if args.kwarg is not None:
        found.append(Parameter(args.kwarg.arg, "varkw"))
    return tuple(found)


def bind(lo: Lowering, source: Source, args: Args, keywords: Keywords, node: ast.AST) -> dict[str, Value]:
    """Bind the arguments of a call to the parameters of a function, as Python does."""
    params = signature_of(source)

    def default(p: Parameter) -> Value | None:
        return None if p.default is MISSING else default_value(lo, source, p.name, p.default, node)

    return bind_parameters(lo, source.name, params, default, args, keywords, node)


def bind_parameters(
    lo: Lowering,
    name: str,
    params: Sequence[Parameter],
    default: Callable[[Parameter], Value | None],
    args: Args,
    keywords: Keywords,
    node: ast.AST,
) -> dict[str, Value]:
    """Bind arguments to parameters; `name` is the function's."""
    positional = [p for p in params if p.kind == "positional"]
    rest, extra = list(args), dict(keywords)
    names: dict[str, Value] = {}
    for p in positional:
        if rest:
            names[p.name] = rest.pop(0)
            if p.name in extra and not p.positional_only:
                lo.refuse(node, f"{name}() got two values for `{p.name}`", "called here")
    variadic = next((p for p in params if p.kind == "varargs"), None)
    if rest and variadic is None:
        lo.refuse(node, f"{name}() takes {len(positional)} positional arguments, {len(args)} were given", "called here")
    if variadic is not None:
        names[variadic.name] = Node("tuple", tuple(rest))
    for p in params:
        if p.kind in ("positional", "keyword") and p.name not in names:
            if p.name in extra and not p.positional_only:
                names[p.name] = extra.pop(p.name)
                continue
            value = default(p)
            if value is None:
                lo.refuse(node, f"{name}() misses the argument `{p.name}`", "called here")
            names[p.name] = value
    keyword_rest = next((p for p in params if p.kind == "varkw"), None)
    if keyword_rest is not None:
        names[keyword_rest.name] = Node("dict", tuple(extra.values()), tuple(extra))
    elif extra:
        lo.refuse(node, f"{name}() has no parameter `{next(iter(extra))}`", "called here")
    return names


def default_value(lo: Lowering, source: Source, name: str, value: object, node: ast.AST) -> Value:
    """Return the value of a default: numbers are constants, arrays hidden arguments."""
    if isinstance(value, np.ndarray):
        lo.refuse(
            node,
            f"the default of `{name}` is an array",
            f"called here, in {source.name}()",
            "bind the array to a global name and use that",
        )
    return lift(value)
