"""Functions that make arrays: zeros, ones, full, empty and their _like forms, eye, identity, arange, linspace."""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import NONE, Atom, Attrs, atom_key, is_none
from adcompile.ir.lengths import Dim, Facts, Length, combine, example_of
from adcompile.ir.types import PY_FLOAT, PY_INT, Type, numpy_dtype
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, function, method_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import broadcast, length_of, shape_of, subtract, value_of
from adcompile.rules.promotion import common_dtype
from adcompile.rules.table import linear, nondifferentiable

Array = np.ndarray

FLOAT64 = np.dtype(np.float64)


def dtype_or(attr: object, default: np.dtype | None) -> np.dtype | None:
    """Return a dtype attribute, or the default where it is None."""
    return attr if isinstance(attr, np.dtype) else default


def infer_zeros(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer zeros, ones, empty."""
    return Type("array", dtype_or(attrs[0], FLOAT64), shape_of(facts, args))


def infer_like(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ones_like, empty_like, full_like."""
    t = args[0].type
    return Type("array", dtype_or(attrs[0], numpy_dtype(t)), t.dims)


def infer_eye(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer eye and identity."""
    dims = shape_of(facts, args)
    return Type("array", dtype_or(attrs[-1], FLOAT64), dims if len(dims) == 2 else dims * 2)


def infer_arange(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer arange."""
    if not 1 <= len(args) <= 3:
        raise TypeError("np.arange takes one to three numbers")
    dtype = dtype_or(attrs[0], common_dtype((PY_INT, *[a.type for a in args])))
    return Type("array", dtype, (arange_length(facts, args),))


def arange_length(facts: Facts, args: tuple[Atom, ...]) -> Length:
    """Return the length of a range of integers, unknown if it is not of integers or the step is not 1."""
    values = [value_of(a) for a in args]
    known = [v for v in values if v is not None]
    if len(known) == len(values):
        if all(isinstance(v, int) for v in known):
            return len(range(*[v for v in known if isinstance(v, int)]))
        if len(known) < 3 or known[2] == 1:
            length = known[0] if len(known) == 1 else subtract(known[1], known[0])
            if not_negative(facts, length):
                return length
    return facts.fresh_for(("arange", *map(atom_key, args)))


def not_negative(facts: Facts, length: Length) -> bool:
    """Tell whether a length is not negative; assume what the example shows: the fact ``len(range(n + 1)[:1]) == 1``."""
    found = facts.find(length)
    if isinstance(found, int) or found.op in ("axis", "slice"):
        return not isinstance(found, int) or found >= 0
    example = example_of(found)
    if example is None or example < 0 or not isinstance(found, Dim):
        return False
    facts.unify(combine("slice", (combine("+", (found, 1)), None, 1, None)), 1)
    return True


def infer_linspace(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer linspace."""
    start, stop, num = args
    dims = broadcast(facts, start.type.dims, stop.type.dims)
    dtype = dtype_or(attrs[1], common_dtype((start.type, stop.type, PY_FLOAT)))
    return Type("array", dtype, None if dims is None else (length_of(facts, num), *dims))


def drop_none(operands: list[Operand], values: dict[str, object]) -> None:
    """Leave out the operands that were not given."""
    operands[:] = [a for a in operands if getattr(a, "value", a) is not None]


for _name in ("zeros", "ones", "empty"):
    primitive(
        _name,
        infer_zeros,
        f"np.{_name}",
        "(*shape)",
        "dtype=None",
        usage="shape: shape, dtype: dtype = None, order: no = 'C'",
        cost="arithmetic",
        allocates=True,
    )
for _name in ("ones", "empty"):
    primitive(
        f"{_name}_like",
        infer_like,
        f"np.{_name}_like",
        "x",
        "dtype=None",
        usage="a, dtype: dtype = None, order: no = 'K', subok: no = True, shape: no = None",
        cost="arithmetic",
        allocates=True,
    )
primitive(
    "full_like",
    infer_like,
    "np.full_like",
    "x, fill",
    "dtype=None",
    usage="a, fill_value, dtype: dtype = None, order: no = 'K', subok: no = True, shape: no = None",
    cost="arithmetic",
    allocates=True,
)
primitive(
    "eye",
    infer_eye,
    "np.eye",
    "*shape",
    "k=0, dtype=None",
    usage="N, M=None, k: static = 0, dtype: dtype = None, order: no = 'C'",
    prepare=drop_none,
    cost="arithmetic",
)
primitive(
    "identity",
    infer_eye,
    "np.identity",
    "n",
    "dtype=None",
    usage="n, dtype: dtype = None",
    cost="arithmetic",
)
primitive(
    "arange",
    infer_arange,
    "np.arange",
    "*xs",
    "dtype=None",
    usage="start, stop=None, step=None, dtype: dtype = None",
    prepare=drop_none,
    cost="arithmetic",
)
primitive(
    "linspace",
    infer_linspace,
    "np.linspace",
    "start, stop, num",
    "endpoint=True, dtype=None",
    usage="start, stop, num=50, endpoint: static = True, retstep: no = False, dtype: dtype = None, axis: no = 0",
    cost="arithmetic",
)
_linspace = FUNCTIONS[np.linspace]


def linspaced(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: np.dtype | None = None,
    axis: int = 0,
) -> object:
    """What np.linspace with the distance of the numbers, or along another axis, means."""
    found = np.linspace(start, stop, num, endpoint, dtype=dtype)
    moved = found if axis == 0 else np.moveaxis(found, 0, axis)
    return (moved, np.subtract(stop, start) / (num - 1 if endpoint else num)) if retstep else moved


def choose_linspace(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell whether more than the numbers is asked for."""
    more = len(args) > 4 or "retstep" in kwargs or "axis" in kwargs
    return Binding("np.linspace", macro=linspaced) if more else _linspace


FUNCTIONS[np.linspace] = Binding("np.linspace", choose=choose_linspace)
nondifferentiable("zeros", "ones", "empty", "zeros_like", "ones_like", "empty_like", "eye", "identity")


def as_dtype(operands: list[Operand], values: dict[str, object]) -> None:
    """Make a dtype of its name."""
    values["dtype"] = np.dtype(str(values["dtype"]))


def fill_first(operands: list[Operand], values: dict[str, object]) -> None:
    """The primitive has the fill value before the shape."""
    operands.insert(0, operands.pop())


function(np.full, "full", "shape: shape, fill_value, dtype: dtype = None, order: no = 'C'", fill_first)
_LIKE = "order: no = 'K', subok: no = True, shape: no = None"


def zeros_like_of(a: Array, dtype: np.dtype) -> Array:
    """What np.zeros_like with a dtype means."""
    return np.zeros(a.shape, dtype)


def choose_zeros_like(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """The primitive of the passes has no dtype."""
    if len(args) > 1 or "dtype" in kwargs:
        return Binding("np.zeros_like", macro=zeros_like_of)
    return Binding("np.zeros_like", "zeros_like", f"a, {_LIKE}")


FUNCTIONS[np.zeros_like] = Binding("np.zeros_like", choose=choose_zeros_like)
function(np.broadcast_to, "broadcast_to", "array, shape: shape, subok: no = False")
method_of("copy", "copy", "a, order: no = 'C'")
method_of(
    "astype", "astype", "a, dtype: dtype, order: no = 'K', casting: no = 'unsafe', subok: no = True, copy: no = True"
)
for _scalar in (np.float64, np.float32, np.float16, np.complex128, np.complex64, np.int64, np.int32, np.bool_):
    # np.float32(x) of a number is a NumPy scalar, of an array an array
    function(_scalar, "astype", f"x, /, *, dtype: dtype = '{np.dtype(_scalar).name}'", as_dtype)
function(np.astype, "astype", "x, dtype: dtype, /, *, copy: no = True")


def length_along(a: Array, axis: int) -> int:
    return np.asarray(a).shape[axis]


def choose_size(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the length along one axis from the number of entries."""
    axis = kwargs.get("axis", args[1] if len(args) > 1 else NONE)
    return Binding("np.size", "size", "a, axis: no = None") if is_none(axis) else Binding("np.size", macro=length_along)


FUNCTIONS[np.size] = Binding("np.size", choose=choose_size)


@linear("full_like", 1)
def full_like_adjoint(g: Array, ans: Array, x: Array, fill: Array, dtype: np.dtype | None) -> tuple[None, Array]:
    return None, g


@linear("linspace", 0, 1, jointly=True)
def linspace_adjoint(
    g: Array, ans: Array, start: Array, stop: Array, num: int, endpoint: bool, dtype: np.dtype | None
) -> tuple[Array, Array, None]:
    t = np.linspace(0.0, 1.0, num, endpoint=endpoint, dtype=g.dtype)
    if g.ndim == 1:
        return (1.0 - t) @ g, t @ g, None
    t = np.reshape(t, (-1,) + (1,) * (g.ndim - 1))
    return np.sum((1.0 - t) * g, axis=0), np.sum(t * g, axis=0), None
