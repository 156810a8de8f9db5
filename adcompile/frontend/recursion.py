"""Recursive calls: a function that calls itself becomes a function of the program, called by name.

What it returns is found by trying: the first time the recursive calls are skipped, so that the base case tells the
types; then it is lowered again with what was found, until nothing changes. Lengths of its array parameters have no
examples, since they differ from call to call: what depends on them is decided at run time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from adcompile.frontend.frames import Frame, Unbound
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import LocalFunction, Method, Partial, Ref, Value, is_static
from adcompile.frontend.variables import local_names
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Const, Function, Var
from adcompile.ir.lengths import Dim, Facts
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import Type, join
from adcompile.records import dataclass, field

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.outside import Capture

ATTEMPTS = 8


@dataclass(eq=False)
class Callee:
    """A function of the program that others call by name.

    arguments  the structure of its parameters: a type for each run-time leaf, the value of each that is known
    types      of its results, None while no attempt has found any
    result     the structure of its results
    captures   what it reads from outside; passed on by every caller
    scopes     where each of them is found, and which of its leaves are used
    """

    name: str
    arguments: Mapping[str, Node[Type | Const] | Type | Const]
    types: tuple[Type, ...] | None = None
    result: Node[int] | int = 0
    captures: list[Capture] = field(default_factory=list)
    function: Function | None = None
    scopes: list[tuple[Source | object, str, tuple[int, ...]]] = field(default_factory=list)


def is_recursive(lo: Lowering, source: Source, names: Mapping[str, Value], shape: object) -> bool:
    """Tell whether a function is being run already, on containers of the same structure and for the same functions.

    A function that goes down a tree of known structure comes to an end, and is run in place at each node. With a
    function that was made inside another one, or other functions than before, it is run in place too: that is how
    functions of functions are used within each other.
    """
    if any(map(_is_made_inside, names.values())):
        return False
    return any(
        isinstance(f.scope, Source)
        and f.scope.node is source.node
        and f.scope.function is source.function
        and f.shape == shape
        and all(_same_function(value, f.given.get(name)) for name, value in names.items())
        for f in lo.frames
    )


def _is_made_inside(value: Value) -> bool:
    if isinstance(value, Node):
        return any(map(_is_made_inside, value.children))
    return isinstance(value, LocalFunction | Partial | Method)


def _same_function(value: Value, before: Value | None) -> bool:
    """Tell whether an argument is no function, or the same function as in a call before."""
    if not isinstance(value, Const) or not callable(value.value):
        return True
    return isinstance(before, Const) and before.value is value.value


def shape_of(lo: Lowering, names: Mapping[str, Value]) -> object:
    """Return the structures of the containers among the arguments of a call."""

    def form(value: Value) -> object:
        value = lo.current(value)
        return (value.form, tuple(map(form, value.children))) if isinstance(value, Node) else None

    return tuple((name, form(value)) for name, value in names.items())


def recursive_call(lo: Lowering, source: Source, names: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower a call of a function that is running already."""
    given = {name: _abstracted(lo, value, node) for name, value in names.items()}
    key = (source.node, id(source.function), _key(given))
    callee = lo.callees.get(key)
    if callee is None:
        callee = Callee(_name(lo, source), given)
        lo.callees[key] = callee
        settle(lo, source, callee, node)
    if callee.types is None:
        raise Unbound(f"`{source.name}` calls itself on every path", lo.span(node), "never returns")
    atoms: list[Atom] = []
    for name, value in names.items():
        kinds = leaves(given[name])
        atoms += [lo.atom(v) for v, kind in zip(_leaves(lo, value), kinds, strict=True) if isinstance(kind, Type)]
    for holder, name, used in callee.scopes:
        captured: list[Value] = list(leaves(lo.read_outside(holder, name, node)))
        atoms += [lo.atom(captured[k]) for k in used]
    results = lo.guarded_many(node, "call", tuple(atoms), (callee.name, callee.types))
    values = [lo.wrap(r) for r in results]
    return map_leaves(lambda k: values[k], callee.result)


def _leaves(lo: Lowering, value: Value) -> Iterator[Value]:
    """Yield what is in a container now, at any depth."""
    value = lo.current(value)
    if isinstance(value, Node):
        for child in value.children:
            yield from _leaves(lo, child)
    else:
        yield value


def _abstracted(lo: Lowering, value: Value, node: ast.AST) -> Node[Type | Const] | Type | Const:
    value = lo.current(value)
    if isinstance(value, Node):
        return value.holding([_abstracted(lo, c, node) for c in value.children])
    return _abstract(lo, value, node)


def _abstract(lo: Lowering, value: Value, node: ast.AST) -> Type | Const:
    """Return what a callee knows of an argument: ints and numbers by type, everything else by value."""
    t = lo.type_of(value)
    if isinstance(value, Const) and not t.is_numeric or isinstance(value, Const) and t.dtype is bool:
        return value
    if isinstance(value, Ref | Var | Const):
        if t.kind == "object":
            lo.refuse(node, "an object cannot be passed to a recursive function", "here", "pass what it holds")
        if t.is_array and t.dims is None:
            lo.refuse(node, "an array of unknown rank cannot be passed to a recursive function", "here")
        kind = "scalar" if t.kind == "np" else t.kind
        return Type(kind, t.dtype, None if t.dims is None else ("?",) * len(t.dims))  # type: ignore[arg-type]  # only compared
    if isinstance(value, LocalFunction) or not is_static(value):
        lo.refuse(node, "this argument cannot be passed to a recursive function", "here", "pass numbers and arrays")
    raise AssertionError(value)


