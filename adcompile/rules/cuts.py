"""Functions whose results are whole numbers or truth values: they cut derivatives.

argsort, argpartition, searchsorted, digitize, nonzero, flatnonzero, argwhere, isclose, allclose, array_equal, unique of
integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, atom_key
from adcompile.ir.lengths import Facts
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, PY_BOOL, Type
from adcompile.rules.binding import FUNCTIONS, METHODS, Argument, Binding
from adcompile.rules.define import primitive
from adcompile.rules.lengths import broadcast, product
from adcompile.rules.table import nondifferentiable

Array = np.ndarray
INDEX = np.dtype(np.intp)


def infer_order(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer argsort, which flattens the array if axis is None."""
    t, axis = args[0].type, attrs[0]
    return Type("array", INDEX, t.dims if axis is not None or t.dims is None else (product(t.dims),))


def infer_partial_order(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer argpartition."""
    return infer_order(facts, args, attrs[1:])


def infer_places(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer searchsorted and digitize: an index for each value that is looked for."""
    t = args[1].type
    return Type("np" if t.dims == () and not t.is_array else "array", INDEX, t.dims)


def infer_digitize(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer digitize, whose values come first."""
    return infer_places(facts, args[::-1], attrs)


def infer_nonzero(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    """Infer nonzero: the indices along each axis."""
    t = args[0].type
    if t.dims is None or not t.dims:
        raise TypeError("np.nonzero needs an array of known rank, with at least one dimension")
    length = facts.fresh_for(("nonzero", atom_key(args[0])))
    return (Type("array", INDEX, (length,)),) * len(t.dims)


def infer_flatnonzero(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer flatnonzero."""
    return Type("array", INDEX, (facts.fresh_for(("nonzero", atom_key(args[0]))),))


def infer_argwhere(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer argwhere: one row for each element."""
    t = args[0].type
    if t.dims is None:
        return Type("array", INDEX, None)
    return Type("array", INDEX, (facts.fresh_for(("nonzero", atom_key(args[0]))), len(t.dims)))


def infer_close(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer isclose."""
    if any(a.type.kind == "object" for a in args):
        return OBJECT
    dims = broadcast(facts, args[0].type.dims, args[1].type.dims)
    return Type("np" if dims == () else "array", np.dtype(bool), dims)


def infer_truth(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer what gives one Python bool."""
    return PY_BOOL


primitive(
    "argsort",
    infer_order,
    "np.argsort",
    "x",
    "axis=-1, kind=None, stable=None",
    usage="a, axis: axis = -1, kind: static = None, order: no = None, *, stable: static = None",
    method="argsort",
)
primitive(
    "argpartition",
    infer_partial_order,
    "np.argpartition",
    "x",
    "kth, axis=-1, kind='introselect'",
    usage="a, kth: static, axis: axis = -1, kind: static = 'introselect', order: no = None",
    method="argpartition",
)
primitive(
    "searchsorted",
    infer_places,
    "np.searchsorted",
    "x, v",
    "side='left'",
    usage="a, v, side: static = 'left', sorter: no = None",
    method="searchsorted",
)
primitive("digitize", infer_digitize, "np.digitize", "x, bins", "right=False", usage="x, bins, right: static = False")
primitive("nonzero", infer_nonzero, "np.nonzero", "x")
primitive("flatnonzero", infer_flatnonzero, "np.flatnonzero", "x", usage="a")
primitive("argwhere", infer_argwhere, "np.argwhere", "x", usage="a")
_CLOSE = "a, b, rtol: static = 1e-05, atol: static = 1e-08, equal_nan: static = False"
_CLOSE_ATTRIBUTES = "rtol=1e-05, atol=1e-08, equal_nan=False"
primitive("isclose", infer_close, "np.isclose", "x, y", _CLOSE_ATTRIBUTES, usage=_CLOSE)
primitive("allclose", infer_truth, "np.allclose", "x, y", _CLOSE_ATTRIBUTES, usage=_CLOSE)
primitive("array_equal", infer_truth, "np.array_equal", "x, y", usage="a1, a2, equal_nan: no = False")


def infer_isin(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer isin."""
    t = args[0].type
    return Type("array", np.dtype(bool), t.dims)


def infer_lexsort(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer lexsort of several keys."""
    return Type("array", INDEX, args[0].type.dims)


primitive("isin", infer_isin, "np.isin", "x, y", "invert=False", usage="element, test_elements, assume_unique: no = "
          "False, invert: static = False, *, kind: no = None")  # fmt: skip
primitive("lexsort", infer_lexsort, "np.lexsort", "[*keys]", "axis=-1", usage="keys: operands, axis: static = -1")
nondifferentiable("isin", "lexsort")
nondifferentiable(
    *("argsort", "argpartition", "searchsorted", "digitize", "nonzero", "flatnonzero", "argwhere"),
    *("isclose", "allclose", "array_equal"),
)


def nonzero_of_vector(a: Array) -> tuple[Array, ...]:
    """What np.nonzero means for one axis."""
    return (np.flatnonzero(a),)


def choose_nonzero(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the indices along one axis from those along several."""
    if len(args) == 1 and not isinstance(args[0], Node) and args[0].type.rank == 1:
        return Binding("np.nonzero", macro=nonzero_of_vector)
    return Binding("np.nonzero", "nonzero", "a")


FUNCTIONS[np.nonzero] = METHODS["nonzero"] = Binding("np.nonzero", choose=choose_nonzero)
_where = FUNCTIONS[np.where]


def choose_where(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell np.where(condition), which is np.nonzero, from the choice of elements."""
    return choose_nonzero(args, kwargs) if len(args) == 1 and not kwargs else _where


FUNCTIONS[np.where] = Binding("np.where", choose=choose_where)
