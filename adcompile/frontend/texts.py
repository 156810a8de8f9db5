"""Texts with values in them: f-strings, format, ``%``, join, print; containers are written as Python writes them."""

from __future__ import annotations

import ast
import inspect
import re
import types
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from adcompile.frontend import exceptions, expressions, iteration, objects, opaque_equations, registers
from adcompile.frontend.optionals import is_optional
from adcompile.frontend.values import Args, Keywords, Ref, Value, is_static, static_value
from adcompile.ir.core import NONE, Atom, Const, Var, is_none
from adcompile.ir.structure import Node
from adcompile.ir.types import OBJECT

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def formatted(lo: Lowering, template: str, args: Args, node: ast.AST) -> Atom:
    """Lower ``template.format(*args)``."""
    if all(map(is_static, args)):
        return Const(template.format(*map(static_value, args)))
    return lo.builder.emit("format", *(piece(lo, a, node) for a in args), attrs=(template,))


def piece(lo: Lowering, value: Value, node: ast.AST, plain: bool = True) -> Atom:
    """Return a number, array or text that is written as a value is; `plain`: with str(), else with repr()."""
    value = lo.current(value)
    if plain:
        value = exceptions.shown(lo, value, node)
    if isinstance(value, Const | Var):
        return value
    if isinstance(value, Ref):
        return lo.atom(value)
    if not isinstance(value, Node):
        lo.refuse(node, "only numbers, arrays, containers of them and text can be written", "here")
    if is_static(value) and value.kind != "object":
        held = static_value(value)
        return Const(str(held) if plain else repr(held))
    for name in ("__str__", "__repr__") if plain else ("__repr__",):
        member = None if value.cls is None else objects.find(value.cls, name)
        function = inspect.unwrap(member[1]) if member is not None and callable(member[1]) else None
        if not isinstance(function, types.FunctionType) or objects.generated(function):
            continue
        own = objects.special(lo, value, name, [], node)
        if isinstance(own, Const | Var):
            return own
    opening, steps, closing = _form(lo, value, node)
    held = [lo.current(c) for c in value.children]
    holes = ["{}" if isinstance(c, Node) else "{!r}" for c in held]  # a container is a text by then
    template = opening + ", ".join(_quoted(step) + hole for step, hole in zip(steps, holes, strict=True)) + closing
    return formatted(lo, template, [piece(lo, c, node, False) for c in held], node)


def _form(lo: Lowering, held: Node[Value], node: ast.AST) -> tuple[str, list[str], str]:
    """Return what stands around the items of a container, and before each of them."""
    n = len(held.children)
    names = [f"{k}=" for k in held.keys]
    pairs = [f"{k!r}: " for k in held.keys]
    match held.kind, held.cls:
        case "list", None:
            return "[", [""] * n, "]"
        case "tuple", None:
            return "(", [""] * n, ",)" if n == 1 else ")"
        case "tuple", cls if cls is not None:
            return f"{cls.__name__}(", [f"{name}=" for name in getattr(cls, "_fields", ())], ")"
        case "dict", None:
            return "{{", pairs, "}}"
        case "dict", cls if cls is defaultdict and isinstance(held.detail, type | None):
            return f"defaultdict({held.detail!r}, {{{{", pairs, "}})"
        case "object", cls if hasattr(cls, "__dataclass_fields__") and cls is not None:
            if [f.name for f in cls.__dataclass_fields__.values() if f.repr] == list(held.keys):
                return f"{cls.__qualname__}(", names, ")"
    lo.refuse(node, f"how a {held.called} is written is not known here", "here", "write its parts")


def _quoted(text: str) -> str:
    """Return a text as it stands in a template."""
    return text.replace("{", "{{").replace("}", "}}")


def written(lo: Lowering, value: Value, node: ast.AST, plain: bool) -> Atom:
    """Lower str(value), or with `plain` false repr(value)."""
    held = lo.current(value)
    return formatted(lo, "{}" if plain or isinstance(held, Node) else "{!r}", [piece(lo, held, node, plain)], node)


def message(lo: Lowering, node: ast.expr) -> Atom:
    """Lower the message of an assert or raise, or an f-string: text with values in it."""
    if not isinstance(node, ast.JoinedStr):
        value = lo.current(expressions.evaluate(lo, node))
        return lo.number(value, node) if isinstance(value, Ref) else piece(lo, value, node)
    template, args = "", []
    for part in node.values:
        if isinstance(part, ast.Constant):
            template += _quoted(str(part.value))
            continue
        assert isinstance(part, ast.FormattedValue)
        value = lo.current(expressions.or_none(lo, part.value))
        if is_optional(value):
            lo.refuse(part, "this may be None", "printed here", "test whether it is None first")
        hole, more = placeholder(lo, part, isinstance(value, Node))
        template += hole
        args += [piece(lo, value, part, part.conversion != ord("r")), *more]
    return formatted(lo, template, args, node)


