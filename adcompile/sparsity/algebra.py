"""What is known of a value without the input: a number, or which inputs each of its elements depends on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import sparse

from adcompile.errors import AdcompileError, Span
from adcompile.evaluate import Evaluator
from adcompile.ir.core import Atom, Eqn
from adcompile.ir.types import Type, numpy_dtype
from adcompile.records import dataclass
from adcompile.sparsity.rows import NOTHING, Inputs, Rows, Shape, empty, numbers, of_matrix, of_sets, repeated

MOST: Final = 20_000_000  # dependences that one operation may make


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


class Algebra:
    """Unions of what values depend on, for a number of inputs."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.evaluator = Evaluator()

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
