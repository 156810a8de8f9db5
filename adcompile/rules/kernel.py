"""The primitives that the passes themselves build: shapes, accumulation, stores, effects, calls."""

from __future__ import annotations

import numpy as np

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.derivatives import infer_jacobian, infer_pullback, infer_pushforward
from adcompile.ir.lengths import ANY_LENGTH, Facts
from adcompile.ir.primitives import Infer, Primitive, register
from adcompile.ir.types import OBJECT, PY_BOOL, PY_INT, Type, numpy_dtype
from adcompile.rules import revolve, runtime, simplify
from adcompile.rules.lengths import broadcast, product, require_length, shape_of
from adcompile.rules.promotion import common_dtype


def rank_of(t: Type) -> int | None:
    """Return the rank of a value, raising if it has no shape, as sparse matrices have."""
    if t.kind == "object" and not t.layout:
        raise TypeError("the value is not an array")
    return t.rank


def infer_dim(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    t = args[0].type
    (axis,) = attrs
    rank = rank_of(t)
    if rank is None or t.dims is None:
        return PY_INT
    if not isinstance(axis, int) or not 0 <= axis < rank:
        raise TypeError(f"a value of rank {rank} has no axis {axis}")
    return Type("py", int, (), require_length(facts.find(t.dims[axis])))


def infer_size(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    t = args[0].type
    return PY_INT if rank_of(t) is None else Type("py", int, (), product(map(facts.find, t.dims or ())))


def infer_ndim(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return PY_INT


def infer_acc(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    x, g = (a.type for a in args)
    if x.kind == "py" and g.kind != "py":  # 0.0 + np.float64(...)
        return Type("np", numpy_dtype(g)) if g.kind == "np" else Type("scalar", numpy_dtype(g))
    return x


def infer_zeros_like(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    t = args[0].type
    return Type("array", numpy_dtype(t), t.dims)


def infer_same(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return args[0].type


def infer_copy(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    t = args[0].type
    if t.kind == "py":
        raise TypeError(f"a Python {t} has no copy method")
    return t


def infer_broadcast_to(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    g, *shape = args
    dims = shape_of(facts, shape)
    if g.type.rank is not None and g.type.rank > len(dims):
        raise TypeError(f"an array of rank {g.type.rank} cannot be broadcast to rank {len(dims)}")
    broadcast(facts, g.type.dims, dims)
    return Type("array", numpy_dtype(g.type), dims)


def infer_full(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    g, *shape = args
    dtype = attrs[0] if attrs else None
    return Type("array", numpy_dtype(g.type) if not isinstance(dtype, np.dtype) else dtype, shape_of(facts, shape))


def infer_unbroadcast(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    g, like = (a.type for a in args)
    return Type("np" if like.dims == () else "array", numpy_dtype(g), like.dims)


def infer_astype(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    t = args[0].type
    (dtype,) = attrs
    assert isinstance(dtype, np.dtype)
    if t.kind == "object":
        return OBJECT
    return Type("array" if t.is_array else "np", dtype, t.dims)


def infer_where(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    c, x, y = (a.type for a in args)
    if "object" in (c.kind, x.kind, y.kind):
        return OBJECT
    return Type("array", common_dtype((x, y)), broadcast(facts, c.dims, x.dims, y.dims))


def given(*types: Type) -> Infer:
    """Make an inference that always gives these types."""
    return lambda facts, args, attrs: types


def infer_from_attrs(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> tuple[Type, ...]:
    """Take the types of the results from the last attribute: a tuple of types, or how many unknown ones."""
    last = attrs[-1]
    if isinstance(last, tuple):
        return tuple(_of_one_call(facts, t) for t in last if isinstance(t, Type))
    if isinstance(last, Type):
        return (last,)
    return (OBJECT,) * (last if isinstance(last, int) else 1)


def _of_one_call(facts: Facts, t: Type) -> Type:
    """Return the type of a result of one call, whose lengths may differ from those of other calls."""
    if t.dims is None or ANY_LENGTH not in t.dims:
        return t
    dims = tuple(facts.fresh() if d == ANY_LENGTH else d for d in t.dims)
    return Type(t.kind, t.dtype, dims, t.value, t.layout)


def infer_pop(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """A value from a tape has the type that the second attribute gives."""
    return attrs[1] if len(attrs) > 1 and isinstance(attrs[1], Type) else OBJECT


register(Primitive("dim", infer_dim, signature="x, axis", n_attrs=1, simplify=simplify.dim, cost="free", safe=True))
register(Primitive("size", infer_size, simplify=simplify.size, cost="free", safe=True))
register(Primitive("ndim", infer_ndim, "np.ndim", cost="free", safe=True))
register(Primitive("acc", infer_acc, signature="x, g", simplify=simplify.accumulate, cost="arithmetic", updates=True))
register(Primitive("zeros_like", infer_zeros_like, "np.zeros_like", cost="arithmetic", allocates=True, safe=True))
register(Primitive("copy", infer_copy, simplify=simplify.copy, cost="arithmetic", allocates=True, safe=True))
register(
    Primitive(
        "broadcast_to",
        infer_broadcast_to,
        "np.broadcast_to",
        "x, (*shape)",
        simplify=simplify.broadcast_to,
        cost="free",
        shares=True,
    )
)
register(
    Primitive("full", infer_full, "np.full", "fill, (*shape), dtype=None", n_attrs=1, cost="arithmetic", allocates=True)
)
register(Primitive("read_only", infer_copy, "read_only", helper=runtime.read_only, shares=True, cost="free"))
register(Primitive("kept", infer_copy, "kept", helper=runtime.kept, cost="arithmetic", allocates=True))
register(Primitive("copy_if_made", infer_copy, signature="x", cost="arithmetic", allocates=True))
register(Primitive("unchanged", given(), "unchanged", "x, before, message", effect=True, helper=runtime.unchanged))
register(Primitive("unbroadcast", infer_unbroadcast, "unbroadcast", "g, like", helper=runtime.unbroadcast, shares=True))
register(
    Primitive(
        "astype", infer_astype, signature="x, dtype", n_attrs=1, simplify=simplify.astype, cost="arithmetic", safe=True
    )
)
register(
    Primitive("where", infer_where, "np.where", "c, x, y", simplify=simplify.elementwise("where"), cost="arithmetic")
)
register(Primitive("stop_gradient", infer_same, cost="free", shares=True, safe=True))
register(Primitive("undo", given(), effect=True, cost="free"))
register(Primitive("push", given(), signature="x, tape", n_attrs=1, effect=True, cost="free"))
register(Primitive("pop", infer_pop, signature="tape, type", n_attrs=2, effect=True, cost="free"))
register(
    Primitive(
        "check_finite",
        given(),
        "check_finite",
        "g, *xs, name, place, names",
        n_attrs=3,
        effect=True,
        cost="free",
        helper=runtime.check_finite,
    )
)
register(Primitive("is_complex", given(PY_BOOL), "np.iscomplexobj", signature="x", cost="free", safe=True))
register(Primitive("print", given(), "print", "*xs, keywords", n_attrs=1, effect=True))
register(Primitive("assert", given(), signature="condition, message", effect=True))
register(Primitive("raise", given(), signature="*xs, exception", n_attrs=1, effect=True))
register(
    Primitive(
        "raises",
        given(PY_BOOL),
        "raises",
        "*xs, error, function",
        n_attrs=2,
        cost="product",
        helper=runtime.raises,
        safe=True,
    )
)
register(Primitive("call", infer_from_attrs, signature="*xs, callee, types", n_attrs=2, cost="product"))
register(
    Primitive("call_loud", infer_from_attrs, signature="*xs, callee, types", n_attrs=2, cost="product", effect=True)
)
register(Primitive("call_fwd", infer_from_attrs, signature="*xs, callee, types", n_attrs=2, cost="product"))
register(Primitive("call_bwd", infer_from_attrs, signature="*xs, callee, types", n_attrs=2, cost="product"))
register(Primitive("call_checkpointed", infer_from_attrs, "run_checkpointed", helper=revolve.run_checkpointed))
register(Primitive("call_online", infer_from_attrs, "run_online", helper=revolve.run_online))
register(
    Primitive("call_checkpointed_bwd", infer_from_attrs, "reverse_checkpointed", helper=revolve.reverse_checkpointed)
)
register(Primitive("pullback", infer_pullback, signature="*xs, of", n_attrs=1, cost="product"))
register(Primitive("jacobian", infer_jacobian, signature="*xs, of", n_attrs=1, cost="product"))
register(Primitive("pushforward", infer_pushforward, signature="*xs, of", n_attrs=1, cost="product"))
