"""One equation as a Python expression.

Operands that were folded are written in place, the others by name. A primitive without a form of its own here is a call
of the function that its table entry names, with the operands by position and the attributes that differ from their
defaults by keyword.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from adcompile.emit import checkpoints, lists, paths, syntax
from adcompile.ir.core import FALSE, TRUE, UNDEFINED, Atom, Const, Eqn, If, Var, is_none, same_atom
from adcompile.ir.lists import READ, VIEW
from adcompile.ir.primitives import PRIMITIVES, Primitive
from adcompile.ir.structure import Node
from adcompile.ir.types import numpy_dtype
from adcompile.rules.lengths import normalise_axes
from adcompile.rules.signature import Slot, attribute_slots, operand_slots

Trees = Mapping[Var, Eqn | If]

# NumPy functions that are also methods of arrays, taking the same attributes.
METHODS: Final = frozenset(
    {
        *("sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "argmax", "argmin", "cumsum", "cumprod"),
        *("reshape", "ravel", "swapaxes", "squeeze", "repeat", "trace"),
    }
)


class Expressions:
    """Writes the expressions of a function.

    trees   the equations and ifs that are written where they are read
    names   of all other variables
    tapes   of the lists that stand for tapes
    plain   tells for an equation whether the user wrote it as np.sum(x) rather than x.sum()
    """

    def __init__(
        self, trees: Trees, names: Mapping[Var, str], tapes: Mapping[object, str], plain: Callable[[Eqn], bool]
    ) -> None:
        self.trees, self.names, self.tapes, self.plain = trees, names, tapes, plain

    def atom(self, a: Atom) -> ast.expr:
        """Write a value: a constant, a name, or what was folded."""
        if isinstance(a, Const):
            return syntax.constant(a.value)
        tree = self.trees.get(a)
        if tree is None:
            return ast.Name(self.names[a], ast.Load())
        return self.equation(tree) if isinstance(tree, Eqn) else self.choice(tree)

    def choice(self, stmt: If) -> ast.expr:
        """Write an if with one result as a conditional expression, or as and / or."""
        cond, then, orelse = self.atom(stmt.cond), stmt.then.yields[0], stmt.orelse.yields[0]
        fails = orelse is stmt.cond or (is_truth(stmt.cond) and same_atom(orelse, FALSE))
        holds = then is stmt.cond or (is_truth(stmt.cond) and same_atom(then, TRUE))
        if fails and holds:
            return cond
        if fails:
            return syntax.boolean(ast.And(), cond, self.atom(then))
        if holds:
            return syntax.boolean(ast.Or(), cond, self.atom(orelse))
        return ast.IfExp(cond, self.atom(then), self.atom(orelse))

    def equation(self, eqn: Eqn) -> ast.expr:
        """Write the right-hand side of an equation."""
        if eqn.prim == "acc":
            return syntax.sum_of([self.atom(a) for a in reversed(self.terms(eqn))])
        if eqn.prim in syntax.OPERATORS:
            return syntax.binary(eqn.prim, *map(self.atom, eqn.args))
        if eqn.prim in syntax.COMPARISONS:
            return syntax.compare(eqn.prim, *map(self.atom, eqn.args))
        for forms in (lists.FORMS, checkpoints.FORMS):
            if eqn.prim in forms:
                return forms[eqn.prim](eqn, self.atom)
        form = FORMS.get(eqn.prim)
        if form is not None:
            written = form(self, eqn)
            if written is not None:
                return written
        return self.generic(eqn)

    def terms(self, eqn: Eqn) -> list[Atom]:
        """Return what is added up in an adjoint, the first contribution first."""
        have, new = eqn.args
        inner = self.trees.get(have) if isinstance(have, Var) else None
        return [*(self.terms(inner) if isinstance(inner, Eqn) and inner.prim == "acc" else [have]), new]

    # -- calls

    def generic(self, eqn: Eqn) -> ast.expr:
        p = PRIMITIVES[eqn.prim]
        assert p.spelling, f"no way to write {eqn.prim}"
        first, args, keywords = self.arguments(p, eqn)
        if self.is_method(eqn):
            receiver, *args = args
            if p.name == "reshape" and isinstance(args[0], ast.Tuple) and args[0].elts:
                args = args[0].elts
            return syntax.method(receiver, p.name, *args, **keywords)
        return syntax.call(p.spelling, *first, *args, **keywords)

    def is_method(self, eqn: Eqn) -> bool:
        """Tell whether x.sum() reads better than np.sum(x)."""
        if eqn.prim not in METHODS or not eqn.args[0].type.is_array or self.plain(eqn):
            return False
        tree = self.trees.get(eqn.args[0]) if isinstance(eqn.args[0], Var) else None
        operator = isinstance(tree, If) or tree is not None and tree.prim in _OPERATOR_LIKE
        return not operator

    def arguments(self, p: Primitive, eqn: Eqn) -> tuple[list[ast.expr], list[ast.expr], dict[str, ast.expr]]:
        """Return the arguments of a call: those that go first, those by position, those by keyword."""
        args = self.operands(operand_slots(p), list(eqn.args))
        first: list[ast.expr] = []
        keywords: dict[str, ast.expr] = {}
        for slot, value in zip(attribute_slots(p), eqn.attrs, strict=False):
            if slot.first:
                first.append(syntax.constant(value))
            elif not slot.optional and not keywords:
                args.append(syntax.constant(value))
            elif not (slot.optional and _equal(value, slot.default)):
                keywords[slot.name] = syntax.constant(value)
        return first, args, keywords

    def operands(self, slots: list[Slot], atoms: list[Atom]) -> list[ast.expr]:
        """Write the operands; a starred slot takes those that the others leave."""
        spare = len(atoms) - sum(not s.many for s in slots)
        out: list[ast.expr] = []
        for slot in slots:
            taken, atoms = (atoms[:spare], atoms[spare:]) if slot.many else (atoms[:1], atoms[1:])
            if slot.form == "tuple":
                out.append(self.shape(taken))
            elif slot.form == "list":
                out.append(ast.List([self.atom(a) for a in taken], ast.Load()))
            else:
                out += map(self.atom, taken)
        return out

    def shape(self, atoms: list[Atom]) -> ast.expr:
        """Write a shape: ``x.shape`` if it is that of one array."""
        owner = self.shape_owner(atoms)
        if owner is not None:
            return syntax.attribute(self.atom(owner), "shape")
        if len(atoms) == 1:
            return self.atom(atoms[0])
        return syntax.tuple_of(map(self.atom, atoms))

    def shape_owner(self, atoms: list[Atom]) -> Atom | None:
        """Return the array whose axes 0, 1, ... the atoms are, if they are all of them."""
        found: Atom | None = None
        for axis, a in enumerate(atoms):
            tree = self.trees.get(a) if isinstance(a, Var) else None
            if not isinstance(tree, Eqn) or tree.prim != "dim" or tree.attrs != (axis,):
                return None
            if found is not None and not same_atom(found, tree.args[0]):
                return None
            found = tree.args[0]
        return found if found is not None and found.type.rank == len(atoms) else None

    def structured(self, tree: Node[int] | int, eqn: Eqn) -> ast.expr:
        """Write containers of operands, given by their numbers."""
        if not isinstance(tree, Node):
            a = eqn.args[tree]
            if isinstance(a, Const) and isinstance(a.value, range):
                r = a.value
                return syntax.range_call(*map(syntax.constant, (r.start, r.stop, r.step)))
            return self.atom(a)
        items = [self.structured(c, eqn) for c in tree.children]
        if tree.kind == "dict":
            return ast.Dict([syntax.constant(k) for k in tree.keys], items)
        return syntax.tuple_of(items) if tree.kind == "tuple" else ast.List(items, ast.Load())

    def subscripted(self, base: Atom, path: object, atoms: tuple[Atom, ...]) -> ast.expr:
        """Write ``base[...]``."""
        return paths.read(self.atom(base), path, [self.atom(a) for a in atoms])


_OPERATOR_LIKE: Final = {*syntax.OPERATORS, *syntax.COMPARISONS, "neg", "not", "and", "or", "invert"}


def is_truth(a: Atom) -> bool:
    """Tell whether a value is a boolean, so that `and` and `or` give one."""
    return a.type.is_scalar and numpy_dtype(a.type) == np.dtype(bool)


def _equal(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


# -- forms of their own


def _unary(op: type[ast.unaryop]) -> Form:
    return lambda w, eqn: ast.UnaryOp(op(), w.atom(eqn.args[0]))


def _boolean(op: type[ast.boolop]) -> Form:
    return lambda w, eqn: syntax.boolean(op(), *map(w.atom, eqn.args))


def _method(text: str) -> Form:
    return lambda w, eqn: syntax.method(w.atom(eqn.args[0]), text)


def _copy_if_made(w: Expressions, eqn: Eqn) -> ast.expr:
    value = w.atom(eqn.args[0])
    made = ast.Compare(value, [ast.IsNot()], [ast.Constant(None)])
    return ast.IfExp(made, syntax.method(w.atom(eqn.args[0]), "copy"), ast.Constant(None))


def _attribute(text: str) -> Form:
    return lambda w, eqn: syntax.attribute(w.atom(eqn.args[0]), text)


def _builtin(text: str) -> Form:
    return lambda w, eqn: syntax.call(text, *map(w.atom, eqn.args))


def _dim(w: Expressions, eqn: Eqn) -> ast.expr:
    x, (axis,) = w.atom(eqn.args[0]), eqn.attrs
    if axis == 0 and eqn.args[0].type.rank in (1, None):
        return syntax.call("len", x)
    return syntax.subscript(syntax.attribute(x, "shape"), syntax.constant(axis))


def _range_length(w: Expressions, eqn: Eqn) -> ast.expr:
    start, stop, step = map(w.atom, eqn.args)
    return syntax.call("len", syntax.range_call(start, stop, step))


def _index(w: Expressions, eqn: Eqn) -> ast.expr:
    return w.subscripted(eqn.args[0], eqn.attrs[0], eqn.args[1:])


def _index_in_list(w: Expressions, eqn: Eqn) -> ast.expr:
    """Write what is read of an array of a list that owns it, which is never a view."""
    held, k, *atoms = eqn.args
    (path,) = eqn.attrs
    assert isinstance(path, tuple)
    item = ast.Subscript(w.atom(held), w.atom(k), ast.Load())
    written = item if path == ("e",) else paths.read(item, path, list(map(w.atom, atoms)))
    path_of = [code for step in path if isinstance(step, str) for code in step]
    fresh = eqn.prim == VIEW or eqn.out.type.is_scalar or not {"a", "m"}.isdisjoint(path_of)
    return written if fresh else syntax.method(written, "copy")


def _astype(w: Expressions, eqn: Eqn) -> ast.expr:
    x, (dtype,) = eqn.args[0], eqn.attrs
    if x.type.is_array:
        kind = syntax.name("bool") if dtype == np.dtype(bool) else syntax.constant(dtype)
        return syntax.method(w.atom(x), "astype", kind)
    return syntax.call(syntax.constant(dtype), w.atom(x))


def _slice_length(w: Expressions, eqn: Eqn) -> ast.expr:
    n, *bounds = (None if is_none(a) else w.atom(a) for a in eqn.args)
    assert n is not None
    return syntax.call("len", syntax.subscript(syntax.call("range", n), ast.Slice(*bounds)))


def _transpose(w: Expressions, eqn: Eqn) -> ast.expr | None:
    (x,), (axes,) = eqn.args, eqn.attrs
    if axes in (None, (1, 0)) and x.type.is_array:
        return syntax.attribute(w.atom(x), "T")
    return None if axes is None else syntax.call("np.transpose", w.atom(x), syntax.constant(axes))


def _full(w: Expressions, eqn: Eqn) -> ast.expr | None:
    """Write np.full without a dtype that the filling has anyway."""
    fill, *shape = eqn.args
    dtype = eqn.attrs[0]
    keywords = {} if dtype is None or numpy_dtype(fill.type) == dtype else {"dtype": syntax.constant(dtype)}
    return syntax.call("np.full", w.shape(shape), w.atom(fill), **keywords)


def _array(w: Expressions, eqn: Eqn) -> ast.expr:
    """Write the nested lists of an array made of numbers."""
    shape, dtype = eqn.attrs
    assert isinstance(shape, tuple)
    items: list[ast.expr] = [w.atom(a) for a in eqn.args]
    for length in reversed(shape[1:]):
        items = [ast.List(items[i : i + length], ast.Load()) for i in range(0, len(items), length)]
    keywords = {} if dtype is None else {"dtype": syntax.constant(dtype)}
    nested = ast.List(items, ast.Load()) if shape else items[0]
    return syntax.call("np.array", nested, **keywords)


def _expand_dims(w: Expressions, eqn: Eqn) -> ast.expr | None:
    """Write ``x[:, np.newaxis]``, which is many times faster than a call, unless the user wrote the call."""
    (x,), (axis,) = eqn.args, eqn.attrs
    if w.plain(eqn) or not x.type.is_array or not x.type.dims or axis == ():
        return None
    if axis == ():
        return w.atom(x)
    count = len(axis) if isinstance(axis, tuple) else 1
    places = normalise_axes(axis, len(x.type.dims) + count)
    codes = ["n" if i in places else "s" for i in range(max(places) + 1)]
    return paths.read(w.atom(x), ("".join(codes),), [ast.Constant(None)] * (3 * codes.count("s")))


def _format(w: Expressions, eqn: Eqn) -> ast.expr:
    return syntax.method(syntax.constant(eqn.attrs[0]), "format", *map(w.atom, eqn.args))


def _text_method(w: Expressions, eqn: Eqn) -> ast.expr:
    return syntax.method_call(str(eqn.attrs[0]), *map(w.atom, eqn.args))


def _raises(w: Expressions, eqn: Eqn) -> ast.expr:
    error, function = (syntax.name(str(a)) for a in eqn.attrs)
    return syntax.call("raises", error, function, *map(w.atom, eqn.args))


def _call(suffix: str) -> Form:
    return lambda w, eqn: syntax.call(f"{eqn.attrs[0]}{suffix}", *map(w.atom, eqn.args))


def _opaque(w: Expressions, eqn: Eqn) -> ast.expr:
    """Write a call of a function that the compiler does not know."""
    form, name, _, layout, _ = eqn.attrs
    assert isinstance(name, tuple) and isinstance(layout, tuple)
    args: list[ast.expr] = []
    keywords: dict[str, ast.expr] = {}
    for keyword, tree in layout:
        if keyword:
            keywords[keyword] = w.structured(tree, eqn)
        else:
            args.append(w.structured(tree, eqn))
    if form == "method" and not keywords:
        return syntax.method_call(name[1], w.atom(eqn.args[0]), *args)
    if form == "method":
        return syntax.method(w.atom(eqn.args[0]), name[1], *args, **keywords)
    if form == "value":
        return ast.Call(w.atom(eqn.args[0]), args, [ast.keyword(k, v) for k, v in keywords.items()])
    if name[:2] == ("builtins", "getattr") and isinstance(args[1], ast.Constant):
        return ast.Attribute(args[0], str(args[1].value), ast.Load())
    module = re.sub(r"^numpy\b", "np", name[0])
    return syntax.call(name[1] if module == "builtins" else f"{module}.{name[1]}", *args, **keywords)


def _tree(w: Expressions, eqn: Eqn) -> ast.expr:
    return syntax.tuple_of(ast.Constant(None) if a is UNDEFINED else w.atom(a) for a in eqn.args)


Form = Callable[[Expressions, Eqn], ast.expr | None]


def _pop(w: Expressions, eqn: Eqn) -> ast.expr:
    """Take the last value off a tape, or read the one at a position: see `tapes.by_position`."""
    tape = syntax.name(w.tapes[eqn.attrs[0]])
    return syntax.subscript(tape, w.atom(eqn.args[0])) if eqn.args else syntax.method(tape, "pop")


FORMS: Final[Mapping[str, Form]] = {
    "stop_gradient": lambda w, eqn: w.atom(eqn.args[0]),  # where a program is run equation by equation
    "neg": _unary(ast.USub),
    "sparse_product": lambda w, eqn: syntax.binary("matmul", *map(w.atom, eqn.args)),
    "product_sparse": lambda w, eqn: syntax.binary("matmul", *map(w.atom, eqn.args)),
    "sparse_transpose": _attribute("T"),
    "sparse_dense": _method("toarray"),
    "not": _unary(ast.Not),
    "invert": _unary(ast.Invert),
    "and": _boolean(ast.And),
    "or": _boolean(ast.Or),
    "abs": _builtin("abs"),
    "truth": _builtin("bool"),
    "absent": lambda w, eqn: ast.Compare(w.atom(eqn.args[0]), [ast.Is()], [ast.Constant(None)]),
    "copy": lambda w, eqn: lists.copied(eqn, w.atom),
    "copy_if_made": _copy_if_made,
    "raises": _raises,
    "item": _method("item"),
    "conj": _method("conjugate"),
    "real": _attribute("real"),
    "imag": _attribute("imag"),
    "dim": _dim,
    "size": lambda w, eqn: syntax.attribute(w.atom(eqn.args[0]), "size"),
    "range_length": _range_length,
    "slice_length": _slice_length,
    "index": _index,
    READ: _index_in_list,
    VIEW: _index_in_list,
    "astype": _astype,
    "transpose": _transpose,
    "full": _full,
    "array": _array,
    "expand_dims": _expand_dims,
    "format": _format,
    "text_method": _text_method,
    "text_slice": lambda w, eqn: lists.part(eqn, w.atom),
    "call": _call(""),
    "opaque": _opaque,
    "tree": _tree,
    "tree_absent": lambda w, eqn: ast.Compare(w.atom(eqn.args[0]), [ast.Is()], [ast.Constant(None)]),
    "call_loud": _call(""),
    "pop": _pop,
    "call_fwd": _call("_fwd"),
    "call_bwd": _call("_bwd"),
}
