"""What the results of each kind of operation depend on."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from scipy import sparse

from adcompile.analysis.activity import differentiable_args
from adcompile.ir.core import Eqn, Var
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type
from adcompile.records import dataclass
from adcompile.rules import table
from adcompile.sparsity.algebra import Algebra, Known, NoPattern, Unknown, Value, shape_of
from adcompile.sparsity.rows import Rows, Shape, numbers, of_matrix

# What moves elements of its differentiable operands, or leaves them out, and does nothing else to them.
MOVES: Final = frozenset(
    """array as_complex astype atleast_1d atleast_2d atleast_3d broadcast_to column_stack concatenate conj conjugate
    copy diag diagonal expand_dims fftshift flip float full full_like hstack ifftshift imag item moveaxis ravel real
    repeat reshape roll squeeze stack swapaxes tile transpose tril triu vstack where""".split()
)

# What has as results the combination of the elements along some axes: attributes axis and keepdims.
REDUCTIONS: Final = frozenset({"sum", "mean", "prod", "max", "min", "var", "std"})

FEW: Final = 32  # rows that are written one by one

Rule = Callable[[Algebra, "Plan", Eqn, list[Value], list[int]], Value]


@dataclass(frozen=True, slots=True)
class Plan:
    """What of an equation is the same each time it runs.

    positions  of the operands that it is differentiable in
    effect     it has one, and is not run
    lists      it reads or makes a list or another object
    element    it reads or stores one element, given by integers
    reader     the equation that reads what it stores to; None if it is no store
    """

    positions: tuple[int, ...]
    rule: Rule
    effect: bool
    lists: bool
    element: bool
    reader: Eqn | None


def plan_for(eqn: Eqn) -> Plan:
    rule = united if eqn.prim in table.ROWS else RULES.get(eqn.prim, mixed)
    held = (*eqn.outs, *eqn.args)
    lists = any(a.type.kind == "list" or (isinstance(a, Var) and a.type.kind == "object") for a in held)
    path = eqn.attrs[0] if eqn.prim in ("index", "index_update", "index_add") else ()
    element = isinstance(path, tuple) and len(path) == 1 and path[0] == "i"
    reader = None
    if eqn.prim in ("index_update", "index_add"):
        out = Var("", Type("array", np.dtype(int), None))
        reader = Eqn((out,), "index", (eqn.args[0], *eqn.args[2:]), eqn.attrs, eqn.span)
    return Plan(tuple(differentiable_args(eqn)), rule, PRIMITIVES[eqn.prim].effect, lists, element, reader)


def united(a: Algebra, plan: Plan, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
    """Unite element by element: what an elementwise operation does."""
    numbers_only = all(not isinstance(v, Rows) and a.shape(v) == () for v in operands)
    shape = () if numbers_only else np.broadcast_shapes(*map(a.shape, operands))
    return a.union([v for k in active if not isinstance(v := operands[k], Known | Unknown)], shape)


def mixed(a: Algebra, plan: Plan, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
    """Let everything depend on everything."""
    (content,) = a.tried(eqn, operands)
    return a.from_all(eqn, operands, active, shape_of(content))


def moved(a: Algebra, plan: Plan, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
    """Run an operation that moves elements on their positions, counted from 1 through all operands."""
    positions = plan.positions
    if any(isinstance(v, Unknown) for k, v in enumerate(operands) if k not in positions):
        return united(a, plan, eqn, operands, active) if eqn.prim == "where" else mixed(a, plan, eqn, operands, active)
    given: list[object] = []
    matrices: list[sparse.csr_array] = [sparse.csr_array((1, a.inputs), dtype=bool)]
    offset = 1
    for k, (v, atom) in enumerate(zip(operands, eqn.args, strict=True)):
        if k not in positions:
            given.append(a.stand_in(v, atom))
            continue
        shape = a.shape(v)
        if isinstance(v, Known | Unknown):
            given.append(np.zeros(shape, int) if atom.type.is_array else 0)
            continue
        rows = a.rows(v)
        given.append(numbers(shape) + offset if atom.type.is_array else offset)
        matrices.append(rows.matrix())
        offset += rows.size
    (content,) = a.evaluator.equation(eqn, given)
    places = np.real(np.asarray(content)).astype(int)
    stacked = sparse.vstack(matrices, format="csr")
    return a.value(of_matrix(stacked[places.ravel()], places.shape))


def reduced(a: Algebra, plan: Plan, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
    rows = operands[0]
    if not isinstance(rows, Rows):
        return mixed(a, plan, eqn, operands, active)
    axis = eqn.attrs[0]
    axes = range(len(rows.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    lost = {int(k) % len(rows.shape) for k in axes}
    kept = tuple(1 if k in lost else n for k, n in enumerate(rows.shape))
    shape = kept if eqn.attrs[1] else tuple(n for k, n in enumerate(rows.shape) if k not in lost)
    into = np.broadcast_to(numbers(kept), rows.shape).ravel()
    count = int(np.prod(kept, dtype=int))
    summing = sparse.csr_array((np.ones(rows.size, bool), (into, np.arange(rows.size))), shape=(count, rows.size))
    return a.value(of_matrix(summing @ rows.matrix(), shape))


def product(a: Algebra, plan: Plan, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
    """Unite along the inner axis of a product, leaving out zeros of a factor that is known."""
    left, right = operands
    n, m = a.shape(left), a.shape(right)
    if not {len(n), len(m)} <= {1, 2}:
        return mixed(a, plan, eqn, operands, active)
    shape = (*n[:-1], *m[1:])
    rows_out, columns_out = n[0] if len(n) == 2 else 1, m[1] if len(m) == 2 else 1
    inner = n[-1]
    total = sparse.csr_array((rows_out * columns_out, a.inputs), dtype=bool)
    one = sparse.eye_array
    if not isinstance(left, Known | Unknown):  # vec(L R) = (I kron R^T) vec(L)
        factor = support(right, (inner, columns_out)).T
        total = total + sparse.kron(one(rows_out, dtype=bool), factor, format="csr") @ a.rows(left).matrix()
    if not isinstance(right, Known | Unknown):  # vec(L R) = (L kron I) vec(R)
        factor = support(left, (rows_out, inner))
        total = total + sparse.kron(factor, one(columns_out, dtype=bool), format="csr") @ a.rows(right).matrix()
    return a.value(of_matrix(sparse.csr_array(total, dtype=bool), shape))


def support(value: Value, shape: tuple[int, int]) -> sparse.csr_array:
    """Return where a factor may be other than zero."""
    if isinstance(value, Known):
        return sparse.csr_array(np.reshape(np.asarray(value.content) != 0, shape))
    return sparse.csr_array(np.ones(shape, bool))


def selected(
    a: Algebra, plan: Plan, eqn: Eqn, shape: Shape, operands: Sequence[Value], first: int
) -> np.ndarray | int | None:
    """Return the positions that a subscript selects; None if they depend on the input."""
    index = operands[first:]
    if any(not isinstance(v, Known) for v in index):
        return None
    if plan.element and len(index) == 1 and isinstance(v := index[0], Known) and len(shape) == 1:
        return position(v.content, shape[0], eqn)
    contents = [v.content for v in index if isinstance(v, Known)]
    (found,) = a.evaluator.equation(plan.reader or eqn, [numbers(shape), *contents])
    return np.asarray(found)


def item(a: Algebra, plan: Plan, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
    base = operands[0]
    assert not isinstance(base, Known | Unknown)
    rows = a.rows(base)
    places = selected(a, plan, eqn, rows.shape, operands, 1)
    if places is None:
        first = [Known(0) if v == Unknown(()) else v for v in operands[1:]]
        return mixed(a, plan, eqn, [base, *first], active)
    if isinstance(places, int):
        return rows.row(places)
    if places.shape == ():
        return rows.row(int(places))
    return of_matrix(rows.matrix()[places.ravel()], places.shape)


def stored(a: Algebra, plan: Plan, eqn: Eqn, operands: list[Value], active: list[int]) -> Value:
    base, value = operands[0], operands[1]
    rows, added = a.rows(base), eqn.prim == "index_add"
    places = selected(a, plan, eqn, rows.shape, operands, 2)
    if places is None:
        found = a.from_all(eqn, operands, [1], rows.shape)
        return a.union([rows, a.rows(found)], rows.shape)
    if isinstance(places, int) and not isinstance(value, Rows):
        inputs = a.everything(value)
        return rows.written(places, inputs | rows.row(places) if added else inputs)
    places = np.asarray(places)
    if places.size <= FEW:
        return written(a, rows, places, value, added)
    given = a.rows(value)
    which = np.broadcast_to(numbers(given.shape), places.shape).ravel()
    if added:
        entries = (np.ones(places.size, bool), (places.ravel(), which))
        scattered = sparse.csr_array(entries, shape=(rows.size, given.size)) @ given.matrix()
        return of_matrix(rows.matrix() + scattered, rows.shape)
    order = np.arange(rows.size)
    order[places.ravel()] = rows.size + which
    return of_matrix(sparse.vstack([rows.matrix(), given.matrix()], format="csr")[order], rows.shape)


def written(a: Algebra, rows: Rows, places: np.ndarray, value: Value, added: bool) -> Rows:
    """Write a few rows one by one."""
    given = a.rows(value) if isinstance(value, Rows) else None
    which = None if given is None else np.broadcast_to(numbers(given.shape), places.shape).ravel().tolist()
    new = [
        given.row(which[k]) if given is not None and which is not None else a.everything(value)
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


RULES: Final[Mapping[str, Rule]] = {
    "acc": united,
    "index": item,
    "index_update": stored,
    "index_add": stored,
    "matmul": product,
    "np.matmul": product,
    "dot": product,
    **dict.fromkeys(MOVES, moved),
    **dict.fromkeys(REDUCTIONS, reduced),
}
