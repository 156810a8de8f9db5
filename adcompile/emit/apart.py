"""Functions of a module under names of their own: the last one keeps its name, others of that name get a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adcompile.emit.layout import Layout, Pair, Unit
from adcompile.ir.core import Block, Eqn, Function, Stmt, blocks_of, with_blocks
from adcompile.records import replace

FORWARD, BACKWARD = "_fwd", "_bwd"
Key = tuple[str, bool]  # the name in a call, and whether a half of a pair is called


def run(units: Sequence[Unit | Pair]) -> tuple[Unit | Pair, ...]:
    """Rename the functions whose names others have; the last unit, which is called from outside, keeps its own."""
    *callees, entry = units
    taken = {layout.name for layout in _layouts(entry)}
    names: dict[Key, str] = {}
    for unit in callees:
        key = name, halves = _key(unit)
        new, k = name, 2
        while not taken.isdisjoint(_written(new, halves)):
            new, k = f"{name}_{k}", k + 1
        taken.update(_written(new, halves))
        if new != name:
            names[key] = new
    return tuple(_renamed(u, names, u is entry) for u in units) if names else tuple(units)


def _layouts(unit: Unit | Pair) -> tuple[Layout, ...]:
    return (unit.layout,) if isinstance(unit, Unit) else (unit.forward, unit.backward)


def _key(unit: Unit | Pair) -> Key:
    if isinstance(unit, Unit):
        return unit.layout.name, False
    return unit.forward.name.removesuffix(FORWARD), True


def _written(name: str, halves: bool) -> tuple[str, ...]:
    return (name + FORWARD, name + BACKWARD) if halves else (name,)


def _renamed(unit: Unit | Pair, names: Mapping[Key, str], is_entry: bool) -> Unit | Pair:
    """Rename what a unit calls, and unless it is the entry the unit itself."""
    fn = _calling(unit.fn, names)
    key = _key(unit)
    if is_entry or key not in names:
        return replace(unit, fn=fn)
    layouts = [replace(lay, name=n) for lay, n in zip(_layouts(unit), _written(names[key], key[1]), strict=True)]
    return Unit(fn, *layouts) if isinstance(unit, Unit) else Pair(fn, *layouts)


def _calling(fn: Function, names: Mapping[Key, str]) -> Function:
    return replace(fn, primal=_statements(fn.primal, names), adjoint=_statements(fn.adjoint, names))


def _statements(stmts: Iterable[Stmt], names: Mapping[Key, str]) -> tuple[Stmt, ...]:
    return tuple(_statement(s, names) for s in stmts)


def _statement(stmt: Stmt, names: Mapping[Key, str]) -> Stmt:
    if isinstance(stmt, Eqn):
        return _equation(stmt, names) if stmt.prim.startswith("call") else stmt
    blocks = tuple(Block(b.params, _statements(b.stmts, names), b.yields) for b in blocks_of(stmt))
    return with_blocks(stmt, blocks)


def _equation(eqn: Eqn, names: Mapping[Key, str]) -> Eqn:
    called, *rest = eqn.attrs
    if isinstance(called, tuple):  # functions that are handed over
        new: object = tuple(None if n is None else names.get((str(n), False), n) for n in called)
    else:
        new = names.get((str(called), eqn.prim in ("call_fwd", "call_bwd")), called)
    return eqn if new == called else replace(eqn, attrs=(new, *rest))
