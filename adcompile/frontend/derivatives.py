"""Derivatives that a function takes of functions: ``grad(g)(x)``, ``vjp``, ``jvp`` inside the function being lowered.

The operators are known by the attribute `__adcompile_operator__`, so that what defines them need not be imported here.
A function that an operator returns is a partial application of a function of this module.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from adcompile.frontend import calls, jacobians, macros
from adcompile.frontend.closures import Closed, close, numbers_of
from adcompile.frontend.results import not_a_pair, not_one_number
from adcompile.frontend.values import Args, Keywords, Partial, Ref, Value, is_static, lift, static_value
from adcompile.ir.builder import UnknownLength
from adcompile.ir.core import NONE, Atom, Const, Var
from adcompile.ir.derivatives import Pullback, Pushforward
from adcompile.ir.lengths import anchored, example_of
from adcompile.ir.structure import Node, leaves, map_leaves
from adcompile.records import dataclass

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

Result = Node[int] | int
Function = Callable[["Lowering", Args, Keywords, ast.AST], Value]
Operator = Callable[["Lowering", Callable[..., object], Args, Keywords, ast.AST], Value]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a gradient is asked for. `single`: one argument, whose gradient comes bare."""

    argnums: tuple[int, ...]
    single: bool
    value: bool
    has_aux: bool


def apply_operator(
    lo: Lowering, name: str, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST
) -> Value:
    """Call an operator; or, by the names "derivative" and "applied", what one has returned outside or here."""
    return OPERATORS[name](lo, f, args, keywords, node)


# -- gradients


