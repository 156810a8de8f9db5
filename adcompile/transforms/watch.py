"""Test each contribution to an adjoint: it must be finite.

x_bar = y_bar / x        ->   v1 = y_bar / x; check_finite(v1, "x", "model.py:3: y = np.log(x)", x=x, y_bar=y_bar)
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Eqn, Function, Var

__all__ = ["watch"]


def watch(b: Builder, fn: Function, v: Var, g: Atom, eqn: Eqn, cotangents: Sequence[Atom | None]) -> None:
    """Test the contribution `g` to the adjoint of `v`, which an equation made of the cotangents of its results."""
    if not isinstance(g, Var) or not g.type.inexact or g.type.is_list:
        return
    values: dict[str, Atom] = {}
    for k, a in enumerate(eqn.args, 1):
        if isinstance(a, Var) and a.type.is_numeric:
            name = fn.name_of(a) or f"operand_{k}"
            values.setdefault(name if name.isidentifier() and name not in ("g", "name", "place") else f"operand_{k}", a)
    for out, c in zip(eqn.outs, cotangents, strict=True):
        if isinstance(c, Var) and c.type.is_numeric:
            values.setdefault(f"{fn.name_of(out) or 'result'}_bar", c)
    name = f"`{fn.name_of(v)}`" if fn.name_of(v) else "an operand"
    place = "unknown"
    if eqn.span is not None:
        place = f"{os.path.basename(eqn.span.filename)}:{eqn.span.line}: {eqn.span.text.strip()}"
    b.emit_many("check_finite", (g, *values.values()), (name, place, tuple(values)), ())
