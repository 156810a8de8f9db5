"""Whether an array lies in memory row after row, which tells a view of it from a copy.

    a = np.zeros((n, m)); a.ravel() is a view, a.T.ravel() a copy, a[:, 1:].ravel() a copy, a[1:].ravel() a view

A layout is followed through the steps of a path: neighbouring axes are joined where one step along the first is as
long as the whole second one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from adcompile.frontend.paths import PARTS, ROW, operand_count, type_along
from adcompile.frontend.values import Path
from adcompile.frontend.views import Verdict
from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, Atom, Const, Eqn, Var, same_atom
from adcompile.ir.lengths import Facts, Length, example_of
from adcompile.ir.primitives import PRIMITIVES
from adcompile.records import NamedTuple, dataclass, field
from adcompile.rules import table
from adcompile.rules.arithmetic import UFUNCS

ROWS: Final = frozenset({"zeros", "ones", "full", "empty", "arange", "linspace", "eye", "array", "tile", "contiguous"})

# What gives an array whose axes lie in memory in the order in which those of the operands do.
LIKE_OPERANDS: Final = frozenset(
    {"zeros_like", "ones_like", "full_like", "empty_like", "copy", "astype", "where", "acc", "clip", "sum", "mean",
     "max", "min", "prod", "concatenate", "stack", "cumsum"}
)  # fmt: skip

# Views that keep the order of the axes.
IN_ORDER: Final = frozenset({"index", "reshape", "ravel", "squeeze", "expand_dims", "flip"})
COLUMNS: Final = frozenset({"columns", "copied_columns"})
PERMUTE: Final = frozenset({"transpose", "swapaxes", "moveaxis"})


@dataclass(slots=True)
class Axis:
    """An axis of an array. `joined` is the axis of which each element is as long as this whole axis and its steps."""

    length: Length
    unit: bool = False
    inner: Axis | None = field(default=None)


class Layout(NamedTuple):
    """The axes of an array; whether that is certain."""

    axes: tuple[Axis, ...]
    sure: bool


def contiguous(builder: Builder, base: Var, known: Mapping[Var, Atom], depth: int = 40) -> Verdict:
    """Tell whether an array lies in memory row after row. `known`: the values that loops' variables begin with."""
    if base in known and isinstance(value := known[base], Var) and depth:
        return Verdict(contiguous(builder, value, known, depth - 1).view, False)
    eqn = builder.defs.get(base)
    if eqn is None:
        if base not in builder.params.values():
            return Verdict(True, False)
        given = builder.facts.layouts[base.name] = base.name in builder.facts.contiguous
        return Verdict(given, False)
    if eqn.prim in ROWS or (base.type.rank == 1 and _is_new(eqn)):
        return Verdict(True, True)
    if not depth:
        return Verdict(True, False)
    if eqn.prim == "copy" and eqn.span is not None and ".copy(" in eqn.span.text and "np.copy(" not in eqn.span.text:
        return Verdict(True, True)  # the method always makes rows, the function keeps the layout
    if eqn.prim in ("index_update", "index_add") and isinstance(eqn.args[0], Var):
        return contiguous(builder, eqn.args[0], known, depth - 1)
    if eqn.prim == "copied_columns" and eqn.attrs == ("K",) and isinstance(eqn.args[0], Var):
        return in_order(builder, eqn.args[0], known, depth - 1)
    if eqn.prim in COLUMNS:
        return Verdict(False, False)
    if eqn.prim in IN_ORDER or eqn.prim in PERMUTE:  # as x * 1.0, which is x to the compiler and new to the program
        return in_order(builder, base, known, depth - 1)
    if _like_operands(eqn):
        found = [in_order(builder, a, known, depth - 1) for a in eqn.args if isinstance(a, Var) and a.type.is_array]
        return Verdict(all(v.view for v in found), bool(found) and all(v.sure for v in found))
    return Verdict(_is_new(eqn), False)


def by_columns(builder: Builder, base: Atom, known: Mapping[Var, Atom], depth: int = 40) -> Verdict:
    """Tell whether an array lies column after column; `sure` if that is certain where it does."""
    if not depth or not isinstance(base, Var):
        return Verdict(False, False)
    if base in known:
        return Verdict(by_columns(builder, known[base], known, depth - 1).view, False)
    eqn = builder.defs.get(base)
    if eqn is not None and eqn.prim in ("index_update", "index_add"):
        return by_columns(builder, eqn.args[0], known, depth - 1)
    if eqn is not None and _like_operands(eqn):
        whole = [a for a in eqn.args if isinstance(a, Var) and a.type.is_array and a.type.rank == base.type.rank]
        found = [backwards(builder, a, known, depth - 1) for a in whole]
        return Verdict(bool(found) and all(v.view for v in found), all(v.sure for v in found))
    return Verdict(eqn is not None and eqn.prim in COLUMNS and eqn.attrs != ("K",), True)


