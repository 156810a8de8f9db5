"""Functions that emitted programs carry along: each is plain Python over NumPy, and its source is copied."""

# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# (they are emitted without annotations)

from __future__ import annotations

import numpy as np


def unbroadcast(g, like):
    """Sum g over the axes that broadcasting added: the transpose of broadcast_to."""
    shape = np.shape(like)
    g = np.sum(g, axis=tuple(range(np.ndim(g) - len(shape))))
    g = np.reshape(g, (1,) * (len(shape) - np.ndim(g)) + np.shape(g))
    for axis, n in enumerate(shape):
        if n == 1:
            g = np.sum(g, axis=axis, keepdims=True)
    return np.broadcast_to(g, shape)[()]


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


def cofactors(x):
    """The derivative of the determinant: det(x) * inv(x).T, right also where x is singular."""
    det = np.linalg.det(x)
    if np.all(det != 0):
        return np.expand_dims(det, (-2, -1)) * np.swapaxes(np.linalg.inv(x), -1, -2)
    u, s, vt = np.linalg.svd(x)
    one = np.ones_like(s[..., :1])
    before = np.concatenate([one, np.cumprod(s[..., :-1], axis=-1)], axis=-1)
    after = np.concatenate([np.cumprod(s[..., :0:-1], axis=-1)[..., ::-1], one], axis=-1)
    scale = np.expand_dims(np.linalg.det(u) * np.linalg.det(vt), (-2, -1))
    return scale * (np.conj(u) * np.expand_dims(before * after, -2)) @ np.conj(vt)


def sign_of_det(x):
    """The sign of the determinant."""
    return np.linalg.slogdet(x)[0]


def log_abs_det(x):
    """The logarithm of the size of the determinant."""
    return np.linalg.slogdet(x)[1]


def check_finite(g, name, place, **values):
    """Raise if an adjoint is not finite, with the values that it was computed from."""
    finite = np.isfinite(g)
    if not np.all(finite):
        index = tuple(int(i) for i in np.argwhere(np.logical_not(finite))[0])
        where = f"[{', '.join(map(str, index))}]" if index else ""
        lines = [f"the adjoint of {name}{where} is {np.asarray(g)[index]}", f" --> {place}"]
        lines += [f"  {key} = {np.array2string(np.asarray(v), threshold=20)}" for key, v in values.items()]
        raise FloatingPointError("\n".join(lines))
