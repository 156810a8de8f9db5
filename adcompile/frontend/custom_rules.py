"""Lower a function with derivative rules, and its rules, each by itself: as functions of the IR."""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from adcompile.custom.functions import CustomFunction, CustomJvp, CustomVjp, Elementwise, Primitive, Rule
from adcompile.errors import CompileError
from adcompile.frontend import builtin, calls, expressions, opaque
from adcompile.frontend.desugar import Desugared
from adcompile.frontend.frames import Frame, Unbound
from adcompile.frontend.scopes import CalledFrom, RowScope
from adcompile.frontend.values import Ref, Value, is_static, lift
from adcompile.ir.builder import Builder
from adcompile.ir.core import (
    NONE,
    Atom,
    Block,
    Const,
    Eqn,
    Function,
    Stmt,
    Var,
    blocks_of,
    bound_by,
    free,
    map_atoms,
    operands,
    with_blocks,
)
from adcompile.ir.custom import CustomCall, Pull, Push
from adcompile.ir.derivatives import Pullback, Pushforward
from adcompile.ir.inlining import copied, keys_after
from adcompile.ir.lengths import example_of
from adcompile.ir.structure import Node, leaves
from adcompile.ir.types import PY_FLOAT, Type, join, numpy_dtype
from adcompile.records import dataclass, field, replace
from adcompile.rules import binding, table
from adcompile.rules.opaque import UNKNOWN

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

T = TypeVar("T")

DEEPEST = 8  # calls of functions with rules, each within the rules of another


@dataclass(eq=False)
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


@dataclass(eq=False)
class Piece:
    """Something lowered by itself: what it returns, with a variable in the place of each of `atoms`."""

    stmts: list[Stmt]
    value: Value = NONE
    atoms: list[Atom] = field(default_factory=list)


