"""Functions that emitted programs carry along for scipy.special."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import scipy.special


def weighted_logsumexp(x, b, axis=None, keepdims=False):
    """The logarithm of the weighted sum of exponentials."""
    return scipy.special.logsumexp(x, axis=axis, b=b, keepdims=keepdims)


def airy_part(x, k):
    """One of the Airy functions Ai, Ai', Bi and Bi'."""
    return scipy.special.airy(x)[k]


def sici_part(x, k):
    """The integral of the sine, or of the cosine."""
    return scipy.special.sici(x)[k]


def shichi_part(x, k):
    """The integral of the hyperbolic sine, or of the hyperbolic cosine."""
    return scipy.special.shichi(x)[k]


def fresnel_part(x, k):
    """The Fresnel integral of the sine, or of the cosine."""
    return scipy.special.fresnel(x)[k]


def jacobi_part(u, m, k):
    """One of the Jacobian elliptic functions sn, cn and dn, or the amplitude."""
    return scipy.special.ellipj(u, m)[k]
