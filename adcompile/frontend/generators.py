"""Lower loops over generators: the generator's body is run in place, and the loop's body where it yields.

    def powers(x, n):                       y@1 = x
        y = x                               for _@1 in range(n):
        for _ in range(n):                      p = y@1
            yield y                 ->          s = s + p
            y = y * x                           y@1 = y@1 * x

    for p in powers(x, n):
        s = s + p

The names of the generator are marked, so that both bodies live in one frame, whose loops then carry what either of
them changes. What a marked name means that the generator does not assign is looked up where the generator was made:
`Frame.guests` has a frame for each mark.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from adcompile.frontend import expressions, iterators
from adcompile.frontend.desugar import Desugared, LoopFlags, desugar, left_early
from adcompile.frontend.frames import Conflict, Frame
from adcompile.frontend.nodes import walk
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import FIRST, Generator, Iterator, Value
from adcompile.frontend.variables import boxed_names, own_names
from adcompile.ir.core import FALSE, NONE, UNDEFINED, Const
from adcompile.ir.structure import Node
from adcompile.records import replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

DEEPEST: Final = 40
BODY: Final = ".consumer"  # stands for the body of the loop while the jumps of the generator are rewritten

FROM, RETURNED = ".from", ".returned"  # the items of another generator, and what it returns

FRESH: Final = Const(0)
DONE: Final = Const(1)


def call(lo: Lowering, node: ast.FunctionDef, frame: Frame) -> Value:
    """Return what the call of a generator function returns; its arguments are the names of the frame."""
    return Generator(node, frame, lo.box(FRESH))


def expression(lo: Lowering, node: ast.GeneratorExp) -> Value:
    """Return a generator expression: what its first `for` iterates over is evaluated now."""
    first = expressions.evaluate(lo, node.generators[0].iter)
    frame = replace(lo.frame, names={FIRST: first}, parent=lo.frame, local=frozenset(), node=None, guests={}, loops=[])
    return Generator(begun(node), frame, lo.box(FRESH))


_begun: dict[ast.GeneratorExp, ast.GeneratorExp] = {}


def begun(node: ast.GeneratorExp) -> ast.GeneratorExp:
    """Return a generator expression whose first `for` iterates over what is known; the same nodes each time."""
    if node not in _begun:
        first = node.generators[0]
        known = ast.copy_location(ast.Name(FIRST, ast.Load()), first.iter)
        loops = [ast.comprehension(first.target, known, first.ifs, 0), *node.generators[1:]]
        _begun[node] = ast.copy_location(ast.GeneratorExp(node.elt, loops), node)
    return _begun[node]


def runs_in_place(lo: Lowering, generator: Generator) -> bool:
    """Tell whether the items cannot be made each by itself: the body of the generator must be run."""
    first = lo.current(generator.frame.names.get(FIRST, NONE))
    return isinstance(generator.node, ast.FunctionDef) or (isinstance(first, Generator) and runs_in_place(lo, first))


def begun_with(lo: Lowering, generator: Generator, node: ast.AST) -> Generator:
    """Return a generator expression that goes through the items themselves, where it goes through an iterator."""
    first = lo.current(generator.frame.names[FIRST])
    if not isinstance(first, Iterator):
        return generator
    found = iterators.rest(lo, first, node)
    items: Value = Node("tuple", tuple(found)) if isinstance(found, list) else found
    return Generator(generator.node, replace(generator.frame, names={FIRST: items}), generator.state)


def ends(lo: Lowering, generator: Generator) -> bool:
    """Tell whether a generator certainly ends by itself."""
    sources = [lo.current(v) for v in generator.frame.names.values()]
    inside = all(ends(lo, v) for v in sources if isinstance(v, Generator))
    return inside and not any(isinstance(n, ast.While) for n in walk(generator.node))


def renewed(lo: Lowering, generator: Generator) -> Generator:
    """Return a generator, that has been claimed, for the loop that goes through it."""
    return Generator(generator.node, generator.frame, lo.box(FRESH))


def body_of(node: ast.GeneratorExp | ast.FunctionDef) -> list[ast.stmt]:
    """Return the body of a generator; that of an expression is a loop that yields."""
    if isinstance(node, ast.FunctionDef):
        return node.body
    body: ast.stmt = ast.Expr(ast.Yield(node.elt))
    for generator in reversed(node.generators):
        for test in reversed(generator.ifs):
            body = ast.If(test, [body], [])
        body = ast.For(generator.target, generator.iter, [body], [])
    return [_placed(body, node)]


def claim(lo: Lowering, generator: Generator, node: ast.AST, left: bool) -> bool:
    """Note that a generator is iterated over now; tell whether it has anything left. `left`: it may be left early."""
    state = lo.unboxed(generator.state)
    if not isinstance(state, Const) or isinstance(state.value, Conflict):
        held = state.value if isinstance(state, Const) else None
        reason = held.reason if isinstance(held, Conflict) else "may have been iterated over before"
        lo.refuse(node, f"this generator {reason}", "here", "make a new one, or a list of its items")
    after = Const(Conflict("was left in the middle")) if left else DONE
    lo.fill(generator.state, after)
    return state.value == FRESH.value


def loop(lo: Lowering, node: ast.For, generator: Generator) -> None:
    """Lower a `for` loop over a generator."""
    if claim(lo, generator, node, True):
        run_in_place(lo, node, generator, False)
    if lo.frame.desugared.loops[node].until is None:
        iterators.exhaust(lo, generator)


def manage(
    lo: Lowering, stmt: ast.With, item: ast.withitem, rest: Sequence[ast.withitem], generator: Generator
) -> None:
    """Lower a `with` statement whose manager is a generator, by contextlib.contextmanager: its body is the one trip."""
    assert isinstance(generator.node, ast.FunctionDef)
    inside = [n for n in walk(generator.node) if isinstance(n, ast.For | ast.While)]
    if any(isinstance(n, ast.Yield | ast.YieldFrom) for part in inside for n in walk(part)):
        lo.refuse(item.context_expr, "a context manager that yields in a loop is not supported", "here")
    held = lo.frame.desugared
    if item not in held.managed:
        body: list[ast.stmt] = stmt.body if not rest else [ast.copy_location(ast.With(list(rest), stmt.body), stmt)]
        target = item.optional_vars or ast.Name(".entered", ast.Store())
        trip = ast.copy_location(ast.For(target, item.context_expr, body, []), stmt)
        held.loops[trip] = LoopFlags(None, ())
        held.managed[item] = trip
    run_in_place(lo, held.managed[item], generator, True)


def run_in_place(lo: Lowering, node: ast.For, generator: Generator, managed: bool) -> None:
    """Run the body of a generator, and the loop's where it yields. `managed`: what is raised there it may catch."""
    from adcompile.frontend import statements

    host, number = lo.frame, sum(len(f.guests) for f in lo.frames) + 1
    if number > DEEPEST:
        lo.refuse(node, "generators are nested too deeply", "here", "use a loop")
    mark = f"@{number}"
    body = spliced(lo, node, generator, mark, managed)
    before = set(host.names)
    host.names.update({name + mark: value for name, value in generator.frame.names.items()})
    for name in boxed_names(generator.node):
        host.names[name + mark] = lo.box(host.names.get(name + mark, UNDEFINED))
    host.guests[mark] = guest_of(generator)
    try:
        host.names[left_early(mark)] = FALSE
        statements.run(lo, body)
    finally:
        del host.guests[mark]
    for name in [n for n in host.names if n.endswith(mark) and n not in before]:
        del host.names[name]


