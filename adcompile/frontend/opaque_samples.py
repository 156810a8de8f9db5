"""Pure functions of known arguments, which are called once when compiling."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend.opaque_equations import emit, known_range
from adcompile.frontend.places import place_of
from adcompile.frontend.values import Args, Iterable, Keywords, Value, is_static, lift
from adcompile.ir.core import Const, Var
from adcompile.ir.forms import made
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node
from adcompile.ir.types import type_of_value

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


LARGEST: Final = 1000  # items of a result that is computed when compiling


def sampled(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value | None:
    """Call a pure function whose arguments are known.

    A result that is a number, text or list of them is known then; of arrays only the type, and the program makes the
    call. None if the arguments are not known.
    """
    if not all(_knowable(lo, a) for a in (*args, *keywords.values())):
        return None
    values = [_known(lo, a, node) for a in args]
    named = {k: _known(lo, v, node) for k, v in keywords.items()}
    try:
        result = f(*values, **named)
        if isinstance(result, itertools.islice | map | zip | filter) or type(result).__module__ == "itertools":
            result = list(itertools.islice(result, LARGEST + 1))  # type: ignore[call-overload]  # an iterator
    except (TypeError, ValueError, ArithmeticError, AttributeError, KeyError, IndexError) as error:
        lo.refuse(node, f"this call fails: {error!r}", "here")
    if _plain(result):
        return lift(result)
    parts = tuple(result) if isinstance(result, tuple) else (result,)
    if not all(isinstance(p, np.ndarray | np.generic) and p.dtype.kind in "biufc" for p in parts):
        return Const(result) if _settled(result) else None
    place = place_of(f)
    if place is None:
        return None
    return emit(lo, "path", place, (), args, keywords, tuple(map(type_of_value, parts)), node, True)


def _settled(value: object) -> bool:
    """Tell whether an object that a pure function made never changes."""
    known = isinstance(value, np.finfo | np.iinfo | np.dtype | range | frozenset | type)
    return known or type(value).__module__ == "fractions"


def _plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return len(value) <= LARGEST and all(map(_plain, value))
    return value is None or type(value) in (bool, int, float, complex, str, bytes)


def _knowable(lo: Lowering, value: Value) -> bool:
    value = lo.current(value)
    if isinstance(value, Iterable):
        return value.bounds is not None and all(_knowable(lo, a) for a in value.bounds)
    if isinstance(value, Node):
        return all(_knowable(lo, c) for c in value.children)
    if isinstance(value, Var):
        return lo.static_int(value) is not None or (
            value.type.value is not None and example_of(lo.facts.find(value.type.value)) is not None
        )
    return is_static(value)


def _known(lo: Lowering, value: Value, node: ast.AST) -> object:
    value = lo.current(value)
    if isinstance(value, Iterable):
        assert value.bounds is not None
        return known_range([lo.static(a, node) for a in value.bounds])
    if isinstance(value, Node):
        items = [_known(lo, c, node) for c in value.children]
        return made(value.kind, items, value.keys, value.cls, value.detail)
    return lo.static(value, node)
