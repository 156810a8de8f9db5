"""scipy.fft: Fourier, cosine and sine transforms along one axis, and Fourier transforms along several.

As those of numpy.fft, whose inferences these share: the matrix of a Fourier transform is symmetric. That of a cosine or
sine transform is the transpose of one of the type that inverts it, but for the weights of the first or last entries.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, arg-type, call-overload"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import scipy.fft

from adcompile.ir.core import Atom, Attrs, Const, is_none
from adcompile.ir.lengths import Facts
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, Type, numpy_dtype
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, function, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.fourier import (
    _TRANSFORMS,
    Norm,
    half,
    last_axis,
    opposite,
    state_adjoints,
    transformed,
    twice_inside,
    whole,
)
from adcompile.rules.table import linear, refuse, static

Array = np.ndarray
Axes = tuple[int, ...]
WITHOUT = "overwrite_x: static = False, workers: static = None, *, plan: no = None"

# -- along one axis


def choose_transform(name: str) -> Callable[[Sequence[Argument], Mapping[str, Argument]], Binding]:
    """Tell a transform of the whole axis from one of n entries."""

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        n = kwargs.get("n", args[1] if len(args) > 1 else Const(None))
        options = f"axis: axis = -1, norm: static = None, {WITHOUT}"
        if is_none(n):
            return Binding(f"scipy.fft.{name}", f"scipy.fft.{name}", f"x, n: static = None, {options}", last_axis)
        return Binding(f"scipy.fft.{name}", f"scipy.fft.{name}_n", f"x, n, {options}", last_axis)

    return choose


for _name, _length, _given in _TRANSFORMS:
    for _suffix, _operands in (("", "x"), ("_n", "x, n")):
        primitive(
            f"scipy.fft.{_name}{_suffix}",
            transformed(_name, _length, _given),
            f"scipy.fft.{_name}",
            _operands,
            "axis=-1, norm=None",
            cost="product",
        )
    FUNCTIONS[getattr(scipy.fft, _name)] = Binding(f"scipy.fft.{_name}", choose=choose_transform(_name))


state_adjoints(scipy.fft, "scipy.fft.")


# -- along several axes


def infer_several(name: str) -> Infer:
    """Make the inference of a transform along several axes, of which the last may change its length."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t, axes = args[0].type, attrs[0]
        if t.kind == "object":
            return OBJECT
        dtype = numpy_dtype(t)
        found = None if dtype is None else getattr(np.fft, name.removesuffix("n"))(np.zeros(2, dtype)).dtype
        if t.dims is None or name.endswith("fftn") and "r" not in name:
            return Type("array", found, t.dims)
        assert isinstance(axes, tuple)
        last = axes[-1]
        changed = (half if name == "rfftn" else whole)(facts.find(t.dims[last]))
        return Type("array", found, (*t.dims[:last], changed, *t.dims[last + 1 :]))

    return infer


def prepare_axes(operands: list[Operand], values: dict[str, object]) -> None:
    """Write all axes, or one, as a tuple of them."""
    rank, axes = rank_of(operands[0]), values["axes"]
    if rank is None:
        raise TypeError("a transform along several axes needs an array of known rank")
    given = tuple(range(rank)) if axes is None else axes if isinstance(axes, tuple | list) else (axes,)
    values["axes"] = tuple(i % rank for i in given if isinstance(i, int))


for _name in ("fft", "ifft", "rfft", "irfft"):
    primitive(f"scipy.fft.{_name}n", infer_several(f"{_name}n"), f"scipy.fft.{_name}n", "x", "axes=None, norm=None",
              cost="product")  # fmt: skip
    for _suffix, _axes in (("n", "None"), ("2", "(-2, -1)")):
        function(
            getattr(scipy.fft, _name + _suffix),
            f"scipy.fft.{_name}n",
            f"x, s: no = None, axes: static = {_axes}, norm: static = None, {WITHOUT}",
            prepare_axes,
            f"scipy.fft.{_name}{_suffix}",
        )


@linear("scipy.fft.fftn")
def fftn_adjoint(g: Array, ans: Array, x: Array, axes: Axes, norm: Norm) -> Array:
    return scipy.fft.fftn(g, axes=axes, norm=norm)


@linear("scipy.fft.ifftn")
def ifftn_adjoint(g: Array, ans: Array, x: Array, axes: Axes, norm: Norm) -> Array:
    return scipy.fft.ifftn(g, axes=axes, norm=norm)


@linear("scipy.fft.rfftn")
def rfftn_adjoint(g: Array, ans: Array, x: Array, axes: Axes, norm: Norm) -> Array:
    last = axes[-1]
    full = scipy.fft.fft(g, x.shape[last], axis=last, norm=norm)
    return np.real(scipy.fft.fftn(full, axes=axes[:-1], norm=norm) if len(axes) > 1 else full)


@linear("scipy.fft.irfftn")
def irfftn_adjoint(g: Array, ans: Array, x: Array, axes: Axes, norm: Norm) -> Array:
    last = axes[-1]
    inner = twice_inside(np.conj(scipy.fft.rfft(g, axis=last, norm=opposite(norm))), g.shape[last], last)
    return scipy.fft.ifftn(inner, axes=axes[:-1], norm=norm) if len(axes) > 1 else inner


# -- cosine and sine transforms


