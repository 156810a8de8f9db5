"""Rewrites of elementwise operations, made as each equation is built.

In the primal a rewrite keeps the type and every bit of the result. In the adjoint it may change the rounding, and
three typed rewrites make adjoints read as if written by hand:

    broadcast_to(g, s) * x   ->  g * x                   where x has the shape s
    exp(broadcast_to(g, s))  ->  broadcast_to(exp(g), s)
    (-g) * x                 ->  -(g * x),   x + -g -> x - g

Broadcasts move outermost, negations to just inside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from adcompile.ir.core import FALSE, NONE, TRUE, Atom, Attrs, Const, Var, is_const, same_atom
from adcompile.ir.lengths import Dim, Facts, Length, anchored
from adcompile.ir.primitives import PRIMITIVES, Simplify
from adcompile.ir.types import PY_BOOL, Type

if TYPE_CHECKING:
    from adcompile.ir.builder import Builder

Dims = tuple[Length, ...]
Rewrite = Callable[["Builder", tuple[Atom, ...]], Atom | None]
LinearRewrite = Callable[["Builder", str, tuple[Atom, ...]], Atom | None]


def elementwise(name: str) -> Simplify:
    """Make the simplification of an elementwise primitive."""

    def simplify(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
        special = SPECIAL.get(name)
        found = special(b, args) if special is not None else None
        if found is None and b.phase == "adjoint":
            if any(spread_in(b, a) for a in args):
                found = inward(b, name, args, attrs) or broadcast_outward(b, name, args, attrs)
            linear = LINEAR.get(name)
            if found is None and linear is not None:
                found = linear(b, name, args)
        return found

    return simplify


# -- in any phase


def same_type(facts: Facts, s: Type, t: Type) -> bool:
    """Tell whether two values have the same kind, dtype and shape."""
    return s.kind == t.kind and s.dtype is not None and s.dtype == t.dtype and facts.same_dims(s.dims, t.dims)


def keeps(b: Builder, name: str, args: tuple[Atom, ...], kept: Atom) -> bool:
    """Tell whether an operation's result has the very type of one operand."""
    result = PRIMITIVES[name].infer(b.facts, args, ())
    return isinstance(result, Type) and kept.type.is_numeric and same_type(b.facts, result, kept.type)


def simplify_add(b: Builder, args: tuple[Atom, ...]) -> Atom | None:
    x, y = args
    for zero, kept in ((x, y), (y, x)):
        exact = b.phase == "adjoint" or kept.type.dtype is int
        if exact and is_const(zero, 0) and keeps(b, "add", args, kept):
            return kept
    return add_constants(b, "add", x, y)


def simplify_sub(b: Builder, args: tuple[Atom, ...]) -> Atom | None:
    x, y = args
    if is_const(y, 0) and repr(y) != "-0.0" and keeps(b, "sub", args, x):
        return x
    if b.phase == "adjoint" and is_const(x, 0) and keeps(b, "sub", args, y):
        return b.emit("neg", y)
    return add_constants(b, "sub", x, y)


def add_constants(b: Builder, name: str, x: Atom, y: Atom) -> Atom | None:
    """Rewrite ``i + 1 - 1`` to ``i``, ``i - 1 - 1`` to ``i - 2``, on Python ints."""
    inner = b.definition(x, "add") or b.definition(x, "sub")
    if inner is None or inner.out.type.kind != "py" or inner.out.type.dtype is not int:
        return None
    base, c = inner.args
    if not (isinstance(c, Const) and type(c.value) is int and isinstance(y, Const) and type(y.value) is int):
        return None
    if base.type.dtype is not int:
        return None
    shift = (c.value if inner.prim == "add" else -c.value) + (y.value if name == "add" else -y.value)
    return b.emit("add", base, Const(shift)) if shift >= 0 else b.emit("sub", base, Const(-shift))


def simplify_mul(b: Builder, args: tuple[Atom, ...]) -> Atom | None:
    x, y = args
    for one, kept in ((x, y), (y, x)):
        if is_const(one, 1) and keeps(b, "mul", args, kept):
            return kept
    return None


def simplify_div(b: Builder, args: tuple[Atom, ...]) -> Atom | None:
    return args[0] if is_const(args[1], 1) and keeps(b, "div", args, args[0]) else None


