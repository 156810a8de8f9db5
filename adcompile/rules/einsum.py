"""einsum: its subscripts are made explicit when it is bound; its adjoint in each operand is an einsum too."""

# mypy: disable-error-code="no-any-return"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from adcompile.ir.core import Atom, Attrs, Const
from adcompile.ir.lengths import Facts, Length
from adcompile.ir.types import Type, result_type
from adcompile.rules.binding import FUNCTIONS, Argument, Binding, Operand, rank_of
from adcompile.rules.define import primitive
from adcompile.rules.lengths import Dims, require_same
from adcompile.rules.products import known_dims, product_type
from adcompile.rules.promotion import common_dtype
from adcompile.rules.table import linear, static

Array = np.ndarray
Order = bool | str | tuple[object, ...]


def prepare_einsum(operands: list[Operand], values: dict[str, object]) -> None:
    """Write the subscripts with an arrow and without ellipsis."""
    text = values["subscripts"]
    if not isinstance(text, str):
        raise TypeError("np.einsum: the subscripts must be a string")
    ranks = [rank_of(a) for a in operands]
    values["subscripts"] = explicit(text.replace(" ", ""), ranks)
    if isinstance(values["optimize"], list):
        values["optimize"] = tuple(values["optimize"])


def explicit(text: str, ranks: list[int | None]) -> str:
    """Write subscripts with an arrow, and letters in the place of an ellipsis."""
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        raise TypeError(f"np.einsum: the subscripts name {len(terms)} arrays, {len(ranks)} are given")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in text]
    named = [len(t.replace("...", "")) for t in terms]
    hidden = [(r - n) if r is not None and "..." in t else 0 for t, n, r in zip(terms, named, ranks, strict=True)]
    most = max(hidden)
    for term, n, r in zip(terms, named, ranks, strict=True):
        if r is None and "..." in term:
            raise TypeError("np.einsum: an ellipsis needs arrays of known rank")
        if r is not None and (r != n if "..." not in term else r < n):
            raise TypeError(f"np.einsum: the subscripts {term!r} do not fit an array of rank {r}")
    letters = "".join(spare[:most])
    filled = [t.replace("...", letters[most - h :]) for t, h in zip(terms, hidden, strict=True)]
    if not arrow:
        once = sorted(c for c in set(inputs) if c.isalpha() and inputs.count(c) == 1)
        output = ("..." if "..." in inputs else "") + "".join(once)
    return f"{','.join(filled)}->{output.replace('...', letters)}"


