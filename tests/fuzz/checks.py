"""What is asked of the derivatives of a random program of (x, n).

The value is that of the plain call, bit for bit, in reverse and in forward mode, and in the program that no pass has
improved, which is interpreted and gives the same gradient. Both modes and finite differences agree. With
``ADCOMPILE_VERIFY=1`` the intermediate program is verified after every pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompile import from_source, jvp, value_and_grad
from adcompile.errors import AdcompileError
from tests import interpret, oracle
from tests.stages import unimproved

LARGEST = 1e4  # an entry of a gradient: what grows more is not compared
# How far sums in another order are apart: those of numbers in single precision are rounded to it.
SINGLE, DOUBLE = 1e-6, 1e-11
HIGHEST = 1e6  # a value: differences of larger ones are rounded too much
NOT_A_PROGRAM = (ArithmeticError, IndexError, NameError, ValueError)


def smooth(f: Callable[..., Any], x: np.ndarray, direction: np.ndarray) -> float | None:
    """Return the derivative along a direction by differences, or None where it jumps or grows too much to tell."""

    def along(h: float) -> np.ndarray:
        return oracle.flat(f(x + h * direction, 3))

    try:
        with np.errstate(all="ignore"):
            coarse, fine = (oracle.derivative(along, step) for step in (4e-3, 1e-3))
    except NOT_A_PROGRAM:
        return None
    agree = np.all(np.isfinite(coarse)) and oracle.close(coarse, fine, 1e-6) and abs(along(0.0)[0]) < HIGHEST
    return float(fine[0]) if agree and abs(fine[0]) < LARGEST else None


def plain(f: Callable[..., Any], x: np.ndarray) -> tuple[object, np.ndarray] | None:
    """Run the value and gradient as they are before any pass; None if that cannot be interpreted: a recursion."""
    try:
        value, gradient = interpret.run(unimproved(f, x=x, n=3), x, 3, 1.0)
    except interpret.NotInterpreted:
        return None
    return value, np.asarray(gradient)


def check(text: str, x: np.ndarray) -> str:
    """Return what is wrong with the derivatives of a program; "" if nothing, "refused: ..." if it is refused."""
    f = from_source(text, "f")
    direction = np.cos(1.3 * np.arange(x.size) + 0.4).reshape(x.shape)
    try:
        want = f(x.copy(), 3)
    except NOT_A_PROGRAM:
        return "not a program"
    try:
        value, gradient = value_and_grad(f)(x.copy(), 3)
        again, tangent = jvp(functools.partial(f, n=3), (x.copy(),), (direction,))
        before = plain(f, x.copy())
    except AdcompileError as error:
        return f"refused: {error}"
    except Exception as error:  # whatever it is, it is a finding
        return f"raises {type(error).__name__}: {error}"
    if not (same(value, want) and same(again, want)):
        return f"value {value!r} and {again!r} instead of {want!r}"
    if before is not None and not same(before[0], value):
        return f"value {value!r}, but {before[0]!r} without the passes"
    if not np.all(np.isfinite(gradient)) or np.abs(gradient).max() > LARGEST:
        return ""
    precision = SINGLE if "np.float32(" in text else DOUBLE
    if before is not None and not oracle.close(before[1], gradient, precision):
        return f"gradient {gradient}, but {before[1]} without the passes"
    return compare(f, x, direction, gradient, float(tangent))


def same(a: object, b: object) -> bool:
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)


def compare(f: Callable[..., Any], x: np.ndarray, direction: np.ndarray, gradient: np.ndarray, tangent: float) -> str:
    """Compare a gradient and a tangent with each other and with differences."""
    got = float(np.sum(gradient * direction))
    if not np.allclose(got, tangent, rtol=1e-6, atol=1e-8):
        return f"forward mode gives {tangent}, reverse mode {got}"
    expected = smooth(f, x, direction)
    if expected is not None and not np.allclose(got, expected, rtol=1e-5, atol=1e-6):
        return f"derivative {got} instead of {expected}; gradient {gradient}"
    return ""


def outcome(result: str) -> str:
    """Return the kind of a result of `check`: "right", "wrong", "refused" or "not a program"."""
    if result.startswith(("refused", "not a program")):
        return result.partition(":")[0]
    return "wrong" if result else "right"
