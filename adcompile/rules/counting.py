"""Counts of whole numbers and histograms, also with weights."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, atom_key, is_none
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type, numpy_dtype
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import add, length_of, product
from adcompile.rules.table import linear, nondifferentiable, refuse

Array = np.ndarray


def infer_bincount(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer bincount."""
    return Type("array", np.dtype(np.intp), (facts.fresh_for(("bincount", *map(atom_key, args), attrs)),))


primitive(
    "bincount",
    infer_bincount,
    "np.bincount",
    "x",
    "minlength=0",
    usage="x, /, weights: no = None, minlength: static = 0",
)
nondifferentiable("bincount")


def infer_weighted(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer bincount with weights."""
    return Type("array", np.dtype(float), (facts.fresh_for(("weighted", atom_key(args[0]), atom_key(args[2]))),))


primitive("weighted_count", infer_weighted, "np.bincount", "x, weights, minlength")
_bincount = FUNCTIONS[np.bincount]


def choose_bincount(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell weighted counts, which are numbers."""
    given = kwargs.get("weights", args[1] if len(args) > 1 else Const(None))
    if is_none(given):
        return _bincount
    return Binding("np.bincount", "weighted_count", "x, /, weights, minlength=0")


FUNCTIONS[np.bincount] = Binding("np.bincount", choose=choose_bincount)


@linear("weighted_count", 1)
def weighted_count_adjoint(g: Array, ans: Array, x: Array, weights: Array, minlength: int) -> tuple[None, Array, None]:
    return None, g[x], None


# -- histograms


def infer_histogram(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer the counts or sums of the bins, which are a number of bins or their edges."""
    dtype = np.dtype(np.intp) if len(args) < 5 else numpy_dtype(args[4].type)
    dims = args[1].type.dims
    if dims is None or len(dims) > 1:
        raise TypeError("np.histogram: the bins must be a number or a vector of edges")
    return Type("array", dtype, (add(facts.find(dims[0]), -1) if dims else length_of(facts, args[1]),))


def infer_places(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer one bin for each entry."""
    dims = args[0].type.dims
    return Type("array", np.dtype(np.intp), None if dims is None else (product(dims),))


primitive("weighted_histogram", infer_histogram, "weighted_histogram", "a, bins, low, high, weights",
          helper=runtime.weighted_histogram)  # fmt: skip
primitive("histogram_counts", infer_histogram, "histogram_counts", "a, bins, low, high",
          helper=runtime.histogram_counts)  # fmt: skip
primitive("bin_places", infer_places, "bin_places", "a, edges", helper=runtime.bin_places)
function(runtime.weighted_histogram, "weighted_histogram", "a, bins, low, high, weights")
function(runtime.histogram_counts, "histogram_counts", "a, bins, low, high")
function(runtime.bin_places, "bin_places", "a, edges")
nondifferentiable("histogram_counts", "bin_places")


@linear("weighted_histogram", 4)
def weighted_histogram_adjoint(
    g: Array, ans: Array, a: Array, bins: Array, low: float, high: float, weights: Array
) -> tuple[None, None, None, None, Array]:
    edges = bins if np.ndim(bins) > 0 else np.linspace(low, high, bins + 1)
    found = np.concatenate([g, np.zeros(1, g.dtype)])[runtime.bin_places(a, edges)]
    return None, None, None, None, np.reshape(found, weights.shape)


def bounds(a: Array, range: tuple[float, float] | None) -> tuple[Array, Array]:
    """The first and the last edge of bins of equal width."""
    low, high = (np.min(a), np.max(a)) if range is None else (range[0], range[1])
    if low == high:
        low, high = low - 0.5, high + 0.5
    return low, high


@macro(np.histogram_bin_edges)
def bin_edges(
    a: Array, bins: Any = 10, range: tuple[float, float] | None = None, weights: Array | None = None
) -> Array:
    """The edges of bins of equal width, or those that are given."""
    if isinstance(bins, str):
        refuse("np.histogram: the number of bins must be given")
    if np.ndim(bins) > 0:
        return np.asarray(bins)
    low, high = bounds(np.asarray(a), range)
    return np.linspace(low, high, bins + 1)


@macro(np.histogram)
def histogram(
    a: Array,
    bins: Any = 10,
    range: tuple[float, float] | None = None,
    density: bool | None = None,
    weights: Array | None = None,
) -> tuple[Array, Array]:
    """How many entries are in each bin, or their weights together, and the edges of the bins."""
    if isinstance(bins, str):
        refuse("np.histogram: the number of bins must be given")
    a = np.asarray(a)
    if np.ndim(bins) > 0:
        edges = np.asarray(bins)
        low, high = edges[0], edges[-1]
    else:
        low, high = bounds(a, range)
        edges = np.linspace(low, high, bins + 1)
    if weights is None:
        found = runtime.histogram_counts(a, edges if np.ndim(bins) > 0 else bins, low, high)
    else:
        found = runtime.weighted_histogram(a, edges if np.ndim(bins) > 0 else bins, low, high, np.asarray(weights))
    return (found / np.diff(edges) / np.sum(found) if density else found), edges