def backwards(builder: Builder, base: Var, known: Mapping[Var, Atom], depth: int) -> Verdict:
    """Tell whether the axes of an array lie in memory in the opposite order, as those of the transpose of another."""
    eqn = builder.defs.get(base)
    if eqn is not None and eqn.prim in PERMUTE and isinstance(eqn.args[0], Var):
        whole = base.type.rank == 2 or (eqn.prim == "transpose" and eqn.attrs[0] in (None, _descending(base)))
        verdict = in_order(builder, eqn.args[0], known, depth)
        return Verdict(whole and verdict.view, verdict.sure)
    return by_columns(builder, base, known, depth)


def _descending(base: Var) -> tuple[int, ...]:
    return tuple(range(base.type.rank or 0))[::-1]


def _like_operands(eqn: Eqn) -> bool:
    return eqn.prim in LIKE_OPERANDS or eqn.prim in UFUNCS or eqn.prim in table.ROWS


def in_order(builder: Builder, base: Var, known: Mapping[Var, Atom], depth: int) -> Verdict:
    """Tell whether the axes of an array lie in memory in their order: then what is made of it element by element lies
    row after row, though the array itself may be a part of a larger one.
    """
    eqn = builder.defs.get(base)
    if len(base.type.dims or ()) == 1:
        return Verdict(True, True)
    if eqn is not None and eqn.prim in IN_ORDER and depth and isinstance(eqn.args[0], Var):
        path = eqn.attrs[0] if eqn.prim == "index" else ()
        if isinstance(path, tuple) and all(isinstance(step, str) and not set(step) & {"a", "m"} for step in path):
            return in_order(builder, eqn.args[0], known, depth - 1)
        return Verdict(True, False)
    if eqn is not None and eqn.prim in PERMUTE:
        return Verdict(False, False)
    return contiguous(builder, base, known, depth)


def _is_new(eqn: Eqn) -> bool:
    p = PRIMITIVES[eqn.prim]
    copies = eqn.prim == "index" and any(code in "am" for s in eqn.attrs[0] if isinstance(s, str) for code in s)  # type: ignore[attr-defined]  # a path
    given = p.shares or p.updates or eqn.prim in ("einsum", "diag", "call", "pop")
    return copies or not given


def layout_of(
    builder: Builder, base: Var, path: Path, atoms: Sequence[Atom], known: Mapping[Var, Atom]
) -> Layout | None:
    """Return the layout of what a path selects; None if nothing is known."""
    if base.type.dims is None or (path[:1] == ROW and len(base.type.dims) > 1):
        return None
    columns = by_columns(builder, base, known)
    verdict = columns if columns.view else contiguous(builder, base, known)
    if columns.view:
        axes = _rows(builder.facts, base.type.dims[::-1])[::-1]
    elif verdict.view or len(base.type.dims) == 1:
        axes = _rows(builder.facts, base.type.dims)
    else:
        axes = _loose(base.type.dims)
    sure = verdict.sure
    if len(base.type.dims) == 1:
        axes[0].unit = verdict.view
    if path[:1] == ROW:  # a list owns this array
        axes[0].unit, sure = True, True
    rest = list(atoms)
    for number, step in enumerate(path):
        taken, rest = rest[: operand_count(step)], rest[operand_count(step) :]
        if path[: number + 1] == ROW:
            continue
        after = path[: number + 1]
        used = len(atoms) - len(rest)
        dims = type_along(builder.facts, base.type, after, atoms[:used]).dims
        if dims is None:
            return None
        if isinstance(step, str):
            axes, fixed = _subscripted(axes, step, taken, dims)
            sure = sure and fixed
        elif step[0] == "T":
            axes = [axes[i] for i in step[1]]
        elif step[0] == "reshape":
            axes = _rows(builder.facts, dims) if is_contiguous(builder.facts, axes) else _loose(dims)
        elif step[0] in PARTS:
            for axis in axes:
                axis.unit = False
        else:
            axes = _loose(dims)
    return Layout(tuple(axes), sure)


