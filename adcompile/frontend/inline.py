"""Lower derivative rules into a program that is being built.

the row  "g * np.cos(x)"  of sin, with x = v3, g = v7_bar   ->   v8 = cos(v3); v9 = mul(v7_bar, v8)
"""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping, Sequence
from typing import Final

from adcompile.frontend import expressions, rule_sources, signatures
from adcompile.frontend.bodies import body_of, run_body
from adcompile.frontend.desugar import Desugared
from adcompile.frontend.frames import Frame
from adcompile.frontend.lower import Lowering
from adcompile.frontend.scopes import RowScope
from adcompile.frontend.values import Value
from adcompile.frontend.variables import local_names
from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom

NO_BODY: Final = Desugared([])


def inline_row(
    builder: Builder, expression: ast.expr, operands: Mapping[str, Atom], meaning: Mapping[str, object], numpy: bool
) -> Atom:
    """Lower the expression of a row. `numpy`: it divides as NumPy does, also Python floats."""
    lo = Lowering(builder)
    lo.frames.append(Frame(RowScope(meaning), NO_BODY, dict(operands), rule=True, numpy=numpy))
    return lo.number(expressions.evaluate(lo, expression), expression)


def inline_rule(builder: Builder, function: types.FunctionType, args: Sequence[Value]) -> Value:
    """Lower a rule: operands are variables or tuples of variables, attributes are constants."""
    lo = Lowering(builder)
    source = rule_sources.rule_source(function)
    lo.frames.append(Frame(source, NO_BODY, {}, rule=True))
    names = signatures.bind(lo, source, args, {}, source.node)
    frame = Frame(source, body_of(source.node), names, rule=True, local=local_names(source.node), node=source.node)
    return run_body(lo, frame, source.node)