def guest_of(generator: Generator) -> Frame:
    """Return the frame in which the names are looked up that a generator does not assign."""
    frame, node = generator.frame, generator.node
    return Frame(frame.scope, frame.desugared, {}, frame.parent, frame.rule, local=own_names(node), node=node)


def spliced(lo: Lowering, node: ast.For, generator: Generator, mark: str, managed: bool) -> Sequence[ast.stmt]:
    """Return the body of a generator with the loop's body for each `yield`; the same nodes each time."""
    held = lo.frame.desugared
    key = (node, generator.node, mark)
    if key not in held.splices:
        scope = generator.frame.scope
        done = desugar(_Marker(lo, node, generator, mark, managed).body(), mark)
        held.splices[key] = _filled(done, node.body)
        held.loops.update(done.loops)
        held.blocks.update(done.blocks)
        held.swallows.update(done.swallows)
        for stmt in held.splices[key]:
            held.origins.update(dict.fromkeys(_nodes(stmt, node), (scope, node)))
    return held.splices[key]


def _nodes(stmt: ast.AST, loop: ast.For) -> list[ast.AST]:
    """Return the nodes of a statement of a generator, without those of the loop's body."""
    theirs = {*loop.body, loop.target}
    found: list[ast.AST] = [stmt]
    for node in found:  # grows
        found += [child for child in ast.iter_child_nodes(node) if child not in theirs]
    return found