def _key(given: Mapping[str, Node[Type | Const] | Type | Const]) -> object:
    def of(tree: Node[Type | Const] | Type | Const) -> object:
        if isinstance(tree, Node):
            return (tree.form, tuple(map(of, tree.children)))
        return tree.key if isinstance(tree, Const) else tree

    return tuple((name, of(tree)) for name, tree in given.items())


def _name(lo: Lowering, source: Source) -> str:
    taken = {c.name for c in lo.callees.values()}
    name, k = source.name, 2
    while name in taken:
        name, k = f"{source.name}_{k}", k + 1
    return name


def settle(lo: Lowering, source: Source, callee: Callee, node: ast.AST) -> None:
    """Lower a callee until its result types and captures stay the same."""
    for _ in range(ATTEMPTS):
        before = (callee.types, list(callee.scopes))
        try:
            inner, result, params = attempt(lo, source, callee)
        except Unbound:
            continue
        flat: list[Atom] = []
        from adcompile.frontend.lower import flatten
        from adcompile.frontend.outside import used_captures

        structure = flatten(inner, result, flat, source.name)
        callee.types = _joined(inner, callee.types, tuple(a.type for a in flat))
        callee.result = structure
        callee.captures = list(used_captures(inner, flat))
        callee.scopes = [(c.source, c.name, _positions(c)) for c in callee.captures]
        lo.dependencies.update(inner.dependencies)
        if before == (callee.types, callee.scopes) and not inner.skipped:
            callee.function = Function(
                callee.name,
                (*params, *(v for c in callee.captures for v in c.used)),
                tuple(inner.builder.stmts),
                tuple(flat),
                facts=inner.facts,
                names=dict(inner.names),
            )
            return
    lo.refuse(node, f"what `{source.name}` returns does not settle", "its types keep changing")


def _positions(capture: Capture) -> tuple[int, ...]:
    """Return the numbers of the leaves of a captured value that are used."""
    return tuple(k for k, leaf in enumerate(leaves(capture.tree)) if leaf in capture.used)


def attempt(lo: Lowering, source: Source, callee: Callee) -> tuple[Lowering, Value, list[Var]]:
    """Lower the body of a callee once."""
    from adcompile.frontend.bodies import body_of, run_body
    from adcompile.frontend.lower import Lowering

    facts = Facts()
    inner = Lowering(Builder(facts))
    inner.callees = lo.callees
    inner.resolved = lo.resolved
    inner.tolerant = 1 if callee.types is None else 0
    params: list[Var] = []
    names: dict[str, Value] = {}
    for name, tree in callee.arguments.items():
        names[name] = _parameters(inner, name, tree, params)
    before = dict(inner.cells)
    span = lo.builder.span
    inner.builder.span = span
    frame = Frame(source, body_of(source.node), names, local=local_names(source.node), node=source.node)
    frame.given, frame.shape = dict(names), shape_of(inner, names)
    result = run_body(inner, frame, source.node)
    for cell, var in before.items():
        if inner.cells[cell] is not var:
            inner.refuse(
                source.node,
                f"`{source.name}` is recursive and stores into its argument `{var.name}`",
                "here",
                "copy the array first, and return it",
            )
    return inner, result, params


def _parameters(inner: Lowering, name: str, tree: Node[Type | Const] | Type | Const, params: list[Var]) -> Value:
    if isinstance(tree, Node):
        children = tuple(_parameters(inner, f"{name}_{k}", c, params) for k, c in enumerate(tree.children))
        return tree.holding(children)
    if isinstance(tree, Const):
        return tree
    dims = None if tree.dims is None else tuple(Dim("axis", (name, axis)) for axis in range(len(tree.dims)))
    value = Dim("value", (name,)) if tree.dtype is int and tree.kind == "py" else None
    var = Var(name, Type(tree.kind, tree.dtype, dims, value))
    params.append(var)
    inner.builder.params[name] = var
    inner.builder.anchor(var)
    inner.names[var] = name
    return inner.new_cell(var) if var.type.is_array or var.type.is_list else var


def _joined(inner: Lowering, old: tuple[Type, ...] | None, new: tuple[Type, ...]) -> tuple[Type, ...]:
    """Join result types with those of the attempt before; a caller knows nothing of lengths."""

    def outside(t: Type) -> Type:
        dims = None if t.dims is None else tuple(d if isinstance(d, int) else Dim("fresh", (0,)) for d in t.dims)
        return Type(t.kind, t.dtype, dims)

    found = tuple(map(outside, new))
    if old is None or len(old) != len(found):
        return found
    return tuple(outside(join(inner.facts, a, b)) for a, b in zip(old, found, strict=True))
