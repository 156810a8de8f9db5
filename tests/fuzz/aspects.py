"""What is asked of a share of the random programs besides: each returns what is wrong, or ""."""

from __future__ import annotations

import ast
import functools

import numpy as np

from adcompile import from_source, grad, hvp, jvp, value_and_grad
from adcompile.errors import CompileError
from tests import oracle
from tests.fuzz.subjects import LARGEST, Subject

SINGLE = 1e-5  # relative to the largest entry, and to how far neighbouring gradients are apart
NEAR = 1e-6  # the distance of those neighbours, relative to the argument


def second(subject: Subject, gradient: np.ndarray) -> str:
    """Compare a Hessian times the direction, by forward over reverse, with differences of the gradient."""
    got = hvp(subject.of_x, (subject.x.copy(),), (subject.direction,))
    return second_order(subject, got)


def second_order(subject: Subject, got: np.ndarray) -> str:
    derivative = grad(subject.of_x)
    if not np.all(np.isfinite(got)) or np.abs(got).max() > LARGEST:
        return ""
    want = subject.slope(derivative, (4e-3, 1e-3))
    if want is not None and not oracle.close(oracle.flat(got), want, 1e-5):
        return f"Hessian times direction {got} instead of {want.reshape(subject.x.shape)}"
    return ""


def single(subject: Subject, gradient: np.ndarray) -> str:
    """Differentiate at x in single precision: the value is the plain one's, the gradient near that in double."""
    x = subject.x.astype(np.float32)
    try:
        want = subject.f(x.copy(), *subject.others.values())
    except TypeError:  # an array in double precision is not stored in one in single precision
        return ""
    value, got = value_and_grad(subject.f)(x.copy(), *subject.others.values())
    again, tangent = jvp(subject.of_x, (x.copy(),), (subject.direction.astype(np.float32),))
    if not (alike(value, want) and alike(again, want)):
        return f"in single precision, value {value!r} and {again!r} instead of {want!r}"
    if got.dtype != np.float32:
        return f"in single precision, gradient {got!r}"
    around = neighbours(subject, x.astype(np.float64))
    if around is None:
        return ""
    spread = np.ptp(around, axis=0).max() / NEAR * SINGLE
    largest = np.abs(around).max()
    if np.abs(got - around[0]).max() > 20 * (spread + SINGLE * max(1.0, largest)):
        return f"in single precision, gradient {got} instead of {around[0]}"
    along = float(np.sum(got.astype(np.float64) * subject.direction))
    if abs(along - float(tangent)) > 50 * (spread + SINGLE * max(1.0, largest)):
        return f"in single precision, forward mode gives {tangent}, reverse mode {along}"
    return ""


def neighbours(subject: Subject, x: np.ndarray) -> np.ndarray | None:
    """Return gradients in double precision at a point and around it; None where they are far apart: at a jump."""
    offsets = (0.0, NEAR, -NEAR, 3 * NEAR * np.sin(7 * np.arange(x.size).reshape(x.shape)))
    derivative = grad(subject.f)
    with np.errstate(all="ignore"):
        found = np.array([derivative(x * (1.0 + offset), *subject.others.values()) for offset in offsets])
    largest = np.abs(found).max()
    usable = np.all(np.isfinite(found)) and largest < LARGEST
    return found if usable and np.ptp(found, axis=0).max() < 1e3 * NEAR * max(1.0, largest) else None


def alike(a: object, b: object) -> bool:
    """Tell whether two values are the same, bit for bit and in their dtypes."""
    left, right = np.asarray(a), np.asarray(b)
    return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=True)


def alone(subject: Subject, gradient: np.ndarray) -> str:
    """Run the emitted source with NumPy alone, and compile it once more: its tangent is the Hessian's."""
    source = grad(subject.f).source_for(*subject.args())
    names = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)]
    if any(ast.unparse(n) not in ("import numpy as np", "import math") for n in names):
        return "the emitted source needs more than NumPy: " + ", ".join(map(ast.unparse, names))
    last = [n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)][-1]
    namespace: dict[str, object] = {"__name__": "emitted"}
    exec(compile(source, "<emitted>", "exec"), namespace)
    got = namespace[last](*subject.args())  # type: ignore[operator]
    if not alike(got, grad(subject.f)(*subject.args())) or not oracle.close(got, gradient, 1e-6):
        return f"the emitted source gives {got} instead of {gradient}"
    again = functools.partial(from_source(source, last), **subject.others)
    try:
        value, tangent = jvp(again, (subject.x.copy(),), (subject.direction,))
    except CompileError as error:
        return "" if recurs(source) else f"refused: the emitted source: {error}"
    if not oracle.close(oracle.flat(value), oracle.flat(got), 1e-12):
        return f"the emitted source, compiled again, gives {value} instead of {got}"
    wrong = second_order(subject, tangent)
    return wrong and f"the emitted source, compiled again: {wrong}"


def recurs(source: str) -> bool:
    """Tell whether a function of a module calls itself: its tape has no one structure."""
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    called = [
        (f.name, n.func.id)
        for f in functions
        for n in ast.walk(f)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    ]
    return any(caller == callee for caller, callee in called)


ASPECTS = {"second": second, "single": single, "alone": alone}
