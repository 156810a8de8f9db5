"""Apply what has a primitive: NumPy, math and builtin functions, and the methods of arrays."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from adcompile.errors import CompileError, meant
from adcompile.frontend import (
    access,
    arrangements,
    callables,
    calls,
    containers,
    destinations,
    elements,
    generators,
    iteration,
    lists,
    opaque,
    rows,
    rule_sources,
    run_texts,
    sorting,
    sparse,
    views,
)
from adcompile.frontend.optionals import required
from adcompile.frontend.values import (
    Args,
    Flat,
    Generator,
    Iterable,
    Iterator,
    Keywords,
    Method,
    Ref,
    Rows,
    Slice,
    Value,
    is_static,
    static_value,
)
from adcompile.ir.core import NONE, Atom, Const, Var, is_none
from adcompile.ir.primitives import PRIMITIVES
from adcompile.ir.structure import Node
from adcompile.rules import binding
from adcompile.rules.lengths import described

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering


def plain(lo: Lowering, value: Value, node: ast.AST) -> binding.Argument:
    """Turn a value into what the binding of a primitive understands: atoms and nodes of atoms."""
    value = lo.current(value)
    match value:
        case Ref():
            return lo.as_array(lo.read(value), node)
        case Node():
            return value.holding([plain(lo, c, node) for c in value.children])
        case Var() | Const():
            return value
        case Slice() if is_static(value):
            return Const(static_value(value))
        case Flat():
            return plain(lo, elements.read(lo, value, Slice(NONE, NONE, NONE), node), node)
        case Generator() | Iterable() | Iterator():
            return plain(lo, lists.listed(lo, value, node), node)
    lo.refuse(node, f"a {type(value).__name__.lower()} cannot be passed to this function", "here")


def apply(lo: Lowering, f: Callable[..., object] | str, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Apply a NumPy, math or builtin function, or the array method of a name, that has a primitive.

    What needs to know its int arguments - a macro that asks which axis is meant - gets those of the example call.
    """
    args = [required(lo, run_once(lo, a, node), node) for a in args]
    keywords = {k: required(lo, v, node) for k, v in keywords.items()}
    start, mark = lo.snapshot(), lo.builder.mark()
    try:
        return _apply(lo, f, args, keywords, node)
    except CompileError:
        known, named = [_pinned(lo, a) for a in args], {k: _pinned(lo, v) for k, v in keywords.items()}
        if known == args and named == keywords:
            raise
        lo.restore(start)
        lo.builder.rewind(mark)
    return _apply(lo, f, known, named, node)


def _pinned(lo: Lowering, value: Value) -> Value:
    """Replace the ints in an argument that are arguments of the program by what they are in the example call."""
    if isinstance(value, Node) and value.kind in ("tuple", "list"):
        held = lo.current(value)
        items = tuple(_pinned(lo, c) for c in held.children) if isinstance(held, Node) else value.children
        return value if items == value.children else lo.container(value.kind, items)
    if not isinstance(value, Var) or value.type.dims != () or value.type.kind != "py":
        return value
    known = lo.static_int(value, pin=True)
    return value if known is None else Const(known)