def einsum_infer(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer einsum of explicit subscripts."""
    text, _ = attrs
    assert isinstance(text, str)
    inputs, _, output = text.partition("->")
    types = [a.type for a in args]
    lengths: dict[str, Length] = {}
    for term, t in zip(inputs.split(","), types, strict=True):
        for letter, length in zip(term, t.dims or (), strict=False):
            known = lengths.get(letter, 1)
            if facts.find(known) == 1 or facts.find(length) == 1:
                lengths[letter] = length if facts.find(known) == 1 else known
            else:
                lengths[letter] = require_same(facts, known, length, f"np.einsum, subscript {letter!r}")
    missing = [c for c in output if c not in lengths]
    if missing and known_dims(types) is not None:
        raise TypeError(f"np.einsum: the result has the subscript {missing[0]!r}, which no array has")
    dims = None if missing else tuple(lengths[c] for c in output)
    return product_type(facts, types, dims) if len(types) > 1 else like(types[0], dims)


def like(t: Type, dims: Dims | None) -> Type:
    """Return the type of an array, or NumPy scalar, with the dtype of a value."""
    dtype = common_dtype((t,))
    return Type("array", dtype, None) if dims is None else result_type(dtype, dims)


primitive(
    "einsum",
    einsum_infer,
    "np.einsum",
    "*xs",
    "@subscripts, optimize=False",
    usage="subscripts: static, *operands: operands, out: no = None, dtype: no = None, optimize: static = False",
    prepare=prepare_einsum,
    cost="product",
)


@static
def plan(optimize: Order) -> Order:
    """Return how the adjoint is ordered: an order that was given for the function itself does not fit."""
    return True if isinstance(optimize, tuple) else optimize


@static
def transposed_terms(text: str, k: int) -> tuple[str, str, str, str]:
    """Plan the adjoint of einsum in operand k.

    Returns the operand's letters without repetition; those of them that the cotangent and the other operands have;
    the subscripts of the adjoint in those; the letters that are repeated in the operand.
    """
    inputs, _, output = text.partition("->")
    terms = inputs.split(",")
    own = "".join(dict.fromkeys(terms[k]))
    elsewhere = set(output).union(*[set(t) for i, t in enumerate(terms) if i != k])
    found = "".join(c for c in own if c in elsewhere)
    rest = [output, *(t for i, t in enumerate(terms) if i != k)]
    return own, found, f"{','.join(rest)}->{found}", terms[k]


@linear("einsum", 0)
def einsum_adjoint(g: Array, ans: Array, xs: tuple[Array, ...], subscripts: str, optimize: Order) -> tuple[Array, ...]:
    return tuple([einsum_operand(g, xs, subscripts, k, plan(optimize)) for k in range(len(xs))])


def einsum_operand(g: Array, xs: tuple[Array, ...], subscripts: str, k: int, optimize: Order) -> Array:
    """The adjoint of einsum in one operand: an einsum of the cotangent and the other operands."""
    own, found, text, term = transposed_terms(subscripts, k)
    bar = np.einsum(text, g, *[x for i, x in enumerate(xs) if i != k], optimize=optimize)
    if own != found:
        bar = np.broadcast_to(np.expand_dims(bar, absent(own, found)), [xs[k].shape[i] for i in first_places(term)])
    if own == term:
        return bar
    deltas = [np.eye(xs[k].shape[i], dtype=g.dtype) for i in repeats(term)]
    return np.einsum(diagonal_subscripts(term), bar, *deltas)


@static
def absent(own: str, found: str) -> tuple[int, ...]:
    """Return the positions in `own` of the letters that are not in `found`."""
    return tuple(i for i, c in enumerate(own) if c not in found)


@static
def first_places(term: str) -> tuple[int, ...]:
    """Return the position of each letter's first occurrence."""
    return tuple(term.index(c) for c in dict.fromkeys(term))


@static
def repeats(term: str) -> tuple[int, ...]:
    """Return the positions of letters that occurred before."""
    return tuple(i for i, c in enumerate(term) if c in term[:i])


@static
def diagonal_subscripts(term: str) -> str:
    """Return the subscripts that put an array of the distinct letters on the diagonal: for "ii" this is "i,iA->iA"."""
    spare = iter(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in term)
    new = {i: next(spare) for i in repeats(term)}
    deltas = [f"{term[i]}{c}" for i, c in new.items()]
    full = "".join(new.get(i, c) for i, c in enumerate(term))
    return f"{','.join([''.join(dict.fromkeys(term)), *deltas])}->{full}"


# -- subscripts as lists of numbers

_einsum = FUNCTIONS[np.einsum]
LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@static
def written(places: tuple[tuple[object, ...], ...], output: tuple[object, ...] | None) -> str:
    """Write lists of axes as a text; without an output its axes are in the order of the numbers."""
    terms = [*places] if output is None else [*places, output]
    if not all(n is Ellipsis or isinstance(n, int) for term in terms for n in term):
        raise TypeError("np.einsum: the axes in a list must be known when compiling")
    used = sorted({n for term in terms for n in term if isinstance(n, int)})
    letters = {n: LETTERS[k] for k, n in enumerate(used)}
    texts = ["".join("..." if n is Ellipsis else letters[n] for n in term) for term in terms]  # type: ignore[index]
    return ",".join(texts) if output is None else f"{','.join(texts[:-1])}->{texts[-1]}"


def einsum_of_lists(*operands: Any, optimize: Order = False) -> Array:
    """What np.einsum of arrays, each with a list of its axes, means."""
    pairs = len(operands) // 2
    output = operands[-1] if len(operands) % 2 == 1 else None
    places = tuple([operands[2 * k + 1] for k in range(pairs)])
    return np.einsum(written(places, output), *[operands[2 * k] for k in range(pairs)], optimize=optimize)


def choose_einsum(args: Sequence[Argument], kwargs: Mapping[str, Argument]) -> Binding:
    """Tell whether the subscripts are lists."""
    text = args and isinstance(args[0], Const) and isinstance(args[0].value, str)
    return _einsum if text or not args else Binding("np.einsum", macro=einsum_of_lists)


FUNCTIONS[np.einsum] = Binding("np.einsum", choose=choose_einsum)
