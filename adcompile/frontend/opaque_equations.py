"""Make the equations of calls that are made as they are: their arguments, and what they may do to these."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adcompile.frontend.values import Args, Iterable, Keywords, Ref, Slice, Value, is_static, static_value
from adcompile.ir.core import Atom, Const, Var
from adcompile.ir.structure import Node
from adcompile.ir.types import Type
from adcompile.rules.opaque import handed_to

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Name = tuple[str, str]


def emit(
    lo: Lowering,
    form: str,
    name: Name,
    first: tuple[Atom, ...],
    args: Args,
    keywords: Keywords,
    types_: tuple[Type, ...],
    node: ast.AST,
    trusted: bool = False,
) -> Value:
    """Make the equation of a call. Unless it is `trusted`, a call may change its arguments."""
    operands = [*first]
    given = args if trusted else [protected(lo, a, node) for a in args]
    named = keywords if trusted else {k: protected(lo, v, node) for k, v in keywords.items()}
    unwritable = handed_to(".".join(map(str, name)))
    layout = [("", _layout(lo, a, operands, trusted, unwritable, node)) for a in given]
    layout += [(k, _layout(lo, v, operands, trusted, unwritable, node)) for k, v in named.items()]
    attrs = (form, (*name, lo.span(node)), trusted, tuple(layout), types_)
    since = lo.cell_count
    values = [lo.wrap(r) for r in lo.guarded_many(node, "opaque", tuple(operands), attrs)]
    for v in values:
        for a in (*args, *keywords.values()):
            for ref in lo.refs_in(a):
                if isinstance(v, Ref):
                    lo.link(v.cell, ref.cell)
    made: Value = values[0] if len(values) == 1 else Node("tuple", tuple(values))
    if not trusted:
        called = first[0].name if form == "value" and isinstance(first[0], Var) else name[1]
        lo.remember(made, since, f"what `{called}` returned, which may keep it: it would see the change")
    return made


def protected(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Return an argument as what a call that may change it can be given.

    An array that is read later is passed as a view that cannot be written to, so that a call that does raises. A list
    or dict that is read later is refused.
    """
    value = lo.current(value)
    if isinstance(value, Node):
        if value.kind != "tuple" and (lo.is_held_later(value.identity) or value.identity in lo.cached):
            lo.refuse(
                node,
                f"this call may change the {value.kind} that it is given",
                "not known to the compiler, and read later",
                "pass a copy of it, a tuple, or make the call outside of the differentiated function",
            )
        return value.holding([protected(lo, c, node) for c in value.children])
    if isinstance(value, Ref) and not lo.is_list(value) and (value.cell in lo.cached or any(lo.reaching(value.cell))):
        return lo.emit(node, "read_only", lo.read(value))
    return value


def _layout(
    lo: Lowering, value: Value, operands: list[Atom], trusted: bool, unwritable: str, node: ast.AST
) -> Node[int] | int:
    """Return an argument as a structure over operands, which are appended to the list.

    unwritable  what helps where it cannot be written into the program
    """
    value = lo.current(value)
    if isinstance(value, Node):
        if value.cls is not None or value.kind == "set":
            what = f"a {value.called} cannot be passed to an unknown function"
            lo.refuse(node, what, "called here", "pass its parts")
        return value.holding([_layout(lo, c, operands, trusted, unwritable, node) for c in value.children])
    if isinstance(value, Ref) and lo.is_list(value) and not trusted:
        lo.refuse(node, "a list that grows cannot be passed to an unknown function", "called here", "make it an array")
    if isinstance(value, Slice) and is_static(value):
        value = Const(static_value(value))
    if isinstance(value, Iterable) and value.bounds is not None and all(isinstance(a, Const) for a in value.bounds):
        value = Const(known_range([a.value for a in value.bounds if isinstance(a, Const)]))
    if not isinstance(value, Ref | Var | Const) or (isinstance(value, Const) and not _writable(value.value)):
        lo.refuse(
            node,
            "this argument of an unknown function cannot be written into the program",
            "called here",
            unwritable,
        )
    operands.append(lo.atom(value))
    return len(operands) - 1


def known_range(bounds: Sequence[object]) -> range:
    start, stop, step = (b for b in bounds if isinstance(b, int))
    return range(start, stop, step)


def _writable(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_writable, value))
    if isinstance(value, type):
        return value.__module__ == "builtins" or issubclass(value, np.generic)
    plain = (bool, int, float, complex, str, bytes, np.dtype, np.generic, np.ndarray, slice, range, type(Ellipsis))
    return value is None or isinstance(value, plain)
