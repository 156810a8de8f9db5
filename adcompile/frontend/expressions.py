"""Lower expressions. Calls are in `calls`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from adcompile.frontend import (
    access,
    birthplaces,
    branches,
    calls,
    containers,
    generators,
    identity,
    iteration,
    lists,
    membership,
    objects,
    overloading,
    rows,
    run_texts,
    texts,
)
from adcompile.frontend.frames import Conflict, Unbound, function_frame, lookup_local
from adcompile.frontend.operators import BINARY, COMPARE, UNARY, apply_binary
from adcompile.frontend.optionals import is_optional, narrowed, used
from adcompile.frontend.values import (
    LocalFunction,
    Ref,
    Rows,
    Value,
)
from adcompile.ir.core import FALSE, TRUE, UNDEFINED, Atom, Const, Eqn, Stmt, Var, is_none
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def evaluate(lo: Lowering, node: ast.expr) -> Value:
    """Lower an expression whose value is used: it must not be None, unless it always is."""
    value = used(lo, or_none(lo, node), node)
    if isinstance(value, Const) and isinstance(value.value, Conflict):
        lo.refuse_conflict(node, "this", value.value, "read here", "give it one kind of value on every path")
    return value


def or_none(lo: Lowering, node: ast.expr) -> Value:
    """Lower an expression whose value may be None at run time."""
    since = lo.cell_count
    value = lo.current(expression(lo, node))
    if lo.cell_count > since and isinstance(value, Node | Rows | Ref) and not lo.frame.rule:
        value = birthplaces.made(lo, value, node, since)
    return narrowed(lo, value)


def expression(lo: Lowering, node: ast.expr) -> Value:
    match node:
        case ast.Constant():
            return Const(node.value)
        case ast.Name():
            return name_value(lo, node.id, node)
        case ast.BinOp():
            return binary(lo, node)
        case ast.UnaryOp():
            return unary(lo, node)
        case ast.Compare():
            return compare(lo, node)
        case ast.BoolOp():
            return boolean(lo, isinstance(node.op, ast.And), node.values)
        case ast.IfExp():
            return conditional(lo, node)
        case ast.List() if any(isinstance(element, ast.Starred) for element in node.elts):
            return lists.display(lo, node)
        case ast.Tuple() | ast.List():
            return lo.container("tuple" if isinstance(node, ast.Tuple) else "list", elements(lo, node.elts))
        case ast.Dict():
            return containers.dict_display(lo, node)
        case ast.Set():
            return containers.make_set(lo, elements(lo, node.elts), node)
        case ast.DictComp():
            return containers.dict_comprehension(lo, node)
        case ast.SetComp():
            return containers.make_set(lo, iteration.known_items(lo, node, iteration.LONGEST_UNROLLED), node)
        case ast.Subscript():
            return access.read_item(lo, evaluate(lo, node.value), node)
        case ast.Attribute():
            return access.attribute(lo, evaluate(lo, node.value), node.attr, node)
        case ast.Call():
            return calls.call_node(lo, node)
        case ast.Lambda():
            return LocalFunction(node, lo.frame, defaults(lo, node.args))
        case ast.GeneratorExp():
            return generators.expression(lo, node)
        case ast.ListComp():
            return iteration.comprehension(lo, node)
        case ast.JoinedStr():
            return texts.message(lo, node)
        case ast.NamedExpr(target=ast.Name(id=name)):
            from adcompile.frontend.assignment import bind

            value = or_none(lo, node.value)
            bind(lo, name, value, function_frame(lo.frame))
            return value
        case ast.Slice():
            return access.slice_(lo, node)
    lo.refuse(node, f"`{type(node).__name__}` expressions cannot be differentiated", "here")


# -- names


def name_value(lo: Lowering, name: str, node: ast.AST) -> Value:
    """Return what a name stands for."""
    value = lookup_local(lo.frame, name)
    value = value if value is None else lo.unboxed(value)
    if value is UNDEFINED:
        plans = (lo.plans.get((loop, lo.frame.calls)) for loop in lo.frame.loops)
        reason = next((plan.dropped[name] for plan in plans if plan is not None and name in plan.dropped), None)
        if reason is not None:
            advice = "give it one kind of value on every path: begin with an array for a sum of arrays"
            raise Unbound(f"`{name}` {reason}", lo.span(node), "read here, on the next trip", advice)
        raise Unbound(f"`{name}` is read before it is assigned", lo.span(node), "not assigned on this path")
    if isinstance(value, Const) and isinstance(value.value, Conflict):
        lo.refuse_conflict(node, f"`{name}`", value.value, "read here", "give it one kind of value on every path")
    if value is not None:
        return value
    guest = lo.frame.guest(name)
    if guest is None:
        return lo.free_name(name, node)
    with lo.inside(guest[0]):
        return name_value(lo, guest[1], node)


def defaults(lo: Lowering, args: ast.arguments) -> Mapping[str, Value]:
    """Evaluate the defaults of a function made inside the function."""
    names = [a.arg for a in (*args.posonlyargs, *args.args)]
    out = dict(zip(names[len(names) - len(args.defaults) :], (or_none(lo, d) for d in args.defaults), strict=True))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if default is not None:
            out[arg.arg] = or_none(lo, default)
    return out


# -- operators


def binary(lo: Lowering, node: ast.BinOp) -> Value:
    """Lower a binary operation; a long chain of them is taken from the left, without recursion."""
    chain: list[ast.BinOp] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        chain.append(left)
        left = left.left
    value = evaluate(lo, left)
    for link in reversed(chain):
        right = evaluate(lo, link.right)
        value = apply_binary(lo, BINARY[type(link.op)], value, right, link)
    return value


def unary(lo: Lowering, node: ast.UnaryOp) -> Value:
    value = evaluate(lo, node.operand)
    if isinstance(node.op, ast.Not):
        return negate(lo, truth(lo, value, node))
    name = {ast.UAdd: "__pos__", ast.USub: "__neg__", ast.Invert: "__invert__"}[type(node.op)]
    own = objects.special(lo, value, name, [], node)
    if own is not None:
        return own
    if isinstance(node.op, ast.UAdd):
        plain = number(lo, value, node)
        return plain if plain.type.is_scalar and not is_bool(lo, plain) else lo.emit(node, "positive", plain)
    return lo.emit(node, UNARY[type(node.op)], number(lo, value, node))


def negate(lo: Lowering, cond: Atom) -> Atom:
    if isinstance(cond, Const):
        return Const(not cond.value)
    negation = lo.builder.definition(cond, "not")
    return lo.builder.emit("not", cond) if negation is None or not is_bool(lo, negation.args[0]) else negation.args[0]


def compare(lo: Lowering, node: ast.Compare) -> Value:
    """Lower a comparison; ``a < b < c`` is ``a < b and b < c`` with b evaluated once, and c only where a < b."""
    return compared(lo, node, or_none(lo, node.left), 0)


def compared(lo: Lowering, node: ast.Compare, left: Value, k: int) -> Value:
    """Lower a comparison from its operator k on."""
    right = or_none(lo, node.comparators[k])
    found = comparison(lo, node.ops[k], left, right, node)
    if k + 1 == len(node.ops):
        return found
    return conjoined(lo, node, True, truth(lo, found, node), lambda: truth(lo, compared(lo, node, right, k + 1), node))


def both(lo: Lowering, a: Atom, b: Atom) -> Atom:
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Const):
            return y if x.value else FALSE
    return lo.builder.emit("and", a, b)


def comparison(lo: Lowering, op: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Value:
    if is_optional(left) or is_optional(right):
        absent = absence(lo, op, left, right, node)
        if absent is not None:
            return absent if isinstance(op, ast.Is | ast.Eq) else negate(lo, absent)
        left, right = used(lo, left, node), used(lo, right, node)
    match op:
        case ast.Is() | ast.IsNot():
            same = identity.same(lo, left, right, node)
            return same if isinstance(op, ast.Is) else negate(lo, same)
        case ast.In() | ast.NotIn():
            inside = membership.contains(lo, right, left, node)
            return inside if isinstance(op, ast.In) else negate(lo, inside)
    return apply_binary(lo, COMPARE[type(op)], left, right, node)


def absence(lo: Lowering, op: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Atom | None:
    """Return whether two values, of which one may be None, are the same; None where a comparison needs the values."""
    if not isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq | ast.In | ast.NotIn):
        return None
    for one, other in ((left, right), (right, left)):
        if is_none(one) and is_optional(other) and not isinstance(op, ast.In | ast.NotIn):
            present, held = other.children
            if isinstance(op, ast.Is | ast.IsNot) or not lo.type_of(held).is_array:
                return negate(lo, lo.atom(present))
        if is_optional(one) and run_texts.is_text(other) and isinstance(op, ast.Eq | ast.NotEq):
            return is_that_text(lo, one, other, node)
    lo.refuse(node, "one side of this comparison may be None", "here", "test whether it is None first, with `is None`")


def is_that_text(lo: Lowering, value: Node[Value], text: Value, node: ast.AST) -> Atom:
    """Lower ``value == text`` of what may be None."""
    present, held = value.children
    return short_circuit(
        lo, node, True, lo.atom(present), lambda: truth(lo, apply_binary(lo, "eq", held, text, node), node)
    )


def either(lo: Lowering, a: Atom, b: Atom) -> Atom:
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Const):
            return TRUE if x.value else y
    return lo.builder.emit("or", a, b)


def boolean(lo: Lowering, conjunction: bool, operands: list[ast.expr]) -> Value:
    """Lower ``and`` and ``or``: short circuit, and the value is the operand's own."""
    first = or_none(lo, operands[0])
    if len(operands) == 1:
        return first
    cond = truth(lo, first, operands[0])
    if isinstance(cond, Const):
        return boolean(lo, conjunction, operands[1:]) if bool(cond.value) == conjunction else first
    if is_bool(lo, first):
        try:
            with lo.supposing(cond, conjunction):
                simple = simple_boolean(lo, lambda: boolean(lo, conjunction, operands[1:]))
        except Unbound:
            if not lo.tolerant:
                raise
            lo.skipped = True
            return first
        if simple is not None:
            return lo.builder.emit("and" if conjunction else "or", lo.atom(first), simple)
    rest = operands[1:]
    if conjunction:
        return branches.choose(lo, operands[0], cond, lambda: boolean(lo, conjunction, rest), lambda: first)
    return branches.choose(lo, operands[0], cond, lambda: first, lambda: boolean(lo, conjunction, rest))


