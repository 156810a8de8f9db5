"""The derivative of one equation: its rule, lowered where it is needed."""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from adcompile.analysis.opaque import described, obstacles, place_of
from adcompile.errors import CompileError
from adcompile.frontend.inline import inline_row, inline_rule
from adcompile.frontend.values import Value, lift
from adcompile.ir.builder import Builder
from adcompile.ir.core import NONE, Atom, Block, Const, Eqn, Function, If, Stmt, Var, is_none
from adcompile.ir.structure import Node
from adcompile.rules import table
from adcompile.rules.opaque import MOVED, instead_of, is_draw

POWERS: Final = frozenset({"pow", "power", "float_power", "math.pow"})
# Primitives that are infinite themselves where their derivative is.
INFINITE: Final = frozenset({"div", "npdiv", "divide", "reciprocal", "log", "log2", "log10", "math.log"})
SINGULAR: Final = POWERS | INFINITE


def refuse_obstacles(fn: Function, active: Collection[Var]) -> None:
    """Refuse calls of unknown functions through which derivatives would have to pass."""
    for eqn in obstacles(fn, active):
        if stores_outside(eqn):
            raise CompileError(
                "what is stored outside of the function is read in it, and the derivative of that is lost",
                place_of(eqn),
                "depends on a differentiated argument",
                "keep it in a variable, list or dict of the function too, and read that",
            )
        raise CompileError(
            f"no derivative rule for {described(eqn)}",
            place_of(eqn),
            "not known to the compiler",
            remedy(eqn),
        )


def stores_outside(eqn: Eqn) -> bool:
    """Tell whether a call stores into a list, dict or set, or into a variable from outside."""
    form, name, *_ = eqn.attrs
    assert isinstance(name, tuple)
    held = eqn.args[0].type.dtype if eqn.args else None
    return (form == "method" and held in (list, dict, set)) or name[:2] == ("builtins", "setattr")


def remedy(eqn: Eqn) -> str:
    """Return what to write instead of an unknown call."""
    form, name, *_ = eqn.attrs
    assert isinstance(name, tuple)
    drawn = is_draw(eqn.args[0].type.dtype) if form == "method" else name[0] == "numpy.random"
    if drawn and name[1] in MOVED:
        text = MOVED[name[1]] if form == "method" else MOVED[name[1]].replace("rng.", "np.random.")
        return f"draw without parameters: {text}"
    cls = eqn.args[0].type.dtype if form == "value" else None
    return instead_of(f"{cls.__module__}.{cls.__name__}" if isinstance(cls, type) else ".".join(map(str, name)))


def no_rule(eqn: Eqn) -> CompileError:
    """Make the error that an equation has no derivative."""
    return CompileError(
        f"no derivative rule for {eqn.prim}",
        eqn.span,
        "depends on a differentiated argument",
        "move it out of the differentiated function, or write it with functions that have derivatives",
    )


def check_complex(eqn: Eqn) -> None:
    """Refuse an equation with complex numbers whose rule holds for real ones only."""
    if any(map(table.complex_type, (*eqn.args, *eqn.outs))) and not table.holds_for_complex(eqn.prim):
        raise CompileError(
            f"no derivative rule for {eqn.prim} of complex numbers",
            eqn.span,
            "depends on a differentiated argument",
            "apply it to the real and the imaginary part, or move it out of the differentiated function",
        )


def row_term(
    b: Builder,
    eqn: Eqn,
    operand: int,
    g: Atom,
    infinite: Callable[[Stmt], bool] | None = None,
    skipped: bool = False,
) -> Atom | None:
    """Return g times the partial derivative of an elementwise equation; None if that is zero.

    If one of its equations may be `infinite` where the function is not, the result is zero where g is. Of a number g,
    computing it may be `skipped` there.
    """
    row = table.ROWS[eqn.prim]
    expression = table.scaled(table.partial_of(eqn.prim, eqn.args, operand))
    if expression is None:
        return None
    operands = {**dict(zip(row.params, eqn.args, strict=True)), "ans": eqn.out, "g": g}

    def computed() -> Atom:
        return inline_row(b, expression, operands, table.SCOPE, row.numpy)

    def guards(term: Atom, made: Sequence[Stmt]) -> bool:
        return infinite is not None and not isinstance(term, Const) and any(map(infinite, made))

    if skipped:
        with b.block() as made:
            term = computed()
        return _computed_where(b, term, g, made) if guards(term, made) else computed()
    start = len(b.stmts)
    term = computed()
    return guarded(b, term, g) if guards(term, b.stmts[start:]) else term


