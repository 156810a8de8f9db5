"""Counts of whole numbers, also with weights."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, atom_key, is_none
from adcompile.ir.lengths import Facts
from adcompile.ir.types import Type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding
from adcompile.rules.define import primitive
from adcompile.rules.table import linear, nondifferentiable

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
