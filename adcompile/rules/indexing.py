"""Reads and stores: the shapes of basic and advanced indices."""

from __future__ import annotations

from collections.abc import Iterator

from adcompile.ir.core import NONE, Atom, Attrs, atom_key, is_const, same_atom
from adcompile.ir.lengths import Facts, Length, combine
from adcompile.ir.primitives import Primitive, register
from adcompile.ir.types import OBJECT, Type
from adcompile.records import dataclass
from adcompile.rules import simplify
from adcompile.rules.lengths import Dims, broadcast, conflict, require_integer, show, value_of

Step = str | tuple[str, tuple[int, ...]]

ADVANCED = frozenset("am")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a path selects: the shape (None if its rank is not known) and whether it is an element, not an array."""

    dims: Dims | None
    element: bool


def select(facts: Facts, dims: Dims | None, path: tuple[Step, ...], atoms: tuple[Atom, ...]) -> Selection:
    """Return what a path selects from an array of shape `dims`."""
    supply = iter(atoms)
    element = False
    for step in path:
        if dims is None:
            return Selection(None, False)
        if isinstance(step, tuple):
            dims, element = tuple(dims[a] for a in step[1]), False
            continue
        if element:
            raise TypeError("too many indices: the value is a number")
        dims = select_step(facts, dims, step, supply)
        element = dims == () and "e" not in step
    return Selection(dims, element)


def select_step(facts: Facts, dims: Dims, codes: str, atoms: Iterator[Atom]) -> Dims | None:
    """Return the shape that one subscript selects."""
    parts = [(code, [next(atoms) for _ in range(3 if code == "s" else code in "iam")]) for code in codes]
    ranks = [consumed(code, operands) for code, operands in parts]
    known = [r for r in ranks if r is not None]
    if len(known) < len(ranks):
        return None
    rest = len(dims) - sum(known)
    if rest < 0:
        raise TypeError(f"too many indices: {sum(known)} for an array of shape {show(dims)}")
    if any(code in ADVANCED for code in codes):
        return advanced(facts, dims, parts, known, rest)
    out: list[Length] = []
    axis = 0
    for (code, operands), used in zip(parts, known, strict=True):
        out += basic(facts, dims[axis:], code, operands, rest)
        axis += rest if code == "e" else used
    return (*out, *dims[axis:])


def consumed(code: str, operands: list[Atom]) -> int | None:
    """Return how many axes a component selects from; None if that is not known."""
    if code == "m":
        return operands[0].type.rank
    if code == "i":
        require_integer(operands[0], "an index")
    return 1 if code in "isa" else 0


def basic(facts: Facts, dims: Dims, code: str, operands: list[Atom], rest: int) -> list[Length]:
    """Return the lengths that an int, slice, newaxis or Ellipsis leaves of the axes that begin at it."""
    if code == "n":
        return [1]
    if code == "e":
        return list(dims[:rest])
    return [slice_length(facts, dims[0], operands)] if code == "s" else []


def slice_length(facts: Facts, length: Length, bounds: list[Atom]) -> Length:
    """Return ``len(range(length)[lo:hi:step])``; the same bounds of the same length give the same result."""
    values: list[Length | None] = []
    for bound in bounds:
        if same_atom(bound, NONE):
            values.append(None)
            continue
        require_integer(bound, "a slice bound")
        value = value_of(bound)
        if value is None:
            window = facts.window(length, bounds[0], bounds[1]) if is_plain(bounds[2]) else None
            return (
                window if window is not None else facts.fresh_for(("slice", facts.find(length), *map(atom_key, bounds)))
            )
        values.append(facts.find(value))
    if values[2] == 0:
        raise TypeError("a slice step cannot be zero")
    return combine("slice", (facts.find(length), *values))


def is_plain(step: Atom) -> bool:
    return same_atom(step, NONE) or is_const(step, 1)


def advanced(facts: Facts, dims: Dims, parts: list[tuple[str, list[Atom]]], ranks: list[int], rest: int) -> Dims | None:
    """Return the shape that a subscript with arrays selects.

    The arrays and ints broadcast to one shape. It takes the place of the first of them if they stand side by side,
    else it comes first.
    """
    shapes: list[Dims | None] = []
    out: list[Length] = []
    places: list[tuple[int, int]] = []  # (component, position in the result)
    axis = 0
    for number, ((code, operands), used) in enumerate(zip(parts, ranks, strict=True)):
        if code in "iam":
            places.append((number, len(out)))
            shapes.append(chosen(facts, dims[axis:], code, operands[0]))
        else:
            out += basic(facts, dims[axis:], code, operands, rest)
        axis += rest if code == "e" else used
    out += dims[axis:]
    common = broadcast(facts, *shapes)
    if common is None:
        return None
    together = places[-1][0] - places[0][0] == len(places) - 1
    place = places[0][1] if together else 0
    return (*out[:place], *common, *out[place:])


def chosen(facts: Facts, dims: Dims, code: str, index: Atom) -> Dims | None:
    """Return the shape of one array among indices; a mask is the index arrays of its true elements."""
    t = index.type
    if code == "i":
        return ()
    if code == "a":
        return t.dims
    for a, b in zip(t.dims or (), dims, strict=False):
        if conflict(facts.find(a), facts.find(b)):
            raise TypeError(f"a mask of shape {show(t.dims)} does not fit an array of shape {show(dims)}")
        facts.unify(a, b)
    return (facts.fresh_for(("nonzero", atom_key(index))),)


def path_of(attrs: Attrs) -> tuple[Step, ...]:
    """Return the path attribute of a read or store."""
    (path,) = attrs
    assert isinstance(path, tuple)
    return path


def infer_index(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer ``x[...]``."""
    x = args[0].type
    if x.kind == "object":
        return OBJECT
    if not x.is_array and x.dims is not None:
        raise TypeError(f"{x} has no elements to index")
    found = select(facts, x.dims, path_of(attrs), args[1:])
    return Type("np" if found.element else "array", x.dtype, found.dims)


def infer_store(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer x after ``x[...] = value`` or ``x[...] += value``."""
    x, value = args[0].type, args[1].type
    if x.kind == "object":
        return OBJECT
    if not x.is_array:
        raise TypeError(f"{x} has no elements to store to")
    target = select(facts, x.dims, path_of(attrs), args[2:]).dims
    fits(facts, value, target)
    return x


def fits(facts: Facts, value: Type, target: Dims | None) -> None:
    """Record that a value broadcasts to the shape that it is stored to."""
    if value.kind == "object" or value.dims is None or target is None:
        return
    dims = value.dims
    while len(dims) > len(target) and facts.find(dims[0]) == 1:
        dims = dims[1:]
    broadcast(facts, target, dims)
    if len(dims) > len(target):
        raise TypeError(f"a value of shape {show(value.dims)} does not fit the shape {show(target)} it is stored to")


register(
    Primitive(
        "index",
        infer_index,
        signature="x, *indices, path",
        n_attrs=1,
        simplify=simplify.index,
        cost="arithmetic",
        shares=True,
    )
)
register(
    Primitive(
        "index_update", infer_store, signature="x, value, *indices, path", n_attrs=1, cost="arithmetic", updates=True
    )
)
register(
    Primitive(
        "index_add",
        infer_store,
        signature="x, g, *indices, path",
        n_attrs=1,
        simplify=simplify.index_add,
        cost="arithmetic",
        updates=True,
    )
)
