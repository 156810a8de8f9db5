"""Lower parts of a function with derivative rules, each by itself: as functions of the IR."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from adcompile.custom.functions import CustomFunction, Rule
from adcompile.errors import CompileError
from adcompile.frontend import calls
from adcompile.frontend.custom_reads import reads_within
from adcompile.frontend.desugar import Desugared
from adcompile.frontend.frames import Frame, Unbound
from adcompile.frontend.scopes import CalledFrom
from adcompile.frontend.values import Ref, Value, is_static, lift
from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, Atom, Eqn, Function, Stmt, Var, free
from adcompile.ir.custom import CustomCall, Pull
from adcompile.ir.structure import Node, leaves
from adcompile.ir.types import Type
from adcompile.records import dataclass, field, replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Made:
    """A function with rules for operands of certain types.

    result   the structure of what it returns, over the results of the equation
    aliases  for each result, the operands that may share memory with it
    outside  what the function and its rules read from outside: values, and `shapes` of which only the lengths are read
    local    some of that is a value of the function that makes the call
    held     keeps alive what the key refers to by identity
    """

    call: CustomCall
    result: Value = NONE
    aliases: tuple[frozenset[int], ...] = ()
    outside: list[Var] = field(default_factory=list)
    shapes: list[Var] = field(default_factory=list)
    local: bool = False
    ready: bool = False
    held: object = None


@dataclass(slots=True, eq=False)
class Piece:
    """Something lowered by itself: what it returns, with a variable in the place of each of `atoms`."""

    stmts: list[Stmt]
    value: Value = NONE
    atoms: list[Atom] = field(default_factory=list)


class Pieces:
    """Lowers parts of a function and of its rules for one kind of call, each in a builder of its own.

    tree     the arguments in order, over the variables `params`; the last ones are passed by the names `keywords`
    fixed    the positions of the arguments that have no derivative; `free` the others
    results  a variable for each result of the function
    """

    def __init__(
        self,
        lo: Lowering,
        f: CustomFunction,
        made: Made,
        tree: list[Value],
        keywords: Sequence[str],
        node: ast.AST,
    ) -> None:
        self.lo, self.f, self.made, self.tree, self.keywords, self.node = lo, f, made, tree, keywords, node
        self.call = made.call
        self.params = variables_in(tree)
        self.given: dict[int, Var] = {}
        self.results: list[Var] = []
        count = len(tree)
        self.fixed = [k % count for k in f.nondiff if -count <= k < count]
        if len(self.fixed) < len(f.nondiff):
            lo.refuse(node, f"nondiff_argnums of `{f.__name__}` are {f.nondiff}", f"called with {count} arguments")
        self.free = [k for k in range(count) if k not in self.fixed]

    def piece(self, run: Callable[[], Value], params: Sequence[Var], of: str) -> Piece:
        """Lower something by itself, in a builder of its own that knows nothing but the parameters."""
        lo, outer = self.lo, self.lo.builder
        cells = dict(lo.cells)
        inner = Builder(lo.facts)
        inner.params, inner.span = outer.params, outer.span
        for p in params:
            inner.anchor(p)
        lo.builder = inner
        given, self.given = self.given, {}
        frames, lo.frames = lo.frames, [Frame(CalledFrom(lo.frame.scope), Desugared([]), calls=lo.frame.calls)]
        piece = Piece(inner.stmts)
        try:
            piece.value = self.flat(run(), piece.atoms, of)
        finally:
            lo.builder, self.given, lo.frames = outer, given, frames
        if any(lo.cells[c] is not v for c, v in cells.items()):
            self.refuse(f"`{of}` stores into an array from outside", "copy the array first, and return it")
        self.note_outside(piece.stmts, {*params}, piece.atoms)
        return piece

    def close(self) -> None:
        """Make what is read from outside parameters of the functions, after their own."""
        call, made = self.call, self.made
        made.shapes = [v for v in made.shapes if v not in made.outside]
        extra = (*made.outside, *made.shapes)
        call.values = len(made.outside)

        def completed(stmt: Stmt) -> Stmt:
            """Pass them to a call of the function itself, which was made before all of them were known."""
            if not (isinstance(stmt, Eqn) and stmt.attrs == (call,)):
                return stmt
            return replace(stmt, args=(*stmt.args[: call.count], *extra))

        def closed(fn: Function) -> Function:
            return replace(fn, params=(*fn.params, *extra), primal=tuple(map(completed, fn.primal)))

        if not extra:
            return
        assert call.primal is not None
        call.primal = closed(call.primal)
        if isinstance(call.pull, Pull):
            ahead = None if call.pull.forward is None else closed(call.pull.forward)
            call.pull = replace(call.pull, forward=ahead, backward=closed(call.pull.backward))
        if isinstance(call.push, tuple):
            call.push = tuple(replace(p, function=closed(p.function)) for p in call.push)

    def note_outside(self, stmts: Sequence[Stmt], own: set[Var], results: Sequence[Atom]) -> None:
        """Note what statements read from outside."""
        captured = {v for c in self.lo.captures.values() for v, _ in c.paths()}
        inside = set(own)
        values = [a for a in reads_within(stmts, inside) if isinstance(a, Var)]
        values += [a for a in results if isinstance(a, Var) and a not in inside]
        self.made.outside += [v for v in dict.fromkeys(values) if v not in self.made.outside]
        self.made.local = self.made.local or any(v not in captured for v in values)
        inside = set(own)
        for stmt in stmts:
            self.made.shapes += [v for v in free(stmt) if v not in inside and v not in self.made.shapes]
            inside.update(stmt.outs)

    def refuse(self, message: str, help: str = "") -> None:
        raise CompileError(message, self.lo.span(self.node), "called here", help)

    def flat(self, value: Value, atoms: list[Atom], of: str) -> Value:
        """List the numbers and arrays in a result; return it with a variable in the place of each."""
        lo = self.lo
        value = lo.current(value)
        if isinstance(value, Node):
            return value.holding([self.flat(c, atoms, of) for c in value.children])
        if isinstance(value, Ref | Var):
            atom = lo.atom(value)
            if atom.type.is_list:
                self.refuse(f"`{of}` returns a list that changes its length", "return an array")
            atoms.append(atom)
            return Var(lo.names.get(atom, atom.name) if isinstance(atom, Var) else "", settled(atom.type))
        if not is_static(value):
            self.refuse(f"`{of}` returns a {type(value).__name__.lower()}", "return numbers and arrays")
        return value

    def instance(self, value: Value) -> Value:
        """Return a value over parameters as code receives it: arrays in cells of their own."""

        def of(v: Value) -> Value:
            if not isinstance(v, Var) or not v.type.is_array:
                return v
            ref = self.lo.new_cell(v)
            self.given[ref.cell] = v
            return ref

        return self.lo.owned(mapped(of, value))

    def function(self, suffix: str, params: Sequence[Var], stmts: Sequence[Stmt], outs: Sequence[Atom]) -> Function:
        name = f"{self.f.__name__}{suffix}"
        return Function(name, tuple(params), tuple(stmts), tuple(outs), facts=self.lo.facts, names=self.lo.names)

    def named(self, given: Sequence[Value]) -> tuple[list[Value], dict[str, Value]]:
        """Split the arguments of the function into those by position and those by name."""
        count = len(given) - len(self.keywords)
        return list(given[:count]), dict(zip(self.keywords, given[count:], strict=True))

    def keep_given(self, of: str) -> None:
        """Refuse a function that stores into its arguments."""
        if any(self.lo.cells[cell] is not v for cell, v in self.given.items()):
            self.refuse(
                f"`{of}` stores into its argument, and has a derivative rule", "copy the array first, and return it"
            )

    def applied(self, rule: Rule, args: Sequence[Value], params: Sequence[Var], like: bool = False) -> Piece:
        """Call a function of the user's with values over the parameters. `like`: it takes the function's arguments."""
        for name in self.f.parts:
            self.lo.depend(self.f, name, getattr(self.f, name))

        def run() -> Value:
            given = [self.instance(a) for a in args]
            self.lo.frame.names[".given"] = Node("tuple", tuple(given))
            positional, keywords = self.named(given) if like else (given, {})
            value = calls.call(self.lo, lift(rule), positional, keywords, self.node)
            if like:
                self.keep_given(getattr(rule, "__name__", "the rule"))
            return value

        return self.piece(run, params, getattr(rule, "__name__", "the rule"))

    def attempt(self, make: Callable[[], T]) -> T | CompileError:
        """Make a rule, or keep the error that says why it cannot be made."""
        try:
            return make()
        except Unbound:
            raise
        except CompileError as error:
            return error


def settled(t: Type) -> Type:
    """Return a type that other values have too: without what is known of this one's."""
    return t if t.is_array else Type(t.kind, t.dtype, t.dims, t.value if t.dtype is int else None)


def mapped(f: Callable[[Value], Value], value: Value) -> Value:
    """Apply `f` to every leaf of a value."""
    if isinstance(value, Node):
        return value.holding([mapped(f, c) for c in value.children])
    return f(value)


def variables_in(values: Sequence[Value]) -> list[Var]:
    return [v for value in values for v in leaves(value) if isinstance(v, Var)]
