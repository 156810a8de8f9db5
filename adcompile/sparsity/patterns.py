"""Find which results of a function may depend on which inputs, from its program and the shapes of its arguments.

    r[1:-1] = u[2:] - 2*u[1:-1] + u[:-2]      ->      row i of r: {i - 1, i, i + 1}

The program is run on what is known without the input's values: arguments that are not differentiated and what is
computed from them are known, what depends on the input is known by the inputs that each of its elements depends on.
So the pattern holds for every value of the input. An operation that moves elements is run on their positions; an
elementwise one unites what its operands depend on; a reduction unites along its axes. Both sides of a branch that
depends on the input are taken, and of any other operation every element of the result depends on all that its
operands depend on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from scipy import sparse

from adcompile.analysis.activity import differentiable_args
from adcompile.errors import AdcompileError, Span
from adcompile.evaluate import Evaluator, trips_of
from adcompile.ir.core import UNDEFINED, Atom, Block, Const, Eqn, For, Function, If, Stmt, Var, While
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type, numpy_dtype
from adcompile.records import dataclass
from adcompile.rules import table
from adcompile.sparsity.rows import (
    NOTHING,
    Inputs,
    Rows,
    Shape,
    empty,
    numbers,
    of_matrix,
    of_sets,
    repeated,
)

__all__ = ["Known", "NoPattern", "Unknown", "find_pattern"]


class NoPattern(AdcompileError):
    """The pattern cannot be found; `span` says where."""

    def __init__(self, reason: str, span: Span | None) -> None:
        super().__init__(reason if span is None else f"{reason} ({span.filename}, line {span.line})")


@dataclass(frozen=True, slots=True)
class Known:
    """A value that does not depend on the input."""

    content: object


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value whose derivative is zero, but that is not known without the input: the truth of a comparison."""

    shape: Shape


# A number that depends on the input is the set of the inputs that it depends on, an array has rows of them.
Value = Known | Unknown | Inputs | Rows

# What moves elements of its differentiable operands, or leaves them out, and does nothing else to them.
MOVES: Final = frozenset(
    """array as_complex astype atleast_1d atleast_2d atleast_3d broadcast_to column_stack concatenate conj conjugate
    copy diag diagonal expand_dims fftshift flip float full full_like hstack ifftshift imag item moveaxis ravel real
    repeat reshape roll squeeze stack swapaxes tile transpose tril triu vstack where""".split()
)

# What only looks at the shapes of its operands.
SHAPES: Final = frozenset({"dim", "size", "zeros_like", "ones_like", "empty_like"})

# What has as results the combination of the elements along some axes: attributes axis and keepdims.
REDUCTIONS: Final = frozenset({"sum", "mean", "prod", "max", "min", "var", "std"})

FEW: Final = 32  # rows that are written one by one
MOST: Final = 20_000_000  # dependences that one operation may make


def find_pattern(
    fn: Function, callees: Mapping[str, Function], values: Mapping[Var, Value], inputs: int
) -> list[Value]:
    """Return what the results of a function depend on, given its arguments; raises NoPattern."""
    return Propagation(callees, inputs).function(fn, values)


