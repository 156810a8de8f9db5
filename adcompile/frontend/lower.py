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
import logging
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np

from adcompile.custom.functions import CustomFunction
from adcompile.errors import CompileError, Span
from adcompile.frontend import application, calls, exceptions, macros, prelude, statements
from adcompile.frontend.arguments import STATIC_TYPES, Argument, abstract_outside, leaf_type
from adcompile.frontend.buffers import Buffers
from adcompile.frontend.custom_rules import Made
from adcompile.frontend.desugar import CODE, ENDED, FLAGS, RAISED, RESULT, RETURNED, Desugared, desugar
from adcompile.frontend.exceptions import Catcher
from adcompile.frontend.frames import Conflict, Frame, NeedsUnrolling, Unbound, Unresolved, is_ours
from adcompile.frontend.plans import Plan
from adcompile.frontend.recursion import Callee
from adcompile.frontend.resolve import Source
from adcompile.frontend.targets import Target
from adcompile.frontend.values import Method, Ref, Value, is_static, lift, static_value
from adcompile.frontend.variables import boxed_names
from adcompile.ir.builder import Builder
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Const, Function, Stmt, Var, blocks_of, operands, walk
from adcompile.ir.forms import part_of, parts
from adcompile.ir.lengths import Facts, example_of
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.ir.types import Type
from adcompile.records import dataclass, field, replace
from adcompile.rules.opaque import is_draw

# Modules of functions that are written in Python and lowered as the user's are.
OURS = (macros.__name__, prelude.__name__)


@dataclass(frozen=True, slots=True)
class Capture:
    """A number, array, container or object that the function reads from outside, anew at each call.

    Its numbers and arrays are passed as hidden arguments, those that the program uses.

    root    a name that no argument has
    tree    what is known of it, as of an argument
    source  what gives the name its meaning: a function, or the object that it is an attribute of
    """

    name: str
    root: str
    tree: Argument
    source: Source | object
    used: tuple[Var, ...] = ()

    def read(self) -> object:
        """Return what the name stands for now."""
        if isinstance(self.source, Source):
            return self.source.lookup(self.name)
        found: object = getattr(self.source, self.name)
        return found

    def values(self) -> dict[str, object]:
        """Return the values, now, of the hidden arguments."""
        whole = self.read()
        return {v.name: part_of(whole, path) for v, path in self.paths() if v in self.used}

    def paths(self) -> Iterator[tuple[Var, tuple[object, ...]]]:
        """Yield every variable, and the steps that lead to it."""
        yield from _paths(self.tree, ())


