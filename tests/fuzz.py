"""Compare derivatives of random programs with finite differences: ``python -m tests.fuzz --minutes 60``.

Each program is run plainly, in reverse mode, in forward mode, and by differences; the intermediate program is verified
after every pass. What differs is printed with its seed; the number of programs and of findings is printed at the end.
"""

from __future__ import annotations

import argparse
import collections
import functools
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable

import numpy as np

from adcompile import from_source, jvp, value_and_grad
from adcompile.errors import AdcompileError
from tests import random_language, random_sources

X = np.array(random_sources.X)
DIRECTION = np.array([0.3, -0.2, 0.9, 0.1, 0.5])
WRITERS = {
    "language": random_language.write,
    "stores": lambda seed: "import numpy as np\n" + random_sources.write(seed),
}


def differences(f: Callable[..., float], step: float) -> np.ndarray:
    return np.array([(f(X + d, 3) - f(X - d, 3)) / (2 * step) for d in step * np.eye(len(X))])


def smooth(f: Callable[..., float]) -> np.ndarray | None:
    """Return the gradient by differences, or None where the function jumps or grows too much to tell."""
    try:
        first, second, third = (differences(f, step) for step in (1e-6, 1e-5, 3e-5))
    except (ArithmeticError, IndexError, NameError):
        return None
    agree = np.allclose(first, second, rtol=1e-3, atol=1e-5) and np.allclose(second, third, rtol=1e-3, atol=1e-5)
    return second if agree and np.all(np.isfinite(second)) and np.abs(second).max() < 1e4 else None


def check(text: str) -> str:
    """Return what is wrong with the derivatives of a program; "" if nothing, "refused: ..." if it is refused."""
    f = from_source(text, "f")
    try:
        want = f(X.copy(), 3)
    except (ArithmeticError, IndexError, NameError, ValueError):
        return "not a program"
    try:
        value, gradient = value_and_grad(f)(X.copy(), 3)
        same, tangent = jvp(functools.partial(f, n=3), (X.copy(),), (DIRECTION,))
    except AdcompileError as error:
        return f"refused: {error}"
    except Exception as error:  # whatever it is, it is a finding
        return f"raises {type(error).__name__}: {error}"
    if not np.array_equal(value, want, equal_nan=True) or not np.array_equal(same, want, equal_nan=True):
        return f"value {value!r} and {same!r} instead of {want!r}"
    if not np.all(np.isfinite(gradient)) or np.abs(gradient).max() > 1e4:
        return ""
    if not np.allclose(gradient @ DIRECTION, tangent, rtol=1e-6, atol=1e-8):
        return f"forward mode gives {tangent}, reverse mode {gradient @ DIRECTION}"
    expected = smooth(f)
    if expected is not None and not np.allclose(gradient, expected, rtol=1e-4, atol=1e-5):
        return f"gradient {gradient} instead of {expected}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare derivatives of random programs with finite differences.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000 * 1000, help="the first seed")
    parser.add_argument("--show", action="store_true", help="print the programs that something is found about")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["ADCOMPILE_VERIFY"] = "1"
    end, seed = time.monotonic() + 60 * given.minutes, given.seed
    found: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["ADCOMPILE_CACHE_DIR"] = cache
        while time.monotonic() < end:
            kind = ("language", "stores")[seed % 2]
            text = WRITERS[kind](seed)
            result = check(text)
            outcome = (
                result.partition(":")[0] if result.startswith(("refused", "not")) else "wrong" if result else "right"
            )
            found[outcome] += 1
            if outcome in ("wrong", "refused"):
                print(f"{kind} {seed}: {result}", flush=True)
                if given.show:
                    print(text, flush=True)
            seed += 1
    print(f"seeds {given.seed} to {seed - 1}:", ", ".join(f"{n} {what}" for what, n in found.items()))
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
