"""Functions that emitted programs carry along for scipy.ndimage: the transposes of filters."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np
import scipy.ndimage
import scipy.signal


def padding_mode(mode):
    """How np.pad calls a mode of scipy.ndimage."""
    names = {"reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge"}
    return {**names, "wrap": "wrap", "grid-wrap": "wrap"}.get(str(mode), "constant")


def folded(h, margins, mode):
    """Cut off margins, and add what is in them to the entries that they repeat."""
    for axis, margin in enumerate(margins):
        moved = np.moveaxis(h, axis, 0)
        inner = moved[margin : len(moved) - margin].copy()
        if padding_mode(mode) != "constant":
            source = np.pad(np.arange(len(inner)), margin, mode=padding_mode(mode))
            np.add.at(inner, source[:margin], moved[:margin])
            np.add.at(inner, source[margin + len(inner) :], moved[margin + len(inner) :])
        h = np.moveaxis(inner, 0, axis)
    return h


def correlated_back(g, weights, mode="reflect", origin=0):
    """The transpose of scipy.ndimage.correlate."""
    origins = [int(k) for k in np.broadcast_to(origin, g.ndim)]
    margins = [n // 2 + abs(k) for n, k in zip(weights.shape, origins, strict=True)]
    wide = np.pad(g, [(m, m) for m in margins])
    return folded(scipy.ndimage.convolve(wide, weights, mode="constant", origin=origins), margins, mode)


def weights_back(g, x, weights, mode="reflect", cval=0.0, origin=0):
    """The transpose of scipy.ndimage.correlate in the weights."""
    origins = [int(k) for k in np.broadcast_to(origin, g.ndim)]
    margins = [n // 2 + abs(k) for n, k in zip(weights.shape, origins, strict=True)]
    options = {"constant_values": cval} if padding_mode(mode) == "constant" else {}
    wide = np.pad(x, [(m, m) for m in margins], mode=padding_mode(mode), **options)
    found = scipy.signal.correlate(wide, g, mode="valid", method="direct")
    starts = [m - n // 2 - k for m, n, k in zip(margins, weights.shape, origins, strict=True)]
    return found[tuple(slice(s, s + n) for s, n in zip(starts, weights.shape, strict=True))]


def turned(weights, origin):
    """The origins with which a correlation with reversed weights is a convolution."""
    origins = np.broadcast_to(origin, np.ndim(weights))
    return [-int(k) - (n % 2 == 0) for k, n in zip(origins, weights.shape, strict=True)]


def convolved_back(g, weights, mode="reflect", origin=0):
    """The transpose of scipy.ndimage.convolve."""
    return correlated_back(g, np.flip(weights), mode, turned(weights, origin))


def turned_weights_back(g, x, weights, mode="reflect", cval=0.0, origin=0):
    """The transpose of scipy.ndimage.convolve in the weights."""
    return np.flip(weights_back(g, x, weights, mode, cval, turned(weights, origin)))


def along(kernel, axis, rank):
    """Weights of all axes, for a kernel along one of them."""
    return np.reshape(kernel, (1,) * axis + (-1,) + (1,) * (rank - 1 - axis))


def gaussian_back(g, sigma, order=0, mode="reflect", truncate=4.0, radius=None, axes=None):
    """The transpose of scipy.ndimage.gaussian_filter."""
    axes = range(g.ndim) if axes is None else np.atleast_1d(axes)
    given = [np.broadcast_to(np.array(p, dtype=object), len(axes)) for p in (sigma, order, mode, radius)]
    for axis, s, k, m, r in reversed(list(zip(axes, *given, strict=True))):
        if s > 1e-15:
            r = int(truncate * float(s) + 0.5) if r is None else r
            pulse = np.eye(1, 2 * r + 1, r)[0]
            kernel = scipy.ndimage.gaussian_filter1d(pulse, s, order=k, mode="constant", radius=r)[::-1]
            g = correlated_back(g, along(kernel, int(axis) % g.ndim, g.ndim), m)
    return g


def uniform_back(g, size, mode="reflect", origin=0, axes=None):
    """The transpose of scipy.ndimage.uniform_filter."""
    axes = range(g.ndim) if axes is None else np.atleast_1d(axes)
    given = [np.broadcast_to(np.array(p, dtype=object), len(axes)) for p in (size, mode, origin)]
    for axis, n, m, k in reversed(list(zip(axes, *given, strict=True))):
        if n > 1:
            axis = int(axis) % g.ndim
            shift = [k if i == axis else 0 for i in range(g.ndim)]
            g = correlated_back(g, along(np.full(n, 1.0 / n), axis, g.ndim), m, shift)
    return g
