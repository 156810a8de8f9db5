"""Functions that emitted programs carry along: each is plain Python over NumPy, and its source is copied."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import math

import numpy as np


def unbroadcast(g, like):
    """Sum g over the axes that broadcasting added: the transpose of broadcast_to."""
    shape = np.shape(like)
    if shape and np.shape(g) == shape:
        return g
    if np.ndim(g) > len(shape):
        g = np.sum(g, axis=tuple(range(np.ndim(g) - len(shape))))
    g = np.reshape(g, (1,) * (len(shape) - np.ndim(g)) + np.shape(g))
    for axis, n in enumerate(shape):
        if n == 1:
            g = np.sum(g, axis=axis, keepdims=True)
    return np.broadcast_to(g, shape)[()]


def raises(error, function, *args):
    """Tell whether a call raises an exception of a class."""
    try:
        function(*args)
    except error:
        return True
    except Exception:
        return False
    return False


def with_parts(real, imag):
    """Make complex numbers of their parts as they are: 1j * inf has a part that is no number."""
    z = np.array(np.zeros_like(real) + np.zeros_like(imag) + 0j)
    z.real, z.imag = real, imag
    return z


def read_only(x):
    """Return a view of an array that cannot be written to: for calls of functions that are not known."""
    if not isinstance(x, np.ndarray):
        return x
    view = x.view()
    view.flags.writeable = False
    return view


def kept(x):
    """Return what stays as it is: a copy of an array, or what is not an array."""
    return x.copy() if isinstance(x, np.ndarray) else x


def unchanged(x, before, message):
    """Raise if an array is not what it was before."""
    if isinstance(x, np.ndarray) and x.tobytes() != before.tobytes():
        raise RuntimeError(message)


def other_factors(x, axis=None):
    """For each entry of x, multiply all others along axis: the derivative of a product."""
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        axes = axis if isinstance(axis, tuple) else (axis,)
    last = tuple(range(x.ndim - len(axes), x.ndim))
    moved = np.moveaxis(x, axes, last)
    rows = moved.reshape(moved.shape[: x.ndim - len(axes)] + (-1,))
    one = np.ones_like(rows[..., :1])
    before = np.concatenate([one, np.cumprod(rows[..., :-1], axis=-1)], axis=-1)
    after = np.concatenate([np.cumprod(rows[..., :0:-1], axis=-1)[..., ::-1], one], axis=-1)
    return np.moveaxis((before * after).reshape(moved.shape), last, axes)


def recurrence(x, a, axis=0):
    """Solve y[0] = x[0], y[i] = x[i] + a[i] * y[i - 1] along axis."""
    x, a = np.moveaxis(x, axis, 0), np.moveaxis(a, axis, 0)
    y = x.copy()
    for i in range(1, len(x)):
        y[i] += a[i] * y[i - 1]
    return np.moveaxis(y, 0, axis)


def check_finite(g, name, place, **values):
    """Raise if an adjoint is not finite, with the values that it was computed from."""
    finite = np.isfinite(g)
    if not np.all(finite):
        index = tuple(int(i) for i in np.argwhere(np.logical_not(finite))[0])
        where = f"[{', '.join(map(str, index))}]" if index else ""
        lines = [f"the adjoint of {name}{where} is {np.asarray(g)[index]}", f" --> {place}"]
        lines += [f"  {key} = {np.array2string(np.asarray(v), threshold=20)}" for key, v in values.items()]
        raise FloatingPointError("\n".join(lines))


def added_along(g, places):
    """Add each entry of g to its place along the first axis: the transpose of take_along_axis."""
    out = np.zeros_like(g)
    rest = np.indices(np.shape(places))[1:]
    np.add.at(out, (places, *rest), g)
    return out


def added_back(g, indices, like, axis=0):
    """Add each sum of a segment to the entries that it is of: the transpose of np.add.reduceat."""
    out = np.zeros(np.shape(like), g.dtype)
    moved, g = np.moveaxis(out, axis, 0), np.moveaxis(g, axis, 0)
    ends = [*indices[1:], len(moved)]
    for start, end, part in zip(indices, ends, g, strict=True):
        moved[start : max(end, start + 1)] += part
    return out


def added_at(g, places, like):
    """Add the entries of g to an array of zeros, at places along its first axis."""
    out = np.zeros_like(like)
    np.add.at(out, places, g)
    return out


def folded_back(g, like, widths, mode):
    """Add what np.pad repeated to the entries that it repeated."""
    for axis, n in enumerate(np.shape(like)):
        source = np.pad(np.arange(n), widths[axis], mode=mode)
        moved = np.moveaxis(g, axis, 0)
        out = np.zeros((n,) + moved.shape[1:], moved.dtype)
        np.add.at(out, source, moved)
        g = np.moveaxis(out, 0, axis)
    return g


def gradient_along(x, spacing, axis=-1, edge_order=1):
    """The differences of neighbours along an axis by their distance: spacing is a number, or the coordinates."""
    return np.gradient(x, spacing, axis=axis, edge_order=edge_order)


def gathered_back(g, spacing, axis=-1, edge_order=1):
    """The transpose of np.gradient along one axis: spacing is a number, or the coordinates."""
    g = np.moveaxis(g, axis, 0)
    n = len(g)
    h = np.diff(spacing) if np.ndim(spacing) else np.full(n - 1, spacing, g.dtype)
    h = h.reshape((-1,) + (1,) * (g.ndim - 1))
    out = np.zeros_like(g)
    left, right, mid = h[:-1], h[1:], g[1:-1]
    out[:-2] -= mid * right / (left * (left + right))
    out[1:-1] += mid * (right - left) / (left * right)
    out[2:] += mid * left / (right * (left + right))
    if edge_order == 1:
        out[0] -= g[0] / h[0]
        out[1] += g[0] / h[0]
        out[-2] -= g[-1] / h[-1]
        out[-1] += g[-1] / h[-1]
    else:
        a, b = h[0], h[1]
        out[0] -= g[0] * (2 * a + b) / (a * (a + b))
        out[1] += g[0] * (a + b) / (a * b)
        out[2] -= g[0] * a / (b * (a + b))
        a, b = h[-2], h[-1]
        out[-3] += g[-1] * b / (a * (a + b))
        out[-2] -= g[-1] * (a + b) / (a * b)
        out[-1] += g[-1] * (2 * b + a) / (b * (a + b))
    return np.moveaxis(out, 0, axis)


def repeated_places(x, repeats):
    """Repeat each entry as often as an array says."""
    return np.repeat(x, repeats)


def left_places(x, obj):
    """Leave out entries."""
    return np.delete(x, obj)


def filled_places(x, obj):
    """The places of entries, and of as many more as are put before some of them."""
    return np.insert(x, obj, np.arange(len(x), len(x) + len(obj)))


def resized_places(x, shape):
    """Take entries from the first on, again and again."""
    return np.resize(x, shape)


def unique_places(x):
    """The places of the entries of a flattened array in order, each once."""
    return np.unique(x, return_index=True)[1]


def broadcast_with(x, *others):
    """Broadcast an array against others."""
    return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), *map(np.shape, others)))


def unique_counts(x):
    """How often each of the different entries occurs, in their order."""
    return np.unique(x, return_counts=True)[1]


def unique_inverse(x):
    """Which one of the different entries each entry is."""
    return np.unique(x, return_inverse=True)[1]


def weighted_histogram(a, bins, low, high, weights):
    """Sum the weights of each bin: `bins` is a number, of bins from low to high, or their edges."""
    return np.histogram(a, bins, None if np.ndim(bins) else (low, high), weights=weights)[0]


def histogram_counts(a, bins, low, high):
    """Count the entries of each bin."""
    return np.histogram(a, bins, None if np.ndim(bins) else (low, high))[0]


def bin_places(a, edges):
    """The bin of each entry, or one more for those outside; the last edge is in the last bin."""
    a = np.ravel(a)
    places = np.searchsorted(edges, a, side="right") - 1
    places[a == edges[-1]] -= 1
    places[places < 0] = len(edges) - 1
    return places


def sum_of(x, initial, mask, axis=None, keepdims=False):
    """Sum the entries that a mask chooses and an initial value."""
    return np.sum(x, axis=axis, keepdims=keepdims, initial=initial, where=mask)


def prod_of(x, initial, mask, axis=None, keepdims=False):
    """Multiply the entries that a mask chooses and an initial value."""
    return np.prod(x, axis=axis, keepdims=keepdims, initial=initial, where=mask)


def max_of(x, initial, mask, axis=None, keepdims=False):
    """Find the largest of the entries that a mask chooses and an initial value."""
    return np.max(x, axis=axis, keepdims=keepdims, initial=initial, where=mask)


def min_of(x, initial, mask, axis=None, keepdims=False):
    """Find the smallest of the entries that a mask chooses and an initial value."""
    return np.min(x, axis=axis, keepdims=keepdims, initial=initial, where=mask)


def mean_of(x, mask, axis=None, keepdims=False):
    """Average the entries that a mask chooses."""
    return np.mean(x, axis=axis, keepdims=keepdims, where=mask)


def var_of(x, mask, axis=None, keepdims=False, ddof=0):
    """The variance of the entries that a mask chooses."""
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims, where=mask)


def std_of(x, mask, axis=None, keepdims=False, ddof=0):
    """The standard deviation of the entries that a mask chooses."""
    return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims, where=mask)


def zeros_of_tree(value):
    """Zeros in the place of the numbers and arrays in a tree, None in that of all else."""
    if isinstance(value, tuple):
        return tuple([zeros_of_tree(v) for v in value])
    if isinstance(value, list):
        return [zeros_of_tree(v) for v in value]
    if isinstance(value, np.ndarray):
        return np.zeros_like(value)
    return 0.0 if isinstance(value, (int, float, complex, np.number)) else None


def sum_of_trees(a, b):
    """The sum of two trees; None, for a tree or a part, stands for zeros."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, tuple):
        return tuple([sum_of_trees(v, w) for v, w in zip(a, b, strict=True)])
    return [v + w for v, w in zip(a, b, strict=True)] if isinstance(a, list) else a + b