def _filled(done: Desugared, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Put the body of the loop where its place was kept, in what the rewriting of jumps has made."""

    def fill(block: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for stmt in block:
            if isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Name) and stmt.value.id == BODY:
                out += body
                continue
            parts = [stmt, *stmt.handlers] if isinstance(stmt, ast.Try) else [stmt]
            for part in parts if not isinstance(stmt, ast.FunctionDef) else ():
                for name in ("body", "orelse", "finalbody"):
                    inner = getattr(part, name, None)
                    if isinstance(inner, list):
                        setattr(part, name, fill(inner))
            out.append(stmt)
        return out

    return fill(done.body)


class _Marker(ast.NodeTransformer):
    """Copies the body of a generator: names get the mark, and each `yield` becomes the beginning of a trip."""

    def __init__(self, lo: Lowering, node: ast.For, generator: Generator, mark: str, managed: bool) -> None:
        self.managed = managed
        self.lo, self.loop, self.generator, self.mark = lo, node, generator, mark
        self.flags = lo.frame.desugared.loops[node]
        self.hidden: list[frozenset[str]] = []  # names of inner functions

    def body(self) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for stmt in body_of(self.generator.node):
            new = self.visit(copy.deepcopy(stmt))
            out += new if isinstance(new, list) else [new]
        return out

    def refuse(self, node: ast.AST, what: str, remedy: str = "write a loop instead of the generator") -> None:
        self.lo.refuse(self.loop, what, "iterated over here", remedy)

    def marked(self, name: str) -> str:
        return name if any(name in names for names in self.hidden) else name + self.mark

    # -- yields

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        match node.value if not self.hidden else None:
            case ast.Yield(value=value):
                item = ast.Constant(None) if value is None else self.visit(value)
                return self.trip(item, node)
            case ast.YieldFrom(value=source):
                item = ast.Name(f".item{self.mark}", ast.Store())
                trip = self.trip(ast.Name(f".item{self.mark}", ast.Load()), node)
                return _placed(ast.For(item, self.visit(source), trip, []), node)
        self.generic_visit(node)
        return node

    def trip(self, item: ast.expr, like: ast.stmt) -> list[ast.stmt]:
        """Return a trip of the loop: its target takes the item, its body runs, and may end the generator."""
        out: list[ast.stmt] = [ast.Assign([self.loop.target], item)]
        out += [ast.Assign([ast.Name(flag, ast.Store())], ast.Constant(False)) for flag in self.flags.resets]
        out.append(ast.Expr(ast.Name(BODY, ast.Load())))
        if self.flags.until is not None:
            out.append(ast.If(ast.Name(self.flags.until, ast.Load()), [ast.Return(None)], []))
        return [_placed(stmt, like) for stmt in out]

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | list[ast.stmt]:
        if isinstance(node.value, ast.YieldFrom) and not self.hidden:
            return self.delegated(node.value, node.targets, node)
        if isinstance(node.value, ast.Yield) and not self.hidden:  # what is sent by a loop is None
            trip = self.visit_Expr(ast.copy_location(ast.Expr(node.value), node))
            assert isinstance(trip, list)
            targets = [self.visit(t) for t in node.targets]
            return [*trip, _placed(ast.Assign(targets, ast.Constant(None)), node)]
        self.generic_visit(node)
        return node

    def delegated(self, value: ast.YieldFrom, targets: Sequence[ast.expr], node: ast.stmt) -> list[ast.stmt]:
        """Return a loop over another generator, and the assignment of what that returns."""
        place = f"{value.lineno}_{value.col_offset}{self.mark}"
        item, returned = f"{FROM}{place}", f"{RETURNED}{place}"
        trip = self.trip(ast.Name(item, ast.Load()), node)
        out: list[ast.stmt] = [ast.Assign([ast.Name(returned, ast.Store())], ast.Constant(None))]
        out.append(ast.For(ast.Name(item, ast.Store()), self.visit(value.value), trip, []))
        out.append(ast.Assign([self.visit(t) for t in targets], ast.Name(returned, ast.Load())))
        return [_placed(stmt, node) for stmt in out]

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        if not self.hidden:
            self.refuse(node, "a `yield` inside an expression is not supported")
        self.generic_visit(node)
        return node

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        if not self.hidden:
            self.refuse(node, "the value of a `yield from` is not supported")
        self.generic_visit(node)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        if not self.hidden:
            end = ast.copy_location(ast.Return(None), node)
            target = self.loop.target.id if isinstance(self.loop.target, ast.Name) else ""
            asked = target.startswith(FROM) and node.value is not None
            name = ast.Name(target.replace(FROM, RETURNED, 1) if asked else f".result{self.mark}", ast.Store())
            if isinstance(node.value, ast.YieldFrom):
                made = self.delegated(node.value, [], node)
                value = cast(ast.Assign, made[0]).targets[0]
                made[-1] = ast.Assign([name], ast.Name(cast(ast.Name, value).id, ast.Load()))
                return [*(_placed(stmt, node) for stmt in made), end]
            if asked and node.value is not None:
                return [_placed(ast.Assign([name], self.visit(node.value)), node), end]
            return end
        self.generic_visit(node)
        return node

    def stops(self, node: ast.AST) -> bool:
        """Tell whether a statement would catch what the body of a loop raises, which Python does not."""
        yields = any(isinstance(n, ast.Yield | ast.YieldFrom) for n in walk(node))
        return yields and not self.hidden and not self.managed

    def visit_Try(self, node: ast.Try) -> ast.AST:
        at_once = isinstance(self.loop.iter, ast.Call) or self.flags.until is None
        if self.stops(node) and (node.handlers or not at_once):
            self.refuse(node, "a `yield` inside `try` is not supported")
        self.generic_visit(node)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        if self.stops(node):
            self.refuse(node, "a `yield` inside `with` is not supported")
        self.generic_visit(node)
        return node

    # -- names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.marked(node.id)
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        self.refuse(node, f"a generator that declares `{node.names[0]}` global is not supported")
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        if not self.hidden:
            return ast.copy_location(ast.Pass(), node)  # see `State.assign_name`
        node.names = [self.marked(name) for name in node.names]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        scope = self.generator.frame.scope
        node.attr = scope.mangle(node.attr) if isinstance(scope, Source) else node.attr
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        inner = self.generator.node
        bare = isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args
        if bare and not self.hidden and isinstance(inner, ast.FunctionDef):
            first = [*inner.args.posonlyargs, *inner.args.args][0].arg
            node.args = [ast.copy_location(ast.Name(name, ast.Load()), node) for name in ("__class__", first)]
        self.generic_visit(node)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = node.name and self.marked(node.name)
        self.generic_visit(node)
        return node

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        node.name = node.name and self.marked(node.name)
        self.generic_visit(node)
        return node

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        node.name = node.name and self.marked(node.name)
        return node

    def visit_alias(self, node: ast.alias) -> ast.AST:
        node.asname = self.marked(node.asname or node.name.partition(".")[0])
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.marked(node.name)
        return self.inner(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self.inner(node)

    def inner(self, node: ast.FunctionDef | ast.Lambda) -> ast.AST:
        """Mark the names in a function inside the generator that are not its own; defaults stand outside of it."""
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.args.kw_defaults = [d and self.visit(d) for d in node.args.kw_defaults]
        self.hidden.append(own_names(node))
        if isinstance(node, ast.FunctionDef):
            node.body = [self.visit(stmt) for stmt in node.body]
        else:
            node.body = cast(ast.expr, self.visit(node.body))
        self.hidden.pop()
        return node


def _placed(node: ast.AST, like: ast.AST) -> ast.stmt:
    """Give new nodes the place of an old one."""
    for child in walk(node):
        if isinstance(child, ast.expr | ast.stmt) and not hasattr(child, "lineno"):
            ast.copy_location(child, like)
    assert isinstance(node, ast.stmt)
    return node
