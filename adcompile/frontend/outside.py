"""What names from outside the function stand for: hidden arguments, or constants that a guard tests."""

from __future__ import annotations

import ast
import builtins
import io
import types
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import numpy as np

from adcompile.errors import meant
from adcompile.frontend import macros, pipelines, prelude, registers
from adcompile.frontend.arguments import STATIC_TYPES, Argument, abstract_outside, is_sparse_matrix, leaf_type
from adcompile.frontend.buffers import Buffers
from adcompile.frontend.resolve import Source
from adcompile.frontend.values import Ref, Value, lift
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Const, Stmt, Var, blocks_of, operands, walk
from adcompile.ir.forms import part_of, parts
from adcompile.ir.naming import unlike
from adcompile.ir.structure import Node, leaves
from adcompile.ir.types import Type
from adcompile.records import dataclass, replace
from adcompile.rules.opaque import is_draw, loggers

# Modules of functions that are written in Python and lowered as the user's are.
OURS = (macros.__name__, pipelines.__name__, prelude.__name__)


K = TypeVar("K")
V = TypeVar("V")


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

    The guard tests that it still does. `member`: `source` is a class, and the value is what stands in it, where reading
    the attribute makes another one.
    """

    source: Source | object
    name: str
    value: object
    member: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """An object from outside that the program changes, see `registers`: the guard tests that names stand for it."""

    held: object


class Outside(Buffers):
    """The state of lowering, with what was read from outside.

    reserved  names of parameters of inner functions; `roots` are the names that captures go by
    """

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self.captures: dict[tuple[int, str], Capture] = {}
        self.dependencies: dict[tuple[int, str], Dependency] = {}
        self.captured: dict[tuple[int, str], Value] = {}
        self.roots: set[str] = set()
        self.registers: dict[int, tuple[Register, Var]] = {}
        self.reserved: dict[tuple[ast.AST, str], str] = {}

    def reserve(self, hint: str, node: ast.AST) -> str:
        """Return the name of a parameter of an inner function, which no argument or captured value has."""
        if (node, hint) not in self.reserved:
            self.reserved[node, hint] = unlike(hint, self.builder.params)
        return self.reserved[node, hint]

    def new_root(self, hint: str) -> str:
        """Return a name for a hidden argument that no other one has."""
        root = unlike(hint, {*self.builder.params, *self.reserved.values(), *self.roots})
        self.roots.add(root)
        return root

    def add_parameter(self, var: Var) -> None:
        """Make a variable a hidden argument."""
        self.builder.params[var.name] = var
        self.names[var] = var.name

    def free_name(self, name: str, node: ast.AST) -> Value:
        """Return what a global, a closure cell or a builtin stands for."""
        scope = self.frame.scope
        try:
            value = scope.lookup(name)
        except KeyError:
            known: list[object] = [*self.frame.names, *dir(builtins)]
            known += scope.function.__globals__ if isinstance(scope, Source) else ()
            remedy = meant(name, known, "define it before this function is used")
            self.refuse(node, f"the name `{name}` is not defined", "not found", remedy)
        if self.frame.rule or self.frame.macro or not isinstance(scope, Source):
            return lift(value)
        register = registers.read_name(self, self.looked_up_by(scope, name), name, node)  # type: ignore[arg-type]  # the only one
        if register is not None:
            return register
        return self.captured_from(self.looked_up_by(scope, name), name, node)

    def looked_up_by(self, scope: Source, name: str) -> Source:
        """Return the function by which a global name is read: for a method, that which its class is defined in."""
        outer = self.made.scopes.get(id(scope.function.__code__))
        if not isinstance(outer, Source) or scope.origin(name) == "closure":
            return scope
        return self.looked_up_by(outer, name)

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
            value = self.captured_from(holder, name, node)
            return self.capture_object(holder, name, value.value) if isinstance(value, Const) else value
        return self.constant(holder, name, getattr(holder, name), node)

    def outside(self, scope: Source, name: str, value: object, node: ast.AST) -> Value:
        """Decide how a value from outside is used: as a hidden argument, or as a constant that a guard tests."""
        if registers.is_changed(self, value):  # type: ignore[arg-type]  # the only one
            found = self.capture_register(value, name)
            self.fix(scope, name, self.registers[id(value)][0])
            return found
        registers.refuse_parts(self, name, value, node)  # type: ignore[arg-type]  # likewise
        if isinstance(value, float | complex | np.generic) or type(value) is np.ndarray or _holds_numbers(value):
            return self.capture(scope, name, value)
        if is_draw(type(value)) or isinstance(value, loggers()) or is_sparse_matrix(value):
            return self.capture(scope, name, value)
        if isinstance(value, np.ndarray):
            leaf_type(name, value, self.facts)  # raises: a subclass
        if scope.function.__module__ in OURS:
            return lift(value)  # ours, and always the same
        known = (
            type(value) in (object, type(NotImplemented))
            or isinstance(value, STATIC_TYPES + (int, types.ModuleType))
            or callable(value)
        )
        if not known and not _constant(value):
            self.refuse(
                node,
                f"`{name}` is a {type(value).__name__} from outside the function",
                "its contents may change without notice",
                f"make `{name}` inside of the function" if _is_frozen(value) else f"pass `{name}` as an argument",
            )
        self.fix(scope, name, value)
        return lift(value)

    def capture(self, holder: Source | object, name: str, value: object) -> Value:
        """Read a value from outside at each call: its numbers and arrays become hidden arguments."""
        taken = {*self.builder.params, *self.reserved.values()}
        root = self.new_root(name)
        tree = abstract_outside(root, value, self.facts, taken)
        for var in leaves(tree):
            if isinstance(var, Var):
                self.add_parameter(var)
        owner = holder.function if isinstance(holder, Source) else holder
        self.captures[(id(owner), name)] = Capture(name, root, tree, holder)
        return _hidden_arguments(self, tree)

    def capture_object(self, holder: Source, name: str, value: object) -> Var:
        """Return what a name from outside stands for as a hidden argument of which only the class is known."""
        key = (id(holder.function), name)
        if key not in self.captures:
            root = self.new_root(name)
            var = Var(root, Type("object", type(value), None))
            self.add_parameter(var)
            self.captures[key] = Capture(name, root, var, holder)
        found = self.captures[key].tree
        assert isinstance(found, Var)
        return found

    def capture_register(self, held: object, name: str = "") -> Var:
        """Return an object that the program changes as a hidden argument."""
        if id(held) not in self.registers:
            name = name or getattr(held, "__name__", "names" if isinstance(held, dict) else "cell")
            register = Register(held)
            self.registers[id(held)] = register, self.capture_attribute(register, "held", name)
        return self.registers[id(held)][1]

    def changed_outside(self, held: Value) -> None:
        """Have the container from outside that a value is, or is a part of, be changed at run time."""
        for key, value in self.captured.items():
            capture = self.captures.get(key)
            if capture is not None and isinstance(value, Node) and value.kind != "object" and _holds(value, held):
                registers.changed(self, capture.read())  # type: ignore[arg-type]  # the only one

    def capture_attribute(self, owner: object, name: str, hidden: str) -> Var:
        """Return an attribute of an object as a hidden argument."""
        key = (id(owner), name)
        if key not in self.captures:
            root = self.new_root(hidden)
            var = Var(root, leaf_type(root, getattr(owner, name), self.facts))
            self.add_parameter(var)
            self.captures[key] = Capture(name, root, var, owner)
            self.captured[key] = var
        found = self.captures[key].tree
        assert isinstance(found, Var)
        return found

    def depend(self, owner: object, name: str, value: object, member: bool = False) -> None:
        """Remember that the program is made of what an attribute of an object holds, which the guard then tests."""
        if isinstance(owner, type) and owner in self.made.classes:
            owner = next(c for c in owner.__mro__ if name in vars(c))
        if self.is_made(owner):
            return
        self.dependencies[(id(owner), name)] = Dependency(owner, name, value, member)

    def known_outside(self) -> tuple[int, int, int]:
        """Return how much is known of what names from outside stand for."""
        return len(self.dependencies), len(self.captured), len(self.captures)

    def forget_outside(self, known: tuple[int, int, int]) -> None:
        """Forget what was found out since about names from outside: the guard does not test it."""
        dependencies, captured, captures = known
        _shorten(self.dependencies, dependencies)
        _shorten(self.captured, captured)
        _shorten(self.captures, captures)

    def is_made(self, owner: object) -> bool:
        """Tell whether an object is a class that was made here, or of one."""
        return (isinstance(owner, type) and owner in self.made.classes) or type(owner) in self.made.classes

    def fix(self, scope: Source, name: str, value: object) -> None:
        """Remember that the program is made of what a name stands for."""
        self.dependencies[(id(scope.function), name)] = Dependency(scope, name, value)

    def constant(self, owner: object, name: str, value: object, node: ast.AST) -> Value:
        """Return the value of an attribute of a module, class or other constant, which the guard tests."""
        key = (id(owner), name)
        if key in self.captured:
            return self.revived(key)
        if not self.frame.rule and not _settled(owner):
            if isinstance(value, io.IOBase):
                return self.capture_attribute(owner, name, name)
            if registers.is_changed(self, value):  # type: ignore[arg-type]  # the only one
                found = self.capture_register(value, name)
                self.depend(owner, name, self.registers[id(value)][0])
                return found
            if registers.question(owner, name) in self.resolved:
                return registers.read(self, owner, name, value, node)  # type: ignore[arg-type]  # likewise
            array = type(value) is np.ndarray or _holds_numbers(value)
            number = isinstance(value, float | complex | np.generic)
            if array or (number and not isinstance(owner, types.ModuleType) and not self.is_made(owner)):
                self.captured[key] = self.capture(owner, name, value)
                return self.captured[key]
            self.depend(owner, name, value)
        if isinstance(value, np.ndarray):
            self.refuse(node, f"the array `{name}` of a module is not supported", "here", "bind it to a global name")
        return lift(value)


def _holds(value: Value, part: Value) -> bool:
    """Tell whether a container is another one, or has it in it."""
    return value is part or (isinstance(value, Node) and any(_holds(c, part) for c in value.children))


def _holds_numbers(value: object) -> bool:
    """Tell whether a value from outside is an object, or a container with floats, arrays or objects in it."""
    held = parts(value)
    if held is None:
        return False
    if held.kind == "object":
        return True
    plain = (float, complex, np.generic, np.ndarray)
    return any(isinstance(c, plain) or _holds_numbers(c) for c in held.children) or held.kind in ("list", "dict")


SETTLED: Final = ("numpy", "math", "operator", "functools", "builtins", "cmath", "itertools", "dataclasses")


def _is_frozen(value: object) -> bool:
    """Tell whether a value is a frozen distribution of SciPy."""
    return any(c.__name__ == "rv_frozen" for c in type(value).__mro__)


def _settled(owner: object) -> bool:
    """Tell whether the attributes of an object never change: NumPy's modules and types, the standard ones used here."""
    if isinstance(owner, str | bytes | int | float | range):
        return True
    module = owner.__name__ if isinstance(owner, types.ModuleType) else getattr(owner, "__module__", None)
    return str(module).partition(".")[0] in SETTLED


def _constant(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_constant, value))
    return isinstance(value, STATIC_TYPES + (int, float, complex, range, frozenset)) or callable(value)


def _shorten(held: dict[K, V], count: int) -> None:
    for key in list(held)[count:]:
        del held[key]


def used_captures(lo: Outside, outs: Sequence[Atom]) -> tuple[Capture, ...]:
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


def _hidden_arguments(lo: Buffers, tree: Argument) -> Value:
    if isinstance(tree, Node):
        return tree.holding([_hidden_arguments(lo, c) for c in tree.children])
    return lo.outside_cell(tree) if isinstance(tree, Var) and tree.type.is_array else tree


def as_value(lo: Buffers, a: Atom) -> Value:
    return lo.new_cell(a) if isinstance(a, Var) and a.type.is_array else a