def _computed_where(b: Builder, term: Atom, g: Atom, made: Sequence[Stmt]) -> Atom:
    """Return what statements make of a number g, zero where that is zero: then they do not run."""
    out = Var("", term.type)
    then, orelse = Block((), tuple(made), (term,)), Block((), (), (Const(0.0),))
    b.add(If(b.emit("ne", g, Const(0)), then, orelse, (out,), next(b.keys), span=b.span))
    return out


def guarded(b: Builder, term: Atom, g: Atom) -> Atom:
    """Return a product with g: zero where g is zero."""
    kept = b.emit("where", b.emit("ne", g, Const(0)), term, Const(0.0))
    if g.type.dims == () and not g.type.is_array and kept.type.dims == ():
        return b.emit("index", kept, attrs=(("",),))
    return kept


def divisor(stmt: Stmt) -> Atom | None:
    """Return what must not be zero for an equation of a row to be finite, if there is such a thing."""
    if not isinstance(stmt, Eqn) or stmt.prim not in SINGULAR:
        return None
    if stmt.prim not in POWERS:
        return stmt.args[-1]
    base, exponent = stmt.args
    known = isinstance(exponent, Const) and isinstance(exponent.value, int | float)
    return None if known and exponent.value >= 0 else base  # type: ignore[union-attr,operator]  # a number, as tested


def rule_operands(eqn: Eqn) -> list[Value]:
    """Return an equation's operands and attributes as a rule receives them."""
    groups = table.grouped(eqn.prim, eqn.args)
    values: list[Value] = [Node("tuple", g) if isinstance(g, tuple) else g for g in groups]
    return values + [lift(a) for a in eqn.attrs]


def rule_function(rule: table.Rule) -> types.FunctionType:
    assert isinstance(rule, types.FunctionType)
    return rule


def adjoint_terms(b: Builder, eqn: Eqn, g: Atom) -> Iterator[tuple[int, Atom]]:
    """Yield (position of the operand, its cotangent) by the primitive's adjoint rule."""
    rule = rule_function(table.ADJOINTS[eqn.prim])
    result = inline_rule(b, rule, [g, eqn.out, *rule_operands(eqn)])
    groups = table.grouped(eqn.prim, eqn.args)
    several = len(groups) > 1 and isinstance(result, Node)
    parts: Iterable[Value] = result.children if several and isinstance(result, Node) else (result,)
    position = 0
    for group, part in zip(groups, parts, strict=False):
        if isinstance(group, tuple):
            children = part.children if isinstance(part, Node) else ()
            for k, child in enumerate(children):
                if isinstance(child, Var | Const) and not is_none(child):
                    yield position + k, child
            position += len(group)
        else:
            if isinstance(part, Var | Const) and not is_none(part):
                yield position, part
            position += 1


def tangent_rule(b: Builder, eqn: Eqn, dots: Mapping[int, Atom]) -> Atom:
    """Return the tangent of the result by the primitive's tangent rule."""
    rule = rule_function(table.TANGENTS[eqn.prim])
    groups = table.grouped(eqn.prim, eqn.args)
    tangents: list[Value] = []
    position = 0
    for group in groups:
        if isinstance(group, tuple):
            tangents.append(Node("tuple", tuple(dots.get(position + k, NONE) for k in range(len(group)))))
            position += len(group)
        else:
            tangents.append(dots.get(position, NONE))
            position += 1
    result = inline_rule(b, rule, [eqn.out, *rule_operands(eqn), *tangents])
    assert isinstance(result, Var | Const)
    return result