def infer_real(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer a transform that keeps the shape."""
    t = args[0].type
    if t.kind == "object":
        return OBJECT
    dtype = numpy_dtype(t)
    return Type("array", None if dtype is None else scipy.fft.dct(np.zeros(2, dtype)).dtype, t.dims)


for _name in ("dct", "idct", "dst", "idst"):
    primitive(f"scipy.fft.{_name}", infer_real, f"scipy.fft.{_name}", "x", "type=2, axis=-1, norm=None",
              cost="product")  # fmt: skip
    function(
        getattr(scipy.fft, _name),
        f"scipy.fft.{_name}",
        "x, type: static = 2, n: no = None, axis: axis = -1, norm: static = None, overwrite_x: static = False, "
        "workers: static = None, orthogonalize: no = None",
        last_axis,
        f"scipy.fft.{_name}",
    )


@static
def transposed_type(kind: int) -> int:
    """Return the type of the transform that is the transpose, but for the weights of the ends."""
    if kind not in (1, 2, 3, 4):
        refuse(f"there is no transform of type {kind}")
    return {2: 3, 3: 2}.get(kind, kind)


def scaled_ends(x: Array, axis: int, first: float, last: float) -> Array:
    """Multiply the first and last entries along an axis."""
    axis = axis % x.ndim
    k, n = np.arange(x.shape[axis]), x.shape[axis]
    weights = np.where(k == 0, first, np.where(k == n - 1, last, 1.0)).astype(x.dtype)
    return x * np.reshape(weights, (-1,) + (1,) * (x.ndim - 1 - axis))


def cosine_transposed(g: Array, kind: int, axis: int, norm: Norm) -> Array:
    """Apply the transpose of scipy.fft.dct of a type."""
    if norm == "ortho" or kind == 4:
        return scipy.fft.dct(g, transposed_type(kind), axis=axis, norm=norm)
    if kind == 2:
        return scipy.fft.dct(scaled_ends(g, axis, 2.0, 1.0), 3, axis=axis, norm=norm)
    if kind == 3:
        return scaled_ends(scipy.fft.dct(g, 2, axis=axis, norm=norm), axis, 0.5, 1.0)
    return scaled_ends(
        scipy.fft.dct(scaled_ends(g, axis, 2.0, 2.0), transposed_type(kind), axis=axis, norm=norm), axis, 0.5, 0.5
    )


def sine_transposed(g: Array, kind: int, axis: int, norm: Norm) -> Array:
    """Apply the transpose of scipy.fft.dst of a type."""
    if norm == "ortho" or kind == 1 or kind == 4:
        return scipy.fft.dst(g, transposed_type(kind), axis=axis, norm=norm)
    if kind == 2:
        return scipy.fft.dst(scaled_ends(g, axis, 1.0, 2.0), 3, axis=axis, norm=norm)
    return scaled_ends(scipy.fft.dst(g, transposed_type(kind), axis=axis, norm=norm), axis, 1.0, 0.5)


@linear("scipy.fft.dct")
def dct_adjoint(g: Array, ans: Array, x: Array, kind: int, axis: int, norm: Norm) -> Array:
    return cosine_transposed(g, kind, axis, norm)


@linear("scipy.fft.idct")
def idct_adjoint(g: Array, ans: Array, x: Array, kind: int, axis: int, norm: Norm) -> Array:
    return cosine_transposed(g, transposed_type(kind), axis, opposite(norm))


@linear("scipy.fft.dst")
def dst_adjoint(g: Array, ans: Array, x: Array, kind: int, axis: int, norm: Norm) -> Array:
    return sine_transposed(g, kind, axis, norm)


@linear("scipy.fft.idst")
def idst_adjoint(g: Array, ans: Array, x: Array, kind: int, axis: int, norm: Norm) -> Array:
    return sine_transposed(g, transposed_type(kind), axis, opposite(norm))


# -- transforms along several axes

for _name in ("dctn", "idctn", "dstn", "idstn"):
    primitive(f"scipy.fft.{_name}", infer_real, f"scipy.fft.{_name}", "x", "type=2, axes=None, norm=None",
              cost="product")  # fmt: skip
    function(
        getattr(scipy.fft, _name),
        f"scipy.fft.{_name}",
        "x, type: static = 2, s: no = None, axes: axes = None, norm: static = None, overwrite_x: static = False, "
        "workers: static = None, orthogonalize: no = None",
        None,
        f"scipy.fft.{_name}",
    )


@static
def transformed_axes(axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return the axes of a transform."""
    return tuple(range(rank)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)


@linear("scipy.fft.dctn")
def dctn_adjoint(g: Array, ans: Array, x: Array, kind: int, axes: object, norm: Norm) -> Array:
    for axis in transformed_axes(axes, x.ndim):
        g = cosine_transposed(g, kind, axis, norm)
    return g


@linear("scipy.fft.idctn")
def idctn_adjoint(g: Array, ans: Array, x: Array, kind: int, axes: object, norm: Norm) -> Array:
    for axis in transformed_axes(axes, x.ndim):
        g = cosine_transposed(g, transposed_type(kind), axis, opposite(norm))
    return g


@linear("scipy.fft.dstn")
def dstn_adjoint(g: Array, ans: Array, x: Array, kind: int, axes: object, norm: Norm) -> Array:
    for axis in transformed_axes(axes, x.ndim):
        g = sine_transposed(g, kind, axis, norm)
    return g


@linear("scipy.fft.idstn")
def idstn_adjoint(g: Array, ans: Array, x: Array, kind: int, axes: object, norm: Norm) -> Array:
    for axis in transformed_axes(axes, x.ndim):
        g = sine_transposed(g, transposed_type(kind), axis, opposite(norm))
    return g
