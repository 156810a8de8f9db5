"""scipy.spatial: distances of points, one with one, each of some with each of others, and all pairs.

Where two points are equal, the derivatives of their distance are zero.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call, call-overload, index, arg-type, return-value"
# (NumPy's stubs give Any for arithmetic on arrays of unknown dtype)

from __future__ import annotations

import numpy as np
import scipy.spatial.distance

from adcompile.ir.core import Atom, Attrs
from adcompile.ir.lengths import Facts, Length
from adcompile.ir.types import Type
from adcompile.rules import runtime
from adcompile.rules.binding import Operand, function, macro
from adcompile.rules.define import primitive
from adcompile.rules.lengths import require_same, show
from adcompile.rules.table import adjoint, nonlinear

Array = np.ndarray
FLOAT64 = np.dtype(np.float64)
METRICS = ("euclidean", "sqeuclidean", "cityblock")
DISTANCE = "scipy.spatial.distance"


def prepare_metric(operands: list[Operand], values: dict[str, object]) -> None:
    if values["metric"] not in METRICS:
        raise TypeError(f"the metric {values['metric']!r} is not supported: write it with functions of NumPy")


def infer_each(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer cdist."""
    x, y = (a.type for a in args)
    if x.dims is None or y.dims is None:
        return Type("array", FLOAT64, None)
    if len(x.dims) != 2 or len(y.dims) != 2:
        raise TypeError(f"cdist needs matrices, not shapes {show(x.dims)} and {show(y.dims)}")
    require_same(facts, x.dims[1], y.dims[1], "scipy.spatial.distance.cdist")
    return Type("array", FLOAT64, (x.dims[0], y.dims[0]))


