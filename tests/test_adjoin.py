"""Ifs in a row on one condition become one."""

import numpy as np
import pytest

from adcompile.ir.core import If, walk
from adcompile.ir.verify import verify
from adcompile.opt import adjoin
from tests.stages import from_text, lowered, same_results

HEAD = "def f(x, n):\n    a, b, s = x[0], x[1], 0.0\n"
CASES = {
    "same": ("    if a > n:\n        s = a\n    if a > n:\n        s = s * b\n    return s", 1),
    "opposite": ("    c = a > n\n    if c:\n        s = a\n    if not c:\n        s = s * b + 1.0\n    return s", 1),
    "between": (
        "    c = a > n\n    if c:\n        s = a\n    t = s * 2.0\n    if c:\n        a = b\n    return s + t * a",
        1,
    ),
    "read": (
        "    c = a > n\n    if c:\n        s = a\n    t = s * 2.0\n    if c:\n        a = t\n    return s + t * a",
        2,
    ),
    "raises": (
        "    c = a > n\n    if c:\n        s = a\n    t = x[n]\n    if c:\n        a = b\n    return s + t * a",
        2,
    ),
    "other": ("    if a > n:\n        s = a\n    if b > n:\n        s = s * b\n    return s", 2),
    "nested": (
        "    c = a > n\n    if c:\n        s = a\n    if c:\n        if b > n:\n            s = s * b\n"
        "        if b > n:\n            s = s + b\n    return s",
        2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_ifs_in_a_row(name: str) -> None:
    body, count = CASES[name]
    f = from_text(HEAD + body)
    for values in ([0.7, -0.4, 1.3], [-0.7, 0.4, 1.3], [1.7, 2.4, 1.3]):
        x = np.array(values)
        fn, _ = lowered(f, x=x, n=0)
        after = adjoin.run(fn)
        verify(after)
        assert same_results(fn, after, x, 0)
        assert sum(isinstance(s, If) for s in walk(after.stmts)) == count
        assert adjoin.run(after) is after