def is_bool(lo: Lowering, value: Value) -> bool:
    t = lo.type_of(value)
    return t.is_scalar and t.dtype is not None and (t.dtype is bool or getattr(t.dtype, "kind", "") == "b")


def simple_boolean(lo: Lowering, right: Callable[[], Value]) -> Atom | None:
    """Lower the right operand of a boolean operator in place if evaluating it cannot raise or have an effect."""
    start, narrowings = lo.snapshot(), lo.narrowings
    with lo.builder.block() as stmts:
        value = right()
    if (
        is_bool(lo, value)
        and lo.narrowings == narrowings
        and all(map(_harmless, stmts))
        and lo.frame.names == start.names
        and lo.contents == start.contents
    ):
        for stmt in stmts:
            lo.builder.add(stmt)
        return lo.atom(value)
    lo.restore(start)
    return None


def condition(lo: Lowering, node: ast.expr) -> Atom:
    """Lower a test: of ``and``, ``or`` and ``not`` only the truth of the operands matters."""
    match node:
        case ast.BoolOp():
            return _conditions(lo, isinstance(node.op, ast.And), node.values)
        case ast.UnaryOp(op=ast.Not()):
            return negate(lo, condition(lo, node.operand))
    return truth(lo, or_none(lo, node), node)


def _conditions(lo: Lowering, conjunction: bool, operands: list[ast.expr]) -> Atom:
    first, rest = condition(lo, operands[0]), operands[1:]
    if not rest:
        return first
    return conjoined(lo, operands[0], conjunction, first, lambda: _conditions(lo, conjunction, rest))