def _paths(tree: Argument, path: tuple[object, ...]) -> Iterator[tuple[Var, tuple[object, ...]]]:
    if isinstance(tree, Node):
        for step, child in zip(tree.steps, tree.children, strict=True):
            yield from _paths(child, (*path, step))
    elif isinstance(tree, Var):
        yield tree, path


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a free name stood for when the function was compiled, or an attribute of the object `source`.

    The guard tests that it still does.
    """

    source: Source | object
    name: str
    value: object


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


class Lowering(Buffers):
    """Lowers one function and everything that it calls."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.plans: dict[object, Plan] = {}
        self.captures: dict[tuple[int, str], Capture] = {}
        self.dependencies: dict[tuple[int, str], Dependency] = {}
        self.captured: dict[tuple[int, str], Value] = {}
        self.callees: dict[object, Callee] = {}
        self.customs: dict[object, Made] = {}
        self.custom_depth = 0
        self.rules: tuple[CustomFunction, ...] = ()
        self.plain_calls: list[object] = []
        self.roots: set[str] = set()
        self.keys = 0
        self.quiet = 0  # blocks of catch_warnings around
        self.ignored: set[str] = set()  # floating-point errors, by np.errstate
        self.catchers: list[Catcher] = []
        self.sites: list[type[BaseException]] = []
        self.handling: list[tuple[list[int], Value]] = []
        self.places: dict[Var, Span] = {}
        self.whole = False  # the program is compiled as it is: nothing in it is differentiated from outside
        self.reserved: dict[tuple[ast.AST, str], str] = {}

    def next_key(self) -> int:
        self.keys += 1
        return self.keys

    def reserve(self, hint: str, node: ast.AST) -> str:
        """Return the name of a parameter of an inner function, which no argument or captured value has."""
        if (node, hint) not in self.reserved:
            name = hint
            while name in self.builder.params:
                name += "_"
            self.reserved[node, hint] = name
        return self.reserved[node, hint]

    # -- equations

    def guarded(self, node: ast.AST | None, make: Callable[[], Value]) -> Value:
        """Make a value; errors of inference get the place."""
        try:
            return make()
        except CompileError:
            raise
        except (TypeError, ValueError) as error:
            raise CompileError(str(error), self.span(node), "here") from error

    def emit(self, node: ast.AST | None, prim: str, *args: Atom, attrs: tuple[object, ...] = ()) -> Value:
        return self.guarded(node, lambda: self.wrap(self.located(node, self.builder.emit(prim, *args, attrs=attrs))))

    def located(self, node: ast.AST | None, atom: Atom) -> Atom:
        """Remember which expression a value comes from."""
        if isinstance(atom, Var) and node is not None and atom not in self.places and not self.frame.rule:
            span = self.frame.scope.span(node)
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
        value = self.current(value)
        if isinstance(value, Node) and value.kind != "dict":
            return self.atom(application.stacked(self, value, node))
        if isinstance(value, Ref):
            return self.as_array(self.read(value), node)
        if isinstance(value, Var) or (isinstance(value, Const) and value.type.is_numeric):
            return value
        if isinstance(value, Const) and isinstance(value.value, int | float):  # of a class of its own: an IntEnum
            return Const(int(value.value) if isinstance(value.value, int) else float(value.value))
        described = repr(static_value(value)) if is_static(value) else _describe(value)
        self.refuse(node, f"{described} is not a number", "a number or an array is needed here")

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
        if pin and example is not None:
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
            if example_of(x) is not None and example_of(x) == example_of(y):
                self.facts.unify(x, y)
                if self.facts.same(x, y):
                    return a
        return self.builder.emit("min_int", a, b)

    def trip_count(self, bounds: tuple[Atom, Atom, Atom]) -> Atom:
        start, stop, step = bounds
        if isinstance(start, Const) and start.value == 0 and isinstance(step, Const) and step.value == 1:
            return stop
        return self.builder.emit("range_length", *bounds)

    # -- names

    def free_name(self, name: str, node: ast.AST) -> Value:
        """Return what a global, a closure cell or a builtin stands for."""
        scope = self.frame.scope
        try:
            value = scope.lookup(name)
        except KeyError:
            self.refuse(
                node, f"the name `{name}` is not defined", "not found", "define it before this function is used"
            )
        if self.frame.rule or self.frame.macro or not isinstance(scope, Source):
            return lift(value)
        return self.captured_from(scope, name, node)

    def captured_from(self, scope: Source, name: str, node: ast.AST) -> Value:
        """Return what a free name of a function stands for, decided once."""
        key = (id(scope.function), name)
        if key not in self.captured:
            self.captured[key] = self.outside(scope, name, scope.lookup(name), node)
        return self.revived(key)

    def revived(self, key: tuple[int, str]) -> Value:
        """Return what was read from outside, also where it was first read in a loop or branch that is left."""
        value = self.captured[key]
        if key in self.captures:
            for held, leaf in zip(leaves(value), leaves(self.captures[key].tree), strict=True):
                if isinstance(held, Ref) and isinstance(leaf, Var):
                    self.cells.setdefault(held.cell, leaf)
        return value

    def read_outside(self, holder: Source | object, name: str, node: ast.AST) -> Value:
        """Return what a name of a function, or the attribute of an object, stands for."""
        if isinstance(holder, Source):
            return self.captured_from(holder, name, node)
        return self.constant(holder, name, getattr(holder, name), node)

    def outside(self, scope: Source, name: str, value: object, node: ast.AST) -> Value:
        """Decide how a value from outside is used: as a hidden argument, or as a constant that a guard tests."""
        if isinstance(value, float | complex | np.generic) or type(value) is np.ndarray or _holds_numbers(value):
            return self.capture(scope, name, value)
        if is_draw(type(value)) or isinstance(value, logging.Logger):
            return self.capture(scope, name, value)
        if isinstance(value, np.ndarray):
            leaf_type(name, value, self.facts)  # raises: a subclass
        if scope.function.__module__ in OURS:
            return lift(value)  # ours, and always the same
        known = isinstance(value, STATIC_TYPES + (int, types.ModuleType)) or callable(value)
        if not known and not _constant(value):
            self.refuse(
                node,
                f"`{name}` is a {type(value).__name__} from outside the function",
                "its contents may change without notice",
                f"pass `{name}` as an argument",
            )
        self.dependencies[(id(scope.function), name)] = Dependency(scope, name, value)
        return lift(value)

    def capture(self, holder: Source | object, name: str, value: object) -> Value:
        """Read a value from outside at each call: its numbers and arrays become hidden arguments."""
        root, taken = name, {*self.builder.params, *self.reserved.values()}
        while root in taken or root in self.roots:
            root += "_"
        self.roots.add(root)
        tree = abstract_outside(root, value, self.facts, taken)
        for var in leaves(tree):
            if isinstance(var, Var):
                self.builder.params[var.name] = var
                self.names[var] = var.name
        owner = holder.function if isinstance(holder, Source) else holder
        self.captures[(id(owner), name)] = Capture(name, root, tree, holder)
        return _hidden_arguments(self, tree)

    def capture_object(self, holder: Source, name: str, value: object) -> Var:
        """Return what a name from outside stands for as a hidden argument of which only the class is known."""
        key = (id(holder.function), name)
        if key not in self.captures:
            root, taken = name, {*self.builder.params, *self.reserved.values(), *self.roots}
            while root in taken:
                root += "_"
            self.roots.add(root)
            var = Var(root, Type("object", type(value), None))
            self.builder.params[root] = var
            self.names[var] = root
            self.captures[key] = Capture(name, root, var, holder)
        found = self.captures[key].tree
        assert isinstance(found, Var)
        return found

    def capture_attribute(self, owner: object, name: str, hidden: str) -> Var:
        """Return an attribute of an object as a hidden argument."""
        key = (id(owner), name)
        if key not in self.captures:
            taken = {*self.builder.params, *self.reserved.values(), *self.roots}
            while hidden in taken:
                hidden += "_"
            self.roots.add(hidden)
            var = Var(hidden, leaf_type(hidden, getattr(owner, name), self.facts))
            self.builder.params[hidden] = var
            self.names[var] = hidden
            self.captures[key] = Capture(name, hidden, var, owner)
            self.captured[key] = var
        found = self.captures[key].tree
        assert isinstance(found, Var)
        return found

    def depend(self, owner: object, name: str, value: object) -> None:
        """Remember that the program is made of what an attribute of an object holds, which the guard then tests."""
        self.dependencies[(id(owner), name)] = Dependency(owner, name, value)

    def constant(self, owner: object, name: str, value: object, node: ast.AST) -> Value:
        """Return the value of an attribute of a module, class or other constant, which the guard tests."""
        key = (id(owner), name)
        if key in self.captured:
            return self.revived(key)
        if not self.frame.rule and not _settled(owner):
            array = type(value) is np.ndarray or _holds_numbers(value)
            if array or (isinstance(value, float | complex | np.generic) and not isinstance(owner, types.ModuleType)):
                self.captured[key] = self.capture(owner, name, value)
                return self.captured[key]
            self.depend(owner, name, value)
        if isinstance(value, np.ndarray):
            self.refuse(node, f"the array `{name}` of a module is not supported", "here", "bind it to a global name")
        return lift(value)

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
        self, node: ast.AST, prim: str, atoms: tuple[Atom, ...], attrs: tuple[object, ...]
    ) -> tuple[Atom, ...]:
        """Make an equation with any number of results; errors of inference get the place."""
        try:
            return tuple(self.located(node, a) for a in self.builder.emit_many(prim, atoms, attrs))
        except CompileError:
            raise
        except (TypeError, ValueError) as error:
            raise CompileError(str(error), self.span(node), "here") from error


