"""Arrays in lists of run-time length that are stored to: lists own them, see `pools`.

That they have to be is found out at the store: then the function is lowered once more, and the arrays are put into a
pool where they are made. For each list it is remembered where the arrays were made that came into it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

from adcompile.frontend.values import Ref, Value

if TYPE_CHECKING:
    from adcompile.frontend.buffers import Buffers


def is_own(lo: Buffers, value: Value) -> bool:
    """Tell whether a value is an array, of known rank, that is known to share memory with no other."""
    if not isinstance(value, Ref) or value.path or value.cell in lo.choices or lo.alias_of(value.cell):
        return False
    t = lo.cells[value.cell].type
    return t.is_array and bool(t.dims) and value.cell not in lo.pending and value.cell not in lo.cached


def note(lo: Buffers, held: int, item: int) -> None:
    """Remember where an array was made that is put into a list, by their cells."""
    near = (item, *lo.alias_of(item))
    found = [lo.birthplaces[c] for c in near if c in lo.birthplaces and c in lo.cells and lo.cells[c].type.is_array]
    found += [place for c in near for place in lo.items_from.get(c, ())]
    lo.items_from.setdefault(held, {}).update(dict.fromkeys(found))


def places(lo: Buffers, cells: Iterable[int]) -> list[ast.AST]:
    """Return where the arrays were made that are in the lists among some cells, and those that may share memory."""
    return [place for cell in cells for c in (cell, *lo.alias_of(cell)) for place in lo.items_from.get(c, ())]
