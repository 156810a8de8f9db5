"""What lists are made of: the types of their items, and the names of what is done to one list of a list of lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adcompile.ir.types import NESTED, TEXT, Type


def element_type(t: Type) -> Type:
    """Return the type of a list's elements: of its numbers it is not known whether they are Python's or NumPy's."""
    if t.is_nested:
        return Type("list", t.dtype, t.dims)
    if t.dtype is str:
        return TEXT
    if t.dims != ():
        return Type("array", t.dtype, t.dims)
    return Type("scalar" if not isinstance(t.dtype, type) else "py", t.dtype)


def list_type(element: Type) -> Type:
    """Return the type of a list of such elements."""
    return Type(
        "list", element.dtype, () if element.is_text else element.dims, layout=NESTED if element.is_list else ""
    )


def in_row(prim: str) -> str:
    """Return the primitive that does to one item of a list of lists, or of arrays, what `prim` does to such an item."""
    return f"list_row_{prim.removeprefix('list_')}"


# The operations on one array of a list that owns its arrays. What is read is never a view.
PARTS: Final = ("index", "index_update", "index_add")
READ: Final = "list_row_index"
VIEW: Final = "list_row_view"  # the same, where it may be a view
STORES: Final = frozenset({"list_row_index_update", "list_row_index_add"})

# The operations on one item of a list of lists or arrays, and what each does to that item.
ROWS: Final[Mapping[str, str]] = {
    in_row(prim): prim
    for prim in (
        "list_append",
        "list_pop",
        "list_get",
        "list_set",
        "list_add",
        "list_length",
        "list_array",
        "list_slice",
        "list_insert",
        "list_take",
        "list_add_slice",
        *PARTS,
    )
}

MEASURING: Final = ("list_length", "list_zeros")  # what needs no more of a list than its length, or may
