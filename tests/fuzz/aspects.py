"""What is asked of a share of the random programs besides: each returns what is wrong, or ""."""

from __future__ import annotations

import ast
import concurrent.futures
import functools

import numpy as np

from adcompile import from_source, grad, hvp, jvp, value_and_grad
from adcompile.errors import CompileError
from tests import oracle
from tests.fuzz.subjects import LARGEST, NOT_A_PROGRAM, Subject

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


def arranged(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return arrays with the numbers of x that lie in memory in other ways, or cannot be written to."""
    wide = np.full(tuple(2 * n for n in x.shape), 7.7)
    wide[(slice(None, None, 2),) * x.ndim] = x
    back = (slice(None, None, -1),) * x.ndim
    fixed = x.copy()
    fixed.flags.writeable = False
    return {
        "by columns": x.copy(order="F"),
        "in steps": wide[(slice(None, None, 2),) * x.ndim],
        "backwards": x[back].copy()[back],
        "read-only": fixed,
    }


def layouts(subject: Subject, gradient: np.ndarray) -> str:
    """Differentiate at arrays that lie otherwise: a program may raise there that it needs a view or a copy."""
    for name in arranged(subject.x):
        try:
            want = subject.f(arranged(subject.x)[name], *subject.others.values())
        except NOT_A_PROGRAM:  # as what stores to an argument that is read-only
            continue
        x = arranged(subject.x)[name]
        try:
            value, found = value_and_grad(subject.f)(x, *subject.others.values())
            again, tangent = jvp(subject.of_x, (arranged(subject.x)[name],), (subject.direction,))
        except ValueError as error:
            if "use .copy()" not in str(error):
                raise
            continue
        if not np.array_equal(x, subject.x):
            return f"{name}: the argument is modified"
        for got in (value, again):
            if not (alike(got, want) or oracle.close(oracle.flat(got), oracle.flat(want), 1e-12)):
                return f"{name}: value {got!r} instead of {want!r}"
        along = float(np.sum(found * subject.direction))
        if np.all(np.isfinite(found)) and np.abs(found).max() < LARGEST and not np.allclose(along, tangent, 1e-6, 1e-8):
            return f"{name}: forward mode gives {tangent}, reverse mode {along}"
    return ""


def twice(subject: Subject, gradient: np.ndarray) -> str:
    """Pass one array, and a view of it, for two arguments: a program that changes one may be refused, or raise."""
    names = ", ".join(subject.others)
    call = f"{{}}, {names}" if names else "{}"
    first, second = (f"f({call.format(name)})" for name in "pq")
    body = f"    u = {first}\n    return u + 0.3*{second} + np.sum(p*q)\n"
    both = from_source(f"{subject.text}\n\ndef of_two({call.format('p, q')}):\n{body}", "of_two")
    for part in ((slice(None),), (slice(None, None, -1),)):
        x, plain = subject.x.copy(), subject.x.copy()
        try:
            want = both(plain, plain[part], *subject.others.values())
        except NOT_A_PROGRAM:
            continue
        for argnums in ((0, 1), (1, 0), (1,)):
            try:
                value, _ = value_and_grad(both, argnums=argnums)(x, x[part], *subject.others.values())
            except (CompileError, ValueError):
                continue
            if not (alike(value, want) and np.array_equal(x, subject.x)):
                return f"one array for both arguments, {argnums}: value {value!r} instead of {want!r}; {x}"
    return ""


def threads(subject: Subject, gradient: np.ndarray) -> str:
    """Compile and call a derivative in several threads at once."""
    derivative = grad(from_source(subject.text, "f"))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: derivative(*subject.args()), range(4)))
    return "" if all(alike(g, gradient) for g in found) else f"in threads, gradients {found} instead of {gradient}"


ASPECTS = {
    "second": second,
    "single": single,
    "alone": alone,
    "layouts": layouts,
    "twice": twice,
    "threads": threads,
}

# Those that the tests run, as the others take long.
TESTED = ("second", "single", "alone")
