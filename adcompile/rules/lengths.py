"""Arithmetic on shapes: broadcasting, reduction, shape operands, axes."""

from __future__ import annotations

from collections.abc import Iterable

from adcompile.ir.core import Atom, Const, atom_key
from adcompile.ir.lengths import Dim, Facts, Length, anchored, combine, example_of
from adcompile.ir.types import Type

Dims = tuple[Length, ...]


def show(dims: Dims | None) -> str:
    """Write a shape for a message, as the example call has it where that is known."""
    if dims is None:
        return "of unknown rank"
    shown = [str(d if example_of(d) is None else example_of(d)) for d in dims]
    return f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"


def described(t: Type) -> str:
    """Describe a value of a type in a message: "a float", "a float64 array of shape (3, 2)"."""
    if t.is_list or t.is_tree:
        return "a list of run-time length" if t.is_list else "a tree of tuples"
    name = str(getattr(t.dtype, "name", None) or getattr(t.dtype, "__name__", ""))
    article = "an" if name.startswith(("i", "o")) or not name else "a"
    if not t.is_array:
        return f"{article} {name}" if name else "an object"
    kind = f"{article} {name} array" if name else "an array"
    return kind if t.dims is None else f"{kind} of shape {show(t.dims)}"


def conflict(a: Length, b: Length) -> bool:
    """Tell whether two lengths certainly differ, in the call that the program is compiled from."""
    if isinstance(a, int) and isinstance(b, int):
        return a != b
    ea, eb = example_of(a), example_of(b)
    return anchored(a) and anchored(b) and ea is not None and eb is not None and ea != eb


def require_same(facts: Facts, a: Length, b: Length, what: str) -> Length:
    """Make two lengths equal that the operation `what` needs to be equal; return the common length."""
    a, b = facts.find(a), facts.find(b)
    if conflict(a, b):
        raise TypeError(f"{what}: the lengths {example_of(a)} and {example_of(b)} differ")
    facts.unify(a, b)
    return facts.find(a)


def broadcast(facts: Facts, *shapes: Dims | None) -> Dims | None:
    """Return the shape that several shapes broadcast to; None if a rank is not known."""
    known = [s for s in shapes if s is not None]
    for i, s in enumerate(known):
        for t in known[:i]:
            if s == t:
                continue
            for a, b in zip(reversed(s), reversed(t), strict=False):
                if 1 in (example_of(a), example_of(b)):
                    continue
                if conflict(facts.find(a), facts.find(b)):
                    raise TypeError(f"operands with shapes {show(t)} and {show(s)} cannot be broadcast together")
    return facts.broadcast_dims(*shapes)


def normalise_axes(axis: object, rank: int) -> tuple[int, ...]:
    """Return the axes that None, an int or a tuple of ints names, each from 0 to rank - 1, in the order given."""
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, tuple) else (axis,)
    out = []
    for a in axes:
        if not isinstance(a, int):
            raise TypeError(f"an axis must be an integer, not {a!r}")
        if not -rank <= a < rank:
            raise TypeError(f"axis {a} is out of bounds for an array with {rank} dimension{'s' * (rank != 1)}")
        out.append(a % rank)
    if len(set(out)) < len(out):
        raise TypeError(f"the axes {axes} repeat an axis")
    return tuple(out)


def reduced(dims: Dims | None, axis: object, keepdims: object = False) -> Dims | None:
    """Return the shape that a reduction over `axis` leaves."""
    if dims is None:
        return () if axis is None and not keepdims else None
    axes = normalise_axes(axis, len(dims))
    return tuple(1 if i in axes else d for i, d in enumerate(dims) if keepdims or i not in axes)


def product(dims: Iterable[Length]) -> Length:
    """Multiply lengths."""
    total: Length = 1
    for d in dims:
        total = combine("*", (total, d))
    return total


def total(lengths: Iterable[Length]) -> Length:
    """Add lengths."""
    result: Length = 0
    for d in lengths:
        result = add(result, d)
    return result


def add(a: Length, b: Length) -> Length:
    """Add lengths, writing ``n + -1`` as ``n - 1``."""
    return combine("-", (a, -b)) if isinstance(b, int) and b < 0 else combine("+", (a, b))


def subtract(a: Length, b: Length) -> Length:
    """Subtract lengths, writing ``n - -1`` as ``n + 1``."""
    return combine("+", (a, -b)) if isinstance(b, int) and b < 0 else combine("-", (a, b))


def value_of(a: Atom) -> Length | None:
    """Return the length that an integer operand stands for, if it is known."""
    if isinstance(a, Const) and isinstance(a.value, int):
        return int(a.value)
    return a.type.value


def length_of(facts: Facts, a: Atom) -> Length:
    """Return the length that an entry of a shape operand gives; equal entries give equal lengths."""
    value = value_of(a)
    if value is None:
        require_integer(a, "an entry of a shape")
        return facts.fresh_for(("entry", atom_key(a)))
    if isinstance(value, int) and value < 0:
        raise TypeError(f"a shape cannot have the entry {value}")
    return value


def shape_of(facts: Facts, atoms: Iterable[Atom]) -> Dims:
    """Return the shape that shape operands give."""
    return tuple(length_of(facts, a) for a in atoms)


def require_integer(a: Atom, what: str) -> None:
    """Raise unless an operand is (or may be) one integer."""
    t = a.type
    if not is_integer(t):
        raise TypeError(f"{what} must be an integer, not {described(t)}")


def is_integer(t: Type) -> bool:
    """Tell whether a type is (or may be) one integer."""
    if t.dims not in ((), None):
        return False
    return t.kind == "object" or t.dtype is None or t.dtype in (int, bool) or getattr(t.dtype, "kind", "O") in "biu"


def require_length(a: Length) -> Dim | int:
    """Return a length that is not negative in the example call."""
    example = example_of(a)
    if example is not None and example < 0:
        raise TypeError(f"a length cannot be {example}")
    return a
