"""Split statements so that each does one thing that may raise.

    y = f(a) * g(b) / c     ->     .t1 = f(a); .t2 = g(b); .t3 = .t1 * .t2; .t4 = .t3 / c; y = .t4

What a statement assigns is assigned last, so that nothing is assigned when it raises. Conditional expressions, `and`
and `or` become ifs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from adcompile.frontend.nodes import walk

RAISING: Final = ast.Call | ast.Subscript
DIVISIONS: Final = ast.Div | ast.FloorDiv | ast.Mod | ast.Pow
SIMPLE: Final = ast.Name | ast.Constant


def may_raise(node: ast.AST) -> bool:
    """Tell whether an expression or statement has a part that may raise: a call, a division, a subscript."""
    stack = [node]
    while stack:
        n = stack.pop()
        if isinstance(n, RAISING) or (isinstance(n, ast.BinOp | ast.AugAssign) and isinstance(n.op, DIVISIONS)):
            return True
        # What a lambda does is done where it is called.
        stack += [n.args] if isinstance(n, ast.Lambda) else ast.iter_child_nodes(n)
    return False


def parts_of(stmt: ast.stmt) -> str:
    """Return how the names of the parts of a statement begin."""
    return f".t{stmt.lineno}_{stmt.col_offset}_"


_lasts: dict[ast.stmt, str] = {}
_olds: dict[ast.stmt, ast.Name] = {}
_wholes: dict[ast.stmt, ast.stmt] = {}


def whole(stmt: ast.stmt) -> ast.stmt:
    """Return the statement that one is a part of; itself if it is as the user wrote it."""
    while stmt in _wholes:
        stmt = _wholes[stmt]
    return stmt


def part_of(stmt: ast.stmt, parts: Iterable[ast.stmt]) -> None:
    """Note that statements stand for a part of another one."""
    _wholes.update(dict.fromkeys(parts, stmt))


def ends(stmt: ast.stmt) -> str | None:
    """Return how the names of the parts begin that a statement is the last to read; None if it is not the last."""
    return _lasts.get(stmt)


def read_before(stmt: ast.AugAssign) -> ast.Name | None:
    """Return the name of what the target of an augmented assignment was before its value was computed, if any."""
    return _olds.get(stmt)


def may_raise_before(target: ast.expr) -> bool:
    """Tell whether the parts of an assignment's target, which come after its value, do anything that may raise."""
    parts = ast.iter_child_nodes(target) if isinstance(target, ast.Subscript | ast.Attribute) else ()
    return any(map(may_raise, parts))


def is_part(name: str) -> bool:
    """Tell whether a name is that of a part of a statement."""
    return name.startswith(".t") and name[2:3].isdigit()


@lru_cache(maxsize=4096)
def split(stmt: ast.stmt, shared: frozenset[str]) -> tuple[ast.stmt, ...]:
    """Return the statements that a statement is split into; itself if there is nothing to split.

    `shared` are the names that what is called may bind to something else.
    """
    if whole(stmt) is not stmt:
        return (stmt,)
    splitter = _Splitter(stmt, shared)
    new: ast.stmt
    match stmt:
        case ast.Assign(targets=targets, value=value) if may_raise(stmt):
            new = splitter.assignment(targets, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value) if may_raise(stmt):
            new = ast.Assign([splitter.target(target)], splitter.part(value))
        case ast.AugAssign(target=target, op=op, value=value) if may_raise(stmt) and not splitter.is_done(stmt):
            new = splitter.augmented(target, op, value)
        case ast.Expr(value=value) if may_raise(value):
            new = ast.Expr(splitter.part(value))
        case ast.If(test=test, body=body, orelse=orelse) if may_raise(test):
            new = ast.If(splitter.part(test), body, orelse)
        case ast.Assert(test=test, msg=msg):
            failure = ast.Constant(AssertionError)  # type: ignore[arg-type]  # never compiled
            error = ast.Call(ast.copy_location(failure, stmt), [] if msg is None else [msg], [])
            raised = ast.copy_location(ast.Raise(ast.copy_location(error, stmt), None), stmt)
            new = ast.If(splitter.part(test), [], [raised])
        case _:
            return (stmt,)
    last = ast.copy_location(new, stmt)
    _lasts[last] = parts_of(stmt)
    _wholes[last] = stmt
    _wholes.update({n: stmt for part in splitter.done for n in walk(part) if isinstance(n, ast.stmt)})
    return (*splitter.done, last)


