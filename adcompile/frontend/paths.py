"""Paths of views into a buffer: how they are read, what they give, and how a store through them changes the buffer.

    r = a.reshape(-1); r[2] = v     ->   v1 = reshape(a, -1); v2 = index_update(v1, v, 2); a = reshape(v2, a.shape)

Subscripts and permutations of axes are part of the path of one store. Other views are read, changed and put back, as
PyTorch's functionalization does; where they are views in memory too, this copies nothing. A store to the real or
imaginary parts of some numbers stores these numbers, with their other parts as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adcompile.frontend.values import Path, Step
from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.lengths import Facts
from adcompile.ir.lists import element_type, in_row
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import Type

# How many operands each component code of a subscript takes.
OPERANDS: Final = {"i": 1, "s": 3, "n": 0, "e": 0, "a": 1, "m": 1}

# The path to one list of a list of lists.
ROW: Final[Path] = (("row", ()),)

# The views of which NumPy forbids to write to.
READ_ONLY: Final = frozenset({"broadcast", "diagonal"})

# The views of complex numbers that take a part of each.
PARTS: Final = frozenset({"real", "imag"})


def operand_count(step: Step) -> int:
    """Return how many operands a step takes."""
    if isinstance(step, str):
        return sum(OPERANDS[code] for code in step)
    return 1 if step[0] == "row" else step[1][0] if step[0] in ("reshape", "broadcast") else 0


def is_plain(step: Step) -> bool:
    """Tell whether a step may be part of the path of a store."""
    return isinstance(step, str) or step[0] == "T"


def read_path(builder: Builder, base: Var, path: Path, atoms: Sequence[Atom]) -> Var:
    """Apply views to an array: subscripts together in one equation, other views each in one of its own.

    Of one list of a list of lists, or one array of a list that owns its arrays, this is a copy.
    """
    if path == ROW and base.type.is_nested:
        copy = builder.emit("list_row_slice", base, *atoms, NONE, NONE, NONE)
        assert isinstance(copy, Var)
        return copy
    current: Atom = base
    steps: list[str] = []
    operands: list[Atom] = []
    rest = iter(atoms)
    if path[:1] == ROW:
        last = _subscripts_in(path)
        steps_in = path[1:last] or ("e",)
        count = 1 + sum(map(operand_count, path[1:last]))
        current = builder.emit("list_row_index", base, *atoms[:count], attrs=(steps_in,))
        path, rest = path[last:], iter(atoms[count:])
    for step in (*path, None):
        if isinstance(step, str):
            steps.append(step)
            operands += [next(rest) for _ in range(operand_count(step))]
            continue
        if steps:
            current = builder.emit("index", current, *operands, attrs=(tuple(steps),))
            steps, operands = [], []
        if step is not None:
            prim, attrs = _equation(step)
            current = builder.emit(prim, current, *(next(rest) for _ in range(operand_count(step))), attrs=attrs)
    assert isinstance(current, Var)
    return current


def _subscripts_in(path: Path) -> int:
    """Return where the first subscripts end of the path of something in an array of a list."""
    return next((k for k, step in enumerate(path) if k and not isinstance(step, str)), len(path))


def _equation(step: tuple[str, tuple[int, ...]]) -> tuple[str, tuple[object, ...]]:
    """Return the primitive and the attributes of a view that is no subscript."""
    match step:
        case "T", axes:
            return "transpose", (axes,)
        case "reshape", _:
            return "reshape", ()
        case "broadcast", _:
            return "broadcast_to", ()
        case "real" | "imag" as part, _:
            return part, ()
        case _, where:  # the diagonal that np.diagonal gives, or np.einsum, which may be written to
            return "diagonal", where


def type_along(facts: Facts, base: Type, path: Path, atoms: Sequence[Atom]) -> Type:
    """Return the type of what a path selects."""
    if path[:1] == ROW:
        return type_along(facts, element_type(base), path[1:], atoms[1:]) if path[1:] else element_type(base)
    current, plain, operands = base, list[Step](), list[Atom]()
    rest = iter(atoms)
    for step in (*path, None):
        if step is not None and is_plain(step):
            plain.append(step)
            operands += [next(rest) for _ in range(operand_count(step))]
            continue
        if plain:
            current = _inferred(facts, "index", current, operands, (tuple(plain),))
            plain, operands = [], []
        if step is not None and not isinstance(step, str):
            prim, attrs = _equation(step)
            taken = [next(rest) for _ in range(operand_count(step))]
            current = _inferred(facts, prim, current, taken, attrs)
    return current


def _inferred(facts: Facts, prim: str, base: Type, operands: Sequence[Atom], attrs: tuple[object, ...]) -> Type:
    found = PRIMITIVES[prim].infer(facts, (Var("", base), *operands), attrs)
    assert isinstance(found, Type)
    return found


def stored(builder: Builder, base: Var, path: Path, atoms: tuple[Atom, ...], value: Atom, prim: str) -> Var:
    """Return a buffer after a store, or an addition, to what a path selects."""
    if path[:1] == ROW and all(map(is_plain, path[1:])):
        new = builder.emit(in_row(prim), base, atoms[0], value, *atoms[1:], attrs=(path[1:] or ("e",),))
        assert isinstance(new, Var)
        return new
    part = next((k for k, step in enumerate(path) if not isinstance(step, str) and step[0] in PARTS), None)
    if part is not None:
        path, name = (*path[:part], *path[part + 1 :]), path[part][0]
        old = None if prim == "index_add" else read_path(builder, base, path, atoms)
        return stored(builder, base, path, atoms, _with_part(builder, old, name, value), prim)
    special = [k for k, step in enumerate(path) if not is_plain(step)]
    if not special:
        new = builder.emit(prim, base, value, *atoms, attrs=(path or ("e",),))
        assert isinstance(new, Var)
        return new
    last = special[-1]
    before = sum(map(operand_count, path[:last]))
    until = before + operand_count(path[last])
    whole = read_path(builder, base, path[: last + 1], atoms[:until])
    changed = stored(builder, whole, path[last + 1 :], atoms[until:], value, prim)
    outer = read_path(builder, base, path[:last], atoms[:before])
    back = _put_back(builder, outer, path[last], changed)
    if last == 0:
        return back
    return stored(builder, base, path[:last], atoms[:before], back, "index_update")


def _with_part(builder: Builder, old: Var | None, name: str, value: Atom) -> Atom:
    """Return numbers with a new real or imaginary part; without `old` the other part is what adds nothing."""
    value = builder.emit("real", value) if is_complex(value.type) else value
    other = "imag" if name == "real" else "real"
    rest = Const(-0.0) if old is None else builder.emit(other, old)
    parts = (value, rest) if name == "real" else (rest, value)
    return builder.emit("complex" if all(p.type.is_scalar for p in parts) else "with_parts", *parts)


def is_read_only(base: Type, path: Path) -> bool:
    """Tell whether NumPy forbids to write to a view: the imaginary parts of real numbers are none of theirs."""
    named = [step[0] for step in path if not isinstance(step, str)]
    parts = sum(name in PARTS for name in named)
    return not READ_ONLY.isdisjoint(named) or parts > is_complex(base)


def is_complex(t: Type) -> bool:
    """Tell whether a type is known to be that of complex numbers."""
    return t.dtype is complex or getattr(t.dtype, "kind", "") == "c"


def _put_back(builder: Builder, whole: Var, step: Step, changed: Var) -> Var:
    """Return an array of which a view has changed."""
    assert not isinstance(step, str)
    name, where = step
    if name == "reshape":
        back = builder.emit("reshape", changed, *(builder.length(d) for d in whole.type.dims or ()))
    else:
        assert name == "einsum"
        count = builder.emit("dim", changed, attrs=(len(changed.type.dims or ()) - 1,))
        k = builder.emit("arange", count, attrs=(None,))
        back = builder.emit("index_update", whole, changed, *_diagonal(builder, k, where), attrs=(("aa",),))
    assert isinstance(back, Var)
    return back


def _diagonal(builder: Builder, k: Atom, where: tuple[int, ...]) -> tuple[Atom, Atom]:
    """Return the indices of the diagonal of a matrix."""
    offset = where[0]
    rows = k if offset >= 0 else builder.emit("add", k, Const(-offset))
    columns = k if offset <= 0 else builder.emit("add", k, Const(offset))
    return rows, columns


def whole_axes(rank: int) -> tuple[str, tuple[Atom, ...]]:
    """Return the subscript ``[:, :, ...]``."""
    return "s" * rank, (NONE,) * (3 * rank)
