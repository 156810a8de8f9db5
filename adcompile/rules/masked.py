"""Reductions of the entries that a mask chooses, or with an initial value."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, result_type
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function
from adcompile.rules.define import primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.reductions import averaged, restore
from adcompile.rules.table import linear

Array = np.ndarray
Axis = int | tuple[int, ...] | None


def infer_where(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer sums and means of the entries that a mask chooses."""
    t = args[0].type
    dtype = None if t.dtype is None else averaged(np.dtype(t.dtype))
    return result_type(dtype, reduced(facts.broadcast_dims(t.dims, args[1].type.dims), attrs[0], attrs[1]))


for _name in ("sum_where", "mean_where"):
    _helper = getattr(runtime, _name)
    primitive(_name, infer_where, _name, "x, mask", "axis=None, keepdims=False", helper=_helper)
    function(_helper, _name, "x, mask, axis: axes = None, keepdims: static = False")


def spread_over(g: Array, mask: Array, axis: Axis, keepdims: bool) -> Array:
    return np.where(mask, restore(g, axis, keepdims), 0.0)


@linear("sum_where")
def sum_where_adjoint(g: Array, ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool) -> tuple[Array, None]:
    return np.broadcast_to(spread_over(g, mask, axis, keepdims), x.shape), None


@linear("mean_where")
def mean_where_adjoint(g: Array, ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool) -> tuple[Array, None]:
    count = np.sum(np.broadcast_to(mask, x.shape), axis=axis, keepdims=keepdims)
    return np.broadcast_to(spread_over(g / count, mask, axis, keepdims), x.shape), None


def sum_of_some(a: Array, axis: Axis = None, keepdims: bool = False, *, where: Array) -> Array:
    return runtime.sum_where(a, where, axis, keepdims)


def mean_of_some(a: Array, axis: Axis = None, keepdims: bool = False, *, where: Array) -> Array:
    return runtime.mean_where(a, where, axis, keepdims)


def max_from(a: Array, axis: Axis = None, keepdims: bool = False, *, initial: float) -> Array:
    return np.maximum(np.max(a, axis=axis, keepdims=keepdims), initial)


def min_from(a: Array, axis: Axis = None, keepdims: bool = False, *, initial: float) -> Array:
    return np.minimum(np.min(a, axis=axis, keepdims=keepdims), initial)


def with_option(f: Callable[..., object], option: str, instead: Callable[..., object]) -> None:
    """Let calls that give an option mean another function."""
    usual = FUNCTIONS[f]

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        only = set(kwargs) <= {option, "axis", "keepdims"} and len(args) <= 2
        return Binding(usual.name, macro=instead) if option in kwargs and only else usual

    FUNCTIONS[f] = Binding(usual.name, choose=choose)


with_option(np.sum, "where", sum_of_some)
with_option(np.mean, "where", mean_of_some)
with_option(np.max, "initial", max_from)
with_option(np.min, "initial", min_from)