def simplify_pow(b: Builder, args: tuple[Atom, ...]) -> Atom | None:
    x, y = args
    if is_const(y, 1) and keeps(b, "pow", args, x):
        return x
    if b.phase == "adjoint" and x.type.is_array and x.type.inexact and (is_const(y, 3) or is_const(y, 4)):
        square = b.emit("mul", x, x)  # many times faster than the power of an array
        return b.emit("mul", square, x if is_const(y, 3) else square)
    return None


def simplify_neg(b: Builder, args: tuple[Atom, ...]) -> Atom | None:
    inner = b.definition(args[0], "neg")
    return inner.args[0] if inner is not None and keeps(b, "neg", args, inner.args[0]) else None


def compare_lengths(name: str) -> Rewrite:
    """Make the rewrite of a comparison of two lengths that are proved equal."""

    def simplify(b: Builder, args: tuple[Atom, ...]) -> Atom | None:
        x, y = (a.type.value for a in args)
        if x is None or y is None or not b.facts.same(x, y):
            return None
        return TRUE if name in ("eq", "le", "ge") else FALSE

    return simplify


SPECIAL: Final[dict[str, Rewrite]] = {
    "add": simplify_add,
    "sub": simplify_sub,
    "mul": simplify_mul,
    "div": simplify_div,
    "pow": simplify_pow,
    "neg": simplify_neg,
    **{name: compare_lengths(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
}


def truth(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """bool(x) of a Python bool is x."""
    return args[0] if args[0].type == PY_BOOL else None


def npdiv(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """np.divide(x, y) is x / y unless both may be Python numbers; dividing by a constant cannot raise."""
    x, y = args
    constant = isinstance(y, Const) and type(y.value) in (int, float) and y.value != 0
    if constant or any(a.type.kind in ("np", "array") for a in args):
        return b.emit("div", x, y)
    return None


# -- in the adjoint


def spread_in(b: Builder, a: Atom) -> bool:
    """Tell whether an operand may be an array that was broadcast, or given axes, or the negative of one."""
    eqn = b.defs.get(a) if isinstance(a, Var) else None
    return eqn is not None and eqn.prim in ("broadcast_to", "expand_dims", "neg")


def inward(b: Builder, name: str, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Drop a broadcast_to whose shape the other operands have anyway, and leading axes that they have too."""
    new = list(args)
    for i, a in enumerate(args):
        others = [x.type.dims for j, x in enumerate(new) if j != i]
        spread = b.definition(a, "broadcast_to")
        if spread is not None and others and covers(b.facts, a.type.dims, spread.args[0].type.dims, others):
            new[i] = spread.args[0]
        if any(dims is not None and len(dims) >= (new[i].type.rank or 0) for dims in others):
            new[i] = without_leading_axes(b, new[i])
    return b.emit(name, *new, attrs=attrs) if any(x is not y for x, y in zip(new, args, strict=True)) else None


def without_leading_axes(b: Builder, a: Atom) -> Atom:
    """Return x if the operand is ``np.expand_dims(x, 0)``, or has more axes of length 1 before those of x."""
    inner = negated(b, a)
    if inner is not None:
        lean = without_leading_axes(b, inner)
        return a if lean is inner else b.emit("neg", lean)
    eqn = b.definition(a, "expand_dims")
    if eqn is None:
        return a
    axes = eqn.attrs[0] if isinstance(eqn.attrs[0], tuple) else (eqn.attrs[0],)
    return eqn.args[0] if axes == tuple(range(len(axes))) else a


def covers(facts: Facts, full: Dims | None, source: Dims | None, others: Sequence[Dims | None]) -> bool:
    """Tell whether broadcasting `source` with the other shapes gives `full` without help."""
    shapes = [s for s in (source, *others) if s is not None]
    if full is None or len(shapes) <= len(others):
        return False
    return all(
        any(len(s) >= -axis and facts.same(s[axis], full[axis]) for s in shapes) for axis in range(-len(full), 0)
    )


def fits_in(facts: Facts, dims: Dims | None, full: Dims | None) -> bool:
    """Tell whether a shape can be broadcast to `full`, which then stays as it is."""
    if dims is None or full is None or len(dims) > len(full):
        return False
    pairs = zip(reversed(dims), reversed(full), strict=False)
    return all(facts.find(d) == 1 or facts.same(d, f) for d, f in pairs)


def broadcast_outward(b: Builder, name: str, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Apply the operation before the broadcast."""
    spreads = [b.definition(a, "broadcast_to") for a in args]
    first = next((e for e in spreads if e is not None), None)
    if first is None:
        return None
    full = first.out.type.dims
    for a in args:
        if not fits_in(b.facts, a.type.dims, full):
            return None
    before = [a if e is None else e.args[0] for a, e in zip(args, spreads, strict=True)]
    return b.emit("broadcast_to", b.emit(name, *before, attrs=attrs), *first.args[1:])


def negated(b: Builder, a: Atom) -> Atom | None:
    """Return x if the operand is -x."""
    eqn = b.definition(a, "neg")
    return None if eqn is None else eqn.args[0]


def product_adjoint(b: Builder, name: str, args: tuple[Atom, ...]) -> Atom | None:
    """Move negations out of products and quotients, and constants to the front of products."""
    x, y = args
    for i, a in enumerate(args):
        inner = negated(b, a)
        if inner is not None:
            return b.emit("neg", b.emit(name, *[inner if j == i else o for j, o in enumerate(args)]))
    if is_const(y, -1) and keeps(b, name, args, x):
        return b.emit("neg", x)
    if name == "mul":
        if is_const(x, -1) and keeps(b, name, args, y):
            return b.emit("neg", y)
        if isinstance(y, Const) and not isinstance(x, Const):
            return b.emit("mul", y, x)
        return multiply_scalars(b, x, y)
    return None


def multiply_scalars(b: Builder, x: Atom, y: Atom) -> Atom | None:
    """Multiply numbers before arrays, constants first.

    ``2 * (3 * x)``: ``6 * x``, ``s * (2 * x)``: ``2 * s * x``, ``2 * (0.5 * x / y)``: ``x / y``.
    """
    if x.type.dims != () or not (x.type.inexact or isinstance(x, Const)):
        return None
    quotient = b.definition(y, "div")
    if quotient is not None and isinstance(x, Const):
        inner = b.definition(quotient.args[0], "mul")
        if inner is not None and isinstance(inner.args[0], Const):
            return b.emit("div", b.emit("mul", x, quotient.args[0]), quotient.args[1])
        return None
    inner = b.definition(y, "mul")
    if inner is None:
        return None
    scale, rest = inner.args
    if isinstance(scale, Const) or (scale.type.dims == () and rest.type.dims not in ((), None)):
        return b.emit("mul", b.emit("mul", scale, x), rest)
    return None


def sum_adjoint(b: Builder, name: str, args: tuple[Atom, ...]) -> Atom | None:
    """Rewrite ``x + -y`` to ``x - y``, ``x - -y`` to ``x + y``, ``-x + y`` to ``y - x``, ``x + x`` to ``2.0 * x``."""
    x, y = args
    if name == "add" and y.type.inexact and y.type.is_numeric:
        if same_atom(x, y):
            return b.emit("mul", Const(2.0), y)
        total = b.definition(x, "add")
        if total is not None and same_atom(total.args[1], y):
            return b.emit("add", total.args[0], b.emit("mul", Const(2.0), y))
    inner = negated(b, y)
    if inner is not None:
        return b.emit("sub" if name == "add" else "add", x, inner)
    inner = negated(b, x)
    if inner is not None and name == "add":
        return b.emit("sub", y, inner)
    return None


LINEAR: Final[dict[str, LinearRewrite]] = {
    "mul": product_adjoint,
    "div": product_adjoint,
    "add": sum_adjoint,
    "sub": sum_adjoint,
}


def negation_outward(prim: str, operands: int = 1) -> Simplify:
    """Make the rewrite ``f(-x) -> -f(x)`` of a primitive that is linear in its first `operands` operands."""

    def simplify(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
        if b.phase == "adjoint":
            for i, a in enumerate(args[:operands]):
                inner = negated(b, a)
                if inner is not None:
                    return b.emit("neg", b.emit(prim, *args[:i], inner, *args[i + 1 :], attrs=attrs))
        return None

    return simplify


# -- structure


def broadcast_to(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Drop a broadcast to the shape that is there already; join two broadcasts; move a negation inside."""
    g, *shape = args
    result = PRIMITIVES["broadcast_to"].infer(b.facts, args, attrs)
    assert isinstance(result, Type)
    same_shape = b.facts.same_dims(g.type.dims, result.dims)
    if same_type(b.facts, g.type, result) or (b.phase == "adjoint" and same_shape and g.type.dtype == result.dtype):
        return g
    inner = b.definition(g, "broadcast_to")
    return None if inner is None else b.emit("broadcast_to", inner.args[0], *shape)


def accumulate(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Accumulate before broadcasting, the same thing once, and on nothing not at all."""
    x, g = args
    spread = b.definition(g, "broadcast_to")
    lean = g if spread is None else spread.args[0]
    if (x.type.rank or 0) >= (lean.type.rank or 0):
        lean = without_leading_axes(b, lean)
    if lean is not g:
        return b.emit("acc", x, lean)
    if b.definition(x, "zeros_like") is not None and same_type(b.facts, x.type, g.type):
        return g
    if is_const(x, 0) and g.type.inexact and g.type.dims == ():
        return g
    inner = negated(b, x)
    if inner is not None and same_type(b.facts, x.type, g.type):
        return b.emit("sub", g, inner)
    total = b.definition(x, "acc")
    if total is not None and isinstance(g, Var) and g.type.inexact and total.args[1] is g:
        return b.emit("acc", total.args[0], b.emit("mul", Const(2.0), g))
    return x if is_const(g, 0) else None


def astype(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Drop a cast to the dtype that is there already."""
    t = args[0].type
    return args[0] if t.kind in ("np", "array") and t.dtype is not None and t.dtype == attrs[0] else None


def dim(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Read a length from the argument that it belongs to, or use the integer argument itself.

    In the adjoint a product or sum of lengths of arguments is computed, rather than to keep a value for its shape.
    """
    dims, axis = args[0].type.dims, attrs[0]
    if dims is None or not isinstance(axis, int):
        return None
    length = b.facts.find(dims[axis])
    if isinstance(length, int):
        return Const(length)
    if length.op == "axis":
        owner = b.params.get(str(length.args[0]))
        if owner is not None and owner is not args[0]:
            return b.emit("dim", owner, attrs=(length.args[1],))
    if length.op == "value":
        return b.params.get(str(length.args[0]))
    computed = length.op in ("+", "-", "*", "//", "%") and is_arithmetic(b, length)
    return b.length(length) if computed and b.phase == "adjoint" and args[0] not in b.params.values() else None


def is_arithmetic(b: Builder, length: Length) -> bool:
    """Tell whether a length is computed from lengths and int arguments by arithmetic alone."""
    if isinstance(length, int):
        return True
    if length.op in ("axis", "value"):
        return str(length.args[0]) in b.params
    inner = [b.facts.find(a) for a in length.args if isinstance(a, int | Dim)]
    return length.op in ("+", "-", "*", "//", "%") and all(is_arithmetic(b, a) for a in inner)


def power(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """np.power(x, y) of an adjoint is x ** y unless Python would raise at x == 0, or has another result at x < 0."""
    x, y = args
    if b.phase == "adjoint":
        natural = isinstance(y, Const) and isinstance(y.value, int | float) and y.value >= 1
        if natural or any(a.type.kind in ("np", "array") for a in args):
            return b.emit("pow", x, y)
    return elementwise("power")(b, args, attrs)


def size(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """In the adjoint, take the size of an argument of the same shape, or multiply lengths, rather than keep a value."""
    dims = args[0].type.dims
    if b.phase == "primal" or dims is None or args[0] in b.params.values():
        return None
    if len(dims) == 1:
        return b.emit("dim", args[0], attrs=(0,))
    for owner in b.params.values():
        if owner.type.is_array and b.facts.same_dims(owner.type.dims, dims):
            return b.emit("size", owner)
    if not all(anchored(b.facts.find(d)) for d in dims):
        return None
    total: Atom = Const(1)
    for d in dims:
        total = b.emit("mul", total, b.length(d))
    return total


def index_add(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Drop a broadcast of what is added: adding broadcasts."""
    x, g, *indices = args
    spread = b.definition(g, "broadcast_to")
    return None if spread is None else b.emit("index_add", x, spread.args[0], *indices, attrs=attrs)


def index(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """Drop a read of a whole array, ``x[()]`` or ``x[...]`` or ``x[:]``, from the adjoint."""
    x, *bounds = args
    (path,) = attrs
    if b.phase != "adjoint" or not isinstance(path, tuple):
        return None
    whole = all(isinstance(step, str) and set(step) <= {"s", "e"} for step in path)
    if not whole or not all(same_atom(bound, NONE) for bound in bounds):
        return None
    result = PRIMITIVES["index"].infer(b.facts, args, attrs)
    return x if isinstance(result, Type) and same_type(b.facts, x.type, result) else None


def copy(b: Builder, args: tuple[Atom, ...], attrs: Attrs) -> Atom | None:
    """The array that is made of a list is a new one: copy(list_array(l)) -> list_array(l)."""
    return args[0] if b.definition(args[0], "list_array") is not None else None