def _with_settings(call: Function, value: bool = False, *more: Value) -> Operator:
    """Make an operator of (f, argnums, has_aux), whose result is called with the arguments."""

    def operator(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
        bound = _bind(lo, f, ("f", "argnums", "has_aux"), args, keywords, node)
        argnums = _static(lo, bound.get("argnums", Const(0)), node)
        has_aux = bool(_static(lo, bound.get("has_aux", Const(False)), node))
        numbers = (argnums,) if isinstance(argnums, int) else argnums
        if not isinstance(numbers, tuple | list) or not all(type(k) is int for k in numbers):
            lo.refuse(node, f"argnums must be an int or a tuple of ints, not {argnums!r}", "here")
        settings = Settings(tuple(numbers), isinstance(argnums, int), value, has_aux)
        given = (Const(settings), *more, *([bound["f"]] if "f" in bound else []))
        return Partial(Const(call), given, {}) if "f" in bound else Partial(Const(make), (Const(call), *given), {})

    return operator


def make(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Use an operator that was given options only as a decorator."""
    return Partial(args[0], tuple(args[1:]), {})


def call_gradient(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``grad(f)(*args)``."""
    settings = static_value(args[0])
    assert isinstance(settings, Settings)
    f, args = args[1], args[2:]
    closed = close(lo, f, args, keywords, numbers_of(lo, settings.argnums, args, node), node)
    loss, aux = split(lo, closed, settings.has_aux, node)
    number = _one_number(lo, closed, loss, node)
    results, gradients = pulled(lo, closed, {number: Const(1.0)}, node)
    gradient: Value = gradients[0] if settings.single else Node("tuple", tuple(gradients))
    if settings.value:
        return Node("tuple", (rebuilt(lo, closed.result, results), gradient))
    return gradient if aux is None else Node("tuple", (gradient, rebuilt(lo, aux, results)))


def split(lo: Lowering, closed: Closed, has_aux: bool, node: ast.AST) -> tuple[Result, Result | None]:
    result = closed.result
    if not has_aux:
        return result, None
    if isinstance(result, Node) and result.kind in ("tuple", "list") and len(result.children) == 2:
        return result.children[0], result.children[1]
    lo.refuse(node, not_a_pair(closed.function, result), "called here", "return a tuple of two")


def _one_number(lo: Lowering, closed: Closed, loss: Result, node: ast.AST) -> int:
    fn = closed.function
    if isinstance(loss, int) and fn.outs[loss].type.dims == () and fn.outs[loss].type.inexact:
        return loss
    message, remedy = not_one_number(fn, loss)
    lo.refuse(node, message, "called here", remedy)


def pulled(lo: Lowering, closed: Closed, seeds: Mapping[int, Atom], node: ast.AST) -> tuple[list[Value], list[Value]]:
    """Emit a pullback; return all results of the function, and the gradient of each differentiated argument."""
    fn = closed.function
    kept = tuple(k for k, out in enumerate(fn.outs) if isinstance(out, Var))
    wrt = tuple(k for tree in closed.wrt for k in leaves(tree) if k is not None)
    of = Pullback(fn, tuple(seeds), wrt, kept)
    found = lo.guarded_many(node, "pullback", (*closed.operands, *seeds.values()), (of,))
    held = dict(zip(kept, found, strict=False))
    results = [lo.wrap(held[k]) if k in held else out for k, out in enumerate(fn.outs)]
    adjoints: dict[int | None, Value] = {k: lo.wrap(a) for k, a in zip(wrt, found[len(kept) :], strict=True)}
    adjoints[None] = NONE
    return results, [owned(lo, map_leaves(adjoints.__getitem__, tree)) for tree in closed.wrt]


def rebuilt(lo: Lowering, structure: Result, results: Sequence[Value]) -> Value:
    return owned(lo, map_leaves(results.__getitem__, structure))


def owned(lo: Lowering, value: Value) -> Value:
    """Give the containers that the program makes identities of their own."""
    if not isinstance(value, Node):
        return value
    return lo.like(value, [owned(lo, c) for c in value.children])


# -- products with the Jacobian


def _vjp(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``vjp(f, *primals)``: the value, and the pullback as a function of the compiler's."""
    if not args or set(keywords) - {"has_aux", "argnums"}:
        lo.refuse(node, "vjp() takes a function, its arguments, has_aux and argnums", "called here")
    has_aux = bool(_static(lo, keywords.get("has_aux", Const(False)), node))
    function, primals = args[0], args[1:]
    closed = close(lo, function, primals, {}, _numbers(lo, keywords, primals, node), node)
    out, aux = split(lo, closed, has_aux, node)
    results, _ = pulled(lo, closed, {}, node)
    pullback = Partial(Const(call_pullback), (Const(_Pulled(closed, out)),), {})
    parts = [rebuilt(lo, out, results), pullback]
    return Node("tuple", tuple(parts if aux is None else [*parts, rebuilt(lo, aux, results)]))


def _numbers(lo: Lowering, keywords: Mapping[str, Value], primals: Args, node: ast.AST) -> list[int]:
    """Return the numbers of the arguments that `vjp` or `jvp` differentiates."""
    argnums = _static(lo, keywords.get("argnums", Const(None)), node)
    if argnums is None:
        return list(range(len(primals)))
    if not isinstance(argnums, tuple) or not all(type(k) is int for k in argnums):
        lo.refuse(node, f"argnums must be a tuple of ints, not {argnums!r}", "here")
    return numbers_of(lo, argnums, primals, node)


@dataclass(frozen=True, slots=True, eq=False)
class _Pulled:
    """What the pullback that `vjp` returns is of: a function, and the part of its results that has cotangents."""

    closed: Closed
    out: Result


def call_pullback(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower a call of the pullback that `vjp` returned."""
    of, given = static_value(args[0]), args[1:]
    assert isinstance(of, _Pulled)
    if len(given) != 1 or keywords:
        lo.refuse(node, "a pullback takes one cotangent, like the result of the function", "called here")
    seeds: dict[int, Atom] = {}
    for k, g in _matched(lo, of.out, given[0], "cotangent", node):
        out = of.closed.function.outs[k] if k is not None else NONE
        if k is not None and out.type.inexact and isinstance(out, Var):
            seeds[k] = _fitted(lo, g, out.type.rank, "cotangent", node)
            _same_shape(lo, seeds[k], out, "cotangent", node)
    results, gradients = pulled(lo, of.closed, seeds, node)
    for k, seed in seeds.items():  # lengths that the function itself decides
        _same_shape(lo, seed, of.closed.function.outs[k], "cotangent", node, lo.atom(results[k]))
    return Node("tuple", tuple(gradients))


def _jvp(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``jvp(f, primals, tangents)``."""
    bound = _bind(lo, f, ("f", "primals", "tangents", "has_aux", "outputs", "argnums"), args, keywords, node)
    if "outputs" in bound or not {"f", "primals", "tangents"} <= set(bound):
        lo.refuse(node, "jvp() takes a function, its arguments and their tangents", "called here")
    primals, tangents = (lo.current(bound[k]) for k in ("primals", "tangents"))
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, Node) or value.kind == "dict":
            lo.refuse(node, f"jvp(): {name} must be a tuple, with one entry for each argument", "called here")
    assert isinstance(primals, Node) and isinstance(tangents, Node)
    numbers = _numbers(lo, bound, primals.children, node)
    if len(numbers) != len(tangents.children):
        lo.refuse(node, "jvp(): there must be as many tangents as differentiated arguments", "called here")
    has_aux = bool(_static(lo, bound.get("has_aux", Const(False)), node))
    closed = close(lo, bound["f"], primals.children, {}, numbers, node)
    out, aux = split(lo, closed, has_aux, node)
    results, dots = pushed(lo, closed, tangents.children, node)
    parts = [rebuilt(lo, out, results), owned(lo, map_leaves(lambda k: dots.get(k, NONE), out))]
    return Node("tuple", tuple(parts if aux is None else [*parts, rebuilt(lo, aux, results)]))


def pushed(
    lo: Lowering, closed: Closed, tangents: Sequence[Value], node: ast.AST
) -> tuple[list[Value], dict[int, Value]]:
    """Emit a pushforward; return all results of the function, and the tangents of those that have one."""
    fn = closed.function
    dots: dict[int, Atom] = {}
    for tree, tangent in zip(closed.wrt, tangents, strict=True):
        for k, dot in _matched(lo, tree, tangent, "tangent", node):
            if k is not None:
                dots[k] = _fitted(lo, dot, fn.params[k].type.rank, "tangent", node)
                _same_shape(lo, dots[k], closed.operands[k], "tangent", node)
    of = Pushforward(fn, tuple(dots))
    found = lo.guarded_many(node, "pushforward", (*closed.operands, *dots.values()), (of,))
    count = len(fn.outs)
    results = [lo.wrap(v) if isinstance(o, Var) else o for v, o in zip(found[:count], fn.outs, strict=True)]
    return results, {k: lo.wrap(v) for k, v in zip(of.carried, found[count:], strict=True)}


def _matched(
    lo: Lowering, tree: Node[int | None] | Node[int] | int | None, value: Value, what: str, node: ast.AST
) -> list[tuple[int | None, Value]]:
    """Pair the leaves of a structure with those of a value of the same structure."""
    value = lo.current(value)
    if not isinstance(tree, Node):
        return [(tree, value)]
    same = isinstance(value, Node) and value.form == tree.form
    if not isinstance(value, Node) or not same or len(value.children) != len(tree.children):
        lo.refuse(node, f"the {what} has not the structure of what it belongs to: a {tree.kind}", "called here")
    pairs = zip(tree.children, value.children, strict=True)
    return [pair for t, v in pairs for pair in _matched(lo, t, v, what, node)]


def _fitted(lo: Lowering, value: Value, rank: int | None, what: str, node: ast.AST) -> Atom:
    """Return a tangent or cotangent as a number or an array of the rank that it needs."""
    atom = lo.number(value, node)
    if isinstance(atom, Const) and type(atom.value) is int:
        atom = Const(float(atom.value))
    if rank is not None and atom.type.rank is not None and atom.type.rank != rank:
        lo.refuse(node, f"the {what} has {atom.type.rank} axes, and what it belongs to {rank}", "called here")
    return atom


def _same_shape(lo: Lowering, atom: Atom, like: Atom, what: str, node: ast.AST, made: Atom | None = None) -> None:
    """See to it that the lengths of a tangent or cotangent are those that it needs: proved, or tested at run time.

    Without `made`, lengths that only that array has are left out; with it, the others are.
    """
    b = lo.builder
    for axis, (have, want) in enumerate(zip(atom.type.dims or (), like.type.dims or (), strict=False)):
        if lo.facts.same(have, want) or not isinstance(like, Var):
            continue
        lengths = example_of(have), example_of(want)
        if None not in lengths and anchored(lo.facts.find(have)) and anchored(lo.facts.find(want)):
            if lengths[0] != lengths[1]:
                lo.refuse(node, f"the {what} has another shape than what it belongs to", "called here")
            lo.facts.unify(have, want)
            continue
        try:
            length = b.length(want)
        except UnknownLength:
            if made is None:
                continue
            length = b.emit("dim", made, attrs=(axis,))
        else:
            if made is not None:
                continue
        same = b.emit("eq", b.emit("dim", atom, attrs=(axis,)), length)
        if isinstance(same, Const) and not same.value:
            lo.refuse(node, f"the {what} has another shape than what it belongs to", "called here")
        if not isinstance(same, Const):
            b.emit_many("assert", (same, Const(f"the {what} must have the shape of what it belongs to")), (), ())


# -- other operators


def _stop_gradient(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    (value,) = _bind(lo, f, ("x",), args, keywords, node).values()
    return _stopped(lo, value)


def _stopped(lo: Lowering, value: Value) -> Value:
    value = lo.current(value)
    if isinstance(value, Node):
        return owned(lo, value.holding([_stopped(lo, c) for c in value.children]))
    if isinstance(value, Ref | Var):
        stopped = lo.wrap(lo.builder.emit("stop_gradient", lo.atom(value)))
        if isinstance(value, Ref) and isinstance(stopped, Ref):
            lo.link(stopped.cell, value.cell)
        return stopped
    return value


def _derivative(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call a derivative that was made outside of the function being lowered."""
    inner: object = getattr(f, "__adcompile_inside__")  # noqa: B009  # what operators return has it
    outer, lo.rules = lo.rules, (*lo.rules, *getattr(f, "rules", ()))
    try:
        return calls.call(lo, lift(inner), args, keywords, node)
    finally:
        lo.rules = outer


# -- arguments


def _bind(
    lo: Lowering, f: Callable[..., object], names: Sequence[str], args: Args, keywords: Keywords, node: ast.AST
) -> dict[str, Value]:
    """Bind the arguments of an operator to its parameters, all of which may be left out here."""
    title = getattr(f, "__name__", "this")
    if len(args) > len(names):
        lo.refuse(node, f"{title}() takes {len(names)} arguments, {len(args)} were given", "called here")
    bound = dict(zip(names, args, strict=False))
    for name, value in keywords.items():
        if name not in names or name in bound:
            lo.refuse(node, f"{title}() got an unexpected argument `{name}`", "called here")
        bound[name] = value
    return bound


def _static(lo: Lowering, value: Value, node: ast.AST) -> object:
    return static_value(value) if is_static(value) else lo.static(value, node)


def call_jacobian(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``jacobian(f)(*args)``."""
    settings, mode, f, *rest = args
    of = static_value(settings)
    assert isinstance(of, Settings)
    return jacobians.jacobian_of(lo, f, rest, keywords, of, str(static_value(mode)), node)


def call_hessian(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Lower ``hessian(f)(*args)``: the Jacobian, in forward mode, of the gradient."""
    settings, f, *rest = args
    of = static_value(settings)
    assert isinstance(of, Settings)
    gradient = Partial(Const(call_gradient), (settings, f), {})
    return jacobians.jacobian_of(lo, gradient, rest, keywords, of, "forward", node)


def _macro(function: Callable[..., object], *options: tuple[str, object]) -> Operator:
    """Make an operator of a macro, whose parameters are the function, the options and the arguments of the call."""

    def operator(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
        names = ("f", *(name for name, _ in options))
        named = {k: v for k, v in keywords.items() if k in names}
        bound = dict(zip(names, args, strict=False)) | named
        if "f" not in bound:
            lo.refuse(node, f"{getattr(f, '__name__', 'the operator')}() needs a function", "called here")
        given = [bound["f"], *(bound.get(name, Const(default)) for name, default in options)]
        made = Partial(Const(function), tuple(given), {})
        rest = {k: v for k, v in keywords.items() if k not in names}
        return calls.call(lo, made, args[len(names) :], rest, node) if len(args) > len(names) or rest else made

    return operator


# What operators return here are partial applications of these.
for _function in (make, call_gradient, call_pullback, call_jacobian, call_hessian, *jacobians.FUNCTIONS):
    _function.__adcompile_operator__ = "applied"  # type: ignore[attr-defined]  # functions take any attribute


def _applied(lo: Lowering, f: Callable[..., object], args: Args, keywords: Keywords, node: ast.AST) -> Value:
    function: Function = f  # type: ignore[assignment]  # one of those above
    return function(lo, args, keywords, node)


OPERATORS: Final[dict[str, Operator]] = {
    "grad": _with_settings(call_gradient),
    "value_and_grad": _with_settings(call_gradient, True),
    "jacfwd": _with_settings(call_jacobian, False, Const("forward")),
    "jacrev": _with_settings(call_jacobian, False, Const("reverse")),
    "jacobian": _with_settings(call_jacobian, False, Const("cheapest")),
    "value_and_jacobian": _with_settings(call_jacobian, True, Const("cheapest")),
    "hessian": _with_settings(call_hessian),
    "elementwise_grad": _macro(macros.elementwise_grad, ("argnums", 0)),
    "derivative_along": _macro(macros.derivative_along, ("order", 1), ("argnum", 0)),
    "linearize": _macro(macros.linearize),
    "hvp": _macro(macros.hvp),
    "directional": _macro(macros.directional),
    "gauss_newton_vp": _macro(macros.gauss_newton_vp),
    "along_columns": _macro(macros.along_columns, ("argnum", 0)),
    "along_rows": _macro(macros.along_rows, ("argnum", 0)),
    "vjp": _vjp,
    "jvp": _jvp,
    "stop_gradient": _stop_gradient,
    "derivative": _derivative,
    "applied": _applied,
}
