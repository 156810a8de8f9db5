"""Statements: equations as assignments and stores, ifs, and the ends of functions."""

from __future__ import annotations

import abc
import ast
from collections.abc import Iterable, Sequence
from typing import Final

from adcompile.analysis.storage import has_storage
from adcompile.emit import lists, moves, paths, syntax
from adcompile.emit.choices import is_undefined
from adcompile.emit.effects import SPECIAL
from adcompile.emit.expressions import Expressions
from adcompile.emit.plan import Origin, Pairs, Plan, Result, moved
from adcompile.ir.core import Atom, Block, Eqn, If, Stmt, Var, operands, same_atom, variables
from adcompile.ir.lists import READ, STORES, VIEW, in_row
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.types import numpy_dtype

AUGMENTED: Final = frozenset({"add", "sub", "mul", "div", "floordiv", "mod", "pow", "acc", "matmul"})


class StatementWriter(abc.ABC):
    """Writes the statements of blocks; `origins` says where each came from."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names, self.trees, self.exits = plan.names, plan.trees, plan.exits
        self.write = Expressions(plan.trees.of, plan.names, plan.tapes, self.is_plain)
        self.origins: dict[ast.stmt, Origin] = {}
        self.moved = moved(plan)

    def is_plain(self, eqn: Eqn) -> bool:
        """Tell whether the user wrote a call of a NumPy function where a method would do."""
        return eqn in self.plan.primal and (eqn.span is None or f".{eqn.prim}(" not in eqn.span.text.replace("np.", ""))

    # -- blocks

    def body(self, stmts: Iterable[Stmt]) -> list[ast.stmt]:
        return [written for stmt in stmts for written in self.statement(stmt)]

    def statement(self, stmt: Stmt) -> list[ast.stmt]:
        if self.is_silent(stmt):
            return []
        if isinstance(stmt, Eqn):
            return [self.note(s, stmt) for s in self.equation(stmt)]
        written = self.branches(stmt) if isinstance(stmt, If) else self.loop(stmt)
        return [*self.opened(stmt), *(self.belongs(s, stmt) for s in written)]

    def opened(self, stmt: Stmt) -> list[ast.stmt]:
        """Write the lists that stand for the tapes of a statement."""
        return [syntax.assign([tape], ast.List([], ast.Load())) for tape in self.plan.openings.get(stmt, ())]

    @abc.abstractmethod
    def loop(self, stmt: Stmt) -> list[ast.stmt]:
        """Write a loop: the one statement that a layer above knows how to write."""

    def is_silent(self, stmt: Stmt) -> bool:
        """Tell whether a statement is written elsewhere: where its result is read, or with the loop before it."""
        return (bool(stmt.outs) and stmt.outs[0] in self.trees.of) or stmt in self.exits.clauses

    def note(self, written: ast.stmt, stmt: Stmt) -> ast.stmt:
        opens = isinstance(stmt, Eqn) and stmt.prim == "zeros_like"
        span = None if opens else stmt.span
        self.origins[written] = Origin(span, stmt in self.plan.primal, self.within(stmt), opens)
        return written

    def belongs(self, written: ast.stmt, stmt: Stmt) -> ast.stmt:
        """Remember which statement a piece belongs to that has no comment of its own."""
        if written not in self.origins:
            self.origins[written] = Origin(None, stmt in self.plan.primal, self.within(stmt))
        return written

    def within(self, stmt: Stmt) -> tuple[Stmt, ...]:
        """Return a statement and those that are folded into it."""
        return stmt, *self.folded(operands(stmt))

    def folded(self, atoms: Iterable[Atom]) -> tuple[Stmt, ...]:
        """Return the statements that are written where values are read."""
        found: dict[Stmt, None] = {}
        todo = variables(atoms)
        while todo:
            tree = self.trees.of.get(todo.pop())
            if tree is not None and tree not in found:
                found[tree] = None
                ends = () if isinstance(tree, Eqn) else (*tree.then.yields, *tree.orelse.yields)
                todo += variables((*operands(tree), *ends))
        return tuple(found)

    def moves(self, pairs: Pairs) -> list[ast.stmt]:
        """Write assignments that happen at once."""
        written = []
        for target, source in pairs:
            if target in self.exits.ghosts:
                continue
            if not is_undefined(source):
                written.append((self.names[target], self.write.atom(source)))
            elif target in self.moved:  # bound to something, since a move to another name will read it
                written.append((self.names[target], ast.Constant(None)))
        return moves.sequence(written)

    # -- equations

    def equation(self, eqn: Eqn) -> list[ast.stmt]:
        special = SPECIAL.get(eqn.prim)
        if special is not None:
            return [special(self, eqn)]
        if PRIMITIVES[eqn.prim].updates and has_storage(eqn.out) and not self.is_folded(eqn.args[0]):
            return self.update(eqn)
        return [self.assignment(eqn)]

    def is_folded(self, a: Atom) -> bool:
        return isinstance(a, Var) and a in self.trees.of

    def targets(self, eqn: Eqn) -> list[str]:
        return [self.names[v] if self.plan.read.get(v) else "_" for v in eqn.outs]

    def assignment(self, eqn: Eqn) -> ast.stmt:
        target = self.names[eqn.out] if len(eqn.outs) == 1 else ""
        if not target:
            return syntax.assign(self.targets(eqn), self.write.equation(eqn))
        grown = self.grown(eqn, target)
        if grown is not None:
            return grown
        operand = self.augmented(eqn, target)
        if operand is not None:
            return syntax.augment(ast.Name(target, ast.Load()), eqn.prim, self.write.atom(operand))
        return syntax.assign([target], self.write.equation(eqn))

    def augmented(self, eqn: Eqn, target: str) -> Atom | None:
        """Return what is added if an assignment may be written ``s += ...``; only numbers, since it modifies arrays."""
        if eqn.prim not in AUGMENTED or has_storage(eqn.out) or any(map(has_storage, eqn.args)):
            return None
        if eqn in self.plan.primal and eqn.span is not None and not self.wrote_augmented(eqn):
            return None
        x, y = eqn.args
        if self.is_named(x, target):
            return y
        return x if eqn.prim == "acc" and self.is_named(y, target) else None

    def grown(self, eqn: Eqn, target: str) -> ast.stmt | None:
        """Write an adjoint number that several contributions are added to: ``x_bar += g + h``."""
        terms = self.write.terms(eqn) if eqn.prim == "acc" and not has_storage(eqn.out) else []
        if len(terms) < 2 or not self.is_named(terms[0], target):
            return None
        return syntax.augment(
            ast.Name(target, ast.Load()), "acc", syntax.sum_of(list(map(self.write.atom, terms[:0:-1])))
        )

    def is_named(self, a: Atom, name: str) -> bool:
        return isinstance(a, Var) and a not in self.trees.of and self.names[a] == name

    def wrote_augmented(self, eqn: Eqn) -> bool:
        return eqn.span is not None and f"{syntax.SYMBOLS[eqn.prim]}=" in eqn.span.text

    def update(self, eqn: Eqn) -> list[ast.stmt]:
        """Write a store to the buffer of the first operand."""
        base, *rest = eqn.args
        value = rest[0] if rest else base
        assert isinstance(base, Var)
        if eqn.prim in lists.CHANGES:
            read = [v for v in eqn.outs[1:] if self.plan.read.get(v)]
            written = lists.change(eqn, self.write.atom, self.names[read[0]] if read else None)
        elif eqn.prim == "acc":
            written = syntax.augment(ast.Name(self.names[base], ast.Load()), "acc", self.write.atom(value))
        elif eqn.prim in ("index_add", in_row("index_add")):
            written = self.add_at(eqn)
        else:
            written = self.store(eqn)
        done = [written]
        if self.names[base] != self.names[eqn.out]:
            done.append(syntax.assign([self.names[eqn.out]], ast.Name(self.names[base], ast.Load())))
        return done

    def place(self, eqn: Eqn, *, augmented: bool = False) -> ast.expr:
        """Write the part of an array, or of an array in a list, that an equation stores to."""
        base, _, atoms = parts_of(eqn)
        written = self.write.atom(base)
        if eqn.prim in STORES:
            written = ast.Subscript(written, self.write.atom(eqn.args[1]), ast.Load())
            if augmented and eqn.attrs[0] == ("e",):
                return written
        return paths.store_target(written, eqn.attrs[0], [self.write.atom(a) for a in atoms])

    def add_at(self, eqn: Eqn) -> ast.stmt:
        """Write ``x_bar[i] += g``, or np.add.at where an element may be selected more than once."""
        place, value = self.place(eqn, augmented=True), self.write.atom(parts_of(eqn)[1])
        if not paths.selects_with_arrays(eqn.attrs[0]) or self.selects_once(eqn):
            return syntax.augment(place, "acc", value)
        assert isinstance(place, ast.Subscript)
        return syntax.evaluated(syntax.call("np.add.at", place.value, paths.value_of(place.slice), value))

    def selects_once(self, eqn: Eqn) -> bool:
        """Tell whether one of the arrays that a path selects with counts: ``x[np.arange(n), k]``."""
        (path,), (_, _, indices) = eqn.attrs, parts_of(eqn)
        if not isinstance(path, tuple) or len(path) != 1 or not set(path[0]) <= {"a", "i"}:
            return False
        arrays = [a for a, code in zip(indices, path[0], strict=True) if code == "a"]
        same = self.plan.fn.facts.same_dims
        aligned = all(a.type.rank == 1 and same(a.type.dims, arrays[0].type.dims) for a in arrays)
        return aligned and any(isinstance(a, Var) and a in self.plan.counting for a in arrays)

    def store(self, eqn: Eqn) -> ast.stmt:
        """Write ``x[i] = v``, or ``x[i] *= v`` where v is computed from x[i]."""
        base, value, _ = parts_of(eqn)
        tree = self.trees.of.get(value) if isinstance(value, Var) else None
        if isinstance(tree, Eqn) and tree.prim in AUGMENTED - {"acc", "matmul"} and self.reads_place(tree.args[0], eqn):
            same = numpy_dtype(tree.out.type) == numpy_dtype(base.type)
            if self.wrote_augmented(tree) or (same and eqn not in self.plan.primal):
                return syntax.augment(self.place(eqn, augmented=True), tree.prim, self.write.atom(tree.args[1]))
        if isinstance(tree, Eqn) and tree.prim == "mul" and self.reads_place(tree.args[1], eqn):
            same = numpy_dtype(tree.out.type) == numpy_dtype(base.type)
            if same and eqn not in self.plan.primal:
                return syntax.augment(self.place(eqn, augmented=True), tree.prim, self.write.atom(tree.args[0]))
        return syntax.store(self.place(eqn), self.write.atom(value))

    def reads_place(self, a: Atom, eqn: Eqn) -> bool:
        """Tell whether a folded value is what the place that an equation stores to held before."""
        base, _, atoms = parts_of(eqn)
        if a is base and eqn.attrs[0] in ((), ("e",)):
            return True
        tree = self.trees.of.get(a) if isinstance(a, Var) else None
        read = self.plan.reads.get(a) if tree is None and isinstance(a, Var) and a.type.is_array else tree
        row = eqn.args[1:2] if eqn.prim in STORES else ()
        prims = (READ, VIEW) if row else ("index",)
        if not isinstance(read, Eqn) or read.prim not in prims or read.attrs != eqn.attrs:
            return False
        place = (base, *row, *atoms)
        return len(read.args) == len(place) and all(map(same_atom, read.args, place))

    # -- branches

    def branches(self, stmt: If) -> list[ast.stmt]:
        if stmt in self.trees.chosen and not self.keeps_value(stmt):
            choice = self.write.choice(stmt)
            return [self.note(syntax.assign([self.names[stmt.outs[0]]], choice), stmt)]
        then, orelse = (self.branch(stmt.outs, b) for b in (stmt.then, stmt.orelse))
        return self.conditional(stmt.cond, then, orelse)

    def keeps_value(self, stmt: If) -> bool:
        """Tell whether one branch leaves the variable as it is, so that a one-sided if says it better."""
        (out,) = stmt.outs
        return any(self.is_named(b.yields[0], self.names[out]) for b in (stmt.then, stmt.orelse))

    def branch(self, outs: Sequence[Var], block: Block) -> list[ast.stmt]:
        return self.body(block.stmts) + self.moves(list(zip(outs, block.yields, strict=True)))

    def conditional(self, cond: Atom, then: list[ast.stmt], orelse: list[ast.stmt]) -> list[ast.stmt]:
        if then:
            return [ast.If(self.write.atom(cond), then, orelse)]
        if orelse:
            return [ast.If(syntax.opposite(self.write.atom(cond)), orelse, [])]
        return []

    # -- the end of a function

    def ends(self, stmts: Sequence[Stmt], outs: Sequence[Atom], result: Result) -> list[ast.stmt]:
        """Write statements and the return; an if that only chooses what is returned returns from its branches."""
        spoken = [s for s in stmts if not self.is_silent(s)]
        last = spoken[-1] if spoken else None
        if isinstance(last, If) and last in self.trees.returning:
            sides = []
            for block in (last.then, last.orelse):
                env = dict(zip(last.outs, block.yields, strict=True))
                ends = [env.get(a, a) if isinstance(a, Var) else a for a in outs]
                sides.append(self.ends(block.stmts, ends, result))
            head = [*self.body(spoken[:-1]), *self.opened(last)]
            return [*head, ast.If(self.write.atom(last.cond), sides[0], []), *sides[1]]
        return [*self.body(spoken), self.returned(outs, result)]

    def returned(self, outs: Sequence[Atom], result: Result) -> ast.stmt:
        """Write the return."""
        written = ast.Return(result(outs))
        folded = self.folded(outs)
        if folded:
            self.origins[written] = Origin(None, not self.plan.fn.adjoint, folded)
        return written


def parts_of(eqn: Eqn) -> tuple[Atom, Atom, list[Atom]]:
    """Return what a store stores to, what it stores, and the operands of its path."""
    base, *rest = eqn.args
    value, *atoms = rest[1:] if eqn.prim in STORES else rest
    return base, value, atoms