def _renamed(target: ast.expr, name: str) -> ast.expr:
    """Return the target of an assignment with a name instead, starred if it is."""
    new: ast.expr = ast.copy_location(ast.Name(name, ast.Store()), target)
    return ast.copy_location(ast.Starred(new, ast.Store()), target) if isinstance(target, ast.Starred) else new


class _Splitter:
    def __init__(self, stmt: ast.stmt, shared: frozenset[str]) -> None:
        self.stmt, self.shared = stmt, shared
        self.done: list[ast.stmt] = []
        self.count = 0

    def fresh(self) -> str:
        self.count += 1
        return f"{parts_of(self.stmt)}{self.count}"

    def assign(self, name: str, value: ast.expr) -> ast.stmt:
        target = ast.copy_location(ast.Name(name, ast.Store()), value)
        return ast.copy_location(ast.Assign([target], value), value)

    def named(self, value: ast.expr) -> ast.expr:
        name = self.fresh()
        self.done.append(self.assign(name, value))
        return ast.copy_location(ast.Name(name, ast.Load()), value)

    def is_done(self, stmt: ast.AugAssign) -> bool:
        """Tell whether the operands of an augmented assignment to a name can be tested as they are."""
        return isinstance(stmt.target, ast.Name) and isinstance(stmt.value, SIMPLE)

    def assignment(self, targets: list[ast.expr], value: ast.expr) -> ast.stmt:
        """Split an assignment; what it assigns to parts of arrays and containers it assigns one by one."""
        *first, last = targets
        if not first and not isinstance(last, ast.Tuple | ast.List):
            new = self.operand(value) if may_raise_before(last) else self.part(value)
            return ast.Assign([self.target(last)], new)
        held = self.operand(value)
        for target in first:
            self.done.append(ast.copy_location(self.one(target, held), target))
        return self.one(last, held)

    def one(self, target: ast.expr, held: ast.expr) -> ast.stmt:
        """Return the last of the statements that assign a value to one target."""
        if not (isinstance(target, ast.Tuple | ast.List) and may_raise(target)):
            return ast.Assign([self.target(target)], held)
        first = next(k for k, t in enumerate(target.elts) if may_raise(t))
        names = [self.fresh() if k >= first else "" for k in range(len(target.elts))]  # what is stored is in order
        stored = [_renamed(t, name) if name else t for name, t in zip(names, target.elts, strict=True)]
        unpacked = ast.Assign([ast.copy_location(ast.Tuple(stored, ast.Store()), target)], held)
        self.done.append(ast.copy_location(unpacked, target))
        for name, t in zip(names, target.elts, strict=True):
            if name:
                item = ast.copy_location(ast.Name(name, ast.Load()), t)
                inner = t.value if isinstance(t, ast.Starred) else t
                self.done.append(ast.copy_location(self.one(inner, item), t))
        return ast.Pass()

    def augmented(self, target: ast.expr, op: ast.operator, value: ast.expr) -> ast.stmt:
        """Split ``target op= value``: what it reads is read before `value`, and what it divides is divided before."""
        assigned = {n.target.id for n in walk(value) if isinstance(n, ast.NamedExpr)}
        later, self.shared = bool(assigned) or may_raise(value), self.shared | assigned
        place = self.target(target, kept=later)
        assert isinstance(place, ast.Name | ast.Attribute | ast.Subscript)
        divides, old = isinstance(op, DIVISIONS), None
        if isinstance(place, ast.Subscript):
            old = self.named(ast.copy_location(ast.Subscript(place.value, place.slice, ast.Load()), place))
        elif isinstance(place, ast.Attribute) and (divides or later):
            old = self.named(ast.copy_location(ast.Attribute(place.value, place.attr, ast.Load()), place))
        elif isinstance(place, ast.Name) and place.id in self.shared and later:
            old = self.named(ast.copy_location(ast.Name(place.id, ast.Load()), place))
        value = self.operand(value)
        if old is not None and divides:
            self.named(ast.copy_location(ast.BinOp(old, op, value), place))
        new = ast.AugAssign(place, op, value)
        if isinstance(old, ast.Name) and later:
            _olds[new] = old
        return new

    def target(self, node: ast.expr, kept: bool = False) -> ast.expr:
        """Split the parts of an assignment target; they are to be `kept` as they are while something else is done."""
        match node:
            case ast.Subscript(value=value, slice=index):
                base, at = self.parts([value, index])
                base, at = self.simple(base), self.index(at)
                if kept:
                    base, at = self.held(base), self.held(at)
                return ast.copy_location(ast.Subscript(base, at, node.ctx), node)
            case ast.Attribute(value=value, attr=attr):
                base = self.operand(value)
                return ast.copy_location(ast.Attribute(self.held(base) if kept else base, attr, node.ctx), node)
            case _:
                return node

    def held(self, node: ast.expr) -> ast.expr:
        """Give what a shared name stands for now a name that nobody changes."""
        return self.named(node) if isinstance(node, ast.Name) and node.id in self.shared else node

    def operand(self, node: ast.expr) -> ast.expr:
        """Split an operand of what may raise: in the end it is a name or a constant, which can be tested."""
        return self.simple(self.part(node))

    def simple(self, node: ast.expr) -> ast.expr:
        return node if isinstance(node, SIMPLE) else self.named(node)

    def argument(self, node: ast.expr) -> ast.expr:
        """Give an argument that is computed a name."""
        return self.simple(node) if isinstance(node, ast.BinOp | ast.UnaryOp) else node

    def index(self, node: ast.expr) -> ast.expr:
        """Give the parts of a subscript names."""
        match node:
            case ast.Tuple(elts=elts):
                return ast.copy_location(ast.Tuple([self.index(e) for e in elts], ast.Load()), node)
            case ast.Slice() | ast.Starred():
                return node
        return self.simple(node)

    def part(self, node: ast.expr) -> ast.expr:
        if not may_raise(node):
            return node
        match node:
            case ast.IfExp(test=test, body=body, orelse=orelse):
                name = self.fresh()
                sides = [self.branch(name, side) for side in (body, orelse)]
                self.done.append(ast.copy_location(ast.If(self.part(test), *sides), node))
                return ast.copy_location(ast.Name(name, ast.Load()), node)
            case ast.BoolOp(op=op, values=values):
                return self.boolean(node, op, values)
            case ast.BinOp(left=left, op=op, right=right):
                first, second = self.parts([left, right])
                if isinstance(op, DIVISIONS):
                    first, second = self.simple(first), self.simple(second)
                return self.kept(ast.BinOp(first, op, second), node)
            case ast.UnaryOp(op=unary, operand=operand):
                return ast.copy_location(ast.UnaryOp(unary, self.part(operand)), node)
            case ast.Compare(comparators=[_, *later]) if any(map(may_raise, later)):
                return self.boolean(node, ast.And(), self.links(node))
            case ast.Compare(left=left, ops=ops, comparators=others):
                first, *rest = self.parts([left, *others])
                return ast.copy_location(ast.Compare(first, ops, rest), node)
            case ast.Call(func=func, args=args, keywords=keywords):
                callee = self.callee(func)
                parts = [self.argument(p) for p in self.parts([*args, *(k.value for k in keywords)])]
                given = zip(keywords, parts[len(args) :], strict=True)
                named = [ast.copy_location(ast.keyword(k.arg, value), k) for k, value in given]
                return self.kept(ast.Call(callee, parts[: len(args)], named), node)
            case ast.Subscript(value=value, slice=index):
                base, at = self.parts([value, index])
                return self.kept(ast.Subscript(self.simple(base), self.index(at), ast.Load()), node)
            case ast.Attribute(value=value, attr=attr):
                return ast.copy_location(ast.Attribute(self.part(value), attr, ast.Load()), node)
            case ast.NamedExpr(target=target, value=value):
                self.done.append(self.assign(target.id, self.part(value)))
                return ast.copy_location(ast.Name(target.id, ast.Load()), node)
            case ast.Starred(value=value):
                return ast.copy_location(ast.Starred(self.part(value), ast.Load()), node)
            case ast.Tuple(elts=elts):
                return ast.copy_location(ast.Tuple(self.parts(elts), ast.Load()), node)
            case ast.List(elts=elts):
                return ast.copy_location(ast.List(self.parts(elts), ast.Load()), node)
        return self.named(node)

    def parts(self, nodes: Sequence[ast.expr]) -> list[ast.expr]:
        """Split operands; what is read before an operation that may raise, or change it, gets a name."""
        out: list[ast.expr] = []
        for k, node in enumerate(nodes):
            part = self.part(node)
            out.append(self.early(part) if any(map(may_raise, nodes[k + 1 :])) else part)
        return out

    def early(self, node: ast.expr) -> ast.expr:
        """Evaluate what is left of an operand now."""
        if isinstance(node, ast.Starred):
            return ast.copy_location(ast.Starred(self.early(node.value), ast.Load()), node)
        if isinstance(node, ast.Constant | ast.Lambda | ast.Slice) or (isinstance(node, ast.Name) and is_part(node.id)):
            return node
        return self.named(node)

    def callee(self, func: ast.expr) -> ast.expr:
        if isinstance(func, ast.Attribute):
            return ast.copy_location(ast.Attribute(self.part(func.value), func.attr, ast.Load()), func)
        return self.part(func)

    def kept(self, new: ast.expr, old: ast.expr) -> ast.expr:
        """Name the result of an operation that may raise."""
        new = ast.copy_location(new, old)
        return new if isinstance(new, ast.BinOp) and not isinstance(new.op, DIVISIONS) else self.named(new)

    def branch(self, name: str, value: ast.expr) -> list[ast.stmt]:
        """Return the statements that compute a side of a choice."""
        outer, self.done = self.done, []
        last = self.part(value)
        done, self.done = self.done, outer
        return [*done, self.assign(name, last)]

    def links(self, node: ast.Compare) -> list[ast.expr]:
        """Return the comparisons that a chain of them is the conjunction of."""
        left, found = node.left, list[ast.expr]()
        for op, right in zip(node.ops, node.comparators, strict=True):
            name = self.fresh()
            held = ast.NamedExpr(ast.copy_location(ast.Name(name, ast.Store()), right), right)
            found.append(ast.copy_location(ast.Compare(left, [op], [ast.copy_location(held, right)]), node))
            left = ast.copy_location(ast.Name(name, ast.Load()), right)
        return found

    def boolean(self, node: ast.expr, op: ast.boolop, values: list[ast.expr]) -> ast.expr:
        name = self.fresh()
        self.done += self.branch(name, values[0])
        for value in values[1:]:
            first = ast.copy_location(ast.Name(name, ast.Load()), node)
            then, orelse = self.branch(name, value), list[ast.stmt]()
            sides = (then, orelse) if isinstance(op, ast.And) else (orelse, then)
            self.done.append(ast.copy_location(ast.If(first, *sides), node))
        return ast.copy_location(ast.Name(name, ast.Load()), node)
