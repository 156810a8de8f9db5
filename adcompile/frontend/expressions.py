"""Lower expressions. Calls are in `calls`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING

from adcompile.frontend import branches, calls, iteration, lists
from adcompile.frontend.operators import BINARY, COMPARE, UNARY, apply_binary
from adcompile.frontend.state import Conflict, NeedsUnrolling, Unbound, lookup_local
from adcompile.frontend.values import (
    Generator,
    Iterable,
    LocalFunction,
    Method,
    Ref,
    Slice,
    Value,
    is_static,
    lift,
    static_value,
)
from adcompile.ir.core import FALSE, NONE, TRUE, UNDEFINED, Atom, Const, Eqn, Stmt, Var
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def evaluate(lo: Lowering, node: ast.expr) -> Value:
    """Lower an expression."""
    return lo.current(expression(lo, node))


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
        case ast.Tuple() | ast.List():
            return lo.container("tuple" if isinstance(node, ast.Tuple) else "list", elements(lo, node.elts))
        case ast.Dict():
            return dict_(lo, node)
        case ast.Subscript():
            return read_item(lo, evaluate(lo, node.value), node)
        case ast.Attribute():
            return attribute(lo, evaluate(lo, node.value), node.attr, node)
        case ast.Call():
            return calls.call_node(lo, node)
        case ast.Lambda():
            return LocalFunction(node, lo.frame, defaults(lo, node.args))
        case ast.GeneratorExp():
            return Generator(node, lo.frame)
        case ast.ListComp():
            return lo.container("list", iteration.comprehension(lo, node))
        case ast.JoinedStr():
            return message(lo, node)
        case ast.NamedExpr(target=ast.Name(id=name)):
            from adcompile.frontend.statements import bind

            value = evaluate(lo, node.value)
            bind(lo, name, value)
            return value
        case ast.Slice():
            return slice_(lo, node)
    lo.refuse(node, f"`{type(node).__name__}` expressions cannot be differentiated", "here")


# -- names


def name_value(lo: Lowering, name: str, node: ast.AST) -> Value:
    """Return what a name stands for."""
    value = lookup_local(lo.frame, name)
    if value is UNDEFINED:
        raise Unbound(f"`{name}` is read before it is assigned", lo.span(node), "not assigned on this path")
    if isinstance(value, Const) and isinstance(value.value, Conflict):
        lo.refuse(node, f"`{name}` {value.value.reason}", "read here", "give it one kind of value on every path")
    if value is None:
        return lo.free_name(name, node)
    return value


def defaults(lo: Lowering, args: ast.arguments) -> Mapping[str, Value]:
    """Evaluate the defaults of a function made inside the function."""
    names = [a.arg for a in (*args.posonlyargs, *args.args)]
    out = dict(zip(names[len(names) - len(args.defaults) :], (evaluate(lo, d) for d in args.defaults), strict=True))
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if default is not None:
            out[arg.arg] = evaluate(lo, default)
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
    if isinstance(node.op, ast.UAdd):
        plain = number(lo, value, node)
        return plain if plain.type.is_scalar and not is_bool(lo, plain) else lo.emit(node, "positive", plain)
    return lo.emit(node, UNARY[type(node.op)], number(lo, value, node))


def negate(lo: Lowering, cond: Atom) -> Atom:
    if isinstance(cond, Const):
        return Const(not cond.value)
    return lo.builder.emit("not", cond)


def compare(lo: Lowering, node: ast.Compare) -> Value:
    """Lower a comparison; ``a < b < c`` is ``a < b and b < c`` with b evaluated once."""
    left = evaluate(lo, node.left)
    if len(node.ops) == 1:
        return comparison(lo, node.ops[0], left, evaluate(lo, node.comparators[0]), node)
    results: list[Atom] = []
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluate(lo, right_node)
        results.append(truth(lo, comparison(lo, op, left, right, node), node))
        left = right
    result = results[0]
    for other in results[1:]:
        result = both(lo, result, other)
    return result


def both(lo: Lowering, a: Atom, b: Atom) -> Atom:
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Const):
            return y if x.value else FALSE
    return lo.builder.emit("and", a, b)


def comparison(lo: Lowering, op: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Value:
    match op:
        case ast.Is() | ast.IsNot():
            return Const(identical(lo, left, right, node) == isinstance(op, ast.Is))
        case ast.In() | ast.NotIn():
            inside = contains(lo, right, left, node)
            return inside if isinstance(op, ast.In) else negate(lo, inside)
    return apply_binary(lo, COMPARE[type(op)], left, right, node)


def identical(lo: Lowering, left: Value, right: Value, node: ast.AST) -> bool:
    """Decide ``left is right`` for things whose identity is known."""
    for a, b in ((left, right), (right, left)):
        if isinstance(a, Const) and a.value is None:
            if isinstance(b, Const):
                return b.value is None
            if lo.type_of(b).is_numeric or not isinstance(b, Var):
                return False
    if isinstance(left, Const) and isinstance(right, Const):
        return left.value is right.value
    lo.refuse(node, "`is` between these values is not known when compiling", "here", "compare with ==")


def contains(lo: Lowering, container: Value, item: Value, node: ast.AST) -> Atom:
    if isinstance(container, Node) and container.kind == "dict" and is_static(item):
        return Const(static_value(item) in container.keys)
    if is_static(container) and is_static(item):
        inside = static_value(container)
        assert isinstance(inside, tuple | list | str | dict | range | set | frozenset)
        return Const(static_value(item) in inside)  # type: ignore[operator]  # a string holds strings; Python raises as it would
    if isinstance(container, Node) and container.kind != "dict" and isinstance(item, Var) and item.type.is_scalar:
        found: Atom = FALSE
        for child in container.children:
            found = either(lo, found, truth(lo, apply_binary(lo, "eq", item, child, node), node))
        return found
    lo.refuse(node, "`in` is supported for containers and items that are known when compiling", "here")


def either(lo: Lowering, a: Atom, b: Atom) -> Atom:
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Const):
            return TRUE if x.value else y
    return lo.builder.emit("or", a, b)


def boolean(lo: Lowering, conjunction: bool, operands: list[ast.expr]) -> Value:
    """Lower ``and`` and ``or``: short circuit, and the value is the operand's own."""
    first = evaluate(lo, operands[0])
    if len(operands) == 1:
        return first
    cond = truth(lo, first, operands[0])
    if isinstance(cond, Const):
        return boolean(lo, conjunction, operands[1:]) if bool(cond.value) == conjunction else first
    if is_bool(lo, first):
        simple = simple_boolean(lo, conjunction, operands[1:])
        if simple is not None:
            return lo.builder.emit("and" if conjunction else "or", lo.atom(first), simple)
    rest = operands[1:]
    if conjunction:
        return branches.choose(lo, operands[0], cond, lambda: boolean(lo, conjunction, rest), lambda: first)
    return branches.choose(lo, operands[0], cond, lambda: first, lambda: boolean(lo, conjunction, rest))


