"""How each primitive is applied to a block of directions at once: some of its operands have a leading axis more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, Atom, Const, Eqn, Var
from adcompile.ir.lengths import Length
from adcompile.ir.types import Type, numpy_dtype
from adcompile.records import dataclass
from adcompile.rules import table
from adcompile.rules.lengths import product

__all__ = ["Batch", "Rule", "Unbatchable", "repeated", "rule_of"]

COLON: Final = (NONE, NONE, NONE)
OPERANDS: Final = {"i": 1, "s": 3, "n": 0, "e": 0, "a": 1, "m": 1}


class Unbatchable(Exception):
    """A program cannot carry a block of directions."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """An equation, and its operands, of which some are blocks of `length` values, `count` at run time."""

    b: Builder
    eqn: Eqn
    args: tuple[Atom, ...]
    length: Length
    count: Atom

    @property
    def attrs(self) -> tuple[object, ...]:
        return self.eqn.attrs

    def wide(self, k: int) -> bool:
        """Tell whether an operand is a block."""
        return self.args[k] is not self.eqn.args[k]

    def rank(self, k: int) -> int:
        """Return the rank of an operand without the leading axis."""
        rank = self.eqn.args[k].type.rank
        if rank is None:
            raise Unbatchable("an array of unknown rank")
        return rank

    @property
    def out_rank(self) -> int:
        rank = self.eqn.out.type.rank
        assert rank is not None
        return rank

    def emit(self, prim: str, *args: Atom, attrs: tuple[object, ...] = ()) -> Atom:
        return self.b.emit(prim, *args, attrs=attrs)

    def again(self, *args: Atom, attrs: tuple[object, ...] | None = None) -> Atom:
        """Apply the primitive to other operands."""
        return self.b.emit(self.eqn.prim, *args, attrs=self.attrs if attrs is None else attrs)

    def aligned(self, k: int, rank: int) -> Atom:
        """Return an operand so that it broadcasts with blocks of some rank: new axes come after the leading one."""
        a = self.args[k]
        missing = rank - self.rank(k)
        if not self.wide(k) or missing <= 0:
            return a
        return self.emit("index", a, *COLON, attrs=(("s" + "n" * missing,),))

    def block(self, k: int) -> Atom:
        """Return an operand as a block, repeated if it is one value."""
        if self.wide(k):
            return self.args[k]
        return repeated(self.b, self.args[k], self.args[k].type, self.count)


def repeated(b: Builder, a: Atom, like: Type, count: Atom) -> Atom:
    """Return a block whose entries, of the shape of `like`, are all the same; it may be read-only."""
    empty = b.definition(a, "zeros_like") or b.definition(a, "zeros")
    if empty is not None:
        own = empty.args if empty.prim == "zeros" else lengths(b, empty.args[0], a.type)
        return b.emit("zeros", count, *own, attrs=(numpy_dtype(a.type),))
    shape = (count, *lengths(b, a, like))
    if a.type.rank == 0 and not a.type.is_array:
        return b.emit("full", a, *shape, attrs=(numpy_dtype(like),))
    return b.emit("broadcast_to", a, *shape)


def lengths(b: Builder, a: Atom, like: Type) -> Iterator[Atom]:
    """Return the lengths of `like`: those of an array of as many axes, which may be found nowhere else in a loop."""
    for axis, length in enumerate(like.dims or ()):
        known = isinstance(length, int) or not isinstance(a, Var) or a.type.rank != like.rank
        yield b.length(length) if known else b.emit("dim", a, attrs=(axis,))


Rule = Callable[[Batch], Atom | None]

RULES: Final[dict[str, Rule]] = {}


def rule_of(prim: str) -> Rule | None:
    """Return the rule of a primitive: of NumPy's elementwise functions there may be more, with tables loaded since."""
    if prim in table.ROWS and not prim.startswith(("math.", "cmath.", "builtin")):
        return RULES.get(prim, elementwise)
    return RULES.get(prim)


