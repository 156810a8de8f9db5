"""Tuples that may hold tuples like themselves, as recursive functions return them.

    def build(x, n):                                  build(x, n) -> t
        if n == 0:                                        left, right = build(x, n - 1), build(x * x, n - 1)
            return None                       ->          t = tree(left_set, left, right_set, right, x)
        return build(x, n - 1), build(x * x, n - 1), x    return n != 0, t

How deep such a tuple is is known only at run time. In the program it is one value, a *tree*; its layout says what its
parts are, of which some are trees again. A tree is taken apart where it is unpacked or indexed. Like an array it has a
cell, by which it is known what may be reached through it: arrays in a tree cannot be stored into.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adcompile.frontend import lists
from adcompile.frontend.frames import Unbound
from adcompile.frontend.optionals import Maybe, is_optional, pair, paired
from adcompile.frontend.values import Ref, Value
from adcompile.ir.core import UNDEFINED, Atom, Const, Var, is_none
from adcompile.ir.lengths import ANY_LENGTH
from adcompile.ir.structure import Node
from adcompile.ir.types import PY_BOOL, Type, join, tree_type
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.branches import Join
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.state import State

# A type for what differs from tree to tree, a constant for what does not, UNDEFINED where nothing is known yet.
Pattern = Node[Type | Const] | Type | Const


@dataclass(slots=True, eq=False)
class Layout:
    """What the trees of one structure are made of.

    pattern  None while no tree has been seen
    settled  what the trees are made of is known, and no other can join them
    """

    name: str
    pattern: Pattern | None = None
    settled: bool = False


def layout_of(lo: State, value: Value) -> str:
    """Return the name of a tree's layout; "" for what is no tree."""
    return lo.cells[value.cell].type.layout if isinstance(value, Ref) and not value.path else ""


def outside(t: Type) -> Type:
    """Return a type without the lengths that are known where it comes from."""
    dims = None if t.dims is None else tuple(d if isinstance(d, int) else ANY_LENGTH for d in t.dims)
    return Type(t.kind, t.dtype, dims, layout=t.layout)


# -- making trees


def folded(lo: Lowering, name: str, value: Value, node: ast.AST) -> Value:
    """Return a tuple as a tree of a layout, which is made to fit it; what may be None stays a pair."""
    value = lo.current(value)
    if value is UNDEFINED or is_none(value) or layout_of(lo, value) == name:
        return value
    if is_optional(value):
        present, held = value.children
        assert isinstance(present, Var | Const)
        return pair(present, folded(lo, name, held, node))
    layout = lo.layouts[name]
    wider = _joined(lo, layout.pattern, _pattern(lo, value, node), node)
    if wider != layout.pattern:
        if layout.settled:
            lo.refuse(node, f"this has another structure than what `{name}` returns", "here")
        layout.pattern = wider
    held_in: list[Ref] = []
    atoms = tuple(_atoms(lo, value, wider, held_in, node))
    made = lo.new_cell(_var(lo.builder.emit("tree", *atoms, attrs=(tree_type(name),))))
    for ref in held_in:
        lo.link(made.cell, ref.cell)
        if lo.cells[ref.cell].type.is_list:
            lo.twin(made.cell, ref.cell)
    return made


def alike(join: Join, a: Value, b: Value) -> tuple[Value, Value]:
    """Return what the two sides of a branch leave, a tuple that is a tree on the other side as a tree, too."""
    lo = join.lo
    names = [layout_of(lo, v) if isinstance(v, Ref) and v.cell in lo.cells else "" for v in (a, b)]
    if isinstance(a, Node) and names[1]:
        return join.on_side(0, lambda: folded(lo, names[1], a, join.node)), b
    if isinstance(b, Node) and names[0]:
        return a, join.on_side(1, lambda: folded(lo, names[0], b, join.node))
    return a, b


def _var(atom: Atom) -> Var:
    assert isinstance(atom, Var)
    return atom


def _pattern(lo: Lowering, value: Value, node: ast.AST) -> Pattern:
    """Return what a layout must have for a value."""
    value = lo.current(value)
    match value:
        case Node(kind="tuple"):
            return value.holding([_pattern(lo, c, node) for c in value.children])
        case Node(kind="list", cls=None):
            items = [lo.type_of(lo.current(c)) for c in value.children]
            held = lists.common_type(lo, items) if items else Type("list", None)
            if held is not None:
                return outside(held)
        case Ref():
            return outside(lo.type_of(value))
        case Var() if value.type.kind != "object":
            return outside(value.type)
        case Const():
            return outside(value.type) if value.type.is_numeric else value
    lo.refuse(node, "this cannot be in a tuple that holds others like itself", "here", "use numbers, arrays and tuples")


def _joined(lo: Lowering, a: Pattern | None, b: Pattern, node: ast.AST) -> Pattern:
    """Return the pattern of what is like either of two."""
    if a is None or a is UNDEFINED or a == b:
        return b
    if b is UNDEFINED:
        return a
    if isinstance(a, Const) and isinstance(b, Const) and a.key == b.key:
        return a
    either = ((a, b), (b, a))
    for one, other in either:
        if is_none(one):
            return other if _is_maybe(other) else _maybe(other)
    if _is_maybe(a) or _is_maybe(b):
        return _maybe(_joined(lo, _held_in(a), _held_in(b), node))
    for one, other in either:
        if isinstance(one, Type) and one.is_tree and isinstance(other, Node):
            layout = lo.layouts[one.layout]
            layout.pattern = _joined(lo, layout.pattern, other, node)
            return one
    if isinstance(a, Node) and isinstance(b, Node) and a.form == b.form:
        return a.holding([_joined(lo, x, y, node) for x, y in zip(a.children, b.children, strict=True)])
    if isinstance(a, Type) and isinstance(b, Type):
        for one, other in ((a, b), (b, a)):
            if one.is_list and one.dtype is None and other.is_list:  # no item of it has been seen
                return other
        t = outside(join(lo.facts, a, b))
        if t.kind != "object" and not (t.is_array and (t.dims is None or a.is_array != b.is_array)):
            return t
    lo.refuse(node, "a part of this tuple is not of the same kind in all tuples like it", "here")


