"""Padding and finite differences along an axis: pad, gradient, interp, convolve, correlate."""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype, and miss many overloads)

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, atom_key, is_none
from adcompile.ir.lengths import Dim, Facts, Length, combine, example_of
from adcompile.ir.primitives import Infer
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT, Type, numpy_dtype, result_type
from adcompile.rules import runtime
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, function, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, add, show
from adcompile.rules.promotion import common_dtype, ufunc_dtype
from adcompile.rules.reductions import averaged, conjugated
from adcompile.rules.table import adjoint, is_complex, linear, nonlinear, static

Array = np.ndarray
Widths = tuple[tuple[int, int], ...]

# -- pad

GATHERING = ("edge", "reflect", "symmetric", "wrap")


def infer_pad(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer pad."""
    t, widths, mode = args[0].type, attrs[0], attrs[1]
    if mode != "constant" and mode not in GATHERING:
        raise TypeError(f"np.pad: the mode {mode!r} is not supported")
    assert isinstance(widths, tuple)
    dims = None if t.dims is None else tuple(add(n, lo + hi) for n, (lo, hi) in zip(t.dims, widths, strict=True))
    return Type("array", numpy_dtype(t), dims)


def pairs(given: object, rank: int) -> Widths:
    """Return the widths of the margins as one pair for each axis; a dict tells them by axis."""
    if isinstance(given, dict):
        named = [given.get(i, given.get(i - rank, 0)) for i in range(rank)]
        given = [(w, w) if isinstance(w, int) else w for w in named]
    return tuple((int(lo), int(hi)) for lo, hi in np.broadcast_to(np.asarray(given), (rank, 2)))


def prepare_pad(operands: list[Operand], values: dict[str, object]) -> None:
    """Write the widths as one pair for each axis."""
    rank, given = rank_of(operands[0]), values["pad_width"]
    if rank is None:
        raise TypeError("np.pad needs an array of known rank")
    values["pad_width"] = pairs(given, rank)
    value = values["constant_values"]
    values["constant_values"] = tuple(map(tuple, value)) if isinstance(value, list) else value


primitive(
    "pad",
    infer_pad,
    "np.pad",
    "x",
    "pad_width, mode='constant', constant_values=0",
    usage="array, pad_width: static, mode: static = 'constant', *, constant_values: static = 0, "
    "reflect_type: no = 'even'",
    prepare=prepare_pad,
    cost="arithmetic",
)


def infer_like(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer what has the shape of the second operand."""
    return Type("array", numpy_dtype(args[0].type), args[1].type.dims)


primitive("folded_back", infer_like, "folded_back", "g, like", "widths, mode", helper=runtime.folded_back)
function(runtime.folded_back, "folded_back", "g, like, widths: static, mode: static")


@nonlinear("pad")
def pad_tangent(ans: Array, x: Array, widths: Widths, mode: str, constant_values: object, x_dot: Array) -> Array:
    return np.pad(x_dot, widths) if mode == "constant" else np.pad(x_dot, widths, mode)


@adjoint("pad")
def pad_adjoint(g: Array, ans: Array, x: Array, widths: Widths, mode: str, constant_values: object) -> Array:
    if mode == "constant":
        return g[tuple([slice(lo, lo + n) for (lo, _), n in zip(widths, x.shape, strict=True)])]
    return runtime.folded_back(g, x, widths, mode)


@linear("folded_back")
def folded_back_adjoint(bar: Array, ans: Array, g: Array, like: Array, widths: Widths, mode: str) -> tuple[Array, None]:
    return np.pad(bar, widths, mode), None


# -- gradient


def infer_gradient(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer gradient along one axis."""
    t = args[0].type
    dtype = numpy_dtype(t)
    return Type("array", None if dtype is None else averaged(dtype), t.dims)


for _operands in ("x", "x, spacing"):
    primitive(
        "gradient" if _operands == "x" else "gradient_spaced",
        infer_gradient,
        "np.gradient",
        _operands,
        "axis=None, edge_order=1",
    )
primitive(
    "gathered_back",
    infer_gradient,
    "gathered_back",
    "g, spacing",
    "axis=-1, edge_order=1",
    helper=runtime.gathered_back,
)
primitive(
    "gradient_along",
    infer_gradient,
    "gradient_along",
    "x, spacing",
    "axis=-1, edge_order=1",
    helper=runtime.gradient_along,
)
function(runtime.gradient_along, "gradient_along", "x, spacing, axis: axis = -1, edge_order: static = 1")
function(runtime.gathered_back, "gathered_back", "g, spacing, axis: axis = -1, edge_order: static = 1")


def gradients(f: Array, *varargs: Array, axis: int | tuple[int, ...] | None = None, edge_order: int = 1) -> object:
    """One gradient for each axis."""
    axes = tuple(range(f.ndim)) if axis is None else axis
    assert isinstance(axes, tuple)
    spacings = varargs * len(axes) if len(varargs) == 1 else varargs
    if len(axes) == 1:
        return np.gradient(f, *spacings, axis=axes[0], edge_order=edge_order)
    if len(varargs) == 0:
        return tuple([np.gradient(f, axis=i, edge_order=edge_order) for i in axes])
    return tuple([np.gradient(f, h, axis=i, edge_order=edge_order) for i, h in zip(axes, spacings, strict=True)])


def choose_gradient(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell the gradient along one axis, with or without a spacing, from that along several."""
    options = "*, axis: axis = 0, edge_order: static = 1"
    axis = kwargs.get("axis", Const(None))
    rank = None if not args or isinstance(args[0], Node) else args[0].type.rank
    one = isinstance(axis, Const) and (isinstance(axis.value, int) or (axis.value is None and rank == 1))
    if is_none(axis):
        options = options.replace("axis: axis", "axis: no").replace("= 0", "= None")
    if not one or len(args) > 2:
        return Binding("np.gradient", macro=gradients)
    if len(args) == 1:
        return Binding("np.gradient", "gradient", f"f, {options}", first_axis)
    return Binding("np.gradient", "gradient_spaced", f"f, h, {options}", first_axis)


def first_axis(operands: list[Operand], values: dict[str, object]) -> None:
    values.setdefault("axis", 0)


FUNCTIONS[np.gradient] = Binding("np.gradient", choose=choose_gradient)


@linear("gradient")
def gradient_adjoint(g: Array, ans: Array, x: Array, axis: int, edge_order: int) -> Array:
    return runtime.gathered_back(g, 1.0, axis, edge_order)


@static
def refuse_coordinates() -> None:
    """Refuse a derivative in the coordinates, for which there is no rule."""
    raise TypeError("np.gradient has no derivative in the coordinates, only in their distance")


@nonlinear("gradient_spaced")
def gradient_spaced_tangent(
    ans: Array,
    x: Array,
    spacing: Array,
    axis: int,
    edge_order: int,
    x_dot: Array | None,
    spacing_dot: Array | None,
) -> object:
    total = 0.0
    if x_dot is not None:
        along = (
            runtime.gradient_along(x_dot, spacing, axis, edge_order)
            if np.ndim(spacing) > 0
            else np.gradient(x_dot, axis=axis, edge_order=edge_order) / spacing
        )
        total = total + along
    if spacing_dot is not None:
        if np.ndim(spacing) > 0:
            refuse_coordinates()
        total = total - ans * spacing_dot / spacing
    return total


@linear("gradient_along")
def gradient_along_adjoint(
    g: Array, ans: Array, x: Array, spacing: Array, axis: int, edge_order: int
) -> tuple[Array, None]:
    return runtime.gathered_back(g, spacing, axis, edge_order), None


@linear("gathered_back")
def gathered_back_adjoint(
    bar: Array, ans: Array, g: Array, spacing: Array, axis: int, edge_order: int
) -> tuple[Array, None]:
    return runtime.gradient_along(bar, spacing, axis, edge_order), None


# -- interp


def infer_interp(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer interp, which computes in double precision."""
    x = args[0].type
    dtype = np.dtype(complex if numpy_dtype(args[2].type) == np.dtype(complex) else float)
    return result_type(dtype, x.dims) if x.dims != () or not x.is_array else Type("array", dtype, ())


def infer_added_at(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer added_at."""
    return Type("array", numpy_dtype(args[2].type), args[2].type.dims)


primitive("interp", infer_interp, "np.interp", "x, xp, fp", usage="x, xp, fp, left: no = None, right: no = None, "
          "period: no = None")  # fmt: skip
_interp = FUNCTIONS[np.interp]


def interpolated(
    x: Array,
    xp: Array,
    fp: Array,
    left: float | None = None,
    right: float | None = None,
    period: float | None = None,
) -> Array:
    """What np.interp means with values outside, or for coordinates that come again after a period."""
    x, xp, fp = np.asarray(x), np.asarray(xp), np.asarray(fp)
    if period is not None:
        period = np.abs(period)
        xp = xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        return np.interp(x % period, xp, np.concatenate([fp[-1:], fp, fp[:1]]))
    found = np.interp(x, xp, fp)
    found = found if left is None else np.where(x < xp[0], left, found)
    found = found if right is None else np.where(x > xp[-1], right, found)
    return found[()]


def choose_interp(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell whether more than the points is given."""
    return Binding("np.interp", macro=interpolated) if len(args) + len(kwargs) > 3 else _interp


FUNCTIONS[np.interp] = Binding("np.interp", choose=choose_interp)
primitive("added_at", infer_added_at, "added_at", "g, places, like", helper=runtime.added_at)
function(runtime.added_at, "added_at", "g, places, like")


@linear("added_at")
def added_at_adjoint(bar: Array, ans: Array, g: Array, places: Array, like: Array) -> tuple[Array, None, None]:
    return bar[places], None, None


def segment(x: Array, xp: Array) -> tuple[Array, Array, Array, Array]:
    """The piece that each x lies on, how far along it, and whether x is inside; the width of the piece."""
    j = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, len(xp) - 2)
    width = xp[j + 1] - xp[j]
    t = np.clip((x - xp[j]) / width, 0.0, 1.0)
    return j, t, ((x >= xp[0]) & (x <= xp[-1])).astype(float), width


@nonlinear("interp")
def interp_tangent(
    ans: Array,
    x: Array,
    xp: Array,
    fp: Array,
    x_dot: Array | None,
    xp_dot: Array | None,
    fp_dot: Array | None,
) -> object:
    j, t, inside, width = segment(np.asarray(x), xp)
    slope = inside * (fp[j + 1] - fp[j]) / width
    total = 0.0
    if x_dot is not None:
        total = total + slope * x_dot
    if xp_dot is not None:
        total = total - slope * ((1.0 - t) * xp_dot[j] + t * xp_dot[j + 1])
    if fp_dot is not None:
        total = total + ((1.0 - t) * fp_dot[j] + t * fp_dot[j + 1])
    return total


@adjoint("interp")
def interp_adjoint(g: Array, ans: Array, x: Array, xp: Array, fp: Array) -> tuple[Array, Array, Array]:
    j, t, inside, width = segment(np.asarray(x), xp)
    x_bar = g * inside * (fp[j + 1] - fp[j]) / width
    xp_bar = -(runtime.added_at((1.0 - t) * x_bar, j, xp) + runtime.added_at(t * x_bar, j + 1, xp))
    return x_bar, xp_bar, runtime.added_at((1.0 - t) * g, j, fp) + runtime.added_at(t * g, j + 1, fp)


# -- convolve, correlate


def convolved(name: str) -> Infer:
    """Make the inference of convolve and correlate."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        s, t = (a.type for a in args)
        if "object" in (s.kind, t.kind):
            return OBJECT
        if s.rank != 1 or t.rank != 1 or s.dims is None or t.dims is None:
            raise TypeError(f"np.{name} needs vectors, not shapes {show(s.dims)} and {show(t.dims)}")
        n, m = facts.find(s.dims[0]), facts.find(t.dims[0])
        dims: Dims = (convolved_length(facts, n, m, str(attrs[0]), args),)
        return Type("array", common_dtype((s, t)) or ufunc_dtype(np.multiply, (s, t)), dims)

    return infer


def convolved_length(facts: Facts, n: Length, m: Length, mode: str, args: tuple[Atom, ...], axis: int = 0) -> Length:
    """Return the length of a convolution along an axis."""
    if mode == "full":
        return add(combine("+", (n, m)), -1)
    if mode == "valid" and isinstance(n, Dim) and n.op == "-" and n.args[1] == 1:
        both = n.args[0]
        if isinstance(both, Dim) and both.op == "+" and m in both.args:
            p, q = both.args
            other = p if q == m else q
            assert isinstance(other, int | Dim)
            return other
    en, em = example_of(n), example_of(m)
    if isinstance(n, int) and isinstance(m, int):
        return max(n, m) if mode == "same" else max(n, m) - min(n, m) + 1
    example = None if en is None or em is None else max(en, em) if mode == "same" else abs(en - em) + 1
    return facts.fresh_for(("convolve", mode, axis, *map(atom_key, args)), example)


for _name, _default in (("convolve", "full"), ("correlate", "valid")):
    primitive(
        _name,
        convolved(_name),
        f"np.{_name}",
        "a, v",
        f"mode={_default!r}",
        usage=f"a, v, mode: static = {_default!r}",
        cost="product",
    )


def whole(g: Array, a: Array, v: Array, mode: str) -> Array:
    """Put zeros around a cotangent where the mode leaves out entries of the full convolution."""
    if mode == "full":
        return g
    short = min(len(a), len(v)) - 1
    before = short // 2 if mode == "same" else short
    after = len(a) + len(v) - 1 - len(g) - before
    return np.concatenate([np.zeros(before, g.dtype), g, np.zeros(after, g.dtype)])


@linear("convolve", 0, 1)
def convolve_adjoint(g: Array, ans: Array, a: Array, v: Array, mode: str) -> tuple[Array, Array]:
    full = whole(g, a, v, mode)
    return np.convolve(full, v[::-1], "valid"), np.convolve(full, a[::-1], "valid")


def centred(g: Array, a: Array, v: Array) -> Array:
    """Put zeros around a cotangent of a correlation of mode same, which NumPy reverses if v is longer."""
    before = (min(len(a), len(v)) - 1 + (len(a) < len(v))) // 2
    after = len(a) + len(v) - 1 - len(g) - before
    return np.concatenate([np.zeros(before, g.dtype), g, np.zeros(after, g.dtype)])


@linear("correlate", 0, 1)
def correlate_adjoint(g: Array, ans: Array, a: Array, v: Array, mode: str) -> tuple[Array, Array]:
    full = centred(g, a, v) if mode == "same" else whole(g, a, v, mode)
    v_bar = np.convolve(full, a[::-1], "valid")[::-1]
    return np.convolve(full, conjugated(v), "valid"), np.conj(v_bar) if is_complex(v) else v_bar