def polygamma(n, x):
    """The n-th derivative of the digamma function: by recurrence, then an asymptotic series."""
    sign = 1.0 if n % 2 else -1.0
    total = 0.0
    while x < 12.0 + n:
        total += sign * math.factorial(n) / x ** (n + 1)
        x += 1.0
    if n == 0:
        total += math.log(x) - 0.5 / x
    else:
        total += sign * math.factorial(n - 1) * (1.0 + 0.5 * n / x) / x**n
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
    for k, b in enumerate(bernoulli, 1):
        total += sign * b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) / x ** (2 * k + n)
    return total


def fractional_part(x):
    """The first part of math.modf."""
    return math.modf(x)[0]


def whole_part(x):
    """The second part of math.modf."""
    return math.modf(x)[1]


def mantissa(x):
    """The first part of math.frexp: x is mantissa * 2**exponent."""
    return math.frexp(x)[0]


def exponent(x):
    """The second part of math.frexp."""
    return math.frexp(x)[1]


def exponents(x):
    """The exponents of two by which np.frexp scales."""
    return np.frexp(x)[1]


def bessel_i(n, x):
    """The modified Bessel function of order n: the mean of its integrand over a circle."""
    count = 2 * int(30 + n + 10 * np.sqrt(np.max(np.abs(x), initial=0.0)))
    angles = np.linspace(0.0, 2.0 * math.pi, count, endpoint=False)
    waves = (np.sinh if n % 2 else np.cosh)(np.expand_dims(x, -1) * np.cos(angles))
    return np.mean(waves * np.cos(n * angles), axis=-1)