def conjoined(lo: Lowering, node: ast.AST, conjunction: bool, first: Atom, rest: Callable[[], Atom]) -> Atom:
    """Lower ``first and rest()``, or ``first or rest()``, where only the truth matters."""
    if isinstance(first, Const):
        return rest() if bool(first.value) == conjunction else first
    try:
        with lo.supposing(first, conjunction):
            simple = simple_boolean(lo, rest)
    except Unbound:  # an attempt at a loop that has not come to the assignment yet: what follows tells the types
        if not lo.tolerant:
            raise
        lo.skipped = True
        return first
    if simple is not None:
        return lo.builder.emit("and" if conjunction else "or", first, simple)
    return short_circuit(lo, node, conjunction, first, rest)


def short_circuit(lo: Lowering, node: ast.AST, conjunction: bool, first: Atom, rest: Callable[[], Atom]) -> Atom:
    """Lower ``first and rest()``, or ``first or rest()``, of which the second part is lowered in a branch."""
    second: list[Atom] = []

    def later() -> Atom:
        second.append(rest())
        return second[0]

    known = FALSE if conjunction else TRUE
    sides = (later, lambda: known) if conjunction else (lambda: known, later)
    both = lo.atom(branches.choose(lo, node, first, *sides))
    lo.implications[both, conjunction] = (first, *second)
    return both


