"""Lists in lists, as many as is known only at run time: each is one of a list of lists, and a number says which.

    grid = [[0.0] * m for _ in range(n)]         rows = []
    row = grid[i]                                grid = []
    row[j] = v                            ->     for _ in range(n):
                                                     grid.append(len(rows))
                                                     rows.append([0.0] * m)
                                                 row = grid[i]
                                                 rows[row][j] = v

The numbers are data like any other ints: they may be swapped, deleted, sorted, kept in tuples and dicts, and two names
are names of one list if they are the same number. `rows` is a pool. A name of a list in it is a reference to the cell
of the pool, along the path `ROW`, so that a change through one name is seen through all.

Lists are put into a pool where they are made. That they have to be is found out late, as for dicts whose keys are not
known: then the function is lowered once more. Lists that come into one list are of one pool. A list of tuples takes
one pool for each number or array in them.

Objects, and dicts with known keys, are held likewise: a list for each attribute has its values for all objects.

    p = Particle(x, v)                           n = len(particle_x)
    p.x = p.x + p.v                       ->     particle_x.append(x); particle_v.append(v)
                                                 particle_x[n] = particle_x[n] + particle_v[n]

And so are arrays that are in lists and are stored to, through whatever name: a list owns them, and all others have
their numbers. Of these, `tree` is the list of the arrays.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompile.frontend import lists, rows
from adcompile.frontend.paths import ROW
from adcompile.frontend.values import Ref, Rows, Value
from adcompile.ir.core import FALSE, Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.records import dataclass, replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.state import State


@dataclass(eq=False)
class Pool:
    """The lists of some places: `tree` is what one of them is, with a list of lists in the place of each list.

    `root` is one of the places. `known`: it is known what the lists hold. `objects`: they are objects, and `tree` is
    one with a list in the place of each number or array.
    """

    root: ast.AST
    tree: Value
    known: bool
    objects: bool

    @property
    def refs(self) -> list[Ref]:
        return rows.refs_in(self.tree)


# -- the lists in them


def is_row(value: Value) -> bool:
    """Tell whether a value is a list in a pool."""
    if isinstance(value, Rows):
        first = rows.first_column(value)
        return first is not None and is_row(first)
    return isinstance(value, Ref) and value.path == ROW


def is_placed(lo: State, value: Value) -> bool:
    """Tell whether a value is a list or object in a pool."""
    return is_row(value) or (isinstance(value, Node) and value.identity in lo.placed)


def place_of(lo: State, value: Value) -> tuple[ast.AST, Atom]:
    """Return what tells the pool of a list or object from others, and which it is."""
    if isinstance(value, Node):
        return lo.placed[value.identity]
    ref = rows.first_column(value) if isinstance(value, Rows) else value
    assert isinstance(ref, Ref)
    return lo.pool_of[ref.cell], ref.atoms[0]


def row(lo: State, root: ast.AST, number: Atom) -> Value:
    """Return a list or object of a pool."""
    pool = lo.pools[root]
    if pool.objects:
        assert isinstance(pool.tree, Node)
        new = lo.like(pool.tree, ())
        lo.placed[new.identity] = root, number
        return new

    def of(tree: Value) -> Value:
        if isinstance(tree, Node):
            return tree.holding([of(c) for c in tree.children])
        return Ref(tree.cell, ROW, (number,)) if isinstance(tree, Ref) else tree

    found = of(pool.tree)
    return Rows(found) if isinstance(found, Node) else found


class Placed:
    """The class of what stands for a list of a pool in a list: a tuple with its number."""


def encoded(lo: State, value: Value) -> Value:
    """Return what stands for a value in a list of run-time length."""
    if not is_placed(lo, value):
        return value
    root, number = place_of(lo, value)
    return Node("tuple", (number,), cls=Placed, detail=root)


def decoded(lo: State, item: Value) -> Value:
    """Return what something stands for in a list of run-time length."""
    if not isinstance(item, Node) or item.cls is not Placed:
        return item
    number, root = item.children[0], item.detail
    if not isinstance(number, Var | Const):  # a list of numbers: the pattern of a list
        return item
    assert isinstance(root, ast.AST)
    return row(lo, root, number)


# -- what objects hold


def spread(
    lo: Lowering, trees: Sequence[Value], parts: Sequence[Value], name: str, places: Sequence[Atom], node: ast.AST
) -> None:
    """Put parts of an object into the lists of its pool."""

    def put(ref: Ref, part: Value) -> None:
        if places:
            lists.store(lo, ref, places[0], part, node)
        else:
            lists.method(lo, ref, name, [part], node)

    rows.spread(lo, Rows(Node("tuple", tuple(trees))), Node("tuple", tuple(parts)), put, node)


def fields_of(lo: Lowering, held: Node[Value]) -> Value:
    """Return an object with what it holds now."""
    root, number = lo.placed[held.identity]
    tree = lo.pools[root].tree
    assert isinstance(tree, Node)

    def get(ref: Ref) -> Value:
        return lists.taken(lo, ref, lists.of(lo, ref, "list_get", number))

    found = rows.each(lo, Rows(Node("tuple", tree.children)), get)
    assert isinstance(found, Node)
    return replace(tree, children=found.children, identity=held.identity)


def store_fields(
    lo: Lowering, held: Node[Value], children: Sequence[Value], keys: Sequence[object] | None, node: ast.AST
) -> None:
    """Change what an object holds."""
    from adcompile.frontend import pooling

    root, number = lo.placed[held.identity]
    tree = lo.pools[root].tree
    assert isinstance(tree, Node)
    if keys is not None and tuple(keys) != tree.keys:
        what = "attributes" if tree.kind == "object" else "keys"
        message = f"the {what} of a `{tree.called}` in a list must be those that it was made with"
        lo.refuse(node, message, "others after this", "set them all where it is made")
    for k, (part, old, new) in enumerate(zip(tree.children, held.children, children, strict=True)):
        if new is not old:
            pooling.check_part(lo, lo.pools[root], k, new)
            spread(lo, [part], [new], "", (number,), node)


def refers_to_itself(lo: Lowering, held: Value) -> bool:
    """Tell whether an object of a pool may refer to others of its pool, as nodes of lists and trees do."""
    if not isinstance(held, Node) or held.identity not in lo.placed:
        return False
    own = lo.placed[held.identity][0]
    roots = list(lo.roots_in(lo.pools[own].tree))
    for root in roots:  # grows
        roots += [other for other in lo.roots_in(lo.pools[root].tree) if other not in roots]
    return any(lo.pools[root] is lo.pools[own] for root in roots)


def same(lo: Lowering, a: Value, b: Value) -> Atom:
    """Return the truth of ``a is b`` for two values of which one is in a pool."""
    places = [place_of(lo, v) for v in (a, b) if is_placed(lo, v)]
    if len(places) < 2 or places[0][0] is not places[1][0]:
        return FALSE
    return lo.builder.emit("eq", places[0][1], places[1][1])
