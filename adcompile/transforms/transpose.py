"""Derive an adjoint from a tangent rule: lower the rule on a placeholder and transpose what depends on it.

tangent of inv:  -(ans @ x_dot @ ans)   ->   adjoint: -(ans.T @ g @ ans.T)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Eqn, Stmt, Var, free
from adcompile.records import replace
from adcompile.transforms import conform
from adcompile.transforms.local import tangent_rule

LinearTerms = Callable[[Eqn, Atom, list[int]], Iterable[tuple[int, Atom]]]


def transposed_terms(
    b: Builder, eqn: Eqn, g: Atom, wanted: list[int], terms: LinearTerms
) -> Iterator[tuple[int, Atom]]:
    """Yield (position, cotangent) for the wanted operands of an equation that has a tangent rule."""
    for position in wanted:
        operand = eqn.args[position]
        assert isinstance(operand, Var)
        placeholder = Var("", operand.type)
        with b.block() as stmts:
            out = tangent_rule(b, eqn, {position: placeholder})
        linear, constant = split(stmts, placeholder)
        for stmt in constant:
            b.add(stmt)
        if isinstance(out, Var):
            start = len(b.stmts)
            bar = transpose(b, linear, out, placeholder, conform.cotangent(b, g, eqn.out), terms)
            drop_dependent(b, start, operand, placeholder, linear)
            yield position, bar


def split(stmts: list[Stmt], placeholder: Var) -> tuple[list[Eqn], list[Stmt]]:
    """Separate the equations that depend on the placeholder from those that do not."""
    depends = {placeholder}
    linear: list[Eqn] = []
    constant: list[Stmt] = []
    for stmt in stmts:
        assert isinstance(stmt, Eqn), "a tangent rule branches on things known when compiling only"
        if any(isinstance(a, Var) and a in depends for a in stmt.args):
            depends.update(stmt.outs)
            linear.append(stmt)
        else:
            constant.append(stmt)
    return linear, constant


def transpose(b: Builder, linear: list[Eqn], out: Var, placeholder: Var, g: Atom, terms: LinearTerms) -> Atom:
    """Run linear equations backwards from the cotangent of their result to that of the placeholder."""
    made = {o: e for e in linear for o in e.outs}
    bars: dict[Var, Atom] = {out: g}
    for eqn in reversed(linear):
        bar = bars.pop(eqn.out, None)
        if bar is None:
            continue
        wanted = [k for k, a in enumerate(eqn.args) if isinstance(a, Var) and (a in made or a is placeholder)]
        for k, term in terms(eqn, bar, wanted):
            operand = eqn.args[k]
            assert isinstance(operand, Var)
            term = conform.cotangent(b, term, operand)
            bars[operand] = b.emit("add", bars[operand], term) if operand in bars else term
    return bars[placeholder] if placeholder in bars else conform.zeros(b, placeholder)


def drop_dependent(b: Builder, start: int, operand: Var, placeholder: Var, linear: list[Eqn]) -> None:
    """Drop the statements from `start` on that read the tangents: rules made them for operands that are not wanted.

    The lengths of the operand's tangent are those of the operand.
    """
    kept: list[Stmt] = []
    gone = {placeholder, *(o for e in linear for o in e.outs)}
    for stmt in b.stmts[start:]:
        if isinstance(stmt, Eqn) and stmt.prim == "dim" and stmt.args[0] is placeholder:
            kept.append(replace(stmt, args=(operand,)))
        elif any(v in gone for v in free(stmt)):
            gone.update(stmt.outs)
        else:
            kept.append(stmt)
    b.stmts[start:] = kept