def infer_pairs(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    """Infer pdist."""
    x = args[0].type
    if x.dims is None:
        return Type("array", FLOAT64, None)
    if len(x.dims) != 2:
        raise TypeError(f"pdist needs a matrix, not the shape {show(x.dims)}")
    n: Length = facts.find(x.dims[0])
    return Type("array", FLOAT64, (n * (n - 1) // 2 if isinstance(n, int) else facts.fresh_for(("pairs", n)),))


def infer_number(facts: Facts, args: tuple[Atom, ...], attrs: Attrs) -> Type:
    return Type("np", FLOAT64, ())


primitive(
    f"{DISTANCE}.cdist",
    infer_each,
    f"{DISTANCE}.cdist",
    "x, y",
    "metric='euclidean'",
    usage="XA, XB, metric: static = 'euclidean', *, out: no = None",
    prepare=prepare_metric,
    cost="product",
)
primitive(
    f"{DISTANCE}.pdist",
    infer_pairs,
    f"{DISTANCE}.pdist",
    "x",
    "metric='euclidean'",
    usage="X, metric: static = 'euclidean', *, out: no = None",
    prepare=prepare_metric,
    cost="product",
)
for _name in ("euclidean", "cosine"):
    primitive(f"{DISTANCE}.{_name}", infer_number, f"{DISTANCE}.{_name}", "x, y", cost="arithmetic")
    function(getattr(scipy.spatial.distance, _name), f"{DISTANCE}.{_name}", "u, v, w: no = None")


def by_distance(g: Array, ans: Array) -> Array:
    """Divide by distances, but by 0 as if that were infinite."""
    return g * (ans != 0) / (ans + (ans == 0))


# -- each with each


@nonlinear(f"{DISTANCE}.cdist")
def cdist_tangent(ans: Array, x: Array, y: Array, metric: str, x_dot: Array | None, y_dot: Array | None) -> Array:
    if metric == "cityblock":
        signs = np.sign(np.expand_dims(x, 1) - y)
        change = 0.0 if x_dot is None else np.sum(signs * np.expand_dims(x_dot, 1), axis=2)
        return change if y_dot is None else change - np.sum(signs * y_dot, axis=2)
    along = 0.0
    if x_dot is not None:
        along = np.expand_dims(np.sum(x * x_dot, axis=1), 1) - x_dot @ y.T
    if y_dot is not None:
        along = along + np.sum(y * y_dot, axis=1) - x @ y_dot.T
    return by_distance(along, ans) if metric == "euclidean" else 2.0 * along


@adjoint(f"{DISTANCE}.cdist")
def cdist_adjoint(g: Array, ans: Array, x: Array, y: Array, metric: str) -> tuple[Array, Array]:
    if metric == "cityblock":
        steps = np.expand_dims(g, 2) * np.sign(np.expand_dims(x, 1) - y)
        return np.sum(steps, axis=1), -np.sum(steps, axis=0)
    weights = by_distance(g, ans) if metric == "euclidean" else 2.0 * g
    x_bar = np.expand_dims(np.sum(weights, axis=1), 1) * x - weights @ y
    return x_bar, np.expand_dims(np.sum(weights, axis=0), 1) * y - weights.T @ x


# -- all pairs


def pairs(x: Array) -> tuple[Array, Array]:
    """The numbers of the first and second points of all pairs, in order."""
    number = np.arange(len(x))
    first, second = np.nonzero(np.expand_dims(number, 1) < number)
    return first, second


@nonlinear(f"{DISTANCE}.pdist")
def pdist_tangent(ans: Array, x: Array, metric: str, x_dot: Array) -> Array:
    i, j = pairs(x)
    apart = x[i] - x[j]
    if metric == "cityblock":
        return np.sum(np.sign(apart) * (x_dot[i] - x_dot[j]), axis=1)
    along = np.sum(apart * (x_dot[i] - x_dot[j]), axis=1)
    return by_distance(along, ans) if metric == "euclidean" else 2.0 * along


@adjoint(f"{DISTANCE}.pdist")
def pdist_adjoint(g: Array, ans: Array, x: Array, metric: str) -> Array:
    i, j = pairs(x)
    apart = x[i] - x[j]
    if metric == "cityblock":
        steps = np.expand_dims(g, 1) * np.sign(apart)
    else:
        steps = np.expand_dims(by_distance(g, ans) if metric == "euclidean" else 2.0 * g, 1) * apart
    return runtime.added_at(steps, i, x) - runtime.added_at(steps, j, x)


# -- of two points


@nonlinear(f"{DISTANCE}.euclidean")
def euclidean_tangent(ans: Array, x: Array, y: Array, x_dot: Array | None, y_dot: Array | None) -> Array:
    direction = by_distance(x - y, ans)
    change = 0.0 if x_dot is None else np.dot(direction, x_dot)
    return change if y_dot is None else change - np.dot(direction, y_dot)


@nonlinear(f"{DISTANCE}.cosine")
def cosine_tangent(ans: Array, x: Array, y: Array, x_dot: Array | None, y_dot: Array | None) -> Array:
    xx, yy = np.dot(x, x), np.dot(y, y)
    scale = 1.0 / np.sqrt(xx * yy)
    cos = np.dot(x, y) * scale
    change = 0.0 if x_dot is None else np.dot(cos / xx * x - y * scale, x_dot)
    return change if y_dot is None else change + np.dot(cos / yy * y - x * scale, y_dot)


@macro(scipy.spatial.distance.sqeuclidean)
def sqeuclidean(u: Array, v: Array, w: None = None) -> Array:
    apart = np.asarray(u) - np.asarray(v)
    return np.dot(apart, apart)


@macro(scipy.spatial.distance.cityblock)
def cityblock(u: Array, v: Array, w: None = None) -> Array:
    return np.sum(np.abs(np.asarray(u) - np.asarray(v)))


@macro(scipy.spatial.distance.chebyshev)
def chebyshev(u: Array, v: Array, w: None = None) -> Array:
    return np.max(np.abs(np.asarray(u) - np.asarray(v)))
