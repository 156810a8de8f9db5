"""numpy.fft: the transforms, along one axis and along several, shifts and frequencies.

The matrix of a Fourier transform is symmetric, so its adjoint is the transform itself. A transform of n entries reads
only the first n of its operand, or adds zeros to it; its adjoint gives zeros, or leaves entries out.
"""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const, Var, is_none
from adcompile.ir.lengths import Dim, Facts, Length, combine
from adcompile.ir.primitives import Infer
from adcompile.ir.types import OBJECT, Type, numpy_dtype
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, function, macro, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import add, length_of
from adcompile.rules.table import linear, static

Array = np.ndarray
Axes = int | tuple[int, ...] | None
Shape = tuple[int, ...] | None
Norm = Literal["backward", "ortho", "forward"] | None

# -- along one axis


def half(n: Length) -> Length:
    """Return the length of the transform of n real numbers."""
    if isinstance(n, Dim) and n.op == "*" and n.args[0] == 2:
        inner = n.args[1]
        assert isinstance(inner, int | Dim)
        return add(inner, 1)
    return add(combine("//", (n, 2)), 1)


def whole(m: Length) -> Length:
    """Return the length of the real numbers that m entries of a transform stand for."""
    return combine("*", (2, add(m, -1)))


def transformed(name: str, length: Callable[[Length], Length], given: Callable[[Length], Length]) -> Infer:
    """Make the inference of a transform; `length` maps that of the operand, `given` that of the argument n."""

    def infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
        t = args[0].type
        if t.kind == "object":
            return OBJECT
        dtype = numpy_dtype(t)
        found = None if dtype is None else getattr(np.fft, name)(np.zeros(2, dtype)).dtype
        if t.dims is None:
            return Type("array", found, None)
        if not t.dims:
            raise TypeError(f"np.fft.{name} needs an array with at least one dimension")
        axis = attrs[0]
        assert isinstance(axis, int)
        axis %= len(t.dims)
        n = length(facts.find(t.dims[axis])) if len(args) == 1 else given(facts.find(length_of(facts, args[1])))
        return Type("array", found, (*t.dims[:axis], n, *t.dims[axis + 1 :]))

    return infer


def last_axis(operands: list[Operand], values: dict[str, object]) -> None:
    """Write the last axis as -1, the default."""
    rank = rank_of(operands[0])
    if rank is not None and values["axis"] == rank - 1:
        values["axis"] = -1


