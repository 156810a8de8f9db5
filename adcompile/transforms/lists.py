"""The adjoints of operations on lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adcompile.errors import CompileError
from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, Atom, Attrs, Const, Eqn, Var
from adcompile.ir.lists import ROWS, in_row
from adcompile.records import dataclass, replace
from adcompile.transforms import conform
from adcompile.transforms.stores import last_writes

Bars = dict[Var, Atom]


@dataclass(frozen=True, slots=True)
class Within:
    """A builder whose operations on lists are done to one list of a list of lists: to number `row`, if there is one."""

    b: Builder
    row: Atom | None = None

    def emit(self, prim: str, held: Atom, *args: Atom) -> Atom:
        return self.emit_many(prim, (held, *args))[0]

    def emit_many(self, prim: str, args: tuple[Atom, ...]) -> tuple[Atom, ...]:
        if self.row is None:
            return self.b.emit_many(prim, args)
        return self.b.emit_many(in_row(prim), (args[0], self.row, *args[1:]))

    def part(self, prim: str, held: Atom, *args: Atom, path: Attrs) -> Atom:
        """Apply an operation to an array of a list that owns its arrays."""
        assert self.row is not None
        return self.b.emit(in_row(prim), held, self.row, *args, attrs=path)


def list_adjoint(
    b: Builder, eqn: Eqn, gs: Sequence[Atom | None], bars: Bars, accumulate: Callable[[Atom, Atom], None]
) -> None:
    """Update the adjoints of an operation's operands; `gs` are those of its results."""
    inside = Within(b)
    if eqn.prim in ROWS:
        inside = Within(b, eqn.args[1])
        eqn = replace(eqn, prim=ROWS[eqn.prim], args=(eqn.args[0], *eqn.args[2:]))
    held = eqn.args[0] if eqn.args else None
    g = gs[0]
    match eqn.prim:
        case "list_new":
            assert g is not None
            for k, item in enumerate(eqn.args):
                accumulate(item, b.emit("list_get", g, Const(k)))
        case "list_append":
            assert g is not None and isinstance(held, Var)
            rest, last = inside.emit_many("list_pop", (g,))
            settle(bars, held, rest, eqn)
            accumulate(eqn.args[1], last)
        case "list_pop":
            assert isinstance(held, Var)
            rest = conform.zeros(b, eqn.outs[0]) if g is None else g
            last = conform.zeros(b, eqn.outs[1]) if gs[1] is None else gs[1]
            settle(bars, held, inside.emit("list_append", rest, last), eqn)
        case "list_get":
            assert g is not None and isinstance(held, Var)
            before = bars[held] if held in bars else conform.zeros(b, held)
            bars[held] = inside.emit("list_add", before, eqn.args[1], g)
        case "list_array":
            assert g is not None and isinstance(held, Var)
            if inside.row is None:
                accumulate(held, b.emit("list_items", g))
            else:
                before = bars[held] if held in bars else conform.zeros(b, held)
                bars[held] = inside.emit("list_add_slice", before, NONE, NONE, NONE, b.emit("list_items", g))
        case "list_items":
            assert g is not None and held is not None
            accumulate(held, b.emit("list_array", g))
        case "list_slice":
            assert g is not None and isinstance(held, Var)
            before = bars[held] if held in bars else conform.zeros(b, held)
            bars[held] = inside.emit("list_add_slice", before, *eqn.args[1:], g)
        case "list_concat":
            assert g is not None and held is not None
            length = b.emit("list_length", held)
            accumulate(held, b.emit("list_slice", g, NONE, length, NONE))
            accumulate(eqn.args[1], b.emit("list_slice", g, length, NONE, NONE))
        case "list_repeat":
            assert g is not None and held is not None
            accumulate(held, b.emit("list_fold", g, held))
        case "list_insert":
            assert g is not None and isinstance(held, Var)
            rest, item = inside.emit_many("list_take", (g, inserted_at(inside, g, eqn.args[1])))
            settle(bars, held, rest, eqn)
            accumulate(eqn.args[2], item)
        case "list_take":
            assert isinstance(held, Var)
            rest = conform.zeros(b, eqn.outs[0]) if g is None else g
            item = conform.zeros(b, eqn.outs[1]) if gs[1] is None else gs[1]
            settle(bars, held, inside.emit("list_insert", rest, taken_from(inside, rest, eqn.args[1]), item), eqn)
        case "index":
            assert g is not None and isinstance(held, Var)
            before = bars[held] if held in bars else conform.zeros(b, held)
            g = g if eqn.out.type.dims is None else conform.shrink(b, g, eqn.out, eqn.out.type.dims)
            bars[held] = inside.part("index_add", before, g, *eqn.args[1:], path=eqn.attrs)
        case "index_update" | "index_add":
            assert g is not None and isinstance(held, Var)
            stored_adjoint(inside, eqn, g, bars, accumulate)
        case "list_set":
            assert g is not None and isinstance(held, Var)
            index, value = eqn.args[1:]
            part = inside.emit("list_get", g, index)
            accumulate(value, part)
            zero = conform.zeros(b, part) if isinstance(part, Var) else Const(0.0)
            settle(bars, held, inside.emit("list_set", g, index, zero), eqn)


def stored_adjoint(inside: Within, eqn: Eqn, g: Atom, bars: Bars, accumulate: Callable[[Atom, Atom], None]) -> None:
    """Update the adjoints of the operands of a store, or an addition, to a part of an array in a list."""
    held, value, *places = eqn.args
    (path,) = eqn.attrs
    assert isinstance(held, Var) and isinstance(path, tuple)
    piece = inside.part("index", g, *places, path=eqn.attrs)
    if eqn.prim == "index_update":
        if any(isinstance(step, str) and "a" in step for step in path):
            whole = inside.part("index", g, path=(("e",),))
            like = replace(eqn, args=(whole, *eqn.args[1:]))
            piece = inside.b.emit("mul", piece, last_writes(inside.b, like, piece, path))
        g = inside.part("index_update", g, Const(0.0), *places, path=eqn.attrs)
    accumulate(value, piece)
    settle(bars, held, g, eqn)


def inserted_at(inside: Within, g: Atom, index: Atom) -> Atom:
    """Return where the item of ``insert(index, item)`` is, in a list like the result."""
    if isinstance(index, Const) and index.value == 0:
        return index
    b = inside.b
    last = b.emit("sub", inside.emit("list_length", g), Const(1))
    if isinstance(index, Const) and isinstance(index.value, int) and index.value < 0:
        return b.emit("max_int", b.emit("add", last, index), Const(0))
    return b.emit("min_int", index, last)


def taken_from(inside: Within, rest: Atom, index: Atom) -> Atom:
    """Return where the item of ``pop(index)`` was, given a list like that which is left."""
    if isinstance(index, Const) and isinstance(index.value, int) and index.value >= 0:
        return index
    return inside.b.emit("mod", index, inside.b.emit("add", inside.emit("list_length", rest), Const(1)))


def settle(bars: Bars, held: Var, bar: Atom, eqn: Eqn) -> None:
    """Set the adjoint of a list before it was changed; nothing can have read that version afterwards."""
    if held in bars:
        raise CompileError(
            "a list is read after it was changed through another name",
            eqn.span,
            "changed here",
            "make a copy of the list before changing it",
        )
    bars[held] = bar
