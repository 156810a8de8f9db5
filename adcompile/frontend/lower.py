"""Lower a function to SSA.

    def f(x, n):                      v1 = 0.0; v2 = for i in range(0, n, 1) carrying v3 = v1:
        s = 0.0                           v4 = index(x, i)
        for i in range(n):      ->        v5 = add(v3, v4)
            s = s + x[i]                  yield v5
        return s                      return v2

The function is run once on abstract values, as an interpreter would run it. Calls of Python functions are run in
place; numbers become equations of the builder, which infers, folds and shares as each is made.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.custom.functions import CustomFunction
from adcompile.errors import CompileError, Span
from adcompile.frontend import application, birthplaces, calls, picking, pooling, run_texts, strangers, tables, trees
from adcompile.frontend.arguments import Argument
from adcompile.frontend.bodies import body_of
from adcompile.frontend.frames import Frame, NeedsUnrolling, Unbound, Unresolved, shown
from adcompile.frontend.optionals import required, used
from adcompile.frontend.outside import Capture, Dependency, Outside, as_value, used_captures
from adcompile.frontend.plans import Plan
from adcompile.frontend.targets import Target
from adcompile.frontend.values import Method, Ref, Value, is_static, lift, static_value
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Const, Function, Var, is_none
from adcompile.ir.lengths import Facts, anchored, example_of
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.records import dataclass, field
from adcompile.rules import effects

if TYPE_CHECKING:
    from adcompile.frontend.custom_pieces import Made
    from adcompile.frontend.exceptions import Catcher
    from adcompile.frontend.recursion import Callee
    from adcompile.frontend.trees import Layout

Steps = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Lowered:
    """A lowered function, the structure of its result over `function.outs`, and what it read from outside.

    `apart` are pairs of containers in the arguments, by the steps to them, that must not be one: the function changes
    the first of them.
    """

    function: Function
    result: Node[int] | int
    captures: tuple[Capture, ...]
    dependencies: tuple[Dependency, ...]
    callees: Mapping[str, Function]
    places: Mapping[Var, Span] = field(default_factory=dict)
    apart: tuple[tuple[Steps, Steps], ...] = ()


class Lowering(Outside):
    """Lowers one function and everything that it calls."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.plans: dict[object, Plan] = {}
        self.callees: dict[object, Callee] = {}
        self.layouts: dict[str, Layout] = {}
        self.customs: dict[object, Made] = {}
        self.custom_depth = 0
        self.rules: tuple[CustomFunction, ...] = ()
        self.plain_calls: list[object] = []
        self.quiet = 0  # blocks of catch_warnings around
        self.ignored: set[str] = set()  # floating-point errors, by np.errstate
        self.catchers: list[Catcher] = []
        self.sites: list[type[BaseException]] = []  # the places that raise, by their codes
        self.caught: set[int] = set()  # codes of places whose exceptions are caught
        self.handling: list[tuple[list[int], Value]] = []
        self.places: dict[Var, Span] = {}
        self.dicts: dict[int, tuple[ast.AST, Span | None]] = {}  # where dicts and sets were made, by identity
        self.strangers: list[tuple[object, Span | None]] = []  # functions that are called as they are, and where
        self.whole = False  # the program is compiled as it is: nothing in it is differentiated from outside

    def guarded(self, node: ast.AST | None, make: Callable[[], Value]) -> Value:
        """Make a value; errors of inference get the place."""
        try:
            return make()
        except CompileError:
            raise
        except (TypeError, ValueError) as error:
            raise CompileError(str(error), self.span(node), "here") from error

    def emit(self, node: ast.AST | None, prim: str, *args: Atom, attrs: tuple[object, ...] = ()) -> Value:
        return self.wrap(self.guarded_many(node, prim, args, attrs)[0])

    def located(self, node: ast.AST | None, atom: Atom) -> Atom:
        """Remember which expression a value comes from."""
        if isinstance(atom, Var) and node is not None and atom not in self.places and not self.frame.rule:
            span = self.frame.place(node)
            if span is not None:
                self.places[atom] = span
        return atom

    def atom(self, value: Value) -> Atom:
        """Return the atom of a number or array."""
        if isinstance(value, Ref):
            return self.read(value)
        if isinstance(value, Var | Const):
            return value
        raise TypeError(f"a {type(value).__name__} is not a number")

    def number(self, value: Value, node: ast.AST | None) -> Atom:
        """Return a value as an operand of a numeric operation; a list of numbers becomes an array."""
        value = self.opened(used(self, self.current(value), node or ast.Pass()), node)
        if isinstance(value, Node) and value.kind != "dict":
            return self.atom(application.stacked(self, value, node))
        if isinstance(value, Ref):
            return self.as_array(self.read(value), node)
        if isinstance(value, Var) or (isinstance(value, Const) and value.type.is_numeric):
            return value
        if isinstance(value, Const) and isinstance(value.value, int | float):  # of a class of its own: an IntEnum
            return Const(int(value.value) if isinstance(value.value, int) else float(value.value))
        if is_none(value) and self.tolerant:
            raise Unbound("None is used where a number is needed", self.span(node))
        described = repr(static_value(value)) if is_static(value) else _describe(value)
        self.refuse(node, f"{described} is not a number", "a number or an array is needed here")

    def opened(self, value: Value, node: ast.AST | None) -> Value:
        """Return the tuple that a tree is; another value as it is."""
        return trees.opened(self, value, node) if self.layouts else value

    def as_array(self, var: Var, node: ast.AST | None) -> Atom:
        """Return a list of numbers as the array that NumPy makes of it."""
        return self.atom(self.emit(node, "list_array", var)) if var.type.is_list else var

    # -- what is known

    def static_int(self, value: Value, pin: bool = False) -> int | None:
        """Return an int that is known when compiling. `pin`: an int argument is what it is in the example."""
        if isinstance(value, Const):
            return int(value.value) if isinstance(value.value, int | np.integer) else None
        if not isinstance(value, Var) or value.type.value is None:
            return None
        length = self.facts.find(value.type.value)
        if isinstance(length, int):
            return length
        example = example_of(length)
        if pin and example is not None and anchored(length):
            self.facts.unify(length, example)
            return example
        return None

    def static(self, value: Value, node: ast.AST | None) -> object:
        """Return what a value is that must be known when compiling: an axis, a dtype, a keyword such as keepdims."""
        if is_static(value):
            return static_value(value)
        if isinstance(value, Node):
            items = [self.static(c, node) for c in value.children]
            return tuple(items) if value.kind == "tuple" else items
        if run_texts.is_unknown(value):
            run_texts.refuse(self, node, "this must be known when compiling")
        known = self.static_int(value, pin=True)
        if known is None and isinstance(value, Var) and any(frame.loops for frame in self.frames):
            raise NeedsUnrolling(node or ast.Pass(), said="this must be known when compiling")
        if known is None:
            self.refuse(node, "this must be known when compiling", "computed at run time", "write it as a constant")
        return known

    def same_length(self, a: Value, b: Value) -> bool:
        """Tell whether two ints are proved equal."""
        if not (isinstance(a, Var | Const) and isinstance(b, Var | Const)):
            return False
        x, y = a.type.value, b.type.value
        return x is not None and y is not None and self.facts.same(x, y)

    def length_of(self, atom: Atom, axis: int) -> Value:
        return self.builder.emit("dim", atom, attrs=(axis,))

    def shorter(self, a: Atom, b: Atom) -> Atom:
        """Return the smaller of two lengths; assumed equal if they are in the example."""
        x, y = a.type.value, b.type.value
        if x is not None and y is not None:
            if self.facts.same(x, y):
                return a
            if anchored(x) and anchored(y) and example_of(x) is not None and example_of(x) == example_of(y):
                self.facts.unify(x, y)
                if self.facts.same(x, y):
                    return a
        return self.builder.emit("min_int", a, b)

    def trip_count(self, bounds: tuple[Atom, Atom, Atom]) -> Atom:
        start, stop, step = bounds
        if isinstance(start, Const) and start.value == 0 and isinstance(step, Const) and step.value == 1:
            return stop
        return self.builder.emit("range_length", *bounds)

    # -- frames

    @contextmanager
    def own_scope(self) -> Iterator[None]:
        """Run a comprehension: its names are its own, also for the functions that are made in it."""
        outer = self.frame
        frame = Frame(outer.scope, outer.desugared, {}, outer, outer.rule, outer.numpy, outer.macro, outer.calls)
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[None]:
        """Run in the frame of the function that made a generator or an inner function."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    def guarded_many(
        self, node: ast.AST | None, prim: str, atoms: tuple[Atom, ...], attrs: tuple[object, ...]
    ) -> tuple[Atom, ...]:
        """Make an equation with any number of results; errors of inference get the place."""
        try:
            return tuple([self.located(node, a) for a in self.builder.emit_many(prim, atoms, attrs)])
        except CompileError:
            raise
        except (TypeError, ValueError) as error:
            raise CompileError(str(error), self.span(node), "here") from error


def _describe(value: Value) -> str:
    return f"the method `{value.name}`" if isinstance(value, Method) else f"a {type(value).__name__.lower()}"


MOST_SPLITS: Final = 8  # branches of which each side has what follows on its own


def lower(
    target: Target,
    arguments: Mapping[str, Argument],
    facts: Facts,
    rules: Sequence[CustomFunction] = (),
    whole: bool = False,
    outputs: tuple[str, ...] = (),
    one: bool = False,
) -> Lowered:
    """Lower a function for abstract arguments, given by name for every parameter that the call provides.

    `rules` hold wherever their functions are called. `whole`: nothing differentiates the function itself. The result
    is what it returns, or the final values of the arguments `outputs`, with `one` the only one.
    """
    resolved: dict[object, None] = {}
    failed: CompileError | None = None  # with lists in pools: then loops are unrolled instead, if they can be
    conflict: CompileError | None = None  # what a name stands for differs on the sides of a branch, which is split then
    splits = 0
    start = facts.copy()
    while True:
        try:
            return lower_once(target, arguments, facts, resolved, rules, whole, outputs, one)
        except Unresolved as found:
            resolved[found.key] = None
            facts.restore(start)
        except CompileError as error:
            split = error.resolving
            if split is not None and split not in resolved and splits < MOST_SPLITS:
                if not tables.is_question(split):
                    conflict = conflict or error
                splits += 1
                resolved[split] = None
                facts.restore(start)
                continue
            if failed is not None and failed.line is None:
                failed = None  # what is said without pools tells where
            if not resolved or not any(isinstance(key, birthplaces.Pooled) for key in resolved):
                raise failed or conflict or error from None
            failed, resolved = error, {pooling.NOWHERE: None}
            facts.restore(start)


def lower_once(
    target: Target,
    arguments: Mapping[str, Argument],
    facts: Facts,
    resolved: Mapping[object, None],
    rules: Sequence[CustomFunction],
    whole: bool,
    outputs: tuple[str, ...],
    one: bool,
) -> Lowered:
    """Lower a function, with these calls resolved as views or copies."""
    params = [v for a in arguments.values() for v in leaves(a) if isinstance(v, Var)]
    builder = Builder(facts, {v.name: v for v in params})
    lo = Lowering(builder)
    lo.resolved = resolved
    lo.rules = tuple(rules)
    lo.whole = whole
    for v in params:
        if v.name in arguments:  # what is inside a container goes by the name that the function gives it
            lo.names[v] = v.name
        builder.anchor(v)
    given = {name: lo.owned(map_leaves(lambda a: as_value(lo, a), a)) for name, a in arguments.items()}
    held = [found for name, value in given.items() for found in _mutable(value, (name,))]
    given.update({f"..{name}": given[name] for name in outputs})  # read at the end, whatever the name stands for then
    if resolved:
        pooling.prepare(lo)
    result = _run(lo, target, given)
    if outputs:
        result = given[outputs[0]] if one and len(outputs) == 1 else Node("tuple", tuple(given[n] for n in outputs))
    flat: list[Atom] = []
    structure = flatten(lo, result, flat, target.source.name)
    if any(a.type.is_tree for a in flat):
        message = f"`{target.source.name}` returns a tuple that holds tuples like itself, how deep is known at run time"
        lo.refuse(target.source.node, message, "here", "return numbers and arrays that are computed from it")
    captures = used_captures(lo, flat)
    if lo.strangers:
        strangers.refuse_shared(lo, captures)
    function = Function(
        target.source.name,
        (*params, *(v for c in captures for v in c.used)),
        tuple(builder.stmts),
        tuple(flat),
        facts=facts,
        names={v: shown(name) for v, name in lo.names.items()},
        ignored=tuple(sorted(lo.ignored)),
    )
    callees = {c.name: c.function for c in lo.callees.values() if c.function is not None}
    if loud := effects.loud_names(callees):
        function = effects.with_loud_calls(function, loud)
        callees = {name: effects.with_loud_calls(fn, loud) for name, fn in callees.items()}
    apart = tuple(_must_be_apart(lo, held))
    return Lowered(function, structure, captures, tuple(lo.dependencies.values()), callees, lo.places, apart)


def _run(lo: Lowering, target: Target, given: Mapping[str, Value]) -> Value:
    """Run the function on abstract values."""
    keywords = {k: lift(v) for k, v in target.keywords.items()}
    try:
        result = calls.enter(lo, target.source, target.bound, keywords, given)
        lo.frames.append(Frame(target.source, body_of(target.source.node)))
        return required(lo, result, target.source.node)
    except NeedsUnrolling as needed:
        if needed.resolving is not None:
            raise Unresolved(needed.resolving) from None
        if needed.error is not None:
            raise needed.error from None
        if isinstance(needed.place, ast.Subscript) and picking.question(needed.place) not in lo.resolved:
            raise Unresolved(picking.question(needed.place)) from None
        message = "a list or dict is indexed, or changes its length, in a loop whose number of trips is not known"
        message = f"{needed.said}, and it differs from trip to trip" if needed.said else message
        advice = needed.advice or "keep the values in an array that is made before the loop"
        raise CompileError(message, needed.span, "here", advice) from None


def _mutable(value: Value, path: Steps) -> Iterator[tuple[Steps, Node[Value]]]:
    """Yield the lists, dicts and objects in an argument, with the steps to them."""
    if isinstance(value, Node):
        if value.identity:
            yield path, value
        for step, child in zip(value.steps, value.children, strict=True):
            yield from _mutable(child, (*path, step))


def _must_be_apart(lo: Lowering, held: Sequence[tuple[Steps, Node[Value]]]) -> Iterator[tuple[Steps, Steps]]:
    """Yield pairs of containers that could be one, of which the first is changed."""
    changed = {path for path, value in held if lo.contents.get(value.identity) is not value}
    for k, (path, value) in enumerate(held):
        for other, node in held[:k]:
            if {path, other} & changed and value.form == node.form:
                yield (path, other) if path in changed else (other, path)


def flatten(lo: Lowering, value: Value, flat: list[Atom], name: str) -> Node[int] | int:
    """List the leaves of the result of a function; return its structure over the list."""
    value = lo.current(value)
    if isinstance(value, Node):
        if value.cls is not None and tables.is_table(value):
            what, (_, place) = tables.described(value), lo.dicts.get(value.identity, (None, lo.builder.span))
            advice = "return an array of its values, np.array(list(d.values())), or of its keys"
            raise CompileError(f"`{name}` returns {what}", place, "made here", advice)
        if value.kind == "list" and value.cls not in (None, deque):
            message = f"`{name}` returns an object of `{value.called}`, a subclass of list"
            raise CompileError(message, lo.builder.span, help="return a plain list: list(...) of it")
        return value.holding([flatten(lo, c, flat, name) for c in value.children])
    if isinstance(value, Ref | Var | Const):
        flat.append(lo.atom(value))
        return len(flat) - 1
    raise CompileError(f"`{name}` returns {_describe(value)}, which is not a number or an array")
