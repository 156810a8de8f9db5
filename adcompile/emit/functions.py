"""Function definitions: parameters, unpacking of containers, tests, body, return."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator, Mapping, Sequence

from adcompile.analysis.storage import storage
from adcompile.emit import arrange, syntax
from adcompile.emit.choices import is_undefined
from adcompile.emit.comments import Notes, annotate
from adcompile.emit.exits import Exits, find_exits, read_counts
from adcompile.emit.fold import fold
from adcompile.emit.interference import live_ranges
from adcompile.emit.layout import Layout, Param
from adcompile.emit.lengths import checks
from adcompile.emit.loops import Writer
from adcompile.emit.names import choose_names
from adcompile.emit.plan import Plan, Result, statements_within
from adcompile.emit.shadows import alias, hidden, reveal, shadowed
from adcompile.emit.tapes import name_tapes, tapes_within
from adcompile.ir.core import Atom, Eqn, Function, Var, walk
from adcompile.ir.structure import Node, leaves
from adcompile.records import replace


def write_function(fn: Function, layout: Layout, taken: Collection[str], notes: Notes) -> ast.stmt:
    """Write one function."""
    fn, layout = arrange.run(_named(fn)), distinct(layout)
    writer = Writer(make_plan(fn, layout.params, taken))
    names = writer.plan.names
    tests = [*checks(fn, layout.name, names)]
    head = [*unpack(layout.params, names, {**writer.plan.read, **tested(fn, tests, names)}), *tests]
    body = written_body(writer, notes, lambda outs: build(layout.result, outs, writer))
    return definition(layout, [*head, *body])


def tested(fn: Function, tests: Sequence[ast.stmt], names: Mapping[Var, str]) -> dict[Var, int]:
    """Return the parameters whose lengths are tested: these are read, even if nothing else of them is."""
    words = {n.id for test in tests for n in ast.walk(test) if isinstance(n, ast.Name)}
    return {p: 1 for p in fn.params if names.get(p) in words}


def make_plan(fn: Function, params: Sequence[Param], taken: Collection[str]) -> Plan:
    """Decide what is folded, and on all names."""
    counts = read_counts(fn)
    read = dict(counts)
    exits = find_exits(fn, counts)
    trees = fold(fn, counts, exits, storage(fn))
    fn = named_flags(fn, exits)
    fixed = {p.tree: hidden(p.name) for p in params if isinstance(p.tree, Var)}
    reserved = {*taken, *({p.name for p in params} - set(fixed.values())), *map(alias, shadowed(params))}
    names = choose_names(fn, live_ranges(fn, trees, exits), fixed, reserved)
    tapes = name_tapes(fn, names, {*reserved, *names.values()})
    openings = {stmt: [tapes[t] for t in found] for stmt in fn.stmts if (found := tapes_within(stmt))}
    reads = {s.out: s for s in walk(fn.stmts) if isinstance(s, Eqn) and s.prim == "index"}
    counting = frozenset(
        s.out for s in walk(fn.stmts) if isinstance(s, Eqn) and s.prim == "arange" and len(s.args) == 1
    )
    return Plan(fn, read, exits, trees, names, tapes, openings, statements_within(fn.primal), reads, counting)


def named_flags(fn: Function, exits: Exits) -> Function:
    """Name the flags that tell whether a loop was left early."""
    flags = [e.flag for e in exits.loops.values() if e.flag is not None and not fn.name_of(e.flag)]
    return replace(fn, names={**fn.names, **dict.fromkeys(flags, "stopped")}) if flags else fn


def _named(fn: Function) -> Function:
    """Name the result of a program with a reverse sweep ``y``: its cotangent is ``y_bar``."""
    primal = {v for s in fn.primal for v in s.outs}
    first = next((a for a in fn.outs if isinstance(a, Var) and a in primal), None)
    if fn.adjoint and first is not None and not fn.name_of(first):
        return replace(fn, names={**fn.names, first: "value" if "y" in fn.names.values() else "y"})
    return fn


# -- the body


def written_body(writer: Writer, notes: Notes, result: Result) -> list[ast.stmt]:
    """Write all statements and the return; in np.errstate, if the function was."""
    body = swept_body(writer, notes, result)
    ignored = writer.plan.fn.ignored
    if not ignored:
        return body
    keywords = [ast.keyword(name, ast.Constant("ignore")) for name in ignored]
    manager = ast.Call(ast.Attribute(ast.Name("np", ast.Load()), "errstate", ast.Load()), [], keywords)
    return [ast.With([ast.withitem(manager, None)], body)]


def swept_body(writer: Writer, notes: Notes, result: Result) -> list[ast.stmt]:
    """Write all statements and the return, with a heading above the primal and above the adjoint, if there are both."""
    fn, origins = writer.plan.fn, writer.origins
    if not fn.adjoint or not fn.primal:
        return annotate(writer.ends(fn.stmts, fn.outs, result), origins, notes)
    forward = annotate(writer.body(fn.primal), origins, notes)
    backward = annotate([*writer.body(fn.adjoint), writer.returned(fn.outs, result)], origins, notes)
    if not forward:
        return backward
    return [notes.place("forward sweep"), *forward, notes.blank(), notes.place("reverse sweep"), *backward]


def build(tree: Node[int] | int, outs: Sequence[Atom], writer: Writer) -> ast.expr:
    """Write the containers of a result."""
    if isinstance(tree, int):
        return ast.Constant(None) if is_undefined(outs[tree]) else writer.write.atom(outs[tree])
    children = [build(c, outs, writer) for c in tree.children]
    if tree.kind in ("dict", "object"):  # the program knows no classes: whoever called it does
        return ast.Dict([syntax.constant(k) for k in tree.keys], children)
    return ast.List(children, ast.Load()) if tree.kind == "list" else syntax.tuple_of(children)


# -- the head


def unpack(params: Sequence[Param], names: Mapping[Var, str], read: Mapping[Var, int]) -> Iterator[ast.stmt]:
    """Yield the statements that take the leaves out of container arguments."""
    for p in params:
        if isinstance(p.tree, Node) and _is_read(p.tree, read):
            yield from unpack_node(ast.Name(hidden(p.name), ast.Load()), p.tree, names, read)


def unpack_node(
    value: ast.expr, tree: Node[Var | None], names: Mapping[Var, str], read: Mapping[Var, int]
) -> Iterator[ast.stmt]:
    """Unpack one container: tuples and lists in one assignment, dicts and objects entry by entry."""
    if tree.kind in ("dict", "object"):
        for key, child in zip(tree.keys, tree.children, strict=True):
            if _is_read(child, read):
                item = _item(tree, _again(value), key)
                if isinstance(child, Node):
                    yield from unpack_node(item, child, names, read)
                elif child is not None:
                    yield syntax.assign([names[child]], item)
        return
    if any(isinstance(c, Node) and _has_dict(c) for c in tree.children):
        for k, child in enumerate(tree.children):
            item = syntax.subscript(_again(value), syntax.constant(k))
            if isinstance(child, Node):
                yield from unpack_node(item, child, names, read)
            elif child is not None and read.get(child):
                yield syntax.assign([names[child]], item)
        return
    yield syntax.assign_to(_pattern(tree, names, read), value)


def _is_read(tree: Node[Var | None] | Var | None, read: Mapping[Var, int]) -> bool:
    return any(v is not None and read.get(v) for v in leaves(tree))


def _again(value: ast.expr) -> ast.expr:
    """Return a fresh copy of a node."""
    return copy.deepcopy(value)


def _item(tree: Node[Var | None], value: ast.expr, key: object) -> ast.expr:
    if tree.kind == "object":
        return ast.Attribute(value, str(key), ast.Load())
    return syntax.subscript(value, syntax.constant(key))


def _has_dict(tree: Node[Var | None]) -> bool:
    return tree.kind in ("dict", "object") or any(isinstance(c, Node) and _has_dict(c) for c in tree.children)


def _pattern(tree: Node[Var | None] | Var | None, names: Mapping[Var, str], read: Mapping[Var, int]) -> ast.expr:
    if isinstance(tree, Node):
        return ast.Tuple([_pattern(c, names, read) for c in tree.children], ast.Store())
    return ast.Name("_" if tree is None or not read.get(tree) else names[tree], ast.Store())


def distinct(layout: Layout) -> Layout:
    """Rename a parameter that is called like an earlier one: a cotangent y_bar of a function that has a y_bar."""
    taken: set[str] = set()
    params = []
    for p in layout.params:
        name, k = p.name, 0
        while name in taken:
            k += 1
            name = f"{p.name}_{k}"
        taken.add(name)
        params.append(replace(p, name=name))
    return replace(layout, params=tuple(params))


def definition(layout: Layout, body: list[ast.stmt]) -> ast.stmt:
    """Write the definition of a function."""
    reveal(body, layout.params)
    positional = [p for p in layout.params if p.kind == "positional"]
    keyword = [p for p in layout.params if p.kind == "keyword"]
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(p.name) for p in positional],
        kwonlyargs=[ast.arg(p.name) for p in keyword],
        kw_defaults=[None if p.default is None else _expression(p.default) for p in keyword],
        defaults=[_expression(p.default) for p in positional if p.default is not None],
    )
    documented = [ast.Expr(ast.Constant("\n    ".join(layout.docstring)))] if layout.docstring else []
    function = ast.parse("def f(): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    function.name, function.args, function.body = layout.name, arguments, [*documented, *body]
    return function


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
