"""Calls of functions that have derivative rules of their own.

The function and its rules are lowered for the types of the call, each by itself, in place of a value of these types:
as functions of the IR that an equation `custom` refers to. Calls of one function with arguments of the same types share
them, so that a rule may call the function that it belongs to.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adcompile.custom.functions import CustomFunction
from adcompile.frontend import signatures
from adcompile.frontend.custom_pieces import Made, mapped
from adcompile.frontend.custom_rules import Maker
from adcompile.frontend.resolve import Parameter, ParameterKind
from adcompile.frontend.values import Args, Keywords, Ref, Value, lift
from adcompile.ir.core import Atom, Const, Eqn, Var
from adcompile.ir.custom import CustomCall
from adcompile.ir.structure import Node, leaves

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def call_custom(lo: Lowering, f: CustomFunction, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower a call of a function with rules."""
    given, named = arranged(lo, f, args, keywords, node)
    operands: list[tuple[Value, Atom]] = []
    tree = [abstracted(lo, v, operands, node) for v in given]
    key = (id(f), tuple(map(_key, tree)), tuple(named))
    made = lo.customs.get(key)
    if made is None:
        made = Made(CustomCall(f.__name__, len(operands), _nondiff(f, tree)), held=(f, tree))
        lo.customs[key] = made
        try:
            Maker(lo, f, made, tree, named, node).run()
        finally:
            if not made.ready or made.local:
                del lo.customs[key]
    elif made.call.primal is None:
        lo.refuse(node, f"`{f.__name__}` calls itself, and has a rule of its own", "recursive", "use a loop")
    atoms = (*(a for _, a in operands), *made.outside, *made.shapes)
    outs = tuple(Var("", t) for t in made.call.types)
    lo.builder.add(Eqn(outs, "custom", atoms, (made.call,), lo.builder.span))
    return _wrapped(lo, made, outs, [v for v, _ in operands])


def rule_for(lo: Lowering, f: object) -> CustomFunction | None:
    """Return the rule that holds for a function where it is called by its own name; None if there is none."""
    if not lo.rules or lo.frame.rule or lo.frame.macro or any(f is known for known in lo.plain_calls):
        return None
    return next((rule for rule in reversed(lo.rules) if rule.function is f), None)


def _wrapped(lo: Lowering, made: Made, outs: tuple[Var, ...], operands: Sequence[Value]) -> Value:
    """Return what a call returns, over the results of its equation."""
    values = [lo.wrap(o) for o in outs]
    for value, shared in zip(values, made.aliases, strict=True):
        for k in sorted(shared):
            other = operands[k]
            if isinstance(value, Ref) and isinstance(other, Ref):
                lo.link(value.cell, other.cell)
    numbers = iter(values)
    return lo.owned(mapped(lambda v: next(numbers) if isinstance(v, Var) else v, made.result))


# -- arguments


def arranged(
    lo: Lowering, f: CustomFunction, args: Args, keywords: Keywords, node: ast.AST
) -> tuple[list[Value], list[str]]:
    """Return the arguments of a call in order, with defaults, and the names of the last ones if they need names."""
    if isinstance(f.function, types.FunctionType | types.MethodType | functools.partial):
        found = inspect.signature(f.function).parameters.values()
    else:  # written in C
        if keywords:
            lo.refuse(node, f"{f.__name__} takes its arguments by position here", "called here")
        return list(args), []
    params = [Parameter(p.name, _KINDS[p.kind], p.default, p.kind is p.POSITIONAL_ONLY) for p in found]
    empty = inspect.Parameter.empty
    names = signatures.bind_parameters(
        lo, f.__name__, params, lambda p: None if p.default is empty else lift(p.default), args, keywords, node
    )
    values: list[Value] = []
    named = [p.name for p in params if p.kind == "keyword"]
    for p in params:
        value = names[p.name]
        if p.kind == "varkw" and isinstance(value, Node) and not value.children:
            continue
        if p.kind == "varkw":
            lo.refuse(node, f"{f.__name__} has a rule of its own and takes any keywords", "called here")
        values += value.children if p.kind == "varargs" and isinstance(value, Node) else [value]
    return values, named


_KINDS: Mapping[object, ParameterKind] = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.VAR_POSITIONAL: "varargs",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "varkw",
}


def abstracted(lo: Lowering, value: Value, operands: list[tuple[Value, Atom]], node: ast.AST) -> Value:
    """Return a value with a variable of its own for each number and array in it; these go to `operands`."""
    value = lo.current(value)
    if isinstance(value, Node):
        return value.holding([abstracted(lo, c, operands, node) for c in value.children])
    if isinstance(value, Ref | Var):
        atom = lo.atom(value)
        if atom.type.is_list:
            lo.refuse(
                node,
                "a list that changes its length cannot be passed to a function with a rule",
                "here",
                "make it an array with np.array",
            )
        operands.append((value, atom))
        name = lo.names.get(atom, atom.name) if isinstance(atom, Var) else ""
        return Var(name, atom.type)
    return value


def _key(value: Value) -> object:
    if isinstance(value, Node):
        return value.form, tuple(map(_key, value.children))
    if isinstance(value, Var):
        return value.type
    return value.key if isinstance(value, Const) else ("object", id(value))


def _nondiff(f: CustomFunction, tree: Sequence[Value]) -> frozenset[int]:
    """Return the operands that have no derivative."""
    found: set[int] = set()
    count = 0
    positions = {k % len(tree) for k in f.nondiff if -len(tree) <= k < len(tree)}
    for position, value in enumerate(tree):
        for leaf in leaves(value):
            if isinstance(leaf, Var):
                if position in positions or not leaf.type.inexact:
                    found.add(count)
                count += 1
    return frozenset(found)
