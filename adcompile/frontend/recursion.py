"""Recursive calls: a function that calls itself becomes a function of the program, called by name.

What it returns is found by trying, see `settling`. Lengths of its array parameters have no examples, since they differ
from call to call: what depends on them is decided at run time.

A function made inside another one is first run in place, each call within the other, which comes to an end where what
it goes down is known when compiling. Where it does not, the function is lowered again as one that calls itself by name;
the variables around it become further arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from adcompile.errors import CompileError
from adcompile.frontend import pooling, pools, running, settling
from adcompile.frontend.frames import Frame, Unbound, lookup_local
from adcompile.frontend.nodes import walk
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import LocalFunction, Ref, Value, is_static
from adcompile.frontend.variables import free_names, local_names
from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, Atom, Const, Function, Var
from adcompile.ir.lengths import Dim, Facts
from adcompile.ir.naming import numbered
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import Type
from adcompile.records import dataclass, field

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.outside import Capture


Abstract = Node[Type | Const] | Type | Const


@dataclass(frozen=True, slots=True)
class Definition:
    """A function that calls itself.

    scope      where its free names are looked up
    passed     the arguments that are functions made inside others
    functions  the functions around it and these that they use, itself among them, by the names that they have there
    around     the variables around these functions that they use
    like       the frame that it was made in; None for a function of a module
    """

    scope: Source
    node: ast.FunctionDef | ast.Lambda
    passed: Mapping[str, LocalFunction] = field(default_factory=dict)
    functions: Mapping[str, LocalFunction] = field(default_factory=dict)
    around: Mapping[str, Value] = field(default_factory=dict)
    like: Frame | None = None

    @property
    def name(self) -> str:
        return self.node.name if isinstance(self.node, ast.FunctionDef) else self.scope.name

    def key(self) -> object:
        known = (tuple((name, f.node) for name, f in part.items()) for part in (self.passed, self.functions))
        return (self.node, id(self.scope.function), *known)


@dataclass(slots=True, eq=False)
class Callee:
    """A function of the program that others call by name.

    arguments  the structure of its parameters: a type for each run-time leaf, the value of each that is known
    around     the same of the variables around it that it reads
    types      of its results, None while no attempt has found any
    result     the structure of its results
    absent     the numbers of those that are always None
    captures   what it reads from outside; passed on by every caller
    scopes     where each of them is found, and which of its leaves are used
    trees      the layouts of the trees among its results, by the places where these stand
    """

    name: str
    arguments: Mapping[str, Abstract]
    around: Mapping[str, Abstract] = field(default_factory=dict)
    types: tuple[Type, ...] | None = None
    result: Node[int] | int = 0
    absent: frozenset[int] = frozenset()
    captures: list[Capture] = field(default_factory=list)
    function: Function | None = None
    scopes: list[tuple[Source | object, str, tuple[int, ...]]] = field(default_factory=list)
    trees: dict[tuple[int, ...], str] = field(default_factory=dict)


def recursive_call(lo: Lowering, source: Source, names: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower a call of a function that is running already."""
    return _call(lo, _definition(lo, source, source.node, None, names, node), names, node)


