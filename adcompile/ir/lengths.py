"""Lengths of axes, and which of them are proved equal.

A length (one entry of a shape) is an ``int`` when it is known, else a `Dim`: a symbol or an expression of symbols
that also carries the length it had in the example call. Two lengths are proved equal only by `Facts`, which records
every assumption made about the arguments so that a guard can test exactly those.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Final

from adcompile.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Dim:
    """A length that is not known when compiling.

    `op` and `args` say what it is:

        ("axis", ("x", 0))            x.shape[0] of the parameter x
        ("value", ("n",))             the parameter n, a Python int
        ("slice", (d, lo, hi, step))  len(range(d)[lo:hi:step]); lo, hi, step: None or a length
        ("+" "-" "*" "//" "%", (a, b))   arithmetic on lengths
        ("fresh", (7,))               nothing is known

    `example` is the length in the call that the program is compiled from (None if it is not known); it never takes
    part in comparisons.
    """

    op: str
    args: tuple[object, ...]
    example: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        match self.op, self.args:
            case "axis", (name, axis):
                return f"{name}.{axis}"
            case "value", (name,):
                return str(name)
            case "fresh", (number,):
                return f"?{number}"
            case "slice", (dim, lo, hi, step):
                bounds = ":".join("" if b is None else str(b) for b in ((lo, hi) if step is None else (lo, hi, step)))
                return f"{dim}[{bounds}]"
            case op, (a, b):
                return f"({a} {op} {b})"
        return f"{self.op}{self.args}"


Length = int | Dim

# Stands, in the types of what a function returns, for a length that is another one at every call.
ANY_LENGTH: Final = Dim("fresh", (0,))


def example_of(length: Length | None) -> int | None:
    """Return the length in the example call, if it is known."""
    return length.example if isinstance(length, Dim) else length


def anchored(length: Length) -> bool:
    """Tell whether a length is an expression of the function's arguments, so that a guard can compute it."""
    if isinstance(length, int):
        return True
    if length.op == "fresh":
        return False
    return all(anchored(a) for a in length.args if isinstance(a, Dim))


# -- arithmetic


def combine(op: str, args: tuple[object, ...], example: int | None = None) -> Length:
    """Build a length expression, folding numbers and the simplest identities."""
    if op == "slice":
        return _slice_length(args, example)
    a, b = args
    assert isinstance(a, int | Dim) and isinstance(b, int | Dim)
    if op == "*" and isinstance(b, Dim) and b.op == "*":  # products of the same lengths have one form
        first, second = b.args
        return combine("*", (combine("*", (a, first)), second), example)
    if isinstance(a, int) and isinstance(b, int) and not (op in ("//", "%") and b == 0):
        return {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "//": a.__floordiv__, "%": a.__mod__}[op](b)
    if (op in "+-" and b == 0) or (op in ("*", "//") and b == 1):
        return a
    if (op == "+" and a == 0) or (op == "*" and a == 1):
        return b
    if isinstance(b, int) and isinstance(a, Dim) and op in "+-" and a.op in ("+", "-") and isinstance(a.args[1], int):
        shift = (a.args[1] if a.op == "+" else -a.args[1]) + (b if op == "+" else -b)
        base = a.args[0]
        assert isinstance(base, Dim)
        return combine("+" if shift >= 0 else "-", (base, abs(shift)), example)
    if op == "*":
        return _product(*_factors(a, b))
    if op == "//" and not (isinstance(a, int) or b == 0):
        return _quotient(a, b, example)
    return Dim(op, (a, b), _computed(op, a, b) if example is None else example)


def _computed(op: str, a: Length, b: Length) -> int | None:
    """Return the length that an operation gives in the example call."""
    x, y = example_of(a), example_of(b)
    if x is None or y is None or (op in ("//", "%") and y == 0):
        return None
    found = combine(op, (x, y))
    assert isinstance(found, int)
    return found


def _factors(*lengths: Length) -> tuple[int, list[Dim]]:
    """Return the number and the other lengths that a product is made of, in an order of their own."""
    number, found, todo = 1, list[Dim](), list(lengths)
    while todo:
        length = todo.pop()
        if isinstance(length, int):
            number *= length
        elif length.op == "*":
            todo += [x for x in length.args if isinstance(x, int | Dim)]
        else:
            found.append(length)
    return number, sorted(found, key=str)