def placeholder(lo: Lowering, part: ast.FormattedValue, container: bool) -> tuple[str, list[Atom]]:
    """Return what stands for a value in the template of an f-string, and the values in its format.

    A container is a text by then.
    """
    text, more = "", list[Atom]()
    for inner in part.format_spec.values if isinstance(part.format_spec, ast.JoinedStr) else ():
        if isinstance(inner, ast.FormattedValue):
            value = lo.current(expressions.evaluate(lo, inner.value))
            if inner.format_spec is not None or inner.conversion != -1 or not isinstance(value, Var | Const):
                lo.refuse(part, "this computed format is not supported in an f-string", "here", "compute it before")
            text += _quoted(str(value.value)) if isinstance(value, Const) else "{}"
            more += [] if isinstance(value, Const) else [value]
        else:
            text += str(inner.value) if isinstance(inner, ast.Constant) else ""
    if container and text and part.conversion == -1:
        lo.refuse(part, "a container has no format", "Python raises here")
    conversion = "" if part.conversion == -1 or container else "!" + chr(part.conversion)
    return "{" + conversion + (":" + text if text else "") + "}", more


PERCENT: Final = re.compile(r"%(?:(%)|([-+ 0]*)(\d*)((?:\.\d+)?)([sdifeEgGr]))")


def percent(lo: Lowering, template: str, right: Value, node: ast.AST) -> Atom:
    """Lower ``template % right``."""
    held = lo.current(right)
    args = list(held.children) if isinstance(held, Node) and held.kind == "tuple" else [held]
    left = PERCENT.sub("", template)
    found = [m for m in PERCENT.finditer(template) if not m[1]]
    if "%" in left or len(found) != len(args):
        lo.refuse(node, "this format is not supported", "here", "write it as an f-string")
    out, end, pieces = "", 0, iter(args)
    atoms: list[Value] = []
    for m in PERCENT.finditer(template):
        out += _quoted(template[end : m.start()]) + ("%" if m[1] else _spec(lo, m, value := next(pieces), node))
        if not m[1]:
            atoms.append(piece(lo, value, node, m[5] != "r"))
        end = m.end()
    return formatted(lo, out + _quoted(template[end:]), atoms, node)


def _spec(lo: Lowering, m: re.Match[str], value: Value, node: ast.AST) -> str:
    """Return what stands in a template for ``str.format`` for a piece of one for ``%``."""
    flags, width, precision, letter = m[2], m[3], m[4], m[5]
    if letter in "sr":
        conversion = "" if isinstance(lo.current(value), Node) else f"!{letter}"
        align = ("<" if "-" in flags else ">") if width else ""
        return f"{{{conversion}:{align}{width}{precision}}}"
    if letter in "di":
        t = lo.type_of(value)
        if t.inexact or not t.is_scalar:
            lo.refuse(node, "`%d` of what is not an int is not supported", "here", "convert it with int()")
        letter = "d"
    align = "<" if "-" in flags else ""
    zero = "0" if "0" in flags and not align else ""
    sign = "+" if "+" in flags else " " if " " in flags else ""
    return f"{{:{align}{sign}{zero}{width}{precision}{letter}}}"


def joined(lo: Lowering, separator: str, parts: Value, node: ast.AST) -> Atom:
    """Lower ``separator.join(parts)`` of texts whose number is known."""
    items = iteration.static_items(lo, parts, node, None, pin=True)
    return formatted(lo, _quoted(separator).join(["{}"] * len(items)), items, node)


def print_(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Print once, in the forward sweep."""
    shown = [piece(lo, a, node) for a in args]
    if registers.is_object(keywords.get("file", NONE)):
        return opaque_equations.emit(lo, "path", ("builtins", "print"), (), shown, keywords, (OBJECT,), node, True)
    options = tuple((k, lo.static(v, node)) for k, v in keywords.items() if not (k == "file" and is_none(v)))
    if any(k not in ("sep", "end", "flush") for k, _ in options):
        lo.refuse(node, "print() to a file is not supported", "here", "print without `file`")
    lo.builder.emit_many("print", tuple(shown), (options,), ())
    return NONE