def is_bool(lo: Lowering, value: Value) -> bool:
    t = lo.type_of(value)
    return t.is_scalar and t.dtype is not None and (t.dtype is bool or getattr(t.dtype, "kind", "") == "b")


def simple_boolean(lo: Lowering, conjunction: bool, operands: list[ast.expr]) -> Atom | None:
    """Lower the right operand of a boolean operator in place if evaluating it cannot raise or have an effect."""
    start = lo.snapshot()
    depth = len(lo.builder.stmts)
    with lo.builder.block() as stmts:
        value = boolean(lo, conjunction, operands)
    if is_bool(lo, value) and all(map(_harmless, stmts)) and lo.frame.names == start.names:
        assert len(lo.builder.stmts) == depth
        for stmt in stmts:
            lo.builder.add(stmt)
        return lo.atom(value)
    lo.restore(start)
    return None


def _harmless(stmt: Stmt) -> bool:
    return isinstance(stmt, Eqn) and PRIMITIVES[stmt.prim].safe and all(o.type.is_scalar for o in stmt.outs)


def conditional(lo: Lowering, node: ast.IfExp) -> Value:
    cond = truth(lo, evaluate(lo, node.test), node.test)
    if isinstance(cond, Const):
        return evaluate(lo, node.body if cond.value else node.orelse)
    return branches.choose(lo, node, cond, lambda: evaluate(lo, node.body), lambda: evaluate(lo, node.orelse))


def truth(lo: Lowering, value: Value, node: ast.AST) -> Atom:
    """Return the truth of a value as a boolean atom."""
    match value:
        case Const():
            try:
                return TRUE if value.value else FALSE
            except ValueError as error:
                lo.refuse(node, str(error))
        case Node():
            return TRUE if value.children else FALSE
        case Ref() if lists.is_list(lo, value):
            return lists.empty_or_not(lo, value)
        case Var() | Ref():
            if is_bool(lo, value):
                return lo.atom(value)
            if lo.type_of(value).is_array and lo.type_of(value).dims != ():
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
            out += items_of(lo, evaluate(lo, node.value), node, None)
        else:
            out.append(evaluate(lo, node))
    return out