def local_call(lo: Lowering, f: LocalFunction, names: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower a call of a function made inside another one, which calls itself."""
    scope = f.frame.scope
    assert isinstance(scope, Source)
    return _call(lo, _definition(lo, scope, f.node, f, names, node), names, node)


def _definition(
    lo: Lowering,
    scope: Source,
    function: ast.FunctionDef | ast.Lambda,
    f: LocalFunction | None,
    names: Mapping[str, Value],
    node: ast.AST,
) -> Definition:
    """Find the functions and variables that a function uses, and those that it is passed."""
    passed = {name: v for name, v in names.items() if isinstance(v, LocalFunction)}
    functions: dict[str, LocalFunction] = {}
    around: dict[str, Value] = {}
    waiting = [*passed.values(), *([] if f is None else [f])]
    while waiting:
        current = waiting.pop()
        if not all(map(is_static, current.defaults.values())):
            lo.refuse(node, "a function in a recursion has a default that is computed at run time", "called here")
        for name in sorted(free_names(current.node)):
            value = lookup_local(current.frame, name)
            if value is None:
                continue
            if functions.get(name, around.get(name, value)) is not value:
                lo.refuse(node, f"`{name}` stands for two things in functions that call each other", "called here")
            if current.frame.given.get(name, value) is not value and current.frame.node is None:
                _refuse_change(scope, function, name)
            if not isinstance(value, LocalFunction):
                around[name] = value
            elif name not in functions:
                functions[name] = value
                waiting.append(value)
    return Definition(scope, function, passed, functions, around, None if f is None else f.frame)


def _call(lo: Lowering, definition: Definition, names: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower a call by name."""
    nodes = [definition.node, *(f.node for f in (*definition.functions.values(), *definition.passed.values()))]
    if lo.catchers and any(isinstance(n, ast.Raise | ast.Assert) for f in nodes for n in walk(f)):
        lo.refuse(
            node,
            f"`{definition.name}` is recursive and may raise what is caught here",
            "called in a `try`",
            "return a flag instead, or test the arguments before the call",
        )
    names = {name: value for name, value in names.items() if name not in definition.passed}
    around = {name: lo.unboxed(value) for name, value in definition.around.items()}
    given = {name: _abstracted(lo, value, node) for name, value in names.items()}
    outer = {name: v if isinstance(v, Const) else _abstracted(lo, v, node) for name, v in around.items()}
    key = (definition.key(), _key(given), _key(outer))
    callee = lo.callees.get(key)
    if callee is None:
        callee = Callee(_name(lo, definition), given, outer)
        lo.callees[key] = callee
        settling.settle(lo, definition, callee, node)
    if callee.types is None:
        raise Unbound(f"`{definition.name}` calls itself on every path", lo.span(node), "never returns")
    atoms: list[Atom] = []
    for value, known in (
        *zip(names.values(), given.values(), strict=True),
        *zip(around.values(), outer.values(), strict=True),
    ):
        kinds = leaves(known)
        atoms += [lo.atom(v) for v, kind in zip(_leaves(lo, value), kinds, strict=True) if isinstance(kind, Type)]
    for holder, name, used in callee.scopes:
        captured: list[Value] = list(leaves(lo.read_outside(holder, name, node)))
        atoms += [lo.atom(captured[k]) for k in used]
    results = lo.guarded_many(node, "call", tuple(atoms), (callee.name, callee.types))
    values = [lo.wrap(r) for r in results]
    _reach(lo, values, (*names.values(), *around.values()))
    return map_leaves(lambda k: NONE if k in callee.absent else values[k], callee.result)


def _reach(lo: Lowering, results: Sequence[Value], given: Sequence[Value]) -> None:
    """What a function was given, and what else it returns, may be reached through the trees that it returns."""
    refs = [ref for value in (*given, *results) for ref in lo.refs_in(value)]
    for tree in results:
        if isinstance(tree, Ref) and lo.cells[tree.cell].type.is_tree:
            for ref in refs:
                lo.link(tree.cell, ref.cell)
                if lo.cells[ref.cell].type.is_list:
                    lo.twin(tree.cell, ref.cell)


def _leaves(lo: Lowering, value: Value) -> Iterator[Value]:
    """Yield what is in a container now, at any depth."""
    value = lo.current(value)
    if isinstance(value, Node):
        for child in value.children:
            yield from _leaves(lo, child)
    else:
        yield value


def _abstracted(lo: Lowering, value: Value, node: ast.AST) -> Abstract:
    if pools.refers_to_itself(lo, value):
        message = "objects that refer to others like themselves cannot be passed to a recursive function"
        lo.refuse(node, message, "here", "use a loop, or make nested tuples of them")
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
        dims = None if t.dims is None else ("?",) * len(t.dims)
        return Type(kind, t.dtype, dims, layout=t.layout)  # type: ignore[arg-type]  # only compared
    if isinstance(value, LocalFunction) or not is_static(value):
        lo.refuse(node, "this argument cannot be passed to a recursive function", "here", "pass numbers and arrays")
    raise AssertionError(value)


def _key(given: Mapping[str, Abstract]) -> object:
    def of(tree: Abstract) -> object:
        if isinstance(tree, Node):
            return (tree.form, tuple(map(of, tree.children)))
        return tree.key if isinstance(tree, Const) else tree

    return tuple((name, of(tree)) for name, tree in given.items())


def _name(lo: Lowering, definition: Definition) -> str:
    return numbered(definition.name, {c.name for c in lo.callees.values()})


def attempt(
    lo: Lowering, definition: Definition, callee: Callee, guesses: bool = False
) -> tuple[Lowering, Value, list[Var]]:
    """Lower the body of a callee once. `guesses`: what may be None is None in a first attempt."""
    from adcompile.frontend.bodies import run_body
    from adcompile.frontend.lower import Lowering

    facts = Facts()
    inner = Lowering(Builder(facts))
    inner.callees = lo.callees
    inner.resolved = lo.resolved
    inner.layouts = lo.layouts
    inner.made = lo.made
    inner.tolerant = 1 if callee.types is None else 0
    inner.guesses = guesses
    if inner.resolved:
        pooling.prepare(inner)
    params: list[Var] = []
    names = {name: _parameters(inner, name, tree, params) for name, tree in callee.arguments.items()}
    around = {
        name: _parameters(inner, name if name not in names else f"{name}_outside", tree, params)
        for name, tree in callee.around.items()
    }
    before = dict(inner.cells)
    inner.builder.span = lo.builder.span
    frame, shared = _frame(inner, definition, names, around)
    result = run_body(inner, frame, definition.node)
    stored = [var.name for cell, var in before.items() if inner.cells[cell] is not var]
    assigned = [name for name, value in around.items() if shared[name] is not value]
    if changed := (*stored, *assigned):
        _refuse_change(definition.scope, definition.node, changed[0])
    return inner, result, params


def _refuse_change(scope: Source, function: ast.FunctionDef | ast.Lambda, changed: str) -> NoReturn:
    """Refuse a function that stores into an argument, or assigns a variable around it."""
    name = function.name if isinstance(function, ast.FunctionDef) else "lambda"
    raise CompileError(
        f"`{name}` is recursive and changes `{changed}`, which is not its own",
        scope.span(function),
        "here",
        "copy an array before storing into it, and return what is changed",
    )


def _frame(
    inner: Lowering, definition: Definition, names: dict[str, Value], around: Mapping[str, Value]
) -> tuple[Frame, Mapping[str, Value]]:
    """Return the frame of a function, and the names of the variables and functions around it."""
    from adcompile.frontend.bodies import body_of

    shared: dict[str, Value] = dict(around)
    frames: dict[int, Frame] = {}  # one for each function that others were made in

    def within(like: Frame) -> Frame:
        key = id(like.scope)
        if key not in frames:
            frames[key] = Frame(like.scope, like.desugared, shared, None, like.rule, like.numpy, like.macro)
            frames[key].given = around
        return frames[key]

    def moved(f: LocalFunction) -> LocalFunction:
        return LocalFunction(f.node, within(f.frame), f.defaults)

    shared.update({name: moved(f) for name, f in definition.functions.items()})
    names.update({name: moved(f) for name, f in definition.passed.items()})
    node = definition.node
    parent = None if definition.like is None else within(definition.like)
    frame = Frame(definition.scope, body_of(node), names, parent, local=local_names(node), node=node)
    frame.given, frame.shape = dict(names), running.shape_of(inner, names)
    return frame, shared


def _parameters(inner: Lowering, name: str, tree: Abstract, params: list[Var]) -> Value:
    if isinstance(tree, Node):
        children = tuple(_parameters(inner, f"{name}_{k}", c, params) for k, c in enumerate(tree.children))
        return tree.holding(children)
    if isinstance(tree, Const):
        return tree
    dims = None if tree.dims is None else tuple(Dim("axis", (name, axis)) for axis in range(len(tree.dims)))
    value = Dim("value", (name,)) if tree.dtype is int and tree.kind == "py" else None
    var = Var(name, Type(tree.kind, tree.dtype, dims, value, tree.layout))
    params.append(var)
    inner.builder.params[name] = var
    inner.builder.anchor(var)
    inner.names[var] = name
    return inner.new_cell(var) if var.type.kind in ("array", "list", "tree") else var
