"""Calls that say where their result goes: ``np.add(x, y, out=z)``, ``x.sum(axis=0, out=z)``, ``where=``.

np.add(x, y, out=z[1:], where=m)   ->   z[1:] = np.where(m, np.add(x, y), z[1:])
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend.values import Ref, Value
from adcompile.ir.core import Atom, Const
from adcompile.ir.structure import Node
from adcompile.ir.types import numpy_dtype

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Function = Callable[..., object] | str


def store(lo: Lowering, f: Function, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> Value:
    """Lower a call whose result goes to an array; return that array."""
    from adcompile.frontend import application

    count = f.nin if isinstance(f, np.ufunc) else len(args)
    rest = {k: v for k, v in keywords.items() if k not in ("out", "where")}
    out = _array(lo, args[count] if len(args) > count else keywords["out"], node)
    where = keywords.get("where", Const(True))
    masked = not (isinstance(where, Const) and where.value is True)
    if masked and not isinstance(f, np.ufunc):
        lo.refuse(node, "`where` together with `out` is supported for elementwise functions", "here")
    result = lo.number(application.apply(lo, f, args[:count], rest, node), node)
    if not isinstance(f, np.ufunc) or f.signature is not None:
        _check_dtype(lo, out, result, node)
    if masked:
        result = lo.number(application.apply(lo, np.where, [where, lo.wrap(result), out], {}, node), node)
    lo.assign_whole(out, result, node)
    return out


def _array(lo: Lowering, out: Value, node: ast.AST) -> Ref:
    out = lo.current(out)
    if isinstance(out, Node) and out.kind == "tuple" and len(out.children) == 1:
        out = lo.current(out.children[0])
    if not isinstance(out, Ref) or not lo.type_of(out).is_array:
        lo.refuse(node, "`out` must be an array", "here")
    return out


def _check_dtype(lo: Lowering, out: Ref, result: Atom, node: ast.AST) -> None:
    """A reduction or product computes in the dtype of `out`: it must be that of the result anyway."""
    have, want = numpy_dtype(lo.type_of(out)), numpy_dtype(result.type)
    if have != want:
        lo.refuse(node, f"`out` is an array of {have}, but the result is of {want}", "here", "use arrays of one dtype")
