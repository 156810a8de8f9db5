"""Reductions of the entries that a mask chooses, or that start from a value: sum, prod, max, min, mean, var, std."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, Var
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, Type, numpy_dtype, result_type
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, METHODS, Argument, Binding, function
from adcompile.rules.define import primitive
from adcompile.rules.lengths import reduced
from adcompile.rules.reductions import averaged, conjugated, real, restore, summed, unchanged
from adcompile.rules.table import adjoint, holomorphic, linear, nonlinear, static

Array = np.ndarray
Axis = int | tuple[int, ...] | None


def infer_of(dtype_of: Callable[[np.dtype], np.dtype]) -> Infer:
    """Make the inference of a reduction whose last operand is a mask."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        if t.kind == "object":
            return OBJECT
        if len(args) == 3 and args[1].type.dims != ():
            raise TypeError("the initial value of a reduction must be a number")
        dtype = numpy_dtype(t)
        dims = reduced(facts.broadcast_dims(t.dims, args[-1].type.dims), attrs[0], attrs[1])
        return result_type(None if dtype is None else dtype_of(dtype), dims)

    return infer


_AXIS = "a, axis: axes = None, "
_FROM = "out: no = None, keepdims: static = False, {}initial{}, where=True"
_CHOSEN = "dtype: no = None, out: no = None, {}keepdims: static = False, *, where"


def define(
    name: str, dtype_of: Callable[[np.dtype], np.dtype], operands: str, attributes: str, usage: str, given: str
) -> None:
    """Define a reduction of chosen entries, which calls of the usual one mean that give one of some keywords."""
    helper, f = getattr(runtime, f"{name}_of"), getattr(np, name)
    primitive(f"{name}_of", infer_of(dtype_of), f"{name}_of", operands, attributes, helper=helper)
    typed = attributes.replace("axis=", "axis: axes = ").replace("keepdims=", "keepdims: static = ")
    function(helper, f"{name}_of", f"{operands}, {typed.replace('ddof=', 'ddof: static = ')}")
    chosen = Binding(f"np.{name}", f"{name}_of", usage)

    def instead(usual: Binding) -> Binding:
        def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
            return chosen if any(k in kwargs for k in given.split()) else usual

        return Binding(usual.name, choose=choose)

    for g in {f, getattr(np, f"a{name}", f)}:
        FUNCTIONS[g] = instead(FUNCTIONS[g])
    METHODS[name] = instead(METHODS[name])


for _name, _dtype_of, _start in (
    ("sum", summed, "dtype: no = None, " + _FROM.format("", "=0")),
    ("prod", summed, "dtype: no = None, " + _FROM.format("", "=1")),
    ("max", unchanged, _FROM.format("*, ", "")),
    ("min", unchanged, _FROM.format("*, ", "")),
):
    define(_name, _dtype_of, "x, initial, mask", "axis=None, keepdims=False", _AXIS + _start, "initial where")
define("mean", averaged, "x, mask", "axis=None, keepdims=False", _AXIS + _CHOSEN.format(""), "where")
for _name in ("var", "std"):
    _usage = _AXIS + _CHOSEN.format("ddof: static = 0, ") + ", mean: no = None, correction: no = 0"
    define(_name, real, "x, mask", "axis=None, keepdims=False, ddof=0", _usage, "where")
holomorphic("var_of", "std_of", "prod_of")


@static
def all_of(mask: Var | bool) -> bool:
    """Tell whether a mask is known to choose all entries."""
    return mask is True


def chosen(mask: Array | bool, x: Array, instead: float) -> Array:
    """The entries that a mask chooses, and another value for the others."""
    return x if all_of(mask) else np.where(mask, x, instead)


def chosen_count(x: Array, mask: Array, axis: Axis, keepdims: bool) -> Array:
    """Count the entries that a mask chooses."""
    return np.sum(np.broadcast_to(mask, x.shape), axis=axis, keepdims=keepdims, dtype=x.real.dtype)


@linear("sum_of", 0, 1, jointly=True)
def sum_adjoint(
    g: Array, ans: Array, x: Array, initial: float, mask: Array, axis: Axis, keepdims: bool
) -> tuple[Array, Array, None]:
    spread = np.broadcast_to(restore(g, axis, keepdims), x.shape)
    return chosen(mask, spread, 0.0), g, None


