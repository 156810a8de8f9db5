"""Functions that emitted programs carry along for scipy.special."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import scipy.special


def weighted_logsumexp(x, b, axis=None, keepdims=False):
    """The logarithm of the weighted sum of exponentials."""
    return scipy.special.logsumexp(x, axis=axis, b=b, keepdims=keepdims)
