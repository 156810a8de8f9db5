"""Texts that only a run tells: lengths, parts, methods and comparisons of them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NoReturn, TypeGuard

from adcompile.frontend.frames import Unresolved
from adcompile.frontend.values import Args, Iterable, Keywords, Slice, Value
from adcompile.ir.core import Atom, Const, Var
from adcompile.rules.texts import METHODS

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


KNOWN: Final = ("texts",)  # what is resolved where loops do not carry texts from trip to trip


def is_text(value: Value) -> TypeGuard[Atom]:
    return isinstance(value, Var | Const) and value.type.is_text


def is_unknown(value: Value) -> TypeGuard[Var]:
    """Tell whether a value is a text that only a run tells."""
    return isinstance(value, Var) and value.type.is_text


def is_chosen(lo: Lowering, value: Var) -> bool:
    """Tell whether a value is one of texts that a branch or loop chooses among, rather than one put together."""
    return is_unknown(value) and value not in lo.builder.defs


def call(lo: Lowering, text: Atom, name: str, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a method of a text."""
    values = map(lo.current, args)
    operands = [lo.atom(a) for a in values if (isinstance(a, Var | Const) and a.type.is_carried) or lo.is_list(a)]
    if keywords or len(operands) < len(args) or name not in METHODS:
        refuse(lo, node, f"the method `{name}` of a text that is known only at run time is not supported")
    return lo.emit(node, "text_method", text, *operands, attrs=(name,))


def item(lo: Lowering, text: Atom, index: Value, node: ast.AST) -> Value:
    """Lower ``text[index]``."""
    if isinstance(index, Slice):
        return lo.emit(node, "text_slice", text, index.lo, index.hi, index.step)
    return call(lo, text, "__getitem__", [index], {}, node)


def iterate(lo: Lowering, text: Var, node: ast.AST) -> Iterable:
    """Iterate over the characters of a text."""
    return Iterable(lambda: lo.number(call(lo, text, "__len__", [], {}, node), node), lambda k: item(lo, text, k, node))


def refuse(lo: Lowering, node: ast.AST | None, message: str) -> NoReturn:
    """Say that a text must be known; it may become so where it is known what each trip of a loop leaves."""
    if KNOWN not in lo.resolved:
        raise Unresolved(KNOWN)
    advice = "choose among texts that are written in the function, with `if` and =="
    lo.refuse(node, message, "a text that is known only at run time", advice)
