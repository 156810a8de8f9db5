"""Which variables carry derivatives with respect to some inputs.

wrt x:   v1 = x * w; v2 = floor(x); v3 = v1 + v2; v4 = len(x)   ->   {x, v1, v3}
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from adcompile.ir.core import Atom, Eqn, For, Function, If, Stmt, Var, While, blocks_of
from adcompile.ir.custom import CustomCall, Pull
from adcompile.ir.lists import ROWS
from adcompile.rules import table

# Operands through which derivatives pass, of the primitives that the passes know.
CORE: dict[str, tuple[int, ...]] = {
    "index": (0,),
    "index_update": (0, 1),
    "index_add": (0, 1),
    "acc": (0, 1),
    "zeros_like": (),
    "list_append": (0, 1),
    "list_pop": (0,),
    "list_array": (0,),
    "list_items": (0,),
    "list_sum": (0, 1),
    "list_get": (0,),
    "list_set": (0, 2),
    "list_add": (0, 2),
    "list_slice": (0,),
    "list_concat": (0, 1),
    "list_repeat": (0,),
    "list_insert": (0, 2),
    "list_take": (0,),
    "list_add_slice": (0, 4),
    "list_fold": (0,),
    "untree": (0,),
    "tree_sum": (0, 1),
    "dim": (),
    "size": (),
    "call_bwd": (),
    "call_checkpointed_bwd": (),
    "print": (),
    "assert": (),
    "raise": (),
    "format": (),
    "undo": (),
    "hook": (),
    "opaque": (),
    "check_finite": (),
}
CORE |= {name: tuple(k and k + 1 for k in CORE[prim]) for name, prim in ROWS.items() if prim in CORE}


def differentiable_args(eqn: Eqn) -> list[int]:
    """Return the positions of the operands that an equation's result is differentiable in."""
    if eqn.prim in ("list_new", "tree"):
        return list(range(len(eqn.args)))
    if eqn.prim in CORE:
        return list(CORE[eqn.prim])
    if eqn.prim == "custom":
        (call,) = eqn.attrs
        assert isinstance(call, CustomCall)
        return [k for k in range(call.count) if k not in call.nondiff]
    if eqn.prim == "pull":
        rule, results, *_ = eqn.attrs
        assert isinstance(rule, Pull) and isinstance(results, int)
        return [results + k for k in rule.targets]
    if eqn.prim in table.ZERO:
        return []
    if eqn.prim in table.ROWS:
        partials = [table.partial_of(eqn.prim, eqn.args, k) for k in range(len(eqn.args))]
        return [k for k, partial in enumerate(partials) if table.scaled(partial) is not None]
    everything = list(range(len(eqn.args)))
    if eqn.prim in table.LINEAR:
        allowed = set(table.LINEAR[eqn.prim].operands)
        return [k for k, slot in zip(everything, slot_positions(eqn), strict=True) if slot in allowed]
    return everything


def slot_positions(eqn: Eqn) -> list[int]:
    """Return, for each operand, the position in the signature that it belongs to."""
    out: list[int] = []
    for position, group in enumerate(table.grouped(eqn.prim, eqn.args)):
        out += [position] * (len(group) if isinstance(group, tuple) else 1)
    return out


def active(fn: Function, wrt: Collection[Var]) -> frozenset[Var]:
    """Return the variables whose value depends differentiably on the variables in `wrt`."""
    found = set(wrt)
    _block(fn.stmts, found)
    return frozenset(found)


def _block(stmts: Iterable[Stmt], found: set[Var]) -> None:
    for stmt in stmts:
        match stmt:
            case Eqn():
                if any(_in(stmt.args[k], found) for k in differentiable_args(stmt)):
                    found.update(o for o in stmt.outs if o.type.inexact)
            case If():
                for block in blocks_of(stmt):
                    _block(block.stmts, found)
                    found.update(o for o, y in zip(stmt.outs, block.yields, strict=True) if _carries(o, y, found))
            case For() | While():
                _loop(stmt, found)


def _loop(stmt: For | While, found: set[Var]) -> None:
    before = -1
    while before != len(found):
        before = len(found)
        for k, out in enumerate(stmt.outs):
            if _carries(out, stmt.inits[k], found) or _carries(out, stmt.body.yields[k], found):
                found.add(out)
                found.update(b.params[k] for b in blocks_of(stmt))
        for block in blocks_of(stmt):
            _block(block.stmts, found)


def _in(a: Atom, found: set[Var]) -> bool:
    return isinstance(a, Var) and a in found


def _carries(out: Var, a: Atom, found: set[Var]) -> bool:
    return out.type.inexact and _in(a, found)