class Maker:
    """Lowers a function and its rules for one kind of call.

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

    def run(self) -> None:
        """Lower everything; a rule that fails is an error only where it is used."""
        lo = self.lo
        if lo.custom_depth >= DEEPEST:
            lo.refuse(self.node, "functions with rules are nested too deeply", "called here")
        lo.custom_depth += 1
        try:
            self.primal()
            match self.f:
                case Elementwise():
                    self.elementwise(self.f)
                case Primitive():
                    self.primitive(self.f)
                case CustomVjp():
                    self.call.pull = self.attempt(self.vjp)
                case CustomJvp():
                    self.call.push = self.attempt(self.jvp)
        finally:
            lo.custom_depth -= 1
        self.close()
        self.made.ready = True

    # -- lowering apart

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

        def closed(fn: Function) -> Function:
            return replace(fn, params=(*fn.params, *extra))

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

    # -- the function itself

    def primal(self) -> None:
        lo, f = self.lo, self.f
        given: list[Value] = []
        returned: list[Value] = []
        lo.depend(f, "function", f.function)

        def run() -> Value:
            given.extend(map(self.instance, self.tree))
            lo.frame.names[".given"] = Node("tuple", tuple(given))  # other names of the same arrays
            returned.append(self.value_of(given))
            self.keep_given(f.__name__)
            return returned[0]

        piece = self.piece(run, self.params, f.__name__)
        self.made.result = piece.value
        self.made.aliases = self.aliases(returned[0], given)
        self.results = variables_in([piece.value])
        self.call.primal = self.function("", self.params, piece.stmts, piece.atoms)
        self.call.types = tuple(v.type for v in self.results)

    def value_of(self, given: Sequence[Value]) -> Value:
        """Call the function itself: in place, or as it is if it has no source or is not to be looked into."""
        lo, f = self.lo, self.f
        positional, keywords = self.named(given)
        looked_into = isinstance(f.function, types.FunctionType | types.MethodType | functools.partial)
        if f.opaque or f.like is not None or not (looked_into or known_function(f.function)):
            return self.opaque(positional, keywords)
        lo.plain_calls.append(f.function)
        try:
            return calls.call(lo, lift(f.function), positional, keywords, self.node)
        finally:
            lo.plain_calls.pop()

    def opaque(self, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        """Call the function as it is: by its name in its module, or as a hidden argument if it has none."""
        lo, f = self.lo, self.f
        promised = self.promised(args)
        place = opaque.place_of(f.function)
        if place is not None:
            return opaque.emit(lo, "path", place, (), args, keywords, promised, self.node, trusted=True)
        captured = lo.capture_attribute(f, "function", f.__name__ if f.__name__.isidentifier() else "function")
        return opaque.emit(lo, "value", ("", ""), (captured,), args, keywords, promised, self.node, trusted=True)

    def promised(self, args: Sequence[Value]) -> tuple[Type, ...]:
        """Return the types of the results of a function that is called as it is."""
        lo, f = self.lo, self.f
        if f.like is not None:
            like = f.like
            self.lo.depend(f, "like", like)
            run = lambda: calls.call(lo, lift(like), [self.instance(a) for a in self.tree], {}, self.node)  # noqa: E731
            piece = self.piece(run, self.params, "like")
            value = piece.value.children if isinstance(piece.value, Node) else (piece.value,)
            return tuple(settled(lo.type_of(v)) for v in value)
        if isinstance(f.function, np.ufunc):
            return (opaque.ufunc_result(lo, f.function, args, self.node),)
        known = PY_FLOAT if getattr(f.function, "__module__", "") == "math" else opaque.annotated(f.function)
        if known is UNKNOWN:
            self.refuse(
                f"what `{f.__name__}` returns is not known",
                "say so with a function whose result is like its: primitive(f, like=lambda x: np.empty_like(x))",
            )
        return (known,)

    def aliases(self, result: Value, given: Sequence[Value]) -> tuple[frozenset[int], ...]:
        """Return which operands may share memory with each result."""
        lo = self.lo
        operands = [v for value in given for v in atoms_in(lo, value)]
        cells = {v.cell: k for k, v in enumerate(operands) if isinstance(v, Ref)}
        found: list[frozenset[int]] = []
        for v in atoms_in(lo, result):
            near = {v.cell, *lo.alias_of(v.cell)} if isinstance(v, Ref) else set()
            found.append(frozenset(cells[c] for c in near if c in cells))
        return tuple(found)

    # -- adjoints and tangents of the arguments and results

    def cotangents(self) -> tuple[Value, list[Var], tuple[int, ...]]:
        """Return the cotangent of the result, its variables, and the results that these belong to."""
        found: list[Var] = []
        seeds: list[int] = []
        numbers = iter(range(len(self.results)))

        def of(leaf: Value) -> Value:
            if not isinstance(leaf, Var):
                return NONE
            k = next(numbers)
            if not leaf.type.inexact:
                return NONE
            t = leaf.type
            found.append(Var(f"{leaf.name or 'y'}_bar", Type("scalar", numpy_dtype(t)) if t.dims == () else t))
            seeds.append(k)
            return found[-1]

        return mapped(of, self.made.result), found, tuple(seeds)

    def tangents(self, positions: Sequence[int]) -> tuple[list[Value], list[Var], tuple[int, ...]]:
        """Return the tangents of arguments, their variables, and the operands that these belong to."""
        found: list[Var] = []
        which: list[int] = []

        def of(leaf: Value) -> Value:
            if not isinstance(leaf, Var):
                return Const(0.0) if isinstance(leaf, Const) and isinstance(leaf.value, float) else NONE
            if not leaf.type.inexact:
                return NONE
            which.append(self.params.index(leaf))
            found.append(self.dot(leaf))
            return found[-1]

        trees = [mapped(of, self.tree[k]) for k in positions]
        return trees, found, tuple(which)

    def dot(self, v: Var) -> Var:
        return Var(f"{v.name or 'v'}_dot", v.type if v.type.is_array else Type("scalar", numpy_dtype(v.type)))

    @property
    def dotted(self) -> tuple[int, ...]:
        return tuple(k for k, v in enumerate(self.results) if v.type.inexact)

    def targets(self, value: Value, atoms: Sequence[Atom], of: str, exact: bool) -> dict[int, Atom]:
        """Return the cotangent of each operand out of what a rule returned."""
        value = Node("tuple", (value,)) if len(self.free) == 1 and not exact else value
        if not isinstance(value, Node) or value.kind == "dict" or len(value.children) != len(self.free):
            n = len(self.free)
            got = f"a {value.kind} of {len(value.children)}" if isinstance(value, Node) else "one value"
            self.refuse(f"`{of}` returns {got}, but should return a tuple of {n}: a cotangent for each argument")
        assert isinstance(value, Node)
        found: dict[int, Atom] = {}
        rest = iter(atoms)
        for position, part in zip(self.free, value.children, strict=True):
            for leaf, given in self.paired(self.tree[position], part, f"`{of}`: the cotangent of argument {position}"):
                atom = next(rest) if isinstance(given, Var) else given
                if isinstance(leaf, Var) and isinstance(atom, Var | Const) and atom is not NONE and leaf.type.inexact:
                    self.fits(leaf, atom, f"`{of}`: the cotangent of argument {position}", exact)
                    found[self.params.index(leaf)] = atom
        return found

    def paired(self, tree: Value, given: Value, what: str) -> Iterator[tuple[Value, Value]]:
        """Yield the leaves of a structure with those of a derivative of it, where None stands for zero."""
        if isinstance(given, Const) and given.value is None:
            return
        if isinstance(tree, Node):
            same = isinstance(given, Node) and (given.kind == "dict") == (tree.kind == "dict")
            if not same or not isinstance(given, Node) or len(given.children) != len(tree.children):
                self.refuse(f"{what} has another structure than the argument")
            assert isinstance(given, Node)
            if tree.kind == "dict" and set(tree.keys) != set(given.keys):
                self.refuse(f"{what} has the keys {list(given.keys)}, not {list(tree.keys)}")
            for k, part in zip(given.keys or range(len(given.children)), given.children, strict=True):
                child = tree.children[tree.keys.index(k) if tree.kind == "dict" else int(str(k))]
                yield from self.paired(child, part, what)
            return
        if isinstance(given, Node):
            self.refuse(f"{what} is a {given.kind}, not a number or an array")
        yield tree, given

    def fits(self, like: Var, given: Atom, what: str, exact: bool) -> None:
        """Insist that a derivative has the shape of its value; unless `exact`, more axes than that, to be summed."""
        facts = self.lo.facts
        want, have = like.type.dims, given.type.dims
        if want is None or have is None:
            return
        wrong = len(have) < len(want) or (exact and len(have) > len(want))
        for a, b in zip(reversed(want), reversed(have), strict=False):
            if facts.same(a, b):
                continue
            x, y = example_of(facts.find(a)), example_of(facts.find(b))
            if x is not None and y is not None and x != y:
                wrong = wrong or exact or x != 1
            elif exact and x is not None:
                facts.unify(a, b)
        if wrong:
            shapes = [f"({', '.join(str(example_of(d)) for d in dims)})".replace("None", "?") for dims in (have, want)]
            self.refuse(f"{what} has the shape {shapes[0]}, but the argument has {shapes[1]}")

    def outputs(self, value: Value, atoms: Iterator[Atom], of: str) -> list[Atom]:
        """Return what a rule returned for each result of the function."""
        found: list[Atom] = []
        for leaf, given in self.paired(self.made.result, value, f"what `{of}` returns"):
            atom = next(atoms) if isinstance(given, Var) else given
            if isinstance(leaf, Var):
                t = self.lo.type_of(atom)
                if t.is_array != leaf.type.is_array or t.rank != leaf.type.rank or not t.is_numeric:
                    self.refuse(f"`{of}` returns another kind of value than `{self.f.__name__}`: {t}, not {leaf.type}")
                assert isinstance(atom, Var | Const)
                found.append(atom)
        if len(found) != len(self.results):
            self.refuse(f"`{of}` returns {len(found)} values, but `{self.f.__name__}` {len(self.results)}")
        return found

    def dots_of(self, value: Value, atoms: Iterator[Atom], of: str) -> list[Atom]:
        """Return the tangent of each differentiable result."""
        by_leaf: dict[Var, Atom] = {}
        for leaf, given in self.paired(self.made.result, value, f"`{of}`: the tangent"):
            atom = next(atoms) if isinstance(given, Var) else given
            if isinstance(leaf, Var) and isinstance(atom, Var | Const):
                by_leaf[leaf] = atom
                want, have = leaf.type.rank, atom.type.rank
                if want is not None and have is not None and have > want:
                    self.refuse(f"`{of}`: the tangent has {have} axes, but the result has {want}")
        return [by_leaf.get(self.results[k], Const(0.0)) for k in self.dotted]

    def pair(self, value: Value, of: str, what: str) -> tuple[Value, Value]:
        if not isinstance(value, Node) or value.kind == "dict" or len(value.children) != 2:
            self.refuse(f"`{of}` should return a pair: {what}")
        assert isinstance(value, Node)
        return value.children[0], value.children[1]

    def widen(self, atoms: Sequence[Atom]) -> None:
        """Let the results have any of the types that the function and its rules give them."""
        facts = self.lo.facts
        self.call.types = tuple(join(facts, t, settled(a.type)) for t, a in zip(self.call.types, atoms, strict=True))

    # -- the kinds of rules

    def elementwise(self, f: Elementwise) -> None:
        if len(self.tree) != len(f.operands) or not all(isinstance(v, Var | Const) for v in self.tree):
            self.refuse(f"`{f.head}` takes {len(f.operands)} numbers or arrays")
        if len(self.results) != 1 or self.made.result is not self.results[0]:
            self.refuse(f"`{f.__name__}` is elementwise, so it should return one array")
        self.lo.depend(f, "function", f.function)
        (ans,) = self.results
        rows: dict[int, ast.expr] = {}
        for value, text in zip(self.tree, f.partials, strict=True):
            expression = table.scaled(text)
            if isinstance(value, Var) and value.type.inexact and expression is not None:
                rows[self.params.index(value)] = expression
        self.call.push = self.attempt(lambda: tuple(self.row_push(f, e, k, ans) for k, e in rows.items()))
        self.call.pull = self.attempt(lambda: self.row_pull(f, rows, ans))

    def row_pull(self, f: Elementwise, rows: dict[int, ast.expr], ans: Var) -> Pull:
        _, (g,), seeds = self.cotangents()
        pieces = [self.row(f, e, g, ans) for e in rows.values()]
        stmts = [s for p in pieces for s in p.stmts]
        backward = self.function("_bwd", (ans, *self.params, g), stmts, [p.atoms[0] for p in pieces])
        return Pull(None, backward, seeds, tuple(rows), guarded=True)

    def row_push(self, f: Elementwise, expression: ast.expr, position: int, ans: Var) -> Push:
        dot = self.dot(self.params[position])
        piece = self.row(f, expression, dot, ans)
        return Push(self.function("_jvp", (*self.params, ans, dot), piece.stmts, piece.atoms), (position,), (0,))

    def row(self, f: Elementwise, expression: ast.expr, g: Var, ans: Var) -> Piece:
        """Lower the text of a partial derivative times g."""

        def run() -> Value:
            names = dict(zip((*f.operands, "ans", "g"), map(self.instance, (*self.tree, ans, g)), strict=True))
            frame = Frame(RowScope(f.scope), Desugared([]), names, numpy=isinstance(f.function, np.ufunc))
            with self.lo.inside(frame):
                value: Value = self.lo.number(expressions.evaluate(self.lo, expression), expression)
            return value

        piece = self.piece(run, (*self.params, ans, g), f.__name__)
        piece.atoms = piece.atoms or [piece.value] if isinstance(piece.value, Const) else piece.atoms
        return piece

    def primitive(self, f: Primitive) -> None:
        adjoint, tangent = f.adjoint_rule, f.tangent_rule
        if adjoint is None and tangent is None:
            self.call.pull = self.call.push = CompileError(
                f"`{f.__name__}` has no derivative rule yet",
                self.lo.span(self.node),
                "called here",
                f"give it one with @{f.__name__}.adjoint or @{f.__name__}.tangent",
            )
        if adjoint is not None:
            rule = adjoint
            self.call.linear = True
            self.call.pull = self.attempt(lambda: self.adjoint(rule))
        if tangent is not None:
            term = tangent
            self.call.push = self.attempt(lambda: (self.tangent(term),))

    def adjoint(self, rule: Rule) -> Pull:
        g, gs, seeds = self.cotangents()
        name = getattr(rule, "__name__", "the adjoint")
        piece = self.applied(rule, [g, self.made.result, *self.tree], (*gs, *self.results, *self.params))
        found = self.targets(piece.value, piece.atoms, name, exact=False)
        backward = self.function("_bwd", (*self.results, *self.params, *gs), piece.stmts, tuple(found.values()))
        return Pull(None, backward, seeds, tuple(found))

    def tangent(self, rule: Rule) -> Push:
        trees, dots, positions = self.tangents(self.free)
        params = (*self.params, *self.results, *dots)
        name = getattr(rule, "__name__", "the tangent")
        piece = self.applied(rule, [self.made.result, *self.tree, *trees], params)
        outs = self.dots_of(piece.value, iter(piece.atoms), name)
        return Push(self.function("_jvp", params, piece.stmts, outs), positions, self.dotted)

    def vjp(self) -> Pull:
        f = self.f
        assert isinstance(f, CustomVjp)
        if f.fwd is None or f.bwd is None:
            self.refuse(f"`{f.__name__}` has no derivative rule yet", f"give it one with {f.__name__}.defvjp(fwd, bwd)")
        assert f.fwd is not None and f.bwd is not None
        ahead, back = getattr(f.fwd, "__name__", "fwd"), getattr(f.bwd, "__name__", "bwd")
        piece = self.applied(f.fwd, self.tree, self.params, like=True)
        out, residuals = self.pair(piece.value, ahead, "the value and the residuals")
        atoms = iter(piece.atoms)
        ys = self.outputs(out, atoms, ahead)
        self.widen(ys)
        forward = self.without_itself(self.function("_fwd", self.params, piece.stmts, (*ys, *atoms)))
        kept = variables_in([residuals])
        g, gs, seeds = self.cotangents()
        params = (*kept, *self.params, *gs)
        piece = self.applied(f.bwd, [*(self.tree[k] for k in self.fixed), residuals, g], params)
        found = self.targets(piece.value, piece.atoms, back, exact=True)
        backward = self.function("_bwd", params, piece.stmts, tuple(found.values()))
        return Pull(forward, backward, seeds, tuple(found))

    def without_itself(self, fn: Function) -> Function:
        """Put the function itself in the place of calls of it: the rule that they are in is theirs."""
        primal, env, keys = self.call.primal, dict[Var, Atom](), keys_after(fn.primal)
        assert primal is not None

        def read(a: Atom) -> Atom:
            return env.get(a, a) if isinstance(a, Var) else a

        def put(stmts: Sequence[Stmt]) -> Iterator[Stmt]:
            for stmt in stmts:
                blocks = tuple(replace(b, stmts=tuple(put(b.stmts))) for b in blocks_of(stmt))
                stmt = map_atoms(with_blocks(stmt, blocks), read)
                if isinstance(stmt, Eqn) and stmt.prim == "custom" and stmt.attrs[0] is self.call:
                    copies, results = copied(primal, stmt.args, keys)
                    yield from copies
                    env.update(zip(stmt.outs, results, strict=True))
                else:
                    yield stmt

        return replace(fn, primal=tuple(put(fn.primal)), outs=tuple(map(read, fn.outs)))

    def jvp(self) -> tuple[Push, ...]:
        f = self.f
        assert isinstance(f, CustomJvp)
        moving = [any(isinstance(v, Var) and v.type.inexact for v in leaves(tree)) for tree in self.tree]
        rule = f.rule_for(moving, self.results[0].type.rank if len(self.results) == 1 else None)
        if rule is not None:
            self.lo.depend(f, rule, getattr(f, rule))
            return (self.whole_jvp(getattr(f, rule)),)
        if not f.terms:
            self.refuse(f"`{f.__name__}` has no derivative rule yet", f"give it one with {f.__name__}.defjvp(rule)")
        if len(f.terms) != len(self.tree):
            self.refuse(f"defjvps of `{f.__name__}` gave {len(f.terms)} rules for {len(self.tree)} arguments")
        return tuple(self.jvp_term(k, rule) for k, rule in enumerate(f.terms) if rule is not None)

    def whole_jvp(self, rule: Rule) -> Push:
        name = getattr(rule, "__name__", "the rule")
        trees, dots, positions = self.tangents(self.free)
        primals: Node[Value] = Node("tuple", tuple(self.tree[k] for k in self.free))
        given: list[Value] = [*(self.tree[k] for k in self.fixed), primals, Node("tuple", tuple(trees))]
        piece = self.applied(rule, given, (*self.params, *dots))
        out, dot = self.pair(piece.value, name, "the value and its tangent")
        atoms = iter(piece.atoms)
        ys = self.outputs(out, atoms, name)
        self.widen(ys)
        outs = (*ys, *self.dots_of(dot, atoms, name))
        fn = self.function("_jvp", (*self.params, *dots), piece.stmts, outs)
        return Push(fn, positions, self.dotted, whole=True)

    def jvp_term(self, argument: int, rule: Rule) -> Push:
        (tree,), dots, positions = self.tangents([argument])
        params = (*self.params, *self.results, *dots)
        piece = self.applied(rule, [tree, self.made.result, *self.tree], params)
        outs = self.dots_of(piece.value, iter(piece.atoms), getattr(rule, "__name__", "the rule"))
        return Push(self.function("_jvp", params, piece.stmts, outs), positions, self.dotted)


def known_function(f: object) -> bool:
    """Tell whether the compiler has a rule or a meaning of its own for a function."""
    try:
        return f in binding.FUNCTIONS or f in builtin.BUILTINS
    except TypeError:
        return False


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


def atoms_in(lo: Lowering, value: Value) -> Iterator[Value]:
    """Yield the numbers and arrays in a value."""
    value = lo.current(value)
    if isinstance(value, Node):
        for child in value.children:
            yield from atoms_in(lo, child)
    elif isinstance(value, Ref | Var):
        yield value


def reads_within(stmts: Sequence[Stmt], own: set[Var]) -> Iterator[Atom]:
    """Yield what statements read and do not define, but for what only gives its shape; `own` is extended."""
    for stmt in stmts:
        yield from (a for a in values_read(stmt) if a not in own)
        for block in blocks_of(stmt):
            yield from _reads_of_block(block, own | set(bound_by(stmt)))
        own.update(stmt.outs)


def values_read(stmt: Stmt) -> list[Atom]:
    """Return the operands of a statement but for those of which only the shape matters."""
    if not isinstance(stmt, Eqn):
        return operands(stmt)
    if stmt.prim in ("dim", "size", "zeros_like"):
        return []
    (of,) = stmt.attrs if stmt.prim in ("pullback", "pushforward", "custom") else (None,)
    if isinstance(of, CustomCall):
        return list(stmt.args[: of.count + of.values])
    if not isinstance(of, Pullback | Pushforward):
        return operands(stmt)
    inner = {*reads_within(of.function.primal, set()), *of.function.outs}
    given = [a for p, a in zip(of.function.params, stmt.args, strict=False) if p in inner]
    return [*given, *stmt.args[len(of.function.params) :]]


def _reads_of_block(block: Block, own: set[Var]) -> Iterator[Atom]:
    own = own | set(block.params)
    yield from reads_within(block.stmts, own)
    yield from (a for a in block.yields if a not in own)
