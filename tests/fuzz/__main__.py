"""Compare derivatives of random programs with finite differences: ``python -m tests.fuzz --minutes 60``.

What differs is printed with its seed; the number of programs and of findings is printed at the end.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
import time
import warnings

from tests.fuzz.aspects import ASPECTS
from tests.fuzz.checks import check_seed, outcome
from tests.fuzz.kinds import KINDS


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare derivatives of random programs with finite differences.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000 * 1000, help="the first seed")
    parser.add_argument("--kind", choices=[*KINDS], nargs="*", default=[*KINDS], help="the kinds of programs")
    parser.add_argument(
        "--aspect", choices=[*ASPECTS], nargs="*", help="what is asked of all programs besides (default: in turn)"
    )
    parser.add_argument("--show", action="store_true", help="print the programs that something is found about")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["ADCOMPILE_VERIFY"] = "1"
    end, seed = time.monotonic() + 60 * given.minutes, given.seed
    found: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["ADCOMPILE_CACHE_DIR"] = cache
        while time.monotonic() < end:
            name = given.kind[seed % len(given.kind)]
            result = check_seed(name, seed, given.aspect, [*ASPECTS])
            found[outcome(result)] += 1
            if outcome(result) in ("wrong", "refused"):
                print(f"{name} {seed}: {result}", flush=True)
                if given.show:
                    print(KINDS[name].write(seed), flush=True)
            seed += 1
    print(f"seeds {given.seed} to {seed - 1}:", ", ".join(f"{n} {what}" for what, n in found.items()))
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
