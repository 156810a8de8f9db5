"""Blocks of derivatives: the program that computes a whole Jacobian.

The function itself is evaluated once: in forward mode its tangents, in reverse mode its adjoint statements carry all
directions at once. A gradient among the equations of the function is opened before tangents are carried through it, so
that a Hessian is a block of directions through a function and its adjoint statements, of which both are computed once.
"""

from __future__ import annotations

from collections.abc import Callable

from adcompile.ir.builder import Builder
from adcompile.ir.core import Atom, Block, Const, Eqn, For, Function, Stmt, Var, map_atoms, walk
from adcompile.ir.derivatives import Jacobian
from adcompile.ir.inlining import copied, keys_after
from adcompile.ir.types import PY_INT, Type, numpy_dtype
from adcompile.records import replace
from adcompile.transforms import batch, forward, reverse
from adcompile.transforms.callees import Callees
from adcompile.transforms.pullbacks import description


def block(of: Jacobian, callees: Callees, tidy: Callable[[Function], Function]) -> Function:
    """Return the function and its adjoint statements that compute a Jacobian; its results are those of the equation.

    `tidy` simplifies what carries one direction, before it carries all. Raises `batch.Unbatchable` if it cannot.
    """
    fn, count = of.function, len(of.function.outs)
    if of.mode == "forward":
        x = fn.params[of.number]
        made = forward.run(opened(fn, callees), [x], callees, apart=True)
        blocks = tuple(count + k for k in of.others)
    else:
        found = fn.outs[of.number]
        assert isinstance(found, Var)
        x = found
        made = reverse.run(fn, [fn.params[k] for k in of.others], (of.number,), True, callees)
        blocks = tuple(range(count, len(made.outs)))
    made = batch.run(tidy(made), made.params[-1], x, blocks)
    return replace(made, outs=tuple(made.outs[k] for k in (*of.kept, *blocks)))


def opened(fn: Function, callees: Callees) -> Function:
    """Put the one gradient among a function's equations in its place, with its adjoint statements."""
    places = [k for k, s in enumerate(fn.primal) if isinstance(s, Eqn) and s.prim == "pullback"]
    if len(places) != 1 or fn.adjoint:
        return fn
    eqn = fn.primal[places[0]]
    assert isinstance(eqn, Eqn)
    of = description(eqn)
    inner = of.function
    number = len(inner.params)
    known = {k: w for k, w in zip(of.seeds, eqn.args[number:], strict=True) if isinstance(w, Const)}
    joint = reverse.run(inner, [inner.params[k] for k in of.wrt], of.seeds, True, callees, known)
    given = (*eqn.args[:number], *(w for w in eqn.args[number:] if not isinstance(w, Const)))
    env: dict[Var, Atom] = dict(zip(joint.params, given, strict=True))
    taken = {v for s in walk(fn.primal) for v in s.outs} | set(fn.params)
    if any(v in taken for s in walk(joint.stmts) for v in s.outs):
        return fn

    def get(a: Atom) -> Atom:
        return env.get(a, a) if isinstance(a, Var) else a

    primal = [map_atoms(s, get) for s in joint.primal]
    adjoint = [map_atoms(s, get) for s in joint.adjoint]
    wanted = (*of.kept, *range(len(inner.outs), len(joint.outs)))
    env.update({o: get(joint.outs[k]) for o, k in zip(eqn.outs, wanted, strict=True)})
    return replace(
        fn,
        primal=(*fn.primal[: places[0]], *primal),
        adjoint=(*adjoint, *(map_atoms(s, get) for s in fn.primal[places[0] + 1 :])),
        outs=tuple(map(get, fn.outs)),
        names={**fn.names, **joint.names},
    )


def one_by_one(of: Jacobian, callees: Callees, finish: Callable[[Function], Function]) -> Function:
    """Return a program that calls a function for one direction after the other."""
    fn, count = of.function, len(of.function.outs)
    x, ends = of.ends
    assert isinstance(x, Var)
    if of.mode == "forward":
        sweep = forward.run(callees.quiet(fn), [x], callees)
        results = [count + k for k in of.others]
    else:
        sweep = reverse.run(callees.quiet(fn), [fn.params[k] for k in of.others], (of.number,), True, callees)
        results = list(range(count, len(sweep.outs)))
    made = finish(replace(sweep, name=f"{fn.name}_sweep", outs=tuple(sweep.outs[k] for k in results)))
    name = callees.function(("sweep", of), made.name, lambda: made)
    b = Builder(fn.facts, {v.name: v for v in fn.params})
    for v in fn.params:
        b.anchor(v)
    keys = keys_after(fn.stmts)
    primal, outs = copied(fn, fn.params, keys)
    for stmt in primal:
        b.add(stmt)
    anchor = x if of.mode == "forward" else outs[of.number]
    b.add(_loop(b, fn, anchor, ends, name, next(keys)))
    loop = b.stmts[-1]
    return replace(fn, primal=tuple(b.stmts), outs=(*(outs[k] for k in of.kept), *loop.outs))


def _loop(b: Builder, fn: Function, x: Atom, ends: tuple[Atom, ...], name: str, key: int) -> Stmt:
    """Make the loop over the directions."""
    dims = x.type.dims or ()
    shape = [b.length(d) for d in dims]
    size = b.emit("size", x)
    types = [Type("array", numpy_dtype(e.type), e.type.dims) for e in ends]
    zeros = [b.emit("zeros", size, *(b.length(d) for d in t.dims or ()), attrs=(t.dtype,)) for t in types]
    index = Var("", PY_INT)
    params = [Var("", z.type) for z in zeros]
    with b.block() as stmts:
        unit = b.emit("zeros", size, attrs=(numpy_dtype(x.type),))
        unit = b.emit("index_update", unit, Const(1.0), index, attrs=(("i",),))
        direction = unit if len(dims) == 1 else b.emit("reshape", unit, *shape)
        found = tuple(Var("", e.type) for e in ends)
        b.add(Eqn(found, "call", (*fn.params, direction), (name, tuple(v.type for v in found))))
        yields = [b.emit("index_update", p, v, index, attrs=(("i",),)) for p, v in zip(params, found, strict=True)]
    results = tuple(Var("block", z.type) for z in zeros)
    return For(
        index, Const(0), size, Const(1), tuple(zeros), Block(tuple(params), tuple(stmts), tuple(yields)), results, key
    )