def _rows(facts: Facts, dims: Sequence[Length]) -> list[Axis]:
    """Return the axes of an array that lies row after row; axes of length 1 do not count."""
    axes = [Axis(d) for d in dims]
    real = [a for a in axes if facts.find(a.length) != 1]
    for outer, inner in zip(real, real[1:], strict=False):
        outer.inner = inner
    if real:
        real[-1].unit = True
    return axes


def _loose(dims: Sequence[Length]) -> list[Axis]:
    return [Axis(d) for d in dims]


def _subscripted(
    axes: Sequence[Axis], codes: str, operands: Sequence[Atom], dims: Sequence[Length]
) -> tuple[list[Axis], bool]:
    """Return the axes that a subscript leaves, and whether they are known whatever the bounds of slices are."""
    rest, old, out = list(operands), list(axes), list[Axis]()
    sure = True
    for number, code in enumerate(codes):
        if code == "n":
            out.append(Axis(1))
        elif code == "e":
            keep = len(old) - sum(c in "is" for c in codes[number + 1 :])
            out += old[:keep]
            old = old[keep:]
        elif code == "i":
            rest = rest[1:]
            old = old[1:]
        else:
            bounds, rest = rest[:3], rest[3:]
            axis, old = old[0], old[1:]
            if all(same_atom(b, NONE) for b in bounds):
                out.append(axis)
                continue
            step = bounds[2]
            one = same_atom(step, NONE) or (isinstance(step, Const) and step.value == 1)
            cut = Axis(dims[len(out)], axis.unit and one, axis.inner if one else None)
            for outer in (*out, *axes):
                if outer.inner is axis:
                    outer.inner = None
            out.append(cut)
            sure = sure and isinstance(step, Const)
    return [*out, *old], sure


def is_contiguous(facts: Facts, axes: Sequence[Axis]) -> bool:
    """Tell whether an array with these axes lies row after row."""
    real = [a for a in axes if facts.find(a.length) != 1]
    return all(a.inner is b for a, b in zip(real, real[1:], strict=False)) and (not real or real[-1].unit)


def reshaped(facts: Facts, layout: Layout, new: Sequence[Length]) -> Verdict:
    """Tell whether a reshape gives a view: of axes that are combined, each must be joined to the next."""
    old = [a for a in layout.axes if facts.find(a.length) != 1]
    lengths = [d for d in map(facts.find, new) if d != 1]
    while old and lengths and facts.same(old[0].length, lengths[0]):
        old, lengths = old[1:], lengths[1:]
    while old and lengths and facts.same(old[-1].length, lengths[-1]):
        old, lengths = old[:-1], lengths[:-1]
    if all(map(_joined, old, old[1:])):
        return Verdict(True, layout.sure or len(old) < 2)
    found = [facts.find(a.length) for a in layout.axes]
    known = all(isinstance(n, int) for n in (*found, *lengths))
    sizes, wanted = [example_of(n) for n in found], [example_of(n) for n in lengths]
    pieces = _pieces(layout.axes, sizes, wanted)
    view = pieces is not None and all(all(map(_joined, p, p[1:])) for p in pieces)
    return Verdict(view, known and layout.sure)


def _joined(outer: Axis, inner: Axis) -> bool:
    return outer.inner is inner


def _pieces(axes: Sequence[Axis], sizes: Sequence[int | None], wanted: Sequence[int | None]) -> list[list[Axis]] | None:
    """Split axes into the smallest runs of which each holds as many elements as some of the wanted lengths."""
    old = [(a, n) for a, n in zip(axes, sizes, strict=True) if n != 1]
    new = [n for n in wanted if n != 1]
    if any(n is None or n == 0 for n in (*(n for _, n in old), *new)):
        return None
    pieces: list[list[Axis]] = []
    have, want = 1, 1
    for axis, n in old:
        if have == want:
            pieces.append([])
        pieces[-1].append(axis)
        have *= n or 1
        while want < have and new:
            want *= new.pop(0) or 1
    return pieces


def ravelled(facts: Facts, layout: Layout) -> Verdict:
    """Tell whether an array lies row after row, so that ravelling it gives a view."""
    if is_contiguous(facts, layout.axes):
        return Verdict(True, layout.sure)
    many = [a for a in layout.axes if example_of(facts.find(a.length)) != 1]
    if is_contiguous(facts, many):
        return Verdict(True, False)  # as long as the lengths are those of the example
    several = all(isinstance(n := facts.find(a.length), int) and n > 1 for a in layout.axes)
    return Verdict(False, layout.sure and several)