@linear("mean_of")
def mean_adjoint(g: Array, ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool) -> tuple[Array, None]:
    each = restore(g / chosen_count(x, mask, axis, keepdims), axis, keepdims)
    return np.broadcast_to(np.where(mask, each, 0.0), x.shape), None


@adjoint("prod_of")
def prod_adjoint(
    g: Array, ans: Array, x: Array, initial: float, mask: Array, axis: Axis, keepdims: bool
) -> tuple[Array, Array, None]:
    factors = chosen(mask, x, 1.0)
    others = restore(g * initial, axis, keepdims) * runtime.other_factors(factors, axis)
    return chosen(mask, others, 0.0), g * np.prod(factors, axis=axis, keepdims=keepdims), None


@nonlinear("prod_of")
def prod_tangent(
    ans: Array,
    x: Array,
    initial: float,
    mask: Array,
    axis: Axis,
    keepdims: bool,
    x_dot: Array | None,
    initial_dot: float | None,
    mask_dot: None,
) -> Array:
    factors = chosen(mask, x, 1.0)
    change = 0.0 if initial_dot is None else initial_dot * np.prod(factors, axis=axis, keepdims=keepdims)
    if x_dot is None:
        return change
    each = chosen(mask, x_dot, 0.0) * runtime.other_factors(factors, axis)
    return change + initial * np.sum(each, axis=axis, keepdims=keepdims)


def shares(ans: Array, x: Array, initial: float, mask: Array, axis: Axis, keepdims: bool) -> tuple[Array, Array, Array]:
    """Find the entries that are the extremum, tell whether the initial value is, and count both."""
    ties = chosen(mask, x == restore(ans, axis, keepdims), False)
    first = ans == initial
    return ties, first, np.sum(ties, axis=axis, keepdims=keepdims, dtype=x.dtype) + first


@adjoint("max_of")
@adjoint("min_of")
def extremum_adjoint(
    g: Array, ans: Array, x: Array, initial: float, mask: Array, axis: Axis, keepdims: bool
) -> tuple[Array, Array, None]:
    """Ties share equally."""
    ties, first, n = shares(ans, x, initial, mask, axis, keepdims)
    return restore(g / n, axis, keepdims) * ties, g / n * first, None


@nonlinear("max_of")
@nonlinear("min_of")
def extremum_tangent(
    ans: Array,
    x: Array,
    initial: float,
    mask: Array,
    axis: Axis,
    keepdims: bool,
    x_dot: Array | None,
    initial_dot: float | None,
    mask_dot: None,
) -> Array:
    ties, first, n = shares(ans, x, initial, mask, axis, keepdims)
    change = 0.0 if initial_dot is None else initial_dot * first
    return (change if x_dot is None else change + np.sum(x_dot * ties, axis=axis, keepdims=keepdims)) / n


def centred(x: Array, mask: Array, axis: Axis) -> Array:
    """The conjugated distances of the chosen entries from their mean, 0 for the others."""
    mean = runtime.mean_of(x, mask, axis, True)
    return np.where(mask, conjugated(x - mean), 0.0)


@adjoint("var_of")
def var_adjoint(
    g: Array, ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool, ddof: float
) -> tuple[Array, None]:
    scale = 2 * g / (chosen_count(x, mask, axis, keepdims) - ddof)
    return restore(scale, axis, keepdims) * centred(x, mask, axis), None


@nonlinear("var_of")
def var_tangent(
    ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool, ddof: float, x_dot: Array, mask_dot: None
) -> Array:
    found = np.sum(2 * centred(x, mask, axis) * x_dot, axis=axis, keepdims=keepdims)
    return found / (chosen_count(x, mask, axis, keepdims) - ddof)


@adjoint("std_of")
def std_adjoint(
    g: Array, ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool, ddof: float
) -> tuple[Array, None]:
    return var_adjoint(0.5 * g / (ans + (ans == 0)), ans, x, mask, axis, keepdims, ddof)


@nonlinear("std_of")
def std_tangent(
    ans: Array, x: Array, mask: Array, axis: Axis, keepdims: bool, ddof: float, x_dot: Array, mask_dot: None
) -> Array:
    return 0.5 * var_tangent(ans, x, mask, axis, keepdims, ddof, x_dot, None) / (ans + (ans == 0))
