"""Check compiled derivatives against finite differences, and the two modes against each other.

For a function f with the Jacobian J, forward mode must give J d and reverse mode J' u; so <u, J d> = <J' u, d> for all
u and d, which needs no step size and holds to rounding.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, get_args

import numpy as np

from adcompile.api import from_source, grad, jvp, vjp
from adcompile.checking.differences import Estimate, Vector, differentiate
from adcompile.checking.leaves import (
    Leaf,
    components,
    copy,
    cotangent_like,
    double,
    flatten,
    leaves_of,
    promote,
    rebuild,
    shape_like,
)
from adcompile.errors import ArgumentError, DerivativeMismatch
from adcompile.records import dataclass

__all__ = ["check_grads"]

Mode = Literal["forward", "reverse"]

# Up to so many entries of an argument are checked one by one; of larger ones, this many directions.
_EVERY_ENTRY: Final = 12
_DIRECTIONS: Final = 3
_SEARCHED: Final = 200

# Relative errors that are allowed against finite differences, and between the two modes.
_RTOL: Final = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 2e-3}
_RTOL_MODES: Final = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 5e-4}


def check_grads(
    f: Callable[..., object],
    *args: object,
    modes: Sequence[Mode] = ("forward", "reverse"),
    order: int = 1,
    argnums: int | Sequence[int] | None = None,
    rtol: float | None = None,
    seed: int = 0,
) -> None:
    """Check the derivatives of f at some arguments; raise DerivativeMismatch where one is wrong.

    Small arguments are checked entry by entry, larger ones along random directions. With both modes, <u, J d> is
    compared with <J' u, d> too. At a kink the derivatives agree if the compiled one is the mean of both sides. Where
    finite differences settle on nothing, at a jump for instance, DerivativeMismatch says so.

    Parameters
    ----------
    f : callable
        Any function that adcompile differentiates.
    *args
        The arguments at which it is checked.
    modes : sequence of "forward" and "reverse"
        Which derivatives are checked.
    order : int
        2 also checks the derivatives of the emitted gradient, 3 those of its gradient's, and so on; f must then return
        one number.
    argnums : int or sequence of int, optional
        What is differentiated; by default the arguments made of floating-point numbers, real or complex. Others are
        passed as they are.
    rtol : float, optional
        The error allowed relative to the derivative, beyond that of the finite differences themselves: by default
        1e-6, and 2e-3 where single precision takes part.
    seed : int
        What the random directions are drawn with.

    Raises
    ------
    DerivativeMismatch
        With the entry and both numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from adcompile import check_grads
    >>> check_grads(lambda x: np.sum(np.sin(x) ** 2), np.array([0.1, 0.2]), order=2)
    """
    unknown = [m for m in modes if m not in get_args(Mode)]
    if unknown or not modes:
        raise ArgumentError(f'modes must be some of "forward" and "reverse", not {modes!r}')
    if order < 1:
        raise ArgumentError(f"order must be at least 1, not {order!r}")
    case = _case(f, args, argnums, rtol, seed)
    case.check(tuple(modes))
    if order > 1:
        _check_gradient(case, modes, order - 1)


def _check_gradient(case: _Case, modes: Sequence[Mode], order: int) -> None:
    """Check the derivatives of the emitted gradient, compiled once more."""
    value = case.function(*case.args)
    if not isinstance(value, float | np.floating) and not (isinstance(value, np.ndarray) and value.ndim == 0):
        raise ArgumentError(f"order > 1 needs a function that returns one number, not {type(value).__name__}")
    argnums = case.argnums[0] if len(case.argnums) == 1 else case.argnums
    source = grad(case.function, argnums=argnums).source_for(*case.args)
    name = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)][-1]
    gradient = from_source(source, name)
    check_grads(
        gradient, *case.args, modes=modes, order=order, argnums=case.argnums, rtol=case.rtol * 10, seed=case.seed + 1
    )


# -- what is checked


@dataclass(frozen=True)
class _Case:
    """A function at some arguments. `leaves` are the numbers and arrays that are differentiated."""

    function: Callable[..., object]
    args: tuple[object, ...]
    argnums: tuple[int, ...]
    leaves: tuple[Leaf, ...]
    rtol: float
    rtol_modes: float
    resolution: float
    seed: int

    @property
    def primals(self) -> tuple[object, ...]:
        return tuple(self.args[i] for i in self.argnums)

    @functools.cached_property
    def bound(self) -> Callable[..., object]:
        """The function of the differentiated arguments alone."""
        return _bind(self.function, self.args, self.argnums)

    def values(self, leaf: Leaf, direction: Vector, t: float) -> Vector:
        """Evaluate the function with one leaf moved by t along a direction, in double precision."""
        moved = [x.value for x in self.leaves]
        moved[leaf.position] = leaf.moved(t * direction)
        items = iter(moved)
        call = [rebuild(a, items, double=True) if i in self.argnums else copy(a) for i, a in enumerate(self.args)]
        return flatten(self.function(*call))

    def tangents(self, leaf: Leaf, direction: Vector) -> tuple[object, ...]:
        """Return the tangents of the differentiated arguments when one leaf moves."""
        moves = [direction if x is leaf else np.zeros(x.size) for x in self.leaves]
        return tuple(
            shape_like(primal, np.concatenate([moves[x.position] for x in self.leaves if x.tree == k]))
            for k, primal in enumerate(self.primals)
        )

    def differences(self, leaf: Leaf, direction: Vector) -> Estimate:
        return differentiate(lambda t: self.values(leaf, direction, t), leaf.scale, self.resolution)

    def check(self, modes: tuple[Mode, ...]) -> None:
        """Compare the modes with finite differences, leaf by leaf and direction by direction."""
        forward = _Forward(self) if "forward" in modes else None
        reverse = _Reverse(self) if "reverse" in modes else None
        generator = np.random.default_rng(self.seed)
        for leaf in self.leaves:
            for entry, direction in _directions(leaf, generator):
                found = self.differences(leaf, direction)
                dot = forward.compare(leaf, entry, direction, found) if forward else None
                if reverse:
                    reverse.compare(leaf, entry, direction, found)
                if reverse and dot is not None:
                    reverse.compare_modes(leaf, direction, dot)

    def judge(self, what: str, got: Vector, found: Estimate, where: Callable[[int], str]) -> None:
        """Raise for the entry of a derivative that is furthest beyond its tolerance."""
        size = np.maximum(np.abs(found.value), np.abs(got))
        floor = self.resolution**0.75
        allowed = self.rtol * size + 10 * found.error + floor
        with np.errstate(invalid="ignore"):
            excess = np.where(np.isfinite(found.error), np.abs(got - found.value) / allowed, np.inf)
        excess = np.where(np.isnan(excess), np.inf, excess)
        if not excess.size:
            return
        k = int(np.argmax(excess))
        place = where(k)
        numbers = f"{float(got[k]):.12g}, finite differences give {float(found.value[k]):.12g}"
        if excess[k] > 1.0 and np.isfinite(found.error[k]):
            raise DerivativeMismatch(f"{what} {place} is {numbers} +- {found.error[k]:.1g}")
        if 10 * found.error[k] > max(1e-2 * size[k], 100 * floor * max(1.0, found.size[k])):
            raise DerivativeMismatch(f"{what} {place} is {numbers}, but they settle on nothing: is there a jump?")


@dataclass(frozen=True)
class _Forward:
    """The pushforward of a case."""

    case: _Case

    def compare(self, leaf: Leaf, entry: str, direction: Vector, found: Estimate) -> Vector:
        """Compare one directional derivative; return it."""
        case = self.case
        tangents = case.tangents(leaf, direction)
        value, dot = jvp(case.bound, case.primals, tangents)
        _same_value(case, value)
        got = flatten(dot)
        if got.shape != found.value.shape:
            raise DerivativeMismatch(f"the tangent of the result has {got.size} entries, the result {found.value.size}")
        outputs = got.size
        case.judge(
            "forward mode: the derivative", got, found,
            lambda k: f"of {f'result entry {k}' if outputs > 1 else 'the result'} {entry}",
        )  # fmt: skip
        return got


class _Reverse:
    """The pullback of a case, applied to one cotangent u: the gradient of <u, f>."""

    def __init__(self, case: _Case) -> None:
        self.case = case
        value, pullback = vjp(case.bound, *case.primals)
        _same_value(case, value)
        size = flatten(value).size
        u = np.ones(1) if size == 1 else np.random.default_rng(case.seed).standard_normal(size)
        assert callable(pullback)
        gradients = pullback(cotangent_like(value, u))
        self.u = u
        self.parts = self._parts(gradients)

    def _parts(self, gradients: object) -> list[Vector]:
        """Return the gradient of every leaf as a vector; insist on its shape and type."""
        assert isinstance(gradients, tuple)
        found = [leaf.value for leaf in leaves_of(gradients, [""] * len(gradients))]
        if len(found) != len(self.case.leaves):
            raise DerivativeMismatch(f"the gradient has {len(found)} parts, the arguments {len(self.case.leaves)}")
        for got, leaf in zip(found, self.case.leaves, strict=True):
            if (got.shape, got.dtype) != (leaf.value.shape, leaf.value.dtype):
                have = f"{got.dtype} of shape {got.shape}"
                want = f"{leaf.value.dtype} of shape {leaf.value.shape}"
                raise DerivativeMismatch(f"the gradient for {leaf.place} is {have}, the argument {want}")
        return [components(np.conj(got)) for got in found]

    def compare(self, leaf: Leaf, entry: str, direction: Vector, found: Estimate) -> None:
        """Compare the gradient along a direction; if it is wrong, find the entry that is."""
        got = np.atleast_1d(self.parts[leaf.position] @ direction)
        try:
            self.case.judge("reverse mode: the gradient", got, self._weighted(found), lambda _: entry)
        except DerivativeMismatch:
            if leaf.size > _EVERY_ENTRY:
                self._search(leaf)
            raise

    def _weighted(self, found: Estimate) -> Estimate:
        with np.errstate(invalid="ignore"):
            weights = np.abs(self.u)
            return Estimate(*map(np.atleast_1d, (self.u @ found.value, weights @ found.error, weights @ found.size)))

    def _search(self, leaf: Leaf) -> None:
        """Compare single entries of a large argument, and raise for one that is wrong."""
        size = leaf.size
        for k in np.random.default_rng(self.case.seed).permutation(size)[:_SEARCHED]:
            unit = np.zeros(size)
            unit[k] = 1.0
            found = self._weighted(self.case.differences(leaf, unit))
            got = self.parts[leaf.position][k : k + 1]
            self.case.judge("reverse mode: the gradient", got, found, lambda _, k=int(k): f"for {leaf.entry(k)}")  # type: ignore[misc]

    def compare_modes(self, leaf: Leaf, direction: Vector, dot: Vector) -> None:
        """Insist on <u, J d> = <J' u, d>."""
        forward, reverse = self.u @ dot, self.parts[leaf.position] @ direction
        size = np.abs(self.u) @ np.abs(dot) + np.abs(self.parts[leaf.position]) @ np.abs(direction)
        if not abs(forward - reverse) <= self.case.rtol_modes * size + self.case.resolution:
            raise DerivativeMismatch(
                f"the modes disagree for {leaf.place}: <u, J d> is {forward:.17g} and <J' u, d> is {reverse:.17g}"
            )


