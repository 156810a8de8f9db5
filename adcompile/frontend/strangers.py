"""Arrays from outside that a function, which is called as it is, may change while they are read.

def refresh(): ...            # not lowered, and names `table`
def f(x):
    y = x * table             # refused: the reverse sweep would read `table` as refresh() left it
    refresh()
    return y
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from adcompile.errors import CompileError
from adcompile.frontend.outside import Capture
from adcompile.ir.forms import part_of

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def refuse_shared(lo: Lowering, captures: Sequence[Capture]) -> None:
    """Refuse to read an array from outside which a function that is called as it is names too."""
    read = [(c.root, part_of(c.read(), path)) for c in captures for v, path in c.paths() if v in c.used]
    arrays = [(name, a) for name, a in read if isinstance(a, np.ndarray)]
    for function, place in lo.strangers:
        named = list(_arrays(function, set())) if arrays else []
        for name, array in arrays:
            if any(np.may_share_memory(array, other) for other in named):
                raise CompileError(
                    f"this call may change `{name}`, which is read here too",
                    place,
                    "not known to the compiler, and uses the same array",
                    f"read a copy of `{name}` that is made outside of the differentiated function",
                )


def _arrays(f: object, seen: set[int]) -> Iterator[np.ndarray]:
    """Yield the arrays that a function, or one that it calls, names."""
    if not isinstance(f, types.FunctionType) or id(f) in seen:
        return
    seen.add(id(f))
    cells = [c.cell_contents for c in f.__closure__ or () if _is_filled(c)]
    for value in (*cells, *(f.__globals__.get(name) for name in _names(f.__code__))):
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, list | tuple | dict):
            yield from (v for v in (value.values() if isinstance(value, dict) else value) if isinstance(v, np.ndarray))
        else:
            yield from _arrays(value, seen)


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _names(code: types.CodeType) -> Iterator[str]:
    """Yield the names that the code of a function, and of those in it, may look up in its module."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)
