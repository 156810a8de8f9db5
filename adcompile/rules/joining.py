"""Functions that join arrays or cut them: concatenate, stack, hstack, vstack, column_stack, append, array, split."""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, Length
from adcompile.ir.primitives import Infer, Primitive, register
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, Type
from adcompile.records import replace
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, macro, rank_of
from adcompile.rules.choices import identity
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, normalise_axes, product, require_same, show, total
from adcompile.rules.promotion import common_dtype, strong
from adcompile.rules.table import linear, static

Array = np.ndarray
Joined = Callable[[Facts, list[Dims], Attrs], Dims]


def joining(name: str, join: Joined) -> Infer:
    """Make the inference of a function that joins arrays."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        types = tuple(a.type for a in args)
        if not types:
            raise TypeError(f"np.{name} needs at least one array")
        if any(t.kind == "object" for t in types):
            return OBJECT
        dims = [t.dims for t in types if t.dims is not None]
        found = join(facts, dims, attrs) if len(dims) == len(types) else None
        # Python numbers are weak only where they are not made arrays first
        return Type("array", common_dtype(types if name == "concatenate" else tuple(map(strong, types))), found)

    return infer


def joined(facts: Facts, shapes: list[Dims], axis: int, name: str) -> Dims:
    """Return the shape of arrays one after another along an axis."""
    first = shapes[0]
    for s in shapes[1:]:
        if len(s) != len(first):
            raise TypeError(f"np.{name}: the arrays have different ranks: shapes {show(first)} and {show(s)}")
        for i, n in enumerate(s):
            if i != axis:
                require_same(facts, first[i], n, f"np.{name} of shapes {show(first)} and {show(s)}")
    along = total(facts.find(s[axis]) for s in shapes)
    return (*first[:axis], along, *first[axis + 1 :])


def concatenate_dims(facts: Facts, shapes: list[Dims], attrs: Attrs) -> Dims:
    axis = attrs[0]
    if axis is None:
        return (total(product(map(facts.find, s)) for s in shapes),)
    if not shapes[0]:
        raise TypeError("np.concatenate needs arrays with at least one dimension")
    return joined(facts, shapes, normalise_axes(axis, len(shapes[0]))[0], "concatenate")


def stack_dims(facts: Facts, shapes: list[Dims], attrs: Attrs) -> Dims:
    first = shapes[0]
    for s in shapes[1:]:
        if len(s) != len(first):
            raise TypeError(f"np.stack: the arrays have different ranks: shapes {show(first)} and {show(s)}")
        for a, b in zip(first, s, strict=True):
            require_same(facts, a, b, f"np.stack of shapes {show(first)} and {show(s)}")
    (axis,) = normalise_axes(attrs[0], len(first) + 1)
    return (*first[:axis], len(shapes), *first[axis:])


def at_least_1d(s: Dims) -> Dims:
    return s or (1,)


def as_row(s: Dims) -> Dims:
    return (1,) * (2 - len(s)) + s


def as_column(s: Dims) -> Dims:
    return s if len(s) >= 2 else (*at_least_1d(s), 1)


def hstack_dims(facts: Facts, shapes: list[Dims], attrs: Attrs) -> Dims:
    shapes = [at_least_1d(s) for s in shapes]
    return joined(facts, shapes, 0 if len(shapes[0]) == 1 else 1, "hstack")


def vstack_dims(facts: Facts, shapes: list[Dims], attrs: Attrs) -> Dims:
    return joined(facts, [as_row(s) for s in shapes], 0, "vstack")


def column_stack_dims(facts: Facts, shapes: list[Dims], attrs: Attrs) -> Dims:
    return joined(facts, [as_column(s) for s in shapes], 1, "column_stack")


def prepare_stack(operands: list[Operand], values: dict[str, object]) -> None:
    """The axis counts in the result."""
    rank = rank_of(operands[0]) if operands else None
    if rank is not None:
        (values["axis"],) = normalise_axes(values["axis"], rank + 1)


_OPTIONS = "out: no = None, *, dtype: no = None, casting: no = 'same_kind'"

primitive(
    "concatenate",
    joining("concatenate", concatenate_dims),
    "np.concatenate",
    "[*xs]",
    "axis=0",
    usage=f"arrays: operands, /, axis: axis = 0, {_OPTIONS}",
    cost="arithmetic",
)
primitive(
    "stack",
    joining("stack", stack_dims),
    "np.stack",
    "[*xs]",
    "axis=0",
    usage=f"arrays: operands, axis: static = 0, {_OPTIONS}",
    prepare=prepare_stack,
    cost="arithmetic",
)
for _name, _join in {"hstack": hstack_dims, "vstack": vstack_dims, "column_stack": column_stack_dims}.items():
    _options = "" if _name == "column_stack" else ", *, dtype: no = None, casting: no = 'same_kind'"
    primitive(_name, joining(_name, _join), f"np.{_name}", "[*xs]", usage=f"tup: operands{_options}", cost="arithmetic")


@macro(np.append)
def appended(arr: Array, values: Array, axis: int | None = None) -> Array:
    """What np.append means."""
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis)


@linear("concatenate", 0, jointly=True)
def concatenate_adjoint(g: Array, ans: Array, xs: tuple[Array, ...], axis: int | None) -> tuple[Array, ...]:
    if axis is None:
        sizes = [x.size for x in xs]
        return tuple([np.reshape(part, x.shape) for part, x in zip(parts(g, sizes, 0), xs, strict=True)])
    return parts(g, [x.shape[axis] for x in xs], axis)


def parts(g: Array, sizes: list[int], axis: int) -> tuple[Array, ...]:
    """Cut an array along an axis into parts of these sizes."""
    found: list[Array] = []
    start = 0
    for n in sizes:
        found = found + [g[(slice(None),) * axis + (slice(start, start + n),)]]
        start = start + n
    return tuple(found)


@linear("stack", 0, jointly=True)
def stack_adjoint(g: Array, ans: Array, xs: tuple[Array, ...], axis: int) -> tuple[Array, ...]:
    return tuple([g[(slice(None),) * axis + (i,)] for i in range(len(xs))])


@linear("hstack", 0, jointly=True)
def hstack_adjoint(g: Array, ans: Array, xs: tuple[Array, ...]) -> tuple[Array, ...]:
    if g.ndim > 1:
        return parts(g, [x.shape[1] for x in xs], 1)
    return tuple([np.reshape(part, x.shape) for part, x in zip(parts(g, [x.size for x in xs], 0), xs, strict=True)])


@linear("vstack", 0, jointly=True)
def vstack_adjoint(g: Array, ans: Array, xs: tuple[Array, ...]) -> tuple[Array, ...]:
    rows = [1 if x.ndim < 2 else x.shape[0] for x in xs]
    return tuple([np.reshape(part, x.shape) for part, x in zip(parts(g, rows, 0), xs, strict=True)])


@linear("column_stack", 0, jointly=True)
def column_stack_adjoint(g: Array, ans: Array, xs: tuple[Array, ...]) -> tuple[Array, ...]:
    columns = [1 if x.ndim < 2 else x.shape[1] for x in xs]
    return tuple([np.reshape(part, x.shape) for part, x in zip(parts(g, columns, 1), xs, strict=True)])


# -- arrays made of nested lists


def infer_array(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer np.array of nested lists: the lengths of the lists, then the shape of the elements."""
    shape, dtype = attrs
    assert isinstance(shape, tuple)
    types = tuple(a.type for a in args)
    if any(t.kind == "object" for t in types):
        raise TypeError("np.array: the elements must be numbers or arrays")
    found = (
        dtype if isinstance(dtype, np.dtype) else common_dtype(tuple(map(strong, types))) if types else np.dtype(float)
    )
    if any(t.dims is None for t in types):
        return Type("array", found, None)
    inner: list[Length] = list(types[0].dims or ()) if types else []
    for t in types[1:]:
        if t.rank != len(inner):
            raise TypeError("np.array: the elements have different shapes")
        inner = [require_same(facts, a, b, "np.array") for a, b in zip(inner, t.dims or (), strict=True)]
    return Type("array", found, (*shape, *inner))