def _harmless(stmt: Stmt) -> bool:
    return isinstance(stmt, Eqn) and PRIMITIVES[stmt.prim].safe and all(o.type.is_scalar for o in stmt.outs)


def conditional(lo: Lowering, node: ast.IfExp) -> Value:
    cond = condition(lo, node.test)
    if isinstance(cond, Const):
        return or_none(lo, node.body if cond.value else node.orelse)
    return branches.choose(lo, node, cond, lambda: or_none(lo, node.body), lambda: or_none(lo, node.orelse))


def truth(lo: Lowering, value: Value, node: ast.AST) -> Atom:
    """Return the truth of a value as a boolean atom."""
    value = narrowed(lo, value)
    if is_optional(value):
        present, held = value.children
        return short_circuit(lo, node, True, lo.atom(present), lambda: truth(lo, held, node))
    value = lo.opened(value, node)
    if objects.class_of(value) is not None:
        decided = overloading.truth(lo, value, node)
        if decided is not None:
            return truth(lo, decided, node)
    match value:
        case Node(kind="object"):
            return TRUE
        case Const():
            try:
                return TRUE if value.value else FALSE
            except ValueError as error:
                lo.refuse(node, str(error))
        case Node():
            return TRUE if value.children or value.keys else FALSE
        case Rows():
            return lo.builder.emit("gt", rows.length(lo, value), Const(0))
        case Ref() if lo.is_list(value):
            return lists.empty_or_not(lo, value)
        case Var() | Ref():
            if is_bool(lo, value):
                return lo.atom(value)
            if lo.type_of(value).is_array and lo.type_of(value).dims not in ((), None):
                lo.refuse(node, "an array has no truth value", "more than one element", "use .any() or .all()")
            return lo.builder.emit("truth", lo.atom(value))
    return TRUE


# -- numbers


def number(lo: Lowering, value: Value, node: ast.AST) -> Atom:
    return lo.number(value, node)


def elements(lo: Lowering, nodes: list[ast.expr]) -> list[Value]:
    """Evaluate the elements of a display, spreading starred ones."""
    out: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            out += iteration.static_items(lo, evaluate(lo, node.value), node, None, pin=True)
        else:
            out.append(or_none(lo, node))
    return out


def items_of(lo: Lowering, value: Value, node: ast.AST, count: int | None) -> list[Value]:
    """Return the items of something whose number of items is known, as unpacking needs them."""
    return iteration.static_items(lo, value, node, count, pin=True)
