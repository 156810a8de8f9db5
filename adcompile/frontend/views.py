"""What NumPy's functions give views of: names for parts of one buffer, or a copy where it is none.

As long as nobody writes to an array or its view, the function is an equation like any other, and it is only noted that
the two may share memory. When a store comes that the other one may see, the function is lowered once more, with the
call *resolved*: a view becomes a path into the buffer of its base. Whether `reshape` or `ravel` gives a view depends on
how the array lies in memory; where that is not known for certain, the program tests it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import contiguity
from adcompile.frontend.frames import Unresolved
from adcompile.frontend.paths import ROW, whole_axes
from adcompile.frontend.values import Ref, Step, Value
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.lengths import Length
from adcompile.records import NamedTuple
from adcompile.rules.binding import Bound

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


class Verdict(NamedTuple):
    """Whether a function gives a view; `sure` if that needs no test at run time."""

    view: bool
    sure: bool


Added = tuple[Step, tuple[Atom, ...]]  # a step of a path, and its operands
Resolution = tuple[Verdict, list[Added]]

ALWAYS: Final = Verdict(True, True)


def sums(bound: Bound) -> bool:
    text = str(bound.attrs[0])
    inputs, _, output = text.partition("->")
    return bool(set(inputs) - set(output))


def result(lo: Lowering, bound: Bound, base: Ref, values: Sequence[Value], node: ast.AST) -> Sequence[Value]:
    """Return the results of a call that may be views of an array, tied to it as far as need be."""
    key = (node, lo.frame.calls)
    view = resolved(lo, bound, base, values, node) if key in lo.resolved else None
    if view is not None:
        return (view,)
    for v in values:
        if isinstance(v, Ref):
            if known(bound):
                lo.pending[v.cell] = key
            for other in (base.cell, *lo.alias_of(base.cell)):
                lo.may_share(v.cell, other)
                if known(bound):
                    lo.origins[frozenset((v.cell, other))] = key
    return values


def known(bound: Bound) -> bool:
    return bound.prim in STEPS


def resolved(lo: Lowering, bound: Bound, base: Ref, values: Sequence[Value], node: ast.AST) -> Value | None:
    """Return the view that a call gives, or the new array; None if that cannot be told."""
    (value,) = values
    if base.cell in lo.pending:
        raise Unresolved(lo.pending[base.cell])  # first what this is made of
    steps = STEPS.get(bound.prim)
    if steps is None or not isinstance(value, Ref) or lo.type_of(base).dims is None:
        return None
    found = steps(lo, bound, base, value)
    if found is None:
        return None
    verdict, added = found
    ref = Ref(base.cell, (*base.path, *(s for s, _ in added)), (*base.atoms, *(a for _, atoms in added for a in atoms)))
    if not verdict.sure and base.path[:1] == ROW:
        return None
    if not verdict.sure:
        check(lo, lo.read(value), lo.read(base), verdict.view, node)
        if not verdict.view and is_another(lo, base.cell):
            check_anew(lo, bound, base, node)
    return ref if verdict.view else value


def is_another(lo: Lowering, cell: int) -> bool:
    """Tell whether an array is one with other numbers to the compiler alone: as x * 1.0, which is x to it."""
    first = _beginning(lo, lo.cells[cell])
    return any(c != cell and _beginning(lo, v) is first for c, v in lo.cells.items())


def _beginning(lo: Lowering, version: Var) -> Atom:
    """Return the array that a version was made of by stores."""
    found: Atom = version
    while isinstance(found, Var):
        eqn = lo.builder.defs.get(found)
        if eqn is None or eqn.prim not in ("index_update", "index_add"):
            break
        found = eqn.args[0]
    return found


def check_anew(lo: Lowering, bound: Bound, base: Ref, node: ast.AST) -> None:
    """Make the program test that no view is made of a new array with the numbers of one, which it reads instead."""
    emit = lo.builder.emit
    new = emit("copied_columns", lo.cells[base.cell], attrs=("K",))
    assert isinstance(new, Var)
    part = lo.read(Ref(lo.new_cell(new).cell, base.path, base.atoms))
    rest = [a for a in bound.args[1:] if isinstance(a, Var | Const)]
    value = emit(bound.prim, part, *rest, attrs=bound.attrs)
    assert isinstance(value, Var)
    check(lo, value, part, False, node)


def check(lo: Lowering, value: Var, base: Var, view: bool, node: ast.AST) -> None:
    """Make the program test that an array is a view of another one, or that it is none."""
    from adcompile.frontend import branches, expressions

    emit = lo.builder.emit
    shares = emit("may_share_memory", value, base)
    wrong: Atom = shares
    if view:
        some = emit("gt", emit("size", value), Const(0))
        wrong = expressions.both(lo, some, expressions.negate(lo, shares))
    span = lo.span(node)
    where = f"line {span.line}: " if span is not None else ""
    kinds = ("copy", "view") if view else ("view", "copy")
    text = f"{where}a {kinds[0]} where the program needs a {kinds[1]}: use .copy()"

    def fail() -> None:
        lo.builder.emit_many("raise", (Const(text),), ("ValueError",), ())

    branches.merge(lo, node, wrong, fail, lambda: None, (True, False))


# -- views of each kind: whether it is one, and the steps of its path


def _reshaped(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    dims = lo.type_of(value).dims or ()
    shape = tuple(lo.builder.length(d) for d in dims)
    return verdict_of(lo, base, dims, bound.prim == "ravel"), [(("reshape", (len(shape),)), shape)]


def verdict_of(lo: Lowering, base: Ref, dims: Sequence[Length], rows: bool) -> Verdict:
    """Tell whether a reshape gives a view; `rows`: only if the array lies row after row in memory."""
    layout = contiguity.layout_of(lo.builder, lo.cells[base.cell], base.path, base.atoms, lo.starts)
    if layout is None:
        return Verdict(False, False)
    return contiguity.ravelled(lo.facts, layout) if rows else contiguity.reshaped(lo.facts, layout, dims)


def _contiguous(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    return verdict_of(lo, base, lo.type_of(base).dims or (), True), []


def _columns(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    backwards: Step = ("T", tuple(range(len(lo.type_of(base).dims or ())))[::-1])
    layout = contiguity.layout_of(lo.builder, lo.cells[base.cell], (*base.path, backwards), base.atoms, lo.starts)
    return Verdict(False, False) if layout is None else contiguity.ravelled(lo.facts, layout), []


def _squeezed(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    dims = [lo.facts.find(d) for d in lo.type_of(base).dims or ()]
    axis = bound.attrs[0]
    dropped = [k for k, d in enumerate(dims) if d == 1] if axis is None else _axes(axis)
    codes = "".join("i" if k in dropped else "s" for k in range(len(dims)))
    atoms = [a for c in codes for a in ((Const(0),) if c == "i" else (NONE,) * 3)]
    return ALWAYS, [(codes if "s" in codes else codes + "e", tuple(atoms))]


def _expanded(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    rank = len(lo.type_of(value).dims or ())
    places = {a % rank for a in _axes(bound.attrs[0])}
    codes = "".join("n" if k in places else "s" for k in range(rank))
    return ALWAYS, [(codes, (NONE,) * (3 * codes.count("s")))]


def _at_least(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    more = len(lo.type_of(value).dims or ()) - len(lo.type_of(base).dims or ())
    return ALWAYS, [("n" * more, ())] if more else []


def _moved(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    rank = len(lo.type_of(base).dims or ())
    source, destination = (_axes(a) for a in bound.attrs)
    order = [k for k in range(rank) if k not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return ALWAYS, [(("T", tuple(order)), ())]


def _swapped(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    order = list(range(len(lo.type_of(base).dims or ())))
    i, j = (a for pair in bound.attrs for a in _axes(pair))
    order[i], order[j] = order[j], order[i]
    return ALWAYS, [(("T", tuple(order)), ())]


def _flipped(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    rank = len(lo.type_of(base).dims or ())
    axes = range(rank) if bound.attrs[0] is None else _axes(bound.attrs[0])
    code, atoms = whole_axes(rank)
    steps = [(NONE, NONE, Const(-1) if k in axes else NONE) for k in range(rank)]
    return ALWAYS, [(code, tuple(a for bounds in steps for a in bounds))] if atoms else []


def _broadcast(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    shape = tuple(a for a in bound.args[1:] if isinstance(a, Var | Const))
    return ALWAYS, [(("broadcast", (len(shape),)), shape)]


def _diagonal(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    where = (*bound.attrs, 0, 1)[:3] if bound.prim == "diag" else bound.attrs
    return ALWAYS, [(("diagonal", tuple(int(str(a)) for a in where)), ())]


def _einsum(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    inputs, _, output = str(bound.attrs[0]).partition("->")
    if len(inputs) == len(output):
        return ALWAYS, [(("T", tuple(inputs.index(c) for c in output)), ())]
    if inputs == output * 2 and len(output) == 1:
        return ALWAYS, [(("einsum", (0, 0, 1)), ())]
    return None


def _part(lo: Lowering, bound: Bound, base: Ref, value: Ref) -> Resolution | None:
    return ALWAYS, [((bound.prim, ()), ())]


def _axes(axis: object) -> tuple[int, ...]:
    assert isinstance(axis, int | tuple | list)
    return (axis,) if isinstance(axis, int) else tuple(axis)


STEPS: Final = {
    "reshape": _reshaped,
    "ravel": _reshaped,
    "contiguous": _contiguous,
    "columns": _columns,
    "squeeze": _squeezed,
    "expand_dims": _expanded,
    "atleast_1d": _at_least,
    "atleast_2d": _at_least,
    "moveaxis": _moved,
    "swapaxes": _swapped,
    "flip": _flipped,
    "broadcast_to": _broadcast,
    "diagonal": _diagonal,
    "diag": _diagonal,
    "einsum": _einsum,
    "real": _part,
    "imag": _part,
}


def same_array(lo: Lowering, value: Ref, dtype: object) -> bool:
    """Tell whether casting an array to a dtype gives the array itself, if no copy is asked for."""
    have = lo.type_of(value).dtype
    return dtype is None or (have is not None and np.dtype(have) == np.dtype(dtype))  # type: ignore[call-overload]  # any object may name a dtype