def rule(*names: str) -> Callable[[Rule], Rule]:
    """State how primitives are applied to blocks. None is returned where the rule does not apply."""

    def register(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, f))
        return f

    return register


def is_identity(batch: Batch, k: int) -> bool:
    """Tell whether a block of vectors is the identity: one direction for each variable."""
    return batch.b.definition(batch.args[k], "eye") is not None


def diagonal_of(batch: Batch, k: int) -> Atom | None:
    """Return v if a block of vectors is the diagonal matrix of v: the identity, scaled elementwise."""
    eqn = batch.b.definition(batch.args[k], "mul")
    if eqn is None:
        return None
    for unit, v in (eqn.args, eqn.args[::-1]):
        dims = v.type.dims
        if batch.b.definition(unit, "eye") and dims is not None and len(dims) == 1:
            return v if batch.b.facts.same(dims[0], batch.length) else None
    return None


# -- elementwise


def elementwise(batch: Batch) -> Atom | None:
    rank = batch.out_rank
    return batch.again(*(batch.aligned(k, rank) for k in range(len(batch.args))))


for _name in ("where", "eq", "ne", "lt", "le", "gt", "ge", "equal", "not_equal", "isnan", "isfinite", "isinf"):
    RULES[_name] = elementwise


@rule("acc")
def accumulate(batch: Batch) -> Atom | None:
    if batch.wide(0) and batch.rank(0) >= batch.rank(1):
        return batch.emit("acc", batch.args[0], batch.aligned(1, batch.rank(0)))
    x = batch.args[0]
    if isinstance(x, Const) and x.value == 0.0:
        return batch.args[1]
    rank = max(batch.rank(0), batch.rank(1))
    return batch.emit("add", batch.aligned(0, rank), batch.aligned(1, rank))


@rule("astype", "copy", "real", "conj", "conjugate", "contiguous", "zeros_like", "ones_like", "stop_gradient")
def same(batch: Batch) -> Atom | None:
    return batch.again(*batch.args)


@rule("float", "item")
def number(batch: Batch) -> Atom | None:
    return batch.args[0] if batch.rank(0) == 0 else None


# -- reductions