def dict_(lo: Lowering, node: ast.Dict) -> Value:
    items: dict[object, Value] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(lo, value_node)
        if key_node is None:
            if not (isinstance(value, Node) and value.kind == "dict"):
                lo.refuse(value_node, "only a dict can be spread into a dict", "here")
            assert isinstance(value, Node)
            items.update(zip(value.keys, value.children, strict=True))
            continue
        key = evaluate(lo, key_node)
        if not is_static(key):
            lo.refuse(key_node, "a dict key must be known when compiling", "computed at run time")
        items[static_value(key)] = value
    return lo.container("dict", tuple(items.values()), tuple(items))


def items_of(lo: Lowering, value: Value, node: ast.AST, count: int | None) -> list[Value]:
    """Return the items of something whose number of items is known, as unpacking needs them."""
    return iteration.static_items(lo, value, node, count)


# -- subscripts


def slice_(lo: Lowering, node: ast.Slice) -> Slice:
    bounds = [NONE if b is None else number(lo, evaluate(lo, b), b) for b in (node.lower, node.upper, node.step)]
    return Slice(*bounds)


def subscript(lo: Lowering, node: ast.expr) -> tuple[str, tuple[Atom, ...]]:
    """Return the component codes and the operands of a subscript of an array."""
    return components(lo, evaluate(lo, node), node)


def components(lo: Lowering, value: Value, node: ast.AST) -> tuple[str, tuple[Atom, ...]]:
    """Return the component codes and the operands that an index stands for."""
    parts = value.children if isinstance(value, Node) and value.kind == "tuple" else (value,)
    code, atoms = "", []
    for part in parts:
        letter, operands = component(lo, part, node)
        code += letter
        atoms += operands
    return code, tuple(atoms)


def component(lo: Lowering, part: Value, node: ast.AST) -> tuple[str, list[Atom]]:
    if isinstance(part, Slice):
        return "s", [part.lo, part.hi, part.step]
    if isinstance(part, Const) and part.value is None:
        return "n", []
    if isinstance(part, Const) and part.value is Ellipsis:
        return "e", []
    atom = number(lo, part, node)
    t = atom.type
    kind = "" if t.dtype is None else "biufc"["biufc".index(_kind(t.dtype))]
    if t.is_scalar and kind in ("i", "u"):
        return "i", [atom]
    if t.is_array and kind in ("i", "u"):
        return "a", [atom]
    if t.is_array and kind == "b":
        return "m", [atom]
    lo.refuse(node, "this index is neither an integer, a slice nor an array of integers or booleans", str(t))


def _kind(dtype: object) -> str:
    import numpy as np

    kind: str = np.dtype(dtype).kind  # type: ignore[call-overload]  # int, float, ... or a dtype
    return kind


def read_item(lo: Lowering, base: Value, node: ast.Subscript) -> Value:
    """Lower ``base[index]``."""
    if isinstance(base, Node):
        return container_item(lo, base, node)
    if isinstance(base, Ref) and lists.is_list(lo, base):
        return lists.read(lo, base, evaluate(lo, node.slice), node)
    if isinstance(base, Iterable):
        return iteration.sliced(lo, base, evaluate(lo, node.slice), node)
    if isinstance(base, Ref) or (isinstance(base, Var) and base.type.is_array):
        code, atoms = subscript(lo, node.slice)
        return lo.guarded(node, lambda: lo.view(base, code, atoms))
    if is_static(base):
        index = evaluate(lo, node.slice)
        if is_static(index):
            try:
                return lift(static_value(base)[static_value(index)])  # type: ignore[index]  # Python raises as it would
            except (TypeError, KeyError, IndexError) as error:
                lo.refuse(node, f"this subscript fails: {error!r}", "here")
    lo.refuse(node, "this object cannot be subscripted here", str(lo.type_of(base)), "pass an array, a tuple or a dict")


def container_item(lo: Lowering, base: Node[Value], node: ast.Subscript) -> Value:
    index = evaluate(lo, node.slice)
    if base.kind == "dict":
        if is_static(index) and static_value(index) in base.keys:
            return base.children[base.keys.index(static_value(index))]
        lo.refuse(node, "this key is not in the dict", f"the keys are {list(base.keys)}")
    if isinstance(index, Slice) and is_static(index):
        bounds = static_value(index)
        assert isinstance(bounds, slice)
        return lo.container(base.kind, base.children[bounds])
    return base.children[position_in(lo, base, index, node)]


