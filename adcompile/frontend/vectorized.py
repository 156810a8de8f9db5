"""np.vectorize: a loop over the elements, in which the user's function is called with Python numbers, as NumPy does."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from adcompile.frontend import calls, prelude
from adcompile.frontend.values import Args, Keywords, Partial, Value, lift
from adcompile.ir.core import NONE, Atom, Const, Eqn, For, If, Stmt, Var, While, definitions, is_none
from adcompile.ir.structure import Node

if TYPE_CHECKING:
    from adcompile.frontend.lower import Lowering

PARAMETERS: Final = ("pyfunc", "otypes", "doc", "excluded", "cache", "signature")

# Equations whose result is an int where all operands are.
CLOSED: Final = ("add", "sub", "mul", "neg", "pow", "mod", "floordiv", "abs")

# Equations whose result is one of their operands.
CHOOSING: Final = ("builtin_max", "builtin_min")

Definitions = Mapping[Var, Stmt]


def vectorize(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Make the function that np.vectorize makes, or the decorator."""
    given = {**dict(zip(PARAMETERS, args, strict=False)), **keywords}
    if "pyfunc" not in given:
        return Partial(Const(np.vectorize), (), dict(given))
    if not is_none(given.get("signature", NONE)):
        return Partial(Const(prelude.over_parts), (given["pyfunc"], given["signature"]), {})
    excluded = lo.static(given.get("excluded", NONE), node)
    names = Const(tuple(excluded) if isinstance(excluded, set | list | tuple | frozenset) else ())
    return Partial(Const(prelude.vectorized), (given["pyfunc"], given.get("otypes", NONE), names), {})


def known(lo: Lowering, f: np.vectorize, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call what np.vectorize made outside of the function."""
    lo.depend(f, "pyfunc", f.pyfunc)
    made: Mapping[str, object] = {"otypes": f.otypes, "excluded": f.excluded, "signature": f.signature}
    given = {name: lift(value) for name, value in made.items()}
    return calls.call(lo, vectorize(lo, [Const(f.pyfunc)], given, node), args, keywords, node)


def vectorized(lo: Lowering, args: Args, keywords: Keywords, node: ast.AST) -> Value:
    """Call what np.vectorize made: `args` begins with the function, the types of its results and what is excluded."""
    function, otypes, excluded, *arrays = args
    names = lo.static(excluded, node)
    assert isinstance(names, tuple)
    if any(isinstance(n, int) for n in names) or not set(keywords) <= set(names):
        hint = "pass what is the same for all elements by name, and name it in `excluded`"
        lo.refuse(node, "np.vectorize() takes arrays by position, and other arguments by name", "called here", hint)
    if not arrays:
        lo.refuse(node, "np.vectorize() needs an array", "called here")
    function = Partial(function, (), keywords) if keywords else function
    dtypes = lo.static(otypes, node)
    said = dtypes is not None and dtypes != ""
    types = tuple(map(np.dtype, dtypes)) if isinstance(dtypes, str | list | tuple) and said else None
    found = types or types_of(lo, function, arrays, node)
    return calls.in_python(lo, prelude.over_elements, [function, lift(found), Const(said), *arrays], node)


def types_of(lo: Lowering, function: Value, arrays: Args, node: ast.AST) -> tuple[np.dtype, ...]:
    """Return the types of the results: those of the first element's, which all must have."""
    mark, names = lo.builder.mark(), lo.snapshot()
    result = lo.current(calls.in_python(lo, prelude.first_element, [function, *arrays], node))
    parts = list(result.children) if isinstance(result, Node) and result.kind == "tuple" else [result]
    atoms = [lo.number(p, node) for p in parts]
    defs = definitions(lo.builder.stmts[mark[0] :])
    single = all(np.dtype(lo.type_of(a).dtype or float).itemsize >= 8 for a in map(lo.current, arrays))
    types = [t.type for t in atoms]
    mixed = any(
        np.dtype(t.dtype or object).kind in "fc" and may_be_int(defs, a) for t, a in zip(types, atoms, strict=True)
    )
    if mixed or not single or any(t.dtype is None or t.dims != () for t in types):
        hint = "say what they are: np.vectorize(..., otypes=[float])"
        lo.refuse(node, "the results of the function for np.vectorize() may be of several types", "called here", hint)
    lo.builder.rewind(mark)
    lo.restore(names)
    return tuple(np.dtype(t.dtype) for t in types)


def may_be_int(defs: Definitions, a: Atom) -> bool:
    """Tell whether a number may be an int at run time, though it counts as a float where it was made."""
    if not isinstance(a, Var):
        return isinstance(a.value, int)
    if a.type.dtype in (int, bool):
        return True
    stmt = defs.get(a)
    match stmt:
        case Eqn():
            ints = [may_be_int(defs, b) for b in stmt.args]
            return any(ints) if stmt.prim in CHOOSING else stmt.prim in CLOSED and all(ints)
        case If(then=then, orelse=orelse):
            place = stmt.outs.index(a)
            return may_be_int(defs, then.yields[place]) or may_be_int(defs, orelse.yields[place])
        case For() | While():
            place = stmt.outs.index(a)
            runs = isinstance(stmt, For) and trips(stmt) > 0
            return (not runs and may_be_int(defs, stmt.inits[place])) or may_be_int(defs, stmt.body.yields[place])
    return False


def trips(loop: For) -> int:
    """Return the number of trips of a loop over a known range; 0 if it is not known."""
    bounds = [a.value for a in (loop.start, loop.stop, loop.step) if isinstance(a, Const)]
    known = [b for b in bounds if isinstance(b, int)]
    return len(range(*known)) if len(known) == 3 and loop.until is None else 0