def _is_maybe(pattern: Pattern) -> bool:
    return isinstance(pattern, Node) and pattern.cls is Maybe


def _held_in(pattern: Pattern) -> Pattern:
    return pattern.children[1] if isinstance(pattern, Node) and _is_maybe(pattern) else pattern


def _maybe(held: Pattern) -> Pattern:
    return Node("tuple", (PY_BOOL, held), cls=Maybe)


def _atoms(lo: Lowering, value: Value, pattern: Pattern, held_in: list[Ref], node: ast.AST) -> Iterator[Atom]:
    """Yield the parts of a tree."""
    value = lo.current(value)
    match pattern:
        case Const():
            return
        case Node():
            whole = paired(value) if _is_maybe(pattern) else value
            assert isinstance(whole, Node) or whole is UNDEFINED
            children = whole.children if isinstance(whole, Node) else (UNDEFINED,) * len(pattern.children)
            for child, part in zip(children, pattern.children, strict=True):
                yield from _atoms(lo, child, part, held_in, node)
        case Type():
            if pattern.is_tree:
                value = folded(lo, pattern.layout, value, node)
            if isinstance(value, Node) and pattern.is_list:
                value = lists.make(lo, value.children, pattern)
            if isinstance(value, Ref):
                held_in.append(value)
            yield lo.atom(value)


# -- taking them apart


def opened(lo: Lowering, value: Value, node: ast.AST | None) -> Value:
    """Return the tuple that a tree is; another value as it is."""
    name = layout_of(lo, value)
    if not name:
        return value
    assert isinstance(value, Ref)
    pattern = lo.layouts[name].pattern
    if pattern is None:
        raise Unbound(f"what `{name}` returns is not known", lo.span(node))
    types = tuple(_types(pattern))
    atoms = lo.builder.emit_many("untree", (lo.cells[value.cell],), (types,))
    parts = iter([_held(lo, value, atom) for atom in atoms])

    def built(pattern: Pattern) -> Value:
        if isinstance(pattern, Const):
            return pattern
        if isinstance(pattern, Type):
            return next(parts)
        children = [built(p) for p in pattern.children]
        if pattern.cls is not Maybe:
            return pattern.holding(children)
        present, held = children
        assert isinstance(present, Var | Const)
        return pair(present, held)

    return built(pattern)


def _held(lo: Lowering, tree: Ref, atom: Atom) -> Value:
    """Return a part of a tree; arrays and lists are not to be changed."""
    part = lo.wrap(atom)
    if isinstance(part, Ref):
        lo.link(part.cell, tree.cell)
        if isinstance(atom, Var) and not atom.type.is_tree:
            lo.held.add(part.cell)
    return part


def _types(pattern: Pattern) -> Iterator[Type]:
    if isinstance(pattern, Node):
        for child in pattern.children:
            yield from _types(child)
    elif isinstance(pattern, Type):
        yield pattern


# -- finding them

Shape = Node[int] | int
Path = tuple[int, ...]


def growing(before: Shape, after: Shape) -> Path | None:
    """Return where, in what a function returns, a tuple holds one like that which was there an attempt before.

    Pairs of whether there is a value and the value stand where the value stands.
    """
    before, after = _value_in(before), _value_in(after)
    if not isinstance(before, Node) or not isinstance(after, Node):
        return None
    if before.kind == after.kind == "tuple" and any(_alike(before, c) for c in _within(after)):
        return ()
    if before.form != after.form:
        return None
    for k, (one, two) in enumerate(zip(before.children, after.children, strict=True)):
        found = growing(one, two)
        if found is not None:
            return (k, *found)
    return None


def _value_in(shape: Shape) -> Shape:
    return shape.children[1] if isinstance(shape, Node) and shape.cls is Maybe else shape


def _within(shape: Node[int]) -> Iterator[Node[int]]:
    """Yield the tuples inside a tuple, at any depth."""
    for child in shape.children:
        if isinstance(child, Node):
            if child.kind == "tuple" and child.cls is not Maybe:
                yield child
            yield from _within(child)


def _alike(a: Shape, b: Shape) -> bool:
    if isinstance(a, Node) and isinstance(b, Node):
        return a.form == b.form and all(_alike(x, y) for x, y in zip(a.children, b.children, strict=True))
    return isinstance(a, int) and isinstance(b, int)


def folded_at(lo: Lowering, path: Path, name: str, value: Value, node: ast.AST) -> Value:
    """Fold what stands at a place of a result."""
    value = lo.current(value)
    if is_optional(value) and path:
        present, held = value.children
        assert isinstance(present, Var | Const)
        return pair(present, folded_at(lo, path, name, held, node))
    if not path:
        return folded(lo, name, value, node)
    if not isinstance(value, Node) or value.kind != "tuple":
        return value
    children = list(value.children)
    children[path[0]] = folded_at(lo, path[1:], name, children[path[0]], node)
    return value.holding(children)