def position_in(lo: Lowering, base: Node[Value], index: Value, node: ast.AST) -> int:
    """Return the position that an index of a list or tuple denotes, which must be known."""
    position = lo.static_int(index, pin=not isinstance(index, Var) or index in lo.builder.params.values())
    if position is None:
        if isinstance(index, Var):
            raise NeedsUnrolling(lo, node)
        lo.refuse(node, f"a {base.kind} index must be an integer", "here")
    if not -len(base.children) <= position < len(base.children):
        lo.refuse(node, f"the {base.kind} has {len(base.children)} items", f"index {position} is out of range")
    return position % len(base.children)


# -- attributes


def attribute(lo: Lowering, value: Value, name: str, node: ast.AST) -> Value:
    """Lower ``value.name``."""
    if isinstance(value, Const) and not value.type.is_numeric:
        try:
            return lo.constant(value.value, name, getattr(value.value, name), node)
        except AttributeError as error:
            lo.refuse(node, str(error), "here")
    if isinstance(value, Node | Iterable):
        return Method(value, name)
    if isinstance(value, Ref | Var | Const):
        return array_attribute(lo, value, name, node)
    lo.refuse(node, f"the attribute `{name}` is not supported here", "here")


def array_attribute(lo: Lowering, value: Ref | Atom, name: str, node: ast.AST) -> Value:
    t = lo.type_of(value)
    if t.is_list:
        return Method(value, name)
    if t.kind == "object":
        lo.refuse(
            node, f"the attribute `{name}` of an object is not supported", "an object argument", "pass what it holds"
        )
    if t.dims is None and name in ("shape", "ndim", "size", "T"):
        lo.refuse(node, f"`.{name}` of an array whose rank is not known", "here", "reshape it to a known rank first")
    match name:
        case "shape":
            assert t.dims is not None
            atom = lo.atom(value)
            return Node("tuple", tuple(lo.length_of(atom, axis) for axis in range(len(t.dims))))
        case "ndim":
            assert t.dims is not None
            return Const(len(t.dims))
        case "dtype":
            return Const(t.dtype) if t.dtype is not None else lo.refuse(node, "the dtype is not known when compiling")
        case "size":
            return lo.builder.emit("size", lo.atom(value))
        case "T":
            return transposed(lo, value, None)
        case "real" if t.dtype is not None and _kind(t.dtype) != "c":
            return value
    return Method(value, name)


def transposed(lo: Lowering, value: Value, axes: tuple[int, ...] | None) -> Value:
    """Return a view with permuted axes."""
    rank = lo.type_of(value).rank
    assert rank is not None and isinstance(value, Ref | Var | Const)
    order = tuple(reversed(range(rank))) if axes is None else tuple(a % rank for a in axes)
    if order == tuple(range(rank)) or isinstance(value, Const):
        return value
    return lo.view(value, ("T", order), ())


# -- text


def message(lo: Lowering, node: ast.expr) -> Atom:
    """Lower the message of an assert or raise, or an f-string: text with values in it."""
    if not isinstance(node, ast.JoinedStr):
        value = evaluate(lo, node)
        return lo.number(value, node) if not isinstance(value, Const) else value
    template, atoms = "", []
    for part in node.values:
        if isinstance(part, ast.Constant):
            template += str(part.value).replace("{", "{{").replace("}", "}}")
            continue
        assert isinstance(part, ast.FormattedValue)
        spec = part.format_spec
        if spec is not None and not (
            isinstance(spec, ast.JoinedStr) and all(isinstance(v, ast.Constant) for v in spec.values)
        ):
            lo.refuse(part, "a computed format is not supported in an f-string", "here")
        text = (
            "".join(str(v.value) for v in spec.values if isinstance(v, ast.Constant))
            if isinstance(spec, ast.JoinedStr)
            else ""
        )
        conversion = "" if part.conversion == -1 else "!" + chr(part.conversion)
        template += "{" + conversion + (":" + text if text else "") + "}"
        value = evaluate(lo, part.value)
        atoms.append(value if isinstance(value, Const) else lo.number(value, part))
    if not atoms:
        return Const(template.replace("{{", "{").replace("}}", "}"))
    return lo.builder.emit("format", *atoms, attrs=(template,))
