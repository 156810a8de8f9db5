"""What is asked of the derivatives of a random program.

The value is that of the plain call, bit for bit, in reverse and in forward mode. The program that no pass has improved,
which is interpreted, gives the same value and gradient, but for the order of sums over arrays in another layout. Both
modes and finite differences agree, and arguments stay as they were. With ``ADCOMPILE_VERIFY=1`` the program inside is
verified after every pass. A share of the programs is asked for more: see `aspects`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from adcompile import jvp, value_and_grad
from adcompile.errors import AdcompileError
from tests import interpret, oracle
from tests.fuzz.aspects import ASPECTS, TESTED, alike
from tests.fuzz.kinds import KINDS
from tests.fuzz.subjects import LARGEST, NOT_A_PROGRAM, Subject
from tests.stages import unimproved

# How far sums in another order are apart: those of numbers in single precision are rounded to it.
SINGLE, DOUBLE = 1e-6, 1e-11


def check_seed(name: str, seed: int, aspects: Iterable[str] | None = None, among: Sequence[str] = TESTED) -> str:
    """Check the program of a kind that a seed gives; by default each third one in one more aspect `among` some."""
    kind = KINDS[name]
    if aspects is None:
        which, rest = divmod((seed // len(KINDS) + seed) % (3 * len(among)), 3)
        aspects = [] if rest else [among[which]]
    return check(Subject(kind.write(seed), kind.x, kind.others), aspects)


def check(subject: Subject, aspects: Iterable[str] = ()) -> str:
    """Return what is wrong with the derivatives of a program; "" if nothing, "refused: ..." if it is refused."""
    try:
        want = subject.f(*subject.args())
    except NOT_A_PROGRAM:
        return "not a program"
    try:
        return compare(subject, want, aspects)
    except AdcompileError as error:
        return f"refused: {error}"
    except Exception as error:  # whatever it is, it is a finding
        return f"raises {type(error).__name__}: {error}"


def compare(subject: Subject, want: object, aspects: Iterable[str]) -> str:
    args = subject.args()
    value, gradient = value_and_grad(subject.f)(*args)
    again, tangent = jvp(subject.of_x, (subject.x.copy(),), (subject.direction,))
    if not all(map(alike, args, subject.args())):
        return "the arguments are modified"
    if not (alike(value, want) and alike(again, want)):
        return f"value {value!r} and {again!r} instead of {want!r}"
    before = unimproved_gradient(subject)
    if before is not None and not (
        alike(before[0], value) or oracle.close(*map(oracle.flat, (before[0], value)), DOUBLE)
    ):
        return f"value {value!r}, but {before[0]!r} without the passes"
    if not np.all(np.isfinite(gradient)) or np.abs(gradient).max() > LARGEST:
        return ""
    precision = (
        SINGLE
        if "np.float32(" in subject.text or "weights" in subject.text.partition("def f(")[2].partition("\n")[2]
        else DOUBLE
    )
    if before is not None and not oracle.close(before[1], gradient, precision):
        return f"gradient {gradient}, but {before[1]} without the passes"
    wrong = compare_modes(subject, gradient, float(tangent))
    for aspect in aspects:
        wrong = wrong or ASPECTS[aspect](subject, gradient)
    return wrong


def unimproved_gradient(subject: Subject) -> tuple[object, np.ndarray] | None:
    """Run the value and gradient as they are before any pass; None if that cannot be interpreted: a recursion."""
    try:
        fn, outside = unimproved(subject.f, x=subject.x.copy(), **subject.others)
        value, gradient = interpret.run(fn, *subject.args(), *outside, 1.0)
    except interpret.NotInterpreted:
        return None
    return value, np.asarray(gradient)


def compare_modes(subject: Subject, gradient: np.ndarray, tangent: float) -> str:
    """Compare a gradient and a tangent with each other and with differences."""
    got = float(np.sum(gradient * subject.direction))
    if not np.allclose(got, tangent, rtol=1e-6, atol=1e-8):
        return f"forward mode gives {tangent}, reverse mode {got}"
    expected = subject.slope(subject.of_x, (4e-3, 1e-3))
    if expected is not None and not np.allclose(got, expected, rtol=1e-5, atol=1e-6):
        return f"derivative {got} instead of {expected}; gradient {gradient}"
    return ""


def outcome(result: str) -> str:
    """Return the kind of a result of `check`: "right", "wrong", "refused" or "not a program"."""
    if result.startswith(("refused", "not a program")):
        return result.partition(":")[0]
    return "wrong" if result else "right"
