"""Values that may be None at run time: whether there is one, and the value, undefined where there is none.

    prev = None                             prev_set = False
    for v in x:                             for v in x:
        if prev is not None:                    if prev_set:
            s = s + v * prev        ->              s = s + v * prev
        prev = v                                prev = v
                                                prev_set = True

Such a pair is a tuple of a class of its own, which branches join and loops carry as they do other tuples. Where tests
have shown that there is a value, the pair is the value; where it is used elsewhere, the program raises TypeError, as
Python does for None, if there is none.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeGuard

from adcompile.frontend.frames import Unbound
from adcompile.frontend.values import Ref, Value
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Const, Var, is_none
from adcompile.ir.structure import Node
from adcompile.records import replace

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering
    from adcompile.frontend.state import State

Truths = frozenset[tuple[Var, bool]]


class Maybe:
    """The class of pairs of whether there is a value, and the value."""


SET, HELD = STEPS = ("set", "")  # what the names of the parts of a pair end in


def is_optional(value: Value) -> TypeGuard[Node[Value]]:
    return isinstance(value, Node) and value.cls is Maybe


def pair(present: Atom, value: Value) -> Value:
    """Return what is `value` if `present`, else None."""
    if isinstance(present, Const) and present is not UNDEFINED:
        return value if present.value else NONE
    return Node("tuple", (present, value), cls=Maybe)


def paired(value: Value) -> Value:
    """Return a value, or None, as a pair."""
    if is_optional(value) or value is UNDEFINED:
        return value
    parts = (FALSE, UNDEFINED) if is_none(value) else (TRUE, value)
    return Node("tuple", parts, cls=Maybe)


def held_in(*values: Value) -> Value:
    """Return the one value that is not None among some, of which one is or may be None."""
    parts = [v.children[1] if is_optional(v) else v for v in values if not is_none(v)]
    return next((v for v in parts if v is not UNDEFINED), UNDEFINED)


def alike(values: Sequence[Value]) -> Sequence[Value]:
    """Return values as pairs, if one of them is or may be None and another is not."""
    mixed = any(map(is_optional, values)) or (any(map(is_none, values)) and not all(map(is_none, values)))
    return [paired(v) for v in values] if mixed else values


def can_pair(a: Value, b: Value) -> bool:
    """Tell whether one of two values is or may be None, and the other is another one that a pair can hold."""
    if is_optional(a) or is_optional(b):
        return all(is_none(v) or v is UNDEFINED or _holdable(v) for v in (a, b))
    return (is_none(a) and _holdable(b)) or (is_none(b) and _holdable(a))


def _holdable(value: Value) -> bool:
    return isinstance(value, Node | Ref) or (isinstance(value, Var | Const) and value.type.is_carried)


def narrowed(lo: State, value: Value, known: Truths | None = None) -> Value:
    """Return what a value is if what is `known` holds: a pair may be known to hold a value, or none."""
    if not isinstance(value, Node) or value.cls is not Maybe:
        return value
    present, held = value.children
    assert isinstance(present, Var | Const)
    if isinstance(present, Var):
        facts = lo.known if known is None else known
        if (present, True) in facts:
            lo.narrowings += 1
            return lo.current(held)
        return NONE if (present, False) in facts else value
    return lo.current(pair(present, held))


def used(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return a value that is used as one; the program raises if it is None."""
    if not isinstance(value, Node):
        return value
    value = narrowed(lo, value)
    if not is_optional(value):
        return value
    from adcompile.frontend import branches, exceptions

    if exceptions.catches(lo, TypeError):
        lo.refuse(node, "this may be None, and the exception is caught", "used here", "test whether it is None first")
    present, held = value.children
    assert isinstance(present, Var)
    text = Const("None is used where a value is needed")
    branches.merge(
        lo,
        node,
        present,
        lambda: None,
        lambda: lo.builder.emit_many("raise", (text,), ("TypeError",), ()),
        (False, True),
    )
    return lo.current(held)


SHOWING: Final = (print, str, repr, format, hash, id, type)  # they take None as any other object


NUMERIC: Final = (abs, divmod, float, int, len, max, min, pow, round, sum)


def arguments(
    lo: Lowering, f: object, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST
) -> tuple[Sequence[Value], Mapping[str, Value]]:
    """Return the arguments of a function that computes with them."""
    from adcompile.frontend import expressions

    if lo.tolerant and f in NUMERIC and any(map(is_none, args)):
        raise Unbound("None is used as an argument", lo.span(node))  # what it becomes in the loop is not known yet
    if not any(map(is_optional, (*args, *keywords.values()))):
        return args, keywords
    if f is isinstance:
        return args, keywords
    if f is bool:
        return [expressions.truth(lo, args[0], node)], {}
    if f in SHOWING or isinstance(getattr(f, "__self__", None), str):
        lo.refuse(node, "an argument of this call may be None", "called here", "test whether it is None first")
    return [used(lo, a, node) for a in args], {k: used(lo, v, node) for k, v in keywords.items()}


def required(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return a value in which nothing is None: the program raises where something is."""
    if not _may_hold_none(lo, value):
        return value
    value = used(lo, lo.current(value), node)
    if isinstance(value, Node):
        return replace(value, children=tuple(required(lo, c, node) for c in value.children), identity=0)
    return value


def _may_hold_none(lo: Lowering, value: Value) -> bool:
    if isinstance(value, Node) and value.identity in lo.placed:
        return False  # what it refers to is None or not where it is read
    value = lo.current(value)
    return isinstance(value, Node) and (is_optional(value) or any(_may_hold_none(lo, c) for c in value.children))


def implied(lo: State, cond: Atom, truth: bool) -> Truths:
    """Return what is known of other conditions if a condition is true, or false."""
    if not isinstance(cond, Var):
        return frozenset()
    found = frozenset([(cond, truth)])
    negation = lo.builder.definition(cond, "not")
    if negation is not None:
        return found | implied(lo, negation.args[0], not truth)
    junction = lo.builder.definition(cond, "and" if truth else "or")
    for part in () if junction is None else junction.args:
        found |= implied(lo, part, truth)
    for part in lo.implications.get((cond, truth), ()):
        found |= implied(lo, part, truth)
    return found
