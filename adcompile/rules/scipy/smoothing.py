"""What emitted programs carry along for filters of scipy.signal that fit polynomials."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np
import scipy.ndimage
import scipy.signal


def smoothed_back(g, window_length, polyorder, deriv=0, delta=1.0, axis=-1):
    """The transpose of scipy.signal.savgol_filter, which fits polynomials to the first and last entries."""
    g = np.moveaxis(g, axis, 0)
    half = window_length // 2
    edges = scipy.signal.savgol_filter(np.eye(window_length), window_length, polyorder, deriv, delta, axis=0)
    inner = g.copy()
    inner[:half] = 0.0
    inner[len(g) - half :] = 0.0
    weights = scipy.signal.savgol_coeffs(window_length, polyorder, deriv, delta, use="dot")
    found = scipy.ndimage.convolve1d(inner, weights, axis=0, mode="constant")
    found[:window_length] += np.tensordot(edges[:half].T, g[:half], 1)
    found[len(g) - window_length :] += np.tensordot(edges[window_length - half :].T, g[len(g) - half :], 1)
    return np.moveaxis(found, 0, axis)