register(Primitive("array", infer_array, "np.array", "[*xs], shape, dtype=None", 2, cost="arithmetic", allocates=True))


_ARRAY_OPTIONS = "dtype: dtype = None, *, copy: no = True, order: no = 'K', subok: no = False, ndmin: no = 0"
_NESTED = Binding("np.array", "array", f"object: nested, {_ARRAY_OPTIONS}")
_COPY = Binding("np.array", "copy", f"object, {_ARRAY_OPTIONS.replace('dtype: dtype', 'dtype: no')}")
_CAST = Binding("np.array", "astype", f"object, {_ARRAY_OPTIONS}")
_ASARRAY = "dtype: dtype = None, order: no = None, *, copy: no = None"


def choose_array(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell making an array of lists or a number from copying an array, and from casting it."""
    if not args or isinstance(args[0], Node) or not args[0].type.is_array:
        return _NESTED
    return _CAST if len(args) > 1 or "dtype" in kwargs else _COPY


def choose_asarray(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """As np.array, but an array stays what it is."""
    if not args or isinstance(args[0], Node) or not args[0].type.is_array:
        return replace(_NESTED, usage=f"object: nested, {_ASARRAY}")
    if len(args) == 1 and not kwargs:
        return Binding("np.asarray", macro=identity)
    return replace(_CAST, usage=f"object, {_ASARRAY}")


def choose_copy(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """As np.array, without a dtype."""
    options = "order: no = 'K', subok: no = False"
    if not args or isinstance(args[0], Node) or not args[0].type.is_array:
        return replace(_NESTED, usage=f"a: nested, {options}, dtype: dtype = None")
    return Binding("np.copy", "copy", f"a, {options}")


FUNCTIONS[np.copy] = Binding("np.copy", choose=choose_copy)
FUNCTIONS[np.array] = Binding("np.array", choose=choose_array)
FUNCTIONS[np.asarray] = FUNCTIONS[np.asanyarray] = FUNCTIONS[np.ascontiguousarray] = Binding(
    "np.asarray", choose=choose_asarray
)


@linear("array", 0, jointly=True)
def array_adjoint(
    g: Array, ans: Array, xs: tuple[Array, ...], shape: tuple[int, ...], dtype: None
) -> tuple[Array, ...]:
    return tuple([g[place] for place in places(shape)])


@static
def places(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """List the indices of an array of this shape, in order."""
    return tuple(np.ndindex(*shape))


# -- one array, whose rows are joined


def rows_concatenated(arrays: Array, axis: int | None = 0) -> Array:
    if axis is None:
        return np.ravel(arrays).copy()
    axis = axis % (arrays.ndim - 1)
    shape = arrays.shape[1:]
    rows = np.moveaxis(arrays, 0, axis).copy()
    return np.reshape(rows, (*shape[:axis], arrays.shape[0] * shape[axis], *shape[axis + 1 :]))


def rows_stacked(arrays: Array, axis: int = 0) -> Array:
    return np.moveaxis(arrays, 0, axis).copy()


def one_below_the_other(tup: Array) -> Array:
    if tup.ndim == 1:
        return np.reshape(tup.copy(), (len(tup), 1))
    return tup.copy() if tup.ndim == 2 else rows_concatenated(tup, 0)


def side_by_side(tup: Array) -> Array:
    if tup.ndim == 1:
        return tup.copy()
    return rows_concatenated(tup, 0 if tup.ndim == 2 else 1)


def as_columns(tup: Array) -> Array:
    if tup.ndim == 1:
        return np.reshape(tup.copy(), (1, len(tup)))
    return tup.T.copy() if tup.ndim == 2 else rows_concatenated(tup, 1)


def of_one_array(f: Callable[..., object], rows: Callable[..., object]) -> None:
    """Let a function that joins arrays be `rows` where it is given one array instead of a list."""
    many = FUNCTIONS[f]

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        one = args and not isinstance(args[0], Node) and args[0].type.is_array
        return Binding(many.name, macro=rows) if one else many

    FUNCTIONS[f] = Binding(many.name, choose=choose)


of_one_array(np.concatenate, rows_concatenated)
of_one_array(np.stack, rows_stacked)
of_one_array(np.vstack, one_below_the_other)
of_one_array(np.hstack, side_by_side)
of_one_array(np.column_stack, as_columns)
if hasattr(np, "concat"):
    FUNCTIONS[np.concat] = FUNCTIONS[np.concatenate]
if "row_stack" in vars(np):  # NumPy's older name of vstack
    FUNCTIONS[vars(np)["row_stack"]] = FUNCTIONS[np.vstack]


# -- split: views, which may be written through


@macro(np.split)
def split(ary: Array, indices_or_sections: int | tuple[int, ...], axis: int = 0) -> list[Array]:
    """Cut into equal parts, or at indices, along an axis."""
    axis = axis % ary.ndim
    if isinstance(indices_or_sections, int):
        n = ary.shape[axis] // indices_or_sections
        blocks = np.reshape(ary, ary.shape[:axis] + (indices_or_sections, n) + ary.shape[axis + 1 :])
        return [blocks[(slice(None),) * axis + (i,)] for i in range(indices_or_sections)]
    cuts = tuple(indices_or_sections)
    return [ary[(slice(None),) * axis + (slice(lo, hi),)] for lo, hi in zip((None, *cuts), (*cuts, None), strict=True)]


@macro(np.vsplit)
def split_rows(ary: Array, indices_or_sections: int | tuple[int, ...]) -> list[Array]:
    return split(ary, indices_or_sections, 0)


@macro(np.hsplit)
def split_columns(ary: Array, indices_or_sections: int | tuple[int, ...]) -> list[Array]:
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)
