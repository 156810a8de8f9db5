"""Lower a function with derivative rules, and its rules, each by itself: as functions of the IR."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from adcompile.custom.functions import CustomJvp, CustomVjp, Elementwise, Primitive, Rule
from adcompile.errors import CompileError
from adcompile.frontend import expressions
from adcompile.frontend.custom_derivatives import Derivatives
from adcompile.frontend.custom_pieces import Piece, variables_in
from adcompile.frontend.desugar import Desugared
from adcompile.frontend.frames import Frame
from adcompile.frontend.scopes import RowScope
from adcompile.frontend.values import Value
from adcompile.ir.core import Atom, Const, Eqn, Function, Stmt, Var, blocks_of, map_atoms, with_blocks
from adcompile.ir.custom import Pull, Push
from adcompile.ir.inlining import copied, keys_after
from adcompile.ir.structure import Node, leaves
from adcompile.records import replace
from adcompile.rules import table

DEEPEST = 8  # calls of functions with rules, each within the rules of another


class Maker(Derivatives):
    """Lowers a function and its rules, of each of their kinds, for one kind of call."""

    def run(self) -> None:
        """Lower everything; a rule that fails is an error only where it is used."""
        lo = self.lo
        if lo.custom_depth >= DEEPEST:
            lo.refuse(self.node, "functions with rules are nested too deeply", "called here")
        lo.custom_depth += 1
        try:
            self.primal()
            match self.f:
                case Elementwise():
                    self.elementwise(self.f)
                case Primitive():
                    self.primitive(self.f)
                case CustomVjp():
                    self.call.pull = self.attempt(self.vjp)
                case CustomJvp():
                    self.call.push = self.attempt(self.jvp)
        finally:
            lo.custom_depth -= 1
        self.close()
        self.made.ready = True

    def elementwise(self, f: Elementwise) -> None:
        if len(self.tree) != len(f.operands) or not all(isinstance(v, Var | Const) for v in self.tree):
            self.refuse(f"`{f.head}` takes {len(f.operands)} numbers or arrays")
        if len(self.results) != 1 or self.made.result is not self.results[0]:
            self.refuse(f"`{f.__name__}` is elementwise, so it should return one array")
        self.lo.depend(f, "function", f.function)
        (ans,) = self.results
        rows: dict[int, ast.expr] = {}
        for value, text in zip(self.tree, f.partials, strict=True):
            expression = table.scaled(text)
            if isinstance(value, Var) and value.type.inexact and expression is not None:
                rows[self.params.index(value)] = expression
        self.call.push = self.attempt(lambda: tuple(self.row_push(f, e, k, ans) for k, e in rows.items()))
        self.call.pull = self.attempt(lambda: self.row_pull(f, rows, ans))

    def row_pull(self, f: Elementwise, rows: dict[int, ast.expr], ans: Var) -> Pull:
        _, (g,), seeds = self.cotangents()
        pieces = [self.row(f, e, g, ans) for e in rows.values()]
        stmts = [s for p in pieces for s in p.stmts]
        backward = self.function("_bwd", (ans, *self.params, g), stmts, [p.atoms[0] for p in pieces])
        return Pull(None, backward, seeds, tuple(rows), guarded=True)

    def row_push(self, f: Elementwise, expression: ast.expr, position: int, ans: Var) -> Push:
        dot = self.dot(self.params[position])
        piece = self.row(f, expression, dot, ans)
        return Push(self.function("_jvp", (*self.params, ans, dot), piece.stmts, piece.atoms), (position,), (0,))

    def row(self, f: Elementwise, expression: ast.expr, g: Var, ans: Var) -> Piece:
        """Lower the text of a partial derivative times g."""

        def run() -> Value:
            names = dict(zip((*f.operands, "ans", "g"), map(self.instance, (*self.tree, ans, g)), strict=True))
            frame = Frame(RowScope(f.scope), Desugared([]), names, numpy=isinstance(f.function, np.ufunc))
            with self.lo.inside(frame):
                value: Value = self.lo.number(expressions.evaluate(self.lo, expression), expression)
            return value

        piece = self.piece(run, (*self.params, ans, g), f.__name__)
        piece.atoms = piece.atoms or [piece.value] if isinstance(piece.value, Const) else piece.atoms
        return piece

    def primitive(self, f: Primitive) -> None:
        adjoint, tangent = f.adjoint_rule, f.tangent_rule
        if adjoint is None and tangent is None:
            self.call.pull = self.call.push = CompileError(
                f"`{f.__name__}` has no derivative rule yet",
                self.lo.span(self.node),
                "called here",
                f"give it one with @{f.__name__}.adjoint or @{f.__name__}.tangent",
            )
        if adjoint is not None:
            rule = adjoint
            self.call.linear = True
            self.call.pull = self.attempt(lambda: self.adjoint(rule))
        if tangent is not None:
            term = tangent
            self.call.push = self.attempt(lambda: (self.tangent(term),))

    def adjoint(self, rule: Rule) -> Pull:
        g, gs, seeds = self.cotangents()
        name = getattr(rule, "__name__", "the adjoint")
        piece = self.applied(rule, [g, self.made.result, *self.tree], (*gs, *self.results, *self.params))
        found = self.targets(piece.value, piece.atoms, name, exact=False)
        backward = self.function("_bwd", (*self.results, *self.params, *gs), piece.stmts, tuple(found.values()))
        return Pull(None, backward, seeds, tuple(found))

    def tangent(self, rule: Rule) -> Push:
        trees, dots, positions = self.tangents(self.free)
        params = (*self.params, *self.results, *dots)
        name = getattr(rule, "__name__", "the tangent")
        piece = self.applied(rule, [self.made.result, *self.tree, *trees], params)
        outs = self.dots_of(piece.value, iter(piece.atoms), name)
        return Push(self.function("_jvp", params, piece.stmts, outs), positions, self.dotted)

    def vjp(self) -> Pull:
        f = self.f
        assert isinstance(f, CustomVjp)
        if f.fwd is None or f.bwd is None:
            self.refuse(f"`{f.__name__}` has no derivative rule yet", f"give it one with {f.__name__}.defvjp(fwd, bwd)")
        assert f.fwd is not None and f.bwd is not None
        ahead, back = getattr(f.fwd, "__name__", "fwd"), getattr(f.bwd, "__name__", "bwd")
        piece = self.applied(f.fwd, self.tree, self.params, like=True)
        out, residuals = self.pair(piece.value, ahead, "the value and the residuals")
        atoms = iter(piece.atoms)
        ys = self.outputs(out, atoms, ahead)
        self.widen(ys)
        forward = self.without_itself(self.function("_fwd", self.params, piece.stmts, (*ys, *atoms)))
        kept = variables_in([residuals])
        g, gs, seeds = self.cotangents()
        params = (*kept, *self.params, *gs)
        piece = self.applied(f.bwd, [*(self.tree[k] for k in self.fixed), residuals, g], params)
        found = self.targets(piece.value, piece.atoms, back, exact=True)
        backward = self.function("_bwd", params, piece.stmts, tuple(found.values()))
        return Pull(forward, backward, seeds, tuple(found))

    def without_itself(self, fn: Function) -> Function:
        """Put the function itself in the place of calls of it: the rule that they are in is theirs."""
        primal, env, keys = self.call.primal, dict[Var, Atom](), keys_after(fn.primal)
        assert primal is not None

        def read(a: Atom) -> Atom:
            return env.get(a, a) if isinstance(a, Var) else a

        def put(stmts: Sequence[Stmt]) -> Iterator[Stmt]:
            for stmt in stmts:
                blocks = tuple(replace(b, stmts=tuple(put(b.stmts))) for b in blocks_of(stmt))
                stmt = map_atoms(with_blocks(stmt, blocks), read)
                if isinstance(stmt, Eqn) and stmt.prim == "custom" and stmt.attrs[0] is self.call:
                    copies, results = copied(primal, stmt.args, keys)
                    yield from copies
                    env.update(zip(stmt.outs, results, strict=True))
                else:
                    yield stmt

        return replace(fn, primal=tuple(put(fn.primal)), outs=tuple(map(read, fn.outs)))

    def jvp(self) -> tuple[Push, ...]:
        f = self.f
        assert isinstance(f, CustomJvp)
        moving = [any(isinstance(v, Var) and v.type.inexact for v in leaves(tree)) for tree in self.tree]
        rule = f.rule_for(moving, self.results[0].type.rank if len(self.results) == 1 else None)
        if rule is not None:
            self.lo.depend(f, rule, getattr(f, rule))
            return (self.whole_jvp(getattr(f, rule)),)
        if not f.terms:
            self.refuse(f"`{f.__name__}` has no derivative rule yet", f"give it one with {f.__name__}.defjvp(rule)")
        if len(f.terms) != len(self.tree):
            self.refuse(f"defjvps of `{f.__name__}` gave {len(f.terms)} rules for {len(self.tree)} arguments")
        return tuple(self.jvp_term(k, rule) for k, rule in enumerate(f.terms) if rule is not None)

    def whole_jvp(self, rule: Rule) -> Push:
        name = getattr(rule, "__name__", "the rule")
        trees, dots, positions = self.tangents(self.free)
        primals: Node[Value] = Node("tuple", tuple(self.tree[k] for k in self.free))
        given: list[Value] = [*(self.tree[k] for k in self.fixed), primals, Node("tuple", tuple(trees))]
        piece = self.applied(rule, given, (*self.params, *dots))
        out, dot = self.pair(piece.value, name, "the value and its tangent")
        atoms = iter(piece.atoms)
        ys = self.outputs(out, atoms, name)
        self.widen(ys)
        outs = (*ys, *self.dots_of(dot, atoms, name))
        fn = self.function("_jvp", (*self.params, *dots), piece.stmts, outs)
        return Push(fn, positions, self.dotted, whole=True)

    def jvp_term(self, argument: int, rule: Rule) -> Push:
        (tree,), dots, positions = self.tangents([argument])
        params = (*self.params, *self.results, *dots)
        piece = self.applied(rule, [tree, self.made.result, *self.tree], params)
        outs = self.dots_of(piece.value, iter(piece.atoms), getattr(rule, "__name__", "the rule"))
        return Push(self.function("_jvp", params, piece.stmts, outs), positions, self.dotted)