def _product(number: int, factors: Sequence[Dim]) -> Length:
    """Multiply lengths; equal products have one form."""
    if number == 0 or not factors:
        return number
    total: Length = factors[0]
    for factor in (*factors[1:], *((number,) if number != 1 else ())):
        total = Dim("*", (total, factor), _computed("*", total, factor))
    return total


def _quotient(a: Dim, b: Length, example: int | None) -> Length:
    """Divide lengths, leaving out the factors that both have: who divides by them knows that they are not 0."""
    (number, above), (divisor, below) = _factors(a), _factors(b)
    for factor in list(below):
        if factor in above:
            above.remove(factor)
            below.remove(factor)
    common = math.gcd(number, divisor) or 1
    top, bottom = _product(number // common, above), _product(divisor // common, below)
    if bottom == 1:
        return top
    if isinstance(top, int) and isinstance(bottom, int):
        return top // bottom
    return Dim("//", (top, bottom), _computed("//", top, bottom) if example is None else example)


def _slice_length(args: tuple[object, ...], example: int | None) -> Length:
    dim, lo, hi, step = args
    assert isinstance(dim, int | Dim)
    lo = None if lo == 0 and (step is None or step == 1) else lo
    step = None if step == 1 else step
    if lo is None and hi is None and (step is None or step == -1):
        return dim
    if isinstance(dim, Dim) and dim.op == "+" and step is None:
        head, tail = dim.args
        assert isinstance(head, int | Dim) and isinstance(tail, int | Dim)
        if lo in (None, 0) and hi == head:
            return head
        if lo == head and hi in (None, dim):
            return tail
        part = _part(dim, lo, hi)
        if part is not None:
            return part
    values = [None if a is None else example_of(a) if isinstance(a, Dim) else a for a in args]
    n, *bounds = (v if isinstance(v, int) else None for v in values)
    usable = all(v is not None or a is None for v, a in zip((n, *bounds), args, strict=True))
    if usable and n is not None and bounds[2] != 0:
        example = len(range(n)[slice(*bounds)])
        if not any(isinstance(a, Dim) for a in args):
            return example
    # x[k:], x[:-k] and x[j:-i] with j + i = k have one form, so that the parts of a stencil agree
    head = lo if isinstance(lo, int) and lo >= 0 else 0 if lo is None else None
    tail = -hi if isinstance(hi, int) and hi < 0 else 0 if hi is None else None
    if step is None and head is not None and tail is not None:
        lo, hi = head + tail, None
    return Dim("slice", (dim, lo, hi, step), example)


def _part(dim: Dim, lo: object, hi: object) -> Length | None:
    """Return the length of the part of what was joined that lies between two sums of joined lengths."""
    number, whole = _terms(dim)
    start, before = _terms(lo if isinstance(lo, int | Dim) else 0)
    stop, upto = _terms(hi if isinstance(hi, int | Dim) else dim)
    if not (0 <= start <= stop <= number and before <= upto <= whole and all(map(_not_negative, whole))):
        return None
    left = sorted((upto - before).elements(), key=str)
    terms: list[Length] = [*left, stop - start]
    return functools.reduce(lambda a, b: combine("+", (a, b)), terms)


def _not_negative(length: Dim) -> bool:
    """Tell whether a length is that of an axis, or a product of such lengths: a number may be negative."""
    if length.op == "*":
        return all(isinstance(a, int) or (isinstance(a, Dim) and _not_negative(a)) for a in length.args)
    return length.op in ("axis", "slice")


def _terms(length: Length) -> tuple[int, Counter[Dim]]:
    """Return the number and the other lengths that a sum is made of."""
    number, found, todo = 0, Counter[Dim](), [length]
    while todo:
        term = todo.pop()
        if isinstance(term, int):
            number += term
        elif term.op == "+":
            todo += [x for x in term.args if isinstance(x, int | Dim)]
        else:
            found[term] += 1
    return number, found


def excess(a: Length, b: Length) -> Length | None:
    """Return by how much a length is greater than another one, if that is a number or the length of an axis."""
    number, found, todo = 0, dict[Dim, int](), [(a, 1), (b, -1)]
    while todo:
        term, sign = todo.pop()
        if isinstance(term, int):
            number += sign * term
        elif term.op in ("+", "-"):
            first, second = (x for x in term.args if isinstance(x, int | Dim))
            todo += [(first, sign), (second, sign if term.op == "+" else -sign)]
        else:
            found[term] = found.get(term, 0) + sign
    left = [(term, count) for term, count in found.items() if count]
    if not left:
        return number
    (term, count), *more = left
    return term if not more and count == 1 and number == 0 and term.op == "axis" else None


# -- equalities


REWRITES: Final = 64
SYMBOLS: Final = ("axis", "value", "fresh")  # what is no expression of other lengths


class Facts:
    """Equalities between lengths that the derivation relies on.

    `log` lists, in order, the pairs that were assumed equal because they are equal in the example call; the guard of
    the compiled program and a test at the top of the emitted source check them. Equalities that the program itself
    proves (a result of ``x @ y`` exists only if the inner lengths agree) enter by `unify` and are not logged when
    one side cannot be computed from the arguments. `contiguous` names the arguments that lie row after row in memory in
    the example call, and `layouts` those of which something was made of that. `trips` are the first values and ends of
    the indices of loops that count by ones, and `sums` ints that are an index plus a length.
    """

    def __init__(self) -> None:
        self.parent: dict[Dim, Length] = {}
        self.log: list[tuple[Length, Length]] = []
        self.serial = 0
        self.keyed: dict[Hashable, Dim] = {}
        self.contiguous: set[str] = set()
        self.layouts: dict[str, bool] = {}
        self.trips: dict[Hashable, tuple[Length, Length]] = {}
        self.sums: dict[Hashable, tuple[Hashable, Length]] = {}

    def known(self) -> Facts:
        """Return the same equalities as something that is known: the log is empty."""
        new = Facts()
        new.parent, new.serial, new.keyed = self.parent, self.serial, self.keyed
        new.trips, new.sums = self.trips, self.sums
        return new

    def copy(self) -> Facts:
        """Return the same facts, to which nothing is added that is found out later."""
        new = Facts()
        new.restore(self)
        new.trips, new.sums = self.trips, self.sums
        return new

    def restore(self, known: Facts) -> None:
        """Forget what was found out since a copy was made."""
        self.parent, self.log, self.serial = dict(known.parent), list(known.log), known.serial
        self.keyed, self.contiguous, self.layouts = dict(known.keyed), set(known.contiguous), dict(known.layouts)

    def fresh(self, example: int | None = None) -> Dim:
        """Make a length of which nothing is known."""
        self.serial += 1
        return Dim("fresh", (self.serial,), example)

    def fresh_for(self, key: Hashable, example: int | None = None) -> Dim:
        """Return the unknown length that belongs to `key`: operations with equal keys have results of one length."""
        if key not in self.keyed:
            self.keyed[key] = self.fresh(example)
        return self.keyed[key]

    def find(self, length: Length) -> Length:
        """Return the representative of the lengths proved equal to this one.

        A length may be proved equal to an expression of itself (the parts of an array that was cut and joined again);
        then the rewriting has no end, and stops after REWRITES steps: two lengths may then not be recognised as equal,
        which costs a test at run time and nothing else.
        """
        if not isinstance(length, Dim) or (length.op in SYMBOLS and length not in self.parent):
            return length
        return self._rewritten(length, [REWRITES])

    def _rewritten(self, length: Length, left: list[int]) -> Length:
        while isinstance(length, Dim) and left[0] > 0:
            left[0] -= 1
            if length.op not in SYMBOLS:
                args = tuple(self._rewritten(a, left) if isinstance(a, Dim) else a for a in length.args)
                if args != length.args:
                    rebuilt = combine(length.op, args, length.example)
                    if rebuilt != length:
                        length = rebuilt
                        continue
            if length not in self.parent:
                return length
            length = self.parent[length]
        return length

    def window(self, length: Length, lo: Hashable, hi: Hashable) -> Length | None:
        """Return the length of ``range(length)[lo:hi]`` for a window that moves with the index of a loop.

        It lies inside on each trip:  for i in range(length - k + 1): range(length)[i:i + k]   ->   k
        """
        index, before = self.sums.get(lo, (lo, 0))
        other, after = self.sums.get(hi, (hi, 0))
        if index != other or index not in self.trips:
            return None
        least, end = (self.find(a) for a in self.trips[index])
        before, after = self.find(before), self.find(after)
        first = least + before if isinstance(least, int) and isinstance(before, int) else -1
        wide = excess(after, before)
        inside = excess(self.find(length), combine("+", (end, after)))
        if first < 0 or (isinstance(wide, int) and wide < 0) or (isinstance(inside, int) and inside < -1):
            return None
        return None if inside is None else wide

    def same(self, a: Length, b: Length) -> bool:
        """Tell whether two lengths are proved equal."""
        return a == b or self.find(a) == self.find(b)

    def same_dims(self, a: tuple[Length, ...] | None, b: tuple[Length, ...] | None) -> bool:
        """Tell whether two shapes are proved equal."""
        return a is not None and b is not None and len(a) == len(b) and all(map(self.same, a, b))

    def unify(self, a: Length, b: Length) -> None:
        """Make two lengths equal; log the fact if the guard can test it."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return
        if anchored(a) and anchored(b):
            self.log.append((a, b))
        older, newer = (a, b) if _rank(a) <= _rank(b) else (b, a)
        if _contains(older, newer):
            older, newer = newer, older
        assert isinstance(newer, Dim)
        self.parent[newer] = older

    def settle(self, found: tuple[Length, ...] | None, known: tuple[Length, ...] | None, before: int) -> None:
        """Give the lengths of one result that turned out to have a known shape, if they were made after `before`."""
        if found is None or known is None or len(found) != len(known):
            return
        for a, b in zip(found, known, strict=True):
            if isinstance(a, Dim) and a.op == "fresh" and a not in self.parent and a not in self.keyed.values():
                (serial,) = a.args
                if isinstance(serial, int) and serial > before:
                    self.unify(a, b)

    def broadcast(self, a: Length, b: Length) -> Length:
        """Return the length that two lengths broadcast to, assuming what the example call shows."""
        a, b = self.find(a), self.find(b)
        if a is b or b.__class__ is int and b == 1:
            return a
        if a.__class__ is int and a == 1:
            return b
        if a == b:
            return a
        ea, eb = example_of(a), example_of(b)
        if ea is not None and eb is not None and anchored(a) and anchored(b):
            if ea == eb:
                self.unify(a, b)
                return self.find(a)
            if ea == 1:
                self.unify(a, 1)
                return b
            if eb == 1:
                self.unify(b, 1)
                return a
        return self.fresh(None if ea is None or eb is None else max(ea, eb) if ea and eb else 0)

    def broadcast_dims(self, *shapes: tuple[Length, ...] | None) -> tuple[Length, ...] | None:
        """Return the shape that several shapes broadcast to; None if a rank is not known."""
        known = [s for s in shapes if s is not None]
        if len(known) < len(shapes):
            return None
        if known == known[:1] * len(known):
            return tuple(map(self.find, known[0])) if known else ()
        out: list[Length] = []
        for first, *others in reversed([*itertools.zip_longest(*map(reversed, known), fillvalue=1)]):
            length = self.find(first)
            for other in others:
                length = self.broadcast(length, other)
            out.append(length)
        return tuple(out)


def _contains(length: Length, part: Length) -> bool:
    """Tell whether a length is an expression of another one, which then has to stand for both."""
    return isinstance(length, Dim) and any(
        a == part or (isinstance(a, Dim) and _contains(a, part)) for a in length.args
    )


def _rank(length: Length) -> tuple[int, int]:
    """Order representatives: numbers, sums (whose parts are lengths of slices), arguments' lengths, other ones."""
    if isinstance(length, int):
        return (0, 0)
    order = {"+": 1, "axis": 2, "value": 3, "fresh": 5}.get(length.op, 4)
    return (order, length.args[0] if length.op == "fresh" and isinstance(length.args[0], int) else 0)
