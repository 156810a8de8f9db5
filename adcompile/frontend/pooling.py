"""Which lists and objects are put into pools, see `pools`, and when: where they are made.

That they have to be is found out late: where a list of run-time length is to hold them, or where names may stand for
one or the other. Then the function is lowered once more, as it is for dicts whose keys are not known. What comes into
one list is in one pool. If lowering fails with pools, the loops are unrolled instead, if they can be.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from adcompile.frontend import holdings, lists, owned, pools, rows
from adcompile.frontend.birthplaces import Pooled, identity
from adcompile.frontend.frames import NeedsUnrolling, Unresolved
from adcompile.frontend.optionals import Maybe
from adcompile.frontend.values import Ref, Rows, Value
from adcompile.ir.core import NONE, UNDEFINED, Const, Var, is_none
from adcompile.ir.lengths import Length, anchored
from adcompile.ir.structure import Node
from adcompile.ir.types import NESTED, OWNED, Type
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.branches import Join
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.pools import Pool
    from adcompile.frontend.state import State


@dataclass(frozen=True)
class Together:
    """What is resolved when the lists of two places are in one pool."""

    one: ast.AST
    two: ast.AST


@dataclass(frozen=True)
class Holding:
    """What is resolved when it is found what the lists, or objects, that are made at a place hold."""

    place: ast.AST
    pattern: rows.Pattern
    objects: bool


def is_pooling(key: object) -> bool:
    """Tell whether something is resolved by pools."""
    return isinstance(key, Pooled | Together | Holding)


NOWHERE = "no pools"  # resolved when lowering with pools has failed


# -- which there are


def prepare(lo: Lowering) -> None:
    """Make the pools of a function, without lists in them."""
    places = [key.place for key in lo.resolved if isinstance(key, Pooled)]
    root = {place: place for place in places}
    for key in lo.resolved:
        if isinstance(key, Together):
            one, two = root[key.one], root[key.two]
            root.update({place: one for place, other in root.items() if other is two})
    found: dict[ast.AST, Pool] = {}
    for place in places:
        if root[place] not in found:
            held = [key for key in lo.resolved if isinstance(key, Holding) and root[key.place] is root[place]]
            found[root[place]] = _new(lo, root[place], held, root)
        lo.pools[place] = found[root[place]]


@contextmanager
def of_its_own(lo: Lowering) -> Iterator[None]:
    """Let a function that is differentiated inside of another make pools of its own, if nothing is in those around."""
    outer = lo.pools
    empty = all(lo.cells[ref.cell] is lo.empty_pools[ref.cell] for pool in outer.values() for ref in pool.refs)
    if not outer or not empty:
        yield
        return
    lo.pools = {}
    prepare(lo)
    try:
        yield
    finally:
        lo.pools = outer


def _new(lo: Lowering, root: ast.AST, found: Sequence[Holding], roots: Mapping[ast.AST, ast.AST]) -> Pool:
    objects = any(key.objects for key in found)
    patterns = [holdings.canonical(key.pattern, roots) for key in found]
    patterns = [holdings.latest(pattern, patterns) for pattern in patterns]
    for other in patterns[1:]:
        _meet(patterns[0], other)
    pattern = rows.joined(lo, patterns)
    if found and (pattern is None or not all(key.objects == objects for key in found)):
        refuse_mixture(lo, root)

    def of(part: rows.Pattern, name: str) -> Value:
        if isinstance(part, Node):
            pairs = zip(part.steps, part.children, strict=True)
            return part.holding([of(c, f"{name}_{k}" if objects else name) for k, c in pairs])
        if isinstance(part, Const):
            return part
        known = part.layout == OWNED
        dims = None if part.dims is None else tuple(d if known and is_known(d) else lo.facts.fresh() for d in part.dims)
        layout = "" if objects else part.layout or NESTED
        new = lo.builder.emit("list_new", attrs=(Type("list", part.dtype, dims, layout=layout),))
        assert isinstance(new, Var)
        lo.names[new] = name
        ref = lo.new_cell(new)
        lo.pool_of[ref.cell] = root
        lo.empty_pools[ref.cell] = new
        return ref

    name = pattern.called.lower() if isinstance(pattern, Node) and objects and pattern.cls else "rows"
    return pools.Pool(root, of(Type("list", int, ()) if pattern is None else pattern, name), bool(found), objects)


def refuse_mixture(lo: Lowering, root: ast.AST) -> NoReturn:
    """Refuse lists and objects of which one pool cannot hold all."""
    message = "what is in one list holds different things"
    lo.refuse(root, message, "made here and elsewhere", "keep what holds numbers apart from what holds arrays")


def is_known(length: Length) -> bool:
    """Tell whether a length is the same whenever the function is lowered."""
    return isinstance(length, int) or anchored(length)


def _meet(a: rows.Pattern, b: rows.Pattern) -> None:
    """See to it that what two patterns hold at the same place is in one pool."""
    if not isinstance(a, Node) or not isinstance(b, Node):
        return
    if a.cls is b.cls is pools.Placed and isinstance(a.detail, ast.AST) and isinstance(b.detail, ast.AST):
        if a.detail is not b.detail:
            raise Unresolved(Together(a.detail, b.detail))
    for one, two in zip(a.children, b.children, strict=False):
        _meet(one, two)


# -- what is put into them


def grown(lo: Lowering, held: Node[Value], items: list[Value]) -> Rows | None:
    """Make a list of lists in a pool one of run-time length."""
    pattern = rows.pattern_of(lo, items)
    key = wanted(lo, items)
    if key is not None:
        raise Unresolved(key)
    if not isinstance(pattern, Node):
        return None
    made = lo.contents[held.identity] = rows.make(lo, items, pattern)
    return made


def put(lo: Lowering, value: Value, place: ast.AST, node: ast.AST) -> Value:
    """Put a new list or object into a pool."""
    pool = lo.pools[place]
    if isinstance(value, Node) and value.kind != "list":
        return _put_object(lo, value, pool, node)
    if isinstance(value, Ref) and not lo.is_list(value):
        return _put_array(lo, value, pool, node)
    items = [lo.current(c) for c in value.children] if isinstance(value, Node) else []
    key = wanted(lo, items)
    if key is not None:
        raise Unresolved(key)
    pattern = rows.pattern_of(lo, items) if isinstance(value, Node) else _pattern(lo, value)
    if items and pattern is None:
        lo.refuse(node, "the items of a list in a list must be alike", "here", "use tuples, or several lists")
    if pattern is not None:
        hold(lo, pool, pattern, False)
    if isinstance(value, Node):
        value = _listed(lo, items, pool)
    number = lo.builder.emit("list_length", lo.cells[_cells(pool.tree)[0]])
    for cell, part in zip(_cells(pool.tree), _cells(value), strict=True):
        old = lo.cells[cell]
        (new,) = lo.guarded_many(node, "list_append", (old, lo.cells[part]), ())
        assert isinstance(new, Var)
        lo.names[new] = lo.names[old]
        lo.cells[cell] = new
        for other in lo.alias_of(part):
            lo.link(cell, other)
        owned.note(lo, cell, part)
    return pools.row(lo, pool.root, number)


def _put_array(lo: Lowering, value: Ref, pool: pools.Pool, node: ast.AST) -> Value:
    """Put a new array into a pool; one that may share memory with others stays what it is."""
    t = lo.type_of(value)
    if not owned.is_own(lo, value):
        return value
    hold(lo, pool, Type("list", t.dtype, t.dims, layout=OWNED), False)
    assert isinstance(pool.tree, Ref)
    old = lo.cells[pool.tree.cell]
    number = lo.builder.emit("list_length", old)
    (new,) = lo.guarded_many(node, "list_append", (old, lo.cells[value.cell]), ())
    assert isinstance(new, Var)
    lo.names[new] = lo.names[old]
    lo.cells[pool.tree.cell] = new
    return pools.row(lo, pool.root, number)


def _put_object(lo: Lowering, value: Node[Value], pool: pools.Pool, node: ast.AST) -> Value:
    parts: list[rows.Pattern] = []
    for child in value.children:
        if (key := wanted(lo, [child])) is not None:
            raise Unresolved(key)
        part = rows.pattern_of(lo, [child])
        if part is None:
            lo.refuse(
                node, f"what is in a `{value.called}` in a list must be numbers, arrays, or lists of them", "here"
            )
        parts.append(part)
    hold(lo, pool, value.holding(parts), True)
    assert isinstance(pool.tree, Node)
    if not pool.refs:
        lo.refuse(node, f"a `{value.called}` without numbers or arrays, in a list", "here")
    number = lo.builder.emit("list_length", lo.cells[pool.refs[0].cell])
    pools.spread(lo, pool.tree.children, value.children, "append", (), node)
    lo.placed[value.identity] = pool.root, number
    return lo.current(value)


def _pattern(lo: Lowering, value: Value) -> rows.Pattern:
    return rows.types_of(lo, value) if isinstance(value, Rows) else lo.type_of(value)


def _listed(lo: Lowering, items: list[Value], pool: Pool) -> Value:
    """Make a list of run-time length of known items, as the lists of a pool are."""

    def of(tree: Value) -> rows.Pattern:
        if isinstance(tree, Node):
            return tree.holding([of(c) for c in tree.children])
        if isinstance(tree, Ref):
            t = lo.cells[tree.cell].type
            return Type("list", t.dtype, t.dims)
        assert isinstance(tree, Const)
        return tree

    pattern = of(pool.tree)
    if isinstance(pattern, Node):
        return rows.make(lo, items, pattern)
    assert isinstance(pattern, Type)
    own = lists.common_type(lo, [lo.type_of(i) for i in items])
    return lists.make(lo, items, own or pattern)


def _cells(tree: Value) -> list[int]:
    return [ref.cell for ref in rows.refs_in(tree.pattern if isinstance(tree, Rows) else tree)]


def hold(lo: Lowering, pool: pools.Pool, pattern: rows.Pattern, objects: bool) -> None:
    """See to it that the lists of a pool can hold such items."""
    if not pool.known or pool.objects != objects or not holdings.covers(holdings.shape(lo, pool.tree), pattern):
        known = [key for key in lo.resolved if isinstance(key, Holding) and lo.pools[key.place] is pool]
        if any(key.objects == objects and holdings.form(key.pattern) == holdings.form(pattern) for key in known):
            refuse_mixture(lo, pool.root)
        raise Unresolved(Holding(pool.root, pattern, objects))


def check_part(lo: Lowering, pool: pools.Pool, k: int, new: Value) -> None:
    """See to it that an attribute of the objects of a pool can hold a value, if others are None, and the other way."""
    tree = pool.tree
    assert isinstance(tree, Node)
    old, new = tree.children[k], lo.seen(new)
    if isinstance(old, Const) and is_none(old) and new is not UNDEFINED:
        if (key := wanted(lo, [new])) is not None:
            raise Unresolved(key)
    elif not is_none(new) or (isinstance(old, Node) and old.cls is Maybe):
        return
    shape = holdings.shape(lo, tree)
    part = rows.pattern_of(lo, [NONE, new])
    if isinstance(shape, Node) and part is not None:
        hold(lo, pool, shape.holding([*shape.children[:k], part, *shape.children[k + 1 :]]), True)


def check_item(lo: Lowering, held: Ref, item: Value) -> None:
    """See to it that a list, if it is in a pool, can hold an item."""
    if not pools.is_row(held):
        return
    pool = lo.pools[pools.place_of(lo, held)[0]]
    if not isinstance(pool.tree, Ref):  # `held` is one of the lists of numbers that a list of tuples is
        return
    key = wanted(lo, [item])
    if key is not None:
        raise Unresolved(key)
    pattern = rows.pattern_of(lo, [item])
    if pattern is not None:
        hold(lo, pool, pattern, False)


# -- finding out what has to be in pools


def wanted(lo: Lowering, items: Iterable[Value]) -> object:
    """Return what is to be resolved so that a list of run-time length can hold these items; None if nothing can be."""
    if NOWHERE in lo.resolved:
        return None
    values = [pools.decoded(lo, lo.seen(item)) for item in items]
    tuples = [v.children for v in values if isinstance(v, Node) and v.kind == "tuple"]
    for column in zip(*tuples, strict=False):
        inner = wanted(lo, column)
        if inner is not None:
            return inner
    arrays = any(pools.is_row(v) and not lo.is_list(v) for v in values)
    roots = [pools.place_of(lo, v)[0] for v in values if pools.is_placed(lo, v)]
    for root in roots:
        if root is not roots[0]:
            return Together(roots[0], root)
    for value in values:
        place = _place(lo, value, arrays)
        if place is not None and Pooled(place) not in lo.resolved:
            return Pooled(place)
    return None


def of_numbers(lo: State, numbers: Iterable[int]) -> object:
    """Return what is to be resolved so that the first of some lists is in a pool, of those that are in none."""
    return of_places(lo, (lo.birthplaces[number] for number in sorted(numbers) if number in lo.birthplaces))


def of_places(lo: State, places: Iterable[ast.AST]) -> object:
    """Return what is to be resolved so that what is made at the first of some places is in a pool; None if all is."""
    keys = (Pooled(place) for place in places)
    return None if NOWHERE in lo.resolved else next((key for key in keys if key not in lo.resolved), None)


def _place(lo: Lowering, value: Value, arrays: bool) -> ast.AST | None:
    """Return where a list was made, if it may be put into a pool there; with `arrays`, also where an array was."""
    own = identity(value)
    if own is None or (isinstance(value, Ref) and not lo.is_list(value) and not arrays):
        return None
    if own not in lo.birthplaces and not isinstance(value, Node):
        others = (i for i, held in lo.contents.items() if held == value and i in lo.birthplaces)
        own = next(others, own)
    return lo.birthplaces.get(own)


def unrolling(lo: Lowering, node: ast.AST, items: Iterable[Value], cell: int | None = None) -> NeedsUnrolling:
    """Return what says that a loop has to be unrolled, unless these items of a list can be put into a pool.

    `cell` is that of the list, if it is one of run-time length that does not hold such items.
    """
    values = list(items)
    advice = "make numbers of arrays without axes before they come into the list: x[()]"
    bare = any(isinstance(v, Ref) and lo.type_of(v).is_array and lo.type_of(v).dims == () for v in values)
    return NeedsUnrolling(node, resolving=wanted(lo, values), items=cell, advice=advice if bare else "")


def gather(lo: Lowering, items: Iterable[Value]) -> None:
    """See to it that the items of a list are in one pool, if they can be."""
    key = wanted(lo, items)
    if key is not None:
        raise Unresolved(key)


def joined(join: Join, name: str, a: Value, b: Value) -> Value:
    """Join lists or objects of a pool: which one it is is a number."""
    found = [v for v in (a, b) if v is not UNDEFINED]
    if not all(pools.is_placed(join.lo, v) for v in found) or len({pools.place_of(join.lo, v)[0] for v in found}) > 1:
        raise unrolling(join.lo, join.node, (a, b))
    return pools.decoded(join.lo, join.structure(name, *(pools.encoded(join.lo, v) for v in (a, b))))