def _apply(lo: Lowering, f: Callable[..., object] | str, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    if _names_result(f, args, keywords):
        return destinations.store(lo, f, args, keywords, node)
    if any(isinstance(a, Iterable | Generator) for a in args):
        macro = loop_for(lo, f, args, node)
        if macro is not None:
            return calls.run_function(lo, rule_sources.rule_source(macro), args, keywords, node, rule=True)
        args = [lists.listed(lo, a, node) if isinstance(a, Iterable | Generator) else a for a in args]
    if args and lo.is_list(args[0]) and f in arrangements.JOINING:
        return arrangements.joined(lo, f, args, keywords, node)
    bound = bind_primitive(lo, f, args, keywords, node)
    if bound.macro is not None:
        assert isinstance(bound.macro, types.FunctionType)
        if not str(getattr(f, "__module__", "")).startswith("builtins"):  # to NumPy a list is an array
            args = [lo.emit(node, "list_array", lo.atom(a)) if lo.is_list(a) else a for a in args]
        return calls.run_function(lo, rule_sources.rule_source(bound.macro), args, keywords, node, rule=True)
    results = emit_bound(lo, bound, node)
    values = [lo.wrap(r) for r in results]
    if _may_be_view(bound) and f != "flatten":  # which copies in any case
        given = (a for a in (*args, *keywords.values()) if isinstance(a, Ref))
        base = next((a for a in given if not lo.is_list(a)), None)
        values = values if base is None else list(views.result(lo, bound, base, values, node))
    return values[0] if len(values) == 1 else Node("tuple", tuple(values))


def _names_result(f: Callable[..., object] | str, args: Args, keywords: Keywords) -> bool:
    """Tell whether a call names the array that its result goes to."""
    place = args[f.nin] if isinstance(f, np.ufunc) and len(args) > f.nin else keywords.get("out", NONE)
    return not is_none(place)


def _may_be_view(bound: binding.Bound) -> bool:
    """Tell whether the result of a call may share memory with its first argument."""
    if bound.prim == "einsum":
        return len(bound.args) == 1 and not views.sums(bound)
    if bound.prim == "diag":  # of a vector it is a new matrix
        (operand,) = bound.args
        return isinstance(operand, binding.Bound) or operand.type.rank != 1
    return PRIMITIVES[bound.prim].shares


def loop_for(lo: Lowering, f: Callable[..., object] | str, args: Args, node: ast.AST) -> types.FunctionType | None:
    """Return the function of ours that takes items one by one as they are made, as `sum` does; None without one."""
    found = binding.METHODS.get(f) if isinstance(f, str) else binding.FUNCTIONS.get(f)
    if found is not None and found.choose is not None:
        found = found.choose([NONE if isinstance(a, Iterable | Generator) else plain(lo, a, node) for a in args], {})
    return found.macro if found is not None and isinstance(found.macro, types.FunctionType) else None


def run_once(lo: Lowering, value: Value, node: ast.AST) -> Value:
    """Run a generator expression, which may have effects; make an array of a list of tuples."""
    if isinstance(value, Rows):
        return rows.as_array(lo, value, node)
    if not isinstance(value, Generator | Iterator):
        return value
    if isinstance(value, Generator) and generators.runs_in_place(lo, value):
        return value
    items = iteration.iterable(lo, value, node)
    return Node("list", tuple(map(lo.settled, items))) if isinstance(items, list) else items


def bind_primitive(
    lo: Lowering, f: Callable[..., object] | str, args: Args, keywords: Keywords, node: ast.AST
) -> binding.Bound:
    operands = [plain(lo, a, node) for a in args]
    named = {k: plain(lo, v, node) for k, v in keywords.items()}
    try:
        return binding.bind(f, operands, named, lambda a: lo.static(a, node))
    except CompileError:
        raise
    except (TypeError, ValueError) as error:
        raise CompileError(str(error), lo.span(node), "called here") from error


def emit_bound(lo: Lowering, bound: binding.Bound, node: ast.AST) -> tuple[Atom, ...]:
    """Make the equations of a bound call; operands that are calls themselves are made first."""
    atoms = tuple(emit_bound(lo, a, node)[0] if isinstance(a, binding.Bound) else a for a in bound.args)
    return lo.guarded_many(node, bound.prim, atoms, bound.attrs)


def stacked(lo: Lowering, value: Node[Value], node: ast.AST | None) -> Value:
    """Make an array of nested lists of numbers."""
    return apply(lo, np.array, [value], {}, node or ast.Pass())


def call_method(lo: Lowering, method: Method, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a method of an array or of a container."""
    receiver, name = lo.current(method.receiver), method.name
    if isinstance(receiver, Node):
        return containers.container_method(lo, receiver, name, args, keywords, node)
    if name == "sort" and not args and (isinstance(receiver, Rows) or (keywords and lo.is_list(receiver))):
        lists.refill(lo, receiver, sorting.sorted_(lo, receiver, keywords, node), node)
        return NONE
    if isinstance(receiver, Rows) and not keywords:
        return rows.method(lo, receiver, name, args, node)
    if isinstance(receiver, Ref) and lo.is_list(receiver) and not keywords:
        return lists.method(lo, receiver, name, args, node)
    if isinstance(receiver, Flat) and name == "copy" and not args:
        return elements.read(lo, receiver, Slice(NONE, NONE, NONE), node)
    if isinstance(receiver, Ref | Var | Const):
        if isinstance(receiver, Ref) and is_itself(lo, receiver, name, args, keywords, node):
            return receiver
        if name == "item" and args:
            return elements.item(lo, receiver, args, node)
        if name in ("transpose", "swapaxes") and not keywords:
            return permute(lo, name, [receiver, *args], node)
        if name == "tolist" and not args and not keywords and lo.type_of(receiver).rank is not None:
            return arrangements.as_list(lo, receiver, node)
        if run_texts.is_text(receiver) and not (isinstance(receiver, Const) and all(map(is_static, args))):
            return run_texts.call(lo, receiver, name, args, keywords, node)
        t = lo.type_of(receiver)
        own = isinstance(receiver, Var) and t.kind == "object"
        if isinstance(receiver, Var) and own and t.layout:
            made = sparse.method(lo, receiver, name, args, keywords, node)
            if made is not None:
                return made
        if name in binding.METHODS and not own:
            return apply(lo, name, [receiver, *args], keywords, node)
        if own or (t.is_array and t.dtype is None and t.dims is None):
            return opaque.call_method(lo, lo.atom(receiver), name, args, keywords, node)
    kind = lo.type_of(receiver)
    if isinstance(receiver, Const) and all(map(is_static, (*args, *keywords.values()))):
        return callables.compute_now(lo, getattr(receiver.value, name), args, keywords, node)
    cls = np.ndarray if kind.is_array else np.dtype(kind.dtype).type if kind.kind == "np" else kind.dtype
    if isinstance(cls, type) and kind.is_numeric and not hasattr(cls, name):
        lo.refuse(node, f"{described(kind)} has no method `{name}`", "here", meant(name, dir(cls)))
    lo.refuse(
        node,
        f"the method `{name}` of {described(kind)} is not supported",
        "called here",
        "use a NumPy function that is, or move the call out of the differentiated function",
    )


def is_itself(lo: Lowering, receiver: Ref, name: str, args: Args, keywords: Keywords, node: ast.AST) -> bool:
    """Tell whether a method of an array returns the array itself, or a view of all of it."""
    t = lo.type_of(receiver)
    if name in ("conj", "conjugate"):
        return not args and t.dtype is not None and np.dtype(t.dtype).kind != "c"
    if name == "astype" and "copy" in keywords and not lo.static(keywords["copy"], node):
        dtype = keywords.get("dtype", args[0] if args else NONE)
        return len(keywords) + len(args) == 2 and views.same_array(lo, receiver, lo.static(dtype, node))
    return name == "view" and not args and not keywords


def permute(lo: Lowering, name: str, args: Args, node: ast.AST) -> Value:
    """Lower transpose and swapaxes, which are views that can be written through."""
    value = args[0]
    if isinstance(value, Node):
        value = stacked(lo, value, node)
    rank = lo.type_of(value).rank
    if rank is None:
        lo.refuse(node, "the rank of this array is not known", "here")
    axes = [lo.static(a, node) for a in args[1:]]
    if name == "swapaxes":
        i, j = (_axis(lo, a, rank, node) for a in axes)
        order = list(range(rank))
        order[i], order[j] = order[j], order[i]
        return access.transposed(lo, value, tuple(order))
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        axes = list(axes[0] or ())
    if not axes:
        return access.transposed(lo, value, None)
    order = [_axis(lo, a, rank, node) for a in axes]
    if sorted(order) != list(range(rank)):
        lo.refuse(node, f"axes {tuple(order)} do not permute the {rank} axes of the array", "here")
    return access.transposed(lo, value, tuple(order))


def _axis(lo: Lowering, axis: object, rank: int, node: ast.AST) -> int:
    if not isinstance(axis, int) or not -rank <= axis < rank:
        lo.refuse(node, f"an array of rank {rank} has no axis {axis}", "here")
    return axis % rank