@rule("sum", "mean")
def reduction(batch: Batch) -> Atom | None:
    axis, *rest = batch.attrs
    rank = batch.rank(0)
    if rank == 0:
        return batch.args[0]
    v = diagonal_of(batch, 0) if rank == 1 and batch.eqn.prim == "sum" else None
    if v is not None and not rest[0]:
        return v
    axes = tuple(range(rank)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    moved = tuple(after(a) for a in axes)
    return batch.again(*batch.args, attrs=(moved[0] if len(moved) == 1 else moved, *rest))


def after(axis: object) -> int:
    """Return the number of an axis behind the leading one."""
    assert isinstance(axis, int)
    return axis + 1 if axis >= 0 else axis


@rule("cumsum", "flip", "roll", "repeat", "expand_dims", "squeeze", "diff")
def along_axis(batch: Batch) -> Atom | None:
    position = {"cumsum": 0, "flip": 0, "roll": 1, "repeat": 0, "expand_dims": 0, "squeeze": 0, "diff": 1}
    number = position[batch.eqn.prim]
    attrs = list(batch.attrs)
    axis = attrs[number]
    if axis is None or not batch.wide(0) or any(batch.wide(k) for k in range(1, len(batch.args))):
        return None
    attrs[number] = tuple(map(after, axis)) if isinstance(axis, tuple) else after(axis)
    return batch.again(*batch.args, attrs=tuple(attrs))


@rule("trace", "diagonal")
def diagonal(batch: Batch) -> Atom | None:
    offset, first, second = batch.attrs
    return batch.again(*batch.args, attrs=(offset, after(first), after(second)))


@rule("triu", "tril")
def triangle(batch: Batch) -> Atom | None:
    return batch.again(*batch.args) if batch.rank(0) >= 2 else None


# -- shapes


@rule("reshape")
def reshape(batch: Batch) -> Atom | None:
    x, *shape = batch.args
    return batch.emit("reshape", x, batch.count, *shape)


@rule("ravel")
def ravel(batch: Batch) -> Atom | None:
    if batch.rank(0) == 1:
        return batch.args[0]
    size = batch.b.length(product(batch.eqn.args[0].type.dims or ()))
    return batch.emit("reshape", batch.args[0], batch.count, size)


@rule("transpose")
def transpose(batch: Batch) -> Atom | None:
    (axes,) = batch.attrs
    order = tuple(reversed(range(batch.rank(0)))) if axes is None else axes
    assert isinstance(order, tuple)
    return batch.again(*batch.args, attrs=((0, *map(after, order)),))


@rule("swapaxes", "moveaxis")
def move(batch: Batch) -> Atom | None:
    moved = [tuple(map(after, a)) if isinstance(a, tuple) else after(a) for a in batch.attrs]
    return batch.again(*batch.args, attrs=tuple(moved))


@rule("broadcast_to")
def broadcast_to(batch: Batch) -> Atom | None:
    _, *shape = batch.args
    return batch.emit("broadcast_to", batch.aligned(0, len(shape)), batch.count, *shape)


@rule("full")
def full(batch: Batch) -> Atom | None:
    _, *shape = batch.args
    (dtype,) = batch.attrs or (None,)
    spread = batch.emit("copy", batch.emit("broadcast_to", batch.aligned(0, len(shape)), batch.count, *shape))
    return spread if dtype is None or dtype == spread.type.dtype else batch.emit("astype", spread, attrs=(dtype,))


@rule("concatenate", "stack")
def join(batch: Batch) -> Atom | None:
    (axis,) = batch.attrs
    if axis is None:
        return None
    return batch.again(*(batch.block(k) for k in range(len(batch.args))), attrs=(after(axis),))


@rule("array")
def array(batch: Batch) -> Atom | None:
    """Numbers become the columns of the block."""
    if batch.out_rank != 1 or any(batch.rank(k) != 0 for k in range(len(batch.args))):
        return None
    columns = [batch.block(k) for k in range(len(batch.args))]
    made = batch.emit("stack", *columns, attrs=(1,))
    dtype = batch.eqn.out.type.dtype
    return made if made.type.dtype == dtype else batch.emit("astype", made, attrs=(dtype,))


# -- products


@rule("matmul", "np.matmul", "dot", "inner", "vdot")
def multiply(batch: Batch) -> Atom | None:
    ranks = batch.rank(0), batch.rank(1)
    if batch.wide(0) == batch.wide(1) or not all(r in (1, 2) for r in ranks):
        if batch.eqn.prim == "dot" and 0 in ranks:
            rank = max(ranks)
            return batch.emit("mul", batch.aligned(0, rank), batch.aligned(1, rank))
        return None
    if batch.eqn.prim in ("inner", "vdot") and ranks != (1, 1):
        return None
    a, b = batch.args
    if batch.wide(0):
        return times(batch, 0, b) if ranks[0] == 1 else batch.emit("matmul", a, b)
    if ranks[1] == 1:
        right = a if ranks[0] == 1 else batch.emit("transpose", a, attrs=(None,))
        return times(batch, 1, right)
    return batch.emit("matmul", a, b)


def times(batch: Batch, k: int, matrix: Atom) -> Atom:
    """Multiply a block of vectors by a matrix or vector."""
    if is_identity(batch, k):
        return matrix
    v = diagonal_of(batch, k)
    if v is None:
        return batch.emit("matmul", batch.args[k], matrix)
    if matrix.type.rank == 2:
        v = batch.emit("index", v, *COLON, attrs=(("sn",),))
    return batch.emit("mul", v, matrix)


@rule("outer")
def outer(batch: Batch) -> Atom | None:
    if batch.wide(0) == batch.wide(1) or (batch.rank(0), batch.rank(1)) != (1, 1):
        return None
    a, b = batch.args
    column = batch.emit(
        "index", a, *COLON, *(COLON if batch.wide(0) else ()), attrs=(("ss"[: 1 + batch.wide(0)] + "n",),)
    )
    row = batch.emit("index", b, *COLON, attrs=(("sn",),)) if batch.wide(1) else b
    return batch.emit("mul", column, row)


@rule("einsum")
def einsum(batch: Batch) -> Atom | None:
    subscripts, optimize = batch.attrs
    if not isinstance(subscripts, str) or "->" not in subscripts or "." in subscripts:
        return None
    letter = next((c for c in "zyxwvutsrq" if c not in subscripts), None)
    if letter is None:
        return None
    inputs, output = subscripts.replace(" ", "").split("->")
    parts = [letter + part if batch.wide(k) else part for k, part in enumerate(inputs.split(","))]
    return batch.again(*batch.args, attrs=(f"{','.join(parts)}->{letter}{output}", optimize))


@rule("solve")
def solve(batch: Batch) -> Atom | None:
    """Solve for all right-hand sides at once."""
    if batch.wide(0) or (batch.rank(0), batch.rank(1)) != (2, 1):
        return None
    columns = batch.emit("transpose", batch.args[1], attrs=(None,))
    return batch.emit("transpose", batch.again(batch.args[0], columns), attrs=(None,))


# -- places


def prefixed(batch: Batch, first: int) -> tuple[tuple[object, ...], tuple[Atom, ...]] | None:
    """Return the path of an index behind the leading axis, and its operands; None if NumPy would move that axis."""
    (path,) = batch.attrs
    assert isinstance(path, tuple)
    rest = iter(batch.args[first:])
    steps: list[object] = []
    atoms: list[Atom] = []
    for step in path:
        if not isinstance(step, str):
            _, axes = step
            steps.append(("T", (0, *map(after, axes))))
            continue
        if step and moves_axes(step):
            return None
        steps.append("s" + step)
        atoms += [*COLON, *(next(rest) for code in step for _ in range(OPERANDS[code]))]
    return tuple(steps), tuple(atoms)


def moves_axes(step: str) -> bool:
    """Tell whether index arrays stand apart in a subscript, so that their axes come first in the result."""
    if not any(code in "am" for code in step):
        return False
    places = [k for k, code in enumerate(step) if code in "aim"]
    return places != list(range(places[0], places[0] + len(places)))


def selection_rank(batch: Batch, base: int, atoms: tuple[Atom, ...], path: tuple[object, ...]) -> int | None:
    """Return the rank of what a place selects of an array of some rank."""
    rank = base
    for step in path:
        if isinstance(step, str):
            if "m" in step:
                return None
            arrays = [k for k, code in enumerate(step) if code == "a"]
            rank += step.count("n") - step.count("i") - len(arrays)
            if arrays:
                if any(a.type.rank != 1 for a in atoms if a.type.is_array):
                    return None
                rank += 1
    return rank


@rule("index")
def index(batch: Batch) -> Atom | None:
    if any(batch.wide(k) for k in range(1, len(batch.args))):
        raise Unbatchable("an index that depends on a direction")
    if batch.attrs == (("",),):
        return batch.args[0]
    found = prefixed(batch, 1)
    if found is None:
        return None
    return batch.emit("index", batch.args[0], *found[1], attrs=(found[0],))


@rule("index_update", "index_add")
def store(batch: Batch) -> Atom | None:
    if any(batch.wide(k) for k in range(2, len(batch.args))):
        raise Unbatchable("an index that depends on a direction")
    found = prefixed(batch, 2)
    if found is None or batch.attrs == (("",),):
        return None
    base = batch.args[0] if batch.wide(0) else batch.block(0)
    if batch.b.definition(base, "broadcast_to"):
        base = batch.emit("copy", base)
    value = batch.args[1]
    if batch.wide(1):
        (path,) = batch.attrs
        assert isinstance(path, tuple)
        rank = selection_rank(batch, batch.rank(0), batch.args[2:], path)
        if rank is None or rank < batch.rank(1):
            return None
        value = batch.aligned(1, rank)
    return batch.again(base, value, *found[1], attrs=(found[0],))