def _same_value(case: _Case, value: object) -> None:
    """Insist that a derivative function returns the value of the plain function."""
    want, got = flatten(case.function(*map(copy, case.args))), flatten(value)
    if not np.array_equal(want, got, equal_nan=True):
        raise DerivativeMismatch(f"the derivative function returns the value {got}, the function itself {want}")


def _directions(leaf: Leaf, generator: np.random.Generator) -> Iterator[tuple[str, Vector]]:
    """Yield directions in which to move a leaf, each with the words for it."""
    size = leaf.size
    if size <= _EVERY_ENTRY:
        for k in range(size):
            unit = np.zeros(size)
            unit[k] = 1.0
            yield f"for {leaf.entry(k)}", unit
    else:
        for k in range(_DIRECTIONS):
            yield f"for {leaf.place} along random direction {k + 1}", generator.standard_normal(size)


# -- arguments


def _case(
    f: Callable[..., object],
    args: tuple[object, ...],
    argnums: int | Sequence[int] | None,
    rtol: float | None,
    seed: int,
) -> _Case:
    names = _names(f, len(args))
    if argnums is None:
        chosen = tuple(i for i, a in enumerate(args) if leaves_of([a]))
        if not chosen:
            raise ArgumentError("no argument is made of floating-point numbers: there is nothing to check")
    else:
        chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        chosen = tuple(i + len(args) if i < 0 else i for i in chosen)
        if any(not 0 <= i < len(args) for i in chosen):
            raise ArgumentError(f"argnums {argnums!r} does not fit {len(args)} arguments")
    promoted = tuple(promote(a) if i in chosen else a for i, a in enumerate(args))
    leaves = tuple(leaves_of([promoted[i] for i in chosen], [names[i] for i in chosen]))
    result = _result_dtype(f, promoted, leaves)
    types = {leaf.precision for leaf in leaves} | {result}
    coarse = min(types, key=lambda t: t.itemsize)
    return _Case(
        f,
        promoted,
        chosen,
        leaves,
        rtol if rtol is not None else _RTOL.get(coarse, 1e-6),
        _RTOL_MODES.get(coarse, 1e-9),
        _resolution(f, promoted, chosen),
        seed,
    )