class Propagation:
    """One run of a program on patterns."""

    def __init__(self, callees: Mapping[str, Function], inputs: int) -> None:
        self.callees, self.inputs = callees, inputs
        self.evaluator = Evaluator()
        self.env: dict[Var, Value] = {}
        self.plans: dict[Eqn, Plan] = {}
        self.reads: dict[Eqn, Eqn] = {}

    def function(self, fn: Function, values: Mapping[Var, Value]) -> list[Value]:
        outer, self.env = self.env, dict(values)
        self.statements(fn.primal)
        results = [self.read(a) for a in fn.outs]
        self.env = outer
        return results

    def read(self, a: Atom) -> Value:
        return Known(a.value) if isinstance(a, Const) else self.env[a]

    # -- statements

    def statements(self, stmts: Sequence[Stmt]) -> None:
        for stmt in stmts:
            match stmt:
                case Eqn(prim="call"):
                    results = self.function(
                        callee := self.callees[str(stmt.attrs[0])],
                        dict(zip(callee.params, map(self.read, stmt.args), strict=True)),
                    )
                    self.env.update(zip(stmt.outs, results, strict=True))
                case Eqn():
                    self.equation(stmt)
                case If():
                    self.branch(stmt)
                case For() | While():
                    self.loop(stmt)

    def block(self, block: Block) -> list[Value]:
        self.statements(block.stmts)
        return [self.read(y) for y in block.yields]

    def branch(self, stmt: If) -> None:
        cond = self.read(stmt.cond)
        if isinstance(cond, Known):
            results = self.block(stmt.then if cond.content else stmt.orelse)
        else:
            sides = [self.block(stmt.then), self.block(stmt.orelse)]
            results = [self.either(a, b, stmt.span) for a, b in zip(*sides, strict=True)]
        self.env.update(zip(stmt.outs, results, strict=True))

    def either(self, a: Value, b: Value, span: Span | None) -> Value:
        """Return what is known of a value that is one of two."""
        if isinstance(a, Known) and isinstance(b, Known):
            if a.content is UNDEFINED.value or b.content is UNDEFINED.value:
                return b if a.content is UNDEFINED.value else a
            if same(a.content, b.content):
                return a
            if not (numeric(a.content) and numeric(b.content)):
                raise NoPattern("a branch that depends on the input decides on an object", span)
        shapes = {self.shape(v) for v in (a, b) if not (isinstance(v, Known) and v.content is UNDEFINED.value)}
        if len(shapes) > 1:
            raise NoPattern("a branch that depends on the input decides on a shape", span)
        (shape,) = shapes
        if isinstance(a, Known | Unknown) and isinstance(b, Known | Unknown):
            return Unknown(shape)
        return self.union([v for v in (a, b) if not isinstance(v, Known | Unknown)], shape)

    def loop(self, stmt: For | While) -> None:
        slots = [self.read(a) for a in stmt.inits]
        for index in trips_of(stmt, lambda a: self.known(self.read(a), stmt.span)):
            if isinstance(stmt, For):
                self.env[stmt.index] = Known(index)
            else:
                self.env.update(zip(stmt.cond.params, slots, strict=True))
                if not self.known(self.block(stmt.cond)[0], stmt.span):
                    break
            self.env.update(zip(stmt.body.params, slots, strict=True))
            slots = self.block(stmt.body)
            if stmt.until is not None and self.known(slots[stmt.until], stmt.span):
                break
        self.env.update(zip(stmt.outs, slots, strict=True))

    def known(self, value: Value, span: Span | None) -> object:
        if isinstance(value, Known):
            return value.content
        raise NoPattern("how often a loop runs depends on the values of the input", span)

    # -- equations

    def equation(self, eqn: Eqn) -> None:
        plan = self.plans.get(eqn)
        if plan is None:
            plan = self.plans[eqn] = plan_for(eqn)
        operands = [self.read(a) for a in eqn.args]
        known = all(isinstance(v, Known) for v in operands)
        if plan.effect:
            self.env.update({o: Unknown(()) for o in eqn.outs})
        elif known or eqn.prim in SHAPES:
            given = [self.stand_in(v, a) for v, a in zip(operands, eqn.args, strict=True)]
            self.env.update(zip(eqn.outs, map(Known, self.evaluator.equation(eqn, given)), strict=True))
        elif plan.lists:
            raise NoPattern("what is kept in a list is not followed", eqn.span)
        else:
            active = [k for k in plan.positions if isinstance(operands[k], frozenset | Rows)]
            if active and len(eqn.outs) == 1:
                self.env[eqn.out] = plan.rule(self, eqn, operands, active)
            else:
                self.several(eqn, operands, active)

    def several(self, eqn: Eqn, operands: list[Value], active: list[int]) -> None:
        """Give several results, or none that has a derivative, what they depend on."""
        for out, content in zip(eqn.outs, self.tried(eqn, operands), strict=True):
            shape = shape_of(content)
            depends = active and out.type.inexact
            self.env[out] = self.from_all(eqn, operands, active, shape) if depends else Unknown(shape)

    # -- values

    def shape(self, value: Value) -> Shape:
        match value:
            case Known():
                return shape_of(value.content)
            case frozenset():
                return ()
        return value.shape

    def stand_in(self, value: Value, atom: Atom) -> object:
        """Return a value of the shape and type of one that depends on the input."""
        if isinstance(value, Known):
            return value.content
        return ones(atom.type, self.shape(value))

    def tried(self, eqn: Eqn, operands: Sequence[Value]) -> tuple[object, ...]:
        """Evaluate an equation on numbers that are as good as any, for the shapes of the results."""
        given = [self.stand_in(v, a) for v, a in zip(operands, eqn.args, strict=True)]
        try:
            with np.errstate(all="ignore"):
                return self.evaluator.equation(eqn, given)
        except (ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError) as error:
            raise NoPattern(f"the shape of what {eqn.prim} returns is not known without the input", eqn.span) from error

    def rows(self, value: Value) -> Rows:
        """Return the rows of a number or array."""
        if isinstance(value, Rows):
            return value
        if isinstance(value, frozenset):
            return of_matrix(of_sets([value], self.inputs), ())
        return empty(self.shape(value), self.inputs)

    def everything(self, value: Value) -> Inputs:
        if isinstance(value, frozenset):
            return value
        return value.everything() if isinstance(value, Rows) else NOTHING

    def value(self, rows: Rows) -> Value:
        return rows.row(0) if rows.shape == () else rows

    def union(self, values: Sequence[Inputs | Rows], shape: Shape) -> Value:
        """Unite what values depend on, element by element, after broadcasting."""
        if shape == ():
            return NOTHING.union(*(v if isinstance(v, frozenset) else v.row(0) for v in values))
        total: sparse.csr_array | None = None
        for v in values:
            rows = self.rows(v)
            m = rows.matrix()
            if rows.shape != shape:
                m = m[np.broadcast_to(numbers(rows.shape), shape).ravel()]
            total = m if total is None else total + m
        assert total is not None
        return of_matrix(total, shape)

    def from_all(self, eqn: Eqn, operands: Sequence[Value], active: Sequence[int], shape: Shape) -> Value:
        """Let every element of a result depend on all that its operands depend on."""
        found = NOTHING.union(*(self.everything(operands[k]) for k in active))
        size = int(np.prod(shape, dtype=int))
        if size * len(found) > MOST:
            raise NoPattern(f"each of {size} results of {eqn.prim} may depend on {len(found)} inputs", eqn.span)
        return found if shape == () else repeated(found, shape, self.inputs)

    # -- rules

    def united(self, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
        """Unite element by element: what an elementwise operation does."""
        numbers_only = all(not isinstance(v, Rows) and self.shape(v) == () for v in operands)
        shape = () if numbers_only else np.broadcast_shapes(*map(self.shape, operands))
        return self.union([v for k in active if not isinstance(v := operands[k], Known | Unknown)], shape)

    def mixed(self, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
        """Let everything depend on everything."""
        (content,) = self.tried(eqn, operands)
        return self.from_all(eqn, operands, active, shape_of(content))

    def moved(self, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
        """Run an operation that moves elements on their positions, counted from 1 through all operands."""
        positions = self.plans[eqn].positions
        if any(isinstance(v, Unknown) for k, v in enumerate(operands) if k not in positions):
            return self.united(eqn, operands, active) if eqn.prim == "where" else self.mixed(eqn, operands, active)
        given: list[object] = []
        matrices: list[sparse.csr_array] = [sparse.csr_array((1, self.inputs), dtype=bool)]
        offset = 1
        for k, (v, a) in enumerate(zip(operands, eqn.args, strict=True)):
            if k not in positions:
                given.append(self.stand_in(v, a))
                continue
            shape = self.shape(v)
            if isinstance(v, Known | Unknown):
                given.append(np.zeros(shape, int) if a.type.is_array else 0)
                continue
            rows = self.rows(v)
            given.append(numbers(shape) + offset if a.type.is_array else offset)
            matrices.append(rows.matrix())
            offset += rows.size
        (content,) = self.evaluator.equation(eqn, given)
        places = np.real(np.asarray(content)).astype(int)
        stacked = sparse.vstack(matrices, format="csr")
        return self.value(of_matrix(stacked[places.ravel()], places.shape))

    def reduced(self, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
        rows = operands[0]
        if not isinstance(rows, Rows):
            return self.mixed(eqn, operands, active)
        axis = eqn.attrs[0]
        axes = range(len(rows.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        lost = {int(a) % len(rows.shape) for a in axes}
        kept = tuple(1 if k in lost else n for k, n in enumerate(rows.shape))
        shape = kept if eqn.attrs[1] else tuple(n for k, n in enumerate(rows.shape) if k not in lost)
        into = np.broadcast_to(numbers(kept), rows.shape).ravel()
        count = int(np.prod(kept, dtype=int))
        summing = sparse.csr_array((np.ones(rows.size, bool), (into, np.arange(rows.size))), shape=(count, rows.size))
        return self.value(of_matrix(summing @ rows.matrix(), shape))

    def product(self, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
        """Unite along the inner axis of a product, leaving out zeros of a factor that is known."""
        left, right = operands
        n, m = self.shape(left), self.shape(right)
        if not {len(n), len(m)} <= {1, 2}:
            return self.mixed(eqn, operands, active)
        shape = (*n[:-1], *m[1:])
        rows_out, columns_out = n[0] if len(n) == 2 else 1, m[1] if len(m) == 2 else 1
        inner = n[-1]
        total = sparse.csr_array((rows_out * columns_out, self.inputs), dtype=bool)
        one = sparse.eye_array
        if not isinstance(left, Known | Unknown):  # vec(L R) = (I kron R^T) vec(L)
            factor = self.support(right, (inner, columns_out)).T
            total = total + sparse.kron(one(rows_out, dtype=bool), factor, format="csr") @ self.rows(left).matrix()
        if not isinstance(right, Known | Unknown):  # vec(L R) = (L kron I) vec(R)
            factor = self.support(left, (rows_out, inner))
            total = total + sparse.kron(factor, one(columns_out, dtype=bool), format="csr") @ self.rows(right).matrix()
        return self.value(of_matrix(sparse.csr_array(total, dtype=bool), shape))

    def support(self, value: Value, shape: tuple[int, int]) -> sparse.csr_array:
        """Return where a factor may be other than zero."""
        if isinstance(value, Known):
            return sparse.csr_array(np.reshape(np.asarray(value.content) != 0, shape))
        return sparse.csr_array(np.ones(shape, bool))

    # -- reads and stores

    def places(self, eqn: Eqn, shape: Shape, operands: Sequence[Value], first: int) -> np.ndarray | int | None:
        """Return the positions that a subscript selects; None if they depend on the input."""
        index = operands[first:]
        if any(not isinstance(v, Known) for v in index):
            return None
        if self.plans[eqn].element and len(index) == 1 and isinstance(v := index[0], Known) and len(shape) == 1:
            return position(v.content, shape[0], eqn)
        if eqn.prim == "index":
            reader = eqn
        else:
            if eqn not in self.reads:
                out = Var("", Type("array", np.dtype(int), None))
                self.reads[eqn] = Eqn((out,), "index", (eqn.args[0], *eqn.args[2:]), eqn.attrs, eqn.span)
            reader = self.reads[eqn]
        contents = [v.content for v in index if isinstance(v, Known)]
        (found,) = self.evaluator.equation(reader, [numbers(shape), *contents])
        return np.asarray(found)

    def item(self, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
        base = operands[0]
        assert not isinstance(base, Known | Unknown)
        rows = self.rows(base)
        places = self.places(eqn, rows.shape, operands, 1)
        if places is None:
            first = [Known(0) if v == Unknown(()) else v for v in operands[1:]]
            return self.mixed(eqn, [base, *first], active)
        if isinstance(places, int):
            return rows.row(places)
        if places.shape == ():
            return rows.row(int(places))
        return of_matrix(rows.matrix()[places.ravel()], places.shape)

    def stored(self, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
        base, value = operands[0], operands[1]
        rows, added = self.rows(base), eqn.prim == "index_add"
        places = self.places(eqn, rows.shape, operands, 2)
        if places is None:
            found = self.from_all(eqn, operands, [1], rows.shape)
            return self.union([rows, self.rows(found)], rows.shape)
        if isinstance(places, int) and not isinstance(value, Rows):
            inputs = self.everything(value)
            return rows.written(places, inputs | rows.row(places) if added else inputs)
        places = np.asarray(places)
        if places.size <= FEW:
            return self.written(rows, places, value, added)
        given = self.rows(value)
        which = np.broadcast_to(numbers(given.shape), places.shape).ravel()
        if added:
            entries = (np.ones(places.size, bool), (places.ravel(), which))
            scattered = sparse.csr_array(entries, shape=(rows.size, given.size)) @ given.matrix()
            return of_matrix(rows.matrix() + scattered, rows.shape)
        order = np.arange(rows.size)
        order[places.ravel()] = rows.size + which
        return of_matrix(sparse.vstack([rows.matrix(), given.matrix()], format="csr")[order], rows.shape)

    def written(self, rows: Rows, places: np.ndarray, value: Value, added: bool) -> Rows:
        """Write a few rows one by one."""
        given = self.rows(value) if isinstance(value, Rows) else None
        which = None if given is None else np.broadcast_to(numbers(given.shape), places.shape).ravel().tolist()
        new = [
            given.row(which[k]) if given is not None and which is not None else self.everything(value)
            for k in range(places.size)
        ]
        for place, inputs in zip(places.ravel().tolist(), new, strict=True):
            rows = rows.written(place, inputs | rows.row(place) if added else inputs)
        return rows


def position(index: object, length: int, eqn: Eqn) -> int:
    """Return the position of one element of a vector."""
    k: int = operator.index(index)  # type: ignore[arg-type]  # an int of some kind
    if not -length <= k < length:
        raise NoPattern(f"index {k} is out of bounds for length {length}", eqn.span)
    return k % length


Rule = Callable[[Propagation, Eqn, list[Value], list[int]], Value]

RULES: Final[Mapping[str, Rule]] = {
    "acc": Propagation.united,
    "index": Propagation.item,
    "index_update": Propagation.stored,
    "index_add": Propagation.stored,
    "matmul": Propagation.product,
    "np.matmul": Propagation.product,
    "dot": Propagation.product,
    **dict.fromkeys(MOVES, Propagation.moved),
    **dict.fromkeys(REDUCTIONS, Propagation.reduced),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What of an equation is the same each time it runs.

    positions  of the operands that it is differentiable in
    effect     it has one, and is not run
    lists      it reads or makes a list or another object
    element    it reads or stores one element, given by integers
    """

    positions: tuple[int, ...]
    rule: Rule
    effect: bool
    lists: bool
    element: bool


def plan_for(eqn: Eqn) -> Plan:
    rule = Propagation.united if eqn.prim in table.ROWS else RULES.get(eqn.prim, Propagation.mixed)
    held = (*eqn.outs, *eqn.args)
    lists = any(a.type.kind == "list" or (isinstance(a, Var) and a.type.kind == "object") for a in held)
    path = eqn.attrs[0] if eqn.prim in ("index", "index_update", "index_add") else ()
    element = isinstance(path, tuple) and len(path) == 1 and path[0] == "i"
    return Plan(tuple(differentiable_args(eqn)), rule, PRIMITIVES[eqn.prim].effect, lists, element)


def shape_of(value: object) -> Shape:
    """Return the shape of an array or number."""
    shape: Shape = getattr(value, "shape", ())
    return shape


def ones(t: Type, shape: Shape) -> object:
    """Return ones of a type and shape."""
    if t.kind == "py" and isinstance(t.dtype, type):
        return t.dtype(1)
    filled = np.ones(shape, numpy_dtype(t) or float)
    return filled if t.is_array else filled[()]


def same(a: object, b: object) -> bool:
    return a is b or (type(a) is type(b) and np.array_equal(a, b))  # type: ignore[arg-type]  # compares anything


def numeric(value: object) -> bool:
    return isinstance(value, bool | int | float | complex | np.generic | np.ndarray)