def _describe(value: Value) -> str:
    return f"the method `{value.name}`" if isinstance(value, Method) else f"a {type(value).__name__.lower()}"


def _holds_numbers(value: object) -> bool:
    """Tell whether a value from outside is an object, or a container with floats, arrays or objects in it."""
    held = parts(value)
    if held is None:
        return False
    if held.kind == "object":
        return True
    plain = (float, complex, np.generic, np.ndarray)
    return any(isinstance(c, plain) or _holds_numbers(c) for c in held.children) or held.kind in ("list", "dict")


def _settled(owner: object) -> bool:
    """Tell whether the attributes of an object never change: NumPy's modules and types, the standard ones used here."""
    if isinstance(owner, str | bytes | int | float | range):
        return True
    module = owner.__name__ if isinstance(owner, types.ModuleType) else getattr(owner, "__module__", None)
    return str(module).partition(".")[0] in ("numpy", "math", "operator", "functools", "builtins", "cmath")


def _constant(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_constant, value))
    return isinstance(value, STATIC_TYPES + (int, float, complex, range, frozenset)) or callable(value)


_bodies: dict[ast.AST, Desugared] = {}


def body_of(node: ast.FunctionDef | ast.Lambda) -> Desugared:
    """Return the desugared body of a function; the same nodes each time."""
    if node not in _bodies:
        if isinstance(node, ast.Lambda):
            statement = ast.copy_location(ast.Return(node.body), node.body)
            _bodies[node] = desugar([statement])
        else:
            _bodies[node] = desugar(_without_docstring(node.body))
    return _bodies[node]