def _names(f: Callable[..., object], count: int) -> list[str]:
    """Return what to call the arguments in messages."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return [f"argument {i}" for i in range(count)]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names[:count] + [f"argument {i}" for i in range(len(names), count)]


def _result_dtype(f: Callable[..., object], args: tuple[object, ...], leaves: tuple[Leaf, ...]) -> np.dtype:
    found = [leaf.precision for leaf in leaves_of([f(*map(copy, args))], ["result"])]
    return min(found or [leaf.precision for leaf in leaves], key=lambda t: t.itemsize)


def _resolution(f: Callable[..., object], args: tuple[object, ...], argnums: tuple[int, ...]) -> float:
    """Return the rounding error of f when its differentiated arguments are in double precision."""
    doubled = tuple(double(a) if i in argnums else copy(a) for i, a in enumerate(args))
    return float(np.finfo(_result_dtype(f, doubled, ())).eps) if flatten(f(*map(copy, doubled))).size else 2.3e-16


def _rearranged(f: Callable[..., object], args: tuple[object, ...], argnums: tuple[int, ...]) -> Callable[..., object]:
    """Fix arguments between those that are differentiated."""
    fixed = [i for i in range(len(args)) if i not in argnums]
    given, all_of_them = (", ".join(f"argument_{i}" for i in which) for which in (argnums, range(len(args))))
    head = f"{given}, *, {', '.join(f'argument_{i}' for i in fixed)}"
    name = getattr(f, "__name__", "f")
    name = name if name.isidentifier() and name != "<lambda>" else "f"
    made = from_source(f"def {name}({head}):\n    return {name}_({all_of_them})\n", name, {f"{name}_": f})
    return functools.partial(made, **{f"argument_{i}": args[i] for i in fixed})


def _bind(f: Callable[..., object], args: tuple[object, ...], argnums: tuple[int, ...]) -> Callable[..., object]:
    """Fix the arguments that are not differentiated."""
    if argnums == tuple(range(len(args))):
        return f
    leading = next((i for i in range(len(args)) if i in argnums), len(args))
    names = _names(f, len(args))
    trailing = {names[i]: args[i] for i in range(leading, len(args)) if i not in argnums}
    if argnums != tuple(range(leading, leading + len(argnums))):
        return _rearranged(f, args, argnums)
    return functools.partial(f, *args[:leading], **trailing)