def choose_transform(name: str) -> Callable[[Sequence[Argument], Mapping[str, Argument]], Binding]:
    """Tell a transform of the whole axis from one of n entries."""

    def choose(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
        n = kwargs.get("n", args[1] if len(args) > 1 else Const(None))
        options = "axis: axis = -1, norm: static = None, out: no = None"
        if is_none(n):
            return Binding(f"np.fft.{name}", name, f"a, n: static = None, {options}", last_axis)
        return Binding(f"np.fft.{name}", f"{name}_n", f"a, n, {options}", last_axis)

    return choose


def _same(n: Length) -> Length:
    return n


_TRANSFORMS = (("fft", _same, _same), ("ifft", _same, _same), ("rfft", half, half), ("irfft", whole, _same))
for _name, _length, _given in _TRANSFORMS:
    for _suffix, _operands in (("", "x"), ("_n", "x, n")):
        primitive(
            f"{_name}{_suffix}",
            transformed(_name, _length, _given),
            f"np.fft.{_name}",
            _operands,
            "axis=-1, norm=None",
            cost="product",
        )
    FUNCTIONS[getattr(np.fft, _name)] = Binding(f"np.fft.{_name}", choose=choose_transform(_name))


def fitted(full: Array, x: Array, axis: int) -> Array:
    """Take as many of the entries along an axis as x has, and zeros for those that are missing."""
    axis = axis % x.ndim
    if same_length(full, x, axis):
        return full
    n = x.shape[axis]
    part = full[(slice(None),) * axis + (slice(None, n),)]
    missing = np.zeros(x.shape[:axis] + (n - part.shape[axis],) + x.shape[axis + 1 :], full.dtype)
    return np.concatenate([part, missing], axis)


@static
def same_length(a: Var | Array, b: Var | Array, axis: int) -> bool:
    """Tell whether two arrays are known to have the same length along an axis."""
    s, t = (x.type.dims if isinstance(x, Var) else x.shape for x in (a, b))
    return s is not None and t is not None and s[axis] == t[axis]


def twice_inside(z: Array, n: int, axis: int) -> Array:
    """Double the entries of the transform of n real numbers that stand for two: all but those of frequency 0, n / 2."""
    k = np.arange(n // 2 + 1)
    weights = np.where((k == 0) | (2 * k == n), 1.0, 2.0)
    return z * np.reshape(weights, (-1,) + (1,) * (z.ndim - 1 - axis % z.ndim))


@static
def opposite(norm: Norm) -> Norm:
    """Return the norm with which the transform in the other direction has this one's factor."""
    return "ortho" if norm == "ortho" else None if norm == "forward" else "forward"


def state_adjoints(package: types.ModuleType, prefix: str) -> None:
    """State the adjoints of the transforms of numpy.fft, or of those of scipy.fft, whose names have a prefix."""

    @linear(f"{prefix}fft")
    def fft_adjoint(g: Array, ans: Array, x: Array, axis: int, norm: Norm) -> Array:
        return package.fft(g, axis=axis, norm=norm)

    @linear(f"{prefix}fft_n")
    def fft_n_adjoint(g: Array, ans: Array, x: Array, n: int, axis: int, norm: Norm) -> tuple[Array, None]:
        return fitted(package.fft(g, axis=axis, norm=norm), x, axis), None

    @linear(f"{prefix}ifft")
    def ifft_adjoint(g: Array, ans: Array, x: Array, axis: int, norm: Norm) -> Array:
        return package.ifft(g, axis=axis, norm=norm)

    @linear(f"{prefix}ifft_n")
    def ifft_n_adjoint(g: Array, ans: Array, x: Array, n: int, axis: int, norm: Norm) -> tuple[Array, None]:
        return fitted(package.ifft(g, axis=axis, norm=norm), x, axis), None

    @linear(f"{prefix}rfft")
    def rfft_adjoint(g: Array, ans: Array, x: Array, axis: int, norm: Norm) -> Array:
        return np.real(package.fft(g, x.shape[axis], axis=axis, norm=norm))

    @linear(f"{prefix}rfft_n")
    def rfft_n_adjoint(g: Array, ans: Array, x: Array, n: int, axis: int, norm: Norm) -> tuple[Array, None]:
        return fitted(np.real(package.fft(g, n, axis=axis, norm=norm)), x, axis), None

    @linear(f"{prefix}irfft")
    def irfft_adjoint(g: Array, ans: Array, x: Array, axis: int, norm: Norm) -> Array:
        return twice_inside(np.conj(package.rfft(g, axis=axis, norm=opposite(norm))), g.shape[axis], axis)

    @linear(f"{prefix}irfft_n")
    def irfft_n_adjoint(g: Array, ans: Array, x: Array, n: int, axis: int, norm: Norm) -> tuple[Array, None]:
        full = twice_inside(np.conj(package.rfft(g, axis=axis, norm=opposite(norm))), n, axis)
        return fitted(full, x, axis), None


state_adjoints(np.fft, "")


# -- along several axes: one after the other, in the order in which NumPy does it


def all_axes(a: Array, s: Shape, axes: Shape) -> tuple[int, ...]:
    """The axes that a transform is along."""
    if axes is not None:
        return tuple(axes)
    return tuple(range(-a.ndim if s is None else -len(s), 0))


def along_each(transform: Callable[..., Array]) -> Callable[..., Array]:
    """Make the transform along several axes of the one along one axis."""

    def transformed(a: Array, s: Shape = None, axes: Shape = None, norm: Norm = None) -> Array:
        axes = all_axes(a, s, axes)
        for i in reversed(range(len(axes))):
            a = transform(a, None if s is None else s[i], axes[i], norm)
        return a

    return transformed


fftn = macro(np.fft.fftn)(along_each(np.fft.fft))
ifftn = macro(np.fft.ifftn)(along_each(np.fft.ifft))


@macro(np.fft.rfftn)
def rfftn(a: Array, s: Shape = None, axes: Shape = None, norm: Norm = None) -> Array:
    axes = all_axes(a, s, axes)
    a = np.fft.rfft(a, None if s is None else s[-1], axes[-1], norm)
    for i in reversed(range(len(axes) - 1)):
        a = np.fft.fft(a, None if s is None else s[i], axes[i], norm)
    return a


@macro(np.fft.irfftn)
def irfftn(a: Array, s: Shape = None, axes: Shape = None, norm: Norm = None) -> Array:
    axes = all_axes(a, s, axes)
    for i in range(len(axes) - 1):
        a = np.fft.ifft(a, None if s is None else s[i], axes[i], norm)
    return np.fft.irfft(a, None if s is None else s[-1], axes[-1], norm)


def of_two_axes(transform: Callable[..., Array]) -> Callable[..., Array]:
    """Make the transform along the last two axes, or two others, of the one along several."""

    def transformed(a: Array, s: Shape = None, axes: Shape = (-2, -1), norm: Norm = None) -> Array:
        return transform(a, s, axes, norm)

    return transformed


for _name, _transform in {"fft2": fftn, "ifft2": ifftn, "rfft2": rfftn, "irfft2": irfftn}.items():
    macro(getattr(np.fft, _name))(of_two_axes(_transform))


@macro(np.fft.hfft)
def hfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    return np.fft.irfft(np.conjugate(a), (a.shape[axis] - 1) * 2 if n is None else n, axis, opposite(norm))


@macro(np.fft.ihfft)
def ihfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None) -> Array:
    return np.conjugate(np.fft.rfft(a, n, axis, opposite(norm)))


# -- shifts and frequencies


def infer_shift(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer fftshift and ifftshift."""
    t = args[0].type
    return OBJECT if t.kind == "object" else Type("array", numpy_dtype(t), t.dims)


for _name in ("fftshift", "ifftshift"):
    primitive(_name, infer_shift, f"np.fft.{_name}", "x", "axes=None", cost="arithmetic", safe=True)
    function(getattr(np.fft, _name), _name, "x, axes: axes = None", name=f"np.fft.{_name}")


@linear("fftshift")
def fftshift_adjoint(g: Array, ans: Array, x: Array, axes: Axes) -> Array:
    return np.fft.ifftshift(g, axes)


@linear("ifftshift")
def ifftshift_adjoint(g: Array, ans: Array, x: Array, axes: Axes) -> Array:
    return np.fft.fftshift(g, axes)


@macro(np.fft.fftfreq)
def frequencies(n: int, d: float = 1.0) -> Array:
    return np.concatenate([np.arange(0, (n - 1) // 2 + 1), np.arange(-(n // 2), 0)]) * (1.0 / (n * d))


@macro(np.fft.rfftfreq)
def half_frequencies(n: int, d: float = 1.0) -> Array:
    return np.arange(0, n // 2 + 1) * (1.0 / (n * d))