def _without_docstring(body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    first = body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return body[1:] if text else body


def run_body(lo: Lowering, frame: Frame, node: ast.FunctionDef | ast.Lambda) -> Value:
    """Run the body of a function in a new frame and return its result."""
    place = lo.builder.span
    lo.frames.append(frame)
    outermost = lo.outermost
    lo.outermost += len(lo.frames) == outermost and is_ours(frame.scope)
    try:
        frame.names.update({**dict.fromkeys(FLAGS, FALSE), CODE: Const(0)})
        for name in sorted(boxed_names(node)):
            frame.names[name] = lo.box(frame.names.get(name, UNDEFINED))
        statements.run(lo, frame.desugared.body)
        returned = frame.names[RETURNED]
        if frame.names.get(RAISED) is TRUE:
            return UNDEFINED
        if returns_nothing(node) or (isinstance(returned, Const) and not returned.value):
            return NONE
        value = frame.names.get(RESULT, NONE)
        if value is NONE and lo.tolerant and lo.skipped or value is UNDEFINED:
            raise Unbound(f"what `{frame.scope.name}` returns is not known", lo.span(None))
        if frame.names.get(RAISED, FALSE) is not FALSE:
            returned = frame.names[ENDED]
        if isinstance(returned, Var) or (isinstance(value, Const) and isinstance(value.value, Conflict)):
            reason = value.value.reason if isinstance(value, Const) and isinstance(value.value, Conflict) else ""
            lo.refuse(
                node.body[-1] if isinstance(node, ast.FunctionDef) else node,
                f"the result of `{frame.scope.name}` {reason}"
                if reason
                else f"`{frame.scope.name}` may end without a return",
                "here",
                "return the same kind of value on every path",
            )
        return value
    finally:
        lo.frames.pop()
        if lo.catchers and lo.frames:
            exceptions.leave_call(lo, frame, node)
        lo.outermost = outermost
        lo.builder.span = place


@lru_cache(maxsize=1024)
def returns_nothing(node: ast.FunctionDef | ast.Lambda) -> bool:
    """Tell whether a function returns None, wherever it returns."""
    todo: list[ast.AST] = [*node.body] if isinstance(node, ast.FunctionDef) else []
    for n in todo:  # grows
        if isinstance(n, ast.Return) and not (n.value is None or _is_none(n.value)):
            return False
        if not isinstance(n, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(n)
    return isinstance(node, ast.FunctionDef)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


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
    resolved: set[object] = set()
    while True:
        try:
            return lower_once(target, arguments, facts, resolved, rules, whole, outputs, one)
        except Unresolved as found:
            resolved.add(found.key)


def lower_once(
    target: Target,
    arguments: Mapping[str, Argument],
    facts: Facts,
    resolved: set[object],
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
    source = target.source
    given = {name: lo.owned(map_leaves(lambda a: _argument(lo, a), a)) for name, a in arguments.items()}
    held = [found for name, value in given.items() for found in _mutable(value, (name,))]
    given.update({f"..{name}": given[name] for name in outputs})  # read at the end, whatever the name stands for then
    try:
        result = calls.enter(lo, source, target.bound, {k: lift(v) for k, v in target.keywords.items()}, given)
    except NeedsUnrolling as needed:
        if needed.error is not None:
            raise needed.error from None
        message = "a list or dict is indexed, or changes its length, in a loop whose number of trips is not known"
        message = f"{needed.said}, and it differs from trip to trip" if needed.said else message
        lo.frames.append(Frame(source, body_of(source.node)))
        lo.refuse(needed.place, message, "here", "keep the values in an array that is made before the loop")
    if outputs:
        result = given[outputs[0]] if one and len(outputs) == 1 else Node("tuple", tuple(given[n] for n in outputs))
    flat: list[Atom] = []
    structure = flatten(lo, result, flat, source.name)
    captures = used_captures(lo, flat)
    function = Function(
        source.name,
        (*params, *(v for c in captures for v in c.used)),
        tuple(builder.stmts),
        tuple(flat),
        facts=facts,
        names=dict(lo.names),
        ignored=tuple(sorted(lo.ignored)),
    )
    callees = {c.name: c.function for c in lo.callees.values() if c.function is not None}
    apart = tuple(_must_be_apart(lo, held))
    return Lowered(function, structure, captures, tuple(lo.dependencies.values()), callees, lo.places, apart)


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


def used_captures(lo: Lowering, outs: Sequence[Atom]) -> tuple[Capture, ...]:
    """Return what was read from outside, with the hidden arguments that the program needs."""
    return tuple(replace(c, used=_used(c, lo.builder.stmts, outs)) for c in lo.captures.values())


def _used(capture: Capture, stmts: Sequence[Stmt], outs: Sequence[Atom]) -> tuple[Var, ...]:
    """Return the hidden arguments that a program uses: the one number or array, or those read from a container."""
    if isinstance(capture.tree, Var):
        return (capture.tree,)
    read: set[Atom] = {*outs}
    for stmt in walk(stmts):
        read.update(operands(stmt))
        for block in blocks_of(stmt):
            read.update(block.yields)
    return tuple(v for v, _ in capture.paths() if v in read)


def _hidden_arguments(lo: Lowering, tree: Argument) -> Value:
    if isinstance(tree, Node):
        return tree.holding([_hidden_arguments(lo, c) for c in tree.children])
    return _argument(lo, tree)


def _argument(lo: Lowering, a: Atom) -> Value:
    return lo.new_cell(a) if isinstance(a, Var) and a.type.is_array else a


def flatten(lo: Lowering, value: Value, flat: list[Atom], name: str) -> Node[int] | int:
    """List the leaves of the result of a function; return its structure over the list."""
    value = lo.current(value)
    if isinstance(value, Node):
        return value.holding([flatten(lo, c, flat, name) for c in value.children])
    if isinstance(value, Ref | Var | Const):
        flat.append(lo.atom(value))
        return len(flat) - 1
    raise CompileError(f"`{name}` returns {_describe(value)}, which is not a number or an array")
